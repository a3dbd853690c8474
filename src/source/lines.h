#pragma once
/* Bytes in blocks -> lines. */

#include <sys/types.h>

#include "base/span.h"

/* Bytes read into data (at most size), 0 at the end, -errno. */
typedef ssize_t (*lines_read_fn)(void *user, char *data, size_t size);

struct lines_options {
	size_t block_bytes;		/* read at once */
	size_t max_line_bytes;		/* a longer line is dropped and counted */
	lines_read_fn read;
	void *user;
};

struct lines;
int lines_new(struct lines **ret, const struct lines_options *options);
struct lines *lines_free(struct lines *lines);

/* 1: *ret is the next line, without its newline (and the return before it), borrowed until the next call.
 * 0: the end. -errno. */
int lines_next(struct lines *lines, struct span *ret);
uint64_t lines_too_long(const struct lines *lines);
