/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * io_uring: counted at completion, from the request itself. The owner is the task that made the request's context, not the kernel
 * thread that may run it (SQPOLL, io-wq).
 */
#ifndef QUIS_BPF_URING_H
#define QUIS_BPF_URING_H

#include "bpf/call.h"

/* enum io_uring_op, include/uapi/linux/io_uring.h */
enum uring_op {
	URING_READV = 1,
	URING_WRITEV = 2,
	URING_READ_FIXED = 4,
	URING_WRITE_FIXED = 5,
	URING_SENDMSG = 9,
	URING_RECVMSG = 10,
	URING_ACCEPT = 13,
	URING_CONNECT = 16,
	URING_OPENAT = 18,
	URING_READ = 22,
	URING_WRITE = 23,
	URING_SEND = 26,
	URING_RECV = 27,
	URING_OPENAT2 = 28,
	URING_SPLICE = 30,
	URING_TEE = 33,
	URING_RENAMEAT = 35,
	URING_UNLINKAT = 36,
	URING_MKDIRAT = 37,
	URING_SYMLINKAT = 38,
	URING_LINKAT = 39,
	URING_SEND_ZC = 47,
	URING_SENDMSG_ZC = 48,
};

static __always_inline u64 uring_owner(u64 request)
{
	if (bpf_core_field_exists(struct io_kiocb, tctx))
		return (u64)READ(struct io_uring_task, READ(struct io_kiocb, request, tctx), task);
	return (u64)READ(struct io_kiocb___task, request, task);
}

static __always_inline void uring_count(u64 file, u32 what, s64 result, u64 task)
{
	if (!file || result < 0)
		return;
	if (inode_is_socket((u64)READ(struct file, file, f_inode)))
		count_flow(file, what, result, 0, task);
	else
		count_file(file, what | HOW_IO_URING, result, 0, task);
}

/* A file that the request opened or accepted: its number is the result. 0 is a slot of the ring's own table as well. */
static __always_inline void uring_gained(u32 what, s64 result, u64 task)
{
	uring_count(result > 0 ? fd_file(task, result) : 0, what, 0, task);
}

static __always_inline void uring_splice(u64 request, u64 out, s64 result, u64 task)
{
	uring_count(fd_file(task, READ(struct io_splice, request, splice_fd_in)), WHAT_READ, result, task);
	uring_count(out, WHAT_WRITE, result, task);
}

__noinline int uring_completed(u64 request, s64 result)
{
	u64 task = uring_owner(request), file;

	if (mark_of(READ(struct task_struct, task, tgid)) != MARK_FLAGGED)
		return 0;
	file = (u64)READ(struct io_kiocb, request, file);
	switch (READ(struct io_kiocb, request, opcode)) {
	case URING_READV:
	case URING_READ_FIXED:
	case URING_READ:
		uring_count(file, WHAT_READ, result, task);
		break;
	case URING_WRITEV:
	case URING_WRITE_FIXED:
	case URING_WRITE:
		uring_count(file, WHAT_WRITE, result, task);
		break;
	case URING_SEND:
	case URING_SENDMSG:
	case URING_SEND_ZC:
	case URING_SENDMSG_ZC:
		uring_count(file, WHAT_SEND, result, task);
		break;
	case URING_RECV:
	case URING_RECVMSG:
		uring_count(file, WHAT_RECEIVE, result, task);
		break;
	case URING_CONNECT:
		uring_count(file, WHAT_CONNECT, result == -EINPROGRESS ? 0 : result, task);
		break;
	case URING_ACCEPT:
		uring_gained(WHAT_ACCEPT, result, task);
		break;
	case URING_OPENAT:
	case URING_OPENAT2:
		uring_gained(WHAT_OPEN | HOW_OPENED, result, task);
		break;
	case URING_SPLICE:
	case URING_TEE:
		uring_splice(request, file, result, task);
		break;
	}
	return 0;
}

#endif
