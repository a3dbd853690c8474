/* See history.h.
 *
 * The tables of the categories are read side by side and merged by sequence. Rows are fetched in batches,
 * each in a read transaction of its own, and given to the caller when that is over: a caller that waits for
 * its terminal keeps nobody from cutting the WAL. A batch looks at so many sequence numbers at most, so
 * that a search that finds nothing does not hold its snapshot for long either. */

#include <errno.h>

#include "sink/history_file.h"

#define FIRST_BATCH   32 /* events; doubles, since who asks for few wants them at once */
#define LARGEST_BATCH 1024
#define IMAGES_OF     "SELECT p.id FROM process p JOIN process f ON f.id = coalesce(p.first, p.id) WHERE "
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
	sqlite3_stmt *tables[N_CATEGORIES];
	bool has_row[N_CATEGORIES];
	struct event *batch[LARGEST_BATCH];
	size_t n_batch, batch_size;
};

static void search_release(struct search *search)
{
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		sql_finalize(search->tables[i]);
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
	buffer_printf(&sql,
		      "SELECT " HISTORY_EVENT_COLUMNS " FROM " HISTORY_EVENT_TABLES " WHERE e.sequence BETWEEN ?%d AND ?%d",
		      categories[category].name, categories[category].name, categories[category].name, PARAMETER_LOW,
		      PARAMETER_HIGH);
	if (query->since_ns)
		buffer_printf(&sql, " AND t.time + e.time >= ?%d", PARAMETER_SINCE);
	if (query->until_ns)
		buffer_printf(&sql, " AND t.time + e.time < ?%d", PARAMETER_UNTIL);
	if (query->event_time_ns || query->event_origin)
		buffer_printf(&sql, " AND t.time + e.time = ?%d AND e.origin = ?%d", PARAMETER_TIME, PARAMETER_ORIGIN);
	if (query->entity_id)
		buffer_printf(&sql, " AND e.process IN (" IMAGES_OF "f.process_entity_id = ?%d)", PARAMETER_ENTITY);
	if (query->pid)
		buffer_printf(&sql, " AND e.process IN (" IMAGES_OF "f.process_pid = ?%d)", PARAMETER_PID);
	if (!all)
		buffer_printf(&sql, " AND s.kind IN (%s)", buffer_text(&numbers));
	buffer_printf(&sql, " ORDER BY e.sequence%s", query->newest_first ? " DESC" : "");
	if (buffer_error(&sql) < 0 || buffer_error(&numbers) < 0)
		return -ENOMEM;
	return sql_prepare(search->history->db, buffer_text(&sql), &search->tables[category]);
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
	if (query->entity_id || query->pid) {
		uint64_t first = high + 1;

		r = query->entity_id
			    ? history_number(db,
					     "SELECT min(sequence) FROM process WHERE process_entity_id = ?1",
					     1, (int64_t)query->entity_id, &first)
			    : history_number(db, "SELECT min(sequence) FROM process WHERE process_pid = ?1",
					     1, query->pid, &first);
		if (r < 0)
			return r;
		low = MAX(low, first);
	}
	if (query->sequence) {
		low = MAX(low, query->sequence);
		high = MIN(high, query->sequence);
	}
	search->low = MAX(low, query->from_sequence);
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

/* In a transaction: fills the batch from a window of the range. */
static int fill_batch(struct search *search)
{
	const struct history_query *query = search->query;
	uint64_t low = search->low, high = search->high, last = 0;
	unsigned table;
	int r;

	if (high - low >= WINDOW) {
		if (query->newest_first)
			low = high - WINDOW + 1;
		else
			high = low + WINDOW - 1;
	}
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		sqlite3_stmt *statement = search->tables[i];

		search->has_row[i] = false;
		if (!statement)
			continue;
		sqlite3_bind_int64(statement, PARAMETER_LOW, (int64_t)low);
		sqlite3_bind_int64(statement, PARAMETER_HIGH, (int64_t)high);
		sqlite3_bind_int64(statement, PARAMETER_SINCE, sql_time(query->since_ns));
		sqlite3_bind_int64(statement, PARAMETER_UNTIL, sql_time(query->until_ns));
		sqlite3_bind_int64(statement, PARAMETER_TIME, (int64_t)query->event_time_ns);
		sqlite3_bind_int64(statement, PARAMETER_ORIGIN, (int64_t)query->event_origin);
		sqlite3_bind_int64(statement, PARAMETER_ENTITY, (int64_t)query->entity_id);
		sqlite3_bind_int64(statement, PARAMETER_PID, query->pid);
		r = step_table(search, i);
		if (r < 0)
			return r;
	}
	while ((table = next_table(search)) < N_CATEGORIES && search->n_batch < search->batch_size) {
		last = (uint64_t)sqlite3_column_int64(search->tables[table], EVENT_SEQUENCE);
		r = history_row_event(&search->history->rows, search->tables[table], table,
				      &search->batch[search->n_batch]);
		if (r == 0)
			search->n_batch++;
		else if (r != -ENODATA)
			return r;
		r = step_table(search, table);
		if (r < 0)
			return r;
	}
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
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		sqlite3_reset(search->tables[i]);
	end = sql_exec(search->history->db, "COMMIT");
	search->batch_size = MIN(search->batch_size * 2, (size_t)LARGEST_BATCH);
	return r < 0 ? r : end;
}

int history_events(struct history *history, const struct history_query *query, history_event_fn fn,
		   void *user)
{
	_cleanup_(search_freep) struct search *search = calloc(1, sizeof(*search));
	int r;

	if (!search)
		return -ENOMEM;
	search->history = history;
	search->query = query;
	search->batch_size = FIRST_BATCH;
	r = find_range(search);
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
