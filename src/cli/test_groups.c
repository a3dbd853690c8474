/* What is counted of an event, and how the groups are printed. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/groups.h"
#include "filter/field_name.h"

#define NOON UINT64_C(1700000000000000000)	/* 2023-11-14T22:13:20Z */

static struct groups *new_groups(const char *list)
{
	struct filter_error error = { "" };
	struct groups *groups = NULL;

	assert_int_equal(groups_new(&groups, list, &error), 0);
	return groups;
}

static struct event *new_event(uint16_t kind, const char *executable, uint64_t after_ns)
{
	struct event *event = event_new(kind, NOON + after_ns);

	assert_non_null(event);
	event->context = context_new();
	assert_non_null(event->context);
	if (executable)
		values_set_text(&event->context->values, FIELD_executable, span_of(executable));
	return event;
}

static void add(struct groups *groups, struct event *event)
{
	assert_int_equal(groups_add(groups, event), 0);
	event_free(event);
}

/* What is printed, with the notes behind it. */
static void assert_printed(struct groups *groups, enum groups_format format, size_t limit, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	const struct screen screen = { .out = file, .width = SIZE_MAX, .utc = true };

	assert_non_null(file);
	assert_int_equal(groups_print(groups, &screen, format, limit, file), 0);
	fclose(file);
	assert_string_equal(text, expected);
	free(text);
}

static void test_json(void **state)
{
	_cleanup_(groups_freep) struct groups *groups = new_groups("process.path");

	add(groups, new_event(KIND_ID(process, exec), "/bin/b\xff", 3));
	add(groups, new_event(KIND_ID(process, exec), "/bin/a", 0));
	add(groups, new_event(KIND_ID(process, exec), NULL, 1));
	add(groups, new_event(KIND_ID(process, exec), "/bin/a", 2));
	assert_printed(groups, GROUPS_JSON, 0,
		       "{\"process.path\":\"/bin/a\",\"count\":2,\"count_max\":2,\"share\":50.00,"
		       "\"first\":\"2023-11-14T22:13:20.000000000Z\",\"last\":\"2023-11-14T22:13:20.000000002Z\"}\n"
		       "{\"process.path\":\"/bin/b%FF\",\"count\":1,\"count_max\":1,\"share\":25.00,"
		       "\"first\":\"2023-11-14T22:13:20.000000003Z\",\"last\":\"2023-11-14T22:13:20.000000003Z\","
		       "\"escaped\":[\"process.path\"]}\n"
		       "{\"process.path\":null,\"count\":1,\"count_max\":1,\"share\":25.00,"
		       "\"first\":\"2023-11-14T22:13:20.000000001Z\",\"last\":\"2023-11-14T22:13:20.000000001Z\"}\n"
		       "{\"kind\":\"others\",\"events\":4,\"values\":0,\"count\":0,\"more_values\":false,\"count_max\":0,"
		       "\"too_long\":0,\"cut\":0}\n");
}

static void test_csv(void **state)
{
	_cleanup_(groups_freep) struct groups *groups = new_groups("process.path,event.action");

	add(groups, new_event(KIND_ID(process, exec), "/a,\"b\"", 0));
	add(groups, new_event(KIND_ID(process, exec), "/a,\"b\"", 0));
	add(groups, new_event(KIND_ID(process, exit), NULL, 0));
	assert_printed(groups, GROUPS_CSV, 1,
		       "process.path,event.action,count,count_max,share,first,last\r\n"
		       "\"/a,\"\"b\"\"\",exec,2,2,66.67,2023-11-14T22:13:20.000000000Z,2023-11-14T22:13:20.000000000Z\r\n"
		       "3 events that can have process.path and event.action, 2 values.\n");
}

static void test_table(void **state)
{
	_cleanup_(groups_freep) struct groups *groups = new_groups("process.path"), *none = new_groups("process.path");

	add(groups, new_event(KIND_ID(process, exec), "/bin/a\033", 0));
	add(groups, new_event(KIND_ID(process, exec), "/bin/a\033", NS_PER_SEC));
	add(groups, new_event(KIND_ID(process, exec), NULL, 0));
	add(groups, new_event(KIND_ID(process, exec), NULL, 0));
	add(groups, new_event(KIND_ID(process, exec), NULL, 24 * 3600 * NS_PER_SEC));
	add(groups, new_event(KIND_ID(process, exec), "/bin/c", 0));
	assert_printed(groups, GROUPS_TABLE, 2,
		       "EVENTS   SHARE  FIRST                    LAST                     process.path\n"
		       "     3  50.0 %  2023-11-14 22:13:20.000  2023-11-15 22:13:20.000  (unknown)\n"
		       "     2  33.3 %  2023-11-14 22:13:20.000  22:13:21.000             /bin/a\\x1b\n"
		       "     1  16.7 %                                                    (others, 1)\n"
		       "\n"
		       "6 events that can have process.path, 3 values.\n");
	assert_printed(none, GROUPS_TABLE, 20, "0 events that can have process.path, 0 values.\n");
}

/* Each value once: of a list its items, of the ancestry each ancestor. */
static void test_several_values(void **state)
{
	static const char answers[] = "10.0.0.1\0" "10.0.0.2\0" "10.0.0.1";
	_cleanup_(groups_freep) struct groups *by_list = new_groups("dns.resolved_ip"), *by_both = new_groups("process.ancestry_path,process.pid");
	struct event *event = new_event(KIND_ID(dns, query), "/bin/c", 0);
	struct context *grand = context_new(), *parent = context_new();

	assert_true(grand && parent);
	values_set_text(&event->values, FIELD_dns_resolved_ip, (struct span){ answers, sizeof(answers) });
	values_set_number(&event->context->values, FIELD_pid, 7);
	values_set_text(&grand->values, FIELD_executable, SPAN("/bin/sh"));
	values_set_text(&parent->values, FIELD_executable, SPAN("/bin/sh"));
	context_set_parent(parent, grand);
	context_set_parent(event->context, parent);
	context_unref(grand);
	context_unref(parent);
	assert_int_equal(groups_add(by_list, event), 0);
	add(by_both, event);
	assert_printed(by_list, GROUPS_CSV, 0,
		       "dns.resolved_ip,count,count_max,share,first,last\r\n"
		       "10.0.0.1,1,1,100.00,2023-11-14T22:13:20.000000000Z,2023-11-14T22:13:20.000000000Z\r\n"
		       "10.0.0.2,1,1,100.00,2023-11-14T22:13:20.000000000Z,2023-11-14T22:13:20.000000000Z\r\n"
		       "1 event that can have dns.resolved_ip, 2 values.\n"
		       "An event counts for each of its values: the shares are more than 100 % together.\n");
	assert_printed(by_both, GROUPS_JSON, 0,
		       "{\"process.ancestry_path\":\"/bin/sh\",\"process.pid\":7,\"count\":1,\"count_max\":1,\"share\":100.00,"
		       "\"first\":\"2023-11-14T22:13:20.000000000Z\",\"last\":\"2023-11-14T22:13:20.000000000Z\"}\n"
		       "{\"kind\":\"others\",\"events\":1,\"values\":0,\"count\":0,\"more_values\":false,\"count_max\":0,"
		       "\"too_long\":0,\"cut\":0}\n");
}

static void test_hostile_values(void **state)
{
	_cleanup_(groups_freep) struct groups *by_item = new_groups("process.args"), *by_line = new_groups("process.cmd");
	struct event *event = new_event(KIND_ID(process, exec), "/bin/x", 0);
	_cleanup_(freep) char *line = calloc(1, 200000);

	assert_non_null(line);
	for (unsigned i = 0; i < 100; i++)
		values_append_list(&event->context->values, FIELD_args, (struct span){ (char[]){ 'a', (char)(' ' + i) }, 2 });
	values_set_text(&event->context->values, FIELD_command_line, (struct span){ line, 200000 });
	assert_int_equal(groups_add(by_item, event), 0);
	add(by_line, event);
	assert_printed(by_item, GROUPS_JSON, 1,
		       "{\"process.args\":\"a \",\"count\":1,\"count_max\":1,\"share\":100.00,"
		       "\"first\":\"2023-11-14T22:13:20.000000000Z\",\"last\":\"2023-11-14T22:13:20.000000000Z\"}\n"
		       "{\"kind\":\"others\",\"events\":1,\"values\":63,\"count\":63,\"more_values\":false,\"count_max\":0,"
		       "\"too_long\":0,\"cut\":1}\n");
	assert_printed(by_line, GROUPS_TABLE, 0,
		       "1 event that can have process.cmd, 0 values.\n"
		       "Not counted: values of more than 64 KiB, 1 times.\n");
}

static void test_kinds(void **state)
{
	_cleanup_(groups_freep) struct groups *groups = new_groups("file.path,process.path"), *none = new_groups("file.path,dns.query");
	bool wanted[N_KINDS];

	memset(wanted, 1, sizeof(wanted));
	wanted[KIND_ID(file, read)] = false;
	assert_true(groups_narrow(groups, wanted));
	assert_true(wanted[KIND_ID(file, write)]);
	assert_false(wanted[KIND_ID(file, read)] || wanted[KIND_ID(process, exec)]);
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		wanted[kind] = kinds[kind].category != CATEGORY_signal;	/* has the fields of all */
	assert_false(groups_narrow(none, wanted));
}

static void assert_counts(const char *name)
{
	_cleanup_(groups_freep) struct groups *groups = new_groups(name);
	bool wanted[N_KINDS];

	memset(wanted, 1, sizeof(wanted));
	assert_true(groups_narrow(groups, wanted));
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		if (wanted[kind])
			add(groups, new_event((uint16_t)kind, "/bin/a", kind));
}

/* Whatever a filter may name, and all names of the JSON. */
static void test_every_name(void **state)
{
	const struct field_name *own;

	for (unsigned i = 0; i < N_FIELDS; i++)
		assert_counts(fields[i].name);
	for (size_t i = 0; (own = field_name_own(i)); i++)
		assert_counts(own->name);
	assert_counts("process.parent.user.name");
	assert_counts("process.ancestry.executable");
}

static void assert_refused(const char *list, const char *part)
{
	struct filter_error error = { "" };
	struct groups *groups = NULL;

	assert_int_equal(groups_new(&groups, list, &error), -EINVAL);
	assert_non_null(strstr(error.message, part));
}

static void test_refused(void **state)
{
	assert_refused("process.pth", "did you mean 'process.path'?");
	assert_refused("", "unknown field");
	assert_refused("process.path,", "unknown field");
	assert_refused("process.path,process.pid,user.name", "more than 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_several_values),
		cmocka_unit_test(test_hostile_values),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_every_name),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
