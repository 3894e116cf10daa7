/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of Initial packets come from the connection id that the client chose: whoever sees the first one can read
 * them (RFC 9001 §5.2). */
#include "names/bytes.h"
#include "names/names.h"

#include <string.h>
#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#define TAG 16
#define SAMPLE 16
#define PLAIN_MAX 20480

struct version {
	uint32_t number;
	uint8_t initial; /* the packet's type bits */
	uint8_t retry;
	uint8_t salt[20];
	const char *key, *iv, *hp;
};

static const struct version versions[] = {
	{1, 0, 3,
		{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
			0xbb, 0x7f, 0x0a},
		"quic key", "quic iv", "quic hp"},
	{0x6b3343cf, 1, 0,
		{0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9,
			0xbd, 0x2e, 0xd9},
		"quicv2 key", "quicv2 iv", "quicv2 hp"},
};

struct keys {
	uint8_t key[AES128_KEY_SIZE], iv[GCM_IV_SIZE], hp[AES128_KEY_SIZE];
};

/* A packet with a long header: places in the datagram. */
struct packet {
	const struct version *version;
	const uint8_t *begin, *id;
	uint8_t type, id_length;
	size_t number; /* where the packet number is, from begin */
	size_t size;   /* of all of it */
};

/* RFC 9000 §16 */
static uint64_t take_varint(struct bytes *c)
{
	size_t bytes = c->left ? 1U << (c->at[0] >> 6) : 1;

	return bytes_number(c, bytes) & (UINT64_MAX >> (64 - 8 * bytes + 2));
}

/* ---- keys ---- */

static void expand(const uint8_t secret[SHA256_DIGEST_SIZE], const char *label, size_t length, uint8_t *ret)
{
	struct hmac_sha256_ctx hmac;
	size_t label_length = strlen(label);
	uint8_t info[64] = {0, (uint8_t)length, (uint8_t)(6 + label_length), 't', 'l', 's', '1', '3', ' '};

	memcpy(info + 9, label, label_length); /* then an empty context, whose length is 0 */
	hmac_sha256_set_key(&hmac, SHA256_DIGEST_SIZE, secret);
	hkdf_expand(&hmac, (nettle_hash_update_func *)hmac_sha256_update, (nettle_hash_digest_func *)hmac_sha256_digest,
		SHA256_DIGEST_SIZE, 9 + label_length + 1, info, length, ret);
}

static void derive(struct keys *keys, const struct version *version, const uint8_t *id, size_t id_length)
{
	uint8_t initial[SHA256_DIGEST_SIZE], client[SHA256_DIGEST_SIZE];
	struct hmac_sha256_ctx hmac;

	hmac_sha256_set_key(&hmac, sizeof(version->salt), version->salt);
	hkdf_extract(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
		(nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, id_length, id, initial);
	expand(initial, "client in", sizeof(client), client);
	expand(client, version->key, sizeof(keys->key), keys->key);
	expand(client, version->iv, sizeof(keys->iv), keys->iv);
	expand(client, version->hp, sizeof(keys->hp), keys->hp);
}

/* ---- packets ---- */

/* RFC 9000 §17.2. False at the end of what can be walked through. */
static bool next_packet(struct bytes *c, struct packet *p)
{
	const uint8_t *begin = c->at;
	uint64_t length;
	uint8_t first;
	uint32_t number;
	size_t i;

	first = bytes_number(c, 1);
	number = bytes_number(c, 4);
	if (c->bad || (first & 0xc0) != 0xc0)
		return false;
	memset(p, 0, sizeof(*p));
	for (i = 0; i < sizeof(versions) / sizeof(*versions); i++)
		if (versions[i].number == number)
			p->version = &versions[i];
	p->begin = begin;
	p->type = first >> 4 & 3;
	p->id_length = bytes_number(c, 1);
	p->id = bytes_part(c, p->id_length).at;
	bytes_vector(c, 1);
	if (!p->version || p->id_length > 20 || p->type == p->version->retry)
		return false;
	if (p->type == p->version->initial)
		bytes_part(c, take_varint(c)); /* the token */
	length = take_varint(c);
	p->number = c->at - begin;
	bytes_part(c, length);
	p->size = c->at - begin;
	return !c->bad;
}

/* Takes off header protection (RFC 9001 §5.4) and decrypts. Returns the length of the frames, or -1. */
static int decrypt(const struct packet *p, const struct keys *keys, uint8_t frames[PLAIN_MAX])
{
	uint8_t header[PLAIN_MAX], mask[SAMPLE], nonce[GCM_IV_SIZE], tag[TAG];
	const uint8_t *number = p->begin + p->number, *sealed;
	struct gcm_aes128_ctx gcm;
	struct aes128_ctx hp;
	size_t bytes, length;

	if (p->size - p->number < 4 + SAMPLE || p->size > PLAIN_MAX)
		return -1;
	aes128_set_encrypt_key(&hp, keys->hp);
	aes128_encrypt(&hp, SAMPLE, mask, number + 4);
	bytes = ((p->begin[0] ^ mask[0]) & 3) + 1;
	sealed = number + bytes;
	length = p->begin + p->size - sealed;
	if (length < TAG)
		return -1;
	gcm_aes128_set_key(&gcm, keys->key);
	memcpy(nonce, keys->iv, sizeof(nonce));
	for (size_t i = 0; i < bytes; i++)
		nonce[sizeof(nonce) - bytes + i] ^= number[i] ^ mask[1 + i];
	gcm_aes128_set_iv(&gcm, sizeof(nonce), nonce);
	memcpy(header, p->begin, p->number + bytes);
	header[0] ^= mask[0] & 0x0f;
	for (size_t i = 0; i < bytes; i++)
		header[p->number + i] ^= mask[1 + i];
	gcm_aes128_update(&gcm, p->number + bytes, header);
	length -= TAG;
	gcm_aes128_decrypt(&gcm, length, frames, sealed);
	gcm_aes128_digest(&gcm, TAG, tag);
	return memeql_sec(tag, sealed + length, TAG) ? (int)length : -1;
}

/* ---- frames ---- */

/* Joins what has come into pieces that do not touch, in order. */
static void add_piece(struct quic_client *client, uint32_t from, uint32_t to)
{
	uint32_t i, first = 0, last;

	while (first < client->pieces && client->piece[first].to < from)
		first++;
	for (last = first; last < client->pieces && client->piece[last].from <= to; last++) {
		if (client->piece[last].from < from)
			from = client->piece[last].from;
		if (client->piece[last].to > to)
			to = client->piece[last].to;
	}
	if (last == first) {
		if (client->pieces == QUIC_PIECES)
			return;
		for (i = client->pieces++; i > first; i--)
			client->piece[i] = client->piece[i - 1];
	} else {
		for (i = last; i < client->pieces; i++)
			client->piece[first + 1 + i - last] = client->piece[i];
		client->pieces -= last - first - 1;
	}
	client->piece[first].from = from;
	client->piece[first].to = to;
}

static void crypto_frame(struct quic_client *client, struct bytes *c)
{
	uint64_t offset = take_varint(c), length = take_varint(c);
	struct bytes data = bytes_part(c, length);

	if (c->bad || !length || offset >= QUIC_CRYPTO_MAX || length > QUIC_CRYPTO_MAX - offset)
		return;
	memcpy(client->crypto + offset, data.at, length);
	add_piece(client, offset, offset + length);
}

/* RFC 9000 §19.3 */
static void skip_ack(struct bytes *c, bool ecn)
{
	uint64_t ranges;

	take_varint(c);
	take_varint(c);
	ranges = take_varint(c);
	take_varint(c);
	while (ranges-- && !c->bad) {
		take_varint(c);
		take_varint(c);
	}
	for (int i = 0; ecn && i < 3; i++)
		take_varint(c);
}

static void frames(struct quic_client *client, const uint8_t *bytes, size_t size)
{
	struct bytes c = {.at = bytes, .left = size};

	while (c.left && !c.bad) {
		uint64_t type = take_varint(&c);

		if (type == 6)
			crypto_frame(client, &c);
		else if (type == 2 || type == 3)
			skip_ack(&c, type == 3);
		else if (type > 1) /* neither padding nor a ping: no others are of use here */
			return;
	}
}

/*
 * The keys stay those of the first id, while later packets carry the one that the server chose; after a Retry they are
 * those of the new id.
 */
static void initial(struct quic_client *client, const struct packet *p)
{
	uint8_t plain[PLAIN_MAX];
	struct keys keys;
	int length = -1;

	if (client->known) {
		derive(&keys, p->version, client->id, client->id_length);
		length = decrypt(p, &keys, plain);
	}
	if (length < 0 &&
		(!client->known || client->id_length != p->id_length || memcmp(client->id, p->id, p->id_length))) {
		derive(&keys, p->version, p->id, p->id_length);
		length = decrypt(p, &keys, plain);
		if (length >= 0) {
			/* another connection, or this one anew */
			client->known = true;
			client->id_length = p->id_length;
			memcpy(client->id, p->id, p->id_length);
			client->pieces = 0;
		}
	}
	if (length > 0)
		frames(client, plain, length);
}

enum parsed quic_parse(struct quic_client *client, const uint8_t *bytes, size_t size, struct tls_hello *ret_hello)
{
	struct bytes c = {.at = bytes, .left = size};
	enum parsed parsed = PARSED_MORE;
	struct packet p;

	while (c.left && next_packet(&c, &p)) {
		if (p.type == p.version->initial)
			initial(client, &p);
	}
	if (client->pieces && !client->piece[0].from)
		parsed = tls_hello_parse(client->crypto, client->piece[0].to, ret_hello);
	return parsed;
}
