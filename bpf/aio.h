/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Linux AIO (fs/aio.c). With trampolines a request is counted when it is done, for its context's owner: a process may take results from a
 * ring that it shares with the kernel, without a call. Else, and of contexts that are not known, results are counted when they are fetched.
 */
#ifndef QUIS_BPF_AIO_H
#define QUIS_BPF_AIO_H

#include "bpf/descriptor.h"

/* ---- whose a context is ---- */

struct aio_owner {
	u64 leader; /* task: there until the last thread has ended, which waits for all requests (exit_aio()) */
	u64 user_id;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u64); /* struct kioctx */
	__type(value, struct aio_owner);
} aio_owners SEC(".maps");

static __always_inline u64 aio_table(u64 task)
{
	return (u64)READ(struct mm_struct, READ(struct task_struct, task, mm), ioctx_table);
}

static __always_inline u64 aio_entry(u64 table, u32 id)
{
	return id < READ(struct kioctx_table, table, nr) ? READ_AT(u64, table + bpf_core_field_offset(struct kioctx_table, table) + (u64)id * 8) : 0;
}

#define AIO_CONTEXTS 128 /* of one process */

/* A process knows a context by the address of its ring. (That begins with the context's place in the table, but is not there before it is touched.) */
__noinline u64 aio_context(u64 user_id)
{
	u64 table = aio_table(bpf_get_current_task()), context;

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < AIO_CONTEXTS && table; i++) {
		context = aio_entry(table, i);
		if (context && READ(struct kioctx, context, user_id) == user_id)
			return context;
	}
	return 0;
}

static __always_inline void aio_own(u64 context, u64 task)
{
	struct aio_owner owner = {.leader = (u64)READ(struct task_struct, task, group_leader), .user_id = READ(struct kioctx, context, user_id)};

	if (bpf_map_update_elem(&aio_owners, &context, &owner, BPF_ANY))
		ADD(state.lost_calls, 1); /* what it does is counted when it is fetched, if it is */
}

/* Of any process: the memory of a context that is gone may be another's now. */
__noinline int on_aio_setup(s64 ret, u64 at)
{
	u64 user_id, context;

	if (current_flagged())
		state.used[USED_AIO] = 1;
	if (!aio_told || ret || bpf_probe_read_user(&user_id, sizeof(user_id), (void *)at))
		return 0;
	context = aio_context(user_id);
	if (context && current_flagged())
		aio_own(context, bpf_get_current_task());
	else if (context)
		bpf_map_delete_elem(&aio_owners, &context);
	else if (current_flagged())
		ADD(state.lost_calls, 1);
	return 0;
}

/* Those of a process that ran before the recording. */
__noinline int aio_contexts_held(u64 task)
{
	u64 table = aio_told ? aio_table(task) : 0, context;

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < AIO_CONTEXTS && table; i++) {
		context = aio_entry(table, i);
		if (context)
			aio_own(context, task);
	}
	return 0;
}

/* ---- when it is done ---- */

#define IOCB_WRITE (1 << 18) /* include/linux/fs.h, from 5.10 */

/* `request`: struct kiocb, with which struct aio_kiocb begins */
static __always_inline int aio_done(u64 request, s64 result)
{
	u64 context = (u64)READ(struct aio_kiocb, request, ki_ctx), file;
	struct aio_owner *owner = bpf_map_lookup_elem(&aio_owners, &context);
	u32 what = READ(struct kiocb, request, ki_flags) & IOCB_WRITE ? WHAT_WRITE : WHAT_READ;

	if (!owner || result < 0 || READ(struct kioctx, context, user_id) != owner->user_id)
		return 0;
	file = (u64)READ(struct kiocb, request, ki_filp);
	if (inode_is_socket((u64)READ(struct file, file, f_inode)))
		count_flow(file, what, result, 0, plain(&owner->leader));
	else
		count_file(file, what, result, 0, plain(&owner->leader));
	return 0;
}

/* ---- when the result is fetched ---- */

/* struct io_event and struct iocb, include/uapi/linux/aio_abi.h */
struct aio_event {
	u64 data, object;
	s64 result, result2;
};

#define AIO_EVENTS_A_CALL 32
#define AIO_CALLS 32
#define IOCB_OPCODE 16 /* offset; the fd is 4 bytes later */

static __always_inline void aio_fetched(const struct aio_event *event)
{
	struct {
		u16 opcode;
		s16 priority;
		u32 fd;
	} request;

	if (event->result < 0 || bpf_probe_read_user(&request, sizeof(request), (void *)(event->object + IOCB_OPCODE)))
		return;
	if (request.opcode == 0 || request.opcode == 7) /* IOCB_CMD_PREAD, IOCB_CMD_PREADV */
		count_fd(0, request.fd, WHAT_READ, event->result, 0);
	else if (request.opcode == 1 || request.opcode == 8) /* IOCB_CMD_PWRITE, IOCB_CMD_PWRITEV */
		count_fd(0, request.fd, WHAT_WRITE, event->result, 0);
}

__noinline int some_aio(u64 count, u64 events)
{
	struct aio_event event;

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < AIO_EVENTS_A_CALL && i < count; i++)
		if (!bpf_probe_read_user(&event, sizeof(event), (void *)(events + i * sizeof(event))))
			aio_fetched(&event);
	return 0;
}

/* Whether what such a context does is counted when it is done. */
__noinline int aio_counted(u64 user_id)
{
	u64 context = aio_told ? aio_context(user_id) : 0;

	return context && bpf_map_lookup_elem(&aio_owners, &context);
}

static __always_inline void on_aio(long ret, u64 context, u64 events)
{
	if (aio_counted(context))
		return;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < AIO_CALLS * AIO_EVENTS_A_CALL; i += AIO_EVENTS_A_CALL) {
		if ((long)i >= ret)
			break;
		some_aio(ret - i, events + i * sizeof(struct aio_event));
	}
}

#endif
