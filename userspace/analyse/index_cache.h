/* SPDX-License-Identifier: BSD-2-Clause */
/* Where indexes are kept between calls: never in a case, which is evidence. */
#ifndef QUIS_INDEX_CACHE_H
#define QUIS_INDEX_CACHE_H

#include <limits.h>
#include <stdbool.h>

struct cache {
	bool usable;
	char path[PATH_MAX]; /* of the index of this case as it is now */
	char made[PATH_MAX]; /* where one is made */
};

/* Not usable: there is no directory that is ours alone, or the case cannot be looked at. */
void cache_find(struct cache *cache, const char *case_path);
/* Is the index there, and nobody else's? */
bool cache_has(const struct cache *cache);
/* The index is made: it takes its place, and old ones go. */
bool cache_keep(const struct cache *cache);

#endif
