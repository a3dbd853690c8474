#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>


#include "source/serial.h"

struct log {
	size_t n;
	struct gap gaps[64];
};

static int note(void *user, const struct gap *gap)
{
	struct log *log = user;

	assert_true(log->n < ARRAY_SIZE(log->gaps));
	log->gaps[log->n++] = *gap;
	return 0;
}

static struct serial_tracker *new_tracker(void)
{
	struct serial_tracker *tracker = test_calloc(1, sizeof(*tracker));

	assert_non_null(tracker);
	return tracker;
}

#define T(ms) (UINT64_C(1000000000000000000) + (uint64_t)(ms) * NS_PER_MS)

static void push(struct serial_tracker *tracker, struct log *log, uint32_t serial, uint64_t ms)
{
	assert_int_equal(serial_push(tracker, serial, T(ms), note, log), 0);
}

static void test_in_order(void **state)
{
	struct serial_tracker *tracker = new_tracker();
	struct log log = { 0 };

	for (uint32_t i = 0; i < 100000; i++) {
		push(tracker, &log, 7 + i, i / 100);
		push(tracker, &log, 7 + i, i / 100);	/* every event has several records */
	}
	assert_int_equal(log.n, 0);
	assert_int_equal(tracker->lost, 0);
	test_free(tracker);
}

static void test_wrap(void **state)
{
	struct serial_tracker *tracker = new_tracker();
	struct log log = { 0 };

	for (uint32_t i = 0; i < 20000; i++)
		push(tracker, &log, UINT32_MAX - 10000 + i, i);
	assert_int_equal(log.n, 0);
	test_free(tracker);
}

/* A loss that spans the wrap, and its size. */
static void test_wrap_loss(void **state)
{
	struct serial_tracker *tracker = new_tracker();
	struct log log = { 0 };

	push(tracker, &log, UINT32_MAX - 1, 0);
	push(tracker, &log, 3, 5);
	for (uint32_t i = 4; i < 10; i++)
		push(tracker, &log, i, 3000);
	assert_int_equal(log.n, 1);
	assert_int_equal(log.gaps[0].count, 4);	/* MAX, 0, 1, 2 */
	assert_true(log.gaps[0].exact && log.gaps[0].count_known);
	assert_int_equal(log.gaps[0].begin_ns, T(0));
	assert_int_equal(log.gaps[0].end_ns, T(5));
	assert_string_equal(log.gaps[0].cause, "serial_gap");
	test_free(tracker);
}

/* Blocks of 64 events turned round: nothing is lost. */
static void test_reordered(void **state)
{
	struct serial_tracker *tracker = new_tracker();
	struct log log = { 0 };

	push(tracker, &log, 99, 0);
	for (uint32_t block = 0; block < 1000; block++) {
		for (uint32_t i = 64; i-- > 0;)
			push(tracker, &log, 100 + block * 64 + i, block);
	}
	assert_int_equal(log.n, 0);
	assert_int_equal(tracker->base, tracker->next);
	test_free(tracker);
}

/* One event is as late as can be tolerated; one more is a gap. */
static void test_window(void **state)
{
	struct serial_tracker *tracker = new_tracker();
	struct log log = { 0 };

	push(tracker, &log, 10, 0);
	for (uint32_t i = 12; i < 11 + SERIAL_WINDOW; i++)
		push(tracker, &log, i, 1);
	push(tracker, &log, 11, 1);
	assert_int_equal(log.n, 0);
	assert_int_equal(tracker->base, tracker->next);

	uint32_t hole = tracker->next;
	for (uint32_t i = 1; i <= SERIAL_WINDOW; i++)
		push(tracker, &log, hole + i, 1);
	assert_int_equal(log.n, 1);
	assert_int_equal(log.gaps[0].count, 1);
	push(tracker, &log, hole, 1);	/* too late: neither an error nor found again */
	assert_int_equal(log.n, 1);
	assert_int_equal(tracker->lost, 1);
	test_free(tracker);
}

static void test_hold(void **state)
{
	struct serial_tracker *tracker = new_tracker();
	struct log log = { 0 };

	push(tracker, &log, 1, 0);
	push(tracker, &log, 3, 100);
	serial_tick(tracker, T(2099), note, &log);
	assert_int_equal(log.n, 0);
	serial_tick(tracker, T(50), note, &log);	/* the clock was set back */
	assert_int_equal(log.n, 0);
	serial_tick(tracker, T(2100), note, &log);
	assert_int_equal(log.n, 1);
	assert_int_equal(log.gaps[0].count, 1);
	serial_tick(tracker, T(10000), note, &log);
	assert_int_equal(log.n, 1);

	/* Two holes: the second has its own time. */
	push(tracker, &log, 5, 20000);
	push(tracker, &log, 7, 21900);
	push(tracker, &log, 4, 21950);
	serial_tick(tracker, T(22100), note, &log);
	assert_int_equal(log.n, 1);
	push(tracker, &log, 6, 22200);
	assert_int_equal(tracker->base, tracker->next);
	assert_int_equal(log.n, 1);
	test_free(tracker);
}

/* Many more than the window lost at once: one gap with the exact count. */
static void test_burst(void **state)
{
	struct serial_tracker *tracker = new_tracker();
	struct log log = { 0 };

	push(tracker, &log, 1, 0);
	push(tracker, &log, 1000002, 700);
	serial_tick(tracker, T(60000), note, &log);
	assert_int_equal(log.n, 1);
	assert_int_equal(log.gaps[0].count, 1000000);
	assert_int_equal(log.gaps[0].begin_ns, T(0));
	assert_int_equal(log.gaps[0].end_ns, T(700));
	for (uint32_t i = 3; i < 100; i++)
		push(tracker, &log, 1000000 + i, 60000);
	assert_int_equal(log.n, 1);
	assert_int_equal(tracker->lost, 1000000);
	test_free(tracker);
}

/* The count was begun anew: no gap of billions. */
static void test_jump(void **state)
{
	struct serial_tracker *tracker = new_tracker();
	struct log log = { 0 };

	push(tracker, &log, 1000, 0);
	push(tracker, &log, 1000 + SERIAL_JUMP + 2, 10);
	assert_int_equal(log.n, 1);
	assert_false(log.gaps[0].count_known);
	assert_int_equal(tracker->lost, 0);

	for (uint32_t i = 1; i < 200; i++)	/* far behind, for good */
		push(tracker, &log, i, 20);
	assert_int_equal(tracker->base, 200);
	push(tracker, &log, 201, 20);
	serial_tick(tracker, T(3000), note, &log);
	assert_int_equal(log.n, 2);
	assert_int_equal(log.gaps[1].count, 1);
	test_free(tracker);
}

/* Random losses in a stream that is disordered in blocks of four: the gaps add up to what was left out. */
static void test_random(void **state)
{
	struct serial_tracker *tracker = new_tracker();
	uint64_t seed = 42, left_out = 0, reported = 0;
	struct log log = { 0 };
	uint32_t serial = 4294900000u;	/* wraps on the way */

	push(tracker, &log, serial - 1, 0);
	for (uint32_t i = 0; i < 200000; i += 4) {
		uint32_t order = (i >> 2) & 3;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		for (uint32_t k = 0; k < 4; k++) {
			if ((seed >> (33 + k)) % 50 == 0)
				left_out++;
			else
				push(tracker, &log, serial + (k ^ order), i / 50);
		}
		serial += 4;
		for (size_t k = 0; k < log.n; k++)
			reported += log.gaps[k].count;
		log.n = 0;
	}
	push(tracker, &log, serial, 10000000);
	for (unsigned k = 1; k < 64; k++)
		serial_tick(tracker, T(10000000 + k * 3000), note, &log);
	for (size_t k = 0; k < log.n; k++)
		reported += log.gaps[k].count;
	assert_true(left_out > 1000);
	assert_int_equal(reported, left_out);
	assert_int_equal(tracker->lost, left_out);
	test_free(tracker);
}

static int stop(void *user, const struct gap *gap)
{
	return -ECANCELED;
}

static void test_error(void **state)
{
	struct serial_tracker *tracker = new_tracker();

	assert_int_equal(serial_push(tracker, 1, T(0), stop, NULL), 0);
	assert_int_equal(serial_push(tracker, 9, T(1), stop, NULL), 0);
	assert_int_equal(serial_push(tracker, 10, T(5000), stop, NULL), -ECANCELED);
	assert_int_equal(serial_push(tracker, 11, T(5000), stop, NULL), 0);
	test_free(tracker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),  cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_wrap_loss), cmocka_unit_test(test_reordered),
		cmocka_unit_test(test_window),	  cmocka_unit_test(test_hold),
		cmocka_unit_test(test_burst),	  cmocka_unit_test(test_jump),
		cmocka_unit_test(test_random),	  cmocka_unit_test(test_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
