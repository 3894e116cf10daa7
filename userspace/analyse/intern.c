/* SPDX-License-Identifier: BSD-2-Clause */
#include "intern.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int intern_init(struct intern *intern)
{
	memset(intern, 0, sizeof(*intern));
	if (sodium_init() < 0)
		return -EIO;
	randombytes_buf(intern->key, sizeof(intern->key));
	intern->size = 1024;
	intern->entries = calloc(intern->size, sizeof(*intern->entries));
	return intern->entries ? 0 : -ENOMEM;
}

void intern_done(struct intern *intern)
{
	free(intern->entries);
	free(intern->bytes);
	memset(intern, 0, sizeof(*intern));
}

uint64_t intern_hash(const struct intern *intern, const void *bytes, size_t len)
{
	uint64_t hash;

	crypto_shorthash((unsigned char *)&hash, bytes, len, intern->key);
	return hash;
}

static struct intern_entry *find_slot(struct intern_entry *entries, size_t size, const char *all,
	const struct intern_entry *wanted, const void *bytes)
{
	size_t at = wanted->hash & (size - 1);

	for (; entries[at].id; at = (at + 1) & (size - 1))
		if (bytes && entries[at].hash == wanted->hash && entries[at].len == wanted->len &&
			!memcmp(all + entries[at].offset, bytes, wanted->len))
			break;
	return &entries[at];
}

static int grow_entries(struct intern *intern)
{
	size_t size = intern->size * 2, i;
	struct intern_entry *entries = calloc(size, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	for (i = 0; i < intern->size; i++)
		if (intern->entries[i].id)
			*find_slot(entries, size, NULL, &intern->entries[i], NULL) = intern->entries[i];
	free(intern->entries);
	intern->entries = entries;
	intern->size = size;
	return 0;
}

static int keep_bytes(struct intern *intern, const void *bytes, size_t len)
{
	size_t size = intern->bytes_size ? intern->bytes_size : 65536;
	char *grown;

	while (size - intern->bytes_len < len)
		size *= 2;
	if (size > UINT32_MAX)
		return -ENOMEM;
	if (size != intern->bytes_size) {
		grown = realloc(intern->bytes, size);
		if (!grown)
			return -ENOMEM;
		intern->bytes = grown;
		intern->bytes_size = size;
	}
	memcpy(intern->bytes + intern->bytes_len, bytes, len);
	intern->bytes_len += len;
	return 0;
}

int intern_add(struct intern *intern, const void *bytes, size_t len, struct intern_entry **ret_entry)
{
	struct intern_entry entry = {.hash = intern_hash(intern, bytes, len), .offset = intern->bytes_len, .len = len};
	struct intern_entry *slot;
	int err;

	if (intern->count >= intern->size / 2) {
		err = grow_entries(intern);
		if (err)
			return err;
	}
	slot = find_slot(intern->entries, intern->size, intern->bytes, &entry, bytes);
	*ret_entry = slot;
	if (slot->id)
		return 0;
	err = keep_bytes(intern, bytes, len);
	if (err)
		return err;
	entry.id = ++intern->count;
	*slot = entry;
	return 1;
}
