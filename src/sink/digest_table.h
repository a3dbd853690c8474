#pragma once
/* Table `digest`: the hashes of a version of a file, once for all rows that name it.  A row comes when the version is first named, with
 * nothing known, and is filled when an event recorder.hash tells.  In the transaction of the events. */

#include "event/event.h"
#include "sink/sql.h"

#define DIGESTS_KEPT 1024

struct digest_table {
	sqlite3_stmt *find, *insert, *fill;
	struct {
		uint64_t hash_id;
		int64_t row;			/* 0: free */
	} kept[DIGESTS_KEPT];			/* by the low bits */
};

void digest_table_sql(struct buffer *sql);	/* CREATE TABLE and its index */
/* 0 or -errno; _close() in either case. */
int digest_table_open(struct digest_table *table, sqlite3 *db);
void digest_table_close(struct digest_table *table);
/* The row of a version, made if there is none. */
int digest_table_row(struct digest_table *table, uint64_t hash_id, int64_t *ret);
/* An event recorder.hash. */
int digest_table_event(struct digest_table *table, const struct event *event);
void digest_table_forget(struct digest_table *table);	/* it was rolled back */
/* Rows that nothing names any more; outside of a transaction of events. */
int digest_table_clean(struct digest_table *table, sqlite3 *db);
