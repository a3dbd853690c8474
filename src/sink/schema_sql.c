/* See schema_sql.h.  Every column and view comes from the tables of fields, kinds and categories; `.schema`
 * of the sqlite3 shell shows what each means. The views are the contract (docs/DATABASE.md), the tables may
 * change.
 *
 * The views hold nothing that keeps SQLite from flattening them (no DISTINCT, no aggregate, one type a
 * column), so that the newest events are read from the end of the tables and not sorted. */

#include "sink/schema_sql.h"

#include "sink/chain.h"
#include "sink/chapter.h"
#include "sink/digest_table.h"
#include "sink/session_table.h"

#include <stdio.h>

/* What the view shows for a number X of the base table; %X% stands for it. NULL: X itself. */
static const char *const number_sql[TYPE_IP + 1] = {
	[TYPE_U64] = "iif(%X% < 0, printf('%u', %X%), %X%)",
	[TYPE_ID] = "iif(%X% IS NULL, NULL, printf('%016x', %X%))",
	[TYPE_TIME] =
		"strftime('%Y-%m-%dT%H:%M:%S', %X% / 1000000000, 'unixepoch') || printf('.%09dZ', %X% % 1000000000)",
	[TYPE_MODE] = "iif(%X% IS NULL, NULL, printf('%04o', %X%))",
	/* gnu_dev_major, gnu_dev_minor of glibc (sysdeps/unix/sysv/linux: bits/sysmacros.h). */
	[TYPE_DEVICE] =
		"iif(%X% IS NULL, NULL, printf('%u:%u', ((%X% >> 8) & 4095) | ((%X% >> 32) & 4294963200), "
		"(%X% & 255) | ((%X% >> 12) & 4294967040)))",
};

/* Fields that the view shows otherwise than their type says, as the JSON does. */
static const struct {
	uint16_t field;
	const char *sql;
} own_sql[] = {
	{ FIELD_auid, "nullif(%X%, 4294967295)" },
	{ FIELD_ses, "nullif(%X%, 4294967295)" },
	{ FIELD_completeness, "coalesce(%X%, 'full')" },
};

static void append_template(struct buffer *sql, const char *template, const char *x)
{
	const char *hole;

	while ((hole = strstr(template, "%X%"))) {
		buffer_append(sql, template, (size_t)(hole - template));
		buffer_append_text(sql, x);
		template = hole + 3;
	}
	buffer_append_text(sql, template);
}

/* The names that a table has in a view, and the tick that its times are counted from. */
struct from {
	const char *alias, *tick;
};

/* A path that stands in the row, or in an event before it. */
static void append_path(struct buffer *sql, const struct column *column, const char *x, const struct from *from,
			const struct table *table)
{
	buffer_append_text(sql, column->path ? "CASE WHEN typeof(" : "iif(");
	if (column->path) {
		buffer_printf(sql, "%s_name) = 'integer' THEN (SELECT CASE %s_name & 1", x, x);
		for (unsigned i = 0; i < table->n_columns; i++) {
			char name[FIELD_COLUMN_MAX];

			if (!table->columns[i].path)
				continue;
			field_column((enum field)table->columns[i].field, name);
			buffer_printf(
				sql,
				" WHEN %u THEN iif(r.%s_dir IS NULL, r.%s_name, (SELECT value FROM text WHERE id = r.%s_dir) || '/' || r.%s_name)",
				table->columns[i].path - 1, name, name, name, name);
		}
		buffer_printf(sql, " END FROM %s r WHERE r.sequence = %s.sequence - (%s_name >> 1)) ELSE iif(", table->name,
			      from->alias, x);
	}
	buffer_printf(sql, "%s_dir IS NULL, %s_name, (SELECT value FROM text WHERE id = %s_dir) || '/' || %s_name)", x, x, x,
		      x);
	if (column->path)
		buffer_append_text(sql, " END");
}

bool schema_sql_column(struct buffer *sql, unsigned field, const char *alias)
{
	if (field == FIELD_ppid)
		buffer_printf(sql,
			      "nullif(coalesce(%s.process_parent_pid, (SELECT qf.process_pid FROM process q JOIN process qf "
			      "ON qf.id = coalesce(q.first, q.id) WHERE q.id = %s.parent)), %lld)",
			      alias, alias, (long long)NOTHING_KNOWN);
	else if (field == FIELD_command_line)
		buffer_printf(sql,
			      "iif(%s.begins_as IS NULL, %s.process_command_line, (SELECT substr(b.process_command_line, 1, %s.begins_size) "
			      "FROM program b WHERE b.id = %s.begins_as) || %s.process_command_line)",
			      alias, alias, alias, alias, alias);
	else
		return false;
	return true;
}

/* The life of a process follows from its start, where the row does not say otherwise. */
static void append_duration(struct buffer *sql)
{
	buffer_printf(sql,
		      "iif(m.event_duration IS NULL AND s.kind = %u, "
		      "iif(t.time + e.time >= ft.time + f.process_start, t.time + e.time - ft.time - f.process_start, NULL), "
		      "nullif(m.event_duration, %lld))",
		      kinds[KIND_ID(process, exit)].number, (long long)NOTHING_KNOWN);
}

/* A time that is counted from that of the event, or from another that is. */
static void print_near(char *x, size_t size, const struct column *column, const struct from *from)
{
	char name[FIELD_COLUMN_MAX], base[FIELD_COLUMN_MAX];

	field_column((enum field)column->field, name);
	if (column->base == FIELD_NONE) {
		snprintf(x, size, "(%s.time + e.time - %s.%s)", from->tick, from->alias, name);
		return;
	}
	field_column((enum field)column->base, base);
	snprintf(x, size, "(%s.time + e.time - coalesce(%s.%s, 0) - %s.%s)", from->tick, from->alias, base, from->alias, name);
}

/* One field as the view shows it. */
static void append_value(struct buffer *sql, const struct table *table, unsigned field, const struct from *from)
{
	const struct column *column = &table->columns[table->column_of[field]];
	const char *alias = from->alias;
	const char *template = number_sql[fields[field].type];
	char name[FIELD_COLUMN_MAX];
	char x[3 * FIELD_COLUMN_MAX];

	field_column((enum field)field, name);
	if (column->kind == COLUMN_TIME)
		snprintf(x, sizeof(x), "(%s.time + %s.%s)", from->tick, alias, name);
	else if (column->kind == COLUMN_TIME_BEFORE)
		print_near(x, sizeof(x), column, from);
	else
		snprintf(x, sizeof(x), "%s.%s", alias, name);
	for (unsigned i = 0; i < ARRAY_SIZE(own_sql); i++)
		if (own_sql[i].field == field)
			template = own_sql[i].sql;
	if (schema_sql_column(sql, field, alias))
		return;
	if (field == FIELD_duration && strcmp(alias, "m") == 0)
		append_duration(sql);
	else if (field == FIELD_auid_name)
		buffer_printf(sql, "iif(%s.user_audit_id = 4294967295, 'unset', %s)", alias, x);
	else if (field == FIELD_args) {
		/* 0: as command_line, split at blanks. */
		buffer_printf(sql, "iif(%s = 0, '[' || replace(json_quote(", x);
		schema_sql_column(sql, FIELD_command_line, alias);
		buffer_printf(sql, "), ' ', '\",\"') || ']', (SELECT value FROM text WHERE id = %s))", x);
	}
	else if (column->kind == COLUMN_TEXT_ID)
		buffer_printf(sql, "(SELECT value FROM text WHERE id = %s)", x);
	else if (column->kind == COLUMN_PATH)
		append_path(sql, column, x, from, table);
	else if (column->kind == COLUMN_DIGEST)
		buffer_printf(sql, "(SELECT printf('%%016x', hash_id) FROM digest WHERE id = %s)", x);
	else if (template)
		append_template(sql, template, x);
	else
		buffer_append_text(sql, x);
}

/* What the row of digest says that the column names. */
static void append_digest(struct buffer *sql, unsigned id, const struct from *from)
{
	char by[FIELD_COLUMN_MAX], name[FIELD_COLUMN_MAX];

	field_column((enum field)id, by);
	for (size_t i = 0; i < N_DIGEST_GROUPS; i++)
		for (size_t k = 0; k < N_DIGEST_COLUMNS && digest_groups[i].id == id; k++) {
			field_column(digest_groups[i].fields[k], name);
			buffer_printf(sql, ",\n\t(SELECT %s FROM digest WHERE id = %s.%s) AS %s", digest_columns[k], from->alias, by, name);
		}
}

static void append_column(struct buffer *sql, const struct table *table, unsigned field, const struct from *from)
{
	char name[FIELD_COLUMN_MAX];

	field_column((enum field)field, name);
	buffer_append_text(sql, ",\n\t");
	append_value(sql, table, field, from);
	buffer_printf(sql, " AS %s", name);
	append_digest(sql, field, from);
}

static void append_columns(struct buffer *sql, const struct table *table, const struct from *from)
{
	for (unsigned i = 0; i < table->n_columns; i++)
		append_column(sql, table, table->columns[i].field, from);
}

/* Rows of process, and what belongs to them: p the image, f the first of the process, g its program, l its login, t the tick of
 * the first. `_parent`: those of the parent. */
#define JOIN_PROCESS                                                                                               \
	"LEFT JOIN process f ON f.id = coalesce(p.first, p.id) LEFT JOIN tick ft ON ft.id = f.sequence >> 8\n"       \
	"LEFT JOIN program g ON g.id = p.program LEFT JOIN login l ON l.id = p.login\n"                              \
	"LEFT JOIN process parent ON parent.id = f.parent LEFT JOIN program pg ON pg.id = parent.program\n"          \
	"LEFT JOIN process pf ON pf.id = coalesce(parent.first, parent.id)"

static const struct from image = { "p", "ft" }, first = { "f", "ft" }, program = { "g", NULL }, login = { "l", NULL };

/* All fields of a context but those of login, in the order of the table of fields. */
static void append_process(struct buffer *sql, const struct layout *layout)
{
	for (unsigned field = 0; field < N_CONTEXT_FIELDS; field++)
		if (field == FIELD_exec_count)
			append_column(sql, &layout->process, field, &image);
		else if (table_has(&layout->process, field))
			append_column(sql, &layout->process, field, &first);
		else if (table_has(&layout->program, field))
			append_column(sql, &layout->program, field, &program);
}

static void append_time(struct buffer *sql, const char *x, const char *name)
{
	buffer_append_text(sql, ",\n\t");
	append_template(sql, number_sql[TYPE_TIME], x);
	buffer_printf(sql, " AS %s,\n\t%s AS %s_ns", name, x, name);
}

/* Two JSON arrays as one; NULL where both are. */
static void append_both_lists(struct buffer *sql, const char *a, const char *b, const char *name)
{
	buffer_printf(
		sql,
		",\n\tiif(%s IS NULL, %s, iif(%s IS NULL, %s, rtrim(%s, ']') || ',' || ltrim(%s, '['))) AS %s",
		a, b, b, a, a, b, name);
}

void schema_sql_table(struct buffer *sql, const struct table *table)
{
	buffer_printf(sql, "CREATE TABLE %s (\n%s", table->name, table->fixed);
	for (unsigned i = 0; i < table->n_columns; i++) {
		unsigned field = table->columns[i].field;
		char name[FIELD_COLUMN_MAX];

		field_column((enum field)field, name);
		switch ((enum column_kind)table->columns[i].kind) {
		case COLUMN_NUMBER:
		case COLUMN_TIME:
			buffer_printf(sql, ", %s INTEGER -- %s\n", name, fields[field].meaning);
			break;
		case COLUMN_TIME_BEFORE:
			buffer_printf(sql, ", %s INTEGER -- ns before the time of the event, or before the first: %s\n", name, fields[field].meaning);
			break;
		case COLUMN_DIGEST:
			buffer_printf(sql, ", %s INTEGER -- digest: %s\n", name, fields[field].meaning);
			break;
		case COLUMN_TEXT:
			buffer_printf(sql, ", %s TEXT -- %s\n", name, fields[field].meaning);
			break;
		case COLUMN_TEXT_ID:
			buffer_printf(sql, ", %s INTEGER -- text: %s%s\n", name, fields[field].meaning,
				      field == FIELD_args ? "; 0: as command_line, split at single blanks"
							  : "");
			break;
		case COLUMN_PATH:
			buffer_printf(sql, ", %s_dir INTEGER -- text: folder of: %s\n, %s_name%s\n", name,
				      fields[field].meaning, name,
				      table->columns[i].path
					      ? " -- or a number: it stands in the event that is so many numbers << 1 before, + 1: as its second path"
					      : " TEXT");
		}
	}
	buffer_append_text(sql, ");\n");
}

/* Columns of the parent that events and processes show. */
static void append_parent(struct buffer *sql, const struct layout *layout)
{
	static const uint16_t shown[] = { FIELD_entity_id, FIELD_name, FIELD_executable, FIELD_command_line };
	static const struct from parent_first = { "pf", NULL }, parent_program = { "pg", NULL };

	for (unsigned i = 0; i < ARRAY_SIZE(shown); i++) {
		bool is_program = table_has(&layout->program, shown[i]);
		char name[FIELD_COLUMN_MAX];

		field_column((enum field)shown[i], name);
		buffer_append_text(sql, ",\n\t");
		append_value(sql, is_program ? &layout->program : &layout->process, shown[i],
			     is_program ? &parent_program : &parent_first);
		buffer_printf(sql, " AS process_parent_%s", name + strlen("process_"));
	}
}

static void append_action(struct buffer *sql, unsigned category)
{
	buffer_append_text(sql, ",\n\tCASE s.kind");
	for (unsigned i = 0; i < N_KINDS; i++)
		if (kinds[i].category == category)
			buffer_printf(sql, " WHEN %u THEN '%s'", kinds[i].number, kinds[i].action);
	buffer_append_text(sql, " END AS action");
}

static void append_category_view(struct buffer *sql, const struct layout *layout, unsigned category)
{
	const char *name = categories[category].name;
	const struct from row = { "e", "t" }, more = { "m", "t" }, shape = { "s", NULL };

	buffer_printf(sql, "CREATE VIEW %s_events AS SELECT\n\te.sequence AS sequence", name);
	append_time(sql, "(t.time + e.time)", "time");
	buffer_printf(sql, ",\n\tprintf('%%x-%%x', t.time + e.time, e.origin) AS event_id,\n\t'%s' AS category", name);
	append_action(sql, category);
	append_columns(sql, &layout->shapes[category], &shape);
	append_columns(sql, &layout->events[category], &row);
	append_columns(sql, &layout->more[category], &more);
	buffer_append_text(sql, ",\n\tcoalesce(p.image, p.id) AS process_row"); /* processes.id */
	append_process(sql, layout);
	append_parent(sql, layout);
	append_columns(sql, &layout->login, &login);
	append_both_lists(sql, "l.recorder_inferred", "s.recorder_inferred", "recorder_inferred");
	append_both_lists(sql, "l.recorder_escaped", "s.recorder_escaped", "recorder_escaped");
	buffer_printf(sql,
		      "\nFROM event_%s e LEFT JOIN tick t ON t.id = e.sequence >> 8 LEFT JOIN shape_%s s ON s.id = e.shape\n"
		      "LEFT JOIN more_%s m ON m.sequence = e.sequence LEFT JOIN process p ON p.id = e.process\n" JOIN_PROCESS ";\n",
		      name, name, name);
}

/* What all categories have, a row an event. CAST, since an arm whose column has another type than that of its
 * siblings would not be flattened (sqlite.org/optoverview.html, "Subquery flattening"). */
static void append_events_view(struct buffer *sql)
{
	buffer_append_text(sql, "CREATE VIEW events AS\n");
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		const char *subject = categories[i].subject_sql, *detail = categories[i].detail_sql;

		buffer_printf(
			sql,
			"%sSELECT sequence, time, category, action, event_outcome AS outcome, process_entity_id,\n"
			"\tprocess_pid AS pid, CAST(process_executable AS TEXT) AS executable,\n"
			"\tprocess_command_line AS command_line, user_name AS user, user_audit_name AS login_user,\n"
			"\tCAST(%s AS TEXT) AS subject,\n\tCAST(%s AS TEXT) AS detail FROM %s_events\n",
			i > 0 ? "UNION ALL " : "", subject ? subject : "NULL", detail ? detail : "NULL",
			categories[i].name);
	}
	buffer_append_text(sql, ";\n");
}

static void append_processes_view(struct buffer *sql, const struct layout *layout)
{
	static const struct from above = { "qg", NULL };
	const struct table *shape = &layout->shapes[CATEGORY_process];
	static const uint16_t ends[] = { FIELD_exit_code, FIELD_exit_signal };
	static const struct from end = { "xs", NULL };

	buffer_append_text(sql, "CREATE VIEW processes AS SELECT\n\tp.id AS id,\n\tp.sequence AS sequence");
	append_process(sql, layout);
	append_parent(sql, layout);
	buffer_append_text(
		sql,
		",\n\t(WITH RECURSIVE up(id, n) AS (SELECT f.parent, 1 UNION ALL SELECT qf.parent, n + 1 FROM up "
		"JOIN process q ON q.id = up.id JOIN process qf ON qf.id = coalesce(q.first, q.id) WHERE n < 64)\n"
		"\tSELECT group_concat(coalesce(");
	append_value(sql, &layout->program, FIELD_executable, &above);
	buffer_append_text(sql, ", ");
	append_value(sql, &layout->program, FIELD_name, &above);
	buffer_append_text(sql, ", '?'), ' < ') FROM up JOIN process q ON q.id = up.id LEFT JOIN program qg ON qg.id = q.program) "
				"AS process_ancestry");
	append_columns(sql, &layout->login, &login);
	append_time(sql, "(xt.time + x.time)", "process_end");
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++)
		append_column(sql, shape, ends[i], &end);
	buffer_printf(sql,
		      ",\n\tiif(xs.kind = %u, x.process, NULL) AS next_image,\n"
		      "\tl.recorder_inferred AS recorder_inferred,\n\tl.recorder_escaped AS recorder_escaped\n"
		      "FROM process p " JOIN_PROCESS "\n"
		      "LEFT JOIN event_process x ON x.sequence = " ENDED_BY_SQL " LEFT JOIN tick xt ON xt.id = x.sequence >> 8\n"
		      "LEFT JOIN shape_process xs ON xs.id = x.shape\n"
		      "WHERE p.image IS NULL OR NOT EXISTS (SELECT 1 FROM process i WHERE i.id = p.image);\n",
		      kinds[KIND_ID(process, exec)].number, (long long)ENDED_NONE, (long long)ENDED_BASE);
}

/* The gaps are events of the recorder; here their fields are without the object's name. */
static void append_gaps_view(struct buffer *sql)
{
	static const char object[] = "gap.";

	buffer_append_text(sql, "CREATE VIEW gaps AS SELECT sequence, time");
	for (unsigned i = 0; i < N_FIELDS; i++)
		if (strncmp(fields[i].name, object, strlen(object)) == 0) {
			char name[FIELD_COLUMN_MAX];

			field_column((enum field)i, name);
			buffer_printf(sql, ", %s AS \"%s\"", name, name + strlen(object));
		}
	buffer_printf(sql, " FROM recorder_events WHERE action = '%s';\n",
		      kinds[KIND_ID(recorder, gap)].action);
}

/* Subject and detail as the view `events` has them for the category of the event that set the signal off, whose columns are all
 * here. */
static void append_of_event(struct buffer *sql, bool detail)
{
	buffer_append_text(sql, ",\n\tCASE signal_event_category");
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		const char *says = detail ? categories[i].detail_sql : categories[i].subject_sql;

		if (says && i != CATEGORY_signal && i != CATEGORY_recorder)
			buffer_printf(sql, "\n\t\tWHEN '%s' THEN %s", categories[i].name, says);
	}
	buffer_printf(sql, " END AS %s", detail ? "detail" : "subject");
}

/* What one wants to know of a hit first; signal_events has every field. */
static void append_signals_view(struct buffer *sql)
{
	buffer_append_text(
		sql,
		"CREATE VIEW signals AS SELECT sequence, time, time_ns, event_id, rule_id, rule_name, rule_description,\n"
		"\trule_ruleset, rule_severity, event_severity, signal_count, signal_first, signal_last, signal_event_id,\n"
		"\tsignal_event_category, signal_event_action");
	append_of_event(sql, false);
	append_of_event(sql, true);
	buffer_append_text(
		sql,
		",\n\tprocess_row, process_entity_id, process_pid, process_executable, process_command_line,\n"
		"\tprocess_parent_executable,\n"
		"\t(SELECT process_ancestry FROM processes WHERE id = process_row) AS process_ancestry,\n"
		"\tuser_name, user_audit_name, session_id\nFROM signal_events;\n");
}

void schema_sql_drop_views(struct buffer *sql)
{
	static const char *const others[] = { "events", "processes", "gaps", "signals", "sessions" };

	for (unsigned i = 0; i < N_CATEGORIES; i++)
		buffer_printf(sql, "DROP VIEW IF EXISTS %s_events;\n", categories[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		buffer_printf(sql, "DROP VIEW IF EXISTS %s;\n", others[i]);
}

void schema_sql_views(struct buffer *sql, const struct layout *layout)
{
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		append_category_view(sql, layout, i);
	append_events_view(sql);
	append_processes_view(sql, layout);
	append_gaps_view(sql);
	append_signals_view(sql);
	session_table_view(sql);
}

/* What every version had. */
static const char lasting[] = "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;\n"
			      "CREATE TABLE run (first_sequence INTEGER -- a row for each time a recorder opened this file\n"
			      ", time INTEGER, host_id TEXT, host_name TEXT, boot_id TEXT);\n";

/* What keeps the file within its bound (retention.c). */
void schema_sql_retention(struct buffer *sql)
{
	chapter_sql(sql);
	buffer_append_text(sql, "INSERT INTO chapter VALUES (0");
	for (unsigned i = 0; i < N_CHAPTER_TABLES; i++)
		buffer_append_text(sql, ",1");
	buffer_append_text(sql,
			   ");\nCREATE TABLE carried (process INTEGER PRIMARY KEY -- row of process whose image is in an earlier chapter\n"
			   ", image INTEGER);\n"
			   "CREATE TABLE cleaned (category INTEGER PRIMARY KEY -- what made room for newer events, by category\n"
			   ", events INTEGER -- so many went\n"
			   ", until INTEGER -- the last of them had this time\n"
			   ", block INTEGER, seal BLOB -- the last of their blocks, and that this was the recorder's doing (src/sink/chain.h)\n"
			   ");\n");
	chain_sql(sql);
}

void schema_sql_tables(struct buffer *sql, const struct layout *layout)
{
	buffer_append_text(
		sql,
		"CREATE TABLE text (id INTEGER PRIMARY KEY\n"
		", owner INTEGER -- rows of whom refer to it (0: processes, else number of the category + 1) << 1\n"
		"	-- | 1: it was not valid UTF-8, and `%` and the bytes that were not are %XX here\n"
		", value TEXT -- valid UTF-8 without NUL; lists as JSON arrays, addresses printed\n"
		");\n"
		"CREATE TABLE tick (id INTEGER PRIMARY KEY -- sequence >> 8\n"
		", time INTEGER -- ns since 1970 UTC, from which the times of these events are counted\n"
		");\n"
		"CREATE TABLE block (id INTEGER PRIMARY KEY -- sequence >> 12\n"
		", min_time INTEGER, max_time INTEGER -- turns a range of time into one of sequence\n"
		", sieve BLOB -- values that its events have, hashed (src/sink/sieve.h); NULL: not made, or not whole yet\n"
		");\n"
		"CREATE TABLE content (block INTEGER, category INTEGER -- what a block holds of a category, by its number\n"
		", events INTEGER, bytes INTEGER -- roughly\n"
		", PRIMARY KEY (block, category)) WITHOUT ROWID;\n");
	schema_sql_retention(sql);
	session_table_sql(sql);
	digest_table_sql(sql);
	schema_sql_table(sql, &layout->program);
	schema_sql_table(sql, &layout->login);
	schema_sql_table(sql, &layout->process);
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		schema_sql_table(sql, &layout->shapes[i]);
		schema_sql_table(sql, &layout->more[i]);
		schema_sql_table(sql, &layout->events[i]);
	}
}

void schema_sql(struct buffer *sql, const struct layout *layout)
{
	buffer_append_text(sql, lasting);
	schema_sql_tables(sql, layout);
	schema_sql_views(sql, layout);
}

void schema_sql_insert(struct buffer *sql, const struct table *table)
{
	buffer_printf(sql, "INSERT INTO %s VALUES (?", table->name);
	for (unsigned i = 1; i < table->width; i++)
		buffer_append_text(sql, ",?");
	buffer_append_text(sql, ")");
}
