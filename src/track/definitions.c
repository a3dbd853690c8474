/* See definitions.h. */

#include "track/definitions.h"

#include <errno.h>
#include <stdlib.h>

#include "event/account.h"
#include "event/definition.h"

#define LATE_NS (5 * NS_PER_SEC)	/* audit tells of a touch that long after eBPF at most; a clock that was set back, by more */

struct touch {
	uint64_t time_ns;
	uint32_t hash, path_size;
	char *path;			/* NULL: free */
	struct context *context;
};

struct definitions {
	struct touch touches[DEFINITIONS_MAX];
	unsigned n;
};

int definitions_new(struct definitions **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

static void forget(struct touch *touch)
{
	free(touch->path);
	context_unref(touch->context);
	*touch = (struct touch){ 0 };
}

void definitions_clear(struct definitions *definitions)
{
	for (unsigned i = 0; i < definitions->n; i++)
		forget(&definitions->touches[i]);
	definitions->n = 0;
}

struct definitions *definitions_free(struct definitions *definitions)
{
	if (definitions)
		definitions_clear(definitions);
	free(definitions);
	return NULL;
}

static struct touch *find(const struct definitions *definitions, struct span path)
{
	uint32_t hash = (uint32_t)span_hash(path, 0);

	for (unsigned i = 0; i < definitions->n; i++) {
		const struct touch *touch = &definitions->touches[i];

		if (touch->hash == hash && span_eq((struct span){ touch->path, touch->path_size }, path))
			return (struct touch *)(uintptr_t)touch;
	}
	return NULL;
}

static struct touch *oldest(struct definitions *definitions)
{
	struct touch *oldest = &definitions->touches[0];

	for (unsigned i = 1; i < definitions->n; i++)
		if (definitions->touches[i].time_ns < oldest->time_ns)
			oldest = &definitions->touches[i];
	return oldest;
}

int definitions_touch(struct definitions *definitions, struct span path, struct context *context, uint64_t time_ns)
{
	struct touch *touch = find(definitions, path);
	char *copy;

	if (touch && touch->time_ns > time_ns && touch->time_ns - time_ns < LATE_NS)
		return 0;

	if (!touch) {
		copy = malloc(path.size);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, path.data, path.size);
		if (definitions->n < DEFINITIONS_MAX) {
			touch = &definitions->touches[definitions->n++];
		} else {
			touch = oldest(definitions);
			forget(touch);
		}
		*touch = (struct touch){ .hash = (uint32_t)span_hash(path, 0), .path = copy, .path_size = (uint32_t)path.size };
	}
	context_ref(context);
	context_unref(touch->context);
	touch->context = context;
	touch->time_ns = time_ns;
	return 0;
}

struct context *definitions_toucher(const struct definitions *definitions, struct span path)
{
	const struct touch *touch = find(definitions, path);

	return touch ? touch->context : NULL;
}

static bool is_watched(struct span path)
{
	enum account_file file;
	struct span name;

	return definition_of(path, &name) != DEFINITION_NONE || account_file_of(path, &file);
}

/* The record comes when the files are written, or a moment before. */
static int accounts_of(const struct event *event, int (*fn)(void *user, struct span path), void *user)
{
	int r = 0;

	if (event->is_found || event->kind < KIND_ID(security, password_change) || event->kind > KIND_ID(security, group_modify))
		return 0;
	for (unsigned i = 0; r >= 0 && i < N_ACCOUNT_FILES; i++)
		r = fn(user, span_of(account_paths[i]));
	return r;
}

int definitions_of(const struct event *event, int (*fn)(void *user, struct span path), void *user)
{
	static const struct {
		uint16_t kind;
		bool path, target_path;		/* whether it comes, goes or has other content */
	} acts[] = {
		{ KIND_ID(file, create), true, false },	  { KIND_ID(file, write), true, false },  { KIND_ID(file, rename), true, true },
		{ KIND_ID(file, delete), true, false },	  { KIND_ID(file, link), false, true },	  { KIND_ID(file, symlink), true, false },
		{ KIND_ID(file, truncate), true, false },
	};
	int r;

	if (span_eq(values_text(&event->values, FIELD_outcome), SPAN("failure")))
		return 0;		/* who failed has changed nothing */
	r = accounts_of(event, fn, user);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(acts); i++) {
		struct span path;

		if (acts[i].kind != event->kind)
			continue;
		path = values_text(&event->values, FIELD_path);
		if (acts[i].path && is_watched(path))
			r = fn(user, path);
		path = values_text(&event->values, FIELD_target_path);
		if (r >= 0 && acts[i].target_path && is_watched(path))
			r = fn(user, path);
	}
	return MIN(r, 0);
}
