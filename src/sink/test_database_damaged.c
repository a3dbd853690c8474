/* A damaged database is set aside: what may come in between. */

#include "base/clock.h"
#include "sink/test_story.h"

#include <sys/syscall.h>

/* What comes first when the next file is renamed: 0, or -errno with which that fails. */
static int (*before_rename)(void);

int rename(const char *from, const char *to)
{
	int (*before)(void) = before_rename;
	int r;

	before_rename = NULL;
	r = before ? before() : 0;
	if (r < 0) {
		errno = -r;
		return -1;
	}
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static struct sink_report report_of(const struct sink *sink)
{
	struct sink_report report;

	sink_database.report(sink, &report);
	return report;
}

static void write_rubbish(const char *path)
{
	FILE *file = fopen(path, "r+");

	if (!file)
		file = fopen(path, "w");
	assert_non_null(file);
	fseek(file, 4096, SEEK_SET);
	for (unsigned i = 0; i < 100 * 4096; i++)
		fputc(0xa5, file);
	fseek(file, 0, SEEK_SET);
	fputs("no database", file);
	fclose(file);
}

static struct story story;

/* Another recorder, which comes while a damaged file is set aside. */

static const char *other_path;
static struct sink *other;
static int other_result;
static struct sink_error other_error;

static int other_comes(void)
{
	struct sink_options options = { .path = other_path, .error = &other_error };

	other_result = sink_database.open(&other, &options);
	return 0;
}

static void another_comes(void **state)
{
	struct place *place = *state;
	struct sink *sink;

	story = (struct story){ 0 };
	write_rubbish(place->file);
	other_path = place->file;
	before_rename = other_comes;
	sink = database_must_open(place->file);
	assert_null(before_rename);
	assert_int_equal(other_result, -EBUSY);
	assert_non_null(strstr(other_error.message, "another recorder"));
	assert_int_equal(report_of(sink).n_damaged, 1);
	assert_int_equal(story_write(&story, sink), 0);
	sink_database.free(sink);
	story_read(&story, place->file);
	assert_int_equal(story.n_found, 1);
	assert_int_equal(story.n_gaps, 0);	/* the report has told of it */
}

/* It cannot be set aside at once: then a moment later. */

static int no_room(void)
{
	return -ENOSPC;
}

static void set_aside_later(void **state)
{
	struct place *place = *state;
	struct sink *sink = database_must_open(place->file);
	uint64_t now_ns = NS_PER_SEC;
	sqlite3 *db;

	story = (struct story){ 0 };
	for (unsigned n = 0; n < 3000; n++)
		assert_int_equal(story_write(&story, sink), 0);
	assert_int_equal(sink_database.flush(sink, now_ns), 0);
	/* Only a connection that has read knows of the WAL. */
	assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
	assert_int_equal(sql_exec(db, "SELECT count(*) FROM meta; PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	sqlite3_close(db);
	write_rubbish(place->file);
	story = (struct story){ 0 };
	before_rename = no_room;
	for (unsigned n = 0; before_rename && n < 5000; n++)
		if (story_write(&story, sink) == 0)
			sink_database.flush(sink, now_ns++);
	assert_null(before_rename);
	assert_int_equal(report_of(sink).n_damaged, 0);
	assert_true(story_write(&story, sink) < 0);
	assert_int_equal(sink_database.flush(sink, now_ns), 0);
	assert_int_equal(report_of(sink).n_damaged, 1);
	story = (struct story){ 0 };
	for (unsigned n = 0; n < 100; n++)
		assert_int_equal(story_write(&story, sink), 0);
	sink_database.free(sink);
	story_read(&story, place->file);
	assert_int_equal(story.n_found, 100);
	/* The new one says that there was more. */
	assert_int_equal(story.n_gaps, 1);
	assert_text(place->file, "SELECT group_concat(cause) FROM gaps", "database_damaged");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(another_comes, place_make, place_remove),
		cmocka_unit_test_setup_teardown(set_aside_later, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
