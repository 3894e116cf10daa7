/* Names of addresses: bytes in which one is, sent as programs send them. The names stand beside the flows, or the flow
 * has none. */
#include "act.h"

#include "socket.h"
#include "quic-initial.h"

#include <sys/uio.h>

#define SHOP "www.shop.test"

/* ---- bytes ---- */

struct bytes {
	size_t length;
	unsigned char at[20000];
};

static void put8(struct bytes *b, unsigned value)
{
	b->at[b->length++] = (unsigned char)value;
}

static void put16(struct bytes *b, size_t value)
{
	put8(b, (unsigned)(value >> 8));
	put8(b, (unsigned)value & 255);
}

static void put_text(struct bytes *b, const char *text)
{
	memcpy(b->at + b->length, text, strlen(text));
	b->length += strlen(text);
}

static void set16(struct bytes *b, size_t at, size_t value)
{
	b->at[at] = (unsigned char)(value >> 8);
	b->at[at + 1] = (unsigned char)value;
}

/* A ClientHello in one record; `padding` bytes stand before the name. */
static struct bytes *client_hello(const char *name, size_t padding)
{
	struct bytes *b = calloc(1, sizeof(*b));
	size_t extensions;

	put8(b, 22);
	put16(b, 0x0301);
	put16(b, 0);
	put8(b, 1);
	put8(b, 0);
	put16(b, 0);
	put16(b, 0x0303);
	b->length += 32;
	put8(b, 0);
	put16(b, 2);
	put16(b, 0x1301);
	put16(b, 0x0100);
	extensions = b->length;
	put16(b, 0);
	if (padding) {
		put16(b, 21);
		put16(b, padding);
		b->length += padding;
	}
	put16(b, 0);
	put16(b, strlen(name) + 5);
	put16(b, strlen(name) + 3);
	put8(b, 0);
	put16(b, strlen(name));
	put_text(b, name);
	set16(b, extensions, b->length - extensions - 2);
	set16(b, 7, b->length - 9);
	set16(b, 3, b->length - 5);
	return b;
}

/* ---- a server that takes what comes ---- */

static void take_all(void *with)
{
	struct end e = accepted(*(int *)with);
	ssize_t n;

	do
		n = received(e.flow, recv(e.fd, buffer, sizeof(buffer), 0));
	while (n);
	close(e.fd);
}

struct connection {
	struct end end;
	struct process *server;
};

static struct connection begin(int family, const char *name, const char *source)
{
	union address a = loopback(family);
	int listener = listening(&a);
	struct connection c = {.server = spawn(take_all, &listener)};

	c.end = connected(&a);
	c.end.flow->name = keep(name);
	c.end.flow->source = keep(source);
	return c;
}

static void put_bytes(struct connection *c, const void *bytes, size_t length)
{
	sent(c->end.flow, send(c->end.fd, bytes, length, 0));
}

static void finish(struct connection *c)
{
	close(c->end.fd);
	reap(c->server);
}

/* ---- TLS ---- */

static void hello_of(int family, size_t padding, size_t cut)
{
	struct bytes *b = client_hello(SHOP, padding);
	struct connection c = begin(family, SHOP, "sni");

	if (cut)
		put_bytes(&c, b->at, cut);
	if (cut)
		usleep(20000);
	put_bytes(&c, b->at + cut, b->length - cut);
	memset(b->at, 0, sizeof(b->at));
	finish(&c);
}

static void tls4(void)
{
	hello_of(AF_INET, 0, 0);
}

static void tls6(void)
{
	hello_of(AF_INET6, 0, 0);
}

static void tls_split(void)
{
	hello_of(AF_INET, 0, 40);
}

static void tls_long(void)
{
	hello_of(AF_INET6, 16200, 0);
}

static void tls_long_split(void)
{
	hello_of(AF_INET, 16200, 3);
}

static void tls_vectors(void)
{
	struct bytes *b = client_hello(SHOP, 3000);
	struct iovec parts[] = {{b->at, 5}, {b->at + 5, 100}, {b->at + 105, b->length - 105}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	struct connection c = begin(AF_INET, SHOP, "sni");

	sent(c.end.flow, sendmsg(c.end.fd, &message, 0));
	sent(c.end.flow, writev(c.end.fd, parts + 2, 1));
	finish(&c);
}

/* What looks like a hello in the middle of a stream is none. */
static void tls_late(void)
{
	struct bytes *b = client_hello("late.shop.test", 0);
	struct connection c = begin(AF_INET, "", NULL);

	memset(buffer, 'x', 5000);
	put_bytes(&c, buffer, 5000);
	put_bytes(&c, b->at, b->length);
	usleep(1200000); /* another epoch, whose counters know nothing of the first */
	put_bytes(&c, b->at, b->length);
	finish(&c);
}

static void tls_hostile(void)
{
	struct bytes *b = client_hello("evil\n\"<b>\x1b[2J.test", 0);
	struct connection c = begin(AF_INET, "", NULL);

	put_bytes(&c, b->at, b->length);
	finish(&c);
}

static void nothing(void)
{
	struct connection c = begin(AF_INET6, "", NULL);

	put_bytes(&c, "EHLO here\r\n", 11);
	finish(&c);
}

/* ---- HTTP ---- */

static void http_of(const char *request, const char *name)
{
	struct connection c = begin(AF_INET, name, "http");

	put_bytes(&c, request, strlen(request));
	finish(&c);
}

static void http(void)
{
	http_of("GET /x HTTP/1.1\r\nAccept: */*\r\nhost: WWW.shop.test:80\r\n\r\n", SHOP);
}

static void http_proxy(void)
{
	http_of("GET http://www.shop.test/x HTTP/1.1\r\nHost: other.test\r\n\r\n", SHOP);
}

static void http_connect(void)
{
	http_of("CONNECT www.shop.test:443 HTTP/1.1\r\nHost: www.shop.test:443\r\n\r\n", SHOP);
}

/* Through a tunnel the hello says more than the CONNECT. */
static void http_connect_tls(void)
{
	static const char request[] = "CONNECT gate.test:443 HTTP/1.1\r\n\r\n";
	struct bytes *b = client_hello(SHOP, 4000);
	struct connection c = begin(AF_INET6, SHOP, "sni");

	put_bytes(&c, request, strlen(request));
	put_bytes(&c, b->at, b->length);
	finish(&c);
}

/* ---- DNS ---- */

/* Answers one query for an address: an alias first, then the loopback. */
static size_t answer(unsigned char *message, size_t length, int family)
{
	static const unsigned char alias[] = {4, 'r', 'e', 'a', 'l', 3, 'c', 'd', 'n', 4, 't', 'e', 's', 't', 0};
	struct bytes b = {.length = 0};

	memcpy(b.at, message, length);
	b.length = length;
	b.at[2] = 0x81;
	b.at[3] = 0x80;
	b.at[7] = 2;
	put16(&b, 0xc00c);
	put16(&b, 5);
	put16(&b, 1);
	b.length += 4;
	put16(&b, sizeof(alias));
	memcpy(b.at + b.length, alias, sizeof(alias));
	b.length += sizeof(alias);
	memcpy(b.at + b.length, alias, sizeof(alias));
	b.length += sizeof(alias);
	put16(&b, family == AF_INET ? 1 : 28);
	put16(&b, 1);
	b.length += 4;
	put16(&b, family == AF_INET ? 4 : 16);
	if (family == AF_INET)
		b.at[b.length] = 127;
	b.length += family == AF_INET ? 4 : 16;
	b.at[b.length - 1] = 1;
	memcpy(message, b.at, b.length);
	return b.length;
}

static struct bytes *query(int family)
{
	static const unsigned char head[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'w', 'w', 'w', 4, 's', 'h',
		'o', 'p', 4, 't', 'e', 's', 't', 0};
	struct bytes *b = calloc(1, sizeof(*b));

	memcpy(b->at, head, sizeof(head));
	b->length = sizeof(head);
	put16(b, family == AF_INET ? 1 : 28);
	put16(b, 1);
	return b;
}

static union address name_server(int family)
{
	union address a;

	private_net();
	a = loopback(family);
	a.v4.sin_port = htons(53); /* in the same place as sin6_port */
	return a;
}

static void serve_datagram(void *with)
{
	int fd = *(int *)with;
	union address from;
	socklen_t size = sizeof(from);
	ssize_t n = need(recvfrom(fd, buffer, sizeof(buffer), 0, &from.any, &size), "recvfrom");
	struct flow *f = flow(family_name(from.any.sa_family), "udp", "in", shown(&from));

	received(f, n);
	sent(f, sendto(fd, buffer, answer((unsigned char *)buffer, (size_t)n, from.any.sa_family), 0, &from.any, size));
}

static void serve_stream(void *with)
{
	struct end e = accepted(*(int *)with);
	ssize_t n = received(e.flow, recv(e.fd, buffer, sizeof(buffer), 0));
	size_t length = answer((unsigned char *)buffer + 2, (size_t)n - 2, AF_INET);

	buffer[0] = 0;
	buffer[1] = (char)length;
	sent(e.flow, send(e.fd, buffer, 10, 0));
	usleep(20000);
	sent(e.flow, send(e.fd, buffer + 10, length - 8, 0));
	close(e.fd);
}

static void ask(int family, bool vectors)
{
	union address a = name_server(family);
	int fd = bound(&a, SOCK_DGRAM);
	struct process *p = spawn(serve_datagram, &fd);
	struct bytes *b = query(family);
	struct iovec part = {buffer, sizeof(buffer)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct flow *f = flow(family_name(family), "udp", "out", shown(&a));
	int asker = new_socket(family, SOCK_DGRAM);

	need(connect(asker, &a.any, size_of(&a)), "connect");
	sent(f, send(asker, b->at, b->length, 0));
	received(f, vectors ? recvmsg(asker, &message, 0) : recv(asker, buffer, sizeof(buffer), 0));
	reap(p);
}

static void visit(int family)
{
	struct connection c = begin(family, SHOP, "dns");

	put_bytes(&c, "\1\2\3", 3);
	finish(&c);
}

static void dns4(void)
{
	ask(AF_INET, false);
	visit(AF_INET);
}

static void dns6(void)
{
	ask(AF_INET6, true);
	visit(AF_INET6);
}

static void dns_stream(void)
{
	union address a = name_server(AF_INET);
	int listener = listening(&a);
	struct process *p = spawn(serve_stream, &listener);
	struct bytes *b = query(AF_INET);
	struct end e = connected(&a);

	buffer[0] = 0;
	buffer[1] = (char)b->length;
	memcpy(buffer + 2, b->at, b->length);
	sent(e.flow, write(e.fd, buffer, b->length + 2));
	received(e.flow, read(e.fd, buffer, 4));
	while (received(e.flow, read(e.fd, buffer, sizeof(buffer))))
		;
	close(e.fd);
	reap(p);
	visit(AF_INET);
}

/* ---- QUIC ---- */

static void quic(void)
{
	union address a;
	struct flow *f;
	int fd;

	private_net();
	a = loopback(AF_INET);
	a.v4.sin_port = htons(443);
	f = flow("inet", "udp", "out", shown(&a));
	f->name = keep("example.com");
	f->source = keep("sni");
	bound(&a, SOCK_DGRAM);
	fd = new_socket(AF_INET, SOCK_DGRAM);
	memcpy(buffer, quic_initial, sizeof(quic_initial));
	sent(f, sendto(fd, buffer, sizeof(quic_initial), 0, &a.any, sizeof(a.v4)));
}

static const struct act acts[] = {
	{"tls4", "loopback up", tls4},
	{"tls6", "IPv6 loopback", tls6},
	{"tls-split", "loopback up", tls_split},
	{"tls-long", "IPv6 loopback", tls_long},
	{"tls-long-split", "loopback up", tls_long_split},
	{"tls-vectors", "loopback up", tls_vectors},
	{"tls-late", "loopback up", tls_late},
	{"tls-hostile", "loopback up", tls_hostile},
	{"nothing", "IPv6 loopback", nothing},
	{"http", "loopback up", http},
	{"http-proxy", "loopback up", http_proxy},
	{"http-connect", "loopback up", http_connect},
	{"http-connect-tls", "IPv6 loopback", http_connect_tls},
	{"dns4", "network namespaces", dns4},
	{"dns6", "network namespaces", dns6},
	{"dns-stream", "network namespaces", dns_stream},
	{"quic", "network namespaces", quic},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
