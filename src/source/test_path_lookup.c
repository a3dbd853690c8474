/* Links are followed, what is not there is said, and the id is that of stat(2). */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/path_lookup.h"

static void test_links(void **state)
{
	char dir[] = "/tmp/test_path_lookup.XXXXXX", folder[64], link[64], file[80], found[PATH_MAX];
	struct file_id id = { 0 };
	struct stat st;
	int fd;

	assert_non_null(mkdtemp(dir));
	snprintf(folder, sizeof(folder), "%s/folder", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	snprintf(file, sizeof(file), "%s/file", link);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(symlink("folder", link), 0);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	if (path_lookup(link, &id, found, sizeof(found)) == -EOPNOTSUPP)
		skip();
	assert_int_equal(path_lookup(link, &id, found, sizeof(found)), 0);
	assert_string_equal(found, folder);
	assert_int_equal(stat(folder, &st), 0);
	assert_true(id.known && id.inode == st.st_ino && id.device == st.st_dev);
	assert_int_equal(path_lookup(file, &id, found, sizeof(found)), 0);
	assert_string_equal(found + strlen(folder), "/file");
	assert_int_equal(path_lookup(file, &id, found, 8), -ENAMETOOLONG);
	assert_int_equal(unlink(file), 0);
	/* ENOENT, or EAGAIN where only the disk could tell. */
	assert_true(path_lookup(file, &id, found, sizeof(found)) < 0);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_links) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
