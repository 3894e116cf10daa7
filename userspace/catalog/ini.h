/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The catalogue's files: [section], and lines "KEY = VALUE" or "WORD KEY = VALUE". Around the first " = " of a line stand key and value; both
 * are taken as they are. Lines that begin with ; or # are comments.
 */
#ifndef QUIS_INI_H
#define QUIS_INI_H

#include <stddef.h>

struct ini_line {
	size_t number; /* from 1 */
	const char *section; /* "": before the first; valid until the next section */
	const char *word;    /* "": a line without one */
	const char *key;
	const char *value;
};

/* What it returns below 0 ends the reading. Texts are valid during the call only. */
typedef int ini_line_fn(void *context, const struct ini_line *line);

#define INI_LINE_MAX 1024

/*
 * -EBADMSG: a line that is none of the above, or longer than INI_LINE_MAX; ret_number says which (also when fn gave up). Empty text is no
 * error.
 */
int ini_read(const char *text, size_t len, ini_line_fn *fn, void *context, size_t *ret_number);

#endif
