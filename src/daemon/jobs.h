#pragma once
/* Answers that take time: each is made in a thread of its own, behind everything that records, and goes to its client as fast
 * as that reads.  A client that goes takes its job with it; one that does not read ends it. */

#include <pthread.h>
#include <uv.h>

#include "control/server.h"

#define JOBS_MAX 4

struct job;

struct jobs {
	uv_loop_t *loop;
	uv_async_t said;
	pthread_mutex_t lock;
	struct job *first;
	unsigned n;
	uint64_t asked_for_ns;		/* of processors, by those that have ended; under the lock */
};

struct job_work {
	void (*run)(struct job *job, void *user);	/* in the thread; says the last line too: job_result() or job_fail() */
	void (*free)(void *user);			/* in the loop, when that is over */
	void *user;
	uint64_t patience_ms;		/* with a client that does not take what was said */
	bool is_asked_for;		/* a person waits for it: what it takes of the processors is not held against the recorder */
};

/* Handles in the loop: whoever ends it closes them. */
void jobs_init(struct jobs *jobs, uv_loop_t *loop);

/* From a command, which then makes its client a streaming one; has called work->free if it fails.  -EBUSY: there are
 * JOBS_MAX; -ENOMEM. */
int job_start(struct jobs *jobs, struct client *client, const struct job_work *work);
/* Time of processors that was taken for work that is asked for, until now. */
uint64_t jobs_asked_for_ns(struct jobs *jobs);
/* As the server tells them. */
void jobs_client_gone(struct jobs *jobs, const struct client *client);
void jobs_client_drained(struct jobs *jobs, const struct client *client);

/* In the thread.  Lines, whole ones; waits for the client if many have not been taken.  -ECANCELED: it has gone; -ETIMEDOUT:
 * it does not read. */
int job_say(struct job *job, struct span lines);
/* So too, but nothing is said if the client is behind. */
void job_mention(struct job *job, struct span line);
/* The last line. */
void job_result(struct job *job, struct span result);
void job_fail(struct job *job, const char *code, const char *where, const char *message);
/* Whether anybody still waits for it. */
bool job_is_wanted(struct job *job);
/* A pause; false: nobody waits for it any more. */
bool job_pause(struct job *job, uint64_t ns);
