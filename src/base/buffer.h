#pragma once
/* Growing bytes.  Zero-initialised is empty and valid.  A failed allocation makes the buffer
 * `failed`, further writes do nothing, and buffer_error() says so once at the end: the hot path
 * needs no check per write. */

#include "base/macro.h"
#include "base/span.h"

struct buffer {
	char *data;
	size_t size;
	size_t capacity;
	bool failed;
};

/* Room for n more bytes at data + size; NULL (and failed) when there is no memory. */
char *buffer_reserve(struct buffer *buffer, size_t n);
void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_span(struct buffer *buffer, struct span s);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_byte(struct buffer *buffer, char byte);
void buffer_append_u64(struct buffer *buffer, uint64_t value);
void buffer_append_i64(struct buffer *buffer, int64_t value);
void buffer_append_hex(struct buffer *buffer, uint64_t value, unsigned digits);	/* 0 digits: as many as needed */
void buffer_printf(struct buffer *buffer, const char *format, ...) _printf_(2, 3);
/* RFC 3339 UTC with nanoseconds: 2026-11-22T10:28:58.123456789Z */
void buffer_append_time(struct buffer *buffer, uint64_t time_ns);

static inline void buffer_clear(struct buffer *buffer)
{
	buffer->size = 0;
	buffer->failed = false;
}

static inline struct span buffer_span(const struct buffer *buffer)
{
	return (struct span){ buffer->data, buffer->size };
}

/* 0, or -ENOMEM if any write was lost. */
int buffer_error(const struct buffer *buffer);
/* NUL-terminates (not counted in size); "" when empty or failed.  Borrowed until the next write. */
const char *buffer_text(struct buffer *buffer);
void buffer_release(struct buffer *buffer);	/* frees; the buffer is empty and valid again */
