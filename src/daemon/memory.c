/* See memory.h. */

#include "daemon/memory.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/macro.h"

#define FIXED_BYTES (UINT64_C(32) << 20)	/* an idle recorder has 20 to 30 MiB */

const char *const memory_part_names[N_MEMORY_PARTS] = {
	[MEMORY_RING] = "ring",	    [MEMORY_QUEUE] = "queue", [MEMORY_PROCESSES] = "processes",	    [MEMORY_ASSEMBLY] = "assembly",
	[MEMORY_HELD] = "held",	    [MEMORY_WAITING] = "waiting", [MEMORY_KERNEL_RINGS] = "kernel_rings",
};

/* Hundredths of what is left of the budget.  The rest is for what is no part. */
static const uint8_t shares[N_MEMORY_PARTS] = {
	[MEMORY_RING] = 27,    [MEMORY_QUEUE] = 12, [MEMORY_PROCESSES] = 23,	[MEMORY_ASSEMBLY] = 8,
	[MEMORY_HELD] = 8,     [MEMORY_WAITING] = 10, [MEMORY_KERNEL_RINGS] = 7,
};

size_t memory_power(uint64_t bytes)
{
	return bytes == 0 ? 0 : (size_t)1 << (63 - __builtin_clzll(bytes));
}

void memory_divide(struct memory *ret, uint64_t budget_bytes)
{
	uint64_t left = budget_bytes - MIN(budget_bytes / 2, FIXED_BYTES);

	*ret = (struct memory){ .budget = budget_bytes };
	for (unsigned i = 0; i < N_MEMORY_PARTS; i++)
		ret->room[i] = left / 100 * shares[i];
	ret->room[MEMORY_RING] = memory_power(ret->room[MEMORY_RING]);
}

uint16_t memory_pressure(uint64_t rss, uint64_t budget)
{
	uint64_t free_of = budget - budget / 8, slope = budget / 4;

	if (rss <= free_of || slope == 0)
		return 0;
	return (uint16_t)MIN((rss - free_of) * 1000 / slope, UINT64_C(1000));
}

int memory_read(struct memory *memory)
{
	unsigned long pages = 0;
	struct rusage usage;
	FILE *f = fopen("/proc/self/statm", "re");
	int n;

	if (!f)
		return -errno;
	n = fscanf(f, "%*u %lu", &pages);
	fclose(f);
	if (n != 1)
		return -EBADMSG;
	memory->rss = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	memory->peak_rss = MAX(memory->peak_rss, memory->rss);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		memory->peak_rss = MAX(memory->peak_rss, (uint64_t)usage.ru_maxrss << 10);
	return 0;
}
