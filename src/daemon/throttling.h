#pragma once
/* What the throttle of this daemon was told and has said. */

#include <uv.h>

#include "daemon/thinning.h"
#include "daemon/throttle.h"

struct throttling {
	struct throttle throttle;
	uv_timer_t timer;		/* samples that are closer together than the looks of the control thread */
	uint64_t cpu_ns;		/* the most that was found */
	unsigned leisure_percent;	/* that the others were told */
	/* Of the time that something is held down: */
	uint64_t begun_ns;		/* since 1970; 0: nothing is */
	uint64_t calm_ns;		/* nothing was any more, since then (CLOCK_MONOTONIC); 0: it is */
	enum throttle_step worst;	/* that was told */
	uint64_t let_go_before;
};
