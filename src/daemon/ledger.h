#pragma once
/* Counters of loss, watched: what a counter rose by becomes a gap row once it has stopped rising. */

#include "daemon/notes.h"
#include "event/schema.h"

enum loss {
	LOSS_KERNEL,			/* records the kernel's audit had no room for */
	LOSS_RING,			/* records the ring had no room for */
	LOSS_MEMORY,			/* records that there was no memory for */
	LOSS_DATABASE,			/* events the database could not take */
	LOSS_HELD,			/* events there was no room for, since a reader of the database kept it from being cut */
	LOSS_JOURNAL,			/* events a journal could not take; the others have them */
	LOSS_SHED,			/* records the reader left out of a ring that was nearly full; one a category.  What the pipeline lets go of
					 * it tells itself */
	LOSS_THINNED = LOSS_SHED + N_CATEGORIES,	/* events let go of to take less of the processors; one a category */
	N_LOSSES = LOSS_THINNED + N_CATEGORIES,
};

struct ledger_entry {
	uint64_t total;			/* lost since the start, as told so far */
	uint64_t seen;			/* counter at the last look */
	uint64_t untold, begin_ns, last_ns;
	uint64_t told;			/* the counter, as far as gaps that could be stored have told it */
};

struct ledger {
	struct ledger_entry entries[N_LOSSES];
	bool kernel_is_shared;		/* what the kernel lost may have been lost to another reader alone: no exact count */
};

/* Counters that do not begin at 0. */
void ledger_begin(struct ledger *ledger, enum loss loss, uint64_t counter);
/* There is no loss that has not been told. */
bool ledger_is_told(const struct ledger *ledger);
/* One look: counters[i] as they are now, having been as they were at the last look at since_ns or later; one that is lower than before was set back by somebody and counts from 0.
 * can_store: a gap row would be stored now.  final: tell what there is, risen just now or not, and whether it can be
 * stored or not: there may be room again that nobody has tried yet. */
void ledger_look(struct ledger *ledger, const uint64_t counters[static N_LOSSES], uint64_t since_ns, uint64_t now_ns, bool can_store,
		 bool final, struct notes *notes);
