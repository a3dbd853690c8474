/* The .def files: unique names and numbers, objects that stand together, look-ups. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "event/schema.h"

static void test_kinds(void **state)
{
	for (unsigned i = 0; i < N_KINDS; i++) {
		struct span category = span_of(categories[kinds[i].category].name);

		assert_int_equal(kind_lookup(category, span_of(kinds[i].action)), i);
		assert_int_equal(kind_by_number(kinds[i].number), i);
		assert_int_equal(kinds[i].number / KINDS_PER_CATEGORY, kinds[i].category);
		assert_true(kinds[i].meaning[0] != 0);
	}
	assert_int_equal(kind_lookup(SPAN("process"), SPAN("nothing")), N_KINDS);
	assert_int_equal(kind_by_number(0xffff), N_KINDS);
	/* What is never let go of (SPEC section 1). */
	assert_int_equal(kinds[KIND_ID(process, exec)].shed, 0);
	assert_int_equal(kinds[KIND_ID(process, exit)].shed, 0);
	for (unsigned i = 0; i < N_KINDS; i++)
		if (kinds[i].category == CATEGORY_security || kinds[i].category == CATEGORY_driver)
			assert_int_equal(kinds[i].shed, 0);
}

static void test_fields(void **state)
{
	for (unsigned i = 0; i < N_FIELDS; i++) {
		char column[FIELD_COLUMN_MAX];

		assert_int_equal(field_lookup(span_of(fields[i].name)), i);
		assert_true(strlen(fields[i].name) < FIELD_COLUMN_MAX - 1);
		assert_int_equal(fields[i].is_context, i < N_CONTEXT_FIELDS);
		assert_true(fields[i].categories != 0);
		field_column((enum field)i, column);
		assert_null(strchr(column, '.'));
	}
	assert_int_equal(field_lookup(SPAN("proces.path")), FIELD_NONE);
}

/* A name must not be both a value and an object: `network` beside `network.type` has no JSON. */
static void test_no_field_is_an_object(void **state)
{
	for (unsigned i = 0; i < N_FIELDS; i++)
		for (unsigned k = 0; k < N_FIELDS; k++) {
			size_t n = strlen(fields[i].name);

			assert_false(i != k && strncmp(fields[i].name, fields[k].name, n) == 0 &&
				     fields[k].name[n] == '.');
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_no_field_is_an_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
