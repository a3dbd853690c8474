#pragma once
/* The few things every user of SQLite here needs. */

#include <sqlite3.h>

#include "base/buffer.h"

#define SQL_APPLICATION_ID 0x52656331	/* "Rec1": marks a file as ours (sqlite.org/fileformat.html, offset 68) */

#define SQL_BUSY_TIMEOUT_MS 500	/* of who writes: a person with the sqlite3 shell may hold the lock for a moment */

/* A result code of SQLite, extended or not, as -errno; 0 for the three that mean success. */
int sql_errno(int code);
/* What makes a path the name of a file whatever it is: ":memory:" and "file:..." are none to SQLite. */
const char *sql_file_prefix(const char *path);
/* As sqlite3_open_v2(), of a file. */
int sql_open(const char *path, int flags, sqlite3 **ret);
/* The file may have passed through anybody's hands: no trigger of it is run, and no function that does anything
 * (sqlite.org/security.html). */
void sql_distrust(sqlite3 *db);
int sql_exec(sqlite3 *db, const char *sql);
int sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret);
/* The first column of the first row: 0; -ENODATA: no row; or -errno. */
int sql_number(sqlite3 *db, const char *sql, int64_t *ret);
/* Runs a statement that gives no row, ready to be run again. */
int sql_run(sqlite3_stmt *statement);

static inline sqlite3_stmt *sql_finalize(sqlite3_stmt *statement)
{
	sqlite3_finalize(statement);
	return NULL;
}
DEFINE_CLEANUP(sqlite3_stmt, sql_finalize)

static inline sqlite3 *sql_close(sqlite3 *db)
{
	sqlite3_close_v2(db);
	return NULL;
}
DEFINE_CLEANUP(sqlite3, sql_close)
