/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash table of nodes that their owners embed; keys are bytes. Grows by doubling, seeded, frees no node itself. */
#ifndef QUIS_RECORD_TABLE_H
#define QUIS_RECORD_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct node {
	struct node *next;
	struct node *before, *after; /* in the order in which they were added */
	uint64_t hash;
};

struct table {
	struct node **slots;
	struct node *oldest, *newest;
	size_t size; /* a power of two */
	size_t count;
	size_t key_offset; /* of the key, from the node */
	size_t key_length;
	uint64_t seed;
};

int table_init(struct table *table, size_t key_offset, size_t key_length); /* -ENOMEM */
void table_done(struct table *table);
struct node *table_find(const struct table *table, const void *key);
/* The key must be in the node already and not in the table. When memory for growing is short the table just gets slower. */
void table_add(struct table *table, struct node *node);
void table_remove(struct table *table, struct node *node);

typedef void (*table_visit)(struct node *node, void *context); /* may remove this node, no other; may add */
/* The oldest first; what is added meanwhile is not visited. */
void table_each(struct table *table, table_visit visit, void *context);

#endif
