/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the text report. Everything that comes from the case goes through text_plain(). */
#ifndef QUIS_REPORT_TEXT_H
#define QUIS_REPORT_TEXT_H

#include "report.h"

#define SIZE_TEXT 24

struct exposures;
struct exposed_moved;

struct page {
	struct report *report;
	FILE *out;
	int depth;	  /* of the process in the tree */
	unsigned reasons; /* told at the top */
	struct exposures *exposures;
	bool nothing; /* what was written last was text_nothing() */
};

void text_paint(struct page *page, const char *code);
void text_indent(struct page *page);
void text_heading(struct page *page, const char *heading);
/* A part of the first screen that has nothing to tell is one line, and such lines stand together. */
void text_nothing(struct page *page, const char *heading, const char *words);
const char *text_exact(const struct report_session *session); /* words for a session that lost nothing */
void text_put(struct page *page, struct text text, const char *unknown);
char *text_copy_plain(struct text text); /* NULL: not known, or no memory */
const char *text_size(char out[SIZE_TEXT], uint64_t bytes);

/* Product, classes, places, what is unusual, trust: the first screen. */
int text_top(struct page *page, const struct report_session *session);
void text_exposure_top(struct page *page, const struct exposures *exposures);
void text_exposure_end(struct page *page, const struct exposures *exposures);
void text_moved(struct page *page, const struct exposed_moved *moved);
int text_files(struct page *page, int64_t process);
int text_owners(struct page *page);
int text_flows(struct page *page, int64_t process);
int text_actions(struct page *page, int64_t process);

#endif
