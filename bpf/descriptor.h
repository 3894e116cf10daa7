/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is behind a descriptor of the current process, file or socket, is counted. */
#ifndef QUIS_BPF_DESCRIPTOR_H
#define QUIS_BPF_DESCRIPTOR_H

#include "bpf/payload.h"

/* `beside`: of a socket an address that the process gave, of a file who gave it */
static __always_inline int count_object(u64 file, u32 what, u64 bytes, u64 beside, u64 task)
{
	if (!file) {
		/* closed by another thread before we looked: the object is gone, the call is not */
		lose_call(what, bytes);
		return 0;
	}
	if (inode_is_socket((u64)READ(struct file, file, f_inode)))
		return count_flow(file, what, bytes, what & HOW_GIVEN ? 0 : beside, task);
	return count_file(file, what, bytes, what & HOW_GIVEN ? beside : 0, task);
}

/* Counts a call on an fd of the current process (`task`; 0: not asked for yet), be it a file or a socket. Returns 0, PAYLOAD_WANTED or COUNTED_ANONYMOUS. */
__noinline int count_fd(u64 task, u64 fd, u32 what, u64 bytes, u64 beside)
{
	task = or_current(task);
	return count_object(fd_file(task, fd), what, bytes, beside, task);
}

/* ... and one of those calls that ask security_file_permission(). */
__noinline int count_held(u64 task, u64 fd, u32 what, s64 ret)
{
	u64 file;

	task = or_current(task);
	file = held_file(fd, ret, task);
	return ret < 0 ? 0 : count_object(file, what, ret, 0, task);
}

static __always_inline void on_open(u64 task, long ret, u64 name)
{
	if (ret >= 0)
		count_fd(task, ret, WHAT_OPEN | HOW_OPENED, 0, 0);
	else if (ret > -ERESTART_FIRST || ret < -ERESTART_LAST)
		send_refused(name, ret);
}

/*
 * Bytes that moved between an fd and memory of the process: a buffer, or (PAYLOAD_VECTORS_SHIFT) vectors; 0: none that can be read. Returns
 * what count_fd() does.
 */
static __always_inline int on_data(u64 task, long ret, u64 fd, u32 what, u64 from, u64 vectors)
{
	int counted;

	if (held_told && state.used[USED_THREADS])
		counted = count_held(task, (u32)fd, what, ret);
	else
		counted = ret < 0 ? 0 : count_fd(task, (u32)fd, what, ret, 0);
	if (counted == PAYLOAD_WANTED)
		copy_payload_fd((u32)fd, what | payload_vectors(vectors), ret, from, 0);
	return counted;
}

static __always_inline void on_bytes(u64 task, long ret, u64 fd, u32 what)
{
	on_data(task, ret, fd, what, 0, 0);
}

#endif
