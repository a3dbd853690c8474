#pragma once
/* The threads that handle bytes of others, each confined to what it needs: its capabilities, and a seccomp filter with the system
 * calls of confine.def.
 *
 * A call that is not in the table fails with EPERM, is counted by thread, and is told on the next tick: in the log, in `recorder
 * health` and in the history.  To kill the process would be worse, since what a thread lacks by our mistake would end recording, on a
 * libc that asks for something else; to fail in silence too.  So the kernel raises SIGSYS (SECCOMP_RET_TRAP), whose handler notes the call
 * and returns the error.  A thread that blocks SIGSYS would die of it: none does. */

#include <stdbool.h>
#include <stdint.h>

enum confined { CONFINED_NONE, CONFINED_READER, CONFINED_CORE, CONFINED_WRITER, CONFINED_HASHER, CONFINED_JOB, N_CONFINED };

/* Once, before the first of them.  -errno, logged: nothing can be confined here. */
int confine_prepare(void);
/* This thread, and all that it makes, from now on; again: nothing.  Needs no_new_privs.  Without confine_prepare() nothing happens: tests
 * run these threads too.  What cannot be had is logged. */
void confine_thread(enum confined as);

struct refused_call {
	enum confined thread;
	uint64_t more;			/* since the last time */
	int number;			/* of the latest... */
	bool foreign;			/* ...which came by way of another architecture */
};
/* Threads that were refused something since the last time, by one caller.  How many. */
unsigned confine_refused(struct refused_call ret[static N_CONFINED]);
const char *confined_name(enum confined as);
/* "socket"; a number where libaudit knows none.  Until the next call. */
const char *refused_call_name(const struct refused_call *call);
