/* See core.h. */

#include "daemon/core.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/asker.h"
#include "daemon/books.h"
#include "daemon/confine.h"
#include "daemon/notes.h"
#include "daemon/reader.h"
#include "decode/audit.h"
#include "pipeline/setup.h"

/* Of the ring: what the core has no time for waits there. */
#define FULL_ENOUGH 8			/* a part so large: it must have time */
#define NEARLY_EMPTY 64
#define WAIT_NS (20 * NS_PER_MS)	/* for the writer, between two looks at the ring */
#define STEP_NS (100 * NS_PER_MS)	/* between two looks whether a step may end */
#define LOOK_EVERY 64			/* records between two looks at how much waits */
#define RECORDS_A_TURN 4096		/* between two looks at clock, notes and stop */
#define MOST_NAP_NS (500 * NS_PER_MS)
#define BACK_NS NS_PER_SEC		/* that the clock goes back by before it is followed; less is waited for */

struct core {
	struct core_options options;
	struct pipeline *pipeline;
	struct asker asker;
	pthread_t thread;
	atomic_bool stop;
	uint64_t late_ns;		/* with stop: what is not done by then is let go of */
	_Atomic uint64_t turns;
	uint64_t lost_ns;		/* when it was last said that there was no memory */
	struct books books;
	_Atomic uint16_t pressed[N_SHED_CAUSES];	/* from outside */
	struct pressure pressure;
	struct pressure_now pressure_now;
	struct buffer path;		/* scratch */
	_Atomic uint64_t nap_ns;
	bool is_judged;			/* the record in hand: whether it is kept has been asked */

	pthread_mutex_t stats_lock;
	struct core_stats stats;
	pthread_cond_t changed;
	struct core_change change;	/* to be taken over... */
	struct pipeline_times times;	/* (of it) */
	uint64_t change_at;		/* when the ring has been read so far */
	atomic_bool is_changing;	/* ...if this says so */
};

/* What was no record of a plain kind is thinned out here; nobody is told of it any more. */
static int to_queue(void *user, struct event *event)
{
	struct core *core = user;

	if (core->options.thinning && !core->is_judged && unlikely(!thinning_keeps(core->options.thinning, event->kind))) {
		core->books.thinned[event_category(event)]++;
		oldest_note(&core->options.thinning->oldest, event_begin_ns(event));
		event_free(event);
	} else {
		event_queue_push(core->options.queue, event);
	}
	return 0;
}

static void watched(void *user, const struct event *event)
{
	canary_seen(user, event, clock_now_ns());
}

/* Whether the record is kept.  What signals look at is decoded in any case. */
static bool keeps(struct core *core, const struct record *record)
{
	const struct filter *filter = core->options.pipeline.filter;
	struct thinning *thinning = core->options.thinning;
	uint16_t kind;
	bool holds;

	core->is_judged = false;
	if (!thinning || record->type != RECORD_PROBE)
		return true;
	holds = thinning_holds(thinning);
	kind = unlikely(holds) ? probe_plain_kind(record->text, core->options.pipeline.guarded, &core->path) : decode_probe_kind(record->text);
	if (kind >= N_KINDS || kinds[kind].shed == 0 || (filter && filter_may_signal(filter, kind)))
		return true;
	core->is_judged = true;
	if (likely(!holds)) {
		thinning_sees(thinning, kind);
		return true;
	}
	if (thinning_keeps(thinning, kind))
		return true;
	core->books.thinned_records++;
	oldest_note(&core->options.thinning->oldest, decode_probe_begin_ns(record->time_ns, record->text));
	return false;
}

static int push(struct core *core, const struct record *record)
{
	int r;

	if (unlikely(!keeps(core, record)))
		return 0;
	r = pipeline_push(core->pipeline, record);
	core->is_judged = false;
	if (core->options.capture) {
		uint64_t clock_ns = pipeline_unsaid_clock(core->pipeline);

		if (clock_ns > 0)
			asker_keep_clock(&core->asker, clock_ns, "");
		capture_write(core->options.capture, record);
	}
	return r;
}

static void turn(struct core *core)
{
	atomic_fetch_add_explicit(&core->turns, 1, memory_order_relaxed);
}

static bool is_late(const struct core *core)
{
	return atomic_load(&core->stop) && clock_ns(CLOCK_MONOTONIC) >= core->late_ns;
}

static void lose(struct core *core)
{
	if (core->asker.now_ns - core->lost_ns < NS_PER_SEC)	/* unsigned: of a clock that was set back it is said again */
		return;
	core->lost_ns = core->asker.now_ns;
	log_error("Failed to process records: no memory, they are lost");
}

/* A capture tells it too, in front of the first record that is treated so. */
static void take_over_times(struct core *core, const struct pipeline_times *times)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };

	pipeline_set_times(core->pipeline, times);
	core->options.pipeline.assembler.timeout_ns = times->timeout_ns;
	core->options.pipeline.tracker.grace_ns = times->grace_ns;
	core->options.pipeline.tracker.path_ns = times->path_ns;
	core->options.pipeline.prune_ns = times->prune_ns;
	core->options.pipeline.signal_window_ns = times->signal_window_ns;
	core->options.pipeline.collate_ns = times->collate_ns;
	if (!core->options.capture)
		return;
	setup_write_times(&text, times, clock_now_ns());
	asker_keep(&core->asker, RECORD_SETUP, &text);
}

static void take_over_run(struct core *core)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };

	core->pressure = (struct pressure){ .step = SHED_NOTHING };	/* as in there */
	while (pipeline_begin_run(core->pipeline) < 0)
		lose(core);
	if (!core->options.capture)
		return;
	setup_write(&text, &core->options.pipeline, clock_now_ns());
	asker_keep(&core->asker, RECORD_SETUP, &text);
}

static bool must_change(const struct core *core)
{
	return unlikely(atomic_load_explicit(&core->is_changing, memory_order_acquire)) &&
	       ring_read(core->options.ring) >= core->change_at;
}

/* Without memory for it there is none: the buffer says so. */
static void put_processes(struct core *core, struct buffer *ret)
{
	buffer_clear(ret);
	if (pipeline_put_processes(core->pipeline, core->asker.now_ns, ret) < 0)
		lose(core);
}

static void take_over(struct core *core)
{
	struct core_change change;
	struct pipeline_times times;

	pthread_mutex_lock(&core->stats_lock);
	change = core->change;
	times = core->times;
	pthread_mutex_unlock(&core->stats_lock);
	if (change.times)
		take_over_times(core, &times);
	while (change.drain && pipeline_drain(core->pipeline) < 0)
		lose(core);
	if (change.begin_run)
		take_over_run(core);
	if (change.filter) {
		pipeline_set_filter(core->pipeline, change.filter);
		core->options.pipeline.filter = change.filter;
	}
	if (change.processes)
		put_processes(core, change.processes);
	if (change.mark) {
		core->books.marks[event_category(change.mark)]++;
		event_queue_push(core->options.queue, change.mark);
		event_queue_hurry(core->options.queue);
	}
	pthread_mutex_lock(&core->stats_lock);
	core->change = (struct core_change){ 0 };
	atomic_store(&core->is_changing, false);
	pthread_cond_broadcast(&core->changed);
	pthread_mutex_unlock(&core->stats_lock);
}

static void keep_pace(struct core *core)
{
	size_t used = ring_used_bytes(core->options.ring), capacity = ring_capacity_bytes(core->options.ring);

	if (atomic_load(&core->stop))
		pacer_set(core->options.pacer, PACE_BEFORE);
	else if (used >= capacity / FULL_ENOUGH)
		pacer_set(core->options.pacer, PACE_BESIDE);
	else if (used <= capacity / NEARLY_EMPTY)
		pacer_set(core->options.pacer, PACE_BEHIND);
}

static void publish(struct core *core)
{
	struct core_stats stats = { 0 };

	pipeline_stats(core->pipeline, &stats.pipeline);
	books_add_rings(&core->books, &stats.pipeline.balance);
	stats.balance = stats.pipeline.balance;
	if (core->options.writer)
		writer_add_to(core->options.writer, &stats.balance);
	books_demand(&core->books, &stats.balance, stats.flaw);
	stats.let_go = books_let_go(&core->books);
	stats.pressure = core->pressure_now;
	stats.unread = core->books.thinned_records;
	stats.decoder = *stats.pipeline.decoder;
	stats.assembler = *stats.pipeline.assembler;
	stats.tracker = *stats.pipeline.tracker;
	stats.pipeline.decoder = NULL;
	stats.pipeline.assembler = NULL;
	stats.pipeline.tracker = NULL;
	pthread_mutex_lock(&core->stats_lock);
	core->stats = stats;
	pthread_mutex_unlock(&core->stats_lock);
}

/* What comes is more than can be dealt with, or no more: the pipeline does as the record says, and so does who imports the capture. */
static void look_at_pressure(struct core *core)
{
	const struct core_options *o = &core->options;
	struct pressure_now *now = &core->pressure_now;
	struct shed_change change;

	for (unsigned i = 0; i < N_SHED_CAUSES; i++)
		now->of[i] = atomic_load_explicit(&core->pressed[i], memory_order_relaxed);
	now->of[SHED_BY_RING] = pressure_of(ring_used_bytes(o->ring), ring_capacity_bytes(o->ring));
	now->at_once = atomic_load(&core->stop);
	while (pressure_look(&core->pressure, now, clock_ns(CLOCK_MONOTONIC), &change)) {
		_cleanup_(buffer_release) struct buffer text = { 0 };
		uint64_t now_ns = pipeline_now_ns(core->pipeline);

		shed_change_write(&text, &change, now_ns > 0 ? now_ns : core->asker.now_ns);
		core->books.notes += buffer_error(&text) == 0;
		if (buffer_error(&text) < 0 ||
		    push(core, &(struct record){ .type = RECORD_THROTTLE, .text = buffer_span(&text) }) < 0)
			lose(core);
		log_info("%s shedding, step %d, %s: %s at %u thousandths", change.begins ? "Begin of" : "End of", change.step,
			 shed_steps[change.step].name, shed_cause_names[change.cause], change.pressure);
	}
}

/* What waits in the ring takes a fifth of the memory that it takes as events: while the ring has room, the writer is waited
 * for there.  Once events are let go of the core goes on, since of what comes next some may need no writer; for what does the queue makes
 * it wait. */
static void wait_for_writer(struct core *core)
{
	const struct core_options *o = &core->options;

	while ((event_queue_is_full(o->queue) || (event_queue_is_filling(o->queue) && core->pressure.step < SHED_SOURCE)) &&
	       !is_late(core) && !must_change(core)) {
		turn(core);
		keep_pace(core);
		look_at_pressure(core);
		publish(core);
		(void)mounts_tick(core->asker.mounts);
		event_queue_wait(o->queue, WAIT_NS);
		publish(core);
	}
}

/* Up to max records of a ring into the pipeline; how many. */
static unsigned take(struct core *core, struct ring *ring, unsigned max)
{
	unsigned n = 0;

	for (struct span message; n < max && (message = ring_peek(ring)).data; n++) {
		const struct ring_record *m = (const struct ring_record *)(const void *)message.data;

		if (n % LOOK_EVERY == LOOK_EVERY - 1)
			look_at_pressure(core);
		if (unlikely(event_queue_is_filling(core->options.queue))) {
			wait_for_writer(core);
			if (ring == core->options.ring && is_late(core))
				break;
		}
		if (must_change(core))
			take_over(core);
		if (push(core, &(struct record){ .type = m->type, .time_ns = m->time_ns, .text = { m->text, m->size } }) < 0)
			lose(core);
		ring_pop(ring);
	}
	return n;
}

/* There is no time left: what is in the ring is counted.  Gaps among it are told all the same. */
static void let_go(struct core *core)
{
	const struct core_options *o = &core->options;
	struct record_head head;
	struct gap gap = { .begin_ns = UINT64_MAX, .class_name = "all", .cause = "stop", .unit = "records", .exact = true };

	for (struct span message; (message = ring_peek(o->ring)).data; ring_pop(o->ring)) {
		const struct ring_record *m = (const struct ring_record *)(const void *)message.data;

		if (m->type == RECORD_GAP &&
		    push(core, &(struct record){ .type = m->type, .time_ns = m->time_ns, .text = { m->text, m->size } }) >= 0)
			continue;
		gap.begin_ns = MIN(gap.begin_ns, m->time_ns);
		/* What audit told came later than it happened. */
		if (m->type < RECORD_OWN_FIRST && audit_head(&(struct record){ .type = m->type, .text = { m->text, m->size } }, &head) == 0)
			gap.begin_ns = MIN(gap.begin_ns, head.time_ns);
		gap.end_ns = MAX(gap.end_ns, m->time_ns);
		gap.count++;
		core->books.let_go[balance_origin(m->type)]++;
	}
	if (gap.count == 0)
		return;
	log_warning("No time was left to store %llu records; a gap tells of them", (unsigned long long)gap.count);
	/* Who else makes notes waits for this thread. */
	notes_gap(&(struct notes){ .ring = o->notes, .wake = o->ring }, &gap);
}

/* Somebody set the clock back.  What came since it was read here may be later than that. */
static void follow_back(struct core *core)
{
	if (likely(pipeline_now_ns(core->pipeline) <= core->asker.now_ns + BACK_NS))
		return;
	core->asker.now_ns = clock_now_ns();
	if (pipeline_now_ns(core->pipeline) <= core->asker.now_ns + BACK_NS)
		return;
	while (pipeline_follow_back(core->pipeline, core->asker.now_ns) < 0)	/* without the one that failed, then */
		lose(core);
	if (core->options.capture)
		asker_keep_clock(&core->asker, core->asker.now_ns, "back=1");
}

/* Time has passed. */
static void advance(struct core *core)
{
	int r = pipeline_advance(core->pipeline, core->asker.now_ns);

	if (r < 0)
		lose(core);
	if (r > 0 && core->options.capture) {
		uint64_t clock_ns = pipeline_unsaid_clock(core->pipeline);

		asker_keep_clock(&core->asker, clock_ns > 0 ? clock_ns : core->asker.now_ns, "ripe=1");
	}
}

/* Larger batches, while the ring has room for them. */
static void nap(struct core *core)
{
	uint64_t nap_ns = atomic_load_explicit(&core->nap_ns, memory_order_relaxed);

	if (nap_ns > 0 && !atomic_load(&core->stop) && !atomic_load(&core->is_changing) &&
	    ring_used_bytes(core->options.ring) < ring_capacity_bytes(core->options.ring) / FULL_ENOUGH)
		clock_sleep_ns(MIN(nap_ns, MOST_NAP_NS));
}

static void drain(struct core *core)
{
	while (pipeline_drain(core->pipeline) < 0)
		lose(core);
	publish(core);
}

static void *run(void *user)
{
	struct core *core = user;
	const struct core_options *o = &core->options;
	bool stop;

	pacer_join(o->pacer);
	confine_thread(CONFINED_CORE);
	do {
		unsigned n;

		turn(core);
		keep_pace(core);
		look_at_pressure(core);
		stop = atomic_load(&core->stop);	/* before the rings: nothing comes after it */
		if (must_change(core))
			take_over(core);
		if (unlikely(stop && is_late(core)))
			break;
		core->asker.now_ns = clock_now_ns();
		n = take(core, o->ring, RECORDS_A_TURN);
		/* The clock may go on only when the ring was empty after it was read: what somebody waits for in vain may be
		 * in there, and we behind. Until then time passes with the records. */
		if (n < RECORDS_A_TURN) {
			follow_back(core);
			advance(core);
		}
		n += take(core, o->notes, RECORDS_A_TURN);
		if (o->digests)
			n += take(core, o->digests, RECORDS_A_TURN);
		if (n > 0) {
			stop = false;
			if (n < RECORDS_A_TURN / 8)
				event_queue_offer(o->queue);
			publish(core);
			if (n < RECORDS_A_TURN)
				nap(core);
			continue;
		}
		event_queue_offer(o->queue);
		publish(core);
		if (!stop) {
			uint64_t next_ns = pipeline_next_ns(core->pipeline), wait_ns = UINT64_MAX;

			if (next_ns != UINT64_MAX)
				wait_ns = next_ns > core->asker.now_ns ? next_ns - core->asker.now_ns : 0;
			if (core->pressure.step > SHED_NOTHING)
				wait_ns = MIN(wait_ns, STEP_NS);
			if (event_queue_is_full(o->queue))
				wait_ns = MIN(wait_ns, WAIT_NS);
			ring_wait(o->ring, MIN(wait_ns, mounts_tick(core->asker.mounts)));
		}
	} while (!stop);
	let_go(core);
	drain(core);
	if (o->last_words)
		o->last_words(o->user);
	take(core, o->notes, RECORDS_A_TURN);
	if (o->digests)
		take(core, o->digests, UINT_MAX);
	drain(core);
	if (o->processes)
		put_processes(core, o->processes);
	event_queue_close(o->queue);
	return NULL;
}

int core_start(struct core **ret, const struct core_options *options)
{
	struct core *core = calloc(1, sizeof(*core));
	pthread_condattr_t attr;
	int r;

	if (!core)
		return -ENOMEM;
	core->options = *options;
	core->books = (struct books){ .rings = { options->ring, options->notes, options->digests }, .unread = options->unread };
	core->asker = (struct asker){ .procfs = options->procfs, .users = options->users, .hasher = options->hasher, .capture = options->capture,
				      .resolve_sockets = options->resolve_sockets };
	asker_serve(&core->asker, &core->options.pipeline);
	core->options.pipeline.watch = options->canary ? &options->canary->tag : NULL;
	core->options.pipeline.watched = watched;
	core->options.pipeline.watch_user = options->canary;
	pthread_mutex_init(&core->stats_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&core->changed, &attr);
	pthread_condattr_destroy(&attr);
	r = asker_init(&core->asker);
	if (r >= 0)
		r = pipeline_new(&core->pipeline, &core->options.pipeline, to_queue, core);
	if (r >= 0) {
		publish(core);
		r = -pthread_create(&core->thread, NULL, run, core);
	}
	if (r < 0) {
		pipeline_free(core->pipeline);
		asker_release(&core->asker);
		free(core);
		return r;
	}
	pthread_setname_np(core->thread, "core");
	*ret = core;
	return 0;
}

struct core *core_stop(struct core *core, uint64_t late_ns, struct core_stats *ret)
{
	if (!core)
		return NULL;
	core->late_ns = late_ns;
	atomic_store(&core->stop, true);
	ring_alert(core->options.ring);
	pthread_join(core->thread, NULL);
	if (ret)
		*ret = core->stats;
	pipeline_free(core->pipeline);
	asker_release(&core->asker);
	event_free(core->change.mark);
	pthread_cond_destroy(&core->changed);
	pthread_mutex_destroy(&core->stats_lock);
	buffer_release(&core->path);
	free(core);
	return NULL;
}

int core_change(struct core *core, const struct core_change *change, uint64_t timeout_ns)
{
	struct timespec until = clock_after(timeout_ns);
	int r = 0;

	pthread_mutex_lock(&core->stats_lock);
	if (atomic_load(&core->is_changing)) {
		pthread_mutex_unlock(&core->stats_lock);
		return -EBUSY;
	}
	core->change = *change;
	if (change->times)
		core->times = *change->times;
	core->change_at = ring_written(core->options.ring);
	atomic_store(&core->is_changing, true);
	ring_alert(core->options.ring);
	while (r == 0 && atomic_load(&core->is_changing))
		r = -pthread_cond_timedwait(&core->changed, &core->stats_lock, &until);
	r = atomic_load(&core->is_changing) ? -ETIMEDOUT : 0;
	pthread_mutex_unlock(&core->stats_lock);
	return r;
}

bool core_is_changing(struct core *core)
{
	return atomic_load(&core->is_changing);
}

void core_set_nap(struct core *core, uint64_t nap_ns)
{
	atomic_store_explicit(&core->nap_ns, nap_ns, memory_order_relaxed);
}

void core_pulse(const struct core *core, struct pulse *ret)
{
	const struct core_options *o = &core->options;

	*ret = (struct pulse){ .name = "core", .turns = atomic_load(&((struct core *)(uintptr_t)core)->turns),
			       .has_work = ring_used_bytes(o->ring) > 0 || ring_used_bytes(o->notes) > 0 };
}

void core_press(struct core *core, enum shed_cause cause, uint16_t pressure)
{
	atomic_store_explicit(&core->pressed[cause], pressure, memory_order_relaxed);
}

void core_stats(struct core *core, struct core_stats *ret)
{
	pthread_mutex_lock(&core->stats_lock);
	*ret = core->stats;
	pthread_mutex_unlock(&core->stats_lock);
}
