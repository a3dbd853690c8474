/* A file that somebody else names is opened, unless it is one of the database's, by whatever name. */

#include "source/own_files.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static const char *in_folder(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void make(const char *name)
{
	int fd = open(in_folder(name), O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static int reads(const char *name)
{
	int fd = own_files_open(in_folder(name), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void test_opens(void **state)
{
	static const char *const ours[] = { "x.db", "x.db-wal", "x.db-shm" };
	char target[128];

	strcpy(folder, "/tmp/recorder-own-XXXXXX");
	assert_non_null(mkdtemp(folder));
	make("other");
	for (unsigned i = 0; i < 3; i++)
		make(ours[i]);
	assert_int_equal(reads("x.db"), 0);	/* nobody has said that it is ours */
	assert_int_equal(own_files_set(in_folder("x.db")), 0);
	assert_int_equal(reads("other"), 0);
	assert_int_equal(reads("nothing"), -ENOENT);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(reads(ours[i]), -EBUSY);
		snprintf(target, sizeof(target), "%s", in_folder(ours[i]));
		assert_int_equal(symlink(target, in_folder("link")), 0);
		assert_int_equal(link(target, in_folder("hard")), 0);
		assert_int_equal(reads("link"), -EBUSY);
		assert_int_equal(reads("hard"), -EBUSY);
		unlink(in_folder("link"));
		unlink(in_folder("hard"));
		unlink(in_folder(ours[i]));
		assert_int_equal(reads(ours[i]), -ENOENT);
	}
	/* what is no file is as open(2) has it */
	assert_int_equal(mkdir(in_folder("folder"), 0700), 0);
	assert_int_equal(own_files_open(in_folder("folder"), O_WRONLY | O_CLOEXEC), -1);
	assert_int_equal(errno, EISDIR);
	rmdir(in_folder("folder"));
	unlink(in_folder("other"));
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_opens) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
