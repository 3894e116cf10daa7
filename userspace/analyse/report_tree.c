/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case/case.h"

/* The tree: every process below its flagged parent, siblings by their start. */
struct node {
	int64_t id;
	char *entity;
	char *parent;
	char started[TIME_TEXT];
	size_t first_child; /* index + 1 */
	size_t next;
	bool shown;
};

struct tree {
	struct node *nodes;
	size_t count;
	size_t size;
};

struct walk {
	struct report *report;
	report_tree_fn *fn;
	void *context;
	size_t depth;
};

static int pass_on(void *context, const struct report_process *process)
{
	struct walk *walk = context;

	return walk->fn(walk->context, process, walk->depth);
}

static char *copy_text(struct text text)
{
	return strndup(text.bytes ? text.bytes : "", text.len);
}

static int add_node(void *context, const struct report_process *process)
{
	struct tree *tree = context;
	struct node *node;

	if (tree->count == tree->size) {
		size_t size = tree->size ? 2 * tree->size : 64;

		node = realloc(tree->nodes, size * sizeof(*node));
		if (!node)
			return -ENOMEM;
		tree->nodes = node;
		tree->size = size;
	}
	node = &tree->nodes[tree->count];
	*node = (struct node){
		.id = process->id, .entity = copy_text(process->entity), .parent = copy_text(process->parent)};
	if (process->started.bytes)
		snprintf(node->started, sizeof(node->started), "%s", process->started.bytes);
	tree->count++;
	return node->entity && node->parent ? 0 : -ENOMEM;
}

static int by_entity(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->entity, ((const struct node *)b)->entity);
}

static const struct node *nodes_sorted; /* qsort() takes no context */

static int by_start(const void *a, const void *b)
{
	const struct node *left = &nodes_sorted[*(const size_t *)a], *right = &nodes_sorted[*(const size_t *)b];
	int order = strcmp(left->started, right->started);

	return order ? order : (left->id > right->id) - (left->id < right->id);
}

/* Latest first, each put in front of its siblings: so the earliest ends up first. Returns the list of those without a
 * parent. */
static size_t link_nodes(struct tree *tree, const size_t *order)
{
	size_t roots = 0, i;

	for (i = tree->count; i-- > 0;) {
		struct node *node = &tree->nodes[order[i]], *parent;
		struct node wanted = {.entity = node->parent};
		size_t *list;

		parent = *node->parent ? bsearch(&wanted, tree->nodes, tree->count, sizeof(wanted), by_entity) : NULL;
		list = parent && parent != node ? &parent->first_child : &roots;
		node->next = *list;
		*list = order[i] + 1;
	}
	return roots;
}

/* Without recursion: a chain of forks is as deep as the watched product likes. stack holds one list a level. */
static int show_tree(struct walk *walk, struct tree *tree, size_t first, size_t *stack)
{
	size_t depth = 0;
	int err = 0;

	stack[0] = first;
	while (!err) {
		struct node *node;

		if (!stack[depth]) {
			if (!depth--)
				return 0;
			continue;
		}
		node = &tree->nodes[stack[depth] - 1];
		stack[depth] = node->next;
		if (node->shown)
			continue;
		node->shown = true;
		walk->depth = depth;
		err = report_process(walk->report, node->id, pass_on, walk);
		stack[++depth] = node->first_child;
	}
	return err;
}

static int show_processes(struct walk *walk, struct tree *tree)
{
	size_t *order = calloc(tree->count + 1, sizeof(*order)), *stack = calloc(tree->count + 2, sizeof(*stack)), i,
	       roots;
	int err = tree->count ? -ENOMEM : 0;

	if (order && stack && tree->count) {
		qsort(tree->nodes, tree->count, sizeof(*tree->nodes), by_entity);
		for (i = 0; i < tree->count; i++)
			order[i] = i;
		nodes_sorted = tree->nodes;
		qsort(order, tree->count, sizeof(*order), by_start);
		roots = link_nodes(tree, order);
		err = show_tree(walk, tree, roots, stack);
		/* A forged case may hold a ring of parents, which hangs on no root. */
		for (i = 0; !err && i < tree->count; i++)
			if (!tree->nodes[i].shown)
				err = show_tree(walk, tree, i + 1, stack);
	}
	free(order);
	free(stack);
	return err;
}

static void free_tree(struct tree *tree)
{
	size_t i;

	for (i = 0; i < tree->count; i++) {
		free(tree->nodes[i].entity);
		free(tree->nodes[i].parent);
	}
	free(tree->nodes);
}

int report_tree(struct report *report, report_tree_fn *fn, void *context)
{
	struct walk walk = {.report = report, .fn = fn, .context = context};
	struct tree tree = {0};
	int err = report_processes(report, add_node, &tree);

	if (!err)
		err = show_processes(&walk, &tree);
	free_tree(&tree);
	return err;
}
