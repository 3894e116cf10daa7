/* SPDX-License-Identifier: BSD-2-Clause */
#include "analyse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "case/case.h"
#include "catalog/class.h"
#include "index.h"

#define MESSAGE_MAX 1024

static void say(const char *prefix, const char *format, va_list arguments, const char *suffix)
{
	char message[MESSAGE_MAX], plain[4 * MESSAGE_MAX];

	vsnprintf(message, sizeof(message), format, arguments);
	text_plain(plain, sizeof(plain), message, strlen(message));
	fprintf(stderr, "%s: %s%s\n", prefix, plain, suffix);
}

int complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("quis", format, arguments, "");
	va_end(arguments);
	return EXIT_FAILED;
}

int misused(const struct command *command, const char *format, ...)
{
	char prefix[32], hint[64];
	va_list arguments;

	snprintf(prefix, sizeof(prefix), "quis%s%s", command ? " " : "", command ? command->name : "");
	snprintf(hint, sizeof(hint), " (see '%s --help')", prefix);
	va_start(arguments, format);
	say(prefix, format, arguments, hint);
	va_end(arguments);
	return EXIT_USAGE;
}

int show_help(const struct command *command)
{
	printf("usage: quis %s %s\n%s\n", command->name, command->synopsis, command->summary);
	if (command->options)
		printf("\n%s", command->options);
	if (command->more)
		command->more();
	return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

int complain_case(const char *path, int err)
{
	switch (err) {
	case -ENODATA:
		return complain("%s: no case (no facts-000001.ndjson in it)", path);
	case -ENOTDIR:
		return complain("%s: no case (not a directory)", path);
	case -EBADMSG:
		return complain("%s: broken case: not one line of it is a fact", path);
	default:
		return complain("%s: cannot read the case: %s", path, strerror(-err));
	}
}

/* What is not what was sealed is shown to who insists. */
static int check_trust(const char *path, const struct open_options *options, const struct index_problems *problems)
{
	if (problems->trust != TRUST_BROKEN && problems->trust != TRUST_FOREIGN)
		return EXIT_DONE;
	if (!options->force)
		return complain("%s: %s (--force shows what can be read, unverified)", path, problems->trust_what);
	complain("%s: UNVERIFIED: %s", path, problems->trust_what);
	return EXIT_DONE;
}

int open_case_with(const char *path, const struct open_options *options, sqlite3 **ret_db, struct index_problems *ret_problems)
{
	struct index_options how = {.fresh = options->fresh, .file = options->file, .window_ms = options->window_ms};
	struct index_problems problems;
	int err = index_open_with(ret_db, &problems, path, &how);

	if (err)
		return complain_case(path, err);
	if (class_problem())
		complain("%s", class_problem());
	*ret_problems = problems;
	if (problems.bad_lines)
		complain("%s: %" PRIu64 " line%s not used, the first being line %" PRIu64 " of facts-%06" PRIu32
			 ".ndjson: %s",
			path, problems.bad_lines, problems.bad_lines == 1 ? "" : "s", problems.first_line,
			problems.first_segment, problems.first_what);
	err = check_trust(path, options, &problems);
	if (err)
		sqlite3_close(*ret_db);
	return err;
}

int open_output(const char *path, FILE **ret_out)
{
	FILE *out = path ? fopen(path, "we") : stdout;

	if (!out)
		return complain("%s: %s", path, strerror(errno));
	setvbuf(out, NULL, _IOFBF, 1 << 18);
	*ret_out = out;
	return EXIT_DONE;
}

int close_output(const char *path, FILE *out)
{
	int failed = ferror(out);

	errno = 0;
	failed |= path ? fclose(out) : fflush(out);
	if (failed)
		return complain(
			"%s: %s", path ? path : "stdout", errno ? strerror(errno) : "not everything could be written");
	return EXIT_DONE;
}
