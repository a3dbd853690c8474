/* See health.h. */

#include "daemon/health.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "event/event_json.h"
#include "sink/sink.h"

#define LATELY_NS (10 * 60 * NS_PER_SEC)
#define MIB (UINT64_C(1) << 20)
#define DISK_WARN_BYTES (1024 * MIB)	/* less, and less than a twentieth */
#define DISK_FAIL_BYTES (32 * MIB)

const char *const health_level_names[] = { "ok", "warn", "fail" };

static enum health_level _printf_(4, 5) say(struct health_state *state, enum health_level level, const char *mend,
					    const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	vsnprintf(state->why, sizeof(state->why), why, ap);
	va_end(ap);
	snprintf(state->mend, sizeof(state->mend), "%s", mend);
	return level;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static bool is_lately(uint64_t time_ns, uint64_t now_ns)
{
	return time_ns > 0 && (now_ns < time_ns || now_ns - time_ns < LATELY_NS);
}

static enum health_level check_source(const struct vitals *v, struct health_state *s)
{
	if (v->source.error < 0)
		return say(s, HEALTH_FAIL, "start the recorder again", "reading from the kernel failed: %s",
			   strerror(-v->source.error));
	if (v->source.closed_why)
		return say(s, HEALTH_FAIL, "what is subscribed is tried again every 10 s; else change the subscription",
			   "nothing is recorded: %s", v->source.closed_why);
	if (v->idle)
		return say(s, HEALTH_OK, "", "idle: nothing is asked of the kernel");
	if (v->source.bpf_why)
		return say(s, HEALTH_WARN, "make eBPF possible, or set CX.recorder.EnableEbpf = 0",
			   "recording with audit, not eBPF: %s", v->source.bpf_why);
	if (v->source.audit_why)
		return say(s, HEALTH_WARN, "make the kernel's audit possible (audit=1 on the kernel's command line)",
			   "no logins are seen: %s", v->source.audit_why);
	if (v->source.plugin == 0)
		return say(s, HEALTH_FAIL, "see that auditd runs and has read it: /etc/audit/plugins.d/recorder.conf",
			   "auditd's plugin is not there, so no records of audit come%s%s", *v->source.plugin_why ? ": " : "",
			   v->source.plugin_why);
	if (v->source.is_unicast && v->source.holder)
		return say(s, HEALTH_FAIL, "stop it, or record with --source auto", "process %u has taken the audit stream: none of its records come",
			   v->source.holder);
	if (!v->source.by_bpf && v->source.holder && v->source.plugin < 0 && !v->source.multicast_wanted)
		return say(s, HEALTH_WARN, "stop it, or use eBPF",
			   "process %u holds the audit stream; recording beside it, by multicast", v->source.holder);
	if (!v->source.by_bpf && !v->source.has_connector)
		return say(s, HEALTH_WARN, "use a kernel with CONFIG_PROC_EVENTS, or eBPF",
			   "no process connector: ends of killed processes are not seen");
	return say(s, HEALTH_OK, "", "%s", v->source.mode);
}

static bool says(const struct vitals *v, enum rule_fact fact)
{
	return v->files.places[fact] && *v->files.places[fact];
}

/* The recorder's file is not to be there then. */
static bool will_panic(const struct vitals *v)
{
	return says(v, RULE_PANICS) && !v->files.panic_allowed;
}

static enum health_level say_withheld(const struct vitals *v, struct health_state *s)
{
	static const enum rule_fact facts[N_HINDRANCES] = {
		[HINDRANCE_LOCKED] = RULE_LOCKS, [HINDRANCE_PANIC] = RULE_PANICS, [HINDRANCE_LOG] = N_RULE_FACTS,
	};
	const struct hindrance_words *words = &hindrances[v->rules.hindrance];
	enum rule_fact fact = facts[v->rules.hindrance];
	bool is_said = fact < N_RULE_FACTS && says(v, fact);
	const char *mend = words->mend;

	if (v->files.restart_needed)
		mend = "restart the machine: the recorder's rules stand in front of `-e 2`, in " OWN_RULES_FILE;
	else if (v->rules.hindrance == HINDRANCE_LOCKED && will_panic(v))
		mend = "make `-f 2` of the files `-f 1`, or set CX.recorder.AuditdDisableKernelPanicProtection = 1, then restart the machine";
	else if (v->rules.hindrance == HINDRANCE_LOCKED && v->files.own_is_there)
		mend = "use eBPF: what is missing are rules that auditctl may not take when the machine starts (io_uring, other file systems)";
	return say(s, HEALTH_FAIL, mend,
		   "not all that are needed are loaded: %s%s%s%s", words->why, is_said ? " (" : "", is_said ? v->files.places[fact] : "",
		   is_said ? ")" : "");
}

static enum health_level check_rules(const struct vitals *v, struct health_state *s)
{
	if (v->rules.user_problem)
		return say(s, HEALTH_FAIL, "recorder audit-rules register FILE, or remove", "%s", v->rules.user_problem);
	if (v->rules.withheld)
		return say_withheld(v, s);
	if (!v->rules.loaded)
		return say(s, HEALTH_OK, "", v->idle ? "idle: none" : "none are needed");
	if (v->rules.missing > 0)
		return say(s, HEALTH_FAIL, "see the log why they cannot be loaded again", "%u audit rule%s missing", v->rules.missing,
			   v->rules.missing == 1 ? " is" : "s are");
	if (v->rules.audit_off)
		return say(s, HEALTH_FAIL, "auditctl -e 1", "the kernel's audit is off");
	if (is_lately(v->rules.removed_ns, v->now_ns))
		return say(s, HEALTH_WARN, "find who does: the history has it as security events",
			   "somebody removed audit rules; they are loaded again");
	if (v->rules.n_hiding > 0)
		return say(s, HEALTH_WARN, "leave them out if that is not meant, and register the others anew (`recorder audit-rules show`)",
			   "of the user-defined audit rules line%s %s take%s records away, from the recorder as from everybody", plural(v->rules.n_hiding),
			   v->rules.hiding, v->rules.n_hiding == 1 ? "s" : "");
	return say(s, HEALTH_OK, "", "all are loaded");
}

/* Rules of others, in the kernel and in the files that it gets at the next start of the machine. What withholds the recorder's now
 * is told by check_rules(). */
static enum health_level check_host_rules(const struct vitals *v, struct health_state *s)
{
	enum hindrance by = v->rules.withheld ? v->rules.hindrance : HINDRANCE_NONE;
	const char *blinds = says(v, RULE_BLINDS) ? v->files.places[RULE_BLINDS] : "of no file";

	if (v->files.problem && *v->files.problem)
		return say(s, HEALTH_WARN, "see that the recorder may write there", "its rules cannot be kept for a locked kernel: %s",
			   v->files.problem);
	if (v->idle || !(v->files.own_needed || v->rules.withheld))
		return say(s, HEALTH_OK, "", "%s", v->idle ? "idle: none matter" : "no rule is needed, so none of theirs hides anything");
	if (v->rules.task_never)
		return say(s, HEALTH_WARN, "recorder health --fix removes it; start again what `recorder coverage` names",
			   "a rule `-a task,never` is loaded (%s): processes born under it are never audited", blinds);
	if (says(v, RULE_BLINDS))
		return say(s, HEALTH_WARN, "recorder health --fix removes it",
			   "`-a task,never` stands in %s: processes born under it, once it is loaded, are never audited", blinds);
	if (will_panic(v) && by != HINDRANCE_PANIC)
		return say(s, HEALTH_WARN, "make it `-f 1`, or set CX.recorder.AuditdDisableKernelPanicProtection = 1",
			   "`-f 2` stands in %s: the kernel panics when it loses a record, so no rules are loaded while it is in force",
			   v->files.places[RULE_PANICS]);
	if (says(v, RULE_LOCKS) && !v->files.own_is_there && !will_panic(v) && by != HINDRANCE_LOCKED)
		return say(s, HEALTH_WARN, "have augenrules make audit.rules of " RULES_FOLDER ", where the recorder's rules can go in front",
			   "`-e 2` stands in %s: a kernel that is locked before the recorder starts lacks the recorder's rules",
			   v->files.places[RULE_LOCKS]);
	return say(s, HEALTH_OK, "", "none hides anything");
}

static enum health_level check_loss(const struct vitals *v, struct health_state *s)
{
	char causes[256] = "";
	size_t n = 0;

	if (!v->losses.any)
		return say(s, HEALTH_OK, "", "nothing was lost in the last %d minutes", LOSS_WINDOW_MINUTES);
	for (unsigned i = 0; i < N_CAUSES; i++)
		if (v->losses.by[i] > 0 && n < sizeof(causes))
			n += (size_t)snprintf(causes + n, sizeof(causes) - n, "%s%s %llu", n > 0 ? ", " : "", loss_cause_names[i],
					      (unsigned long long)v->losses.by[i]);
	return say(s, v->losses.steady ? HEALTH_FAIL : HEALTH_WARN, "subscribe to less, or leave out what makes the noise",
		   "lost in the last %d minutes%s: %s", LOSS_WINDOW_MINUTES, v->losses.steady ? ", and still rising" : "", causes);
}

static enum health_level check_counters(const struct vitals *v, struct health_state *s)
{
	if (*v->flaw)
		return say(s, HEALTH_FAIL, "report it with `recorder status --json`: it is a fault of the recorder",
			   "the counters do not reconcile, so something may be missing that no gap tells: %s", v->flaw);
	return say(s, HEALTH_OK, "", "of all that was received it is known what became of it");
}

static enum health_level check_shedding(const struct vitals *v, struct health_state *s)
{
	const char *mend = "give it more of the processor or subscribe to less: `recorder query --type recorder` tells the begin of each step";

	switch (v->shedding.step) {
	case SHED_NOTHING:
		return say(s, HEALTH_OK, "", "no");
	case SHED_COALESCE:
		return say(s, HEALTH_OK, "", "what repeats is told together for longer: nothing is left out");
	case SHED_SOURCE:
		return say(s, HEALTH_WARN, mend, "step %d of %d: %s%s", v->shedding.step, N_SHED_STEPS - 1,
			   v->shedding.source[0] ? "only the numbers are told of the events of " : "no source makes most of the events",
			   v->shedding.source);
	default:
		return say(s, HEALTH_WARN, mend, "step %d of %d: events are let go of, up to class %s%s%s", v->shedding.step, N_SHED_STEPS - 1,
			   shed_steps[v->shedding.step].name, v->shedding.source[0] ? ", and those of " : "", v->shedding.source);
	}
}

static enum health_level check_disk(const struct vitals *v, struct health_state *s)
{
	unsigned long long free_mib = v->disk.free_bytes / MIB;

	if (v->disk.error < 0)
		return say(s, HEALTH_FAIL, "make the folder readable again", "%s: %s", v->disk.folder, strerror(-v->disk.error));
	if (v->database.error == -ENOSPC || v->database.error == -EDQUOT)
		return say(s, HEALTH_FAIL, "make room", "%s: no room, events are lost", v->disk.folder);
	if (v->disk.no_inodes)
		return say(s, HEALTH_FAIL, "remove files", "%s: no file can be made, all inodes are taken", v->disk.folder);
	if (v->disk.free_bytes < DISK_FAIL_BYTES)
		return say(s, HEALTH_FAIL, "make room", "%s: %llu MiB are free", v->disk.folder, free_mib);
	if (v->disk.free_bytes < DISK_WARN_BYTES && v->disk.free_bytes < v->disk.size_bytes / 20)
		return say(s, HEALTH_WARN, "make room", "%s: %llu MiB are free", v->disk.folder, free_mib);
	return say(s, HEALTH_OK, "", "%llu MiB are free", free_mib);
}

static enum health_level check_database(const struct vitals *v, struct health_state *s)
{
	if (v->database.error == SINK_HELD)
		return say(s, HEALTH_FAIL, "end it: fuser -v recorder.db", "somebody reads an old state of it and keeps it from being "
			   "cut: there is no room left within its bound, events are lost");
	if (v->database.error < 0)
		return say(s, HEALTH_FAIL, "see the log; what is lost is counted and a gap", "storing fails: %s",
			   strerror(-v->database.error));
	if (v->database.damaged_path && *v->database.damaged_path)
		return say(s, HEALTH_WARN, "look into it with sqlite3 .recover, or remove it, and start the recorder again",
			   "it was damaged and is set aside as %s", v->database.damaged_path);
	if (v->database.removed > 0)
		return say(s, HEALTH_WARN, "find who does; a gap tells when", "somebody removed it, %u time%s; a new one was begun",
			   v->database.removed, plural(v->database.removed));
	return say(s, HEALTH_OK, "", "%s is written", v->database.path);
}

static enum health_level check_journals(const struct vitals *v, struct health_state *s)
{
	if (v->journal.error == -EBADMSG)
		return say(s, HEALTH_FAIL, "move away what has its name", "%s is no journal: it is no file, or does not end with a line of JSON",
			   v->journal.path);
	if (v->journal.error < 0)
		return say(s, HEALTH_FAIL, "mend its folder or its disk; what it lacks is counted and a gap, the history has it", "%s: %s",
			   v->journal.path, strerror(-v->journal.error));
	return say(s, HEALTH_OK, "", "none fails");
}

static enum health_level check_subscriptions(const struct vitals *v, struct health_state *s)
{
	if (v->n_refused > 0)
		return say(s, HEALTH_FAIL, "mend or remove it (`recorder subscription list` names all)",
			   "%u file%s in %s cannot be used: %s: %s", v->n_refused, plural(v->n_refused), v->subscriptions_dir,
			   v->refused_file ? v->refused_file : "", v->refused_why ? v->refused_why : "");
	if (v->n_unprotected > 0)
		return say(s, HEALTH_WARN, "mend what is said, then register it anew",
			   "%u file%s in %s %s not stored as the settings want it: %s: %s", v->n_unprotected,
			   plural(v->n_unprotected), v->subscriptions_dir, v->n_unprotected == 1 ? "is" : "are", v->refused_file ? v->refused_file : "",
			   v->refused_why ? v->refused_why : "");
	return say(s, HEALTH_OK, "", "%u in force", v->n_subscriptions);
}

static enum health_level check_settings(const struct vitals *v, struct health_state *s)
{
	if (v->settings_refused && *v->settings_refused)
		return say(s, HEALTH_FAIL, "mend the file; the settings before it are in force", "%s", v->settings_refused);
	return say(s, HEALTH_OK, "", "in force");
}

static enum health_level check_socket(const struct vitals *v, struct health_state *s)
{
	if (v->socket.error < 0)
		return say(s, HEALTH_FAIL, "start the recorder again", "%s: %s", v->socket.path, strerror(-v->socket.error));
	if (!v->socket.is_socket)
		return say(s, HEALTH_FAIL, "remove it and start the recorder again", "%s is another file now", v->socket.path);
	if (v->socket.owner != v->socket.wanted_owner)
		return say(s, HEALTH_FAIL, "chown root it", "%s belongs to user %u", v->socket.path, v->socket.owner);
	if (v->socket.mode != 0600)
		return say(s, HEALTH_FAIL, "chmod 600 it", "%s has mode %04o", v->socket.path, v->socket.mode);
	if (v->socket.folder_mode & 022)
		return say(s, HEALTH_FAIL, "chmod 700 it", "%s can be written by others", v->socket.folder);
	return say(s, HEALTH_OK, "", "for its owner alone");
}

static enum health_level check_clock(const struct vitals *v, struct health_state *s)
{
	double by = (double)v->clock_step_ns / (double)NS_PER_SEC;

	if (v->clock_step_ns != 0)
		return say(s, HEALTH_WARN, "let a time service steer it (chrony, systemd-timesyncd)",
			   "the clock was set %s by %.1f s; a gap tells when", by > 0 ? "forward" : "back", by > 0 ? by : -by);
	return say(s, HEALTH_OK, "", "no step in the last %llu minutes", (unsigned long long)(LATELY_NS / NS_PER_SEC / 60));
}

static enum health_level check_cpu(const struct vitals *v, struct health_state *s)
{
	_cleanup_(buffer_release) struct buffer until = { 0 };

	if (v->cpu.suspended == RESOURCE_STICKY)
		return say(s, HEALTH_FAIL, "subscribe to less of what makes the noise, then `recorder resume`",
			   "recording is suspended: the recorder took too much of the CPU, more often than ResourceMonitorRetryAttempts allows");
	if (v->cpu.suspended == RESOURCE_SUSPENDED) {
		buffer_append_time(&until, v->cpu.until_ns);
		return say(s, HEALTH_FAIL, "subscribe to less of what makes the noise; `recorder resume` ends it sooner",
			   "recording is suspended until %s: the recorder took too much of the CPU", buffer_text(&until));
	}
	if (v->cpu.step == THROTTLE_SHED)
		return say(s, HEALTH_WARN, "subscribe to less of what makes the noise, or raise CX.recorder.CpuThrottleTargetPercent",
			   "the recorder needs more of the CPU than %.0f %%: events are let go of by class, a gap tells which",
			   v->cpu.target_percent);
	return say(s, HEALTH_OK, "", v->cpu.step == THROTTLE_CALM ? "below %.0f %%" : "held at %.0f %%: what can wait does less", v->cpu.target_percent);
}

static enum health_level check_processors(const struct vitals *v, struct health_state *s)
{
	if (v->n_processors < 2)
		return say(s, v->single_processor_refused ? HEALTH_FAIL : HEALTH_WARN,
			   "give it a second one; CX.recorder.EnableSingleCpuRequirement = 0 accepts it",
			   "one processor: recording slows the machine down");
	return say(s, HEALTH_OK, "", "%ld", v->n_processors);
}

/* Without a unicast listener the kernel prints each record it makes (kernel/audit.c, kauditd_hold_skb). */
static enum health_level check_consumers(const struct vitals *v, struct health_state *s)
{
	if (v->consumers.enabled && !v->consumers.has_listener)
		return say(s, HEALTH_WARN, "start auditd, or record with --source auto",
			   "nobody holds the audit stream: the kernel prints its records to its log");
	if (v->consumers.enabled && v->consumers.n_others > 0)
		return say(s, HEALTH_WARN,
			   strstr(v->consumers.other, "journal") ? "systemctl mask --now systemd-journald-audit.socket" :
								   "stop it if nobody needs it",
			   "%s reads the audit stream too: what the recorder asks the kernel for is stored there again",
			   *v->consumers.other ? v->consumers.other : "another program");
	return say(s, HEALTH_OK, "", v->consumers.enabled ? "nobody else reads the audit stream" : "audit is not used");
}

static enum health_level check_auditd(const struct vitals *v, struct health_state *s)
{
	if (v->auditd.problem && *v->auditd.problem)
		return say(s, HEALTH_WARN, "see that the recorder may write there, or switch the CX.recorder.*Write setting off",
			   "the configuration of auditd is not as wanted: %s", v->auditd.problem);
	if (!v->auditd.is_there)
		return say(s, HEALTH_OK, "", "there is none");
	if (v->auditd.left && *v->auditd.left)
		return say(s, HEALTH_OK, "", "not as the settings would have it, and not to be written: %s", v->auditd.left);
	return say(s, HEALTH_OK, "", "as wanted");
}

static enum health_level check_selinux(const struct vitals *v, struct health_state *s)
{
	selinux_explain(&v->selinux, s->why, sizeof(s->why), s->mend, sizeof(s->mend));
	return *s->mend ? HEALTH_WARN : HEALTH_OK;
}

static enum health_level check_trust(const struct vitals *v, struct health_state *s)
{
	if (v->trust.refused && *v->trust.refused)
		return say(s, HEALTH_FAIL, "report it, with the version and that of the libc; if it is no slip of ours somebody is in our memory",
			   "%s", v->trust.refused);
	if (is_lately(v->trust.tampered_ns, v->now_ns))
		return say(s, HEALTH_WARN, "find who did: recorder query --type security tells of it as tamper", "%s", v->trust.tampered);
	if (v->trust.unproved && *v->trust.unproved)
		return say(s, HEALTH_WARN, "put the public key of who released it into signing.pub beside the settings", "%s", v->trust.unproved);
	if (v->trust.doubt && *v->trust.doubt && v->trust.doubt_is_foreign)
		return say(s, HEALTH_WARN, "use folders that root alone can replace (--state, --config)", "%s, who could replace the recorder's files in it",
			   v->trust.doubt);
	if (v->trust.doubt && *v->trust.doubt)
		return say(s, HEALTH_OK, "", "nobody else can write its files; %s, which could replace them", v->trust.doubt);
	return say(s, HEALTH_OK, "", "nobody else can write its files");
}

static enum health_level check_alone(const struct vitals *v, struct health_state *s)
{
	if (v->rival > 0)
		return say(s, HEALTH_FAIL, "stop one of the two", "another recorder runs, pid %d: both change the kernel's rules",
			   v->rival);
	return say(s, HEALTH_OK, "", "the only recorder");
}

static void list_acts(char ret[static 64], const bool acts[static N_CANARY_ACTS])
{
	size_t n = 0;

	*ret = 0;
	for (unsigned i = 0; i < N_CANARY_ACTS; i++)
		if (acts[i])
			n += (size_t)snprintf(ret + n, 64 - n, "%s%s", n > 0 ? ", " : "", canary_act_names[i]);
}

static enum health_level check_canary(const struct vitals *v, struct health_state *s)
{
	const struct canary_report *report = &v->canary;
	bool missing[N_CANARY_ACTS];
	char acts[64];

	switch (report->outcome) {
	case CANARY_OFF:
		return say(s, HEALTH_OK, "", "off (CX.recorder.CanaryIntervalSecs = 0)");
	case CANARY_NONE:
		return say(s, HEALTH_OK, "", "the first is to come");
	case CANARY_IDLE:
		return say(s, HEALTH_OK, "", "none: no subscription wants what it does");
	case CANARY_UNABLE:
		return say(s, HEALTH_WARN, "see that the recorder may start itself, write into its folder and connect to 127.0.0.1",
			   "the canary could not %s: %s", report->error < 0 ? "start" : "act",
			   report->error < 0 ? strerror(-report->error) : "writing its file or connecting failed");
	case CANARY_ARRIVED:
		list_acts(acts, report->demanded);
		return say(s, HEALTH_OK, "", "%s arrived within %llu ms", acts, (unsigned long long)report->latency_ms);
	case CANARY_MISSING:
		break;
	}
	for (unsigned i = 0; i < N_CANARY_ACTS; i++)
		missing[i] = report->demanded[i] && !report->arrived[i];
	list_acts(acts, missing);
	return say(s, HEALTH_FAIL, "look for rules of others in front of ours (auditctl -l), and at loss",
		   "what the canary did never arrived: %s", acts);
}

const struct health_check health_checks[N_HEALTH_CHECKS] = {
	{ "source", "Events come from the wanted source", check_source },
	{ "rules", "The kernel's audit rules are as wanted", check_rules },
	{ "loss", "Nothing is being lost", check_loss },
	{ "counters", "The counters reconcile", check_counters },
	{ "shedding", "Nothing is left out for want of time or room", check_shedding },
	{ "canary", "What happens arrives", check_canary },
	{ "trust", "Program, files and threads can be trusted", check_trust },
	{ "disk", "There is room to store", check_disk },
	{ "database", "The database can be written", check_database },
	{ "journals", "The journals can be written", check_journals },
	{ "subscriptions", "Every subscription is in force", check_subscriptions },
	{ "settings", "The settings file is in force", check_settings },
	{ "socket", "Nobody else can talk to the recorder", check_socket },
	{ "clock", "The clock does not jump", check_clock },
	{ "cpu", "The recorder takes no more CPU than it is to", check_cpu },
	{ "processors", "There is more than one processor", check_processors },
	{ "consumers", "Nobody else takes the audit stream", check_consumers },
	{ "auditd", "The audit daemon is configured as wanted", check_auditd },
	{ "selinux", "SELinux lets the recorder do its work", check_selinux },
	{ "host_rules", "The host's own audit rules hide nothing", check_host_rules },
	{ "alone", "One recorder on this host", check_alone },
};

void health_look(struct health *health, const struct vitals *vitals,
		 void (*changed)(void *user, const struct health_check *check, const struct health_state *state,
				 enum health_level before),
		 void *user)
{
	for (size_t i = 0; i < N_HEALTH_CHECKS; i++) {
		struct health_state *state = &health->states[i];
		enum health_level before = state->level;

		state->level = health_checks[i].run(vitals, state);
		if (state->level == before)
			continue;
		state->since_ns = vitals->now_ns;
		if (changed)
			changed(user, &health_checks[i], state, before);
	}
}

enum health_level health_worst(const struct health *health)
{
	enum health_level worst = HEALTH_OK;

	for (size_t i = 0; i < N_HEALTH_CHECKS; i++)
		worst = MAX(worst, health->states[i].level);
	return worst;
}

void health_log(const struct health_check *check, const struct health_state *state)
{
	static const enum log_level levels[] = {
		[HEALTH_OK] = LOG_LEVEL_INFO, [HEALTH_WARN] = LOG_LEVEL_WARNING, [HEALTH_FAIL] = LOG_LEVEL_ERROR,
	};

	log_message(levels[state->level], "Health, %s: %s: %s%s%s%s", check->id, health_level_names[state->level], state->why,
		    *state->mend ? " (" : "", state->mend, *state->mend ? ")" : "");
}

void health_log_standing(struct health *health, uint64_t steady_ns, uint64_t interval_ns)
{
	if (health->logged_ns == 0)
		health->logged_ns = steady_ns;
	if (steady_ns - health->logged_ns < interval_ns)
		return;
	health->logged_ns = steady_ns;
	for (size_t i = 0; i < N_HEALTH_CHECKS; i++)
		if (health->states[i].level != HEALTH_OK)
			health_log(&health_checks[i], &health->states[i]);
}

static void member(struct buffer *buffer, const char *name, const char *text)
{
	buffer_printf(buffer, ",\"%s\":", name);
	json_append_string(buffer, span_of(text));
}

void health_json(const struct health *health, struct buffer *buffer)
{
	buffer_printf(buffer, "{\"level\":\"%s\",\"checks\":[", health_level_names[health_worst(health)]);
	for (size_t i = 0; i < N_HEALTH_CHECKS; i++) {
		const struct health_state *state = &health->states[i];

		buffer_printf(buffer, "%s\n{\"id\":\"%s\"", i > 0 ? "," : "", health_checks[i].id);
		member(buffer, "title", health_checks[i].title);
		member(buffer, "level", health_level_names[state->level]);
		if (state->since_ns > 0) {
			buffer_append_text(buffer, ",\"since\":\"");
			buffer_append_time(buffer, state->since_ns);
			buffer_append_byte(buffer, '"');
		} else {
			buffer_append_text(buffer, ",\"since\":null");
		}
		member(buffer, "why", state->why);
		member(buffer, "mend", state->mend);
		buffer_append_byte(buffer, '}');
	}
	buffer_append_text(buffer, "\n]}");
}
