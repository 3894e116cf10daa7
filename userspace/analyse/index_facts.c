/* SPDX-License-Identifier: BSD-2-Clause */
#include "index_facts.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define COLUMN(name, key, type)                                                                                        \
	{                                                                                                              \
		name, key, sizeof(key) - 1, COLUMN_##type                                                              \
	}

static const struct column capture_start[] = {
	COLUMN("started", "@timestamp", TIME),
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
	COLUMN("unseen", "quis.unseen", LIST),
	COLUMN("realtime_ns", "quis.clock.realtime_ns", NUMBER),
	COLUMN("boottime_ns", "quis.clock.boottime_ns", NUMBER),
	COLUMN("synchronised", "quis.clock.synchronised", TRUE),
	COLUMN("error_us", "quis.clock.error_us", NUMBER),
	COLUMN("timezone", "event.timezone", TEXT),
	COLUMN("config_sha256", "quis.config.sha256", TEXT),
	COLUMN("epoch_ms", "quis.epoch_ms", NUMBER),
	COLUMN("case_number", "quis.case.number", TEXT),
	COLUMN("examiner", "quis.case.examiner", TEXT),
	COLUMN("note", "quis.case.note", TEXT),
};

static const struct column capture_end[] = {
	COLUMN("ended", "@timestamp", TIME),
	COLUMN("end_reason", "quis.end.reason", TEXT),
	COLUMN("exit_status", "quis.end.exit_status", NUMBER),
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
	COLUMN("executable", "process.executable", TEXT),
	COLUMN("executable_raw", "quis.process.executable_raw", TEXT),
	COLUMN("executable_device", "quis.process.executable_device", TEXT),
	COLUMN("executable_inode", "quis.process.executable_inode", DIGITS),
	COLUMN("sha256", "process.hash.sha256", TEXT),
	COLUMN("args", "process.args", LIST),
	COLUMN("args_raw", "quis.process.args_raw", LIST),
	COLUMN("args_truncated", "quis.process.args_truncated", TRUE),
	COLUMN("cwd", "process.working_directory", TEXT),
	COLUMN("cwd_raw", "quis.process.working_directory_raw", TEXT),
	COLUMN("uid", "process.user.id", NUMBER),
	COLUMN("gid", "process.group.id", NUMBER),
	COLUMN("cgroup", "quis.process.cgroup", TEXT),
	COLUMN("container", "container.id", TEXT),
};

static const struct column process_end[] = {
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
};
const size_t file_columns_count = COUNT(file_columns);

static const struct column file_access[] = {
	COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("first", "event.start", TIME),
	COLUMN("last", "event.end", TIME),
	COLUMN("path", "file.path", TEXT),
	COLUMN("path_raw", "quis.file.path_raw", TEXT),
	COLUMN("path_from", "quis.file.path_from", TEXT),
	COLUMN("deleted", "quis.file.deleted", TRUE),
	COLUMN("truncated", "quis.file.truncated", TRUE),
	COLUMN("unreachable", "quis.file.unreachable", TRUE),
	COLUMN("view", "quis.file.view", TEXT),
	COLUMN("how", "quis.file.how", LIST),
	COLUMN("handed_by", "quis.file.from", LIST),
	COLUMN("opens", "quis.opens", COUNT),
	COLUMN("reads", "quis.reads", COUNT),
	COLUMN("read_bytes", "quis.read_bytes", COUNT),
	COLUMN("writes", "quis.writes", COUNT),
	COLUMN("write_bytes", "quis.write_bytes", COUNT),
	COLUMN("maps", "quis.maps", COUNT),
	COLUMN("mapped_bytes", "quis.mapped_bytes", COUNT),
	COLUMN("lists", "quis.lists", COUNT),
	COLUMN("failed", "quis.failed", COUNT),
	COLUMN("errno", "quis.errno", TEXT),
};

static const struct column flow[] = {
	COLUMN("sequence", "event.sequence", NUMBER),
	COLUMN("first", "event.start", TIME),
	COLUMN("last", "event.end", TIME),
	COLUMN("flow_id", "quis.flow.id", TEXT),
	COLUMN("family", "quis.flow.family", TEXT),
	COLUMN("transport", "network.transport", TEXT),
	COLUMN("direction", "network.direction", TEXT),
	COLUMN("local", "quis.flow.local", TEXT),
	COLUMN("remote", "quis.flow.remote", TEXT),
	COLUMN("peer_pid", "quis.flow.peer_pid", NUMBER),
	COLUMN("sends", "quis.flow.sends", COUNT),
	COLUMN("sent_bytes", "quis.flow.sent_bytes", COUNT),
	COLUMN("receives", "quis.flow.receives", COUNT),
	COLUMN("received_bytes", "quis.flow.received_bytes", COUNT),
	COLUMN("failed", "quis.flow.failed", COUNT),
	COLUMN("errno", "quis.errno", TEXT),
};

static const struct column action[] = {
	COLUMN("time", "@timestamp", TIME),
	COLUMN("sequence", "event.sequence", NUMBER),
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
	COLUMN("address", "quis.name.address", TEXT),
	COLUMN("name", "quis.name.name", TEXT),
	COLUMN("source", "quis.name.source", TEXT),
	COLUMN("flow_id", "quis.flow.id", TEXT),
};

static const struct column stats[] = {
	COLUMN("time", "@timestamp", TIME),
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

#define KIND(fact, table, columns, link, after)                                                                        \
	{                                                                                                              \
		fact, table, columns, COUNT(columns), LINK_##link, AFTER_##after                                       \
	}

/* Most frequent first. */
const struct fact_kind fact_kinds[] = {
	KIND("file-access", "access", file_access, FILE, NOTHING),
	KIND("process-start", "image", process_start, PROCESS, START),
	KIND("process-end", NULL, process_end, PROCESS, END),
	KIND("flow", "flow", flow, PROCESS, NOTHING),
	KIND("action", "action", action, PROCESS, NOTHING),
	KIND("name", "name", name, MAYBE_PROCESS, NOTHING),
	KIND("stats", "stats", stats, NONE, NOTHING),
	KIND("gap", "gap", gap, NONE, NOTHING),
	KIND("heartbeat", "notice", notice, KIND, NOTHING),
	KIND("clock-change", "notice", notice, KIND, NOTHING),
	KIND("config-change", "notice", notice, KIND, NOTHING),
	KIND("key", "notice", notice, KIND, NOTHING),
	KIND("capture-start", "capture", capture_start, NONE, NOTHING),
	KIND("capture-end", NULL, capture_end, NONE, CAPTURE_END),
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
