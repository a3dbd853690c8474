/* What a pattern cannot match without. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "filter/pattern_text.h"

static void test_required(void **state)
{
	static const struct {
		const char *pattern, *text;
	} cases[] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "^/usr/bin/[a-z]+$", "/usr/bin/" },
		{ "ab?cde", "cde" },
		{ "abc*", "ab" },
		{ "abc+d", "abc" },
		{ "abc+?de", "abc" },
		{ "abcd{2,3}ef", "abc" },
		{ "abcd{0}", "abc" },
		{ "abc{x", "" },
		{ "ab(cdefg)h", "ab" },
		{ "ab(?:cdefg|x)?hij", "hij" },
		{ "ab((x|y)z)+cde", "cde" },
		{ "abc|def", "" },
		{ "(abc|def)", "" },
		{ "(?i)abc", "" },
		{ "abc(?=def)", "" },
		{ "(*UTF)abc", "" },
		{ "a\\.b\\\\c\\d", "a.b\\c" },
		{ "abc\\x41def", "" },
		{ "\\Qa*\\E", "" },
		{ "[\\c]abc]", "" },
		{ "abc\\bdefg", "defg" },
		{ "abc\\", "" },
		{ "[abc]def", "def" },
		{ "[]abc]def", "def" },
		{ "[^]abc]def", "def" },
		{ "[\\]abc]def", "def" },
		{ "[[:alpha:]]def", "" },
		{ "[abc", "" },
		{ "a.bcd.ef", "bcd" },
		{ "abc\xc3\xa4", "" },
		{ "0123456789012345678901234567890123456789012345678901234567890123?x",
		  "012345678901234567890123456789012345678901234567890123456789012" },
		{ "01234567890123456789012345678901234567890123456789012345678901234567",
		  "0123456789012345678901234567890123456789012345678901234567890123" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[PATTERN_TEXT_MAX];
		size_t size = pattern_required_text(span_of(cases[i].pattern), text);

		if (!span_eq((struct span){ text, size }, span_of(cases[i].text)))
			fail_msg("%s: '%.*s' instead of '%s'", cases[i].pattern, (int)size, text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_required) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
