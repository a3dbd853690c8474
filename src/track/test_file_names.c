#include "track/file_names.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define ID(n) ((struct file_key){ 0x801, (n), true })

static void assert_name(const struct file_names *names, struct file_key key, uint64_t time_ns, uint64_t max_age_ns, const char *expected)
{
	struct span found = file_names_find(names, key, time_ns, max_age_ns, NULL);

	assert_true(span_eq(found, span_of(expected)));
}

static void test_the_last_name(void **state)
{
	struct file_names *names;
	uint32_t pid = 0;

	assert_int_equal(file_names_new(&names), 0);
	assert_name(names, ID(7), 100, 50, "");
	assert_int_equal(file_names_learn(names, ID(7), SPAN("/tmp/a"), 11, 100), 0);
	assert_name(names, ID(7), 100, 50, "/tmp/a");
	assert_int_equal(file_names_learn(names, ID(7), SPAN("/tmp/longer"), 12, 110), 0);
	assert_true(span_eq(file_names_find(names, ID(7), 110, 50, &pid), SPAN("/tmp/longer")));
	assert_int_equal(pid, 12);
	/* a while is a while */
	assert_name(names, ID(7), 160, 50, "/tmp/longer");
	assert_name(names, ID(7), 161, 50, "");
	assert_name(names, ID(7), 109, 50, "");
	/* another file, another device */
	assert_name(names, ID(8), 110, 50, "");
	assert_name(names, ((struct file_key){ 0x802, 7, true }), 110, 50, "");
	file_names_forget(names, ID(8), (struct span){ NULL, 0 });
	file_names_forget(names, ID(7), SPAN("/tmp/a"));	/* another name of it */
	assert_name(names, ID(7), 110, 50, "/tmp/longer");
	file_names_forget(names, ID(7), SPAN("/tmp/longer"));
	assert_name(names, ID(7), 110, 50, "");
	assert_int_equal(file_names_learn(names, ID(7), SPAN("/b"), 11, 120), 0);
	assert_name(names, ID(7), 120, 50, "/b");
	file_names_forget(names, ID(7), (struct span){ NULL, 0 });
	assert_name(names, ID(7), 120, 50, "");
	assert_int_equal(file_names_learn(names, ID(7), SPAN("/b"), 11, 120), 0);
	file_names_clear(names);
	assert_name(names, ID(7), 120, 50, "");
	file_names_free(names);
}

static void test_what_is_no_name(void **state)
{
	char much[PATH_MAX];
	struct file_names *names;

	memset(much, 'a', sizeof(much));
	assert_int_equal(file_names_new(&names), 0);
	assert_int_equal(file_names_learn(names, ID(7), (struct span){ much, sizeof(much) }, 1, 1), 0);
	assert_int_equal(file_names_learn(names, ID(7), SPAN(""), 1, 1), 0);
	assert_int_equal(file_names_learn(names, (struct file_key){ 0, 7, false }, SPAN("/a"), 1, 1), 0);
	assert_name(names, ID(7), 1, 10, "");
	assert_name(names, (struct file_key){ 0, 7, false }, 1, 10, "");
	assert_int_equal(file_names_learn(names, ID(7), (struct span){ much, sizeof(much) - 1 }, 1, 1), 0);
	assert_int_equal(file_names_find(names, ID(7), 1, 10, NULL).size, sizeof(much) - 1);
	file_names_free(names);
}

/* More than there is room for: what is known is right. */
static void test_many(void **state)
{
	struct file_names *names;
	unsigned n_known = 0;

	assert_int_equal(file_names_new(&names), 0);
	for (unsigned pass = 0; pass < 2; pass++)
		for (uint64_t i = 1; i <= 20000; i++) {
			char path[32];
			struct span found;

			snprintf(path, sizeof(path), "/srv/file%llu", (unsigned long long)i);
			found = file_names_find(names, ID(i), 1, 10, NULL);
			if (pass == 1 && found.size > 0) {
				assert_true(span_eq(found, span_of(path)));
				n_known++;
			}
			if (pass == 0)
				assert_int_equal(file_names_learn(names, ID(i), span_of(path), 1, 1), 0);
		}
	assert_in_range(n_known, 2000, 4096);
	file_names_free(names);
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
