/* io_uring by its raw calls: one ring, one request at a time unless the act wants more. */
#ifndef QUIS_URING_H
#define QUIS_URING_H

#include <linux/io_uring.h>

struct ring {
	int fd;
	struct io_uring_params params;
	struct io_uring_sqe *sqes;
	uint32_t *sq_head, *sq_tail, *sq_mask, *sq_array, *sq_flags;
	uint32_t *cq_head, *cq_tail, *cq_mask;
	struct io_uring_cqe *cqes;
};

static inline void *ring_map(int fd, size_t size, off_t what)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);

	if (at == MAP_FAILED)
		fail("mmap of the ring");
	return at;
}

static inline void ring_new(struct ring *r, unsigned entries, unsigned flags)
{
	struct io_uring_params *p = &r->params;
	size_t sq_size, cq_size;
	char *sq, *cq;

	memset(r, 0, sizeof(*r));
	p->flags = flags;
	p->sq_thread_idle = 1000;
	r->fd = (int)need(syscall(SYS_io_uring_setup, entries, p), "io_uring_setup");
	sq_size = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	cq_size = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	sq = ring_map(r->fd, sq_size, IORING_OFF_SQ_RING);
	cq = ring_map(r->fd, cq_size, IORING_OFF_CQ_RING);
	r->sqes = ring_map(r->fd, p->sq_entries * sizeof(struct io_uring_sqe), (off_t)IORING_OFF_SQES);
	r->sq_head = (uint32_t *)(sq + p->sq_off.head);
	r->sq_tail = (uint32_t *)(sq + p->sq_off.tail);
	r->sq_mask = (uint32_t *)(sq + p->sq_off.ring_mask);
	r->sq_array = (uint32_t *)(sq + p->sq_off.array);
	r->sq_flags = (uint32_t *)(sq + p->sq_off.flags);
	r->cq_head = (uint32_t *)(cq + p->cq_off.head);
	r->cq_tail = (uint32_t *)(cq + p->cq_off.tail);
	r->cq_mask = (uint32_t *)(cq + p->cq_off.ring_mask);
	r->cqes = (struct io_uring_cqe *)(cq + p->cq_off.cqes);
}

static inline void ring_put(struct ring *r, const struct io_uring_sqe *sqe)
{
	uint32_t tail = *r->sq_tail, at = tail & *r->sq_mask;

	r->sqes[at] = *sqe;
	r->sq_array[at] = at;
	__atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
}

/* With a polling kernel thread nothing needs to be submitted, but it may have to be woken. */
static inline void ring_enter(struct ring *r, unsigned submit, unsigned wait)
{
	unsigned flags = wait ? IORING_ENTER_GETEVENTS : 0;

	if (r->params.flags & IORING_SETUP_SQPOLL) {
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (__atomic_load_n(r->sq_flags, __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP)
			flags |= IORING_ENTER_SQ_WAKEUP;
	}
	need(syscall(SYS_io_uring_enter, r->fd, submit, wait, flags, NULL, 0), "io_uring_enter");
}

/* The result of one request that has ended. */
static inline int ring_take(struct ring *r)
{
	uint32_t head = *r->cq_head;
	int result;

	while (head == __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE))
		ring_enter(r, 0, 1);
	result = r->cqes[head & *r->cq_mask].res;
	__atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
	return result;
}

/* Which of the buffers that the kernel chooses from the newest completion is in. */
static inline char *ring_room(struct ring *r, char *rooms, size_t size)
{
	const struct io_uring_cqe *last = &r->cqes[(*r->cq_head - 1) & *r->cq_mask];

	return rooms + (last->flags >> IORING_CQE_BUFFER_SHIFT) * size;
}

/* The result of the next completion, or -1 with errno. A kernel that does not know the request refuses it at once, with EINVAL. */
static inline int ring_result(struct ring *r, const char *what)
{
	int result = ring_take(r);

	if (result == -EINVAL)
		skip("%s: not known to this kernel (needs %s)", what, this_act->needs);
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

/* One request, to its end. */
static inline int ring_do(struct ring *r, const struct io_uring_sqe *sqe)
{
	char what[32];

	snprintf(what, sizeof(what), "io_uring request %d", sqe->opcode);
	ring_put(r, sqe);
	ring_enter(r, 1, 1);
	return ring_result(r, what);
}

static inline struct io_uring_sqe ring_request(int what, int fd, const void *at, size_t length, uint64_t offset)
{
	struct io_uring_sqe sqe;

	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = (uint8_t)what;
	sqe.fd = fd;
	sqe.addr = (uintptr_t)at;
	sqe.len = (uint32_t)length;
	sqe.off = offset;
	return sqe;
}

static inline void ring_register(struct ring *r, unsigned what, const void *at, unsigned n)
{
	need(syscall(SYS_io_uring_register, r->fd, what, at, n), "io_uring_register");
}

#endif
