/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One flat JSON object, taken apart in place. Hostile input: any bytes may come in. Own code and not jansson, because a
 * case of a million facts is read in seconds only without an allocation per value, and because numbers go up to 2^64-1.
 */
#ifndef QUIS_LINE_H
#define QUIS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "case/case.h"

#define LINE_FIELDS_MAX 96
#define LINE_SLOTS 256

enum line_type {
	LINE_OTHER, /* null, object, fraction, list of anything but strings: nobody asks for these; the JSON as it stands */
	LINE_TEXT,  /* unescaped; NUL-terminated, may hold NULs */
	LINE_NUMBER,
	LINE_TRUE,
	LINE_FALSE,
	LINE_LIST, /* of strings: the valid JSON as it stands in the line */
};

struct line_field {
	const char *key;
	const char *text; /* of a number: its digits */
	uint32_t key_len;
	uint32_t len;
	uint64_t number; /* UINT64_MAX at the most; 0 for negative ones */
	enum line_type type;
	bool found; /* by line_find() */
	bool again; /* the key came before */
};

struct line {
	size_t count;
	uint8_t slots[LINE_SLOTS]; /* by the key's hash: the number of a field and 1; 0: none. Most keys that are asked for are not there */
	struct line_field fields[LINE_FIELDS_MAX];
	char buffer[FACT_LINE_MAX + 1];
};

/* -EBADMSG: not a JSON object in UTF-8, or nested deeper than 32. Keys beyond LINE_FIELDS_MAX are checked but not kept.
 */
int line_parse(struct line *line, const char *text, size_t len);
/* NULL: no such key. Of a key that comes twice the first counts. */
struct line_field *line_find(struct line *line, const char *key, size_t key_len);
/* The next field that nobody has looked for, and whose key did not come before; *at is 0 at first. NULL: no more. */
const struct line_field *line_unknown(const struct line *line, size_t *at);
/* The next string of a list; at starts as field->text. Returns 0 at the end. text is unescaped in place: list text may
 * be walked once only. */
int line_list_next(char **at, const char **ret_text, size_t *ret_len);
/* Is this text, as a whole, one JSON object? (action details are JSON within a string) */
int line_is_object(const char *text, size_t len);

#endif
