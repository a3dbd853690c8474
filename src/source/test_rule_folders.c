#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "source/rule_folders.h"
#include "source/user_rules.h"

static char base[] = "/tmp/test_rule_folders.XXXXXX";

static struct user_rules *parse(const char *before, const char *path, const char *behind)
{
	struct user_rules *rules = NULL;
	struct user_rules_error error;
	char text[256];

	snprintf(text, sizeof(text), "-a always,exit %s%s%s", before, path, behind);
	if (user_rules_parse(&rules, span_of(text), &error) < 0)
		fail_msg("%s\n%u:%u: %s", text, error.line, error.column, error.message);
	return rules;
}

static bool keeps_birth(const char *path)
{
	struct statx found;

	assert_int_equal(statx(AT_FDCWD, path, 0, STATX_BTIME, &found), 0);
	return found.stx_mask & STATX_BTIME;
}

/* The clock of file systems goes by ticks. */
static void wait_a_tick(void)
{
	usleep(20000);
}

static void expect(const struct user_rules *rules, uint64_t since_ns, bool is_other)
{
	const struct user_rule *rule = &rules->rules[0];

	assert_int_equal(rule_folders_are_other(&rule->folders, rule->data, since_ns), is_other);
}

/* Each way to name a folder, or what is in it. */
static void test_goes(void **state)
{
	static const char *const ways[][2] = {
		{ "-F subj_type=x -F dir=", " -F perm=r" }, { "-F path=", "/file -F perm=r -k key" }, { "-S 1 -F exe=", "/program" },
	};
	char folder[64], other[64];

	snprintf(folder, sizeof(folder), "%s/folder", base);
	snprintf(other, sizeof(other), "%s/other", base);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct user_rules *rules = parse(ways[i][0], folder, ways[i][1]);

		assert_int_equal(mkdir(folder, 0700), 0);
		expect(rules, 0, false);	/* nobody has looked at it */
		wait_a_tick();
		rule_folders_look(&rules->rules[0].folders, rules->rules[0].data);
		expect(rules, 0, false);
		assert_int_equal(rmdir(folder), 0);
		expect(rules, 0, true);
		wait_a_tick();
		assert_int_equal(mkdir(folder, 0700), 0);
		if (keeps_birth(folder))
			expect(rules, 0, true);
		/* Before somebody last saw the rule, so that is not why it has gone. */
		wait_a_tick();
		expect(rules, clock_now_ns(), false);
		assert_int_equal(rename(folder, other), 0);
		expect(rules, clock_now_ns(), true);
		assert_int_equal(rmdir(other), 0);
		user_rules_free(rules);
	}
}

static void test_elsewhere(void **state)
{
	struct user_rules *rules = parse("-F dir=", base, " -F perm=r"), *none = parse("-S 1 -F uid=0", "", "");

	wait_a_tick();
	rule_folders_look(&rules->rules[0].folders, rules->rules[0].data);
	expect(rules, 0, false);
	rules->rules[0].folders.devices++;
	expect(rules, clock_now_ns(), true);
	user_rules_free(rules);
	/* None at all, and the root, which the file is in. */
	expect(none, 0, false);
	rule_folders_look(&none->rules[0].folders, none->rules[0].data);
	expect(none, 0, false);
	user_rules_free(none);
	rules = parse("-F path=", "/no-such-file", " -F perm=r");
	rule_folders_look(&rules->rules[0].folders, rules->rules[0].data);
	expect(rules, 0, false);
	user_rules_free(rules);
}

static int make_base(void **state)
{
	return mkdtemp(base) ? 0 : -1;
}

static int remove_base(void **state)
{
	return rmdir(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_goes), cmocka_unit_test(test_elsewhere) };

	return cmocka_run_group_tests(tests, make_base, remove_base);
}
