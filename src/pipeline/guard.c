/* See guard.h.  It remembers little: what was told lately, in a table whose oldest lines give way, and who last touched audit. */

#include "pipeline/guard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/path.h"

#define N_TOLD 64

struct told {
	uint64_t object, act;		/* hashes; the act is of a process, a kind and an object */
	uint64_t time_ns;
};

/* Somebody changed audit: it may have been that which the daemon finds out in a moment. */
struct evidence {
	struct context *context;
	uint64_t time_ns;
};

struct guard {
	struct told told[N_TOLD];
	unsigned next;
	struct evidence rules, off;
};

int guard_new(struct guard **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

struct guard *guard_free(struct guard *guard)
{
	if (!guard)
		return NULL;
	context_unref(guard->rules.context);
	context_unref(guard->off.context);
	free(guard);
	return NULL;
}

/* Of the files */

static bool ends_with(struct span path, struct span end)
{
	return path.size >= end.size && memcmp(path.data + path.size - end.size, end.data, end.size) == 0;
}

/* SQLite in every reader of the database opens its log and its index for writing, and as root gives them to whom the database belongs.  What
 * somebody writes there himself the chain of the history finds. */
static bool is_by_reader(const struct event *event, struct span path)
{
	return (event->kind == KIND_ID(file, write) || event->kind == KIND_ID(file, chown)) &&
	       (ends_with(path, SPAN("/recorder.db-shm")) || ends_with(path, SPAN("/recorder.db-wal")));
}

static bool is_guarded(const struct guard_options *options, struct span path)
{
	return path_lies_in(path, options->places);
}

/* Which of the names that the event has; NULL data: none of ours.  To read is no harm, and a name that is mounted over hides ours. */
static struct span touched(const struct guard_options *options, const struct event *event)
{
	struct span path = values_text(&event->values, FIELD_path), target = values_text(&event->values, FIELD_target_path);

	if (event->kind == KIND_ID(file, read))
		return (struct span){ NULL, 0 };
	if (is_guarded(options, path))
		return is_by_reader(event, path) ? (struct span){ NULL, 0 } : path;
	return event->kind != KIND_ID(file, symlink) && is_guarded(options, target) ? target : (struct span){ NULL, 0 };
}

/* Of the process */

static bool is_manager(const struct guard_options *options, const struct context *context)
{
	return context && values_has(&context->values, FIELD_pid) && (context->pid == 1 || context->pid == options->manager_pid);
}

/* Its own children are the canary's. */
static bool is_own_child(const struct guard_options *options, const struct context *context)
{
	return context && values_has(&context->values, FIELD_ppid) && context->ppid == options->own_pid;
}

static bool is_aimed_at_us(const struct guard_options *options, const struct event *event)
{
	return values_has(&event->values, FIELD_target_pid) && event->target_pid == options->own_pid;
}

/* Told once */

static bool is_lately(const struct told *told, uint64_t now_ns, uint64_t window_ns)
{
	return told->time_ns > 0 && told->time_ns <= now_ns + window_ns && now_ns <= told->time_ns + window_ns;
}

static bool is_told(struct guard *guard, const struct event *event, struct span object)
{
	const struct context *context = event->context;
	uint64_t of_object = span_hash(object, 0), act = span_hash(object, event->kind + 1u + (context ? context->serial << 16 : 0));

	for (size_t i = 0; i < N_TOLD; i++)
		if (guard->told[i].act == act && is_lately(&guard->told[i], event->time_ns, GUARD_WINDOW_NS))
			return true;
	guard->told[guard->next] = (struct told){ of_object, act, event->time_ns };
	guard->next = (guard->next + 1) % N_TOLD;
	return false;
}

/* The event */

/* No record makes numbers with the highest bit, and a signal's are made of another text. */
static uint64_t origin_of(const struct event *event)
{
	const uint64_t from[] = { event->origin, event->time_ns, event->kind };

	return span_hash((struct span){ (const char *)from, sizeof(from) }, 1) | UINT64_C(1) << 63;
}

static struct event *tell(const struct event *event, struct span object)
{
	static const enum field kept[] = { FIELD_source, FIELD_outcome, FIELD_target_pid, FIELD_target_entity_id, FIELD_target_name,
					   FIELD_target_executable, FIELD_target_signal };
	_cleanup_(event_freep) struct event *told = event_new(KIND_ID(security, tamper), event->time_ns);
	char operation[64];

	if (!told)
		return NULL;
	snprintf(operation, sizeof(operation), "%s.%s", categories[event_category(event)].name, kinds[event->kind].action);
	told->origin = origin_of(event);
	told->tid = event->tid;
	told->context = event->context ? context_ref(event->context) : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		values_copy(&told->values, &event->values, kept[i]);
	values_set_text(&told->values, FIELD_security_subsystem, SPAN("recorder"));
	values_set_text(&told->values, FIELD_security_operation, span_of(operation));
	values_set_text(&told->values, FIELD_security_object, object);
	return told->values.failed ? NULL : TAKE(told);
}

static void remember(struct evidence *evidence, const struct event *event)
{
	bool has_pid = event->context && values_has(&event->context->values, FIELD_pid);

	/* Of what the recorder does itself audit may tell no process: it takes nobody's place. */
	if (!event->context || (!has_pid && evidence->context && event->time_ns - evidence->time_ns < GUARD_EVIDENCE_NS))
		return;
	context_unref(evidence->context);
	evidence->context = context_ref(event->context);
	evidence->time_ns = event->time_ns;
}

static void note_audit(struct guard *guard, const struct guard_options *options, const struct event *event)
{
	struct span operation = values_text(&event->values, FIELD_security_operation);
	struct span object = values_text(&event->values, FIELD_security_object);

	if (span_eq(operation, SPAN("remove_rule")) && span_eq(object, options->own_key))
		remember(&guard->rules, event);
	if (span_eq(operation, SPAN("set")) && span_starts(object, SPAN("audit_enabled=0")))
		remember(&guard->off, event);
}

int guard_event(struct guard *guard, const struct guard_options *options, const struct event *event, struct event **ret)
{
	struct span object = { NULL, 0 };
	char process[32];

	if (options->own_pid == 0 || is_own_child(options, event->context))
		return 0;
	if (event->kind == KIND_ID(security, audit_config)) {
		note_audit(guard, options, event);
	} else if (event_category(event) == CATEGORY_file) {
		object = touched(options, event);
	} else if ((event->kind == KIND_ID(process, ptrace) || event->kind == KIND_ID(process, signal)) && is_aimed_at_us(options, event) &&
		   !is_manager(options, event->context)) {
		snprintf(process, sizeof(process), "process %u", options->own_pid);
		object = span_of(process);
	}
	if (!object.data || is_told(guard, event, object))
		return 0;
	*ret = tell(event, object);
	return *ret ? 1 : -ENOMEM;
}

static const struct evidence *evidence_of(const struct guard *guard, const struct event *note)
{
	struct span operation = values_text(&note->values, FIELD_security_operation);
	const struct evidence *evidence = span_eq(operation, SPAN("audit_rules"))    ? &guard->rules :
					  span_eq(operation, SPAN("audit_disabled")) ? &guard->off :
										       NULL;

	if (!evidence || !evidence->context || evidence->time_ns + GUARD_EVIDENCE_NS < note->time_ns)
		return NULL;
	return evidence;
}

bool guard_note(struct guard *guard, struct event *note)
{
	const struct evidence *evidence = evidence_of(guard, note);
	uint64_t object = span_hash(values_text(&note->values, FIELD_security_object), 0);

	for (size_t i = 0; i < N_TOLD; i++)
		if (guard->told[i].object == object && is_lately(&guard->told[i], note->time_ns, GUARD_EVIDENCE_NS))
			return false;
	if (evidence && !note->context)
		note->context = context_ref(evidence->context);
	return true;
}
