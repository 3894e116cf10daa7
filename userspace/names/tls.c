/* SPDX-License-Identifier: BSD-2-Clause */
#include "names/bytes.h"
#include "names/names.h"

#include <string.h>

#define HANDSHAKE 22
#define CLIENT_HELLO 1
#define EXTENSION_SERVER_NAME 0
#define EXTENSION_ALPN 16
#define EXTENSION_ECH 0xfe0d /* RFC 9849 */
#define HELLO_MAX 20480
#define RECORD_MAX (16384 + 2048)

static bool server_name(struct bytes data, struct tls_hello *hello)
{
	struct bytes list = bytes_vector(&data, 2);

	while (list.left && !list.bad) {
		unsigned type = bytes_number(&list, 1);
		struct bytes name = bytes_vector(&list, 2);

		if (type == 0 && !list.bad)
			return name_take(hello->name, name.at, name.left);
	}
	return false;
}

static bool is_word(const struct bytes *p)
{
	for (size_t i = 0; i < p->left; i++) {
		uint8_t c = p->at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
			    c == '/' || c == '-' || c == '_'))
			return false;
	}
	return p->left != 0;
}

static void protocols(struct bytes data, struct tls_hello *hello)
{
	struct bytes list = bytes_vector(&data, 2);
	size_t length = 0;

	while (list.left && !list.bad) {
		struct bytes name = bytes_vector(&list, 1);

		if (!is_word(&name) || length + name.left + 2 > ALPN_SIZE)
			continue;
		if (length)
			hello->alpn[length++] = ',';
		memcpy(hello->alpn + length, name.at, name.left);
		length += name.left;
	}
	hello->alpn[length] = '\0';
}

static enum parsed extensions(struct bytes all, struct tls_hello *ret_hello)
{
	struct tls_hello hello = {.ech = false};
	bool named = false, seen = false;

	while (all.left && !all.bad) {
		unsigned type = bytes_number(&all, 2);
		struct bytes data = bytes_vector(&all, 2);

		if (all.bad)
			break;
		if (type == EXTENSION_SERVER_NAME && !seen) {
			seen = true;
			named = server_name(data, &hello);
		} else if (type == EXTENSION_ALPN) {
			protocols(data, &hello);
		} else if (type == EXTENSION_ECH) {
			hello.ech = true;
		}
	}
	if (!named)
		return seen || all.bad ? PARSED_BAD : PARSED_NOTHING;
	*ret_hello = hello;
	return PARSED_NAME;
}

enum parsed tls_hello_parse(const uint8_t *bytes, size_t size, struct tls_hello *ret_hello)
{
	struct bytes all = {.at = bytes, .left = size}, hello;

	if (!size)
		return PARSED_MORE;
	if (bytes[0] != CLIENT_HELLO)
		return PARSED_NOTHING;
	if (size < 4)
		return PARSED_MORE;
	hello = (struct bytes){.at = bytes + 4, .left = bytes[1] << 16 | bytes[2] << 8 | bytes[3]};
	if (hello.left > HELLO_MAX)
		return PARSED_BAD;
	if (size - 4 < hello.left)
		return PARSED_MORE;
	all = hello;
	bytes_part(&all, 2 + 32); /* version, random bytes */
	bytes_vector(&all, 1);	  /* session */
	bytes_vector(&all, 2);	  /* ciphers */
	bytes_vector(&all, 1);	  /* compressions */
	if (all.bad)
		return PARSED_BAD;
	if (!all.left) /* before TLS 1.2 there need be no extensions */
		return PARSED_NOTHING;
	hello = bytes_vector(&all, 2);
	return all.bad ? PARSED_BAD : extensions(hello, ret_hello);
}

/* The handshake message may be cut into records at any place (RFC 8446 §5.1). */
enum parsed tls_stream_parse(const uint8_t *bytes, size_t size, struct tls_hello *ret_hello)
{
	uint8_t hello[HELLO_MAX + 4];
	size_t at = 0, have = 0, wanted = 4;

	for (;;) {
		size_t length, there;

		if (at < size && bytes[at] != HANDSHAKE)
			return at ? PARSED_BAD : PARSED_NOTHING;
		if (at + 1 < size && bytes[at + 1] != 3)
			return at ? PARSED_BAD : PARSED_NOTHING;
		if (size < at + 5)
			return PARSED_MORE;
		length = bytes[at + 3] << 8 | bytes[at + 4];
		if (!length || length > RECORD_MAX)
			return PARSED_BAD;
		at += 5;
		there = size - at < length ? size - at : length;
		if (there > sizeof(hello) - have)
			there = sizeof(hello) - have;
		memcpy(hello + have, bytes + at, there);
		have += there;
		if (have && hello[0] != CLIENT_HELLO)
			return PARSED_NOTHING;
		if (have >= 4)
			wanted = 4 + (hello[1] << 16 | hello[2] << 8 | hello[3]);
		if (have >= wanted || wanted > sizeof(hello))
			return tls_hello_parse(hello, have, ret_hello);
		if (there < length)
			return PARSED_MORE;
		at += length;
	}
}
