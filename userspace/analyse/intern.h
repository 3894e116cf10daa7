/* SPDX-License-Identifier: BSD-2-Clause */
/* Byte strings to small numbers: 1, 2, 3... in the order of their first coming. */
#ifndef QUIS_INTERN_H
#define QUIS_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct intern_entry {
	uint64_t hash;
	uint64_t note; /* the user's own */
	uint32_t offset;
	uint32_t len;
	uint32_t id; /* 0: free */
};

struct intern {
	unsigned char key[16]; /* of SipHash: names come from the watched product, which must not be able to choose
				  collisions */
	struct intern_entry *entries;
	size_t size; /* a power of two */
	uint32_t count;
	char *bytes;
	size_t bytes_len;
	size_t bytes_size;
};

int intern_init(struct intern *intern);
void intern_done(struct intern *intern);
/* 1: new; 0: known; -ENOMEM. The entry is valid until the next call. */
int intern_add(struct intern *intern, const void *bytes, size_t len, struct intern_entry **ret_entry);
uint64_t intern_hash(const struct intern *intern, const void *bytes, size_t len);

#endif
