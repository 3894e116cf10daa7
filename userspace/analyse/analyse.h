/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QUIS_ANALYSE_H
#define QUIS_ANALYSE_H

#include <getopt.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdint.h>
#include <stdio.h>

enum { GO_ON = -1, EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
	const char *name;
	int (*run)(const struct command *command, int argc, char **argv);
	const char *synopsis; /* behind "quis NAME " */
	const char *summary;
	const char *options; /* lines for --help */
	void (*more)(void);  /* prints what --help says after them */
};

/* One line on stderr, whatever is in the arguments. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2))); /* returns EXIT_FAILED */
int misused(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3))); /* returns EXIT_USAGE */
const struct command *find_command(const char *name);
int show_commands(void);
int show_help(const struct command *command);

/* What is given to a command. All of these return GO_ON, or the exit status to end with. */
typedef int option_parser(const struct command *command, void *arguments, int option);
/* Has parse() take each option but -h; a value up to 'z' is the option's letter, too. Words are left from optind on. */
int parse_options(const struct command *command, int argc, char **argv, const struct option *options,
	option_parser *parse, void *arguments);
int parse_case(const struct command *command, int argc, char **argv, const char **ret_path); /* the only word */
/* Of optarg. */
int parse_number(const struct command *command, const char *name, int64_t *ret_number); /* from 1 on, 31 bits */
int parse_window(const struct command *command, uint32_t *ret_ms); /* seconds, to a thousandth */
int parse_location(void); /* the database of addresses that was given */
int parse_class(const struct command *command, const char **ret_class);
/* Rows of any type, the first member of which is their name. */
int parse_name(const struct command *command, const char *what, const void *rows, size_t count, size_t size, size_t *ret_row);
#define PARSE_NAME(command, what, rows, ret_row) \
	parse_name(command, what, rows, sizeof(rows) / sizeof((rows)[0]), sizeof((rows)[0]), ret_row)

struct index_problems;
struct open_options {
	bool force; /* use a case that is not what was sealed, or of a format that is not known */
	bool fresh; /* no index of an earlier call */
	bool file;  /* an index with a path */
	uint32_t window_ms; /* of exposures; 0: as usual */
};

/* Complains itself. What is wrong with a case that can be used goes to stderr as one line. */
int open_case_with(const char *path, const struct open_options *options, sqlite3 **ret_db, struct index_problems *ret_problems);
/* What hinders the reading of a case, in words. Returns EXIT_FAILED. */
int complain_case(const char *path, int err);
/* path NULL: stdout. close_output() tells whether all was written. */
int open_output(const char *path, FILE **ret_out);
int close_output(const char *path, FILE *out);

int command_report(const struct command *command, int argc, char **argv);
int command_timeline(const struct command *command, int argc, char **argv);
void list_timeline_formats(void);
int command_query(const struct command *command, int argc, char **argv);
int command_verify(const struct command *command, int argc, char **argv);
int command_inventory(const struct command *command, int argc, char **argv);
int command_diff(const struct command *command, int argc, char **argv);
int command_top(const struct command *command, int argc, char **argv);
int command_help(const struct command *command, int argc, char **argv);
int command_handover(const struct command *command, int argc, char **argv);

#endif
