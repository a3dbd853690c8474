#pragma once
/* The oldest of the times that one thread notes, for another to ask for: since when something is missing. */

#include <stdatomic.h>
#include <stdint.h>

struct oldest {
	_Atomic uint64_t ns;		/* 0: none was noted since it was asked for */
};

static inline void oldest_note(struct oldest *oldest, uint64_t time_ns)
{
	uint64_t oldest_ns = atomic_load_explicit(&oldest->ns, memory_order_relaxed);

	if (oldest_ns == 0 || time_ns < oldest_ns)
		atomic_store(&oldest->ns, time_ns);
}

/* UINT64_MAX: there was none. */
static inline uint64_t oldest_take(struct oldest *oldest)
{
	uint64_t oldest_ns = atomic_exchange(&oldest->ns, 0);

	return oldest_ns > 0 ? oldest_ns : UINT64_MAX;
}
