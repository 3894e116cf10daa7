/* SPDX-License-Identifier: BSD-2-Clause */
/* The timeline: accesses by class above, bytes sent below, what was lost shaded. Drawn here, so that it needs no program in the page. */
#include "html.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "case/case.h"
#include "catalog/class.h"
#include "times.h"

#define BUCKETS 120
#define COLORS 8 /* the last one is for all the rest */
#define WIDTH 1200
#define LEFT 0
#define TOP_HEIGHT 150
#define BELOW_HEIGHT 90
#define GAP_HEIGHT 26
#define TICKS 6
#define TICKS_HEIGHT 22

struct bars {
	const char *names[COLORS];  /* a class, a remote address */
	const char *labels[COLORS]; /* NULL: none but that */
	uint64_t counts[COLORS][BUCKETS];
	size_t used;
	uint64_t highest;
};

static size_t bucket_of(const struct html *html, int64_t ns)
{
	if (ns <= html->start_ns)
		return 0;
	if (ns >= html->end_ns)
		return BUCKETS - 1;
	return (size_t)((double)(ns - html->start_ns) / (html->end_ns - html->start_ns) * BUCKETS);
}

static void finish_bars(struct bars *bars)
{
	size_t i, k;

	for (i = 0; i < BUCKETS; i++) {
		uint64_t sum = 0;

		for (k = 0; k < bars->used; k++)
			sum += bars->counts[k][i];
		if (sum > bars->highest)
			bars->highest = sum;
	}
}

/* The classes that were found most tellingly have a color each. */
static void choose_classes(struct html *html, struct bars *bars)
{
	size_t i;

	for (i = 0; i < html->findings.class_count && bars->used < COLORS - 1; i++)
		if (html->findings.classes[i].files && !html->findings.classes[i].ordinary)
			bars->names[bars->used++] = html->findings.classes[i].name;
	bars->names[bars->used++] = NULL;
}

static size_t color_of(const struct bars *bars, const char *name)
{
	size_t i;

	for (i = 0; i + 1 < bars->used; i++)
		if (name && !strcmp(bars->names[i], name))
			return i;
	return bars->used - 1;
}

static int gather_accesses(struct html *html, struct bars *bars)
{
	sqlite3_stmt *row;

	choose_classes(html, bars);
	if (sqlite3_prepare_v2(html->report->db,
		    "SELECT a.first, f.class FROM access AS a JOIN file AS f ON f.id = a.file WHERE a.first IS NOT NULL"
		    " AND (?1 = 0 OR a.process IN (SELECT id FROM process WHERE pid = ?1))",
		    -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_int64(row, 1, html->report->options.pid);
	while (sqlite3_step(row) == SQLITE_ROW) {
		int64_t ns = time_ns((const char *)sqlite3_column_text(row, 0));

		bars->counts[color_of(bars, (const char *)sqlite3_column_text(row, 1))][bucket_of(html, ns)]++;
	}
	finish_bars(bars);
	return sqlite3_finalize(row) == SQLITE_OK ? 0 : -EIO;
}

/* A burst's bytes are taken to be spread evenly over it. */
static void spread(struct html *html, struct bars *bars, size_t color, int64_t first, int64_t last, uint64_t bytes)
{
	size_t from = bucket_of(html, first), to = bucket_of(html, last), i;

	for (i = from; i <= to; i++)
		bars->counts[color][i] += bytes / (to - from + 1);
	bars->counts[color][to] += bytes % (to - from + 1);
}

static int gather_sent(struct html *html, struct bars *bars)
{
	const struct findings *findings = &html->findings;
	sqlite3_stmt *row;
	size_t i;

	for (i = 0; i < findings->place_count && bars->used < COLORS - 1; i++)
		if (findings->places[i].out && findings->places[i].sent_bytes) {
			bars->labels[bars->used] = findings->places[i].name;
			bars->names[bars->used++] = findings->places[i].remote;
		}
	bars->names[bars->used++] = NULL;
	if (sqlite3_prepare_v2(html->report->db,
		    "SELECT first, last, remote, sent_bytes FROM flow WHERE first IS NOT NULL AND sent_bytes > 0 AND family IN ('inet', 'inet6')"
		    " AND (?1 = 0 OR process IN (SELECT id FROM process WHERE pid = ?1))",
		    -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_int64(row, 1, html->report->options.pid);
	while (sqlite3_step(row) == SQLITE_ROW) {
		const char *first = (const char *)sqlite3_column_text(row, 0), *last = (const char *)sqlite3_column_text(row, 1);

		spread(html, bars, color_of(bars, (const char *)sqlite3_column_text(row, 2)), time_ns(first), time_ns(last ? last : first),
			sqlite3_column_int64(row, 3));
	}
	finish_bars(bars);
	return sqlite3_finalize(row) == SQLITE_OK ? 0 : -EIO;
}

static void put_bars(FILE *out, const struct bars *bars, int top, int height)
{
	double wide = (double)(WIDTH - LEFT) / BUCKETS;
	size_t i, k;

	for (i = 0; i < BUCKETS; i++) {
		double at = top + height;

		for (k = 0; k < bars->used; k++) {
			double high = bars->highest ? (double)bars->counts[k][i] / bars->highest * (height - 14) : 0;

			if (!bars->counts[k][i])
				continue;
			/* What was there is seen, however little. */
			if (high < 1.5)
				high = 1.5;
			at -= high;
			fprintf(out, "<rect class=\"f%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", bars->names[k] ? k : COLORS - 1,
				LEFT + i * wide, at, wide - 1, high);
		}
	}
	fprintf(out, "<path class=\"axis\" d=\"M%d %dH%d\"/>\n", LEFT, top + height, WIDTH);
}

static int put_gap(void *context, const struct report_gap *gap)
{
	struct html *html = context;
	int64_t from = gap->from.bytes ? time_ns(gap->from.bytes) : html->start_ns, to = gap->to.bytes ? time_ns(gap->to.bytes) : html->end_ns;
	double scale = (double)(WIDTH - LEFT) / (html->end_ns - html->start_ns), x, wide;

	if (from < html->start_ns)
		from = html->start_ns;
	if (to > html->end_ns)
		to = html->end_ns;
	x = (from - html->start_ns) * scale;
	wide = to > from ? (to - from) * scale : 0;
	if (x > WIDTH - 3)
		x = WIDTH - 3;
	/* As high as the picture, which cuts it off where nothing was sent. */
	fprintf(html->out, "<rect class=\"gap\" x=\"%.1f\" y=\"0\" width=\"%.1f\" height=\"%d\"><title>", LEFT + x,
		wide < 3 ? 3 : wide, TOP_HEIGHT + GAP_HEIGHT + BELOW_HEIGHT);
	html_text(html->out, gap->what, "something is missing");
	fputs("</title></rect>\n", html->out);
	return 0;
}

static void put_legend(struct html *html, const struct bars *bars, const char *rest)
{
	size_t i;

	fputs("<ul class=\"legend\">", html->out);
	for (i = 0; i < bars->used; i++) {
		fprintf(html->out, "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"f%zu\" width=\"10\" height=\"10\"/></svg>",
			bars->names[i] ? i : COLORS - 1);
		html_string(html->out, bars->names[i] ? class_title(bars->names[i]) : rest);
		if (bars->labels[i]) {
			fputs(" (", html->out);
			html_string(html->out, bars->labels[i]);
			fputc(')', html->out);
		}
		fputs("</li>", html->out);
	}
	fputs("</ul>\n", html->out);
}

/* The time of day below, as fine as the recording is short. */
static void put_ticks(struct html *html, int at)
{
	int64_t whole = html->end_ns - html->start_ns;
	int digits = whole < 20 * INT64_C(1000000000) ? 12 : 8, i;
	char text[TIME_TEXT];

	for (i = 0; i <= TICKS; i++) {
		text_time(text, html->start_ns + (int64_t)((double)whole * i / TICKS));
		fprintf(html->out,
			"<path class=\"axis\" d=\"M%d %dv4\"/><text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%.*s</text>\n",
			LEFT + (WIDTH - LEFT) * i / TICKS, at, LEFT + (WIDTH - LEFT) * i / TICKS, at + 16,
			i == 0	     ? "start"
			: i == TICKS ? "end"
				     : "middle",
			digits, text + 11);
	}
}

/* How long a bar is. */
static void put_length(struct html *html)
{
	double seconds = (html->end_ns - html->start_ns) / 1e9 / BUCKETS;

	if (seconds < 1)
		fprintf(html->out, "%.3g ms", seconds * 1e3);
	else if (seconds < 120)
		fprintf(html->out, "%.3g s", seconds);
	else
		fprintf(html->out, "%.3g min", seconds / 60);
}

static int put_svg(struct html *html, const struct bars *accesses, const struct bars *sent)
{
	int below = TOP_HEIGHT + GAP_HEIGHT, height = below, err;
	FILE *out = html->out;

	if (sent->highest)
		height += BELOW_HEIGHT + TICKS_HEIGHT;

	fprintf(out,
		"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Picture of the timeline\"><svg "
		"class=\"time\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"time-what\">\n<title "
		"id=\"time-what\">Accesses by class, and bytes "
		"sent, over the time of the recording",
		WIDTH, height);
	fputs(html->session.exact ? "" : "; what was lost is shaded", out);
	fputs("</title>\n", out);
	err = report_gaps(html->report, put_gap, html);
	put_bars(out, accesses, 0, TOP_HEIGHT);
	if (sent->highest)
		put_bars(out, sent, below, BELOW_HEIGHT);
	put_ticks(html, sent->highest ? below + BELOW_HEIGHT : TOP_HEIGHT);
	fprintf(out, "<text x=\"4\" y=\"14\">files reached: at most %" PRIu64 " accesses in a bar of ",
		accesses->highest);
	put_length(html);
	fputs("</text>\n", out);
	if (sent->highest) {
		fprintf(out, "<text x=\"4\" y=\"%d\">sent over the network: at most ", below + 4);
		html_size(out, sent->highest);
		fputs(" in a bar</text>\n", out);
	}
	fputs("</svg></div>\n", out);
	return err;
}

int html_timeline(struct html *html)
{
	struct bars *bars = calloc(2, sizeof(*bars));
	int err = bars ? 0 : -ENOMEM;

	fputs("<h2 id=\"time\">Timeline</h2>\n", html->out);
	if (html->end_ns <= html->start_ns) {
		fputs("<p>The time of the recording is not known.</p>\n", html->out);
		free(bars);
		return err;
	}
	if (!err)
		err = gather_accesses(html, &bars[0]);
	if (!err)
		err = gather_sent(html, &bars[1]);
	if (!err)
		err = put_svg(html, &bars[0], &bars[1]);
	if (!err) {
		fputs("<p class=\"faint\">From ", html->out);
		html_time(html->out, html->session.started);
		fputs(" to ", html->out);
		html_time(html->out, html->session.ended);
		fputs(" UTC. Above, files reached, by class:</p>\n", html->out);
		put_legend(html, &bars[0], "all others, ordinary ones among them");
		if (bars[1].highest) {
			fputs("<p class=\"faint\">Below, bytes sent over the network, by destination:</p>\n",
				html->out);
			put_legend(html, &bars[1], "all others");
		} else
			fputs("<p class=\"faint\">Nothing was sent over the network.</p>\n", html->out);
	}
	free(bars);
	return err;
}
