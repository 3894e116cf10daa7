/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps, settings and the ways to read kernel memory: the ground floor of every handler. */
#ifndef QUIS_BPF_COMMON_H
#define QUIS_BPF_COMMON_H

#include "bpf/quis.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

/* ---- settings, fixed before load: dead branches are cut by the verifier ---- */

const volatile u8 typed_loads;	  /* the kernel has bpf_rdonly_cast (6.2) */
const volatile u32 scratch_slots; /* a power of two */
const volatile u32 recent_slots;  /* a power of two; 0: files that were opened last are counted in the map as all others */
const volatile u64 files_wake;	  /* bytes in a ring: wake quis-record beyond */
const volatile u64 life_wake;
const volatile u8 xattr_dentry_at;  /* which argument of security_inode_setxattr is the dentry */
const volatile u8 aio_told;	    /* what Linux AIO did is told when it is done, whoever fetches its result */
const volatile u8 object_stats;	    /* the object of a stat is told by a hook, whatever call it is of */
const volatile u8 uring_request_at; /* which argument of io_uring_submit_sqe is the request */
const volatile u32 uring_shots_mask; /* of the flags of a multishot request */
const volatile u8 uring_shots_told; /* trampolines tell each completion of a multishot request with the request */
const volatile u8 uring_skips_told; /* ... what was done by those that want no completion */
const volatile u8 uring_overflows_told; /* ... and those for whose completion there is no room */
const volatile u8 held_told;	    /* security_file_permission tells the file that a call began with */
const volatile u8 senders_told;	    /* the kernel's functions tell who sent a descriptor (rights.h) */
const volatile u8 faults_told;	    /* the kernel has mm_filemap_fault and mm_filemap_map_pages (6.12) */
const volatile u8 follow_depth;	    /* --follow-ipc: flagged over so many hand-overs; 0: not at all */
const volatile u8 uring_cqe;	    /* io_uring_complete gives the completion entry (6.16), not its parts */

#define EINPROGRESS 115
#define ERESTART_FIRST 512 /* include/linux/errno.h: the call will run again and then end for good */
#define ERESTART_LAST 516

/* Zero rows to insert: constants in a map cost no stack. */
const volatile struct file_row zero_file_row;
const volatile struct flow_row zero_flow_row;

struct sensor_state state SEC(".bss.state");
/* One byte a pid, not one bit: kernels before 5.12 have no atomic OR, and neighbours in a word would lose marks. */
u8 marks[PID_LIMIT] SEC(".bss.marks");

/* ---- maps ---- */

struct file_rows {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct file_key);
	__type(value, struct file_row);
} file_rows SEC(".maps");

struct flow_rows {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct flow_key);
	__type(value, struct flow_row);
} flow_rows SEC(".maps");

/* One slot each: the map that counts now. quis-record swaps in the spare; see DESIGN.md §4, epoch flip. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct file_rows);
} files_now SEC(".maps") = {.values = {&file_rows}};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct flow_rows);
} flows_now SEC(".maps") = {.values = {&flow_rows}};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} files_ring SEC(".maps");

/* Process life has a ring of its own: a flood of files cannot push out an exec. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 << 20);
} life_ring SEC(".maps");

#define ADD(where, value) __sync_fetch_and_add(&(where), (value))

/* ---- reading kernel memory ---- */

extern void *bpf_rdonly_cast(const void *object, u32 btf_id) __ksym __weak;

/* A typed load of what lies at an address (see below): only where typed_loads is set. */
#define LOAD_AT(ctype, address) (*(ctype *)bpf_rdonly_cast((void *)(address), bpf_core_type_id_kernel(struct timespec64)))

/*
 * A member of a kernel object by address. Typed loads cost a few nanoseconds, a helper call about forty (DESIGN.md §4); both give 0 on
 * a fault. Everything is a plain number here, pointers too: global functions take nothing else on 5.10. So a typed load goes through
 * a kernel struct that begins with a 64-bit integer, whatever lies there; loading by the true type would give typed pointers.
 */
#define READ_AT(ctype, address)                                                                                        \
	({                                                                                                             \
		u64 at_ = (u64)(address);                                                                              \
		ctype read_;                                                                                           \
		if (typed_loads)                                                                                       \
			read_ = LOAD_AT(ctype, at_);                                                                   \
		else                                                                                                   \
			bpf_probe_read_kernel(&read_, sizeof(read_), (void *)at_);                                     \
		read_;                                                                                                 \
	})

#define MEMBER(type, pointer, member)                                                                                  \
	({                                                                                                             \
		u64 pointer_ = (u64)(pointer);                                                                         \
		(u64)__builtin_preserve_access_index(&((type *)pointer_)->member);                                     \
	})

#define READ(type, pointer, member) READ_AT(__typeof__(((type *)0)->member), MEMBER(type, pointer, member))

/* value & mask, which clang may not see through: the verifier wants the mask at the use (mask + 1 is a power of two). */
#define bound(value, mask)                                                                                             \
	({                                                                                                             \
		u64 bounded_ = (value);                                                                                \
		asm volatile("%0 &= %1" : "+r"(bounded_) : "i"(mask));                                                \
		bounded_;                                                                                              \
	})

/* A word of the context as a plain number: loaded directly it would be a typed pointer. */
static __always_inline u64 plain(const void *address)
{
	return READ_AT(u64, address);
}

/* ---- scratch: where records are put together ---- */

/*
 * Records grow from the end of `out` to its front, so that a path, which is walked from its leaf, comes out in order and whole.
 * A program may be preempted in the middle on some kernels, so no per-CPU buffer: a slot is claimed by a counter. The upper half of
 * `out` is never written: it is there because the verifier bounds offset and length apart.
 */
#define SCRATCH_OUT 32768

/* bpf/overlay.h */
struct beneath {
	u64 inode, dentry;
	u32 layer; /* enum lower_layer */
	u32 pad;
};

struct scratch {
	u32 busy;
	u32 at;	   /* where the record begins in `out` */
	u32 floor; /* the walk may not go below */
	u32 flags; /* enum path_flags */
	u64 dentry;
	u64 mount;
	u64 view_dentry; /* the root of the process that is told of, where that is not ours: the walk notes when it passes it */
	u64 view_mount;
	u64 name; /* of the walk: here and not on the stack, which is short */
	u64 hash;
	u64 whole;
	u32 hash_at;
	u32 hash_end;
	u32 found;
	u32 local_at, local_length; /* names of a unix socket */
	u32 remote_at, remote_length;
	u32 abstract;
	u32 given; /* bytes of the name that the process gave */
	u32 view_at; /* ... there; 0: it did not */
	struct beneath beneath; /* of a file: here and not on the stack, which is short */
	u32 path_at, path_end, path_flags;
	u32 here_at; /* where our own path of a file of another mount namespace begins, path_at: there is none */
	u32 lower_length;
	u64 args[8]; /* of an action */
	u8 out[SCRATCH_OUT * 2 + 2048];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline struct scratch *scratch_at(u32 slot)
{
	return bpf_map_lookup_elem(&scratch, &slot);
}

/*
 * Returns a slot or -1. Whoever reads 1 after its own add owns the slot: two owners would have read at least 2. Needs no
 * fetching atomics, which 5.10 lacks. Losers go to the next slot.
 */
static __always_inline int scratch_claim(void)
{
	u32 first = bpf_get_smp_processor_id() * 2;

	for (u32 i = 0; i < 4; i++) {
		u32 slot = (first + i) & (scratch_slots - 1);
		struct scratch *s = scratch_at(slot);

		if (!s)
			break;
		ADD(s->busy, 1);
		if (*(volatile u32 *)&s->busy == 1) {
			s->at = SCRATCH_OUT;
			s->floor = 1024;
			s->flags = 0;
			s->view_dentry = 0;
			return slot;
		}
		ADD(s->busy, (u32)-1);
	}
	ADD(state.lost_scratch, 1);
	return -1;
}

static __always_inline void scratch_release(struct scratch *s)
{
	ADD(s->busy, (u32)-1);
}

/* Room for a record's fixed part before what is there already, aligned to 8. */
static __always_inline void *scratch_head(struct scratch *s, u32 size)
{
	u32 at = (s->at - size) & (SCRATCH_OUT - 8);

	s->at = at;
	return &s->out[at];
}

static __always_inline u32 scratch_size(const struct scratch *s)
{
	return bound(SCRATCH_OUT - s->at, SCRATCH_OUT - 1);
}

/* ---- sending ---- */

static __always_inline u64 ring_flags(void *ring, u64 wake)
{
	if (bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) < wake || state.wake_sent)
		return BPF_RB_NO_WAKEUP;
	state.wake_sent = 1;
	return BPF_RB_FORCE_WAKEUP;
}

/* 0: sent. What a failure means is the caller's to count. */
#define ring_send(ring, wake, record, size)                                                                            \
	({                                                                                                             \
		long sent_ = bpf_ringbuf_output(&(ring), (record), (size), ring_flags(&(ring), (wake)));               \
		if (!sent_)                                                                                            \
			ADD(state.produced, 1);                                                                        \
		sent_;                                                                                                 \
	})

/* A call that found neither a counter nor room in the ring. A touch alone counts nothing, so nothing is lost with it. */
static __always_inline void lose_call(u32 what, u64 bytes)
{
	if ((what & WHAT_MASK) == WHAT_TOUCH)
		return;
	ADD(state.lost_calls, 1);
	if (bytes) /* clang turns adding a constant 0 into an atomic OR, which 5.10 lacks */
		ADD(state.lost_call_bytes, bytes);
}

/* ---- who ---- */

static __always_inline u32 current_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

static __always_inline u8 mark_of(u32 tgid)
{
	return marks[tgid & (PID_LIMIT - 1)] & MARK_KIND;
}

static __always_inline u8 depth_of(u32 tgid)
{
	return marks[tgid & (PID_LIMIT - 1)] >> MARK_DEPTH_SHIFT;
}

/* follow.h: static, so that what is never called costs and asks nothing of the verifier */
static __noinline int note_socket(u64 sk, u64 uaddr, u64 task);
static __noinline int note_pipe(u64 file, u64 task);

/*
 * The current task, by the kernel stack that its call runs on: a few loads, where the helper is a call. What was found there before is still
 * the owner if its own word says so, which is 0 from when a stack is freed (release_task_stack(), kernel/fork.c). Stacks are aligned to
 * THREAD_SIZE (arch/x86/include/asm/page_64_types.h): 16 KiB; with KASAN it is 32, and the helper is asked each time.
 */
#define STACK_SHIFT 14
#define TASKS 4096
u64 tasks[TASKS] SEC(".bss.tasks");

static __always_inline u64 task_on(u64 stack)
{
	u64 *known = &tasks[stack >> STACK_SHIFT & (TASKS - 1)], task = *known;

	if ((u64)READ(struct task_struct, task, stack) == stack >> STACK_SHIFT << STACK_SHIFT)
		return task;
	return *known = bpf_get_current_task();
}

/* Of a program whose first argument is the registers of a system call, which lie on that stack; 0 where loads are no cheaper than the helper. */
static __always_inline u64 calling_task(const u64 *ctx)
{
	return typed_loads ? task_on(plain(ctx)) : 0;
}

static __always_inline u64 or_current(u64 task)
{
	return task ? task : bpf_get_current_task();
}

static __always_inline u8 mark_of_caller(u64 task)
{
	return mark_of(typed_loads ? (u32)READ(struct task_struct, task, tgid) : current_tgid());
}

static __always_inline bool current_flagged(void)
{
	return mark_of(current_tgid()) == MARK_FLAGGED;
}

static __always_inline u64 start_of(u64 task)
{
	return READ(struct task_struct, READ(struct task_struct, task, group_leader), start_boottime);
}

static __always_inline void head_fill(struct record_head *head, u16 kind, u32 size, u64 task)
{
	head->kind = kind;
	head->size_pad = 0;
	head->size = size;
	head->time = bpf_ktime_get_boot_ns();
	head->start = start_of(task);
	head->tgid = READ(struct task_struct, task, tgid);
	head->tid = READ(struct task_struct, task, pid);
}

#endif
