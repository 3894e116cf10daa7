/* io_uring, continued: requests of newer kernels, and a ring that another process than its creator submits to. */
#include "act.h"
#include "socket.h"
#include "uring.h"

#define SIZE 10000

/* enum io_uring_op; this machine's headers may be older */
#define OP_SEND_ZC 47
#define OP_SENDMSG_ZC 48
#define OP_FIXED_FD_INSTALL 54
#define OP_READV_FIXED 60
#define OP_WRITEV_FIXED 61

#define BEFORE_5_17 "5.10:lower 5.10:unseen", "by io_uring is not seen" /* as in uring.c */

static struct ring ring;

static void one_file(void)
{
	make_file("a", SIZE);
}

static int reading(struct object *o)
{
	return opened(o, open(o->path[0], O_RDONLY | O_CLOEXEC));
}

static int ask(int what, int fd, const void *at, size_t length, uint64_t offset)
{
	struct io_uring_sqe sqe = ring_request(what, fd, at, length, offset);

	return ring_do(&ring, &sqe);
}

/* ---- bytes that go out without a copy ---- */

/* The result comes first; that the pages are free again is a completion of its own, and no bytes. */
static int ask_uncopied(const struct io_uring_sqe *sqe)
{
	int result = ring_do(&ring, sqe);

	if (ring.cqes[(*ring.cq_head - 1) & *ring.cq_mask].flags & IORING_CQE_F_MORE)
		ring_take(&ring);
	return result;
}

static void send_uncopied(void)
{
	union address a = loopback(AF_INET);
	int listener = listening(&a);
	struct process *p = spawn(sink, &listener);
	struct end e = connected(&a);
	struct iovec parts[2] = {{buffer, 100}, {buffer + 500, 9000}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	struct io_uring_sqe sqe = ring_request(OP_SEND_ZC, e.fd, buffer, 20000, 0);

	ring_new(&ring, 8, 0);
	sent(e.flow, ask_uncopied(&sqe));
	sqe = ring_request(OP_SENDMSG_ZC, e.fd, &message, 1, 0);
	sent(e.flow, ask_uncopied(&sqe));
	close(e.fd);
	reap(p);
}

/* Each says where to. */
static void datagrams_uncopied(void)
{
	union address a = loopback(AF_INET), b = loopback(AF_INET);
	int one = bound(&a, SOCK_DGRAM), two = bound(&b, SOCK_DGRAM), mine = new_socket(AF_INET, SOCK_DGRAM);
	struct flow *first = flow("inet", "udp", "out", shown(&a)), *second = flow("inet", "udp", "out", shown(&b));
	struct iovec part = {buffer, 700};
	struct msghdr message = {.msg_name = &b, .msg_namelen = sizeof(b.v4), .msg_iov = &part, .msg_iovlen = 1};
	struct io_uring_sqe sqe = ring_request(OP_SEND_ZC, mine, buffer, 600, (uintptr_t)&a);

	ring_new(&ring, 8, 0);
	sqe.file_index = sizeof(a.v4); /* addr_len is its lower half */
	sent(first, ask_uncopied(&sqe));
	sqe = ring_request(OP_SENDMSG_ZC, mine, &message, 1, 0);
	sent(second, ask_uncopied(&sqe));
	near_end(first, mine);
	near_end(second, mine);
	close(one);
	close(two);
}

/* include/uapi/linux/io_uring/zcrx.h: a receive queue of a network interface, and memory for what comes by it */
struct receive_region {
	uint64_t at, size;
	uint32_t flags, id;
	uint64_t offset, rest[4];
};

struct receive_area {
	uint64_t at, size, token;
	uint32_t flags, buffer_fd;
	uint64_t rest[2];
};

struct receive_queue {
	uint32_t interface, queue, entries, flags;
	uint64_t area, region;
	uint32_t head, tail, requests, more;
	uint64_t rest[2];
	uint32_t id, last;
	uint64_t end[3];
};

#define REGISTER_RECEIVE_QUEUE 32
#define IN_OWN_MEMORY 1
#define LARGE_COMPLETIONS (1U << 11)
#define ONE_SUBMITTER (1U << 12)
#define DEFERRED (1U << 13)

/* RECV_ZC wants a queue whose memory the driver takes from the ring; the loopback is asked for one. */
static void receive_uncopied(void)
{
	static char memory[2][65536] __attribute__((aligned(4096)));
	struct receive_region region = {(uintptr_t)memory[0], sizeof(memory[0]), .flags = IN_OWN_MEMORY};
	struct receive_area room = {(uintptr_t)memory[1], sizeof(memory[1])};
	struct receive_queue queue = {.interface = if_nametoindex("lo"),
		.entries = 64,
		.area = (uintptr_t)&room,
		.region = (uintptr_t)&region};
	struct io_uring_params params = {.flags = LARGE_COMPLETIONS | ONE_SUBMITTER | DEFERRED};
	int fd = (int)syscall(SYS_io_uring_setup, 8, &params);

	if (fd < 0)
		skip("a ring for zero-copy receive: %s (needs %s)", strerror(errno), this_act->needs);
	if (syscall(SYS_io_uring_register, fd, REGISTER_RECEIVE_QUEUE, &queue, 1))
		skip("a zero-copy queue of the loopback: %s (needs a network card that has them)", strerror(errno));
	errno = EEXIST;
	fail("the loopback has zero-copy queues: this act must receive by one");
}

/* ---- registered buffers and files ---- */

static void fixed_vectors(void)
{
	struct iovec whole = {buffer, sizeof(buffer)}, parts[2] = {{buffer + 10, 100}, {buffer + 9000, 4000}};
	struct object *from = file("a"), *to = file("made");
	int in = reading(from), out = opened(to, open(to->path[0], O_RDWR | O_CREAT | O_CLOEXEC, 0644));

	ring_new(&ring, 8, 0);
	ring_register(&ring, IORING_REGISTER_BUFFERS, &whole, 1);
	got(from, ask(OP_READV_FIXED, in, parts, 2, 0));
	got(from, ask(OP_READV_FIXED, in, parts, 2, 9950));
	put(to, ask(OP_WRITEV_FIXED, out, parts, 2, 0));
}

/* Opened by a call, put into the ring's table, closed: what comes out of the table again came by the ring. */
static void install(void)
{
	struct object *o = came(file("a"), "io_uring");
	int fd = reading(o), installed;
	struct io_uring_sqe sqe = ring_request(OP_FIXED_FD_INSTALL, 0, NULL, 0, 0);

	ring_new(&ring, 8, 0);
	ring_register(&ring, IORING_REGISTER_FILES, &fd, 1);
	close(fd);
	sqe.flags = IOSQE_FIXED_FILE;
	installed = (int)need(ring_do(&ring, &sqe), "install");
	got(o, read(installed, buffer, 1000));
}

/* ---- a ring that a child inherits ---- */

/* The child's own descriptor, and its own memory: what it submits it does itself, whoever made the ring. */
static void submits(void *with)
{
	unsigned flags = *(unsigned *)with;
	struct object *o = file("a");
	struct io_uring_sqe sqe = ring_request(IORING_OP_READ, reading(o), buffer, 3000, 0);

	sqe.flags = (uint8_t)flags;
	got(o, ring_do(&ring, &sqe));
	got(o, ring_do(&ring, &sqe));
}

static void inherited_by(unsigned flags)
{
	ring_new(&ring, 8, 0);
	reap(spawn(submits, &flags));
}

static void inherited(void)
{
	inherited_by(0);
}

static void inherited_worker(void)
{
	inherited_by(IOSQE_ASYNC);
}

/* The descriptor is none of its own any more. */
static void asks_the_thread(void *with)
{
	int fd = *(int *)with;

	close(fd);
	if (ask(IORING_OP_READ, fd, buffer, 3000, 0) < 0 && errno == EBADF)
		skip("the polling thread takes no descriptors (needs %s)", this_act->needs);
}

/* The polling thread is one of the ring's creator: it takes the creator's descriptor, and puts the bytes into the
 * creator's memory. */
static void inherited_polled(void)
{
	struct object *o = file("a");
	int fd = reading(o);

	ring_new(&ring, 8, IORING_SETUP_SQPOLL);
	reap(spawn(asks_the_thread, &fd));
	if (buffer[2999] != 'a' + 2999 % 26) {
		errno = EIO;
		fail("the bytes in the creator's memory");
	}
	got(o, 3000);
}

static const struct act acts[] = {
	{"send-zc", "Linux 6.1", send_uncopied},
	{"send-zc-udp", "Linux 6.1", datagrams_uncopied},
	{"recv-zc", "Linux 6.15", receive_uncopied},
	{"vectors-fixed", "Linux 6.15", fixed_vectors, one_file},
	{"fixed-fd-install", "Linux 6.8", install, one_file},
	{"inherited", "Linux 5.6", inherited, one_file, NULL, BEFORE_5_17},
	{"inherited-worker", "Linux 5.6", inherited_worker, one_file, NULL, BEFORE_5_17},
	{"inherited-sqpoll", "Linux 5.11", inherited_polled, one_file, NULL, BEFORE_5_17},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
