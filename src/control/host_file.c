/* See host_file.h. */

#include "control/host_file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int host_file_write(const char *path, const struct stat *like, struct span text)
{
	_cleanup_(new_file_release) struct new_file file = { .fd = -1 };
	int r = new_file_open(&file, path);

	if (r >= 0 && fchmod(file.fd, like->st_mode & 07777) < 0)
		r = -errno;
	if (r >= 0 && fchown(file.fd, like->st_uid, like->st_gid) < 0)
		r = -errno;
	if (r >= 0)
		r = file_write(file.fd, text);
	return r >= 0 ? new_file_place(&file, path) : r;
}

int host_file_change(const char *path, struct span before, struct span after)
{
	_cleanup_(freep) char *kept = NULL;
	struct stat st;
	int r = 0;

	if (asprintf(&kept, "%s" HOST_FILE_KEPT, path) < 0)
		return -ENOMEM;
	if (lstat(path, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (access(kept, F_OK) < 0)
		r = host_file_write(kept, &st, before);
	return r >= 0 ? host_file_write(path, &st, after) : r;
}
