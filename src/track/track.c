/* Enrichment: which event does what to the table of processes, and what it takes from it. */

#include "track/track.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/path.h"
#include "event/event_json.h"
#include "track/tracker.h"

#define DEFAULT_PROCESSES 65536u
#define MIN_PROCESSES	  (2u * TRACKER_ROOM)
#define DEFAULT_GRACE_NS  (30 * NS_PER_SEC)
#define DEFAULT_PATH_NS	   (300 * NS_PER_SEC)
#define DEFAULT_BYTES	  ((size_t)128 << 20)
/* What still runs when a shutdown is announced, and what runs already when the boot is. */
#define SHUTDOWN_NS (5 * NS_PER_SEC)
#define BOOT_NS	    (60 * NS_PER_SEC)

static int set_boot(struct tracker *tracker, struct span boot_id, uint64_t boot_time_ns)
{
	struct tracker_options *o = &tracker->options;

	if (boot_id.size > sizeof(tracker->boot_id))
		return -EINVAL;
	if (boot_id.size > 0)
		memcpy(tracker->boot_id, boot_id.data, boot_id.size);
	o->boot_id = (struct span){ tracker->boot_id, boot_id.size };
	o->boot_time_ns = boot_time_ns;
	return 0;
}

int tracker_new(struct tracker **ret, const struct tracker_options *options)
{
	_cleanup_(tracker_freep) struct tracker *tracker = calloc(1, sizeof(*tracker));
	struct tracker_options *o;
	int r;

	if (!tracker)
		return -ENOMEM;
	o = &tracker->options;
	*o = *options;
	r = set_boot(tracker, options->boot_id, options->boot_time_ns);
	if (r < 0)
		return r;
	if (o->ticks_per_second == 0)
		o->ticks_per_second = 100;
	if (o->ticks_per_second > NS_PER_SEC)
		return -EINVAL;
	if (o->max_processes == 0)
		o->max_processes = DEFAULT_PROCESSES;
	o->max_processes = MAX(o->max_processes, MIN_PROCESSES);
	if (o->max_bytes == 0)
		o->max_bytes = DEFAULT_BYTES;
	if (o->grace_ns == 0)
		o->grace_ns = DEFAULT_GRACE_NS;
	if (o->path_ns == 0)
		o->path_ns = DEFAULT_PATH_NS;
	tracker->tick_ns = NS_PER_SEC / o->ticks_per_second;
	tracker->scratch = context_new();
	if (!tracker->scratch)
		return -ENOMEM;
	r = process_table_new(&tracker->table, o->max_processes, o->max_bytes, o->grace_ns);
	if (r < 0)
		return r;
	r = folders_new(&tracker->folders, o->resolve_path, o->user);
	if (r < 0)
		return r;
	r = file_names_new(&tracker->file_names);
	if (r < 0)
		return r;
	r = sessions_new(&tracker->sessions);
	if (r < 0)
		return r;
	r = resolved_new(&tracker->resolved);
	if (r < 0)
		return r;
	r = digests_new(&tracker->digests);
	if (r < 0)
		return r;
	r = definitions_new(&tracker->definitions);
	if (r < 0)
		return r;
	*ret = TAKE(tracker);
	return 0;
}

struct tracker *tracker_free(struct tracker *tracker)
{
	if (!tracker)
		return NULL;
	process_table_free(tracker->table);
	folders_free(tracker->folders);
	file_names_free(tracker->file_names);
	sessions_free(tracker->sessions);
	resolved_free(tracker->resolved);
	digests_free(tracker->digests);
	definitions_free(tracker->definitions);
	remembered_release(tracker);
	context_unref(tracker->scratch);
	for (unsigned i = 0; i < TRACKER_ANONYMOUS; i++)
		context_unref(tracker->anonymous[i]);
	buffer_release(&tracker->path);
	buffer_release(&tracker->root);
	buffer_release(&tracker->node);
	free(tracker);
	return NULL;
}

const struct tracker_stats *tracker_stats(const struct tracker *tracker)
{
	return &tracker->stats;
}

void tracker_use(struct process *process, const struct event *event)
{
	if (event->time_ns > process->used_ns)
		process->used_ns = event->time_ns;
}

void tracker_set_context(struct event *event, struct context *context)
{
	context_unref(event->context);
	event->context = context_ref(context);
}

/* A context of the same image that the process had a moment ago and has again. */
static bool shift_back(struct tracker *tracker, struct process *process, const struct context *actor)
{
	for (unsigned i = 0; i < PROCESS_ALTERNATES; i++) {
		const struct context *alternate = process->alternates[i];

		if (!alternate || image_changes(alternate, actor))
			continue;
		/* Most events say nothing of these: as they are now they stay. */
		if (!values_equal(&alternate->values, &process->context->values, FIELD_namespaces) ||
		    !values_equal(&alternate->values, &process->context->values, FIELD_groups))
			continue;
		process_shift_back(tracker->table, process, i);
		return true;
	}
	return false;
}

static int change(struct tracker *tracker, struct process *process, const struct event *event,
		  const struct context *actor, uint64_t changes)
{
	_cleanup_(context_unrefp) struct context *before = context_ref(process->context);
	uint64_t other = changes & before->values.known[0] & ~before->values.inferred[0],
		 since_ns = event->time_ns;
	struct context *context;
	int r;

	process->inherits = false;
	if (tracker->options.audit_lag_ns > 0)
		process_keep_earlier(tracker->table, process, event->time_ns);
	/* What only became known now was so before: all its children are told. */
	if (!other)
		since_ns = 0;
	if (!shift_back(tracker, process, actor)) {
		r = image_changed(tracker, process->context, actor, changes, event->time_ns, &context);
		if (r < 0)
			return r;
		process_shift_context(tracker->table, process, context);
	}
	return lineage_follow(tracker, process, before, since_ns, true);
}

static uint32_t generation_of(const struct tracker *tracker)
{
	return sessions_generation(tracker->sessions) + digests_generation(tracker->digests);
}

int tracker_follow(struct tracker *tracker, struct process *process)
{
	const struct context *now = process->context;
	struct context *context;

	process->generation = generation_of(tracker);
	if (!sessions_know_more(tracker->sessions, tracker->node_hash, now) &&
	    !digests_know_more_of_context(tracker->digests, &now->values))
		return 0;
	context = context_copy(process->context);
	if (!context)
		return -ENOMEM;
	sessions_fill(tracker->sessions, tracker->node_hash, context);
	digests_fill_context(tracker->digests, &context->values);
	if (context->values.failed) {
		context_unref(context);
		return -ENOMEM;
	}
	process_drop_alternates(tracker->table, process);
	return lineage_change(tracker, process, context, 0, true);
}

int tracker_apply(struct tracker *tracker, struct process *process, const struct event *event,
		  const struct context *actor)
{
	uint64_t changes = image_changes(process->context, actor);
	int r = 0;

	if (unlikely(changes))
		r = change(tracker, process, event, actor, changes);
	if (unlikely(process->generation != generation_of(tracker)) && r >= 0)
		r = tracker_follow(tracker, process);
	return r;
}

static int resolve_target(struct tracker *tracker, struct event *event)
{
	static const struct {
		enum field of_event, of_context;
	} fills[] = {
		{ FIELD_target_entity_id, FIELD_entity_id },
		{ FIELD_target_name, FIELD_name },
		{ FIELD_target_executable, FIELD_executable },
	};
	struct process *target;
	int r;

	r = tracker_process(tracker, event->target_pid, event->time_ns, NULL, false, &target, NULL);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(fills); i++) {
		const struct values *from = &target->context->values;

		if (values_has(&event->values, fills[i].of_event) || !values_has(from, fills[i].of_context))
			continue;
		if (field_type_is_text(fields[fills[i].of_event].type))
			values_set_text(&event->values, fills[i].of_event,
					values_text(from, fills[i].of_context));
		else
			values_set_number(&event->values, fills[i].of_event,
					  values_number(from, fills[i].of_context));
		if (values_is_inferred(from, fills[i].of_context))
			values_set_inferred(&event->values, fills[i].of_event);
	}
	return 0;
}

struct span tracker_name(struct tracker *tracker, uint32_t id, bool is_group, uint64_t now_ns)
{
	const struct tracker_options *o = &tracker->options;
	struct span name = { NULL, 0 };

	if (!o->resolve_name || o->resolve_name(o->user, id, is_group, now_ns, &name) < 0)
		return (struct span){ NULL, 0 };
	return name;
}

static void name_target(struct tracker *tracker, struct event *event, enum field id, enum field name,
			bool is_group)
{
	struct span text;
	uint32_t number;

	if (!values_has(&event->values, id) || values_has(&event->values, name))
		return;
	number = (uint32_t)values_number(&event->values, id);
	text = tracker_name(tracker, number, is_group, event->time_ns);
	if (text.size > 0)
		values_set_text(&event->values, name, text);
}

/* The addresses that a name was answered with. */
static int learn_names(struct tracker *tracker, const struct event *event)
{
	struct span name = values_text(&event->values, FIELD_dns_question_name), address;
	struct span rest = values_text(&event->values, FIELD_dns_resolved_ip);
	int r = 0;

	while (r == 0 && list_next(&rest, &address))
		r = resolved_learn(tracker->resolved, tracker->node_hash, address, name);
	return r;
}

static void name_destination(struct tracker *tracker, struct event *event)
{
	struct values *values = &event->values;
	char address[IP_TEXT_MAX];
	struct span name;

	if (!values_has(values, FIELD_destination_ip) || values_has(values, FIELD_destination_domain) ||
	    span_eq(values_text(values, FIELD_direction), SPAN("ingress")))
		return;
	name = resolved_find(tracker->resolved, tracker->node_hash,
			     (struct span){ address, ip_text(values_text(values, FIELD_destination_ip), address) });
	if (name.size == 0)
		return;
	values_set_text(values, FIELD_destination_domain, name);
	values_set_inferred(values, FIELD_destination_domain);
}

/* An event that names a login, or nothing, but no process. */
static int on_anonymous(struct tracker *tracker, struct event *event, const struct context *actor)
{
	_cleanup_(context_unrefp) struct context *context = NULL;
	struct context **slot;

	if (actor->values.known[0] == 0)
		return 0;
	context = context_copy(actor);
	if (!context)
		return -ENOMEM;
	values_unset(&context->values, FIELD_start);
	image_names(tracker, context, event->time_ns);
	sessions_fill(tracker->sessions, tracker->node_hash, context);
	if (context->values.failed)
		return -ENOMEM;
	for (unsigned i = 0; i < TRACKER_ANONYMOUS; i++) {
		struct context *known = tracker->anonymous[i];
		unsigned field;

		for (field = 0; known && field < N_CONTEXT_FIELDS; field++)
			if (!values_equal(&known->values, &context->values, field))
				break;
		if (known && field == N_CONTEXT_FIELDS) {
			tracker_set_context(event, known);
			return 0;
		}
	}
	tracker_set_context(event, context);
	slot = &tracker->anonymous[tracker->next_anonymous++ % TRACKER_ANONYMOUS];
	context_unref(*slot);
	*slot = TAKE(context);
	return 0;
}

static bool is_from_audit(const struct event *event)
{
	return span_eq(values_text(&event->values, FIELD_source), SPAN("audit"));
}

/* How well a record, which says who the process is, goes with it; < 0: it is of another time. */
static int fit(const struct context *context, const struct context *actor)
{
	static const enum field of_login[] = { FIELD_auid, FIELD_ses };
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(of_login); i++) {
		if (!values_has(&actor->values, of_login[i]) || !values_has(&context->values, of_login[i]))
			continue;
		if (!values_equal(&actor->values, &context->values, of_login[i]))
			return -1;
		n++;
	}
	return n;
}

/* What the process was when audit stamped the event, which comes late and says less than what is known by now. */
static struct context *context_of_late(const struct tracker *tracker, const struct process *process, const struct event *event,
				       const struct context *actor)
{
	struct span program = values_text(&actor->values, FIELD_executable);
	int fits_now, fitted;
	bool is_now, was;

	if (!process->earlier || event->time_ns >= process->since_ns)
		return process->context;
	is_now = program.size > 0 && span_eq(program, values_text(&process->context->values, FIELD_executable));
	was = program.size > 0 && span_eq(program, values_text(&process->earlier->values, FIELD_executable));
	if (is_now != was)
		return is_now ? process->context : process->earlier;
	fits_now = fit(process->context, actor);
	fitted = fit(process->earlier, actor);
	if (fits_now != fitted)
		return fits_now > fitted ? process->context : process->earlier;
	return event->time_ns + tracker->options.audit_lag_ns < process->since_ns ? process->earlier : process->context;
}

/* Where it was at the event; the process is there from now on, unless the event comes late. */
static int set_cwd(struct tracker *tracker, struct process *process, struct event *event, struct span cwd, bool is_late)
{
	int r = is_late ? 0 : process_set_cwd(tracker->table, process, cwd);

	if (r < 0)
		return r;
	if (is_late ? !span_eq(cwd, values_text(&event->context->values, FIELD_cwd)) : process->cwd != NULL)
		values_set_text(&event->values, FIELD_event_cwd, cwd);
	return 0;
}

/* What the call has changed of the process, of which audit's record says no more than that. */
static enum field untold_change(const struct event *event)
{
	struct span changes = values_text(&event->values, FIELD_changes);

	if (span_eq(values_text(&event->values, FIELD_outcome), SPAN("failure")))
		return FIELD_NONE;
	switch (event->kind) {
	case KIND_ID(process, setns):
		return FIELD_namespaces;
	case KIND_ID(process, unshare):		/* of other things, mostly, which anybody may leave without end */
		return changes.size > 0 && memmem(changes.data, changes.size, "namespace", 9) ? FIELD_namespaces : FIELD_NONE;
	case KIND_ID(process, setgid):
		return span_starts(changes, SPAN("groups")) ? FIELD_groups : FIELD_NONE;
	default:
		return FIELD_NONE;
	}
}

static int on_any(struct tracker *tracker, struct event *event, const struct context *actor)
{
	struct process *process;
	enum field changed;
	bool fresh, is_late;
	int r;

	login_begin(tracker, event, actor);
	r = tracker_process(tracker, actor->pid, event->time_ns, actor, false, &process, &fresh);
	if (r < 0)
		return r;
	tracker_use(process, event);
	is_late = tracker->options.audit_lag_ns > 0 && !fresh && is_from_audit(event);
	if (!fresh) {
		r = is_late ? login_take(tracker, process, event, actor) : tracker_apply(tracker, process, event, actor);
		if (r < 0)
			return r;
	}
	if (event->kind == KIND_ID(security, session_start) || event->kind == KIND_ID(security, login)) {
		_cleanup_(context_unrefp) struct context *leader =
			context_ref(is_late ? context_of_late(tracker, process, event, actor) : process->context);

		r = login_tell(tracker, process, event, actor, leader);
		if (r < 0)
			return r;
	}
	changed = is_from_audit(event) && !is_late ? untold_change(event) : FIELD_NONE;
	if (changed != FIELD_NONE) {
		r = tracker_refresh(tracker, process, changed, event->time_ns);
		if (r < 0)
			return r;
	}
	tracker_set_context(event, is_late ? context_of_late(tracker, process, event, actor) : process->context);
	if (!values_has(&actor->values, FIELD_cwd))
		return 0;
	return set_cwd(tracker, process, event, values_text(&actor->values, FIELD_cwd), is_late);
}

struct touching {
	struct tracker *tracker;
	const struct event *event;
};

static int touch(void *user, struct span path)
{
	const struct touching *t = user;
	int r = definitions_touch(t->tracker->definitions, path, t->event->context, t->event->time_ns);

	if (r >= 0 && t->tracker->options.define)
		t->tracker->options.define(t->tracker->options.user, path);
	return r;
}

/* What has become of a file is the doing of who touched it last.  1: it is as it was. */
static int on_found(struct tracker *tracker, struct event *event)
{
	enum field path = event_category(event) == CATEGORY_security ? FIELD_security_object : FIELD_path;
	struct context *context = definitions_toucher(tracker->definitions, values_text(&event->values, path));

	if (context)
		tracker_set_context(event, context);
	return event->is_unchanged;
}

/* In files, where nothing else says that the pids begin anew. */
static void on_system(struct tracker *tracker, const struct event *event)
{
	uint64_t before_ns = event->time_ns > BOOT_NS ? event->time_ns - BOOT_NS : 0;

	if (event->kind == KIND_ID(system, shutdown)) {
		tracker->shutdown_node = tracker->node_hash;
		tracker->shutdown_ns = event->time_ns;
	}
	if (event->kind != KIND_ID(system, boot) || tracker->options.boot_time_ns > 0)
		return;
	if (tracker->shutdown_node == tracker->node_hash && tracker->shutdown_ns + SHUTDOWN_NS > before_ns &&
	    tracker->shutdown_ns < event->time_ns)
		before_ns = tracker->shutdown_ns + SHUTDOWN_NS;
	process_table_end_before(tracker->table, tracker->node_hash, before_ns);
	sessions_clear_node(tracker->sessions, tracker->node_hash);
}

static int enrich(struct tracker *tracker, struct event *event, const struct context *actor)
{
	switch (event->kind) {
	case KIND_ID(process, fork):
		return life_fork(tracker, event, actor);
	case KIND_ID(process, exec):
		return life_exec(tracker, event, actor);
	case KIND_ID(process, exit):
		return life_exit(tracker, event, actor);
	case KIND_ID(process, snapshot):
		return life_snapshot(tracker, event, actor);
	default:
		return on_any(tracker, event, actor);
	}
}

/* The number in /proc/N/mem, of which audit has but the text, as a container counts. */
static bool is_of_container(const struct event *event)
{
	return event->kind == KIND_ID(process, ptrace) && is_from_audit(event) && event->context &&
	       values_has(&event->context->values, FIELD_container_id) &&
	       span_starts(values_text(&event->values, FIELD_auditd_syscall), SPAN("open"));
}

int tracker_event(struct tracker *tracker, struct event *event, const struct context *actor)
{
	enum category category = event_category(event);
	struct span node;
	int r;

	node = values_text(&event->values, FIELD_node);
	buffer_clear(&tracker->node);
	buffer_append_span(&tracker->node, node); /* the event's own text may move */
	tracker->node_hash = node.size > 0 ? (uint32_t)span_hash(node, 0) | 1 : 0;
	process_table_make_room(tracker->table, TRACKER_ROOM);
	if (unlikely(event->kind == KIND_ID(recorder, hash)))
		return digests_learn(tracker->digests, event);
	if (unlikely(event->is_found))
		return on_found(tracker, event);
	if (category == CATEGORY_system)
		on_system(tracker, event);
	versions_meet(tracker, event, actor);
	if (unlikely(!values_has(&actor->values, FIELD_pid)))
		r = on_anonymous(tracker, event, actor);
	else
		r = enrich(tracker, event, actor);
	tracker->stats.processes = process_table_count(tracker->table);
	tracker->stats.bytes = process_table_bytes(tracker->table);
	tracker->stats.evicted = process_table_evicted(tracker->table);
	if (r != 0)
		return r;

	if (values_has(&event->values, FIELD_target_pid) && is_of_container(event)) {
		values_unset(&event->values, FIELD_target_pid);
		values_append_list(&event->values, FIELD_missing, SPAN("process.target.pid"));
	}
	if (values_has(&event->values, FIELD_target_pid)) {
		r = resolve_target(tracker, event);
		if (r < 0)
			return r;
	}
	if ((category == CATEGORY_file || event->kind == KIND_ID(security, raw_access)) && event->context && tracker->node_hash == 0) {
		r = paths_settle(tracker, event, actor->pid);
		if (r >= 0 && category == CATEGORY_file && event->is_of_host)
			r = definitions_of(event, touch, &(struct touching){ tracker, event });
		if (r < 0)
			return r;
	}
	/* Of a container the files are others. */
	if (category == CATEGORY_security && event->context && tracker->node_hash == 0 &&
	    !values_has(&event->context->values, FIELD_container_id)) {
		r = definitions_of(event, touch, &(struct touching){ tracker, event });
		if (r < 0)
			return r;
	}
	if (event->kind == KIND_ID(dns, response)) {
		r = learn_names(tracker, event);
		if (r < 0)
			return r;
	}
	if (category == CATEGORY_network) {
		if (event->context && tracker->node_hash == 0)
			sockets_settle(tracker, event, actor->pid);
		name_destination(tracker, event);
	}
	if (category == CATEGORY_security || category == CATEGORY_system) {
		name_target(tracker, event, FIELD_user_target_id, FIELD_user_target_name, false);
		name_target(tracker, event, FIELD_group_target_id, FIELD_group_target_name, true);
	}
	if (event->context && !values_has(&event->values, FIELD_completeness) &&
	    event->context->values.inferred[0] & (BIT(entity_id) | BIT(executable)))
		values_set_text(&event->values, FIELD_completeness, SPAN("inferred"));
	return event->values.failed ? -ENOMEM : 0;
}

struct context *tracker_context(const struct tracker *tracker, uint32_t pid)
{
	const struct process *process = process_newest(tracker->table, 0, pid);

	return process ? process->context : NULL;
}

void tracker_set_audit_lag(struct tracker *tracker, uint64_t audit_lag_ns)
{
	tracker->options.audit_lag_ns = audit_lag_ns;
}

void tracker_set_grace(struct tracker *tracker, uint64_t grace_ns)
{
	tracker->options.grace_ns = grace_ns;
	process_table_set_grace(tracker->table, grace_ns);
}

void tracker_set_path_time(struct tracker *tracker, uint64_t path_ns)
{
	tracker->options.path_ns = path_ns;
}

int tracker_begin_run(struct tracker *tracker, struct span boot_id, uint64_t boot_time_ns)
{
	int r = set_boot(tracker, boot_id, boot_time_ns);

	if (r < 0)
		return r;
	remembered_release(tracker);
	process_table_clear(tracker->table, 0);
	folders_clear(tracker->folders);
	file_names_clear(tracker->file_names);
	sessions_clear(tracker->sessions);
	resolved_clear(tracker->resolved);
	digests_clear(tracker->digests);
	definitions_clear(tracker->definitions);
	return 0;
}

void tracker_follow_back(struct tracker *tracker, uint64_t now_ns)
{
	process_table_follow_back(tracker->table, now_ns);
}

void tracker_prune(struct tracker *tracker, uint64_t now_ns)
{
	process_table_prune(tracker->table, now_ns);
	tracker->stats.processes = process_table_count(tracker->table);
	tracker->stats.bytes = process_table_bytes(tracker->table);
}
