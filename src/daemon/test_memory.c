/* The parts of a budget are less than it together; what presses when. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/ring.h"
#include "daemon/memory.h"
#include "pipeline/shed.h"

#define MB (UINT64_C(1) << 20)

static void test_parts(void **state)
{
	static const uint64_t budgets[] = { MEMORY_MIN_MB * MB, 100 * MB, 512 * MB, 1024 * MB, 4096 * MB };

	for (size_t i = 0; i < ARRAY_SIZE(budgets); i++) {
		struct memory memory;
		struct ring *ring;
		uint64_t sum = 0;

		memory_divide(&memory, budgets[i]);
		assert_int_equal(memory.budget, budgets[i]);
		for (unsigned part = 0; part < N_MEMORY_PARTS; part++) {
			assert_non_null(memory_part_names[part]);
			assert_true(memory.room[part] >= MB);
			sum += memory.room[part];
		}
		assert_true(sum + 32 * MB <= budgets[i]);
		assert_int_equal(ring_new(&ring, memory.room[MEMORY_RING]), 0);
		ring_free(ring);
	}
}

static void test_default_is_as_before(void **state)
{
	struct memory memory;

	memory_divide(&memory, 512 * MB);
	assert_int_equal(memory.room[MEMORY_RING], 128 * MB);
	assert_in_range(memory.room[MEMORY_QUEUE], 48 * MB, 64 * MB);
	assert_in_range(memory.room[MEMORY_PROCESSES], 100 * MB, 128 * MB);
}

static void test_presses(void **state)
{
	assert_int_equal(memory_pressure(0, 512 * MB), 0);
	assert_int_equal(memory_pressure(448 * MB, 512 * MB), 0);
	assert_true(memory_pressure(480 * MB, 512 * MB) >= shed_steps[SHED_COALESCE].begin);
	assert_int_equal(memory_pressure(512 * MB, 512 * MB), 500);
	assert_int_equal(memory_pressure(10000 * MB, 512 * MB), 1000);
	assert_int_equal(memory_pressure(1, 0), 0);
}

static void test_powers(void **state)
{
	assert_int_equal(memory_power(0), 0);
	assert_int_equal(memory_power(1), 1);
	assert_int_equal(memory_power(131 * MB), 128 * MB);
	assert_int_equal(memory_power(128 * MB), 128 * MB);
}

static void test_this_process(void **state)
{
	struct memory memory = { 0 };

	assert_int_equal(memory_read(&memory), 0);
	assert_true(memory.rss > MB / 2);
	assert_true(memory.peak_rss >= memory.rss);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),  cmocka_unit_test(test_default_is_as_before), cmocka_unit_test(test_presses),
		cmocka_unit_test(test_powers), cmocka_unit_test(test_this_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
