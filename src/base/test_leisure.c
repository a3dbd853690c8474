#include "base/leisure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"

static void test_naps_make_the_share(void **state)
{
	static const struct {
		unsigned percent;
		uint64_t cpu_ms, nap_ms;
	} cases[] = {
		{ 25, 10, 30 }, { 50, 10, 10 }, { 100, 10, 0 }, { 1, 1, 99 }, { 1, 100, 1000 }, { 25, 0, 0 },
	};

	assert_int_equal(leisure_percent(), LEISURE_PERCENT);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		leisure_set(cases[i].percent);
		assert_int_equal(leisure_nap_ns(cases[i].cpu_ms * NS_PER_MS), cases[i].nap_ms * NS_PER_MS);
	}
	leisure_set(LEISURE_PERCENT);
}

static void test_bounds(void **state)
{
	leisure_set(0);
	assert_int_equal(leisure_percent(), 1);
	leisure_set(101);
	assert_int_equal(leisure_percent(), 100);
	leisure_set(1);
	assert_int_equal(leisure_nap_ns(UINT64_MAX), NS_PER_SEC);	/* a clock that went wrong: a second */
	leisure_set(LEISURE_PERCENT);
}

/* Nothing is owed while nothing presses, nor for what was taken before the first question. */
static void test_owed(void **state)
{
	uint64_t cpu_ns = 0, begin_ns;

	leisure_set(LEISURE_PERCENT - 1);
	assert_int_equal(leisure_owed_ns(&cpu_ns), 0);
	begin_ns = cpu_ns;
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < begin_ns + NS_PER_MS)
		;
	assert_true(leisure_owed_ns(&cpu_ns) >= 3 * NS_PER_MS);
	assert_true(cpu_ns >= begin_ns + NS_PER_MS);
	leisure_set(LEISURE_PERCENT);
	begin_ns = cpu_ns;
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < begin_ns + NS_PER_MS)
		;
	assert_int_equal(leisure_owed_ns(&cpu_ns), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_naps_make_the_share), cmocka_unit_test(test_bounds), cmocka_unit_test(test_owed) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
