/* SPDX-License-Identifier: BSD-2-Clause */
/* The facts themselves, nested: file.path becomes {"file":{"path":...}}. From the same table of columns that the loader
 * uses. */
#include "timeline.h"

#include <stdlib.h>
#include <string.h>

#include "line.h"

#define ECS_VERSION "9.0.0"
#define FIELDS_MAX 64
#define DEPTH_MAX 8

struct field {
	const char *key;
	struct text value;
	int64_t number;
	enum { FIELD_TEXT, FIELD_JSON } form;
};

struct fields {
	struct field list[FIELDS_MAX];
	size_t count;
};

static void add(struct fields *fields, const char *key, struct text value, int form)
{
	if (value.bytes && fields->count < FIELDS_MAX)
		fields->list[fields->count++] = (struct field){.key = key, .value = value, .form = form};
}

static void add_string(struct fields *fields, const char *key, const char *value, int form)
{
	add(fields, key, (struct text){value, value ? strlen(value) : 0}, form);
}

/* Numbers that ECS keeps as keywords are strings in a fact, too. */
static bool is_keyword(const char *key)
{
	static const char *const keys[] = {"file.inode", "quis.transfer.to_inode", "process.user.id", "process.group.id"};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i], key))
			return true;
	return false;
}

static void add_column(struct fields *fields, const struct event *event, const struct column *column, int at)
{
	struct text text = {.bytes = (const char *)sqlite3_column_text(event->row, at)};
	bool json = column->type != COLUMN_TEXT && column->type != COLUMN_TIME && column->type != COLUMN_OBJECT &&
		    !is_keyword(column->key);

	text.len = sqlite3_column_bytes(event->row, at);
	if (!text.bytes || (column->type == COLUMN_COUNT && text_equals(text, "0")))
		return;
	if (column->type == COLUMN_TRUE)
		text = text_equals(text, "0") ? (struct text){"false", 5} : (struct text){"true", 4};
	add(fields, column->key, text, json ? FIELD_JSON : FIELD_TEXT);
}

static void get_nature(const struct event *event, struct fact_nature *ret_nature)
{
	struct fact_nature nature = {
		.action = event_text(event, PART_KIND).bytes, .has_path = event_text(event, PART_PATH).bytes};

	nature.change = event_number(event, PART_WRITES) > 0;
	nature.failed = event_number(event, PART_FAILED) > 0;
	nature.access = event_number(event, PART_OPENS) > 0 || event_number(event, PART_READS) > 0 ||
			event_number(event, PART_MAPS) > 0 || event_number(event, PART_LISTS) > 0 || event_number(event, PART_STATS) > 0;
	*ret_nature = nature;
}

/* What the loader left away because the rest tells it. What the fact had otherwise is in extra, and comes after. */
static void add_derived(struct fields *fields, const struct event *event)
{
	static const char *const keys[] = {"event.kind", "event.category", "event.type", "event.outcome"};
	struct fact_nature nature;
	size_t i;

	get_nature(event, &nature);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		add_string(fields, keys[i], derived_json(event->kind, &nature, keys[i]), FIELD_JSON);
}

static void add_file(struct fields *fields, const struct event *event)
{
	static const struct {
		const char *name, *key;
		int form;
	} columns[] = {{"generation", "quis.file.generation", FIELD_JSON}, {"lower_device", "quis.file.lower_device", FIELD_TEXT},
		{"lower_inode", "quis.file.lower_inode", FIELD_JSON}, {"lower_layer", "quis.file.lower_layer", FIELD_TEXT},
		{"lower_path", "quis.file.lower_path", FIELD_TEXT}, {"lower_path_raw", "quis.file.lower_path_raw", FIELD_TEXT}};
	size_t i, j, count = sqlite3_column_count(event->row);

	if (event->object) {
		add(fields, "quis.file.device", event_text(event, PART_DEVICE), FIELD_TEXT);
		add(fields, "file.inode", event_text(event, PART_INODE), FIELD_TEXT);
		add(fields, "file.type", event_text(event, PART_TYPE), FIELD_TEXT);
	}
	for (i = event->first_column + event->kind->count; i < count; i++)
		for (j = 0; j < sizeof(columns) / sizeof(columns[0]); j++)
			if (!strcmp(sqlite3_column_name(event->row, i), columns[j].name)) {
				struct text text = {.bytes = (const char *)sqlite3_column_text(event->row, i)};

				text.len = sqlite3_column_bytes(event->row, i);
				add(fields, columns[j].key, text, columns[j].form);
			}
}

static void add_actor(struct fields *fields, const struct event *event, char pid[24])
{
	if (!event->actor)
		return;
	add_string(fields, "process.entity_id", event->actor->entity, FIELD_TEXT);
	snprintf(pid, 24, "%lld", (long long)event->actor->pid);
	if (event->actor->pid >= 0)
		add_string(fields, "process.pid", pid, FIELD_JSON);
	if (event->parts[PART_EXECUTABLE] < 0)
		add_string(fields, "process.executable", event->actor->executable, FIELD_TEXT);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct field *)a)->key, ((const struct field *)b)->key);
}

/* How many of the first parts two keys share. */
static int shared(const char *a, const char *b)
{
	int parts = 0;

	for (; *a && *a == *b; a++, b++)
		parts += *a == '.';
	return parts;
}

static int depth_of(const char *key)
{
	int depth = 0;

	for (; *key; key++)
		depth += *key == '.';
	return depth;
}

/* Sorted keys: an object is open as long as its keys come. */
static void emit_nested(struct emit *emit, const struct fields *fields)
{
	const char *before = "";
	char part[64];
	size_t i;

	for (i = 0; i < fields->count; i++) {
		const struct field *field = &fields->list[i];
		int same = shared(before, field->key), depth = depth_of(before), level;
		const char *at = field->key, *dot;

		for (; depth > same; depth--)
			emit_close(emit, '}');
		for (level = 0; (dot = strchr(at, '.')); level++, at = dot + 1)
			if (level >= same) {
				snprintf(part, sizeof(part), "%.*s", (int)(dot - at), at);
				emit_open(emit, part, '{');
			}
		if (field->form == FIELD_JSON)
			emit_raw(emit, at, field->value.bytes, field->value.len);
		else
			emit_text(emit, at, field->value.bytes, field->value.len);
		before = field->key;
	}
	for (size_t depth = depth_of(before); depth; depth--)
		emit_close(emit, '}');
}

static void add_fact(struct fields *fields, const struct event *event)
{
	bool timed = false;
	size_t i;

	for (i = 0; i < event->kind->count; i++) {
		timed |= !strcmp(event->kind->columns[i].key, "@timestamp");
		add_column(fields, event, &event->kind->columns[i], event->first_column + i);
	}
	if (!timed)
		add_string(fields, "@timestamp", event->time, FIELD_TEXT);
	add_string(fields, "quis.fact", event->kind->fact, FIELD_TEXT);
	add_derived(fields, event);
	if (event->kind->link == LINK_FILE)
		add_file(fields, event);
}

static void add_stamp(struct fields *fields, const struct event *event)
{
	add_string(fields, "@timestamp", event->time, FIELD_TEXT);
	add_string(fields, "event.kind", "\"event\"", FIELD_JSON);
	add_string(fields, "event.category", "[\"file\"]", FIELD_JSON);
	add_string(fields, "event.type", "[\"info\"]", FIELD_JSON);
	add_string(fields, "event.dataset", "quis.merge", FIELD_TEXT);
	add(fields, "file.path", event->stamp->name, FIELD_TEXT);
	add(fields, "file.inode", event->stamp->inode, FIELD_TEXT);
	add_string(fields, "quis.merge.times", event->stamp->letters, FIELD_TEXT);
	add_string(fields, "quis.merge.match", event->stamp->same_path ? "inode and path" : "inode number", FIELD_TEXT);
}

static void emit_field(struct emit *emit, const struct line_field *field)
{
	char key[FACT_LINE_MAX + 16];

	/* Without a dot it could be the name of one of our objects. */
	snprintf(key, sizeof(key), "%s%s", strchr(field->key, '.') || field->key[0] == '@' ? "" : "quis.extra.", field->key);
	if (field->type == LINE_TEXT)
		emit_text(emit, key, field->text, field->len);
	else
		emit_raw(emit, key, field->text, field->len);
}

/* Keys that this version does not know stay as they were: dotted, at the top. */
static void emit_extra(struct emit *emit, struct text extra)
{
	static struct line line;
	size_t i;

	if (!extra.bytes || line_parse(&line, extra.bytes, extra.len))
		return;
	for (i = 0; i < line.count; i++)
		if (!memchr(line.fields[i].key, '\0', line.fields[i].key_len))
			emit_field(emit, &line.fields[i]);
}

static bool in_extra(const struct event *event, const char *key)
{
	struct text extra = event_extra(event);
	char quoted[48];

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	return extra.bytes && memmem(extra.bytes, extra.len, quoted, strlen(quoted));
}

/* What the fact itself has otherwise comes from extra. */
static void drop_told(struct fields *fields, const struct event *event)
{
	size_t i, kept = 0;

	if (!event_extra(event).bytes)
		return;
	for (i = 0; i < fields->count; i++)
		if (!in_extra(event, fields->list[i].key))
			fields->list[kept++] = fields->list[i];
	fields->count = kept;
}

/* Of the other end: who was called, or who called. */
struct place_texts {
	struct where_place place;
	char asn[16], database[256];
};

static void add_place(struct fields *fields, const struct event *event, struct place_texts *texts)
{
	struct text remote = event_text(event, PART_REMOTE);
	bool in = text_equals(event_text(event, PART_DIRECTION), "ingress");

	if (strcmp(event->kind->table, "flow") || !where_look(remote.bytes, remote.len, &texts->place))
		return;
	snprintf(texts->asn, sizeof(texts->asn), "%u", texts->place.asn);
	where_words(texts->database, sizeof(texts->database));
	if (texts->place.country[0])
		add_string(fields, in ? "source.geo.country_iso_code" : "destination.geo.country_iso_code", texts->place.country, FIELD_TEXT);
	if (texts->place.asn)
		add_string(fields, in ? "source.as.number" : "destination.as.number", texts->asn, FIELD_JSON);
	if (texts->place.owner[0])
		add_string(fields, in ? "source.as.organization.name" : "destination.as.organization.name", texts->place.owner, FIELD_TEXT);
	add_string(fields, "quis.flow.according_to", texts->database, FIELD_TEXT);
}

int write_ecs(struct timeline *timeline, const struct event *event)
{
	struct fields fields = {.count = 0};
	struct place_texts place;
	char pid[24];

	if (event->stamp)
		add_stamp(&fields, event);
	else if (event->kind)
		add_fact(&fields, event);
	if (event->kind) {
		add_actor(&fields, event, pid);
		add_place(&fields, event, &place);
	}
	if (event->note) {
		add_string(&fields, "@timestamp", event->time, FIELD_TEXT);
		add_string(&fields, "event.kind", "\"event\"", FIELD_JSON);
		add_string(&fields, "quis.timeline.note", "true", FIELD_JSON);
		add_string(&fields, "message", event->message, FIELD_TEXT);
	}
	if (!event->kind || strcmp(event->kind->table, "capture")) {
		if (timeline->host[0])
			add_string(&fields, "host.name", timeline->host, FIELD_TEXT);
		if (timeline->host_id[0])
			add_string(&fields, "host.id", timeline->host_id, FIELD_TEXT);
		add_string(&fields, "ecs.version", ECS_VERSION, FIELD_TEXT);
	}
	if (event_number(event, PART_EXPOSED) > 0)
		add_string(&fields, "tags", "[\"exposed\"]", FIELD_JSON);
	drop_told(&fields, event);
	qsort(fields.list, fields.count, sizeof(fields.list[0]), compare);
	emit_open(&timeline->emit, NULL, '{');
	emit_nested(&timeline->emit, &fields);
	emit_extra(&timeline->emit, event_extra(event));
	emit_close(&timeline->emit, '}');
	return 0;
}
