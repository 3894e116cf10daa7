/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QUIS_ANALYSE_VERIFY_H
#define QUIS_ANALYSE_VERIFY_H

#include <stdio.h>
#include <time.h>

#include "case/verify.h"

#define EXIT_ALTERED 1
#define EXIT_UNKNOWN 2 /* cannot tell; wrong usage has the same number */

struct verify {
	const char *case_path, *key_path, *since_path, *proof_line, *output;
	const char *query_path, *reply_path, *ca_path;
	struct note_key key;
	struct checkpoint since;
	struct checkpoint anchor; /* the newest one in anchors/ that has a reply; size 0: there is none */
	char anchor_reply[4096];  /* its file */
	bool anchor_checked;
	char anchor_time[80];
	struct proof proof;
	struct verify_options options;
	struct verify_result result;
	time_t progress_at;
	bool progress_shown;
};

/* ---- verify_time.c: RFC 3161, by the openssl program ---- */

void time_find(struct verify *verify); /* the newest anchor in the case */
/* After the case is found intact. They complain; EXIT_DONE, EXIT_ALTERED: the reply does not hold, EXIT_UNKNOWN. */
int time_query(struct verify *verify);
int time_reply(struct verify *verify);
int time_check(struct verify *verify);

/* What came of it, and what that shows and what not. Returns the exit status. */
int verify_report(struct verify *verify, FILE *out);

#endif
