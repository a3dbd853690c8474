/* Versions of files that are run, read by an interpreter, mapped, loaded: whoever has hashes of them is asked, and their events are
 * told. */

#include "track/tracker.h"

#include <errno.h>
#include <limits.h>

#include "event/file_version.h"

/* What has changed later than this after a program began is not what it read.  Audit's clock stands still for a tick (HZ=100), and so
 * does that of files. */
#define CLOCKS_NS (20 * NS_PER_MS)

/* Whoever hashes files is told of those that are met for the first time. */
static void want_digest(struct tracker *tracker, uint64_t now_ns, uint64_t id, const struct hash_wish *wish)
{
	if (tracker->options.hash && tracker->node_hash == 0 && digests_want(tracker->digests, id, wish->is_script, now_ns))
		tracker->options.hash(tracker->options.user, wish);
}

static bool look_up(struct tracker *tracker, const struct path_place *from, struct span path, struct file_id *ret)
{
	const struct tracker_options *o = &tracker->options;
	char real[PATH_MAX];

	if (!o->resolve_path || tracker->node_hash || path.size == 0)
		return false;
	buffer_clear(&tracker->path);
	buffer_append_span(&tracker->path, path);
	return buffer_error(&tracker->path) == 0 &&
	       o->resolve_path(o->user, from, buffer_text(&tracker->path), ret, real, sizeof(real)) >= 0 && ret->changed_ns > 0;
}

void versions_find(struct tracker *tracker, struct event *event, struct context *context)
{
	const struct file_id run = { .device = event->exe_device, .inode = event->exe_inode,
				     .known = values_has(&event->values, FIELD_exe_inode) && values_has(&event->values, FIELD_exe_device) };
	struct span path = values_text(&context->values, FIELD_executable);
	struct file_id id = { 0 };
	struct file_version version;

	if (values_has(&context->values, FIELD_hash_id) || !run.known || !look_up(tracker, NULL, path, &id) || !file_id_is(id, run))
		return;
	version = (struct file_version){ id.device, id.inode, id.changed_ns };
	values_set_number(&event->values, FIELD_exe_changed, id.changed_ns);
	values_set_inferred(&event->values, FIELD_exe_changed);
	values_set_number(&context->values, FIELD_hash_id, file_version_id(&version));
	values_set_inferred(&context->values, FIELD_hash_id);
	want_digest(tracker, event->time_ns, context->hash_id,
		    &(struct hash_wish){ .version = version, .pid = context->pid, .is_program = true, .path = path });
	digests_fill(tracker->digests, &context->values, &digest_of_program);
}

/* The path of its program leads from here to what it runs: so do others, most likely. */
static bool sees_our_files(struct tracker *tracker, const struct context *context)
{
	struct file_id id = { 0 };

	if (!values_has(&context->values, FIELD_hash_id))
		return false;
	if (values_is_inferred(&context->values, FIELD_hash_id))	/* it was found so a moment ago */
		return true;
	return look_up(tracker, NULL, values_text(&context->values, FIELD_executable), &id) &&
	       file_version_id(&(struct file_version){ id.device, id.inode, id.changed_ns }) == context->hash_id;
}

static uint32_t id_of(const struct context *context, enum field field)
{
	return values_has(&context->values, field) ? (uint32_t)values_number(&context->values, field) : UINT32_MAX;
}

/* Nothing of the kernel's tells of a script but its name, so its version is inferred in any case. */
void versions_of_script(struct tracker *tracker, const struct event *event, struct context *context, uint64_t now_ns)
{
	struct span path = values_text(&context->values, FIELD_interpreter);
	uint64_t begun_ns = event ? event->time_ns : context->start;
	struct path_place place, *from = NULL;
	struct file_id id = { 0 };
	struct file_version version;

	/* Below /proc and /dev/fd each process sees its own. */
	if (path.size == 0 || span_starts(path, SPAN("/proc/")) || span_starts(path, SPAN("/dev/fd/")) ||
	    values_has(&context->values, FIELD_script_hash_id) || (!event && !values_has(&context->values, FIELD_start)))
		return;
	if (event && event->root.init)
		paths_place(tracker, event, context->pid, from = &place);
	else if (!(event && event->found.known) && !sees_our_files(tracker, context))
		return;
	if (!look_up(tracker, from, path, &id) || id.changed_ns > begun_ns + CLOCKS_NS ||
	    (event && event->found.known && !file_id_is(id, event->found)))
		return;
	version = (struct file_version){ id.device, id.inode, id.changed_ns };
	values_set_number(&context->values, FIELD_script_hash_id, file_version_id(&version));
	values_set_inferred(&context->values, FIELD_script_hash_id);
	want_digest(tracker, now_ns, context->script_hash_id,
		    &(struct hash_wish){ .version = version, .pid = context->pid, .is_script = true, .uid = id_of(context, FIELD_fsuid),
					 .gid = id_of(context, FIELD_fsgid), .path = path });
	digests_fill(tracker->digests, &context->values, &digest_of_script);
}

void versions_meet(struct tracker *tracker, struct event *event, const struct context *actor)
{
	const struct values *values = &event->values;

	if (values_has(&actor->values, FIELD_hash_id) && values_has(values, FIELD_exe_changed))
		want_digest(tracker, event->time_ns, actor->hash_id, &(struct hash_wish){
			.version = { event->exe_device, event->exe_inode, event->exe_changed }, .pid = actor->pid, .is_program = true,
			.path = values_text(&actor->values, FIELD_executable) });
	if (values_has(values, FIELD_driver_hash_id)) {
		want_digest(tracker, event->time_ns, event->driver_hash_id, &(struct hash_wish){
			.version = { event->found.device, event->found.inode, event->found.changed_ns }, .pid = actor->pid,
			.path = values_text(values, FIELD_driver_path) });
		digests_fill(tracker->digests, &event->values, &digest_of_driver);
	}
	if (!values_has(values, FIELD_dll_hash_id))
		return;
	if (tracker->options.hash_libraries)
		want_digest(tracker, event->time_ns, event->dll_hash_id, &(struct hash_wish){
			.version = { event->dll_device, event->dll_inode, event->dll_changed }, .pid = actor->pid,
			.path = values_text(values, FIELD_dll_path) });
	digests_fill(tracker->digests, &event->values, &digest_of_library);
}

static bool is_pending(const struct values *values, const struct digest_fields *of)
{
	return span_eq(values_text(values, of->state), SPAN("pending"));
}

/* The context may be that of other events, which are told already. */
static int complete_context(const struct tracker *tracker, struct event *event)
{
	_cleanup_(context_unrefp) struct context *context = NULL;

	if (!digests_know_more_of_context(tracker->digests, &event->context->values))
		return 0;
	context = context_copy(event->context);
	if (!context)
		return -ENOMEM;
	digests_fill_context(tracker->digests, &context->values);
	if (context->values.failed)
		return -ENOMEM;
	tracker_set_context(event, context);
	return 0;
}

int tracker_complete(const struct tracker *tracker, struct event *event)
{
	static const struct digest_fields *const of_event[] = { &digest_of_library, &digest_of_driver };
	int r = event->context ? complete_context(tracker, event) : 0;
	bool pending;

	if (r < 0)
		return r;
	pending = event->context && (is_pending(&event->context->values, &digest_of_program) ||
				     is_pending(&event->context->values, &digest_of_script));
	for (size_t i = 0; i < ARRAY_SIZE(of_event); i++) {
		if (is_pending(&event->values, of_event[i]))
			digests_fill(tracker->digests, &event->values, of_event[i]);
		pending |= is_pending(&event->values, of_event[i]);
	}
	return event->values.failed ? -ENOMEM : pending;
}
