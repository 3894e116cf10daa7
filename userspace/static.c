/* SPDX-License-Identifier: BSD-2-Clause */
/* What the static programs alone need; see `make static`. */
#include <search.h>
#include <stddef.h>

typedef int compare_function(const void *, const void *);

/*
 * Debian 13's libelf.a (elfutils 0.192) calls these four and does not hold them: they lie in a libeu.a that no package has. The tree
 * begins with its root (lib/eu-search.h there); the lock behind it is not needed, since one thread alone uses libelf.
 */
struct search_tree {
	void *root;
};

void eu_search_tree_init(struct search_tree *tree);
void eu_search_tree_fini(struct search_tree *tree, void (*free_node)(void *));
void *eu_tsearch(const void *key, struct search_tree *tree, compare_function *compare);
void *eu_tdelete(const void *key, struct search_tree *tree, compare_function *compare);

__attribute__((weak)) void eu_search_tree_init(struct search_tree *tree)
{
	tree->root = NULL;
}

__attribute__((weak)) void eu_search_tree_fini(struct search_tree *tree, void (*free_node)(void *))
{
	tdestroy(tree->root, free_node);
}

__attribute__((weak)) void *eu_tsearch(const void *key, struct search_tree *tree, compare_function *compare)
{
	return tsearch(key, &tree->root, compare);
}

__attribute__((weak)) void *eu_tdelete(const void *key, struct search_tree *tree, compare_function *compare)
{
	return tdelete(key, &tree->root, compare);
}
