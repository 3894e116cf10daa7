/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A timeline: what the index holds, one event after the other, by time and event.sequence. timeline_order.c finds the order,
 * timeline_events.c walks, timeline_words.c says in words, one writer a format. 16 bytes a file grow with the case, and no more.
 */
#ifndef QUIS_TIMELINE_H
#define QUIS_TIMELINE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "case/case.h"
#include "emit.h"
#include "index.h"
#include "index_facts.h"
#include "report.h"

/* What the writers ask for by name; event_text() and event_number() find it in any kind of fact. */
enum part {
	PART_TIME,
	PART_FIRST,
	PART_LAST,
	PART_SEQUENCE,
	PART_COMM,
	PART_PATH,
	PART_PATH_RAW,
	PART_TYPE,
	PART_DEVICE,
	PART_INODE,
	PART_CLASS,
	PART_HOW,
	PART_OPENS,
	PART_READS,
	PART_READ_BYTES,
	PART_WRITES,
	PART_WRITE_BYTES,
	PART_MAPS,
	PART_MAPPED_BYTES,
	PART_LISTS,
	PART_STATS,
	PART_FAILED,
	PART_ERRNO,
	PART_EVENT,
	PART_ARGS,
	PART_EXECUTABLE,
	PART_SHA256,
	PART_CWD,
	PART_PPID,
	PART_PARENT,
	PART_UID,
	PART_GID,
	PART_STARTED,
	PART_EXIT_CODE,
	PART_EXIT_SIGNAL,
	PART_FAMILY,
	PART_TRANSPORT,
	PART_DIRECTION,
	PART_LOCAL,
	PART_REMOTE,
	PART_SOURCE_IP,
	PART_SOURCE_PORT,
	PART_DESTINATION_IP,
	PART_DESTINATION_PORT,
	PART_SENDS,
	PART_SENT_BYTES,
	PART_RECEIVES,
	PART_RECEIVED_BYTES,
	PART_KIND,
	PART_TARGET,
	PART_TARGET_RAW,
	PART_DETAIL,
	PART_OUTCOME,
	PART_ADDRESS,
	PART_NAME,
	PART_SOURCE,
	PART_FLOW_ID,
	PART_FROM_FLOW,
	PART_TO_FLOW,
	PART_TO_PATH,
	PART_CALLS,
	PART_BYTES,
	PART_DESCRIPTORS,
	PART_WHAT,
	PART_COUNT,
	PART_NOTE,
	PART_REALTIME_NS,
	PART_BOOTTIME_NS,
	PART_PUBLIC_KEY,
	PART_REASON,
	PART_LOST_RECORDS,
	PART_LOST_MAP_FULL,
	PART_LOST_MISSED_RUNS,
	PART_HOST,
	PART_TOOL_VERSION,
	PART_KERNEL,
	PART_HOOKS,
	PART_EXPOSED, /* read, and then something was sent; or what was sent then */
	PARTS,
};

enum which { EVENT_ONLY, EVENT_FIRST, EVENT_LAST };

/* Who did it, as of the time of the event. */
struct actor {
	int64_t id;		     /* in table process; 0: nobody */
	int64_t pid, ppid, uid, gid; /* -1: not known */
	char *entity, *comm, *executable, *container;
	char until[TIME_TEXT]; /* from then on it was another program; "": for good */
	char from[TIME_TEXT];
};

/* A line of a foreign body file (--merge). */
struct stamp {
	struct text name, inode, mode;
	const char *letters; /* "m", "ma" ... of macb: which times these are */
	bool same_path;	     /* as of the object of that inode number in the case */
};

struct event {
	const struct fact_kind *kind; /* NULL: no fact */
	const struct stamp *stamp;    /* of --merge */
	bool note;		      /* the export's own words, before all events */
	enum which which;
	int64_t sequence;
	int64_t ns;
	char time[TIME_TEXT];
	const struct actor *actor; /* NULL: nobody's */
	sqlite3_stmt *row;
	int first_column;    /* of kind->columns in the row */
	const struct text *object; /* type, device, inode, class of what was accessed; NULL: in the row, or no access */
	bool exposed;		   /* what was read, and then something was sent */
	const int *parts;    /* column of a part, -1: the kind has none */
	const char *message; /* one line of harmless text */
	const char *what;    /* "File Read (first)" */
};

struct timeline;

struct timeline_format {
	const char *name;
	const char *summary;
	bool by_fact;	      /* one event a fact, with both its times; else first and last are two events */
	bool whole_objects;   /* it wants all that table file has */
	const char *left_out; /* always; NULL: nothing */
	int (*begin)(struct timeline *timeline);
	int (*write)(struct timeline *timeline, const struct event *event);
};
extern const struct timeline_format timeline_formats[];
extern const size_t timeline_formats_count;

struct timeline_filter {
	char from[TIME_TEXT], to[TIME_TEXT]; /* "": from the first, to the last */
	int64_t pid;			     /* 0: all */
	const char *class;
	const char *path_glob;
	const char *merge; /* a body file */
};

struct source;
struct timeline {
	sqlite3 *db;
	struct timeline_filter filter;
	const struct timeline_format *format;
	FILE *out;
	struct emit emit;
	struct source *source;
	char host[256];
	char host_id[64];
	char case_id[64];
	uint64_t events;
	uint64_t merged, merged_out; /* lines of --merge that were used, and that were not */
	const struct index_problems *problems;
};

/* The events in their order. 1: one; 0: no more; negative: errno. The event is valid until the next call. */
int timeline_open(struct timeline *timeline);
int timeline_next(struct timeline *timeline, struct event *ret_event);
void timeline_close(struct timeline *timeline);
int timeline_write(struct timeline *timeline); /* all of them, to timeline->out */
uint64_t timeline_total(const struct timeline *timeline); /* events of the case, whatever the filters */
uint64_t timeline_selected(const struct timeline *timeline);

int timeline_merge(struct timeline *timeline); /* reads the body file into table temp.stamp */
bool timeline_get_stamp(sqlite3_stmt *row, struct stamp *ret_stamp);

struct text event_text(const struct event *event, enum part part);
int64_t event_number(const struct event *event, enum part part); /* -1: not known */
struct text event_extra(const struct event *event);
/* Fills in message and what. */
void event_words(struct timeline *timeline, struct event *event);
/* A list of arguments as one line. Valid until the next call. */
struct text command_line(struct text args);
/* The words for what a process did to a file: "read", "File Read". */
const char *access_verb(const struct event *event, const char **ret_title);

void emit_part(struct emit *emit, const char *key, struct text text); /* absent if not known */
void emit_number_part(struct emit *emit, const char *key, int64_t number);
bool text_equals(struct text text, const char *value);

int write_timesketch(struct timeline *timeline, const struct event *event);
int write_plaso(struct timeline *timeline, const struct event *event);
int write_bodyfile(struct timeline *timeline, const struct event *event);
int write_ecs(struct timeline *timeline, const struct event *event);
int write_ocsf(struct timeline *timeline, const struct event *event);
int begin_csv(struct timeline *timeline);
int write_csv_event(struct timeline *timeline, const struct event *event);

#endif
