/* Steps begin as the pressure rises, in order; end one by one with hysteresis, not before they have held; longer when they flap. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "daemon/pressure.h"

#define START (1000 * NS_PER_SEC)

/* All that is to be done at that pressure: how many changes. */
static unsigned look(struct pressure *pressure, uint16_t ring, uint64_t now_ns)
{
	const struct pressure_now now = { .of = { [SHED_BY_RING] = ring } };
	enum shed_step before = pressure->step;
	struct shed_change change;
	unsigned n = 0;

	for (; pressure_look(pressure, &now, now_ns, &change); n++) {
		assert_int_equal(change.step, change.begins ? before + 1 : before);
		assert_int_equal(change.pressure, ring);
		assert_int_equal(change.cause, SHED_BY_RING);
		before = pressure->step;
		assert_int_equal(before, change.begins ? change.step : change.step - 1);
	}
	return n;
}

static void test_table(void **state)
{
	for (unsigned i = 1; i < N_SHED_STEPS; i++) {
		assert_true(shed_steps[i].begin > shed_steps[i - 1].begin);
		assert_true(shed_steps[i].end > shed_steps[i - 1].end);
		assert_true(shed_steps[i].end < shed_steps[i].begin);
		assert_true(shed_steps[i].begin < 1000);
	}
	/* The classes are those of kinds.def. */
	for (unsigned i = 0; i < N_KINDS; i++)
		assert_true(kinds[i].shed <= N_SHED_CLASSES);
	assert_string_equal(shed_steps[SHED_CLASS + kinds[KIND_ID(file, read)].shed - 1].name, "file.read");
	assert_string_equal(shed_steps[SHED_CLASS + kinds[KIND_ID(file, write)].shed - 1].name, "file.write");
	assert_string_equal(shed_steps[SHED_CLASS + kinds[KIND_ID(image, load)].shed - 1].name, "image");
	assert_string_equal(shed_steps[SHED_CLASS + kinds[KIND_ID(process, fork)].shed - 1].name, "process.fork");
	assert_string_equal(shed_steps[SHED_CLASS + kinds[KIND_ID(network, connect)].shed - 1].name, "network");
	assert_string_equal(shed_steps[SHED_CLASS + kinds[KIND_ID(dns, query)].shed - 1].name, "dns");
	assert_string_equal(shed_steps[SHED_CLASS + kinds[KIND_ID(file, create)].shed - 1].name, "file");
}

static void test_rises(void **state)
{
	struct pressure pressure = { .step = SHED_NOTHING };

	assert_int_equal(look(&pressure, 249, START), 0);
	assert_int_equal(look(&pressure, 250, START), 1);
	assert_int_equal(look(&pressure, 250, START), 0);
	assert_int_equal(look(&pressure, 500, START), 2);
	assert_int_equal(pressure.step, SHED_CLASS);
	assert_int_equal(look(&pressure, 1000, START), 6);
	assert_int_equal(pressure.step, N_SHED_STEPS - 1);
}

static void test_ends_late(void **state)
{
	struct pressure pressure = { .step = SHED_NOTHING };

	look(&pressure, 600, START);
	assert_int_equal(pressure.step, SHED_CLASS + 1);
	assert_int_equal(look(&pressure, 281, START + 5 * NS_PER_SEC), 0);	/* not below its end yet */
	assert_int_equal(look(&pressure, 0, START + NS_PER_SEC - 1), 0);	/* held */
	assert_int_equal(look(&pressure, 280, START + NS_PER_SEC), 1);
	assert_int_equal(look(&pressure, 0, START + NS_PER_SEC), 3);
	assert_int_equal(pressure.step, SHED_NOTHING);
}

static void test_flaps_slower(void **state)
{
	struct pressure pressure = { .step = SHED_NOTHING };
	uint64_t now_ns = START, held_ns[8];

	for (unsigned i = 0; i < ARRAY_SIZE(held_ns); i++) {
		uint64_t begin_ns = now_ns;

		assert_int_equal(look(&pressure, 300, now_ns), 1);
		while (look(&pressure, 0, now_ns) == 0)
			now_ns += NS_PER_SEC / 4;
		held_ns[i] = now_ns - begin_ns;
		now_ns += NS_PER_SEC;
	}
	assert_int_equal(held_ns[0], NS_PER_SEC);
	assert_int_equal(held_ns[1], 2 * NS_PER_SEC);
	assert_int_equal(held_ns[7], 16 * NS_PER_SEC);
	/* After a rest it is as at first. */
	now_ns += 20 * NS_PER_SEC;
	look(&pressure, 300, now_ns);
	assert_int_equal(look(&pressure, 0, now_ns + NS_PER_SEC), 1);
}

static void test_causes(void **state)
{
	struct pressure pressure = { .step = SHED_NOTHING };
	struct pressure_now now = { .of = { [SHED_BY_RING] = 100, [SHED_BY_MEMORY] = shed_steps[SHED_SOURCE].begin } };
	struct shed_change change;

	assert_int_equal(pressure_look(&pressure, &now, START, &change), 1);
	assert_int_equal(change.cause, SHED_BY_MEMORY);
	assert_int_equal(pressure_look(&pressure, &now, START, &change), 1);
	assert_int_equal(pressure_look(&pressure, &now, START, &change), 0);
	assert_int_equal(pressure.step, SHED_SOURCE);
	now.of[SHED_BY_MEMORY] = 0;
	now.at_once = true;	/* the stop: nothing is held */
	assert_int_equal(pressure_look(&pressure, &now, START, &change), 1);
	assert_int_equal(pressure_look(&pressure, &now, START, &change), 1);
	assert_int_equal(pressure_look(&pressure, &now, START, &change), 0);
	assert_int_equal(pressure.step, SHED_NOTHING);
}

/* Somebody set the clock back: what is held is not held until it is as late again. */
static void test_clock_set_back(void **state)
{
	struct pressure pressure = { .step = SHED_NOTHING };

	look(&pressure, 300, START);
	assert_int_equal(look(&pressure, 0, START - 3600 * NS_PER_SEC / 4), 1);
}

static void test_parts(void **state)
{
	assert_int_equal(pressure_of(0, 0), 0);
	assert_int_equal(pressure_of(1, 4), 250);
	assert_int_equal(pressure_of(5, 4), 1000);
	assert_int_equal(pressure_of(UINT64_C(1) << 40, UINT64_C(1) << 41), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	    cmocka_unit_test(test_rises),  cmocka_unit_test(test_ends_late),
		cmocka_unit_test(test_flaps_slower), cmocka_unit_test(test_causes), cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
