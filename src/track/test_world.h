#pragma once
/* A tracker with a /proc of its own, and the words that the scripts of the tests are made of. */

#include "track/track.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define BOOT_NS (UINT64_C(1700000000) * NS_PER_SEC)
#define TICK_NS (10 * NS_PER_MS)
#define AT(ms)	(BOOT_NS + 1000 * NS_PER_SEC + (uint64_t)(ms)*NS_PER_MS)
#define BOOT_ID SPAN("4b8063a9-32f0-4ebe-a7ce-c1af3976eca3")

/* A /proc of our own. */
struct shown {
	uint32_t pid, ppid;
	uint64_t start_ns; /* since boot */
	const char *exe;
	const char *unit;
	const char *namespaces;
};

/* Where a path leads in a file system of our own. */
struct led {
	const char *path, *real;
	int error;
};

struct world {
	struct tracker *tracker;
	struct context *actor;
	struct shown shown[200];
	unsigned n_shown, n_asked;
	char folder[64];
	uint32_t folder_pid;
	int32_t folder_fd;
	struct led led[16];
	unsigned n_led, n_paths_asked;
	struct path_place asked_from;
};

static inline int lookup(void *user, uint32_t pid, struct context *ret)
{
	struct world *world = user;

	world->n_asked++;
	for (unsigned i = 0; i < world->n_shown; i++) {
		const struct shown *s = &world->shown[i];

		if (s->pid != pid)
			continue;
		values_set_number(&ret->values, FIELD_pid, pid);
		values_set_number(&ret->values, FIELD_ppid, s->ppid);
		values_set_number(&ret->values, FIELD_start, s->start_ns);
		values_set_number(&ret->values, FIELD_uid, 0);
		if (s->exe) {
			values_set_text(&ret->values, FIELD_executable, span_of(s->exe));
			values_append_list(&ret->values, FIELD_args, span_of(s->exe));
		}
		if (s->unit)
			values_set_text(&ret->values, FIELD_unit, span_of(s->unit));
		if (s->namespaces)
			values_set_text(&ret->values, FIELD_namespaces, span_of(s->namespaces));
		return 0;
	}
	return -ESRCH;
}

static inline int resolve_fd(void *user, uint32_t pid, int32_t fd, char *ret, size_t size)
{
	struct world *world = user;

	world->folder_pid = pid;
	world->folder_fd = fd;
	if (world->folder[0] == 0)
		return -ENOENT;
	snprintf(ret, size, "%s", world->folder);
	return 0;
}

/* What is not in the list is not there. */
static inline int resolve_path(void *user, const struct path_place *from, const char *path, struct file_id *ret_id,
			       char *ret, size_t size)
{
	struct world *world = user;

	world->n_paths_asked++;
	world->asked_from = from ? *from : (struct path_place){ 0 };
	for (unsigned i = 0; i < world->n_led; i++) {
		const struct led *l = &world->led[i];

		if (strcmp(l->path, path) != 0)
			continue;
		if (l->error < 0)
			return l->error;
		snprintf(ret, size, "%s", l->real);
		*ret_id = (struct file_id){ .device = 7, .inode = i + 1, .known = true };
		return 0;
	}
	return -ENOENT;
}

static inline void leads(struct world *world, const char *path, const char *real)
{
	assert_true(world->n_led < ARRAY_SIZE(world->led));
	world->led[world->n_led++] = (struct led){ path, real, 0 };
}

static inline void begin_with(struct world *world, struct tracker_options *options)
{
	options->boot_id = BOOT_ID;
	options->ticks_per_second = 100;
	options->user = world;
	assert_int_equal(tracker_new(&world->tracker, options), 0);
	world->actor = context_new();
	assert_non_null(world->actor);
}

static inline void begin(struct world *world)
{
	struct tracker_options options = { .boot_time_ns = BOOT_NS };

	*world = (struct world){ 0 };
	begin_with(world, &options);
}

static inline void begin_live(struct world *world)
{
	struct tracker_options options = { .boot_time_ns = BOOT_NS,
					   .lookup = lookup,
					   .resolve_fd = resolve_fd };

	*world = (struct world){ 0 };
	begin_with(world, &options);
}

static inline void end(struct world *world)
{
	context_unref(world->actor);
	tracker_free(world->tracker);
}

/* The actor of the next event. */
static inline struct values *actor(struct world *world, uint32_t pid)
{
	context_reset(world->actor);
	values_set_number(&world->actor->values, FIELD_pid, pid);
	return &world->actor->values;
}

static inline void say(struct values *values, enum field field, const char *text)
{
	values_set_text(values, field, span_of(text));
}

/* What a SYSCALL record has. */
static inline struct values *caller(struct world *world, uint32_t pid, uint32_t ppid, uint32_t uid,
				    const char *exe)
{
	static const enum field ids[] = { FIELD_uid, FIELD_euid, FIELD_suid, FIELD_fsuid,
					  FIELD_gid, FIELD_egid, FIELD_sgid, FIELD_fsgid };
	struct values *values = actor(world, pid);
	const char *name = strrchr(exe, '/');

	values_set_number(values, FIELD_ppid, ppid);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		values_set_number(values, ids[i], uid);
	values_set_number(values, FIELD_auid, 1000);
	values_set_number(values, FIELD_ses, 7);
	say(values, FIELD_executable, exe);
	say(values, FIELD_name, name ? name + 1 : exe);
	say(values, FIELD_tty, "pts0");
	return values;
}

static inline struct event *send(struct world *world, uint16_t kind, uint64_t time_ns, int expected)
{
	struct event *event = event_new(kind, time_ns);

	assert_non_null(event);
	if (kind == KIND_ID(process, fork) || kind == KIND_ID(process, exit) ||
	    kind == KIND_ID(process, snapshot))
		values_set_text(&event->values, FIELD_source, SPAN("proc"));
	assert_int_equal(tracker_event(world->tracker, event, world->actor), expected);
	return event;
}

static inline struct event *fork_at(struct world *world, uint64_t time_ns, uint32_t ppid, uint32_t pid)
{
	struct values *values = actor(world, pid);

	values_set_number(values, FIELD_ppid, ppid);
	values_set_number(values, FIELD_start, (time_ns - BOOT_NS) / TICK_NS * TICK_NS);
	return send(world, KIND_ID(process, fork), time_ns, 0);
}

static inline struct event *exec_at(struct world *world, uint64_t time_ns, uint32_t ppid, uint32_t pid,
			     const char *exe)
{
	struct values *values = caller(world, pid, ppid, 0, exe);

	values_append_list(values, FIELD_args, span_of(exe));
	values_append_list(values, FIELD_args, SPAN("-x"));
	values_set_number(values, FIELD_args_count, 2);
	say(values, FIELD_cwd, "/work");
	return send(world, KIND_ID(process, exec), time_ns, 0);
}

static inline struct event *exit_at(struct world *world, uint64_t time_ns, uint32_t pid, int expected)
{
	actor(world, pid);
	return send(world, KIND_ID(process, exit), time_ns, expected);
}

static inline struct event *write_at(struct world *world, uint64_t time_ns, uint32_t ppid, uint32_t pid,
			      const char *exe)
{
	caller(world, pid, ppid, 0, exe);
	return send(world, KIND_ID(file, write), time_ns, 0);
}

static inline struct event *snapshot_at(struct world *world, uint64_t time_ns, uint32_t ppid, uint32_t pid,
				 uint64_t start_ns, const char *exe, int expected)
{
	struct values *values = exe ? caller(world, pid, ppid, 0, exe) : actor(world, pid);

	values_set_number(values, FIELD_ppid, ppid);
	values_set_number(values, FIELD_start, start_ns);
	return send(world, KIND_ID(process, snapshot), time_ns, expected);
}

static inline void assert_text(const struct context *context, enum field field, const char *expected)
{
	struct span text;

	assert_non_null(context);
	text = values_text(&context->values, field);
	if (!expected) {
		assert_false(values_has(&context->values, field));
		return;
	}
	if (text.size != strlen(expected) || memcmp(text.data, expected, text.size) != 0)
		fail_msg("%s is '%.*s', not '%s'", fields[field].name, (int)text.size, text.data, expected);
}

static inline void assert_event_text(const struct event *event, enum field field, const char *expected)
{
	struct span text = values_text(&event->values, field);

	if (!expected) {
		assert_false(values_has(&event->values, field));
		return;
	}
	if (text.size != strlen(expected) || memcmp(text.data, expected, text.size) != 0)
		fail_msg("%s is '%.*s', not '%s'", fields[field].name, (int)text.size, text.data, expected);
}

static inline void assert_program(const struct context *context, const char *exe)
{
	assert_text(context, FIELD_executable, exe);
}

static inline const struct tracker_stats *stats(const struct world *world)
{
	return tracker_stats(world->tracker);
}
