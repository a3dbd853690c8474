/* The whole core, driven by the test: text in, events out. */

#include "pipeline/test_pipeline.h"

#include "pipeline/hold.h"
#include "pipeline/setup.h"

static void test_exec(void **state)
{
	struct fixture f = { 0 };
	const char *out;

	set_up(&f, false);
	lines(&f, EXEC_LINES);
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
	lines(&a, EXEC_LINES);
	lines(&b, EXEC_LINES);
	assert_string_equal(buffer_text(&a.out), buffer_text(&b.out));
	tear_down(&a);
	tear_down(&b);
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
	for (uint64_t quiet_ns = 0; quiet_ns < HOLD_IDLE_NS; quiet_ns += HOLD_LOOK_MAX_NS)
		assert_int_equal(pipeline_advance(live.pipeline, then_ns + 10 * NS_PER_SEC + quiet_ns), 1);
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
	lines(&again, "type=RECORDER_CLOCK msg=recorder(1795339748.123000000:0): ripe=1\n"
		      "type=RECORDER_CLOCK msg=recorder(1795339748.323000000:0): ripe=1\n"
		      "type=RECORDER_CLOCK msg=recorder(1795339748.523000000:0): ripe=1\n"
		      "type=RECORDER_CLOCK msg=recorder(1795339748.723000000:0): ripe=1\n"
		      "type=RECORDER_CLOCK msg=recorder(1795339748.923000000:0): ripe=1\n");
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

#define CHILD(pid) "type=RECORDER_FORK msg=recorder(1795343338.130000000:0): pid=" pid " ppid=11 start_ticks=333900\n"

/* The machine stood still for five seconds: what audit has to tell is not late for that.  A silence that was watched is one. */
static void test_no_silence(void **state)
{
	const uint64_t at_ns = UINT64_C(1795343338) * NS_PER_SEC + 130 * NS_PER_MS;
	struct fixture f = { 0 };
	uint64_t now_ns = at_ns, next_ns;
	const char *fork;
	unsigned looks = 0;

	set_up(&f, false);
	lines(&f, CHILD("12"));
	assert_int_equal(pipeline_advance(f.pipeline, now_ns += 5 * NS_PER_SEC), 1);	/* a look, which a capture has */
	assert_int_equal(pipeline_advance(f.pipeline, now_ns += NS_PER_MS), 0);
	assert_int_equal(f.n_events, 0);
	lines(&f, EXEC_LINES);
	assert_int_equal(f.n_events, 1);
	while (f.n_events == 1) {
		next_ns = pipeline_next_ns(f.pipeline);
		assert_true(next_ns > now_ns && next_ns <= now_ns + HOLD_IDLE_NS);
		assert_true(pipeline_advance(f.pipeline, now_ns = next_ns) >= 0);
		assert_true(++looks <= HOLD_IDLE_NS / HOLD_LOOK_MAX_NS);
	}
	assert_int_equal(looks, HOLD_IDLE_NS / HOLD_LOOK_MAX_NS);
	fork = strstr(buffer_text(&f.out), "\"action\":\"fork\"");
	assert_non_null(fork);
	assert_non_null(strstr(fork, "\"executable\":\"/usr/bin/ls\""));
	assert_true(pipeline_next_ns(f.pipeline) == UINT64_MAX);
	tear_down(&f);
}

static void test_rubbish_is_counted(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_stats stats;

	set_up(&f, false);
	lines(&f, "rubbish\n\ntype=SYSCALL\ntype=SYSCALL msg=audit(x:y): a=b\n");
	lines(&f, EXEC_LINES);
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
	lines(&f, EXEC_LINES);
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
		lines(&f, EXEC_LINES);
		assert_int_equal(n, 0);
		atomic_store(&watch, 1);
		lines(&f, HEAD("SYSCALL", "8") "arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=0 ppid=10 pid=12 "
			  IDS "comm=\"ls\" exe=\"/usr/bin/ls\"\n" HEAD("EXECVE", "8") "argc=1 a0=\"ls\"\n" HEAD("EOE", "8") "\n");
		assert_int_equal(n, cases[i].told);
		assert_int_equal(f.n_events, 0);
		tear_down(&f);
	}
}

/* What a user's rule asked for is told though another source shows the kind: as that, or, a read, as what it is. */
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
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_times_change),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_forks_of_one_time),
		cmocka_unit_test(test_no_silence),
		cmocka_unit_test(test_rubbish_is_counted),
		cmocka_unit_test(test_drain_brings_the_rest),
		cmocka_unit_test(test_own_process_is_left_out),
		cmocka_unit_test(test_watched_children),
		cmocka_unit_test(test_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
