/* See audit_text.h.
 *
 * The kernel writes keys in a fixed order, so audit_scan() first compares with the key it expects next: one
 * 64-bit word, no call.  Texts that may hold anything are written "quoted", or in upper-case hex when they
 * hold a quote, a blank, a control character or a byte above 0x7e (kernel/audit.c,
 * audit_log_n_untrustedstring); so no quoted text of the kernel holds a quote, and almost none a blank. */

#include "decode/audit_text.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline uint64_t load64(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static inline bool key_is(const struct audit_key *key, uint64_t low, const char *text)
{
	if ((low ^ load64(key->name)) & key->mask)
		return false;
	return likely(key->size <= 8) || memcmp(text + 8, key->name + 8, key->size - 8u) == 0;
}

#ifdef __SSE2__
static inline __m128i load_16(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}
#endif

/* The first such byte of [p, end), or end. */
static inline const char *find_byte(const char *p, const char *end, char byte)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		unsigned found = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(load_16(p), _mm_set1_epi8(byte)));

		if (found)
			return p + __builtin_ctz(found);
	}
#endif
	const uint64_t pattern = UINT64_C(0x0101010101010101) * (unsigned char)byte;

	while (end - p >= 8) {
		uint64_t word = load64(p) ^ pattern;
		uint64_t zero = (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);

		if (zero)
			return p + (__builtin_ctzll(zero) >> 3);
		p += 8;
	}
	while (p < end && *p != byte)
		p++;
	return p;
}

static inline const char *find_blank(const char *p, const char *end)
{
	return find_byte(p, end, ' ');
}

/* Where a key, or a bare word, ends: at `=`, a blank or a quote. */
static inline const char *find_key_end(const char *p, const char *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		__m128i bytes = load_16(p);
		__m128i equal = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('=')),
					     _mm_cmpeq_epi8(bytes, _mm_set1_epi8(' ')));
		__m128i quote = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
					     _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\'')));
		unsigned found = (unsigned)_mm_movemask_epi8(_mm_or_si128(equal, quote));

		if (found)
			return p + __builtin_ctz(found);
	}
#endif
	while (p < end && *p != '=' && *p != ' ' && *p != '"' && *p != '\'')
		p++;
	return p;
}

/* The value that begins at *p; *p goes behind it.  A quote without its partner is taken as text. */
static inline struct audit_value take_value(const char **p, const char *end)
{
	const char *start = *p;

	if (start < end && *start == '"') {
		const char *close = find_byte(start + 1, end, '"');

		if (close < end) {
			*p = close + 1;
			return (struct audit_value){ start + 1, (uint32_t)(close - start - 1), true };
		}
	}
	*p = find_blank(start, end);
	return (struct audit_value){ start, (uint32_t)(*p - start), false };
}

void audit_split(struct span body, struct span *ret_text, struct span *ret_names)
{
	const char *tail = body.size ? memchr(body.data, 0x1d, body.size) : NULL;

	if (!tail) {
		*ret_text = body;
		*ret_names = (struct span){ NULL, 0 };
		return;
	}
	*ret_text = (struct span){ body.data, (size_t)(tail - body.data) };
	*ret_names = (struct span){ tail + 1, (size_t)(body.data + body.size - tail - 1) };
}

#ifdef __SSE2__
static inline uint64_t blanks_of_16(const char *p)
{
	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(load_16(p), _mm_set1_epi8(' ')));
}
#else
static inline uint64_t blanks_of_16(const char *p)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < 16; i++)
		mask |= (uint64_t)(p[i] == ' ') << i;
	return mask;
}
#endif

/* Bit i: p[i] is a blank, for 64 bytes. */
static inline uint64_t blanks_of(const char *p)
{
	return blanks_of_16(p) | blanks_of_16(p + 16) << 16 | blanks_of_16(p + 32) << 32 |
	       blanks_of_16(p + 48) << 48;
}

/* The key that text begins with, looked for among all.  NULL: none of them. */
static const struct audit_key *find_key(const struct audit_layout *layout, const char *text)
{
	for (unsigned i = 0; i < layout->n_keys; i++)
		if (key_is(&layout->keys[i], load64(text), text))
			return &layout->keys[i];
	return NULL;
}

/* A word that is not simply the expected key with its value: foreign, out of order, at the end of the text,
 * or quoted with blanks in it; then *skip is set to where it ends.  Returns the key if it is one, and its
 * value. */
static __attribute__((noinline)) const struct audit_key *read_odd_word(const struct audit_layout *layout,
								       const char *p, const char *stop,
								       const char *end, const char **skip,
								       struct audit_value *ret)
{
	const struct audit_key *key;
	const char *value, *close;
	char last[16] = { 0 };

	memcpy(last, p, MIN((size_t)(end - p), sizeof(last)));
	key = find_key(layout, last);
	value = key ? p + key->size : memchr(p, '=', (size_t)(stop - p));
	if (!value)
		return NULL;
	value += !key;
	if (value < stop && *value == '"') {
		close = memchr(value + 1, '"', (size_t)(end - value - 1));
		if (close) {
			*skip = close + 1;
			*ret = (struct audit_value){ value + 1, (uint32_t)(close - value - 1), true };
			return key;
		}
	}
	/* A quote without its partner is text up to the blank. */
	*ret = (struct audit_value){ value, (uint32_t)(stop - value), false };
	return key;
}

void audit_scan(struct span text, const struct audit_layout *layout, struct audit_value *ret)
{
	const struct audit_key *keys = layout->keys, *last_key = keys + layout->n_keys - 1, *expected = keys;
	const char *block = text.data, *end = block + text.size;
	const char *word = block, *skip = block;
	const char *usual_end = text.size >= 16 ? end - 16 : NULL;
	unsigned last_slot = layout->last;

	memset(ret, 0, layout->n_slots * sizeof(*ret));
	if (text.size == 0 || text.size > UINT32_MAX)
		return;
	/* Blanks are found 64 bytes at a time; between two of them lies a key with its value. The end of the
	 * text counts as a blank. */
	for (;; block += 64) {
		size_t left = (size_t)(end - block);
		uint64_t blanks;

		if (likely(left >= 64)) {
			blanks = blanks_of(block);
		} else {
			char rest[64] = { 0 };

			memcpy(rest, block, left);
			blanks = blanks_of(rest) | UINT64_C(1) << left;
		}
		for (; blanks; blanks &= blanks - 1) {
			const char *stop = block + __builtin_ctzll(blanks), *p = word;
			const struct audit_key *key = expected;
			struct audit_value value;

			word = stop + 1;
			if (p >= stop || p < skip)
				continue;
			if (likely(p <= usual_end && key_is(key, load64(p), p))) {
				value.data = p + key->size;
				value.quoted = *value.data == '"';
				value.data += value.quoted;
				if (unlikely(value.quoted && (stop[-1] != '"' || stop - 1 < value.data)))
					key = read_odd_word(layout, p, stop, end, &skip, &value);
				else
					value.size = (uint32_t)(stop - value.data) - value.quoted;
			} else {
				key = read_odd_word(layout, p, stop, end, &skip, &value);
				if (!key)
					continue;
			}
			expected = key == last_key ? keys : key + 1;
			if (likely(!ret[key->slot].data))
				ret[key->slot] = value;
			if (key->slot == last_slot)
				return;
		}
		if (left < 64)
			return;
	}
}

static const bool is_separator[256] = {
	[' '] = true, [','] = true, ['('] = true, [')'] = true, ['\t'] = true, ['\n'] = true,
};

/* Old records have `addr=?,` and `terminal=pts/1 res=success)` and `uid=500: exe=`. */
static void trim_bare(struct audit_value *value, const char *p, const char *end)
{
	while (value->size > 0) {
		char c = value->data[value->size - 1];

		if (c == ',' || (c == ':' && value->size > 1 && p < end) ||
		    (c == ')' && !memchr(value->data, '(', value->size)))
			value->size--;
		else
			return;
	}
}

static const char *last_quote(const char *p, const char *end)
{
	while (end > p)
		if (*--end == '\'')
			return end;
	return NULL;
}

bool audit_next(struct span *rest, struct audit_pair *ret)
{
	const char *p = rest->data, *end = p + rest->size;
	struct audit_pair pair = { 0 };

	if (rest->size == 0 || rest->size > UINT32_MAX)
		return false;
	for (;;) {
		const char *start;

		while (p < end && is_separator[(unsigned char)*p])
			p++;
		if (p == end)
			break;
		start = p;
		p = find_key_end(p, end);
		if (p == end || *p != '=' || p == start) {
			pair.word = (struct span){ start, (size_t)(p - start) };
			if (p == start)
				p++;
			continue;
		}
		pair.key = (struct span){ start, (size_t)(p - start) };
		p++;
		/* `subj==unconfined` (Linux 4.x with AppArmor) */
		if (p < end && *p == '=')
			p++;
		if (p < end && *p == '\'') {
			const char *close = last_quote(p + 1, end);
			const char *stop = close ? close : end;

			pair.value = (struct audit_value){ p + 1, (uint32_t)(stop - p - 1), false };
			pair.nested = true;
			p = close ? close + 1 : end;
		} else if (p < end && *p == '{' && memchr(p, '}', (size_t)(end - p))) {
			const char *close = memchr(p, '}', (size_t)(end - p));

			pair.value = (struct audit_value){ p + 1, (uint32_t)(close - p - 1), false };
			p = close + 1;
		} else {
			pair.value = take_value(&p, end);
			if (!pair.value.quoted)
				trim_bare(&pair.value, p, end);
		}
		*ret = pair;
		*rest = (struct span){ p, (size_t)(end - p) };
		return true;
	}
	*rest = (struct span){ end, 0 };
	return false;
}

struct span audit_sentence(const struct audit_pair *pair, struct span rest)
{
	const char *stop = pair->value.data + pair->value.size;
	const char *p = rest.data, *end = p + rest.size;

	if (pair->value.quoted || pair->nested || pair->value.size == 0)
		return audit_raw(pair->value);
	while (p < end) {
		const char *word, *blank;

		while (p < end && *p == ' ')
			p++;
		word = p;
		blank = find_blank(word, end);
		if (blank == word || memchr(word, '=', (size_t)(blank - word)) || *word == ':')
			break;
		stop = p = blank;
	}
	return (struct span){ pair->value.data, (size_t)(stop - pair->value.data) };
}

/* Value of a hex digit as audit writes them, 0xff for other bytes.  Lower case is no hex of audit: a name
 * like `cafe` is a name. */
static const uint8_t hex_values[256] = {
#define NO   0xff
#define NO16 NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO
	NO16, NO16, NO16, 0,	1,    2,    3,	  4,	5,    6,    7,	  8,	9,    NO,   NO, NO,
	NO,   NO,   NO,	  NO,	10,   11,   12,	  13,	14,   15,   NO,	  NO,	NO,   NO,   NO, NO,
	NO,   NO,   NO,	  NO16, NO16, NO16, NO16, NO16, NO16, NO16, NO16, NO16, NO16, NO16,
#undef NO16
#undef NO
};

bool audit_is_hex(struct audit_value value)
{
	if (value.quoted || value.size == 0 || value.size % 2 != 0)
		return false;
	for (uint32_t i = 0; i < value.size; i++)
		if (hex_values[(unsigned char)value.data[i]] == 0xff)
			return false;
	return true;
}

void audit_unhex(char *dst, struct audit_value value)
{
	const unsigned char *p = (const unsigned char *)value.data;

	for (uint32_t i = 0; i + 1 < value.size; i += 2)
		*dst++ = (char)(hex_values[p[i]] << 4 | hex_values[p[i + 1]]);
}

static bool value_is(struct audit_value value, struct span text)
{
	return span_eq(audit_raw(value), text);
}

bool audit_is_nothing(struct audit_value value)
{
	if (!value.data)
		return true;
	if (value.size == 1)
		return value.data[0] == '?';
	return !value.quoted && (value_is(value, SPAN("(null)")) || value_is(value, SPAN("(none)")));
}

bool audit_u64(struct audit_value value, uint64_t *ret)
{
	uint64_t number = 0;

	if (value.size == 0 || value.size > 20)
		return false;
	for (uint32_t i = 0; i < value.size; i++) {
		unsigned digit = (unsigned)(unsigned char)value.data[i] - '0';

		if (digit > 9)
			return false;
		if (unlikely(i >= 18) && number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret = number;
	return true;
}

bool audit_i64(struct audit_value value, int64_t *ret)
{
	return value.data && span_to_i64(audit_raw(value), ret) == 0;
}

bool audit_u32_slow(struct audit_value value, uint32_t *ret)
{
	/* Old kernels print the unset login uid as a signed number, ausearch -i in words. */
	if (!value.data || !(value_is(value, SPAN("-1")) || value_is(value, SPAN("unset"))))
		return false;
	*ret = UINT32_MAX;
	return true;
}

bool audit_hex(struct audit_value value, uint64_t *ret)
{
	uint64_t number = 0;
	const char *p = value.data;
	uint32_t n = value.size;

	while (n > 2 && p[0] == '0' && p[1] == 'x') {
		p += 2;
		n -= 2;
	}
	if (n == 0 || n > 16)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		unsigned digit = c >= 'a' && c <= 'f' ? c - 'a' + 10u : hex_values[c];

		if (digit > 15)
			return false;
		number = number << 4 | digit;
	}
	*ret = number;
	return true;
}

bool audit_octal(struct audit_value value, uint64_t *ret)
{
	uint64_t number = 0;

	if (value.size == 0 || value.size > 21)
		return false;
	for (uint32_t i = 0; i < value.size; i++) {
		unsigned digit = (unsigned)(unsigned char)value.data[i] - '0';

		if (digit > 7)
			return false;
		number = number << 3 | digit;
	}
	*ret = number;
	return true;
}
