#pragma once
/* The memory that the recorder may have (MemoryBudgetMB), divided by a table of shares: each part is bounded by its own, evicts or makes
 * its producer wait when that is used up, and none takes another's.  What is no part (the program and its libraries, the database's
 * caches, what the allocator does not give back) is reckoned with by a fixed sum and a share.  All of it together is looked at as the kernel sees it: near the
 * budget the recorder presses on itself (core_press()), so that it sheds before anybody has to kill it. */

#include <stddef.h>
#include <stdint.h>

enum memory_part {
	MEMORY_RING,			/* records that wait for the core */
	MEMORY_QUEUE,			/* events that wait for the writer */
	MEMORY_PROCESSES,		/* what is known of processes */
	MEMORY_ASSEMBLY,		/* drafts that are open */
	MEMORY_HELD,			/* forks and exits that wait for audit */
	MEMORY_WAITING,			/* events that wait for the end of a window */
	MEMORY_KERNEL_RINGS,		/* of the programs in the kernel, as far as they are mapped here */
	N_MEMORY_PARTS,
};
extern const char *const memory_part_names[N_MEMORY_PARTS];

struct memory {
	uint64_t budget;
	uint64_t room[N_MEMORY_PARTS];
	uint64_t used[N_MEMORY_PARTS];
	uint64_t rss, peak_rss;		/* of the whole process */
	uint64_t given_back_ns;		/* what the allocator kept, then (CLOCK_MONOTONIC) */
};

#define MEMORY_MIN_MB 64		/* of MemoryBudgetMB */
void memory_divide(struct memory *ret, uint64_t budget_bytes);
/* The largest power of two that is not larger. */
size_t memory_power(uint64_t bytes);
/* How much it presses (shed.h), in thousandths: 0 up to seven eighths of the budget, half at all of it. */
uint16_t memory_pressure(uint64_t rss, uint64_t budget);
int memory_read(struct memory *memory);	/* rss and peak_rss of this process: 0 or -errno */
