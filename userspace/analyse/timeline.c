/* SPDX-License-Identifier: BSD-2-Clause */
#include "timeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyse.h"
#include "times.h"

const struct timeline_format timeline_formats[] = {
	{"timesketch", "JSON lines for Timesketch; the file's name must end in .jsonl", false, false, NULL, NULL,
		write_timesketch},
	{"bodyfile", "for mactime (sleuthkit) and plaso", false, false,
		"what a body file has no field for: counts, bytes, arguments, digests, network fields; a time is in "
		"microseconds",
		NULL, write_bodyfile},
	{"ecs", "JSON lines, the facts nested as Elastic's ECS has them; one a fact", true, true, NULL, NULL, write_ecs},
	{"ocsf", "JSON lines, OCSF 1.8.0; one a fact", true, false, NULL, NULL, write_ocsf},
	{"csv", "comma-separated values", false, false,
		"arguments, digests, ways of opening and other fields without a column (they are in ecs)", begin_csv,
		write_csv_event},
	{"plaso-jsonl", "JSON lines that plaso reads as docker_container_log, with the whole message", false, false,
		"all fields of their own: the message is what plaso takes", NULL, write_plaso},
};
const size_t timeline_formats_count = sizeof(timeline_formats) / sizeof(timeline_formats[0]);

struct arguments {
	const char *case_path;
	const char *output;
	const struct timeline_format *format;
	struct timeline_filter filter;
	struct open_options options;
};

enum {
	OPTION_FROM = 256,
	OPTION_TO,
	OPTION_PROCESS,
	OPTION_CLASS,
	OPTION_GLOB,
	OPTION_MERGE,
	OPTION_FORCE,
	OPTION_FRESH,
	OPTION_WINDOW,
	OPTION_LOCATION
};

static const struct option options[] = {
	{"format", required_argument, NULL, 'f'},
	{"output", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},
	{"from", required_argument, NULL, OPTION_FROM},
	{"to", required_argument, NULL, OPTION_TO},
	{"process", required_argument, NULL, OPTION_PROCESS},
	{"class", required_argument, NULL, OPTION_CLASS},
	{"path-glob", required_argument, NULL, OPTION_GLOB},
	{"merge", required_argument, NULL, OPTION_MERGE},
	{"force", no_argument, NULL, OPTION_FORCE},
	{"no-cache", no_argument, NULL, OPTION_FRESH},
	{"window", required_argument, NULL, OPTION_WINDOW},
	{"location", required_argument, NULL, OPTION_LOCATION},
	{"mmdb", required_argument, NULL, OPTION_LOCATION},
	{NULL},
};

void list_timeline_formats(void)
{
	size_t i;

	puts("\nThe formats:");
	for (i = 0; i < timeline_formats_count; i++)
		printf("%-12s %s\n", timeline_formats[i].name, timeline_formats[i].summary);
}

static int parse_format(const struct command *command, struct arguments *arguments)
{
	size_t row;
	int status = PARSE_NAME(command, "format", timeline_formats, &row);

	if (status == GO_ON)
		arguments->format = &timeline_formats[row];
	return status;
}

static int parse_time(const struct command *command, const char *name, char out[TIME_TEXT])
{
	if (!time_given(optarg, out))
		return misused(command, "%s needs a time such as 2026-11-23T17:40:00Z, not '%s'", name, optarg);
	return GO_ON;
}

static int parse_option(const struct command *command, void *context, int option)
{
	struct arguments *arguments = context;
	struct timeline_filter *filter = &arguments->filter;

	switch (option) {
	case 'f':
		return parse_format(command, arguments);
	case 'o':
		arguments->output = optarg;
		return GO_ON;
	case OPTION_FROM:
		return parse_time(command, "--from", filter->from);
	case OPTION_TO:
		return parse_time(command, "--to", filter->to);
	case OPTION_PROCESS:
		return parse_number(command, "--process", &filter->pid);
	case OPTION_CLASS:
		return parse_class(command, &filter->class);
	case OPTION_GLOB:
		filter->path_glob = optarg;
		return GO_ON;
	case OPTION_MERGE:
		filter->merge = optarg;
		return GO_ON;
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

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && !strcmp(text + len - end_len, end);
}

static int parse_arguments(const struct command *command, int argc, char **argv, struct arguments *arguments)
{
	int status = parse_options(command, argc, argv, options, parse_option, arguments);

	if (status == GO_ON)
		status = parse_case(command, argc, argv, &arguments->case_path);
	if (status != GO_ON)
		return status;
	if (!arguments->format)
		return misused(command, "no --format given");
	if (arguments->output && arguments->format->write == write_timesketch &&
		!ends_in(arguments->output, ".jsonl") && strcmp(arguments->output, "/dev/stdout"))
		complain("%s: Timesketch takes it only if its name ends in .jsonl", arguments->output);
	return GO_ON;
}

/* ---- what was left out, and how sure the rest is ---- */

static void say_filters(FILE *out, const struct timeline_filter *filter)
{
	if (filter->from[0])
		fprintf(out, "; what was before %s", filter->from);
	if (filter->to[0])
		fprintf(out, "; what was after %s", filter->to);
	if (filter->pid)
		fprintf(out, "; what was not of process %" PRId64, filter->pid);
	if (filter->class)
		fprintf(out, "; what was not of class %s", filter->class);
	if (filter->path_glob)
		fprintf(out, "; what had no path like %s", filter->path_glob);
}

/* Parts with "; " in front of each; the caller frees it. */
static char *left_out(const struct timeline *timeline)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (timeline->format->left_out)
		fprintf(out, "; %s", timeline->format->left_out);
	say_filters(out, &timeline->filter);
	if (timeline->merged_out)
		fprintf(out, "; %" PRIu64 " line%s of the merged body file, of inodes that the case does not have", timeline->merged_out,
			timeline->merged_out == 1 ? "" : "s");
	return fclose(out) ? NULL : text;
}

static void say_left_out(FILE *out, const struct timeline *timeline)
{
	char *text = left_out(timeline);

	if (text && *text)
		fprintf(out, " LEFT OUT: %s.", text + 2);
	free(text);
}

static int say_gap(void *context, const struct report_gap *gap)
{
	FILE *out = context;

	fprintf(out, "; %.*s", gap->what.bytes ? (int)gap->what.len : 1, gap->what.bytes ? gap->what.bytes : "?");
	return 0;
}

static int say_exactness(FILE *out, struct timeline *timeline)
{
	struct report_session session;
	struct report report;
	int err = report_init(&report, timeline->db, &(struct report_options){0});

	if (!err)
		err = report_session(&report, &session);
	if (!err && !session.exact) {
		fputs(" NOT EXACT, every number is a lower bound", out);
		err = report_gaps(&report, say_gap, out);
		fputc('.', out);
	}
	report_done(&report);
	return err;
}

static void say_trust(FILE *out, const struct index_problems *problems)
{
	if (problems->trust == TRUST_BROKEN || problems->trust == TRUST_FOREIGN)
		fprintf(out, " UNVERIFIED: %s.", problems->trust_what);
}

/* "": there is nothing that the reader must know. In memory that the caller frees. */
static char *first_words(struct timeline *timeline)
{
	char *text = NULL, *plain;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	say_trust(out, timeline->problems);
	if (say_exactness(out, timeline))
		fputs(" Whether it is exact could not be found out.", out);
	say_left_out(out, timeline);
	if (fclose(out))
		return NULL;
	size = text_plain(NULL, 0, text, strlen(text)) + 1;
	plain = malloc(size);
	if (plain)
		text_plain(plain, size, text, strlen(text));
	free(text);
	return plain;
}

/* It stands before all events, at the time of the first. */
static int write_note(struct timeline *timeline, const struct event *first, const char *text)
{
	static const int no_parts[PARTS] = {[0 ... PARTS - 1] = -1};
	struct event note = {.note = true, .what = "Note", .parts = no_parts};
	char *message;
	int err;

	if (!*text)
		return 0;
	if (asprintf(&message, "quis " QUIS_VERSION " timeline, %s:%s", timeline->format->name, text) < 0)
		return -ENOMEM;
	note.message = message;
	note.ns = first->ns;
	memcpy(note.time, first->time, sizeof(note.time));
	timeline->emit.filled = 0;
	err = timeline->format->write(timeline, &note);
	free(message);
	return err;
}

static int write_event(struct timeline *timeline, struct event *event)
{
	event_words(timeline, event);
	timeline->events++;
	timeline->emit.filled = 0;
	return ferror(timeline->out) ? -EPIPE : timeline->format->write(timeline, event);
}

int timeline_write(struct timeline *timeline)
{
	char *words = first_words(timeline);
	struct event event;
	int got = words ? 1 : -ENOMEM, err = 0;

	if (words && timeline->format->begin)
		err = timeline->format->begin(timeline);
	while (got == 1 && !err && (got = timeline_next(timeline, &event)) == 1) {
		if (!timeline->events)
			err = write_note(timeline, &event, words);
		if (!err)
			err = write_event(timeline, &event);
	}
	free(words);
	return err ? err : got;
}

static void say_end(const struct timeline *timeline)
{
	char *text = NULL, plain[4096];
	size_t size;
	uint64_t out_count = timeline_total(timeline) - timeline_selected(timeline);
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	say_left_out(out, timeline);
	fclose(out);
	if (text[0]) {
		text_plain(plain, sizeof(plain), text, strlen(text));
		fprintf(stderr, "quis: %" PRIu64 " events, %" PRIu64 " left out.%s\n", timeline->events, out_count,
			plain);
	}
	free(text);
}

static int complain_timeline(const struct arguments *arguments, int err)
{
	if (arguments->filter.merge && err == -EBADMSG)
		return complain("%s: no body file", arguments->filter.merge);
	if (arguments->filter.merge && (err == -ENOENT || err == -EACCES || err == -EISDIR))
		return complain("%s: %s", arguments->filter.merge, strerror(-err));
	return complain("%s: cannot make the timeline: %s", arguments->case_path, strerror(-err));
}

static int write_timeline(const struct arguments *arguments, struct timeline *timeline)
{
	int status, closed, err;

	err = timeline_open(timeline);
	if (err) {
		timeline_close(timeline);
		return complain_timeline(arguments, err);
	}
	status = open_output(arguments->output, &timeline->out);
	if (!status) {
		timeline->emit = (struct emit){.out = timeline->out, .one_line = true};
		err = timeline_write(timeline);
		if (err && !ferror(timeline->out))
			status = complain_timeline(arguments, err);
		closed = close_output(arguments->output, timeline->out);
		status = status ? status : closed;
	}
	if (!status)
		say_end(timeline);
	timeline_close(timeline);
	return status;
}

int command_timeline(const struct command *command, int argc, char **argv)
{
	struct arguments arguments = {0};
	struct timeline timeline = {0};
	struct index_problems problems;
	int status = parse_arguments(command, argc, argv, &arguments);

	if (status != GO_ON)
		return status;
	status = open_case_with(arguments.case_path, &arguments.options, &timeline.db, &problems);
	if (status)
		return status;
	timeline.filter = arguments.filter;
	timeline.format = arguments.format;
	timeline.problems = &problems;
	status = write_timeline(&arguments, &timeline);
	sqlite3_close(timeline.db);
	return status;
}
