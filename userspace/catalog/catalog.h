/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Known security products: products/NAME.product, in the form that README.md here describes, embedded in both programs.
 * Errors are negative errno. Nothing here logs.
 */
#ifndef QUIS_CATALOG_H
#define QUIS_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

/* How good a fact is, the best first. */
enum catalog_level {
	LEVEL_MEASURED,
	LEVEL_VENDOR_DOC,
	LEVEL_VENDOR_CODE,
	LEVEL_PROJECT_CODE,
	LEVEL_PROJECT_DOC,
	LEVEL_DEBIAN_PACKAGE,
	LEVEL_THIRD_PARTY,
	LEVEL_COMMUNITY_LIST, /* never decides alone */
	LEVEL_COUNT,
};

enum catalog_kind {
	CATALOG_VENDOR,
	CATALOG_COUNTRY,
	CATALOG_PACKAGE,
	CATALOG_PART, /* a package that does nothing alone: a library, data */
	CATALOG_PREFIX,	    /* a directory that is the product's own */
	CATALOG_EXECUTABLE, /* paths may hold the wildcards of glob(7), which do not match a slash */
	CATALOG_SCRIPT,
	CATALOG_PROCESS, /* a name (comm), at most 15 bytes */
	CATALOG_UNIT,	 /* without a suffix: .service, or a script in /etc/init.d */
	CATALOG_INIT,
	CATALOG_CRON,
	CATALOG_USER,
	CATALOG_DATA,
	CATALOG_RUNTIME, /* sockets, temporary files: there or not, they prove nothing alone */
	CATALOG_SHARED,	 /* others may use it too: proves nothing alone */
	CATALOG_MODULE,
	CATALOG_INTERFACE,
	CATALOG_ENDPOINT,
	CATALOG_NOTE,
	CATALOG_KIND_COUNT,
};

struct catalog_source {
	enum catalog_level level;
	const char *text;
};

struct catalog_fact {
	enum catalog_kind kind;
	const char *value;
	const char *note; /* NULL: none */
	struct catalog_source *sources; /* at least one, the best first */
	size_t source_count;
};

struct catalog_product {
	const char *id, *name;
	bool ordinary; /* part of a plain system: only ever an explanation */
	struct catalog_fact *facts;
	size_t count;
};

struct catalog {
	char *text; /* what all the strings point into */
	struct catalog_product *products;
	size_t count;
};

#define CATALOG_WHAT 160

/* The one that is built in. */
int catalog_load(struct catalog *ret_catalog);
/* -EINVAL: ret_what (CATALOG_WHAT bytes) says in which line what is wrong. -ENOMEM. */
int catalog_parse(struct catalog *ret_catalog, const char *text, size_t len, char *ret_what);
void catalog_done(struct catalog *catalog);
/* By id or name, in any case of letters; else by a package's name. NULL: none. */
const struct catalog_product *catalog_find(const struct catalog *catalog, const char *name);
enum catalog_level catalog_level(const struct catalog_fact *fact); /* of the best source */
const char *catalog_level_name(enum catalog_level level);
const char *catalog_kind_name(enum catalog_kind kind);
/* The first fact of a kind; NULL: none. */
const struct catalog_fact *catalog_fact(const struct catalog_product *product, enum catalog_kind kind);

/* ---- match.c ---- */

/* Whether a pattern names the path, or (below) a directory above it. /bin, /sbin, /usr/bin and /usr/sbin are one. */
bool catalog_path_matches(const char *pattern, const char *path, bool below);
/* The fact (executable, script, prefix) that makes a program the product's; NULL: none. */
const struct catalog_fact *catalog_owns_program(const struct catalog_product *product, const char *path);
/* Also its data. */
const struct catalog_fact *catalog_owns_file(const struct catalog_product *product, const char *path);

#endif
