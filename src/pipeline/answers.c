/* The answers to the questions of one record, in the order in which they were asked.  They are few: a linear search. */

#include "pipeline/answers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/macro.h"
#include "event/event.h"
#include "event/record.h"
#include "event/socket_ends.h"

/* A process that is new here is asked for, with its names and all its ancestors. */
#define N_ANSWERS 1024
#define MAX_ERRNO 4095		/* include/linux/err.h */

struct answer {
	uint32_t pid;
	int32_t fd;
	bool is_taken;
	int error;
	struct buffer text;
};

struct answers {
	struct answer ring[N_ANSWERS];
	size_t n;			/* more than there is room for: the oldest are gone */
};

int answers_new(struct answers **ret)
{
	struct answers *answers = calloc(1, sizeof(*answers));

	if (!answers)
		return -ENOMEM;
	*ret = answers;
	return 0;
}

struct answers *answers_free(struct answers *answers)
{
	if (!answers)
		return NULL;
	answers_clear(answers);
	free(answers);
	return NULL;
}

void answers_clear(struct answers *answers)
{
	for (size_t i = MIN(answers->n, (size_t)N_ANSWERS); i > 0; i--)
		buffer_release(&answers->ring[i - 1].text);
	answers->n = 0;
}

/* A place for the next one. */
static struct answer *put(struct answers *answers, uint64_t pid, int32_t fd, int error)
{
	struct answer *answer = &answers->ring[answers->n++ % N_ANSWERS];

	buffer_release(&answer->text);
	answer->pid = (uint32_t)pid;
	answer->fd = fd;
	answer->error = error;
	answer->is_taken = false;
	return answer;
}

int answers_take(struct answers *answers, uint32_t pid, int32_t fd, struct buffer *text)
{
	for (size_t i = answers->n > N_ANSWERS ? answers->n - N_ANSWERS : 0; i < answers->n; i++) {
		struct answer *answer = &answers->ring[i % N_ANSWERS];

		if (answer->is_taken || answer->pid != pid || answer->fd != fd)
			continue;
		answer->is_taken = true;
		if (answer->error < 0)
			return answer->error;
		buffer_append_span(text, buffer_span(&answer->text));
		buffer_release(&answer->text);
		return buffer_error(text);
	}
	return -ENODATA;
}

int answers_unhex(struct buffer *buffer, struct span hex)
{
	for (size_t i = 0; i + 1 < hex.size; i += 2) {
		uint64_t byte;

		if (span_hex_to_u64((struct span){ hex.data + i, 2 }, &byte) < 0)
			return -EINVAL;
		buffer_append_byte(buffer, (char)byte);
	}
	return buffer_error(buffer);
}

/* The number after `key=` at the beginning of *body, which then begins behind it and its blank. */
static int take_number(struct span *body, struct span key, uint64_t max, uint64_t *ret)
{
	struct span digits;
	size_t n = 0;

	if (!span_starts(*body, key))
		return -EINVAL;
	digits = (struct span){ body->data + key.size, body->size - key.size };
	while (n < digits.size && digits.data[n] >= '0' && digits.data[n] <= '9')
		n++;
	*body = (struct span){ digits.data + n, digits.size - n };
	if (body->size > 0)
		*body = (struct span){ body->data + 1, body->size - 1 };
	digits.size = n;
	return span_to_u64(digits, ret) < 0 || *ret > max ? -EINVAL : 0;
}

/* The same of what stands there in hex and is the last. */
static int take_hex(struct span body, struct span key, struct buffer *to)
{
	if (!span_starts(body, key))
		return -EINVAL;
	return answers_unhex(to, (struct span){ body.data + key.size, body.size - key.size });
}

static int read_process(struct answers *answers, struct span body, struct span text)
{
	static const struct span mark = SPAN("lookup=1 ");
	uint64_t pid;

	if (!span_starts(body, mark))
		return 0;	/* of the snapshot at the start: a record like any other */
	body = (struct span){ body.data + mark.size, body.size - mark.size };
	if (take_number(&body, SPAN("pid="), UINT32_MAX, &pid) < 0)
		return -EINVAL;
	buffer_append_span(&put(answers, pid, ANSWERS_PROCESS, 0)->text, text);
	return 1;
}

static int read_no_process(struct answers *answers, struct span body, struct span text)
{
	uint64_t pid;

	if (take_number(&body, SPAN("pid="), UINT32_MAX, &pid) < 0)
		return -EINVAL;
	put(answers, pid, ANSWERS_PROCESS, -ESRCH);
	return 1;
}

static int read_fd(struct answers *answers, struct span body, struct span text)
{
	uint64_t pid, fd;
	int r;

	if (take_number(&body, SPAN("pid="), UINT32_MAX, &pid) < 0 || take_number(&body, SPAN("fd="), INT32_MAX, &fd) < 0 ||
	    body.size < SPAN("path=2F").size)
		return -EINVAL;
	r = take_hex(body, SPAN("path="), &put(answers, pid, (int32_t)fd, 0)->text);
	return r < 0 ? r : 1;
}

static int read_path(struct answers *answers, struct span body, struct span text)
{
	struct file_id id = { .known = true };
	struct answer *answer;
	uint64_t hash, error;
	int r;

	if (take_number(&body, SPAN("hash="), UINT32_MAX, &hash) < 0)
		return -EINVAL;
	if (take_number(&body, SPAN("error="), MAX_ERRNO, &error) >= 0) {
		if (error == 0)
			return -EINVAL;
		put(answers, hash, ANSWERS_PATH, -(int)error);
		return 1;
	}
	if (take_number(&body, SPAN("device="), UINT64_MAX, &id.device) < 0 ||
	    take_number(&body, SPAN("inode="), UINT64_MAX, &id.inode) < 0)
		return -EINVAL;
	(void)take_number(&body, SPAN("ctime="), UINT64_MAX, &id.changed_ns);	/* a capture of before has none */
	answer = put(answers, hash, ANSWERS_PATH, 0);
	buffer_append(&answer->text, &id, sizeof(id));
	r = take_hex(body, SPAN("real="), &answer->text);
	return r < 0 ? r : 1;
}

static int read_host_path(struct answers *answers, struct span body, struct span text)
{
	struct answer *answer;
	uint64_t hash, number;
	int r;

	if (take_number(&body, SPAN("hash="), UINT32_MAX, &hash) < 0)
		return -EINVAL;
	if (take_number(&body, SPAN("error="), MAX_ERRNO, &number) >= 0) {
		if (number == 0)
			return -EINVAL;
		put(answers, hash, ANSWERS_HOST_PATH, -(int)number);
		return 1;
	}
	if (take_number(&body, SPAN("unsure="), 1, &number) < 0)
		return -EINVAL;
	answer = put(answers, hash, ANSWERS_HOST_PATH, 0);
	buffer_append_byte(&answer->text, (char)number);
	r = take_hex(body, SPAN("path="), &answer->text);
	return r < 0 ? r : 1;
}

static int read_name(struct answers *answers, struct span body, struct span text)
{
	int32_t what = ANSWERS_USER;
	uint64_t id;
	int r;

	if (take_number(&body, SPAN("uid="), UINT32_MAX, &id) < 0) {
		what = ANSWERS_GROUP;
		if (take_number(&body, SPAN("gid="), UINT32_MAX, &id) < 0)
			return -EINVAL;
	}
	r = take_hex(body, SPAN("name="), &put(answers, id, what, 0)->text);
	return r < 0 ? r : 1;
}

/* The addresses in hex: of both ends, or of the local one alone. */
static int read_socket(struct answers *answers, struct span body, struct span text)
{
	_cleanup_(buffer_release) struct buffer ips = { 0 };
	uint64_t pid, fd, local_port, remote_port;
	struct socket_ends ends = { 0 };
	size_t size;
	int r;

	if (take_number(&body, SPAN("pid="), UINT32_MAX, &pid) < 0 || take_number(&body, SPAN("fd="), INT32_MAX, &fd) < 0 ||
	    take_number(&body, SPAN("lport="), UINT16_MAX, &local_port) < 0 ||
	    take_number(&body, SPAN("rport="), UINT16_MAX, &remote_port) < 0)
		return -EINVAL;
	r = take_hex(body, SPAN("ips="), &ips);
	if (r < 0)
		return r;
	size = ips.size == 8 || ips.size == 32 ? ips.size / 2 : ips.size;
	if (size != 4 && size != 16)
		return -EINVAL;
	memcpy(ends.local.ip, ips.data, size);
	ends.local.ip_size = (uint8_t)size;
	ends.local.port = (uint16_t)local_port;
	if (ips.size > size) {
		memcpy(ends.remote.ip, ips.data + size, size);
		ends.remote.ip_size = (uint8_t)size;
		ends.remote.port = (uint16_t)remote_port;
	}
	buffer_append(&put(answers, pid, ANSWERS_SOCKET((int32_t)fd), 0)->text, &ends, sizeof(ends));
	return 1;
}

int answers_read(struct answers *answers, uint32_t type, struct span body, struct span text)
{
	static int (*const readers[RECORD_OWN_END - RECORD_OWN_FIRST])(struct answers *, struct span, struct span) = {
		[RECORD_PROCESS - RECORD_OWN_FIRST] = read_process,
		[RECORD_NO_PROCESS - RECORD_OWN_FIRST] = read_no_process,
		[RECORD_FD - RECORD_OWN_FIRST] = read_fd,
		[RECORD_SOCKET - RECORD_OWN_FIRST] = read_socket,
		[RECORD_PATH - RECORD_OWN_FIRST] = read_path,
		[RECORD_HOST_PATH - RECORD_OWN_FIRST] = read_host_path,
		[RECORD_NAME - RECORD_OWN_FIRST] = read_name,
	};

	if (type < RECORD_OWN_FIRST || type >= RECORD_OWN_END || !readers[type - RECORD_OWN_FIRST])
		return 0;
	return readers[type - RECORD_OWN_FIRST](answers, body, text);
}
