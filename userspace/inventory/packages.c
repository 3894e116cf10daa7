/* SPDX-License-Identifier: BSD-2-Clause */
/* What the package databases say is installed, and whose the files are that were found. */
#include "inventory/inventory.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_MAX (256u << 20)
#define LIST_MAX (64u << 20)

struct package *package_add(struct inventory *inventory, const char *manager, const char *name, const char *version)
{
	struct package *package =
		inventory_grow(inventory, &inventory->packages, &inventory->package_count, sizeof(*package), PACKAGES_MAX);
	size_t i, k;

	if (!package)
		return NULL;
	package->manager = manager;
	package->name = inventory_copy(inventory, name);
	package->version = inventory_copy(inventory, version);
	if (inventory->error) {
		free(package->name);
		free(package->version);
		inventory->package_count--;
		return NULL;
	}
	for (i = 0; i < inventory->catalog->count; i++)
		for (k = 0; k < inventory->catalog->products[i].count; k++) {
			const struct catalog_fact *fact = &inventory->catalog->products[i].facts[k];

			if ((fact->kind != CATALOG_PACKAGE && fact->kind != CATALOG_PART) || strcmp(fact->value, name))
				continue;
			package->product = &inventory->catalog->products[i];
			package->fact = fact;
		}
	return package;
}

static void tell_packages(struct inventory *inventory)
{
	struct item *item;
	size_t i;

	for (i = 0; i < inventory->package_count; i++) {
		const struct package *package = &inventory->packages[i];

		if (!package->product)
			continue;
		item = item_add(inventory, ITEM_PACKAGE, package->product, package->fact, package->name);
		if (!item)
			continue;
		item->removed = package->removed;
		item->part = package->fact->kind == CATALOG_PART;
		item->detail = inventory_format(inventory, "%s%s%s%s", package->manager, *package->version ? " " : "", package->version,
			package->removed ? ", removed, configuration left" : "");
	}
}

/* ---- dpkg ---- */

/* The value of a field of a paragraph, its first line; "" if there is none. */
static void field(const char *paragraph, const char *end, const char *name, char *out, size_t size)
{
	size_t length = strlen(name), len;
	const char *line, *stop;

	out[0] = '\0';
	for (line = paragraph; line < end; line = stop + 1) {
		stop = memchr(line, '\n', end - line);
		if (!stop)
			stop = end;
		if ((size_t)(stop - line) > length && !strncasecmp(line, name, length) && line[length] == ':') {
			line += length + 1;
			while (line < stop && *line == ' ')
				line++;
			len = (size_t)(stop - line) < size ? (size_t)(stop - line) : size - 1;
			memcpy(out, line, len);
			out[len] = '\0';
			return;
		}
	}
}

static void dpkg_paragraph(struct inventory *inventory, const char *text, const char *end, bool always)
{
	static char needs[16384], before[4096];
	char name[256], status[128], version[256], provides[2048];
	struct package *package;
	bool installed;

	field(text, end, "Package", name, sizeof(name));
	field(text, end, "Status", status, sizeof(status));
	installed = always || strstr(status, " installed") || strstr(status, "half-") || strstr(status, "unpacked");
	if (!*name || (!installed && !strstr(status, "config-files")))
		return;
	field(text, end, "Version", version, sizeof(version));
	package = package_add(inventory, "dpkg", name, version);
	if (!package)
		return;
	package->removed = !installed;
	field(text, end, "Depends", needs, sizeof(needs));
	field(text, end, "Pre-Depends", before, sizeof(before));
	field(text, end, "Provides", provides, sizeof(provides));
	if (*needs || *before)
		package->needs = inventory_format(inventory, "%s%s%s", needs, *needs && *before ? ", " : "", before);
	if (*provides)
		package->provides = inventory_copy(inventory, provides);
}

void dpkg_text(struct inventory *inventory, const char *text, bool always)
{
	const char *end;

	for (; *text; text = end) {
		end = strstr(text, "\n\n");
		end = end ? end + 1 : text + strlen(text);
		dpkg_paragraph(inventory, text, end, always);
		while (*end == '\n')
			end++;
	}
}

static void dpkg_part(struct inventory *inventory, const char *path, void *context)
{
	char *text;

	(void)context;
	if (strstr(path, ".md5sums"))
		return;
	text = root_read(inventory, path, STATUS_MAX, NULL);
	if (text)
		dpkg_text(inventory, text, true);
	free(text);
}

static void dpkg_read(struct inventory *inventory)
{
	char *text = root_read(inventory, "/var/lib/dpkg/status", STATUS_MAX, NULL);
	size_t before = inventory->package_count;

	if (text)
		dpkg_text(inventory, text, false);
	/* images without a package manager keep a file for each package */
	if (!root_each(inventory, "/var/lib/dpkg/status.d", dpkg_part, NULL) || text)
		looked_at(inventory, "packages (dpkg)", "read", inventory->package_count - before);
	else
		looked_at(inventory, "packages (dpkg)", "no database", 0);
	free(text);
}

/* ---- snap, flatpak ---- */

struct names {
	const char *manager;
	char cut; /* the name ends there: "NAME_REVISION.snap" */
};

static void named_file(struct inventory *inventory, const char *path, void *context)
{
	const struct names *names = context;
	char name[NAME_MAX + 1], *end;

	snprintf(name, sizeof(name), "%s", strrchr(path, '/') + 1);
	end = names->cut ? strchr(name, names->cut) : NULL;
	if (names->cut && !end)
		return;
	if (end)
		*end = '\0';
	package_add(inventory, names->manager, name, "");
}

static void files_read(struct inventory *inventory, const char *what, const char *directory, const char *manager, char cut)
{
	struct names names = {manager, cut};
	size_t before = inventory->package_count;
	int err = root_each(inventory, directory, named_file, &names);

	looked_at(inventory, what, err == -ENOENT ? "no database" : err ? "not readable" : "read", inventory->package_count - before);
}

static void others(struct inventory *inventory)
{
	static const struct {
		const char *path, *what;
	} unread[] = {
		{"/lib/apk/db/installed", "apk"},
		{"/var/lib/pacman/local", "pacman"},
		{"/var/lib/rpm/Packages", "rpm (Berkeley DB)"},
		{"/var/lib/rpm/Packages.db", "rpm (ndb)"},
		{"/usr/lib/sysimage/rpm/Packages.db", "rpm (ndb)"},
	};
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(unread) / sizeof(*unread); i++)
		if (!root_stat(inventory, unread[i].path, true, &st))
			not_seen(inventory, "the package database %s (%s) is there, and is not read by this version", unread[i].path, unread[i].what);
}

void packages_read(struct inventory *inventory)
{
	dpkg_read(inventory);
	rpm_read(inventory, false);
	files_read(inventory, "packages (snap)", "/var/lib/snapd/snaps", "snap", '_');
	files_read(inventory, "packages (flatpak)", "/var/lib/flatpak/app", "flatpak", '\0');
	others(inventory);
	tell_packages(inventory);
}

/* ---- whose a path is ---- */

static bool has_path(const struct item *item)
{
	return item->what[0] == '/' && item->kind != ITEM_PROCESS;
}

static bool of_product(const struct inventory *inventory, const struct item *item, const char *package)
{
	size_t i;

	for (i = 0; i < inventory->package_count; i++)
		if (inventory->packages[i].product == item->product && !strcmp(inventory->packages[i].name, package))
			return true;
	return false;
}

/* What may be anybody's: a directory; a unit or crontab that only names one of the product's programs. */
static bool may_be_foreign(const struct item *item)
{
	if (item->kind == ITEM_UNIT || item->kind == ITEM_CRON)
		return item->fact->kind != CATALOG_UNIT && item->fact->kind != CATALOG_CRON;
	return item->kind == ITEM_DATA || item->kind == ITEM_DIRECTORY || item->kind == ITEM_SHARED || item->kind == ITEM_RUNTIME;
}

/* dpkg and rpm know a path as it was packed: the merged directories are compared as one. */
void owner_found(struct inventory *inventory, const char *path, const char *package)
{
	size_t i;

	for (i = 0; i < inventory->item_count; i++) {
		struct item *item = &inventory->items[i];

		if (!has_path(item) || (item->owner && !item->foreign) || !catalog_path_matches(item->what, path, false))
			continue;
		free(item->owner);
		item->owner = inventory_copy(inventory, package);
		/* a program at a known place is what it is; a mere directory may be anybody's */
		item->foreign = !of_product(inventory, item, package) && may_be_foreign(item);
	}
}

/* A packed file below a directory that was found. */
void file_below(struct inventory *inventory, const char *path)
{
	struct stat st;
	size_t i, length;

	for (i = 0; i < inventory->item_count; i++) {
		struct item *item = &inventory->items[i];

		length = item->counted ? strlen(item->what) : 0;
		if (length && !strncmp(path, item->what, length) && path[length] == '/' && !root_stat(inventory, path, false, &st) &&
			!S_ISDIR(st.st_mode))
			item->owned++;
	}
}

/* The last component of each item's path, so that most of a million lines need no closer look. */
struct wanted {
	uint64_t bits[64];
};

static unsigned bit_of(const char *name, size_t length)
{
	unsigned hash = 5381;
	size_t i;

	for (i = 0; i < length; i++)
		hash = hash * 33 ^ (unsigned char)name[i];
	return hash & 4095;
}

static void want_items(const struct inventory *inventory, struct wanted *wanted)
{
	size_t i;

	memset(wanted, 0, sizeof(*wanted));
	for (i = 0; i < inventory->item_count; i++)
		if (has_path(&inventory->items[i])) {
			const char *name = strrchr(inventory->items[i].what, '/') + 1;
			unsigned bit = bit_of(name, strlen(name));

			wanted->bits[bit / 64] |= 1ull << bit % 64;
		}
}

static void dpkg_list(struct inventory *inventory, const char *path, void *context)
{
	const struct wanted *wanted = context;
	const char *name = strrchr(path, '/') + 1, *dot = strrchr(name, '.'), *slash;
	char package[256], *text, *line, *end;
	unsigned bit;

	if (!dot || strcmp(dot, ".list") || (size_t)(dot - name) >= sizeof(package))
		return;
	snprintf(package, sizeof(package), "%.*s", (int)strcspn(name, ":"), name);
	if (strlen(package) > (size_t)(dot - name))
		package[dot - name] = '\0';
	text = root_read(inventory, path, LIST_MAX, NULL);
	inventory_step(inventory);
	for (line = text; line && *line; line = end) {
		end = strchrnul(line, '\n');
		if (*end)
			*end++ = '\0';
		slash = strrchr(line, '/');
		if (!slash)
			continue;
		file_below(inventory, line);
		bit = bit_of(slash + 1, strlen(slash + 1));
		if (wanted->bits[bit / 64] & 1ull << bit % 64)
			owner_found(inventory, line, package);
	}
	free(text);
}

void packages_owners(struct inventory *inventory)
{
	struct wanted wanted;

	want_items(inventory, &wanted);
	inventory_phase(inventory, "whose files are whose", inventory->package_count);
	root_each(inventory, "/var/lib/dpkg/info", dpkg_list, &wanted);
	rpm_read(inventory, true);
}
