/* SPDX-License-Identifier: BSD-2-Clause */
#include "index.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "catalog/class.h"
#include "report.h"

int64_t index_add(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* sum() fails on overflow, which a forged case could bring about; this one stays at the greatest number. */
static void sum_step(sqlite3_context *context, int count, sqlite3_value **values)
{
	sqlite3_int64 *sum = sqlite3_aggregate_context(context, sizeof(*sum));

	(void)count;
	if (sum)
		*sum = index_add(*sum, sqlite3_value_int64(values[0]));
}

static void sum_final(sqlite3_context *context)
{
	sqlite3_int64 *sum = sqlite3_aggregate_context(context, sizeof(*sum));

	sqlite3_result_int64(context, sum ? *sum : 0);
}

static void how_step(sqlite3_context *context, int count, sqlite3_value **values)
{
	unsigned *how = sqlite3_aggregate_context(context, sizeof(*how));
	struct text list = {.bytes = (const char *)sqlite3_value_text(values[0])};

	(void)count;
	list.len = sqlite3_value_bytes(values[0]);
	if (how)
		*how |= report_how_of(list);
}

#define HOW_LIST 96

static void write_ways(char list[HOW_LIST], unsigned how)
{
	size_t len = 0;
	unsigned i;

	for (i = 0; i < HOW_COUNT; i++)
		if (how & 1u << i)
			len += snprintf(list + len, HOW_LIST - len, "%s\"%s\"", len ? "," : "[", report_how_names[i]);
	snprintf(list + len, HOW_LIST - len, "]");
}

const char *index_how_list(unsigned how)
{
	static char lists[1u << HOW_COUNT][HOW_LIST]; /* each made when first asked for */

	if (how && !lists[how][0])
		write_ways(lists[how], how);
	return how ? lists[how] : NULL;
}

static void how_final(sqlite3_context *context)
{
	unsigned *how = sqlite3_aggregate_context(context, sizeof(*how));

	if (how && *how)
		sqlite3_result_text(context, index_how_list(*how), -1, SQLITE_STATIC);
}

static void path_class(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *path = (const char *)sqlite3_value_text(values[0]);

	(void)count;
	if (path)
		sqlite3_result_text(context, class_of(path, sqlite3_value_bytes(values[0])), -1, SQLITE_STATIC);
}

int index_functions(sqlite3 *db)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;

	if (sqlite3_create_function(db, "capped_sum", 1, flags, NULL, NULL, sum_step, sum_final) != SQLITE_OK ||
		sqlite3_create_function(db, "how_union", 1, flags, NULL, NULL, how_step, how_final) != SQLITE_OK ||
		sqlite3_create_function(db, "path_class", 1, flags, NULL, path_class, NULL, NULL) != SQLITE_OK)
		return -ENOMEM;
	return 0;
}
