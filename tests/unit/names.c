/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "names/names.h"
#include "tests/acts/quic-initial.h"

struct seen {
	size_t count;
	struct dns_answer list[8];
};

static void take(const struct dns_answer *answer, void *context)
{
	struct seen *seen = context;

	assert_true(seen->count < 8);
	seen->list[seen->count++] = *answer;
}

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1
#define HEAD(questions, answers) "\x12\x34\x81\x80\x00" questions "\x00" answers "\x00\x00\x00\x00"
#define WWW "\3www\4shop\4test\0"
#define CDN "\3cdn\4test\0"
#define A_RECORD(address) "\0\1\0\1\0\0\0\x3c\0\4" address

static struct seen dns(const uint8_t *bytes, size_t size, enum parsed expected)
{
	struct seen seen = {.count = 0};

	assert_int_equal(dns_parse(bytes, size, take, &seen), expected);
	return seen;
}

static void test_dns(void **state)
{
	struct seen seen = dns(
		BYTES(HEAD("\1", "\2") WWW "\0\1\0\1" CDN A_RECORD("\xc0\0\2\1") "\xc0\x0c\0\5\0\1\0\0\0\0\0\x0a" CDN),
		PARSED_NAME);

	(void)state;
	assert_int_equal(seen.count, 1); /* the alias stands behind the address */
	assert_string_equal(seen.list[0].name, "www.shop.test");
	assert_string_equal(seen.list[0].owner, "cdn.test");
	assert_memory_equal(seen.list[0].address, "\xc0\0\2\1", 4);
	/* what was not asked for */
	assert_int_equal(dns(BYTES(HEAD("\1", "\1") WWW "\0\1\0\1" CDN A_RECORD("abcd")), PARSED_NOTHING).count, 0);
	/* a query, a refusal, another class */
	dns(BYTES("\x12\x34\1\0\0\1\0\0\0\0\0\0" WWW "\0\1\0\1"), PARSED_NOTHING);
	dns(BYTES("\x12\x34\x81\x83\0\1\0\0\0\0\0\0" WWW "\0\1\0\1"), PARSED_NOTHING);
	dns(BYTES(HEAD("\1", "\1") WWW "\0\1\0\1\xc0\x0c\0\1\0\3\0\0\0\x3c\0\4"
				       "abcd"),
		PARSED_NOTHING);
	/* mDNS: no question; the cache-flush bit */
	seen = dns(BYTES("\0\0\x84\0\0\0\0\1\0\0\0\0" CDN "\0\1\x80\1\0\0\0\x3c\0\4"
			 "abcd"),
		PARSED_NAME);
	assert_string_equal(seen.list[0].name, "cdn.test");
}

static void test_dns_broken(void **state)
{
	static const char message[] = HEAD("\1", "\1") WWW "\0\1\0\1\xc0\x0c" A_RECORD("abcd");
	size_t size;

	(void)state;
	for (size = 0; size < sizeof(message) - 1; size++)
		dns((const uint8_t *)message, size, PARSED_BAD);
	dns(BYTES(HEAD("\1", "\1") "\xc0\x0c\0\1\0\1"), PARSED_BAD);			     /* a pointer to itself */
	dns(BYTES(HEAD("\1", "\1") "\1\n\0\0\1\0\1\xc0\x0c" A_RECORD("abcd")), PARSED_BAD);  /* no name */
	dns(BYTES(HEAD("\1", "\1") "\3a.b\0\0\1\0\1\xc0\x0c" A_RECORD("abcd")), PARSED_BAD); /* a dot in a label */
}

static const char hello_text[] = "\x16\3\1\0\x5b\1\0\0\x57\3\3"
				 "01234567890123456789012345678901"
				 "\0\0\2\x13\1\1\0\0\x2c"
				 "\xfe\x0d\0\1\0\0\0\0\x12\0\x10\0\0\x0dWWW.shop.test"
				 "\0\x10\0\x0d\0\x0b\2h2\7h\x01p/1.1";

static void test_tls(void **state)
{
	uint8_t cut[256];
	struct tls_hello hello;
	size_t size;

	(void)state;
	assert_int_equal(tls_stream_parse(BYTES(hello_text), &hello), PARSED_NAME);
	assert_string_equal(hello.name, "www.shop.test");
	assert_string_equal(hello.alpn, "h2"); /* the other is no plain word */
	assert_true(hello.ech);
	for (size = 0; size < sizeof(hello_text) - 1; size++)
		assert_int_equal(tls_stream_parse((const uint8_t *)hello_text, size, &hello), PARSED_MORE);
	/* in two records */
	memcpy(cut, hello_text, 20);
	memcpy(cut + 20, "\x16\3\1\0\x4c", 5);
	memcpy(cut + 25, hello_text + 20, sizeof(hello_text) - 21);
	cut[4] = 15;
	assert_int_equal(tls_stream_parse(cut, sizeof(hello_text) + 4, &hello), PARSED_NAME);
	assert_int_equal(tls_stream_parse(cut, 26, &hello), PARSED_MORE);
	assert_int_equal(tls_stream_parse(BYTES("GET / HTTP/1.1\r\n"), &hello), PARSED_NOTHING);
	assert_int_equal(tls_stream_parse(BYTES("\x16\3\3\0\4\2\0\0\0"), &hello), PARSED_NOTHING); /* a server's */
}

static void test_http(void **state)
{
	static const struct {
		const char *bytes;
		enum parsed parsed;
		const char *name;
		bool proxied, tunnel;
	} rows[] = {
		{"GET / HTTP/1.1\r\nHost: Shop.Test.:8080\r\n\r\n", PARSED_NAME, "shop.test", false, false},
		{"GET / HTTP/1.1\nhOST:shop.test\n", PARSED_NAME, "shop.test", false, false},
		{"GET / HTTP/1.1\r\nHost: sh", PARSED_MORE, NULL, false, false},
		{"GET / HT", PARSED_MORE, NULL, false, false},
		{"GET / HTTP/1.1\r\nX: y\r\n\r\nHost: no.test\r\n", PARSED_NOTHING, NULL, false, false},
		{"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", PARSED_NOTHING, NULL, false, false},
		{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", PARSED_BAD, NULL, false, false},
		{"GET http://shop.test/?u=http://other.test/ HTTP/1.1\r\n\r\n", PARSED_NAME, "shop.test", true, false},
		{"CONNECT shop.test:443 HTTP/1.1\r\n", PARSED_MORE, NULL, false, false},
		{"CONNECT shop.test:443 HTTP/1.1\r\n\r\n", PARSED_NAME, "shop.test", true, true},
		{"CONNECT 192.0.2.1:443 HTTP/1.1\r\n\r\n", PARSED_NAME, "192.0.2.1", true, true},
		{"CONNECT [2001:DB8::1]:443 HTTP/1.1\r\n\r\n", PARSED_NAME, "[2001:DB8::1]", true, true},
		{"SSH-2.0-OpenSSH\r\n", PARSED_NOTHING, NULL, false, false},
		{"HELO x\r\n", PARSED_NOTHING, NULL, false, false},
	};
	struct http_request request;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memset(&request, 0, sizeof(request));
		assert_int_equal(
			http_parse((const uint8_t *)rows[i].bytes, strlen(rows[i].bytes), &request), rows[i].parsed);
		if (!rows[i].name)
			continue;
		assert_string_equal(request.name, rows[i].name);
		assert_int_equal(request.proxied, rows[i].proxied);
		assert_int_equal(request.tunnel, rows[i].tunnel ? strlen(rows[i].bytes) : 0);
	}
}

/* RFC 9001, appendix A.2; a bit that is changed is noticed, since the packet says whether it was. */
static void test_quic(void **state)
{
	static struct quic_client client;
	struct tls_hello hello;
	uint8_t changed[sizeof(quic_initial)];

	(void)state;
	assert_int_equal(quic_parse(&client, quic_initial, sizeof(quic_initial), &hello), PARSED_NAME);
	assert_string_equal(hello.name, "example.com");
	memset(&client, 0, sizeof(client));
	memcpy(changed, quic_initial, sizeof(changed));
	changed[700] ^= 1;
	assert_int_equal(quic_parse(&client, changed, sizeof(changed), &hello), PARSED_MORE);
	assert_int_equal(client.pieces, 0);
	assert_int_equal(quic_parse(&client, quic_initial, 600, &hello), PARSED_MORE);
}

static void test_varlink(void **state)
{
	static const char reply[] =
		"{\"parameters\":{\"addresses\":[{\"ifindex\":2,\"family\":2,\"address\":[192,0,2,1]},{\"family\":10,"
		"\"address\":"
		"[32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,1]},{\"address\":[1,2,999,4]}],\"name\":\"cdn.test\",\"flags\":1}}";
	struct seen seen = {.count = 0};
	char name[NAME_SIZE];

	(void)state;
	assert_int_equal(varlink_answer((const uint8_t *)reply, sizeof(reply) - 1, take, &seen), PARSED_MORE);
	assert_int_equal(varlink_answer((const uint8_t *)reply, sizeof(reply), take, &seen), PARSED_NAME);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.list[0].owner, "cdn.test");
	assert_memory_equal(seen.list[0].address, "\xc0\0\2\1", 4);
	assert_int_equal(seen.list[1].family, 6);
	assert_int_equal(varlink_question(BYTES("{\"method\":\"io.systemd.Resolve.ResolveHostname\",\"parameters\":{"
						"\"name\":\"www.shop.test\"}}\0"),
				 name),
		PARSED_NAME);
	assert_string_equal(name, "www.shop.test");
	assert_int_equal(
		varlink_question(BYTES("{\"method\":\"io.systemd.Resolve.ResolveAddress\"}\0"), name), PARSED_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dns),
		cmocka_unit_test(test_dns_broken),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_quic),
		cmocka_unit_test(test_varlink),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
