/* Of whom a script's text is told, by files in a folder of our own. */

#include "source/script_text.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define STRANGER 12345

static char folder[64], file[80];
static struct script_text text;

static int setup(void **state)
{
	strcpy(folder, "/tmp/recorder-script-XXXXXX");
	snprintf(file, sizeof(file), "%s/script", mkdtemp(folder) ? folder : "");
	return folder[0] ? 0 : -1;
}

static int teardown(void **state)
{
	unlink(file);
	return rmdir(folder);
}

static void write_script(const char *bytes, size_t size)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}

static int read_as(uint32_t uid, uint32_t gid, bool later)
{
	const struct hash_wish wish = { .uid = uid, .gid = gid };
	struct file_stamp stamp;
	int fd = open(file, O_RDONLY), r;

	assert_true(fd >= 0);
	assert_int_equal(file_stamp_of(fd, &stamp), 0);
	stamp.ctime_ns -= later;
	r = script_text_read(fd, &stamp, &wish, &text);
	close(fd);
	return r;
}

static void expect_text(const char *bytes, size_t size, bool is_cut)
{
	assert_int_equal(read_as(getuid(), getgid(), false), 0);
	assert_int_equal(text.size, size);
	assert_memory_equal(text.bytes, bytes, size);
	assert_int_equal(text.is_cut, is_cut);
}

static void test_what_stands_in_it(void **state)
{
	static char large[SCRIPT_TEXT_MAX + 1];

	write_script("#!/bin/sh\necho a\n", 17);
	expect_text("#!/bin/sh\necho a\n", 17, false);
	assert_int_equal(read_as(getuid(), getgid(), true), -ESTALE);
	write_script("", 0);
	expect_text("", 0, false);
	memset(large, 'x', sizeof(large));
	write_script(large, sizeof(large) - 1);
	expect_text(large, sizeof(large) - 1, false);
	write_script(large, sizeof(large));
	expect_text(large, sizeof(large) - 1, true);
	/* an archive behind it */
	write_script("#!/bin/sh\ntail -c 3 $0\nexit\n\0\1\2", 31);
	expect_text("#!/bin/sh\ntail -c 3 $0\nexit\n", 28, true);
	/* what is no text: a program, something else */
	write_script("\177ELF\2\1\1\0", 8);
	expect_text("", 0, false);
	write_script("\1\2\3\0", 4);
	assert_int_equal(read_as(getuid(), getgid(), false), -EINVAL);
}

static void test_who_may_read_it(void **state)
{
	static const struct {
		unsigned mode, folder;
		bool is_owner, is_group, may;
	} cases[] = {
		{ 0600, 0700, true, true, true },    { 0200, 0700, true, true, false },   { 0600, 0600, true, true, false },
		{ 0640, 0710, false, true, true },   { 0600, 0710, false, true, false },  { 0640, 0701, false, true, false },
		{ 0644, 0711, false, false, true },  { 0640, 0711, false, false, false }, { 0644, 0710, false, false, false },
		{ 0604, 0711, false, false, false }, /* that group may be one of his */
		{ 0644, 0701, false, false, false },
	};

	if (getuid() != 0)
		skip();	/* whose own files they are nobody else could say */
	write_script("#!/bin/sh\n", 10);
	assert_int_equal(read_as(0, 0, false), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t uid = cases[i].is_owner ? STRANGER : STRANGER + 1, gid = cases[i].is_group ? STRANGER : STRANGER + 1;

		assert_int_equal(chown(file, STRANGER, STRANGER), 0);
		assert_int_equal(chown(folder, STRANGER, STRANGER), 0);
		assert_int_equal(chmod(file, cases[i].mode), 0);
		assert_int_equal(chmod(folder, cases[i].folder), 0);
		if ((read_as(uid, gid, false) == 0) != cases[i].may)
			fail_msg("case %zu: %o in %o", i, cases[i].mode, cases[i].folder);
	}
	assert_int_equal(read_as(UINT32_MAX, UINT32_MAX, false), -EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_stands_in_it),
		cmocka_unit_test(test_who_may_read_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
