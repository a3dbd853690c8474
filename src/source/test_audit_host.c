/* What becomes of auditd's configuration: each combination of the settings that versions of audit disagree about, and each wish. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "source/audit_host.h"
#include "source/conf_text.h"

#define OLD { 2, 5, 1 }
#define NEW { 2, 5, 2 }

/* Nothing is wished that is not so. */
static const struct audit_wishes content = { .version = { 3, 0, 9 }, .raw_logging = { 1, false }, .syslog = { 0, false } };

static void put(struct audit_host *host, enum audit_file file, const char *text)
{
	buffer_release(&host->text[file]);
	buffer_append_text(&host->text[file], text);
}

static void expect(struct audit_host *host, enum audit_file file, const char *expected)
{
	if (expected)
		assert_string_equal(buffer_text(&host->plan[file]), expected);
	else
		assert_int_equal(host->plan[file].size, 0);
}

static void version(void **state)
{
	struct audit_version v = audit_version_read(SPAN("auditctl version 2.8.5\n"));

	assert_int_equal(v.major * 100 + v.minor * 10 + v.patch, 285);
	v = audit_version_read(SPAN("auditctl version 4.0"));
	assert_int_equal(v.major * 100 + v.minor * 10 + v.patch, 400);
	assert_int_equal(audit_version_read(SPAN("auditctl version x")).major, 0);
	assert_int_equal(audit_version_read(SPAN("")).major, 0);
}

static void logging_of_versions(void **state)
{
	static const struct {
		struct audit_version version;
		const char *format, *logs;	/* before; NULL: not there */
		const char *then_format, *then_logs;
	} cases[] = {
		{ NEW, "NOLOG", NULL, "RAW", "NO" },	     { NEW, "NOLOG", "YES", "RAW", "YES" },   { NEW, "NOLOG", "NO", "RAW", "NO" },
		{ NEW, "RAW", NULL, "RAW", "YES" },	     { NEW, "RAW", "YES", "RAW", "YES" },     { NEW, "RAW", "NO", "RAW", "NO" },
		{ NEW, "ENRICHED", NULL, "ENRICHED", NULL }, { NEW, "ENRICHED", "YES", "ENRICHED", "YES" },
		{ NEW, "ENRICHED", "NO", "ENRICHED", "NO" }, { NEW, NULL, NULL, NULL, NULL },
		{ NEW, NULL, "YES", NULL, "YES" },	     { NEW, NULL, "NO", NULL, "NO" },
		{ OLD, "NOLOG", NULL, "NOLOG", NULL },	     { OLD, "NOLOG", "YES", "NOLOG", NULL },  { OLD, "NOLOG", "NO", "NOLOG", NULL },
		{ OLD, "RAW", NULL, "RAW", NULL },	     { OLD, "RAW", "YES", "RAW", NULL },      { OLD, "RAW", "NO", "RAW", NULL },
		{ OLD, "ENRICHED", NULL, "ENRICHED", NULL }, { OLD, "ENRICHED", "YES", "ENRICHED", NULL },
		{ OLD, "ENRICHED", "NO", "ENRICHED", NULL }, { OLD, NULL, NULL, NULL, NULL },
		{ OLD, NULL, "YES", NULL, NULL },	     { OLD, NULL, "NO", NULL, NULL },
		/* nobody knows which it is: nothing is touched */
		{ { 0 }, "NOLOG", NULL, "NOLOG", NULL },     { { 0 }, "RAW", "NO", "RAW", "NO" },
		{ { 3, 0, 9 }, "nolog", NULL, "RAW", "NO" }, { { 2, 10, 0 }, "NOLOG", NULL, "RAW", "NO" }, { { 1, 8, 0 }, "RAW", "NO", "RAW", NULL },
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		const char *format = cases[i / 2].format, *logs = cases[i / 2].logs;
		const char *then_format = i % 2 ? format : cases[i / 2].then_format, *then_logs = i % 2 ? logs : cases[i / 2].then_logs;
		struct audit_wishes wishes = { .version = cases[i / 2].version, .migrate = i % 2 == 0, .raw_logging = { 1, false } };
		struct audit_host host = { 0 };
		struct span text;

		put(&host, AUDIT_FILE_AUDITD, "# mine\nlog_file = /x\n");
		if (format)
			buffer_printf(&host.text[AUDIT_FILE_AUDITD], "log_format = %s\n", format);
		if (logs)
			buffer_printf(&host.text[AUDIT_FILE_AUDITD], "write_logs = %s\n", logs);
		assert_int_equal(audit_host_plan(&host, &wishes), 0);
		text = buffer_span(host.plan[AUDIT_FILE_AUDITD].size > 0 ? &host.plan[AUDIT_FILE_AUDITD] : &host.text[AUDIT_FILE_AUDITD]);
		assert_true(span_eq(conf_text_get(text, "log_format"), span_of(then_format ? then_format : "")));
		assert_true(span_eq(conf_text_get(text, "write_logs"), span_of(then_logs ? then_logs : "")));
		assert_true(span_starts(text, SPAN("# mine\nlog_file = /x\n")));
		/* Nothing is written where nothing changes. */
		assert_int_equal(host.plan[AUDIT_FILE_AUDITD].size > 0, host.did[AUDIT_FILE_AUDITD].size > 0);
		if (format == then_format && logs == then_logs)
			assert_int_equal(host.did[AUDIT_FILE_AUDITD].size, 0);
		audit_host_release(&host);
	}
}

static void raw_logging(void **state)
{
	static const struct {
		struct audit_version version;
		const char *text;
		bool wanted;
		const char *then;	/* NULL: it is so */
	} cases[] = {
		{ NEW, "write_logs = yes\n", false, "write_logs = NO\n" }, { NEW, "a = b\n", false, "a = b\nwrite_logs = NO\n" },
		{ NEW, "write_logs = no\n", false, NULL },		   { NEW, "write_logs = no\n", true, "write_logs = YES\n" },
		{ NEW, "a = b\n", true, NULL },				   { NEW, "log_format = NOLOG\n", true, "log_format = RAW\n" },
		{ NEW, "log_format = NOLOG\nwrite_logs = no\n", true, "log_format = RAW\nwrite_logs = YES\n" },
		{ NEW, "log_format = NOLOG\n", false, NULL },
		{ OLD, "log_format = RAW\n", false, "log_format = NOLOG\n" }, { OLD, "log_format = NOLOG\n", true, "log_format = RAW\n" },
		{ OLD, "log_format = NOLOG\n", false, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct audit_wishes wishes = { .version = cases[i].version, .raw_logging = { cases[i].wanted, true } };
		struct audit_host host = { 0 };

		put(&host, AUDIT_FILE_AUDITD, cases[i].text);
		assert_int_equal(audit_host_plan(&host, &wishes), 0);
		expect(&host, AUDIT_FILE_AUDITD, cases[i].then);
		assert_int_equal(host.raw_logging, cases[i].wanted);
		assert_int_equal(host.raw_logging_before, cases[i].wanted == (cases[i].then == NULL));
		wishes.raw_logging.write = false;
		assert_int_equal(audit_host_plan(&host, &wishes), 0);
		expect(&host, AUDIT_FILE_AUDITD, NULL);
		assert_int_equal(host.did[AUDIT_FILE_AUDITD].size, 0);
		assert_int_equal(host.left.size > 0, cases[i].then != NULL);
		assert_int_equal(host.raw_logging, cases[i].wanted == (cases[i].then == NULL));
		audit_host_release(&host);
	}
}

static void dispatcher(void **state)
{
	static const char before[] = "q_depth = 2000\noverflow_action = SYSLOG\nmax_restarts = 10\npriority_boost = 4\n";
	struct audit_wishes wishes = content;
	struct audit_host host = { 0 };

	wishes.queue_depth = (struct audit_wish){ 32768, true };
	wishes.max_restarts = (struct audit_wish){ 20, false };
	wishes.priority_boost = (struct audit_wish){ 4, true };
	wishes.overflow_action = (struct audit_wish){ 3, true };
	put(&host, AUDIT_FILE_AUDITD, before);
	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	expect(&host, AUDIT_FILE_AUDITD, "q_depth = 32768\noverflow_action = suspend\nmax_restarts = 10\npriority_boost = 4\n");
	assert_string_equal(buffer_text(&host.did[AUDIT_FILE_AUDITD]), "q_depth = 32768 (was 2000), overflow_action = suspend (was SYSLOG)");
	assert_string_equal(buffer_text(&host.left), "max_restarts = 20 (was 10)");

	/* more is not made less; what is no number is */
	put(&host, AUDIT_FILE_AUDITD, "q_depth = 99999\nmax_restarts = many\noverflow_action = Suspend\npriority_boost = 19\n");
	wishes.max_restarts.write = true;
	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	expect(&host, AUDIT_FILE_AUDITD, "q_depth = 99999\nmax_restarts = 20\noverflow_action = Suspend\npriority_boost = 19\n");

	/* each by itself, and what is not set is less than any */
	put(&host, AUDIT_FILE_AUDITD, "q_depth = 32768\nmax_restarts = 20\noverflow_action = suspend\npriority_boost = 0\n");
	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	expect(&host, AUDIT_FILE_AUDITD, "q_depth = 32768\nmax_restarts = 20\noverflow_action = suspend\npriority_boost = 4\n");
	assert_string_equal(buffer_text(&host.did[AUDIT_FILE_AUDITD]), "priority_boost = 4 (was 0)");
	put(&host, AUDIT_FILE_AUDITD, "q_depth = 32768\nmax_restarts = 20\noverflow_action = suspend\n");
	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	expect(&host, AUDIT_FILE_AUDITD, "q_depth = 32768\nmax_restarts = 20\noverflow_action = suspend\npriority_boost = 4\n");
	wishes.priority_boost.write = false;
	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	expect(&host, AUDIT_FILE_AUDITD, NULL);
	assert_string_equal(buffer_text(&host.left), "priority_boost = 4 (was not set)");
	wishes.priority_boost.write = true;

	/* audit 2 has them in a file of their own, if it has a dispatcher */
	wishes.version = (struct audit_version){ 2, 8, 5 };
	put(&host, AUDIT_FILE_AUDITD, "a = b\n");
	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	expect(&host, AUDIT_FILE_AUDITD, NULL);
	put(&host, AUDIT_FILE_AUDISPD, "q_depth = 250\noverflow_action = SUSPEND\npriority_boost = 4\nmax_restarts = 20\n");
	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	expect(&host, AUDIT_FILE_AUDITD, NULL);
	expect(&host, AUDIT_FILE_AUDISPD, "q_depth = 32768\noverflow_action = SUSPEND\npriority_boost = 4\nmax_restarts = 20\n");
	/* left behind by an upgrade */
	wishes.version = (struct audit_version){ 3, 0, 9 };
	put(&host, AUDIT_FILE_AUDITD, before);
	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	expect(&host, AUDIT_FILE_AUDISPD, NULL);
	assert_true(host.plan[AUDIT_FILE_AUDITD].size > 0);
	audit_host_release(&host);
}

static void syslog_plugin(void **state)
{
	struct audit_wishes wishes = content;
	struct audit_host host = { 0 };

	put(&host, AUDIT_FILE_SYSLOG, "# plugin\nactive = yes\nargs = LOG_INFO\n");
	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	expect(&host, AUDIT_FILE_SYSLOG, NULL);
	assert_string_equal(buffer_text(&host.left), "active = no (was yes)");
	wishes.syslog.write = true;
	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	expect(&host, AUDIT_FILE_SYSLOG, "# plugin\nactive = no\nargs = LOG_INFO\n");
	/* that of audit 2 lies elsewhere */
	put(&host, AUDIT_FILE_SYSLOG_2, "active = yes\n");
	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	expect(&host, AUDIT_FILE_SYSLOG_2, "active = no\n");
	put(&host, AUDIT_FILE_SYSLOG_2, "");
	wishes.syslog.value = 1;
	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	expect(&host, AUDIT_FILE_SYSLOG, NULL);
	audit_host_release(&host);
}

/* No audit daemon, no wishes. */
static void nothing(void **state)
{
	const struct audit_wishes wishes = { .version = { 3, 0, 9 }, .migrate = true, .queue_depth = { 32768, true }, .syslog = { 1, true } };
	struct audit_host host = { 0 };

	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	for (enum audit_file file = 0; file < N_AUDIT_FILES; file++)
		expect(&host, file, NULL);
	assert_int_equal(host.left.size, 0);
	assert_false(host.raw_logging);
	/* there is one, and nobody knows what it says */
	host.unknown = true;
	assert_int_equal(audit_host_plan(&host, &wishes), 0);
	assert_true(host.raw_logging && host.raw_logging_before);
	audit_host_release(&host);
}

/* What the plan made of a file is as before but for that; what somebody else changed besides is not. */
static void as_before(void **state)
{
	static const char text[] = "log_file = /a\n# q_depth of the queue\nlog_format = NOLOG\n";
	struct audit_wishes all = { .version = { 3, 0, 9 }, .migrate = true,
				    .raw_logging = { 1, true }, .queue_depth = { 32768, true },
				    .max_restarts = { 10, true }, .priority_boost = { 4, true },
				    .overflow_action = { 2, true } };
	static const struct {
		enum audit_file file;
		const char *text, *before;
		int is;
	} cases[] = {
		{ AUDIT_FILE_AUDITD, text, text, 1 },
		{ AUDIT_FILE_AUDITD, "q_depth = 5\nfreq = 2\n", "q_depth = 4\nfreq = 1\n", 0 },
		{ AUDIT_FILE_AUDITD, "q_depth = 5\nfreq = 1\n", "q_depth = 4\nfreq = 1\n", 1 },
		{ AUDIT_FILE_AUDITD, "freq = 1\nq_depth = 5\n", "q_depth = 4\nfreq = 1\n", 0 },
		{ AUDIT_FILE_AUDITD, "freq = 1\n", "write_logs = NO\nfreq = 1\n", 1 },
		{ AUDIT_FILE_AUDITD, "active = yes\n", "active = no\n", 0 },
		{ AUDIT_FILE_SYSLOG, "active = yes\n", "active = no\n", 1 },
		{ AUDIT_FILE_SYSLOG, "q_depth = 5\n", "q_depth = 4\n", 0 },
		{ AUDIT_FILE_AUDITD, "", "freq = 1\n", 0 },
	};
	struct audit_host host = { 0 };

	put(&host, AUDIT_FILE_AUDITD, text);
	assert_int_equal(audit_host_plan(&host, &all), 0);
	assert_non_null(strstr(buffer_text(&host.plan[AUDIT_FILE_AUDITD]), "q_depth = 32768"));
	assert_int_equal(audit_file_is_as_before(AUDIT_FILE_AUDITD, buffer_span(&host.plan[AUDIT_FILE_AUDITD]), span_of(text)), 1);
	buffer_append_text(&host.plan[AUDIT_FILE_AUDITD], "freq = 7\n");
	assert_int_equal(audit_file_is_as_before(AUDIT_FILE_AUDITD, buffer_span(&host.plan[AUDIT_FILE_AUDITD]), span_of(text)), 0);
	audit_host_release(&host);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (audit_file_is_as_before(cases[i].file, span_of(cases[i].text), span_of(cases[i].before)) != cases[i].is)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(version), cmocka_unit_test(logging_of_versions), cmocka_unit_test(raw_logging),
					    cmocka_unit_test(dispatcher), cmocka_unit_test(syslog_plugin), cmocka_unit_test(nothing),
					    cmocka_unit_test(as_before) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
