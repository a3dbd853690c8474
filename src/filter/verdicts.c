/* See verdicts.h.
 *
 * DESIGN: a table by the serial of the context, one place for each; serials are given in order, so it holds the youngest
 * contexts and those old ones that no younger one has displaced. A context is not referred to: its serial is never given again.
 * What an ancestor answers is kept with the ancestor, so a new process costs its own fields and a copy of its parent's list. */

#include <errno.h>

#include "filter/verdicts.h"
#include "filter/field_name.h"

#define N_ENTRIES 1024u

struct verdicts {
	struct context_verdicts entries[N_ENTRIES];
	uint64_t *bits;			/* of all entries */
	size_t n_words, n_dead_words;	/* of known, and of holds; of dead */
	struct context_search *searches;
	size_t n_searches;
	bool any_above;			/* some search is in ancestors */
	uint32_t *set;			/* found so far, each once */
	size_t n_set;
	uint64_t *marks, mark;		/* of each value: the last set that it was in */
};

int verdicts_new(struct verdicts **ret, const struct context_search *searches, size_t n, size_t n_values, size_t n_terms,
		 size_t n_filters)
{
	size_t n_bits;
	_cleanup_(verdicts_freep) struct verdicts *verdicts = calloc(1, sizeof(*verdicts));

	if (!verdicts)
		return -ENOMEM;
	verdicts->n_words = (n_terms + 63) / 64;
	verdicts->n_dead_words = (n_filters + 63) / 64;
	n_bits = verdicts->n_words * 2 + verdicts->n_dead_words;
	verdicts->bits = calloc(MAX(n_bits * N_ENTRIES, 1u), sizeof(*verdicts->bits));
	verdicts->searches = calloc(MAX(n, 1u), sizeof(*searches));
	verdicts->set = calloc(MAX(n_values, 1u), sizeof(*verdicts->set));
	verdicts->marks = calloc(MAX(n_values, 1u), sizeof(*verdicts->marks));
	if (!verdicts->bits || !verdicts->searches || !verdicts->set || !verdicts->marks)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		verdicts->searches[i] = searches[i];
		verdicts->any_above = verdicts->any_above || searches[i].place == PLACE_ancestry;
	}
	verdicts->n_searches = n;
	for (size_t i = 0; i < N_ENTRIES; i++) {
		verdicts->entries[i].known = verdicts->bits + i * n_bits;
		verdicts->entries[i].holds = verdicts->entries[i].known + verdicts->n_words;
		verdicts->entries[i].dead = verdicts->entries[i].holds + verdicts->n_words;
	}
	*ret = TAKE(verdicts);
	return 0;
}

struct verdicts *verdicts_free(struct verdicts *verdicts)
{
	if (!verdicts)
		return NULL;
	for (size_t i = 0; i < N_ENTRIES; i++) {
		free(verdicts->entries[i].found);
		free(verdicts->entries[i].above);
	}
	free(verdicts->bits);
	free(verdicts->searches);
	free(verdicts->set);
	free(verdicts->marks);
	free(verdicts);
	return NULL;
}

static struct context_verdicts *entry_of(struct verdicts *verdicts, const struct context *context)
{
	struct context_verdicts *entry = &verdicts->entries[context->serial & (N_ENTRIES - 1)];

	if (entry->serial == context->serial)
		return entry;
	entry->serial = context->serial;
	entry->has_found = entry->has_above = false;
	memset(entry->known, 0, verdicts->n_words * sizeof(*entry->known));
	memset(entry->dead, 0, verdicts->n_dead_words * sizeof(*entry->dead));
	return entry;
}

/* The set */

static void set_begin(struct verdicts *verdicts)
{
	verdicts->n_set = 0;
	verdicts->mark++;
}

static void set_add(void *user, uint32_t value)
{
	struct verdicts *verdicts = user;

	if (verdicts->marks[value] == verdicts->mark)
		return;
	verdicts->marks[value] = verdicts->mark;
	verdicts->set[verdicts->n_set++] = value;
}

static int set_store(const struct verdicts *verdicts, uint32_t **list, size_t *n, size_t *capacity)
{
	if (verdicts->n_set > *capacity) {
		uint32_t *grown = reallocarray(*list, verdicts->n_set, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*list = grown;
		*capacity = verdicts->n_set;
	}
	if (verdicts->n_set > 0)
		memcpy(*list, verdicts->set, verdicts->n_set * sizeof(**list));
	*n = verdicts->n_set;
	return 0;
}

static void search_in(struct verdicts *verdicts, const struct context *context, enum place place)
{
	for (size_t i = 0; context && i < verdicts->n_searches; i++)
		if (verdicts->searches[i].place == place)
			search_values(verdicts->searches[i].search, &context->values, set_add, verdicts);
}

/* Fills the set with what is true for the context or one above it. From the nearest that has its list downwards. */
static int find_above(struct verdicts *verdicts, const struct context *context)
{
	const struct context *chain[CONTEXT_MAX_DEPTH + 2];
	size_t n = 0;

	for (; context && n < ARRAY_SIZE(chain); context = context->parent) {
		struct context_verdicts *entry = entry_of(verdicts, context);

		if (entry->has_above) {
			for (size_t i = 0; i < entry->n_above; i++)
				set_add(verdicts, entry->above[i]);
			break;
		}
		chain[n++] = context;
	}
	while (n > 0) {
		struct context_verdicts *entry = entry_of(verdicts, chain[--n]);

		search_in(verdicts, chain[n], PLACE_ancestry);
		if (set_store(verdicts, &entry->above, &entry->n_above, &entry->above_capacity) < 0)
			return -ENOMEM;
		entry->has_above = true;
	}
	return 0;
}

struct context_verdicts *verdicts_of(struct verdicts *verdicts, const struct context *context)
{
	struct context_verdicts *entry = entry_of(verdicts, context);

	if (entry->has_found)
		return entry;
	if (verdicts->n_searches == 0) {
		entry->has_found = true;
		return entry;
	}
	set_begin(verdicts);
	if (verdicts->any_above && context->parent && find_above(verdicts, context->parent) < 0)
		return NULL;
	search_in(verdicts, context, PLACE_process);
	search_in(verdicts, context->parent, PLACE_parent);
	/* Looking at ancestors may have taken the place. */
	entry = entry_of(verdicts, context);
	if (set_store(verdicts, &entry->found, &entry->n_found, &entry->found_capacity) < 0)
		return NULL;
	entry->has_found = true;
	return entry;
}
