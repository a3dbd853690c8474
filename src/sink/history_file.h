#pragma once
/* An open history, for the files that read it. */

#include "sink/history.h"
#include "sink/history_row.h"

struct host {
	char *id, *name, *boot_id;
};

struct history {
	sqlite3 *db;
	char *path;
	struct history_rows rows;
	struct host host;		/* as of the last run */
	struct host run;		/* of the event asked for */
	bool (*stop)(void *user);	/* NULL: nobody is asked */
	void *stop_user;
};

/* Runs a statement with one parameter (0: none) for its first column; *ret is left alone if that is NULL or
 * there is no row. */
int history_number(sqlite3 *db, const char *sql, int parameter, int64_t value, uint64_t *ret);

/* Times beyond what the database can hold are as late as any. */
static inline int64_t sql_time(uint64_t time_ns)
{
	return (int64_t)MIN(time_ns, (uint64_t)INT64_MAX);
}
