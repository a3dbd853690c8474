/* See migrate.h.
 *
 * Versions 1 and 2 had one row an event with all its columns, a row of process with those of its program, absolute times, and
 * a table process_end. What is now shared by rows that are alike is found by window functions over the old tables: the least id
 * of its like is the id of all. The columns have the names that they had; which table of old had a field follows from its type,
 * as it did then.
 *
 * Version 1 had no events of signals, and a table of them that nobody wrote to. Version 3 had all that today's has but what keeps
 * the file within its bound; all that it holds becomes one chapter. */

#include "sink/migrate.h"

#include <errno.h>

#include "sink/schema_sql.h"

/* In version 2 fields of these types stood in the shape, or, of a context and not of `process.`, in login. */
static bool was_shared(unsigned field)
{
	static const char own[] = "process.";

	if (fields[field].is_context)
		return strncmp(fields[field].name, own, strlen(own)) != 0;
	switch (fields[field].type) {
	case TYPE_TEXT:
	case TYPE_LIST:
	case TYPE_BOOL:
	case TYPE_MODE:
	case TYPE_DEVICE:
		return true;
	default:
		return false;
	}
}

/* Fields that no version before today's had. */
static const uint16_t added[] = { FIELD_read_count, FIELD_read_first, FIELD_read_last };

static bool is_added(unsigned field)
{
	for (size_t i = 0; i < ARRAY_SIZE(added); i++)
		if (added[i] == field)
			return true;
	return false;
}

/* A column of today, from row `own` of old (event or process) or row `shared` (shape or login). */
static void append_source(struct buffer *sql, const struct column *column, const char *own, const char *shared, const char *tick)
{
	unsigned field = column->field;
	const char *from = was_shared(field) ? shared : own;
	char name[FIELD_COLUMN_MAX];

	field_column((enum field)field, name);
	if (is_added(field))
		buffer_append_text(sql, "NULL");
	else if (column->kind == COLUMN_PATH)
		buffer_printf(sql, "%s.%s_dir, %s.%s_name", from, name, from, name);
	else if (column->kind == COLUMN_TIME)
		buffer_printf(sql, "%s.%s - %s.time", from, name, tick);
	else if (column->kind == COLUMN_TEXT && !was_shared(field) && fields[field].type == TYPE_PATH)
		buffer_printf(sql,
			      "iif(%s.%s_dir IS NULL, %s.%s_name, (SELECT value FROM text WHERE id = %s.%s_dir) || '/' || %s.%s_name)",
			      from, name, from, name, from, name, from, name);
	else if (column->kind == COLUMN_TEXT && !was_shared(field) && fields[field].type == TYPE_TEXT)
		buffer_printf(sql, "(SELECT value FROM text WHERE id = %s.%s)", from, name);
	else
		buffer_printf(sql, "%s.%s", from, name);
}

static void append_sources(struct buffer *sql, const struct table *table, const char *own, const char *shared, const char *tick)
{
	for (unsigned i = 0; i < table->n_columns; i++) {
		buffer_append_text(sql, ",\n\t");
		append_source(sql, &table->columns[i], own, shared, tick);
	}
}

/* `, o.a, o.b`: what the columns of a table that is shared today depend on in the old row. */
static void append_partition(struct buffer *sql, const struct table *table, const char *own)
{
	for (unsigned i = 0; i < table->n_columns; i++) {
		unsigned field = table->columns[i].field;
		char name[FIELD_COLUMN_MAX];

		if (was_shared(field))
			continue;
		field_column((enum field)field, name);
		if (fields[field].type == TYPE_PATH)
			buffer_printf(sql, ", %s.%s_dir, %s.%s_name", own, name, own, name);
		else
			buffer_printf(sql, ", %s.%s", own, name);
	}
}

static void migrate_category(struct buffer *sql, const struct layout *layout, unsigned category)
{
	const struct table *event = &layout->events[category], *more = &layout->more[category],
			   *shape = &layout->shapes[category];

	buffer_printf(sql, "CREATE TEMP TABLE like_%s AS SELECT e.sequence AS sequence, min(e.sequence) OVER (PARTITION BY e.shape",
		      event->name);
	append_partition(sql, shape, "e");
	buffer_printf(sql, ") AS shape FROM old_%s e;\n", event->name);
	buffer_printf(sql, "INSERT INTO %s SELECT e.sequence, s.kind, s.recorder_inferred, s.recorder_escaped", shape->name);
	append_sources(sql, shape, "e", "s", "");
	buffer_printf(sql,
		      "\nFROM like_%s l JOIN old_%s e ON e.sequence = l.sequence JOIN old_%s s ON s.id = e.shape "
		      "WHERE l.sequence = l.shape;\n",
		      event->name, event->name, shape->name);
	buffer_printf(sql, "INSERT INTO %s SELECT e.sequence, e.time - t.time, e.origin, e.process, l.shape", event->name);
	append_sources(sql, event, "e", "s", "t");
	buffer_printf(sql,
		      "\nFROM like_%s l JOIN old_%s e ON e.sequence = l.sequence JOIN old_%s s ON s.id = e.shape "
		      "JOIN tick t ON t.id = e.sequence >> 8 ORDER BY e.sequence;\n",
		      event->name, event->name, shape->name);
	if (more->n_columns == 0)
		return;
	buffer_printf(sql, "INSERT INTO %s SELECT e.sequence", more->name);
	append_sources(sql, more, "e", "s", "t");
	buffer_printf(sql,
		      "\nFROM old_%s e JOIN old_%s s ON s.id = e.shape JOIN tick t ON t.id = e.sequence >> 8 WHERE coalesce(NULL",
		      event->name, shape->name);
	append_sources(sql, more, "e", "s", "t");
	buffer_append_text(sql, ") IS NOT NULL ORDER BY e.sequence;\n");
}

static void migrate_processes(struct buffer *sql, const struct layout *layout)
{
	/* Which event ended an image: its exit, or the first that refers to the image it became. */
	buffer_printf(sql,
		      "CREATE TEMP TABLE exits (image INTEGER PRIMARY KEY, sequence INTEGER);\n"
		      "INSERT OR REPLACE INTO exits SELECT coalesce(p.image, p.id), e.sequence FROM old_event_process e "
		      "JOIN old_shape_process s ON s.id = e.shape JOIN old_process p ON p.id = e.process WHERE s.kind = %u;\n",
		      kinds[KIND_ID(process, exit)].number);
	buffer_append_text(sql, "CREATE TEMP TABLE like_process AS SELECT o.id AS id, min(o.id) OVER (PARTITION BY 1");
	append_partition(sql, &layout->program, "o");
	buffer_append_text(sql, ") AS program, min(o.id) OVER (PARTITION BY o.login");
	append_partition(sql, &layout->login, "o");
	buffer_append_text(sql, ") AS login FROM old_process o;\n");

	buffer_append_text(sql, "INSERT INTO program SELECT o.id");
	append_sources(sql, &layout->program, "o", "ol", "");
	buffer_append_text(sql, "\nFROM like_process l JOIN old_process o ON o.id = l.id WHERE l.id = l.program;\n"
				"INSERT INTO login SELECT o.id");
	append_sources(sql, &layout->login, "o", "ol", "");
	buffer_append_text(sql, "\nFROM like_process l JOIN old_process o ON o.id = l.id LEFT JOIN old_login ol ON ol.id = o.login "
				"WHERE l.id = l.login;\n"
				"INSERT OR IGNORE INTO tick SELECT sequence >> 8, coalesce(process_start, 0) FROM old_process;\n");
	buffer_printf(sql,
		      "INSERT INTO process SELECT o.id, o.sequence, o.image, NULL, o.parent, nullif(o.ancestry_cut, 0), l.program, "
		      "l.login, o.recorder_inferred, o.recorder_escaped,\n"
		      "\t%lld + iif(x.sequence IS NOT NULL, x.sequence << 1 | 1, coalesce(n.sequence << 1, 0))",
		      (long long)ENDED_BASE);
	append_sources(sql, &layout->process, "o", "ol", "t");
	buffer_append_text(sql, "\nFROM like_process l JOIN old_process o ON o.id = l.id JOIN tick t ON t.id = o.sequence >> 8\n"
				"LEFT JOIN exits x ON x.image = o.id LEFT JOIN process_end pe ON pe.process = o.id "
				"LEFT JOIN old_process n ON n.id = pe.next ORDER BY o.id;\n");
}

static void for_events(struct buffer *sql, const char *columns)
{
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		buffer_printf(sql, "%sSELECT %s, %u AS category FROM old_event_%s", i > 0 ? " UNION ALL " : "", columns, i,
			      categories[i].name);
}

static bool has_added(const struct table *table)
{
	for (size_t i = 0; i < ARRAY_SIZE(added); i++)
		if (table_has(table, added[i]))
			return true;
	return false;
}

/* Version 3 had all the tables that it shares with today's, but for some columns. */
static void add_columns(struct buffer *sql, const struct layout *layout)
{
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		const struct table *more = &layout->more[i];

		if (!has_added(more))
			continue;
		buffer_printf(sql, "ALTER TABLE %s RENAME TO old_%s;\n", more->name, more->name);
		schema_sql_table(sql, more);
		buffer_printf(sql, "INSERT INTO %s SELECT m.sequence", more->name);
		for (unsigned k = 0; k < more->n_columns; k++) {
			char name[FIELD_COLUMN_MAX];

			field_column((enum field)more->columns[k].field, name);
			if (is_added(more->columns[k].field))
				buffer_append_text(sql, ", NULL");
			else if (more->columns[k].kind == COLUMN_PATH)
				buffer_printf(sql, ", m.%s_dir, m.%s_name", name, name);
			else
				buffer_printf(sql, ", m.%s", name);
		}
		buffer_printf(sql, " FROM old_%s m ORDER BY 1;\nDROP TABLE old_%s;\n", more->name, more->name);
	}
}

int migrate_sql(struct buffer *sql, const struct layout *layout, int64_t version)
{
	static const char *const shared[] = { "process", "login", "text", "block" };
	static const char *const gone[] = { "like_process", "exits" };

	if (version < 1 || version >= SCHEMA_VERSION)
		return -EBADMSG;
	if (version == 3) {
		schema_sql_drop_views(sql);
		schema_sql_retention(sql);
		add_columns(sql, layout);
		return 0;
	}
	/* The views refer to tables that are renamed now; a person's own are left, and find the new ones. */
	buffer_append_text(sql, "PRAGMA legacy_alter_table = ON;\n");
	schema_sql_drop_views(sql);
	if (version == 1)
		buffer_append_text(sql, "DROP TABLE signal;\nCREATE TABLE event_signal AS SELECT * FROM event_recorder WHERE 0;\n"
					"CREATE TABLE shape_signal AS SELECT * FROM shape_recorder WHERE 0;\n");
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		buffer_printf(sql, "ALTER TABLE %s RENAME TO old_%s;\n", shared[i], shared[i]);
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		buffer_printf(sql, "ALTER TABLE event_%s RENAME TO old_event_%s;\nALTER TABLE shape_%s RENAME TO old_shape_%s;\n",
			      categories[i].name, categories[i].name, categories[i].name, categories[i].name);
	schema_sql_tables(sql, layout);
	buffer_append_text(sql, "INSERT INTO text SELECT id, coalesce(escaped, 0), value FROM old_text ORDER BY id;\n"
				"INSERT INTO tick SELECT sequence >> 8 AS id, min(time) FROM (");
	for_events(sql, "sequence, time");
	buffer_append_text(sql, ") GROUP BY 1;\nINSERT INTO block SELECT sequence >> 12 AS id, min(time), max(time), NULL FROM (");
	for_events(sql, "sequence, time");
	buffer_append_text(sql, ") GROUP BY 1;\nINSERT INTO content SELECT sequence >> 12 AS id, category, count(*), count(*) * 50 FROM (");
	for_events(sql, "sequence");
	buffer_append_text(sql, ") GROUP BY 1, 2;\n");
	migrate_processes(sql, layout);
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		if (version > 1 || i != CATEGORY_signal)
			migrate_category(sql, layout, i);
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		buffer_printf(sql, "DROP TABLE old_event_%s;\nDROP TABLE old_shape_%s;\nDROP TABLE IF EXISTS like_event_%s;\n",
			      categories[i].name, categories[i].name, categories[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		buffer_printf(sql, "DROP TABLE old_%s;\n", shared[i]);
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
		buffer_printf(sql, "DROP TABLE %s;\n", gone[i]);
	buffer_append_text(sql, "DROP TABLE process_end;\nPRAGMA legacy_alter_table = OFF;\n");
	return 0;
}
