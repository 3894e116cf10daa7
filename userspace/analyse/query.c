/* SPDX-License-Identifier: BSD-2-Clause */
#include "analyse.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "case/case.h"
#include "emit.h"
#include "terminal.h"

#define COLUMNS_MAX 200

/* Nothing but reading: ATTACH and VACUUM INTO would write files, PRAGMA could switch the guard off. */
static int authorize(
	void *context, int action, const char *first, const char *second, const char *database, const char *trigger)
{
	(void)context, (void)second, (void)database, (void)trigger;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return second && !strcmp(second, "load_extension") ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_PRAGMA:
		return first && !strncmp(first, "table_", 6) ? SQLITE_OK : SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

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
static int write_table(sqlite3_stmt *statement, FILE *out)
{
	struct table table = {.out = out, .width = terminal_width(out)};
	int i, count = sqlite3_column_count(statement), err;

	for (i = 0; i < count; i++) {
		table.columns[i] = strlen(sqlite3_column_name(statement, i));
		table.right[i] = true;
	}
	err = each_row(statement, measure_row, &table);
	if (err)
		return err;
	sqlite3_reset(statement);
	fit(&table, count);
	for (i = 0; i < count; i++)
		put_cell(&table, i, sqlite3_column_name(statement, i), i == count - 1);
	return each_row(statement, print_row, &table);
}

static void put_csv(FILE *out, const char *cell, bool last)
{
	if (strpbrk(cell, ",\"")) {
		fputc('"', out);
		for (; *cell; cell++)
			fprintf(out, *cell == '"' ? "\"\"" : "%c", *cell);
		fputc('"', out);
	} else {
		fputs(cell, out);
	}
	fputs(last ? "\r\n" : ",", out);
}

static int csv_row(void *context, sqlite3_stmt *row)
{
	int i, count = sqlite3_column_count(row);

	for (i = 0; i < count; i++) {
		char *cell = plain_cell(row, i);

		if (!cell)
			return -ENOMEM;
		put_csv(context, cell, i == count - 1);
		free(cell);
	}
	return ferror((FILE *)context) ? -EPIPE : 0;
}

static int write_csv(sqlite3_stmt *statement, FILE *out)
{
	int i, count = sqlite3_column_count(statement);

	for (i = 0; i < count; i++)
		put_csv(out, sqlite3_column_name(statement, i), i == count - 1);
	return each_row(statement, csv_row, out);
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

static int json_row(void *context, sqlite3_stmt *row)
{
	struct emit *emit = context;
	int i, count = sqlite3_column_count(row);

	emit_open(emit, NULL, '{');
	for (i = 0; i < count; i++)
		json_cell(emit, row, i);
	emit_close(emit, '}');
	return ferror(emit->out) ? -EPIPE : 0;
}

static int write_json(sqlite3_stmt *statement, FILE *out)
{
	struct emit emit = {.out = out};
	int err;

	emit_open(&emit, NULL, '[');
	err = each_row(statement, json_row, &emit);
	emit_close(&emit, ']');
	return err;
}

typedef int write_fn(sqlite3_stmt *statement, FILE *out);

struct arguments {
	const char *case_path;
	const char *sql;
	const char *output;
	write_fn *write;
};

/* -1: go on; else the exit status. */
static int parse_arguments(const struct command *command, int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{"csv", no_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{NULL},
	};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
		if (option == 'h')
			return show_help(command);
		if (option == 'o')
			arguments->output = optarg;
		else if (option == 'c' || option == 'j')
			arguments->write = option == 'c' ? write_csv : write_json;
		else
			return misused_option(command, option, argv);
	}
	if (optind != argc - 2)
		return misused(
			command, optind < argc - 2 ? "more than CASE and 'SQL' given" : "CASE and 'SQL' are needed");
	arguments->case_path = argv[optind];
	arguments->sql = argv[optind + 1];
	return -1;
}

static int prepare(const struct command *command, sqlite3 *db, const char *text, sqlite3_stmt **ret_statement)
{
	const char *tail;

	sqlite3_set_authorizer(db, authorize, NULL);
	if (sqlite3_prepare_v2(db, text, -1, ret_statement, &tail) != SQLITE_OK) {
		if (sqlite3_errcode(db) == SQLITE_AUTH)
			return misused(command, "only reading is allowed");
		return misused(command, "%s", sqlite3_errmsg(db));
	}
	if (!*ret_statement)
		return misused(command, "the SQL is empty");
	if (!sqlite3_stmt_readonly(*ret_statement))
		return misused(command, "only reading is allowed");
	if (tail[strspn(tail, " \t\r\n;")])
		return misused(command, "more than one statement given");
	if (sqlite3_column_count(*ret_statement) > COLUMNS_MAX)
		return misused(command, "more than %d columns", COLUMNS_MAX);
	return EXIT_DONE;
}

static int run_query(const struct command *command, const struct arguments *arguments, sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	FILE *out;
	int status = prepare(command, db, arguments->sql, &statement), err, closed;

	if (!status)
		status = open_output(arguments->output, &out);
	if (!status) {
		err = arguments->write(statement, out);
		if (err && !ferror(out))
			status = complain("%s: %s", arguments->case_path, sqlite3_errmsg(db));
		closed = close_output(arguments->output, out);
		status = status ? status : closed;
	}
	sqlite3_finalize(statement);
	return status;
}

int command_query(const struct command *command, int argc, char **argv)
{
	struct arguments arguments = {.write = write_table};
	int status = parse_arguments(command, argc, argv, &arguments);
	sqlite3 *db;

	if (status >= 0)
		return status;
	status = open_case(arguments.case_path, &db);
	if (status)
		return status;
	status = run_query(command, &arguments, db);
	sqlite3_close(db);
	return status;
}
