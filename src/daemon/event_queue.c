/* See event_queue.h.  The producer collects a list without a lock and hands it over in one go. */

#include "daemon/event_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

#define HAND_OVER 256			/* events at once */
#define HAND_OVER_BYTES ((size_t)1 << 20)

struct event_queue {
	pthread_mutex_t lock;
	pthread_cond_t not_empty, not_full;
	struct event *first, *last;
	uint32_t length;		/* handed over and not yet dealt with */
	uint32_t max_events;
	size_t max_bytes;
	uint32_t enough;		/* the consumer is woken when so many are there */
	size_t bytes;			/* of these, as event_bytes() counts */
	bool closed;
	bool hurried;			/* what is there is to be taken at once */

	/* The producer's own. */
	struct event *pushed_first, *pushed_last;
	uint32_t n_pushed;
	size_t bytes_pushed;
	uint32_t length_seen;		/* length and bytes when last handed over */
	size_t bytes_seen;
};

int event_queue_new(struct event_queue **ret, uint32_t max_events, size_t max_bytes)
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
	queue->max_bytes = max_bytes;
	queue->enough = 1;
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

static bool has_room(const struct event_queue *queue)
{
	return queue->length < queue->max_events && queue->bytes < queue->max_bytes;
}

/* With the lock. */
static void hand_over(struct event_queue *queue)
{
	if (queue->pushed_first) {
		if (queue->last)
			queue->last->next = queue->pushed_first;
		else
			queue->first = queue->pushed_first;
		queue->last = queue->pushed_last;
		queue->length += queue->n_pushed;
		queue->bytes += queue->bytes_pushed;
		if (queue->length >= queue->enough || queue->bytes * 2 >= queue->max_bytes)
			pthread_cond_signal(&queue->not_empty);
	}
	see_length(queue);
	queue->pushed_first = queue->pushed_last = NULL;
	queue->n_pushed = 0;
	queue->bytes_pushed = 0;
}

void event_queue_flush(struct event_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	while (queue->pushed_first && !has_room(queue))
		pthread_cond_wait(&queue->not_full, &queue->lock);
	hand_over(queue);
	pthread_mutex_unlock(&queue->lock);
}

void event_queue_offer(struct event_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	if (has_room(queue))
		hand_over(queue);
	see_length(queue);
	pthread_mutex_unlock(&queue->lock);
}

void event_queue_push(struct event_queue *queue, struct event *event)
{
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
	       (queue->bytes_seen + queue->bytes_pushed) * 2 >= queue->max_bytes;
}

bool event_queue_is_full(const struct event_queue *queue)
{
	return queue->length_seen + queue->n_pushed >= queue->max_events || queue->bytes_seen + queue->bytes_pushed >= queue->max_bytes;
}

void event_queue_wait(struct event_queue *queue, uint64_t timeout_ns)
{
	struct timespec until = clock_after(timeout_ns);

	event_queue_offer(queue);
	pthread_mutex_lock(&queue->lock);
	/* A little below, so that one look does for some events. */
	while (queue->length * 8 >= queue->max_events * 3u || queue->bytes * 8 >= queue->max_bytes * 3)
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
	while (queue->length < queue->enough && queue->bytes * 2 < queue->max_bytes && !queue->closed)
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

uint32_t event_queue_waiting(struct event_queue *queue)
{
	return event_queue_length(queue) + queue->n_pushed;
}

size_t event_queue_bytes(struct event_queue *queue)
{
	size_t bytes;

	pthread_mutex_lock(&queue->lock);
	bytes = queue->bytes;
	pthread_mutex_unlock(&queue->lock);
	return bytes;
}
