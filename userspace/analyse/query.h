/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QUIS_QUERY_H
#define QUIS_QUERY_H

#include <sqlite3.h>
#include <stdio.h>

#include "analyse.h"
#include "index.h"

#define QUERY_COLUMNS_MAX 200
#define CASES_MAX 10 /* databases that SQLite attaches */

/* Opens one case or several as one database with a column host in every table. Complains itself; trust: of the least
 * trusted. */
int query_open(char **paths, int count, const struct open_options *options, sqlite3 **ret_db,
	struct index_problems *ret_problems);

struct named_query {
	const char *name;
	const char *summary;
	const char *sql;
};
extern const struct named_query named_queries[];
const struct named_query *find_named_query(const char *name);

/* unverified: NULL, or why the case is not to be trusted. In CSV and JSON it is the first cell of each row, so that what reads these reads it. */
typedef int query_write_fn(sqlite3_stmt *statement, const char *unverified, FILE *out);
query_write_fn query_table, query_csv, query_json;

#endif
