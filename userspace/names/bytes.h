/* SPDX-License-Identifier: BSD-2-Clause */
/* A bounded reader of hostile bytes: TLS and QUIC have the same numbers and vectors. */
#ifndef QUIS_BYTES_H
#define QUIS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left of something; `bad` once it was asked for more than there is, and then nothing is left. */
struct bytes {
	const uint8_t *at;
	size_t left;
	bool bad;
};

/* So many bytes, which are gone from `b` then; none when there are not as many. */
static inline struct bytes bytes_part(struct bytes *b, uint64_t size)
{
	struct bytes part = {.at = b->at};

	if (b->left < size) {
		b->bad = true;
		size = b->left;
	} else {
		part.left = size;
	}
	b->at += size;
	b->left -= size;
	return part;
}

/* A big-endian number of at most 8 bytes; 0 when there are not as many. */
static inline uint64_t bytes_number(struct bytes *b, size_t size)
{
	struct bytes part = bytes_part(b, size);
	uint64_t value = 0;

	while (part.left--)
		value = value << 8 | *part.at++;
	return value;
}

/* What is as long as the number before it says, which has so many bytes. */
static inline struct bytes bytes_vector(struct bytes *b, size_t length_bytes)
{
	return bytes_part(b, bytes_number(b, length_bytes));
}

#endif
