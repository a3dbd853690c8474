#pragma once
/* The host's clock held against one that nobody sets: a step is a gap, since times before and after it do not fit together. */

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_STEP_NS UINT64_C(250000000)	/* less is what steering does, and a look that was interrupted */

struct clock_step {
	uint64_t ahead_ns;		/* of the clock before boot's; 0: not looked yet */
	uint64_t time_ns;		/* by the new clock, of the last step; 0: there was none */
	uint64_t boot_ns;		/* ...on the other clock */
	int64_t by_ns;			/* > 0: it was set forward */
};

/* One look: CLOCK_REALTIME and CLOCK_BOOTTIME (which counts while the host sleeps) of the same moment.
 * true: there was a step since the last; between *ret_begin_ns and *ret_end_ns times are missing, or are there twice. */
bool clock_step_look(struct clock_step *step, uint64_t real_ns, uint64_t boot_ns, uint64_t *ret_begin_ns, uint64_t *ret_end_ns);
