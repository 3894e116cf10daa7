/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files: what is counted of each, and the record that names it. */
#ifndef QUIS_BPF_FILE_H
#define QUIS_BPF_FILE_H

#include "bpf/path.h"

static __always_inline u64 fd_file(u64 task, u32 fd)
{
	u64 files = (u64)READ(struct task_struct, task, files);
	u64 table = (u64)READ(struct files_struct, files, fdt);

	if (!files || fd >= READ(struct fdtable, table, max_fds))
		return 0;
	return READ_AT(u64, (u64)READ(struct fdtable, table, fd) + (u64)fd * 8);
}

/*
 * What is counted is an open file, or, where there is none, an object at a path (struct path): then the lowest bit of its address is set.
 */
#define AT_PATH 1

static __always_inline u64 object_path(u64 object)
{
	return object & AT_PATH ? object - AT_PATH : MEMBER(struct file, object, f_path);
}

static __always_inline u64 object_inode(u64 object)
{
	if (object & AT_PATH)
		return (u64)READ(struct dentry, READ(struct path, object - AT_PATH, dentry), d_inode);
	return (u64)READ(struct file, object, f_inode);
}

static __always_inline void file_key_fill(struct file_key *key, u64 inode, u64 task)
{
	key->start = start_of(task);
	key->tgid = READ(struct task_struct, task, tgid);
	key->ino = READ(struct inode, inode, i_ino);
	key->dev = READ(struct super_block, READ(struct inode, inode, i_sb), s_dev);
	key->generation = READ(struct inode, inode, i_generation);
	key->by_name = 0;
}

/* A socket's own file, not the name of one in a directory (that has S_IFSOCK too, under O_PATH). */
static __always_inline bool inode_is_socket(u64 inode)
{
	return (READ(struct inode, inode, i_mode) & S_IFMT) == S_IFSOCK &&
	       READ(struct super_block, READ(struct inode, inode, i_sb), s_magic) == SOCKFS_MAGIC;
}

/* Sends the record that names a file; with what != WHAT_TOUCH it carries one call that found no room in the counters. 0: sent. */
__noinline int name_file(u64 file, u32 what, u64 bytes, u32 from, u64 task)
{
	u64 inode = object_inode(file), path = object_path(file);
	int slot = scratch_claim(), length;
	struct record_file *r;
	struct scratch *s;
	long sent;

	if (slot < 0)
		return -1;
	s = scratch_at(slot);
	if (!s)
		return -1;
	length = walk_path(slot, (u64)READ(struct path, path, dentry), (u64)READ(struct path, path, mnt));
	r = scratch_head(s, sizeof(*r));
	head_fill(&r->head, RECORD_file, scratch_size(s), task);
	file_key_fill(&r->key, inode, task);
	r->bytes = bytes;
	r->lower_ino = 0;
	r->lower_dev = 0;
	r->what = what;
	r->mode = READ(struct inode, inode, i_mode);
	r->from = from;
	r->path_flags = s->flags;
	r->path_given = 0;
	r->path.length = length;
	r->path.offset = scratch_size(s) - length;
	sent = ring_send(files_ring, files_half, r, scratch_size(s));
	scratch_release(s);
	return sent != 0;
}

static __always_inline void file_row_add(struct file_row *row, u32 what, u64 bytes)
{
	switch (what & WHAT_MASK) {
	case WHAT_OPEN:
		ADD(row->opens, 1);
		break;
	case WHAT_READ:
		ADD(row->reads, 1);
		ADD(row->read_bytes, bytes);
		break;
	case WHAT_WRITE:
		ADD(row->writes, 1);
		ADD(row->write_bytes, bytes);
		break;
	case WHAT_MAP:
		ADD(row->maps, 1);
		ADD(row->mapped_bytes, bytes);
		break;
	case WHAT_LIST:
		ADD(row->lists, 1);
		break;
	case WHAT_STAT:
		ADD(row->stats, 1);
		break;
	}
}

/* The row of a key in the map that counts now, made if need be. NULL: no room. */
static __always_inline struct file_row *file_row_get(const struct file_key *key)
{
	struct file_row *row;
	u32 zero = 0;
	void *rows = bpf_map_lookup_elem(&files_now, &zero);

	if (!rows)
		return 0;
	row = bpf_map_lookup_elem(rows, key);
	if (row)
		return row;
	if (!bpf_map_update_elem(rows, key, (const void *)&zero_file_row, BPF_NOEXIST))
		ADD(state.rows, 1);
	row = bpf_map_lookup_elem(rows, key);
	if (row)
		state.dirty = 1;
	return row;
}

/* Counts one call on a file. `what` is enum what with enum how; `task` is the owner. */
__noinline int count_file(u64 file, u32 what, u64 bytes, u32 from, u64 task)
{
	struct file_key key;
	struct file_row *row;
	u64 now;

	file_key_fill(&key, object_inode(file), task);
	row = file_row_get(&key);
	if (!row) {
		if (name_file(file, what, bytes, from, task))
			lose_call(what, bytes);
		return 0;
	}
	now = bpf_ktime_get_boot_ns();
	if (!row->first)
		row->first = now;
	file_row_add(row, what, bytes);
	row->last = now;
	if ((row->how & what & HOW_MASK) != (what & HOW_MASK))
		row->how |= what & HOW_MASK;
	if (from)
		row->from = from;
	if (what >> EVENTS_SHIFT)
		row->events |= what >> EVENTS_SHIFT;
	if (!READ(struct inode, object_inode(file), i_nlink))
		row->deleted = 1;
	if (row->named)
		return 0;
	if (name_file(file, WHAT_TOUCH, 0, 0, task))
		ADD(state.lost_name, 1);
	else
		row->named = 1;
	return 0;
}

/* An open that the kernel refused: only the argument is there to tell of. */
__noinline int send_refused(u64 name, s32 error)
{
	u64 task = bpf_get_current_task();
	int slot = scratch_claim();
	struct record_refused *r;
	struct scratch *s;
	long length;

	s = slot < 0 ? 0 : scratch_at(slot);
	if (!s) {
		ADD(state.lost_refused, 1);
		return 0;
	}
	/* forward, unlike all others: the length is known only afterwards */
	r = (struct record_refused *)&s->out[1024];
	length = bpf_probe_read_user_str(&s->out[1024 + sizeof(*r)], 4096, (void *)name);
	if (length < 1)
		length = 1;
	length = bound(length - 1, 4095);
	head_fill(&r->head, RECORD_refused, sizeof(*r) + length, task);
	r->error = error;
	r->pad = 0;
	r->path.offset = sizeof(*r);
	r->path.length = length;
	if (ring_send(files_ring, files_half, r, sizeof(*r) + bound(length, 4095)))
		ADD(state.lost_refused, 1);
	scratch_release(s);
	return 0;
}

#endif
