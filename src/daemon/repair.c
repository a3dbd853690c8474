/* What an administrator, a clean-up script or malware takes away from a recorder that runs: audit switched off, its
 * backlog made small, the folder removed. It is put back, and what may be missing meanwhile becomes a gap. (The
 * database: the sink itself begins anew.)  So does what was missed because a folder of a user's rule went; that is no tampering. */

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"

/* The kernel itself removes the rule of a folder that goes, which is a change of the host (narrowing.h). */
static struct audit_missing find_missing(struct daemon *d)
{
	struct audit_missing missing = { 0 };
	struct gap since = { 0 };
	int r;

	daemon_since_audit_looked(d, &since);
	r = audit_rules_missing(d->audit, true, since.begin_ns, &missing);
	if (r >= 0 && missing.removed > 0 && d->narrowing.is_narrowed && narrowing_is_outdated(&d->narrowing, true))
		r = audit_rules_missing(d->audit, false, since.begin_ns, &missing);
	return r >= 0 ? missing : (struct audit_missing){ 0 };
}

/* Before anything is loaded: that would put it back unseen. */
void daemon_look_for_taken(struct daemon *d, struct taken *ret)
{
	struct audit_state state;

	*ret = (struct taken){ .is_off = false };
	if (!d->audit || !d->rules_loaded)
		return;
	ret->is_off = d->audit_state.enabled == 0 || (audit_control_state(d->audit, &state) >= 0 && state.enabled == 0);
	ret->rules = find_missing(d);
}

static void tell_gap(struct daemon *d, const char *cause)
{
	struct gap gap = { .class_name = "all", .cause = cause };

	daemon_since_audit_looked(d, &gap);
	notes_gap(&d->notes, &gap);
}

/* They are loaded again if there is another folder of that name; if not they are set aside, which is told with the reason. */
static void tell_gone(struct daemon *d, unsigned n, bool are_back)
{
	const char *then = are_back ? "; they are loaded again, for the one that is there now" : "";

	log_warning("The kernel removed %u of the user-defined audit rules, with the folder that they look into%s", n, then);
	notes_say(&d->notes, "config", "%u of the user-defined audit rules went with the folder that they look into%s", n, then);
	tell_gap(d, "rules_behind");
}

void daemon_tell_taken(struct daemon *d, const struct taken *taken, bool is_back)
{
	if (taken->is_off) {
		daemon_tell_tampering(d, "audit_disabled", "audit_enabled=0", "somebody switched the kernel's audit off%s", is_back ? "; it is on again" : "");
		tell_gap(d, "audit_disabled");
		d->audit_state.enabled = is_back;
	}
	d->rules_missing = is_back ? 0 : taken->rules.removed + taken->rules.gone;
	if (taken->rules.removed > 0) {
		d->rules_removed_ns = clock_now_ns();
		daemon_tell_tampering(d, "audit_rules", AUDIT_OWN_KEY, "%u of the recorder's audit rules were removed by somebody%s", taken->rules.removed,
				      is_back ? "; they are loaded again" : "");
		tell_gap(d, "rules_missing");
	}
	if (taken->rules.gone > 0)
		tell_gone(d, taken->rules.gone, is_back && daemon_has_user_rules(d));
}

void daemon_repair_audit(struct daemon *d)
{
	uint32_t limit = (uint32_t)daemon_setting(d, SETTING_AuditdRulesBufferSize), before = d->audit_state.backlog_limit;
	bool is_small = before != 0 && before < limit;	/* 0 is no limit */
	struct audit_missing missing;
	const char *why = "";

	if (!d->audit_look.is_due || !d->rules_loaded || d->audit_state.enabled == 2)
		return;
	missing = find_missing(d);
	d->rules_missing = missing.removed + missing.gone;
	if (d->audit_state.enabled != 0 && d->rules_missing == 0 && !is_small)
		return;
	if (daemon_load_rules(d, &why) < 0)
		log_error("Failed to put the kernel's audit back as recording needs it: %s", why);
	else if (is_small)	/* what that cost, the kernel counts */
		log_warning("Somebody set the kernel's audit backlog to %u; it is %u again", before, limit);
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
