/* Bytes -> a script of events about few pids; what must hold whatever comes: every event with a pid gets a
 * context of that pid, chains of parents end, the table stays within its bounds, and the same script gives
 * the same ids. */

#include <errno.h>
#include <stdio.h>

#include "track/track.h"

#define N_PIDS	      12
#define MAX_PROCESSES 300 /* the tracker takes no less than it needs for one event */
#define START_NS      (UINT64_C(1700001000) * NS_PER_SEC)

struct world {
	const uint8_t *data;
	size_t size;
	uint64_t asked;
};

static int lookup(void *user, uint32_t pid, struct context *ret)
{
	static const char *const programs[] = { "/bin/a", "/bin/b", "/bin/c (deleted)" };
	struct world *world = user;
	uint8_t byte = world->data[world->asked++ % world->size];

	if (byte & 1)
		return byte & 2 ? -ESRCH : -EACCES;
	values_set_number(&ret->values, FIELD_pid, pid);
	values_set_number(&ret->values, FIELD_ppid, byte % N_PIDS);
	if (byte & 4)
		values_set_number(&ret->values, FIELD_start, (1000 + byte) * NS_PER_SEC / 100);
	values_set_text(&ret->values, FIELD_executable, span_of(programs[byte % 3]));
	return 0;
}

/* What the host calls a path is up to the time. */
static int host_path(void *user, const struct path_place *from, const char *path, uint64_t time_ns, char *ret, size_t size)
{
	static const int answers[] = { 0, 1, -ENOENT, -ESRCH };
	int r = answers[time_ns / NS_PER_MS % ARRAY_SIZE(answers)];

	if (from->mount_namespace == 0 || path[0] != '/')
		__builtin_trap();
	if (r >= 0)
		snprintf(ret, size, "/host%s", path);
	return r;
}

/* Where a path leads is up to the bytes, too. */
static int resolve_path(void *user, const struct path_place *from, const char *path, struct file_id *ret_id, char *ret,
			size_t size)
{
	static const char *const real[] = { "/a", "/a/.b/c", "/", "/x" };
	static const int errors[] = { -ENOENT, -EOPNOTSUPP, -ENODATA, -EAGAIN };
	struct world *world = user;
	uint8_t byte = world->data[world->asked++ % world->size];

	if (byte & 1)
		return errors[byte >> 1 & 3];
	*ret_id = (struct file_id){ .device = 7, .inode = byte, .known = true };
	return snprintf(ret, size, "%s", real[byte >> 1 & 3]) < 0 ? -EINVAL : 0;
}

static void fill(struct context *actor, const uint8_t op[4])
{
	static const char *const programs[] = { "/bin/a", "/bin/b", "/bin/c", "/bin/a (deleted)" };
	struct values *values = &actor->values;

	context_reset(actor);
	values_set_number(values, FIELD_pid, op[1] % N_PIDS);
	if (op[1] & 0x80)
		values_set_number(values, FIELD_ppid, op[2] % N_PIDS);
	if (op[1] & 0x40)
		values_set_number(values, FIELD_start, (990 + op[3] % 64) * NS_PER_SEC / 100);
	if (op[1] & 0x20)
		values_set_text(values, FIELD_executable, span_of(programs[op[2] >> 6]));
	if (op[1] & 0x10) {
		values_set_number(values, FIELD_uid, op[2] & 3);
		values_set_number(values, FIELD_ses, op[2] >> 4);
		values_set_text(values, FIELD_tty, SPAN("pts1"));
	}
	if (op[2] & 0x20)
		values_set_text(values, FIELD_cwd, span_of(programs[op[3] & 3]));
	if (op[3] & 0x40)
		values_set_text(values, FIELD_namespaces, op[2] & 1 ? SPAN("mnt:7 net:8") : SPAN("host"));
	if (op[3] & 0x20)
		values_append_list(values, FIELD_args, span_of(programs[op[3] & 3]));
}

/* A path that a program gave. */
static void name_file(struct event *event, const uint8_t op[4])
{
	static const char *const names[] = { "/a/b", "/a/../b", "/a/.b", "/b/..", "/a//./b/", "/", "/../a", "/b/c/.d" };

	values_set_text(&event->values, FIELD_path, span_of(names[op[2] & 7]));
	values_set_text(&event->values, FIELD_target_path, span_of(names[op[2] >> 3 & 7]));
	event->unsure[0] = op[3] % 3;
	event->unsure[1] = op[3] / 3 % 3;
	if (op[1] & 8) {
		event->root = (struct path_root){ .inode = op[2] & 1, .mount = op[2] & 2, .init = op[2] >> 2 };
		event->root_bytes[op[1] & 1] = op[3];
	}
}

/* Nobody gets a path with a `..` that nobody can follow. */
static void check_path(const struct event *event, unsigned i, enum field field)
{
	struct span path = values_text(&event->values, field);

	if (event->unsure[i] == UNSURE_NOT)
		return;
	if (path.size == 0 || path.data[0] != '/' || memmem(path.data, path.size, "/../", 4) || span_ends(path, SPAN("/..")))
		abort();
}

static void check(const struct event *event, uint32_t pid)
{
	const struct context *c = event->context;
	unsigned n = 0;

	if (!c || !values_has(&c->values, FIELD_pid) || c->pid != pid ||
	    !values_has(&c->values, FIELD_entity_id))
		abort();
	for (; c; c = c->parent) {
		if (++n > CONTEXT_MAX_DEPTH + 2 || (c->parent && c->depth != c->parent->depth + 1))
			abort();
	}
}

static uint64_t run(const uint8_t *data, size_t size)
{
	static const uint16_t kinds_used[] = {
		KIND_ID(process, fork), KIND_ID(process, fork),	   KIND_ID(process, exec),
		KIND_ID(process, exec), KIND_ID(process, exit),	   KIND_ID(process, snapshot),
		KIND_ID(file, write),	KIND_ID(process, setuid),  KIND_ID(security, session_start),
		KIND_ID(system, boot),	KIND_ID(system, shutdown), KIND_ID(process, ptrace),
	};
	struct world world = { data, size, 0 };
	struct tracker_options options = {
		.boot_id = SPAN("boot"),
		.boot_time_ns = data[0] & 1 ? START_NS - 10 * NS_PER_SEC : 0,
		.max_processes = MAX_PROCESSES,
		.max_bytes = data[0] & 2 ? 256u << 10 : 0,
		.lookup = data[0] & 4 ? lookup : NULL,
		.audit_lag_ns = data[0] & 8 ? 4 * NS_PER_MS : 0,
		.resolve_path = data[0] & 16 ? resolve_path : NULL,
		.host_path = data[0] & 32 ? host_path : NULL,
		.user = &world,
	};
	_cleanup_(tracker_freep) struct tracker *tracker = NULL;
	_cleanup_(context_unrefp) struct context *actor = context_new();
	uint64_t now_ns = START_NS, sum = 0;

	if (!actor || tracker_new(&tracker, &options) < 0)
		return 0;
	for (size_t at = 1; at + 4 <= size; at += 4) {
		const uint8_t *op = data + at;
		_cleanup_(event_freep) struct event *event = NULL;
		int r;

		/* A tenth of the table's grace time at most, also backwards. */
		now_ns += (uint64_t)(op[3] & 31) * NS_PER_MS * ((op[0] & 0x80) ? 100 : 1);
		event = event_new(kinds_used[(op[0] & 15) % ARRAY_SIZE(kinds_used)],
				  op[0] & 0x40 ? now_ns - (uint64_t)op[3] * 4 * NS_PER_MS : now_ns);
		if (!event)
			return 0;
		if (op[0] & 0x20)
			values_set_text(&event->values, FIELD_source, SPAN("proc"));
		else
			values_set_text(&event->values, FIELD_source, op[0] & 0x10 ? SPAN("audit") : SPAN("ebpf"));
		if (op[0] == 0xff)
			values_set_text(&event->values, FIELD_node, SPAN("other"));
		if (event->kind == KIND_ID(process, ptrace))
			values_set_number(&event->values, FIELD_target_pid, op[2] % N_PIDS);
		if (event->kind == KIND_ID(file, write))
			name_file(event, op);
		fill(actor, op);
		r = tracker_event(tracker, event, actor);
		if (r < 0)
			abort();
		if (r == 0)
			check(event, actor->pid);
		if (r == 0 && event->kind == KIND_ID(file, write) && op[0] != 0xff) {
			check_path(event, 0, FIELD_path);
			check_path(event, 1, FIELD_target_path);
		}
		if (event->context)
			sum = sum * 31 + event->context->entity_id + event->context->depth;
		if (op[0] == 0x7f)
			tracker_prune(tracker, now_ns);
		if (op[0] == 0x7e)
			tracker_follow_back(tracker, now_ns -= MIN(now_ns, (uint64_t)op[3] * NS_PER_SEC));
		if (op[0] == 0x7d && tracker_begin_run(tracker, SPAN("other"), options.boot_time_ns) < 0)
			abort();
		if (tracker_stats(tracker)->processes > MAX_PROCESSES ||
		    tracker_stats(tracker)->bytes > 16u << 20)
			abort();
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 5 || size > 1u << 14)
		return 0;
	if (run(data, size) != run(data, size))
		abort();
	return 0;
}
