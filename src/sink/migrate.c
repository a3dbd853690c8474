/* See migrate.h.
 *
 * Versions 1 and 2 had one row an event with all its columns, a row of process with those of its program, absolute times, and
 * a table process_end. What is now shared by rows that are alike is found by window functions over the old tables: the least id
 * of its like is the id of all. The columns have the names that they had; which table of old had a field follows from its type,
 * as it did then.
 *
 * Version 1 had no events of signals, and a table of them that nobody wrote to. Version 3 had all that version 4 has but what keeps
 * the file within its bound; all that it holds becomes one chapter. Version 4 had no tables of
 * sessions and hashes; its columns of hashes were empty. Version 5 had no definitions of services and tasks. Version 6
 * had no hashes of scripts, columns for those of drivers that were empty, not what changed of an account, nothing of HTTP,
 * no files in events of security, and neither namespaces nor supplementary groups of processes. Version 7 had the end of an image in
 * four bytes, version 8 nothing of secrets that were replaced. */

#include "sink/migrate.h"

#include <errno.h>
#include <stdio.h>

#include "sink/digest_table.h"
#include "sink/schema_sql.h"
#include "sink/session_table.h"

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

/* Fields that a version was the first to have, in the events of these categories (0: all; and in contexts). */
static const struct {
	uint16_t field, categories;
	int64_t version;
} added[] = {
	{ FIELD_read_count, 0, 4 },	{ FIELD_read_first, 0, 4 },	{ FIELD_read_last, 0, 4 },
	{ FIELD_login_service, 0, 5 },	{ FIELD_login_leader, 0, 5 },	{ FIELD_hash_id, 0, 5 },
	{ FIELD_exe_changed, 0, 5 },	{ FIELD_dll_device, 0, 5 },	{ FIELD_dll_changed, 0, 5 },
	{ FIELD_dll_hash_id, 0, 5 },	{ FIELD_file_changed, 0, 5 },	{ FIELD_file_entropy, 0, 5 },
	{ FIELD_file_header, 0, 5 },	{ FIELD_file_hash_id, 0, 5 },	{ FIELD_file_hash_state, 0, 5 },
	{ FIELD_file_md5, 0, 5 },	{ FIELD_file_sha1, 0, 5 },	{ FIELD_file_sha256, 0, 5 },
	{ FIELD_path, 1u << CATEGORY_recorder, 5 },   { FIELD_inode, 1u << CATEGORY_recorder, 5 },
	{ FIELD_device, 1u << CATEGORY_recorder, 5 }, { FIELD_size, 1u << CATEGORY_recorder, 5 },
	{ FIELD_mtime, 1u << CATEGORY_recorder, 5 },
	{ FIELD_content, 0, 6 },		      { FIELD_path, 1u << CATEGORY_system, 6 },
	{ FIELD_size, 1u << CATEGORY_system, 6 },     { FIELD_mtime, 1u << CATEGORY_system, 6 },
	{ FIELD_file_hash_state, 1u << CATEGORY_system, 6 }, { FIELD_file_sha256, 1u << CATEGORY_system, 6 },
	{ FIELD_security_changes, 0, 7 },		      { FIELD_namespaces, 0, 7 },
	{ FIELD_groups, 0, 7 },
	{ FIELD_script_hash_id, 0, 7 },		      { FIELD_driver_hash_id, 0, 7 },
	{ FIELD_file_tlsh, 0, 7 },		      { FIELD_content, 1u << CATEGORY_recorder, 7 },
	{ FIELD_http_version, 0, 7 },			 { FIELD_http_status, 0, 7 },
	{ FIELD_transport, 1u << CATEGORY_http, 7 },	 { FIELD_network_type, 1u << CATEGORY_http, 7 },
	{ FIELD_direction, 1u << CATEGORY_http, 7 },	 { FIELD_source_ip, 1u << CATEGORY_http, 7 },
	{ FIELD_source_port, 1u << CATEGORY_http, 7 },	 { FIELD_destination_ip, 1u << CATEGORY_http, 7 },
	{ FIELD_destination_port, 1u << CATEGORY_http, 7 },
	{ FIELD_access_count, 0, 7 },	{ FIELD_access_first, 0, 7 },	{ FIELD_access_last, 0, 7 },
	{ FIELD_device_number, 0, 7 },
	{ FIELD_path, 1u << CATEGORY_security, 7 },   { FIELD_inode, 1u << CATEGORY_security, 7 },
	{ FIELD_device, 1u << CATEGORY_security, 7 }, { FIELD_mode, 1u << CATEGORY_security, 7 },
	{ FIELD_file_uid, 1u << CATEGORY_security, 7 }, { FIELD_file_gid, 1u << CATEGORY_security, 7 },
	{ FIELD_file_type, 1u << CATEGORY_security, 7 }, { FIELD_flags, 1u << CATEGORY_security, 7 },
	{ FIELD_path_confidence, 1u << CATEGORY_security, 7 }, { FIELD_dirfd, 1u << CATEGORY_security, 7 },
	{ FIELD_given_path, 1u << CATEGORY_security, 7 },
	{ FIELD_redacted, 0, 9 },
};

#define CONTEXT N_CATEGORIES		/* a table of contexts, of no category */

/* Since `version`. */
static bool is_added(unsigned field, unsigned category, int64_t version)
{
	for (size_t i = 0; i < ARRAY_SIZE(added); i++)
		if (added[i].field == field && added[i].version > version &&
		    (added[i].categories == 0 || (category < N_CATEGORIES && added[i].categories >> category & 1)))
			return true;
	return false;
}

/* A time that is counted from another today: both were counted from the same moment. `of`: the table with the time of the event, if
 * that is not in the row. */
static void append_near(struct buffer *sql, const struct column *column, const char *from, const char *own, const char *of)
{
	char name[FIELD_COLUMN_MAX];

	if (column->base != FIELD_NONE) {
		field_column((enum field)column->base, name);
		buffer_printf(sql, "coalesce(%s.%s, ", from, name);
	}
	if (of)
		buffer_printf(sql, "(SELECT time FROM %s WHERE sequence = %s.sequence)", of, own);
	else
		buffer_printf(sql, "%s.time", own);
	field_column((enum field)column->field, name);
	buffer_printf(sql, "%s - %s.%s", column->base != FIELD_NONE ? ")" : "", from, name);
}

/* A column of today, from row `own` of old (event or process) or row `shared` (shape or login). */
static void append_source(struct buffer *sql, const struct column *column, unsigned category, const char *own, const char *shared,
			  const char *tick)
{
	unsigned field = column->field;
	const char *from = was_shared(field) ? shared : own;
	char name[FIELD_COLUMN_MAX];

	field_column((enum field)field, name);
	if (is_added(field, category, 2))
		buffer_append_text(sql, column->kind == COLUMN_PATH ? "NULL, NULL" : "NULL");
	else if (column->kind == COLUMN_PATH)
		buffer_printf(sql, "%s.%s_dir, %s.%s_name", from, name, from, name);
	else if (column->kind == COLUMN_TIME)
		buffer_printf(sql, "%s.%s - %s.time", from, name, tick);
	else if (column->kind == COLUMN_TIME_BEFORE)
		append_near(sql, column, from, own, NULL);
	else if (column->kind == COLUMN_TEXT && !was_shared(field) && fields[field].type == TYPE_PATH)
		buffer_printf(sql,
			      "iif(%s.%s_dir IS NULL, %s.%s_name, (SELECT value FROM text WHERE id = %s.%s_dir) || '/' || %s.%s_name)",
			      from, name, from, name, from, name, from, name);
	else if (column->kind == COLUMN_TEXT && !was_shared(field) && fields[field].type == TYPE_TEXT)
		buffer_printf(sql, "(SELECT value FROM text WHERE id = %s.%s)", from, name);
	else
		buffer_printf(sql, "%s.%s", from, name);
}

static void append_sources(struct buffer *sql, const struct table *table, unsigned category, const char *own, const char *shared,
			   const char *tick)
{
	for (unsigned i = 0; i < table->n_columns; i++) {
		buffer_append_text(sql, ",\n\t");
		append_source(sql, &table->columns[i], category, own, shared, tick);
	}
}

/* `, o.a, o.b`: what the columns of a table that is shared today depend on in the old row. */
static void append_partition(struct buffer *sql, const struct table *table, unsigned category, const char *own)
{
	for (unsigned i = 0; i < table->n_columns; i++) {
		unsigned field = table->columns[i].field;
		char name[FIELD_COLUMN_MAX];

		if (was_shared(field) || is_added(field, category, 2))
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
	append_partition(sql, shape, category, "e");
	buffer_printf(sql, ") AS shape FROM old_%s e;\n", event->name);
	buffer_printf(sql, "INSERT INTO %s SELECT e.sequence, s.kind, s.recorder_inferred, s.recorder_escaped", shape->name);
	append_sources(sql, shape, category, "e", "s", "");
	buffer_printf(sql,
		      "\nFROM like_%s l JOIN old_%s e ON e.sequence = l.sequence JOIN old_%s s ON s.id = e.shape "
		      "WHERE l.sequence = l.shape;\n",
		      event->name, event->name, shape->name);
	buffer_printf(sql, "INSERT INTO %s SELECT e.sequence, e.time - t.time, e.origin, e.process, l.shape", event->name);
	append_sources(sql, event, category, "e", "s", "t");
	buffer_printf(sql,
		      "\nFROM like_%s l JOIN old_%s e ON e.sequence = l.sequence JOIN old_%s s ON s.id = e.shape "
		      "JOIN tick t ON t.id = e.sequence >> 8 ORDER BY e.sequence;\n",
		      event->name, event->name, shape->name);
	if (more->n_columns == 0)
		return;
	buffer_printf(sql, "INSERT INTO %s SELECT e.sequence", more->name);
	append_sources(sql, more, category, "e", "s", "t");
	buffer_printf(sql,
		      "\nFROM old_%s e JOIN old_%s s ON s.id = e.shape JOIN tick t ON t.id = e.sequence >> 8 WHERE coalesce(NULL",
		      event->name, shape->name);
	append_sources(sql, more, category, "e", "s", "t");
	buffer_append_text(sql, ") IS NOT NULL ORDER BY e.sequence;\n");
}

/* The columns of login that stood in the row of each process. */
#define REMARKS                                                                                                            \
	", coalesce(o.ancestry_cut, 0), (SELECT value FROM text WHERE id = o.recorder_inferred), "                         \
	"(SELECT value FROM text WHERE id = o.recorder_escaped)"

static void migrate_processes(struct buffer *sql, const struct layout *layout)
{
	/* Which event ended an image: its exit, or the first that refers to the image it became. */
	buffer_printf(sql,
		      "CREATE TEMP TABLE exits (image INTEGER PRIMARY KEY, sequence INTEGER);\n"
		      "INSERT OR REPLACE INTO exits SELECT coalesce(p.image, p.id), e.sequence FROM old_event_process e "
		      "JOIN old_shape_process s ON s.id = e.shape JOIN old_process p ON p.id = e.process WHERE s.kind = %u;\n",
		      kinds[KIND_ID(process, exit)].number);
	buffer_append_text(sql, "CREATE TEMP TABLE like_process AS SELECT o.id AS id, min(o.id) OVER (PARTITION BY 1");
	append_partition(sql, &layout->program, CONTEXT, "o");
	buffer_append_text(sql, ") AS program, min(o.id) OVER (PARTITION BY o.login, o.ancestry_cut, o.recorder_inferred, o.recorder_escaped");
	append_partition(sql, &layout->login, CONTEXT, "o");
	buffer_append_text(sql, ") AS login FROM old_process o;\n");

	buffer_append_text(sql, "INSERT INTO program SELECT o.id, NULL, NULL");
	append_sources(sql, &layout->program, CONTEXT, "o", "ol", "");
	buffer_append_text(sql, "\nFROM like_process l JOIN old_process o ON o.id = l.id WHERE l.id = l.program;\n"
				"INSERT INTO login SELECT o.id" REMARKS);
	append_sources(sql, &layout->login, CONTEXT, "o", "ol", "");
	buffer_append_text(sql, "\nFROM like_process l JOIN old_process o ON o.id = l.id LEFT JOIN old_login ol ON ol.id = o.login "
				"WHERE l.id = l.login;\n"
				"INSERT OR IGNORE INTO tick SELECT sequence >> 8, coalesce(process_start, 0) FROM old_process;\n");
	buffer_printf(sql,
		      "INSERT INTO process SELECT o.id, o.sequence, o.image, NULL, o.parent, l.program, l.login,\n"
		      "\tcoalesce(%lld - o.sequence * 2 + iif(x.sequence IS NOT NULL, x.sequence * 2 + 1, n.sequence * 2), %lld)",
		      (long long)ENDED_BASE, (long long)ENDED_NONE);
	append_sources(sql, &layout->process, CONTEXT, "o", "ol", "t");
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

/* Until version 4 those times were counted from the tick, as all others. */
static bool is_other(const struct column *column, unsigned category, int64_t version)
{
	return (column->kind == COLUMN_TIME_BEFORE && version < 5) || is_added(column->field, category, version);
}

/* Such a column of row m. */
static void append_recent(struct buffer *sql, const struct column *column, unsigned category, int64_t version, const char *of)
{
	bool is_path = column->kind == COLUMN_PATH;
	char name[FIELD_COLUMN_MAX];

	field_column((enum field)column->field, name);
	buffer_append_text(sql, ", ");
	if (is_added(column->field, category, version))
		buffer_append_text(sql, is_path ? "NULL, NULL" : "NULL");
	else if (is_path)
		buffer_printf(sql, "m.%s_dir, m.%s_name", name, name);
	else if (column->kind == COLUMN_TIME_BEFORE && version < 5)
		append_near(sql, column, "m", "m", of);
	else
		buffer_printf(sql, "m.%s", name);
}

static void append_recents(struct buffer *sql, const struct table *table, unsigned category, int64_t version, const char *of)
{
	for (unsigned i = 0; i < table->n_columns; i++)
		append_recent(sql, &table->columns[i], category, version, of);
}

static bool has_others(const struct table *table, unsigned category, int64_t version)
{
	for (unsigned i = 0; i < table->n_columns; i++)
		if (is_other(&table->columns[i], category, version))
			return true;
	return false;
}

/* A table of which some columns were not there; what it had besides goes. */
static void add_columns(struct buffer *sql, const struct table *table, unsigned category, const char *fixed, int64_t version)
{
	bool is_of_event = strncmp(table->name, "event_", strlen("event_")) == 0;
	char of[64];

	if (!has_others(table, category, version))
		return;
	buffer_printf(sql, "ALTER TABLE %s RENAME TO old_%s;\n", table->name, table->name);
	schema_sql_table(sql, table);
	buffer_printf(sql, "INSERT INTO %s SELECT %s", table->name, fixed);
	snprintf(of, sizeof(of), "event_%s", category < N_CATEGORIES ? categories[category].name : "");
	append_recents(sql, table, category, version, is_of_event ? NULL : of);
	buffer_printf(sql, " FROM old_%s m ORDER BY 1;\nDROP TABLE old_%s;\n", table->name, table->name);
}

/* The first process of a kind gives its number to the login that all of them have: each chapter has its own of both. */
static void migrate_logins(struct buffer *sql, const struct layout *layout, int64_t version)
{
	buffer_append_text(sql, "CREATE TEMP TABLE like_login AS SELECT id, min(id) OVER (PARTITION BY login, ancestry_cut, "
				"recorder_inferred, recorder_escaped) AS login FROM process;\n"
				"CREATE UNIQUE INDEX temp.like_login_by_id ON like_login (id);\n"
				"ALTER TABLE login RENAME TO old_login;\n");
	schema_sql_table(sql, &layout->login);
	buffer_append_text(sql, "INSERT INTO login SELECT o.id" REMARKS);
	append_recents(sql, &layout->login, CONTEXT, version, NULL);
	buffer_append_text(sql, " FROM like_login l JOIN process o ON o.id = l.id LEFT JOIN old_login m ON m.id = o.login "
				"WHERE l.id = l.login ORDER BY 1;\nDROP TABLE old_login;\nUPDATE chapter SET login = process;\n"
				"ALTER TABLE program RENAME TO old_program;\n");
	schema_sql_table(sql, &layout->program);
	buffer_append_text(sql, "INSERT INTO program SELECT m.id, NULL, NULL");
	append_recents(sql, &layout->program, CONTEXT, version, NULL);
	buffer_append_text(sql, " FROM old_program m ORDER BY 1;\nDROP TABLE old_program;\n");
}

/* Until version 4 the end of an image was told by the number of the event, on top of 1 << 40. */
static void migrate_recent_processes(struct buffer *sql, const struct layout *layout)
{
	buffer_append_text(sql, "ALTER TABLE process RENAME TO old_process;\n");
	schema_sql_table(sql, &layout->process);
	buffer_printf(sql,
		      "INSERT INTO process SELECT m.id, m.sequence, m.image, m.first, m.parent, m.program, l.login, "
		      "iif(m.ended = 1 << 40, %lld, m.ended - (1 << 40) + %lld - m.sequence * 2)",
		      (long long)ENDED_NONE, (long long)ENDED_BASE);
	append_recents(sql, &layout->process, CONTEXT, SCHEMA_VERSION, NULL);
	buffer_append_text(sql, " FROM old_process m JOIN like_login l ON l.id = m.id ORDER BY 1;\n"
				"DROP TABLE old_process;\nDROP TABLE like_login;\n");
}

/* Until version 7 it was on top of 1 << 30. */
static void migrate_ends(struct buffer *sql)
{
	buffer_printf(sql, "UPDATE process SET ended = iif(ended = 1 << 29, %lld, ended - (1 << 30) + %lld);\n", (long long)ENDED_NONE,
		      (long long)ENDED_BASE);
}

/* The life of a process was a column of its event: what does not follow stands in more_process now, the others too. */
static void migrate_durations(struct buffer *sql, const struct layout *layout, int64_t version)
{
	const struct table *event = &layout->events[CATEGORY_process], *more = &layout->more[CATEGORY_process];

	buffer_append_text(sql, "ALTER TABLE event_process RENAME TO old_event_process;\n"
				"ALTER TABLE more_process RENAME TO old_more_process;\n");
	schema_sql_table(sql, event);
	schema_sql_table(sql, more);
	buffer_append_text(sql, "INSERT INTO event_process SELECT m.sequence, m.time, m.origin, m.process, m.shape");
	append_recents(sql, event, CATEGORY_process, version, NULL);
	buffer_append_text(sql, " FROM old_event_process m ORDER BY 1;\nINSERT INTO more_process SELECT e.sequence");
	for (unsigned i = 0; i < more->n_columns; i++)
		if (more->columns[i].field == FIELD_duration)
			buffer_printf(sql, ", iif(s.kind = %u, coalesce(e.event_duration, %lld), e.event_duration)",
				      kinds[KIND_ID(process, exit)].number, (long long)NOTHING_KNOWN);
		else
			append_recent(sql, &more->columns[i], CATEGORY_process, version, "event_process");
	buffer_printf(sql,
		      " FROM old_event_process e LEFT JOIN old_more_process m ON m.sequence = e.sequence "
		      "LEFT JOIN shape_process s ON s.id = e.shape WHERE m.sequence IS NOT NULL OR e.event_duration IS NOT NULL OR s.kind = %u "
		      "ORDER BY 1;\nDROP TABLE old_event_process;\nDROP TABLE old_more_process;\n",
		      kinds[KIND_ID(process, exit)].number);
}

/* Since version 3 there are all the tables that are shared with today's, but for some columns. */
static void migrate_recent(struct buffer *sql, const struct layout *layout, int64_t version)
{
	/* A person's own views are left, and find the new tables. */
	buffer_append_text(sql, "PRAGMA legacy_alter_table = ON;\n");
	schema_sql_drop_views(sql);
	if (version == 3)
		schema_sql_retention(sql);
	if (version < 5) {
		session_table_sql(sql);
		digest_table_sql(sql);
		migrate_logins(sql, layout, version);
		migrate_recent_processes(sql, layout);
		migrate_durations(sql, layout, version);
	} else {
		if (version < 8)
			migrate_ends(sql);
		add_columns(sql, &layout->program, CONTEXT, "m.id, m.begins_as, m.begins_size", version);
		add_columns(sql, &layout->login, CONTEXT, "m.id, m.ancestry_cut, m.recorder_inferred, m.recorder_escaped", version);
	}
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		add_columns(sql, &layout->shapes[i], i, "m.id, m.kind, m.recorder_inferred, m.recorder_escaped", version);
		if (i == CATEGORY_process && version < 5)
			continue;
		add_columns(sql, &layout->more[i], i, "m.sequence", version);
		add_columns(sql, &layout->events[i], i, "m.sequence, m.time, m.origin, m.process, m.shape", version);
	}
	buffer_append_text(sql, "PRAGMA legacy_alter_table = OFF;\n");
}

int migrate_sql(struct buffer *sql, const struct layout *layout, int64_t version)
{
	static const char *const shared[] = { "process", "login", "text", "block" };
	static const char *const gone[] = { "like_process", "exits" };

	if (version < 1 || version >= SCHEMA_VERSION)
		return -EBADMSG;
	if (version >= 3) {
		migrate_recent(sql, layout, version);
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
