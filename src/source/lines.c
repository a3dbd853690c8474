/* See lines.h. Lines are found with memchr in a buffer of one block and handed out in place. The start of a
 * line that goes on in the next block is moved to the front of the buffer, which grows, up to the bound,
 * while a line does not fit. The file is read, not mapped: a log may be truncated while it is read, and a
 * mapping would answer that with SIGBUS. */

#include "source/lines.h"

#include <errno.h>
#include <stdlib.h>

#include "base/macro.h"

struct lines {
	struct lines_options options;
	char *data;
	size_t capacity;
	size_t begin, end;		/* what is not yet handed out */
	size_t searched;		/* from begin on: no newline there */
	bool at_end;
	bool skipping;			/* inside a line that is too long */
	uint64_t too_long;
};

int lines_new(struct lines **ret, const struct lines_options *options)
{
	struct lines *lines = calloc(1, sizeof(*lines));

	if (!lines)
		return -ENOMEM;
	lines->options = *options;
	lines->capacity = options->block_bytes;
	lines->data = malloc(lines->capacity);
	if (!lines->data) {
		free(lines);
		return -ENOMEM;
	}
	*ret = lines;
	return 0;
}

struct lines *lines_free(struct lines *lines)
{
	if (lines) {
		free(lines->data);
		free(lines);
	}
	return NULL;
}

uint64_t lines_too_long(const struct lines *lines)
{
	return lines->too_long;
}

/* More bytes behind `end`; makes room first. */
static int fill(struct lines *lines)
{
	size_t held = lines->end - lines->begin;
	ssize_t n;

	if (held > 0 && lines->begin > 0)
		memmove(lines->data, lines->data + lines->begin, held);
	lines->begin = 0;
	lines->end = held;
	if (held > lines->options.max_line_bytes) {
		if (!lines->skipping)
			lines->too_long++;
		lines->skipping = true;
		lines->end = lines->searched = 0;
	} else if (held == lines->capacity) {
		/* One byte more than the longest line, to see that it is longer. */
		size_t capacity = MIN(lines->capacity * 2, lines->options.max_line_bytes + 1);
		char *data = realloc(lines->data, MAX(capacity, lines->capacity + 1));

		if (!data)
			return -ENOMEM;
		lines->data = data;
		lines->capacity = MAX(capacity, lines->capacity + 1);
	}
	do {
		n = lines->options.read(lines->options.user, lines->data + lines->end,
					lines->capacity - lines->end);
	} while (n == -EINTR);
	if (n < 0)
		return (int)n;
	lines->at_end = n == 0;
	lines->end += (size_t)n;
	return 0;
}

static struct span take(struct lines *lines, size_t size, size_t newline)
{
	struct span line = { lines->data + lines->begin, size };

	lines->begin += size + newline;
	lines->searched = 0;
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	return line;
}

int lines_next(struct lines *lines, struct span *ret)
{
	for (;;) {
		size_t held = lines->end - lines->begin;
		const char *from = lines->data + lines->begin + lines->searched;
		const char *newline = held > lines->searched ? memchr(from, '\n', held - lines->searched)
							     : NULL;
		int r;

		if (newline) {
			size_t size = (size_t)(newline - (lines->data + lines->begin));
			bool skip = lines->skipping;

			lines->skipping = false;
			if (!skip && size > lines->options.max_line_bytes) {
				lines->too_long++;
				skip = true;
			}
			*ret = take(lines, size, 1);
			if (skip)
				continue;
			return 1;
		}
		lines->searched = held;
		if (lines->at_end) {
			if (held == 0 || lines->skipping)
				return 0;
			*ret = take(lines, held, 0);
			return 1;
		}
		r = fill(lines);
		if (r < 0)
			return r;
	}
}
