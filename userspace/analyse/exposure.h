/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where what was read may have gone. The index is asked for what left each process (exposure_load.c): over the network, and to other processes.
 * From each class of files that was read, routes are followed forward in time to where data left (exposure_walk.c), and back along each route
 * it is counted which files were read before (exposure_count.c). What is found becomes tables (exposure_store.c).
 *
 * Nothing here claims that the content of a file was sent. It says: read, and then sent within the window. Facts are bursts: a time within one is
 * not known but for its ends, and of a flow for the first and last bytes each way. So an order is either known, or said not to be.
 */
#ifndef QUIS_EXPOSURE_H
#define QUIS_EXPOSURE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intern.h"

#define EXPOSURE_WINDOW_MS 2000
#define ROUTE_DEPTH 4	 /* processes between the one that read and the address, its own included */
#define ROUTES_MAX 256
#define PASSINGS_MAX 300000
#define READS_MAX 1000000
#define TARGETS_MAX 64 /* of one process and class; those that most was sent to */
#define KIN_MIN 5      /* so many processes of one program are one place on a route */
#define EXAMPLES 3
#define CLASSES_MAX 72

/* Fills tables handover, exposure, exposure_step, exposed and exposure_cut. window_ms 0: EXPOSURE_WINDOW_MS. */
int index_exposure(sqlite3 *db, uint32_t window_ms);

/* A growing array of things of one size. */
struct list {
	void *items;
	size_t count, size;
};
/* A new item, zeroed; NULL: no memory. */
void *list_add(struct list *list, size_t item);
void list_done(struct list *list);
#define LIST_AT(list, type, i) (&((type *)(list)->items)[i])

struct span {
	int64_t first, last;
};

enum way { WAY_UNIX, WAY_LOOPBACK, WAY_PIPE, WAY_MEMORY, WAY_FILE, WAY_FORK, WAYS };
extern const char *const way_names[WAYS];

/* What left a process: to another one, or to a target. The ends of the spans are exact times, or only bounds. */
struct passing {
	uint32_t giver;	   /* in table process */
	uint32_t receiver; /* the same; 0: a target */
	uint32_t target;   /* from 1 on */
	uint32_t object;   /* a row of table flow, or of table file for ways over a file */
	uint8_t way;
	bool exact;
	bool exposed; /* something was read before, and a target is at the other end */
	struct span given, taken;
	uint64_t bytes, taken_bytes;
};

/* A burst in which a process read a file that is not its own, close enough before something left it. */
struct read_burst {
	uint32_t process, file;
	uint8_t class;
	bool mapped;
	struct span span;
	uint64_t bytes;
};

struct target {
	uint32_t flow; /* a row of table flow that tells of it */
	bool outside;  /* a process that was not recorded */
};

struct process_info {
	uint32_t node;
	int64_t pid;
	struct span life;
	bool leaves; /* something left it */
	struct list may;     /* struct span: a read in one of these may have been before something that left it */
	struct list exposed; /* ... that went to a target */
};

struct file_info {
	uint8_t class; /* 0: ordinary, or no file; else its number and 1 */
	uint8_t kind;  /* enum file_kind */
	uint8_t shared;
	uint32_t writer; /* the first process seen to write to it; UINT32_MAX: several */
};
enum file_kind { FILE_PLAIN, FILE_PIPE, FILE_MEMORY, FILE_OTHER };

struct exposure {
	sqlite3 *db;
	int64_t window;
	const char *classes[CLASSES_MAX];
	size_t class_count;
	struct process_info *processes; /* by number */
	uint32_t process_count;
	uint32_t *members; /* numbers of processes, by node */
	struct file_info *files; /* by number */
	uint32_t file_count;
	bool any_shared; /* of the files */
	struct intern target_names;
	struct list targets;  /* struct target */
	struct list passings; /* struct passing, by giver and time once loaded */
	struct list reads;    /* struct read_burst */
	struct list routes;   /* struct route */
	bool passings_cut, reads_cut, routes_cut, depth_cut, targets_cut;
};

/* What a process has: when it may have it, and from when on it surely has. */
struct held {
	uint32_t process;
	struct list may;  /* struct span, sorted, apart */
	struct list sure; /* int64_t, sorted */
};

struct found {
	uint64_t files, files_then, mapped, read_bytes; /* files_then: of which the order is known */
	struct span span;				/* of the reads */
	uint32_t examples[EXAMPLES];
	uint64_t example_bytes[EXAMPLES];
};

struct route_step {
	uint64_t sent, sent_most; /* surely after a read, and at most */
	struct span when;
	uint32_t object, giver, receiver; /* of the largest */
	uint8_t way;
};

struct route_class {
	bool any;
	uint64_t sent, sent_most;
	struct span span; /* of what was sent */
	struct route_step steps[ROUTE_DEPTH];
	struct found found;
};

/* Which way, and by class of files what of it. */
struct route {
	uint32_t nodes[ROUTE_DEPTH];
	uint32_t depth;
	uint32_t target;
	struct route_class by_class[CLASSES_MAX + 1]; /* the last one in use: of all classes */
};

int exposure_load(struct exposure *exposure);
int exposure_load_files(struct exposure *exposure);
int exposure_load_flows(struct exposure *exposure);
int exposure_walk(struct exposure *exposure);
int exposure_count(struct exposure *exposure);
int exposure_store(struct exposure *exposure);

/* The time in a column; 0: none. So far from the end of all time that windows can be added to it. */
int64_t exposure_time(sqlite3_stmt *row, int column);
/* Of sorted spans that are apart: is any within first..last? */
bool spans_meet(const struct list *spans, int64_t first, int64_t last);
/* Of sorted times: is any within first..last? */
bool times_meet(const struct list *times, int64_t first, int64_t last);
/* Sorts, and joins what touches. */
void spans_settle(struct list *spans);
void times_settle(struct list *times);
int spans_add(struct list *spans, int64_t first, int64_t last);
int times_add(struct list *times, int64_t time);
int passing_add(struct exposure *exposure, const struct passing *passing);
/* Where the processes of a node begin in members; they end where another node begins. */
size_t members_of(const struct exposure *exposure, uint32_t node);
/* Is all that was taken out what was put in, no more and no less? Then the first was the first, and the last the last. */
bool passing_whole(const struct passing *passing);
/* The passings of a giver. */
void passings_of(const struct exposure *exposure, uint32_t giver, size_t *ret_first, size_t *ret_end);

struct held *held_find(struct list *helds, uint32_t process, bool add);
void helds_done(struct list *helds);
void helds_settle(struct list *helds);
/* Adds what the other list has, and frees that. Returns err, or -ENOMEM. */
int helds_take(struct list *helds, struct list *more, int err);

#endif
