/* What the acts on sockets share: addresses as reports show them, and the ends of a connection with their account. */
#ifndef QUIS_SOCKET_H
#define QUIS_SOCKET_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/un.h>

static char buffer[65536];

/* ---- ends ---- */

/* An end of a connection: its socket, and the process's account of it. */
struct end {
	int fd;
	struct flow *flow;
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

static inline socklen_t size_of(const union address *a)
{
	return a->any.sa_family == AF_INET    ? sizeof(a->v4)
	       : a->any.sa_family == AF_INET6 ? sizeof(a->v6)
					      : sizeof(a->un);
}

static inline const char *family_name(int family)
{
	return family == AF_INET ? "inet" : family == AF_INET6 ? "inet6" : "unix";
}

static inline const char *shown(const union address *a)
{
	char host[INET6_ADDRSTRLEN];

	if (a->any.sa_family == AF_INET)
		return text("%s:%d", inet_ntop(AF_INET, &a->v4.sin_addr, host, sizeof(host)), ntohs(a->v4.sin_port));
	if (a->any.sa_family == AF_INET6)
		return text(
			"[%s]:%d", inet_ntop(AF_INET6, &a->v6.sin6_addr, host, sizeof(host)), ntohs(a->v6.sin6_port));
	return a->un.sun_path[0] ? keep(a->un.sun_path) : text("@%s", a->un.sun_path + 1);
}

/* The socket's own end; an unnamed one of a unix socket is "". */
static inline const char *own_end(int fd)
{
	union address a;
	socklen_t length = sizeof(a);

	memset(&a, 0, sizeof(a));
	need(getsockname(fd, &a.any, &length), "getsockname");
	return length > sizeof(a.any.sa_family) ? shown(&a) : "";
}

/* States the near end too, as the kernel has it when the socket has been connected or used. */
static inline struct flow *near_end(struct flow *f, int fd)
{
	f->local = keep(own_end(fd));
	return f;
}

static inline int new_socket(int family, int type)
{
	return (int)need(socket(family, type | SOCK_CLOEXEC, 0), "socket");
}

/* A network namespace of our own, in which nothing but the act is on the loopback. */
static inline void private_net(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd;

	need(unshare(CLONE_NEWNET), "unshare");
	fd = new_socket(AF_INET, SOCK_DGRAM);
	need(ioctl(fd, SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
	request.ifr_flags |= IFF_UP;
	need(ioctl(fd, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
	close(fd);
}

/* An initramfs may not have set the loopback up; that is the host's business. */
static inline void want_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = new_socket(AF_INET, SOCK_DGRAM);
	bool up = !ioctl(fd, SIOCGIFFLAGS, &request) && request.ifr_flags & IFF_UP;

	close(fd);
	if (!up)
		private_net();
}

static inline union address loopback(int family)
{
	union address a;

	want_loopback();
	memset(&a, 0, sizeof(a));
	a.any.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a.v6.sin6_addr = in6addr_loopback;
	return a;
}

/* A bound socket with the port that the kernel chose. */
static inline int bound(union address *a, int type)
{
	int fd = new_socket(a->any.sa_family, type);
	socklen_t length = size_of(a);

	need(bind(fd, &a->any, length), "bind");
	need(getsockname(fd, &a->any, &length), "getsockname");
	return fd;
}

static inline int listening(union address *a)
{
	int fd = bound(a, SOCK_STREAM);

	need(listen(fd, 1024), "listen");
	return fd;
}

static inline struct end connected(const union address *a)
{
	struct end e = {new_socket(a->any.sa_family, SOCK_STREAM), NULL};

	e.flow = flow(family_name(a->any.sa_family), a->any.sa_family == AF_UNIX ? NULL : "tcp", "out", shown(a));
	need(connect(e.fd, &a->any, size_of(a)), "connect");
	near_end(e.flow, e.fd);
	return e;
}

static inline struct end accepted(int listener)
{
	union address from;
	socklen_t length = sizeof(from);
	struct end e;

	memset(&from, 0, sizeof(from));
	e.fd = (int)need(accept4(listener, &from.any, &length, SOCK_CLOEXEC), "accept4");
	if (from.any.sa_family == AF_UNIX)
		e.flow = flow("unix", NULL, "in", NULL);
	else
		e.flow = flow(family_name(from.any.sa_family), "tcp", "in", shown(&from));
	near_end(e.flow, e.fd);
	return e;
}

static inline void receive_all(struct end *e, size_t want)
{
	size_t have = 0;

	while (have < want) {
		ssize_t n = received(e->flow, recv(e->fd, buffer, sizeof(buffer), 0));

		if (!n)
			break;
		have += (size_t)n;
	}
}

/* For spawn(): takes all that comes over one connection of the listener. */
static inline void sink(void *with)
{
	struct end e = accepted(*(int *)with);

	receive_all(&e, SIZE_MAX);
}

#endif
