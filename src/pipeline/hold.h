#pragma once
/* Forks and exits of the proc connector wait here until the kernel's audit has come as far.
 *
 * The connector tells at once, audit some milliseconds later, under load up to a second. Told in that order, a process
 * would exit before it began its program, and a child would be born of what its parent was before. Audit hands on its
 * records in the order of their system calls, and stamps them with a coarse clock; so: an exit waits until audit is
 * HOLD_SLACK_NS past it, a fork until then or until the first audit record of the child, whichever comes first. When
 * audit has nothing to say, the caller lets them go by time. */

#include "event/event.h"

#define HOLD_SLACK_NS (20 * NS_PER_MS)	/* more than a tick of the coarse clock, and than an execve takes */
/* More wait only if nothing moves the time, as in a file that somebody made: then the oldest go, whatever audit says. */
#define HOLD_MAX 65536u
#define HOLD_MAX_CHAIN 256u		/* of those that are searched together */
#define HOLD_IDLE_NS NS_PER_SEC		/* no audit record for so long: none is on its way (60 ms were too few on a busy host) */
/* That is, seen by looks: of a longer time between two of them nobody knows whether audit was silent, since whoever reads it may not
 * have had the machine, or the machine stood still. */
#define HOLD_LOOK_NS (50 * NS_PER_MS)
#define HOLD_LOOK_MAX_NS (200 * NS_PER_MS)

struct held {
	struct event *event;
	struct context *actor;
	struct held *older, *newer;		/* of hold.c: of all, and of those of its bucket */
	struct held *chain_older, *chain_newer;
	size_t bytes;
};

struct hold;
int hold_new(struct hold **ret, size_t max_bytes);
size_t hold_bytes(const struct hold *hold);
struct hold *hold_free(struct hold *hold);

/* Takes the event, copies the actor.  0; -ENOMEM (the event is freed); 1: took the place of an exit of the same process,
 * which is gone.  That happens when a thread begins a program: the first thread ends, the process goes on. */
int hold_put(struct hold *hold, struct event *event, const struct context *actor);
/* What must be tracked before an event of this process: taken out; NULL: nothing (more). */
struct held *hold_take_for(struct hold *hold, uint32_t pid);
/* What happened until then, oldest first: taken out; NULL: nothing (more). */
struct held *hold_take_until(struct hold *hold, uint64_t time_ns);
/* More than may wait: hold_take_until(UINT64_MAX) is to be called until there is room again. */
bool hold_is_over(const struct hold *hold);
/* Time of the oldest; UINT64_MAX: there is none. */
uint64_t hold_oldest_ns(const struct hold *hold);
uint64_t hold_count(const struct hold *hold);
struct held *held_free(struct held *held);
