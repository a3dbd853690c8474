/* See leisure.h. */

#include "base/leisure.h"

#include <stdatomic.h>

#include "base/clock.h"

static atomic_uint percent_now = LEISURE_PERCENT;

void leisure_set(unsigned percent)
{
	atomic_store_explicit(&percent_now, MIN(MAX(percent, 1u), 100u), memory_order_relaxed);
}

unsigned leisure_percent(void)
{
	return atomic_load_explicit(&percent_now, memory_order_relaxed);
}

uint64_t leisure_nap_ns(uint64_t cpu_ns)
{
	unsigned percent = leisure_percent();

	return MIN(MIN(cpu_ns, NS_PER_SEC) * (100 - percent) / percent, NS_PER_SEC);
}

uint64_t leisure_owed_ns(uint64_t *cpu_ns)
{
	uint64_t now_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID), taken_ns = *cpu_ns > 0 ? now_ns - *cpu_ns : 0;

	*cpu_ns = now_ns;
	return leisure_percent() < LEISURE_PERCENT ? leisure_nap_ns(taken_ns) : 0;
}
