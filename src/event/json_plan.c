/* See json_plan.h.  The names become a tree, the tree a list of steps, so that writing is one loop. What
 * does not fit its bounds aborts: the names are the program's own, the first test would meet it. */

#include "event/json_plan.h"

#include <stdlib.h>

struct node {
	struct span name;		  /* of this level */
	uint16_t first, last, next;	  /* children and sibling by place in the tree; 0: none */
	const struct json_member *member; /* NULL: an object */
};

struct tree {
	struct node nodes[JSON_MAX_STEPS]; /* 0: the whole object */
	uint16_t n_nodes;
};

static uint16_t tree_child(struct tree *tree, uint16_t parent, struct span name)
{
	uint16_t i;

	for (i = tree->nodes[parent].first; i; i = tree->nodes[i].next)
		if (span_eq(tree->nodes[i].name, name))
			return i;
	if (tree->n_nodes == JSON_MAX_STEPS)
		abort();
	i = tree->n_nodes++;
	tree->nodes[i] = (struct node){ .name = name };
	if (tree->nodes[parent].last)
		tree->nodes[tree->nodes[parent].last].next = i;
	else
		tree->nodes[parent].first = i;
	tree->nodes[parent].last = i;
	return i;
}

static void tree_insert(struct tree *tree, const struct json_member *member)
{
	const char *name = member->name, *dot;
	uint16_t at = 0;

	while ((dot = strchr(name, '.'))) {
		at = tree_child(tree, at, (struct span){ name, (size_t)(dot - name) });
		if (tree->nodes[at].member)
			abort(); /* a member cannot be an object as well */
		name = dot + 1;
	}
	at = tree_child(tree, at, span_of(name));
	if (tree->nodes[at].first)
		abort();
	if (!tree->nodes[at].member)
		tree->nodes[at].member = member;
}

static struct json_step *plan_step(struct json_plan *plan, enum json_step_kind kind)
{
	struct json_step *step;

	if (plan->n_steps == JSON_MAX_STEPS)
		abort();
	step = &plan->steps[plan->n_steps++];
	*step = (struct json_step){ .kind = kind, .field = FIELD_NONE };
	return step;
}

static void step_set_key(struct json_step *step, struct span name, const char *end)
{
	if (name.size + 4 > JSON_KEY_MAX)
		abort();
	step->key[0] = '"';
	memcpy(step->key + 1, name.data, name.size);
	memcpy(step->key + 1 + name.size, end, strlen(end));
	step->key_size = (uint8_t)(1 + name.size + strlen(end));
}

static void plan_children(struct json_plan *plan, const struct tree *tree, uint16_t parent,
			  struct json_step *object)
{
	for (uint16_t i = tree->nodes[parent].first; i; i = tree->nodes[i].next) {
		const struct node *node = &tree->nodes[i];
		struct json_step *step;

		if (node->member) {
			step = plan_step(plan, STEP_MEMBER);
			step_set_key(step, node->name, "\":");
			step->field = node->member->field;
			step->always = node->member->always;
			step->write = node->member->write;
			if (step->field != FIELD_NONE)
				object->below[step->field / 64] |= UINT64_C(1) << (step->field % 64);
		} else {
			step = plan_step(plan, STEP_OBJECT);
			step_set_key(step, node->name, "\":{");
			plan_children(plan, tree, i, step);
			plan_step(plan, STEP_END)->key_size = step->key_size;
			step->after = (uint16_t)plan->n_steps;
			for (unsigned word = 0; word < FIELD_WORDS; word++)
				object->below[word] |= step->below[word];
		}
		object->always |= step->always;
	}
}

void json_plan_make(struct json_plan *ret, const struct json_member *members, size_t n_members)
{
	struct tree tree = { .n_nodes = 1 };
	struct json_step whole = { 0 };

	for (size_t i = 0; i < n_members; i++)
		tree_insert(&tree, &members[i]);
	ret->n_steps = 0;
	plan_children(ret, &tree, 0, &whole);
}
