/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any number of things of one size, put in in any order and taken out in order. What does not fit into BULK_MEMORY goes to a temporary
 * file without a name, as sorted runs that are merged. SQLite sorts too, but whole records of texts: for a million it takes four times as long.
 */
#ifndef QUIS_BULK_H
#define QUIS_BULK_H

#include <stddef.h>

#define BULK_MEMORY (16ul << 20)

struct bulk;

/* memory: in bytes; 0: BULK_MEMORY. What compare() says to be equal comes out in any order. */
int bulk_new(struct bulk **ret_bulk, size_t item, int (*compare)(const void *a, const void *b), size_t memory);
void bulk_free(struct bulk *bulk);
int bulk_add(struct bulk *bulk, const void *item); /* -ENOMEM; -ENOSPC: no room for the file, or -errno of it */
/* 1: the next, valid until the next call; 0: no more; negative: as above, -EIO. The first call ends the adding. */
int bulk_next(struct bulk *bulk, const void **ret_item);

#endif
