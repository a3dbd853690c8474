/* See history_needs.h.  What a process meets is kept by its row, since most events are of one that was met lately, and is found from
 * the few columns that are asked for, since a search that goes wrong meets many that never meet anything. Text that had to
 * be percent-escaped is not looked into: such a row is read whole, and the filter behind has the last word. */

#include "sink/history_needs.h"

#include <errno.h>
#include <stdlib.h>

#include "sink/history_lineage.h"
#include "sink/schema_sql.h"
#include "sink/sieve.h"

#define N_PROCESSES 8192		/* whose verdicts are kept, by row */
#define FIRST_COLUMN 2			/* behind sequence and process */

struct needed_column {
	uint8_t need;
	uint16_t field;
	int at;				/* in the statement */
	const struct column *column;
};

struct verdict {
	int64_t row;
	uint32_t met;			/* a bit a need */
};

struct needs {
	struct history_rows *rows;
	const struct history_need *needs;
	size_t n;
	struct needed_column columns[N_CATEGORIES][NEEDS_MAX * 4];
	unsigned n_columns[N_CATEGORIES];
	struct needed_column of_process[NEEDS_MAX * 4];
	unsigned n_of_process;
	sqlite3_stmt *process;		/* NULL: no need is about it */
	struct lineage *lineage;	/* NULL: of any process, or none */
	struct verdict *verdicts;
	struct event *scratch;
};

/* The field in the tables of process; false: it has none that could be looked at, or there is no room for it. */
static bool add_process_column(struct needs *needs, unsigned need, unsigned field, int at, struct buffer *columns, bool *ret_program,
			       bool *ret_login)
{
	const struct layout *layout = &needs->rows->layout;
	const struct {
		const struct table *table;
		const char *alias;
		bool *used;
	} tables[] = { { &layout->process, field == FIELD_exec_count ? "p" : "f", NULL },
		       { &layout->program, "g", ret_program },
		       { &layout->login, "l", ret_login } };

	for (unsigned i = 0; i < ARRAY_SIZE(tables) && needs->n_of_process < ARRAY_SIZE(needs->of_process); i++) {
		const struct table *table = tables[i].table;
		const struct column *column = &table->columns[table->column_of[field]];
		char name[FIELD_COLUMN_MAX];

		if (!table_has(table, field))
			continue;
		field_column((enum field)field, name);
		buffer_printf(columns, at > 0 ? ", " : "");
		if (column->kind == COLUMN_PATH)
			buffer_printf(columns, "%s.%s_dir, %s.%s_name", tables[i].alias, name, tables[i].alias, name);
		else if (!schema_sql_column(columns, field, tables[i].alias))
			buffer_printf(columns, "%s.%s", tables[i].alias, name);
		if (tables[i].used)
			*tables[i].used = true;
		needs->of_process[needs->n_of_process++] =
			(struct needed_column){ .need = (uint8_t)need, .field = (uint16_t)field, .at = at, .column = column };
		return true;
	}
	return false;
}

static int prepare_process(struct needs *needs)
{
	_cleanup_(buffer_release) struct buffer sql = { 0 }, columns = { 0 };
	bool program = false, login = false;
	int at = 0;

	for (unsigned i = 0; i < needs->n; i++)
		for (size_t f = 0; f < needs->needs[i].n_fields; f++)
			if (fields[needs->needs[i].fields[f]].is_context &&
			    add_process_column(needs, i, needs->needs[i].fields[f], at, &columns, &program, &login))
				at += needs->of_process[needs->n_of_process - 1].column->kind == COLUMN_PATH ? 2 : 1;
	if (at == 0)
		return 0;
	buffer_printf(&sql, "SELECT %s FROM process p CROSS JOIN process f ON f.id = coalesce(p.first, p.id)%s%s WHERE p.id = ?",
		      buffer_error(&columns) < 0 ? "" : buffer_text(&columns),
		      program ? " LEFT JOIN program g ON g.id = p.program" : "", login ? " LEFT JOIN login l ON l.id = p.login" : "");
	if (buffer_error(&columns) < 0 || buffer_error(&sql) < 0)
		return -ENOMEM;
	return sql_prepare(needs->rows->db, buffer_text(&sql), &needs->process);
}

int needs_new(struct needs **ret, struct history_rows *rows, const struct history_need *needs, size_t n,
	      const struct history_lineage *lineage)
{
	_cleanup_(needs_freep) struct needs *new = calloc(1, sizeof(*new));
	int r;

	if (!new)
		return -ENOMEM;
	new->rows = rows;
	new->needs = needs;
	new->n = MIN(n, (size_t)NEEDS_MAX);
	new->verdicts = calloc(N_PROCESSES, sizeof(*new->verdicts));
	new->scratch = event_new(0, 0);
	if (!new->verdicts || !new->scratch)
		return -ENOMEM;
	r = prepare_process(new);
	if (r == 0 && lineage)
		r = lineage_new(&new->lineage, rows->db, lineage);
	if (r < 0)
		return r;
	*ret = TAKE(new);
	return 0;
}

struct needs *needs_free(struct needs *needs)
{
	if (!needs)
		return NULL;
	free(needs->verdicts);
	event_free(needs->scratch);
	sql_finalize(needs->process);
	lineage_free(needs->lineage);
	free(needs);
	return NULL;
}

bool needs_may_be_in(const struct needs *needs, struct span sieve)
{
	for (size_t i = 0; i < needs->n; i++) {
		bool any = false;

		for (size_t k = 0; k < needs->needs[i].n_keys && !any; k++)
			any = sieve_may_have(sieve, needs->needs[i].keys[k]);
		if (!any)
			return false;
	}
	return !needs->lineage || lineage_may_be_in(needs->lineage, sieve);
}

/* Adds the column of a field of events; false: the category has no such field, or there is no room for it. */
static bool add_column(struct needs *needs, unsigned category, unsigned need, unsigned field, int at, struct buffer *columns,
		       bool *ret_shape, bool *ret_more)
{
	const struct layout *layout = &needs->rows->layout;
	const struct {
		const struct table *table;
		const char *alias;
		bool *used;
	} tables[] = { { &layout->events[category], "e", NULL },
		       { &layout->shapes[category], "s", ret_shape },
		       { &layout->more[category], "m", ret_more } };

	for (unsigned i = 0; i < ARRAY_SIZE(tables); i++) {
		const struct table *table = tables[i].table;
		const struct column *column = &table->columns[table->column_of[field]];
		char name[FIELD_COLUMN_MAX];

		if (!table_has(table, field) || needs->n_columns[category] == ARRAY_SIZE(needs->columns[category]))
			continue;
		field_column((enum field)field, name);
		if (column->kind == COLUMN_PATH)
			buffer_printf(columns, ", %s.%s_dir, %s.%s_name", tables[i].alias, name, tables[i].alias, name);
		else
			buffer_printf(columns, ", %s.%s", tables[i].alias, name);
		if (tables[i].used)
			*tables[i].used = true;
		needs->columns[category][needs->n_columns[category]++] =
			(struct needed_column){ .need = (uint8_t)need, .field = (uint16_t)field, .at = at, .column = column };
		return true;
	}
	return false;
}

bool needs_sql(struct needs *needs, unsigned category, struct buffer *columns, struct buffer *tables)
{
	const char *name = categories[category].name;
	bool shape = false, more = false;
	int at = FIRST_COLUMN;

	needs->n_columns[category] = 0;
	for (unsigned i = 0; i < needs->n; i++) {
		const struct history_need *need = &needs->needs[i];
		bool any = false;

		for (size_t f = 0; f < need->n_fields; f++) {
			enum field field = need->fields[f];

			if (fields[field].is_context) {
				any = true;
			} else if (add_column(needs, category, i, field, at, columns, &shape, &more)) {
				any = true;
				at += needs->columns[category][needs->n_columns[category] - 1].column->kind == COLUMN_PATH ? 2 : 1;
			}
		}
		if (!any)
			return false;
	}
	buffer_printf(tables, "event_%s e", name);
	if (shape)
		buffer_printf(tables, " CROSS JOIN shape_%s s ON s.id = e.shape", name);
	if (more)
		buffer_printf(tables, " LEFT JOIN more_%s m ON m.sequence = e.sequence", name);
	return true;
}

static void forget(struct values *values)
{
	memset(values->known, 0, sizeof(values->known));
	values->arena_size = 0;
	values->failed = false;
}

/* What stands in the row may be percent-escaped; only the whole event says whether it is. */
static bool may_be_escaped(const struct values *values, const struct column *column, enum field field)
{
	struct span text = values_text(values, field);

	return (column->kind == COLUMN_TEXT || column->kind == COLUMN_PATH) && text.size && memchr(text.data, '%', text.size);
}

static bool is_among(const struct history_need *need, uint64_t key)
{
	for (size_t i = 0; i < need->n_keys; i++)
		if (need->keys[i] == key)
			return true;
	return false;
}

static bool has_key(const struct history_need *need, const struct values *values, enum field field)
{
	struct span text, item;

	if (!values_has(values, field))
		return false;
	if (!field_type_is_text(fields[field].type))
		return is_among(need, sieve_key_number(field, values_number(values, field)));
	text = values_text(values, field);
	if (fields[field].type != TYPE_LIST)
		return is_among(need, sieve_key_text(field, text));
	while (list_next(&text, &item))
		if (is_among(need, sieve_key_text(field, item)))
			return true;
	return false;
}

/* Whether the column of the current row meets its need. > 0: as far as can be told. */
static int is_met(struct needs *needs, sqlite3_stmt *statement, const struct needed_column *needed, unsigned category, int64_t sequence)
{
	struct values *values = &needs->scratch->values;
	int r;

	forget(values);
	r = history_row_field(needs->rows, statement, needed->at, needed->column, category, sequence, values);
	if (r < 0)
		return r;
	return has_key(&needs->needs[needed->need], values, needed->field) || may_be_escaped(values, needed->column, needed->field);
}

static int look_at_process(struct needs *needs, int64_t row, uint32_t *ret)
{
	int r;

	sqlite3_bind_int64(needs->process, 1, row);
	r = sqlite3_step(needs->process);
	if (r != SQLITE_ROW)
		r = sql_errno(r);
	for (unsigned i = 0; r >= 0 && i < needs->n_of_process && sqlite3_data_count(needs->process) > 0; i++) {
		r = is_met(needs, needs->process, &needs->of_process[i], 0, 0);
		if (r > 0)
			*ret |= 1u << needs->of_process[i].need;
	}
	sqlite3_reset(needs->process);
	return r < 0 ? r : 0;
}

/* Which needs the process meets, and so each of its events. */
static int met_by_process(struct needs *needs, int64_t row, uint32_t *ret)
{
	struct verdict *verdict = &needs->verdicts[(uint64_t)row % N_PROCESSES];

	if (verdict->row != row) {
		uint32_t met = 0;
		int r = look_at_process(needs, row, &met);

		if (r < 0)
			return r;
		*verdict = (struct verdict){ .row = row, .met = met };
	}
	*ret = verdict->met;
	return 0;
}

int needs_are_met(struct needs *needs, sqlite3_stmt *statement, unsigned category)
{
	uint32_t all = (uint32_t)((UINT64_C(1) << needs->n) - 1), met = 0;
	int64_t sequence = sqlite3_column_int64(statement, 0), process = sqlite3_column_int64(statement, 1);
	int r = 1;

	if (needs->lineage)
		r = process > 0 ? lineage_has(needs->lineage, process) : 0;
	if (r > 0)
		r = process > 0 && needs->process ? met_by_process(needs, process, &met) : 0;
	else
		return r;
	for (unsigned i = 0; r >= 0 && met != all && i < needs->n_columns[category]; i++) {
		const struct needed_column *needed = &needs->columns[category][i];

		if (met >> needed->need & 1)
			continue;
		r = is_met(needs, statement, needed, category, sequence);
		if (r > 0)
			met |= 1u << needed->need;
	}
	return r < 0 ? r : met == all;
}
