/* What a run is told comes back from its capture. */

#include "pipeline/setup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HEAD "recorder(1795343338.000000007:0): "

static void test_there_and_back(void **state)
{
	static const bool not_from_audit[N_KINDS] = { [KIND_ID(process, exec)] = true, [KIND_ID(driver, load)] = true };
	const struct pipeline_options options = {
		.tracker = { .boot_id = SPAN("b0a1c2d3-0000-4000-8000-123456789abc"), .boot_time_ns = UINT64_C(1795340000123000000) },
		.assembler = ASSEMBLER_DEFAULTS,
		.own_pid = 4711,
		.manager_pid = 12,
		.guarded = { "/a\0/b\0", 6 },
		.not_from_audit = not_from_audit,
		.redaction_key = (const unsigned char *)"key",
		.redaction_patterns = SPAN("a\n"),
	};
	struct buffer text = { 0 };
	struct setup setup;

	setup_write(&text, &options, UINT64_C(1795343338000000007));
	assert_string_equal(buffer_text(&text), HEAD "boot_id=b0a1c2d3-0000-4000-8000-123456789abc "
			    "boot_time=1795340000123000000 pid=4711 manager=12 guarded=2f61002f6200 timeout=10000000000 redact=1 patterns=610a not_audit=process.exec,driver.load");
	assert_int_equal(setup_read(&setup, (struct span){ text.data + strlen(HEAD), text.size - strlen(HEAD) }), 0);
	assert_true(span_eq(setup.boot_id, options.tracker.boot_id));
	assert_int_equal(setup.boot_time_ns, options.tracker.boot_time_ns);
	assert_int_equal(setup.times.timeout_ns, options.assembler.timeout_ns);
	assert_int_equal(setup.times.prune_ns, 0);
	assert_false(setup.only_times);
	assert_true(setup.says_redaction && setup.redacts);
	assert_true(span_eq(setup.redaction_patterns, SPAN("610a")));
	assert_int_equal(setup.own_pid, 4711);
	assert_int_equal(setup.manager_pid, 12);
	assert_true(span_eq(setup.guarded, SPAN("2f61002f6200")));
	assert_memory_equal(setup.not_from_audit, not_from_audit, sizeof(not_from_audit));
	buffer_release(&text);
}

static void test_times(void **state)
{
	const struct pipeline_times times = { .timeout_ns = 5, .prune_ns = 6, .grace_ns = 7, .signal_window_ns = 8 };
	struct buffer text = { 0 };
	struct setup setup;

	setup_write_times(&text, &times, UINT64_C(1795343338000000007));
	assert_string_equal(buffer_text(&text), HEAD "timeout=5 prune=6 grace=7 signal_window=8");
	assert_int_equal(setup_read(&setup, (struct span){ text.data + strlen(HEAD), text.size - strlen(HEAD) }), 0);
	assert_true(setup.only_times);
	assert_memory_equal(&setup.times, &times, sizeof(times));
	buffer_release(&text);
}

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"", "boot_id=x", "boot_id= boot_time=1 pid=1 timeout=1", "boot_id=x boot_time=1 pid=1 timeout=x",
		"boot_id=x boot_time=1 pid=4294967296 timeout=1", "boot_id=x boot_time=-1 pid=1 timeout=1", "=", "= = =,",
		"prune=1 grace=1", "timeout=1 pid=1", "timeout=1 boot_time=1",
	};
	struct setup setup;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(setup_read(&setup, span_of(bad[i])), -EINVAL);
	assert_int_equal(setup_read(&setup, SPAN("boot_id=x boot_time=1  later=2 timeout=1 not_audit=,process,.,process.later,"
						 "process.fork")), 0);
	assert_int_equal(setup.own_pid, 0);
	for (unsigned i = 0; i < N_KINDS; i++)
		assert_int_equal(setup.not_from_audit[i], i == KIND_ID(process, fork));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
