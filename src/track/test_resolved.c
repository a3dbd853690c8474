#include "track/resolved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_the_last_name(void **state)
{
	struct resolved *resolved;

	assert_int_equal(resolved_new(&resolved), 0);
	assert_int_equal(resolved_find(resolved, 0, SPAN("192.0.2.1")).size, 0);
	assert_int_equal(resolved_learn(resolved, 0, SPAN("192.0.2.1"), SPAN("a.example")), 0);
	assert_int_equal(resolved_learn(resolved, 0, SPAN("192.0.2.1"), SPAN("b.example")), 0);
	assert_int_equal(resolved_learn(resolved, 0, SPAN("192.0.2.1"), SPAN("b.example")), 0);
	assert_true(span_eq(resolved_find(resolved, 0, SPAN("192.0.2.1")), SPAN("b.example")));
	/* Another host asked for itself. */
	assert_int_equal(resolved_find(resolved, 7, SPAN("192.0.2.1")).size, 0);
	assert_int_equal(resolved_find(resolved, 0, SPAN("192.0.2.10")).size, 0);
	resolved_clear(resolved);
	assert_int_equal(resolved_find(resolved, 0, SPAN("192.0.2.1")).size, 0);
	resolved_free(resolved);
}

static void test_what_is_no_name(void **state)
{
	char much[2000];
	struct resolved *resolved;

	memset(much, 'a', sizeof(much));
	assert_int_equal(resolved_new(&resolved), 0);
	assert_int_equal(resolved_learn(resolved, 0, (struct span){ much, sizeof(much) }, SPAN("a.example")), 0);
	assert_int_equal(resolved_learn(resolved, 0, SPAN("192.0.2.1"), (struct span){ much, sizeof(much) }), 0);
	assert_int_equal(resolved_learn(resolved, 0, SPAN("192.0.2.1"), SPAN("")), 0);
	assert_int_equal(resolved_find(resolved, 0, SPAN("192.0.2.1")).size, 0);
	assert_int_equal(resolved_find(resolved, 0, (struct span){ much, sizeof(much) }).size, 0);
	resolved_free(resolved);
}

/* More than there is room for: what is known is right. */
static void test_many(void **state)
{
	struct resolved *resolved;
	unsigned n_known = 0;

	assert_int_equal(resolved_new(&resolved), 0);
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < 20000; i++) {
			char address[32], name[32];
			struct span found;

			snprintf(address, sizeof(address), "10.%u.%u.1", i / 200, i % 200);
			snprintf(name, sizeof(name), "host%u.example", i);
			found = resolved_find(resolved, 0, span_of(address));
			if (pass == 1 && found.size > 0) {
				assert_true(span_eq(found, span_of(name)));
				n_known++;
			}
			if (pass == 0)
				assert_int_equal(resolved_learn(resolved, 0, span_of(address), span_of(name)), 0);
		}
	assert_in_range(n_known, 2000, 4096);
	resolved_free(resolved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_name),
		cmocka_unit_test(test_what_is_no_name),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
