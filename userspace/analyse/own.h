/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which product was recorded, and which files are its own: by the catalogue, and on the host that was recorded by dpkg's lists of what its
 * packages (all that are built of one source) brought. A directory that no other package knows is theirs with all that is in it.
 */
#ifndef QUIS_OWN_H
#define QUIS_OWN_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

struct own;

int own_new(struct own **ret_own);
void own_free(struct own *own);
/* A program of the product; one that the catalogue does not know is one if `recorded`: it was itself what the recording was about. */
int own_program(struct own *own, const char *path, bool recorded);
/* Looks for the packages of the programs so far. No lists below dpkg ("/var/lib/dpkg") is no error. */
int own_packages(struct own *own, const char *dpkg);
bool own_has(struct own *own, const char *path, size_t len);

struct own_product {
	const char *name, *version; /* NULL: not known */
	const char *source;	    /* catalogue, dpkg, path */
	const char *program;
};
/* One by one; false after the last. */
bool own_product(const struct own *own, size_t index, struct own_product *ret_product);

/* Fills table product, and makes the class of the product's files "own". */
int index_own(sqlite3 *db, const char *dpkg);

#endif
