#include "pipeline/hash_wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_order(void **state)
{
	struct hash_wait *wait;
	struct event *event;

	assert_int_equal(hash_wait_new(&wait, SIZE_MAX), 0);
	assert_null(hash_wait_first(wait));
	assert_null(hash_wait_take(wait));
	assert_int_equal(hash_wait_since_ns(wait), UINT64_MAX);
	for (uint64_t round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < HASH_WAIT_MAX; i++) {
			assert_false(hash_wait_is_full(wait));
			assert_int_equal(hash_wait_put(wait, event_new(KIND_ID(file, write), i), 1000 + i), 0);
		}
		assert_true(hash_wait_is_full(wait));
		assert_true(hash_wait_put(wait, event_new(KIND_ID(file, write), 0), 0) < 0);
		for (uint64_t i = 0; i < HASH_WAIT_MAX - round; i++) {
			assert_int_equal(hash_wait_since_ns(wait), 1000 + i);
			assert_int_equal(hash_wait_first(wait)->time_ns, i);
			event = hash_wait_take(wait);
			assert_int_equal(event->time_ns, i);
			event_free(event);
		}
		while ((event = hash_wait_take(wait)))
			event_free(event);
	}
	assert_int_equal(hash_wait_put(wait, event_new(KIND_ID(file, write), 0), 0), 0);
	assert_null(hash_wait_free(wait));
	assert_null(hash_wait_free(NULL));
}

/* Large ones are bounded by what they take, not by their number. */
static void test_bytes(void **state)
{
	struct event *event = event_new(KIND_ID(process, exec), 1);
	size_t bytes = event_bytes(event);
	struct hash_wait *wait;

	assert_int_equal(hash_wait_new(&wait, 2 * bytes), 0);
	assert_int_equal(hash_wait_put(wait, event, 1), 0);
	assert_int_equal(hash_wait_put(wait, event_new(KIND_ID(process, exec), 2), 2), 0);
	assert_int_equal(hash_wait_bytes(wait), 2 * bytes);
	assert_false(hash_wait_is_full(wait));
	assert_int_equal(hash_wait_put(wait, event_new(KIND_ID(process, exec), 3), 3), 0);
	assert_true(hash_wait_is_full(wait));
	event_free(hash_wait_take(wait));
	assert_false(hash_wait_is_full(wait));
	assert_int_equal(hash_wait_bytes(wait), 2 * bytes);
	hash_wait_free(wait);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_order), cmocka_unit_test(test_bytes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
