/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_FIRST 1024

static uint64_t mix(uint64_t value)
{
	value ^= value >> 32;
	value *= 0xd6e8feb86659fd93ULL;
	value ^= value >> 32;
	value *= 0xd6e8feb86659fd93ULL;
	return value ^ (value >> 32);
}

static uint64_t hash_of(const struct table *table, const void *key)
{
	uint64_t hash = table->seed, word;
	size_t at;

	for (at = 0; at + 8 <= table->key_length; at += 8) {
		memcpy(&word, (const char *)key + at, 8);
		hash = mix(hash ^ word) + 0x9e3779b97f4a7c15ULL;
	}
	return hash;
}

int table_init(struct table *table, size_t key_offset, size_t key_length)
{
	struct table t = {.size = SLOTS_FIRST, .key_offset = key_offset, .key_length = key_length};

	t.slots = calloc(t.size, sizeof(*t.slots));
	if (!t.slots)
		return -ENOMEM;
	if (getrandom(&t.seed, sizeof(t.seed), GRND_NONBLOCK) != sizeof(t.seed))
		t.seed = (uintptr_t)t.slots; /* early boot: the place in memory is random enough for a table */
	*table = t;
	return 0;
}

void table_done(struct table *table)
{
	free(table->slots);
	memset(table, 0, sizeof(*table));
}

static const void *key_of(const struct table *table, const struct node *node)
{
	return (const char *)node + table->key_offset;
}

struct node *table_find(const struct table *table, const void *key)
{
	uint64_t hash = hash_of(table, key);
	struct node *node;

	for (node = table->slots[hash & (table->size - 1)]; node; node = node->next)
		if (node->hash == hash && !memcmp(key_of(table, node), key, table->key_length))
			return node;
	return NULL;
}

static void grow(struct table *table)
{
	size_t size = table->size * 2, i;
	struct node **slots = calloc(size, sizeof(*slots));
	struct node *node, *next;

	if (!slots)
		return;
	for (i = 0; i < table->size; i++) {
		for (node = table->slots[i]; node; node = next) {
			next = node->next;
			node->next = slots[node->hash & (size - 1)];
			slots[node->hash & (size - 1)] = node;
		}
	}
	free(table->slots);
	table->slots = slots;
	table->size = size;
}

void table_add(struct table *table, struct node *node)
{
	struct node **slot;

	if (table->count >= table->size)
		grow(table);
	node->hash = hash_of(table, key_of(table, node));
	slot = &table->slots[node->hash & (table->size - 1)];
	node->next = *slot;
	*slot = node;
	node->before = table->newest;
	node->after = NULL;
	*(table->newest ? &table->newest->after : &table->oldest) = node;
	table->newest = node;
	table->count++;
}

void table_remove(struct table *table, struct node *node)
{
	struct node **at = &table->slots[node->hash & (table->size - 1)];

	while (*at && *at != node)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = node->next;
	*(node->before ? &node->before->after : &table->oldest) = node->after;
	*(node->after ? &node->after->before : &table->newest) = node->before;
	table->count--;
}

void table_each(struct table *table, table_visit visit, void *context)
{
	const struct node *last = table->newest;
	struct node *node = table->oldest, *next;
	bool more = node;

	for (; more; node = next) {
		next = node->after;
		more = node != last;
		visit(node, context);
	}
}
