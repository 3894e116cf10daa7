/* SPDX-License-Identifier: BSD-2-Clause */
#include "timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"
#include "progress.h"
#include "times.h"

#define ACTORS 4096 /* kept at once */
#define KIND_STAMP FACT_KINDS_MAX

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
	sqlite3_stmt *order;
	struct walk walks[FACT_KINDS_MAX + 1];
	sqlite3_stmt *process, *image, *next_image;
	struct actor actors[ACTORS];
	struct stamp stamp;
	uint64_t total, selected;
	struct progress progress;
};

static bool has_column(const struct fact_kind *kind, const char *name)
{
	size_t i;

	for (i = 0; i < kind->count; i++)
		if (!strcmp(kind->columns[i].name, name))
			return true;
	return false;
}

static const char *single_time(const struct fact_kind *kind)
{
	if (has_column(kind, "time"))
		return "time";
	return has_column(kind, "started") ? "started" : NULL;
}

/* ---- which events, and in which order ---- */

/* Ordered by boot time, where the recorded pairs of clocks allow it: a clock that was set does not change the order. */
static void order_ns(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *time = (const char *)sqlite3_value_text(values[0]);

	(void)count;
	if (time && sqlite3_value_bytes(values[0]) == TIME_LENGTH)
		sqlite3_result_int64(context, time_ns(time) - sqlite3_value_int64(values[1]));
}

/* What is to be taken from the time of a fact so that all are on the clock of the beginning. */
static void write_shift(FILE *sql, bool clocks)
{
	if (clocks)
		fputs("(SELECT coalesce((SELECT offset_ns FROM clock WHERE clock.sequence <= coalesce(t.sequence, "
		      "clock.sequence) ORDER BY clock.sequence DESC LIMIT 1)"
		      " - (SELECT offset_ns FROM clock ORDER BY sequence LIMIT 1), 0))",
			sql);
	else
		fputc('0', sql);
}

static void write_filter(FILE *sql, const struct timeline *timeline, const struct fact_kind *kind, const char *time)
{
	const struct timeline_filter *filter = &timeline->filter;

	if (!kind->category && kind->link == LINK_KIND)
		fprintf(sql, " AND t.kind = '%s'", kind->fact);
	if (filter->from[0])
		fprintf(sql, " AND %s >= '%s'", time, filter->from);
	if (filter->to[0])
		fprintf(sql, " AND %s <= '%s'", time, filter->to);
	if (filter->pid && (kind->link == LINK_NONE || kind->link == LINK_KIND))
		fputs(" AND 0", sql);
	else if (filter->pid)
		fputs(" AND t.process IN (SELECT id FROM process WHERE pid = ?1)", sql);
	if (filter->class && kind->link == LINK_FILE)
		fputs(" AND coalesce((SELECT class FROM file WHERE file.id = t.file), path_class(t.path)) = ?2", sql);
	else if (filter->class)
		fputs(has_column(kind, "path") ? " AND path_class(t.path) = ?2" : " AND 0", sql);
	if (filter->path_glob)
		fputs(has_column(kind, "path")		 ? " AND t.path GLOB ?3"
			: has_column(kind, "executable") ? " AND t.executable GLOB ?3"
							 : " AND 0",
			sql);
}

static void write_branch(
	FILE *sql, const struct timeline *timeline, size_t kind, enum which which, const char *time, bool clocks)
{
	/* The first of a burst is an event of its own where it differs from the last. */
	static const char *const conditions[] = {" AND (t.first IS NULL OR t.last IS NULL OR t.first = t.last)",
		" AND t.first <> t.last", " AND t.first <> t.last"};
	bool both = has_column(&fact_kinds[kind], "first") && !timeline->format->by_fact;

	fprintf(sql, "SELECT order_ns(%s, ", time);
	write_shift(sql, clocks);
	fprintf(sql, "), t.sequence, %zu, t.id FROM %s AS t WHERE %s IS NOT NULL%s%s", 3 * kind + which,
		fact_kinds[kind].table, time, both ? conditions[which] : "",
		strcmp(fact_kinds[kind].table, "gap") ? "" : " AND t.sequence IS NOT NULL");
	write_filter(sql, timeline, &fact_kinds[kind], time);
}

static void write_branches(FILE *sql, const struct timeline *timeline, bool clocks)
{
	char single[64];
	size_t i;

	for (i = 0; i < fact_kinds_count; i++) {
		const struct fact_kind *kind = &fact_kinds[i];
		const char *time = single_time(kind);
		bool both = has_column(kind, "first");

		snprintf(single, sizeof(single),
			time && both ? "coalesce(t.last, t.%s)"
			: both	     ? "coalesce(t.last, t.first)"
				     : "t.%s",
			time ? time : "");
		if (time && both && timeline->format->by_fact)
			snprintf(single, sizeof(single), "coalesce(t.%s, t.last)", time);
		if (i)
			fputs(" UNION ALL ", sql);
		write_branch(sql, timeline, i, EVENT_ONLY, single, clocks);
		if (!both || timeline->format->by_fact)
			continue;
		fputs(" UNION ALL ", sql);
		write_branch(sql, timeline, i, EVENT_FIRST, "t.first", clocks);
		fputs(" UNION ALL ", sql);
		write_branch(sql, timeline, i, EVENT_LAST, "t.last", clocks);
	}
	if (timeline->filter.merge)
		fprintf(sql, " UNION ALL SELECT ns, 0, %d, id FROM temp.stamp AS t", 3 * KIND_STAMP);
}

static int prepare(struct source *source, sqlite3_stmt **ret_statement, FILE *sql, char **text)
{
	int err;

	if (fclose(sql))
		return -ENOMEM;
	err = sqlite3_prepare_v3(source->timeline->db, *text, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL);
	free(*text);
	return err == SQLITE_OK ? 0 : -EIO;
}

static int count_rows(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *row;
	int count = -EIO;

	if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	if (sqlite3_step(row) == SQLITE_ROW)
		count = sqlite3_column_int(row, 0);
	sqlite3_finalize(row);
	return count;
}

static int prepare_order(struct source *source)
{
	const struct timeline *timeline = source->timeline;
	int clocks = count_rows(timeline->db, "SELECT count(DISTINCT offset_ns) FROM clock"), err;
	char *text = NULL;
	size_t size;
	FILE *sql = open_memstream(&text, &size);

	if (!sql || clocks < 0)
		return sql ? clocks : -ENOMEM;
	/* The limit keeps SQLite from sorting each branch for itself: one sorter, one share of memory. */
	fputs("SELECT * FROM (", sql);
	write_branches(sql, timeline, clocks > 1);
	fputs(" LIMIT -1 OFFSET 0) ORDER BY 1, 2, 3, 4", sql);
	err = prepare(source, &source->order, sql, &text);
	if (err)
		return err;
	if (timeline->filter.pid)
		sqlite3_bind_int64(source->order, 1, timeline->filter.pid);
	if (timeline->filter.class)
		sqlite3_bind_text(source->order, 2, timeline->filter.class, -1, SQLITE_STATIC);
	if (timeline->filter.path_glob)
		sqlite3_bind_text(source->order, 3, timeline->filter.path_glob, -1, SQLITE_STATIC);
	return 0;
}

/* ---- the rows behind the events ---- */

/* As exposure_count.c has it: a burst of reading that may have been in time. */
static const char read_exposed[] =
	", (t.reads > 0 OR t.maps > 0) AND f.class NOT IN ('own', 'libraries') AND (f.type IS NULL OR f.type IN ('file', 'device'))"
	" AND EXISTS (SELECT 1 FROM exposed AS e WHERE e.process = t.process AND e.first <= t.last AND e.last >= t.first) AS exposed";
static const char flow_exposed[] = ", EXISTS (SELECT 1 FROM exposed_flow AS e WHERE e.flow = t.id) AS exposed";

/* Of an access, what the object is stands in table file. */
static const char *const object_columns[] = {
	"type", "device", "inode", "class", "generation", "lower_device", "lower_inode",
	"lower_layer", "lower_path", "lower_path_raw"};

static int prepare_walk(struct source *source, size_t index)
{
	const struct fact_kind *kind = &fact_kinds[index];
	struct walk *walk = &source->walks[index];
	bool object = kind->link == LINK_FILE;
	char *text = NULL;
	size_t size, i;
	int part, err;
	FILE *sql = open_memstream(&text, &size);

	if (!sql)
		return -ENOMEM;
	fprintf(sql, "SELECT %s, t.extra", kind->link == LINK_NONE || kind->link == LINK_KIND ? "NULL" : "t.process");
	for (i = 0; i < kind->count; i++)
		fprintf(sql, ", t.%s", kind->columns[i].name);
	for (i = 0; object && i < sizeof(object_columns) / sizeof(object_columns[0]); i++)
		fprintf(sql,
			strcmp(object_columns[i], "class")
				? ", f.%s"
				: ", CASE WHEN t.file IS NULL THEN path_class(t.path) ELSE f.%s END AS class",
			object_columns[i]);
	if (object)
		fputs(read_exposed, sql);
	else if (!strcmp(kind->table, "flow"))
		fputs(flow_exposed, sql);
	fprintf(sql, " FROM %s AS t%s WHERE t.id = ?1", kind->table,
		object ? " LEFT JOIN file AS f ON f.id = t.file" : "");
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
	if (sqlite3_create_function(
		    db, "order_ns", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, order_ns, NULL, NULL) != SQLITE_OK ||
		sqlite3_create_function(db, "path_class", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, path_class, NULL,
			NULL) != SQLITE_OK)
		return -ENOMEM;
	return 0;
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

/* How many events there are whatever the filters: what was left out is told as a number. */
static int count_all(struct source *source)
{
	char sql[256];
	size_t i;

	for (i = 0; i < fact_kinds_count; i++) {
		const struct fact_kind *kind = &fact_kinds[i];
		bool both = has_column(kind, "first") && !source->timeline->format->by_fact;
		int count;

		snprintf(sql, sizeof(sql), "SELECT count(*) + %s FROM %s WHERE %s%s%s%s",
			both ? "coalesce(sum(first IS NOT NULL AND last IS NOT NULL AND first <> last), 0)" : "0",
			kind->table, strcmp(kind->table, "gap") ? "1" : "sequence IS NOT NULL",
			kind->link == LINK_KIND ? " AND kind = '" : "", kind->link == LINK_KIND ? kind->fact : "",
			kind->link == LINK_KIND ? "'" : "");
		count = count_rows(source->timeline->db, sql);
		if (count < 0)
			return count;
		source->total += count;
	}
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
	if (!err)
		err = count_all(source);
	for (i = 0; !err && i < fact_kinds_count; i++)
		err = prepare_walk(source, i);
	if (!err)
		err = prepare_actors(source);
	if (!err)
		err = prepare_order(source);
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

int timeline_next(struct timeline *timeline, struct event *ret_event)
{
	struct source *source = timeline->source;
	sqlite3_stmt *order = source->order;
	struct event event = {0};
	int got = sqlite3_step(order), kind;

	if (got != SQLITE_ROW)
		return got == SQLITE_DONE ? 0 : got == SQLITE_FULL ? -ENOSPC : got == SQLITE_NOMEM ? -ENOMEM : -EIO;
	kind = sqlite3_column_int(order, 2) / 3;
	if (get_row(source, kind, sqlite3_column_int64(order, 3)))
		return -EIO;
	/* A burst of open.ndjson has no number. */
	event.sequence = sqlite3_column_type(order, 1) == SQLITE_NULL ? -1 : sqlite3_column_int64(order, 1);
	event.which = sqlite3_column_int(order, 2) % 3;
	event.row = source->walks[kind].row;
	event.parts = source->walks[kind].parts;
	event.first_column = 2;
	set_time(&event, timeline->format->by_fact, kind);
	if (kind == KIND_STAMP) {
		timeline_get_stamp(event.row, &source->stamp);
		event.stamp = &source->stamp;
	} else {
		event.kind = &fact_kinds[kind];
		if (sqlite3_column_type(event.row, 0) != SQLITE_NULL)
			event.actor = find_actor(source, sqlite3_column_int64(event.row, 0), event.time);
		source->selected++;
	}
	if (!(source->selected & 4095))
		progress_show(&source->progress, source->selected);
	*ret_event = event;
	return 1;
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
	sqlite3_finalize(source->order);
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
		return text;
	text.bytes = (const char *)sqlite3_column_text(event->row, column);
	text.len = sqlite3_column_bytes(event->row, column);
	return text;
}

int64_t event_number(const struct event *event, enum part part)
{
	int column = event->parts ? event->parts[part] : -1;
	int64_t number;

	if (column < 0)
		return -1;
	number = sqlite3_column_int64(event->row, column);
	return number || sqlite3_column_type(event->row, column) != SQLITE_NULL ? number : -1;
}

struct text event_extra(const struct event *event)
{
	struct text text = {0};

	if (event->kind) {
		text.bytes = (const char *)sqlite3_column_text(event->row, 1);
		text.len = sqlite3_column_bytes(event->row, 1);
	}
	return text;
}
