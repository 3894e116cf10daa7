/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Byte strings to small numbers: 1, 2, 3... in the order of their first coming. The strings themselves are not kept but
 * 96 bits of a keyed hash: names come from the watched product, which must not be able to choose collisions, and by
 * chance two of ten million strings are one with a probability below 10^-14. 16 bytes a place, so that a case of ten
 * million facts is indexed in bounded memory.
 */
#ifndef QUIS_INTERN_H
#define QUIS_INTERN_H

#include <stddef.h>
#include <stdint.h>

#define INTERN_MAX 3000000 /* strings: 64 MiB; twice that half full while it grows to this size */

struct intern_place {
	uint32_t hash[3];
	uint32_t id; /* 0: free */
};

struct intern {
	unsigned char key[16]; /* of SipHash */
	struct intern_place *places;
	size_t size; /* a power of two */
	uint32_t count;
	uint32_t *notes; /* the user's own, by id */
	size_t notes_size;
	uint32_t most; /* INTERN_MAX, unless it is changed before the first */
};

int intern_init(struct intern *intern);
void intern_done(struct intern *intern);
/* 1: new; 0: known; -ENOSPC: not known, and no more may be; -ENOMEM. The note (0 at first) is valid until the next
 * call. */
int intern_add(struct intern *intern, const void *bytes, size_t len, uint32_t *ret_id, uint32_t **ret_note);
/* Its note; NULL: not known. */
uint32_t *intern_find(const struct intern *intern, const void *bytes, size_t len);
uint64_t intern_hash(const struct intern *intern, const void *bytes, size_t len);

#endif
