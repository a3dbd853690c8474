/* What a file of audit rules says of a lock, a panic, and of processes that nobody sees. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"
#include "source/rule_files.h"

static void reads_lines(void **state)
{
	static const struct {
		const char *text, *locks, *panics, *blinds;
	} cases[] = {
		{ "", "", "", "" },
		{ "-e 2\n", "f:1", "", "" },
		{ "-D\n-b 8192\n-f 2\n\n-e 2", "f:5", "f:3", "" },
		{ "\t-e2 \r\n-f2", "f:1", "f:2", "" },
		{ "-e 2\n-e 1\n-f 2\n-f 0\n", "", "", "" },
		{ "-e 1\n-f 1\n-e 2\n-f 2\n", "f:3", "f:4", "" },
		{ "# -e 2\n  #-f 2\n#-a task,never\n", "", "", "" },
		{ "-a task,never\n-A never,task\n-atask,never\n-a  never,task -F uid=1000\n", "", "", "f:1, f:2, f:3, f:4" },
		{ "-a never,exit -S all\n-a always,task\n-d task,never\n-a task\n-a\n-e\n-f\n-e 3\n-e 22\n--e 2\n", "", "", "" },
		{ "-a task,never\n-a task,never\n-a task,never\n-a task,never\n-a task,never\n-a task,never\n", "", "",
		  "f:1, f:2, f:3, f:4 and 2 more" },
		{ "-w /etc -p wa -k task,never\n-a always,exit -F dir=/-e -S all\n", "", "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rule_facts facts = { 0 };

		rule_facts_look(&facts, "f", span_of(cases[i].text));
		rule_facts_end(&facts);
		assert_int_equal(rule_facts_error(&facts), 0);
		assert_string_equal(rule_facts_places(&facts, RULE_LOCKS), cases[i].locks);
		assert_string_equal(rule_facts_places(&facts, RULE_PANICS), cases[i].panics);
		assert_string_equal(rule_facts_places(&facts, RULE_BLINDS), cases[i].blinds);
		assert_string_equal(rule_facts_places(&facts, RULE_BLINDS), cases[i].blinds);	/* asked twice, the same */
		rule_facts_release(&facts);
	}
}

/* Of several files the last word counts, as augenrules has it. */
static void reads_files_in_order(void **state)
{
	struct rule_facts facts = { 0 };

	rule_facts_look(&facts, "a", SPAN("-e 2\n-f 1\n"));
	rule_facts_look(&facts, "b", SPAN("-e 1\n-f 2\n"));
	rule_facts_end(&facts);
	rule_facts_look(&facts, "joined", SPAN("-e 2\n"));
	rule_facts_end(&facts);
	assert_string_equal(rule_facts_places(&facts, RULE_LOCKS), "joined:1");
	assert_string_equal(rule_facts_places(&facts, RULE_PANICS), "b:2");
	rule_facts_release(&facts);
}

static void removes_lines(void **state)
{
	static const struct {
		const char *text, *expected;
		unsigned n;
	} cases[] = {
		{ "", "", 0 },
		{ "-a task,never\n", "", 1 },
		{ "-D\n\n# why\n-a task,never\n-a never,exit -S all\n", "-D\n\n# why\n-a never,exit -S all\n", 1 },
		{ "-D\r\n-A never,task -F uid=5\r\n-e 2", "-D\r\n-e 2", 1 },
		{ "-e 2\n-a never,task", "-e 2\n", 1 },
		{ "#-a task,never", "#-a task,never", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buffer text = { 0 };

		assert_int_equal(rule_text_sighted(&text, span_of(cases[i].text)), cases[i].n);
		assert_string_equal(buffer_text(&text), cases[i].expected);
		buffer_release(&text);
	}
}

/* What a line holds is bounded, and a NUL is no end. */
static void survives_anything(void **state)
{
	static char text[100000];
	struct rule_facts facts = { 0 };
	struct buffer rest = { 0 };

	memset(text, 'x', sizeof(text));
	memcpy(text + 50000, "\n-e 2\n\0-f 2\n-a", 14);
	rule_facts_look(&facts, "f", (struct span){ text, sizeof(text) });
	rule_facts_end(&facts);
	assert_string_equal(rule_facts_places(&facts, RULE_LOCKS), "f:2");
	assert_string_equal(rule_facts_places(&facts, RULE_PANICS), "");
	assert_int_equal(rule_text_sighted(&rest, (struct span){ text, sizeof(text) }), 0);
	assert_true(span_eq(buffer_span(&rest), (struct span){ text, sizeof(text) }));
	buffer_release(&rest);
	rule_facts_release(&facts);
}

/* Rules that people use: those of the audit package. */
static void reads_real_files(void **state)
{
	const char *data = getenv("RECORDER_TEST_DATA");
	static const struct {
		const char *file;
		enum rule_fact fact;
		unsigned n;
	} cases[] = {
		{ "10-no-audit.rules", RULE_BLINDS, 1 }, { "10-base-config.rules", RULE_BLINDS, 0 },
		{ "99-finalize.rules", RULE_LOCKS, 0 }, { "30-stig.rules", RULE_PANICS, 0 }, { "30-stig.rules", RULE_BLINDS, 0 },
	};

	if (!data)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static char text[1 << 18];
		struct rule_facts facts = { 0 };
		char path[512];
		FILE *file;
		size_t n;

		snprintf(path, sizeof(path), "%s/audit-rules/audit-userspace/%s", data, cases[i].file);
		file = fopen(path, "re");
		assert_non_null(file);
		n = fread(text, 1, sizeof(text), file);
		fclose(file);
		rule_facts_look(&facts, path, (struct span){ text, n });
		rule_facts_end(&facts);
		assert_int_equal(facts.places[cases[i].fact].n, cases[i].n);
		rule_facts_release(&facts);
	}
}

static void put(const char *root, const char *path, const char *text)
{
	char full[512];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	if (!text) {
		assert_int_equal(mkdir(full, 0700), 0);
		return;
	}
	file = fopen(full, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	chmod(full, 0700);
}

static void finds_files(void **state)
{
	char root[] = "/tmp/recorder-rules-XXXXXX", expected[512], command[64];
	struct rule_facts facts = { 0 };

	assert_non_null(mkdtemp(root));
	assert_int_equal(rule_files_facts(root, &facts), 0);
	assert_int_equal(facts.places[RULE_LOCKS].n, 0);
	put(root, "/etc", NULL);
	put(root, "/etc/audit", NULL);
	put(root, "/etc/audit/rules.d", NULL);
	assert_false(rule_files_are_joined(root));
	put(root, "/sbin", NULL);
	put(root, "/sbin/augenrules", "");
	assert_true(rule_files_are_joined(root));
	put(root, "/etc/audit/rules.d/9.rules", "-e 2\n");
	put(root, "/etc/audit/rules.d/10.rules", "-e 1\n-a task,never\n");	/* behind 9 */
	put(root, "/etc/audit/rules.d/11.rules.before-recorder", "-e 2\n");
	put(root, "/etc/audit/rules.d/12.rules", NULL);
	put(root, "/etc/audit/audit.rules", "-f 2\n");
	assert_int_equal(rule_files_facts(root, &facts), 0);
	assert_string_equal(rule_facts_places(&facts, RULE_LOCKS), "");
	snprintf(expected, sizeof(expected), "%s/etc/audit/audit.rules:1", root);
	assert_string_equal(rule_facts_places(&facts, RULE_PANICS), expected);
	snprintf(expected, sizeof(expected), "%s/etc/audit/rules.d/10.rules:2", root);
	assert_string_equal(rule_facts_places(&facts, RULE_BLINDS), expected);
	rule_facts_release(&facts);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_lines),	     cmocka_unit_test(reads_files_in_order), cmocka_unit_test(removes_lines),
		cmocka_unit_test(survives_anything), cmocka_unit_test(reads_real_files),     cmocka_unit_test(finds_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
