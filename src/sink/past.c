/* See past.h. */

#include "sink/past.h"

#include <errno.h>
#include <stdio.h>

#include "event/schema.h"

static int read_meta(sqlite3 *db, struct sink_report *report)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	int r = sql_prepare(db, "SELECT key, value FROM meta", &statement);

	if (r < 0)
		return r;
	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(statement, 0);
		const char *text;

		if (!key)
			continue;
		if (strcmp(key, "clean_stop") == 0)
			report->clean_stop = sqlite3_column_int64(statement, 1) != 0;
		else if (strcmp(key, "last_alive") == 0)
			report->last_alive_ns = (uint64_t)sqlite3_column_int64(statement, 1);
		else if (strcmp(key, "created") == 0)
			report->created_ns = (uint64_t)sqlite3_column_int64(statement, 1);
		else if (strcmp(key, "boot_id") == 0 &&
			 (text = (const char *)sqlite3_column_text(statement, 1)))
			snprintf(report->boot_id, sizeof(report->boot_id), "%s", text);
	}
	return sql_errno(r);
}

/* Times that the events tell: of two blocks, since the last may have just begun; the stop of the last run alone. */
static int read_last_times(sqlite3 *db, struct sink_report *report)
{
	_cleanup_(buffer_release) struct buffer stop = { 0 };
	int64_t last_ns = 0, stopped_ns = 0;
	int r = sql_number(db, "SELECT coalesce(max(max_time), 0) FROM (SELECT max_time FROM block ORDER BY id DESC LIMIT 2)", &last_ns);

	buffer_printf(&stop,
		      "SELECT coalesce(max(t.time + e.time), 0) FROM event_recorder e JOIN shape_recorder s ON s.id = e.shape "
		      "JOIN tick t ON t.id = e.sequence >> 8 WHERE s.kind = %u AND e.sequence >= (SELECT max(first_sequence) FROM run)",
		      kinds[KIND_ID(recorder, stop)].number);
	if (r >= 0)
		r = buffer_error(&stop) < 0 ? -ENOMEM : sql_number(db, buffer_text(&stop), &stopped_ns);
	report->last_event_ns = (uint64_t)last_ns;
	report->stopped_ns = (uint64_t)stopped_ns;
	return r;
}

int past_read(sqlite3 *db, struct sink_report *report)
{
	int r;

	report->existed = true;
	r = read_meta(db, report);
	return r < 0 ? r : read_last_times(db, report);
}
