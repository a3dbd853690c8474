#pragma once
/* The inside of a term, shared by the file that makes it (term.c) and the one that asks it (term_match.c). */

#include "base/buffer.h"
#include "filter/field_name.h"
#include "filter/pattern.h"
#include "filter/term.h"
#include "filter/term_value.h"

enum operator_id {
	OPERATOR_is,
	OPERATOR_contains,
	OPERATOR_starts,
	OPERATOR_ends,
	OPERATOR_matches,
	OPERATOR_in,
	OPERATOR_less,
	OPERATOR_greater,
	N_OPERATORS,
};

enum value_class { VALUE_TEXT = 1, VALUE_NUMBER = 2, VALUE_ADDRESS = 4 };

typedef bool (*text_fn)(struct span subject, struct span value);
typedef bool (*test_fn)(const struct term *term, const struct values *values, enum field field);
typedef bool (*match_fn)(const struct term *term, const struct event *event);

struct term {
	match_fn match;
	test_fn test;
	text_fn text;
	struct field_name name;
	struct kind_set known;		/* kinds that can know the field; a kind term: it is true for */
	struct kind_set kinds;		/* kinds it can be true for */
	bool kind_only, negate, fold_case;
	enum operator_id operator;
	unsigned cost;
	size_t n_values;
	struct span *texts;
	uint64_t *numbers;
	struct network *networks;
	struct pattern **patterns;
	size_t pattern_bytes;
	char *memory;			/* of texts */
	struct buffer canonical;
	unsigned position;

	/* Of a plain term, one text against one field, which most are: where the field is. */
	struct span value;
	uint64_t known_bit;
	uint16_t known_word, offset;
};

struct operator {
	struct span name;
	unsigned classes;		/* of values it applies to */
	unsigned cost;
	text_fn text, folded;
};
extern const struct operator operators[N_OPERATORS];

struct place_info {
	match_fn match;
	unsigned cost;			/* factor */
};
extern const struct place_info places[N_PLACES];	/* of those that need an event */

/* The quick way for a plain term, NULL for any other; sets what it needs. */
match_fn term_plain_match(struct term *term);

/* A term on the kind: its values are held against the names in the table of kinds, now. */
int term_decide_kinds(struct term *term, const struct term_parts *parts, struct filter_error *error);
/* Kinds that can have its field. */
void term_add_known_kinds(struct term *term);
/* Kinds that it can be true for, from those. */
void term_set_kinds(struct term *term);

char ascii_lower(char c);
int compare_spans(const void *a, const void *b);	/* for qsort: by size, then bytes */

/* Any of the values. */
bool term_text_matches(const struct term *term, struct span subject);
bool term_test_text(const struct term *term, const struct values *values, enum field field);
bool term_test_sorted(const struct term *term, const struct values *values, enum field field);
bool term_test_list(const struct term *term, const struct values *values, enum field field);
bool term_test_address(const struct term *term, const struct values *values, enum field field);
bool term_test_number(const struct term *term, const struct values *values, enum field field);
bool term_test_less(const struct term *term, const struct values *values, enum field field);
bool term_test_greater(const struct term *term, const struct values *values, enum field field);
