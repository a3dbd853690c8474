/* See jobs.h.
 *
 * A job and the loop share its lines.  The thread appends and wakes the loop; the loop hands them to the client while that has
 * room and goes on when it has taken all (drained).  Above JOB_BYTES the thread waits, so a job costs that much, and what the
 * server keeps for a client. */

#include "daemon/jobs.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "control/request.h"
#include "daemon/confine.h"
#include "daemon/pace.h"

#define JOB_BYTES (256u << 10)

struct job {
	struct jobs *jobs;
	struct job *next;
	struct client *client;		/* NULL: gone.  Of the loop alone */
	struct job_work work;
	uv_work_t thread;

	/* Under the lock of all. */
	struct buffer lines;		/* that the client has not been given */
	bool cancelled, timed_out;
	bool has_clock;			/* it runs, and what it takes is counted: */
	clockid_t clock;
	uint64_t begun_ns;
	pthread_cond_t changed;
};

/* In the loop. */

static void hand_over(struct job *job)
{
	pthread_mutex_lock(&job->jobs->lock);
	if (job->client && job->lines.size > 0 && client_send(job->client, buffer_span(&job->lines))) {
		buffer_clear(&job->lines);
		pthread_cond_signal(&job->changed);
	}
	pthread_mutex_unlock(&job->jobs->lock);
}

static void on_said(uv_async_t *async)
{
	struct jobs *jobs = async->data;

	for (struct job *job = jobs->first; job; job = job->next)
		hand_over(job);
}

void jobs_init(struct jobs *jobs, uv_loop_t *loop)
{
	*jobs = (struct jobs){ .loop = loop };
	pthread_mutex_init(&jobs->lock, NULL);
	uv_async_init(loop, &jobs->said, on_said);
	jobs->said.data = jobs;
}

static struct job *find(const struct jobs *jobs, const struct client *client)
{
	struct job *job = jobs->first;

	while (job && job->client != client)
		job = job->next;
	return job;
}

void jobs_client_drained(struct jobs *jobs, const struct client *client)
{
	struct job *job = find(jobs, client);

	if (job)
		hand_over(job);
}

void jobs_client_gone(struct jobs *jobs, const struct client *client)
{
	struct job *job = find(jobs, client);

	if (!job)
		return;
	job->client = NULL;
	pthread_mutex_lock(&jobs->lock);
	job->cancelled = true;
	pthread_cond_signal(&job->changed);
	pthread_mutex_unlock(&jobs->lock);
}

static struct job *job_free(struct job *job)
{
	job->work.free(job->work.user);
	buffer_release(&job->lines);
	pthread_cond_destroy(&job->changed);
	free(job);
	return NULL;
}

static void on_over(uv_work_t *thread, int status)
{
	struct job *job = thread->data, **at = &job->jobs->first;
	struct client *client = job->client;

	hand_over(job);
	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	job->jobs->n--;
	job_free(job);
	if (client)
		client_finish(client);
}

static void begin_count(struct job *job)
{
	pthread_mutex_lock(&job->jobs->lock);
	job->has_clock = job->work.is_asked_for && pthread_getcpuclockid(pthread_self(), &job->clock) == 0;
	if (job->has_clock)
		job->begun_ns = clock_ns(job->clock);
	pthread_mutex_unlock(&job->jobs->lock);
}

static void end_count(struct job *job)
{
	pthread_mutex_lock(&job->jobs->lock);
	if (job->has_clock)
		job->jobs->asked_for_ns += clock_ns(job->clock) - job->begun_ns;
	job->has_clock = false;
	pthread_mutex_unlock(&job->jobs->lock);
}

static void run(uv_work_t *thread)
{
	struct job *job = thread->data;

	pace_of_jobs();		/* the pool has no other work */
	confine_thread(CONFINED_JOB);
	begin_count(job);
	if (job_is_wanted(job))
		job->work.run(job, job->work.user);
	end_count(job);
}

uint64_t jobs_asked_for_ns(struct jobs *jobs)
{
	uint64_t ns;

	pthread_mutex_lock(&jobs->lock);
	ns = jobs->asked_for_ns;
	for (const struct job *job = jobs->first; job; job = job->next)
		if (job->has_clock)
			ns += clock_ns(job->clock) - job->begun_ns;
	pthread_mutex_unlock(&jobs->lock);
	return ns;
}

int job_start(struct jobs *jobs, struct client *client, const struct job_work *work)
{
	struct job *job = jobs->n < JOBS_MAX ? calloc(1, sizeof(*job)) : NULL;
	pthread_condattr_t attributes;

	if (!job) {
		work->free(work->user);
		return jobs->n < JOBS_MAX ? -ENOMEM : -EBUSY;
	}
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&job->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	job->jobs = jobs;
	job->client = client;
	job->work = *work;
	job->thread.data = job;
	job->next = jobs->first;
	jobs->first = job;
	jobs->n++;
	uv_queue_work(jobs->loop, &job->thread, run, on_over);
	return 0;
}

/* In the thread. */

static uint64_t patience_end(const struct job *job)
{
	return clock_ns(CLOCK_MONOTONIC) + job->work.patience_ms * NS_PER_MS;
}

/* Locked: until there is room for more lines than `bytes`. */
static int wait_for_room(struct job *job, size_t bytes)
{
	const struct timespec end = clock_timespec(patience_end(job));

	while (!job->cancelled && !job->timed_out && job->lines.size > bytes)
		if (pthread_cond_timedwait(&job->changed, &job->jobs->lock, &end) == ETIMEDOUT && job->lines.size > bytes)
			job->timed_out = true;
	return job->cancelled ? -ECANCELED : job->timed_out ? -ETIMEDOUT : 0;
}

static void append(struct job *job, struct span lines)
{
	bool wake = job->lines.size == 0;

	buffer_append_span(&job->lines, lines);
	if (wake)
		uv_async_send(&job->jobs->said);
}

int job_say(struct job *job, struct span lines)
{
	int r;

	pthread_mutex_lock(&job->jobs->lock);
	r = wait_for_room(job, JOB_BYTES);
	if (r == 0)
		append(job, lines);
	if (r == 0)
		r = buffer_error(&job->lines);
	pthread_mutex_unlock(&job->jobs->lock);
	return r;
}

void job_mention(struct job *job, struct span line)
{
	pthread_mutex_lock(&job->jobs->lock);
	if (job->lines.size == 0 && !job->cancelled)
		append(job, line);
	pthread_mutex_unlock(&job->jobs->lock);
}

/* The job stays until its last line has been taken: the loop has nothing to wait for after it. */
static void say_last(struct job *job, struct buffer *line)
{
	if (buffer_error(line) < 0 || job_say(job, buffer_span(line)) < 0)
		return;
	pthread_mutex_lock(&job->jobs->lock);
	wait_for_room(job, 0);
	pthread_mutex_unlock(&job->jobs->lock);
}

void job_result(struct job *job, struct span result)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };

	request_result(&line, result);
	say_last(job, &line);
}

void job_fail(struct job *job, const char *code, const char *where, const char *message)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };

	request_error(&line, code, where, message);
	say_last(job, &line);
}

bool job_is_wanted(struct job *job)
{
	bool wanted;

	pthread_mutex_lock(&job->jobs->lock);
	wanted = !job->cancelled && !job->timed_out;
	pthread_mutex_unlock(&job->jobs->lock);
	return wanted;
}

bool job_pause(struct job *job, uint64_t ns)
{
	const struct timespec end = clock_timespec(clock_ns(CLOCK_MONOTONIC) + ns);
	bool wanted;

	pthread_mutex_lock(&job->jobs->lock);
	while (!job->cancelled && pthread_cond_timedwait(&job->changed, &job->jobs->lock, &end) == 0)
		;
	wanted = !job->cancelled;
	pthread_mutex_unlock(&job->jobs->lock);
	return wanted;
}
