/* SPDX-License-Identifier: BSD-2-Clause */
#include "index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case/case.h"
#include "index_facts.h"
#include "intern.h"
#include "line.h"

#define JUMPS_MAX 64 /* told one by one; the rest as a number */
#define KEY(key) key, sizeof(key) - 1

struct loader {
	sqlite3 *db;
	struct line *line;
	struct intern processes;
	struct intern files;
	sqlite3_stmt *kinds[FACT_KINDS_MAX];
	sqlite3_stmt *new_process;
	sqlite3_stmt *put_file;
	sqlite3_stmt *exec;    /* a new image replaces */
	sqlite3_stmt *fill;    /* a fork adds what was missing */
	sqlite3_stmt *inherit; /* and the parent gives the rest */
	uint64_t facts;
	uint64_t sequence; /* expected next; 0: not known */
	bool open;	   /* in open.ndjson by now */
	uint64_t jumps;	   /* places where the sequence is broken */
	char first_time[TIME_TEXT];
	char last_time[TIME_TEXT];
	struct index_problems problems;
};

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

static int link_count(uint8_t link)
{
	return !!link_columns[link][0] + !!link_columns[link][1];
}

static int prepare_insert(struct loader *loader, sqlite3_stmt **ret_statement, const struct fact_kind *kind)
{
	char *text = NULL;
	size_t size, i;
	FILE *sql = open_memstream(&text, &size);
	int links = link_count(kind->link);

	if (!sql)
		return -ENOMEM;
	fprintf(sql, "INSERT INTO %s (", kind->table);
	for (i = 0; i < (size_t)links; i++)
		fprintf(sql, "%s, ", link_columns[kind->link][i]);
	for (i = 0; i < kind->count; i++)
		fprintf(sql, "%s%s", i ? ", " : "", kind->columns[i].name);
	fputs(") VALUES (?", sql);
	for (i = 1; i < kind->count + (size_t)links; i++)
		fputs(", ?", sql);
	fputs(")", sql);
	return prepare(loader, ret_statement, sql, &text);
}

/* Facts without a table change a row that is there: their columns are set, the last parameter says where. */
static int prepare_update(struct loader *loader, sqlite3_stmt **ret_statement, const struct fact_kind *kind)
{
	char *text = NULL;
	size_t size, i;
	FILE *sql = open_memstream(&text, &size);

	if (!sql)
		return -ENOMEM;
	fprintf(sql, "UPDATE %s SET ", kind->link == LINK_PROCESS ? "process" : "capture");
	for (i = 0; i < kind->count; i++)
		fprintf(sql, "%s%s = coalesce(?%zu, %s)", i ? ", " : "", kind->columns[i].name, i + 1 + link_count(kind->link),
			kind->columns[i].name);
	if (kind->link == LINK_PROCESS)
		fputs(" WHERE id = ?1", sql);
	return prepare(loader, ret_statement, sql, &text);
}

static int prepare_file(struct loader *loader)
{
	char *text = NULL;
	size_t size, i;
	FILE *sql = open_memstream(&text, &size);

	if (!sql)
		return -ENOMEM;
	fputs("INSERT OR REPLACE INTO file (id", sql);
	for (i = 0; i < file_columns_count; i++)
		fprintf(sql, ", %s", file_columns[i].name);
	fputs(") VALUES (?", sql);
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

static int prepare_all(struct loader *loader)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < fact_kinds_count; i++)
		err = (fact_kinds[i].table ? prepare_insert : prepare_update)(
			loader, &loader->kinds[i], &fact_kinds[i]);
	if (!err)
		err = prepare_file(loader);
	if (!err)
		err = prepare_image(loader, &loader->exec, IMAGE_EXEC);
	if (!err)
		err = prepare_image(loader, &loader->fill, IMAGE_FILL);
	if (!err)
		err = prepare_image(loader, &loader->inherit, IMAGE_INHERIT);
	if (!err && sqlite3_prepare_v3(loader->db, "INSERT INTO process (id, entity, pid, comm) VALUES (?, ?, ?, ?)",
			    -1, SQLITE_PREPARE_PERSISTENT, &loader->new_process, NULL) != SQLITE_OK)
		err = -EIO;
	return err;
}

/* 2026-11-23T17:40:00 with up to nine digits after a point, and Z; what has fewer gets zeros, so that text order is
 * time order. */
static bool normal_time(const struct line_field *field, char *out)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	const char *at = field->text;
	size_t i, len = field->len;

	if (len < sizeof(form) || len > 30 || at[len - 1] != 'Z')
		return false;
	for (i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == 'd' ? at[i] < '0' || at[i] > '9' : at[i] != form[i])
			return false;
	memcpy(out, "0000-00-00T00:00:00.000000000Z", 31);
	memcpy(out, at, sizeof(form) - 1);
	if (len == sizeof(form))
		return true;
	if (at[i++] != '.' || len < sizeof(form) + 2)
		return false;
	for (; i < len - 1; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		out[i] = at[i];
	}
	return true;
}

static bool is_digits(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		;
	return len && i == len && len <= 20 && (len == 1 || text[0] != '0');
}

static int bind_number(sqlite3_stmt *statement, int at, const struct line_field *field)
{
	uint64_t number = field->number;

	if (field->type == LINE_TEXT && is_digits(field->text, field->len))
		number = strtoull(field->text, NULL, 10);
	else if (field->type != LINE_NUMBER || field->text[0] == '-')
		return sqlite3_bind_null(statement, at);
	return sqlite3_bind_int64(statement, at, number > INT64_MAX ? INT64_MAX : number);
}

static int bind_text_if(sqlite3_stmt *statement, int at, const struct line_field *field, bool good)
{
	if (!good)
		return sqlite3_bind_null(statement, at);
	return sqlite3_bind_text(statement, at, field->text, field->len, SQLITE_STATIC);
}

static int bind_field(sqlite3_stmt *statement, int at, enum column_type type, const struct line_field *field)
{
	bool text = field->type == LINE_TEXT;
	char time[TIME_TEXT];

	switch (type) {
	case COLUMN_TEXT:
		return bind_text_if(statement, at, field, text);
	case COLUMN_NUMBER:
	case COLUMN_COUNT:
		return bind_number(statement, at, field);
	case COLUMN_DIGITS:
		return bind_text_if(statement, at, field,
			(text || field->type == LINE_NUMBER) && is_digits(field->text, field->len));
	case COLUMN_TRUE:
		if (field->type != LINE_TRUE && field->type != LINE_FALSE)
			return sqlite3_bind_null(statement, at);
		return sqlite3_bind_int(statement, at, field->type == LINE_TRUE);
	case COLUMN_LIST:
		return bind_text_if(statement, at, field, field->type == LINE_LIST);
	case COLUMN_OBJECT:
		return bind_text_if(statement, at, field, text && line_is_object(field->text, field->len));
	case COLUMN_TIME:
		if (!text || !normal_time(field, time))
			return sqlite3_bind_null(statement, at);
		return sqlite3_bind_text(statement, at, time, 30, SQLITE_TRANSIENT);
	}
	return SQLITE_MISUSE;
}

static int bind_columns(
	struct loader *loader, sqlite3_stmt *statement, int at, const struct column *columns, size_t count)
{
	static const struct line_field zero = {.type = LINE_NUMBER, .text = "0", .len = 1};
	size_t i;
	int err = SQLITE_OK;

	for (i = 0; err == SQLITE_OK && i < count; i++) {
		const struct line_field *field = line_find(loader->line, columns[i].key, columns[i].key_len);

		if (columns[i].type == COLUMN_COUNT && (!field || field->type != LINE_NUMBER))
			field = &zero;
		if (field)
			err = bind_field(statement, at + i, columns[i].type, field);
		else
			err = sqlite3_bind_null(statement, at + i);
	}
	return err == SQLITE_OK ? 0 : -EIO;
}

static int run(sqlite3_stmt *statement)
{
	int err = sqlite3_step(statement);

	sqlite3_reset(statement);
	if (err == SQLITE_NOMEM)
		return -ENOMEM;
	return err == SQLITE_DONE ? 0 : -EIO;
}

static const struct line_field *find_text(struct loader *loader, const char *key, size_t len)
{
	const struct line_field *field = line_find(loader->line, key, len);

	return field && field->type == LINE_TEXT ? field : NULL;
}

/* The number of the fact's process in table process; 0: the fact names none. */
static int find_process(struct loader *loader, uint32_t *ret_id)
{
	static const struct column columns[] = {
		{"entity", KEY("process.entity_id"), COLUMN_TEXT},
		{"pid", KEY("process.pid"), COLUMN_NUMBER},
		{"comm", KEY("process.name"), COLUMN_TEXT},
	};
	const struct line_field *entity = find_text(loader, KEY("process.entity_id"));
	struct intern_entry *entry;
	int known, err;

	*ret_id = 0;
	if (!entity)
		return 0;
	known = intern_add(&loader->processes, entity->text, entity->len, &entry);
	if (known < 0)
		return known;
	*ret_id = entry->id;
	if (known == 0)
		return 0;
	sqlite3_bind_int64(loader->new_process, 1, entry->id);
	err = bind_columns(loader, loader->new_process, 2, columns, 3);
	return err ? err : run(loader->new_process);
}

static uint64_t path_hash(struct loader *loader)
{
	static const struct line_field none = {.text = ""};
	const struct line_field *path = find_text(loader, KEY("file.path"));
	bool deleted = line_find(loader->line, KEY("quis.file.deleted"));

	path = path ? path : &none;
	return intern_hash(&loader->files, path->text, path->len) + deleted;
}

/* The number of the fact's object in table file; 0: it has none. An object is one, whatever its name at the time. */
static int find_file(struct loader *loader, uint32_t *ret_id)
{
	const struct line_field *device = find_text(loader, KEY("quis.file.device"));
	const struct line_field *inode = line_find(loader->line, KEY("file.inode"));
	const struct line_field *generation = line_find(loader->line, KEY("quis.file.generation"));
	struct intern_entry *entry;
	uint64_t hash;
	char key[96];
	int known, err, len;

	*ret_id = 0;
	if (!device || !inode || (inode->type != LINE_TEXT && inode->type != LINE_NUMBER))
		return 0;
	len = snprintf(key, sizeof(key), "%.30s/%.20s/%" PRIu64, device->text, inode->text,
		generation ? generation->number : 0);
	known = intern_add(&loader->files, key, len, &entry);
	if (known < 0)
		return known;
	*ret_id = entry->id;
	hash = path_hash(loader);
	if (known == 0 && entry->note == hash)
		return 0;
	entry->note = hash;
	sqlite3_bind_int64(loader->put_file, 1, entry->id);
	err = bind_columns(loader, loader->put_file, 2, file_columns, file_columns_count);
	return err ? err : run(loader->put_file);
}

static int bind_links(
	struct loader *loader, sqlite3_stmt *statement, const struct fact_kind *kind, uint32_t *ret_process)
{
	uint32_t file = 0;
	int err;

	if (kind->link == LINK_NONE)
		return 0;
	if (kind->link == LINK_KIND)
		return sqlite3_bind_text(statement, 1, kind->fact, -1, SQLITE_STATIC) == SQLITE_OK ? 0 : -EIO;
	err = find_process(loader, ret_process);
	if (err)
		return err;
	if (!*ret_process && kind->link != LINK_MAYBE_PROCESS)
		return -EBADMSG;
	sqlite3_bind_null(statement, 1);
	if (*ret_process)
		sqlite3_bind_int64(statement, 1, *ret_process);
	if (kind->link != LINK_FILE)
		return 0;
	err = find_file(loader, &file);
	sqlite3_bind_null(statement, 2);
	if (file)
		sqlite3_bind_int64(statement, 2, file);
	return err;
}

static int run_for(sqlite3_stmt *statement, uint32_t process)
{
	sqlite3_bind_int64(statement, 1, process);
	return run(statement);
}

static int after_start(struct loader *loader, uint32_t process)
{
	const struct line_field *event = find_text(loader, KEY("quis.process.event"));
	int err;

	if (!event || event->len != 4 || memcmp(event->text, "fork", 4))
		return run_for(loader->exec, process);
	err = run_for(loader->fill, process);
	return err ? err : run_for(loader->inherit, process);
}

static int load_fact(struct loader *loader, size_t index)
{
	const struct fact_kind *kind = &fact_kinds[index];
	sqlite3_stmt *statement = loader->kinds[index];
	uint32_t process = 0;
	int err;

	err = bind_links(loader, statement, kind, &process);
	if (!err)
		err = bind_columns(loader, statement, 1 + link_count(kind->link), kind->columns, kind->count);
	if (!err)
		err = run(statement);
	if (!err && kind->after == AFTER_START)
		err = after_start(loader, process);
	return err;
}

static int add_gap(struct loader *loader, const char *first, const char *last, const char *what, uint64_t count)
{
	sqlite3_stmt *statement;
	int err;

	if (sqlite3_prepare_v2(loader->db,
		    "INSERT INTO gap (first, last, what, count) VALUES (nullif(?, ''), nullif(?, ''), ?, nullif(?, 0))",
		    -1, &statement, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_text(statement, 1, first, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, last, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, what, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 4, count);
	err = run(statement);
	sqlite3_finalize(statement);
	return err;
}

static void note_bad(struct loader *loader, const struct case_line *line, const char *what)
{
	if (!loader->problems.bad_lines++) {
		loader->problems.first_segment = line->segment;
		loader->problems.first_line = line->number;
		loader->problems.first_what = what;
	}
	/* A line that cannot be read had a number too, presumably. */
	if (loader->sequence)
		loader->sequence++;
}

/* Numbers that are missing in between mean facts that were taken out, or lost with a segment. */
static int check_sequence(struct loader *loader, const char *time)
{
	const struct line_field *field = line_find(loader->line, KEY("event.sequence"));
	uint64_t expected = loader->sequence, number;
	int err = 0;

	if (!field || field->type != LINE_NUMBER)
		return 0;
	number = field->number;
	if (expected && number != expected && loader->jumps++ < JUMPS_MAX)
		err = add_gap(loader, loader->last_time, time,
			number > expected ? "facts are missing from the case" : "facts are out of order",
			number > expected ? number - expected : 0);
	loader->sequence = number + 1;
	return err;
}

static int load_line(struct loader *loader, const struct case_line *line)
{
	const struct line_field *kind, *time;
	char text[TIME_TEXT];
	size_t i;
	int err;

	if (line_parse(loader->line, line->text, line->len))
		return -EBADMSG;
	time = find_text(loader, KEY("@timestamp"));
	kind = find_text(loader, KEY("quis.fact"));
	if (!kind || !time || !normal_time(time, text))
		return -EBADMSG;
	err = check_sequence(loader, text);
	if (err)
		return err;
	loader->facts++;
	memcpy(loader->last_time, text, sizeof(text));
	if (!loader->first_time[0])
		memcpy(loader->first_time, text, sizeof(text));
	for (i = 0; i < fact_kinds_count; i++)
		if (!strcmp(fact_kinds[i].fact, kind->text))
			return load_fact(loader, i);
	return 0;
}

static int note_missing(struct loader *loader, const struct case_line *line)
{
	char what[80];

	snprintf(what, sizeof(what), "segment facts-%06" PRIu32 ".ndjson is missing", line->segment);
	return add_gap(loader, loader->last_time, "", what, 0);
}

static const char *bad_reason(int err)
{
	switch (err) {
	case -EBADMSG:
		return "the line has no end";
	case -E2BIG:
		return "the line is too long";
	default:
		return strerror(-err);
	}
}

static int load_lines(struct loader *loader, struct case_reader *reader)
{
	struct case_line line;
	int got, err;

	while ((got = case_next(reader, &line))) {
		err = 0;
		if (!line.segment && !loader->open) {
			loader->open = true;
			err = sqlite3_exec(loader->db, index_open_begin, NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
			if (err)
				return err;
		}
		if (got == 1)
			err = load_line(loader, &line);
		else if (got == -ENOLINK)
			err = note_missing(loader, &line);
		else
			note_bad(loader, &line, bad_reason(got));
		if (err == -EBADMSG)
			note_bad(loader, &line, "no fact");
		else if (err)
			return err;
	}
	return loader->facts ? 0 : -EBADMSG;
}

static bool has_row(struct loader *loader, const char *sql)
{
	sqlite3_stmt *statement;
	bool row;

	if (sqlite3_prepare_v2(loader->db, sql, -1, &statement, NULL) != SQLITE_OK)
		return false;
	row = sqlite3_step(statement) == SQLITE_ROW;
	sqlite3_finalize(statement);
	return row;
}

static int execute(struct loader *loader, const char *sql)
{
	return sqlite3_exec(loader->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
}

static int set_span(struct loader *loader)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		"UPDATE capture SET started = coalesce(started, '%s'), ended = coalesce(ended, '%s')",
		loader->first_time, loader->last_time);
	return execute(loader, sql);
}

/* What the case itself shows to be missing. */
static int note_problems(struct loader *loader)
{
	const struct index_problems *problems = &loader->problems;
	bool started = has_row(loader, "SELECT 1 FROM capture");
	char what[160];
	int err = 0;

	if (!started) {
		err = execute(loader, "INSERT INTO capture (case_id) VALUES (NULL)");
		if (!err)
			err = add_gap(loader, "", loader->first_time, "the beginning of the recording is missing", 0);
	}
	if (!err && !has_row(loader, "SELECT 1 FROM stats"))
		err = add_gap(loader, "", "", "the sensor's own counts are missing: what it lost is not known", 0);
	if (!err && loader->jumps > JUMPS_MAX)
		err = add_gap(loader, "", loader->last_time, "more breaks in the sequence of facts",
			loader->jumps - JUMPS_MAX);
	if (!err && problems->bad_lines) {
		snprintf(what, sizeof(what),
			"lines of the case could not be read, the first being line %" PRIu64 " of facts-%06" PRIu32
			".ndjson: %s",
			problems->first_line, problems->first_segment, problems->first_what);
		err = add_gap(loader, "", "", what, problems->bad_lines);
	}
	return err;
}

static int finish(struct loader *loader, bool ended)
{
	int err = note_problems(loader);

	if (!err && !ended)
		err = add_gap(loader, loader->last_time, "",
			"the recording was cut short, or still goes on: what came after is not known", 0);
	if (!err)
		err = set_span(loader);
	if (!err)
		err = execute(loader, index_schema_late);
	if (!err && loader->open)
		err = execute(loader, index_open_end);
	if (!err)
		err = execute(loader, index_inherited);
	return err ? err : execute(loader, "COMMIT; PRAGMA query_only = ON;");
}

static int load(struct loader *loader, struct case_reader *reader)
{
	int err = execute(
		loader, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; BEGIN;");

	if (!err)
		err = execute(loader, index_schema);
	if (!err)
		err = prepare_all(loader);
	if (!err)
		err = load_lines(loader, reader);
	return err ? err : finish(loader, has_row(loader, "SELECT 1 FROM capture WHERE ended IS NOT NULL"));
}

static int loader_init(struct loader *loader)
{
	int err = intern_init(&loader->processes);

	if (!err)
		err = intern_init(&loader->files);
	loader->line = malloc(sizeof(*loader->line));
	if (!err && !loader->line)
		err = -ENOMEM;
	if (!err && sqlite3_open_v2(":memory:", &loader->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
			    SQLITE_OK)
		err = -ENOMEM;
	return err;
}

static void loader_done(struct loader *loader)
{
	size_t i;

	for (i = 0; i < fact_kinds_count; i++)
		sqlite3_finalize(loader->kinds[i]);
	sqlite3_finalize(loader->new_process);
	sqlite3_finalize(loader->put_file);
	sqlite3_finalize(loader->exec);
	sqlite3_finalize(loader->fill);
	sqlite3_finalize(loader->inherit);
	intern_done(&loader->processes);
	intern_done(&loader->files);
	free(loader->line);
}

int index_open(sqlite3 **ret_db, struct index_problems *ret_problems, const char *case_path)
{
	struct loader loader = {0};
	struct case_reader *reader;
	int err = case_open(&reader, case_path);

	if (err)
		return err;
	err = loader_init(&loader);
	if (!err)
		err = load(&loader, reader);
	case_reader_free(reader);
	loader_done(&loader);
	if (err) {
		sqlite3_close(loader.db);
		return err;
	}
	*ret_db = loader.db;
	*ret_problems = loader.problems;
	return 0;
}
