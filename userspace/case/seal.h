/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a case is sealed: an RFC 6962 Merkle tree over its lines, and C2SP checkpoints (tlog-checkpoint) as signed notes
 * (signed-note, Ed25519). Formats and claims: FORMATS.md §1, FACTS.md. Hostile input: keys, notes and proofs come from
 * disk.
 */
#ifndef QUIS_SEAL_H
#define QUIS_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "case/sha256.h"

#define NAME_SIZE 256  /* of a key or an origin, with the NUL */
#define NOTE_SIZE 4096 /* of a checkpoint, with the NUL; ours have three lines and one signature */
#define KEY_TEXT_SIZE (NAME_SIZE + 80)

/* ---- files.c: a case is hostile: no link is followed, no FIFO waited for ---- */

int write_whole(int fd, const char *bytes, size_t len); /* 0, or -errno */

/* Replaces a file whole: written beside it, synced, renamed. */
int file_replace(int dir, const char *name, const void *bytes, size_t len);
/* As file_replace(), for what is replaced once a second: the file from before stays beside it, as NAME.new, and is
 * written over the next time, so that none is made and none removed. */
int file_renew(int dir, const char *name, const void *bytes, size_t len);
/* Reads a small file whole (a link is followed only below AT_FDCWD: what a user named); -EFBIG when it is larger. A NUL
 * is put behind it (size counts it). Returns the length. */
ssize_t file_read(int dir, const char *name, char *out, size_t size);

/* ---- tree.c ---- */

/* Only the right edge is kept: the root of each complete subtree, edge[i] over 2^i leaves where bit i of size is set.
 */
struct tree {
	uint64_t size;
	unsigned char edge[64][HASH_SIZE];
};

void tree_leaf(unsigned char out[HASH_SIZE], const void *line, size_t len); /* the line without its newline */
void tree_node(unsigned char out[HASH_SIZE], const unsigned char left[HASH_SIZE], const unsigned char right[HASH_SIZE]);
void tree_add(struct tree *tree, const unsigned char leaf[HASH_SIZE]);
/* As so many times tree_add(), with many hashes at once. */
void tree_add_many(struct tree *tree, const unsigned char leaves[][HASH_SIZE], size_t count);
#define TREE_MANY 128 /* the most that may be added so */
void tree_root(const struct tree *tree, unsigned char out[HASH_SIZE]);

/*
 * The inclusion proof of leaf `index` in the tree of the first `size` leaves, while these go by: begin, each leaf in
 * order, then proof_end() gives the hashes from the leaf up. Memory does not grow.
 */
#define PROOF_MAX 64 /* hashes */
struct proof {
	uint64_t index, size, seen;
	struct tree left;  /* of the leaves before: its edges are the siblings to the left */
	struct tree right; /* of the sibling to the right that is being filled */
	int height;	   /* of that sibling */
	unsigned char after[PROOF_MAX][HASH_SIZE];
	uint64_t have; /* bit i: after[i] is known */
};

void proof_begin(struct proof *proof, uint64_t index, uint64_t size);
void proof_add(struct proof *proof, const unsigned char leaf[HASH_SIZE]);
size_t proof_end(const struct proof *proof, unsigned char hashes[PROOF_MAX][HASH_SIZE]);
/* The root that a proof leads to (RFC 9162 §2.1.3.2); -EBADMSG: the number of hashes does not fit. */
int proof_root(unsigned char root[HASH_SIZE], const unsigned char leaf[HASH_SIZE], uint64_t index, uint64_t size,
	const unsigned char hashes[][HASH_SIZE], size_t count);

/* ---- note.c ---- */

struct note_key {
	char name[NAME_SIZE];
	unsigned char id[4];
	unsigned char public[32];
};

struct note_secret {
	struct note_key key;
	unsigned char secret[64];
};

/* Secrets live in memory of their own, locked, with guard pages, and zeroed by _free (which takes NULL). */
struct note_secret *note_secret_new(void); /* NULL: out of memory */
void note_secret_free(struct note_secret *secret);
/* -EINVAL: the name is empty, too long, or holds a space, '+' or a control character. */
int note_secret_make(struct note_secret *secret, const char *name);
/* PRIVATE+KEY+NAME+HEX_KEYID+BASE64(0x01||seed), as Go's note package has it; at most one newline behind. -EBADMSG:
 * none. */
int note_secret_parse(struct note_secret *secret, const char *text, size_t len);
size_t note_secret_format(
	char out[KEY_TEXT_SIZE], const struct note_secret *secret); /* with a newline; returns the length */
/* NAME+HEX_KEYID+BASE64(0x01||public) */
int note_key_parse(struct note_key *key, const char *text, size_t len);
size_t note_key_format(char out[KEY_TEXT_SIZE], const struct note_key *key); /* without a newline */
bool note_key_equal(const struct note_key *a, const struct note_key *b);

struct checkpoint {
	char origin[NAME_SIZE];
	uint64_t size;
	unsigned char root[HASH_SIZE];
	size_t len;	      /* of note */
	char note[NOTE_SIZE]; /* as it stands, signature and all */
};

/* Makes the signed note; fills `note`. */
void checkpoint_sign(struct checkpoint *checkpoint, const struct note_secret *secret);
/* Takes a note apart without trusting it. -EBADMSG: no checkpoint. */
int checkpoint_parse(struct checkpoint *checkpoint, const char *note, size_t len);
/* 0; -ENOKEY: no signature by this key's name and id; -EBADMSG: one that does not verify. */
int checkpoint_verify(const struct checkpoint *checkpoint, const struct note_key *key);

#endif
