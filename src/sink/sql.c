/* See sql.h. */

#include "sink/sql.h"

#include <errno.h>

int sql_errno(int code)
{
	static const struct {
		uint8_t code;
		int error;
	} errors[] = {
		{ SQLITE_OK, 0 },
		{ SQLITE_ROW, 0 },
		{ SQLITE_DONE, 0 },
		{ SQLITE_FULL, ENOSPC },
		{ SQLITE_IOERR, EIO },
		{ SQLITE_BUSY, EBUSY },
		{ SQLITE_LOCKED, EBUSY },
		{ SQLITE_NOMEM, ENOMEM },
		{ SQLITE_CORRUPT, EBADMSG },
		{ SQLITE_NOTADB, EBADMSG },
		{ SQLITE_ERROR, EBADMSG },
		{ SQLITE_READONLY, EROFS },
		{ SQLITE_CANTOPEN, ENOENT },
		{ SQLITE_PERM, EACCES },
		{ SQLITE_AUTH, EACCES },
		{ SQLITE_TOOBIG, EMSGSIZE },
		{ SQLITE_INTERRUPT, EINTR },
		{ SQLITE_CONSTRAINT, EEXIST },
	};

	if (code == SQLITE_IOERR_NOMEM)
		return -ENOMEM;
	for (unsigned i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].code == (code & 0xff))
			return -errors[i].error;
	return -EIO;
}

const char *sql_file_prefix(const char *path)
{
	return *path == '/' ? "" : "./";
}

int sql_open(const char *path, int flags, sqlite3 **ret)
{
	_cleanup_(buffer_release) struct buffer name = { 0 };

	buffer_printf(&name, "%s%s", sql_file_prefix(path), path);
	return buffer_error(&name) < 0 ? SQLITE_NOMEM : sqlite3_open_v2(buffer_text(&name), ret, flags, NULL);
}

void sql_distrust(sqlite3 *db)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
}

int sql_exec(sqlite3 *db, const char *sql)
{
	return sql_errno(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret)
{
	return sql_errno(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL));
}

int sql_number(sqlite3 *db, const char *sql, int64_t *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r;

	r = sql_prepare(db, sql, &statement);
	if (r < 0)
		return r;
	r = sqlite3_step(statement);
	if (r == SQLITE_DONE)
		return -ENODATA;
	if (r != SQLITE_ROW)
		return sql_errno(r);
	*ret = sqlite3_column_int64(statement, 0);
	return 0;
}

int sql_run(sqlite3_stmt *statement)
{
	int r = sqlite3_step(statement), reset = sqlite3_reset(statement);

	return sql_errno(r == SQLITE_DONE || r == SQLITE_ROW ? reset : r);
}
