/* See process_list.h. */

#include "source/process_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"

#define PF_KTHREAD 0x00200000u		/* include/linux/sched.h */

bool process_list_read(struct listed_process *ret, const char *stat)
{
	const char *open = strchr(stat, '('), *close = strrchr(stat, ')');
	struct listed_process found = { 0 };
	uint64_t ticks;
	unsigned flags;
	char state;

	/* state ppid pgrp session tty tpgid flags, four faults, four times, priority, nice, threads, 0, start */
	if (!open || !close || close < open || sscanf(stat, "%" SCNu32, &found.pid) != 1 ||
	    sscanf(close + 1, " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64, &state, &flags,
		   &ticks) != 3 ||
	    ticks > UINT64_MAX / PROCESS_TICK_NS || state == 'Z' || state == 'X')
		return false;
	snprintf(found.name, sizeof(found.name), "%.*s", (int)MIN(close - open - 1, (ptrdiff_t)sizeof(found.name) - 1), open + 1);
	found.start_ns = ticks * PROCESS_TICK_NS;
	found.is_kernel = flags & PF_KTHREAD;
	*ret = found;
	return true;
}

static bool read_stat(int proc, const char *pid, char *ret, size_t size)
{
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%.20s/stat", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, ret, size - 1) : -1;
	if (fd >= 0)
		close(fd);
	ret[MAX(n, 0)] = '\0';
	return n > 0;
}

int process_list_each(listed_process_fn fn, void *user)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		struct listed_process process;
		char stat[1024];

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		if (read_stat(dirfd(dir), entry->d_name, stat, sizeof(stat)) && process_list_read(&process, stat))
			fn(user, &process);
	}
	closedir(dir);
	return 0;
}
