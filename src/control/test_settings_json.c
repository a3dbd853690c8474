/* A setting as JSON: what it is, where it comes from, what it does. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "control/settings_json.h"

static json_t *parse(struct buffer *text)
{
	json_t *json = json_loadb(text->data, text->size, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(json);
	buffer_release(text);
	return json;
}

static const char *text_of(const json_t *setting, const char *name)
{
	return json_string_value(json_object_get(setting, name));
}

static void test_one(void **state)
{
	struct settings settings, in_force;
	struct settings_error error;
	struct buffer text = { 0 };
	json_t *json;

	settings_init(&settings);
	in_force = settings;
	assert_true(setting_set(&settings, SPAN("EbpfRingBufferSizeKB"), SPAN("128"), ORIGIN_FILE, &error) >= 0);
	setting_json(&text, &settings, &in_force, SETTING_EbpfRingBufferSizeKB);
	json = parse(&text);
	assert_string_equal(text_of(json, "name"), "CX.recorder.EbpfRingBufferSizeKB");
	assert_int_equal(json_integer_value(json_object_get(json, "value")), 128);
	assert_int_equal(json_integer_value(json_object_get(json, "default")), 2048);
	assert_int_equal(json_integer_value(json_object_get(json, "in_force")), 2048);
	assert_string_equal(text_of(json, "origin"), "file");
	assert_string_equal(text_of(json, "acts"), "at the next start");
	assert_string_equal(text_of(json, "range"), "64 to 262144 KB");
	json_decref(json);

	setting_json(&text, &settings, NULL, SETTING_EbpfRingBufferSizeKB);
	json = parse(&text);
	assert_null(json_object_get(json, "in_force"));
	json_decref(json);
}

static void test_all(void **state)
{
	struct settings settings;
	struct buffer text = { 0 };
	const json_t *setting;
	json_t *all;
	size_t i;

	settings_init(&settings);
	settings_json(&text, &settings, &settings);
	all = parse(&text);
	assert_int_equal(json_array_size(all), N_SETTINGS);
	json_array_foreach(all, i, setting) {
		assert_string_equal(text_of(setting, "origin"), "default");
		assert_true(json_equal(json_object_get(setting, "value"), json_object_get(setting, "default")));
		assert_null(json_object_get(setting, "in_force"));
		assert_true(strlen(text_of(setting, "effect")) > 10);
		if (strcmp(text_of(setting, "platform"), "windows") == 0)
			assert_string_equal(text_of(setting, "acts"), "not on this platform");
	}
	json_decref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_one), cmocka_unit_test(test_all) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
