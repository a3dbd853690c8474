/* See event_queue.h.  The producer collects a list without a lock and hands it over in one go. */

#include "daemon/event_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

#define HAND_OVER 256			/* events at once */
#define HAND_OVER_BYTES ((size_t)1 << 20)
#define MAX_BYTES	((size_t)64 << 20) /* reached by long arguments only; of a full queue of usual events a third */
#define N_SHED 7			/* highest `shed` in kinds.def */

struct event_queue {
	pthread_mutex_t lock;
	pthread_cond_t not_empty, not_full;
	struct event *first, *last;
	uint32_t length;		/* handed over and not yet dealt with */
	uint32_t max_events;
	uint32_t enough;		/* the consumer is woken when so many are there */
	size_t bytes;			/* of these, as event_bytes() counts */
	bool closed;
	bool hurried;			/* what is there is to be taken at once */
	uint64_t shed[N_CATEGORIES];
	uint64_t oldest_shed_ns;	/* of those shed since somebody asked; UINT64_MAX: there was none */

	/* The producer's own. */
	struct event *pushed_first, *pushed_last;
	uint32_t n_pushed;
	size_t bytes_pushed;
	uint32_t length_seen;		/* length and bytes when last handed over */
	size_t bytes_seen;
};

int event_queue_new(struct event_queue **ret, uint32_t max_events)
{
	struct event_queue *queue = calloc(1, sizeof(*queue));
	pthread_condattr_t attr;

	if (!queue)
		return -ENOMEM;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&queue->not_empty, &attr);
	pthread_cond_init(&queue->not_full, &attr);
	pthread_condattr_destroy(&attr);
	queue->max_events = max_events;
	queue->enough = 1;
	queue->oldest_shed_ns = UINT64_MAX;
	*ret = queue;
	return 0;
}

static void free_list(struct event *event)
{
	while (event) {
		struct event *next = event->next;

		event_free(event);
		event = next;
	}
}

struct event_queue *event_queue_free(struct event_queue *queue)
{
	if (!queue)
		return NULL;
	free_list(queue->first);
	free_list(queue->pushed_first);
	pthread_cond_destroy(&queue->not_full);
	pthread_cond_destroy(&queue->not_empty);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
	return NULL;
}

static void see_length(struct event_queue *queue)
{
	queue->length_seen = queue->length;
	queue->bytes_seen = queue->bytes;
}

void event_queue_flush(struct event_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	if (queue->pushed_first) {
		while (queue->length >= queue->max_events || queue->bytes >= MAX_BYTES)
			pthread_cond_wait(&queue->not_full, &queue->lock);
		if (queue->last)
			queue->last->next = queue->pushed_first;
		else
			queue->first = queue->pushed_first;
		queue->last = queue->pushed_last;
		queue->length += queue->n_pushed;
		queue->bytes += queue->bytes_pushed;
		if (queue->length >= queue->enough || queue->bytes * 2 >= MAX_BYTES)
			pthread_cond_signal(&queue->not_empty);
	}
	see_length(queue);
	pthread_mutex_unlock(&queue->lock);
	queue->pushed_first = queue->pushed_last = NULL;
	queue->n_pushed = 0;
	queue->bytes_pushed = 0;
}

/* Half full: the first class goes; from there each class later, the last at 15/16. */
static bool must_shed(const struct event_queue *queue, const struct event *event)
{
	uint64_t shed = kinds[event->kind].shed, length = queue->length_seen + queue->n_pushed;
	uint64_t bytes = queue->bytes_seen + queue->bytes_pushed, sixteenths = 8 + shed * 7 / N_SHED;

	return shed > 0 && (length * 16 >= queue->max_events * sixteenths || bytes * 16 >= MAX_BYTES * sixteenths);
}

void event_queue_push(struct event_queue *queue, struct event *event)
{
	if (unlikely(must_shed(queue, event))) {
		pthread_mutex_lock(&queue->lock);
		see_length(queue);
		if (must_shed(queue, event))
			queue->shed[event_category(event)]++;
		else
			goto keep;
		queue->oldest_shed_ns = MIN(queue->oldest_shed_ns, event->time_ns);
		pthread_mutex_unlock(&queue->lock);
		event_free(event);
		return;
	keep:
		pthread_mutex_unlock(&queue->lock);
	}
	event->next = NULL;
	if (queue->pushed_last)
		queue->pushed_last->next = event;
	else
		queue->pushed_first = event;
	queue->pushed_last = event;
	queue->bytes_pushed += event_bytes(event);
	if (++queue->n_pushed >= HAND_OVER || queue->bytes_pushed >= HAND_OVER_BYTES)
		event_queue_flush(queue);
}

bool event_queue_is_filling(const struct event_queue *queue)
{
	return (queue->length_seen + queue->n_pushed) * 2 >= queue->max_events ||
	       (queue->bytes_seen + queue->bytes_pushed) * 2 >= MAX_BYTES;
}

void event_queue_wait(struct event_queue *queue, uint64_t timeout_ns)
{
	struct timespec until = clock_after(timeout_ns);

	event_queue_flush(queue);
	pthread_mutex_lock(&queue->lock);
	/* A little below, so that one look does for some events. */
	while (queue->length * 8 >= queue->max_events * 3u || queue->bytes * 8 >= MAX_BYTES * 3)
		if (pthread_cond_timedwait(&queue->not_full, &queue->lock, &until) == ETIMEDOUT)
			break;
	see_length(queue);
	pthread_mutex_unlock(&queue->lock);
}

void event_queue_close(struct event_queue *queue)
{
	event_queue_flush(queue);
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_cond_signal(&queue->not_empty);
	pthread_mutex_unlock(&queue->lock);
}

struct event *event_queue_take(struct event_queue *queue, uint64_t timeout_ns, bool *ret_closed)
{
	struct timespec until = clock_after(timeout_ns);
	struct event *list;

	pthread_mutex_lock(&queue->lock);
	while (!queue->first && !queue->closed)
		if (pthread_cond_timedwait(&queue->not_empty, &queue->lock, &until) == ETIMEDOUT)
			break;
	list = queue->first;
	queue->first = queue->last = NULL;
	queue->hurried = false;
	*ret_closed = queue->closed;
	pthread_mutex_unlock(&queue->lock);
	return list;
}

void event_queue_gather(struct event_queue *queue, uint32_t n, uint64_t timeout_ns)
{
	struct timespec until = clock_after(timeout_ns);

	pthread_mutex_lock(&queue->lock);
	queue->enough = queue->hurried ? 1 : n;
	while (queue->length < queue->enough && queue->bytes * 2 < MAX_BYTES && !queue->closed)
		if (pthread_cond_timedwait(&queue->not_empty, &queue->lock, &until) == ETIMEDOUT)
			break;
	queue->enough = 1;
	pthread_mutex_unlock(&queue->lock);
}

void event_queue_hurry(struct event_queue *queue)
{
	event_queue_flush(queue);
	pthread_mutex_lock(&queue->lock);
	queue->hurried = true;
	queue->enough = 1;
	pthread_cond_signal(&queue->not_empty);
	pthread_mutex_unlock(&queue->lock);
}

void event_queue_done(struct event_queue *queue, uint32_t n, size_t bytes)
{
	pthread_mutex_lock(&queue->lock);
	queue->length -= n;
	queue->bytes -= bytes;
	pthread_cond_signal(&queue->not_full);
	pthread_mutex_unlock(&queue->lock);
}

uint32_t event_queue_length(struct event_queue *queue)
{
	uint32_t length;

	pthread_mutex_lock(&queue->lock);
	length = queue->length;
	pthread_mutex_unlock(&queue->lock);
	return length;
}

void event_queue_shed(struct event_queue *queue, uint64_t ret[N_CATEGORIES])
{
	pthread_mutex_lock(&queue->lock);
	memcpy(ret, queue->shed, sizeof(queue->shed));
	pthread_mutex_unlock(&queue->lock);
}

uint64_t event_queue_oldest_shed(struct event_queue *queue)
{
	uint64_t oldest_ns;

	pthread_mutex_lock(&queue->lock);
	oldest_ns = queue->oldest_shed_ns;
	queue->oldest_shed_ns = UINT64_MAX;
	pthread_mutex_unlock(&queue->lock);
	return oldest_ns;
}
