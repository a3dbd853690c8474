/* The text exposition format 0.0.4, line by line. */

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/prometheus.h"
#include "daemon/status.h"

static bool is_name(struct span name)
{
	if (name.size == 0 || isdigit((unsigned char)name.data[0]))
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (!isalnum((unsigned char)name.data[i]) && name.data[i] != '_' && name.data[i] != ':')
			return false;
	return true;
}

static const char *name_end(const char *p)
{
	while (isalnum((unsigned char)*p) || *p == '_' || *p == ':')
		p++;
	return p;
}

/* {name="value",...}: where it ends. */
static const char *check_labels(const char *p)
{
	assert_int_equal(*p++, '{');
	for (;;) {
		const char *end = name_end(p);

		assert_true(is_name((struct span){ p, (size_t)(end - p) }));
		assert_memory_equal(end, "=\"", 2);
		for (p = end + 2; *p != '"'; p++) {
			assert_true(*p != 0 && *p != '\n');
			if (*p == '\\')
				assert_non_null(strchr("\\\"n", *++p));
		}
		if (*++p == '}')
			return p + 1;
		assert_int_equal(*p++, ',');
	}
}

/* Every metric: HELP, TYPE, then its samples, once in the whole text.  How many samples. */
static unsigned check_format(const char *text)
{
	char seen[32768] = " ", metric[128] = "", mark[140];
	bool is_counter = false;
	unsigned n = 0;

	while (*text) {
		const char *end = strchr(text, '\n'), *p;
		char *number_end;

		assert_non_null(end);
		if (strncmp(text, "# HELP ", 7) == 0) {
			p = name_end(text + 7);
			snprintf(metric, sizeof(metric), "%.*s", (int)(p - text - 7), text + 7);
			assert_true(is_name(span_of(metric)));
			assert_int_equal(strncmp(metric, "recorder_", 9), 0);
			snprintf(mark, sizeof(mark), " %s ", metric);
			assert_null(strstr(seen, mark));
			assert_true(strlen(seen) + strlen(metric) + 2 < sizeof(seen));
			strcat(seen, metric);
			strcat(seen, " ");
			assert_true(*p == ' ' && p + 1 < end);
			text = end + 1;
			end = strchr(text, '\n');
			assert_non_null(end);
			assert_int_equal(strncmp(text, "# TYPE ", 7), 0);
			assert_int_equal(strncmp(text + 7, metric, strlen(metric)), 0);
			p = text + 7 + strlen(metric);
			is_counter = strncmp(p, " counter\n", 9) == 0;
			assert_true(is_counter || strncmp(p, " gauge\n", 7) == 0);
			assert_int_equal(is_counter, span_ends(span_of(metric), SPAN("_total")));
			text = end + 1;
			continue;
		}
		p = name_end(text);
		assert_true(span_eq((struct span){ text, (size_t)(p - text) }, span_of(metric)));
		if (*p == '{')
			p = check_labels(p);
		assert_int_equal(*p++, ' ');
		assert_true(strtod(p, &number_end) >= 0);
		assert_ptr_equal(number_end, end);
		text = end + 1;
		n++;
	}
	return n;
}

static void expect_line(const char *text, const char *line)
{
	const char *found = strstr(text, line);

	if (!found || (found > text && found[-1] != '\n') || found[strlen(line)] != '\n')
		fail_msg("there is no line %s in\n%s", line, text);
}

static void test_values(void **state)
{
	json_t *items = json_pack(
		"[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:i},{s:s,s:i},{s:s,s:i},{s:s,s:i},{s:s,s:b},{s:s,s:n},{s:s,s:s},"
		"{s:s,s:f},{s:s,s:s},{s:s,s:[s]}]",
		"name", "version", "value", "0.1 \"a\\b\n", "name", "health", "value", "fail", "name", "health.disk", "value", "warn",
		"name", "event_source.file", "value", "ebpf", "name", "event_source.ebpf", "value", "running",
		"name", "lost.ring", "value", 7, "name", "lost.shed.file", "value", 8, "name", "lost.shed", "value", 9,
		"name", "canary.latency_ms", "value", 1250, "name", "canary.missing.file", "value", 1, "name", "database.oldest", "value",
		"name", "database.newest", "value", "2026-11-22T10:28:58.123456789Z", "name", "cpu_seconds", "value", 1.5,
		"name", "not.known", "value", "x", "name", "state.reasons", "value", "x");
	struct buffer out = { 0 };
	const char *text;

	assert_non_null(items);
	assert_int_equal(prometheus_write(&out, items), 0);
	text = buffer_text(&out);
	assert_int_equal(check_format(text), 11);
	expect_line(text, "recorder_build_info{version=\"0.1 \\\"a\\\\b\\n\"} 1");
	expect_line(text, "recorder_health 2");
	expect_line(text, "recorder_health_check{check=\"disk\"} 1");
	expect_line(text, "recorder_event_source_class_info{class=\"file\",source=\"ebpf\"} 1");
	expect_line(text, "recorder_lost_total{cause=\"ring\"} 7");
	expect_line(text, "recorder_lost_total{cause=\"shed\"} 9");
	expect_line(text, "recorder_shed_events_total{class=\"file\"} 8");
	expect_line(text, "recorder_canary_latency_seconds 1.250");
	expect_line(text, "recorder_canary_missing{act=\"file\"} 1");
	expect_line(text, "recorder_database_newest_timestamp_seconds 1795343338.123");
	expect_line(text, "recorder_cpu_seconds_total 1.500");
	assert_null(strstr(text, "recorder_database_oldest_timestamp_seconds "
				 "0"));
	json_decref(items);
	buffer_release(&out);
}

/* What the status has has its line in the table, and its figures are those of the status. */
static void test_whole_status(void **state)
{
	static const struct source_stats source = { .overruns = 3 };
	static const bool wanted[N_KINDS] = { [KIND_ID(file, write)] = true };
	static const struct memory memory;
	const struct canary_report canary = { .outcome = CANARY_NONE };
	const struct health health = { 0 };
	const struct throttle throttle = { .wish = { .target_percent = 5 } };
	struct status status = {
		.throttle = &throttle,
		.state = "recording", .source_mode = "unicast", .now_ns = NS_PER_SEC, .started_ns = 1, .wanted = wanted,
		.source = &source, .database_path = "/x", .health = &health, .canary = &canary, .memory = &memory,
	};
	struct buffer text = { 0 }, out = { 0 };
	const json_t *item;
	json_t *items;
	size_t i;

	for (unsigned k = 0; k < N_ORIGINS; k++)
		status.core.balance.records[k][RECORDS_RECEIVED] = k + 1;
	for (unsigned k = 0; k < N_CATEGORIES; k++)
		status.core.balance.events[k][EVENTS_MADE] = k + 1;
	status_json(&text, &status);
	items = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_array(items));
	json_array_foreach(items, i, item) {
		const char *name = json_string_value(json_object_get(item, "name"));

		if (!prometheus_knows(name))
			fail_msg("src/cli/prometheus.c has no line for %s", name);
	}
	assert_int_equal(prometheus_write(&out, items), 0);
	assert_true(check_format(buffer_text(&out)) > 80);
	expect_line(buffer_text(&out), "recorder_lost_total{cause=\"enobufs\"} 3");
	expect_line(buffer_text(&out), "recorder_counters_reconcile 1");
	expect_line(buffer_text(&out), "recorder_origin_records_received_total{origin=\"ebpf\"} 1");
	expect_line(buffer_text(&out), "recorder_class_events_made_total{class=\"file\"} 2");
	json_decref(items);
	buffer_release(&text);
	buffer_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_values), cmocka_unit_test(test_whole_status) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
