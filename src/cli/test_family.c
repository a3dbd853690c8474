/* Families, and the names of processes. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/family.h"

static struct context *child(struct context *parent, uint64_t id)
{
	struct context *context = context_new();

	assert_non_null(context);
	values_set_number(&context->values, FIELD_entity_id, id);
	context_set_parent(context, parent);
	return context;
}

static void add(struct family *family, const struct context *context)
{
	assert_int_equal(family_add(family, context), 0);
}

static void test_descendants(void **state)
{
	_cleanup_(family_freep) struct family *family = NULL;
	struct context *init = child(NULL, 1), *shell = child(init, 2), *make = child(shell, 3), *cc = child(make, 4);
	struct context *other = child(init, 5), *late = child(cc, 6), *nameless = context_new();

	assert_int_equal(family_new(&family), 0);
	assert_false(family_has(family, shell));
	assert_int_equal(family_add_id(family, 2), 0);
	add(family, init);
	add(family, shell);
	add(family, cc);		/* also if the history has nothing of the process between */
	add(family, other);
	assert_int_equal(family_size(family), 2);
	assert_true(family_has(family, shell) && family_has(family, make) && family_has(family, cc));
	assert_true(family_has(family, late));
	assert_false(family_has(family, init) || family_has(family, other) || family_has(family, NULL));
	assert_non_null(nameless);
	assert_false(family_has(family, nameless));
	context_set_parent(nameless, cc);
	assert_true(family_has(family, nameless));
	add(family, nameless);
	assert_int_equal(family_size(family), 2);
	context_unref(init);
	context_unref(shell);
	context_unref(make);
	context_unref(cc);
	context_unref(other);
	context_unref(late);
	context_unref(nameless);
}

/* A line of ancestors that is longer than a context can tell. */
static void test_deep(void **state)
{
	enum { DEPTH = 5 * CONTEXT_MAX_DEPTH };
	_cleanup_(family_freep) struct family *family = NULL;
	struct context *line = child(NULL, 0), *stranger = child(NULL, DEPTH + 1);

	assert_int_equal(family_new(&family), 0);
	assert_int_equal(family_add_id(family, 0), 0);
	for (uint64_t id = 1; id <= DEPTH; id++) {
		struct context *next = child(line, id);

		context_unref(line);
		line = next;
		add(family, line);
		add(family, line);	/* another image of it */
	}
	assert_int_equal(family_size(family), DEPTH + 1);
	assert_true(family_has(family, line));
	assert_false(family_has(family, stranger));
	context_unref(line);
	context_unref(stranger);
}

static void test_names(void **state)
{
	struct process_name name;
	struct context *context = child(NULL, UINT64_C(0xfedcba9876543210));

	assert_int_equal(process_name_parse("812", &name), 0);
	assert_true(name.is_pid && name.number == 812);
	assert_false(process_name_is(&name, context));
	values_set_number(&context->values, FIELD_pid, 812);
	assert_true(process_name_is(&name, context));
	assert_int_equal(process_name_parse("fedcba9876543210", &name), 0);
	assert_true(process_name_is(&name, context));
	assert_int_equal(process_name_parse("1111111111111111", &name), 0);
	assert_false(name.is_pid || process_name_is(&name, context));
	assert_int_equal(process_name_parse("", &name), -EINVAL);
	assert_int_equal(process_name_parse("bash", &name), -EINVAL);
	assert_int_equal(process_name_parse("fedcba987654321g", &name), -EINVAL);
	assert_int_equal(process_name_parse("fedcba98765432100", &name), -EINVAL);
	context_unref(context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descendants),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
