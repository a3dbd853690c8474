/* See resolved.h. */

#include "track/resolved.h"

#include <errno.h>
#include <stdlib.h>

#include "base/macro.h"

#define SLOTS 4096			/* a power of two */
#define ADDRESS_BYTES 46		/* INET6_ADDRSTRLEN */
#define NAME_BYTES 1024			/* of a name as it is shown, at most; RFC 1035 has 255, some of which take four */

struct slot {
	uint32_t node;
	uint8_t address_size;		/* 0: free */
	char address[ADDRESS_BYTES];
	uint16_t name_size;
	char *name;
};

struct resolved {
	struct slot slots[SLOTS];
	bool is_used;			/* else none of this memory has been touched */
};

int resolved_new(struct resolved **ret)
{
	struct resolved *resolved = calloc(1, sizeof(*resolved));

	if (!resolved)
		return -ENOMEM;
	*ret = resolved;
	return 0;
}

void resolved_clear(struct resolved *resolved)
{
	if (!resolved->is_used)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		free(resolved->slots[i].name);
	memset(resolved, 0, sizeof(*resolved));
}

struct resolved *resolved_free(struct resolved *resolved)
{
	if (resolved)
		resolved_clear(resolved);
	free(resolved);
	return NULL;
}

static const struct slot *slot_of(const struct resolved *resolved, uint32_t node, struct span address)
{
	return &resolved->slots[span_hash(address, node) % SLOTS];
}

static bool is_of(const struct slot *slot, uint32_t node, struct span address)
{
	return slot->address_size > 0 && slot->node == node && span_eq((struct span){ slot->address, slot->address_size }, address);
}

struct span resolved_find(const struct resolved *resolved, uint32_t node, struct span address)
{
	const struct slot *slot = slot_of(resolved, node, address);

	return is_of(slot, node, address) ? (struct span){ slot->name, slot->name_size } : (struct span){ NULL, 0 };
}

int resolved_learn(struct resolved *resolved, uint32_t node, struct span address, struct span name)
{
	struct slot *slot = (struct slot *)(uintptr_t)slot_of(resolved, node, address);
	char *copy;

	if (address.size == 0 || address.size > ADDRESS_BYTES || name.size == 0 || name.size > NAME_BYTES)
		return 0;
	if (likely(is_of(slot, node, address) && span_eq((struct span){ slot->name, slot->name_size }, name)))
		return 0;
	copy = malloc(name.size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, name.data, name.size);
	free(slot->name);
	*slot = (struct slot){ .node = node, .address_size = (uint8_t)address.size, .name_size = (uint16_t)name.size, .name = copy };
	memcpy(slot->address, address.data, address.size);
	resolved->is_used = true;
	return 0;
}
