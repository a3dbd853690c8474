/* Trees of processes from images in any order, broken ones too. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/process_tree.h"

static struct context *image(uint64_t id, uint64_t start, struct context *parent)
{
	struct context *context = context_new();

	assert_non_null(context);
	values_set_number(&context->values, FIELD_entity_id, id);
	values_set_number(&context->values, FIELD_start, start);
	if (parent)
		context_set_parent(context, parent);
	return context;
}

static void add(struct process_tree *tree, struct context *context, uint64_t end_ns)
{
	assert_int_equal(process_tree_add(tree, &(struct history_process){ .context = context,
									   .end_ns = end_ns,
									   .exit_code = end_ns ? 3 : -1 }),
			 0);
}

static const struct tree_node *node(const struct process_tree *tree, uint32_t number)
{
	assert_true(number != TREE_NONE);
	return process_tree_node(tree, number);
}

static void test_tree(void **state)
{
	_cleanup_(process_tree_freep) struct process_tree *tree = NULL;
	struct context *init = image(1, 10, NULL), *shell = image(2, 20, init);
	struct context *late = image(4, 40, shell), *early = image(3, 30, shell), *exec = image(3, 30, shell);
	const struct tree_node *root, *n;

	assert_int_equal(process_tree_new(&tree), 0);
	/* The shell's own image is not in the history, nor init's: they come with their child. */
	add(tree, late, 0);
	add(tree, early, 0);
	add(tree, exec, 50);
	assert_int_equal(process_tree_size(tree), 4);
	assert_int_equal(process_tree_link(tree, 0), 0);
	root = node(tree, process_tree_roots(tree));
	assert_int_equal(root->entity_id, 1);
	assert_int_equal(root->next_sibling, TREE_NONE);
	n = node(tree, root->first_child);
	assert_int_equal(n->entity_id, 2);
	n = node(tree, n->first_child);
	assert_int_equal(n->entity_id, 3);
	assert_int_equal(n->n_images, 2);
	assert_int_equal(n->end_ns, 50);
	assert_int_equal(n->exit_code, 3);
	assert_true(n->context == exec);
	n = node(tree, n->next_sibling);
	assert_int_equal(n->entity_id, 4);
	assert_int_equal(n->next_sibling, TREE_NONE);
	context_unref(late);
	context_unref(early);
	context_unref(exec);
	context_unref(shell);
	context_unref(init);
}

/* What had ended, or had not begun, is left out; its children go to the nearest ancestor that ran. */
static void test_at(void **state)
{
	_cleanup_(process_tree_freep) struct process_tree *tree = NULL;
	struct context *init = image(1, 10, NULL), *shell = image(2, 20, init), *child = image(3, 30, shell);
	struct context *future = image(4, 99, init);
	const struct tree_node *root;

	assert_int_equal(process_tree_new(&tree), 0);
	add(tree, init, 0);
	add(tree, shell, 40);
	add(tree, child, 0);
	add(tree, future, 0);
	assert_int_equal(process_tree_link(tree, 50), 0);
	root = node(tree, process_tree_roots(tree));
	assert_int_equal(root->entity_id, 1);
	assert_int_equal(node(tree, root->first_child)->entity_id, 3);
	assert_int_equal(node(tree, root->first_child)->next_sibling, TREE_NONE);
	context_unref(future);
	context_unref(child);
	context_unref(shell);
	context_unref(init);
}

/* A process that began another program goes on. */
static void test_exec(void **state)
{
	_cleanup_(process_tree_freep) struct process_tree *tree = NULL;
	struct context *before = image(1, 10, NULL), *after = image(1, 10, NULL);

	assert_int_equal(process_tree_new(&tree), 0);
	assert_int_equal(process_tree_add(tree, &(struct history_process){ .context = before, .end_ns = 20, .exit_code = -1,
									   .replaced = true }),
			 0);
	add(tree, after, 0);
	assert_int_equal(process_tree_link(tree, 30), 0);
	assert_int_equal(node(tree, process_tree_roots(tree))->end_ns, 0);
	context_unref(before);
	context_unref(after);
}

/* Two processes that are each other's parent: a damaged history must not hang its reader. */
static void test_circle(void **state)
{
	_cleanup_(process_tree_freep) struct process_tree *tree = NULL;
	struct context *a = image(1, 10, NULL), *b = image(2, 20, NULL);
	struct context *child_of_a = image(2, 20, a), *child_of_b = image(1, 10, b),
		       *self = image(5, 1, child_of_a);
	struct context *own = image(5, 1, self);
	size_t n = 0;

	assert_int_equal(process_tree_new(&tree), 0);
	add(tree, child_of_a, 0);
	add(tree, child_of_b, 0);
	add(tree, own, 0);
	assert_int_equal(process_tree_link(tree, 0), 0);
	for (uint32_t i = process_tree_roots(tree); i != TREE_NONE;
	     i = process_tree_node(tree, i)->next_sibling)
		n++;
	assert_true(n >= 1);
	context_unref(own);
	context_unref(self);
	context_unref(child_of_b);
	context_unref(child_of_a);
	context_unref(b);
	context_unref(a);
}

static void test_many(void **state)
{
	_cleanup_(process_tree_freep) struct process_tree *tree = NULL;
	struct context *parent = image(1, 0, NULL);
	size_t depth = 0;

	assert_int_equal(process_tree_new(&tree), 0);
	add(tree, parent, 0);
	for (uint64_t i = 2; i <= 5000; i++) {
		struct context *child = image(i, i, parent);

		add(tree, child, 0);
		context_unref(parent);
		parent = child;
	}
	context_unref(parent);
	assert_int_equal(process_tree_size(tree), 5000);
	assert_int_equal(process_tree_link(tree, 0), 0);
	for (uint32_t i = process_tree_roots(tree); i != TREE_NONE;
	     i = process_tree_node(tree, i)->first_child)
		depth++;
	assert_int_equal(depth, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree), cmocka_unit_test(test_at), cmocka_unit_test(test_circle),
		cmocka_unit_test(test_many), cmocka_unit_test(test_exec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
