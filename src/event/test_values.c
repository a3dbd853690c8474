/* Fields by number, the arena, lists. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/event.h"

static void test_every_field(void **state)
{
	_cleanup_(event_freep) struct event *event = event_new(KIND_ID(file, write), 5);
	_cleanup_(context_unrefp) struct context *context = context_new();

	for (unsigned i = 0; i < N_FIELDS; i++) {
		struct values *values = i < N_CONTEXT_FIELDS ? &context->values : &event->values;

		assert_false(values_has(values, i));
		assert_null(values_text(values, i).data);
		if (field_type_is_text(fields[i].type))
			values_set_text(values, i, span_of(fields[i].name));
		else
			values_set_number(values, i, i);
	}
	for (unsigned i = 0; i < N_FIELDS; i++) {
		struct values *values = i < N_CONTEXT_FIELDS ? &context->values : &event->values;

		assert_true(values_has(values, i));
		assert_false(values_is_inferred(values, i));
		if (field_type_is_text(fields[i].type))
			assert_true(span_eq(values_text(values, i), span_of(fields[i].name)));
		else
			assert_int_equal(values_number(values, i), fields[i].type == TYPE_BOOL ? 1 : i);
		values_unset(values, i);
		assert_false(values_has(values, i));
	}
}

static void test_numbers(void **state)
{
	_cleanup_(event_freep) struct event *event = event_new(KIND_ID(process, exit), 5);

	values_set_number(&event->values, FIELD_exit_code, (uint64_t)-1);
	assert_int_equal(event->exit_code, -1);
	assert_true((int64_t)values_number(&event->values, FIELD_exit_code) == -1);
	values_set_number(&event->values, FIELD_inode, UINT64_MAX);
	assert_true(values_number(&event->values, FIELD_inode) == UINT64_MAX);
	values_set_number(&event->values, FIELD_target_pid, UINT64_C(0x1ffffffff));
	assert_int_equal(event->target_pid, UINT32_MAX);
}

static void test_large_texts(void **state)
{
	_cleanup_(event_freep) struct event *event = event_new(KIND_ID(file, write), 5);
	char large[5000];

	memset(large, 'x', sizeof(large));
	values_set_text(&event->values, FIELD_path, SPAN("/before"));
	values_set_text(&event->values, FIELD_target_path, (struct span){ large, sizeof(large) });
	assert_true(span_eq(values_text(&event->values, FIELD_path), SPAN("/before")));
	assert_int_equal(values_text(&event->values, FIELD_target_path).size, sizeof(large));
	assert_null(values_new_text(&event->values, FIELD_xattr, UINT32_MAX));
	assert_true(event->values.failed);
}

static void test_list(void **state)
{
	_cleanup_(context_unrefp) struct context *context = context_new();
	struct span rest, item;
	static const char *const want[] = { "a", "", "ccc" };
	unsigned n = 0;

	values_append_list(&context->values, FIELD_args, SPAN("a"));
	values_set_text(&context->values, FIELD_name, SPAN("in between"));
	values_append_list(&context->values, FIELD_args, SPAN(""));
	values_append_list(&context->values, FIELD_args, SPAN("ccc"));
	rest = values_text(&context->values, FIELD_args);
	while (list_next(&rest, &item))
		assert_true(span_eq(item, span_of(want[n++])));
	assert_int_equal(n, 3);
	context_set_command_line(context);
	assert_true(span_eq(values_text(&context->values, FIELD_command_line), SPAN("a  ccc")));
	rest = SPAN("no NUL at the end");
	assert_true(list_next(&rest, &item));
	assert_int_equal(item.size, 17);
	assert_false(list_next(&rest, &item));
}

static void test_copy_and_equal(void **state)
{
	_cleanup_(context_unrefp) struct context *a = context_new(), *b = context_new();

	values_set_text(&a->values, FIELD_tty, SPAN("pts0"));
	values_set_inferred(&a->values, FIELD_tty);
	assert_false(values_equal(&a->values, &b->values, FIELD_tty));
	values_copy(&b->values, &a->values, FIELD_tty);
	assert_true(values_equal(&a->values, &b->values, FIELD_tty));
	assert_true(values_is_inferred(&b->values, FIELD_tty));
	values_unset(&a->values, FIELD_tty);
	values_copy(&b->values, &a->values, FIELD_tty);
	assert_false(values_has(&b->values, FIELD_tty));
	assert_false(values_is_inferred(&b->values, FIELD_tty));
	assert_true(values_equal(&a->values, &b->values, FIELD_tty));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field),  cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_large_texts),  cmocka_unit_test(test_list),
		cmocka_unit_test(test_copy_and_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
