#pragma once
/* One term against an event.
 *
 * A term is a type (`process`, `file.write`) or FIELD [not] OPERATOR VALUES. Several values are joined by
 * OR. A field that the event does not know matches nothing, so a negated term on it is true: an exclusion
 * hides only events that are known to have what it excludes. Terms on the kind of the event (types,
 * event.action, file.operation, ...) are decided when they are made: they are sets of kinds and cost an
 * event nothing.
 *
 * Threads: a term with a regular expression has scratch memory in it; a term belongs to one thread at a
 * time. */

#include "filter/error.h"
#include "filter/field_name.h"

struct kind_set {
	uint64_t bits[(N_KINDS + 63) / 64];
};

static inline bool kind_set_has(const struct kind_set *set, unsigned kind)
{
	return set->bits[kind / 64] >> (kind % 64) & 1;
}

static inline void kind_set_add(struct kind_set *set, unsigned kind)
{
	set->bits[kind / 64] |= UINT64_C(1) << (kind % 64);
}

static inline void kind_set_add_all(struct kind_set *set, const struct kind_set *other)
{
	for (size_t i = 0; i < ARRAY_SIZE(set->bits); i++)
		set->bits[i] |= other->bits[i];
}

/* set &= other; false when nothing is left. */
bool kind_set_intersect(struct kind_set *set, const struct kind_set *other);

struct term_parts {
	struct span field;
	struct span operator;		/* words with single blanks, without `not` */
	bool negate;
	bool fold_case;
	const struct span *values;
	size_t n_values;
};

#define TERM_VALUE_MAX 4096		/* bytes of one value */
#define TERM_VALUES_MAX 10000

struct term;
int term_new(struct term **ret, const struct term_parts *parts, struct filter_error *error);
int term_new_type(struct term **ret, struct span type, bool negate, struct filter_error *error);
/* Whether there are such a field and operator: 0; -EINVAL. */
int term_check_names(struct span field, struct span operator, struct filter_error *error);
/* The text form: `FIELD [not] OPERATOR [not] 'VALUE'[, 'VALUE'...] [case insensitive]`, `[not] TYPE`. */
int term_parse(struct term **ret, struct span text, struct filter_error *error);
struct term *term_free(struct term *term);
DEFINE_CLEANUP(struct term, term_free)

/* Kinds of events it can be true for at all. */
const struct kind_set *term_kinds(const struct term *term);
/* The kind alone decides: true for all of term_kinds(), false for the rest. */
bool term_is_kind_only(const struct term *term);
unsigned term_cost(const struct term *term);
/* Bytes of compiled regular expressions. */
size_t term_pattern_bytes(const struct term *term);
/* Matches of its regular expressions that took too long. */
uint64_t term_given_up(const struct term *term);
/* Equal for terms that are written the same but for a negation. */
struct span term_canonical(const struct term *term);
bool term_is_negated(const struct term *term);
/* Which of its filter it is, as written. */
void term_set_position(struct term *term, unsigned position);
unsigned term_position(const struct term *term);
/* Its answer depends on the context of the event alone. */
bool term_is_of_context(const struct term *term);
/* Where it looks, for terms that are not of the kind alone. */
enum place term_place(const struct term *term);
/* Adds the fields that it looks at to a set.  Whether they are those of ancestors too. */
bool term_fields(const struct term *term, uint64_t set[static FIELD_WORDS]);
bool term_match(const struct term *term, const struct event *event);
/* What it would answer if it were not negated. */
bool term_holds(const struct term *term, const struct event *event);

/* Of all operators; NULL after the last. */
const char *term_operator_name(size_t i);
/* Offers the names of all operators. */
void term_suggest_operator(struct suggestion *suggestion);
