/* Times as people write them, in a zone with summer time. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "cli/time_spec.h"

/* Sunday 2026-11-22 10:28:58.5 in Berlin (+01:00). */
#define NOW (UINT64_C(1795339738) * NS_PER_SEC + 500 * NS_PER_MS)

static uint64_t parsed(const char *text)
{
	uint64_t ns = 0;

	if (time_spec_parse(text, NOW, &ns) < 0)
		fail_msg("'%s' is refused", text);
	return ns;
}

static uint64_t seconds(const char *text)
{
	uint64_t ns = parsed(text);

	assert_int_equal(ns % NS_PER_SEC, 0);
	return ns / NS_PER_SEC;
}

static void test_words(void **state)
{
	assert_true(parsed("now") == NOW);
	assert_int_equal(seconds("today"), 1795302000);
	assert_int_equal(seconds("yesterday"), 1795302000 - 86400);
	assert_int_equal(seconds("tomorrow"), 1795302000 + 86400);
}

static void test_ago(void **state)
{
	assert_true(parsed("10m") == NOW - 600 * NS_PER_SEC);
	assert_true(parsed("-10m") == NOW - 600 * NS_PER_SEC);
	assert_true(parsed("10m ago") == NOW - 600 * NS_PER_SEC);
	assert_true(parsed("2h30m") == NOW - 9000 * NS_PER_SEC);
	assert_true(parsed("1w2d3h4m5s") == NOW - (uint64_t)(((9 * 24 + 3) * 60 + 4) * 60 + 5) * NS_PER_SEC);
	assert_true(parsed("0s") == NOW);
	/* Before 1970 is the beginning. */
	assert_true(parsed("5000w") == 0);
}

static void test_calendar(void **state)
{
	assert_int_equal(seconds("2026-11-22"), 1795302000);
	assert_int_equal(seconds("2026-11-22 14:00"), 1795352400);
	assert_int_equal(seconds("2026-11-22T14:00:05"), 1795352405);
	assert_int_equal(seconds("14:00"), 1795352400);
	assert_int_equal(seconds("2026-07-01 12:00"), 1782900000);	/* summer: +02:00 */
	assert_int_equal(seconds("2026-11-22T10:28:58Z"), 1795343338);
	assert_int_equal(seconds("2026-11-22 10:28:58+01:00"), 1795339738);
	assert_int_equal(seconds("2026-11-22T10:28:58-05:30"), 1795343338 + 19800);
	assert_int_equal(seconds("2026-11-22T10:28Z"), 1795343280);
	assert_true(parsed("2026-11-22T10:28:58.123456789Z") == UINT64_C(1795343338123456789));
	assert_true(parsed("2026-11-22T10:28:58.5Z") == UINT64_C(1795343338500000000));
	assert_true(parsed("2026-11-22T10:28:58.1234567891234Z") == UINT64_C(1795343338123456789));
	assert_int_equal(seconds("2024-02-29"), 1709161200);
	assert_int_equal(seconds("1970-01-02T00:00:00Z"), 86400);
	/* The hour that summer time skips, and the one that comes twice. */
	assert_true(parsed("2026-03-29 02:30") != 0);
	assert_true(parsed("2026-10-25 02:30") != 0);
}

static void test_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		" ",
		"m",
		"10",
		"10x",
		"10m ",
		"10m later",
		"2026-11",
		"2026-13-01",
		"2026-00-01",
		"2026-02-30",
		"2025-02-29",
		"2026-11-22 25:00",
		"2026-11-22 14:60",
		"2026-11-22 ",
		"2026-11-22T",
		"14:0",
		"14:00:00.",
		"2026-11-22T10:28:58X",
		"2026-11-22T10:28:58+1",
		"2026-11-22T10:28:58+01:00x",
		"1969-12-31T00:00:00Z",
		"18446744073709551616s",
		"99999999999999999999999w",
		"1844674407370955161w",
		"yesterdays",
		"-",
		"--10m",
		"2026-11-22Z",
	};
	uint64_t ns = 7;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (time_spec_parse(wrong[i], NOW, &ns) != -EINVAL)
			fail_msg("'%s' is not refused", wrong[i]);
	assert_int_equal(ns, 7);
}

static void test_duration(void **state)
{
	static const char *const wrong[] = { "", "5", "m", "-5m", "5m ago", "5 m", "5m3", "now", "99999999999999999999w" };
	uint64_t ns = 7;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (duration_spec_parse(wrong[i], &ns) != -EINVAL)
			fail_msg("'%s' is not refused", wrong[i]);
	assert_int_equal(ns, 7);
	assert_int_equal(duration_spec_parse("2h30m", &ns), 0);
	assert_int_equal(ns, 9000 * NS_PER_SEC);
	assert_int_equal(duration_spec_parse("0s", &ns), 0);
	assert_int_equal(ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words), cmocka_unit_test(test_ago), cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_duration),
	};

	/* By rule, so that the test does not depend on installed zones. */
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
