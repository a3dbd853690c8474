/* What is known of a process by when it was born. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/coverage.h"

#define TICK 10

static void follows_rules(void **state)
{
	struct coverage c = { 0 };

	assert_int_equal(coverage_of(&c, 5, TICK), COVERED_BEFORE);
	coverage_look(&c, 1000, false);
	coverage_look(&c, 2000, false);
	assert_int_equal(coverage_of(&c, 999, TICK), COVERED_BEFORE);
	assert_int_equal(coverage_of(&c, 1000, TICK), COVERED);
	coverage_look(&c, 3000, true);		/* it came between 2000 and 3000 */
	coverage_look(&c, 4000, true);
	assert_int_equal(coverage_of(&c, 1990, TICK), COVERED);
	assert_int_equal(coverage_of(&c, 1995, TICK), COVERED_UNSURE);
	assert_int_equal(coverage_of(&c, 2999, TICK), COVERED_UNSURE);
	assert_int_equal(coverage_of(&c, 3000, TICK), COVERED_NOT);
	assert_int_equal(coverage_of(&c, 9000, TICK), COVERED_NOT);
	coverage_look(&c, 5000, false);		/* and went between 4000 and 5000 */
	assert_int_equal(coverage_of(&c, 3990, TICK), COVERED_NOT);
	assert_int_equal(coverage_of(&c, 3991, TICK), COVERED_UNSURE);
	assert_int_equal(coverage_of(&c, 4999, TICK), COVERED_UNSURE);
	assert_int_equal(coverage_of(&c, 5000, TICK), COVERED);
	coverage_end(&c);
	assert_int_equal(coverage_of(&c, 5000, TICK), COVERED_BEFORE);
}

static void begins_blind(void **state)
{
	struct coverage c = { 0 };

	coverage_look(&c, 1000, true);
	assert_true(c.blind_before);
	assert_int_equal(coverage_of(&c, 990, TICK), COVERED_BEFORE);
	assert_int_equal(coverage_of(&c, 1000, TICK), COVERED_NOT);
}

/* More comings and goings than are remembered: the oldest are not known any more, the newest are. */
static void forgets_the_oldest(void **state)
{
	struct coverage c = { 0 };
	uint64_t now_ns = 1000;

	coverage_look(&c, now_ns, false);
	for (unsigned i = 0; i < BLIND_SPANS_MAX + 3; i++) {
		coverage_look(&c, now_ns += 1000, true);
		coverage_look(&c, now_ns += 1000, true);
		coverage_look(&c, now_ns += 1000, false);
		coverage_look(&c, now_ns += 1000, false);
	}
	assert_int_equal(c.n_spans, BLIND_SPANS_MAX);
	assert_int_equal(coverage_of(&c, 2500, TICK), COVERED_BEFORE);
	assert_int_equal(coverage_of(&c, now_ns - 2500, TICK), COVERED_NOT);
	assert_int_equal(coverage_of(&c, now_ns - 500, TICK), COVERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_rules), cmocka_unit_test(begins_blind), cmocka_unit_test(forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
