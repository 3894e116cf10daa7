/* SPDX-License-Identifier: BSD-2-Clause */
/* The inventory for people. Everything that is not ours goes through text_plain(). */
#include "inventory/inventory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/report_text.h"
#include "case/case.h"
#include "inventory/host.h"

void text_hostile(FILE *out, const char *text)
{
	char buffer[4096 * 4];

	text_plain(buffer, sizeof(buffer), text, strlen(text));
	fputs(buffer, out);
}

static void put_head(const struct inventory *inventory, FILE *out)
{
	char when[TIME_TEXT];
	struct host host;

	host_read((struct inventory *)inventory, &host);
	text_time(when, host.now);
	text_hostile(out, *host.name ? host.name : "a host without a name");
	if (*host.system) {
		fputs(", ", out);
		text_hostile(out, host.system);
	}
	if (*host.kernel) {
		fputs(", kernel ", out);
		text_hostile(out, host.kernel);
	}
	fprintf(out, ", %.19s UTC", when);
	if (!inventory->live) {
		fputs("; files below ", out);
		text_hostile(out, inventory->root);
		fputs(": what runs is not looked at", out);
	} else if (!inventory->privileged) {
		fputs("; not as root, so not all is seen", out);
	}
	fputc('\n', out);
}

void item_text(const struct item *item, FILE *out)
{
	char size[SIZE_TEXT];

	fprintf(out, "  %-12s ", item_kind_name(item->kind));
	text_hostile(out, item->what);
	if (item->counted)
		fprintf(out, " (%" PRIu64 " file%s, %s)", item->files, item->files == 1 ? "" : "s", text_size(size, item->bytes));
	if (item->detail) {
		fputs("  ", out);
		text_hostile(out, item->detail);
	}
	if (item->owner && item->foreign) {
		fputs("  belongs to package ", out);
		text_hostile(out, item->owner);
	}
	if (item->fact)
		fprintf(out, "  [%s]", catalog_level_name(catalog_level(item->fact)));
	fputc('\n', out);
	if (*item->sha256)
		fprintf(out, "  %-12s sha256 %s\n", "", item->sha256);
}

static void put_finding(const struct finding *finding, FILE *out)
{
	const struct catalog_fact *vendor = catalog_fact(finding->product, CATALOG_VENDOR),
				  *country = catalog_fact(finding->product, CATALOG_COUNTRY);
	size_t i;

	fprintf(out, "\n%s (%s): %s", finding->product->name, finding->product->id, finding_state_name(finding->state));
	if (finding->state != FOUND_HINT)
		fprintf(out, ", %s (best evidence: %s)", finding_confidence(finding), catalog_level_name(finding->level));
	fputc('\n', out);
	if (vendor)
		fprintf(out, "  %-12s %s  [%s]\n", "vendor", vendor->value, catalog_level_name(catalog_level(vendor)));
	if (country)
		fprintf(out, "  %-12s %s, according to %s  [%s]\n", "country", country->value, country->sources[0].text,
			catalog_level_name(catalog_level(country)));
	for (i = 0; i < finding->count; i++)
		item_text(finding->items[i], out);
}

static void put_watcher(const struct watcher *watcher, FILE *out)
{
	size_t i;

	fputs("\n  ", out);
	if (watcher->process) {
		text_hostile(out, watcher->process->comm);
		fprintf(out, "[%d] uid %u  ", watcher->process->pid, watcher->process->uid);
		text_hostile(out, watcher->process->exe ? watcher->process->exe : "executable not to be seen");
		if (watcher->process->script) {
			fputs(" runs ", out);
			text_hostile(out, watcher->process->script);
		}
		fputs("\n    ", out);
	}
	text_hostile(out, watcher->what ? watcher->what : "");
	for (i = 0; i < watcher->mark_count && i < MARKS_MAX; i++) {
		fputs("\n      ", out);
		text_hostile(out, watcher->marks[i] ? watcher->marks[i] : "?");
	}
	if (watcher->mark_count > MARKS_MAX)
		fprintf(out, "\n      ... and %zu more", watcher->mark_count - MARKS_MAX);
	fputc('\n', out);
}

static size_t put_findings(const struct inventory *inventory, bool hints, FILE *out)
{
	size_t i, count = 0;

	for (i = 0; i < inventory->finding_count; i++)
		if ((inventory->findings[i].state == FOUND_HINT) == hints) {
			if (hints && !count)
				fputs("\nHints: what follows is not enough to say that the product is here.\n", out);
			put_finding(&inventory->findings[i], out);
			count++;
		}
	return count;
}

static void put_unknown(const struct inventory *inventory, FILE *out)
{
	size_t i, count = 0;

	for (i = 0; i < inventory->watcher_count; i++)
		if (watcher_is_unknown(&inventory->watchers[i])) {
			if (!count++)
				fputs("\nUnknown software that watches others, as security products do:\n", out);
			put_watcher(&inventory->watchers[i], out);
		}
}

/* Once for each process. */
static void put_usual(const struct inventory *inventory, FILE *out)
{
	const struct watcher *watcher, *last = NULL;
	size_t i;

	for (i = 0; i < inventory->watcher_count; i++) {
		watcher = &inventory->watchers[i];
		if (watcher_is_unknown(watcher) || (watcher->product && !watcher->product->ordinary) || (last && last->process == watcher->process))
			continue;
		fputs(last ? ", " : "\nAlso watching, as parts of the system or of quis: ", out);
		text_hostile(out, watcher->process->comm);
		fprintf(out, "[%d]", watcher->process->pid);
		last = watcher;
	}
	if (last)
		fputs(".\n", out);
}

int inventory_text(const struct inventory *inventory, FILE *out)
{
	size_t i;

	put_head(inventory, out);
	if (!put_findings(inventory, false, out))
		fprintf(out, "\nNo product of the %zu in the catalogue was found.\n", inventory->catalog->count);
	put_unknown(inventory, out);
	put_findings(inventory, true, out);
	put_usual(inventory, out);
	fputs("\nLooked at: ", out);
	for (i = 0; i < inventory->looked_count; i++)
		fprintf(out, "%s%s %s (%" PRIu64 ")", i ? "; " : "", inventory->looked[i].what, inventory->looked[i].state,
			inventory->looked[i].count);
	fputs(".\n", out);
	for (i = 0; i < inventory->unseen_count; i++) {
		fputs("Not seen: ", out);
		text_hostile(out, inventory->unseen[i]);
		fputs(".\n", out);
	}
	return 0;
}
