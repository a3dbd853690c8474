/* See json_text.h.  Text is looked at eight bytes at a time; only what needs an escape goes the slow way. */

#include "event/json_text.h"

#include <arpa/inet.h>

#include "event/values.h"

bool json_room_more(struct json *w, size_t n)
{
	if (w->buffer->failed)
		return false;
	w->buffer->size = (size_t)(w->p - w->buffer->data);
	if (!buffer_reserve(w->buffer, n))
		return false;
	json_begin(w, w->buffer);
	return true;
}

void json_put_number(struct json *w, uint64_t value)
{
	static const char pairs[] =
		"00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051"
		"52535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697989900";
	char digits[24], *p = digits + sizeof(digits);

	/* Two digits a division, of 32 bits as soon as that is enough: ids and sizes are most of an event. */
	for (; value > UINT32_MAX; value /= 100)
		memcpy(p -= 2, &pairs[value % 100 * 2], 2);
	for (uint32_t small = (uint32_t)value;; small /= 100) {
		memcpy(p -= 2, &pairs[small % 100 * 2], 2);
		if (small < 100)
			break;
	}
	p += *p == '0';
	json_put(w, p, (size_t)(digits + sizeof(digits) - p));
}

void json_put_hex16(struct json *w, uint64_t value)
{
	if (!json_room(w, 18))
		return;
	w->p[0] = w->p[17] = '"';
	for (unsigned i = 16; i > 0; i--, value >>= 4)
		w->p[i] = "0123456789abcdef"[value & 15];
	w->p += 18;
}

void percent_escape(struct buffer *buffer, struct span text)
{
	while (text.size > 0) {
		struct span valid = { text.data, span_utf8_prefix(text) };

		text = (struct span){ text.data + valid.size, text.size - valid.size };
		while (valid.size > 0) {
			const char *percent = memchr(valid.data, '%', valid.size);
			size_t n = percent ? (size_t)(percent - valid.data) : valid.size;

			buffer_append(buffer, valid.data, n);
			if (percent) {
				buffer_append(buffer, "%25", 3);
				n++;
			}
			valid = (struct span){ valid.data + n, valid.size - n };
		}
		if (text.size > 0) {
			unsigned char byte = (unsigned char)*text.data;
			char escape[3] = { '%', "0123456789ABCDEF"[byte >> 4],
					   "0123456789ABCDEF"[byte & 15] };

			buffer_append(buffer, escape, sizeof(escape));
			text = (struct span){ text.data + 1, text.size - 1 };
		}
	}
}

void percent_unescape(struct buffer *buffer, struct span text)
{
	while (text.size > 0) {
		const char *percent = memchr(text.data, '%', text.size);
		size_t n = percent ? (size_t)(percent - text.data) : text.size;
		uint64_t byte;

		buffer_append(buffer, text.data, n);
		text = (struct span){ text.data + n, text.size - n };
		if (text.size == 0)
			break;
		n = 1;
		if (text.size >= 3 && span_hex_to_u64((struct span){ text.data + 1, 2 }, &byte) == 0) {
			buffer_append_byte(buffer, (char)byte);
			n = 3;
		} else {
			buffer_append_byte(buffer, '%');
		}
		text = (struct span){ text.data + n, text.size - n };
	}
}

/* Is there a byte among the eight that cannot stand in a JSON string as it is, or that is not printable ASCII?  Each
 * term has the high bit of a byte set when that is below 0x20, a quote, a backslash, above 0x7f, 0x7f. A borrow or a
 * carry can only come from a byte that is one of these itself. */
static inline bool has_special(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);

	return ((word - ones * 0x20) | ((word ^ ones * '"') - ones) | ((word ^ ones * '\\') - ones) | word | (word + ones)) &
	       ones * 0x80;
}

/* Valid UTF-8 without NUL, quotes and control characters escaped, also DEL and those of ISO 6429 (U+0080 to U+009F),
 * which JSON may hold as they are: U+009B begins an escape sequence on many terminals. */
static void put_valid(struct json *w, struct span s)
{
	static const char escapes[32] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
	};

	for (size_t i = 0; i < s.size; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (!json_room(w, 8))
			return;
		if (c == '"' || c == '\\') {
			*w->p++ = '\\';
			*w->p++ = (char)c;
		} else if (unlikely(c == 0xc2 && (unsigned char)s.data[i + 1] < 0xa0)) {
			memcpy(w->p, "\\u00", 4);
			w->p[4] = (char)('0' + ((unsigned char)s.data[++i] >> 4));
			w->p[5] = "0123456789abcdef"[(unsigned char)s.data[i] & 15];
			w->p += 6;
		} else if (c >= 0x20 && c != 0x7f) {
			*w->p++ = (char)c;
		} else if (c < 0x20 && escapes[c]) {
			*w->p++ = '\\';
			*w->p++ = escapes[c];
		} else {
			memcpy(w->p, "\\u00", 4);
			w->p[4] = (char)('0' + (c >> 4));
			w->p[5] = "0123456789abcdef"[c & 15];
			w->p += 6;
		}
	}
}

static void put_escaped(struct json *w, struct span s)
{
	_cleanup_(buffer_release) struct buffer escaped = { 0 };

	percent_escape(&escaped, s);
	if (buffer_error(&escaped) < 0)
		w->buffer->failed = true;
	JSON_PUT(w, "\"");
	put_valid(w, buffer_span(&escaped));
	JSON_PUT(w, "\"");
}

static bool put_string_slow(struct json *w, struct span s)
{
	if (span_utf8_prefix(s) < s.size) {
		put_escaped(w, s);
		return true;
	}
	JSON_PUT(w, "\"");
	put_valid(w, s);
	JSON_PUT(w, "\"");
	return false;
}

/* True if it had to be percent-escaped. */
bool json_put_string(struct json *w, struct span s)
{
	uint64_t word;
	char *p;

	if (!json_room(w, s.size + 2))
		return false;
	p = w->p + 1;
	if (s.size >= sizeof(word)) {
		size_t last = s.size - sizeof(word);

		for (size_t i = 0; i < last; i += sizeof(word)) {
			memcpy(&word, s.data + i, sizeof(word));
			if (unlikely(has_special(word)))
				return put_string_slow(w, s);
			memcpy(p + i, &word, sizeof(word));
		}
		/* The end, some of which may have been copied already. */
		memcpy(&word, s.data + last, sizeof(word));
		if (unlikely(has_special(word)))
			return put_string_slow(w, s);
		memcpy(p + last, &word, sizeof(word));
	} else {
		for (size_t i = 0; i < s.size; i++) {
			unsigned char c = (unsigned char)s.data[i];

			if (unlikely(c < 0x20 || c == '"' || c == '\\' || c >= 0x7f))
				return put_string_slow(w, s);
			p[i] = (char)c;
		}
	}
	p[-1] = p[s.size] = '"';
	w->p = p + s.size + 1;
	return false;
}

/* True if percent-escaped, then every item is, so that a reader knows what to undo. */
bool json_put_list(struct json *w, struct span list)
{
	struct span item, rest = list;
	size_t begin;
	bool escaped = false;

	JSON_PUT(w, "[");
	begin = (size_t)(w->p - w->buffer->data);
	while (!escaped && list_next(&rest, &item)) {
		escaped = json_put_string(w, item);
		JSON_PUT(w, ",");
	}
	if (escaped && !w->buffer->failed) {
		w->p = w->buffer->data + begin;
		rest = list;
		while (list_next(&rest, &item)) {
			put_escaped(w, item);
			JSON_PUT(w, ",");
		}
	}
	if (w->p[-1] == ',')
		w->p--;
	JSON_PUT(w, "]");
	return escaped;
}

size_t ip_text(struct span ip, char ret[static IP_TEXT_MAX])
{
	if (ip.size != 4 && ip.size != 16)
		return 0;
	if (!inet_ntop(ip.size == 4 ? AF_INET : AF_INET6, ip.data, ret, IP_TEXT_MAX))
		return 0;
	return strlen(ret);
}

bool json_append_string(struct buffer *buffer, struct span text)
{
	struct json w;
	bool escaped;

	if (!buffer_reserve(buffer, text.size + 2))
		return false;
	json_begin(&w, buffer);
	escaped = json_put_string(&w, text);
	if (!buffer->failed)
		json_end(&w);
	return escaped;
}

bool json_append_list(struct buffer *buffer, struct span list)
{
	struct json w;
	bool escaped;

	if (!buffer_reserve(buffer, list.size + 2))
		return false;
	json_begin(&w, buffer);
	escaped = json_put_list(&w, list);
	if (!buffer->failed)
		json_end(&w);
	return escaped;
}
