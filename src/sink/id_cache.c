/* See id_cache.h.  Sets of eight: a key can only be in one set, whose keys are one cache line, so a look-up
 * is one miss and never long, whatever is in it. Each set turns its own clock hand: what was used since the
 * hand last came by is spared once. Memory is touched only as it fills. */

#include "sink/id_cache.h"

#include <errno.h>
#include <stdlib.h>

#define WAYS 8

struct set {
	uint64_t keys[WAYS];
	uint64_t values[WAYS]; /* 0: free */
};

struct clock {
	uint8_t used; /* a bit a way */
	uint8_t hand;
};

struct id_cache {
	size_t mask; /* number of sets - 1 */
	struct set *sets;
	struct clock *clocks;
};

int id_cache_new(struct id_cache **ret, size_t capacity)
{
	_cleanup_(id_cache_freep) struct id_cache *cache = NULL;
	size_t n_sets = capacity / WAYS;

	if (capacity < WAYS || (capacity & (capacity - 1)) != 0)
		return -EINVAL;
	cache = calloc(1, sizeof(*cache));
	if (!cache)
		return -ENOMEM;
	cache->mask = n_sets - 1;
	cache->sets = calloc(n_sets, sizeof(*cache->sets));
	cache->clocks = calloc(n_sets, sizeof(*cache->clocks));
	if (!cache->sets || !cache->clocks)
		return -ENOMEM;
	*ret = TAKE(cache);
	return 0;
}

struct id_cache *id_cache_free(struct id_cache *cache)
{
	if (!cache)
		return NULL;
	free(cache->sets);
	free(cache->clocks);
	free(cache);
	return NULL;
}

/* The keys of some caches are ids, whose low bits may be alike: spread them. */
static size_t set_of(const struct id_cache *cache, uint64_t key)
{
	return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & cache->mask;
}

uint64_t id_cache_get(struct id_cache *cache, uint64_t key)
{
	size_t place = set_of(cache, key);
	const struct set *set = &cache->sets[place];

	for (unsigned i = 0; i < WAYS; i++)
		if (set->keys[i] == key && set->values[i]) {
			cache->clocks[place].used |= (uint8_t)(1u << i);
			return set->values[i];
		}
	return 0;
}

void id_cache_put(struct id_cache *cache, uint64_t key, uint64_t value)
{
	size_t place = set_of(cache, key);
	struct set *set = &cache->sets[place];
	struct clock *clock = &cache->clocks[place];
	unsigned way = WAYS;

	for (unsigned i = 0; i < WAYS; i++)
		if (set->values[i] && set->keys[i] == key)
			way = i;
	for (unsigned i = 0; i < WAYS && way == WAYS; i++)
		if (!set->values[i])
			way = i;
	while (way == WAYS) {
		unsigned bit = 1u << clock->hand;

		if (!(clock->used & bit))
			way = clock->hand;
		clock->used &= (uint8_t)~bit;
		clock->hand = (uint8_t)((clock->hand + 1) % WAYS);
	}
	set->keys[way] = key;
	set->values[way] = value;
	clock->used |= (uint8_t)(1u << way);
}

void id_cache_remove(struct id_cache *cache, uint64_t key)
{
	struct set *set = &cache->sets[set_of(cache, key)];

	for (unsigned i = 0; i < WAYS; i++)
		if (set->keys[i] == key)
			set->values[i] = 0;
}

void id_cache_clear(struct id_cache *cache)
{
	for (size_t i = 0; i <= cache->mask; i++)
		/* Untouched memory stays untouched. */
		for (unsigned way = 0; way < WAYS; way++)
			if (cache->sets[i].values[way])
				cache->sets[i].values[way] = 0;
}
