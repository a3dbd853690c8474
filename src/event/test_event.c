/* Events between threads, and their ids. */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/event.h"

static void test_id(void **state)
{
	_cleanup_(event_freep) struct event *event = event_new(KIND_ID(file, write), UINT64_C(1795343338123000000));
	char id[EVENT_ID_MAX];
	uint64_t time_ns = 0, origin = 0;
	size_t size;

	event->origin = UINT64_C(0x4d2) << 8 | 1;
	size = event_id(event, id);
	assert_int_equal(size, strlen(id));
	assert_int_equal(event_id_parse(span_of(id), &time_ns, &origin), 0);
	assert_true(time_ns == event->time_ns && origin == event->origin);
	event->time_ns = UINT64_MAX;
	event->origin = UINT64_MAX;
	assert_int_equal(event_id(event, id), 33);
	event->time_ns = event->origin = 0;
	event_id(event, id);
	assert_string_equal(id, "0-0");
	assert_int_equal(event_id_parse(SPAN("12"), &time_ns, &origin), -EINVAL);
	assert_int_equal(event_id_parse(SPAN("-"), &time_ns, &origin), -EINVAL);
	assert_int_equal(event_id_parse(SPAN("1-g"), &time_ns, &origin), -EINVAL);
	assert_int_equal(event_id_parse(SPAN("11111111111111111-1"), &time_ns, &origin), -EINVAL);
}

static void test_reuse_forgets(void **state)
{
	for (unsigned i = 0; i < 1000; i++) {
		struct event *event = event_new(KIND_ID(file, write), i);

		for (unsigned f = N_CONTEXT_FIELDS; f < N_FIELDS; f++)
			assert_false(values_has(&event->values, f));
		assert_int_equal(event->streams, 0);
		assert_null(event->context);
		values_set_text(&event->values, FIELD_path, SPAN("/some/path"));
		event->streams = 3;
		event->context = context_new();
		event_free(event);
	}
	assert_null(event_free(NULL));
}

static _Atomic(struct event *) handed[64];

static void *consume(void *arg)
{
	for (unsigned i = 0; i < 20000; i++) {
		struct event *event;

		while (!(event = atomic_exchange(&handed[i % 64], NULL)))
			;
		assert_int_equal(event->time_ns, i);
		event_free(event);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, consume, NULL), 0);
	for (unsigned i = 0; i < 20000; i++) {
		struct event *event = event_new(KIND_ID(file, write), i);
		struct event *empty = NULL;

		while (!atomic_compare_exchange_weak(&handed[i % 64], &empty, event))
			empty = NULL;
	}
	pthread_join(thread, NULL);
}

static void test_copy(void **state)
{
	struct event *event = event_new(KIND_ID(file, write), 7), *copy;

	values_set_text(&event->values, FIELD_path, SPAN("/a/b"));
	values_set_number(&event->values, FIELD_size, 0);
	values_set_inferred(&event->values, FIELD_size);
	event->context = context_new();
	event->origin = 8;
	event->sequence = 9;
	event->streams = 10;
	copy = event_copy(event);
	assert_non_null(copy);
	for (unsigned field = N_CONTEXT_FIELDS; field < N_FIELDS; field++)
		assert_true(values_equal(&event->values, &copy->values, field));
	assert_true(values_is_inferred(&copy->values, FIELD_size));
	assert_true(copy->context == event->context && copy->kind == event->kind && copy->time_ns == 7);
	assert_true(copy->origin == 8 && copy->sequence == 9 && copy->streams == 10);
	event_free(event);
	assert_int_equal(atomic_load(&copy->context->n_refs), 1);
	event_free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_reuse_forgets),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
