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
#include "source/process_stat.h"

bool process_list_read(struct listed_process *ret, const char *text)
{
	struct listed_process found = { 0 };
	struct process_stat stat;

	if (sscanf(text, "%" SCNu32, &found.pid) != 1 || process_stat_parse(span_of(text), &stat) < 0 ||
	    stat.start_ticks > UINT64_MAX / PROCESS_TICK_NS || stat.state == 'Z' || stat.state == 'X')
		return false;
	snprintf(found.name, sizeof(found.name), "%.*s", (int)MIN(stat.comm.size, sizeof(found.name) - 1), stat.comm.data);
	found.start_ns = stat.start_ticks * PROCESS_TICK_NS;
	found.is_kernel = stat.flags & PF_KTHREAD;
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
