#pragma once
/* Rows of the database -> events and contexts: what row.h does, backwards. */

#include "sink/history.h"
#include "sink/layout.h"
#include "sink/sql.h"

struct history_rows {
	sqlite3 *db;			/* borrowed */
	struct layout layout;
	sqlite3_stmt *digest, *text, *process, *session;
	bool as_stored;			/* nothing is added that became known later */
	sqlite3_stmt *paths[N_CATEGORIES];	/* of an event that others refer to; made when first asked for */
	struct context **contexts;	/* references, by row modulo their number */
	const struct history_part *part;	/* of these that is read; NULL: all */
	size_t bytes;			/* of the text of these */
	struct buffer scratch;
};

int history_rows_open(struct history_rows *rows, sqlite3 *db);	/* history_rows_close() in either case */
void history_rows_close(struct history_rows *rows);

/* Contexts as they were stored, from now on: without what only became known of their login sessions. */
void history_rows_as_stored(struct history_rows *rows);
/* Contexts are read in part from now on, NULL: whole.  The part is borrowed. */
int history_rows_narrow(struct history_rows *rows, const struct history_part *part);

/* Appends the columns an event is made from, those that are left out as NULL. */
void history_row_columns(struct buffer *sql, const struct layout *layout, unsigned category, const struct history_part *part);
/* And the tables: %s is its category, three times. */
#define HISTORY_EVENT_TABLES                                                                                    \
	"event_%s e CROSS JOIN tick t ON t.id = e.sequence >> 8 CROSS JOIN shape_%s s ON s.id = e.shape "          \
	"LEFT JOIN more_%s m ON m.sequence = e.sequence"
/* From the current row of such a statement. 0: *ret is set; -ENODATA: no event that this program knows. */
int history_row_event(struct history_rows *rows, sqlite3_stmt *statement, unsigned category,
		      struct event **ret);
/* One field of a table's row, `at` its first column in the statement, into values that are made empty for it; `sequence`: of the
 * event.  0 or -errno. */
int history_row_field(struct history_rows *rows, sqlite3_stmt *statement, int at, const struct column *column, unsigned category,
		      int64_t sequence, struct values *values);
/* The context in a row of process, with its parents: borrowed until the next call, NULL if there is none. */
int history_row_context(struct history_rows *rows, int64_t row, struct context **ret);
