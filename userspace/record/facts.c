/* SPDX-License-Identifier: BSD-2-Clause */
/* From what was merged to lines of the case (case/FACTS.md). */
#include "record/facts_private.h"
#include "record/ways.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/utsname.h>

extern const char quis_bpf_object[], quis_bpf_object_end[];

/* ---- capture ---- */

static bool first_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	bool known = file && fgets(text, size, file);

	if (file)
		fclose(file);
	if (known)
		text[strcspn(text, "\n")] = '\0';
	return known && *text;
}

static void host(struct fact *f)
{
	struct utsname u;
	char text[128];

	if (!uname(&u)) {
		fact_text(f, "host.name", u.nodename);
		fact_text(f, "host.os.kernel", u.release);
		fact_text(f, "host.architecture", u.machine);
	}
	if (first_line("/etc/machine-id", text, sizeof(text)))
		fact_text(f, "host.id", text);
	if (first_line("/proc/sys/kernel/random/boot_id", text, sizeof(text)))
		fact_text(f, "host.boot.id", text);
}

static void clocks(struct recorder *r, struct fact *f)
{
	struct timex t = {0};
	uint64_t boot = clock_boot();
	int state = adjtimex(&t);

	fact_number(f, "quis.clock.boottime_ns", boot);
	fact_number(f, "quis.clock.realtime_ns", real(r, boot));
	if (state >= 0) {
		fact_text(f, "quis.clock.synchronised", t.status & STA_UNSYNC ? "no" : "yes");
		if (!(t.status & STA_UNSYNC))
			fact_number(f, "quis.clock.error_us", t.maxerror);
	}
}

static void time_zone(struct fact *f)
{
	time_t now = time(NULL);
	struct tm local;
	char text[16];

	localtime_r(&now, &local);
	strftime(text, sizeof(text), "%z", &local);
	fact_text(f, "event.timezone", text);
}

static void flag_list(struct recorder *r)
{
	const struct follow_options *follow = &r->options->sensor.follow;
	const char *list[128];
	size_t i, count = 0;
	char text[128];

	if (r->options->command)
		list[count++] = "command";
	if (follow->on) {
		snprintf(text, sizeof(text), "ipc (over up to %u hand-overs, %u processes)", follow->depth, follow->count);
		list[count++] = text;
	}
	for (i = 0; i < r->flags.count && count < 128; i++)
		list[count++] = r->flags.list[i].text;
	fact_list(r->fact, "quis.flags", list, count);
}

static void unseen_list(struct recorder *r, const struct uses *uses)
{
	struct sentences sentences;

	ways_unseen(&r->sensor, uses, &sentences);
	fact_list(r->fact, "quis.unseen", (const char *const *)sentences.list, sentences.count);
	sentences_done(&sentences);
}

void facts_capture_start(struct recorder *r)
{
	struct fact *f = r->fact;
	char hex[65];

	begin(r, "capture-start", clock_boot());
	fact_number(f, "quis.format", CASE_FORMAT);
	fact_text(f, "ecs.version", "9.0.0");
	fact_text(f, "quis.case.id", case_id(r->writer));
	fact_text(f, "quis.tool.version", QUIS_VERSION);
	if (hash_self(hex))
		fact_text(f, "quis.tool.sha256", hex);
	hash_bytes(quis_bpf_object, quis_bpf_object_end - quis_bpf_object, hex);
	fact_text(f, "quis.bpf.sha256", hex);
	host(f);
	fact_text(f, "quis.hooks", r->sensor.hooks == HOOKS_TRAMPOLINE ? "trampoline" : "tracepoint");
	flag_list(r);
	if (r->options->command) {
		const char *const *word = (const char *const *)r->options->command;
		char *bytes = NULL;
		size_t length = 0;
		FILE *out = open_memstream(&bytes, &length);

		for (; out && *word; word++)
			fwrite(*word, 1, strlen(*word) + 1, out);
		if (out)
			fclose(out);
		if (bytes)
			fact_strings(f, "quis.command", "quis.command_raw", bytes, length);
		free(bytes);
	}
	unseen_list(r, NULL);
	clocks(r, f);
	time_zone(f);
	fact_number(f, "quis.epoch_ms", r->options->epoch_ms);
	if (r->options->config)
		fact_text(f, "quis.config.sha256", r->options->config->sha256);
	fact_text(f, "quis.case.number", r->options->case_number);
	fact_text(f, "quis.case.examiner", r->options->examiner);
	fact_text(f, "quis.case.note", r->options->note);
	end(r);
}

void facts_capture_end(struct recorder *r, const char *reason, int status)
{
	begin(r, "capture-end", clock_boot());
	fact_text(r->fact, "quis.end.reason", reason);
	if (r->options->command)
		fact_number(r->fact, "quis.end.exit_status", status);
	uses_finish(r);
	unseen_list(r, &r->uses);
	end(r);
}

/* Which protections are in effect, and why the others are not. */
static void confinement(struct fact *f, const struct confinement *c)
{
	static char why[PROTECTIONS][sizeof(c->list[0].what) + 32];
	const char *on[PROTECTIONS], *off[PROTECTIONS];
	size_t i, on_count = 0, off_count = 0;

	for (i = 0; i < PROTECTIONS; i++) {
		if (c->list[i].on) {
			on[on_count++] = protection_names[i];
		} else if (c->list[i].what[0]) {
			snprintf(why[i], sizeof(why[i]), "%s: %s", protection_names[i], c->list[i].what);
			off[off_count++] = why[i];
		}
	}
	fact_list(f, "quis.confinement", on, on_count);
	fact_list(f, "quis.unconfined", off, off_count);
}

void facts_stats(struct recorder *r)
{
	const struct sensor_state *s = r->sensor.state;
	struct fact *f = r->fact;

	begin(r, "stats", clock_boot());
	fact_number(f, "quis.stats.produced", s->produced);
	fact_number(f, "quis.stats.written", case_sequence(r->writer));
	fact_number(f, "quis.stats.merged", r->rows);
	fact_number(f, "quis.lost.records", r->told.records);
	fact_number(f, "quis.lost.map_full", r->told.map_full);
	fact_number(f, "quis.lost.missed_runs", r->told.missed_runs);
	fact_number(f, "quis.stats.unresolved_paths", r->unresolved);
	fact_count(f, "quis.lost.payload", r->told.payload);
	fact_count(f, "quis.stats.bad_names", r->names_bad);
	fact_number(f, "quis.stats.first_sequence", 1);
	fact_number(f, "quis.stats.last_sequence", case_sequence(r->writer) + 1);
	confinement(f, &r->confinement);
	end(r);
}

static void span(struct recorder *r, const char *kind, uint64_t from, uint64_t to)
{
	begin(r, kind, to);
	fact_time(r->fact, "event.start", real(r, from));
	fact_time(r->fact, "event.end", real(r, to));
}

void facts_continued(struct recorder *r, const char *note)
{
	span(r, "config-change", r->epoch_start, clock_boot());
	fact_text(r->fact, "quis.note", note);
	fact_number(r->fact, "quis.process.pid", getpid());
	if (r->options->config)
		fact_text(r->fact, "quis.config.sha256", r->options->config->sha256);
	end(r);
}

void facts_config_change(struct recorder *r, const char *note)
{
	span(r, "config-change", r->now, clock_boot());
	fact_bytes(r->fact, "quis.note", NULL, note, strlen(note));
	fact_text(r->fact, "quis.config.sha256", r->options->config->sha256);
	end(r);
}

void facts_heartbeat(struct recorder *r, uint64_t from, uint64_t to)
{
	span(r, "heartbeat", from, to);
	fact_text(r->fact, "quis.note", "the sensor ran all the time since the fact before this one of its kind");
	end(r);
}

void facts_clock_change(struct recorder *r, uint64_t from, uint64_t to, const char *note)
{
	span(r, "clock-change", from, to);
	fact_text(r->fact, "quis.note", note);
	clocks(r, r->fact);
	end(r);
}

void facts_gap(struct recorder *r, uint64_t from, uint64_t to, const char *what, uint64_t count)
{
	span(r, "gap", from, to);
	fact_text(r->fact, "quis.gap.what", what);
	fact_count(r->fact, "quis.gap.count", count);
	end(r);
}

/* ---- processes ---- */

static const char *flagged_by(const struct recorder *r, const struct process *p)
{
	static char text[24];
	uint32_t flag = p->flag;

	if (flag == FLAG_IPC) {
		snprintf(text, sizeof(text), "ipc:%u", p->by);
		return text;
	}
	if (flag == FLAG_COMMAND)
		return "command";
	if (flag == FLAG_PARENT)
		return "parent";
	return flag < r->flags.count ? r->flags.list[flag].text : NULL;
}

/* 64 hex digits in a control group's name: Docker, containerd, Podman, CRI-O */
static void container(struct fact *f, const char *cgroup)
{
	size_t run = 0, i;

	for (i = 0; cgroup[i]; i++) {
		run = strchr("0123456789abcdef", cgroup[i]) ? run + 1 : 0;
		if (run == 64 && !strchr("0123456789abcdef", cgroup[i + 1])) {
			char id[65];

			memcpy(id, cgroup + i - 63, 64);
			id[64] = '\0';
			fact_text(f, "container.id", id);
			return;
		}
	}
}

void facts_process_start(struct recorder *r, const struct process *p, const char *event, uint64_t time, const struct record_exec *record)
{
	static const char *const types[] = {"start"};
	struct fact *f = r->fact;
	struct text_view script = {NULL, 0};
	size_t given, written;

	begin(r, "process-start", time);
	kind(f, "process", types, 1);
	who(r, p->key.start, p->key.tgid);
	fact_text(f, "quis.process.event", event);
	fact_time(f, "process.start", real(r, p->key.start));
	if (p->parent.tgid)
		fact_number(f, "process.parent.pid", p->parent.tgid);
	if (p->parent_flagged)
		entity(f, "process.parent.entity_id", p->parent.start, p->parent.tgid);
	fact_text(f, "quis.process.flagged_by", flagged_by(r, p));
	if (p->exe) {
		fact_bytes(f, "process.executable", "quis.process.executable_raw", p->exe, p->exe_length);
		device(f, "quis.process.executable_device", p->exe_dev);
		fact_number(f, "quis.process.executable_inode", p->exe_ino);
	}
	if (p->hash[0])
		fact_text(f, "process.hash.sha256", p->hash);
	if (record)
		script = record_text(&record->head, record->script);
	if (script.text)
		fact_bytes(f, "quis.process.script", "quis.process.script_raw", script.text, script.length);
	if (p->cwd)
		fact_bytes(f, "process.working_directory", "quis.process.working_directory_raw", p->cwd, p->cwd_length);
	if (p->ids_known) {
		fact_number_text(f, "process.user.id", p->uid);
		fact_number_text(f, "process.group.id", p->gid);
	}
	if (p->cgroup) {
		fact_bytes(f, "quis.process.cgroup", NULL, p->cgroup, strlen(p->cgroup));
		container(f, p->cgroup);
	}
	if (p->args) {
		written = fact_strings(f, "process.args", "quis.process.args_raw", p->args, p->args_length);
		given = 0;
		for (size_t i = 0; i < p->args_length; i++)
			given += !p->args[i] || i + 1 == p->args_length;
		fact_number(f, "process.args_count", given);
		fact_true(f, "quis.process.args_truncated", written < given || (record && record->arguments_all > p->args_length));
	}
	end(r);
}

void facts_process_end(struct recorder *r, const struct process *p)
{
	static const char *const types[] = {"end"};
	struct fact *f = r->fact;

	begin(r, "process-end", p->end_time);
	kind(f, "process", types, 1);
	who(r, p->key.start, p->key.tgid);
	fact_time(f, "process.end", real(r, p->end_time));
	if (p->code & 0x7f)
		fact_number(f, "quis.process.exit_signal", p->code & 0x7f);
	else
		fact_number(f, "process.exit_code", (p->code >> 8) & 0xff);
	end(r);
}

/* ---- actions ---- */

void facts_error(struct fact *f, int error)
{
	const char *name = strerrorname_np(error);
	char text[16];

	if (!name) {
		snprintf(text, sizeof(text), "%d", error);
		name = text;
	}
	fact_text(f, "quis.errno", name);
}

static const char *family(uint16_t value);

/* A number that the kernel has a name for, with it. */
static size_t put_named(char *text, size_t size, const char *name, uint64_t value, const char *known)
{
	if (!known)
		return snprintf(text, size, "\"%s\":%u", name, (uint32_t)value);
	return snprintf(text, size, "\"%s\":%u,\"%s_name\":\"%s\"", name, (uint32_t)value, name, known);
}

static size_t put_detail(char *text, size_t size, const char *name, uint8_t form, uint64_t value)
{
	switch (form) {
	case ARG_PROGRAM:
		return put_named(text, size, name, value, program_type_name(value));
	case ARG_ATTACH:
		return put_named(text, size, name, value, attach_type_name(value));
	case ARG_OCTAL:
		return snprintf(text, size, "\"%s\":\"0%llo\"", name, (unsigned long long)(value & 0xffffffff));
	case ARG_HEX:
		return snprintf(text, size, "\"%s\":\"0x%llx\"", name, (unsigned long long)(value & 0xffffffff));
	case ARG_HEX64:
		return snprintf(text, size, "\"%s\":\"0x%llx\"", name, (unsigned long long)value);
	case ARG_FAMILY:
		return snprintf(text, size, "\"%s\":\"%s\"", name, family(value));
	case ARG_INT:
		if (!(value >> 32)) /* an int, whose sign the register does not carry */
			value = (int64_t)(int32_t)value;
	}
	return snprintf(text, size, "\"%s\":%lld", name, (long long)value);
}

static void action_detail(struct fact *f, const struct action_burst *b)
{
	char text[512] = "{";
	size_t i, at = 1;

	for (i = 0; i < ACTION_DETAILS && b->kind->details[i].name; i++) {
		uint8_t form = b->kind->details[i].form;

		if (form >= ARG_PROGRAM && b->args[b->kind->details[i].argument] == ACTION_UNSAID)
			continue;
		if (at > 1)
			text[at++] = ',';
		at += put_detail(text + at, sizeof(text) - at, b->kind->details[i].name, form,
			form == ARG_BYTES ? b->bytes : b->args[b->kind->details[i].argument]);
	}
	if (b->part)
		at += snprintf(text + at, sizeof(text) - at, "%s\"target\":\"sensor\",\"part\":\"%s\"", at > 1 ? "," : "", self_name(b->part));
	if (b->count > 1)
		at += snprintf(text + at, sizeof(text) - at, "%s\"count\":%llu", at > 1 ? "," : "", (unsigned long long)b->count);
	if (at == 1)
		return;
	snprintf(text + at, sizeof(text) - at, "}");
	fact_text(f, "quis.action.detail", text);
}

static const char *action_type(const char *kind)
{
	if (!strcmp(kind, "unlink") || !strcmp(kind, "rmdir"))
		return "deletion";
	if (!strcmp(kind, "mkdir") || !strcmp(kind, "mknod") || !strcmp(kind, "link") || !strcmp(kind, "symlink"))
		return "creation";
	return "change";
}

void facts_action(struct recorder *r, const struct action_burst *b)
{
	const char *const types[] = {b->path.text ? action_type(b->kind->name) : "info"};
	struct fact *f = r->fact;

	begin(r, "action", b->first);
	kind(f, b->path.text ? "file" : "process", types, 1);
	fact_text(f, "event.action", b->kind->name);
	fact_text(f, "event.outcome", b->key.error ? "failure" : "success");
	who(r, b->key.start, b->key.tgid);
	fact_time(f, "event.start", real(r, b->first));
	fact_time(f, "event.end", real(r, b->last));
	if (b->path.text) {
		fact_bytes(f, "file.path", "quis.file.path_raw", b->path.text, b->path.length);
		fact_text(f, "quis.path_from", b->kernel ? "kernel" : "argument");
	}
	if (b->to.text)
		fact_bytes(f, "quis.action.to", "quis.action.to_raw", b->to.text, b->to.length);
	action_detail(f, b);
	if (b->key.error)
		facts_error(f, b->key.error);
	end(r);
}

/* ---- flows ---- */

static const char *transport(const struct flow_burst *b)
{
	static char text[16];

	if (b->key.family == AF_UNIX)
		return "unix";
	if (b->key.family != AF_INET && b->key.family != AF_INET6)
		return NULL;
	switch (b->ends.protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "ipv6-icmp";
	case IPPROTO_SCTP:
		return "sctp";
	case 262:
		return "mptcp";
	}
	snprintf(text, sizeof(text), "%u", b->ends.protocol);
	return text;
}

static const char *family(uint16_t value)
{
	switch (value) {
	case AF_INET:
		return "inet";
	case AF_INET6:
		return "inet6";
	case AF_UNIX:
		return "unix";
	case AF_NETLINK:
		return "netlink";
	case AF_PACKET:
		return "packet";
	case AF_VSOCK:
		return "vsock";
	default:
		return "other";
	}
}

struct endpoint {
	char ip[INET6_ADDRSTRLEN];
	char text[INET6_ADDRSTRLEN + 10];
	uint16_t port;
	bool known;
};

static void endpoint_set(struct endpoint *e, uint16_t af, const uint8_t *address, uint16_t port)
{
	static const uint8_t zero[16];

	e->port = port;
	e->known = port || memcmp(address, zero, 16);
	inet_ntop(af, address, e->ip, sizeof(e->ip));
	snprintf(e->text, sizeof(e->text), af == AF_INET6 ? "[%s]:%u" : "%s:%u", e->ip, port);
}

static void ecs_end(struct fact *f, const char *ip_key, const char *port_key, const struct endpoint *e)
{
	if (!e->known)
		return;
	fact_text(f, ip_key, e->ip);
	fact_number(f, port_key, e->port);
}

static void unix_end(struct fact *f, const char *key, const char *raw_key, const char *path, bool abstract)
{
	char text[128];

	if (!path)
		return;
	if (!abstract) {
		fact_bytes(f, key, raw_key, path, strlen(path));
		return;
	}
	snprintf(text, sizeof(text), "@%s", path);
	fact_bytes(f, key, raw_key, text, strlen(text));
}

void facts_remote(struct fact *f, const struct flow_burst *b)
{
	struct endpoint remote = {.known = false};

	if (b->key.family == AF_UNIX)
		unix_end(f, "quis.flow.remote", "quis.flow.remote_raw", b->remote_path, b->ends.abstract & 2);
	if (b->key.family != AF_INET && b->key.family != AF_INET6)
		return;
	endpoint_set(&remote, b->key.family, b->key.addr, b->key.port);
	if (remote.known)
		fact_text(f, "quis.flow.remote", remote.text);
}

static void inet_ends(struct fact *f, const struct flow_burst *b, bool in)
{
	struct endpoint local = {.known = false}, remote = {.known = false};

	endpoint_set(&remote, b->key.family, b->key.addr, b->key.port);
	if (b->ends_known)
		endpoint_set(&local, b->key.family, b->ends.local_addr, b->ends.local_port);
	fact_text(f, "network.type", b->key.family == AF_INET ? "ipv4" : "ipv6");
	if (local.known)
		fact_text(f, "quis.flow.local", local.text);
	facts_remote(f, b);
	ecs_end(f, "source.ip", "source.port", in ? &remote : &local);
	ecs_end(f, "destination.ip", "destination.port", in ? &local : &remote);
}

static const char *direction(const struct flow_burst *b)
{
	if (b->sum.flags & FLOW_ACCEPTED)
		return "ingress";
	if (b->sum.flags & (FLOW_CONNECTED) || b->sum.refused)
		return "egress";
	if (b->sum.flags & FLOW_FIRST_RECEIVE)
		return b->ends.type == SOCK_DGRAM ? "ingress" : NULL;
	if (b->ends.type == SOCK_DGRAM && b->sum.sends)
		return "egress";
	return NULL;
}

static void id_text(struct fact *f, const char *key, uint64_t ino)
{
	if (ino)
		fact_number_text(f, key, ino);
}

static void flow_span(struct recorder *r, const char *first_key, const char *last_key, uint64_t first, uint64_t last)
{
	if (!first)
		return;
	fact_time(r->fact, first_key, real(r, first));
	fact_time(r->fact, last_key, real(r, last));
}

void facts_flow(struct recorder *r, const struct flow_burst *b)
{
	static const char *const types[] = {"connection"};
	const char *way = direction(b);
	struct fact *f = r->fact;

	begin(r, "flow", b->sum.last);
	kind(f, "network", types, 1);
	who(r, b->key.start, b->key.tgid);
	fact_time(f, "event.start", real(r, b->sum.first));
	fact_time(f, "event.end", real(r, b->sum.last));
	flow_span(r, "quis.flow.first_sent", "quis.flow.last_sent", b->sum.sent_first, b->sum.sent_last);
	flow_span(r, "quis.flow.first_received", "quis.flow.last_received", b->sum.received_first, b->sum.received_last);
	id_text(f, "quis.flow.id", b->key.ino);
	fact_text(f, "quis.flow.family", family(b->key.family));
	fact_text(f, "network.transport", b->ends_known ? transport(b) : NULL);
	fact_text(f, "network.direction", way);
	if (b->key.family == AF_INET || b->key.family == AF_INET6) {
		inet_ends(f, b, way && way[0] == 'i');
		r->uses.seen[USE_NETWORK].count++;
	}
	if (b->key.family == AF_UNIX && b->ends_known) {
		unix_end(f, "quis.flow.local", "quis.flow.local_raw", b->local_path, b->ends.abstract & 1);
		facts_remote(f, b);
		fact_count(f, "quis.flow.peer_pid", b->ends.peer);
		if (b->ends.type == SOCK_DGRAM && !b->ends.peer)
			r->uses.seen[USE_DATAGRAM].count++;
		if (b->peer_executable)
			fact_bytes(f, "quis.flow.peer_executable", "quis.flow.peer_executable_raw", b->peer_executable, strlen(b->peer_executable));
		id_text(f, "quis.flow.peer_id", b->ends.peer_ino);
	}
	fact_true(f, "quis.flow.listening", b->sum.flags & FLOW_LISTEN);
	fact_count(f, "quis.flow.sends", b->sum.sends);
	fact_count(f, "quis.flow.sent_bytes", b->sum.sent_bytes);
	fact_count(f, "quis.flow.receives", b->sum.receives);
	fact_count(f, "quis.flow.received_bytes", b->sum.received_bytes);
	fact_count(f, "quis.flow.failed", b->sum.refused);
	if (b->sum.refused)
		facts_error(f, 0u - b->sum.error);
	end(r);
}

void facts_name(struct recorder *r, const struct record_payload *record, const struct name_found *found)
{
	static const char *const types[] = {"protocol"};
	struct fact *f = r->fact;

	begin(r, "name", record->head.time);
	kind(f, "network", types, 1);
	who(r, record->key.start, record->key.tgid);
	fact_text(f, "quis.name.address", found->address);
	fact_text(f, "quis.name.name", found->name);
	fact_text(f, "quis.name.source", found->source);
	fact_text(f, "quis.name.alias", found->alias);
	fact_text(f, "quis.name.alpn", found->alpn);
	fact_true(f, "quis.name.ech", found->ech);
	fact_true(f, "quis.name.proxied", found->proxied);
	fact_number_text(f, "quis.flow.id", record->key.ino);
	end(r);
}
