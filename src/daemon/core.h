#pragma once
/* The core thread: takes records from the ring, drives the pipeline, hands events to the writer.  The only thread that
 * touches the pipeline. */

#include "base/ring.h"
#include "daemon/canary.h"
#include "daemon/event_queue.h"
#include "daemon/hasher.h"
#include "daemon/pace.h"
#include "daemon/pressure.h"
#include "daemon/thinning.h"
#include "daemon/watchdog.h"
#include "daemon/writer.h"
#include "pipeline/pipeline.h"
#include "source/capture.h"

struct core_options {
	struct pipeline_options pipeline;	/* lookup is set by the core */
	struct ring *ring;			/* records of the reader; borrowed, as all here */
	const struct reader_shed *unread;	/* what it left out of it; NULL: nothing */
	struct ring *notes;			/* records of the control thread: gaps, start, stop */
	struct event_queue *queue;
	struct writer *writer;			/* its consumer, who says what became of events; NULL: nobody asks */
	struct procfs *procfs;			/* for lookups */
	struct users *users;			/* for names */
	struct capture *capture;		/* NULL: none */
	struct hasher *hasher;			/* NULL: nothing is hashed */
	struct ring *digests;			/* records of the hasher */
	atomic_bool *resolve_sockets;		/* whether the other end of sockets is looked for, now; NULL: never */
	struct canary_watch *canary;		/* NULL: none */
	struct pacer *pacer;			/* which the core sets; NULL: none */
	struct thinning *thinning;		/* which of what comes is let go of; NULL: nothing */
	struct buffer *processes;		/* what ran at the end, see pipeline_put_processes(); NULL: nobody asks */
	/* In the core's thread, when all is through and while core_stop() waits: notes that it makes are the last.  May be NULL. */
	void (*last_words)(void *user);
	void *user;
};

/* A copy that any thread may have. */
struct core_stats {
	struct pipeline_stats pipeline;		/* its balance is without the sinks; its pointers are NULL; the copies follow */
	struct decoder_stats decoder;
	struct assembler_stats assembler;
	struct tracker_stats tracker;
	uint64_t let_go;		/* records for which there was no time at the stop */
	struct balance balance;		/* of all stages, at one moment */
	char flaw[BALANCE_WHY_MAX];	/* why it does not close; empty: it does */
	struct pressure_now pressure;	/* as it was last looked at */
	uint64_t unread;		/* records that were thinned out before they were decoded; not among those that the pipeline received */
};

struct core;
int core_start(struct core **ret, const struct core_options *options);
/* The producers of both rings have ended: everything comes out, then the queue is closed.  What is still in the ring at late_ns
 * (CLOCK_MONOTONIC) is let go of, counted, and told by a gap.  *ret: how it ended, may be NULL.  Returns NULL. */
struct core *core_stop(struct core *core, uint64_t late_ns, struct core_stats *ret);
/* What becomes another when all is done that was in the ring before; a member that is not set stays. */
struct core_change {
	const struct pipeline_times *times;
	struct filter *filter;		/* borrowed, until another one was taken over... */
	struct event *mark;		/* ...which goes to the queue before anything that the new filter lets through */
	bool drain;			/* what waits for more records goes through the filter that was */
	struct buffer *processes;	/* emptied, then filled with what runs: see pipeline_put_processes() */
	bool begin_run;			/* a source begins anew, all records of the one before are in the ring */
};
/* By one thread.  0: it is done; -ETIMEDOUT: it will be as soon as the core gets to it, see core_is_changing().  -EBUSY: the one
 * before is not done yet, nothing was taken.  The mark is taken but for the last. */
int core_change(struct core *core, const struct core_change *change, uint64_t timeout_ns);
bool core_is_changing(struct core *core);
/* Any thread: what presses besides what waits for the core, in thousandths; 0: it does no more.  It has the steps begin
 * and end at which the table says so (shed_steps). */
void core_press(struct core *core, enum shed_cause cause, uint16_t pressure);
void core_stats(struct core *core, struct core_stats *ret);
/* Between two turns it sleeps so long, though records wait: what wakes it then makes larger batches.  0: not at all.  Any thread. */
void core_set_nap(struct core *core, uint64_t nap_ns);
void core_pulse(const struct core *core, struct pulse *ret);
