/* See path_lookup.h.
 *
 * The core asks this for folders that a program used a moment ago, so all of the path is in the kernel's cache, and
 * RESOLVE_CACHED (Linux 5.12, openat2(2)) keeps to that: a file system that hangs, or a FUSE program of some user that
 * does not answer, costs an -EAGAIN and not the recorder. O_PATH opens nothing: no device, no lease, no audit of a read.
 *
 * A process in a container or a chroot sees another tree.  It is asked for through /proc/PID/root of a process that has the same
 * root: the magic link gives that itself, nothing is walked to it (proc(5); it takes CAP_SYS_PTRACE). */

#include "source/path_lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/macro.h"

/* A rename or mount anywhere makes a walk through the cache begin again, which RESOLVE_CACHED does not do itself
 * (fs/namei.c: -ECHILD becomes -EAGAIN): under a storm of renames that is nothing unusual. */
#define ATTEMPTS 20

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

static bool has_root(const struct statx *found, struct path_root root)
{
	bool is_of_mount = found->stx_attributes & STATX_ATTR_MOUNT_ROOT;

	return (found->stx_mask & STATX_MNT_ID) && found->stx_mnt_id == root.mount &&
	       (root.inode == 0 ? is_of_mount : !is_of_mount && found->stx_ino == root.inode);
}

static int look_at(int fd, const char *path, struct statx *ret)
{
	return statx(fd, path, AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO | STATX_NLINK | STATX_CTIME | STATX_MNT_ID, ret) < 0 ? -errno : 0;
}

bool path_has_root(int folder, const char *name, struct path_root root)
{
	struct statx found;

	return look_at(folder, name, &found) >= 0 && has_root(&found, root);
}

bool path_mount_of(int folder, const char *path, uint32_t *ret)
{
	struct statx found;

	/* Nothing is asked of the file system, which may not answer us (FUSE). */
	if (statx(folder, path, AT_STATX_DONT_SYNC, STATX_MNT_ID, &found) < 0 || !(found.stx_mask & STATX_MNT_ID) || !(found.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return false;
	*ret = (uint32_t)found.stx_mnt_id;
	return true;
}

static int path_of(int fd, char *ret, size_t size)
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, size);
	if (n < 0)
		return -errno;
	if ((size_t)n >= size || ret[0] != '/')
		return -ENAMETOOLONG;
	ret[n] = 0;
	return 0;
}

/* The root of one of them, if it is that one: a pid may be another's by now, and a process may have changed its root.  A
 * descriptor of it holds up whoever unmounts it, so it is not kept. */
static int open_root(const struct path_place *from)
{
	for (unsigned i = 0; i < from->n_pids; i++) {
		char link[32];
		int fd;

		snprintf(link, sizeof(link), "/proc/%u/root", from->pids[i]);
		fd = open(link, O_PATH | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (path_has_root(fd, "", from->root))
			return fd;
		close(fd);
	}
	return -ESRCH;
}

static int open_cached(int root, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned)(O_PATH | O_CLOEXEC | flags),
				.resolve = RESOLVE_CACHED | (root == AT_FDCWD ? 0 : RESOLVE_IN_ROOT) };
	int fd, left = ATTEMPTS;

	do
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN && --left > 0);
	if (fd >= 0)
		return fd;
	return errno == ENOSYS || errno == EINVAL || errno == E2BIG ? -EOPNOTSUPP : -errno;
}

/* Nothing leads out of a root, so the path has to begin there. */
static int open_below(int root, const char *path, int flags)
{
	char above[PATH_MAX];
	size_t size;
	int r;

	r = path_of(root, above, sizeof(above));
	if (r < 0)
		return r;
	size = strcmp(above, "/") == 0 ? 0 : strlen(above);
	if (strncmp(path, above, size) != 0 || (path[size] != '/' && path[size] != 0))
		return -EXDEV;
	return open_cached(root, path[size] ? path + size : "/", flags);
}

/* /proc/self is whoever walks it (so are /etc/mtab, /dev/stdin): that leads to us, not to the process that is asked for. */
static bool is_ours(const char *path)
{
	char own[24];
	int size;

	if (!strstr(path, "/proc/"))
		return false;
	size = snprintf(own, sizeof(own), "/proc/%d", getpid());
	while ((path = strstr(path, own))) {
		path += size;
		if (*path == '/' || *path == 0)
			return true;
	}
	return false;
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* It has another name than the one that was asked for: by a link, or was it renamed after it was opened here?  Then the path
 * leads elsewhere by now. */
static int confirm(int root, const char *path)
{
	const char *name = last_name(path);
	struct statx found;
	int fd, r;

	if (*name == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	fd = root == AT_FDCWD ? open_cached(root, path, O_NOFOLLOW) : open_below(root, path, O_NOFOLLOW);
	if (fd < 0)
		return fd;
	r = look_at(fd, "", &found);
	close(fd);
	return r < 0 ? r : S_ISLNK(found.stx_mode) ? 0 : -ENOENT;
}

int path_lookup(const struct path_place *from, const char *path, struct file_id *ret_id, char *ret, size_t size)
{
	struct statx found;
	int root = AT_FDCWD, fd, r;

	if (from && !path_has_root(AT_FDCWD, "/", from->root)) {
		root = open_root(from);
		if (root < 0)
			return root;
	}
	fd = root == AT_FDCWD ? open_cached(root, path, 0) : open_below(root, path, 0);
	r = fd < 0 ? fd : 0;
	/* In this order: the name of one that is removed meanwhile has " (deleted)" at its end. */
	if (r >= 0)
		r = path_of(fd, ret, size);
	if (r >= 0)
		r = look_at(fd, "", &found);
	if (r >= 0 && found.stx_nlink == 0)
		r = -ENOENT;
	if (r >= 0 && strcmp(last_name(ret), last_name(path)) != 0)
		r = confirm(root, path);
	if (fd >= 0)
		close(fd);
	if (root != AT_FDCWD)
		close(root);
	if (r >= 0 && is_ours(ret) && !is_ours(path))
		r = -EAGAIN;
	if (r >= 0)
		*ret_id = (struct file_id){ .device = makedev(found.stx_dev_major, found.stx_dev_minor),
					    .inode = found.stx_ino, .known = true,
					    .changed_ns = (uint64_t)found.stx_ctime.tv_sec * NS_PER_SEC + found.stx_ctime.tv_nsec };
	return r;
}
