/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QUIS_TERMINAL_H
#define QUIS_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* 0: no terminal, nothing needs to be cut. */
unsigned terminal_width(FILE *out);
bool terminal_has_color(FILE *out);
/* Columns that harmless UTF-8 (of text_plain()) takes. */
unsigned text_columns(const char *text, size_t len);
/* Where the last columns of the text begin. */
const char *text_tail(const char *text, size_t len, unsigned columns);
/* Where the first columns of the text end. */
const char *text_head(const char *text, size_t len, unsigned columns);

#endif
