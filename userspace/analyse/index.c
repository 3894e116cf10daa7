/* SPDX-License-Identifier: BSD-2-Clause */
#include "index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index_cache.h"
#include "index_load.h"
#include "index_trust.h"
#include "where.h"

#define SOURCE_FORMAT 1
#define MEMORY_MAX (24ull << 20) /* a case of that size is read in half a second */
/* Page cache and sorting: what is more goes to temporary files. */
#define SETTINGS "PRAGMA cache_size = -32768; PRAGMA temp_store = FILE;"
#define SETTINGS_MADE "PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"

static int execute(sqlite3 *db, const char *sql)
{
	int err = sqlite3_exec(db, sql, NULL, NULL, NULL);

	if (err == SQLITE_OK)
		return 0;
	return err == SQLITE_NOMEM ? -ENOMEM : err == SQLITE_FULL ? -ENOSPC : -EIO;
}

static const char *const trust_names[] = {
	[TRUST_UNSEALED] = "unsealed",
	[TRUST_VERIFIED] = "verified",
	[TRUST_BROKEN] = "altered",
	[TRUST_FOREIGN] = "foreign",
};

static int put_source(sqlite3 *db, const struct index_problems *problems)
{
	char *sql = sqlite3_mprintf("INSERT INTO source VALUES (%d, %Q, %Q, %lld, %u, %lld, %Q, %lld)", SOURCE_FORMAT,
		trust_names[problems->trust], problems->trust_what, (long long)problems->bad_lines,
		problems->first_segment, (long long)problems->first_line, problems->first_what,
		(long long)problems->facts);
	int err = sql ? execute(db, sql) : -ENOMEM;

	sqlite3_free(sql);
	return err;
}

static enum index_trust get_trust(sqlite3_stmt *row, int column)
{
	const char *name = (const char *)sqlite3_column_text(row, column);
	size_t i;

	for (i = 0; name && i < sizeof(trust_names) / sizeof(trust_names[0]); i++)
		if (!strcmp(trust_names[i], name))
			return i;
	return TRUST_BROKEN;
}

/* -ESTALE: no whole index. */
static int get_source(sqlite3 *db, struct index_problems *ret_problems)
{
	struct index_problems problems = {0};
	sqlite3_stmt *row;
	int err = -ESTALE;

	if (sqlite3_prepare_v2(db,
		    "SELECT format, verified, coalesce(verified_what, ''), bad_lines, first_segment, first_line, "
		    "coalesce(first_what, ''), facts"
		    " FROM source",
		    -1, &row, NULL) != SQLITE_OK)
		return err;
	if (sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int(row, 0) == SOURCE_FORMAT) {
		problems.trust = get_trust(row, 1);
		snprintf(problems.trust_what, sizeof(problems.trust_what), "%s", sqlite3_column_text(row, 2));
		problems.bad_lines = sqlite3_column_int64(row, 3);
		problems.first_segment = sqlite3_column_int64(row, 4);
		problems.first_line = sqlite3_column_int64(row, 5);
		snprintf(problems.first_what, sizeof(problems.first_what), "%s", sqlite3_column_text(row, 6));
		problems.facts = sqlite3_column_int64(row, 7);
		*ret_problems = problems;
		err = 0;
	}
	sqlite3_finalize(row);
	return err;
}

static int open_cached(const struct cache *cache, sqlite3 **ret_db, struct index_problems *ret_problems)
{
	sqlite3 *db = NULL;
	int err = -ESTALE;

	if (sqlite3_open_v2(cache->path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
		    NULL) == SQLITE_OK &&
		!execute(db, SETTINGS) && !where_functions(db))
		err = get_source(db, ret_problems);
	if (err)
		sqlite3_close(db);
	else
		*ret_db = db;
	return err;
}

static int fill(sqlite3 *db, struct index_problems *problems, struct case_reader *reader, uint32_t names)
{
	int err = execute(db, SETTINGS SETTINGS_MADE "BEGIN;");

	if (!err)
		err = index_load(db, problems, reader, names);
	if (!err)
		index_check_format(problems, db);
	if (!err)
		err = put_source(db, problems);
	return err ? err : execute(db, "COMMIT;");
}

/* path: a file, "" for a temporary one that has no name, ":memory:". */
static int make(
	const char *path, struct index_problems *ret_problems, const char *case_path, const struct index_options *options, sqlite3 **ret_db)
{
	struct index_problems problems = {.window_ms = options->window_ms};
	struct case_reader *reader;
	sqlite3 *db = NULL;
	int err = case_open(&reader, case_path);

	if (err)
		return err;
	index_verify(&problems, case_path);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
		SQLITE_OK)
		err = -EIO;
	if (!err)
		err = where_functions(db);
	if (!err)
		err = fill(db, &problems, reader, options->names);
	case_reader_free(reader);
	if (err) {
		sqlite3_close(db);
		return err;
	}
	*ret_problems = problems;
	*ret_db = db;
	return 0;
}

/* Made under another name, so that nobody sees half of one. */
static int make_cached(
	const struct cache *cache, struct index_problems *ret_problems, const char *case_path, sqlite3 **ret_db)
{
	struct cache after = {0};
	int err;

	umask(077);
	unlink(cache->made);
	err = make(cache->made, ret_problems, case_path, &(struct index_options){0}, ret_db);
	if (err) {
		unlink(cache->made);
		return err;
	}
	cache_find(&after, case_path);
	if (!after.usable || strcmp(after.path, cache->path)) {
		/* It is still being written: this index is of a case that is no more. */
		unlink(cache->made);
		return execute(*ret_db, "PRAGMA query_only = ON;");
	}
	sqlite3_close(*ret_db);
	err = cache_keep(cache) ? open_cached(cache, ret_db, ret_problems) : -EIO;
	if (err)
		unlink(cache->made);
	return err;
}

static int make_temporary(
	struct index_problems *ret_problems, const char *case_path, const struct index_options *options, sqlite3 **ret_db)
{
	const char *place = getenv("TMPDIR");
	char path[PATH_MAX];
	int fd, err;

	if ((size_t)snprintf(path, sizeof(path), "%s/" INDEX_TEMPORARY "XXXXXX",
		    place && *place ? place : "/var/tmp") >= sizeof(path))
		return -ENAMETOOLONG;
	fd = mkstemp(path);
	if (fd < 0)
		return -errno;
	close(fd);
	err = make(path, ret_problems, case_path, options, ret_db);
	if (err)
		unlink(path);
	return err;
}

static int case_size(const char *case_path, uint64_t *ret_size)
{
	struct case_reader *reader;
	int err = case_open(&reader, case_path);

	if (err)
		return err;
	*ret_size = case_bytes_total(reader);
	case_reader_free(reader);
	return 0;
}

static bool case_failed(int err)
{
	return err == -EBADMSG || err == -ENOENT || err == -ENOTDIR || err == -ENODATA;
}

int index_open_with(sqlite3 **ret_db, struct index_problems *ret_problems, const char *case_path,
	const struct index_options *options)
{
	struct cache cache = {0};
	uint64_t size;
	int err = case_size(case_path, &size);

	if (err)
		return err;
	if (size <= MEMORY_MAX && !options->file) {
		err = make(":memory:", ret_problems, case_path, options, ret_db);
		return err ? err : execute(*ret_db, "PRAGMA query_only = ON;");
	}
	if (!options->fresh && !options->window_ms)
		cache_find(&cache, case_path);
	if (cache_has(&cache) && !open_cached(&cache, ret_db, ret_problems))
		return 0;
	if (cache.usable) {
		err = make_cached(&cache, ret_problems, case_path, ret_db);
		if (!err || case_failed(err))
			return err;
	}
	if (options->file)
		return make_temporary(ret_problems, case_path, options, ret_db);
	/* No room there, or not allowed: a file without a name, in the place for temporary ones. */
	err = make("", ret_problems, case_path, options, ret_db);
	return err ? err : execute(*ret_db, "PRAGMA query_only = ON;");
}

int index_open(sqlite3 **ret_db, struct index_problems *ret_problems, const char *case_path)
{
	return index_open_with(ret_db, ret_problems, case_path, &(struct index_options){0});
}
