/* What is said, where, in what form, and what is held back. */

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"

struct fixture {
	int saved;			/* the real stderr */
	char dir[64], said[80], file[80], old[84];
};

static int set_up(void **state)
{
	static struct fixture f;
	int fd;

	f = (struct fixture){ .dir = "/tmp/test-log-XXXXXX" };
	assert_non_null(mkdtemp(f.dir));
	snprintf(f.said, sizeof(f.said), "%s/said", f.dir);
	snprintf(f.file, sizeof(f.file), "%s/file", f.dir);
	snprintf(f.old, sizeof(f.old), "%s.1", f.file);
	fd = open(f.said, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	f.saved = dup(STDERR_FILENO);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	log_close_file();
	log_tell_held_back();
	log_set_level(LOG_LEVEL_INFO);
	dup2(f->saved, STDERR_FILENO);
	close(f->saved);
	unlink(f->said);
	unlink(f->file);
	unlink(f->old);
	rmdir(f->dir);
	return 0;
}

/* The content; the buffer is the caller's. */
static const char *content(const char *path, struct buffer *text)
{
	FILE *f = fopen(path, "re");
	size_t n;

	buffer_clear(text);
	if (!f)
		return "";
	do {
		char *room = buffer_reserve(text, 65536);

		n = fread(room, 1, 65536, f);
		text->size += n;
	} while (n > 0);
	fclose(f);
	return buffer_text(text);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

/* `DDDD-DD-DDTDD:DD:DD.DDDZ rest` */
static void assert_timed(const char *line, const char *rest)
{
	static const char form[] = "0000-00-00T00:00:00.000Z ";

	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == '0')
			assert_in_range(line[i], '0', '9');
		else
			assert_int_equal(line[i], form[i]);
	assert_string_equal(line + sizeof(form) - 1, rest);
}

/* Before log_begin_service(), which cannot be undone: this is the first test. */
static void test_of_a_command(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	const struct fixture *f = *state;

	log_error("Failed");
	log_warning("Careful");
	log_info("Done");
	log_debug("not at this level");
	assert_int_equal(log_errno(ENOENT, "Failed to open %s", "x"), -ENOENT);
	assert_int_equal(log_errno(-ENOENT, "Failed again"), -ENOENT);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("Detail");
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("not at this level");
	assert_string_equal(content(f->said, &text), "recorder: Failed\nrecorder: warning: Careful\nrecorder: Done\n"
						     "recorder: Failed to open x: No such file or directory\n"
						     "recorder: Failed again: No such file or directory\n"
						     "recorder: debug: Detail\n");
}

static void set_stream(const struct fixture *f, bool is_ours)
{
	struct stat st;
	char stream[64];

	assert_int_equal(stat(f->said, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino + !is_ours);
	setenv("JOURNAL_STREAM", stream, 1);
}

static void begin_with_stream(const struct fixture *f, bool is_ours)
{
	set_stream(f, is_ours);
	log_begin_service();
	unsetenv("JOURNAL_STREAM");
}

static void test_to_the_journal(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	const struct fixture *f = *state;

	begin_with_stream(f, false);
	set_stream(f, true);
	log_find_journal();
	unsetenv("JOURNAL_STREAM");
	log_set_level(LOG_LEVEL_DEBUG);
	log_error("Failed");
	log_warning("Careful");
	log_info("Done");
	log_debug("Detail");
	assert_string_equal(content(f->said, &text), "<3>Failed\n<4>Careful\n<6>Done\n<7>Detail\n");
}

static void test_not_the_journal_any_more(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	const struct fixture *f = *state;

	begin_with_stream(f, false);
	log_warning("Careful");
	assert_timed(content(f->said, &text), "recorder: warning: Careful\n");
}

static const char *on_terminal(int terminal, char *text, size_t size)
{
	ssize_t n;

	log_begin_service();
	log_warning("Careful");
	n = read(terminal, text, size - 1);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static void test_colour_is_for_terminals(void **state)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), theirs;
	char text[256];

	assert_true(terminal >= 0);
	assert_int_equal(grantpt(terminal), 0);
	assert_int_equal(unlockpt(terminal), 0);
	theirs = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(theirs >= 0);
	assert_true(dup2(theirs, STDERR_FILENO) >= 0);
	close(theirs);
	unsetenv("NO_COLOR");
	on_terminal(terminal, text, sizeof(text));
	assert_memory_equal(text, "\x1b[33m", 5);
	assert_timed(text + 5, "recorder: warning: Careful\x1b[0m\r\n");
	setenv("NO_COLOR", "1", 1);
	assert_timed(on_terminal(terminal, text, sizeof(text)), "recorder: warning: Careful\r\n");
	unsetenv("NO_COLOR");
	close(terminal);
}

static void test_what_others_wrote_is_harmless(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	const struct fixture *f = *state;
	char *large = calloc(1, 10000);

	begin_with_stream(f, true);
	log_info("The file %s", "a\n<0>b\x1b[2J\x7f\xc2\x9b" "c\xc3\xa9");
	assert_string_equal(content(f->said, &text), "<6>The file a?<0>b?[2J???c\xc3\xa9\n");
	memset(large, 'x', 9999);
	log_info("%s", large);
	assert_int_equal(count(content(f->said, &text), "\n"), 2);
	assert_true(text.size < 3000);
	free(large);
}

static void say_often(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		log_info("often %u", i);
}

static void test_a_flood_is_held_back_and_counted(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	const struct fixture *f = *state;

	begin_with_stream(f, true);
	say_often(LOG_BURST + 7);
	log_info("another call");
	assert_int_equal(count(content(f->said, &text), "often"), LOG_BURST);
	assert_int_equal(count(buffer_text(&text), "another call"), 1);
	log_tell_held_back();
	assert_int_equal(count(content(f->said, &text), "<6>7 messages like \"often %u\" were suppressed\n"), 1);
	log_tell_held_back();
	assert_int_equal(count(content(f->said, &text), "suppressed"), 1);
	say_often(3);
	log_tell_held_back();
	assert_int_equal(count(content(f->said, &text), "<6>3 messages like \"often %u\" were suppressed\n"), 1);
}

static void test_the_limit_ends_with_its_time(void **state)
{
	struct log_site site = { 0 };
	unsigned held_back = 1;

	for (unsigned i = 0; i < LOG_BURST; i++) {
		assert_true(log_site_may(&site, 5 + i, &held_back));
		assert_int_equal(held_back, 0);
	}
	assert_false(log_site_may(&site, 5 + LOG_BURST_NS - 1, &held_back));
	assert_false(log_site_may(&site, 5 + LOG_BURST_NS - 1, &held_back));
	assert_true(log_site_may(&site, 5 + LOG_BURST_NS, &held_back));
	assert_int_equal(held_back, 2);
	assert_true(log_site_may(&site, 5 + LOG_BURST_NS, &held_back));
	assert_int_equal(held_back, 0);
}

static void test_file(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	const struct fixture *f = *state;
	struct stat st;

	begin_with_stream(f, true);
	assert_int_equal(log_open_file(f->file), 0);
	log_warning("Careful");
	assert_string_equal(content(f->said, &text), "<4>Careful\n");
	assert_timed(content(f->file, &text), "recorder: warning: Careful\n");
	assert_int_equal(stat(f->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	unlink(f->file);
	log_warning("Here again");
	assert_timed(content(f->file, &text), "recorder: warning: Here again\n");

	assert_int_equal(log_open_file(f->file), 0);	/* appends */
	log_warning("More");
	assert_int_equal(count(content(f->file, &text), "\n"), 2);
	log_close_file();
	log_warning("to stderr alone");
	assert_int_equal(count(content(f->file, &text), "\n"), 2);
}

static void test_file_is_bounded(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	const struct fixture *f = *state;
	struct stat now, old;

	assert_int_equal(log_open_file(f->file), 0);
	assert_int_equal(truncate(f->file, (off_t)LOG_FILE_BYTES - 10), 0);
	assert_int_equal(log_open_file(f->file), 0);
	log_info("the first of the next file");
	assert_int_equal(stat(f->old, &old), 0);
	assert_int_equal(old.st_size, LOG_FILE_BYTES - 10);
	assert_int_equal(stat(f->file, &now), 0);
	assert_int_equal(now.st_mode & 07777, 0600);
	assert_int_equal(count(content(f->file, &text), "\n"), 1);
	assert_non_null(strstr(buffer_text(&text), "the first of the next file"));
}

static void test_file_that_is_none(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(symlink("said", f->file), 0);
	assert_int_equal(log_open_file(f->file), -ELOOP);
	unlink(f->file);
	assert_int_equal(log_open_file("/dev/null"), -ENOTSUP);
	assert_int_equal(log_open_file("/nonexistent/file"), -ENOENT);
	log_info("stderr has it all the same");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_of_a_command, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_to_the_journal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_the_journal_any_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_colour_is_for_terminals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_others_wrote_is_harmless, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_flood_is_held_back_and_counted, set_up, tear_down),
		cmocka_unit_test(test_the_limit_ends_with_its_time),
		cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_that_is_none, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
