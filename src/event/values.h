#pragma once
/* What struct event and struct context have in common: which fields are known, which of those only
 * inferred, and the text they own.  A field that is not known has no value, whatever its member holds:
 * read through these functions, or after values_has(). */

#include "base/macro.h"
#include "event/schema.h"

struct values {
	uint64_t known[FIELD_WORDS];
	uint64_t inferred[FIELD_WORDS];
	char *arena;
	uint32_t arena_size;
	uint32_t arena_capacity;
	bool arena_is_own;		/* arena was malloc'ed apart from its object */
	bool failed;			/* no memory for a text: the event is not to be stored */
};

/* `values` is always the first member of its object, so fields[].offset counts from here. */
static inline void *values_member(struct values *values, enum field field)
{
	return (char *)values + fields[field].offset;
}

static inline bool values_has(const struct values *values, enum field field)
{
	return values->known[field / 64] >> (field % 64) & 1;
}

static inline void values_set_known(struct values *values, enum field field)
{
	values->known[field / 64] |= UINT64_C(1) << (field % 64);
}

static inline void values_unset(struct values *values, enum field field)
{
	values->known[field / 64] &= ~(UINT64_C(1) << (field % 64));
	values->inferred[field / 64] &= ~(UINT64_C(1) << (field % 64));
}

static inline bool values_is_inferred(const struct values *values, enum field field)
{
	return values->inferred[field / 64] >> (field % 64) & 1;
}

static inline void values_set_inferred(struct values *values, enum field field)
{
	values->inferred[field / 64] |= UINT64_C(1) << (field % 64);
}

/* Numbers of any numeric type; cut to the width of the member. */
void values_set_number(struct values *values, enum field field, uint64_t number);
uint64_t values_number(const struct values *values, enum field field);	/* I32/I64: sign-extended */

/* Texts of any text type.  Copies.  A longer text than 2^32 is refused (failed). */
void values_set_text(struct values *values, enum field field, struct span text);
/* Room for a text of `size` bytes the caller fills at once; NULL when failed. */
char *values_new_text(struct values *values, enum field field, size_t size);
/* Appends one more text (and its NUL) to a LIST; cheap only while it is the last text made. */
void values_append_list(struct values *values, enum field field, struct span item);

static inline struct span values_text(const struct values *values, enum field field)
{
	const struct text *t = (const struct text *)(const void *)((const char *)values + fields[field].offset);

	if (!values_has(values, field))
		return (struct span){ NULL, 0 };
	return (struct span){ values->arena + t->offset, t->size };
}

/* Copies one field with its known and inferred bits; unsets it in `to` when `from` does not know it. */
void values_copy(struct values *to, const struct values *from, enum field field);
/* Both unknown, or both known and equal. */
bool values_equal(const struct values *a, const struct values *b, enum field field);

/* Walks a LIST: `struct span item, rest = values_text(...); while (list_next(&rest, &item))`. */
bool list_next(struct span *rest, struct span *ret);
