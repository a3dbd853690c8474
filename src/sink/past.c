/* See past.h. */

#include "sink/past.h"

#include <errno.h>
#include <stdio.h>

#include "event/schema.h"
#include "sink/layout.h"

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
		else if (strcmp(key, "whole_until") == 0)
			report->whole_ns = (uint64_t)sqlite3_column_int64(statement, 1);
		else if (strcmp(key, "created") == 0)
			report->created_ns = (uint64_t)sqlite3_column_int64(statement, 1);
		else if (strcmp(key, "boot_id") == 0 &&
			 (text = (const char *)sqlite3_column_text(statement, 1)))
			snprintf(report->boot_id, sizeof(report->boot_id), "%s", text);
	}
	return sql_errno(r);
}

/* Of what a source told the time of the last by the order of the history (sequence), or by time, in two blocks, since the last may
 * have just begun.  What the recorder says by itself (of hashes, of definitions, of accounts, of signals) has the time at which it said
 * so: what happened before may not have come yet.  What was written to a file is told later than it happened. */
static int read_last_event(sqlite3 *db, const char *by, int64_t *ret)
{
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	const char *before = "SELECT coalesce((SELECT time FROM (";

	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		const char *name = categories[i].name;

		if (i == CATEGORY_recorder || i == CATEGORY_signal)
			continue;
		buffer_printf(&sql,
			      "%sSELECT * FROM (SELECT e.sequence AS sequence, t.time + e.time AS time FROM event_%s e JOIN tick t ON t.id = e.sequence >> 8 "
			      "JOIN shape_%s s ON s.id = e.shape "
			      "WHERE e.sequence >= (SELECT min(id) FROM (SELECT id FROM block ORDER BY id DESC LIMIT 2)) << %d",
			      before, name, name, BLOCK_BITS);
		if (i == CATEGORY_file)
			buffer_printf(&sql, " AND s.kind <> %u", kinds[KIND_ID(file, write)].number);
		if (i == CATEGORY_system)
			buffer_printf(&sql, " AND s.kind < %u", kinds[KIND_ID(system, service_create)].number);
		if (i == CATEGORY_security)
			buffer_printf(&sql, " AND s.kind NOT BETWEEN %u AND %u", kinds[KIND_ID(security, password_change)].number,
				      kinds[KIND_ID(security, group_modify)].number);
		buffer_printf(&sql, " ORDER BY %s DESC LIMIT 1)", by);
		before = " UNION ALL ";
	}
	buffer_printf(&sql, ") ORDER BY %s DESC LIMIT 1), 0)", by);
	return buffer_error(&sql) < 0 ? -ENOMEM : sql_number(db, buffer_text(&sql), ret);
}

/* Times that the events tell: of the newest, of the stop of the last run. */
static int read_last_times(sqlite3 *db, struct sink_report *report)
{
	_cleanup_(buffer_release) struct buffer stop = { 0 };
	int64_t last_ns = 0, newest_ns = 0, stopped_ns = 0;
	int r = read_last_event(db, "sequence", &last_ns);

	if (r >= 0)
		r = read_last_event(db, "time", &newest_ns);

	buffer_printf(&stop,
		      "SELECT coalesce(max(t.time + e.time), 0) FROM event_recorder e JOIN shape_recorder s ON s.id = e.shape "
		      "JOIN tick t ON t.id = e.sequence >> 8 WHERE s.kind = %u AND e.sequence >= (SELECT max(first_sequence) FROM run)",
		      kinds[KIND_ID(recorder, stop)].number);
	if (r >= 0)
		r = buffer_error(&stop) < 0 ? -ENOMEM : sql_number(db, buffer_text(&stop), &stopped_ns);
	/* Nobody stores what has not happened yet: the clock was set back behind it. */
	report->last_event_ns = (uint64_t)last_ns <= report->last_alive_ns ? (uint64_t)last_ns : 0;
	report->newest_event_ns = (uint64_t)newest_ns;
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
