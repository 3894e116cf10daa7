/* io_uring: files and sockets reached without a system call of their own. Whoever runs a request, it is the work of the
 * process that made the ring. */
#include "act.h"
#include "socket.h"
#include "uring.h"

#include <linux/openat2.h>

#define SIZE 10000

static struct ring ring;

static void one_file(void)
{
	make_file("a", SIZE);
}

static void one_directory(void)
{
	need(mkdir(in_dir("sub"), 0755), "mkdir");
}

static int reading(struct object *o)
{
	return opened(o, open(o->path[0], O_RDONLY | O_CLOEXEC));
}

static int writing(struct object *o)
{
	return opened(o, open(o->path[0], O_RDWR | O_CREAT | O_CLOEXEC, 0644));
}

static int ask(int what, int fd, const void *at, size_t length, uint64_t offset)
{
	struct io_uring_sqe sqe = ring_request(what, fd, at, length, offset);

	return ring_do(&ring, &sqe);
}

/* ---- reading and writing ---- */

static void read_with(unsigned setup, unsigned flags)
{
	struct object *o = file("a");
	int fd = reading(o), i;

	ring_new(&ring, 8, setup);
	for (i = 0; i < 4; i++) {
		struct io_uring_sqe sqe = ring_request(IORING_OP_READ, fd, buffer, 3000, (uint64_t)i * 3000);

		sqe.flags = (uint8_t)flags;
		got(o, ring_do(&ring, &sqe));
	}
}

static void do_read(void)
{
	read_with(0, 0);
}

static void read_worker(void)
{
	read_with(0, IOSQE_ASYNC);
}

/* A kernel thread runs the requests. */
static void read_polled(void)
{
	read_with(IORING_SETUP_SQPOLL, 0);
}

static void write_polled(void)
{
	struct object *o = file("made");
	int fd = writing(o);

	ring_new(&ring, 8, IORING_SETUP_SQPOLL);
	put(o, ask(IORING_OP_WRITE, fd, buffer, 1111, 0));
}

static void do_write(void)
{
	struct object *o = file("made");
	int fd = writing(o);

	ring_new(&ring, 8, 0);
	put(o, ask(IORING_OP_WRITE, fd, buffer, 5000, 0));
	put(o, ask(IORING_OP_WRITE, fd, buffer, 77, 9000));
}

static void vectors(void)
{
	struct iovec parts[2] = {{buffer, 10}, {buffer + 100, 4000}};
	struct object *from = file("a"), *to = file("made");
	int in = reading(from), out = writing(to);

	ring_new(&ring, 8, 0);
	got(from, ask(IORING_OP_READV, in, parts, 2, 0));
	got(from, ask(IORING_OP_READV, in, parts, 2, 9000));
	put(to, ask(IORING_OP_WRITEV, out, parts, 2, 0));
}

static void fixed_buffers(void)
{
	struct iovec whole = {buffer, sizeof(buffer)};
	struct object *from = file("a"), *to = file("made");
	int in = reading(from), out = writing(to);

	ring_new(&ring, 8, 0);
	ring_register(&ring, IORING_REGISTER_BUFFERS, &whole, 1);
	got(from, ask(IORING_OP_READ_FIXED, in, buffer + 100, 4000, 7000));
	put(to, ask(IORING_OP_WRITE_FIXED, out, buffer + 200, 1000, 0));
}

/* The fd is closed before the ring reads the file by its own number. */
static void fixed_file(void)
{
	struct object *o = file("a");
	int fd = reading(o), i;

	ring_new(&ring, 8, 0);
	ring_register(&ring, IORING_REGISTER_FILES, &fd, 1);
	close(fd);
	for (i = 0; i < 3; i++) {
		struct io_uring_sqe sqe = ring_request(IORING_OP_READ, 0, buffer, 4000, (uint64_t)i * 4000);

		sqe.flags = IOSQE_FIXED_FILE;
		got(o, ring_do(&ring, &sqe));
	}
}

/* Many at once, some in worker threads, ended in any order. */
static void batch(void)
{
	struct object *o = file("a");
	int fd = reading(o), turn, i;

	ring_new(&ring, 64, 0);
	for (turn = 0; turn < 100; turn++) {
		for (i = 0; i < 64; i++) {
			struct io_uring_sqe sqe = ring_request(IORING_OP_READ, fd, buffer + i * 100, 10 + (size_t)i, 0);

			sqe.flags = i % 3 ? 0 : IOSQE_ASYNC;
			ring_put(&ring, &sqe);
		}
		ring_enter(&ring, 64, 64);
		for (i = 0; i < 64; i++)
			got(o, ring_take(&ring));
	}
}

static void do_splice(void)
{
	struct object *from = file("a"), *pipe;
	int in = reading(from), ends[2];
	struct io_uring_sqe sqe;

	need(pipe2(ends, O_CLOEXEC), "pipe2");
	pipe = by_inode("pipe", ends[0]);
	ring_new(&ring, 8, 0);
	sqe = ring_request(IORING_OP_SPLICE, ends[1], NULL, 3000, UINT64_MAX);
	sqe.splice_off_in = 500;
	sqe.splice_fd_in = in;
	moved(from, pipe, ring_do(&ring, &sqe));
	got(pipe, read(ends[0], buffer, sizeof(buffer)));
}

/* From a pipe into another one, and out of that into a socket. */
static void do_tee(void)
{
	int one[2], two[2], pair[2];
	struct object *from, *to;
	struct flow *near, *far;
	struct io_uring_sqe sqe;

	need(pipe2(one, O_CLOEXEC), "pipe2");
	need(pipe2(two, O_CLOEXEC), "pipe2");
	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	from = by_inode("pipe", one[0]);
	to = by_inode("pipe", two[0]);
	near = flow("unix", NULL, NULL, NULL);
	far = flow("unix", NULL, NULL, NULL);
	put(from, write(one[1], buffer, 3000));
	ring_new(&ring, 8, 0);
	sqe = ring_request(IORING_OP_TEE, two[1], NULL, 2000, 0);
	sqe.splice_fd_in = one[0];
	moved(from, to, ring_do(&ring, &sqe));
	sqe = ring_request(IORING_OP_SPLICE, pair[0], NULL, 2000, UINT64_MAX);
	sqe.splice_off_in = UINT64_MAX;
	sqe.splice_fd_in = two[0];
	moved_out(to, near, ring_do(&ring, &sqe));
	received(far, read(pair[1], buffer, sizeof(buffer)));
}

/* ---- opening ---- */

static void open_then_read(unsigned flags)
{
	struct object *o = came(file("a"), "io_uring");
	struct io_uring_sqe sqe = ring_request(IORING_OP_OPENAT, AT_FDCWD, o->path[0], 0, 0);
	int fd;

	ring_new(&ring, 8, 0);
	sqe.open_flags = O_RDONLY;
	sqe.flags = (uint8_t)flags;
	fd = ring_do(&ring, &sqe);
	need(fd, "openat");
	count(o, OPENS, 1);
	got(o, read(fd, buffer, 1000));
	got(o, ask(IORING_OP_READ, fd, buffer, 2000, 0));
	need(ask(IORING_OP_CLOSE, fd, NULL, 0, 0), "close");
}

static void do_openat(void)
{
	open_then_read(0);
}

static void openat_worker(void)
{
	open_then_read(IOSQE_ASYNC);
}

static void do_openat2(void)
{
	struct object *o = came(file("a"), "io_uring");
	struct open_how how = {.flags = O_RDONLY};
	int fd;

	ring_new(&ring, 8, 0);
	fd = (int)need(ask(IORING_OP_OPENAT2, AT_FDCWD, o->path[0], sizeof(how), (uintptr_t)&how), "openat2");
	count(o, OPENS, 1);
	got(o, read(fd, buffer, 1000));
}

/* Opened into the ring's own table: the process never has an fd of it. */
static void open_direct(void)
{
	struct object *o = came(file("a"), "io_uring");
	struct io_uring_sqe sqe = ring_request(IORING_OP_OPENAT, AT_FDCWD, o->path[0], 0, 0);
	int none = -1;

	ring_new(&ring, 8, 0);
	ring_register(&ring, IORING_REGISTER_FILES, &none, 1);
	sqe.file_index = 1;
	need(ring_do(&ring, &sqe), "openat");
	count(o, OPENS, 1);
	sqe = ring_request(IORING_OP_READ, 0, buffer, 4000, 100);
	sqe.flags = IOSQE_FIXED_FILE;
	got(o, ring_do(&ring, &sqe));
}

/* ... into any free place of it; then copied out of it by a splice that names it by its place, and made a descriptor of. */
static void open_direct_any(void)
{
	struct object *o = came(file("a"), "io_uring"), *pipe;
	struct io_uring_sqe sqe = ring_request(IORING_OP_OPENAT, AT_FDCWD, o->path[0], 0, 0);
	int none[4] = {-1, -1, -1, -1}, ends[2], place;

	need(pipe2(ends, O_CLOEXEC), "pipe2");
	pipe = by_inode("pipe", ends[0]);
	ring_new(&ring, 8, 0);
	ring_register(&ring, IORING_REGISTER_FILES, none, 4);
	sqe.file_index = UINT32_MAX; /* IORING_FILE_INDEX_ALLOC */
	need(ring_do(&ring, &sqe), "openat");
	place = (int)need(ring_do(&ring, &sqe), "openat");
	count(o, OPENS, 2);
	sqe = ring_request(IORING_OP_SPLICE, ends[1], NULL, 3000, UINT64_MAX);
	sqe.splice_off_in = 500;
	sqe.splice_fd_in = place;
	sqe.splice_flags = SPLICE_F_FD_IN_FIXED;
	moved(o, pipe, ring_do(&ring, &sqe));
}

static void open_refused(void)
{
	struct object *o = object(NULL, in_dir("missing"));

	ring_new(&ring, 8, 0);
	refused(o, ask(IORING_OP_OPENAT, AT_FDCWD, o->path[0], 0, 0));
}

/* ---- changing and looking ---- */

static void did(int result, const char *kind, const char *name, const char *to)
{
	need(result, kind);
	action(kind, in_dir(name), to ? in_dir(to) : NULL)->times = 1;
}

static void do_statx(void)
{
	struct object *o = object(NULL, in_dir("a"));
	static struct statx result;

	looked(o, 1);
	ring_new(&ring, 8, 0);
	need(ask(IORING_OP_STATX, AT_FDCWD, o->path[0], STATX_BASIC_STATS, (uintptr_t)&result), "statx");
}

/* By a name relative to a directory, and one that is not there. */
static void statx_missing(void)
{
	struct object *o = object(NULL, in_dir("missing")), *held = object(NULL, in_dir("a"));
	int fd = (int)need(open(act_dir, O_PATH | O_DIRECTORY), "open");
	static struct statx result;
	int i;

	opened(object("dir", act_dir), fd);
	looked(o, 3);
	looked(held, 1);
	ring_new(&ring, 8, 0);
	for (i = 0; i < 3; i++)
		if (ask(IORING_OP_STATX, fd, "missing", STATX_BASIC_STATS, (uintptr_t)&result) != -1 || errno != ENOENT)
			fail("statx of what is not there");
	need(ask(IORING_OP_STATX, fd, "a", STATX_BASIC_STATS, (uintptr_t)&result), "statx");
}

static void do_unlinkat(void)
{
	ring_new(&ring, 8, 0);
	did(ask(IORING_OP_UNLINKAT, AT_FDCWD, in_dir("a"), 0, 0), "unlink", "a", NULL);
}

static void do_rmdir(void)
{
	struct io_uring_sqe sqe = ring_request(IORING_OP_UNLINKAT, AT_FDCWD, in_dir("sub"), 0, 0);

	ring_new(&ring, 8, 0);
	sqe.unlink_flags = AT_REMOVEDIR;
	did(ring_do(&ring, &sqe), "rmdir", "sub", NULL);
}

static int ask_two(int what, const char *from, const char *to)
{
	ring_new(&ring, 8, 0);
	return ask(what, AT_FDCWD, in_dir(from), (uint32_t)AT_FDCWD, (uintptr_t)in_dir(to));
}

static void do_renameat(void)
{
	did(ask_two(IORING_OP_RENAMEAT, "a", "b"), "rename", "a", "b");
}

static void do_linkat(void)
{
	did(ask_two(IORING_OP_LINKAT, "a", "b"), "link", "a", "b");
}

static void do_symlinkat(void)
{
	struct io_uring_sqe sqe = ring_request(IORING_OP_SYMLINKAT, AT_FDCWD, in_dir("a"), 0, (uintptr_t)in_dir("b"));

	ring_new(&ring, 8, 0);
	did(ring_do(&ring, &sqe), "symlink", "b", "a");
}

static void do_mkdirat(void)
{
	ring_new(&ring, 8, 0);
	did(ask(IORING_OP_MKDIRAT, AT_FDCWD, in_dir("sub"), 0755, 0), "mkdir", "sub", NULL);
}

static void do_fallocate(void)
{
	struct object *o = file("a");
	struct io_uring_sqe sqe = ring_request(IORING_OP_FALLOCATE, writing(o), NULL, 0, 0);

	ring_new(&ring, 8, 0);
	sqe.addr = 20000;
	did(ring_do(&ring, &sqe), "fallocate", "a", NULL);
}

#define OP_SETXATTR 42
#define OP_FSETXATTR 41
#define OP_FTRUNCATE 55
#define OP_SOCKET 45

static void do_setxattr(void)
{
	struct io_uring_sqe sqe = ring_request(OP_SETXATTR, 0, "user.quis", 5, (uintptr_t) "value");

	ring_new(&ring, 8, 0);
	sqe.addr3 = (uintptr_t)in_dir("a");
	did(ring_do(&ring, &sqe), "setxattr", "a", NULL);
}

static void do_fsetxattr(void)
{
	struct action *a;

	ring_new(&ring, 8, 0);
	need(ask(OP_FSETXATTR, writing(file("a")), "user.quis", 5, (uintptr_t) "value"), "setxattr");
	a = action("setxattr", in_dir("a"), "user.quis");
	a->times = 1;
	a->kernel_path = true;
}

static void do_ftruncate(void)
{
	struct action *a;

	ring_new(&ring, 8, 0);
	need(ask(OP_FTRUNCATE, writing(file("a")), NULL, 0, 77), "truncate");
	a = action("truncate", in_dir("a"), NULL);
	a->times = 1;
	a->kernel_path = true;
	a->detail = keep("{\"length\":77}");
}

static void packet_socket(void)
{
	struct action *a;

	ring_new(&ring, 8, 0);
	need(ask(OP_SOCKET, AF_PACKET, NULL, 0, SOCK_RAW), "socket");
	a = action("socket", NULL, NULL);
	a->detail = keep("{\"family\":\"packet\"}");
	a->times = 1;
}

/* ---- what is not told ---- */

static ssize_t take_known(const char *what)
{
	return need(ring_result(&ring, what), what);
}

/* A request that went well leaves no completion: nothing says how much it read. */
static void read_untold_with(unsigned char flags)
{
	struct object *o = file("a");
	int fd = reading(o);
	struct io_uring_sqe sqe = ring_request(IORING_OP_READ, fd, buffer, 3000, 0);

	ring_new(&ring, 8, 0);
	sqe.flags = IOSQE_CQE_SKIP_SUCCESS | flags;
	ring_put(&ring, &sqe);
	sqe = ring_request(IORING_OP_NOP, -1, NULL, 0, 0);
	ring_put(&ring, &sqe);
	ring_enter(&ring, 2, 1);
	take_known("a request without completion");
	if (flags)
		usleep(100000); /* it is done by then */
	count(o, READS, 1);
	count(o, READ_BYTES, 3000);
}

static void read_untold(void)
{
	read_untold_with(0);
}

static void read_untold_worker(void)
{
	read_untold_with(IOSQE_ASYNC);
}

/* More completions than the ring has room for: the kernel keeps them apart. */
static void read_overflow(void)
{
	struct object *o = file("a");
	struct io_uring_sqe sqe = ring_request(IORING_OP_READ, reading(o), buffer, 100, 0);
	int i;

	ring_new(&ring, 1, 0);
	for (i = 0; i < 8; i++) {
		ring_put(&ring, &sqe);
		ring_enter(&ring, 1, 0);
	}
	for (i = 0; i < 8; i++)
		got(o, ring_take(&ring));
}

/* ---- sockets ---- */

static void pair(struct flow **near, struct flow **far, int fds[2])
{
	need(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), "socketpair");
	*near = flow("unix", NULL, NULL, NULL);
	*far = flow("unix", NULL, NULL, NULL);
	ring_new(&ring, 8, 0);
}

static void send_receive(void)
{
	struct flow *near, *far;
	int fds[2];

	pair(&near, &far, fds);
	sent(near, ask(IORING_OP_SEND, fds[0], buffer, 1000, 0));
	received(far, ask(IORING_OP_RECV, fds[1], buffer, 4000, 0));
	sent(far, ask(IORING_OP_WRITE, fds[1], buffer, 50, 0));
	received(near, ask(IORING_OP_READ, fds[0], buffer, 4000, 0));
}

static void messages(void)
{
	struct iovec parts[2] = {{buffer, 100}, {buffer + 500, 900}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	struct flow *near, *far;
	int fds[2];

	pair(&near, &far, fds);
	sent(near, ask(IORING_OP_SENDMSG, fds[0], &message, 1, 0));
	received(far, ask(IORING_OP_RECVMSG, fds[1], &message, 1, 0));
}

static void server(void *with)
{
	union address from;
	socklen_t length = sizeof(from);
	struct end e;

	ring_new(&ring, 8, 0);
	e.fd = (int)need(ask(IORING_OP_ACCEPT, *(int *)with, &from, 0, (uintptr_t)&length), "accept");
	e.flow = flow("inet", "tcp", "in", shown(&from));
	received(e.flow, ask(IORING_OP_RECV, e.fd, buffer, 4000, 0));
	sent(e.flow, ask(IORING_OP_SEND, e.fd, buffer, 300, 0));
}

static void tcp(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a);
	struct process *p = spawn(server, &listener);
	struct end e = {new_socket(AF_INET, SOCK_STREAM), flow("inet", "tcp", "out", shown(&a))};

	ring_new(&ring, 8, 0);
	need(ask(IORING_OP_CONNECT, e.fd, &a, 0, sizeof(a.v4)), "connect");
	sent(e.flow, ask(IORING_OP_SEND, e.fd, buffer, 2000, 0));
	received(e.flow, ask(IORING_OP_RECV, e.fd, buffer, 4000, 0));
	reap(p);
}

/* A datagram through a worker thread of the ring. */
static void udp_worker(void)
{
	union address a = loopback(AF_INET);
	int fd = bound(&a, SOCK_DGRAM), mine = new_socket(AF_INET, SOCK_DGRAM);
	struct flow *f = flow("inet", "udp", "out", shown(&a));
	struct iovec part = {buffer, 700};
	struct msghdr message = {.msg_name = &a, .msg_namelen = sizeof(a.v4), .msg_iov = &part, .msg_iovlen = 1};
	struct io_uring_sqe sqe = ring_request(IORING_OP_SENDMSG, mine, &message, 1, 0);

	ring_new(&ring, 8, 0);
	sqe.flags = IOSQE_ASYNC;
	sent(f, ring_do(&ring, &sqe));
	close(fd);
}

/* Datagrams to two destinations by one socket, in the ways that a ring has to give one. */
static void udp(void)
{
	union address a = loopback(AF_INET), b = loopback(AF_INET);
	int one = bound(&a, SOCK_DGRAM), two = bound(&b, SOCK_DGRAM), mine = new_socket(AF_INET, SOCK_DGRAM);
	struct flow *first = flow("inet", "udp", "out", shown(&a)), *second = flow("inet", "udp", "out", shown(&b));
	struct iovec part = {buffer, 700};
	struct msghdr message = {.msg_name = &a, .msg_namelen = sizeof(a.v4), .msg_iov = &part, .msg_iovlen = 1};

	ring_new(&ring, 8, 0);
	sent(first, ask(IORING_OP_SENDMSG, mine, &message, 1, 0));
	message.msg_name = &b;
	sent(second, ask(IORING_OP_SENDMSG, mine, &message, 1, 0));
	close(one);
	close(two);
}

static void udp_send(unsigned flags)
{
	union address a = loopback(AF_INET);
	int fd = bound(&a, SOCK_DGRAM), mine = new_socket(AF_INET, SOCK_DGRAM);
	struct flow *f = flow("inet", "udp", "out", shown(&a));
	struct io_uring_sqe sqe = ring_request(IORING_OP_SEND, mine, buffer, 600, (uintptr_t)&a);

	ring_new(&ring, 8, 0);
	sqe.flags = (uint8_t)flags;
	sqe.file_index = sizeof(a.v4); /* addr_len is its lower half */
	sent(f, ring_do(&ring, &sqe));
	close(fd);
}

static void udp_send_inline(void)
{
	udp_send(0);
}

static void udp_send_worker(void)
{
	udp_send(IOSQE_ASYNC);
}

static void datagram_to(void *with)
{
	union address *to = with;
	int fd = new_socket(AF_INET, SOCK_DGRAM);
	struct flow *f = flow("inet", "udp", "out", shown(to));

	sent(f, sendto(fd, buffer, 300, 0, &to->any, sizeof(to->v4)));
	sent(f, sendto(fd, buffer, 200, 0, &to->any, sizeof(to->v4)));
}

static void udp_receive(void)
{
	union address a = loopback(AF_INET), from = {.any.sa_family = 0};
	int fd = bound(&a, SOCK_DGRAM);
	struct process *p = spawn(datagram_to, &a);
	struct iovec part = {buffer, 1000};
	struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1};
	struct flow *f;
	ssize_t n;

	ring_new(&ring, 8, 0);
	n = need(ask(IORING_OP_RECVMSG, fd, &message, 1, 0), "recvmsg");
	f = flow("inet", "udp", "in", shown(&from));
	received(f, n);
	received(f, ask(IORING_OP_RECVMSG, fd, &message, 1, 0));
	reap(p);
}

static void receive_peek(void)
{
	struct flow *near, *far;
	struct io_uring_sqe sqe;
	int fds[2];

	pair(&near, &far, fds);
	sent(near, send(fds[0], buffer, 500, 0));
	sqe = ring_request(IORING_OP_RECV, fds[1], buffer, 4000, 0);
	sqe.msg_flags = MSG_PEEK;
	need(ring_do(&ring, &sqe), "recv");
	received(far, ask(IORING_OP_RECV, fds[1], buffer, 4000, 0));
}

/* A descriptor that comes with a message. */
static void rights(void)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec part = {buffer, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	struct object *o = given_by(came(file("a"), "received"), getpid());
	struct flow *near, *far;
	int fds[2], got_fd;

	pair(&near, &far, fds);
	*(int *)CMSG_DATA(&control.head) = reading(o);
	sent(near, ask(IORING_OP_SENDMSG, fds[0], &message, 1, 0));
	handed(o, near);
	memset(control.room, 0, sizeof(control));
	received(far, ask(IORING_OP_RECVMSG, fds[1], &message, 1, 0));
	got_fd = *(int *)CMSG_DATA(&control.head);
	got(o, read(got_fd, buffer, 1000));
}

/* ---- many completions of one request ---- */

#define ROOM 4000
#define ROOMS 8

static char rooms[ROOMS][ROOM];

/* Buffers of group 1, from which the kernel takes one for each completion. */
static void give_rooms(void)
{
	struct io_uring_sqe sqe = ring_request(IORING_OP_PROVIDE_BUFFERS, ROOMS, rooms, ROOM, 0);

	sqe.buf_group = 1;
	need(ring_do(&ring, &sqe), "provide buffers");
}

static void start_shot(int what, int fd, const void *at, size_t length, unsigned flags, uint64_t number)
{
	struct io_uring_sqe sqe = ring_request(what, fd, at, length, 0);

	sqe.ioprio = (uint16_t)flags;
	sqe.user_data = number;
	if (what != IORING_OP_ACCEPT) {
		sqe.flags = IOSQE_BUFFER_SELECT;
		sqe.buf_group = 1;
	}
	ring_put(&ring, &sqe);
	ring_enter(&ring, 1, 0);
}

static void receive_shot(void)
{
	struct flow *near, *far;
	int fds[2], i;

	pair(&near, &far, fds);
	give_rooms();
	start_shot(IORING_OP_RECV, fds[1], NULL, 0, IORING_RECV_MULTISHOT, 77);
	for (i = 1; i <= 5; i++) {
		sent(near, send(fds[0], buffer, (size_t)i * 100, 0));
		received(far, take_known("multishot recv"));
	}
	close(fds[0]);
	take_known("multishot recv"); /* the end: the last completion */
}

/* Behind a header and the sender's address, for which the request sets room aside. */
static void receive_messages_by_shot(bool there)
{
	union address a = loopback(AF_INET), from;
	struct msghdr message = {.msg_namelen = sizeof(from), .msg_controllen = 32};
	int fd = bound(&a, SOCK_DGRAM), i;
	struct process *p = spawn(datagram_to, &a);
	struct flow *f = NULL;

	ring_new(&ring, 8, 0);
	give_rooms();
	if (there)
		reap(p);
	start_shot(IORING_OP_RECVMSG, fd, &message, 1, IORING_RECV_MULTISHOT, 9);
	for (i = 0; i < 2; i++) {
		ssize_t n = take_known("multishot recvmsg") - 16 - (ssize_t)sizeof(from) - 32;
		char *room = ring_room(&ring, rooms[0], ROOM);

		memcpy(&from, room + 16, sizeof(from.v4));
		if (!f)
			f = flow("inet", "udp", "in", shown(&from));
		received(f, n);
	}
	if (!there)
		reap(p);
}

static void receive_message_shot(void)
{
	receive_messages_by_shot(false);
}

/* The kernel takes them within the submission. */
static void receive_message_there(void)
{
	receive_messages_by_shot(true);
}

static void one_connection(void *with)
{
	struct end e = connected(with);

	sent(e.flow, send(e.fd, buffer, 100, 0));
	close(e.fd);
}

static void accept_shot(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a), i;

	ring_new(&ring, 8, 0);
	start_shot(IORING_OP_ACCEPT, listener, NULL, 0, IORING_ACCEPT_MULTISHOT, 3);
	for (i = 0; i < 3; i++) {
		struct process *p = spawn(one_connection, &a);
		union address from;
		socklen_t length = sizeof(from);
		struct end e = {.fd = (int)take_known("multishot accept")};

		need(getpeername(e.fd, &from.any, &length), "getpeername");
		e.flow = flow("inet", "tcp", "in", shown(&from));
		receive_all(&e, 101);
		reap(p);
	}
}

/* Accepted into the ring's own table: there is no descriptor at all. */
static void accept_direct(void)
{
	union address a = loopback(AF_INET), from;
	socklen_t length = sizeof(from);
	int listener = listening(&a), none = -1;
	struct process *p = spawn(one_connection, &a);
	struct io_uring_sqe sqe = ring_request(IORING_OP_ACCEPT, listener, &from, 0, (uintptr_t)&length);
	struct flow *f;

	ring_new(&ring, 8, 0);
	ring_register(&ring, IORING_REGISTER_FILES, &none, 1);
	sqe.file_index = 1;
	need(ring_do(&ring, &sqe), "accept");
	f = flow("inet", "tcp", "in", shown(&from));
	sqe = ring_request(IORING_OP_RECV, 0, buffer, 4000, 0);
	sqe.flags = IOSQE_FIXED_FILE;
	received(f, ring_do(&ring, &sqe));
	reap(p);
}

#define OP_READ_MULTISHOT 49

static void read_shot(void)
{
	struct object *pipe;
	int ends[2], i;

	need(pipe2(ends, O_CLOEXEC), "pipe2");
	pipe = by_inode("pipe", ends[0]);
	ring_new(&ring, 8, 0);
	give_rooms();
	start_shot(OP_READ_MULTISHOT, ends[0], NULL, 0, 0, 4);
	for (i = 1; i <= 4; i++) {
		put(pipe, write(ends[1], buffer, (size_t)i * 10));
		got(pipe, take_known("multishot read"));
	}
}

/* Two at once with one number: whose a completion is, nothing tells. */
static void read_shots_alike(void)
{
	struct object *pipe[2];
	int ends[2][2], i;

	ring_new(&ring, 8, 0);
	give_rooms();
	for (i = 0; i < 2; i++) {
		need(pipe2(ends[i], O_CLOEXEC), "pipe2");
		pipe[i] = by_inode("pipe", ends[i][0]);
		start_shot(OP_READ_MULTISHOT, ends[i][0], NULL, 0, 0, 5);
	}
	for (i = 0; i < 2; i++) {
		put(pipe[i], write(ends[i][1], buffer, 100));
		got(pipe[i], take_known("multishot read"));
	}
}

static struct act acts[] = {
	{"read", "Linux 5.6", do_read, one_file},
	{"read-worker", "Linux 5.6", read_worker, one_file},
	{"read-sqpoll", "Linux 5.11", read_polled, one_file},
	{"write-sqpoll", "Linux 5.11", write_polled},
	{"write", "Linux 5.6", do_write},
	{"vectors", "Linux 5.1", vectors, one_file},
	{"fixed-buffers", "Linux 5.1", fixed_buffers, one_file},
	{"fixed-file", "Linux 5.1", fixed_file, one_file},
	{"batch", "Linux 5.6", batch, one_file},
	{"splice", "Linux 5.7", do_splice, one_file},
	{"tee", "Linux 5.8", do_tee},
	{"openat", "Linux 5.6", do_openat, one_file},
	{"openat-worker", "Linux 5.6", openat_worker, one_file},
	{"openat2", "Linux 5.6", do_openat2, one_file},
	{"open-direct", "Linux 5.15", open_direct, one_file},
	{"open-direct-any", "Linux 5.19", open_direct_any, one_file},
	{"open-refused", "Linux 5.6", open_refused},
	{"statx", "Linux 5.6", do_statx, one_file, .may = "5.10:lower 5.10:unseen", .way = "by io_uring is not seen"},
	{"statx-missing", "Linux 5.6", statx_missing, one_file, .may = "5.10:lower 5.10:unseen", .way = "by io_uring is not seen"},
	{"unlinkat", "Linux 5.11", do_unlinkat, one_file},
	{"unlinkat-rmdir", "Linux 5.11", do_rmdir, one_directory},
	{"renameat", "Linux 5.11", do_renameat, one_file},
	{"linkat", "Linux 5.15", do_linkat, one_file},
	{"symlinkat", "Linux 5.15", do_symlinkat},
	{"mkdirat", "Linux 5.15", do_mkdirat},
	{"fallocate", "Linux 5.6", do_fallocate, one_file},
	{"ftruncate", "Linux 6.9", do_ftruncate, one_file},
	{"setxattr", "Linux 5.19", do_setxattr, one_file},
	{"fsetxattr", "Linux 5.19", do_fsetxattr, one_file},
	{"packet-socket", "Linux 5.19", packet_socket},
	{"send-recv", "Linux 5.6", send_receive},
	{"sendmsg-recvmsg", "Linux 5.3", messages},
	{"tcp", "Linux 5.6", tcp},
	{"udp", "Linux 5.3", udp},
	{"udp-worker", "Linux 5.3", udp_worker},
	{"udp-send", "Linux 6.1", udp_send_inline},
	{"udp-send-worker", "Linux 6.1", udp_send_worker},
	{"udp-recvmsg", "Linux 5.3", udp_receive},
	{"recv-peek", "Linux 5.6", receive_peek},
	{"scm-rights", "Linux 5.3", rights, one_file},
	{"recv-multishot", "Linux 6.0", receive_shot},
	{"recvmsg-multishot", "Linux 6.0", receive_message_shot},
	{"recvmsg-multishot-there", "Linux 6.0", receive_message_there},
	{"accept-multishot", "Linux 5.19", accept_shot},
	{"accept-direct", "Linux 5.15", accept_direct},
	{"read-multishot", "Linux 6.7", read_shot},
	{"read-multishots-alike", "Linux 6.7", read_shots_alike, .may = "tracepoint:lower 6.1:lower"},
	{"read-skip-success", "Linux 5.17", read_untold, one_file, .may = "tracepoint:lower 5.10:lower 6.1:lower", .way = "no completion"},
	{"read-skip-worker", "Linux 5.17", read_untold_worker, one_file, .may = "tracepoint:lower 5.10:lower 6.1:lower", .way = "no completion"},
	{"read-overflow", "Linux 5.5", read_overflow, one_file, .may = "tracepoint:lower 5.10:lower 5.10:unseen 6.1:lower 7:lower", .way = "no room"},
};

/* io_uring_complete tells the request since 5.17; before, all of it is named as unseen. */
static void may_be_unseen_before_5_17(struct act *act)
{
	act->may = "5.10:lower 5.10:unseen";
	act->way = "by io_uring is not seen";
}

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < COUNT(acts); i++)
		if (!acts[i].may)
			may_be_unseen_before_5_17(&acts[i]);
	return act_main(acts, COUNT(acts), argc, argv);
}
