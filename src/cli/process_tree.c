/* Images of processes come from the history one by one; a process is all images with one entity id. Its
 * parent is the process its context names, whether or not the history holds an image of that one. Links are
 * numbers of nodes, since the array of nodes moves as it grows. */

#include <errno.h>

#include "cli/process_tree.h"

struct process_tree {
	struct tree_node *nodes;
	size_t n_nodes, capacity;
	uint32_t *table;		/* hash table of numbers + 1 by entity id */
	size_t table_size;
	uint32_t roots;
};

int process_tree_new(struct process_tree **ret)
{
	struct process_tree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		return -ENOMEM;
	tree->roots = TREE_NONE;
	*ret = tree;
	return 0;
}

struct process_tree *process_tree_free(struct process_tree *tree)
{
	if (!tree)
		return NULL;
	for (size_t i = 0; i < tree->n_nodes; i++)
		context_unref(tree->nodes[i].context);
	free(tree->nodes);
	free(tree->table);
	free(tree);
	return NULL;
}

size_t process_tree_size(const struct process_tree *tree)
{
	return tree->n_nodes;
}

const struct tree_node *process_tree_node(const struct process_tree *tree, uint32_t number)
{
	return &tree->nodes[number];
}

uint32_t process_tree_roots(const struct process_tree *tree)
{
	return tree->roots;
}

static size_t slot_of(const struct process_tree *tree, uint64_t entity_id)
{
	size_t slot = (size_t)(entity_id * UINT64_C(0x9e3779b97f4a7c15)) & (tree->table_size - 1);

	while (tree->table[slot] && tree->nodes[tree->table[slot] - 1].entity_id != entity_id)
		slot = (slot + 1) & (tree->table_size - 1);
	return slot;
}

static int grow(struct process_tree *tree)
{
	size_t capacity = tree->capacity ? tree->capacity * 2 : 256;
	struct tree_node *nodes;

	if (tree->n_nodes < tree->capacity)
		return 0;
	if (capacity >= TREE_NONE)
		return -E2BIG;
	nodes = reallocarray(tree->nodes, capacity, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	tree->nodes = nodes;
	free(tree->table);
	tree->table = calloc(capacity * 2, sizeof(*tree->table));
	if (!tree->table)
		return -ENOMEM;
	tree->capacity = capacity;
	tree->table_size = capacity * 2;
	for (size_t i = 0; i < tree->n_nodes; i++)
		tree->table[slot_of(tree, tree->nodes[i].entity_id)] = (uint32_t)(i + 1);
	return 0;
}

static int find_or_add(struct process_tree *tree, uint64_t entity_id, struct tree_node **ret)
{
	size_t slot;
	int r = grow(tree);

	if (r < 0)
		return r;
	slot = slot_of(tree, entity_id);
	if (!tree->table[slot]) {
		tree->nodes[tree->n_nodes] = (struct tree_node){ .entity_id = entity_id,
								 .exit_code = -1,
								 .parent = TREE_NONE,
								 .first_child = TREE_NONE,
								 .next_sibling = TREE_NONE };
		tree->table[slot] = (uint32_t)++tree->n_nodes;
	}
	*ret = &tree->nodes[tree->table[slot] - 1];
	return 0;
}

static void set_context(struct tree_node *node, struct context *context)
{
	context_unref(node->context);
	node->context = context_ref(context);
	if (values_has(&context->values, FIELD_start))
		node->start_ns = context->start;
}

int process_tree_add(struct process_tree *tree, const struct history_process *process)
{
	struct tree_node *node;
	int r;

	if (!values_has(&process->context->values, FIELD_entity_id))
		return 0;
	r = find_or_add(tree, process->context->entity_id, &node);
	if (r < 0)
		return r;
	set_context(node, process->context);
	node->n_images++;
	if (process->end_ns && !process->replaced)
		node->end_ns = process->end_ns;
	if (process->exit_code >= 0)
		node->exit_code = process->exit_code;
	/* Ancestors of which the history has no image of their own. */
	for (struct context *c = process->context->parent; c; c = c->parent) {
		if (!values_has(&c->values, FIELD_entity_id))
			continue;
		r = find_or_add(tree, c->entity_id, &node);
		if (r < 0)
			return r;
		if (node->context)
			break;
		set_context(node, c);
	}
	return 0;
}

static bool ran_at(const struct tree_node *node, uint64_t at_ns)
{
	return at_ns == 0 || ((node->start_ns == 0 || node->start_ns <= at_ns) &&
			      (node->end_ns == 0 || node->end_ns > at_ns));
}

/* The nearest ancestor that is shown. */
static uint32_t find_parent(const struct process_tree *tree, const struct tree_node *node, uint64_t at_ns)
{
	for (const struct context *c = node->context->parent; c; c = c->parent) {
		size_t slot;

		if (!values_has(&c->values, FIELD_entity_id) || c->entity_id == node->entity_id)
			continue;
		slot = slot_of(tree, c->entity_id);
		if (tree->table[slot] && ran_at(&tree->nodes[tree->table[slot] - 1], at_ns))
			return tree->table[slot] - 1;
	}
	return TREE_NONE;
}

/* A damaged history may name a process its own ancestor: the link that closes a circle is left out. */
static bool is_below(const struct process_tree *tree, uint32_t number, uint32_t ancestor)
{
	for (size_t steps = 0; number != TREE_NONE && steps <= tree->n_nodes; steps++) {
		if (number == ancestor)
			return true;
		number = tree->nodes[number].parent;
	}
	return false;
}

struct by_start {
	uint64_t start_ns;
	uint32_t number;
};

static int compare_starts(const void *a, const void *b)
{
	const struct by_start *x = a, *y = b;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

int process_tree_link(struct process_tree *tree, uint64_t at_ns)
{
	_cleanup_(freep) struct by_start *order = calloc(MAX(tree->n_nodes, 1u), sizeof(*order));
	size_t n = 0;

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < tree->n_nodes; i++) {
		struct tree_node *node = &tree->nodes[i];

		if (!node->context || !ran_at(node, at_ns))
			continue;
		order[n++] = (struct by_start){ node->start_ns, i };
		node->parent = find_parent(tree, node, at_ns);
		if (node->parent != TREE_NONE && is_below(tree, node->parent, i))
			node->parent = TREE_NONE;
	}
	qsort(order, n, sizeof(*order), compare_starts);
	/* From the last: each goes in front of its siblings. */
	for (size_t i = n; i > 0; i--) {
		struct tree_node *node = &tree->nodes[order[i - 1].number];
		uint32_t *first = node->parent == TREE_NONE ? &tree->roots
							    : &tree->nodes[node->parent].first_child;

		node->next_sibling = *first;
		*first = order[i - 1].number;
	}
	return 0;
}
