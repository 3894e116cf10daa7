/* SPDX-License-Identifier: BSD-2-Clause */
/* Times as text: UTC, RFC 3339 with nine digits and Z, so that text order is time order. */
#ifndef QUIS_TIMES_H
#define QUIS_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_LENGTH 30

/* As a fact has it: 2026-11-23T17:40:00 with up to nine digits after a point, and Z. out holds TIME_TEXT bytes;
 * untouched if it is none. */
bool time_normal(const char *text, size_t len, char *out);
/* Nanoseconds since 1970 of such a text; what is out of range (1970 to 2262) becomes the nearest that is not. */
int64_t time_ns(const char *text);
/*
 * As a person writes it: a date, with or without a time, Z or an offset (+01:00) behind it, or seconds since 1970 after
 * an @. Without an offset it is UTC.
 */
bool time_given(const char *text, char *out);

#endif
