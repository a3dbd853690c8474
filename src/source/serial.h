#pragma once
/* Which serials of the kernel's audit never came.
 *
 * The kernel counts its events: 32 bits, by one for each event that has at least one record.  Records of
 * different events may overtake each other by some milliseconds, since the number is drawn before the
 * record is queued; so a hole is a loss only when SERIAL_WINDOW later serials were seen, or SERIAL_HOLD_NS
 * have passed. Every other record of an event carries the same number: that, and what comes too late, is no
 * news. A jump by more than SERIAL_JUMP is not a loss one can count: somebody restarted the count. */

#include "base/macro.h"
#include "source/gap.h"

#define SERIAL_WINDOW 4096u
#define SERIAL_HOLD_NS (2 * NS_PER_SEC)
#define SERIAL_JUMP (1u << 24)

struct serial_tracker {
	bool started;
	uint32_t base;			/* the lowest serial that is neither seen nor given up */
	uint32_t next;			/* above the highest seen; base == next: no hole */
	uint32_t n_behind;		/* serials far below base, one after the other */
	uint64_t hole_ns;		/* time of the record that showed the hole at base */
	uint64_t last_ns;		/* time of the last decided serial that came */
	uint64_t run;			/* serials given up since then */
	uint64_t lost;			/* all that were given up */
	uint64_t seen[SERIAL_WINDOW / 64];
	uint64_t time_ns[SERIAL_WINDOW];	/* of the seen, by serial */
};

/* Borrowed until it returns. < 0: stop, passed on. */
typedef int (*serial_gap_fn)(void *user, const struct gap *gap);

/* A record of that serial came. 0, or what emit returned. */
int serial_push(struct serial_tracker *tracker, uint32_t serial, uint64_t time_ns, serial_gap_fn emit,
		void *user);
/* Nothing came: gives up what is older than SERIAL_HOLD_NS before now_ns (the time of records). */
int serial_tick(struct serial_tracker *tracker, uint64_t now_ns, serial_gap_fn emit, void *user);
