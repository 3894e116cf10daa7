/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index: a SQLite database made from the facts of a case. Never a source of truth; it can be thrown away. schema.c
 * says what is in it.
 */
#ifndef QUIS_INDEX_H
#define QUIS_INDEX_H

#include <sqlite3.h>
#include <stdint.h>

struct index_problems {
	uint64_t bad_lines;
	uint32_t first_segment; /* where the first bad line is */
	uint64_t first_line;
	const char *first_what; /* static */
};

/*
 * Reads the whole case into memory. -ENOENT, -ENOTDIR, -ENODATA: no case there; -EBADMSG: not one readable fact in it;
 * -ENOMEM; -EIO: SQLite. What could not be read is in ret_problems and in table gap; everything else is used. The
 * caller closes with sqlite3_close().
 */
int index_open(sqlite3 **ret_db, struct index_problems *ret_problems, const char *case_path);

extern const char index_schema[];
extern const char index_schema_late[]; /* indexes, made once everything is in */
extern const char index_open_begin[], index_open_end[]; /* around what open.ndjson holds */
extern const char index_inherited[];   /* conclusions about how a descriptor came */

#endif
