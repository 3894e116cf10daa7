/* SPDX-License-Identifier: BSD-2-Clause */
#include "index_facts.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define COLUMN(name, key, type)                                                                                        \
	{                                                                                                              \
		name, key, sizeof(key) - 1, COLUMN_##type                                                              \
	}

static const struct column capture_start[] = {
	COLUMN("started", "@timestamp", TIME),
	COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("ecs_version", "ecs.version", TEXT),
	COLUMN("format", "quis.format", NUMBER),
	COLUMN("case_id", "quis.case.id", TEXT),
	COLUMN("tool_version", "quis.tool.version", TEXT),
	COLUMN("tool_sha256", "quis.tool.sha256", TEXT),
	COLUMN("bpf_sha256", "quis.bpf.sha256", TEXT),
	COLUMN("host", "host.name", TEXT),
	COLUMN("machine_id", "host.id", TEXT),
	COLUMN("boot_id", "host.boot.id", TEXT),
	COLUMN("kernel", "host.os.kernel", TEXT),
	COLUMN("architecture", "host.architecture", TEXT),
	COLUMN("hooks", "quis.hooks", TEXT),
	COLUMN("flags", "quis.flags", LIST),
	COLUMN("may_be_unseen", "quis.unseen", LIST),
	COLUMN("realtime_ns", "quis.clock.realtime_ns", NUMBER),
	COLUMN("boottime_ns", "quis.clock.boottime_ns", NUMBER),
	COLUMN("synchronised", "quis.clock.synchronised", TEXT),
	COLUMN("error_us", "quis.clock.error_us", NUMBER),
	COLUMN("timezone", "event.timezone", TEXT),
	COLUMN("config_sha256", "quis.config.sha256", TEXT),
	COLUMN("epoch_ms", "quis.epoch_ms", NUMBER),
	COLUMN("case_number", "quis.case.number", TEXT),
	COLUMN("examiner", "quis.case.examiner", TEXT),
	COLUMN("note", "quis.case.note", TEXT),
};

static const struct column capture_end[] = {
	COLUMN("time", "@timestamp", TIME), COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("reason", "quis.end.reason", TEXT), COLUMN("exit_status", "quis.end.exit_status", NUMBER),
	COLUMN("unseen", "quis.unseen", LIST), /* of that session; capture-start has all that may be */
};

static const struct column process_start[] = {
	COLUMN("time", "@timestamp", TIME),
	COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("event", "quis.process.event", TEXT),
	COLUMN("started", "process.start", TIME),
	COLUMN("ppid", "process.parent.pid", NUMBER),
	COLUMN("parent", "process.parent.entity_id", TEXT),
	COLUMN("flagged_by", "quis.process.flagged_by", TEXT),
	COLUMN("comm", "process.name", TEXT),
	COLUMN("comm_raw", "quis.process.name_raw", TEXT),
	COLUMN("executable", "process.executable", TEXT),
	COLUMN("executable_raw", "quis.process.executable_raw", TEXT),
	COLUMN("executable_device", "quis.process.executable_device", TEXT),
	COLUMN("executable_inode", "quis.process.executable_inode", DIGITS),
	COLUMN("sha256", "process.hash.sha256", TEXT),
	COLUMN("args", "process.args", LIST),
	COLUMN("args_raw", "quis.process.args_raw", LIST),
	COLUMN("args_count", "process.args_count", NUMBER),
	COLUMN("args_truncated", "quis.process.args_truncated", TRUE),
	COLUMN("script", "quis.process.script", TEXT),
	COLUMN("script_raw", "quis.process.script_raw", TEXT),
	COLUMN("cwd", "process.working_directory", TEXT),
	COLUMN("cwd_raw", "quis.process.working_directory_raw", TEXT),
	COLUMN("uid", "process.user.id", NUMBER),
	COLUMN("gid", "process.group.id", NUMBER),
	COLUMN("cgroup", "quis.process.cgroup", TEXT),
	COLUMN("container", "container.id", TEXT),
};

static const struct column process_end[] = {
	COLUMN("time", "@timestamp", TIME),
	COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("comm", "process.name", TEXT),
	COLUMN("comm_raw", "quis.process.name_raw", TEXT),
	COLUMN("ended", "process.end", TIME),
	COLUMN("exit_code", "process.exit_code", NUMBER),
	COLUMN("exit_signal", "quis.process.exit_signal", NUMBER),
};

const struct column file_columns[] = {
	COLUMN("device", "quis.file.device", TEXT),
	COLUMN("inode", "file.inode", DIGITS),
	COLUMN("generation", "quis.file.generation", NUMBER),
	COLUMN("type", "file.type", TEXT),
	COLUMN("path", "file.path", TEXT),
	COLUMN("path_raw", "quis.file.path_raw", TEXT),
	COLUMN("deleted", "quis.file.deleted", TRUE),
	COLUMN("truncated", "quis.file.truncated", TRUE),
	COLUMN("unreachable", "quis.file.unreachable", TRUE),
	COLUMN("lower_device", "quis.file.lower_device", TEXT),
	COLUMN("lower_inode", "quis.file.lower_inode", DIGITS),
	COLUMN("lower_layer", "quis.file.lower_layer", TEXT),
	COLUMN("lower_path", "quis.file.lower_path", TEXT),
	COLUMN("lower_path_raw", "quis.file.lower_path_raw", TEXT),
};
const size_t file_columns_count = COUNT(file_columns);

static const struct column file_access[] = {
	COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("first", "event.start", TIME),
	COLUMN("last", "event.end", TIME),
	COLUMN("comm", "process.name", TEXT),
	COLUMN("comm_raw", "quis.process.name_raw", TEXT),
	COLUMN("path", "file.path", TEXT),
	COLUMN("path_raw", "quis.file.path_raw", TEXT),
	COLUMN("path_from", "quis.file.path_from", TEXT),
	COLUMN("deleted", "quis.file.deleted", TRUE),
	COLUMN("truncated", "quis.file.truncated", TRUE),
	COLUMN("unreachable", "quis.file.unreachable", TRUE),
	COLUMN("view", "quis.file.view", TEXT),
	COLUMN("view_raw", "quis.file.view_raw", TEXT),
	COLUMN("how", "quis.file.how", LIST),
	COLUMN("events", "quis.file.events", LIST),
	COLUMN("handed_by", "quis.file.from", LIST),
	COLUMN("handed_more", "quis.file.from_more", TRUE),
	COLUMN("opens", "quis.opens", COUNT),
	COLUMN("reads", "quis.reads", COUNT),
	COLUMN("read_bytes", "quis.read_bytes", COUNT),
	COLUMN("writes", "quis.writes", COUNT),
	COLUMN("write_bytes", "quis.write_bytes", COUNT),
	COLUMN("maps", "quis.maps", COUNT),
	COLUMN("mapped_bytes", "quis.mapped_bytes", COUNT),
	COLUMN("faults", "quis.faults", COUNT),
	COLUMN("faulted_bytes", "quis.faulted_bytes", COUNT),
	COLUMN("lists", "quis.lists", COUNT),
	COLUMN("stats", "quis.stats", COUNT),
	COLUMN("failed", "quis.failed", COUNT),
	COLUMN("errno", "quis.errno", TEXT),
};

static const struct column flow[] = {
	COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("first", "event.start", TIME),
	COLUMN("last", "event.end", TIME),
	COLUMN("comm", "process.name", TEXT),
	COLUMN("comm_raw", "quis.process.name_raw", TEXT),
	COLUMN("flow_id", "quis.flow.id", TEXT),
	COLUMN("family", "quis.flow.family", TEXT),
	COLUMN("transport", "network.transport", TEXT),
	COLUMN("direction", "network.direction", TEXT),
	COLUMN("network_type", "network.type", TEXT),
	COLUMN("local", "quis.flow.local", TEXT),
	COLUMN("local_raw", "quis.flow.local_raw", TEXT),
	COLUMN("remote", "quis.flow.remote", TEXT),
	COLUMN("remote_raw", "quis.flow.remote_raw", TEXT),
	COLUMN("source_ip", "source.ip", TEXT),
	COLUMN("source_port", "source.port", NUMBER),
	COLUMN("destination_ip", "destination.ip", TEXT),
	COLUMN("destination_port", "destination.port", NUMBER),
	COLUMN("listening", "quis.flow.listening", TRUE),
	COLUMN("peer_pid", "quis.flow.peer_pid", NUMBER),
	COLUMN("peer_executable", "quis.flow.peer_executable", TEXT),
	COLUMN("peer_executable_raw", "quis.flow.peer_executable_raw", TEXT),
	COLUMN("peer_id", "quis.flow.peer_id", TEXT),
	COLUMN("first_sent", "quis.flow.first_sent", TIME),
	COLUMN("last_sent", "quis.flow.last_sent", TIME),
	COLUMN("first_received", "quis.flow.first_received", TIME),
	COLUMN("last_received", "quis.flow.last_received", TIME),
	COLUMN("sends", "quis.flow.sends", COUNT),
	COLUMN("sent_bytes", "quis.flow.sent_bytes", COUNT),
	COLUMN("receives", "quis.flow.receives", COUNT),
	COLUMN("received_bytes", "quis.flow.received_bytes", COUNT),
	COLUMN("failed", "quis.flow.failed", COUNT),
	COLUMN("errno", "quis.errno", TEXT),
};

static const struct column transfer[] = {
	COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("first", "event.start", TIME),
	COLUMN("last", "event.end", TIME),
	COLUMN("comm", "process.name", TEXT),
	COLUMN("comm_raw", "quis.process.name_raw", TEXT),
	COLUMN("path", "file.path", TEXT),
	COLUMN("path_raw", "quis.file.path_raw", TEXT),
	COLUMN("type", "file.type", TEXT),
	COLUMN("device", "quis.file.device", TEXT),
	COLUMN("inode", "file.inode", DIGITS),
	COLUMN("generation", "quis.file.generation", NUMBER),
	COLUMN("from_flow", "quis.transfer.from_flow", TEXT),
	COLUMN("to_path", "quis.transfer.to_path", TEXT),
	COLUMN("to_path_raw", "quis.transfer.to_path_raw", TEXT),
	COLUMN("to_type", "quis.transfer.to_type", TEXT),
	COLUMN("to_device", "quis.transfer.to_device", TEXT),
	COLUMN("to_inode", "quis.transfer.to_inode", DIGITS),
	COLUMN("to_generation", "quis.transfer.to_generation", NUMBER),
	COLUMN("to_flow", "quis.transfer.to_flow", TEXT),
	COLUMN("remote", "quis.flow.remote", TEXT),
	COLUMN("remote_raw", "quis.flow.remote_raw", TEXT),
	COLUMN("calls", "quis.transfer.calls", COUNT),
	COLUMN("bytes", "quis.transfer.bytes", COUNT),
	COLUMN("descriptors", "quis.transfer.descriptors", COUNT),
};

static const struct column action[] = {
	COLUMN("time", "@timestamp", TIME),
	COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("first", "event.start", TIME),
	COLUMN("last", "event.end", TIME),
	COLUMN("comm", "process.name", TEXT),
	COLUMN("comm_raw", "quis.process.name_raw", TEXT),
	COLUMN("kind", "event.action", TEXT),
	COLUMN("path", "file.path", TEXT),
	COLUMN("path_raw", "quis.file.path_raw", TEXT),
	COLUMN("target", "quis.action.to", TEXT),
	COLUMN("target_raw", "quis.action.to_raw", TEXT),
	COLUMN("path_from", "quis.path_from", TEXT),
	COLUMN("detail", "quis.action.detail", OBJECT),
	COLUMN("outcome", "event.outcome", TEXT),
	COLUMN("errno", "quis.errno", TEXT),
};

static const struct column name[] = {
	COLUMN("time", "@timestamp", TIME),
	COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("comm", "process.name", TEXT),
	COLUMN("comm_raw", "quis.process.name_raw", TEXT),
	COLUMN("address", "quis.name.address", TEXT),
	COLUMN("name", "quis.name.name", TEXT),
	COLUMN("source", "quis.name.source", TEXT),
	COLUMN("flow_id", "quis.flow.id", TEXT),
	COLUMN("alias", "quis.name.alias", TEXT),
	COLUMN("alpn", "quis.name.alpn", TEXT),
	COLUMN("ech", "quis.name.ech", TRUE),
	COLUMN("proxied", "quis.name.proxied", TRUE),
};

static const struct column stats[] = {
	COLUMN("time", "@timestamp", TIME),
	COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("produced", "quis.stats.produced", NUMBER),
	COLUMN("written", "quis.stats.written", NUMBER),
	COLUMN("merged", "quis.stats.merged", NUMBER),
	COLUMN("lost_records", "quis.lost.records", NUMBER),
	COLUMN("lost_map_full", "quis.lost.map_full", NUMBER),
	COLUMN("lost_missed_runs", "quis.lost.missed_runs", NUMBER),
	COLUMN("unresolved_paths", "quis.stats.unresolved_paths", NUMBER),
	COLUMN("first_sequence", "quis.stats.first_sequence", NUMBER),
	COLUMN("last_sequence", "quis.stats.last_sequence", NUMBER),
};

static const struct column gap[] = {
	COLUMN("time", "@timestamp", TIME),
	COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("first", "event.start", TIME),
	COLUMN("last", "event.end", TIME),
	COLUMN("what", "quis.gap.what", TEXT),
	COLUMN("count", "quis.gap.count", NUMBER),
};

static const struct column notice[] = {
	COLUMN("time", "@timestamp", TIME),
	COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("first", "event.start", TIME),
	COLUMN("last", "event.end", TIME),
	COLUMN("note", "quis.note", TEXT),
	COLUMN("realtime_ns", "quis.clock.realtime_ns", NUMBER),
	COLUMN("boottime_ns", "quis.clock.boottime_ns", NUMBER),
	COLUMN("public_key", "quis.key.public", TEXT),
};

#define KIND(fact, table, columns, link, after, category, type)                                                        \
	{                                                                                                              \
		fact, table, columns, COUNT(columns), LINK_##link, AFTER_##after, category, type                       \
	}

/* Most frequent first. */
const struct fact_kind fact_kinds[] = {
	KIND("file-access", "access", file_access, FILE, NOTHING, "file", "access"),
	KIND("process-start", "image", process_start, PROCESS, START, "process", "start"),
	KIND("process-end", "ending", process_end, PROCESS, END, "process", "end"),
	KIND("flow", "flow", flow, PROCESS, NOTHING, "network", "connection"),
	KIND("transfer", "transfer", transfer, PROCESS, NOTHING, "file", "access"),
	KIND("action", "action", action, PROCESS, NOTHING, "file", "change"),
	KIND("name", "name", name, MAYBE_PROCESS, NOTHING, NULL, NULL),
	KIND("stats", "stats", stats, NONE, NOTHING, NULL, NULL),
	KIND("gap", "gap", gap, NONE, NOTHING, NULL, NULL),
	KIND("heartbeat", "notice", notice, KIND, NOTHING, NULL, NULL),
	KIND("clock-change", "notice", notice, KIND, CLOCK, NULL, NULL),
	KIND("config-change", "notice", notice, KIND, NOTHING, NULL, NULL),
	KIND("key", "notice", notice, KIND, NOTHING, NULL, NULL),
	KIND("capture-start", "capture", capture_start, NONE, CAPTURE_START, NULL, NULL),
	KIND("capture-end", "finish", capture_end, NONE, CAPTURE_END, NULL, NULL),
};
const size_t fact_kinds_count = COUNT(fact_kinds);
_Static_assert(COUNT(fact_kinds) <= FACT_KINDS_MAX, "one statement a kind");

const struct image_column image_columns[] = {
	{"executable", "executable", true},
	{"executable_raw", "executable", true},
	{"executable_device", "executable", true},
	{"executable_inode", "executable", true},
	{"sha256", "executable", true},
	{"args", "args", true},
	{"args_raw", "args", true},
	{"args_truncated", "args", true},
	{"comm", "comm", false},
	{"cwd", "cwd", false},
	{"cwd_raw", "cwd", false},
	{"uid", "uid", false},
	{"gid", "gid", false},
	{"cgroup", "cgroup", false},
	{"container", "container", false},
};
const size_t image_columns_count = COUNT(image_columns);

static const char *access_types(const struct fact_nature *nature)
{
	if (!nature->change || nature->failed)
		return "[\"access\"]";
	return nature->access ? "[\"access\",\"change\"]" : "[\"change\"]";
}

static const char *action_types(const struct fact_nature *nature)
{
	static const char *const others[][2] = {
		{"unlink", "[\"deletion\"]"},
		{"rmdir", "[\"deletion\"]"},
		{"mkdir", "[\"creation\"]"},
		{"mknod", "[\"creation\"]"},
		{"link", "[\"creation\"]"},
		{"symlink", "[\"creation\"]"},
	};
	size_t i;

	if (!nature->has_path)
		return "[\"info\"]";
	for (i = 0; i < COUNT(others); i++)
		if (nature->action && !strcmp(nature->action, others[i][0]))
			return others[i][1];
	return "[\"change\"]";
}

/* Constants, so that nothing need be built for each fact. */
static const char *types_of(const struct fact_kind *kind, const struct fact_nature *nature)
{
	if (!strcmp(kind->table, "access"))
		return access_types(nature);
	if (!strcmp(kind->table, "action"))
		return action_types(nature);
	if (!strcmp(kind->table, "flow"))
		return "[\"connection\"]";
	if (!strcmp(kind->table, "transfer"))
		return "[\"access\"]";
	return !strcmp(kind->type, "start") ? "[\"start\"]" : "[\"end\"]";
}

static const char *category_of(const struct fact_kind *kind, const struct fact_nature *nature)
{
	if (!strcmp(kind->category, "network"))
		return "[\"network\"]";
	if (!strcmp(kind->category, "process") || (!strcmp(kind->table, "action") && !nature->has_path))
		return "[\"process\"]";
	return "[\"file\"]";
}

const char *derived_json(const struct fact_kind *kind, const struct fact_nature *nature, const char *key)
{
	if (!strcmp(key, "event.outcome"))
		return !strcmp(kind->table, "access") && nature->failed ? "\"failure\"" : NULL;
	if (!kind->category)
		return NULL;
	if (!strcmp(key, "event.kind"))
		return "\"event\"";
	if (!strcmp(key, "event.category"))
		return category_of(kind, nature);
	return !strcmp(key, "event.type") ? types_of(kind, nature) : NULL;
}
