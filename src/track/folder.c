/* See folder.h.  A table of fixed size, a text has one place: the newer pushes out the older. */

#include "track/folder.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define N_FOLDERS 4096

struct folder {
	char *text;			/* NULL: empty */
	char *real;			/* NULL: the text is */
	uint32_t size, real_size;
	struct file_id id;
	struct path_root root;		/* that it is seen from; none: that of the recorder */
	uint64_t asked_ns;		/* by folders_ask() */
};

struct folders {
	folder_lookup_fn lookup;
	void *user;
	struct folder table[N_FOLDERS];
};

int folders_new(struct folders **ret, folder_lookup_fn lookup, void *user)
{
	struct folders *folders = calloc(1, sizeof(*folders));

	if (!folders)
		return -ENOMEM;
	folders->lookup = lookup;
	folders->user = user;
	*ret = folders;
	return 0;
}

static void forget(struct folder *folder)
{
	free(folder->text);
	free(folder->real);
	*folder = (struct folder){ 0 };
}

void folders_clear(struct folders *folders)
{
	for (size_t i = 0; i < N_FOLDERS; i++)
		forget(&folders->table[i]);
}

struct folders *folders_free(struct folders *folders)
{
	if (!folders)
		return NULL;
	folders_clear(folders);
	free(folders);
	return NULL;
}

static struct folder *place_of(struct folders *folders, const struct path_place *from, struct span text)
{
	return &folders->table[path_place_hash(from, text) % N_FOLDERS];
}

static bool is_of(const struct folder *folder, const struct path_place *from, struct span text)
{
	return folder->text && span_eq((struct span){ folder->text, folder->size }, text) &&
	       path_root_is(folder->root, from ? from->root : (struct path_root){ 0 });
}

static struct span real_of(const struct folder *folder)
{
	return folder->real ? (struct span){ folder->real, folder->real_size } :
			      (struct span){ folder->text, folder->size };
}

static char *copy(struct span text)
{
	char *p = malloc(text.size + 1);

	if (!p)
		return NULL;
	memcpy(p, text.data, text.size);
	p[text.size] = 0;
	return p;
}

/* No memory: it is asked again next time. */
static void keep(struct folder *folder, struct span text, struct span real, struct file_id id)
{
	forget(folder);
	folder->text = copy(text);
	folder->size = (uint32_t)text.size;
	if (folder->text && !span_eq(text, real)) {
		folder->real = copy(real);
		folder->real_size = (uint32_t)real.size;
		if (!folder->real)
			forget(folder);
	}
	folder->id = id;
}

enum folder_answer folders_find(struct folders *folders, struct span text, const struct file_id *ids, size_t n_ids,
				struct span *ret)
{
	struct folder *folder = place_of(folders, NULL, text);
	char path[PATH_MAX], real[PATH_MAX];
	struct file_id found = { 0 };
	int r;

	if (is_of(folder, NULL, text) && file_id_is_one_of(folder->id, ids, n_ids)) {
		*ret = real_of(folder);
		return FOLDER_SURE;
	}
	if (!folders->lookup || text.size >= sizeof(path) || memchr(text.data, 0, text.size))
		return FOLDER_UNKNOWN;
	memcpy(path, text.data, text.size);
	path[text.size] = 0;
	r = folders->lookup(folders->user, NULL, path, &found, real, sizeof(real));
	if (r == -EOPNOTSUPP || r == -ENODATA)
		return FOLDER_UNKNOWN;
	if (r < 0 || !file_id_is_one_of(found, ids, n_ids))
		return FOLDER_OTHER;
	keep(folder, text, span_of(real), found);
	if (!folder->text)
		return FOLDER_UNKNOWN;
	*ret = real_of(folder);
	return FOLDER_SURE;
}

enum folder_answer folders_ask(struct folders *folders, const struct path_place *from, struct span text, uint64_t now_ns,
			       struct span *ret)
{
	struct folder *folder = place_of(folders, from, text);
	char path[PATH_MAX], real[PATH_MAX];
	struct file_id found = { 0 };
	int r;

	if (is_of(folder, from, text) && folder->asked_ns > 0 &&
	    now_ns - folder->asked_ns <= FOLDER_FRESH_NS) {	/* unsigned: an older event than the asking one asks again */
		*ret = real_of(folder);
		return FOLDER_SURE;
	}
	if (!folders->lookup || text.size >= sizeof(path) || memchr(text.data, 0, text.size))
		return FOLDER_UNKNOWN;
	memcpy(path, text.data, text.size);
	path[text.size] = 0;
	r = folders->lookup(folders->user, from, path, &found, real, sizeof(real));
	if (r == -EOPNOTSUPP || r == -ENODATA)
		return FOLDER_UNKNOWN;
	if (r < 0)
		return FOLDER_OTHER;
	keep(folder, text, span_of(real), found);
	if (!folder->text)
		return FOLDER_UNKNOWN;
	if (from)
		folder->root = from->root;
	folder->asked_ns = now_ns;
	*ret = real_of(folder);
	return FOLDER_SURE;
}

bool folders_is_plain(struct folders *folders, struct span text)
{
	char path[PATH_MAX], real[PATH_MAX];
	struct file_id found;

	if (!folders->lookup || text.size >= sizeof(path) || memchr(text.data, 0, text.size))
		return false;
	memcpy(path, text.data, text.size);
	path[text.size] = 0;
	return folders->lookup(folders->user, NULL, path, &found, real, sizeof(real)) >= 0 && span_eq(span_of(real), text);
}

void folders_learn(struct folders *folders, struct span path, struct file_id id)
{
	if (path.size < PATH_MAX)
		keep(place_of(folders, NULL, path), path, path, id);
}
