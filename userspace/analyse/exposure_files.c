/* SPDX-License-Identifier: BSD-2-Clause */
/* What left over pipes, shared memory and files: one process wrote, another read the same object. */
#include "exposure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct use {
	uint32_t file, process;
	bool writes, exact;
	struct span span;
	uint64_t bytes;
};

static struct file_info *file_of(struct exposure *exposure, sqlite3_stmt *row)
{
	int64_t file = sqlite3_column_int64(row, 1);
	struct file_info *info = file > 0 && file <= exposure->file_count ? &exposure->files[file] : NULL;

	return info && info->kind != FILE_OTHER ? info : NULL;
}

static void note_writer(struct exposure *exposure, sqlite3_stmt *row)
{
	struct file_info *file = file_of(exposure, row);
	uint32_t process = sqlite3_column_int64(row, 0);

	if (!file || (!sqlite3_column_int(row, 2) && file->kind != FILE_MEMORY))
		return;
	file->writer = file->writer && file->writer != process ? UINT32_MAX : process;
}

static void note_reader(struct exposure *exposure, sqlite3_stmt *row)
{
	struct file_info *file = file_of(exposure, row);

	if (file && file->writer && file->writer != sqlite3_column_int64(row, 0) && (sqlite3_column_int(row, 2) || file->kind == FILE_MEMORY))
		file->shared = exposure->any_shared = true;
}

static int each(struct exposure *exposure, const char *sql, void (*note)(struct exposure *exposure, sqlite3_stmt *row))
{
	sqlite3_stmt *row;

	if (sqlite3_prepare_v2(exposure->db, sql, -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	while (sqlite3_step(row) == SQLITE_ROW)
		note(exposure, row);
	return sqlite3_finalize(row) == SQLITE_OK ? 0 : -EIO;
}

static int add_side(struct list *uses, sqlite3_stmt *row, bool writes, uint64_t bytes, bool exact)
{
	struct use *use = list_add(uses, sizeof(*use));

	if (!use)
		return -ENOMEM;
	*use = (struct use){.file = sqlite3_column_int64(row, 1), .process = sqlite3_column_int64(row, 0), .writes = writes, .exact = exact,
		.span = {exposure_time(row, 2), exposure_time(row, 3)}, .bytes = bytes};
	return 0;
}

/* The ends of a burst are exact for a way if nothing was done but that way. Mapped memory may be read and written. */
static int add_use(struct exposure *exposure, struct list *uses, sqlite3_stmt *row)
{
	const struct file_info *file = file_of(exposure, row);
	int64_t reads = sqlite3_column_int64(row, 4), writes = sqlite3_column_int64(row, 6), maps = sqlite3_column_int64(row, 8);
	int64_t others = sqlite3_column_int64(row, 9);
	bool mapped = file && file->kind == FILE_MEMORY && maps;
	int err = 0;

	if (!file || !file->shared || uses->count >= PASSINGS_MAX)
		return 0;
	if (writes || mapped)
		err = add_side(uses, row, true, sqlite3_column_int64(row, 7), writes && !reads && !maps && !others);
	if (!err && (reads || mapped))
		err = add_side(uses, row, false, sqlite3_column_int64(row, 5), reads && !writes && !maps && !others);
	return err;
}

static int load_uses(struct exposure *exposure, struct list *uses)
{
	sqlite3_stmt *row;
	int err = 0;

	if (sqlite3_prepare_v2(exposure->db,
		    "SELECT process, file, first, last, reads, read_bytes, writes, write_bytes, maps, opens + lists FROM access"
		    " WHERE file IS NOT NULL AND (reads > 0 OR writes > 0 OR maps > 0)",
		    -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	while (!err && sqlite3_step(row) == SQLITE_ROW)
		err = add_use(exposure, uses, row);
	exposure->passings_cut |= uses->count >= PASSINGS_MAX;
	return sqlite3_finalize(row) == SQLITE_OK ? err : -EIO;
}

static int by_file(const void *a, const void *b)
{
	const struct use *left = a, *right = b;

	if (left->file != right->file)
		return left->file < right->file ? -1 : 1;
	if (left->writes != right->writes)
		return left->writes ? -1 : 1;
	return (left->span.first > right->span.first) - (left->span.first < right->span.first);
}

static const uint8_t ways[] = {[FILE_PLAIN] = WAY_FILE, [FILE_PIPE] = WAY_PIPE, [FILE_MEMORY] = WAY_MEMORY};

static int pair(struct exposure *exposure, const struct use *writer, const struct use *reader)
{
	struct passing passing = {.giver = writer->process, .receiver = reader->process, .object = writer->file,
		.way = ways[exposure->files[writer->file].kind], .exact = writer->exact && reader->exact && exposure->files[writer->file].writer != UINT32_MAX, .given = writer->span, .taken = reader->span,
		.bytes = writer->bytes, .taken_bytes = reader->bytes};

	if (writer->process == reader->process || reader->span.last < writer->span.first ||
		reader->span.first > writer->span.last + exposure->window || !writer->span.first)
		return 0;
	return passing_add(exposure, &passing);
}

/* Of one object, from which on writers come, then readers, each by time. */
static int pair_all(struct exposure *exposure, const struct use *uses, size_t count)
{
	size_t writers, from = 0, i, k;
	int err = 0;

	for (writers = 0; writers < count && uses[writers].writes; writers++)
		;
	for (i = writers; !err && i < count && !exposure->passings_cut; i++) {
		/* A burst is at most a minute long, but what a case says need not be true. */
		while (from < writers && uses[from].span.last + exposure->window < uses[i].span.first)
			from++;
		for (k = from; !err && k < writers && uses[k].span.first <= uses[i].span.last; k++)
			err = pair(exposure, &uses[k], &uses[i]);
	}
	return err;
}

int exposure_load_files(struct exposure *exposure)
{
	struct list uses = {0};
	size_t i, end;
	int err = each(exposure, "SELECT process, file, writes > 0 FROM total WHERE writes > 0 OR maps > 0", note_writer);

	if (!err)
		err = each(exposure, "SELECT process, file, reads > 0 FROM total WHERE reads > 0 OR maps > 0", note_reader);
	if (!err && exposure->any_shared)
		err = load_uses(exposure, &uses);
	if (uses.count)
		qsort(uses.items, uses.count, sizeof(struct use), by_file);
	for (i = 0; !err && i < uses.count; i = end) {
		for (end = i + 1; end < uses.count && LIST_AT(&uses, struct use, end)->file == LIST_AT(&uses, struct use, i)->file; end++)
			;
		err = pair_all(exposure, LIST_AT(&uses, struct use, i), end - i);
	}
	list_done(&uses);
	return err;
}
