/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In which country an address is, and whose network it is in: according to a database, that of libloc (Debian's
 * libloc-database) where it is installed, or one that was given (libloc's format, or an mmdb). Nothing is ever asked
 * over a network. The database is opened, and hashed, when the first address is looked up.
 */
#ifndef QUIS_WHERE_H
#define QUIS_WHERE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHERE_OWNER 128

struct where_place {	 /* what is not known is 0 or "" */
	char country[3]; /* ISO 3166-1, two letters */
	uint32_t asn;
	char owner[WHERE_OWNER]; /* the name of the autonomous system; printable */
};

struct where_database {
	char name[128];	 /* who made it and what it is */
	char date[11];	 /* 2022-10-29; "": not known */
	char sha256[65]; /* of the file */
	const char *path;
};

/* Before the first look: which file. "none": no database. */
void where_use(const char *path);
/* Whether there is one that can be read; `ret_why` says why not, NULL when none was asked for and none is installed. */
bool where_open(const char **ret_why);
const struct where_database *where_database(void); /* NULL: none */
/* An address as text, alone or as the end of a flow is written. False when nothing is known, as of every address that
 * is of no country (private, loopback ...). */
bool where_look(const char *address, size_t length, struct where_place *ret_place);
/* country_of(address), asn_of(address), owner_of(address), according_to(): for queries. */
int where_functions(sqlite3 *db);
/* "libloc (IPFire Project), 2022-10-29, SHA-256 ..."; "" without a database. */
void where_words(char *text, size_t size);
void where_done(void);

#endif
