/* See procfs.h. The folder of a process is opened once and read through that descriptor: it stays that of
 * the process also when the process ends and its pid is taken, then reads fail (fs/proc/base.c: ESRCH). */

#include "source/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "event/values.h"
#include "source/cgroup.h"
#include "source/host_namespaces.h"
#include "source/process_stat.h"

/* The kernel takes at most 6 MiB of arguments and environment (fs/exec.c); beyond this they are only
 * counted. */
#define MAX_ARGS_BYTES ((size_t)4 << 20)
#define MAX_FILE_BYTES ((size_t)64 << 10) /* of the small files */
#define MAX_GROUPS     1000		  /* as the programs in the kernel tell */
#define NONE	       UINT32_MAX	  /* no login, no session */

struct procfs {
	int fd;
	bool tells_groups;
	uint32_t host[N_NAMESPACES];
};

int procfs_open(struct procfs **ret, bool tells_groups)
{
	struct procfs *procfs = calloc(1, sizeof(*procfs));
	int r;

	if (!procfs)
		return -ENOMEM;
	procfs->fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (procfs->fd < 0) {
		r = -errno;
		free(procfs);
		return r;
	}
	procfs->tells_groups = tells_groups;
	host_namespaces(procfs->host);
	*ret = procfs;
	return 0;
}

struct procfs *procfs_free(struct procfs *procfs)
{
	if (!procfs)
		return NULL;
	close(procfs->fd);
	free(procfs);
	return NULL;
}

/* Reads at most `max` bytes of a file of a process's folder in place of what `file` held; *ret_rest_nuls (may be NULL): NULs in what
 * follows. */
static int read_file(int folder, const char *name, size_t max, uint64_t *ret_rest_nuls, struct buffer *file)
{
	char rest[4096];
	int fd, r = 0;

	buffer_clear(file);
	fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (ret_rest_nuls)
		*ret_rest_nuls = 0;
	for (;;) {
		size_t want = MIN(max - file->size, MAX(file->size, (size_t)2048));
		char *room = want > 0 ? buffer_reserve(file, want) : rest;
		ssize_t n;

		if (!room) {
			r = -ENOMEM;
			break;
		}
		n = read(fd, room, want > 0 ? want : sizeof(rest));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = -errno;
		if (n <= 0)
			break;
		if (want > 0) {
			file->size += (size_t)n;
			continue;
		}
		if (!ret_rest_nuls)
			break;
		for (ssize_t i = 0; i < n; i++)
			*ret_rest_nuls += rest[i] == 0;
	}
	close(fd);
	return r;
}

static void put_number(struct buffer *text, const char *key, uint64_t value)
{
	buffer_append_text(text, key);
	buffer_append_u64(text, value);
}

static void put_text(struct buffer *text, const char *key, struct span value)
{
	if (value.size == 0)
		return;
	buffer_append_text(text, key);
	record_put_text(text, value);
}

/* The four numbers after `key` (real, effective, saved, file system) of the file status. */
static void put_ids(struct buffer *text, struct span status, struct span key, const char *const names[4])
{
	const char *end = status.data + status.size;
	const char *p = status.size ? memmem(status.data, status.size, key.data, key.size) : NULL;

	if (!p)
		return;
	p += key.size;
	for (unsigned i = 0; i < 4; i++) {
		struct span number;
		uint64_t id;

		while (p < end && (*p == '\t' || *p == ' '))
			p++;
		number.data = p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		number.size = (size_t)(p - number.data);
		if (span_to_u64(number, &id) < 0)
			return;
		put_number(text, names[i], id);
	}
}

/* The number; NONE: there is none. */
static uint64_t put_file_number(int folder, struct buffer *file, const char *name, const char *key,
				struct buffer *text)
{
	struct span value;
	uint64_t number;

	if (read_file(folder, name, 64, NULL, file) < 0)
		return NONE;
	value = buffer_span(file);
	while (value.size > 0 && value.data[value.size - 1] == '\n')
		value.size--;
	if (span_to_u64(value, &number) < 0)
		return NONE;
	put_number(text, key, number);
	return number;
}

/* Where the login came from, as sshd told the first process of the session. */
static void put_origin(int folder, struct buffer *file, struct buffer *text)
{
	const struct span name = SPAN("SSH_CONNECTION=");
	struct span rest, entry;

	if (read_file(folder, "environ", MAX_FILE_BYTES, NULL, file) < 0)
		return;
	buffer_append_byte(file, 0);
	rest = buffer_span(file);
	while (list_next(&rest, &entry)) {
		const char *blank = entry.size ? memchr(entry.data, ' ', entry.size) : NULL;

		if (!span_starts(entry, name) || !blank)
			continue;
		put_text(text, " from=", (struct span){ entry.data + name.size, (size_t)(blank - entry.data) - name.size });
		return;
	}
}

static void put_link(int folder, const char *file, const char *key, struct buffer *text)
{
	char target[PATH_MAX + 16]; /* and " (deleted)" */
	ssize_t n = readlinkat(folder, file, target, sizeof(target));

	if (n > 0 && (size_t)n < sizeof(target) && target[0] == '/')
		put_text(text, key, (struct span){ target, (size_t)n });
}

/* Without asking the server of a file system, which may be away for ever. */
static int look_at(int folder, const char *path, struct statx *ret)
{
	return statx(folder, path, AT_STATX_DONT_SYNC, STATX_INO | STATX_NLINK | STATX_CTIME, ret) < 0 ? -errno : 0;
}

/* Which version of its program runs. */
static void put_version(int folder, struct buffer *text)
{
	struct statx st;

	if (look_at(folder, "exe", &st) >= 0)
		buffer_printf(text, " exe_dev=%ju exe_ino=%ju exe_ctime=%ju", (uintmax_t)makedev(st.stx_dev_major, st.stx_dev_minor),
			      (uintmax_t)st.stx_ino, (uintmax_t)st.stx_ctime.tv_sec * NS_PER_SEC + (uintmax_t)st.stx_ctime.tv_nsec);
}

/* Names of terminals by device number, as drivers name them (Documentation/admin-guide/devices.txt). */
static void put_tty(struct buffer *text, uint32_t number)
{
	static const struct tty_range {
		unsigned major, first, count, shown_first;
		const char *name;
	} ranges[] = {
		{ 4, 0, 64, 0, "tty" },	      { 4, 64, 192, 0, "ttyS" },     { 136, 0, 1u << 20, 0, "pts/" },
		{ 204, 64, 16, 0, "ttyAMA" }, { 188, 0, 1024, 0, "ttyUSB" }, { 166, 0, 1024, 0, "ttyACM" },
		{ 229, 0, 256, 0, "hvc" },
	};
	unsigned device_major = major((dev_t)number), device_minor = minor((dev_t)number);
	char name[48];

	if (number == 0)
		return;
	/* eight majors of 256 terminals each, before the numbers grew */
	if (device_major > 136 && device_major < 144) {
		device_minor += (device_major - 136) * 256;
		device_major = 136;
	}
	if (device_major == 5 && device_minor == 1) {
		put_text(text, " tty=", SPAN("console"));
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		const struct tty_range *r = &ranges[i];

		if (r->major != device_major || device_minor < r->first ||
		    device_minor - r->first >= r->count)
			continue;
		snprintf(name, sizeof(name), "%s%u", r->name, device_minor - r->first + r->shown_first);
		put_text(text, " tty=", span_of(name));
		return;
	}
	snprintf(name, sizeof(name), "%u:%u", device_major, device_minor);
	put_text(text, " tty=", span_of(name));
}

/* A program that shows a title writes it over its arguments, often with NULs up to their end. */
static size_t cut_title(struct span args)
{
	const char *end = memchr(args.data, 0, args.size);
	size_t first = end ? (size_t)(end - args.data) : args.size;

	if (first == args.size || first == 0 || !memchr(args.data, ' ', first))
		return args.size;
	for (size_t i = first; i < args.size; i++)
		if (args.data[i] != 0)
			return args.size;
	return first + 1;
}

static void put_args(int folder, struct buffer *file, struct buffer *text)
{
	uint64_t count = 0, rest = 0;
	struct span args;

	if (read_file(folder, "cmdline", MAX_ARGS_BYTES, &rest, file) < 0 || file->size == 0)
		return;
	if (file->data[file->size - 1] != 0 && rest == 0)
		buffer_append_byte(file, 0);
	args = buffer_span(file);
	if (rest == 0)
		args.size = cut_title(args);
	for (size_t i = 0; i < args.size; i++)
		count += args.data[i] == 0;
	put_number(text, " argc=", count + rest);
	buffer_append_text(text, " args=");
	record_put_hex(text, args);
}

static void put_cgroup(int folder, struct buffer *file, struct buffer *text)
{
	struct cgroup cgroup;

	if (read_file(folder, "cgroup", MAX_FILE_BYTES, NULL, file) < 0)
		return;
	cgroup_parse(buffer_span(file), &cgroup);
	put_text(text, " container=", cgroup.container);
	put_text(text, " runtime=", cgroup.runtime);
	put_text(text, " unit=", cgroup.unit);
}

/* `Groups:\t4 24 27 `; of more than MAX_GROUPS, or where what was read ends among them, it is said that there are more. */
static void put_groups(struct buffer *text, struct span status)
{
	const struct span key = SPAN("\nGroups:");
	const char *p = memmem(status.data, status.size, key.data, key.size), *end = status.data + status.size;
	const char *between = "";

	if (!p)
		return;
	buffer_append_text(text, " groups=");
	p += key.size;
	for (unsigned n = 0; p < end && *p != '\n'; n++) {
		const char *from;

		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		for (from = p; p < end && *p >= '0' && *p <= '9'; p++)
			;
		if (p < end && p == from)
			break;
		buffer_append_text(text, between);
		if (n == MAX_GROUPS || p == end) {
			buffer_append_text(text, "...");
			break;
		}
		buffer_append_span(text, (struct span){ from, (size_t)(p - from) });
		between = ",";
	}
}

static void put_namespaces(const struct procfs *procfs, int folder, struct buffer *text)
{
	uint32_t inodes[N_NAMESPACES];

	if (namespaces_read(folder, inodes) == 0)
		return;
	for (size_t i = 0; i < N_NAMESPACES; i++)
		if (inodes[i] == procfs->host[i])
			inodes[i] = 0;
	buffer_append_text(text, " ns=\"");
	namespaces_text(text, inodes);
	buffer_append_byte(text, '"');
}

/* `file`: room for the files that it reads. */
static int put_process(const struct procfs *procfs, uint64_t now_ns, uint32_t pid, bool is_lookup, struct buffer *file,
		       struct buffer *text)
{
	static const char *const uids[] = { " uid=", " euid=", " suid=", " fsuid=" };
	static const char *const gids[] = { " gid=", " egid=", " sgid=", " fsgid=" };
	struct process_stat stat;
	size_t began = text->size;
	char name[16];
	int folder, r;

	snprintf(name, sizeof(name), "%u", pid);
	folder = openat(procfs->fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = read_file(folder, "stat", MAX_FILE_BYTES, NULL, file);
	if (r >= 0)
		r = process_stat_parse(buffer_span(file), &stat);
	if (r < 0) {
		close(folder);
		return r == -ENOENT ? -ESRCH : r;
	}

	record_put_head(text, now_ns, pid);
	if (is_lookup)
		buffer_append_text(text, " lookup=1");
	put_number(text, " pid=", pid);
	put_number(text, " ppid=", stat.ppid);
	put_number(text, " start_ticks=", stat.start_ticks);
	put_text(text, " comm=", stat.comm); /* borrows from the file read last */
	put_tty(text, (uint32_t)stat.tty);
	if (read_file(folder, "status", MAX_FILE_BYTES, NULL, file) >= 0) {
		put_ids(text, buffer_span(file), SPAN("\nUid:"), uids);
		put_ids(text, buffer_span(file), SPAN("\nGid:"), gids);
		if (procfs->tells_groups)
			put_groups(text, buffer_span(file));
	}
	put_file_number(folder, file, "loginuid", " auid=", text);
	if (put_file_number(folder, file, "sessionid", " ses=", text) != NONE)
		put_origin(folder, file, text);
	if (!(stat.flags & PF_KTHREAD)) {
		put_link(folder, "exe", " exe=", text);
		put_version(folder, text);
		put_args(folder, file, text);
	}
	put_link(folder, "cwd", " cwd=", text);
	put_cgroup(folder, file, text);
	put_namespaces(procfs, folder, text);
	close(folder);
	r = buffer_error(text);
	if (r < 0)
		text->size = began;
	return r;
}

int procfs_lookup(const struct procfs *procfs, uint64_t now_ns, uint32_t pid, struct buffer *text)
{
	_cleanup_(buffer_release) struct buffer file = { 0 };

	return put_process(procfs, now_ns, pid, true, &file, text);
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int list_pids(const struct procfs *procfs, uint32_t **ret, size_t *ret_n)
{
	_cleanup_(freep) uint32_t *pids = NULL;
	size_t n = 0, capacity = 0;
	struct dirent *entry;
	int fd, r = 0;
	DIR *dir;

	fd = openat(procfs->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* its own place in the list */
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		r = -errno;
		close(fd);
		return r;
	}
	while ((entry = readdir(dir))) {
		uint64_t pid;

		if (span_to_u64(span_of(entry->d_name), &pid) < 0 || pid > UINT32_MAX)
			continue;
		if (n == capacity) {
			size_t more = capacity ? capacity * 2 : 512;
			uint32_t *grown = realloc(pids, more * sizeof(*pids));

			if (!grown) {
				r = -ENOMEM;
				break;
			}
			pids = grown;
			capacity = more;
		}
		pids[n++] = (uint32_t)pid;
	}
	closedir(dir);
	if (r < 0)
		return r;
	if (n > 0)
		qsort(pids, n, sizeof(*pids), compare);
	*ret = TAKE(pids);
	*ret_n = n;
	return 0;
}

int procfs_snapshot(const struct procfs *procfs, uint64_t now_ns, record_fn emit, void *user)
{
	_cleanup_(buffer_release) struct buffer file = { 0 }, text = { 0 };
	_cleanup_(freep) uint32_t *pids = NULL;
	size_t n = 0;
	int r;

	r = list_pids(procfs, &pids, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct record record = { .type = RECORD_PROCESS, .time_ns = now_ns };

		buffer_clear(&text);
		r = put_process(procfs, now_ns, pids[i], false, &file, &text);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			continue; /* ended since, or hidden (hidepid) */
		record.text = buffer_span(&text);
		r = emit(user, &record);
		if (r < 0)
			return r;
	}
	return 0;
}

int procfs_readlink_fd(const struct procfs *procfs, uint32_t pid, int32_t fd, char *ret, size_t size)
{
	const struct span mark = SPAN(" (deleted)");
	char path[48], target[PATH_MAX + 16];
	struct span answer;
	struct statx st;
	ssize_t n;

	if (fd == AT_FDCWD)
		snprintf(path, sizeof(path), "%u/cwd", pid);
	else if (fd < 0)
		return -EBADF;
	else
		snprintf(path, sizeof(path), "%u/fd/%d", pid, fd);
	n = readlinkat(procfs->fd, path, target, sizeof(target));
	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof(target))
		return -ENAMETOOLONG;
	answer = (struct span){ target, (size_t)n };
	/* The mark of d_path() of a name that is gone, unless it is a part of the name.  That of memfd_secret(2), which never had one, counts
	 * itself as a link (mm/secretmem.c). */
	if (span_ends(answer, mark) && look_at(procfs->fd, path, &st) >= 0 &&
	    (st.stx_nlink == 0 || span_eq(answer, SPAN("/secretmem (deleted)"))))
		answer.size -= mark.size;
	if (answer.size >= size)
		return -ENAMETOOLONG;
	memcpy(ret, answer.data, answer.size);
	ret[answer.size] = 0;
	return 0;
}

/* CLOCK_REALTIME less CLOCK_BOOTTIME: starts of processes are ticks of the latter. The btime of /proc/stat
 * is the same cut to seconds, by which a start could seem to lie a second before the fork. */
static uint64_t boot_time(void)
{
	uint64_t best_ns = UINT64_MAX, time_ns = 0;

	for (unsigned i = 0; i < 8; i++) {
		uint64_t before = clock_ns(CLOCK_BOOTTIME), now = clock_ns(CLOCK_REALTIME);
		uint64_t took = clock_ns(CLOCK_BOOTTIME) - before;

		if (took >= best_ns || now < before + took / 2)
			continue;
		best_ns = took;
		time_ns = now - before - took / 2;
	}
	return (time_ns + NS_PER_MS / 2) / NS_PER_MS * NS_PER_MS;
}

int procfs_boot(char ret_id[static 37], uint64_t *ret_time_ns)
{
	char id[64];
	ssize_t n;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	n = read(fd, id, sizeof(id));
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	if (n < 36)
		return -EIO;
	memcpy(ret_id, id, 36);
	ret_id[36] = 0;
	*ret_time_ns = boot_time();
	return 0;
}
