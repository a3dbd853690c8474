#include "sink/snapshot.h"

#include "sink/history.h"
#include "sink/test_sink.h"

#define N_EVENTS 3000

static void write_events(struct sink *sink, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct event *event = fill_event((uint16_t)(i % N_KINDS), i, FILL_PLAIN);

		event->context = fill_context(i, FILL_PLAIN, i % 4);
		assert_int_equal(sink_database.write(sink, event), 0);
		event_free(event);
	}
	assert_int_equal(sink_database.flush(sink, 1), 0);
}

static int64_t events_in(const char *path)
{
	return ask_number(path, "SELECT count(*) FROM events");
}

struct names {
	char copy[128], partial[160];
};

static struct names names_in(const struct place *place)
{
	struct names names;

	snprintf(names.copy, sizeof(names.copy), "%s/copy.db", place->folder);
	snprintf(names.partial, sizeof(names.partial), "%s.partial", names.copy);
	return names;
}

/* Steps of a page, with commits between them: the copy is of one moment, and ends. */
static void while_somebody_writes(void **state)
{
	struct place *place = *state;
	struct names names = names_in(place);
	struct snapshot_options options = { .database = place->file, .destination = names.copy, .step_bytes = 4096 };
	struct sink *sink = database_must_open(place->file);
	struct sink_error error = { "" };
	struct snapshot *snapshot;
	struct history *history;
	uint64_t done, total, last = 0;
	int64_t before;
	struct stat st;
	unsigned n = 0;
	int r;

	write_events(sink, N_EVENTS);
	before = events_in(place->file);
	assert_int_equal(snapshot_open(&snapshot, &options, &error), 0);
	while ((r = snapshot_step(snapshot, &error)) > 0) {
		snapshot_progress(snapshot, &done, &total);
		assert_true(done > last && done <= total);
		last = done;
		if (n++ % 16 == 0)
			write_events(sink, 50);
		assert_true(access(names.copy, F_OK) < 0);
	}
	assert_int_equal(r, 0);
	assert_true(n > 32);
	snapshot_progress(snapshot, &done, &total);
	assert_int_equal(done, total);
	snapshot_free(snapshot);
	assert_true(events_in(place->file) > before);
	sink_database.free(sink);

	assert_text(names.copy, "PRAGMA integrity_check", "ok");
	assert_text(names.copy, "PRAGMA journal_mode", "delete");
	assert_int_equal(events_in(names.copy), before);
	assert_int_equal(stat(names.copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, total);
	assert_true(access(names.partial, F_OK) < 0);
	/* It is a history like any other, and can be written on. */
	assert_int_equal(history_open(&history, names.copy, NULL), 0);
	history_free(history);
	sink = database_must_open(names.copy);
	write_events(sink, 10);
	sink_database.free(sink);
	assert_int_equal(events_in(names.copy), before + 10);
}

static void what_is_there_stays(void **state)
{
	struct place *place = *state;
	struct names names = names_in(place);
	struct snapshot_options options = { .database = place->file, .destination = names.copy, .step_bytes = 1 << 20 };
	struct sink_error error = { "" };
	struct sink *sink = database_must_open(place->file);
	struct snapshot *snapshot;
	FILE *file;

	write_events(sink, 10);
	file = fopen(names.copy, "we");
	fputs("mine", file);
	fclose(file);
	assert_int_equal(snapshot_open(&snapshot, &options, &error), -EEXIST);
	assert_non_null(strstr(error.message, "is there already"));
	options.replace = true;
	assert_int_equal(snapshot_open(&snapshot, &options, &error), 0);
	assert_int_equal(access(names.partial, F_OK), 0);
	/* Given up: nothing of it is left, and what was there is. */
	snapshot_free(snapshot);
	assert_true(access(names.partial, F_OK) < 0);
	file = fopen(names.copy, "re");
	assert_int_equal(fgetc(file), 'm');
	fclose(file);
	assert_int_equal(snapshot_open(&snapshot, &options, &error), 0);
	while (snapshot_step(snapshot, &error) > 0)
		;
	snapshot_free(snapshot);
	assert_int_equal(events_in(names.copy), 10);

	/* It came while the copy was made. */
	unlink(names.copy);
	options.replace = false;
	assert_int_equal(snapshot_open(&snapshot, &options, &error), 0);
	fclose(fopen(names.copy, "we"));
	assert_int_equal(snapshot_step(snapshot, &error), -EEXIST);
	snapshot_free(snapshot);
	assert_true(access(names.partial, F_OK) < 0);
	/* A link is not followed to be written through. */
	unlink(names.copy);
	assert_int_equal(symlink("/dev/null", names.copy), 0);
	options.replace = true;
	assert_int_equal(snapshot_open(&snapshot, &options, &error), -EEXIST);
	unlink(names.copy);
	sink_database.free(sink);
}

static void what_cannot_be(void **state)
{
	struct place *place = *state;
	struct names names = names_in(place);
	struct snapshot_options options = { .database = place->file, .destination = names.copy, .step_bytes = 1 << 20 };
	struct sink_error error = { "" };
	struct snapshot *snapshot;
	char elsewhere[192];

	assert_int_equal(snapshot_open(&snapshot, &options, &error), -ENOENT);
	sink_database.free(database_must_open(place->file));
	options.spare_bytes = UINT64_C(1) << 60;
	assert_int_equal(snapshot_open(&snapshot, &options, &error), -ENOSPC);
	assert_non_null(strstr(error.message, "SnapshotExtraSizeRequiredMB"));
	options.spare_bytes = 0;
	snprintf(elsewhere, sizeof(elsewhere), "%s/none/copy.db", place->folder);
	options.destination = elsewhere;
	assert_int_equal(snapshot_open(&snapshot, &options, &error), -ENOENT);
	options.destination = place->file;
	options.replace = true;
	assert_int_equal(snapshot_open(&snapshot, &options, &error), -EEXIST);
	options.destination = names.copy;
	options.database = "/etc/passwd";
	assert_int_equal(snapshot_open(&snapshot, &options, &error), -EBADMSG);
	assert_true(access(names.copy, F_OK) < 0 && access(names.partial, F_OK) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
		TEST(while_somebody_writes),
		TEST(what_is_there_stays),
		TEST(what_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
