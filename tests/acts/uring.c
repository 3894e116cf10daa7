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
	struct object *o = optional(file("a"));
	static struct statx result;

	o->unsaid = 0;
	ring_new(&ring, 8, 0);
	need(ask(IORING_OP_STATX, AT_FDCWD, o->path[0], STATX_BASIC_STATS, (uintptr_t)&result), "statx");
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

static const struct act acts[] = {
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
	{"open-refused", "Linux 5.6", open_refused},
	{"statx", "Linux 5.6", do_statx, one_file},
	{"unlinkat", "Linux 5.11", do_unlinkat, one_file},
	{"unlinkat-rmdir", "Linux 5.11", do_rmdir, one_directory},
	{"renameat", "Linux 5.11", do_renameat, one_file},
	{"linkat", "Linux 5.15", do_linkat, one_file},
	{"symlinkat", "Linux 5.15", do_symlinkat},
	{"mkdirat", "Linux 5.15", do_mkdirat},
	{"fallocate", "Linux 5.6", do_fallocate, one_file},
	{"send-recv", "Linux 5.6", send_receive},
	{"sendmsg-recvmsg", "Linux 5.3", messages},
	{"tcp", "Linux 5.6", tcp},
	{"udp-worker", "Linux 5.3", udp_worker},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
