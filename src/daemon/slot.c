/* See slot.h.
 *
 * There is one slot.  The kernel keeps it for whoever holds it, so a recorder that does would keep auditd from starting: when auditd asks
 * for it and is refused (the kernel tells us), the recorder goes over to reading beside, and auditd has it when it is started again.
 * A slot that has come free is taken only after AuditdSlotFreeSecs: auditd that is restarted must find it free. */

#include "daemon/slot.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/privileges.h"

static bool is_held(const struct audit_state *state)
{
	return state->pid != 0 && (state->pid > INT32_MAX || kill((pid_t)state->pid, 0) == 0 || errno != ESRCH);
}

static const char *name_of(uint32_t pid, char ret[static 32])
{
	char path[32];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%31[^\n]", ret) != 1)
		snprintf(ret, 32, "a process that has gone");
	if (file)
		fclose(file);
	return ret;
}

static void move(struct daemon *d, const char *mode, const char *why)
{
	int r;

	privileges_raise();
	r = source_live_move(d->source, mode);
	privileges_lower();
	if (r == -EBUSY || r == -EEXIST)	/* asked again in a second */
		return;
	if (r < 0) {
		log_error("%s, but the records of audit cannot be had by %s: %s", why, mode, audit_control_why(r));
		return;
	}
	log_warning("%s; the records of audit come by %s now", why, mode);
	notes_say(&d->notes, "config", "%s; the records of audit come by %s now", why, mode);
}

/* Read as the audit daemon. */
static void look_at_own(struct daemon *d)
{
	uint32_t pid = source_live_wanted_by(d->source);
	int r = source_live_hold(d->source, d->audit_state.pid);
	char why[96], name[32];

	if (r == 1)
		log_warning("The kernel had let go of the recorder; it holds the audit stream again");
	if (d->mode_is_forced)
		return;
	if (r == -EBUSY) {
		snprintf(why, sizeof(why), "%s, pid %u, has taken the audit stream", name_of(d->audit_state.pid, name), d->audit_state.pid);
		move(d, "multicast", why);
	} else if (pid > 0 && !daemon_setting(d, SETTING_AuditdStopAuditdService)) {
		snprintf(why, sizeof(why), "%s, pid %u, wanted the audit stream: it has it if it is started again", name_of(pid, name), pid);
		move(d, "multicast", why);
	}
}

/* Read beside. */
static void look_at_others(struct daemon *d)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), wait_ns = (uint64_t)daemon_setting(d, SETTING_AuditdSlotFreeSecs) * NS_PER_SEC;
	struct slot *slot = &d->slot;
	char why[96];

	if (is_held(&d->audit_state))
		slot->free_since_ns = 0;
	else if (slot->free_since_ns == 0)
		slot->free_since_ns = now_ns;
	if (slot->free_since_ns == 0 || now_ns - slot->free_since_ns < wait_ns || d->mode_is_forced)
		return;
	snprintf(why, sizeof(why), "Nobody has held the audit stream for %llu s",
		 (unsigned long long)((now_ns - slot->free_since_ns) / NS_PER_SEC));
	move(d, "unicast", why);
}

void daemon_look_at_slot(struct daemon *d)
{
	if (source_live_plugin(d->source) >= 0)
		return;
	if (source_live_has_moved(d->source)) {
		d->slot.free_since_ns = 0;
		daemon_apply_rules(d);		/* what is left out for all, and how long the kernel waits */
	}
	if (source_live_is_unicast(d->source))
		look_at_own(d);
	else
		look_at_others(d);
}
