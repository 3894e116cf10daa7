/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index: a SQLite database made from the facts of a case. Never a source of truth; it can be thrown away. schema.c
 * says what is in it. A small case is indexed in memory at each call; the index of a large one is kept outside of the
 * case, in the user's cache directory, and made anew when anything of the case has changed (index_cache.c).
 */
#ifndef QUIS_INDEX_H
#define QUIS_INDEX_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* What is known of the case as a whole, beside its single lines. */
enum index_trust {
	TRUST_UNSEALED, /* there is nothing to check it by */
	TRUST_VERIFIED,
	TRUST_BROKEN,  /* it is not what was sealed */
	TRUST_FOREIGN, /* of a format that this version does not know */
};

struct index_problems {
	uint64_t facts;
	uint64_t bad_lines;
	uint32_t first_segment; /* where the first bad line is */
	uint64_t first_line;
	char first_what[64];
	enum index_trust trust;
	char trust_what[700]; /* how it was verified, or what is wrong; plain text */
	uint32_t window_ms;   /* given to the loader: of exposures; 0: as usual */
};

#define INDEX_TEMPORARY "quis-index-" /* how the name of a file begins that nobody keeps; the caller removes it */

struct index_options {
	uint32_t names; /* so many processes and files are remembered while it is made; 0: as many as memory should hold */
	uint32_t window_ms; /* of exposures, if it is another than usual: then the cache is left alone */
	bool fresh; /* do not take an index from the cache, nor leave one there */
	bool file;  /* never in memory: ATTACH needs a path, which sqlite3_db_filename() tells */
};

/*
 * Reads the whole case. -ENOENT, -ENOTDIR, -ENODATA: no case there; -EBADMSG: not one readable fact in it;
 * -ENOMEM; -EIO: SQLite; -ENOSPC: no room for it. What could not be read is in ret_problems and in table gap;
 * everything else is used. The caller closes with sqlite3_close().
 */
int index_open(sqlite3 **ret_db, struct index_problems *ret_problems, const char *case_path);
int index_open_with(sqlite3 **ret_db, struct index_problems *ret_problems, const char *case_path,
	const struct index_options *options);

/* capped_sum(), which stays at the greatest number where sum() would fail; how_union(), of lists of ways. */
int index_functions(sqlite3 *db);
int64_t index_add(int64_t a, int64_t b);      /* as capped_sum() does */
const char *index_how_list(unsigned how); /* the JSON list of ways; NULL: none */

/* The version of what is below goes into the names of cached indexes; a change of its text is enough. */
extern const char index_schema[];
extern const char index_schema_late[];			/* indexes, made once everything is in */
extern const char index_open_begin[], index_open_end[]; /* around what open.ndjson holds */
extern const char index_transfers[];			/* which files were at their ends */
extern const char index_inherited[];			/* conclusions about how a descriptor came */
extern const char index_merge_files[];			/* with one %d */
extern const char index_views[];

/* Of a row `t` of total: nothing but its metadata was asked for. */
#define LOOKED_AT "(t.stats AND NOT (t.opens OR t.reads OR t.writes OR t.maps OR t.lists) AND coalesce(t.how, '[]') = '[]')"

#endif
