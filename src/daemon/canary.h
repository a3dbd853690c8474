#pragma once
/* A canary: now and then a child of ours does three harmless things, and the pipeline must notice them.  What counters cannot
 * show (a program of the kernel that stays silent, somebody's rule in front of ours) shows here.
 *
 * The child is this program as `recorder canary TAG FILE`: that it began, that it wrote FILE (named by the tag) and that it
 * connected to a port where nobody listens must arrive, as far as subscriptions ask for such events: the kernel is asked for no
 * others.  Whether they are stored is up to the subscriptions too. */

#include <stdatomic.h>

#include "event/event.h"

enum canary_act {
	CANARY_EXEC,
	CANARY_FILE,
	CANARY_CONNECT,
	N_CANARY_ACTS,
};
extern const char *const canary_act_names[N_CANARY_ACTS];

/* What control thread and core share. */
struct canary_watch {
	atomic_uint tag;			/* 0: none is out */
	_Atomic uint64_t arrived[N_CANARY_ACTS];	/* tag << 32 | ms that it took + 1 */
};
/* The core, for every event of a child of ours while one is out. */
void canary_seen(struct canary_watch *watch, const struct event *event, uint64_t now_ns);

enum canary_outcome {
	CANARY_OFF,			/* CanaryIntervalSecs = 0 */
	CANARY_NONE,			/* the first is to come */
	CANARY_IDLE,			/* nobody wants what it does */
	CANARY_ARRIVED,
	CANARY_MISSING,
	CANARY_UNABLE,			/* it could not be started, or could not do it */
};

/* Of the last that came back or was given up. */
struct canary_report {
	enum canary_outcome outcome;
	bool demanded[N_CANARY_ACTS], arrived[N_CANARY_ACTS];
	uint64_t latency_ms;		/* of the slowest that arrived: from the act to the end of the pipeline */
	uint64_t time_ns;		/* when it was sent; 0: never */
	int error;			/* -errno of a start that failed */
	uint64_t n_sent, n_failed;	/* since the start; of those, missing or unable */
};

struct canary_ops {
	/* The acts that must arrive. */
	void (*demand)(void *user, bool ret[static N_CANARY_ACTS]);
	/* Starts the child; -errno. */
	int (*start)(void *user, uint32_t tag);
	/* Ends it, should it still run, and removes what it left. */
	void (*end)(void *user, uint32_t tag);
};

struct canary {
	const struct canary_ops *ops;
	void *user;
	struct canary_watch *watch;	/* borrowed */
	struct canary_report report;
	bool demanded[N_CANARY_ACTS];	/* of the one that is out */
	bool is_out, child_failed;
	uint32_t tag;
	uint64_t sent_ns, due_ns;
};

void canary_init(struct canary *canary, const struct canary_ops *ops, void *user, struct canary_watch *watch, uint32_t seed);
/* Once a second.  steady_ns: a clock that nobody sets; interval_ns: CanaryIntervalSecs. */
void canary_tick(struct canary *canary, uint64_t steady_ns, uint64_t now_ns, uint64_t interval_ns);
/* What is asked of the kernel changes: one that is out says nothing any more. */
void canary_withdraw(struct canary *canary);
/* The child has ended; undone: it did not do all. */
void canary_child_ended(struct canary *canary, bool undone);
