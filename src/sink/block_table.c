/* See block_table.h. */

#include "sink/block_table.h"

#include "base/macro.h"
#include "sink/store.h"

int block_table_init(struct block_table *table)
{
	return sieve_new(&table->sieve);
}

void block_table_release(struct block_table *table)
{
	sieve_free(table->sieve);
	buffer_release(&table->sieve_bytes);
}

int block_table_open(struct block_table *table, sqlite3 *db)
{
	int r = sql_prepare(db, "INSERT OR REPLACE INTO block VALUES (?,?,?,?)", &table->block);

	return r < 0 ? r : sql_prepare(db, "INSERT OR REPLACE INTO content VALUES (?,?,?,?)", &table->content);
}

void block_table_close(struct block_table *table)
{
	table->block = sql_finalize(table->block);
	table->content = sql_finalize(table->content);
	table->now = table->committed = (struct block){ 0 };
}

bool block_table_is_in(const struct block_table *table, const struct event *event)
{
	return table->now.n > 0 && table->now.id == event->sequence >> BLOCK_BITS;
}

static int write_content(struct block_table *table)
{
	const struct block *now = &table->now, *committed = &table->committed;
	int r = 0;

	for (unsigned i = 0; i < N_CATEGORIES && r == 0; i++) {
		if (now->of[i].events == 0 || (now->id == committed->id && now->of[i].events == committed->of[i].events))
			continue;
		sqlite3_bind_int64(table->content, 1, (int64_t)now->id);
		sqlite3_bind_int64(table->content, 2, i);
		sqlite3_bind_int64(table->content, 3, (int64_t)now->of[i].events);
		sqlite3_bind_int64(table->content, 4, (int64_t)now->of[i].bytes);
		r = sql_run(table->content);
	}
	return r;
}

int block_table_write(struct block_table *table, bool is_whole)
{
	const struct block *now = &table->now;
	struct span sieve = { NULL, 0 };
	int r;

	if (now->n == 0)
		return 0;
	if (is_whole) {
		buffer_clear(&table->sieve_bytes);
		if (sieve_append(table->sieve, &table->sieve_bytes))
			sieve = buffer_span(&table->sieve_bytes);
	}
	sqlite3_bind_int64(table->block, 1, (int64_t)now->id);
	sqlite3_bind_int64(table->block, 2, (int64_t)now->min_ns);
	sqlite3_bind_int64(table->block, 3, (int64_t)now->max_ns);
	sqlite3_bind_blob64(table->block, 4, sieve.data, sieve.size, SQLITE_STATIC);	/* NULL: NULL */
	r = sql_run(table->block);
	return r < 0 ? r : write_content(table);
}

int block_table_begin(struct block_table *table, const struct event *event)
{
	int r = block_table_write(table, true);

	sieve_clear(table->sieve);
	table->now = (struct block){ .id = event->sequence >> BLOCK_BITS, .min_ns = event->time_ns, .max_ns = event->time_ns };
	return r;
}

void block_table_add(struct block_table *table, const struct event *event, uint64_t bytes)
{
	struct block *now = &table->now;

	now->n++;
	now->min_ns = MIN(now->min_ns, event->time_ns);
	now->max_ns = MAX(now->max_ns, event->time_ns);
	now->of[event_category(event)].events++;
	now->of[event_category(event)].bytes += bytes;
	sieve_add(table->sieve, event);
}

void block_table_settle(struct block_table *table)
{
	table->committed = table->now;
}

void block_table_forget(struct block_table *table)
{
	/* Of the next block nothing is known to be committed but what was before. */
	if (table->now.id != table->committed.id)
		sieve_spoil(table->sieve);
	table->now = table->committed;
}
