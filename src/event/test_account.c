#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/macro.h"
#include "event/account.h"

static void test_paths(void **state)
{
	enum account_file file;

	assert_true(account_file_of(SPAN("/etc/gshadow"), &file));
	assert_int_equal(file, ACCOUNT_GSHADOW);
	assert_true(account_file_of(SPAN("/etc/passwd"), &file));
	assert_int_equal(file, ACCOUNT_PASSWD);
	assert_false(account_file_of(SPAN("/etc/passwd-"), &file));
	assert_false(account_file_of(SPAN("/etc/passwd+"), &file));
	assert_false(account_file_of(SPAN("/tmp/etc/passwd"), &file));
	assert_false(account_file_of(SPAN(""), &file));
}

static void test_lines(void **state)
{
	static const struct {
		enum account_file file;
		struct span line;
		const char *columns[ACCOUNT_COLUMNS];	/* none: it is no account */
	} cases[] = {
		{ ACCOUNT_PASSWD, SPAN("root:x:0:0:root:/root:/bin/bash"), { "root", "x", "0", "0", "root", "/root", "/bin/bash" } },
		{ ACCOUNT_PASSWD, SPAN("a:x:1:1::/:/bin/sh:y"), { "a", "x", "1", "1", "", "/", "/bin/sh:y" } },
		{ ACCOUNT_PASSWD, SPAN(" \ta:"), { "a" } },
		{ ACCOUNT_PASSWD, SPAN("+::::::"), { "+" } },
		{ ACCOUNT_PASSWD, SPAN("+@admins::"), { "+@admins" } },
		{ ACCOUNT_PASSWD, SPAN("a:x:1\0:2:evil"), { "a", "x", "1" } },
		{ ACCOUNT_SHADOW, SPAN("a:!:19000:0:99999:7:::"), { "a", "!", "19000", "0", "99999", "7" } },
		{ ACCOUNT_SHADOW, SPAN("a:!:19000:0:99999:7:1:20000:"), { "a", "!", "19000", "0", "99999", "7", "1", "20000" } },
		{ ACCOUNT_GROUP, SPAN("g:x:7:a,b"), { "g", "x", "7", "a,b" } },
		{ ACCOUNT_GSHADOW, SPAN("g:*::a"), { "g", "*", "", "a" } },
		{ ACCOUNT_GROUP, SPAN("# g:x:7:"), { NULL } },
		{ ACCOUNT_GROUP, SPAN("g"), { NULL } },
		{ ACCOUNT_GROUP, SPAN("g\0:x:7:"), { NULL } },
		{ ACCOUNT_GROUP, SPAN(":x:7:"), { NULL } },
		{ ACCOUNT_GROUP, SPAN(""), { NULL } },
		{ ACCOUNT_GROUP, SPAN("  \r"), { NULL } },
		{ ACCOUNT_GROUP, { NULL, 0 }, { NULL } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct account_line line;
		bool is = account_line_parse(cases[i].file, cases[i].line, &line);

		if (is != (cases[i].columns[0] != NULL))
			fail_msg("%.*s", (int)cases[i].line.size, cases[i].line.data);
		for (size_t k = 0; is && k < ACCOUNT_COLUMNS; k++)
			if (!span_eq(line.columns[k], span_of(cases[i].columns[k])))
				fail_msg("%s, %zu: %.*s", cases[i].line.data, k, (int)line.columns[k].size, line.columns[k].data);
	}
}

static void test_passwords(void **state)
{
	static const struct {
		const char *column, *hash;
		enum password_state state;
	} cases[] = {
		{ "", "", PASSWORD_NONE },
		{ "x", "x", PASSWORD_ELSEWHERE },
		{ "!", "", PASSWORD_LOCKED },
		{ "*", "", PASSWORD_LOCKED },
		{ "!!", "", PASSWORD_LOCKED },
		{ "!$6$a$b", "$6$a$b", PASSWORD_LOCKED },
		{ "NP", "NP", PASSWORD_LOCKED },
		{ "$y$j9T$abcdefgh$ijk", "$y$j9T$abcdefgh$ijk", PASSWORD_SET },
		{ "abJnggxhB/yWI", "abJnggxhB/yWI", PASSWORD_SET },
	};
	struct span hash;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (password_state_of(span_of(cases[i].column), &hash) != cases[i].state || !span_eq(hash, span_of(cases[i].hash)))
			fail_msg("%s", cases[i].column);
	}
	assert_true(password_looks_so(SPAN("$6$abcdefgh$ijk")));
	assert_true(password_looks_so(SPAN("!$2b$05$abcdefghijk")));
	assert_false(password_looks_so(SPAN("/home/$USER")));
	assert_false(password_looks_so(SPAN("$$$$$$$$$$$$$$$$$$")));
	assert_false(password_looks_so(SPAN("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_passwords),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
