#include "sink/test_journal.h"

#include "sink/journal_folder.h"

static void assert_next(struct journal_reader *reader, uint64_t first, uint64_t last)
{
	struct found found = found_by(reader);

	assert_int_equal(found.n, last - first + 1);
	if (found.n > 0)
		assert_int_equal(found.first, first);
	assert_true(found.in_order);
}
#define assert_nothing(reader) assert_int_equal(found_by(reader).n, 0)

/* From the end, over rotations, in whichever steps. */
static void follows(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 4000, 100, false);
	struct journal_reader *reader;
	uint64_t last = 25;

	write_range(sink, 1, last + 1);
	reader = reader_must_open(place->file);
	assert_nothing(reader);
	for (unsigned step = 1; step < 60; step++) {
		write_range(sink, last + 1, last + step + 1);
		assert_int_equal(journal_reader_wait(reader), 0);
		assert_next(reader, last + 1, last + step);
		last += step;
	}
	assert_int_equal(journal_reader_missed(reader), 0);
	journal_reader_free(reader);
	sink_journal.free(sink);
}

/* The file that is read, and those after it, are compressed meanwhile, and the recorder is another. */
static void follows_compressed(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 4000, 100, true);
	struct journal_reader *reader;

	write_range(sink, 1, 6);
	reader = reader_must_open(place->file);
	for (unsigned i = 6; i < 106; i += 20) {
		write_range(sink, i, i + 20);
		wait_gone(place, beside(place->file, ".1"));
	}
	sink_journal.free(sink);
	wait_gone(place, beside(place->file, ".2"));
	sink = journal_must_open(place->file, 4000, 100, true);
	assert_next(reader, 6, 105);
	write_range(sink, 106, 130);
	wait_gone(place, beside(place->file, ".1"));
	assert_next(reader, 106, 129);
	assert_int_equal(journal_reader_missed(reader), 0);
	journal_reader_free(reader);
	sink_journal.free(sink);
}

/* Files that went before they were read are told, and no others. */
static void missed(void **state)
{
	struct place *place = *state;

	for (unsigned keep = 0; keep < 3; keep++) {
		struct sink *sink;
		struct journal_reader *reader;
		struct found found;
		uint64_t last;

		unlink(place->file);
		sink = journal_must_open(place->file, 10, keep, false);
		write_range(sink, 1, 2);		/* a line a file */
		reader = reader_must_open(place->file);
		/* As many as there is room for. */
		last = 2 + keep;
		write_range(sink, 2, last + 1);
		assert_next(reader, 2, last);
		assert_int_equal(journal_reader_missed(reader), 0);
		write_range(sink, last + 1, last + keep + 4);
		found = found_by(reader);
		assert_int_equal(found.last, last + keep + 3);
		assert_int_equal(found.n, keep + 1);
		assert_int_equal(journal_reader_missed(reader), 2);
		assert_int_equal(journal_reader_missed(reader), 0);
		journal_reader_free(reader);
		sink_journal.free(sink);
	}
}

static void append(const char *path, const char *text)
{
	FILE *file = fopen(path, "a");

	assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void assert_line(struct journal_reader *reader, const char *expected)
{
	struct span line;

	assert_int_equal(journal_reader_line(reader, &line), 1);
	assert_true(span_eq(line, span_of(expected)));
}

static void assert_no_line(struct journal_reader *reader)
{
	struct span line;

	assert_int_equal(journal_reader_line(reader, &line), 0);
}

/* A line that is not whole waits; if it is cut off it was never there. */
static void half_lines(void **state)
{
	struct place *place = *state;
	struct journal_reader *reader;

	append(place->file, "one\ntwo\nth");
	reader = reader_must_open(place->file);
	assert_no_line(reader);
	append(place->file, "r");
	assert_int_equal(journal_reader_wait(reader), 0);
	assert_no_line(reader);
	append(place->file, "ee\n\nfour\nfi");
	assert_line(reader, "three");
	assert_line(reader, "");
	assert_line(reader, "four");
	assert_no_line(reader);
	assert_int_equal(truncate(place->file, size_of(place->file) - 2), 0);
	append(place->file, "six\n");
	assert_line(reader, "six");
	assert_no_line(reader);
	/* Emptied in its place. */
	assert_int_equal(truncate(place->file, 0), 0);
	append(place->file, "7\n");
	assert_line(reader, "7");
	assert_no_line(reader);
	journal_reader_free(reader);
}

/* Others rotate: the file is away for a while, and gets lines until it is left. */
static void moved_by_others(void **state)
{
	struct place *place = *state;
	const char *moved = beside(place->file, "-1");
	struct journal_reader *reader;

	append(place->file, "1\n");
	reader = reader_must_open(place->file);
	append(place->file, "2\n");
	assert_int_equal(rename(place->file, moved), 0);
	assert_line(reader, "2");
	assert_no_line(reader);
	append(moved, "3\n");
	assert_int_equal(journal_reader_wait(reader), 0);
	assert_line(reader, "3");
	assert_no_line(reader);
	append(moved, "4\n");
	append(place->file, "5\n");
	assert_int_equal(journal_reader_wait(reader), 0);
	assert_line(reader, "4");
	assert_line(reader, "5");
	assert_no_line(reader);
	append(place->file, "6\n");
	assert_int_equal(journal_reader_wait(reader), 0);
	assert_line(reader, "6");
	assert_int_equal(journal_reader_missed(reader), 0);
	journal_reader_free(reader);
}

static bool is_third(void *user, struct span line)
{
	++*(unsigned *)user;
	return line_number(line) % 3 == 0;
}

/* The last ones, over plain and compressed files. */
static void last_lines(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 4000, 100, true);

	write_range(sink, 1, 51);
	wait_gone(place, beside(place->file, ".1"));
	wait_gone(place, beside(place->file, ".2"));
	sink_journal.free(sink);
	sink = journal_must_open(place->file, 4000, 100, false);
	write_range(sink, 51, 91);
	for (uint64_t n = 1; n < 40; n++) {
		struct journal_reader *reader = reader_must_open(place->file);
		unsigned asked = 0, found = 0;
		uint64_t first = 0;
		struct span line;

		assert_int_equal(journal_reader_seek_last(reader, n, is_third, &asked), 0);
		/* No more was looked at than was needed, and a file at most. */
		assert_true(asked <= 3 * n + 15);
		while (journal_reader_line(reader, &line) > 0)
			if (line_number(line) % 3 == 0 && found++ == 0)
				first = line_number(line);
		assert_int_equal(found, MIN(n, 30u));
		assert_int_equal(first, 93 - 3 * MIN(n, 30u));
		journal_reader_free(reader);
	}
	sink_journal.free(sink);
}

static void since(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 10, 100, false);
	struct journal_reader *reader;

	write_range(sink, 1, 6);
	for (unsigned i = 1; i < 5; i++) {
		char ending[16];
		struct timespec times[2] = { { .tv_sec = 1000 - i }, { .tv_sec = 1000 - i } };

		snprintf(ending, sizeof(ending), ".%u", i);
		assert_int_equal(utimensat(AT_FDCWD, beside(place->file, ending), times, 0), 0);
	}
	reader = reader_must_open(place->file);
	assert_int_equal(journal_reader_seek_since(reader, 998 * NS_PER_SEC), 0);
	assert_next(reader, 3, 5);
	assert_int_equal(journal_reader_seek_since(reader, 998 * NS_PER_SEC + 1), 0);
	assert_next(reader, 4, 5);
	assert_int_equal(journal_reader_seek_since(reader, 2000 * NS_PER_SEC), 0);
	assert_next(reader, 5, 5);
	assert_int_equal(journal_reader_missed(reader), 0);
	journal_reader_free(reader);
	sink_journal.free(sink);
}

static bool any_line(void *user, struct span line)
{
	return true;
}

static void damaged(void **state)
{
	struct place *place = *state;
	struct sink *sink = journal_must_open(place->file, 4000, 100, true);
	const char *zst = beside(place->file, ".1.zst");
	struct journal_reader *reader;
	struct span line;
	int r;

	write_range(sink, 1, 21);
	wait_gone(place, beside(place->file, ".1"));
	sink_journal.free(sink);
	assert_int_equal(truncate(zst, size_of(zst) - 1), 0);
	reader = reader_must_open(place->file);
	assert_int_equal(journal_reader_seek_since(reader, 0), 0);
	while ((r = journal_reader_line(reader, &line)) > 0)
		;
	assert_int_equal(r, -EBADMSG);
	assert_string_equal(journal_reader_path(reader), zst);
	/* What is behind it is there all the same. */
	assert_int_equal(journal_reader_line(reader, &line), 1);
	assert_string_equal(journal_reader_path(reader), place->file);
	while ((r = journal_reader_line(reader, &line)) > 0)
		;
	assert_int_equal(r, 0);
	assert_int_equal(journal_reader_seek_last(reader, 1000, any_line, NULL), 0);
	assert_int_equal(journal_reader_line(reader, &line), 1);
	journal_reader_free(reader);
}

static void no_journal(void **state)
{
	struct place *place = *state;
	struct sink_error error = { "" };
	struct journal_reader *reader;

	assert_int_equal(journal_reader_open(&reader, place->file, &error), -ENOENT);
	assert_non_null(strstr(error.message, place->file));
	append(place->file, "1\n");
	reader = reader_must_open(place->file);
	unlink(place->file);
	assert_no_line(reader);
	assert_int_equal(rmdir(place->folder), 0);
	assert_int_equal(journal_reader_wait(reader), -ENOENT);
	journal_reader_free(reader);
	assert_int_equal(mkdir(place->folder, 0700), 0);
}

static void names(void **state)
{
	static const char *const files[] = { "b.jsonl", "b.jsonl.1", "a.jsonl.2.zst", "c.jsonl.x", "d.jsonl.01", "e.json",
					     ".jsonl", "f.jsonl.zst.tmp", "g.jsonl.zst", "h.jsonl.jsonl", "i.jsonl.1.jsonl.7" };
	struct place *place = *state;
	char path[256], **found;
	int n;

	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", place->folder, files[i]);
		append(path, "");
	}
	n = journal_folder_names(place->folder, &found);
	assert_int_equal(n, 4);
	assert_string_equal(found[0], "a");
	assert_string_equal(found[1], "b");
	assert_string_equal(found[2], "h.jsonl");
	assert_string_equal(found[3], "i.jsonl.1");
	assert_null(found[4]);
	for (int i = 0; i < n; i++)
		free(found[i]);
	free(found);
	assert_int_equal(journal_folder_names("/nonexistent", &found), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(follows, place_make, place_remove),
		cmocka_unit_test_setup_teardown(follows_compressed, place_make, place_remove),
		cmocka_unit_test_setup_teardown(missed, place_make, place_remove),
		cmocka_unit_test_setup_teardown(half_lines, place_make, place_remove),
		cmocka_unit_test_setup_teardown(moved_by_others, place_make, place_remove),
		cmocka_unit_test_setup_teardown(last_lines, place_make, place_remove),
		cmocka_unit_test_setup_teardown(since, place_make, place_remove),
		cmocka_unit_test_setup_teardown(damaged, place_make, place_remove),
		cmocka_unit_test_setup_teardown(no_journal, place_make, place_remove),
		cmocka_unit_test_setup_teardown(names, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
