/* SPDX-License-Identifier: BSD-2-Clause */
/* Which key of which fact goes into which column. A new key is a row here and a word in schema.c. */
#ifndef QUIS_INDEX_FACTS_H
#define QUIS_INDEX_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_type {
	COLUMN_TEXT,
	COLUMN_NUMBER, /* up to INT64_MAX; a decimal string will do as well */
	COLUMN_COUNT,  /* a number that is 0 when absent */
	COLUMN_DIGITS, /* up to 2^64-1, which SQLite's integers do not hold: kept as text */
	COLUMN_TRUE,
	COLUMN_LIST,
	COLUMN_TIME,
	COLUMN_OBJECT, /* JSON within a string */
};

struct column {
	const char *name;
	const char *key;
	uint8_t key_len;
	uint8_t type;
};

enum fact_link { /* what goes in front of the columns */
	LINK_NONE,
	LINK_KIND,    /* the fact's name */
	LINK_PROCESS, /* a process, which must be there */
	LINK_MAYBE_PROCESS,
	LINK_FILE, /* a process and a file */
};

enum fact_after {
	AFTER_NOTHING,
	AFTER_START,
	AFTER_END,
	AFTER_CLOCK,
	AFTER_CAPTURE_START,
	AFTER_CAPTURE_END,
};

struct fact_kind {
	const char *fact;
	const char *table;
	const struct column *columns;
	uint8_t count;
	uint8_t link;
	uint8_t after;
	const char *category,
		*type; /* what ECS calls it; NULL: nothing. derived_text() says where it is more than that */
};

extern const struct fact_kind fact_kinds[];
extern const size_t fact_kinds_count;
#define FACT_KINDS_MAX 24

/*
 * What of a fact need not be kept because the rest tells it: event.kind, event.category, event.type, event.outcome.
 * Returns the JSON that a fact of this kind has for that key; NULL: none. Of the action: whether it has a path.
 */
struct fact_nature {
	const char *action; /* NUL-terminated; NULL: none */
	bool has_path, access, change, failed;
};
const char *derived_json(const struct fact_kind *kind, const struct fact_nature *nature, const char *key);

extern const struct column file_columns[]; /* of table file, filled from file-access */
extern const size_t file_columns_count;

/* What describes a process, and what must change together: a column follows its lead. */
struct image_column {
	const char *name;
	const char *lead;
	bool replaced; /* by every exec, even by nothing: what was true of the old program is not of the new one */
};
extern const struct image_column image_columns[];
extern const size_t image_columns_count;

#endif
