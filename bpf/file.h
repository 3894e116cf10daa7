/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files: what is counted of each, and the record that names it. */
#ifndef QUIS_BPF_FILE_H
#define QUIS_BPF_FILE_H

#include "bpf/overlay.h"
#include "bpf/rows.h"

static __always_inline u64 fd_file(u64 task, u32 fd)
{
	u64 files = (u64)READ(struct task_struct, task, files);
	u64 table = (u64)READ(struct files_struct, files, fdt);

	if (!files || fd >= READ(struct fdtable, table, max_fds))
		return 0;
	return READ_AT(u64, (u64)READ(struct fdtable, table, fd) + (u64)fd * 8);
}

/* ---- the file that a call began with ---- */

/*
 * Another thread may put a different file behind a descriptor during a call, by dup2() or by close() and open(). So where descriptors are
 * shared, security_file_permission() notes the file that the kernel took, for the exit of the call. The kernel asks it for that file first
 * and, where one file system lies on another, then for the one beneath: the first and the last are kept. What a call left there whose exit
 * does not look may be first as well. So if the two differ, and the descriptor leads to neither, the call counts as lost.
 */
struct held {
	u64 first, last, inode; /* inode: of the last */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048); /* threads in such a call at once; of more, those that began first count for what is there at the end */
	__type(key, u64);
	__type(value, struct held);
} held SEC(".maps");

static __always_inline bool shares_files(u64 task)
{
	u64 files = (u64)READ(struct task_struct, task, files);

	return files && READ(struct files_struct, files, count.counter) > 1;
}

/* Whether a flagged process may share its descriptors: with a thread or a child, as fork and send_image() saw, or with a thread that io_uring made. */
static __always_inline bool may_share_files(void)
{
	return state.used[USED_THREADS] || state.used[USED_URING];
}

__noinline int hold(u64 file)
{
	bool shared = shares_files(bpf_get_current_task());
	struct held new = {file, file, 0}, *h;
	u64 thread;

	if (shared)
		state.used[USED_THREADS] = 1;
	else if (!state.used[USED_THREADS])
		return 0;
	thread = bpf_get_current_pid_tgid();
	h = bpf_map_lookup_elem(&held, &thread);
	if (!shared) {
		if (h)
			h->first = 0; /* execve() left it, which reads the program and ends the other threads */
		return 0;
	}
	new.inode = (u64)READ(struct file, file, f_inode);
	if (h && h->first)
		new.first = h->first;
	bpf_map_update_elem(&held, &thread, &new, BPF_ANY);
	return 0;
}

/* The file of a call of this thread that ends now; 0: not known. What was freed since is another's now, or has no inode. */
static __always_inline u64 held_file(u64 fd, s64 ret, u64 task)
{
	u64 now = fd_file(task, fd), thread = bpf_get_current_pid_tgid(), first;
	struct held *h = bpf_map_lookup_elem(&held, &thread);

	if (!h || !h->first)
		return now;
	first = h->first;
	h->first = 0;
	if (now == first || now == h->last)
		return now;
	return ret > 0 && first == h->last && (u64)READ(struct file, first, f_inode) == h->inode ? first : 0;
}

/*
 * What is counted is an open file, or, where there is none, an object at a path (struct path): then the lowest bit of its address is set.
 */
#define AT_PATH 1

static __always_inline u64 object_path(u64 object)
{
	return object & AT_PATH ? object - AT_PATH : MEMBER(struct file, object, f_path);
}

static __always_inline u64 object_inode(u64 object)
{
	if (object & AT_PATH)
		return (u64)READ(struct dentry, READ(struct path, object - AT_PATH, dentry), d_inode);
	return (u64)READ(struct file, object, f_inode);
}

static __always_inline void file_key_fill(struct file_key *key, u64 inode, u64 task)
{
	key->start = start_of(task);
	key->tgid = READ(struct task_struct, task, tgid);
	key->ino = READ(struct inode, inode, i_ino);
	key->dev = READ(struct super_block, READ(struct inode, inode, i_sb), s_dev);
	key->generation = READ(struct inode, inode, i_generation);
	key->by_name = 0;
}

/* A socket's own file, not the name of one in a directory (that has S_IFSOCK too, under O_PATH). */
static __always_inline bool inode_is_socket(u64 inode)
{
	return (READ(struct inode, inode, i_mode) & S_IFMT) == S_IFSOCK &&
	       READ(struct super_block, READ(struct inode, inode, i_sb), s_magic) == SOCKFS_MAGIC;
}

/* So that the walk notes where it passes the process's own root. That is ours for nearly all, and then one comparison is all. */
static __always_inline void view_from(struct scratch *s, u64 task)
{
	u64 root = MEMBER(struct fs_struct, READ(struct task_struct, task, fs), root);
	u64 dentry = (u64)READ(struct path, root, dentry);

	s->view_at = 0;
	if (dentry == state.root_dentry)
		return;
	s->view_dentry = dentry;
	s->view_mount = mount_of((u64)READ(struct path, root, mnt));
}

/*
 * The path and, where it is another one, what it is to the process: the end of the walk in its own mount namespace, from its root on; the root
 * itself is the slash that the walk begins with. Ours is the path, if there is one.
 */
static __always_inline void paths_put(struct record_file *r, const struct scratch *s)
{
	bool here = s->here_at != s->path_at, rooted = s->view_at && s->view_at != s->path_at;

	r->path.offset = s->here_at - s->at;
	r->path.length = (here ? s->path_at : s->path_end) - s->here_at;
	r->view.length = rooted ? (s->view_at < s->path_end ? s->path_end - s->view_at : 1) : here ? s->path_end - s->path_at : 0;
	r->view.offset = (rooted && s->view_at < s->path_end ? s->view_at : s->path_at) - s->at;
}

/* Walks to the names of a file: its path, ours if that is another, and that of what lies beneath. */
static __always_inline void walk_file(u32 slot, struct scratch *s, u64 inode, u64 path, u64 task)
{
	u64 dentry = (u64)READ(struct path, path, dentry), mnt = (u64)READ(struct path, path, mnt);

	s->path_end = s->at;
	view_from(s, task);
	walk_path(slot, dentry, mnt);
	s->path_at = s->at;
	s->path_flags = s->flags;
	s->view_dentry = 0;
	walk_here(slot, dentry, mnt);
	s->here_at = s->at;
	__builtin_memset(&s->beneath, 0, sizeof(s->beneath));
	s->lower_length = 0;
	if (!is_overlay(inode))
		return;
	beneath_of(&s->beneath, inode);
	s->lower_length = walk_file_system(slot, named_dentry(s->beneath.inode, s->beneath.dentry));
	if (s->flags & PATH_TRUNCATED)
		s->lower_length = 0;
}

/*
 * Sends the record that names a file, of the time `at`; with what != WHAT_TOUCH it carries one call that found no room in the counters. 0:
 * sent.
 */
static __always_inline int name_file(u64 file, const struct file_key *key, u32 what, u64 bytes, u32 from, u64 task, u64 at)
{
	u64 inode = object_inode(file), path = object_path(file);
	int slot = scratch_claim();
	struct record_file *r;
	struct scratch *s;
	long sent;

	if (slot < 0)
		return -1;
	s = scratch_at(slot);
	if (!s)
		return -1;
	walk_file(slot, s, inode, path, task);
	r = scratch_head(s, sizeof(*r));
	file_head(&r->head, RECORD_file, scratch_size(s), key, READ(struct task_struct, task, pid), at);
	r->key = *key;
	r->bytes = bytes;
	r->lower_ino = s->beneath.inode ? READ(struct inode, s->beneath.inode, i_ino) : 0;
	r->lower_dev = s->beneath.inode ? READ(struct super_block, READ(struct inode, s->beneath.inode, i_sb), s_dev) : 0;
	r->lower_layer = s->beneath.layer;
	r->what = what;
	r->mode = READ(struct inode, inode, i_mode);
	r->rdev = READ(struct inode, inode, i_rdev);
	r->magic = READ(struct super_block, READ(struct inode, inode, i_sb), s_magic);
	r->from = from;
	r->path_flags = s->path_flags;
	r->path_given = 0;
	paths_put(r, s);
	r->lower.length = s->lower_length;
	r->lower.offset = s->here_at - s->lower_length - s->at;
	sent = ring_send(files_ring, files_wake, r, scratch_size(s));
	scratch_release(s);
	return sent != 0;
}

/*
 * When a call on a file ended. The clock is a fifth of what counting a call costs: of a file that is read or written again and again
 * within an epoch, only the first call of a tick (jiffies: 1 to 10 ms) asks it, and the others are told with that time.
 */
static __always_inline u64 call_time(const struct file_row *row)
{
	u64 tick;

	if (row->reads + row->writes < TIMED_CALLS)
		return bpf_ktime_get_boot_ns();
	tick = bpf_jiffies64();
	if (*(volatile u64 *)&state.tick != tick) {
		*(volatile u64 *)&state.tick_time = bpf_ktime_get_boot_ns(); /* before the tick, which says that it is there */
		*(volatile u64 *)&state.tick = tick;
	}
	return *(volatile u64 *)&state.tick_time;
}

#define COUNTED_ANONYMOUS 2 /* an anonymous inode: a fanotify group is one. 1: PAYLOAD_WANTED, of sockets */

/* Counts one call on a file. `what` is enum what with enum how; `task` is the owner. Returns 0 or COUNTED_ANONYMOUS. */
__noinline int count_file(u64 file, u32 what, u64 bytes, u32 from, u64 task)
{
	u64 inode = object_inode(file), now;
	struct recent *recent;
	struct file_row *row;
	struct file_key key;

	file_key_fill(&key, inode, task);
	recent = recent_claim();
	row = recent ? recent_row(recent, &key, (what & WHAT_MASK) == WHAT_OPEN) : 0;
	if (!row) {
		recent_release(recent);
		recent = 0;
		row = file_row_get(&key);
	}
	/* the record of a name has the time of its call, which must be one of this epoch */
	now = row && row->named ? call_time(row) : bpf_ktime_get_boot_ns();
	if (row) {
		if (!row->first)
			row->first = now;
		file_row_add(row, what, bytes);
		if (now > row->last)
			row->last = now;
		if ((row->how & what & HOW_MASK) != (what & HOW_MASK))
			row->how |= what & HOW_MASK;
		if (what & HOW_GIVEN)
			file_row_from(row, from);
		if (what >> EVENTS_SHIFT)
			row->events |= what >> EVENTS_SHIFT;
		if (!READ(struct inode, inode, i_nlink))
			row->deleted = 1;
		if (row->named)
			goto counted;
		if (follow_depth && (READ(struct inode, READ(struct file, file, f_inode), i_mode) & S_IFMT) == S_IFIFO)
			note_pipe(file, task);
	}
	if (!name_file(file, &key, row ? WHAT_TOUCH : what, row ? 0 : bytes, row ? 0 : from, task, now)) {
		if (row)
			row->named = 1;
	} else if (row) {
		ADD(state.lost_name, 1);
	} else {
		lose_call(what, bytes);
	}
counted:
	recent_release(recent);
	return READ(struct super_block, READ(struct inode, inode, i_sb), s_magic) == ANON_INODE_FS_MAGIC ? COUNTED_ANONYMOUS : 0;
}

/* ---- pages of mapped files ---- */

/*
 * Page faults tell an address space and no file. So the file is kept by its host's address when a flagged process maps it; of those that
 * were mapped or touched longest ago some are forgotten, and their faults count no more: the number is a lower bound.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u64);
} mapped SEC(".maps");

/* The inode whose pages a mapping of the file shows: of an overlay file system it is the one beneath. */
static __always_inline u64 mapped_host(u64 file)
{
	u64 inode = (u64)READ(struct file, file, f_inode);
	struct beneath beneath;

	if (!is_overlay(inode))
		return (u64)READ(struct address_space, READ(struct file, file, f_mapping), host);
	beneath_of(&beneath, inode);
	return beneath.inode;
}

/* Returns 1 when the faults up to now were not counted. */
__noinline int file_mapped(u64 file)
{
	u64 host, *known;

	if (!faults_told)
		return 0;
	host = mapped_host(file);
	known = bpf_map_lookup_elem(&mapped, &host);
	if (!host || (known && *known == file))
		return 0;
	bpf_map_update_elem(&mapped, &host, &file, BPF_ANY);
	return !known || mapped_host(*known) != host;
}

/*
 * One fault may be told several times: what was not in memory is read without the lock, and then the fault begins anew; and a page may be
 * asked for after those around it were mapped. Until it is over the task's count of faults stands (mm_account_fault(), mm/memory.c).
 */
struct fault {
	u64 start; /* of the task */
	u64 count; /* of its faults before this one */
	u64 host;
	u64 first, last; /* pages that were told */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32); /* thread */
	__type(value, struct fault);
} faulting SEC(".maps");

static __always_inline u64 bytes_of_pages(u64 first, u64 last, u64 size)
{
	u64 from = first << PAGE_SHIFT, to = (last + 1) << PAGE_SHIFT;

	if (to > size)
		to = size;
	return to > from ? to - from : 0;
}

/* A fault brought in the pages first..last, as far as they were in memory. */
__noinline int fault_seen(u64 mapping, u64 first, u64 last)
{
	u64 host = (u64)READ(struct address_space, mapping, host), *file, size, bytes, task = bpf_get_current_task();
	u32 thread = bpf_get_current_pid_tgid(), what = WHAT_FAULT;
	struct fault now, *fault;

	file = bpf_map_lookup_elem(&mapped, &host);
	if (!file || mapped_host(*file) != host) /* it was freed, and is another's */
		return 0;
	size = READ(struct inode, host, i_size);
	bytes = bytes_of_pages(first, last, size);
	now.start = READ(struct task_struct, task, start_boottime);
	now.count = READ(struct task_struct, task, min_flt) + READ(struct task_struct, task, maj_flt);
	now.host = host;
	now.first = first;
	now.last = last;
	fault = bpf_map_lookup_elem(&faulting, &thread);
	if (!fault) {
		bpf_map_update_elem(&faulting, &thread, &now, BPF_ANY);
	} else {
		if (fault->start == now.start && fault->count == now.count && fault->host == host && first <= fault->last &&
			fault->first <= last) {
			bytes = bytes_of_pages(fault->first, fault->last, size);
			if (now.first > fault->first)
				now.first = fault->first;
			if (now.last < fault->last)
				now.last = fault->last;
			bytes = bytes_of_pages(now.first, now.last, size) - bytes;
			what = WHAT_FAULT_MORE;
		}
		*fault = now;
	}
	return bytes || what == WHAT_FAULT ? count_file(*file, what, bytes, 0, task) : 0;
}

/* An open that the kernel refused: only the argument is there to tell of. */
__noinline int send_refused(u64 name, s32 error)
{
	u64 task = bpf_get_current_task();
	int slot = scratch_claim();
	struct record_refused *r;
	struct scratch *s;
	long length;

	s = slot < 0 ? 0 : scratch_at(slot);
	if (!s) {
		ADD(state.lost_refused, 1);
		return 0;
	}
	/* forward, unlike all others: the length is known only afterwards */
	r = (struct record_refused *)&s->out[1024];
	length = bpf_probe_read_user_str(&s->out[1024 + sizeof(*r)], 4096, (void *)name);
	if (length < 1)
		length = 1;
	length = bound(length - 1, 4095);
	head_fill(&r->head, RECORD_refused, sizeof(*r) + length, task);
	r->error = error;
	r->pad = 0;
	r->path.offset = sizeof(*r);
	r->path.length = length;
	if (ring_send(files_ring, files_wake, r, sizeof(*r) + bound(length, 4095)))
		ADD(state.lost_refused, 1);
	scratch_release(s);
	return 0;
}

#endif
