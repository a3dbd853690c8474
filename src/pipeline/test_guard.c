/* What is done to the recorder, and what only looks like it. */

#include "pipeline/test_pipeline.h"

#include <stdio.h>

#include "pipeline/guard.h"

#define OWN 4711
#define MANAGER 12
#define START (UINT64_C(1795343338) * NS_PER_SEC)

static const struct guard_options options = {
	.own_pid = OWN, .manager_pid = MANAGER, .places = { "/var/lib/recorder\0/etc/recorder/recorder.conf\0", 46 }, .own_key = SPAN("recorder"),
};
static struct guard *guard;

static int begin(void **state)
{
	return guard_new(&guard);
}

static int end(void **state)
{
	guard = guard_free(guard);
	return 0;
}

static struct event *event_of(uint16_t kind, uint64_t time_ns, uint32_t pid)
{
	struct event *event = event_new(kind, time_ns);

	event->context = context_new();
	if (pid)
		values_set_number(&event->context->values, FIELD_pid, pid);
	return event;
}

static bool told_of(const struct event *event, struct event **ret)
{
	int r = guard_event(guard, &options, event, ret);

	assert_true(r >= 0);
	return r > 0;
}

/* "" if nothing is told, else what: operation and object. */
static const char *told(struct event *event)
{
	static char text[256];
	struct event *ret = NULL;

	*text = 0;
	if (told_of(event, &ret)) {
		struct span operation = values_text(&ret->values, FIELD_security_operation), object = values_text(&ret->values, FIELD_security_object);

		assert_int_equal(ret->kind, KIND_ID(security, tamper));
		assert_ptr_equal(ret->context, event->context);
		assert_int_equal(ret->time_ns, event->time_ns);
		assert_true(ret->origin != event->origin);
		snprintf(text, sizeof(text), "%.*s %.*s", (int)operation.size, operation.data, (int)object.size, object.data);
	}
	event_free(ret);
	event_free(event);
	return text;
}

static const char *file(uint16_t kind, const char *path, const char *target)
{
	static uint64_t time_ns = START;
	struct event *event = event_of(kind, time_ns += GUARD_WINDOW_NS + NS_PER_SEC, 100);

	if (path)
		values_set_text(&event->values, FIELD_path, span_of(path));
	if (target)
		values_set_text(&event->values, FIELD_target_path, span_of(target));
	return told(event);
}

static void test_files(void **state)
{
	assert_string_equal(file(KIND_ID(file, write), "/var/lib/recorder/recorder.db", NULL), "file.write /var/lib/recorder/recorder.db");
	assert_string_equal(file(KIND_ID(file, delete), "/var/lib/recorder", NULL), "file.delete /var/lib/recorder");
	assert_string_equal(file(KIND_ID(file, chmod), "/etc/recorder/recorder.conf", NULL), "file.chmod /etc/recorder/recorder.conf");
	assert_string_equal(file(KIND_ID(file, rename), "/tmp/x", "/etc/recorder/recorder.conf"), "file.rename /etc/recorder/recorder.conf");
	assert_string_equal(file(KIND_ID(file, rename), "/etc/recorder/recorder.conf", "/tmp/x"), "file.rename /etc/recorder/recorder.conf");
	assert_string_equal(file(KIND_ID(file, mount), "/var/lib/recorder", NULL), "file.mount /var/lib/recorder");
	assert_string_equal(file(KIND_ID(file, write), "/var/lib/recorders/x", NULL), "");
	assert_string_equal(file(KIND_ID(file, write), "/var/lib", NULL), "");
	assert_string_equal(file(KIND_ID(file, write), "/etc/recorder/other", NULL), "");
	assert_string_equal(file(KIND_ID(file, write), NULL, NULL), "");
	/* What reads it is no harm, nor what readers share, nor a link that says its name. */
	assert_string_equal(file(KIND_ID(file, read), "/var/lib/recorder/recorder.db", NULL), "");
	assert_string_equal(file(KIND_ID(file, write), "/var/lib/recorder/recorder.db-shm", NULL), "");
	assert_string_equal(file(KIND_ID(file, chown), "/var/lib/recorder/recorder.db-wal", NULL), "");
	assert_string_equal(file(KIND_ID(file, delete), "/var/lib/recorder/recorder.db-wal", NULL), "file.delete /var/lib/recorder/recorder.db-wal");
	assert_string_equal(file(KIND_ID(file, symlink), "/tmp/x", "/var/lib/recorder"), "");
	assert_string_equal(file(KIND_ID(file, symlink), "/var/lib/recorder/x", "/tmp"), "file.symlink /var/lib/recorder/x");
}

static struct event *aimed(uint16_t kind, uint32_t by, uint32_t at)
{
	struct event *event = event_of(kind, START, by);

	values_set_number(&event->values, FIELD_target_pid, at);
	return event;
}

static void test_process(void **state)
{
	assert_string_equal(told(aimed(KIND_ID(process, ptrace), 100, OWN)), "process.ptrace process 4711");
	assert_string_equal(told(aimed(KIND_ID(process, signal), 100, OWN)), "process.signal process 4711");
	assert_string_equal(told(aimed(KIND_ID(process, signal), MANAGER, OWN)), "");
	assert_string_equal(told(aimed(KIND_ID(process, signal), 1, OWN)), "");
	assert_string_equal(told(aimed(KIND_ID(process, signal), 100, OWN + 1)), "");
	assert_string_equal(told(aimed(KIND_ID(process, setuid), 100, OWN)), "");
}

/* The canary's file and its end. */
static void test_own_child(void **state)
{
	struct event *event = event_of(KIND_ID(file, create), START, 100);

	values_set_number(&event->context->values, FIELD_ppid, OWN);
	values_set_text(&event->values, FIELD_path, SPAN("/var/lib/recorder/canary.1"));
	assert_string_equal(told(event), "");
}

/* Who writes on and on does not fill the history. */
static void test_told_once(void **state)
{
	struct event *event = aimed(KIND_ID(process, ptrace), 100, OWN), *ret = NULL;

	for (unsigned i = 0; i < 3; i++) {
		assert_true(told_of(event, &ret));
		event_free(ret);
		for (unsigned k = 0; k < 100; k++)
			assert_false(told_of(event, &ret));
		event->time_ns += GUARD_WINDOW_NS + 1;
	}
	event_free(event);
	assert_string_equal(told(aimed(KIND_ID(process, ptrace), 101, OWN)), "process.ptrace process 4711");
}

static struct event *note_of(const char *operation, const char *object, uint64_t time_ns)
{
	struct event *note = event_new(KIND_ID(security, tamper), time_ns);

	values_set_text(&note->values, FIELD_security_operation, span_of(operation));
	values_set_text(&note->values, FIELD_security_object, span_of(object));
	return note;
}

static void audit(uint64_t time_ns, uint32_t pid, const char *operation, const char *object)
{
	struct event *event = event_of(KIND_ID(security, audit_config), time_ns, pid);

	values_set_text(&event->values, FIELD_security_operation, span_of(operation));
	values_set_text(&event->values, FIELD_security_object, span_of(object));
	assert_string_equal(told(event), "");
}

/* The pid of who a note is said to be by; 0: nobody. */
static uint32_t by(const char *operation, uint64_t time_ns)
{
	struct event *note = note_of(operation, "x", time_ns);
	uint32_t pid;

	assert_true(guard_note(guard, note));
	pid = note->context && values_has(&note->context->values, FIELD_pid) ? note->context->pid : 0;
	event_free(note);
	return pid;
}

static void test_who_did_it(void **state)
{
	assert_int_equal(by("audit_rules", START), 0);
	audit(START, 100, "remove_rule", "recorder");
	audit(START, 102, "remove_rule", "somebody's");
	audit(START, 103, "add_rule", "recorder");
	audit(START, 101, "set", "audit_enabled=0");
	audit(START, 104, "set", "audit_enabled=1");
	assert_int_equal(by("audit_rules", START + NS_PER_SEC), 100);
	assert_int_equal(by("audit_disabled", START + NS_PER_SEC), 101);
	assert_int_equal(by("file", START + NS_PER_SEC), 0);
	/* What nobody is known of does not take the place of somebody, unless that is long ago. */
	audit(START + NS_PER_SEC, 0, "remove_rule", "recorder");
	assert_int_equal(by("audit_rules", START + NS_PER_SEC), 100);
	assert_int_equal(by("audit_rules", START + GUARD_EVIDENCE_NS + 1), 0);
}

/* What an event has told the daemon need not find out. */
static void test_told_already(void **state)
{
	struct event *event = event_of(KIND_ID(file, delete), START, 100), *note;

	values_set_text(&event->values, FIELD_path, SPAN("/var/lib/recorder/recorder.db"));
	assert_string_equal(told(event), "file.delete /var/lib/recorder/recorder.db");
	note = note_of("file", "/var/lib/recorder/recorder.db", START + NS_PER_SEC);
	assert_false(guard_note(guard, note));
	event_free(note);
	note = note_of("file", "/var/lib/recorder/recorder.db", START + GUARD_EVIDENCE_NS + 1);
	assert_true(guard_note(guard, note));
	event_free(note);
	note = note_of("file", "/var/lib/recorder/other", START + NS_PER_SEC);
	assert_true(guard_note(guard, note));
	event_free(note);
}

/* The whole way: who removed rules, and the note of it, from records. */
static void test_from_records(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_options of_pipeline = defaults(&f, false);

	of_pipeline.own_pid = OWN;
	of_pipeline.guarded = options.places;
	assert_int_equal(pipeline_new(&f.pipeline, &of_pipeline, collect, &f), 0);
	lines(&f, HEAD("CONFIG_CHANGE", "8") "auid=1000 ses=3 op=remove_rule key=\"recorder\" list=4 res=1\n"
	      HEAD("SYSCALL", "8") "arch=c000003e syscall=44 success=yes exit=1060 a0=4 a1=7 a2=424 a3=0 items=0 ppid=10 pid=11 " IDS
	      "comm=\"auditctl\" exe=\"/usr/sbin/auditctl\" key=(null)\n" HEAD("EOE", "8") "\n");
	lines(&f, "type=RECORDER_TAMPER msg=recorder(1795343339.000000000:0): operation=audit_rules object=\"recorder\" message=\"3 were removed\"\n");
	assert_int_equal(pipeline_drain(f.pipeline), 0);
	assert_non_null(strstr(buffer_text(&f.out), "\"action\":\"tamper\""));
	assert_non_null(strstr(strstr(buffer_text(&f.out), "\"action\":\"tamper\""), "/usr/sbin/auditctl"));
	assert_non_null(strstr(buffer_text(&f.out), "3 were removed"));
	tear_down(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_files), TEST(test_process), TEST(test_own_child), TEST(test_told_once), TEST(test_who_did_it), TEST(test_told_already),
		TEST(test_from_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
