/* The whole core, driven by the test: text in, events out. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/event_json.h"
#include "pipeline/pipeline.h"

#define BOOT "b0a1c2d3-0000-4000-8000-123456789abc"

struct fixture {
	struct pipeline *pipeline;
	struct buffer out;		/* events as JSON lines */
	unsigned n_events;
	const char *answer;		/* of /proc, NULL: no such process */
	unsigned n_asked;
};

static int collect(void *user, struct event *event)
{
	static const struct event_json_options options = { .boot_id = SPAN(BOOT) };
	struct fixture *f = user;

	f->n_events++;
	event_json(&f->out, event, &options);
	buffer_append_byte(&f->out, '\n');
	event_free(event);
	return 0;
}

static int ask(void *user, uint32_t pid, struct buffer *text)
{
	struct fixture *f = user;

	f->n_asked++;
	if (!f->answer)
		return -ESRCH;
	buffer_append_text(text, f->answer);
	return 0;
}

static struct pipeline_options defaults(struct fixture *f, bool live)
{
	return (struct pipeline_options){
		.assembler = ASSEMBLER_DEFAULTS,
		.decoder = { .own_key = "recorder" },
		.tracker = { .boot_id = SPAN(BOOT), .boot_time_ns = UINT64_C(1795340000000000000),
			     .ticks_per_second = 100 },
		.lookup = live ? ask : NULL,
		.lookup_user = f,
	};
}

static void lines(struct fixture *f, const char *text)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");

		assert_int_equal(pipeline_push(f->pipeline, &(struct record){ .text = { p, n } }), 0);
		p += n + (p[n] != 0);
	}
}

static void set_up(struct fixture *f, bool live)
{
	struct pipeline_options options = defaults(f, live);

	assert_int_equal(pipeline_new(&f->pipeline, &options, collect, f), 0);
}

static void tear_down(struct fixture *f)
{
	pipeline_free(f->pipeline);
	buffer_release(&f->out);
}

#define HEAD(type, serial) "type=" type " msg=audit(1795343338.123:" serial "): "
#define IDS "auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts1 ses=3 "
static const char exec_lines[] =
	HEAD("SYSCALL", "7") "arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=2 ppid=10 pid=11 "
	IDS "comm=\"ls\" exe=\"/usr/bin/ls\" key=\"recorder\"\n"
	HEAD("EXECVE", "7") "argc=2 a0=\"ls\" a1=\"/etc\"\n"
	HEAD("CWD", "7") "cwd=\"/root\"\n"
	HEAD("PATH", "7") "item=0 name=\"/usr/bin/ls\" inode=7 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL\n"
	HEAD("PATH", "7") "item=1 name=\"/lib64/ld-linux-x86-64.so.2\" inode=8 dev=fe:00 mode=0100755 ouid=0 ogid=0 "
	"rdev=00:00 nametype=NORMAL\n"
	HEAD("EOE", "7") "\n";

static void test_exec(void **state)
{
	struct fixture f = { 0 };
	const char *out;

	set_up(&f, false);
	lines(&f, exec_lines);
	assert_int_equal(f.n_events, 1);
	out = buffer_text(&f.out);
	assert_non_null(strstr(out, "\"action\":\"exec\""));
	assert_non_null(strstr(out, "\"executable\":\"/usr/bin/ls\""));
	assert_non_null(strstr(out, "\"args\":[\"ls\",\"/etc\"]"));
	assert_non_null(strstr(out, "\"working_directory\":\"/root\""));
	assert_null(strstr(out, "\"key\""));	/* our own rule's key is not news */
	tear_down(&f);
}

static void test_same_bytes_same_events(void **state)
{
	struct fixture a = { 0 }, b = { 0 };

	set_up(&a, false);
	set_up(&b, false);
	lines(&a, exec_lines);
	lines(&b, exec_lines);
	assert_string_equal(buffer_text(&a.out), buffer_text(&b.out));
	tear_down(&a);
	tear_down(&b);
}

static void test_asks_for_the_parent(void **state)
{
	struct fixture f = { .answer = "recorder(1795343338.200000000:0): lookup=1 pid=10 ppid=1 start_ticks=5000 uid=0 "
				       "euid=0 suid=0 fsuid=0 gid=0 egid=0 sgid=0 fsgid=0 auid=1000 ses=3 comm=\"bash\" "
				       "exe=\"/bin/bash\" argc=1 args=2D62617368 cwd=\"/root\"" };

	set_up(&f, true);
	lines(&f, exec_lines);
	assert_true(f.n_asked > 0);
	assert_non_null(strstr(buffer_text(&f.out), "\"executable\":\"/bin/bash\""));
	tear_down(&f);
}

/* A capture has the answers of /proc before the records whose handling asked. */
static void test_capture_answers(void **state)
{
	struct fixture f = { 0 };

	set_up(&f, false);
	lines(&f, "type=RECORDER_PROCESS msg=recorder(1795343338.200000000:0): lookup=1 pid=10 ppid=1 start_ticks=5000 "
		  "uid=0 euid=0 suid=0 fsuid=0 gid=0 egid=0 sgid=0 fsgid=0 auid=1000 ses=3 comm=\"bash\" exe=\"/bin/bash\" "
		  "argc=1 args=2D62617368 cwd=\"/root\"\n"
		  "type=RECORDER_NO_PROCESS msg=recorder(1795343338.200000000:0): pid=11\n");
	assert_int_equal(f.n_events, 0);
	lines(&f, exec_lines);
	assert_int_equal(f.n_events, 1);
	assert_non_null(strstr(buffer_text(&f.out), "\"executable\":\"/bin/bash\""));
	tear_down(&f);
}

static void test_rubbish_is_counted(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_stats stats;

	set_up(&f, false);
	lines(&f, "rubbish\n\ntype=SYSCALL\ntype=SYSCALL msg=audit(x:y): a=b\n");
	lines(&f, exec_lines);
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.malformed, 4);
	assert_int_equal(stats.received, 10);
	assert_int_equal(f.n_events, 1);
	tear_down(&f);
}

static void test_drain_brings_the_rest(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_stats stats;

	set_up(&f, false);
	lines(&f, HEAD("PATH", "9") "item=0 name=\"/etc/x\" inode=7 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 "
				    "nametype=NORMAL\n"
				    "type=USER_LOGIN msg=audit(1795343338.123:10): pid=1 uid=0 auid=1000 ses=3 msg='op=login "
				    "id=1000 exe=\"/usr/sbin/sshd\" hostname=? addr=10.0.0.1 terminal=ssh res=success'");
	assert_int_equal(f.n_events, 0);
	assert_int_equal(pipeline_drain(f.pipeline), 0);
	assert_non_null(strstr(buffer_text(&f.out), "\"action\":\"login\""));
	pipeline_stats(f.pipeline, &stats);
	/* Everything that came is accounted for. */
	assert_int_equal(stats.decoder->events, stats.events);
	assert_int_equal(stats.events, stats.own + stats.merged + stats.filtered_out + stats.emitted);
	assert_int_equal(stats.emitted, f.n_events);
	tear_down(&f);
}

static void test_own_process_is_left_out(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_options options = defaults(&f, false);
	struct pipeline_stats stats;

	options.own_pid = 11;
	assert_int_equal(pipeline_new(&f.pipeline, &options, collect, &f), 0);
	lines(&f, exec_lines);
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.own, 1);
	assert_int_equal(f.n_events, 0);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_same_bytes_same_events),
		cmocka_unit_test(test_asks_for_the_parent),
		cmocka_unit_test(test_capture_answers),
		cmocka_unit_test(test_rubbish_is_counted),
		cmocka_unit_test(test_drain_brings_the_rest),
		cmocka_unit_test(test_own_process_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
