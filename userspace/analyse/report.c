/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyse.h"
#include "catalog/class.h"
#include "index.h"
#include "terminal.h"

#define TOP_DEFAULT 20

static const struct {
	const char *name;
	report_writer *write;
} formats[] = {
	{"text", report_text},
	{"json", report_json},
	{"html", report_html},
};

static const char *const colors[] = {"auto", "always", "never"};

struct arguments {
	const char *case_path;
	const char *output;
	report_writer *write;
	int color; /* index into colors */
	struct report_options options;
	struct open_options open;
};

static int parse_format(const struct command *command, struct arguments *arguments, const char *value)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i].name, value)) {
			arguments->write = formats[i].write;
			return 0;
		}
	return misused(command, "no format '%s': text, json or html", value);
}

static int parse_color(const struct command *command, struct arguments *arguments, const char *value)
{
	int i;

	for (i = 0; i < 3; i++)
		if (!strcmp(colors[i], value)) {
			arguments->color = i;
			return 0;
		}
	return misused(command, "--color is auto, always or never, not '%s'", value);
}

static int parse_number(const struct command *command, const char *name, const char *value, long *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtol(value, &end, 10);
	if (errno || end == value || *end || *ret_number < 1 || *ret_number > INT32_MAX)
		return misused(command, "%s needs a number from 1 on, not '%s'", name, value);
	return 0;
}

enum { OPTION_TOP = 256, OPTION_ALL, OPTION_PROCESS, OPTION_CLASS, OPTION_COLOR, OPTION_FORCE, OPTION_FRESH };

static const struct option options[] = {
	{"format", required_argument, NULL, 'f'},
	{"output", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},
	{"top", required_argument, NULL, OPTION_TOP},
	{"all", no_argument, NULL, OPTION_ALL},
	{"process", required_argument, NULL, OPTION_PROCESS},
	{"class", required_argument, NULL, OPTION_CLASS},
	{"color", required_argument, NULL, OPTION_COLOR},
	{"force", no_argument, NULL, OPTION_FORCE},
	{"no-cache", no_argument, NULL, OPTION_FRESH},
	{NULL},
};

static int parse_option(const struct command *command, struct arguments *arguments, int option)
{
	long number = 0;
	int err;

	switch (option) {
	case 'f':
		return parse_format(command, arguments, optarg);
	case 'o':
		arguments->output = optarg;
		return 0;
	case OPTION_FORCE:
		arguments->open.force = true;
		return 0;
	case OPTION_FRESH:
		arguments->open.fresh = true;
		return 0;
	case OPTION_ALL:
		arguments->options.all = true;
		return 0;
	case OPTION_TOP:
		err = parse_number(command, "--top", optarg, &number);
		arguments->options.top = number;
		return err;
	case OPTION_CLASS:
		if (!class_known(optarg))
			return misused(command, "no class '%s'", optarg);
		arguments->options.class = optarg;
		return 0;
	case OPTION_PROCESS:
		err = parse_number(command, "--process", optarg, &number);
		arguments->options.pid = number;
		return err;
	default:
		return parse_color(command, arguments, optarg);
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
		status = option == '?' || option == ':' ? misused_option(command, option, argv)
							: parse_option(command, arguments, option);
		if (status)
			return status;
	}
	if (optind != argc - 1)
		return misused(command, optind == argc ? "no CASE given" : "more than one CASE given");
	arguments->case_path = argv[optind];
	return -1;
}

static int found(void *context, const struct report_process *process)
{
	(void)process;
	*(bool *)context = true;
	return 0;
}

/* Before anything is written. */
static int check_process(struct report *report)
{
	bool any = !report->options.pid;
	int err = any ? 0 : report_processes(report, found, &any);

	return err || any ? err : -ESRCH;
}

static int write_report(const struct arguments *arguments, sqlite3 *db, FILE *out)
{
	struct report report;
	int err = report_init(&report, db, &arguments->options);

	if (!err)
		err = check_process(&report);
	if (!err)
		err = arguments->write(&report, out);
	report_done(&report);
	/* A failed stream is told by close_output(). */
	if (!err || ferror(out))
		return EXIT_DONE;
	if (err == -ESRCH)
		return complain("%s: no process %lld in it", arguments->case_path, (long long)arguments->options.pid);
	return complain("%s: cannot make the report: %s", arguments->case_path, strerror(-err));
}

int command_report(const struct command *command, int argc, char **argv)
{
	struct arguments arguments = {.write = report_text, .options.top = TOP_DEFAULT};
	int status = parse_arguments(command, argc, argv, &arguments), closed;
	struct index_problems problems;
	sqlite3 *db;
	FILE *out;

	if (status >= 0)
		return status;
	status = open_case_with(arguments.case_path, &arguments.open, &db, &problems);
	if (status)
		return status;
	status = open_output(arguments.output, &out);
	if (!status) {
		arguments.options.color = arguments.color == 1 || (arguments.color == 0 && terminal_has_color(out));
		arguments.options.width = terminal_width(out);
		arguments.options.case_path = arguments.case_path;
		status = write_report(&arguments, db, out);
		closed = close_output(arguments.output, out);
		status = status ? status : closed;
	}
	sqlite3_close(db);
	return status;
}
