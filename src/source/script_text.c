/* See script_text.h. */

#include "source/script_text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static bool allows(const struct stat *st, const struct hash_wish *wish, unsigned right)
{
	if (wish->uid == st->st_uid)
		return st->st_mode >> 6 & right;
	if (wish->gid == st->st_gid)
		return st->st_mode >> 3 & right;
	/* The group may be one of his further ones, which may have less. */
	return st->st_mode & st->st_mode >> 3 & right;
}

static bool has_list(const char *path)
{
	return getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

/* By the mode of the file and of the folders above it. */
static bool may_read(const struct hash_wish *wish, int fd)
{
	char link[32], path[PATH_MAX], *slash;
	struct stat st, at;
	ssize_t n;

	if (wish->uid == 0)
		return true;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || fstat(fd, &st) < 0 || !allows(&st, wish, 4))
		return false;
	path[n] = 0;
	/* One of another mount namespace has another path here, or none. */
	if (stat(path, &at) < 0 || at.st_ino != st.st_ino || at.st_dev != st.st_dev || has_list(path))
		return false;
	for (; (slash = strrchr(path, '/')); *slash = 0) {
		slash[slash == path] = 0;	/* the folder above; in the end the root */
		if (stat(path, &st) < 0 || !allows(&st, wish, 1) || has_list(path))
			return false;
		if (slash == path)
			return true;
	}
	return false;
}

int script_text_read(int fd, const struct file_stamp *version, const struct hash_wish *wish, struct script_text *ret)
{
	struct file_stamp after;
	ssize_t n = pread(fd, ret->bytes, sizeof(ret->bytes), 0);
	const char *end = n > 0 ? memchr(ret->bytes, 0, (size_t)n) : NULL;
	size_t size = end ? (size_t)(end - ret->bytes) : n > 0 ? (size_t)n : 0;

	ret->size = 0;
	ret->is_cut = false;
	if (n < 0)
		return -errno;
	if (n >= 4 && memcmp(ret->bytes, "\177ELF", 4) == 0)
		return 0;
	if (end && size < DIGEST_HEADER && !span_starts((struct span){ ret->bytes, size }, SPAN("#!")))
		return -EINVAL;
	if (file_stamp_of(fd, &after) < 0 || !file_stamp_is(version, &after))
		return -ESTALE;
	if (!may_read(wish, fd))
		return -EACCES;
	ret->size = size;
	ret->is_cut = version->size > size;
	return 0;
}
