/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QUIS_ANALYSE_H
#define QUIS_ANALYSE_H

#include <getopt.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
	const char *name;
	int (*run)(const struct command *command, int argc, char **argv);
	const char *synopsis; /* behind "quis NAME " */
	const char *summary;
	const char *options; /* lines for --help */
};

/* One line on stderr, whatever is in the arguments. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2))); /* returns EXIT_FAILED */
int misused(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3))); /* returns EXIT_USAGE */
/* After getopt_long() gave '?' or ':'. */
int misused_option(const struct command *command, int got, char **argv);
const struct command *find_command(const char *name);
int show_commands(void);
int show_help(const struct command *command);

struct index_problems;
struct open_options {
	bool force; /* use a case that is not what was sealed, or of a format that is not known */
	bool fresh; /* no index of an earlier call */
	bool file;  /* an index with a path */
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
int command_query(const struct command *command, int argc, char **argv);
int command_verify(const struct command *command, int argc, char **argv);
int command_inventory(const struct command *command, int argc, char **argv);
int command_diff(const struct command *command, int argc, char **argv);
int command_top(const struct command *command, int argc, char **argv);
int command_help(const struct command *command, int argc, char **argv);
int command_handover(const struct command *command, int argc, char **argv);

#endif
