/* A filter: terms joined by AND. What terms say of the kind alone becomes one set of kinds, looked up once;
 * the rest is asked in order of cost. */

#include <errno.h>

#include "filter/terms.h"

int terms_new(struct terms **ret, size_t n)
{
	_cleanup_(terms_freep) struct terms *terms = calloc(1, sizeof(*terms));

	if (!terms)
		return -ENOMEM;
	terms->items = calloc(MAX(n, 1u), sizeof(*terms->items));
	if (!terms->items)
		return -ENOMEM;
	*ret = TAKE(terms);
	return 0;
}

struct terms *terms_free(struct terms *terms)
{
	if (!terms)
		return NULL;
	for (size_t i = 0; i < terms->n_items; i++)
		term_free(terms->items[i]);
	free(terms->items);
	free(terms);
	return NULL;
}

void terms_add(struct terms *terms, struct term *term)
{
	term_set_position(term, (unsigned)terms->n_items);
	terms->items[terms->n_items++] = term;
}

static int compare_terms(const void *a, const void *b)
{
	const struct term *x = *(struct term *const *)a, *y = *(struct term *const *)b;

	if (term_is_kind_only(x) != term_is_kind_only(y))
		return term_is_kind_only(x) - term_is_kind_only(y);
	return term_cost(x) < term_cost(y) ? -1 : term_cost(x) > term_cost(y);
}

int terms_finish(struct terms *terms, struct filter_error *error)
{
	bool possible = true;

	memset(&terms->kinds, 0xff, sizeof(terms->kinds));
	for (size_t i = 0; i < terms->n_items; i++)
		possible = kind_set_intersect(&terms->kinds, term_kinds(terms->items[i]));
	if (!possible)
		return filter_fail(error, "no event can match: the terms exclude each other");
	qsort(terms->items, terms->n_items, sizeof(*terms->items), compare_terms);
	while (terms->n_tests < terms->n_items && !term_is_kind_only(terms->items[terms->n_tests]))
		terms->n_tests++;
	return 0;
}

int terms_parse(struct terms **ret, const char *const *texts, size_t n, struct filter_error *error)
{
	_cleanup_(terms_freep) struct terms *terms = NULL;
	int r;

	if (n > TERMS_MAX)
		return filter_fail(error, "more than %d terms", TERMS_MAX);
	r = terms_new(&terms, n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct term *term;

		r = term_parse(&term, span_of(texts[i]), error);
		if (r == -EINVAL)
			return filter_fail_at(error, "term %zu (%s)", i + 1, quote(span_of(texts[i])).text);
		if (r < 0)
			return r;
		terms_add(terms, term);
	}
	r = terms_finish(terms, error);
	if (r < 0)
		return r;
	*ret = TAKE(terms);
	return 0;
}

bool terms_match(struct terms *terms, const struct event *event)
{
	if (!kind_set_has(&terms->kinds, event->kind))
		return false;
	for (size_t i = 0; i < terms->n_tests; i++)
		if (!term_match(terms->items[i], event))
			return false;
	return true;
}

uint32_t terms_categories(const struct terms *terms)
{
	uint32_t bits = 0;

	for (unsigned kind = 0; kind < N_KINDS; kind++)
		if (kind_set_has(&terms->kinds, kind))
			bits |= 1u << kinds[kind].category;
	return bits;
}

void terms_kinds(const struct terms *terms, bool ret[N_KINDS])
{
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		ret[kind] = kind_set_has(&terms->kinds, kind);
}

bool terms_fields(const struct terms *terms, uint64_t set[static FIELD_WORDS])
{
	bool of_ancestors = false;

	for (size_t i = 0; i < terms->n_tests; i++)
		of_ancestors |= term_fields(terms->items[i], set);
	return of_ancestors;
}

bool terms_are_of_kind(const struct terms *terms)
{
	return terms->n_tests == 0;
}
