#include "event/event_json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "event/test_fill.h"

static const struct event_json_options options = {
	.host_id = { "0123456789abcdef", 16 },
	.host_name = { "box", 3 },
	.boot_id = { "b-1", 3 },
};

static json_t *parse_flags(const struct event *event, struct buffer *line, size_t flags)
{
	json_error_t error;
	json_t *json;

	buffer_clear(line);
	event_json(line, event, &options);
	assert_int_equal(buffer_error(line), 0);
	assert_null(memchr(line->data, '\n', line->size));
	json = json_loadb(line->data, line->size, JSON_REJECT_DUPLICATES | flags, &error);
	if (!json)
		fail_msg("%s at %d in: %.*s", error.text, error.position, (int)line->size, line->data);
	return json;
}

static json_t *parse(const struct event *event, struct buffer *line)
{
	return parse_flags(event, line, 0);
}

static json_t *at(json_t *json, const char *path)
{
	char name[64];
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		snprintf(name, sizeof(name), "%.*s", (int)(dot - path), path);
		json = json_object_get(json, name);
		path = dot + 1;
	}
	return json_object_get(json, path);
}

#define text_at(json, path)   json_string_value(at(json, path))
#define number_at(json, path) json_integer_value(at(json, path))

static void exact_line(void **state)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };
	struct event *event = event_new(KIND_ID(file, create), UINT64_C(1732271338123456789));
	struct context *parent = context_new(), *context = context_new();
	const char *expected =
		"{\"@timestamp\":\"2024-11-22T10:28:58.123456789Z\",\"event\":{\"id\":\"180a439aa3707115-2501\",\"sequence\":7,"
		"\"kind\":\"event\",\"category\":[\"file\"],\"type\":[\"creation\"],\"action\":\"create\",\"outcome\":\"success\","
		"\"code\":\"SYSCALL\",\"provider\":\"audit\"},"
		"\"host\":{\"id\":\"0123456789abcdef\",\"name\":\"box\",\"boot\":{\"id\":\"b-1\"}},"
		"\"process\":{\"entity_id\":\"00000000000000ab\",\"pid\":42,\"executable\":\"/usr/bin/touch\","
		"\"user\":{\"id\":0,\"name\":\"root\"},"
		"\"parent\":{\"pid\":1,\"name\":\"init\"},\"ancestry\":[{\"pid\":1,\"name\":\"init\"}]},"
		"\"user\":{\"id\":0,\"name\":\"root\",\"audit\":{\"name\":\"unset\"}},"
		"\"file\":{\"path\":\"/tmp/x \\\"y\\\"\",\"device\":\"8:1\",\"mode\":\"0644\",\"size\":0},"
		"\"recorder\":{\"source\":\"audit\",\"completeness\":\"full\",\"inferred\":[\"process.executable\"]}}";

	event->origin = 0x25 << 8 | 1;
	event->sequence = 7;
	event->context = context;
	values_set_number(&parent->values, FIELD_pid, 1);
	values_set_text(&parent->values, FIELD_name, SPAN("init"));
	context_set_parent(context, parent);
	context_unref(parent);
	values_set_number(&context->values, FIELD_entity_id, 0xab);
	values_set_number(&context->values, FIELD_pid, 42);
	values_set_text(&context->values, FIELD_executable, SPAN("/usr/bin/touch"));
	values_set_inferred(&context->values, FIELD_executable);
	values_set_number(&context->values, FIELD_uid, 0);
	values_set_text(&context->values, FIELD_user_name, SPAN("root"));
	values_set_number(&context->values, FIELD_auid, UINT32_MAX);
	values_set_number(&context->values, FIELD_ses, UINT32_MAX);
	values_set_text(&event->values, FIELD_outcome, SPAN("success"));
	values_set_text(&event->values, FIELD_code, SPAN("SYSCALL"));
	values_set_text(&event->values, FIELD_source, SPAN("audit"));
	values_set_text(&event->values, FIELD_path, SPAN("/tmp/x \"y\""));
	values_set_number(&event->values, FIELD_device, 0x801);
	values_set_number(&event->values, FIELD_mode, 0644);
	values_set_number(&event->values, FIELD_size, 0);
	event_json(&line, event, &options);
	assert_string_equal(buffer_text(&line), expected);
	event_free(event);
}

/* Every kind with every field: valid JSON, no key twice, and each field where its name says. */
static void every_field_of_every_kind(void **state)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };

	for (uint16_t kind = 0; kind < N_KINDS; kind++)
		for (unsigned style = 0; style < N_FILL_STYLES; style++)
			for (unsigned seed = 0; seed < 3; seed++) {
				struct event *event = fill_event(kind, seed, style);
				json_t *json;

				event->context = fill_context(seed, style, 3);
				/* jansson's integers end at 2^63. */
				json = parse_flags(event, &line, JSON_DECODE_INT_AS_REAL);
				for (unsigned i = 0; i < N_FIELDS; i++) {
					if (!(fields[i].categories >> kinds[kind].category & 1))
						continue;
					if ((i == FIELD_auid && event->context->auid == UINT32_MAX) ||
					    (i == FIELD_ses && event->context->ses == UINT32_MAX))
						assert_null(at(json, fields[i].name));
					else if (!at(json, fields[i].name))
						fail_msg("%s is not in %.*s", fields[i].name, (int)line.size,
							 line.data);
				}
				assert_int_equal(json_array_size(at(json, "process.ancestry")), 3);
				assert_string_equal(text_at(json, "event.kind"),
						    kind == KIND_ID(recorder, gap)   ? "pipeline_error" :
						    kind == KIND_ID(signal, match) ? "alert" :
										     "event");
				if (style == FILL_BYTES) {
					assert_true(json_array_size(at(json, "recorder.escaped")) > 10);
					assert_non_null(
						strstr(line.data, "\"process.ancestry[2].executable\""));
				} else {
					assert_null(at(json, "recorder.escaped"));
				}
				json_decref(json);
				event_free(event);
			}
}

static void bytes_come_back(void **state)
{
	_cleanup_(buffer_release) struct buffer escaped = { 0 }, back = { 0 }, line = { 0 };
	char all[256];

	for (unsigned i = 0; i < 256; i++)
		all[i] = (char)i;
	percent_escape(&escaped, (struct span){ all, 256 });
	assert_int_equal(span_utf8_prefix(buffer_span(&escaped)), escaped.size);
	percent_unescape(&back, buffer_span(&escaped));
	assert_int_equal(back.size, 256);
	assert_memory_equal(back.data, all, 256);

	assert_true(json_append_string(&line, (struct span){ all, 256 }));
	buffer_clear(&line);
	assert_false(json_append_string(&line, SPAN("100% \t\x02\xc3\xa9")));
	assert_string_equal(buffer_text(&line), "\"100% \\t\\u0002\xc3\xa9\"");
	/* A terminal may take U+009B for the beginning of an escape sequence. */
	buffer_clear(&line);
	assert_false(json_append_string(&line, SPAN("\xc2\x9b" "31m\xc2\xa0\xc2\x80")));
	assert_string_equal(buffer_text(&line), "\"\\u009b31m\xc2\xa0\\u0080\"");
	buffer_clear(&line);
	assert_false(json_append_string(&line, SPAN("a\x7f" "b")));
	assert_string_equal(buffer_text(&line), "\"a\\u007fb\"");
	buffer_clear(&line);
	assert_false(json_append_string(&line, SPAN("eight or more\x7f bytes")));
	assert_string_equal(buffer_text(&line), "\"eight or more\\u007f bytes\"");
	/* One bad item: all are escaped, so that a reader knows what the percent signs mean. */
	buffer_clear(&line);
	assert_true(json_append_list(&line, SPAN("50%\0\xff\0\0")));
	assert_string_equal(buffer_text(&line), "[\"50%25\",\"%FF\",\"\"]");
	buffer_clear(&line);
	assert_false(json_append_list(&line, SPAN("")));
	assert_string_equal(buffer_text(&line), "[]");
	buffer_clear(&back);
	percent_unescape(&back, SPAN("%4%%zz%"));
	assert_string_equal(buffer_text(&back), "%4%%zz%");
}

/* A special byte at every place of strings of every length around the eight-byte steps. */
static void every_place(void **state)
{
	static const char specials[] = { 0, 1, 0x1f, '"', '\\', 0x7f, (char)0x80, (char)0xff };
	_cleanup_(buffer_release) struct buffer line = { 0 };

	for (size_t size = 1; size < 35; size++)
		for (size_t place = 0; place < size; place++)
			for (unsigned s = 0; s < sizeof(specials); s++) {
				char text[40];
				json_t *json;

				memset(text, 'a', sizeof(text));
				text[place] = specials[s];
				buffer_clear(&line);
				assert_int_equal(json_append_string(&line, (struct span){ text, size }),
						 specials[s] == 0 || specials[s] < 0);
				json = json_loadb(line.data, line.size, JSON_DECODE_ANY, NULL);
				assert_non_null(json);
				if (specials[s] > 0) {
					assert_int_equal(json_string_length(json), size);
					assert_memory_equal(json_string_value(json), text, size);
				} else {
					assert_int_equal(json_string_length(json), size + 2);
				}
				json_decref(json);
			}
}

static void addresses(void **state)
{
	char text[IP_TEXT_MAX];

	assert_int_equal(ip_text((struct span){ "\x7f\0\0\1", 4 }, text), 9);
	assert_string_equal(text, "127.0.0.1");
	assert_int_equal(ip_text((struct span){ "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16 }, text), 3);
	assert_int_equal(ip_text(SPAN("abc"), text), 0);
	assert_int_equal(ip_text(SPAN(""), text), 0);
}

static void special_members(void **state)
{
	static const char *const names[64] = { "default", "default", "logins", NULL, "x" };
	struct event_json_options with_names = options;
	_cleanup_(buffer_release) struct buffer line = { 0 };
	struct event *event = event_new(KIND_ID(process, exec), 0);
	json_t *json = parse(event, &line);

	/* Nothing known at all. */
	assert_null(at(json, "process"));
	assert_null(at(json, "user"));
	assert_null(at(json, "event.sequence"));
	assert_null(at(json, "event.provider"));
	assert_string_equal(text_at(json, "recorder.completeness"), "full");
	assert_string_equal(text_at(json, "@timestamp"), "1970-01-01T00:00:00.000000000Z");
	json_decref(json);

	event->context = context_new();
	event->context->ancestry_cut = true;
	values_set_number(&event->context->values, FIELD_auid, 1000);
	values_set_text(&event->context->values, FIELD_auid_name, SPAN("ann"));
	values_set_number(&event->context->values, FIELD_ses, 0);
	values_set_number(&event->context->values, FIELD_ppid, 17);
	values_set_text(&event->values, FIELD_completeness, SPAN("partial"));
	values_set_text(&event->values, FIELD_node, SPAN("other"));
	values_set_number(&event->values, FIELD_exit_code, (uint64_t)-1);
	event->streams = 0x17;
	json = parse(event, &line);
	assert_int_equal(number_at(json, "user.audit.id"), 1000);
	assert_string_equal(text_at(json, "user.audit.name"), "ann");
	assert_int_equal(number_at(json, "session.id"), 0);
	assert_int_equal(number_at(json, "process.parent.pid"), 17);
	assert_int_equal(number_at(json, "process.exit_code"), -1);
	assert_null(at(json, "process.ancestry"));
	assert_string_equal(text_at(json, "recorder.completeness"), "partial");
	assert_string_equal(text_at(json, "host.name"), "other");
	assert_string_equal(json_string_value(json_array_get(at(json, "recorder.truncated"), 0)),
			    "process.ancestry");
	assert_null(at(json, "subscription"));
	json_decref(json);

	values_append_list(&event->values, FIELD_truncated, SPAN("process.args"));
	with_names.subscription_names = names;
	buffer_clear(&line);
	event_json(&line, event, &with_names);
	json = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_array_size(at(json, "recorder.truncated")), 2);
	assert_int_equal(json_array_size(at(json, "subscription")), 3); /* default, logins, x */
	json_decref(json);
	event_free(event);
}

static void appends_behind_what_is_there(void **state)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };
	struct event *event = fill_event(KIND_ID(file, rename), 1, FILL_PLAIN);

	buffer_append_text(&line, "before ");
	event_json(&line, event, &options);
	assert_memory_equal(line.data, "before {\"@timestamp\"", 20);
	event_free(event);
}

/* Texts of every length up to beyond the first allocation: growing in the middle must not tear anything. */
static void long_texts(void **state)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };
	char *text = malloc(300000);

	memset(text, '\n', 300000);
	for (size_t size = 1; size < 300000; size = size * 3 + 1) {
		struct event *event = fill_event(KIND_ID(process, exec), 2, FILL_UTF8);
		json_t *json;

		event->context = fill_context(3, FILL_UTF8, 64);
		values_set_text(&event->context->values, FIELD_command_line, (struct span){ text, size });
		buffer_release(&line);
		json = parse(event, &line);
		assert_int_equal(json_string_length(at(json, "process.command_line")), size);
		json_decref(json);
		event_free(event);
	}
	free(text);
}

static void speed(void **state)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };
	struct event *event = event_new(KIND_ID(file, create), UINT64_C(1732271338123456789));
	struct context *context = NULL;
	struct timespec begin, end;
	const int n = 20000;

	for (unsigned i = 0; i < 6; i++) {
		struct context *child = context_new();

		context_set_parent(child, context);
		context_unref(context);
		context = child;
		values_set_number(&context->values, FIELD_entity_id, UINT64_C(0x123456789abcdef) * i);
		values_set_number(&context->values, FIELD_pid, 1000 + i);
		values_set_number(&context->values, FIELD_ppid, 999 + i);
		values_set_text(&context->values, FIELD_name, SPAN("bash"));
		values_set_text(&context->values, FIELD_executable, SPAN("/usr/bin/bash"));
		values_set_text(&context->values, FIELD_command_line, SPAN("bash -c make all"));
		values_set_text(&context->values, FIELD_cwd, SPAN("/home/ann/src/project"));
		values_set_number(&context->values, FIELD_start, UINT64_C(1732271338123456789));
		for (unsigned f = FIELD_uid; f <= FIELD_ses; f++)
			if (fields[f].type == TYPE_U32)
				values_set_number(&context->values, (enum field)f, 1000);
			else
				values_set_text(&context->values, (enum field)f, SPAN("ann"));
	}
	event->context = context;
	values_set_text(&event->values, FIELD_outcome, SPAN("success"));
	values_set_text(&event->values, FIELD_code, SPAN("SYSCALL"));
	values_set_text(&event->values, FIELD_source, SPAN("audit"));
	values_set_text(&event->values, FIELD_path, SPAN("/home/ann/src/project/build/file-12345.o"));
	values_set_number(&event->values, FIELD_inode, 1234567);
	values_set_number(&event->values, FIELD_device, 0x801);
	values_set_number(&event->values, FIELD_mode, 0100644);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < n; i++) {
		buffer_clear(&line);
		event_json(&line, event, &options);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	print_message("%zu bytes in %.0f ns\n", line.size,
		      ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) /
			      n);
	event_free(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_line),
		cmocka_unit_test(every_field_of_every_kind),
		cmocka_unit_test(bytes_come_back),
		cmocka_unit_test(every_place),
		cmocka_unit_test(addresses),
		cmocka_unit_test(special_members),
		cmocka_unit_test(appends_behind_what_is_there),
		cmocka_unit_test(long_texts),
		cmocka_unit_test(speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
