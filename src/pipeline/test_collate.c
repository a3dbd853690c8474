/* Repeated reads and writes become three events that count them all, in order with what else the process does; what differs in anything, or is no read or write, is left as it is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pipeline/collate.h"
#include "pipeline/pipeline.h"

#define WINDOW (10 * NS_PER_SEC)

struct fixture {
	struct collate *collate;
	struct context *process, *other;
};

static int begin(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .process = context_new(), .other = context_new() };
	assert_int_equal(collate_new(&f.collate, PIPELINE_WAITING_BYTES), 0);
	collate_set_window(f.collate, WINDOW);
	*state = &f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	collate_free(f->collate);
	context_unref(f->process);
	context_unref(f->other);
	return 0;
}

static struct event *make(uint16_t kind, struct context *context, const char *path, uint64_t time_ns)
{
	struct event *event = event_new(kind, time_ns);

	assert_non_null(event);
	event->streams = 1;
	event->context = context_ref(context);
	values_set_text(&event->values, FIELD_path, span_of(path));
	values_set_number(&event->values, FIELD_inode, 7);
	values_set_number(&event->values, FIELD_size, time_ns);
	return event;
}

/* What it says; an event that goes on is freed. */
static int give(struct fixture *f, struct event *event)
{
	int r = collate_event(f->collate, event, event->time_ns);

	if (r == 0)
		event_free(event);
	return r;
}

static int read_at(struct fixture *f, const char *path, uint64_t time_ns)
{
	return give(f, make(KIND_ID(file, read), f->process, path, time_ns));
}

static void reads(void **state)
{
	struct fixture *f = *state;
	struct event *event;

	assert_int_equal(read_at(f, "/a", 100), 0);
	assert_int_equal(read_at(f, "/a", 100), 0);
	assert_int_equal(collate_kept_ns(f->collate), UINT64_MAX);
	assert_int_equal(read_at(f, "/a", 101), 1);
	assert_int_equal(collate_kept_ns(f->collate), 100);
	assert_int_equal(read_at(f, "/b", 102), 0);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(read_at(f, "/a", 103 + i), 2);
	assert_true(collate_next_ns(f->collate) == 100 + WINDOW);
	assert_null(collate_take(f->collate, 99 + WINDOW));
	event = collate_take(f->collate, 100 + WINDOW);
	assert_non_null(event);
	assert_true(event->time_ns == 101 && event->context == f->process && event->streams == 1);
	assert_true(event->read_count == 6 && event->read_first == 101 && event->read_last == 107);
	assert_true(event->size == 107 && event->inode == 7);
	assert_false(values_has(&event->values, FIELD_write_count));
	event_free(event);
	assert_null(collate_take(f->collate, UINT64_MAX));
	assert_true(collate_next_ns(f->collate) == UINT64_MAX);
	/* And from the beginning. */
	assert_int_equal(read_at(f, "/a", 200 + WINDOW), 0);
}

/* A debugger that reads without end. */
static void accesses(void **state)
{
	struct fixture *f = *state;
	struct event *event;

	for (uint64_t i = 0; i < 6; i++) {
		event = make(KIND_ID(process, ptrace), f->process, "/a", 100 + i);
		values_set_number(&event->values, FIELD_target_pid, 77);
		assert_int_equal(give(f, event), i < 2 ? 0 : i == 2 ? 1 : 2);
	}
	event = make(KIND_ID(process, ptrace), f->process, "/a", 106);
	values_set_number(&event->values, FIELD_target_pid, 78);
	assert_int_equal(give(f, event), 0);
	event = collate_take(f->collate, UINT64_MAX);
	assert_non_null(event);
	assert_true(event->target_pid == 77 && event->time_ns == 102);
	assert_true(event->access_count == 4 && event->access_first == 102 && event->access_last == 105);
	assert_false(values_has(&event->values, FIELD_read_count));
	event_free(event);
}

/* One that followed stands for itself. */
static void once_more(void **state)
{
	struct fixture *f = *state;
	struct event *event;

	assert_int_equal(read_at(f, "/a", 100), 0);
	assert_int_equal(read_at(f, "/a", 101), 0);
	assert_int_equal(read_at(f, "/a", 105), 1);
	event = collate_take(f->collate, UINT64_MAX);
	assert_true(event->time_ns == 105 && !values_has(&event->values, FIELD_read_count));
	event_free(event);
}

/* A window that is over is none, whether what it kept has been taken or not. */
static void over(void **state)
{
	struct fixture *f = *state;
	struct event *event;

	assert_int_equal(read_at(f, "/a", 100), 0);
	assert_int_equal(read_at(f, "/a", 100), 0);
	assert_int_equal(read_at(f, "/a", 101), 1);
	assert_int_equal(read_at(f, "/a", 100 + WINDOW), 0);
	assert_int_equal(read_at(f, "/a", 100 + WINDOW), 0);
	assert_int_equal(read_at(f, "/a", 101 + WINDOW), 1);
	assert_int_equal(read_at(f, "/a", 102 + WINDOW), 2);
	event = collate_take(f->collate, 102 + WINDOW);
	assert_true(event->time_ns == 101);
	event_free(event);
	assert_null(collate_take(f->collate, 102 + WINDOW));
	event = collate_take(f->collate, UINT64_MAX);
	assert_true(event->read_count == 2);
	event_free(event);
}

static void writes(void **state)
{
	static const int says[] = { 0, 0, 1, 2, 2 };
	struct fixture *f = *state;
	struct event *event;

	for (unsigned i = 0; i < 5; i++) {
		event = make(KIND_ID(file, write), f->process, "/a", 100 + i);
		values_set_number(&event->values, FIELD_write_count, 10);
		values_set_number(&event->values, FIELD_write_bytes, 1000);
		values_set_number(&event->values, FIELD_write_first, 50 + i);
		values_set_number(&event->values, FIELD_write_last, 60 + i);
		assert_int_equal(give(f, event), says[i]);
	}
	event = collate_take(f->collate, UINT64_MAX);
	assert_true(event->write_count == 30 && event->write_bytes == 3000 && event->write_first == 52 && event->write_last == 64);
	event_free(event);
	/* Of audit, which counts none. */
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(give(f, make(KIND_ID(file, write), f->process, "/b", 200 + i)), says[i]);
	event = collate_take(f->collate, UINT64_MAX);
	assert_true(event->write_count == 2 && event->write_first == 202 && event->write_last == 203);
	assert_false(values_has(&event->values, FIELD_write_bytes));
	event_free(event);
}

static void different(void **state)
{
	struct fixture *f = *state;
	struct event *event;

	assert_int_equal(read_at(f, "/a", 100), 0);
	assert_int_equal(read_at(f, "/ab", 100), 0);
	assert_int_equal(give(f, make(KIND_ID(file, write), f->process, "/a", 100)), 0);
	assert_int_equal(give(f, make(KIND_ID(file, read), f->other, "/a", 100)), 0);
	event = make(KIND_ID(file, read), f->process, "/a", 100);
	values_set_number(&event->values, FIELD_inode, 8);
	assert_int_equal(give(f, event), 0);
	event = make(KIND_ID(file, read), f->process, "/a", 100);
	values_set_text(&event->values, FIELD_outcome, SPAN("failure"));
	assert_int_equal(give(f, event), 0);
	event = make(KIND_ID(file, read), f->process, "/a", 100);
	event->streams = 3;
	assert_int_equal(give(f, event), 0);
	event = make(KIND_ID(file, read), f->process, "/a", 100);
	values_set_inferred(&event->values, FIELD_path);
	assert_int_equal(give(f, event), 0);
	/* Without a process nobody knows whose it is. */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(give(f, make(KIND_ID(file, read), NULL, "/a", 100)), 0);
	/* Never lost, however alike. */
	for (unsigned k = 0; k < N_KINDS; k++)
		for (unsigned i = 0; i < 3 && k != KIND_ID(file, read) && k != KIND_ID(file, write) && k != KIND_ID(process, ptrace);
		     i++) {
			event = event_new((uint16_t)k, 100);
			event->context = context_ref(f->process);
			assert_int_equal(give(f, event), 0);
		}
	assert_null(collate_take(f->collate, UINT64_MAX));
}

static void switched_off(void **state)
{
	struct fixture *f = *state;

	collate_set_window(f->collate, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(read_at(f, "/a", 100), 0);
}

/* More than may be open: the others go on by themselves. */
static void bounded(void **state)
{
	struct fixture *f = *state;
	unsigned n_kept = 0, n_taken = 0;
	struct event *event;
	char path[32];

	for (unsigned round = 0; round < 4; round++)
		for (unsigned i = 0; i < 2 * COLLATE_MAX; i++) {
			snprintf(path, sizeof(path), "/%u", i);
			n_kept += read_at(f, path, 100 + round) == 1;
		}
	assert_in_range(n_kept, 1000, COLLATE_MAX);
	while ((event = collate_take(f->collate, 100 + WINDOW))) {
		assert_int_equal(event->read_count, 2);
		event_free(event);
		n_taken++;
	}
	assert_int_equal(n_taken, n_kept);
	/* There is room again, also in the midst of the ring. */
	assert_int_equal(read_at(f, "/1", 200 + WINDOW), 0);
	assert_int_equal(read_at(f, "/1", 201 + WINDOW), 0);
	assert_int_equal(read_at(f, "/1", 202 + WINDOW), 1);
}

/* What waits of a process comes before what it does next; what waits of others goes on waiting. */
static void in_order(void **state)
{
	struct fixture *f = *state;
	struct event *rename = make(KIND_ID(file, rename), f->process, "/a", 200), *event;
	unsigned n = 0;

	for (unsigned i = 0; i < 4; i++) {
		read_at(f, "/a", 100);
		read_at(f, "/b", 101);
		give(f, make(KIND_ID(file, write), f->other, "/a", 102));
	}
	while ((event = collate_take_before(f->collate, rename))) {
		assert_true(event->context == f->process && event->read_count == 2);
		event_free(event);
		n++;
	}
	assert_int_equal(n, 2);
	/* It goes on in the same window. */
	assert_int_equal(read_at(f, "/a", 201), 1);
	event = make(KIND_ID(file, read), f->process, "/c", 202);
	assert_null(collate_take_before(f->collate, event));
	event_free(event);
	event = collate_take_before(f->collate, rename);
	assert_true(event->time_ns == 201);
	event_free(event);
	event_free(rename);
	event = collate_take(f->collate, UINT64_MAX);
	assert_true(event->context == f->other && event->write_count == 2);
	event_free(event);
	assert_null(collate_take(f->collate, UINT64_MAX));
}

/* More is told together, and for longer. */
static void harder(void **state)
{
	struct fixture *f = *state;
	struct event *event;

	collate_set_harder(f->collate, true);
	assert_int_equal(read_at(f, "/a", 100), 0);
	assert_int_equal(read_at(f, "/a", 101), 1);
	assert_true(collate_bytes(f->collate) > 0);
	assert_int_equal(read_at(f, "/a", 99 + 8 * WINDOW), 2);
	assert_null(collate_take(f->collate, 99 + 8 * WINDOW));
	event = collate_take(f->collate, 100 + 8 * WINDOW);
	assert_int_equal(event->read_count, 2);
	event_free(event);
	assert_int_equal(collate_bytes(f->collate), 0);
	collate_set_harder(f->collate, false);
	assert_int_equal(read_at(f, "/b", 200 + 8 * WINDOW), 0);
	assert_int_equal(read_at(f, "/b", 201 + 8 * WINDOW), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads, begin, end),	     cmocka_unit_test_setup_teardown(once_more, begin, end),
		cmocka_unit_test_setup_teardown(accesses, begin, end),
		cmocka_unit_test_setup_teardown(over, begin, end),	     cmocka_unit_test_setup_teardown(writes, begin, end),
		cmocka_unit_test_setup_teardown(different, begin, end),   cmocka_unit_test_setup_teardown(switched_off, begin, end),
		cmocka_unit_test_setup_teardown(bounded, begin, end),     cmocka_unit_test_setup_teardown(in_order, begin, end),
		cmocka_unit_test_setup_teardown(harder, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
