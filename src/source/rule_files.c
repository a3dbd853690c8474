/* See rule_files.h.  Links are followed, as augenrules does; what is no ordinary file, or larger than any rules are, is not read. */

#include "source/rule_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_BYTES (1u << 20)
#define MAX_FILES 256

static int read_all(int fd, struct buffer *ret)
{
	char *room = buffer_reserve(ret, MAX_BYTES);

	while (room && ret->size < MAX_BYTES) {
		ssize_t n = read(fd, ret->data + ret->size, MAX_BYTES - ret->size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		ret->size += (size_t)n;
	}
	return room ? -EFBIG : -ENOMEM;
}

static int read_file(const char *path, struct buffer *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else
		r = S_ISREG(st.st_mode) ? read_all(fd, ret) : -EINVAL;
	close(fd);
	return r;
}

static int tell_file(const char *path, rule_file_fn fn, void *user)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	int r = read_file(path, &text);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	return fn(user, path, r < 0 ? SPAN("") : buffer_span(&text), r < 0 ? r : 0);
}

static int is_rules(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 6 && strcmp(entry->d_name + n - 6, ".rules") == 0;
}

/* As `ls -v` sorts them. */
static int each_of_folder(const char *root, rule_file_fn fn, void *user)
{
	_cleanup_(freep) char *folder = NULL;
	struct dirent **entries = NULL;
	int n, r = 0;

	if (asprintf(&folder, "%s" RULES_FOLDER, root) < 0)
		return -ENOMEM;
	n = scandir(folder, &entries, is_rules, versionsort);
	for (int i = 0; i < n; i++) {
		char *path = NULL;

		if (r >= 0 && i < MAX_FILES) {
			r = asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0 ? -ENOMEM : 0;
			if (r >= 0)
				r = tell_file(path, fn, user);
			free(path);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int joined_file(const char *root, rule_file_fn fn, void *user)
{
	_cleanup_(freep) char *path = NULL;

	return asprintf(&path, "%s/etc/audit/audit.rules", root) < 0 ? -ENOMEM : tell_file(path, fn, user);
}

int rule_files_each(const char *root, rule_file_fn fn, void *user)
{
	int r = each_of_folder(root, fn, user);

	return r < 0 ? r : joined_file(root, fn, user);
}

static int look(void *user, const char *path, struct span text, int error)
{
	rule_facts_look(user, path, text);
	return 0;
}

/* What stands in both is named at both places: a host loads the one made of the others, or never makes it anew. */
int rule_files_facts(const char *root, struct rule_facts *ret)
{
	int r = each_of_folder(root, look, ret);

	rule_facts_end(ret);
	if (r >= 0)
		r = joined_file(root, look, ret);
	rule_facts_end(ret);
	return r < 0 ? r : rule_facts_error(ret);
}

bool rule_files_are_joined(const char *root)
{
	static const char *const places[] = { "/usr/sbin/augenrules", "/sbin/augenrules" };
	_cleanup_(freep) char *folder = NULL;
	struct stat st;
	bool found = false;

	if (asprintf(&folder, "%s" RULES_FOLDER, root) < 0 || stat(folder, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(places) && !found; i++) {
		_cleanup_(freep) char *path = NULL;

		found = asprintf(&path, "%s%s", root, places[i]) >= 0 && access(path, X_OK) == 0;
	}
	return found;
}
