/* See history.h.  Rows of process have numbers in the order of the events that they were first stored for. So those that a lineage
 * may have are looked for only among the rows that were new in blocks whose sieves know it. */

#include <errno.h>
#include <stdlib.h>

#include "sink/history_file.h"
#include "sink/history_lineage.h"

#define PROCESS_BATCH 512
#define IMAGES_MAX    64		/* of one process that are followed to its last */

/* ?1, ?2: rows between, `and`: which of them, or nothing. */
static int prepare(struct history *history, const char *and, sqlite3_stmt **ret)
{
	_cleanup_(buffer_release) struct buffer sql = { 0 };

	buffer_printf(&sql,
		      "SELECT p.id, t.time + x.time, s.process_exit_code, p.ended FROM process p "
		      "LEFT JOIN event_process x ON x.sequence = " ENDED_BY_SQL " LEFT JOIN tick t ON t.id = x.sequence >> 8 "
		      "LEFT JOIN shape_process s ON s.id = x.shape WHERE p.id BETWEEN ?1 AND ?2%s ORDER BY p.id LIMIT %d",
		      (long long)ENDED_NONE, (long long)ENDED_BASE, and, PROCESS_BATCH);
	return buffer_error(&sql) < 0 ? -ENOMEM : sql_prepare(history->db, buffer_text(&sql), ret);
}

#define FIRST_OF_IMAGE " AND (p.image IS NULL OR NOT EXISTS (SELECT 1 FROM process i WHERE i.id = p.image))"

static int read_process(struct history *history, sqlite3_stmt *statement, struct history_process *ret)
{
	int64_t ended = sqlite3_column_int64(statement, 3);
	struct context *context;
	int r;

	*ret = (struct history_process){ .row = sqlite3_column_int64(statement, 0), .exit_code = -1 };
	ret->end_ns = (uint64_t)sqlite3_column_int64(statement, 1);
	if (sqlite3_column_type(statement, 2) != SQLITE_NULL)
		ret->exit_code = sqlite3_column_int(statement, 2);
	ret->replaced = ended != ENDED_NONE && !(ended & 1);
	r = history_row_context(&history->rows, ret->row, &context);
	if (r == 0)
		ret->context = context_ref(context);
	return r;
}

/* Batches of images, between two rows. */

struct reading {
	struct history *history;
	struct lineage *lineage;	/* NULL: all */
	sqlite3_stmt *statement, *ids;
	history_process_fn fn;
	void *user;
	struct history_process batch[PROCESS_BATCH];
	size_t n;
};

static struct reading *reading_free(struct reading *reading)
{
	if (!reading)
		return NULL;
	lineage_free(reading->lineage);
	sql_finalize(reading->statement);
	sql_finalize(reading->ids);
	free(reading);
	return NULL;
}
DEFINE_CLEANUP(struct reading, reading_free)

static int reading_new(struct reading **ret, struct history *history, const struct history_lineage *lineage)
{
	_cleanup_(reading_freep) struct reading *reading = calloc(1, sizeof(*reading));
	int r;

	if (!reading)
		return -ENOMEM;
	reading->history = history;
	r = prepare(history, FIRST_OF_IMAGE, &reading->statement);
	if (r == 0 && lineage)
		r = lineage_new(&reading->lineage, history->db, lineage);
	if (r == 0 && lineage)
		r = sql_prepare(history->db, "SELECT id FROM process WHERE id BETWEEN ?1 AND ?2 ORDER BY id", &reading->ids);
	if (r < 0)
		return r;
	*ret = TAKE(reading);
	return 0;
}

static int fill_batch(struct reading *reading, int64_t first, int64_t last)
{
	int r;

	sqlite3_bind_int64(reading->statement, 1, first);
	sqlite3_bind_int64(reading->statement, 2, last);
	while ((r = sqlite3_step(reading->statement)) == SQLITE_ROW) {
		r = read_process(reading->history, reading->statement, &reading->batch[reading->n]);
		if (r < 0)
			break;
		reading->n++;
	}
	if (r >= 0)
		r = sql_errno(r);
	sqlite3_reset(reading->statement);
	return r;
}

/* Only those of the lineage; *ret_last is the row that was looked at last. */
static int fill_batch_of_lineage(struct reading *reading, int64_t first, int64_t last, int64_t *ret_last)
{
	int r = SQLITE_DONE, has = 0;

	sqlite3_bind_int64(reading->ids, 1, first);
	sqlite3_bind_int64(reading->ids, 2, last);
	while (reading->n < PROCESS_BATCH && has >= 0 && (r = sqlite3_step(reading->ids)) == SQLITE_ROW) {
		*ret_last = sqlite3_column_int64(reading->ids, 0);
		has = lineage_has(reading->lineage, *ret_last);
		if (has > 0)
			has = fill_batch(reading, *ret_last, *ret_last);
	}
	if (reading->n < PROCESS_BATCH && has >= 0) {
		has = sql_errno(r);
		*ret_last = last;
	}
	sqlite3_reset(reading->ids);
	return has;
}

static int give_batch(struct reading *reading)
{
	int r = 0;

	for (size_t i = 0; i < reading->n; i++) {
		if (r == 0 && reading->batch[i].context)
			r = reading->fn(reading->user, &reading->batch[i]);
		context_unref(reading->batch[i].context);
	}
	reading->n = 0;
	return r;
}

static int read_between(struct reading *reading, int64_t first, int64_t last)
{
	int r = 0;

	while (first <= last && r == 0) {
		int64_t at = last;

		if (reading->lineage) {
			r = fill_batch_of_lineage(reading, first, last, &at);
		} else {
			r = fill_batch(reading, first, last);
			if (reading->n == PROCESS_BATCH)
				at = reading->batch[reading->n - 1].row;
		}
		if (r < 0) {
			for (size_t i = 0; i < reading->n; i++)
				context_unref(reading->batch[i].context);
			reading->n = 0;
			return r;
		}
		r = give_batch(reading);
		if (at == INT64_MAX)
			break;
		first = at + 1;
	}
	return r;
}

/* Which rows to look among. */

struct range {				/* of numbers of events */
	uint64_t first, last;
};
struct ranges {
	struct range *items;
	size_t n, max;
};

static void ranges_release(struct ranges *ranges)
{
	free(ranges->items);
}

static int ranges_add(struct ranges *ranges, uint64_t first, uint64_t last)
{
	if (ranges->n > 0 && ranges->items[ranges->n - 1].last + 1 >= first) {
		ranges->items[ranges->n - 1].last = last;
		return 0;
	}
	if (ranges->n == ranges->max) {
		size_t max = ranges->max ? ranges->max * 2 : 64;
		struct range *items = reallocarray(ranges->items, max, sizeof(*items));

		if (!items)
			return -ENOMEM;
		ranges->items = items;
		ranges->max = max;
	}
	ranges->items[ranges->n++] = (struct range){ first, last };
	return 0;
}

/* Blocks that may have it, and numbers that are of no block: what was cleaned away may have left rows of processes. */
static int find_ranges(const struct reading *reading, struct ranges *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	uint64_t next = 0;
	int r = sql_prepare(reading->history->db, "SELECT id, sieve FROM block ORDER BY id", &statement), e = 0;

	if (r < 0)
		return r;
	while (e == 0 && (r = sqlite3_step(statement)) == SQLITE_ROW) {
		uint64_t first = (uint64_t)sqlite3_column_int64(statement, 0) << BLOCK_BITS;
		const void *bytes = sqlite3_column_blob(statement, 1);
		struct span sieve = { bytes, (size_t)sqlite3_column_bytes(statement, 1) };

		if (first > next)
			e = ranges_add(ret, next, first - 1);
		if (e == 0 && lineage_may_be_in(reading->lineage, sieve))
			e = ranges_add(ret, first, first + BLOCK_EVENTS - 1);
		next = first + BLOCK_EVENTS;
	}
	if (e == 0)
		e = sql_errno(r);
	return e < 0 ? e : ranges_add(ret, next, INT64_MAX);
}

/* The first row that was stored for an event of this number or a later one. */
static int find_row(sqlite3_stmt *statement, uint64_t sequence, int64_t end, int64_t *ret)
{
	int64_t low = 1, high = end;
	int r;

	while (low < high) {
		int64_t middle = low + (high - low) / 2, found = high;
		bool before = false;

		sqlite3_bind_int64(statement, 1, middle);
		r = sqlite3_step(statement);
		if (r == SQLITE_ROW) {
			found = sqlite3_column_int64(statement, 0);
			before = (uint64_t)sqlite3_column_int64(statement, 1) < sequence;
		}
		sqlite3_reset(statement);
		r = sql_errno(r);
		if (r < 0)
			return r;
		if (before)
			low = found + 1;
		else
			high = middle;
	}
	*ret = low;
	return 0;
}

static int read_lineage(struct reading *reading)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	_cleanup_(ranges_release) struct ranges ranges = { 0 };
	int64_t end = 0;
	int r = find_ranges(reading, &ranges);

	if (r == 0)
		r = sql_number(reading->history->db, "SELECT coalesce(max(id), 0) + 1 FROM process", &end);
	if (r == 0)
		r = sql_prepare(reading->history->db, "SELECT id, sequence FROM process WHERE id >= ?1 ORDER BY id LIMIT 1",
				&statement);
	for (size_t i = 0; i < ranges.n && r == 0; i++) {
		int64_t first, behind = INT64_MAX;

		r = find_row(statement, ranges.items[i].first, end, &first);
		if (r == 0 && ranges.items[i].last < INT64_MAX)
			r = find_row(statement, ranges.items[i].last + 1, end, &behind);
		if (r == 0)
			r = read_between(reading, first, behind == INT64_MAX ? behind : behind - 1);
	}
	return r;
}

int history_processes(struct history *history, const struct history_lineage *lineage, history_process_fn fn, void *user)
{
	_cleanup_(reading_freep) struct reading *reading = NULL;
	int r = reading_new(&reading, history, lineage);

	if (r < 0)
		return r;
	reading->fn = fn;
	reading->user = user;
	r = lineage ? read_lineage(reading) : read_between(reading, 1, INT64_MAX);
	return r < 0 ? r : 0;
}

/* Ancestors. */

/* The row of the image that a row is of. */
static int image_of(struct history *history, int64_t row, int64_t *ret)
{
	uint64_t image = (uint64_t)row;
	int r = history_number(history->db, "SELECT i.id FROM process p JOIN process i ON i.id = p.image WHERE p.id = ?1", 1, row,
			       &image);

	*ret = (int64_t)image;
	return r;
}

/* The image that this one became, by the event that ended it; 0: none that is known. */
static int next_image(struct history *history, int64_t image, int64_t *ret)
{
	_cleanup_(buffer_release) struct buffer ended = { 0 };
	uint64_t by = 0, next = 0;
	int r;

	*ret = 0;
	buffer_printf(&ended, "SELECT iif(p.ended & 1, NULL, " ENDED_BY_SQL ") FROM process p WHERE p.id = ?1", (long long)ENDED_NONE,
		      (long long)ENDED_BASE);
	if (buffer_error(&ended) < 0)
		return -ENOMEM;
	r = history_number(history->db, buffer_text(&ended), 1, image, &by);
	if (r < 0 || by == 0)
		return r;
	for (unsigned i = 0; i < N_CATEGORIES && r == 0 && next == 0; i++) {
		_cleanup_(buffer_release) struct buffer sql = { 0 };

		buffer_printf(&sql, "SELECT process FROM event_%s WHERE sequence = ?1", categories[i].name);
		r = buffer_error(&sql) < 0 ? -ENOMEM
					   : history_number(history->db, buffer_text(&sql), 1, (int64_t)by, &next);
	}
	if (r < 0 || next == 0)
		return r;
	r = image_of(history, (int64_t)next, ret);
	if (*ret <= image)
		*ret = 0; /* damaged */
	return r;
}

static int last_image(struct history *history, int64_t row, int64_t *ret)
{
	int64_t image, next;
	int r = image_of(history, row, &image);

	for (unsigned i = 0; i < IMAGES_MAX && r == 0; i++) {
		r = next_image(history, image, &next);
		if (r < 0 || next == 0)
			break;
		image = next;
	}
	*ret = image;
	return r;
}

int history_ancestors(struct history *history, const struct context *context, history_process_fn fn, void *user)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = prepare(history, "", &statement);

	for (const struct context *c = context->parent; c && r == 0; c = c->parent) {
		struct history_process process = { 0 };
		int64_t image;

		r = last_image(history, c->row, &image);
		if (r < 0)
			break;
		sqlite3_bind_int64(statement, 1, image);
		sqlite3_bind_int64(statement, 2, image);
		r = sqlite3_step(statement);
		r = r == SQLITE_ROW ? read_process(history, statement, &process) : sql_errno(r);
		sqlite3_reset(statement);
		if (r == 0 && process.context)
			r = fn(user, &process);
		context_unref(process.context);
	}
	return r < 0 ? r : 0;
}
