#pragma once
/* What others do to the recorder itself, found among the events of the host: its files written or replaced, its process traced, read or
 * sent a signal.  Each is told once more as security/tamper, which goes to all streams, whatever they want.
 *
 * What the daemon finds out by looking (a rule that is missing, a file that is another) comes as a note, which says what but not who:
 * an event of a moment before may. */

#include "event/event.h"

struct guard_options {
	uint32_t own_pid;		/* 0: nobody is guarded */
	uint32_t manager_pid;		/* who started it, and may end it; so may process 1 */
	struct span places;		/* files and folders, each ended by a NUL: nobody else is to change what lies there.  Borrowed */
	struct span own_key;		/* of audit rules; borrowed */
};

#define GUARD_WINDOW_NS (60 * NS_PER_SEC)	/* the same by the same process is told once in it */
#define GUARD_EVIDENCE_NS (5 * NS_PER_SEC)

struct guard;
int guard_new(struct guard **ret);	/* 0 or -ENOMEM */
struct guard *guard_free(struct guard *guard);
DEFINE_CLEANUP(struct guard, guard_free)
/* Of an event with its context, that is not the recorder's own.  1: *ret tells of it; 0: it is none of ours, or told already; -ENOMEM. */
int guard_event(struct guard *guard, const struct guard_options *options, const struct event *event, struct event **ret);
/* A note of the daemon, security/tamper: it gets the process that is known to have done it.  false: it is told already. */
bool guard_note(struct guard *guard, struct event *note);
