/* SPDX-License-Identifier: BSD-2-Clause */
#include "analyse.h"
#include "where.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"

#define SHORT_MAX 64
#define NAMES_MAX 256

/* Those options that have a letter. */
static void short_options(char text[SHORT_MAX], const struct option *options)
{
	char *at = text;

	*at++ = ':';
	for (; options->name && at < text + SHORT_MAX - 2; options++) {
		if (options->val > 'z')
			continue;
		*at++ = options->val;
		if (options->has_arg == required_argument)
			*at++ = ':';
	}
	*at = '\0';
}

static int misused_option(const struct command *command, int got, char **argv)
{
	const char *option = argv[optind - 1];

	if (got == ':')
		return misused(command, "option '%s' needs a value", option);
	if (optopt && strncmp(option, "--", 2))
		return misused(command, "unknown option '-%c'", optopt);
	return misused(command, "unknown option '%s'", option);
}

int parse_options(const struct command *command, int argc, char **argv, const struct option *options,
	option_parser *parse, void *arguments)
{
	char letters[SHORT_MAX];
	int option, status = GO_ON;

	short_options(letters, options);
	opterr = 0;
	while (status == GO_ON && (option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (option == 'h')
			status = show_help(command);
		else if (option == '?' || option == ':')
			status = misused_option(command, option, argv);
		else
			status = parse(command, arguments, option);
	}
	return status;
}

int parse_case(const struct command *command, int argc, char **argv, const char **ret_path)
{
	if (optind != argc - 1)
		return misused(command, optind == argc ? "no CASE given" : "more than one CASE given");
	*ret_path = argv[optind];
	return GO_ON;
}

int parse_number(const struct command *command, const char *name, int64_t *ret_number)
{
	long number;
	char *end;

	errno = 0;
	number = strtol(optarg, &end, 10);
	if (errno || end == optarg || *end || number < 1 || number > INT32_MAX)
		return misused(command, "%s needs a number from 1 on, not '%s'", name, optarg);
	*ret_number = number;
	return GO_ON;
}

int parse_window(const struct command *command, uint32_t *ret_ms)
{
	char *end;
	double seconds = strtod(optarg, &end);

	if (end == optarg || *end || !(seconds >= .001 && seconds <= 86400))
		return misused(command, "--window needs seconds, from 0.001 to 86400, not '%s'", optarg);
	*ret_ms = seconds * 1000 + .5;
	return GO_ON;
}

int parse_class(const struct command *command, const char **ret_class)
{
	if (!class_known(optarg))
		return misused(command, "no class '%s'", optarg);
	*ret_class = optarg;
	return GO_ON;
}

static const char *name_of(const void *rows, size_t size, size_t row)
{
	return *(const char *const *)((const char *)rows + row * size);
}

int parse_name(
	const struct command *command, const char *what, const void *rows, size_t count, size_t size, size_t *ret_row)
{
	char names[NAMES_MAX];
	size_t row, len = 0;

	for (row = 0; row < count; row++)
		if (!strcmp(name_of(rows, size, row), optarg)) {
			*ret_row = row;
			return GO_ON;
		}
	for (row = 0; row < count && len < sizeof(names); row++)
		len += snprintf(names + len, sizeof(names) - len, "%s%s",
			!row		   ? ""
			: row == count - 1 ? " or "
					   : ", ",
			name_of(rows, size, row));
	return misused(command, "no %s '%s': %s", what, optarg, names);
}

int parse_location(void)
{
	const char *why = NULL;

	where_use(optarg);
	if (!where_open(&why) && why)
		return complain("%s: %s", optarg, why);
	return GO_ON;
}
