/* SPDX-License-Identifier: BSD-2-Clause */
/* What a product did in one recording and not in another. */
#ifndef QUIS_DIFF_H
#define QUIS_DIFF_H

#include "findings.h"
#include "report.h"

enum diff_part { DIFF_PROGRAMS, DIFF_FILES, DIFF_REFUSED, DIFF_PLACES, DIFF_EXPOSURE, DIFF_ACTIONS, DIFF_PARTS };

struct diff_item {
	char *key;	   /* a path, a destination, an action; as it came, not escaped */
	const char *class; /* NULL: has none */
	uint64_t bytes, count; /* read of a file; sent to a place; at most sent after a reading */
};

struct diff_items {
	struct diff_item *items;
	size_t count, size;
};

struct diff_side {
	const char *case_path;
	sqlite3 *db;
	struct report report;
	struct report_session session;
	struct findings findings;
	bool ready; /* findings are there */
	struct diff_items only[DIFF_PARTS]; /* in this one and not in the other */
};

struct diff {
	struct diff_side sides[2];
	bool all;
	int64_t top;
	bool color;
};

extern const char *const diff_names[DIFF_PARTS];  /* in JSON */
extern const char *const diff_titles[DIFF_PARTS];

typedef int diff_writer(struct diff *diff, FILE *out);
diff_writer diff_text, diff_json, diff_html;

#endif
