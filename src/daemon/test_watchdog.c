#include "daemon/watchdog.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct look {
	uint64_t turns[WATCHDOG_THREADS];
	bool has_work[WATCHDOG_THREADS];
	const char *stuck;
};

static void run(const struct look *looks, size_t n)
{
	static const char *const names[] = { "reader", "core", "writer" };
	struct watchdog watchdog = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct pulse pulses[WATCHDOG_THREADS];
		const char *stuck;

		for (size_t k = 0; k < WATCHDOG_THREADS; k++)
			pulses[k] = (struct pulse){ names[k], looks[i].turns[k], looks[i].has_work[k] };
		stuck = watchdog_look(&watchdog, pulses);
		if (looks[i].stuck)
			assert_string_equal(stuck, looks[i].stuck);
		else
			assert_null(stuck);
	}
}

static void test_who_sleeps_for_lack_of_work_lives(void **state)
{
	static const struct look looks[] = {
		{ { 1, 0, 0 }, { true, false, false }, NULL },
		{ { 2, 0, 0 }, { true, false, false }, NULL },
		{ { 3, 0, 0 }, { true, false, false }, NULL },
	};

	run(looks, 3);
}

static void test_who_has_work_and_does_not_move_is_stuck(void **state)
{
	static const struct look looks[] = {
		{ { 1, 7, 9 }, { true, true, true }, NULL },	/* nothing to compare with yet */
		{ { 2, 8, 9 }, { true, true, true }, "writer" },
		{ { 3, 8, 9 }, { true, true, false }, "core" },
		{ { 4, 9, 9 }, { true, true, true }, NULL },	/* the writer's work is new */
		{ { 4, 10, 9 }, { true, true, false }, "reader" },
		{ { 5, 10, 9 }, { true, false, false }, NULL },
	};

	run(looks, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_sleeps_for_lack_of_work_lives),
		cmocka_unit_test(test_who_has_work_and_does_not_move_is_stuck),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
