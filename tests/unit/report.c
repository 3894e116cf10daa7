/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts go in by the writer, the JSON report comes out, and jansson, which has no part in making it, reads it. */
#include "unit.h"

#include <errno.h>
#include <jansson.h>

#include "analyse/index.h"
#include "analyse/report.h"
#include "case/case.h"

#define SCHEMA "userspace/analyse/report.schema.json"

static struct fact fact;
static struct case_writer *writer;
static uint64_t now;
static struct index_problems problems;

static int setup(void **state)
{
	now = UNIT_TIME;
	return unit_setup(state) || case_create(&writer, *state, NULL);
}

static int teardown(void **state)
{
	case_close(writer);
	return unit_teardown(state);
}

static void begin(const char *kind, const char *entity)
{
	now += 1000;
	fact_begin(&fact, kind, now);
	if (!entity)
		return;
	fact_text(&fact, "process.entity_id", entity);
	fact_number(&fact, "process.pid", strtoull(entity, NULL, 10));
}

static void append(void)
{
	assert_int_equal(case_append(writer, &fact), 0);
}

static void put_start(void)
{
	static const char *const flags[] = {"command:/bin/true"}, *const unseen[] = {"something"};

	begin("capture-start", NULL);
	fact_number(&fact, "quis.format", 1);
	fact_text(&fact, "host.name", "srv01");
	fact_text(&fact, "quis.hooks", "tracepoint");
	fact_list(&fact, "quis.flags", flags, 1);
	fact_list(&fact, "quis.unseen", unseen, 1);
	append();
}

static void put_stats(uint64_t records, uint64_t map_full, uint64_t missed)
{
	begin("stats", NULL);
	fact_number(&fact, "quis.lost.records", records);
	fact_number(&fact, "quis.lost.map_full", map_full);
	fact_number(&fact, "quis.lost.missed_runs", missed);
	append();
}

static void put_end(void)
{
	put_stats(0, 0, 0);
	begin("capture-end", NULL);
	fact_text(&fact, "quis.end.reason", "signal");
	append();
}

static void begin_image(const char *entity, const char *event, const char *executable, const char *argument)
{
	begin("process-start", entity);
	fact_text(&fact, "quis.process.event", event);
	fact_time(&fact, "process.start", UNIT_TIME + strtoull(entity, NULL, 10));
	fact_text(&fact, "process.executable", executable);
	if (argument)
		fact_strings(&fact, "process.args", "quis.process.args_raw", argument, strlen(argument));
}

struct burst {
	const char *entity, *inode, *path, *how;
	uint64_t opens, reads, read_bytes, maps, failed;
	const char *error;
	bool deleted;
};

static void make_burst(const struct burst *burst)
{
	begin("file-access", burst->entity);
	fact_time(&fact, "event.start", now - 100);
	fact_time(&fact, "event.end", now);
	fact_bytes(&fact, "file.path", "quis.file.path_raw", burst->path, strlen(burst->path));
	fact_text(&fact, "quis.file.path_from", burst->inode ? "kernel" : "argument");
	if (burst->inode) {
		fact_text(&fact, "quis.file.device", "254:0");
		fact_text(&fact, "file.inode", burst->inode);
		fact_number(&fact, "quis.file.generation", 3);
		fact_text(&fact, "file.type", "file");
	}
	fact_true(&fact, "quis.file.deleted", burst->deleted);
	fact_list(&fact, "quis.file.how", &burst->how, !!burst->how);
	fact_count(&fact, "quis.opens", burst->opens);
	fact_count(&fact, "quis.reads", burst->reads);
	fact_count(&fact, "quis.read_bytes", burst->read_bytes);
	fact_count(&fact, "quis.maps", burst->maps);
	fact_count(&fact, "quis.mapped_bytes", 4096 * burst->maps);
	fact_count(&fact, "quis.failed", burst->failed);
	fact_text(&fact, "quis.errno", burst->error);
}

static void put_burst(const struct burst *burst)
{
	make_burst(burst);
	append();
}

/* No byte of the output may do anything to a terminal. */
static void check_harmless(const char *text, bool directions)
{
	const unsigned char *at;

	for (at = (const unsigned char *)text; *at; at++) {
		assert_true(*at >= 0x20 || *at == '\n');
		assert_true(*at != 0x7f);
		assert_false(at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f);
		if (directions)
			assert_false(at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0xaa && at[2] <= 0xae);
	}
}

static char *make(void **state, report_writer *write_report, bool all)
{
	struct report_options options = {.top = 20, .all = all};
	struct report report;
	char *text = NULL;
	size_t size;
	sqlite3 *db;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(case_flush(writer), 0);
	assert_int_equal(index_open(&db, &problems, *state), 0);
	assert_int_equal(report_init(&report, db, &options), 0);
	assert_int_equal(write_report(&report, out), 0);
	report_done(&report);
	fclose(out);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	check_harmless(text, write_report == report_text);
	return text;
}

static json_t *make_json(void **state)
{
	char *text = make(state, report_json, false);
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	assert_non_null(json);
	free(text);
	return json;
}

static json_t *process_of(json_t *report, const char *id)
{
	json_t *process;
	size_t i;

	json_array_foreach (json_object_get(report, "processes"), i, process)
		if (!strcmp(json_string_value(json_object_get(process, "id")), id))
			return process;
	fail_msg("no process %s", id);
	return NULL;
}

static json_t *item(json_t *process, const char *list, size_t index)
{
	json_t *value = json_array_get(json_object_get(process, list), index);

	assert_non_null(value);
	return value;
}

static long long number(json_t *object, const char *key)
{
	assert_true(json_is_integer(json_object_get(object, key)));
	return json_integer_value(json_object_get(object, key));
}

static const char *string(json_t *object, const char *key)
{
	assert_true(json_is_string(json_object_get(object, key)));
	return json_string_value(json_object_get(object, key));
}

static json_t *completeness(json_t *report)
{
	return json_object_get(report, "completeness");
}

static void check_exact(json_t *report, bool exact, size_t gaps)
{
	assert_int_equal(json_is_true(json_object_get(completeness(report), "exact")), exact);
	assert_int_equal(json_array_size(json_object_get(completeness(report), "gaps")), gaps);
}

static void test_bursts(void **state)
{
	json_t *json, *process, *file;

	put_start();
	put_burst(&(struct burst){"7-a", "941", "/tmp/old", "opened", 1, 2, 600});
	put_burst(&(struct burst){"8-b", "941", "/tmp/old", "inherited", 0, 1, 5});
	put_burst(&(struct burst){"7-a", "942", "/etc/other", "opened", 1});
	put_burst(&(struct burst){"7-a", "941", "/tmp/new", "io_uring", 0, 3, 31, 1, .deleted = true});
	put_end();
	json = make_json(state);
	check_exact(json, true, 0);
	process = process_of(json, "7-a");
	assert_int_equal(number(process, "pid"), 7);
	assert_null(json_object_get(process, "uid")); /* not known: absent */
	assert_int_equal(json_array_size(json_object_get(process, "files")), 2);
	file = item(process, "files", 0);
	assert_string_equal(string(file, "path"), "/tmp/new");
	assert_string_equal(string(file, "class"), "temporary");
	assert_true(json_is_true(json_object_get(file, "deleted")));
	assert_int_equal(number(file, "ino"), 941);
	assert_int_equal(number(file, "opens"), 1);
	assert_int_equal(number(file, "reads"), 5);
	assert_int_equal(number(file, "read_bytes"), 631);
	assert_int_equal(number(file, "mapped_bytes"), 4096);
	assert_int_equal(number(file, "write_bytes"), 0);
	assert_string_equal(string(file, "first"), "2026-11-23T17:40:00.000001900Z");
	assert_string_equal(string(file, "last"), "2026-11-23T17:40:00.000005000Z");
	assert_int_equal(json_array_size(json_object_get(file, "how")), 2);
	assert_string_equal(string(item(process_of(json, "8-b"), "files", 0), "path"), "/tmp/old");
	json_decref(json);
}

static void test_refused(void **state)
{
	json_t *json, *process, *file;

	put_start();
	put_burst(&(struct burst){"7-a", .path = "/etc/shadow", .failed = 2, .error = "EACCES"});
	put_burst(&(struct burst){"7-a", .path = "/etc/shadow", .failed = 1, .error = "EACCES"});
	put_burst(&(struct burst){"7-a", .path = "/etc/shadow", .failed = 5, .error = "EMFILE"});
	put_end();
	json = make_json(state);
	process = process_of(json, "7-a");
	assert_int_equal(json_array_size(json_object_get(process, "files")), 2);
	file = item(process, "files", 0);
	assert_string_equal(string(file, "errno"), "EACCES");
	assert_string_equal(string(file, "class"), "credentials");
	assert_int_equal(number(file, "failed"), 3);
	assert_int_equal(number(file, "opens"), 0);
	assert_null(json_object_get(file, "ino"));
	assert_int_equal(number(item(process, "files", 1), "failed"), 5);
	json_decref(json);
}

static void test_images(void **state)
{
	json_t *json, *process;

	put_start();
	begin_image("7-a", "exec", "/bin/sh", "sh");
	fact_text(&fact, "process.name", "sh");
	fact_text(&fact, "process.user.id", "33");
	fact_text(&fact, "process.working_directory", "/srv");
	fact_text(&fact, "quis.process.flagged_by", "command");
	append();
	begin_image("8-b", "fork", NULL, NULL);
	fact_text(&fact, "process.parent.entity_id", "7-a");
	fact_number(&fact, "process.parent.pid", 7);
	append();
	begin_image("9-c", "fork", NULL, NULL);
	fact_text(&fact, "process.parent.entity_id", "7-a");
	append();
	begin_image("9-c", "exec", "/bin/cat", "cat");
	append();
	begin_image("10-d", "exec", NULL, NULL);
	fact_text(&fact, "process.parent.entity_id", "7-a");
	append();
	begin_image("10-d", "fork", NULL, NULL); /* late */
	append();
	begin_image("7-a", "exec", "/bin/ls", NULL);
	append();
	begin("process-end", "9-c");
	fact_time(&fact, "process.end", now);
	fact_number(&fact, "quis.process.exit_signal", 9);
	append();
	put_end();
	json = make_json(state);
	process = process_of(json, "7-a");
	assert_string_equal(string(json_object_get(process, "exe"), "path"), "/bin/ls");
	assert_null(json_object_get(process, "argv")); /* those of sh are not those of ls */
	assert_string_equal(string(process, "cwd"), "/srv");
	assert_int_equal(json_array_size(json_object_get(process, "images")), 2);
	assert_string_equal(string(json_object_get(item(process, "images", 0), "exe"), "path"), "/bin/sh");
	assert_null(json_object_get(process, "exit_status"));
	process = process_of(json, "8-b"); /* what its parent was when it forked */
	assert_string_equal(string(json_object_get(process, "exe"), "path"), "/bin/sh");
	assert_string_equal(string(process, "comm"), "sh");
	assert_string_equal(string(process, "parent"), "7-a");
	assert_int_equal(number(process, "uid"), 33);
	assert_null(json_object_get(process, "images"));
	assert_null(json_object_get(process_of(json, "10-d"), "exe")); /* no longer what its parent was */
	process = process_of(json, "9-c");
	assert_string_equal(string(json_object_get(process, "exe"), "path"), "/bin/cat");
	assert_int_equal(number(process, "exit_status"), 137);
	assert_int_equal(number(process, "exit_signal"), 9);
	assert_null(json_object_get(process, "images"));
	assert_string_equal(string(process, "started"), "2026-11-23T17:40:00.000000009Z");
	json_decref(json);
}

static void put_given(const char *how, const char *const *from, size_t count, const char *event, bool more)
{
	make_burst(&(struct burst){"7-a", "941", "/home/a/b", how, .reads = 1});
	fact_list(&fact, "quis.file.from", from, count);
	fact_list(&fact, "quis.file.events", &event, !!event);
	fact_true(&fact, "quis.file.from_more", more);
	append();
}

static void check_list(json_t *file, const char *key, json_t *expected)
{
	assert_true(json_equal(json_object_get(file, key), expected));
	json_decref(expected);
}

/* Over all bursts, each once and in order; what is no number is somebody else. */
static void test_given(void **state)
{
	json_t *json, *file;
	char *text;

	put_start();
	put_given("fanotify", (const char *[]){"812", "90"}, 2, "open_exec_perm", false);
	put_given("fanotify", (const char *[]){"4194303", "812"}, 2, "open", false);
	put_given("fanotify", (const char *[]){"5000"}, 1, "no such", false);
	put_end();
	json = make_json(state);
	file = item(process_of(json, "7-a"), "files", 0);
	check_list(file, "from", json_pack("[iiii]", 90, 812, 5000, 4194303));
	check_list(file, "events", json_pack("[ss]", "open", "open_exec_perm"));
	assert_null(json_object_get(file, "from_more"));
	json_decref(json);
	text = make(state, report_text, false);
	assert_non_null(strstr(text, "/home/a/b (open, open_exec_perm by 90, 812, 5000 and 1 more)\n"));
	free(text);
}

static void test_given_by_others(void **state)
{
	json_t *json, *file;
	char *text;

	put_start();
	put_given("received", (const char *[]){"7\",\"8", "9a", "", "99999999999", "\\"}, 5, NULL, false);
	put_given("received", (const char *[]){"812"}, 1, NULL, false);
	put_end();
	json = make_json(state);
	file = item(process_of(json, "7-a"), "files", 0);
	check_list(file, "from", json_pack("[i]", 812));
	assert_true(json_is_true(json_object_get(file, "from_more")));
	assert_null(json_object_get(file, "events"));
	json_decref(json);
	text = make(state, report_text, false);
	assert_non_null(strstr(text, "/home/a/b (from 812 and others)\n"));
	free(text);
}

static void test_given_by_nobody_known(void **state)
{
	json_t *json, *file;

	put_start();
	put_given("received", NULL, 0, NULL, true);
	put_end();
	json = make_json(state);
	file = item(process_of(json, "7-a"), "files", 0);
	assert_null(json_object_get(file, "from"));
	assert_true(json_is_true(json_object_get(file, "from_more")));
	json_decref(json);
}

static void put_flow(const char *id, const char *direction, const char *remote, uint64_t sent)
{
	begin("flow", "7-a");
	fact_time(&fact, "event.start", now);
	fact_time(&fact, "event.end", now);
	fact_text(&fact, "quis.flow.id", id);
	fact_text(&fact, "quis.flow.family", "inet");
	fact_text(&fact, "network.transport", "tcp");
	fact_text(&fact, "network.direction", direction);
	fact_text(&fact, "quis.flow.local", "127.0.0.1:40000");
	fact_text(&fact, "quis.flow.remote", remote);
	fact_count(&fact, "quis.flow.sent_bytes", sent);
	append();
}

static void put_name(const char *address, const char *name, const char *source, const char *flow)
{
	begin("name", "7-a");
	fact_text(&fact, "quis.name.address", address);
	fact_text(&fact, "quis.name.name", name);
	fact_text(&fact, "quis.name.source", source);
	fact_text(&fact, "quis.flow.id", flow);
	append();
}

static void test_flows(void **state)
{
	json_t *json, *process, *flow;

	put_start();
	put_name("203.0.113.7", "old.example.com", "dns", "f0");
	put_name("203.0.113.7", "cdn.example.com", "dns", "f0");
	put_flow("f0", "egress", "192.0.2.53:53", 40);
	put_flow("f1", "egress", "203.0.113.7:443", 100);
	put_flow("f1", "egress", "203.0.113.7:443", 23);
	put_flow("f2", "ingress", "203.0.113.7:80", 0);
	put_name("203.0.113.7", "ksn.example.com", "sni", "f1");
	put_end();
	json = make_json(state);
	process = process_of(json, "7-a");
	assert_int_equal(json_array_size(json_object_get(process, "flows")), 3);
	flow = item(process, "flows", 0);
	assert_null(json_object_get(flow, "remote_name")); /* the name server is not who it told of */
	flow = item(process, "flows", 1);
	assert_int_equal(number(flow, "sent_bytes"), 123);
	assert_int_equal(number(flow, "received_bytes"), 0);
	assert_string_equal(string(flow, "direction"), "out");
	assert_string_equal(string(flow, "remote_name"), "ksn.example.com");
	assert_string_equal(string(flow, "name_source"), "sni");
	flow = item(process, "flows", 2);
	assert_string_equal(string(flow, "direction"), "in");
	assert_string_equal(string(flow, "remote_name"), "cdn.example.com");
	json_decref(json);
}

static void test_actions(void **state)
{
	json_t *json, *process;

	put_start();
	begin("action", "7-a");
	fact_text(&fact, "event.action", "rename");
	fact_text(&fact, "file.path", "/a");
	fact_text(&fact, "quis.action.to", "/b");
	fact_text(&fact, "quis.action.detail", "{\"flags\":[1,\"\xc2\x9b\"]}");
	append();
	begin("action", "7-a");
	fact_text(&fact, "event.action", "bpf");
	fact_text(&fact, "quis.action.detail", "{}},\"forged\":{");
	append();
	put_end();
	json = make_json(state);
	process = process_of(json, "7-a");
	assert_string_equal(string(item(process, "actions", 0), "to"), "/b");
	assert_int_equal(json_integer_value(json_array_get(
				 json_object_get(json_object_get(item(process, "actions", 0), "detail"), "flags"), 0)),
		1);
	assert_null(json_object_get(item(process, "actions", 1), "detail"));
	json_decref(json);
}

static const char *const hostile[] = {
	"/tmp/a\nb[1]  /usr/bin/forged",
	"/tmp/\033[2Jesc",
	"/tmp/c1\xc2\x9b"
	"31m",
	"/tmp/bidi\xe2\x80\xae"
	"fdp.exe",
	"/tmp/bad\xff\xfe",
	"/tmp/quote\"\\",
	"/tmp/del\x7f",
	"/tmp/\r\t",
};

static void put_hostile(void)
{
	char inode[16];
	size_t i;

	put_start();
	begin_image("7-a", "exec", hostile[0], hostile[1]);
	fact_bytes(&fact, "process.name", NULL, hostile[2], strlen(hostile[2]));
	append();
	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		snprintf(inode, sizeof(inode), "%zu", i + 1);
		put_burst(&(struct burst){"7-a", inode, hostile[i], "opened", 1});
		put_burst(&(struct burst){"7-a", NULL, hostile[i], .failed = 1, .error = "ENOENT"});
	}
	put_end();
}

static void test_hostile_json(void **state)
{
	json_t *json, *process, *file;
	size_t i;

	put_hostile();
	json = make_json(state);
	process = process_of(json, "7-a");
	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		file = item(process, "files", i);
		if (i == 4) {
			assert_string_equal(string(file, "path"), "/tmp/bad\\xff\\xfe");
			assert_string_equal(string(file, "path_raw"), "L3RtcC9iYWT//g==");
		} else {
			assert_string_equal(string(file, "path"), hostile[i]);
			assert_null(json_object_get(file, "path_raw"));
		}
	}
	json_decref(json);
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void test_hostile_text(void **state)
{
	char *text, *at;

	put_hostile();
	text = make(state, report_text, true);
	at = strstr(text, "b[1]");
	assert_non_null(at);
	assert_true(at - 2 > text && at[-2] == '\\' && at[-1] == 'n');
	assert_non_null(strstr(text, "\\u{202e}fdp.exe"));
	/* title 4, findings 13, process 3, sums and table 10, refused 9, unseen 3 */
	assert_int_equal(count_lines(text), 42);
	free(text);
}

/* What another program wrote into the case need not be escaped as ours is. */
static void test_foreign_case(void **state)
{
	char line[512];
	json_t *json;

	snprintf(line, sizeof(line),
		"{\"@timestamp\":\"2026-11-23T17:40:01.5Z\",\"quis.fact\":\"process-start\",\"process.entity_id\":\"7-"
		"a\",\"process.args\":[\"\x7f\",\"\xc2\x9b\"],"
		"\"process.executable\":\"/x\xc2\x80\",\"new.key\":{\"a\":[null]},\"process.user.id\":[]}\n"
		"{\"@timestamp\":\"2026-11-23T17:40:01.6Z\",\"quis.fact\":\"of-tomorrow\",\"x\":1}\n");
	unit_write(unit_path(state, "facts-000001.ndjson"), line);
	json = make_json(state);
	assert_int_equal(problems.bad_lines, 0);
	assert_string_equal(json_string_value(item(process_of(json, "7-a"), "argv", 1)), "\xc2\x9b");
	assert_string_equal(string(json_object_get(json, "session"), "ended"), "2026-11-23T17:40:01.600000000Z");
	check_exact(json, false, 3); /* no beginning, no counts, no end */
	json_decref(json);
}

static void test_lost(void **state)
{
	static const uint64_t lost[][3] = {{5, 0, 0}, {0, 6, 0}, {0, 0, 7}};
	const uint64_t *row = *lost;
	char *text;
	json_t *json;
	size_t i;

	put_start();
	put_stats(0, 0, 0);
	put_end();
	json = make_json(state);
	check_exact(json, true, 0);
	json_decref(json);
	for (i = 0; i < 3; i++) {
		row = lost[i];
		put_stats(row[0], row[1], row[2]);
		json = make_json(state);
		check_exact(json, false, 0);
		assert_int_equal(number(json_object_get(completeness(json), "lost"), "records"), row[0]);
		assert_int_equal(number(json_object_get(completeness(json), "lost"), "map_full"), row[1]);
		assert_int_equal(number(json_object_get(completeness(json), "lost"), "missed_runs"), row[2]);
		json_decref(json);
	}
	text = make(state, report_text, false);
	assert_memory_equal(text, "NOT EXACT", 9);
	assert_non_null(strstr(text, "lower bound"));
	free(text);
}

static void test_gap(void **state)
{
	json_t *json, *gap;

	put_start();
	begin("gap", NULL);
	fact_time(&fact, "event.start", now);
	fact_text(&fact, "quis.gap.what", "ring full");
	fact_number(&fact, "quis.gap.count", 12);
	append();
	put_end();
	json = make_json(state);
	check_exact(json, false, 1);
	gap = item(completeness(json), "gaps", 0);
	assert_string_equal(string(gap, "what"), "ring full");
	assert_int_equal(number(gap, "count"), 12);
	json_decref(json);
}

/* A sensor that died: what was open counts, but what it had just written for good counts once. */
static void test_open_bursts(void **state)
{
	const struct burst closed = {"7-a", "1", "/closed", "opened", .reads = 2, .read_bytes = 20};
	const struct burst open = {"7-a", "2", "/open", "opened", .reads = 3, .read_bytes = 30};
	uint64_t before;
	json_t *json;

	put_start();
	put_stats(0, 0, 0);
	before = now;
	put_burst(&closed);
	case_flush(writer);
	case_open_begin(writer);
	now = before;
	make_burst(&closed);
	case_open_append(writer, &fact);
	make_burst(&open);
	case_open_append(writer, &fact);
	assert_int_equal(case_open_end(writer), 0);
	json = make_json(state);
	check_exact(json, false, 1);
	assert_int_equal(json_array_size(json_object_get(process_of(json, "7-a"), "files")), 2);
	assert_int_equal(number(item(process_of(json, "7-a"), "files", 0), "read_bytes"), 20);
	assert_int_equal(number(item(process_of(json, "7-a"), "files", 1), "read_bytes"), 30);
	json_decref(json);
	case_open_begin(writer);
	assert_int_equal(case_open_end(writer), 0);
	assert_int_equal(access(unit_path(state, "open.ndjson"), F_OK), -1);
}

/* A descriptor that no hook saw come is inherited when an ancestor had the file, and not known otherwise. */
static void test_inherited(void **state)
{
	json_t *json, *how;

	put_start();
	begin("process-start", "7-a");
	append();
	begin("process-start", "8-b");
	fact_text(&fact, "process.parent.entity_id", "7-a");
	append();
	begin("process-start", "9-c");
	fact_text(&fact, "process.parent.entity_id", "8-b");
	append();
	put_burst(&(struct burst){"7-a", "1", "/ancestor", "opened", 1});
	put_burst(&(struct burst){"9-c", "1", "/ancestor", NULL, .reads = 1});
	put_burst(&(struct burst){"9-c", "2", "/nobody", NULL, .reads = 1});
	put_stats(0, 0, 0);
	put_end();
	json = make_json(state);
	how = json_object_get(item(process_of(json, "9-c"), "files", 0), "how");
	assert_string_equal(json_string_value(json_array_get(how, 0)), "inherited");
	how = json_object_get(item(process_of(json, "9-c"), "files", 1), "how");
	assert_int_equal(json_array_size(how), 0);
	json_decref(json);
}

static void test_cut_short(void **state)
{
	json_t *json;

	put_start();
	put_stats(0, 0, 0);
	put_burst(&(struct burst){"7-a", "1", "/x", "opened", 1});
	json = make_json(state);
	check_exact(json, false, 1);
	assert_string_equal(string(json_object_get(json, "session"), "ended"), "2026-11-23T17:40:00.000003000Z");
	assert_string_equal(string(item(completeness(json), "gaps", 0), "from"), "2026-11-23T17:40:00.000003000Z");
	json_decref(json);
}

static void edit(void **state, const char *from, const char *to)
{
	const char *path = unit_path(state, "facts-000001.ndjson");
	char *text, *at;
	FILE *file;

	assert_int_equal(case_flush(writer), 0);
	text = unit_read(path);
	at = strstr(text, from);
	assert_non_null(at);
	file = fopen(path, "w");
	fprintf(file, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	fclose(file);
	free(text);
}

static void put_three(void)
{
	put_start();
	put_burst(&(struct burst){"7-a", "1", "/one", "opened", 1});
	put_burst(&(struct burst){"7-a", "2", "/two", "opened", 1});
	put_burst(&(struct burst){"7-a", "3", "/three", "opened", 1});
	put_end();
}

static void test_bad_line(void **state)
{
	json_t *json;

	put_three();
	edit(state, "\"/two\"", "\"/two");
	json = make_json(state);
	assert_int_equal(problems.bad_lines, 1);
	assert_int_equal(problems.first_segment, 1);
	assert_int_equal(problems.first_line, 3);
	check_exact(json, false, 1);
	assert_int_equal(json_array_size(json_object_get(process_of(json, "7-a"), "files")), 2);
	json_decref(json);
}

static void test_missing_line(void **state)
{
	char *text, *second, *third;
	json_t *json;

	put_three();
	assert_int_equal(case_flush(writer), 0);
	text = unit_read(unit_path(state, "facts-000001.ndjson"));
	second = strchr(text, '\n') + 1;
	third = strchr(second, '\n') + 1;
	memmove(second, third, strlen(third) + 1);
	unit_write(unit_path(state, "facts-000001.ndjson"), text);
	free(text);
	json = make_json(state);
	assert_int_equal(problems.bad_lines, 0);
	check_exact(json, false, 1);
	assert_int_equal(number(item(completeness(json), "gaps", 0), "count"), 1);
	json_decref(json);
}

static void test_torn_tail(void **state)
{
	json_t *json;

	put_three();
	edit(state, "\"signal\",\"event.sequence\":6}\n", "");
	json = make_json(state);
	assert_int_equal(problems.bad_lines, 1);
	assert_int_equal(json_is_true(json_object_get(completeness(json), "exact")), 0);
	assert_string_equal(string(item(process_of(json, "7-a"), "files", 0), "path"), "/one");
	json_decref(json);
}

static void test_missing_segment(void **state)
{
	json_t *json;

	put_three();
	case_flush(writer);
	unit_write(unit_path(state, "facts-000003.ndjson"),
		"{\"@timestamp\":\"2026-11-23T17:41:00Z\",\"quis.fact\":\"heartbeat\"}\n");
	json = make_json(state);
	check_exact(json, false, 1);
	assert_non_null(strstr(string(item(completeness(json), "gaps", 0), "what"), "facts-000002.ndjson"));
	json_decref(json);
}

static void test_nothing_readable(void **state)
{
	sqlite3 *db;

	assert_int_equal(index_open(&db, &problems, *state), -EBADMSG);
	unit_write(unit_path(state, "facts-000001.ndjson"), "no fact\n{}\n");
	assert_int_equal(index_open(&db, &problems, *state), -EBADMSG);
	assert_int_equal(index_open(&db, &problems, "/nonexistent"), -ENOENT);
}

/* Numbers beyond any real one neither stop the report nor come out smaller. */
static void test_huge_numbers(void **state)
{
	char *text;

	put_start();
	put_burst(&(struct burst){"7-a", "18446744073709551615", "/x", "opened", 1, 1, UINT64_MAX});
	put_burst(&(struct burst){"7-a", "18446744073709551615", "/x", "opened", 1, 1, INT64_MAX});
	put_end();
	text = make(state, report_json, false);
	assert_non_null(strstr(text, "\"ino\":18446744073709551615,"));
	assert_non_null(strstr(text, "\"read_bytes\":9223372036854775807,"));
	free(text);
}

static void test_thousand_processes(void **state)
{
	char entity[32], parent[32], *text, *at;
	json_t *json;
	size_t i, count = 0;

	put_start();
	for (i = 1; i <= 1000; i++) {
		snprintf(entity, sizeof(entity), "%zu-%zx", i, i);
		snprintf(parent, sizeof(parent), "%zu-%zx", i - 1, i - 1);
		begin_image(entity, "fork", "/bin/sh", "sh");
		fact_text(&fact, "process.name", "sh");
		if (i > 1)
			fact_text(&fact, "process.parent.entity_id", parent);
		append();
		put_burst(&(struct burst){entity, "5", "/etc/passwd", "opened", 1, 1, i});
	}
	put_end();
	json = make_json(state);
	assert_int_equal(json_array_size(json_object_get(json, "processes")), 1000);
	for (i = 1; i <= 1000; i++) {
		snprintf(entity, sizeof(entity), "%zu-%zx", i, i);
		assert_int_equal(number(item(process_of(json, entity), "files", 0), "read_bytes"), i);
	}
	json_decref(json);
	text = make(state, report_text, false);
	for (at = text; (at = strstr(at, "sh[")); at++)
		count++;
	assert_int_equal(count, 1000);
	free(text);
}

/* A forged ring of parents must neither hang the report nor hide the processes. */
static void test_parent_ring(void **state)
{
	static const char *const ring[][2] = {{"7-a", "8-b"}, {"8-b", "7-a"}, {"9-c", "9-c"}};
	char *text;
	size_t i;

	put_start();
	for (i = 0; i < 3; i++) {
		begin_image(ring[i][0], "exec", "/bin/sh", "sh");
		fact_text(&fact, "process.parent.entity_id", ring[i][1]);
		append();
	}
	put_end();
	text = make(state, report_text, false);
	assert_non_null(strstr(text, "[7]"));
	assert_non_null(strstr(text, "[8]"));
	assert_non_null(strstr(text, "[9]"));
	free(text);
}

static void test_mapped_is_said(void **state)
{
	char *text;

	put_start();
	put_burst(&(struct burst){"7-a", "1", "/lib/x.so", "opened", 1, .maps = 1});
	put_end();
	text = make(state, report_text, false);
	assert_non_null(strstr(text, "\n  mapped      -"));
	free(text);
}

static void test_faults_view_and_beneath(void **state)
{
	const struct burst burst = {"7-a", "1", "/jail/x.so", "opened", 1, .maps = 2};
	json_t *json, *file;
	char *text;

	put_start();
	make_burst(&burst);
	fact_number(&fact, "quis.faults", 3);
	fact_number(&fact, "quis.faulted_bytes", 131072);
	fact_text(&fact, "quis.file.view", "/x.so");
	fact_text(&fact, "quis.file.lower_device", "8:1");
	fact_text(&fact, "quis.file.lower_inode", "77");
	fact_text(&fact, "quis.file.lower_layer", "upper");
	fact_text(&fact, "quis.file.lower_path", "/layers/3/x.so");
	append();
	put_burst(&(struct burst){"7-a", "2", "/lib/y.so", "opened", 1, .maps = 1});
	put_end();
	json = make_json(state);
	file = item(process_of(json, "7-a"), "files", 0);
	assert_int_equal(number(file, "faults"), 3);
	assert_int_equal(number(file, "faulted_bytes"), 131072);
	assert_string_equal(string(file, "view"), "/x.so");
	file = json_object_get(file, "lower");
	assert_string_equal(string(file, "dev"), "8:1");
	assert_int_equal(number(file, "ino"), 77);
	assert_string_equal(string(file, "layer"), "upper");
	assert_string_equal(string(file, "path"), "/layers/3/x.so");
	assert_null(json_object_get(item(process_of(json, "7-a"), "files", 1), "faults")); /* not told: absent */
	json_decref(json);
	text = make(state, report_text, false);
	assert_non_null(strstr(text, "128.0 KiB"));
	assert_non_null(strstr(text, "/jail/x.so (seen as /x.so)"));
	free(text);
}

static void put_everything(void)
{
	put_hostile();
	begin_image("7-a", "exec", "/bin/two", "two");
	fact_text(&fact, "quis.process.executable_device", "254:0");
	fact_number(&fact, "quis.process.executable_inode", 5);
	fact_text(&fact, "process.user.id", "0");
	fact_text(&fact, "quis.process.flagged_by", "path:/bin");
	append();
	put_flow("f1", "egress", "203.0.113.7:443", 100);
	put_name("203.0.113.7", "ksn.example.com", "sni", "f1");
	begin("action", "7-a");
	fact_text(&fact, "event.action", "unlink");
	fact_text(&fact, "quis.action.detail", "{\"a\":1}");
	append();
	put_end();
}

static void test_schema(void **state)
{
	char command[512], *text;

	if (access(SCHEMA, R_OK) || system("python3 -c 'import jsonschema' 2>/dev/null")) {
		print_message("skipped: run from the top of the tree, with python3-jsonschema\n");
		skip();
	}
	put_everything();
	text = make(state, report_json, false);
	unit_write(unit_path(state, "report.json"), text);
	free(text);
	snprintf(command, sizeof(command),
		"python3 -c 'import json, sys, jsonschema; schema, report = (json.load(open(f)) for f in sys.argv[1:]);"
		" jsonschema.Draft7Validator.check_schema(schema); jsonschema.validate(report, schema)' " SCHEMA " %s",
		unit_path(state, "report.json"));
	assert_int_equal(system(command), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_given),
		TEST(test_given_by_others),
		TEST(test_given_by_nobody_known),
		TEST(test_bursts),
		TEST(test_refused),
		TEST(test_images),
		TEST(test_flows),
		TEST(test_actions),
		TEST(test_hostile_json),
		TEST(test_hostile_text),
		TEST(test_foreign_case),
		TEST(test_lost),
		TEST(test_gap),
		TEST(test_open_bursts),
		TEST(test_inherited),
		TEST(test_cut_short),
		TEST(test_bad_line),
		TEST(test_missing_line),
		TEST(test_torn_tail),
		TEST(test_missing_segment),
		TEST(test_nothing_readable),
		TEST(test_huge_numbers),
		TEST(test_thousand_processes),
		TEST(test_parent_ring),
		TEST(test_mapped_is_said),
		TEST(test_faults_view_and_beneath),
		TEST(test_schema),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
