#pragma once
/* How much of a processor what can wait may take: hashing, copies, compressing.  One number for the process; each such thread takes it
 * for itself, and sleeps between its pieces accordingly. */

#include <stdint.h>

#define LEISURE_PERCENT 25u		/* of a processor, when nothing presses */

void leisure_set(unsigned percent);	/* 1 to 100; any thread */
unsigned leisure_percent(void);
/* The pause behind a piece that took so much of a processor, a second at most. */
uint64_t leisure_nap_ns(uint64_t cpu_ns);
/* Of a thread that is held back only while something presses: the pause that it owes for what it has taken since *cpu_ns
 * (CLOCK_THREAD_CPUTIME_ID; begin with 0), which is set anew. */
uint64_t leisure_owed_ns(uint64_t *cpu_ns);
