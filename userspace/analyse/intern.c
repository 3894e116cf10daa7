/* SPDX-License-Identifier: BSD-2-Clause */
#include "intern.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int intern_init(struct intern *intern)
{
	memset(intern, 0, sizeof(*intern));
	if (sodium_init() < 0)
		return -EIO;
	randombytes_buf(intern->key, sizeof(intern->key));
	intern->size = 1024;
	intern->most = INTERN_MAX;
	intern->places = calloc(intern->size, sizeof(*intern->places));
	return intern->places ? 0 : -ENOMEM;
}

void intern_done(struct intern *intern)
{
	free(intern->places);
	free(intern->notes);
	memset(intern, 0, sizeof(*intern));
}

uint64_t intern_hash(const struct intern *intern, const void *bytes, size_t len)
{
	uint64_t hash;

	crypto_shorthash((unsigned char *)&hash, bytes, len, intern->key);
	return hash;
}

static struct intern_place *find_place(
	struct intern_place *places, size_t size, const struct intern_place *wanted, bool known)
{
	size_t at = wanted->hash[0] & (size - 1);

	for (; places[at].id; at = (at + 1) & (size - 1))
		if (known && !memcmp(places[at].hash, wanted->hash, sizeof(wanted->hash)))
			break;
	return &places[at];
}

static int grow(struct intern *intern)
{
	size_t size = intern->size * 2, i;
	struct intern_place *places = calloc(size, sizeof(*places));

	if (!places)
		return -ENOMEM;
	for (i = 0; i < intern->size; i++)
		if (intern->places[i].id)
			*find_place(places, size, &intern->places[i], false) = intern->places[i];
	free(intern->places);
	intern->places = places;
	intern->size = size;
	return 0;
}

static int note_of(struct intern *intern, uint32_t id, uint32_t **ret_note)
{
	size_t size = intern->notes_size ? intern->notes_size * 2 : 1024;
	uint32_t *notes;

	if (id >= intern->notes_size) {
		notes = realloc(intern->notes, size * sizeof(*notes));
		if (!notes)
			return -ENOMEM;
		memset(notes + intern->notes_size, 0, (size - intern->notes_size) * sizeof(*notes));
		intern->notes = notes;
		intern->notes_size = size;
	}
	*ret_note = &intern->notes[id];
	return 0;
}

int intern_add(struct intern *intern, const void *bytes, size_t len, uint32_t *ret_id, uint32_t **ret_note)
{
	unsigned char hash[crypto_shorthash_siphashx24_BYTES];
	struct intern_place wanted, *place;
	int err;

	crypto_shorthash_siphashx24(hash, bytes, len, intern->key);
	memcpy(wanted.hash, hash, sizeof(wanted.hash));
	place = find_place(intern->places, intern->size, &wanted, true);
	if (place->id) {
		*ret_id = place->id;
		*ret_note = &intern->notes[place->id];
		return 0;
	}
	if (intern->count == intern->most)
		return -ENOSPC;
	if (intern->count >= intern->size / 4 * 3) {
		err = grow(intern);
		if (err)
			return err;
		place = find_place(intern->places, intern->size, &wanted, false);
	}
	err = note_of(intern, intern->count + 1, ret_note);
	if (err)
		return err;
	wanted.id = *ret_id = ++intern->count;
	*place = wanted;
	return 1;
}

uint32_t *intern_find(const struct intern *intern, const void *bytes, size_t len)
{
	unsigned char hash[crypto_shorthash_siphashx24_BYTES];
	struct intern_place wanted, *place;

	crypto_shorthash_siphashx24(hash, bytes, len, intern->key);
	memcpy(wanted.hash, hash, sizeof(wanted.hash));
	place = find_place(intern->places, intern->size, &wanted, true);
	return place->id ? &intern->notes[place->id] : NULL;
}
