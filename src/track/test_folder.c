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

static int lookup(void *user, const struct path_place *from, const char *path, struct file_id *ret_id, char *ret, size_t size)
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

#define FIRST_NS (UINT64_C(1700000000) * NS_PER_SEC)

static void expect_asked(struct folders *folders, uint64_t now_ns, const char *real_path, unsigned n)
{
	struct span real;

	assert_int_equal(folders_ask(folders, NULL, SPAN("/link"), now_ns, &real), FOLDER_SURE);
	assert_true(span_eq(real, span_of(real_path)));
	assert_int_equal(n_asked, n);
}

/* Without a witness an answer is good for a moment. */
static void test_fresh(void **state)
{
	struct folders *folders = begin(lookup);

	answer_path = "/real";
	answer_id = a;
	expect_asked(folders, FIRST_NS, "/real", 1);
	answer_path = "/other";
	expect_asked(folders, FIRST_NS, "/real", 1);
	expect_asked(folders, FIRST_NS + FOLDER_FRESH_NS, "/real", 1);
	expect_asked(folders, FIRST_NS + FOLDER_FRESH_NS + 1, "/other", 2);
	/* from the asking on, not from the last use */
	answer_path = "/third";
	expect_asked(folders, FIRST_NS + 2 * FOLDER_FRESH_NS + 1, "/other", 2);
	expect_asked(folders, FIRST_NS + 2 * FOLDER_FRESH_NS + 2, "/third", 3);
	/* an event that is older than the answer: what was there then, nobody knows */
	answer_path = "/fourth";
	expect_asked(folders, FIRST_NS, "/fourth", 4);
	folders_free(folders);
}

/* A path that leads to itself; one that leads nowhere is asked for again. */
static void test_ask_plain_and_gone(void **state)
{
	struct folders *folders = begin(lookup);
	struct span real;

	answer_path = "/link";
	answer_id = a;
	expect_asked(folders, FIRST_NS, "/link", 1);
	expect_asked(folders, FIRST_NS + 1, "/link", 1);
	answer = -ENOENT;
	assert_int_equal(folders_ask(folders, NULL, SPAN("/gone"), FIRST_NS, &real), FOLDER_OTHER);
	assert_int_equal(folders_ask(folders, NULL, SPAN("/gone"), FIRST_NS, &real), FOLDER_OTHER);
	assert_int_equal(n_asked, 3);
	/* it was made since */
	answer = 0;
	answer_path = "/gone";
	assert_int_equal(folders_ask(folders, NULL, SPAN("/gone"), FIRST_NS, &real), FOLDER_SURE);
	assert_true(span_eq(real, SPAN("/gone")));
	answer = -EAGAIN;	/* only the disk could tell: nothing is confirmed */
	assert_int_equal(folders_ask(folders, NULL, SPAN("/x"), FIRST_NS, &real), FOLDER_OTHER);
	answer = -EOPNOTSUPP;
	assert_int_equal(folders_ask(folders, NULL, SPAN("/x"), FIRST_NS, &real), FOLDER_UNKNOWN);
	answer = -ENODATA;
	assert_int_equal(folders_ask(folders, NULL, SPAN("/x"), FIRST_NS, &real), FOLDER_UNKNOWN);
	assert_int_equal(folders_ask(folders, NULL, SPAN("/x\0y"), FIRST_NS, &real), FOLDER_UNKNOWN);
	folders_free(folders);
	folders = begin(NULL);
	assert_int_equal(folders_ask(folders, NULL, SPAN("/x"), FIRST_NS, &real), FOLDER_UNKNOWN);
	folders_free(folders);
}

static void test_ask_too_long(void **state)
{
	struct folders *folders = begin(lookup);
	char text[5000];
	struct span real;

	memset(text, 'x', sizeof(text));
	text[0] = '/';
	answer_path = "/real";
	answer_id = a;
	assert_int_equal(folders_ask(folders, NULL, (struct span){ text, 4095 }, FIRST_NS, &real), FOLDER_SURE);
	assert_int_equal(folders_ask(folders, NULL, (struct span){ text, 4096 }, FIRST_NS, &real), FOLDER_UNKNOWN);
	assert_int_equal(n_asked, 1);
	folders_free(folders);
}

/* What a witness vouched for, or was learned, is no answer of a moment; and the other way round. */
static void test_ask_beside_find(void **state)
{
	struct folders *folders = begin(lookup);
	struct span real;

	answer_path = "/real";
	answer_id = a;
	assert_int_equal(folders_find(folders, SPAN("/link"), &a, 1, &real), FOLDER_SURE);
	expect_asked(folders, FIRST_NS, "/real", 2);
	/* the witness is as good as ever */
	answer = -ENOENT;
	assert_int_equal(folders_find(folders, SPAN("/link"), &a, 1, &real), FOLDER_SURE);
	assert_int_equal(n_asked, 2);
	expect_asked(folders, FIRST_NS + 1, "/real", 2);
	/* another folder of that name was found: when it was asked for is forgotten */
	answer = 0;
	answer_path = "/new";
	answer_id = b;
	assert_int_equal(folders_find(folders, SPAN("/link"), &b, 1, &real), FOLDER_SURE);
	answer_path = "/newer";
	expect_asked(folders, FIRST_NS + 2, "/newer", 4);
	folders_learn(folders, SPAN("/link"), a);
	answer_path = "/link";
	expect_asked(folders, FIRST_NS + 3, "/link", 5);
	folders_free(folders);
}

/* The same text is another folder in another root. */
static void test_by_root(void **state)
{
	struct folders *folders = begin(lookup);
	struct path_place one = { .root = { 0, 30, 1 } }, same = { .root = { 0, 30, 77 } }, jail = { .root = { 5, 30, 1 } };
	struct span real;

	answer_id = a;
	answer_path = "/one";
	assert_int_equal(folders_ask(folders, &one, SPAN("/link"), FIRST_NS, &real), FOLDER_SURE);
	answer_path = "/jail";
	assert_int_equal(folders_ask(folders, &jail, SPAN("/link"), FIRST_NS, &real), FOLDER_SURE);
	assert_true(span_eq(real, SPAN("/jail")));
	answer_path = "/none";
	assert_int_equal(folders_ask(folders, NULL, SPAN("/link"), FIRST_NS, &real), FOLDER_SURE);
	assert_true(span_eq(real, SPAN("/none")));
	assert_int_equal(n_asked, 3);
	assert_int_equal(folders_ask(folders, &same, SPAN("/link"), FIRST_NS, &real), FOLDER_SURE);
	assert_true(span_eq(real, SPAN("/one")));
	assert_int_equal(n_asked, 3);
	answer = -ESRCH;	/* nobody is there any more */
	assert_int_equal(folders_ask(folders, &jail, SPAN("/other"), FIRST_NS, &real), FOLDER_OTHER);
	folders_free(folders);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked_once),
		cmocka_unit_test(test_not_believed),
		cmocka_unit_test(test_learned),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_ask_plain_and_gone),
		cmocka_unit_test(test_ask_too_long),
		cmocka_unit_test(test_ask_beside_find),
		cmocka_unit_test(test_by_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
