/* See delivery.h. */

#include "pipeline/delivery.h"

#include <errno.h>
#include <stdlib.h>

#include "pipeline/collate.h"
#include "pipeline/hash_wait.h"
#include "pipeline/signals.h"

struct delivery {
	const struct pipeline_options *options;
	struct balance *balance;
	const struct tracker *tracker;
	pipeline_fn emit;
	void *user;
	struct hash_wait *hash_wait;
	struct collate *collate;
	struct signals *signals;
	struct shed *shed;
	bool waits_for_hashes;		/* some subscription looks at them */
	uint64_t now_ns;
};

int delivery_new(struct delivery **ret, const struct pipeline_options *options, struct balance *balance,
		 const struct tracker *tracker, pipeline_fn emit, void *user)
{
	_cleanup_(delivery_freep) struct delivery *delivery = calloc(1, sizeof(*delivery));
	size_t waiting_bytes = options->waiting_bytes > 0 ? options->waiting_bytes : 4 * PIPELINE_WAITING_BYTES;
	int r;

	if (!delivery)
		return -ENOMEM;
	delivery->options = options;
	delivery->balance = balance;
	delivery->tracker = tracker;
	delivery->emit = emit;
	delivery->user = user;
	r = hash_wait_new(&delivery->hash_wait, waiting_bytes / 2);	/* all that comes waits behind what waits for a hash */
	if (r >= 0)
		r = collate_new(&delivery->collate, waiting_bytes / 4);
	if (r >= 0)
		r = signals_new(&delivery->signals, waiting_bytes / 4);
	if (r >= 0)
		r = shed_new(&delivery->shed);
	if (r < 0)
		return r;
	delivery_set_times(delivery, &(struct pipeline_times){ .signal_window_ns = options->signal_window_ns,
							       .collate_ns = MAX(options->collate_ns, 1U) });
	delivery_follow_filter(delivery);
	*ret = TAKE(delivery);
	return 0;
}

struct delivery *delivery_free(struct delivery *delivery)
{
	if (!delivery)
		return NULL;
	hash_wait_free(delivery->hash_wait);
	collate_free(delivery->collate);
	signals_free(delivery->signals);
	shed_free(delivery->shed);
	free(delivery);
	return NULL;
}

void delivery_set_times(struct delivery *delivery, const struct pipeline_times *times)
{
	if (times->signal_window_ns > 0)
		signals_set_window(delivery->signals, times->signal_window_ns);
	if (times->collate_ns > 0)
		collate_set_window(delivery->collate, times->collate_ns > 1 ? times->collate_ns : 0);
}

void delivery_follow_filter(struct delivery *delivery)
{
	delivery->waits_for_hashes = delivery->options->filter && filter_looks_at_hashes(delivery->options->filter);
}

static void count(struct delivery *delivery, const struct event *event, enum event_term term)
{
	delivery->balance->events[event_category(event)][term]++;
}

/* It ends here. */
static void end(struct delivery *delivery, struct event *event, enum event_term term)
{
	count(delivery, event, term);
	event_free(event);
}

static int hand_on(struct delivery *delivery, struct event *event)
{
	count(delivery, event, EVENTS_EMITTED);
	return delivery->emit(delivery->user, event);
}

static uint64_t streams_of(struct delivery *delivery, const struct event *event)
{
	/* Whoever reads a stream alone must see that it cannot be relied upon. */
	if (event->kind == KIND_ID(security, tamper) && delivery->options->filter)
		return filter_match(delivery->options->filter, event) | ~FILTER_SIGNALED;
	if (delivery->options->wanted && !__atomic_load_n(&delivery->options->wanted[event->kind], __ATOMIC_RELAXED) &&
	    event_category(event) != CATEGORY_recorder)
		return 0;
	return delivery->options->filter ? filter_match(delivery->options->filter, event) : 1;
}

/* Says of every signal that the event set off.  The event itself goes where its other streams want it. */
static int note_signals(struct delivery *delivery, struct event *event)
{
	const struct stream *const *hits;
	size_t n = filter_hits(delivery->options->filter, &hits);

	for (size_t i = 0; i < n; i++) {
		int r = signals_hit(delivery->signals, hits[i], event, delivery->now_ns);

		if (r < 0)
			return r;
	}
	event->streams &= ~FILTER_SIGNALED;
	return 0;
}

/* 1: there was something. */
static int emit_signals(struct delivery *delivery, uint64_t now_ns)
{
	struct event *event;
	int n = 0;

	for (; (event = signals_take(delivery->signals, now_ns)); n = 1) {
		int r;

		count(delivery, event, EVENTS_MADE);
		r = hand_on(delivery, event);
		if (r < 0)
			return r;
	}
	return n;
}

/* 1: there was something. */
static int emit_collated(struct delivery *delivery, uint64_t now_ns)
{
	struct event *event;
	int n = 0;

	for (; (event = collate_take(delivery->collate, now_ns)); n = 1) {
		int r = hand_on(delivery, event);

		if (r < 0)
			return r;
	}
	return n;
}

/* The event goes on, waits, or is counted with one that waits. */
static int emit(struct delivery *delivery, struct event *event)
{
	enum category category = event_category(event);
	struct event *before;

	while ((before = collate_take_before(delivery->collate, event))) {
		int r = hand_on(delivery, before);

		if (r < 0) {
			end(delivery, event, EVENTS_NO_MEMORY);
			return r;
		}
	}
	switch (collate_event(delivery->collate, event, delivery->now_ns)) {
	case 0:
		return hand_on(delivery, event);
	case 1:
		return 0;
	default:
		delivery->balance->events[category][EVENTS_MERGED]++;	/* it is gone */
		shed_merged(delivery->shed);
		return 0;
	}
}

static int filter_and_emit(struct delivery *delivery, struct event *event)
{
	bool has_signals = false;
	int r = 0;

	event->streams = streams_of(delivery, event);
	/* What a user's rule asked for is also for who wants to know of such rules, of whatever kind it is. */
	if (event->streams == 0 && event->asked) {
		uint16_t kind = event->kind;

		event->kind = KIND_ID(security, audit_rule);
		event->streams = streams_of(delivery, event);
		event->kind = kind;
	}
	if (unlikely(event->streams & FILTER_SIGNALED)) {
		has_signals = true;
		r = note_signals(delivery, event);
		if (r < 0) {
			end(delivery, event, EVENTS_NO_MEMORY);
			return r;
		}
	}
	if (event->streams == 0)
		end(delivery, event, EVENTS_FILTERED_OUT);
	else if (!has_signals && shed_event(delivery->shed, event))	/* what sets off a signal is not for letting go of */
		end(delivery, event, EVENTS_SHED);
	else
		r = emit(delivery, event);
	/* Behind the event that set them off. */
	if (r < 0 || !has_signals)
		return r;
	r = emit_signals(delivery, delivery->now_ns);
	return MIN(r, 0);
}

/* Those in front of which nothing waits any more.  all: the others too, with what is known by now.  1: there was something. */
static int release_waiting(struct delivery *delivery, bool all)
{
	uint64_t timeout_ns = delivery->options->assembler.timeout_ns;
	struct event *event;
	int n = 0;

	for (; (event = hash_wait_first(delivery->hash_wait)); n = 1) {
		int r = tracker_complete(delivery->tracker, event);

		if (r < 0)
			return r;
		if (r > 0 && !all && !hash_wait_is_full(delivery->hash_wait) &&
		    delivery->now_ns - hash_wait_since_ns(delivery->hash_wait) < timeout_ns)
			break;
		r = filter_and_emit(delivery, hash_wait_take(delivery->hash_wait));
		if (r < 0)
			return r;
	}
	return n;
}

int delivery_event(struct delivery *delivery, struct event *event, uint64_t now_ns)
{
	enum category category;
	int r = 0;

	delivery->now_ns = now_ns;
	if (!hash_wait_first(delivery->hash_wait)) {
		r = delivery->waits_for_hashes ? tracker_complete(delivery->tracker, event) : 0;
		if (r < 0)
			end(delivery, event, EVENTS_NO_MEMORY);
		if (r <= 0)
			return r < 0 ? r : filter_and_emit(delivery, event);
	}
	/* What comes behind one that waits, waits too. */
	category = event_category(event);
	r = hash_wait_put(delivery->hash_wait, event, now_ns);
	if (r < 0)
		delivery->balance->events[category][EVENTS_NO_MEMORY]++;	/* it is gone */
	else
		r = release_waiting(delivery, false);
	return MIN(r, 0);
}

/* What is said of steps, in front of what follows from them.  1: there was something. */
static int emit_shed(struct delivery *delivery, uint64_t now_ns)
{
	struct event *event;
	int n = 0;

	for (; (event = shed_take(delivery->shed, now_ns)); n = 1) {
		int r;

		delivery->balance->events[event_category(event)][EVENTS_MADE]++;
		r = filter_and_emit(delivery, event);
		if (r < 0)
			return r;
	}
	return n;
}

int delivery_shed(struct delivery *delivery, const struct shed_change *change, uint64_t now_ns)
{
	int r = shed_change(delivery->shed, change, now_ns), told;

	collate_set_harder(delivery->collate, shed_step(delivery->shed) >= SHED_COALESCE);
	delivery->now_ns = now_ns;
	told = emit_shed(delivery, now_ns);
	return r < 0 ? r : MIN(told, 0);
}

int delivery_end_steps(struct delivery *delivery, uint64_t now_ns)
{
	enum shed_step step;
	int r = 0;

	while ((step = shed_step(delivery->shed)) > SHED_NOTHING)
		r = MIN(r, delivery_shed(delivery, &(struct shed_change){ .step = step, .begins = false }, now_ns));
	return r;
}

void delivery_follow_back(struct delivery *delivery, uint64_t now_ns)
{
	shed_follow_back(delivery->shed, now_ns);
}

bool delivery_lets_go(struct delivery *delivery, uint16_t kind, struct context *context, uint64_t time_ns)
{
	const bool *wanted = delivery->options->wanted;
	const struct filter *filter = delivery->options->filter;

	return (!wanted || __atomic_load_n(&wanted[kind], __ATOMIC_RELAXED)) && !(filter && filter_may_signal(filter, kind)) &&
	       shed_record(delivery->shed, kind, context, time_ns);
}

bool delivery_is_shedding(const struct delivery *delivery)
{
	return shed_step(delivery->shed) >= SHED_SOURCE;
}

size_t delivery_bytes(const struct delivery *delivery)
{
	return collate_bytes(delivery->collate) + signals_bytes(delivery->signals) + hash_wait_bytes(delivery->hash_wait);
}

uint64_t delivery_untold_ns(const struct delivery *delivery)
{
	return MIN(shed_untold_ns(delivery->shed), collate_kept_ns(delivery->collate));
}

const struct shed_stats *delivery_shed_stats(const struct delivery *delivery)
{
	return shed_stats(delivery->shed);
}

int delivery_release(struct delivery *delivery, uint64_t now_ns, bool all)
{
	uint64_t until_ns = all ? UINT64_MAX : now_ns;
	int n, r;

	delivery->now_ns = now_ns;
	n = release_waiting(delivery, all);
	if (n < 0)
		return n;
	r = emit_collated(delivery, until_ns);
	if (r < 0)
		return r;
	n |= r;
	r = emit_shed(delivery, until_ns);
	if (r < 0)
		return r;
	n |= r;
	r = emit_signals(delivery, until_ns);
	return r < 0 ? r : n | r;
}

uint64_t delivery_next_ns(const struct delivery *delivery)
{
	uint64_t next_ns = MIN(collate_next_ns(delivery->collate), signals_next_ns(delivery->signals));

	next_ns = MIN(next_ns, shed_next_ns(delivery->shed));
	if (hash_wait_first(delivery->hash_wait))
		next_ns = MIN(next_ns, hash_wait_since_ns(delivery->hash_wait) + delivery->options->assembler.timeout_ns);
	return next_ns;
}

uint64_t delivery_waiting(const struct delivery *delivery)
{
	return hash_wait_count(delivery->hash_wait) + collate_count(delivery->collate);
}
