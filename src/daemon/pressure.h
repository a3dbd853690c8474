#pragma once
/* Which step of shedding (pipeline/shed.h) is in force, from how full that is what waits, of which the caller has the numbers and the
 * time: no clock and no lock in here.  The fullest counts.  A step begins at once where the table says; it ends when the pressure is
 * below what the table says for that, not before it has held for a second, and for longer each time if it had to begin
 * anew soon after its end.  What is down goes down one by one. */

#include "pipeline/shed.h"

struct pressure_now {
	uint16_t of[N_SHED_CAUSES];	/* thousandths of what there is room for */
	bool at_once;			/* steps end as soon as they may: nothing comes any more */
};

struct pressure {
	enum shed_step step;
	struct {
		uint64_t until_ns;	/* held so long */
		uint64_t hold_ns;	/* of the last time */
		uint64_t ended_ns;
	} steps[N_SHED_STEPS];
};

/* 1: *ret is to be done, and another may be; 0: all is as it should be. */
int pressure_look(struct pressure *pressure, const struct pressure_now *now, uint64_t now_ns, struct shed_change *ret);
/* Thousandths of a part. */
uint16_t pressure_of(uint64_t used, uint64_t room);
