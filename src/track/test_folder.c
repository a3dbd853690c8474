/* What is asked, what is believed. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "track/folder.h"

static unsigned n_asked;
static int answer;
static const char *answer_path;
static struct file_id answer_id;

static int lookup(void *user, const char *path, struct file_id *ret_id, char *ret, size_t size)
{
	n_asked++;
	if (answer < 0)
		return answer;
	*ret_id = answer_id;
	snprintf(ret, size, "%s", answer_path);
	return 0;
}

static struct folders *begin(folder_lookup_fn fn)
{
	struct folders *folders = NULL;

	n_asked = 0;
	answer = 0;
	assert_int_equal(folders_new(&folders, fn, NULL), 0);
	return folders;
}

static const struct file_id a = { 0xfe00, 7, true }, b = { 0xfe00, 8, true };

static void test_asked_once(void **state)
{
	struct folders *folders = begin(lookup);
	struct span real;

	answer_path = "/real";
	answer_id = a;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(folders_find(folders, SPAN("/link"), &a, 1, &real), FOLDER_SURE);
		assert_true(span_eq(real, SPAN("/real")));
	}
	assert_int_equal(n_asked, 1);
	/* Gone by now, but it was that. */
	answer = -ENOENT;
	assert_int_equal(folders_find(folders, SPAN("/link"), &a, 1, &real), FOLDER_SURE);
	/* One of two will do. */
	assert_int_equal(folders_find(folders, SPAN("/link"), (const struct file_id[]){ b, a }, 2, &real), FOLDER_SURE);
	/* Another folder of that name. */
	assert_int_equal(folders_find(folders, SPAN("/link"), &b, 1, &real), FOLDER_OTHER);
	folders_free(folders);
}

static void test_not_believed(void **state)
{
	struct folders *folders = begin(lookup);
	struct span real;

	answer_path = "/real";
	answer_id = b;
	assert_int_equal(folders_find(folders, SPAN("/link"), &a, 1, &real), FOLDER_OTHER);
	assert_int_equal(folders_find(folders, SPAN("/link"), &(struct file_id){ 0 }, 1, &real), FOLDER_OTHER);
	answer = -EOPNOTSUPP;
	assert_int_equal(folders_find(folders, SPAN("/x"), &a, 1, &real), FOLDER_UNKNOWN);
	answer = -EAGAIN;
	assert_int_equal(folders_find(folders, SPAN("/x"), &a, 1, &real), FOLDER_OTHER);
	folders_free(folders);
	folders = begin(NULL);
	assert_int_equal(folders_find(folders, SPAN("/x"), &a, 1, &real), FOLDER_UNKNOWN);
	folders_free(folders);
}

static void test_learned(void **state)
{
	struct folders *folders = begin(lookup);
	struct span real;

	answer = -ENOENT;
	folders_learn(folders, SPAN("/new"), a);
	assert_int_equal(folders_find(folders, SPAN("/new"), &a, 1, &real), FOLDER_SURE);
	assert_true(span_eq(real, SPAN("/new")));
	assert_int_equal(n_asked, 0);
	folders_free(folders);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked_once),
		cmocka_unit_test(test_not_believed),
		cmocka_unit_test(test_learned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
