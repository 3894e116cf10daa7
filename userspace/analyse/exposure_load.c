/* SPDX-License-Identifier: BSD-2-Clause */
/* The processes, which of them are alike, what each was started by, and the bursts of reading that matter. */
#include "exposure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"

static int highest(sqlite3 *db, const char *sql, uint32_t *ret_number)
{
	sqlite3_stmt *row;
	int err = -EIO;

	if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
		return err;
	if (sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int64(row, 0) < UINT32_MAX) {
		*ret_number = sqlite3_column_int64(row, 0);
		err = 0;
	}
	sqlite3_finalize(row);
	return err;
}

/* Processes of one program of which there are many share a node; every other one is its own. */
static int load_processes(struct exposure *exposure)
{
	sqlite3_stmt *row;
	int err = highest(exposure->db, "SELECT coalesce(max(id), 0) FROM process", &exposure->process_count);

	exposure->processes = err ? NULL : calloc(exposure->process_count + 1ul, sizeof(*exposure->processes));
	if (!exposure->processes)
		return err ? err : -ENOMEM;
	if (sqlite3_prepare_v2(exposure->db,
		    "SELECT id, pid, started, ended, CASE WHEN count(*) OVER alike >= ?1 THEN min(id) OVER alike ELSE id END FROM process"
		    " WINDOW alike AS (PARTITION BY executable, comm)",
		    -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_int(row, 1, KIN_MIN);
	while (sqlite3_step(row) == SQLITE_ROW) {
		struct process_info *process = &exposure->processes[sqlite3_column_int64(row, 0)];

		process->pid = sqlite3_column_int64(row, 1);
		process->life.first = exposure_time(row, 2);
		process->life.last = exposure_time(row, 3);
		if (!process->life.last)
			process->life.last = INT64_MAX;
		process->node = sqlite3_column_int64(row, 4);
	}
	return sqlite3_finalize(row) == SQLITE_OK ? 0 : -EIO;
}

static int by_node(const void *a, const void *b, void *context)
{
	const struct process_info *processes = context;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	if (processes[left].node != processes[right].node)
		return processes[left].node < processes[right].node ? -1 : 1;
	return (left > right) - (left < right);
}

static int load_members(struct exposure *exposure)
{
	uint32_t i;

	exposure->members = calloc(exposure->process_count + 1ul, sizeof(*exposure->members));
	if (!exposure->members)
		return -ENOMEM;
	for (i = 0; i < exposure->process_count; i++)
		exposure->members[i] = i + 1;
	qsort_r(exposure->members, exposure->process_count, sizeof(*exposure->members), by_node, exposure->processes);
	return 0;
}

/* A child begins with a copy of its parent's memory. */
static int load_forks(struct exposure *exposure)
{
	sqlite3_stmt *row;
	int err = 0;

	if (sqlite3_prepare_v2(exposure->db,
		    "SELECT q.id, p.id, min(i.time) FROM image AS i JOIN process AS p ON p.id = i.process JOIN process AS q ON q.entity = i.parent"
		    " WHERE i.event = 'fork' GROUP BY p.id",
		    -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	while (!err && sqlite3_step(row) == SQLITE_ROW) {
		struct passing passing = {.giver = sqlite3_column_int64(row, 0), .receiver = sqlite3_column_int64(row, 1), .way = WAY_FORK, .exact = true};

		passing.given.first = passing.given.last = exposure_time(row, 2);
		passing.taken = passing.given;
		if (passing.giver != passing.receiver && passing.given.first)
			err = passing_add(exposure, &passing);
	}
	return sqlite3_finalize(row) == SQLITE_OK ? err : -EIO;
}

static int by_giver(const void *a, const void *b)
{
	const struct passing *left = a, *right = b;

	if (left->giver != right->giver)
		return left->giver < right->giver ? -1 : 1;
	return (left->given.first > right->given.first) - (left->given.first < right->given.first);
}

/* When a read matters at all. */
static int load_leaves(struct exposure *exposure)
{
	size_t i;
	int err = 0;

	if (exposure->passings.count)
		qsort(exposure->passings.items, exposure->passings.count, sizeof(struct passing), by_giver);
	for (i = 0; !err && i < exposure->passings.count; i++) {
		const struct passing *passing = LIST_AT(&exposure->passings, struct passing, i);

		err = spans_add(&exposure->processes[passing->giver].may, passing->given.first - exposure->window, passing->given.last);
	}
	for (i = 1; i <= exposure->process_count; i++)
		spans_settle(&exposure->processes[i].may);
	return err;
}

static int add_read(struct exposure *exposure, sqlite3_stmt *row)
{
	uint32_t process = sqlite3_column_int64(row, 0), file = sqlite3_column_int64(row, 1);
	struct read_burst burst = {.process = process, .file = file};
	struct read_burst *new;

	if (process > exposure->process_count || file > exposure->file_count || !exposure->processes[process].leaves || !exposure->files[file].class)
		return 0;
	burst.span = (struct span){exposure_time(row, 2), exposure_time(row, 3)};
	if (!burst.span.first || !spans_meet(&exposure->processes[process].may, burst.span.first, burst.span.last))
		return 0;
	if (exposure->reads.count >= READS_MAX) {
		exposure->reads_cut = true;
		return 0;
	}
	burst.class = exposure->files[file].class - 1;
	burst.bytes = sqlite3_column_int64(row, 4);
	burst.mapped = !sqlite3_column_int64(row, 5);
	new = list_add(&exposure->reads, sizeof(*new));
	if (new)
		*new = burst;
	return new ? 0 : -ENOMEM;
}

static int load_reads(struct exposure *exposure)
{
	sqlite3_stmt *row;
	int err = 0;

	if (!exposure->passings.count)
		return 0;
	if (sqlite3_prepare_v2(exposure->db,
		    "SELECT process, file, first, last, read_bytes, reads FROM access WHERE (reads > 0 OR maps > 0) AND file IS NOT NULL", -1, &row,
		    NULL) != SQLITE_OK)
		return -EIO;
	while (!err && sqlite3_step(row) == SQLITE_ROW)
		err = add_read(exposure, row);
	return sqlite3_finalize(row) == SQLITE_OK ? err : -EIO;
}

static uint8_t class_number(const struct exposure *exposure, const char *class)
{
	size_t i;

	if (!class || class_ordinary(class))
		return 0;
	for (i = 0; i < exposure->class_count; i++)
		if (!strcmp(exposure->classes[i], class))
			return i + 1;
	return 0;
}

static void set_file(struct exposure *exposure, sqlite3_stmt *row)
{
	struct file_info *file = &exposure->files[sqlite3_column_int64(row, 0)];
	const char *type = (const char *)sqlite3_column_text(row, 2);

	file->kind = FILE_PLAIN;
	if (type && !strcmp(type, "pipe"))
		file->kind = FILE_PIPE;
	else if ((type && !strcmp(type, "memfd")) || sqlite3_column_int(row, 3))
		file->kind = FILE_MEMORY;
	else if (type && strcmp(type, "file"))
		file->kind = FILE_OTHER;
	/* A disk is read past its files. */
	if (file->kind == FILE_PLAIN || (type && !strcmp(type, "device")))
		file->class = class_number(exposure, (const char *)sqlite3_column_text(row, 1));
	if (sqlite3_column_int(row, 4))
		file->kind = FILE_OTHER;
}

static int load_file_table(struct exposure *exposure)
{
	sqlite3_stmt *row;
	int err = highest(exposure->db, "SELECT coalesce(max(id), 0) FROM file", &exposure->file_count);

	exposure->files = err ? NULL : calloc(exposure->file_count + 1ul, sizeof(*exposure->files));
	if (!exposure->files)
		return err ? err : -ENOMEM;
	if (sqlite3_prepare_v2(exposure->db,
		    "SELECT id, class, type, path GLOB '/dev/shm/*', path GLOB '/proc/*' OR path GLOB '/sys/*' FROM file", -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	while (sqlite3_step(row) == SQLITE_ROW)
		set_file(exposure, row);
	return sqlite3_finalize(row) == SQLITE_OK ? 0 : -EIO;
}

int exposure_load(struct exposure *exposure)
{
	int err = load_processes(exposure);

	if (!err)
		err = load_members(exposure);
	if (!err)
		err = load_file_table(exposure);
	if (!err)
		err = exposure_load_flows(exposure);
	if (!err)
		err = exposure_load_files(exposure);
	if (!err)
		err = load_forks(exposure);
	if (!err)
		err = load_leaves(exposure);
	return err ? err : load_reads(exposure);
}
