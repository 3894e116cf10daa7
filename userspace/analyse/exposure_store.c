/* SPDX-License-Identifier: BSD-2-Clause */
/* What was found becomes rows: everything that a reader sees is a query over them. */
#include "exposure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "case/case.h"

#define HANDOVERS_MAX 10000

static int execute(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
}

static void bind_time(sqlite3_stmt *statement, int at, int64_t ns)
{
	char text[TIME_TEXT];

	if (ns <= 0) {
		sqlite3_bind_null(statement, at);
		return;
	}
	text_time(text, ns);
	sqlite3_bind_text(statement, at, text, -1, SQLITE_TRANSIENT);
}

static void bind_id(sqlite3_stmt *statement, int at, uint32_t id)
{
	if (id)
		sqlite3_bind_int64(statement, at, id);
	else
		sqlite3_bind_null(statement, at);
}

/* SQLite has no numbers above. */
static void bind_bytes(sqlite3_stmt *statement, int at, uint64_t bytes)
{
	sqlite3_bind_int64(statement, at, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes);
}

static int run(sqlite3_stmt *statement)
{
	int got = sqlite3_step(statement);

	sqlite3_reset(statement);
	return got == SQLITE_DONE ? 0 : got == SQLITE_FULL ? -ENOSPC : -EIO;
}

/* One row a passing, which SQL then sums by who and how. */
static int store_passings(struct exposure *exposure)
{
	sqlite3_stmt *insert;
	size_t i;
	int err = 0;

	if (sqlite3_prepare_v2(exposure->db, "INSERT INTO temp.passing VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", -1,
		    &insert, NULL) != SQLITE_OK)
		return -EIO;
	for (i = 0; !err && i < exposure->passings.count; i++) {
		const struct passing *passing = LIST_AT(&exposure->passings, struct passing, i);

		if (passing->target && !LIST_AT(&exposure->targets, struct target, passing->target - 1)->outside)
			continue;
		sqlite3_bind_int64(insert, 1, exposure->processes[passing->giver].node);
		bind_id(insert, 2, passing->receiver ? exposure->processes[passing->receiver].node : 0);
		bind_id(insert, 3, passing->target);
		sqlite3_bind_text(insert, 4, way_names[passing->way], -1, SQLITE_STATIC);
		sqlite3_bind_int64(insert, 5, passing->object);
		bind_bytes(insert, 6, passing->bytes);
		bind_bytes(insert, 7, passing->taken_bytes);
		bind_time(insert, 8, passing->given.first);
		bind_time(insert, 9, passing->taken.last > passing->given.last ? passing->taken.last : passing->given.last);
		sqlite3_bind_int(insert, 10, passing->way == WAY_UNIX || passing->way == WAY_LOOPBACK);
		sqlite3_bind_int64(insert, 11, passing->giver);
		bind_id(insert, 12, passing->receiver);
		err = run(insert);
	}
	sqlite3_finalize(insert);
	return err;
}

/*
 * A burst that several took from, or that several gave to, is in several rows: its bytes count once on each side. Of
 * many processes of one program those that did so are counted; it is one of them by name only if no other did.
 */
static const char handovers_sql[] =
	"INSERT INTO handover (way, giver, giver_pid, giver_name, givers, receiver, receiver_pid, receiver_name, "
	"receivers, object, times, given_bytes, taken_bytes,"
	"  first, last)"
	" SELECT g.way, g.giver, CASE WHEN g.givers = 1 THEN p.pid END, p.comm, g.givers, g.receiver, CASE WHEN "
	"g.receivers < 2 THEN coalesce(q.pid, f.peer_pid) END,"
	"  q.comm, g.receivers,"
	"  CASE WHEN g.of_flow THEN coalesce(f.remote, f.local) WHEN g.way <> 'fork' THEN o.path END,"
	"  g.times, g.given, CASE WHEN g.receiver IS NOT NULL AND g.taken > 0 THEN g.taken END, g.first, g.last"
	" FROM (SELECT way, min(giver_process) AS giver, min(receiver_process) AS receiver, count(DISTINCT "
	"giver_process) AS givers,"
	"   count(DISTINCT receiver_process) AS receivers, max(object) AS object, of_flow, count(*) AS times, "
	"capped_sum(bytes) AS given,"
	"   capped_sum(taken_bytes) AS taken, min(first) AS first, max(last) AS last FROM temp.passing AS s"
	"   WHERE s.receiver IS NULL OR s.receiver <> s.giver GROUP BY s.way, s.giver, s.receiver, s.target) AS g"
	" JOIN process AS p ON p.id = g.giver LEFT JOIN process AS q ON q.id = g.receiver"
	" LEFT JOIN flow AS f ON g.of_flow AND f.id = g.object LEFT JOIN file AS o ON NOT g.of_flow AND o.id = g.object"
	" ORDER BY g.given DESC, g.first LIMIT %d;\n";

/* Of transfer AS t: over a unix socket to a process that was not recorded. */
#define JOIN_OUTSIDE                                                                                                                            \
	" JOIN (SELECT process, flow_id, max(peer_pid) AS peer_pid FROM flow WHERE family = 'unix' GROUP BY 1, 2"                                   \
	"  HAVING max(peer_pid) NOT IN (SELECT pid FROM process)) AS w ON w.process = t.process AND w.flow_id = t.to_flow"

/* An open file instead of its content: who then read how much of it. */
static const char descriptors_sql[] =
	"INSERT INTO handover (way, giver, giver_pid, giver_name, receiver, receiver_pid, receiver_name, object, times, files, taken_bytes, first, last)"
	" SELECT CASE WHEN a.how LIKE '%pidfd%' THEN 'descriptor taken' ELSE 'descriptor' END, q.id, coalesce(q.pid, CAST(g.value AS INTEGER)), q.comm,"
	"  p.id, p.pid, p.comm, max(a.path), count(*), count(DISTINCT a.file), capped_sum(a.read_bytes), min(a.first), max(a.last)"
	" FROM access AS a JOIN json_each(a.handed_by) AS g JOIN process AS p ON p.id = a.process"
	" LEFT JOIN process AS q ON q.id = (SELECT max(r.id) FROM process AS r WHERE r.entity = g.value OR r.pid = CAST(g.value AS INTEGER))"
	" WHERE a.handed_by IS NOT NULL AND (a.how LIKE '%received%' OR a.how LIKE '%pidfd%') AND q.id IS NOT p.id GROUP BY 1, g.value, a.process;\n"
	"INSERT INTO handover (way, giver, giver_pid, giver_name, receiver_pid, object, times, files, first, last)"
	" SELECT 'descriptor', p.id, p.pid, p.comm, w.peer_pid, max(t.path), capped_sum(t.descriptors), count(DISTINCT t.device || ':' || t.inode), min(t.first), max(t.last)"
	" FROM transfer AS t JOIN process AS p ON p.id = t.process"
	JOIN_OUTSIDE " WHERE t.descriptors > 0 GROUP BY t.process, w.peer_pid;\n"
	/* The giver is whose access the events told of; of several, how many are known. */
	"INSERT INTO handover (way, giver, giver_pid, giver_name, givers, receiver, receiver_pid, receiver_name, object, times, files, taken_bytes, first, last)"
	" SELECT 'fanotify', q.id, iif(q.id IS NULL AND s.one IS NOT NULL, CAST(s.one AS INTEGER), q.pid), q.comm, s.givers, p.id, p.pid, p.comm, s.path, s.times, s.files, s.bytes, s.first, s.last"
	" FROM (SELECT a.process, max(a.path) AS path, count(*) AS times, count(DISTINCT a.file) AS files, capped_sum(a.read_bytes) AS bytes, min(a.first) AS first, max(a.last) AS last,"
	"   g.givers, iif(g.givers = 1 AND max(a.handed_more) IS NULL, g.giver, NULL) AS one"
	"  FROM access AS a LEFT JOIN (SELECT h.process, count(DISTINCT w.value) AS givers, max(w.value) AS giver FROM access AS h JOIN json_each(h.handed_by) AS w"
	"   WHERE h.handed_by IS NOT NULL AND h.how LIKE '%fanotify%' GROUP BY h.process) AS g ON g.process = a.process"
	"  WHERE a.how LIKE '%fanotify%' GROUP BY a.process) AS s JOIN process AS p ON p.id = s.process"
	" LEFT JOIN process AS q ON q.id = (SELECT max(r.id) FROM process AS r WHERE r.entity = s.one OR r.pid = CAST(s.one AS INTEGER));\n"
	"INSERT INTO handover (way, giver, giver_pid, giver_name, receiver, receiver_pid, receiver_name, object, times, files, taken_bytes, first, last)"
	" SELECT 'descriptor inherited', q.id, q.pid, q.comm, p.id, p.pid, p.comm, max(f.path), count(*), count(*), capped_sum(t.read_bytes), min(t.first), max(t.last)"
	" FROM total AS t JOIN file AS f ON f.id = t.file JOIN process AS p ON p.id = t.process JOIN process AS q ON q.entity = p.parent"
	" WHERE t.how LIKE '%inherited%' AND t.reads > 0 AND f.type = 'file' AND f.class NOT IN ('own', 'libraries') GROUP BY t.process;\n";

static int store_handovers(struct exposure *exposure)
{
	char sql[sizeof(handovers_sql) + 16];
	int err = execute(exposure->db,
		"CREATE TEMP TABLE passing (giver INTEGER, receiver INTEGER, target INTEGER, way TEXT, object INTEGER,"
		" bytes INTEGER, taken_bytes INTEGER, first TEXT, last TEXT, of_flow INTEGER, giver_process INTEGER, "
		"receiver_process INTEGER)");

	snprintf(sql, sizeof(sql), handovers_sql, HANDOVERS_MAX);
	if (!err)
		err = store_passings(exposure);
	if (!err)
		err = execute(exposure->db, sql);
	if (!err)
		err = execute(exposure->db, descriptors_sql);
	return err ? err : execute(exposure->db, "DROP TABLE temp.passing");
}

/*
 * What the kernel moved from a file to a socket: at once (sendfile), or the open file itself (of who was recorded, what he read of it is told
 * with him), or into a pipe and out of it (splice). Of a pipe into which something else went as well, it is not known which bytes came out.
 */
static const char moved_sql[] =
	"INSERT INTO moved (process, file, path, class, remote, flow_id, way, calls, bytes, at_most, first, last)"
	" SELECT t.process, t.from_file, max(t.path), coalesce(f.class, path_class(max(t.path))), max(t.remote), t.to_flow, 'sendfile', capped_sum(t.calls),"
	"  capped_sum(t.bytes), 0, min(t.first), max(t.last) FROM transfer AS t LEFT JOIN file AS f ON f.id = t.from_file"
	" WHERE t.to_flow IS NOT NULL AND t.device IS NOT NULL AND t.type IS NOT 'pipe' AND t.bytes > 0 GROUP BY t.process, t.device, t.inode, t.generation, t.to_flow"
	" HAVING coalesce(f.class, path_class(max(t.path)), 'other') NOT IN ('own', 'libraries');\n"
	"INSERT INTO moved (process, file, path, class, remote, flow_id, way, calls, bytes, at_most, peer_pid, first, last)"
	" SELECT t.process, t.from_file, max(t.path), coalesce(f.class, path_class(max(t.path))), max(t.remote), t.to_flow, 'descriptor', capped_sum(t.descriptors),"
	"  0, 0, max(w.peer_pid), min(t.first), max(t.last) FROM transfer AS t LEFT JOIN file AS f ON f.id = t.from_file"
	JOIN_OUTSIDE " WHERE t.descriptors > 0 AND t.device IS NOT NULL GROUP BY t.process, t.device, t.inode, t.generation, t.to_flow"
	" HAVING coalesce(f.class, path_class(max(t.path)), 'other') NOT IN ('own', 'libraries');\n"
	"WITH filled AS MATERIALIZED (SELECT process, from_file, device, inode, generation, max(path) AS path, to_device, to_inode, capped_sum(bytes) AS bytes, min(first) AS first"
	"  FROM transfer WHERE to_type = 'pipe' AND from_flow IS NULL AND type IS NOT 'pipe' AND device IS NOT NULL GROUP BY process, device, inode, generation, to_device, to_inode),"
	" emptied AS MATERIALIZED (SELECT device, inode, to_flow, max(remote) AS remote, capped_sum(calls) AS calls, capped_sum(bytes) AS bytes, max(last) AS last FROM transfer"
	"  WHERE type = 'pipe' AND to_flow IS NOT NULL GROUP BY device, inode, to_flow)"
	" INSERT INTO moved (process, file, path, class, remote, flow_id, way, calls, bytes, at_most, first, last)"
	" SELECT i.process, i.from_file, i.path, coalesce(f.class, path_class(i.path)), o.remote, o.to_flow, 'splice over a pipe', o.calls, min(i.bytes, o.bytes),"
	"  coalesce((SELECT capped_sum(t.write_bytes) FROM file AS p JOIN total AS t ON t.file = p.id WHERE p.device = i.to_device AND p.inode = i.to_inode), -1) <> i.bytes,"
	"  i.first, o.last FROM filled AS i JOIN emptied AS o ON o.device = i.to_device AND o.inode = i.to_inode LEFT JOIN file AS f ON f.id = i.from_file"
	" WHERE o.last >= i.first AND coalesce(f.class, path_class(i.path), 'other') NOT IN ('own', 'libraries') LIMIT 10000;\n";

/* The paths of the files of which most was read, as a list. */
static int bind_examples(struct exposure *exposure, sqlite3_stmt *insert, int at, const struct found *found)
{
	sqlite3_stmt *row;
	size_t i;

	if (sqlite3_prepare_v2(exposure->db, "SELECT json_group_array(path) FROM (SELECT path FROM file WHERE id IN (?1, ?2, ?3) AND path IS NOT NULL"
					     " ORDER BY id <> ?1, id <> ?2)",
		    -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	for (i = 0; i < EXAMPLES; i++)
		sqlite3_bind_int64(row, i + 1, found->examples[i]);
	if (sqlite3_step(row) == SQLITE_ROW)
		sqlite3_bind_text(insert, at, (const char *)sqlite3_column_text(row, 0), -1, SQLITE_TRANSIENT);
	sqlite3_finalize(row);
	return 0;
}

static int store_class(struct exposure *exposure, sqlite3_stmt *insert, size_t number, size_t class)
{
	const struct route *route = LIST_AT(&exposure->routes, struct route, number);
	const struct route_class *of = &route->by_class[class];
	const struct found *found = &of->found;
	const struct target *target = LIST_AT(&exposure->targets, struct target, route->target - 1);
	int err;

	/* Going back may find less than going forward: where the window ends is asked at both ends. */
	if (!of->any || !found->files)
		return 0;
	sqlite3_bind_int64(insert, 1, number + 1);
	sqlite3_bind_text(insert, 2, class < exposure->class_count ? exposure->classes[class] : NULL, -1, SQLITE_STATIC);
	sqlite3_bind_int64(insert, 3, route->nodes[0]);
	sqlite3_bind_text(insert, 4, target->outside ? "process" : "network", -1, SQLITE_STATIC);
	sqlite3_bind_int64(insert, 5, target->flow);
	sqlite3_bind_int64(insert, 6, route->depth - 1);
	bind_bytes(insert, 7, found->files);
	bind_bytes(insert, 8, found->files_then);
	bind_bytes(insert, 9, found->mapped);
	bind_bytes(insert, 10, found->read_bytes);
	bind_bytes(insert, 11, of->sent);
	bind_bytes(insert, 12, of->sent_most);
	bind_time(insert, 13, found->span.first);
	bind_time(insert, 14, found->span.last);
	bind_time(insert, 15, of->span.first);
	bind_time(insert, 16, of->span.last);
	sqlite3_bind_double(insert, 17, exposure->window / 1e9);
	err = bind_examples(exposure, insert, 18, found);
	return err ? err : run(insert);
}

static int store_steps(struct exposure *exposure, sqlite3_stmt *insert, size_t number)
{
	const struct route *route = LIST_AT(&exposure->routes, struct route, number);
	const struct route_class *of = &route->by_class[exposure->class_count];
	uint32_t i;
	int err = 0;

	for (i = 0; !err && of->any && i < route->depth; i++) {
		const struct route_step *step = &of->steps[i];
		bool last = i + 1 == route->depth;
		const struct target *target = LIST_AT(&exposure->targets, struct target, route->target - 1);

		sqlite3_bind_int64(insert, 1, number + 1);
		sqlite3_bind_int64(insert, 2, i);
		sqlite3_bind_int64(insert, 3, step->giver);
		sqlite3_bind_int64(insert, 4, route->nodes[i]);
		sqlite3_bind_text(insert, 5, last && !target->outside ? "network" : way_names[step->way], -1, SQLITE_STATIC);
		bind_id(insert, 6, step->receiver);
		bind_bytes(insert, 7, step->sent);
		bind_bytes(insert, 8, step->sent_most);
		bind_time(insert, 9, step->when.first);
		bind_time(insert, 10, step->when.last);
		err = run(insert);
	}
	return err;
}

static int store_routes(struct exposure *exposure)
{
	sqlite3_stmt *rows = NULL, *steps = NULL;
	size_t i, class;
	int err = 0;

	if (sqlite3_prepare_v2(exposure->db,
		    "INSERT INTO exposure (route, class, process, kind, flow, handovers, files, files_then, mapped_files, read_bytes, sent_bytes, sent_most,"
		    " read_first, read_last, first, last, window_s, examples) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		    -1, &rows, NULL) != SQLITE_OK ||
		sqlite3_prepare_v2(exposure->db, "INSERT INTO exposure_step VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", -1, &steps, NULL) != SQLITE_OK)
		err = -EIO;
	for (i = 0; !err && i < exposure->routes.count; i++) {
		for (class = 0; !err && class <= exposure->class_count; class++)
			err = store_class(exposure, rows, i, class);
		if (!err)
			err = store_steps(exposure, steps, i);
	}
	sqlite3_finalize(rows);
	sqlite3_finalize(steps);
	return err;
}

static int store_exposed(struct exposure *exposure)
{
	sqlite3_stmt *spans = NULL, *flows = NULL;
	uint32_t process;
	size_t i;
	int err = 0;

	if (sqlite3_prepare_v2(exposure->db, "INSERT OR IGNORE INTO exposed VALUES (?, ?, ?)", -1, &spans, NULL) != SQLITE_OK ||
		sqlite3_prepare_v2(exposure->db, "INSERT OR IGNORE INTO exposed_flow VALUES (?)", -1, &flows, NULL) != SQLITE_OK)
		err = -EIO;
	for (process = 1; !err && process <= exposure->process_count; process++) {
		struct list *exposed = &exposure->processes[process].exposed;

		spans_settle(exposed);
		for (i = 0; !err && i < exposed->count; i++) {
			sqlite3_bind_int64(spans, 1, process);
			bind_time(spans, 2, LIST_AT(exposed, struct span, i)->first);
			bind_time(spans, 3, LIST_AT(exposed, struct span, i)->last);
			err = run(spans);
		}
	}
	for (i = 0; !err && i < exposure->passings.count; i++) {
		if (!LIST_AT(&exposure->passings, struct passing, i)->exposed)
			continue;
		sqlite3_bind_int64(flows, 1, LIST_AT(&exposure->passings, struct passing, i)->object);
		err = run(flows);
	}
	sqlite3_finalize(spans);
	sqlite3_finalize(flows);
	return err;
}

/* Where it was not gone on, in words. */
static int store_cuts(struct exposure *exposure)
{
	const struct {
		bool cut;
		const char *what;
	} cuts[] = {
		{exposure->passings_cut, "Only so many sendings and handovers are followed: there were more"},
		{exposure->reads_cut, "Only so many readings are looked at: there were more, and the numbers of files are at least those given"},
		{exposure->routes_cut, "Only so many ways are told of: there were more"},
		{exposure->depth_cut, "Data is followed over no more than three other processes: some of it may have gone on"},
		{exposure->targets_cut, "Of one process only the destinations are told of that most was sent to: there were more"},
	};
	size_t i;
	int err = 0;

	for (i = 0; !err && i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		char *sql = cuts[i].cut ? sqlite3_mprintf("INSERT INTO exposure_cut VALUES (%Q)", cuts[i].what) : NULL;

		if (sql)
			err = execute(exposure->db, sql);
		sqlite3_free(sql);
	}
	return err;
}

int exposure_store(struct exposure *exposure)
{
	int err = store_handovers(exposure);

	if (!err)
		err = store_routes(exposure);
	if (!err)
		err = execute(exposure->db, moved_sql);
	if (!err)
		err = store_exposed(exposure);
	return err ? err : store_cuts(exposure);
}
