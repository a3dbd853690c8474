/* See path_lookup.h.
 *
 * The core asks this for folders that a program used a moment ago, so all of the path is in the kernel's cache, and
 * RESOLVE_CACHED (Linux 5.12, openat2(2)) keeps to that: a file system that hangs, or a FUSE program of some user that
 * does not answer, costs an -EAGAIN and not the recorder. O_PATH opens nothing: no device, no lease, no audit of a read. */

#include "source/path_lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A rename or mount anywhere makes a walk through the cache begin again, which RESOLVE_CACHED does not do itself
 * (fs/namei.c: -ECHILD becomes -EAGAIN): under a storm of renames that is nothing unusual. */
#define ATTEMPTS 20

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

int path_lookup(const char *path, struct file_id *ret_id, char *ret, size_t size)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_CACHED };
	char link[32];
	struct stat st;
	ssize_t n;
	int fd, r, left = ATTEMPTS;

	do
		fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN && --left > 0);
	if (fd < 0)
		return errno == ENOSYS || errno == EINVAL || errno == E2BIG ? -EOPNOTSUPP : -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	r = fstat(fd, &st) < 0 ? -errno : st.st_nlink == 0 ? -ENOENT : 0;
	n = r < 0 ? 0 : readlink(link, ret, size);
	if (n < 0)
		r = -errno;
	close(fd);
	if (r < 0)
		return r;
	if ((size_t)n >= size || ret[0] != '/')
		return -ENAMETOOLONG;
	ret[n] = 0;
	*ret_id = (struct file_id){ .device = st.st_dev, .inode = st.st_ino, .known = true };
	return 0;
}
