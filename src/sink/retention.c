/* See retention.h.
 *
 * A block is removed by its range of numbers. When a chapter has nothing of the category any more, its shapes and texts go by
 * theirs, and of processes, programs, logins and their texts those that no event of the chapter needs: found by marking from the
 * events that are left, within the chapter. */

#include "sink/retention.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define SPARSE_EVENTS 512 /* a block with fewer is read faster than its sieve, which would take more room than they do */

static _printf_(2, 3) int run(sqlite3 *db, const char *format, ...)
{
	char sql[1024];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(sql, sizeof(sql), format, ap);
	va_end(ap);
	return n < 0 || (size_t)n >= sizeof(sql) ? -ENOMEM : sql_exec(db, sql);
}

static int run_buffer(sqlite3 *db, struct buffer *sql)
{
	return buffer_error(sql) < 0 ? -ENOMEM : sql_exec(db, buffer_text(sql));
}

/* What there is. */

/* Added up here: SQLite would sort the rows by category first. */
int contents_read(struct contents *ret, struct store *store)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(store->db, "SELECT block, category, bytes FROM content", &statement);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		ret->bytes[i] = 0;
		ret->oldest[i] = UINT64_MAX;
	}
	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		uint64_t block = (uint64_t)sqlite3_column_int64(statement, 0);
		int64_t category = sqlite3_column_int64(statement, 1);

		if (category < 0 || category >= N_CATEGORIES)
			return -EBADMSG;
		ret->bytes[category] += (uint64_t)sqlite3_column_int64(statement, 2);
		if (block < store->chapter.block)
			ret->oldest[category] = MIN(ret->oldest[category], block);
	}
	return sql_errno(r);
}

unsigned contents_choose(const struct contents *contents, const uint8_t shares[N_CATEGORIES])
{
	unsigned found = N_CATEGORIES;
	uint64_t all = 0;

	for (unsigned i = 0; i < N_CATEGORIES; i++)
		all += contents->bytes[i];
	for (unsigned pass = 0; pass < 2 && found == N_CATEGORIES; pass++)
		for (unsigned i = 0; i < N_CATEGORIES; i++) {
			bool over = contents->bytes[i] / 100 > all / 100 * shares[i] / 100;

			if (contents->oldest[i] == UINT64_MAX || (pass == 0 && !over))
				continue;
			if (found == N_CATEGORIES || contents->oldest[i] < contents->oldest[found])
				found = i;
		}
	return found;
}

/* A chapter that has lost all it had of a category. */

struct sweep {
	sqlite3 *db;
	struct store *store;
	struct chapter chapter, next;
};

static uint64_t first_sequence(const struct chapter *chapter)
{
	return chapter->block << BLOCK_BITS;
}

/* "column BETWEEN a AND b": numbers that the chapter has of a shared table. */
static void append_range(struct buffer *sql, const struct sweep *sweep, enum chapter_table table, const char *column)
{
	buffer_printf(sql, "%s BETWEEN %lld AND %lld", column, (long long)sweep->chapter.first[table],
		      (long long)sweep->next.first[table] - 1);
}

static int delete_range(const struct sweep *sweep, enum chapter_table table, const char *but)
{
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	char name[32];

	buffer_printf(&sql, "DELETE FROM %s WHERE ", chapter_table_name(table, name));
	append_range(&sql, sweep, table, "id");
	buffer_append_text(&sql, but);
	return run_buffer(sweep->db, &sql);
}

static int has_content(const struct sweep *sweep, const char *and, bool *ret)
{
	char sql[256];
	int64_t n = 0;
	int r;

	snprintf(sql, sizeof(sql), "SELECT EXISTS (SELECT 1 FROM content WHERE block >= %llu AND block < %llu%s)",
		 (unsigned long long)sweep->chapter.block, (unsigned long long)sweep->next.block, and);
	r = sql_number(sweep->db, sql, &n);
	*ret = n != 0;
	return r;
}

/* Rows of process that events of the chapter refer to, and rows that these refer to. */
static int mark_processes(const struct sweep *sweep)
{
	_cleanup_(buffer_release) struct buffer sql = { 0 };

	for (unsigned i = 0; i < N_CATEGORIES; i++)
		buffer_printf(&sql,
			      "INSERT OR IGNORE INTO temp.kept SELECT process FROM event_%s WHERE sequence >= %llu AND sequence < %llu "
			      "AND process IS NOT NULL;\n",
			      categories[i].name, (unsigned long long)first_sequence(&sweep->chapter),
			      (unsigned long long)first_sequence(&sweep->next));
	buffer_printf(&sql,
		      "WITH RECURSIVE up(id) AS (SELECT id FROM temp.kept\n"
		      "\tUNION SELECT p.image FROM up JOIN process p ON p.id = up.id WHERE p.image >= %lld\n"
		      "\tUNION SELECT coalesce(p.first, p.parent) FROM up JOIN process p ON p.id = up.id "
		      "WHERE coalesce(p.first, p.parent) IS NOT NULL)\n"
		      "INSERT OR IGNORE INTO temp.kept SELECT id FROM up",
		      (long long)sweep->chapter.first[CHAPTER_PROCESS]);
	return run_buffer(sweep->db, &sql);
}

/* The images whose first row goes: who remembers it by that row is told of the next. */
static int tell_moved(const struct sweep *sweep)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	int r;

	buffer_append_text(&sql, "SELECT f.process_entity_id, p.id, coalesce(h.new, 0) FROM process p "
				 "JOIN process f ON f.id = coalesce(p.first, p.id) LEFT JOIN temp.heir h ON h.old = p.id WHERE ");
	append_range(&sql, sweep, CHAPTER_PROCESS, "p.id");
	buffer_append_text(&sql, " AND p.image IS NULL AND p.id NOT IN (SELECT id FROM temp.kept)");
	r = buffer_error(&sql) < 0 ? -ENOMEM : sql_prepare(sweep->db, buffer_text(&sql), &statement);
	if (r < 0)
		return r;
	while ((r = sqlite3_step(statement)) == SQLITE_ROW)
		store_image_moved(sweep->store, (uint64_t)sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
				  sqlite3_column_int64(statement, 2));
	return sql_errno(r);
}

/* The first of the rows that later chapters have of an image takes the place of the one that goes. */
static int bequeath(const struct sweep *sweep)
{
	static const char sql[] =
		"UPDATE process SET ended = (SELECT iif(o.ended = " ENDED_NONE_SQL ", o.ended, o.ended + (o.sequence - process.sequence) * 2) "
		"FROM temp.heir h JOIN process o ON o.id = h.old WHERE h.new = process.id) WHERE id IN (SELECT new FROM temp.heir);\n"
		"UPDATE process SET image = (SELECT nullif(h.new, process.id) FROM carried c JOIN temp.heir h ON h.old = c.image "
		"WHERE c.process = process.id) WHERE id IN (SELECT c.process FROM carried c JOIN temp.heir h ON h.old = c.image);\n"
		"UPDATE carried SET image = (SELECT new FROM temp.heir WHERE old = carried.image) "
		"WHERE image IN (SELECT old FROM temp.heir);\n";
	_cleanup_(buffer_release) struct buffer heirs = { 0 }, gone = { 0 };
	int r;

	buffer_append_text(&heirs, "INSERT INTO temp.heir SELECT image, min(process) FROM carried WHERE ");
	append_range(&heirs, sweep, CHAPTER_PROCESS, "image");
	buffer_printf(&heirs, " AND image NOT IN (SELECT id FROM temp.kept) AND process >= %lld GROUP BY image",
		      (long long)sweep->next.first[CHAPTER_PROCESS]);
	r = run_buffer(sweep->db, &heirs);
	if (r == 0)
		r = tell_moved(sweep);
	if (r == 0)
		r = sql_exec(sweep->db, sql);
	if (r < 0)
		return r;
	buffer_append_text(&gone, "DELETE FROM carried WHERE process = image OR (");
	append_range(&gone, sweep, CHAPTER_PROCESS, "process");
	buffer_append_text(&gone, " AND process NOT IN (SELECT id FROM temp.kept))");
	return run_buffer(sweep->db, &gone);
}

/* `, SELECT column FROM table WHERE ...` for each column that names a text. */
static void append_texts_of(struct buffer *sql, const struct sweep *sweep, const struct table *table, enum chapter_table range)
{
	for (unsigned i = 0; i < table->n_columns; i++) {
		const struct column *column = &table->columns[i];
		char name[FIELD_COLUMN_MAX];

		if (column->kind != COLUMN_TEXT_ID && column->kind != COLUMN_PATH)
			continue;
		field_column((enum field)column->field, name);
		buffer_printf(sql, " UNION ALL SELECT %s%s FROM %s WHERE ", name, column->kind == COLUMN_PATH ? "_dir" : "", table->name);
		append_range(sql, sweep, range, "id");
	}
}

/* Texts of processes that no process or program has. */
static int delete_texts(const struct sweep *sweep)
{
	const struct layout *layout = &sweep->store->layout;
	_cleanup_(buffer_release) struct buffer but = { 0 };

	buffer_printf(&but, " AND owner >> %d = 0 AND id NOT IN (SELECT 0", TEXT_OWNER_BITS);
	append_texts_of(&but, sweep, &layout->process, CHAPTER_PROCESS);
	append_texts_of(&but, sweep, &layout->program, CHAPTER_PROGRAM);
	buffer_append_text(&but, ")");
	return buffer_error(&but) < 0 ? -ENOMEM : delete_range(sweep, CHAPTER_TEXT, buffer_text(&but));
}

/* Nor may go what a command line that stays begins as. */
static void append_lines(struct buffer *but, const struct sweep *sweep)
{
	buffer_append_text(but, " AND id NOT IN (SELECT b.begins_as FROM program b WHERE b.begins_as IS NOT NULL AND ");
	append_range(but, sweep, CHAPTER_PROGRAM, "b.id");
	buffer_append_text(but, " AND b.id IN (SELECT program FROM process WHERE ");
	append_range(but, sweep, CHAPTER_PROCESS, "id");
	buffer_append_text(but, "))");
}

static int delete_ticks(const struct sweep *sweep)
{
	_cleanup_(buffer_release) struct buffer sql = { 0 };

	buffer_printf(&sql, "DELETE FROM tick WHERE id >= %llu AND id < %llu AND id NOT IN (SELECT sequence >> %d FROM process WHERE ",
		      (unsigned long long)first_sequence(&sweep->chapter) >> TICK_BITS,
		      (unsigned long long)first_sequence(&sweep->next) >> TICK_BITS, TICK_BITS);
	append_range(&sql, sweep, CHAPTER_PROCESS, "id");
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		buffer_printf(&sql, " UNION ALL SELECT sequence >> %d FROM event_%s WHERE sequence >= %llu AND sequence < %llu", TICK_BITS,
			      categories[i].name, (unsigned long long)first_sequence(&sweep->chapter),
			      (unsigned long long)first_sequence(&sweep->next));
	buffer_append_text(&sql, ")");
	return run_buffer(sweep->db, &sql);
}

/* Of processes what the events need that are left. */
static int sweep_processes(const struct sweep *sweep, bool events_left)
{
	static const char scratch[] = "CREATE TEMP TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY);\n"
				      "CREATE TEMP TABLE IF NOT EXISTS heir (old INTEGER PRIMARY KEY, new INTEGER);\n"
				      "DELETE FROM temp.kept; DELETE FROM temp.heir;\n";
	static const struct {
		enum chapter_table table;
		const char *column;	/* of process that refers to it */
	} shared[] = { { CHAPTER_PROGRAM, "program" }, { CHAPTER_LOGIN, "login" } };
	int r = sql_exec(sweep->db, scratch);

	if (r == 0 && events_left)
		r = mark_processes(sweep);
	if (r == 0)
		r = bequeath(sweep);
	if (r == 0)
		r = delete_range(sweep, CHAPTER_PROCESS, " AND id NOT IN (SELECT id FROM temp.kept)");
	for (unsigned i = 0; r == 0 && i < ARRAY_SIZE(shared); i++) {
		_cleanup_(buffer_release) struct buffer but = { 0 };

		buffer_printf(&but, " AND id NOT IN (SELECT %s FROM process WHERE %s IS NOT NULL AND ", shared[i].column,
			      shared[i].column);
		append_range(&but, sweep, CHAPTER_PROCESS, "id");
		buffer_append_text(&but, ")");
		if (shared[i].table == CHAPTER_PROGRAM)
			append_lines(&but, sweep);
		r = buffer_error(&but) < 0 ? -ENOMEM : delete_range(sweep, shared[i].table, buffer_text(&but));
	}
	if (r == 0)
		r = delete_texts(sweep);
	if (r == 0)
		r = delete_ticks(sweep);
	return r < 0 ? r : sql_exec(sweep->db, "DELETE FROM temp.kept; DELETE FROM temp.heir");
}

static int sweep_chapter(struct store *store, uint64_t block, unsigned category)
{
	struct sweep sweep = { .db = store->db, .store = store };
	char of_category[64];
	bool left;
	int r = chapter_of(store->db, block, &sweep.chapter, &sweep.next);

	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	snprintf(of_category, sizeof(of_category), " AND category = %u", category);
	r = has_content(&sweep, of_category, &left);
	if (r < 0 || left)
		return r;
	r = delete_range(&sweep, CHAPTER_SHAPE + category, "");
	if (r < 0)
		return r;
	snprintf(of_category, sizeof(of_category), " AND owner >> %d = %u", TEXT_OWNER_BITS, category + 1);
	r = delete_range(&sweep, CHAPTER_TEXT, of_category);
	if (r == 0)
		r = has_content(&sweep, "", &left);
	if (r == 0)
		r = sweep_processes(&sweep, left);
	if (r == 0 && !left)
		r = run(sweep.db, "DELETE FROM chapter WHERE block = %llu", (unsigned long long)sweep.chapter.block);
	if (r == 0 && !left)
		r = session_table_clean(&store->sessions, sweep.db);
	if (r == 0 && !left)
		r = digest_table_clean(&store->rows.digests, sweep.db);
	if (r == 0 && !left && store->chain)
		r = chain_bridge(store->chain, sweep.chapter.block, sweep.next.block - 1);
	return r;
}

/* The block. */

static int remove_block(sqlite3 *db, uint64_t block, unsigned category)
{
	const char *name = categories[category].name;
	unsigned long long first = block << BLOCK_BITS, last = first + BLOCK_EVENTS - 1, id = block;
	int r = run(db,
		    "INSERT INTO cleaned SELECT c.category, c.events, b.max_time, c.block, NULL FROM content c JOIN block b ON b.id = c.block\n"
		    "\tWHERE c.block = %llu AND c.category = %u\n"
		    "\tON CONFLICT DO UPDATE SET events = events + excluded.events, until = max(until, excluded.until);\n"
		    "DELETE FROM content WHERE block = %llu AND category = %u;\n"
		    "DELETE FROM event_%s WHERE sequence BETWEEN %llu AND %llu;\n"
		    "DELETE FROM more_%s WHERE sequence BETWEEN %llu AND %llu;\n",
		    id, category, id, category, name, first, last, name, first, last);

	if (r < 0)
		return r;
	return run(db,
		   "DELETE FROM block WHERE id = %llu AND NOT EXISTS (SELECT 1 FROM content WHERE block = %llu);\n"
		   "UPDATE block SET sieve = NULL WHERE id = %llu AND sieve IS NOT NULL\n"
		   "\tAND (SELECT sum(events) FROM content WHERE block = %llu) < %d;\n",
		   id, id, id, id, SPARSE_EVENTS);
}

int retention_remove(struct store *store, struct contents *contents, unsigned category)
{
	uint64_t block = contents->oldest[category];
	int64_t bytes = 0, next = -1;
	char sql[192];
	int r;

	snprintf(sql, sizeof(sql), "SELECT bytes FROM content WHERE block = %llu AND category = %u", (unsigned long long)block, category);
	r = sql_number(store->db, sql, &bytes);
	if (r == 0)
		r = remove_block(store->db, block, category);
	if (r == 0 && store->chain)
		r = chain_cleaned(store->chain, category, block);
	if (r == 0)
		r = sweep_chapter(store, block, category);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	contents->bytes[category] -= MIN(contents->bytes[category], (uint64_t)bytes);
	snprintf(sql, sizeof(sql), "SELECT block FROM content WHERE block > %llu AND block < %llu AND category = %u ORDER BY block LIMIT 1",
		 (unsigned long long)block, (unsigned long long)store->chapter.block, category);
	r = sql_number(store->db, sql, &next);
	contents->oldest[category] = r == 0 ? (uint64_t)next : UINT64_MAX;
	return r == -ENODATA ? 0 : r;
}
