/* SPDX-License-Identifier: BSD-2-Clause */
/* What a report says, whatever its form: every format reads the index through this. */
#ifndef QUIS_REPORT_H
#define QUIS_REPORT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "where.h"

struct text {
	const char *bytes; /* NULL: not known */
	size_t len;
};

struct report_options {
	bool all;
	int64_t top; /* files shown of a process */
	int64_t pid; /* 0: all processes */
	const char *class; /* files of this one only; NULL: all */
	const char *case_path;
	uint32_t window_ms; /* of exposures; 0: as usual */
	bool color;
	unsigned width; /* 0: unlimited */
};

struct report {
	sqlite3 *db;
	struct report_options options;
	sqlite3_stmt *statements[20]; /* prepared when first used */
	uint8_t *directories;	      /* a bit a file; NULL: not yet looked up */
	int64_t *givers;	      /* of the file that was named last */
	size_t givers_size;
	int64_t directories_end;
};

struct report_session {
	struct text host, machine_id, boot_id, kernel, started, ended, hooks, flags, unseen, end_reason;
	struct text case_id, case_number, examiner, note, tool_version;
	struct text command; /* the arguments that it was started with, a list, if a command was recorded */
	struct text verified, verified_what;		       /* unsealed, verified, altered, foreign; and in words */
	int64_t lost_records, lost_map_full, lost_missed_runs; /* -1: not known */
	bool exact;
	bool unverified; /* altered or foreign: only --force gets here, and every output says so at its top */
};

struct report_gap {
	struct text from, to, what;
	int64_t count; /* -1: not known */
};

struct report_image {
	struct text time, executable, executable_raw, device, inode, sha256, args, args_raw, cwd, cwd_raw;
	bool args_truncated;
};

struct report_process {
	int64_t id;
	struct text entity, parent, comm, cgroup, container, flagged_by, started, ended;
	int64_t pid, ppid, uid, gid, exit_code, exit_signal; /* -1: not known */
	int64_t images;
	struct report_image image; /* the last one */
};

enum report_how {
	HOW_OPENED,
	HOW_INHERITED,
	HOW_RECEIVED,
	HOW_FANOTIFY,
	HOW_PIDFD,
	HOW_EXECUTED,
	HOW_IO_URING,
	HOW_COUNT,
};
extern const char *const report_how_names[HOW_COUNT];
/* Bits; of JSON lists, one after the other. */
unsigned report_how_of(struct text lists);

#define REPORT_EVENTS 10
extern const char *const report_event_names[REPORT_EVENTS]; /* of fanotify */

struct report_file {
	int64_t id;  /* of its last access with a name */
	bool object; /* false: a refused open, which has a path and an errno only */
	struct text path, path_raw, path_from, view, device, inode, type, class, lower_device, lower_inode,
		lower_layer, lower_path, lower_path_raw, view_raw, error, first, last;
	bool deleted, truncated, unreachable;
	unsigned how; /* bits of enum report_how */
	unsigned events;     /* with HOW_FANOTIFY: bits, by report_event_names */
	const int64_t *from; /* pids, ascending: who gave it, or whose access fanotify told of */
	size_t from_count;
	bool from_more; /* there were others */
	uint64_t opens, reads, read_bytes, writes, write_bytes, maps, mapped_bytes, faults, faulted_bytes, lists, failed, stats;
};

struct report_flow {
	struct text id, family, transport, direction, local, remote, remote_name, name_source, error, first, last;
	int64_t peer_pid; /* -1: not known */
	struct text peer_executable;
	uint64_t sends, sent_bytes, receives, received_bytes, failed;
	bool proxied;		  /* the name is of who is behind the proxy that the remote end is */
	struct where_place place; /* of the remote end */
};

/* Where data went, by who keeps the addresses. */
struct report_owner {
	const char *country, *owner; /* NULL: not known */
	uint32_t asn;		     /* 0: not known */
	uint64_t addresses, sent_bytes, received_bytes;
};

/* Bytes that the kernel moved, and open files that were handed over; an end is a file, or a socket, which has a flow. */
struct report_transfer_end {
	struct text path, path_raw, type, device, inode, flow;
};

struct report_transfer {
	struct report_transfer_end from, to;
	struct text remote, first, last;
	uint64_t calls, bytes, descriptors;
};

struct report_action {
	struct text time, kind, path, path_raw, to, to_raw, detail, path_from, outcome, error;
};

/* Texts are valid during the call only. What the callback returns below 0 ends the walk and is returned. */
typedef int report_gap_fn(void *context, const struct report_gap *gap);
typedef int report_process_fn(void *context, const struct report_process *process);
typedef int report_image_fn(void *context, const struct report_image *image);
typedef int report_file_fn(void *context, const struct report_file *file);
typedef int report_flow_fn(void *context, const struct report_flow *flow);
typedef int report_transfer_fn(void *context, const struct report_transfer *transfer);
typedef int report_action_fn(void *context, const struct report_action *action);

int report_init(struct report *report, sqlite3 *db, const struct report_options *options);
void report_done(struct report *report);
/* Texts are valid until the next call of report_session() or report_done(). */
int report_session(struct report *report, struct report_session *ret_session);
int report_gaps(struct report *report, report_gap_fn *fn, void *context);
int report_clock(struct report *report, report_gap_fn *fn, void *context); /* when the clock was set, or stood still */
int report_processes(struct report *report, report_process_fn *fn, void *context);
int report_process(struct report *report, int64_t id, report_process_fn *fn, void *context);
/* Every process below the flagged one that started it, siblings by their start. */
typedef int report_tree_fn(void *context, const struct report_process *process, size_t depth);
int report_tree(struct report *report, report_tree_fn *fn, void *context);
/* Whether it has any file of the class that was asked for. */
int report_wants(struct report *report, int64_t process, bool *ret_wanted);
int report_images(struct report *report, int64_t process, report_image_fn *fn, void *context);
int report_files(struct report *report, int64_t process, report_file_fn *fn, void *context);
/* As above, but without times, and of path, device and the like only whether it is a directory (its type): report_name_file() adds the rest. Its texts are valid until it is called again. */
int report_counts(struct report *report, int64_t process, report_file_fn *fn, void *context);
int report_name_file(struct report *report, struct report_file *file);
int report_flows(struct report *report, int64_t process, report_flow_fn *fn, void *context);
/* Fills remote_name and name_source, by remote and last. */
int report_name_flow(struct report *report, struct text flow_id, struct report_flow *flow);
int report_transfers(struct report *report, int64_t process, report_transfer_fn *fn, void *context);
int report_actions(struct report *report, int64_t process, report_action_fn *fn, void *context);

typedef int report_owner_fn(void *context, const struct report_owner *owner);
int report_owners(struct report *report, report_owner_fn *fn, void *context); /* most sent first */
int html_owners(struct report *report, FILE *out);

typedef int report_writer(struct report *report, FILE *out);
report_writer report_json, report_text, report_html;

#endif
