/* The ring alone and between two threads (also under the thread sanitizer). */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/ring.h"

static void test_sizes(void **state)
{
	struct ring *ring = NULL;

	assert_int_equal(ring_new(&ring, 5000), -EINVAL);
	assert_int_equal(ring_new(&ring, 2048), -EINVAL);
	assert_int_equal(ring_new(&ring, 4096), 0);
	assert_int_equal(ring_capacity_bytes(ring), 4096);
	assert_null(ring_peek(ring).data);
	assert_null(ring_reserve(ring, 4096));	/* larger than half: never fits */
	assert_int_equal(ring_dropped(ring), 1);
	assert_null(ring_free(ring));
	assert_null(ring_free(NULL));
}

static void push(struct ring *ring, unsigned kind, size_t size)
{
	ring_reserve_of(ring, size, kind);
}

static void pop(struct ring *ring)
{
	assert_non_null(ring_peek(ring).data);
	ring_pop(ring);
}

/* What is counted is as of what can be read, or says that it is not certain. */
static void test_counts(void **state)
{
	struct ring *ring = NULL;
	struct ring_counts counts;

	assert_int_equal(ring_new(&ring, 4096), 0);
	ring_count(ring, &counts);
	assert_true(counts.is_empty);
	push(ring, 1, 100);
	push(ring, 7, 1000);
	push(ring, 1, 3000);	/* never fits */
	ring_count(ring, &counts);
	assert_false(counts.is_empty);	/* nothing can be read, but something comes */
	assert_int_equal(counts.pushed[1], 1);
	assert_int_equal(counts.pushed[7], 1);
	assert_int_equal(counts.dropped[1], 1);
	assert_int_equal(counts.dropped[7], 0);
	ring_commit(ring);
	ring_count(ring, &counts);
	assert_false(counts.is_empty);
	pop(ring);
	pop(ring);
	ring_count(ring, &counts);
	assert_true(counts.is_empty);
	for (unsigned i = 0; i < 5; i++)
		push(ring, 2, 1000);
	ring_commit(ring);
	ring_count(ring, &counts);
	assert_int_equal(counts.pushed[2] + counts.dropped[2], 5);
	assert_true(counts.dropped[2] >= 2);
	assert_int_equal(ring_dropped(ring), 1 + counts.dropped[2]);
	ring_free(ring);
}

static void test_order_and_wrap(void **state)
{
	struct ring *ring = NULL;
	unsigned pushed = 0, popped = 0;

	assert_int_equal(ring_new(&ring, 4096), 0);
	/* Sizes that do not divide the ring, so that every way of wrapping comes. */
	for (unsigned round = 0; round < 20000; round++) {
		size_t size = sizeof(unsigned) + round * 7 % 300;
		unsigned *room = ring_reserve(ring, size);

		if (room) {
			memset(room, (int)(pushed & 0xff), size);
			*room = pushed++;
			ring_commit(ring);
		}
		if (!room || round % 3 == 0) {
			struct span message = ring_peek(ring);

			assert_non_null(message.data);
			assert_int_equal(*(const unsigned *)(const void *)message.data, popped);
			for (size_t i = sizeof(unsigned); i < message.size; i++)
				assert_int_equal((unsigned char)message.data[i], popped & 0xff);
			popped++;
			ring_pop(ring);
		}
	}
	while (ring_peek(ring).data) {
		popped++;
		ring_pop(ring);
	}
	assert_int_equal(pushed, popped);
	assert_int_equal(ring_used_bytes(ring), 0);
	assert_int_equal(ring_dropped(ring) + pushed, 20000);
	ring_free(ring);
}

static void test_uncommitted_is_invisible(void **state)
{
	struct ring *ring = NULL;

	assert_int_equal(ring_new(&ring, 4096), 0);
	assert_non_null(ring_reserve(ring, 8));
	assert_null(ring_peek(ring).data);
	ring_commit(ring);
	assert_non_null(ring_peek(ring).data);
	ring_free(ring);
}

static void test_trim(void **state)
{
	struct ring *ring = NULL;

	assert_int_equal(ring_new(&ring, 8u << 20), 0);
	for (unsigned round = 0; round < 64; round++) {
		for (unsigned i = 0; i < 64; i++) {
			uint64_t *room = ring_reserve(ring, 4096);

			assert_non_null(room);
			*room = round * 64 + i;
		}
		ring_commit(ring);
		ring_trim(ring);	/* full of messages: must not touch them */
		for (unsigned i = 0; i < 64; i++) {
			assert_int_equal(*(const uint64_t *)(const void *)ring_peek(ring).data, round * 64 + i);
			ring_pop(ring);
		}
		ring_trim(ring);
	}
	ring_free(ring);
}

/* An empty ring begins anew at its start, and has all its room at once: its consumer may be late. */
static void test_rewind_keeps_the_room(void **state)
{
	enum { CAPACITY = 8 << 20, SIZE = 1000 };
	struct ring *ring;

	(void)state;
	assert_int_equal(ring_new(&ring, CAPACITY), 0);
	for (unsigned round = 1; round <= 5; round++) {
		unsigned n = 0, first = round * (CAPACITY / 8) / SIZE;	/* 1 MiB and more */
		char *room;

		for (unsigned i = 0; i < first; i++) {
			assert_non_null(ring_reserve(ring, SIZE));
			ring_commit(ring);
		}
		for (unsigned i = 0; i < first; i++) {
			assert_int_equal(ring_peek(ring).size, SIZE);
			ring_pop(ring);
		}
		assert_null(ring_peek(ring).data);
		while ((room = ring_reserve(ring, SIZE))) {
			memcpy(room, &n, sizeof(n));
			if (n++ % 7 == 0)
				ring_commit(ring);
			assert_true(ring_used_bytes(ring) <= CAPACITY);
		}
		ring_commit(ring);
		assert_in_range(n, CAPACITY / (SIZE + 8) - 1, CAPACITY / (SIZE + 8));
		assert_in_range(ring_used_bytes(ring), CAPACITY - 2 * (SIZE + 8), CAPACITY);
		for (unsigned i = 0; i < n; i++) {
			assert_memory_equal(ring_peek(ring).data, &i, sizeof(i));
			ring_pop(ring);
		}
		assert_null(ring_peek(ring).data);
		assert_int_equal(ring_dropped(ring), round);
		assert_int_equal(ring_used_bytes(ring), 0);
	}
	ring_free(ring);
}

static void test_alert_is_not_lost(void **state)
{
	struct ring *ring = NULL;

	/* Alerted before it waits: it does not sleep, once. */
	assert_int_equal(ring_new(&ring, 4096), 0);
	ring_alert(ring);
	ring_wait(ring, UINT64_MAX);
	ring_wait(ring, NS_PER_MS);
	ring_free(ring);
}

#define N_MESSAGES 200000

static void *produce(void *arg)
{
	struct ring *ring = arg;

	for (unsigned i = 0; i < N_MESSAGES;) {
		unsigned *room = ring_reserve(ring, sizeof(*room) + i % 40);

		if (room) {
			*room = i++;
			if (i % 7 == 0 || i == N_MESSAGES)
				ring_commit(ring);
		} else {
			ring_commit(ring);
		}
		ring_wake(ring);
		if (i % 1000 == 0)
			ring_trim(ring);
	}
	return NULL;
}

static void pass_through(size_t capacity)
{
	struct ring *ring = NULL;
	pthread_t thread;

	assert_int_equal(ring_new(&ring, capacity), 0);
	assert_int_equal(pthread_create(&thread, NULL, produce, ring), 0);
	for (unsigned i = 0; i < N_MESSAGES; i++) {
		struct span message;

		while (!(message = ring_peek(ring)).data)
			ring_wait(ring, 100 * NS_PER_MS);
		assert_int_equal(message.size, sizeof(unsigned) + i % 40);
		assert_int_equal(*(const unsigned *)(const void *)message.data, i);
		ring_pop(ring);
	}
	pthread_join(thread, NULL);
	ring_free(ring);
}

static void test_threads(void **state)
{
	(void)state;
	pass_through(1u << 16);		/* wraps */
	pass_through(4u << 20);		/* begins anew when it is empty */
}

/* What is spared is left for others, and not counted as dropped. */
static void test_spared(void **state)
{
	struct ring *ring = NULL;
	unsigned n = 0;

	(void)state;
	assert_int_equal(ring_new(&ring, 4096), 0);
	for (; ring_reserve_sparing(ring, 56, 0, 1024); n++)
		ring_commit(ring);
	assert_int_equal(n, (4096 - 1024) / 64);
	assert_int_equal(ring_dropped(ring), 0);
	for (; ring_reserve(ring, 56); n++)
		ring_commit(ring);
	assert_int_equal(n, 4096 / 64);
	assert_int_equal(ring_dropped(ring), 1);
	ring_free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes), cmocka_unit_test(test_counts),
		cmocka_unit_test(test_order_and_wrap),
		cmocka_unit_test(test_uncommitted_is_invisible),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_rewind_keeps_the_room),
		cmocka_unit_test(test_alert_is_not_lost),
		cmocka_unit_test(test_spared),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
