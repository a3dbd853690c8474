/* See hold.h.  A list in order of arrival, which is that of time, and a table by pid. */

#include "pipeline/hold.h"

#include <errno.h>
#include <stdlib.h>

#define N_BUCKETS 4096

struct hold {
	struct held *oldest, *newest;
	struct held *buckets[N_BUCKETS];	/* newest first */
	uint64_t count;
};

int hold_new(struct hold **ret)
{
	struct hold *hold = calloc(1, sizeof(*hold));

	if (!hold)
		return -ENOMEM;
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

static struct held *take_out(struct hold *hold, struct held *held)
{
	struct held **p = &hold->buckets[held->actor->pid % N_BUCKETS];

	while (*p != held)
		p = &(*p)->chain;
	*p = held->chain;
	*(held->older ? &held->older->newer : &hold->oldest) = held->newer;
	*(held->newer ? &held->newer->older : &hold->newest) = held->older;
	hold->count--;
	return held;
}

/* The exit that is the latest thing held of this pid. */
static struct held *held_exit(const struct hold *hold, uint32_t pid)
{
	for (struct held *held = hold->buckets[pid % N_BUCKETS]; held; held = held->chain)
		if (held->actor->pid == pid)
			return held->event->kind == KIND_ID(process, exit) ? held : NULL;
	return NULL;
}

int hold_put(struct hold *hold, struct event *event, const struct context *actor)
{
	struct held *held = malloc(sizeof(*held));
	struct held **bucket = &hold->buckets[actor->pid % N_BUCKETS];
	struct held *superseded = event->kind == KIND_ID(process, exit) ? held_exit(hold, actor->pid) : NULL;

	if (held)
		*held = (struct held){ .event = event, .actor = context_copy(actor), .older = hold->newest,
				       .chain = *bucket };
	if (!held || !held->actor) {
		free(held);
		event_free(event);
		return -ENOMEM;
	}
	*bucket = held;
	if (hold->newest)
		hold->newest->newer = held;
	else
		hold->oldest = held;
	hold->newest = held;
	hold->count++;
	if (superseded)
		held_free(take_out(hold, superseded));
	return superseded ? 1 : 0;
}

/* The first thing held of this pid, if its first fork is held at all and not younger than `before_ns`. */
static struct held *first_of(const struct hold *hold, uint32_t pid, uint64_t before_ns)
{
	struct held *first = NULL;
	bool born = false;

	for (struct held *held = hold->buckets[pid % N_BUCKETS]; held; held = held->chain)
		if (held->actor->pid == pid && held->event->time_ns <= before_ns) {
			first = held;
			born |= held->event->kind == KIND_ID(process, fork);
		}
	return born ? first : NULL;
}

struct held *hold_take_for(struct hold *hold, uint32_t pid)
{
	struct held *held = first_of(hold, pid, UINT64_MAX);

	/* Its parent may be waiting too, and the parent's parent: each was born before its child. */
	for (struct held *parent = held; parent && values_has(&parent->actor->values, FIELD_ppid);) {
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

uint64_t hold_oldest_ns(const struct hold *hold)
{
	return hold->oldest ? hold->oldest->event->time_ns : UINT64_MAX;
}

uint64_t hold_count(const struct hold *hold)
{
	return hold->count;
}
