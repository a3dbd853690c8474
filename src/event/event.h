#pragma once
/* One event, and the text it owns.  Made by the core, handed from stage to stage, freed by the last sink. */

#include "event/context.h"
#include "event/file_id.h"
#include "event/path_place.h"

/* A path made of text of which nothing but the file system can say where it led; until it was asked it may have `..` in it. */
enum unsure {
	UNSURE_NOT,
	UNSURE_FOLDER,			/* its folder may be reached by links */
	UNSURE_FILE,			/* so may the file itself, which is what was acted upon */
};

/* Of event.mounts. */
#define MOUNTS_OF_PROCESS 0u		/* nobody tells: that of the process */
#define MOUNTS_OF_HOST 1u		/* no inode is that */
#define MOUNTS_OF_NONE UINT32_MAX	/* a memfd, a tree that was unmounted, or nobody knows whose */

struct event {
	struct values values;		/* first, see values.h */
#define EVENT(member, type, name, categories, meaning) field_##type member;
#include "event/fields.def"

	uint64_t time_ns;		/* since 1970 UTC */
	uint64_t origin;		/* tells it from others of that time, see decode/audit.h */
	uint64_t sequence;		/* in the database; 0 until stored */
	uint16_t kind;			/* KIND_ID(process, exec) */
	struct file_id folders[2];	/* that hold path and target_path, as the kernel found them, in either order */
	struct file_id found;		/* by the kernel: the script of an exec, the file of a driver; its changed_ns where that was told */
	bool path_in_folder, target_in_folder;	/* the path is a name in one of them */
	bool has_opened;		/* the process got a descriptor of the file: */
	int32_t opened;
	bool asked;			/* an audit rule that a user gave us asked for it */
	bool is_found;			/* by who looked at a file that was touched: whose doing it is `track` knows */
	bool is_unchanged;		/* ...and it is as it was */
	enum unsure unsure[2];		/* path and target_path */
	struct path_root root;		/* that they were seen from */
	bool is_of_host;		/* set by `track`: the host has such a file, by that name */
	uint32_t tid;			/* of its process, who did it; 0: not known */
	uint32_t mounts;		/* the mount namespace that they are of, by its inode; see below */
	uint32_t root_bytes[2];		/* of them, with which they begin; 0: `/`, or not known */
	struct context *context;	/* a reference; NULL before `track`, or when nothing is known */
	uint64_t streams;		/* bit set of the streams that want it, set by the filter */
	struct event *next;		/* for whoever owns it: a free list, a queue */
};

struct event *event_new(uint16_t kind, uint64_t time_ns);	/* NULL: no memory */
struct event *event_free(struct event *event);			/* NULL is fine; returns NULL */
DEFINE_CLEANUP(struct event, event_free)
/* It will be read in a moment: another thread's processor may have it. */
void event_fetch(const struct event *event);			/* NULL is fine */
/* All fields and what the event is known by, and a reference to its context, for who keeps it longer than its owner.  NULL: no
 * memory. */
struct event *event_copy(const struct event *event);

static inline enum category event_category(const struct event *event)
{
	return kinds[event->kind].category;
}

/* What an event in a queue costs, roughly: a queue is bounded by this too, since arguments alone may have megabytes.
 * Contexts are shared; their text is counted with the events that make them, and with signals, since what set one
 * off may not be wanted itself. */
static inline size_t event_bytes(const struct event *event)
{
	size_t bytes = sizeof(*event) + event->values.arena_capacity;

	if (event->context && (event_category(event) == CATEGORY_process || event_category(event) == CATEGORY_signal))
		bytes += sizeof(*event->context) + event->context->values.arena_capacity;
	return bytes;
}

/* When what it tells of began: of several acts of a file that one event tells the first. */
uint64_t event_begin_ns(const struct event *event);

/* event.id: unique on its host, the same every time the same bytes are read; reversible.
 * "18a6f2b3c4d5e6f7-12345" = time in hex, origin in hex. */
#define EVENT_ID_MAX 40
size_t event_id(const struct event *event, char ret[EVENT_ID_MAX]);
int event_id_parse(struct span id, uint64_t *ret_time_ns, uint64_t *ret_origin);	/* 0 or -EINVAL */
