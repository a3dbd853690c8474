/* The sink that writes JSON lines: one object a line, for people, log shippers and jq.
 *
 * Lines are collected and written whole; the file is only appended to. When the disk is full what could not
 * be written waits (up to a bound, then events are refused), and what was written of half a line is cut off
 * again, so that every line is an object. A file that is too large becomes NAME.1, that NAME.2, and so on.
 * Somebody else may rotate it too: a file that is gone from its place is begun anew. It leaves out
 * compression and fsync. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/event_json.h"
#include "sink/sink.h"

#define WRITE_BYTES	  (64u << 10) /* written when so many are collected, or by flush */
#define MAX_WAITING_BYTES (1u << 20)  /* kept while the disk is full */

struct sink {
	char *path, *host_id, *host_name, *boot_id;
	struct event_json_options json;
	uint64_t max_size_bytes;
	unsigned keep;
	int fd;		     /* -1: could not be opened again */
	struct buffer lines; /* whole ones */
	struct sink_report report;
};

static struct sink *journal_free(struct sink *sink);
DEFINE_CLEANUP(struct sink, journal_free)

/* A crash may have left half a line: the next begins on its own. */
static int end_torn_line(int fd)
{
	struct stat st;
	char last;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	if (pread(fd, &last, 1, st.st_size - 1) != 1 || last == '\n')
		return 0;
	return write(fd, "\n", 1) == 1 ? 0 : -errno;
}

static int open_file(struct sink *sink)
{
	int fd = open(sink->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = end_torn_line(fd);
	if (r < 0 && r != -ENOSPC) {
		close(fd);
		return r;
	}
	sink->fd = fd;
	return 0;
}

static void close_file(struct sink *sink)
{
	if (sink->fd >= 0)
		close(sink->fd);
	sink->fd = -1;
}

static int copy_text(char **ret, struct span *ret_span, const char *text)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	if (!*ret)
		return -ENOMEM;
	if (ret_span)
		*ret_span = span_of(*ret);
	return 0;
}

static int journal_open(struct sink **ret, const struct sink_options *options)
{
	_cleanup_(journal_freep) struct sink *sink = calloc(1, sizeof(*sink));
	int r;

	if (!sink)
		return -ENOMEM;
	sink->fd = -1;
	sink->max_size_bytes = options->max_size_bytes;
	sink->keep = options->keep;
	sink->json.subscription_names = options->subscription_names;
	if (copy_text(&sink->path, NULL, options->path) < 0 ||
	    copy_text(&sink->host_id, &sink->json.host_id, options->host_id) < 0 ||
	    copy_text(&sink->host_name, &sink->json.host_name, options->host_name) < 0 ||
	    copy_text(&sink->boot_id, &sink->json.boot_id, options->boot_id) < 0)
		return -ENOMEM;
	if (!sink->path)
		return -EINVAL;
	r = open_file(sink);
	if (r < 0) {
		if (options->error)
			snprintf(options->error->message, sizeof(options->error->message), "%s: %s",
				 sink->path, strerror(-r));
		return r;
	}
	*ret = TAKE(sink);
	return 0;
}

/* Writes what is collected; what does not fit stays. */
static int write_lines(struct sink *sink)
{
	struct buffer *lines = &sink->lines;
	size_t done = 0;
	const char *last;
	int r = 0;

	while (done < lines->size) {
		ssize_t n = write(sink->fd, lines->data + done, lines->size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n < 0 ? -errno : -ENOSPC;
			break;
		}
		done += (size_t)n;
	}
	if (r < 0 && done > 0) {
		/* Cut the line that is only partly there, and keep it for the next time. */
		last = memrchr(lines->data, '\n', done);
		size_t whole = last ? (size_t)(last - lines->data) + 1 : 0;
		off_t size = lseek(sink->fd, 0, SEEK_END);

		if (whole < done &&
		    (size < (off_t)(done - whole) || ftruncate(sink->fd, size - (off_t)(done - whole)) < 0))
			end_torn_line(sink->fd);
		done = whole;
	}
	if (done > 0) {
		memmove(lines->data, lines->data + done, lines->size - done);
		lines->size -= done;
	}
	if (r < 0)
		sink->report.last_error = r;
	return r;
}

/* NAME.KEEP goes, the others move up by one, NAME becomes NAME.1. */
static int rotate(struct sink *sink)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (unsigned n = sink->keep; n > 0; n--) {
		int length = n > 1 ? snprintf(from, sizeof(from), "%s.%u", sink->path, n - 1)
				   : snprintf(from, sizeof(from), "%s", sink->path);

		if (length >= PATH_MAX - 16 || snprintf(to, sizeof(to), "%s.%u", sink->path, n) >= PATH_MAX)
			return -ENAMETOOLONG;
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	if (sink->keep == 0 && unlink(sink->path) < 0 && errno != ENOENT)
		return -errno;
	close_file(sink);
	return open_file(sink);
}

/* Is the file still where it belongs, and is there room in it? */
static int check_file(struct sink *sink)
{
	struct stat ours, there;

	if (sink->fd < 0)
		return open_file(sink);
	if (fstat(sink->fd, &ours) < 0)
		return -errno;
	if (stat(sink->path, &there) < 0 || there.st_ino != ours.st_ino || there.st_dev != ours.st_dev) {
		close_file(sink);
		return open_file(sink);
	}
	if (sink->max_size_bytes && S_ISREG(ours.st_mode) && ours.st_size > 0 &&
	    (uint64_t)ours.st_size + sink->lines.size > sink->max_size_bytes)
		return rotate(sink);
	return 0;
}

static int journal_flush(struct sink *sink, uint64_t now_ns)
{
	int r;

	if (sink->lines.size == 0)
		return 0;
	r = check_file(sink);
	if (r < 0) {
		sink->report.last_error = r;
		/* Better in a file that is too large or misplaced than nowhere. */
		if (sink->fd < 0)
			return r;
	}
	return write_lines(sink);
}

static int journal_write(struct sink *sink, struct event *event)
{
	struct buffer *lines = &sink->lines;
	size_t before = lines->size;
	int r = 0;

	if (before >= WRITE_BYTES)
		r = journal_flush(sink, 0);
	if (r < 0 && lines->size >= MAX_WAITING_BYTES)
		return r;
	before = lines->size;
	event_json(lines, event, &sink->json);
	buffer_append_byte(lines, '\n');
	if (buffer_error(lines) < 0) {
		lines->failed = false;
		lines->size = before;
		return sink->report.last_error = -ENOMEM;
	}
	sink->report.events++;
	return 0;
}

static void journal_set_limits(struct sink *sink, const struct sink_options *options)
{
	sink->max_size_bytes = options->max_size_bytes;
	sink->keep = options->keep;
}

static void journal_report(const struct sink *sink, struct sink_report *ret)
{
	*ret = sink->report;
}

static struct sink *journal_free(struct sink *sink)
{
	if (!sink)
		return NULL;
	if (sink->path)
		journal_flush(sink, 0);
	close_file(sink);
	buffer_release(&sink->lines);
	free(sink->path);
	free(sink->host_id);
	free(sink->host_name);
	free(sink->boot_id);
	free(sink);
	return NULL;
}

const struct sink_ops sink_journal = {
	.name = "journal",
	.open = journal_open,
	.write = journal_write,
	.flush = journal_flush,
	.set_limits = journal_set_limits,
	.report = journal_report,
	.free = journal_free,
};
