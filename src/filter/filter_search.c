/* How each predicate of a filter is asked. Many on one field are answered by one search; of those that remain, the ones on the
 * process are kept with its context; the rest is asked when an event comes that somebody may want for it. */

#include <errno.h>

#include "filter/compiled.h"

/* What terms must weigh together for a search to be worth its own cost. */
#define WEIGHT_MIN 8
/* Terms whose answers are kept with contexts: 1 KiB a context. */
#define KEPT_MAX 4096

static int compare_candidates(const void *a, const void *b)
{
	const struct predicate *x = *(struct predicate *const *)a, *y = *(struct predicate *const *)b;

	return search_compare(x->term, y->term);
}

static int add_search(struct filter *filter, struct predicate **group, size_t n)
{
	_cleanup_(freep) const struct term **terms = calloc(n, sizeof(const struct term *));
	_cleanup_(freep) uint32_t *numbers = calloc(n, sizeof(*numbers));
	int r;

	if (!terms || !numbers)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		terms[i] = group[i]->term;
		numbers[i] = (uint32_t)(filter->n_searched + i);
	}
	r = search_new(&filter->searches[filter->n_searches], terms, numbers, n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		group[i]->searched = true;
		group[i]->exact = search_is_exact(group[i]->term);
		group[i]->number = numbers[i];
		group[i]->search = (uint32_t)filter->n_searches;
		filter->searched[filter->n_searched++] = group[i];
	}
	filter->n_searches++;
	return 0;
}

static int make_groups(struct filter *filter)
{
	_cleanup_(freep) struct predicate **candidates = calloc(MAX(filter->n_predicates, 1u), sizeof(struct predicate *));
	size_t n = 0, end;
	int r;

	if (!candidates)
		return -ENOMEM;
	for (size_t i = 0; i < filter->n_predicates; i++)
		if (search_weight(filter->predicates[i].term) > 0)
			candidates[n++] = &filter->predicates[i];
	qsort(candidates, n, sizeof(struct predicate *), compare_candidates);
	for (size_t i = 0; i < n; i = end) {
		unsigned weight = 0;

		for (end = i; end < n && search_compare(candidates[i]->term, candidates[end]->term) == 0; end++)
			weight += MIN(search_weight(candidates[end]->term), (unsigned)WEIGHT_MIN);
		if (weight >= WEIGHT_MIN && (r = add_search(filter, candidates + i, end - i)) < 0)
			return r;
	}
	return 0;
}

static bool keep_in_contexts(struct filter *filter, size_t *n_kept)
{
	bool any = false;

	for (size_t i = 0; i < filter->n_predicates; i++) {
		struct predicate *predicate = &filter->predicates[i];

		predicate->of_context = term_is_of_context(predicate->term);
		if (predicate->of_context && !predicate->exact)
			predicate->bit = *n_kept < KEPT_MAX ? (uint32_t)(*n_kept)++ : NOT_KEPT;
		any = any || predicate->of_context;
	}
	return any;
}

/* Searches in contexts are run when a context is new, the others with every event of the kinds that they serve. */
static int place_searches(struct filter *filter, size_t n_kept)
{
	_cleanup_(freep) struct context_search *of_context = calloc(MAX(filter->n_searches, 1u), sizeof(*of_context));
	size_t n_of_context = 0;
	const struct predicate *last = NULL;

	filter->event_searches = calloc(MAX(filter->n_searches, 1u), sizeof(*filter->event_searches));
	if (!of_context || !filter->event_searches)
		return -ENOMEM;
	for (size_t i = 0; i < filter->n_searched; i++) {
		struct predicate *predicate = filter->searched[i];
		struct search *search = filter->searches[predicate->search];

		if (last && last->search == predicate->search)
			continue;
		last = predicate;
		if (predicate->of_context)
			of_context[n_of_context++] = (struct context_search){ search, term_place(predicate->term) };
		else
			filter->event_searches[filter->n_event_searches++].search = search;
	}
	return verdicts_new(&filter->verdicts, of_context, n_of_context, filter->n_searched, n_kept, filter->n_filters);
}

static void set_kinds(struct filter *filter)
{
	for (size_t i = 0; i < filter->n_filters; i++) {
		const struct compiled *compiled = &filter->filters[i];

		for (uint32_t k = 0; k < compiled->n_uses; k++) {
			const struct predicate *predicate = compiled->uses[k].predicate;

			if (predicate->of_context)
				kind_set_add_all(&filter->of_context, &compiled->source->kinds);
			for (size_t m = 0; predicate->searched && m < filter->n_event_searches; m++)
				if (filter->event_searches[m].search == filter->searches[predicate->search])
					kind_set_add_all(&filter->event_searches[m].kinds, &compiled->source->kinds);
		}
	}
}

int filter_make_searches(struct filter *filter)
{
	size_t n_kept = 0;
	int r;

	filter->searches = calloc(MAX(filter->n_predicates, 1u), sizeof(struct search *));
	filter->searched = calloc(MAX(filter->n_predicates, 1u), sizeof(struct predicate *));
	filter->found = calloc(MAX(filter->n_predicates, 1u), sizeof(*filter->found));
	if (!filter->searches || !filter->searched || !filter->found)
		return -ENOMEM;
	r = make_groups(filter);
	if (r < 0)
		return r;
	if (keep_in_contexts(filter, &n_kept) || filter->n_searches > 0) {
		r = place_searches(filter, n_kept);
		if (r < 0)
			return r;
	}
	set_kinds(filter);
	return 0;
}
