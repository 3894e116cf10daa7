/* SPDX-License-Identifier: BSD-2-Clause */
/* Made cases, of which it is known what may have gone where: order, windows, ways round, and where it is cut off. */
#include "unit.h"

#include <inttypes.h>

#include "analyse/exposure.h"
#include "analyse/index.h"
#include "case/case.h"

static struct fact fact;
static struct case_writer *writer;
static struct index_problems problems;
static sqlite3 *db;
static unsigned inodes;

static int setup(void **state)
{
	db = NULL;
	return unit_setup(state) || case_create(&writer, *state, NULL);
}

static int teardown(void **state)
{
	sqlite3_close(db);
	case_close(writer);
	return unit_teardown(state);
}

#define MS(ms) (UNIT_TIME + (ms) * 1000000ull)

static void begin(const char *kind, const char *entity, uint64_t ms)
{
	fact_begin(&fact, kind, MS(ms));
	if (!entity)
		return;
	fact_text(&fact, "process.entity_id", entity);
	fact_number(&fact, "process.pid", strtoull(entity, NULL, 10));
	fact_text(&fact, "process.name", "p");
}

static void append(void)
{
	assert_int_equal(case_append(writer, &fact), 0);
}

static void put_process(const char *entity, const char *parent, uint64_t ms, const char *executable)
{
	begin("process-start", entity, ms);
	fact_text(&fact, "quis.process.event", parent ? "fork" : "exec");
	fact_time(&fact, "process.start", MS(ms));
	fact_text(&fact, "process.executable", executable);
	fact_text(&fact, "process.parent.entity_id", parent);
	append();
}

struct burst {
	const char *entity, *path, *type;
	unsigned inode; /* 0: a new one */
	uint64_t first, last, reads, read_bytes, writes, write_bytes, maps;
};

static void put_burst(const struct burst *burst)
{
	char inode[16];

	snprintf(inode, sizeof(inode), "%u", burst->inode ? burst->inode : 1000 + ++inodes);
	begin("file-access", burst->entity, burst->last);
	fact_time(&fact, "event.start", MS(burst->first));
	fact_time(&fact, "event.end", MS(burst->last));
	fact_text(&fact, "file.path", burst->path);
	fact_text(&fact, "quis.file.device", "254:0");
	fact_text(&fact, "file.inode", inode);
	fact_text(&fact, "file.type", burst->type ? burst->type : "file");
	fact_count(&fact, "quis.reads", burst->reads);
	fact_count(&fact, "quis.read_bytes", burst->read_bytes);
	fact_count(&fact, "quis.writes", burst->writes);
	fact_count(&fact, "quis.write_bytes", burst->write_bytes);
	fact_count(&fact, "quis.maps", burst->maps);
	append();
}

static void put_read(const char *entity, const char *path, uint64_t first, uint64_t last, uint64_t bytes)
{
	put_burst(&(struct burst){entity, path, .first = first, .last = last, .reads = 1, .read_bytes = bytes});
}

struct flow {
	const char *entity, *id, *family, *local, *remote, *peer;
	uint64_t sent, first_sent, last_sent, received, first_received, last_received;
	unsigned peer_pid;
	bool old; /* without the times within the burst */
};

static void put_flow(const struct flow *flow)
{
	uint64_t first = flow->sent && (!flow->received || flow->first_sent < flow->first_received) ? flow->first_sent : flow->first_received;
	uint64_t last = flow->last_sent > flow->last_received ? flow->last_sent : flow->last_received;

	begin("flow", flow->entity, last);
	fact_time(&fact, "event.start", MS(first));
	fact_time(&fact, "event.end", MS(last));
	fact_text(&fact, "quis.flow.id", flow->id);
	fact_text(&fact, "quis.flow.family", flow->family ? flow->family : "inet");
	fact_text(&fact, "network.transport", flow->family ? flow->family : "tcp");
	fact_text(&fact, "network.direction", "egress");
	fact_text(&fact, "quis.flow.local", flow->local);
	fact_text(&fact, "quis.flow.remote", flow->remote);
	fact_text(&fact, "quis.flow.peer_id", flow->peer);
	fact_count(&fact, "quis.flow.peer_pid", flow->peer_pid);
	fact_count(&fact, "quis.flow.sent_bytes", flow->sent);
	fact_count(&fact, "quis.flow.received_bytes", flow->received);
	if (flow->sent && !flow->old) {
		fact_time(&fact, "quis.flow.first_sent", MS(flow->first_sent));
		fact_time(&fact, "quis.flow.last_sent", MS(flow->last_sent));
	}
	if (flow->received && !flow->old) {
		fact_time(&fact, "quis.flow.first_received", MS(flow->first_received));
		fact_time(&fact, "quis.flow.last_received", MS(flow->last_received));
	}
	append();
}

static void put_send(const char *entity, const char *id, const char *remote, uint64_t first, uint64_t last, uint64_t bytes)
{
	put_flow(&(struct flow){entity, id, .remote = remote, .sent = bytes, .first_sent = first, .last_sent = last});
}

/* The two ends of a connected pair of unix sockets. */
static void put_pair(const char *giver, const char *taker, const char *ids[2], uint64_t first, uint64_t last, uint64_t bytes)
{
	put_flow(&(struct flow){giver, ids[0], "unix", .peer = ids[1], .sent = bytes, .first_sent = first, .last_sent = last});
	put_flow(&(struct flow){taker, ids[1], "unix", .peer = ids[0], .received = bytes, .first_received = first + 1, .last_received = last + 1});
}

static void open_index(void **state, uint32_t window_ms)
{
	struct index_options options = {.window_ms = window_ms};

	begin("capture-start", NULL, 0);
	fact_number(&fact, "quis.format", 1);
	append();
	assert_int_equal(case_flush(writer), 0);
	assert_int_equal(index_open_with(&db, &problems, *state, &options), 0);
}

static int64_t ask(const char *sql)
{
	sqlite3_stmt *row;
	int64_t value;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	value = sqlite3_column_type(row, 0) == SQLITE_NULL ? -1 : sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	return value;
}

#define ALL " FROM exposure WHERE class IS NULL"

static void test_then(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_read("7-a", "/home/a/.ssh/id_rsa", 1000, 1010, 600);
	put_read("7-a", "/home/a/b.docx", 1000, 1020, 5000);
	put_send("7-a", "f1", "203.0.113.7:443", 1500, 1600, 900);
	open_index(state, 0);
	assert_int_equal(ask("SELECT count(*)" ALL), 1);
	assert_int_equal(ask("SELECT files" ALL), 2);
	assert_int_equal(ask("SELECT files_then" ALL), 2);
	assert_int_equal(ask("SELECT read_bytes" ALL), 5600);
	assert_int_equal(ask("SELECT sent_bytes" ALL), 900);
	assert_int_equal(ask("SELECT sent_most" ALL), 900);
	assert_int_equal(ask("SELECT files FROM exposure WHERE class = 'credentials'"), 1);
	assert_int_equal(ask("SELECT read_bytes FROM exposure WHERE class = 'documents'"), 5000);
	assert_int_equal(ask("SELECT count(*) FROM exposure_step"), 1);
}

static void test_nothing_after(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_send("7-a", "f1", "203.0.113.7:443", 500, 900, 900);
	put_read("7-a", "/home/a/b.docx", 1000, 1020, 5000);
	put_send("7-a", "f2", "203.0.113.7:443", 3100, 3200, 900); /* too late */
	open_index(state, 0);
	assert_int_equal(ask("SELECT count(*) FROM exposure"), 0);
	assert_int_equal(ask("SELECT count(*) FROM exposed_flow"), 0);
}

static void test_window(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_read("7-a", "/home/a/b.docx", 1000, 1020, 5000);
	put_send("7-a", "f2", "203.0.113.7:443", 3100, 3200, 900);
	open_index(state, 5000);
	assert_int_equal(ask("SELECT files_then" ALL), 1);
	assert_int_equal(ask("SELECT window_s" ALL), 5);
}

/* Ordinary files are nobody's secret. */
static void test_ordinary(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_read("7-a", "/usr/lib/libc.so.6", 1000, 1020, 5000);
	put_read("7-a", "/opt/x/data", 1000, 1020, 5000);
	put_send("7-a", "f2", "203.0.113.7:443", 1100, 1200, 900);
	open_index(state, 0);
	assert_int_equal(ask("SELECT count(*) FROM exposure WHERE class IN ('libraries', 'own')"), 0);
}

static void test_overlap(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_read("7-a", "/home/a/b.docx", 1000, 1900, 5000); /* while it is sent: which came first is not known */
	put_read("7-a", "/home/a/c.docx", 1300, 1400, 70);   /* something was sent after it, but not how much */
	put_read("7-a", "/home/a/d.docx", 1700, 1750, 1);    /* after all sending */
	put_send("7-a", "f1", "203.0.113.7:443", 1200, 1600, 900);
	open_index(state, 0);
	assert_int_equal(ask("SELECT files" ALL), 2);
	assert_int_equal(ask("SELECT files_then" ALL), 1);
	assert_int_equal(ask("SELECT read_bytes" ALL), 5070);
	assert_int_equal(ask("SELECT sent_bytes" ALL), 0);
	assert_int_equal(ask("SELECT sent_most" ALL), 900);
}

/* A case that does not tell when within the burst bytes were sent. */
static void test_old(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_read("7-a", "/home/a/b.docx", 1000, 1010, 5000);
	put_flow(&(struct flow){"7-a", "f1", .remote = "203.0.113.7:443", .sent = 9, .first_sent = 1200, .last_sent = 1300, .old = true});
	open_index(state, 0);
	assert_int_equal(ask("SELECT files" ALL), 1);
	assert_int_equal(ask("SELECT files_then" ALL), 0);
}

static void test_chain(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_process("8-b", NULL, 0, "/opt/x/update");
	put_read("7-a", "/home/a/b.docx", 1000, 1010, 5000);
	put_read("7-a", "/home/a/late.docx", 2000, 2010, 5000);
	put_pair("7-a", "8-b", (const char *[]){"s1", "s2"}, 1100, 1200, 4000);
	put_send("8-b", "f1", "203.0.113.7:443", 2100, 2200, 4100);
	open_index(state, 0);
	assert_int_equal(ask("SELECT count(*)" ALL), 1);
	assert_int_equal(ask("SELECT handovers" ALL), 1);
	assert_int_equal(ask("SELECT files" ALL), 1);
	assert_int_equal(ask("SELECT files_then" ALL), 1);
	assert_int_equal(ask("SELECT sent_bytes" ALL), 4100);
	assert_int_equal(ask("SELECT sent_bytes FROM exposure_step WHERE position = 0"), 4000);
	assert_int_equal(ask("SELECT count(*) FROM handover WHERE way = 'unix socket' AND given_bytes = 4000 AND taken_bytes = 4000"), 1);
}

/* The giver had closed before the other end was accepted: only the name and the pids tell. With a second such connection they do not. */
static void test_name(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_process("8-b", NULL, 0, "/opt/x/update");
	put_read("7-a", "/home/a/b.docx", 1000, 1010, 5000);
	put_flow(&(struct flow){"7-a", "s1", "unix", .remote = "/run/u", .sent = 40, .first_sent = 1100, .last_sent = 1150, .peer_pid = 8});
	put_flow(&(struct flow){"8-b", "s2", "unix", "/run/u", .received = 40, .first_received = 1160, .last_received = 1170, .peer_pid = 7});
	put_send("8-b", "f1", "203.0.113.7:443", 1200, 1200, 50);
	open_index(state, 0);
	assert_int_equal(ask("SELECT files_then" ALL), 1);
}

static void test_name_twice(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_process("8-b", NULL, 0, "/opt/x/update");
	put_read("7-a", "/home/a/b.docx", 1000, 1010, 5000);
	put_flow(&(struct flow){"7-a", "s1", "unix", .remote = "/run/u", .sent = 40, .first_sent = 1100, .last_sent = 1150, .peer_pid = 8});
	put_flow(&(struct flow){"8-b", "s2", "unix", "/run/u", .received = 40, .first_received = 1160, .last_received = 1170, .peer_pid = 7});
	put_flow(&(struct flow){"8-b", "s3", "unix", "/run/u", .received = 40, .first_received = 1160, .last_received = 1170, .peer_pid = 7});
	put_send("8-b", "f1", "203.0.113.7:443", 1200, 1200, 50);
	open_index(state, 0);
	assert_int_equal(ask("SELECT files" ALL), 1);
	assert_int_equal(ask("SELECT files_then" ALL), 0);
}

/* Data goes forward in time only. */
static void test_chain_backward(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_process("8-b", NULL, 0, "/opt/x/update");
	put_read("7-a", "/home/a/b.docx", 1000, 1010, 5000);
	put_send("8-b", "f1", "203.0.113.7:443", 1050, 1060, 4100);
	put_pair("7-a", "8-b", (const char *[]){"s1", "s2"}, 1100, 1200, 4000);
	open_index(state, 0);
	assert_int_equal(ask("SELECT count(*) FROM exposure"), 0);
	assert_int_equal(ask("SELECT count(*) FROM handover"), 1);
}

static void put_told(const char *entity, const char *path, const char *pid, bool more)
{
	const char *how = "fanotify";

	begin("file-access", entity, 1000);
	fact_text(&fact, "file.path", path);
	fact_text(&fact, "quis.file.device", "254:0");
	fact_text(&fact, "file.inode", "7");
	fact_text(&fact, "file.type", "file");
	fact_list(&fact, "quis.file.how", &how, 1);
	fact_list(&fact, "quis.file.from", &pid, 1);
	fact_true(&fact, "quis.file.from_more", more);
	append();
}

/* Of one that did what fanotify told of the pid is given, of several how many they were. */
static void test_fanotify(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_process("8-b", NULL, 0, "/opt/x/update");
	put_process("9-c", NULL, 0, "/opt/x/watch");
	put_told("7-a", "/home/a/b", "9", false);
	put_told("7-a", "/home/a/b", "9", false);
	put_told("8-b", "/home/a/b", "9", false);
	put_told("8-b", "/home/a/b", "4321", false);
	put_told("9-c", "/home/a/b", "4321", true);
	open_index(state, 0);
	assert_int_equal(ask("SELECT count(*) FROM handover"), 3);
	assert_int_equal(ask("SELECT giver_pid FROM handover WHERE receiver_pid = 7 AND givers = 1 AND giver = (SELECT id FROM process WHERE pid = 9)"), 9);
	assert_int_equal(ask("SELECT givers FROM handover WHERE receiver_pid = 8 AND giver IS NULL AND giver_pid IS NULL"), 2);
	assert_int_equal(ask("SELECT count(*) FROM handover WHERE receiver_pid = 9 AND giver IS NULL AND giver_pid IS NULL"), 1);
}

static void test_outside(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_read("7-a", "/home/a/b.docx", 1000, 1010, 5000);
	put_flow(&(struct flow){"7-a", "s1", "unix", .remote = "/run/other", .sent = 77, .first_sent = 1100, .last_sent = 1100, .peer_pid = 4321});
	open_index(state, 0);
	assert_int_equal(ask("SELECT count(*)" ALL " AND kind = 'process'"), 1);
	assert_int_equal(ask("SELECT sent_bytes" ALL), 77);
	assert_int_equal(ask("SELECT receiver_pid FROM handover WHERE receiver IS NULL"), 4321);
}

static void test_pipe(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_process("8-b", NULL, 0, "/opt/x/update");
	put_read("7-a", "/home/a/b.docx", 1000, 1010, 5000);
	put_burst(&(struct burst){"7-a", "pipe:[5]", "pipe", 5, 1100, 1100, .writes = 1, .write_bytes = 40});
	put_burst(&(struct burst){"8-b", "pipe:[5]", "pipe", 5, 1101, 1101, .reads = 1, .read_bytes = 40});
	put_send("8-b", "f1", "203.0.113.7:443", 1200, 1200, 50);
	open_index(state, 0);
	assert_int_equal(ask("SELECT files_then" ALL " AND handovers = 1"), 1);
	assert_int_equal(ask("SELECT given_bytes FROM handover WHERE way = 'pipe' AND taken_bytes = 40"), 40);
}

/* Both mapped the same memory: what went through it was seen by nobody. */
static void test_memory(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_process("8-b", NULL, 0, "/opt/x/update");
	put_read("7-a", "/home/a/b.docx", 1000, 1010, 5000);
	put_burst(&(struct burst){"7-a", "/memfd:x", "memfd", 5, 1050, 1100, .maps = 1});
	put_burst(&(struct burst){"8-b", "/memfd:x", "memfd", 5, 1051, 1101, .maps = 1});
	put_send("8-b", "f1", "203.0.113.7:443", 1200, 1200, 50);
	open_index(state, 0);
	assert_int_equal(ask("SELECT files" ALL " AND handovers = 1"), 1);
	assert_int_equal(ask("SELECT files_then" ALL " AND handovers = 1"), 0);
}

static void test_fork(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_read("7-a", "/home/a/b.docx", 1000, 1010, 5000);
	put_process("8-b", "7-a", 1100, NULL);
	put_send("8-b", "f1", "203.0.113.7:443", 1200, 1200, 50);
	open_index(state, 0);
	assert_int_equal(ask("SELECT files_then" ALL " AND handovers = 1"), 1);
}

static void test_mapped(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_burst(&(struct burst){"7-a", "/home/a/b.docx", .first = 1000, .last = 1000, .maps = 1});
	put_send("7-a", "f1", "203.0.113.7:443", 1200, 1200, 50);
	open_index(state, 0);
	assert_int_equal(ask("SELECT mapped_files" ALL), 1);
	assert_int_equal(ask("SELECT files_then" ALL), 0); /* when its content was read, if it was, is not known */
}

/* Of a chain, as far as it is followed. */
static void test_depth(void **state)
{
	char giver[16], taker[16], ids[2][16];
	unsigned i;

	for (i = 0; i <= ROUTE_DEPTH + 1; i++) {
		snprintf(giver, sizeof(giver), "%u-a", 10 + i);
		snprintf(ids[0], sizeof(ids[0]), "/opt/x/%u", i);
		put_process(giver, NULL, 0, ids[0]);
	}
	put_read("10-a", "/home/a/b.docx", 1000, 1010, 5000);
	for (i = 0; i <= ROUTE_DEPTH; i++) {
		snprintf(giver, sizeof(giver), "%u-a", 10 + i);
		snprintf(taker, sizeof(taker), "%u-a", 11 + i);
		snprintf(ids[0], sizeof(ids[0]), "g%u", i);
		snprintf(ids[1], sizeof(ids[1]), "t%u", i);
		put_pair(giver, taker, (const char *[]){ids[0], ids[1]}, 1100 + 10 * i, 1105 + 10 * i, 30);
	}
	put_send("13-a", "f1", "203.0.113.7:443", 1500, 1500, 50);
	put_send("15-a", "f2", "203.0.113.8:443", 1500, 1500, 50);
	open_index(state, 0);
	assert_int_equal(ask("SELECT handovers" ALL), ROUTE_DEPTH - 1);
	assert_int_equal(ask("SELECT count(*)" ALL), 1);
	assert_int_equal(ask("SELECT count(*) FROM exposure_cut"), 1);
}

/* Many processes of one program, and many files, are few rows. */
static void test_many(void **state)
{
	char entity[16], path[64];
	unsigned i, k;

	put_process("7-a", NULL, 0, "/opt/x/main");
	for (i = 0; i < 50; i++) {
		snprintf(entity, sizeof(entity), "%u-a", 100 + i);
		put_process(entity, NULL, 0, "/opt/x/worker");
		for (k = 0; k < 20; k++) {
			snprintf(path, sizeof(path), "/home/a/%u-%u.docx", i, k);
			put_read(entity, path, 1000 + i, 1001 + i, 10);
		}
		put_send(entity, entity, "203.0.113.7:443", 1100 + i, 1100 + i, 5);
	}
	open_index(state, 0);
	assert_int_equal(ask("SELECT count(*)" ALL), 1);
	assert_int_equal(ask("SELECT files" ALL), 1000);
	assert_int_equal(ask("SELECT sent_bytes" ALL), 250);
}

static void test_targets(void **state)
{
	char id[16], remote[32];
	unsigned i;

	put_process("7-a", NULL, 0, "/opt/x/main");
	put_read("7-a", "/home/a/b.docx", 1000, 1010, 5000);
	for (i = 0; i < TARGETS_MAX + 5; i++) {
		snprintf(id, sizeof(id), "f%u", i);
		snprintf(remote, sizeof(remote), "203.0.113.%u:443", i);
		put_send("7-a", id, remote, 1100 + i, 1100 + i, 5 + i);
	}
	open_index(state, 0);
	assert_int_equal(ask("SELECT count(*)" ALL), TARGETS_MAX);
	assert_int_equal(ask("SELECT min(sent_bytes)" ALL), 10); /* the largest are kept */
	assert_int_equal(ask("SELECT count(*) FROM exposure_cut"), 1);
}

/* The end of all time, as a forged case may have it: nothing runs over. */
static void test_end_of_time(void **state)
{
	const uint64_t last = (INT64_MAX - UNIT_TIME) / 1000000;

	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_read("7-a", "/home/a/b.docx", last - 5, last, 5000);
	put_send("7-a", "f1", "203.0.113.7:443", last, last, 9);
	open_index(state, 86400000);
	assert_int_equal(ask("SELECT files" ALL), 1);
}

struct transfer {
	const char *entity, *path, *type, *inode, *to_inode, *to_flow;
	uint64_t ms, bytes;
};

static void put_transfer(const struct transfer *transfer)
{
	begin("transfer", transfer->entity, transfer->ms);
	fact_time(&fact, "event.start", MS(transfer->ms));
	fact_time(&fact, "event.end", MS(transfer->ms));
	fact_text(&fact, "file.path", transfer->path);
	fact_text(&fact, "file.type", transfer->type);
	fact_text(&fact, "quis.file.device", "254:0");
	fact_text(&fact, "file.inode", transfer->inode);
	if (transfer->to_inode) {
		fact_text(&fact, "quis.transfer.to_device", "254:0");
		fact_text(&fact, "quis.transfer.to_inode", transfer->to_inode);
		fact_text(&fact, "quis.transfer.to_type", "pipe");
	}
	fact_text(&fact, "quis.transfer.to_flow", transfer->to_flow);
	fact_text(&fact, "quis.flow.remote", transfer->to_flow ? "203.0.113.7:443" : NULL);
	fact_count(&fact, "quis.transfer.calls", 1);
	fact_count(&fact, "quis.transfer.bytes", transfer->bytes);
	append();
}

static void test_sendfile(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_transfer(&(struct transfer){"7-a", "/home/a/b.docx", "file", "4", NULL, "f1", 1000, 300});
	put_transfer(&(struct transfer){"7-a", "/home/a/b.docx", "file", "4", NULL, "f1", 3000, 50});
	put_transfer(&(struct transfer){"7-a", "/usr/lib/x.so", "file", "6", NULL, "f1", 1000, 1});
	open_index(state, 0);
	assert_int_equal(ask("SELECT count(*) FROM moved"), 1);
	assert_int_equal(ask("SELECT bytes FROM moved WHERE NOT at_most AND class = 'documents' AND way = 'sendfile'"), 350);
}

/* Of what one file filled a pipe with, a part came out. */
static void test_splice(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_transfer(&(struct transfer){"7-a", "/home/a/b.docx", "file", "4", "5", NULL, 1000, 300});
	put_burst(&(struct burst){"7-a", "pipe:[5]", "pipe", 5, 1000, 1000, .writes = 1, .write_bytes = 300});
	put_transfer(&(struct transfer){"7-a", "pipe:[5]", "pipe", "5", NULL, "f1", 1001, 200});
	open_index(state, 0);
	assert_int_equal(ask("SELECT bytes FROM moved WHERE NOT at_most AND way = 'splice over a pipe'"), 200);
}

/* Something else went in as well: which bytes came out is not known. */
static void test_splice_mixed(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_transfer(&(struct transfer){"7-a", "/home/a/b.docx", "file", "4", "5", NULL, 1000, 300});
	put_burst(&(struct burst){"7-a", "pipe:[5]", "pipe", 5, 1000, 1000, .writes = 2, .write_bytes = 301});
	put_transfer(&(struct transfer){"7-a", "pipe:[5]", "pipe", "5", NULL, "f1", 1001, 300});
	open_index(state, 0);
	assert_int_equal(ask("SELECT bytes FROM moved WHERE at_most"), 300);
	assert_int_equal(ask("SELECT count(*) FROM moved WHERE NOT at_most"), 0);
}

/* What came out before cannot be of what went in later. */
static void test_splice_backward(void **state)
{
	put_process("7-a", NULL, 0, "/opt/x/scan");
	put_transfer(&(struct transfer){"7-a", "pipe:[5]", "pipe", "5", NULL, "f1", 900, 200});
	put_transfer(&(struct transfer){"7-a", "/home/a/b.docx", "file", "4", "5", NULL, 1000, 300});
	open_index(state, 0);
	assert_int_equal(ask("SELECT count(*) FROM moved"), 0);
}

static void test_spans(void **state)
{
	struct list spans = {0}, times = {0};

	(void)state;
	spans_add(&spans, 50, 60);
	spans_add(&spans, 10, 20);
	spans_add(&spans, 15, 30);
	spans_settle(&spans);
	assert_int_equal(spans.count, 2);
	assert_true(spans_meet(&spans, 30, 31));
	assert_false(spans_meet(&spans, 31, 49));
	assert_true(spans_meet(&spans, 0, 10));
	assert_true(spans_meet(&spans, 60, 70));
	assert_false(spans_meet(&spans, 61, 70));
	times_add(&times, 7);
	times_add(&times, 3);
	times_settle(&times);
	assert_true(times_meet(&times, 3, 3));
	assert_false(times_meet(&times, 4, 6));
	assert_true(times_meet(&times, 4, 7));
	list_done(&spans);
	list_done(&times);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_then),
		TEST(test_nothing_after),
		TEST(test_window),
		TEST(test_ordinary),
		TEST(test_overlap),
		TEST(test_old),
		TEST(test_chain),
		TEST(test_name),
		TEST(test_name_twice),
		TEST(test_chain_backward),
		TEST(test_fanotify),
		TEST(test_outside),
		TEST(test_pipe),
		TEST(test_memory),
		TEST(test_fork),
		TEST(test_mapped),
		TEST(test_depth),
		TEST(test_many),
		TEST(test_targets),
		TEST(test_end_of_time),
		TEST(test_sendfile),
		TEST(test_splice),
		TEST(test_splice_mixed),
		TEST(test_splice_backward),
		cmocka_unit_test(test_spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
