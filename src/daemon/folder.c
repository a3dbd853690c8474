/* See folder.h.  A file is known by what stat(2) says of it, so a look reads only what has changed. */

#include "daemon/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/path_trust.h"

/* NAME of NAME.json */
static struct span stem(const char *file)
{
	struct span name = span_of(file);

	name.size -= strlen(".json");
	return name;
}

static struct folder_file *find(const struct folder *folder, const char *name)
{
	for (size_t i = 0; i < folder->n; i++)
		if (strcmp(folder->files[i].name, name) == 0)
			return &folder->files[i];
	return NULL;
}

static struct folder_file *add(struct folder *folder, const char *name)
{
	struct folder_file *files = realloc(folder->files, (folder->n + 1) * sizeof(*files));
	char *copy = files ? strdup(name) : NULL;

	if (files)
		folder->files = files;
	if (!copy)
		return NULL;
	folder->files[folder->n] = (struct folder_file){ .name = copy };
	return &folder->files[folder->n++];
}

static void drop(struct folder *folder, struct folder_file *file)
{
	size_t place = (size_t)(file - folder->files);

	free(file->name);
	free(file->why);
	folder->n--;
	memmove(file, file + 1, (folder->n - place) * sizeof(*file));
}

static void refuse(struct folder *folder, struct folder_file *file, const char *why)
{
	if (file->why && strcmp(file->why, why) == 0)
		return;
	log_error("%s/%s: %s", folder->place.path, file->name, why);
	free(file->why);
	file->why = strdup(why);
}

static void accept(struct folder_file *file)
{
	free(file->why);
	file->why = NULL;
}

static int path_of(char **ret, const struct folder *folder, const char *file)
{
	return asprintf(ret, "%s/%s", folder->place.path, file) < 0 ? -ENOMEM : 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int folder_copy(struct folder *ret, const struct folder *from)
{
	struct folder copy = { .place = from->place, .files = calloc(from->n + 1, sizeof(*copy.files)) };

	if (!copy.files)
		return -ENOMEM;
	for (; copy.n < from->n; copy.n++) {
		struct folder_file *file = &copy.files[copy.n];

		*file = from->files[copy.n];
		file->name = strdup(file->name);
		file->why = file->why ? strdup(file->why) : NULL;
		if (!file->name || (from->files[copy.n].why && !file->why)) {
			copy.n++;
			folder_release(&copy);
			return -ENOMEM;
		}
	}
	*ret = copy;
	return 0;
}

/* Reading */

static int read_entry(struct subscription_entry **ret, struct subscription_file *file, const char *path, const char *key_path,
		      bool is_saved, struct filter_error *error)
{
	struct file_error why = { "" };
	int r = subscription_file_read(file, path, key_path, &why);

	if (r < 0) {
		snprintf(error->message, sizeof(error->message), "%s", why.message);
		return r == -ENOMEM ? r : -EINVAL;
	}
	return subscription_entry_new(ret, buffer_span(&file->text), is_saved, error);
}

int folder_read_other(struct subscription_entry **ret, const struct folder *folder, const char *path, struct filter_error *error)
{
	_cleanup_(subscription_file_release) struct subscription_file file = { 0 };
	_cleanup_(freep) char *real = realpath(path, NULL);	/* a link to it is fine */

	return read_entry(ret, &file, real ? real : path, folder->place.key_path, false, error);
}

/* One that is saved is in force by itself; who may write it says what is recorded. */
static int trust(const char *path, struct filter_error *error)
{
	struct file_error why = { "" };

	if (path_trust(path, NULL, &why) != -EPERM)
		return 0;
	snprintf(error->message, sizeof(error->message), "%s", why.message);
	return -EINVAL;
}

static int take(const struct folder *folder, struct folder_file *file, struct subscriptions *subscriptions,
		struct filter_error *error)
{
	_cleanup_(subscription_entry_unrefp) struct subscription_entry *entry = NULL;
	_cleanup_(subscription_file_release) struct subscription_file read = { 0 };
	_cleanup_(freep) char *path = NULL;
	int r = path_of(&path, folder, file->name);

	file->conflicts = false;
	if (r >= 0)
		r = trust(path, error);
	if (r >= 0)
		r = read_entry(&entry, &read, path, folder->place.key_path, true, error);
	if (r < 0)
		return r;
	file->seen = read.st;
	file->is_sealed = read.is_sealed;
	if (!span_eq(span_of(subscription_entry_name(entry)), stem(file->name))) {
		snprintf(error->message, sizeof(error->message), "name: it says '%s', so the file must be called %s.json",
			 subscription_entry_name(entry), subscription_entry_name(entry));
		return -EINVAL;
	}
	r = subscriptions_put(subscriptions, entry, error);
	file->conflicts = r == -EINVAL;
	return r;
}

/* Looking */

/* What it says is in the set, or why not with the file.  1: it is in the set; 0: it is not. */
static int try_file(struct folder *folder, struct folder_file *file, struct subscriptions *subscriptions)
{
	struct filter_error error = { "" };
	int r = take(folder, file, subscriptions, &error);

	if (r < 0) {
		refuse(folder, file, r == -EINVAL ? error.message : strerror(-r));
		return 0;
	}
	accept(file);
	file->is_new = true;
	return 1;
}

/* 1: it is new, or another than it was; 0: it is not; -ENOMEM. */
static int look_at(struct folder *folder, const char *name, struct subscriptions *subscriptions)
{
	struct folder_file *file = find(folder, name);
	_cleanup_(freep) char *path = NULL;
	struct stat now;
	int r = path_of(&path, folder, name);

	if (r < 0)
		return r;
	if (lstat(path, &now) < 0 || (file && is_same(&file->seen, &now)))
		return 0;
	if (!file)
		file = add(folder, name);
	if (!file)
		return -ENOMEM;
	file->seen = now;	/* also if it cannot be opened */
	return try_file(folder, file, subscriptions);
}

/* What a file wanted of another may be free by now: that one changed in the same moment. */
static int look_at_conflicts(struct folder *folder, struct subscriptions *subscriptions)
{
	int changed = 0;

	for (size_t i = 0; i < folder->n; i++)
		if (folder->files[i].conflicts)
			changed |= try_file(folder, &folder->files[i], subscriptions);
	return changed;
}

static bool is_listed(struct dirent **entries, int n, struct span name)
{
	for (int i = 0; i < n; i++)
		if (span_eq(stem(entries[i]->d_name), name))
			return true;
	return false;
}

static int take_out_gone(struct folder *folder, struct dirent **entries, int n, struct subscriptions *subscriptions)
{
	int changed = 0;

	for (size_t i = folder->n; i-- > 0;)
		if (!is_listed(entries, n, stem(folder->files[i].name)))
			drop(folder, &folder->files[i]);
	for (size_t i = subscriptions->n; i-- > 0;) {
		struct span name = span_of(subscription_entry_name(subscriptions->list[i]));

		if (subscriptions->list[i]->is_saved && !is_listed(entries, n, name)) {
			subscriptions_remove(subscriptions, name);
			changed = 1;
		}
	}
	return changed;
}

int folder_look(struct folder *folder, struct subscriptions *subscriptions)
{
	struct dirent **entries = NULL;
	int n = subscription_files_list(&entries, folder->place.path), changed, r = 0;

	if (n < 0)
		return log_errno(n, "Failed to read the folder %s", folder->place.path);
	for (size_t i = 0; i < folder->n; i++)
		folder->files[i].is_new = false;
	changed = take_out_gone(folder, entries, n, subscriptions);
	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = look_at(folder, entries[i]->d_name, subscriptions);
		changed |= r > 0;
		free(entries[i]);
	}
	free(entries);
	changed |= look_at_conflicts(folder, subscriptions);
	return r < 0 ? log_errno(r, "Failed to read the subscriptions") : changed;
}

void folder_refuse(struct folder *folder, const char *why)
{
	for (size_t i = 0; i < folder->n; i++)
		if (folder->files[i].is_new)
			refuse(folder, &folder->files[i], why);
}

unsigned folder_refused(const struct folder *folder)
{
	unsigned n = 0;

	for (size_t i = 0; i < folder->n; i++)
		n += folder->files[i].why != NULL;
	return n;
}

bool folder_knows(const struct folder *folder, const char *file, const struct stat *now)
{
	const struct folder_file *known = find(folder, file);

	return known && is_same(&known->seen, now);
}

bool folder_is_sealed(const struct folder *folder, const char *subscription)
{
	for (size_t i = 0; i < folder->n; i++)
		if (span_eq(stem(folder->files[i].name), span_of(subscription)))
			return folder->files[i].is_sealed;
	return false;
}

void folder_release(struct folder *folder)
{
	while (folder->n > 0)
		drop(folder, &folder->files[folder->n - 1]);
	free(folder->files);
	folder->files = NULL;
}

/* Writing */

/* As it is now is as we left it. */
static int saw(struct folder *folder, const char *name, bool sealed, struct file_error *error)
{
	struct folder_file *file = find(folder, name);
	_cleanup_(freep) char *path = NULL;
	int r = path_of(&path, folder, name);

	if (r >= 0 && !file)
		r = (file = add(folder, name)) ? 0 : -ENOMEM;
	if (r >= 0)
		r = lstat(path, &file->seen) < 0 ? -errno : 0;
	if (r < 0)
		return file_fail_errno(error, r, "is written, and cannot be looked at");
	file->is_sealed = sealed;
	return 0;
}

int folder_save(struct folder *folder, const struct subscription_entry *entry, bool sealed, struct file_error *error)
{
	const char *name = subscription_entry_name(entry);
	_cleanup_(freep) char *file = NULL;
	int r;

	if (asprintf(&file, "%s.json", name) < 0)
		return file_fail_errno(error, -ENOMEM, "cannot be written");
	r = subscription_file_write(&folder->place, span_of(name), buffer_span(&entry->document), sealed, error);
	if (r >= 0)
		r = saw(folder, file, sealed, error);
	if (r >= 0)
		accept(find(folder, file));
	return r;
}

int folder_rewrite(struct folder *folder, const char *file, const struct subscription_file *read, bool sealed,
		   struct file_error *error)
{
	int r = subscription_file_rewrite(&folder->place, stem(file), read, sealed, error);

	return r < 0 ? r : saw(folder, file, sealed, error);
}

int folder_remove(struct folder *folder, const char *subscription, struct file_error *error)
{
	int r = subscription_file_remove(&folder->place, span_of(subscription), error);

	if (r < 0 && r != -ENOENT)
		return r;
	for (size_t i = 0; i < folder->n; i++)
		if (span_eq(stem(folder->files[i].name), span_of(subscription))) {
			drop(folder, &folder->files[i]);
			break;
		}
	return 0;
}
