/* SPDX-License-Identifier: BSD-2-Clause */
#include "index_load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"
#include "exposure.h"
#include "index_totals.h"
#include "own.h"
#include "progress.h"
#include "times.h"

#define JUMPS_MAX 64 /* told one by one; the rest as a number */

static bool is_digits(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		;
	return len && i == len && len <= 20 && (len == 1 || text[0] != '0');
}

static bool number_of(const struct line_field *field, uint64_t *ret_number)
{
	uint64_t number = field->number;

	if (field->type == LINE_TEXT && is_digits(field->text, field->len))
		number = strtoull(field->text, NULL, 10);
	else if (field->type != LINE_NUMBER || field->text[0] == '-')
		return false;
	*ret_number = number > INT64_MAX ? INT64_MAX : number;
	return true;
}

/* Is it what the column is for? */
static bool field_fits(const struct line_field *field, enum column_type type, uint64_t *ret_number, char *ret_time)
{
	bool text = field->type == LINE_TEXT;

	switch (type) {
	case COLUMN_TEXT:
		return text;
	case COLUMN_NUMBER:
	case COLUMN_COUNT:
		return number_of(field, ret_number);
	case COLUMN_DIGITS:
		return (text || field->type == LINE_NUMBER) && is_digits(field->text, field->len);
	case COLUMN_TRUE:
		*ret_number = field->type == LINE_TRUE;
		return field->type == LINE_TRUE || field->type == LINE_FALSE;
	case COLUMN_LIST:
		return field->type == LINE_LIST;
	case COLUMN_OBJECT:
		return text && line_is_object(field->text, field->len);
	case COLUMN_TIME:
		return text && time_normal(field->text, field->len, ret_time);
	}
	return false;
}

/* What does not fit its column is left for column extra. */
static int bind_field(sqlite3_stmt *statement, int at, enum column_type type, struct line_field *field)
{
	char time[TIME_TEXT];
	uint64_t number;

	if (!field || !field_fits(field, type, &number, time)) {
		if (field)
			field->found = false;
		return type == COLUMN_COUNT ? sqlite3_bind_int(statement, at, 0) : sqlite3_bind_null(statement, at);
	}
	switch (type) {
	case COLUMN_NUMBER:
	case COLUMN_COUNT:
	case COLUMN_TRUE:
		return sqlite3_bind_int64(statement, at, number);
	case COLUMN_TIME:
		return sqlite3_bind_text(statement, at, time, TIME_LENGTH, SQLITE_TRANSIENT);
	default:
		return sqlite3_bind_text(statement, at, field->text, field->len, SQLITE_STATIC);
	}
}

static int bind_columns(
	struct loader *loader, sqlite3_stmt *statement, int at, const struct column *columns, size_t count)
{
	size_t i;
	int err = SQLITE_OK;

	for (i = 0; err == SQLITE_OK && i < count; i++)
		err = bind_field(statement, at + i, columns[i].type,
			line_find(loader->line, columns[i].key, columns[i].key_len));
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

/* A process for which the table of names had no place. 0: a new one. */
static int find_old_process(struct loader *loader, const struct line_field *entity, uint32_t *ret_id)
{
	sqlite3_stmt *statement = loader->old_process;
	int got;

	sqlite3_bind_text(statement, 1, entity->text, entity->len, SQLITE_STATIC);
	got = sqlite3_step(statement);
	*ret_id = got == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_reset(statement);
	return got == SQLITE_ROW || got == SQLITE_DONE ? 0 : -EIO;
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
	uint32_t *note;
	int known, err;

	*ret_id = 0;
	if (!entity)
		return 0;
	line_find(loader->line, KEY("process.pid"));
	known = intern_add(&loader->processes, entity->text, entity->len, ret_id, &note);
	if (known == -ENOSPC) {
		err = find_old_process(loader, entity, ret_id);
		if (err || *ret_id)
			return err;
		*ret_id = loader->process_count + 1;
	} else if (known <= 0) {
		return known;
	}
	loader->process_count++;
	sqlite3_bind_int64(loader->new_process, 1, *ret_id);
	err = bind_columns(loader, loader->new_process, 2, columns, 3);
	return err ? err : run(loader->new_process);
}

static uint32_t path_hash(struct loader *loader)
{
	static const struct line_field none = {.text = ""};
	const struct line_field *path = find_text(loader, KEY("file.path"));
	bool deleted = line_find(loader->line, KEY("quis.file.deleted"));

	path = path ? path : &none;
	return intern_hash(&loader->files, path->text, path->len) + deleted;
}

static int put_file(struct loader *loader, uint32_t id)
{
	const struct line_field *path = find_text(loader, KEY("file.path"));
	const struct line_field *view = find_text(loader, KEY("quis.file.view"));
	const char *class = path ? class_of_seen(path->text, path->len, view ? view->text : NULL, view ? view->len : 0) : NULL;
	int err;

	sqlite3_bind_int64(loader->put_file, 1, id);
	sqlite3_bind_text(loader->put_file, 2, class, -1, SQLITE_STATIC);
	err = bind_columns(loader, loader->put_file, 3, file_columns, file_columns_count);
	return err ? err : run(loader->put_file);
}

static void find_all(struct loader *loader, const struct column *columns, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		line_find(loader->line, columns[i].key, columns[i].key_len);
}

static size_t add_key(char *key, size_t used, const char *text, size_t len, size_t most)
{
	len = len < most ? len : most;
	memcpy(key + used, text, len);
	key[used + len] = '/';
	return used + len + 1;
}

/* The number of the fact's object in table file; 0: it has none. An object is one, whatever its name at the time. */
static int find_file(struct loader *loader, uint32_t *ret_id)
{
	const struct line_field *device = find_text(loader, KEY("quis.file.device"));
	const struct line_field *inode = line_find(loader->line, KEY("file.inode"));
	const struct line_field *generation = line_find(loader->line, KEY("quis.file.generation"));
	uint32_t *note = NULL, hash;
	uint64_t number = generation ? generation->number : 0;
	char key[96];
	size_t len;
	int known;

	*ret_id = 0;
	if (!device || !inode || (inode->type != LINE_TEXT && inode->type != LINE_NUMBER))
		return 0;
	find_all(loader, file_columns, file_columns_count);
	len = add_key(key, 0, device->text, device->len, 30);
	len = add_key(key, len, inode->text, inode->len, 20);
	memcpy(key + len, &number, sizeof(number));
	len += sizeof(number);
	known = intern_add(&loader->files, key, len, ret_id, &note);
	hash = path_hash(loader);
	if (known == -ENOSPC)
		*ret_id = loader->file_count + 1; /* index_merge_files */
	else if (known < 0)
		return known;
	else if (known == 0 && (*note == hash || !find_text(loader, KEY("file.path"))))
		return 0; /* where the name was lost, the last one told stands */
	if (known)
		loader->file_count++;
	if (note)
		*note = hash;
	return put_file(loader, *ret_id);
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

static bool field_true(struct loader *loader, const char *key, size_t len)
{
	const struct line_field *field = line_find(loader->line, key, len);

	return field && field->number;
}

static void get_nature(struct loader *loader, struct fact_nature *ret_nature)
{
	const struct line_field *action = find_text(loader, KEY("event.action"));
	struct fact_nature nature = {
		.action = action ? action->text : NULL, .has_path = find_text(loader, KEY("file.path"))};

	nature.change = field_true(loader, KEY("quis.writes"));
	nature.failed = field_true(loader, KEY("quis.failed"));
	nature.access = field_true(loader, KEY("quis.opens")) || field_true(loader, KEY("quis.reads")) ||
			field_true(loader, KEY("quis.maps")) || field_true(loader, KEY("quis.lists")) || field_true(loader, KEY("quis.stats"));
	*ret_nature = nature;
}

static bool field_is(const struct line_field *field, const char *json)
{
	size_t len = json ? strlen(json) : 0;

	if (!json)
		return false;
	if (field->type == LINE_TEXT)
		return field->len + 2 == len && !memcmp(field->text, json + 1, field->len);
	return field->len == len && !memcmp(field->text, json, len);
}

static void put_json(FILE *out, const struct line_field *field)
{
	char text[6 * 256 + 1];
	size_t i, part;

	if (field->type != LINE_TEXT) {
		fwrite(field->text, 1, field->len, out);
		return;
	}
	fputc('"', out);
	for (i = 0; i < field->len; i += part) {
		part = field->len - i;
		if (part > 256)
			for (part = 256; part > 252 && (field->text[i + part] & 0xc0) == 0x80; part--)
				;
		fwrite(text, 1, text_json(text, sizeof(text), field->text + i, part), out);
	}
	fputc('"', out);
}

static int bind_extra(sqlite3_stmt *statement, int at, FILE *out, char **text)
{
	int err;

	if (!out)
		return sqlite3_bind_null(statement, at);
	fputc('}', out);
	if (fclose(out))
		return SQLITE_NOMEM;
	err = sqlite3_bind_text(statement, at, *text, -1, SQLITE_TRANSIENT);
	free(*text);
	return err;
}

/* What no column holds is kept as it is, so that the index has all of the fact. */
static int put_extra(struct loader *loader, sqlite3_stmt *statement, int at, const struct fact_kind *kind)
{
	const struct line_field *last = line_find(loader->line, KEY("event.end")), *field;
	struct fact_nature nature;
	char *text = NULL;
	FILE *out = NULL;
	size_t i = 0, size;

	get_nature(loader, &nature);
	while ((field = line_unknown(loader->line, &i))) {
		struct line_field key = {.text = field->key, .len = field->key_len, .type = LINE_TEXT};

		if (field_is(field, derived_json(kind, &nature, field->key)))
			continue;
		if (!strcmp(field->key, "@timestamp") && last && last->len == field->len &&
			!memcmp(last->text, field->text, last->len))
			continue;
		if (!out)
			out = open_memstream(&text, &size);
		if (!out)
			return -ENOMEM;
		fputc(ftell(out) ? ',' : '{', out);
		put_json(out, &key);
		fputc(':', out);
		put_json(out, field);
	}
	return bind_extra(statement, at, out, &text) == SQLITE_OK ? 0 : -ENOMEM;
}

static int put_clock(struct loader *loader, bool start)
{
	const struct line_field *real = line_find(loader->line, KEY("quis.clock.realtime_ns"));
	const struct line_field *boot = line_find(loader->line, KEY("quis.clock.boottime_ns"));
	const struct line_field *sequence = line_find(loader->line, KEY("event.sequence"));
	const struct line_field *time = find_text(loader, KEY("@timestamp"));
	int64_t offset, stamp;
	char text[TIME_TEXT];

	if (!real || !boot || !sequence || !time || !time_normal(time->text, time->len, text))
		return 0;
	offset = real->number - boot->number;
	stamp = time_ns(text);
	/* A fact that is stamped by the old pair says that those after it are too. */
	if (!start && loader->offset_known &&
		llabs(stamp - (int64_t)boot->number - loader->offset) <= llabs(stamp - (int64_t)boot->number - offset))
		return 0;
	loader->offset = offset;
	loader->offset_known = true;
	sqlite3_bind_int64(loader->clock, 1, sequence->number);
	sqlite3_bind_int64(loader->clock, 2, offset);
	return run(loader->clock);
}

static int load_after(struct loader *loader, uint8_t after, uint32_t process)
{
	switch (after) {
	case AFTER_START:
		return after_start(loader, process);
	case AFTER_END:
		return run_for(loader->ending, process);
	case AFTER_CLOCK:
	case AFTER_CAPTURE_START:
		return put_clock(loader, after == AFTER_CAPTURE_START);
	case AFTER_CAPTURE_END:
		return run(loader->finish);
	default:
		return 0;
	}
}

static int load_fact(struct loader *loader, size_t index)
{
	const struct fact_kind *kind = &fact_kinds[index];
	sqlite3_stmt *statement = loader->kinds[index];
	uint32_t process = 0;
	int err, at;

	err = bind_links(loader, statement, kind, &process);
	at = 1 + loader_links(kind->link);
	if (!err)
		err = bind_columns(loader, statement, at, kind->columns, kind->count);
	if (!err)
		err = put_extra(loader, statement, at + kind->count, kind);
	if (!err)
		err = run(statement);
	return err ? err : load_after(loader, kind->after, process);
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
	if (!loader->problems->bad_lines++) {
		loader->problems->first_segment = line->segment;
		loader->problems->first_line = line->number;
		snprintf(loader->problems->first_what, sizeof(loader->problems->first_what), "%s", what);
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
	if (!kind || !time || !time_normal(time->text, time->len, text))
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
	struct progress progress;
	struct case_line line;
	int got, err;

	progress_begin(&progress, "reading the case", case_bytes_total(reader));
	while ((got = case_next(reader, &line))) {
		err = 0;
		if (!(loader->facts & 1023))
			progress_show(&progress, case_bytes_read(reader));
		if (!line.segment && !loader->open) {
			loader->open = true;
			err = sqlite3_exec(loader->db, index_open_begin, NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
			if (err)
				break;
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
			break;
	}
	progress_end(&progress);
	if (got && err)
		return err;
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
		"UPDATE capture SET started = coalesce(started, '%s'), ended = coalesce(ended, '%s'),"
		" unseen = coalesce(unseen, may_be_unseen)",
		loader->first_time, loader->last_time);
	return execute(loader, sql);
}

/* What the case itself shows to be missing. */
static int note_problems(struct loader *loader)
{
	const struct index_problems *problems = loader->problems;
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

static int merge_files(struct loader *loader)
{
	unsigned known = loader->files_known;
	char *sql;
	int err;

	if (loader->file_count == known)
		return 0;
	sql = sqlite3_mprintf(index_merge_files, known, known, known);
	err = sql ? execute(loader, sql) : -ENOMEM;
	sqlite3_free(sql);
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
		err = merge_files(loader);
	if (!err)
		err = loader->open ? execute(loader, index_open_end) : 0;
	if (!err)
		err = execute(loader, index_transfers);
	if (!err)
		err = index_functions(loader->db);
	if (!err)
		err = execute(loader, index_schema_late);
	if (!err)
		err = index_totals(loader->db);
	if (!err)
		err = execute(loader, index_inherited);
	if (!err)
		err = index_own(loader->db, "/var/lib/dpkg");
	if (!err)
		err = index_exposure(loader->db, loader->problems->window_ms);
	return err ? err : execute(loader, index_views);
}

static int load(struct loader *loader, struct case_reader *reader)
{
	int err = execute(loader, index_schema);

	if (!err)
		err = loader_prepare(loader);
	if (!err)
		err = load_lines(loader, reader);
	if (err)
		return err;
	loader->problems->facts = loader->facts;
	/* What follows sorts, and wants the memory. */
	loader->files_known = loader->files.count;
	intern_done(&loader->processes);
	intern_done(&loader->files);
	return finish(loader, has_row(loader, "SELECT 1 FROM capture WHERE ended IS NOT NULL"));
}

int index_load(sqlite3 *db, struct index_problems *problems, struct case_reader *reader, uint32_t names)
{
	struct loader loader = {.db = db, .problems = problems};
	int err = intern_init(&loader.processes);

	if (!err)
		err = intern_init(&loader.files);
	if (names)
		loader.processes.most = loader.files.most = names;
	loader.line = malloc(sizeof(*loader.line));
	if (!err && !loader.line)
		err = -ENOMEM;
	if (!err)
		err = load(&loader, reader);
	loader_finalize(&loader);
	intern_done(&loader.processes);
	intern_done(&loader.files);
	free(loader.line);
	return err;
}
