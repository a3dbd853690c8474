/* See tally.h. */

#include <errno.h>
#include <search.h>

#include "cli/tally.h"

#define ENTRY_BYTES (sizeof(struct tally_entry) + 80)	/* with its place in the list, its node and what malloc adds */
#define CACHED 4096

struct tally {
	void *tree;			/* of entries, by key */
	struct tally_entry **entries;
	size_t n, capacity, bytes;
	size_t max_values, max_bytes;
	uint64_t taken;			/* from the weight of each, altogether */
	struct tally_entry *cache[CACHED];
};

int tally_new(struct tally **ret, size_t max_values, size_t max_bytes)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	if (!tally)
		return -ENOMEM;
	tally->max_values = MAX(max_values, 2u);
	tally->max_bytes = max_bytes;
	*ret = tally;
	return 0;
}

static void leave(void *entry)
{
}

struct tally *tally_free(struct tally *tally)
{
	if (!tally)
		return NULL;
	tdestroy(tally->tree, leave);
	for (size_t i = 0; i < tally->n; i++)
		free(tally->entries[i]);
	free(tally->entries);
	free(tally);
	return NULL;
}

static int compare_keys(const void *a, const void *b)
{
	const struct tally_entry *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return memcmp(x->key, y->key, x->size);
}

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int find_median(const struct tally *tally, uint64_t *ret)
{
	_cleanup_(freep) uint64_t *weights = calloc(tally->n, sizeof(*weights));

	if (!weights)
		return -ENOMEM;
	for (size_t i = 0; i < tally->n; i++)
		weights[i] = tally->entries[i]->weight;
	qsort(weights, tally->n, sizeof(*weights), compare_numbers);
	*ret = weights[(tally->n - 1) / 2];
	return 0;
}

static int make_room(struct tally *tally)
{
	uint64_t median;
	size_t n = 0;

	if (find_median(tally, &median) < 0)
		return -ENOMEM;
	tally->taken += median;
	for (size_t i = 0; i < tally->n; i++) {
		struct tally_entry *entry = tally->entries[i];

		if (entry->weight > median) {
			entry->weight -= median;
			tally->entries[n++] = entry;
			continue;
		}
		tdelete(entry, &tally->tree, compare_keys);
		tally->bytes -= entry->size + ENTRY_BYTES;
		free(entry);
	}
	tally->n = n;
	memset(tally->cache, 0, sizeof(tally->cache));
	return 0;
}

static int grow(struct tally *tally)
{
	size_t capacity = tally->capacity ? tally->capacity * 2 : 256;
	struct tally_entry **entries;

	if (tally->n < tally->capacity)
		return 0;
	entries = reallocarray(tally->entries, capacity, sizeof(struct tally_entry *));
	if (!entries)
		return -ENOMEM;
	tally->entries = entries;
	tally->capacity = capacity;
	return 0;
}

/* Takes the entry if there is none with its key. */
static int find_or_add(struct tally *tally, struct tally_entry **entry)
{
	struct tally_entry **found;

	if (grow(tally) < 0)
		return -ENOMEM;
	found = tsearch(*entry, &tally->tree, compare_keys);
	if (!found)
		return -ENOMEM;
	if (*found != *entry) {
		free(*entry);
		*entry = *found;
		return 0;
	}
	tally->entries[tally->n++] = *entry;
	tally->bytes += (*entry)->size + ENTRY_BYTES;
	return 1;
}

static int look_up(struct tally *tally, struct span key, uint64_t time_ns, struct tally_entry **ret)
{
	struct tally_entry *entry = calloc(1, sizeof(*entry) + key.size);
	int r;

	if (!entry)
		return -ENOMEM;
	entry->first_ns = entry->last_ns = time_ns;
	entry->size = key.size;
	if (key.size > 0)
		memcpy(entry->key, key.data, key.size);
	r = find_or_add(tally, &entry);
	if (r < 0) {
		free(entry);
		return r;
	}
	if (r > 0)
		entry->missed = tally->taken;
	*ret = entry;
	return 0;
}

static void count(struct tally_entry *entry, uint64_t time_ns)
{
	entry->count++;
	entry->weight++;
	entry->first_ns = MIN(entry->first_ns, time_ns);
	entry->last_ns = MAX(entry->last_ns, time_ns);
}

int tally_add(struct tally *tally, struct span key, uint64_t time_ns)
{
	size_t slot = span_hash(key, 0) % CACHED;
	struct tally_entry *entry = tally->cache[slot];

	if (key.size > TALLY_KEY_MAX || key.size + ENTRY_BYTES > tally->max_bytes)
		return -E2BIG;
	if (!entry || !span_eq((struct span){ entry->key, entry->size }, key)) {
		int r = look_up(tally, key, time_ns, &entry);

		if (r < 0)
			return r;
		tally->cache[slot] = entry;
	}
	count(entry, time_ns);
	while (tally->n > tally->max_values || tally->bytes > tally->max_bytes)
		if (make_room(tally) < 0)
			return -ENOMEM;
	return 0;
}

static int compare_ranks(const void *a, const void *b)
{
	const struct tally_entry *x = *(struct tally_entry *const *)a, *y = *(struct tally_entry *const *)b;
	int by_key;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	by_key = memcmp(x->key, y->key, MIN(x->size, y->size));
	return by_key ? by_key : (x->size > y->size) - (x->size < y->size);
}

size_t tally_ranking(struct tally *tally, const struct tally_entry *const **ret)
{
	if (tally->n > 0)
		qsort(tally->entries, tally->n, sizeof(struct tally_entry *), compare_ranks);
	*ret = (const struct tally_entry *const *)tally->entries;
	return tally->n;
}

uint64_t tally_gone_max(const struct tally *tally)
{
	return tally->taken;
}
