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
	query_write_fn *write;
	int64_t pid; /* 0: none given */
	struct open_options options;
};

enum { OPTION_LIST = 256, OPTION_PROCESS, OPTION_FORCE, OPTION_FRESH };

static const struct option options[] = {
	{"format", required_argument, NULL, 'f'},
	{"csv", no_argument, NULL, 'c'},
	{"json", no_argument, NULL, 'j'},
	{"output", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},
	{"list", no_argument, NULL, OPTION_LIST},
	{"process", required_argument, NULL, OPTION_PROCESS},
	{"force", no_argument, NULL, OPTION_FORCE},
	{"no-cache", no_argument, NULL, OPTION_FRESH},
	{NULL},
};

static int list_queries(void)
{
	const struct named_query *query;

	for (query = named_queries; query->name; query++)
		printf("%-15s %s\n", query->name, query->summary);
	return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static int parse_format(const struct command *command, struct arguments *arguments)
{
	static const struct {
		const char *name;
		query_write_fn *write;
	} formats[] = {{"table", query_table}, {"csv", query_csv}, {"json", query_json}};
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i].name, optarg)) {
			arguments->write = formats[i].write;
			return 0;
		}
	return misused(command, "no format '%s': table, csv or json", optarg);
}

static int parse_process(const struct command *command, struct arguments *arguments)
{
	char *end;

	arguments->pid = strtol(optarg, &end, 10);
	if (end == optarg || *end || arguments->pid < 1 || arguments->pid > INT32_MAX)
		return misused(command, "--process needs a number from 1 on, not '%s'", optarg);
	return 0;
}

static int parse_option(const struct command *command, struct arguments *arguments, int option)
{
	switch (option) {
	case 'f':
		return parse_format(command, arguments);
	case 'c':
	case 'j':
		arguments->write = option == 'c' ? query_csv : query_json;
		return 0;
	case 'o':
		arguments->output = optarg;
		return 0;
	case OPTION_PROCESS:
		return parse_process(command, arguments);
	case OPTION_FORCE:
		arguments->options.force = true;
		return 0;
	default:
		arguments->options.fresh = true;
		return 0;
	}
}

/* -1: go on; else the exit status. */
static int parse_arguments(const struct command *command, int argc, char **argv, struct arguments *arguments)
{
	int option, status;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":f:o:h", options, NULL)) != -1) {
		if (option == 'h')
			return show_help(command);
		if (option == OPTION_LIST)
			return list_queries();
		status = option == '?' || option == ':' ? misused_option(command, option, argv)
							: parse_option(command, arguments, option);
		if (status)
			return status;
	}
	arguments->count = argc - optind - 1;
	if (arguments->count < 1)
		return misused(command, "CASE and 'SQL' are needed");
	if (arguments->count > CASES_MAX)
		return misused(command, "more than %d cases", CASES_MAX);
	arguments->cases = argv + optind;
	arguments->sql = argv[argc - 1];
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

static void put_mark(const struct arguments *arguments, const struct index_problems *problems, FILE *out)
{
	if (arguments->write == query_table && (problems->trust == TRUST_BROKEN || problems->trust == TRUST_FOREIGN))
		fprintf(out, "UNVERIFIED: %s\n", problems->trust_what);
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
		put_mark(arguments, problems, out);
		err = (schema ? write_schema : arguments->write)(statement, out);
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
	struct arguments arguments = {.write = query_table};
	int status = parse_arguments(command, argc, argv, &arguments);
	struct index_problems problems;
	sqlite3 *db;

	if (status >= 0)
		return status;
	status = query_open(arguments.cases, arguments.count, &arguments.options, &db, &problems);
	if (status)
		return status;
	status = run_query(command, &arguments, &problems, db);
	sqlite3_close(db);
	return status;
}
