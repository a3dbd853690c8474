/* See file_names.h.  A table of fixed size, in buckets: the newer pushes out what was told longest ago. */

#include "track/file_names.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/macro.h"

#define SLOTS  4096
#define BUCKET 4			/* slots that a file may be in */

struct slot {
	struct file_key key;		/* not known: free */
	uint64_t time_ns;
	uint32_t pid;
	uint16_t size, room;		/* of the path, and what is allocated for it */
	char *path;
};

struct file_names {
	struct slot slots[SLOTS];
	bool is_used;			/* else none of this memory has been touched */
};

_Static_assert(PATH_MAX <= UINT16_MAX, "a path fits");

int file_names_new(struct file_names **ret)
{
	struct file_names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	*ret = names;
	return 0;
}

void file_names_clear(struct file_names *names)
{
	if (!names->is_used)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		free(names->slots[i].path);
	memset(names, 0, sizeof(*names));
}

struct file_names *file_names_free(struct file_names *names)
{
	if (names)
		file_names_clear(names);
	free(names);
	return NULL;
}

static bool is_of(const struct slot *slot, struct file_key key)
{
	return slot->key.known && key.known && slot->key.of == key.of && slot->key.number == key.number;
}

/* The first of those that it may be in. */
static size_t bucket_of(struct file_key key)
{
	uint64_t bytes[] = { key.of, key.number };

	return span_hash((struct span){ (const char *)bytes, sizeof(bytes) }, 0) % (SLOTS / BUCKET) * BUCKET;
}

/* Where it is, or else is to be: a free one, or that which was told longest ago. */
static struct slot *slot_for(struct file_names *names, struct file_key key)
{
	struct slot *bucket = &names->slots[bucket_of(key)], *worst = bucket;

	for (size_t i = 0; i < BUCKET; i++) {
		if (is_of(&bucket[i], key))
			return &bucket[i];
		if (worst->key.known && (!bucket[i].key.known || bucket[i].time_ns < worst->time_ns))
			worst = &bucket[i];
	}
	return worst;
}

int file_names_learn(struct file_names *names, struct file_key key, struct span path, uint32_t pid, uint64_t time_ns)
{
	struct slot *slot;

	if (!key.known || path.size == 0 || path.size >= PATH_MAX)
		return 0;
	slot = slot_for(names, key);
	if (path.size > slot->room) {
		uint16_t room = (uint16_t)MAX(path.size, (size_t)64);
		char *grown = realloc(slot->path, room);

		if (!grown)
			return -ENOMEM;
		slot->path = grown;
		slot->room = room;
	}
	memcpy(slot->path, path.data, path.size);
	slot->size = (uint16_t)path.size;
	slot->key = key;
	slot->pid = pid;
	slot->time_ns = time_ns;
	names->is_used = true;
	return 0;
}

void file_names_forget(struct file_names *names, struct file_key key, struct span path)
{
	struct slot *slot = slot_for(names, key);

	if (is_of(slot, key) && (!path.data || span_eq((struct span){ slot->path, slot->size }, path)))
		slot->key.known = false;
}

void file_names_forget_below(struct file_names *names, struct span folder)
{
	for (size_t i = 0; names->is_used && i < SLOTS; i++) {
		struct slot *slot = &names->slots[i];
		struct span path = { slot->path, slot->size };

		if (slot->key.known && path.size > folder.size && span_starts(path, folder) && path.data[folder.size] == '/')
			slot->key.known = false;
	}
}

struct span file_names_find(const struct file_names *names, struct file_key key, uint64_t time_ns, uint64_t max_age_ns, uint32_t *ret_pid)
{
	const struct slot *bucket = &names->slots[bucket_of(key)];

	for (size_t i = 0; i < BUCKET; i++) {
		if (!is_of(&bucket[i], key))
			continue;
		if (time_ns - bucket[i].time_ns > max_age_ns)	/* unsigned: what was said later than that is nothing either */
			break;
		if (ret_pid)
			*ret_pid = bucket[i].pid;
		return (struct span){ bucket[i].path, bucket[i].size };
	}
	return (struct span){ NULL, 0 };
}
