/* Versions of files that are run and mapped: whoever has hashes of them is asked, and their events are told. */

#include "track/tracker.h"

#include <errno.h>
#include <limits.h>

#include "event/file_version.h"

/* Whoever hashes files is told of those that are met for the first time. */
static void want_digest(struct tracker *tracker, uint64_t now_ns, uint64_t id, const struct hash_wish *wish)
{
	if (tracker->options.hash && tracker->node_hash == 0 && digests_want(tracker->digests, id, now_ns))
		tracker->options.hash(tracker->options.user, wish);
}

void versions_find(struct tracker *tracker, struct event *event, struct context *context)
{
	const struct file_id run = { .device = event->exe_device, .inode = event->exe_inode,
				     .known = values_has(&event->values, FIELD_exe_inode) && values_has(&event->values, FIELD_exe_device) };
	struct span path = values_text(&context->values, FIELD_executable);
	struct file_id id = { 0 };
	struct file_version version;
	char real[PATH_MAX];

	if (values_has(&context->values, FIELD_hash_id) || !tracker->options.resolve_path || tracker->node_hash || !run.known ||
	    path.size == 0)
		return;
	buffer_clear(&tracker->path);
	buffer_append_span(&tracker->path, path);
	if (buffer_error(&tracker->path) < 0 ||
	    tracker->options.resolve_path(tracker->options.user, NULL, buffer_text(&tracker->path), &id, real, sizeof(real)) < 0 ||
	    !file_id_is(id, run) || id.changed_ns == 0)
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

void versions_meet(struct tracker *tracker, struct event *event, const struct context *actor)
{
	const struct values *values = &event->values;

	if (values_has(&actor->values, FIELD_hash_id) && values_has(values, FIELD_exe_changed))
		want_digest(tracker, event->time_ns, actor->hash_id, &(struct hash_wish){
			.version = { event->exe_device, event->exe_inode, event->exe_changed }, .pid = actor->pid, .is_program = true,
			.path = values_text(&actor->values, FIELD_executable) });
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

	if (!digests_know_more(tracker->digests, &event->context->values, &digest_of_program))
		return 0;
	context = context_copy(event->context);
	if (!context)
		return -ENOMEM;
	digests_fill(tracker->digests, &context->values, &digest_of_program);
	if (context->values.failed)
		return -ENOMEM;
	tracker_set_context(event, context);
	return 0;
}

int tracker_complete(const struct tracker *tracker, struct event *event)
{
	int r = event->context ? complete_context(tracker, event) : 0;

	if (r < 0)
		return r;
	if (is_pending(&event->values, &digest_of_library))
		digests_fill(tracker->digests, &event->values, &digest_of_library);
	if (event->values.failed)
		return -ENOMEM;
	return is_pending(&event->values, &digest_of_library) ||
	       (event->context && is_pending(&event->context->values, &digest_of_program));
}
