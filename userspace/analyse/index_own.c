/* SPDX-License-Identifier: BSD-2-Clause */
#include "own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A script rather than what runs it, as the kernel was given it: it may be told from the directory of that time. */
#define PROGRAM(i)                                                                                                     \
	"CASE WHEN " i ".script LIKE '/%' THEN " i ".script WHEN " i ".script IS NOT NULL AND " i ".cwd LIKE '/%' THEN rtrim(" i                        \
	".cwd, '/') || '/' || CASE WHEN " i ".script LIKE './%' THEN substr(" i ".script, 3) ELSE " i ".script END ELSE " i ".executable END"

/* What the recording was about: each program that was flagged for itself. */
#define RECORDED                                                                                                       \
	"SELECT DISTINCT " PROGRAM("i") " AS program FROM image AS i JOIN process AS p ON p.id = i.process"            \
	" WHERE i.event IS NOT 'fork' AND p.parent IS NULL AND program LIKE '/%' LIMIT 256"
#define STARTED "SELECT DISTINCT " PROGRAM("image") " AS program FROM image WHERE program LIKE '/%' LIMIT 4096"

static int add_programs(sqlite3 *db, struct own *own, const char *sql, bool recorded)
{
	sqlite3_stmt *row;
	int err = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	while (!err && sqlite3_step(row) == SQLITE_ROW)
		err = own_program(own, (const char *)sqlite3_column_text(row, 0), recorded);
	sqlite3_finalize(row);
	return err;
}

static bool same_text(const char *path, const char *text)
{
	char line[128] = "";
	FILE *file = text ? fopen(path, "re") : NULL;

	if (!file)
		return false;
	if (fgets(line, sizeof(line), file))
		line[strcspn(line, "\n")] = '\0';
	fclose(file);
	return *line && !strcmp(line, text);
}

/* Another host's packages say nothing of this one's. */
static bool same_host(sqlite3 *db)
{
	sqlite3_stmt *row;
	bool same = false;

	if (sqlite3_prepare_v2(db, "SELECT machine_id, boot_id FROM capture ORDER BY rowid LIMIT 1", -1, &row, NULL) != SQLITE_OK)
		return false;
	if (sqlite3_step(row) == SQLITE_ROW)
		same = same_text("/etc/machine-id", (const char *)sqlite3_column_text(row, 0)) ||
		       same_text("/proc/sys/kernel/random/boot_id", (const char *)sqlite3_column_text(row, 1));
	sqlite3_finalize(row);
	return same;
}

static int put_products(sqlite3 *db, const struct own *own)
{
	struct own_product product;
	sqlite3_stmt *row;
	size_t i;
	int err = 0;

	if (sqlite3_prepare_v2(db, "INSERT INTO product (name, version, source, program) VALUES (?, ?, ?, ?)", -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	for (i = 0; !err && own_product(own, i, &product); i++) {
		sqlite3_bind_text(row, 1, product.name, -1, SQLITE_STATIC);
		sqlite3_bind_text(row, 2, product.version, -1, SQLITE_STATIC);
		sqlite3_bind_text(row, 3, product.source, -1, SQLITE_STATIC);
		sqlite3_bind_text(row, 4, product.program, -1, SQLITE_STATIC);
		err = sqlite3_step(row) == SQLITE_DONE ? 0 : -EIO;
		sqlite3_reset(row);
	}
	sqlite3_finalize(row);
	return err;
}

static void is_own(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *path = (const char *)sqlite3_value_text(values[0]);

	(void)count;
	sqlite3_result_int(context, path && own_has(sqlite3_user_data(context), path, sqlite3_value_bytes(values[0])));
}

static int mark_files(sqlite3 *db, struct own *own)
{
	int err = sqlite3_create_function(db, "is_own", 1, SQLITE_UTF8, own, is_own, NULL, NULL);

	if (err == SQLITE_OK)
		err = sqlite3_exec(db, "UPDATE file SET class = 'own' WHERE class IS NOT 'own' AND is_own(path)", NULL, NULL, NULL);
	sqlite3_create_function(db, "is_own", 1, SQLITE_UTF8, NULL, NULL, NULL, NULL);
	return err == SQLITE_OK ? 0 : -EIO;
}

int index_own(sqlite3 *db, const char *dpkg)
{
	struct own *own;
	int err = own_new(&own);

	if (err)
		return err;
	err = add_programs(db, own, RECORDED, true);
	if (!err)
		err = add_programs(db, own, STARTED, false);
	if (!err && same_host(db))
		err = own_packages(own, dpkg);
	if (!err)
		err = put_products(db, own);
	if (!err)
		err = mark_files(db, own);
	own_free(own);
	return err;
}
