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
	r = sessions_new(&tracker->sessions);
	if (r < 0)
		return r;
	r = resolved_new(&tracker->resolved);
	if (r < 0)
		return r;
	r = digests_new(&tracker->digests);
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
	sessions_free(tracker->sessions);
	resolved_free(tracker->resolved);
	digests_free(tracker->digests);
	context_unref(tracker->scratch);
	for (unsigned i = 0; i < TRACKER_ANONYMOUS; i++)
		context_unref(tracker->anonymous[i]);
	buffer_release(&tracker->path);
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
		if (!process->alternates[i] || image_changes(process->alternates[i], actor))
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

/* More may be known of its session, and of the hashes of its program, than the process says. */
static int follow(struct tracker *tracker, struct process *process)
{
	const struct context *now = process->context;
	struct context *context;

	process->generation = generation_of(tracker);
	if (!sessions_know_more(tracker->sessions, tracker->node_hash, now) &&
	    !digests_know_more(tracker->digests, &now->values, &digest_of_program))
		return 0;
	context = context_copy(process->context);
	if (!context)
		return -ENOMEM;
	sessions_fill(tracker->sessions, tracker->node_hash, context);
	digests_fill(tracker->digests, &context->values, &digest_of_program);
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
		r = follow(tracker, process);
	return r;
}

static bool is_in_session(const struct process *process, uint32_t ses)
{
	return process && values_has(&process->context->values, FIELD_ses) && process->context->ses == ses;
}

/* The session that a record speaks of, for all its processes.  leader: what the process was then. */
static int set_login(struct tracker *tracker, struct process *process, const struct event *event, const struct context *actor,
		     const struct context *leader)
{
	const struct context *of = values_has(&actor->values, FIELD_ses) ? actor : process->context;
	bool is_given = values_has(&event->values, FIELD_session_old_ses); /* by the kernel; else PAM says so */
	uint32_t ses = values_has(&of->values, FIELD_ses) ? of->ses : UINT32_MAX;

	/* su and sudo open sessions of PAM within the one of the login. */
	if (ses == UINT32_MAX || (!is_given && is_in_session(process->parent, ses)))
		return 0;
	if (event->kind == KIND_ID(security, session_start))
		sessions_open(tracker->sessions, tracker->node_hash, ses, leader, event->time_ns, is_given || process->parent);
	sessions_come_from(tracker->sessions, tracker->node_hash, ses, values_text(&event->values, FIELD_source_ip));
	return follow(tracker, process);
}

/* The kernel gave the process a number of a session: whatever was known of that number was of another boot. */
static void begin_session(struct tracker *tracker, const struct event *event, const struct context *actor)
{
	if (event->kind == KIND_ID(security, session_start) && values_has(&event->values, FIELD_session_old_ses) &&
	    values_has(&actor->values, FIELD_ses) && event->session_old_ses != actor->ses)
		sessions_begin(tracker->sessions, tracker->node_hash, actor->ses);
}

static bool failed(const struct event *event)
{
	return span_eq(values_text(&event->values, FIELD_outcome), SPAN("failure"));
}

static int on_login(struct tracker *tracker, struct process *process, const struct event *event, const struct context *actor,
		    const struct context *leader)
{
	int r;

	if (failed(event))
		return 0;
	r = set_login(tracker, process, event, actor, leader);
	if (r < 0)
		return r;
	/* pam_systemd has moved it into the scope of its session. */
	return tracker->options.lookup && !process->ended
		       ? tracker_refresh_unit(tracker, process, event->time_ns)
		       : 0;
}

/* A name relative to a folder that the process has open. It is asked for after the fact: the descriptor
 * may be another by now, so what comes of it is inferred. */
static int join_fd(struct tracker *tracker, struct event *event, uint32_t pid, enum field fd,
		   enum field given, enum field path)
{
	char folder[PATH_MAX];
	int r;

	if (!values_has(&event->values, fd) || !values_has(&event->values, given))
		return 0;
	r = tracker->options.resolve_fd(tracker->options.user, pid,
					(int32_t)values_number(&event->values, fd), folder, sizeof(folder));
	if (r < 0)
		return 0;
	buffer_clear(&tracker->path);
	r = path_join(&tracker->path, span_of(folder), values_text(&event->values, given));
	if (r == -EINVAL) /* no folder: a pipe, a socket */
		return 0;
	if (r < 0)
		return r;
	values_set_text(&event->values, path, buffer_span(&tracker->path));
	values_set_inferred(&event->values, path);
	return 1;
}

static int resolve_paths(struct tracker *tracker, struct event *event, uint32_t pid)
{
	unsigned wanted =
		values_has(&event->values, FIELD_dirfd) + values_has(&event->values, FIELD_target_dirfd);
	int path, target;

	if (wanted == 0 || !tracker->options.resolve_fd ||
	    !span_eq(values_text(&event->values, FIELD_path_confidence), SPAN("guessed")))
		return 0;
	path = join_fd(tracker, event, pid, FIELD_dirfd, FIELD_given_path, FIELD_path);
	if (path < 0)
		return path;
	target = join_fd(tracker, event, pid, FIELD_target_dirfd, FIELD_given_target_path, FIELD_target_path);
	if (target < 0)
		return target;
	if ((unsigned)(path + target) == wanted)
		values_set_text(&event->values, FIELD_path_confidence, SPAN("joined"));
	return 0;
}

/* What the links in one of the paths lead to. */
static enum folder_answer settle_path(struct tracker *tracker, struct event *event, enum field field, bool in_folder)
{
	struct values *values = &event->values;
	struct file_id file = { .device = event->device, .inode = event->inode,
				.known = values_has(values, FIELD_inode) && values_has(values, FIELD_device) };
	struct span path = values_text(values, field), parent, real;
	const char *slash = path.size > 1 ? memrchr(path.data, '/', path.size) : NULL;
	enum folder_answer answer;

	if (!slash)
		return FOLDER_UNKNOWN;
	parent = (struct span){ path.data, slash == path.data ? 1 : (size_t)(slash - path.data) };
	if (in_folder) {
		answer = folders_find(tracker->folders, parent, event->folders, ARRAY_SIZE(event->folders), &real);
		if (answer == FOLDER_SURE && !span_eq(real, parent)) {
			buffer_clear(&tracker->path);
			if (path_join(&tracker->path, real,
				      (struct span){ slash + 1, path.size - (size_t)(slash + 1 - path.data) }) >= 0)
				values_set_text(values, field, buffer_span(&tracker->path));
		}
		return answer;
	}
	/* A name that was there already: the file itself is the witness, links at the end of the path are followed too;
	 * unless the call was about the link. Gone by now: the folder must do. */
	if (field != FIELD_path || !file.known || span_eq(values_text(values, FIELD_file_type), SPAN("symlink")))
		return FOLDER_UNKNOWN;
	answer = folders_find(tracker->folders, path, &file, 1, &real);
	if (answer == FOLDER_SURE && !span_eq(real, path))
		values_set_text(values, field, real);
	if (answer == FOLDER_OTHER && folders_is_plain(tracker->folders, parent))
		return FOLDER_UNKNOWN;
	return answer;
}

/* Paths are made of text until here; now the kernel's inodes decide. Sure of all of them: exact, whatever was thought
 * before. One of them leads elsewhere by now: guessed. */
static void settle_paths(struct tracker *tracker, struct event *event)
{
	struct values *values = &event->values;
	bool has_target = values_has(values, FIELD_target_path) && event->target_in_folder;
	enum folder_answer path, target = FOLDER_SURE;

	if (!values_has(values, FIELD_path))
		return;
	path = settle_path(tracker, event, FIELD_path, event->path_in_folder);
	if (has_target)
		target = settle_path(tracker, event, FIELD_target_path, true);
	if (path == FOLDER_OTHER || target == FOLDER_OTHER) {
		values_set_text(values, FIELD_path_confidence, SPAN("guessed"));
	} else if (path == FOLDER_SURE && target == FOLDER_SURE) {
		values_unset(values, FIELD_path_confidence);
		values->inferred[FIELD_path / 64] &= ~(UINT64_C(1) << (FIELD_path % 64));
		values->inferred[FIELD_target_path / 64] &= ~(UINT64_C(1) << (FIELD_target_path % 64));
	}
	/* A folder of a known place is known itself from now on. */
	if (span_eq(values_text(values, FIELD_file_type), SPAN("dir")) && values_has(values, FIELD_inode) &&
	    values_has(values, FIELD_device)) {
		struct file_id id = { .device = event->device, .inode = event->inode, .known = true };

		if (event->kind == KIND_ID(file, create) && path == FOLDER_SURE)
			folders_learn(tracker->folders, values_text(values, FIELD_path), id);
		else if (event->kind == KIND_ID(file, rename) && has_target && target == FOLDER_SURE)
			folders_learn(tracker->folders, values_text(values, FIELD_target_path), id);
	}
}

/* The kernel itself walked the path: nothing has to be held against it. */
static bool is_walked(const struct event *event)
{
	return span_eq(values_text(&event->values, FIELD_source), SPAN("ebpf"));
}

/* Who may be asked what the process saw: itself, if it is still there, the first of its container, its ancestors. */
static void find_place(const struct tracker *tracker, const struct event *event, uint32_t pid, struct path_place *ret)
{
	const struct process *process = process_find(tracker->table, tracker->node_hash, pid, event->time_ns);

	*ret = (struct path_place){ .root = event->root, .pids = { pid, event->root.init }, .n_pids = 2 };
	while (process && (process = process->parent) && ret->n_pids < PATH_PLACE_PIDS)
		if (!process->ended)
			ret->pids[ret->n_pids++] = process->pid;
}

/* A path that nothing in the event vouches for: asked after the fact.  false: the file system knows it no more. */
static bool settle_unsure(struct tracker *tracker, struct event *event, const struct path_place *from, enum field field,
			  enum unsure unsure)
{
	struct values *values = &event->values;
	struct span path = values_text(values, field), real;
	const char *slash = path.size > 1 ? memrchr(path.data, '/', path.size) : NULL;
	struct span folder;
	enum folder_answer answer;

	if (unsure == UNSURE_FILE) {
		answer = folders_ask(tracker->folders, from, path, event->time_ns, &real);
		if (answer == FOLDER_SURE && !span_eq(real, path))
			values_set_text(values, field, real);
		if (answer != FOLDER_OTHER)
			return true;
	}
	if (!slash || slash == path.data)
		return unsure != UNSURE_FILE;
	folder = (struct span){ path.data, (size_t)(slash - path.data) };
	answer = folders_ask(tracker->folders, from, folder, event->time_ns, &real);
	if (answer == FOLDER_SURE && (!span_eq(real, folder) || !path_is_normal(path))) {
		buffer_clear(&tracker->path);
		if (path_join(&tracker->path, real,
			      (struct span){ slash + 1, path.size - (size_t)(slash + 1 - path.data) }) >= 0)
			values_set_text(values, field, buffer_span(&tracker->path));
	}
	/* The file is gone, so a link there may have led anywhere. */
	return answer != FOLDER_OTHER && unsure != UNSURE_FILE;
}

/* By its text alone, of which nothing leads out of the root that it begins with.  true: that is another path. */
static bool make_normal(struct tracker *tracker, struct event *event, enum field field, size_t root_bytes)
{
	_cleanup_(buffer_release) struct buffer given = { 0 };
	struct span path = values_text(&event->values, field), below;

	if (path_is_normal(path))
		return false;
	if (root_bytes >= path.size || path.data[root_bytes] != '/')
		root_bytes = 0;
	below = (struct span){ path.data + root_bytes, path.size - root_bytes };
	buffer_clear(&tracker->path);
	buffer_append_span(&tracker->path, (struct span){ path.data, root_bytes });
	if (path_join(&tracker->path, SPAN("/"), below) < 0 || span_eq(buffer_span(&tracker->path), path))
		return false;
	if (root_bytes > 0 && tracker->path.size == root_bytes + 1)
		tracker->path.size--;
	/* Behind a link `..` leads elsewhere: who can look must know what the text was. */
	buffer_append_span(&given, path);
	if (!buffer_error(&given))
		values_set_text(&event->values, field == FIELD_path ? FIELD_given_path : FIELD_given_target_path, buffer_span(&given));
	values_set_text(&event->values, field, buffer_span(&tracker->path));
	return true;
}

static void settle_unsure_paths(struct tracker *tracker, struct event *event, uint32_t pid)
{
	static const enum field of[] = { FIELD_path, FIELD_target_path };
	struct path_place place, *from = NULL;

	if (event->root.init) {
		from = &place;
		find_place(tracker, event, pid, from);
	}

	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		bool is_sure;

		if (event->unsure[i] == UNSURE_NOT || values_text(&event->values, of[i]).size == 0)
			continue;
		is_sure = tracker->options.resolve_path && settle_unsure(tracker, event, from, of[i], event->unsure[i]);
		if (make_normal(tracker, event, of[i], event->root_bytes[i]) || !is_sure)
			values_set_text(&event->values, FIELD_path_confidence, SPAN("guessed"));
	}
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

/* Whoever hashes files is told of those that are met for the first time. */
static void want_digest(struct tracker *tracker, uint64_t now_ns, uint64_t id, const struct hash_wish *wish)
{
	if (tracker->options.hash && tracker->node_hash == 0 && digests_want(tracker->digests, id, now_ns))
		tracker->options.hash(tracker->options.user, wish);
}

void tracker_find_version(struct tracker *tracker, struct event *event, struct context *context)
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

static void meet_files(struct tracker *tracker, struct event *event, const struct context *actor)
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

/* The kernel gave the process a login: audit alone tells of that, the programs only of what the process does next. */
static int take_login(struct tracker *tracker, struct process *process, const struct event *event, const struct context *actor)
{
	const struct values *values = &event->values;
	const struct context *now = process->context;
	_cleanup_(context_unrefp) struct context *login = NULL;

	if (event->kind != KIND_ID(security, session_start) || !values_has(values, FIELD_session_old_auid) ||
	    !values_has(values, FIELD_session_old_ses))
		return 0;
	if ((values_has(&now->values, FIELD_auid) && now->auid != event->session_old_auid) ||
	    (values_has(&now->values, FIELD_ses) && now->ses != event->session_old_ses))
		return 0;
	login = context_new();
	if (!login)
		return -ENOMEM;
	values_copy(&login->values, &actor->values, FIELD_auid);
	values_copy(&login->values, &actor->values, FIELD_auid_name);
	values_copy(&login->values, &actor->values, FIELD_ses);
	return login->values.failed ? -ENOMEM : tracker_apply(tracker, process, event, login);
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

static int on_any(struct tracker *tracker, struct event *event, const struct context *actor)
{
	struct process *process;
	bool fresh, is_late;
	int r;

	begin_session(tracker, event, actor);
	r = tracker_process(tracker, actor->pid, event->time_ns, actor, false, &process, &fresh);
	if (r < 0)
		return r;
	tracker_use(process, event);
	is_late = tracker->options.audit_lag_ns > 0 && !fresh && is_from_audit(event);
	if (!fresh) {
		r = is_late ? take_login(tracker, process, event, actor) : tracker_apply(tracker, process, event, actor);
		if (r < 0)
			return r;
	}
	if (event->kind == KIND_ID(security, session_start) || event->kind == KIND_ID(security, login)) {
		_cleanup_(context_unrefp) struct context *leader =
			context_ref(is_late ? context_of_late(tracker, process, event, actor) : process->context);

		r = on_login(tracker, process, event, actor, leader);
		if (r < 0)
			return r;
	}
	tracker_set_context(event, is_late ? context_of_late(tracker, process, event, actor) : process->context);
	if (!values_has(&actor->values, FIELD_cwd))
		return 0;
	return set_cwd(tracker, process, event, values_text(&actor->values, FIELD_cwd), is_late);
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
	if (category == CATEGORY_system)
		on_system(tracker, event);
	meet_files(tracker, event, actor);
	if (unlikely(!values_has(&actor->values, FIELD_pid)))
		r = on_anonymous(tracker, event, actor);
	else
		r = enrich(tracker, event, actor);
	tracker->stats.processes = process_table_count(tracker->table);
	tracker->stats.bytes = process_table_bytes(tracker->table);
	tracker->stats.evicted = process_table_evicted(tracker->table);
	if (r != 0)
		return r;

	if (values_has(&event->values, FIELD_target_pid)) {
		r = resolve_target(tracker, event);
		if (r < 0)
			return r;
	}
	if (category == CATEGORY_file && event->context && tracker->node_hash == 0) {
		r = resolve_paths(tracker, event, actor->pid);
		if (r < 0)
			return r;
		if (event->unsure[0] || event->unsure[1])
			settle_unsure_paths(tracker, event, actor->pid);
		else if (tracker->options.resolve_path && !is_walked(event))
			settle_paths(tracker, event);
	}
	if (event->kind == KIND_ID(dns, response)) {
		r = learn_names(tracker, event);
		if (r < 0)
			return r;
	}
	if (category == CATEGORY_network)
		name_destination(tracker, event);
	if (category == CATEGORY_security || category == CATEGORY_system) {
		name_target(tracker, event, FIELD_user_target_id, FIELD_user_target_name, false);
		name_target(tracker, event, FIELD_group_target_id, FIELD_group_target_name, true);
	}
	if (event->context && !values_has(&event->values, FIELD_completeness) &&
	    event->context->values.inferred[0] & (BIT(entity_id) | BIT(executable)))
		values_set_text(&event->values, FIELD_completeness, SPAN("inferred"));
	return event->values.failed ? -ENOMEM : 0;
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

void tracker_set_audit_lag(struct tracker *tracker, uint64_t audit_lag_ns)
{
	tracker->options.audit_lag_ns = audit_lag_ns;
}

void tracker_set_grace(struct tracker *tracker, uint64_t grace_ns)
{
	tracker->options.grace_ns = grace_ns;
	process_table_set_grace(tracker->table, grace_ns);
}

int tracker_begin_run(struct tracker *tracker, struct span boot_id, uint64_t boot_time_ns)
{
	int r = set_boot(tracker, boot_id, boot_time_ns);

	if (r < 0)
		return r;
	process_table_clear(tracker->table, 0);
	folders_clear(tracker->folders);
	sessions_clear(tracker->sessions);
	resolved_clear(tracker->resolved);
	digests_clear(tracker->digests);
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
