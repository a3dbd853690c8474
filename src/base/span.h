#pragma once
/* Bytes somebody else owns.  Not NUL-terminated; may hold any byte. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *data;
	size_t size;
};

#define SPAN(literal) ((struct span){ "" literal, sizeof(literal) - 1 })

static inline struct span span_of(const char *text)
{
	return (struct span){ text, text ? strlen(text) : 0 };
}

/* The size bytes at both ends of a and b, which may overlap. */
#define SPAN_SAME_ENDS_(type, a, b, size)                                     \
	({                                                                    \
		type a_[2], b_[2];                                            \
		memcpy(&a_[0], a, sizeof(type));                              \
		memcpy(&a_[1], a + size - sizeof(type), sizeof(type));        \
		memcpy(&b_[0], b, sizeof(type));                              \
		memcpy(&b_[1], b + size - sizeof(type), sizeof(type));        \
		!((a_[0] ^ b_[0]) | (a_[1] ^ b_[1]));                         \
	})

/* Most texts are short: a call of memcmp takes longer than they do. */
static inline bool span_eq(struct span a, struct span b)
{
	if (a.size != b.size)
		return false;
	if (a.size > 16)
		return memcmp(a.data, b.data, a.size) == 0;
	if (a.size >= 8)
		return SPAN_SAME_ENDS_(uint64_t, a.data, b.data, a.size);
	if (a.size >= 4)
		return SPAN_SAME_ENDS_(uint32_t, a.data, b.data, a.size);
	for (size_t i = 0; i < a.size; i++)
		if (a.data[i] != b.data[i])
			return false;
	return true;
}

static inline bool span_starts(struct span s, struct span prefix)
{
	return s.size >= prefix.size && memcmp(s.data, prefix.data, prefix.size) == 0;
}

static inline bool span_ends(struct span s, struct span suffix)
{
	return s.size >= suffix.size && memcmp(s.data + s.size - suffix.size, suffix.data, suffix.size) == 0;
}

/* Whole span as a decimal number: 0, or -EINVAL / -ERANGE with *ret untouched. */
int span_to_u64(struct span s, uint64_t *ret);
int span_to_i64(struct span s, int64_t *ret);
int span_hex_to_u64(struct span s, uint64_t *ret);

/* 64-bit hash, the same on every host and in every release (ids are made of it).  Two texts with one hash are easily
 * made on purpose: not for identity of text that others choose. */
uint64_t span_hash(struct span s, uint64_t seed);

/* What stands before the next `end`, which is taken too; all of it, if there is none. */
struct span span_take(struct span *rest, char end);

/* Length of the valid UTF-8 that s begins with; s.size if it is all valid.  A NUL counts as invalid. */
size_t span_utf8_prefix(struct span s);
