/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON, written as it comes: nothing is held in memory. Errors are the stream's own: ferror() at the end. */
#ifndef QUIS_EMIT_H
#define QUIS_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct emit {
	FILE *out;
	int depth;
	uint64_t filled; /* one bit a level: something is in it already */
	bool one_line;	 /* JSON lines: else each object of a list begins one */
};

/* key NULL: an element of a list, or the whole. */
void emit_open(struct emit *emit, const char *key, char bracket);
void emit_close(struct emit *emit, char bracket);
void emit_text(struct emit *emit, const char *key, const char *bytes, size_t len);	       /* hostile */
void emit_text_two(struct emit *emit, const char *key, const char *first, const char *second); /* as one */
void emit_number(struct emit *emit, const char *key, uint64_t value);
void emit_bool(struct emit *emit, const char *key, bool value);
void emit_null(struct emit *emit, const char *key);
/* The inside of a JSON object. */
void emit_members(struct emit *emit, const char *text, size_t len);
/* Text that is JSON already; DEL and C1, which JSON allows, are escaped. */
void emit_raw(struct emit *emit, const char *key, const char *text, size_t len);

#endif
