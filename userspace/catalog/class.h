/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sensitivity classes: what kind of thing a file is, by its path. The rules are data: classes.ini in this directory, and before it
 * /etc/quis/classes.ini and $XDG_CONFIG_HOME/quis/classes.ini (~/.config), which are read once, at the first question.
 * A case holds neither owner nor content of a file, so that no rule can ask for these.
 */
#ifndef QUIS_CLASS_H
#define QUIS_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Never NULL; one of class_name(). What belongs to the product is "own" instead, which the path alone does not tell (own.h). */
const char *class_of(const char *path, size_t len);
/*
 * Of a file that the process saw by another path (`view`, NULL: by none), as in a container: what that path tells, where the first tells nothing.
 * A process makes such paths as it likes: so they may make a file worth a look, and never ordinary.
 */
const char *class_of_seen(const char *path, size_t len, const char *view, size_t view_len);
/* Why it has this class; NULL for "other". */
const char *class_why(const char *path, size_t len);
/* The classes, most telling first; NULL after the last. */
const char *class_name(size_t index);
/* What to call it: "credentials and keys". A name that is not known is its own title. */
const char *class_title(const char *name);
bool class_known(const char *name);
/* No finding in itself: programs and libraries, the product's own. */
bool class_ordinary(const char *name);
/* Changes with the rules, so that what was made of others can be told. */
uint64_t class_version(void);
/* What is wrong with a user's file, which is left out from that line on; NULL: nothing. */
const char *class_problem(void);

#endif
