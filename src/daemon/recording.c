/* Recording: the source, audit's rules and the reader.  While nobody subscribed there is none of them, and nothing of ours in
 * the kernel.  What the kernel is asked for follows the subscriptions, beside the reader. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/exclusions.h"
#include "daemon/privileges.h"
#include "source/audit_blind.h"
#include "source/bpf.h"

#define CATCH_UP_NS NS_PER_SEC
#define BACKLOG_NS NS_PER_SEC
#define GATHER_NS (50 * NS_PER_MS)	/* nobody notices; asking the host about what audit shows must be quicker */

static const struct source_choice {
	const char *name;		/* of --source */
	const struct source_ops *ops;
	const char *mode;
	enum { BPF_NO, BPF_IF_POSSIBLE, BPF_MUST } bpf;
} source_choices[] = {
	{ "auto", &source_live, NULL, BPF_IF_POSSIBLE },
	{ "ebpf", &source_live, NULL, BPF_MUST },
	{ "audit", &source_live, NULL, BPF_NO },
	{ "audit-unicast", &source_live, "unicast", BPF_NO },
	{ "audit-multicast", &source_live, "multicast", BPF_NO },
	{ "audit-pipe", &source_live, "pipe", BPF_NO },
};

/* The line of the table; NULL, logged: there is none. */
static const struct source_choice *choose_source(const struct daemon *d)
{
	const char *wish = d->options->source ? d->options->source : "auto";

	for (size_t i = 0; i < ARRAY_SIZE(source_choices); i++)
		if (strcmp(source_choices[i].name, wish) == 0)
			return &source_choices[i];
	log_error("No source is called '%s' (there are auto, ebpf, audit, audit-unicast, audit-multicast, audit-pipe)", wish);
	return NULL;
}

static bool wants_bpf(const struct daemon *d, const struct source_choice *choice)
{
	return choice->bpf == BPF_MUST || (choice->bpf == BPF_IF_POSSIBLE && daemon_setting(d, SETTING_EnableEbpf));
}

/* Without audit there are no logins; all the rest the programs in the kernel can show. */
int daemon_check_audit(struct daemon *d)
{
	const struct source_choice *choice = choose_source(d);
	int r;

	if (!choice)
		return -EINVAL;
	r = audit_control_open(&d->audit);
	if (r >= 0)
		r = audit_control_state(d->audit, &d->audit_state);
	if (r >= 0)
		return 0;
	d->audit = audit_control_free(d->audit);
	if (!wants_bpf(d, choice)) {
		log_error("The kernel's audit cannot be used: %s", audit_control_why(r));
		return r;
	}
	log_warning("The kernel's audit cannot be used, so no logins are seen: %s", audit_control_why(r));
	return 0;
}

/* What is wanted */

struct asked {
	bool kinds[N_KINDS];
	struct exclusions exclusions;
	struct source_wants wants;	/* of them */
};

/* Of one filter, or of any of two. */
static void ask(const struct daemon *d, const struct filter *filter, const struct filter *other, struct asked *ret)
{
	daemon_kinds_wanted(d, filter, ret->kinds);
	exclusions_find(&ret->exclusions, filter);
	if (other) {
		bool kinds_of_other[N_KINDS];
		struct exclusions of_other;

		daemon_kinds_wanted(d, other, kinds_of_other);
		for (unsigned i = 0; i < N_KINDS; i++)
			ret->kinds[i] |= kinds_of_other[i];
		exclusions_find(&of_other, other);
		exclusions_keep_common(&ret->exclusions, &of_other);
	}
	ret->wants = (struct source_wants){
		.kinds = ret->kinds,
		.audit = daemon_has_user_rules(d) || d->user_audit.is_coming,
		.excluded_paths = ret->exclusions.paths,
		.n_excluded_paths = ret->exclusions.n_paths,
		.required_paths = ret->exclusions.required,
		.n_required_paths = ret->exclusions.n_required,
		.excluded_names = ret->exclusions.names,
		.n_excluded_names = ret->exclusions.n_names,
	};
}

/* Of one, or of any of two; the core reads them. */
static void let_pass(struct daemon *d, const bool *some, const bool *other)
{
	for (unsigned i = 0; i < N_KINDS; i++)
		__atomic_store_n(&d->passed[i], some[i] || other[i], __ATOMIC_RELAXED);
}

/* What is on its way goes through for now. */
static void set_wanted(struct daemon *d, const bool *wanted)
{
	memcpy(d->wanted, wanted, sizeof(d->wanted));
	let_pass(d, d->wanted, d->passed);
}

static void let_pass_no_more(struct daemon *d)
{
	let_pass(d, d->wanted, d->wanted);
}

static int load_rules(struct daemon *d, const struct filter *filter, const struct filter *other, struct filter_error *error)
{
	const char *why = "";
	int r;

	if (!source_live_has_audit(d->source))
		return 0;
	if (source_live_bpf(d->source) < 0) {
		daemon_tell_host_change(d);
		narrowing_find(&d->narrowing, filter, other,
			       daemon_setting(d, SETTING_AuditdRulesDisableWatchSpecificPaths) ? 0 :
					(size_t)daemon_setting(d, SETTING_AuditDMaxWatchedPaths));
	}
	r = daemon_load_rules(d, &why);
	if (r < 0) {
		snprintf(error->message, sizeof(error->message), "Failed to load the audit rules: %s", why);
		if (!d->rules_loaded)	/* what of them is there already */
			audit_rules_unload(d->audit, d->places.kernel_state);
		return r;
	}
	d->rules_loaded = r > 0;
	return 0;
}

/* What the kernel's audit lost before we read it was lost to others. */
static void begin_to_count(struct daemon *d)
{
	if (audit_control_state(d->audit, &d->audit_state) < 0)
		return;
	d->kernel_lost = d->audit_state.lost;
	d->ledger.entries[LOSS_KERNEL].seen = d->kernel_lost;
}

/* At the start another event says it. */
static void tell_source(struct daemon *d)
{
	if (d->has_begun)
		notes_say(&d->notes, "config", "recording with %s", d->source_ops->mode(d->source));
}

static int want(struct daemon *d, const struct filter *filter, const struct filter *other, struct filter_error *error)
{
	struct asked asked;
	bool had_audit;
	int r;

	ask(d, filter, other, &asked);
	if (!d->source) {
		set_wanted(d, asked.kinds);
		return 0;
	}
	had_audit = source_live_has_audit(d->source);
	privileges_raise();
	r = source_live_want(d->source, &asked.wants);
	privileges_lower();
	daemon_follow_plugin(d);
	if (r < 0) {
		snprintf(error->message, sizeof(error->message), "The kernel cannot be asked for what is subscribed: %s",
			 bpf_why(r));
		return r;
	}
	set_wanted(d, asked.kinds);
	if (!had_audit && source_live_has_audit(d->source)) {
		begin_to_count(d);
		tell_source(d);
	}
	return load_rules(d, filter, other, error);
}

int daemon_want(struct daemon *d, const struct filter *filter, const struct filter *other, struct filter_error *error)
{
	int r = want(d, filter, other, error);

	let_pass_no_more(d);
	return r;
}

/* Begin and end */

static int explain_source(struct daemon *d, const struct source_choice *choice, bool want_bpf, struct filter_error *error)
{
	int r = want_bpf ? source_live_bpf(d->source) : 0;

	if (r < 0 && choice->bpf == BPF_MUST) {
		snprintf(error->message, sizeof(error->message), "The eBPF source cannot be had: %s", bpf_why(r));
		return r;
	}
	if (r < 0)
		log_warning("No eBPF: %s; recording with audit, which costs more and shows less", bpf_why(r));
	source_live_bpf_serves(d->source, d->by_bpf);
	memcpy(d->not_from_audit, d->by_bpf, sizeof(d->not_from_audit));
	d->not_from_audit[KIND_ID(driver, unload)] = false;	/* that a bpf program goes nobody else tells */
	r = source_live_connector(d->source);
	if (r < 0 && source_live_bpf(d->source) < 0)
		log_errno(r, "No process connector (forks and exits come from audit; those of killed processes are "
			     "not seen)");
	return 0;
}

struct audit_ways {
	bool by_netlink, by_plugin;
	const char *mode;		/* of struct source_options */
};

static struct audit_ways find_ways(const struct daemon *d, const char *mode)
{
	bool is_pipe = mode && strcmp(mode, "pipe") == 0;
	bool by_netlink = d->audit && !is_pipe && daemon_setting(d, SETTING_AuditdEnableNetlink);
	bool may_plugin = daemon_setting(d, SETTING_AuditdEnableAudispdFallback) && !daemon_setting(d, SETTING_AuditdStopAuditdService);

	return (struct audit_ways){ .by_netlink = by_netlink, .by_plugin = d->audit && (is_pipe || (!mode && may_plugin)),
				    .mode = mode || by_netlink ? mode : "pipe" };
}

/* Until when the source before told what the kernel may have kept too.  Before a clock that was set back are times that are still to
 * come: by them nothing is known to have been told. */
static uint64_t told_until(const struct daemon *d)
{
	const struct sink_report *past = &d->past;
	uint64_t now_ns = clock_now_ns();

	if (d->idle_since_ns > 0)
		return d->idle_since_ns;
	if (past->newest_event_ns <= now_ns)
		return past->newest_event_ns;
	return past->last_event_ns <= now_ns ? past->last_event_ns : 0;
}

static int open_source(struct daemon *d, const struct asked *asked, struct filter_error *error)
{
	const struct source_choice *choice = choose_source(d);
	const struct audit_ways ways = find_ways(d, choice->mode);
	const struct source_options options = {
		.mode = ways.mode,
		.pipe_path = ways.by_plugin ? d->places.pipe : NULL,
		.want_bpf = wants_bpf(d, choice),
		.want_audit = ways.by_netlink || ways.by_plugin,
		.want_connector = true,
		/* Of this run, or of the one before. */
		.told_until_ns = told_until(d),
		.wants = asked->wants,
		.own_pid = (uint32_t)getpid(),
		.write_interval_ms = daemon_write_interval_ms(d),
		.tells_groups = daemon_setting(d, SETTING_EnableSupplementaryGroups),
		.bpf_ring_bytes = daemon_kernel_ring_bytes(d),
	};
	int r;

	d->bpf_wanted = options.want_bpf;
	d->multicast_wanted = choice->mode && strcmp(choice->mode, "multicast") == 0;
	d->mode_is_forced = ways.mode != NULL;
	if (!options.want_audit && !options.want_bpf) {
		snprintf(error->message, sizeof(error->message),
			 "The kernel's audit is to come neither by netlink (CX.recorder.AuditdEnableNetlink = 0) nor by auditd's plugin "
			 "(AuditdEnableAudispdFallback = 0), and there is no other source");
		return -EINVAL;
	}
	d->source_ops = choice->ops;
	privileges_raise();
	r = d->source_ops->open(&d->source, &options);
	privileges_lower();
	if (r < 0) {
		snprintf(error->message, sizeof(error->message), "Failed to open the kernel's audit: %s", audit_control_why(r));
		return r;
	}
	daemon_follow_plugin(d);
	return explain_source(d, choice, options.want_bpf, error);
}

static void look_at_audit(struct daemon *d, uint32_t was_enabled)
{
	if (was_enabled == 0 && source_live_bpf(d->source) < 0)
		log_warning("The kernel's audit was off: programs that already ran when it was first switched on since boot "
			    "are never audited, only what they start is (`audit=1` on the kernel's command line mends that)");
	if (audit_blind_count(d->audit) > 0)
		log_warning("A rule `-a task,never` is loaded: processes born under it are never audited "
			    "(`recorder health --fix` removes it)");
}

int daemon_open_recording(struct daemon *d, const struct filter *filter, struct filter_error *error)
{
	struct asked asked;
	int r;

	ask(d, filter, NULL, &asked);
	daemon_stop_auditd(d);	/* not before there is somebody who audits in its place */
	if (d->audit)	/* the counter of losses as it is now */
		audit_control_state(d->audit, &d->audit_state);
	r = open_source(d, &asked, error);
	if (r >= 0) {
		set_wanted(d, asked.kinds);
		let_pass_no_more(d);
		r = load_rules(d, filter, NULL, error);
	}
	if (r < 0) {
		daemon_close_recording(d);
		return r;
	}
	if (d->rules_loaded) {
		look_at_audit(d, d->audit_state.enabled);
		daemon_begin_coverage(d, d->audit_state.enabled != 0);
		audit_control_state(d->audit, &d->audit_state);
	}
	d->audit_look = (struct audit_look){ .before = d->looking, .last = moment_now() };
	d->kernel_lost = d->audit_state.lost;
	ledger_begin(&d->ledger, LOSS_KERNEL, d->kernel_lost);
	return 0;
}

int daemon_start_reading(struct daemon *d, struct filter_error *error)
{
	const struct reader_options options = {
		.ops = d->source_ops, .source = d->source, .ring = d->ring, .procfs = d->procfs, .nap_ns = daemon_nap_ns(d),
		.gather_ns = source_live_bpf(d->source) < 0 ? 0 : GATHER_NS, .pacer = &d->pacer, .remembered = &d->remembered,
		.shed = &d->reader_shed,
	};
	int r;

	if (d->has_begun && !d->processes_asked)	/* else what is there is older */
		daemon_read_processes(d);
	r = reader_start(&d->reader, &options);
	if (r < 0) {
		snprintf(error->message, sizeof(error->message), "Failed to start the reader: %s", strerror(-r));
		return r;
	}
	d->processes_asked_ns = clock_ns(CLOCK_MONOTONIC);	/* they are being read */
	tell_source(d);
	if (d->idle_since_ns > 0)
		daemon_tell_idle(d);
	return 0;
}

void daemon_tell_idle(struct daemon *d)
{
	notes_gap(&d->notes, &(struct gap){ .begin_ns = d->idle_since_ns, .end_ns = clock_now_ns(), .class_name = "all",
					    .cause = d->idle_cause });
	d->idle_since_ns = 0;
}

static const char *idle_cause(const struct daemon *d)
{
	return daemon_is_suspended(d) && d->subscriptions.n > 0 ? "suspended" : "not_subscribed";
}

void daemon_begin_idle(struct daemon *d, uint64_t since_ns)
{
	d->idle_since_ns = since_ns;
	d->idle_cause = idle_cause(d);
}

bool daemon_follow_idle(struct daemon *d, uint64_t now_ns)
{
	bool lasts;

	if (d->idle_since_ns == 0)
		return false;
	lasts = now_ns - d->idle_since_ns >= GAP_TELL_NS || strcmp(d->idle_cause, idle_cause(d)) != 0;
	if (now_ns >= d->idle_since_ns) {
		if (!lasts)
			return false;
		daemon_tell_idle(d);
	}	/* else the clock was set back, and what was before is in the gap of that */
	daemon_begin_idle(d, now_ns);
	return true;
}

/* What is kept of writes is told, if there is little room or all is to be; what nobody can tell becomes a gap. */
static void let_go(struct daemon *d, bool all)
{
	struct source_untold untold;

	privileges_raise();
	source_live_let_go(d->source, all, &untold);
	privileges_lower();
	if (untold.count == 0)
		return;
	d->closed_unseen += untold.count;
	notes_gap(&d->notes, &(struct gap){ .begin_ns = untold.begin_ns, .end_ns = clock_now_ns(), .class_name = "file",
					    .cause = "closed_unseen", .unit = "events", .count = untold.count, .exact = true });
}

void daemon_look_at_kept(struct daemon *d)
{
	if (d->source && source_live_must_let_go(d->source))
		let_go(d, false);
}

/* What was written to files that are open still is told when nobody will ask for it any more. */
void daemon_catch_up(struct daemon *d, const struct filter *next)
{
	bool wanted[N_KINDS];

	daemon_kinds_wanted(d, next, wanted);
	if (d->source && d->wanted[KIND_ID(file, write)] && !wanted[KIND_ID(file, write)])
		let_go(d, true);
	if (d->reader)
		reader_catch_up(d->reader, CATCH_UP_NS);
}

/* What the source counted is kept when it goes. */
static void keep_counters(struct daemon *d)
{
	daemon_count_source(d, &d->source_before, &d->probes_before);
}

void daemon_count_source(const struct daemon *d, struct source_stats *ret, struct probe_counters *ret_probes)
{
	struct source_stats sum = d->source_before;
	struct probe_counters probes = { 0 };

	*ret_probes = d->probes_before;
	if (d->source) {
		const struct source_stats *now = d->source_ops->stats(d->source);

		sum.records += now->records;
		sum.bytes += now->bytes;
		sum.overruns += now->overruns;
		sum.foreign += now->foreign;
		sum.serial_gaps += now->serial_gaps;
		source_live_bpf_count(d->source, &probes);
		for (unsigned i = 0; i < N_PROBE_CLASSES; i++) {
			ret_probes->made[i] += probes.made[i];
			ret_probes->lost[i] += probes.lost[i];
			ret_probes->dropped[i] += probes.dropped[i];
		}
	}
	*ret = sum;
}

/* What the kernel's audit has made and not sent yet: its thread may be behind by a second.  Others may keep it busy for ever. */
static void wait_for_backlog(struct daemon *d)
{
	uint64_t end_ns = clock_ns(CLOCK_MONOTONIC) + BACKLOG_NS;

	while (audit_control_state(d->audit, &d->audit_state) >= 0 && d->audit_state.backlog > 0 &&
	       clock_ns(CLOCK_MONOTONIC) < end_ns)
		clock_sleep_ns(5 * NS_PER_MS);
}

/* What the kernel had made before it was asked for less is through. */
int daemon_switch(struct daemon *d, struct filter_error *error)
{
	int r = want(d, d->subscriptions.filter, NULL, error);

	if (d->source) {
		if (d->rules_loaded)
			wait_for_backlog(d);
		reader_catch_up(d->reader, CATCH_UP_NS);
		d->passed_is_wide = core_change(d->core, &(struct core_change){ .drain = true }, CATCH_UP_NS) < 0;
	}
	if (!d->passed_is_wide)
		let_pass_no_more(d);
	return r;
}

void daemon_narrow_passed(struct daemon *d)
{
	if (!d->passed_is_wide || core_is_changing(d->core))
		return;
	if (core_change(d->core, &(struct core_change){ .drain = true }, CATCH_UP_NS) < 0)
		return;
	d->passed_is_wide = false;
	let_pass_no_more(d);
}

/* Writes to files that were still open are told at the end, or they are missing. */
static void tell_kept_untold(struct daemon *d, int error)
{
	uint64_t now_ns = clock_now_ns(), interval_ns = daemon_write_interval_ms(d) * NS_PER_MS;

	log_errno(error, "The programs in the kernel could not tell what was written to files that are still open");
	notes_gap(&d->notes, &(struct gap){ .begin_ns = now_ns - MIN(now_ns, interval_ns), .end_ns = now_ns, .class_name = "file",
					    .cause = "kept_untold" });
}

void daemon_close_recording(struct daemon *d)
{
	bool had_rules = d->rules_loaded;
	uint64_t since_ns = clock_now_ns();	/* from here on less and less is seen */
	struct taken taken;
	int kept;

	daemon_look_for_taken(d, &taken);
	daemon_tell_taken(d, &taken, false);
	daemon_withhold_no_more(d);
	daemon_leave_slot(d);
	if (d->audit && d->rules_loaded && audit_rules_unload(d->audit, d->places.kernel_state) < 0)
		log_error("Failed to put the kernel's audit back as it was; the next start, or `auditctl -D -k %s`, does",
			  AUDIT_OWN_KEY);
	d->rules_loaded = false;
	d->rules_file.stale = true;
	d->rules_missing = 0;
	if (had_rules && d->reader)
		wait_for_backlog(d);
	d->reader = reader_stop(d->reader, &kept);
	if (kept < 0)
		tell_kept_untold(d, kept);
	if (d->source)
		let_go(d, kept >= 0);
	if (d->audit && audit_control_state(d->audit, &d->audit_state) >= 0 && d->source && source_live_has_audit(d->source))
		d->kernel_lost = d->audit_state.lost;
	if (!d->source)
		return;
	keep_counters(d);
	privileges_raise();	/* the process connector is told that nobody listens */
	d->source = d->source_ops->free(d->source);
	privileges_lower();
	/* It stays over a restart: what comes meanwhile it keeps. */
	if (d->stopping_ns == 0 || *d->places.host_root)
		daemon_follow_plugin(d);
	if (d->idle_since_ns == 0)
		daemon_begin_idle(d, since_ns);
	daemon_tell_losses(d, false);	/* the counters may begin anew before the next look */
}
