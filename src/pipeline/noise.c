/* See noise.h. */

#include "pipeline/noise.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/sip.h"

#define N_ENTRIES 32u
#define ENOUGH 256u			/* events before anybody is said to make most of them */

struct entry {
	uint64_t key;
	uint32_t count;
	uint32_t over;			/* of it, what others may have made whose place it took */
	struct context *context;	/* a reference */
};

struct noise {
	struct sip_key key;
	uint64_t total;
	uint32_t n[N_NOISE_SORTS];
	struct entry entries[N_NOISE_SORTS][N_ENTRIES];
};

static const struct {
	const char *name;
	enum field field, words;	/* what tells one from another, and what a person knows it by */
} sorts[N_NOISE_SORTS] = {
	[NOISE_PROCESS] = { "process", FIELD_entity_id, FIELD_executable },
	[NOISE_PROGRAM] = { "program", FIELD_executable, FIELD_executable },
	[NOISE_USER] = { "user", FIELD_uid, FIELD_user_name },
	[NOISE_UNIT] = { "unit", FIELD_unit, FIELD_unit },
	[NOISE_CONTAINER] = { "container", FIELD_container_id, FIELD_container_id },
};

int noise_new(struct noise **ret)
{
	struct noise *noise = calloc(1, sizeof(*noise));
	int r = noise ? sip_key_new(&noise->key) : -ENOMEM;

	if (r < 0) {
		free(noise);
		return r;
	}
	*ret = noise;
	return 0;
}

void noise_clear(struct noise *noise)
{
	for (unsigned sort = 0; sort < N_NOISE_SORTS; sort++) {
		for (uint32_t i = 0; i < noise->n[sort]; i++)
			context_unref(noise->entries[sort][i].context);
		noise->n[sort] = 0;
	}
	noise->total = 0;
}

struct noise *noise_free(struct noise *noise)
{
	if (!noise)
		return NULL;
	noise_clear(noise);
	free(noise);
	return NULL;
}

static uint64_t key_of(const struct noise *noise, enum noise_sort sort, const struct context *context)
{
	enum field field = sorts[sort].field;

	return field_type_is_text(fields[field].type) ? sip_hash(&noise->key, sort, values_text(&context->values, field)) :
							values_number(&context->values, field);
}

static struct entry *entry_of(struct noise *noise, enum noise_sort sort, uint64_t key)
{
	for (uint32_t i = 0; i < noise->n[sort]; i++)
		if (noise->entries[sort][i].key == key)
			return &noise->entries[sort][i];
	return NULL;
}

static struct entry *least(struct noise *noise, enum noise_sort sort)
{
	struct entry *entries = noise->entries[sort], *found = entries;

	for (uint32_t i = 1; i < noise->n[sort]; i++)
		if (entries[i].count < found->count)
			found = &entries[i];
	return found;
}

/* A place for a source that has none: a free one, or that of the one with the least, whose count it takes over. */
static struct entry *take_place(struct noise *noise, enum noise_sort sort, uint64_t key, struct context *context)
{
	struct entry *entry;

	if (noise->n[sort] < N_ENTRIES) {
		entry = &noise->entries[sort][noise->n[sort]++];
		*entry = (struct entry){ .key = key };
	} else {
		entry = least(noise, sort);
		context_unref(entry->context);
		*entry = (struct entry){ .key = key, .count = entry->count, .over = entry->count };
	}
	entry->context = context_ref(context);
	return entry;
}

void noise_add(struct noise *noise, struct context *context)
{
	noise->total++;
	for (unsigned sort = 0; context && sort < N_NOISE_SORTS; sort++) {
		struct entry *entry;
		uint64_t key;

		if (!values_has(&context->values, sorts[sort].field))
			continue;
		key = key_of(noise, sort, context);
		entry = entry_of(noise, sort, key);
		if (!entry)
			entry = take_place(noise, sort, key, context);
		entry->count += entry->count < UINT32_MAX;
	}
}

void noise_halve(struct noise *noise)
{
	noise->total /= 2;
	for (unsigned sort = 0; sort < N_NOISE_SORTS; sort++) {
		uint32_t n = 0;

		for (uint32_t i = 0; i < noise->n[sort]; i++) {
			struct entry entry = noise->entries[sort][i];

			entry.count /= 2;
			entry.over /= 2;
			if (entry.count > 0)
				noise->entries[sort][n++] = entry;
			else
				context_unref(entry.context);
		}
		noise->n[sort] = n;
	}
}

bool noise_find(const struct noise *noise, struct noise_source *ret)
{
	struct noise_source found = { .context = NULL };
	uint32_t least_count = UINT32_MAX;

	for (unsigned sort = 0; noise->total >= ENOUGH && sort < N_NOISE_SORTS; sort++)
		for (uint32_t i = 0; i < noise->n[sort]; i++) {
			const struct entry *entry = &noise->entries[sort][i];

			if (((uint64_t)entry->count - entry->over) * 2 < noise->total || entry->count >= least_count)
				continue;
			least_count = entry->count;
			found = (struct noise_source){ sort, entry->context };
		}
	if (!found.context)
		return false;
	context_ref(found.context);
	*ret = found;
	return true;
}

bool noise_is_over(const struct noise *noise, const struct noise_source *source)
{
	for (uint32_t i = 0; i < noise->n[source->sort]; i++)
		if (noise_is_of(source, noise->entries[source->sort][i].context))
			return (uint64_t)noise->entries[source->sort][i].count * 4 < noise->total;
	return true;
}

bool noise_is_of(const struct noise_source *source, const struct context *context)
{
	enum field field = sorts[source->sort].field;

	return context == source->context ||
	       (context && values_has(&context->values, field) && values_equal(&source->context->values, &context->values, field));
}

void noise_source_release(struct noise_source *source)
{
	source->context = context_unref(source->context);
}

void noise_source_name(const struct noise_source *source, char ret[static NOISE_NAME_MAX])
{
	const struct values *values = &source->context->values;
	struct span words = values_text(values, sorts[source->sort].words);
	int size = (int)MIN(words.size, (size_t)NOISE_NAME_MAX / 2);

	switch (source->sort) {
	case NOISE_PROCESS:
	case NOISE_USER:
		snprintf(ret, NOISE_NAME_MAX, "%s %u (%.*s)", sorts[source->sort].name,
			 source->sort == NOISE_PROCESS ? source->context->pid : source->context->uid, size, words.data ? words.data : "");
		break;
	default:
		snprintf(ret, NOISE_NAME_MAX, "%s %.*s", sorts[source->sort].name, size, words.data ? words.data : "");
	}
}
