/* What comes from the history was written by whoever ran a program; it may hold escape sequences that move
 * the cursor, characters that hide others, or half a letter. wcwidth(3) depends on the locale, which may be
 * C in a rescue shell, so the few ranges that are not one column wide are a table here (East Asian Width and
 * general categories Mn, Me, Cf of Unicode 15, by block rather than by character). */

#include "cli/text.h"

struct range {
	uint32_t first, last;
};

static const struct range wide[] = {
	{ 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x2329, 0x232a }, { 0x23e9, 0x23ec }, { 0x25fd, 0x25fe },
	{ 0x2614, 0x2615 }, { 0x2648, 0x2653 }, { 0x26aa, 0x26ab }, { 0x26bd, 0x26be }, { 0x26c4, 0x26c5 },
	{ 0x2705, 0x2705 }, { 0x270a, 0x270b }, { 0x2728, 0x2728 }, { 0x274c, 0x274c }, { 0x2753, 0x2755 },
	{ 0x2795, 0x2797 }, { 0x2b1b, 0x2b1c }, { 0x2b50, 0x2b50 }, { 0x2e80, 0x303e }, { 0x3041, 0x33ff },
	{ 0x3400, 0x4dbf }, { 0x4e00, 0x9fff }, { 0xa000, 0xa4cf }, { 0xa960, 0xa97f }, { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff }, { 0xfe10, 0xfe19 }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 },
	{ 0x16fe0, 0x18aff }, { 0x1b000, 0x1b2ff }, { 0x1f004, 0x1f004 }, { 0x1f0cf, 0x1f0cf },
	{ 0x1f18e, 0x1f18e }, { 0x1f191, 0x1f19a }, { 0x1f200, 0x1f320 }, { 0x1f32d, 0x1f335 },
	{ 0x1f337, 0x1f37c }, { 0x1f37e, 0x1f393 }, { 0x1f3a0, 0x1f3ca }, { 0x1f3cf, 0x1f3d3 },
	{ 0x1f3e0, 0x1f3f0 }, { 0x1f3f4, 0x1f3f4 }, { 0x1f3f8, 0x1f43e }, { 0x1f440, 0x1f440 },
	{ 0x1f442, 0x1f4fc }, { 0x1f4ff, 0x1f53d }, { 0x1f54b, 0x1f567 }, { 0x1f5fb, 0x1f64f },
	{ 0x1f680, 0x1f6c5 }, { 0x1f6eb, 0x1f6ec }, { 0x1f6f4, 0x1f6fc }, { 0x1f7e0, 0x1f7eb },
	{ 0x1f90c, 0x1f9ff }, { 0x1fa70, 0x1faff }, { 0x20000, 0x3fffd },
};

static const struct range no_width[] = {
	{ 0x300, 0x36f },   { 0x483, 0x489 },	{ 0x591, 0x5bd },   { 0x610, 0x61a },	{ 0x64b, 0x65f },
	{ 0x6d6, 0x6dc },   { 0x900, 0x902 },	{ 0x93c, 0x93c },   { 0x941, 0x948 },	{ 0xe31, 0xe31 },
	{ 0xe34, 0xe3a },   { 0xe47, 0xe4e },	{ 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff },
	{ 0x302a, 0x302d }, { 0x3099, 0x309a }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0x1f3fb, 0x1f3ff },
	{ 0xe0100, 0xe01ef },
};

/* Invisible, or turn the text around them: shown as their number. */
static const struct range hidden[] = {
	{ 0x80, 0x9f },	    { 0xad, 0xad },	{ 0x61c, 0x61c },   { 0x115f, 0x1160 },	  { 0x180e, 0x180e },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 },	  { 0xe000, 0xf8ff },
	{ 0xfeff, 0xfeff }, { 0xfff0, 0xfffb }, { 0xe0000, 0xe007f }, { 0xf0000, 0x10ffff },
};

static bool is_in(const struct range *ranges, size_t n, uint32_t c)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = (low + n) / 2;

		if (c > ranges[middle].last)
			low = middle + 1;
		else if (c < ranges[middle].first)
			n = middle;
		else
			return true;
	}
	return false;
}

/* One character of valid UTF-8. */
static size_t decode(struct span s, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)s.data;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = p[0] & masks[n];

	n = MIN(n, s.size);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	*ret = c;
	return n;
}

static size_t char_width(uint32_t c)
{
	if (c < 0x300)
		return 1;
	return is_in(no_width, ARRAY_SIZE(no_width), c) ? 0 : is_in(wide, ARRAY_SIZE(wide), c) ? 2 : 1;
}

static void append_control(struct buffer *out, unsigned char c)
{
	static const struct {
		char c;
		const char *name;
	} names[] = { { '\n', "\\n" }, { '\t', "\\t" }, { '\r', "\\r" } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (c == (unsigned char)names[i].c) {
			buffer_append_text(out, names[i].name);
			return;
		}
	buffer_append_text(out, "\\x");
	buffer_append_hex(out, c, 2);
}

void text_append_safe(struct buffer *out, struct span bytes)
{
	size_t at = 0, valid = 0;

	while (at < bytes.size) {
		unsigned char c = (unsigned char)bytes.data[at];
		uint32_t code;
		size_t n;

		if (c >= 0x20 && c < 0x7f) {
			buffer_append_byte(out, bytes.data[at++]);
			continue;
		}
		if (c < 0x80) {
			append_control(out, c);
			at++;
			continue;
		}
		/* Valid up to there; found once for a stretch of text. */
		if (at >= valid)
			valid = at + span_utf8_prefix((struct span){ bytes.data + at, bytes.size - at });
		if (at >= valid) {
			append_control(out, c);
			at++;
			continue;
		}
		n = decode((struct span){ bytes.data + at, bytes.size - at }, &code);
		if (is_in(hidden, ARRAY_SIZE(hidden), code))
			buffer_printf(out, "\\u{%x}", code);
		else
			buffer_append(out, bytes.data + at, n);
		at += n;
	}
}

struct span text_prefix(struct span text, size_t width)
{
	size_t at = 0, used = 0;

	while (at < text.size) {
		uint32_t code;
		size_t n = decode((struct span){ text.data + at, text.size - at }, &code);

		used += char_width(code);
		if (used > width)
			break;
		at += n;
	}
	return (struct span){ text.data, at };
}

size_t text_width(struct span text)
{
	size_t width = 0;

	for (size_t at = 0; at < text.size;) {
		uint32_t code;

		at += decode((struct span){ text.data + at, text.size - at }, &code);
		width += char_width(code);
	}
	return width;
}

void text_append_cut(struct buffer *out, struct span text, size_t width)
{
	struct span prefix = text_prefix(text, width);

	if (prefix.size == text.size) {
		buffer_append_span(out, text);
		return;
	}
	if (width == 0)
		return;
	buffer_append_span(out, text_prefix(text, width - 1));
	buffer_append_text(out, "…");
}
