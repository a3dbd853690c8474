#pragma once
/* How much of the machine the recorder takes.  Core and writer go behind what makes the events, while what waits for them has room: so
 * they slow nobody.  When there is little room they go beside it, and at the stop before it, since there is a time by which all is
 * to be stored.
 *
 * The kernel may share the machine among sessions before it shares it among the threads of one, whose nice values count for nothing
 * outside then (sched(7), "The autogroup feature").  So a session that is the recorder's alone, as that of a service is, has the
 * pace too; the reader is in it, and says when it comes too late for it. */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum pace { PACE_BEHIND, PACE_BESIDE, PACE_BEFORE };

#define PACE_THREADS 2

struct pacer {
	pthread_mutex_t lock;
	pid_t threads[PACE_THREADS];	/* 0: none */
	bool has_session;		/* nobody else is in it */
	int session_nice;		/* as it is */
	enum pace pace;
	int set;			/* enum pace that threads and session have; -1: not all of them */
	uint64_t needed_ns;		/* CLOCK_MONOTONIC: not behind before */
};

/* Beside, until the start is over. */
void pacer_init(struct pacer *pacer);
void pacer_begin(struct pacer *pacer);
void pacer_release(struct pacer *pacer);
/* The calling thread has the pace from now on.  A pacer that is NULL has none, here and below. */
void pacer_join(struct pacer *pacer);
/* Any thread.  Again and again: the kernel takes a change in 100 ms.  After PACE_BEFORE there is no other. */
void pacer_set(struct pacer *pacer, enum pace pace);
/* Something comes too late: beside, for seconds.  Never waits; while another thread sets the pace it does nothing. */
void pacer_need(struct pacer *pacer);
/* The calling thread copies what others make: it is before the other threads, and soon. */
void pace_of_reader(void);
/* The calling thread does what can wait. */
void pace_of_jobs(void);
/* The thread does what can wait most: behind, it has what nobody else wants, of processors and disks.  Somebody waits for what it does:
 * beside; for its end: before. */
void pace_of_idle(pid_t thread, enum pace pace);
