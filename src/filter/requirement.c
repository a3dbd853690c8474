/* What an event must have to be wanted by anybody: the opposite of exclusion.c.  A filter that has a term on the field asks for
 * the values of that term and no others; if every filter has one, the values of all are all that can be wanted. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "filter/compiled.h"
#include "filter/term_impl.h"
#include "filter/terms.h"

static bool is_among(enum field field, const enum field *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == field)
			return true;
	return false;
}

/* Whether the term says of nothing but these fields what they must be. */
static bool is_bound(const struct use *use, const enum field *list, size_t n)
{
	const struct term *term = use->predicate->term;
	bool plain = term->texts ? term->operator == OPERATOR_is || term->operator == OPERATOR_in || term->operator == OPERATOR_starts :
				   term->numbers && (term->operator == OPERATOR_is || term->operator == OPERATOR_in);

	if (use->negate || !plain || term->fold_case || term->kind_only || term->name.n_fields == 0 ||
	    (term->name.place != PLACE_event && term->name.place != PLACE_process))
		return false;
	for (unsigned i = 0; i < term->name.n_fields; i++)
		if (!is_among(term->name.fields[i], list, n))
			return false;
	return true;
}

/* The one with the fewest values. */
static const struct term *bound_of(const struct compiled *compiled, const enum field *list, size_t n)
{
	const struct term *best = NULL;

	for (uint32_t i = 0; i < compiled->n_uses; i++) {
		const struct term *term = compiled->uses[i].predicate->term;

		if (is_bound(&compiled->uses[i], list, n) && (!best || term->n_values < best->n_values))
			best = term;
	}
	return best;
}

static int tell(const struct term *term, filter_text_fn fn, void *user)
{
	char number[24];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < term->n_values; i++) {
		struct span text;

		if (term->texts) {
			text = term->texts[i];
		} else {
			snprintf(number, sizeof(number), value_is_signed(fields[term->name.fields[0]].type) ? "%" PRId64 : "%" PRIu64,
				 term->numbers[i]);
			text = span_of(number);
		}
		r = fn(user, text, term->operator == OPERATOR_starts);
	}
	return r;
}

int filter_required(const struct filter *filter, const bool of_kinds[N_KINDS], const enum field *list, size_t n, filter_text_fn fn,
		    void *user)
{
	/* First whether all are bound: nothing is told of a set that has no bounds. */
	for (unsigned pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < filter->n_filters; i++) {
			const struct compiled *compiled = &filter->filters[i];
			const struct term *term;
			int r;

			if (!compiled_of_kinds(compiled, of_kinds))
				continue;
			term = bound_of(compiled, list, n);
			if (!term)
				return 0;
			if (pass == 1 && (r = tell(term, fn, user)) < 0)
				return r;
		}
	return 1;
}

/* Whole addresses as texts: their bytes.  false: it asks for networks. */
static bool addresses_as_texts(const struct term *term, struct span *texts)
{
	for (size_t i = 0; i < term->n_values; i++) {
		const struct network *network = &term->networks[i];

		if (network->bits != network->size * 8)
			return false;
		texts[i] = (struct span){ (const char *)network->bytes, network->size };
	}
	return true;
}

static int tell_need(const struct term *term, term_need_fn fn, void *user)
{
	struct term_need need = { .n_values = term->n_values, .texts = term->texts, .numbers = term->numbers,
				  .fold_case = term->fold_case };
	_cleanup_(freep) struct span *addresses = NULL;

	if (term->negate || term->kind_only || term->n_values == 0 ||
	    (term->operator != OPERATOR_is && term->operator != OPERATOR_in) ||
	    (term->name.place != PLACE_event && term->name.place != PLACE_process && term->name.place != PLACE_remote &&
	     term->name.place != PLACE_local))
		return 0;
	if (term->networks) {
		addresses = calloc(term->n_values, sizeof(*addresses));
		if (!addresses)
			return -ENOMEM;
		if (!addresses_as_texts(term, addresses))
			return 0;
		need.texts = addresses;
	}
	if (!need.texts && !need.numbers)
		return 0;
	need.fields = term->name.fields;
	need.n_fields = term->name.n_fields;
	return fn(user, &need);
}

int terms_needs(const struct terms *terms, term_need_fn fn, void *user)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < terms->n_tests; i++)
		r = tell_need(terms->items[i], fn, user);
	return r;
}
