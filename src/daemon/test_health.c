/* Each check judges a made-up state as it should; changes are told once; the clock and the window of losses. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/clock_step.h"
#include "daemon/health.h"

#define NOW_NS (1000000 * NS_PER_SEC)

static struct vitals healthy(void)
{
	return (struct vitals){
		.now_ns = NOW_NS,
		.source = { .mode = "ebpf + audit unicast", .by_bpf = true, .has_audit = true, .has_connector = true, .plugin = -ENODATA,
			    .plugin_why = "" },
		.rules = { .loaded = true },
		.disk = { .folder = "/state", .free_bytes = UINT64_C(50) << 30, .size_bytes = UINT64_C(100) << 30 },
		.database = { .path = "/state/recorder.db" },
		.n_subscriptions = 1,
		.subscriptions_dir = "/state/subscriptions",
		.socket = { .path = "/state/recorder.sock", .folder = "/state", .is_socket = true, .mode = 0600,
			    .folder_mode = 0700 },
		.cpu = { .use_percent = 1.5, .target_percent = 5 },
		.n_processors = 4,
		.single_processor_refused = true,
		.consumers = { .enabled = true, .has_listener = true },
		.canary = { .outcome = CANARY_ARRIVED, .demanded = { true, true, true }, .latency_ms = 12 },
	};
}

static const struct health_state *state_of(const struct health *health, const char *id)
{
	for (size_t i = 0; i < N_HEALTH_CHECKS; i++)
		if (strcmp(health_checks[i].id, id) == 0)
			return &health->states[i];
	fail_msg("no check is called %s", id);
	return NULL;
}

static void test_all_well(void **state)
{
	const struct vitals v = healthy();
	struct health health = { 0 };

	health_look(&health, &v, NULL, NULL);
	assert_int_equal(health_worst(&health), HEALTH_OK);
	for (size_t i = 0; i < N_HEALTH_CHECKS; i++) {
		assert_non_null(health_checks[i].id);
		assert_string_not_equal(health.states[i].why, "");
		assert_string_equal(health.states[i].mend, "");
	}
	assert_string_equal(state_of(&health, "canary")->why, "exec, file, connect arrived within 12 ms");
}

/* The state is as healthy() but for one thing: that check and no other speaks up, in these words. */
static void expect(const struct vitals *v, const char *id, enum health_level level, const char *why)
{
	struct health health = { 0 };

	health_look(&health, v, NULL, NULL);
	for (size_t i = 0; i < N_HEALTH_CHECKS; i++) {
		const struct health_state *s = &health.states[i];

		if (strcmp(health_checks[i].id, id) != 0) {
			assert_int_equal(s->level, HEALTH_OK);
			continue;
		}
		assert_int_equal(s->level, level);
		assert_string_equal(s->why, why);
		assert_true((level == HEALTH_OK) == (*s->mend == 0));
	}
}

#define EXPECT(id, level, why, ...)                       \
	do {                                              \
		struct vitals v = healthy();              \
		__VA_ARGS__;                              \
		expect(&v, id, HEALTH_##level, why);      \
	} while (0)

static void test_source(void **state)
{
	EXPECT("source", FAIL, "reading from the kernel failed: Input/output error", v.source.error = -EIO);
	EXPECT("source", OK, "idle: nothing is asked of the kernel", v.idle = true, v.source.bpf_why = "x");
	EXPECT("source", WARN, "recording with audit, not eBPF: no BTF", v.source.bpf_why = "no BTF", v.source.by_bpf = false);
	EXPECT("source", WARN, "no logins are seen: locked", v.source.audit_why = "locked");
	EXPECT("source", WARN, "process 77 holds the audit stream; recording beside it, by multicast", v.source.by_bpf = false,
	       v.source.holder = 77);
	EXPECT("source", FAIL, "process 77 has taken the audit stream: none of its records come", v.source.holder = 77, v.source.is_unicast = true);
	EXPECT("source", FAIL, "auditd's plugin is not there, so no records of audit come", v.source.plugin = 0);
	EXPECT("source", FAIL, "auditd's plugin is not there, so no records of audit come: it is somebody else's", v.source.plugin = 0,
	       v.source.plugin_why = "it is somebody else's");
	EXPECT("source", OK, "plugin pipe", v.source.plugin = 1, v.source.by_bpf = false, v.source.holder = 77, v.source.mode = "plugin pipe");
	EXPECT("source", OK, "ebpf + audit unicast", v.source.holder = 77);
	EXPECT("source", OK, "ebpf + audit unicast", v.source.by_bpf = false, v.source.holder = 77, v.source.multicast_wanted = true);
	EXPECT("source", WARN, "no process connector: ends of killed processes are not seen", v.source.by_bpf = false,
	       v.source.has_connector = false);
}

static void test_rules(void **state)
{
	EXPECT("rules", FAIL, "2 audit rules are missing", v.rules.missing = 2);
	EXPECT("rules", FAIL, "1 audit rule is missing", v.rules.missing = 1);
	EXPECT("rules", FAIL, "the kernel's audit is off", v.rules.audit_off = true);
	EXPECT("rules", WARN, "somebody removed audit rules; they are loaded again", v.rules.removed_ns = NOW_NS - NS_PER_SEC);
	EXPECT("rules", OK, "all are loaded", v.rules.removed_ns = NOW_NS - 600 * NS_PER_SEC);
	EXPECT("rules", OK, "none are needed", v.rules.loaded = false, v.rules.missing = 1);
	EXPECT("rules", WARN, "of the user-defined audit rules line 3 takes records away, from the recorder as from everybody", v.rules.n_hiding = 1,
	       strcpy(v.rules.hiding, "3"));
	EXPECT("rules", WARN, "of the user-defined audit rules lines 3, 7 take records away, from the recorder as from everybody", v.rules.n_hiding = 2,
	       strcpy(v.rules.hiding, "3, 7"));
	EXPECT("rules", FAIL, "line 3: gone", v.rules.n_hiding = 1, v.rules.user_problem = "line 3: gone");
}

/* What the host's files say: of which it says so with the place. */
static void test_host_rules(void **state)
{
	EXPECT("host_rules", OK, "none hides anything", v.files.own_needed = true);
	EXPECT("host_rules", OK, "no rule is needed, so none of theirs hides anything", v.rules.task_never = true,
	       v.files.places[RULE_PANICS] = "/r:1");
	EXPECT("host_rules", WARN, "a rule `-a task,never` is loaded (of no file): processes born under it are never audited",
	       v.files.own_needed = true, v.rules.task_never = true);
	EXPECT("host_rules", WARN, "a rule `-a task,never` is loaded (/r:1, /s:2): processes born under it are never audited",
	       v.files.own_needed = true, v.rules.task_never = true, v.files.places[RULE_BLINDS] = "/r:1, /s:2");
	EXPECT("host_rules", WARN, "`-a task,never` stands in /r:1: processes born under it, once it is loaded, are never audited",
	       v.files.own_needed = true, v.files.places[RULE_BLINDS] = "/r:1", v.files.places[RULE_PANICS] = "/r:3");
	EXPECT("host_rules", WARN,
	       "`-f 2` stands in /r:3: the kernel panics when it loses a record, so no rules are loaded while it is in force",
	       v.files.own_needed = true, v.files.places[RULE_PANICS] = "/r:3");
	EXPECT("host_rules", OK, "none hides anything", v.files.own_needed = true, v.files.places[RULE_PANICS] = "/r:3",
	       v.files.panic_allowed = true);
	EXPECT("host_rules", WARN,
	       "`-e 2` stands in /r:9: a kernel that is locked before the recorder starts lacks the recorder's rules",
	       v.files.own_needed = true, v.files.places[RULE_LOCKS] = "/r:9");
	EXPECT("host_rules", OK, "none hides anything", v.files.own_needed = true, v.files.places[RULE_LOCKS] = "/r:9",
	       v.files.own_is_there = true);
	/* The recorder's file is not there for that reason: it is the first to be mended. */
	EXPECT("host_rules", WARN,
	       "`-f 2` stands in /r:3: the kernel panics when it loses a record, so no rules are loaded while it is in force",
	       v.files.own_needed = true, v.files.places[RULE_PANICS] = "/r:3", v.files.places[RULE_LOCKS] = "/r:9");
	EXPECT("host_rules", WARN, "its rules cannot be kept for a locked kernel: /r: Permission denied", v.files.problem = "/r: Permission denied");
	EXPECT("rules", FAIL, "not all that are needed are loaded: the kernel's audit is locked (`-e 2`) and takes no rule before the machine "
			      "starts again (/r:9)",
	       v.rules.withheld = true, v.rules.hindrance = HINDRANCE_LOCKED, v.files.places[RULE_LOCKS] = "/r:9",
	       v.files.restart_needed = true);
	EXPECT("rules", FAIL, "not all that are needed are loaded: the kernel would panic when it loses a record (`-f 2`), and more rules make "
			      "that likelier (/r:3)",
	       v.rules.withheld = true, v.rules.hindrance = HINDRANCE_PANIC, v.files.places[RULE_PANICS] = "/r:3");
	EXPECT("rules", FAIL, "not all that are needed are loaded: the kernel would panic when it loses a record (`-f 2`), and more rules make "
			      "that likelier (/r:3)",
	       v.rules.withheld = true, v.rules.hindrance = HINDRANCE_PANIC, v.files.places[RULE_PANICS] = "/r:3",
	       v.files.places[RULE_LOCKS] = "/r:9");
}

/* A kernel that is locked, and panics: a restart alone does not help, since the rules are in no file. */
static void test_locked_and_panics(void **state)
{
	struct vitals v = healthy();
	struct health health = { 0 };

	v.rules.withheld = true;
	v.rules.hindrance = HINDRANCE_LOCKED;
	v.files.places[RULE_LOCKS] = "/r:9";
	v.files.places[RULE_PANICS] = "/r:3";
	health_look(&health, &v, NULL, NULL);
	assert_non_null(strstr(state_of(&health, "rules")->mend, "`-f 1`"));
	assert_non_null(strstr(state_of(&health, "host_rules")->why, "`-f 2` stands in /r:3"));
	v.files.panic_allowed = true;
	health_look(&health, &v, NULL, NULL);
	assert_null(strstr(state_of(&health, "rules")->mend, "`-f 1`"));
}

static void test_stores(void **state)
{
	EXPECT("disk", FAIL, "/state: No such file or directory", v.disk.error = -ENOENT);
	EXPECT("disk", FAIL, "/state: no file can be made, all inodes are taken", v.disk.no_inodes = true);
	EXPECT("disk", FAIL, "/state: 31 MiB are free", v.disk.free_bytes = 31 << 20);
	EXPECT("disk", WARN, "/state: 1023 MiB are free", v.disk.free_bytes = 1023 << 20);
	EXPECT("disk", OK, "1023 MiB are free", v.disk.free_bytes = 1023 << 20, v.disk.size_bytes = UINT64_C(2) << 30);
	EXPECT("database", FAIL, "storing fails: Input/output error", v.database.error = -EIO);
	EXPECT("database", WARN, "it was damaged and is set aside as /x", v.database.damaged_path = "/x");
	EXPECT("database", WARN, "somebody removed it, 2 times; a new one was begun", v.database.removed = 2);
	EXPECT("journals", FAIL, "/log/a.jsonl is no journal: it is no file, or does not end with a line of JSON", v.journal.error = -EBADMSG,
	       strcpy(v.journal.path, "/log/a.jsonl"));
	EXPECT("journals", FAIL, "/log/a.jsonl: Read-only file system", v.journal.error = -EROFS, strcpy(v.journal.path, "/log/a.jsonl"));
	EXPECT("subscriptions", FAIL, "1 file in /state/subscriptions cannot be used: a.json: a folder, not a file", v.n_refused = 1,
	       v.refused_file = "a.json", v.refused_why = "a folder, not a file");
	EXPECT("subscriptions", WARN, "1 file in /state/subscriptions is not stored as the settings want it: a.json: disk full",
	       v.n_unprotected = 1, v.refused_file = "a.json", v.refused_why = "disk full");
	EXPECT("source", FAIL, "nothing is recorded: the kernel says no", v.source.closed_why = "the kernel says no");
	EXPECT("settings", FAIL, "recorder.conf:3: what", v.settings_refused = "recorder.conf:3: what");
}

/* No room is of both. */
static void test_full_disk(void **state)
{
	struct vitals v = healthy();
	struct health health = { 0 };

	v.database.error = -ENOSPC;
	health_look(&health, &v, NULL, NULL);
	assert_int_equal(state_of(&health, "disk")->level, HEALTH_FAIL);
	assert_string_equal(state_of(&health, "disk")->why, "/state: no room, events are lost");
	assert_int_equal(state_of(&health, "database")->level, HEALTH_FAIL);
}

static void test_trust(void **state)
{
	EXPECT("trust", FAIL, "the thread 'core' was refused the system call socket, for which it has no use",
	       v.trust.refused = "the thread 'core' was refused the system call socket, for which it has no use");
	EXPECT("trust", WARN, "somebody changed or replaced /key", v.trust.tampered = "somebody changed or replaced /key", v.trust.tampered_ns = v.now_ns);
	EXPECT("trust", OK, "nobody else can write its files", v.trust.tampered = "long ago", v.trust.tampered_ns = 1);
	EXPECT("trust", WARN, "the program is signed by key 1, and no public key is there to check that by",
	       v.trust.unproved = "the program is signed by key 1, and no public key is there to check that by");
	EXPECT("trust", WARN, "/home/a belongs to user 7, who could replace the recorder's files in it", v.trust.doubt = "/home/a belongs to user 7",
	       v.trust.doubt_is_foreign = true);
	EXPECT("trust", OK, "nobody else can write its files; /var/log can be written by group 4, which could replace them",
	       v.trust.doubt = "/var/log can be written by group 4");
}

static void test_selinux(void **state)
{
	EXPECT("selinux", OK, "there is none", v.selinux.mode = SELINUX_NONE);
	EXPECT("selinux", OK, "it refuses nothing (permissive); the recorder's policy is not applied", v.selinux.mode = SELINUX_PERMISSIVE);
	EXPECT("selinux", WARN,
	       "SELinux is in enforcing mode but recorder audit-pipe does not have the recorder SELinux policy applied: it is not loaded",
	       v.selinux.mode = SELINUX_ENFORCING);
	EXPECT("selinux", OK, "it enforces, and the recorder's policy is applied", v.selinux.mode = SELINUX_ENFORCING,
	       strcpy(v.selinux.type, SELINUX_EXEC_TYPE));
}

static void test_socket(void **state)
{
	EXPECT("socket", FAIL, "/state/recorder.sock: No such file or directory", v.socket.error = -ENOENT);
	EXPECT("socket", FAIL, "/state/recorder.sock is another file now", v.socket.is_socket = false);
	EXPECT("socket", FAIL, "/state/recorder.sock belongs to user 7", v.socket.owner = 7);
	EXPECT("socket", FAIL, "/state/recorder.sock has mode 0666", v.socket.mode = 0666);
	EXPECT("socket", FAIL, "/state can be written by others", v.socket.folder_mode = 0777);
}

static void test_host(void **state)
{
	EXPECT("clock", WARN, "the clock was set back by 2.5 s; a gap tells when", v.clock_step_ns = -2500000000);
	EXPECT("clock", WARN, "the clock was set forward by 3600.0 s; a gap tells when", v.clock_step_ns = 3600 * (int64_t)NS_PER_SEC);
	EXPECT("cpu", OK, "below 5 %", v.cpu.use_percent = 4.9);
	EXPECT("cpu", OK, "held at 5 %: what can wait does less", v.cpu.step = THROTTLE_BATCH);
	EXPECT("cpu", WARN, "the recorder needs more of the CPU than 5 %: events are let go of by class, a gap tells which",
	       v.cpu.step = THROTTLE_SHED);
	EXPECT("cpu", FAIL, "recording is suspended until 2026-11-22T10:00:00.000000000Z: the recorder took too much of the CPU", v.idle = true,
	       v.cpu.suspended = RESOURCE_SUSPENDED, v.cpu.until_ns = UINT64_C(1795341600) * NS_PER_SEC);
	EXPECT("cpu", FAIL, "recording is suspended: the recorder took too much of the CPU, more often than ResourceMonitorRetryAttempts allows",
	       v.idle = true, v.cpu.suspended = RESOURCE_STICKY);
	EXPECT("processors", FAIL, "one processor: recording slows the machine down", v.n_processors = 1);
	EXPECT("processors", WARN, "one processor: recording slows the machine down", v.n_processors = 1,
	       v.single_processor_refused = false);
	EXPECT("consumers", WARN, "nobody holds the audit stream: the kernel prints its records to its log",
	       v.consumers.has_listener = false);
	EXPECT("consumers", WARN,
	       "systemd-journald reads the audit stream too: what the recorder asks the kernel for is stored there again",
	       v.consumers.n_others = 1, strcpy(v.consumers.other, "systemd-journald"));
	EXPECT("consumers", WARN,
	       "another program reads the audit stream too: what the recorder asks the kernel for is stored there again",
	       v.consumers.n_others = 1);
	EXPECT("consumers", OK, "audit is not used", v.consumers.enabled = false, v.consumers.has_listener = false);
	EXPECT("auditd", OK, "there is none", v.auditd.is_there = false);
	EXPECT("auditd", OK, "not as the settings would have it, and not to be written: max_restarts = 10 (was 5)", v.auditd.is_there = true,
	       v.auditd.left = "max_restarts = 10 (was 5)");
	EXPECT("auditd", WARN, "the configuration of auditd is not as wanted: /etc/audit/auditd.conf: Read-only file system",
	       v.auditd.is_there = true, v.auditd.problem = "/etc/audit/auditd.conf: Read-only file system");
	EXPECT("rules", FAIL, "not all that are needed are loaded: auditd would write all that they give to its log",
	       v.rules.withheld = true, v.rules.hindrance = HINDRANCE_LOG);
	EXPECT("alone", FAIL, "another recorder runs, pid 5: both change the kernel's rules", v.rival = 5);
}

static void test_canary(void **state)
{
	EXPECT("canary", OK, "off (CX.recorder.CanaryIntervalSecs = 0)", v.canary.outcome = CANARY_OFF);
	EXPECT("canary", OK, "the first is to come", v.canary.outcome = CANARY_NONE);
	EXPECT("canary", OK, "none: no subscription wants what it does", v.canary.outcome = CANARY_IDLE);
	EXPECT("canary", FAIL, "what the canary did never arrived: exec, connect", v.canary.outcome = CANARY_MISSING,
	       v.canary.arrived[CANARY_FILE] = true);
	EXPECT("canary", FAIL, "what the canary did never arrived: exec", v.canary.outcome = CANARY_MISSING,
	       v.canary.demanded[CANARY_FILE] = v.canary.demanded[CANARY_CONNECT] = false);
	EXPECT("canary", WARN, "the canary could not start: Resource temporarily unavailable", v.canary.outcome = CANARY_UNABLE,
	       v.canary.error = -EAGAIN);
	EXPECT("canary", WARN, "the canary could not act: writing its file or connecting failed", v.canary.outcome = CANARY_UNABLE);
}

static void test_loss(void **state)
{
	EXPECT("loss", WARN, "lost in the last 10 minutes: kernel 3, database 9", v.losses.any = true,
	       v.losses.by[CAUSE_KERNEL] = 3, v.losses.by[CAUSE_DATABASE] = 9);
	EXPECT("loss", FAIL, "lost in the last 10 minutes, and still rising: ring 1", v.losses.any = v.losses.steady = true,
	       v.losses.by[CAUSE_RING] = 1);
	EXPECT("counters", FAIL, "the counters do not reconcile, so something may be missing that no gap tells: 3 records of ebpf",
	       strcpy(v.flaw, "3 records of ebpf"));
}

struct told {
	unsigned n;
	const char *id;
	enum health_level before, level;
};

static void on_changed(void *user, const struct health_check *check, const struct health_state *s, enum health_level before)
{
	struct told *told = user;

	*told = (struct told){ told->n + 1, check->id, before, s->level };
}

static void test_changes_are_told_once(void **state)
{
	struct vitals v = healthy();
	struct health health = { 0 };
	struct told told = { 0 };
	struct buffer text = { 0 };
	json_t *json;

	health_look(&health, &v, on_changed, &told);
	assert_int_equal(told.n, 0);
	v.n_refused = 1;
	health_look(&health, &v, on_changed, &told);
	v.now_ns += NS_PER_SEC;
	health_look(&health, &v, on_changed, &told);
	assert_int_equal(told.n, 1);
	assert_string_equal(told.id, "subscriptions");
	assert_int_equal(told.level, HEALTH_FAIL);
	assert_int_equal(state_of(&health, "subscriptions")->since_ns, NOW_NS);

	health_json(&health, &text);
	json = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "level")), "fail");
	assert_int_equal(json_array_size(json_object_get(json, "checks")), N_HEALTH_CHECKS);
	json_decref(json);
	buffer_release(&text);

	v.n_refused = 0;
	health_look(&health, &v, on_changed, &told);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.before, HEALTH_FAIL);
	assert_int_equal(told.level, HEALTH_OK);
}

/* What stands is logged every so often, and what is well is not. */
static void test_standing_ones_are_logged(void **state)
{
	FILE *log = tmpfile();
	int before = dup(STDERR_FILENO);
	struct vitals v = healthy();
	struct health health = { 0 };
	char line[512];

	assert_non_null(log);
	assert_int_equal(dup2(fileno(log), STDERR_FILENO), STDERR_FILENO);
	v.socket.mode = 0666;
	health_look(&health, &v, NULL, NULL);
	for (unsigned minute = 1; minute < 91; minute++)
		health_log_standing(&health, minute * 60 * NS_PER_SEC, 30 * 60 * NS_PER_SEC);
	assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
	close(before);
	rewind(log);
	for (unsigned i = 0; i < 2; i++) {
		assert_non_null(fgets(line, sizeof(line), log));
		assert_string_equal(line, "recorder: Health, socket: fail: /state/recorder.sock has mode 0666 (chmod 600 it)\n");
	}
	assert_null(fgets(line, sizeof(line), log));
	fclose(log);
}

static void test_clock_step(void **state)
{
	struct clock_step step = { 0 };
	uint64_t begin_ns = 0, end_ns = 0;

	assert_false(clock_step_look(&step, 1000 * NS_PER_SEC, 10 * NS_PER_SEC, &begin_ns, &end_ns));
	assert_false(clock_step_look(&step, 1001 * NS_PER_SEC + CLOCK_STEP_NS - 1, 11 * NS_PER_SEC, &begin_ns, &end_ns));
	assert_true(clock_step_look(&step, 1062 * NS_PER_SEC + CLOCK_STEP_NS - 1, 12 * NS_PER_SEC, &begin_ns, &end_ns));
	assert_int_equal(step.by_ns, 60 * NS_PER_SEC);
	assert_int_equal(end_ns - begin_ns, 60 * NS_PER_SEC);
	assert_int_equal(end_ns, 1062 * NS_PER_SEC + CLOCK_STEP_NS - 1);
	assert_true(clock_step_look(&step, 500 * NS_PER_SEC, 13 * NS_PER_SEC, &begin_ns, &end_ns));
	assert_true(step.by_ns < 0);
	assert_int_equal(begin_ns, 500 * NS_PER_SEC);
	assert_int_equal(end_ns, 1063 * NS_PER_SEC + CLOCK_STEP_NS - 1);
	assert_false(clock_step_look(&step, 501 * NS_PER_SEC, 14 * NS_PER_SEC, &begin_ns, &end_ns));
}

static struct loss_rise rise_at(struct loss_window *window, unsigned minutes, uint64_t total)
{
	const uint64_t totals[N_CAUSES] = { [CAUSE_RING] = total };
	struct loss_rise rise;

	loss_window_look(window, NS_PER_SEC + minutes * 60 * NS_PER_SEC, totals);
	loss_window_rise(window, &rise);
	return rise;
}

static void test_loss_window(void **state)
{
	struct loss_window window = { 0 };
	struct loss_rise rise = rise_at(&window, 0, 0);

	assert_false(rise.any);
	rise = rise_at(&window, 1, 5);
	assert_true(rise.any);
	assert_int_equal(rise.by[CAUSE_RING], 5);
	assert_false(rise.steady);
	rise_at(&window, 2, 6);
	rise_at(&window, 3, 7);
	assert_true(rise_at(&window, 4, 8).steady);
	assert_true(rise_at(&window, 5, 8).steady);	/* the minutes that are over: 2, 3, 4 */
	assert_false(rise_at(&window, 6, 8).steady);
	rise = rise_at(&window, 11, 8);
	assert_int_equal(rise.by[CAUSE_RING], 8 - 0);
	rise = rise_at(&window, 12, 8);
	assert_int_equal(rise.by[CAUSE_RING], 3);
	assert_false(rise_at(&window, 15, 8).any);
	/* A host that slept. */
	rise = rise_at(&window, 10000, 9);
	assert_int_equal(rise.by[CAUSE_RING], 1);
	assert_false(rise_at(&window, 10011, 9).any);
}

static void test_shedding(void **state)
{
	struct vitals v = healthy();
	struct health health = { 0 };

	v.shedding.step = SHED_COALESCE;
	health_look(&health, &v, NULL, NULL);
	assert_int_equal(state_of(&health, "shedding")->level, HEALTH_OK);
	v.shedding.step = SHED_SOURCE;
	strcpy(v.shedding.source, "process 7 (/bin/x)");
	health_look(&health, &v, NULL, NULL);
	assert_int_equal(state_of(&health, "shedding")->level, HEALTH_WARN);
	assert_string_equal(state_of(&health, "shedding")->why, "step 2 of 9: only the numbers are told of the events of process 7 (/bin/x)");
	v.shedding.step = SHED_CLASS + 1;
	health_look(&health, &v, NULL, NULL);
	assert_string_equal(state_of(&health, "shedding")->why,
			    "step 4 of 9: events are let go of, up to class file.write, and those of process 7 (/bin/x)");
	assert_string_not_equal(state_of(&health, "shedding")->mend, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_well), cmocka_unit_test(test_shedding), cmocka_unit_test(test_source), cmocka_unit_test(test_rules), cmocka_unit_test(test_host_rules),
		cmocka_unit_test(test_locked_and_panics),
		cmocka_unit_test(test_stores), cmocka_unit_test(test_full_disk), cmocka_unit_test(test_socket), cmocka_unit_test(test_selinux),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_host), cmocka_unit_test(test_canary), cmocka_unit_test(test_loss),
		cmocka_unit_test(test_changes_are_told_once), cmocka_unit_test(test_standing_ones_are_logged),
		cmocka_unit_test(test_clock_step),
		cmocka_unit_test(test_loss_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
