/* All subscriptions at once.
 *
 * DESIGN: terms that stand in several filters are one predicate, asked at most once an event. Predicates that compare one field
 * with many texts are answered by one search (filter_search.c), those on the process once a context (verdicts.c). A filter
 * with a searched term waits for it: it costs nothing until the search finds that term, so a thousand signals cost what is
 * found. The others stand in a list by kind of event, in order of cost. A filter that the process alone makes false is dead for
 * its context. A stream that wants the event already is not asked again. */

#include <errno.h>

#include "filter/compiled.h"
#include "filter/stream.h"
#include "filter/subscription.h"

struct filter *filter_free(struct filter *filter)
{
	if (!filter)
		return NULL;
	for (size_t i = 0; i < filter->n_searches; i++)
		search_free(filter->searches[i]);
	verdicts_free(filter->verdicts);
	free(filter->searches);
	free(filter->event_searches);
	free(filter->searched);
	free(filter->found);
	free(filter->filters);
	free(filter->predicates);
	free(filter->patterned);
	free(filter->uses);
	free(filter->waiting);
	free(filter->listed);
	free(filter->signals);
	free(filter->hits);
	free(filter->signal_hit);
	free(filter);
	return NULL;
}

struct place_of_term {			/* one place where a term stands */
	const struct term *term;
	struct use *use;
};

static int compare_places(const void *a, const void *b)
{
	struct span x = term_canonical(((const struct place_of_term *)a)->term);
	struct span y = term_canonical(((const struct place_of_term *)b)->term);

	if (x.size != y.size)
		return x.size < y.size ? -1 : 1;
	return memcmp(x.data, y.data, x.size);
}

/* Makes equal terms one. */
static int share_terms(struct filter *filter, struct place_of_term *list, size_t n)
{
	filter->predicates = calloc(MAX(n, 1u), sizeof(*filter->predicates));
	filter->patterned = calloc(MAX(n, 1u), sizeof(const struct term *));
	if (!filter->predicates || !filter->patterned)
		return -ENOMEM;
	qsort(list, n, sizeof(*list), compare_places);
	for (size_t i = 0; i < n; i++) {
		struct predicate *predicate;

		if (i == 0 || compare_places(&list[i - 1], &list[i]) != 0) {
			filter->predicates[filter->n_predicates++].term = list[i].term;
			if (term_pattern_bytes(list[i].term) > 0)
				filter->patterned[filter->n_patterned++] = list[i].term;
		}
		predicate = &filter->predicates[filter->n_predicates - 1];
		predicate->n_users++;
		*list[i].use = (struct use){ predicate, term_is_negated(list[i].term) };
		predicate->negated = predicate->negated || list[i].use->negate;
	}
	return 0;
}

struct totals {
	size_t streams, signals, filters, uses;
};

static void count(const struct subscription *subscription, struct totals *totals)
{
	const struct stream *streams;
	size_t n = subscription_streams(subscription, &streams);

	for (size_t i = 0; i < n; i++) {
		const struct stream_filters *filters = subscription_filters(subscription, i);

		if (streams[i].type == STREAM_SIGNAL)
			totals->signals++;
		else
			totals->streams++;
		totals->filters += filters->n;
		for (size_t k = 0; k < filters->n; k++)
			totals->uses += filters->items[k]->n_tests;
	}
}

static int allocate(struct filter *filter, const struct totals *totals)
{
	filter->filters = calloc(MAX(totals->filters, 1u), sizeof(*filter->filters));
	filter->uses = calloc(MAX(totals->uses, 1u), sizeof(*filter->uses));
	filter->signals = calloc(MAX(totals->signals, 1u), sizeof(const struct stream *));
	filter->hits = calloc(MAX(totals->signals, 1u), sizeof(const struct stream *));
	filter->signal_hit = calloc(MAX(totals->signals, 1u), sizeof(*filter->signal_hit));
	return filter->filters && filter->uses && filter->signals && filter->hits && filter->signal_hit ? 0 : -ENOMEM;
}

static void add_filter(struct filter *filter, const struct terms *terms, const struct compiled *of_stream,
		       struct place_of_term *list, size_t *n)
{
	struct compiled *compiled = &filter->filters[filter->n_filters++];

	*compiled = *of_stream;
	compiled->source = terms;
	compiled->uses = filter->uses + *n;
	compiled->n_uses = (uint32_t)terms->n_tests;
	for (size_t i = 0; i < terms->n_tests; i++) {
		compiled->cost += term_cost(terms->items[i]);
		list[*n] = (struct place_of_term){ terms->items[i], &filter->uses[*n] };
		++*n;
	}
	kind_set_add_all(&filter->wanted, &terms->kinds);
	if (of_stream->signal)
		kind_set_add_all(&filter->signaled, &terms->kinds);
}

static void add_subscription(struct filter *filter, const struct subscription *subscription, unsigned *n_streams,
			     struct place_of_term *list, size_t *n)
{
	const struct stream *streams;
	size_t count_of = subscription_streams(subscription, &streams);

	for (size_t i = 0; i < count_of; i++) {
		const struct stream_filters *filters = subscription_filters(subscription, i);
		struct compiled of_stream = { 0 };

		if (streams[i].type == STREAM_SIGNAL) {
			filter->signals[filter->n_signals++] = &streams[i];
			of_stream.signal = (uint32_t)filter->n_signals;
			of_stream.stream = FILTER_SIGNALED;
		} else {
			of_stream.stream = UINT64_C(1) << (*n_streams)++;
			filter->all_streams |= of_stream.stream;
		}
		for (size_t k = 0; k < filters->n; k++)
			add_filter(filter, filters->items[k], &of_stream, list, n);
	}
}

static int compare_compiled(const void *a, const void *b)
{
	const struct compiled *x = a, *y = b;

	return x->cost < y->cost ? -1 : x->cost > y->cost;
}

/* What is known already comes first; a term that many filters ask costs each of them little. */
static double share(const struct use *use)
{
	const struct predicate *predicate = use->predicate;

	return predicate->exact ? 0 :
	       (double)term_cost(predicate->term) / predicate->n_users / (predicate->of_context ? 4 : 1);
}

static void order_terms(struct compiled *compiled)
{
	for (uint32_t i = 1; i < compiled->n_uses; i++) {
		struct use use = compiled->uses[i];
		uint32_t k = i;

		for (; k > 0 && share(&compiled->uses[k - 1]) > share(&use); k--)
			compiled->uses[k] = compiled->uses[k - 1];
		compiled->uses[k] = use;
	}
}

/* The one of its searched terms that the fewest filters have: the likeliest not to be found. */
static struct predicate *awaited(const struct compiled *compiled)
{
	struct predicate *best = NULL;

	for (uint32_t i = 0; i < compiled->n_uses; i++) {
		struct predicate *predicate = compiled->uses[i].predicate;

		if (predicate->searched && !compiled->uses[i].negate && (!best || predicate->n_users < best->n_users))
			best = predicate;
	}
	return best;
}

static int order_waiting(struct filter *filter)
{
	size_t used = 0;

	filter->waiting = calloc(MAX(filter->n_filters, 1u), sizeof(*filter->waiting));
	if (!filter->waiting)
		return -ENOMEM;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < filter->n_filters; i++) {
			struct predicate *predicate = awaited(&filter->filters[i]);

			if (predicate && pass == 1)
				predicate->waiting[predicate->n_waiting] = i;
			if (predicate)
				predicate->n_waiting++;
		}
		for (size_t i = 0; pass == 0 && i < filter->n_predicates; i++) {
			struct predicate *predicate = &filter->predicates[i];

			predicate->waiting = filter->waiting + used;
			used += predicate->n_waiting;
			predicate->n_waiting = 0;
		}
	}
	return 0;
}

/* Those that are asked with every event of a kind: filters are numbered in order of cost. */
static int list_by_kind(struct filter *filter)
{
	filter->n_words = (filter->n_filters + 63) / 64;
	filter->listed = calloc(MAX(filter->n_words, 1u), N_KINDS * sizeof(*filter->listed));
	if (!filter->listed)
		return -ENOMEM;
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		for (size_t i = 0; i < filter->n_filters; i++)
			if (kind_set_has(&filter->filters[i].source->kinds, kind) && !awaited(&filter->filters[i]))
				filter->listed[kind * filter->n_words + i / 64] |= UINT64_C(1) << (i % 64);
	return 0;
}

int filter_new(struct filter **ret, const struct subscription *const *subscriptions, size_t n)
{
	_cleanup_(filter_freep) struct filter *filter = calloc(1, sizeof(*filter));
	_cleanup_(freep) struct place_of_term *list = NULL;
	struct totals totals = { 0 };
	unsigned n_streams = 0;
	size_t n_places = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		count(subscriptions[i], &totals);
	if (totals.streams > STREAMS_MAX)
		return -E2BIG;
	list = calloc(MAX(totals.uses, 1u), sizeof(*list));
	if (!filter || !list || allocate(filter, &totals) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		add_subscription(filter, subscriptions[i], &n_streams, list, &n_places);
	r = share_terms(filter, list, n_places);
	if (r < 0 || (r = filter_make_searches(filter)) < 0)
		return r;
	for (size_t i = 0; i < filter->n_filters; i++)
		order_terms(&filter->filters[i]);
	qsort(filter->filters, filter->n_filters, sizeof(*filter->filters), compare_compiled);
	r = order_waiting(filter);
	if (r < 0 || (r = list_by_kind(filter)) < 0)
		return r;
	*ret = TAKE(filter);
	return 0;
}

/* Asking it */

/* Once a context. */
static bool ask_of_context(struct filter *filter, const struct predicate *predicate, const struct event *event)
{
	uint64_t bit = UINT64_C(1) << (predicate->bit % 64);
	uint32_t word = predicate->bit / 64;

	if (!(filter->known->known[word] & bit)) {
		filter->known->known[word] |= bit;
		if (term_holds(predicate->term, event))
			filter->known->holds[word] |= bit;
		else
			filter->known->holds[word] &= ~bit;
	}
	return filter->known->holds[word] & bit;
}

static inline bool ask(struct filter *filter, struct predicate *predicate, const struct event *event)
{
	if (predicate->asked == filter->event)
		return predicate->answer;
	if (predicate->searched && predicate->found != filter->event)
		return false;
	if (predicate->of_context && !filter->known)
		return false;
	if (predicate->of_context && predicate->bit != NOT_KEPT)
		return ask_of_context(filter, predicate, event);
	predicate->asked = filter->event;
	return predicate->answer = term_holds(predicate->term, event);
}

static inline bool matches(struct filter *filter, size_t number, const struct event *event)
{
	const struct compiled *compiled = &filter->filters[number];

	for (uint32_t i = 0; i < compiled->n_uses; i++) {
		if (ask(filter, compiled->uses[i].predicate, event) != compiled->uses[i].negate)
			continue;
		if (filter->known && compiled->uses[i].predicate->of_context)
			filter->known->dead[number / 64] |= UINT64_C(1) << (number % 64);
		return false;
	}
	return true;
}

static void next_event(struct filter *filter)
{
	filter->n_found = 0;
	filter->known = NULL;
	if (++filter->event != 0)
		return;
	for (size_t i = 0; i < filter->n_predicates; i++)
		filter->predicates[i].asked = filter->predicates[i].found = 0;
	memset(filter->signal_hit, 0, filter->n_signals * sizeof(*filter->signal_hit));
	filter->event = 1;
}

static void note_found(void *user, uint32_t number)
{
	struct filter *filter = user;
	struct predicate *predicate = filter->searched[number];

	if (predicate->found == filter->event)
		return;
	predicate->found = filter->event;
	if (predicate->exact) {
		predicate->asked = filter->event;
		predicate->answer = true;
	}
	if (predicate->n_waiting > 0)
		filter->found[filter->n_found++] = number;
}

static int search(struct filter *filter, const struct event *event)
{
	if (event->context && filter->verdicts && kind_set_has(&filter->of_context, event->kind)) {
		filter->known = verdicts_of(filter->verdicts, event->context);
		if (!filter->known)
			return -ENOMEM;
		for (size_t i = 0; i < filter->known->n_found; i++)
			note_found(filter, filter->known->found[i]);
	}
	for (size_t i = 0; i < filter->n_event_searches; i++)
		if (kind_set_has(&filter->event_searches[i].kinds, event->kind))
			search_event(filter->event_searches[i].search, event, note_found, filter);
	return 0;
}

/* Whether it has what the filter could give it. */
static inline bool is_served(const struct filter *filter, const struct compiled *compiled, uint64_t streams)
{
	return compiled->signal ? filter->signal_hit[compiled->signal - 1] == filter->event : streams & compiled->stream;
}

static inline void give(struct filter *filter, const struct compiled *compiled, uint64_t *streams)
{
	*streams |= compiled->stream;
	if (!compiled->signal)
		return;
	filter->signal_hit[compiled->signal - 1] = filter->event;
	filter->hits[filter->n_hits++] = filter->signals[compiled->signal - 1];
}

/* Every term by itself: what the rest of this file says sooner. */
static bool matches_plainly(const struct compiled *compiled, const struct event *event)
{
	for (uint32_t i = 0; i < compiled->n_uses; i++)
		if (term_holds(compiled->uses[i].predicate->term, event) == compiled->uses[i].negate)
			return false;
	return true;
}

uint64_t filter_match_plainly(struct filter *filter, const struct event *event)
{
	uint64_t streams = 0;

	filter->n_hits = 0;
	if (event_category(event) == CATEGORY_recorder)
		return filter->all_streams ? filter->all_streams : 1;
	next_event(filter);
	for (size_t i = 0; i < filter->n_filters; i++) {
		const struct compiled *compiled = &filter->filters[i];

		if (kind_set_has(&compiled->source->kinds, event->kind) && !is_served(filter, compiled, streams) &&
		    matches_plainly(compiled, event))
			give(filter, compiled, &streams);
	}
	return streams;
}

static bool is_dead(const struct filter *filter, uint32_t number)
{
	return filter->known && filter->known->dead[number / 64] >> (number % 64) & 1;
}

/* The filters that waited for what was found. */
static void match_found(struct filter *filter, const struct event *event, uint64_t *streams)
{
	for (size_t i = 0; i < filter->n_found; i++) {
		const struct predicate *predicate = filter->searched[filter->found[i]];

		for (uint32_t k = 0; k < predicate->n_waiting; k++) {
			uint32_t number = predicate->waiting[k];
			const struct compiled *compiled = &filter->filters[number];

			if (!is_dead(filter, number) && kind_set_has(&compiled->source->kinds, event->kind) &&
			    !is_served(filter, compiled, *streams) && matches(filter, number, event))
				give(filter, compiled, streams);
		}
	}
}

static void match_listed(struct filter *filter, const struct event *event, uint64_t *streams)
{
	const uint64_t *listed = filter->listed + event->kind * filter->n_words;

	for (size_t word = 0; word < filter->n_words; word++) {
		uint64_t rest = listed[word];

		if (filter->known)
			rest &= ~filter->known->dead[word];
		for (; rest != 0; rest &= rest - 1) {
			size_t number = word * 64 + (size_t)__builtin_ctzll(rest);
			const struct compiled *compiled = &filter->filters[number];

			if (!is_served(filter, compiled, *streams) && matches(filter, number, event))
				give(filter, compiled, streams);
		}
	}
}

uint64_t filter_match(struct filter *filter, const struct event *event)
{
	uint64_t streams = 0;

	filter->n_hits = 0;
	if (event_category(event) == CATEGORY_recorder)
		return filter->all_streams ? filter->all_streams : 1;
	if (!kind_set_has(&filter->wanted, event->kind))
		return 0;
	next_event(filter);
	if (search(filter, event) < 0)
		return filter_match_plainly(filter, event);
	match_found(filter, event, &streams);
	match_listed(filter, event, &streams);
	return streams;
}

size_t filter_hits(const struct filter *filter, const struct stream *const **ret)
{
	*ret = filter->hits;
	return filter->n_hits;
}

uint64_t filter_given_up(const struct filter *filter)
{
	uint64_t n = 0;

	for (size_t i = 0; i < filter->n_patterned; i++)
		n += term_given_up(filter->patterned[i]);
	return n;
}

bool filter_looks_at_hashes(const struct filter *filter)
{
	static const enum field hashes[] = {
		FIELD_hash_md5,	  FIELD_hash_sha1,   FIELD_hash_sha256,	  FIELD_hash_state,
		FIELD_script_md5, FIELD_script_sha1, FIELD_script_sha256, FIELD_script_hash_state,
		FIELD_dll_md5,	  FIELD_dll_sha1,    FIELD_dll_sha256,	  FIELD_dll_hash_state,
		FIELD_driver_md5, FIELD_driver_sha1, FIELD_driver_sha256, FIELD_driver_hash_state,
	};
	uint64_t set[FIELD_WORDS] = { 0 };
	bool any = false;

	for (size_t i = 0; i < filter->n_predicates; i++)
		term_fields(filter->predicates[i].term, set);
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		any |= set[hashes[i] / 64] >> (hashes[i] % 64) & 1;
	return any;
}

void filter_wanted(const struct filter *filter, bool ret[N_KINDS])
{
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		ret[kind] = kind_set_has(&filter->wanted, kind) || kinds[kind].category == CATEGORY_recorder;
}

bool filter_may_signal(const struct filter *filter, uint16_t kind)
{
	return kind_set_has(&filter->signaled, kind);
}

bool filter_has_signals(const struct filter *filter)
{
	for (uint16_t kind = 0; kind < N_KINDS; kind++)
		if (filter_may_signal(filter, kind))
			return true;
	return false;
}
