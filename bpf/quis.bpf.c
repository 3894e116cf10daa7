/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The programs: thin wrappers that attach the handlers. Two ways to the same handlers (DESIGN.md §3): `x64_*` at the exit of each
 * call's own function, or `sys_exit` at the tracepoint that all calls pass.
 */
#include "bpf/follow.h"
#include "bpf/uring.h"

char quis_license[] SEC("license") = "Dual BSD/GPL";

/* On 5.10 the type of some functions' only argument is a forward declaration, which cannot be loaded from: read by address there. */
#define TYPED_REGS(ctx) ((struct pt_regs *)(typed_loads ? (ctx)[0] : plain(ctx)))
#define REGS plain(ctx)
#define WORDS 64
#define REG(name) (typed_loads ? regs->name : READ(struct pt_regs, regs, name))
#define A REG(di)
#define B REG(si)
#define C REG(dx)
#define D REG(r10)
#define E REG(r8)
#define F REG(r9)
#define R (ret)
#define TASK task /* calling_task(), or 0 */

#define BIND_CALL 49
#define AIO_SETUP_CALL 206
#define of_anybody(number) ((number) == BIND_CALL || (number) == AIO_SETUP_CALL) /* handlers that ask themselves whose call it is */
#define OPEN_CALL 2
#define is_open(number) ((number) == OPEN_CALL || (number) == 257 || (number) == 437)

#define X(number, name, handler)                                                                                       \
	SEC("fexit/__x64_sys_" #name)                                                                                  \
	int x64_##name(u64 *ctx)                                                                                       \
	{                                                                                                              \
		__attribute__((unused)) struct pt_regs *regs = TYPED_REGS(ctx);                                        \
		u64 task = calling_task(ctx);                                                                          \
		long ret = ctx[1];                                                                                     \
                                                                                                                       \
		if (of_anybody(number) || mark_of_caller(task) == MARK_FLAGGED || follows(number, ret, A))             \
			handler;                                                                                       \
		else if (is_open(number) && ret >= 0 && mark_of_caller(task) == MARK_SCRIPT)                           \
			script_opened(ret, number == OPEN_CALL ? A : B);                                               \
		return 0;                                                                                              \
	}
QUIS_SYSCALLS(X)
#undef X

#undef WORDS
#define WORDS 32
#undef TASK
#define TASK 0
#undef A
#undef B
#undef C
#undef D
#undef E
#undef F
#undef R
#define A ((u32)REG(bx))
#define B ((u32)REG(cx))
#define C ((u32)REG(dx))
#define D ((u32)REG(si))
#define E ((u32)REG(di))
#define F ((u32)REG(bp))
#define R ((long)(s32)ret)

#define X(number, name, handler)                                                                                       \
	SEC("fexit/__ia32_" #name)                                                                                     \
	int ia32_##name(u64 *ctx)                                                                                      \
	{                                                                                                              \
		__attribute__((unused)) struct pt_regs *regs = TYPED_REGS(ctx);                                        \
		long ret = ctx[1];                                                                                     \
                                                                                                                       \
		if (!current_flagged())                                                                                \
			return 0;                                                                                      \
		state.used[USED_32] = 1;                                                                               \
		handler;                                                                                               \
		return 0;                                                                                              \
	}
QUIS_SYSCALLS_32(X)
#undef X
#undef REG
#define REG(name) READ(struct pt_regs, regs, name)
#undef REGS
#define REGS regs

__noinline int exit_32(u64 regs, s64 ret)
{
	state.used[USED_32] = 1;
	switch (REG(orig_ax)) {
#define X(number, name, handler)                                                                                       \
	case number:                                                                                                   \
		handler;                                                                                               \
		break;
		QUIS_SYSCALLS_32(X)
#undef X
	default:
		ADD(state.compat_calls, 1);
	}
	return 0;
}

#undef WORDS
#define WORDS 64
#undef TASK
#define TASK task
#undef A
#undef B
#undef C
#undef D
#undef E
#undef F
#undef R
#define A REG(di)
#define B REG(si)
#define C REG(dx)
#define D REG(r10)
#define E REG(r8)
#define F REG(r9)
#define R ret

#undef REG
#define REG(name) (typed_loads ? regs->name : READ(struct pt_regs, regs, name))
#undef REGS
#define REGS plain(ctx)

SEC("tp_btf/sys_exit")
int sys_exit(u64 *ctx)
{
	u64 task = calling_task(ctx);
	struct pt_regs *regs;
	long ret = ctx[1];

	switch (mark_of_caller(task)) {
	case MARK_FLAGGED:
		break;
	case MARK_SCRIPT:
		regs = TYPED_REGS(ctx);
		if (ret >= 0 && is_open(REG(orig_ax)))
			script_opened(ret, REG(orig_ax) == OPEN_CALL ? A : B);
		return 0;
	default:
		regs = TYPED_REGS(ctx);
		if (!ret)
			return REG(orig_ax) == BIND_CALL ? bind_seen(A, 0) : 0;
		if (!follow_depth || ret < 0)
			return 0;
		if (!receives(REG(orig_ax)) || READ(struct task_struct, or_current(task), thread_info.status) & TS_COMPAT ||
			!received(A))
			return 0;
	}
	if (READ(struct task_struct, or_current(task), thread_info.status) & TS_COMPAT)
		return exit_32(plain(ctx), ret);
	regs = TYPED_REGS(ctx);
	switch (REG(orig_ax)) {
#define X(number, name, handler)                                                                                       \
	case number:                                                                                                   \
		handler;                                                                                               \
		break;
		QUIS_SYSCALLS(X)
#undef X
	}
	return 0;
}

/* ---- the kernel's own paths, where trampolines can be had: security/security.c ---- */

#define PLACE(hook, nr, dentry, mnt, to)                                                                               \
	SEC("fentry/" #hook)                                                                                           \
	int place_##hook(u64 *ctx)                                                                                     \
	{                                                                                                              \
		if (current_flagged())                                                                                 \
			send_place(nr, dentry, mnt, to, bpf_get_current_pid_tgid());                                   \
		return 0;                                                                                              \
	}
#define P(n) plain(&ctx[n])
PLACE(security_path_truncate, 76, path_dentry(P(0)), path_mnt(P(0)), 0)
PLACE(security_path_rename, 82, P(1), path_mnt(P(0)), P(3))
PLACE(security_path_mkdir, 83, P(1), path_mnt(P(0)), 0)
PLACE(security_path_rmdir, 84, P(1), path_mnt(P(0)), 0)
PLACE(security_path_link, 86, P(0), path_mnt(P(1)), P(2))
PLACE(security_path_unlink, 87, P(1), path_mnt(P(0)), 0)
PLACE(security_path_symlink, 88, P(1), path_mnt(P(0)), 0)
PLACE(security_path_chmod, 90, path_dentry(P(0)), path_mnt(P(0)), 0)
PLACE(security_path_chown, 92, path_dentry(P(0)), path_mnt(P(0)), 0)
PLACE(security_path_mknod, 133, P(1), path_mnt(P(0)), 0)
PLACE(vfs_utimes, 280, path_dentry(P(0)), path_mnt(P(0)), 0)

SEC("fentry/security_file_permission")
int file_held(u64 *ctx)
{
	return may_share_files() && current_flagged() ? hold(plain(&ctx[0])) : 0;
}

SEC("fentry/mnt_want_write")
int place_mount(u64 *ctx)
{
	u64 thread = bpf_get_current_pid_tgid(), mnt = plain(&ctx[0]);

	if (current_flagged())
		bpf_map_update_elem(&write_mounts, &thread, &mnt, BPF_ANY);
	return 0;
}

#define ATTRIBUTE_PLACE(hook, nr)                                                                                      \
	SEC("fentry/" #hook)                                                                                           \
	int place_##hook(u64 *ctx)                                                                                     \
	{                                                                                                              \
		if (current_flagged())                                                                                 \
			send_attribute_place(nr, plain(&ctx[xattr_dentry_at ? 1 : 0]));                                \
		return 0;                                                                                              \
	}
ATTRIBUTE_PLACE(security_inode_setxattr, 188)
ATTRIBUTE_PLACE(security_inode_removexattr, 197)

SEC("fentry/aio_complete_rw")
int aio_complete(u64 *ctx)
{
	return aio_done(plain(&ctx[0]), ctx[1]);
}

SEC("fexit/scm_fp_dup")
int sender_copied(u64 *ctx)
{
	rights_copied(plain(&ctx[0]), plain(&ctx[1]));
	return 0;
}

SEC("fentry/unix_prepare_fpl")
int sender_attached(u64 *ctx)
{
	rights_attached(plain(&ctx[0]));
	return 0;
}

SEC("fentry/scm_detach_fds")
int sender_told(u64 *ctx)
{
	rights_received(plain(&ctx[0]), plain(&ctx[1]));
	return 0;
}

/*
 * The object of a stat, whatever call asks for it. File systems that lie on others ask these in turn, by a mount of their own that hangs
 * in no namespace (ovl_getattr(), before 6.8): that is not the process's doing.
 */
SEC("fentry/security_inode_getattr")
int look(u64 *ctx)
{
	u64 path, inode;

	if (!current_flagged())
		return 0;
	path = plain(&ctx[0]);
	inode = (u64)READ(struct dentry, path_dentry(path), d_inode);
	if (!is_inner_mount(path_mnt(path)) && !inode_is_socket(inode))
		count_file(path | AT_PATH, WHAT_STAT, 0, 0, bpf_get_current_task());
	return 0;
}

SEC("tp_btf/mm_filemap_fault")
int page_fault(u64 *ctx)
{
	return current_flagged() ? fault_seen(plain(&ctx[0]), ctx[1], ctx[1]) : 0;
}

SEC("tp_btf/mm_filemap_map_pages")
int page_fault_around(u64 *ctx)
{
	return current_flagged() ? fault_seen(plain(&ctx[0]), ctx[1], ctx[2]) : 0;
}

SEC("tp_btf/io_uring_submit_req")
int uring_submit(u64 *ctx)
{
	return uring_submitted(plain(&ctx[0]));
}

SEC("tp_btf/io_uring_submit_sqe")
int uring_submit_old(u64 *ctx)
{
	return uring_submitted(plain(&ctx[uring_request_at]));
}

/* (ring, request, entry) from 6.16; (ring, request, user_data, result, ...) from 5.17; before, no request is told, and it is left out */
SEC("tp_btf/io_uring_complete")
int uring_complete(u64 *ctx)
{
	u64 request = plain(&ctx[1]);
	s32 result = uring_cqe ? READ(struct io_uring_cqe, plain(&ctx[2]), res) : (s32)plain(&ctx[3]);
	bool last = request;

	if (!uring_shots_told && !request && state.used[USED_SHOTS])
		request = uring_shot_request(plain(&ctx[0]),
			uring_cqe ? READ(struct io_uring_cqe, plain(&ctx[2]), user_data) : plain(&ctx[2]), result);
	return request ? uring_completed(request, result, last) : 0;
}

/* The process did not make room for a completion: it is told without its request, and never again. */
SEC("tp_btf/io_uring_cqe_overflow")
int uring_overflow(u64 *ctx)
{
	if (!uring_overflows_told && current_flagged() && (s32)plain(&ctx[2]) >= 0)
		ADD(state.lost_calls, 1);
	return 0;
}

/* A completion of a multishot request; false: there was no room for it, and its last has the result */
SEC("fexit/io_req_post_cqe")
int uring_posted(u64 *ctx)
{
	return (u8)plain(&ctx[3]) ? uring_completed(plain(&ctx[0]), (s32)plain(&ctx[1]), false) : 0;
}

SEC("fentry/io_req_cqe_overflow")
int uring_overflowed(u64 *ctx)
{
	return uring_completed(plain(&ctx[0]), uring_result_of(plain(&ctx[0])), true);
}

/* The ring's requests that are done, and have not been told to the process. Every ring of the machine comes here: walked only where it can matter. */
SEC("fentry/__io_submit_flush_completions")
int uring_flush(u64 *ctx)
{
	u64 node = state.used[USED_SKIPS] ? uring_done_first(plain(&ctx[0])) : 0;

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < FLUSHED_MAX && node; i++) {
		if (uring_untold(uring_of_done(node)))
			uring_completed(uring_of_done(node), uring_result_of(uring_of_done(node)), false);
		node = (u64)READ(struct io_wq_work_node, node, next);
	}
	if (node)
		ADD(state.lost_calls, 1);
	return 0;
}

/* ... and one that a kernel worker did, which does not come into that list before it is only to be freed */
SEC("fentry/io_free_req")
int uring_freed(u64 *ctx)
{
	u64 request = plain(&ctx[0]);

	return uring_untold(request) ? uring_completed(request, uring_result_of(request), false) : 0;
}

SEC("tp_btf/sched_process_exec")
int process_exec(u64 *ctx)
{
	return exec_seen(bpf_get_current_task(), plain(&ctx[2]));
}

SEC("tp_btf/sched_process_fork")
int process_fork(u64 *ctx)
{
	return current_flagged() ? fork_seen(bpf_get_current_task(), plain(&ctx[1])) : 0;
}

SEC("tp_btf/sched_process_exit")
int process_exit(u64 *ctx)
{
	u32 tgid = current_tgid();

	if (mark_of(tgid) == MARK_SCRIPT) {
		bpf_map_delete_elem(&scripts, &tgid);
		marks[tgid & (PID_LIMIT - 1)] = MARK_NONE;
	}
	return current_flagged() ? exit_seen(bpf_get_current_task()) : 0;
}

SEC("tp_btf/cgroup_mkdir")
int cgroup_mkdir(u64 *ctx)
{
	return cgroup_seen(plain(&ctx[0]), plain(&ctx[1]));
}

SEC("tp_btf/cgroup_rmdir")
int cgroup_rmdir(u64 *ctx)
{
	cgroup_gone(plain(&ctx[0]));
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int cgroup_attach_task(u64 *ctx)
{
	return cgroup_joined(plain(&ctx[0]), plain(&ctx[2]));
}

/* ---- the snapshot: what is open already ---- */

/* Each object writes a few bytes, so that a short read(2) stops the iterator and quis-record can empty the rings in between. */
static __always_inline void pace(struct seq_file *seq)
{
	static const char mark[16] = "";

	bpf_seq_write(seq, mark, sizeof(mark));
}

SEC("iter/task")
int snapshot_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct scratch *s;
	int slot;

	if (task && (u32)task->pid == state.own_tgid) {
		u64 root = MEMBER(struct fs_struct, READ(struct task_struct, plain(&ctx->task), fs), root);

		state.root_dentry = (u64)READ(struct path, root, dentry);
		state.mounts = (u64)READ(struct nsproxy, READ(struct task_struct, plain(&ctx->task), nsproxy), mnt_ns);
	}
	if (!task || task->pid != task->tgid || mark_of(task->tgid) != MARK_FLAGGED)
		return 0;
	slot = scratch_claim();
	if (slot < 0)
		return 0;
	send_image(slot, plain(&ctx->task), FLAG_NONE, 0, RECORD_process);
	aio_contexts_held(plain(&ctx->task));
	s = scratch_at(slot);
	if (s)
		scratch_release(s);
	pace(ctx->meta->seq);
	return 0;
}

SEC("iter/task_file")
int snapshot_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	u64 file = plain(&ctx->file), owner = plain(&ctx->task);

	if (!task || !file || task->pid != task->tgid)
		return 0;
	note_bound(file, owner, 1);
	if (mark_of(task->tgid) != MARK_FLAGGED)
		return 0;
	if (inode_is_socket((u64)READ(struct file, file, f_inode)))
		count_flow(file, WHAT_TOUCH, 0, 0, owner);
	else
		count_file(file, WHAT_TOUCH | HOW_INHERITED, 0, 0, owner);
	pace(ctx->meta->seq);
	return 0;
}

SEC("iter/task_vma")
int snapshot_mapping(struct bpf_iter__task_vma *ctx)
{
	struct task_struct *task = ctx->task;
	u64 vma = plain(&ctx->vma), owner = plain(&ctx->task), file;

	if (!task || !vma || task->pid != task->tgid || mark_of(task->tgid) != MARK_FLAGGED)
		return 0;
	file = (u64)READ(struct vm_area_struct, vma, vm_file);
	if (!file)
		return 0;
	count_file(file, WHAT_TOUCH | HOW_INHERITED, 0, 0, owner);
	file_mapped(file);
	pace(ctx->meta->seq);
	return 0;
}
