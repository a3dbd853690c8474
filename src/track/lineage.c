/* Who descends from whom, when it becomes known late.
 *
 * A fork reaches us through the proc connector at once, the audit records of the same process through
 * kauditd some milliseconds later. So a child can be here before the exec or the setuid that its parent
 * did before the fork. When that record comes, the child, if it was forked after it and is still what
 * fork() made it, is made anew from what the parent really was. Events that went out in between keep what
 * they had. */

#include "track/tracker.h"

#include <errno.h>

/* Processes that one late record may put right. */
#define MAX_FOLLOWERS 4096

struct change {
	uint64_t since_ns;
	bool inherit;
	unsigned budget;
};

static int move(struct tracker *tracker, struct process *child, const struct change *change, struct context **ret)
{
	const struct values *own = &child->context->values;
	struct context *context;
	int r;

	if (change->inherit && child->inherits) {
		r = image_child(tracker, child, (uint32_t)values_number(own, FIELD_ppid), child->parent, &context);
		if (r < 0)
			return r;
		/* The folder of the parent is of the same time as the change, which may be long after the fork. */
		if (change->since_ns == 0 && values_has(own, FIELD_cwd))
			values_copy(&context->values, own, FIELD_cwd);
		/* Where it was born the kernel said, or nobody. */
		if (values_has(own, FIELD_namespaces) && !values_is_inferred(own, FIELD_namespaces))
			values_copy(&context->values, own, FIELD_namespaces);
		else if (values_has(&context->values, FIELD_namespaces))
			values_set_inferred(&context->values, FIELD_namespaces);
		if (context->values.failed) {
			context_unref(context);
			return -ENOMEM;
		}
		*ret = context;
		return 0;
	}
	context = context_copy(child->context);
	if (!context)
		return -ENOMEM;
	context_set_parent(context, child->parent->context);
	*ret = context;
	return 0;
}

static int follow(struct tracker *tracker, struct process *parent, const struct context *before,
		  struct change *change, unsigned depth)
{
	for (struct process *child = parent->first_child; child; child = child->sibling_next) {
		_cleanup_(context_unrefp) struct context *was = NULL;
		struct context *context;
		int r;

		if (depth == 0 && change->since_ns > 0) {
			if (child->start_ns < change->since_ns)
				break; /* youngest first: the others are older still */
			if (!child->by_connector)
				continue; /* came by audit, as the parent's records do: in order */
		}
		if (child->context->parent != before)
			continue;
		if (change->budget == 0)
			return 0;
		change->budget--;
		r = move(tracker, child, change, &context);
		if (r < 0)
			return r;
		was = context_ref(child->context);
		process_drop_alternates(tracker->table, child);
		process_set_context(tracker->table, child, context);
		if (depth < CONTEXT_MAX_DEPTH) {
			r = follow(tracker, child, was, change, depth + 1);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int lineage_follow(struct tracker *tracker, struct process *process, const struct context *before,
		   uint64_t since_ns, bool inherit)
{
	struct change change = { since_ns, inherit, MAX_FOLLOWERS };

	return follow(tracker, process, before, &change, 0);
}

int lineage_change(struct tracker *tracker, struct process *process, struct context *context,
		   uint64_t since_ns, bool inherit)
{
	_cleanup_(context_unrefp) struct context *before = context_ref(process->context);

	process_set_context(tracker->table, process, context);
	return lineage_follow(tracker, process, before, since_ns, inherit);
}
