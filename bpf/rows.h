/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rows that count what was done with files: in the map of the epoch, and beside it those of what was opened last. */
#ifndef QUIS_BPF_ROWS_H
#define QUIS_BPF_ROWS_H

#include "bpf/common.h"

/* Memory that is shared with quis-record (struct recent). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct recent);
} recent_files SEC(".maps");

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
	case WHAT_FAULT:
		ADD(row->faults, 1);
		ADD(row->faulted_bytes, bytes);
		break;
	case WHAT_FAULT_MORE:
		ADD(row->faulted_bytes, bytes);
		break;
	}
}

/* Who gave it, 0: not known. Threads that are given it in the same instant may take the same place (5.10 has no exchange): from_told tells. */
static __always_inline void file_row_from(struct file_row *row, u32 from)
{
#pragma clang loop unroll(full)
	for (int i = 0; from && i < FROM_KEPT; i++) {
		if (row->from[i] == from)
			return;
		if (!row->from[i]) {
			row->from[i] = from;
			break;
		}
	}
	ADD(row->from_told, 1);
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

/* The head of a record of a file. `tid`: 0, of none in particular */
static __always_inline void file_head(struct record_head *head, u16 kind, u32 size, const struct file_key *key, u32 tid, u64 time)
{
	head->kind = kind;
	head->size_pad = 0;
	head->size = size;
	head->time = time;
	head->start = key->start;
	head->tgid = key->tgid;
	head->tid = tid;
}

/* ---- what was opened last ---- */

/* This processor's, or NULL: another program is in it, or quis-record. */
static __always_inline struct recent *recent_claim(void)
{
	struct recent *recent;
	u32 slot;

	if (!recent_slots)
		return 0;
	slot = bpf_get_smp_processor_id() & (recent_slots - 1);
	recent = bpf_map_lookup_elem(&recent_files, &slot);
	if (!recent)
		return 0;
	ADD(recent->busy, 1);
	if (*(volatile u32 *)&recent->busy == 1)
		return recent;
	ADD(recent->busy, (u32)-1);
	return 0;
}

static __always_inline void recent_release(struct recent *recent)
{
	if (recent)
		ADD(recent->busy, (u32)-1);
}

static __always_inline bool same_file(const struct file_key *a, const struct file_key *b)
{
	return a->ino == b->ino && a->start == b->start && a->tgid == b->tgid && a->dev == b->dev && a->generation == b->generation;
}

/* Sends a row whose place is wanted. Half of the ring is for names. 0: sent. */
static __always_inline int row_send(const struct recent_file *file)
{
	bool room = bpf_ringbuf_query(&files_ring, BPF_RB_AVAIL_DATA) < 2 * files_wake;
	struct record_row *r = room ? bpf_ringbuf_reserve(&files_ring, sizeof(*r), 0) : 0;

	if (!r)
		return -1;
	file_head(&r->head, RECORD_row, sizeof(*r), &file->key, 0, file->row.last);
	r->file = *file;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	ADD(state.produced, 1);
	return 0;
}

/* The row of a file that was opened last, or is being opened for the first time in this epoch. NULL: its row is in the map. */
static __always_inline struct file_row *recent_row(struct recent *recent, const struct file_key *key, bool opened)
{
	u32 hash = (u32)key->ino ^ key->generation ^ key->tgid, at = (hash * 0x9e3779b1u) >> 22; /* Fibonacci hashing */
	struct recent_file *file;

#pragma clang loop unroll(full)
	for (int i = 0; i < RECENT_FILES; i++)
		if (same_file(&recent->files[i].key, key))
			return &recent->files[i].row;
	if (!opened || recent->opened[at] == hash)
		return 0;
	file = &recent->files[recent->next & (RECENT_FILES - 1)];
	if (file->row.first && row_send(file))
		return 0;
	recent->next++;
	recent->opened[at] = hash;
	file->key = *key;
	__builtin_memset(&file->row, 0, sizeof(file->row));
	state.dirty = 1;
	return &file->row;
}

#endif
