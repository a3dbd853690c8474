/* Which file an event is about: the path that its records spell, and where it leads. */

#include "track/tracker.h"

#include <errno.h>
#include <limits.h>

#include "base/path.h"

static struct file_id file_of(const struct event *event)
{
	return (struct file_id){ .device = event->device, .inode = event->inode,
				 .known = values_has(&event->values, FIELD_inode) && values_has(&event->values, FIELD_device) };
}

static struct file_key descriptor_of(const struct event *event, int32_t fd)
{
	bool is_known = values_has(&event->context->values, FIELD_entity_id);

	return key_of_descriptor(event->context->entity_id, is_known ? fd : -1);
}

/* A name relative to a folder that the process has open. It is asked for after the fact: the descriptor
 * may be another by now, so what comes of it is inferred. */
static int join_fd(struct tracker *tracker, struct event *event, uint32_t pid, enum field fd,
		   enum field given, enum field path)
{
	char folder[PATH_MAX];
	int r;

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

/* The folder that the call was about, if there is but one: a rename within a folder tells it twice, and once where a record is lost. */
static struct file_id only_folder(const struct event *event)
{
	const struct file_id *folders = event->folders;
	bool is_one = event->kind == KIND_ID(file, rename) ? file_id_is(folders[0], folders[1]) : !folders[1].known;

	return is_one ? folders[0] : (struct file_id){ 0 };
}

static bool is_named(struct span part)
{
	return part.size > 0 && !span_eq(part, SPAN(".")) && !span_eq(part, SPAN(".."));
}

/* The other one of the two folders of a rename, if the first is told by where the file was. */
static struct file_id target_folder(const struct tracker *tracker, const struct event *event)
{
	struct span path = values_text(&event->values, FIELD_path), part = path_last(path);
	struct span folder = { path.data, path.size > part.size ? path.size - part.size - 1 : 0 };

	if (!values_is_inferred(&event->values, FIELD_path) || folder.size == 0)
		return (struct file_id){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(event->folders); i++)
		if (span_eq(file_names_find(tracker->file_names, key_of_file(event->folders[i]), event->time_ns, tracker->options.path_ns, NULL), folder))
			return event->folders[1 - i];
	return (struct file_id){ 0 };
}

/* The name below what the other was called.  1 or -ENOMEM. */
static int set_known(struct tracker *tracker, struct event *event, enum field path, struct span known, struct span name)
{
	int r;

	buffer_clear(&tracker->path);
	r = path_join(&tracker->path, known, name);
	if (r < 0)
		return r;
	values_set_text(&event->values, path, buffer_span(&tracker->path));
	values_set_inferred(&event->values, path);
	return 1;
}

/* What a file that the kernel tells by its inode was called when it had a name: the folder that it walked to, or the file itself.
 * only_own: if that process said so, since a file may have several names, and it has one of them open.  1, 0: nobody said so, or
 * -ENOMEM. */
static int join_known(struct tracker *tracker, struct event *event, uint32_t pid, bool only_own, enum field fd, enum field given,
		       enum field path)
{
	bool is_target = path == FIELD_target_path, in_folder = is_target ? event->target_in_folder : event->path_in_folder;
	struct span name = values_text(&event->values, given), part = path_last(name), known;
	struct file_id folder = only_folder(event), file = file_of(event);
	uint64_t age_ns = tracker->options.path_ns;
	uint32_t teller = 0;

	if (is_target && !folder.known)
		folder = target_folder(tracker, event);
	if (in_folder && is_named(part)) {
		known = file_names_find(tracker->file_names, key_of_file(folder), event->time_ns, age_ns, NULL);
		if (known.size > 0)
			return set_known(tracker, event, path, known, part);
	}
	/* A new name in a folder is that of a new file. */
	if (is_target || (in_folder && event->kind != KIND_ID(file, rename)))
		return 0;
	known = file_names_find(tracker->file_names, key_of_file(file), event->time_ns, age_ns, &teller);
	if (!file.known && name.size == 0 && !event->has_opened)	/* else the descriptor was another file's */
		known = file_names_find(tracker->file_names, descriptor_of(event, (int32_t)values_number(&event->values, fd)), event->time_ns,
					age_ns, &teller);
	if (known.size == 0 || (only_own && teller != pid) || (name.size > 0 && !span_eq(path_last(known), part)))
		return 0;
	return set_known(tracker, event, path, known, SPAN(""));
}

/* A name relative to a descriptor, or none but that.  *ret_known: it is as other events told it. */
static int join_one(struct tracker *tracker, struct event *event, uint32_t pid, enum field fd, enum field given, enum field path,
		    bool *ret_known)
{
	int r;

	if (!values_has(&event->values, fd) || !values_has(&event->values, given))
		return 0;
	r = join_known(tracker, event, pid, true, fd, given, path);
	*ret_known = r > 0;
	if (r == 0 && tracker->options.resolve_fd)
		r = join_fd(tracker, event, pid, fd, given, path);
	if (r != 0)
		return r;
	r = join_known(tracker, event, pid, false, fd, given, path);
	*ret_known = r > 0;
	return r;
}

static int join_paths(struct tracker *tracker, struct event *event, uint32_t pid, bool ret_known[2])
{
	unsigned wanted =
		values_has(&event->values, FIELD_dirfd) + values_has(&event->values, FIELD_target_dirfd);
	int path, target;

	if (wanted == 0 || !span_eq(values_text(&event->values, FIELD_path_confidence), SPAN("guessed")))
		return 0;
	path = join_one(tracker, event, pid, FIELD_dirfd, FIELD_given_path, FIELD_path, &ret_known[0]);
	if (path < 0)
		return path;
	target = join_one(tracker, event, pid, FIELD_target_dirfd, FIELD_given_target_path, FIELD_target_path, &ret_known[1]);
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
	struct file_id file = file_of(event);
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

/* Where the way leads that the process went is another by now, but which inode it led to is known, and what that was called may be. */
static bool is_remembered(struct tracker *tracker, struct event *event, uint32_t pid, enum field field)
{
	return join_known(tracker, event, pid, false, FIELD_dirfd, field, field) > 0;
}

/* Paths are made of text until here; now the kernel's inodes decide. Sure of all of them: exact, whatever was thought
 * before. One of them leads elsewhere by now: joined with what was remembered, else guessed. */
static void settle_paths(struct tracker *tracker, struct event *event, uint32_t pid)
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
		bool is_known = path != FOLDER_OTHER || is_remembered(tracker, event, pid, FIELD_path);

		if (target == FOLDER_OTHER)
			is_known &= is_remembered(tracker, event, pid, FIELD_target_path);
		values_set_text(values, FIELD_path_confidence, is_known ? SPAN("joined") : SPAN("guessed"));
	} else if (path == FOLDER_SURE && target == FOLDER_SURE) {
		values_unset(values, FIELD_path_confidence);
		values->inferred[FIELD_path / 64] &= ~(UINT64_C(1) << (FIELD_path % 64));
		values->inferred[FIELD_target_path / 64] &= ~(UINT64_C(1) << (FIELD_target_path % 64));
	}
	/* A folder of a known place is known itself from now on. */
	if (span_eq(values_text(values, FIELD_file_type), SPAN("dir")) && file_of(event).known) {
		struct file_id id = file_of(event);

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

void paths_place(const struct tracker *tracker, const struct event *event, uint32_t pid, struct path_place *ret)
{
	const struct process *process = process_find(tracker->table, tracker->node_hash, pid, event->time_ns);

	*ret = (struct path_place){ .root = event->root, .pids = { pid, event->root.init }, .n_pids = 2 };
	if (event->tid != 0 && event->tid != pid)	/* a thread may have mounts of its own */
		ret->pids[ret->n_pids++] = event->tid;
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
	/* Where links were followed it is another path by now, and its beginning no root. */
	if (root_bytes >= path.size || path.data[root_bytes] != '/' || !path_is_normal((struct span){ path.data, root_bytes }))
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
		paths_place(tracker, event, pid, from);
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

/* The root of a process that has one of its own: its path begins with it, whatever links that goes through. */
static void keep_root(struct tracker *tracker, const struct event *event)
{
	struct span path = values_text(&event->values, FIELD_path);

	buffer_clear(&tracker->root);
	if (event->root_bytes[0] <= path.size)
		buffer_append_span(&tracker->root, (struct span){ path.data, event->root_bytes[0] });
}

/* What such a process calls the file, unless it led out of there. */
static void set_inside(struct tracker *tracker, struct event *event)
{
	struct span path = values_text(&event->values, FIELD_path), root = buffer_span(&tracker->root);

	if (root.size == 0 || !span_starts(path, root) || (path.size > root.size && path.data[root.size] != '/'))
		return;
	buffer_clear(&tracker->path);
	buffer_append_span(&tracker->path, (struct span){ path.data + root.size, path.size - root.size });
	if (path.size == root.size)
		buffer_append_byte(&tracker->path, '/');
	if (buffer_error(&tracker->path) >= 0)
		values_set_text(&event->values, FIELD_path_inside, buffer_span(&tracker->path));
}

/* The mount namespace of its process, if it is not the host's; 0: it is, or nobody knows. */
static uint32_t foreign_mounts(const struct event *event)
{
	static const struct span mark = SPAN("mnt:");
	struct span text = values_text(&event->context->values, FIELD_namespaces);
	uint64_t inode = 0;
	size_t n;

	if (!span_starts(text, mark))
		return 0;
	text = (struct span){ text.data + mark.size, text.size - mark.size };
	for (n = 0; n < text.size && text.data[n] != ' ';)
		n++;
	return span_to_u64((struct span){ text.data, n }, &inode) < 0 || inode > UINT32_MAX ? 0 : (uint32_t)inode;
}

static bool is_of_mounts(const struct event *event)
{
	return event->kind == KIND_ID(file, mount) || event->kind == KIND_ID(file, unmount);
}

static void doubt(struct event *event, const char *confidence)
{
	if (!span_eq(values_text(&event->values, FIELD_path_confidence), SPAN("guessed")))
		values_set_text(&event->values, FIELD_path_confidence, span_of(confidence));
}

/* What the host calls it, NUL-terminated.  is_point: a mount stands there, below which it lies.  As mounts_host_path(). */
static int host_name(struct tracker *tracker, const struct event *event, const struct path_place *from, bool is_point, const char *path,
		     char *ret, size_t size)
{
	char folder[PATH_MAX];
	const char *name = strrchr(path, '/');
	size_t n = strlen(path);
	int r;

	if (is_point && name && name[1]) {
		n = name == path ? 1 : (size_t)(name - path);
		memcpy(folder, path, n);
		folder[n] = 0;
	}
	r = tracker->options.host_path(tracker->options.user, from, n < strlen(path) ? folder : path, event->time_ns, ret, size);
	if (r < 0 || n == strlen(path))
		return r;
	n = strlen(ret);
	if (n + strlen(name) >= size)
		return -ENAMETOOLONG;
	strcpy(ret + (strcmp(ret, "/") == 0 ? 0 : n), name);
	return r;
}

/* Instead of what a process of other mounts calls it what the host does.  false: the host has no name for it. */
static bool name_by_host(struct tracker *tracker, struct event *event, const struct path_place *from, enum field field)
{
	struct span path = values_text(&event->values, field);
	uint32_t root_bytes = event->root_bytes[field == FIELD_path ? 0 : 1];
	char given[PATH_MAX], host[PATH_MAX];
	const char *inside = given;
	int r;

	if (path.size == 0 || path.data[0] != '/' || path.size >= sizeof(given))
		return true;
	memcpy(given, path.data, path.size);
	given[path.size] = 0;
	if (root_bytes == path.size)
		inside = "/";
	else if (root_bytes < path.size && given[root_bytes] == '/')
		inside += root_bytes;
	r = host_name(tracker, event, from, is_of_mounts(event), given, host, sizeof(host));
	if (r == -ENODATA)	/* a capture of before this was asked */
		return true;
	if (r == 1)
		doubt(event, "joined");
	event->is_of_host = r >= 0;
	if (r >= 0 && strcmp(host, given) == 0)
		return true;
	if (field == FIELD_path)
		values_set_text(&event->values, FIELD_path_inside, span_of(inside));
	if (r >= 0)
		values_set_text(&event->values, field, span_of(host));
	if (r < 0 && r != -ENOENT)
		doubt(event, "guessed");
	return r >= 0;
}

/* false: the host does not see all of them. */
static bool name_all_by_host(struct tracker *tracker, struct event *event, uint32_t pid, const bool is_known[2])
{
	uint32_t mounts = event->mounts == MOUNTS_OF_PROCESS ? foreign_mounts(event) : event->mounts;
	struct span path = values_text(&event->values, FIELD_path);
	struct path_place place;
	bool all = true;

	event->is_of_host = event->mounts == MOUNTS_OF_PROCESS ? mounts == 0 && event->root.init <= HOST_INIT : mounts == MOUNTS_OF_HOST;
	/* A folder that is mounted nowhere any more, or not yet; nobody says of which mounts.  What never is has a name of its own. */
	if (mounts == MOUNTS_OF_NONE && span_starts(path, SPAN("/")) && !span_starts(path, SPAN("/memfd:")) && !span_eq(path, SPAN("/secretmem")))
		doubt(event, "guessed");
	if (mounts == 0 || mounts == MOUNTS_OF_HOST || mounts == MOUNTS_OF_NONE || !tracker->options.host_path)
		return true;
	paths_place(tracker, event, pid, &place);
	place.mount_namespace = mounts;
	/* The text of a link is nobody's path, and the source of a mount is as it was given. */
	if (!is_known[1] && event->kind != KIND_ID(file, symlink) && !is_of_mounts(event))
		all &= name_by_host(tracker, event, &place, FIELD_target_path);
	if (is_known[0])	/* what is remembered is what the host calls it */
		event->is_of_host = true;
	else
		all &= name_by_host(tracker, event, &place, FIELD_path);
	return all;
}

/* What later acts, which name no file, are joined with. */
static int keep_names(struct tracker *tracker, const struct event *event, uint32_t pid, bool is_of_host)
{
	bool is_moved = event->kind == KIND_ID(file, rename), is_gone = event->kind == KIND_ID(file, delete);
	struct span path = values_text(&event->values, is_moved ? FIELD_target_path : FIELD_path), name = path_last(path);
	struct file_key file = key_of_file(file_of(event)), folder = key_of_file(only_folder(event));
	struct file_key opened = descriptor_of(event, event->has_opened ? event->opened : -1);
	struct file_names *names = tracker->file_names;
	int r = 0;

	if (span_eq(values_text(&event->values, FIELD_outcome), SPAN("failure")) || is_of_mounts(event))
		return 0;
	if (path.size == 0 || path.data[0] != '/' || !is_of_host || span_eq(values_text(&event->values, FIELD_path_confidence), SPAN("guessed"))) {
		file_names_forget(names, opened, (struct span){ NULL, 0 });	/* another file's by now */
		if (is_moved || is_gone || event->kind == KIND_ID(file, create))
			file_names_forget(names, file, (struct span){ NULL, 0 });
		return 0;
	}
	if (is_moved && span_eq(values_text(&event->values, FIELD_file_type), SPAN("dir")))
		file_names_forget_below(names, values_text(&event->values, FIELD_path));
	if (is_gone)
		file_names_forget(names, file, path);
	else
		r = file_names_learn(names, file, path, pid, event->time_ns);
	if (r >= 0)
		r = file_names_learn(names, opened, path, pid, event->time_ns);
	if (r >= 0 && (is_moved ? event->target_in_folder : event->path_in_folder) && path.size > name.size + 1)
		r = file_names_learn(names, folder, (struct span){ path.data, path.size - name.size - 1 }, pid, event->time_ns);
	return r;
}

int paths_settle(struct tracker *tracker, struct event *event, uint32_t pid)
{
	bool is_known[2] = { false, false }, is_of_host;
	int r = join_paths(tracker, event, pid, is_known);

	if (r < 0)
		return r;
	keep_root(tracker, event);
	if (event->unsure[0] || event->unsure[1])
		settle_unsure_paths(tracker, event, pid);
	set_inside(tracker, event);
	is_of_host = name_all_by_host(tracker, event, pid, is_known);
	if (!event->unsure[0] && !event->unsure[1] && tracker->options.resolve_path && !is_walked(event) && is_of_host)
		settle_paths(tracker, event, pid);
	return is_walked(event) ? 0 : keep_names(tracker, event, pid, is_of_host);
}
