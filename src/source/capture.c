/* See capture.h. A line a record, as in audit.log:
 *
 * 	type=SYSCALL msg=audit(1170021493.977:293): arch=...
 * 	type=RECORDER_FORK msg=recorder(1170021493.977000000:17): pid=17 ...
 *
 * The time of receipt is not kept: where the core's clock follows it, the core writes its clock. Not synced
 * to the disk: a crash of the machine may cost the end of the capture, a crash of the recorder only what
 * capture_flush() had not written. */

#include "source/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

#define BUFFER_BYTES ((size_t)256 << 10)

struct capture {
	int fd;
	int error;
	uint64_t n_records;
	struct buffer buffer;
};

int capture_open(struct capture **ret, const char *path)
{
	struct capture *capture = calloc(1, sizeof(*capture));
	int r;

	if (!capture)
		return -ENOMEM;
	capture->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	/* One that was there already keeps its mode otherwise. */
	if (capture->fd < 0 || fchmod(capture->fd, 0600) < 0) {
		r = -errno;
		if (capture->fd >= 0)
			close(capture->fd);
		free(capture);
		return r;
	}
	*ret = capture;
	return 0;
}

int capture_flush(struct capture *capture)
{
	struct buffer *buffer = &capture->buffer;
	size_t at = 0;

	if (!capture->error)
		capture->error = buffer_error(buffer);
	while (!capture->error && at < buffer->size) {
		ssize_t n = write(capture->fd, buffer->data + at, buffer->size - at);

		if (n >= 0)
			at += (size_t)n;
		else if (errno != EINTR)
			capture->error = -errno;
	}
	buffer_clear(buffer);
	return capture->error;
}

static void write_type(struct buffer *buffer, uint32_t type)
{
	const char *name = record_own_name(type);

	if (!name && type <= INT32_MAX)
		name = audit_msg_type_to_name((int)type);
	if (name)
		buffer_append_text(buffer, name);
	else
		buffer_printf(buffer, "UNKNOWN[%u]", type);
}

/* Bytes in hex, behind a head like that of the others. */
static void write_probe(struct buffer *buffer, const struct record *record)
{
	static const char digits[] = "0123456789abcdef";
	char *room;

	record_put_head(buffer, record->time_ns, 0);
	buffer_append_text(buffer, " ");
	room = buffer_reserve(buffer, 2 * record->text.size);
	if (!room)
		return;
	for (size_t i = 0; i < record->text.size; i++) {
		*room++ = digits[(uint8_t)record->text.data[i] >> 4];
		*room++ = digits[(uint8_t)record->text.data[i] & 15];
	}
	buffer->size += 2 * record->text.size;
}

int capture_write(struct capture *capture, const struct record *record)
{
	struct buffer *buffer = &capture->buffer;

	if (capture->error)
		return capture->error;
	if (record->type != 0) {
		if (record->node.size > 0) {
			buffer_append_text(buffer, "node=");
			buffer_append_span(buffer, record->node);
			buffer_append_byte(buffer, ' ');
		}
		buffer_append_text(buffer, "type=");
		write_type(buffer, record->type);
		buffer_append_text(buffer, " msg=");
	}
	if (record->type == RECORD_PROBE)
		write_probe(buffer, record);
	else
		buffer_append_span(buffer, record->text);	/* type 0: a line of a replay, as it was */
	buffer_append_byte(buffer, '\n');
	capture->n_records++;
	return buffer->size >= BUFFER_BYTES ? capture_flush(capture) : 0;
}

uint64_t capture_records(const struct capture *capture)
{
	return capture->n_records;
}

struct capture *capture_free(struct capture *capture)
{
	if (!capture)
		return NULL;
	capture_flush(capture);
	close(capture->fd);
	buffer_release(&capture->buffer);
	free(capture);
	return NULL;
}
