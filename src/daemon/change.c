/* Subscriptions change while events flow.  What can fail comes first and touches nothing that is in force: the filter is made,
 * journals are opened, the kernel is asked for what the old ones or the new ones want, the file is written.  Then what was
 * handed over by the kernel before goes through the old filter, all that comes after through the new one (core_change), and
 * the writer is told by a mark among the events which streams are which from there on.  Last the kernel is asked for no more
 * than the new ones want.
 *
 * So a subscription that stays misses nothing, one that comes sees all from the answer on, and one that goes has what happened
 * before, but for what then waits for the rest of it (audit alone, a second at most). */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"

#define CORE_NS NS_PER_SEC	/* that the answer to a client waits; longer only when the disk is stuck */
#define SETTLE_NS (2 * NS_PER_SEC)	/* that a change waits for the one before */

static int fail(struct filter_error *error, int r, const char *what)
{
	if (r < 0 && error->message[0] == 0)
		snprintf(error->message, sizeof(error->message), "%s: %s", what, strerror(-r));
	return r;
}

/* The core has the new filter: the old one goes, and what only that one wanted. */
static void narrow(struct daemon *d)
{
	struct filter_error error = { "" };

	d->change.core_is_at_it = false;
	subscriptions_release(&d->change.before);
	if (daemon_want(d, d->subscriptions.filter, NULL, &error) < 0)
		log_error("%s (it shows more than is wanted now)", error.message);
}

void daemon_settle(struct daemon *d)
{
	if (d->times_changed && !core_is_changing(d->core)) {
		const struct pipeline_times times = daemon_pipeline_times(d);

		d->times_changed = core_change(d->core, &(struct core_change){ .times = &times }, CORE_NS) == -EBUSY;
	}
	if (d->change.core_is_at_it && !core_is_changing(d->core))
		narrow(d);
	daemon_narrow_passed(d);
	if (d->change.sinks_before && !writer_is_expecting(d->writer))
		d->change.sinks_before = sinks_free(d->change.sinks_before);
}

static bool is_settled(const struct daemon *d)
{
	return !d->change.core_is_at_it && !core_is_changing(d->core) && !d->change.sinks_before;
}

static int wait_for_the_last(struct daemon *d, struct filter_error *error)
{
	uint64_t end_ns = clock_ns(CLOCK_MONOTONIC) + SETTLE_NS;

	for (daemon_settle(d); !is_settled(d); daemon_settle(d)) {
		if (clock_ns(CLOCK_MONOTONIC) >= end_ns) {
			snprintf(error->message, sizeof(error->message),
				 "The change before is not in force yet, since the disk is slow (try again)");
			return -EBUSY;
		}
		clock_sleep_ns(NS_PER_MS);
	}
	return 0;
}

static int ask_for_both(struct daemon *d, const struct subscriptions *next, struct filter_error *error)
{
	if (next->n == 0 || (!d->source && daemon_is_suspended(d)))
		return 0;
	if (!d->source)
		return daemon_open_recording(d, next->filter, error);
	return daemon_want(d, d->subscriptions.filter, next->filter, error);
}

static void ask_as_before(struct daemon *d)
{
	struct filter_error error = { "" };

	if (!d->reader)
		daemon_close_recording(d);
	else if (daemon_want(d, d->subscriptions.filter, NULL, &error) < 0)
		log_error("%s", error.message);
}

/* Nothing fails any more. */
static void put_in_force(struct daemon *d, struct subscriptions *next, struct sinks *sinks, struct event *mark)
{
	bool begins = !d->reader && next->n > 0 && !daemon_is_suspended(d), ends = d->subscriptions.n > 0 && next->n == 0;
	struct core_change change = { .filter = next->filter, .mark = mark, .begin_run = begins, .drain = ends,
				      .processes = ends ? &d->processes : NULL };

	daemon_stop_canaries(d);
	if (ends)
		daemon_close_recording(d);
	else
		daemon_catch_up(d, next->filter);
	daemon_tell_opened(d, sinks, d->sinks);
	d->change.before = d->subscriptions;
	d->subscriptions = *next;
	*next = (struct subscriptions){ 0 };
	daemon_pace_hasher(d);
	d->change.sinks_before = d->sinks;
	d->sinks = sinks;
	sinks->routes.mark = mark;
	writer_expect(d->writer, &sinks->routes);
	d->change.core_is_at_it = true;
	if (core_change(d->core, &change, CORE_NS) < 0)
		log_warning("The core is busy; the subscriptions change when it gets to it");
	else if (ends)
		daemon_write_processes(d);
	if (ends && core_is_changing(d->core))
		daemon_expect_processes(d);
	daemon_settle(d);
	if (begins && daemon_start_reading(d, &d->begin_error) < 0) {
		daemon_close_recording(d);
		log_error("%s", d->begin_error.message);
	}
}

int daemon_begin(struct daemon *d, struct filter_error *error)
{
	int r = wait_for_the_last(d, error);

	if (r >= 0)
		r = daemon_open_recording(d, d->subscriptions.filter, error);
	if (r < 0)
		return r;
	core_change(d->core, &(struct core_change){ .begin_run = true }, CORE_NS);
	r = daemon_start_reading(d, error);
	if (r < 0)
		daemon_close_recording(d);
	return r;
}

int daemon_end(struct daemon *d, struct filter_error *error)
{
	int r = wait_for_the_last(d, error);

	if (r < 0)
		return r;
	daemon_stop_canaries(d);
	daemon_close_recording(d);
	if (core_change(d->core, &(struct core_change){ .drain = true, .processes = &d->processes }, CORE_NS) < 0)
		daemon_expect_processes(d);
	else
		daemon_write_processes(d);
	return 0;
}

int daemon_change(struct daemon *d, struct subscriptions *next, daemon_persist_fn persist, void *user, struct filter_error *error)
{
	const struct sinks_host host = daemon_sinks_host(d);
	_cleanup_(event_freep) struct event *mark = NULL;
	struct sinks *sinks = NULL;
	struct file_error unsaved;
	int r;

	r = wait_for_the_last(d, error);
	if (r >= 0)
		r = subscriptions_compile(next, error);
	if (r >= 0)
		r = sinks_for(&sinks, d->sinks, next, &host, error);
	if (r >= 0)
		r = (mark = event_new(KIND_ID(recorder, config), clock_now_ns())) ? 0 : -ENOMEM;
	if (r >= 0)
		r = ask_for_both(d, next, error);
	if (r < 0) {
		if (mark)
			ask_as_before(d);
		sinks_abandon(sinks, d->sinks);
		return fail(error, r, "Failed to change the subscriptions");
	}
	r = persist ? persist(d, user, &unsaved) : 0;
	if (r < 0) {
		snprintf(error->message, sizeof(error->message), "The file of the subscription %.440s", unsaved.message);
		ask_as_before(d);
		sinks_abandon(sinks, d->sinks);
		return r == -EINVAL ? -EIO : r;
	}
	put_in_force(d, next, sinks, TAKE(mark));
	return 0;
}
