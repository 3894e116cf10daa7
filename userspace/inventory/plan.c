/* SPDX-License-Identifier: BSD-2-Clause */
#include "inventory/plan.h"

#include <inttypes.h>
#include <string.h>

#include "analyse/report_text.h"

#define KIND(x) (1u << ITEM_##x)
#define PATHS (KIND(DIRECTORY) | KIND(EXECUTABLE) | KIND(SCRIPT) | KIND(DATA) | KIND(RUNTIME) | KIND(SHARED) | KIND(INIT) | KIND(CRON) | KIND(UNIT))

static void put_none(size_t count, FILE *out)
{
	if (!count)
		fputs("  none found\n", out);
}

/* ---- packages, and who needs them ---- */

static bool is_of(const struct package *package, const struct catalog_product *product)
{
	return package->product == product && !package->removed;
}

/* Whether the list of what a package provides names it. */
static bool provides(const struct package *package, const char *name, size_t length)
{
	const char *at = package->provides;

	while (at && (at = strstr(at, name))) {
		if ((at == package->provides || strchr(" ,", at[-1])) && !strncmp(at, name, length) && (!at[length] || strchr(" ,(", at[length])))
			return true;
		at++;
	}
	return false;
}

static bool names_product(const struct inventory *inventory, const struct catalog_product *product, const char *name, size_t length)
{
	char copy[256];
	size_t i;

	if (!length || length >= sizeof(copy))
		return false;
	memcpy(copy, name, length);
	copy[length] = '\0';
	for (i = 0; i < inventory->package_count; i++)
		if (is_of(&inventory->packages[i], product) &&
			(!strcmp(inventory->packages[i].name, copy) || provides(&inventory->packages[i], copy, length)))
			return true;
	return false;
}

/* One of the things that a package needs: "a (>= 1) | b". True: the product is among them; another that would do too is said. */
static bool needs_product(const struct inventory *inventory, const struct catalog_product *product, const char *clause, size_t length,
	char *other, size_t size)
{
	const char *end = clause + length, *stop;
	bool named = false;

	other[0] = '\0';
	for (; clause < end; clause = stop + 1) {
		size_t name;

		stop = memchr(clause, '|', end - clause);
		stop = stop ? stop : end;
		while (clause < stop && *clause == ' ')
			clause++;
		name = strcspn(clause, " (:|,");
		if (name > (size_t)(stop - clause))
			name = stop - clause;
		if (names_product(inventory, product, clause, name))
			named = true;
		else
			snprintf(other, size, "%.*s", (int)name, clause);
	}
	return named;
}

static size_t put_needing(const struct inventory *inventory, const struct catalog_product *product, const struct package *package, FILE *out)
{
	const char *clause = package->needs, *end;
	char other[128];

	for (; clause && *clause; clause = *end ? end + 1 : end) {
		end = strchrnul(clause, ',');
		if (!needs_product(inventory, product, clause, end - clause, other, sizeof(other)))
			continue;
		fputs("  ", out);
		text_hostile(out, package->name);
		fprintf(out, " (%s) needs it", package->manager);
		if (*other) {
			fputs(", or ", out);
			text_hostile(out, other);
		}
		fputc('\n', out);
		return 1;
	}
	return 0;
}

static void put_packages(const struct inventory *inventory, const struct catalog_product *product, FILE *out)
{
	size_t i, count = 0;

	fputs("\nPackages to remove:\n", out);
	for (i = 0; i < inventory->package_count; i++) {
		const struct package *package = &inventory->packages[i];

		if (package->product != product)
			continue;
		fputs("  ", out);
		text_hostile(out, package->name);
		fputc(' ', out);
		text_hostile(out, package->version);
		fprintf(out, " (%s)%s\n", package->manager, package->removed ? ", removed already, its configuration is left: purge" : "");
		count++;
	}
	put_none(count, out);
	fputs("\nOther packages that depend on them:\n", out);
	for (i = count = 0; i < inventory->package_count; i++)
		if (inventory->packages[i].product != product && !inventory->packages[i].removed)
			count += put_needing(inventory, product, &inventory->packages[i], out);
	put_none(count, out);
}

/* ---- what was found ---- */

static void put_items(const struct finding *finding, const char *title, unsigned kinds, FILE *out)
{
	size_t i, count = 0;

	fprintf(out, "\n%s:\n", title);
	for (i = 0; i < finding->count; i++)
		if (kinds & 1u << finding->items[i]->kind) {
			item_text(finding->items[i], out);
			count++;
		}
	put_none(count, out);
}

static void put_files(const struct finding *finding, FILE *out)
{
	char size[SIZE_TEXT];
	size_t i, count = 0;

	fputs("\nFiles and directories that belong to no package, or hold files that do not:\n", out);
	for (i = 0; i < finding->count; i++) {
		const struct item *item = finding->items[i];
		uint64_t loose = item->files > item->owned ? item->files - item->owned : 0;

		if (!(PATHS & 1u << item->kind) || (item->owner && !item->counted) || (item->owner && !loose))
			continue;
		fputs("  ", out);
		text_hostile(out, item->what);
		if (item->counted)
			fprintf(out, "  %" PRIu64 " of %" PRIu64 " file%s, %s in all", loose, item->files, item->files == 1 ? "" : "s",
				text_size(size, item->bytes));
		if (item->kind == ITEM_SHARED || item->foreign)
			fputs("; others use it too: look before you remove it", out);
		fputc('\n', out);
		count++;
	}
	put_none(count, out);
}

static void put_caution(const struct inventory *inventory, FILE *out)
{
	size_t i;

	for (i = 0; i < inventory->watcher_count; i++)
		if (inventory->watchers[i].kind == WATCH_BPF && !inventory->watchers[i].process) {
			fputs("\nNote: there are BPF programs that no process holds; whose they are is not known.\n", out);
			break;
		}
	for (i = 0; i < inventory->unseen_count; i++) {
		fputs("Not seen: ", out);
		text_hostile(out, inventory->unseen[i]);
		fputs(".\n", out);
	}
}

static int put_plan(const struct inventory *inventory, const struct finding *finding, sqlite3 *db, const char *case_path, FILE *out)
{
	fprintf(out, "What the removal of %s (%s) would touch. It is %s (%s). Nothing was changed.\n", finding->product->name,
		finding->product->id, finding_state_name(finding->state), finding_confidence(finding));
	put_items(finding, "What runs, and would be stopped", KIND(PROCESS) | KIND(LISTENER), out);
	put_items(finding, "What waits for its answers or is watched by it, and would be no more", KIND(FANOTIFY) | KIND(AUDIT) | KIND(BPF), out);
	put_items(finding, "What starts it", KIND(UNIT) | KIND(INIT) | KIND(CRON), out);
	put_packages(inventory, finding->product, out);
	put_files(finding, out);
	put_items(finding, "Accounts", KIND(USER), out);
	put_items(finding, "Kernel modules", KIND(MODULE) | KIND(MODULE_FILE), out);
	put_items(finding, "Certificates, package sources and keys that name its vendor", KIND(TRUST_ANCHOR) | KIND(REPOSITORY) | KIND(KEY), out);
	return db ? plan_case(finding->product, db, case_path, out) : 0;
}

int plan_text(const struct inventory *inventory, const struct catalog_product *only, sqlite3 *db, const char *case_path, FILE *out)
{
	size_t i, count = 0;
	int err = 0;

	for (i = 0; i < inventory->finding_count && !err; i++) {
		const struct finding *finding = &inventory->findings[i];

		if (only ? finding->product != only : finding->state == FOUND_HINT)
			continue;
		if (count++)
			fputs("\n\n", out);
		err = put_plan(inventory, finding, db, case_path, out);
	}
	if (!count)
		fprintf(out, "Nothing of %s was found: there is nothing to plan.\n", only ? only->name : "the products in the catalogue");
	if (count && !db)
		fputs("\nWhat other software asks of it is in a recording: quis record --product NAME -o CASE, then --plan --case CASE.\n", out);
	put_caution(inventory, out);
	return err;
}
