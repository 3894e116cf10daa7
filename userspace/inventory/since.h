/* SPDX-License-Identifier: BSD-2-Clause */
/* What has gone since an older inventory, what is left, what is new. */
#ifndef QUIS_INVENTORY_SINCE_H
#define QUIS_INVENTORY_SINCE_H

#include "inventory/inventory.h"

struct since;

/* Reads what `quis inventory --format json` wrote. -EBADMSG: it is none; ret_what (SINCE_WHAT bytes) says why. -errno of the file. */
#define SINCE_WHAT 200
int since_open(struct since **ret_since, const char *path, char *ret_what);
void since_free(struct since *since);
const char *since_taken(const struct since *since); /* when the older one was taken */
/* only: an id; NULL: all products of the older one. *ret_gone: the two can be compared, and nothing is left of them. */
int since_text(const struct since *since, const struct inventory *inventory, const char *only, FILE *out, bool *ret_gone);
int since_json(const struct since *since, const struct inventory *inventory, const char *only, FILE *out, bool *ret_gone);

#endif
