#pragma once
/* Who holds the kernel's audit stream, as its daemon, and whether we read it as that one or beside. */

#include <stdint.h>

struct slot {
	uint64_t free_since_ns;		/* CLOCK_MONOTONIC: nobody holds it since then; 0: somebody does */
};
