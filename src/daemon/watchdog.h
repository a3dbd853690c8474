#pragma once
/* Whether the threads live.  One that has work and has not moved between two looks does not; one without work may sleep, and
 * is not woken for this. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCHDOG_THREADS 3

/* Of a thread, now. */
struct pulse {
	const char *name;
	uint64_t turns;			/* counts up while it works */
	bool has_work;
};

struct watchdog {
	uint64_t turns[WATCHDOG_THREADS];	/* at the last look */
	bool had_work[WATCHDOG_THREADS];
};

/* The name of one that is stuck; NULL: all live. */
const char *watchdog_look(struct watchdog *watchdog, const struct pulse pulses[static WATCHDOG_THREADS]);
