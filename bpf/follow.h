/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * --follow-ipc: who receives data from a flagged process is flagged then and there, before it can do anything with it. When a flagged process
 * comes to a unix socket or to a pipe that it may write, the other end is noted, which is before it can write; when somebody
 * else's receive at such an end returns, that process is flagged, whoever connected or listened. Nobody asks for this unless follow_depth is set.
 */
#ifndef QUIS_BPF_FOLLOW_H
#define QUIS_BPF_FOLLOW_H

#include "bpf/process.h"

/* A receiving end. A stream: the sockets at both ends, so that an address that is used anew is not taken for it. A datagram socket: the name
 * that it is bound to, an abstract one in its network namespace. A pipe: its inode. */
struct end_key {
	u64 one, two;
};

#define FMODE_WRITE 2 /* include/linux/fs.h */
#define END_NAME 1ULL /* in `two`; no kernel address */
#define END_PIPE 2ULL

struct end_note {
	u32 from;  /* tgid of the flagged process */
	u32 depth; /* of it */
	u32 peer;  /* who is at the other end, as the kernel noted when it was made */
	u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct end_key);
	__type(value, struct end_note);
} ends SEC(".maps");

struct process_id {
	u64 start;
	u64 tgid;
};

/* Who was flagged so: as many as there may be in one recording. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct process_id);
	__type(value, u32);
} followed SEC(".maps");

static __always_inline void note_end(const struct end_key *key, u64 task, u32 peer)
{
	u32 tgid = READ(struct task_struct, task, tgid);
	struct end_note note = {.from = tgid, .depth = depth_of(tgid), .peer = peer};

	if (note.depth < follow_depth)
		bpf_map_update_elem(&ends, key, &note, BPF_ANY);
}

static __always_inline void name_key(struct end_key *key, u64 hash, u64 sk)
{
	key->one = hash;
	key->two = IS_ABSTRACT(hash) ? sock_net(sk) : END_NAME;
}

/* A flagged process comes to a unix socket. */
static __noinline int note_socket(u64 sk, u64 end, u64 task)
{
	u64 peer = (u64)READ(struct unix_sock, sk, peer);
	struct end_key key = {.one = peer, .two = sk};

	if (peer && (u64)READ(struct unix_sock, peer, peer) == sk) {
		note_end(&key, task, peer_of(peer));
		return 0;
	}
	name_key(&key, peer ? bound_hash(peer) : end_hash(end, 0), sk);
	if (key.one)
		note_end(&key, task, 0);
	return 0;
}

static __always_inline void pipe_key(struct end_key *key, u64 inode)
{
	key->one = READ(struct inode, inode, i_ino);
	key->two = (u64)READ(struct super_block, READ(struct inode, inode, i_sb), s_dev) << 2 | END_PIPE;
}

/* ... and to a pipe that it may write. */
static __noinline int note_pipe(u64 file, u64 task)
{
	struct end_key key;

	if (!(READ(struct file, file, f_mode) & FMODE_WRITE))
		return 0;
	pipe_key(&key, (u64)READ(struct file, file, f_inode));
	note_end(&key, task, 0);
	return 0;
}

static __always_inline struct end_note *note_of_socket(u64 sk)
{
	struct end_key key = {.one = sk, .two = (u64)READ(struct unix_sock, sk, peer)};
	struct end_note *note;

	if (key.two) {
		note = bpf_map_lookup_elem(&ends, &key);
		return note && note->peer == peer_of(sk) ? note : 0;
	}
	if (READ(struct sock, sk, sk_type) != SOCK_DGRAM_TYPE)
		return 0;
	name_key(&key, bound_hash(sk), sk);
	return key.one ? bpf_map_lookup_elem(&ends, &key) : 0;
}

/* One of the programs through which everybody talks to everybody. */
static __always_inline bool is_relay(u32 slot, struct scratch *s, u64 task)
{
	u64 exe = (u64)READ(struct mm_struct, READ(struct task_struct, task, mm), exe_file);
	u32 at = s->at;
	int length;

	if (!exe)
		return true;
	length = walk_path(slot, (u64)READ(struct file, exe, f_path.dentry), (u64)READ(struct file, exe, f_path.mnt));
	return path_flag_from(slot, at - length, at, RELAY_HASH_START) != (int)FLAG_NONE;
}

/* The current process has received from `from`. Returns 1 when it is flagged now. */
static __noinline int follow(u32 slot, u32 from, u32 depth)
{
	u64 task = bpf_get_current_task();
	struct scratch *s = scratch_at(slot);
	struct process_id id = {.start = start_of(task), .tgid = current_tgid()};

	if (!s || id.tgid == 1 || id.tgid == state.own_tgid || is_relay(slot, s, task))
		return 0;
	if (depth > follow_depth || (bpf_map_update_elem(&followed, &id, &depth, BPF_NOEXIST) && !bpf_map_lookup_elem(&followed, &id))) {
		ADD(state.follow_refused, 1);
		return 0;
	}
	marks[id.tgid & (PID_LIMIT - 1)] = MARK_FLAGGED | bound(depth, MARK_DEPTH_MAX) << MARK_DEPTH_SHIFT;
	s->at = SCRATCH_OUT;
	s->found = from;
	send_image(slot, task, FLAG_IPC, 0, RECORD_process);
	return 1;
}

/* A process that is not flagged has received on `fd`. Returns 1 when it is flagged by that: then the call counts already. */
static __noinline int received(u64 fd)
{
	u64 task = bpf_get_current_task(), file = fd_file(task, (u32)fd), inode, sk;
	struct end_note *note = 0;
	struct end_key key;
	struct scratch *s;
	int slot, flagged;
	u32 from, depth;

	if (!file || mark_of(current_tgid()) != MARK_NONE)
		return 0;
	inode = (u64)READ(struct file, file, f_inode);
	if ((READ(struct inode, inode, i_mode) & S_IFMT) == S_IFIFO) {
		pipe_key(&key, inode);
		note = bpf_map_lookup_elem(&ends, &key);
	} else if (inode_is_socket(inode)) {
		sk = file_sock(file);
		if (sk && READ(struct sock, sk, __sk_common.skc_family) == AF_UNIX)
			note = note_of_socket(sk);
	}
	if (!note)
		return 0;
	from = note->from;
	depth = note->depth + 1;
	slot = scratch_claim();
	s = slot < 0 ? 0 : scratch_at(slot);
	if (!s) {
		ADD(state.follow_refused, 1);
		return 0;
	}
	flagged = follow(slot, from, depth);
	scratch_release(s);
	if (flagged)
		inherit_all(task, HELD_FDS);
	return flagged;
}

/* read, readv, recvfrom, recvmsg, splice, tee, recvmmsg, preadv2: those whose first argument is the end that they receive at */
#define receives(number)                                                                                               \
	((number) == 0 || (number) == 19 || (number) == 45 || (number) == 47 || (number) == 275 || (number) == 276 ||  \
		(number) == 299 || (number) == 327)

#define follows(number, ret, fd) (receives(number) && follow_depth && (ret) > 0 && received(fd))

#endif
