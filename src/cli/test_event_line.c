/* Lines of events, and events that come back from their JSON. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "cli/event_csv.h"
#include "cli/event_line.h"
#include "cli/event_read.h"
#include "event/event_json.h"

static struct event *new_event(uint16_t kind)
{
	static const char args[] = "/tmp/probe-ls\0/etc";
	struct event *event = event_new(kind, UINT64_C(1795343338123456789));
	struct values *values;

	assert_non_null(event);
	event->origin = 0x1201;
	event->context = context_new();
	assert_non_null(event->context);
	values = &event->context->values;
	values_set_number(values, FIELD_pid, 812);
	values_set_text(values, FIELD_name, SPAN("bash"));
	values_set_text(values, FIELD_executable, SPAN("/tmp/probe-ls"));
	values_set_text(values, FIELD_args, (struct span){ args, sizeof(args) });
	values_set_text(values, FIELD_command_line, SPAN("/tmp/probe-ls /etc"));
	values_set_number(values, FIELD_uid, 0);
	values_set_text(values, FIELD_user_name, SPAN("root"));
	values_set_number(values, FIELD_euid, 0);
	values_set_text(values, FIELD_euser_name, SPAN("root"));
	values_set_number(values, FIELD_auid, 1000);
	values_set_text(values, FIELD_auid_name, SPAN("alice"));
	return event;
}

static void print_into(struct buffer *out, const struct event *event, size_t width)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	struct screen screen = { .out = file, .width = width, .utc = true };
	struct event_lines lines;

	event_lines_init(&lines, &screen);
	assert_int_equal(event_line_print(&lines, event), 0);
	event_lines_release(&lines);
	fclose(file);
	buffer_clear(out);
	buffer_append(out, text, size);
	free(text);
}

static void assert_line(const struct event *event, size_t width, const char *expected)
{
	_cleanup_(buffer_release) struct buffer out = { 0 };
	const char *line;

	print_into(&out, event, width);
	line = strchr(buffer_text(&out), '\n');		/* below the day */
	assert_non_null(line);
	assert_string_equal(line + 1, expected);
}

static void test_line(void **state)
{
	_cleanup_(event_freep) struct event *exec = new_event(KIND_ID(process, exec));
	_cleanup_(event_freep) struct event *rename = new_event(KIND_ID(file, rename));
	_cleanup_(event_freep) struct event *connect = new_event(KIND_ID(network, connect));
	_cleanup_(event_freep) struct event *bare = event_new(KIND_ID(process, exit), 1);

	assert_line(exec, SIZE_MAX,
		    "10:28:58.123  alice>root  bash[812]         exec     /tmp/probe-ls /etc\n");
	assert_line(exec, 60, "10:28:58.123  alice>root  bash[812]         exec     /tmp/probe-ls /etc\n");
	values_set_text(&exec->context->values, FIELD_command_line, SPAN("/tmp/probe-ls /etc /usr/share"));
	assert_line(exec, 60, "10:28:58.123  alice>root  bash[812]         exec     /tmp/probe-ls /etc …\n");
	assert_line(exec, 77,
		    "10:28:58.123  alice>root  bash[812]         exec     /tmp/probe-ls /etc /usr…\n");
	values_set_text(&rename->values, FIELD_path, SPAN("/tmp/a\x1b[2Jb"));
	values_set_text(&rename->values, FIELD_target_path, SPAN("/etc/passwd"));
	assert_line(rename, SIZE_MAX,
		    "10:28:58.123  alice>root  bash[812]         rename   /tmp/a\\x1b[2Jb → /etc/passwd\n");
	values_set_text(&connect->values, FIELD_destination_ip, SPAN("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1"));
	values_set_number(&connect->values, FIELD_destination_port, 443);
	values_set_text(&connect->values, FIELD_transport, SPAN("tcp"));
	values_set_text(&connect->values, FIELD_outcome, SPAN("failure"));
	values_set_text(&connect->values, FIELD_error_code, SPAN("ECONNREFUSED"));
	assert_line(connect, SIZE_MAX,
		    "10:28:58.123  alice>root  bash[812]         connect  failed ECONNREFUSED  → "
		    "[fe80::1]:443  tcp\n");
	values_set_number(&bare->values, FIELD_exit_signal, 9);
	assert_line(bare, SIZE_MAX,
		    "00:00:00.000                                exit       killed by SIGKILL\n");
}

/* What it says, of what, and how often. */
static void test_http(void **state)
{
	_cleanup_(event_freep) struct event *request = new_event(KIND_ID(http, headers)), *response = new_event(KIND_ID(http, headers));

	values_set_text(&request->values, FIELD_http_method, SPAN("GET"));
	values_set_text(&request->values, FIELD_http_url, SPAN("http://a.example/\x1b[2J"));
	values_set_text(&request->values, FIELD_direction, SPAN("egress"));
	values_set_text(&request->values, FIELD_destination_ip, SPAN("\xc0\0\2\1"));
	values_set_number(&request->values, FIELD_destination_port, 80);
	assert_line(request, SIZE_MAX,
		    "10:28:58.123  alice>root  bash[812]         http headers  GET http://a.example/\\x1b[2J  → 192.0.2.1:80\n");
	values_set_number(&response->values, FIELD_http_status, 404);
	values_set_text(&response->values, FIELD_direction, SPAN("ingress"));
	values_set_text(&response->values, FIELD_source_ip, SPAN("\xc0\0\2\1"));
	values_set_number(&response->values, FIELD_source_port, 80);
	assert_line(response, SIZE_MAX, "10:28:58.123  alice>root  bash[812]         http headers  status 404  ← 192.0.2.1:80\n");
}

static void test_signal(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(signal, match));
	_cleanup_(event_freep) struct event *bare = event_new(KIND_ID(signal, match), 1);

	values_set_text(&event->values, FIELD_rule_name, SPAN("A secret"));
	values_set_text(&event->values, FIELD_rule_severity, SPAN("high"));
	values_set_text(&event->values, FIELD_signal_event_category, SPAN("file"));
	values_set_text(&event->values, FIELD_signal_event_action, SPAN("rename"));
	values_set_text(&event->values, FIELD_path, SPAN("/a"));
	values_set_text(&event->values, FIELD_target_path, SPAN("/b"));
	values_set_text(&event->values, FIELD_file_type, SPAN("dir"));
	values_set_number(&event->values, FIELD_signal_count, 1);
	assert_line(event, SIZE_MAX,
		    "10:28:58.123  alice>root  bash[812]         signal match  high A secret: rename /a → /b  dir\n");
	values_set_number(&event->values, FIELD_signal_count, 1234);
	values_set_number(&event->values, FIELD_signal_first, 1);
	values_set_number(&event->values, FIELD_signal_last, 2 * NS_PER_SEC + 1);
	assert_line(event, SIZE_MAX,
		    "10:28:58.123  alice>root  bash[812]         signal match  high A secret: rename /a → /b  "
		    "dir × 1,234 within 2.0 s\n");
	/* somebody else's, who knows other kinds */
	values_set_text(&event->values, FIELD_signal_event_action, SPAN("fly"));
	values_unset(&event->values, FIELD_signal_count);
	assert_line(event, SIZE_MAX, "10:28:58.123  alice>root  bash[812]         signal match  high A secret\n");
	values_set_text(&event->values, FIELD_signal_event_category, SPAN("signal"));
	values_set_text(&event->values, FIELD_signal_event_action, SPAN("match"));
	assert_line(event, SIZE_MAX, "10:28:58.123  alice>root  bash[812]         signal match  high A secret\n");
	assert_line(bare, SIZE_MAX, "00:00:00.000                                signal match  \n");
}

/* What a line shows of an event and of the same event read from its JSON. */
static void test_read(void **state)
{
	_cleanup_(buffer_release) struct buffer json = { 0 }, before = { 0 }, after = { 0 };
	const struct event_json_options options = { 0 };

	for (unsigned kind = 0; kind < N_KINDS; kind++) {
		_cleanup_(event_freep) struct event *event = new_event((uint16_t)kind), *again = NULL;
		json_t *object;

		values_set_text(&event->values, FIELD_path, SPAN("/a/\xff\xc3\xbc%"));
		values_set_text(&event->values, FIELD_source_ip, SPAN("\x7f\0\0\1"));
		values_set_number(&event->values, FIELD_source_port, 5353);
		values_set_number(&event->values, FIELD_exit_code, 3);
		values_set_number(&event->values, FIELD_mode, 0644);
		values_set_number(&event->values, FIELD_gap_count, 12345);
		values_set_text(&event->values, FIELD_outcome, SPAN("success"));
		values_append_list(&event->values, FIELD_changes, SPAN("uid=0"));
		values_append_list(&event->values, FIELD_changes, SPAN("euid=0"));
		for (unsigned field = N_CONTEXT_FIELDS; field < N_FIELDS; field++)
			if (!(fields[field].categories >> kinds[kind].category & 1))
				values_unset(&event->values, field);
		buffer_clear(&json);
		event_json(&json, event, &options);
		object = json_loadb(json.data, json.size, 0, NULL);
		assert_non_null(object);
		assert_int_equal(event_read(&again, object), 0);
		json_decref(object);
		assert_int_equal(again->kind, kind);
		assert_true(again->time_ns == event->time_ns && again->origin == event->origin);
		print_into(&before, event, SIZE_MAX);
		print_into(&after, again, SIZE_MAX);
		assert_string_equal(buffer_text(&before), buffer_text(&after));
	}
}

static struct context *new_person(uint32_t pid, struct span executable, struct context *parent)
{
	struct context *context = context_new();

	assert_non_null(context);
	values_set_number(&context->values, FIELD_entity_id, 0xfedcba9876543210 + pid);
	values_set_number(&context->values, FIELD_pid, pid);
	values_set_text(&context->values, FIELD_executable, executable);
	values_set_text(&context->values, FIELD_command_line, executable);
	values_set_text(&context->values, FIELD_user_name, SPAN("m\xfcller"));
	values_set_number(&context->values, FIELD_uid, 1000 + pid);
	context_set_parent(context, parent);
	context_unref(parent);
	return context;
}

/* Filters ask for parents and ancestors. */
static void test_read_ancestry(void **state)
{
	_cleanup_(buffer_release) struct buffer json = { 0 };
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(process, exec)), *again = NULL;
	const struct event_json_options options = { 0 };
	const struct context *a, *b;
	unsigned depth = 0;
	json_t *object;

	values_set_number(&event->context->values, FIELD_ppid, 2);
	event->context->parent = new_person(2, SPAN("/bin/\xff%25"), new_person(1, SPAN("/sbin/init"), NULL));
	event_json(&json, event, &options);
	object = json_loadb(json.data, json.size, 0, NULL);
	assert_int_equal(event_read(&again, object), 0);
	json_decref(object);
	assert_true(values_equal(&event->context->values, &again->context->values, FIELD_ppid));
	for (a = event->context->parent, b = again->context->parent; a && b; a = a->parent, b = b->parent, depth++) {
		assert_true(values_equal(&a->values, &b->values, FIELD_entity_id));
		assert_true(values_equal(&a->values, &b->values, FIELD_pid));
		assert_true(values_equal(&a->values, &b->values, FIELD_executable));
		assert_true(values_equal(&a->values, &b->values, FIELD_user_name));
		assert_true(values_equal(&a->values, &b->values, FIELD_uid));
		assert_int_equal(values_has(&b->values, FIELD_command_line), depth == 0);
	}
	assert_true(!a && !b && depth == 2);
}

static void test_read_refused(void **state)
{
	static const char *const wrong[] = {
		"{}",
		"[]",
		"{\"event\":7}",
		"{\"event\":{\"category\":[\"process\"],\"action\":\"exec\"}}",
		"{\"@timestamp\":\"2026-11-22T10:28:58Z\",\"event\":{\"category\":[\"process\"],\"action\":\"fly\"}}",
		"{\"@timestamp\":\"soon\",\"event\":{\"category\":[\"process\"],\"action\":\"exec\"}}",
	};
	struct event *event = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		json_t *json = json_loads(wrong[i], 0, NULL);

		assert_int_equal(event_read(&event, json), -EINVAL);
		json_decref(json);
	}
	assert_int_equal(event_read(&event, NULL), -EINVAL);
	assert_null(event);
}

static void test_csv(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(file, delete));
	_cleanup_(buffer_release) struct buffer out = { 0 };
	const struct screen screen = { .utc = true };

	values_set_text(&event->context->values, FIELD_command_line, SPAN("sh -c \"rm a, b\"\n"));
	values_set_text(&event->values, FIELD_path, SPAN("/a,b"));
	event_csv(&out, &screen, event);
	assert_non_null(strstr(buffer_text(&out),
			       ",file,delete,,,812,/tmp/probe-ls,\"sh -c \"\"rm a, b\"\"\\n\",root,alice,"
			       "\"/a,b\",\r\n"));
	assert_int_equal(strncmp(buffer_text(&out), "2026-11-22T10:28:58.123456789Z,", 31), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line), cmocka_unit_test(test_http), cmocka_unit_test(test_signal), cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_ancestry), cmocka_unit_test(test_read_refused),
		cmocka_unit_test(test_csv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
