/* SPDX-License-Identifier: BSD-2-Clause */
/* The live view: what a case that is being written says so far. Everything in it has a cap; what comes beyond is counted with the rest. */
#ifndef QUIS_TOP_H
#define QUIS_TOP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "line.h"

#define TOP_PROCESSES 1024
#define TOP_PLACES 256
#define TOP_CLASSES 64
#define TOP_LATEST 32
#define TOP_NAME 256

/* What was read and sent: of what is told for good, and of the bursts that are still open, which are told anew each time. */
struct top_sums {
	uint64_t read, written, sent, received, accesses;
};

struct top_process {
	char entity[64];
	char comm[64], file[TOP_NAME]; /* harmless */
	uint64_t pid;
	struct top_sums closed, open, before; /* before: both, at the last frame */
	bool ended;
};

struct top_place {
	char remote[128];
	uint64_t closed, open, before; /* bytes sent */
};

struct top_class {
	const char *name;
	uint64_t accesses, open_accesses, closed, open, before; /* bytes read */
};

struct top {
	struct top_process processes[TOP_PROCESSES];
	struct top_place places[TOP_PLACES];
	struct top_class classes[TOP_CLASSES];
	char latest[TOP_LATEST][TOP_NAME + 32]; /* a ring: class and path */
	size_t process_count, place_count, class_count;
	uint64_t latest_count;
	uint64_t beyond; /* facts of processes that found no place */
	char host[64], hooks[24], product[64], ended[64];
	char first_time[TIME_TEXT], last_time[TIME_TEXT];
	uint64_t facts, facts_before, bad, lost, gaps;
	double seconds; /* since the last frame */
};

void top_init(struct top *top);
/* One line of a segment, or (open) of open.ndjson. */
void top_take(struct top *top, struct line *line, const char *text, size_t len, bool open);
void top_open_begin(struct top *top); /* open.ndjson is read anew */
/* What was before is what is now: rates begin anew. */
void top_step(struct top *top, double seconds);
/* height 0: as long as it is, and without a hint at keys. */
void top_draw(const struct top *top, FILE *out, unsigned width, unsigned height, bool color);

/* ---- top_find.c ---- */

/* How many cases are being written on this machine, as far as we may see; case_path (PATH_MAX bytes) is the last one found. */
int top_find(char case_path[PATH_MAX]);

/* ---- top_follow.c ---- */

struct follow {
	const char *case_path;
	struct line *line;
	uint32_t segment; /* that is read */
	int fd;		  /* of it; -1: it is not there yet */
	char *rest;	  /* what has no newline yet */
	size_t rest_len;
};

/* Errors as of case_open(). */
int follow_init(struct follow *follow, const char *case_path, struct top *top);
/* What is new since. */
int follow_more(struct follow *follow, struct top *top);
void follow_done(struct follow *follow);

#endif
