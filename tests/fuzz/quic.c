/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams of a QUIC client: [length, bytes] each. No fuzzer makes a packet that decrypts, so the frames within are
 * tried apart: the source is part of this file. The first byte says which.
 */
#include "tests/fuzz/fuzz.h"

#define quic_parse quic_parse_here
#include "userspace/names/quic.c"

static void check(const struct quic_client *client)
{
	uint32_t i;

	must(client->pieces <= QUIC_PIECES);
	for (i = 0; i < client->pieces; i++) {
		must(client->piece[i].from < client->piece[i].to && client->piece[i].to <= QUIC_CRYPTO_MAX);
		must(!i || client->piece[i - 1].to < client->piece[i].from);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct quic_client client;
	struct tls_hello hello;
	size_t length;
	bool plain;

	if (!size)
		return 0;
	memset(&client, 0, sizeof(client));
	plain = data[0] & 1;
	data++;
	size--;
	while (size > 2) {
		length = data[0] | data[1] << 8;
		if (length > size - 2)
			length = size - 2;
		if (plain)
			frames(&client, data + 2, length);
		else if (quic_parse(&client, data + 2, length, &hello) == PARSED_NAME)
			must(hello.name[0] && strlen(hello.name) < NAME_SIZE);
		check(&client);
		data += 2 + length;
		size -= 2 + length;
	}
	return 0;
}
