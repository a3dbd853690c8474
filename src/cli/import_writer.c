/* Events go over in batches, so that the lock is taken once for some hundred of them. The producer waits
 * when the writer is behind: nothing is lost, an import has time. */

#include <errno.h>
#include <pthread.h>

#include "cli/import_writer.h"
#include "base/clock.h"
#include "cli/time_spec.h"

#define BATCH 256
#define QUEUE_MAX (8 * BATCH)	/* so few that events go round in the caches and are not made anew */
#define CACHE_LINE 64
/* Long arguments: an exec may have megabytes of them. */
#define BATCH_BYTES ((size_t)1 << 20)
#define QUEUE_BYTES ((size_t)32 << 20)

struct list {
	struct event *first, **end;
	size_t n, bytes;
};

struct import_writer {
	const struct sink_ops *ops;
	struct sink *sink;
	uint64_t events[N_CATEGORIES][N_EVENT_TERMS];	/* of the thread; stored: those that the sink accepted */
	struct list batch;		/* of the producer */
	pthread_t thread;
	bool running;

	pthread_mutex_t lock;		/* over the rest */
	pthread_cond_t changed;
	struct list queue;
	bool closed;
	int error;
};

static void list_clear(struct list *list)
{
	*list = (struct list){ .end = &list->first };
}

static void list_free(struct list *list)
{
	while (list->first) {
		struct event *event = list->first;

		list->first = TAKE(event->next);
		event_free(event);
	}
	list_clear(list);
}

static void list_append(struct list *to, struct list *from)
{
	if (!from->first)
		return;
	*to->end = from->first;
	to->end = from->end;
	to->n += from->n;
	to->bytes += from->bytes;
	list_clear(from);
}

/* Everything queued; empty when closed. */
static struct event *take_all(struct import_writer *writer)
{
	struct event *first;

	pthread_mutex_lock(&writer->lock);
	while (!writer->queue.first && !writer->closed)
		pthread_cond_wait(&writer->changed, &writer->lock);
	first = writer->queue.first;
	list_clear(&writer->queue);
	pthread_cond_signal(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	return first;
}

static void set_error(struct import_writer *writer, int error)
{
	pthread_mutex_lock(&writer->lock);
	if (writer->error == 0)
		writer->error = error;
	pthread_mutex_unlock(&writer->lock);
}

/* The other thread's processor has the event; bring here what every write reads, and the beginning of its text,
 * which as a rule lies behind it. */
static void fetch(const struct event *event)
{
	const char *p = (const char *)event;

	for (size_t at = 0; at < sizeof(*event) + 6 * CACHE_LINE; at += CACHE_LINE)
		__builtin_prefetch(p + at, 1);
}

static void *run(void *user)
{
	struct import_writer *writer = user;
	struct event *event;
	int r = 0;

	while ((event = take_all(writer)) != NULL) {
		while (event) {
			struct event *next = TAKE(event->next);

			if (next)
				fetch(next);
			if (r >= 0) {
				r = writer->ops->write(writer->sink, event);
				if (r < 0)
					set_error(writer, r);
			}
			writer->events[event_category(event)][r < 0 ? EVENTS_NOT_STORED : EVENTS_STORED]++;
			event_free(event);
			event = next;
		}
	}
	if (r >= 0)
		r = writer->ops->flush(writer->sink, clock_now_ns());
	if (r < 0)
		set_error(writer, r);
	return NULL;
}

int import_writer_new(struct import_writer **ret, const struct sink_ops *ops, struct sink *sink)
{
	_cleanup_(import_writer_freep) struct import_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer) {
		ops->free(sink);
		return -ENOMEM;
	}
	writer->ops = ops;
	writer->sink = sink;
	list_clear(&writer->batch);
	list_clear(&writer->queue);
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->changed, NULL);
	r = pthread_create(&writer->thread, NULL, run, writer);
	if (r != 0)
		return -r;
	writer->running = true;
	*ret = TAKE(writer);
	return 0;
}

static int hand_over(struct import_writer *writer)
{
	int r;

	pthread_mutex_lock(&writer->lock);
	while ((writer->queue.n >= QUEUE_MAX || writer->queue.bytes >= QUEUE_BYTES) && writer->error == 0)
		pthread_cond_wait(&writer->changed, &writer->lock);
	list_append(&writer->queue, &writer->batch);
	r = writer->error;
	pthread_cond_signal(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	return r;
}

int import_writer_push(struct import_writer *writer, struct event *event)
{
	event->next = NULL;
	*writer->batch.end = event;
	writer->batch.end = &event->next;
	writer->batch.bytes += event_bytes(event);
	return ++writer->batch.n < BATCH && writer->batch.bytes < BATCH_BYTES ? 0 : hand_over(writer);
}

static void add(const struct import_writer *writer, const struct sink_report *report, struct balance *balance)
{
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		for (unsigned k = 0; k < N_EVENT_TERMS; k++)
			balance->events[i][k] += writer->events[i][k];
		balance->events[i][EVENTS_STORED] -= report->lost_of[i];
		balance->events[i][EVENTS_NOT_STORED] += report->lost_of[i];
	}
	balance->has_sinks = true;
}

int import_writer_finish(struct import_writer *writer, struct balance *balance)
{
	struct sink_report report;
	int r;

	if (!writer->running)
		return writer->error;
	hand_over(writer);
	pthread_mutex_lock(&writer->lock);
	writer->closed = true;
	pthread_cond_signal(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	writer->running = false;
	r = writer->error;
	writer->ops->report(writer->sink, &report);
	add(writer, &report, balance);
	writer->sink = writer->ops->free(writer->sink);
	return r;
}

struct import_writer *import_writer_free(struct import_writer *writer)
{
	struct balance unused = { 0 };

	if (!writer)
		return NULL;
	import_writer_finish(writer, &unused);
	list_free(&writer->batch);
	list_free(&writer->queue);
	if (writer->sink)
		writer->ops->free(writer->sink);
	pthread_mutex_destroy(&writer->lock);
	pthread_cond_destroy(&writer->changed);
	free(writer);
	return NULL;
}
