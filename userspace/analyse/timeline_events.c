/* SPDX-License-Identifier: BSD-2-Clause */
#include "timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bulk.h"
#include "catalog/class.h"
#include "exposure.h"
#include "progress.h"
#include "timeline_objects.h"
#include "timeline_order.h"
#include "times.h"

#define ACTORS 4096 /* kept at once */

static const char *const part_names[PARTS] = {"time", "first", "last", "sequence", "comm", "path", "path_raw", "type",
	"device", "inode", "class", "how", "opens", "reads", "read_bytes", "writes", "write_bytes", "maps",
	"mapped_bytes", "lists", "stats", "failed", "errno", "event", "args", "executable", "sha256", "cwd", "ppid", "parent",
	"uid", "gid", "started", "exit_code", "exit_signal", "family", "transport", "direction", "local", "remote",
	"source_ip", "source_port", "destination_ip", "destination_port", "sends", "sent_bytes", "receives",
	"received_bytes", "kind", "target", "target_raw", "detail", "outcome", "address", "name", "source", "flow_id",
	"from_flow", "to_flow", "to_path", "calls", "bytes", "descriptors",
	"what", "count", "note", "realtime_ns", "boottime_ns", "public_key", "reason", "lost_records", "lost_map_full",
	"lost_missed_runs", "host", "tool_version", "kernel", "hooks", "exposed"};

struct walk {
	sqlite3_stmt *row;
	int parts[PARTS];
};

struct source {
	struct timeline *timeline;
	struct bulk *moments;
	struct objects *objects;
	struct object object; /* of the event */
	struct walk walks[FACT_KINDS_MAX + 1];
	sqlite3_stmt *process, *image, *next_image;
	struct actor actors[ACTORS];
	struct stamp stamp;
	uint64_t total, selected;
	struct progress progress;
};

static int prepare(struct source *source, sqlite3_stmt **ret_statement, FILE *sql, char **text)
{
	int err;

	if (fclose(sql))
		return -ENOMEM;
	err = sqlite3_prepare_v3(source->timeline->db, *text, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL);
	free(*text);
	return err == SQLITE_OK ? 0 : -EIO;
}

/* ---- the rows behind the events ---- */

static const char flow_exposed[] = ", EXISTS (SELECT 1 FROM exposed_flow AS e WHERE e.flow = t.id) AS exposed";

/* Of an access, what the object is stands in table file; most formats want no more of it than objects_get() knows. */
static const char *const object_columns[] = {"generation", "lower_device", "lower_inode", "lower_layer", "lower_path", "lower_path_raw"};

#define ROW_PROCESS 0
#define ROW_EXTRA 1
#define ROW_FILE 2
#define ROW_CLASS 3 /* of what has no object: by its path */
#define ROW_FIRST_COLUMN 4

static int prepare_walk(struct source *source, size_t index)
{
	const struct fact_kind *kind = &fact_kinds[index];
	struct walk *walk = &source->walks[index];
	bool object = kind->link == LINK_FILE, whole = object && source->timeline->format->whole_objects;
	char *text = NULL;
	size_t size, i;
	int part, err;
	FILE *sql = open_memstream(&text, &size);

	if (!sql)
		return -ENOMEM;
	fprintf(sql, "SELECT %s, t.extra, %s", kind->link == LINK_NONE || kind->link == LINK_KIND ? "NULL" : "t.process",
		object ? "t.file, CASE WHEN t.file IS NULL THEN path_class(t.path) END" : "NULL, NULL");
	for (i = 0; i < kind->count; i++)
		fprintf(sql, ", t.%s", kind->columns[i].name);
	for (i = 0; whole && i < sizeof(object_columns) / sizeof(object_columns[0]); i++)
		fprintf(sql, ", f.%s", object_columns[i]);
	if (!strcmp(kind->table, "flow"))
		fputs(flow_exposed, sql);
	fprintf(sql, " FROM %s AS t%s WHERE t.id = ?1", kind->table,
		whole ? " LEFT JOIN file AS f ON f.id = t.file" : "");
	err = prepare(source, &walk->row, sql, &text);
	for (part = 0; !err && part < PARTS; part++) {
		walk->parts[part] = -1;
		for (i = 0; i < (size_t)sqlite3_column_count(walk->row); i++)
			if (!strcmp(sqlite3_column_name(walk->row, i), part_names[part]))
				walk->parts[part] = i;
	}
	return err;
}

static int prepare_stamps(struct source *source)
{
	struct walk *walk = &source->walks[KIND_STAMP];
	int part;

	for (part = 0; part < PARTS; part++)
		walk->parts[part] = -1;
	return sqlite3_prepare_v2(source->timeline->db,
		       "SELECT name, inode, mode, letters, same_path, time FROM temp.stamp WHERE id = ?1", -1,
		       &walk->row, NULL) == SQLITE_OK
		       ? 0
		       : -EIO;
}

static int prepare_actors(struct source *source)
{
	static const char *const texts[] = {
		"SELECT entity, pid, ppid, uid, gid, comm, executable, container, images FROM process WHERE id = ?1",
		"SELECT time, uid, gid, comm, executable FROM image WHERE process = ?1 AND event IS NOT 'fork' AND "
		"time <= ?2"
		" ORDER BY time DESC, id DESC LIMIT 1",
		"SELECT min(time) FROM image WHERE process = ?1 AND event IS NOT 'fork' AND time > ?2",
	};
	sqlite3_stmt **const statements[] = {&source->process, &source->image, &source->next_image};
	size_t i;

	for (i = 0; i < 3; i++)
		if (sqlite3_prepare_v3(source->timeline->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, statements[i],
			    NULL) != SQLITE_OK)
			return -EIO;
	return 0;
}

/* ---- actors ---- */

static void forget(struct actor *actor)
{
	free(actor->entity);
	free(actor->comm);
	free(actor->executable);
	free(actor->container);
	memset(actor, 0, sizeof(*actor));
}

static void replace_text(char **text, sqlite3_stmt *row, int column)
{
	const char *value = (const char *)sqlite3_column_text(row, column);

	free(*text);
	*text = value ? strdup(value) : NULL;
}

static void replace_number(int64_t *number, sqlite3_stmt *row, int column)
{
	*number = sqlite3_column_type(row, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(row, column);
}

static void copy_time(char out[TIME_TEXT], sqlite3_stmt *row, int column)
{
	const char *value = (const char *)sqlite3_column_text(row, column);

	snprintf(out, TIME_TEXT, "%.30s", value ? value : "");
}

/* As of the time: a process may have run several programs, one after the other. */
static void find_image(struct source *source, struct actor *actor, const char *time)
{
	sqlite3_stmt *row = source->image;

	sqlite3_bind_int64(row, 1, actor->id);
	sqlite3_bind_text(row, 2, time, -1, SQLITE_STATIC);
	if (sqlite3_step(row) == SQLITE_ROW) {
		copy_time(actor->from, row, 0);
		if (sqlite3_column_type(row, 1) != SQLITE_NULL)
			replace_number(&actor->uid, row, 1);
		if (sqlite3_column_type(row, 2) != SQLITE_NULL)
			replace_number(&actor->gid, row, 2);
		replace_text(&actor->comm, row, 3);
		replace_text(&actor->executable, row, 4);
	} else {
		/* Not yet what it became. */
		free(actor->executable);
		actor->executable = NULL;
	}
	sqlite3_reset(row);
	row = source->next_image;
	sqlite3_bind_int64(row, 1, actor->id);
	sqlite3_bind_text(row, 2, time, -1, SQLITE_STATIC);
	if (sqlite3_step(row) == SQLITE_ROW)
		copy_time(actor->until, row, 0);
	sqlite3_reset(row);
}

static const struct actor *find_actor(struct source *source, int64_t id, const char *time)
{
	struct actor *actor = &source->actors[id % ACTORS];
	sqlite3_stmt *row = source->process;
	int64_t images;

	if (actor->id == id && strcmp(time, actor->from) >= 0 && (!actor->until[0] || strcmp(time, actor->until) < 0))
		return actor;
	forget(actor);
	sqlite3_bind_int64(row, 1, id);
	if (sqlite3_step(row) != SQLITE_ROW) {
		sqlite3_reset(row);
		return NULL;
	}
	actor->id = id;
	replace_text(&actor->entity, row, 0);
	replace_number(&actor->pid, row, 1);
	replace_number(&actor->ppid, row, 2);
	replace_number(&actor->uid, row, 3);
	replace_number(&actor->gid, row, 4);
	replace_text(&actor->comm, row, 5);
	replace_text(&actor->executable, row, 6);
	replace_text(&actor->container, row, 7);
	images = sqlite3_column_int64(row, 8);
	sqlite3_reset(row);
	if (images)
		find_image(source, actor, time);
	return actor;
}

/* ---- the walk ---- */

static void path_class(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *path = (const char *)sqlite3_value_text(values[0]);

	(void)count;
	if (path)
		sqlite3_result_text(context, class_of(path, sqlite3_value_bytes(values[0])), -1, SQLITE_STATIC);
}

static int add_functions(sqlite3 *db)
{
	return sqlite3_create_function(db, "path_class", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, path_class, NULL, NULL) == SQLITE_OK
		       ? 0
		       : -ENOMEM;
}

static void copy_text(char *out, size_t size, sqlite3_stmt *row, int column)
{
	const char *value = (const char *)sqlite3_column_text(row, column);

	snprintf(out, size, "%s", value ? value : "");
}

static int get_host(struct timeline *timeline)
{
	sqlite3_stmt *row;

	if (sqlite3_prepare_v2(timeline->db, "SELECT host, machine_id, case_id FROM capture ORDER BY id LIMIT 1", -1,
		    &row, NULL) != SQLITE_OK)
		return -EIO;
	if (sqlite3_step(row) == SQLITE_ROW) {
		copy_text(timeline->host, sizeof(timeline->host), row, 0);
		copy_text(timeline->host_id, sizeof(timeline->host_id), row, 1);
		copy_text(timeline->case_id, sizeof(timeline->case_id), row, 2);
	}
	sqlite3_finalize(row);
	return 0;
}

int timeline_open(struct timeline *timeline)
{
	struct source *source = calloc(1, sizeof(*source));
	size_t i;
	int err;

	if (!source)
		return -ENOMEM;
	timeline->source = source;
	source->timeline = timeline;
	err = add_functions(timeline->db);
	if (!err && timeline->filter.merge)
		err = timeline_merge(timeline);
	if (!err && timeline->filter.merge)
		err = prepare_stamps(source);
	if (!err)
		err = get_host(timeline);
	for (i = 0; !err && i < fact_kinds_count; i++)
		err = prepare_walk(source, i);
	if (!err)
		err = prepare_actors(source);
	if (!err)
		err = objects_new(&source->objects, timeline->db);
	if (!err)
		err = timeline_order(timeline, &source->moments, &source->total);
	progress_begin(&source->progress, "writing the timeline", source->total);
	return err;
}

static void end_row(struct source *source, size_t kind)
{
	sqlite3_reset(source->walks[kind].row);
}

static int get_row(struct source *source, size_t kind, int64_t id)
{
	sqlite3_stmt *row = source->walks[kind].row;

	sqlite3_reset(row);
	sqlite3_bind_int64(row, 1, id);
	return sqlite3_step(row) == SQLITE_ROW ? 0 : -EIO;
}

/* As write_branches() chose it. */
static void set_time(struct event *event, bool by_fact, int kind)
{
	static const enum part by_which[3][3] = {{PART_LAST, PART_TIME, PART_FIRST}, {PART_FIRST}, {PART_LAST}};
	static const enum part whole[3] = {PART_TIME, PART_LAST, PART_FIRST};
	const enum part *parts = by_fact ? whole : by_which[event->which];
	struct text time = {0};
	int i;

	for (i = 0; kind != KIND_STAMP && !time.bytes && i < 3; i++)
		time = event_text(event, parts[i]);
	if (kind != KIND_STAMP && !time.bytes)
		time = event_text(event, PART_STARTED);
	if (kind == KIND_STAMP)
		time = (struct text){
			(const char *)sqlite3_column_text(event->row, 5), sqlite3_column_bytes(event->row, 5)};
	if (time.bytes && time.len == TIME_LENGTH)
		memcpy(event->time, time.bytes, TIME_LENGTH + 1);
	event->ns = time.bytes ? time_ns(event->time) : 0;
}

/* As exposure_count.c has it: a burst of reading that may have been in time. */
static bool was_exposed(const struct source *source, const struct event *event)
{
	struct text type = event_text(event, PART_TYPE), class = event_text(event, PART_CLASS);
	struct text first = event_text(event, PART_FIRST), last = event_text(event, PART_LAST);

	if (!class.bytes || text_equals(class, "own") || text_equals(class, "libraries") ||
		(type.bytes && !text_equals(type, "file") && !text_equals(type, "device")))
		return false;
	if (event_number(event, PART_READS) <= 0 && event_number(event, PART_MAPS) <= 0)
		return false;
	return first.bytes && last.bytes &&
	       objects_exposed(source->objects, sqlite3_column_int64(event->row, ROW_PROCESS), time_ns(first.bytes), time_ns(last.bytes));
}

static int set_object(struct source *source, struct event *event)
{
	struct object *object = &source->object;
	int err;

	event->object = object->texts;
	if (sqlite3_column_type(event->row, ROW_FILE) != SQLITE_NULL) {
		err = objects_get(source->objects, sqlite3_column_int64(event->row, ROW_FILE), object);
		event->exposed = !err && was_exposed(source, event);
		return err;
	}
	memset(object->texts, 0, sizeof(object->texts));
	object->texts[PART_CLASS - PART_TYPE] = (struct text){
		(const char *)sqlite3_column_text(event->row, ROW_CLASS), sqlite3_column_bytes(event->row, ROW_CLASS)};
	return 0;
}

static int set_fact(struct source *source, struct event *event, uint8_t kind)
{
	event->kind = &fact_kinds[kind];
	if (sqlite3_column_type(event->row, ROW_PROCESS) != SQLITE_NULL)
		event->actor = find_actor(source, sqlite3_column_int64(event->row, ROW_PROCESS), event->time);
	source->selected++;
	return event->kind->link == LINK_FILE ? set_object(source, event) : 0;
}

int timeline_next(struct timeline *timeline, struct event *ret_event)
{
	struct source *source = timeline->source;
	const struct moment *moment;
	struct event event = {0};
	const void *item;
	int got = bulk_next(source->moments, &item), err = 0;

	if (got <= 0)
		return got;
	moment = item;
	if (get_row(source, moment->kind, moment->id))
		return -EIO;
	event.sequence = moment->sequence; /* a burst of open.ndjson has none */
	event.which = moment->which;
	event.row = source->walks[moment->kind].row;
	event.parts = source->walks[moment->kind].parts;
	event.first_column = ROW_FIRST_COLUMN;
	set_time(&event, timeline->format->by_fact, moment->kind);
	if (moment->kind == KIND_STAMP) {
		timeline_get_stamp(event.row, &source->stamp);
		event.stamp = &source->stamp;
	} else {
		err = set_fact(source, &event, moment->kind);
	}
	if (!(source->selected & 4095))
		progress_show(&source->progress, source->selected);
	*ret_event = event;
	return err ? err : 1;
}

void timeline_close(struct timeline *timeline)
{
	struct source *source = timeline->source;
	size_t i;

	if (!source)
		return;
	progress_end(&source->progress);
	for (i = 0; i <= FACT_KINDS_MAX; i++) {
		end_row(source, i);
		sqlite3_finalize(source->walks[i].row);
	}
	for (i = 0; i < ACTORS; i++)
		forget(&source->actors[i]);
	bulk_free(source->moments);
	objects_free(source->objects);
	sqlite3_finalize(source->process);
	sqlite3_finalize(source->image);
	sqlite3_finalize(source->next_image);
	free(source);
	timeline->source = NULL;
}

uint64_t timeline_total(const struct timeline *timeline)
{
	return timeline->source->total;
}

uint64_t timeline_selected(const struct timeline *timeline)
{
	return timeline->source->selected;
}

struct text event_text(const struct event *event, enum part part)
{
	struct text text = {0};
	int column = event->parts ? event->parts[part] : -1;

	if (column < 0)
		return event->object && part >= PART_TYPE && part <= PART_CLASS ? event->object[part - PART_TYPE] : text;
	text.bytes = (const char *)sqlite3_column_text(event->row, column);
	text.len = sqlite3_column_bytes(event->row, column);
	return text;
}

int64_t event_number(const struct event *event, enum part part)
{
	int column = event->parts ? event->parts[part] : -1;
	int64_t number;

	if (column < 0)
		return part == PART_EXPOSED && event->exposed ? 1 : -1;
	number = sqlite3_column_int64(event->row, column);
	return number || sqlite3_column_type(event->row, column) != SQLITE_NULL ? number : -1;
}

struct text event_extra(const struct event *event)
{
	struct text text = {0};

	if (event->kind) {
		text.bytes = (const char *)sqlite3_column_text(event->row, ROW_EXTRA);
		text.len = sqlite3_column_bytes(event->row, ROW_EXTRA);
	}
	return text;
}
