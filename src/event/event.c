/* See event.h.  Events are made by one thread and freed by another, hundreds of thousands a second; malloc's lists
 * would bounce between the two. So each thread keeps a few free ones, and whole batches change hands over one lock. */

#include "event/event.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#define INLINE_ARENA 512
#define BATCH 64			/* events that change hands at once */
#define MAX_BATCHES 128			/* free events kept for later, in batches */
#define CACHE_LINE 64

#if defined(__SANITIZE_ADDRESS__)
#define USE_POOL 0			/* the sanitizer is to see every use after free */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define USE_POOL 0
#endif
#endif
#ifndef USE_POOL
#define USE_POOL 1
#endif

struct pool {
	struct event *first;
	unsigned n;
};

static pthread_mutex_t batches_lock = PTHREAD_MUTEX_INITIALIZER;
static struct event *batches[MAX_BATCHES];
static unsigned n_batches;

static __thread struct pool pool;
static pthread_key_t pool_key;
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

static void free_list(struct event *list)
{
	while (list) {
		struct event *next = list->next;

		free(list);
		list = next;
	}
}

static void pool_end(void *unused)
{
	(void)unused;
	free_list(pool.first);
	pool = (struct pool){ 0 };
}

static void pool_make_key(void)
{
	pthread_key_create(&pool_key, pool_end);
}

static inline void fetch_line(const char *p, bool to_write)
{
	if (to_write)
		__builtin_prefetch(p, 1);
	else
		__builtin_prefetch(p, 0);
}

/* What every event has, and where its texts begin. */
static inline void fetch(const struct event *event, bool to_write)
{
	const char *p = (const char *)event;

	if (!event)
		return;
	fetch_line(p, to_write);
	fetch_line(p + CACHE_LINE, to_write);
	for (size_t at = offsetof(struct event, time_ns); at < sizeof(*event) + 4 * CACHE_LINE; at += CACHE_LINE)
		fetch_line(p + at, to_write);
}

void event_fetch(const struct event *event)
{
	fetch(event, false);
}

static struct event *pool_take(void)
{
	struct event *event;

	if (!USE_POOL)
		return NULL;
	if (!pool.first) {
		pthread_mutex_lock(&batches_lock);
		if (n_batches > 0) {
			pool.first = batches[--n_batches];
			pool.n = BATCH;
		}
		pthread_mutex_unlock(&batches_lock);
	}
	event = pool.first;
	if (event) {
		pool.first = event->next;
		pool.n--;
		fetch(pool.first, true);
	}
	return event;
}

static bool pool_give(struct event *event)
{
	if (!USE_POOL)
		return false;
	if (pool.n == 0) {
		pthread_once(&pool_once, pool_make_key);
		pthread_setspecific(pool_key, &pool);	/* so that pool_end runs */
	}
	event->next = pool.first;
	pool.first = event;
	if (++pool.n < 2 * BATCH)
		return true;
	/* One batch is cut off and handed over, or freed when there are enough. */
	struct event *batch = pool.first, *last = batch;

	for (unsigned i = 1; i < BATCH; i++)
		last = last->next;
	pool.first = last->next;
	pool.n -= BATCH;
	last->next = NULL;
	pthread_mutex_lock(&batches_lock);
	if (n_batches < MAX_BATCHES) {
		batches[n_batches++] = batch;
		batch = NULL;
	}
	pthread_mutex_unlock(&batches_lock);
	free_list(batch);
	return true;
}

struct event *event_new(uint16_t kind, uint64_t time_ns)
{
	struct event *event = pool_take();

	if (!event)
		event = malloc(sizeof(*event) + INLINE_ARENA);
	if (!event)
		return NULL;
	memset(&event->values, 0, sizeof(event->values));
	event->values.arena = (char *)(event + 1);
	event->values.arena_capacity = INLINE_ARENA;
	event->time_ns = time_ns;
	event->origin = 0;
	event->sequence = 0;
	event->kind = kind;
	event->folders[0].known = event->folders[1].known = false;
	event->found.known = false;
	event->path_in_folder = event->target_in_folder = false;
	event->has_opened = event->asked = event->is_found = event->is_unchanged = false;
	event->unsure[0] = event->unsure[1] = UNSURE_NOT;
	event->root.init = 0;
	event->tid = 0;
	event->mounts = MOUNTS_OF_PROCESS;
	event->is_of_host = false;
	event->root_bytes[0] = event->root_bytes[1] = 0;
	event->context = NULL;
	event->streams = 0;
	event->next = NULL;
	return event;
}

struct event *event_free(struct event *event)
{
	if (!event)
		return NULL;
	context_unref(event->context);
	if (event->values.arena_is_own)
		free(event->values.arena);
	if (!pool_give(event))
		free(event);
	return NULL;
}

uint64_t event_begin_ns(const struct event *event)
{
	static const enum field firsts[] = { FIELD_write_first, FIELD_read_first, FIELD_access_first };
	uint64_t begin_ns = event->time_ns;

	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++)
		if (values_has(&event->values, firsts[i]))
			begin_ns = MIN(begin_ns, values_number(&event->values, firsts[i]));
	return begin_ns;
}

struct event *event_copy(const struct event *event)
{
	_cleanup_(event_freep) struct event *copy = event_new(event->kind, event->time_ns);

	if (!copy)
		return NULL;
	for (unsigned field = N_CONTEXT_FIELDS; field < N_FIELDS; field++)
		if (values_has(&event->values, field))
			values_copy(&copy->values, &event->values, field);
	if (copy->values.failed)
		return NULL;
	copy->origin = event->origin;
	copy->sequence = event->sequence;
	copy->streams = event->streams;
	copy->context = context_ref(event->context);
	return TAKE(copy);
}

static char *put_hex(char *p, uint64_t value)
{
	unsigned shift = 60;

	while (shift > 0 && !(value >> shift))
		shift -= 4;
	for (;; shift -= 4) {
		*p++ = "0123456789abcdef"[value >> shift & 15];
		if (shift == 0)
			return p;
	}
}

size_t event_id(const struct event *event, char ret[EVENT_ID_MAX])
{
	char *p = put_hex(ret, event->time_ns);

	*p++ = '-';
	p = put_hex(p, event->origin);
	*p = 0;
	return (size_t)(p - ret);
}

int event_id_parse(struct span id, uint64_t *ret_time_ns, uint64_t *ret_origin)
{
	const char *dash = memchr(id.data, '-', id.size);
	uint64_t time_ns, origin;
	int r;

	if (!dash)
		return -EINVAL;
	r = span_hex_to_u64((struct span){ id.data, (size_t)(dash - id.data) }, &time_ns);
	if (r < 0)
		return -EINVAL;
	r = span_hex_to_u64((struct span){ dash + 1, (size_t)(id.data + id.size - dash - 1) }, &origin);
	if (r < 0)
		return -EINVAL;
	*ret_time_ns = time_ns;
	*ret_origin = origin;
	return 0;
}
