#include "sink/test_sink.h"

#include <jansson.h>
#include <signal.h>
#include <sys/resource.h>

static struct sink *journal_must_open(const char *path, uint64_t max_size, unsigned keep)
{
	static const char *const names[64] = { "default" };
	struct sink_error error = { "" };
	struct sink_options options = { .path = path,
					.max_size_bytes = max_size,
					.keep = keep,
					.host_name = "box",
					.subscription_names = names,
					.error = &error };
	struct sink *sink;
	int r = sink_journal.open(&sink, &options);

	if (r < 0)
		fail_msg("%s: %s", strerror(-r), error.message);
	return sink;
}

static int write_numbered(struct sink *sink, uint64_t number)
{
	struct event *event = event_new(KIND_ID(file, write), 1);
	int r;

	event->origin = number;
	event->streams = 1;
	values_set_text(&event->values, FIELD_path, SPAN("/tmp/x"));
	r = sink_journal.write(sink, event);
	event_free(event);
	return r;
}

/* Every line of the file an object; returns how many, and checks that their numbers follow each other. */
static unsigned count_lines(const char *path, uint64_t *ret_first, unsigned *ret_torn)
{
	FILE *file = fopen(path, "r");
	char line[4096];
	unsigned n = 0, torn = 0;
	uint64_t number, last = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		assert_int_equal(line[strlen(line) - 1], '\n');
		if (!json) {
			torn++;
			continue;
		}
		assert_string_equal(json_string_value(json_object_get(json_object_get(json, "host"), "name")),
				    "box");
		assert_string_equal(
			json_string_value(json_array_get(json_object_get(json, "subscription"), 0)),
			"default");
		assert_int_equal(
			sscanf(json_string_value(json_object_get(json_object_get(json, "event"), "id")),
			       "1-%lx", &number),
			1);
		if (n++ > 0)
			assert_int_equal(number, last + 1);
		else if (ret_first)
			*ret_first = number;
		last = number;
		json_decref(json);
	}
	fclose(file);
	if (ret_torn)
		*ret_torn = torn;
	return n;
}

static void lines(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 0, 0);
	struct sink_report report;
	struct stat st;

	assert_int_equal(write_numbered(sink, 1), 0);
	assert_int_equal(count_lines(place->file, NULL, NULL), 0);
	assert_int_equal(sink_journal.flush(sink, 1), 0);
	assert_int_equal(count_lines(place->file, NULL, NULL), 1);
	for (unsigned i = 2; i <= 1000; i++)
		assert_int_equal(write_numbered(sink, i), 0);
	sink_journal.report(sink, &report);
	assert_int_equal(report.events, 1000);
	sink_journal.free(sink);
	assert_int_equal(count_lines(place->file, NULL, NULL), 1000);
	assert_int_equal(stat(place->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void torn_line_is_ended(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 0, 0);
	unsigned torn;
	struct stat st;

	for (unsigned i = 1; i <= 3; i++)
		write_numbered(sink, i);
	sink_journal.free(sink);
	assert_int_equal(stat(place->file, &st), 0);
	assert_int_equal(truncate(place->file, st.st_size - 20), 0);
	sink = journal_must_open(place->file, 0, 0);
	for (unsigned i = 3; i <= 5; i++)
		write_numbered(sink, i);
	sink_journal.free(sink);
	assert_int_equal(count_lines(place->file, NULL, &torn), 5);
	assert_int_equal(torn, 1);
}

static void rotates(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 100000, 3);
	uint64_t first = 0, before = UINT64_MAX;
	unsigned total = 0;
	char name[128];
	struct stat st;

	for (unsigned i = 1; i <= 5000; i++) {
		assert_int_equal(write_numbered(sink, i), 0);
		if (i % 100 == 0)
			assert_int_equal(sink_journal.flush(sink, 1), 0);
	}
	sink_journal.free(sink);
	for (unsigned i = 0; i <= 3; i++) {
		unsigned n;

		if (i == 0)
			snprintf(name, sizeof(name), "%s", place->file);
		else
			snprintf(name, sizeof(name), "%s.%u", place->file, i);
		n = count_lines(name, &first, NULL);
		assert_true(n > 0);
		/* The older the higher: nothing is missing between them. */
		if (i > 0)
			assert_int_equal(first + n, before);
		before = first;
		total += n;
		assert_int_equal(stat(name, &st), 0);
		assert_true(st.st_size <= 100000);
	}
	snprintf(name, sizeof(name), "%s.4", place->file);
	assert_int_equal(access(name, F_OK), -1);
	assert_true(total < 5000);
	assert_int_equal(first + total - 1, 5000);
}

static void keeps_nothing(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 10000, 0);
	char name[128];

	for (unsigned i = 1; i <= 500; i++) {
		assert_int_equal(write_numbered(sink, i), 0);
		assert_int_equal(sink_journal.flush(sink, 1), 0);
	}
	sink_journal.free(sink);
	assert_in_range(count_lines(place->file, NULL, NULL), 1, 100);
	snprintf(name, sizeof(name), "%s.1", place->file);
	assert_int_equal(access(name, F_OK), -1);
}

static void rotated_by_others(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 0, 0);
	char name[128];

	write_numbered(sink, 1);
	sink_journal.flush(sink, 1);
	snprintf(name, sizeof(name), "%s-20261122", place->file);
	assert_int_equal(rename(place->file, name), 0);
	write_numbered(sink, 2);
	sink_journal.flush(sink, 1);
	write_numbered(sink, 3);
	assert_int_equal(unlink(place->file), 0);
	sink_journal.free(sink);
	assert_int_equal(count_lines(name, NULL, NULL), 1);
	assert_int_equal(count_lines(place->file, NULL, NULL), 1);
}

/* No room: whole lines only, what waits is written when there is room, what is refused is told. */
static void no_room(void **state)
{
	struct place *place = *state;
	struct rlimit before, small;
	struct sink_report report;
	unsigned accepted = 0, torn;
	struct sink *sink = journal_must_open(place->file, 0, 0);
	int r;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = (struct rlimit){ 100001, before.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	for (unsigned i = 1; i <= 20000; i++) {
		r = write_numbered(sink, accepted + 1);
		if (r == 0)
			accepted++;
		else
			assert_int_equal(r, -EFBIG);
	}
	assert_in_range(accepted, 3000, 19999);
	assert_in_range(count_lines(place->file, NULL, &torn), 300, 450);
	assert_int_equal(torn, 0);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(sink_journal.flush(sink, 1), 0);
	sink_journal.report(sink, &report);
	assert_int_equal(report.events, accepted);
	assert_int_equal(report.last_error, -EFBIG);
	sink_journal.free(sink);
	assert_int_equal(count_lines(place->file, NULL, &torn), accepted);
	assert_int_equal(torn, 0);
}

static void full_device(void **state)
{
	struct sink *sink = journal_must_open("/dev/full", 1000, 2);
	struct sink_report report;

	assert_int_equal(write_numbered(sink, 1), 0);
	assert_int_equal(sink_journal.flush(sink, 1), -ENOSPC);
	sink_journal.report(sink, &report);
	assert_int_equal(report.last_error, -ENOSPC);
	sink_journal.free(sink);
	assert_int_equal(access("/dev/full.1", F_OK), -1);
}

static void cannot_open(void **state)
{
	struct sink_error error = { "" };
	struct sink_options options = { .path = "/nonexistent/logins.jsonl", .error = &error };
	struct sink *sink;

	assert_int_equal(sink_journal.open(&sink, &options), -ENOENT);
	assert_string_equal(error.message, "/nonexistent/logins.jsonl: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines, place_make, place_remove),
		cmocka_unit_test_setup_teardown(torn_line_is_ended, place_make, place_remove),
		cmocka_unit_test_setup_teardown(rotates, place_make, place_remove),
		cmocka_unit_test_setup_teardown(keeps_nothing, place_make, place_remove),
		cmocka_unit_test_setup_teardown(rotated_by_others, place_make, place_remove),
		cmocka_unit_test_setup_teardown(no_room, place_make, place_remove),
		cmocka_unit_test(full_device),
		cmocka_unit_test(cannot_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
