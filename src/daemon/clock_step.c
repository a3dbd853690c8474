/* See clock_step.h. */

#include "daemon/clock_step.h"

#include "base/macro.h"

bool clock_step_look(struct clock_step *step, uint64_t real_ns, uint64_t boot_ns, uint64_t *ret_begin_ns, uint64_t *ret_end_ns)
{
	uint64_t ahead_ns = real_ns - boot_ns, before_ns = step->ahead_ns;	/* may wrap, and back */
	int64_t by_ns = (int64_t)(ahead_ns - before_ns);

	step->ahead_ns = ahead_ns;
	if (before_ns == 0 || (uint64_t)(by_ns < 0 ? -by_ns : by_ns) < CLOCK_STEP_NS)
		return false;
	step->time_ns = real_ns;
	step->boot_ns = boot_ns;
	step->by_ns = by_ns;
	*ret_begin_ns = MIN(real_ns, before_ns + boot_ns);
	*ret_end_ns = MAX(real_ns, before_ns + boot_ns);
	return true;
}
