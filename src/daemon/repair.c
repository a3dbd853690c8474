/* What an administrator, a clean-up script or malware takes away from a recorder that runs: audit switched off, its
 * backlog made small, the folder removed. It is put back, and what may be missing meanwhile becomes a gap. (Rules: watch.c;
 * the database: the sink itself begins anew.) */

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"

void daemon_repair_audit(struct daemon *d)
{
	const struct audit_state *state = &d->audit_state;
	uint32_t limit = (uint32_t)daemon_setting(d, SETTING_AuditdRulesBufferSize);
	/* 0 is no limit. */
	bool is_off = state->enabled == 0, is_small = state->backlog_limit != 0 && state->backlog_limit < limit;
	struct gap gap = { .class_name = "all", .cause = "audit_disabled" };
	const char *why = "";
	int r;

	if (!d->rules_loaded || state->enabled == 2 || !(is_off || is_small))
		return;
	r = daemon_load_rules(d, &why);
	if (is_off) {	/* on again or not: else that is told the next time */
		daemon_since_looked(d, &gap);
		notes_gap(&d->notes, &gap);
	}
	if (r < 0) {
		log_error("Failed to put the kernel's audit back as recording needs it: %s", why);
		return;
	}
	if (is_off)
		daemon_tell_tampering(d, "audit_disabled", "audit_enabled=0", "somebody switched the kernel's audit off; it is on again");
	if (is_small)	/* what that cost, the kernel counts */
		log_warning("Somebody set the kernel's audit backlog to %u; it is %u again", state->backlog_limit, limit);
}

void daemon_tell_taken_away(struct daemon *d)
{
	struct audit_state state;
	struct gap gap = { .class_name = "all" };
	int missing = 0;

	if (!d->audit || !d->rules_loaded)
		return;
	if (audit_control_state(d->audit, &state) >= 0 && state.enabled == 0) {
		gap.cause = "audit_disabled";
		daemon_tell_tampering(d, "audit_disabled", "audit_enabled=0", "somebody switched the kernel's audit off");
	} else if ((missing = audit_rules_missing(d->audit)) > 0) {
		gap.cause = "rules_missing";
		daemon_tell_tampering(d, "audit_rules", AUDIT_OWN_KEY, "%d of the recorder's audit rules were removed by somebody", missing);
	}
	if (!gap.cause)
		return;
	daemon_since_looked(d, &gap);
	notes_gap(&d->notes, &gap);
}

/* Is the file that is locked still the one that the next recorder would lock? */
static bool lock_is_gone(const struct daemon *d)
{
	struct stat ours, there;

	if (fstat(d->lock_fd, &ours) < 0)
		return false;
	return stat(d->places.lock, &there) < 0 || ours.st_dev != there.st_dev || ours.st_ino != there.st_ino;
}

static void repair_folder(struct daemon *d)
{
	int fd;

	daemon_tell_tampering(d, "file", d->places.state_dir, "somebody removed the folder %s or what is in it; it is made anew", d->places.state_dir);
	if (places_make(&d->places) < 0)
		return;
	fd = places_lock(&d->places, NULL);
	if (fd < 0)
		return;
	close(d->lock_fd);
	d->lock_fd = fd;
	d->server = server_free(d->server);
	daemon_start_server(d);
}

void daemon_repair_places(struct daemon *d)
{
	if (lock_is_gone(d))
		repair_folder(d);
	daemon_tell_databases(d);
}

void daemon_tell_databases(struct daemon *d)
{
	struct writer_stats writer;

	writer_stats(d->writer, &writer);
	if (writer.removed != d->databases_removed) {
		d->databases_removed = writer.removed;
		/* The database tells it as its first row. */
		daemon_tell_tampering(d, "file", d->places.database, "somebody removed the database %s; a new one is begun", d->places.database);
	}
	if (writer.damaged > d->databases_damaged) {
		d->databases_damaged = writer.damaged;
		snprintf(d->damaged_path, sizeof(d->damaged_path), "%s", writer.damaged_path);
		log_warning("The database turned out to be damaged and is set aside as %s; a new one is begun", d->damaged_path);
	}
}
