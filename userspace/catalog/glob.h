/* SPDX-License-Identifier: BSD-2-Clause */
/* Globs over paths: * and ? and [a-z] stay within one part of a path, ** goes over any number of parts. Bytes, not characters. */
#ifndef QUIS_GLOB_H
#define QUIS_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* A glob that ends in a slash and ** fits the directory itself too. Time grows with the lengths multiplied, whatever the glob. */
bool glob_fits(const char *glob, const char *path, size_t len);

#endif
