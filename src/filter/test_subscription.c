/* Subscription documents: what is read, and for each mistake the place and the words. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter/subscription.h"

#define DATABASE(filters) \
	"{\"name\":\"t\",\"streams\":[{\"type\":\"database\",\"event_filters\":[" filters "]}]}"
#define TERM(term) DATABASE("{\"terms\":[" term "]}")

static void refused_span(struct span text, const char *message)
{
	struct subscription *subscription = NULL;
	struct filter_error error = { "" };

	if (subscription_parse(&subscription, text, &error) != -EINVAL)
		fail_msg("not refused: %.200s", text.data);
	assert_null(subscription);
	if (strcmp(error.message, message) != 0)
		fail_msg("%s\ninstead of\n%s", error.message, message);
}

static void refused(const char *text, const char *message)
{
	refused_span(span_of(text), message);
}

static struct subscription *accepted_span(struct span text)
{
	struct subscription *subscription = NULL;
	struct filter_error error = { "" };

	if (subscription_parse(&subscription, text, &error) < 0)
		fail_msg("%s", error.message);
	return subscription;
}

static struct subscription *accepted(const char *text)
{
	return accepted_span(span_of(text));
}

static void test_accepted(void **state)
{
	_cleanup_(subscription_freep) struct subscription *subscription = accepted(
		"{ \"name\": \"default\", \"domain\": \"recorder\", \"description\": \"d\","
		"  \"streams\": ["
		"    { \"type\": \"database\", \"event_filters\": ["
		"        { \"terms\": [\"process\"] },"
		"        { \"description\": \"d\", \"terms\": [\"file\", \"file.operation is 'write'\", "
		"\"file.path starts with '/etc'\"] },"
		"        { \"terms\": [{\"field\": \"network.addr\", \"operator\": \"in\", \"negate\": true, "
		"\"value\": [\"127.0.0.0/8\", \"::1\"]},"
		"                      {\"field\": \"network.port\", \"operator\": \"is\", \"value\": 443},"
		"                      {\"field\": \"process.path\", \"operator\": \"is\", \"value\": "
		"\"/X\", \"case\": \"insensitive\"}] } ] },"
		"    { \"type\": \"journal\", \"name\": \"logins\", \"event_filters\": [ { \"terms\": "
		"[\"security\"] } ],"
		"      \"max_size_mb\": 16, \"keep\": 2 },"
		"    { \"type\": \"journal\", \"event_filters\": [ { \"terms\": [\"security\"] } ] } ] }");
	const struct stream *streams;

	assert_string_equal(subscription_name(subscription), "default");
	assert_int_equal(subscription_streams(subscription, &streams), 3);
	assert_int_equal(streams[0].type, STREAM_DATABASE);
	assert_int_equal(streams[1].type, STREAM_JOURNAL);
	assert_string_equal(streams[1].name, "logins");
	assert_int_equal(streams[1].max_size_bytes, 16 << 20);
	assert_int_equal(streams[1].keep, 2);
	assert_string_equal(streams[2].name, "default");
	assert_int_equal(streams[2].max_size_bytes, 64 << 20);
	assert_int_equal(streams[2].keep, 4);
	assert_int_equal(subscription_filters(subscription, 0)->n, 3);
}

static void test_refused_documents(void **state)
{
	refused("", "line 1, column 0: '[' or '{' expected near end of file");
	refused("[]", "an object is needed, not a list");
	refused("{\"name\":\"a\",\"name\":\"b\"}", "line 1, column 18: duplicate object key near '\"name\"'");
	refused("{\"name\":\"a\"} x", "line 1, column 14: end of file expected near 'x'");
	refused("{}", "key 'name' is missing");
	refused("{\"name\":\"\"}", "name: '' is empty, longer than 64 bytes or begins with a dot");
	refused("{\"name\":\"../x\"}", "name: '../x' is empty, longer than 64 bytes or begins with a dot");
	refused("{\"name\":\"a/b\"}", "name: 'a/b' may hold letters, digits, '-', '_' and '.' only");
	refused("{\"name\":7}", "name: a text is needed, not a number");
	refused("{\"name\":\"t\"}", "key 'streams' is missing");
	refused("{\"name\":\"t\",\"streams\":{}}", "streams: a list is needed, not an object");
	refused("{\"name\":\"t\",\"streams\":[]}",
		"streams: the list is empty; the subscription would record nothing");
	refused("{\"name\":\"t\",\"domain\":\"trace\",\"streams\":[]}",
		"domain: 'trace' is not for the recorder, whose domain is 'recorder'");
	refused("{\"name\":\"t\",\"steams\":[]}", "unknown key 'steams', did you mean 'streams'?");
	refused("{\"name\":\"t\",\"streams\":[1]}", "streams[0]: an object is needed, not a number");
	refused("{\"name\":\"t\",\"streams\":[{}]}", "streams[0]: key 'type' is missing");
	refused("{\"name\":\"t\",\"streams\":[{\"type\":\"databse\"}]}",
		"streams[0].type: unknown stream type 'databse', did you mean 'database'?");
	refused("{\"name\":\"t\",\"streams\":[{\"type\":\"stream\"}]}",
		"streams[0].type: streams of type 'stream' do not exist in this release");
	refused("{\"name\":\"t\",\"streams\":[{\"type\":\"database\",\"keep\":1}]}",
		"streams[0]: unknown key 'keep'");
	refused("{\"name\":\"t\",\"streams\":[{\"type\":\"database\"}]}",
		"streams[0]: key 'event_filters' is missing");
	refused("{\"name\":\"t\",\"streams\":[{\"type\":\"journal\",\"max_size_mb\":1048577,\"event_filters\":[]}]"
		"}",
		"streams[0].max_size_mb: 1048577 is not between 0 and 1048576");
	refused("{\"name\":\"t\",\"streams\":[{\"type\":\"journal\",\"keep\":\"4\",\"event_filters\":[]}]}",
		"streams[0].keep: a number is needed, not a text");
	refused("{\"name\":\"t\",\"streams\":[{\"type\":\"journal\",\"name\":\"x\",\"event_filters\":[{"
		"\"terms\":[\"dns\"]}]},"
		"{\"type\":\"journal\",\"name\":\"x\",\"event_filters\":[{\"terms\":[\"dns\"]}]}]}",
		"streams[1].name: journal 'x' is that of streams[0] already");
}

#define STREAM(keys) "{\"name\":\"t\",\"streams\":[{" keys "}]}"
#define DNS "\"event_filters\":[{\"terms\":[\"dns\"]}]"

static void test_options(void **state)
{
	_cleanup_(subscription_freep) struct subscription *subscription = accepted(
		"{\"name\":\"t\",\"streams\":["
		"{\"type\":\"signal\",\"id\":\"nc\",\"name\":\"A shell \xc3\xa4\",\"severity\":\"high\","
		"\"description\":\"why\"," DNS "},"
		"{\"type\":\"signal\",\"id\":\"other\"," DNS "},"
		"{\"type\":\"journal\",\"name\":\"nc\",\"compress\":true,\"max_size_mb\":0," DNS "},"
		"{\"type\":\"database\",\"categories\":[\"file\",\"dns\"]},"
		"{\"type\":\"database\",\"categories\":[\"file\"],\"event_filters\":[{\"terms\":[\"process.pid is 1\"]}]}]}");
	_cleanup_(subscription_freep) struct subscription *other = accepted(STREAM(
		"\"type\":\"journal\",\"name\":\"nc\"," DNS));
	_cleanup_(subscription_freep) struct subscription *third = accepted(STREAM(
		"\"type\":\"signal\",\"id\":\"third\"," DNS));
	struct filter_error error = { "" };
	const struct stream *streams;

	assert_int_equal(subscription_streams(subscription, &streams), 5);
	assert_true(subscription_has_signals(subscription) && !subscription_has_signals(other));
	assert_int_equal(streams[0].type, STREAM_SIGNAL);
	assert_string_equal(streams[0].id, "nc");
	assert_string_equal(streams[0].name, "A shell \xc3\xa4");
	assert_string_equal(streams[0].description, "why");
	assert_string_equal(severity_name(streams[0].severity), "high");
	assert_string_equal(streams[0].subscription, "t");
	assert_string_equal(streams[1].name, "other");
	assert_int_equal(streams[1].severity, SEVERITY_MEDIUM);
	assert_true(streams[2].compress && !streams[3].compress);
	assert_int_equal(streams[2].max_size_bytes, 0);
	assert_int_equal(streams[3].categories, CATEGORY_BIT_file | CATEGORY_BIT_dns);
	assert_int_equal(subscription_filters(subscription, 3)->n, 1);
	assert_int_equal(subscription_check_beside(subscription, other, &error), -EINVAL);
	assert_string_equal(error.message, "streams[2].name: journal 'nc' is that of the subscription 't' already");
	assert_int_equal(subscription_check_beside(subscription, third, &error), 0);
}

static void test_refused_options(void **state)
{
	refused(STREAM("\"type\":\"signal\"," DNS), "streams[0]: key 'id' is missing");
	refused(STREAM("\"type\":\"signal\",\"id\":\"a b\"," DNS),
		"streams[0].id: 'a b' may hold letters, digits, '-', '_' and '.' only");
	refused(STREAM("\"type\":\"signal\",\"id\":\"a\",\"name\":\"x\\u001by\"," DNS),
		"streams[0].name: 'x?y' has control characters in it");
	refused(STREAM("\"type\":\"signal\",\"id\":\"a\",\"severity\":\"hihg\"," DNS),
		"streams[0].severity: 'hihg' is none of informational, low, medium, high, critical, did you mean 'high'?");
	refused(STREAM("\"type\":\"signal\",\"id\":\"a\",\"severity\":3," DNS),
		"streams[0].severity: a text is needed, not a number");
	refused(STREAM("\"type\":\"signal\",\"id\":\"a\",\"keep\":3," DNS), "streams[0]: unknown key 'keep'");
	refused(STREAM("\"type\":\"signal\",\"id\":\"a\""), "streams[0]: key 'event_filters' is missing");
	refused(STREAM("\"type\":\"journal\",\"compress\":1," DNS),
		"streams[0].compress: true or false is needed, not a number");
	refused(STREAM("\"type\":\"journal\",\"compres\":true," DNS),
		"streams[0]: unknown key 'compres', did you mean 'compress'?");
	refused(STREAM("\"type\":\"database\",\"compress\":true," DNS), "streams[0]: unknown key 'compress'");
	refused(STREAM("\"type\":\"database\",\"categories\":[]"),
		"streams[0].categories: the list is empty; the stream would record nothing");
	refused(STREAM("\"type\":\"database\",\"categories\":[\"file\",\"proces\"]"),
		"streams[0].categories[1]: unknown event type 'proces', did you mean 'process'?");
	refused(STREAM("\"type\":\"database\",\"categories\":[1]"), "streams[0].categories[0]: a text is needed, not a number");
	refused(STREAM("\"type\":\"database\",\"categories\":[\"file\"]," DNS),
		"streams[0].event_filters[0]: no event can match: its types are not among the categories of the stream");
	refused("{\"name\":\"t\",\"streams\":[{\"type\":\"signal\",\"id\":\"a\"," DNS "},"
		"{\"type\":\"signal\",\"id\":\"a\"," DNS "}]}",
		"streams[1].id: signal 'a' is that of streams[0] already");
}

/* Signals go to a place of their own, and to no filter. */
static void test_signals_apart(void **state)
{
	static const char reserved[] = "streams[0].name: the journal 'signals' is the one that signals are written to (give this "
				       "one another name)";
	_cleanup_(subscription_freep) struct subscription *same = accepted(
		"{\"name\":\"signals\",\"streams\":[{\"type\":\"signal\",\"id\":\"signals\"," DNS "},"
		"{\"type\":\"database\"," DNS "}]}");
	_cleanup_(subscription_freep) struct subscription *any = accepted(DATABASE("{\"terms\":[\"process.pid is 1\"]}"));
	_cleanup_(filter_freep) struct filter *filter = NULL;
	bool wanted[N_KINDS];

	assert_true(subscription_has_signals(same));
	refused(STREAM("\"type\":\"journal\",\"name\":\"signals\"," DNS), reserved);
	refused("{\"name\":\"signals\",\"streams\":[{\"type\":\"journal\"," DNS "}]}", reserved);
	refused(STREAM("\"type\":\"database\",\"categories\":[\"file\",\"signal\"]"),
		"streams[0].categories[1]: signals are in the database whatever the streams say (leave 'signal' out)");
	refused(STREAM("\"type\":\"database\",\"categories\":[\"signl\"]"), "streams[0].categories[0]: unknown event type 'signl'");
	refused(DATABASE("{\"terms\":[\"process\"]},{\"terms\":[\"signal\"]}"),
		"streams[0].event_filters[1]: no event can match: signals are made of what streams match, and are matched by none");
	refused(DATABASE("{\"terms\":[\"rule.id is 'a'\"]}"),
		"streams[0].event_filters[0]: no event can match: signals are made of what streams match, and are matched by none");
	assert_int_equal(filter_new(&filter, (const struct subscription *const *)&any, 1), 0);
	filter_wanted(filter, wanted);
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		assert_int_equal(wanted[kind], kinds[kind].category != CATEGORY_signal);
}

static void test_refused_terms(void **state)
{
	refused(DATABASE(""), "streams[0].event_filters: the list is empty; the stream would record nothing");
	refused(DATABASE("7"), "streams[0].event_filters[0]: an object is needed, not a number");
	refused(DATABASE("{\"terms\":[]}"), "streams[0].event_filters[0].terms: the list is empty; a filter "
					    "needs an event type or a condition");
	refused(DATABASE("{\"terms\":[\"process\"]},{\"term\":[]}"),
		"streams[0].event_filters[1]: unknown key 'term', did you mean 'terms'?");
	refused(DATABASE("{\"terms\":[\"process\"]},{\"terms\":[\"file\"]},{\"terms\":[\"process\",\"proces."
			 "path is 'x'\"]}"),
		"streams[0].event_filters[2].terms[1]: unknown field 'proces.path', did you mean "
		"'process.path'?");
	refused(TERM("null"),
		"streams[0].event_filters[0].terms[0]: a term is a text or an object, not null");
	refused(TERM("\"process\",\"file\""),
		"streams[0].event_filters[0]: no event can match: the terms exclude each other");
	refused(TERM("\"process\",\"file.path is '/x'\""),
		"streams[0].event_filters[0]: no event can match: the terms exclude each other");
	refused(TERM("{}"), "streams[0].event_filters[0].terms[0]: key 'field' is missing");
	refused(TERM("{\"field\":\"process.path\",\"operator\":\"is\"}"),
		"streams[0].event_filters[0].terms[0]: key 'value' is missing");
	refused(TERM("{\"field\":\"process.path\",\"operator\":\"is\",\"value\":null}"),
		"streams[0].event_filters[0].terms[0].value: a text, a number or a list of them is needed, "
		"not null");
	refused(TERM("{\"field\":\"process.path\",\"operator\":\"in\",\"value\":[\"/x\",[]]}"),
		"streams[0].event_filters[0].terms[0].value[1]: a text, a number or a list of them is needed, not a list");
	refused(TERM("{\"field\":\"process.pid\",\"operator\":\"is\",\"value\":1.5}"),
		"streams[0].event_filters[0].terms[0].value: a text, a number or a list of them is needed, not a number with a "
		"fraction");
	refused(TERM("{\"field\":\"process.path\",\"operator\":\"is not\",\"value\":\"/x\"}"),
		"streams[0].event_filters[0].terms[0]: operator 'is not': in an object 'not' is the key 'negate'");
	refused(TERM("{\"field\":\"process.path\",\"operator\":\"is\",\"value\":[]}"),
		"streams[0].event_filters[0].terms[0]: the value is missing: 'is' takes one in single "
		"quotes");
	refused(TERM("{\"field\":\"process.path\",\"operator\":\"is\",\"value\":\"x\",\"negated\":true}"),
		"streams[0].event_filters[0].terms[0]: unknown key 'negated', did you mean 'negate'?");
	refused(TERM("{\"field\":\"process.path\",\"operator\":\"is\",\"value\":\"x\",\"negate\":1}"),
		"streams[0].event_filters[0].terms[0].negate: true or false is needed, not a number");
	refused(TERM("{\"field\":\"process.path\",\"operator\":\"is\",\"value\":\"x\",\"case\":\"no\"}"),
		"streams[0].event_filters[0].terms[0].case: 'no' is neither 'sensitive' nor 'insensitive'");
	refused(TERM("{\"field\":\"process.pid\",\"operator\":\"less than\",\"value\":-1}"),
		"streams[0].event_filters[0].terms[0]: '-1' is not a number from 0 to 4294967295, which "
		"field 'process.pid' holds");
}

static void append_filters(struct buffer *out, unsigned n, const char *terms)
{
	buffer_append_text(out, "{\"name\":\"t\",\"streams\":[{\"type\":\"database\",\"event_filters\":[");
	for (unsigned i = 0; i < n; i++)
		buffer_printf(out, "%s{\"terms\":[%s]}", i ? "," : "", terms);
	buffer_append_text(out, "]}]}");
}

static void test_bounds(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };

	for (unsigned i = 0; i < 10u << 20; i++)
		buffer_append_byte(&text, ' ');
	refused_span(buffer_span(&text), "the document has 10485760 bytes, at most 1048576 are allowed");
	buffer_clear(&text);
	for (unsigned i = 0; i < 1000000; i++)
		buffer_append_byte(&text, '[');
	refused_span(buffer_span(&text), "line 1, column 2049: maximum parsing depth reached near '['");
	buffer_clear(&text);
	append_filters(&text, 4096, "\"process\"");
	subscription_free(accepted_span(buffer_span(&text)));
	buffer_clear(&text);
	append_filters(&text, 10000, "\"process\"");
	refused_span(buffer_span(&text),
		     "streams[0].event_filters: more than 4096 filters in a subscription");
	buffer_clear(&text);
	buffer_append_text(&text, "{\"name\":\"t\",\"streams\":[{\"type\":\"database\",\"event_filters\":[{"
				  "\"terms\":[\"process\"");
	for (unsigned i = 0; i < 64; i++)
		buffer_append_text(&text, ",\"process\"");
	buffer_append_text(&text, "]}]}]}");
	refused_span(buffer_span(&text), "streams[0].event_filters[0].terms: more than 64 terms in a filter");
	/* Each of these takes about 100 KiB compiled; together they are too much. */
	buffer_clear(&text);
	append_filters(&text, 1000,
		       "\"process.cmd matches '(?:(?:ab?c?d){1,40}e){1,20}'\",\"process.path matches "
		       "'(?:(?:ab?c?d){1,40}f){1,20}'\"");
	{
		struct subscription *subscription = NULL;
		struct filter_error error = { "" };

		assert_int_equal(subscription_parse(&subscription, buffer_span(&text), &error), -EINVAL);
		assert_non_null(strstr(error.message,
				       "the regular expressions of the subscription take more than 32 MiB"));
	}
}

/* Cut at every byte, one byte changed: refused or accepted, never a crash. */
static void test_damaged(void **state)
{
	static const char text[] =
		"{\"name\":\"t\",\"streams\":[{\"type\":\"database\",\"event_filters\":[{\"terms\":[\"file\","
		"\"file.path not "
		"starts with '/a','/b' case insensitive\",{\"field\":\"file.size\",\"operator\":\"less "
		"than\",\"value\":10}]}]}]}";
	char copy[sizeof(text)];

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		struct subscription *subscription = NULL;
		struct filter_error error;

		assert_int_equal(subscription_parse(&subscription, (struct span){ text, i }, &error),
				 -EINVAL);
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(copy, text, sizeof(text));
			copy[i] = (char)(copy[i] ^ (1 << bit));
			subscription = NULL;
			subscription_parse(&subscription, (struct span){ copy, sizeof(text) - 1 }, &error);
			subscription_free(subscription);
		}
	}
}

static void test_default(void **state)
{
	const char *root = getenv("RECORDER_SOURCE_DIR");
	_cleanup_(subscription_freep) struct subscription *subscription = NULL;
	char path[4096], text[65536];
	const struct stream *streams;
	size_t size;
	FILE *file;

	if (!root) {
		print_message("RECORDER_SOURCE_DIR is not set\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/subscriptions/default.json", root);
	file = fopen(path, "re");
	assert_non_null(file);
	size = fread(text, 1, sizeof(text), file);
	fclose(file);
	subscription = accepted_span((struct span){ text, size });
	assert_string_equal(subscription_name(subscription), "default");
	assert_int_equal(subscription_streams(subscription, &streams), 1);
	assert_int_equal(streams[0].type, STREAM_DATABASE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),      cmocka_unit_test(test_refused_documents),
		cmocka_unit_test(test_options),	      cmocka_unit_test(test_refused_options),
		cmocka_unit_test(test_refused_terms), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_damaged),	      cmocka_unit_test(test_default),
		cmocka_unit_test(test_signals_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
