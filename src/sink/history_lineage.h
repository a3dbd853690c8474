#pragma once
/* Which rows of process are a process that is asked for or descend from it, found without reading what else is known of them. */

#include "sink/history.h"
#include "sink/sql.h"

struct lineage;

int lineage_new(struct lineage **ret, sqlite3 *db, const struct history_lineage *asked);	/* 0 or -errno */
struct lineage *lineage_free(struct lineage *lineage);
DEFINE_CLEANUP(struct lineage, lineage_free)

/* Of a block by its sieve: whether events of it may be of one, or refer to one. */
bool lineage_may_be_in(const struct lineage *lineage, struct span sieve);
/* > 0: the row is one, or too much of its line of ancestors is unknown to tell; 0: it is none; < 0: -errno. */
int lineage_has(struct lineage *lineage, int64_t row);
