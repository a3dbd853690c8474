/* Who can write to a file, or replace it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/path_trust.h"

#define OTHER 65534

static char top[64];
static struct file_error error;
static struct path_doubt found;

static int set_up(void **state)
{
	strcpy(top, "/tmp/test_path_trust.XXXXXX");
	return mkdtemp(top) ? chdir(top) : -1;
}

static int tear_down(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "cd /; rm -rf '%s'", top);
	return system(command);
}

static void make(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static int trust(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	found = (struct path_doubt){ 0 };
	*error.message = 0;
	return path_trust(path, &found, &error);
}

static void must_be_root(void)
{
	if (geteuid() != 0) {
		print_message("only root can give files away\n");
		skip();
	}
}

/* /tmp is open to all, but sticky. */
static void test_ours(void **state)
{
	make("file");
	assert_int_equal(trust("file"), 0);
	assert_string_equal(found.message, "");
	assert_int_equal(trust(".."), -EPERM);	/* /tmp itself */
	assert_int_equal(path_trust("file", NULL, &error), 0);
	assert_int_equal(trust("missing"), -ENOENT);
	assert_int_equal(trust("file/below"), -ENOTDIR);
	assert_int_equal(trust("missing/below"), -ENOENT);
}

static void test_modes(void **state)
{
	make("file");
	assert_int_equal(chmod("file", 0644), 0);
	assert_int_equal(trust("file"), 0);
	assert_int_equal(chmod("file", 0660), 0);
	assert_int_equal(trust("file"), -EPERM);
	assert_non_null(strstr(error.message, "/file can be written by others, who could alter what is recorded (chmod go-w it)"));
	assert_int_equal(chmod("file", 0602), 0);
	assert_int_equal(trust("file"), -EPERM);
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(chmod("folder", 01777), 0);
	assert_int_equal(trust("folder"), -EPERM);	/* of a folder that is asked for the sticky bit says nothing */
}

static void test_owner(void **state)
{
	char expected[256];

	must_be_root();
	make("file");
	assert_int_equal(chown("file", OTHER, 0), 0);
	assert_int_equal(trust("file"), -EPERM);
	snprintf(expected, sizeof(expected), "%s/file belongs to user %d, who could alter what is recorded (chown root it, or use another folder)", top,
		 OTHER);
	assert_string_equal(error.message, expected);
}

static void test_folders_above(void **state)
{
	assert_int_equal(mkdir("a", 0700), 0);
	assert_int_equal(mkdir("a/b", 0700), 0);
	make("a/b/file");
	assert_int_equal(chmod("a", 0777), 0);
	assert_int_equal(trust("a/b/file"), -EPERM);
	assert_non_null(strstr(error.message, "/a can be written by everybody, who could replace what is in it (chmod o-w it)"));
	assert_int_equal(chmod("a", 01777), 0);
	assert_int_equal(trust("a/b/file"), 0);
	assert_string_equal(found.message, "");
}

/* As root sees the work tree of a user, or /var/log where a group may write to it. */
static void test_doubt(void **state)
{
	char expected[256];

	must_be_root();
	assert_int_equal(mkdir("a", 0700), 0);
	assert_int_equal(mkdir("a/b", 0700), 0);
	make("a/b/file");
	assert_int_equal(chmod("a", 0770), 0);
	assert_int_equal(trust("a/b/file"), 0);
	assert_string_equal(found.message, "");		/* of root's */
	assert_int_equal(chown("a", 0, OTHER), 0);
	assert_int_equal(trust("a/b/file"), 0);
	snprintf(expected, sizeof(expected), "%s/a can be written by group %d", top, OTHER);
	assert_string_equal(found.message, expected);
	assert_false(found.foreign);
	assert_int_equal(chmod("a", 01770), 0);
	assert_int_equal(trust("a/b/file"), 0);
	assert_string_equal(found.message, "");
	assert_int_equal(chmod("a", 0770), 0);
	assert_int_equal(chown("a/b", OTHER, OTHER), 0);
	assert_int_equal(trust("a/b/file"), 0);
	snprintf(expected, sizeof(expected), "%s/a/b belongs to user %d", top, OTHER);
	assert_string_equal(found.message, expected);
	assert_true(found.foreign);
}

/* Where they lead counts, and what leads there. */
static void test_links(void **state)
{
	char text[PATH_MAX];

	assert_int_equal(mkdir("open", 0700), 0);
	assert_int_equal(mkdir("closed", 0700), 0);
	make("open/file");
	assert_int_equal(chmod("open", 0777), 0);
	assert_int_equal(symlink("../open/file", "closed/relative"), 0);
	assert_int_equal(trust("closed/relative"), -EPERM);
	snprintf(text, sizeof(text), "%s/open", top);
	assert_int_equal(symlink(text, "closed/whole"), 0);
	assert_int_equal(trust("closed/whole/file"), -EPERM);
	assert_non_null(strstr(error.message, "/open can be written by everybody"));
	assert_int_equal(chmod("open", 0700), 0);
	assert_int_equal(trust("closed/relative"), 0);
	assert_int_equal(trust("closed/whole/file"), 0);
	assert_int_equal(trust("closed/whole"), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(trust("loop"), -ELOOP);
	assert_int_equal(symlink("/", "root"), 0);
	assert_int_equal(trust("root"), 0);
	assert_int_equal(trust("closed/../open/./file"), 0);
}

static void test_foreign_link(void **state)
{
	must_be_root();
	make("file");
	assert_int_equal(symlink("file", "link"), 0);
	assert_int_equal(lchown("link", OTHER, OTHER), 0);
	assert_int_equal(trust("link"), 0);
	assert_true(found.foreign);
	assert_non_null(strstr(found.message, "/link belongs to user"));
}

static void test_too_long(void **state)
{
	char path[3 * PATH_MAX];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = 0;
	assert_int_equal(path_trust(path, NULL, &error), -ENAMETOOLONG);
	path[300] = 0;		/* a name of 299 bytes is none */
	assert_int_equal(path_trust(path, NULL, &error), -ENAMETOOLONG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ours), TEST(test_modes), TEST(test_owner), TEST(test_folders_above), TEST(test_doubt), TEST(test_links),
		TEST(test_foreign_link), TEST(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
