/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets: bytes each way by (process, socket, remote end), and the record that names both ends (of unix sockets: unix.h). */
#ifndef QUIS_BPF_NET_H
#define QUIS_BPF_NET_H

#include "bpf/unix.h"

#define SOCK_RAW_TYPE 3
#define TCP_LISTEN_STATE 10 /* include/net/tcp_states.h */

struct address {
	u16 family;
	u16 port; /* network order */
	u8 data[24];
};

static __always_inline void copy_v6(u8 *to, u64 from)
{
	((u64 *)to)[0] = READ_AT(u64, from);
	((u64 *)to)[1] = READ_AT(u64, from + 8);
}

/* The remote end that the kernel has for a socket, if it is connected. */
static __always_inline bool remote_of_sock(struct flow_key *key, u64 sk)
{
	u16 port = READ(struct sock, sk, __sk_common.skc_dport);

	if (!port)
		return false;
	key->port = bpf_ntohs(port);
	if (key->family == AF_INET) {
		*(u32 *)key->addr = READ(struct sock, sk, __sk_common.skc_daddr);
	} else {
		copy_v6(key->addr, MEMBER(struct sock, sk, __sk_common.skc_v6_daddr));
	}
	return true;
}

static __always_inline bool remote_fill(struct flow_key *key, const struct address *a)
{
	key->port = bpf_ntohs(a->port);
	if (a->family == AF_INET && key->family == AF_INET)
		__builtin_memcpy(key->addr, a->data, 4);
	else if (a->family == AF_INET6 && key->family == AF_INET6)
		__builtin_memcpy(key->addr, a->data + 4, 16);
	else
		key->port = 0;
	return key->port != 0;
}

/* The remote end in a sockaddr of the process (unix.h): sendto(), recvfrom(), a refused connect(). */
static __always_inline bool remote_of_argument(struct flow_key *key, u32 what, u64 end)
{
	struct address a = {};
	u64 uaddr = END_ADDRESS(end);

	if (!end)
		return false;
	if (what & WHAT_KERNEL_ADDRESS) {
		bpf_probe_read_kernel(&a, 28, (void *)end);
		return remote_fill(key, &a);
	}
	/* 28 bytes are a sockaddr_in6, 16 a sockaddr_in: the longer read may fault at the end of a page */
	if (bpf_probe_read_user(&a, 28, (void *)uaddr) && bpf_probe_read_user(&a, 16, (void *)uaddr))
		return false;
	return remote_fill(key, &a);
}

/*
 * Fills the key. The remote end belongs to it, because one UDP socket may talk to many, and resolvers connect() one socket to
 * several in turn; of a unix datagram it is the hash of the name given (`end`: heeded()). Returns FLOW_ARGUMENT when the remote end came from the process's memory.
 */
static __always_inline u32 flow_key_fill(struct flow_key *key, u64 file, u64 sk, u32 what, u64 end, u64 task)
{
	u16 type = READ(struct sock, sk, sk_type);
	bool message = type == SOCK_DGRAM_TYPE || type == SOCK_RAW_TYPE;

	__builtin_memset(key, 0, sizeof(*key));
	key->start = start_of(task);
	key->tgid = READ(struct task_struct, task, tgid);
	key->ino = READ(struct inode, READ(struct file, file, f_inode), i_ino);
	key->family = READ(struct sock, sk, __sk_common.skc_family);
	if (key->family == AF_UNIX && end)
		*(u64 *)key->addr = end_hash(end, 0);
	if (key->family != AF_INET && key->family != AF_INET6)
		return 0;
	if ((message || (what & WHAT_BY_ARGUMENT)) && remote_of_argument(key, what, end))
		return FLOW_ARGUMENT;
	remote_of_sock(key, sk);
	return 0;
}

static __always_inline void local_of_sock(struct record_flow *r, u64 sk)
{
	r->local_port = READ(struct sock, sk, __sk_common.skc_num);
	if (r->key.family == AF_INET) {
		*(u32 *)r->local_addr = READ(struct sock, sk, __sk_common.skc_rcv_saddr);
	} else if (r->key.family == AF_INET6) {
		copy_v6(r->local_addr, MEMBER(struct sock, sk, __sk_common.skc_v6_rcv_saddr));
	}
}

/* As name_file(), for a socket. `end`: heeded() */
__noinline int name_flow(u64 file, u32 what, u64 bytes, u64 end, u64 task)
{
	u64 sk = file_sock(file);
	int slot = scratch_claim();
	struct record_flow *r;
	struct scratch *s;
	long sent;

	s = slot < 0 ? 0 : scratch_at(slot);
	if (!s)
		return -1;
	s->local_length = s->remote_length = s->abstract = 0;
	if (READ(struct sock, sk, __sk_common.skc_family) == AF_UNIX)
		unix_names(slot, s, sk, end);
	r = scratch_head(s, sizeof(*r));
	__builtin_memset(r, 0, sizeof(*r));
	r->bytes = bytes;
	r->what = what;
	head_fill(&r->head, RECORD_flow, scratch_size(s), task);
	r->flags = flow_key_fill(&r->key, file, sk, what, end, task);
	r->protocol = READ(struct sock, sk, sk_protocol);
	r->type = READ(struct sock, sk, sk_type);
	r->state = READ(struct sock, sk, __sk_common.skc_state);
	if (r->state == TCP_LISTEN_STATE)
		r->flags |= FLOW_LISTEN;
	local_of_sock(r, sk);
	if (r->key.family == AF_UNIX)
		unix_other(slot, sk);
	r->abstract = s->abstract;
	r->local_path.length = s->local_length;
	r->local_path.offset = s->local_at - s->at;
	r->remote_path.length = s->remote_length;
	r->remote_path.offset = s->remote_at - s->at;
	sent = ring_send(files_ring, files_wake, r, scratch_size(s));
	scratch_release(s);
	return sent != 0;
}

static __always_inline void flow_row_add(struct flow_row *row, u32 what, u64 bytes, u64 now)
{
	switch (what & WHAT_MASK) {
	case WHAT_CONNECT:
		row->flags |= FLOW_CONNECTED;
		break;
	case WHAT_ACCEPT:
		row->flags |= FLOW_ACCEPTED;
		break;
	case WHAT_WRITE:
	case WHAT_SEND:
		ADD(row->sends, 1);
		ADD(row->sent_bytes, bytes);
		if (!row->sent_first)
			row->sent_first = now;
		row->sent_last = now;
		break;
	case WHAT_READ:
	case WHAT_RECEIVE:
		if (!row->sends && !row->receives)
			row->flags |= FLOW_FIRST_RECEIVE;
		ADD(row->receives, 1);
		ADD(row->received_bytes, bytes);
		if (!row->received_first)
			row->received_first = now;
		row->received_last = now;
		break;
	case WHAT_REFUSED:
		ADD(row->refused, 1);
		row->error = -(s32)bytes;
		break;
	}
}

/* 0: sent, 1: received */
static __always_inline u32 direction_of(u32 what)
{
	return (what & WHAT_MASK) == WHAT_READ || (what & WHAT_MASK) == WHAT_RECEIVE;
}

static __always_inline struct flow_row *flow_row_get(const struct flow_key *key)
{
	struct flow_row *row;
	u32 zero = 0;
	void *rows = bpf_map_lookup_elem(&flows_now, &zero);

	if (!rows)
		return 0;
	row = bpf_map_lookup_elem(rows, key);
	if (row)
		return row;
	bpf_map_update_elem(rows, key, (const void *)&zero_flow_row, BPF_NOEXIST);
	row = bpf_map_lookup_elem(rows, key);
	if (row)
		state.dirty = 1;
	return row;
}

#define PAYLOAD_WANTED 1

/*
 * Counts one call on a socket; for WHAT_REFUSED `bytes` is the errno. `end`: an address given by the process (unix.h), or 0. PAYLOAD_WANTED: the first
 * bytes have not all gone by (payload.h).
 */
__noinline int count_flow(u64 file, u32 what, u64 bytes, u64 end, u64 task)
{
	u64 sk = file_sock(file), now;
	struct flow_key key;
	struct flow_row *row;
	u32 flags;

	if (!sk)
		return 0;
	end = heeded(sk, what, end);
	flags = flow_key_fill(&key, file, sk, what, end, task);
	row = flow_row_get(&key);
	if (!row) {
		if (name_flow(file, what, bytes, end, task))
			lose_call(what, bytes);
		return 0;
	}
	now = bpf_ktime_get_boot_ns();
	if (!row->first)
		row->first = now;
	flow_row_add(row, what, bytes, now);
	row->flags |= flags;
	row->last = now;
	if (follow_depth && key.family == AF_UNIX && (end || !row->named))
		note_socket(sk, end, task);
	if (!row->named) {
		if (name_flow(file, WHAT_TOUCH | (what & (WHAT_BY_ARGUMENT | WHAT_KERNEL_ADDRESS)), 0, end, task))
			ADD(state.lost_name, 1);
		else
			row->named = 1;
	}
	return bytes && !(row->done & (1 << direction_of(what))) ? PAYLOAD_WANTED : 0;
}

#endif
