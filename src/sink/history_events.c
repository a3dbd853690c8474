/* See history.h.
 *
 * The tables of the categories are read side by side and merged by sequence. Rows are fetched in batches,
 * each in a read transaction of its own, and given to the caller when that is over: a caller that waits for
 * its terminal keeps nobody from cutting the WAL. A batch looks at so many sequence numbers at most, so
 * that a search that finds nothing does not hold its snapshot for long either. */

#include <errno.h>

#include "sink/history_digests.h"
#include "sink/history_file.h"
#include "sink/history_needs.h"
#include "sink/sieve.h"

#define FIRST_BATCH   32 /* events; doubles, since who asks for few wants them at once */
#define LARGEST_BATCH 1024
#define BLOCKS	      1024      /* that it may pass by for what their sieves say */
#define WINDOW	      (1 << 20) /* sequence numbers a batch looks at */

enum {
	PARAMETER_LOW = 1,
	PARAMETER_HIGH,
	PARAMETER_SINCE,
	PARAMETER_UNTIL,
	PARAMETER_TIME,
	PARAMETER_ORIGIN,
	PARAMETER_ENTITY,
	PARAMETER_PID
};

struct search {
	struct history *history;
	const struct history_query *query;
	uint64_t low, high; /* sequences still to be looked at, both inclusive */
	struct history_need asked[NEEDS_MAX]; /* by the query, and by what it narrows by */
	struct digest_need made[NEEDS_MAX];   /* what these borrow */
	size_t n_asked;
	uint64_t entity_key, pid_key;
	struct needs *needs;		      /* NULL: none */
	sqlite3_stmt *blocks;		      /* if there are */
	sqlite3_stmt *tables[N_CATEGORIES];   /* of the whole rows, or if there are needs, of what these look at, */
	sqlite3_stmt *whole[N_CATEGORIES];    /* and of one whole row */
	bool has_row[N_CATEGORIES];
	uint64_t from[N_CATEGORIES];	      /* where the table goes on: what the range has before has been looked at */
	struct event *batch[LARGEST_BATCH];
	size_t n_batch, batch_size;
};

static void search_release(struct search *search)
{
	sql_finalize(search->blocks);
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		sql_finalize(search->tables[i]);
		sql_finalize(search->whole[i]);
	}
	needs_free(search->needs);
	for (size_t i = 0; i < search->n_asked; i++)
		digest_need_release(&search->made[i]);
	for (size_t i = 0; i < search->n_batch; i++)
		event_free(search->batch[i]);
}

static void search_freep(struct search **search)
{
	if (*search)
		search_release(*search);
	free(*search);
}

static bool wants_kind(const struct history_query *query, unsigned kind)
{
	return (!query->categories || query->categories >> kinds[kind].category & 1) &&
	       (!query->kinds || query->kinds[kind]);
}

/* Rows are passed by for what the needs say of them; only those that meet them are asked for whole. */
static int prepare_needs(struct search *search, unsigned category, const char *whole)
{
	_cleanup_(buffer_release) struct buffer sql = { 0 }, columns = { 0 }, tables = { 0 };
	int r;

	if (!needs_sql(search->needs, category, &columns, &tables))
		return 0;
	buffer_printf(&sql, "SELECT e.sequence, e.process%s FROM %s WHERE e.sequence BETWEEN ?%d AND ?%d ORDER BY e.sequence%s",
		      columns.size ? buffer_text(&columns) : "", buffer_text(&tables), PARAMETER_LOW, PARAMETER_HIGH,
		      search->query->newest_first ? " DESC" : "");
	if (buffer_error(&sql) < 0 || buffer_error(&columns) < 0 || buffer_error(&tables) < 0)
		return -ENOMEM;
	r = sql_prepare(search->history->db, buffer_text(&sql), &search->tables[category]);
	return r < 0 ? r : sql_prepare(search->history->db, whole, &search->whole[category]);
}

static int prepare_table(struct search *search, unsigned category)
{
	const struct history_query *query = search->query;
	_cleanup_(buffer_release) struct buffer sql = { 0 }, numbers = { 0 };
	bool all = true;

	for (unsigned i = 0; i < N_KINDS; i++) {
		if (kinds[i].category != category)
			continue;
		if (wants_kind(query, i))
			buffer_printf(&numbers, "%s%u", numbers.size ? "," : "", kinds[i].number);
		else
			all = false;
	}
	if (numbers.size == 0)
		return 0;
	/* CROSS JOIN: the order of the tables is as written (sqlite.org/lang_select.html). */
	buffer_append_text(&sql, "SELECT ");
	history_row_columns(&sql, &search->history->rows.layout, category, query->part);
	buffer_printf(&sql, " FROM " HISTORY_EVENT_TABLES, categories[category].name, categories[category].name,
		      categories[category].name);
	if (query->entity_id || query->pid)
		buffer_append_text(&sql, " CROSS JOIN process p ON p.id = e.process "
					 "CROSS JOIN process f ON f.id = coalesce(p.first, p.id)");
	buffer_printf(&sql, " WHERE e.sequence BETWEEN ?%d AND ?%d", PARAMETER_LOW, PARAMETER_HIGH);
	if (query->since_ns)
		buffer_printf(&sql, " AND t.time + e.time >= ?%d", PARAMETER_SINCE);
	if (query->until_ns)
		buffer_printf(&sql, " AND t.time + e.time < ?%d", PARAMETER_UNTIL);
	if (query->event_time_ns || query->event_origin)
		buffer_printf(&sql, " AND t.time + e.time = ?%d AND e.origin = ?%d", PARAMETER_TIME, PARAMETER_ORIGIN);
	if (query->entity_id)
		buffer_printf(&sql, " AND f.process_entity_id = ?%d", PARAMETER_ENTITY);
	if (query->pid)
		buffer_printf(&sql, " AND f.process_pid = ?%d", PARAMETER_PID);
	if (!all)
		buffer_printf(&sql, " AND s.kind IN (%s)", buffer_text(&numbers));
	buffer_printf(&sql, " ORDER BY e.sequence%s", query->newest_first ? " DESC" : "");
	if (buffer_error(&sql) < 0 || buffer_error(&numbers) < 0)
		return -ENOMEM;
	if (!search->needs)
		return sql_prepare(search->history->db, buffer_text(&sql), &search->tables[category]);
	return prepare_needs(search, category, buffer_text(&sql));
}

/* The range of sequences that can hold what is asked for. */
static int find_range(struct search *search)
{
	const struct history_query *query = search->query;
	sqlite3 *db = search->history->db;
	uint64_t since_ns = query->since_ns, until_ns = query->until_ns, low = 1, high = 0;
	int r;

	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		_cleanup_(buffer_release) struct buffer sql = { 0 };
		uint64_t last = 0;

		buffer_printf(&sql, "SELECT max(sequence) FROM event_%s", categories[i].name);
		r = history_number(db, buffer_text(&sql), 0, 0, &last);
		if (r < 0)
			return r;
		high = MAX(high, last);
	}
	if (query->event_time_ns || query->event_origin) {
		since_ns = MAX(since_ns, query->event_time_ns);
		if (query->event_time_ns < INT64_MAX)
			until_ns = until_ns ? MIN(until_ns, query->event_time_ns + 1)
					    : query->event_time_ns + 1;
	}
	if (since_ns) {
		low = high + 1;
		r = history_number(db, "SELECT min(id) << 12 FROM block WHERE max_time >= ?1", 1,
				   sql_time(since_ns), &low);
		if (r < 0)
			return r;
	}
	if (until_ns) {
		uint64_t last = 0;

		r = history_number(db, "SELECT ((max(id) + 1) << 12) - 1 FROM block WHERE min_time < ?1", 1,
				   sql_time(until_ns), &last);
		if (r < 0)
			return r;
		high = MIN(high, last);
	}
	if (query->sequence) {
		low = MAX(low, query->sequence);
		high = MIN(high, query->sequence);
	}
	search->low = MAX(MAX(low, query->from_sequence), 1u); /* no event has the number 0 */
	search->high = high;
	return 0;
}

static int step_table(struct search *search, unsigned category)
{
	int r = sqlite3_step(search->tables[category]);

	search->has_row[category] = r == SQLITE_ROW;
	return sql_errno(r);
}

/* The table whose row is next; N_CATEGORIES: none has any. */
static unsigned next_table(const struct search *search)
{
	unsigned next = N_CATEGORIES;
	int64_t best = 0;

	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		int64_t sequence;

		if (!search->has_row[i])
			continue;
		sequence = sqlite3_column_int64(search->tables[i], EVENT_SEQUENCE);
		if (next == N_CATEGORIES ||
		    (search->query->newest_first ? sequence > best : sequence < best)) {
			next = i;
			best = sequence;
		}
	}
	return next;
}

/* Moves the range behind what has been looked at. */
static void advance(struct search *search, uint64_t low, uint64_t high, bool window_done, uint64_t last)
{
	if (search->query->newest_first)
		search->high = window_done ? low - 1 : last - 1;
	else
		search->low = window_done ? high + 1 : last + 1;
}

/* The next block of the range that may have what is needed. > 0: it is in *low, *high; 0: none of those that were looked at. */
static int next_block(struct search *search, uint64_t *low, uint64_t *high)
{
	bool down = search->query->newest_first;
	uint64_t first = *low, last = *high;
	unsigned n = 0;
	int r;

	sqlite3_bind_int64(search->blocks, 1, (int64_t)(first >> BLOCK_BITS));
	sqlite3_bind_int64(search->blocks, 2, (int64_t)(last >> BLOCK_BITS));
	while ((r = sqlite3_step(search->blocks)) == SQLITE_ROW) {
		uint64_t id = (uint64_t)sqlite3_column_int64(search->blocks, 0);
		struct span sieve = { sqlite3_column_blob(search->blocks, 1), 0 };

		n++;
		*low = MAX(first, id << BLOCK_BITS);
		*high = MIN(last, (id << BLOCK_BITS) + BLOCK_EVENTS - 1);
		sieve.size = (size_t)sqlite3_column_bytes(search->blocks, 1);
		if (needs_may_be_in(search->needs, sieve))
			return 1;
	}
	if (r != SQLITE_DONE)
		return sql_errno(r);
	if (n < BLOCKS) {
		*low = first;
		*high = last;
	}
	advance(search, down ? *low : first, down ? last : *high, true, 0);
	return 0;
}

/* What this batch looks at of the range. */
static int choose_window(struct search *search, uint64_t *low, uint64_t *high)
{
	if (search->blocks)
		return next_block(search, low, high);
	if (*high - *low >= WINDOW) {
		if (search->query->newest_first)
			*low = *high - WINDOW + 1;
		else
			*high = *low + WINDOW - 1;
	}
	return 1;
}

static void bind_range(const struct search *search, sqlite3_stmt *statement, uint64_t low, uint64_t high)
{
	const struct history_query *query = search->query;

	/* What a statement has no parameter for is refused, and of no interest. */
	sqlite3_bind_int64(statement, PARAMETER_LOW, (int64_t)low);
	sqlite3_bind_int64(statement, PARAMETER_HIGH, (int64_t)high);
	sqlite3_bind_int64(statement, PARAMETER_SINCE, sql_time(query->since_ns));
	sqlite3_bind_int64(statement, PARAMETER_UNTIL, sql_time(query->until_ns));
	sqlite3_bind_int64(statement, PARAMETER_TIME, (int64_t)query->event_time_ns);
	sqlite3_bind_int64(statement, PARAMETER_ORIGIN, (int64_t)query->event_origin);
	sqlite3_bind_int64(statement, PARAMETER_ENTITY, (int64_t)query->entity_id);
	sqlite3_bind_int64(statement, PARAMETER_PID, query->pid);
}

/* The current row of a table into the batch, if it is one that is asked for. */
static int take_row(struct search *search, unsigned table, uint64_t sequence)
{
	sqlite3_stmt *statement = search->tables[table];
	int r = 1;

	if (search->needs) {
		r = needs_are_met(search->needs, statement, table);
		if (r <= 0)
			return r;
		statement = search->whole[table];
		bind_range(search, statement, sequence, sequence);
		r = sqlite3_step(statement);
		if (r != SQLITE_ROW) {
			sqlite3_reset(statement);
			return sql_errno(r);
		}
	}
	r = history_row_event(&search->history->rows, statement, table, &search->batch[search->n_batch]);
	if (r == 0)
		search->n_batch++;
	if (search->needs)
		sqlite3_reset(statement);
	return r == -ENODATA ? 0 : r;
}

/* In a transaction: fills the batch from a window of the range. */
static int fill_batch(struct search *search)
{
	const struct history_query *query = search->query;
	uint64_t low = search->low, high = search->high, last = 0;
	unsigned table;
	int r;

	r = choose_window(search, &low, &high);
	if (r <= 0)
		return r;
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		uint64_t from = search->from[i];

		search->has_row[i] = false;
		if (!search->tables[i])
			continue;
		if (query->newest_first)
			bind_range(search, search->tables[i], low, from ? MIN(high, from) : high);
		else
			bind_range(search, search->tables[i], MAX(low, from), high);
		r = step_table(search, i);
		if (r < 0)
			return r;
	}
	while ((table = next_table(search)) < N_CATEGORIES && search->n_batch < search->batch_size) {
		last = (uint64_t)sqlite3_column_int64(search->tables[table], EVENT_SEQUENCE);
		r = take_row(search, table, last);
		if (r < 0)
			return r;
		r = step_table(search, table);
		if (r < 0)
			return r;
	}
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		if (search->has_row[i])
			search->from[i] = (uint64_t)sqlite3_column_int64(search->tables[i], EVENT_SEQUENCE);
		else
			search->from[i] = query->newest_first ? MAX(low - 1, 1u) : high + 1;
	advance(search, low, high, table == N_CATEGORIES, last);
	return 0;
}

static int next_batch(struct search *search)
{
	int r, end;

	r = sql_exec(search->history->db, "BEGIN");
	if (r < 0)
		return r;
	r = fill_batch(search);
	sqlite3_reset(search->blocks);
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		sqlite3_reset(search->tables[i]);
	end = sql_exec(search->history->db, "COMMIT");
	search->batch_size = MIN(search->batch_size * 2, (size_t)LARGEST_BATCH);
	return r < 0 ? r : end;
}

bool history_key_text(enum field field, struct span text, bool any_case, uint64_t *ret)
{
	if ((!sieve_has_field(field) && !layout_digest_group(field)) || (any_case && !sieve_folds_case(field)))
		return false;
	*ret = sieve_key_text(field, text);
	return true;
}

bool history_key_number(enum field field, uint64_t number, uint64_t *ret)
{
	if (!sieve_has_field(field))
		return false;
	*ret = sieve_key_number(field, number);
	return true;
}

static int ask(struct search *search, const struct history_need *need)
{
	struct digest_need *made = &search->made[search->n_asked];
	int r;

	if (search->n_asked == NEEDS_MAX)
		return 0;
	r = digest_need_make(made, search->history->db, need);
	search->asked[search->n_asked++] = made->need;
	return r;
}

static int prepare_blocks(struct search *search)
{
	static const enum field entity_id = FIELD_entity_id, pid = FIELD_pid;
	const struct history_query *query = search->query;
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	int r = 0;

	if (query->entity_id && history_key_number(entity_id, query->entity_id, &search->entity_key))
		r = ask(search, &(struct history_need){ &entity_id, &search->entity_key, 1, 1 });
	if (r == 0 && query->pid && history_key_number(pid, query->pid, &search->pid_key))
		r = ask(search, &(struct history_need){ &pid, &search->pid_key, 1, 1 });
	for (size_t i = 0; i < query->n_needs && r == 0; i++)
		r = ask(search, &query->needs[i]);
	if (r < 0)
		return r;
	if (search->n_asked == 0 && !query->lineage)
		return 0;
	r = needs_new(&search->needs, &search->history->rows, search->asked, search->n_asked, query->lineage);
	if (r < 0)
		return r;
	buffer_printf(&sql, "SELECT id, sieve FROM block WHERE id BETWEEN ?1 AND ?2 ORDER BY id%s LIMIT %d",
		      query->newest_first ? " DESC" : "", BLOCKS);
	return buffer_error(&sql) < 0 ? -ENOMEM : sql_prepare(search->history->db, buffer_text(&sql), &search->blocks);
}

static int run(struct search *search, history_event_fn fn, void *user)
{
	int r = find_range(search);

	if (r == 0)
		r = prepare_blocks(search);
	for (unsigned i = 0; r == 0 && i < N_CATEGORIES; i++)
		r = prepare_table(search, i);
	while (r == 0 && search->low <= search->high) {
		r = next_batch(search);
		if (r < 0)
			return r;
		for (size_t i = 0; i < search->n_batch && r == 0; i++)
			r = fn(user, search->batch[i]);
		for (size_t i = 0; i < search->n_batch; i++)
			event_free(search->batch[i]);
		search->n_batch = 0;
	}
	return r < 0 ? r : 0;
}

int history_events(struct history *history, const struct history_query *query, history_event_fn fn,
		   void *user)
{
	_cleanup_(search_freep) struct search *search = calloc(1, sizeof(*search));
	int r, whole;

	if (!search)
		return -ENOMEM;
	search->history = history;
	search->query = query;
	search->batch_size = FIRST_BATCH;
	r = history_rows_narrow(&history->rows, query->part);
	if (r == 0)
		r = run(search, fn, user);
	whole = history_rows_narrow(&history->rows, NULL);
	return r < 0 ? r : whole;
}
