/* See journal_input.h.  What is not whole yet is read again next time, for it may be cut off meanwhile. */

#include "sink/journal_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "sink/journal_mend.h"
#include "sink/zstd_file.h"

#define READ_BYTES ((size_t)64 << 10)

struct journal_input {
	int fd;
	char *path;			/* when it was opened */
	struct stat st;			/* as well */
	struct zstd_reader *zstd;	/* NULL: it is plain */
	off_t begin;			/* of what was not handed out, in a plain one */
	struct buffer in;
	size_t used;			/* of in: handed out */
	size_t searched;		/* no newline before this */
	bool is_spoilt;			/* nothing can be read behind here */
};

struct journal_input *journal_input_close(struct journal_input *input)
{
	if (!input)
		return NULL;
	zstd_reader_free(input->zstd);
	if (input->fd >= 0)
		close(input->fd);
	buffer_release(&input->in);
	free(input->path);
	free(input);
	return NULL;
}

int journal_input_open(struct journal_input **ret, const char *folder, const struct journal_entry *entry)
{
	_cleanup_(journal_input_closep) struct journal_input *input = calloc(1, sizeof(*input));

	if (!input)
		return -ENOMEM;
	input->fd = -1;
	if (asprintf(&input->path, "%s/%s", folder, entry->name) < 0) {
		input->path = NULL;
		return -ENOMEM;
	}
	input->fd = open(input->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (input->fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	if (fstat(input->fd, &input->st) < 0)
		return -errno;
	if (input->st.st_ino != entry->st.st_ino || input->st.st_dev != entry->st.st_dev)
		return -ESTALE;
	if (entry->compressed) {
		int r = zstd_reader_new(&input->zstd, input->fd);

		if (r < 0)
			return r;
	}
	*ret = TAKE(input);
	return 0;
}

/* More bytes behind those that are there.  1; 0: there are none now. */
static int fill(struct journal_input *input)
{
	struct buffer *in = &input->in;
	char *room;
	ssize_t n;

	if (input->used > 0)
		memmove(in->data, in->data + input->used, in->size - input->used);
	in->size -= input->used;
	input->begin += (off_t)input->used;
	input->searched -= input->used;
	input->used = 0;
	if (in->size > JOURNAL_LINE_MAX)
		return -EMSGSIZE;
	room = buffer_reserve(in, READ_BYTES);
	if (!room)
		return -ENOMEM;
	if (input->zstd) {
		n = zstd_reader_read(input->zstd, room, READ_BYTES);
		if (n < 0)
			return (int)n;
	} else {
		n = pread(input->fd, room, READ_BYTES, input->begin + (off_t)in->size);
		if (n < 0)
			return errno == EINTR ? 1 : -errno;
	}
	in->size += (size_t)n;
	return n > 0;
}

static void forget(struct journal_input *input)
{
	input->begin += (off_t)input->used;
	buffer_clear(&input->in);
	input->used = input->searched = 0;
}

/* A line of what is there.  1; 0: no whole one. */
static int cut_line(struct journal_input *input, struct span *ret)
{
	for (;;) {
		const struct buffer *in = &input->in;
		const char *newline = in->size > input->searched
					      ? memchr(in->data + input->searched, '\n', in->size - input->searched)
					      : NULL;
		int r;

		if (newline) {
			*ret = (struct span){ in->data + input->used, (size_t)(newline - in->data) - input->used };
			input->used = input->searched = (size_t)(newline - in->data) + 1;
			return 1;
		}
		input->searched = in->size;
		r = fill(input);
		if (r <= 0)
			return r;
	}
}

/* A line, or that there is none behind here. */
static int next_line(struct journal_input *input, struct span *ret)
{
	int r = input->is_spoilt ? 0 : cut_line(input, ret);

	input->is_spoilt |= r == -EBADMSG || r == -EMSGSIZE;
	return r;
}

int journal_input_line(struct journal_input *input, struct span *ret)
{
	struct stat st;
	int r = next_line(input, ret);

	if (r != 0 || input->zstd)
		return r;
	forget(input);
	if (fstat(input->fd, &st) < 0 || st.st_size >= input->begin)
		return 0;
	/* Somebody emptied it in its place. */
	input->begin = 0;
	input->is_spoilt = false;
	return next_line(input, ret);
}

void journal_input_to_end(struct journal_input *input)
{
	struct stat st;

	forget(input);
	if (!input->zstd && fstat(input->fd, &st) == 0 && journal_find_last_line(input->fd, st.st_size, &input->begin) < 0)
		input->begin = st.st_size;
}

int journal_input_rewind(struct journal_input *input)
{
	forget(input);
	input->begin = 0;
	input->is_spoilt = false;
	if (!input->zstd)
		return 0;
	input->zstd = zstd_reader_free(input->zstd);
	return lseek(input->fd, 0, SEEK_SET) < 0 ? -errno : zstd_reader_new(&input->zstd, input->fd);
}

bool journal_input_is(const struct journal_input *input, const char *folder, const struct journal_entry *entry)
{
	char path[PATH_MAX];
	struct stat st;

	if (entry->st.st_ino == input->st.st_ino && entry->st.st_dev == input->st.st_dev)
		return true;
	if (!entry->compressed || input->zstd || fstat(input->fd, &st) < 0 ||
	    entry->st.st_mtim.tv_sec != st.st_mtim.tv_sec || entry->st.st_mtim.tv_nsec != st.st_mtim.tv_nsec)
		return false;
	return snprintf(path, sizeof(path), "%s/%s", folder, entry->name) < (int)sizeof(path) &&
	       zstd_file_content_size(path) == st.st_size;
}

const char *journal_input_path(const struct journal_input *input)
{
	return input->path;
}

const struct stat *journal_input_stat(const struct journal_input *input)
{
	return &input->st;
}
