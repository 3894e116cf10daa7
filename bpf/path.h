/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Paths, walked from dentries and mounts as the kernel's own prepend_path() does (fs/d_path.c), but to the sensor's
 * root or the top of the mount tree, and not to the process's root. Global functions: the verifier looks at each once, whatever calls it how often.
 */
#ifndef QUIS_BPF_PATH_H
#define QUIS_BPF_PATH_H

#include "bpf/common.h"

#define STEPS_A_CALL 32
#define WALK_CALLS 128 /* x32: 4096 components and mount crossings */
#define NAME_MASK 0xff /* NAME_MAX */

static __always_inline u64 mount_of(u64 vfsmount)
{
	return vfsmount - bpf_core_field_offset(struct mount, mnt);
}

/* The top of a mount: goes to where it is mounted. Returns false at the top of the tree. */
static __always_inline bool walk_up_mount(struct scratch *s)
{
	u64 up = (u64)READ(struct mount, s->mount, mnt_parent);

	if (up == s->mount || !up) {
		/* detached by umount -l; kernel-internal mounts have an error pointer here (fs/mount.h, MNT_NS_INTERNAL) */
		if (!READ(struct mount, s->mount, mnt_ns))
			s->flags |= PATH_UNREACHABLE;
		return false;
	}
	s->dentry = (u64)READ(struct mount, s->mount, mnt_mountpoint);
	s->mount = up;
	return true;
}

#define WORDS_A_NAME 4

/*
 * A short name by words (typed loads only), for a helper's call costs more than what it copies: put before `end` from the last word on; what the first has too
 * many lies before the name, where the slash and the next name come. Up to 7 bytes behind a name shorter than a word are read: it begins at a
 * whole word of the kernel's (struct dentry, struct external_name, fs/dcache.c).
 */
static __always_inline void put_short_name(struct scratch *s, u32 end, u32 length)
{
	volatile u64 *name = &s->name;
	u8 *to = &s->out[bound(end - WORDS_A_NAME * 8, SCRATCH_OUT - 1)];

#pragma clang loop unroll(full)
	for (int i = WORDS_A_NAME - 1; i >= 0; i--) {
		if (length <= 8) {
			*(u64 *)&to[i * 8] = LOAD_AT(u64, *name) << (8 - length) * 8;
			break;
		}
		length -= 8;
		*(u64 *)&to[i * 8] = LOAD_AT(u64, *name + length);
	}
}

static __always_inline bool walk_add_name(struct scratch *s, u64 dentry)
{
	u32 length = READ(struct dentry, dentry, d_name.len);
	u64 name = (u64)READ(struct dentry, dentry, d_name.name);
	u32 at = s->at;

	if (length > NAME_MASK || at < s->floor + length + 1) {
		s->flags |= PATH_TRUNCATED;
		return false;
	}
	at = (at - length) & (SCRATCH_OUT - 1);
	s->name = name;
	if (typed_loads && length <= WORDS_A_NAME * 8)
		put_short_name(s, s->at, length);
	else
		bpf_probe_read_kernel(&s->out[at], bound(length, NAME_MASK), (void *)name);
	at = (at - 1) & (SCRATCH_OUT - 1);
	s->out[at] = '/';
	s->at = at;
	return true;
}

/* Up to STEPS_A_CALL components. Returns 1 when the walk is over. */
__noinline int walk_some(u32 slot)
{
	struct scratch *s = scratch_at(slot);

	if (!s)
		return 1;
	for (int i = 0; i < STEPS_A_CALL; i++) {
		u64 dentry = s->dentry, parent;

		if (dentry == s->view_dentry && s->mount == s->view_mount)
			s->view_at = s->at;
		if (dentry == state.root_dentry) /* whatever the mount: a private mount namespace has copies of its own */
			return 1;
		if (dentry == (u64)READ(struct mount, s->mount, mnt.mnt_root)) {
			if (!walk_up_mount(s))
				return 1;
			continue;
		}
		parent = (u64)READ(struct dentry, dentry, d_parent);
		if (parent == dentry || !parent) {
			/* the root of a file system that its mount does not show, or an object without a place */
			s->flags |= PATH_UNREACHABLE;
			return 1;
		}
		s->dentry = parent;
		if (!walk_add_name(s, dentry))
			return 1;
	}
	return 0;
}

/* Pipes, anonymous inodes, memfds: a dentry that is its own parent and no mount's root (d_alloc_pseudo(), fs/dcache.c). */
static __always_inline bool walk_pseudo(struct scratch *s)
{
	if ((u64)READ(struct dentry, s->dentry, d_parent) != s->dentry)
		return false;
	if (s->dentry == (u64)READ(struct mount, s->mount, mnt.mnt_root))
		return false;
	walk_add_name(s, s->dentry);
	s->flags |= PATH_PSEUDO;
	return true;
}

/* Adds names up to the end of the walk that scratch.dentry and .mount begin. Returns the length of what is before `end` then. */
static __always_inline int walk_on(u32 slot, struct scratch *s, u32 end)
{
	int over = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < WALK_CALLS; i++) {
		over = walk_some(slot);
		if (over)
			break;
	}
	if (!over)
		s->flags |= PATH_TRUNCATED;
	if (s->at == end) {
		u32 at = (end - 1) & (SCRATCH_OUT - 1);

		s->out[at] = '/';
		s->at = at;
	}
	return end - s->at;
}

static __always_inline u32 walk_begin(struct scratch *s, u64 dentry, u64 mount)
{
	u32 end = s->at;

	s->floor = end > PATH_BYTES + 1024 ? end - PATH_BYTES : 1024;
	s->flags = 0;
	s->dentry = dentry;
	s->mount = mount;
	return end;
}

/*
 * Puts the path of (dentry, vfsmount) before what is in the slot. Returns its length; enum path_flags in scratch.flags.
 */
__noinline int walk_path(u32 slot, u64 dentry, u64 vfsmount)
{
	struct scratch *s = scratch_at(slot);
	u32 end;

	if (!s)
		return 0;
	end = walk_begin(s, dentry, mount_of(vfsmount));
	if (!dentry || !vfsmount)
		return 0;
	if (walk_pseudo(s))
		return end - s->at;
	if (!READ(struct dentry, dentry, d_hash.pprev) && (u64)READ(struct dentry, dentry, d_parent) != dentry)
		s->flags |= PATH_DELETED;
	return walk_on(slot, s, end);
}

/* The same from the top of the dentry's file system, whatever of that is mounted where: no mount's root is met. */
__noinline int walk_file_system(u32 slot, u64 dentry)
{
	struct scratch *s = scratch_at(slot);

	if (!s || !dentry)
		return 0;
	return walk_on(slot, s, walk_begin(s, dentry, 0));
}

/* ---- where another mount namespace's file lies for us ---- */

#define MOUNTS_A_WALK 64

/* A mount of another namespace than ours; no detached or internal one (an error pointer, fs/mount.h). */
static __always_inline bool is_foreign(u64 mount)
{
	u64 namespace = (u64)READ(struct mount, mount, mnt_ns);

	return namespace && namespace != state.mounts && namespace < -4095ULL;
}

/*
 * The first mount of a file system in our namespace, of the first few that it has; 0: none. Copies come behind what they were made of. Two
 * functions that ask for themselves whether they are of this kernel: older ones verify each, called or not, and what is not there must be dead.
 */
#define mounts_are_linked() bpf_core_field_exists(struct mount___next, mnt_next_for_sb)

__noinline u64 mount_here(u64 sb)
{
	u64 at;

	if (!mounts_are_linked())
		return 0;
	at = (u64)READ(struct super_block___next, sb, s_mounts);
#pragma clang loop unroll(disable)
	for (int i = 0; i < MOUNTS_A_WALK && at; i++) {
		if ((u64)READ(struct mount, at, mnt_ns) == state.mounts)
			return at;
		at = (u64)READ(struct mount___next, at, mnt_next_for_sb);
	}
	return 0;
}

/* ... before 6.18 */
__noinline u64 mount_here_listed(u64 sb)
{
	u64 head, at;

	if (mounts_are_linked())
		return 0;
	head = MEMBER(struct super_block, sb, s_mounts);
	at = (u64)READ(struct list_head, head, next);
#pragma clang loop unroll(disable)
	for (int i = 0; i < MOUNTS_A_WALK && at && at != head; i++) {
		u64 mount = at - bpf_core_field_offset(struct mount, mnt_instance);

		if ((u64)READ(struct mount, mount, mnt_ns) == state.mounts)
			return mount;
		at = (u64)READ(struct list_head, at, next);
	}
	return 0;
}

/* Puts our path of (dentry, vfsmount) before what is in the slot, if it lies in another mount namespace. Returns its length; 0: no other than there. */
__noinline int walk_here(u32 slot, u64 dentry, u64 vfsmount)
{
	struct scratch *s = scratch_at(slot);
	u64 mount;
	u32 end;

	if (!s || !is_foreign(mount_of(vfsmount)))
		return 0;
	mount = (u64)READ(struct dentry, dentry, d_sb);
	mount = mounts_are_linked() ? mount_here(mount) : mount_here_listed(mount);
	if (!mount)
		return 0;
	end = walk_begin(s, dentry, mount);
	walk_on(slot, s, end);
	if (s->flags & (PATH_UNREACHABLE | PATH_TRUNCATED))
		s->at = end;
	return end - s->at;
}

/* ---- is a path one of the flagged ones, or below one? ---- */

#define HASH_START 0xcbf29ce484222325ULL /* FNV-1a, 64 bits (draft-eastlake-fnv) */
#define HASH_PRIME 0x100000001b3ULL
#define HASH_A_CALL 32
#define HASH_CALLS 512

/* The hash of each flagged path, without a slash at its end; the value is its index in quis-record's list of flags. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u32);
} flag_paths SEC(".maps");

/* Up to HASH_A_CALL bytes; looks the prefix up at every slash and at the end. Returns 1 when over. */
__noinline int hash_some(u32 slot)
{
	struct scratch *s = scratch_at(slot);
	u64 hash;
	u32 at;

	if (!s)
		return 1;
	hash = s->hash;
	at = s->hash_at;
	for (int i = 0; i < HASH_A_CALL; i++) {
		u8 c = at < s->hash_end ? s->out[at & (SCRATCH_OUT - 1)] : '/';

		if (c == '/') {
			u32 *flag;

			s->hash = hash;
			flag = bpf_map_lookup_elem(&flag_paths, &s->hash);
			if (flag) {
				s->found = *flag;
				return 1;
			}
			if (at >= s->hash_end)
				return 1;
		}
		hash = (hash ^ c) * HASH_PRIME;
		at++;
	}
	s->hash = hash;
	s->hash_at = at;
	return 0;
}

/* The flag that the string in out[at..end) is or lies below, or FLAG_NONE; of those whose hashes begin with `start`. */
__noinline int path_flag_from(u32 slot, u32 at, u32 end, u64 start)
{
	struct scratch *s = scratch_at(slot);

	if (!s)
		return FLAG_NONE;
	s->hash = start;
	s->hash_at = at;
	s->hash_end = end;
	s->found = FLAG_NONE;
#pragma clang loop unroll(disable)
	for (int i = 0; i < HASH_CALLS; i++)
		if (hash_some(slot))
			break;
	return s->found;
}

static __always_inline int path_flag(u32 slot, u32 at, u32 end)
{
	return path_flag_from(slot, at, end, HASH_START);
}

#endif
