/* Processes whose beginning was not seen: what is known of them comes from their first event, from /proc and
 * from the processes that name them as parent.
 *
 * /proc shows the present, an event is of the past: by now the pid may be another process, or the process
 * another program. An answer counts only if it began before the event, and what it says is inferred, save
 * for its identity. A pid without an answer is put into the table all the same, so that it is not asked
 * for again. */

#include "track/tracker.h"

#include <errno.h>

/* Start times of /proc are cut to clock ticks, and the boot time they count from is rounded. */
#define LOOKUP_SLACK_NS (50 * NS_PER_MS)

struct birth tracker_birth(const struct tracker *tracker, const struct context *actor, uint64_t time_ns)
{
	struct birth birth = { .time_ns = time_ns, .inferred = true };

	if (!actor || !values_has(&actor->values, FIELD_start))
		return birth;
	birth.has_ticks = true;
	birth.ticks = actor->start / tracker->tick_ns;
	if (tracker->options.boot_time_ns > 0 && actor->start <= UINT64_MAX - tracker->options.boot_time_ns) {
		birth.time_ns = tracker->options.boot_time_ns + actor->start;
		birth.inferred = false;
	}
	return birth;
}

static bool began_at(const struct tracker *tracker, const struct context *actor, uint64_t ticks)
{
	return actor->start / tracker->tick_ns == ticks;
}

/* The time alone may name another that has, or had, the pid: events come late, forks and exits may be lost, clocks are set
 * back.  The start, where the event tells it, does not. */
static struct process *find(const struct tracker *tracker, uint32_t pid, uint64_t time_ns, const struct context *actor)
{
	struct process *process = process_find(tracker->table, tracker->node_hash, pid, time_ns), *begun;

	if (!actor || !values_has(&actor->values, FIELD_start) ||
	    likely(process && process->has_ticks && began_at(tracker, actor, process->ticks)))
		return process;
	begun = process_begun(tracker->table, tracker->node_hash, pid, actor->start / tracker->tick_ns);
	return begun || (process && process->has_ticks) ? begun : process;
}

/* What /proc said. */
enum answer {
	NOT_ASKED,
	GONE,  /* there is no such process, or only one that began after the event, or at another time than it says */
	SHOWN, /* scratch is filled */
	ITSELF, /* the event is what /proc said */
};

/* < 0: -errno, else enum answer. */
static int look_up(struct tracker *tracker, uint32_t pid, uint64_t time_ns, const struct process *known)
{
	struct birth birth;
	int r;

	if (!tracker->options.lookup || pid == 0 || tracker->node_hash != 0)
		return NOT_ASKED;
	if (known && known->looked_up_ns > 0 && time_ns < known->looked_up_ns + tracker->options.grace_ns)
		return NOT_ASKED;
	context_reset(tracker->scratch);
	tracker->stats.lookups++;
	r = tracker->options.lookup(tracker->options.user, pid, tracker->scratch);
	if (r < 0)
		return r == -ESRCH ? GONE : NOT_ASKED;
	if (tracker->scratch->values.failed)
		return -ENOMEM;
	birth = tracker_birth(tracker, tracker->scratch, time_ns);
	return birth.time_ns <= time_ns || birth.time_ns - time_ns <= LOOKUP_SLACK_NS ? SHOWN : GONE;
}

/* Whether that is the process: the pid alone does not say so. */
static bool is_shown(const struct tracker *tracker, const struct process *process)
{
	return process->has_ticks && values_has(&tracker->scratch->values, FIELD_start) &&
	       began_at(tracker, tracker->scratch, process->ticks);
}

static int ensure(struct tracker *tracker, uint32_t pid, uint64_t time_ns, const struct context *actor,
		  bool is_exec, unsigned depth, struct process **ret, bool *ret_fresh);

/* Finds the process that the context names as its parent; none is no error. */
static int link_parent(struct tracker *tracker, struct process *process, struct context *context,
		       uint64_t time_ns, unsigned depth)
{
	struct process *parent;
	bool fresh;
	int r;

	if (!values_has(&context->values, FIELD_ppid) || context->ppid == 0 ||
	    context->ppid == process->pid || depth >= CONTEXT_MAX_DEPTH)
		return 0;
	process->resolving = true;
	r = ensure(tracker, context->ppid, time_ns, NULL, false, depth + 1, &parent, &fresh);
	process->resolving = false;
	if (r < 0)
		return r;
	if (parent->resolving) /* two processes that name each other */
		return 0;
	context_set_parent(context, parent->context);
	process_set_parent(process, parent);
	return 0;
}

static int make(struct tracker *tracker, uint32_t pid, uint64_t time_ns, const struct context *actor,
		enum answer answer, unsigned depth, struct process **ret)
{
	const struct context *proc = answer == SHOWN ? tracker->scratch : NULL;
	struct birth birth = tracker_birth(tracker, proc ? proc : actor, time_ns);
	struct process *process, *before = process_newest(tracker->table, tracker->node_hash, pid);
	struct context *context;
	int r;

	r = image_inferred(tracker, actor, proc, answer == ITSELF, pid, &birth, time_ns, &context);
	if (r < 0)
		return r;
	process = process_add(tracker->table, tracker->node_hash, pid, birth.time_ns);
	if (!process) {
		context_unref(context);
		return -ENOMEM;
	}
	if (before && !before->ended && before->start_ns <= birth.time_ns) {
		process_end(tracker->table, before, birth.time_ns, false);
		tracker->stats.reused_pids++;
	}
	process->ticks = birth.ticks;
	process->has_ticks = birth.has_ticks;
	process->start_inferred = birth.inferred;
	process->used_ns = time_ns;
	if (answer == GONE || answer == SHOWN)
		process->looked_up_ns = time_ns;
	if (answer == GONE)
		process_end(tracker->table, process, 0, false);
	/* The parent first: a context that others refer to does not change. */
	r = link_parent(tracker, process, context, time_ns, depth);
	process_set_context(tracker->table, process, context);
	if (r < 0)
		return r;
	*ret = process;
	return 0;
}

/* Whether what is known of the pid ended before this event, so that the event is of a process that took
 * the pid. */
static bool is_over(const struct tracker *tracker, const struct process *process, uint64_t time_ns,
		    const struct context *actor, bool is_exec)
{
	const struct context *context = process->context;

	/* Found by its start: the process, which ended; its connections may end later. */
	if (actor && values_has(&actor->values, FIELD_start) && process->has_ticks)
		return false;
	if (process->ended && process->end_known && time_ns > process->end_ns + PROCESS_SLACK_NS)
		return true;
	/* Neither forks nor exits are in this stream: a long silence, then a program begun by somebody
	 * else. */
	return is_exec && process->start_inferred && !process->announced && time_ns > process->used_ns &&
	       time_ns - process->used_ns > tracker->options.grace_ns &&
	       values_has(&actor->values, FIELD_ppid) && values_has(&context->values, FIELD_ppid) &&
	       actor->ppid != context->ppid && actor->ppid > 1;
}

static int ensure(struct tracker *tracker, uint32_t pid, uint64_t time_ns, const struct context *actor,
		  bool is_exec, unsigned depth, struct process **ret, bool *ret_fresh)
{
	struct process *process = find(tracker, pid, time_ns, actor);
	int answer;

	*ret_fresh = false;
	if (likely(process && (!process->remembered || (actor && values_has(&actor->values, FIELD_start))) &&
		   !is_over(tracker, process, time_ns, actor, is_exec))) {
		*ret = process;
		return 0;
	}
	answer = look_up(tracker, pid, time_ns, process);
	if (answer < 0)
		return answer;
	/* It ran when recording ended last, and was not heard of since: unless another has its pid it is the same. */
	if (process && process->remembered && !is_over(tracker, process, time_ns, actor, is_exec)) {
		process->looked_up_ns = time_ns;
		if (answer != SHOWN || is_shown(tracker, process)) {
			*ret = process;
			return 0;
		}
	}
	if (answer == SHOWN && actor && values_has(&actor->values, FIELD_start) &&
	    values_has(&tracker->scratch->values, FIELD_start) &&
	    !began_at(tracker, actor, tracker->scratch->start / tracker->tick_ns))
		answer = GONE;
	if (process && process->ended) {
		/* The end of the first thread is reported like that of the process, also when the others
		 * go on or one of them executes a program and takes over the pid (fs/exec.c, de_thread). */
		bool same = answer == SHOWN ? is_shown(tracker, process)
					    : is_exec && process->end_by_connector;

		if (same) {
			process_revive(tracker->table, process);
			*ret = process;
			return 0;
		}
	}
	*ret_fresh = true;
	tracker->stats.inferred++;
	return make(tracker, pid, time_ns, actor, (enum answer)answer, depth, ret);
}

int tracker_process(struct tracker *tracker, uint32_t pid, uint64_t time_ns, const struct context *actor,
		    bool is_exec, struct process **ret, bool *ret_fresh)
{
	bool fresh;
	int r;

	r = ensure(tracker, pid, time_ns, actor, is_exec, 0, ret, &fresh);
	if (r < 0)
		return r;
	if (ret_fresh)
		*ret_fresh = fresh;
	return 0;
}

int tracker_ended_process(struct tracker *tracker, uint32_t pid, uint64_t time_ns,
			  const struct context *actor, struct process **ret, bool *ret_fresh)
{
	*ret = find(tracker, pid, time_ns, actor);
	*ret_fresh = !*ret;
	if (*ret)
		return 0;
	tracker->stats.inferred++;
	return make(tracker, pid, time_ns, actor, NOT_ASKED, 0, ret);
}

int tracker_seen_process(struct tracker *tracker, uint32_t pid, uint64_t time_ns, const struct context *actor,
			 struct process **ret)
{
	return make(tracker, pid, time_ns, actor, ITSELF, 0, ret);
}

/* These fields are now what `tracker->scratch` says. */
static int take_over(struct tracker *tracker, struct process *process, const enum field *of, size_t n, uint64_t time_ns)
{
	struct values *shown = &tracker->scratch->values;
	struct context *context;
	bool is_news = false;

	for (size_t i = 0; i < n; i++)
		is_news |= !values_equal(shown, &process->context->values, of[i]);
	if (!is_news)
		return 0;
	context = context_copy(process->context);
	if (!context)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (values_has(shown, of[i]))
			values_set_inferred(shown, of[i]);
		values_copy(&context->values, shown, of[i]);
	}
	if (context->values.failed) {
		context_unref(context);
		return -ENOMEM;
	}
	process_drop_alternates(tracker->table, process);
	process->inherits = false;
	return lineage_change(tracker, process, context, time_ns, true);
}

int tracker_refresh_unit(struct tracker *tracker, struct process *process, uint64_t time_ns)
{
	static const enum field place[] = { FIELD_container_id, FIELD_container_runtime, FIELD_unit };
	int r = look_up(tracker, process->pid, time_ns, NULL);

	if (r != SHOWN || !is_shown(tracker, process))
		return MIN(r, 0);
	return take_over(tracker, process, place, ARRAY_SIZE(place), time_ns);
}

int tracker_refresh(struct tracker *tracker, struct process *process, enum field field, uint64_t time_ns)
{
	int r = process->ended ? GONE : look_up(tracker, process->pid, time_ns, NULL);

	if (r < 0)
		return r;
	if (r != SHOWN || !is_shown(tracker, process))
		context_reset(tracker->scratch);
	return take_over(tracker, process, &field, 1, time_ns);
}
