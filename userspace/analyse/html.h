/* SPDX-License-Identifier: BSD-2-Clause */
/* The HTML report, in parts. Everything that comes from the case goes through html_text() or html_json(). */
#ifndef QUIS_HTML_H
#define QUIS_HTML_H

#include "findings.h"
#include "report.h"

struct html {
	struct report *report;
	FILE *out;
	struct report_session session;
	struct findings findings;
	int64_t start_ns, end_ns; /* of the recording; equal: not known */
};

extern const char page_css[], page_css_end[], page_js[], page_js_end[];

/*
 * The head but for its title and end. Nothing may be loaded, and no program runs but ours: whatever a name managed to smuggle in would be
 * inert.
 */
void html_begin(FILE *out);
/* As text or within an attribute: no markup, no control character, no change of direction. */
void html_text(FILE *out, struct text text, const char *unknown);
void html_string(FILE *out, const char *text);
/* A JSON string, quotes included, that can stand inside <script>. The same text as html_text() shows. */
void html_json(FILE *out, struct text text);
void html_size(FILE *out, uint64_t bytes);
/* 2026-11-23 17:40:00 of a time of the index. */
void html_time(FILE *out, struct text time);

int html_timeline(struct html *html);
int html_exposure(struct html *html);
int html_graph(struct html *html);
int html_files(struct html *html);
int html_actions(struct html *html);
void html_trust(struct html *html);

#endif
