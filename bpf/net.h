/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets: bytes each way by (process, socket, remote end), and the record that names both ends. */
#ifndef QUIS_BPF_NET_H
#define QUIS_BPF_NET_H

#include "bpf/file.h"

#define SOCK_DGRAM_TYPE 2
#define SOCK_RAW_TYPE 3
#define TCP_LISTEN_STATE 10 /* include/net/tcp_states.h */

struct address {
	u16 family;
	u16 port; /* network order */
	u8 data[24];
};

static __always_inline u64 file_sock(u64 file)
{
	return (u64)READ(struct socket, READ(struct file, file, private_data), sk);
}

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

/* The remote end in a sockaddr of the process: sendto(), recvfrom(), a refused connect(). */
static __always_inline bool remote_of_argument(struct flow_key *key, u32 what, u64 uaddr)
{
	struct address a = {};

	if (!uaddr)
		return false;
	if (what & WHAT_KERNEL_ADDRESS) {
		bpf_probe_read_kernel(&a, 28, (void *)uaddr);
		return remote_fill(key, &a);
	}
	/* 28 bytes are a sockaddr_in6, 16 a sockaddr_in: the longer read may fault at the end of a page */
	if (bpf_probe_read_user(&a, 28, (void *)uaddr) && bpf_probe_read_user(&a, 16, (void *)uaddr))
		return false;
	return remote_fill(key, &a);
}

/*
 * Fills the key. The remote end belongs to it, because one UDP socket may talk to many, and resolvers connect() one socket to
 * several in turn. Returns FLOW_ARGUMENT when the remote end came from the process's memory.
 */
static __always_inline u32 flow_key_fill(struct flow_key *key, u64 file, u64 sk, u32 what, u64 uaddr, u64 task)
{
	u16 type = READ(struct sock, sk, sk_type);
	bool message = type == SOCK_DGRAM_TYPE || type == SOCK_RAW_TYPE;

	__builtin_memset(key, 0, sizeof(*key));
	key->start = start_of(task);
	key->tgid = READ(struct task_struct, task, tgid);
	key->ino = READ(struct inode, READ(struct file, file, f_inode), i_ino);
	key->family = READ(struct sock, sk, __sk_common.skc_family);
	if (key->family != AF_INET && key->family != AF_INET6)
		return 0;
	if ((message || (what & WHAT_BY_ARGUMENT)) && remote_of_argument(key, what, uaddr))
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

/*
 * The name that a unix socket is bound to, put before what is in the slot: the path of its inode, or the abstract name.
 * Returns its length; SCRATCH_ABSTRACT in scratch.flags for an abstract one.
 */
#define SCRATCH_ABSTRACT 0x100

static __always_inline int unix_name(u32 slot, struct scratch *s, u64 sk)
{
	u64 addr, dentry;
	u32 at, length;

	s->flags = 0;
	dentry = (u64)READ(struct unix_sock, sk, path.dentry);
	if (dentry)
		return walk_path(slot, dentry, (u64)READ(struct unix_sock, sk, path.mnt));
	addr = (u64)READ(struct unix_sock, sk, addr);
	if (!addr)
		return 0;
	length = READ(struct unix_address, addr, len);
	if (length <= 3 || length > 110)
		return 0;
	length = bound(length - 3, 0x7f); /* without the family and the leading NUL */
	at = (s->at - length) & (SCRATCH_OUT - 1);
	bpf_probe_read_kernel(&s->out[at], bound(length, 0x7f),
		(void *)(addr + bpf_core_field_offset(struct unix_address, name) + 3));
	s->at = at;
	s->flags = SCRATCH_ABSTRACT;
	return length;
}

/*
 * The address that a call gave (a refused connect(), a datagram by sendto()), put before what is in the slot: up to its
 * first NUL, behind the one that an abstract name begins with.
 */
static __always_inline u32 unix_argument(struct scratch *s, u64 uaddr)
{
	u32 at = (s->at - 112) & (SCRATCH_OUT - 1);
	u8 first = 0;
	long length;

	if (!uaddr || bpf_probe_read_user(&first, 1, (void *)(uaddr + 2)))
		return 0;
	length = bpf_probe_read_user_str(&s->out[at], 108, (void *)(uaddr + (first ? 2 : 3)));
	if (!first)
		s->abstract |= 2;
	s->at = at;
	return length > 1 ? length - 1 : 0;
}

static __always_inline u32 peer_of(u64 sk)
{
	u64 pid = (u64)READ(struct sock, sk, sk_peer_pid);

	return pid ? READ(struct pid, pid, numbers[0].nr) : 0;
}

/* The other end of a unix socket; 0 until it is accepted. */
static __always_inline u64 peer_ino_of(u64 sk)
{
	u64 peer = (u64)READ(struct unix_sock, sk, peer), sock, file;

	sock = peer ? (u64)READ(struct sock, peer, sk_socket) : 0;
	file = sock ? (u64)READ(struct socket, sock, file) : 0;
	return file ? READ(struct inode, READ(struct file, file, f_inode), i_ino) : 0;
}

/* Both names of a unix socket, put into the slot. */
static __always_inline void unix_names(u32 slot, struct scratch *s, u64 sk, u64 uaddr)
{
	u64 peer;

	s->local_length = unix_name(slot, s, sk);
	s->local_at = s->at;
	s->abstract = s->flags & SCRATCH_ABSTRACT ? 1 : 0;
	peer = (u64)READ(struct unix_sock, sk, peer);
	if (peer) {
		s->remote_length = unix_name(slot, s, peer);
		s->abstract |= s->flags & SCRATCH_ABSTRACT ? 2 : 0;
	} else {
		s->remote_length = unix_argument(s, uaddr);
	}
	s->remote_at = s->at;
}

/* As name_file(), for a socket. */
__noinline int name_flow(u64 file, u32 what, u64 bytes, u64 uaddr, u64 task)
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
		unix_names(slot, s, sk, uaddr);
	r = scratch_head(s, sizeof(*r));
	__builtin_memset(r, 0, sizeof(*r));
	r->bytes = bytes;
	r->what = what;
	head_fill(&r->head, RECORD_flow, scratch_size(s), task);
	r->flags = flow_key_fill(&r->key, file, sk, what, uaddr, task);
	r->protocol = READ(struct sock, sk, sk_protocol);
	r->type = READ(struct sock, sk, sk_type);
	r->state = READ(struct sock, sk, __sk_common.skc_state);
	if (r->state == TCP_LISTEN_STATE)
		r->flags |= FLOW_LISTEN;
	local_of_sock(r, sk);
	if (r->key.family == AF_UNIX) {
		r->peer = peer_of(sk);
		r->peer_ino = peer_ino_of(sk);
	}
	r->abstract = s->abstract;
	r->local_path.length = s->local_length;
	r->local_path.offset = s->local_at - s->at;
	r->remote_path.length = s->remote_length;
	r->remote_path.offset = s->remote_at - s->at;
	sent = ring_send(files_ring, files_half, r, scratch_size(s));
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
 * Counts one call on a socket; for WHAT_REFUSED `bytes` is the errno. `uaddr`: an address given by the process, or 0. PAYLOAD_WANTED: the first
 * bytes have not all gone by (payload.h).
 */
__noinline int count_flow(u64 file, u32 what, u64 bytes, u64 uaddr, u64 task)
{
	u64 sk = file_sock(file), now;
	struct flow_key key;
	struct flow_row *row;
	u32 flags;

	if (!sk)
		return 0;
	flags = flow_key_fill(&key, file, sk, what, uaddr, task);
	row = flow_row_get(&key);
	if (!row) {
		if (name_flow(file, what, bytes, uaddr, task))
			lose_call(what, bytes);
		return 0;
	}
	now = bpf_ktime_get_boot_ns();
	if (!row->first)
		row->first = now;
	flow_row_add(row, what, bytes, now);
	row->flags |= flags;
	row->last = now;
	if (follow_depth && key.family == AF_UNIX && (uaddr || !row->named))
		note_socket(sk, uaddr, task);
	if (!row->named) {
		if (name_flow(file, WHAT_TOUCH | (what & (WHAT_BY_ARGUMENT | WHAT_KERNEL_ADDRESS)), 0, uaddr, task))
			ADD(state.lost_name, 1);
		else
			row->named = 1;
	}
	return bytes && !(row->done & (1 << direction_of(what))) ? PAYLOAD_WANTED : 0;
}

#endif
