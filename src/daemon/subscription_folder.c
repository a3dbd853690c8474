/* See subscription_folder.h.  A file is known by what stat(2) says of it, so a look reads only what has changed. */

#include "daemon/subscription_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define MAX_BYTES (1u << 20)

/* Reading */

/* A whole file, if it is an ordinary one of sensible size.  -EINVAL, *error set. */
static int read_file(const char *path, int flags, struct buffer *text, struct stat *ret_seen, struct filter_error *error)
{
	int fd = open(path, flags | O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r = 0;
	const char *why = NULL;

	if (fd < 0 || fstat(fd, ret_seen) < 0)
		why = errno == ELOOP ? "it is a symbolic link" : strerror(errno);
	else if (!S_ISREG(ret_seen->st_mode))
		why = "it is not an ordinary file";
	while (!why && r == 0) {
		char *room = buffer_reserve(text, 65536);
		ssize_t n = room ? read(fd, room, 65536) : -1;

		if (!room)
			why = strerror(ENOMEM);
		else if (n < 0)
			why = strerror(errno);
		else if (n == 0)
			break;
		else
			text->size += (size_t)n;
		if (text->size > MAX_BYTES)
			why = "it is larger than 1 MiB";
	}
	if (why) {
		snprintf(error->message, sizeof(error->message), "%s", why);
		r = -EINVAL;
	}
	if (fd >= 0)
		close(fd);
	return r;
}

int subscription_file_read(struct subscription_entry **ret, const char *path, struct filter_error *error)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	struct stat seen;
	int r = read_file(path, 0, &text, &seen, error);

	return r < 0 ? r : subscription_entry_new(ret, buffer_span(&text), false, error);
}

/* NAME of NAME.json */
static struct span stem(const char *file)
{
	struct span name = span_of(file);

	name.size -= strlen(".json");
	return name;
}

static int take(struct subscription_folder *folder, struct subscription_file *file, struct subscriptions *subscriptions,
		struct filter_error *error)
{
	_cleanup_(subscription_entry_unrefp) struct subscription_entry *entry = NULL;
	_cleanup_(buffer_release) struct buffer text = { 0 };
	_cleanup_(freep) char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", folder->path, file->name) < 0)
		return -ENOMEM;
	r = read_file(path, O_NOFOLLOW, &text, &file->seen, error);
	if (r >= 0)
		r = subscription_entry_new(&entry, buffer_span(&text), true, error);
	if (r >= 0 && !span_eq(span_of(subscription_entry_name(entry)), stem(file->name))) {
		snprintf(error->message, sizeof(error->message), "name: it says '%s', so the file must be called %s.json",
			 subscription_entry_name(entry), subscription_entry_name(entry));
		return -EINVAL;
	}
	return r < 0 ? r : subscriptions_put(subscriptions, entry, error);
}

/* Looking */

static int is_document(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && span_ends(span_of(entry->d_name), SPAN(".json"));
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static struct subscription_file *find(struct subscription_folder *folder, const char *name)
{
	for (size_t i = 0; i < folder->n; i++)
		if (strcmp(folder->files[i].name, name) == 0)
			return &folder->files[i];
	return NULL;
}

static struct subscription_file *add(struct subscription_folder *folder, const char *name)
{
	struct subscription_file *files = realloc(folder->files, (folder->n + 1) * sizeof(*files));
	char *copy = files ? strdup(name) : NULL;

	if (files)
		folder->files = files;
	if (!copy)
		return NULL;
	folder->files[folder->n] = (struct subscription_file){ .name = copy };
	return &folder->files[folder->n++];
}

static void drop(struct subscription_folder *folder, struct subscription_file *file)
{
	size_t place = (size_t)(file - folder->files);

	free(file->name);
	free(file->why);
	folder->n--;
	memmove(file, file + 1, (folder->n - place) * sizeof(*file));
}

static void refuse(struct subscription_folder *folder, struct subscription_file *file, const char *why)
{
	log_error("%s/%s: %s", folder->path, file->name, why);
	free(file->why);
	file->why = strdup(why);
}

/* 1: it is new, or another than it was; 0: it is not; -ENOMEM. */
static int look_at(struct subscription_folder *folder, const char *name, struct subscriptions *subscriptions)
{
	struct subscription_file *file = find(folder, name);
	struct filter_error error = { "" };
	_cleanup_(freep) char *path = NULL;
	struct stat now;
	int r;

	if (asprintf(&path, "%s/%s", folder->path, name) < 0)
		return -ENOMEM;
	if (lstat(path, &now) < 0 || (file && is_same(&file->seen, &now)))
		return 0;
	if (!file)
		file = add(folder, name);
	if (!file)
		return -ENOMEM;
	file->seen = now;	/* also if it cannot be opened */
	r = take(folder, file, subscriptions, &error);
	if (r == -EINVAL)
		refuse(folder, file, error.message);
	if (r >= 0) {
		free(file->why);
		file->why = NULL;
		file->is_new = true;
	}
	return r == -EINVAL ? 0 : r < 0 ? r : 1;
}

static bool is_listed(struct dirent **entries, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(entries[i]->d_name, name) == 0)
			return true;
	return false;
}

/* Files that are gone take along the subscriptions that were theirs. */
static int look_for_gone(struct subscription_folder *folder, struct dirent **entries, int n, struct subscriptions *subscriptions)
{
	int changed = 0;

	for (size_t i = folder->n; i-- > 0;) {
		char name[256];
		const struct subscription_entry *entry;

		if (is_listed(entries, n, folder->files[i].name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)stem(folder->files[i].name).size, folder->files[i].name);
		entry = subscriptions_find(subscriptions, name);
		if (entry && entry->is_saved) {
			subscriptions_remove(subscriptions, name);
			changed = 1;
		}
		drop(folder, &folder->files[i]);
	}
	return changed;
}

int subscription_folder_look(struct subscription_folder *folder, struct subscriptions *subscriptions)
{
	struct dirent **entries = NULL;
	int n = scandir(folder->path, &entries, is_document, alphasort), changed, r = 0;

	if (n < 0)
		return errno == ENOENT ? 0 : log_errno(errno, "Failed to read the folder %s", folder->path);
	for (size_t i = 0; i < folder->n; i++)
		folder->files[i].is_new = false;
	changed = look_for_gone(folder, entries, n, subscriptions);
	for (int i = 0; i < n && r >= 0; i++) {
		r = look_at(folder, entries[i]->d_name, subscriptions);
		changed |= r > 0;
	}
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return r < 0 ? log_errno(r, "Failed to read the subscriptions") : changed;
}

void subscription_folder_refuse(struct subscription_folder *folder, const char *why)
{
	for (size_t i = 0; i < folder->n; i++)
		if (folder->files[i].is_new)
			refuse(folder, &folder->files[i], why);
}

unsigned subscription_folder_refused(const struct subscription_folder *folder)
{
	unsigned n = 0;

	for (size_t i = 0; i < folder->n; i++)
		n += folder->files[i].why != NULL;
	return n;
}

void subscription_folder_release(struct subscription_folder *folder)
{
	while (folder->n > 0)
		drop(folder, &folder->files[folder->n - 1]);
	free(folder->files);
	folder->files = NULL;
}

/* Writing */

static int write_whole(int fd, struct span text)
{
	while (text.size > 0) {
		ssize_t n = write(fd, text.data, text.size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			text = (struct span){ text.data + n, text.size - (size_t)n };
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int subscription_folder_save(struct subscription_folder *folder, const char *name, struct span document)
{
	_cleanup_(freep) char *path = NULL, *temporary = NULL, *file_name = NULL;
	struct subscription_file *file;
	int fd, r;

	if (asprintf(&file_name, "%s.json", name) < 0 || asprintf(&path, "%s/%s", folder->path, file_name) < 0 ||
	    asprintf(&temporary, "%s/.%s.new", folder->path, file_name) < 0)
		return -ENOMEM;
	file = find(folder, file_name);
	if (!file)
		file = add(folder, file_name);
	if (!file)
		return -ENOMEM;
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = fd < 0 ? -errno : write_whole(fd, document);
	if (r >= 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r >= 0 && fstat(fd, &file->seen) < 0)	/* after the rename, which is a change of it too */
		r = -errno;
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		unlink(temporary);
		return r;
	}
	free(file->why);
	file->why = NULL;
	return sync_folder(folder->path);
}

int subscription_folder_delete(struct subscription_folder *folder, const char *name)
{
	_cleanup_(freep) char *path = NULL, *file_name = NULL;
	struct subscription_file *file;

	if (asprintf(&file_name, "%s.json", name) < 0 || asprintf(&path, "%s/%s", folder->path, file_name) < 0)
		return -ENOMEM;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	file = find(folder, file_name);
	if (file)
		drop(folder, file);
	return sync_folder(folder->path);
}
