/* docs/fields.md is what the tables say. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "event/fields_doc.h"
#include "event/schema.h"

static void test_complete(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	char name[128];

	fields_doc(&text);
	assert_int_equal(buffer_error(&text), 0);
	for (unsigned i = 0; i < N_FIELDS; i++) {
		snprintf(name, sizeof(name), "| `%s` |", fields[i].name);
		assert_non_null(strstr(buffer_text(&text), name));
	}
}

static void test_fresh(void **state)
{
	const char *root = getenv("RECORDER_SOURCE_DIR");
	_cleanup_(buffer_release) struct buffer text = { 0 }, checked_in = { 0 };
	char path[4096], part[4096];
	size_t n;
	FILE *file;

	if (!root) {
		print_message("RECORDER_SOURCE_DIR is not set\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/docs/fields.md", root);
	file = fopen(path, "re");
	if (!file)
		fail_msg("%s is missing: run build/recorder help --fields-md > docs/fields.md", path);
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		buffer_append(&checked_in, part, n);
	fclose(file);
	fields_doc(&text);
	if (!span_eq(buffer_span(&text), buffer_span(&checked_in)))
		fail_msg("%s is stale: run build/recorder help --fields-md > docs/fields.md", path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
