/* The whole core, driven by the test: text in, events out. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/event_json.h"
#include "event/test_made.h"
#include "pipeline/hold.h"
#include "pipeline/pipeline.h"
#include "pipeline/setup.h"
#include "source/capture.h"
#include "source/source.h"

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
#define BEFORE_END \
	HEAD("SYSCALL", "7") "arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=2 ppid=10 pid=11 " \
	IDS "comm=\"ls\" exe=\"/usr/bin/ls\" key=\"recorder\"\n" \
	HEAD("EXECVE", "7") "argc=2 a0=\"ls\" a1=\"/etc\"\n" \
	HEAD("CWD", "7") "cwd=\"/root\"\n" \
	HEAD("PATH", "7") "item=0 name=\"/usr/bin/ls\" inode=7 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL\n" \
	HEAD("PATH", "7") "item=1 name=\"/lib64/ld-linux-x86-64.so.2\" inode=8 dev=fe:00 mode=0100755 ouid=0 ogid=0 " \
	"rdev=00:00 nametype=NORMAL\n"
#define END HEAD("EOE", "7") "\n"
static const char exec_lines[] = BEFORE_END END;

#define MOUNT(seconds, serial) "audit(" seconds ".123:" serial "): arch=c000003e syscall=165 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 " \
	"items=0 ppid=10 pid=11 " IDS "comm=\"mount\" exe=\"/bin/mount\""

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
	lines(&live, exec_lines);
	lines(&live, login);
	assert_int_equal(pipeline_drain(live.pipeline), 0);
	assert_int_equal(live.n_events, 1);

	buffer_append_text(&line, "type=RECORDER_SETUP msg=");
	setup_write(&line, &options, UINT64_C(1795343338000000000));
	options = (struct pipeline_options){ .assembler = ASSEMBLER_DEFAULTS, .decoder = { .own_key = "recorder" } };
	assert_int_equal(pipeline_new(&again.pipeline, &options, collect, &again), 0);
	lines(&again, buffer_text(&line));
	lines(&again, exec_lines);
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

#define SETUP(boot, seconds) "type=RECORDER_SETUP msg=recorder(" seconds ".0:0): boot_id=" boot " boot_time=" seconds \
	"000000000 pid=9 timeout=10000000000 not_audit=\n"
#define INIT(seconds) "type=RECORDER_PROCESS msg=recorder(" seconds ".5:0): pid=1 ppid=0 start_ticks=1 uid=0 comm=\"init\"\n"

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

/* What the records do not say of the clock: when they came, and that nothing came. */
static void test_clock(void **state)
{
	static const uint64_t at_ns = UINT64_C(1795343338123000000);
	static const struct span mount = SPAN("audit(1795343338.123:9): arch=c000003e syscall=165 success=yes exit=0 a0=1 a1=2 a2=3 "
					      "a3=4 items=0 ppid=10 pid=11 " IDS "comm=\"mount\" exe=\"/bin/mount\"");
	struct record record = { .type = 1300, .time_ns = at_ns + 5 * NS_PER_MS, .text = mount };
	struct fixture live = { 0 }, again = { 0 };

	set_up(&live, false);
	assert_int_equal(pipeline_unsaid_clock(live.pipeline), 0);
	assert_int_equal(pipeline_push(live.pipeline, &record), 0);
	assert_int_equal(pipeline_unsaid_clock(live.pipeline), at_ns + 5 * NS_PER_MS);
	assert_int_equal(pipeline_unsaid_clock(live.pipeline), 0);
	assert_int_equal(pipeline_advance(live.pipeline, at_ns + 6 * NS_PER_MS), 0);
	assert_int_equal(live.n_events, 0);
	assert_int_equal(pipeline_unsaid_clock(live.pipeline), at_ns + 6 * NS_PER_MS);
	record = (struct record){ .type = RECORD_NOTE, .time_ns = at_ns + 7 * NS_PER_MS,
				  .text = SPAN("recorder(1795343338.130000000:0): action=start message=78") };
	assert_int_equal(pipeline_push(live.pipeline, &record), 0);
	assert_int_equal(pipeline_unsaid_clock(live.pipeline), 0);
	assert_int_equal(live.n_events, 1);
	assert_int_equal(pipeline_advance(live.pipeline, at_ns + 11 * NS_PER_SEC), 1);
	assert_int_equal(live.n_events, 2);

	set_up(&again, false);
	lines(&again, "type=SYSCALL msg=audit(1795343338.123:9): arch=c000003e syscall=165 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 "
		      "items=0 ppid=10 pid=11 " IDS "comm=\"mount\" exe=\"/bin/mount\"\n"
		      "type=RECORDER_NOTE msg=recorder(1795343338.130000000:0): action=start message=78\n"
		      "type=RECORDER_CLOCK msg=recorder(1795343349.123000000:0): \n");
	assert_int_equal(again.n_events, 1);	/* only the clock */
	lines(&again, "type=RECORDER_CLOCK msg=recorder(1795343349.123000000:0): ripe=1\n");
	assert_int_equal(again.n_events, 2);
	assert_string_equal(buffer_text(&again.out), buffer_text(&live.out));
	tear_down(&live);
	tear_down(&again);
}

/* A setting that changes while it runs, told to a replay by a record. */
static void test_times_change(void **state)
{
	static const uint64_t at_ns = UINT64_C(1795343338123000000);
	struct record record = { .type = 1300, .time_ns = at_ns,
				 .text = SPAN("audit(1795343338.123:9): arch=c000003e syscall=165 success=yes exit=0 a0=1 a1=2 a2=3 "
					      "a3=4 items=0 ppid=10 pid=11 " IDS "comm=\"mount\" exe=\"/bin/mount\"") };
	struct fixture f = { 0 };

	set_up(&f, false);
	assert_int_equal(pipeline_push(f.pipeline, &record), 0);
	assert_int_equal(pipeline_next_ns(f.pipeline), at_ns + 10 * NS_PER_SEC);
	pipeline_set_times(f.pipeline, &(struct pipeline_times){ .timeout_ns = 2 * NS_PER_SEC });
	assert_int_equal(pipeline_next_ns(f.pipeline), at_ns + 2 * NS_PER_SEC);
	lines(&f, "type=RECORDER_SETUP msg=recorder(1795343338.123000000:0): timeout=1000000000 prune=5 grace=6\n");
	assert_int_equal(pipeline_next_ns(f.pipeline), at_ns + NS_PER_SEC);
	assert_int_equal(pipeline_advance(f.pipeline, at_ns + NS_PER_SEC), 1);
	assert_int_equal(f.n_events, 1);
	tear_down(&f);
}

/* An hour back: what waited comes out, and what comes then waits no longer than ever. */
static void test_clock_set_back(void **state)
{
	static const uint64_t first_ns = UINT64_C(1795343338123000000), then_ns = UINT64_C(1795339738123000000);
	struct fixture live = { 0 }, again = { 0 };
	struct pipeline_stats stats;

	set_up(&live, false);
	assert_int_equal(pipeline_push(live.pipeline, &(struct record){ .type = RECORD_EXIT, .time_ns = first_ns,
		.text = SPAN("recorder(1795343338.123000000:0): pid=500") }), 0);
	assert_int_equal(pipeline_push(live.pipeline, &(struct record){ .type = 1300, .time_ns = first_ns,
								       .text = SPAN(MOUNT("1795343338", "9")) }), 0);
	assert_int_equal(live.n_events, 0);
	assert_true(pipeline_now_ns(live.pipeline) == first_ns);
	assert_int_equal(pipeline_follow_back(live.pipeline, then_ns), 0);
	assert_true(pipeline_now_ns(live.pipeline) == then_ns);
	assert_int_equal(pipeline_unsaid_clock(live.pipeline), 0);
	assert_int_equal(live.n_events, 2);
	assert_int_equal(pipeline_push(live.pipeline, &(struct record){ .type = RECORD_EXIT, .time_ns = then_ns,
		.text = SPAN("recorder(1795339738.123000000:0): pid=501") }), 0);
	assert_int_equal(pipeline_push(live.pipeline, &(struct record){ .type = 1300, .time_ns = then_ns,
								       .text = SPAN(MOUNT("1795339738", "10")) }), 0);
	assert_int_equal(live.n_events, 2);
	assert_true(pipeline_next_ns(live.pipeline) <= then_ns + 10 * NS_PER_SEC);
	assert_int_equal(pipeline_advance(live.pipeline, then_ns + 11 * NS_PER_SEC), 1);
	assert_int_equal(live.n_events, 4);
	/* processes that ended before are forgotten after their time */
	pipeline_stats(live.pipeline, &stats);
	assert_int_equal(stats.tracker->processes, 4);
	assert_int_equal(pipeline_advance(live.pipeline, then_ns + 100 * NS_PER_SEC), 1);
	pipeline_stats(live.pipeline, &stats);
	assert_int_equal(stats.tracker->processes, 2);

	set_up(&again, false);
	lines(&again, "type=RECORDER_EXIT msg=recorder(1795343338.123000000:0): pid=500\n"
		      "type=SYSCALL msg=" MOUNT("1795343338", "9") "\n"
		      "type=RECORDER_CLOCK msg=recorder(1795339738.123000000:0): back=1\n"
		      "type=RECORDER_EXIT msg=recorder(1795339738.123000000:0): pid=501\n"
		      "type=SYSCALL msg=" MOUNT("1795339738", "10") "\n");
	assert_int_equal(again.n_events, 2);
	lines(&again, "type=RECORDER_CLOCK msg=recorder(1795339749.123000000:0): ripe=1\n");
	assert_string_equal(buffer_text(&again.out), buffer_text(&live.out));
	tear_down(&live);
	tear_down(&again);
}

/* Forks that no time lets go of. */
static void test_forks_of_one_time(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_stats stats;

	set_up(&f, false);
	for (unsigned i = 0; i < 2 * HOLD_MAX_CHAIN; i++)
		lines(&f, "type=RECORDER_FORK msg=recorder(1795343338.0:0): pid=10 ppid=1\n");
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.events, 2 * HOLD_MAX_CHAIN);
	assert_int_equal(stats.held, HOLD_MAX_CHAIN);
	/* parents of each other */
	lines(&f, "type=RECORDER_FORK msg=recorder(1795343338.0:0): pid=20 ppid=21\n"
		  "type=RECORDER_FORK msg=recorder(1795343338.0:0): pid=21 ppid=20\n"
		  "type=RECORDER_PROCESS msg=recorder(1795343338.0:0): pid=20 ppid=21\n");
	assert_int_equal(pipeline_drain(f.pipeline), 0);
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.held, 0);
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

static void count_watched(void *user, const struct event *event)
{
	unsigned *n = user;

	assert_int_equal(event->kind, KIND_ID(process, exec));
	assert_int_equal(event->context->ppid, 10);
	(*n)++;
}

/* Of children of this process each event is told while somebody watches, wanted or not. */
static void test_watched_children(void **state)
{
	static const bool wanted[N_KINDS];
	static const struct {
		uint32_t own_pid;
		unsigned told;
	} cases[] = { { 10, 1 }, { 999, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = { 0 };
		struct pipeline_options options = defaults(&f, false);
		atomic_uint watch = 0;
		unsigned n = 0;

		options.own_pid = cases[i].own_pid;
		options.wanted = wanted;
		options.watch = &watch;
		options.watched = count_watched;
		options.watch_user = &n;
		assert_int_equal(pipeline_new(&f.pipeline, &options, collect, &f), 0);
		lines(&f, exec_lines);
		assert_int_equal(n, 0);
		atomic_store(&watch, 1);
		lines(&f, HEAD("SYSCALL", "8") "arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=0 ppid=10 pid=12 "
			  IDS "comm=\"ls\" exe=\"/usr/bin/ls\"\n" HEAD("EXECVE", "8") "argc=1 a0=\"ls\"\n" HEAD("EOE", "8") "\n");
		assert_int_equal(n, cases[i].told);
		assert_int_equal(f.n_events, 0);
		tear_down(&f);
	}
}

/* Records of the kernel's programs, live: what the core does with them, and with the answers that their handling asks for. */
struct live {
	struct fixture fixture;
	struct capture *capture;
	unsigned n_paths_asked;
};

static int find_path(void *user, const struct path_place *from, const char *path, struct file_id *ret_id, char *ret,
		     size_t size)
{
	struct live *live = (struct live *)user;
	bool is_there = strcmp(path, "/tmp/link") == 0;
	struct buffer answer = { 0 };

	live->n_paths_asked++;
	if (is_there) {
		snprintf(ret, size, "/srv/a \xff");
		*ret_id = (struct file_id){ .device = 0xfe00, .inode = 77, .known = true };
	}
	/* as daemon/core.c writes it */
	buffer_printf(&answer, "recorder(1795343338.000000000:0): hash=%u %s", path_place_hash(from, span_of(path)),
		      is_there ? "device=65024 inode=77 real=2F7372762F6120FF" : "error=2");
	assert_int_equal(capture_write(live->capture, &(struct record){ .type = RECORD_PATH, .text = buffer_span(&answer) }), 0);
	buffer_release(&answer);
	return is_there ? 0 : -ENOENT;
}

static void push_made(struct live *live, const struct made *made, uint64_t time_ns)
{
	struct span copy = made_copy(made);
	const struct record record = { .type = RECORD_PROBE, .time_ns = time_ns, .text = copy };

	assert_int_equal(pipeline_push(live->fixture.pipeline, &record), 0);
	assert_int_equal(capture_write(live->capture, &record), 0);
	free((void *)(uintptr_t)copy.data);
}

/* Of everything something; each a millisecond and a number after the other. */
static void push_all(struct live *live)
{
	static struct made made;
	static const struct span query = SPAN("\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07" "example\x03" "com\0\0\x01\0\x01");
	uint64_t time_ns = MADE_REAL_NS;
	unsigned n = 0;

#define PUSH()                                                              \
	do {                                                                \
		made.record->head.time_ns = MADE_BOOT_NS + n * NS_PER_MS;   \
		made.record->head.number = n;                               \
		push_made(live, &made, time_ns + n * NS_PER_MS);            \
		n++;                                                        \
	} while (0)
	make(&made, PROBE_FORK, PROBE_CALL_NONE);
	PUSH();
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	made.record->body.exec.argc = 3;
	made.record->body.exec.is_internal = 1;
	add_path(&made, EXEC_PATH, "/memfd:x");
	add_path(&made, EXEC_CWD, "/root");
	add_text(&made, EXEC_ENV, SPAN("LD_PRELOAD=/x \xff\0"));
	add_text(&made, EXEC_ARGS, SPAN("x\0\n\0\xfe\x1d\0"));
	PUSH();
	make(&made, PROBE_NAME, PROBE_CALL_unlink);
	made.record->body.call.root_mount = 30;
	made.record->body.call.init = 1;
	add_path(&made, NAME_FOLDER, "/tmp");
	add_text(&made, NAME_GIVEN, SPAN("link/../x"));
	PUSH();
	make(&made, PROBE_NAME, PROBE_CALL_rename);
	add_path(&made, NAME_FOLDER, "/tmp");
	add_text(&made, NAME_GIVEN, SPAN("link/.old"));
	add_path(&made, NAME_FOLDER2, "/");
	add_text(&made, NAME_GIVEN2, SPAN("/tmp/link/new"));
	PUSH();
	make(&made, PROBE_WRITTEN, PROBE_CALL_NONE);
	made.record->body.file.mode = 0100644;
	made.record->body.file.first_ns = MADE_BOOT_NS;
	made.record->body.file.last_ns = MADE_BOOT_NS + 1;
	made.record->body.file.value[1] = 2;
	add_path(&made, FILE_PATH, "/var/log/\xff");
	PUSH();
	make(&made, PROBE_SOCKET, PROBE_CALL_connect);
	made.record->body.socket = (struct probe_socket){ .family = 2, .remote_family = 2, .remote = { 1, 2, 3, 4 },
							  .remote_port = 80, .protocol = 6, .result = -111 };
	PUSH();
	make(&made, PROBE_DNS, PROBE_CALL_sendto);
	made.record->body.socket = (struct probe_socket){ .family = 2, .remote_family = 2, .remote = { 1, 2, 3, 4 },
							  .remote_port = 53, .protocol = 17 };
	add_text(&made, DNS_PAYLOAD, query);
	PUSH();
	make(&made, PROBE_EXIT, PROBE_CALL_NONE);
	made.record->body.call.value[0] = 0x300;
	PUSH();
#undef PUSH
}

static int push_on(void *user, const struct record *record)
{
	return pipeline_push(user, record);
}

/* The same bytes give the same events, with the same ids, live and from the capture of that. */
static void test_probes_of_a_capture(void **state)
{
	char path[] = "/tmp/recorder-pipeline-XXXXXX";
	int fd = mkstemp(path);
	struct live live = { 0 };
	struct fixture again = { 0 };
	struct source *source = NULL;
	struct pipeline_options options = defaults(&live.fixture, false);
	struct pipeline_stats a, b;
	const char *out;

	assert_true(fd >= 0);
	close(fd);
	options.resolve_path = find_path;
	options.lookup_user = &live;
	assert_int_equal(pipeline_new(&live.fixture.pipeline, &options, collect, &live.fixture), 0);
	assert_int_equal(capture_open(&live.capture, path), 0);
	push_all(&live);
	capture_free(live.capture);
	assert_int_equal(live.fixture.n_events, 9);	/* a memfd that is run is two */
	assert_int_equal(live.n_paths_asked, 2);
	out = buffer_text(&live.fixture.out);
	assert_non_null(strstr(out, "\"id\":\"18ea5740feb67115-3\""));
	assert_non_null(strstr(out, "\"path\":\"/tmp/x\""));	/* nobody found /tmp/link/.. */
	assert_non_null(strstr(out, "\"path\":\"/srv/a %FF/.old\""));
	assert_non_null(strstr(out, "\"target_path\":\"/srv/a %FF/new\""));
	assert_non_null(strstr(out, "\"path_confidence\":\"guessed\""));
	assert_non_null(strstr(out, "\"path_confidence\":\"joined\""));

	set_up(&again, false);
	assert_int_equal(source_replay.open(&source, &(struct source_options){ .path = path }), 0);
	while (source_replay.read(source, 3, push_on, again.pipeline) > 0)
		;
	source_replay.free(source);
	assert_int_equal(again.n_events, 9);
	assert_string_equal(buffer_text(&again.out), out);
	pipeline_stats(live.fixture.pipeline, &a);
	pipeline_stats(again.pipeline, &b);
	assert_int_equal(a.malformed, 0);
	assert_int_equal(b.malformed, 0);
	assert_int_equal(a.emitted, b.emitted);
	assert_int_equal(b.decoder->errors, 0);
	tear_down(&live.fixture);
	tear_down(&again);
	unlink(path);
}

#define PROBE_HEAD "type=RECORDER_PROBE msg=recorder(1795343338.123456789:0): "

/* A capture that somebody wrote, or that ends in the middle. */
static void test_bad_probes(void **state)
{
	static struct made made;
	struct fixture f = { 0 };
	struct buffer line = { 0 };
	struct pipeline_stats stats;
	size_t head;

	set_up(&f, false);
	lines(&f, PROBE_HEAD "xy\n" PROBE_HEAD "0\n" PROBE_HEAD "\n" PROBE_HEAD "00 11\n" PROBE_HEAD "0011\n"
		  "type=RECORDER_PROBE msg=recorder(1:0): 00\n" "type=RECORDER_PROBE\n");
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.malformed, 3);		/* no hex, or no head */
	assert_int_equal(stats.decoder->errors, 4);	/* no record */
	make(&made, PROBE_FORK, PROBE_CALL_NONE);
	buffer_append_text(&line, PROBE_HEAD);
	head = line.size;
	for (size_t i = 0; i < made.size; i++)
		buffer_printf(&line, "%02X", (unsigned char)made.bytes[i]);
	/* whole, in capitals; each beginning of it */
	assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .text = buffer_span(&line) }), 0);
	assert_int_equal(f.n_events, 1);
	for (size_t size = 0; size < line.size - 1; size++)
		assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .text = { line.data, size } }), 0);
	assert_int_equal(f.n_events, 1);
	pipeline_stats(f.pipeline, &stats);
	assert_true(stats.decoder->errors >= (line.size - head) / 2);
	/* bytes of a live record are not trusted either */
	assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .type = RECORD_PROBE, .time_ns = 5, .text = SPAN("abc") }), 0);
	assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .type = RECORD_PROBE, .time_ns = 5 }), 0);
	assert_int_equal(f.n_events, 1);
	buffer_release(&line);
	tear_down(&f);
}

/* What this process does is not recorded, whoever saw it. */
static void test_own_probes(void **state)
{
	static struct made made;
	struct fixture f = { 0 };
	struct pipeline_options options = defaults(&f, false);
	struct pipeline_stats stats;

	options.own_pid = MADE_PID;
	assert_int_equal(pipeline_new(&f.pipeline, &options, collect, &f), 0);
	make(&made, PROBE_OPEN, PROBE_CALL_open);
	add_path(&made, FILE_PATH, "/x");
	assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .type = RECORD_PROBE, .time_ns = MADE_REAL_NS,
								     .text = made_bytes(&made) }), 0);
	made.record->head.pid++;
	assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .type = RECORD_PROBE, .time_ns = MADE_REAL_NS,
								     .text = made_bytes(&made) }), 0);
	assert_int_equal(f.n_events, 1);
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.own, 1);
	tear_down(&f);
}

/* Kinds that the kernel's programs show are not taken from audit as well. */
static void test_not_from_audit(void **state)
{
	static const bool not_from_audit[N_KINDS] = { [KIND_ID(process, exec)] = true };
	static struct made made;
	struct fixture f = { 0 };
	struct pipeline_options options = defaults(&f, false);
	struct pipeline_stats stats;

	options.not_from_audit = not_from_audit;
	assert_int_equal(pipeline_new(&f.pipeline, &options, collect, &f), 0);
	lines(&f, exec_lines);
	assert_int_equal(f.n_events, 0);
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.merged, 1);
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	add_path(&made, EXEC_PATH, "/bin/x");
	assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .type = RECORD_PROBE, .time_ns = MADE_REAL_NS,
								     .text = made_bytes(&made) }), 0);
	assert_int_equal(f.n_events, 1);
	assert_non_null(strstr(buffer_text(&f.out), "\"executable\":\"/bin/x\""));
	tear_down(&f);
}

/* ... but for what a user's rule asked for: told as that, or, a read, as what it is. */
static void test_asked(void **state)
{
	static const bool not_from_audit[N_KINDS] = { [KIND_ID(file, read)] = true, [KIND_ID(process, exec)] = true };
	static const char asked_lines[] =
		"type=SYSCALL msg=audit(1170021493.977:293): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=1 a2=0 a3=0 "
		"items=1 ppid=1 pid=42 uid=0 comm=\"cat\" exe=\"/bin/cat\" key=736861646F77017265636F72646572\n"
		"type=CWD msg=audit(1170021493.977:293): cwd=\"/\"\n"
		"type=PATH msg=audit(1170021493.977:293): item=0 name=\"/etc/shadow\" inode=7 dev=08:01 mode=0100640 nametype=NORMAL\n"
		"type=EOE msg=audit(1170021493.977:293): \n"
		"type=SYSCALL msg=audit(1170021493.977:294): arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=1 a2=0 a3=0 "
		"items=0 ppid=1 pid=42 uid=0 comm=\"ls\" exe=\"/bin/ls\" key=736861646F77017265636F72646572\n"
		"type=EXECVE msg=audit(1170021493.977:294): argc=1 a0=\"ls\"\n"
		"type=EOE msg=audit(1170021493.977:294): \n";
	/* Nobody wants reads; who wants to know of rules gets them. */
	static const char document[] = "{\"name\":\"n\",\"domain\":\"recorder\",\"streams\":[{\"type\":\"database\","
				       "\"event_filters\":[{\"terms\":[\"security\"]}]}]}";
	_cleanup_(subscription_freep) struct subscription *subscription = NULL;
	_cleanup_(filter_freep) struct filter *filter = NULL;
	struct fixture f = { 0 };
	struct pipeline_options options = defaults(&f, false);
	struct filter_error error;
	bool wanted[N_KINDS];

	assert_int_equal(subscription_parse(&subscription, span_of(document), &error), 0);
	assert_int_equal(filter_new(&filter, (const struct subscription *const[]){ subscription }, 1), 0);
	filter_wanted(filter, wanted);
	options.not_from_audit = not_from_audit;
	options.filter = filter;
	options.wanted = wanted;
	assert_int_equal(pipeline_new(&f.pipeline, &options, collect, &f), 0);
	lines(&f, asked_lines);
	assert_int_equal(f.n_events, 2);
	assert_non_null(strstr(buffer_text(&f.out), "\"action\":\"read\""));
	assert_non_null(strstr(buffer_text(&f.out), "\"path\":\"/etc/shadow\""));
	assert_non_null(strstr(buffer_text(&f.out), "\"action\":\"audit_rule\""));
	assert_non_null(strstr(buffer_text(&f.out), "\"auditd\":{\"key\":[\"shadow\"]"));
	assert_null(strstr(buffer_text(&f.out), "\"action\":\"exec\""));
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_same_bytes_same_events),
		cmocka_unit_test(test_asks_for_the_parent),
		cmocka_unit_test(test_capture_answers),
		cmocka_unit_test(test_order_of_answers),
		cmocka_unit_test(test_setup_of_a_capture),
		cmocka_unit_test(test_two_captures),
		cmocka_unit_test(test_names_of_a_capture),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_times_change),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_forks_of_one_time),
		cmocka_unit_test(test_descriptor_out_of_range),
		cmocka_unit_test(test_rubbish_is_counted),
		cmocka_unit_test(test_drain_brings_the_rest),
		cmocka_unit_test(test_own_process_is_left_out),
		cmocka_unit_test(test_probes_of_a_capture),
		cmocka_unit_test(test_bad_probes),
		cmocka_unit_test(test_own_probes),
		cmocka_unit_test(test_watched_children),
		cmocka_unit_test(test_not_from_audit),
		cmocka_unit_test(test_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
