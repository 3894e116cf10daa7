/* SPDX-License-Identifier: BSD-2-Clause */
/* Sensitivity classes: what kind of thing a file is, by its path. The first rule that fits decides; "other" if none
 * does. */
#ifndef QUIS_CLASS_H
#define QUIS_CLASS_H

#include <stdbool.h>
#include <stddef.h>

/* Never NULL; one of class_name(). */
const char *class_of(const char *path, size_t len);
/* The classes, one by one; NULL after the last. */
const char *class_name(size_t index);
bool class_known(const char *name);

#endif
