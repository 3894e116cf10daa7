/* SPDX-License-Identifier: BSD-2-Clause */
#include "analyse/analyse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/index.h"
#include "inventory/inventory.h"
#include "inventory/plan.h"
#include "inventory/seal.h"
#include "inventory/since.h"

#define IO_LIMIT_DEFAULT 64 /* MiB a second */

struct arguments {
	const char *root, *output, *case_path, *product, *since_path, *seal;
	bool plan, list;
	size_t format; /* row */
	bool hash;
	unsigned long io_limit; /* MiB a second; 0: none */
};

enum { TEXT, JSON };

static const struct {
	const char *name;
	int (*write)(const struct inventory *inventory, FILE *out);
} formats[] = {[TEXT] = {"text", inventory_text}, [JSON] = {"json", inventory_json}};

enum { OPTION_ROOT = 256, OPTION_HASH, OPTION_IO_LIMIT, OPTION_PLAN, OPTION_CASE, OPTION_PRODUCT, OPTION_SINCE, OPTION_SEAL, OPTION_LIST };

static const struct option options[] = {
	{"format", required_argument, NULL, 'f'},
	{"output", required_argument, NULL, 'o'},
	{"root", required_argument, NULL, OPTION_ROOT},
	{"hash", no_argument, NULL, OPTION_HASH},
	{"io-limit", required_argument, NULL, OPTION_IO_LIMIT},
	{"plan", no_argument, NULL, OPTION_PLAN},
	{"case", required_argument, NULL, OPTION_CASE},
	{"product", required_argument, NULL, OPTION_PRODUCT},
	{"since", required_argument, NULL, OPTION_SINCE},
	{"seal", required_argument, NULL, OPTION_SEAL},
	{"list", no_argument, NULL, OPTION_LIST},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static int parse_option(const struct command *command, void *context, int option)
{
	struct arguments *arguments = context;
	char *end;

	switch (option) {
	case 'f':
		return PARSE_NAME(command, "format", formats, &arguments->format);
	case 'o':
		arguments->output = optarg;
		return GO_ON;
	case OPTION_ROOT:
		arguments->root = optarg;
		return GO_ON;
	case OPTION_HASH:
		arguments->hash = true;
		return GO_ON;
	case OPTION_PLAN:
		arguments->plan = true;
		return GO_ON;
	case OPTION_LIST:
		arguments->list = true;
		return GO_ON;
	case OPTION_CASE:
		arguments->case_path = optarg;
		return GO_ON;
	case OPTION_SINCE:
		arguments->since_path = optarg;
		return GO_ON;
	case OPTION_SEAL:
		arguments->seal = optarg;
		return GO_ON;
	case OPTION_PRODUCT:
		arguments->product = optarg;
		return GO_ON;
	default:
		arguments->io_limit = strtoul(optarg, &end, 10);
		if (*end || end == optarg || *optarg == '-' || arguments->io_limit > 1000000)
			return misused(command, "--io-limit %s: not a number of MiB a second (0: no limit)", optarg);
		return GO_ON;
	}
}

static int parse_arguments(const struct command *command, int argc, char **argv, struct arguments *arguments)
{
	int status = parse_options(command, argc, argv, options, parse_option, arguments);

	if (status != GO_ON)
		return status;
	if (optind != argc)
		return misused(command, "unexpected word '%s'", argv[optind]);
	if (arguments->case_path && !arguments->plan)
		return misused(command, "--case goes with --plan");
	if (arguments->plan && arguments->since_path)
		return misused(command, "--plan and --since are two things");
	if (arguments->product && !arguments->plan && !arguments->since_path)
		return misused(command, "--product goes with --plan or --since");
	if (arguments->plan && arguments->seal)
		return misused(command, "--plan and --seal are two things");
	if (arguments->plan && arguments->format == JSON)
		return misused(command, "--plan is a text");
	return GO_ON;
}

static int write_plan(const struct arguments *arguments, const struct inventory *inventory, FILE *out)
{
	const struct catalog_product *only = arguments->product ? catalog_find(inventory->catalog, arguments->product) : NULL;
	const struct open_options open_options = {0};
	struct index_problems problems;
	sqlite3 *db = NULL;
	int err, status;

	if (arguments->case_path) {
		status = open_case_with(arguments->case_path, &open_options, &db, &problems);
		if (status)
			return status;
	}
	err = plan_text(inventory, only, db, arguments->case_path, out);
	sqlite3_close(db);
	return err ? complain("%s: cannot be read: %s", arguments->case_path, strerror(-err)) : EXIT_DONE;
}

/* 0 only if nothing is left. */
static int write_since(const struct arguments *arguments, const struct since *since, const struct inventory *inventory, FILE *out)
{
	const char *only = arguments->product ? catalog_find(inventory->catalog, arguments->product)->id : NULL;
	bool gone = false;

	if (arguments->format == JSON)
		since_json(since, inventory, only, out, &gone);
	else
		since_text(since, inventory, only, out, &gone);
	return gone ? EXIT_DONE : EXIT_FAILED;
}

static int write_inventory(const struct arguments *arguments, const struct since *since, const struct inventory *inventory)
{
	int status, closed;
	FILE *out;

	status = open_output(arguments->output, &out);
	if (status)
		return status;
	status = since ? write_since(arguments, since, inventory, out) : arguments->plan ? write_plan(arguments, inventory, out) : formats[arguments->format].write(inventory, out);
	closed = close_output(arguments->output, out);
	return status ? status : closed;
}

static int open_since(const char *path, struct since **ret_since)
{
	char what[SINCE_WHAT];
	int err = path ? since_open(ret_since, path, what) : 0;

	if (err == -EBADMSG)
		return complain("%s: not what quis inventory --format json writes: %s", path, what);
	return err ? complain("%s: %s", path, strerror(-err)) : EXIT_DONE;
}

static int seal(const struct arguments *arguments, const struct since *since, struct inventory *inventory, int status)
{
	int err = inventory_seal(inventory, arguments->seal, since ? since_taken(since) : NULL, status == EXIT_DONE);

	if (err == -EEXIST)
		return complain("%s: not empty; a sealed inventory needs a directory of its own", arguments->seal);
	return err ? complain("%s: cannot be sealed: %s", arguments->seal, strerror(-err)) : status;
}

static int list_products(const struct arguments *arguments, const struct catalog *catalog)
{
	const struct catalog_product *product;
	size_t i;
	FILE *out;

	if (open_output(arguments->output, &out))
		return EXIT_FAILED;
	for (i = 0; i < catalog->count; i++) {
		product = &catalog->products[i];
		if (!product->ordinary)
			fprintf(out, "%-20s %s\n", product->id, product->name);
	}
	return close_output(arguments->output, out);
}

static int take_inventory(const struct arguments *arguments, const struct since *since, const struct catalog *catalog)
{
	struct inventory inventory;
	int err = inventory_init(&inventory, catalog, arguments->root), status;

	if (err == -ENOSYS)
		return complain("%s: this kernel cannot keep links from leading out of it (openat2, Linux 5.6)", arguments->root);
	if (err)
		return complain("%s: %s", arguments->root, strerror(-err));
	inventory.hash = arguments->hash;
	inventory.io_limit = (uint64_t)arguments->io_limit << 20;
	err = inventory_collect(&inventory);
	status = err ? complain("cannot take the inventory: %s", strerror(-err)) : write_inventory(arguments, since, &inventory);
	if (!err && arguments->seal)
		status = seal(arguments, since, &inventory, status);
	inventory_done(&inventory);
	return status;
}

int command_inventory(const struct command *command, int argc, char **argv)
{
	struct arguments arguments = {.root = "/", .io_limit = IO_LIMIT_DEFAULT};
	int status = parse_arguments(command, argc, argv, &arguments);
	struct since *since = NULL;
	struct catalog catalog;

	if (status != GO_ON)
		return status;
	if (catalog_load(&catalog))
		return complain("out of memory");
	if (arguments.list)
		status = list_products(&arguments, &catalog);
	else if (arguments.product && !catalog_find(&catalog, arguments.product))
		status = misused(command, "--product %s: not in the catalogue", arguments.product);
	else
		status = open_since(arguments.since_path, &since);
	if (!status && !arguments.list)
		status = take_inventory(&arguments, since, &catalog);
	since_free(since);
	catalog_done(&catalog);
	return status;
}
