/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "analyse.h"
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
	size_t format, color; /* rows */
	struct report_options options;
	struct open_options open;
};

enum { OPTION_TOP = 256, OPTION_ALL, OPTION_PROCESS, OPTION_CLASS, OPTION_COLOR, OPTION_FORCE, OPTION_FRESH, OPTION_WINDOW, OPTION_LOCATION };

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
	{"window", required_argument, NULL, OPTION_WINDOW},
	{"location", required_argument, NULL, OPTION_LOCATION},
	{"mmdb", required_argument, NULL, OPTION_LOCATION},
	{NULL},
};

static int parse_option(const struct command *command, void *context, int option)
{
	struct arguments *arguments = context;

	switch (option) {
	case 'f':
		return PARSE_NAME(command, "format", formats, &arguments->format);
	case 'o':
		arguments->output = optarg;
		return GO_ON;
	case OPTION_FORCE:
		arguments->open.force = true;
		return GO_ON;
	case OPTION_FRESH:
		arguments->open.fresh = true;
		return GO_ON;
	case OPTION_WINDOW:
		return parse_window(command, &arguments->open.window_ms);
	case OPTION_LOCATION:
		return parse_location();
	case OPTION_ALL:
		arguments->options.all = true;
		return GO_ON;
	case OPTION_TOP:
		return parse_number(command, "--top", &arguments->options.top);
	case OPTION_CLASS:
		return parse_class(command, &arguments->options.class);
	case OPTION_PROCESS:
		return parse_number(command, "--process", &arguments->options.pid);
	default:
		return PARSE_NAME(command, "color", colors, &arguments->color);
	}
}

static int parse_arguments(const struct command *command, int argc, char **argv, struct arguments *arguments)
{
	int status = parse_options(command, argc, argv, options, parse_option, arguments);

	return status == GO_ON ? parse_case(command, argc, argv, &arguments->case_path) : status;
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
		err = formats[arguments->format].write(&report, out);
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
	struct arguments arguments = {.options.top = TOP_DEFAULT};
	int status = parse_arguments(command, argc, argv, &arguments), closed;
	struct index_problems problems;
	sqlite3 *db;
	FILE *out;

	if (status != GO_ON)
		return status;
	status = open_case_with(arguments.case_path, &arguments.open, &db, &problems);
	if (status)
		return status;
	status = open_output(arguments.output, &out);
	if (!status) {
		arguments.options.color = arguments.color == 1 || (arguments.color == 0 && terminal_has_color(out));
		arguments.options.width = terminal_width(out);
		arguments.options.case_path = arguments.case_path;
		arguments.options.window_ms = arguments.open.window_ms;
		status = write_report(&arguments, db, out);
		closed = close_output(arguments.output, out);
		status = status ? status : closed;
	}
	sqlite3_close(db);
	return status;
}
