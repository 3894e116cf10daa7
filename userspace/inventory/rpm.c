/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rpm's database, as rpm 4.16 and later keep it: SQLite, one row a package, whose header is a blob: two big-endian counts (entries,
 * bytes of data), entries of {tag, type, offset, count}, the data. See rpm's docs/manual/format_header.md. Hostile: bounded everywhere.
 */
#include "inventory/inventory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAG_NAME 1000
#define TAG_VERSION 1001
#define TAG_RELEASE 1002
#define TAG_PROVIDES 1047
#define TAG_REQUIRES 1049
#define TAG_DIR_INDEXES 1116
#define TAG_BASE_NAMES 1117
#define TAG_DIR_NAMES 1118
#define TYPE_INT32 4
#define TYPE_STRING 6
#define TYPE_STRINGS 8
#define LIST_TEXT_MAX 16384 /* of a package's requirements, kept */

struct header {
	const unsigned char *entries, *data;
	size_t count, bytes;
};

struct tag {
	const unsigned char *at; /* within the data */
	size_t left;		 /* from there to its end */
	uint32_t type, count;
};

static uint32_t word(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return ntohl(value);
}

static bool header_open(struct header *header, const unsigned char *blob, size_t size)
{
	if (!blob || size < 8)
		return false;
	header->count = word(blob);
	header->bytes = word(blob + 4);
	if (header->count > (size - 8) / 16 || header->bytes > size - 8 - header->count * 16)
		return false;
	header->entries = blob + 8;
	header->data = header->entries + header->count * 16;
	return true;
}

static bool header_find(const struct header *header, uint32_t wanted, struct tag *ret_tag)
{
	size_t i;

	for (i = 0; i < header->count; i++) {
		const unsigned char *entry = header->entries + i * 16;
		uint32_t offset = word(entry + 8);

		if (word(entry) != wanted)
			continue;
		if (offset >= header->bytes)
			return false;
		*ret_tag = (struct tag){header->data + offset, header->bytes - offset, word(entry + 4), word(entry + 12)};
		return true;
	}
	return false;
}

/* The next of a list of strings; NULL: none left, or it has no end. */
static const char *next_string(struct tag *tag)
{
	const char *text = (const char *)tag->at;
	const unsigned char *end;

	if (!tag->count || (tag->type != TYPE_STRING && tag->type != TYPE_STRINGS))
		return NULL;
	end = memchr(tag->at, '\0', tag->left);
	if (!end)
		return NULL;
	tag->left -= end + 1 - tag->at;
	tag->at = end + 1;
	tag->count--;
	return text;
}

static const char *first_string(const struct header *header, uint32_t tag)
{
	struct tag found;
	const char *text = header_find(header, tag, &found) ? next_string(&found) : NULL;

	return text ? text : "";
}

/* Names between commas, as dpkg has them. */
static char *names_of(const struct header *header, uint32_t wanted)
{
	size_t len = 0, more;
	const char *name;
	struct tag tag;
	char *out;

	if (!header_find(header, wanted, &tag))
		return NULL;
	out = malloc(LIST_TEXT_MAX);
	while (out && (name = next_string(&tag))) {
		more = strlen(name);
		if (len + more + 3 > LIST_TEXT_MAX)
			break;
		len += snprintf(out + len, LIST_TEXT_MAX - len, "%s%s", len ? ", " : "", name);
	}
	if (out && !len)
		out[0] = '\0';
	return out;
}

static void take_package(struct inventory *inventory, const struct header *header)
{
	const char *name = first_string(header, TAG_NAME);
	char version[256];
	struct package *package;

	/* the keys that signed packages are rows too */
	if (!*name || !strcmp(name, "gpg-pubkey"))
		return;
	snprintf(version, sizeof(version), "%s-%s", first_string(header, TAG_VERSION), first_string(header, TAG_RELEASE));
	package = package_add(inventory, "rpm", name, version);
	if (!package)
		return;
	package->needs = names_of(header, TAG_REQUIRES);
	package->provides = names_of(header, TAG_PROVIDES);
}

/* Its files: names, each with the number of a directory. */
static void take_files(struct inventory *inventory, const struct header *header)
{
	const char *package = first_string(header, TAG_NAME), *name, **directories;
	struct tag names, numbers, dirs;
	char path[PATH_MAX];
	uint32_t i, count, number;

	if (!header_find(header, TAG_BASE_NAMES, &names) || !header_find(header, TAG_DIR_INDEXES, &numbers) ||
		!header_find(header, TAG_DIR_NAMES, &dirs) || numbers.type != TYPE_INT32 || dirs.count > dirs.left)
		return;
	count = dirs.count;
	directories = calloc(count + 1, sizeof(*directories));
	if (!directories) {
		inventory->error = -ENOMEM;
		return;
	}
	for (i = 0; i < count && (name = next_string(&dirs)); i++)
		directories[i] = name;
	for (i = 0; i < numbers.count && (size_t)i * 4 + 4 <= numbers.left && (name = next_string(&names)); i++) {
		number = word(numbers.at + (size_t)i * 4);
		if (number < count && directories[number] &&
			(size_t)snprintf(path, sizeof(path), "%s%s", directories[number], name) < sizeof(path)) {
			owner_found(inventory, path, package);
			file_below(inventory, path);
		}
	}
	free(directories);
}

static int open_database(const struct inventory *inventory, const char *path, sqlite3 **ret_db)
{
	/* a running system's may be in use; SQLite makes files beside it for that, and none with the second way */
	static const char *const ways[] = {"?mode=ro", "?mode=ro&immutable=1"};
	char uri[PATH_MAX + 32];
	sqlite3_stmt *probe;
	size_t i;
	int err = SQLITE_ERROR;

	for (i = inventory->live ? 0 : 1; i < sizeof(ways) / sizeof(*ways); i++) {
		snprintf(uri, sizeof(uri), "file:%s%s", path, ways[i]);
		err = sqlite3_open_v2(uri, ret_db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
		if (err == SQLITE_OK)
			err = sqlite3_prepare_v2(*ret_db, "SELECT blob FROM Packages", -1, &probe, NULL);
		if (err == SQLITE_OK) {
			sqlite3_finalize(probe);
			return 0;
		}
		sqlite3_close(*ret_db);
	}
	return -EIO;
}

void rpm_row(struct inventory *inventory, const void *blob, size_t size, bool owners)
{
	struct header header;

	if (!header_open(&header, blob, size))
		return;
	if (owners)
		take_files(inventory, &header);
	else
		take_package(inventory, &header);
}

static void read_rows(struct inventory *inventory, sqlite3 *db, bool owners)
{
	sqlite3_stmt *rows;

	if (sqlite3_prepare_v2(db, "SELECT blob FROM Packages", -1, &rows, NULL) != SQLITE_OK)
		return;
	while (!inventory->error && sqlite3_step(rows) == SQLITE_ROW) {
		const void *blob = sqlite3_column_blob(rows, 0);
		int size = sqlite3_column_bytes(rows, 0);

		root_paced(inventory, size);
		rpm_row(inventory, blob, size, owners);
	}
	sqlite3_finalize(rows);
}

/* What an image's database still has in its log is not in the database: nobody may write there to put it in. */
static void tell_wal(struct inventory *inventory)
{
	static const char *const logs[] = {"/var/lib/rpm/rpmdb.sqlite-wal", "/usr/lib/sysimage/rpm/rpmdb.sqlite-wal"};
	struct stat st;
	size_t i;

	for (i = 0; !inventory->live && i < sizeof(logs) / sizeof(*logs); i++)
		if (!root_stat(inventory, logs[i], true, &st) && st.st_size)
			not_seen(inventory, "the last changes of the rpm database, which are still in %s", logs[i]);
}

void rpm_read(struct inventory *inventory, bool owners)
{
	static const char *const places[] = {"/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite"};
	size_t i, before = inventory->package_count;
	const char *state = "no database";
	char path[64];
	sqlite3 *db;
	int fd = -ENOENT;

	for (i = 0; i < sizeof(places) / sizeof(*places) && fd < 0; i++)
		fd = root_open(inventory, places[i], O_RDONLY);
	if (fd >= 0) {
		/* SQLite follows this link to the file itself, which root_open() has found within the root */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		state = "not readable";
		if (!open_database(inventory, path, &db)) {
			read_rows(inventory, db, owners);
			sqlite3_close(db);
			state = "read";
		}
		if (!owners)
			tell_wal(inventory);
		close(fd);
	} else if (fd == -EACCES) {
		state = "not readable";
	}
	if (!owners)
		looked_at(inventory, "packages (rpm)", state, inventory->package_count - before);
}
