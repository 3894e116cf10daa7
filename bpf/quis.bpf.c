/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The programs: thin wrappers that attach the handlers. Two ways to the same handlers (DESIGN.md §3): `x64_*` at the exit of each
 * call's own function, or `sys_exit` at the tracepoint that all calls pass.
 */
#include "bpf/process.h"

char quis_license[] SEC("license") = "Dual BSD/GPL";

/* On 5.10 the type of some functions' only argument is a forward declaration, which cannot be loaded from: read by address there. */
#define REGS(ctx) ((struct pt_regs *)(typed_loads ? (ctx)[0] : plain(ctx)))
#define REG(name) (typed_loads ? regs->name : READ(struct pt_regs, regs, name))
#define A REG(di)
#define B REG(si)
#define C REG(dx)
#define D REG(r10)
#define E REG(r8)
#define F REG(r9)
#define R (ret)

#define X(number, name, handler)                                                                                       \
	SEC("fexit/__x64_sys_" #name)                                                                                  \
	int x64_##name(u64 *ctx)                                                                                       \
	{                                                                                                              \
		__attribute__((unused)) struct pt_regs *regs = REGS(ctx);                                              \
		long ret = ctx[1];                                                                                     \
                                                                                                                       \
		if (current_flagged())                                                                                 \
			handler;                                                                                       \
		return 0;                                                                                              \
	}
QUIS_SYSCALLS(X)
#undef X

SEC("tp_btf/sys_exit")
int sys_exit(u64 *ctx)
{
	struct pt_regs *regs = REGS(ctx);
	long ret = ctx[1];

	if (!current_flagged())
		return 0;
	if (READ(struct task_struct, bpf_get_current_task(), thread_info.status) & TS_COMPAT) {
		ADD(state.compat_calls, 1);
		return 0;
	}
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
	return current_flagged() ? exit_seen(bpf_get_current_task()) : 0;
}

SEC("tp_btf/cgroup_mkdir")
int cgroup_mkdir(u64 *ctx)
{
	return cgroup_seen(plain(&ctx[0]), plain(&ctx[1]));
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

	if (!task || task->pid != task->tgid || mark_of(task->tgid) != MARK_FLAGGED)
		return 0;
	slot = scratch_claim();
	if (slot < 0)
		return 0;
	send_image(slot, plain(&ctx->task), FLAG_NONE, 0, RECORD_process);
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

	if (!task || !file || task->pid != task->tgid || mark_of(task->tgid) != MARK_FLAGGED)
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
	pace(ctx->meta->seq);
	return 0;
}
