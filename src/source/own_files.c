/* See own_files.h. */

#include "source/own_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"

static char database[PATH_MAX - 8];

int own_files_set(const char *path)
{
	return snprintf(database, sizeof(database), "%s", path) < (int)sizeof(database) ? 0 : -ENAMETOOLONG;
}

/* By what they are, not by their names: a link or a mount may lead there. */
static bool is_own(const struct stat *st)
{
	static const char *const ends[] = { "", "-wal", "-shm" };

	for (size_t i = 0; database[0] && i < ARRAY_SIZE(ends); i++) {
		char path[PATH_MAX];
		struct stat own;

		snprintf(path, sizeof(path), "%s%s", database, ends[i]);
		if (stat(path, &own) == 0 && own.st_ino == st->st_ino && own.st_dev == st->st_dev)
			return true;
	}
	return false;
}

int own_files_open(const char *path, int flags)
{
	int handle = open(path, O_PATH | O_CLOEXEC), fd = -1, error;	/* to close one like this drops no locks */
	char name[32];
	struct stat st;

	if (handle < 0)
		return -1;
	if (fstat(handle, &st) < 0) {
		error = errno;
	} else if (is_own(&st)) {
		error = EBUSY;
	} else {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", handle);
		fd = open(name, flags);
		error = errno;
	}
	close(handle);
	errno = error;
	return fd;
}
