/* See history.h; the events are read in history_events.c.  What is given to the caller has been read
 * before, so that no read transaction is open while the caller works or waits. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sink/history_file.h"
#include "sink/schema_sql.h"

#define BUSY_TIMEOUT_MS 2000
#define STEPS_BETWEEN_QUESTIONS 10000	/* of SQLite's machine: a millisecond */

static _printf_(3, 4) int fail(int error, struct history_error *ret, const char *format, ...)
{
	va_list ap;

	if (ret) {
		va_start(ap, format);
		vsnprintf(ret->message, sizeof(ret->message), format, ap);
		va_end(ap);
	}
	return error;
}

/* Opening. */

static int examine(sqlite3 *db, const char *path, struct history_error *error)
{
	int64_t application, version;
	int r;

	if ((r = sql_number(db, "PRAGMA application_id", &application)) < 0 ||
	    (r = sql_number(db, "PRAGMA user_version", &version)) < 0)
		return fail(r, error, "%s: %s", path,
			    r == -EBADMSG ? "is not a recorder database" : sqlite3_errmsg(db));
	if (application != SQL_APPLICATION_ID)
		return fail(-EBADMSG, error, "%s: is not a recorder database", path);
	if (version < 1)
		return fail(-EBADMSG, error, "%s: has schema version %lld, which no recorder writes: it is damaged or was changed", path,
			    (long long)version);
	if (version != SCHEMA_VERSION)
		return fail(-EBADMSG, error,
			    "%s: has schema version %lld, this program reads %d (use %s recorder%s)", path,
			    (long long)version, SCHEMA_VERSION, version > SCHEMA_VERSION ? "a newer" : "this",
			    version > SCHEMA_VERSION ? "" : " to write it once: it migrates");
	return 0;
}

static int open_database(struct history *history, bool immutable, struct history_error *error)
{
	_cleanup_(buffer_release) struct buffer uri = { 0 };
	int r;

	buffer_append_text(&uri, "file:");
	buffer_append_text(&uri, sql_file_prefix(history->path));
	for (const char *p = history->path; *p; p++)
		if (strchr("%?#", *p))
			buffer_printf(&uri, "%%%02x", (unsigned char)*p);
		else
			buffer_append_byte(&uri, *p);
	buffer_append_text(&uri, immutable ? "?mode=ro&immutable=1" : "?mode=ro");
	if (buffer_error(&uri) < 0)
		return -ENOMEM;
	history->db = sql_close(history->db);
	r = sqlite3_open_v2(buffer_text(&uri), &history->db,
			    SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	if (r != SQLITE_OK)
		return fail(sql_errno(r), error, "%s: %s", history->path, sqlite3_errstr(r));
	sql_distrust(history->db);
	sqlite3_extended_result_codes(history->db, 1);
	sqlite3_busy_timeout(history->db, BUSY_TIMEOUT_MS);
	return examine(history->db, history->path, error);
}

int history_number(sqlite3 *db, const char *sql, int parameter, int64_t value, uint64_t *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r;

	r = sql_prepare(db, sql, &statement);
	if (r < 0)
		return r;
	if (parameter)
		sqlite3_bind_int64(statement, parameter, value);
	r = sqlite3_step(statement);
	if (r != SQLITE_ROW)
		return sql_errno(r);
	if (sqlite3_column_type(statement, 0) != SQLITE_NULL)
		*ret = (uint64_t)sqlite3_column_int64(statement, 0);
	return 0;
}

static int set_text(char **to, sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	free(*to);
	*to = text ? strdup(text) : NULL;
	return text && !*to ? -ENOMEM : 0;
}

static int read_host(struct history *history)
{
	static const char *const keys[] = { "host_id", "host_name", "boot_id" };
	char **const to[] = { &history->host.id, &history->host.name, &history->host.boot_id };
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r;

	r = sql_prepare(history->db, "SELECT value FROM meta WHERE key = ?", &statement);
	for (unsigned i = 0; r == 0 && i < ARRAY_SIZE(keys); i++) {
		sqlite3_bind_text(statement, 1, keys[i], -1, SQLITE_STATIC);
		r = sqlite3_step(statement);
		r = r == SQLITE_ROW ? set_text(to[i], statement, 0) : sql_errno(r);
		sqlite3_reset(statement);
	}
	return r;
}

/* WAL needs a -shm beside the file, which cannot be made in a folder that is only readable or on a full disk. What is in
 * the file is all there is if there is no -wal or nothing in it; without its -wal it would be another history, and nobody told
 * (sqlite.org/wal.html, "Read-Only Databases"). */
static int open_as_it_lies(struct history *history, struct history_error *error)
{
	_cleanup_(buffer_release) struct buffer wal = { 0 };
	struct stat st;

	buffer_printf(&wal, "%s-wal", history->path);
	if (buffer_error(&wal) < 0)
		return -ENOMEM;
	/* Not where a link leads: SQLite follows none here, so what is behind it is not read. */
	if (lstat(buffer_text(&wal), &st) == 0 ? st.st_size > 0 : errno != ENOENT)
		return fail(-EROFS, error,
			    "%s: its latest events are in %s, which cannot be read as things are here (copy both files to a folder "
			    "where you may write and there is room, and read them there)",
			    history->path, buffer_text(&wal));
	return open_database(history, true, error);
}

int history_open(struct history **ret, const char *path, struct history_error *error)
{
	_cleanup_(history_freep) struct history *history = calloc(1, sizeof(*history));
	struct stat st;
	int r;

	if (!history)
		return -ENOMEM;
	history->path = strdup(path);
	if (!history->path)
		return -ENOMEM;
	/* A FIFO would be waited for, a folder be a disk that fails. */
	if (stat(path, &st) < 0 || access(path, R_OK) < 0)
		return fail(-errno, error, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(-EINVAL, error, "%s is not a file", path);
	r = open_database(history, false, error);
	if (r == -ENOENT || r == -EROFS || r == -EACCES || r == -ENOSPC || r == -EIO)
		r = open_as_it_lies(history, error);
	if (r < 0)
		return r;
	r = history_rows_open(&history->rows, history->db);
	if (r == 0)
		r = read_host(history);
	if (r < 0)
		return fail(r, error, "%s: %s", path, sqlite3_errmsg(history->db));
	*ret = TAKE(history);
	return 0;
}

const char *history_path(const struct history *history)
{
	return history->path;
}

static int ask_to_stop(void *user)
{
	struct history *history = user;

	return history->stop(history->stop_user);
}

void history_ask(struct history *history, bool (*stop)(void *user), void *user)
{
	history->stop = stop;
	history->stop_user = user;
	sqlite3_progress_handler(history->db, STEPS_BETWEEN_QUESTIONS, stop ? ask_to_stop : NULL, history);
}

static void host_release(struct host *host)
{
	free(host->id);
	free(host->name);
	free(host->boot_id);
}

struct history *history_free(struct history *history)
{
	if (!history)
		return NULL;
	history_rows_close(&history->rows);
	sql_close(history->db);
	host_release(&history->host);
	host_release(&history->run);
	free(history->path);
	free(history);
	return NULL;
}

/* Gaps: few, so they are all read before the first is given. */

struct gap_list {
	struct gap {
		struct history_gap gap;
		size_t class_name, unit, cause; /* places in texts, from 1 on; 0: NULL */
	} * gaps;
	size_t n, max;
	struct buffer texts;
};

static size_t keep_text(struct buffer *texts, sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);
	size_t place = texts->size + 1;

	if (!text)
		return 0;
	buffer_append(texts, text, strlen(text) + 1);
	return place;
}

static const char *kept_text(const struct buffer *texts, size_t place)
{
	return place ? texts->data + place - 1 : NULL;
}

static void gap_list_release(struct gap_list *list)
{
	free(list->gaps);
	buffer_release(&list->texts);
}

static int read_gap(struct gap_list *list, sqlite3_stmt *statement)
{
	struct gap *gap;

	if (list->n == list->max) {
		size_t max = list->max ? list->max * 2 : 64;
		struct gap *gaps = reallocarray(list->gaps, max, sizeof(*gaps));

		if (!gaps)
			return -ENOMEM;
		list->gaps = gaps;
		list->max = max;
	}
	gap = &list->gaps[list->n++];
	*gap = (struct gap){
		.gap = {
			.begin_ns = (uint64_t)sqlite3_column_int64(statement, 0),
			.end_ns = (uint64_t)sqlite3_column_int64(statement, 1),
			.count = (uint64_t)sqlite3_column_int64(statement, 2),
			.count_known = sqlite3_column_type(statement, 2) != SQLITE_NULL,
			.exact = sqlite3_column_int64(statement, 3) != 0,
		},
		.class_name = keep_text(&list->texts, statement, 4),
		.unit = keep_text(&list->texts, statement, 5),
		.cause = keep_text(&list->texts, statement, 6),
	};
	return buffer_error(&list->texts);
}

int history_gaps(struct history *history, uint64_t since_ns, uint64_t until_ns, history_gap_fn fn, void *user)
{
	static const uint16_t columns[] = { FIELD_gap_begin, FIELD_gap_end,  FIELD_gap_count, FIELD_gap_exact,
					    FIELD_gap_class, FIELD_gap_unit, FIELD_gap_cause };
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	_cleanup_(gap_list_release) struct gap_list list = { 0 };
	int r;

	for (unsigned i = 0; i < ARRAY_SIZE(columns); i++) {
		char name[FIELD_COLUMN_MAX];

		field_column((enum field)columns[i], name);
		buffer_printf(&sql, "%s%s%s", i > 0 ? ", " : "SELECT ", fields[columns[i]].type == TYPE_TIME ? "t.time + " : "",
			      name);
	}
	/* A gap without an end is not over, one without a beginning is as old as anything. */
	buffer_printf(
		&sql,
		", t.time + coalesce(gap_end, e.time) AS later, coalesce(t.time + gap_begin, 0) AS earlier FROM event_recorder e "
		"CROSS JOIN tick t ON t.id = e.sequence >> 8 CROSS JOIN shape_recorder s ON s.id = e.shape "
		"WHERE s.kind = %u AND later >= ?1 AND earlier < ?2 ORDER BY earlier, e.sequence",
		kinds[KIND_ID(recorder, gap)].number);
	if (buffer_error(&sql) < 0)
		return -ENOMEM;
	r = sql_prepare(history->db, buffer_text(&sql), &statement);
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, sql_time(since_ns));
	sqlite3_bind_int64(statement, 2, until_ns ? sql_time(until_ns) : INT64_MAX);
	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		r = read_gap(&list, statement);
		if (r < 0)
			return r;
	}
	r = sql_errno(r);
	sqlite3_reset(statement);
	for (size_t i = 0; i < list.n && r == 0; i++) {
		struct gap *gap = &list.gaps[i];

		gap->gap.class_name = kept_text(&list.texts, gap->class_name);
		gap->gap.unit = kept_text(&list.texts, gap->unit);
		gap->gap.cause = kept_text(&list.texts, gap->cause);
		r = fn(user, &gap->gap);
	}
	return r < 0 ? r : 0;
}

/* What there is. */

int history_stats(struct history *history, struct history_stats *ret)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	struct history_stats stats = {
		.host_id = history->host.id,
		.host_name = history->host.name,
		.boot_id = history->host.boot_id,
	};
	const struct {
		const char *sql;
		uint64_t *ret;
	} numbers[] = {
		{ "SELECT sum(events) FROM content", &stats.events },
		{ "SELECT min(min_time) FROM block", &stats.oldest_ns },
		{ "SELECT max(max_time) FROM block", &stats.newest_ns },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
		int r = history_number(history->db, numbers[i].sql, 0, 0, numbers[i].ret);

		if (r < 0)
			return r;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		char name[4096];
		struct stat st;

		snprintf(name, sizeof(name), "%s%s", history->path, parts[i]);
		if (stat(name, &st) == 0 && st.st_size > 0)
			stats.size_bytes += (uint64_t)st.st_size;
	}
	*ret = stats;
	return 0;
}

int history_categories(struct history *history, struct history_category ret[N_CATEGORIES])
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(history->db,
			    "SELECT category, sum(events), sum(bytes), min(min_time), 0, 0 FROM content JOIN block ON id = block GROUP BY category "
			    "UNION ALL SELECT category, 0, 0, 0, events, until FROM cleaned", &statement);

	memset(ret, 0, N_CATEGORIES * sizeof(*ret));
	if (r < 0)
		return r;
	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		int64_t i = sqlite3_column_int64(statement, 0);

		if (i < 0 || i >= N_CATEGORIES)
			continue;
		ret[i].events += (uint64_t)sqlite3_column_int64(statement, 1);
		ret[i].bytes += (uint64_t)sqlite3_column_int64(statement, 2);
		ret[i].oldest_ns += (uint64_t)sqlite3_column_int64(statement, 3);
		ret[i].cleaned += (uint64_t)sqlite3_column_int64(statement, 4);
		ret[i].cleaned_until_ns += (uint64_t)sqlite3_column_int64(statement, 5);
	}
	return sql_errno(r);
}

int history_json_options(struct history *history, uint64_t sequence, struct event_json_options *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	char **const to[] = { &history->run.id, &history->run.name, &history->run.boot_id };
	int r;

	r = sql_prepare(history->db,
			"SELECT host_id, host_name, boot_id FROM run WHERE first_sequence <= ?1 "
			"ORDER BY first_sequence DESC LIMIT 1",
			&statement);
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)sequence);
	host_release(&history->run);
	history->run = (struct host){ 0 };
	r = sqlite3_step(statement);
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		return sql_errno(r);
	for (int i = 0; r == SQLITE_ROW && i < (int)ARRAY_SIZE(to); i++)
		if (set_text(to[i], statement, i) < 0)
			return -ENOMEM;
	*ret = (struct event_json_options){ .host_id = span_of(history->run.id),
					    .host_name = span_of(history->run.name),
					    .boot_id = span_of(history->run.boot_id) };
	return 0;
}
