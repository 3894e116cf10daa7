/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * io_uring: counted at completion, from the request itself. The owner is the task that made the request's context, not
 * the kernel thread that may run it (SQPOLL, io-wq).
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
	URING_FALLOCATE = 17,
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
	u64 in = fd_file(task, READ(struct io_splice, request, splice_fd_in));

	uring_count(in, WHAT_READ, result, task);
	uring_count(out, WHAT_WRITE, result, task);
	if (in && out && result > 0)
		count_transfer(in, out, result, task);
}

/* The names of a request, in the kernel's copy of the arguments: told at submission, for they are freed before it
 * completes. */
__noinline int uring_names(u64 request, u64 name, u64 dirfd, u64 to_name, u64 to_dirfd)
{
	int slot = scratch_claim(), path, to = 0;
	u32 path_at, to_at, to_given;
	struct record_place *r;
	struct scratch *s;

	s = slot < 0 ? 0 : scratch_at(slot);
	if (!s)
		return 0;
	s->given = 0;
	if (to_name)
		to = put_name(slot, (u64)READ(struct filename, to_name, name), to_dirfd);
	to_at = s->at;
	to_given = s->given;
	path = put_name(slot, (u64)READ(struct filename, name, name), dirfd);
	path_at = s->at;
	r = scratch_head(s, sizeof(*r));
	head_fill(&r->head, RECORD_place, scratch_size(s), uring_owner(request));
	r->id = request;
	r->nr = 0;
	r->path_flags = 0;
	r->path_given = s->given;
	r->to_given = to_given;
	r->path.length = path;
	r->path.offset = path_at - s->at;
	r->to.length = to;
	r->to.offset = to_at - s->at;
	ring_send(files_ring, files_half, r, scratch_size(s));
	scratch_release(s);
	return 0;
}

/* a kernel has one of the two layouts */
#define REQUEST_NAME(type, member)                                                                                     \
	(bpf_core_field_exists(((type *)0)->member)                                                                    \
			? (u64)READ(type, request, member)                                                             \
			: READ_AT(u64, MEMBER(type##___7, request, member.__incomplete_filename)))
#define DIRFD(type, member) ((u32)READ(type, request, member) | NAME_KERNEL)

__noinline int uring_submitted(u64 request)
{
	if (mark_of(READ(struct task_struct, uring_owner(request), tgid)) != MARK_FLAGGED)
		return 0;
	switch (READ(struct io_kiocb, request, opcode)) {
	case URING_OPENAT:
	case URING_OPENAT2:
		return uring_names(request, REQUEST_NAME(struct io_open, filename), DIRFD(struct io_open, dfd), 0, 0);
	case URING_UNLINKAT:
		return uring_names(
			request, REQUEST_NAME(struct io_unlink, filename), DIRFD(struct io_unlink, dfd), 0, 0);
	case URING_MKDIRAT:
		return uring_names(request, REQUEST_NAME(struct io_mkdir, filename), DIRFD(struct io_mkdir, dfd), 0, 0);
	case URING_RENAMEAT:
		return uring_names(request, REQUEST_NAME(struct io_rename, oldpath), DIRFD(struct io_rename, old_dfd),
			REQUEST_NAME(struct io_rename, newpath), DIRFD(struct io_rename, new_dfd));
	case URING_LINKAT:
		return uring_names(request, REQUEST_NAME(struct io_link, oldpath), DIRFD(struct io_link, old_dfd),
			REQUEST_NAME(struct io_link, newpath), DIRFD(struct io_link, new_dfd));
	case URING_SYMLINKAT: /* the content is the old path */
		return uring_names(request, REQUEST_NAME(struct io_link, newpath), DIRFD(struct io_link, new_dfd),
			REQUEST_NAME(struct io_link, oldpath), NAME_TEXT | NAME_KERNEL);
	}
	return 0;
}

/* `nr`: the system call that does the same */
__noinline int uring_action(u64 request, u32 nr, s64 result, u64 task)
{
	int slot = scratch_claim(), path = 0;
	u64 file = (u64)READ(struct io_kiocb, request, file);
	struct record_action *r;
	struct scratch *s;
	u32 path_at;

	s = slot < 0 ? 0 : scratch_at(slot);
	if (!s) {
		ADD(state.lost_actions, 1);
		return 0;
	}
	if (nr == 285 && file)
		path = walk_path(
			slot, (u64)READ(struct file, file, f_path.dentry), (u64)READ(struct file, file, f_path.mnt));
	path_at = s->at;
	r = scratch_head(s, sizeof(*r));
	__builtin_memset(r, 0, sizeof(*r));
	head_fill(&r->head, RECORD_action, scratch_size(s), task);
	r->result = result;
	r->nr = nr;
	r->from = path ? ACTION_PATH_KERNEL : ACTION_BY_REQUEST;
	r->args[5] = request;
	if (nr == 263)
		r->args[2] = READ(struct io_unlink, request, flags);
	r->path.length = path;
	r->path.offset = path_at - s->at;
	if (ring_send(files_ring, files_half, r, scratch_size(s)))
		ADD(state.lost_actions, 1);
	scratch_release(s);
	return 0;
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
		if (result < 0)
			return uring_action(request, 257, result, task);
		uring_gained(WHAT_OPEN | HOW_OPENED, result, task);
		break;
	case URING_FALLOCATE:
		return uring_action(request, 285, result, task);
	case URING_RENAMEAT:
		return uring_action(request, 264, result, task);
	case URING_UNLINKAT:
		return uring_action(request, 263, result, task);
	case URING_MKDIRAT:
		return uring_action(request, 258, result, task);
	case URING_SYMLINKAT:
		return uring_action(request, 266, result, task);
	case URING_LINKAT:
		return uring_action(request, 265, result, task);
	case URING_SPLICE:
	case URING_TEE:
		uring_splice(request, file, result, task);
		break;
	}
	return 0;
}

#endif
