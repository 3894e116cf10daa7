/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What table file says of an object, and whether what a process read was followed by something sent, looked up in memory: asked of SQLite,
 * they are two searches for each event, a third of a timeline's time.
 */
#ifndef QUIS_TIMELINE_OBJECTS_H
#define QUIS_TIMELINE_OBJECTS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "report.h"

struct objects;

struct object {
	struct text texts[4]; /* type, device, inode, class: in the order of enum part */
	char digits[24];
};

int objects_new(struct objects **ret_objects, sqlite3 *db);
void objects_free(struct objects *objects);
/* Of row `file` of table file. The texts are valid until the next call. */
int objects_get(struct objects *objects, int64_t file, struct object *ret_object);
/* Did something leave the process in time after a reading in first..last? */
bool objects_exposed(const struct objects *objects, int64_t process, int64_t first, int64_t last);

#endif
