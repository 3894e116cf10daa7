/* SPDX-License-Identifier: BSD-2-Clause */
#include "analyse/analyse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inventory/inventory.h"

#define IO_LIMIT_DEFAULT 64 /* MiB a second */

struct arguments {
	const char *root, *output;
	int (*write)(const struct inventory *inventory, FILE *out);
	bool hash;
	unsigned long io_limit; /* MiB a second; 0: none */
};

enum { OPTION_ROOT = 256, OPTION_HASH, OPTION_IO_LIMIT };

static const struct option options[] = {
	{"format", required_argument, NULL, 'f'},
	{"output", required_argument, NULL, 'o'},
	{"root", required_argument, NULL, OPTION_ROOT},
	{"hash", no_argument, NULL, OPTION_HASH},
	{"io-limit", required_argument, NULL, OPTION_IO_LIMIT},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static int parse_option(const struct command *command, struct arguments *arguments, int option)
{
	char *end;

	switch (option) {
	case 'f':
		arguments->write = !strcmp(optarg, "text") ? inventory_text : !strcmp(optarg, "json") ? inventory_json : NULL;
		return arguments->write ? 0 : misused(command, "--format %s: neither text nor json", optarg);
	case 'o':
		arguments->output = optarg;
		return 0;
	case OPTION_ROOT:
		arguments->root = optarg;
		return 0;
	case OPTION_HASH:
		arguments->hash = true;
		return 0;
	default:
		arguments->io_limit = strtoul(optarg, &end, 10);
		if (*end || end == optarg || *optarg == '-' || arguments->io_limit > 1000000)
			return misused(command, "--io-limit %s: not a number of MiB a second (0: no limit)", optarg);
		return 0;
	}
}

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
	if (optind != argc)
		return misused(command, "unexpected word '%s'", argv[optind]);
	return -1;
}

static int write_inventory(const struct arguments *arguments, const struct inventory *inventory)
{
	int status, closed;
	FILE *out;

	status = open_output(arguments->output, &out);
	if (status)
		return status;
	arguments->write(inventory, out);
	closed = close_output(arguments->output, out);
	return closed;
}

int command_inventory(const struct command *command, int argc, char **argv)
{
	struct arguments arguments = {.root = "/", .write = inventory_text, .io_limit = IO_LIMIT_DEFAULT};
	int status = parse_arguments(command, argc, argv, &arguments), err;
	struct inventory inventory;
	struct catalog catalog;

	if (status >= 0)
		return status;
	if (catalog_load(&catalog))
		return complain("out of memory");
	err = inventory_init(&inventory, &catalog, arguments.root);
	if (err) {
		catalog_done(&catalog);
		return complain("%s: %s", arguments.root, strerror(-err));
	}
	inventory.hash = arguments.hash;
	inventory.io_limit = (uint64_t)arguments.io_limit << 20;
	err = inventory_collect(&inventory);
	status = err ? complain("cannot take the inventory: %s", strerror(-err)) : write_inventory(&arguments, &inventory);
	inventory_done(&inventory);
	catalog_done(&catalog);
	return status;
}
