/* SPDX-License-Identifier: BSD-2-Clause */
#include "where_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <maxminddb.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "case/case.h"
#include "case/sha256.h"

static const char *const installed[] = {"/var/lib/location/database.db", "/usr/share/libloc-location/location.db"};

static struct {
	const char *path; /* NULL: what is installed */
	enum { UNTRIED, ABSENT, LIBLOC, MMDB } state;
	const char *why;
	struct mapped file;
	struct libloc libloc;
	MMDB_s mmdb;
	struct where_database database;
} where;

void where_date(uint64_t seconds, char ret_date[11])
{
	time_t time = (time_t)seconds;
	struct tm tm;

	ret_date[0] = '\0';
	if (seconds < (uint64_t)1 << 35 && gmtime_r(&time, &tm))
		strftime(ret_date, 11, "%Y-%m-%d", &tm);
}

void where_country(struct where_place *place, const char *code, size_t length)
{
	if (length != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z')
		return;
	memcpy(place->country, code, 2);
	place->country[2] = '\0';
}

/* ---- the file ---- */

static int map_file(const char *path, struct mapped *ret_file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = 0;
	struct stat st;
	void *bytes;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < 64 || st.st_size > INT32_MAX) {
		close(fd);
		return -EINVAL;
	}
	bytes = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		error = -errno;
	close(fd);
	if (!error)
		*ret_file = (struct mapped){bytes, st.st_size};
	return error;
}

static void hash_file(void)
{
	unsigned char digest[HASH_SIZE];

	sha256_of(digest, where.file.bytes, where.file.size);
	sodium_bin2hex(where.database.sha256, sizeof(where.database.sha256), digest, sizeof(digest));
}

static bool open_mmdb(const char *path)
{
	if (MMDB_open(path, MMDB_MODE_MMAP, &where.mmdb) != MMDB_SUCCESS)
		return false;
	where_date(where.mmdb.metadata.build_epoch, where.database.date);
	text_plain(where.database.name, sizeof(where.database.name),
		where.mmdb.metadata.database_type ? where.mmdb.metadata.database_type : "mmdb",
		where.mmdb.metadata.database_type ? strlen(where.mmdb.metadata.database_type) : 4);
	return true;
}

static bool open_path(const char *path)
{
	int error = map_file(path, &where.file);

	where.why = error ? strerror(-error) : NULL;
	if (error)
		return false;
	if (libloc_open(&where.libloc, &where.file, &where.database))
		where.state = LIBLOC;
	else if (open_mmdb(path))
		where.state = MMDB;
	else
		where.why = "neither libloc's format nor an mmdb";
	if (where.why)
		return false;
	where.database.path = path;
	hash_file();
	return true;
}

void where_use(const char *path)
{
	where.path = path;
}

bool where_open(const char **ret_why)
{
	size_t i;

	if (where.state == UNTRIED) {
		where.state = ABSENT;
		if (where.path && strcmp(where.path, "none"))
			open_path(where.path);
		for (i = 0; !where.path && where.state == ABSENT && i < sizeof(installed) / sizeof(*installed); i++)
			open_path(installed[i]);
	}
	if (ret_why)
		*ret_why = where.path && strcmp(where.path, "none") ? where.why : NULL;
	return where.state != ABSENT;
}

const struct where_database *where_database(void)
{
	return where_open(NULL) ? &where.database : NULL;
}

void where_words(char *text, size_t size)
{
	const struct where_database *d = where_database();

	text[0] = '\0';
	if (d)
		snprintf(text, size, "%s, %s, SHA-256 %s", d->name, d->date[0] ? d->date : "date not known", d->sha256);
}

void where_done(void)
{
	if (where.file.bytes)
		munmap((void *)where.file.bytes, where.file.size);
	if (where.state == MMDB)
		MMDB_close(&where.mmdb);
	memset(&where, 0, sizeof(where));
}

/* ---- addresses ---- */

/* As IPv6: an IPv4 address as ::ffff:192.0.2.1. It may have a port behind it, as in flows. */
static bool take_address(const char *text, size_t length, uint8_t ret_address[16])
{
	char copy[INET6_ADDRSTRLEN];
	const char *end;

	if (length && text[0] == '[') {
		end = memchr(text, ']', length);
		length = end ? (size_t)(end - text) - 1 : 0;
		text++;
	} else if (length && memchr(text, '.', length)) {
		end = memchr(text, ':', length);
		length = end && memchr(end, '.', length - (size_t)(end - text)) == NULL ? (size_t)(end - text) : length;
	}
	if (!length || length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	memset(ret_address, 0, 10);
	memset(ret_address + 10, 0xff, 2);
	return inet_pton(AF_INET, copy, ret_address + 12) == 1 || inet_pton(AF_INET6, copy, ret_address) == 1;
}

/* Addresses that many networks use, or none: they are of no country, whatever a database says. */
static bool is_common(const uint8_t a[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *four = a + 12;

	if (memcmp(a, mapped, sizeof(mapped)))
		return (a[0] & 0xe0) != 0x20; /* 2000::/3 is what has been given out */
	return four[0] == 0 || four[0] == 10 || four[0] == 127 || four[0] >= 224 ||
	       (four[0] == 100 && (four[1] & 0xc0) == 64) || (four[0] == 169 && four[1] == 254) ||
	       (four[0] == 172 && (four[1] & 0xf0) == 16) || (four[0] == 192 && four[1] == 168);
}

static bool mmdb_value(MMDB_entry_s *entry, const char *const *path, uint32_t type, MMDB_entry_data_s *ret)
{
	return MMDB_aget_value(entry, ret, path) == MMDB_SUCCESS && ret->has_data && ret->type == type;
}

/* Country and ASN databases of MaxMind and those who follow it: fields by these names. */
static bool mmdb_look(const uint8_t address[16], struct where_place *place)
{
	static const char *const country[] = {"country", "iso_code", NULL},
				 *const registered[] = {"registered_country", "iso_code", NULL},
				 *const number[] = {"autonomous_system_number", NULL},
				 *const owner[] = {"autonomous_system_organization", NULL};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	MMDB_lookup_result_s result;
	MMDB_entry_data_s data;
	int error;

	memcpy(&six.sin6_addr, address, 16);
	if (where.mmdb.metadata.ip_version == 4) {
		struct sockaddr_in four = {.sin_family = AF_INET};

		memcpy(&four.sin_addr, address + 12, 4);
		if (address[10] != 0xff || address[0])
			return false;
		result = MMDB_lookup_sockaddr(&where.mmdb, (struct sockaddr *)&four, &error);
	} else {
		static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

		if (!memcmp(address, mapped, sizeof(mapped))) /* there IPv4 lies in ::/96 */
			memset(&six.sin6_addr.s6_addr[10], 0, 2);
		result = MMDB_lookup_sockaddr(&where.mmdb, (struct sockaddr *)&six, &error);
	}
	if (error != MMDB_SUCCESS || !result.found_entry)
		return false;
	if (mmdb_value(&result.entry, country, MMDB_DATA_TYPE_UTF8_STRING, &data) ||
		mmdb_value(&result.entry, registered, MMDB_DATA_TYPE_UTF8_STRING, &data))
		where_country(place, data.utf8_string, data.data_size);
	if (mmdb_value(&result.entry, number, MMDB_DATA_TYPE_UINT32, &data))
		place->asn = data.uint32;
	if (mmdb_value(&result.entry, owner, MMDB_DATA_TYPE_UTF8_STRING, &data))
		text_plain(place->owner, sizeof(place->owner), data.utf8_string, data.data_size);
	return place->country[0] || place->asn;
}

bool where_look(const char *address, size_t length, struct where_place *ret_place)
{
	struct where_place place = {.asn = 0};
	uint8_t bytes[16];
	bool found;

	if (!address || !take_address(address, length, bytes) || is_common(bytes) || !where_open(NULL))
		return false;
	found = where.state == LIBLOC ? libloc_look(&where.libloc, bytes, &place) : mmdb_look(bytes, &place);
	if (found)
		*ret_place = place;
	return found;
}

/* ---- for queries ---- */

static bool place_of(sqlite3_value *value, struct where_place *ret_place)
{
	const char *text = (const char *)sqlite3_value_text(value);

	return text && where_look(text, sqlite3_value_bytes(value), ret_place);
}

static void country_of(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct where_place place;

	(void)count;
	if (place_of(values[0], &place) && place.country[0])
		sqlite3_result_text(context, place.country, -1, SQLITE_TRANSIENT);
}

static void asn_of(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct where_place place;

	(void)count;
	if (place_of(values[0], &place) && place.asn)
		sqlite3_result_int64(context, place.asn);
}

static void owner_of(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct where_place place;

	(void)count;
	if (place_of(values[0], &place) && place.owner[0])
		sqlite3_result_text(context, place.owner, -1, SQLITE_TRANSIENT);
}

static void according_to(sqlite3_context *context, int count, sqlite3_value **values)
{
	char text[256];

	(void)count, (void)values;
	where_words(text, sizeof(text));
	if (text[0])
		sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

int where_functions(sqlite3 *db)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;

	if (sqlite3_create_function(db, "country_of", 1, flags, NULL, country_of, NULL, NULL) != SQLITE_OK ||
		sqlite3_create_function(db, "asn_of", 1, flags, NULL, asn_of, NULL, NULL) != SQLITE_OK ||
		sqlite3_create_function(db, "owner_of", 1, flags, NULL, owner_of, NULL, NULL) != SQLITE_OK ||
		sqlite3_create_function(db, "according_to", 0, flags, NULL, according_to, NULL, NULL) != SQLITE_OK)
		return -ENOMEM;
	return 0;
}
