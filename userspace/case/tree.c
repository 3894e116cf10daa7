/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 6962 §2.1: leaf = SHA-256(0x00 || line), node = SHA-256(0x01 || left || right), the left subtree as large a power
 * of two as fits. */
#include "case/seal.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

void tree_leaf(unsigned char out[HASH_SIZE], const void *line, size_t len)
{
	sha256_prefixed(out, 0, line, len);
}

void tree_node(unsigned char out[HASH_SIZE], const unsigned char left[HASH_SIZE], const unsigned char right[HASH_SIZE])
{
	unsigned char both[2 * HASH_SIZE];

	memcpy(both, left, HASH_SIZE);
	memcpy(both + HASH_SIZE, right, HASH_SIZE);
	sha256_prefixed(out, 1, both, sizeof(both));
}

/* As in adding one to a binary number: each complete subtree of the same height is joined to the new one. */
void tree_add(struct tree *tree, const unsigned char leaf[HASH_SIZE])
{
	unsigned char hash[HASH_SIZE];
	int height;

	memcpy(hash, leaf, HASH_SIZE);
	for (height = 0; tree->size >> height & 1; height++)
		tree_node(hash, tree->edge[height], hash);
	memcpy(tree->edge[height], hash, HASH_SIZE);
	tree->size++;
}

/* Each two to the node above them; out may begin within nodes, or before. */
static void join_pairs(unsigned char out[][HASH_SIZE], unsigned char nodes[][HASH_SIZE], size_t pairs)
{
	unsigned char room[TREE_MANY / 2 + 1][SHA256_BLOCKS(2 * HASH_SIZE) * SHA256_BLOCK];
	struct sha256_message messages[TREE_MANY / 2 + 1];
	size_t i;

	for (i = 0; i < pairs; i++)
		messages[i] = sha256_message(room[i], 1, nodes[2 * i], 2 * HASH_SIZE);
	sha256_many(out, messages, pairs);
}

/* Height by height, with room for one in front: the node that stood alone at this height. What is left at each is what
 * tree_add() would leave: the node that stands alone, or else the one to the left of the last. */
void tree_add_many(struct tree *tree, const unsigned char leaves[][HASH_SIZE], size_t count)
{
	unsigned char room[1 + TREE_MANY][HASH_SIZE], (*nodes)[HASH_SIZE];
	size_t left = count;
	int height;

	memcpy(room[1], leaves, count * HASH_SIZE);
	for (height = 0; left; height++) {
		nodes = room + 1;
		if (tree->size >> height & 1) {
			nodes = room;
			left++;
			memcpy(nodes[0], tree->edge[height], HASH_SIZE);
		}
		memcpy(tree->edge[height], nodes[(left - 1) & ~(size_t)1], HASH_SIZE);
		left /= 2;
		join_pairs(room + 1, nodes, left);
	}
	tree->size += count;
}

void tree_root(const struct tree *tree, unsigned char out[HASH_SIZE])
{
	unsigned char hash[HASH_SIZE];
	int height;

	if (!tree->size) {
		sha256_of(out, NULL, 0);
		return;
	}
	height = __builtin_ctzll(tree->size);
	memcpy(hash, tree->edge[height], HASH_SIZE);
	for (height++; height < 64 && tree->size >> height; height++)
		if (tree->size >> height & 1)
			tree_node(hash, tree->edge[height], hash);
	memcpy(out, hash, HASH_SIZE);
}

/* ---- inclusion proofs ---- */

static int next_right_height(uint64_t index, int from)
{
	while (from < 63 && index >> from & 1)
		from++;
	return from;
}

void proof_begin(struct proof *proof, uint64_t index, uint64_t size)
{
	memset(proof, 0, sizeof(*proof));
	proof->index = index;
	proof->size = size;
	proof->height = next_right_height(index, 0);
}

/* The siblings to the right follow each other without a gap: each ends where the next higher one begins. */
void proof_add(struct proof *proof, const unsigned char leaf[HASH_SIZE])
{
	uint64_t at = proof->seen++;

	if (at >= proof->size || at == proof->index)
		return;
	if (at < proof->index) {
		tree_add(&proof->left, leaf);
		return;
	}
	tree_add(&proof->right, leaf);
	if (proof->right.size != 1ull << proof->height)
		return;
	tree_root(&proof->right, proof->after[proof->height]);
	proof->have |= 1ull << proof->height;
	proof->right.size = 0;
	proof->height = next_right_height(proof->index, proof->height + 1);
}

size_t proof_end(const struct proof *proof, unsigned char hashes[PROOF_MAX][HASH_SIZE])
{
	size_t count = 0;
	int height;

	for (height = 0; height < 64 && (proof->size - 1) >> height; height++) {
		if (proof->index >> height & 1)
			memcpy(hashes[count++], proof->left.edge[height], HASH_SIZE);
		else if (proof->have >> height & 1)
			memcpy(hashes[count++], proof->after[height], HASH_SIZE);
		else if (proof->right.size && proof->height == height)
			tree_root(&proof->right, hashes[count++]);
	}
	return count;
}

int proof_root(unsigned char root[HASH_SIZE], const unsigned char leaf[HASH_SIZE], uint64_t index, uint64_t size,
	const unsigned char hashes[][HASH_SIZE], size_t count)
{
	uint64_t at = index, last = size - 1;
	unsigned char hash[HASH_SIZE];
	size_t i;

	if (index >= size)
		return -EBADMSG;
	memcpy(hash, leaf, HASH_SIZE);
	for (i = 0; i < count; i++) {
		if (!last)
			return -EBADMSG;
		if (at & 1 || at == last) {
			tree_node(hash, hashes[i], hash);
			for (; at && !(at & 1); at >>= 1)
				last >>= 1;
		} else {
			tree_node(hash, hash, hashes[i]);
		}
		at >>= 1;
		last >>= 1;
	}
	if (last)
		return -EBADMSG;
	memcpy(root, hash, HASH_SIZE);
	return 0;
}
