/* Sockets on the loopback: both ends are processes of the act, and each states its own. */
#include "act.h"

#include "socket.h"

/* ---- TCP ---- */

/* Takes 5,000 bytes, gives 3,000. */
static void server(void *with)
{
	struct end e = accepted(*(int *)with);

	if (e.flow->family[0] == 'u')
		e.flow->peer = getppid();
	receive_all(&e, 5000);
	sent(e.flow, send(e.fd, buffer, 3000, 0));
	close(e.fd);
}

static void exchange(struct end *e)
{
	sent(e->flow, send(e->fd, buffer, 4000, 0));
	sent(e->flow, write(e->fd, buffer, 1000));
	received(e->flow, recv(e->fd, buffer, 1000, MSG_WAITALL));
	received(e->flow, read(e->fd, buffer, 500));
	receive_all(e, 1500);
	close(e->fd);
}

static void stream(int family)
{
	union address a = loopback(family);
	int listener = listening(&a);
	struct process *p = spawn(server, &listener);
	struct end e = connected(&a);

	exchange(&e);
	reap(p);
}

static void tcp4(void)
{
	stream(AF_INET);
}

static void tcp6(void)
{
	stream(AF_INET6);
}

static void nonblocking(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a);
	struct process *p = spawn(server, &listener);
	struct end e = {new_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK), flow("inet", "tcp", "out", shown(&a))};
	struct pollfd ready = {.fd = e.fd, .events = POLLOUT};

	if (connect(e.fd, &a.any, sizeof(a.v4)) && errno != EINPROGRESS)
		fail("connect");
	need(poll(&ready, 1, 5000), "poll");
	need(fcntl(e.fd, F_SETFL, 0), "F_SETFL");
	near_end(e.flow, e.fd);
	exchange(&e);
	reap(p);
}

static void old_server(void *with)
{
	union address from;
	socklen_t length = sizeof(from);
	struct end e;

	e.fd = (int)need(syscall(SYS_accept, *(int *)with, &from, &length), "accept");
	e.flow = near_end(flow("inet", "tcp", "in", shown(&from)), e.fd);
	receive_all(&e, 10);
}

static void old_accept(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a);
	struct process *p = spawn(old_server, &listener);
	struct end e = connected(&a);

	sent(e.flow, send(e.fd, buffer, 10, 0));
	reap(p);
}

static void connect_refused(void)
{
	union address a = loopback(AF_INET);
	int fd = bound(&a, SOCK_STREAM), other = new_socket(AF_INET, SOCK_STREAM);

	flow("inet", "tcp", "out", shown(&a));
	if (!connect(other, &a.any, sizeof(a.v4)) || errno != ECONNREFUSED)
		fail("a connect that should have been refused");
	close(other);
	close(fd);
}

static void vectors_server(void *with)
{
	struct iovec parts[2] = {{buffer, 100}, {buffer + 1000, 4000}};
	struct end e = accepted(*(int *)with);
	ssize_t n;

	do {
		n = received(e.flow, readv(e.fd, parts, 2));
	} while (n);
}

static void vectors(void)
{
	struct iovec parts[2] = {{buffer, 100}, {buffer + 1000, 4000}};
	union address a = loopback(AF_INET);
	int listener = listening(&a);
	struct process *p = spawn(vectors_server, &listener);
	struct end e = connected(&a);

	sent(e.flow, writev(e.fd, parts, 2));
	sent(e.flow, writev(e.fd, parts, 1));
	close(e.fd);
	reap(p);
}

static void peeking(void *with)
{
	struct end e = accepted(*(int *)with);
	struct iovec part = {buffer, 50};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	need(recv(e.fd, buffer, 100, MSG_PEEK | MSG_WAITALL), "peek");
	need(recvmsg(e.fd, &message, MSG_PEEK), "peek");
	receive_all(&e, 100);
}

/* Looked at three times, received once. */
static void peek(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a);
	struct process *p = spawn(peeking, &listener);
	struct end e = connected(&a);

	sent(e.flow, send(e.fd, buffer, 100, 0));
	reap(p);
}

static void two_server(void *with)
{
	struct end one = accepted(*(int *)with), two = accepted(*(int *)with);

	receive_all(&one, 10);
	receive_all(&two, 2000);
	sent(one.flow, send(one.fd, buffer, 30, 0));
	sent(two.flow, send(two.fd, buffer, 40, 0));
}

static void two_connections(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a);
	struct process *p = spawn(two_server, &listener);
	struct end one = connected(&a), two = connected(&a);

	sent(one.flow, send(one.fd, buffer, 10, 0));
	sent(two.flow, send(two.fd, buffer, 2000, 0));
	receive_all(&one, 30);
	receive_all(&two, 40);
	reap(p);
}

static void child_uses(void *with)
{
	const struct end *e = with;
	struct flow *f = near_end(flow("inet", "tcp", NULL, e->flow->remote), e->fd);

	sent(f, write(e->fd, buffer, 111));
}

/* A connection made before the fork, used by both. */
static void inherited(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a);
	struct end e = connected(&a), far = accepted(listener);

	sent(e.flow, write(e.fd, buffer, 222));
	reap(spawn(child_uses, &e));
	receive_all(&far, 333);
}

/* ---- UDP ---- */

static void udp_server(void *with)
{
	union address from;
	socklen_t length = sizeof(from);
	ssize_t n = need(recvfrom(*(int *)with, buffer, sizeof(buffer), 0, &from.any, &length), "recvfrom");
	struct flow *f = near_end(flow(family_name(from.any.sa_family), "udp", NULL, shown(&from)), *(int *)with);

	received(f, n);
	sent(f, sendto(*(int *)with, buffer, 77, 0, &from.any, length));
}

static void udp_connected(void)
{
	union address a = loopback(AF_INET);
	int fd = bound(&a, SOCK_DGRAM), mine = new_socket(AF_INET, SOCK_DGRAM);
	struct process *p = spawn(udp_server, &fd);
	struct flow *f = flow("inet", "udp", "out", shown(&a));

	need(connect(mine, &a.any, sizeof(a.v4)), "connect");
	sent(near_end(f, mine), send(mine, buffer, 1200, 0));
	received(f, recv(mine, buffer, sizeof(buffer), 0));
	reap(p);
}

static void two_unconnected(int family)
{
	union address one = loopback(family), two = loopback(family), from;
	int fd = bound(&one, SOCK_DGRAM), second = bound(&two, SOCK_DGRAM), mine = new_socket(family, SOCK_DGRAM);
	struct process *p = spawn(udp_server, &fd), *q = spawn(udp_server, &second);
	struct flow *f = flow(family_name(family), "udp", "out", shown(&one));
	struct flow *g = flow(family_name(family), "udp", "out", shown(&two));
	int i;

	sent(f, sendto(mine, buffer, 500, 0, &one.any, size_of(&one)));
	sent(g, sendto(mine, buffer, 600, 0, &two.any, size_of(&two)));
	near_end(f, mine); /* the address that it may be reached at is any; the port is given with the first datagram */
	near_end(g, mine);
	for (i = 0; i < 2; i++) {
		socklen_t length = sizeof(from);
		ssize_t n = need(recvfrom(mine, buffer, sizeof(buffer), 0, &from.any, &length), "recvfrom");

		received(from.v4.sin_port == one.v4.sin_port ? f : g,
			n); /* at the same place in either family's address */
	}
	reap(p);
	reap(q);
}

static void udp_two(void)
{
	two_unconnected(AF_INET);
}

static void udp6_two(void)
{
	two_unconnected(AF_INET6);
}

static void udp6_connected(void)
{
	union address a = loopback(AF_INET6);
	int fd = bound(&a, SOCK_DGRAM), mine = new_socket(AF_INET6, SOCK_DGRAM);
	struct flow *f = flow("inet6", "udp", "out", shown(&a));

	need(connect(mine, &a.any, sizeof(a.v6)), "connect");
	near_end(f, mine);
	sent(f, send(mine, buffer, 1200, 0));
	sent(f, write(mine, buffer, 1));
	close(fd);
}

/* A datagram larger than the room for it: what is cut off was not received. */
static void udp_cut(void)
{
	union address a = loopback(AF_INET), b = loopback(AF_INET);
	int fd = bound(&a, SOCK_DGRAM), mine = bound(&b, SOCK_DGRAM);
	struct flow *out = flow("inet", "udp", "out", shown(&a)), *in = flow("inet", "udp", NULL, shown(&b));
	union address from;
	socklen_t length = sizeof(from);

	near_end(out, mine);
	near_end(in, fd);
	sent(out, sendto(mine, buffer, 1000, 0, &a.any, sizeof(a.v4)));
	received(in, recvfrom(fd, buffer, 10, 0, &from.any, &length));
}

/* Who sent it is not asked for: no address ever reaches the process. */
static void udp_unasked(void)
{
	union address a = loopback(AF_INET);
	int fd = bound(&a, SOCK_DGRAM), mine = new_socket(AF_INET, SOCK_DGRAM);
	struct flow *out = flow("inet", "udp", "out", shown(&a)), *in = flow("inet", "udp", NULL, NULL);

	near_end(in, fd);
	sent(out, sendto(mine, buffer, 900, 0, &a.any, sizeof(a.v4)));
	near_end(out, mine);
	received(in, recv(fd, buffer, sizeof(buffer), 0));
}

static struct msghdr message_to(union address *a, struct iovec *parts, size_t n)
{
	return (struct msghdr){.msg_name = a, .msg_namelen = a ? size_of(a) : 0, .msg_iov = parts, .msg_iovlen = n};
}

static void udp_message(void)
{
	union address a = loopback(AF_INET), b = loopback(AF_INET), from;
	int fd = bound(&a, SOCK_DGRAM), mine = bound(&b, SOCK_DGRAM);
	struct flow *out = flow("inet", "udp", "out", shown(&a)), *in = flow("inet", "udp", NULL, shown(&b));
	struct iovec parts[2] = {{buffer, 10}, {buffer + 100, 90}};
	struct msghdr message = message_to(&a, parts, 2);

	near_end(out, mine);
	near_end(in, fd);
	sent(out, sendmsg(mine, &message, 0));
	from.any.sa_family = AF_INET;
	message = message_to(&from, parts, 2);
	received(in, recvmsg(fd, &message, 0));
}

static ssize_t lengths(const struct mmsghdr *messages, long n)
{
	ssize_t sum = 0;
	long i;

	for (i = 0; i < n; i++)
		sum += messages[i].msg_len;
	return sum;
}

/* Three datagrams in one call, to two destinations. */
static void udp_messages(void)
{
	union address a = loopback(AF_INET), b = loopback(AF_INET), c = loopback(AF_INET), from[2];
	int fd = bound(&a, SOCK_DGRAM), second = bound(&b, SOCK_DGRAM), mine = bound(&c, SOCK_DGRAM);
	struct flow *f = flow("inet", "udp", "out", shown(&a)), *g = flow("inet", "udp", "out", shown(&b));
	struct flow *in = flow("inet", "udp", NULL, shown(&c));
	struct iovec parts[3] = {{buffer, 100}, {buffer, 200}, {buffer, 50}};
	struct mmsghdr messages[3] = {{.msg_hdr = message_to(&a, &parts[0], 1)},
		{.msg_hdr = message_to(&a, &parts[1], 1)}, {.msg_hdr = message_to(&b, &parts[2], 1)}};

	if (need(sendmmsg(mine, messages, 3, 0), "sendmmsg") != 3)
		skip("sendmmsg sent fewer");
	near_end(f, mine);
	near_end(g, mine);
	near_end(in, fd);
	sent(f, lengths(messages, 2));
	sent(g, messages[2].msg_len);
	from[0].any.sa_family = from[1].any.sa_family = AF_INET;
	messages[0].msg_hdr = message_to(&from[0], &parts[0], 1);
	messages[1].msg_hdr = message_to(&from[1], &parts[1], 1);
	received(in, lengths(messages, need(recvmmsg(fd, messages, 2, 0, NULL), "recvmmsg")));
	close(second);
}

/* ---- unix ---- */

static union address unix_at(const char *name, bool abstract)
{
	union address a;

	memset(&a, 0, sizeof(a));
	a.un.sun_family = AF_UNIX;
	snprintf(a.un.sun_path + abstract, sizeof(a.un.sun_path) - 1, "%s", name);
	return a;
}

/* The kernel takes the name's length from the caller: no zeros after an abstract one. */
static socklen_t unix_size(const union address *a)
{
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(a->un.sun_path + 1));
}

static void unix_stream(union address *a)
{
	int listener = new_socket(AF_UNIX, SOCK_STREAM);
	struct end e = {new_socket(AF_UNIX, SOCK_STREAM), NULL};
	struct process *p;

	need(bind(listener, &a->any, unix_size(a)), "bind");
	need(listen(listener, 4), "listen");
	p = spawn(server, &listener);
	close(listener);
	e.flow = flow("unix", NULL, "out", shown(a));
	need(connect(e.fd, &a->any, unix_size(a)), "connect");
	/* listen() fixed it: the socket's credentials are those of who listened, here the parent of the one that
	 * accepts */
	e.flow->peer = 0;
	near_end(e.flow, e.fd);
	exchange(&e);
	reap(p);
}

static void unix_path(void)
{
	union address a = unix_at(in_dir("socket"), false);

	unix_stream(&a);
}

static void unix_abstract(void)
{
	union address a = unix_at(text("quis-act-%d", getpid()), true);

	unix_stream(&a);
}

static void listens(void *with)
{
	union address *a = with;
	int listener = new_socket(AF_UNIX, SOCK_STREAM);
	struct end e;

	need(bind(listener, &a->any, unix_size(a)), "bind");
	need(listen(listener, 4), "listen");
	raise_flag(0);
	e = accepted(listener);
	e.flow->peer = getppid();
	receive_all(&e, 10);
}

/* The listener is another process than the one that connects: that is its peer. */
static void unix_peer(void)
{
	union address a = unix_at(text("quis-act-%d", getpid()), true);
	struct end e = {new_socket(AF_UNIX, SOCK_STREAM), NULL};
	struct process *p = spawn(listens, &a);

	await_flag(0);
	e.flow = flow("unix", NULL, "out", shown(&a));
	e.flow->peer = p->pid;
	need(connect(e.fd, &a.any, unix_size(&a)), "connect");
	near_end(e.flow, e.fd);
	sent(e.flow, write(e.fd, buffer, 10));
	reap(p);
}

static void unix_datagram(void)
{
	union address a = unix_at(in_dir("socket"), false);
	int fd = new_socket(AF_UNIX, SOCK_DGRAM), mine = new_socket(AF_UNIX, SOCK_DGRAM);
	struct flow *out, *in;

	need(bind(fd, &a.any, unix_size(&a)), "bind");
	out = near_end(flow("unix", NULL, NULL, shown(&a)), mine);
	in = near_end(flow("unix", NULL, NULL, NULL), fd);
	sent(out, sendto(mine, buffer, 400, 0, &a.any, unix_size(&a)));
	received(in, recv(fd, buffer, sizeof(buffer), 0));
}

struct end_bound {
	union address a;
	int flag; /* raised when it is bound */
};

static void datagrams(void *with)
{
	struct end_bound *e = with;
	int fd = new_socket(AF_UNIX, SOCK_DGRAM);
	struct flow *f;

	need(bind(fd, &e->a.any, unix_size(&e->a)), "bind");
	raise_flag(e->flag);
	f = near_end(flow("unix", NULL, NULL, NULL), fd);
	received(f, recv(fd, buffer, sizeof(buffer), 0));
	received(f, recv(fd, buffer, sizeof(buffer), 0));
}

/* To an abstract name, connected or not, of another process. */
static void unix_datagram_abstract(void)
{
	struct end_bound e = {unix_at(text("quis-act-%d", getpid()), true), 0};
	int one = new_socket(AF_UNIX, SOCK_DGRAM), two = new_socket(AF_UNIX, SOCK_DGRAM);
	struct process *p = spawn(datagrams, &e);
	struct flow *f = near_end(flow("unix", NULL, NULL, shown(&e.a)), one),
		    *g = near_end(flow("unix", NULL, NULL, shown(&e.a)), two);

	f->peer = g->peer = p->pid;
	await_flag(0);
	sent(f, sendto(one, buffer, 400, 0, &e.a.any, unix_size(&e.a)));
	need(connect(two, &e.a.any, unix_size(&e.a)), "connect");
	sent(g, send(two, buffer, 500, 0));
	reap(p);
}

/* One socket, by sendto() to two names and by sendmsg() to one, of which the other is the beginning. */
static void unix_datagram_two(void)
{
	struct end_bound a = {unix_at(text("quis-act-%d", getpid()), true), 0}, b = {unix_at(text("quis-act-%d-b", getpid()), true), 1};
	int one = new_socket(AF_UNIX, SOCK_DGRAM), i;
	struct process *p = spawn(datagrams, &a), *q = spawn(datagrams, &b);
	struct flow *f = near_end(flow("unix", NULL, NULL, shown(&a.a)), one), *g = near_end(flow("unix", NULL, NULL, shown(&b.a)), one);
	struct iovec vector = {buffer, 70};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_name = &b.a.any, .msg_namelen = unix_size(&b.a)};

	f->peer = p->pid;
	g->peer = q->pid;
	await_flag(0);
	await_flag(1);
	for (i = 0; i < 2; i++)
		sent(f, sendto(one, buffer, 400, 0, &a.a.any, unix_size(&a.a)));
	sent(g, sendto(one, buffer, 500, 0, &b.a.any, unix_size(&b.a)));
	sent(g, sendmsg(one, &message, 0));
	reap(p);
	reap(q);
}

/* As syslog() does. */
static void unix_datagram_path(void)
{
	struct end_bound e = {unix_at(in_dir("socket"), false), 0};
	int one = new_socket(AF_UNIX, SOCK_DGRAM);
	struct process *p = spawn(datagrams, &e);
	struct flow *f = near_end(flow("unix", NULL, NULL, shown(&e.a)), one);

	f->peer = p->pid;
	await_flag(0);
	need(connect(one, &e.a.any, unix_size(&e.a)), "connect");
	sent(f, send(one, buffer, 400, 0));
	sent(f, send(one, buffer, 500, 0));
	reap(p);
}

static void pair_of(int type)
{
	struct flow *near = flow("unix", NULL, NULL, NULL), *far = flow("unix", NULL, NULL, NULL);
	int pair[2];

	need(socketpair(AF_UNIX, type, 0, pair), "socketpair");
	near_end(near, pair[0]);
	near_end(far, pair[1]);
	near->peer = far->peer = getpid();
	sent(near, write(pair[0], buffer, 300));
	received(far, read(pair[1], buffer, sizeof(buffer)));
	sent(far, send(pair[1], buffer, 20, 0));
	received(near, recv(pair[0], buffer, sizeof(buffer), 0));
}

static void unix_pair(void)
{
	pair_of(SOCK_STREAM);
}

static void unix_pair_packets(void)
{
	pair_of(SOCK_SEQPACKET);
}

/* ---- much ---- */

#define TURNS 20000

static void bulk_server(void *with)
{
	struct end e = accepted(*(int *)with);

	receive_all(&e, SIZE_MAX);
}

static void bulk(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a), i;
	struct process *p = spawn(bulk_server, &listener);
	struct end e = connected(&a);

	for (i = 0; i < TURNS; i++)
		sent(e.flow, send(e.fd, buffer, (size_t)(1 + i % 5000), 0));
	close(e.fd);
	reap(p);
}

#define CONNECTIONS 500

static void many_server(void *with)
{
	int i;

	for (i = 0; i < CONNECTIONS; i++) {
		struct end e = accepted(*(int *)with);

		receive_all(&e, 10);
		close(e.fd);
	}
}

static void many(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a), i;
	struct process *p = spawn(many_server, &listener);

	for (i = 0; i < CONNECTIONS; i++) {
		struct end e = connected(&a);

		sent(e.flow, send(e.fd, buffer, 10, 0));
		close(e.fd);
	}
	reap(p);
}

static const struct act acts[] = {
	{"tcp4", "loopback up", tcp4},
	{"tcp6", "IPv6 loopback", tcp6},
	{"nonblocking", "loopback up", nonblocking},
	{"accept", "loopback up", old_accept},
	{"refused", "loopback up", connect_refused},
	{"vectors", "loopback up", vectors},
	{"peek", "loopback up", peek},
	{"two-connections", "loopback up", two_connections},
	{"inherited", "loopback up", inherited},
	{"udp-connected", "loopback up", udp_connected},
	{"udp-two", "loopback up", udp_two},
	{"udp6", "IPv6 loopback", udp6_connected},
	{"udp6-two", "IPv6 loopback", udp6_two},
	{"udp-cut", "loopback up", udp_cut},
	{"udp-unasked", "loopback up", udp_unasked},
	{"udp-message", "loopback up", udp_message},
	{"udp-messages", "loopback up", udp_messages},
	{"unix-path", NULL, unix_path},
	{"unix-abstract", NULL, unix_abstract},
	{"unix-peer", NULL, unix_peer},
	{"unix-datagram", NULL, unix_datagram},
	{"unix-datagram-abstract", NULL, unix_datagram_abstract},
	{"unix-datagram-two", NULL, unix_datagram_two},
	{"unix-datagram-path", NULL, unix_datagram_path},
	{"unix-pair", NULL, unix_pair},
	{"unix-pair-packets", NULL, unix_pair_packets},
	{"bulk", "loopback up", bulk},
	{"many", "loopback up", many},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
