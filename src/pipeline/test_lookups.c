/* What the tracker asks: of the host, and of a capture, which has what the host answered. */

#include "pipeline/test_pipeline.h"

#include "pipeline/answers.h"
#include "pipeline/lookups.h"
#include "pipeline/redactor.h"
#include "pipeline/setup.h"
#include "source/capture.h"
#include "source/source.h"

#define SETUP(boot, seconds) "type=RECORDER_SETUP msg=recorder(" seconds ".0:0): boot_id=" boot " boot_time=" seconds \
	"000000000 pid=9 timeout=10000000000 not_audit=\n"
#define INIT(seconds) "type=RECORDER_PROCESS msg=recorder(" seconds ".5:0): pid=1 ppid=0 start_ticks=1 uid=0 comm=\"init\"\n"

static void test_asks_for_the_parent(void **state)
{
	struct fixture f = { .answer = "recorder(1795343338.200000000:0): lookup=1 pid=10 ppid=1 start_ticks=5000 uid=0 "
				       "euid=0 suid=0 fsuid=0 gid=0 egid=0 sgid=0 fsgid=0 auid=1000 ses=3 comm=\"bash\" "
				       "exe=\"/bin/bash\" argc=1 args=2D62617368 cwd=\"/root\"" };

	set_up(&f, true);
	lines(&f, EXEC_LINES);
	assert_true(f.n_asked > 0);
	assert_non_null(strstr(buffer_text(&f.out), "\"executable\":\"/bin/bash\""));
	tear_down(&f);
}

/* A capture has the answers of /proc before the records whose handling asked. */
static void test_capture_answers(void **state)
{
	struct fixture f = { 0 };

	set_up(&f, false);
	lines(&f, BEFORE_END);
	lines(&f, "type=RECORDER_PROCESS msg=recorder(1795343338.200000000:0): lookup=1 pid=10 ppid=1 start_ticks=5000 "
		  "uid=0 euid=0 suid=0 fsuid=0 gid=0 egid=0 sgid=0 fsgid=0 auid=1000 ses=3 comm=\"bash\" exe=\"/bin/bash\" "
		  "argc=1 args=2D62617368 cwd=\"/root\"\n"
		  "type=RECORDER_NO_PROCESS msg=recorder(1795343338.200000000:0): pid=11\n");
	assert_int_equal(f.n_events, 0);
	lines(&f, END);
	assert_int_equal(f.n_events, 1);
	assert_non_null(strstr(buffer_text(&f.out), "\"executable\":\"/bin/bash\""));
	tear_down(&f);
}

/* Of two answers to one question the first comes first, and what nobody asked for goes with its record. */
static void test_order_of_answers(void **state)
{
	struct fixture f = { 0 };
	const char *out;

	set_up(&f, false);
	lines(&f, BEFORE_END
		  "type=RECORDER_NAME msg=recorder(1795343338.0:0): uid=0 name=726F6F74\n"
		  "type=RECORDER_NAME msg=recorder(1795343338.0:0): uid=0 name=746F6F72\n"
		  "type=RECORDER_NAME msg=recorder(1795343338.0:0): uid=5 name=7A6564\n" END);
	out = buffer_text(&f.out);
	assert_non_null(strstr(out, "\"name\":\"root\""));
	assert_non_null(strstr(out, "\"name\":\"toor\""));
	assert_true(strstr(out, "root") < strstr(out, "toor"));
	lines(&f, "type=SYSCALL msg=audit(1795343338.124:8): arch=c000003e syscall=165 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 "
		  "items=0 ppid=10 pid=12 auid=5 uid=5 gid=0 euid=5 suid=5 fsuid=5 egid=0 sgid=0 fsgid=0 tty=pts1 ses=3 "
		  "comm=\"mount\" exe=\"/bin/mount\"\ntype=EOE msg=audit(1795343338.124:8): \n");
	assert_int_equal(f.n_events, 2);
	assert_null(strstr(buffer_text(&f.out), "zed"));
	tear_down(&f);
}

/* An import is told by the capture what the run was told by the host. */
static void test_setup_of_a_capture(void **state)
{
	static const bool not_from_audit[N_KINDS] = { [KIND_ID(security, login)] = true };
	static const char login[] = "type=USER_LOGIN msg=audit(1795343338.123:10): pid=1 uid=0 auid=1000 ses=3 msg='op=login id=1000 "
				    "exe=\"/usr/sbin/sshd\" hostname=? addr=10.0.0.1 terminal=ssh res=success'\n";
	struct fixture live = { 0 }, again = { 0 };
	struct pipeline_options options = defaults(&live, false);
	struct buffer line = { 0 };
	struct pipeline_stats stats;

	options.own_pid = 12;
	options.not_from_audit = not_from_audit;
	assert_int_equal(pipeline_new(&live.pipeline, &options, collect, &live), 0);
	lines(&live, EXEC_LINES);
	lines(&live, login);
	assert_int_equal(pipeline_drain(live.pipeline), 0);
	assert_int_equal(live.n_events, 1);

	buffer_append_text(&line, "type=RECORDER_SETUP msg=");
	setup_write(&line, &options, UINT64_C(1795343338000000000));
	options = (struct pipeline_options){ .assembler = ASSEMBLER_DEFAULTS, .decoder = { .own_key = "recorder" } };
	assert_int_equal(pipeline_new(&again.pipeline, &options, collect, &again), 0);
	lines(&again, buffer_text(&line));
	lines(&again, EXEC_LINES);
	lines(&again, login);
	assert_int_equal(pipeline_drain(again.pipeline), 0);
	assert_string_equal(buffer_text(&again.out), buffer_text(&live.out));
	lines(&again, "type=RECORDER_SETUP msg=recorder(1795343338.0:0): boot_id=\n");
	pipeline_stats(again.pipeline, &stats);
	assert_int_equal(stats.malformed, 1);
	assert_int_equal(stats.merged, 1);
	buffer_release(&line);
	tear_down(&live);
	tear_down(&again);
}

/* Two captures in one import: what the one knows is nothing to the other, soon as it may come. */
static void test_two_captures(void **state)
{
	static const char *const runs[] = {
		SETUP(BOOT, "1795343300") INIT("1795343300")
			"type=RECORDER_FORK msg=recorder(1795343305.0:0): pid=10 ppid=1\n"
			"type=RECORDER_NAME msg=recorder(1795343306.0:0): uid=0 name=726F6F74\n",
		SETUP("0f2f6a3c-0000-4000-8000-000000000001", "1795343310") INIT("1795343310")
			"type=SYSCALL msg=" MOUNT("1795343311", "9") "\n",
		/* the same boot, another run of the recorder */
		SETUP("0f2f6a3c-0000-4000-8000-000000000001", "1795343310") INIT("1795343310"),
		/* the older one last */
		SETUP(BOOT, "1795343300") INIT("1795343300"),
	};
	struct fixture together = { 0 }, apart = { 0 };
	struct pipeline_options options = { .assembler = ASSEMBLER_DEFAULTS, .decoder = { .own_key = "recorder" } };

	assert_int_equal(pipeline_new(&together.pipeline, &options, collect, &together), 0);
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		lines(&together, runs[i]);
		assert_int_equal(pipeline_new(&apart.pipeline, &options, collect, &apart), 0);
		lines(&apart, runs[i]);
		assert_int_equal(pipeline_drain(apart.pipeline), 0);
		apart.pipeline = pipeline_free(apart.pipeline);
	}
	assert_int_equal(pipeline_drain(together.pipeline), 0);
	assert_int_equal(together.n_events, 6);
	assert_string_equal(buffer_text(&together.out), buffer_text(&apart.out));
	tear_down(&together);
	tear_down(&apart);
}

static void test_names_of_a_capture(void **state)
{
	struct fixture f = { 0 };

	set_up(&f, false);
	lines(&f, BEFORE_END "type=RECORDER_NAME msg=recorder(1795343338.0:0): uid=0 name=726F6F74\n"
			     "type=RECORDER_NAME msg=recorder(1795343338.0:0): gid=0 name=776865656C\n" END);
	assert_int_equal(f.n_events, 1);
	assert_non_null(strstr(buffer_text(&f.out), "\"name\":\"root\""));
	assert_non_null(strstr(buffer_text(&f.out), "\"name\":\"wheel\""));
	tear_down(&f);
}

/* What is no descriptor answers no other question either. */
static void test_descriptor_out_of_range(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_stats stats;

	set_up(&f, false);
	lines(&f, BEFORE_END
		  "type=RECORDER_FD msg=recorder(1795343338.0:0): pid=0 fd=4294967293 path=6576696C\n"
		  "type=RECORDER_FD msg=recorder(1795343338.0:0): pid=0 fd=2147483647 path=2F78\n" END);
	assert_int_equal(f.n_events, 1);
	assert_null(strstr(buffer_text(&f.out), "evil"));
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.malformed, 1);
	tear_down(&f);
}

/* A path that was cut off is no answer. */
static void test_descriptor_without_path(void **state)
{
	static const char *const bad[] = { "pid=10 fd=3", "pid=10 fd=3 ", "pid=10 fd=3 path=", "pid=10 fd=3 path=2" };
	struct pipeline_options options = { 0 };
	struct tracker_options tracker = { 0 };
	struct redactor *redactor;
	struct lookups *lookups;
	char path[8];

	assert_int_equal(redactor_new(&redactor, &options), 0);
	assert_int_equal(lookups_new(&lookups, &options, redactor), 0);
	lookups_serve(lookups, &tracker);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(answers_read(lookups_answers(lookups), RECORD_FD, span_of(bad[i]), SPAN("")), -EINVAL);
	assert_int_equal(tracker.resolve_fd(tracker.user, 10, 3, path, sizeof(path)), -ENODATA);
	assert_int_equal(answers_read(lookups_answers(lookups), RECORD_FD, SPAN("pid=10 fd=3 path=2F78"), SPAN("")), 1);
	assert_int_equal(tracker.resolve_fd(tracker.user, 10, 3, path, sizeof(path)), 0);
	assert_string_equal(path, "/x");
	lookups_free(lookups);
	redactor_free(redactor);
}

/* What the host calls a path of other mounts: as it was answered, and what is no answer. */
static void test_host_path_of_a_capture(void **state)
{
	struct pipeline_options options = { 0 };
	struct tracker_options tracker = { 0 };
	struct path_place place = { .mount_namespace = 77 };
	static const char *const bad[] = { "", "hash=", "hash=1 error=0", "hash=1 unsure=2 path=2F", "hash=1 unsure=0" };
	struct redactor *redactor;
	struct lookups *lookups;
	struct buffer text = { 0 };
	char path[8];

	assert_int_equal(redactor_new(&redactor, &options), 0);
	assert_int_equal(lookups_new(&lookups, &options, redactor), 0);
	lookups_serve(lookups, &tracker);
	buffer_printf(&text, "hash=%u unsure=1 path=2F7372", path_place_host_hash(&place, SPAN("/x")));
	assert_int_equal(answers_read(lookups_answers(lookups), RECORD_HOST_PATH, buffer_span(&text), SPAN("")), 1);
	assert_int_equal(tracker.host_path(tracker.user, &place, "/y", 0, path, sizeof(path)), -ENODATA);
	assert_int_equal(tracker.host_path(tracker.user, &place, "/x", 0, path, sizeof(path)), 1);
	assert_string_equal(path, "/sr");
	buffer_clear(&text);
	buffer_printf(&text, "hash=%u error=2", path_place_host_hash(&place, SPAN("/x")));
	assert_int_equal(answers_read(lookups_answers(lookups), RECORD_HOST_PATH, buffer_span(&text), SPAN("")), 1);
	assert_int_equal(tracker.host_path(tracker.user, &place, "/x", 0, path, sizeof(path)), -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(answers_read(lookups_answers(lookups), RECORD_HOST_PATH, span_of(bad[i]), SPAN("")), -EINVAL);
	buffer_release(&text);
	lookups_free(lookups);
	redactor_free(redactor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asks_for_the_parent),
		cmocka_unit_test(test_capture_answers),
		cmocka_unit_test(test_order_of_answers),
		cmocka_unit_test(test_setup_of_a_capture),
		cmocka_unit_test(test_two_captures),
		cmocka_unit_test(test_names_of_a_capture),
		cmocka_unit_test(test_descriptor_out_of_range),
		cmocka_unit_test(test_descriptor_without_path),
		cmocka_unit_test(test_host_path_of_a_capture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
