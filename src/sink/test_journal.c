#include "sink/test_journal.h"

#include <signal.h>
#include <sys/resource.h>

static void lines(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 0, 0, false);
	struct sink_report report;
	struct stat st;
	json_t *json;

	assert_int_equal(write_numbered(sink, 1), 0);
	assert_int_equal(size_of(place->file), 0);
	assert_int_equal(sink_journal.flush(sink, 1), 0);
	assert_found(place->file, 1, 1);
	json = json_load_file(place->file, JSON_DISABLE_EOF_CHECK, NULL);
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "host"), "name")), "box");
	assert_string_equal(json_string_value(json_array_get(json_object_get(json, "subscription"), 0)), "default");
	json_decref(json);
	for (unsigned i = 2; i <= 1000; i++)
		assert_int_equal(write_numbered(sink, i), 0);
	sink_journal.report(sink, &report);
	assert_int_equal(report.events, 1000);
	assert_string_equal(report.path, place->file);
	sink_journal.free(sink);
	assert_found(place->file, 1, 1000);
	assert_int_equal(stat(place->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* Lines 1 to 3, and 4 without its newline. */
static struct buffer four_lines(const struct place *place)
{
	struct sink *sink = journal_must_open(place->file, 0, 0, false);
	struct buffer text = { 0 };
	FILE *file;

	write_range(sink, 1, 5);
	sink_journal.free(sink);
	file = fopen(place->file, "r");
	text.size = fread(buffer_reserve(&text, 4096), 1, 4096, file);
	fclose(file);
	assert_int_equal(text.data[--text.size], '\n');
	return text;
}

static void torn_lines(void **state)
{
	struct place *place = *state;
	_cleanup_(buffer_release) struct buffer text = four_lines(place);
	size_t three = (size_t)((const char *)memrchr(text.data, '\n', text.size) - text.data) + 1;
	static const char zeros[100000];
	const struct {
		size_t kept;		/* of the text */
		size_t zeros;		/* behind it */
		unsigned torn;
		uint64_t last;		/* line */
	} forms[] = {
		{ three, 0, 0, 3 },
		{ text.size, 0, 0, 4 },		/* whole, but for its newline */
		{ text.size - 1, 0, 1, 3 },
		{ text.size - 20, 0, 1, 3 },
		{ three + 1, 0, 1, 3 },
		{ three, 1, 1, 3 },
		{ three, sizeof(zeros), 1, 3 },
		{ text.size, 300, 1, 3 },
		{ 30, 0, 1, 0 },		/* of the first line */
		{ 0, 5000, 1, 0 },
		{ 0, 0, 0, 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(forms); i++) {
		_cleanup_(buffer_release) struct buffer torn = { 0 };
		struct sink_report report;
		struct sink *sink;

		buffer_append(&torn, text.data, forms[i].kept);
		buffer_append(&torn, zeros, forms[i].zeros);
		put_file(place->file, torn.data, torn.size);
		sink = journal_must_open(place->file, 0, 0, false);
		sink_journal.report(sink, &report);
		assert_int_equal(report.torn_lines, forms[i].torn);
		write_range(sink, forms[i].last + 1, forms[i].last + 3);
		sink_journal.free(sink);
		assert_found(place->file, 1, forms[i].last + 2);
	}
}

/* What ends otherwise than a journal can is left alone. */
static void no_journal(void **state)
{
	struct place *place = *state;
	struct sink_error error = { "" };
	struct sink_options options = { .path = place->file, .error = &error };
	struct sink *sink;

	put_file(place->file, "-----BEGIN PRIVATE KEY-----", 27);
	assert_int_equal(sink_journal.open(&sink, &options), -EBADMSG);
	assert_non_null(strstr(error.message, "is not a journal"));
	assert_int_equal(size_of(place->file), 27);
	put_file(place->file, "{}\n", 3);
	assert_int_equal(truncate(place->file, 200 << 20), 0);
	assert_int_equal(sink_journal.open(&sink, &options), -EBADMSG);
	assert_int_equal(size_of(place->file), 200 << 20);
}

/* What is no file holds nobody up, and a link leads nowhere. */
static void no_file(void **state)
{
	struct place *place = *state;
	struct sink_error error = { "" };
	struct sink_options options = { .path = place->file, .error = &error };
	struct sink *sink;
	char target[128];

	assert_int_equal(mkfifo(place->file, 0600), 0);
	assert_int_equal(sink_journal.open(&sink, &options), -EBADMSG);
	assert_non_null(strstr(error.message, "is no file"));
	unlink(place->file);
	snprintf(target, sizeof(target), "%s/target", place->folder);
	put_file(target, "{}\n", 3);
	assert_int_equal(symlink(target, place->file), 0);
	assert_int_equal(sink_journal.open(&sink, &options), -EBADMSG);
	assert_int_equal(size_of(target), 3);
	unlink(place->file);
	assert_int_equal(mkdir(place->file, 0700), 0);
	assert_int_equal(sink_journal.open(&sink, &options), -EBADMSG);
}

static void rotates(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 100000, 3, false);
	struct found found;

	for (unsigned i = 1; i <= 5000; i++) {
		assert_int_equal(write_numbered(sink, i), 0);
		if (i % 100 == 0)
			assert_int_equal(sink_journal.flush(sink, 1), 0);
	}
	sink_journal.free(sink);
	assert_in_range(size_of(place->file), 1, 100000);
	for (unsigned i = 1; i <= 3; i++)
		/* As full as they can be: a line has less than 1000 bytes. */
		assert_in_range(size_of(beside(place->file, (const char *[]){ "", ".1", ".2", ".3" }[i])), 99001, 100000);
	assert_int_equal(size_of(beside(place->file, ".4")), -1);
	found = found_in(place->file);
	assert_true(found.in_order && found.last == 5000 && found.first > 1);
}

static void keeps_nothing(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 10000, 0, true);
	struct found found;

	write_range(sink, 1, 501);
	sink_journal.free(sink);
	found = found_in(place->file);
	assert_true(found.in_order && found.last == 500);
	assert_in_range(found.n, 1, 100);
	assert_int_equal(size_of(beside(place->file, ".1")), -1);
}

/* A line that is larger than the bound is a file of its own, also when several come at once. */
static void bound_below_a_line(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 10, 100, false);

	for (unsigned i = 1; i <= 50; i++)
		assert_int_equal(write_numbered(sink, i), 0);
	sink_journal.free(sink);
	assert_found(place->file, 1, 50);
	assert_int_not_equal(size_of(beside(place->file, ".49")), -1);
	assert_int_equal(size_of(beside(place->file, ".50")), -1);
}

static void compresses(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 100000, 3, true);
	struct sink_report report;
	struct found found;

	for (unsigned n = 1; n < 2000; n += 100) {
		write_range(sink, n, n + 100);
		wait_gone(place, beside(place->file, ".1"));
	}
	sink_journal.report(sink, &report);
	assert_int_equal(report.upkeep_error, 0);
	sink_journal.free(sink);
	for (unsigned i = 1; i <= 3; i++) {
		const char *ending = (const char *[]){ "", ".1.zst", ".2.zst", ".3.zst" }[i];

		assert_in_range(size_of(beside(place->file, ending)), 100, 20000);
	}
	assert_int_equal(size_of(beside(place->file, ".4.zst")), -1);
	assert_int_equal(size_of(beside(place->file, ".zst.tmp")), -1);
	found = found_in(place->file);
	assert_true(found.in_order && found.last == 2000);
}

static void set_limits(const struct sink_options *options, struct sink *sink)
{
	sink_journal.set_limits(sink, options);
}

static void limits_change(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 0, 0, false);

	write_range(sink, 1, 101);
	assert_int_equal(size_of(beside(place->file, ".1")), -1);
	set_limits(&(struct sink_options){ .max_size_bytes = 10000, .keep = 1000 }, sink);
	write_range(sink, 101, 201);
	assert_found(place->file, 1, 200);
	assert_int_not_equal(size_of(beside(place->file, ".3")), -1);
	/* Without a bound nothing is an old file. */
	set_limits(&(struct sink_options){ .max_size_bytes = 0, .keep = 0 }, sink);
	write_range(sink, 201, 301);
	assert_found(place->file, 1, 300);
	set_limits(&(struct sink_options){ .max_size_bytes = 100000, .keep = 1000, .compress = true }, sink);
	write_range(sink, 301, 302);
	wait_gone(place, beside(place->file, ".1"));
	set_limits(&(struct sink_options){ .max_size_bytes = 100000, .keep = 2 }, sink);
	assert_int_equal(size_of(beside(place->file, ".3")), -1);
	assert_int_equal(size_of(beside(place->file, ".3.zst")), -1);
	assert_int_not_equal(size_of(beside(place->file, ".1.zst")), -1);
	sink_journal.free(sink);
	assert_int_equal(found_in(place->file).last, 301);
	/* Also when it is opened with less. */
	sink_journal.free(journal_must_open(place->file, 100000, 1, false));
	assert_int_equal(size_of(beside(place->file, ".2")), -1);
	assert_int_equal(size_of(beside(place->file, ".2.zst")), -1);
}

/* What cannot be rotated is gone on with; when it can again, nothing is missing. */
static void cannot_rotate(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 10000, 50, true);
	struct sink_report report;

	assert_int_equal(mkdir(beside(place->file, ".new"), 0700), 0);
	write_range(sink, 1, 201);
	sink_journal.report(sink, &report);
	assert_true(report.upkeep_error < 0);
	assert_int_equal(report.last_error, 0);
	assert_found(place->file, 1, 200);
	assert_int_equal(rmdir(beside(place->file, ".new")), 0);
	write_range(sink, 201, 401);
	sink_journal.free(sink);
	assert_found(place->file, 1, 400);
	assert_in_range(size_of(place->file), 1, 10000);
}

static void rotated_by_others(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 0, 0, false);
	const char *name = beside(place->file, "-20261122");

	write_numbered(sink, 1);
	sink_journal.flush(sink, 1);
	assert_int_equal(rename(place->file, name), 0);
	write_numbered(sink, 2);
	sink_journal.flush(sink, 1);
	write_numbered(sink, 3);
	assert_int_equal(unlink(place->file), 0);
	sink_journal.free(sink);
	assert_found(name, 1, 1);
	assert_found(place->file, 3, 3);
}

/* No room: whole lines only, what waits is written when there is room, what is refused is told. */
static void no_room(void **state)
{
	struct place *place = *state;
	struct rlimit before, small;
	struct sink_report report;
	unsigned accepted = 0;
	struct sink *sink = journal_must_open(place->file, 0, 0, false);
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
	assert_in_range(found_in(place->file).n, 300, 450);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(sink_journal.flush(sink, 1), 0);
	sink_journal.report(sink, &report);
	assert_int_equal(report.events, accepted);
	assert_int_equal(report.last_error, -EFBIG);
	sink_journal.free(sink);
	assert_found(place->file, 1, accepted);
}

static void full_device(void **state)
{
	struct sink *sink = journal_must_open("/dev/full", 1000, 2, true);
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
		cmocka_unit_test_setup_teardown(torn_lines, place_make, place_remove),
		cmocka_unit_test_setup_teardown(no_journal, place_make, place_remove),
		cmocka_unit_test_setup_teardown(no_file, place_make, place_remove),
		cmocka_unit_test_setup_teardown(rotates, place_make, place_remove),
		cmocka_unit_test_setup_teardown(keeps_nothing, place_make, place_remove),
		cmocka_unit_test_setup_teardown(bound_below_a_line, place_make, place_remove),
		cmocka_unit_test_setup_teardown(compresses, place_make, place_remove),
		cmocka_unit_test_setup_teardown(limits_change, place_make, place_remove),
		cmocka_unit_test_setup_teardown(cannot_rotate, place_make, place_remove),
		cmocka_unit_test_setup_teardown(rotated_by_others, place_make, place_remove),
		cmocka_unit_test_setup_teardown(no_room, place_make, place_remove),
		cmocka_unit_test(full_device),
		cmocka_unit_test(cannot_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
