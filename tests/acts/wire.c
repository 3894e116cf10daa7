/* The rarer sockets, and bytes that reach a socket by other ways than send. */
#include "act.h"
#include "socket.h"

#include <linux/errqueue.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define SIZE 30000

static void one_file(void)
{
	make_file("a", SIZE);
}

static int reading(struct object *o)
{
	return opened(o, open(o->path[0], O_RDONLY | O_CLOEXEC));
}

/* ---- bytes into a TCP socket ---- */

static void send_file(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a);
	struct process *p = spawn(sink, &listener);
	struct object *o = file("a");
	struct end e = connected(&a);
	int fd = reading(o);

	moved_out(o, e.flow, sendfile(e.fd, fd, NULL, 20000));
	close(e.fd);
	reap(p);
}

/* As web servers do it: one pair, however many calls. */
static void send_pieces(void)
{
	union address a = loopback(AF_INET6);
	int listener = listening(&a);
	struct process *p = spawn(sink, &listener);
	struct object *o = file("a");
	struct end e = connected(&a);
	int fd = reading(o), i;

	for (i = 0; i < 5000; i++) {
		off_t at = i % 16;

		moved_out(o, e.flow, sendfile(e.fd, fd, &at, 4096));
	}
	close(e.fd);
	reap(p);
}

static void splice_file(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a), ends[2];
	struct process *p = spawn(sink, &listener);
	struct object *o = file("a"), *pipe;
	struct end e = connected(&a);
	int fd = reading(o);

	need(pipe2(ends, O_CLOEXEC), "pipe2");
	pipe = by_inode("pipe", ends[0]);
	moved(o, pipe, splice(fd, NULL, ends[1], NULL, 9000, 0));
	moved_out(pipe, e.flow, splice(ends[0], NULL, e.fd, NULL, 9000, 0));
	close(e.fd);
	reap(p);
}

static void splicing(void *with)
{
	struct end e = accepted(*(int *)with);
	struct object *pipe;
	int ends[2];

	need(pipe2(ends, O_CLOEXEC), "pipe2");
	pipe = by_inode("pipe", ends[0]);
	moved_in(e.flow, pipe, splice(e.fd, NULL, ends[1], NULL, 4000, 0));
}

static void splice_out(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a);
	struct process *p = spawn(splicing, &listener);
	struct end e = connected(&a);

	sent(e.flow, send(e.fd, buffer, 4000, 0));
	reap(p);
}

static void zerocopy(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a), on = 1;
	struct process *p = spawn(sink, &listener);
	struct end e = connected(&a);
	char control[256];
	struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};
	struct pollfd ready = {.fd = e.fd};

	need(setsockopt(e.fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), "SO_ZEROCOPY");
	sent(e.flow, send(e.fd, buffer, 20000, MSG_ZEROCOPY));
	/* word that the pages are free again comes by the error queue: no bytes */
	need(poll(&ready, 1, 5000), "poll");
	need(recvmsg(e.fd, &message, MSG_ERRQUEUE), "error queue");
	close(e.fd);
	reap(p);
}

/* In a network of its own, where both ends do without a cookie: data go with the first packet, also of the first
 * connection. */
static void allow_fast_open(void)
{
	static const char name[] = "/proc/sys/net/ipv4/tcp_fastopen", value[] = "519"; /* 1 | 2 | 4 | 0x200 */
	int fd;

	private_net();
	fd = open(name, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, sizeof(value) - 1) < 0)
		skip("%s: %s", name, strerror(errno));
	close(fd);
}

/* Either end knows it: data that went with the first packet, and were taken. */
static void want_early_data(int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	need(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length), "TCP_INFO");
	if (!(info.tcpi_options & TCPI_OPT_SYN_DATA))
		skip("no data went with the first packet (needs %s)", this_act->needs);
}

static void early_sink(void *with)
{
	struct end e = accepted(*(int *)with);

	want_early_data(e.fd);
	receive_all(&e, SIZE_MAX);
}

static void fast_open(void)
{
	union address a;
	struct process *p;
	struct end e;
	int listener, queue = 16;

	allow_fast_open();
	a = loopback(AF_INET);
	listener = listening(&a);
	need(setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)), "TCP_FASTOPEN");
	p = spawn(early_sink, &listener);
	e = (struct end){new_socket(AF_INET, SOCK_STREAM), flow("inet", "tcp", "out", shown(&a))};
	sent(e.flow, sendto(e.fd, buffer, 1000, MSG_FASTOPEN, &a.any, sizeof(a.v4)));
	near_end(e.flow, e.fd);
	sent(e.flow, send(e.fd, buffer, 10, 0)); /* the answer has come */
	want_early_data(e.fd);
	close(e.fd);
	reap(p);
}

static void messages(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a);
	struct process *p = spawn(sink, &listener);
	struct end e = connected(&a);
	struct iovec parts[2] = {{buffer, 10}, {buffer, 2000}};
	struct mmsghdr two[2] = {
		{.msg_hdr = {.msg_iov = parts, .msg_iovlen = 2}}, {.msg_hdr = {.msg_iov = parts, .msg_iovlen = 1}}};

	sent(e.flow, sendmsg(e.fd, &two[0].msg_hdr, 0));
	need(sendmmsg(e.fd, two, 2, 0), "sendmmsg");
	sent(e.flow, two[0].msg_len + two[1].msg_len);
	close(e.fd);
	reap(p);
}

/* ---- other protocols ---- */

static void other_sink(void *with)
{
	union address from;
	socklen_t length = sizeof(from);
	struct end e;

	memset(&from, 0, sizeof(from));
	e.fd = (int)need(accept4(*(int *)with, &from.any, &length, SOCK_CLOEXEC), "accept4");
	e.flow = near_end(flow("inet", NULL, "in", shown(&from)), e.fd);
	receive_all(&e, 500);
	sent(e.flow, send(e.fd, buffer, 70, 0));
}

static void other_stream(int protocol)
{
	union address a = loopback(AF_INET);
	socklen_t length = sizeof(a.v4);
	int listener = (int)need(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol), "socket");
	struct process *p;
	struct end e;

	need(bind(listener, &a.any, length), "bind");
	need(listen(listener, 4), "listen");
	need(getsockname(listener, &a.any, &length), "getsockname");
	p = spawn(other_sink, &listener);
	e.fd = (int)need(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol), "socket");
	e.flow = flow("inet", NULL, "out", shown(&a));
	need(connect(e.fd, &a.any, length), "connect");
	near_end(e.flow, e.fd);
	sent(e.flow, send(e.fd, buffer, 500, 0));
	receive_all(&e, 70);
	reap(p);
}

static void mptcp(void)
{
	other_stream(IPPROTO_MPTCP);
}

static void sctp(void)
{
	other_stream(IPPROTO_SCTP);
}

static void raw(void)
{
	union address a = loopback(AF_INET);
	int fd = (int)need(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP), "socket");
	struct flow *f = flow("inet", NULL, NULL, "127.0.0.1");
	struct icmphdr echo = {.type = ICMP_ECHO, .checksum = 0xfff7};
	union address from;
	socklen_t length = sizeof(from);

	sent(f, sendto(fd, &echo, sizeof(echo), 0, &a.any, sizeof(a.v4)));
	received(f, recvfrom(fd, buffer, sizeof(buffer), 0, &from.any, &length));
	f->remote = NULL;
}

static void packet(void)
{
	int fd, udp;
	union address a;
	struct flow *f;

	private_net();
	fd = (int)need(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)), "packet socket");
	a = loopback(AF_INET);
	udp = bound(&a, SOCK_DGRAM);
	sent(near_end(flow("inet", "udp", NULL, shown(&a)), udp), sendto(udp, buffer, 200, 0, &a.any, sizeof(a.v4)));
	f = flow("packet", NULL, NULL, NULL);
	received(f, recv(fd, buffer, sizeof(buffer), 0));
	received(f, read(fd, buffer, sizeof(buffer)));
}

static void netlink(void)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg body;
	} ask = {.head = {.nlmsg_len = sizeof(ask),
			 .nlmsg_type = RTM_GETLINK,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	int fd = (int)need(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), "netlink socket");
	struct flow *f = flow("netlink", NULL, NULL, NULL);
	const struct nlmsghdr *head = (const struct nlmsghdr *)buffer;

	sent(f, send(fd, &ask, sizeof(ask), 0));
	do {
		received(f, recv(fd, buffer, sizeof(buffer), 0));
	} while (head->nlmsg_type != NLMSG_DONE && head->nlmsg_type != NLMSG_ERROR);
}

static void vsock_sink(void *with)
{
	int fd = (int)need(accept4(*(int *)with, NULL, NULL, SOCK_CLOEXEC), "accept4");
	struct end e = {fd, flow("vsock", NULL, "in", NULL)};

	receive_all(&e, 100);
}

static void vsock(void)
{
	struct sockaddr_vm a = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY};
	int listener = (int)need(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), "vsock");
	int fd = (int)need(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), "vsock");
	socklen_t length = sizeof(a);
	struct process *p;

	need(bind(listener, (struct sockaddr *)&a, length), "bind");
	need(listen(listener, 4), "listen");
	need(getsockname(listener, (struct sockaddr *)&a, &length), "getsockname");
	a.svm_cid = 1; /* VMADDR_CID_LOCAL */
	p = spawn(vsock_sink, &listener);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		skip("vsock: %s (needs vsock_loopback)", strerror(errno));
	sent(flow("vsock", NULL, "out", NULL), send(fd, buffer, 100, 0));
	reap(p);
}

static const struct act acts[] = {
	{"sendfile", NULL, send_file, one_file},
	{"sendfile-pieces", NULL, send_pieces, one_file},
	{"splice", NULL, splice_file, one_file},
	{"splice-from", NULL, splice_out},
	{"zerocopy", "Linux 4.14", zerocopy},
	{"fast-open", "net.ipv4.tcp_fastopen", fast_open},
	{"messages", NULL, messages},
	{"mptcp", "CONFIG_MPTCP", mptcp},
	{"sctp", "SCTP", sctp},
	{"raw", "CAP_NET_RAW", raw},
	{"packet", "CAP_NET_RAW", packet},
	{"netlink", NULL, netlink},
	{"vsock", "vsock_loopback", vsock},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
