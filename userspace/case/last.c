/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checkpoints/NNNNNN.last: the last line of a segment, which names the next key, and the proof that it is the last leaf
 * under the segment's checkpoint: a C2SP tlog-proof with the line as its extra data. From it the chain of keys and the
 * tree go on where the segment itself was removed because it was old: what proves the last leaf is the right edge of
 * the tree.
 */
#include "case/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char head[] = "c2sp.org/tlog-proof@v1\nextra ";

void last_name(char out[SEGMENT_NAME], uint32_t number)
{
	snprintf(out, SEGMENT_NAME, "%s/%06u.last", seals_directory, number);
}

/* The siblings of the last leaf all lie to its left: the edges of the tree without it, which tree_add() leaves in their
 * places. */
size_t last_format(
	char out[LAST_SIZE], const char *line, size_t len, const struct tree *tree, const struct checkpoint *checkpoint)
{
	char text[4 * ((HASH_SIZE + 2) / 3) + 1];
	size_t at;
	int height;

	if (len > LAST_LINE)
		return 0;
	at = snprintf(out, LAST_SIZE, "%s", head);
	at += text_base64(out + at, line, len);
	at += snprintf(out + at, LAST_SIZE - at, "\nindex %" PRIu64 "\n", tree->size - 1);
	for (height = 0; height < 64; height++) {
		if (!((tree->size - 1) >> height & 1))
			continue;
		text_base64(text, tree->edge[height], HASH_SIZE);
		at += snprintf(out + at, LAST_SIZE - at, "%s\n", text);
	}
	return at + snprintf(out + at, LAST_SIZE - at, "\n%s", checkpoint->note);
}

static bool decode(unsigned char *out, size_t size, const char *text, size_t len, size_t *ret_len)
{
	const char *end;

	return !sodium_base642bin(out, size, text, len, NULL, ret_len, &end, sodium_base64_VARIANT_ORIGINAL) &&
	       end == text + len;
}

static const char *take_edges(const char *at, struct tree *tree)
{
	uint64_t size = tree->size;
	size_t got;
	int height;

	for (height = 0; height < 64; height++) {
		if (!(size >> height & 1))
			continue;
		if (strcspn(at, "\n") != 44 || !decode(tree->edge[height], HASH_SIZE, at, 44, &got) || got != HASH_SIZE)
			return NULL;
		at += 45;
	}
	return at;
}

int last_parse(
	const char *text, char line[LAST_LINE + 1], size_t *ret_len, struct tree *tree, struct checkpoint *checkpoint)
{
	unsigned char leaf[HASH_SIZE], root[HASH_SIZE];
	const char *at = text + sizeof(head) - 1;
	char *end;
	size_t len;

	if (strncmp(text, head, sizeof(head) - 1) ||
		!decode((unsigned char *)line, LAST_LINE, at, strcspn(at, "\n"), &len))
		return -EBADMSG;
	line[len] = '\0';
	at += strcspn(at, "\n");
	if (strncmp(at, "\nindex ", 7) || at[7] < '0' || at[7] > '9')
		return -EBADMSG;
	memset(tree, 0, sizeof(*tree));
	tree->size = strtoull(at + 7, &end, 10);
	if (*end != '\n' || tree->size >= INT64_MAX)
		return -EBADMSG;
	at = take_edges(end + 1, tree);
	if (!at || *at != '\n' || checkpoint_parse(checkpoint, at + 1, strlen(at + 1)))
		return -EBADMSG;
	tree_leaf(leaf, line, len);
	tree_add(tree, leaf);
	tree_root(tree, root);
	if (tree->size != checkpoint->size || memcmp(root, checkpoint->root, HASH_SIZE))
		return -EBADMSG;
	*ret_len = len;
	return 0;
}
