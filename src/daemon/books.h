#pragma once
/* The balance of a daemon: what the pipeline says of its records and events (pipeline/balance.h), with what is in front of it, the
 * rings, and what is behind it, the queue and the sinks. */

#include "base/ring.h"
#include "daemon/event_queue.h"
#include "daemon/reader.h"
#include "pipeline/balance.h"

/* The core's own, who counts in it. */
struct books {
	const struct ring *rings[3];	/* that it reads; NULL: none */
	uint64_t let_go[N_ORIGINS];	/* records that it had no time for at the stop */
	uint64_t marks[N_CATEGORIES];	/* events of no source that it pushed into the queue */
	uint64_t notes;			/* records of its own that it pushed past the rings */
	uint64_t thinned_records, thinned[N_CATEGORIES];	/* records and events that the core let go of to take less of the processors */
	const struct reader_shed *unread;	/* records that the reader left out; NULL: none */
	bool is_flawed;			/* the balance did not close, which was said */
};

/* Between two records: the balance of the pipeline becomes one of all that was pushed into the rings. */
void books_add_rings(const struct books *books, struct balance *balance);
uint64_t books_let_go(const struct books *books);
/* What the consumer of the queue says of those it has taken, at a moment when it takes none; by the producer. */
void books_add_sinks(struct balance *balance, const uint64_t events[static N_CATEGORIES][N_EVENT_TERMS], struct event_queue *queue);
/* See balance_demand(); what stays wrong is said once. */
void books_demand(struct books *books, const struct balance *balance, char why[static BALANCE_WHY_MAX]);
