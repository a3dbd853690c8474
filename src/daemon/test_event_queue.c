/* Order, bounds, how full it is (also under the thread sanitizer). */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/event_queue.h"

#define MAX_EVENTS 1024
#define MAX_BYTES ((size_t)64 << 20)

static struct event *make(uint16_t kind, uint64_t number)
{
	struct event *event = event_new(kind, number);

	assert_non_null(event);
	return event;
}

/* Frees the list; how many, and how many of one category. */
static uint32_t consume(struct event *list, enum category category, uint32_t *ret_of_category)
{
	uint32_t n = 0;

	while (list) {
		struct event *next = list->next;

		*ret_of_category += event_category(list) == category;
		event_free(list);
		list = next;
		n++;
	}
	return n;
}

static void test_order(void **state)
{
	struct event_queue *queue = NULL;
	struct event *list;
	size_t bytes = 0;
	bool closed;

	assert_int_equal(event_queue_new(&queue, MAX_EVENTS, MAX_BYTES), 0);
	assert_null(event_queue_take(queue, 0, &closed));
	assert_false(closed);
	for (uint64_t i = 0; i < 300; i++)
		event_queue_push(queue, make(KIND_ID(process, exec), i));
	event_queue_close(queue);
	list = event_queue_take(queue, UINT64_C(1000000000), &closed);
	assert_true(closed);
	assert_int_equal(event_queue_length(queue), 300);
	for (uint64_t i = 0; i < 300; i++) {
		struct event *next = list->next;

		assert_int_equal(list->time_ns, i);
		bytes += event_bytes(list);
		event_free(list);
		list = next;
	}
	assert_null(list);
	event_queue_done(queue, 300, bytes);
	assert_int_equal(event_queue_length(queue), 0);
	assert_null(event_queue_free(queue));
}

/* From half full on it says so; nothing is let go of in here. */
static void test_filling(void **state)
{
	struct event_queue *queue = NULL;
	bool closed;

	assert_int_equal(event_queue_new(&queue, MAX_EVENTS, MAX_BYTES), 0);
	for (unsigned i = 0; i < MAX_EVENTS; i++) {
		assert_false(event_queue_is_full(queue));
		assert_int_equal(event_queue_is_filling(queue), i >= MAX_EVENTS / 2);
		event_queue_push(queue, make(KIND_ID(file, read), i));
	}
	assert_true(event_queue_is_full(queue));
	event_queue_offer(queue);
	/* Nobody takes anything: who waits gets on all the same, with what it has. */
	event_queue_push(queue, make(KIND_ID(process, exec), 0));
	event_queue_offer(queue);
	event_queue_wait(queue, 1000);
	assert_int_equal(event_queue_length(queue), MAX_EVENTS);
	assert_true(event_queue_is_full(queue));
	assert_int_equal(consume(event_queue_take(queue, 0, &closed), CATEGORY_file, &(uint32_t){ 0 }), MAX_EVENTS);
	event_queue_done(queue, MAX_EVENTS, 0);
	event_queue_close(queue);
	assert_int_equal(consume(event_queue_take(queue, 0, &closed), CATEGORY_process, &(uint32_t){ 0 }), 1);
	event_queue_free(queue);
}

/* 2 MiB of arguments: that of 16,384 events would be more memory than a host has. */
static void test_bounded_bytes(void **state)
{
	enum { ARGUMENTS = 2 << 20 };
	struct event_queue *queue = NULL;
	unsigned n = 0;

	assert_int_equal(event_queue_new(&queue, MAX_EVENTS, MAX_BYTES), 0);
	for (; event_queue_bytes(queue) < MAX_BYTES; n++) {
		struct event *event = make(KIND_ID(process, fork), n);

		event->context = context_new();
		assert_non_null(event->context);
		assert_non_null(values_new_text(&event->context->values, FIELD_args, ARGUMENTS));
		event_queue_push(queue, event);
		event_queue_flush(queue);
	}
	assert_in_range(n, 8, 40);
	assert_true(event_queue_is_filling(queue));
	event_queue_free(queue);
}

static void test_freed_with_events(void **state)
{
	struct event_queue *queue = NULL;

	assert_int_equal(event_queue_new(&queue, MAX_EVENTS, MAX_BYTES), 0);
	for (unsigned i = 0; i < 300; i++)
		event_queue_push(queue, make(KIND_ID(file, write), i));
	event_queue_free(queue);
	event_queue_free(NULL);
}

#define N_EVENTS 100000

static void *gather_many(void *user)
{
	event_queue_gather(user, 300, UINT64_C(3600000000000));
	return NULL;
}

static void test_gathers(void **state)
{
	struct event_queue *queue = NULL;
	pthread_t thread;
	bool closed;

	assert_int_equal(event_queue_new(&queue, MAX_EVENTS, MAX_BYTES), 0);
	event_queue_gather(queue, 1, 1000000);	/* in vain */
	assert_int_equal(pthread_create(&thread, NULL, gather_many, queue), 0);
	for (uint64_t i = 0; i < 300; i++) {
		event_queue_push(queue, make(KIND_ID(process, exec), i));
		event_queue_flush(queue);
	}
	pthread_join(thread, NULL);
	assert_int_equal(event_queue_length(queue), 300);
	/* The close ends it too, whoever waits. */
	assert_int_equal(consume(event_queue_take(queue, 0, &closed), CATEGORY_process, &(uint32_t){ 0 }), 300);
	event_queue_done(queue, 300, 0);
	assert_int_equal(pthread_create(&thread, NULL, gather_many, queue), 0);
	event_queue_close(queue);
	pthread_join(thread, NULL);
	event_queue_free(queue);
}

static void *produce(void *arg)
{
	for (uint64_t i = 0; i < N_EVENTS; i++)
		event_queue_push(arg, make(KIND_ID(process, exec), i));	/* waits when full: never let go of */
	event_queue_close(arg);
	return NULL;
}

static void test_threads(void **state)
{
	struct event_queue *queue = NULL;
	pthread_t thread;
	uint64_t expected = 0;
	bool closed = false;

	assert_int_equal(event_queue_new(&queue, MAX_EVENTS, MAX_BYTES), 0);
	assert_int_equal(pthread_create(&thread, NULL, produce, queue), 0);
	while (!closed) {
		struct event *list = event_queue_take(queue, UINT64_C(1000000000), &closed);

		while (list) {
			struct event *next = list->next;

			assert_int_equal(list->time_ns, expected++);
			size_t bytes = event_bytes(list);

			event_free(list);
			event_queue_done(queue, 1, bytes);
			list = next;
		}
	}
	pthread_join(thread, NULL);
	assert_int_equal(expected, N_EVENTS);
	event_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_filling),
		cmocka_unit_test(test_bounded_bytes),
		cmocka_unit_test(test_freed_with_events),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_gathers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
