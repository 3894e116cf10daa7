/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Actions: what is done once, with the names given for it. A call's names are in the process's memory, and are marked so; where the
 * kernel can be hooked beside its own lookup (security_path_*), a second record, the place, tells the path that it found.
 */
#ifndef QUIS_BPF_ACTION_H
#define QUIS_BPF_ACTION_H

#include "bpf/self.h"

/* Which arguments of a call are names, what they are relative to, and which is an fd. */
#define NAME(argument) ((argument) + 1)
#define AT(argument) (((argument) + 1) << 4)
#define TO(argument) (((argument) + 1) << 8)
#define TO_AT(argument) (((argument) + 1) << 12)
#define OF_FD(argument) (((argument) + 1) << 16)
#define TO_IS_TEXT (1 << 20) /* a symlink's content: not looked up */

#define NAME_AT 1024 /* where a name is copied to first, forward: its length is not known before */
#define NAME_BYTES 4096
#define AT_FDCWD -100

struct where {
	u64 dentry, mnt;
};

/* What a relative name is relative to. */
static __always_inline bool base_of(struct where *where, u64 task, s32 dirfd)
{
	u64 path;

	if (dirfd == AT_FDCWD) {
		path = MEMBER(struct fs_struct, READ(struct task_struct, task, fs), pwd);
	} else {
		u64 file = fd_file(task, dirfd);

		if (!file)
			return false;
		path = MEMBER(struct file, file, f_path);
	}
	where->dentry = (u64)READ(struct path, path, dentry);
	where->mnt = (u64)READ(struct path, path, mnt);
	return true;
}

/*
 * Puts a name from the process's memory before what is in the slot, with the path of its base when it is relative. An empty or absent
 * name is the base itself (AT_EMPTY_PATH). Returns the length. `dirfd` is 64 bits: NAME_TEXT means that it is no path.
 */
#define NAME_TEXT 0x100000000ULL
#define NAME_KERNEL 0x200000000ULL /* the name is in the kernel's memory */

static __always_inline long read_name(struct scratch *s, u64 name, u64 dirfd)
{
	return !name ? 0 : dirfd & NAME_KERNEL ? bpf_probe_read_kernel_str(&s->out[NAME_AT], NAME_BYTES, (void *)name) :
						   bpf_probe_read_user_str(&s->out[NAME_AT], NAME_BYTES, (void *)name);
}

__noinline int place_name(u32 slot, s64 length, u64 dirfd)
{
	struct scratch *s = scratch_at(slot);
	struct where where;
	u32 end, at;

	if (!s)
		return 0;
	end = s->at;
	s->given = 0;
	if (length > 1) {
		length = bound(length - 1, NAME_BYTES - 1);
		s->given = length;
		at = (end - length) & (SCRATCH_OUT - 1);
		bpf_probe_read_kernel(&s->out[at], bound(length, NAME_BYTES - 1), &s->out[NAME_AT]);
		s->at = at;
		if ((dirfd & NAME_TEXT) || s->out[NAME_AT] == '/')
			return end - s->at;
		s->at = at = (at - 1) & (SCRATCH_OUT - 1);
		s->out[at] = '/';
	}
	if (!(dirfd & NAME_TEXT) && base_of(&where, bpf_get_current_task(), dirfd))
		walk_path(slot, where.dentry, where.mnt);
	return end - s->at;
}

static __always_inline int put_name(u32 slot, u64 name, u64 dirfd)
{
	struct scratch *s = scratch_at(slot);

	return s ? place_name(slot, read_name(s, name, dirfd), dirfd) : 0;
}

static __always_inline u64 argument(const struct scratch *s, u32 spec, u32 shift)
{
	u32 which = (spec >> shift) & 15;

	return which ? s->args[(which - 1) & 7] : 0;
}

static __always_inline u64 directory(const struct scratch *s, u32 spec, u32 shift)
{
	return (spec >> shift) & 15 ? (u32)argument(s, spec, shift) : (u32)AT_FDCWD;
}

/* ---- metadata asked for by name ---- */

#define HASH_WORDS (NAME_BYTES / 8)

/* The hash of a name at NAME_AT, a word at a time. What lies behind its end in the last word is made 0 first. */
__noinline u64 name_hash(u32 slot, s64 length)
{
	struct scratch *s = scratch_at(slot);
	u64 hash = HASH_START;

	if (!s)
		return 0;
	*(u64 *)&s->out[NAME_AT + bound(length, NAME_BYTES - 1)] = 0;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < HASH_WORDS; i++) {
		if ((s64)i * 8 >= length)
			break;
		hash = (hash ^ *(u64 *)&s->out[NAME_AT + i * 8]) * HASH_PRIME;
		hash ^= hash >> 29;
	}
	return hash;
}

/* Tells which name it is that a row counts. 0: sent. With what != WHAT_TOUCH it carries the call itself. */
__noinline int send_name(u32 slot, s64 length, u64 dirfd, u32 what)
{
	struct scratch *s = scratch_at(slot);
	u64 task = bpf_get_current_task();
	struct record_file *r;
	int path;

	if (!s)
		return -1;
	s->flags = 0;
	path = place_name(slot, length, dirfd);
	r = scratch_head(s, sizeof(*r));
	__builtin_memset(r, 0, sizeof(*r));
	head_fill(&r->head, RECORD_file, scratch_size(s), task);
	r->key.start = r->head.start;
	r->key.tgid = r->head.tgid;
	r->key.ino = s->args[0];
	r->key.generation = s->args[1];
	r->key.by_name = 1;
	r->what = what;
	r->path_flags = s->flags | PATH_ARGUMENT;
	r->path_given = s->given;
	r->path.length = path;
	r->path.offset = scratch_size(s) - path;
	return ring_send(files_ring, files_wake, r, scratch_size(s)) != 0;
}

/*
 * Counts one call that asked for the metadata of a name, by the name and what it is relative to: a thousand times the same name is one row
 * and one record. `error`: what the kernel said, 0 if it answered. The object behind it is not known here.
 */
__noinline int count_name(u64 name, u64 dirfd, u64 error)
{
	u64 task = bpf_get_current_task();
	struct where where = {};
	struct file_key key = {};
	struct file_row *row;
	struct scratch *s;
	long length;
	int slot;

	slot = scratch_claim();
	s = slot < 0 ? 0 : scratch_at(slot);
	if (!s) {
		ADD(state.lost_calls, 1);
		return 0;
	}
	length = read_name(s, name, dirfd);
	if (length < 0) /* no memory of the process: nothing was asked for */
		goto out;
	if (s->out[NAME_AT] != '/')
		base_of(&where, task, dirfd);
	key.start = start_of(task);
	key.tgid = READ(struct task_struct, task, tgid);
	key.ino = s->args[0] = name_hash(slot, length) ^ where.dentry;
	key.generation = s->args[1] = error;
	key.by_name = 1;
	row = file_row_get(&key);
	if (!row) {
		if (send_name(slot, length, dirfd, WHAT_STAT))
			ADD(state.lost_calls, 1);
		goto out;
	}
	ADD(row->stats, 1);
	row->last = bpf_ktime_get_boot_ns();
	if (!row->first)
		row->first = row->last;
	if (!row->named) {
		if (send_name(slot, length, dirfd, WHAT_TOUCH))
			ADD(state.lost_name, 1);
		else
			row->named = 1;
	}
out:
	scratch_release(s);
	return 0;
}

/* Sends an action whose arguments are in the slot. */
__noinline int send_action(u32 slot, u32 nr, u32 spec, s64 result, u64 task)
{
	struct scratch *s = scratch_at(slot);
	u32 from = 0, path_at, to_at, to_given = 0, to, path = 0;
	struct record_action *r;
	u64 file;

	if (!s)
		return 0;
	to = SCRATCH_OUT - s->at; /* a text may be there already */
	if (spec & TO(14))
		to = put_name(slot, argument(s, spec, 8), spec & TO_IS_TEXT ? NAME_TEXT : directory(s, spec, 12));
	to_at = s->at;
	if (to)
		to_given = s->given;
	s->flags = 0;
	if (spec & NAME(14)) {
		path = put_name(slot, argument(s, spec, 0), directory(s, spec, 4));
		if (!s->given) /* the object behind an fd itself: futimens(), AT_EMPTY_PATH */
			from = ACTION_PATH_KERNEL;
	} else if (spec & OF_FD(14)) {
		file = fd_file(task, (u32)argument(s, spec, 16));
		if (file) {
			from = ACTION_PATH_KERNEL;
			path = walk_path(slot, (u64)READ(struct file, file, f_path.dentry),
				(u64)READ(struct file, file, f_path.mnt));
		}
	}
	path_at = s->at;
	r = scratch_head(s, sizeof(*r));
	head_fill(&r->head, RECORD_action, scratch_size(s), task);
	r->result = result;
	__builtin_memcpy(r->args, s->args, sizeof(r->args));
	r->nr = nr;
	r->from = from | (numbers_are_ours(task) ? 0 : ACTION_PID_NAMESPACE);
	r->path_flags = s->flags;
	r->path_given = spec & NAME(14) ? s->given : 0;
	r->to_given = to_given;
	r->path.length = path;
	r->path.offset = path_at - s->at;
	r->to.length = to;
	r->to.offset = to_at - s->at;
	if (ring_send(files_ring, files_wake, r, scratch_size(s)))
		ADD(state.lost_actions, 1);
	return 0;
}

/* A slot with the arguments of the call, or -1. `words`: 64 for the registers of a 64-bit call, 32 for those of a 32-bit one. */
static __always_inline int action_claim(u64 regs, s64 ret, u32 words)
{
	struct scratch *s;
	int slot;

	if (ret <= -ERESTART_FIRST && ret >= -ERESTART_LAST)
		return -1; /* the call runs again */
	slot = scratch_claim();
	s = slot < 0 ? 0 : scratch_at(slot);
	if (!s) {
		ADD(state.lost_actions, 1);
		return -1;
	}
	if (words == 64) {
		s->args[0] = READ(struct pt_regs, regs, di);
		s->args[1] = READ(struct pt_regs, regs, si);
		s->args[2] = READ(struct pt_regs, regs, dx);
		s->args[3] = READ(struct pt_regs, regs, r10);
		s->args[4] = READ(struct pt_regs, regs, r8);
		s->args[5] = READ(struct pt_regs, regs, r9);
	} else {
		s->args[0] = (u32)READ(struct pt_regs, regs, bx);
		s->args[1] = (u32)READ(struct pt_regs, regs, cx);
		s->args[2] = (u32)READ(struct pt_regs, regs, dx);
		s->args[3] = (u32)READ(struct pt_regs, regs, si);
		s->args[4] = (u32)READ(struct pt_regs, regs, di);
		s->args[5] = (u32)READ(struct pt_regs, regs, bp);
	}
	return slot;
}

__noinline int on_action(u64 regs, u32 nr, u32 spec, s64 ret, u32 words)
{
	int slot = action_claim(regs, ret, words);
	struct scratch *s = slot < 0 ? 0 : scratch_at(slot);

	if (!s)
		return 0;
	if (nr == NR_KILL)
		s->args[4] = process_group(bpf_get_current_task());
	else if (nr == NR_PIDFD_SEND_SIGNAL || nr == NR_PIDFD_GETFD)
		s->args[4] = pidfd_process(bpf_get_current_task(), s->args[0]);
	send_action(slot, nr, spec, ret, bpf_get_current_task());
	scratch_release(s);
	return 0;
}

/* ---- bpf(): programs, and what they are attached to ---- */

#define PROGRAM_NAME_BYTES 16 /* BPF_OBJ_NAME_LEN, with the 0 */
#define TARGET_NAME_BYTES 128 /* KSYM_NAME_LEN of 5.10; bpf_raw_tracepoint_open() takes as much */

/* union bpf_attr, include/uapi/linux/bpf.h: where in it what is told lies */
enum bpf_attribute {
	LOAD_TYPE = 0,
	LOAD_NAME = 48,
	LOAD_ATTACH = 68,
	LINK_PROGRAM = 0,
	ATTACH_PROGRAM = 4,
	ATTACH_TYPE = 8, /* of both */
	TRACEPOINT_NAME = 0,
	TRACEPOINT_PROGRAM = 8,
};

/* A word of it, or ACTION_UNSAID. What lies behind the size that the caller gives is 0 to the kernel. */
static __always_inline u64 bpf_attribute(const struct scratch *s, u32 offset)
{
	u32 word = 0;

	if (offset + sizeof(word) <= (u32)s->args[2] &&
		bpf_probe_read_user(&word, sizeof(word), (void *)(s->args[1] + offset)))
		return ACTION_UNSAID;
	return word;
}

/* The object behind a program's fd ("bpf-prog": bpf_prog_new_fd(), kernel/bpf/syscall.c). */
__noinline u64 bpf_program_at(u64 task, u64 fd)
{
	u64 file = fd_file(task, (u32)fd);

	return file && is_anonymous(file, "bpf-prog") ? (u64)READ(struct file, file, private_data) : 0;
}

static __always_inline void tell_program(struct scratch *s, u64 program)
{
	u32 attach = READ(struct bpf_prog, program, expected_attach_type);

	s->args[ACTION_PROGRAM_TYPE] = READ(struct bpf_prog, program, type);
	s->args[ACTION_ATTACH_TYPE] = attach ? attach : ACTION_UNSAID;
}

/* From the program itself, where there is one; what the kernel refused is in the process's memory alone. */
static __always_inline long tell_load(struct scratch *s, u64 program)
{
	u64 attach;

	if (program) {
		tell_program(s, program);
		return bpf_probe_read_kernel_str(&s->out[NAME_AT], PROGRAM_NAME_BYTES,
			(void *)MEMBER(struct bpf_prog_aux, READ(struct bpf_prog, program, aux), name));
	}
	attach = bpf_attribute(s, LOAD_ATTACH);
	s->args[ACTION_PROGRAM_TYPE] = bpf_attribute(s, LOAD_TYPE);
	s->args[ACTION_ATTACH_TYPE] = attach ? attach : ACTION_UNSAID;
	if ((u32)s->args[2] < LOAD_NAME + PROGRAM_NAME_BYTES)
		return 0;
	return bpf_probe_read_user_str(&s->out[NAME_AT], PROGRAM_NAME_BYTES, (void *)(s->args[1] + LOAD_NAME));
}

/* To what: the tracepoint that is named, or the function that the program was loaded for. */
static __always_inline long tell_target(struct scratch *s, u64 program, u64 tracepoint)
{
	if (tracepoint)
		return bpf_probe_read_user_str(&s->out[NAME_AT], TARGET_NAME_BYTES, (void *)tracepoint);
	if (!program)
		return 0;
	return bpf_probe_read_kernel_str(&s->out[NAME_AT], TARGET_NAME_BYTES,
		(void *)READ(struct bpf_prog_aux, READ(struct bpf_prog, program, aux), attach_func_name));
}

/* Puts what the command speaks of into the slot: numbers in place of unused arguments, and a name. */
__noinline int tell_bpf(u32 slot, s64 ret)
{
	struct scratch *s = scratch_at(slot);
	u64 task = bpf_get_current_task(), program = 0, tracepoint = 0;
	u32 command, at;
	long length;

	if (!s)
		return 0;
	command = s->args[0];
	s->args[ACTION_PROGRAM_TYPE] = s->args[ACTION_ATTACH_TYPE] = ACTION_UNSAID;
	switch (command) {
	case COMMAND_PROGRAM_LOAD:
		length = tell_load(s, ret >= 0 ? bpf_program_at(task, ret) : 0);
		return place_name(slot, length, NAME_TEXT);
	case COMMAND_PROGRAM_ATTACH:
	case COMMAND_PROGRAM_DETACH:
		at = ATTACH_PROGRAM;
		break;
	case COMMAND_LINK_CREATE:
		at = LINK_PROGRAM;
		break;
	case COMMAND_RAW_TRACEPOINT:
		at = TRACEPOINT_PROGRAM;
		tracepoint = bpf_attribute(s, TRACEPOINT_NAME + 4) << 32 | bpf_attribute(s, TRACEPOINT_NAME);
		break;
	default:
		return 0;
	}
	program = bpf_program_at(task, bpf_attribute(s, at));
	if (program)
		tell_program(s, program);
	if (command != COMMAND_RAW_TRACEPOINT)
		s->args[ACTION_ATTACH_TYPE] = bpf_attribute(s, ATTACH_TYPE);
	length = tell_target(s, program, tracepoint);
	return place_name(slot, length, NAME_TEXT);
}

static __always_inline void on_bpf(u64 regs, s64 ret)
{
	int slot = action_claim(regs, ret, 64);
	struct scratch *s = slot < 0 ? 0 : scratch_at(slot);

	if (!s)
		return;
	s->args[3] = bpf_object(bpf_get_current_task(), s->args[0], s->args[1]);
	tell_bpf(slot, ret);
	send_action(slot, NR_BPF, 0, ret, bpf_get_current_task());
	scratch_release(s);
}

/* ---- places: the kernel's own paths ---- */

/* dentry and mount of an object, and of a second one for rename and link; `id` joins the place to its action. */
__noinline int send_place(u32 nr, u64 dentry, u64 mnt, u64 to_dentry, u64 id)
{
	int slot = scratch_claim(), path, to = 0;
	u32 path_at, to_at, flags;
	struct record_place *r;
	struct scratch *s;

	s = slot < 0 ? 0 : scratch_at(slot);
	if (!s)
		return 0;
	if (to_dentry)
		to = walk_path(slot, to_dentry, mnt);
	to_at = s->at;
	path = walk_path(slot, dentry, mnt);
	path_at = s->at;
	flags = s->flags;
	r = scratch_head(s, sizeof(*r));
	head_fill(&r->head, RECORD_place, scratch_size(s), bpf_get_current_task());
	r->id = id;
	r->nr = nr;
	r->path_flags = flags;
	r->path_given = 0;
	r->to_given = 0;
	r->path.length = path;
	r->path.offset = path_at - s->at;
	r->to.length = to;
	r->to.offset = to_at - s->at;
	/* a place that is lost leaves the argument: nothing is missing */
	ring_send(files_ring, files_wake, r, scratch_size(s));
	scratch_release(s);
	return 0;
}

/* The mount that each thread last asked to write to: the hooks of extended attributes tell the dentry alone. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, u64);
} write_mounts SEC(".maps");

/* A mount of a file system that lies on others, by which it reaches these: it hangs in no namespace, and is no pipe's or memfd's. */
static __always_inline bool is_inner_mount(u64 mnt)
{
	u64 ns = (u64)READ(struct mount, mount_of(mnt), mnt_ns);

	return (s64)ns < 0 && ns > -4096ULL && !(READ(struct super_block, READ(struct vfsmount, mnt, mnt_sb), s_flags) & SB_NOUSER);
}

/* Without the right mount the path stays the argument. */
__noinline int send_attribute_place(u32 nr, u64 dentry)
{
	u64 thread = bpf_get_current_pid_tgid(), mnt;
	u64 *last = bpf_map_lookup_elem(&write_mounts, &thread);

	if (!last)
		return 0;
	mnt = *last;
	if (is_inner_mount(mnt) || READ(struct vfsmount, mnt, mnt_sb) != READ(struct inode, READ(struct dentry, dentry, d_inode), i_sb))
		return 0;
	return send_place(nr, dentry, mnt, 0, thread);
}

static __always_inline u64 path_mnt(u64 path)
{
	return (u64)READ(struct path, path, mnt);
}

static __always_inline u64 path_dentry(u64 path)
{
	return (u64)READ(struct path, path, dentry);
}

#endif
