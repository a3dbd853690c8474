#include "track/digests.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SECOND NS_PER_SEC

static void tell(struct digests *digests, uint64_t id, uint64_t time_ns, const char *state, const char *sha256)
{
	struct event *event = event_new(KIND_ID(recorder, hash), time_ns);

	values_set_number(&event->values, FIELD_file_hash_id, id);
	values_set_text(&event->values, FIELD_file_hash_state, span_of(state));
	if (sha256)
		values_set_text(&event->values, FIELD_file_sha256, span_of(sha256));
	assert_int_equal(digests_learn(digests, event), 0);
	event_free(event);
}

static void expect(const struct values *values, enum field field, const char *expected)
{
	struct span text = values_text(values, field);

	assert_int_equal(values_has(values, field), expected != NULL);
	if (expected && !span_eq(text, span_of(expected)))
		fail_msg("%s is %.*s, not %s", fields[field].name, (int)text.size, text.data, expected);
}

static void test_of_a_program(void **state)
{
	struct context *context = context_new();
	struct values *values = &context->values;
	struct digests *digests;
	uint32_t generation;

	assert_int_equal(digests_new(&digests), 0);
	values_set_number(values, FIELD_hash_id, 5);
	/* Nobody hashes: nothing is said. */
	assert_false(digests_know_more(digests, values, &digest_of_program));
	digests_fill(digests, values, &digest_of_program);
	expect(values, FIELD_hash_state, NULL);

	assert_true(digests_want(digests, 5, false, SECOND));
	assert_false(digests_want(digests, 5, false, SECOND));
	assert_true(digests_know_more(digests, values, &digest_of_program));
	digests_fill(digests, values, &digest_of_program);
	expect(values, FIELD_hash_state, "pending");
	expect(values, FIELD_hash_sha256, NULL);
	assert_false(digests_know_more(digests, values, &digest_of_program));

	generation = digests_generation(digests);
	tell(digests, 5, 2 * SECOND, "ok", "abc");
	assert_int_not_equal(digests_generation(digests), generation);
	assert_true(digests_know_more(digests, values, &digest_of_program));
	digests_fill(digests, values, &digest_of_program);
	expect(values, FIELD_hash_state, "ok");
	expect(values, FIELD_hash_sha256, "abc");
	expect(values, FIELD_hash_md5, NULL);
	assert_false(values_is_inferred(values, FIELD_hash_sha256));
	assert_false(digests_know_more(digests, values, &digest_of_program));
	assert_false(digests_want(digests, 5, false, 1000 * SECOND));
	/* Run as a script: what stands in it was not asked for so far. */
	assert_true(digests_want(digests, 5, true, 1000 * SECOND));
	assert_false(digests_want(digests, 5, true, 1001 * SECOND));
	assert_false(digests_want(digests, 5, true, 2000 * SECOND));
	context_unref(context);

	/* As sure as it is that this is the version. */
	context = context_new();
	values_set_number(&context->values, FIELD_hash_id, 5);
	values_set_inferred(&context->values, FIELD_hash_id);
	digests_fill(digests, &context->values, &digest_of_program);
	assert_true(values_is_inferred(&context->values, FIELD_hash_sha256));
	digests_clear(digests);
	assert_true(digests_want(digests, 5, false, SECOND));
	context_unref(context);
	digests_free(digests);
}

static void test_of_a_library(void **state)
{
	struct event *event = event_new(KIND_ID(image, load), SECOND);
	struct digests *digests;

	assert_int_equal(digests_new(&digests), 0);
	values_set_number(&event->values, FIELD_dll_hash_id, 6);
	tell(digests, 6, SECOND, "too_big", NULL);
	digests_fill(digests, &event->values, &digest_of_library);
	expect(&event->values, FIELD_dll_hash_state, "too_big");
	expect(&event->values, FIELD_dll_sha256, NULL);
	event_free(event);
	digests_free(digests);
}

/* The text of a script may be told to whoever asks next. */
static void test_without_its_text(void **state)
{
	struct digests *digests;
	struct event *event;

	assert_int_equal(digests_new(&digests), 0);
	assert_true(digests_want(digests, 5, false, 1));
	event = event_new(KIND_ID(recorder, hash), 2);
	values_set_number(&event->values, FIELD_file_hash_id, 5);
	values_set_text(&event->values, FIELD_file_hash_state, SPAN("ok"));
	values_append_list(&event->values, FIELD_missing, SPAN("file.content"));
	assert_int_equal(digests_learn(digests, event), 0);
	assert_false(digests_want(digests, 5, false, 3));
	assert_true(digests_want(digests, 5, false, 3 + 60 * NS_PER_SEC));
	values_unset(&event->values, FIELD_missing);
	assert_int_equal(digests_learn(digests, event), 0);
	assert_false(digests_want(digests, 5, false, 3 + 600 * NS_PER_SEC));
	event_free(event);
	digests_free(digests);
}

/* What could not be hashed may be later, and what nobody answered is asked again. */
static void test_another_try(void **state)
{
	struct digests *digests;

	assert_int_equal(digests_new(&digests), 0);
	assert_true(digests_want(digests, 7, false, 100 * SECOND));
	tell(digests, 7, 100 * SECOND, "gone", NULL);
	assert_false(digests_want(digests, 7, false, 130 * SECOND));
	assert_true(digests_want(digests, 7, false, 161 * SECOND));
	assert_false(digests_want(digests, 7, false, 162 * SECOND));
	assert_true(digests_want(digests, 8, false, 100 * SECOND));
	assert_false(digests_want(digests, 8, false, 130 * SECOND));
	assert_true(digests_want(digests, 8, false, 161 * SECOND));
	digests_free(digests);
}

/* Those that are met again and again stay. */
static void test_bound(void **state)
{
	struct digests *digests;
	unsigned again = 0;

	assert_int_equal(digests_new(&digests), 0);
	for (uint64_t id = 1; id <= 10 * DIGESTS_MAX; id++) {
		digests_want(digests, id, false, SECOND);
		again += digests_want(digests, 1, false, SECOND);
	}
	assert_int_equal(again, 0);
	assert_true(digests_want(digests, 2, false, SECOND));
	digests_free(digests);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_a_program),
		cmocka_unit_test(test_without_its_text),
		cmocka_unit_test(test_of_a_library),
		cmocka_unit_test(test_another_try),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
