/* See signals.h.  A list of windows in the order in which they began, which is the one in which they end, and a table to find
 * one. A window holds no more than numbers until a second hit makes the event that will tell of what follows the first. */

#include "pipeline/signals.h"

#include <errno.h>
#include <stdlib.h>

#define N_BUCKETS 4096u

struct key {
	uint64_t process, image;	/* entity and exec, or how the process is known otherwise */
	uint64_t signal;		/* hash of its id */
};

struct window {
	struct key key;
	uint64_t began_ns;		/* clock of the pipeline */
	struct event *rest;		/* tells of the hits after the first; NULL: there was none */
	size_t bytes;			/* of it */
	struct window *newer, *next;	/* in the list; in the bucket */
};

struct signals {
	struct window *oldest, *newest;
	struct window *buckets[N_BUCKETS];
	struct event *ready, **ready_end;	/* to be taken, by ->next */
	uint64_t window_ns;
	unsigned n;
	size_t bytes, max_bytes;	/* of all that tell of a rest */
};

int signals_new(struct signals **ret, size_t max_bytes)
{
	struct signals *signals = calloc(1, sizeof(*signals));

	if (!signals)
		return -ENOMEM;
	signals->ready_end = &signals->ready;
	signals->window_ns = SIGNALS_WINDOW_NS;
	signals->max_bytes = max_bytes;
	*ret = signals;
	return 0;
}

size_t signals_bytes(const struct signals *signals)
{
	return signals->bytes;
}

void signals_set_window(struct signals *signals, uint64_t window_ns)
{
	signals->window_ns = window_ns;
}

/* The event */

static void set_rule(struct values *values, const struct stream *signal)
{
	values_set_text(values, FIELD_rule_id, span_of(signal->id));
	values_set_text(values, FIELD_rule_name, span_of(signal->name));
	if (signal->description)
		values_set_text(values, FIELD_rule_description, span_of(signal->description));
	values_set_text(values, FIELD_rule_ruleset, span_of(signal->subscription));
	values_set_text(values, FIELD_rule_severity, span_of(severity_name(signal->severity)));
	values_set_number(values, FIELD_severity, (uint64_t)signal->severity + 1);
}

/* No record makes numbers with the highest bit, so the ids of signals and of other events are never the same. */
static uint64_t origin_of(const struct event *event, uint64_t signal)
{
	const uint64_t from[] = { event->origin, event->time_ns, signal };

	return span_hash((struct span){ (const char *)from, sizeof(from) }, 0) | UINT64_C(1) << 63;
}

static struct event *event_of(const struct stream *signal, const struct event *event, uint64_t signal_hash)
{
	_cleanup_(event_freep) struct event *told = event_copy(event);
	struct values *values;
	char id[EVENT_ID_MAX];

	if (!told)
		return NULL;
	told->kind = KIND_ID(signal, match);
	told->streams = FILTER_SIGNALED;
	told->origin = origin_of(event, signal_hash);
	values = &told->values;
	set_rule(values, signal);
	values_set_text(values, FIELD_signal_event_id, (struct span){ id, event_id(event, id) });
	values_set_text(values, FIELD_signal_event_category, span_of(categories[event_category(event)].name));
	values_set_text(values, FIELD_signal_event_action, span_of(kinds[event->kind].action));
	values_set_number(values, FIELD_signal_count, 1);
	values_set_number(values, FIELD_signal_first, event->time_ns);
	values_set_number(values, FIELD_signal_last, event->time_ns);
	return values->failed ? NULL : TAKE(told);
}

static void make_ready(struct signals *signals, struct event *event)
{
	event->next = NULL;
	*signals->ready_end = event;
	signals->ready_end = &event->next;
}

/* Windows */

static struct key key_of(const struct stream *signal, const struct event *event)
{
	const struct context *context = event->context;
	struct key key = { .signal = span_hash(span_of(signal->id), 0) };

	if (!context)
		return key;
	if (values_has(&context->values, FIELD_entity_id)) {
		key.process = context->entity_id;
		key.image = values_has(&context->values, FIELD_exec_count) ? context->exec_count : 0;
	} else {
		key.process = context->serial;
		key.image = UINT64_MAX;
	}
	return key;
}

static struct window **bucket_of(struct signals *signals, const struct key *key)
{
	return &signals->buckets[span_hash((struct span){ (const char *)key, sizeof(*key) }, 0) % N_BUCKETS];
}

static struct window *find(struct signals *signals, const struct key *key)
{
	struct window *window = *bucket_of(signals, key);

	while (window && memcmp(&window->key, key, sizeof(*key)) != 0)
		window = window->next;
	return window;
}

static int begin_window(struct signals *signals, const struct key *key, uint64_t now_ns)
{
	struct window *window = malloc(sizeof(*window)), **bucket = bucket_of(signals, key);

	if (!window)
		return -ENOMEM;
	*window = (struct window){ .key = *key, .began_ns = now_ns, .next = *bucket };
	*bucket = window;
	if (signals->newest)
		signals->newest->newer = window;
	else
		signals->oldest = window;
	signals->newest = window;
	signals->n++;
	return 0;
}

static void end_oldest(struct signals *signals)
{
	struct window *window = signals->oldest, **place = bucket_of(signals, &window->key);

	while (*place != window)
		place = &(*place)->next;
	*place = window->next;
	signals->oldest = window->newer;
	if (!signals->oldest)
		signals->newest = NULL;
	signals->n--;
	signals->bytes -= window->bytes;
	if (window->rest)
		make_ready(signals, window->rest);
	free(window);
}

static bool is_over(const struct signals *signals, const struct window *window, uint64_t now_ns)
{
	return now_ns == UINT64_MAX || (window->began_ns <= now_ns && now_ns - window->began_ns >= signals->window_ns);
}

static void end_windows(struct signals *signals, uint64_t now_ns)
{
	while (signals->oldest && is_over(signals, signals->oldest, now_ns))
		end_oldest(signals);
}

static int count_more(struct signals *signals, struct window *window, const struct stream *signal, const struct event *event)
{
	struct event *rest = window->rest;

	if (rest) {
		rest->signal_count++;
		rest->signal_first = MIN(rest->signal_first, event->time_ns);
		rest->signal_last = MAX(rest->signal_last, event->time_ns);
		rest->time_ns = rest->signal_last;
		return 0;
	}
	window->rest = event_of(signal, event, window->key.signal);
	if (!window->rest)
		return -ENOMEM;
	window->bytes = event_bytes(window->rest);
	signals->bytes += window->bytes;
	return 0;
}

int signals_hit(struct signals *signals, const struct stream *signal, const struct event *event, uint64_t now_ns)
{
	const struct key key = key_of(signal, event);
	struct window *window;
	struct event *first;
	int r;

	end_windows(signals, now_ns);
	window = find(signals, &key);
	if (window) {
		r = count_more(signals, window, signal, event);
	} else {
		first = event_of(signal, event, key.signal);
		r = first ? begin_window(signals, &key, now_ns) : -ENOMEM;
		if (r >= 0)
			make_ready(signals, first);
		else
			event_free(first);
	}
	while (signals->n > SIGNALS_MAX || signals->bytes > signals->max_bytes)
		end_oldest(signals);
	return r;
}

struct event *signals_take(struct signals *signals, uint64_t now_ns)
{
	struct event *event;

	end_windows(signals, now_ns);
	event = signals->ready;
	if (!event)
		return NULL;
	signals->ready = TAKE(event->next);
	if (!signals->ready)
		signals->ready_end = &signals->ready;
	return event;
}

uint64_t signals_next_ns(const struct signals *signals)
{
	if (!signals->oldest)
		return UINT64_MAX;
	return signals->oldest->began_ns + MIN(signals->window_ns, UINT64_MAX - signals->oldest->began_ns);
}

struct signals *signals_free(struct signals *signals)
{
	if (!signals)
		return NULL;
	while (signals->oldest)
		end_oldest(signals);
	for (struct event *event; (event = signals_take(signals, 0));)
		event_free(event);
	free(signals);
	return NULL;
}
