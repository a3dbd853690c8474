/* Heads, lines and type names. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/macro.h"
#include "decode/audit.h"
#include "decode/audit_type.h"

#define SEC(s, ns) (UINT64_C(s) * NS_PER_SEC + UINT64_C(ns))

static void test_heads(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t time_ns, serial;
		const char *body;
	} cases[] = {
		{ "audit(1170021493.977:293): arch=1", 0, SEC(1170021493, 977000000), 293, "arch=1" },
		{ "audit(1170021493.977:293):  cwd=\"/\"", 0, SEC(1170021493, 977000000), 293, "cwd=\"/\"" },
		{ "audit(1170021493.977:293):", 0, SEC(1170021493, 977000000), 293, "" },
		{ "audit(1170021493.977:293) config changed", 0, SEC(1170021493, 977000000), 293,
		  "config changed" },
		{ "audit(1491930997.196:4294967295): \n", 0, SEC(1491930997, 196000000), 4294967295, "" },
		{ "audit(0.000:0): x", 0, 0, 0, "x" },
		{ "audit(5.5:1): x", 0, SEC(5, 500000000), 1, "x" },
		{ "audit(01170021493.001:7): x", 0, SEC(1170021493, 1000000), 7, "x" },
		{ "audit(1170021493:293): x", 0, SEC(1170021493, 0), 293, "x" },
		{ "recorder(1170021493.123456789:9): pid=1", 0, SEC(1170021493, 123456789), 9, "pid=1" },
		{ "recorder(1170021493.1234567899:9): pid=1", 0, SEC(1170021493, 123456789), 9, "pid=1" },
		{ "", -EINVAL, 0, 0, NULL },
		{ "audit(", -EINVAL, 0, 0, NULL },
		{ "audit(1170021493.977:293", -EINVAL, 0, 0, NULL },
		{ "audit(1170021493.977:)", -EINVAL, 0, 0, NULL },
		{ "audit(1170021493.:1): x", -EINVAL, 0, 0, NULL },
		{ "audit(.977:1): x", -EINVAL, 0, 0, NULL },
		{ "audit(11700a1493.977:1): x", -EINVAL, 0, 0, NULL },
		{ "audit(1170021493.9x7:1): x", -EINVAL, 0, 0, NULL },
		{ "audit(-1170021493.977:1): x", -EINVAL, 0, 0, NULL },
		{ "audit(99999999999999999999.1:1): x", -EINVAL, 0, 0, NULL },
		{ "audit(9999999999999999999.1:1): x", -EINVAL, 0, 0, NULL },
		{ "audit(9223372036.000:1): x", -EINVAL, 0, 0, NULL },
		{ "audit(9223372035.999:1): x", 0, SEC(9223372035, 999000000), 1, "x" },
		{ "audit(1.1:99999999999999999999): x", -EINVAL, 0, 0, NULL },
		{ "audix(1170021493.977:293): x", -EINVAL, 0, 0, NULL },
		{ "?", -EINVAL, 0, 0, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct record record = { .type = 1300, .text = span_of(cases[i].text) };
		struct record_head head = { .serial = 77 };
		int r = audit_head(&record, &head);

		if (r != cases[i].r)
			print_error("%s\n", cases[i].text);
		assert_int_equal(r, cases[i].r);
		if (r < 0) {
			assert_int_equal(head.serial, 77);
			continue;
		}
		assert_int_equal(head.time_ns, cases[i].time_ns);
		assert_int_equal(head.serial, cases[i].serial);
		assert_true(span_eq(head.body, span_of(cases[i].body)));
	}
}

/* The quick reading of a usual time against what was written, for many times. */
static void test_times(void **state)
{
	uint64_t seconds = 1000000000, step = 1;

	for (unsigned i = 0; i < 200000; i++) {
		unsigned ms = i * 7919u % 1000;
		char text[64];
		struct record record = { .type = 1300 };
		struct record_head head;
		int n = snprintf(text, sizeof(text), "audit(%llu.%03u:%u): x", (unsigned long long)seconds,
				 ms, i);

		record.text = (struct span){ text, (size_t)n };
		assert_int_equal(audit_head(&record, &head), 0);
		assert_int_equal(head.time_ns, seconds * NS_PER_SEC + ms * NS_PER_MS);
		assert_int_equal(head.serial, i);
		step = step * 6364136223846793005u + 1442695040888963407u;
		seconds = 1000000000 + (step >> 20) % 8000000000u;
	}
}

/* Every shorter text is refused or read, and nothing is read behind its end (the sanitizer watches). */
static void test_cut(void **state)
{
	static const char text[] =
		"node=a.b type=SYSCALL msg=audit(1170021493.977:293): arch=c000003e key=(null)";

	for (size_t n = 0; n < sizeof(text); n++) {
		char *copy = malloc(n ? n : 1);
		struct record record;
		struct record_head head;

		assert_non_null(copy);
		memcpy(copy, text, n);
		if (audit_line((struct span){ copy, n }, &record) == 0 && audit_head(&record, &head) == 0)
			assert_true(n >= strlen("node=a.b type=SYSCALL msg=audit(1170021493.977:293)"));
		free(copy);
	}
}

static void test_ends(void **state)
{
	static const struct {
		uint32_t type;
		bool ends, may_end, single;
	} cases[] = {
		{ 1300, false, false, false }, { 1302, false, false, false }, { 1327, false, true, false },
		{ 1320, true, false, false },  { 1112, false, true, false },  { 1305, false, false, false },
		{ 1400, false, false, false }, { 1006, false, false, false }, { 2404, false, true, false },
		{ 1201, false, true, false },  { 2900, false, true, false },  { 1701, false, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct record record = { .type = cases[i].type, .text = SPAN("audit(1.000:1): x") };
		struct record_head head;

		assert_int_equal(audit_head(&record, &head), 0);
		assert_int_equal(head.type, cases[i].type);
		assert_int_equal(head.ends_event, cases[i].ends);
		assert_int_equal(head.may_end_event, cases[i].may_end);
		assert_int_equal(head.is_single, cases[i].single);
		record.text = SPAN("recorder(1.000000001:1): x");
		assert_int_equal(audit_head(&record, &head), 0);
		assert_true(head.is_single);
		assert_false(head.ends_event);
	}
}

static void test_lines(void **state)
{
	static const struct {
		const char *line;
		int r;
		uint32_t type;
		const char *node, *text;
	} cases[] = {
		{ "type=SYSCALL msg=audit(1.1:2): a=b", 0, 1300, "", "audit(1.1:2): a=b" },
		{ "node=x.example type=CWD msg=audit(1.1:2): a=b\n", 0, 1307, "x.example",
		  "audit(1.1:2): a=b" },
		{ "  type=EOE msg=audit(1.1:2): \r\n", 0, 1320, "", "audit(1.1:2): " },
		{ "type=UNKNOWN[1420] msg=audit(1.1:2): a", 0, 1420, "", "audit(1.1:2): a" },
		{ "type=1336 msg=audit(1.1:2): a", 0, 1336, "", "audit(1.1:2): a" },
		{ "type=URINGOP msg=audit(1.1:2): a", 0, 1336, "", "audit(1.1:2): a" },
		{ "type=RECORDER_FORK msg=recorder(1.1:2): a", 0, RECORD_FORK, "", "recorder(1.1:2): a" },
		{ "type=UNKNOWN[1329] msg=?", -EINVAL, 0, NULL, NULL },
		{ "type=NOSUCHTYPE msg=audit(1.1:2): a", -EINVAL, 0, NULL, NULL },
		{ "type=UNKNOWN[99999999] msg=audit(1.1:2): a", -EINVAL, 0, NULL, NULL },
		{ "type=SYSCALL", -EINVAL, 0, NULL, NULL },
		{ "msg=audit(1.1:2): a", -EINVAL, 0, NULL, NULL },
		{ "# a comment", -EINVAL, 0, NULL, NULL },
		{ "", -EINVAL, 0, NULL, NULL },
		{ "\n", -EINVAL, 0, NULL, NULL },
		{ "----", -EINVAL, 0, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct record record = { .type = 5 };

		assert_int_equal(audit_line(span_of(cases[i].line), &record), cases[i].r);
		if (cases[i].r < 0) {
			assert_int_equal(record.type, 5);
			continue;
		}
		assert_int_equal(record.type, cases[i].type);
		assert_true(span_eq(record.node, span_of(cases[i].node)));
		assert_true(span_eq(record.text, span_of(cases[i].text)));
		assert_false(record.stable);
	}
}

/* Every type the table knows keeps its number through its name; those it does not know stay numbers. */
static void test_types(void **state)
{
	unsigned n_named = 0;

	for (uint32_t number = 1; number < RECORD_OWN_END; number++) {
		char buffer[24];
		const char *name = audit_type_name(number, buffer);

		if (name != buffer)
			n_named++;
		else if (number >= 1000 && number < 3000)
			assert_null(audit_type_by_number(number));
		assert_int_equal(audit_type_number(span_of(name)), number);
	}
	assert_true(n_named >= 222 + (RECORD_OWN_END - RECORD_OWN_FIRST));
	assert_int_equal(audit_type_number(SPAN("IPE_ACCESS")), 1420);
	assert_int_equal(audit_type_number(SPAN("DM_CTRL")), 1338);
	assert_int_equal(audit_type_number(SPAN("LANDLOCK_ACCESS")), 1423);
	assert_int_equal(audit_type_number(SPAN("UNKNOWN[]")), 0);
	assert_int_equal(audit_type_number(SPAN("UNKNOWN[12")), 0);
	assert_int_equal(audit_type_number(SPAN("")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads), cmocka_unit_test(test_times), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_ends),  cmocka_unit_test(test_lines), cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
