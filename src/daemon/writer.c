/* See writer.h.  A batch is what came during one drain interval; few events wait for the next commit unless somebody
 * watches: to be woken for them costs more than they do.  Commits are four a second at most: one costs as much as a hundred
 * events, and under a steady load every interval would have one. */

#include "daemon/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/books.h"
#include "daemon/confine.h"

#define BUSY_EVENTS 1024u		/* in the queue: the next batch is large enough already */
#define COMMIT_NS (250 * NS_PER_MS)
#define DONE_EVERY 256			/* events between two reports to the queue */
#define DONE_EVERY_BYTES ((size_t)1 << 20)

struct writer {
	struct writer_options options;
	_Atomic uint64_t drain_ns, alive_ns;	/* of the options, as they are now */
	uint64_t oldest_ns;		/* that the events since the last commit tell of; UINT64_MAX: there is none */
	_Atomic uint64_t oldest_lost_ns;	/* since somebody asked; UINT64_MAX: none was lost */
	_Atomic uint64_t whole_ns;	/* until then all that is missing has been told of; 0: not known */
	atomic_uint stretch_percent;
	_Atomic uint64_t turns;
	pthread_t thread;
	pthread_mutex_t stats_lock;
	struct writer_stats stats;
	struct database_limits limits;	/* under stats_lock; */
	atomic_bool limits_changed;	/* they are not yet what the database has */
	uint64_t events[N_CATEGORIES][N_EVENT_TERMS];	/* of the database those that it accepted... */
	struct sink_report database;	/* ...and what it has said of them since */
	bool has_refused;		/* a sink did not take something of this list... */
	uint64_t said_ns;		/* ...which was said last then (CLOCK_MONOTONIC) */
	uint64_t next_ns;		/* when a sink wants to be flushed */
	const struct writer_routes *_Atomic routes;	/* to be taken over when their mark comes */
	uint64_t journaled_before, journal_lost_before;	/* by journals that are closed by now */
};

/* Each sink fails by itself: what one does not take the others have. */
static void failed(struct writer_sink *sink, int error, const char *what)
{
	struct sink_report report;

	if (sink->last_error == error)
		return;
	sink->last_error = error;
	if (error == SINK_HELD) {
		log_error("Somebody reads an old state of the database for so long that there is no room left for new events within its "
			  "bound; they are lost until it ends, and counted");
		return;
	}
	if (!sink->is_journal) {
		log_errno(error, "Failed to %s the %s; events are lost until it works again, and counted", what, sink->ops->name);
		return;
	}
	sink->ops->report(sink->sink, &report);
	log_errno(error, "Failed to %s the journal %s; it lacks events until it works again, which are counted", what, report.path);
}

/* Of the database; or of the journals that were to have it. */
static enum event_term term_of(const struct writer_sink *sink, int r)
{
	if (sink->is_journal)
		return EVENTS_JOURNALS_ONLY;
	return r == SINK_HELD ? EVENTS_HELD : r < 0 ? EVENTS_NOT_STORED : EVENTS_STORED;
}

/* From when on something is missing if this one is lost: a gap that nobody is told of is one of all that it would have told of. */
static uint64_t misses_from(const struct event *event)
{
	bool is_gap = event->kind == KIND_ID(recorder, gap) && values_has(&event->values, FIELD_gap_begin);

	return is_gap ? MIN(event->time_ns, values_number(&event->values, FIELD_gap_begin)) : event_begin_ns(event);
}

static void write_event(struct writer *writer, struct event *event)
{
	enum event_term term = EVENTS_UNSTORED;

	writer->oldest_ns = MIN(writer->oldest_ns, misses_from(event));
	for (size_t i = 0; i < writer->options.n_sinks; i++) {
		struct writer_sink *sink = &writer->options.sinks[i];
		int r;

		/* Of category recorder: everywhere.  Who reads a journal alone must see the gaps too. */
		if (!(event->streams & sink->streams) && event_category(event) != CATEGORY_recorder)
			continue;
		r = sink->ops->write(sink->sink, event);
		if (term == EVENTS_UNSTORED || !sink->is_journal)
			term = term_of(sink, r);
		if (r < 0) {
			sink->refused++;
			writer->has_refused = true;
			sink->held += r == SINK_HELD;
			sink->refused_some = true;
			failed(sink, r, "write to");
		} else {
			sink->wrote = true;
		}
	}
	writer->events[event_category(event)][term]++;
	taps_event(writer->options.taps, event, &writer->options.json);
}

/* Nothing is lost by it, so it is only said, once. */
static void tell_upkeep(struct writer_sink *sink, const struct sink_report *report)
{
	if (report->upkeep_error == sink->upkeep_error)
		return;
	sink->upkeep_error = report->upkeep_error;
	if (report->upkeep_error < 0)
		log_errno(report->upkeep_error, "The journal %s cannot be rotated, or an old file of it not compressed; "
			  "it is written to, and takes more room than it is to have", report->path);
}

/* What the database accepted and has lost since, and what it had to say itself.  Under stats_lock. */
static void count_events(struct writer *writer)
{
	const struct sink_report *database = &writer->database;
	uint64_t (*events)[N_EVENT_TERMS] = writer->stats.events;

	memcpy(events, writer->events, sizeof(writer->events));
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		events[i][EVENTS_STORED] -= database->lost_of[i];
		events[i][EVENTS_NOT_STORED] += database->lost_of[i];
	}
	events[CATEGORY_recorder][EVENTS_MADE] += database->made;
	events[CATEGORY_recorder][EVENTS_EMITTED] += database->made;
	events[CATEGORY_recorder][EVENTS_STORED] += database->made;
}

static void publish(struct writer *writer)
{
	struct writer_stats stats = { .journaled = writer->journaled_before, .journal_lost = writer->journal_lost_before };

	writer->next_ns = UINT64_MAX;
	for (size_t i = 0; i < writer->options.n_sinks; i++) {
		struct writer_sink *sink = &writer->options.sinks[i];
		struct sink_report report;

		sink->ops->report(sink->sink, &report);
		if (report.next_ns)
			writer->next_ns = MIN(writer->next_ns, report.next_ns);
		tell_upkeep(sink, &report);
		if (report.lost + sink->refused > sink->n_lost)
			atomic_store(&writer->oldest_lost_ns, MIN(atomic_load(&writer->oldest_lost_ns), writer->oldest_ns));
		sink->n_lost = report.lost + sink->refused;
		*(sink->is_journal ? &stats.journal_lost : &stats.lost) += report.lost + sink->refused;
		if (!sink->is_journal) {
			writer->database = report;
			stats.held = sink->held;
			stats.last_error = sink->last_error;
			stats.head = report.head;
			stats.closed_head = report.closed_head;
		} else if (sink->last_error < 0 && stats.journal_error == 0) {
			stats.journal_error = sink->last_error;
			snprintf(stats.journal_path, sizeof(stats.journal_path), "%s", report.path ? report.path : "");
		}
		stats.removed += report.n_removed;
		stats.damaged += report.n_damaged;
		if (report.n_damaged > 0)
			snprintf(stats.damaged_path, sizeof(stats.damaged_path), "%s", report.damaged_path);
		*(sink->is_journal ? &stats.journaled : &stats.stored) += report.events;
	}
	pthread_mutex_lock(&writer->stats_lock);
	writer->stats = stats;
	count_events(writer);
	pthread_mutex_unlock(&writer->stats_lock);
}

static void works_again(struct writer_sink *sink)
{
	struct sink_report report;

	sink->last_error = 0;
	if (!sink->is_journal) {
		log_info("Storing works again");
		return;
	}
	sink->ops->report(sink->sink, &report);
	log_info("The journal %s works again", report.path);
}

static void flush(struct writer *writer)
{
	uint64_t whole_ns = atomic_load(&writer->whole_ns);

	for (size_t i = 0; i < writer->options.n_sinks; i++) {
		struct writer_sink *sink = &writer->options.sinks[i];
		int r;

		if (sink->ops->set_whole)
			sink->ops->set_whole(sink->sink, whole_ns);
		r = sink->ops->flush(sink->sink, clock_now_ns());

		if (r < 0)
			failed(sink, r, "commit to");
		else if (sink->wrote && !sink->refused_some && sink->last_error < 0)
			works_again(sink);
		sink->wrote = sink->refused_some = false;
	}
	publish(writer);
	writer->oldest_ns = UINT64_MAX;
}

static bool is_kept(const struct writer_routes *routes, const struct sink *sink)
{
	for (size_t i = 0; i < routes->n_sinks; i++)
		if (routes->sinks[i].sink == sink)
			return true;
	return false;
}

static void close_sink(struct writer *writer, struct writer_sink *sink)
{
	struct sink_report report;
	int r = sink->ops->flush(sink->sink, clock_now_ns());

	if (r < 0)
		failed(sink, r, "write to");
	sink->ops->report(sink->sink, &report);
	if (sink->is_journal) {
		writer->journal_lost_before += report.lost + sink->refused;
		writer->journaled_before += report.events;
	}
	sink->ops->free(sink->sink);
}

/* The same sink goes on, for other streams perhaps. */
static void take_counts(struct writer_sink *to, const struct writer_sink *from)
{
	uint64_t streams = to->streams;

	*to = *from;
	to->streams = streams;
}

/* The mark has come: what follows is of other streams. */
static void take_over(struct writer *writer, const struct writer_routes *routes)
{
	struct writer_options *o = &writer->options;

	struct writer_sink next[MAX_SINKS];

	memcpy(next, routes->sinks, sizeof(next));
	for (size_t i = 0; i < o->n_sinks; i++) {
		if (!is_kept(routes, o->sinks[i].sink))
			close_sink(writer, &o->sinks[i]);
		for (size_t k = 0; k < routes->n_sinks; k++)
			if (next[k].sink == o->sinks[i].sink)
				take_counts(&next[k], &o->sinks[i]);
	}
	memcpy(o->sinks, next, sizeof(o->sinks));
	o->n_sinks = routes->n_sinks;
	for (size_t i = 0; i < o->n_sinks; i++)
		if (o->sinks[i].is_journal && o->sinks[i].ops->set_limits)	/* the database's come by themselves */
			o->sinks[i].ops->set_limits(o->sinks[i].sink, &routes->limits[i]);
	atomic_store(&writer->routes, NULL);
}

static bool is_mark(const struct writer *writer, const struct event *event)
{
	const struct writer_routes *routes = writer->routes;

	return unlikely(routes != NULL) && routes->mark == event;
}

static void take_mark(struct writer *writer, const struct event *mark)
{
	writer->events[event_category(mark)][EVENTS_UNSTORED]++;
	take_over(writer, writer->routes);
}

/* A sink that fails may take its time for each event: what is lost is not to be said when all of a list is. */
static bool is_overdue(const struct writer *writer)
{
	return unlikely(writer->has_refused) && clock_ns(CLOCK_MONOTONIC) - writer->said_ns >= COMMIT_NS;
}

/* What became of events is said at the moment from which on they do not wait any more. */
static void done(struct writer *writer, uint32_t n, size_t bytes)
{
	if (unlikely(writer->has_refused)) {
		publish(writer);
		writer->said_ns = clock_ns(CLOCK_MONOTONIC);
	}
	pthread_mutex_lock(&writer->stats_lock);
	count_events(writer);
	event_queue_done(writer->options.queue, n, bytes);
	pthread_mutex_unlock(&writer->stats_lock);
}

static void write_list(struct writer *writer, struct event *list)
{
	uint32_t n = 0;
	size_t bytes = 0;

	writer->has_refused = false;
	while (list) {
		struct event *next = list->next;

		event_fetch(next);
		bytes += event_bytes(list);
		if (is_mark(writer, list))
			take_mark(writer, list);
		else
			write_event(writer, list);
		event_free(list);
		list = next;
		if (++n == DONE_EVERY || bytes >= DONE_EVERY_BYTES || !list || is_overdue(writer)) {
			atomic_fetch_add_explicit(&writer->turns, 1, memory_order_relaxed);
			done(writer, n, bytes);
			n = 0;
			bytes = 0;
		}
	}
}

static uint64_t stretched(const struct writer *writer, uint64_t ns)
{
	return ns * atomic_load(&((struct writer *)(uintptr_t)writer)->stretch_percent) / 100;
}

/* How long nothing but an event wakes it. */
static uint64_t patience_ns(const struct writer *writer, bool is_open)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), most = is_open ? stretched(writer, COMMIT_NS) : writer->alive_ns;

	return writer->next_ns <= now_ns ? 1 : MIN(most, writer->next_ns - now_ns);
}

static void take_limits(struct writer *writer)
{
	struct sink_options options = { 0 };

	if (!atomic_exchange(&writer->limits_changed, false))
		return;
	pthread_mutex_lock(&writer->stats_lock);
	options.database = writer->limits;
	pthread_mutex_unlock(&writer->stats_lock);
	for (size_t i = 0; i < writer->options.n_sinks; i++)
		if (!writer->options.sinks[i].is_journal)
			writer->options.sinks[i].ops->set_limits(writer->options.sinks[i].sink, &options);
}

static void *run(void *user)
{
	struct writer *writer = user;
	const struct writer_options *o = &writer->options;
	uint64_t flushed_ns = 0, now_ns;
	bool closed = false, is_open = false;	/* something is written and not committed */

	pacer_join(o->pacer);
	confine_thread(CONFINED_WRITER);
	while (!closed) {
		struct event *list = event_queue_take(o->queue, patience_ns(writer, is_open), &closed);

		take_limits(writer);
		write_list(writer, list);
		now_ns = clock_ns(CLOCK_MONOTONIC);
		if (closed || !list || now_ns - flushed_ns >= stretched(writer, COMMIT_NS)) {
			flush(writer);
			flushed_ns = now_ns;
			is_open = false;
		} else {
			is_open = true;
			publish(writer);
		}
		/* One batch an interval, not one a wake-up; but for a storm. */
		if (!closed && list && event_queue_length(o->queue) < BUSY_EVENTS) {
			clock_sleep_ns(stretched(writer, writer->drain_ns));
			if (!taps_any(o->taps))
				event_queue_gather(o->queue, BUSY_EVENTS, stretched(writer, COMMIT_NS));
		}
	}
	return NULL;
}

int writer_start(struct writer **ret, const struct writer_options *options)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return -ENOMEM;
	writer->options = *options;
	writer->next_ns = writer->oldest_ns = UINT64_MAX;
	atomic_init(&writer->oldest_lost_ns, UINT64_MAX);
	atomic_init(&writer->stretch_percent, 100);
	writer_set_intervals(writer, options->drain_ns, options->alive_ns);
	pthread_mutex_init(&writer->stats_lock, NULL);
	r = -pthread_create(&writer->thread, NULL, run, writer);
	if (r < 0) {
		free(writer);
		return r;
	}
	pthread_setname_np(writer->thread, "writer");
	*ret = writer;
	return 0;
}

static bool has_sink(const struct writer *writer, const struct sink *sink)
{
	for (size_t i = 0; i < writer->options.n_sinks; i++)
		if (writer->options.sinks[i].sink == sink)
			return true;
	return false;
}

struct writer *writer_stop(struct writer *writer, struct writer_stats *ret)
{
	if (!writer)
		return NULL;
	pthread_join(writer->thread, NULL);
	if (ret)
		*ret = writer->stats;
	/* A mark that never came: those that were opened for what follows it are ours all the same. */
	for (size_t i = 0; writer->routes && i < writer->routes->n_sinks; i++)
		if (!has_sink(writer, writer->routes->sinks[i].sink))
			writer->routes->sinks[i].ops->free(writer->routes->sinks[i].sink);
	for (size_t i = 0; i < writer->options.n_sinks; i++)
		writer->options.sinks[i].ops->free(writer->options.sinks[i].sink);
	pthread_mutex_destroy(&writer->stats_lock);
	free(writer);
	return NULL;
}

void writer_expect(struct writer *writer, const struct writer_routes *routes)
{
	atomic_store(&writer->routes, routes);
}

bool writer_is_expecting(const struct writer *writer)
{
	return writer->routes != NULL;
}

uint64_t writer_oldest_lost(struct writer *writer)
{
	return atomic_exchange(&writer->oldest_lost_ns, UINT64_MAX);
}

void writer_set_whole(struct writer *writer, uint64_t whole_ns)
{
	atomic_store(&writer->whole_ns, whole_ns);
}

void writer_set_intervals(struct writer *writer, uint64_t drain_ns, uint64_t alive_ns)
{
	atomic_store(&writer->drain_ns, drain_ns);
	atomic_store(&writer->alive_ns, alive_ns);
}

void writer_stretch(struct writer *writer, unsigned percent)
{
	atomic_store(&writer->stretch_percent, percent);
}

void writer_set_database(struct writer *writer, const struct database_limits *limits)
{
	pthread_mutex_lock(&writer->stats_lock);
	writer->limits = *limits;
	pthread_mutex_unlock(&writer->stats_lock);
	atomic_store(&writer->limits_changed, true);
}

void writer_pulse(struct writer *writer, struct pulse *ret)
{
	*ret = (struct pulse){ .name = "writer", .turns = atomic_load(&writer->turns),
			       .has_work = event_queue_length(writer->options.queue) > 0 };
}

void writer_add_to(struct writer *writer, struct balance *balance)
{
	pthread_mutex_lock(&writer->stats_lock);
	books_add_sinks(balance, writer->stats.events, writer->options.queue);
	pthread_mutex_unlock(&writer->stats_lock);
}

void writer_stats(struct writer *writer, struct writer_stats *ret)
{
	pthread_mutex_lock(&writer->stats_lock);
	*ret = writer->stats;
	pthread_mutex_unlock(&writer->stats_lock);
}
