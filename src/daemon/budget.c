/* Once a second: what the recorder uses of the memory that it may have, and what follows if that is too much. */

#include <malloc.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "daemon/daemon.h"

/* Under a sanitizer the process is many times as large as it says itself. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SHADOW true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW true
#endif
#ifndef HAS_SHADOW
#define HAS_SHADOW false
#endif

#define DEFAULT_BYTES (UINT64_C(512) << 20)	/* besides the rings of the programs, one a processor */
#define GIVE_BACK_NS  (10 * NS_PER_SEC)
#define RING_MIN_BYTES ((size_t)64 << 10)

static size_t n_processors(void)
{
	return (size_t)MAX(sysconf(_SC_NPROCESSORS_CONF), 1L);
}

static size_t wanted_ring_bytes(const struct daemon *d)
{
	return (size_t)daemon_setting(d, SETTING_EbpfRingBufferSizeKB) << 10;
}

void daemon_divide_memory(struct daemon *d)
{
	uint64_t budget = (uint64_t)daemon_setting(d, SETTING_MemoryBudgetMB) << 20, rings = 2 * n_processors() * wanted_ring_bytes(d);

	memory_divide(&d->memory, budget > 0 ? MAX(budget, (uint64_t)MEMORY_MIN_MB << 20) : DEFAULT_BYTES);
	if (budget == 0) {
		d->memory.budget += rings;
		d->memory.room[MEMORY_KERNEL_RINGS] = MAX(d->memory.room[MEMORY_KERNEL_RINGS], rings);
	}
}

size_t daemon_kernel_ring_bytes(const struct daemon *d)
{
	size_t room = memory_power(d->memory.room[MEMORY_KERNEL_RINGS] / (2 * n_processors()));

	return MAX(MIN(wanted_ring_bytes(d), room), RING_MIN_BYTES);
}

static void count_parts(struct daemon *d, const struct core_stats *core)
{
	uint64_t *used = d->memory.used;

	used[MEMORY_RING] = ring_used_bytes(d->ring);
	used[MEMORY_QUEUE] = event_queue_bytes(d->queue);
	used[MEMORY_PROCESSES] = core->tracker.bytes;
	used[MEMORY_ASSEMBLY] = core->assembler.bytes;
	used[MEMORY_HELD] = core->pipeline.held_bytes;
	used[MEMORY_WAITING] = core->pipeline.waiting_bytes;
	used[MEMORY_KERNEL_RINGS] = d->source ? source_live_ring_bytes(d->source) : 0;
}

void daemon_count_memory(struct daemon *d)
{
	struct core_stats core;

	core_stats(d->core, &core);
	count_parts(d, &core);
	(void)memory_read(&d->memory);	/* as it was, then */
}

void daemon_tick_memory(struct daemon *d)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	uint16_t pressure;

	daemon_count_memory(d);
	if (HAS_SHADOW)
		return;
	pressure = memory_pressure(d->memory.rss, d->memory.budget);
	/* What was freed in small pieces is the allocator's still.  Everybody waits meanwhile. */
	if (pressure > 0 && now_ns - d->memory.given_back_ns >= GIVE_BACK_NS) {
		d->memory.given_back_ns = now_ns;
		malloc_trim(0);
		(void)memory_read(&d->memory);
		pressure = memory_pressure(d->memory.rss, d->memory.budget);
	}
	core_press(d->core, SHED_BY_MEMORY, pressure);
}
