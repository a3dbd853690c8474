/* docs/SETTINGS.md is what the table says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "control/settings_doc.h"
#include "control/settings.h"

static void test_complete(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	char name[128];

	settings_doc(&text);
	assert_int_equal(buffer_error(&text), 0);
	for (unsigned i = 0; i < N_SETTINGS; i++) {
		snprintf(name, sizeof(name), "| `%s` |", setting_infos[i].name);
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
	snprintf(path, sizeof(path), "%s/docs/SETTINGS.md", root);
	file = fopen(path, "re");
	if (!file)
		fail_msg("%s is missing: run build/recorder help --settings-md > docs/SETTINGS.md", path);
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		buffer_append(&checked_in, part, n);
	fclose(file);
	settings_doc(&text);
	if (!span_eq(buffer_span(&text), buffer_span(&checked_in)))
		fail_msg("%s is stale: run build/recorder help --settings-md > docs/SETTINGS.md", path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
