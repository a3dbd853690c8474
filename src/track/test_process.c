#include "track/process.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define S	 NS_PER_SEC
#define MS	 NS_PER_MS
#define GRACE_NS (30 * S)

static struct process_table *new_table(uint32_t max_processes)
{
	struct process_table *table;

	assert_int_equal(process_table_new(&table, max_processes, 64u << 20, GRACE_NS), 0);
	return table;
}

static struct process *add(struct process_table *table, uint32_t pid, uint64_t start_ns)
{
	struct process *process = process_add(table, 0, pid, start_ns);
	struct context *context = context_new();

	assert_non_null(process);
	assert_non_null(context);
	process_set_context(table, process, context);
	return process;
}

static void test_find(void **state)
{
	struct process_table *table = new_table(1000);
	struct process *first, *second, *third;

	assert_null(process_find(table, 0, 7, S));
	first = add(table, 7, 100 * S);
	assert_ptr_equal(process_find(table, 0, 7, 100 * S), first);
	assert_ptr_equal(process_find(table, 0, 7, 500 * S), first);
	assert_ptr_equal(process_find(table, 0, 7, 100 * S - 250 * MS), first);
	assert_null(process_find(table, 0, 7, 100 * S - 251 * MS));
	assert_null(process_find(table, 0, 7 + 65536, 100 * S));
	assert_null(process_find(table, 1, 7, 100 * S)); /* of another host */

	process_end(table, first, 110 * S, true);
	second = add(table, 7, 120 * S);
	process_end(table, second, 130 * S, true);
	third = add(table, 7, 140 * S);
	assert_ptr_equal(process_newest(table, 0, 7), third);
	assert_ptr_equal(process_find(table, 0, 7, 105 * S), first);
	assert_ptr_equal(process_find(table, 0, 7, 125 * S), second);
	assert_ptr_equal(process_find(table, 0, 7, 141 * S), third);
	/* in the slack of `third` and after the end of `second` */
	assert_ptr_equal(process_find(table, 0, 7, 140 * S - 10 * MS), third);
	/* one that comes later but began between them */
	process_remove(table, third);
	third = add(table, 7, 115 * S);
	assert_ptr_equal(process_newest(table, 0, 7), second);
	assert_ptr_equal(process_find(table, 0, 7, 116 * S), third);
	process_table_free(table);
}

static void test_find_without_a_start(void **state)
{
	struct process_table *table = new_table(1000);
	struct process *process = add(table, 7, 100 * S), *older;

	process->start_inferred = true;
	assert_ptr_equal(process_find(table, 0, 7, 90 * S), process);
	older = add(table, 7, 50 * S);
	process_end(table, older, 95 * S, true);
	assert_ptr_equal(process_find(table, 0, 7, 90 * S), older);
	assert_ptr_equal(process_find(table, 0, 7, 97 * S), process);
	process_table_free(table);
}

static void test_order_of_eviction(void **state)
{
	struct process_table *table = new_table(100);
	struct process *used;

	for (uint32_t i = 0; i < 100; i++)
		add(table, i, i * S);
	assert_null(process_add(table, 0, 100, S)); /* never above the bound */
	process_end(table, process_newest(table, 0, 50), 200 * S, true);
	process_end(table, process_newest(table, 0, 40), 201 * S, true);
	process_table_make_room(table, 1);
	assert_null(process_newest(table, 0, 50));
	assert_int_equal(process_table_evicted(table), 0);
	process_table_make_room(table, 2);
	assert_null(process_newest(table, 0, 40));
	assert_int_equal(process_table_evicted(table), 0);
	/* then those that run, but not one that was heard of */
	used = process_newest(table, 0, 0);
	used->used_ns = 300 * S;
	process_table_make_room(table, 5);
	assert_ptr_equal(process_newest(table, 0, 0), used);
	assert_null(process_newest(table, 0, 1));
	assert_int_equal(process_table_evicted(table), 3);
	assert_int_equal(process_table_count(table), 95);
	process_table_make_room(table, 100);
	assert_int_equal(process_table_count(table), 0);
	assert_int_equal(process_table_bytes(table), 0);
	process_table_free(table);
}

static void test_bytes(void **state)
{
	struct process_table *table;
	struct process *process;
	char cwd[4000];

	assert_int_equal(process_table_new(&table, 10000, 1u << 20, GRACE_NS), 0);
	memset(cwd, 'x', sizeof(cwd));
	for (uint32_t i = 0; i < 1000; i++) {
		process_table_make_room(table, 1);
		process = add(table, i, i * S);
		assert_int_equal(process_set_cwd(table, process, (struct span){ cwd, sizeof(cwd) }), 0);
	}
	assert_in_range(process_table_bytes(table), 900u << 10, (1u << 20) + 8192);
	assert_in_range(process_table_count(table), 150, 250);
	process_table_free(table);
}

static void test_family(void **state)
{
	struct process_table *table = new_table(1000);
	struct process *a = add(table, 1, S), *b = add(table, 2, S), *c = add(table, 3, S),
		       *d = add(table, 4, S);

	process_set_parent(b, a);
	process_set_parent(c, a);
	process_set_parent(d, c);
	assert_ptr_equal(a->first_child, c); /* youngest first */
	assert_ptr_equal(c->sibling_next, b);
	process_set_parent(a, d); /* would be a loop */
	assert_null(a->parent);
	process_set_parent(a, a);
	assert_null(a->parent);
	process_set_parent(c, b);
	assert_ptr_equal(a->first_child, b);
	assert_ptr_equal(b->first_child, c);
	assert_null(b->sibling_next);
	/* children of what is forgotten stay */
	process_remove(table, c);
	assert_null(d->parent);
	assert_null(b->first_child);
	process_table_free(table);
}

static void test_revive_and_prune(void **state)
{
	struct process_table *table = new_table(1000);
	struct process *a = add(table, 1, S), *b = add(table, 2, S), *c = add(table, 3, S);

	process_end(table, a, 10 * S, true);
	process_end(table, b, 11 * S, true);
	process_end(table, b, 12 * S, true);
	process_end(table, c, 0, false);
	process_revive(table, a);
	process_revive(table, a);
	b->used_ns = 30 * S;
	process_table_prune(table, 50 * S); /* b was heard of since */
	assert_int_equal(process_table_count(table), 2);
	assert_null(process_newest(table, 0, 3));
	process_table_prune(table, 61 * S);
	assert_int_equal(process_table_count(table), 1);
	assert_ptr_equal(process_newest(table, 0, 1), a);
	process_table_prune(table, UINT64_MAX);
	assert_int_equal(process_table_count(table), 1);
	process_table_free(table);
}

static void test_cwd_and_alternates(void **state)
{
	struct process_table *table = new_table(1000);
	struct process *a = add(table, 1, S);
	struct context *first = a->context, *second = context_new(), *third = context_new();

	assert_int_equal(process_cwd(a).size, 0);
	values_set_text(&a->context->values, FIELD_cwd, SPAN("/a"));
	assert_true(span_eq(process_cwd(a), SPAN("/a")));
	assert_int_equal(process_set_cwd(table, a, SPAN("/a")), 0);
	assert_null(a->cwd);
	assert_int_equal(process_set_cwd(table, a, SPAN("/b")), 0);
	assert_true(span_eq(process_cwd(a), SPAN("/b")));
	assert_int_equal(process_set_cwd(table, a, SPAN("/a")), 0);
	assert_null(a->cwd);

	process_shift_context(table, a, second);
	process_shift_context(table, a, third);
	assert_ptr_equal(a->context, third);
	process_shift_back(table, a, 1);
	assert_ptr_equal(a->context, first);
	assert_ptr_equal(a->alternates[0], second);
	assert_ptr_equal(a->alternates[1], third);
	process_drop_alternates(table, a);
	assert_null(a->alternates[0]);
	process_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_find_without_a_start),
		cmocka_unit_test(test_order_of_eviction),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_family),
		cmocka_unit_test(test_revive_and_prune),
		cmocka_unit_test(test_cwd_and_alternates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
