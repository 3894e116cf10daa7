/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who sent the files of a message over a unix socket (SCM_RIGHTS). When recvmsg() ends, the kernel has only who made or connected the socket.
 * But the list of files goes from hand to hand by its address (net/unix/af_unix.c): unix_attach_fds() puts it into the message, unix_detach_fds()
 * gives that one to the receiver, and where he only looks (MSG_PEEK), unix_peek_fds() gives him a copy. Before 6.10, whose new garbage collector
 * (4090fa373f0e) made that needless, what is put into the message is a copy too, by the same scm_fp_dup().
 */
#ifndef QUIS_BPF_RIGHTS_H
#define QUIS_BPF_RIGHTS_H

#include "bpf/transfer.h"

#define RIGHTS_MAX 253 /* SCM_MAX_FD, include/net/scm.h */
#define PF_KTHREAD 0x00200000

/* A list in a message -> tgid of the sender, 0: not known. Of more messages under way the oldest are forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u32);
} rights_sent SEC(".maps");

/* Where in a process's memory the kernel puts descriptors: one recvmmsg() has many such places, and io_uring other threads. */
struct rights_place {
	u64 at;
	u64 tgid;
};

/* ... -> who sent them, from there to the end of the call. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct rights_place);
	__type(value, u32);
} rights_got SEC(".maps");

/* The kernel's own threads, which run io_uring's requests before 5.12, are nobody's process. */
static __always_inline u32 sender_now(void)
{
	return READ(struct task_struct, bpf_get_current_task(), flags) & PF_KTHREAD ? 0 : current_tgid();
}

static __always_inline void note_sender(u64 list, u32 sender)
{
	bpf_map_update_elem(&rights_sent, &list, &sender, BPF_ANY);
}

/* unix_prepare_fpl(): the current process sends the list, be it a copy or its own. */
__noinline int rights_attached(u64 list)
{
	note_sender(list, sender_now());
	return 0;
}

/*
 * scm_fp_dup(): the current process looks at `from`, which is in a message; or sends it, where no unix_prepare_fpl() says so. A list that it made
 * has room for RIGHTS_MAX, a copy just for what is in it. There lists that it made are in no message: what was noted of such an address is
 * of another list, that nobody received and that was freed without a word.
 */
__noinline int rights_copied(u64 from, u64 list)
{
	bool moves = bpf_core_field_exists(struct scm_fp_list, vertices);
	s16 room = READ(struct scm_fp_list, from, max);
	u32 *known = 0, sender = 0;

	if (!list)
		return 0;
	if (moves || room == READ(struct scm_fp_list, from, count))
		known = bpf_map_lookup_elem(&rights_sent, &from);
	if (known)
		sender = *known;
	else if (!moves && room == RIGHTS_MAX)
		sender = sender_now();
	note_sender(list, sender);
	return 0;
}

/* scm_detach_fds(): the current process is given the list's descriptors, and the list is freed. Who is not flagged may be at the end of the call. */
__noinline int rights_received(u64 message, u64 cookie)
{
	struct rights_place place = {.at = (u64)READ(struct msghdr, message, msg_control), .tgid = current_tgid()};
	u64 list = (u64)READ(struct scm_cookie, cookie, fp);
	u32 *known = bpf_map_lookup_elem(&rights_sent, &list), sender = known ? *known : 0;

	bpf_map_delete_elem(&rights_sent, &list);
	if (current_flagged() || follow_depth)
		bpf_map_update_elem(&rights_got, &place, &sender, BPF_ANY);
	return 0;
}

/* Of the descriptors that the kernel put there, out of a socket; who made or connected that where nothing is known of the message. */
__noinline int sender_of(u64 sk, u64 at)
{
	struct rights_place place = {.at = at, .tgid = current_tgid()};
	u32 *known, sender = 0;

	if (senders_told) {
		known = bpf_map_lookup_elem(&rights_got, &place);
		sender = known ? *known : 0;
		bpf_map_delete_elem(&rights_got, &place);
	}
	return sender ? sender : peer_of(sk);
}

#endif
