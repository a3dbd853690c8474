/* Lines of auditd's files: the last of a key counts, and what is not changed stays as it was, to the byte. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "source/conf_text.h"

static void gets_values(void **state)
{
	static const struct {
		const char *text, *value;
	} cases[] = {
		{ "", "" }, { "key = a\n", "a" }, { "key=a", "a" }, { "  KEY\t=\tb more\n", "b" }, { "key = a\nkey = b\n", "b" },
		{ "#key = a\n", "" }, { "keys = a\n", "" }, { "key\n", "" }, { "key =\n", "" }, { "key = a\r\n", "a" }, { "key = \n= x\n", "" },
		{ "other = key = a\n", "" }, { "\n\n key = 7", "7" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_true(span_eq(conf_text_get(span_of(cases[i].text), "key"), span_of(cases[i].value)));
}

static void sets_values(void **state)
{
	static const struct {
		const char *text, *value, *expected;
	} cases[] = {
		{ "", "1", "key = 1\n" },
		{ "a = b", "1", "a = b\nkey = 1\n" },
		{ "# head\n\nKey = 0 # why\nb = c\n", "1", "# head\n\nKey = 1\nb = c\n" },
		{ "key = 0\nkey = 2\n# tail", "1", "key = 0\nkey = 1\n# tail" },
		{ "a = b\n##key = 5\nc = d\n", "1", "a = b\n##key = 5\nkey = 1\nc = d\n" },
		{ "#key = 5", "1", "#key = 5\nkey = 1\n" },
		{ "#keys = 5\n", "1", "#keys = 5\nkey = 1\n" },
		{ "a = b\nkey = 1\n#key = 2\nKEY=3", NULL, "a = b\n#key = 2\n" },
		{ "a = b\n", NULL, "a = b\n" },
		{ "key = 5\r\nb = c\r\n", "1", "key = 1\nb = c\r\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buffer text = { 0 };

		conf_text_set(&text, span_of(cases[i].text), "key", cases[i].value);
		assert_string_equal(buffer_text(&text), cases[i].expected);
		buffer_release(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(gets_values), cmocka_unit_test(sets_values) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
