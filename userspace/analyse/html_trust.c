/* SPDX-License-Identifier: BSD-2-Clause */
/* How far the report can be trusted: what was lost and not seen, how the case is sealed, and how that is checked without quis. */
#include "html.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "case/verify.h"
#include "line.h"

#define NOTE_MAX 8192
#define GAPS_SHOWN 200

struct gaps {
	struct html *html;
	const char *heading;
	size_t count;
};

static int put_gap(void *context, const struct report_gap *gap)
{
	struct gaps *gaps = context;
	FILE *out = gaps->html->out;

	if (gaps->count++ >= GAPS_SHOWN)
		return 0;
	if (gaps->count == 1)
		fprintf(out, "<h3>%s</h3>\n<ul>\n", gaps->heading);
	fputs("<li>", out);
	html_text(out, gap->what, "it is not known what");
	if (gap->count >= 0)
		fprintf(out, " (%" PRId64 ")", gap->count);
	if (gap->from.bytes) {
		fputs(", from ", out);
		html_time(out, gap->from);
	}
	if (gap->to.bytes) {
		fputs(" to ", out);
		html_time(out, gap->to);
	}
	fputs("</li>\n", out);
	return 0;
}

static void put_gaps(struct html *html, const char *heading, int walk(struct report *, report_gap_fn *, void *))
{
	struct gaps gaps = {.html = html, .heading = heading};

	walk(html->report, put_gap, &gaps);
	if (gaps.count > GAPS_SHOWN)
		fprintf(html->out, "<li>... and %zu more</li>\n", gaps.count - GAPS_SHOWN);
	if (gaps.count)
		fputs("</ul>\n", html->out);
}

static void put_lost(FILE *out, const char *what, int64_t count)
{
	fprintf(out, "<dt>%s</dt><dd>", what);
	if (count < 0)
		fputs("not known", out);
	else
		fprintf(out, "%" PRId64, count);
	fputs("</dd>", out);
}

static void put_unseen(struct html *html)
{
	struct text list = html->session.unseen, item;
	char *copy = list.bytes ? strndup(list.bytes, list.len) : NULL, *at = copy;

	fputs("<h3>What this session could not see</h3>\n<ul>\n", html->out);
	if (!copy || list.len <= 2)
		fputs("<li>No way to reach data is known that was used and not seen.</li>\n", html->out);
	while (at && line_list_next(&at, &item.bytes, &item.len)) {
		fputs("<li>", html->out);
		html_text(html->out, item, "");
		fputs("</li>\n", html->out);
	}
	fputs("</ul>\n", html->out);
	free(copy);
}

static size_t read_case(const struct html *html, const char *name, char *out, size_t size)
{
	char path[PATH_MAX];
	size_t len = 0;
	FILE *file;

	out[0] = '\0';
	if (!html->report->options.case_path || (size_t)snprintf(path, sizeof(path), "%s/%s", html->report->options.case_path, name) >= sizeof(path))
		return 0;
	file = fopen(path, "re");
	if (file) {
		len = fread(out, 1, size - 1, file);
		fclose(file);
	}
	out[len] = '\0';
	return len;
}

/* Line by line: as text, an end of line would be shown as \n. */
static void put_lines(FILE *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		html_text(out, (struct text){text, len}, "");
		fputc('\n', out);
		text += len + (text[len] == '\n');
	}
}

static const char steps[] =
	"<pre id=\"repeat\">sed '/^$/q' checkpoint | sed '$d' &gt;note.text\n"
	"sed -n 's/^— [^ ]* //p' checkpoint | base64 -d | tail -c +5 &gt;note.signature\n"
	"{ printf '\\x30\\x2a\\x30\\x05\\x06\\x03\\x2b\\x65\\x70\\x03\\x21\\x00'; cut -d+ -f3- note.pub | base64 -d | tail -c +2; } &gt;note.key\n"
	"openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey note.key -sigfile note.signature -in note.text</pre>\n";

static void put_seal(struct html *html)
{
	struct verify_options options = {0};
	struct verify_result *result = calloc(1, sizeof(*result));
	char note[NOTE_MAX], key[KEY_TEXT_SIZE];
	FILE *out = html->out;

	fputs("<h3>How the case is sealed</h3>\n<p>", out);
	html_text(out, html->session.verified_what, "It is not known whether the case is as it was sealed.");
	fputs("</p>\n", out);
	if (!result || !html->report->options.case_path || case_verify(html->report->options.case_path, &options, result) ||
		result->verdict != VERDICT_INTACT) {
		fputs("<p>There is no checkpoint that this could be checked by.</p>\n", out);
		free(result);
		return;
	}
	fprintf(out,
		"<dl><dt>lines sealed</dt><dd>%" PRIu64 " of %" PRIu64 ", in %" PRIu32
		" segment%s</dd><dt>end</dt><dd>%s</dd><dt>first key</dt><dd><code>",
		result->sealed, result->lines, result->segments, result->segments == 1 ? "" : "s",
		result->ended ? "the recording ended, and its last key is gone"
			      : "no end is sealed: the recording goes on, died, or its last part was taken away");
	note_key_format(key, &result->first);
	html_string(out, key);
	fputs("</code></dd></dl>\n<p>The newest checkpoint. If you have one of this case that left the host in time, compare: "
	      "<code>quis verify CASE --since FILE</code>.</p>\n<pre id=\"checkpoint\">",
		out);
	read_case(html, "checkpoint", note, sizeof(note));
	put_lines(out, note);
	fputs("</pre>\n<p>To repeat the check of its signature with OpenSSL, put it into a file <code>checkpoint</code> and this key into <code>note.pub</code>:</p>\n<pre id=\"key\">", out);
	note_key_format(key, &result->current);
	html_string(out, key);
	fputs("</pre>\n", out);
	fputs(steps, out);
	fputs("<p>That the lines are those that were signed, <code>quis verify</code> checks, or any program for RFC 6962 trees: leaf = SHA-256(0 || line), "
	      "node = SHA-256(1 || left || right). Whoever ruled the host while it recorded could write another case with another key: what holds against them is a "
	      "key or a checkpoint that left the host in time.</p>\n",
		out);
	free(result);
}

void html_trust(struct html *html)
{
	const struct report_session *session = &html->session;
	FILE *out = html->out;

	fputs("<h2 id=\"trust\">How far this can be trusted</h2>\n<dl>", out);
	fprintf(out, "<dt>exact</dt><dd>%s</dd>", !session->exact ? "no: the numbers are lower bounds"
		: session->unverified					 ? "not known: its own counts say that nothing was lost, but it is not as it was sealed"
										 : "yes: nothing was lost");
	put_lost(out, "records lost", session->lost_records);
	put_lost(out, "counts lost to a full table", session->lost_map_full);
	put_lost(out, "runs of the sensor in the kernel missed", session->lost_missed_runs);
	fputs("<dt>hooks</dt><dd>", out);
	html_text(out, session->hooks, "not known");
	fputs(" (how the sensor was attached to the kernel; what that leaves unseen is listed below)</dd></dl>\n", out);
	put_gaps(html, "What is missing", report_gaps);
	put_gaps(html, "Changes of the clock", report_clock);
	put_unseen(html);
	put_seal(html);
}
