/* SPDX-License-Identifier: BSD-2-Clause */
#include "diff.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyse.h"
#include "catalog/class.h"
#include "index.h"
#include "terminal.h"

#define TOP_DEFAULT 20
#define ITEMS_MAX 2000000

const char *const diff_names[DIFF_PARTS] = {
	[DIFF_PROGRAMS] = "programs", [DIFF_FILES] = "files", [DIFF_REFUSED] = "refused", [DIFF_PLACES] = "destinations",
	[DIFF_EXPOSURE] = "exposure", [DIFF_ACTIONS] = "actions"};
const char *const diff_titles[DIFF_PARTS] = {
	[DIFF_PROGRAMS] = "Programs", [DIFF_FILES] = "Files", [DIFF_REFUSED] = "Paths refused", [DIFF_PLACES] = "Destinations",
	[DIFF_EXPOSURE] = "Read, then sent", [DIFF_ACTIONS] = "Actions"};

#define PLACE "place_of(f.remote, f.direction, (SELECT n.name FROM name AS n WHERE n.address = address_of(f.remote) ORDER BY n.id DESC LIMIT 1))"

/* Key, class, bytes, how often; by key, so that two cases are walked side by side. A number of a process is never the same twice. */
static const char *const sql[DIFF_PARTS] = {
	[DIFF_PROGRAMS] = "SELECT executable, NULL, 0, count(*) FROM image WHERE executable IS NOT NULL AND event IS NOT 'fork' GROUP BY 1 ORDER BY 1",
	[DIFF_FILES] = "SELECT steady_path(f.path), f.class, capped_sum(t.read_bytes), count(*) FROM total AS t JOIN file AS f ON f.id = t.file"
		       " WHERE f.path IS NOT NULL AND NOT " LOOKED_AT " AND (f.type IS NULL OR f.type NOT IN ('pipe', 'memfd')) GROUP BY 1 ORDER BY 1",
	[DIFF_REFUSED] = "SELECT steady_path(path), path_class(path), 0, capped_sum(failed) FROM access WHERE file IS NULL AND failed AND path IS NOT NULL GROUP BY 1 "
			 "ORDER BY 1",
	[DIFF_PLACES] = "SELECT " PLACE ","
			" NULL, capped_sum(sent_bytes), count(*) FROM flow AS f WHERE family IN ('inet', 'inet6') AND remote IS NOT NULL GROUP BY 1 ORDER BY 1",
	[DIFF_EXPOSURE] = "SELECT 'read ' || x.class || CASE x.kind WHEN 'process' THEN ', then handed to a process that was not recorded' || coalesce(' at ' || f.remote, '')"
			  " ELSE coalesce(', then sent to ' || " PLACE ", ', then sent to an address that is not known') END,"
			  " x.class, capped_sum(x.sent_most), count(*) FROM exposure AS x LEFT JOIN flow AS f ON f.id = x.flow WHERE x.class IS NOT NULL GROUP BY 1 ORDER BY 1",
	[DIFF_ACTIONS] = "SELECT kind || coalesce(' ' || nullif(steady_path(path), ''), '') || CASE WHEN errno IS NULL THEN '' ELSE ' (refused: ' || errno || ')' END,"
			 " path_class(path), 0, count(*) FROM action WHERE kind IS NOT NULL GROUP BY 1 ORDER BY 1",
};

/* /proc/4242/maps is /proc/PID/maps. */
static void steady_path(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *path = (const char *)sqlite3_value_text(values[0]), *rest;

	(void)count;
	if (path && !strncmp(path, "/proc/", 6) && isdigit((unsigned char)path[6])) {
		for (rest = path + 6; isdigit((unsigned char)*rest); rest++)
			;
		if (!*rest || *rest == '/') {
			sqlite3_result_text(context, sqlite3_mprintf("/proc/PID%s", rest), -1, sqlite3_free);
			return;
		}
	}
	sqlite3_result_value(context, values[0]);
}

static const char *port_of(const char *remote)
{
	const char *colon = strrchr(remote, ':');

	return colon ? colon : remote + strlen(remote);
}

/* 203.0.113.7:443 and [2001:db8::1]:443 */
static void address_of(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *remote = (const char *)sqlite3_value_text(values[0]), *end;

	(void)count;
	if (!remote)
		return;
	end = port_of(remote);
	if (*remote == '[' && end > remote + 1 && end[-1] == ']')
		sqlite3_result_text(context, remote + 1, end - remote - 2, SQLITE_TRANSIENT);
	else
		sqlite3_result_text(context, remote, end - remote, SQLITE_TRANSIENT);
}

/* A name stays when the address behind it changes; the port of who came to us is chance. */
static void place_of(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *remote = (const char *)sqlite3_value_text(values[0]), *direction = (const char *)sqlite3_value_text(values[1]),
		   *name = (const char *)sqlite3_value_text(values[2]);
	bool in = direction && !strcmp(direction, "ingress");
	char *text;

	(void)count;
	if (!remote)
		return;
	text = name ? sqlite3_mprintf("%s%s%s", in ? "from " : "", name, in ? "" : port_of(remote))
		    : sqlite3_mprintf("%s%.*s", in ? "from " : "", in ? (int)(port_of(remote) - remote) : (int)strlen(remote), remote);
	sqlite3_result_text(context, text, -1, sqlite3_free);
}

static int add_item(struct diff_items *items, sqlite3_stmt *row)
{
	const char *class = (const char *)sqlite3_column_text(row, 1), *name;
	struct diff_item *item;
	size_t i, size = items->size ? 2 * items->size : 64;

	if (items->count == ITEMS_MAX)
		return -EFBIG;
	if (items->count == items->size) {
		item = realloc(items->items, size * sizeof(*item));
		if (!item)
			return -ENOMEM;
		items->items = item;
		items->size = size;
	}
	item = &items->items[items->count];
	*item = (struct diff_item){.key = strdup((const char *)sqlite3_column_text(row, 0)), .bytes = sqlite3_column_int64(row, 2),
		.count = sqlite3_column_int64(row, 3)};
	if (!item->key)
		return -ENOMEM;
	for (i = 0; class && (name = class_name(i)); i++)
		if (!strcmp(class, name))
			item->class = name;
	items->count++;
	return 0;
}

static int step(sqlite3_stmt *row)
{
	int got = sqlite3_step(row);

	return got == SQLITE_ROW ? 1 : got == SQLITE_DONE ? 0 : -EIO;
}

/* Before the other's key (below 0), the same (0), or behind it. One that is at its end is behind all. */
static int compare(sqlite3_stmt *const rows[2], const int got[2])
{
	if (!got[0] || !got[1])
		return got[0] ? -1 : 1;
	return strcmp((const char *)sqlite3_column_text(rows[0], 0), (const char *)sqlite3_column_text(rows[1], 0));
}

static int walk(struct diff *diff, enum diff_part part, sqlite3_stmt *const rows[2])
{
	int got[2] = {step(rows[0]), step(rows[1])}, order, err = 0;

	while (!err && (got[0] > 0 || got[1] > 0)) {
		if (got[0] < 0 || got[1] < 0)
			return -EIO;
		order = compare(rows, got);
		if (order < 0)
			err = add_item(&diff->sides[0].only[part], rows[0]);
		else if (order > 0)
			err = add_item(&diff->sides[1].only[part], rows[1]);
		if (order <= 0)
			got[0] = step(rows[0]);
		if (order >= 0)
			got[1] = step(rows[1]);
	}
	return err ? err : got[0] < 0 ? got[0] : got[1];
}

static int rank(const char *class)
{
	const char *name;
	int i;

	for (i = 0; class && (name = class_name(i)) && name != class; i++)
		;
	return class ? i + (class_ordinary(class) ? 1000 : 0) : 0;
}

#define ORDER(a, b) (((a) < (b)) - ((a) > (b)))

static int by_class(const void *a, const void *b)
{
	const struct diff_item *left = a, *right = b;
	int order = rank(left->class) - rank(right->class);

	if (!order)
		order = ORDER(left->bytes, right->bytes);
	return order ? order : strcmp(left->key, right->key);
}

static int compare_part(struct diff *diff, enum diff_part part)
{
	sqlite3_stmt *rows[2] = {NULL, NULL};
	int err = 0, i;

	for (i = 0; i < 2; i++)
		if (sqlite3_prepare_v2(diff->sides[i].db, sql[part], -1, &rows[i], NULL) != SQLITE_OK)
			err = -EIO;
	if (!err)
		err = walk(diff, part, rows);
	for (i = 0; i < 2; i++) {
		sqlite3_finalize(rows[i]);
		if (diff->sides[i].only[part].count)
			qsort(diff->sides[i].only[part].items, diff->sides[i].only[part].count, sizeof(struct diff_item), by_class);
	}
	return err;
}

static int prepare_side(struct diff_side *side)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
	struct report_options options = {0};
	int err = report_init(&side->report, side->db, &options);

	if (!err && (sqlite3_create_function(side->db, "steady_path", 1, flags, NULL, steady_path, NULL, NULL) != SQLITE_OK ||
			    sqlite3_create_function(side->db, "address_of", 1, flags, NULL, address_of, NULL, NULL) != SQLITE_OK ||
			    sqlite3_create_function(side->db, "place_of", 3, flags, NULL, place_of, NULL, NULL) != SQLITE_OK))
		err = -ENOMEM;
	if (!err)
		err = findings_gather(&side->report, &side->findings);
	side->ready = !err;
	return err ? err : report_session(&side->report, &side->session);
}

static int compare_cases(struct diff *diff)
{
	enum diff_part part;
	int err = prepare_side(&diff->sides[0]);

	if (!err)
		err = prepare_side(&diff->sides[1]);
	for (part = 0; !err && part < DIFF_PARTS; part++)
		err = compare_part(diff, part);
	return err;
}

static void close_side(struct diff_side *side)
{
	size_t part, i;

	for (part = 0; part < DIFF_PARTS; part++) {
		for (i = 0; i < side->only[part].count; i++)
			free(side->only[part].items[i].key);
		free(side->only[part].items);
	}
	if (side->ready)
		findings_done(&side->findings);
	report_done(&side->report);
	sqlite3_close(side->db);
}

static const struct {
	const char *name;
	diff_writer *write;
} formats[] = {{"text", diff_text}, {"json", diff_json}, {"html", diff_html}};

struct arguments {
	struct diff *diff;
	const char *output;
	size_t format; /* row */
	struct open_options open;
};

enum { OPTION_TOP = 256, OPTION_ALL, OPTION_FORCE };

static const struct option options[] = {
	{"format", required_argument, NULL, 'f'},
	{"output", required_argument, NULL, 'o'},
	{"top", required_argument, NULL, OPTION_TOP},
	{"all", no_argument, NULL, OPTION_ALL},
	{"force", no_argument, NULL, OPTION_FORCE},
	{"help", no_argument, NULL, 'h'},
	{NULL},
};

static int parse_option(const struct command *command, void *context, int option)
{
	struct arguments *arguments = context;

	switch (option) {
	case 'f':
		return PARSE_NAME(command, "format", formats, &arguments->format);
	case 'o':
		arguments->output = optarg;
		return GO_ON;
	case OPTION_TOP:
		return parse_number(command, "--top", &arguments->diff->top);
	case OPTION_ALL:
		arguments->diff->all = true;
		return GO_ON;
	default:
		arguments->open.force = true;
		return GO_ON;
	}
}

static int parse_arguments(const struct command *command, int argc, char **argv, struct arguments *arguments)
{
	struct diff *diff = arguments->diff;
	int status = parse_options(command, argc, argv, options, parse_option, arguments);

	if (status != GO_ON)
		return status;
	if (optind != argc - 2)
		return misused(command, "two cases are needed");
	diff->sides[0].case_path = argv[optind];
	diff->sides[1].case_path = argv[optind + 1];
	return GO_ON;
}

static int write_diff(struct diff *diff, const struct arguments *arguments)
{
	int err = compare_cases(diff), status, closed;
	FILE *out;

	if (err)
		return complain("cannot compare %s and %s: %s", diff->sides[0].case_path, diff->sides[1].case_path, strerror(-err));
	status = open_output(arguments->output, &out);
	if (status)
		return status;
	diff->color = terminal_has_color(out);
	err = formats[arguments->format].write(diff, out);
	if (err && !ferror(out))
		status = complain("cannot compare the cases: %s", strerror(-err));
	closed = close_output(arguments->output, out);
	return status ? status : closed;
}

int command_diff(const struct command *command, int argc, char **argv)
{
	struct diff diff = {.top = TOP_DEFAULT};
	struct arguments arguments = {.diff = &diff};
	int status = parse_arguments(command, argc, argv, &arguments), i;
	struct index_problems problems;

	if (status != GO_ON)
		return status;
	for (status = 0, i = 0; !status && i < 2; i++)
		status = open_case_with(diff.sides[i].case_path, &arguments.open, &diff.sides[i].db, &problems);
	if (status && i == 2)
		diff.sides[1].db = NULL;
	else if (status)
		diff.sides[0].db = NULL;
	if (!status)
		status = write_diff(&diff, &arguments);
	close_side(&diff.sides[0]);
	close_side(&diff.sides[1]);
	return status;
}
