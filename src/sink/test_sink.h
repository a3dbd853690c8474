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
#include <zlib.h>

#include "sink/layout.h"
/* Hashes are stored when they become known, by way of an event of their own. */
#define FILL_SKIPS(field) (layout_digest_group(field) != NULL)
#include "event/test_fill.h"
#include "sink/sink.h"
#include "sink/sql.h"

struct place {
	char folder[64];
	char file[96];
};

/* What a file of today has elsewhere than one of version 4 had, but for its views. */
#define BACK_TO_VERSION_4                                                                                                   \
	"ALTER TABLE process ADD COLUMN ancestry_cut; ALTER TABLE process ADD COLUMN recorder_inferred; "                   \
	"ALTER TABLE process ADD COLUMN recorder_escaped; "                                                                 \
	"UPDATE process SET ended = iif(ended = " ENDED_NONE_SQL ", 1 << 40, (1 << 40) + ended - (1 << 16) + sequence * 2), "          \
	"ancestry_cut = (SELECT nullif(l.ancestry_cut, 0) FROM login l WHERE l.id = process.login); "                       \
	"ALTER TABLE login DROP COLUMN ancestry_cut; ALTER TABLE login DROP COLUMN recorder_inferred; "                     \
	"ALTER TABLE login DROP COLUMN recorder_escaped; "                                                                  \
	"UPDATE program SET process_command_line = (SELECT substr(b.process_command_line, 1, program.begins_size) "         \
	"FROM program b WHERE b.id = program.begins_as) || process_command_line WHERE begins_as IS NOT NULL; "              \
	"ALTER TABLE program DROP COLUMN begins_as; ALTER TABLE program DROP COLUMN begins_size; "                          \
	"ALTER TABLE more_process DROP COLUMN event_duration; ALTER TABLE event_process ADD COLUMN event_duration; "

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

/* Makes a file of schema version 2 with nothing in it, as the last program that wrote them left it. */
static inline void database_make_old(const char *path)
{
	const char *source = getenv("RECORDER_SOURCE_DIR");
	char name[4096], statement[128], *sql = calloc(1, 1 << 20);
	sqlite3_stmt *tables;
	sqlite3 *db;
	gzFile file;

	snprintf(name, sizeof(name), "%s/tests/data/schema-2.sql.gz", source ? source : ".");
	file = gzopen(name, "rb");
	if (!file || gzread(file, sql, (1 << 20) - 1) <= 0)
		fail_msg("%s cannot be read", name);
	gzclose(file);
	unlink(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", name, sqlite3_errmsg(db));
	free(sql);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'meta'", -1, &tables,
					    NULL), SQLITE_OK);
	while (sqlite3_step(tables) == SQLITE_ROW) {
		snprintf(statement, sizeof(statement), "DELETE FROM %s", (const char *)sqlite3_column_text(tables, 0));
		assert_int_equal(sqlite3_exec(db, statement, NULL, NULL, NULL), SQLITE_OK);
	}
	sqlite3_finalize(tables);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
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
