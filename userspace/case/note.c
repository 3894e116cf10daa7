/* SPDX-License-Identifier: BSD-2-Clause */
/* C2SP signed-note and tlog-checkpoint, with Ed25519 keys. */
#include "case/seal.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "case/case.h"

#define ED25519 0x01 /* the signature type of signed-note */
#define SEED_SIZE crypto_sign_SEEDBYTES
#define SIGNATURE_SIZE crypto_sign_BYTES
#define DASH "\xe2\x80\x94 " /* an em dash and a space begin a signature line */

static const char secret_prefix[] = "PRIVATE+KEY+";

/* No space of Unicode and no '+' in a name (signed-note); names are shown and stand in JSON, so nothing that needs care
 * there either. */
static bool is_name(const char *text, size_t len)
{
	size_t i, step;
	uint32_t code;

	for (i = 0; i < len; i += step) {
		step = text_decode(text + i, len - i, &code);
		if (!step || code <= 0x20 || code == '+' || code == '"' || code == '\\' ||
			(code >= 0x7f && code <= 0xa0) || code == 0x1680 || (code >= 0x2000 && code <= 0x200f) ||
			(code >= 0x2028 && code <= 0x202f) || code == 0x205f || (code >= 0x2066 && code <= 0x2069) ||
			code == 0x3000)
			return false;
	}
	return len && len < NAME_SIZE;
}

static void key_id(struct note_key *key)
{
	crypto_hash_sha256_state state;
	unsigned char digest[HASH_SIZE];

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const unsigned char *)key->name, strlen(key->name));
	crypto_hash_sha256_update(&state, (const unsigned char *)"\n\x01", 2);
	crypto_hash_sha256_update(&state, key->public, sizeof(key->public));
	crypto_hash_sha256_final(&state, digest);
	memcpy(key->id, digest, sizeof(key->id));
}

struct note_secret *note_secret_new(void)
{
	struct note_secret *secret = sodium_init() < 0 ? NULL : sodium_malloc(sizeof(*secret));

	if (secret)
		sodium_memzero(secret, sizeof(*secret));
	return secret;
}

void note_secret_free(struct note_secret *secret)
{
	sodium_free(secret);
}

int note_secret_make(struct note_secret *secret, const char *name)
{
	size_t len = strlen(name);

	if (!is_name(name, len))
		return -EINVAL;
	memcpy(secret->key.name, name, len + 1);
	crypto_sign_keypair(secret->key.public, secret->secret);
	key_id(&secret->key);
	return 0;
}

/* libsodium 1.0.18 takes the bytes 0xab and 0xaf for '+' and '/': no two texts may mean one thing here. */
static bool unbase64(unsigned char *out, size_t size, const char *text, size_t len, size_t *ret_len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	const char *rest;
	size_t i;

	for (i = 0; i < len; i++)
		if (!text[i] || !strchr(digits, text[i]))
			return false;
	return !sodium_base642bin(out, size, text, len, NULL, ret_len, &rest, sodium_base64_VARIANT_ORIGINAL) &&
	       rest == text + len;
}

static bool unhex_id(unsigned char id[4], const char *text)
{
	size_t size, i;

	for (i = 0; i < 8; i++)
		if (text[i] >= 'A' && text[i] <= 'F')
			return false;
	return !sodium_hex2bin(id, 4, text, 8, NULL, &size, NULL) && size == 4;
}

/* NAME+HEX_KEYID+BASE64 with a type byte before what the base64 holds. */
static int parse_parts(const char *text, size_t len, char name[NAME_SIZE], unsigned char id[4], unsigned char data[33])
{
	const char *plus, *end = text + len;
	size_t size;

	plus = memchr(text, '+', len);
	if (!plus || !is_name(text, plus - text) || end - plus < 10 || plus[9] != '+' || !unhex_id(id, plus + 1))
		return -EBADMSG;
	if (!unbase64(data, 33, plus + 10, end - plus - 10, &size) || size != 33 || data[0] != ED25519)
		return -EBADMSG;
	memcpy(name, text, plus - text);
	name[plus - text] = '\0';
	return 0;
}

static size_t without_newline(const char *text, size_t len)
{
	return len && text[len - 1] == '\n' ? len - 1 : len;
}

int note_key_parse(struct note_key *key, const char *text, size_t len)
{
	struct note_key parsed;
	unsigned char data[33], id[4];
	int err = parse_parts(text, without_newline(text, len), parsed.name, id, data);

	if (err)
		return err;
	memcpy(parsed.public, data + 1, sizeof(parsed.public));
	key_id(&parsed);
	if (memcmp(parsed.id, id, sizeof(id)))
		return -EBADMSG;
	*key = parsed;
	return 0;
}

int note_secret_parse(struct note_secret *secret, const char *text, size_t len)
{
	size_t prefix = sizeof(secret_prefix) - 1;
	unsigned char data[33], id[4];
	char name[NAME_SIZE];
	int err;

	len = without_newline(text, len);
	if (len < prefix || memcmp(text, secret_prefix, prefix))
		return -EBADMSG;
	err = parse_parts(text + prefix, len - prefix, name, id, data);
	if (!err) {
		strcpy(secret->key.name, name);
		crypto_sign_seed_keypair(secret->key.public, secret->secret, data + 1);
		key_id(&secret->key);
		if (memcmp(secret->key.id, id, sizeof(id)))
			err = -EBADMSG;
	}
	sodium_memzero(data, sizeof(data));
	return err;
}

static size_t format_parts(char *out, const char *prefix, const struct note_key *key, const unsigned char data[32])
{
	unsigned char typed[33] = {ED25519};
	size_t len;

	memcpy(typed + 1, data, 32);
	len = snprintf(out, KEY_TEXT_SIZE, "%s%s+%02x%02x%02x%02x+", prefix, key->name, key->id[0], key->id[1],
		key->id[2], key->id[3]);
	len += text_base64(out + len, typed, sizeof(typed));
	sodium_memzero(typed, sizeof(typed));
	return len;
}

size_t note_key_format(char out[KEY_TEXT_SIZE], const struct note_key *key)
{
	return format_parts(out, "", key, key->public);
}

size_t note_secret_format(char out[KEY_TEXT_SIZE], const struct note_secret *secret)
{
	size_t len = format_parts(out, secret_prefix, &secret->key, secret->secret); /* the seed comes first */

	out[len++] = '\n';
	out[len] = '\0';
	return len;
}

bool note_key_equal(const struct note_key *a, const struct note_key *b)
{
	return !memcmp(a->public, b->public, sizeof(a->public)) && !strcmp(a->name, b->name);
}

void checkpoint_sign(struct checkpoint *checkpoint, const struct note_secret *secret)
{
	unsigned char signature[4 + SIGNATURE_SIZE];
	char root[4 * ((HASH_SIZE + 2) / 3) + 1];
	size_t len;

	text_base64(root, checkpoint->root, HASH_SIZE);
	len = snprintf(
		checkpoint->note, NOTE_SIZE, "%s\n%" PRIu64 "\n%s\n", checkpoint->origin, checkpoint->size, root);
	memcpy(signature, secret->key.id, 4);
	crypto_sign_detached(signature + 4, NULL, (const unsigned char *)checkpoint->note, len, secret->secret);
	len += snprintf(checkpoint->note + len, NOTE_SIZE - len, "\n" DASH "%s ", secret->key.name);
	len += text_base64(checkpoint->note + len, signature, sizeof(signature));
	checkpoint->note[len++] = '\n';
	checkpoint->note[len] = '\0';
	checkpoint->len = len;
}

/* Decimal without a leading zero; the line ends with a newline. */
static const char *parse_size(const char *at, const char *end, uint64_t *ret_size)
{
	const char *start = at;
	uint64_t size = 0;

	for (; at < end && *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(size, 10, &size) || __builtin_add_overflow(size, *at - '0', &size))
			return NULL;
	if (at == start || (*start == '0' && at - start > 1) || at == end || *at != '\n')
		return NULL;
	*ret_size = size;
	return at + 1;
}

/* The text of a note ends before the blank line that comes last: signature lines hold none. */
static size_t text_length(const char *note, size_t len)
{
	size_t i;

	for (i = len; i >= 2; i--)
		if (note[i - 1] == '\n' && note[i - 2] == '\n')
			return i - 1;
	return 0;
}

int checkpoint_parse(struct checkpoint *checkpoint, const char *note, size_t len)
{
	const char *end, *at, *rest;
	uint64_t size;
	unsigned char root[HASH_SIZE];
	size_t got, text;

	if (len >= NOTE_SIZE || !len || note[len - 1] != '\n' || !text_is_utf8(note, len) || memchr(note, '\0', len))
		return -EBADMSG;
	text = text_length(note, len);
	end = note + text;
	at = memchr(note, '\n', text);
	if (!at || !is_name(note, at - note))
		return -EBADMSG;
	rest = parse_size(at + 1, end, &size);
	if (!rest || end - rest != 45 || end[-1] != '\n')
		return -EBADMSG;
	if (!unbase64(root, sizeof(root), rest, 44, &got) || got != HASH_SIZE)
		return -EBADMSG;
	memcpy(checkpoint->origin, note, at - note);
	checkpoint->origin[at - note] = '\0';
	memcpy(checkpoint->root, root, HASH_SIZE);
	checkpoint->size = size;
	memmove(checkpoint->note, note, len);
	checkpoint->note[len] = '\0';
	checkpoint->len = len;
	return 0;
}

/* 1: a signature by this key; 0: by another one; -EBADMSG: no signature line. */
static int parse_signature(
	const char *line, size_t len, const struct note_key *key, unsigned char signature[4 + SIGNATURE_SIZE])
{
	const char *space;
	size_t dash = sizeof(DASH) - 1, got;

	if (len < dash || memcmp(line, DASH, dash))
		return -EBADMSG;
	line += dash;
	len -= dash;
	space = memchr(line, ' ', len);
	if (!space || !is_name(line, space - line))
		return -EBADMSG;
	if (strlen(key->name) != (size_t)(space - line) || memcmp(line, key->name, space - line))
		return 0;
	if (!unbase64(signature, 4 + SIGNATURE_SIZE, space + 1, line + len - space - 1, &got) || got < 4 ||
		memcmp(signature, key->id, 4))
		return 0;
	return got == 4 + SIGNATURE_SIZE ? 1 : -EBADMSG;
}

int checkpoint_verify(const struct checkpoint *checkpoint, const struct note_key *key)
{
	unsigned char signature[4 + SIGNATURE_SIZE];
	size_t text = text_length(checkpoint->note, checkpoint->len);
	const char *at = checkpoint->note + text + 1, *end = checkpoint->note + checkpoint->len, *newline;
	bool signed_by = false;
	int got;

	for (; at < end; at = newline + 1) {
		newline = memchr(at, '\n', end - at);
		if (!newline)
			return -EBADMSG;
		got = parse_signature(at, newline - at, key, signature);
		if (got < 0)
			return got;
		if (!got)
			continue;
		if (crypto_sign_verify_detached(
			    signature + 4, (const unsigned char *)checkpoint->note, text, key->public))
			return -EBADMSG;
		signed_by = true;
	}
	return signed_by ? 0 : -ENOKEY;
}
