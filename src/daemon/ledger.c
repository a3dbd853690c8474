/* See ledger.h.  A gap begins at the look before the one that saw the counter rise: events may be missing from then on.  It has all
 * times in which that was seen, also where the clock was set back meanwhile. */

#include "daemon/ledger.h"

#include "base/macro.h"

static void describe(unsigned loss, struct gap *gap)
{
	static const struct gap of[] = {
		[LOSS_KERNEL] = { .class_name = "all", .cause = "kernel_lost", .unit = "records", .exact = true },
		[LOSS_RING] = { .class_name = "all", .cause = "ring_full", .unit = "records", .exact = true },
		[LOSS_MEMORY] = { .class_name = "all", .cause = "no_memory", .unit = "records" },
		[LOSS_DATABASE] = { .class_name = "all", .cause = "database_error", .unit = "events", .exact = true },
		[LOSS_HELD] = { .class_name = "all", .cause = "database_held", .unit = "events", .exact = true },
		[LOSS_JOURNAL] = { .class_name = "journals", .cause = "journal_error", .unit = "events", .exact = true },
		[LOSS_SHED] = { .cause = "ring_full", .unit = "records", .exact = true },
	};
	/* What is not decoded may be of those that nobody wants. */
	static const struct gap thinned = { .cause = "cpu_target", .unit = "events" };

	*gap = loss >= LOSS_THINNED ? thinned : of[MIN(loss, (unsigned)LOSS_SHED)];
	if (loss >= LOSS_SHED)
		gap->class_name = categories[(loss - LOSS_SHED) % N_CATEGORIES].name;
}

void ledger_begin(struct ledger *ledger, enum loss loss, uint64_t counter)
{
	ledger->entries[loss].seen = counter;
}

void ledger_look(struct ledger *ledger, const uint64_t counters[static N_LOSSES], uint64_t since_ns, uint64_t now_ns, bool can_store,
		 bool final, struct notes *notes)
{
	for (unsigned i = 0; i < N_LOSSES; i++) {
		struct ledger_entry *e = &ledger->entries[i];
		uint64_t rose = counters[i] >= e->seen ? counters[i] - e->seen : counters[i];
		struct gap gap;

		e->seen = counters[i];
		if (rose > 0) {
			e->begin_ns = e->untold == 0 ? since_ns : MIN(e->begin_ns, since_ns);
			e->last_ns = e->untold == 0 ? now_ns : MAX(e->last_ns, now_ns);
			e->untold += rose;
			e->total += rose;
		}
		if (e->untold == 0 || (!final && (rose > 0 || !can_store)))
			continue;
		describe(i, &gap);
		gap.exact &= i != LOSS_KERNEL || !ledger->kernel_is_shared;
		gap.begin_ns = e->begin_ns;
		gap.end_ns = e->last_ns;
		gap.count = e->untold;
		notes_gap(notes, &gap);
		e->untold = 0;
		if (can_store)
			e->told = e->seen;
	}
}

bool ledger_is_told(const struct ledger *ledger)
{
	for (unsigned i = 0; i < N_LOSSES; i++)
		if (ledger->entries[i].untold > 0)
			return false;
	return true;
}
