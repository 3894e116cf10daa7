/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is followed: marks at exec, fork, exit and by control group, all in the kernel, so that no child runs unseen. */
#ifndef QUIS_BPF_PROCESS_H
#define QUIS_BPF_PROCESS_H

#include "bpf/call.h"

struct inode_id {
	u64 ino;
	u32 dev;
	u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct inode_id);
	__type(value, u32);
} flag_inodes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u32);
} flag_cgroups SEC(".maps");

/* The hash of a unit's name: its control group may be made later, anywhere in the tree. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, u32);
} flag_units SEC(".maps");

static __always_inline u64 cgroup_of(u64 task)
{
	u64 set = (u64)READ(struct task_struct, task, cgroups);
	u64 node = (u64)READ(struct cgroup, READ(struct css_set, set, dfl_cgrp), kn);

	return READ(struct kernfs_node, node, id);
}

static __always_inline u32 inode_flag(u64 file)
{
	u64 inode = (u64)READ(struct file, file, f_inode);
	struct inode_id id = {
		.ino = READ(struct inode, inode, i_ino),
		.dev = READ(struct super_block, READ(struct inode, inode, i_sb), s_dev),
	};
	u32 *flag = bpf_map_lookup_elem(&flag_inodes, &id);

	return flag ? *flag : FLAG_NONE;
}

static __always_inline u32 cgroup_flag(u64 task)
{
	u64 id = cgroup_of(task);
	u32 *flag = bpf_map_lookup_elem(&flag_cgroups, &id);

	return flag ? *flag : FLAG_NONE;
}

/* The name that execve() got for the script that a MARK_SCRIPT process runs, as a hash: its interpreter will open that very name. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u64);
} scripts SEC(".maps");

#define SCRIPT_AT 1024
#define SCRIPT_BYTES 4096

/* The name of a #! script, as execve() got it, forward at SCRIPT_AT. Returns its length. */
static __always_inline u32 script_name(struct scratch *s, u64 name)
{
	long length = bpf_probe_read_kernel_str(&s->out[SCRIPT_AT], SCRIPT_BYTES, (void *)name);

	return length > 1 ? bound(length - 1, SCRIPT_BYTES - 1) : 0;
}

#define SCRIPT_HASHED 256 /* as much of a name as tells two apart */

/* The hash of the first bytes at SCRIPT_AT. */
__noinline u64 script_hash(u32 slot)
{
	struct scratch *s = scratch_at(slot);
	u64 hash = HASH_START;

	if (!s)
		return 0;
#pragma clang loop unroll(disable)
	for (int i = 0; i < SCRIPT_HASHED; i++) {
		u8 c = s->out[SCRIPT_AT + i];

		if (!c)
			break;
		hash = (hash ^ c) * HASH_PRIME;
	}
	return hash;
}

/* Why a file is flagged, as an image or as a script: FLAG_NONE when it is not. */
static __always_inline u32 image_flag(u32 slot, struct scratch *s, u64 file)
{
	u32 flag = inode_flag(file), at = s->at;
	int length;

	if (flag != FLAG_NONE || !state.path_flags_used)
		return flag;
	length = walk_path(slot, (u64)READ(struct file, file, f_path.dentry), (u64)READ(struct file, file, f_path.mnt));
	flag = path_flag(slot, s->at, s->at + length);
	s->at = at;
	return flag;
}

/* argv, page by page: a page that is not there ends it. Returns the length; what lies before `at` is free. */
__noinline int copy_arguments(u32 slot, u64 from, u64 to)
{
	struct scratch *s = scratch_at(slot);
	u64 length = to - from;
	u32 at;

	if (!s || to <= from)
		return 0;
	if (length > ARGUMENT_BYTES - 1)
		length = ARGUMENT_BYTES - 1;
	at = (s->at - length) & (SCRATCH_OUT - 1);
	if (bpf_probe_read_user(&s->out[at], bound(length, ARGUMENT_BYTES - 1), (void *)from))
		return 0;
	s->at = at;
	return length;
}

/* An exec, or a process that is there already (kind). Arguments are read only at exec: they are in the memory of the current task. */
__noinline int send_image(u32 slot, u64 task, u32 flag, u32 script, u32 kind)
{
	struct scratch *s = scratch_at(slot);
	u64 mm, exe, inode, fs, cred, parent, from, to;
	u32 exe_at, cwd_at, arguments_at, script_at, exe_flags, cwd_flags;
	int exe_length, cwd_length, arguments = 0;
	struct record_exec *r;
	long sent;

	if (!s)
		return 0;
	if (shares_files(task))
		state.used[USED_THREADS] = 1;
	mm = (u64)READ(struct task_struct, task, mm);
	from = READ(struct mm_struct, mm, arg_start);
	to = READ(struct mm_struct, mm, arg_end);
	exe = (u64)READ(struct mm_struct, mm, exe_file);
	inode = (u64)READ(struct file, exe, f_inode);
	exe_length = walk_path(slot, (u64)READ(struct file, exe, f_path.dentry), (u64)READ(struct file, exe, f_path.mnt));
	exe_at = s->at;
	exe_flags = s->flags;
	fs = (u64)READ(struct task_struct, task, fs);
	cwd_length = walk_path(slot, (u64)READ(struct fs_struct, fs, pwd.dentry), (u64)READ(struct fs_struct, fs, pwd.mnt));
	cwd_at = s->at;
	cwd_flags = s->flags;
	if (kind == RECORD_exec)
		arguments = copy_arguments(slot, from, to);
	arguments_at = s->at;
	script_at = s->at;
	if (script) {
		script_at = (s->at - script) & (SCRATCH_OUT - 1);
		bpf_probe_read_kernel(&s->out[script_at], bound(script, 8191), &s->out[SCRIPT_AT]);
		s->at = script_at;
	}
	r = scratch_head(s, sizeof(*r));
	__builtin_memset(r, 0, sizeof(*r));
	head_fill(&r->head, kind, scratch_size(s), task);
	parent = (u64)READ(struct task_struct, task, real_parent);
	parent = (u64)READ(struct task_struct, parent, group_leader);
	r->parent = READ(struct task_struct, parent, tgid);
	r->parent_start = READ(struct task_struct, parent, start_boottime);
	r->parent_flagged = mark_of(r->parent) == MARK_FLAGGED;
	r->cgroup = cgroup_of(task);
	cred = (u64)READ(struct task_struct, task, cred);
	r->uid = READ(struct cred, cred, uid.val);
	r->gid = READ(struct cred, cred, gid.val);
	r->ino = READ(struct inode, inode, i_ino);
	r->generation = READ(struct inode, inode, i_generation);
	r->dev = READ(struct super_block, READ(struct inode, inode, i_sb), s_dev);
	r->flag = flag;
	r->by = flag == FLAG_IPC ? s->found : 0;
	r->exe_flags = exe_flags;
	r->cwd_flags = cwd_flags;
	r->exe.length = exe_length;
	r->exe.offset = exe_at - s->at;
	r->cwd.length = cwd_length;
	r->cwd.offset = cwd_at - s->at;
	r->arguments.length = arguments;
	r->arguments.offset = arguments_at - s->at;
	r->arguments_all = to - from;
	r->script.length = script;
	r->script.offset = script_at - s->at;
	bpf_probe_read_kernel(r->comm, sizeof(r->comm),
		(void *)MEMBER(struct task_struct, task, comm));
	sent = ring_send(life_ring, life_wake, r, scratch_size(s));
	if (sent)
		ADD(state.lost_life, 1);
	return 0;
}

#define HELD_FDS 1024

/* The fds that a command or a newly flagged image begins with: they came from somebody who is not followed. */
__noinline int touch_held(u32 fd, u64 task)
{
	u64 file = fd_file(task, fd);

	if (!file)
		return 0;
	if (inode_is_socket((u64)READ(struct file, file, f_inode)))
		return count_flow(file, WHAT_TOUCH, 0, 0, task);
	return count_file(file, WHAT_TOUCH | HOW_INHERITED, 0, 0, task);
}

static __always_inline void inherit_all(u64 task, u32 but)
{
	u64 table = (u64)READ(struct files_struct, READ(struct task_struct, task, files), fdt);
	u32 fds = READ(struct fdtable, table, max_fds);

#pragma clang loop unroll(disable)
	for (u32 fd = 0; fd < HELD_FDS; fd++) {
		if (fd >= fds)
			break;
		if (fd != but)
			touch_held(fd, task);
	}
}

/* What the script is shows when its interpreter opens it: then the kernel has its object, whatever name led there. */
static __always_inline void script_wait(u32 slot, u32 tgid, int script)
{
	u64 hash;

	if (!script || !state.path_flags_used) {
		if (mark_of(tgid) == MARK_SCRIPT)
			marks[tgid & (PID_LIMIT - 1)] = MARK_NONE;
		return;
	}
	hash = script_hash(slot);
	if (!bpf_map_update_elem(&scripts, &tgid, &hash, BPF_ANY))
		marks[tgid & (PID_LIMIT - 1)] = MARK_SCRIPT;
}

/* A MARK_SCRIPT process opened a file: if by the script's name, that is the script. */
__noinline int script_opened(u64 fd, u64 name)
{
	u64 task = bpf_get_current_task(), file = fd_file(task, (u32)fd);
	u32 tgid = current_tgid(), flag = FLAG_NONE;
	u64 *hash = bpf_map_lookup_elem(&scripts, &tgid);
	struct scratch *s;
	long length;
	int slot;

	slot = hash && file ? scratch_claim() : -1;
	s = slot < 0 ? 0 : scratch_at(slot);
	if (!s)
		return 0;
	length = bpf_probe_read_user_str(&s->out[SCRIPT_AT], SCRIPT_BYTES, (void *)name);
	if (length > 1 && script_hash(slot) == *hash) {
		flag = image_flag(slot, s, file);
		marks[tgid & (PID_LIMIT - 1)] = flag == FLAG_NONE ? MARK_NONE : MARK_FLAGGED;
		bpf_map_delete_elem(&scripts, &tgid);
		if (flag != FLAG_NONE)
			send_image(slot, task, flag, length - 1, RECORD_exec);
	}
	scratch_release(s);
	if (flag == FLAG_NONE)
		return 0;
	inherit_all(task, fd);
	count_fd(0, (u32)fd, WHAT_OPEN | HOW_OPENED, 0, 0);
	return 0;
}

__noinline int exec_seen(u64 task, u64 bprm)
{
	u32 tgid = READ(struct task_struct, task, tgid), flag = FLAG_NONE;
	u64 file = (u64)READ(struct linux_binprm, bprm, file);
	u64 name = (u64)READ(struct linux_binprm, bprm, filename);
	bool new = mark_of(tgid) != MARK_FLAGGED; /* unmarked, armed, or waiting to be known as a script */
	int slot, script = 0;
	struct scratch *s;

	slot = scratch_claim();
	s = slot < 0 ? 0 : scratch_at(slot);
	if (!s) {
		if (!new || mark_of(tgid) == MARK_ARMED) {
			marks[tgid & (PID_LIMIT - 1)] = MARK_FLAGGED;
			ADD(state.lost_life, 1);
		}
		return 0;
	}
	if (name != (u64)READ(struct linux_binprm, bprm, interp))
		script = script_name(s, name);
	if (mark_of(tgid) == MARK_ARMED)
		flag = FLAG_COMMAND; /* whatever it is */
	if (flag == FLAG_NONE)
		flag = image_flag(slot, s, file);
	if (flag == FLAG_NONE)
		flag = cgroup_flag(task);
	if (flag == FLAG_NONE && !new)
		flag = FLAG_PARENT;
	if (flag != FLAG_NONE) {
		if (new)
			marks[tgid & (PID_LIMIT - 1)] = MARK_FLAGGED;
		send_image(slot, task, flag, script, RECORD_exec);
	}
	if (flag == FLAG_NONE)
		script_wait(slot, tgid, script);
	scratch_release(s);
	if (flag == FLAG_NONE)
		return 0;
	count_file(file, WHAT_TOUCH | HOW_EXECUTED, 0, 0, task);
	file_mapped(file);
	if (new)
		inherit_all(task, HELD_FDS);
	return 0;
}

__noinline int fork_seen(u64 parent, u64 child)
{
	s32 tgid = READ(struct task_struct, child, tgid);
	struct record_fork r = {};

	if (READ(struct task_struct, child, files) == READ(struct task_struct, parent, files))
		state.used[USED_THREADS] = 1;
	/* a thread shares its process's mark */
	if (tgid == READ(struct task_struct, parent, tgid))
		return 0;
	marks[tgid & (PID_LIMIT - 1)] = marks[READ(struct task_struct, parent, tgid) & (PID_LIMIT - 1)];
	head_fill(&r.head, RECORD_fork, sizeof(r), child);
	r.parent = READ(struct task_struct, parent, tgid);
	r.parent_start = start_of(parent);
	bpf_probe_read_kernel(r.comm, sizeof(r.comm),
		(void *)MEMBER(struct task_struct, child, comm));
	if (ring_send(life_ring, life_wake, &r, sizeof(r)))
		ADD(state.lost_life, 1);
	return 0;
}

__noinline int exit_seen(u64 task)
{
	u64 signal = (u64)READ(struct task_struct, task, signal);
	u32 tgid = READ(struct task_struct, task, tgid);
	struct record_exit r = {};

	/* decremented in do_exit() before the tracepoint: 0 at the last thread */
	if (READ(struct signal_struct, signal, live.counter))
		return 0;
	marks[tgid & (PID_LIMIT - 1)] = MARK_NONE;
	head_fill(&r.head, RECORD_exit, sizeof(r), task);
	if (READ(struct signal_struct, signal, flags) & SIGNAL_GROUP_EXIT)
		r.code = READ(struct signal_struct, signal, group_exit_code);
	else
		r.code = READ(struct task_struct, READ(struct task_struct, task, group_leader), exit_code);
	if (ring_send(life_ring, life_wake, &r, sizeof(r)))
		ADD(state.lost_life, 1);
	return 0;
}

/* ---- control groups ---- */

/*
 * Up to HASH_A_CALL bytes of a control group's path; hash is of the component, whole of all so far. A unit is known by its component, a
 * group by its whole path; what lies below a flagged one is flagged too. Returns 1 when over, with the flag in `found`.
 */
__noinline int cgroup_hash_some(u32 slot)
{
	struct scratch *s = scratch_at(slot);

	if (!s)
		return 1;
#pragma clang loop unroll(disable)
	for (int i = 0; i < HASH_A_CALL; i++) {
		u8 c = s->out[s->hash_at & (SCRATCH_OUT - 1)];
		u32 *flag;

		if (!c || c == '/') {
			flag = bpf_map_lookup_elem(&flag_units, &s->hash);
			if (!flag) {
				s->hash = s->whole ^ 1;
				flag = bpf_map_lookup_elem(&flag_units, &s->hash);
			}
			if (flag)
				s->found = *flag;
			if (flag || !c)
				return 1;
			s->hash = HASH_START;
		} else {
			s->hash = (s->hash ^ c) * HASH_PRIME;
		}
		s->whole = (s->whole ^ c) * HASH_PRIME;
		s->hash_at++;
	}
	return 0;
}

/* A control group was made. */
__noinline int cgroup_seen(u64 cgroup, u64 path)
{
	u64 id = READ(struct kernfs_node, READ(struct cgroup, cgroup, kn), id);
	int slot = scratch_claim();
	struct scratch *s;

	s = slot < 0 ? 0 : scratch_at(slot);
	if (!s) {
		ADD(state.lost_life, 1); /* whoever enters it may be missed */
		return 0;
	}
	s->hash = s->whole = HASH_START;
	s->hash_at = SCRIPT_AT;
	s->found = FLAG_NONE;
	/* ids of other hierarchies (version 1) are of other trees */
	if (!READ(struct cgroup_root, READ(struct cgroup, cgroup, root), hierarchy_id) &&
		bpf_probe_read_kernel_str(&s->out[SCRIPT_AT], SCRIPT_BYTES, (void *)path) > 1) {
#pragma clang loop unroll(disable)
		for (int i = 0; i < SCRIPT_BYTES / HASH_A_CALL; i++)
			if (cgroup_hash_some(slot))
				break;
		if (s->found != FLAG_NONE && bpf_map_update_elem(&flag_cgroups, &id, &s->found, BPF_ANY))
			ADD(state.lost_life, 1);
	}
	scratch_release(s);
	return 0;
}

/* Removed, and so empty. The map must not fill with such. */
static __always_inline void cgroup_gone(u64 cgroup)
{
	u64 id = READ(struct kernfs_node, READ(struct cgroup, cgroup, kn), id);

	bpf_map_delete_elem(&flag_cgroups, &id);
}

__noinline int cgroup_joined(u64 cgroup, u64 task)
{
	u64 id = READ(struct kernfs_node, READ(struct cgroup, cgroup, kn), id);
	u32 *flag = bpf_map_lookup_elem(&flag_cgroups, &id);
	u32 tgid = READ(struct task_struct, task, tgid);
	int slot;

	if (!flag || mark_of(tgid) == MARK_FLAGGED)
		return 0;
	if (READ(struct cgroup_root, READ(struct cgroup, cgroup, root), hierarchy_id))
		return 0;
	marks[tgid & (PID_LIMIT - 1)] = MARK_FLAGGED;
	slot = scratch_claim();
	if (slot < 0) {
		ADD(state.lost_life, 1);
		return 0;
	}
	send_image(slot, task, *flag, 0, RECORD_process);
	{
		struct scratch *s = scratch_at(slot);
		if (s)
			scratch_release(s);
	}
	return 0;
}

#endif
