/* SPDX-License-Identifier: BSD-2-Clause */
/* What a recorded case shows that other software asks of a product: connections to its sockets, files that waited for its permission. */
#include "inventory/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/fanotify.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/report_text.h"

#define PERMISSIONS (FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM)

static const char *column(sqlite3_stmt *row, int i)
{
	const char *text = (const char *)sqlite3_column_text(row, i);

	return text ? text : "";
}

static bool is_product(const struct catalog_product *product, const char *exe)
{
	return *exe && catalog_owns_program(product, exe);
}

struct section {
	const struct catalog_product *product;
	FILE *out;
	size_t count;
};

static int each(sqlite3 *db, const char *sql, void (*fn)(struct section *, sqlite3_stmt *), struct section *section)
{
	sqlite3_stmt *rows;
	int step;

	if (sqlite3_prepare_v2(db, sql, -1, &rows, NULL) != SQLITE_OK)
		return -EIO;
	while ((step = sqlite3_step(rows)) == SQLITE_ROW)
		fn(section, rows);
	sqlite3_finalize(rows);
	if (!section->count)
		fputs("  none recorded\n", section->out);
	return step == SQLITE_DONE ? 0 : -EIO;
}

/* executable, direction, local, remote, peer pid, bytes both ways, times, peer's executable if it was recorded too */
static const char connections[] =
	"SELECT p.executable, f.direction, coalesce(f.local, ''), coalesce(f.remote, ''), coalesce(f.peer_pid, 0), "
	"sum(f.sent_bytes) + sum(f.received_bytes), count(DISTINCT f.flow_id), "
	"(SELECT q.executable FROM process q WHERE q.pid = f.peer_pid LIMIT 1) "
	"FROM flow f JOIN process p ON p.id = f.process WHERE f.listening IS NULL AND f.direction = 'ingress' "
	"GROUP BY p.executable, f.local, CASE f.family WHEN 'unix' THEN f.peer_pid ELSE rtrim(f.remote, '0123456789') END ORDER BY 6 DESC LIMIT 200";

/* A client of the product that is none of its own programs. */
static void put_connection(struct section *s, sqlite3_stmt *row)
{
	const char *peer = column(row, 7);
	char size[SIZE_TEXT];

	if (!is_product(s->product, column(row, 0)) || is_product(s->product, peer))
		return;
	fputs("  ", s->out);
	if (*peer)
		text_hostile(s->out, peer);
	else if (sqlite3_column_int(row, 4))
		fprintf(s->out, "process %d", sqlite3_column_int(row, 4));
	else
		text_hostile(s->out, *column(row, 3) ? column(row, 3) : "somebody");
	fputs(" asked ", s->out);
	text_hostile(s->out, column(row, 0));
	fputs(" at ", s->out);
	text_hostile(s->out, *column(row, 2) ? column(row, 2) : "a socket without a name");
	fprintf(s->out, ": %s on %d connection%s\n", text_size(size, sqlite3_column_int64(row, 5)), sqlite3_column_int(row, 6),
		sqlite3_column_int(row, 6) == 1 ? "" : "s");
	s->count++;
}

static const char marks[] = "SELECT p.executable, a.path, json_extract(a.detail, '$.mask'), count(*) FROM action a JOIN process p ON p.id = a.process "
			    "WHERE a.kind = 'fanotify_mark' GROUP BY 1, 2, 3 ORDER BY 2 LIMIT 200";

static void put_mark(struct section *s, sqlite3_stmt *row)
{
	bool permission = strtoull(column(row, 2), NULL, 0) & PERMISSIONS;

	if (!is_product(s->product, column(row, 0)))
		return;
	fputs("  ", s->out);
	text_hostile(s->out, column(row, 0));
	fputs(permission ? " made every access wait for its permission: " : " was told of accesses: ", s->out);
	text_hostile(s->out, *column(row, 1) ? column(row, 1) : "a path that was not seen");
	fputc('\n', s->out);
	s->count++;
}

static const char handed[] = "SELECT p.executable, count(*), count(DISTINCT a.file) FROM access a JOIN process p ON p.id = a.process "
			     "WHERE a.how LIKE '%\"fanotify\"%' GROUP BY 1";

static void put_handed(struct section *s, sqlite3_stmt *row)
{
	if (!is_product(s->product, column(row, 0)))
		return;
	fputs("  ", s->out);
	text_hostile(s->out, column(row, 0));
	fprintf(s->out, " was handed %d file%s by the kernel, as others used them\n", sqlite3_column_int(row, 2),
		sqlite3_column_int(row, 2) == 1 ? "" : "s");
	s->count++;
}

int plan_case(const struct catalog_product *product, sqlite3 *db, const char *case_path, FILE *out)
{
	static const struct {
		const char *title, *sql;
		void (*put)(struct section *, sqlite3_stmt *);
	} sections[] = {
		{"Who asked something of it", connections, put_connection},
		{"What it watched, and would watch no more", marks, put_mark},
		{"Files of others that came to it so", handed, put_handed},
	};
	int err = 0;
	size_t i;

	for (i = 0; i < sizeof(sections) / sizeof(*sections) && !err; i++) {
		struct section section = {product, out, 0};

		fprintf(out, "\n%s, in the case ", sections[i].title);
		text_hostile(out, case_path);
		fputs(":\n", out);
		err = each(db, sections[i].sql, sections[i].put, &section);
	}
	return err;
}
