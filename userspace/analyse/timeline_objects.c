/* SPDX-License-Identifier: BSD-2-Clause */
#include "timeline_objects.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exposure.h"

#define FILES_MAX 4000000 /* 64 MiB; SQLite is asked for what comes after, and for what is odd */
#define NAMES_MAX 250

struct names {
	char *list[NAMES_MAX];
	uint8_t count, last;
};

/* Of the texts the number in their names, and 1; 0: NULL. */
struct known {
	uint64_t inode;
	uint8_t device, type, class;
	uint8_t form; /* enum known_form */
};
enum known_form { KNOWN_NOT, KNOWN_PLAIN, KNOWN_NO_INODE };

struct objects {
	sqlite3 *db;
	sqlite3_stmt *odd;
	struct known *files; /* by number */
	uint32_t count;
	struct names types, devices, classes;
	struct list exposed; /* struct exposed_span, by process and time, those of one process apart */
};

struct exposed_span {
	int64_t process;
	struct span span;
};

#define COLUMNS "type, device, inode, class"
enum { COLUMN_OF_TYPE, COLUMN_OF_DEVICE, COLUMN_OF_INODE, COLUMN_OF_CLASS };

static struct text get_text(sqlite3_stmt *row, int column)
{
	struct text text = {.bytes = (const char *)sqlite3_column_text(row, column)};

	text.len = sqlite3_column_bytes(row, column);
	return text;
}

/* false: no room for more. */
static bool name_number(struct names *names, struct text text, uint8_t *ret_number)
{
	uint8_t i = names->last;

	*ret_number = 0;
	if (!text.bytes)
		return true;
	if (text.len != strlen(text.bytes))
		return false;
	if (i >= names->count || strcmp(names->list[i], text.bytes))
		for (i = 0; i < names->count && strcmp(names->list[i], text.bytes); i++)
			;
	if (i == NAMES_MAX)
		return false;
	if (i == names->count) {
		names->list[i] = strdup(text.bytes);
		if (!names->list[i])
			return false;
		names->count++;
	}
	names->last = i;
	*ret_number = i + 1;
	return true;
}

static bool plain_inode(struct text text, uint64_t *ret_inode)
{
	char digits[24];

	*ret_inode = strtoull(text.bytes, NULL, 10);
	snprintf(digits, sizeof(digits), "%" PRIu64, *ret_inode);
	return text.len == strlen(digits) && !memcmp(text.bytes, digits, text.len);
}

static void set_known(struct objects *objects, sqlite3_stmt *row)
{
	struct text inode = get_text(row, COLUMN_OF_INODE);
	int64_t file = sqlite3_column_int64(row, 4);
	struct known known = {.form = inode.bytes ? KNOWN_PLAIN : KNOWN_NO_INODE};

	if (file < 0 || file >= objects->count || (inode.bytes && !plain_inode(inode, &known.inode)))
		return;
	if (name_number(&objects->types, get_text(row, COLUMN_OF_TYPE), &known.type) &&
		name_number(&objects->devices, get_text(row, COLUMN_OF_DEVICE), &known.device) &&
		name_number(&objects->classes, get_text(row, COLUMN_OF_CLASS), &known.class))
		objects->files[file] = known;
}

static int load_files(struct objects *objects)
{
	sqlite3_stmt *row;
	int64_t highest = -1;

	if (sqlite3_prepare_v2(objects->db, "SELECT coalesce(max(id), 0) FROM file", -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	if (sqlite3_step(row) == SQLITE_ROW)
		highest = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	if (highest < 0)
		return -EIO;
	objects->count = highest < FILES_MAX ? highest + 1 : FILES_MAX;
	objects->files = calloc(objects->count, sizeof(*objects->files));
	if (!objects->files)
		return -ENOMEM;
	if (sqlite3_prepare_v2(objects->db, "SELECT " COLUMNS ", id FROM file", -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	while (sqlite3_step(row) == SQLITE_ROW)
		set_known(objects, row);
	return sqlite3_finalize(row) == SQLITE_OK ? 0 : -EIO;
}

static int load_exposed(struct objects *objects)
{
	sqlite3_stmt *row;
	int err = 0;

	if (sqlite3_prepare_v2(objects->db, "SELECT process, first, last FROM exposed ORDER BY process, first", -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	while (!err && sqlite3_step(row) == SQLITE_ROW) {
		struct exposed_span *exposed = list_add(&objects->exposed, sizeof(*exposed));

		if (exposed)
			*exposed = (struct exposed_span){sqlite3_column_int64(row, 0), {exposure_time(row, 1), exposure_time(row, 2)}};
		else
			err = -ENOMEM;
	}
	return sqlite3_finalize(row) == SQLITE_OK ? err : -EIO;
}

int objects_new(struct objects **ret_objects, sqlite3 *db)
{
	struct objects *objects = calloc(1, sizeof(*objects));
	int err;

	if (!objects)
		return -ENOMEM;
	objects->db = db;
	err = load_files(objects);
	if (!err)
		err = load_exposed(objects);
	if (!err && sqlite3_prepare_v2(db, "SELECT " COLUMNS " FROM file WHERE id = ?1", -1, &objects->odd, NULL) != SQLITE_OK)
		err = -EIO;
	if (err)
		objects_free(objects);
	else
		*ret_objects = objects;
	return err;
}

static void names_done(struct names *names)
{
	while (names->count)
		free(names->list[--names->count]);
}

void objects_free(struct objects *objects)
{
	if (!objects)
		return;
	sqlite3_finalize(objects->odd);
	names_done(&objects->types);
	names_done(&objects->devices);
	names_done(&objects->classes);
	list_done(&objects->exposed);
	free(objects->files);
	free(objects);
}

static struct text text_of(const char *bytes)
{
	return (struct text){bytes, bytes ? strlen(bytes) : 0};
}

static struct text name_of(const struct names *names, uint8_t number)
{
	return text_of(number ? names->list[number - 1] : NULL);
}

static struct text write_inode(char digits[24], uint64_t inode)
{
	size_t at = 24;

	digits[--at] = '\0';
	do {
		digits[--at] = '0' + inode % 10;
		inode /= 10;
	} while (inode);
	return (struct text){digits + at, 23 - at};
}

static int get_odd(struct objects *objects, int64_t file, struct object *object)
{
	int got, i;

	sqlite3_reset(objects->odd);
	sqlite3_bind_int64(objects->odd, 1, file);
	got = sqlite3_step(objects->odd);
	for (i = 0; got == SQLITE_ROW && i < 4; i++)
		object->texts[i] = get_text(objects->odd, i);
	return got == SQLITE_ROW || got == SQLITE_DONE ? 0 : -EIO;
}

int objects_get(struct objects *objects, int64_t file, struct object *ret_object)
{
	const struct known *known = file > 0 && file < objects->count ? &objects->files[file] : NULL;

	memset(ret_object->texts, 0, sizeof(ret_object->texts));
	if (!known || known->form == KNOWN_NOT)
		return get_odd(objects, file, ret_object);
	ret_object->texts[COLUMN_OF_TYPE] = name_of(&objects->types, known->type);
	ret_object->texts[COLUMN_OF_DEVICE] = name_of(&objects->devices, known->device);
	ret_object->texts[COLUMN_OF_CLASS] = name_of(&objects->classes, known->class);
	if (known->form == KNOWN_PLAIN)
		ret_object->texts[COLUMN_OF_INODE] = write_inode(ret_object->digits, known->inode);
	return 0;
}

bool objects_exposed(const struct objects *objects, int64_t process, int64_t first, int64_t last)
{
	const struct exposed_span *items = objects->exposed.items;
	size_t low = 0, high = objects->exposed.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (items[middle].process < process || (items[middle].process == process && items[middle].span.last < first))
			low = middle + 1;
		else
			high = middle;
	}
	return low < objects->exposed.count && items[low].process == process && items[low].span.first <= last;
}
