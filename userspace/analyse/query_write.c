/* SPDX-License-Identifier: BSD-2-Clause */
#include "query.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "case/case.h"
#include "emit.h"
#include "terminal.h"

#define COLUMNS_MAX QUERY_COLUMNS_MAX

/* The cell as it may stand on a line, in memory that the caller frees. */
static char *plain_cell(sqlite3_stmt *row, int column)
{
	const char *bytes = sqlite3_column_blob(row, column);
	size_t len = sqlite3_column_bytes(row, column), size;
	char *cell;

	if (sqlite3_column_type(row, column) != SQLITE_BLOB) {
		bytes = (const char *)sqlite3_column_text(row, column);
		len = sqlite3_column_bytes(row, column);
	}
	size = text_plain(NULL, 0, bytes, len) + 1;
	cell = malloc(size);
	if (cell)
		text_plain(cell, size, bytes, len);
	return cell;
}

#define MARK "UNVERIFIED"

typedef int row_fn(void *context, sqlite3_stmt *row);

static int each_row(sqlite3_stmt *statement, row_fn *fn, void *context)
{
	int got, err = 0;

	while (!err && (got = sqlite3_step(statement)) == SQLITE_ROW)
		err = fn(context, statement);
	if (!err && got != SQLITE_DONE)
		err = -EIO;
	return err;
}

struct table {
	FILE *out;
	unsigned width; /* of the terminal */
	unsigned columns[COLUMNS_MAX];
	bool right[COLUMNS_MAX]; /* numbers */
};

static int measure_row(void *context, sqlite3_stmt *row)
{
	struct table *table = context;
	int i, count = sqlite3_column_count(row);

	for (i = 0; i < count; i++) {
		char *cell = plain_cell(row, i);
		unsigned columns;

		if (!cell)
			return -ENOMEM;
		columns = text_columns(cell, strlen(cell));
		if (columns > table->columns[i])
			table->columns[i] = columns;
		if (sqlite3_column_type(row, i) == SQLITE_TEXT || sqlite3_column_type(row, i) == SQLITE_BLOB)
			table->right[i] = false;
		free(cell);
	}
	return 0;
}

/* The widest column gives way, again and again. */
static void fit(struct table *table, int count)
{
	unsigned sum, widest, i;

	for (;;) {
		for (sum = 0, widest = 0, i = 0; i < (unsigned)count; i++) {
			sum += table->columns[i] + 2;
			if (table->columns[i] > table->columns[widest])
				widest = i;
		}
		if (!table->width || sum <= table->width + 2 || table->columns[widest] <= 8)
			return;
		table->columns[widest] -=
			sum - table->width - 2 < table->columns[widest] - 8 ? sum - table->width - 2 : 1;
	}
}

static void put_cell(struct table *table, int column, const char *cell, bool last)
{
	unsigned width = table->columns[column], used = text_columns(cell, strlen(cell));
	int pad = width > used ? width - used : 0;
	const char *end = cell + strlen(cell);

	if (used > width) {
		end = text_head(cell, strlen(cell), width - 1);
		pad = width - 1 - text_columns(cell, end - cell);
	}
	if (table->right[column])
		fprintf(table->out, "%*s", pad, "");
	fprintf(table->out, "%.*s%s", (int)(end - cell), cell, *end ? "…" : "");
	if (!table->right[column] && !last)
		fprintf(table->out, "%*s", pad, "");
	fputs(last ? "\n" : "  ", table->out);
}

static int print_row(void *context, sqlite3_stmt *row)
{
	struct table *table = context;
	int i, count = sqlite3_column_count(row);

	for (i = 0; i < count; i++) {
		char *cell = plain_cell(row, i);

		if (!cell)
			return -ENOMEM;
		put_cell(table, i, cell, i == count - 1);
		free(cell);
	}
	return ferror(table->out) ? -EPIPE : 0;
}

/* Twice through the same query: nothing can change in between, and no row is kept. */
int query_table(sqlite3_stmt *statement, const char *unverified, FILE *out)
{
	struct table table = {.out = out, .width = terminal_width(out)};
	int i, count = sqlite3_column_count(statement), err;

	for (i = 0; i < count; i++) {
		table.columns[i] = strlen(sqlite3_column_name(statement, i));
		table.right[i] = true;
	}
	if (unverified)
		fprintf(out, MARK ": %s\n", unverified);
	err = each_row(statement, measure_row, &table);
	if (err)
		return err;
	sqlite3_reset(statement);
	fit(&table, count);
	for (i = 0; i < count; i++)
		put_cell(&table, i, sqlite3_column_name(statement, i), i == count - 1);
	return each_row(statement, print_row, &table);
}

/* A text that begins like a formula gets an apostrophe in front: a spreadsheet would run it. */
static void put_csv(FILE *out, const char *cell, bool text, bool last)
{
	bool formula = text && *cell && strchr("=+-@", *cell);

	if (formula || strpbrk(cell, ",\"")) {
		fputs(formula ? "\"'" : "\"", out);
		for (; *cell; cell++)
			fprintf(out, *cell == '"' ? "\"\"" : "%c", *cell);
		fputc('"', out);
	} else {
		fputs(cell, out);
	}
	fputs(last ? "\r\n" : ",", out);
}

struct csv {
	FILE *out;
	const char *unverified;
};

static int csv_row(void *context, sqlite3_stmt *row)
{
	const struct csv *csv = context;
	int i, count = sqlite3_column_count(row);

	if (csv->unverified)
		put_csv(csv->out, csv->unverified, true, false);
	for (i = 0; i < count; i++) {
		char *cell = plain_cell(row, i);

		if (!cell)
			return -ENOMEM;
		put_csv(csv->out, cell,
			sqlite3_column_type(row, i) == SQLITE_TEXT || sqlite3_column_type(row, i) == SQLITE_BLOB,
			i == count - 1);
		free(cell);
	}
	return ferror(csv->out) ? -EPIPE : 0;
}

int query_csv(sqlite3_stmt *statement, const char *unverified, FILE *out)
{
	struct csv csv = {out, unverified};
	int i, count = sqlite3_column_count(statement);

	if (unverified)
		put_csv(out, MARK, true, false);
	for (i = 0; i < count; i++)
		put_csv(out, sqlite3_column_name(statement, i), true, i == count - 1);
	return each_row(statement, csv_row, &csv);
}

static void json_cell(struct emit *emit, sqlite3_stmt *row, int i)
{
	const char *key = sqlite3_column_name(row, i), *text;
	double real;

	switch (sqlite3_column_type(row, i)) {
	case SQLITE_NULL:
		emit_null(emit, key);
		return;
	case SQLITE_FLOAT:
		real = sqlite3_column_double(row, i);
		if (!isfinite(real)) {
			emit_null(emit, key);
			return;
		}
		/* fall through */
	case SQLITE_INTEGER:
		text = (const char *)sqlite3_column_text(row, i);
		emit_raw(emit, key, text, strlen(text));
		return;
	default:
		emit_text(emit, key, sqlite3_column_blob(row, i), sqlite3_column_bytes(row, i));
	}
}

struct json {
	struct emit emit;
	const char *unverified;
};

static int json_row(void *context, sqlite3_stmt *row)
{
	struct json *json = context;
	struct emit *emit = &json->emit;
	int i, count = sqlite3_column_count(row);

	emit_open(emit, NULL, '{');
	if (json->unverified)
		emit_text(emit, MARK, json->unverified, strlen(json->unverified));
	for (i = 0; i < count; i++)
		json_cell(emit, row, i);
	emit_close(emit, '}');
	return ferror(emit->out) ? -EPIPE : 0;
}

int query_json(sqlite3_stmt *statement, const char *unverified, FILE *out)
{
	struct json json = {.emit.out = out, .unverified = unverified};
	int err;

	emit_open(&json.emit, NULL, '[');
	err = each_row(statement, json_row, &json);
	emit_close(&json.emit, ']');
	return err;
}
