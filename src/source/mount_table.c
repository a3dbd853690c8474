/* See mount_table.h.
 *
 * A path goes from the root mount to the mount that stands on its shortest beginning, from there to the next, and so on: what a mount
 * covers is not on that way.  In the file system of the last one it is the root of that mount and what is left of the path.
 *
 * Whoever has a user namespace may have mounts by the thousand: they are sorted, and looked for by parent and point; and of those by
 * the thousand on one point the last is known. */

#include "source/mount_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"

struct mount_of {
	uint32_t id, parent;
	uint64_t device;		/* major and minor, 32 bits each */
	struct span root;		/* the path in the file system that is mounted */
	struct span point;		/* where; `/`: empty, as that of the root is */
	const struct mount_of *top;	/* of those that stand on it at that point, one on the other: the last */
};

struct mount_table {
	struct buffer text;
	struct mount_of *mounts;	/* by parent, then by the size of the point, then by point */
	size_t n;
	const struct mount_of *root;	/* NULL: there is none */
};

#define MAX_ROOTS 64			/* that stand on each other, of which the lowest is looked for */

/* Up to the next blank, which goes with it. */
static struct span take_word(struct span *rest)
{
	const char *blank = rest->size > 0 ? memchr(rest->data, ' ', rest->size) : NULL;
	struct span word = { rest->data, blank ? (size_t)(blank - rest->data) : rest->size };
	size_t taken = word.size + (blank ? 1 : 0);

	*rest = (struct span){ rest->data + taken, rest->size - taken };
	return word;
}

static bool take_number(struct span word, uint32_t *ret)
{
	uint64_t number;

	if (span_to_u64(word, &number) < 0 || number > UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	return true;
}

static bool take_device(struct span word, uint64_t *ret)
{
	const char *colon = word.size > 0 ? memchr(word.data, ':', word.size) : NULL;
	size_t before = colon ? (size_t)(colon - word.data) : 0;
	uint32_t major, minor;

	if (!colon || !take_number((struct span){ word.data, before }, &major) ||
	    !take_number((struct span){ colon + 1, word.size - before - 1 }, &minor))
		return false;
	*ret = (uint64_t)major << 32 | minor;
	return true;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* A blank stands as \040 (fs/proc_namespace.c, mangle).  In place; `/` becomes nothing. */
static struct span unescape(char *data, size_t size)
{
	size_t to = 0;

	for (size_t i = 0; i < size; to++) {
		if (data[i] == '\\' && i + 3 < size && is_octal(data[i + 1]) && is_octal(data[i + 2]) && is_octal(data[i + 3])) {
			data[to] = (char)((data[i + 1] - '0') << 6 | (data[i + 2] - '0') << 3 | (data[i + 3] - '0'));
			i += 4;
		} else {
			data[to] = data[i++];
		}
	}
	return (struct span){ data, to == 1 && data[0] == '/' ? 0 : to };
}

static bool read_line(struct mount_table *table, struct span line, struct mount_of *ret)
{
	char *text = table->text.data;
	struct span root, point;

	if (!take_number(take_word(&line), &ret->id) || !take_number(take_word(&line), &ret->parent) ||
	    !take_device(take_word(&line), &ret->device))
		return false;
	root = take_word(&line);
	point = take_word(&line);
	if (root.size == 0 || root.data[0] != '/' || point.size == 0 || point.data[0] != '/')
		return false;
	ret->root = unescape(text + (root.data - text), root.size);
	ret->point = unescape(text + (point.data - text), point.size);
	return true;
}

static int compare(const void *left, const void *right)
{
	const struct mount_of *a = left, *b = right;

	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	if (a->point.size != b->point.size)
		return a->point.size < b->point.size ? -1 : 1;
	return a->point.size > 0 ? memcmp(a->point.data, b->point.data, a->point.size) : 0;
}

static const struct mount_of *find_child(const struct mount_table *table, uint32_t parent, struct span point)
{
	const struct mount_of key = { .parent = parent, .point = point };

	return bsearch(&key, table->mounts, table->n, sizeof(key), compare);
}

/* Where all paths begin: it stands on no other, or on one that the process does not see. */
static const struct mount_of *find_root(const struct mount_table *table)
{
	unsigned n_roots = 0;

	for (size_t i = 0; i < table->n && n_roots < MAX_ROOTS; i++) {
		const struct mount_of *mount = &table->mounts[i];
		bool has_parent = false;

		if (mount->point.size > 0)
			continue;
		n_roots++;
		for (size_t k = 0; k < table->n && !has_parent; k++)
			has_parent = k != i && table->mounts[k].id == mount->parent;
		if (!has_parent)
			return mount;
	}
	return NULL;
}

/* Each is met a few times at most: who comes to one whose end is known stops there. */
static void find_tops(struct mount_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		struct mount_of *first = &table->mounts[i];
		const struct mount_of *end = first, *next;
		size_t steps = 0;

		/* The kernel's mounts go in no circle; what the text says may. */
		while (!end->top && (next = find_child(table, end->id, end->point)) && next != end && steps++ < table->n)
			end = next;
		end = end->top ? end->top : end;
		for (const struct mount_of *of = first; !of->top; of = next) {
			next = find_child(table, of->id, of->point);
			table->mounts[of - table->mounts].top = end;
			if (!next)
				break;
		}
	}
}

int mount_table_new(struct mount_table **ret, struct buffer *text)
{
	_cleanup_(mount_table_freep) struct mount_table *table = calloc(1, sizeof(*table));
	size_t n_lines = 1;
	struct span rest;

	if (!table)
		return -ENOMEM;
	table->text = *text;
	*text = (struct buffer){ 0 };
	rest = buffer_span(&table->text);
	for (size_t i = 0; i < rest.size; i++)
		n_lines += rest.data[i] == '\n';
	table->mounts = calloc(n_lines, sizeof(*table->mounts));
	if (!table->mounts)
		return -ENOMEM;
	while (rest.size > 0) {
		const char *newline = memchr(rest.data, '\n', rest.size);
		struct span line = { rest.data, newline ? (size_t)(newline - rest.data) : rest.size };
		size_t taken = line.size + (newline ? 1 : 0);

		rest = (struct span){ rest.data + taken, rest.size - taken };
		table->n += read_line(table, line, &table->mounts[table->n]);
	}
	qsort(table->mounts, table->n, sizeof(*table->mounts), compare);
	find_tops(table);
	table->root = find_root(table);
	*ret = TAKE(table);
	return 0;
}

struct mount_table *mount_table_free(struct mount_table *table)
{
	if (!table)
		return NULL;
	buffer_release(&table->text);
	free(table->mounts);
	free(table);
	return NULL;
}

void mount_table_each(const struct mount_table *table, mount_point_fn fn, void *user)
{
	for (size_t i = 0; i < table->n; i++)
		fn(user, &(struct mount_point){ table->mounts[i].id, table->mounts[i].device, table->mounts[i].point });
}

/* `above` is the path or one of its folders; of the root all are. */
static bool is_below(struct span path, struct span above)
{
	if (above.size == 0)
		return true;
	return span_starts(path, above) && (path.size == above.size || path.data[above.size] == '/');
}

/* The next longer beginning of the path, by a folder. */
static size_t next_end(struct span path, size_t size)
{
	const char *slash = size + 1 < path.size ? memchr(path.data + size + 1, '/', path.size - size - 1) : NULL;

	return slash ? (size_t)(slash - path.data) : path.size;
}

/* The mount that the path ends in. */
static const struct mount_of *walk(const struct mount_table *table, struct span path)
{
	const struct mount_of *at = table->root ? table->root->top : NULL;
	size_t size = at ? at->point.size : 0, steps = 0;

	/* No more mounts than there are, whatever the text says. */
	while (at && steps <= table->n) {
		const struct mount_of *next = find_child(table, at->id, (struct span){ path.data, size });

		if (next && next->top != at) {
			at = next->top;
			steps++;
		} else if (size >= path.size) {
			return at;
		} else {
			size = next_end(path, size);
		}
	}
	return NULL;
}

static struct span below(struct span path, struct span above)
{
	return above.size == 0 ? path : (struct span){ path.data + above.size, path.size - above.size };
}

/* The folder that is mounted has been removed: it has no name any more (fs/d_path.c, dentry_path). */
static bool is_gone(const struct mount_of *mount)
{
	static const struct span mark = SPAN("//deleted");

	return span_ends(mount->root, mark);
}

static int join(struct buffer *ret, struct span folder, struct span rest)
{
	size_t before = ret->size;

	buffer_append_span(ret, folder);
	buffer_append_span(ret, rest);
	if (ret->size == before)
		buffer_append_byte(ret, '/');
	return buffer_error(ret);
}

int mount_table_translate(const struct mount_table *from, const struct mount_table *to, struct span path, struct buffer *ret)
{
	_cleanup_(buffer_release) struct buffer inside = { 0 }, candidate = { 0 };
	const struct mount_of *mount, *best = NULL;
	struct span in_fs;
	int r;

	if (path.size == 0 || path.data[0] != '/')
		return -EINVAL;
	if (path.size == 1)
		path.size = 0;
	mount = walk(from, path);
	if (!mount || is_gone(mount))
		return -ENOENT;
	buffer_append_span(&inside, mount->root);
	buffer_append_span(&inside, below(path, mount->point));
	r = buffer_error(&inside);
	in_fs = buffer_span(&inside);
	for (size_t i = 0; i < to->n && r >= 0; i++) {
		const struct mount_of *other = &to->mounts[i];

		if (other->device != mount->device || !is_below(in_fs, other->root) || (best && best->root.size <= other->root.size))
			continue;
		buffer_clear(&candidate);
		buffer_append_span(&candidate, other->point);
		buffer_append_span(&candidate, below(in_fs, other->root));
		r = buffer_error(&candidate);
		if (r >= 0 && walk(to, buffer_span(&candidate)) == other)	/* nothing covers it */
			best = other;
	}
	if (r < 0)
		return r;
	return best ? join(ret, best->point, below(in_fs, best->root)) : -ENOENT;
}
