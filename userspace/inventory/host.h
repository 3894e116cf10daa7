/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QUIS_INVENTORY_HOST_H
#define QUIS_INVENTORY_HOST_H

#include "inventory/inventory.h"

/* "" where not known. Of an image: what stands in it. */
struct host {
	char name[256], machine_id[64], kernel[128], system[256];
	uint64_t now; /* ns since 1970 */
};

void host_read(struct inventory *inventory, struct host *ret_host);

#endif
