/* SPDX-License-Identifier: BSD-2-Clause */
/* The first screen of the text report: what a reader with little time must not miss. */
#include "report_text.h"

#include <inttypes.h>
#include <string.h>

#include "findings.h"
#include "terminal.h"

#define PLACES_SHOWN 8
#define PRODUCTS_SHOWN 3
#define CLOCK_SHOWN 5

static struct text text_of(const char *text)
{
	return (struct text){text, text ? strlen(text) : 0};
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void put_product(struct page *page, const struct finding_product *product, bool first)
{
	fputs(first ? "product: " : "         ", page->out);
	if (product->name) {
		text_paint(page, "1");
		text_put(page, text_of(product->name), "");
		text_paint(page, "0");
		fputc(' ', page->out);
		if (product->version) {
			text_put(page, text_of(product->version), "");
			fputc(' ', page->out);
		}
		fputc('(', page->out);
	}
	text_put(page, text_of(product->program), "?");
	if (!product->name)
		fputs(" (neither the catalogue nor a package list knows it)", page->out);
	else
		fprintf(page->out, "; by %s)", strcmp(product->source, "dpkg") ? "the catalogue" : "its Debian package");
	fputc('\n', page->out);
}

static void put_products(struct page *page, const struct findings *findings)
{
	size_t i, shown = findings->product_count > PRODUCTS_SHOWN ? PRODUCTS_SHOWN : findings->product_count;

	for (i = 0; i < shown; i++)
		put_product(page, &findings->products[i], !i);
	if (shown < findings->product_count)
		fprintf(page->out, "         ... and %zu more (quis query CASE 'SELECT * FROM product')\n", findings->product_count - shown);
}

static void put_examples(struct page *page, const struct finding_class *class)
{
	size_t i;

	for (i = 0; i < FINDING_EXAMPLES && class->examples[i]; i++) {
		fputs(i ? ", " : "  ", page->out);
		text_put(page, text_of(class->examples[i]), "");
	}
	if (class->files > i)
		fputs(" ...", page->out);
	fputc('\n', page->out);
}

/* Mapped is neither read nor unread, and is always said. */
static void put_class(struct page *page, const struct finding_class *class)
{
	char size[SIZE_TEXT], mapped[48] = "";

	if (class->mapped)
		snprintf(mapped, sizeof(mapped), ", %" PRIu64 " only mapped", class->mapped);
	fprintf(page->out, "  %-26s %6" PRIu64 " file%-1s %11s%s", class->title, class->files, plural(class->files),
		text_size(size, class->read_bytes), mapped);
	put_examples(page, class);
}

static void put_classes(struct page *page, const struct findings *findings)
{
	uint64_t ordinary = 0, foreign = 0;
	char size[SIZE_TEXT];
	size_t i;

	text_heading(page, "What it read that is not its own");
	for (i = 0; i < findings->class_count; i++) {
		const struct finding_class *class = &findings->classes[i];

		if (class->ordinary || !class->files)
			continue;
		put_class(page, class);
		foreign++;
	}
	if (!foreign)
		fputs("  nothing but what follows\n", page->out);
	fputs("  ordinary:", page->out);
	for (i = 0; i < findings->class_count; i++) {
		const struct finding_class *class = &findings->classes[i];

		if (class->ordinary && class->files)
			fprintf(page->out, "%s %" PRIu64 " of %s (%s)", ordinary++ ? "," : "", class->files, class->title,
				text_size(size, class->read_bytes));
	}
	fputs(ordinary ? "\n" : " nothing\n", page->out);
}

static void put_place(struct page *page, const struct finding_place *place)
{
	char size[SIZE_TEXT];

	fprintf(page->out, "  %s ", place->out ? "to  " : "from");
	text_put(page, text_of(place->remote), "");
	if (place->name) {
		fputs(" (", page->out);
		text_put(page, text_of(place->name), "");
		fputs(place->proxied ? ", through this proxy)" : ")", page->out);
	} else if (place->inet && !place->local) {
		fputs(" (no name seen)", page->out);
	}
	fputc(' ', page->out);
	text_put(page, text_of(place->protocol), "");
	if (place->local)
		fputs(", this machine", page->out);
	if (place->where.country[0])
		fprintf(page->out, ", %s", place->where.country);
	if (place->where.asn)
		fprintf(page->out, ", AS%u %s", place->where.asn, place->where.owner);
	fprintf(page->out, ": sent %s", text_size(size, place->sent_bytes));
	fprintf(page->out, ", received %s", text_size(size, place->received_bytes));
	if (place->flows > 1)
		fprintf(page->out, ", %" PRIu64 " connections", place->flows);
	if (place->failed)
		fprintf(page->out, ", refused %" PRIu64 " time%s", place->failed, plural(place->failed));
	fputc('\n', page->out);
}

static void put_places(struct page *page, const struct findings *findings)
{
	size_t shown = findings->place_count > PLACES_SHOWN ? PLACES_SHOWN : findings->place_count, i;
	char size[SIZE_TEXT];

	if (findings->place_count)
		text_heading(page, "Where it sent data");
	else
		text_nothing(page, "Where it sent data", "nowhere, no network connection");
	for (i = 0; i < shown; i++)
		put_place(page, &findings->places[i]);
	if (shown < findings->place_count)
		fprintf(page->out, "  ... and %zu more\n", findings->place_count - shown);
	if (findings->place_count)
		text_owners(page);
	if (!findings->unix_flows)
		return;
	fprintf(page->out, "  within this machine: %" PRIu64 " unix socket%s, %s\n", findings->unix_flows, plural(findings->unix_flows),
		text_size(size, findings->unix_bytes));
}

static void put_unusual(struct page *page, const struct findings *findings)
{
	size_t i;

	if (!findings->unusual_count) {
		text_nothing(page, "What is unusual", "nothing of what is looked for");
		return;
	}
	text_heading(page, "What is unusual");
	for (i = 0; i < findings->unusual_count; i++) {
		fprintf(page->out, "  %s: %" PRIu64, findings->unusual[i].what, findings->unusual[i].count);
		if (findings->unusual[i].example) {
			fputs(", as ", page->out);
			text_put(page, text_of(findings->unusual[i].example), "");
		}
		fputc('\n', page->out);
	}
}

struct clock_changes {
	struct page *page;
	size_t count;
};

static int put_clock_change(void *context, const struct report_gap *change)
{
	struct clock_changes *changes = context;
	struct page *page = changes->page;

	if (changes->count++ >= CLOCK_SHOWN)
		return 0;
	fputs("\n  ", page->out);
	text_put(page, change->what, "the clock changed");
	fputs(", at ", page->out);
	text_put(page, change->to, "a time that is not known");
	return 0;
}

static void put_clock(struct page *page)
{
	struct clock_changes changes = {.page = page};

	report_clock(page->report, put_clock_change, &changes);
	if (changes.count > CLOCK_SHOWN)
		fprintf(page->out, "\n  ... and %zu more changes of the clock (quis query CASE clock)", changes.count - CLOCK_SHOWN);
}

static void put_trust(struct page *page, const struct report_session *session)
{
	text_heading(page, "How far this can be trusted");
	if (session->exact)
		fprintf(page->out, "  %s; ", text_exact(session));
	else
		fputs("  NOT EXACT: the numbers are lower bounds, for the reasons in the first line\n  ", page->out);
	text_put(page, session->verified_what, "it is not known whether the case is as it was sealed");
	put_clock(page);
	fputs("\n  ", page->out);
	if (session->unseen.bytes && session->unseen.len > 2)
		fputs("ways to reach data that this session could not see are listed at the end\n", page->out);
	else
		fputs("of the ways to reach data none is known that was used and not seen\n", page->out);
}

int text_top(struct page *page, const struct report_session *session)
{
	struct findings findings;
	int err = findings_gather(page->report, &findings);

	if (err)
		return err;
	put_products(page, &findings);
	put_classes(page, &findings);
	put_places(page, &findings);
	text_exposure_top(page, page->exposures);
	put_unusual(page, &findings);
	put_trust(page, session);
	findings_done(&findings);
	return 0;
}
