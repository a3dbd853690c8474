#pragma once
/* What all sources have in common.  Each backend has its own struct that begins with this one. */

#include "base/macro.h"
#include "source/source.h"

struct source {
	struct source_stats stats;
};

/* Only the reader counts, so a load and a store do: no locked instruction a record. */
static inline void stat_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

