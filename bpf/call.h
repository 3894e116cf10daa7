/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The system calls: from arguments and result to objects. One row a call in QUIS_SYSCALLS; both ways to attach are made from it.
 * A handler runs at the exit of the call, when the registers still hold its arguments; what counts is what the kernel returned.
 */
#ifndef QUIS_BPF_CALL_H
#define QUIS_BPF_CALL_H

#include "bpf/net.h"

#define MAP_ANONYMOUS 0x20
#define MSG_PEEK 2
#define MSG_ERRQUEUE 0x2000
#define EINPROGRESS 115
#define ERESTART_FIRST 512 /* include/linux/errno.h: the call will run again and then end for good */
#define ERESTART_LAST 516
#define MESSAGES_MAX 1024 /* UIO_MAXIOV */
#define CONTROL_MAX 4	  /* control messages looked at in one recvmsg() */
#define RIGHTS_MAX 253	  /* SCM_MAX_FD, include/net/scm.h */

/* Counts a call on an fd of the current process, be it a file or a socket. */
__noinline int count_fd(u64 fd, u32 what, u64 bytes, u32 from, u64 uaddr)
{
	u64 task = bpf_get_current_task();
	u64 file = fd_file(task, fd);

	if (!file) {
		/* closed by another thread before we looked: the object is gone, the call is not */
		lose_call(what, bytes);
		return 0;
	}
	if (inode_is_socket((u64)READ(struct file, file, f_inode)))
		return count_flow(file, what, bytes, uaddr, task);
	return count_file(file, what, bytes, from, task);
}

static __always_inline void on_open(long ret, u64 name)
{
	if (ret >= 0)
		count_fd(ret, WHAT_OPEN | HOW_OPENED, 0, 0, 0);
	else if (ret > -ERESTART_FIRST || ret < -ERESTART_LAST)
		send_refused(name, ret);
}

static __always_inline void on_bytes(long ret, u64 fd, u32 what)
{
	if (ret >= 0)
		count_fd((u32)fd, what, ret, 0, 0);
}

/* From one fd to another, within the kernel. */
static __always_inline void on_transfer(long ret, u64 from, u64 to)
{
	on_bytes(ret, from, WHAT_READ);
	on_bytes(ret, to, WHAT_WRITE);
}

static __always_inline void on_gained(long ret, u32 what)
{
	if (ret >= 0)
		count_fd((u32)ret, what, 0, 0, 0);
}

static __always_inline void on_mmap(long ret, u64 length, u64 flags, u64 fd, u64 offset)
{
	u64 file, size;

	if ((flags & MAP_ANONYMOUS) || (ret < 0 && ret >= -4095))
		return;
	file = fd_file(bpf_get_current_task(), (u32)fd);
	if (!file) {
		lose_call(WHAT_MAP, length);
		return;
	}
	size = READ(struct inode, READ(struct file, file, f_inode), i_size);
	if (offset >= size)
		length = 0;
	else if (length > size - offset)
		length = size - offset;
	count_file(file, WHAT_MAP, length, 0, bpf_get_current_task());
}

static __always_inline void on_connect(long ret, u64 fd, u64 uaddr)
{
	if (ret == 0 || ret == -EINPROGRESS)
		count_fd((u32)fd, WHAT_CONNECT, 0, 0, 0);
	else if (ret < 0 && (ret > -ERESTART_FIRST || ret < -ERESTART_LAST))
		count_fd((u32)fd, WHAT_REFUSED | WHAT_BY_ARGUMENT, -ret, 0, uaddr);
}

static __always_inline void on_send(long ret, u64 fd, u64 uaddr)
{
	if (ret >= 0)
		count_fd((u32)fd, WHAT_SEND, ret, 0, uaddr);
}

static __always_inline void on_receive(long ret, u64 fd, u64 flags, u64 uaddr)
{
	if (ret >= 0)
		count_fd((u32)fd, WHAT_RECEIVE, flags & (MSG_PEEK | MSG_ERRQUEUE) ? 0 : ret, 0, uaddr);
}

/* struct user_msghdr and mmsghdr, include/linux/socket.h: only what is used is read, the stack of eight frames is 512 bytes */
#define MESSAGE_NAME 0
#define MESSAGE_CONTROL 32
#define MESSAGE_LENGTH 56
#define MESSAGE_SIZE 64

/* One of the fds that came with a message. */
static __always_inline void gain_right(u64 at, u32 from)
{
	u32 fd;

	if (!bpf_probe_read_user(&fd, sizeof(fd), (void *)at))
		count_fd(fd, WHAT_TOUCH | HOW_RECEIVED, 0, from, 0);
}

/* struct cmsghdr, include/linux/socket.h */
struct control {
	u64 length;
	s32 level, type;
};

/* Files received over a unix socket (SCM_RIGHTS). Returns the address of the next control message, or 0. */
static __always_inline u64 gain_rights(u64 at, u64 end, u32 from)
{
	struct control c;

	if (at + sizeof(c) > end || bpf_probe_read_user(&c, sizeof(c), (void *)at) || c.length < sizeof(c))
		return 0;
	if (c.level == 1 && c.type == 1) { /* SOL_SOCKET, SCM_RIGHTS */
#pragma clang loop unroll(disable)
		for (u32 i = 0; i < RIGHTS_MAX; i++) {
			if (sizeof(c) + (i + 1) * 4 > c.length)
				break;
			gain_right(at + sizeof(c) + i * 4, from);
		}
	}
	return at + ((c.length + 7) & ~7ULL);
}

__noinline int on_control(u64 fd, u64 umessage)
{
	u64 file = fd_file(bpf_get_current_task(), (u32)fd), sk, at;
	u64 control[2]; /* address and length */
	u32 from;

	if (!file || !inode_is_socket((u64)READ(struct file, file, f_inode)))
		return 0;
	sk = file_sock(file);
	if (READ(struct sock, sk, __sk_common.skc_family) != AF_UNIX)
		return 0;
	if (bpf_probe_read_user(control, sizeof(control), (void *)(umessage + MESSAGE_CONTROL)) || !control[0])
		return 0;
	from = peer_of(sk);
	at = control[0];
	for (int i = 0; i < CONTROL_MAX && at; i++)
		at = gain_rights(at, control[0] + control[1], from);
	return 0;
}

/* One message: its address is in the process's memory, and, for the mmsg calls, its length, which the kernel wrote there. */
__noinline int on_message(u64 fd, u64 umessage, u32 what, s64 bytes, u64 flags)
{
	u64 name = 0;

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
	bpf_probe_read_user(&name, sizeof(name), (void *)(umessage + MESSAGE_NAME));
	return count_fd((u32)fd, what, bytes, 0, name);
}

static __always_inline void on_one_message(long ret, u64 fd, u64 umessage, u32 what, u64 flags)
{
	if (ret < 0)
		return;
	on_message(fd, umessage, what, ret, flags);
	if (what == WHAT_RECEIVE)
		on_control(fd, umessage);
}

/* A few messages a call: the verifier walks through each loop once, and two short loops are shorter than one long one. */
#define MESSAGES_A_CALL 32

__noinline int some_messages(u64 count, u64 fd, u64 vector, u32 what, u64 flags)
{
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < MESSAGES_A_CALL; i++) {
		if (i >= count)
			break;
		on_message(fd, vector + i * MESSAGE_SIZE, what, -1, flags);
		if (what == WHAT_RECEIVE)
			on_control(fd, vector + i * MESSAGE_SIZE);
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

/* vmsplice(): the end of the pipe says which way */
static __always_inline void on_vmsplice(long ret, u64 fd)
{
	u64 file = fd_file(bpf_get_current_task(), (u32)fd);

	if (ret >= 0)
		count_fd((u32)fd, READ(struct file, file, f_mode) & 2 ? WHAT_WRITE : WHAT_READ, ret, 0, 0);
}

/*
 * Number and name are those of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl); A..F are the arguments, R the result.
 */
#define QUIS_SYSCALLS(X)                                                                                               \
	X(0, read, on_bytes(R, A, WHAT_READ))                                                                          \
	X(1, write, on_bytes(R, A, WHAT_WRITE))                                                                        \
	X(2, open, on_open(R, A))                                                                                      \
	X(9, mmap, on_mmap(R, B, D, E, F))                                                                             \
	X(17, pread64, on_bytes(R, A, WHAT_READ))                                                                      \
	X(18, pwrite64, on_bytes(R, A, WHAT_WRITE))                                                                    \
	X(19, readv, on_bytes(R, A, WHAT_READ))                                                                        \
	X(20, writev, on_bytes(R, A, WHAT_WRITE))                                                                      \
	X(40, sendfile64, on_transfer(R, B, A))                                                                        \
	X(42, connect, on_connect(R, A, B))                                                                            \
	X(43, accept, on_gained(R, WHAT_ACCEPT))                                                                       \
	X(44, sendto, on_send(R, A, E))                                                                                \
	X(45, recvfrom, on_receive(R, A, D, E))                                                                        \
	X(46, sendmsg, on_one_message(R, A, B, WHAT_SEND, 0))                                                          \
	X(47, recvmsg, on_one_message(R, A, B, WHAT_RECEIVE, C))                                                       \
	X(78, getdents, on_bytes(R, A, WHAT_LIST))                                                                     \
	X(85, creat, on_open(R, A))                                                                                    \
	X(217, getdents64, on_bytes(R, A, WHAT_LIST))                                                                  \
	X(257, openat, on_open(R, B))                                                                                  \
	X(275, splice, on_transfer(R, A, C))                                                                           \
	X(276, tee, on_transfer(R, A, B))                                                                              \
	X(278, vmsplice, on_vmsplice(R, A))                                                                            \
	X(288, accept4, on_gained(R, WHAT_ACCEPT))                                                                     \
	X(295, preadv, on_bytes(R, A, WHAT_READ))                                                                      \
	X(296, pwritev, on_bytes(R, A, WHAT_WRITE))                                                                    \
	X(299, recvmmsg, on_messages(R, A, B, WHAT_RECEIVE, D))                                                        \
	X(304, open_by_handle_at, on_gained(R, WHAT_OPEN | HOW_OPENED))                                                \
	X(307, sendmmsg, on_messages(R, A, B, WHAT_SEND, 0))                                                           \
	X(319, memfd_create, on_gained(R, WHAT_TOUCH | HOW_OPENED))                                                    \
	X(326, copy_file_range, on_transfer(R, A, C))                                                                  \
	X(327, preadv2, on_bytes(R, A, WHAT_READ))                                                                     \
	X(328, pwritev2, on_bytes(R, A, WHAT_WRITE))                                                                   \
	X(437, openat2, on_open(R, B))                                                                                 \
	X(438, pidfd_getfd, on_gained(R, WHAT_TOUCH | HOW_PIDFD))

#endif
