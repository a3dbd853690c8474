#include "base/path.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_join(void **state)
{
	static const struct {
		const char *folder, *name, *expected; /* NULL: refused */
	} cases[] = {
		{ "/a/b", "c", "/a/b/c" },
		{ "/a/b/", "./c//d/", "/a/b/c/d" },
		{ "/a/b", "../c", "/a/c" },
		{ "/a/b", "../../../../c", "/c" },
		{ "/a/b", "..", "/a" },
		{ "/a", "..", "/" },
		{ "/", "x", "/x" },
		{ "/", ".", "/" },
		{ "/a/b", "", "/a/b" },
		{ "/a/b", "/c/./d/../e", "/c/e" },
		{ "", "/c", "/c" },
		{ "relative", "/c", "/c" },
		{ "/a", "...", "/a/..." },
		{ "/a", "..b/.c", "/a/..b/.c" },
		{ "/a", "b\nc/\xff", "/a/b\nc/\xff" },
		{ "", "c", NULL },
		{ "a", "c", NULL },
		{ "", "", NULL },
	};
	struct buffer buffer = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r;

		buffer_clear(&buffer);
		buffer_append_text(&buffer,
				   "/kept"); /* appends, and does not climb into what stands before */
		r = path_join(&buffer, span_of(cases[i].folder), span_of(cases[i].name));
		assert_int_equal(r, cases[i].expected ? 0 : -EINVAL);
		if (cases[i].expected)
			assert_string_equal(buffer_text(&buffer) + 5, cases[i].expected);
	}
	buffer_release(&buffer);
}

static void test_name(void **state)
{
	static const char longest[] = "0123456789012345678901234567890123456789012345678901234567890123";
	static const char *const good[] = { "a", "-", "_.", "az.AZ-09_", longest };
	static const char *const bad[] = { "", ".", "..", ".a", "a/b", "/", "a b", "a\n", "\xc3\xa4", "a@", "a[", "a`", "a{", "a:" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(path_is_name(span_of(good[i])));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(path_is_name(span_of(bad[i])));
	assert_false(path_is_name((struct span){ "a\0b", 3 }));
	assert_int_equal(sizeof(longest) - 1, NAME_LENGTH_MAX);
	assert_false(path_is_name(SPAN("01234567890123456789012345678901234567890123456789012345678901234")));
}

static void test_last(void **state)
{
	static const char *const cases[][2] = {
		{ "/a/b", "b" }, { "/a", "a" }, { "b", "b" }, { "/a/", "" }, { "/", "" }, { "", "" }, { "a/../b", "b" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(span_eq(path_last(span_of(cases[i][0])), span_of(cases[i][1])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
