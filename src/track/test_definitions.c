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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_toucher),
		cmocka_unit_test(test_of_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
