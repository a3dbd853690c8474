/* See slot.h.
 *
 * There is one slot.  The kernel keeps it for whoever holds it, so a recorder that does would keep auditd from starting: when auditd asks
 * for it and is refused (the kernel tells us), the recorder goes over to reading beside, and auditd has it when it is started again.
 * A slot that has come free is taken only after AuditdSlotFreeSecs: auditd that is restarted must find it free.
 *
 * Where reading beside cannot be had (Linux before 3.16, no CAP_AUDIT_READ) auditd's plugin stands in for it, both ways: while auditd has the
 * slot its plugin tells, and when it has ended for good the slot is taken. */

#include "daemon/slot.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/privileges.h"
#include "source/comm.h"

#define HELD_MAX (1u << 20)		/* records, when the kernel keeps any number */
#define GO_OVER_NS (100 * NS_PER_MS)	/* that the reader may take to be through with the old way; later the next look finds it */
#define EARLY_NS (NS_PER_SEC / 2)	/* ticks are a second apart: nobody waits for another one for want of a millisecond */

static bool is_held(const struct audit_state *state)
{
	return state->pid != 0 && (state->pid > INT32_MAX || kill((pid_t)state->pid, 0) == 0 || errno != ESRCH);
}

/* "NAME, pid N, WHAT" into the reason of a change. */
static void explain(struct slot *slot, uint32_t pid, const char *what)
{
	char name[COMM_BYTES];
	bool is_there = comm_read(pid, name);

	snprintf(slot->why, sizeof(slot->why), "%s, pid %u, %s", is_there ? name : "a process that has gone", pid, what);
}

/* As people know it. */
static const char *way_name(const struct daemon *d)
{
	if (source_live_plugin(d->source) >= 0)
		return "auditd's plugin";
	return source_live_is_unicast(d->source) ? "unicast" : "multicast";
}

/* 0: it is on its way; -errno: not now. */
static int move(struct daemon *d, const char *mode)
{
	struct slot *slot = &d->slot;
	int r;

	privileges_raise();
	r = source_live_move(d->source, mode);
	privileges_lower();
	if (r < 0)
		return r;
	slot->is_moving = true;
	slot->refused = 0;
	if (d->reader)
		reader_catch_up(d->reader, GO_OVER_NS);
	return 0;
}

static void log_refused(struct daemon *d, int r, const char *mode)
{
	struct slot *slot = &d->slot;

	if (r < 0 && r != -EBUSY && r != -EEXIST && r != slot->refused) {
		log_error("%s, but the records of audit cannot be had by %s: %s", slot->why, mode, audit_control_why(r));
		slot->refused = r;
	}
}

/* Beside whoever has the slot, or is to have it. */
static int move_aside(struct daemon *d)
{
	int r = move(d, "multicast");

	if (r < 0 && r != -EBUSY && move(d, "pipe") >= 0)
		return 0;
	log_refused(d, r, "multicast");
	return r;
}

/* Its end is not known: it is told as long as it lasts. */
static void tell_taken(struct daemon *d, bool ends)
{
	struct slot *slot = &d->slot;
	uint64_t now_ns = clock_now_ns();

	if (slot->taken_since_ns == 0 || (!ends && now_ns - slot->taken_since_ns < GAP_TELL_NS))
		return;
	notes_gap(&d->notes, &(struct gap){ .begin_ns = MIN(slot->taken_since_ns, now_ns), .end_ns = now_ns, .class_name = "all",
					    .cause = "slot_taken" });
	slot->taken_since_ns = ends ? 0 : now_ns;
}

/* The kernel had let go of us. */
static void give_in(struct daemon *d)
{
	struct slot *slot = &d->slot;

	explain(slot, d->audit_state.pid, "has taken the audit stream");
	if (slot->taken_since_ns == 0) {
		slot->taken_since_ns = d->audit_look.before.real_ns;
		log_warning("%s", slot->why);
	}
	if (d->mode_is_forced || move_aside(d) < 0)
		tell_taken(d, false);
}

/* Read as the audit daemon. */
static void look_at_own(struct daemon *d)
{
	struct slot *slot = &d->slot;
	uint32_t pid = source_live_wanted_by(d->source);
	int r = source_live_hold(d->source, d->audit_state.pid);

	slot->wanted_by = pid > 0 ? pid : slot->wanted_by;
	if (r == 1)
		log_warning("The kernel had let go of the recorder; it holds the audit stream again");
	if (r == -EBUSY) {
		give_in(d);
		return;
	}
	tell_taken(d, true);
	if (slot->wanted_by == 0 || d->mode_is_forced || daemon_setting(d, SETTING_AuditdStopAuditdService))
		return;
	explain(slot, slot->wanted_by, "wanted the audit stream: it has it if it is started again");
	if (move_aside(d) >= 0)
		slot->wanted_by = 0;
}

/* Read beside, or by the plugin. */
static void look_at_others(struct daemon *d)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), wait_ns = (uint64_t)daemon_setting(d, SETTING_AuditdSlotFreeSecs) * NS_PER_SEC;
	uint32_t limit = d->audit_state.backlog_limit;
	struct slot *slot = &d->slot;
	uint64_t free_ns;
	int r;

	if (is_held(&d->audit_state))
		slot->free_since_ns = 0;
	else if (slot->free_since_ns == 0)
		slot->free_since_ns = now_ns;
	source_live_expect_holder(d->source, slot->free_since_ns == 0 ? 0 : limit > 0 && limit < HELD_MAX ? limit : HELD_MAX);
	free_ns = now_ns - slot->free_since_ns + EARLY_NS;
	if (slot->free_since_ns == 0 || free_ns < wait_ns || d->mode_is_forced)
		return;
	snprintf(slot->why, sizeof(slot->why), "Nobody has held the audit stream for %llu s", (unsigned long long)(free_ns / NS_PER_SEC));
	r = move(d, "unicast");
	log_refused(d, r, "unicast");
}

static void follow_move(struct daemon *d)
{
	struct slot *slot = &d->slot;
	const char *why = "";

	if (source_live_has_moved(d->source)) {
		slot->is_moving = false;
		tell_taken(d, true);
		log_warning("%s; the records of audit come by %s now", slot->why, way_name(d));
		notes_say(&d->notes, "config", "%s; the records of audit come by %s now", slot->why, way_name(d));
		daemon_follow_plugin(d);
		slot->free_since_ns = 0;
		slot->wanted_by = 0;
		slot->rules_are_due = true;
	}
	if (!slot->rules_are_due || !d->rules_loaded)	/* what is left out for all, and how long the kernel waits */
		return;
	if (daemon_load_rules(d, &why) < 0)
		log_error("Failed to load the audit rules as another reader of audit needs them: %s", why);
	else
		slot->rules_are_due = false;
}

/* The kernel says nothing of one that was killed before it has a record for him. */
static bool has_been_left(const struct daemon *d)
{
	return d->audit_state.pid > 0 && !source_live_is_unicast(d->source) && !is_held(&d->audit_state);
}

bool daemon_slot_is_settled(const struct daemon *d)
{
	const struct slot *slot = &d->slot;
	bool is_awaited = (slot->free_since_ns > 0 || slot->wanted_by > 0 || has_been_left(d)) && !d->mode_is_forced;

	return !is_awaited && slot->taken_since_ns == 0 && !slot->is_moving && !slot->rules_are_due;
}

void daemon_look_at_slot(struct daemon *d)
{
	follow_move(d);
	if (source_live_plugin(d->source) >= 0 && d->mode_is_forced)
		return;
	if (source_live_is_unicast(d->source))
		look_at_own(d);
	else
		look_at_others(d);
	if (d->slot.is_moving)
		follow_move(d);
}

void daemon_leave_slot(struct daemon *d)
{
	tell_taken(d, true);
	d->slot = (struct slot){ 0 };
}
