/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel side and quis-record say to each other: records in the rings, rows in the counter maps, settings.
 * Fixed widths, explicit padding, strings as {offset, length} from the start of the record. Units: bytes, nanoseconds of boot
 * time (CLOCK_BOOTTIME), kernel dev_t (major << 20 | minor, include/linux/kdev_t.h).
 */
#ifndef QUIS_BPF_H
#define QUIS_BPF_H

#ifdef __bpf__
#include "bpf/kernel.h"
#else
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
#endif

#define PID_LIMIT 4194304 /* PID_MAX_LIMIT, include/linux/threads.h */
#define COMM_SIZE 16	  /* TASK_COMM_LEN, include/linux/sched.h */

/*
 * Every kind of record, its payload struct and what it tells. Ids are never reused.
 *        id  name       what
 */
#define QUIS_RECORDS(X)                                                                                                \
	X(1, exec, "a flagged process runs a new image")                                                               \
	X(2, fork, "a flagged process made a child")                                                                   \
	X(3, exit, "the last thread of a flagged process ended")                                                       \
	X(4, file, "first touch of a file in an epoch: its name; or one call that found no room in the counters")     \
	X(5, flow, "first touch of a socket in an epoch: its ends; or one call that found no room in the counters")   \
	X(6, refused, "an open that the kernel refused")                                                               \
	X(7, process, "a process that ran when the recording began")                                                   \
	X(8, action, "one thing done, or tried, with the names given for it")                                          \
	X(9, place, "the kernel's own path for an action that is being tried")                                         \
	X(10, transfer, "one call that moved bytes between two objects and found no room in the counters")        \
	X(12, payload, "the first bytes that went over a socket, in which a name may be")                             \
	X(13, row, "the counters of a file that made room for those of another: struct recent")

enum record_kind {
#define X(id, name, what) RECORD_##name = id,
	QUIS_RECORDS(X)
#undef X
};

struct text_ref {
	u32 offset; /* from the start of the record */
	u32 length; /* bytes, no NUL counted; 0: not known */
};

struct record_head {
	u16 kind;
	u16 size_pad;
	u32 size; /* of the whole record */
	u64 time;
	u64 start; /* boot time at which the process began: with tgid, who it is */
	u32 tgid;
	u32 tid;
};

enum path_flags {
	PATH_DELETED = 1,     /* no name leads to it any more */
	PATH_UNREACHABLE = 2, /* its mount hangs in no mount tree: a detached or kernel-internal mount */
	PATH_TRUNCATED = 4,   /* longer than PATH_BYTES or deeper than the walk: the leading part is missing */
	PATH_ARGUMENT = 16,   /* the name that the process gave, behind the path of what it is relative to */
	PATH_PSEUDO = 8,      /* no path at all: the name is the kernel's label (pipe, anon_inode) */
};

/* Where a file of an overlay file system really lies. */
enum lower_layer { LOWER_NONE, LOWER_UPPER, LOWER_LOWER };

/* ---- what is counted ---- */

enum what {
	WHAT_TOUCH,
	WHAT_OPEN,
	WHAT_READ,
	WHAT_WRITE,
	WHAT_MAP,
	WHAT_LIST,
	WHAT_CONNECT,
	WHAT_ACCEPT,
	WHAT_SEND,
	WHAT_RECEIVE,
	WHAT_REFUSED, /* a connect that failed */
	WHAT_STAT,    /* asked for metadata */
	WHAT_FAULT,
	WHAT_FAULT_MORE, /* more bytes of a fault that was counted */
	WHAT_MASK = 0xff,
	WHAT_KERNEL_ADDRESS = 0x8000, /* the address given lies in the kernel's memory */
	WHAT_BY_ARGUMENT = 0x10000, /* the remote end is the address given, not the socket's */
	EVENTS_SHIFT = 17,	    /* above: enum event */
};

/* How a file came to the process; OR-ed to enum what, kept in the row. */
enum how {
	HOW_OPENED = 0x100,
	HOW_INHERITED = 0x200,
	HOW_RECEIVED = 0x400,
	HOW_FANOTIFY = 0x800,
	HOW_PIDFD = 0x1000,
	HOW_EXECUTED = 0x2000,
	HOW_IO_URING = 0x4000,
	HOW_MASK = 0x7f00,
	HOW_GIVEN = HOW_RECEIVED | HOW_FANOTIFY | HOW_PIDFD, /* by, or because of, another process */
};

/* What was done to a file that a fanotify group was told of: bits of the event's mask (include/uapi/linux/fanotify.h), moved together. */
enum event {
	EVENT_ACCESS = 1,
	EVENT_MODIFY = 2,
	EVENT_CLOSE_WRITE = 8,
	EVENT_CLOSE_NOWRITE = 0x10,
	EVENT_OPEN = 0x20,
	EVENT_OPEN_EXEC = 0x40,
	EVENT_OPEN_PERM = 0x80,
	EVENT_ACCESS_PERM = 0x100,
	EVENT_OPEN_EXEC_PERM = 0x200,
	EVENT_PRE_ACCESS = 0x800,
};

#define FROM_KEPT 3
#define TIMED_CALLS 64 /* reads and writes of a file in an epoch, each of which is timed */

struct file_key {
	u64 start;
	u64 ino;
	u32 tgid;
	u32 dev;
	u32 generation; /* i_generation: tells a new file from the deleted one whose inode number it took */
	u32 by_name;	/* no object is told: ino is a hash of the name given, generation the errno */
};

struct file_row {
	u64 opens;
	u64 reads;
	u64 read_bytes;
	u64 writes;
	u64 write_bytes;
	u64 maps;
	u64 mapped_bytes;
	u64 lists;
	u64 stats;
	u64 faults;	   /* on pages of its mappings */
	u64 faulted_bytes; /* of the file, in the pages that these brought in, or would have had they been in memory */
	u64 first;
	u64 last;
	u32 how;
	u32 from[FROM_KEPT]; /* tgids that handed the fd over, or did what a fanotify event told of; 0: none */
	u32 from_told;	     /* one for each of these, and more if there were others, or any that is not known */
	u16 events;	     /* enum event */
	u8 named;
	u8 deleted; /* no name was left at the last call */
};

/*
 * The files that a processor opened last, with their rows. A call on one of them need not look into the map, and a file that is opened, read
 * and left makes no row there: when another takes its place, its row goes into the ring, once. What is opened again after that, or used, has
 * a row in the map. Owned as a scratch slot is, by whoever reads 1 in `busy` after adding 1; quis-record too, when it takes the rows at the
 * end of an epoch. Who does not own it counts in the map.
 */
#define RECENT_FILES 4
#define RECENT_OPENED 1024 /* a power of two */

struct recent_file {
	struct file_key key;
	struct file_row row; /* first: 0, and there is none */
};

struct recent {
	u32 busy;
	u32 next; /* the place that is given away next */
	struct recent_file files[RECENT_FILES];
	u32 opened[RECENT_OPENED]; /* a hash of what had a place in this epoch, where that hash says; 0: nothing */
};

struct flow_key {
	u64 start;
	u64 ino; /* of the socket in sockfs */
	u32 tgid;
	u16 family;
	u16 port;    /* remote, host order */
	u8 addr[16]; /* remote; IPv4 in the first four */
};

enum flow_flags {
	FLOW_CONNECTED = 1,	/* this process called connect() */
	FLOW_ACCEPTED = 2,	/* ... or accept() */
	FLOW_FIRST_RECEIVE = 4, /* traffic began with a receive */
	FLOW_ARGUMENT = 8,	/* the remote address was read from the process's memory */
	FLOW_HELD = 16,		/* was there when the recording began */
	FLOW_LISTEN = 32,
};

struct flow_row {
	u64 sends;
	u64 sent_bytes;
	u64 receives;
	u64 received_bytes;
	u64 refused;
	u64 first;
	u64 last;
	u64 sent_first; /* 0: nothing was sent */
	u64 sent_last;
	u64 received_first;
	u64 received_last;
	u32 flags;
	u32 named;
	s32 error; /* of the last refused connect */
	u32 done;  /* bit 0: no more payload of what is sent is wanted; bit 1: of what is received */
};

/* A file; with dev 0 a socket, by its number in sockfs. */
struct object_id {
	u64 ino;
	u32 dev;
	u32 generation;
};

struct transfer_key {
	u64 start;
	struct object_id from, to;
	u32 tgid;
	u16 family; /* of the end that is a socket, and its remote end, as in struct flow_key; 0: neither is */
	u16 port;
	u8 addr[16];
};

struct transfer_row {
	u64 calls;
	u64 bytes;
	u64 descriptors; /* of the file, that were handed over the socket (SCM_RIGHTS) */
	u64 first;
	u64 last;
};

/* ---- records ---- */

struct record_exec {
	struct record_head head;
	u64 parent_start;
	u64 cgroup;
	u64 ino;
	u64 arguments_all; /* bytes of argv in the process; more than arguments.length: cut */
	u32 parent;
	u32 parent_flagged;
	u32 uid;
	u32 gid;
	u32 dev;
	u32 generation;
	u32 flag; /* why: an index into quis-record's list of flags, FLAG_PARENT, FLAG_COMMAND or FLAG_IPC */
	u32 exe_flags;
	u32 cwd_flags;
	u32 by; /* with FLAG_IPC: tgid of who handed the data over */
	struct text_ref exe;
	struct text_ref cwd;
	struct text_ref arguments; /* NUL-separated */
	struct text_ref script;	   /* name given to execve() when an interpreter runs it */
	char comm[COMM_SIZE];
};

struct record_fork {
	struct record_head head; /* of the child */
	u64 parent_start;
	u32 parent;
	u32 pad;
	char comm[COMM_SIZE];
};

struct record_exit {
	struct record_head head;
	s32 code; /* as wait(2) gives it */
	u32 pad;
};

struct record_file {
	struct record_head head;
	struct file_key key;
	u64 bytes;	   /* with what != WHAT_TOUCH */
	u64 lower_ino;	   /* overlayfs: what lies beneath */
	u32 lower_dev;
	u32 lower_layer;   /* enum lower_layer */
	u32 what;	   /* WHAT_TOUCH: a name only; else the one call to add, with its how */
	u32 mode;	   /* i_mode */
	u32 rdev;	   /* i_rdev, of a device */
	u32 magic;	   /* of its file system: s_magic */
	u32 from;
	u32 path_flags;
	u32 path_given;	   /* with PATH_ARGUMENT, as in struct record_action */
	struct text_ref path;
	struct text_ref view;  /* the path from the process's own root, where that is another; an end of path */
	struct text_ref lower; /* from the top of its file system, whatever is mounted where */
};

struct record_row {
	struct record_head head;
	struct recent_file file;
};

struct record_flow {
	struct record_head head;
	struct flow_key key;
	u64 bytes;
	u64 peer_ino; /* of the other end of a unix socket, as key.ino; 0: not known, or not accepted yet */
	u32 what;
	u32 flags;    /* enum flow_flags */
	u32 protocol; /* IPPROTO_* */
	u32 type;     /* SOCK_* */
	u32 peer;     /* tgid of the other end of a unix socket, 0: not known */
	s32 error;
	u16 local_port;
	u16 state; /* TCP_* */
	u32 abstract; /* bit 0: local, bit 1: remote is an abstract name */
	u8 local_addr[16];
	struct text_ref local_path;
	struct text_ref remote_path;
};

struct record_transfer {
	struct record_head head;
	struct transfer_key key;
	u64 bytes; /* 0: a descriptor was handed over */
};

struct record_refused {
	struct record_head head;
	s32 error; /* negative errno */
	u32 pad;
	struct text_ref path; /* the argument */
};

#define ACTION_PATH_KERNEL 1 /* the path is that of an fd */
#define ACTION_BY_REQUEST 2  /* of io_uring: args[5] is the id of its place, which holds the names given */
#define ACTION_PID_NAMESPACE 4 /* process ids in the arguments are those of another namespace */

/* of bpf(): which of the arguments hold the program's type and how it is attached */
#define ACTION_PROGRAM_TYPE 4
#define ACTION_ATTACH_TYPE 5
#define ACTION_UNSAID (~0ULL)

struct record_action {
	struct record_head head;
	s64 result;
	u64 args[6]; /* in place of unused ones: of bpf() the object's id in [3] and what is above, of pidfd calls the process, and of kill() the caller's group in [4] */
	u32 nr; /* of the call, x86-64 */
	u32 from;
	u32 path_flags;
	u32 path_given; /* how much of the end of path is the argument; the rest is what it is relative to */
	u32 to_given;
	u32 pad;
	struct text_ref path, to;
};

struct record_place {
	struct record_head head;
	u64 id; /* pid_tgid of the calling thread; the address of an io_uring request */
	u32 nr; /* of the plainest call of the kind: rename, not renameat2 */
	u32 path_flags;
	u32 path_given; /* as in struct record_action; 0 for the kernel's own */
	u32 to_given;
	struct text_ref path, to;
};

struct record_payload {
	struct record_head head;
	struct flow_key key;
	u64 bytes;    /* of the call; more than data.length: not all was copied */
	u32 at;	      /* where in the stream they begin */
	u32 received; /* 0: sent */
	u32 type;     /* SOCK_* */
	u32 protocol; /* IPPROTO_* */
	struct text_ref data;
};

/* ---- settings and loss counters ---- */

#define FLAG_NONE 0xffffffffu
#define FLAG_PARENT 0xfffffffeu
#define FLAG_COMMAND 0xfffffffdu
#define FLAG_IPC 0xfffffffcu /* a flagged process handed data to it */
#define RELAY_HASH_START 0x9ae16a3b2f90404fULL /* of paths that are never flagged so; any number but HASH_START of bpf/path.h */

/* The byte of a pid: one of these, and above it how many times data were handed over on the way to it (--follow-ipc). */
#define MARK_KIND 0x0f
#define MARK_DEPTH_SHIFT 4
#define MARK_DEPTH_MAX 15

enum mark {
	MARK_NONE,
	MARK_FLAGGED,
	MARK_ARMED, /* the child that will exec the command: flagged at that exec */
	MARK_SCRIPT, /* runs a script that may be a flagged one: known when its interpreter opens it */
};

/* Ways of which not everything is seen: whether a flagged process used them. Bytes, which are set without a lock. */
enum used {
	USED_THREADS, /* two tasks share a table of descriptors */
	USED_URING,
	USED_AIO,
	USED_32,
	USED_SHOTS, /* multishot requests of io_uring */
	USED_SKIPS, /* ... those that want no completion */
	USED_KINDS = 8,
};

struct sensor_state { /* .bss.state: kernel side adds, quis-record reads */
	u64 produced;	     /* records put into a ring */
	u64 lost_life;	     /* exec, fork, exit, process records that found the ring full */
	u64 lost_name;	     /* file and flow names that found it full: tried again at the next touch */
	u64 lost_refused;    /* refused opens not told */
	u64 lost_calls;	     /* calls that found neither a counter nor room in the ring */
	u64 lost_scratch;    /* records for which no scratch was free */
	u64 lost_call_bytes; /* bytes of lost_calls */
	u64 lost_actions;    /* actions not told */
	u64 lost_payload;    /* payload that could not be copied or sent: only names are missing */
	u64 compat_calls;    /* 32-bit calls of flagged processes that no table knows */
	u64 tick, tick_time; /* the kernel's tick that the clock was last asked in, and what it said: see call_time() */
	u64 root_dentry;     /* of quis-record: paths end there, so that they are as it sees them, in a chroot too */
	u64 mounts;	     /* its mount namespace */
	u8 used[USED_KINDS]; /* enum used */
	u64 rows;	     /* made in this epoch: quis-record flips early when the map fills */
	u32 dirty;	     /* a row was made in this epoch */
	u32 wake_sent;	     /* quis-record was woken for a ring that fills, and has not drained since */
	u64 follow_refused;  /* received from a flagged process, and were not followed because of the bounds */
	u32 path_flags_used; /* how many flags are paths: no walk at exec if 0 */
	u32 own_tgid;	     /* quis-record, in the initial pid namespace */
	/* what a quis-record that takes up a dead one's programs must know; the kernel side has no use for it */
	u64 committed;	   /* time up to which all is in the case */
	u64 lines;	   /* of the case by then: with no more on the disk, nothing of what was being written is there */
	u64 taken;	   /* records let go out of the rings since, and rows that could not be written: gone if it dies now */
	u64 read_at[2];	   /* up to where the rings were read ... */
	u64 told_at[2];	   /* ... and up to where what was read is in the case; the rings still hold the names for rows that are not */
	u64 told[4];	   /* of records, calls, runs, payload: losses that the case holds already */
	u64 merged;	   /* counter rows, bad records and names not known, over all */
	u64 bad, unresolved;
	u32 phase;	   /* enum phase */
	u32 hooks;
	u32 case_number; /* its directory: as named, or with -2, -3 ... behind */
	u32 pad;
	char case_id[40];
	char object[72];   /* SHA-256 of the BPF object, hex */
};

/* Where in an epoch it is, that is what a death now leaves in the map that was swapped out. */
enum phase {
	PHASE_COUNTING, /* nothing */
	PHASE_MERGING,	/* rows of which nothing is in the case */
	PHASE_WRITING,	/* rows of which some may be in the case: those of lines beyond sensor_state.lines */
	PHASE_CLEARING, /* rows that are all in the case */
};

#define PATH_BYTES 16384     /* a path longer than this is truncated, and said so */
#define ARGUMENT_BYTES 8192  /* argv beyond this is cut, and said so */
#define SCRATCH_BYTES 65536

#endif
