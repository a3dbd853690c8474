/* proc.bin: whole or not at all. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/process_file.h"

#define BOOT  "b0a1c2d3-0000-4000-8000-123456789abc"
#define LINES "recorder(1.0:1): id=1 process.pid=1\nrecorder(1.0:2): id=2 process.pid=2\n"

static char folder[] = "/tmp/recorder-test-XXXXXX", path[64];

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/proc.bin", folder);
	return 0;
}

static int remove_folder(void **state)
{
	unlink(path);
	return rmdir(folder);
}

static int read_it(void)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	uint64_t taken_ns = 0;
	int r = process_file_read(path, SPAN(BOOT), &text, &taken_ns);

	if (r == 0)
		assert_string_equal(buffer_text(&text), LINES);
	if (r == 0)
		assert_int_not_equal(taken_ns, 0);
	else
		assert_int_equal(text.size, 0);
	return r;
}

static size_t slurp(char *ret, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t n;

	assert_non_null(file);
	n = fread(ret, 1, size, file);
	fclose(file);
	return n;
}

static void put(const char *data, size_t size)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void test_round(void **state)
{
	struct stat st;

	assert_int_equal(read_it(), -ENOENT);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(process_file_write(path, SPAN(BOOT), 7, SPAN(LINES)), 0);
		assert_int_equal(read_it(), 0);
	}
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(process_file_read(path, SPAN("another-boot"), &(struct buffer){ 0 }, &(uint64_t){ 0 }), -ESTALE);
}

/* Cut anywhere, or a byte other than it was. */
static void test_damaged(void **state)
{
	char good[1024], bad[sizeof(good)];
	size_t n;

	assert_int_equal(process_file_write(path, SPAN(BOOT), 7, SPAN(LINES)), 0);
	n = slurp(good, sizeof(good));
	for (size_t i = 0; i < n; i++) {
		int r;

		put(good, i);
		assert_int_equal(read_it(), -EBADMSG);
		memcpy(bad, good, n);
		bad[i] ^= 1;
		put(bad, n);
		r = read_it();
		/* Another number of the version, boot or time is one: nobody signed the head. */
		assert_true(r == -EBADMSG || r == -EPROTONOSUPPORT || r == -ESTALE || (r == 0 && strstr(good, "taken=") < good + i));
	}
	put("", 0);
	assert_int_equal(read_it(), -EBADMSG);
	put("recorder processes 2 of another shape\n", 38);
	assert_int_equal(read_it(), -EPROTONOSUPPORT);
}

/* Whoever may write into the file could make up what happened. */
static void test_not_ours(void **state)
{
	assert_int_equal(process_file_write(path, SPAN(BOOT), 7, SPAN(LINES)), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(read_it(), -EPERM);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(read_it(), -ELOOP);
	assert_int_equal(process_file_write(path, SPAN(BOOT), 7, SPAN(LINES)), 0);	/* takes the place of the link */
	assert_int_equal(read_it(), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(read_it(), -EBADMSG);
	assert_true(process_file_write(path, SPAN(BOOT), 7, SPAN(LINES)) < 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(process_file_write("/nonexistent/proc.bin", SPAN(BOOT), 7, SPAN(LINES)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_not_ours),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
