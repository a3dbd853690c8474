/* See journal_mend.h.  What follows the last newline is looked for from the end backwards, as far as a line can be long: the size
 * of the file does not matter. After a loss of power that may also be zeros, where the size was on the disk before the data. */

#include "sink/journal_mend.h"

#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

#define STEP_BYTES ((size_t)64 << 10)

static int read_at(int fd, char *to, size_t size, off_t at)
{
	while (size > 0) {
		ssize_t n = pread(fd, to, size, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ESTALE;
		to += n;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int journal_find_last_line(int fd, off_t size, off_t *ret)
{
	char block[STEP_BYTES] = { 0 };
	off_t end = size;

	while (end > 0) {
		size_t n = (size_t)MIN(end, (off_t)sizeof(block));
		const char *newline;
		int r = read_at(fd, block, n, end - (off_t)n);

		if (r < 0)
			return r;
		newline = memrchr(block, '\n', n);
		if (newline) {
			*ret = end - (off_t)n + (newline - block) + 1;
			return 0;
		}
		end -= (off_t)n;
		if (size - end > (off_t)JOURNAL_LINE_MAX)
			return -EBADMSG;
	}
	/* No line at all. Then it is at least to begin as one of ours does. */
	*ret = 0;
	return block[0] == '{' || block[0] == '\0' ? 0 : -EBADMSG;
}

static bool is_object(struct span line)
{
	json_t *json = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	bool is = json_is_object(json);

	json_decref(json);
	return is;
}

static int end_line(int fd)
{
	return write(fd, "\n", 1) == 1 ? 0 : -errno;
}

int journal_mend(int fd)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };
	struct stat st;
	off_t begin = 0;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	r = journal_find_last_line(fd, st.st_size, &begin);
	if (r < 0 || begin == st.st_size)
		return r;
	if (!buffer_reserve(&line, (size_t)(st.st_size - begin)))
		return -ENOMEM;
	line.size = (size_t)(st.st_size - begin);
	r = read_at(fd, line.data, line.size, begin);
	if (r < 0)
		return r;
	if (is_object(buffer_span(&line)))
		return end_line(fd);
	if (ftruncate(fd, begin) == 0)
		return 1;
	/* A file that may only be appended to, chattr +a: it stays, but by itself. */
	r = errno == EPERM ? end_line(fd) : -errno;
	return r < 0 ? r : 1;
}
