/* See journal_files.h.
 *
 * DESIGN.  An old file lies in a slot, by its number, in one form: plain or compressed. A rotation finds the first empty slot
 * and moves those before it up by one, each by one rename; only if none is empty the oldest goes. So a rotation that failed
 * halfway, or died, is gone on with by the next, and nothing is dropped twice for it. The new file is made first, under a name of
 * its own: if it cannot be had nothing has changed.
 *
 * Old files are compressed by a thread that lives as long as there is something to compress, behind everybody else (nice 19,
 * idle I/O). In portions, by the writer, it would be simpler, but the result must be durable before the plain file goes, and
 * nobody who takes events off a bounded queue can wait for an fsync; and an idle writer would come to the next portion a minute
 * later. The thread has a descriptor of its file, so rotations go on meanwhile; the lock guards the names, and is held for
 * renames alone. The newest is compressed first: a file that cannot be read is in nobody's way.
 *
 * Steps, and what a crash leaves behind each: NAME.jsonl.zst.tmp is written and synced (removed at the next open, made again);
 * renamed to N.zst (both are there: the compressed one stays if it is whole and of the size of the plain one, else the plain
 * one); the folder synced; N removed.
 *
 * It leaves out the lines: they are journal.c's. */

#include "sink/journal_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sink/journal_folder.h"
#include "sink/zstd_file.h"

#define NICE 19
#define IOPRIO_WHO_PROCESS 1		/* linux/ioprio.h */
#define IOPRIO_IDLE (3 << 13)

enum form { PLAIN, COMPRESSED, N_FORMS };
static const char *const endings[N_FORMS] = { "", JOURNAL_COMPRESSED };

struct journal_files {
	char *path, *folder;
	const char *base;		/* of path */
	char *new_path, *compressing_path;
	struct journal_limits limits;	/* the writer changes them, under the lock */
	pthread_mutex_t lock;		/* of the names of old files */
	pthread_t thread;
	bool has_thread;		/* to be joined */
	bool has_work;			/* there may be something to compress */
	bool working;			/* under the lock: it will look for another file */
	atomic_bool stop;
	atomic_int error;
};

struct slot_path {
	char text[PATH_MAX];
};

static struct slot_path slot_path(const struct journal_files *files, unsigned number, enum form form)
{
	struct slot_path path;

	/* Short enough: journal_files_new has looked. */
	if (number == 0)
		snprintf(path.text, sizeof(path.text), "%s", files->path);
	else
		snprintf(path.text, sizeof(path.text), "%s.%u%s", files->path, number, endings[form]);
	return path;
}

static bool slot_stat(const struct journal_files *files, unsigned number, enum form form, struct stat *ret)
{
	return stat(slot_path(files, number, form).text, ret) == 0;
}

static int slot_remove(const struct journal_files *files, unsigned number, enum form form)
{
	return unlink(slot_path(files, number, form).text) < 0 && errno != ENOENT ? -errno : 0;
}

/* The form in which a slot is filled, N_FORMS: it is empty.  Of two the complete one stays. */
static enum form slot_settle(const struct journal_files *files, unsigned number)
{
	bool there[N_FORMS];
	struct stat st[N_FORMS];

	for (enum form form = 0; form < N_FORMS; form++)
		there[form] = slot_stat(files, number, form, &st[form]);
	if (there[PLAIN] && there[COMPRESSED]) {
		bool is_whole = zstd_file_is_whole(slot_path(files, number, COMPRESSED).text, (uint64_t)st[PLAIN].st_size);

		there[is_whole ? PLAIN : COMPRESSED] = false;
		slot_remove(files, number, is_whole ? PLAIN : COMPRESSED);
	}
	return there[PLAIN] ? PLAIN : there[COMPRESSED] ? COMPRESSED : N_FORMS;
}

/* Compression */

/* The lowest slot with a plain file, opened; 0: there is none; -errno. */
static int find_plain(const struct journal_files *files, int *ret_fd)
{
	if (!files->limits.compress || files->limits.max_size_bytes == 0)
		return 0;
	for (unsigned n = 1; n <= files->limits.keep; n++) {
		if (slot_settle(files, n) != PLAIN)
			continue;
		*ret_fd = open(slot_path(files, n, PLAIN).text, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		return *ret_fd < 0 ? -errno : 1;
	}
	return 0;
}

/* The slot in which the file lies by now; 0: it was dropped. */
static unsigned find_slot(const struct journal_files *files, int fd)
{
	struct stat ours, there;

	if (fstat(fd, &ours) < 0)
		return 0;
	for (unsigned n = 1; n <= files->limits.keep; n++)
		if (slot_stat(files, n, PLAIN, &there) && there.st_ino == ours.st_ino && there.st_dev == ours.st_dev)
			return n;
	return 0;
}

static int sync_folder(const struct journal_files *files)
{
	int fd = open(files->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0 && errno != EINVAL)
		r = -errno;
	close(fd);
	return r;
}

/* Called and left with the lock. */
static int publish(struct journal_files *files, int fd)
{
	unsigned n = find_slot(files, fd);
	int r;

	if (n == 0) {
		unlink(files->compressing_path);
		return 0;
	}
	if (rename(files->compressing_path, slot_path(files, n, COMPRESSED).text) < 0)
		return -errno;
	pthread_mutex_unlock(&files->lock);
	r = sync_folder(files);
	pthread_mutex_lock(&files->lock);
	n = find_slot(files, fd);
	/* Plain still: somebody writes to an old file. */
	return r >= 0 && n > 0 && slot_settle(files, n) == PLAIN ? -ESTALE : r;
}

static int compress_one(struct journal_files *files, int fd)
{
	int r;

	pthread_mutex_unlock(&files->lock);
	r = zstd_file_write(files->compressing_path, fd, &files->stop);
	pthread_mutex_lock(&files->lock);
	return r < 0 ? r : publish(files, fd);
}

static void *compress(void *user)
{
	struct journal_files *files = user;
	int fd = -1, r;

	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
	pthread_mutex_lock(&files->lock);
	while (!atomic_load(&files->stop) && (r = find_plain(files, &fd)) != 0) {
		if (r > 0) {
			r = compress_one(files, fd);
			close(fd);
		}
		atomic_store(&files->error, r == -ECANCELED ? 0 : r);
		if (r < 0)
			break;
	}
	files->working = false;
	pthread_mutex_unlock(&files->lock);
	return NULL;
}

static void join_thread(struct journal_files *files)
{
	if (files->has_thread)
		pthread_join(files->thread, NULL);
	files->has_thread = false;
}

static int start_thread(struct journal_files *files)
{
	sigset_t all, before;
	int r;

	join_thread(files);
	sigfillset(&all);
	sigdelset(&all, SIGSYS);	/* whose handler says which system call was refused; blocked, it ends the process */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&files->thread, NULL, compress, files);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		return r;
	files->has_thread = true;
	pthread_setname_np(files->thread, "compress");
	return 0;
}

void journal_files_work(struct journal_files *files)
{
	bool was_working;
	int r;

	if (!files->has_work)
		return;
	files->has_work = false;
	pthread_mutex_lock(&files->lock);
	was_working = files->working;
	files->working = true;
	pthread_mutex_unlock(&files->lock);
	if (was_working)
		return;
	r = start_thread(files);
	if (r < 0) {
		files->working = false;
		atomic_store(&files->error, r);
	}
}

/* What is there */

/* Removes the slots above `keep`. */
static int drop_surplus(struct journal_files *files)
{
	struct dirent *entry;
	unsigned number;
	bool compressed;
	DIR *folder;

	if (files->limits.max_size_bytes == 0)
		return 0;
	folder = opendir(files->folder);
	if (!folder)
		return -errno;
	while ((entry = readdir(folder)))
		if (journal_file_number(files->base, entry->d_name, &number, &compressed) && number > files->limits.keep)
			unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
	return 0;
}

static int make_paths(struct journal_files *files, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (strlen(path) + 32 > PATH_MAX)
		return -ENAMETOOLONG;
	files->path = strdup(path);
	files->folder = !slash ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!files->path || !files->folder || asprintf(&files->new_path, "%s.new", path) < 0 ||
	    asprintf(&files->compressing_path, "%s.zst.tmp", path) < 0)
		return -ENOMEM;
	files->base = slash ? files->path + (slash + 1 - path) : files->path;
	return 0;
}

static void take_limits(struct journal_files *files, const struct journal_limits *limits)
{
	struct stat st;

	files->limits = *limits;
	/* Something else than a file (a pipe, a device) has no old ones. */
	if (stat(files->path, &st) == 0 && !S_ISREG(st.st_mode))
		files->limits.max_size_bytes = 0;
	files->has_work = limits->compress;
}

DEFINE_CLEANUP(struct journal_files, journal_files_free)

int journal_files_new(struct journal_files **ret, const char *path, const struct journal_limits *limits)
{
	_cleanup_(journal_files_freep) struct journal_files *files = calloc(1, sizeof(*files));
	int r;

	if (!files)
		return -ENOMEM;
	pthread_mutex_init(&files->lock, NULL);
	r = make_paths(files, path);
	if (r < 0)
		return r;
	take_limits(files, limits);
	unlink(files->compressing_path);
	unlink(files->new_path);
	r = drop_surplus(files);
	if (r < 0)
		return r;
	for (unsigned n = 1; files->limits.max_size_bytes && n <= files->limits.keep; n++)
		slot_settle(files, n);
	*ret = TAKE(files);
	return 0;
}

void journal_files_set_limits(struct journal_files *files, const struct journal_limits *limits)
{
	pthread_mutex_lock(&files->lock);
	take_limits(files, limits);
	drop_surplus(files);
	pthread_mutex_unlock(&files->lock);
}

/* Makes slot 1 empty. */
static int make_room(struct journal_files *files)
{
	unsigned hole = 1, keep = files->limits.keep;
	enum form form = N_FORMS;
	int r = 0;

	while (hole <= keep && (form = slot_settle(files, hole)) != N_FORMS)
		hole++;
	if (hole > keep) {
		hole = keep;
		r = slot_remove(files, hole, form);
	}
	for (unsigned n = hole; r >= 0 && n > 1; n--) {
		form = slot_settle(files, n - 1);
		if (form != N_FORMS &&
		    rename(slot_path(files, n - 1, form).text, slot_path(files, n, form).text) < 0)
			r = -errno;
	}
	return r;
}

/* NAME.jsonl goes, the new one comes. */
static int exchange(struct journal_files *files)
{
	struct slot_path first = slot_path(files, 1, PLAIN);
	bool is_kept = files->limits.keep > 0;
	int r = is_kept ? make_room(files) : 0;

	if (r < 0)
		return r;
	if (is_kept && rename(files->path, first.text) < 0)
		return -errno;
	if (rename(files->new_path, files->path) < 0) {
		r = -errno;
		/* If that fails too it will be found missing, and made anew. */
		if (is_kept)
			rename(first.text, files->path);
		return r;
	}
	return 0;
}

int journal_files_rotate(struct journal_files *files)
{
	int fd, r;

	if (unlink(files->new_path) < 0 && errno != ENOENT)
		return -errno;
	fd = journal_file_open(files->new_path);
	if (fd < 0)
		return fd;
	pthread_mutex_lock(&files->lock);
	r = exchange(files);
	pthread_mutex_unlock(&files->lock);
	if (r < 0) {
		close(fd);
		unlink(files->new_path);
		return r;
	}
	files->has_work = files->limits.compress;
	return fd;
}

int journal_files_error(const struct journal_files *files)
{
	return atomic_load(&files->error);
}

struct journal_files *journal_files_free(struct journal_files *files)
{
	if (!files)
		return NULL;
	atomic_store(&files->stop, true);
	join_thread(files);
	pthread_mutex_destroy(&files->lock);
	free(files->path);
	free(files->folder);
	free(files->new_path);
	free(files->compressing_path);
	free(files);
	return NULL;
}

int journal_file_open(const char *path)
{
	/* Nobody who waits at the other end of a FIFO, or does not, must hold the writer; a link leads to a file of somebody else. */
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO || errno == EISDIR ? -EBADMSG : -errno;
	if (fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)))
		return fd;
	close(fd);
	return -EBADMSG;
}
