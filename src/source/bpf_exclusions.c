/* See bpf_exclusions.h.  What is no longer left out goes first: nothing that somebody wants may be missing. */

#include "source/bpf_exclusions.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/macro.h"

/* "/run/systemd/" -> { "run", "systemd" }; false: it has more names, or longer ones, than the programs compare. */
static bool path_key(struct span path, struct probe_excluded *ret, unsigned *ret_names)
{
	unsigned n = 0;

	*ret = (struct probe_excluded){ 0 };
	if (path.size == 0 || path.data[0] != '/')
		return false;
	while (path.size > 0) {
		const char *end;
		size_t size;

		path.data++;
		path.size--;
		if (path.size == 0)
			break;
		end = memchr(path.data, '/', path.size);
		size = end ? (size_t)(end - path.data) : path.size;
		/* What fills the room may be the beginning of a longer name. */
		if (n == PROBE_EXCLUDED_NAMES || size == 0 || size >= PROBE_EXCLUDED_BYTES - 1)
			return false;
		memcpy(ret->name[n++], path.data, size);
		path = (struct span){ path.data + size, path.size - size };
	}
	*ret_names = n;
	return n > 0;
}

struct entry {
	union {
		struct probe_excluded path;
		char name[PROBE_NAME_BYTES];
	} key;
	uint32_t value;
};

struct entries {
	struct entry *items;
	size_t n, key_bytes;
};

/* Adds what the value says to an entry of that key; items has room. */
static void add(struct entries *entries, const struct entry *entry)
{
	for (size_t i = 0; i < entries->n; i++)
		if (memcmp(&entries->items[i].key, &entry->key, entries->key_bytes) == 0) {
			entries->items[i].value |= entry->value;
			return;
		}
	entries->items[entries->n++] = *entry;
}

/* Before there is such a path: its beginning is looked at no less than it is asked for.  It is looked at from then on. */
static void look_at(struct probe_control *control, const struct probe_excluded *path)
{
	__atomic_fetch_or(&control->first_names, PROBE_FIRST_NAME(path->name[0]), __ATOMIC_RELAXED);
}

static const struct entry *find(const struct entries *entries, const void *key)
{
	for (size_t i = 0; i < entries->n; i++)
		if (memcmp(&entries->items[i].key, key, entries->key_bytes) == 0)
			return &entries->items[i];
	return NULL;
}

static int bring(int map_fd, const struct entries *entries)
{
	struct entry key = { 0 }, next = { 0 };
	bool has_key = false;

	while (bpf_map_get_next_key(map_fd, has_key ? &key.key : NULL, &next.key) == 0) {
		if (find(entries, &next.key)) {
			key = next;
			has_key = true;
		} else if (bpf_map_delete_elem(map_fd, &next.key) < 0 && errno != ENOENT) {
			return -errno;
		}
	}
	for (size_t i = 0; i < entries->n; i++)
		if (bpf_map_update_elem(map_fd, &entries->items[i].key, &entries->items[i].value, BPF_ANY) < 0)
			return errno == E2BIG ? 0 : -errno;
	return 0;
}

int bpf_exclude_paths(int map_fd, struct probe_control *control, const struct source_wants *wants)
{
	_cleanup_(freep) struct entry *items = calloc(wants->n_excluded_paths + 1, sizeof(*items));
	struct entries entries = { .items = items, .key_bytes = sizeof(struct probe_excluded) };
	uint32_t depths = 0;
	int r;

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < wants->n_excluded_paths; i++) {
		const struct source_exclusion *exclusion = &wants->excluded_paths[i];
		struct entry entry = { .value = exclusion->below ? PROBE_EXCLUDE_BELOW : PROBE_EXCLUDE_ITSELF };
		unsigned n_names = 0;

		/* `/proc` as a beginning means /process too: no whole names. */
		if ((exclusion->below && !span_ends(exclusion->path, SPAN("/"))) ||
		    !path_key(exclusion->path, &entry.key.path, &n_names))
			continue;
		look_at(control, &entry.key.path);
		add(&entries, &entry);
		depths |= 1u << n_names;
	}
	r = bring(map_fd, &entries);
	if (r >= 0)
		__atomic_store_n(&control->excluded_depths, depths, __ATOMIC_RELAXED);
	return r;
}

/* The names that all of it begins with: "/etc/ss" as a beginning -> { "etc" } and what is below, as is a path of more or longer
 * names than the programs compare.  false: nothing is said of the first name. */
static bool folder_key(const struct source_exclusion *required, struct entry *ret, unsigned *ret_names)
{
	struct span path = required->path;

	ret->value = required->below ? PROBE_EXCLUDE_BELOW : PROBE_EXCLUDE_ITSELF;
	if (!required->below && path_key(path, &ret->key.path, ret_names))
		return true;
	ret->value = PROBE_EXCLUDE_BELOW;
	for (;;) {
		while (path.size > 0 && path.data[path.size - 1] != '/')
			path.size--;
		if (path.size <= 1)
			return false;
		if (path_key(path, &ret->key.path, ret_names))
			return true;
		path.size--;
	}
}

int bpf_require_paths(int map_fd, struct probe_control *control, const struct source_wants *wants)
{
	_cleanup_(freep) struct entry *items = calloc(wants->n_required_paths + 1, sizeof(*items));
	struct entries entries = { .items = items, .key_bytes = sizeof(struct probe_excluded) };
	uint32_t depths = 0;

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < wants->n_required_paths; i++) {
		struct entry entry = { 0 };
		unsigned n_names = 0;

		if (!folder_key(&wants->required_paths[i], &entry, &n_names)) {
			__atomic_store_n(&control->required_depths, 0, __ATOMIC_RELAXED);
			return 0;
		}
		look_at(control, &entry.key.path);
		add(&entries, &entry);
		depths |= 1u << n_names;
	}
	if (depths == 0)
		__atomic_store_n(&control->required_depths, 0, __ATOMIC_RELAXED);
	for (size_t i = 0; i < entries.n; i++)
		if (bpf_map_update_elem(map_fd, &items[i].key, &items[i].value, BPF_ANY) < 0) {
			__atomic_store_n(&control->required_depths, 0, __ATOMIC_RELAXED);
			return errno == E2BIG ? 0 : -errno;
		}
	__atomic_store_n(&control->required_depths, depths, __ATOMIC_RELAXED);
	return bring(map_fd, &entries);
}

int bpf_exclude_names(int map_fd, struct probe_control *control, const struct source_wants *wants)
{
	_cleanup_(freep) struct entry *items = calloc(wants->n_excluded_names + 1, sizeof(*items));
	struct entries entries = { .items = items, .key_bytes = PROBE_NAME_BYTES };
	int r;

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < wants->n_excluded_names; i++) {
		struct entry entry = { .value = 1 };

		if (wants->excluded_names[i].size >= sizeof(entry.key.name))
			continue;
		memcpy(entry.key.name, wants->excluded_names[i].data, wants->excluded_names[i].size);
		add(&entries, &entry);
	}
	r = bring(map_fd, &entries);
	if (r >= 0)
		__atomic_store_n(&control->excludes_names, entries.n > 0, __ATOMIC_RELAXED);
	return r;
}
