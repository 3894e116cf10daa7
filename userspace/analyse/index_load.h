/* SPDX-License-Identifier: BSD-2-Clause */
/* The loader: facts become rows. index_sql.c prepares its statements, index_load.c runs them. */
#ifndef QUIS_INDEX_LOAD_H
#define QUIS_INDEX_LOAD_H

#include <sqlite3.h>
#include <stdbool.h>

#include "case/case.h"
#include "index.h"
#include "index_facts.h"
#include "intern.h"
#include "line.h"

#define KEY(key) key, sizeof(key) - 1

struct loader {
	sqlite3 *db;
	struct line *line;
	struct intern processes;
	struct intern files; /* the note: what the name was when the row was written */
	sqlite3_stmt *kinds[FACT_KINDS_MAX];
	sqlite3_stmt *new_process;
	sqlite3_stmt *old_process; /* one that the table of names had no place for */
	sqlite3_stmt *put_file;
	sqlite3_stmt *exec;    /* a new image replaces */
	sqlite3_stmt *fill;    /* a fork adds what was missing */
	sqlite3_stmt *inherit; /* and the parent gives the rest */
	sqlite3_stmt *ending;
	sqlite3_stmt *finish;
	sqlite3_stmt *clock;
	uint32_t process_count, file_count; /* rows */
	uint32_t files_known;		    /* of them, by name */
	uint64_t facts;
	uint64_t sequence; /* expected next; 0: not known */
	bool open;	   /* in open.ndjson by now */
	uint64_t jumps;	   /* places where the sequence is broken */
	int64_t offset;	   /* of the newest row of table clock */
	bool offset_known;
	char first_time[TIME_TEXT];
	char last_time[TIME_TEXT];
	struct index_problems *problems;
};

int loader_prepare(struct loader *loader);
void loader_finalize(struct loader *loader);
/* How many columns stand in front of those of the kind. */
int loader_links(uint8_t link);

/* Fills an empty database, and closes its transaction. */
int index_load(sqlite3 *db, struct index_problems *problems, struct case_reader *reader, uint32_t names);

#endif
