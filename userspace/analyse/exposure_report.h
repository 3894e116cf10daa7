/* SPDX-License-Identifier: BSD-2-Clause */
/* What reports say of exposure: read from the tables that exposure_store.c filled. Texts are as they came, not escaped. */
#ifndef QUIS_EXPOSURE_REPORT_H
#define QUIS_EXPOSURE_REPORT_H

#include "emit.h"
#include "report.h"

#define STEPS_MAX 8

/* What was read, of one class or of all. Numbers may be more than the truth where it says so, never less but for what was not recorded. */
struct exposed_class {
	char *name, *examples; /* NULL: all classes; a JSON list of paths */
	uint64_t files, files_then, mapped, read_bytes;
	uint64_t sent, sent_most;
	char *read_first, *read_last, *first, *last;
};

struct exposed_step {
	char *way, *first, *last;
	char *entity, *comm, *executable;
	int64_t pid;
	uint64_t alike; /* processes of this program that are one place here */
	uint64_t sent, sent_most;
};

struct exposed_route {
	int64_t id;
	bool outside; /* to a process that was not recorded */
	int64_t peer_pid;
	double window_s;
	char *remote, *remote_name, *name_source, *protocol;
	struct exposed_class all;
	struct exposed_class *classes; /* most telling first */
	size_t class_count;
	struct exposed_step steps[STEPS_MAX];
	size_t step_count;
};

struct exposed_handover {
	char *way, *giver, *receiver, *object, *first, *last;
	int64_t giver_pid, receiver_pid;  /* -1: not known, or several */
	int64_t givers, receivers;	  /* so many processes of one program, if above 1 */
	bool giver_known, receiver_known; /* recorded themselves */
	uint64_t times;
	int64_t files, given, taken; /* -1: does not apply */
};

/* What the kernel itself moved out of a file; or a file handed, open, to a process that was not recorded: no bytes. */
struct exposed_moved {
	char *entity, *comm, *path, *class, *remote, *remote_name, *way, *first, *last;
	int64_t pid, peer_pid;
	uint64_t calls, bytes;
	bool at_most; /* other bytes went into the same pipe */
};

struct exposures {
	struct exposed_route *routes; /* most telling first */
	size_t route_count, route_size;
	struct exposed_handover *handovers;
	size_t handover_count, handover_size;
	struct exposed_moved *moved;
	size_t moved_count, moved_size;
	char **cuts;
	size_t cut_count, cut_size;
	double window_s;
};

int exposures_gather(struct report *report, struct exposures *ret_exposures);
void exposures_done(struct exposures *exposures);
/* The text as one that may be NULL. */
struct text exposed_text(const char *text);

/* Less was sent after what is of the first class was read than after all of it. */
bool exposed_less(const struct exposed_route *route);

int exposures_json(struct report *report, struct emit *emit);

#endif
