/* Gathers what the checks of health look at, and tells what changed.  All on the control thread: what asks the
 * kernel or the disk is asked every ten seconds, or when somebody asks for health, and then once a second at most. */

#include "daemon/vitals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/audit_readers.h"
#include "daemon/daemon.h"
#include "daemon/rival.h"
#include "source/audit_blind.h"
#include "source/bpf.h"

#define SLOW_NS (10 * NS_PER_SEC)
#define ASKED_NS NS_PER_SEC
#define STEP_REMEMBERED_NS (10 * 60 * NS_PER_SEC)

/* The kernel, the disk, /proc */

static void look_at_disk(struct daemon *d, struct vitals *v)
{
	struct statvfs st;

	v->disk.folder = d->places.state_dir;
	v->disk.error = statvfs(d->places.state_dir, &st) < 0 ? -errno : 0;
	if (v->disk.error < 0)
		return;
	v->disk.free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	v->disk.size_bytes = (uint64_t)st.f_blocks * st.f_frsize;
	v->disk.no_inodes = st.f_files > 0 && st.f_favail == 0;
}

static void look_at_socket(struct daemon *d, struct vitals *v)
{
	_cleanup_(freep) char *folder = strdup(d->places.socket);
	struct stat st;

	v->socket.path = d->places.socket;
	v->socket.folder = d->places.state_dir;
	v->socket.wanted_owner = geteuid();
	v->socket.error = lstat(d->places.socket, &st) < 0 ? -errno : 0;
	if (v->socket.error < 0)
		return;
	v->socket.is_socket = S_ISSOCK(st.st_mode);
	v->socket.mode = st.st_mode & 07777;
	v->socket.owner = st.st_uid;
	if (!folder)
		return;
	*strrchr(folder, '/') = 0;
	v->socket.folder_mode = stat(folder, &st) < 0 ? 0 : st.st_mode & 07777;
}

static bool is_running(uint32_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", pid);
	return pid > 0 && access(path, F_OK) == 0;
}

static void look_at_consumers(struct daemon *d, struct vitals *v)
{
	struct audit_readers readers = { 0 };

	v->consumers.enabled = d->rules_loaded && d->audit_state.enabled != 0;
	if (!v->consumers.enabled)
		return;
	v->consumers.has_listener = is_running(d->audit_state.pid);
	audit_readers_find(&readers);
	v->consumers.n_others = readers.n_others;
	snprintf(v->consumers.other, sizeof(v->consumers.other), "%s", readers.name);
}

/* What it points to holds until the next look. */
static void look_at_rule_files(struct daemon *d, struct vitals *v)
{
	daemon_look_at_rule_files(d);
	v->files.are_joined = rule_files_are_joined(d->places.host_root);
	for (unsigned i = 0; i < N_RULE_FACTS; i++)
		v->files.places[i] = rule_facts_places(&d->rule_facts, i);
}

static void look_slowly(struct daemon *d, struct vitals *v)
{
	int rival = rival_find();

	look_at_disk(d, v);
	look_at_socket(d, v);
	look_at_consumers(d, v);
	selinux_look(&v->selinux, d->places.host_root, NULL);
	look_at_rule_files(d, v);
	v->rules.task_never = d->rules_loaded && audit_blind_count(d->audit) > 0;
	v->n_processors = sysconf(_SC_NPROCESSORS_ONLN);
	v->rival = MAX(rival, 0);
}

/* What is known here already */

static void look_at_source(struct daemon *d, struct vitals *v)
{
	int r = d->source ? source_live_bpf(d->source) : -ENODATA;

	v->source.closed_why = d->source || v->idle ? NULL : d->begin_error.message;
	v->rules.loaded = d->rules_loaded;
	v->rules.missing = d->rules_missing;
	v->rules.audit_off = d->rules_loaded && d->audit_state.enabled == 0;
	v->rules.removed_ns = d->rules_removed_ns;
	v->rules.user_problem = daemon_user_rules_problem(d);
	v->rules.n_hiding = daemon_hiding_user_rules(d, v->rules.hiding);
	v->rules.withheld = withheld_any(&d->withheld);
	v->rules.hindrance = d->withheld.by;
	v->files.own_is_there = d->rules_file.is_there;
	v->files.own_needed = d->rules_file.n_lines > 0;
	v->files.restart_needed = daemon_restart_needed(d);
	v->files.panic_allowed = daemon_setting(d, SETTING_AuditdDisableKernelPanicProtection) != 0;
	v->files.problem = d->rules_file.problem;
	v->auditd.is_there = d->auditd.is_there;
	v->auditd.raw_logging = d->auditd.raw_logging;
	v->auditd.problem = d->auditd.problem;
	v->auditd.left = buffer_text(&d->auditd.left);
	if (!d->source)
		return;
	v->source.mode = d->source_ops->mode(d->source);
	v->source.by_bpf = r >= 0;
	v->source.bpf_why = d->bpf_wanted && r < 0 ? bpf_why(r) : NULL;
	v->source.has_audit = source_live_has_audit(d->source);
	v->source.is_unicast = source_live_is_unicast(d->source);
	v->source.audit_why = d->audit || (!daemon_setting(d, SETTING_AuditdEnableNetlink) && !daemon_setting(d, SETTING_AuditdEnableAudispdFallback)) ? NULL : "the kernel's audit cannot be used";
	v->source.plugin = source_live_plugin(d->source);
	v->source.plugin_why = d->plugin.problem;
	v->source.has_connector = source_live_connector(d->source) >= 0;
	v->source.multicast_wanted = d->multicast_wanted;
	v->source.error = d->reader ? reader_error(d->reader) : 0;
	v->source.holder = d->audit && d->audit_state.pid != (uint32_t)getpid() ? d->audit_state.pid : 0;
}

static void look_at_loss(struct daemon *d, struct vitals *v, uint64_t steady_ns)
{
	const struct ledger_entry *told = d->ledger.entries;
	struct source_stats source;
	struct probe_counters probes;
	struct core_stats core;
	uint64_t shed[N_CATEGORIES];
	uint64_t totals[N_CAUSES] = {
		[CAUSE_KERNEL] = told[LOSS_KERNEL].total,
		[CAUSE_RING] = told[LOSS_RING].total,
		[CAUSE_MEMORY] = told[LOSS_MEMORY].total,
		[CAUSE_DATABASE] = told[LOSS_DATABASE].total + told[LOSS_HELD].total,
	};

	core_stats(d->core, &core);
	memcpy(v->flaw, core.flaw, sizeof(v->flaw));
	daemon_count_source(d, &source, &probes);
	(void)daemon_count_shed(d, &core, shed);
	v->shedding.step = core.pipeline.shed.step;
	snprintf(v->shedding.source, sizeof(v->shedding.source), "%s", core.pipeline.shed.source);
	totals[CAUSE_ENOBUFS] = source.overruns;
	totals[CAUSE_SERIALS] = source.serial_gaps;
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		totals[CAUSE_SHED] += shed[i];
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		totals[CAUSE_THINNED] += told[LOSS_THINNED + i].total;
	for (unsigned i = 0; i < N_PROBE_CLASSES; i++)
		totals[CAUSE_EBPF] += probes.lost[i];
	loss_window_look(&d->losses, steady_ns, totals);
	loss_window_rise(&d->losses, &v->losses);
}

/* The first that is refused, or not protected, says why. */
static void look_at_refused(const struct daemon *d, struct vitals *v)
{
	v->refused_file = v->refused_why = NULL;
	if (d->n_unprotected > 0) {
		v->refused_file = d->unprotected[0].file;
		v->refused_why = d->unprotected[0].why;
	}
	for (size_t i = d->folder.n; i-- > 0;)
		if (d->folder.files[i].why) {
			v->refused_file = d->folder.files[i].name;
			v->refused_why = d->folder.files[i].why;
		}
}

static void look_at_stores(struct daemon *d, struct vitals *v)
{
	struct writer_stats writer;

	writer_stats(d->writer, &writer);
	v->database.path = d->places.database;
	v->database.error = writer.last_error;
	v->database.damaged_path = d->damaged_path;
	v->database.removed = writer.removed;
	v->journal.error = writer.journal_error;
	snprintf(v->journal.path, sizeof(v->journal.path), "%s", writer.journal_path);
	v->subscriptions_dir = d->places.subscriptions_dir;
	v->n_subscriptions = (unsigned)d->subscriptions.n;
	v->n_refused = folder_refused(&d->folder);
	v->n_unprotected = d->n_unprotected;
	look_at_refused(d, v);
	v->settings_refused = d->conf.refused.message;
	v->single_processor_refused = daemon_setting(d, SETTING_EnableSingleCpuRequirement);
}

static void look_at_trust(const struct daemon *d, struct vitals *v)
{
	const struct trust *trust = &d->trust;

	v->trust.refused = trust->refused;
	v->trust.unproved = trust->unproved;
	v->trust.doubt = d->doubt.message;
	v->trust.doubt_is_foreign = d->doubt.foreign;
	v->trust.tampered_ns = trust->tampered_ns;
	v->trust.tampered = trust->tampered;
}

static void look_at_cpu(const struct daemon *d, struct vitals *v)
{
	const struct throttle *throttle = &d->throttling.throttle;

	v->cpu.use_percent = throttle->use_percent;
	v->cpu.target_percent = throttle->wish.target_percent;
	v->cpu.step = throttle->orders.step;
	v->cpu.suspended = d->resource_monitor.state;
	v->cpu.until_ns = resource_monitor_until_ns(&d->resource_monitor);
}

static void look_at_clock(struct daemon *d, struct vitals *v)
{
	uint64_t boot_ns = clock_ns(CLOCK_BOOTTIME), real_ns = clock_now_ns(), begin_ns, end_ns;
	struct gap gap = { .class_name = "all", .cause = "clock_step" };

	if (clock_ns(CLOCK_BOOTTIME) - boot_ns < CLOCK_STEP_NS / 4 &&	/* else we were kept from running in between */
	    clock_step_look(&d->clock_step, real_ns, boot_ns, &begin_ns, &end_ns)) {
		log_warning("The clock was set %s by %llu ms", d->clock_step.by_ns > 0 ? "forward" : "back",
			    (unsigned long long)(end_ns - begin_ns) / NS_PER_MS);
		/* It was set since the last look, by whose times the clock was another. */
		daemon_since_looked(d, &gap);
		gap.begin_ns = MIN(gap.begin_ns, MIN(begin_ns, d->looked.real_ns));
		gap.end_ns = MAX(gap.end_ns, end_ns);
		notes_gap(&d->notes, &gap);
	}
	v->clock_step_ns = d->clock_step.by_ns != 0 && boot_ns - d->clock_step.boot_ns < STEP_REMEMBERED_NS ?
				   d->clock_step.by_ns : 0;
}

static void on_changed(void *user, const struct health_check *check, const struct health_state *state, enum health_level before)
{
	struct daemon *d = user;

	health_log(check, state);
	notes_say(&d->notes, "health", "%s: %s, was %s: %s", check->id, health_level_names[state->level],
		  health_level_names[before], state->why);
}

static void look(struct daemon *d, uint64_t slow_ns)
{
	struct vitals *v = &d->vitals;
	uint64_t steady_ns = clock_ns(CLOCK_BOOTTIME);

	v->idle = d->subscriptions.n == 0 || daemon_is_suspended(d);
	v->now_ns = clock_now_ns();
	if (d->slow_looked_ns == 0 || steady_ns - d->slow_looked_ns >= slow_ns) {
		d->slow_looked_ns = steady_ns;
		look_slowly(d, v);
	}
	look_at_source(d, v);
	look_at_loss(d, v, steady_ns);
	look_at_stores(d, v);
	look_at_trust(d, v);
	look_at_clock(d, v);
	look_at_cpu(d, v);
	v->canary = d->canary.report;
	health_look(&d->health, v, on_changed, d);
}

void daemon_tick_health(struct daemon *d)
{
	uint64_t steady_ns = clock_ns(CLOCK_BOOTTIME);

	daemon_tick_canaries(d, steady_ns);
	look(d, SLOW_NS);
	health_log_standing(&d->health, steady_ns, (uint64_t)daemon_setting(d, SETTING_HealthLogWriteIntervalMins) * 60 * NS_PER_SEC);
}

void daemon_ask_health(struct daemon *d)
{
	look(d, ASKED_NS);
}

void daemon_see_health(struct daemon *d)
{
	look(d, SLOW_NS);
}
