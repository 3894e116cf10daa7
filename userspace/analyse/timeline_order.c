/* SPDX-License-Identifier: BSD-2-Clause */
#include "timeline_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bulk.h"
#include "times.h"

/* Columns of what walk_kind() asks for. */
enum { ROW_ID, ROW_SEQUENCE, ROW_SHIFT, ROW_SINGLE, ROW_FIRST, ROW_LAST };

struct walk {
	const struct timeline *timeline;
	struct bulk *moments;
	uint8_t kind;
	bool both; /* the first and the last of a burst are two events where they differ */
};

bool kind_has_column(const struct fact_kind *kind, const char *name)
{
	size_t i;

	for (i = 0; i < kind->count; i++)
		if (!strcmp(kind->columns[i].name, name))
			return true;
	return false;
}

static int by_time(const void *a, const void *b)
{
	const struct moment *left = a, *right = b;

	if (left->ns != right->ns)
		return left->ns < right->ns ? -1 : 1;
	if (left->sequence != right->sequence)
		return left->sequence < right->sequence ? -1 : 1;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (left->which != right->which)
		return left->which < right->which ? -1 : 1;
	return (left->id > right->id) - (left->id < right->id);
}

/* What is to be taken from the time of a fact so that all are on the clock of the beginning: a clock that was set does not change the order. */
static void write_shift(FILE *sql, bool clocks)
{
	if (clocks)
		fputs("(SELECT coalesce((SELECT offset_ns FROM clock WHERE clock.sequence <= coalesce(t.sequence, "
		      "clock.sequence) ORDER BY clock.sequence DESC LIMIT 1)"
		      " - (SELECT offset_ns FROM clock ORDER BY sequence LIMIT 1), 0))",
			sql);
	else
		fputc('0', sql);
}

static const char *single_time(const struct fact_kind *kind)
{
	if (kind_has_column(kind, "time"))
		return "time";
	return kind_has_column(kind, "started") ? "started" : NULL;
}

static void write_single(FILE *sql, const struct fact_kind *kind, bool by_fact)
{
	const char *time = single_time(kind);
	bool both = kind_has_column(kind, "first");

	if (time && both)
		fprintf(sql, by_fact ? "coalesce(t.%s, t.last)" : "coalesce(t.last, t.%s)", time);
	else if (both)
		fputs("coalesce(t.last, t.first)", sql);
	else
		fprintf(sql, "t.%s", time);
}

/* All but --from and --to, which are of each event. */
static void write_filter(FILE *sql, const struct timeline_filter *filter, const struct fact_kind *kind)
{
	if (filter->pid && (kind->link == LINK_NONE || kind->link == LINK_KIND))
		fputs(" AND 0", sql);
	else if (filter->pid)
		fputs(" AND t.process IN (SELECT id FROM process WHERE pid = ?1)", sql);
	if (filter->class && kind->link == LINK_FILE)
		fputs(" AND coalesce((SELECT class FROM file WHERE file.id = t.file), path_class(t.path)) = ?2", sql);
	else if (filter->class)
		fputs(kind_has_column(kind, "path") ? " AND path_class(t.path) = ?2" : " AND 0", sql);
	if (filter->path_glob)
		fputs(kind_has_column(kind, "path")	      ? " AND t.path GLOB ?3"
			: kind_has_column(kind, "executable") ? " AND t.executable GLOB ?3"
							      : " AND 0",
			sql);
}

static void write_table(FILE *sql, const struct fact_kind *kind)
{
	fprintf(sql, " FROM %s AS t WHERE %s", kind->table, strcmp(kind->table, "gap") ? "1" : "t.sequence IS NOT NULL");
	if (kind->link == LINK_KIND)
		fprintf(sql, " AND t.kind = '%s'", kind->fact);
}

static void write_walk(FILE *sql, const struct walk *walk, bool clocks)
{
	const struct fact_kind *kind = &fact_kinds[walk->kind];

	fputs("SELECT t.id, t.sequence, ", sql);
	write_shift(sql, clocks);
	fputs(", ", sql);
	write_single(sql, kind, walk->timeline->format->by_fact);
	if (walk->both)
		fputs(", t.first, t.last", sql);
	write_table(sql, kind);
	write_filter(sql, &walk->timeline->filter, kind);
}

static const char *time_at(sqlite3_stmt *row, int column)
{
	return (const char *)sqlite3_column_text(row, column);
}

static int add_moment(const struct walk *walk, sqlite3_stmt *row, enum which which, const char *time)
{
	const struct timeline_filter *filter = &walk->timeline->filter;
	struct moment moment = {.ns = INT64_MIN, .id = sqlite3_column_int64(row, ROW_ID), .sequence = -1, .kind = walk->kind, .which = which};

	if (!time || (filter->from[0] && strcmp(time, filter->from) < 0) || (filter->to[0] && strcmp(time, filter->to) > 0))
		return 0;
	if (strlen(time) == TIME_LENGTH && __builtin_sub_overflow(time_ns(time), sqlite3_column_int64(row, ROW_SHIFT), &moment.ns))
		moment.ns = INT64_MAX; /* only a clock that was set back overflows: no time is before 0 */
	if (sqlite3_column_type(row, ROW_SEQUENCE) != SQLITE_NULL)
		moment.sequence = sqlite3_column_int64(row, ROW_SEQUENCE);
	return bulk_add(walk->moments, &moment);
}

static int add_row(const struct walk *walk, sqlite3_stmt *row, uint64_t *total)
{
	const char *first = walk->both ? time_at(row, ROW_FIRST) : NULL, *last = walk->both ? time_at(row, ROW_LAST) : NULL;
	int err;

	++*total;
	if (!first || !last || !strcmp(first, last))
		return add_moment(walk, row, EVENT_ONLY, time_at(row, ROW_SINGLE));
	++*total;
	err = add_moment(walk, row, EVENT_FIRST, first);
	return err ? err : add_moment(walk, row, EVENT_LAST, last);
}

static int prepare(sqlite3 *db, sqlite3_stmt **ret_row, FILE *sql, char **text)
{
	int err;

	if (fclose(sql))
		return -ENOMEM;
	err = sqlite3_prepare_v2(db, *text, -1, ret_row, NULL);
	free(*text);
	return err == SQLITE_OK ? 0 : -EIO;
}

static void bind_filter(sqlite3_stmt *row, const struct timeline_filter *filter)
{
	if (filter->pid)
		sqlite3_bind_int64(row, 1, filter->pid);
	if (filter->class)
		sqlite3_bind_text(row, 2, filter->class, -1, SQLITE_STATIC);
	if (filter->path_glob)
		sqlite3_bind_text(row, 3, filter->path_glob, -1, SQLITE_STATIC);
}

static int end_walk(sqlite3_stmt *row, int got, int err)
{
	sqlite3_finalize(row);
	return err ? err : got == SQLITE_DONE ? 0 : got == SQLITE_NOMEM ? -ENOMEM : -EIO;
}

static int walk_kind(const struct walk *walk, bool clocks, uint64_t *total)
{
	char *text = NULL;
	size_t size;
	FILE *sql = open_memstream(&text, &size);
	sqlite3_stmt *row;
	int err, got;

	if (!sql)
		return -ENOMEM;
	write_walk(sql, walk, clocks);
	err = prepare(walk->timeline->db, &row, sql, &text);
	if (err)
		return err;
	bind_filter(row, &walk->timeline->filter);
	while (!err && (got = sqlite3_step(row)) == SQLITE_ROW)
		err = add_row(walk, row, total);
	return end_walk(row, got, err);
}

static int walk_stamps(const struct timeline *timeline, struct bulk *moments)
{
	struct moment moment = {.kind = KIND_STAMP};
	sqlite3_stmt *row;
	int err = 0, got;

	if (sqlite3_prepare_v2(timeline->db, "SELECT ns, id FROM temp.stamp", -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	while (!err && (got = sqlite3_step(row)) == SQLITE_ROW) {
		moment.ns = sqlite3_column_int64(row, 0);
		moment.id = sqlite3_column_int64(row, 1);
		err = bulk_add(moments, &moment);
	}
	return end_walk(row, got, err);
}

static int count_rows(sqlite3 *db, const char *sql, uint64_t *count)
{
	sqlite3_stmt *row;
	int err = -EIO;

	if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	if (sqlite3_step(row) == SQLITE_ROW) {
		*count += sqlite3_column_int64(row, 0);
		err = 0;
	}
	sqlite3_finalize(row);
	return err;
}

/* What was left out is told as a number. */
static int count_kind(const struct walk *walk, uint64_t *total)
{
	char *text = NULL;
	size_t size;
	FILE *sql = open_memstream(&text, &size);
	int err;

	if (!sql)
		return -ENOMEM;
	fprintf(sql, "SELECT count(*)%s",
		walk->both ? " + coalesce(sum(t.first IS NOT NULL AND t.last IS NOT NULL AND t.first <> t.last), 0)" : "");
	write_table(sql, &fact_kinds[walk->kind]);
	if (fclose(sql))
		return -ENOMEM;
	err = count_rows(walk->timeline->db, text, total);
	free(text);
	return err;
}

int timeline_order(const struct timeline *timeline, struct bulk **ret_moments, uint64_t *ret_total)
{
	const struct timeline_filter *filter = &timeline->filter;
	bool filtered = filter->pid || filter->class || filter->path_glob;
	struct walk walk = {.timeline = timeline};
	uint64_t clocks = 0, seen = 0, total = 0;
	int err = bulk_new(&walk.moments, sizeof(struct moment), by_time, 0);

	if (err)
		return err;
	err = count_rows(timeline->db, "SELECT count(DISTINCT offset_ns) FROM clock", &clocks);
	for (; !err && walk.kind < fact_kinds_count; walk.kind++) {
		walk.both = kind_has_column(&fact_kinds[walk.kind], "first") && !timeline->format->by_fact;
		err = walk_kind(&walk, clocks > 1, &seen);
		if (!err && filtered)
			err = count_kind(&walk, &total);
	}
	if (!err && filter->merge)
		err = walk_stamps(timeline, walk.moments);
	if (err) {
		bulk_free(walk.moments);
		return err;
	}
	*ret_total = filtered ? total : seen;
	*ret_moments = walk.moments;
	return 0;
}
