/* SPDX-License-Identifier: BSD-2-Clause */
/* Several cases as one: their indexes are attached, and views join them. Numbers of rows are made unique by adding the
 * case's own. */
#include "query.h"
#include "where.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CASE_STEP (1ll << 40) /* between the row numbers of two cases */

static const char *const tables[] = {"capture", "process", "image", "ending", "file", "access", "flow", "transfer", "action",
	"name", "stats", "gap", "notice", "finish", "clock", "source", "total", "handover", "exposure", "exposure_step", "exposed", "exposed_flow",
	"exposure_cut", "moved"};

static int execute(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
}

static int is_key(const char *column, const char *table)
{
	static const char *const keys[] = {"id", "file", "latest", "giver", "receiver", "node", "flow", "from_file", "to_file", NULL};
	size_t i;

	for (i = 0; keys[i]; i++)
		if (!strcmp(column, keys[i]))
			return 1;
	return !strcmp(column, "process") && strcmp(table, "stats");
}

/* schema: main, or c1, c2 ... */
static int write_columns(FILE *sql, sqlite3 *db, const char *schema, const char *table, long long offset)
{
	char *info = sqlite3_mprintf("SELECT name FROM pragma_table_info(%Q, %Q)", table, schema);
	sqlite3_stmt *row;
	int err = info && sqlite3_prepare_v2(db, info, -1, &row, NULL) == SQLITE_OK ? 0 : -EIO;

	sqlite3_free(info);
	while (!err && sqlite3_step(row) == SQLITE_ROW) {
		const char *column = (const char *)sqlite3_column_text(row, 0);

		if (offset && is_key(column, table))
			fprintf(sql, ", %s + %lld AS %s", column, offset, column);
		else
			fprintf(sql, ", %s", column);
	}
	if (!err)
		sqlite3_finalize(row);
	return err;
}

/* Of table capture, host is a column of its own. */
static int make_table(sqlite3 *db, const char *table, int count)
{
	char *text = NULL, schema[8];
	size_t size;
	FILE *sql = open_memstream(&text, &size);
	int i, err = sql ? 0 : -ENOMEM;

	if (!sql)
		return err;
	fprintf(sql, "CREATE TEMP VIEW %s AS ", table);
	for (i = 0; !err && i < count; i++) {
		snprintf(schema, sizeof(schema), count == 1 ? "main" : "c%d", i + 1);
		fprintf(sql, "%sSELECT %d AS case_no", i ? " UNION ALL " : "", i + 1);
		if (strcmp(table, "capture"))
			fprintf(sql, ", (SELECT host FROM %s.capture ORDER BY id LIMIT 1) AS host", schema);
		err = write_columns(sql, db, schema, table, i * CASE_STEP);
		fprintf(sql, " FROM %s.%s", schema, table);
	}
	if (fclose(sql))
		err = -ENOMEM;
	if (!err)
		err = execute(db, text);
	free(text);
	return err;
}

static void put_alias(FILE *sql, const char **at, const char *format)
{
	char alias[8];
	size_t len = strcspn(*at, " *");

	snprintf(alias, sizeof(alias), "%.*s", (int)(len < 7 ? len : 7), *at);
	*at += len;
	fprintf(sql, "%s%s", alias, format);
}

/* The comments of index_views become what they stand for. */
static void write_views(FILE *sql)
{
	const char *at = index_views;

	while (*at) {
		if (!strncmp(at, "CREATE VIEW", 11)) {
			fputs("CREATE TEMP VIEW", sql);
			at += 11;
		} else if (!strncmp(at, "/*host ", 7)) {
			at += 7;
			put_alias(sql, &at, ".host, ");
			at += 2;
		} else if (!strncmp(at, "/*and ", 6)) {
			at += 6;
			fputs("AND ", sql);
			put_alias(sql, &at, ".case_no = ");
			at++;
			put_alias(sql, &at, ".case_no");
			at += 2;
		} else {
			fputc(*at++, sql);
		}
	}
}

static int make_views(sqlite3 *db, int count)
{
	char *text = NULL;
	size_t size, i;
	FILE *sql;
	int err = execute(db, "PRAGMA query_only = OFF");

	for (i = 0; !err && i < sizeof(tables) / sizeof(tables[0]); i++)
		err = make_table(db, tables[i], count);
	sql = err ? NULL : open_memstream(&text, &size);
	if (!sql)
		return err ? err : -ENOMEM;
	write_views(sql);
	if (fclose(sql))
		err = -ENOMEM;
	if (!err)
		err = execute(db, text);
	free(text);
	return err ? err : execute(db, "PRAGMA query_only = ON");
}

/* An index with a name is attached by it; what was not to be kept loses it at once, and goes when the database is
 * closed. */
static int attach(sqlite3 *db, sqlite3 *index, int number)
{
	const char *path = sqlite3_db_filename(index, "main");
	char *sql = path && *path
			    ? sqlite3_mprintf("ATTACH %Q AS c%d; SELECT count(*) FROM c%d.source", path, number, number)
			    : NULL;
	int err = sql ? execute(db, sql) : -EIO;

	if (!err && strstr(path, "/" INDEX_TEMPORARY))
		unlink(path);
	sqlite3_free(sql);
	return err;
}

static int open_all(
	char **paths, int count, const struct open_options *options, sqlite3 *db, struct index_problems *ret_problems)
{
	struct open_options file = *options;
	struct index_problems problems;
	sqlite3 *index;
	int i, status;

	file.file = true;
	for (i = 0; i < count; i++) {
		status = open_case_with(paths[i], &file, &index, &problems);
		if (status)
			return status;
		if (!i || problems.trust > ret_problems->trust)
			*ret_problems = problems;
		if (attach(db, index, i + 1))
			status = complain("%s: its index cannot be used: %s", paths[i], sqlite3_errmsg(db));
		sqlite3_close(index);
		if (status)
			return status;
	}
	return EXIT_DONE;
}

int query_open(char **paths, int count, const struct open_options *options, sqlite3 **ret_db,
	struct index_problems *ret_problems)
{
	sqlite3 *db = NULL;
	int status;

	if (count == 1) {
		status = open_case_with(paths[0], options, &db, ret_problems);
	} else {
		if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
			return complain("no memory");
		status = where_functions(db) ? complain("no memory") : open_all(paths, count, options, db, ret_problems);
	}
	if (!status && make_views(db, count))
		status = complain("%s: %s", paths[0], sqlite3_errmsg(db));
	if (status) {
		if (count > 1)
			sqlite3_close(db);
		return status;
	}
	*ret_db = db;
	return EXIT_DONE;
}
