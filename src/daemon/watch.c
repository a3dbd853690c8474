/* Once a second: what the kernel says it lost, whether it still talks to us, and all that others look at now and then. */

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"

#define TRY_NS (10 * NS_PER_SEC)
#define UNUSED_NS (10 * NS_PER_SEC)	/* between two looks at an audit that nothing is asked of */
#define QUIET_NS (5 * NS_PER_SEC)	/* and at one that has sent nothing since the last */

uint64_t daemon_ring_dropped(const struct daemon *d)
{
	return ring_dropped(d->ring) + ring_dropped(d->notes_ring) + ring_dropped(d->digests_ring);
}

/* What is seen now and was not when it was last looked at happened in between. */
static void since(const struct moment *moment, struct gap *gap)
{
	const struct moment now = moment_now();

	gap->begin_ns = moment_ns(moment, &now);
	gap->end_ns = now.real_ns;
}

void daemon_since_looked(const struct daemon *d, struct gap *gap)
{
	since(&d->looked, gap);
}

void daemon_since_audit_looked(const struct daemon *d, struct gap *gap)
{
	since(&d->audit_look.before, gap);
}

static bool uses_audit(const struct daemon *d)
{
	return d->source && source_live_has_audit(d->source);
}

void daemon_tell_losses(struct daemon *d, bool final)
{
	uint64_t counters[N_LOSSES] = { 0 };
	struct writer_stats writer;
	struct core_stats core;
	struct gap gap = { 0 };
	uint64_t oldest_ns;

	writer_stats(d->writer, &writer);
	core_stats(d->core, &core);
	counters[LOSS_KERNEL] = d->kernel_lost;
	counters[LOSS_RING] = daemon_ring_dropped(d);
	counters[LOSS_MEMORY] = core.pipeline.no_memory;
	counters[LOSS_DATABASE] = writer.lost - writer.held;
	counters[LOSS_HELD] = writer.held;
	counters[LOSS_JOURNAL] = writer.journal_lost;
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		counters[LOSS_SHED + i] = atomic_load_explicit(&d->reader_shed.records[i], memory_order_relaxed);
	thinning_let_go(&d->thinning, counters + LOSS_THINNED);
	if (d->kernel_lost != d->ledger.entries[LOSS_KERNEL].seen)
		daemon_since_audit_looked(d, &gap);
	else
		daemon_since_looked(d, &gap);
	/* What waited before it was lost happened earlier; it may have been counted only by now. */
	oldest_ns = MIN(oldest_take(&d->reader_shed.oldest), writer_oldest_lost(d->writer));
	oldest_ns = MIN(oldest_ns, oldest_take(&d->thinning.oldest));
	gap.begin_ns = MIN(gap.begin_ns, MIN(oldest_ns, d->oldest_lost_ns));
	d->oldest_lost_ns = oldest_ns;
	ledger_look(&d->ledger, counters, gap.begin_ns, gap.end_ns, writer.last_error == 0, final, &d->notes);
}

/* What happened later may be missing, with nobody told of it yet: what the core keeps, and the time in which nothing is recorded, are told
 * when they end.  An audit that is not asked has sent nothing, so it has lost nothing. */
static uint64_t known_until(const struct daemon *d)
{
	uint64_t until_ns = d->looked.real_ns;
	struct core_stats core;

	core_stats(d->core, &core);
	until_ns = MIN(until_ns, core.pipeline.untold_ns);
	return d->idle_since_ns > 0 ? MIN(until_ns, d->idle_since_ns) : until_ns;
}

/* What was missing before the last tick has been told in this one, unless it still goes on; a tick or two later that is stored. */
static void tell_whole(struct daemon *d)
{
	if (!ledger_is_told(&d->ledger))
		return;
	writer_set_whole(d->writer, d->whole_ns[1]);
	d->whole_ns[1] = d->whole_ns[0];
	d->whole_ns[0] = known_until(d);
}

uint64_t daemon_count_shed(const struct daemon *d, const struct core_stats *core, uint64_t ret[N_CATEGORIES])
{
	struct reader_shed *by_reader = &((struct daemon *)(uintptr_t)d)->reader_shed;
	uint64_t n_unread = 0;

	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		uint64_t unread = core->pipeline.shed.records[i] + atomic_load_explicit(&by_reader->records[i], memory_order_relaxed);

		ret[i] = core->pipeline.shed.events[i] + unread;
		n_unread += unread;
	}
	return n_unread;
}

/* The database could not store that it could not store: the next start tells it. */
void daemon_leave_words(const struct daemon *d, const struct writer_stats *writer)
{
	const struct ledger_entry *error = &d->ledger.entries[LOSS_DATABASE], *held = &d->ledger.entries[LOSS_HELD];
	const struct ledger_entry *first = held->begin_ns > 0 && (error->begin_ns == 0 || held->begin_ns < error->begin_ns) ? held : error;
	uint64_t now_ns = clock_now_ns();
	const struct last_words words = {
		.stopped_ns = now_ns,
		.begin_ns = MIN(first->begin_ns > 0 ? first->begin_ns : d->looked.real_ns, now_ns),
		.end_ns = now_ns,
		.count = writer->lost - error->told - held->told,
		.held = writer->last_error == SINK_HELD,
	};
	int r = last_words_write(d->lock_fd, &words);

	if (r < 0)
		log_errno(r, "Failed to write into %s that %llu events are lost, ignoring", d->places.lock, (unsigned long long)words.count);
}

void daemon_keep_words(const struct daemon *d)
{
	struct last_words words;

	if (last_words_read(d->words_before, &words))
		(void)last_words_write(d->lock_fd, &words);
}

/* Each question makes a thread of the kernel, which the process connector tells as a process that begins and ends, and wakes us for its answer.
 * What becomes of audit, and who changes it, comes with records: where none has come nothing has changed, but where somebody has audit not tell
 * it, or a kernel before 5.18 has let go of us.  Who is killed says nothing either, but that he has gone is seen without a question. */
static void begin_audit_look(struct daemon *d)
{
	struct audit_look *look = &d->audit_look;
	struct ring_counts counts;
	uint64_t n_records, wait_ns = UNUSED_NS;

	ring_count(d->ring, &counts);
	n_records = counts.pushed[ORIGIN_AUDIT] + counts.dropped[ORIGIN_AUDIT];
	if (uses_audit(d))
		wait_ns = n_records == look->n_records && daemon_slot_is_settled(d) ? QUIET_NS : 0;
	look->is_due = d->looking.boot_ns >= look->last.boot_ns + wait_ns;
	if (!look->is_due)
		return;
	look->before = look->last;
	look->last = d->looking;
	look->n_records = n_records;
}

static void look_at_kernel(struct daemon *d)
{
	if (!d->audit || !d->audit_look.is_due || audit_control_state(d->audit, &d->audit_state) < 0 || !uses_audit(d))
		return;	/* what others lose is none of ours */
	d->kernel_lost = d->audit_state.lost;
	/* What nobody's slot, or that of another, had no room for may have come to us by multicast. */
	d->ledger.kernel_is_shared = !source_live_is_unicast(d->source);
	daemon_look_at_slot(d);
}

/* What is subscribed and could not be recorded when it was is tried again. */
void daemon_try_to_begin(struct daemon *d)
{
	struct filter_error *error = &d->begin_error;

	if (d->subscriptions.n == 0 || d->source || daemon_is_suspended(d) || clock_ns(CLOCK_MONOTONIC) - d->tried_ns < TRY_NS)
		return;
	*error = (struct filter_error){ "" };
	if (daemon_begin(d, error) < 0) {
		log_error("%s", error->message);
		d->tried_ns = clock_ns(CLOCK_MONOTONIC);
	}
}

void daemon_on_tick(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	d->looked = d->looking;
	d->looking = moment_now();
	begin_audit_look(d);
	look_at_kernel(d);
	daemon_look_at_rules(d);
	daemon_repair_audit(d);
	daemon_tick_rules_file(d);
	if (d->audit_look.is_due)
		daemon_look_at_coverage(d);
	daemon_repair_places(d);
	daemon_tick_trust(d);
	daemon_tick_auditd(d);
	daemon_tick_plugin(d);
	daemon_look_at_kept(d);
	daemon_tell_losses(d, false);
	daemon_tick_memory(d);
	tell_whole(d);
	conf_tick(&d->conf, clock_ns(CLOCK_MONOTONIC));
	daemon_tick_throttle(d);
	daemon_tick_suspension(d);
	daemon_tick_health(d);
	daemon_tick_history(d);
	daemon_tick_processes(d);
	daemon_drain_taps(d);	/* whose socket was full */
	daemon_settle(d);
	daemon_check_folder(d);
	daemon_try_to_begin(d);
	daemon_service_tick(d);
	log_tell_held_back();
	if (d->reader && reader_error(d->reader) < 0) {
		log_errno(reader_error(d->reader), "Failed to read from the kernel's audit, stopping");
		d->exit_code = 1;
		uv_stop(&d->loop);
	}
}
