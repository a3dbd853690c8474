/* Changing the settings file: one value changes, everything else stays. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/settings_edit.h"

#define NAME "StatusUpdateInterval"
#define LONG SETTING_PREFIX NAME

static void test_text(void **state)
{
	static const struct {
		const char *before;
		const char *value;	/* NULL: reset */
		const char *after;
	} cases[] = {
		{ "", "7", LONG " = 7\n" },
		{ "# why\n", "7", "# why\n" LONG " = 7\n" },
		{ "# no end", "7", "# no end\n" LONG " = 7\n" },
		{ NAME "=5", "7", NAME "=7" },
		{ " " LONG " \t=  5  # why\n\nEnableEtw = 0\n", "7", " " LONG " \t=  7  # why\n\nEnableEtw = 0\n" },
		{ NAME " = 5\r\nEnableEtw = 0\r\n", "77", NAME " = 77\r\nEnableEtw = 0\r\n" },
		{ "EnableEtw = 0\r\n", "7", "EnableEtw = 0\r\n" LONG " = 7\r\n" },
		{ "\r\n\r", "7", "\r\n\r\n" LONG " = 7\r\n" },
		{ "#" NAME " = 5\n", "7", "#" NAME " = 5\n" LONG " = 7\n" },
		{ NAME " =# none\n", "7", NAME " =7 # none\n" },
		{ NAME " = \n", "7", NAME " =7 \n" },
		{ NAME "x = 5\n", "7", NAME "x = 5\n" LONG " = 7\n" },
		{ "\xef\xbb\xbf" NAME " = 5\n", "7", "\xef\xbb\xbf" NAME " = 7\n" },
		{ "", NULL, "" },
		{ "# a\n" LONG " = 5\n# b\n", NULL, "# a\n# b\n" },
		{ LONG " = 5   # why\nEnableEtw = 0", NULL, "# why\nEnableEtw = 0" },
		{ LONG " = 5", NULL, "" },
		{ "EnableEtw = 0\n", NULL, "EnableEtw = 0\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buffer_release) struct buffer after = { 0 };

		assert_int_equal(settings_edit_text(&after, span_of(cases[i].before), SETTING_StatusUpdateInterval,
						    span_of(cases[i].value)), 0);
		assert_string_equal(buffer_text(&after), cases[i].after);
	}
}

struct folder {
	char path[64];
	char file[96];
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	strcpy(folder->path, "/tmp/recorder-edit-XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	snprintf(folder->file, sizeof(folder->file), "%s/recorder.conf", folder->path);
	*state = folder;
	return 0;
}

/* Nothing may be left but what the test names. */
static int remove_folder(void **state)
{
	struct folder *folder = *state;
	char path[128];
	int r;

	unlink(folder->file);
	snprintf(path, sizeof(path), "%s/real", folder->path);
	unlink(path);
	snprintf(path, sizeof(path), "%s/made/recorder.conf", folder->path);
	unlink(path);
	snprintf(path, sizeof(path), "%s/made", folder->path);
	rmdir(path);
	r = rmdir(folder->path);
	free(folder);
	return r;
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void expect_text(const char *path, const char *expected)
{
	FILE *file = fopen(path, "re");
	char text[512];
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	assert_string_equal(text, expected);
}

static int edit(const char *path, const char *value, struct settings_error *error)
{
	return settings_edit(path, SETTING_StatusUpdateInterval, span_of(value), error);
}

static void test_file(void **state)
{
	const struct folder *folder = *state;
	struct settings_error error;
	char path[128];
	struct stat st;

	assert_int_equal(edit(folder->file, NULL, &error), 0);
	assert_int_equal(access(folder->file, F_OK), -1);
	assert_int_equal(edit(folder->file, "7", &error), 1);
	assert_int_equal(edit(folder->file, "7", &error), 0);
	expect_text(folder->file, LONG " = 7\n");
	assert_int_equal(stat(folder->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	chmod(folder->file, 0640);
	assert_int_equal(edit(folder->file, "8", &error), 1);
	assert_int_equal(stat(folder->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(edit(folder->file, NULL, &error), 1);
	expect_text(folder->file, "");

	snprintf(path, sizeof(path), "%s/made/recorder.conf", folder->path);
	assert_int_equal(edit(path, "9", &error), 1);
	expect_text(path, LONG " = 9\n");
}

static void test_link(void **state)
{
	const struct folder *folder = *state;
	struct settings_error error;
	struct stat st;
	char real[128];

	snprintf(real, sizeof(real), "%s/real", folder->path);
	write_text(real, "# mine\n");
	assert_int_equal(symlink("real", folder->file), 0);
	assert_int_equal(edit(folder->file, "7", &error), 1);
	assert_int_equal(lstat(folder->file, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	expect_text(real, "# mine\n" LONG " = 7\n");
}

static void test_refused(void **state)
{
	const struct folder *folder = *state;
	struct settings_error error;
	char expected[256];
	int fd;

	/* What is wrong elsewhere stays, and stops the change; a wrong value of the name itself is mended. */
	write_text(folder->file, "# a\nNonsense\n");
	assert_int_equal(edit(folder->file, "7", &error), -EINVAL);
	snprintf(expected, sizeof(expected), "%s:2: 'Nonsense' is not a setting (NAME = VALUE)", folder->file);
	assert_string_equal(error.message, expected);
	expect_text(folder->file, "# a\nNonsense\n");
	write_text(folder->file, NAME " = x\n");
	assert_int_equal(edit(folder->file, "7", &error), 1);
	expect_text(folder->file, NAME " = 7\n");

	fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(edit(folder->file, "8", &error), -EBUSY);
	assert_non_null(strstr(error.message, "somebody else is changing it"));
	close(fd);
	assert_int_equal(edit(folder->file, "8", &error), 1);

	unlink(folder->file);
	assert_int_equal(mkdir(folder->file, 0700), 0);
	assert_int_equal(edit(folder->file, "8", &error), -EISDIR);
	assert_non_null(strstr(error.message, "Is a directory"));
	rmdir(folder->file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test_setup_teardown(test_file, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_link, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_refused, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
