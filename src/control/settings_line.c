/* See settings_line.h.  Files come from editors and package scripts of other systems, thus CRLF and blanks anywhere are
 * fine. */

#include "control/settings_line.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/settings.h"

/* A hundred names fit in a few KiB; the rest may be comments. */
#define MAX_FILE_BYTES ((size_t)1 << 20)

static struct span trim(struct span s)
{
	while (s.size > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
		s = (struct span){ s.data + 1, s.size - 1 };
	while (s.size > 0 && (s.data[s.size - 1] == ' ' || s.data[s.size - 1] == '\t'))
		s.size--;
	return s;
}

/* What is before the first such byte; *rest: from there on, empty without one. */
static struct span cut(struct span s, char byte, struct span *rest)
{
	const char *p = s.size > 0 ? memchr(s.data, byte, s.size) : NULL;
	size_t n = p ? (size_t)(p - s.data) : s.size;

	*rest = (struct span){ s.data + n, s.size - n };
	return (struct span){ s.data, n };
}

struct settings_line settings_line_split(struct span line)
{
	struct settings_line split = { .is_empty = true };
	struct span value, text = trim(cut(line, '#', &split.comment));

	if (text.size == 0)
		return split;
	split.is_empty = false;
	split.name = trim(cut(text, '=', &value));
	split.has_value = value.size > 0;
	if (split.has_value)
		split.value = trim((struct span){ value.data + 1, value.size - 1 });
	if (span_starts(split.name, SPAN(SETTING_PREFIX)))
		split.name = (struct span){ split.name.data + sizeof(SETTING_PREFIX) - 1,
					    split.name.size - (sizeof(SETTING_PREFIX) - 1) };
	return split;
}

struct span settings_line_take(struct span *text)
{
	struct span line = cut(*text, '\n', text);

	if (text->size > 0)
		*text = (struct span){ text->data + 1, text->size - 1 };
	if (span_ends(line, SPAN("\r")))
		line.size--;
	return line;
}

/* Closes what it was given, unless that is -1. */
static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

int settings_file_load(const char *path, struct buffer *text)
{
	/* O_NONBLOCK: a pipe by that name must not hold up the start. */
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 1 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return -ENOTSUP;
	for (;;) {
		char *p = buffer_reserve(text, 4096);
		ssize_t n;

		if (!p)
			return -ENOMEM;
		n = read(fd, p, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		text->size += (size_t)n;
		if (text->size > MAX_FILE_BYTES)
			return -EFBIG;
	}
}
