/* SPDX-License-Identifier: BSD-2-Clause */
/* OCSF 1.8.0 (schema.ocsf.io): classes 1001 File System, 1007 Process, 4001 Network, 4003 DNS, and 0 for what is none
 * of them. */
#include "timeline.h"

#include <inttypes.h>
#include <string.h>

#include "times.h"

#define OCSF_VERSION "1.8.0"

struct activity {
	int class_uid;
	int id;
	const char *name; /* of an activity that OCSF has no number for: 99 */
};

static void emit_string(struct emit *emit, const char *key, const char *value)
{
	if (value)
		emit_text(emit, key, value, strlen(value));
}

static bool is_table(const struct event *event, const char *table)
{
	return event->kind && !strcmp(event->kind->table, table);
}

/* 1 Create, 2 Read, 3 Update, 4 Delete, 5 Rename, 6 Set Attributes, 7 Set Security, 8 Get Attributes, 12 Mount, 13 Unmount, 14 Open */
static struct activity file_activity(const struct event *event)
{
	struct activity activity = {1001, 14, NULL};

	if (event_number(event, PART_FAILED) > 0)
		return activity;
	if (event_number(event, PART_WRITES) > 0)
		activity.id = 3;
	else if (event_number(event, PART_READS) > 0 || event_number(event, PART_MAPS) > 0 ||
		 event_number(event, PART_LISTS) > 0)
		activity.id = 2;
	else if (event_number(event, PART_STATS) > 0 && event_number(event, PART_OPENS) <= 0)
		activity.id = 8;
	return activity;
}

static struct activity action_activity(const struct event *event)
{
	static const struct {
		const char *kind;
		int id;
	} kinds[] = {
		{"mkdir", 1},
		{"mknod", 1},
		{"link", 1},
		{"symlink", 1},
		{"truncate", 3},
		{"fallocate", 3},
		{"unlink", 4},
		{"rmdir", 4},
		{"rename", 5},
		{"chmod", 7},
		{"chown", 7},
		{"utimes", 6},
		{"setxattr", 6},
		{"removexattr", 6},
		{"mount", 12},
		{"umount", 13},
	};
	struct activity activity = {1001, 99, event_text(event, PART_KIND).bytes};
	size_t i;

	if (!event_text(event, PART_PATH).bytes)
		activity.class_uid = 1007;
	for (i = 0; activity.class_uid == 1001 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (text_equals(event_text(event, PART_KIND), kinds[i].kind)) {
			activity.id = kinds[i].id;
			activity.name = NULL;
		}
	if (!activity.name && activity.id == 99)
		activity.name = "action";
	return activity;
}

/* 1 Launch, 2 Terminate; 5 Refuse, 6 Traffic; 2 Response */
static struct activity activity_of(const struct event *event)
{
	if (is_table(event, "access"))
		return file_activity(event);
	if (is_table(event, "action"))
		return action_activity(event);
	if (is_table(event, "image"))
		return text_equals(event_text(event, PART_EVENT), "snapshot")
			       ? (struct activity){1007, 99, "Seen Running"}
			       : (struct activity){1007, 1, NULL};
	if (is_table(event, "ending"))
		return (struct activity){1007, 2, NULL};
	if (is_table(event, "flow") && (event_text(event, PART_LOCAL).bytes || event_text(event, PART_REMOTE).bytes))
		return (struct activity){4001, event_number(event, PART_FAILED) > 0 ? 5 : 6, NULL};
	if (is_table(event, "transfer") && event_text(event, PART_PATH).bytes)
		return (struct activity){1001, 99, "Transfer"};
	if (is_table(event, "name"))
		return text_equals(event_text(event, PART_SOURCE), "dns") ? (struct activity){4003, 2, NULL}
									  : (struct activity){4001, 99, "Name"};
	if (event->stamp)
		return (struct activity){1001,
			strchr(event->stamp->letters, 'm')   ? 3
			: strchr(event->stamp->letters, 'b') ? 1
							     : 99,
			"File System Times"};
	return (struct activity){0, 99, event->kind ? event->kind->fact : "note"};
}

static void emit_time(struct emit *emit, const char *key, struct text time)
{
	if (time.bytes && time.len == TIME_LENGTH)
		emit_number(emit, key, time_ns(time.bytes) / 1000000);
}

static void emit_span(struct emit *emit, const struct event *event)
{
	struct text first = event_text(event, PART_FIRST), last = event_text(event, PART_LAST);

	emit_number(emit, "time", event->ns / 1000000);
	if (!first.bytes || !last.bytes || first.len != TIME_LENGTH || last.len != TIME_LENGTH)
		return;
	emit_time(emit, "start_time", first);
	emit_time(emit, "end_time", last);
	if (time_ns(last.bytes) >= time_ns(first.bytes))
		emit_number(emit, "duration", (time_ns(last.bytes) - time_ns(first.bytes)) / 1000000);
}

static void emit_count(struct emit *emit, const struct event *event)
{
	static const enum part parts[] = {
		PART_OPENS, PART_READS, PART_WRITES, PART_MAPS, PART_LISTS, PART_FAILED, PART_SENDS, PART_RECEIVES};
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (event_number(event, parts[i]) > 0)
			count += event_number(event, parts[i]);
	if (count)
		emit_number(emit, "count", count);
}

static void emit_metadata(struct timeline *timeline, const struct event *event)
{
	struct emit *emit = &timeline->emit;

	emit_open(emit, "metadata", '{');
	emit_string(emit, "version", OCSF_VERSION);
	if (event->kind)
		emit_number_part(emit, "sequence", event->sequence);
	emit_string(emit, "original_time", event->time);
	emit_string(emit, "log_name", event->kind ? event->kind->fact : event->stamp ? "merge" : "note");
	emit_open(emit, "product", '{');
	emit_string(emit, "name", "quis");
	emit_string(emit, "vendor_name", "quis");
	emit_string(emit, "version", QUIS_VERSION);
	emit_close(emit, '}');
	emit_close(emit, '}');
}

static void emit_device(struct timeline *timeline)
{
	struct emit *emit = &timeline->emit;

	emit_open(emit, "device", '{');
	emit_number(emit, "type_id", 0);
	if (timeline->host[0])
		emit_string(emit, "hostname", timeline->host);
	if (timeline->host_id[0] || !timeline->host[0])
		emit_string(emit, "uid", timeline->host_id[0] ? timeline->host_id : timeline->case_id);
	emit_close(emit, '}');
}

static struct text last_part(struct text path)
{
	const char *slash = path.len ? memrchr(path.bytes, '/', path.len) : NULL;

	if (!slash || slash + 1 == path.bytes + path.len)
		return path;
	return (struct text){slash + 1, path.bytes + path.len - slash - 1};
}

static void emit_path(struct emit *emit, struct text path)
{
	static const struct text unknown = {"(no name)", 9};

	emit_part(emit, "name", path.bytes ? last_part(path) : unknown);
	emit_part(emit, "path", path);
}

static int type_id(struct text type)
{
	static const struct {
		const char *type;
		int id;
	} types[] = {{"file", 1}, {"dir", 2}, {"pipe", 6}, {"device", 99}, {"memfd", 99}, {"other", 99}};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (text_equals(type, types[i].type))
			return types[i].id;
	return 0;
}

static void emit_file(struct emit *emit, const struct event *event, const char *key, enum part path)
{
	struct text type = event_text(event, PART_TYPE);

	emit_open(emit, key, '{');
	emit_path(emit, event->stamp ? event->stamp->name : event_text(event, path));
	emit_number(emit, "type_id", type_id(type));
	if (type_id(type) == 99)
		emit_part(emit, "type", type);
	emit_part(emit, "uid", event->stamp ? event->stamp->inode : event_text(event, PART_INODE));
	emit_close(emit, '}');
}

static void emit_process(struct emit *emit, const char *key, const struct event *event)
{
	const struct actor *actor = event->actor;
	struct text comm = event_text(event, PART_COMM), executable = event_text(event, PART_EXECUTABLE),
		    args = event_text(event, PART_ARGS);
	char uid[24];

	if (!executable.bytes && actor->executable)
		executable = (struct text){actor->executable, strlen(actor->executable)};
	emit_open(emit, key, '{');
	emit_number_part(emit, "pid", actor->pid);
	emit_string(emit, "uid", actor->entity);
	if (comm.bytes)
		emit_part(emit, "name", comm);
	else
		emit_string(emit, "name", actor->comm);
	emit_part(emit, "cmd_line", command_line(args));
	if (executable.bytes) {
		emit_open(emit, "file", '{');
		emit_path(emit, executable);
		emit_number(emit, "type_id", 1);
		emit_close(emit, '}');
	}
	emit_time(emit, "created_time", event_text(event, PART_STARTED));
	if (actor->uid >= 0) {
		snprintf(uid, sizeof(uid), "%" PRId64, actor->uid);
		emit_open(emit, "user", '{');
		emit_string(emit, "uid", uid);
		emit_close(emit, '}');
	}
	emit_close(emit, '}');
}

/* Nobody known did it: OCSF wants an actor all the same, so it gets the one that told of it. */
static void emit_actor(struct emit *emit, const struct event *event)
{
	emit_open(emit, "actor", '{');
	if (event->actor)
		emit_process(emit, "process", event);
	else
		emit_string(emit, "app_name", event->stamp ? "file system" : "quis");
	emit_close(emit, '}');
}

static void emit_place(struct emit *emit, struct text ip)
{
	struct where_place place;

	if (!where_look(ip.bytes, ip.len, &place))
		return;
	if (place.country[0]) {
		emit_open(emit, "location", '{');
		emit_string(emit, "country", place.country);
		emit_close(emit, '}');
	}
	if (!place.asn)
		return;
	emit_open(emit, "autonomous_system", '{');
	emit_number(emit, "number", place.asn);
	if (place.owner[0])
		emit_string(emit, "name", place.owner);
	emit_close(emit, '}');
}

static void emit_endpoint(struct emit *emit, const char *key, struct text ip, int64_t port, struct text name)
{
	if (!ip.bytes && !name.bytes)
		return;
	emit_open(emit, key, '{');
	emit_place(emit, ip);
	if (ip.bytes)
		emit_part(emit, "ip", ip);
	else
		emit_part(emit, "name", name);
	emit_number_part(emit, "port", port);
	emit_close(emit, '}');
}

static void emit_flow(struct emit *emit, const struct event *event)
{
	struct text direction = event_text(event, PART_DIRECTION), local = event_text(event, PART_LOCAL),
		    remote = event_text(event, PART_REMOTE);
	bool in = text_equals(direction, "ingress"), out = text_equals(direction, "egress");

	emit_endpoint(emit, "src_endpoint", event_text(event, PART_SOURCE_IP), event_number(event, PART_SOURCE_PORT),
		in ? remote : local);
	emit_endpoint(emit, "dst_endpoint", event_text(event, PART_DESTINATION_IP),
		event_number(event, PART_DESTINATION_PORT), in ? local : remote);
	emit_bool(emit, "is_src_dst_assignment_known", in || out);
	emit_open(emit, "connection_info", '{');
	emit_number(emit, "direction_id", in ? 1 : out ? 2 : 0);
	emit_part(emit, "protocol_name", event_text(event, PART_TRANSPORT));
	emit_part(emit, "uid", event_text(event, PART_FLOW_ID));
	emit_close(emit, '}');
	emit_open(emit, "traffic", '{');
	emit_number_part(emit, "bytes_out", event_number(event, PART_SENT_BYTES));
	emit_number_part(emit, "bytes_in", event_number(event, PART_RECEIVED_BYTES));
	emit_close(emit, '}');
}

static void emit_name(struct emit *emit, const struct event *event, int class_uid)
{
	static const struct text unknown = {"unknown", 7};
	struct text address = event_text(event, PART_ADDRESS), name = event_text(event, PART_NAME);

	emit_open(emit, "dst_endpoint", '{');
	emit_part(emit,
		class_uid == 4003 ? "name"
		: address.bytes	  ? "ip"
				  : "name",
		class_uid == 4003 || !address.bytes ? unknown : address);
	if (class_uid != 4003)
		emit_part(emit, "hostname", name);
	emit_close(emit, '}');
	if (class_uid != 4003 || !name.bytes)
		return;
	emit_open(emit, "query", '{');
	emit_part(emit, "hostname", name);
	emit_close(emit, '}');
	if (!address.bytes)
		return;
	emit_open(emit, "answers", '[');
	emit_open(emit, NULL, '{');
	emit_part(emit, "rdata", address);
	emit_close(emit, '}');
	emit_close(emit, ']');
}

static void emit_status(struct emit *emit, const struct event *event)
{
	bool failed = event_number(event, PART_FAILED) > 0 || text_equals(event_text(event, PART_OUTCOME), "failure") ||
		      (event_number(event, PART_STATS) > 0 && event_text(event, PART_ERRNO).bytes);

	if (!event->kind || !event->actor)
		return;
	emit_number(emit, "status_id", failed ? 2 : 1);
	emit_part(emit, "status_code", event_text(event, PART_ERRNO));
	if (event_number(event, PART_EXIT_CODE) >= 0)
		emit_number(emit, "exit_code", event_number(event, PART_EXIT_CODE));
}

/* What OCSF has no place for stays under the names of the facts. */
static void emit_unmapped(struct emit *emit, const struct event *event)
{
	static const char device_key[] = "quis.file.device";
	struct text device = event_text(event, PART_DEVICE);
	size_t i;

	if (!event->kind)
		return;
	emit_open(emit, "unmapped", '{');
	for (i = 0; i < event->kind->count; i++) {
		const struct column *column = &event->kind->columns[i];
		int at = event->first_column + i;
		struct text text = {.bytes = (const char *)sqlite3_column_text(event->row, at)};

		text.len = sqlite3_column_bytes(event->row, at);
		if (!text.bytes || strncmp(column->key, "quis.", 5) ||
			(column->type == COLUMN_COUNT && text_equals(text, "0")))
			continue;
		if (device.bytes && !strcmp(column->key, device_key))
			continue; /* the same */
		if (column->type == COLUMN_TEXT || column->type == COLUMN_OBJECT || column->type == COLUMN_TIME)
			emit_part(emit, column->key, text);
		else if (column->type == COLUMN_TRUE)
			emit_bool(emit, column->key, !text_equals(text, "0"));
		else
			emit_raw(emit, column->key, text.bytes, text.len);
	}
	emit_part(emit, device_key, device);
	emit_part(emit, "quis.file.class", event_text(event, PART_CLASS));
	if (event_number(event, PART_EXPOSED) > 0)
		emit_bool(emit, "quis.exposed", true);
	if (event_extra(event).len > 2)
		emit_members(emit, event_extra(event).bytes + 1, event_extra(event).len - 2);
	emit_close(emit, '}');
}

static void emit_class(struct timeline *timeline, const struct event *event, struct activity activity)
{
	struct emit *emit = &timeline->emit;

	if (activity.class_uid)
		emit_actor(emit, event);
	emit_device(timeline);
	if (activity.class_uid == 1001) {
		emit_file(emit, event, "file", PART_PATH);
		if (event_text(event, PART_TARGET).bytes)
			emit_file(emit, event, "file_result", PART_TARGET);
	}
	if (activity.class_uid == 1007)
		emit_process(emit, "process", event);
	if (is_table(event, "flow") && activity.class_uid)
		emit_flow(emit, event);
	if (is_table(event, "name"))
		emit_name(emit, event, activity.class_uid);
}

int write_ocsf(struct timeline *timeline, const struct event *event)
{
	struct activity activity = activity_of(event);
	struct emit *emit = &timeline->emit;

	emit_open(emit, NULL, '{');
	emit_number(emit, "class_uid", activity.class_uid);
	emit_number(emit, "category_uid", activity.class_uid / 1000);
	emit_number(emit, "activity_id", activity.id);
	if (activity.id == 99)
		emit_string(emit, "activity_name", activity.name);
	emit_number(emit, "type_uid", activity.class_uid * 100 + activity.id);
	emit_number(emit, "severity_id", 1);
	emit_span(emit, event);
	emit_count(emit, event);
	emit_string(emit, "message", event->message);
	emit_metadata(timeline, event);
	emit_class(timeline, event, activity);
	emit_status(emit, event);
	emit_unmapped(emit, event);
	emit_close(emit, '}');
	return 0;
}
