/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Unix sockets: the names of both ends, and which process is at the other one. */
#ifndef QUIS_BPF_UNIX_H
#define QUIS_BPF_UNIX_H

#include "bpf/file.h"

#define SOCK_DGRAM_TYPE 2
#define SOCKADDR_HEAD 2 /* sa_family, before the name */
#define SOCKADDR_UN 110

static __always_inline u64 file_sock(u64 file)
{
	return (u64)READ(struct socket, READ(struct file, file, private_data), sk);
}

/* ---- addresses that processes give ---- */

/*
 * An address and its length in one word, for they go through functions that have room for no more: what a process has lies below 2^56
 * (Documentation/arch/x86/x86_64/5level-paging.rst), and no address is longer than 128 bytes (struct sockaddr_storage).
 */
#define END_ADDRESS(end) ((end) & 0x00ffffffffffffffULL)
#define END_LENGTH(end) ((u32)((end) >> 56))

static __always_inline u64 end_of(u64 uaddr, u32 length)
{
	return uaddr && length <= 128 ? END_ADDRESS(uaddr) | (u64)length << 56 : 0;
}

/* An address given to a unix socket matters to one of datagrams, and where it is all that is known; others ignore it (net/unix/af_unix.c). */
static __always_inline u64 heeded(u64 sk, u32 what, u64 end)
{
	if (!end || READ(struct sock, sk, __sk_common.skc_family) != AF_UNIX)
		return end;
	return !(what & WHAT_KERNEL_ADDRESS) && ((what & WHAT_BY_ARGUMENT) || READ(struct sock, sk, sk_type) == SOCK_DGRAM_TYPE) ? end : 0;
}

#define END_WORDS ((SOCKADDR_UN - SOCKADDR_HEAD + 7) / 8)
#define LOW_BITS 0x0101010101010101ULL
#define HIGH_BITS 0x8080808080808080ULL

/* The hash of a name in the process's memory or the kernel's, a word at a time: of a path up to its first NUL, of an abstract one all. Odd: it is abstract; 0: there is none. */
__noinline u64 end_hash(u64 end, u32 in_kernel)
{
	u64 at = END_ADDRESS(end) + SOCKADDR_HEAD, hash = HASH_START, nul;
	u64 word[2]; /* of which the first is used: the verifier takes a mask for a bound, and 8 is none */
	u32 length = END_LENGTH(end), size;
	bool path = false;

	if (in_kernel)
		at |= 0xffULL << 56;
	if (length <= SOCKADDR_HEAD || length > SOCKADDR_UN)
		return 0;
	length -= SOCKADDR_HEAD;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < END_WORDS * 8 && i < length; i += 8) {
		size = bound(length - i < 8 ? length - i : 8, 15);
		word[0] = 0;
		if (in_kernel ? bpf_probe_read_kernel(word, size, (void *)(at + i)) : bpf_probe_read_user(word, size, (void *)(at + i)))
			return 0;
		if (!i)
			path = (u8)word[0];
		nul = path ? (word[0] - LOW_BITS) & ~word[0] & HIGH_BITS : 0;
		if (nul)
			word[0] &= ((nul & -nul) >> 7) - 1;
		hash = (hash ^ word[0]) * HASH_PRIME;
		hash ^= hash >> 29;
		if (nul)
			break;
	}
	return path ? hash & ~1ULL : hash | 1;
}

#define IS_ABSTRACT(hash) ((hash) & 1)

/* ... of the name that a socket is bound to. Addresses of the kernel have all of the highest byte set. */
static __always_inline u64 bound_hash(u64 sk)
{
	u64 addr = (u64)READ(struct unix_sock, sk, addr);

	return addr ? end_hash(end_of(addr + bpf_core_field_offset(struct unix_address, name), READ(struct unix_address, addr, len)), 1) : 0;
}

/* ---- who bound a datagram socket: the kernel notes nobody ---- */

/* A socket by its inode, or an abstract name, which is one socket's, by its hash and its network namespace. */
struct bound_key {
	u64 one, two;
};

struct bound_note {
	u64 sk, ino, addr; /* a socket is bound once: its address stays as long as it */
	u32 tgid, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct bound_key);
	__type(value, struct bound_note);
} bound_sockets SEC(".maps");

static __always_inline u64 sock_ino(u64 sk)
{
	u64 sock = sk ? (u64)READ(struct sock, sk, sk_socket) : 0, file = sock ? (u64)READ(struct socket, sock, file) : 0;

	return file ? READ(struct inode, READ(struct file, file, f_inode), i_ino) : 0;
}

static __always_inline u64 sock_net(u64 sk)
{
	return (u64)READ(struct sock, sk, __sk_common.skc_net.net);
}

/* `found`: at the start of the recording, where it may be held by others than who bound it: the first counts. */
__noinline int note_bound(u64 file, u64 task, u32 found)
{
	u64 sk = file && inode_is_socket((u64)READ(struct file, file, f_inode)) ? file_sock(file) : 0;
	struct bound_note note = {.sk = sk, .addr = sk ? (u64)READ(struct unix_sock, sk, addr) : 0};
	struct bound_key key = {};

	if (!sk || READ(struct sock, sk, __sk_common.skc_family) != AF_UNIX || READ(struct sock, sk, sk_type) != SOCK_DGRAM_TYPE ||
		!note.addr)
		return 0;
	note.tgid = READ(struct task_struct, task, tgid);
	key.one = note.ino = sock_ino(sk);
	bpf_map_update_elem(&bound_sockets, &key, &note, found ? BPF_NOEXIST : BPF_ANY);
	key.one = bound_hash(sk);
	if (!IS_ABSTRACT(key.one))
		return 0;
	key.two = sock_net(sk);
	bpf_map_update_elem(&bound_sockets, &key, &note, found ? BPF_NOEXIST : BPF_ANY);
	return 0;
}

/* The socket that is bound to an abstract name, if it was seen to be, and is still. */
static __always_inline u64 bound_to(u64 hash, u64 net)
{
	struct bound_key key = {.one = hash, .two = net};
	struct bound_note *note = IS_ABSTRACT(hash) ? bpf_map_lookup_elem(&bound_sockets, &key) : 0;
	u64 sk;

	if (!note)
		return 0;
	sk = note->sk;
	return sock_ino(sk) == note->ino && (u64)READ(struct unix_sock, sk, addr) == note->addr ? sk : 0;
}

static __always_inline u32 binder_of(u64 ino)
{
	struct bound_key key = {.one = ino};
	struct bound_note *note = ino ? bpf_map_lookup_elem(&bound_sockets, &key) : 0;

	return note ? note->tgid : 0;
}

/* As the kernel noted when the other end connected, listened or made the pair. */
static __always_inline u32 peer_of(u64 sk)
{
	u64 pid = (u64)READ(struct sock, sk, sk_peer_pid);

	return pid ? READ(struct pid, pid, numbers[0].nr) : 0;
}

/* ---- names ---- */

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
	if (length <= SOCKADDR_HEAD + 1 || length > SOCKADDR_UN)
		return 0;
	length = bound(length - SOCKADDR_HEAD - 1, 0x7f);
	at = (s->at - length) & (SCRATCH_OUT - 1);
	bpf_probe_read_kernel(&s->out[at], bound(length, 0x7f),
		(void *)(addr + bpf_core_field_offset(struct unix_address, name) + SOCKADDR_HEAD + 1));
	s->at = at;
	s->flags = SCRATCH_ABSTRACT;
	return length;
}

/* The address that a call gave, put before what is in the slot: a path up to its first NUL, an abstract name whole. */
__noinline u32 unix_argument(u32 slot, u64 end)
{
	u64 uaddr = END_ADDRESS(end) + SOCKADDR_HEAD;
	struct scratch *s = scratch_at(slot);
	u32 length = END_LENGTH(end), at;
	long copied;
	u8 first = 0;

	if (!s)
		return 0;
	at = (s->at - 112) & (SCRATCH_OUT - 1);
	if (length <= SOCKADDR_HEAD || length > SOCKADDR_UN || bpf_probe_read_user(&first, 1, (void *)uaddr))
		return 0;
	length = bound(length - SOCKADDR_HEAD, 0x7f);
	s->at = at;
	if (!first) {
		s->abstract |= 2;
		length = bound(length - 1, 0x7f);
		return length && !bpf_probe_read_user(&s->out[at], bound(length, 0x7f), (void *)(uaddr + 1)) ? length : 0;
	}
	copied = bpf_probe_read_user_str(&s->out[at], bound(length + 1, 0x7f), (void *)uaddr);
	return copied > 1 ? copied - 1 : 0;
}

/* Puts into the record in the slot which socket is at the other end, and which process. Its key has the hash of the address that the call gave, or 0. */
__noinline int unix_other(u32 slot, u64 sk)
{
	struct scratch *s = scratch_at(slot);
	struct record_flow *r;
	u64 hash;

	if (!s)
		return 0;
	r = (struct record_flow *)&s->out[s->at & (SCRATCH_OUT - 1)];
	hash = *(u64 *)r->key.addr;
	r->peer_ino = sock_ino(hash ? bound_to(hash, sock_net(sk)) : (u64)READ(struct unix_sock, sk, peer)); /* 0 until it is accepted */
	r->peer = hash ? 0 : peer_of(sk);
	if (!r->peer)
		r->peer = binder_of(r->peer_ino);
	return 0;
}

/* Both names of a unix socket, put into the slot. */
static __always_inline void unix_names(u32 slot, struct scratch *s, u64 sk, u64 end)
{
	u64 peer;

	s->local_length = unix_name(slot, s, sk);
	s->local_at = s->at;
	s->abstract = s->flags & SCRATCH_ABSTRACT ? 1 : 0;
	peer = end ? 0 : (u64)READ(struct unix_sock, sk, peer);
	if (peer) {
		s->remote_length = unix_name(slot, s, peer);
		s->abstract |= s->flags & SCRATCH_ABSTRACT ? 2 : 0;
	} else {
		s->remote_length = unix_argument(slot, end);
	}
	s->remote_at = s->at;
}

#endif
