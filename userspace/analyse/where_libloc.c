/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The database of libloc, version 1 (libloc/format.h): a tree over the bits of IPv6 addresses, in which IPv4 has
 * ::ffff:0:0/96. Read here and not by the library, which cannot be linked statically in Debian. Whatever the file
 * holds, nothing outside of it is read. All numbers are big-endian.
 */
#include "where_private.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#define MAGIC 8
#define HEADER (MAGIC + 8 + 13 * 4)
#define NO_NETWORK 0xffffffffu
#define NODE 12
#define NETWORK 12
#define AS 8

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return be32toh(value);
}

static bool get_section(const struct mapped *file, size_t header, struct section *ret)
{
	uint32_t offset = get32(file->bytes + header), length = get32(file->bytes + header + 4);

	if (offset > file->size || length > file->size - offset)
		return false;
	*ret = (struct section){file->bytes + offset, length};
	return true;
}

/* A text of the pool, which ends with a NUL or with the pool. */
static void pool_text(const struct libloc *l, uint32_t at, char *text, size_t size)
{
	size_t left = at < l->pool.size ? l->pool.size - at : 0;

	snprintf(text, size, "%.*s", (int)(left < size ? left : size), left ? (const char *)l->pool.bytes + at : "");
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
			*text = '?';
}

bool libloc_open(struct libloc *l, const struct mapped *file, struct where_database *ret_database)
{
	const uint8_t *header = file->bytes + MAGIC;
	char vendor[64];
	uint64_t created;

	if (file->size < HEADER || memcmp(file->bytes, "LOCDBXX", 7) || file->bytes[7] != 1)
		return false;
	if (!get_section(file, MAGIC + 20, &l->systems) || !get_section(file, MAGIC + 28, &l->networks) ||
		!get_section(file, MAGIC + 36, &l->tree) || !get_section(file, MAGIC + 52, &l->pool))
		return false;
	memcpy(&created, header, sizeof(created));
	where_date(be64toh(created), ret_database->date);
	pool_text(l, get32(header + 8), vendor, sizeof(vendor));
	snprintf(
		ret_database->name, sizeof(ret_database->name), "libloc (%s)", vendor[0] ? vendor : "vendor not named");
	return true;
}

static const uint8_t *row_at(const struct section *s, uint32_t row, size_t size)
{
	return row < s->size / size ? s->bytes + row * size : NULL;
}

/* They are sorted by number. */
static void find_owner(const struct libloc *l, uint32_t asn, struct where_place *place)
{
	size_t low = 0, high = l->systems.size / AS;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const uint8_t *as = l->systems.bytes + middle * AS;

		if (get32(as) == asn) {
			pool_text(l, get32(as + 4), place->owner, sizeof(place->owner));
			return;
		}
		if (get32(as) < asn)
			low = middle + 1;
		else
			high = middle;
	}
}

/* The longest prefix that has a network. */
bool libloc_look(const struct libloc *l, const uint8_t address[16], struct where_place *place)
{
	uint32_t found = NO_NETWORK, at = 0;
	const uint8_t *node, *network;

	for (int bit = 0; bit <= 128; bit++) {
		node = row_at(&l->tree, at, NODE);
		if (!node)
			break;
		if (get32(node + 8) != NO_NETWORK)
			found = get32(node + 8);
		if (bit == 128)
			break;
		at = get32(node + (address[bit / 8] >> (7 - bit % 8) & 1 ? 4 : 0));
		if (!at)
			break;
	}
	network = found == NO_NETWORK ? NULL : row_at(&l->networks, found, NETWORK);
	if (!network)
		return false;
	where_country(place, (const char *)network, 2);
	place->asn = get32(network + 4);
	if (place->asn)
		find_owner(l, place->asn, place);
	return place->country[0] || place->asn;
}
