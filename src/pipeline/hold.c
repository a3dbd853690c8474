/* See hold.h.  A list in order of arrival, which is nearly that of time, and a table by pid. */

#include "pipeline/hold.h"

#include <errno.h>
#include <stdlib.h>

#define N_BUCKETS 4096
#define MAX_CLIMB 64			/* ancestors that are looked for */

struct bucket {
	struct held *newest;
	uint32_t count;
};

struct hold {
	struct held *oldest, *newest;
	struct bucket buckets[N_BUCKETS];
	uint64_t count;
	size_t bytes, max_bytes;
	uint32_t n_long;			/* buckets with more than HOLD_MAX_CHAIN */
};

int hold_new(struct hold **ret, size_t max_bytes)
{
	struct hold *hold = calloc(1, sizeof(*hold));

	if (!hold)
		return -ENOMEM;
	hold->max_bytes = max_bytes;
	*ret = hold;
	return 0;
}

struct held *held_free(struct held *held)
{
	if (!held)
		return NULL;
	event_free(held->event);
	context_unref(held->actor);
	free(held);
	return NULL;
}

struct hold *hold_free(struct hold *hold)
{
	if (!hold)
		return NULL;
	while (hold->oldest) {
		struct held *newer = hold->oldest->newer;

		held_free(hold->oldest);
		hold->oldest = newer;
	}
	free(hold);
	return NULL;
}

static struct bucket *bucket_of(struct hold *hold, uint32_t pid)
{
	return &hold->buckets[pid % N_BUCKETS];
}

static struct held *take_out(struct hold *hold, struct held *held)
{
	struct bucket *bucket = bucket_of(hold, held->actor->pid);

	*(held->chain_newer ? &held->chain_newer->chain_older : &bucket->newest) = held->chain_older;
	if (held->chain_older)
		held->chain_older->chain_newer = held->chain_newer;
	hold->n_long -= bucket->count-- == HOLD_MAX_CHAIN + 1;
	*(held->older ? &held->older->newer : &hold->oldest) = held->newer;
	*(held->newer ? &held->newer->older : &hold->newest) = held->older;
	hold->count--;
	hold->bytes -= held->bytes;
	return held;
}

/* The exit that is the latest thing held of this pid. */
static struct held *held_exit(const struct hold *hold, uint32_t pid)
{
	for (struct held *held = hold->buckets[pid % N_BUCKETS].newest; held; held = held->chain_older)
		if (held->actor->pid == pid)
			return held->event->kind == KIND_ID(process, exit) ? held : NULL;
	return NULL;
}

int hold_put(struct hold *hold, struct event *event, const struct context *actor)
{
	struct held *held = malloc(sizeof(*held));
	struct bucket *bucket = bucket_of(hold, actor->pid);
	struct held *superseded = event->kind == KIND_ID(process, exit) ? held_exit(hold, actor->pid) : NULL;

	if (held)
		*held = (struct held){ .event = event, .actor = context_copy(actor), .older = hold->newest,
				       .chain_older = bucket->newest };
	if (!held || !held->actor) {
		free(held);
		event_free(event);
		return -ENOMEM;
	}
	if (bucket->newest)
		bucket->newest->chain_newer = held;
	bucket->newest = held;
	hold->n_long += bucket->count++ == HOLD_MAX_CHAIN;
	if (hold->newest)
		hold->newest->newer = held;
	else
		hold->oldest = held;
	hold->newest = held;
	hold->count++;
	held->bytes = sizeof(*held) + event_bytes(event) + context_bytes(held->actor);
	hold->bytes += held->bytes;
	if (superseded)
		held_free(take_out(hold, superseded));
	return superseded ? 1 : 0;
}

/* The first thing held of this pid, if its first fork is held at all and not younger than `before_ns`. */
static struct held *first_of(const struct hold *hold, uint32_t pid, uint64_t before_ns)
{
	struct held *first = NULL;
	bool born = false;

	for (struct held *held = hold->buckets[pid % N_BUCKETS].newest; held; held = held->chain_older)
		if (held->actor->pid == pid && held->event->time_ns <= before_ns) {
			first = held;
			born |= held->event->kind == KIND_ID(process, fork);
		}
	return born ? first : NULL;
}

struct held *hold_take_for(struct hold *hold, uint32_t pid)
{
	struct held *held = first_of(hold, pid, UINT64_MAX), *parent = held;

	/* Its parent may be waiting too, and the parent's parent: each was born before its child, or names it as its own parent
	 * at the very same time (bad input). */
	for (unsigned i = 0; i < MAX_CLIMB && parent && values_has(&parent->actor->values, FIELD_ppid); i++) {
		parent = first_of(hold, parent->actor->ppid, parent->event->time_ns);
		if (!parent || parent == held || parent->event->time_ns > held->event->time_ns)
			break;
		held = parent;
	}
	return held ? take_out(hold, held) : NULL;
}

struct held *hold_take_until(struct hold *hold, uint64_t time_ns)
{
	if (!hold->oldest || hold->oldest->event->time_ns > time_ns)
		return NULL;
	return take_out(hold, hold->oldest);
}

bool hold_is_over(const struct hold *hold)
{
	return hold->count > HOLD_MAX || hold->bytes > hold->max_bytes || hold->n_long > 0;
}

uint64_t hold_oldest_ns(const struct hold *hold)
{
	return hold->oldest ? hold->oldest->event->time_ns : UINT64_MAX;
}

size_t hold_bytes(const struct hold *hold)
{
	return hold->bytes;
}

uint64_t hold_count(const struct hold *hold)
{
	return hold->count;
}
