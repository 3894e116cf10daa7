/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel moves from one object to another without the process's memory in between: sendfile, splice, tee, copy_file_range; and open
 * files that are handed over a socket. The reads and writes of both are counted as always; here the pair is, in a map of its own that is
 * flipped with the others. Both ends have just been counted, so that their names are told with those counts.
 */
#ifndef QUIS_BPF_TRANSFER_H
#define QUIS_BPF_TRANSFER_H

#include "bpf/net.h"

const volatile struct transfer_row zero_transfer_row;

struct transfer_rows {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096); /* memory is dear; beyond, each call is a record, and nothing is lost before the ring is full too */
	__type(key, struct transfer_key);
	__type(value, struct transfer_row);
} transfer_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct transfer_rows);
} transfers_now SEC(".maps") = {.values = {&transfer_rows}};

/* One end: a file by its identity, a socket by its number, and then the remote end as its flow has it. */
static __always_inline void transfer_end(struct transfer_key *key, struct object_id *end, u64 file, u64 task)
{
	u64 inode = (u64)READ(struct file, file, f_inode);
	struct flow_key flow;

	end->ino = READ(struct inode, inode, i_ino);
	if (!inode_is_socket(inode)) {
		end->dev = READ(struct super_block, READ(struct inode, inode, i_sb), s_dev);
		end->generation = READ(struct inode, inode, i_generation);
		return;
	}
	flow_key_fill(&flow, file, file_sock(file), WHAT_WRITE, 0, task);
	key->family = flow.family;
	key->port = flow.port;
	__builtin_memcpy(key->addr, flow.addr, sizeof(key->addr));
}

static __always_inline struct transfer_row *transfer_row_get(const struct transfer_key *key)
{
	struct transfer_row *row;
	u32 zero = 0;
	void *rows = bpf_map_lookup_elem(&transfers_now, &zero);

	if (!rows)
		return 0;
	row = bpf_map_lookup_elem(rows, key);
	if (row)
		return row;
	bpf_map_update_elem(rows, key, (const void *)&zero_transfer_row, BPF_NOEXIST);
	return bpf_map_lookup_elem(rows, key);
}

/* `from`, `to`: struct file. Bytes that moved (a call that moved none is no transfer), or 0: `from` itself was handed over. */
__noinline int count_transfer(u64 from, u64 to, u64 bytes, u64 task)
{
	struct record_transfer r = {};
	struct transfer_row *row;
	u64 now;

	r.key.start = start_of(task);
	r.key.tgid = READ(struct task_struct, task, tgid);
	transfer_end(&r.key, &r.key.from, from, task);
	transfer_end(&r.key, &r.key.to, to, task);
	row = transfer_row_get(&r.key);
	if (!row) {
		head_fill(&r.head, RECORD_transfer, sizeof(r), task);
		r.bytes = bytes;
		if (ring_send(files_ring, files_wake, &r, sizeof(r)))
			lose_call(WHAT_WRITE, bytes);
		return 0;
	}
	now = bpf_ktime_get_boot_ns();
	if (!row->first)
		row->first = now;
	row->last = now;
	if (!bytes) {
		ADD(row->descriptors, 1);
		return 0;
	}
	ADD(row->calls, 1);
	ADD(row->bytes, bytes);
	return 0;
}

/* Between two fds of the current process. One that another thread has closed meanwhile was told as lost when its bytes were counted. */
__noinline int transfer_fds(u64 from, u64 to, u64 bytes)
{
	u64 task = bpf_get_current_task();
	u64 source = fd_file(task, (u32)from), target = fd_file(task, (u32)to);

	return source && target ? count_transfer(source, target, bytes, task) : 0;
}

/* The current process sent an open file over a socket. */
__noinline int give_file(u64 fd, u64 to)
{
	u64 task = bpf_get_current_task(), file = fd_file(task, (u32)fd);

	return file ? count_transfer(file, to, 0, task) : 0;
}

#endif
