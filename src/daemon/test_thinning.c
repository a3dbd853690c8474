#include "daemon/thinning.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/macro.h"

static unsigned kept(struct thinning *thinning, uint16_t kind, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++)
		kept += thinning_keeps(thinning, kind);
	return kept;
}

static void test_all_are_kept_at_first(void **state)
{
	uint64_t let_go[N_CATEGORIES], seen[THROTTLE_CLASSES];
	struct thinning thinning;

	thinning_init(&thinning);
	assert_int_equal(kept(&thinning, KIND_ID(file, read), 1000), 1000);
	assert_int_equal(kept(&thinning, KIND_ID(process, exec), 10), 10);
	thinning_let_go(&thinning, let_go);
	assert_int_equal(let_go[CATEGORY_file], 0);
	thinning_seen(&thinning, seen);
	assert_int_equal(seen[0], 10);
	assert_int_equal(seen[1], 1000);
	assert_false(thinning_holds(&thinning));
	thinning_sees(&thinning, KIND_ID(file, read));
	thinning_seen(&thinning, seen);
	assert_int_equal(seen[1], 1001);
}

/* A class has the share that was ordered, spread evenly, and what is let go of is counted by category. */
static void test_a_share(void **state)
{
	uint32_t keep[THROTTLE_CLASSES] = { 0, THROTTLE_ALL / 4, THROTTLE_ALL / 1000, 0, THROTTLE_ALL, 0, 0, 0 };
	uint64_t let_go[N_CATEGORIES];
	struct thinning thinning;
	unsigned n = 0;

	thinning_init(&thinning);
	thinning_order(&thinning, keep);
	assert_true(thinning_holds(&thinning));
	for (unsigned i = 0; i < 250; i++)
		n += kept(&thinning, KIND_ID(file, read), 4) == 1;
	assert_int_equal(n, 250);
	assert_in_range(kept(&thinning, KIND_ID(file, write), 10000), 9, 10);
	assert_int_equal(kept(&thinning, KIND_ID(image, load), 1000), 0);
	assert_int_equal(kept(&thinning, KIND_ID(process, fork), 1000), 1000);
	thinning_let_go(&thinning, let_go);
	assert_in_range(let_go[CATEGORY_file], 750 + 9990, 750 + 9991);
	assert_int_equal(let_go[CATEGORY_image], 1000);
	assert_int_equal(let_go[CATEGORY_process], 0);
	for (unsigned i = 0; i < THROTTLE_CLASSES; i++)
		keep[i] = THROTTLE_ALL;
	thinning_order(&thinning, keep);
	assert_false(thinning_holds(&thinning));
}

/* Whatever is ordered: exec, exit, logins, security, drivers and what the recorder says of itself. */
static void test_some_are_never_let_go_of(void **state)
{
	static const uint16_t never[] = {
		KIND_ID(process, exec), KIND_ID(process, exit), KIND_ID(security, login), KIND_ID(security, audit_config),
		KIND_ID(driver, load), KIND_ID(system, boot), KIND_ID(recorder, gap), KIND_ID(file, mount),
	};
	uint32_t none[THROTTLE_CLASSES] = { 0 };
	struct thinning thinning;

	thinning_init(&thinning);
	thinning_order(&thinning, none);
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		assert_int_equal(kept(&thinning, never[i], 100), 100);
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		if (kinds[kind].shed > 0) {
			assert_in_range(kinds[kind].shed, 1, THROTTLE_CLASSES - 1);
			assert_int_equal(kept(&thinning, (uint16_t)kind, 10), 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_are_kept_at_first),
		cmocka_unit_test(test_a_share),
		cmocka_unit_test(test_some_are_never_let_go_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
