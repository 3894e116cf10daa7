/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whom a call is meant for, where its arguments do not say it: the process behind a pidfd, the BPF object behind an fd. quis-record compares
 * that with itself.
 */
#ifndef QUIS_BPF_SELF_H
#define QUIS_BPF_SELF_H

#include "bpf/payload.h"

/* Is it an anonymous inode whose name begins so? */
static __always_inline bool is_anonymous(u64 file, const char begins[8])
{
	char name[8] = {};

	if (READ(struct super_block, READ(struct inode, READ(struct file, file, f_inode), i_sb), s_magic) != ANON_INODE_FS_MAGIC)
		return false;
	bpf_probe_read_kernel(name, sizeof(name), (void *)READ(struct dentry, READ(struct file, file, f_path.dentry), d_name.name));
	return *(u64 *)name == *(const u64 *)begins;
}

#define PID_FS_MAGIC 0x50494446 /* include/uapi/linux/magic.h; from 6.9 */

#define NR_KILL 62
#define NR_BPF 321
#define NR_PIDFD_SEND_SIGNAL 424
#define NR_PIDFD_GETFD 438

/* The inode's private member is the pid on pidfs, the file's before it was (fs/pidfs.c, kernel/fork.c). */
__noinline u64 pidfd_process(u64 task, u64 fd)
{
	u64 file = fd_file(task, (u32)fd), inode, pid;

	if (!file)
		return 0;
	inode = (u64)READ(struct file, file, f_inode);
	if (READ(struct super_block, READ(struct inode, inode, i_sb), s_magic) == PID_FS_MAGIC)
		pid = (u64)READ(struct inode, inode, i_private);
	else
		pid = (u64)READ(struct file, file, private_data);
	return READ(struct pid, pid, numbers[0].nr);
}

#define PIDTYPE_PGID 2 /* enum pid_type, include/linux/pid_types.h */

/* kill(0, signal) is for the caller's process group. */
static __always_inline u64 process_group(u64 task)
{
	u64 pid = (u64)READ(struct signal_struct, READ(struct task_struct, task, signal), pids[PIDTYPE_PGID]);

	return pid ? READ(struct pid, pid, numbers[0].nr) : 0;
}

/* enum bpf_cmd, include/uapi/linux/bpf.h */
enum bpf_command_used {
	COMMAND_MAP_LOOKUP = 1,
	COMMAND_MAP_UPDATE = 2,
	COMMAND_MAP_DELETE = 3,
	COMMAND_PROGRAM_LOAD = 5,
	COMMAND_PROGRAM_ATTACH = 8,
	COMMAND_PROGRAM_DETACH = 9,
	COMMAND_PROGRAM_BY_ID = 13,
	COMMAND_MAP_BY_ID = 14,
	COMMAND_RAW_TRACEPOINT = 17,
	COMMAND_MAP_FREEZE = 22,
	COMMAND_LINK_CREATE = 28,
	COMMAND_LINK_UPDATE = 29,
	COMMAND_LINK_BY_ID = 30,
	COMMAND_LINK_DETACH = 34,
};

/* Of the commands that name a map or a link, or anything by its id, in the first word of their argument. */
__noinline u64 bpf_object(u64 task, u64 command, u64 attributes)
{
	u32 word;
	u64 file;

	if (bpf_probe_read_user(&word, sizeof(word), (void *)attributes))
		return 0;
	switch ((u32)command) {
	case COMMAND_PROGRAM_BY_ID:
	case COMMAND_MAP_BY_ID:
	case COMMAND_LINK_BY_ID:
		return word;
	case COMMAND_LINK_UPDATE:
	case COMMAND_LINK_DETACH:
		file = fd_file(task, word);
		return file ? READ(struct bpf_link, (u64)READ(struct file, file, private_data), id) : 0;
	case COMMAND_MAP_LOOKUP:
	case COMMAND_MAP_UPDATE:
	case COMMAND_MAP_DELETE:
	case COMMAND_MAP_FREEZE:
		file = fd_file(task, word);
		return file ? READ(struct bpf_map, (u64)READ(struct file, file, private_data), id) : 0;
	}
	return 0;
}

/* For kill(2) and its like the number is that of the caller's own namespace. */
static __always_inline bool numbers_are_ours(u64 task)
{
	u64 pid = (u64)READ(struct task_struct, task, thread_pid);

	return !pid || !READ(struct pid, pid, level);
}

#endif
