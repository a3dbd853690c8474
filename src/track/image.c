/* Contexts: how one is made from another. A context is never changed once an event has it. */

#include "track/tracker.h"

#include <errno.h>

#define IDS(X) X(uid) X(euid) X(suid) X(fsuid) X(auid) X(gid) X(egid) X(sgid) X(fsgid) X(ses)
#define ID_BIT(member) | BIT(member)
#define ID_BITS (UINT64_C(0) IDS(ID_BIT))
#define NAME_BITS (BIT(user_name) | BIT(euser_name) | BIT(auid_name) | BIT(group_name))
/* A difference in one of these is a change of the process. Not `name`: threads name themselves. */
#define COMPARED_BITS (ID_BITS | BIT(executable) | BIT(tty) | BIT(subject_context) | BIT(namespaces) | BIT(groups))
/* And in these it is one if the context did not know them. */
#define COMPLETING_BITS \
	(COMPARED_BITS | NAME_BITS | BIT(name) | BIT(ppid) | BIT(container_id) | BIT(container_runtime) | \
	 BIT(unit))
#define HASH_BITS (BIT(hash_id) | BIT(hash_state) | BIT(hash_md5) | BIT(hash_sha1) | BIT(hash_sha256))
#define SCRIPT_BITS (BIT(script_hash_id) | BIT(script_hash_state) | BIT(script_md5) | BIT(script_sha1) | BIT(script_sha256))
#define PROGRAM_BITS \
	(BIT(executable) | BIT(args) | BIT(args_count) | BIT(command_line) | BIT(interpreter) | BIT(name) | \
	 BIT(cwd) | HASH_BITS | SCRIPT_BITS)
#define LOGIN_BITS (BIT(login_time) | BIT(login_ip) | BIT(login_service) | BIT(login_leader))
#define PLACE_BITS (BIT(container_id) | BIT(container_runtime) | BIT(unit) | BIT(namespaces) | BIT(groups))
/* What an exec leaves as it was. */
#define KEPT_BITS \
	(BIT(entity_id) | BIT(pid) | BIT(start) | BIT(ppid) | BIT(subject_context) | ID_BITS | LOGIN_BITS | \
	 PLACE_BITS)
/* Arguments longer than this stay with the process they were given to: a hundred thousand children that
 * are not yet anything else would each keep a copy. args_count then says that there were some. */
#define INHERITED_ARGS_BYTES (16u << 10)

static const struct id_name {
	enum field id, name;
	bool is_group;
} id_names[] = {
	{ FIELD_uid, FIELD_user_name, false },
	{ FIELD_euid, FIELD_euser_name, false },
	{ FIELD_auid, FIELD_auid_name, false },
	{ FIELD_gid, FIELD_group_name, true },
};

static void copy_fields(struct context *to, const struct context *from, uint64_t mask)
{
	for (mask &= from->values.known[0]; mask; mask &= mask - 1)
		values_copy(&to->values, &from->values, (enum field)__builtin_ctzll(mask));
}

static void forget_fields(struct context *context, uint64_t mask)
{
	context->values.known[0] &= ~mask;
	context->values.inferred[0] &= ~mask;
}

/* The kernel's name for the terminal that users know as pts/0 (drivers/tty/tty_io.c, tty_name) is pts0. */
static bool is_short_pts(struct span tty)
{
	return tty.size > 3 && tty.size < 16 && memcmp(tty.data, "pts", 3) == 0 && tty.data[3] != '/';
}

static int finish(struct context **context, struct context **ret)
{
	struct values *values = &(*context)->values;
	struct span tty = values_text(values, FIELD_tty);
	char name[16];

	if (is_short_pts(tty)) {
		memcpy(name, "pts/", 4);
		memcpy(name + 4, tty.data + 3, tty.size - 3);
		values_set_text(values, FIELD_tty, (struct span){ name, tty.size + 1 });
	}
	if ((*context)->values.failed)
		return -ENOMEM;
	*ret = TAKE(*context);
	return 0;
}

/* d_path() marks the path of a file without a name: /tmp/x (deleted). The program is the same. */
bool image_same_program(struct span a, struct span b)
{
	const struct span mark = SPAN(" (deleted)");

	if (likely(a.size == b.size))
		return span_eq(a, b);
	if (span_ends(a, mark))
		a.size -= mark.size;
	if (span_ends(b, mark))
		b.size -= mark.size;
	return span_eq(a, b);
}

static bool same_tty(struct span a, struct span b)
{
	if (is_short_pts(a) == is_short_pts(b))
		return span_eq(a, b);
	if (is_short_pts(b)) {
		struct span c = a;

		a = b;
		b = c;
	}
	return b.size == a.size + 1 && memcmp(b.data, "pts/", 4) == 0 &&
	       memcmp(b.data + 4, a.data + 3, a.size - 3) == 0;
}

static bool text_differs(const struct context *a, const struct context *b, enum field field)
{
	return !span_eq(values_text(&a->values, field), values_text(&b->values, field));
}

uint64_t image_changes(const struct context *context, const struct context *actor)
{
	uint64_t said = actor->values.known[0];
	uint64_t sure = said & COMPARED_BITS & ~actor->values.inferred[0];
	uint64_t both = said & context->values.known[0];
	uint64_t changes = said & COMPLETING_BITS & ~context->values.known[0];
	uint64_t numbers = 0;

	changes |= sure & context->values.inferred[0];
#define DIFFERS(member) numbers |= (uint64_t)(context->member != actor->member) << FIELD_##member;
	IDS(DIFFERS)
#undef DIFFERS
	changes |= numbers & both;
	if ((both & BIT(executable)) && !image_same_program(values_text(&context->values, FIELD_executable),
						      values_text(&actor->values, FIELD_executable)))
		changes |= BIT(executable);
	if ((both & BIT(tty)) &&
	    !same_tty(values_text(&context->values, FIELD_tty), values_text(&actor->values, FIELD_tty)))
		changes |= BIT(tty);
	if ((both & BIT(subject_context)) && text_differs(context, actor, FIELD_subject_context))
		changes |= BIT(subject_context);
	if ((both & BIT(namespaces)) && text_differs(context, actor, FIELD_namespaces))
		changes |= BIT(namespaces);
	if ((both & BIT(groups)) && text_differs(context, actor, FIELD_groups))
		changes |= BIT(groups);
	/* A kernel thread has no program; its name is all there is, and kthreadd's child sets it itself. */
	if ((both & BIT(name)) && !((said | context->values.known[0]) & BIT(executable)) &&
	    text_differs(context, actor, FIELD_name))
		changes |= BIT(name);
	return changes;
}

void image_names(struct tracker *tracker, struct context *context, uint64_t now_ns)
{
	for (size_t i = 0; i < ARRAY_SIZE(id_names); i++) {
		const struct id_name *n = &id_names[i];
		struct span name = { NULL, 0 };
		uint32_t id;

		if (!values_has(&context->values, n->id))
			continue;
		/* As sure as its id, which may be of a parent that was not seen, and sure by now. */
		if (!values_is_inferred(&context->values, n->id))
			context->values.inferred[0] &= ~(UINT64_C(1) << n->name);
		if (values_has(&context->values, n->name))
			continue;
		id = (uint32_t)values_number(&context->values, n->id);
		if (n->id == FIELD_auid && id == UINT32_MAX)
			name = SPAN("unset");
		else
			name = tracker_name(tracker, id, n->is_group, now_ns);
		if (name.size == 0)
			continue;
		values_set_text(&context->values, n->name, name);
		if (values_is_inferred(&context->values, n->id))
			values_set_inferred(&context->values, n->name);
	}
}

/* The name goes with its id: where the id is another now, it comes from the actor or is looked up again. */
static void renew_names(struct context *context, const struct context *actor, uint64_t changed_ids)
{
	for (size_t i = 0; i < ARRAY_SIZE(id_names); i++) {
		const struct id_name *n = &id_names[i];

		if (changed_ids >> n->id & 1)
			values_copy(&context->values, &actor->values, n->name);
	}
}

void image_set_birth(struct tracker *tracker, struct context *context, uint32_t pid,
		     const struct birth *birth)
{
	struct values *values = &context->values;
	struct span host = tracker->options.boot_id;
	uint64_t ticks = birth->ticks;

	if (!birth->has_ticks) {
		/* Near enough to be the same id from a second reading of the same file; not that of /proc. */
		uint64_t since_ns = birth->time_ns;

		if (since_ns > tracker->options.boot_time_ns)
			since_ns -= tracker->options.boot_time_ns;
		ticks = since_ns / tracker->tick_ns;
	}
	if (tracker->node.size > 0)
		host = buffer_span(&tracker->node);
	forget_fields(context, BIT(pid) | BIT(entity_id) | BIT(start));
	values_set_number(values, FIELD_pid, pid);
	values_set_number(values, FIELD_entity_id, context_entity_id(host, ticks, pid));
	if (!birth->has_ticks)
		values_set_inferred(values, FIELD_entity_id);
	values_set_number(values, FIELD_start, birth->time_ns);
	if (birth->inferred)
		values_set_inferred(values, FIELD_start);
}

int image_inferred(struct tracker *tracker, const struct context *actor, const struct context *proc,
		   bool is_snapshot, uint32_t pid, const struct birth *birth, uint64_t now_ns,
		   struct context **ret)
{
	_cleanup_(context_unrefp) struct context *context = context_new();
	uint64_t said = actor ? actor->values.known[0] : 0;

	if (!context)
		return -ENOMEM;
	said &= ~(BIT(pid) | BIT(entity_id) | BIT(start) | BIT(exec_count));
	/* Where it is at an event is not where its program began; of a snapshot it is all one can know. */
	if (!is_snapshot)
		said &= ~(uint64_t)BIT(cwd);
	if (proc) {
		uint64_t shown = ~said;

		/* Another program runs there by now: what it was started with is not of this event. */
		if ((said & BIT(executable)) && !image_same_program(values_text(&proc->values, FIELD_executable),
							      values_text(&actor->values, FIELD_executable)))
			shown &= ~(uint64_t)PROGRAM_BITS;
		for (size_t i = 0; i < ARRAY_SIZE(id_names); i++)
			if (said >> id_names[i].id & 1)
				shown &= ~(UINT64_C(1) << id_names[i].name);
		copy_fields(context, proc, shown);
		context->values.inferred[0] |= context->values.known[0];
	}
	if (actor)
		copy_fields(context, actor, said);
	image_set_birth(tracker, context, pid, birth);
	if (!actor && !proc)
		forget_fields(context, BIT(start)); /* an ancestor that only its child named */
	values_set_number(&context->values, FIELD_exec_count, 0);
	image_names(tracker, context, now_ns);
	if (is_snapshot)
		sessions_meet(tracker->sessions, tracker->node_hash, context);
	sessions_fill(tracker->sessions, tracker->node_hash, context);
	if (is_snapshot)
		versions_of_script(tracker, NULL, context, now_ns);
	digests_fill_context(tracker->digests, &context->values);
	return finish(&context, ret);
}

int image_child(struct tracker *tracker, const struct process *child, uint32_t ppid,
		const struct process *parent, struct context **ret)
{
	const struct birth birth = { child->start_ns, child->ticks, child->has_ticks, child->start_inferred };
	_cleanup_(context_unrefp) struct context *context = context_new();

	if (!context)
		return -ENOMEM;
	if (parent) {
		const struct values *from = &parent->context->values;
		uint64_t mask = ~(uint64_t)0;

		if (values_text(from, FIELD_args).size > INHERITED_ARGS_BYTES)
			mask &= ~(BIT(args) | BIT(command_line));
		if (parent->cwd)
			mask &= ~(uint64_t)BIT(cwd);
		copy_fields(context, parent->context, mask);
		if (parent->cwd)
			values_set_text(&context->values, FIELD_cwd, process_cwd(parent));
		context_set_parent(context, parent->context);
	}
	image_set_birth(tracker, context, child->pid, &birth);
	forget_fields(context, BIT(ppid) | BIT(exec_count));
	values_set_number(&context->values, FIELD_ppid, ppid);
	values_set_number(&context->values, FIELD_exec_count, 0);
	return finish(&context, ret);
}

uint64_t image_news(const struct context *context, const struct context *from)
{
	uint64_t known = context->values.known[0];
	uint64_t mask = from->values.known[0] & ~known & ~(BIT(entity_id) | BIT(start) | BIT(exec_count));

	if ((known & BIT(executable)) && !image_same_program(values_text(&context->values, FIELD_executable),
						       values_text(&from->values, FIELD_executable)))
		mask &= ~(uint64_t)PROGRAM_BITS;
	for (size_t i = 0; i < ARRAY_SIZE(id_names); i++)
		if ((known >> id_names[i].id & 1) &&
		    !values_equal(&context->values, &from->values, id_names[i].id))
			mask &= ~(UINT64_C(1) << id_names[i].name);
	return mask;
}

uint64_t image_confirmed(const struct context *context, const struct context *from)
{
	uint64_t mask = context->values.inferred[0] & from->values.known[0] & ~from->values.inferred[0] &
			~(BIT(entity_id) | BIT(start) | BIT(exec_count));
	uint64_t confirmed = 0;

	for (; mask; mask &= mask - 1) {
		unsigned field = (unsigned)__builtin_ctzll(mask);

		if (values_equal(&context->values, &from->values, (enum field)field))
			confirmed |= UINT64_C(1) << field;
	}
	return confirmed;
}

void image_inherit(struct context *context, const struct context *parent)
{
	uint64_t mask = image_news(context, parent) & ~(uint64_t)BIT(ppid);

	if (values_text(&parent->values, FIELD_args).size > INHERITED_ARGS_BYTES)
		mask &= ~(BIT(args) | BIT(command_line));
	copy_fields(context, parent, mask);
}

int image_exec(struct tracker *tracker, const struct process *process, const struct context *actor,
	       uint64_t now_ns, struct context **ret)
{
	const struct context *old = process->context;
	uint64_t said = actor->values.known[0] &
			~(BIT(entity_id) | BIT(pid) | BIT(start) | BIT(exec_count) | LOGIN_BITS);
	uint64_t kept = KEPT_BITS & ~said, changed_ids;
	_cleanup_(context_unrefp) struct context *context = context_new();

	if (!context)
		return -ENOMEM;
	/* The parent that made it, if that is known, rather than the one it has been handed to. */
	if (values_has(&old->values, FIELD_ppid)) {
		said &= ~(uint64_t)BIT(ppid);
		kept |= BIT(ppid);
	}
	/* A record with ids speaks of the terminal too, and says nothing where there is none. */
	if (!(said & ID_BITS))
		kept |= BIT(tty);
	copy_fields(context, actor, said);
	copy_fields(context, old, kept);
	changed_ids = said & image_changes(old, actor) & ID_BITS;
	if (changed_ids & (BIT(ses) | BIT(auid)))
		forget_fields(context, LOGIN_BITS);
	for (size_t i = 0; i < ARRAY_SIZE(id_names); i++)
		if (!(changed_ids >> id_names[i].id & 1) && !values_has(&context->values, id_names[i].name))
			values_copy(&context->values, &old->values, id_names[i].name);
	if (!values_has(&context->values, FIELD_cwd) && process_cwd(process).size > 0) {
		values_set_text(&context->values, FIELD_cwd, process_cwd(process));
		if (!process->cwd && values_is_inferred(&old->values, FIELD_cwd))
			values_set_inferred(&context->values, FIELD_cwd);
	}
	values_set_number(&context->values, FIELD_exec_count,
			  values_number(&old->values, FIELD_exec_count) + 1);
	if (values_is_inferred(&old->values, FIELD_exec_count))
		values_set_inferred(&context->values, FIELD_exec_count);
	/* The programs in the kernel tell them with each exec; else they are what they were when that was told last. */
	if (!values_has(&actor->values, FIELD_namespaces) && values_has(&context->values, FIELD_namespaces))
		values_set_inferred(&context->values, FIELD_namespaces);
	if (values_has(&context->values, FIELD_args) && !values_has(&context->values, FIELD_command_line))
		context_set_command_line(context);
	context_set_parent(context, old->parent);
	image_names(tracker, context, now_ns);
	sessions_fill(tracker->sessions, tracker->node_hash, context);
	digests_fill_context(tracker->digests, &context->values);
	return finish(&context, ret);
}

int image_changed(struct tracker *tracker, const struct context *context, const struct context *actor,
		  uint64_t changes, uint64_t now_ns, struct context **ret)
{
	_cleanup_(context_unrefp) struct context *next = context_copy(context);
	uint64_t changed_ids = changes & ID_BITS & context->values.known[0];

	if (!next)
		return -ENOMEM;
	if ((changes & BIT(executable)) && values_has(&context->values, FIELD_executable) &&
	    !image_same_program(values_text(&context->values, FIELD_executable),
			  values_text(&actor->values, FIELD_executable))) {
		/* Another program without an exec: it was not seen (lost, or no rule asks for it). */
		forget_fields(next, PROGRAM_BITS);
		changes |= actor->values.known[0] & BIT(name);
		values_set_number(&next->values, FIELD_exec_count,
				  values_number(&context->values, FIELD_exec_count) + 1);
		values_set_inferred(&next->values, FIELD_exec_count);
	}
	copy_fields(next, actor, changes);
	for (size_t i = 0; i < ARRAY_SIZE(id_names); i++)
		if (values_equal(&context->values, &actor->values, id_names[i].id))
			changed_ids &= ~(UINT64_C(1) << id_names[i].id); /* only became certain */
	renew_names(next, actor, changed_ids);
	if (changed_ids & (BIT(ses) | BIT(auid)))
		forget_fields(next, LOGIN_BITS);
	image_names(tracker, next, now_ns);
	sessions_fill(tracker->sessions, tracker->node_hash, next);
	digests_fill_context(tracker->digests, &next->values);
	return finish(&next, ret);
}
