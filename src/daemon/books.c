/* See books.h. */

#include "daemon/books.h"

#include "base/macro.h"

void books_add_rings(const struct books *books, struct balance *balance)
{
	struct ring_counts counts;

	for (unsigned i = 0; i < N_ORIGINS; i++) {
		balance->records[i][RECORDS_RECEIVED] = 0;
		balance->records[i][RECORDS_LET_GO] = books->let_go[i];
	}
	for (unsigned k = 0; k < ARRAY_SIZE(books->rings); k++) {
		if (!books->rings[k])
			continue;
		ring_count(books->rings[k], &counts);
		for (unsigned i = 0; i < N_ORIGINS; i++) {
			balance->records[i][RECORDS_RECEIVED] += counts.pushed[i] + counts.dropped[i];
			balance->records[i][RECORDS_RING_FULL] += counts.dropped[i];
		}
		balance->records_uncertain |= !counts.is_empty;
	}
	balance->records[ORIGIN_OWN][RECORDS_RECEIVED] += books->notes;
	balance->records[ORIGIN_EBPF][RECORDS_SHED] += books->thinned_records;
	for (unsigned i = 0; books->unread && i < N_CATEGORIES; i++) {
		uint64_t n = atomic_load_explicit(&books->unread->records[i], memory_order_relaxed);

		balance->records[ORIGIN_EBPF][RECORDS_RECEIVED] += n;
		balance->records[ORIGIN_EBPF][RECORDS_SHED] += n;
	}
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		balance->events[i][EVENTS_MADE] += books->marks[i];
		balance->events[i][EVENTS_EMITTED] += books->marks[i];
		balance->events[i][EVENTS_THINNED] = books->thinned[i];
	}
}

uint64_t books_let_go(const struct books *books)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < N_ORIGINS; i++)
		sum += books->let_go[i];
	return sum;
}

void books_add_sinks(struct balance *balance, const uint64_t events[static N_CATEGORIES][N_EVENT_TERMS], struct event_queue *queue)
{
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		for (unsigned k = 0; k < N_EVENT_TERMS; k++)
			balance->events[i][k] += events[i][k];
	balance->emitted_waiting += event_queue_waiting(queue);
	balance->has_sinks = true;
}

void books_demand(struct books *books, const struct balance *balance, char why[static BALANCE_WHY_MAX])
{
	bool closes = balance_closes(balance, why);

	if (unlikely(!closes && !books->is_flawed))
		balance_demand(balance, why);
	books->is_flawed = !closes;
}
