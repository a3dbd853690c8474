#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "track/definitions.h"

static void test_last_toucher(void **state)
{
	struct context *a = context_new(), *b = context_new();
	struct definitions *definitions;
	char path[64];

	assert_int_equal(definitions_new(&definitions), 0);
	assert_null(definitions_toucher(definitions, SPAN("/etc/cron.d/x")));
	assert_int_equal(definitions_touch(definitions, SPAN("/etc/cron.d/x"), a, 1), 0);
	assert_ptr_equal(definitions_toucher(definitions, SPAN("/etc/cron.d/x")), a);
	assert_int_equal(definitions_touch(definitions, SPAN("/etc/cron.d/x"), b, 1000), 0);
	assert_ptr_equal(definitions_toucher(definitions, SPAN("/etc/cron.d/x")), b);
	assert_null(definitions_toucher(definitions, SPAN("/etc/cron.d/")));
	/* Of more than there is room for the oldest go. */
	for (unsigned i = 0; i < DEFINITIONS_MAX; i++) {
		snprintf(path, sizeof(path), "/etc/cron.d/%u", i);
		assert_int_equal(definitions_touch(definitions, span_of(path), a, 2 + i), 0);
	}
	assert_ptr_equal(definitions_toucher(definitions, SPAN("/etc/cron.d/x")), b);
	assert_null(definitions_toucher(definitions, SPAN("/etc/cron.d/0")));
	assert_ptr_equal(definitions_toucher(definitions, SPAN("/etc/cron.d/1")), a);
	/* Who touched it before, and is told of after, did not touch it last; a clock that was set back says nothing. */
	assert_int_equal(definitions_touch(definitions, SPAN("/etc/cron.d/1"), b, 0), 0);
	assert_ptr_equal(definitions_toucher(definitions, SPAN("/etc/cron.d/1")), a);
	assert_int_equal(definitions_touch(definitions, SPAN("/etc/cron.d/1"), a, 3600 * NS_PER_SEC), 0);
	assert_int_equal(definitions_touch(definitions, SPAN("/etc/cron.d/1"), b, 60 * NS_PER_SEC), 0);
	assert_ptr_equal(definitions_toucher(definitions, SPAN("/etc/cron.d/1")), b);
	definitions_clear(definitions);
	assert_null(definitions_toucher(definitions, SPAN("/etc/cron.d/x")));
	definitions_free(definitions);
	context_unref(a);
	context_unref(b);
}

static int append(void *user, struct span path)
{
	struct buffer *told = user;

	buffer_append_span(told, path);
	buffer_append_byte(told, ' ');
	return 0;
}

static void test_of_events(void **state)
{
	static const struct {
		uint16_t kind;
		const char *path, *target, *told;
	} cases[] = {
		{ KIND_ID(file, create), "/etc/cron.d/x", NULL, "/etc/cron.d/x " },
		{ KIND_ID(file, chmod), "/etc/cron.d/x", NULL, "" },
		{ KIND_ID(file, read), "/etc/cron.d/x", NULL, "" },
		{ KIND_ID(file, create), "/tmp/x", NULL, "" },
		{ KIND_ID(file, rename), "/etc/cron.d/.x", "/etc/cron.d/x", "/etc/cron.d/x " },
		{ KIND_ID(file, rename), "/etc/cron.d/x", "/etc/systemd/system/y.timer", "/etc/cron.d/x /etc/systemd/system/y.timer " },
		{ KIND_ID(file, link), "/etc/cron.d/x", "/etc/cron.d/y", "/etc/cron.d/y " },
		{ KIND_ID(file, rename), "/etc/passwd+", "/etc/passwd", "/etc/passwd " },
		{ KIND_ID(file, rename), "/etc/shadow", "/etc/shadow-", "/etc/shadow " },
		{ KIND_ID(file, write), "/etc/gshadow", NULL, "/etc/gshadow " },
		{ KIND_ID(file, link), "/etc/group.edit", "/etc/group", "/etc/group " },
		{ KIND_ID(file, symlink), "/etc/systemd/system/a.target.wants/y.service", "/etc/cron.d/x",
		  "/etc/systemd/system/a.target.wants/y.service " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event *event = event_new(cases[i].kind, 1);
		struct buffer told = { 0 };

		values_set_text(&event->values, FIELD_path, span_of(cases[i].path));
		if (cases[i].target)
			values_set_text(&event->values, FIELD_target_path, span_of(cases[i].target));
		assert_int_equal(definitions_of(event, append, &told), 0);
		assert_string_equal(buffer_text(&told), cases[i].told);
		buffer_release(&told);
		event_free(event);
	}
}

/* A program that says that it changed an account wrote to its files, whether anybody wants to know that or not. */
static void test_of_accounts(void **state)
{
	static const uint16_t others[] = { KIND_ID(security, sudo), KIND_ID(security, mac_denied), KIND_ID(system, service_start) };
	_cleanup_(event_freep) struct event *event = event_new(KIND_ID(security, user_add), 1);
	struct buffer told = { 0 };

	assert_int_equal(definitions_of(event, append, &told), 0);
	assert_string_equal(buffer_text(&told), "/etc/passwd /etc/shadow /etc/group /etc/gshadow ");
	buffer_clear(&told);
	/* What was found there is no reason to look again. */
	event->is_found = true;
	assert_int_equal(definitions_of(event, append, &told), 0);
	event->is_found = false;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		event->kind = others[i];
		assert_int_equal(definitions_of(event, append, &told), 0);
	}
	assert_int_equal(told.size, 0);
	buffer_release(&told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_toucher),
		cmocka_unit_test(test_of_events),
		cmocka_unit_test(test_of_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
