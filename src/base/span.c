/* Numbers in text, a hash that stays the same for ever, and where valid UTF-8 ends. */

#include "base/span.h"

#include <errno.h>

int span_to_u64(struct span s, uint64_t *ret)
{
	uint64_t value = 0;

	if (s.size == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.size; i++) {
		unsigned digit = (unsigned)(unsigned char)s.data[i] - '0';

		if (digit > 9)
			return -EINVAL;
		if (value > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	*ret = value;
	return 0;
}

int span_to_i64(struct span s, int64_t *ret)
{
	bool negative = s.size > 0 && s.data[0] == '-';
	uint64_t value;
	int r;

	if (negative)
		s = (struct span){ s.data + 1, s.size - 1 };
	r = span_to_u64(s, &value);
	if (r < 0)
		return r;
	if (value > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*ret = negative ? (int64_t)(0 - value) : (int64_t)value;
	return 0;
}

int span_hex_to_u64(struct span s, uint64_t *ret)
{
	uint64_t value = 0;

	if (s.size == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.size; i++) {
		unsigned char c = (unsigned char)s.data[i];
		unsigned digit = c - (unsigned)'0';

		if (digit > 9) {
			digit = (c | 0x20u) - 'a' + 10u;
			if (digit < 10 || digit > 15)
				return -EINVAL;
		}
		if (value >> 60)
			return -ERANGE;
		value = value << 4 | digit;
	}
	*ret = value;
	return 0;
}

/* One round of multiply and fold, as in wyhash: two 64-bit words to one, every bit of the input on every bit of
 * the output. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load(const char *p, size_t n)
{
	uint64_t value = 0;

	/* Little endian whatever the machine: ids made on one host are compared on another. */
	for (size_t i = 0; i < n; i++)
		value |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return value;
}

static uint64_t load8(const char *p)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return value;
#else
	return load(p, 8);
#endif
}

uint64_t span_hash(struct span s, uint64_t seed)
{
	static const uint64_t k0 = UINT64_C(0x9e3779b97f4a7c15), k1 = UINT64_C(0xd1342543de82ef95);
	uint64_t hash = seed ^ k0;
	const char *p = s.data;
	size_t n = s.size;

	for (; n >= 16; p += 16, n -= 16)
		hash = mix(load8(p) ^ k0, load8(p + 8) ^ hash ^ k1);
	if (n > 8)
		hash = mix(load8(p) ^ k0, load(p + 8, n - 8) ^ hash ^ k1);
	else if (n == 8)
		hash = mix(load8(p) ^ k0, hash ^ k1);
	else if (n > 0)
		hash = mix(load(p, n) ^ k0, hash ^ k1);
	return mix(hash ^ k1, s.size ^ k0);
}

static size_t utf8_sequence(const unsigned char *p, size_t n)
{
	uint32_t code;
	size_t need;

	if (p[0] < 0x80)
		return p[0] != 0;
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		need = 2;
		code = p[0] & 0x1f;
	} else if ((p[0] & 0xf0) == 0xe0) {
		need = 3;
		code = p[0] & 0x0f;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		need = 4;
		code = p[0] & 0x07;
	} else {
		return 0;
	}
	if (n < need)
		return 0;
	for (size_t i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	/* Overlong forms, surrogates and what lies above Unicode are not UTF-8 (RFC 3629). */
	if ((need == 3 && code < 0x800) || (need == 4 && (code < 0x10000 || code > 0x10ffff)) ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return need;
}

struct span span_take(struct span *rest, char end)
{
	const char *found = rest->size > 0 ? memchr(rest->data, end, rest->size) : NULL;
	struct span taken = { rest->data, found ? (size_t)(found - rest->data) : rest->size };
	size_t n = taken.size + (found ? 1 : 0);

	*rest = (struct span){ rest->data + n, rest->size - n };
	return taken;
}

size_t span_utf8_prefix(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.data;
	size_t i = 0;

	while (i < s.size) {
		size_t step;

		/* Eight ASCII bytes at once: neither a high bit nor a NUL among them. */
		while (i + 8 <= s.size) {
			uint64_t word = load8(s.data + i);

			if (((word - UINT64_C(0x0101010101010101)) | word) & UINT64_C(0x8080808080808080))
				break;
			i += 8;
		}
		if (i >= s.size)
			break;
		step = utf8_sequence(p + i, s.size - i);
		if (step == 0)
			return i;
		i += step;
	}
	return s.size;
}
