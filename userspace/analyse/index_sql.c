/* SPDX-License-Identifier: BSD-2-Clause */
#include "index_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int prepare(struct loader *loader, sqlite3_stmt **ret_statement, FILE *sql, char **text)
{
	int err;

	if (fclose(sql))
		return -ENOMEM;
	err = sqlite3_prepare_v3(loader->db, *text, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL);
	free(*text);
	return err == SQLITE_OK ? 0 : -EIO;
}

static const char *const link_columns[][2] = {
	[LINK_NONE] = {NULL, NULL},
	[LINK_KIND] = {"kind", NULL},
	[LINK_PROCESS] = {"process", NULL},
	[LINK_MAYBE_PROCESS] = {"process", NULL},
	[LINK_FILE] = {"process", "file"},
};

int loader_links(uint8_t link)
{
	return !!link_columns[link][0] + !!link_columns[link][1];
}

static int prepare_insert(struct loader *loader, sqlite3_stmt **ret_statement, const struct fact_kind *kind)
{
	char *text = NULL;
	size_t size, i;
	FILE *sql = open_memstream(&text, &size);
	int links = loader_links(kind->link);

	if (!sql)
		return -ENOMEM;
	fprintf(sql, "INSERT INTO %s (", kind->table);
	for (i = 0; i < (size_t)links; i++)
		fprintf(sql, "%s, ", link_columns[kind->link][i]);
	for (i = 0; i < kind->count; i++)
		fprintf(sql, "%s, ", kind->columns[i].name);
	fputs("extra) VALUES (?", sql);
	for (i = 0; i < kind->count + (size_t)links; i++)
		fputs(", ?", sql);
	fputs(")", sql);
	return prepare(loader, ret_statement, sql, &text);
}

static int prepare_file(struct loader *loader)
{
	char *text = NULL;
	size_t size, i;
	FILE *sql = open_memstream(&text, &size);

	if (!sql)
		return -ENOMEM;
	fputs("INSERT OR REPLACE INTO file (id, class", sql);
	for (i = 0; i < file_columns_count; i++)
		fprintf(sql, ", %s", file_columns[i].name);
	fputs(") VALUES (?, ?", sql);
	for (i = 0; i < file_columns_count; i++)
		fputs(", ?", sql);
	fputs(")", sql);
	return prepare(loader, &loader->put_file, sql, &text);
}

enum image_use { IMAGE_EXEC, IMAGE_FILL, IMAGE_INHERIT };

static void write_image_sql(FILE *sql, enum image_use use)
{
	size_t i;

	fputs("UPDATE process SET ", sql);
	for (i = 0; i < image_columns_count; i++) {
		const struct image_column *column = &image_columns[i];

		if (use == IMAGE_EXEC && column->replaced)
			fprintf(sql, "%s = i.%s, ", column->name, column->name);
		else
			fprintf(sql, "%s = CASE WHEN %s.%s IS %s THEN process.%s ELSE i.%s END, ", column->name,
				use == IMAGE_EXEC ? "i" : "process", column->lead,
				use == IMAGE_EXEC ? "NULL" : "NOT NULL", column->name, column->name);
	}
	if (use == IMAGE_INHERIT) {
		/* Only who never ran a program of his own is still what his parent was. */
		fputs("images = process.images FROM process AS i WHERE process.id = ?1 AND i.entity = process.parent"
		      " AND process.images = 0",
			sql);
		return;
	}
	fprintf(sql,
		"started = min(coalesce(process.started, i.started), coalesce(i.started, process.started)),"
		" ppid = coalesce(process.ppid, i.ppid), parent = coalesce(process.parent, i.parent),"
		" flagged_by = coalesce(process.flagged_by, i.flagged_by), images = process.images + %d"
		" FROM image AS i WHERE process.id = ?1 AND i.id = last_insert_rowid()",
		use == IMAGE_EXEC);
}

static int prepare_image(struct loader *loader, sqlite3_stmt **ret_statement, enum image_use use)
{
	char *text = NULL;
	size_t size;
	FILE *sql = open_memstream(&text, &size);

	if (!sql)
		return -ENOMEM;
	write_image_sql(sql, use);
	return prepare(loader, ret_statement, sql, &text);
}

static int prepare_text(struct loader *loader, sqlite3_stmt **ret_statement, const char *text)
{
	return sqlite3_prepare_v3(loader->db, text, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL) == SQLITE_OK
		       ? 0
		       : -EIO;
}

static int prepare_texts(struct loader *loader)
{
	const struct {
		sqlite3_stmt **statement;
		const char *text;
	} texts[] = {
		{&loader->new_process, "INSERT INTO process (id, entity, pid, comm) VALUES (?, ?, ?, ?)"},
		{&loader->old_process, "SELECT id FROM process WHERE entity = ?"},
		{&loader->ending, "UPDATE process SET ended = coalesce(e.ended, process.ended), exit_code = "
				  "coalesce(e.exit_code, process.exit_code),"
				  " exit_signal = coalesce(e.exit_signal, process.exit_signal)"
				  " FROM ending AS e WHERE process.id = ?1 AND e.id = last_insert_rowid()"},
		{&loader->finish, "UPDATE capture SET ended = coalesce(f.time, ended), end_reason = coalesce(f.reason, "
				  "end_reason),"
				  " exit_status = coalesce(f.exit_status, capture.exit_status), unseen = "
				  "coalesce(f.unseen, capture.unseen)"
				  " FROM finish AS f WHERE f.id = last_insert_rowid()"},
		{&loader->clock, "INSERT OR REPLACE INTO clock (sequence, offset_ns) VALUES (?, ?)"},
	};
	size_t i;
	int err = 0;

	for (i = 0; !err && i < sizeof(texts) / sizeof(texts[0]); i++)
		err = prepare_text(loader, texts[i].statement, texts[i].text);
	return err;
}

int loader_prepare(struct loader *loader)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < fact_kinds_count; i++)
		err = prepare_insert(loader, &loader->kinds[i], &fact_kinds[i]);
	if (!err)
		err = prepare_file(loader);
	if (!err)
		err = prepare_image(loader, &loader->exec, IMAGE_EXEC);
	if (!err)
		err = prepare_image(loader, &loader->fill, IMAGE_FILL);
	if (!err)
		err = prepare_image(loader, &loader->inherit, IMAGE_INHERIT);
	return err ? err : prepare_texts(loader);
}

void loader_finalize(struct loader *loader)
{
	size_t i;

	for (i = 0; i < fact_kinds_count; i++)
		sqlite3_finalize(loader->kinds[i]);
	sqlite3_finalize(loader->new_process);
	sqlite3_finalize(loader->old_process);
	sqlite3_finalize(loader->put_file);
	sqlite3_finalize(loader->exec);
	sqlite3_finalize(loader->fill);
	sqlite3_finalize(loader->inherit);
	sqlite3_finalize(loader->ending);
	sqlite3_finalize(loader->finish);
	sqlite3_finalize(loader->clock);
}
