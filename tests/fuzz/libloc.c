/* SPDX-License-Identifier: BSD-2-Clause */
/* A database of addresses in libloc's format, whatever it holds: what it says of any address is bounded and plain. The
 * last 16 bytes are an address too. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "analyse/where_private.h"

static bool is_plain(const char *text, size_t size)
{
	size_t length = strnlen(text, size), i;

	for (i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e)
			return false;
	return length < size;
}

static void look(const struct libloc *libloc, const uint8_t address[16])
{
	struct where_place place = {.asn = 0};
	bool found = libloc_look(libloc, address, &place);

	must(found == (place.country[0] || place.asn));
	must(!place.country[0] || (place.country[0] >= 'A' && place.country[0] <= 'Z' && place.country[1] >= 'A' &&
					  place.country[1] <= 'Z'));
	must(!place.country[2] && is_plain(place.owner, sizeof(place.owner)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t addresses[][16] = {
		{[10] = 0xff, 0xff, 192, 0, 2, 1},
		{0x20, 0x01, 0x0d, 0xb8, [15] = 1},
		{0},
	};
	struct where_database database = {.path = NULL};
	struct mapped file = {data, size};
	struct libloc libloc;
	size_t i;

	if (!libloc_open(&libloc, &file, &database))
		return 0;
	must(is_plain(database.name, sizeof(database.name)) && is_plain(database.date, sizeof(database.date)));
	for (i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		look(&libloc, addresses[i]);
	if (size >= 16)
		look(&libloc, data + size - 16);
	return 0;
}
