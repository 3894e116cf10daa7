/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the catalogue says that a product's files are: programs, units, scheduled runs, accounts, modules, what it wrote. */
#include "inventory/inventory.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct found {
	const struct catalog_product *product;
	const struct catalog_fact *fact;
	enum item_kind kind;
};

/* ---- paths ---- */

static void count_tree(struct inventory *inventory, struct item *item)
{
	struct tree tree;

	root_tree(inventory, item->what, &tree);
	item->files = tree.files;
	item->bytes = tree.bytes;
	item->programs = tree.programs;
	item->counted = true;
	item->detail = tree.cut ? inventory_format(inventory, "more than %d entries", TREE_ENTRIES_MAX) : NULL;
}

static void found_path(struct inventory *inventory, const char *path, void *context)
{
	const struct found *found = context;
	struct item *item;
	bool program, inert;
	struct stat st;

	if (root_stat(inventory, path, true, &st) && root_stat(inventory, path, false, &st))
		return;
	program = found->kind == ITEM_EXECUTABLE || found->kind == ITEM_SCRIPT;
	if (program && !S_ISREG(st.st_mode))
		return;
	if (found->kind == ITEM_DIRECTORY && !S_ISDIR(st.st_mode))
		return; /* a link to nowhere */
	/* a program is a file that may be run; what is called so and is none is a file that was left */
	inert = program && !(st.st_mode & 0111);
	item = item_add(inventory, inert ? ITEM_DATA : found->kind, found->product, found->fact, path);
	if (!item)
		return;
	if (inert)
		item->detail = inventory_copy(inventory, "may not be run");
	if (S_ISDIR(st.st_mode)) {
		count_tree(inventory, item);
	} else if (S_ISREG(st.st_mode)) {
		item->bytes = st.st_size;
		item->files = 1;
	}
}

static void look_for_path(struct inventory *inventory, const struct catalog_product *product, const struct catalog_fact *fact, enum item_kind kind)
{
	struct found found = {product, fact, kind};

	root_glob(inventory, fact->value, found_path, &found);
}

/* ---- units ---- */

static const char *const unit_places[] = {
	"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"};

struct wants {
	const char *unit;
	bool enabled;
};

static void wanted_by(struct inventory *inventory, const char *path, void *context)
{
	struct wants *wants = context;
	char entry[PATH_MAX];
	struct stat st;
	const char *dot = strrchr(path, '.');

	if (!dot || (strcmp(dot, ".wants") && strcmp(dot, ".requires")))
		return;
	if ((size_t)snprintf(entry, sizeof(entry), "%s/%s", path, wants->unit) < sizeof(entry) && !root_stat(inventory, entry, false, &st))
		wants->enabled = true;
}

static void found_unit(struct inventory *inventory, const struct catalog_product *product, const struct catalog_fact *fact, const char *name)
{
	struct wants wants = {.unit = name};
	char path[PATH_MAX];
	struct item *item;
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(unit_places) / sizeof(*unit_places); i++) {
		snprintf(path, sizeof(path), "%s/%s", unit_places[i], name);
		if (root_stat(inventory, path, false, &st))
			continue;
		item = item_add(inventory, ITEM_UNIT, product, fact, path);
		if (!item)
			return;
		root_each(inventory, "/etc/systemd/system", wanted_by, &wants);
		/* a link to nowhere or /dev/null masks a unit */
		item->detail = inventory_copy(inventory, wants.enabled ? "enabled" : S_ISLNK(st.st_mode) ? "a link" : "not enabled");
		return;
	}
}

static bool names_unit(const char *name)
{
	static const char *const suffixes[] = {".service", ".socket", ".timer", ".target", ".path", ".mount"};
	const char *dot = strrchr(name, '.');
	size_t i;

	for (i = 0; dot && i < sizeof(suffixes) / sizeof(*suffixes); i++)
		if (!strcmp(dot, suffixes[i]))
			return true;
	return false;
}

static void look_for_unit(struct inventory *inventory, const struct catalog_product *product, const struct catalog_fact *fact)
{
	char name[NAME_MAX + 1];
	struct found found = {product, fact, ITEM_INIT};

	if (names_unit(fact->value)) {
		found_unit(inventory, product, fact, fact->value);
		return;
	}
	snprintf(name, sizeof(name), "%s.service", fact->value);
	found_unit(inventory, product, fact, name);
	snprintf(name, sizeof(name), "/etc/init.d/%s", fact->value);
	root_glob(inventory, name, found_path, &found);
}

/* ---- all facts of all products ---- */

static void look_for(struct inventory *inventory, const struct catalog_product *product, const struct catalog_fact *fact)
{
	static const struct {
		bool is_path;
		enum item_kind kind;
	} paths[CATALOG_KIND_COUNT] = {
		[CATALOG_PREFIX] = {true, ITEM_DIRECTORY},
		[CATALOG_EXECUTABLE] = {true, ITEM_EXECUTABLE},
		[CATALOG_SCRIPT] = {true, ITEM_SCRIPT},
		[CATALOG_INIT] = {true, ITEM_INIT},
		[CATALOG_CRON] = {true, ITEM_CRON},
		[CATALOG_DATA] = {true, ITEM_DATA},
		[CATALOG_RUNTIME] = {true, ITEM_RUNTIME},
		[CATALOG_SHARED] = {true, ITEM_SHARED},
	};

	if (paths[fact->kind].is_path)
		look_for_path(inventory, product, fact, paths[fact->kind].kind);
	else if (fact->kind == CATALOG_UNIT)
		look_for_unit(inventory, product, fact);
}

/* ---- accounts ---- */

static void read_accounts(struct inventory *inventory)
{
	char *text = root_read(inventory, "/etc/passwd", 16u << 20, NULL), *line, *end;
	uint64_t count = 0;
	size_t i, k, length;

	for (line = text; line && *line; line = end, count++) {
		end = strchrnul(line, '\n');
		if (*end)
			*end++ = '\0';
		length = strcspn(line, ":");
		for (i = 0; i < inventory->catalog->count; i++)
			for (k = 0; k < inventory->catalog->products[i].count; k++) {
				const struct catalog_fact *fact = &inventory->catalog->products[i].facts[k];
				struct item *item;

				if (fact->kind != CATALOG_USER || strlen(fact->value) != length || strncmp(fact->value, line, length))
					continue;
				item = item_add(inventory, ITEM_USER, &inventory->catalog->products[i], fact, fact->value);
				if (item)
					item->detail = inventory_copy(inventory, line + length + (line[length] == ':'));
			}
	}
	looked_at(inventory, "accounts (/etc/passwd)", text ? "read" : "not readable", count);
	free(text);
}

/* ---- kernel modules ---- */

static uint64_t modules_seen;

static void match_module(struct inventory *inventory, const char *name, size_t length, enum item_kind kind, const char *what)
{
	char plain[256];
	size_t i, k;

	if (length >= sizeof(plain))
		return;
	for (i = 0; i < length; i++)
		plain[i] = name[i] == '-' ? '_' : name[i];
	plain[length] = '\0';
	for (i = 0; i < inventory->catalog->count; i++)
		for (k = 0; k < inventory->catalog->products[i].count; k++) {
			const struct catalog_fact *fact = &inventory->catalog->products[i].facts[k];

			if (fact->kind == CATALOG_MODULE && !fnmatch(fact->value, plain, 0))
				item_add(inventory, kind, &inventory->catalog->products[i], fact, what);
		}
}

static void module_file(struct inventory *inventory, const char *path, void *context)
{
	const char *name = strrchr(path, '/') + 1, *dot = strstr(name, ".ko");
	int depth = *(int *)context + 1;
	struct stat st;

	if (dot && (!dot[3] || dot[3] == '.')) {
		modules_seen++;
		match_module(inventory, name, dot - name, ITEM_MODULE_FILE, path);
	} else if (depth < 12 && !root_stat(inventory, path, false, &st) && S_ISDIR(st.st_mode)) {
		root_each(inventory, path, module_file, &depth);
	}
}

static void read_modules(struct inventory *inventory)
{
	uint64_t loaded = 0;
	char *text, *line, *end;
	int depth = 0, err;

	modules_seen = 0;
	err = root_each(inventory, "/lib/modules", module_file, &depth);
	looked_at(inventory, "kernel modules on disk", err ? "not there" : "read", modules_seen);
	if (!inventory->live)
		return;
	text = root_read(inventory, "/proc/modules", 16u << 20, NULL);
	for (line = text; line && *line; line = end, loaded++) {
		end = strchrnul(line, '\n');
		if (*end)
			*end++ = '\0';
		line[strcspn(line, " ")] = '\0';
		match_module(inventory, line, strlen(line), ITEM_MODULE, line);
	}
	looked_at(inventory, "kernel modules loaded", text ? "read" : "not readable", loaded);
	free(text);
}

void places_read(struct inventory *inventory)
{
	uint64_t facts = 0;
	size_t i, k;

	for (i = 0; i < inventory->catalog->count; i++)
		facts += inventory->catalog->products[i].count;
	inventory_phase(inventory, "looking for files", facts);
	for (i = 0; i < inventory->catalog->count; i++)
		for (k = 0; k < inventory->catalog->products[i].count; k++) {
			inventory_step(inventory);
			if (!inventory->catalog->products[i].ordinary)
				look_for(inventory, &inventory->catalog->products[i], &inventory->catalog->products[i].facts[k]);
		}
	looked_at(inventory, "places that the catalogue knows", "read", facts);
	read_accounts(inventory);
	read_modules(inventory);
}
