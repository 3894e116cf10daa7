/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls of sockets: connections, buffers, messages of 64-bit and of 32-bit programs, and the files that go with these. */
#ifndef QUIS_BPF_MESSAGE_H
#define QUIS_BPF_MESSAGE_H

#include "bpf/descriptor.h"
#include "bpf/rights.h"

#define MSG_PEEK 2
#define MSG_ERRQUEUE 0x2000
#define MSG_FASTOPEN 0x20000000
#define MESSAGES_MAX 1024 /* UIO_MAXIOV */
#define CONTROL_MAX 4	  /* control messages looked at in one message */

static __always_inline void on_connect(u64 task, long ret, u64 fd, u64 end)
{
	if (ret == 0 || ret == -EINPROGRESS)
		count_fd(task, (u32)fd, WHAT_CONNECT, 0, 0);
	else if (ret < 0 && (ret > -ERESTART_FIRST || ret < -ERESTART_LAST))
		count_fd(task, (u32)fd, WHAT_REFUSED | WHAT_BY_ARGUMENT, -ret, end);
}

static __always_inline void on_send(u64 task, long ret, u64 fd, u64 buffer, u64 flags, u64 end)
{
	if (ret < 0)
		return;
	if (flags & MSG_FASTOPEN) /* connects as it sends */
		count_fd(task, (u32)fd, WHAT_CONNECT, 0, 0);
	if (count_fd(task, (u32)fd, WHAT_SEND, ret, end) == PAYLOAD_WANTED)
		copy_payload_fd((u32)fd, WHAT_SEND, ret, buffer, end);
}

static __always_inline void on_receive(u64 task, long ret, u64 fd, u64 buffer, u64 flags, u64 end)
{
	if (ret < 0)
		return;
	if (count_fd(task, (u32)fd, WHAT_RECEIVE, flags & (MSG_PEEK | MSG_ERRQUEUE) ? 0 : ret, end) == PAYLOAD_WANTED)
		copy_payload_fd((u32)fd, WHAT_RECEIVE, ret, buffer, end);
}

/* recvfrom() and the like: where the kernel wrote the length of the address that it wrote, or NULL. */
static __always_inline u64 end_received(u64 uaddr, u64 at)
{
	u32 length = 0;

	if (uaddr)
		bpf_probe_read_user(&length, sizeof(length), (void *)at);
	return end_of(uaddr, length);
}

/* struct user_msghdr and mmsghdr, include/linux/socket.h: only what is used is read, the stack of eight frames is 512 bytes */
#define MESSAGE_NAME 0
#define MESSAGE_NAME_LENGTH 8
#define MESSAGE_VECTORS 16
#define MESSAGE_CONTROL 32
#define MESSAGE_CONTROL_LENGTH 40
#define MESSAGE_LENGTH 56
#define MESSAGE_SIZE 64
/* struct compat_msghdr and compat_mmsghdr, include/net/compat.h */
#define MESSAGE_CONTROL_32 16
#define MESSAGE_LENGTH_32 28
#define MESSAGE_SIZE_32 32

/* One of the fds that came with a message from a process, or went with it to a socket: then its file is named before it is counted with that. */
static __always_inline void pass_right(u64 at, u32 from, u64 to)
{
	u32 fd;

	if (bpf_probe_read_user(&fd, sizeof(fd), (void *)at))
		return;
	count_fd(0, fd, to ? WHAT_TOUCH : WHAT_TOUCH | HOW_RECEIVED, 0, from);
	if (to)
		give_file(fd, to);
}

/* struct cmsghdr, include/linux/socket.h */
struct control {
	u64 length;
	s32 level, type;
};

/* struct compat_cmsghdr, include/net/compat.h */
struct control_32 {
	u32 length;
	s32 level, type;
};

#define CONTROL_HEAD (narrow ? sizeof(struct control_32) : sizeof(struct control))
#define CONTROL_ALIGN (narrow ? 3ULL : 7ULL)

static __always_inline bool is_rights(const struct control *c)
{
	return c->level == 1 && c->type == 1; /* SOL_SOCKET, SCM_RIGHTS */
}

/* Address and length. */
static __always_inline bool get_controls(u64 control[2], u64 umessage, bool narrow)
{
	u32 short_ones[2];

	if (!narrow)
		return !bpf_probe_read_user(control, 16, (void *)(umessage + MESSAGE_CONTROL)) && control[0];
	if (bpf_probe_read_user(short_ones, sizeof(short_ones), (void *)(umessage + MESSAGE_CONTROL_32)))
		return false;
	control[0] = short_ones[0];
	control[1] = short_ones[1];
	return control[0];
}

static __always_inline bool get_control(struct control *c, u64 at, u64 end, bool narrow)
{
	struct control_32 n;

	if (!narrow)
		return at + sizeof(*c) <= end && !bpf_probe_read_user(c, sizeof(*c), (void *)at) && c->length >= sizeof(*c);
	if (at + sizeof(n) > end || bpf_probe_read_user(&n, sizeof(n), (void *)at) || n.length < sizeof(n))
		return false;
	c->length = n.length;
	c->level = n.level;
	c->type = n.type;
	return true;
}

static __always_inline int pass_rights(u64 file, u64 umessage, u32 what, bool narrow)
{
	u64 control[2];
	u64 sk, at, count;
	struct control c;
	u32 from;

	if (!(file >> 32)) /* a descriptor: looked up here, where there is stack for it */
		file = fd_file(bpf_get_current_task(), file);
	if (!file || !inode_is_socket((u64)READ(struct file, file, f_inode)))
		return 0;
	sk = file_sock(file);
	if (READ(struct sock, sk, __sk_common.skc_family) != AF_UNIX)
		return 0;
	if (!get_controls(control, umessage, narrow))
		return 0;
	control[1] += control[0];
	at = control[0];
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < CONTROL_MAX; i++) {
		if (!get_control(&c, at, control[1], narrow))
			return 0;
		if (is_rights(&c))
			break;
		at += (c.length + CONTROL_ALIGN) & ~CONTROL_ALIGN;
	}
	if (!is_rights(&c))
		return 0;
	from = what == WHAT_SEND ? 0 : sender_of(sk, at);
	count = (c.length - CONTROL_HEAD) / 4;
	at += CONTROL_HEAD;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < RIGHTS_MAX; i++) {
		if (i >= count)
			break;
		pass_right(at + i * 4, from, what == WHAT_SEND ? file : 0);
	}
	at += ((c.length + CONTROL_ALIGN) & ~CONTROL_ALIGN) - CONTROL_HEAD;
	if (what == WHAT_SEND && get_control(&c, at, control[1], narrow) && is_rights(&c))
		ADD(state.lost_calls, 1);
	return 0;
}

/*
 * Files that pass over a unix socket (SCM_RIGHTS). The kernel gives one such message; a sender may give several (scm_fp_copy(), net/core/scm.c):
 * what the later ones hold is lost. First the message, then its files: a loop within a loop is what kernel 5.10 walks through to no end.
 */
__noinline int on_control(u64 file, u64 umessage, u32 what)
{
	return pass_rights(file, umessage, what, false);
}

/* ... of a 32-bit call. */
__noinline int on_control_32(u64 fd, u64 umessage, u32 what)
{
	return pass_rights((u32)fd, umessage, what, true);
}

/* The other end, as the message's header says. */
static __always_inline u64 message_end(u64 umessage)
{
	u64 name[2]; /* address; length in the lower half */

	return bpf_probe_read_user(name, sizeof(name), (void *)(umessage + MESSAGE_NAME)) ? 0 : end_of(name[0], name[1]);
}

static __always_inline void copy_message(u64 fd, u64 umessage, u32 what, u64 bytes, u64 end)
{
	u64 vectors[2]; /* address and how many */

	if (bpf_probe_read_user(vectors, sizeof(vectors), (void *)(umessage + MESSAGE_VECTORS)))
		vectors[0] = vectors[1] = 0;
	if (!vectors[1])
		vectors[0] = 0;
	copy_payload_fd((u32)fd, what | payload_vectors(vectors[1]), bytes, vectors[0], end);
}

/* One message: its address is in the process's memory, and, for the mmsg calls, its length, which the kernel wrote there. */
__noinline int on_message(u64 fd, u64 umessage, u32 what, s64 bytes, u64 flags)
{
	u64 end;

	if (bytes < 0) {
		u32 length = 0;

		if (bpf_probe_read_user(&length, sizeof(length), (void *)(umessage + MESSAGE_LENGTH))) {
			ADD(state.lost_calls, 1);
			return 0;
		}
		bytes = length;
	}
	if (flags & (MSG_PEEK | MSG_ERRQUEUE))
		bytes = 0;
	end = message_end(umessage);
	if (count_fd(0, (u32)fd, what, bytes, end) == PAYLOAD_WANTED)
		copy_message(fd, umessage, what, bytes, end);
	return 0;
}

static __always_inline void on_one_message(u64 task, long ret, u64 fd, u64 umessage, u32 what, u64 flags)
{
	if (ret < 0)
		return;
	if (what == WHAT_SEND && (flags & MSG_FASTOPEN))
		count_fd(task, (u32)fd, WHAT_CONNECT, 0, 0);
	on_message(fd, umessage, what, ret, what == WHAT_SEND ? 0 : flags);
	on_control((u32)fd, umessage, what);
}

/* A few messages a call: the verifier walks through each loop once, and two short loops are shorter than one long one. */
#define MESSAGES_A_CALL 32
#define MESSAGES_A_CALL_32 256 /* of one 32-bit call at all */

__noinline int some_messages(u64 count, u64 fd, u64 vector, u32 what, u64 flags)
{
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < MESSAGES_A_CALL; i++) {
		if (i >= count)
			break;
		on_message(fd, vector + i * MESSAGE_SIZE, what, -1, flags);
		on_control((u32)fd, vector + i * MESSAGE_SIZE, what);
	}
	return 0;
}

static __always_inline void on_messages(s64 count, u64 fd, u64 vector, u32 what, u64 flags)
{
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < MESSAGES_MAX; i += MESSAGES_A_CALL) {
		if ((s64)i >= count)
			break;
		some_messages(count - i, fd, vector + i * MESSAGE_SIZE, what, flags);
	}
}

/* ---- of 32-bit calls ---- */

static __always_inline u64 message_end_32(u64 umessage)
{
	u32 name[2]; /* the first two of struct compat_msghdr */

	return bpf_probe_read_user(name, sizeof(name), (void *)umessage) ? 0 : end_of(name[0], name[1]);
}

static __always_inline void on_send_32(long ret, u64 fd, u64 umessage, u64 flags)
{
	on_send(0, ret, fd, 0, flags, message_end_32(umessage));
	if (ret >= 0)
		on_control_32(fd, umessage, WHAT_SEND);
}

static __always_inline void on_receive_32(long ret, u64 fd, u64 umessage, u64 flags)
{
	on_receive(0, ret, fd, 0, flags, message_end_32(umessage));
	if (ret >= 0)
		on_control_32(fd, umessage, WHAT_RECEIVE);
}

/* One of several messages. */
__noinline int on_message_32(u64 fd, u64 umessage, u32 what, u64 flags)
{
	u32 length = 0;

	if (bpf_probe_read_user(&length, sizeof(length), (void *)(umessage + MESSAGE_LENGTH_32)))
		ADD(state.lost_calls, 1);
	else if (what == WHAT_SEND)
		on_send(0, length, fd, 0, flags, message_end_32(umessage));
	else
		on_receive(0, length, fd, 0, flags, message_end_32(umessage));
	return 0;
}

/* Not by a function of their own, as some_messages() is: with that of the handler they would be nine deep, and the kernel takes eight. */
static __always_inline void on_messages_32(s64 count, u64 fd, u64 vector, u32 what, u64 flags)
{
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < MESSAGES_A_CALL_32; i++) {
		if ((s64)i >= count)
			return;
		on_message_32(fd, vector + i * MESSAGE_SIZE_32, what, flags);
		on_control_32(fd, vector + i * MESSAGE_SIZE_32, what);
	}
	if (count > MESSAGES_A_CALL_32)
		ADD(state.lost_calls, count - MESSAGES_A_CALL_32);
}

#endif
