/* SPDX-License-Identifier: BSD-2-Clause */
/* Formats of one flat line an event: Timesketch, plaso by way of container logs, comma-separated values. */
#include "timeline.h"

#include <inttypes.h>
#include <string.h>

#include "times.h"

#define VALUE_MAX 32000 /* Timesketch's own limit is 32,766 bytes */

/* Seconds with six digits, and the offset that ISO 8601 wants. */
static void micro_time(char out[40], const struct event *event)
{
	memcpy(out, event->time, 26);
	strcpy(out + 26, "+00:00");
}

/* quis:file:access of file-access; made when first asked for. */
static const char *data_type(const struct event *event)
{
	static char types[FACT_KINDS_MAX][48];
	char *text, *at;

	if (event->stamp)
		return "fs:stat";
	if (!event->kind)
		return "quis:timeline:note";
	text = types[event->kind - fact_kinds];
	if (text[0])
		return text;
	snprintf(text, sizeof(types[0]), "quis:%s", event->kind->fact);
	for (at = text; *at; at++)
		if (*at == '-')
			*at = ':';
	return text;
}

static const char *make_flat_key(const struct column *column)
{
	static const struct {
		const char *key, *flat;
	} special[] = {
		{"quis.read_bytes", "bytes_read"},
		{"quis.write_bytes", "bytes_written"},
		{"quis.mapped_bytes", "bytes_mapped"},
		{"quis.faulted_bytes", "bytes_faulted"},
		{"quis.flow.sent_bytes", "bytes_sent"},
		{"quis.flow.received_bytes", "bytes_received"},
	};
	static char text[64];
	const char *from = column->key;
	size_t i;

	for (i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (!strcmp(special[i].key, from))
			return special[i].flat;
	if (!strncmp(from, "quis.", 5))
		from += 5;
	for (i = 0; from[i] && i < sizeof(text) - 1; i++)
		text[i] = from[i] == '.' || from[i] == '@' ? '_' : from[i];
	text[i] = '\0';
	return text;
}

#define COLUMNS_MAX 48

/* By kind and column, each made when first asked for. */
static const char *flat_key(const struct fact_kind *kind, size_t column)
{
	static char keys[FACT_KINDS_MAX][COLUMNS_MAX][64];
	char *key = keys[kind - fact_kinds][column];

	if (!key[0])
		snprintf(key, sizeof(keys[0][0]), "%s", make_flat_key(&kind->columns[column]));
	return key;
}

void emit_part(struct emit *emit, const char *key, struct text text)
{
	if (text.bytes)
		emit_text(emit, key, text.bytes, text.len);
}

void emit_number_part(struct emit *emit, const char *key, int64_t number)
{
	if (number >= 0)
		emit_number(emit, key, number);
}

/* Cut where a character ends. */
static struct text limited(struct text text)
{
	if (text.len <= VALUE_MAX)
		return text;
	text.len = VALUE_MAX;
	while (text.len && ((unsigned char)text.bytes[text.len] & 0xc0) == 0x80)
		text.len--;
	return text;
}

static void emit_string(struct emit *emit, const char *key, const char *value)
{
	if (value)
		emit_text(emit, key, value, strlen(value));
}

static void emit_actor(struct emit *emit, const struct event *event)
{
	const struct actor *actor = event->actor;
	struct text comm = event_text(event, PART_COMM);

	if (!actor)
		return;
	emit_number_part(emit, "process_pid", actor->pid);
	if (comm.bytes)
		emit_part(emit, "process_name", comm);
	else
		emit_string(emit, "process_name", actor->comm);
	/* What a process became is a column of its own fact. */
	if (event->parts[PART_EXECUTABLE] < 0)
		emit_string(emit, "process_executable", actor->executable);
	if (event->parts[PART_UID] < 0)
		emit_number_part(emit, "process_user_id", actor->uid);
	emit_string(emit, "process_entity_id", actor->entity);
	emit_string(emit, "container_id", event->parts[PART_EXECUTABLE] < 0 ? actor->container : NULL);
}

static void emit_column(struct emit *emit, const struct event *event, size_t index)
{
	const struct column *column = &event->kind->columns[index];
	const char *key = flat_key(event->kind, index);
	int at = event->first_column + index;
	struct text text;

	switch (column->type) {
	case COLUMN_COUNT:
		if (sqlite3_column_int64(event->row, at) > 0)
			emit_number(emit, key, sqlite3_column_int64(event->row, at));
		return;
	case COLUMN_NUMBER:
		if (sqlite3_column_type(event->row, at) != SQLITE_NULL)
			emit_number(emit, key, sqlite3_column_int64(event->row, at));
		return;
	case COLUMN_TRUE:
		if (sqlite3_column_int(event->row, at))
			emit_bool(emit, key, true);
		return;
	default:
		break;
	}
	text.bytes = (const char *)sqlite3_column_text(event->row, at);
	if (!text.bytes)
		return;
	text.len = sqlite3_column_bytes(event->row, at);
	if (column->type == COLUMN_LIST)
		emit_raw(emit, key, text.bytes, text.len);
	else
		emit_part(emit, key, limited(text));
}

/* What stands at the head of the line already. */
static bool told(const struct event *event, size_t column)
{
	int at = event->first_column + column;

	return at == event->parts[PART_TIME] || at == event->parts[PART_SEQUENCE] || at == event->parts[PART_COMM] ||
	       at == event->parts[PART_HOST] || (at == event->parts[PART_STARTED] && event->parts[PART_HOST] >= 0);
}

static void emit_columns(struct emit *emit, const struct event *event)
{
	size_t i;

	for (i = 0; i < event->kind->count; i++)
		if (!told(event, i))
			emit_column(emit, event, i);
	if (event->kind->link == LINK_FILE) {
		emit_part(emit, "file_device", event_text(event, PART_DEVICE));
		emit_part(emit, "file_inode", event_text(event, PART_INODE));
		emit_part(emit, "file_type", event_text(event, PART_TYPE));
	}
	emit_part(emit, "extra", limited(event_extra(event)));
}

static void emit_tags(struct emit *emit, const struct event *event)
{
	struct text class = event_text(event, PART_CLASS);
	bool exposed = event_number(event, PART_EXPOSED) > 0;

	if (text_equals(class, "other"))
		class.bytes = NULL;
	if (!class.bytes && !exposed)
		return;
	emit_open(emit, "tag", '[');
	emit_part(emit, NULL, class);
	if (exposed)
		emit_text(emit, NULL, "exposed", strlen("exposed"));
	emit_close(emit, ']');
}

static void emit_stamp(struct emit *emit, const struct event *event)
{
	emit_part(emit, "file_path", limited(event->stamp->name));
	emit_part(emit, "file_inode", event->stamp->inode);
	emit_part(emit, "file_mode", event->stamp->mode);
	emit_string(emit, "file_times", event->stamp->letters);
	emit_string(emit, "file_match", event->stamp->same_path ? "inode and path" : "inode number");
}

int write_timesketch(struct timeline *timeline, const struct event *event)
{
	struct emit *emit = &timeline->emit;
	char time[40];

	micro_time(time, event);
	emit_open(emit, NULL, '{');
	emit_string(emit, "message", event->message);
	emit_string(emit, "datetime", time);
	emit_number(emit, "timestamp", event->ns / 1000);
	emit_string(emit, "timestamp_desc", event->what);
	emit_string(emit, "data_type", data_type(event));
	if (timeline->host[0])
		emit_string(emit, "host_name", timeline->host);
	if (event->kind)
		emit_number_part(emit, "event_sequence", event->sequence);
	emit_actor(emit, event);
	if (event->kind)
		emit_columns(emit, event);
	if (event->stamp)
		emit_stamp(emit, event);
	emit_tags(emit, event);
	emit_close(emit, '}');
	return 0;
}

int write_plaso(struct timeline *timeline, const struct event *event)
{
	struct emit *emit = &timeline->emit;
	char log[512];

	emit_open(emit, NULL, '{');
	if (event->kind && event->sequence >= 0)
		snprintf(log, sizeof(log), " [%s, %.*s, sequence %" PRId64 "]", event->what, 200, timeline->host,
			event->sequence);
	else
		snprintf(log, sizeof(log), " [%s, %.*s]", event->what, 200, timeline->host);
	emit_text_two(emit, "log", event->message, log);
	emit_string(emit, "stream", "stdout");
	emit_string(emit, "time", event->time);
	emit_close(emit, '}');
	return 0;
}

/* ---- comma-separated values ---- */

static const char *const csv_names[] = {"datetime", "timestamp_desc", "data_type", "host_name", "event_sequence",
	"process_pid", "process_name", "process_executable", "process_entity_id", "file_path", "file_device",
	"file_inode", "file_class", "bytes_read", "bytes_written", "network_local", "network_remote", "bytes_sent",
	"bytes_received", "action", "error", "message", "tag"};

/*
 * A text that begins like a formula gets an apostrophe in front: a spreadsheet would run it. Numbers, times and our own
 * words need none. What is no harmless line of text is escaped as in a report.
 */
static void put_csv(FILE *out, struct text text, bool hostile)
{
	char plain[4 * 1024 + 1];
	size_t i, part;

	if (!text.bytes)
		return;
	putc_unlocked('"', out);
	if (hostile && text.len && strchr("=+-@\t\r", text.bytes[0]))
		putc_unlocked('\'', out);
	for (i = 0; i < text.len; i += part) {
		const char *at = plain;

		part = text.len - i;
		if (part > 512)
			for (part = 512; part > 508 && (text.bytes[i + part] & 0xc0) == 0x80; part--)
				;
		text_plain(plain, sizeof(plain), text.bytes + i, part);
		for (; *at; at++) {
			if (*at == '"')
				putc_unlocked('"', out);
			putc_unlocked(*at, out);
		}
	}
	putc_unlocked('"', out);
}

static void put_csv_number(FILE *out, int64_t number)
{
	if (number >= 0)
		fprintf(out, "%" PRId64, number);
}

static struct text text_of(const char *bytes)
{
	return (struct text){bytes, bytes ? strlen(bytes) : 0};
}

int begin_csv(struct timeline *timeline)
{
	size_t i;

	for (i = 0; i < sizeof(csv_names) / sizeof(csv_names[0]); i++)
		fprintf(timeline->out, "%s%s", i ? "," : "", csv_names[i]);
	fputs("\r\n", timeline->out);
	return 0;
}

static void put_csv_who(FILE *out, const struct event *event)
{
	static const struct actor nobody = {.pid = -1};
	const struct actor *actor = event->actor ? event->actor : &nobody;
	struct text comm = event_text(event, PART_COMM), executable = event_text(event, PART_EXECUTABLE);

	put_csv_number(out, actor->pid);
	putc_unlocked(',', out);
	put_csv(out, comm.bytes ? comm : text_of(actor->comm), true);
	putc_unlocked(',', out);
	put_csv(out, executable.bytes ? executable : text_of(actor->executable), true);
	putc_unlocked(',', out);
	put_csv(out, text_of(actor->entity), true);
	putc_unlocked(',', out);
}

/* A count that is 0 is left empty, as an absent one is. */
static int64_t some(const struct event *event, enum part part)
{
	int64_t number = event_number(event, part);

	return number ? number : -1;
}

int write_csv_event(struct timeline *timeline, const struct event *event)
{
	FILE *out = timeline->out;

	fprintf(out, "%s,%s,%s,", event->time, event->what, data_type(event));
	put_csv(out, text_of(timeline->host), true);
	putc_unlocked(',', out);
	put_csv_number(out, event->kind ? event->sequence : -1);
	putc_unlocked(',', out);
	put_csv_who(out, event);
	put_csv(out, event->stamp ? event->stamp->name : event_text(event, PART_PATH), true);
	putc_unlocked(',', out);
	put_csv(out, event_text(event, PART_DEVICE), true);
	putc_unlocked(',', out);
	put_csv(out, event->stamp ? event->stamp->inode : event_text(event, PART_INODE), true);
	putc_unlocked(',', out);
	put_csv(out, event_text(event, PART_CLASS), false);
	putc_unlocked(',', out);
	put_csv_number(out, some(event, PART_READ_BYTES));
	putc_unlocked(',', out);
	put_csv_number(out, some(event, PART_WRITE_BYTES));
	putc_unlocked(',', out);
	put_csv(out, event_text(event, PART_LOCAL), true);
	putc_unlocked(',', out);
	put_csv(out, event_text(event, PART_REMOTE), true);
	putc_unlocked(',', out);
	put_csv_number(out, some(event, PART_SENT_BYTES));
	putc_unlocked(',', out);
	put_csv_number(out, some(event, PART_RECEIVED_BYTES));
	putc_unlocked(',', out);
	put_csv(out, event_text(event, PART_KIND), true);
	putc_unlocked(',', out);
	put_csv(out, event_text(event, PART_ERRNO), true);
	putc_unlocked(',', out);
	put_csv(out, text_of(event->message), true);
	fputs(event_number(event, PART_EXPOSED) > 0 ? ",exposed\r\n" : ",\r\n", out);
	return 0;
}
