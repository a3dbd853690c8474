/* The audit rules that recording needs: loaded, seen to once a second, and told of where they cannot be.
 *
 * What keeps them out (hindrance.h) ends no recording: with eBPF few events need a rule, and logins none.  What is wanted and not
 * asked of the kernel is a gap of its classes, told every GAP_TELL_NS, so that a recorder that dies has told nearly all of it. */

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"

#define LINGER_NS NS_PER_SEC

static enum hindrance find_hindrance(const struct daemon *d)
{
	if (d->audit_state.enabled == 2)
		return HINDRANCE_LOCKED;
	if (d->audit_state.failure == 2 && !daemon_setting(d, SETTING_AuditdDisableKernelPanicProtection))
		return HINDRANCE_PANIC;
	return daemon_auditd_floods(d) ? HINDRANCE_LOG : HINDRANCE_NONE;
}

/* What is withheld */

static bool is_withheld(const struct withheld *w, enum category category)
{
	for (unsigned i = 0; i < N_KINDS; i++)
		if (kinds[i].category == category && w->kinds[i])
			return true;
	return false;
}

bool withheld_any(const struct withheld *w)
{
	return w->user || memchr(w->kinds, true, sizeof(w->kinds)) != NULL;
}

/* What rules of a user would have shown may be anything. */
static void tell_withheld(struct daemon *d, uint64_t now_ns)
{
	struct withheld *w = &d->withheld;
	struct gap gap = { .begin_ns = MIN(w->since_ns, now_ns), .end_ns = now_ns, .cause = hindrances[w->by].cause };

	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		if (!is_withheld(w, i))
			continue;
		gap.class_name = categories[i].name;
		notes_gap(&d->notes, &gap);
	}
	if (w->user) {
		gap.class_name = "all";
		notes_gap(&d->notes, &gap);
	}
	w->since_ns = now_ns;
}

static void withhold(struct daemon *d, const struct withheld *next)
{
	struct withheld *w = &d->withheld;
	uint64_t now_ns = clock_now_ns();

	if (w->by == next->by && w->user == next->user && memcmp(w->kinds, next->kinds, sizeof(w->kinds)) == 0)
		return;
	if (withheld_any(w))
		tell_withheld(d, now_ns);
	*w = *next;
	w->since_ns = now_ns;
}

void daemon_withhold_no_more(struct daemon *d)
{
	withhold(d, &(struct withheld){ 0 });
}

/* Loading */

/* What somebody did where the rules do not look any more is a gap; users may be known as of a second before. */
void daemon_tell_host_change(struct daemon *d)
{
	const struct narrowing *narrowing = &d->narrowing;
	struct gap gap = { .begin_ns = narrowing->looked_ns - NS_PER_SEC, .end_ns = clock_now_ns(), .cause = "rules_behind" };
	bool is_narrowed[N_CATEGORIES] = { false };

	if (!d->rules_loaded || !narrowing->is_narrowed || !narrowing_is_outdated(&d->narrowing, true))
		return;
	for (unsigned i = 0; i < N_KINDS; i++)
		is_narrowed[kinds[i].category] |= narrowing->scope.by_folder[i] || narrowing->scope.by_user[i];
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		if (!is_narrowed[i])
			continue;
		gap.class_name = categories[i].name;
		notes_gap(&d->notes, &gap);
	}
}

static const struct audit_scope *find_scope(struct daemon *d)
{
	const struct audit_scope *scope;

	/* The file has what is loaded, and the kernel that is locked with it is to have what counts there (audit_rules.c): one restart does. */
	d->rules_file.is_for_lock = d->rules_file.will_lock;
	if (source_live_bpf(d->source) >= 0)
		return NULL;
	daemon_tell_host_change(d);
	scope = narrowing_make(&d->narrowing);
	if (!scope || !d->rules_file.will_lock)
		return scope;
	narrowing_drop(&d->narrowing, "the host's files lock audit (`-e 2`), and a kernel that is locked does not count such rules");
	return NULL;
}

static int load_rules(struct daemon *d, const char **ret_why)
{
	static const bool nothing[N_KINDS];
	const struct audit_scope *scope = find_scope(d);
	struct withheld next = { .by = find_hindrance(d) };
	bool wanted[N_KINDS], user = daemon_has_user_rules(d) && d->subscriptions.n > 0;
	bool none = next.by == HINDRANCE_PANIC || (next.by == HINDRANCE_LOG && source_live_bpf(d->source) < 0);
	bool may_user = next.by == HINDRANCE_NONE || next.by == HINDRANCE_LOCKED;
	struct audit_rules_options options = {
		.wanted = none ? nothing : wanted,
		.own_pid = (uint32_t)getpid(),
		.scope = scope,
		.alone = source_live_is_unicast(d->source),
		.have_connector = source_live_connector(d->source) >= 0,
		.backlog_limit = (uint32_t)daemon_setting(d, SETTING_AuditdRulesBufferSize),
		.for_user = may_user && (d->user_audit.is_coming || user),
		.linger = d->reader != NULL,
	};
	int r;

	for (unsigned i = 0; i < N_KINDS; i++)
		wanted[i] = d->wanted[i] && !d->by_bpf[i];
	if (!may_user)
		daemon_unload_user_rules(d);
	d->rules_file.stale = true;
	r = audit_rules_load(d->audit, &options, d->places.kernel_state, ret_why);
	if (r < 0)
		return r;
	if (scope && audit_rules_are_whole(d->audit))
		narrowing_drop(&d->narrowing, "the kernel does not take such rules, or not so many");
	d->rules_linger_until_ns = r > 0 && options.linger ? clock_ns(CLOCK_MONOTONIC) + LINGER_NS : 0;
	if (r > 0 && user && may_user)
		daemon_follow_user_rules(d);
	if (next.by != HINDRANCE_NONE) {
		options.wanted = wanted;
		audit_rules_lacking(d->audit, &options, next.kinds);
		next.user = user && !d->user_audit.loaded;
		(void)audit_control_state(d->audit, &d->audit_state);
	}
	/* Switched off again, it shows nothing at all. */
	if (next.by == HINDRANCE_PANIC && d->audit_state.enabled == 0)
		memcpy(next.kinds, wanted, sizeof(next.kinds));
	withhold(d, &next);
	return r;
}

int daemon_load_rules(struct daemon *d, const char **ret_why)
{
	struct taken taken;
	int r;

	daemon_look_for_taken(d, &taken);
	r = load_rules(d, ret_why);
	daemon_tell_taken(d, &taken, r >= 0);	/* loading takes a while, which is part of the gap */
	return r;
}

void daemon_apply_rules(struct daemon *d)
{
	const char *why = "";
	int r;

	if (!d->audit || !d->source || !source_live_has_audit(d->source))
		return;
	r = daemon_load_rules(d, &why);
	if (r < 0)
		log_error("Failed to load the audit rules as they are wanted now: %s", why);
	else
		d->rules_loaded = r > 0;
}

/* Somebody locked audit, or will when the machine starts again, or has auditd log otherwise, or starts or stops it. */
static void follow_hindrance(struct daemon *d)
{
	uint64_t now_ns = clock_now_ns();

	if (find_hindrance(d) != d->withheld.by || d->rules_file.will_lock != d->rules_file.is_for_lock)
		daemon_apply_rules(d);
	if (withheld_any(&d->withheld) && now_ns - d->withheld.since_ns >= GAP_TELL_NS)
		tell_withheld(d, now_ns);
}

/* Those that were wanted before the last change. */
static void trim(struct daemon *d)
{
	int r;

	if (d->rules_linger_until_ns == 0 || clock_ns(CLOCK_MONOTONIC) < d->rules_linger_until_ns)
		return;
	r = audit_rules_trim(d->audit);
	if (r < 0)
		log_errno(r, "Failed to remove audit rules that are not wanted any more");
	else
		d->rules_linger_until_ns = 0;
}

/* The host is another than the rules were made for. */
static void follow_host(struct daemon *d)
{
	const char *why = "";

	/* While rules of before linger they wait: else what changes each second would have them stay. */
	if (!d->rules_loaded || source_live_bpf(d->source) >= 0 || d->rules_linger_until_ns > 0 || !narrowing_is_outdated(&d->narrowing, false))
		return;
	if (daemon_load_rules(d, &why) < 0) {
		log_error("Failed to load the audit rules for the folders and users as they are now: %s", why);
		narrowing_forget(&d->narrowing);
	}
}

void daemon_look_at_rules(struct daemon *d)
{
	if (!d->audit || !d->source || !source_live_has_audit(d->source))
		return;
	follow_hindrance(d);
	trim(d);
	follow_host(d);
}
