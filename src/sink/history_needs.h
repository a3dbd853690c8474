#pragma once
/* Which rows meet the needs of a query, found without reading the events: the few columns that the needs are about, and what is
 * known of the process. */

#include "sink/history.h"
#include "sink/history_row.h"

#define NEEDS_MAX 16

struct needs;

/* Borrows the needs and rows. The first NEEDS_MAX of them are looked at.  lineage: NULL: of any process, or none. */
int needs_new(struct needs **ret, struct history_rows *rows, const struct history_need *needs, size_t n,
	      const struct history_lineage *lineage);
struct needs *needs_free(struct needs *needs);
DEFINE_CLEANUP(struct needs, needs_free)

/* Of a block by its sieve. */
bool needs_may_be_in(const struct needs *needs, struct span sieve);
/* Whether events of the category can meet them at all; then appends the columns that are needed behind `e.sequence, e.process`,
 * and the tables for FROM. */
bool needs_sql(struct needs *needs, unsigned category, struct buffer *columns, struct buffer *tables);
/* Of the current row of such a statement. > 0: it meets them all, as far as can be told; 0: it does not; < 0: -errno. */
int needs_are_met(struct needs *needs, sqlite3_stmt *statement, unsigned category);
