/* Shared contexts: references, chains, the id of a process. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/context.h"

static void test_chain_is_freed(void **state)
{
	struct context *child = context_new();

	/* The leak checker is the judge: a chain of parents goes with its last child. */
	for (unsigned i = 0; i < 50; i++) {
		struct context *next = context_new();

		context_set_parent(next, child);
		context_unref(child);
		child = next;
	}
	assert_int_equal(child->depth, 50);
	assert_null(context_unref(child));
	assert_null(context_unref(NULL));
}

static void test_depth_is_bounded(void **state)
{
	struct context *child = context_new();
	unsigned length = 0;

	for (unsigned i = 0; i < 100000; i++) {
		struct context *next = context_new();

		context_set_parent(next, child);
		context_unref(child);
		child = next;
		assert_true(child->depth <= CONTEXT_MAX_DEPTH);
	}
	for (struct context *c = child; c; c = c->parent)
		length++;
	assert_true(length <= CONTEXT_MAX_DEPTH + 1);
	assert_true(child->ancestry_cut);
	context_unref(child);
}

static void test_copy(void **state)
{
	struct context *parent = context_new(), *a = context_new(), *b;

	context_set_parent(a, parent);
	a->row = 7;
	values_set_number(&a->values, FIELD_pid, 42);
	values_set_text(&a->values, FIELD_executable, SPAN("/bin/ls"));
	b = context_copy(a);
	context_unref(a);
	context_unref(parent);
	assert_int_equal(b->pid, 42);
	assert_int_equal(b->row, 0);
	assert_ptr_equal(b->parent, parent);
	assert_true(span_eq(values_text(&b->values, FIELD_executable), SPAN("/bin/ls")));
	context_reset(b);
	assert_null(b->parent);
	assert_false(values_has(&b->values, FIELD_pid));
	context_unref(b);
}

static void test_entity_id(void **state)
{
	static const struct span boot = SPAN("b0a1c2d3-0000-4000-8000-123456789abc");
	uint64_t id = context_entity_id(boot, 4711, 815);

	/* It is stored: it must never change. */
	assert_int_equal(id, UINT64_C(0x41bc98decae1d6dc));
	assert_true(id != context_entity_id(boot, 4712, 815));
	assert_true(id != context_entity_id(boot, 4711, 816));
	assert_true(id != context_entity_id(SPAN("other"), 4711, 815));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain_is_freed),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_entity_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
