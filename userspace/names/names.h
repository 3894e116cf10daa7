/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names in what went over a socket: pure parsers of hostile bytes. They allocate nothing, keep nothing, read no further
 * than `size`, and give only names that name_take() has passed.
 */
#ifndef QUIS_NAMES_H
#define QUIS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_SIZE 254 /* 253 characters (RFC 1035 §2.3.4) and a NUL */

enum parsed {
	PARSED_NOTHING, /* it is something else, or holds no name: no further bytes will help */
	PARSED_MORE,	/* more bytes may */
	PARSED_NAME,
	PARSED_BAD, /* it is broken, or the name is none */
};

/*
 * A name as it may stand in a report: letters, digits, hyphens, underscores and dots, in lower case, no dot at the end,
 * 1 to 253 of them. False when it is none.
 */
bool name_take(char ret_name[NAME_SIZE], const void *bytes, size_t size);

/* ---- dns.c: RFC 1035 ---- */

struct dns_answer {
	char name[NAME_SIZE];  /* that was asked for */
	char owner[NAME_SIZE]; /* at the end of the CNAMEs that lead from it to the address; the same when there are
				  none */
	uint8_t family;	       /* 4 or 6 */
	uint8_t address[16];
};

typedef void (*dns_fn)(const struct dns_answer *answer, void *context);
/* The addresses in one message; `fn` is called for each that belongs to a name asked for. PARSED_NAME if there was one.
 */
enum parsed dns_parse(const uint8_t *bytes, size_t size, dns_fn fn, void *context);

/* ---- tls.c: RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301 ---- */

#define ALPN_SIZE 64

struct tls_hello {
	char name[NAME_SIZE];
	char alpn[ALPN_SIZE]; /* offered protocols, with commas between; those that are not plain words are left out */
	bool ech; /* there is an encrypted hello within (or what looks so): the name may be the outer one only */
};

/* The handshake message itself, as QUIC has it in CRYPTO frames. */
enum parsed tls_hello_parse(const uint8_t *bytes, size_t size, struct tls_hello *ret_hello);
/* A stream of TLS records that begins with a ClientHello. */
enum parsed tls_stream_parse(const uint8_t *bytes, size_t size, struct tls_hello *ret_hello);

/* ---- quic.c: RFC 9000, 9001, 9369 ---- */

#define QUIC_CRYPTO_MAX 20480
#define QUIC_PIECES 32

struct quic_client { /* one connection's Initial packets, in whatever order; all zero at the start */
	uint8_t id[20];
	uint8_t id_length;
	bool known;	 /* id is that which the keys come from */
	uint32_t pieces; /* of crypto that have come: in order, not touching */
	struct {
		uint32_t from, to;
	} piece[QUIC_PIECES];
	uint8_t crypto[QUIC_CRYPTO_MAX];
};

/* A datagram that a client sent, or several behind each other (UDP_SEGMENT). */
enum parsed quic_parse(struct quic_client *client, const uint8_t *bytes, size_t size, struct tls_hello *ret_hello);

/* ---- http.c: RFC 9110, 9112 ---- */

struct http_request {
	char name[NAME_SIZE];
	bool proxied;	 /* the request was made to a proxy: the name is of who is behind it */
	uint32_t tunnel; /* after a CONNECT: where in the bytes what is sent through begins; else 0 */
};

enum parsed http_parse(const uint8_t *bytes, size_t size, struct http_request *ret_request);

/* ---- varlink.c: systemd-resolved, io.systemd.Resolve(7) ---- */

/* The name in a call of ResolveHostname; `bytes` begin with a message. */
enum parsed varlink_question(const uint8_t *bytes, size_t size, char ret_name[NAME_SIZE]);
/* The addresses in a reply to it. `name` in the answer is empty. */
enum parsed varlink_answer(const uint8_t *bytes, size_t size, dns_fn fn, void *context);

#endif
