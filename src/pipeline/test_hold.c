/* Who waits for whom. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/hold.h"
#include "pipeline/pipeline.h"

static int put(struct hold *hold, uint16_t kind, uint32_t pid, uint32_t ppid, uint64_t time_ns)
{
	_cleanup_(context_unrefp) struct context *actor = context_new();

	values_set_number(&actor->values, FIELD_pid, pid);
	if (ppid)
		values_set_number(&actor->values, FIELD_ppid, ppid);
	return hold_put(hold, event_new(kind, time_ns), actor);
}

#define FORK(pid, ppid, time_ns) assert_int_equal(put(hold, KIND_ID(process, fork), pid, ppid, time_ns), 0)
#define EXIT(pid, time_ns) assert_int_equal(put(hold, KIND_ID(process, exit), pid, 0, time_ns), 0)

static void expect(struct held *held, uint16_t kind, uint32_t pid)
{
	assert_non_null(held);
	assert_int_equal(held->event->kind, kind);
	assert_int_equal(held->actor->pid, pid);
	held_free(held);
}

static void test_by_time(void **state)
{
	struct hold *hold = NULL;

	assert_int_equal(hold_new(&hold, PIPELINE_HELD_BYTES), 0);
	assert_true(hold_oldest_ns(hold) == UINT64_MAX);
	FORK(10, 1, 100);
	EXIT(10, 200);
	assert_int_equal(hold_count(hold), 2);
	assert_int_equal(hold_oldest_ns(hold), 100);
	assert_null(hold_take_until(hold, 99));
	expect(hold_take_until(hold, 199), KIND_ID(process, fork), 10);
	assert_null(hold_take_until(hold, 199));
	expect(hold_take_until(hold, 200), KIND_ID(process, exit), 10);
	FORK(11, 1, 300);	/* freed with the hold */
	hold_free(hold);
}

static void test_the_child_fetches_its_fork(void **state)
{
	struct hold *hold = NULL;

	assert_int_equal(hold_new(&hold, PIPELINE_HELD_BYTES), 0);
	FORK(10, 1, 100);
	FORK(11, 10, 110);
	FORK(12, 11, 120);
	EXIT(11, 130);
	EXIT(10, 140);
	/* Grandparent, parent, child; nobody's exit. */
	expect(hold_take_for(hold, 12), KIND_ID(process, fork), 10);
	expect(hold_take_for(hold, 12), KIND_ID(process, fork), 11);
	expect(hold_take_for(hold, 12), KIND_ID(process, fork), 12);
	assert_null(hold_take_for(hold, 12));
	assert_null(hold_take_for(hold, 10));
	assert_null(hold_take_for(hold, 99));
	expect(hold_take_until(hold, 1000), KIND_ID(process, exit), 11);
	expect(hold_take_until(hold, 1000), KIND_ID(process, exit), 10);
	hold_free(hold);
}

static void test_a_pid_comes_again(void **state)
{
	struct hold *hold = NULL;

	/* The old process ends before the new one of its number begins. */
	assert_int_equal(hold_new(&hold, PIPELINE_HELD_BYTES), 0);
	EXIT(10, 100);
	FORK(10, 1, 110);
	expect(hold_take_for(hold, 10), KIND_ID(process, exit), 10);
	expect(hold_take_for(hold, 10), KIND_ID(process, fork), 10);
	assert_null(hold_take_for(hold, 10));
	/* A parent whose number its child's child has again: no endless way up. */
	FORK(10, 11, 200);
	FORK(11, 10, 210);
	FORK(10, 11, 220);
	expect(hold_take_for(hold, 11), KIND_ID(process, fork), 10);
	expect(hold_take_for(hold, 11), KIND_ID(process, fork), 11);
	/* ... nor when all is of one time. */
	FORK(20, 21, 300);
	FORK(21, 20, 300);
	expect(hold_take_for(hold, 20), KIND_ID(process, fork), 20);
	hold_free(hold);
}

/* As many as somebody puts into a file, of one pid or of many. */
static void test_bounded(void **state)
{
	struct hold *hold = NULL;

	assert_int_equal(hold_new(&hold, SIZE_MAX), 0);
	for (unsigned i = 0; i < HOLD_MAX_CHAIN; i++)
		FORK(10, 1, 100);
	assert_false(hold_is_over(hold));
	FORK(11, 1, 100);
	assert_false(hold_is_over(hold));
	FORK(10, 1, 100);
	FORK(10, 1, 100);
	assert_true(hold_is_over(hold));
	expect(hold_take_until(hold, UINT64_MAX), KIND_ID(process, fork), 10);
	assert_true(hold_is_over(hold));
	expect(hold_take_until(hold, UINT64_MAX), KIND_ID(process, fork), 10);
	assert_false(hold_is_over(hold));
	while (hold_count(hold) > 0)
		held_free(hold_take_until(hold, UINT64_MAX));
	for (unsigned i = 0; i < HOLD_MAX; i++)
		FORK(100 + i, 1, 100);
	assert_false(hold_is_over(hold));
	FORK(99, 1, 100);
	assert_true(hold_is_over(hold));
	expect(hold_take_until(hold, UINT64_MAX), KIND_ID(process, fork), 100);
	assert_false(hold_is_over(hold));
	hold_free(hold);
}

static void test_bounded_bytes(void **state)
{
	struct hold *hold = NULL;
	unsigned n = 0;

	assert_int_equal(hold_new(&hold, 1 << 20), 0);
	for (; !hold_is_over(hold); n++)
		FORK(100 + n, 1, 100);
	assert_in_range(n, 100, 5000);
	assert_true(hold_bytes(hold) > 1 << 20);
	held_free(hold_take_until(hold, UINT64_MAX));
	assert_false(hold_is_over(hold));
	while (hold_count(hold) > 0)
		held_free(hold_take_until(hold, UINT64_MAX));
	assert_int_equal(hold_bytes(hold), 0);
	hold_free(hold);
}

/* The first thread ends because another began a program: the process has one end, the last. */
static void test_two_exits(void **state)
{
	struct hold *hold = NULL;

	assert_int_equal(hold_new(&hold, PIPELINE_HELD_BYTES), 0);
	FORK(10, 1, 100);
	EXIT(10, 110);
	EXIT(11, 115);
	assert_int_equal(put(hold, KIND_ID(process, exit), 10, 0, 120), 1);
	assert_int_equal(hold_count(hold), 3);
	expect(hold_take_until(hold, 1000), KIND_ID(process, fork), 10);
	expect(hold_take_until(hold, 1000), KIND_ID(process, exit), 11);
	assert_int_equal(hold_oldest_ns(hold), 120);
	expect(hold_take_until(hold, 1000), KIND_ID(process, exit), 10);
	assert_null(hold_take_until(hold, 1000));
	/* Of two processes that had the pid, one after the other, each has its own. */
	EXIT(10, 200);
	FORK(10, 1, 210);
	EXIT(10, 220);
	expect(hold_take_until(hold, 1000), KIND_ID(process, exit), 10);
	expect(hold_take_until(hold, 1000), KIND_ID(process, fork), 10);
	expect(hold_take_until(hold, 1000), KIND_ID(process, exit), 10);
	hold_free(hold);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_time),
		cmocka_unit_test(test_the_child_fetches_its_fork),
		cmocka_unit_test(test_a_pid_comes_again),
		cmocka_unit_test(test_bounded), cmocka_unit_test(test_bounded_bytes),
		cmocka_unit_test(test_two_exits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
