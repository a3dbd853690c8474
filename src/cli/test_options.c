/* Options in every form, and what is wrong with the others. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/options.h"

struct values {
	bool flag, other;
	const char *text, *choice;
	uint64_t number, time_ns;
	struct option_list list;
};

static const struct option options[] = {
	{ .name = "flag",
	  .letter = 'f',
	  .help = "",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct values, flag) },
	{ .name = "other",
	  .letter = 'o',
	  .help = "",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct values, other) },
	{ .name = "text",
	  .letter = 't',
	  .argument = "TEXT",
	  .help = "",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct values, text) },
	{ .name = "choice",
	  .argument = "C",
	  .help = "",
	  .type = OPTION_CHOICE,
	  .choices = "one|two",
	  .offset = offsetof(struct values, choice) },
	{ .name = "limit",
	  .letter = 'n',
	  .argument = "N",
	  .help = "",
	  .type = OPTION_NUMBER,
	  .offset = offsetof(struct values, number) },
	{ .name = "since",
	  .argument = "TIME",
	  .help = "",
	  .type = OPTION_TIME,
	  .offset = offsetof(struct values, time_ns) },
	{ .name = "set",
	  .argument = "X",
	  .help = "",
	  .type = OPTION_LIST,
	  .offset = offsetof(struct values, list) },
	{ .name = NULL },
};

#define NOW UINT64_C(1795343338000000000)

static int parse(struct values *values, const char *line, size_t *ret_n, bool *ret_help, char words[16][64],
		 char *ret_argv[16], struct options_error *error)
{
	int argc = 0;

	*values = (struct values){ 0 };
	while (*line) {
		size_t n = strcspn(line, " ");

		memcpy(words[argc], line, n);
		words[argc][n] = '\0';
		ret_argv[argc] = words[argc];
		argc++;
		line += n + (line[n] == ' ');
	}
	return options_parse(options, values, argc, ret_argv, NOW, ret_n, ret_help, error);
}

static void accepted(struct values *values, const char *line, size_t n, bool help)
{
	struct options_error error = { "" };
	static char words[16][64];
	char *argv[16];
	size_t got;
	bool got_help;

	if (parse(values, line, &got, &got_help, words, argv, &error) < 0)
		fail_msg("%s: %s", line, error.message);
	assert_int_equal(got, n);
	assert_int_equal(got_help, help);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(argv[i][0], 'a' + (char)i);
}

static void refused(const char *line, const char *message)
{
	struct options_error error = { "" };
	static char words[16][64];
	struct values values;
	char *argv[16];
	size_t n;
	bool help;

	assert_int_equal(parse(&values, line, &n, &help, words, argv, &error), -EINVAL);
	assert_string_equal(error.message, message);
}

static void test_accepted(void **state)
{
	struct values v;

	accepted(&v, "", 0, false);
	accepted(&v, "a b", 2, false);
	accepted(&v, "--flag a --limit 5 b --text=x=y c", 3, false);
	assert_true(v.flag && !v.other);
	assert_int_equal(v.number, 5);
	assert_string_equal(v.text, "x=y");
	accepted(&v, "-fo -n7 a -t x", 1, false);
	assert_true(v.flag && v.other);
	assert_int_equal(v.number, 7);
	assert_string_equal(v.text, "x");
	accepted(&v, "-fn 7", 0, false);
	assert_int_equal(v.number, 7);
	accepted(&v, "--choice two", 0, false);
	assert_string_equal(v.choice, "two");
	accepted(&v, "--since 10m", 0, false);
	assert_true(v.time_ns == NOW - 600 * NS_PER_SEC);
	accepted(&v, "--text --flag", 0, false);
	assert_string_equal(v.text, "--flag");
	assert_false(v.flag);
	accepted(&v, "--text=", 0, false);
	assert_string_equal(v.text, "");
	accepted(&v, "--set x=1 a --set=y=2", 1, false);
	assert_int_equal(v.list.n, 2);
	assert_string_equal(v.list.items[0], "x=1");
	assert_string_equal(v.list.items[1], "y=2");
	accepted(&v, "a --help", 1, true);
	accepted(&v, "-fh", 0, true);
}

/* Behind -- everything is an argument, and - and -5 are ones anywhere. */
static void test_arguments(void **state)
{
	static char words[16][64];
	struct options_error error;
	struct values v;
	char *argv[16];
	size_t n;
	bool help;

	assert_int_equal(parse(&v, "- -- --flag -x", &n, &help, words, argv, &error), 0);
	assert_int_equal(n, 3);
	assert_string_equal(argv[0], "-");
	assert_string_equal(argv[1], "--flag");
	assert_string_equal(argv[2], "-x");
	assert_false(v.flag);
	/* No option is a digit: what begins so is a number. */
	assert_int_equal(parse(&v, "-5 -f", &n, &help, words, argv, &error), 0);
	assert_int_equal(n, 1);
	assert_string_equal(argv[0], "-5");
	assert_true(v.flag);
}

static void test_refused(void **state)
{
	refused("--flg", "unknown option --flg (did you mean --flag?)");
	refused("--xyzzy", "unknown option --xyzzy");
	refused("-x", "unknown option -x (see --help)");
	refused("--flag=1", "--flag takes no argument");
	refused("--text", "--text needs an argument: --text TEXT");
	refused("-n", "--limit needs an argument: --limit N");
	refused("--limit x", "--limit: 'x' is not a number");
	refused("--limit -1", "--limit: '-1' is not a number");
	refused("--choice three", "--choice: 'three' is none of one|two");
	refused("--choice on", "--choice: 'on' is none of one|two");
	refused("--since never",
		"--since: 'never' is not a time (10m, 2h, 3d, now, today, yesterday, 14:00, 2026-11-22, "
		"2026-11-22 14:00, or RFC 3339)");
}

static void test_long_list(void **state)
{
	static struct values v;
	static char word[] = "--set=x";
	char *argv[OPTION_LIST_MAX + 1];
	struct options_error error;
	bool help;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(argv); i++)
		argv[i] = word;
	assert_int_equal(options_parse(options, &v, OPTION_LIST_MAX, argv, NOW, &n, &help, &error), 0);
	assert_int_equal(v.list.n, OPTION_LIST_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(argv); i++)
		argv[i] = word;
	v = (struct values){ 0 };
	assert_int_equal(options_parse(options, &v, OPTION_LIST_MAX + 1, argv, NOW, &n, &help, &error), -EINVAL);
	assert_string_equal(error.message, "--set: given more than 128 times");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
