/* SPDX-License-Identifier: BSD-2-Clause */
#include "findings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"

/* What some rules look for is found while the files are summed up. */
enum mark { MARK_NONE, MARK_HANDED, MARK_CHANGED, MARK_RUN, MARKS };

struct gather {
	struct report *report;
	struct findings *findings;
	struct {
		int64_t count;
		char *example;
	} marked[MARKS];
};

#define OF_PROCESS "(?1 = 0 OR process IN (SELECT id FROM process WHERE pid = ?1))"

/* Sums by file are made here and not by GROUP BY: that would sort a row for each process and file. */
static const char sums_sql[] = "SELECT file, read_bytes, reads, maps, writes, how FROM total WHERE " OF_PROCESS;
static const char files_sql[] = "SELECT id, class, path, type FROM file";

enum { WAS_READ = 1, WAS_MAPPED = 2, WAS_WRITTEN = 4, WAS_HANDED = 8, WAS_RUN = 16 };

struct sums {
	uint64_t *bytes; /* by the number of the file */
	uint8_t *flags;
	int64_t count;
};

/* Each gives a count and an example. What is listed here is no accusation: it is what a reader would want to be told. */
static const struct {
	const char *what;
	const char *sql; /* NULL: by mark */
	enum mark mark;
} rules[] = {
	{"acted on the recording itself",
		"SELECT count(*), min(kind) FROM action WHERE detail LIKE '%\"target\":\"sensor\"%' AND " OF_PROCESS},
	{"reached into the memory or descriptors of other processes",
		"SELECT count(*), min(kind) FROM action WHERE kind IN ('ptrace', 'process_vm_readv', 'process_vm_writev', 'pidfd_getfd') AND " OF_PROCESS},
	{"loaded code into the kernel, or replaced it",
		"SELECT count(*), min(kind) FROM action WHERE kind IN ('init_module', 'delete_module', 'kexec_load', 'kexec_file_load', 'bpf')"
		" AND outcome IS NOT 'failure' AND " OF_PROCESS},
	{"took network packets past the socket layer",
		"SELECT count(DISTINCT flow_id), min(remote) FROM flow WHERE family = 'packet' AND " OF_PROCESS},
	{"asked to be told of what other processes do with files, or runs",
		"SELECT count(*), min(coalesce(path, kind)) FROM action WHERE kind IN ('fanotify_mark', 'perf_event_open')"
		" AND outcome IS NOT 'failure' AND " OF_PROCESS},
	{"read files that came to it already open (fanotify, another process)", NULL, MARK_HANDED},
	{"changed mounts or namespaces",
		"SELECT count(*), min(coalesce(path, kind)) FROM action WHERE kind IN ('mount', 'umount', 'pivot_root', 'move_mount', 'open_tree',"
		" 'fsmount', 'mount_setattr', 'setns', 'unshare') AND outcome IS NOT 'failure' AND " OF_PROCESS},
	{"was refused what holds secrets",
		"SELECT count(DISTINCT path), min(path) FROM access WHERE file IS NULL AND failed > 0 AND errno IN ('EACCES', 'EPERM')"
		" AND path_class(path) IN ('credentials', 'tokens', 'mail', 'browser', 'devices') AND " OF_PROCESS},
	{"wrote to files that are neither its own nor temporary nor logs", NULL, MARK_CHANGED},
	{"removed or renamed files that are not temporary",
		"SELECT count(*), min(path) FROM action WHERE kind IN ('unlink', 'rename', 'rmdir') AND outcome IS NOT 'failure'"
		" AND path_class(path) <> 'temporary' AND " OF_PROCESS},
	{"ran programs out of temporary directories", NULL, MARK_RUN},
};

#define RULES (sizeof(rules) / sizeof(rules[0]))

const char *findings_looked_for(size_t i)
{
	return i < RULES ? rules[i].what : NULL;
}

static sqlite3_stmt *prepare(struct report *report, const char *sql)
{
	sqlite3_stmt *row;

	if (sqlite3_prepare_v2(report->db, sql, -1, &row, NULL) != SQLITE_OK)
		return NULL;
	if (sqlite3_bind_parameter_count(row))
		sqlite3_bind_int64(row, 1, report->options.pid);
	return row;
}

static char *copy_column(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return text ? strdup(text) : NULL;
}

/* An error of SQLite's, or the end. */
static int finish(sqlite3_stmt *row, int err)
{
	if (sqlite3_finalize(row) != SQLITE_OK && !err)
		err = -EIO;
	return err;
}

static void init_classes(struct findings *findings)
{
	size_t pass, i;

	/* What is ordinary comes last. */
	for (pass = 0; pass < 2; pass++)
		for (i = 0; class_name(i) && findings->class_count < FINDING_CLASSES; i++)
			if (class_ordinary(class_name(i)) == !!pass)
				findings->classes[findings->class_count++] =
					(struct finding_class){.name = class_name(i), .title = class_title(class_name(i)), .ordinary = pass};
}

static struct finding_class *find_class(struct findings *findings, const char *name)
{
	size_t i;

	for (i = 0; i < findings->class_count; i++)
		if (name && !strcmp(findings->classes[i].name, name))
			return &findings->classes[i];
	for (i = 0; strcmp(findings->classes[i].name, "other"); i++)
		;
	return &findings->classes[i];
}

/* Those of which most was read, without sorting all. */
static void keep_example(struct finding_class *class, const char *path, uint64_t bytes)
{
	size_t at = FINDING_EXAMPLES;

	if (!path)
		return;
	while (at && (!class->examples[at - 1] || class->example_bytes[at - 1] < bytes ||
			     (class->example_bytes[at - 1] == bytes && strcmp(class->examples[at - 1], path) > 0)))
		at--;
	if (at == FINDING_EXAMPLES)
		return;
	free(class->examples[FINDING_EXAMPLES - 1]);
	memmove(&class->examples[at + 1], &class->examples[at], (FINDING_EXAMPLES - 1 - at) * sizeof(class->examples[0]));
	memmove(&class->example_bytes[at + 1], &class->example_bytes[at], (FINDING_EXAMPLES - 1 - at) * sizeof(class->example_bytes[0]));
	class->examples[at] = strdup(path);
	class->example_bytes[at] = bytes;
}

static void add_reached(struct findings *findings, sqlite3_stmt *row, uint64_t bytes, unsigned flags)
{
	struct finding_class *class = find_class(findings, (const char *)sqlite3_column_text(row, 1));

	class->changed += !!(flags & WAS_WRITTEN);
	if (!(flags & (WAS_READ | WAS_MAPPED)))
		return;
	if (!class->examples[FINDING_EXAMPLES - 1] || bytes >= class->example_bytes[FINDING_EXAMPLES - 1])
		keep_example(class, (const char *)sqlite3_column_text(row, 2), bytes);
	class->files++;
	class->mapped += !(flags & WAS_READ);
	if (__builtin_add_overflow(class->read_bytes, bytes, &class->read_bytes))
		class->read_bytes = UINT64_MAX;
}

static bool is_one(const char *text, const char *const *names)
{
	for (; text && *names; names++)
		if (!strcmp(text, *names))
			return true;
	return false;
}

static void add_mark(struct gather *gather, enum mark mark, const char *path)
{
	char **example = &gather->marked[mark].example;

	gather->marked[mark].count++;
	if (!path || (*example && strcmp(*example, path) <= 0))
		return;
	free(*example);
	*example = strdup(path);
}

static void mark_file(struct gather *gather, sqlite3_stmt *row, unsigned flags)
{
	static const char *const usual[] = {"own", "temporary", "logs", NULL};
	const char *class = (const char *)sqlite3_column_text(row, 1), *path = (const char *)sqlite3_column_text(row, 2);
	const char *type = (const char *)sqlite3_column_text(row, 3);

	if (flags & WAS_HANDED)
		add_mark(gather, MARK_HANDED, path);
	if (flags & WAS_WRITTEN && class && type && !strcmp(type, "file") && !is_one(class, usual))
		add_mark(gather, MARK_CHANGED, path);
	if (flags & WAS_RUN && class && !strcmp(class, "temporary"))
		add_mark(gather, MARK_RUN, path);
}

static unsigned flags_of(sqlite3_stmt *row)
{
	const unsigned handed = 1u << HOW_FANOTIFY | 1u << HOW_RECEIVED | 1u << HOW_PIDFD;
	unsigned how = report_how_of((struct text){sqlite3_column_blob(row, 5), sqlite3_column_bytes(row, 5)}), flags = 0;

	if (sqlite3_column_int64(row, 2) > 0)
		flags |= WAS_READ;
	if (sqlite3_column_int64(row, 3) > 0)
		flags |= WAS_MAPPED;
	if (sqlite3_column_int64(row, 4) > 0)
		flags |= WAS_WRITTEN;
	if (how & handed && flags & (WAS_READ | WAS_MAPPED))
		flags |= WAS_HANDED;
	return how & 1u << HOW_EXECUTED ? flags | WAS_RUN : flags;
}

static int sum_files(struct gather *gather, struct sums *sums)
{
	sqlite3_stmt *row = prepare(gather->report, "SELECT coalesce(max(id), 0) + 1 FROM file");

	if (!row || sqlite3_step(row) != SQLITE_ROW)
		return finish(row, -EIO);
	sums->count = sqlite3_column_int64(row, 0);
	finish(row, 0);
	sums->bytes = calloc(sums->count, sizeof(*sums->bytes));
	sums->flags = calloc(sums->count, sizeof(*sums->flags));
	row = prepare(gather->report, sums_sql);
	if (!sums->bytes || !sums->flags || !row)
		return finish(row, row ? -ENOMEM : -EIO);
	while (sqlite3_step(row) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(row, 0);

		if (id < 0 || id >= sums->count)
			continue;
		if (__builtin_add_overflow(sums->bytes[id], (uint64_t)sqlite3_column_int64(row, 1), &sums->bytes[id]))
			sums->bytes[id] = UINT64_MAX;
		sums->flags[id] |= flags_of(row);
	}
	return finish(row, 0);
}

static int gather_classes(struct gather *gather)
{
	static const char *const without_content[] = {
		"dir", "pipe", "memfd", "other", NULL}; /* other: sockets, the kernel's own descriptors */
	struct sums sums = {0};
	sqlite3_stmt *row;
	int err = sum_files(gather, &sums);

	init_classes(gather->findings);
	row = err ? NULL : prepare(gather->report, files_sql);
	if (!err && !row)
		err = -EIO;
	while (!err && sqlite3_step(row) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(row, 0);

		if (id < 0 || id >= sums.count || !sums.flags[id])
			continue;
		mark_file(gather, row, sums.flags[id]);
		if (!is_one((const char *)sqlite3_column_text(row, 3), without_content))
			add_reached(gather->findings, row, sums.bytes[id], sums.flags[id]);
	}
	free(sums.bytes);
	free(sums.flags);
	return row ? finish(row, err) : err;
}

static int apply_rule(struct gather *gather, const char *sql, enum mark mark)
{
	sqlite3_stmt *row = sql ? prepare(gather->report, sql) : NULL;

	if (!sql)
		return 0;
	if (!row)
		return -EIO;
	if (sqlite3_step(row) == SQLITE_ROW) {
		gather->marked[mark].count = sqlite3_column_int64(row, 0);
		gather->marked[mark].example = copy_column(row, 1);
	}
	return finish(row, 0);
}

static int gather_unusual(struct gather *gather)
{
	struct findings *findings = gather->findings;
	size_t i;
	int err = 0;

	findings->unusual = calloc(RULES, sizeof(*findings->unusual));
	if (!findings->unusual)
		return -ENOMEM;
	for (i = 0; !err && i < RULES; i++) {
		enum mark mark = rules[i].mark;

		err = apply_rule(gather, rules[i].sql, mark);
		if (!err && gather->marked[mark].count > 0)
			findings->unusual[findings->unusual_count++] = (struct finding_unusual){
				.what = rules[i].what,
				.count = gather->marked[mark].count,
				.example = gather->marked[mark].example,
			};
		else
			free(gather->marked[mark].example);
		gather->marked[mark].example = NULL;
		gather->marked[mark].count = 0;
	}
	return err;
}

static int gather_products(struct gather *gather)
{
	struct findings *findings = gather->findings;
	sqlite3_stmt *row = prepare(gather->report, "SELECT name, version, source, program FROM product ORDER BY source, id LIMIT 64");

	findings->products = calloc(64, sizeof(*findings->products));
	if (!row || !findings->products)
		return finish(row, row ? -ENOMEM : -EIO);
	while (sqlite3_step(row) == SQLITE_ROW)
		findings->products[findings->product_count++] = (struct finding_product){
			copy_column(row, 0), copy_column(row, 1), copy_column(row, 2), copy_column(row, 3)};
	return finish(row, 0);
}

/* ---- places ---- */

static bool text_is(struct text text, const char *value)
{
	return text.bytes && text.len == strlen(value) && !memcmp(text.bytes, value, text.len);
}

static bool is_local(const char *remote)
{
	return !strncmp(remote, "127.", 4) || !strncmp(remote, "[::1]", 5) || !strncmp(remote, "::1", 3) || !strncmp(remote, "[::ffff:127.", 12);
}

static struct finding_place *new_place(struct findings *findings)
{
	size_t size = findings->place_size ? findings->place_size * 2 : 64;
	struct finding_place *grown;

	if (findings->place_count == findings->place_size) {
		grown = realloc(findings->places, size * sizeof(*grown));
		if (!grown)
			return NULL;
		findings->places = grown;
		findings->place_size = size;
	}
	memset(&findings->places[findings->place_count], 0, sizeof(*findings->places));
	return &findings->places[findings->place_count++];
}

static int add_place(struct findings *findings, const struct report_flow *flow)
{
	struct finding_place *place = new_place(findings);
	bool in = text_is(flow->direction, "ingress");
	struct text protocol = flow->transport.bytes ? flow->transport : flow->family;
	char *colon;

	if (!place)
		return -ENOMEM;
	place->remote = strndup(flow->remote.bytes, flow->remote.len);
	place->protocol = strndup(protocol.bytes ? protocol.bytes : "", protocol.len);
	place->name = flow->remote_name.bytes ? strndup(flow->remote_name.bytes, flow->remote_name.len) : NULL;
	if (!place->remote || !place->protocol)
		return -ENOMEM;
	colon = in ? strrchr(place->remote, ':') : NULL;
	if (colon)
		*colon = '\0';
	place->out = !in;
	place->local = is_local(place->remote);
	place->inet = flow->family.len >= 4 && !memcmp(flow->family.bytes, "inet", 4);
	place->proxied = flow->proxied;
	place->where = flow->place;
	place->flows = 1;
	place->sent_bytes = flow->sent_bytes;
	place->received_bytes = flow->received_bytes;
	place->failed = flow->failed;
	return 0;
}

static struct text column_text(sqlite3_stmt *row, int column)
{
	struct text text = {.bytes = (const char *)sqlite3_column_text(row, column)};

	text.len = sqlite3_column_bytes(row, column);
	return text;
}

/* The name of a place is that of one of its connections. */
static int take_place(struct gather *gather, sqlite3_stmt *row)
{
	struct report_flow flow = {.family = column_text(row, 9), .transport = column_text(row, 0), .direction = column_text(row, 1), .remote = column_text(row, 2),
		.last = column_text(row, 3), .sent_bytes = sqlite3_column_int64(row, 5), .received_bytes = sqlite3_column_int64(row, 6),
		.failed = sqlite3_column_int64(row, 7)};
	int err = report_name_flow(gather->report, column_text(row, 4), &flow);

	if (!err)
		err = add_place(gather->findings, &flow);
	if (!err)
		gather->findings->places[gather->findings->place_count - 1].flows = sqlite3_column_int64(row, 8);
	return err;
}

static int gather_places(struct gather *gather)
{
	sqlite3_stmt *row = prepare(gather->report,
		"SELECT coalesce(transport, family), direction, remote, max(last), max(flow_id), capped_sum(sent_bytes), capped_sum(received_bytes),"
		" capped_sum(failed), count(DISTINCT flow_id), family, (SELECT name FROM name WHERE name.flow_id = flow.flow_id AND source IS NOT 'dns'"
		" ORDER BY source = 'sni' DESC, id DESC LIMIT 1) AS told"
		" FROM flow WHERE family IN ('inet', 'inet6', 'vsock') AND remote IS NOT NULL AND " OF_PROCESS " GROUP BY 1, 2, 3, told");
	int err = row ? 0 : -EIO;

	while (!err && sqlite3_step(row) == SQLITE_ROW)
		err = take_place(gather, row);
	return row ? finish(row, err) : err;
}

static int gather_counts(struct gather *gather)
{
	struct findings *findings = gather->findings;
	sqlite3_stmt *row = prepare(gather->report,
		"SELECT count(DISTINCT flow_id), capped_sum(sent_bytes) + capped_sum(received_bytes), (SELECT count(*) FROM process WHERE ?1 = 0 OR pid = ?1)"
		" FROM flow WHERE family = 'unix' AND " OF_PROCESS);

	if (!row)
		return -EIO;
	if (sqlite3_step(row) == SQLITE_ROW) {
		findings->unix_flows = sqlite3_column_int64(row, 0);
		findings->unix_bytes = sqlite3_column_int64(row, 1);
		findings->process_count = sqlite3_column_int64(row, 2);
	}
	return finish(row, 0);
}

static void free_place(struct finding_place *place)
{
	free(place->remote);
	free(place->name);
	free(place->protocol);
}

static int by_remote(const void *a, const void *b)
{
	const struct finding_place *left = a, *right = b;
	int order = left->out - right->out;

	if (!order)
		order = strcmp(left->remote, right->remote);
	if (!order)
		order = strcmp(left->protocol, right->protocol);
	return order ? order : strcmp(left->name ? left->name : "", right->name ? right->name : "");
}

#define ORDER(a, b) (((a) < (b)) - ((a) > (b)))

/* What left the machine first. */
static int by_bytes(const void *a, const void *b)
{
	const struct finding_place *left = a, *right = b;
	int order = left->local - right->local;

	if (!order)
		order = ORDER(left->sent_bytes, right->sent_bytes);
	if (!order)
		order = ORDER(left->received_bytes, right->received_bytes);
	return order ? order : by_remote(a, b);
}

static void merge_places(struct findings *findings)
{
	struct finding_place *places = findings->places;
	size_t kept = 0, i;

	if (!findings->place_count)
		return;
	qsort(places, findings->place_count, sizeof(*places), by_remote);
	for (i = 1; i < findings->place_count; i++) {
		if (by_remote(&places[kept], &places[i])) {
			places[++kept] = places[i];
			continue;
		}
		places[kept].flows++;
		places[kept].sent_bytes += places[i].sent_bytes;
		places[kept].received_bytes += places[i].received_bytes;
		places[kept].failed += places[i].failed;
		free_place(&places[i]);
	}
	findings->place_count = kept + 1;
	qsort(places, findings->place_count, sizeof(*places), by_bytes);
}

int findings_gather(struct report *report, struct findings *ret_findings)
{
	struct findings findings = {0};
	struct gather gather = {.report = report, .findings = &findings};
	int err = gather_classes(&gather), mark;

	if (!err)
		err = gather_products(&gather);
	if (!err)
		err = gather_unusual(&gather);
	if (!err)
		err = gather_places(&gather);
	if (!err)
		err = gather_counts(&gather);
	for (mark = 0; mark < MARKS; mark++)
		free(gather.marked[mark].example);
	if (err) {
		findings_done(&findings);
		return err;
	}
	merge_places(&findings);
	*ret_findings = findings;
	return 0;
}

void findings_done(struct findings *findings)
{
	size_t i, k;

	for (i = 0; i < findings->class_count; i++)
		for (k = 0; k < FINDING_EXAMPLES; k++)
			free(findings->classes[i].examples[k]);
	for (i = 0; i < findings->place_count; i++)
		free_place(&findings->places[i]);
	for (i = 0; i < findings->unusual_count; i++)
		free(findings->unusual[i].example);
	for (i = 0; i < findings->product_count; i++) {
		free(findings->products[i].name);
		free(findings->products[i].version);
		free(findings->products[i].source);
		free(findings->products[i].program);
	}
	free(findings->places);
	free(findings->unusual);
	free(findings->products);
	memset(findings, 0, sizeof(*findings));
}
