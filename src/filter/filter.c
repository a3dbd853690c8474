/* All subscriptions at once. For every kind of event there is the list of the filters that can match it, in
 * order of cost; a stream that wants the event already is not asked again. Terms that several filters share
 * (an exclusion repeated in each, say) are one term, asked at most once an event. */

#include <errno.h>

#include "filter/compiled.h"
#include "filter/subscription.h"

#define N_STREAMS_MAX 64

struct filter *filter_free(struct filter *filter)
{
	if (!filter)
		return NULL;
	free(filter->filters);
	free(filter->terms);
	free(filter->uses);
	free(filter->order);
	free(filter);
	return NULL;
}

struct use {				/* one place where a term stands */
	const struct term *term;
	struct shared_term **ret;	/* where the shared one is to be written */
};

static int compare_uses(const void *a, const void *b)
{
	struct span x = term_canonical(((const struct use *)a)->term);
	struct span y = term_canonical(((const struct use *)b)->term);

	if (x.size != y.size)
		return x.size < y.size ? -1 : 1;
	return memcmp(x.data, y.data, x.size);
}

/* Makes equal terms one. */
static int share_terms(struct filter *filter, struct use *uses, size_t n)
{
	filter->terms = calloc(MAX(n, 1u), sizeof(*filter->terms));
	if (!filter->terms)
		return -ENOMEM;
	qsort(uses, n, sizeof(*uses), compare_uses);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || compare_uses(&uses[i - 1], &uses[i]) != 0)
			filter->terms[filter->n_terms++].term = uses[i].term;
		filter->terms[filter->n_terms - 1].n_users++;
		*uses[i].ret = &filter->terms[filter->n_terms - 1];
	}
	return 0;
}

static void add_filter(struct filter *filter, const struct terms *terms, uint64_t stream, struct use *uses,
		       size_t *n_uses)
{
	struct compiled *compiled = &filter->filters[filter->n_filters++];

	*compiled = (struct compiled){ .stream = stream, .terms = filter->uses + *n_uses,
				       .n_terms = (uint32_t)terms->n_tests, .source = terms };
	for (size_t i = 0; i < terms->n_tests; i++) {
		compiled->cost += term_cost(terms->items[i]);
		uses[*n_uses] = (struct use){ terms->items[i], &filter->uses[*n_uses] };
		++*n_uses;
	}
}

static int compare_compiled(const void *a, const void *b)
{
	const struct compiled *x = a, *y = b;

	return x->cost < y->cost ? -1 : x->cost > y->cost;
}

/* A term that many filters ask costs each of them little: it comes first. */
static double share(const struct shared_term *shared)
{
	return (double)term_cost(shared->term) / shared->n_users;
}

static void order_terms(struct compiled *compiled)
{
	for (uint32_t i = 1; i < compiled->n_terms; i++) {
		struct shared_term *shared = compiled->terms[i];
		uint32_t k = i;

		for (; k > 0 && share(compiled->terms[k - 1]) > share(shared); k--)
			compiled->terms[k] = compiled->terms[k - 1];
		compiled->terms[k] = shared;
	}
}

static int order_by_kind(struct filter *filter)
{
	size_t n = 0;

	for (size_t pass = 0; pass < 2; pass++) {
		if (pass == 1 && !(filter->order = calloc(MAX(n, 1u), sizeof(*filter->order))))
			return -ENOMEM;
		n = 0;
		for (unsigned kind = 0; kind < N_KINDS; kind++) {
			filter->first[kind] = n;
			for (size_t i = 0; i < filter->n_filters; i++) {
				if (!kind_set_has(&filter->filters[i].source->kinds, kind))
					continue;
				if (pass == 1)
					filter->order[n] = (uint32_t)i;
				n++;
			}
		}
		filter->first[N_KINDS] = n;
	}
	return 0;
}

static void count(const struct subscription *subscription, size_t *n_streams, size_t *n_filters,
		  size_t *n_uses)
{
	const struct stream *streams;
	size_t n = subscription_streams(subscription, &streams);

	*n_streams += n;
	for (size_t i = 0; i < n; i++) {
		const struct stream_filters *filters = subscription_filters(subscription, i);

		*n_filters += filters->n;
		for (size_t k = 0; k < filters->n; k++)
			*n_uses += filters->items[k]->n_tests;
	}
}

int filter_new(struct filter **ret, const struct subscription *const *subscriptions, size_t n)
{
	_cleanup_(filter_freep) struct filter *filter = calloc(1, sizeof(*filter));
	_cleanup_(freep) struct use *uses = NULL;
	size_t n_streams = 0, n_filters = 0, n_uses = 0, stream = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		count(subscriptions[i], &n_streams, &n_filters, &n_uses);
	if (n_streams > N_STREAMS_MAX)
		return -E2BIG;
	uses = calloc(MAX(n_uses, 1u), sizeof(*uses));
	if (!filter || !uses)
		return -ENOMEM;
	filter->filters = calloc(MAX(n_filters, 1u), sizeof(*filter->filters));
	filter->uses = calloc(MAX(n_uses, 1u), sizeof(struct shared_term *));
	if (!filter->filters || !filter->uses)
		return -ENOMEM;
	n_uses = 0;
	for (size_t i = 0; i < n; i++) {
		const struct stream *streams;
		size_t count_of = subscription_streams(subscriptions[i], &streams);

		for (size_t k = 0; k < count_of; k++, stream++) {
			const struct stream_filters *filters = subscription_filters(subscriptions[i], k);

			filter->all_streams |= UINT64_C(1) << stream;
			for (size_t m = 0; m < filters->n; m++)
				add_filter(filter, filters->items[m], UINT64_C(1) << stream, uses, &n_uses);
		}
	}
	r = share_terms(filter, uses, n_uses);
	if (r < 0)
		return r;
	for (size_t i = 0; i < filter->n_filters; i++)
		order_terms(&filter->filters[i]);
	qsort(filter->filters, filter->n_filters, sizeof(*filter->filters), compare_compiled);
	r = order_by_kind(filter);
	if (r < 0)
		return r;
	*ret = TAKE(filter);
	return 0;
}

static inline bool ask(struct shared_term *shared, uint32_t number, const struct event *event)
{
	if (shared->asked == number)
		return shared->answer;
	shared->asked = number;
	return shared->answer = term_match(shared->term, event);
}

static inline bool matches(const struct filter *filter, const struct compiled *compiled,
			   const struct event *event)
{
	for (uint32_t i = 0; i < compiled->n_terms; i++)
		if (!ask(compiled->terms[i], filter->event, event))
			return false;
	return true;
}

static void next_event(struct filter *filter)
{
	if (++filter->event != 0)
		return;
	for (size_t i = 0; i < filter->n_terms; i++)
		filter->terms[i].asked = 0;
	filter->event = 1;
}

uint64_t filter_match(struct filter *filter, const struct event *event)
{
	uint64_t streams = 0;

	if (event_category(event) == CATEGORY_recorder)
		return filter->all_streams ? filter->all_streams : 1;
	next_event(filter);
	for (size_t i = filter->first[event->kind]; i < filter->first[event->kind + 1]; i++) {
		const struct compiled *compiled = &filter->filters[filter->order[i]];

		if (!(streams & compiled->stream) && matches(filter, compiled, event))
			streams |= compiled->stream;
	}
	return streams;
}

void filter_wanted(const struct filter *filter, bool ret[N_KINDS])
{
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		ret[kind] = filter->first[kind + 1] > filter->first[kind] ||
			    kinds[kind].category == CATEGORY_recorder;
}
