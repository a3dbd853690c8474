/* See history.h.  What a block holds of a category is written down when it is stored: only of blocks that the range of time cuts,
 * and of categories of which not all kinds are asked for, rows are looked at. */

#include <errno.h>

#include "sink/history_file.h"

#define WINDOW (1 << 18)		/* numbers of events that are looked at with one snapshot */

struct counting {
	struct history *history;
	int64_t since, until;
	uint64_t n;
};

/* How many kinds of the category are wanted; *ret_all: and it has no other. */
static unsigned wanted_kinds(const struct history_query *query, unsigned category, struct buffer *numbers, bool *ret_all)
{
	unsigned n = 0, n_all = 0;

	for (unsigned i = 0; i < N_KINDS; i++) {
		if (kinds[i].category != category)
			continue;
		n_all++;
		if (query->categories && !(query->categories >> category & 1))
			continue;
		if (query->kinds && !query->kinds[i])
			continue;
		buffer_printf(numbers, "%s%u", n++ > 0 ? "," : "", kinds[i].number);
	}
	*ret_all = n == n_all;
	return n;
}

/* Of blocks that are in the range as a whole. */
static int count_blocks(struct counting *counting, unsigned category)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(counting->history->db,
			    "SELECT sum(c.events) FROM block b CROSS JOIN content c ON c.block = b.id AND c.category = ?1 "
			    "WHERE b.min_time >= ?2 AND b.max_time < ?3", &statement);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, category);
	sqlite3_bind_int64(statement, 2, counting->since);
	sqlite3_bind_int64(statement, 3, counting->until);
	r = sqlite3_step(statement);
	if (r == SQLITE_ROW)
		counting->n += (uint64_t)sqlite3_column_int64(statement, 0);
	return sql_errno(r);
}

/* ?1, ?2: the first and last number; ?3, ?4: since and until. */
static int prepare_rows(struct counting *counting, unsigned category, const char *numbers, sqlite3_stmt **ret)
{
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	const char *name = categories[category].name;

	buffer_printf(&sql, "SELECT count(*) FROM event_%s e CROSS JOIN tick t ON t.id = e.sequence >> %d", name, TICK_BITS);
	if (numbers)
		buffer_printf(&sql, " CROSS JOIN shape_%s s ON s.id = e.shape", name);
	buffer_append_text(&sql, " WHERE e.sequence BETWEEN ?1 AND ?2 AND t.time + e.time >= ?3 AND t.time + e.time < ?4");
	if (numbers)
		buffer_printf(&sql, " AND s.kind IN (%s)", numbers);
	return buffer_error(&sql) < 0 ? -ENOMEM : sql_prepare(counting->history->db, buffer_text(&sql), ret);
}

static int count_rows(struct counting *counting, sqlite3_stmt *rows, uint64_t first, uint64_t last)
{
	int r = 0;

	for (uint64_t at = first; at <= last && r == 0; at += WINDOW) {
		sqlite3_bind_int64(rows, 1, (int64_t)at);
		sqlite3_bind_int64(rows, 2, (int64_t)MIN(last, at + WINDOW - 1));
		sqlite3_bind_int64(rows, 3, counting->since);
		sqlite3_bind_int64(rows, 4, counting->until);
		r = sqlite3_step(rows);
		if (r == SQLITE_ROW)
			counting->n += (uint64_t)sqlite3_column_int64(rows, 0);
		r = sql_errno(r);
		sqlite3_reset(rows);
	}
	return r;
}

/* Of blocks that the range cuts. */
static int count_cut_blocks(struct counting *counting, sqlite3_stmt *rows)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(counting->history->db,
			    "SELECT id FROM block WHERE max_time >= ?1 AND min_time < ?2 AND (min_time < ?1 OR max_time >= ?2)", &statement),
	    e = 0;

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, counting->since);
	sqlite3_bind_int64(statement, 2, counting->until);
	while (e == 0 && (r = sqlite3_step(statement)) == SQLITE_ROW) {
		uint64_t first = (uint64_t)sqlite3_column_int64(statement, 0) << BLOCK_BITS;

		e = count_rows(counting, rows, first, first + BLOCK_EVENTS - 1);
	}
	return e < 0 ? e : sql_errno(r);
}

/* Of some kinds of a category, in all blocks that the range touches. */
static int count_some(struct counting *counting, sqlite3_stmt *rows)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	uint64_t first = 0, last = 0;
	int r = sql_prepare(counting->history->db, "SELECT min(id), max(id) FROM block WHERE max_time >= ?1 AND min_time < ?2", &statement);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, counting->since);
	sqlite3_bind_int64(statement, 2, counting->until);
	r = sqlite3_step(statement);
	if (r != SQLITE_ROW || sqlite3_column_type(statement, 0) == SQLITE_NULL)
		return r == SQLITE_ROW ? 0 : sql_errno(r);
	first = (uint64_t)sqlite3_column_int64(statement, 0) << BLOCK_BITS;
	last = (((uint64_t)sqlite3_column_int64(statement, 1) + 1) << BLOCK_BITS) - 1;
	sqlite3_reset(statement);
	return count_rows(counting, rows, first, last);
}

int history_count(struct history *history, const struct history_query *query, uint64_t *ret)
{
	struct counting counting = {
		.history = history,
		.since = sql_time(query->since_ns),
		.until = query->until_ns ? sql_time(query->until_ns) : INT64_MAX,
	};
	int r = 0;

	for (unsigned i = 0; i < N_CATEGORIES && r == 0; i++) {
		_cleanup_(sql_finalizep) sqlite3_stmt *rows = NULL;
		_cleanup_(buffer_release) struct buffer numbers = { 0 };
		bool all;

		if (wanted_kinds(query, i, &numbers, &all) == 0)
			continue;
		if (buffer_error(&numbers) < 0)
			return -ENOMEM;
		r = prepare_rows(&counting, i, all ? NULL : buffer_text(&numbers), &rows);
		if (r == 0 && !all)
			r = count_some(&counting, rows);
		if (r == 0 && all)
			r = count_blocks(&counting, i);
		if (r == 0 && all)
			r = count_cut_blocks(&counting, rows);
	}
	if (r == 0)
		*ret = counting.n;
	return r;
}
