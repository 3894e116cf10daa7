/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The system calls: from arguments and result to objects. One row a call in QUIS_SYSCALLS; both ways to attach are made from it.
 * A handler runs at the exit of the call, when the registers still hold its arguments; what counts is what the kernel returned.
 */
#ifndef QUIS_BPF_CALL_H
#define QUIS_BPF_CALL_H

#include "bpf/action.h"
#include "bpf/aio.h"
#include "bpf/message.h"

#define MAP_ANONYMOUS 0x20
#define MAP_POPULATE 0x8000
#define MAP_NONBLOCK 0x10000

/* ---- fanotify: a read of the group's descriptor gives open files ---- */

#define EVENTS_A_CALL 16
#define EVENTS_CALLS 16
#define FAN_REPORT_TID 0x100
#define PIDFD_THREAD 0x80 /* O_EXCL; include/uapi/linux/pidfd.h, from 6.9 */

/* struct fanotify_event_metadata, include/uapi/linux/fanotify.h */
struct fanotify_event {
	u32 length;
	u8 version, reserved;
	u16 metadata_length;
	u64 mask;
	s32 fd;
	s32 pid;
};

/* The bits of FAN_ACCESS to FAN_OPEN stay, FAN_OPEN_EXEC (0x1000) goes behind them, and then FAN_OPEN_PERM (0x10000) to FAN_PRE_ACCESS. */
static __always_inline u32 event_bits(u64 mask)
{
	return (mask & 0x3b) | (mask >> 6 & EVENT_OPEN_EXEC) |
	       (mask >> 9 & (EVENT_OPEN_PERM | EVENT_ACCESS_PERM | EVENT_OPEN_EXEC_PERM | EVENT_PRE_ACCESS));
}

static __always_inline void gain_event(const struct fanotify_event *event, u32 processes)
{
	u64 task = bpf_get_current_task(), file = fd_file(task, event->fd);

	if (file)
		count_file(file, WHAT_TOUCH | HOW_FANOTIFY | event_bits(event->mask) << EVENTS_SHIFT, 0,
			processes ? event->pid : 0, task);
}

/* Up to EVENTS_A_CALL events; returns the address of the next, 0 at the end. `processes`: what they give as pid is a process, by our number */
__noinline u64 gain_events(u64 at, u64 end, u32 processes)
{
	struct fanotify_event event;

#pragma clang loop unroll(disable)
	for (int i = 0; i < EVENTS_A_CALL; i++) {
		if (at + sizeof(event) > end || bpf_probe_read_user(&event, sizeof(event), (void *)at) ||
			event.length < sizeof(event))
			return 0;
		if (event.fd >= 0)
			gain_event(&event, processes);
		at += event.length;
	}
	return at;
}

/* The number that an event gives is a thread's if fanotify_init() was asked for that, and of the reader's own namespace. */
__noinline int tells_processes(u64 fd)
{
	u64 task = bpf_get_current_task(), group = (u64)READ(struct file, fd_file(task, (u32)fd), private_data);

	return numbers_are_ours(task) && bpf_core_field_exists(struct fsnotify_group, fanotify_data) &&
	       !(READ(struct fsnotify_group, group, fanotify_data.flags) & FAN_REPORT_TID);
}

/* "[fanotify]", the name of the group's anonymous inode (fanotify_init(), fs/notify/fanotify/fanotify_user.c) */
__noinline int is_fanotify(u64 fd)
{
	u64 file = fd_file(bpf_get_current_task(), (u32)fd);

	return file && is_anonymous(file, "[fanotify]");
}

static __always_inline void on_read(u64 task, long ret, u64 fd, u64 buffer)
{
	u64 at = buffer;
	u32 processes;

	if (on_data(task, ret, fd, WHAT_READ, buffer, 0) != COUNTED_ANONYMOUS || ret < (long)sizeof(struct fanotify_event) || !is_fanotify(fd))
		return;
	processes = tells_processes(fd);
#pragma clang loop unroll(disable)
	for (int i = 0; i < EVENTS_CALLS && at; i++)
		at = gain_events(at, buffer + ret, processes);
}

/* From one fd to another, within the kernel. */
static __always_inline void on_transfer(u64 task, long ret, u64 from, u64 to)
{
	on_bytes(task, ret, from, WHAT_READ);
	on_bytes(task, ret, to, WHAT_WRITE);
	if (ret > 0)
		transfer_fds(from, to, ret);
}

static __always_inline void on_gained(u64 task, long ret, u32 what)
{
	if (ret >= 0)
		count_fd(task, (u32)ret, what, 0, 0);
}

static __always_inline void on_taken(long ret, u64 pidfd)
{
	u64 task = bpf_get_current_task(), of_thread;

	if (ret < 0)
		return;
	of_thread = READ(struct file, fd_file(task, (u32)pidfd), f_flags) & PIDFD_THREAD;
	count_fd(task, (u32)ret, WHAT_TOUCH | HOW_PIDFD, 0, of_thread ? 0 : pidfd_process(task, pidfd));
}

static __always_inline void on_mmap(long ret, u64 length, u64 flags, u64 fd, u64 offset)
{
	u64 task, file, size;

	if ((flags & MAP_ANONYMOUS) || (ret < 0 && ret >= -4095))
		return;
	task = bpf_get_current_task();
	file = fd_file(task, (u32)fd);
	if (!file) {
		lose_call(WHAT_MAP, length);
		return;
	}
	size = READ(struct inode, READ(struct file, file, f_inode), i_size);
	if (offset >= size)
		length = 0;
	else if (length > size - offset)
		length = size - offset;
	count_file(file, WHAT_MAP, length, 0, task);
	if (file_mapped(file) && (flags & MAP_POPULATE) && !(flags & MAP_NONBLOCK)) /* brought in during the call */
		count_file(file, WHAT_FAULT, length, 0, task);
}

/* vmsplice(): the end of the pipe says which way */
static __always_inline void on_vmsplice(long ret, u64 fd)
{
	u64 task = bpf_get_current_task(), file = fd_file(task, (u32)fd);

	if (ret >= 0)
		count_fd(task, (u32)fd, READ(struct file, file, f_mode) & 2 ? WHAT_WRITE : WHAT_READ, ret, 0);
}

/* Sockets that hear what is not meant for them: packet, netlink, raw */
static __always_inline bool is_hearing(u64 family, u64 type)
{
	return family == 17 || family == 16 || (type & 0xf) == SOCK_RAW_TYPE;
}

static __always_inline void on_socket(u64 regs, u64 family, u64 type, s64 ret)
{
	if (is_hearing(family, type))
		on_action(regs, 41, 0, ret, 64);
}

/* ---- blocks that files share ---- */

/* include/uapi/linux/fs.h */
#define CLONE_FILE 0x40049409U	/* FICLONE */
#define CLONE_RANGE 0x4020940dU /* FICLONERANGE */
#define DEDUPE_RANGE 0xc0189436U /* FIDEDUPERANGE */
#define DEDUPES_MAX 8

/* struct file_dedupe_range_info, behind the 24 bytes of struct file_dedupe_range */
struct dedupe {
	s64 fd;
	u64 offset, bytes;
	s32 status;
	u32 reserved;
};

/* Of one destination; the bytes were compared, and are the same afterwards: both files were read. */
__noinline int dedupe_one(u64 fd, u64 at)
{
	struct dedupe d;

	if (bpf_probe_read_user(&d, sizeof(d), (void *)at) || d.status)
		return 0;
	count_fd(0, (u32)fd, WHAT_READ, d.bytes, 0);
	return count_fd(0, (u32)d.fd, WHAT_READ, d.bytes, 0);
}

__noinline int dedupe(u64 fd, u64 at)
{
	u16 count = 0;

	if (bpf_probe_read_user(&count, sizeof(count), (void *)(at + 16)))
		return 0;
	if (count > DEDUPES_MAX)
		ADD(state.lost_calls, count - DEDUPES_MAX);
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < DEDUPES_MAX && i < count; i++)
		dedupe_one(fd, at + 24 + i * sizeof(struct dedupe));
	return 0;
}

/* The bytes of the source that the destination shares from now on: read of the one, written to the other, as if they had been copied. */
__noinline int clone(u64 to, u64 from, u64 offset, u64 length)
{
	u64 task = bpf_get_current_task(), file = fd_file(task, (u32)from);
	u64 size = file ? READ(struct inode, READ(struct file, file, f_inode), i_size) : 0;

	if (!length)
		length = offset < size ? size - offset : 0;
	transfer_fds((u32)from, (u32)to, length);
	count_fd(task, (u32)from, WHAT_READ, length, 0);
	return count_fd(task, (u32)to, WHAT_WRITE, length, 0);
}

__noinline int clone_range(u64 to, u64 at)
{
	u64 range[3]; /* source, its offset, length */

	if (bpf_probe_read_user(range, sizeof(range), (void *)at))
		return 0;
	return clone(to, range[0], range[1], range[2]);
}

/* No local variables: together with the deepest handler the programs' frames fill the 512 bytes that kernels before 6.13 allow. */
static __always_inline void on_ioctl(long ret, u64 fd, u32 command, u64 argument)
{
	if (ret)
		return;
	if (command == CLONE_FILE)
		clone(fd, argument, 0, 0);
	else if (command == CLONE_RANGE)
		clone_range(fd, argument);
	else if (command == DEDUPE_RANGE)
		dedupe(fd, argument);
}

/* ---- metadata ---- */

#define EMPTY_PATH_FD(dirfd) ((s32)(dirfd) != AT_FDCWD)

/*
 * stat and the like. By an fd the object is there at the end of the call. By name it is not, and the name is counted; but where stats are
 * counted as the kernel asks the object (security_inode_getattr), those that went well are not counted again (`told`).
 */
__noinline int look_at(u64 task, u64 dirfd, u64 name, s64 ret, u32 told)
{
	u8 first = 0;
	u64 file;

	if ((ret <= -ERESTART_FIRST && ret >= -ERESTART_LAST) || (ret >= 0 && told && object_stats))
		return 0;
	if (EMPTY_PATH_FD(dirfd) && name && bpf_probe_read_user(&first, 1, (void *)name))
		return 0;
	if (first || !EMPTY_PATH_FD(dirfd))
		return count_name(name, (u32)dirfd, ret < 0 ? -ret : 0);
	if (ret < 0)
		return 0;
	task = or_current(task);
	file = fd_file(task, (u32)dirfd);
	if (!file)
		lose_call(WHAT_STAT, 0);
	else if (!inode_is_socket((u64)READ(struct file, file, f_inode)))
		count_file(file, WHAT_STAT, 0, 0, task);
	return 0;
}

#define STAT(dirfd, name) look_at(TASK, dirfd, name, R, 1)
#define LOOK(dirfd, name) look_at(TASK, dirfd, name, R, 0)
#define CWD ((u32)AT_FDCWD)

/* REGS, WORDS and TASK are the attaching program's: where the registers are, of which kind of call, and who calls (0: not asked for yet) */
#define ACT(nr, spec) on_action(REGS, nr, spec, R, WORDS)

/*
 * Number and name are those of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl); A..F are the arguments, R the result.
 */
#define QUIS_SYSCALLS(X)                                                                                               \
	X(0, read, on_read(TASK, R, A, B))                                                                             \
	X(1, write, on_data(TASK, R, A, WHAT_WRITE, B, 0))                                                             \
	X(2, open, on_open(TASK, R, A))                                                                                \
	X(4, newstat, STAT(CWD, A))                                                                                    \
	X(5, newfstat, STAT(A, 0))                                                                                     \
	X(6, newlstat, STAT(CWD, A))                                                                                   \
	X(9, mmap, on_mmap(R, B, D, E, F))                                                                             \
	X(16, ioctl, on_ioctl(R, A, B, C))                                                                             \
	X(17, pread64, on_bytes(TASK, R, A, WHAT_READ))                                                                \
	X(18, pwrite64, on_bytes(TASK, R, A, WHAT_WRITE))                                                              \
	X(19, readv, on_data(TASK, R, A, WHAT_READ, B, C))                                                             \
	X(20, writev, on_data(TASK, R, A, WHAT_WRITE, B, C))                                                           \
	X(21, access, LOOK(CWD, A))                                                                                    \
	X(30, shmat, ACT(30, 0))                                                                                       \
	X(40, sendfile64, on_transfer(TASK, R, B, A))                                                                  \
	X(41, socket, on_socket(REGS, A, B, R))                                                                        \
	X(42, connect, on_connect(TASK, R, A, end_of(B, C)))                                                           \
	X(43, accept, on_gained(TASK, R, WHAT_ACCEPT))                                                                 \
	X(44, sendto, on_send(TASK, R, A, B, D, end_of(E, F)))                                                         \
	X(45, recvfrom, on_receive(TASK, R, A, B, D, end_received(E, F)))                                              \
	X(46, sendmsg, on_one_message(TASK, R, A, B, WHAT_SEND, C))                                                    \
	X(47, recvmsg, on_one_message(TASK, R, A, B, WHAT_RECEIVE, C))                                                 \
	X(49, bind, on_bind(R, A))                                                                                     \
	X(62, kill, ACT(62, 0))                                                                                        \
	X(68, msgget, ACT(68, 0))                                                                                      \
	X(76, truncate, ACT(76, NAME(0)))                                                                              \
	X(77, ftruncate, ACT(77, OF_FD(0)))                                                                            \
	X(78, getdents, on_bytes(TASK, R, A, WHAT_LIST))                                                               \
	X(82, rename, ACT(82, NAME(0) | TO(1)))                                                                        \
	X(83, mkdir, ACT(83, NAME(0)))                                                                                 \
	X(84, rmdir, ACT(84, NAME(0)))                                                                                 \
	X(85, creat, on_open(TASK, R, A))                                                                              \
	X(86, link, ACT(86, NAME(0) | TO(1)))                                                                          \
	X(87, unlink, ACT(87, NAME(0)))                                                                                \
	X(88, symlink, ACT(88, NAME(1) | TO(0) | TO_IS_TEXT))                                                          \
	X(89, readlink, LOOK(CWD, A))                                                                                  \
	X(90, chmod, ACT(90, NAME(0)))                                                                                 \
	X(91, fchmod, ACT(91, OF_FD(0)))                                                                               \
	X(92, chown, ACT(92, NAME(0)))                                                                                 \
	X(93, fchown, ACT(93, OF_FD(0)))                                                                               \
	X(94, lchown, ACT(94, NAME(0)))                                                                                \
	X(101, ptrace, ACT(101, 0))                                                                                    \
	X(132, utime, ACT(132, NAME(0)))                                                                               \
	X(133, mknod, ACT(133, NAME(0)))                                                                               \
	X(137, statfs, LOOK(CWD, A))                                                                                   \
	X(138, fstatfs, LOOK(A, 0))                                                                                    \
	X(155, pivot_root, ACT(155, NAME(0) | TO(1)))                                                                  \
	X(161, chroot, ACT(161, NAME(0)))                                                                              \
	X(165, mount, ACT(165, NAME(1) | TO(0) | TO_IS_TEXT))                                                          \
	X(166, umount, ACT(166, NAME(0)))                                                                              \
	X(175, init_module, ACT(175, 0))                                                                               \
	X(176, delete_module, ACT(176, TO(0) | TO_IS_TEXT))                                                            \
	X(188, setxattr, ACT(188, NAME(0) | TO(1) | TO_IS_TEXT))                                                       \
	X(189, lsetxattr, ACT(189, NAME(0) | TO(1) | TO_IS_TEXT))                                                      \
	X(190, fsetxattr, ACT(190, OF_FD(0) | TO(1) | TO_IS_TEXT))                                                     \
	X(191, getxattr, LOOK(CWD, A))                                                                                 \
	X(192, lgetxattr, LOOK(CWD, A))                                                                                \
	X(193, fgetxattr, LOOK(A, 0))                                                                                  \
	X(194, listxattr, LOOK(CWD, A))                                                                                \
	X(195, llistxattr, LOOK(CWD, A))                                                                               \
	X(196, flistxattr, LOOK(A, 0))                                                                                 \
	X(197, removexattr, ACT(197, NAME(0) | TO(1) | TO_IS_TEXT))                                                    \
	X(198, lremovexattr, ACT(198, NAME(0) | TO(1) | TO_IS_TEXT))                                                   \
	X(199, fremovexattr, ACT(199, OF_FD(0) | TO(1) | TO_IS_TEXT))                                                  \
	X(200, tkill, ACT(200, 0))                                                                                     \
	X(206, io_setup, on_aio_setup(R, B))                                                                           \
	X(208, io_getevents, on_aio(R, A, D))                                                                          \
	X(217, getdents64, on_bytes(TASK, R, A, WHAT_LIST))                                                            \
	X(234, tgkill, ACT(234, 0))                                                                                    \
	X(235, utimes, ACT(235, NAME(0)))                                                                              \
	X(240, mq_open, ACT(240, NAME(0)))                                                                             \
	X(246, kexec_load, ACT(246, 0))                                                                                \
	X(250, keyctl, ACT(250, 0))                                                                                    \
	X(253, inotify_init, ACT(253, 0))                                                                              \
	X(254, inotify_add_watch, ACT(254, NAME(1)))                                                                   \
	X(257, openat, on_open(TASK, R, B))                                                                            \
	X(258, mkdirat, ACT(258, AT(0) | NAME(1)))                                                                     \
	X(259, mknodat, ACT(259, AT(0) | NAME(1)))                                                                     \
	X(260, fchownat, ACT(260, AT(0) | NAME(1)))                                                                    \
	X(261, futimesat, ACT(261, AT(0) | NAME(1)))                                                                   \
	X(262, newfstatat, STAT(A, B))                                                                                 \
	X(263, unlinkat, ACT(263, AT(0) | NAME(1)))                                                                    \
	X(264, renameat, ACT(264, AT(0) | NAME(1) | TO_AT(2) | TO(3)))                                                 \
	X(265, linkat, ACT(265, AT(0) | NAME(1) | TO_AT(2) | TO(3)))                                                   \
	X(266, symlinkat, ACT(266, AT(1) | NAME(2) | TO(0) | TO_IS_TEXT))                                              \
	X(267, readlinkat, LOOK(A, B))                                                                                 \
	X(268, fchmodat, ACT(268, AT(0) | NAME(1)))                                                                    \
	X(269, faccessat, LOOK(A, B))                                                                                  \
	X(272, unshare, ACT(272, 0))                                                                                   \
	X(275, splice, on_transfer(TASK, R, A, C))                                                                     \
	X(276, tee, on_transfer(TASK, R, A, B))                                                                        \
	X(278, vmsplice, on_vmsplice(R, A))                                                                            \
	X(280, utimensat, ACT(280, AT(0) | NAME(1)))                                                                   \
	X(285, fallocate, ACT(285, OF_FD(0)))                                                                          \
	X(288, accept4, on_gained(TASK, R, WHAT_ACCEPT))                                                               \
	X(294, inotify_init1, ACT(294, 0))                                                                             \
	X(295, preadv, on_bytes(TASK, R, A, WHAT_READ))                                                                \
	X(296, pwritev, on_bytes(TASK, R, A, WHAT_WRITE))                                                              \
	X(298, perf_event_open, ACT(298, 0))                                                                           \
	X(299, recvmmsg, on_messages(R, A, B, WHAT_RECEIVE, D))                                                        \
	X(300, fanotify_init, ACT(300, 0))                                                                             \
	X(301, fanotify_mark, ACT(301, AT(3) | NAME(4)))                                                               \
	X(303, name_to_handle_at, LOOK(A, B))                                                                          \
	X(304, open_by_handle_at, on_gained(TASK, R, WHAT_OPEN | HOW_OPENED))                                          \
	X(307, sendmmsg, on_messages(R, A, B, WHAT_SEND, 0))                                                           \
	X(308, setns, ACT(308, OF_FD(0)))                                                                              \
	X(310, process_vm_readv, ACT(310, 0))                                                                          \
	X(311, process_vm_writev, ACT(311, 0))                                                                         \
	X(313, finit_module, ACT(313, OF_FD(0)))                                                                       \
	X(316, renameat2, ACT(316, AT(0) | NAME(1) | TO_AT(2) | TO(3)))                                                \
	X(317, seccomp, ACT(317, 0))                                                                                   \
	X(319, memfd_create, on_gained(TASK, R, WHAT_TOUCH | HOW_OPENED))                                              \
	X(320, kexec_file_load, ACT(320, OF_FD(0)))                                                                    \
	X(321, bpf, on_bpf(REGS, R))                                                                                   \
	X(323, userfaultfd, ACT(323, 0))                                                                               \
	X(326, copy_file_range, on_transfer(TASK, R, A, C))                                                            \
	X(327, preadv2, on_bytes(TASK, R, A, WHAT_READ))                                                               \
	X(328, pwritev2, on_bytes(TASK, R, A, WHAT_WRITE))                                                             \
	X(332, statx, STAT(A, B))                                                                                      \
	X(333, io_pgetevents, on_aio(R, A, D))                                                                         \
	X(424, pidfd_send_signal, ACT(424, 0))                                                                         \
	X(425, io_uring_setup, state.used[USED_URING] = 1)                                                             \
	X(426, io_uring_enter, state.used[USED_URING] = 1)                                                             \
	X(428, open_tree, ACT(428, AT(0) | NAME(1)))                                                                   \
	X(429, move_mount, ACT(429, AT(0) | NAME(1) | TO_AT(2) | TO(3)))                                               \
	X(430, fsopen, ACT(430, TO(0) | TO_IS_TEXT))                                                                   \
	X(432, fsmount, ACT(432, 0))                                                                                   \
	X(437, openat2, on_open(TASK, R, B))                                                                           \
	X(438, pidfd_getfd, (on_taken(R, A), ACT(438, 0)))                                                             \
	X(439, faccessat2, LOOK(A, B))                                                                                 \
	X(442, mount_setattr, ACT(442, AT(0) | NAME(1)))                                                               \
	X(444, landlock_create_ruleset, ACT(444, 0))                                                                   \
	X(446, landlock_restrict_self, ACT(446, 0))                                                                    \
	X(452, fchmodat2, ACT(452, AT(0) | NAME(1)))                                                                   \
	X(463, setxattrat, ACT(463, AT(0) | NAME(1) | TO(3) | TO_IS_TEXT))                                             \
	X(464, getxattrat, LOOK(A, B))                                                                                 \
	X(465, listxattrat, LOOK(A, B))                                                                                \
	X(466, removexattrat, ACT(466, AT(0) | NAME(1) | TO(3) | TO_IS_TEXT))

/* Of any process, recorded or not: it may be at the other end. `narrow`: of a 32-bit call too; else the number was another call's there. */
__noinline int bind_seen(u64 fd, u32 narrow)
{
	u64 task = bpf_get_current_task();

	if (!narrow && READ(struct task_struct, task, thread_info.status) & TS_COMPAT)
		return 0;
	return note_bound(fd_file(task, (u32)fd), task, 0);
}

#define on_bind(ret, fd) ((ret) ? 0 : bind_seen(fd, 1))

static __always_inline void on_socketcall(long ret, u64 call, u64 arguments)
{
	u32 a[6] = {};
	u64 name = 0;

	/* sendto() and recvfrom() have six arguments, connect() three: behind them a page may end */
	if (bpf_probe_read_user(a, sizeof(a), (void *)arguments) && bpf_probe_read_user(a, 16, (void *)arguments) &&
		bpf_probe_read_user(a, 12, (void *)arguments))
		return;
	if (call == 11 || call == 12)
		name = a[4];
	switch (call) { /* include/uapi/linux/net.h */
	case 2:
		on_bind(ret, a[0]);
		break;
	case 3:
		on_connect(0, ret, a[0], end_of(a[1], a[2]));
		break;
	case 5:
	case 18:
		on_gained(0, ret, WHAT_ACCEPT);
		break;
	case 9:
	case 11:
		on_send(0, ret, a[0], a[1], a[3], end_of(name, a[5]));
		break;
	case 10:
	case 12:
		on_receive(0, ret, a[0], a[1], a[3], end_received(name, a[5]));
		break;
	case 16:
		on_send_32(ret, a[0], a[1], a[2]);
		break;
	case 17:
		on_receive_32(ret, a[0], a[1], a[2]);
		break;
	case 19:
	case 20:
		on_messages_32(ret, a[0], a[1], call == 20 ? WHAT_SEND : WHAT_RECEIVE, call == 20 ? 0 : a[3]);
		break;
	}
}

/*
 * 32-bit calls: `int 0x80` and 32-bit programs (arch/x86/entry/syscalls/syscall_32.tbl). Numbers and some layouts differ; the name is
 * that of the kernel's function behind __ia32_. Their registers are others, so that A..F are defined anew for it.
 */
#define QUIS_SYSCALLS_32(X)                                                                                            \
	X(3, sys_read, on_read(TASK, R, A, B))                                                                         \
	X(4, sys_write, on_data(TASK, R, A, WHAT_WRITE, B, 0))                                                         \
	X(5, compat_sys_open, on_open(TASK, R, A))                                                                     \
	X(8, sys_creat, on_open(TASK, R, A))                                                                           \
	X(9, sys_link, ACT(86, NAME(0) | TO(1)))                                                                       \
	X(10, sys_unlink, ACT(87, NAME(0)))                                                                            \
	X(15, sys_chmod, ACT(90, NAME(0)))                                                                             \
	X(33, sys_access, LOOK(CWD, A))                                                                                \
	X(38, sys_rename, ACT(82, NAME(0) | TO(1)))                                                                    \
	X(39, sys_mkdir, ACT(83, NAME(0)))                                                                             \
	X(40, sys_rmdir, ACT(84, NAME(0)))                                                                             \
	X(83, sys_symlink, ACT(88, NAME(1) | TO(0) | TO_IS_TEXT))                                                      \
	X(85, sys_readlink, LOOK(CWD, A))                                                                              \
	X(102, compat_sys_socketcall, on_socketcall(R, A, B))                                                          \
	X(141, compat_sys_getdents, on_bytes(TASK, R, A, WHAT_LIST))                                                   \
	X(145, sys_readv, on_bytes(TASK, R, A, WHAT_READ))                                                             \
	X(146, sys_writev, on_bytes(TASK, R, A, WHAT_WRITE))                                                           \
	X(180, sys_ia32_pread64, on_bytes(TASK, R, A, WHAT_READ))                                                      \
	X(181, sys_ia32_pwrite64, on_bytes(TASK, R, A, WHAT_WRITE))                                                    \
	X(187, compat_sys_sendfile, on_transfer(TASK, R, B, A))                                                        \
	X(192, sys_mmap_pgoff, on_mmap(R, B, D, E, F * 4096))                                                          \
	X(195, compat_sys_ia32_stat64, STAT(CWD, A))                                                                   \
	X(196, compat_sys_ia32_lstat64, STAT(CWD, A))                                                                  \
	X(197, compat_sys_ia32_fstat64, STAT(A, 0))                                                                    \
	X(220, sys_getdents64, on_bytes(TASK, R, A, WHAT_LIST))                                                        \
	X(239, compat_sys_sendfile64, on_transfer(TASK, R, B, A))                                                      \
	X(295, compat_sys_openat, on_open(TASK, R, B))                                                                 \
	X(296, sys_mkdirat, ACT(258, AT(0) | NAME(1)))                                                                 \
	X(300, compat_sys_ia32_fstatat64, STAT(A, B))                                                                  \
	X(301, sys_unlinkat, ACT(263, AT(0) | NAME(1)))                                                                \
	X(302, sys_renameat, ACT(264, AT(0) | NAME(1) | TO_AT(2) | TO(3)))                                             \
	X(305, sys_readlinkat, LOOK(A, B))                                                                             \
	X(307, sys_faccessat, LOOK(A, B))                                                                              \
	X(313, sys_splice, on_transfer(TASK, R, A, C))                                                                 \
	X(315, sys_tee, on_transfer(TASK, R, A, B))                                                                    \
	X(333, compat_sys_preadv, on_bytes(TASK, R, A, WHAT_READ))                                                     \
	X(334, compat_sys_pwritev, on_bytes(TASK, R, A, WHAT_WRITE))                                                   \
	X(337, compat_sys_recvmmsg_time32, on_messages_32(R, A, B, WHAT_RECEIVE, D))                                   \
	X(345, compat_sys_sendmmsg, on_messages_32(R, A, B, WHAT_SEND, 0))                                             \
	X(353, sys_renameat2, ACT(316, AT(0) | NAME(1) | TO_AT(2) | TO(3)))                                            \
	X(361, sys_bind, on_bind(R, A))                                                                                \
	X(362, sys_connect, on_connect(TASK, R, A, end_of(B, C)))                                                      \
	X(364, sys_accept4, on_gained(TASK, R, WHAT_ACCEPT))                                                           \
	X(369, sys_sendto, on_send(TASK, R, A, B, D, end_of(E, F)))                                                    \
	X(370, compat_sys_sendmsg, on_send_32(R, A, B, C))                                                             \
	X(371, compat_sys_recvfrom, on_receive(TASK, R, A, B, D, end_received(E, F)))                                  \
	X(372, compat_sys_recvmsg, on_receive_32(R, A, B, C))                                                          \
	X(377, sys_copy_file_range, on_transfer(TASK, R, A, C))                                                        \
	X(383, sys_statx, STAT(A, B))                                                                                  \
	X(417, compat_sys_recvmmsg_time64, on_messages_32(R, A, B, WHAT_RECEIVE, D))                                   \
	X(437, sys_openat2, on_open(TASK, R, B))                                                                       \
	X(439, sys_faccessat2, LOOK(A, B))

#endif
