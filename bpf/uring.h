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
	URING_NOP = 0,
	URING_READV = 1,
	URING_WRITEV = 2,
	URING_FSYNC = 3,
	URING_READ_FIXED = 4,
	URING_WRITE_FIXED = 5,
	URING_POLL_ADD = 6,
	URING_POLL_REMOVE = 7,
	URING_SYNC_RANGE = 8,
	URING_SENDMSG = 9,
	URING_RECVMSG = 10,
	URING_TIMEOUT = 11,
	URING_TIMEOUT_REMOVE = 12,
	URING_ACCEPT = 13,
	URING_ASYNC_CANCEL = 14,
	URING_LINK_TIMEOUT = 15,
	URING_CONNECT = 16,
	URING_FALLOCATE = 17,
	URING_OPENAT = 18,
	URING_CLOSE = 19,
	URING_FILES_UPDATE = 20,
	URING_STATX = 21,
	URING_READ = 22,
	URING_WRITE = 23,
	URING_FADVISE = 24,
	URING_MADVISE = 25,
	URING_SEND = 26,
	URING_RECV = 27,
	URING_OPENAT2 = 28,
	URING_EPOLL_CTL = 29,
	URING_SPLICE = 30,
	URING_PROVIDE_BUFFERS = 31,
	URING_REMOVE_BUFFERS = 32,
	URING_TEE = 33,
	URING_SHUTDOWN = 34,
	URING_RENAMEAT = 35,
	URING_UNLINKAT = 36,
	URING_MKDIRAT = 37,
	URING_SYMLINKAT = 38,
	URING_LINKAT = 39,
	URING_MSG_RING = 40,
	URING_FSETXATTR = 41,
	URING_SETXATTR = 42,
	URING_SOCKET = 45,
	URING_SEND_ZC = 47,
	URING_SENDMSG_ZC = 48,
	URING_READ_MULTISHOT = 49,
	URING_FIXED_FD_INSTALL = 54,
	URING_FTRUNCATE = 55,
	URING_RECV_ZC = 58,
	URING_READV_FIXED = 60,
	URING_WRITEV_FIXED = 61,
};

#define REQUEST_CQE_SKIP 0x40	       /* REQ_F_CQE_SKIP, include/linux/io_uring_types.h: IOSQE_CQE_SKIP_SUCCESS */
#define SPLICE_FD_IN_FIXED 0x80000000U /* include/uapi/linux/io_uring.h */
#define ANY_SLOT 0xffffffffU	       /* IORING_FILE_INDEX_ALLOC */
#define STATX_CALL 332
#define RECVMSG_OUT 16		       /* struct io_uring_recvmsg_out, before the name in a multishot's buffer */

static __always_inline u64 uring_owner(u64 request)
{
	if (bpf_core_field_exists(struct io_kiocb, tctx))
		return (u64)READ(struct io_uring_task, READ(struct io_kiocb, request, tctx), task);
	return (u64)READ(struct io_kiocb___task, request, task);
}

/* `end`: the remote end of a message, or 0. */
static __always_inline void uring_count(u64 file, u32 what, s64 result, u64 end, u64 task)
{
	if (result < 0)
		return;
	if (!file) /* closed, or put out of the ring's table, by another thread */
		lose_call(what, result);
	else if (inode_is_socket((u64)READ(struct file, file, f_inode)))
		count_flow(file, what, result, end, task);
	else
		count_file(file, what | HOW_IO_URING, result, 0, task);
}

/* The file in a slot of the ring's own table. The lowest bits of the pointer are flags. */
__noinline u64 uring_slot(u64 request, u32 slot)
{
	u64 ring = (u64)READ(struct io_kiocb, request, ctx), table, file;

	if (bpf_core_field_exists(struct io_file_table, data)) {
		if (slot >= READ(struct io_ring_ctx, ring, file_table.data.nr))
			return 0;
		table = (u64)READ(struct io_ring_ctx, ring, file_table.data.nodes);
		file = READ_AT(u64, table + (u64)slot * 8);
		file = file ? READ(struct io_rsrc_node, file, file_ptr) : 0;
	} else {
		if (slot >= READ(struct io_ring_ctx, ring, nr_user_files))
			return 0;
		table = (u64)READ(struct io_file_table___files, MEMBER(struct io_ring_ctx, ring, file_table), files);
		file = READ(struct io_fixed_file, table + (u64)slot * bpf_core_type_size(struct io_fixed_file), file_ptr);
	}
	return file & ~7ULL;
}

/* A file that the request opened or accepted: its number is the result, or it lies in the ring's own table. `slot` counts from 1. */
static __always_inline void uring_gained(u64 request, u32 what, u32 slot, s64 result, u64 task)
{
	u64 file;

	if (result < 0)
		return;
	if (slot)
		file = uring_slot(request, slot == ANY_SLOT ? (u32)result : slot - 1);
	else
		file = fd_file(task, result);
	uring_count(file, what, 0, 0, task);
}

static __always_inline void uring_splice(u64 request, u64 out, s64 result, u64 task)
{
	u32 in = READ(struct io_splice, request, splice_fd_in);
	u64 file;

	if (READ(struct io_splice, request, flags) & SPLICE_FD_IN_FIXED)
		file = uring_slot(request, in);
	else
		file = fd_file(task, in);
	uring_count(file, WHAT_READ, result, 0, task);
	uring_count(out, WHAT_WRITE, result, 0, task);
	if (file && out && result > 0)
		count_transfer(file, out, result, task);
}

/* ---- messages: where to, where from ---- */

/* What a request says of its message, and nothing tells any more when it completes. */
struct uring_kept {
	union {
		u8 address[32]; /* of a send() that gives one, from 6.13 on: the kernel's copy is gone */
		struct {
			u64 name, control; /* room for them, in bytes: of a multishot recvmsg, before 6.10 */
		};
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64); /* request */
	__type(value, struct uring_kept);
} uring_kept SEC(".maps");

static __always_inline void uring_keep_end(u64 request)
{
	u64 message = (u64)READ(struct io_kiocb, request, async_data), name;
	struct uring_kept kept = {};

	if (bpf_core_field_exists(struct io_sr_msg, addr) || !message)
		return;
	name = (u64)READ(struct io_async_msghdr, message, msg.msg_name);
	if (name && !bpf_probe_read_kernel(&kept, sizeof(kept), (void *)name))
		bpf_map_update_elem(&uring_kept, &request, &kept, BPF_ANY);
}

static __always_inline void uring_send(u64 request, u64 file, s64 result, u64 task)
{
	struct uring_kept *kept;

	if (bpf_core_field_exists(struct io_sr_msg, addr)) {
		uring_count(file, WHAT_SEND, result,
			end_of((u64)READ(struct io_sr_msg, request, addr), READ(struct io_sr_msg, request, addr_len)), task);
		return;
	}
	kept = bpf_map_lookup_elem(&uring_kept, &request);
	if (!kept) {
		uring_count(file, WHAT_SEND, result, 0, task);
		return;
	}
	uring_count(file, WHAT_SEND | WHAT_KERNEL_ADDRESS, result, plain(&kept), task);
	bpf_map_delete_elem(&uring_kept, &request);
}

static __always_inline s64 uring_received(u64 request, s64 result)
{
	return result > 0 && READ(struct io_sr_msg, request, msg_flags) & (MSG_PEEK | MSG_ERRQUEUE) ? 0 : result;
}

static __always_inline bool is_shot(u64 request)
{
	return READ(struct io_kiocb, request, flags) & uring_shots_mask;
}

/*
 * A multishot message lies in a buffer of the ring, whose address takes the place of the header's in the request: behind a header of its
 * own, and the room that the header had for a name and for control data. The result counts all of them (io_recvmsg_multishot(),
 * io_uring/net.c). Before 6.10 the kernel keeps its copy of that header from when it first waits: of messages that were there already, what
 * was read at submission tells.
 */
static __always_inline void uring_keep_room(u64 request)
{
	u64 header = (u64)READ(struct io_sr_msg, request, umsg);
	struct uring_kept kept = {};
	u32 name = 0;

	if (READ(struct io_kiocb, request, async_data))
		return;
	if (!bpf_probe_read_user(&name, sizeof(name), (void *)(header + MESSAGE_NAME_LENGTH)) &&
		!bpf_probe_read_user(&kept.control, sizeof(kept.control), (void *)(header + MESSAGE_CONTROL_LENGTH))) {
		kept.name = name;
		bpf_map_update_elem(&uring_kept, &request, &kept, BPF_ANY);
	}
}

__noinline int uring_shot_message(u64 request, s64 result, u64 task)
{
	u64 message = (u64)READ(struct io_kiocb, request, async_data), name, rest = (u64)result - RECVMSG_OUT;
	u64 file = (u64)READ(struct io_kiocb, request, file);
	struct uring_kept *kept;

	if (message) {
		name = (u32)READ(struct io_async_msghdr, message, namelen);
		rest -= name + READ(struct io_async_msghdr, message, controllen);
	} else {
		kept = bpf_map_lookup_elem(&uring_kept, &request);
		if (!kept) {
			lose_call(WHAT_RECEIVE, result);
			return 0;
		}
		name = kept->name;
		rest -= name + kept->control;
	}
	uring_count(file, WHAT_RECEIVE, (s64)rest < 0 ? 0 : uring_received(request, rest),
		name ? end_of((u64)READ(struct io_sr_msg, request, umsg) + RECVMSG_OUT, name) : 0, task);
	return 0;
}

static __always_inline void uring_receive_message(u64 request, u64 file, s64 result, u64 task)
{
	if (result > 0 && is_shot(request)) {
		uring_shot_message(request, result, task);
		return;
	}
	uring_count(file, WHAT_RECEIVE, uring_received(request, result), result < 0 ? 0 : message_end((u64)READ(struct io_sr_msg, request, umsg)), task);
	if (result >= 0 && file)
		on_control(file, (u64)READ(struct io_sr_msg, request, umsg), WHAT_RECEIVE);
}

/* ---- multishot requests: their completions but the last do not tell the request ---- */

struct uring_shot {
	u64 ring;
	u64 user_data;
};

/* The request; 1 when several of a ring have the same number, so that it is not known whose a completion is. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, struct uring_shot);
	__type(value, u64);
} uring_shots SEC(".maps");

#define SHOT_OF_SEVERAL 1

static __always_inline struct uring_shot shot_of(u64 request)
{
	return (struct uring_shot){
		.ring = (u64)READ(struct io_kiocb, request, ctx),
		.user_data = READ(struct io_kiocb, request, cqe.user_data),
	};
}

static __always_inline void uring_shot_begins(u64 request)
{
	struct uring_shot shot = shot_of(request), before;
	u64 *known = bpf_map_lookup_elem(&uring_shots, &shot), value = request;

	state.used[USED_SHOTS] = 1;
	if (known && *known != request) {
		before = shot_of(*known);
		/* one that ended unseen is not in the way */
		if (*known == SHOT_OF_SEVERAL || (before.ring == shot.ring && before.user_data == shot.user_data))
			value = SHOT_OF_SEVERAL;
	}
	if (bpf_map_update_elem(&uring_shots, &shot, &value, BPF_ANY))
		ADD(state.lost_calls, 1);
}

__noinline int uring_shot_ends(u64 request)
{
	struct uring_shot shot = shot_of(request);
	u64 *known = bpf_map_lookup_elem(&uring_shots, &shot);

	if (known && *known == request)
		bpf_map_delete_elem(&uring_shots, &shot);
	bpf_map_delete_elem(&uring_kept, &request);
	return 0;
}

/* ---- requests that want no completion (IOSQE_CQE_SKIP_SUCCESS) ---- */

/*
 * Those that are under way, where trampolines tell when they are done. Their flag alone does not do: it is taken from one that failed
 * (req_set_fail()), and set on any that is only to be freed (io_free_req()).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64); /* request */
	__type(value, u8);
} uring_untolds SEC(".maps");

static __always_inline void uring_untold_begins(u64 request)
{
	u8 one = 1;

	if (!uring_skips_told || bpf_map_update_elem(&uring_untolds, &request, &one, BPF_ANY))
		ADD(state.lost_calls, 1); /* nothing will tell that it went well, nor how many bytes it moved */
	else
		state.used[USED_SKIPS] = 1;
}

/* Whether it is one of them; it is none any more. */
static __always_inline bool uring_untold_ends(u64 request)
{
	return uring_skips_told && state.used[USED_SKIPS] && !bpf_map_delete_elem(&uring_untolds, &request);
}

static __always_inline s64 uring_result_of(u64 request)
{
	return (s32)READ(struct io_kiocb, request, cqe.res);
}

/* Done, and of those whose success is told to nobody. */
static __always_inline bool uring_untold(u64 request)
{
	return READ(struct io_kiocb, request, flags) & REQUEST_CQE_SKIP && uring_untold_ends(request);
}

/* Whether a request does anything that is counted or told of. */
static __always_inline bool uring_counts(u8 opcode)
{
	switch (opcode) {
	case URING_NOP:
	case URING_FSYNC:
	case URING_POLL_ADD:
	case URING_POLL_REMOVE:
	case URING_SYNC_RANGE:
	case URING_TIMEOUT:
	case URING_TIMEOUT_REMOVE:
	case URING_ASYNC_CANCEL:
	case URING_LINK_TIMEOUT:
	case URING_CLOSE:
	case URING_FILES_UPDATE:
	case URING_FADVISE:
	case URING_MADVISE:
	case URING_EPOLL_CTL:
	case URING_PROVIDE_BUFFERS:
	case URING_REMOVE_BUFFERS:
	case URING_SHUTDOWN:
	case URING_MSG_RING:
		return false;
	}
	return true;
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
		to = put_name(slot, to_name, to_dirfd);
	to_at = s->at;
	to_given = s->given;
	path = put_name(slot, name, dirfd);
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
	ring_send(files_ring, files_wake, r, scratch_size(s));
	scratch_release(s);
	return 0;
}

/* a kernel has one of the two layouts */
#define REQUEST_FILENAME(type, member)                                                                                 \
	(bpf_core_field_exists(((type *)0)->member)                                                                    \
			? (u64)READ(type, request, member)                                                             \
			: READ_AT(u64, MEMBER(type##___7, request, member.__incomplete_filename)))
#define REQUEST_NAME(type, member) ((u64)READ(struct filename, REQUEST_FILENAME(type, member), name))
#define REQUEST_ATTRIBUTE ((u64)READ(struct io_xattr, request, ctx.kname))
#define DIRFD(type, member) ((u32)READ(type, request, member) | NAME_KERNEL)

/* What is told when the request begins: names, and what its completion will not tell. */
__noinline int uring_submitted(u64 request)
{
	u8 opcode = READ(struct io_kiocb, request, opcode);

	if (mark_of(READ(struct task_struct, uring_owner(request), tgid)) != MARK_FLAGGED)
		return 0;
	if (!uring_shots_told && is_shot(request))
		uring_shot_begins(request);
	if (READ(struct io_kiocb, request, flags) & REQUEST_CQE_SKIP && uring_counts(opcode))
		uring_untold_begins(request);
	switch (opcode) {
	case URING_SEND:
	case URING_SEND_ZC:
		uring_keep_end(request);
		break;
	case URING_RECVMSG:
		if (is_shot(request))
			uring_keep_room(request);
		break;
	case URING_OPENAT:
	case URING_OPENAT2:
		return uring_names(request, REQUEST_NAME(struct io_open, filename), DIRFD(struct io_open, dfd), 0, 0);
	case URING_STATX:
		if (bpf_core_field_exists(struct io_statx, filename))
			break;
		return uring_names(request, REQUEST_NAME(struct io_statx, filename), DIRFD(struct io_statx, dfd), 0, 0);
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
	case URING_SETXATTR:
		return uring_names(request, REQUEST_NAME(struct io_xattr, filename), (u32)AT_FDCWD | NAME_KERNEL,
			REQUEST_ATTRIBUTE, NAME_TEXT | NAME_KERNEL);
	case URING_FSETXATTR:
		return uring_names(request, 0, NAME_TEXT, REQUEST_ATTRIBUTE, NAME_TEXT | NAME_KERNEL);
	}
	return 0;
}

/* What the system call that does the same has in its registers, as far as quis-record tells of it. */
static __always_inline void uring_arguments(struct record_action *r, u64 request, u32 nr)
{
	switch (nr) {
	case 41: /* from 5.19 on */
		if (!bpf_core_field_exists(struct io_socket, domain))
			break;
		r->args[0] = READ(struct io_socket, request, domain);
		r->args[1] = READ(struct io_socket, request, type);
		r->args[2] = READ(struct io_socket, request, protocol);
		break;
	case 77: /* from 6.9 on */
		if (bpf_core_field_exists(struct io_ftrunc, len))
			r->args[1] = READ(struct io_ftrunc, request, len);
		break;
	case 263:
		r->args[2] = READ(struct io_unlink, request, flags);
		break;
	}
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
	if ((nr == 285 || nr == 77 || nr == 190) && file)
		path = walk_path(
			slot, (u64)READ(struct file, file, f_path.dentry), (u64)READ(struct file, file, f_path.mnt));
	path_at = s->at;
	r = scratch_head(s, sizeof(*r));
	__builtin_memset(r, 0, sizeof(*r));
	head_fill(&r->head, RECORD_action, scratch_size(s), task);
	r->result = result;
	r->nr = nr;
	r->from = ACTION_BY_REQUEST | (path ? ACTION_PATH_KERNEL : 0);
	r->args[5] = request;
	uring_arguments(r, request, nr);
	r->path.length = path;
	r->path.offset = path_at - s->at;
	if (ring_send(files_ring, files_wake, r, scratch_size(s)))
		ADD(state.lost_actions, 1);
	scratch_release(s);
	return 0;
}

/* Requests that change something: the system call that does the same, or 0. */
static __always_inline u32 uring_call(u8 opcode)
{
	switch (opcode) {
	case URING_FALLOCATE:
		return 285;
	case URING_FTRUNCATE:
		return 77;
	case URING_RENAMEAT:
		return 264;
	case URING_UNLINKAT:
		return 263;
	case URING_MKDIRAT:
		return 258;
	case URING_SYMLINKAT:
		return 266;
	case URING_LINKAT:
		return 265;
	case URING_SETXATTR:
		return 188;
	case URING_FSETXATTR:
		return 190;
	}
	return 0;
}

static __always_inline void uring_socket(u64 request, s64 result, u64 task)
{
	if (is_hearing(READ(struct io_socket, request, domain), READ(struct io_socket, request, type)))
		uring_action(request, 41, result, task);
}

/* The name is freed after this; from 7.0 it was before, and has been told when the request began. */
static __always_inline void uring_look(u64 request, s64 result, u64 task)
{
	if (bpf_core_field_exists(struct io_statx, filename))
		count_name(REQUEST_NAME(struct io_statx, filename), DIRFD(struct io_statx, dfd), result < 0 ? -result : 0);
	else
		uring_action(request, STATX_CALL, result, task);
}

/* One completion. The last of a multishot request, the only one of all others. */
__noinline int uring_result(u64 request, s64 result, u64 task)
{
	u64 file = (u64)READ(struct io_kiocb, request, file);
	u8 opcode = READ(struct io_kiocb, request, opcode);
	u32 nr = uring_call(opcode);

	if (nr)
		return uring_action(request, nr, result, task);
	switch (opcode) {
	case URING_READV:
	case URING_READ_FIXED:
	case URING_READ:
	case URING_READ_MULTISHOT:
	case URING_READV_FIXED:
		uring_count(file, WHAT_READ, result, 0, task);
		break;
	case URING_WRITEV:
	case URING_WRITE_FIXED:
	case URING_WRITE:
	case URING_WRITEV_FIXED:
		uring_count(file, WHAT_WRITE, result, 0, task);
		break;
	case URING_SEND:
	case URING_SEND_ZC:
		uring_send(request, file, result, task);
		break;
	case URING_SENDMSG:
	case URING_SENDMSG_ZC:
		uring_count(file, WHAT_SEND, result, result < 0 ? 0 : message_end((u64)READ(struct io_sr_msg, request, umsg)), task);
		if (result >= 0 && file)
			on_control(file, (u64)READ(struct io_sr_msg, request, umsg), WHAT_SEND);
		break;
	case URING_RECV:
		uring_count(file, WHAT_RECEIVE, uring_received(request, result), 0, task);
		break;
	case URING_RECV_ZC:
		uring_count(file, WHAT_RECEIVE, result, 0, task);
		break;
	case URING_RECVMSG:
		uring_receive_message(request, file, result, task);
		break;
	case URING_CONNECT:
		uring_count(file, WHAT_CONNECT, result == -EINPROGRESS ? 0 : result, 0, task);
		break;
	case URING_ACCEPT:
		uring_gained(request, WHAT_ACCEPT, READ(struct io_accept, request, file_slot), result, task);
		break;
	case URING_OPENAT:
	case URING_OPENAT2:
		if (result < 0)
			return uring_action(request, 257, result, task);
		uring_gained(request, WHAT_OPEN | HOW_OPENED, READ(struct io_open, request, file_slot), result, task);
		break;
	case URING_STATX:
		if (result < 0 || !object_stats)
			uring_look(request, result, task);
		break;
	case URING_FIXED_FD_INSTALL:
		uring_gained(request, WHAT_TOUCH, 0, result, task);
		break;
	case URING_SOCKET:
		uring_socket(request, result, task);
		break;
	case URING_SPLICE:
	case URING_TEE:
		uring_splice(request, file, result, task);
		break;
	}
	return 0;
}

static __always_inline int uring_completed(u64 request, s64 result, bool last)
{
	u64 task = uring_owner(request);

	if (mark_of(READ(struct task_struct, task, tgid)) != MARK_FLAGGED)
		return 0;
	uring_result(request, result, task);
	if (last)
		uring_untold_ends(request); /* it failed */
	if (last && is_shot(request))
		uring_shot_ends(request);
	return 0;
}

/* ---- with trampolines: what was done without a completion, from the ring's list of what is done (io_uring/io_uring.c) ---- */

#define FLUSHED_MAX 1024 /* more are not at once in one ring but by a submission of as many */

static __always_inline u64 uring_done_first(u64 ring)
{
	return (u64)READ(struct io_ring_ctx, ring, submit_state.compl_reqs.first);
}

static __always_inline u64 uring_of_done(u64 node)
{
	return node - bpf_core_field_offset(struct io_kiocb, comp_list);
}

/* The multishot request of which a completion tells only the ring and its number for the process; 0: none that counts. */
__noinline u64 uring_shot_request(u64 ring, u64 user_data, s64 result)
{
	struct uring_shot shot = {.ring = ring, .user_data = user_data}, known;
	u64 *request = bpf_map_lookup_elem(&uring_shots, &shot);

	if (!request)
		return 0; /* of a poll, or sent by another ring: nothing that is counted */
	known = shot_of(*request);
	if (*request == SHOT_OF_SEVERAL && result >= 0)
		ADD(state.lost_calls, 1);
	return known.ring == ring && known.user_data == user_data ? *request : 0;
}

#endif
