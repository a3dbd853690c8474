/* See hash_wait.h.  A ring of its own, made when the first event waits. */

#include "pipeline/hash_wait.h"

#include <errno.h>
#include <stdlib.h>

struct waiting {
	struct event *event;
	uint64_t since_ns;
	size_t bytes;			/* when it came */
};

struct hash_wait {
	struct waiting *ring;		/* HASH_WAIT_MAX of them; NULL: none has waited so far */
	unsigned first, n;
	size_t bytes, max_bytes;
};

int hash_wait_new(struct hash_wait **ret, size_t max_bytes)
{
	struct hash_wait *wait = calloc(1, sizeof(*wait));

	if (!wait)
		return -ENOMEM;
	wait->max_bytes = max_bytes;
	*ret = wait;
	return 0;
}

struct hash_wait *hash_wait_free(struct hash_wait *wait)
{
	if (!wait)
		return NULL;
	while (wait->n > 0)
		event_free(hash_wait_take(wait));
	free(wait->ring);
	free(wait);
	return NULL;
}

int hash_wait_put(struct hash_wait *wait, struct event *event, uint64_t now_ns)
{
	if (!wait->ring)
		wait->ring = calloc(HASH_WAIT_MAX, sizeof(*wait->ring));
	if (!wait->ring || wait->n == HASH_WAIT_MAX) {
		event_free(event);
		return -ENOMEM;
	}
	wait->ring[(wait->first + wait->n++) % HASH_WAIT_MAX] = (struct waiting){ event, now_ns, event_bytes(event) };
	wait->bytes += event_bytes(event);
	return 0;
}

struct event *hash_wait_first(const struct hash_wait *wait)
{
	return wait->n > 0 ? wait->ring[wait->first].event : NULL;
}

uint64_t hash_wait_since_ns(const struct hash_wait *wait)
{
	return wait->n > 0 ? wait->ring[wait->first].since_ns : UINT64_MAX;
}

bool hash_wait_is_full(const struct hash_wait *wait)
{
	return wait->n == HASH_WAIT_MAX || wait->bytes > wait->max_bytes;
}

size_t hash_wait_bytes(const struct hash_wait *wait)
{
	return wait->bytes;
}

uint64_t hash_wait_count(const struct hash_wait *wait)
{
	return wait->n;
}

struct event *hash_wait_take(struct hash_wait *wait)
{
	struct event *event = hash_wait_first(wait);

	if (event) {
		wait->bytes -= wait->ring[wait->first].bytes;
		wait->first = (wait->first + 1) % HASH_WAIT_MAX;
		wait->n--;
	}
	return event;
}
