/* Files that are read whole or not at all, and put in the place of others whole or not at all. */

#include "control/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[128];

static int set_up(void **state)
{
	strcpy(folder, "/tmp/recorder-file-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/x", folder);
	return 0;
}

static int tear_down(void **state)
{
	unlink(path);
	return rmdir(folder);	/* nothing else is left there */
}

static void expect(const char *wanted)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	_cleanup_(file_close) int fd = -1;
	struct file_error error;
	struct stat st;

	fd = file_open(path, &st, &error);
	assert_true(fd >= 0);
	assert_int_equal(file_read(&text, fd, 100, &error), 0);
	assert_string_equal(buffer_text(&text), wanted);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_replaced(void **state)
{
	assert_int_equal(file_replace(path, SPAN("one")), 0);
	expect("one");
	assert_int_equal(file_replace(path, SPAN("two, longer")), 0);
	expect("two, longer");
	assert_int_equal(file_replace(path, SPAN("")), 0);
	expect("");
}

/* Until it is placed, and if it never is, what was there stays. */
static void test_not_placed(void **state)
{
	struct new_file file = { NULL, -1 };

	assert_int_equal(file_replace(path, SPAN("before")), 0);
	assert_int_equal(new_file_open(&file, path), 0);
	assert_int_equal(file_write(file.fd, SPAN("after")), 0);
	expect("before");
	new_file_release(&file);
	expect("before");
}

static void test_no_place(void **state)
{
	char other[160];

	snprintf(other, sizeof(other), "%s/no/such", folder);
	assert_int_equal(file_replace(other, SPAN("x")), -ENOENT);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(file_replace(path, SPAN("x")), -EISDIR);
	assert_int_equal(rmdir(path), 0);
}

static void test_what_is_no_file(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	struct file_error error;
	struct stat st;
	int fd;

	assert_int_equal(file_open(path, &st, &error), -ENOENT);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(file_open(path, &st, &error), -ELOOP);
	assert_non_null(strstr(error.message, "symbolic link"));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(file_open(path, &st, &error), -EINVAL);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(file_open(path, &st, &error), -EISDIR);
	rmdir(path);
	assert_int_equal(file_replace(path, SPAN("12345")), 0);
	fd = file_open(path, &st, &error);
	assert_int_equal(file_read(&text, fd, 4, &error), -EFBIG);
	assert_int_equal(text.size, 0);
	assert_string_equal(error.message, "larger than 4 bytes");
	close(fd);
	fd = file_open(path, &st, &error);
	assert_int_equal(file_read(&text, fd, 5, &error), 0);
	assert_int_equal(text.size, 5);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_placed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_no_file, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
