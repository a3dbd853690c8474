/* The life of a process: fork, exec, exit, and the snapshot of those that ran before the recorder did.
 *
 * What makes it hard is that two streams meet here. The proc connector tells of forks and exits at once
 * and in order; audit tells of everything else, in order too, but later. In files there is no connector:
 * forks are known only if a rule asks for clone(), and then the child's first records may precede the
 * parent's. */

#include "track/tracker.h"

#include <errno.h>

/* What may lie between a fork as its parent's audit record is stamped (entry of the system call, coarse
 * clock) and the start of the child (end of copy_process(), after the memory was copied). */
#define SAME_START_NS NS_PER_MS
#define FORK_TIME_NS (2 * NS_PER_SEC)

static bool is_from(const struct event *event, struct span source)
{
	return span_eq(values_text(&event->values, FIELD_source), source);
}

/* Whether the newest incarnation is the process that began then. */
static bool is_same(const struct process *process, const struct birth *birth)
{
	if (process->has_ticks && birth->has_ticks)
		return process->ticks == birth->ticks;
	if (process->start_inferred) /* first seen then, began before */
		return birth->time_ns <= process->start_ns + PROCESS_SLACK_NS;
	return birth->time_ns <= process->start_ns + PROCESS_SLACK_NS &&
	       process->start_ns <= birth->time_ns + FORK_TIME_NS;
}

/* The programs in the kernel tell in which it was born; else those of its parent are the likeliest. */
static void set_birth_namespaces(struct context *child, const struct context *actor)
{
	if (values_has(&actor->values, FIELD_namespaces))
		values_copy(&child->values, &actor->values, FIELD_namespaces);
	else if (values_has(&child->values, FIELD_namespaces))
		values_set_inferred(&child->values, FIELD_namespaces);
}

/* The beginning of a process that is in the table already has become known. */
static int adopt(struct tracker *tracker, struct process *process, const struct birth *birth, uint32_t ppid,
		 struct process *parent, bool inherit, const struct context *fork)
{
	struct context *context = context_copy(process->context);

	if (!context)
		return -ENOMEM;
	if (!process->has_ticks && birth->has_ticks) {
		process->ticks = birth->ticks;
		process->has_ticks = true;
	}
	if (process->start_inferred || !values_has(&context->values, FIELD_start)) {
		bool id_was_sure = !values_is_inferred(&context->values, FIELD_entity_id);
		uint64_t id = context->entity_id;
		const struct birth known = { birth->time_ns, process->ticks, process->has_ticks,
					     birth->inferred };

		process->start_ns = birth->time_ns;
		process->start_inferred = birth->inferred;
		image_set_birth(tracker, context, process->pid, &known);
		/* Without ticks the new id is no better than the one that is in use already. */
		if (id_was_sure || !known.has_ticks)
			context->entity_id = id;
	} else if (process->has_ticks && values_is_inferred(&context->values, FIELD_entity_id)) {
		const struct birth known = { process->start_ns, process->ticks, true, false };

		image_set_birth(tracker, context, process->pid, &known);
	}
	if (parent && parent != process) {
		if (inherit)
			image_inherit(context, parent->context);
		values_set_number(&context->values, FIELD_ppid, ppid);
		context->values.inferred[0] &= ~(uint64_t)BIT(ppid);
		context_set_parent(context, parent->context);
		process_set_parent(process, parent);
	}
	if (fork)
		set_birth_namespaces(context, fork);
	if (context->values.failed) {
		context_unref(context);
		return -ENOMEM;
	}
	process_drop_alternates(tracker->table, process);
	return lineage_change(tracker, process, context, 0, false);
}

int life_fork(struct tracker *tracker, struct event *event, const struct context *actor)
{
	struct birth birth = tracker_birth(tracker, actor, event->time_ns);
	uint32_t pid = actor->pid, ppid = values_has(&actor->values, FIELD_ppid) ? actor->ppid : 0;
	struct process *parent = NULL, *process;
	struct context *context;
	int r;

	/* The event is the fork: more exact than ticks, and in the clock of the other events. */
	birth.time_ns = event->time_ns;
	birth.inferred = false;
	if (ppid > 0 && ppid != pid) {
		r = tracker_process(tracker, ppid, event->time_ns, NULL, false, &parent, NULL);
		if (r < 0)
			return r;
		tracker_use(parent, event);
	}
	process = process_newest(tracker->table, tracker->node_hash, pid);
	if (process && is_same(process, &birth)) {
		bool known = process->announced, begun;

		begun = !process->inherits && process->context->exec_count > 0;
		tracker_use(process, event);
		if (!known) {
			r = adopt(tracker, process, &birth, ppid, parent, !begun, actor);
			if (r < 0)
				return r;
			process->announced = true;
		}
		if (known || !begun) {
			tracker_set_context(event, process->context);
			return known ? 1 : 0;
		}
		/* It has executed a program already; at the fork it was still what its parent is. */
		r = image_child(tracker, process, ppid, parent, &context);
		if (r < 0)
			return r;
		if (!values_is_inferred(&process->context->values, FIELD_entity_id))
			context->values.inferred[0] &= ~(uint64_t)BIT(entity_id);
		context->entity_id = process->context->entity_id;
		set_birth_namespaces(context, actor);
		if (context->values.failed) {
			context_unref(context);
			return -ENOMEM;
		}
		context_unref(event->context);
		event->context = context;
		return 0;
	}

	if (process && !process->ended && process->start_ns <= birth.time_ns) {
		process_end(tracker->table, process, event->time_ns, false);
		tracker->stats.reused_pids++;
	}
	process = process_add(tracker->table, tracker->node_hash, pid, birth.time_ns);
	if (!process)
		return -ENOMEM;
	process->ticks = birth.ticks;
	process->has_ticks = birth.has_ticks;
	process->announced = true;
	process->inherits = true;
	process->by_connector = is_from(event, SPAN("proc"));
	process_set_parent(process, parent);
	r = image_child(tracker, process, ppid, parent, &context);
	if (r < 0) {
		process_remove(tracker->table, process);
		return r;
	}
	set_birth_namespaces(context, actor);
	if (context->values.failed) {
		context_unref(context);
		process_remove(tracker->table, process);
		return -ENOMEM;
	}
	process_set_context(tracker->table, process, context);
	tracker_set_context(event, context);
	return 0;
}

/* Programs that fork, move the child into another unit or container, and then let it execute what it is
 * for. */
static bool is_moved(const struct context *context)
{
	static const struct span movers[] = {
		SPAN("systemd"),   SPAN("runc"),	   SPAN("runc:[2:INIT]"),
		SPAN("crun"),	   SPAN("youki"),	   SPAN("conmon"),
		SPAN("lxc-start"), SPAN("systemd-nspawn"), SPAN("containerd-shim"),
	};
	struct span name = values_text(&context->values, FIELD_name), parent_name = { NULL, 0 };

	if (values_has(&context->values, FIELD_ppid) && context->ppid == 1)
		return true;
	if (context->parent)
		parent_name = values_text(&context->parent->values, FIELD_name);
	for (size_t i = 0; i < ARRAY_SIZE(movers); i++)
		if (span_eq(name, movers[i]) || span_eq(parent_name, movers[i]))
			return true;
	return false;
}

int life_exec(struct tracker *tracker, struct event *event, const struct context *actor)
{
	bool fresh, moved, inferred;
	struct process *process;
	struct context *context;
	struct span previous;
	int r;

	r = tracker_process(tracker, actor->pid, event->time_ns, actor, true, &process, &fresh);
	if (r < 0)
		return r;
	tracker_use(process, event);
	/* Of a process that is new here only the program that it begins now is known. */
	previous = values_text(&process->context->values, FIELD_executable);
	if (!fresh && previous.size > 0) {
		inferred = values_is_inferred(&process->context->values, FIELD_executable);
		values_set_text(&event->values, FIELD_previous_executable, previous);
		if (inferred)
			values_set_inferred(&event->values, FIELD_previous_executable);
	}
	r = image_exec(tracker, process, actor, event->time_ns, &context);
	if (r < 0)
		return r;
	versions_find(tracker, event, context);
	versions_of_script(tracker, event, context, event->time_ns);
	if (context->values.failed) {
		context_unref(context);
		return -ENOMEM;
	}
	moved = !fresh && !process->ended && is_moved(process->context);
	if (tracker->options.audit_lag_ns > 0)
		process_keep_earlier(tracker->table, process, event->time_ns);
	process_drop_alternates(tracker->table, process);
	process_clear_cwd(tracker->table, process);
	process->inherits = false;
	r = lineage_change(tracker, process, context, event->time_ns, true);
	if (r < 0)
		return r;
	if (moved) {
		r = tracker_refresh_unit(tracker, process, event->time_ns);
		if (r < 0)
			return r;
	}
	tracker_set_context(event, process->context);
	return 0;
}

/* From the start that is told, not from that which the kernel noted microseconds before the fork was over. What is far from it has
 * another reason: a clock that was set in between. */
static void set_duration(struct event *event, uint64_t since_start_ns)
{
	uint64_t difference_ns = event->duration > since_start_ns ? event->duration - since_start_ns : since_start_ns - event->duration;

	if (!values_has(&event->values, FIELD_duration) || difference_ns < SAME_START_NS)
		values_set_number(&event->values, FIELD_duration, since_start_ns);
}

int life_exit(struct tracker *tracker, struct event *event, const struct context *actor)
{
	bool by_connector = is_from(event, SPAN("proc")), fresh;
	struct process *process;
	int r;

	r = tracker_ended_process(tracker, actor->pid, event->time_ns, actor, &process, &fresh);
	if (r < 0)
		return r;
	if (process->ended && process->end_known) {
		bool later = event->time_ns > process->end_ns + PROCESS_SLACK_NS;

		/* The first thread ended, the process went on: this is its end. Else one end told of
		 * twice. */
		if (!later || !by_connector || !process->end_by_connector)
			return 1;
	}
	if (!fresh) {
		r = tracker_apply(tracker, process, event, actor);
		if (r < 0)
			return r;
	}
	tracker_use(process, event);
	process_end(tracker->table, process, event->time_ns, true);
	process->end_by_connector = by_connector;
	tracker_set_context(event, process->context);
	if (!process->start_inferred && event->time_ns >= process->start_ns)
		set_duration(event, event->time_ns - process->start_ns);
	return 0;
}

int life_snapshot(struct tracker *tracker, struct event *event, const struct context *actor)
{
	struct birth birth = tracker_birth(tracker, actor, event->time_ns);
	uint32_t ppid = values_has(&actor->values, FIELD_ppid) ? actor->ppid : 0;
	struct process *process = process_newest(tracker->table, tracker->node_hash, actor->pid);
	struct context *context;
	uint64_t more;
	bool known;
	int r;

	if (process && is_same(process, &birth)) {
		struct process *parent = NULL;

		known = process->announced;
		process->announced = true;
		if (process->remembered) {
			r = remembered_meet(tracker, process, event, actor);
			if (r < 0)
				return r;
		} else if (!known) {
			if (ppid > 0 && ppid != actor->pid && !process->parent) {
				r = tracker_process(tracker, ppid, event->time_ns, NULL, false, &parent,
						    NULL);
				if (r < 0)
					return r;
			}
			r = adopt(tracker, process, &birth, ppid, parent, false, NULL);
			if (r < 0)
				return r;
			remembered_miss(tracker, event, birth.time_ns);
		}
		/* What the stream said so far is nearer to the events than what /proc shows: it only adds. */
		more = image_news(process->context, actor) | image_confirmed(process->context, actor);
		if (more) {
			r = image_changed(tracker, process->context, actor, more, event->time_ns, &context);
			if (r < 0)
				return r;
			process_drop_alternates(tracker->table, process);
			r = lineage_change(tracker, process, context, 0, true);
			if (r < 0)
				return r;
		}
		sessions_meet(tracker->sessions, tracker->node_hash, process->context);
		tracker_set_context(event, process->context);
		return known ? 1 : 0;
	}
	if (process && process->start_ns > birth.time_ns)
		return 1; /* of a process that is gone by now, its pid in use again */
	if (process && !process->ended) {
		process_end(tracker->table, process, birth.time_ns, false);
		tracker->stats.reused_pids++;
	}
	r = tracker_seen_process(tracker, actor->pid, event->time_ns, actor, &process);
	if (r < 0)
		return r;
	process->announced = true;
	remembered_miss(tracker, event, birth.time_ns);
	tracker_set_context(event, process->context);
	return 0;
}
