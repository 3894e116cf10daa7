/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a case is as it was sealed, asked before anything is read from it: the verifier makes a pass of its own. */
#include "index_trust.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case/verify.h"
#include "progress.h"

static void show(void *context, uint64_t done, uint64_t total)
{
	struct progress *progress = context;

	progress->total = total;
	progress_show(progress, done);
}

static void say_intact(struct index_problems *problems, const struct verify_result *result)
{
	int len = snprintf(problems->trust_what, sizeof(problems->trust_what), "%" PRIu64 " line%s as sealed",
		result->sealed, result->sealed == 1 ? " is" : "s are");

	if (result->lines > result->sealed && len > 0)
		snprintf(problems->trust_what + len, sizeof(problems->trust_what) - len,
			", %" PRIu64 " after them %s not sealed", result->lines - result->sealed,
			result->lines - result->sealed == 1 ? "is" : "are");
}

static void say_altered(struct index_problems *problems, const struct verify_result *result)
{
	char place[128] = "";

	if (result->place[0] && result->line)
		snprintf(place, sizeof(place), "%s, line %" PRIu64 ": ", result->place, result->line);
	else if (result->place[0])
		snprintf(place, sizeof(place), "%s: ", result->place);
	snprintf(problems->trust_what, sizeof(problems->trust_what), "the case is not as it was sealed: %s%.500s",
		place, result->what);
}

void index_verify(struct index_problems *problems, const char *case_path)
{
	struct progress progress;
	struct verify_options options = {.progress = show, .context = &progress};
	struct verify_result *result = calloc(1, sizeof(*result));
	int err;

	if (!result)
		return;
	progress_begin(&progress, "verifying the case", 0);
	err = case_verify(case_path, &options, result);
	progress_end(&progress);
	problems->trust = TRUST_UNSEALED;
	if (err) {
		snprintf(problems->trust_what, sizeof(problems->trust_what), "it could not be verified: %s",
			strerror(-err));
	} else if (result->verdict == VERDICT_INTACT) {
		problems->trust = TRUST_VERIFIED;
		say_intact(problems, result);
	} else if (result->verdict == VERDICT_ALTERED) {
		problems->trust = TRUST_BROKEN;
		say_altered(problems, result);
	} else {
		snprintf(problems->trust_what, sizeof(problems->trust_what), "%.600s", result->what);
	}
	free(result);
}

void index_check_format(struct index_problems *problems, sqlite3 *db)
{
	sqlite3_stmt *row;

	if (sqlite3_prepare_v2(db, "SELECT max(format) FROM capture", -1, &row, NULL) != SQLITE_OK)
		return;
	if (sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int64(row, 0) > CASE_FORMAT) {
		problems->trust = TRUST_FOREIGN;
		snprintf(problems->trust_what, sizeof(problems->trust_what),
			"the case is of format %lld, which a later version writes: this one knows format %d",
			(long long)sqlite3_column_int64(row, 0), CASE_FORMAT);
	}
	sqlite3_finalize(row);
}
