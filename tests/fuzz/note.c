/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys, checkpoints: any bytes, and never a signature that we did not make. */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sodium.h>

#include "case/seal.h"

static const char secret_text[] = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
static const char signed_note[] = "host/quis/1\n44\n+PvrJb9PxqpE9SozHd30T+mtOYnXKf8hXRX2+eluq+4=\n";

static void check_key(const char *text, size_t size)
{
	char again[KEY_TEXT_SIZE];
	struct note_key key;
	size_t len;

	if (note_key_parse(&key, text, size))
		return;
	len = note_key_format(again, &key);
	must(len <= size && !memcmp(again, text, len));
}

static void check_checkpoint(const struct note_key *key, const char *text, size_t size)
{
	static struct checkpoint checkpoint;

	if (checkpoint_parse(&checkpoint, text, size))
		return;
	must(checkpoint.len == size && !memcmp(checkpoint.note, text, size));
	if (!checkpoint_verify(&checkpoint, key))
		must(!strncmp(checkpoint.note, signed_note, strlen(signed_note)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct note_secret *secret, *other;
	unsigned char root[HASH_SIZE];

	if (!secret) {
		secret = note_secret_new();
		other = note_secret_new();
		must(secret && other && !note_secret_parse(secret, secret_text, strlen(secret_text)));
	}
	check_key((const char *)data, size);
	check_checkpoint(&secret->key, (const char *)data, size);
	note_secret_parse(other, (const char *)data, size);
	if (size >= 48)
		proof_root(root, data, data[32], data[40], (const unsigned char(*)[HASH_SIZE])(data + 48),
			(size - 48) / HASH_SIZE);
	return 0;
}
