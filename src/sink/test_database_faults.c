/* A database whose disk fails at every call that there is: what the report says is what is there, and recording goes on. */

#include "sink/test_faults.h"
#include "sink/test_pieces.h"
#include "sink/test_story.h"

#include <dirent.h>
#include <limits.h>

#define N_BEFORE 70			/* events that a file has already; none of them is a signal */
#define N_PER_FLUSH 500
#define N_AFTER 20			/* events that show that it goes on */

/* A file as it was, to begin each run with. */

static struct image {
	const char *suffix;
	char *data;
	size_t size;
} images[] = { { .suffix = "" }, { .suffix = "-wal" } };

static const char *beside(const struct place *place, const char *suffix)
{
	static char name[128];

	snprintf(name, sizeof(name), "%s%s", place->file, suffix);
	return name;
}

static void images_forget(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(images); i++) {
		free(images[i].data);
		images[i].data = NULL;
	}
}

static void image_read(struct image *image, const char *path)
{
	FILE *file = fopen(path, "r");
	struct stat st;

	if (!file)
		return;
	assert_int_equal(fstat(fileno(file), &st), 0);
	image->size = (size_t)st.st_size;
	image->data = malloc(image->size + 1);
	assert_non_null(image->data);
	assert_int_equal(fread(image->data, 1, image->size, file), image->size);
	fclose(file);
}

static void images_take(const struct place *place)
{
	images_forget();
	for (unsigned i = 0; i < ARRAY_SIZE(images); i++)
		image_read(&images[i], beside(place, images[i].suffix));
}

static void images_put(const struct place *place)
{
	DIR *folder = opendir(place->folder);
	struct dirent *entry;

	assert_non_null(folder);
	while ((entry = readdir(folder)))
		unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
	for (unsigned i = 0; i < ARRAY_SIZE(images); i++) {
		FILE *file;

		if (!images[i].data)
			continue;
		file = fopen(beside(place, images[i].suffix), "w");
		assert_non_null(file);
		assert_int_equal(fwrite(images[i].data, 1, images[i].size, file), images[i].size);
		fclose(file);
	}
}

/* The files that were set aside: one, as it was. */
static void assert_set_aside(const struct place *place)
{
	DIR *folder = opendir(place->folder);
	struct dirent *entry;
	unsigned n = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		struct image image = { 0 };
		char path[400];

		if (!strstr(entry->d_name, ".damaged-") || strstr(entry->d_name, "-wal") || strstr(entry->d_name, "-shm"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", place->folder, entry->d_name);
		image_read(&image, path);
		assert_int_equal(image.size, images[0].size);
		assert_memory_equal(image.data, images[0].data, image.size);
		free(image.data);
		n++;
	}
	closedir(folder);
	assert_int_equal(n, 1);
}

/* What there may be before a recorder comes. */

static struct story story, story_before;
static unsigned n_pieces_before;	/* while no database is open */

static void put_nothing(const struct place *place)
{
}

static struct sink *write_before(const struct place *place)
{
	struct sink *sink = database_must_open(place->file);

	for (unsigned i = 0; i < N_BEFORE; i++) {
		assert_int_equal(story_write(&story_before, sink), 0);
		story_before.fate[i] = STORY_COMMITTED;
	}
	assert_int_equal(sink_database.flush(sink, 1), 0);
	return sink;
}

static void put_closed(const struct place *place)
{
	sink_database.free(write_before(place));
	images_take(place);
}

/* Its recorder died: what it wrote is in the -wal. */
static void put_left_open(const struct place *place)
{
	struct sink *sink = write_before(place);

	images_take(place);
	sink_database.free(sink);
	assert_true(images[1].data && images[1].size > 4096);
}

static void put_old(const struct place *place)
{
	database_make_old(place->file);
	images_take(place);
	story_before = (struct story){ 0 };
}

static void put_damaged(const struct place *place)
{
	sink_database.free(write_before(place));
	images_take(place);
	memset(images[0].data + 100, 0xa5, 3000);
	story_before = (struct story){ 0 };
}

/* Before the runs: the story as far as it is told, and the files it lies in. */
static void begin(const struct place *place, void (*put)(const struct place *))
{
	images_forget();
	images_put(place);
	story_before = (struct story){ 0 };
	story_forget_rows();
	put(place);
	n_pieces_before = n_pieces;
}

static void begin_run(const struct place *place)
{
	images_put(place);
	story = story_before;
	story_forget_rows();
}

/* Neither a file nor memory of SQLite. */
static void assert_nothing_open(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;

	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		char target[256];
		ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);

		target[MAX(length, 0)] = 0;
		if (strstr(target, "recorder.db"))
			fail_msg("%s is still open", target);
	}
	closedir(folder);
	assert_int_equal(n_pieces, n_pieces_before);
}

static struct sink_report report_of(const struct sink *sink)
{
	struct sink_report report;

	sink_database.report(sink, &report);
	return report;
}

/* A fault is the only excuse. */
static void assert_excused(int r)
{
	if (r < 0 && faults.n_failed == 0)
		fail_msg("%s, and nothing had failed", strerror(-r));
}

static void must_write(struct sink *sink, unsigned n)
{
	int r;

	for (unsigned i = 0; i < n; i++)
		if ((r = story_write(&story, sink)) < 0)
			fail_msg("write: %s", strerror(-r));
	if ((r = sink_database.flush(sink, 1)) < 0)
		fail_msg("flush: %s", strerror(-r));
}

/* While it is open. */

/* One sink lives through all: the 1st call fails, the 2nd of the next events, the 3rd, ... until none is left. */
static void fails_while_open(const struct place *place, struct faults what)
{
	struct sink *sink;
	struct sink_report report;
	bool failed = true;

	begin(place, put_nothing);
	begin_run(place);
	sink = database_must_open(place->file);
	for (what.first = 1; failed; what.first++) {
		faults_begin(what);
		for (unsigned i = 0; i < 2; i++) {
			for (unsigned n = 0; n < N_PER_FLUSH; n++)
				assert_excused(story_write(&story, sink));
			assert_excused(sink_database.flush(sink, 1));
		}
		failed = faults_end() > 0;
		/* The first to be tried again works: nobody has to do anything. */
		assert_int_equal(sink_database.flush(sink, 1), 0);
		must_write(sink, N_AFTER);
		report = report_of(sink);
		assert_int_equal(report.n_damaged, 0);
		assert_int_equal(report.n_removed, 0);
		assert_true(report.last_error < 0 || !failed);
		assert_int_equal(report.events + report.lost, story.n_accepted);
		if (what.first % 25 != 0 && failed)
			continue;
		story_read(&story, place->file);
		assert_int_equal(story.n_found, report.events);
	}
	print_message("%u calls\n", what.first);
	story_read_late(&story, place->file);
	sink_database.free(sink);
}

static void once(void **state)
{
	fails_while_open(*state, (struct faults){ .calls = FAULT_ANY, .n = 1 });
}

static void torn_once(void **state)
{
	fails_while_open(*state, (struct faults){ .calls = FAULT_WRITE, .n = 1, .torn = true });
}

static void full_for_a_while(void **state)
{
	fails_while_open(*state, (struct faults){ .calls = FAULT_WRITE, .n = 70, .full = true, .torn = true });
}

static void all_for_a_while(void **state)
{
	fails_while_open(*state, (struct faults){ .calls = FAULT_ANY, .n = 25 });
}

/* The first events of a sink read what is there; so each call of these needs a sink of its own. */
static void first_events(void **state)
{
	struct place *place = *state;
	struct faults what = { .calls = FAULT_ANY, .n = 1 };
	unsigned n_failed;

	begin(place, put_left_open);
	do {
		struct sink_report report;
		struct sink *sink;

		begin_run(place);
		sink = database_must_open(place->file);
		what.first++;
		faults_begin(what);
		for (unsigned n = 0; n < N_PER_FLUSH; n++)
			assert_excused(story_write(&story, sink));
		assert_excused(sink_database.flush(sink, 1));
		n_failed = faults_end();
		must_write(sink, N_AFTER);
		report = report_of(sink);
		assert_int_equal(report.n_damaged, 0);
		assert_int_equal(report.events + report.lost + N_BEFORE, story.n_accepted);
		sink_database.free(sink);
		assert_nothing_open();
		story_read(&story, place->file);
		assert_int_equal(story.n_found, report.events + N_BEFORE);
	} while (n_failed > 0);
	print_message("%u calls\n", what.first);
}

/* A transaction that is larger than the cache is written before its end: a call that fails then fails within a statement. */
static void large_transaction(void **state)
{
	struct place *place = *state;
	struct faults what = { .calls = FAULT_ANY, .n = 1, .torn = true, .first = 1 };
	unsigned n_failed;

	for (unsigned i = 0; i < 12; i++) {
		struct values *values = &story_context((20 + i) * STORY_PER_CONTEXT)->values;
		char *text = values_new_text(values, FIELD_command_line, 600000);

		assert_non_null(text);
		memset(text, (int)('a' + i), 600000);
	}
	begin(place, put_closed);
	do {
		struct sink_report report;
		struct sink *sink;

		begin_run(place);
		sink = database_must_open(place->file);
		faults_begin(what);
		/* Over a full block of events and further. */
		for (unsigned n = 0; n < 5000; n++)
			assert_excused(story_write(&story, sink));
		assert_excused(sink_database.flush(sink, 1));
		n_failed = faults_end();
		must_write(sink, N_AFTER);
		report = report_of(sink);
		assert_int_equal(report.n_damaged, 0);
		assert_int_equal(report.events + report.lost + N_BEFORE, story.n_accepted);
		sink_database.free(sink);
		assert_nothing_open();
		story_read(&story, place->file);
		assert_int_equal(story.n_found, report.events + N_BEFORE);
		what.first += 797;
	} while (n_failed > 0);
	print_message("%u calls\n", what.first);
}

/* While it is opened. */

/* NULL: a fault. */
static struct sink *open_somehow(const struct place *place)
{
	struct sink_error error = { "" };
	struct sink_options options = { .path = place->file, .boot_id = "boot-1", .error = &error };
	struct sink *sink = NULL;
	int r = sink_database.open(&sink, &options);

	assert_excused(r);
	if (r < 0 && strncmp(error.message, place->file, strlen(place->file)) != 0)
		fail_msg("%s, and not said of which file: '%s'", strerror(-r), error.message);
	return r < 0 ? NULL : sink;
}

/* From one call on all fail, as if the recorder had died there; the next has one fault; the one after that opens it.  step: a
 * migration has hundreds of calls, of which most are the same one for another page. */
static void fails_while_opening(const struct place *place, void (*put)(const struct place *), bool damaged, unsigned step)
{
	struct faults what = { .calls = FAULT_ANY, .torn = true };
	unsigned n_damaged, n_failed;

	begin(place, put);
	do {
		struct sink *sink;

		begin_run(place);
		what.first += step;
		n_damaged = 0;
		n_failed = 0;
		for (unsigned i = 0; i < 2; i++) {
			what.n = i == 0 ? UINT_MAX : 1;
			faults_begin(what);
			sink = open_somehow(place);
			if (sink) {
				n_damaged += report_of(sink).n_damaged;
				sink_database.free(sink);
			}
			n_failed += faults_end();
			assert_nothing_open();
		}
		sink = database_must_open(place->file);
		n_damaged += report_of(sink).n_damaged;
		assert_true(n_damaged == 0 || damaged);
		must_write(sink, N_AFTER);
		sink_database.free(sink);
		story_read(&story, place->file);
		assert_int_equal(story.n_found, story.n);
		if (damaged)
			assert_set_aside(place);
	} while (n_failed > 0);
	print_message("%u calls\n", what.first);
}

static void opening_left_open(void **state)
{
	fails_while_opening(*state, put_left_open, false, 1);
}

static void opening_old(void **state)
{
	fails_while_opening(*state, put_old, false, 17);
}

/* With it all of the making of a new one. */
static void opening_damaged(void **state)
{
	fails_while_opening(*state, put_damaged, true, 7);
}

/* While it is closed. */

static void closing(void **state)
{
	struct place *place = *state;
	struct faults what = { .calls = FAULT_ANY, .n = 1, .torn = true };
	unsigned n_failed;

	begin(place, put_closed);
	do {
		struct sink *sink;

		begin_run(place);
		sink = database_must_open(place->file);
		must_write(sink, N_PER_FLUSH);
		what.first++;
		faults_begin(what);
		sink_database.free(sink);
		n_failed = faults_end();
		assert_nothing_open();
		sink = database_must_open(place->file);
		assert_int_equal(report_of(sink).n_damaged, 0);
		assert_true(report_of(sink).clean_stop || n_failed > 0);
		must_write(sink, N_AFTER);
		sink_database.free(sink);
		story_read(&story, place->file);
		assert_int_equal(story.n_found, story.n);
	} while (n_failed > 0);
	print_message("%u calls\n", what.first);
}

static int set_up(void **state)
{
	faults_register();
	return place_make(state);
}

static int tear_down(void **state)
{
	images_forget();
	return sqlite3_shutdown() == SQLITE_OK ? place_remove(state) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(torn_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_for_a_while, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_for_a_while, set_up, tear_down),
		cmocka_unit_test_setup_teardown(first_events, set_up, tear_down),
		cmocka_unit_test_setup_teardown(opening_left_open, set_up, tear_down),
		cmocka_unit_test_setup_teardown(opening_old, set_up, tear_down),
		cmocka_unit_test_setup_teardown(opening_damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(large_transaction, set_up, tear_down), /* its processes are large from now on */
	};

	pieces_register();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
