#pragma once
/* Who holds the kernel's audit stream, as its daemon, and whether we read it as that one or beside. */

#include <stdbool.h>
#include <stdint.h>

struct slot {
	uint64_t free_since_ns;		/* CLOCK_MONOTONIC: nobody holds it since then; 0: somebody does */
	uint32_t wanted_by;		/* who asked for it while we held it, and has not been made room for yet; 0: nobody */
	uint64_t taken_since_ns;	/* since 1970: another has it, and we get nothing; told until then.  0: we do */
	bool is_moving;			/* from one way to the other */
	bool rules_are_due;		/* they depend on whether we are alone */
	int refused;			/* why there was no change, -errno, as it was logged last */
	char why[112];			/* of the change that is on its way */
};
