/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QUIS_WHERE_PRIVATE_H
#define QUIS_WHERE_PRIVATE_H

#include "where.h"

struct mapped { /* a file in memory */
	const uint8_t *bytes;
	size_t size;
};

struct section {
	const uint8_t *bytes;
	size_t size;
};

struct libloc {
	struct section systems, networks, tree, pool;
};

/* False: it is no such database, or a broken one. */
bool libloc_open(struct libloc *libloc, const struct mapped *file, struct where_database *ret_database);
bool libloc_look(const struct libloc *libloc, const uint8_t address[16], struct where_place *place);

void where_date(uint64_t seconds, char ret_date[11]);
/* Two capital letters, or nothing. */
void where_country(struct where_place *place, const char *code, size_t length);

#endif
