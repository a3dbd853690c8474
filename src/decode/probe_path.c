/* Paths in records of the kernel's programs.
 *
 * What the kernel walked is exact.  What a program gave is a text that begins at a folder the kernel walked: a single name in
 * it is exact too; with further folders in between, or where the call follows a link at the end, only the file system can
 * tell what it came to, and `track` asks it (event->unsure), from the root that the process has. */

#include "base/path.h"
#include "decode/probe.h"

/* "c\0b\0a\0" -> "/a/b/c", of the same length; `to` has room for names.size + 1. */
static size_t write_path(char *to, struct span names)
{
	size_t at, total;

	if (names.size > 0 && names.data[names.size - 1] == 0)
		names.size--;
	if (names.size == 0 || (names.size == 1 && names.data[0] == '/')) {	/* "/": a root calls itself so */
		to[0] = '/';
		return 1;
	}
	at = total = names.size + 1;
	while (names.size > 0) {
		const char *end = memchr(names.data, 0, names.size);
		size_t size = end ? (size_t)(end - names.data) : names.size;

		at -= size + 1;
		to[at] = '/';
		memcpy(to + at + 1, names.data, size);
		size += end != NULL;
		names = (struct span){ names.data + size, names.size - size };
		/* A name that ends the text in a NUL of its own leaves room for an empty one. */
		if (names.size == 0 && at > 0)
			to[--at] = '/';
	}
	return total;
}

void probe_join_names(struct buffer *to, struct span names)
{
	char *room = buffer_reserve(to, names.size + 1);

	if (room)
		to->size += write_path(room, names);
}

void probe_set_mounts(struct event *event, uint32_t origin)
{
	if (origin & PROBE_MOUNTS_OF_HOST)
		event->mounts = MOUNTS_OF_HOST;
	else if (origin & PROBE_MOUNTS_OF_NONE)
		event->mounts = MOUNTS_OF_NONE;
	else if (origin & PROBE_MOUNTS_OF_OTHER)
		event->mounts = PROBE_MOUNTS_INODE(origin);
}

static void set_cut(struct event *event, enum field field)
{
	values_append_list(&event->values, FIELD_truncated, span_of(fields[field].name));
	if (field == FIELD_path || field == FIELD_target_path)
		text_set(&event->values, FIELD_path_confidence, "guessed");
}

void probe_set_path(const struct probe *probe, struct event *event, enum field field, unsigned text)
{
	struct span names = probe_text(probe->bytes, text);
	struct values *values = &event->values;
	char *room = values_new_text(values, field, names.size + 1);
	size_t size;

	if (!room)
		return;
	size = write_path(room, names);
	((struct text *)values_member(values, field))->size = (uint32_t)size;
	if (probe_is_cut(probe, text))
		set_cut(event, field);
}

void probe_set_root(const struct probe *probe, struct event *event, enum field field, unsigned text)
{
	struct buffer *root = &probe->decoder->name;
	struct span path = values_text(&event->values, field), names = probe_text(probe->bytes, text);

	if (likely(names.size == 0) || probe_is_cut(probe, text))
		return;
	buffer_clear(root);
	probe_join_names(root, names);
	if (buffer_error(root) >= 0 && root->size > 1 && span_starts(path, buffer_span(root)) &&
	    (path.size == root->size || path.data[root->size] == '/'))
		event->root_bytes[field == FIELD_target_path] = (uint32_t)root->size;
}

static struct span without_slashes(struct span name)
{
	while (name.size > 1 && name.data[name.size - 1] == '/')
		name.size--;
	return name;
}

static bool is_single(struct span name)
{
	return name.size > 0 && !memchr(name.data, '/', name.size) && !span_eq(name, SPAN(".")) && !span_eq(name, SPAN(".."));
}

/* Has it a `..` in it?  Behind a link that is not the folder of the link: it stays as it is until somebody has asked. */
static bool climbs(struct span name)
{
	while (name.size > 0) {
		const char *slash = memchr(name.data, '/', name.size);
		size_t size = slash ? (size_t)(slash - name.data) : name.size;

		if (size == 2 && name.data[0] == '.' && name.data[1] == '.')
			return true;
		size += slash != NULL;
		name = (struct span){ name.data + size, name.size - size };
	}
	return false;
}

static void join(struct buffer *path, struct span folder, struct span name)
{
	if (name.size == 0 || climbs(name)) {
		buffer_append_span(path, folder);
		if (name.size > 0 && folder.size > 1)
			buffer_append_byte(path, '/');
		buffer_append_span(path, name);
	} else {
		path_join(path, folder, name);
	}
}

/* In a root of its own `..` leads to that root at most. */
static void join_below(struct buffer *path, struct span root, struct span name)
{
	size_t at = root.size;

	buffer_append_span(path, root);
	path_join(path, SPAN("/"), name);
	if (path->size == at + 1)	/* the root itself */
		path->size = at;
}

static unsigned folder_told(const struct probe *probe, unsigned folder)
{
	return folder == NAME_FOLDER2 && probe->record->head.flags & PROBE_SAME_FOLDER ? NAME_FOLDER : folder;
}

int probe_set_given(const struct probe *probe, struct event *event, enum field field, unsigned folder, unsigned given,
		    bool follows)
{
	unsigned base_text = folder_told(probe, folder);
	const struct probe_call *call = &probe->record->body.call;
	struct span name = without_slashes(probe_text(probe->bytes, given));
	struct buffer *base = &probe->decoder->name, *path = &probe->decoder->text;
	bool is_target = field == FIELD_target_path, is_absolute = name.size > 0 && name.data[0] == '/', is_jailed;
	bool is_cut = probe_is_cut(probe, base_text) || probe_is_cut(probe, given), nobody;
	enum unsure unsure = UNSURE_NOT;

	if (name.size == 0 && probe_is_cut(probe, given)) {	/* not there any more when the call returned */
		if (!values_has(&event->values, FIELD_missing))	/* else the other path is too */
			probe_set_missing(event, "path");
		return 0;
	}
	buffer_clear(base);
	probe_join_names(base, probe_text(probe->bytes, base_text));
	/* An absolute name begins at the root of the process, which is the folder here. */
	while (name.size > 0 && name.data[0] == '/') {
		name.data++;
		name.size--;
	}
	is_jailed = is_absolute && base->size > 1;
	nobody = is_cut || probe->record->head.flags & PROBE_ELSEWHERE || call->root.init == 0;
	buffer_clear(path);
	if (!nobody)
		join(path, buffer_span(base), name);
	else if (is_jailed)
		join_below(path, buffer_span(base), name);
	else
		path_join(path, buffer_span(base), name);
	if (buffer_error(base) < 0 || buffer_error(path) < 0)
		return -ENOMEM;
	values_set_text(&event->values, field, buffer_span(path));
	if (is_cut) {
		set_cut(event, field);
		return 0;
	}
	if (name.size > 0 && follows)
		unsure = UNSURE_FILE;
	else if (name.size > 0 && !is_single(name))
		unsure = UNSURE_FOLDER;
	if (call->origin != 0)
		probe_set_mounts(event, call->origin);
	else if (probe->record->head.flags & PROBE_ELSEWHERE)	/* of a capture of before that was told */
		event->mounts = MOUNTS_OF_NONE;
	if (unsure != UNSURE_NOT && nobody) {	/* can be asked */
		text_set(&event->values, FIELD_path_confidence, "guessed");
		return 0;
	}
	if (unsure != UNSURE_NOT && !values_has(&event->values, FIELD_path_confidence))
		text_set(&event->values, FIELD_path_confidence, "joined");
	event->unsure[is_target] = unsure;
	event->root = probe_root(&call->root);
	event->root_bytes[is_target] = is_jailed ? (uint32_t)base->size : 0;
	if (!is_absolute)
		probe_set_root(probe, event, field, NAME_ROOT);
	return 0;
}
