/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a case is as it was sealed: one pass over its lines, in memory that does not grow with them. What a
 * checkpoint covers and a chain of keys from the first one signs is held against the lines; where they differ, the
 * first place is named as exactly as what is there permits. Nothing in the case is trusted but the first key.
 */
#ifndef QUIS_VERIFY_H
#define QUIS_VERIFY_H

#include "case/case.h"
#include "case/seal.h"

enum verdict { VERDICT_INTACT, VERDICT_ALTERED, VERDICT_UNKNOWN };

struct verify_options {
	const struct note_key *key;	 /* the first key as it left the host; NULL: quis.pub is believed */
	const struct checkpoint *since;	 /* one that left the host; NULL: none */
	const struct checkpoint *anchor; /* one of anchors/, which someone may have vouched for; NULL: none */
	struct proof *proof; /* begun for the line wanted; it becomes one in the newest checkpoint. NULL: none */
	void (*progress)(void *context, uint64_t done, uint64_t total); /* bytes; NULL: none */
	void *context;
};

struct verify_result {
	enum verdict verdict;
	char what[640];		/* unless intact: what is wrong, in words; plain text */
	char place[64];		/* the first bad file, "" when it is none in particular ... */
	uint64_t line;		/* ... and line in it, 0: not known */
	uint64_t last;		/* of a span in which the bad line lies: its last line, else 0 */
	uint64_t lines;		/* there are, without those of open.ndjson */
	uint64_t sealed;	/* of them, the first ones, by checkpoints that hold */
	uint64_t open;		/* lines of open.ndjson, which nothing seals */
	uint64_t torn;		/* bytes behind the last newline */
	uint32_t first_segment; /* that is there: those before were removed, as a sealed fact says; 0: none */
	uint64_t removed;	/* lines of these; `lines` and `sealed` count them too */
	uint32_t segments;	/* the number of the last */
	uint32_t segment_seals; /* how many of their checkpoints hold */
	uint64_t segment_lines; /* of the last segment */
	uint32_t tail_segment;	/* where the lines that are not sealed begin */
	uint64_t tail_line;
	bool ended;  /* the last line sealed is capture-end, and the segment has its checkpoint: nothing may follow */
	bool turned; /* the last line names a key: the segment is over, and the next one has not begun */
	bool hints_wrong; /* a .leaves does not fit lines that hold: of no weight */
	struct note_key first, current,
		next; /* keys: of the first segment, of the last, and as the last line names it */
	struct checkpoint newest;
	struct tree tree; /* of all lines */
};

/* -ENOENT, -ENOTDIR, -EACCES...: there is nothing to look at; else 0, and the result says it. */
int case_verify(const char *path, const struct verify_options *options, struct verify_result *result);

#endif
