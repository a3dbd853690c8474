/* See chapter.h. */

#include "sink/chapter.h"

#include <errno.h>
#include <stdio.h>

const char *chapter_table_name(unsigned table, char ret[static 32])
{
	static const char *const names[] = { "text", "process", "program", "login" };

	if (table < CHAPTER_SHAPE)
		snprintf(ret, 32, "%s", names[table]);
	else
		snprintf(ret, 32, "shape_%s", categories[table - CHAPTER_SHAPE].name);
	return ret;
}

void chapter_sql(struct buffer *sql)
{
	char name[32];

	buffer_append_text(sql, "CREATE TABLE chapter (block INTEGER PRIMARY KEY -- the first of a run of blocks that share no rows "
				"of these tables with others;\n\t-- for each of them the first number that is its\n");
	for (unsigned i = 0; i < N_CHAPTER_TABLES; i++)
		buffer_printf(sql, ", %s INTEGER\n", chapter_table_name(i, name));
	buffer_append_text(sql, ");\n");
}

int chapter_write(sqlite3 *db, const struct chapter *chapter)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	int r;

	buffer_append_text(&sql, "INSERT OR REPLACE INTO chapter VALUES (?");
	for (unsigned i = 0; i < N_CHAPTER_TABLES; i++)
		buffer_append_text(&sql, ",?");
	buffer_append_text(&sql, ")");
	if (buffer_error(&sql) < 0)
		return -ENOMEM;
	r = sql_prepare(db, buffer_text(&sql), &statement);
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)chapter->block);
	for (unsigned i = 0; i < N_CHAPTER_TABLES; i++)
		sqlite3_bind_int64(statement, (int)i + 2, chapter->first[i]);
	return sql_run(statement);
}

/* What is not there or makes no sense: damaged. */
static int read_row(sqlite3_stmt *statement, struct chapter *ret)
{
	*ret = (struct chapter){ .block = (uint64_t)sqlite3_column_int64(statement, 0) };
	if (sqlite3_column_count(statement) != N_CHAPTER_TABLES + 1)
		return -EBADMSG;
	for (unsigned i = 0; i < N_CHAPTER_TABLES; i++) {
		ret->first[i] = sqlite3_column_int64(statement, (int)i + 1);
		if (ret->first[i] < 0)
			return -EBADMSG;
	}
	return 0;
}

static int read_one(sqlite3 *db, const char *sql, uint64_t block, struct chapter *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(db, sql, &statement);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, (int64_t)block);
	r = sqlite3_step(statement);
	if (r != SQLITE_ROW)
		return r == SQLITE_DONE ? -ENODATA : sql_errno(r);
	return read_row(statement, ret);
}

int chapter_last(sqlite3 *db, struct chapter *ret)
{
	return read_one(db, "SELECT * FROM chapter WHERE block <= ?1 ORDER BY block DESC LIMIT 1", INT64_MAX, ret);
}

int chapter_of(sqlite3 *db, uint64_t block, struct chapter *ret, struct chapter *ret_next)
{
	int r = read_one(db, "SELECT * FROM chapter WHERE block <= ?1 ORDER BY block DESC LIMIT 1", block, ret);

	return r < 0 ? r : read_one(db, "SELECT * FROM chapter WHERE block > ?1 ORDER BY block LIMIT 1", block, ret_next);
}
