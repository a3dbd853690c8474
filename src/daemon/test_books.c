/* The balance with what is in front of the pipeline: rings that lose, records that there was no time for, marks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/books.h"
#include "daemon/reader.h"

static const uint32_t types[] = { RECORD_PROBE, 1300, RECORD_FORK, RECORD_PROCESS, RECORD_DIGEST, RECORD_NOTE };

static struct ring *small_ring(void)
{
	struct ring *ring;

	assert_int_equal(ring_new(&ring, 4096), 0);
	return ring;
}

/* One of each origin, n times. */
static void push(struct ring *ring, unsigned n)
{
	for (unsigned i = 0; i < n * N_ORIGINS; i++)
		ring_push_record(ring, &(struct record){ .type = types[i % N_ORIGINS], .text = SPAN("recorder(1.0:0): x=1") });
	ring_commit(ring);
}

/* As the pipeline counts them. */
static unsigned decode(struct ring *ring, unsigned max, struct balance *balance)
{
	unsigned n = 0;

	for (struct span message; n < max && (message = ring_peek(ring)).data; n++) {
		const struct ring_record *record = (const struct ring_record *)(const void *)message.data;

		balance->records[balance_origin(record->type)][RECORDS_RECEIVED]++;
		balance->records[balance_origin(record->type)][RECORDS_DECODED]++;
		ring_pop(ring);
	}
	return n;
}

static void expect_closed(const struct books *books, const struct balance *pipeline, bool certain)
{
	struct balance balance = *pipeline;
	char why[BALANCE_WHY_MAX];

	books_add_rings(books, &balance);
	if (!balance_closes(&balance, why))
		fail_msg("%s", why);
	assert_int_equal(!balance.records_uncertain, certain);
}

static void rings_that_lose(void **state)
{
	struct ring *ring = small_ring(), *notes = small_ring();
	struct books books = { .rings = { ring, notes, NULL } };
	struct balance balance = { 0 }, whole;
	char why[BALANCE_WHY_MAX];
	unsigned n = 0;

	push(ring, 20);
	push(notes, 2);
	assert_true(ring_dropped(ring) > 0);
	expect_closed(&books, &balance, false);
	n += decode(ring, 5, &balance);
	expect_closed(&books, &balance, false);
	n += decode(ring, 1000, &balance);
	expect_closed(&books, &balance, false);
	n += decode(notes, 1000, &balance);
	expect_closed(&books, &balance, true);
	whole = balance;
	books_add_rings(&books, &whole);
	assert_int_equal(balance_records_sum(&whole, RECORDS_RECEIVED), 22 * N_ORIGINS);
	assert_int_equal(balance_records_sum(&whole, RECORDS_RING_FULL), 22 * N_ORIGINS - n);
	for (unsigned i = 0; i < N_ORIGINS; i++)
		assert_int_equal(whole.records[i][RECORDS_RECEIVED], 22);
	/* One that the core has taken out and forgotten. */
	push(ring, 1);
	assert_non_null(ring_peek(ring).data);
	ring_pop(ring);
	decode(ring, 1000, &balance);
	books_add_rings(&books, &balance);
	assert_false(balance_closes(&balance, why));
	ring_free(ring);
	ring_free(notes);
}

static void let_go_and_marks(void **state)
{
	struct ring *ring = small_ring();
	struct books books = { .rings = { ring }, .marks = { [CATEGORY_recorder] = 1 } };
	struct balance balance = { 0 };
	uint64_t events[N_CATEGORIES][N_EVENT_TERMS] = { { 0 } };
	struct event_queue *queue;
	char why[BALANCE_WHY_MAX];
	bool closed;

	assert_int_equal(event_queue_new(&queue, 64, 1u << 20), 0);
	push(ring, 2);
	for (struct span message; (message = ring_peek(ring)).data; ring_pop(ring))
		books.let_go[balance_origin(((const struct ring_record *)(const void *)message.data)->type)]++;
	assert_int_equal(books_let_go(&books), 2 * N_ORIGINS);
	expect_closed(&books, &balance, true);

	event_queue_push(queue, event_new(KIND_ID(recorder, config), 1));
	books_add_rings(&books, &balance);
	books_add_sinks(&balance, events, queue);
	assert_int_equal(balance.emitted_waiting, 1);	/* pushed, and not handed over */
	assert_true(balance_closes(&balance, why));

	event_queue_close(queue);
	event_free(event_queue_take(queue, 0, &closed));
	event_queue_done(queue, 1, 0);
	events[CATEGORY_recorder][EVENTS_UNSTORED] = 1;
	balance = (struct balance){ 0 };
	books_add_rings(&books, &balance);
	books_add_sinks(&balance, events, queue);
	assert_int_equal(balance.emitted_waiting, 0);
	assert_true(balance_closes(&balance, why));
	event_queue_free(queue);
	ring_free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rings_that_lose), cmocka_unit_test(let_go_and_marks) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
