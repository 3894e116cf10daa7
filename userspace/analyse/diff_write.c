/* SPDX-License-Identifier: BSD-2-Clause */
#include "diff.h"

#include <inttypes.h>
#include <string.h>

#include "emit.h"
#include "html.h"
#include "report_text.h"
#include "case/case.h"

static const char *const side_names[2] = {"first", "second"};

static struct text text_of(const char *text)
{
	return (struct text){text, text ? strlen(text) : 0};
}

/* Classes of both, in the order of reports: they are made by one program, so that their lists are one. */
static bool class_used(const struct diff *diff, size_t i)
{
	return diff->sides[0].findings.classes[i].files || diff->sides[1].findings.classes[i].files;
}

static bool has_bytes(enum diff_part part)
{
	return part == DIFF_FILES || part == DIFF_PLACES || part == DIFF_EXPOSURE;
}

/* ---- text ---- */

static void paint(const struct diff *diff, FILE *out, const char *code)
{
	if (diff->color)
		fprintf(out, "\033[%sm", code);
}

static void put_unverified(const struct diff *diff, struct page *page, int which)
{
	if (!diff->sides[which].session.unverified)
		return;
	paint(diff, page->out, "1;31");
	fprintf(page->out, "UNVERIFIED, the %s: ", which ? "second" : "first");
	text_put(page, diff->sides[which].session.verified_what, "");
	paint(diff, page->out, "0");
	fputc('\n', page->out);
}

static void put_side(const struct diff *diff, struct page *page, int which)
{
	const struct diff_side *side = &diff->sides[which];
	size_t i;

	fprintf(page->out, "%-7s ", which ? "second:" : "first:");
	for (i = 0; i < side->findings.product_count && i < 1; i++) {
		const struct finding_product *product = &side->findings.products[i];

		text_put(page, text_of(product->name ? product->name : product->program), "");
		fputs(product->version ? " " : "", page->out);
		text_put(page, text_of(product->version), "");
		fputs(", ", page->out);
	}
	text_put(page, side->session.host, "(host not known)");
	if (side->session.started.bytes)
		fprintf(page->out, ", %.10s %.8s UTC", side->session.started.bytes, side->session.started.bytes + 11);
	fprintf(page->out, ", %s\n", side->session.exact ? "exact" : "NOT EXACT: what is missing in it may have been there");
}

static void put_classes(const struct diff *diff, struct page *page)
{
	const struct finding_class *first = diff->sides[0].findings.classes, *second = diff->sides[1].findings.classes;
	char sizes[2][SIZE_TEXT];
	size_t i, shown = 0;

	fputs("\nClasses, where they differ: files and bytes read, first -> second\n", page->out);
	for (i = 0; i < diff->sides[0].findings.class_count; i++) {
		if (!class_used(diff, i) || (first[i].files == second[i].files && first[i].read_bytes == second[i].read_bytes))
			continue;
		fprintf(page->out, "%s %-26s %6" PRIu64 " %11s  -> %6" PRIu64 " %11s\n", !first[i].files ? "+" : !second[i].files ? "-" : " ", first[i].title,
			first[i].files, text_size(sizes[0], first[i].read_bytes), second[i].files, text_size(sizes[1], second[i].read_bytes));
		shown++;
	}
	if (!shown)
		fputs("  none\n", page->out);
}

static void put_item(const struct diff *diff, struct page *page, const struct diff_item *item, bool added, enum diff_part part)
{
	char size[SIZE_TEXT];

	paint(diff, page->out, added ? "32" : "31");
	fprintf(page->out, "%c ", added ? '+' : '-');
	if (part == DIFF_FILES || part == DIFF_REFUSED || part == DIFF_EXPOSURE)
		fprintf(page->out, "%-14s ", item->class ? item->class : "other");
	if (part == DIFF_EXPOSURE && item->bytes)
		fputs("at most ", page->out);
	if (has_bytes(part))
		fprintf(page->out, "%11s  ", text_size(size, item->bytes));
	text_put(page, text_of(item->key), "");
	if (part == DIFF_ACTIONS && item->count > 1)
		fprintf(page->out, ", %" PRIu64 " times", item->count);
	paint(diff, page->out, "0");
	fputc('\n', page->out);
}

static void put_part(const struct diff *diff, struct page *page, enum diff_part part)
{
	const struct diff_items *items;
	size_t i;
	int side;

	fprintf(page->out, "\n%s: %zu only in the second (+), %zu only in the first (-)\n", diff_titles[part], diff->sides[1].only[part].count,
		diff->sides[0].only[part].count);
	for (side = 1; side >= 0; side--) {
		items = &diff->sides[side].only[part];
		for (i = 0; i < items->count && (diff->all || (int64_t)i < diff->top); i++)
			put_item(diff, page, &items->items[i], side, part);
		if (i < items->count)
			fprintf(page->out, "%c ... and %zu more (--all)\n", side ? '+' : '-', items->count - i);
	}
}

int diff_text(struct diff *diff, FILE *out)
{
	struct page page = {.report = &diff->sides[0].report, .out = out};
	enum diff_part part;

	put_unverified(diff, &page, 0);
	put_unverified(diff, &page, 1);
	put_side(diff, &page, 0);
	put_side(diff, &page, 1);
	put_classes(diff, &page);
	for (part = 0; part < DIFF_PARTS; part++)
		put_part(diff, &page, part);
	return 0;
}

/* ---- JSON ---- */

static void emit_string(struct emit *emit, const char *key, const char *text)
{
	if (text)
		emit_text(emit, key, text, strlen(text));
}

static void emit_known(struct emit *emit, const char *key, struct text text)
{
	if (text.bytes)
		emit_text(emit, key, text.bytes, text.len);
}

static void emit_side(struct emit *emit, const struct diff_side *side, int which)
{
	size_t i;

	emit_open(emit, side_names[which], '{');
	if (side->session.unverified)
		emit_known(emit, "UNVERIFIED", side->session.verified_what);
	emit_string(emit, "case", side->case_path);
	emit_known(emit, "host", side->session.host);
	emit_known(emit, "started", side->session.started);
	emit_known(emit, "ended", side->session.ended);
	emit_known(emit, "verified", side->session.verified);
	emit_bool(emit, "exact", side->session.exact);
	emit_open(emit, "products", '[');
	for (i = 0; i < side->findings.product_count; i++) {
		emit_open(emit, NULL, '{');
		emit_string(emit, "name", side->findings.products[i].name);
		emit_string(emit, "version", side->findings.products[i].version);
		emit_string(emit, "source", side->findings.products[i].source);
		emit_string(emit, "program", side->findings.products[i].program);
		emit_close(emit, '}');
	}
	emit_close(emit, ']');
	emit_close(emit, '}');
}

static void emit_items(struct emit *emit, const char *key, const struct diff_items *items, enum diff_part part)
{
	size_t i;

	emit_open(emit, key, '[');
	for (i = 0; i < items->count; i++) {
		const struct diff_item *item = &items->items[i];

		emit_open(emit, NULL, '{');
		emit_string(emit, part == DIFF_PLACES ? "remote" : part == DIFF_ACTIONS ? "action" : part == DIFF_EXPOSURE ? "what" : "path", item->key);
		emit_string(emit, "class", item->class);
		if (part == DIFF_FILES)
			emit_number(emit, "read_bytes", item->bytes);
		if (part == DIFF_PLACES)
			emit_number(emit, "sent_bytes", item->bytes);
		if (part == DIFF_EXPOSURE)
			emit_number(emit, "sent_bytes_most", item->bytes);
		emit_number(emit, "count", item->count);
		emit_close(emit, '}');
	}
	emit_close(emit, ']');
}

static void emit_class(struct emit *emit, const struct diff *diff, size_t at)
{
	int i;

	emit_open(emit, NULL, '{');
	emit_string(emit, "class", diff->sides[0].findings.classes[at].name);
	for (i = 0; i < 2; i++) {
		emit_open(emit, side_names[i], '{');
		emit_number(emit, "files", diff->sides[i].findings.classes[at].files);
		emit_number(emit, "read_bytes", diff->sides[i].findings.classes[at].read_bytes);
		emit_close(emit, '}');
	}
	emit_close(emit, '}');
}

int diff_json(struct diff *diff, FILE *out)
{
	struct emit emit = {.out = out};
	enum diff_part part;
	size_t i;

	emit_open(&emit, NULL, '{');
	emit_number(&emit, "format", 1);
	emit_side(&emit, &diff->sides[0], 0);
	emit_side(&emit, &diff->sides[1], 1);
	emit_open(&emit, "classes", '[');
	for (i = 0; i < diff->sides[0].findings.class_count; i++)
		if (class_used(diff, i))
			emit_class(&emit, diff, i);
	emit_close(&emit, ']');
	for (part = 0; part < DIFF_PARTS; part++) {
		emit_open(&emit, diff_names[part], '{');
		emit_items(&emit, "added", &diff->sides[1].only[part], part);
		emit_items(&emit, "removed", &diff->sides[0].only[part], part);
		emit_close(&emit, '}');
	}
	emit_close(&emit, '}');
	return 0;
}

/* ---- HTML ---- */

static void html_side(FILE *out, const struct diff_side *side, const char *name)
{
	const struct finding_product *product = side->findings.products;

	fprintf(out, "<tr><th scope=\"row\">%s</th><td>", name);
	if (side->findings.product_count) {
		html_string(out, product->name ? product->name : product->program);
		fputc(' ', out);
		html_string(out, product->version);
	}
	fputs("</td><td>", out);
	html_text(out, side->session.host, "not known");
	fputs("</td><td>", out);
	html_time(out, side->session.started);
	fprintf(out, "</td><td>%s; ", side->session.exact ? "exact" : "<strong>not exact: what is missing in it may have been there</strong>");
	html_text(out, side->session.verified_what, "");
	fputs("</td></tr>\n", out);
}

static void html_classes(struct diff *diff, FILE *out)
{
	size_t i;
	int k;

	fputs("<h2>Classes</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Classes\"><table><thead><tr><th scope=\"col\">Class</th>"
	      "<th scope=\"col\" class=\"n\">Files, first</th><th scope=\"col\" class=\"n\">Read, first</th><th scope=\"col\" class=\"n\">Files, second</th>"
	      "<th scope=\"col\" class=\"n\">Read, second</th></tr></thead><tbody>\n",
		out);
	for (i = 0; i < diff->sides[0].findings.class_count; i++) {
		if (!class_used(diff, i))
			continue;
		fputs("<tr><th scope=\"row\">", out);
		html_string(out, diff->sides[0].findings.classes[i].title);
		fputs("</th>", out);
		for (k = 0; k < 2; k++) {
			fprintf(out, "<td class=\"n\">%" PRIu64 "</td><td class=\"n\">", diff->sides[k].findings.classes[i].files);
			html_size(out, diff->sides[k].findings.classes[i].read_bytes);
			fputs("</td>", out);
		}
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

static void html_items(const struct diff *diff, FILE *out, enum diff_part part, int side)
{
	const struct diff_items *items = &diff->sides[side].only[part];
	size_t i;

	for (i = 0; i < items->count && (diff->all || (int64_t)i < 50 * diff->top); i++) {
		fprintf(out, "<tr><td>only in the %s</td><td>", side_names[side]);
		html_string(out, items->items[i].class ? items->items[i].class : "");
		fputs("</td><td class=\"n\">", out);
		if (part == DIFF_EXPOSURE && items->items[i].bytes)
			fputs("at most ", out);
		if (has_bytes(part))
			html_size(out, items->items[i].bytes);
		fprintf(out, "</td><td class=\"n\">%" PRIu64 "</td><td class=\"path\">", items->items[i].count);
		html_string(out, items->items[i].key);
		fputs("</td></tr>\n", out);
	}
	if (i < items->count)
		fprintf(out, "<tr><td>only in the %s</td><td colspan=\"4\">... and %zu more (--all)</td></tr>\n", side_names[side], items->count - i);
}

static void html_part(const struct diff *diff, FILE *out, enum diff_part part)
{
	fprintf(out, "<h2>%s: %zu only in the second, %zu only in the first</h2>\n", diff_titles[part], diff->sides[1].only[part].count,
		diff->sides[0].only[part].count);
	if (!diff->sides[0].only[part].count && !diff->sides[1].only[part].count)
		return;
	fprintf(out,
		"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table><thead><tr><th scope=\"col\">Where</th><th scope=\"col\">Class</th>"
		"<th scope=\"col\" class=\"n\">Bytes</th><th scope=\"col\" class=\"n\">Times</th><th scope=\"col\">What</th></tr></thead><tbody>\n",
		diff_titles[part]);
	html_items(diff, out, part, 1);
	html_items(diff, out, part, 0);
	fputs("</tbody></table></div>\n", out);
}

static void html_unverified(FILE *out, const struct diff_side *side, const char *name)
{
	if (!side->session.unverified)
		return;
	fprintf(out, "<p class=\"verdict bad\"><strong>UNVERIFIED, the %s.</strong> ", name);
	html_text(out, side->session.verified_what, "");
	fputs("</p>\n", out);
}

int diff_html(struct diff *diff, FILE *out)
{
	enum diff_part part;

	html_begin(out);
	fputs("<title>Two recordings compared: quis diff</title>\n</head>\n<body>\n<main id=\"main\">\n<h1>Two recordings compared</h1>\n",
		out);
	html_unverified(out, &diff->sides[0], "first");
	html_unverified(out, &diff->sides[1], "second");
	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"The recordings\"><table><thead><tr><th scope=\"col\">Recording</th><th scope=\"col\">Product</th>"
	      "<th scope=\"col\">Host</th><th scope=\"col\">Began (UTC)</th><th scope=\"col\">Trust</th></tr></thead><tbody>\n",
		out);
	html_side(out, &diff->sides[0], "first");
	html_side(out, &diff->sides[1], "second");
	fputs("</tbody></table></div>\n", out);
	html_classes(diff, out);
	for (part = 0; part < DIFF_PARTS; part++)
		html_part(diff, out, part);
	fputs("</main>\n<footer class=\"faint\"><p>Made by quis " QUIS_VERSION ".</p></footer>\n</body>\n</html>\n", out);
	return 0;
}
