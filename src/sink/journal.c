/* The sink that writes JSON lines: one object a line, for people, log shippers and jq.
 *
 * Lines are collected and written whole; the file is only appended to. When the disk is full what could not be written waits (up
 * to a bound, then events are refused), and what was written of half a line is cut off again, so that every line is an object;
 * what a crash left of one is mended when the file is opened (journal_mend.c). A file that another line would make larger than
 * its bound becomes an old one (journal_files.c); one line alone may be larger than that. Where that fails the lines go on into
 * the same file. Somebody else may rotate it too: a file that is gone from its place is begun anew. It leaves out fsync. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/event_json.h"
#include "sink/journal_files.h"
#include "sink/journal_mend.h"
#include "sink/sink.h"

#define WRITE_BYTES	  (64u << 10) /* written when so many are collected, or by flush */
#define MAX_WAITING_BYTES (1u << 20)  /* kept while the disk is full */

struct sink {
	char *path, *host_id, *host_name, *boot_id;
	struct event_json_options json;
	uint64_t max_size_bytes;
	struct journal_files *files;
	int fd;		     /* -1: could not be opened again */
	struct buffer lines; /* whole ones, but for the first, of which a part may be in the file */
	struct sink_report report;
};

static struct sink *journal_free(struct sink *sink);
DEFINE_CLEANUP(struct sink, journal_free)

static void close_file(struct sink *sink)
{
	if (sink->fd >= 0)
		close(sink->fd);
	sink->fd = -1;
}

static int open_file(struct sink *sink)
{
	int fd = journal_file_open(sink->path), r;

	if (fd < 0)
		return fd;
	r = journal_mend(fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	sink->report.torn_lines += (unsigned)r;
	close_file(sink);
	sink->fd = fd;
	return 0;
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

static struct journal_limits limits_of(const struct sink_options *options)
{
	return (struct journal_limits){ .max_size_bytes = options->max_size_bytes,
					.keep = options->keep,
					.compress = options->compress };
}

static int fail_open(const struct sink *sink, struct sink_error *error, int r)
{
	if (error && r == -EBADMSG)
		snprintf(error->message, sizeof(error->message),
			 "%s is not a journal: it is no file, or does not end with a line of JSON (move it away, or give the "
			 "journal another name)", sink->path);
	else if (error)
		snprintf(error->message, sizeof(error->message), "%s: %s", sink->path, strerror(-r));
	return r;
}

static int journal_open(struct sink **ret, const struct sink_options *options)
{
	_cleanup_(journal_freep) struct sink *sink = calloc(1, sizeof(*sink));
	const struct journal_limits limits = limits_of(options);
	int r;

	if (!sink)
		return -ENOMEM;
	sink->fd = -1;
	sink->max_size_bytes = options->max_size_bytes;
	sink->json.subscription_names = options->subscription_names;
	if (copy_text(&sink->path, NULL, options->path) < 0 ||
	    copy_text(&sink->host_id, &sink->json.host_id, options->host_id) < 0 ||
	    copy_text(&sink->host_name, &sink->json.host_name, options->host_name) < 0 ||
	    copy_text(&sink->boot_id, &sink->json.boot_id, options->boot_id) < 0)
		return -ENOMEM;
	if (!sink->path)
		return -EINVAL;
	sink->report.path = sink->path;
	r = open_file(sink);
	/* A full disk may have room again when there is something to write. */
	if (r < 0 && r != -ENOSPC)
		return fail_open(sink, options->error, r);
	r = journal_files_new(&sink->files, sink->path, &limits);
	if (r < 0)
		return fail_open(sink, options->error, r);
	*ret = TAKE(sink);
	return 0;
}

static void journal_set_limits(struct sink *sink, const struct sink_options *options)
{
	const struct journal_limits limits = limits_of(options);

	sink->max_size_bytes = options->max_size_bytes;
	journal_files_set_limits(sink->files, &limits);
}

/* Writes the first n bytes of what is collected, whole lines; what does not fit stays. */
static int write_lines(struct sink *sink, size_t n_bytes)
{
	struct buffer *lines = &sink->lines;
	size_t done = 0, whole;
	const char *last;
	off_t size;
	int r = 0;

	while (done < n_bytes) {
		ssize_t n = write(sink->fd, lines->data + done, n_bytes - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n < 0 ? -errno : -ENOSPC;
			break;
		}
		done += (size_t)n;
	}
	if (r < 0 && done > 0) {
		/* Cut the line that is only partly there, and keep it for the next time. What cannot be cut is
		 * gone on with. */
		last = memrchr(lines->data, '\n', done);
		whole = last ? (size_t)(last - lines->data) + 1 : 0;
		size = lseek(sink->fd, 0, SEEK_END);
		if (whole < done && size >= (off_t)(done - whole) &&
		    ftruncate(sink->fd, size - (off_t)(done - whole)) == 0)
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

static int rotate(struct sink *sink)
{
	int fd = journal_files_rotate(sink->files);

	sink->report.upkeep_error = MIN(fd, 0);
	if (fd < 0)
		return fd;
	close_file(sink);
	sink->fd = fd;
	return 0;
}

/* Is the file still where it belongs?  *ret: its size, 0 of what is no file. */
static int check_file(struct sink *sink, uint64_t *ret)
{
	struct stat ours, there;
	int r;

	if (sink->fd >= 0 && fstat(sink->fd, &ours) < 0)
		return -errno;
	if (sink->fd < 0 || stat(sink->path, &there) < 0 || there.st_ino != ours.st_ino ||
	    there.st_dev != ours.st_dev) {
		close_file(sink);
		r = open_file(sink);
		if (r < 0)
			return r;
		if (fstat(sink->fd, &ours) < 0)
			return -errno;
	}
	*ret = S_ISREG(ours.st_mode) ? (uint64_t)ours.st_size : 0;
	return 0;
}

/* How much of the lines, whole ones, still goes into a file of that size. */
static size_t portion(const struct sink *sink, uint64_t size)
{
	const struct buffer *lines = &sink->lines;
	uint64_t max = sink->max_size_bytes;
	const char *newline;

	if (max == 0 || size + lines->size <= max)
		return lines->size;
	newline = size < max ? memrchr(lines->data, '\n', (size_t)(max - size)) : NULL;
	if (!newline && size == 0)
		newline = memchr(lines->data, '\n', lines->size);
	return newline ? (size_t)(newline - lines->data) + 1 : 0;
}

static int journal_flush(struct sink *sink, uint64_t now_ns)
{
	uint64_t size;
	size_t n;
	int r;

	while (sink->lines.size > 0) {
		r = check_file(sink, &size);
		if (r < 0) {
			sink->report.last_error = r;
			return r;
		}
		n = portion(sink, size);
		if (n == 0 && rotate(sink) < 0)
			n = sink->lines.size;	/* better in a file that is too large than nowhere */
		r = write_lines(sink, n);
		if (r < 0)
			return r;
	}
	journal_files_work(sink->files);
	return 0;
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

static void journal_report(const struct sink *sink, struct sink_report *ret)
{
	*ret = sink->report;
	if (ret->upkeep_error == 0)
		ret->upkeep_error = journal_files_error(sink->files);
}

static struct sink *journal_free(struct sink *sink)
{
	if (!sink)
		return NULL;
	if (sink->files)
		journal_flush(sink, 0);
	journal_files_free(sink->files);
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
