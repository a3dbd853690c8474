#pragma once
/* JSON text written through a bare pointer into a buffer, and the percent-escapes for bytes that are not
 * UTF-8. */

#include "base/buffer.h"

struct json {
	struct buffer *buffer;
	char *p, *end;			/* where the next byte goes, and the end of the room there is */
};

/* Between the two the buffer itself is not to be touched.  When there is no memory nothing more is written
 * and buffer->failed is set. */
static inline void json_begin(struct json *w, struct buffer *buffer)
{
	w->buffer = buffer;
	w->p = buffer->data + buffer->size;
	w->end = buffer->data + buffer->capacity;
}

static inline struct buffer *json_end(struct json *w)
{
	w->buffer->size = (size_t)(w->p - w->buffer->data);
	return w->buffer;
}

bool json_room_more(struct json *w, size_t n);

static inline bool json_room(struct json *w, size_t n)
{
	return likely((size_t)(w->end - w->p) >= n) || json_room_more(w, n);
}

static inline void json_put(struct json *w, const char *data, size_t size)
{
	if (size == 0 || !json_room(w, size))
		return;
	memcpy(w->p, data, size);
	w->p += size;
}

#define JSON_PUT(w, literal) json_put(w, "" literal, sizeof(literal) - 1)

void json_put_number(struct json *w, uint64_t value);
void json_put_hex16(struct json *w, uint64_t value);	/* 16 digits in quotes */
/* A string literal of any bytes; true if it had to be percent-escaped. */
bool json_put_string(struct json *w, struct span text);
/* A LIST as an array of strings.  If one item has to be percent-escaped all are, so that a reader knows
 * what to undo. */
bool json_put_list(struct json *w, struct span list);

/* The same, appended to a buffer. */
bool json_append_string(struct buffer *buffer, struct span text);
bool json_append_list(struct buffer *buffer, struct span list);

/* The text as valid UTF-8 without NUL: `%` and every byte that is not UTF-8 as %XX. */
void percent_escape(struct buffer *buffer, struct span text);
/* Back again.  A `%` without two hex digits stays as it is. */
void percent_unescape(struct buffer *buffer, struct span text);
/* An IP, 4 or 16 bytes, printed; 0 if it is neither. */
#define IP_TEXT_MAX 46
size_t ip_text(struct span ip, char ret[static IP_TEXT_MAX]);
