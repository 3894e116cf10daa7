/* SPDX-License-Identifier: BSD-2-Clause */
#include "exposure_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"
#include "exposure.h"

struct text exposed_text(const char *text)
{
	return (struct text){text, text ? strlen(text) : 0};
}

bool exposed_less(const struct exposed_route *route)
{
	return route->class_count > 1 && route->classes[0].sent_most < route->all.sent_most;
}

static char *copy(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return text ? strdup(text) : NULL;
}

static int64_t number(sqlite3_stmt *row, int column)
{
	return sqlite3_column_type(row, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(row, column);
}

static void *grow(void **items, size_t *count, size_t *size, size_t item)
{
	void *grown;

	if (*count == *size) {
		*size = *size ? *size * 2 : 16;
		grown = realloc(*items, *size * item);
		if (!grown)
			return NULL;
		*items = grown;
	}
	return memset((char *)*items + (*count)++ * item, 0, item);
}

#define GROW(list, name) grow((void **)&(list)->name##s, &(list)->name##_count, &(list)->name##_size, sizeof(*(list)->name##s))

static int walk(struct report *report, const char *sql, int64_t argument, int (*fn)(void *context, sqlite3_stmt *row), void *context)
{
	sqlite3_stmt *row;
	int err = 0;

	if (sqlite3_prepare_v2(report->db, sql, -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	if (sqlite3_bind_parameter_count(row))
		sqlite3_bind_int64(row, 1, argument);
	while (!err && sqlite3_step(row) == SQLITE_ROW)
		err = fn(context, row);
	return sqlite3_finalize(row) == SQLITE_OK ? err : -EIO;
}

#define CLASS_COLUMNS                                                                                                                                  \
	"e.class, e.examples, e.files, e.files_then, e.mapped_files, e.read_bytes, e.sent_bytes, e.sent_most, e.read_first, e.read_last, e.first, e.last"

static void get_class(sqlite3_stmt *row, struct exposed_class *class)
{
	class->name = copy(row, 0);
	class->examples = copy(row, 1);
	class->files = sqlite3_column_int64(row, 2);
	class->files_then = sqlite3_column_int64(row, 3);
	class->mapped = sqlite3_column_int64(row, 4);
	class->read_bytes = sqlite3_column_int64(row, 5);
	class->sent = sqlite3_column_int64(row, 6);
	class->sent_most = sqlite3_column_int64(row, 7);
	class->read_first = copy(row, 8);
	class->read_last = copy(row, 9);
	class->first = copy(row, 10);
	class->last = copy(row, 11);
}

static int add_class(void *context, sqlite3_stmt *row)
{
	struct exposed_route *route = context;
	struct exposed_class *grown = realloc(route->classes, (route->class_count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	route->classes = grown;
	memset(&grown[route->class_count], 0, sizeof(*grown));
	get_class(row, &grown[route->class_count++]);
	return 0;
}

static int add_step(void *context, sqlite3_stmt *row)
{
	struct exposed_route *route = context;
	struct exposed_step *step = &route->steps[route->step_count];

	if (route->step_count == STEPS_MAX)
		return 0;
	route->step_count++;
	step->way = copy(row, 0);
	step->first = copy(row, 1);
	step->last = copy(row, 2);
	step->entity = copy(row, 3);
	step->comm = copy(row, 4);
	step->executable = copy(row, 5);
	step->pid = number(row, 6);
	step->alike = sqlite3_column_int64(row, 7);
	step->sent = sqlite3_column_int64(row, 8);
	step->sent_most = sqlite3_column_int64(row, 9);
	return 0;
}

static char *copy_text(struct text text)
{
	return text.bytes ? strndup(text.bytes, text.len) : NULL;
}

/* A client's port says nothing. */
static void drop_port(char *remote)
{
	char *colon = remote ? strrchr(remote, ':') : NULL;

	if (colon)
		*colon = '\0';
}

static int add_destination(struct report *report, struct exposed_route *route, sqlite3_stmt *row)
{
	struct report_flow flow = {.remote = {(const char *)sqlite3_column_text(row, 17), sqlite3_column_bytes(row, 17)},
		.last = {(const char *)sqlite3_column_text(row, 18), sqlite3_column_bytes(row, 18)}};
	struct text flow_id = {(const char *)sqlite3_column_text(row, 16), sqlite3_column_bytes(row, 16)};
	int err = flow.remote.bytes && flow_id.bytes ? report_name_flow(report, flow_id, &flow) : 0;

	route->remote = copy_text(flow.remote);
	if (sqlite3_column_int(row, 19))
		drop_port(route->remote);
	route->remote_name = copy_text(flow.remote_name);
	route->name_source = copy_text(flow.name_source);
	route->protocol = copy(row, 20);
	return err;
}

static const char routes_sql[] =
	"SELECT " CLASS_COLUMNS ", e.route, e.kind = 'process', e.window_s, f.peer_pid, f.flow_id, f.remote, f.last,"
	" f.direction IS 'ingress' AND f.family LIKE 'inet%', coalesce(f.transport, f.family)"
	" FROM exposure AS e LEFT JOIN flow AS f ON f.id = e.flow WHERE e.class IS NULL"
	" AND (?1 = 0 OR EXISTS (SELECT 1 FROM exposure_step AS s JOIN process AS p ON p.id = s.process WHERE s.route = e.route AND p.pid = ?1)) ORDER BY e.route";
static const char classes_sql[] = "SELECT " CLASS_COLUMNS " FROM exposure AS e WHERE e.route = ?1 AND e.class IS NOT NULL ORDER BY e.id";
static const char steps_sql[] =
	"SELECT s.way, s.first, s.last, p.entity, p.comm, p.executable, p.pid,"
	" CASE WHEN s.process = s.node AND (SELECT count(*) FROM process AS q WHERE q.executable IS p.executable AND q.comm IS p.comm) < 5 THEN 1"
	"  ELSE (SELECT count(*) FROM process AS q WHERE q.executable IS p.executable AND q.comm IS p.comm) END, s.sent_bytes, s.sent_most"
	" FROM exposure_step AS s JOIN process AS p ON p.id = s.process WHERE s.route = ?1 ORDER BY s.position";

struct gather {
	struct report *report;
	struct exposures *exposures;
};

static int add_route(void *context, sqlite3_stmt *row)
{
	struct gather *gather = context;
	struct exposed_route *route = GROW(gather->exposures, route);
	int err;

	if (!route)
		return -ENOMEM;
	get_class(row, &route->all);
	route->id = sqlite3_column_int64(row, 12);
	route->outside = sqlite3_column_int(row, 13);
	route->window_s = sqlite3_column_double(row, 14);
	route->peer_pid = number(row, 15);
	err = add_destination(gather->report, route, row);
	if (!err)
		err = walk(gather->report, classes_sql, route->id, add_class, route);
	return err ? err : walk(gather->report, steps_sql, route->id, add_step, route);
}

static int add_handover(void *context, sqlite3_stmt *row)
{
	struct exposed_handover *handover = GROW(((struct gather *)context)->exposures, handover);

	if (!handover)
		return -ENOMEM;
	handover->way = copy(row, 0);
	handover->giver = copy(row, 1);
	handover->giver_pid = number(row, 2);
	handover->giver_known = number(row, 3) > 0;
	handover->receiver = copy(row, 4);
	handover->receiver_pid = number(row, 5);
	handover->receiver_known = number(row, 6) > 0;
	handover->object = copy(row, 7);
	handover->times = sqlite3_column_int64(row, 8);
	handover->files = number(row, 9);
	handover->given = number(row, 10);
	handover->taken = number(row, 11);
	handover->first = copy(row, 12);
	handover->last = copy(row, 13);
	handover->givers = number(row, 14);
	handover->receivers = number(row, 15);
	return 0;
}

static int add_moved(void *context, sqlite3_stmt *row)
{
	struct gather *gather = context;
	struct exposed_moved *moved = grow((void **)&gather->exposures->moved, &gather->exposures->moved_count, &gather->exposures->moved_size, sizeof(*moved));
	struct report_flow flow = {.remote = {(const char *)sqlite3_column_text(row, 5), sqlite3_column_bytes(row, 5)},
		.last = {(const char *)sqlite3_column_text(row, 11), sqlite3_column_bytes(row, 11)}};
	struct text flow_id = {(const char *)sqlite3_column_text(row, 6), sqlite3_column_bytes(row, 6)};
	int err;

	if (!moved)
		return -ENOMEM;
	moved->entity = copy(row, 0);
	moved->comm = copy(row, 1);
	moved->pid = number(row, 2);
	moved->path = copy(row, 3);
	moved->class = copy(row, 4);
	moved->remote = copy(row, 5);
	moved->way = copy(row, 7);
	moved->calls = sqlite3_column_int64(row, 8);
	moved->bytes = sqlite3_column_int64(row, 9);
	moved->first = copy(row, 10);
	moved->last = copy(row, 11);
	moved->at_most = sqlite3_column_int(row, 12);
	moved->peer_pid = number(row, 13);
	err = flow.remote.bytes && flow_id.bytes ? report_name_flow(gather->report, flow_id, &flow) : 0;
	moved->remote_name = copy_text(flow.remote_name);
	return err;
}

static const char moved_sql[] = "SELECT p.entity, p.comm, p.pid, m.path, m.class, m.remote, m.flow_id, m.way, m.calls, m.bytes, m.first, m.last, m.at_most, m.peer_pid"
				" FROM moved AS m JOIN process AS p ON p.id = m.process WHERE ?1 = 0 OR p.pid = ?1 ORDER BY m.at_most, m.bytes DESC";

static int add_cut(void *context, sqlite3_stmt *row)
{
	char **cut = GROW(((struct gather *)context)->exposures, cut);

	if (cut)
		*cut = copy(row, 0);
	return cut ? 0 : -ENOMEM;
}

static const char handovers_sql[] =
	"SELECT way, giver_name, giver_pid, giver, receiver_name, receiver_pid, receiver, object, times, files, "
	"given_bytes, taken_bytes, first, last, givers, receivers"
	" FROM handover WHERE ?1 = 0 OR giver_pid = ?1 OR receiver_pid = ?1 OR (giver_pid IS NULL AND giver_name = "
	"(SELECT comm FROM process WHERE pid = ?1))"
	"  OR (receiver_pid IS NULL AND receiver_name = (SELECT comm FROM process WHERE pid = ?1)) ORDER BY first, id";

static size_t rank_of(const struct exposed_route *route)
{
	size_t i;

	for (i = 0; route->class_count && class_name(i); i++)
		if (!strcmp(class_name(i), route->classes[0].name))
			return i;
	return SIZE_MAX;
}

/* The first class in the order of reports, as it is stored; then what most was sent of. */
static int by_weight(const void *a, const void *b)
{
	const struct exposed_route *left = a, *right = b;
	size_t left_rank = rank_of(left), right_rank = rank_of(right);

	if (left_rank != right_rank)
		return left_rank < right_rank ? -1 : 1;
	if (left->outside != right->outside)
		return left->outside - right->outside;
	if (left->all.sent_most != right->all.sent_most)
		return left->all.sent_most > right->all.sent_most ? -1 : 1;
	return left->id < right->id ? -1 : 1;
}

int exposures_gather(struct report *report, struct exposures *ret_exposures)
{
	struct exposures exposures = {.window_s = EXPOSURE_WINDOW_MS / 1e3};
	struct gather gather = {report, &exposures};
	int err = walk(report, routes_sql, report->options.pid, add_route, &gather);

	if (!err)
		err = walk(report, handovers_sql, report->options.pid, add_handover, &gather);
	if (!err)
		err = walk(report, moved_sql, report->options.pid, add_moved, &gather);
	if (!err)
		err = walk(report, "SELECT what FROM exposure_cut", 0, add_cut, &gather);
	if (err) {
		exposures_done(&exposures);
		return err;
	}
	if (report->options.window_ms)
		exposures.window_s = report->options.window_ms / 1e3;
	if (exposures.route_count)
		qsort(exposures.routes, exposures.route_count, sizeof(*exposures.routes), by_weight);
	*ret_exposures = exposures;
	return 0;
}

static void free_class(struct exposed_class *class)
{
	free(class->name);
	free(class->examples);
	free(class->read_first);
	free(class->read_last);
	free(class->first);
	free(class->last);
}

static void free_route(struct exposed_route *route)
{
	size_t i;

	free_class(&route->all);
	for (i = 0; i < route->class_count; i++)
		free_class(&route->classes[i]);
	free(route->classes);
	for (i = 0; i < route->step_count; i++) {
		free(route->steps[i].way);
		free(route->steps[i].first);
		free(route->steps[i].last);
		free(route->steps[i].entity);
		free(route->steps[i].comm);
		free(route->steps[i].executable);
	}
	free(route->remote);
	free(route->remote_name);
	free(route->name_source);
	free(route->protocol);
}

static void free_handover(struct exposed_handover *handover)
{
	free(handover->way);
	free(handover->giver);
	free(handover->receiver);
	free(handover->object);
	free(handover->first);
	free(handover->last);
}

static void free_moved(struct exposed_moved *moved)
{
	free(moved->entity);
	free(moved->comm);
	free(moved->path);
	free(moved->class);
	free(moved->remote);
	free(moved->remote_name);
	free(moved->way);
	free(moved->first);
	free(moved->last);
}

void exposures_done(struct exposures *exposures)
{
	size_t i;

	for (i = 0; i < exposures->route_count; i++)
		free_route(&exposures->routes[i]);
	for (i = 0; i < exposures->handover_count; i++)
		free_handover(&exposures->handovers[i]);
	for (i = 0; i < exposures->moved_count; i++)
		free_moved(&exposures->moved[i]);
	for (i = 0; i < exposures->cut_count; i++)
		free(exposures->cuts[i]);
	free(exposures->routes);
	free(exposures->handovers);
	free(exposures->moved);
	free(exposures->cuts);
	memset(exposures, 0, sizeof(*exposures));
}
