/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 with a byte in front, as the leaves and nodes of a tree have it, by the processor's own instructions where it
 * has them. */
#ifndef QUIS_SHA256_H
#define QUIS_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE 32
#define SHA256_BLOCK 64
#define SHA256_BLOCKS(len) (((len) + 1 + 9 + SHA256_BLOCK - 1) / SHA256_BLOCK) /* that prefix, bytes and padding fill  \
										*/

/* SHA-256(prefix || bytes): with the SHA extensions four to ten times as fast as libsodium, which does it elsewhere. */
void sha256_prefixed(unsigned char out[HASH_SIZE], unsigned char prefix, const void *bytes, size_t len);
/* SHA-256(bytes), as fast. */
void sha256_of(unsigned char out[HASH_SIZE], const void *bytes, size_t len);
/* Without the processor's instructions, for tests and for comparing. */
void sha256_prefixed_plain(unsigned char out[HASH_SIZE], unsigned char prefix, const void *bytes, size_t len);

/* A message as it is hashed: prefix, bytes, padding, in whole blocks. */
struct sha256_message {
	const unsigned char *bytes;
	size_t len; /* without the padding */
	size_t blocks;
};

/* Puts it together in `room`, of SHA256_BLOCKS(len) blocks. */
struct sha256_message sha256_message(unsigned char *room, unsigned char prefix, const void *bytes, size_t len);
/* Many at once: thirty-two with AVX-512 (where they are about as long), else two with the SHA extensions. */
void sha256_many(unsigned char out[][HASH_SIZE], const struct sha256_message *messages, size_t count);

/* Between sha256.c and sha256_wide.c */
extern const uint32_t sha256_constants[64];
/* Hashes the first few, thirty-two at the most, and returns how many; 0: this processor cannot, or they are too few for
 * it. */
size_t sha256_wide(unsigned char out[][HASH_SIZE], const struct sha256_message *messages, size_t count);

#endif
