/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QUIS_INVENTORY_SEAL_H
#define QUIS_INVENTORY_SEAL_H

#include "inventory/inventory.h"

/*
 * The inventory as a sealed case: a fact for each piece of evidence, for each watcher, and for the whole. since: when the inventory was taken that
 * it was compared with, and whether nothing was left; NULL: it was not. -EEXIST: something is in the directory.
 */
int inventory_seal(struct inventory *inventory, const char *path, const char *since, bool gone);

#endif
