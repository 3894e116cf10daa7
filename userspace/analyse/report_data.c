/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"
#include "index.h"

const char *const report_how_names[HOW_COUNT] = {
	[HOW_OPENED] = "opened",
	[HOW_INHERITED] = "inherited",
	[HOW_RECEIVED] = "received",
	[HOW_FANOTIFY] = "fanotify",
	[HOW_PIDFD] = "pidfd",
	[HOW_EXECUTED] = "executed",
	[HOW_IO_URING] = "io_uring",
};

const char *const report_event_names[REPORT_EVENTS] = {"access", "modify", "close_write", "close_nowrite", "open", "open_exec",
	"access_perm", "open_perm", "open_exec_perm", "pre_access"};

#define GIVEN (1u << HOW_RECEIVED | 1u << HOW_FANOTIFY | 1u << HOW_PIDFD)
#define GIVERS_MAX 4096 /* of one file and one process */

enum statement {
	SESSION,
	STATS,
	GAPS,
	CLOCK,
	PROCESSES,
	PROCESS,
	IMAGES,
	OBJECTS,
	NUMBERS,
	DIRECTORIES,
	OBJECT,
	GIVERS,
	REFUSED,
	FLOWS,
	FLOW,
	FLOW_NAME,
	TRANSFERS,
	ACTIONS,
	WANTED,
};

#define IMAGE_COLUMNS                                                                                                  \
	"executable, executable_raw, executable_device, executable_inode, sha256, args, args_raw, args_truncated, "    \
	"cwd, cwd_raw"
#define PROCESS_COLUMNS                                                                                                \
	"id, entity, parent, comm, cgroup, container, flagged_by, started, ended,"                                     \
	" pid, ppid, uid, gid, exit_code, exit_signal, images, started, " IMAGE_COLUMNS
#define COUNTERS "opens, reads, read_bytes, writes, write_bytes, maps, mapped_bytes, faults, faulted_bytes, lists, failed, stats"
#define COUNTER_SUMS                                                                                                   \
	"capped_sum(opens), capped_sum(reads), capped_sum(read_bytes), capped_sum(writes), capped_sum(write_bytes), "  \
	"capped_sum(maps), capped_sum(mapped_bytes), capped_sum(faults), capped_sum(faulted_bytes), capped_sum(lists), capped_sum(failed), capped_sum(stats)"

/*
 * The groups below are read along the index on (process, file): no sorting, no memory. What is told of a group beside
 * its sums is from its last burst that has a name, fetched by its id.
 */
static const char *const sql[] = {
	[SESSION] = "SELECT host, machine_id, boot_id, kernel, started, ended, hooks, flags, unseen, end_reason,"
		    " case_id, case_number, examiner, note, tool_version, verified, verified_what,"
		    " (SELECT args FROM image WHERE flagged_by = 'command' AND event = 'exec' ORDER BY id LIMIT 1)"
		    " FROM capture LEFT JOIN source ORDER BY capture.rowid LIMIT 1",
	[STATS] = "SELECT lost_records, lost_map_full, lost_missed_runs FROM stats ORDER BY id DESC LIMIT 1",
	[GAPS] = "SELECT first, last, what, count FROM gap ORDER BY first, id",
	[CLOCK] = "SELECT first, last, note, NULL FROM notice WHERE kind = 'clock-change' ORDER BY sequence",
	[PROCESSES] = "SELECT " PROCESS_COLUMNS " FROM process WHERE ?1 = 0 OR pid = ?1 ORDER BY id",
	[PROCESS] = "SELECT " PROCESS_COLUMNS " FROM process WHERE id = ?1",
	[IMAGES] = "SELECT time, " IMAGE_COLUMNS " FROM image WHERE process = ?1 AND event IS NOT 'fork' ORDER BY id",
	[OBJECTS] = "SELECT t.latest, t.first, t.last, NULL, t.how, " COUNTERS
		    ", f.type, f.class FROM total AS t LEFT JOIN file AS f ON f.id = t.file"
		    " WHERE t.process = ?1 ORDER BY t.file",
	[NUMBERS] = "SELECT latest, file, how, " COUNTERS " FROM total WHERE process = ?1 ORDER BY file",
	[DIRECTORIES] = "SELECT id, (SELECT max(id) FROM file) FROM file WHERE type = 'dir'",
	[OBJECT] = "SELECT a.path, a.path_raw, a.path_from, a.view, a.deleted, a.truncated, a.unreachable,"
		   " f.device, f.inode, f.type, f.lower_device, f.lower_inode, f.class, a.errno,"
		   " a.view_raw, f.lower_layer, f.lower_path, f.lower_path_raw"
		   " FROM access AS a LEFT JOIN file AS f ON f.id = a.file WHERE a.id = ?1",
	[GIVERS] = "SELECT a.handed_by, a.events, a.handed_more FROM access AS l JOIN access AS a ON a.process = l.process AND a.file = l.file"
		   " WHERE l.id = ?1 AND (a.handed_by IS NOT NULL OR a.events IS NOT NULL OR a.handed_more IS NOT NULL)",
	[REFUSED] = "SELECT max(id), min(first), max(last), errno, how_union(how), " COUNTER_SUMS
		    ", NULL, path_class(path) FROM access WHERE process = ?1 AND file IS NULL GROUP BY path, path_raw, errno ORDER BY sum(failed) = 0",
	[FLOWS] = "SELECT max(id), min(first), max(last), capped_sum(sends), capped_sum(sent_bytes), "
		  "capped_sum(receives), capped_sum(received_bytes), capped_sum(failed)"
		  " FROM flow WHERE process = ?1 GROUP BY flow_id, remote",
	[FLOW] = "SELECT family, transport, direction, local, remote, errno, peer_pid, flow_id, peer_executable FROM flow WHERE id = ?1",
	/* A DNS answer's own flow is the one to the name server, so it names an address, never its flow. */
	[FLOW_NAME] = "SELECT name, source, proxied FROM (SELECT name, source, proxied, -id AS at, CASE source WHEN 'sni' THEN 0 ELSE 1 END AS "
		      "rank FROM name"
		      " WHERE flow_id = ?1 AND source IS NOT 'dns' UNION ALL"
		      " SELECT name, source, proxied, CASE WHEN time <= ?3 THEN -id ELSE id END, CASE WHEN time <= ?3 THEN 2 ELSE 3 END FROM name"
		      " WHERE address = ?2 AND source = 'dns')"
		      " ORDER BY rank, at LIMIT 1",
	[TRANSFERS] = "SELECT min(t.first), max(t.last), capped_sum(t.calls), capped_sum(t.bytes), capped_sum(t.descriptors), t.remote,"
		      " coalesce(t.path, a.path), t.path_raw, coalesce(t.type, a.type), t.device, t.inode, t.from_flow,"
		      " coalesce(t.to_path, b.path), t.to_path_raw, coalesce(t.to_type, b.type), t.to_device, t.to_inode, t.to_flow"
		      " FROM transfer AS t LEFT JOIN file AS a ON a.id = t.from_file LEFT JOIN file AS b ON b.id = t.to_file"
		      " WHERE t.process = ?1 GROUP BY t.device, t.inode, t.generation, t.from_flow,"
		      " t.to_device, t.to_inode, t.to_generation, t.to_flow, t.remote ORDER BY min(t.first), min(t.id)",
	[ACTIONS] =
		"SELECT time, kind, path, path_raw, target, target_raw, detail, path_from, outcome, errno FROM action"
		" WHERE process = ?1 ORDER BY time, id",
	[WANTED] = "SELECT 1 FROM total AS t JOIN file AS f ON f.id = t.file WHERE t.process = ?1 AND f.class = ?2"
		   " UNION ALL SELECT 1 FROM access WHERE process = ?1 AND file IS NULL AND path_class(path) = ?2 LIMIT 1",
};

int report_init(struct report *report, sqlite3 *db, const struct report_options *options)
{
	memset(report, 0, sizeof(*report));
	report->db = db;
	report->options = *options;
	return index_functions(db);
}

void report_done(struct report *report)
{
	size_t i;

	for (i = 0; i < sizeof(report->statements) / sizeof(report->statements[0]); i++)
		sqlite3_finalize(report->statements[i]);
	free(report->directories);
	free(report->givers);
	memset(report, 0, sizeof(*report));
}

static sqlite3_stmt *start(struct report *report, enum statement which, int64_t argument)
{
	sqlite3_stmt **statement = &report->statements[which];

	if (!*statement &&
		sqlite3_prepare_v3(report->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_reset(*statement);
	if (sqlite3_bind_parameter_count(*statement))
		sqlite3_bind_int64(*statement, 1, argument);
	return *statement;
}

/* 1: a row; 0: no more. */
static int step(sqlite3_stmt *statement)
{
	int got = statement ? sqlite3_step(statement) : SQLITE_ERROR;

	if (got == SQLITE_ROW)
		return 1;
	sqlite3_reset(statement);
	if (got == SQLITE_DONE)
		return 0;
	return got == SQLITE_NOMEM ? -ENOMEM : -EIO;
}

static int end_walk(sqlite3_stmt *statement, int err)
{
	sqlite3_reset(statement);
	return err;
}

static struct text get_text(sqlite3_stmt *statement, int column)
{
	struct text text = {.bytes = (const char *)sqlite3_column_text(statement, column)};

	text.len = sqlite3_column_bytes(statement, column);
	return text;
}

static int64_t get_number(sqlite3_stmt *statement, int column)
{
	return sqlite3_column_type(statement, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(statement, column);
}

static void get_texts(sqlite3_stmt *statement, int column, struct text *const *texts, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		*texts[i] = get_text(statement, column + i);
}

static void get_counts(sqlite3_stmt *statement, int column, uint64_t *const *counts, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		*counts[i] = sqlite3_column_int64(statement, column + i);
}

#define TEXTS(statement, column, ...)                                                                                  \
	get_texts(statement, column, (struct text *const[]){__VA_ARGS__},                                              \
		sizeof((struct text *const[]){__VA_ARGS__}) / sizeof(struct text *))
#define COUNTS(statement, column, ...)                                                                                 \
	get_counts(statement, column, (uint64_t *const[]){__VA_ARGS__},                                                \
		sizeof((uint64_t *const[]){__VA_ARGS__}) / sizeof(uint64_t *))

static int session_stats(struct report *report, struct report_session *session)
{
	sqlite3_stmt *row = start(report, STATS, 0);
	int got = step(row);

	session->lost_records = session->lost_map_full = session->lost_missed_runs = -1;
	if (got != 1)
		return got;
	session->lost_records = get_number(row, 0);
	session->lost_map_full = get_number(row, 1);
	session->lost_missed_runs = get_number(row, 2);
	return end_walk(row, 0);
}

static int has_gaps(struct report *report)
{
	sqlite3_stmt *row = start(report, GAPS, 0);
	int got = step(row);

	return end_walk(row, got);
}

static bool text_is(struct text text, const char *value)
{
	return text.bytes && text.len == strlen(value) && !memcmp(text.bytes, value, text.len);
}

int report_session(struct report *report, struct report_session *ret_session)
{
	struct report_session session = {0};
	sqlite3_stmt *row;
	int err = session_stats(report, &session), gaps;

	if (err)
		return err;
	gaps = has_gaps(report);
	if (gaps < 0)
		return gaps;
	row = start(report, SESSION, 0);
	err = step(row);
	if (err < 0)
		return err;
	/* The row stays open: the texts live as long as it does. */
	if (err)
		TEXTS(row, 0, &session.host, &session.machine_id, &session.boot_id, &session.kernel, &session.started,
			&session.ended, &session.hooks, &session.flags, &session.unseen, &session.end_reason,
			&session.case_id, &session.case_number, &session.examiner, &session.note, &session.tool_version,
			&session.verified, &session.verified_what, &session.command);
	session.unverified = text_is(session.verified, "altered") || text_is(session.verified, "foreign");
	session.exact = !gaps && !session.lost_records && !session.lost_map_full && !session.lost_missed_runs;
	*ret_session = session;
	return 0;
}

static int walk_gaps(sqlite3_stmt *row, report_gap_fn *fn, void *context)
{
	struct report_gap gap;
	int got;

	while ((got = step(row)) == 1) {
		TEXTS(row, 0, &gap.from, &gap.to, &gap.what);
		gap.count = get_number(row, 3);
		got = fn(context, &gap);
		if (got < 0)
			return end_walk(row, got);
	}
	return got;
}

int report_gaps(struct report *report, report_gap_fn *fn, void *context)
{
	return walk_gaps(start(report, GAPS, 0), fn, context);
}

int report_clock(struct report *report, report_gap_fn *fn, void *context)
{
	return walk_gaps(start(report, CLOCK, 0), fn, context);
}

static void get_image(sqlite3_stmt *row, int at, struct report_image *image)
{
	TEXTS(row, at, &image->time, &image->executable, &image->executable_raw, &image->device, &image->inode,
		&image->sha256, &image->args, &image->args_raw);
	image->args_truncated = sqlite3_column_int(row, at + 8);
	TEXTS(row, at + 9, &image->cwd, &image->cwd_raw);
}

static void get_process(sqlite3_stmt *row, struct report_process *process)
{
	process->id = sqlite3_column_int64(row, 0);
	TEXTS(row, 1, &process->entity, &process->parent, &process->comm, &process->cgroup, &process->container,
		&process->flagged_by, &process->started, &process->ended);
	process->pid = get_number(row, 9);
	process->ppid = get_number(row, 10);
	process->uid = get_number(row, 11);
	process->gid = get_number(row, 12);
	process->exit_code = get_number(row, 13);
	process->exit_signal = get_number(row, 14);
	process->images = get_number(row, 15);
	get_image(row, 16, &process->image);
}

static int walk_processes(sqlite3_stmt *row, report_process_fn *fn, void *context)
{
	struct report_process process;
	int got;

	while ((got = step(row)) == 1) {
		get_process(row, &process);
		got = fn(context, &process);
		if (got < 0)
			return end_walk(row, got);
	}
	return got;
}

int report_processes(struct report *report, report_process_fn *fn, void *context)
{
	return walk_processes(start(report, PROCESSES, report->options.pid), fn, context);
}

int report_process(struct report *report, int64_t id, report_process_fn *fn, void *context)
{
	return walk_processes(start(report, PROCESS, id), fn, context);
}

int report_images(struct report *report, int64_t process, report_image_fn *fn, void *context)
{
	sqlite3_stmt *row = start(report, IMAGES, process);
	struct report_image image;
	int got;

	while ((got = step(row)) == 1) {
		get_image(row, 0, &image);
		got = fn(context, &image);
		if (got < 0)
			return end_walk(row, got);
	}
	return got;
}

int report_wants(struct report *report, int64_t process, bool *ret_wanted)
{
	sqlite3_stmt *row;
	int got;

	if (!report->options.class)
		return 0;
	row = start(report, WANTED, process);
	if (row)
		sqlite3_bind_text(row, 2, report->options.class, -1, SQLITE_STATIC);
	got = step(row);
	if (got >= 0)
		*ret_wanted = got;
	return end_walk(row, got < 0 ? got : 0);
}

/* No name of a way is part of another's. Most files came in the same way as the one before. */
unsigned report_how_of(struct text lists)
{
	static char last[64];
	static size_t last_len;
	static unsigned last_how;
	unsigned how = 0, i;

	if (!lists.bytes)
		return 0;
	if (last_len && lists.len == last_len && !memcmp(lists.bytes, last, last_len))
		return last_how;
	for (i = 0; i < HOW_COUNT; i++)
		if (memmem(lists.bytes, lists.len, report_how_names[i], strlen(report_how_names[i])))
			how |= 1u << i;
	if (lists.len < sizeof(last)) {
		memcpy(last, lists.bytes, lists.len);
		last_len = lists.len;
		last_how = how;
	}
	return how;
}

static unsigned events_of(struct text list)
{
	unsigned events = 0, i;
	char name[24];

	for (i = 0; list.bytes && i < REPORT_EVENTS; i++) {
		int length = snprintf(name, sizeof(name), "\"%s\"", report_event_names[i]);

		if (memmem(list.bytes, list.len, name, length))
			events |= 1u << i;
	}
	return events;
}

static int room_for_giver(struct report *report, size_t count)
{
	size_t size = report->givers_size ? 2 * report->givers_size : 16;
	int64_t *grown;

	if (count < report->givers_size)
		return 0;
	grown = realloc(report->givers, size * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	report->givers = grown;
	report->givers_size = size;
	return 0;
}

static int add_giver(struct report *report, struct report_file *file, int64_t pid)
{
	size_t at = file->from_count;

	while (at && report->givers[at - 1] >= pid)
		at--;
	if (at < file->from_count && report->givers[at] == pid)
		return 0;
	if (file->from_count == GIVERS_MAX) {
		file->from_more = true;
		return 0;
	}
	if (room_for_giver(report, file->from_count))
		return -ENOMEM;
	memmove(report->givers + at + 1, report->givers + at, (file->from_count - at) * sizeof(*report->givers));
	report->givers[at] = pid;
	file->from_count++;
	return 0;
}

/* A JSON list of pids as texts; what is none is somebody else. */
static int add_givers(struct report *report, struct report_file *file, struct text list)
{
	const char *at = list.bytes, *end = at + list.len, *digits;
	int64_t pid;
	int err = 0;

	for (; !err && at < end && (at = memchr(at, '"', end - at)); at++) {
		for (pid = 0, digits = ++at; at < end && *at >= '0' && *at <= '9' && at - digits < 10; at++)
			pid = pid * 10 + *at - '0';
		if (at < end && *at == '"' && pid)
			err = add_giver(report, file, pid);
		else
			file->from_more = true;
		while (at < end && *at != '"')
			at += *at == '\\' ? 2 : 1;
		if (at >= end)
			break;
	}
	return err;
}

static int get_givers(struct report *report, int64_t id, struct report_file *file)
{
	sqlite3_stmt *row;
	int got;

	file->from_count = 0;
	file->from_more = false;
	file->events = 0;
	if (!(file->how & GIVEN))
		return 0;
	row = start(report, GIVERS, id);
	while ((got = step(row)) == 1) {
		file->events |= events_of(get_text(row, 1));
		file->from_more |= sqlite3_column_int(row, 2) > 0;
		got = add_givers(report, file, get_text(row, 0));
		if (got)
			return end_walk(row, got);
	}
	file->from = report->givers;
	return got;
}

static int get_object(struct report *report, int64_t id, struct report_file *file)
{
	sqlite3_stmt *row = start(report, OBJECT, id);
	int got = step(row);

	if (got != 1)
		return got ? got : -EIO;
	TEXTS(row, 0, &file->path, &file->path_raw, &file->path_from, &file->view);
	file->deleted = sqlite3_column_int(row, 4);
	file->truncated = sqlite3_column_int(row, 5);
	file->unreachable = sqlite3_column_int(row, 6);
	TEXTS(row, 7, &file->device, &file->inode, &file->type, &file->lower_device, &file->lower_inode, &file->class);
	TEXTS(row, 14, &file->view_raw, &file->lower_layer, &file->lower_path, &file->lower_path_raw);
	if (!file->object)
		file->error = get_text(row, 13);
	if (!file->class.bytes && file->path.bytes)
		file->class.bytes = class_of(file->path.bytes, file->path.len);
	file->class.len = file->class.bytes ? strlen(file->class.bytes) : 0;
	return get_givers(report, id, file);
}

/* The way it came, as a blob (a text would be copied for its final zero), then the counters. */
static void get_numbers(sqlite3_stmt *row, int column, struct report_file *file)
{
	file->id = sqlite3_column_int64(row, 0);
	file->how = report_how_of((struct text){sqlite3_column_blob(row, column), sqlite3_column_bytes(row, column)});
	COUNTS(row, column + 1, &file->opens, &file->reads, &file->read_bytes, &file->writes, &file->write_bytes, &file->maps,
		&file->mapped_bytes, &file->faults, &file->faulted_bytes, &file->lists, &file->failed, &file->stats);
}

static void get_file(sqlite3_stmt *row, struct report_file *file)
{
	TEXTS(row, 1, &file->first, &file->last, &file->error);
	get_numbers(row, 4, file);
	TEXTS(row, 17, &file->type, &file->class);
}

static bool of_class(const struct report *report, const struct report_file *file)
{
	const char *class = report->options.class;

	return !class || (file->class.bytes && !strcmp(file->class.bytes, class));
}

static int walk_files(
	struct report *report, sqlite3_stmt *row, bool objects, bool named, report_file_fn *fn, void *context)
{
	struct report_file file = {.object = objects};
	int got;

	while ((got = step(row)) == 1) {
		get_file(row, &file);
		if (!of_class(report, &file))
			continue;
		got = named ? get_object(report, file.id, &file) : 0;
		if (got >= 0)
			got = fn(context, &file);
		if (got < 0)
			return end_walk(row, got);
	}
	return got;
}

static int walk_all_files(struct report *report, int64_t process, bool named, report_file_fn *fn, void *context)
{
	int err = walk_files(report, start(report, OBJECTS, process), true, named, fn, context);

	return err ? err : walk_files(report, start(report, REFUSED, process), false, named, fn, context);
}

int report_files(struct report *report, int64_t process, report_file_fn *fn, void *context)
{
	return walk_all_files(report, process, true, fn, context);
}

/* One look at table file as a whole, and none for each process and file. */
static int find_directories(struct report *report)
{
	sqlite3_stmt *row;
	int64_t id;
	int got;

	if (report->directories)
		return 0;
	row = start(report, DIRECTORIES, 0);
	while ((got = step(row)) == 1) {
		id = sqlite3_column_int64(row, 0);
		if (!report->directories) {
			report->directories_end = sqlite3_column_int64(row, 1) + 1;
			report->directories = calloc(report->directories_end / 8 + 1, 1);
		}
		if (!report->directories)
			return end_walk(row, -ENOMEM);
		if (id >= 0)
			report->directories[id / 8] |= 1u << id % 8;
	}
	if (!got && !report->directories)
		report->directories = calloc(1, 1);
	return got || report->directories ? got : -ENOMEM;
}

static bool is_directory(const struct report *report, int64_t id)
{
	return id >= 0 && id < report->directories_end && report->directories[id / 8] & 1u << id % 8;
}

int report_counts(struct report *report, int64_t process, report_file_fn *fn, void *context)
{
	static const struct text directory = {"dir", 3}, other = {0};
	struct report_file file = {.object = true};
	sqlite3_stmt *row;
	int got;

	if (report->options.class)
		return walk_all_files(report, process, false, fn, context);
	got = find_directories(report);
	if (got)
		return got;
	row = start(report, NUMBERS, process);
	while ((got = step(row)) == 1) {
		get_numbers(row, 2, &file);
		file.type = is_directory(report, sqlite3_column_int64(row, 1)) ? directory : other;
		got = fn(context, &file);
		if (got < 0)
			return end_walk(row, got);
	}
	return got ? got : walk_files(report, start(report, REFUSED, process), false, false, fn, context);
}

int report_name_file(struct report *report, struct report_file *file)
{
	return get_object(report, file->id, file);
}

/* 203.0.113.7:443 and [2001:db8::1]:443; a socket of IPv6 has an IPv4 address as ::ffff:203.0.113.7 */
static struct text address_of(struct text remote)
{
	static const char mapped[] = "[::ffff:";
	const size_t skip = sizeof(mapped) - 1;
	const char *end;

	if (!remote.bytes)
		return remote;
	if (remote.len && remote.bytes[0] == '[') {
		end = memchr(remote.bytes, ']', remote.len);
		if (end && remote.len > skip && !memcmp(remote.bytes, mapped, skip) && memchr(remote.bytes, '.', remote.len))
			return (struct text){remote.bytes + skip, end - remote.bytes - skip};
		return end ? (struct text){remote.bytes + 1, end - remote.bytes - 1} : remote;
	}
	end = memrchr(remote.bytes, ':', remote.len);
	return end ? (struct text){remote.bytes, end - remote.bytes} : remote;
}

static bool bind_text(sqlite3_stmt *statement, int at, struct text text)
{
	return sqlite3_bind_text(statement, at, text.bytes, text.len, SQLITE_STATIC) == SQLITE_OK;
}

int report_name_flow(struct report *report, struct text flow_id, struct report_flow *flow)
{
	sqlite3_stmt *row = start(report, FLOW_NAME, 0);
	int got;

	flow->remote_name = flow->name_source = (struct text){0};
	flow->proxied = false;
	memset(&flow->place, 0, sizeof(flow->place));
	where_look(flow->remote.bytes, flow->remote.len, &flow->place);
	if (!row || !bind_text(row, 1, flow_id) || !bind_text(row, 2, address_of(flow->remote)) ||
		!bind_text(row, 3, flow->first.bytes ? flow->first : flow->last))
		return -EIO;
	got = step(row);
	if (got == 1) {
		TEXTS(row, 0, &flow->remote_name, &flow->name_source);
		flow->proxied = sqlite3_column_int(row, 2) > 0;
	}
	return got < 0 ? got : 0;
}

static int get_flow(struct report *report, sqlite3_stmt *group, struct report_flow *flow)
{
	sqlite3_stmt *row = start(report, FLOW, sqlite3_column_int64(group, 0));
	int got = step(row);

	if (got != 1)
		return got ? got : -EIO;
	TEXTS(group, 1, &flow->first, &flow->last);
	COUNTS(group, 3, &flow->sends, &flow->sent_bytes, &flow->receives, &flow->received_bytes, &flow->failed);
	TEXTS(row, 0, &flow->family, &flow->transport, &flow->direction, &flow->local, &flow->remote, &flow->error);
	flow->peer_pid = get_number(row, 6);
	flow->peer_executable = get_text(row, 8);
	flow->id = get_text(row, 7);
	return report_name_flow(report, flow->id, flow);
}

int report_flows(struct report *report, int64_t process, report_flow_fn *fn, void *context)
{
	sqlite3_stmt *row = start(report, FLOWS, process);
	struct report_flow flow;
	int got;

	while ((got = step(row)) == 1) {
		got = get_flow(report, row, &flow);
		if (got >= 0)
			got = fn(context, &flow);
		if (got < 0)
			return end_walk(row, got);
	}
	return got;
}

static void get_transfer_end(sqlite3_stmt *row, int at, struct report_transfer_end *end)
{
	TEXTS(row, at, &end->path, &end->path_raw, &end->type, &end->device, &end->inode, &end->flow);
}

int report_transfers(struct report *report, int64_t process, report_transfer_fn *fn, void *context)
{
	sqlite3_stmt *row = start(report, TRANSFERS, process);
	struct report_transfer transfer;
	int got;

	while ((got = step(row)) == 1) {
		TEXTS(row, 0, &transfer.first, &transfer.last);
		COUNTS(row, 2, &transfer.calls, &transfer.bytes, &transfer.descriptors);
		transfer.remote = get_text(row, 5);
		get_transfer_end(row, 6, &transfer.from);
		get_transfer_end(row, 12, &transfer.to);
		got = fn(context, &transfer);
		if (got < 0)
			return end_walk(row, got);
	}
	return got;
}

int report_actions(struct report *report, int64_t process, report_action_fn *fn, void *context)
{
	sqlite3_stmt *row = start(report, ACTIONS, process);
	struct report_action action;
	int got;

	while ((got = step(row)) == 1) {
		TEXTS(row, 0, &action.time, &action.kind, &action.path, &action.path_raw, &action.to, &action.to_raw,
			&action.detail, &action.path_from, &action.outcome, &action.error);
		got = fn(context, &action);
		if (got < 0)
			return end_walk(row, got);
	}
	return got;
}
