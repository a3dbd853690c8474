/* See snapshot.h.
 *
 * SQLite's online backup begins anew whenever another process writes between two of its steps, so beside a recorder it would
 * never end.  One read transaction around all steps holds the moment still instead: the writer goes on behind it in the WAL,
 * which cannot be cut until the copy is done (sqlite.org/wal.html, "Avoiding Excessively Large WAL Files").
 *
 * The copy grows under a name of its own beside its place and goes there whole, as one plain file: no -wal belongs to it, and
 * whoever may only read its folder can open it. */

#include "sink/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sink/history_file.h"

struct snapshot {
	struct history *from;
	sqlite3 *to;
	sqlite3_backup *backup;
	char *destination, *folder, *partial;
	bool replace, made;		/* the partial file is there */
	int lock_fd;			/* of the partial copy, for as long as it is one; -1: not yet */
	uint64_t page_bytes, n_pages, n_done;
	int step_pages;
};

static _printf_(3, 4) int fail(int error, struct sink_error *ret, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(ret->message, sizeof(ret->message), format, ap);
	va_end(ap);
	return error;
}

static int set_names(struct snapshot *snapshot, const char *destination)
{
	_cleanup_(freep) char *copy = strdup(destination);
	int n;

	snapshot->destination = strdup(destination);
	snapshot->folder = copy ? strdup(dirname(copy)) : NULL;
	n = asprintf(&snapshot->partial, "%s.partial", destination);
	if (n < 0)
		snapshot->partial = NULL;
	return snapshot->destination && snapshot->folder && snapshot->partial ? 0 : -ENOMEM;
}

/* Holds the moment. */
static int open_source(struct snapshot *snapshot, const char *path, struct sink_error *error)
{
	struct history_error why = { "" };
	int64_t page_bytes = 0, n_pages = 0;
	int r = history_open(&snapshot->from, path, &why);

	if (r < 0)
		return fail(r, error, "%s", why.message[0] ? why.message : strerror(-r));
	r = sql_exec(snapshot->from->db, "BEGIN");
	if (r >= 0)
		r = sql_number(snapshot->from->db, "SELECT page_size FROM pragma_page_size", &page_bytes);
	if (r >= 0)	/* reads the file: the transaction begins */
		r = sql_number(snapshot->from->db, "SELECT page_count FROM pragma_page_count, (SELECT count(*) FROM meta)",
			       &n_pages);
	if (r < 0)
		return fail(r, error, "%s: %s", path, sqlite3_errmsg(snapshot->from->db));
	snapshot->page_bytes = (uint64_t)page_bytes;
	snapshot->n_pages = (uint64_t)n_pages;
	return 0;
}

static int check_room(const struct snapshot *snapshot, uint64_t spare_bytes, struct sink_error *error)
{
	uint64_t size = snapshot->page_bytes * snapshot->n_pages, have;
	struct statvfs fs;

	if (statvfs(snapshot->folder, &fs) < 0)
		return fail(-errno, error, "%s: %s", snapshot->folder, strerror(errno));
	have = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (have >= size + spare_bytes)
		return 0;
	return fail(-ENOSPC, error,
		    "%s has %llu MiB free; the copy takes %llu and %llu must remain (CX.recorder.SnapshotExtraSizeRequiredMB)",
		    snapshot->folder, (unsigned long long)(have >> 20), (unsigned long long)((size >> 20) + 1),
		    (unsigned long long)(spare_bytes >> 20));
}

/* A log of what was there before would be played into the copy. */
static const char *const companions[] = { "-wal", "-shm", "-journal" };

static int check_companions(const struct snapshot *snapshot, struct sink_error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(companions); i++) {
		_cleanup_(freep) char *path = NULL;

		if (asprintf(&path, "%s%s", snapshot->destination, companions[i]) < 0)
			return -ENOMEM;
		if (!snapshot->replace && access(path, F_OK) == 0)
			return fail(-EEXIST, error, "%s is there: it belongs to another database", path);
	}
	return 0;
}

static int remove_companions(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < ARRAY_SIZE(companions); i++) {
		_cleanup_(freep) char *path = NULL;

		if (asprintf(&path, "%s%s", snapshot->destination, companions[i]) < 0)
			return -ENOMEM;
		if (unlink(path) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

static int check_place(const struct snapshot *snapshot, const char *database, struct sink_error *error)
{
	struct stat st, own;
	int r = check_companions(snapshot, error);

	if (r < 0)
		return r;
	if (stat(snapshot->folder, &st) == 0 && !snapshot->replace && st.st_uid != 0 && st.st_uid != geteuid())
		return fail(-EPERM, error, "%s belongs to user %u, who could read the copy (--force makes it all the same)",
			    snapshot->folder, st.st_uid);
	if (lstat(snapshot->destination, &st) < 0)
		return errno == ENOENT ? 0 : fail(-errno, error, "%s: %s", snapshot->destination, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(-EEXIST, error, "%s is there and no ordinary file", snapshot->destination);
	if (stat(database, &own) == 0 && own.st_dev == st.st_dev && own.st_ino == st.st_ino)
		return fail(-EEXIST, error, "%s is the database itself", snapshot->destination);
	if (!snapshot->replace)
		return fail(-EEXIST, error, "%s is there already", snapshot->destination);
	return 0;
}

/* What a snapshot that was killed left.  One that somebody makes is locked; and what is none stays. */
static int remove_left_over(const struct snapshot *snapshot, struct sink_error *error)
{
	static const char magic[] = "SQLite format 3";
	int fd = open(snapshot->partial, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), r = 0;
	char head[sizeof(magic)] = "";
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(-errno, error, "%s: %s", snapshot->partial, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (st.st_size > 0 && (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) || memcmp(head, magic, sizeof(magic)) != 0)))
		r = fail(-EEXIST, error, "%s is there, and no left-over of a snapshot (remove it)", snapshot->partial);
	else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = fail(-EBUSY, error, "%s: another snapshot is being made there", snapshot->destination);
	else if (unlink(snapshot->partial) < 0)
		r = fail(-errno, error, "%s: %s", snapshot->partial, strerror(errno));
	close(fd);
	return r;
}

static int open_copy(struct snapshot *snapshot, struct sink_error *error)
{
	int fd, r;

	r = remove_left_over(snapshot, error);
	if (r < 0)
		return r;
	fd = open(snapshot->partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(-errno, error, "%s: %s", snapshot->partial, strerror(errno));
	snapshot->lock_fd = fd;
	snapshot->made = true;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fail(-EBUSY, error, "%s: another snapshot is being made there", snapshot->destination);
	r = sql_open(snapshot->partial, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX, &snapshot->to);
	if (r != SQLITE_OK)
		return fail(sql_errno(r), error, "%s: %s", snapshot->partial, sqlite3_errstr(r));
	/* Until it has its name it is worth nothing: no journal, and one fsync at the end. */
	r = sql_exec(snapshot->to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
	snapshot->backup = r < 0 ? NULL : sqlite3_backup_init(snapshot->to, "main", snapshot->from->db, "main");
	if (!snapshot->backup)
		return fail(r < 0 ? r : sql_errno(sqlite3_errcode(snapshot->to)), error, "%s: %s", snapshot->partial,
			    sqlite3_errmsg(snapshot->to));
	return 0;
}

int snapshot_open(struct snapshot **ret, const struct snapshot_options *options, struct sink_error *error)
{
	_cleanup_(snapshot_freep) struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	int r;

	*error = (struct sink_error){ "no memory" };
	if (!snapshot)
		return -ENOMEM;
	snapshot->replace = options->replace;
	snapshot->lock_fd = -1;
	r = set_names(snapshot, options->destination);
	if (r < 0 || (r = check_place(snapshot, options->database, error)) < 0 || (r = open_source(snapshot, options->database, error)) < 0 ||
	    (r = check_room(snapshot, options->spare_bytes, error)) < 0 || (r = open_copy(snapshot, error)) < 0)
		return r;
	snapshot->step_pages = (int)MAX(options->step_bytes / snapshot->page_bytes, 1u);
	*ret = TAKE(snapshot);
	return 0;
}

/* Data first, then the name, then the folder that has it. */
static int sync_path(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags), r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int put_in_place(const struct snapshot *snapshot)
{
	int r = snapshot->replace ? remove_companions(snapshot) : 0;

	if (r < 0)
		return r;
	if (snapshot->replace)
		return rename(snapshot->partial, snapshot->destination) < 0 ? -errno : 0;
	if (renameat2(AT_FDCWD, snapshot->partial, AT_FDCWD, snapshot->destination, RENAME_NOREPLACE) == 0)
		return 0;
	/* A file system that cannot say "if it is not there": it was not when we began. */
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	return rename(snapshot->partial, snapshot->destination) < 0 ? -errno : 0;
}

static int finish(struct snapshot *snapshot, struct sink_error *error)
{
	int r = sqlite3_backup_finish(snapshot->backup);

	snapshot->backup = NULL;
	r = sql_errno(r);
	if (r >= 0)
		r = sql_exec(snapshot->to, "PRAGMA journal_mode = DELETE");
	if (r < 0)
		return fail(r, error, "%s: %s", snapshot->partial, sqlite3_errmsg(snapshot->to));
	snapshot->to = sql_close(snapshot->to);
	r = sync_path(snapshot->partial, 0);
	if (r >= 0)
		r = put_in_place(snapshot);
	if (r < 0)
		return fail(r, error, "%s: %s", snapshot->destination, r == -EEXIST ? "is there already" : strerror(-r));
	snapshot->made = false;
	r = sync_path(snapshot->folder, O_DIRECTORY);
	return r < 0 ? fail(r, error, "%s: %s", snapshot->folder, strerror(-r)) : 0;
}

int snapshot_step(struct snapshot *snapshot, struct sink_error *error)
{
	int r = sqlite3_backup_step(snapshot->backup, snapshot->step_pages);

	snapshot->n_done = snapshot->n_pages - MIN((uint64_t)sqlite3_backup_remaining(snapshot->backup), snapshot->n_pages);
	if (r == SQLITE_OK)
		return 1;
	if (r == SQLITE_DONE)
		return finish(snapshot, error);
	return fail(sql_errno(r), error, "%s: %s", snapshot->partial, sqlite3_errstr(r));
}

void snapshot_progress(const struct snapshot *snapshot, uint64_t *ret_done, uint64_t *ret_total)
{
	*ret_done = snapshot->n_done * snapshot->page_bytes;
	*ret_total = snapshot->n_pages * snapshot->page_bytes;
}

struct snapshot *snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return NULL;
	if (snapshot->backup)
		sqlite3_backup_finish(snapshot->backup);
	sql_close(snapshot->to);
	history_free(snapshot->from);
	if (snapshot->made)
		unlink(snapshot->partial);
	if (snapshot->lock_fd >= 0)
		close(snapshot->lock_fd);
	free(snapshot->destination);
	free(snapshot->folder);
	free(snapshot->partial);
	free(snapshot);
	return NULL;
}
