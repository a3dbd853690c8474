/* See digest_table.h. */

#include "sink/digest_table.h"

#include <string.h>

void digest_table_sql(struct buffer *sql)
{
	buffer_append_text(sql, "CREATE TABLE digest (\n"
				"id INTEGER PRIMARY KEY\n"
				", hash_id INTEGER -- names the version of the file: process.hash.id, process.script.hash.id, dll.hash.id, driver.hash.id, file.hash.id\n"
				", state TEXT -- ok, or why there are no hashes; NULL: nobody has told yet\n"
				", md5 TEXT, sha1 TEXT, sha256 TEXT -- hexadecimal\n"
				");\n"
				"CREATE UNIQUE INDEX digest_by_hash_id ON digest (hash_id);\n");
}

int digest_table_open(struct digest_table *table, sqlite3 *db)
{
	int r;

	*table = (struct digest_table){ 0 };
	r = sql_prepare(db, "SELECT id FROM digest WHERE hash_id = ?", &table->find);
	if (r == 0)
		r = sql_prepare(db, "INSERT INTO digest (hash_id) VALUES (?)", &table->insert);
	if (r == 0)
		r = sql_prepare(db, "UPDATE digest SET state = ?2, md5 = ?3, sha1 = ?4, sha256 = ?5 WHERE id = ?1", &table->fill);
	return r;
}

void digest_table_close(struct digest_table *table)
{
	sql_finalize(table->find);
	sql_finalize(table->insert);
	sql_finalize(table->fill);
	*table = (struct digest_table){ 0 };
}

static int find(struct digest_table *table, uint64_t hash_id, int64_t *ret)
{
	int r;

	sqlite3_bind_int64(table->find, 1, (int64_t)hash_id);
	r = sqlite3_step(table->find);
	*ret = r == SQLITE_ROW ? sqlite3_column_int64(table->find, 0) : 0;
	sqlite3_reset(table->find);
	return sql_errno(r);
}

int digest_table_row(struct digest_table *table, uint64_t hash_id, int64_t *ret)
{
	size_t place = hash_id % DIGESTS_KEPT;
	int r;

	if (likely(table->kept[place].row && table->kept[place].hash_id == hash_id)) {
		*ret = table->kept[place].row;
		return 0;
	}
	r = find(table, hash_id, ret);
	if (r == 0 && *ret == 0) {
		sqlite3_bind_int64(table->insert, 1, (int64_t)hash_id);
		r = sql_run(table->insert);
		*ret = sqlite3_last_insert_rowid(sqlite3_db_handle(table->insert));
	}
	if (r < 0)
		return r;
	table->kept[place].hash_id = hash_id;
	table->kept[place].row = *ret;
	return 0;
}

int digest_table_event(struct digest_table *table, const struct event *event)
{
	static const enum field told[] = { FIELD_file_hash_state, FIELD_file_md5, FIELD_file_sha1, FIELD_file_sha256 };
	int64_t row;
	int r;

	if (event->kind != KIND_ID(recorder, hash) || !values_has(&event->values, FIELD_file_hash_id))
		return 0;
	r = digest_table_row(table, event->file_hash_id, &row);
	if (r < 0)
		return r;
	sqlite3_bind_int64(table->fill, 1, row);
	for (unsigned i = 0; i < ARRAY_SIZE(told); i++) {
		struct span text = values_text(&event->values, told[i]);

		if (text.size > 0)
			sqlite3_bind_text64(table->fill, (int)i + 2, text.data, text.size, SQLITE_TRANSIENT, SQLITE_UTF8);
		else
			sqlite3_bind_null(table->fill, (int)i + 2);
	}
	return sql_run(table->fill);
}

void digest_table_forget(struct digest_table *table)
{
	memset(table->kept, 0, sizeof(table->kept));
}

int digest_table_clean(struct digest_table *table, sqlite3 *db)
{
	digest_table_forget(table);
	return sql_exec(db, "DELETE FROM digest WHERE id NOT IN (SELECT process_hash_id FROM program WHERE process_hash_id IS NOT NULL "
			    "UNION SELECT process_script_hash_id FROM program WHERE process_script_hash_id IS NOT NULL "
			    "UNION SELECT dll_hash_id FROM shape_image WHERE dll_hash_id IS NOT NULL "
			    "UNION SELECT driver_hash_id FROM shape_driver WHERE driver_hash_id IS NOT NULL "
			    "UNION SELECT dll_hash_id FROM shape_signal WHERE dll_hash_id IS NOT NULL "
			    "UNION SELECT driver_hash_id FROM shape_signal WHERE driver_hash_id IS NOT NULL)");
}
