/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types that quis uses, each with the members that it uses and no others. preserve_access_index makes libbpf place the
 * offsets of the running kernel (CO-RE), so that this file belongs to no kernel version and a build needs no BTF.
 */
#ifndef QUIS_KERNEL_H
#define QUIS_KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;
typedef u8 __u8;
typedef u16 __u16;
typedef u32 __u32;
typedef u64 __u64;
typedef s32 __s32;
typedef s64 __s64;
typedef u16 __be16;
typedef u32 __be32;
typedef u32 __wsum;
typedef _Bool bool;

enum { false, true };

/* include/uapi/linux/bpf.h: only what is used */
enum bpf_map_type_used {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_MMAPABLE = 0x400,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_RB_AVAIL_DATA = 0,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
	unsigned long bp, bx, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
};

struct timespec64 {
	s64 tv_sec;
};

struct thread_info {
	u32 status;
};

struct qstr {
	union {
		struct {
			u32 hash;
			u32 len;
		};
		u64 hash_len;
	};
	const unsigned char *name;
};

struct hlist_bl_node {
	struct hlist_bl_node *next, **pprev;
};

struct inode;
struct vfsmount;
struct super_block;

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
	union {
		struct hlist_node d_alias;
	} d_u;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file_system_type {
	const char *name;
};

struct list_head {
	struct list_head *next;
};

struct super_block {
	u32 s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	struct file_system_type *s_type;
	struct dentry *s_root;
	struct list_head s_mounts;
};

struct inode {
	u16 i_mode;
	u32 i_rdev;
	struct super_block *i_sb;
	unsigned long i_ino;
	u32 i_generation;
	u32 i_nlink;
	s64 i_size;
	struct hlist_head i_dentry;
	void *i_private;
};

struct address_space {
	struct inode *host;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};

struct mnt_namespace;
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
	struct list_head mnt_instance; /* of super_block.s_mounts */
};

/* from 6.18 these are a list of single links */
struct mount___next {
	struct mount *mnt_next_for_sb;
};

struct super_block___next {
	struct mount *s_mounts;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	struct address_space *f_mapping;
	u32 f_flags;
	u32 f_mode;
	void *private_data;
};

struct fanotify_group_private_data {
	u32 flags; /* of fanotify_init() */
};

struct fsnotify_group {
	struct fanotify_group_private_data fanotify_data;
};

struct fdtable {
	u32 max_fds;
	struct file **fd;
};

typedef struct {
	int counter;
} atomic_t;

struct files_struct {
	atomic_t count;
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root, pwd;
};

/* fs/aio.c */
struct kioctx {
	unsigned long user_id;
};

struct kioctx_table {
	unsigned nr;
	struct kioctx *table[0];
};

struct kiocb {
	struct file *ki_filp;
	int ki_flags;
};

struct aio_kiocb {
	struct kioctx *ki_ctx;
};

struct mm_struct {
	unsigned long arg_start, arg_end;
	struct file *exe_file;
	struct kioctx_table *ioctx_table;
};

typedef struct {
	u32 val;
} kuid_t;
typedef struct {
	u32 val;
} kgid_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
};

struct pid;

struct signal_struct {
	struct pid *pids[4];
	atomic_t live;
	int group_exit_code;
	u32 flags;
};

struct kernfs_node {
	u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct upid {
	int nr;
};

struct pid {
	u32 level;
	struct upid numbers[1];
};

struct bpf_link {
	u32 id;
};

struct bpf_map {
	u32 id;
};

struct bpf_prog_aux {
	const char *attach_func_name;
	char name[16];
};

/* named as the kernel's, which CO-RE wants of an enum */
enum bpf_prog_type { BPF_PROG_TYPE_UNSPEC };
enum bpf_attach_type { BPF_CGROUP_INET_INGRESS };

struct bpf_prog {
	enum bpf_prog_type type;
	enum bpf_attach_type expected_attach_type;
	struct bpf_prog_aux *aux;
};

struct task_struct {
	struct thread_info thread_info;
	void *stack;
	struct mm_struct *mm;
	u32 flags;
	int exit_code;
	s32 pid;
	s32 tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	u64 start_boottime;
	unsigned long min_flt;
	unsigned long maj_flt;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	struct files_struct *files;
	struct signal_struct *signal;
	struct css_set *cgroups;
};

struct linux_binprm {
	struct file *file;
	const char *filename;
	const char *interp;
};

struct in6_addr {
	union {
		u32 u6_addr32[4];
	} in6_u;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	u32 skc_daddr;
	u32 skc_rcv_saddr;
	u16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	u8 skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
	u16 sk_type;
	struct pid *sk_peer_pid;
	struct socket *sk_socket;
};

struct socket {
	s16 type;
	struct sock *sk;
	struct file *file;
};

struct sockaddr_un {
	u16 sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct path path;
	struct sock *peer;
};

struct tcp_sock {
	u32 rcv_nxt, copied_seq;
	u64 bytes_received, bytes_acked;
};

struct io_uring_task {
	struct task_struct *task;
};

struct io_cqe {
	u64 user_data;
	s32 res;
};

struct io_fixed_file {
	unsigned long file_ptr;
};

struct io_rsrc_node {
	unsigned long file_ptr;
};

struct io_rsrc_data {
	u32 nr;
	struct io_rsrc_node **nodes;
};

struct io_file_table {
	struct io_rsrc_data data; /* from 6.13: 3597f2786b68 */
};

struct io_file_table___files { /* before that */
	struct io_fixed_file *files;
};

struct io_wq_work_node {
	struct io_wq_work_node *next;
};

struct io_wq_work_list {
	struct io_wq_work_node *first;
};

struct io_submit_state {
	struct io_wq_work_list compl_reqs;
};

struct io_ring_ctx {
	struct io_file_table file_table;
	u32 nr_user_files; /* before 6.13 */
	struct io_submit_state submit_state;
};

struct io_kiocb {
	struct file *file;
	u8 opcode;
	u32 flags; /* of which the lower half is used */
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
	struct io_uring_task *tctx; /* from 6.13: b6f58a3f4aa8 */
	void *async_data;
	struct io_wq_work_node comp_list;
};

struct io_kiocb___task { /* before that */
	struct task_struct *task;
};

struct io_uring_cqe {
	u64 user_data;
	s32 res;
};

struct io_splice {
	int splice_fd_in;
	u32 flags;
};

struct io_accept {
	u32 file_slot;
};

struct io_socket {
	int domain, type, protocol;
};

struct io_ftrunc {
	s64 len;
};

struct msghdr {
	void *msg_name;
	void *msg_control;
};

struct scm_fp_list {
	s16 count;
	s16 max;
	struct list_head vertices; /* from 6.10 */
};

struct scm_cookie {
	struct scm_fp_list *fp;
};

struct io_async_msghdr {
	int namelen;
	unsigned long controllen;
	struct msghdr msg;
};

struct io_sr_msg {
	void *umsg; /* or, of multishot messages, the buffer of the newest */
	u32 msg_flags;
	void *addr; /* of send(), as addr_len; before 6.13 */
	u16 addr_len; /* of which it is the lower half before 6.1 */
};

struct filename {
	const char *name;
};

struct io_unlink {
	int dfd;
	int flags;
	struct filename *filename;
};

struct io_statx {
	int dfd;
	struct filename *filename;
};

struct io_mkdir {
	int dfd;
	struct filename *filename;
};

struct io_open {
	int dfd;
	u32 file_slot;
	struct filename *filename;
};

struct io_rename {
	int old_dfd, new_dfd;
	struct filename *oldpath, *newpath;
};

struct io_link {
	int old_dfd, new_dfd;
	struct filename *oldpath, *newpath;
};

struct xattr_ctx {
	void *kname;
};

struct io_xattr {
	struct xattr_ctx ctx;
	struct filename *filename;
};

/* from 7.0 each request holds its names in a struct of one pointer */
struct delayed_filename {
	struct filename *__incomplete_filename;
};

struct io_statx___7 {
	struct delayed_filename filename;
};

struct io_xattr___7 {
	struct delayed_filename filename;
};

struct io_unlink___7 {
	struct delayed_filename filename;
};

struct io_mkdir___7 {
	struct delayed_filename filename;
};

struct io_open___7 {
	struct delayed_filename filename;
};

struct io_rename___7 {
	struct delayed_filename oldpath, newpath;
};

struct io_link___7 {
	struct delayed_filename oldpath, newpath;
};

struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_pgoff;
	struct file *vm_file;
};

struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
};

#pragma clang attribute pop

#define SB_NOUSER (1UL << 31) /* include/linux/fs.h: pipes, anonymous inodes, memfds ... */
#define PAGE_SHIFT 12
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFIFO 0010000
#define S_IFLNK 0120000
#define S_IFREG 0100000
#define S_IFDIR 0040000
#define SOCKFS_MAGIC 0x534F434B /* include/uapi/linux/magic.h */
#define ANON_INODE_FS_MAGIC 0x09041934
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h */
#define SIGNAL_GROUP_EXIT 4 /* include/linux/sched/signal.h */
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10

#endif
