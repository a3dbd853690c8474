/* See history_row.h.  The file may be anybody's: a column may hold any type and any text, ids may lead
 * nowhere or in circles. What cannot be read is unknown. Contexts are kept, since neighbouring events
 * mostly share them. */

#include "sink/history_row.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "event/event_json.h"
#include "sink/schema_sql.h"

#define NO_SESSION UINT32_MAX		/* the kernel's number of none */
#define SESSION_SLACK_NS (10 * NS_PER_SEC)	/* audit's records of one come so much later */
#define N_CONTEXTS 8192 /* kept; rows of processes that live at a time are near each other */
#define MAX_BYTES  ((size_t)64 << 20) /* of text in these: arguments may have megabytes */

/* What is to be known of a row to read its fields. */
struct remarks {
	uint64_t inferred[FIELD_WORDS], escaped[FIELD_WORDS];
	uint64_t tick_ns;		/* its times are counted from here... */
	uint64_t time_ns;		/* ...or from this back: that of the event */
	unsigned category;		/* of an event: paths may stand in another */
	int64_t sequence;
};

static bool in_set(const uint64_t set[FIELD_WORDS], unsigned field)
{
	return set[field / 64] >> (field % 64) & 1;
}

static struct span column_span(sqlite3_stmt *statement, int column)
{
	/* In this order: the size is that of the text (sqlite.org/c3ref/column_blob.html). */
	const unsigned char *text = sqlite3_column_text(statement, column);

	return (struct span){ (const char *)text, (size_t)sqlite3_column_bytes(statement, column) };
}

/* JSON array of field names -> set. What is no such array names nothing. */
static void read_names(struct span text, uint64_t set[FIELD_WORDS])
{
	json_t *list = text.data ? json_loadb(text.data, text.size, 0, NULL) : NULL;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		unsigned field = name ? field_lookup(span_of(name)) : FIELD_NONE;

		if (field != FIELD_NONE)
			set[field / 64] |= UINT64_C(1) << (field % 64);
	}
	json_decref(list);
}

static struct span unescaped(struct history_rows *rows, struct span text, bool escaped)
{
	if (!escaped)
		return text;
	buffer_clear(&rows->scratch);
	percent_unescape(&rows->scratch, text);
	return buffer_span(&rows->scratch);
}

static void set_list(struct history_rows *rows, struct values *values, unsigned field, struct span text,
		     bool escaped)
{
	json_t *list = json_loadb(text.data, text.size, 0, NULL);

	if (!json_is_array(list)) {
		json_decref(list);
		return;
	}
	values_set_text(values, (enum field)field, SPAN(""));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		struct span bytes = { json_string_value(item), json_string_length(item) };

		if (bytes.data)
			values_append_list(values, (enum field)field, unescaped(rows, bytes, escaped));
	}
	json_decref(list);
}

static void set_ip(struct values *values, unsigned field, struct span text)
{
	char printed[IP_TEXT_MAX], bytes[16];
	bool is_v6 = memchr(text.data, ':', text.size);

	if (text.size >= sizeof(printed))
		return;
	memcpy(printed, text.data, text.size);
	printed[text.size] = 0;
	if (inet_pton(is_v6 ? AF_INET6 : AF_INET, printed, bytes) == 1)
		values_set_text(values, (enum field)field, (struct span){ bytes, is_v6 ? 16 : 4 });
}

static void set_text(struct history_rows *rows, struct values *values, unsigned field, struct span text,
		     bool escaped)
{
	if (fields[field].type == TYPE_LIST)
		set_list(rows, values, field, text, escaped);
	else if (fields[field].type == TYPE_IP)
		set_ip(values, field, text);
	else
		values_set_text(values, (enum field)field, unescaped(rows, text, escaped));
}

/* A row of table text. 0, and rows->text is to be reset; -ENODATA: there is none. */
static int look_up(struct history_rows *rows, int64_t id, struct span *ret, bool *ret_escaped)
{
	int r;

	sqlite3_bind_int64(rows->text, 1, id);
	r = sqlite3_step(rows->text);
	if (r != SQLITE_ROW) {
		sqlite3_reset(rows->text);
		return r == SQLITE_DONE ? -ENODATA : sql_errno(r);
	}
	*ret = column_span(rows->text, 0);
	*ret_escaped = sqlite3_column_int64(rows->text, 1) != 0;
	if (!ret->data)
		*ret = SPAN("");
	return 0;
}

static void set_args_from_command_line(struct values *values)
{
	struct span line = values_text(values, FIELD_command_line);
	char *args;

	if (!values_has(values, FIELD_command_line))
		return;
	args = values_new_text(values, FIELD_args, line.size + 1);
	if (!args)
		return;
	line = values_text(values, FIELD_command_line); /* the arena may have moved */
	for (size_t i = 0; i < line.size; i++)
		args[i] = line.data[i] == ' ' ? 0 : line.data[i];
	args[line.size] = 0;
}

/* at: the folder, behind it the name. */
static int set_whole_path(struct history_rows *rows, sqlite3_stmt *statement, int at, struct values *values,
			  unsigned field, bool escaped)
{
	struct span name = column_span(statement, at + 1), folder = { NULL, 0 };
	_cleanup_(buffer_release) struct buffer path = { 0 };
	bool folder_escaped = false;
	int r;

	if (!name.data)
		return 0;
	if (sqlite3_column_type(statement, at) != SQLITE_NULL) {
		r = look_up(rows, sqlite3_column_int64(statement, at), &folder, &folder_escaped);
		if (r < 0)
			return r == -ENODATA ? 0 : r;
		buffer_append_span(&path, unescaped(rows, folder, folder_escaped));
		buffer_append_byte(&path, '/');
		sqlite3_reset(rows->text);
	}
	buffer_append_span(&path, unescaped(rows, name, escaped));
	if (buffer_error(&path) < 0)
		return -ENOMEM;
	values_set_text(values, (enum field)field, buffer_span(&path));
	return 0;
}

static bool is_wanted(const struct history_part *part, unsigned field)
{
	static const uint16_t needed[][2] = { { FIELD_args, FIELD_command_line }, { FIELD_write_last, FIELD_write_first },
					      { FIELD_read_last, FIELD_read_first }, { FIELD_access_last, FIELD_access_first },
					      { FIELD_duration, FIELD_start },
					      { FIELD_login_ip, FIELD_ses }, { FIELD_login_ip, FIELD_auid },
					      { FIELD_login_time, FIELD_ses }, { FIELD_login_time, FIELD_auid },
					      { FIELD_login_service, FIELD_ses }, { FIELD_login_service, FIELD_auid },
					      { FIELD_login_leader, FIELD_ses }, { FIELD_login_leader, FIELD_auid } };

	if (!part || in_set(part->fields, field))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (field == needed[i][1] && in_set(part->fields, needed[i][0]))
			return true;
	for (size_t i = 0; i < N_DIGEST_GROUPS; i++)
		for (size_t k = 0; k < N_DIGEST_COLUMNS && digest_groups[i].id == field; k++)
			if (in_set(part->fields, digest_groups[i].fields[k]))
				return true;
	return false;
}

/* Columns of a table behind its fixed ones. */
static void append_columns(struct buffer *sql, const struct table *table, const char *alias, const struct history_part *part)
{
	for (unsigned i = 0; i < table->n_columns; i++) {
		const struct column *column = &table->columns[i];
		bool is_path = column->kind == COLUMN_PATH;
		char name[FIELD_COLUMN_MAX];

		field_column((enum field)column->field, name);
		buffer_append_text(sql, ", ");
		if (!is_wanted(part, column->field))
			buffer_append_text(sql, is_path ? "NULL, NULL" : "NULL");
		else if (is_path)
			buffer_printf(sql, "%s.%s_dir, %s.%s_name", alias, name, alias, name);
		else if (!schema_sql_column(sql, column->field, alias))
			buffer_printf(sql, "%s.%s", alias, name);
	}
}

static bool needs_table(const struct table *table, const struct history_part *part)
{
	for (unsigned i = 0; i < table->n_columns; i++)
		if (is_wanted(part, table->columns[i].field))
			return true;
	return !part;
}

static bool needs_context(const struct history_part *part)
{
	for (unsigned i = 0; part && i < N_CONTEXT_FIELDS; i++)
		if (in_set(part->fields, i))
			return true;
	return !part || in_set(part->fields, FIELD_duration);
}

void history_row_columns(struct buffer *sql, const struct layout *layout, unsigned category, const struct history_part *part)
{
	buffer_printf(sql, "e.sequence, e.time, e.origin, %s, e.shape", needs_context(part) ? "e.process" : "NULL");
	append_columns(sql, &layout->events[category], "e", part);
	buffer_printf(sql, ", NULL, s.kind, %s, s.recorder_escaped", part ? "NULL" : "s.recorder_inferred");
	append_columns(sql, &layout->shapes[category], "s", part);
	buffer_append_text(sql, needs_table(&layout->more[category], part) ? ", m.sequence" : ", NULL");
	append_columns(sql, &layout->more[category], "m", part);
	buffer_append_text(sql, ", t.time");
}

/* The paths of an event that others may refer to, by its number. */
static int prepare_paths(struct history_rows *rows, unsigned category)
{
	const struct table *table = &rows->layout.events[category];
	_cleanup_(buffer_release) struct buffer sql = { 0 };

	if (rows->paths[category])
		return 0;
	for (unsigned i = 0; i < table->n_columns; i++) {
		char name[FIELD_COLUMN_MAX];

		if (!table->columns[i].path)
			continue;
		field_column((enum field)table->columns[i].field, name);
		buffer_printf(&sql, "%s %s_dir, %s_name", sql.size ? "," : "SELECT", name, name);
	}
	buffer_printf(&sql, " FROM %s WHERE sequence = ?", table->name);
	return buffer_error(&sql) < 0 ? -ENOMEM : sql_prepare(rows->db, buffer_text(&sql), &rows->paths[category]);
}

static int set_path_of_other(struct history_rows *rows, int64_t reference, const struct remarks *remarks, struct values *values,
			     unsigned field, bool escaped)
{
	const struct table *table = &rows->layout.events[remarks->category];
	int64_t number = reference & ((1 << PATH_REFERENCE_BITS) - 1), back = reference >> PATH_REFERENCE_BITS;
	sqlite3_stmt *statement;
	int r;

	if (reference < 0 || back > remarks->sequence || number >= table->n_paths)
		return 0;
	r = prepare_paths(rows, remarks->category);
	if (r < 0)
		return r;
	statement = rows->paths[remarks->category];
	sqlite3_bind_int64(statement, 1, remarks->sequence - back);
	r = sqlite3_step(statement);
	/* A reference never leads to another. */
	if (r == SQLITE_ROW && sqlite3_column_type(statement, (int)number * 2 + 1) == SQLITE_TEXT)
		r = set_whole_path(rows, statement, (int)number * 2, values, field, escaped);
	else
		r = sql_errno(r);
	sqlite3_reset(statement);
	return r;
}

static int set_path(struct history_rows *rows, sqlite3_stmt *statement, int at, const struct column *column,
		    const struct remarks *remarks, struct values *values, bool escaped)
{
	if (column->path && sqlite3_column_type(statement, at + 1) == SQLITE_INTEGER)
		return set_path_of_other(rows, sqlite3_column_int64(statement, at + 1), remarks, values, column->field,
					 escaped);
	return set_whole_path(rows, statement, at, values, column->field, escaped);
}

/* The version of a file that the row names, and what is known of it. */
static int set_digest(struct history_rows *rows, int64_t row, unsigned id, bool is_inferred, struct values *values)
{
	const struct digest_group *group = digest_groups;
	int r;

	while (group->id != id)
		group++;
	sqlite3_bind_int64(rows->digest, 1, row);
	r = sqlite3_step(rows->digest);
	if (r == SQLITE_ROW)
		values_set_number(values, (enum field)id, (uint64_t)sqlite3_column_int64(rows->digest, 0));
	for (int i = 0; r == SQLITE_ROW && i < N_DIGEST_COLUMNS; i++) {
		struct span text = column_span(rows->digest, i + 1);

		if (text.data)
			values_set_text(values, group->fields[i], text);
		if (text.data && is_inferred)
			values_set_inferred(values, group->fields[i]);
	}
	sqlite3_reset(rows->digest);
	return sql_errno(r);
}

static int set_column(struct history_rows *rows, sqlite3_stmt *statement, int at, const struct column *column,
		      const struct remarks *remarks, struct values *values)
{
	unsigned field = column->field;
	bool escaped = in_set(remarks->escaped, field);
	struct span text;
	int64_t id;
	int r;

	if (column->kind == COLUMN_PATH)
		return set_path(rows, statement, at, column, remarks, values, escaped);
	if (sqlite3_column_type(statement, at) == SQLITE_NULL)
		return 0;
	if (column->kind == COLUMN_NUMBER || column->kind == COLUMN_TIME) {
		values_set_number(values, (enum field)field,
				  (uint64_t)sqlite3_column_int64(statement, at) +
					  (column->kind == COLUMN_TIME ? remarks->tick_ns : 0));
		return 0;
	}
	if (column->kind == COLUMN_TIME_BEFORE) {
		uint64_t base_ns = column->base != FIELD_NONE && values_has(values, column->base) ? values_number(values, column->base)
												   : remarks->time_ns;

		values_set_number(values, (enum field)field, base_ns - (uint64_t)sqlite3_column_int64(statement, at));
		return 0;
	}
	if (column->kind == COLUMN_DIGEST)
		return set_digest(rows, sqlite3_column_int64(statement, at), field, in_set(remarks->inferred, field), values);
	if (column->kind == COLUMN_TEXT) {
		text = column_span(statement, at);
		if (text.data)
			set_text(rows, values, field, text, escaped);
		return 0;
	}
	id = sqlite3_column_int64(statement, at);
	if (id == TEXT_FOLLOWS)
		return 0; /* arguments: when all columns are there */
	r = look_up(rows, id, &text, &escaped);
	if (r < 0)
		return r == -ENODATA ? 0 : r;
	set_text(rows, values, field, text, escaped);
	sqlite3_reset(rows->text);
	return 0;
}

int history_row_field(struct history_rows *rows, sqlite3_stmt *statement, int at, const struct column *column, unsigned category,
		      int64_t sequence, struct values *values)
{
	const struct remarks remarks = { .category = category, .sequence = sequence };

	return set_column(rows, statement, at, column, &remarks, values);
}

/* first: where the table's columns begin in the row of the statement. */
static int read_table(struct history_rows *rows, sqlite3_stmt *statement, const struct table *table,
		      unsigned first, struct values *values, const struct remarks *remarks)
{
	for (unsigned i = 0; i < table->n_columns; i++) {
		const struct column *column = &table->columns[i];
		int r;

		if (!is_wanted(rows->part, column->field))
			continue;
		r = set_column(rows, statement, (int)(first + column->place), column, remarks, values);
		if (r < 0)
			return r;
		if (in_set(remarks->inferred, column->field) && values_has(values, column->field))
			values_set_inferred(values, column->field);
	}
	return values->failed ? -ENOMEM : 0;
}

static void set_duration(struct event *event)
{
	uint64_t duration_ns;

	if (values_has(&event->values, FIELD_duration)) {
		if (event->duration == (uint64_t)NOTHING_KNOWN)
			values_unset(&event->values, FIELD_duration);
	} else if (duration_follows(event, &duration_ns)) {
		values_set_number(&event->values, FIELD_duration, duration_ns);
	}
}

int history_row_event(struct history_rows *rows, sqlite3_stmt *statement, unsigned category,
		      struct event **ret)
{
	const struct table *table = &rows->layout.events[category], *shape = &rows->layout.shapes[category],
			   *more = &rows->layout.more[category];
	_cleanup_(event_freep) struct event *event = NULL;
	int first_of_shape = (int)table->width, first_of_more = first_of_shape + (int)shape->width;
	struct remarks remarks = {
		.tick_ns = (uint64_t)sqlite3_column_int64(statement, first_of_more + (int)more->width),
		.category = category,
		.sequence = sqlite3_column_int64(statement, EVENT_SEQUENCE),
	};
	struct context *context;
	unsigned kind;
	int64_t number = sqlite3_column_int64(statement, first_of_shape + SHAPE_KIND);
	int r;

	kind = number >= 0 && number <= UINT16_MAX ? kind_by_number((uint16_t)number) : N_KINDS;
	if (kind == N_KINDS || kinds[kind].category != category)
		return -ENODATA;
	remarks.time_ns = remarks.tick_ns + (uint64_t)sqlite3_column_int64(statement, EVENT_TIME);
	event = event_new((uint16_t)kind, remarks.time_ns);
	if (!event)
		return -ENOMEM;
	event->origin = (uint64_t)sqlite3_column_int64(statement, EVENT_ORIGIN);
	event->sequence = (uint64_t)remarks.sequence;
	if (sqlite3_column_type(statement, first_of_shape + SHAPE_INFERRED) != SQLITE_NULL)
		read_names(column_span(statement, first_of_shape + SHAPE_INFERRED), remarks.inferred);
	if (sqlite3_column_type(statement, first_of_shape + SHAPE_ESCAPED) != SQLITE_NULL)
		read_names(column_span(statement, first_of_shape + SHAPE_ESCAPED), remarks.escaped);
	r = read_table(rows, statement, table, 0, &event->values, &remarks);
	if (r < 0)
		return r;
	r = read_table(rows, statement, shape, (unsigned)first_of_shape, &event->values, &remarks);
	if (r < 0)
		return r;
	if (sqlite3_column_type(statement, first_of_more + MORE_SEQUENCE) != SQLITE_NULL) {
		r = read_table(rows, statement, more, (unsigned)first_of_more, &event->values, &remarks);
		if (r < 0)
			return r;
	}
	if (sqlite3_column_type(statement, EVENT_PROCESS) != SQLITE_NULL) {
		r = history_row_context(rows, sqlite3_column_int64(statement, EVENT_PROCESS), &context);
		if (r < 0)
			return r;
		event->context = context_ref(context);
	}
	set_duration(event);
	*ret = TAKE(event);
	return 0;
}

/* What is known of the login session by now: who came first in it was stored before the record that tells where the login came from.
 * The number is that of the session which began last by then. */
static int set_session(struct history_rows *rows, uint64_t time_ns, struct values *values)
{
	static const struct {
		enum field field;
		int at, inferred_at;
	} parts[] = { { FIELD_login_time, 0, 1 }, { FIELD_login_ip, 2, 3 }, { FIELD_login_service, 4, 1 }, { FIELD_login_leader, 5, 1 } };
	bool is_inferred = values_is_inferred(values, FIELD_ses);
	int r;

	if (rows->as_stored || !values_has(values, FIELD_ses) || !values_has(values, FIELD_auid) ||
	    values_number(values, FIELD_ses) == NO_SESSION)
		return 0;
	sqlite3_bind_int64(rows->session, 1, (int64_t)values_number(values, FIELD_ses));
	sqlite3_bind_int64(rows->session, 2, (int64_t)values_number(values, FIELD_auid));
	sqlite3_bind_int64(rows->session, 3, (int64_t)(time_ns + SESSION_SLACK_NS));
	r = sqlite3_step(rows->session);
	for (size_t i = 0; r == SQLITE_ROW && i < ARRAY_SIZE(parts); i++) {
		enum field field = parts[i].field;

		if (values_has(values, field) || !is_wanted(rows->part, field) ||
		    sqlite3_column_type(rows->session, parts[i].at) == SQLITE_NULL)
			continue;
		if (field_type_is_text(fields[field].type))
			set_text(rows, values, field, column_span(rows->session, parts[i].at), false);
		else
			values_set_number(values, field, (uint64_t)sqlite3_column_int64(rows->session, parts[i].at));
		if (is_inferred || sqlite3_column_int64(rows->session, parts[i].inferred_at))
			values_set_inferred(values, field);
	}
	sqlite3_reset(rows->session);
	return sql_errno(r);
}

/* One row of process, without its parent. 0: *ret is set, NULL if there is no such row. */
static int read_process(struct history_rows *rows, int64_t row, struct context **ret, int64_t *ret_parent)
{
	sqlite3_stmt *statement = rows->process;
	_cleanup_(context_unrefp) struct context *context = NULL;
	struct remarks remarks = { 0 };
	const struct layout *layout = &rows->layout;
	unsigned program = layout->process.width, login = program + layout->program.width;
	int args = (int)(program + layout->program.columns[layout->program.column_of[FIELD_args]].place), r;

	sqlite3_bind_int64(statement, 1, row);
	r = sqlite3_step(statement);
	if (r != SQLITE_ROW) {
		*ret = NULL;
		r = sql_errno(r);
		goto done;
	}
	context = context_new();
	if (!context) {
		r = -ENOMEM;
		goto done;
	}
	if (sqlite3_column_type(statement, (int)login + LOGIN_INFERRED) != SQLITE_NULL)
		read_names(column_span(statement, (int)login + LOGIN_INFERRED), remarks.inferred);
	if (sqlite3_column_type(statement, (int)login + LOGIN_ESCAPED) != SQLITE_NULL)
		read_names(column_span(statement, (int)login + LOGIN_ESCAPED), remarks.escaped);
	remarks.tick_ns = (uint64_t)sqlite3_column_int64(statement, (int)(login + layout->login.width));
	r = read_table(rows, statement, &layout->process, 0, &context->values, &remarks);
	if (r == 0)
		r = read_table(rows, statement, &layout->program, program, &context->values, &remarks);
	if (r == 0)
		r = read_table(rows, statement, &layout->login, login, &context->values, &remarks);
	if (r == 0)
		r = set_session(rows, remarks.tick_ns, &context->values);
	if (r < 0)
		goto done;
	if (sqlite3_column_type(statement, args) == SQLITE_INTEGER &&
	    sqlite3_column_int64(statement, args) == TEXT_FOLLOWS) {
		set_args_from_command_line(&context->values);
		if (in_set(remarks.inferred, FIELD_args) && values_has(&context->values, FIELD_args))
			values_set_inferred(&context->values, FIELD_args);
	}
	context->row = row;
	context->ancestry_cut = sqlite3_column_int64(statement, (int)login + LOGIN_CUT) != 0;
	*ret_parent = sqlite3_column_int64(statement, PROCESS_PARENT);
	*ret = TAKE(context);
	r = 0;
done:
	sqlite3_reset(statement);
	return r;
}

static struct context **slot_of(const struct history_rows *rows, int64_t row)
{
	return &rows->contexts[(uint64_t)row % N_CONTEXTS];
}

static void drop_all(struct history_rows *rows)
{
	for (unsigned i = 0; rows->contexts && i < N_CONTEXTS; i++)
		rows->contexts[i] = context_unref(rows->contexts[i]);
	rows->bytes = 0;
}

static void keep(struct history_rows *rows, struct context *context)
{
	struct context **slot = slot_of(rows, context->row);

	if (rows->bytes > MAX_BYTES)
		drop_all(rows);
	if (*slot)
		rows->bytes -= (*slot)->values.arena_capacity;
	context_unref(*slot);
	*slot = context_ref(context);
	rows->bytes += context->values.arena_capacity;
}

int history_row_context(struct history_rows *rows, int64_t row, struct context **ret)
{
	struct context *chain[CONTEXT_MAX_DEPTH + 2], *context = NULL;
	unsigned n = 0;
	int r = 0;

	/* Upwards to one that is there already. A parent has the smaller number, so that there is no
	 * circle. */
	for (int64_t at = row, parent = 0; at > 0 && n < ARRAY_SIZE(chain); at = parent < at ? parent : 0) {
		struct context *known = *slot_of(rows, at);

		if (known && known->row == at) {
			context = context_ref(known);
			break;
		}
		r = read_process(rows, at, &chain[n], &parent);
		if (r < 0 || !chain[n])
			break;
		n++;
	}
	/* And down again. */
	while (n > 0) {
		struct context *child = chain[--n];
		bool cut = child->ancestry_cut;

		if (r == 0) {
			context_set_parent(child, context);
			child->ancestry_cut |= cut;
			keep(rows, child);
		}
		context_unref(context);
		context = child;
	}
	/* The slot has a reference. */
	*ret = r == 0 ? context : NULL;
	context_unref(context);
	return r;
}

/* A row of process, with the columns that the first row of the process has for it, its program, login and tick. */
static int prepare_process(struct history_rows *rows, const struct history_part *part, sqlite3_stmt **ret)
{
	const struct table *table = &rows->layout.process;
	const char *parent = !part || part->ancestors ? "f.parent" : "NULL";
	_cleanup_(buffer_release) struct buffer sql = { 0 };

	buffer_printf(&sql, "SELECT p.id, p.sequence, p.image, p.first, %s, p.program, p.login, p.ended", parent);
	for (unsigned i = 0; i < table->n_columns; i++) {
		unsigned field = table->columns[i].field;
		char name[FIELD_COLUMN_MAX];

		field_column((enum field)field, name);
		buffer_append_text(&sql, ", ");
		if (!is_wanted(part, field))
			buffer_append_text(&sql, "NULL");
		else if (!schema_sql_column(&sql, field, "f"))
			buffer_printf(&sql, "%s.%s", field == FIELD_exec_count ? "p" : "f", name);
	}
	buffer_append_text(&sql, needs_table(&rows->layout.program, part) ? ", g.id, NULL, NULL" : ", NULL, NULL, NULL");
	append_columns(&sql, &rows->layout.program, "g", part);
	buffer_printf(&sql, ", l.id, l.ancestry_cut, %s, l.recorder_escaped", part ? "NULL" : "l.recorder_inferred");
	append_columns(&sql, &rows->layout.login, "l", part);
	buffer_append_text(&sql, ", t.time FROM process p LEFT JOIN process f ON f.id = coalesce(p.first, p.id) "
				 "LEFT JOIN program g ON g.id = p.program LEFT JOIN login l ON l.id = p.login "
				 "LEFT JOIN tick t ON t.id = f.sequence >> 8 WHERE p.id = ?");
	return buffer_error(&sql) < 0 ? -ENOMEM : sql_prepare(rows->db, buffer_text(&sql), ret);
}

int history_rows_narrow(struct history_rows *rows, const struct history_part *part)
{
	sqlite3_stmt *process;
	int r;

	if (rows->part == part)
		return 0;
	r = prepare_process(rows, part, &process);
	if (r < 0)
		return r;
	drop_all(rows);
	sql_finalize(rows->process);
	rows->process = process;
	rows->part = part;
	return 0;
}

int history_rows_open(struct history_rows *rows, sqlite3 *db)
{
	int r;

	*rows = (struct history_rows){ .db = db };
	layout_make(&rows->layout);
	rows->contexts = calloc(N_CONTEXTS, sizeof(struct context *));
	if (!rows->contexts)
		return -ENOMEM;
	r = sql_prepare(db, "SELECT value, owner & 1 FROM text WHERE id = ?", &rows->text);
	if (r == 0)
		r = sql_prepare(db, "SELECT hash_id, coalesce(state, 'pending'), md5, sha1, sha256 FROM digest WHERE id = ?", &rows->digest);
	if (r == 0)
		r = sql_prepare(db, "SELECT login_time, coalesce(login_inferred, 0), source_ip, coalesce(ip_inferred, 0), service, leader "
				    "FROM login_session WHERE session_id = ?1 AND user_audit_id = ?2 AND node IS NULL AND first <= ?3 "
				    "ORDER BY first DESC LIMIT 1", &rows->session);
	return r < 0 ? r : prepare_process(rows, NULL, &rows->process);
}

void history_rows_as_stored(struct history_rows *rows)
{
	drop_all(rows);
	rows->as_stored = true;
}

void history_rows_close(struct history_rows *rows)
{
	drop_all(rows);
	free(rows->contexts);
	sql_finalize(rows->text);
	sql_finalize(rows->digest);
	sql_finalize(rows->process);
	sql_finalize(rows->session);
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		sql_finalize(rows->paths[i]);
	buffer_release(&rows->scratch);
	*rows = (struct history_rows){ 0 };
}
