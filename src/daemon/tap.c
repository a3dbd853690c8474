/* See tap.h.  With nobody watching an event costs one atomic load. */

#include "daemon/tap.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define MAX_TAPS 32
#define MAX_WAITING (4u << 20)		/* bytes of one watcher */

struct tap {
	struct terms *terms;
	void *owner;
	struct buffer waiting;
	uint64_t dropped;
};

struct taps {
	pthread_mutex_t lock;
	atomic_uint n;
	struct tap tap[MAX_TAPS];
	void (*notify)(void *user);
	void *user;
};

int taps_new(struct taps **ret, void (*notify)(void *user), void *user)
{
	struct taps *taps = calloc(1, sizeof(*taps));

	if (!taps)
		return -ENOMEM;
	pthread_mutex_init(&taps->lock, NULL);
	taps->notify = notify;
	taps->user = user;
	*ret = taps;
	return 0;
}

static void tap_release(struct tap *tap)
{
	terms_free(tap->terms);
	buffer_release(&tap->waiting);
	*tap = (struct tap){ 0 };
}

struct taps *taps_free(struct taps *taps)
{
	if (!taps)
		return NULL;
	for (unsigned i = 0; i < atomic_load(&taps->n); i++)
		tap_release(&taps->tap[i]);
	pthread_mutex_destroy(&taps->lock);
	free(taps);
	return NULL;
}

int tap_open(struct taps *taps, struct terms *terms, void *owner)
{
	int r = 0;

	pthread_mutex_lock(&taps->lock);
	if (atomic_load(&taps->n) == MAX_TAPS)
		r = -EUSERS;
	else
		taps->tap[atomic_fetch_add(&taps->n, 1)] = (struct tap){ .terms = terms, .owner = owner };
	pthread_mutex_unlock(&taps->lock);
	return r;
}

void tap_close(struct taps *taps, const void *owner)
{
	pthread_mutex_lock(&taps->lock);
	for (unsigned i = 0; i < atomic_load(&taps->n); i++)
		if (taps->tap[i].owner == owner) {
			tap_release(&taps->tap[i]);
			taps->tap[i] = taps->tap[atomic_fetch_sub(&taps->n, 1) - 1];
			break;
		}
	pthread_mutex_unlock(&taps->lock);
}

bool taps_any(const struct taps *taps)
{
	return atomic_load_explicit(&taps->n, memory_order_relaxed) > 0;
}

void taps_event(struct taps *taps, const struct event *event, const struct event_json_options *json)
{
	bool notify = false;

	if (likely(!taps_any(taps)))
		return;
	pthread_mutex_lock(&taps->lock);
	for (unsigned i = 0; i < atomic_load(&taps->n); i++) {
		struct tap *tap = &taps->tap[i];

		if (!terms_match(tap->terms, event))
			continue;
		if (tap->waiting.size > MAX_WAITING) {
			tap->dropped++;
			continue;
		}
		notify |= tap->waiting.size == 0;
		event_json(&tap->waiting, event, json);
		buffer_append_byte(&tap->waiting, '\n');
	}
	pthread_mutex_unlock(&taps->lock);
	if (notify)
		taps->notify(taps->user);
}

void taps_drain(struct taps *taps, bool (*fn)(void *owner, struct span lines, uint64_t dropped))
{
	pthread_mutex_lock(&taps->lock);
	for (unsigned i = 0; i < atomic_load(&taps->n); i++) {
		struct tap *tap = &taps->tap[i];

		if (tap->waiting.size == 0 && tap->dropped == 0)
			continue;
		if (buffer_error(&tap->waiting) < 0) {
			tap->dropped++;
			buffer_clear(&tap->waiting);
		}
		if (!fn(tap->owner, buffer_span(&tap->waiting), tap->dropped))
			continue;	/* its socket is full: later */
		buffer_clear(&tap->waiting);
		tap->dropped = 0;
	}
	pthread_mutex_unlock(&taps->lock);
}
