/* SPDX-License-Identifier: BSD-2-Clause */
#include "catalog/catalog.h"

#include <fnmatch.h>
#include <string.h>

/* What stands for the directories of programs that distributions have merged; the rest of the path. */
static const char *merged(const char *path, const char **ret_rest)
{
	static const char *const same[][2] = {
		{"/usr/sbin/", "bin"}, {"/usr/bin/", "bin"}, {"/sbin/", "bin"}, {"/bin/", "bin"},
		{"/usr/lib64/", "lib"}, {"/usr/lib/", "lib"}, {"/lib64/", "lib"}, {"/lib/", "lib"}, {"/var/run/", "run"}, {"/run/", "run"},
	};
	size_t i, length;

	for (i = 0; i < sizeof(same) / sizeof(*same); i++) {
		length = strlen(same[i][0]);
		if (!strncmp(path, same[i][0], length)) {
			*ret_rest = path + length - 1;
			return same[i][1];
		}
	}
	*ret_rest = path;
	return "";
}

bool catalog_path_matches(const char *pattern, const char *path, bool below)
{
	const char *pattern_rest, *path_rest;

	if (strcmp(merged(pattern, &pattern_rest), merged(path, &path_rest)))
		return false;
	return !fnmatch(pattern_rest, path_rest, FNM_PATHNAME | (below ? FNM_LEADING_DIR : 0));
}

/* The path itself before what lies above it. */
static const struct catalog_fact *owner(const struct catalog_product *product, const char *path, unsigned exact, unsigned above)
{
	const struct catalog_fact *found = NULL;
	size_t i;

	for (i = 0; i < product->count; i++) {
		const struct catalog_fact *fact = &product->facts[i];

		if ((exact & 1u << fact->kind) && catalog_path_matches(fact->value, path, false))
			return fact;
		if (!found && (above & 1u << fact->kind) && catalog_path_matches(fact->value, path, true))
			found = fact;
	}
	return found;
}

#define PROGRAMS (1u << CATALOG_EXECUTABLE | 1u << CATALOG_SCRIPT)
#define FILES (PROGRAMS | 1u << CATALOG_INIT | 1u << CATALOG_CRON)
#define TREES (1u << CATALOG_PREFIX | 1u << CATALOG_DATA | 1u << CATALOG_RUNTIME)

const struct catalog_fact *catalog_owns_program(const struct catalog_product *product, const char *path)
{
	return owner(product, path, PROGRAMS, 1u << CATALOG_PREFIX);
}

const struct catalog_fact *catalog_owns_file(const struct catalog_product *product, const char *path)
{
	return owner(product, path, FILES, TREES);
}
