/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ways to reach data, and what the sensor sees of each with the hooks in effect: one table, from which `quis doctor` and the `unseen`
 * of every report are made. Whoever makes a way seen changes its row.
 */
#ifndef QUIS_RECORD_WAYS_H
#define QUIS_RECORD_WAYS_H

#include "record/record.h"

enum seen { SEEN_EXACTLY, SEEN_LOWER, SEEN_NOT };

struct way {
	const char *family, *what;
	/* Programs, with blanks between; a call's name stands for x64_NAME, or for sys_exit; * at the end for any. */
	const char *hooks;
	struct {
		enum seen seen;
		const char *why;  /* a sentence for `unseen`: what is not seen */
		const char *mend; /* a boot option, a kernel, a capability; or that nothing does */
	} in[2];		  /* HOOKS_TRAMPOLINE, HOOKS_TRACEPOINT */
	enum use use;	    /* only a session that used it has the sentence */
	const char *did;    /* "PROGRAM[PID] did": for the sentence that names who */
	const char *effect; /* ... and what therefore is not known */
};

extern const struct way ways[];
extern const size_t way_count;

/* What one way is worth with the hooks that attached. */
struct way_state {
	enum seen seen;
	const char *why;       /* NULL when seen exactly */
	const char *mend;
	const char *hooks[64]; /* section names of the programs that see it */
	size_t hook_count;
	const struct missing_hook *missing; /* the first of its hooks that is not there */
};

struct way_state way_state(const struct sensor *sensor, const struct way *way);
/* What a hook of no way in the table, or a part of one, loses. The caller frees it. */
char *missing_sentence(const struct missing_hook *missing);

/* The sentences of a session; of all that may be, when `uses` is NULL. */
struct sentences {
	char **list;
	size_t count;
};
void ways_unseen(const struct sensor *sensor, const struct uses *uses, struct sentences *ret_sentences);
void sentences_done(struct sentences *sentences);

#endif
