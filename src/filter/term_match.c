/* Asks a term about an event.  Two steps, each a function chosen when the term was made: find the objects the
 * field may lie in (event, process, parent, every ancestor), and test it with the values of the term. */

#include "filter/term_impl.h"

/* Comparing texts */

char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* `b` is folded already. */
static bool folded_equal(const char *a, const char *b, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (ascii_lower(a[i]) != b[i])
			return false;
	return true;
}

/* Paths that differ do so at the end of the shorter one more often than at its beginning. */
static bool text_starts(struct span s, struct span v)
{
	return s.size >= v.size && v.size > 0 && s.data[v.size - 1] == v.data[v.size - 1] &&
	       memcmp(s.data, v.data, v.size - 1) == 0;
}

static bool text_contains(struct span s, struct span v)
{
	return v.size <= s.size && memmem(s.data, s.size, v.data, v.size) != NULL;
}

static bool folded_is(struct span s, struct span v)
{
	return s.size == v.size && folded_equal(s.data, v.data, v.size);
}

static bool folded_starts(struct span s, struct span v)
{
	return s.size >= v.size && folded_equal(s.data, v.data, v.size);
}

static bool folded_ends(struct span s, struct span v)
{
	return s.size >= v.size && folded_equal(s.data + s.size - v.size, v.data, v.size);
}

static bool folded_contains(struct span s, struct span v)
{
	if (v.size > s.size)
		return false;
	for (size_t i = 0; i <= s.size - v.size; i++)
		if (ascii_lower(s.data[i]) == v.data[0] && folded_equal(s.data + i, v.data, v.size))
			return true;
	return false;
}

const struct operator operators[N_OPERATORS] = {
	[OPERATOR_is] = { { "is", 2 }, VALUE_TEXT | VALUE_NUMBER | VALUE_ADDRESS, 2, span_eq, folded_is },
	[OPERATOR_contains] = { { "contains", 8 }, VALUE_TEXT, 8, text_contains, folded_contains },
	[OPERATOR_starts] = { { "starts with", 11 }, VALUE_TEXT, 2, text_starts, folded_starts },
	[OPERATOR_ends] = { { "ends with", 9 }, VALUE_TEXT, 2, span_ends, folded_ends },
	[OPERATOR_matches] = { { "matches", 7 }, VALUE_TEXT, 40, NULL, NULL },
	[OPERATOR_in] = { { "in", 2 }, VALUE_TEXT | VALUE_NUMBER | VALUE_ADDRESS, 2, span_eq, folded_is },
	[OPERATOR_less] = { { "less than", 9 }, VALUE_NUMBER, 1, NULL, NULL },
	[OPERATOR_greater] = { { "greater than", 12 }, VALUE_NUMBER, 1, NULL, NULL },
};

/* Testing one field of one object */

int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return x->size ? memcmp(x->data, y->data, x->size) : 0;
}

bool term_text_matches(const struct term *term, struct span subject)
{
	for (size_t i = 0; i < term->n_values; i++)
		if (term->patterns ? pattern_match(term->patterns[i], subject)
				   : term->text(subject, term->texts[i]))
			return true;
	return false;
}

bool term_test_text(const struct term *term, const struct values *values, enum field field)
{
	return term_text_matches(term, values_text(values, field));
}

bool term_test_sorted(const struct term *term, const struct values *values, enum field field)
{
	struct span subject = values_text(values, field);

	return bsearch(&subject, term->texts, term->n_values, sizeof(subject), compare_spans) != NULL;
}

bool term_test_list(const struct term *term, const struct values *values, enum field field)
{
	struct span item, rest = values_text(values, field);

	while (list_next(&rest, &item))
		if (term_text_matches(term, item))
			return true;
	return false;
}

bool term_test_address(const struct term *term, const struct values *values, enum field field)
{
	struct span address = values_text(values, field);

	for (size_t i = 0; i < term->n_values; i++)
		if (network_contains(&term->networks[i], address))
			return true;
	return false;
}

bool term_test_number(const struct term *term, const struct values *values, enum field field)
{
	uint64_t number = values_number(values, field);

	for (size_t i = 0; i < term->n_values; i++)
		if (term->numbers[i] == number)
			return true;
	return false;
}

static int compare_numbers(const struct term *term, const struct values *values, enum field field)
{
	uint64_t a = values_number(values, field), b = term->numbers[0];

	if (value_is_signed(fields[field].type))
		return (int64_t)a < (int64_t)b ? -1 : (int64_t)a > (int64_t)b;
	return a < b ? -1 : a > b;
}

bool term_test_less(const struct term *term, const struct values *values, enum field field)
{
	return compare_numbers(term, values, field) < 0;
}

bool term_test_greater(const struct term *term, const struct values *values, enum field field)
{
	return compare_numbers(term, values, field) > 0;
}

/* Finding the field of an event */

static bool test_field(const struct term *term, const struct values *values, enum field field)
{
	return values_has(values, field) && term->test(term, values, field);
}

static bool test_fields(const struct term *term, const struct values *values)
{
	for (unsigned i = 0; i < term->name.n_fields; i++)
		if (test_field(term, values, term->name.fields[i]))
			return true;
	return false;
}

static bool match_event(const struct term *term, const struct event *event)
{
	return test_fields(term, &event->values);
}

static bool match_process(const struct term *term, const struct event *event)
{
	return event->context && test_fields(term, &event->context->values);
}

static bool match_parent(const struct term *term, const struct event *event)
{
	return event->context && event->context->parent && test_fields(term, &event->context->parent->values);
}

static bool match_ancestry(const struct term *term, const struct event *event)
{
	const struct context *context = event->context;

	while (context && (context = context->parent))
		if (test_fields(term, &context->values))
			return true;
	return false;
}

static bool match_current(const struct term *term, const struct event *event)
{
	if (values_has(&event->values, term->name.fields[0]))
		return term->test(term, &event->values, term->name.fields[0]);
	return event->context && test_field(term, &event->context->values, term->name.fields[1]);
}

static bool match_remote(const struct term *term, const struct event *event)
{
	return test_field(term, &event->values, term->name.fields[!event_is_ingress(event)]);
}

static bool match_local(const struct term *term, const struct event *event)
{
	return test_field(term, &event->values, term->name.fields[event_is_ingress(event)]);
}

const struct place_info places[N_PLACES] = {
	[PLACE_event] = { match_event, 1 },	  [PLACE_process] = { match_process, 1 },
	[PLACE_parent] = { match_parent, 2 },	  [PLACE_ancestry] = { match_ancestry, 10 },
	[PLACE_current] = { match_current, 1 },	  [PLACE_remote] = { match_remote, 2 },
	[PLACE_local] = { match_local, 2 },
};

/* Plain terms: no step of the general way that can be left out. */

static inline bool plain_text(const struct term *term, const struct values *values, struct span *ret)
{
	const struct text *text = (const struct text *)(const void *)((const char *)values + term->offset);

	if (!(values->known[term->known_word] & term->known_bit))
		return false;
	*ret = (struct span){ values->arena + text->offset, text->size };
	return true;
}

#define PLAIN(name, compare)                                                                           \
	static bool event_##name(const struct term *term, const struct event *event)                   \
	{                                                                                              \
		struct span text;                                                                      \
                                                                                                       \
		return plain_text(term, &event->values, &text) && compare(text, term->value);          \
	}                                                                                              \
                                                                                                       \
	static bool process_##name(const struct term *term, const struct event *event)                 \
	{                                                                                              \
		struct span text;                                                                      \
                                                                                                       \
		return event->context && plain_text(term, &event->context->values, &text) &&           \
		       compare(text, term->value);                                                     \
	}

PLAIN(is, span_eq)
PLAIN(starts, text_starts)
PLAIN(ends, span_ends)

match_fn term_plain_match(struct term *term)
{
	static const match_fn plain[N_OPERATORS][2] = {
		[OPERATOR_is] = { event_is, process_is },
		[OPERATOR_in] = { event_is, process_is },
		[OPERATOR_starts] = { event_starts, process_starts },
		[OPERATOR_ends] = { event_ends, process_ends },
	};
	enum field field = term->name.fields[0];

	if (term->name.n_fields != 1 || term->n_values != 1 || !term->texts || term->fold_case ||
	    fields[field].type == TYPE_LIST ||
	    (term->name.place != PLACE_event && term->name.place != PLACE_process))
		return NULL;
	term->value = term->texts[0];
	term->known_word = (uint16_t)(field / 64);
	term->known_bit = UINT64_C(1) << (field % 64);
	term->offset = fields[field].offset;
	return plain[term->operator][term->name.place == PLACE_process];
}

bool term_holds(const struct term *term, const struct event *event)
{
	return kind_set_has(&term->known, event->kind) && (term->kind_only || term->match(term, event));
}

bool term_match(const struct term *term, const struct event *event)
{
	return term_holds(term, event) != term->negate;
}

