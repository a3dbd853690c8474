#include <errno.h>
#include <libaudit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/stat.h>

#include "source/audit_plan.h"
#include "source/user_rules.h"

#define X86_64 (audit_detect_machine() == MACH_86_64)

static struct user_rules *parse(const char *text)
{
	struct user_rules *rules = NULL;
	struct user_rules_error error;

	if (user_rules_parse(&rules, span_of(text), &error) < 0)
		fail_msg("%s\n%u:%u: %s", text, error.line, error.column, error.message);
	return rules;
}

static void expect_field(const struct audit_rule_data *data, unsigned i, uint32_t field, uint32_t op, uint32_t value)
{
	assert_true(i < data->field_count);
	assert_int_equal(data->fields[i], field);
	assert_int_equal(data->fieldflags[i], op);
	assert_int_equal(data->values[i], value);
}

static bool has_call(const struct audit_rule_data *data, unsigned number)
{
	return data->mask[AUDIT_WORD(number)] & AUDIT_BIT(number);
}

static void test_rule(void **state)
{
	struct user_rules *rules = parse("# reads of secrets\n\n"
					 "  -a always,exit -F arch=b64 -S openat,open,7 -F path=/etc/my\\ secret -F perm=r -F auid>=1000 -F auid!=unset"
					 " -F exit=-EACCES -F a1&=0x3 -F a0&1 -C uid!=euid -k one -F key=two\r\n");
	const struct audit_rule_data *data = rules->rules[0].data;
	static const char text[] = "/etc/my secretone\x01two\x01recorder";

	if (!X86_64)
		skip();
	assert_int_equal(rules->n, 1);
	assert_int_equal(rules->rules[0].line, 3);
	assert_false(rules->rules[0].hides);
	assert_int_equal(data->flags, AUDIT_FILTER_EXIT);
	assert_int_equal(data->action, AUDIT_ALWAYS);
	assert_true(has_call(data, 257) && has_call(data, 2) && has_call(data, 7) && !has_call(data, 0));
	assert_int_equal(data->field_count, 10);
	expect_field(data, 0, AUDIT_ARCH, AUDIT_EQUAL, AUDIT_ARCH_X86_64);
	expect_field(data, 1, AUDIT_WATCH, AUDIT_EQUAL, 14);
	expect_field(data, 2, AUDIT_PERM, AUDIT_EQUAL, AUDIT_PERM_READ);
	expect_field(data, 3, AUDIT_LOGINUID, AUDIT_GREATER_THAN_OR_EQUAL, 1000);
	expect_field(data, 4, AUDIT_LOGINUID, AUDIT_NOT_EQUAL, UINT32_MAX);
	expect_field(data, 5, AUDIT_EXIT, AUDIT_EQUAL, (uint32_t)-13);
	expect_field(data, 6, AUDIT_ARG1, AUDIT_BIT_TEST, 3);
	expect_field(data, 7, AUDIT_ARG0, AUDIT_BIT_MASK, 1);
	expect_field(data, 8, AUDIT_FIELD_COMPARE, AUDIT_NOT_EQUAL, AUDIT_COMPARE_UID_TO_EUID);
	expect_field(data, 9, AUDIT_FILTERKEY, AUDIT_EQUAL, sizeof(text) - 1 - 14);
	assert_int_equal(data->buflen, sizeof(text) - 1);
	assert_memory_equal((const char *)data + sizeof(*data), text, sizeof(text) - 1);
	assert_true(audit_rule_data_is_own(data, sizeof(*data) + data->buflen));
	user_rules_free(rules);
}

/* The architecture of one rule is not that of the next. */
static void test_arch(void **state)
{
	struct user_rules *rules = parse("-a always,exit -F arch=b32 -S openat\n-a exit,always -S openat\n-a never,exit -F arch=b64 -S all -F uid=0");

	if (!X86_64)
		skip();
	assert_true(has_call(rules->rules[0].data, 295) && !has_call(rules->rules[0].data, 257));
	assert_true(has_call(rules->rules[1].data, 257) && !has_call(rules->rules[1].data, 295));
	assert_int_equal(rules->rules[2].data->action, AUDIT_NEVER);
	assert_int_equal(rules->rules[2].data->mask[0], UINT32_MAX);
	assert_int_equal(rules->rules[2].data->mask[AUDIT_BITMASK_SIZE - 1], 0xffff);
	user_rules_free(rules);
}

/* As auditctl -R leaves them: each -A in front of all before. */
static void test_order(void **state)
{
	struct user_rules *rules = parse("-a always,exit -S 1\n-A always,exit -S 2\n-a always,exit -S 3\n-A always,exit -S 4\n");
	static const unsigned lines[] = { 4, 2, 1, 3 };

	assert_int_equal(rules->n, ARRAY_SIZE(lines));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(rules->rules[i].line, lines[i]);
	user_rules_free(rules);
}

/* Every rule is found again, also on the lists where a key would make it void. */
static void test_marks(void **state)
{
	struct user_rules *rules = parse("-a always,exit -S 1\n-a always,io_uring -S 18 -k ring\n-a always,exclude -F msgtype=CWD\n"
					 "-a never,user -F auid=0\n-a never,filesystem -F fstype=debugfs -F key=fs\n"
					 "-a always,exit -F path=/etc/passwd -p wa -k old-style\n"
					 "-a always,user -F auid=0\n-a always,filesystem -F fstype=debugfs\n-a never,exclude -F msgtype=EOE\n"
					 "-a never,exit -S 1\n");
	static const bool hides[] = { false, false, true, true, true, false, false, false, true, false };

	assert_int_equal(rules->n, ARRAY_SIZE(hides));
	for (size_t i = 0; i < rules->n; i++) {
		const struct audit_rule_data *data = rules->rules[i].data;

		assert_true(audit_rule_data_is_own(data, sizeof(*data) + data->buflen));
		assert_int_equal(rules->rules[i].hides, hides[i]);
	}
	expect_field(rules->rules[2].data, 0, AUDIT_MSGTYPE, AUDIT_EQUAL, AUDIT_CWD);
	expect_field(rules->rules[2].data, 1, AUDIT_PID, AUDIT_NOT_EQUAL, AUDIT_EXCLUDE_MARK);
	assert_memory_equal((const char *)rules->rules[0].data + sizeof(*rules->rules[0].data), "user-defined\x01recorder", 21);
	user_rules_free(rules);
}

/* The same in words that the kernel takes for another rule: nothing of it differs but the mark. */
static void test_again(void **state)
{
	struct user_rules *rules = parse("-a always,exit -F path=/etc/passwd -p wa -k one -k two\n-a always,exit -S 1\n"
					 "-a always,exclude -F msgtype=CWD\n-a never,user -F exe=/bin/su\n");
	static const char *const texts[] = { "/etc/passwdone\x01two\x01\x01recorder", "user-defined\x01\x01recorder", "", "/bin/su" };

	assert_int_equal(rules->n, ARRAY_SIZE(texts));
	for (size_t i = 0; i < rules->n; i++) {
		const struct audit_rule_data *data = rules->rules[i].data, *again = rules->rules[i].again;

		assert_false(audit_rule_data_equal(data, again));
		assert_true(user_rule_is(&rules->rules[i], data) && user_rule_is(&rules->rules[i], again));
		assert_false(user_rule_is(&rules->rules[(i + 1) % rules->n], again));
		assert_true(audit_rule_data_is_own(again, sizeof(*again) + again->buflen) && !audit_rule_data_is_planned(again));
		assert_int_equal(again->buflen, strlen(texts[i]));
		assert_memory_equal((const char *)again + sizeof(*again), texts[i], again->buflen);
		for (uint32_t n = 0; n + 1 < data->field_count; n++)
			expect_field(again, n, data->fields[n], data->fieldflags[n], data->values[n]);
	}
	expect_field(rules->rules[0].again, 2, AUDIT_FILTERKEY, AUDIT_EQUAL, 17);
	expect_field(rules->rules[2].again, 2, AUDIT_PID, AUDIT_NOT_EQUAL, AUDIT_EXCLUDE_MARK);
	user_rules_free(rules);
}

static const struct {
	const char *text;
	unsigned line, column;
	const char *message;
} mistakes[] = {
	{ "", 0, 0, "there is no rule" },
	{ "# nothing\n\n", 0, 0, "there is no rule" },
	{ "-w /etc/passwd -p wa", 1, 1, "write -a always,exit -F path=FILE -F perm=wa" },
	{ "\n-D", 2, 1, "'-D' is none of -a, -A" },
	{ "--backlog_wait_time 0", 1, 1, "is none of -a, -A" },
	{ "-S open -a always,exit", 1, 1, "only rules that begin with -a or -A" },
	{ "-a always", 1, 4, "is not LIST,ACTION" },
	{ "-a always,exit,never", 1, 4, "no list is called 'exit,never'" },
	{ "-a possible,exit", 1, 4, "is not LIST,ACTION" },
	{ "-a", 1, 1, "-a needs a value" },
	{ "-a always,exitt -S open", 1, 4, "no list is called 'exitt'" },
	{ "-a always,entry -S open", 1, 4, "use exit" },
	{ "-a task,never", 1, 4, "which processes are never audited" },
	{ "-a always,exit -a always,exit", 1, 19, "one -a or -A" },
	{ "-a always,exit -S open -w /etc", 1, 24, "watches are not taken" },
	{ "-a always,exit -S open # why", 1, 24, "a line of its own" },
	{ "-a always,exit open", 1, 16, "is none of" },
	{ "-a always,exit -S opnat", 1, 19, "did you mean 'openat'?" },
	{ "-a always,exit -S open,opnat", 1, 24, "did you mean 'openat'?" },
	{ "-a always,exit -S open,,openat", 1, 24, "is missing" },
	{ "-a always,exit -S 2032", 1, 19, "from 0 to 2031" },
	{ "-a always,exit -S 12abc", 1, 19, "from 0 to 2031" },
	{ "-a always,io_uring -S openat", 1, 23, "by their number" },
	{ "-a always,exclude -S open", 1, 22, "not with exclude" },
	{ "-a always,exclude", 1, 1, "all records would be left out" },
	{ "-a always,exit -F pth=/etc", 1, 19, "did you mean 'path'?" },
	{ "-a always,exit -F path", 1, 23, "an operator is missing" },
	{ "-a always,exit -F =1", 1, 19, "the name of a field is missing" },
	{ "-a always,exit -F uid=", 1, 23, "the value of uid is missing" },
	{ "-a always,exit -F path=etc", 1, 24, "not an absolute path" },
	{ "-a always,exit -F path=/etc/", 1, 28, "(a folder: dir=)" },
	{ "-a always,exit -F path>/etc", 1, 23, "path takes =" },
	{ "-a always,exit -F dir!=/etc", 1, 22, "dir takes =" },
	{ "-a always,exit -F path=/etc -F dir=/usr", 1, 36, "one of them a rule" },
	{ "-a always,exit -F uid&1", 1, 22, "uid takes =, !=, <, >, <=, >=" },
	{ "-a always,exit -F uid=12abc", 1, 23, "not a number" },
	{ "-a always,exit -F uid=no-such-user-here", 1, 23, "in /etc/passwd (give its number)" },
	{ "-a always,exit -F gid=no-such-group-here", 1, 23, "in /etc/group" },
	{ "-a always,exit -F pid=4294967296", 1, 23, "0 to 4294967295" },
	{ "-a always,exit -F a0=-2147483649", 1, 22, "of 32 bits" },
	{ "-a always,exit -F exit=ENOTHING", 1, 24, "nor the name of an error" },
	{ "-a always,exit -F perm=rwz", 1, 26, "'z' is none of r, w, x, a" },
	{ "-a always,exit -F filetype=door", 1, 28, "no type of file" },
	{ "-a always,exit -F msgtype=CWD", 1, 19, "goes with the list exclude or user" },
	{ "-a never,filesystem -F fstype=ext9", 1, 31, "no file system" },
	{ "-a never,filesystem -F uid=0", 1, 24, "uid goes with the list exit, io_uring, exclude or user" },
	{ "-a always,exclude -F msgtype=CWDD", 1, 30, "no record type" },
	{ "-a always,exit -S open -F arch=b64", 1, 27, "before -S" },
	{ "-a always,exit -F arch=b65", 1, 24, "no architecture" },
	{ "-a always,exit -C uid!=gid", 1, 19, "cannot be compared" },
	{ "-a always,exit -C uid", 1, 19, "FIELD=FIELD" },
	{ "-a always,exit -C uid!=nobody", 1, 19, "does not exist" },
	{ "-a always,exit -S open -k recorder", 1, 27, "marks the recorder's own rules" },
	{ "-a always,exit -F uid=0 -k key", 1, 1, "a key needs a rule with" },
	{ "-a always,exclude -F exe=/bin/ls -k key", 1, 37, "never hold" },
	{ "-a always,exit -S open -k \"a b\"", 1, 27, "quotes mean nothing" },
	{ "-a always,exit -S open -k a\x01" "b", 1, 28, "control character 0x01" },
	{ "-a always,exit -S open\n# same\n-a exit,always -S 2", 3, 1, "the same rule as in line 1" },
	/* What looks like our mark */
	{ "-a always,exclude -F msgtype=CWD\n-a always,exclude -F msgtype=CWD -F pid!=1919247215", 2, 1, "the same rule as in line 1" },
	{ "-a always,exclude -F msgtype=CWD -F pid!=1919247215\n-a always,exclude -F msgtype=CWD", 2, 1, "the same rule as in line 1" },
};

static void test_mistakes(void **state)
{
	if (!X86_64)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		struct user_rules *rules = NULL;
		struct user_rules_error error;

		if (user_rules_parse(&rules, span_of(mistakes[i].text), &error) != -EINVAL)
			fail_msg("accepted: %s", mistakes[i].text);
		if (error.line != mistakes[i].line || error.column != mistakes[i].column || !strstr(error.message, mistakes[i].message))
			fail_msg("%s\n%u:%u: %s", mistakes[i].text, error.line, error.column, error.message);
	}
}

static void expect_refused(struct span text, const char *message)
{
	struct user_rules *rules = NULL;
	struct user_rules_error error;

	assert_int_equal(user_rules_parse(&rules, text, &error), -EINVAL);
	if (!strstr(error.message, message))
		fail_msg("%u:%u: %s", error.line, error.column, error.message);
}

static void test_bounds(void **state)
{
	struct buffer text = { 0 };
	struct user_rules *rules;

	for (unsigned i = 0; i < USER_RULES_MAX; i++)
		buffer_printf(&text, "-a always,exit -S %u -F uid=%u\n", i, i);
	rules = parse(buffer_text(&text));
	assert_int_equal(rules->n, USER_RULES_MAX);
	user_rules_free(rules);
	buffer_append_text(&text, "-a always,exit -S 1\n");
	expect_refused(buffer_span(&text), "more than 1000 rules");
	while (text.size <= USER_RULES_MAX_BYTES)
		buffer_append_text(&text, "\n\n\n\n\n\n\n\n\n\n");
	expect_refused(buffer_span(&text), "more than 262144 bytes");
	buffer_clear(&text);
	buffer_append_text(&text, "-a always,exit -S 1");
	for (unsigned i = 0; i < 62; i++)
		buffer_append_text(&text, " -F uid=0");
	rules = parse(buffer_text(&text));
	assert_int_equal(rules->rules[0].data->field_count, 63);
	user_rules_free(rules);
	memcpy(strstr(buffer_text(&text), "exit -S 1"), "exclude  ", 9);	/* whose mark is there twice */
	rules = parse(buffer_text(&text));
	assert_int_equal(rules->rules[0].again->field_count, AUDIT_MAX_FIELDS);
	user_rules_free(rules);
	buffer_append_text(&text, " -F uid=0");
	expect_refused(buffer_span(&text), "more than 62 conditions");
	buffer_clear(&text);
	buffer_append_text(&text, "-a always,exit -S 1 -k ");
	for (unsigned i = 0; i < 246; i++)
		buffer_append_byte(&text, 'k');
	rules = parse(buffer_text(&text));
	assert_int_equal(rules->rules[0].again->values[0], AUDIT_MAX_KEY_LEN);
	user_rules_free(rules);
	buffer_append_byte(&text, 'k');
	expect_refused(buffer_span(&text), "at most 246 bytes");
	buffer_clear(&text);
	buffer_append_text(&text, "-a always,exit -F subj_type=");
	for (unsigned i = 0; i < 13000; i++)
		buffer_append_byte(&text, 't');
	expect_refused(buffer_span(&text), "too long together");
	for (unsigned i = 0; i < 4000; i++)
		buffer_append_byte(&text, 't');
	expect_refused(buffer_span(&text), "at most 16384 bytes");
	buffer_release(&text);
}

static void test_paths(void **state)
{
	struct user_rules *rules = parse("-a always,exit -F subj_type=x -F path=/etc/passwd\n-a always,exit -F dir=/no/such/folder -F perm=w\n");
	struct user_rules_error error;
	char why[USER_RULES_WHY_MAX];

	assert_int_equal(user_rules_check_paths(rules, &error), -EINVAL);
	user_rules_error_text(&error, why);
	assert_string_equal(why, "line 2: /no/such/folder: No such file or directory (path= and dir= name what is there already)");
	user_rules_free(rules);
	rules = parse("-a always,exit -F path=/etc/passwd -F perm=w");
	assert_int_equal(user_rules_check_paths(rules, &error), 0);
	user_rules_free(rules);
}

/* Golden rules: what auditctl gave the kernel for a line, from go-libaudit. */

static size_t decode_base64(const char *text, unsigned char *ret, size_t size)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t n = 0;

	for (; *text; text++) {
		const char *letter = strchr(letters, *text);

		if (!letter)
			continue;
		bits = bits << 6 | (uint32_t)(letter - letters);
		n_bits += 6;
		if (n_bits >= 8 && n < size)
			ret[n++] = (unsigned char)(bits >> (n_bits -= 8));
	}
	return n;
}

/* Without its key, which has our mark behind it. */
static void drop_key(struct audit_rule_data *data)
{
	for (uint32_t i = 0, offset = 0; i < data->field_count; i++) {
		if (data->fields[i] == AUDIT_FILTERKEY) {
			assert_int_equal(i, data->field_count - 1);
			data->buflen = offset;
			data->field_count = i;
			data->fields[i] = data->fieldflags[i] = data->values[i] = 0;
			break;
		}
		if (audit_rule_field_is_text(data->fields[i]))
			offset += data->values[i];
	}
}

union space {
	struct audit_rule_data data;
	unsigned char bytes[8192];
};

static bool compare_golden(const char *line, const char *base64)
{
	union space golden = { 0 };
	struct user_rules_error error;
	struct user_rules *rules = NULL;
	size_t size = decode_base64(base64, golden.bytes, sizeof(golden.bytes));

	if (strncmp(line, "-a", 2) != 0 && strncmp(line, "-A", 2) != 0)
		return false;
	if (user_rules_parse(&rules, span_of(line), &error) < 0) {
		if (strstr(error.message, "no user") || strstr(error.message, "no group"))
			return false;	/* of the host where they were made */
		if (strstr(line, "task"))
			return false;
		fail_msg("%s\n%u: %s", line, error.column, error.message);
	}
	assert_true(size >= sizeof(golden.data) + golden.data.buflen);
	golden.data.mask[AUDIT_BITMASK_SIZE - 1] &= 0xffff;
	golden.data.flags &= ~(uint32_t)AUDIT_FILTER_PREPEND;
	drop_key(&golden.data);
	drop_key(rules->rules[0].data);
	if (rules->rules[0].data->values[rules->rules[0].data->field_count - 1] == AUDIT_EXCLUDE_MARK) {
		uint32_t last = --rules->rules[0].data->field_count;

		rules->rules[0].data->fields[last] = rules->rules[0].data->fieldflags[last] = rules->rules[0].data->values[last] = 0;
	}
	if (!audit_rule_data_equal(&golden.data, rules->rules[0].data))
		fail_msg("others bytes than auditctl's: %s", line);
	user_rules_free(rules);
	return true;
}

static unsigned compare_file(const char *path)
{
	static char line[8192], flags[8192], base64[8192];
	FILE *file = fopen(path, "re");
	bool in_bytes = false;
	unsigned n = 0;

	assert_non_null(file);
	*flags = *base64 = 0;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "- flags: ", 9) == 0) {
			n += *base64 ? compare_golden(flags, base64) : 0;
			snprintf(flags, sizeof(flags), "%s", line + 9);
			*base64 = 0;
			in_bytes = false;
		} else if (strstr(line, "bytes:")) {
			in_bytes = true;
		} else if (line[0] == ' ') {	/* the rule may be folded too */
			char *to = in_bytes ? base64 : flags;

			assert_true(strlen(to) + strlen(line) < sizeof(flags));
			strcat(to, in_bytes ? line + 4 : line + 3);
		}
	}
	n += *base64 ? compare_golden(flags, base64) : 0;
	fclose(file);
	return n;
}

static void test_golden(void **state)
{
	const char *data = getenv("RECORDER_TEST_DATA");
	char folder[4096], path[8192];
	struct dirent *entry;
	unsigned n = 0;
	DIR *dir;

	if (!data || !X86_64) {
		print_message("RECORDER_TEST_DATA names no folder: golden rules are not compared\n");
		skip();
	}
	snprintf(folder, sizeof(folder), "%s/audit-rules/go-libaudit", data);
	dir = opendir(folder);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (strstr(entry->d_name, ".yml"))
			n += compare_file(path);
	}
	closedir(dir);
	print_message("%u golden rules\n", n);
	assert_true(n > 80);
}

/* As a line for auditctl: our mark behind, keys by -k, nothing in front of others. */
static void test_lines(void **state)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{ "# one\n\n  -A always,exit -F path=/etc/my\\ secret -F perm=r -F key=one -k two \r\n",
		  "-a always,exit -F path=/etc/my\\ secret -F perm=r -k one -k two -k recorder\n" },
		{ "-aalways,exit\t-S chmod", "-aalways,exit -S chmod -k user-defined -k recorder\n" },
		{ "-a always,exit -S chmod -Fkey=a", "-a always,exit -S chmod -k a -k recorder\n" },
		{ "-a never,exclude -F msgtype=CWD\n", "-a never,exclude -F msgtype=CWD -F pid!=1919247215\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct user_rules *rules = parse(cases[i].text);
		struct buffer line = { 0 };

		user_rule_line(&line, &rules->rules[0], span_of(cases[i].text));
		assert_string_equal(buffer_text(&line), cases[i].line);
		buffer_release(&line);
		user_rules_free(rules);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule), cmocka_unit_test(test_lines),   cmocka_unit_test(test_arch),	cmocka_unit_test(test_order), cmocka_unit_test(test_marks), cmocka_unit_test(test_again),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_bounds), cmocka_unit_test(test_paths), cmocka_unit_test(test_golden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
