#pragma once
/* Tables `block` and `content`: of each block, which is the events of so many numbers of sequence in a row, when the first and the last of
 * them was, how many of each category it has and in how many bytes, and a sieve of their values.  Told again at every commit while the
 * block grows, with the sieve when it is whole.  In the transaction of the events. */

#include "event/event.h"
#include "sink/sieve.h"
#include "sink/sql.h"

struct block {
	uint64_t id, min_ns, max_ns, n;	/* n 0: there is none */
	struct {
		uint64_t events, bytes;
	} of[N_CATEGORIES];
};

struct block_table {
	sqlite3_stmt *block, *content;
	struct block now, committed;
	struct sieve *sieve;		/* of the block */
	struct buffer sieve_bytes;
};

int block_table_init(struct block_table *table);	/* 0 or -ENOMEM */
void block_table_release(struct block_table *table);
/* Of a file, with no block of it begun.  0 or -errno; _close() in either case. */
int block_table_open(struct block_table *table, sqlite3 *db);
void block_table_close(struct block_table *table);
bool block_table_is_in(const struct block_table *table, const struct event *event);
/* No event comes to the block any more; the event is the first of another. */
int block_table_begin(struct block_table *table, const struct event *event);
void block_table_add(struct block_table *table, const struct event *event, uint64_t bytes);
/* Before a commit.  is_whole: no event comes to the block any more. */
int block_table_write(struct block_table *table, bool is_whole);
void block_table_settle(struct block_table *table);	/* it is committed */
void block_table_forget(struct block_table *table);	/* it was rolled back */
