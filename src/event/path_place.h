#pragma once
/* From where a path is seen: what the core tells whoever asks the file system for it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* The root of a process: where absolute names and links begin and `..` ends. */
struct path_root {
	uint64_t inode;			/* 0: it is the root of its mount */
	uint32_t mount;			/* the id of that, as in /proc/PID/mountinfo: each mount namespace has mounts of its own */
	uint32_t init;			/* the first process of the pid namespace; 0: the root is not known */
};

static inline bool path_root_is(struct path_root a, struct path_root b)
{
	if (a.init == 0 || b.init == 0)
		return a.init == b.init;
	return a.inode == b.inode && a.mount == b.mount;
}

#define PATH_PLACE_PIDS 8
struct path_place {
	struct path_root root;
	uint32_t mount_namespace;	/* its inode; 0: not asked for */
	uint32_t pids[PATH_PLACE_PIDS];	/* who may have it, the likeliest first */
	unsigned n_pids;
};

/* Likewise of what the host calls it. */
static inline uint32_t path_place_host_hash(const struct path_place *place, struct span path)
{
	return (uint32_t)span_hash(path, ((uint64_t)place->mount_namespace << 32 | place->root.mount) ^ place->root.inode);
}

/* What an answer is known by; place NULL: as the recorder sees it. */
static inline uint32_t path_place_hash(const struct path_place *place, struct span path)
{
	return (uint32_t)span_hash(path, place ? ((uint64_t)place->root.mount + 1) << 32 ^ place->root.inode : 0);
}
