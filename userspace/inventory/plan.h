/* SPDX-License-Identifier: BSD-2-Clause */
/* What the removal of a product would touch: a list for people. It removes nothing. */
#ifndef QUIS_INVENTORY_PLAN_H
#define QUIS_INVENTORY_PLAN_H

#include <sqlite3.h>

#include "inventory/inventory.h"

/* db: the index of a recorded case (case_path), NULL: none. only: of this product; NULL: of all that are here. */
int plan_text(const struct inventory *inventory, const struct catalog_product *only, sqlite3 *db, const char *case_path, FILE *out);
/* What other software asks of the product, as the case shows. Negative errno when it cannot be read. */
int plan_case(const struct catalog_product *product, sqlite3 *db, const char *case_path, FILE *out);

#endif
