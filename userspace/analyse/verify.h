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
	struct proof proof;
	struct verify_options options;
	struct verify_result result;
	time_t progress_at;
	bool progress_shown;
};

/* What came of it, and what that shows and what not. Returns the exit status. */
int verify_report(struct verify *verify, FILE *out);

#endif
