#pragma once
/* For the tests of this folder: a place for files, and databases written in one go. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/test_fill.h"
#include "sink/sink.h"
#include "sink/sql.h"

struct place {
	char folder[64];
	char file[96];
};

static inline int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		return -1;
	snprintf(place->folder, sizeof(place->folder), "/tmp/recorder-test-XXXXXX");
	if (!mkdtemp(place->folder))
		return -1;
	snprintf(place->file, sizeof(place->file), "%s/recorder.db", place->folder);
	*state = place;
	return 0;
}

static inline int place_remove(void **state)
{
	struct place *place = *state;
	char command[256];
	int r;

	snprintf(command, sizeof(command), "chmod -R u+rwx %s && rm -rf %s", place->folder, place->folder);
	r = system(command);
	free(place);
	return r == 0 ? 0 : -1;
}

static inline struct sink *database_must_open(const char *path)
{
	struct sink_error error = { "" };
	struct sink_options options = { .path = path, .host_id = "m1", .host_name = "box", .boot_id = "boot-1", .error = &error };
	struct sink *sink;
	int r = sink_database.open(&sink, &options);

	if (r < 0)
		fail_msg("open: %s: %s", strerror(-r), error.message);
	return sink;
}

/* Makes of a file with events one of version 1: signals had a table that nobody wrote to. */
static inline void database_make_old(const char *path)
{
	static const char as_it_was[] =
		"DROP VIEW signals; DROP VIEW events; DROP VIEW signal_events; DROP TABLE event_signal; DROP TABLE shape_signal;"
		"CREATE TABLE signal (sequence INTEGER PRIMARY KEY, time INTEGER, name INTEGER, event INTEGER);"
		"CREATE VIEW signals AS SELECT sequence, time, (SELECT value FROM text WHERE id = name) AS name FROM signal;"
		"CREATE VIEW events AS SELECT sequence, time FROM file_events;"
		"CREATE VIEW of_a_person AS SELECT sequence FROM events;"
		"PRAGMA user_version = 1";
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sql_exec(db, as_it_was) < 0)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* Answers of the sqlite3 library to one question, as a person would ask it: the first column. */
static inline int64_t ask_number(const char *path, const char *sql)
{
	sqlite3 *db;
	int64_t number = INT64_MIN;
	int r;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	r = sql_number(db, sql, &number);
	if (r < 0 && r != -ENODATA)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
	return number;
}

static inline char *ask_text(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	char *text = NULL;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0))
		text = strdup((const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return text;
}

#define assert_text(path, sql, expected)                  \
	do {                                              \
		char *text_ = ask_text(path, sql);        \
		if (!text_)                               \
			fail_msg("%s: no answer", sql);   \
		assert_string_equal(text_, expected);     \
		free(text_);                              \
	} while (0)
