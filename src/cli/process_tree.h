#pragma once
/* Processes of the history as a tree. */

#include "event/context.h"
#include "sink/history.h"

struct tree_node {
	uint64_t entity_id;
	struct context *context;	/* of its newest image; a reference */
	uint64_t start_ns, end_ns;	/* 0: unknown / not known to have ended */
	int32_t exit_code;		/* -1: unknown */
	uint32_t n_images;
	uint32_t parent, first_child, next_sibling;	/* numbers of nodes; TREE_NONE */
};
#define TREE_NONE UINT32_MAX

struct process_tree;
int process_tree_new(struct process_tree **ret);
struct process_tree *process_tree_free(struct process_tree *tree);
DEFINE_CLEANUP(struct process_tree, process_tree_free)
/* In the order of the history: a later image of a process replaces an earlier one.  -ENOMEM. */
int process_tree_add(struct process_tree *tree, const struct history_process *process);
/* Links parents and children, children in the order of their start.  at_ns: only what ran then; 0: all. */
int process_tree_link(struct process_tree *tree, uint64_t at_ns);
size_t process_tree_size(const struct process_tree *tree);
const struct tree_node *process_tree_node(const struct process_tree *tree, uint32_t number);
/* First of the processes without a parent; further ones by next_sibling. */
uint32_t process_tree_roots(const struct process_tree *tree);
