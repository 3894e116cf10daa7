/* SPDX-License-Identifier: BSD-2-Clause */
#include "query.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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

struct arguments {
	char **cases;
	int count;
	const char *sql;
	const char *output;
	size_t format; /* row */
	int64_t pid; /* 0: none given */
	struct open_options options;
};

enum { TABLE, CSV, JSON };

static const struct {
	const char *name;
	query_write_fn *write;
} formats[] = {[TABLE] = {"table", query_table}, [CSV] = {"csv", query_csv}, [JSON] = {"json", query_json}};

enum { OPTION_LIST = 256, OPTION_CSV, OPTION_JSON, OPTION_PROCESS, OPTION_FORCE, OPTION_FRESH, OPTION_WINDOW, OPTION_LOCATION };

static const struct option options[] = {
	{"format", required_argument, NULL, 'f'},
	{"csv", no_argument, NULL, OPTION_CSV},
	{"json", no_argument, NULL, OPTION_JSON},
	{"output", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},
	{"list", no_argument, NULL, OPTION_LIST},
	{"process", required_argument, NULL, OPTION_PROCESS},
	{"force", no_argument, NULL, OPTION_FORCE},
	{"no-cache", no_argument, NULL, OPTION_FRESH},
	{"window", required_argument, NULL, OPTION_WINDOW},
	{"location", required_argument, NULL, OPTION_LOCATION},
	{"mmdb", required_argument, NULL, OPTION_LOCATION},
	{NULL},
};

static int list_queries(void)
{
	const struct named_query *query;

	for (query = named_queries; query->name; query++)
		printf("%-15s %s\n", query->name, query->summary);
	return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static int parse_option(const struct command *command, void *context, int option)
{
	struct arguments *arguments = context;

	switch (option) {
	case 'f':
		return PARSE_NAME(command, "format", formats, &arguments->format);
	case OPTION_CSV:
	case OPTION_JSON:
		arguments->format = option == OPTION_CSV ? CSV : JSON;
		return GO_ON;
	case 'o':
		arguments->output = optarg;
		return GO_ON;
	case OPTION_LIST:
		return list_queries();
	case OPTION_PROCESS:
		return parse_number(command, "--process", &arguments->pid);
	case OPTION_WINDOW:
		return parse_window(command, &arguments->options.window_ms);
	case OPTION_LOCATION:
		return parse_location();
	case OPTION_FORCE:
		arguments->options.force = true;
		return GO_ON;
	default:
		arguments->options.fresh = true;
		return GO_ON;
	}
}

static int parse_arguments(const struct command *command, int argc, char **argv, struct arguments *arguments)
{
	int status = parse_options(command, argc, argv, options, parse_option, arguments);

	if (status != GO_ON)
		return status;
	arguments->count = argc - optind - 1;
	if (arguments->count < 1)
		return misused(command, "CASE and 'SQL' are needed");
	if (arguments->count > CASES_MAX)
		return misused(command, "more than %d cases", CASES_MAX);
	arguments->cases = argv + optind;
	arguments->sql = argv[argc - 1];
	return GO_ON;
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
	if (sqlite3_column_count(*ret_statement) > QUERY_COLUMNS_MAX)
		return misused(command, "more than %d columns", QUERY_COLUMNS_MAX);
	return EXIT_DONE;
}

/* The tables as they are made, with their comments. */
static int write_schema(sqlite3_stmt *statement, FILE *out)
{
	int got;

	while ((got = sqlite3_step(statement)) == SQLITE_ROW)
		fprintf(out, "%s;\n", sqlite3_column_text(statement, 0));
	return got == SQLITE_DONE ? 0 : -EIO;
}

static const char *mark_of(const struct index_problems *problems)
{
	return problems->trust == TRUST_BROKEN || problems->trust == TRUST_FOREIGN ? problems->trust_what : NULL;
}

static int run_query(const struct command *command, const struct arguments *arguments,
	const struct index_problems *problems, sqlite3 *db)
{
	const struct named_query *named = find_named_query(arguments->sql);
	bool schema = !strcmp(arguments->sql, ".schema");
	const char *sql = named ? named->sql : arguments->sql;
	sqlite3_stmt *statement = NULL;
	FILE *out;
	int status, err, closed, at;

	if (schema)
		sql = arguments->count == 1 ? "SELECT sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
					    : "SELECT sql FROM c1.sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid";
	status = prepare(command, db, sql, &statement);
	if (!status)
		status = open_output(arguments->output, &out);
	if (!status) {
		at = sqlite3_bind_parameter_index(statement, ":pid");
		if (at && arguments->pid)
			sqlite3_bind_int64(statement, at, arguments->pid);
		err = schema ? write_schema(statement, out) : formats[arguments->format].write(statement, mark_of(problems), out);
		if (err && !ferror(out))
			status = complain("%s: %s", arguments->cases[0], sqlite3_errmsg(db));
		closed = close_output(arguments->output, out);
		status = status ? status : closed;
	}
	sqlite3_finalize(statement);
	return status;
}

int command_query(const struct command *command, int argc, char **argv)
{
	struct arguments arguments = {0};
	int status = parse_arguments(command, argc, argv, &arguments);
	struct index_problems problems;
	sqlite3 *db;

	if (status != GO_ON)
		return status;
	status = query_open(arguments.cases, arguments.count, &arguments.options, &db, &problems);
	if (status)
		return status;
	status = run_query(command, &arguments, &problems, db);
	sqlite3_close(db);
	return status;
}
