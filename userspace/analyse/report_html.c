/* SPDX-License-Identifier: BSD-2-Clause */
/* The HTML report: one file that asks for nothing outside of itself, whole without JavaScript but for the later rows of one table. */
#include "html.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "line.h"
#include "times.h"

#define DEPTH_MAX 12
#define PLACES_MAX 5000
#define ACTIONS_MAX 5000
#define PROCESSES_OPEN 1 /* the first ones are unfolded */

static void put_head(struct html *html)
{
	FILE *out = html->out;

	html_begin(out);
	fputs("<title>", out);
	if (html->findings.product_count && html->findings.products[0].name)
		html_string(out, html->findings.products[0].name);
	else
		fputs("Recording", out);
	fputs(" on ", out);
	html_text(out, html->session.host, "a host");
	fputs(": quis report</title>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the findings</a>\n", out);
}

static void put_items(FILE *out, struct text list, const char *separator)
{
	char *copy = list.bytes ? strndup(list.bytes, list.len) : NULL, *at = copy;
	struct text item;
	bool more = false;

	while (at && line_list_next(&at, &item.bytes, &item.len)) {
		fputs(more ? separator : "", out);
		html_text(out, item, "");
		more = true;
	}
	free(copy);
}

static void put_products(struct html *html)
{
	const struct findings *findings = &html->findings;
	FILE *out = html->out;
	size_t i;

	fputs("<h1>", out);
	for (i = 0; i < findings->product_count && i < 3; i++) {
		const struct finding_product *product = &findings->products[i];

		/* Two programs of one product. */
		if (i && product->name && findings->products[i - 1].name && !strcmp(product->name, findings->products[i - 1].name))
			continue;
		fputs(i ? ", " : "", out);
		html_string(out, product->name ? product->name : product->program);
		if (product->version) {
			fputc(' ', out);
			html_string(out, product->version);
		}
	}
	if (!findings->product_count)
		fputs("A program that is not known", out);
	else if (findings->product_count > 3)
		fprintf(out, " and %zu more", findings->product_count - 3);
	fputs("</h1>\n<p>", out);
	for (i = 0; i < findings->product_count && i < 3; i++) {
		const struct finding_product *product = &findings->products[i];

		fputs(i ? "; <code>" : "<code>", out);
		html_string(out, product->program);
		fprintf(out, "</code> %s",
			!strcmp(product->source, "catalogue") ? "is known to the catalogue of products"
			: !strcmp(product->source, "dpkg")    ? "is of this Debian package"
							      : "is not known to the catalogue");
	}
	fputs("</p>\n", out);
}

static void put_session(struct html *html)
{
	const struct report_session *session = &html->session;
	double seconds = (html->end_ns - html->start_ns) / 1e9;
	FILE *out = html->out;

	fputs("<p>Recorded on <strong>", out);
	html_text(out, session->host, "a host that is not known");
	fputs("</strong>, kernel ", out);
	html_text(out, session->kernel, "not known");
	fputs(", from ", out);
	html_time(out, session->started);
	fputs(" to ", out);
	html_time(out, session->ended);
	fputs(" UTC", out);
	if (seconds >= 60)
		fprintf(out, " (%d h %d min %d s)", (int)(seconds / 3600), (int)(seconds / 60) % 60, (int)seconds % 60);
	else
		fprintf(out, " (%.3f s)", seconds);
	fprintf(out, ". %" PRIu64 " process%s followed; flagged: ", html->findings.process_count, html->findings.process_count == 1 ? "" : "es");
	put_items(out, session->flags, ", ");
	if (session->command.bytes) {
		fputs(": <code>", out);
		put_items(out, session->command, " ");
		fputs("</code>", out);
	}
	fputs(".</p>\n", out);
	if (session->case_number.bytes || session->examiner.bytes || session->note.bytes) {
		fputs("<p>Case ", out);
		html_text(out, session->case_number, "without a number");
		fputs(", examiner ", out);
		html_text(out, session->examiner, "not named");
		fputs(". ", out);
		html_text(out, session->note, "");
		fputs("</p>\n", out);
	}
}

static void put_verdict(struct html *html)
{
	const struct report_session *session = &html->session;
	FILE *out = html->out;

	if (session->unverified) {
		fputs("<p class=\"verdict bad\"><strong>UNVERIFIED.</strong> ", out);
		html_text(out, session->verified_what, "");
		fprintf(out, ". What is left of it says that %s. <a href=\"#trust\">How far this can be trusted</a></p>\n",
			session->exact ? "nothing was lost" : "something was lost, so that every number below is a lower bound");
		return;
	}
	fputs(session->exact ? "<p class=\"verdict\"><strong>Exact.</strong> Nothing was lost. "
			     : "<p class=\"verdict bad\"><strong>NOT EXACT: every number below is a lower bound.</strong> Something was lost. ",
		out);
	fputs("<strong>Sealing:</strong> ", out);
	html_text(out, session->verified_what, "not known");
	fputs(". <a href=\"#trust\">How far this can be trusted</a></p>\n", out);
}

static void put_nav(FILE *out)
{
	fputs("<nav aria-label=\"Parts of the report\"><ul><li><a href=\"#findings\">Findings</a></li><li><a href=\"#places\">Destinations</a></li>"
	      "<li><a href=\"#exposure\">Exposure</a></li><li><a href=\"#unusual\">Unusual</a></li><li><a href=\"#time\">Timeline</a></li><li><a href=\"#processes\">Processes</a></li>"
	      "<li><a href=\"#files\">Files</a></li><li><a href=\"#actions\">Actions</a></li><li><a href=\"#trust\">Trust</a></li></ul></nav>\n",
		out);
}

static void put_class(FILE *out, const struct finding_class *class)
{
	size_t i;

	fputs("<tr><th scope=\"row\">", out);
	html_string(out, class->title);
	fprintf(out, "</th><td class=\"n\" data-label=\"files\">%" PRIu64 "</td><td class=\"n\" data-label=\"read\">",
		class->files);
	html_size(out, class->read_bytes);
	fprintf(out, "</td><td class=\"n\" data-label=\"only mapped\">%" PRIu64 "</td><td class=\"path\">",
		class->mapped);
	for (i = 0; i < FINDING_EXAMPLES && class->examples[i]; i++) {
		fputs(i ? "<br>" : "", out);
		html_string(out, class->examples[i]);
	}
	fputs(class->files > i ? "<br>...</td></tr>\n" : "</td></tr>\n", out);
}

static void put_classes(struct html *html)
{
	const struct findings *findings = &html->findings;
	FILE *out = html->out;
	size_t i, pass;

	fputs("<h2 id=\"findings\">What it read that is not its own</h2>\n<div class=\"scroll\" tabindex=\"0\" "
	      "role=\"region\" aria-label=\"Files by class\"><table class=\"fold\">\n<thead><tr>"
	      "<th scope=\"col\">Class</th><th scope=\"col\" class=\"n\">Files</th><th scope=\"col\" "
	      "class=\"n\">Read</th><th scope=\"col\" class=\"n\">Only mapped</th>"
	      "<th scope=\"col\">Of which most was read</th></tr></thead>\n<tbody>\n",
		out);
	for (pass = 0; pass < 2; pass++) {
		if (pass)
			fputs("</tbody>\n<tbody><tr><td colspan=\"5\" class=\"faint\">Ordinary: what most programs reach, and the product's own</td></tr>\n", out);
		for (i = 0; i < findings->class_count; i++)
			if (findings->classes[i].files && findings->classes[i].ordinary == !!pass)
				put_class(out, &findings->classes[i]);
	}
	fputs("</tbody></table></div>\n", out);
}

static void put_place(FILE *out, const struct finding_place *place)
{
	fprintf(out, "<tr><td>%s</td><td class=\"path\">", place->out ? "to" : "from");
	html_string(out, place->remote);
	fputs("</td><td class=\"path\">", out);
	html_string(out, place->name ? place->name : place->local ? "this machine" : place->inet ? "no name seen" : "");
	if (place->proxied)
		fputs(" (through this proxy)", out);
	fputs("</td><td>", out);
	html_string(out, place->where.country);
	if (place->where.asn)
		fprintf(out, " AS%u ", place->where.asn);
	html_string(out, place->where.owner);
	fputs("</td><td>", out);
	html_string(out, place->protocol);
	fprintf(out,
		"</td><td class=\"n\" data-label=\"connections\">%" PRIu64 "</td><td class=\"n\" data-label=\"sent\">",
		place->flows);
	html_size(out, place->sent_bytes);
	fputs("</td><td class=\"n\" data-label=\"received\">", out);
	html_size(out, place->received_bytes);
	fprintf(out, "</td><td class=\"n\" data-label=\"refused\">%" PRIu64 "</td></tr>\n", place->failed);
}

static void put_places(struct html *html)
{
	const struct findings *findings = &html->findings;
	FILE *out = html->out;
	size_t i;

	fputs("<h2 id=\"places\">Where it sent data</h2>\n", out);
	if (!findings->place_count)
		fputs("<p>Nowhere: there was no network connection.</p>\n", out);
	else
		fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Destinations\"><table "
		      "class=\"fold\">\n<caption>Attempts are among the connections: one over which nothing went may "
		      "never have come about.</caption>\n<thead><tr><th scope=\"col\">Way</th><th "
		      "scope=\"col\">Address</th>"
		      "<th scope=\"col\">Name</th><th scope=\"col\">Country, owner</th><th "
		      "scope=\"col\">Protocol</th><th scope=\"col\" class=\"n\">Connections</th><th scope=\"col\" "
		      "class=\"n\">Sent</th>"
		      "<th scope=\"col\" class=\"n\">Received</th><th scope=\"col\" "
		      "class=\"n\">Refused</th></tr></thead>\n<tbody>\n",
			out);
	for (i = 0; i < findings->place_count && i < PLACES_MAX; i++)
		put_place(out, &findings->places[i]);
	if (findings->place_count)
		fputs("</tbody></table></div>\n", out);
	if (findings->place_count > PLACES_MAX)
		fprintf(out, "<p>... and %zu more.</p>\n", findings->place_count - PLACES_MAX);
	if (findings->place_count)
		html_owners(html->report, out);
	if (findings->unix_flows) {
		fprintf(out, "<p>Within this machine: %" PRIu64 " unix socket%s, ", findings->unix_flows,
			findings->unix_flows == 1 ? "" : "s");
		html_size(out, findings->unix_bytes);
		fputs(".</p>\n", out);
	}
}

static void put_unusual(struct html *html)
{
	const struct findings *findings = &html->findings;
	FILE *out = html->out;
	size_t i;

	fputs("<h2 id=\"unusual\">What is unusual</h2>\n<ul>\n", out);
	for (i = 0; i < findings->unusual_count; i++) {
		fprintf(out, "<li>It %s: %" PRIu64, findings->unusual[i].what, findings->unusual[i].count);
		if (findings->unusual[i].example) {
			fputs(", for example <code>", out);
			html_string(out, findings->unusual[i].example);
			fputs("</code>", out);
		}
		fputs("</li>\n", out);
	}
	if (!findings->unusual_count)
		fputs("<li>Nothing of what is looked for.</li>\n", out);
	fputs("</ul>\n<details><summary>What is looked for</summary><p>That it ...</p>\n<ul>\n", out);
	for (i = 0; findings_looked_for(i); i++)
		fprintf(out, "<li>%s</li>\n", findings_looked_for(i));
	fputs("</ul></details>\n", out);
}

/* ---- the tree ---- */

struct branch {
	struct html *html;
	sqlite3_stmt *sums;
	size_t depth; /* lists that are open */
	size_t count;
};

static void put_entry(FILE *out, const char *name, struct text text)
{
	if (!text.bytes)
		return;
	fprintf(out, "<dt>%s</dt><dd>", name);
	html_text(out, text, "");
	fputs("</dd>", out);
}

static void put_sums(struct branch *branch, int64_t process)
{
	FILE *out = branch->html->out;

	sqlite3_reset(branch->sums);
	sqlite3_bind_int64(branch->sums, 1, process);
	if (sqlite3_step(branch->sums) != SQLITE_ROW)
		return;
	fprintf(out, " <span class=\"faint\">%lld file%s, ", sqlite3_column_int64(branch->sums, 0),
		sqlite3_column_int64(branch->sums, 0) == 1 ? "" : "s");
	html_size(out, sqlite3_column_int64(branch->sums, 1));
	fputs(" read; sent ", out);
	html_size(out, sqlite3_column_int64(branch->sums, 2));
	fputs("</span>", out);
}

static void put_life(FILE *out, const struct report_process *process)
{
	put_entry(out, "started", process->started);
	put_entry(out, "ended", process->ended);
	if (process->exit_signal > 0)
		fprintf(out, "<dt>killed by</dt><dd>signal %" PRId64 "</dd>", process->exit_signal);
	else if (process->exit_code >= 0)
		fprintf(out, "<dt>exit status</dt><dd>%" PRId64 "</dd>", process->exit_code);
	if (process->uid >= 0)
		fprintf(out, "<dt>user, group</dt><dd>%" PRId64 ", %" PRId64 "</dd>", process->uid, process->gid);
}

static void put_leaf(struct branch *branch, const struct report_process *process)
{
	FILE *out = branch->html->out;

	fprintf(out, "<details%s><summary><strong>", branch->count++ < PROCESSES_OPEN ? " open" : "");
	html_text(out, process->comm, "?");
	fprintf(out, "[%" PRId64 "]</strong> <code>", process->pid);
	html_text(out, process->image.executable, "(program not known)");
	fputs("</code>", out);
	put_sums(branch, process->id);
	fputs("</summary><dl>", out);
	if (process->image.args.bytes) {
		fputs("<dt>arguments</dt><dd><code>", out);
		put_items(out, process->image.args, " ");
		fputs(process->image.args_truncated ? " ...</code></dd>" : "</code></dd>", out);
	}
	put_entry(out, "directory", process->image.cwd);
	put_entry(out, "SHA-256", process->image.sha256);
	put_entry(out, "control group", process->cgroup);
	put_entry(out, "flagged by", process->flagged_by);
	put_life(out, process);
	fputs("</dl></details>", out);
}

static int put_branch(void *context, const struct report_process *process, size_t depth)
{
	struct branch *branch = context;
	FILE *out = branch->html->out;

	depth = depth < DEPTH_MAX ? depth + 1 : DEPTH_MAX;
	if (depth > branch->depth) {
		fputs(branch->depth ? "\n<ul>" : "<ul class=\"tree\">", out);
		branch->depth++;
	} else {
		fputs("</li>\n", out);
		for (; branch->depth > depth; branch->depth--)
			fputs("</ul></li>\n", out);
	}
	fputs("<li>", out);
	put_leaf(branch, process);
	return ferror(out) ? -EIO : 0;
}

static int put_processes(struct html *html)
{
	struct branch branch = {.html = html};
	int err;

	if (sqlite3_prepare_v2(html->report->db,
		    "SELECT (SELECT count(*) FROM total AS t LEFT JOIN file AS f ON f.id = t.file WHERE t.process = ?1 "
		    "AND f.type IS NOT 'dir' AND NOT " LOOKED_AT "),"
		    " (SELECT capped_sum(read_bytes) FROM total WHERE process = ?1),"
		    " (SELECT capped_sum(sent_bytes) FROM flow WHERE process = ?1 AND family <> 'unix')",
		    -1, &branch.sums, NULL) != SQLITE_OK)
		return -EIO;
	fputs("<h2 id=\"processes\">Processes</h2>\n", html->out);
	err = report_tree(html->report, put_branch, &branch);
	for (; branch.depth; branch.depth--)
		fputs("</li></ul>\n", html->out);
	sqlite3_finalize(branch.sums);
	return err;
}

int html_actions(struct html *html)
{
	FILE *out = html->out;
	sqlite3_stmt *row;
	int count = 0;

	if (sqlite3_prepare_v2(html->report->db,
		    "SELECT p.comm, p.pid, a.kind, count(*), min(a.time), max(a.time), min(a.path), a.errno, min(a.target) FROM action AS a"
		    " JOIN process AS p ON p.id = a.process WHERE ?1 = 0 OR p.pid = ?1 GROUP BY a.process, a.kind, a.errno ORDER BY min(a.time)",
		    -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_int64(row, 1, html->report->options.pid);
	fputs("<h2 id=\"actions\">Actions</h2>\n", out);
	if (sqlite3_step(row) != SQLITE_ROW) {
		fputs("<p>None: nothing was done but reading, writing, connecting and running programs.</p>\n", out);
		return sqlite3_finalize(row) == SQLITE_OK ? 0 : -EIO;
	}
	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Actions\"><table>\n<caption>What was "
	      "done, beside reading and writing; like "
	      "ones of a process in one row. Each of them: <code>quis report --all</code>.</caption>\n<thead><tr><th "
	      "scope=\"col\">Action</th><th scope=\"col\">Process</th>"
	      "<th scope=\"col\" class=\"n\">Times</th><th scope=\"col\">First and last (UTC)</th><th "
	      "scope=\"col\">For example</th></tr></thead>\n<tbody>\n",
		out);
	do {
		const char *first = (const char *)sqlite3_column_text(row, 4),
			   *last = (const char *)sqlite3_column_text(row, 5);

		fputs("<tr><td>", out);
		html_string(out, (const char *)sqlite3_column_text(row, 2));
		if (sqlite3_column_text(row, 7)) {
			fputs(" (refused: ", out);
			html_string(out, (const char *)sqlite3_column_text(row, 7));
			fputc(')', out);
		}
		fputs("</td><td>", out);
		html_string(out, (const char *)sqlite3_column_text(row, 0));
		fprintf(out, "[%lld]</td><td class=\"n\">%lld</td><td>%.8s%s%.8s</td><td class=\"path\">", sqlite3_column_int64(row, 1),
			sqlite3_column_int64(row, 3), first ? first + 11 : "", first && last && strcmp(first, last) ? " to " : "",
			first && last && strcmp(first, last) ? last + 11 : "");
		html_string(out, (const char *)sqlite3_column_text(row, 6));
		if (sqlite3_column_text(row, 8)) {
			fputs(" to ", out);
			html_string(out, (const char *)sqlite3_column_text(row, 8));
		}
		fputs("</td></tr>\n", out);
	} while (++count < ACTIONS_MAX && sqlite3_step(row) == SQLITE_ROW);
	fputs("</tbody></table></div>\n", out);
	return sqlite3_finalize(row) == SQLITE_OK ? 0 : -EIO;
}

static int put_body(struct html *html)
{
	int err;

	put_head(html);
	fputs("<header>\n", html->out);
	put_products(html);
	put_session(html);
	put_verdict(html);
	put_nav(html->out);
	fputs("</header>\n<main id=\"main\">\n", html->out);
	put_classes(html);
	put_places(html);
	err = html_exposure(html);
	put_unusual(html);
	if (!err)
		err = html_timeline(html);
	if (!err)
		err = put_processes(html);
	if (!err)
		err = html_files(html);
	if (!err)
		err = html_actions(html);
	html_trust(html);
	fputs("</main>\n<footer class=\"faint\"><p>Made by quis " QUIS_VERSION " from a case", html->out);
	if (html->session.tool_version.bytes) {
		fputs(" of quis-record ", html->out);
		html_text(html->out, html->session.tool_version, "");
	}
	fputs(".</p></footer>\n<script>", html->out);
	fwrite(page_js, 1, page_js_end - page_js, html->out);
	fputs("</script>\n</body>\n</html>\n", html->out);
	return err;
}

int report_html(struct report *report, FILE *out)
{
	struct html html = {.report = report, .out = out};
	int err = findings_gather(report, &html.findings);

	if (err)
		return err;
	err = report_session(report, &html.session);
	if (!err) {
		html.start_ns = html.session.started.bytes ? time_ns(html.session.started.bytes) : 0;
		html.end_ns = html.session.ended.bytes ? time_ns(html.session.ended.bytes) : html.start_ns;
		err = put_body(&html);
	}
	findings_done(&html.findings);
	return err;
}
