/* See database_file.h.
 *
 * One writer: the caches of the writer are only right while nobody else writes, so it holds flock(2) on the
 * file for as long as it is open. (SQLite itself locks with fcntl(2), the two do not meet. But closing any
 * descriptor of the file drops the fcntl locks of the process, so the descriptor is closed last.) Readers
 * are not kept out.
 *
 * WAL, since a reader must never wait for the writer nor the writer for a reader; synchronous NORMAL, so
 * that a commit is no fsync and power loss costs at most the last commits, never the database
 * (sqlite.org/wal.html). */

#include "sink/database_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sink/migrate.h"
#include "sink/schema_sql.h"

static _printf_(3, 4) int fail(int error, struct sink_error *ret, const char *format, ...)
{
	va_list ap;

	if (ret) {
		va_start(ap, format);
		vsnprintf(ret->message, sizeof(ret->message), format, ap);
		va_end(ap);
	}
	return error;
}

/* The file, locked; made if there is none. */
static int lock_file(const char *path, int *ret, struct sink_error *error)
{
	for (unsigned attempt = 0; attempt < 10; attempt++) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
		struct stat ours, there;
		int r = 0;

		if (fd < 0)
			return fail(-errno, error, "%s: %s", path, strerror(errno));
		if (fstat(fd, &ours) < 0)
			r = fail(-errno, error, "%s: %s", path, strerror(errno));
		else if (!S_ISREG(ours.st_mode))
			r = fail(-EINVAL, error, "%s is not a file", path);
		else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			r = errno == EWOULDBLOCK
				    ? fail(-EBUSY, error,
					   "another recorder writes %s (stop it first, or use another file)",
					   path)
				    : fail(-errno, error, "%s: cannot lock: %s", path, strerror(errno));
		/* Whoever had the lock before may have set the file aside. */
		else if (stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
			 ours.st_ino == there.st_ino) {
			*ret = fd;
			return 0;
		}
		close(fd);
		if (r < 0)
			return r;
	}
	return fail(-EBUSY, error, "%s is being replaced again and again", path);
}

/* Numbers that no reader minds: set for each connection. */
static int configure(sqlite3 *db, bool bulk, bool created)
{
	_cleanup_(buffer_release) struct buffer sql = { 0 };

	/* The WAL is copied back every 4 MiB, in bulk every 64, and cut to that afterwards. A new file that
	 * an import fills need not survive the import's end by power loss: it is synced once, when it is
	 * closed. */
	buffer_printf(
		&sql,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = %s; PRAGMA cache_size = %d;"
		"PRAGMA wal_autocheckpoint = %d; PRAGMA journal_size_limit = %d; PRAGMA temp_store = MEMORY;"
		"PRAGMA foreign_keys = OFF; PRAGMA cell_size_check = ON;",
		bulk && created ? "OFF" : "NORMAL", bulk ? -65536 : -4096, bulk ? 16384 : 1024,
		bulk ? 64 << 20 : 4 << 20);
	return sql_exec(db, buffer_text(&sql));
}

static int create(sqlite3 *db, const char *path, struct sink_error *error)
{
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	_cleanup_(freep) struct layout *layout = malloc(sizeof(*layout));
	int r;

	if (!layout)
		return -ENOMEM;
	layout_make(layout);
	/* Before WAL: so the header itself says what the file is. */
	buffer_printf(&sql,
		      "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; BEGIN; PRAGMA application_id = %d; PRAGMA user_version = %d;",
		      SQL_APPLICATION_ID, SCHEMA_VERSION);
	schema_sql(&sql, layout);
	buffer_append_text(&sql, "COMMIT;");
	if (buffer_error(&sql) < 0)
		return -ENOMEM;
	r = sql_exec(db, buffer_text(&sql));
	if (r < 0)
		return fail(r == -EBADMSG ? -EIO : r, error, "%s: cannot make the tables: %s", path,
			    sqlite3_errmsg(db));
	return 0;
}

/* All in one transaction: a file is of the one version or of the other. */
static int migrate(sqlite3 *db, int64_t version)
{
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	_cleanup_(freep) struct layout *layout = NULL;
	int r;

	if (version == SCHEMA_VERSION)
		return 0;
	layout = malloc(sizeof(*layout));
	if (!layout)
		return -ENOMEM;
	layout_make(layout);
	buffer_append_text(&sql, "BEGIN;\n");
	r = migrate_sql(&sql, layout, version);
	if (r < 0)
		return r;
	schema_sql_views(&sql, layout);
	buffer_printf(&sql, "PRAGMA user_version = %d; COMMIT;", SCHEMA_VERSION);
	if (buffer_error(&sql) < 0)
		return -ENOMEM;
	r = sql_exec(db, buffer_text(&sql));
	if (r < 0 && !sqlite3_get_autocommit(db))
		sql_exec(db, "ROLLBACK");
	return r;
}

/* Is it ours, and of which version?  > 0: there is nothing in it. */
static int examine(sqlite3 *db, const char *path, struct sink_error *error)
{
	int64_t n_objects, application, version;
	int r;

	if ((r = sql_number(db, "SELECT count(*) FROM sqlite_schema", &n_objects)) < 0 ||
	    (r = sql_number(db, "PRAGMA application_id", &application)) < 0 ||
	    (r = sql_number(db, "PRAGMA user_version", &version)) < 0)
		return fail(r == -EBADMSG ? -EUCLEAN : r, error, "%s: %s", path, sqlite3_errmsg(db));
	if (n_objects == 0 && (application == 0 || application == SQL_APPLICATION_ID))
		return 1;
	if (application != SQL_APPLICATION_ID)
		return fail(-EBADMSG, error, "%s is a database of another program", path);
	if (version > SCHEMA_VERSION)
		return fail(-EBADMSG, error,
			    "%s has schema version %lld, this recorder knows up to %d (use a newer recorder)",
			    path, (long long)version, SCHEMA_VERSION);
	if (version < 1)
		return fail(-EUCLEAN, error, "%s has schema version %lld, which no recorder writes: it is damaged or was changed", path,
			    (long long)version);
	r = migrate(db, version);
	if (r < 0)
		return fail(r == -EBADMSG ? -EUCLEAN : r, error, "%s: schema version %lld: %s", path,
			    (long long)version, sqlite3_errmsg(db));
	return 0;
}

/* SQLite counts its memory under a lock, several times a row; nobody asks for the count. Refused, and without
 * need, when SQLite is in use already. */
static void configure_library(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int database_file_open(struct database_file *ret, const char *path, bool bulk, struct sink_error *error)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct database_file file = DATABASE_FILE_CLOSED;
	int r;

	pthread_once(&once, configure_library);
	r = lock_file(path, &file.lock_fd, error);
	if (r < 0)
		return r;
	r = sql_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, &file.db);
	if (r != SQLITE_OK) {
		r = fail(sql_errno(r), error, "%s: %s", path, sqlite3_errstr(r));
		goto failed;
	}
	sql_distrust(file.db);
	sqlite3_extended_result_codes(file.db, 1);
	sqlite3_busy_timeout(file.db, SQL_BUSY_TIMEOUT_MS);
	/* A file that is refused is not touched: no copying back of its WAL when it is closed. */
	sqlite3_db_config(file.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	r = examine(file.db, path, error);
	if (r > 0) {
		file.created = true;
		r = create(file.db, path, error);
	}
	if (r < 0)
		goto failed;
	r = configure(file.db, bulk, file.created);
	if (r < 0) {
		fail(r, error, "%s: %s", path, sqlite3_errmsg(file.db));
		r = r == -EBADMSG ? -EUCLEAN : r;
		goto failed;
	}
	sqlite3_db_config(file.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	*ret = file;
	return 0;
failed:
	/* To SQLite, whatever it cannot open; the file itself is there and locked. */
	if (r == -ENOENT)
		r = fail(-EIO, error, "%s: it, its -wal or its -shm cannot be opened (is one of them a link, or somebody else's?)", path);
	if (r == -EUCLEAN) {
		database_file_keep_lock(&file);
		*ret = file;
	} else {
		database_file_close(&file);
	}
	return r;
}

void database_file_keep_lock(struct database_file *file)
{
	if (file->db)
		file->db = sql_close(file->db);
}

void database_file_close(struct database_file *file)
{
	database_file_keep_lock(file);
	if (file->lock_fd >= 0)
		close(file->lock_fd);
	*file = DATABASE_FILE_CLOSED;
}

int database_file_set_aside(const char *path, char *ret_path, size_t size)
{
	static const char *const parts[] = { "-wal", "-shm",
					     "" }; /* the file last: till then it is found again */
	time_t now = time(NULL);
	struct tm tm;
	char stamp[32], from[4096], to[4096], base[4096];

	if (!gmtime_r(&now, &tm))
		return -EOVERFLOW;
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	for (unsigned n = 0; n < 1000; n++) {
		int length = n == 0 ? snprintf(base, sizeof(base), "%s.damaged-%s", path, stamp)
				    : snprintf(base, sizeof(base), "%s.damaged-%s.%u", path, stamp, n);

		if (length < 0 || (size_t)length + 8 > sizeof(base))
			return -ENAMETOOLONG;
		if (access(base, F_OK) == 0)
			continue;
		for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
			snprintf(from, sizeof(from), "%.*s%s", 4000, path, parts[i]);
			snprintf(to, sizeof(to), "%.*s%s", 4080, base, parts[i]);
			if (rename(from, to) < 0 && errno != ENOENT)
				return -errno;
		}
		snprintf(ret_path, size, "%s", base);
		return 0;
	}
	return -EEXIST;
}
