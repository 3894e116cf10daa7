/* SPDX-License-Identifier: BSD-2-Clause */
/* The result of quis verify in words: no more than what was shown, and what was not. */
#include "verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyse.h"

static void plain(FILE *out, const char *text)
{
	size_t size = text_plain(NULL, 0, text, strlen(text)) + 1;
	char *safe = malloc(size);

	if (!safe)
		return;
	text_plain(safe, size, text, strlen(text));
	fputs(safe, out);
	free(safe);
}

static void named(FILE *out, const char *name, const char *value)
{
	fprintf(out, "  %-9s ", name);
	plain(out, value);
	fputc('\n', out);
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void tell_key(const struct verify *verify, FILE *out)
{
	const struct verify_result *result = &verify->result;
	char text[KEY_TEXT_SIZE];

	note_key_format(text, &result->first);
	named(out, "key", text);
	fprintf(out, "            %s\n",
		verify->options.key ? "the one that was given"
				    : "as the case has it: --key FILE takes one that left the host");
	if (note_key_equal(&result->first, &result->current))
		return;
	note_key_format(text, &result->current);
	named(out, "now", text);
	fprintf(out, "            named by the keys before it, each at the end of its segment\n");
}

static void tell_sealed(const struct verify *verify, FILE *out)
{
	const struct verify_result *result = &verify->result;
	char root[4 * ((HASH_SIZE + 2) / 3) + 1];

	text_base64(root, result->newest.root, HASH_SIZE);
	fprintf(out, "  %-9s %" PRIu64 " line%s in %" PRIu32 " segment%s, root %s\n", "sealed", result->sealed,
		plural(result->sealed), result->segments, plural(result->segments), root);
	if (result->removed)
		fprintf(out,
			"  %-9s the first %" PRIu64 " of them, segments 1 to %" PRIu32
			", were removed as too old, as a sealed fact says; only their checkpoints are left\n",
			"removed", result->removed, result->first_segment - 1);
	if (result->lines > result->sealed)
		fprintf(out,
			"  %-9s %" PRIu64 " line%s, from line %" PRIu64 " of segment %" PRIu32
			" on, newer than the last checkpoint: nothing vouches for them\n",
			"not", result->lines - result->sealed, plural(result->lines - result->sealed),
			result->tail_line, result->tail_segment);
	if (result->torn)
		fprintf(out,
			"  %-9s the last line has no end (%" PRIu64
			" byte%s of it): the sensor died while it wrote, or still does\n",
			"torn", result->torn, plural(result->torn));
	if (result->open)
		fprintf(out,
			"  %-9s %" PRIu64
			" line%s of open.ndjson, accesses that were going on: nothing vouches for them\n",
			"not", result->open, plural(result->open));
	fprintf(out, "  %-9s %s\n", "end",
		result->ended ? "the recording ended, and its last key is gone: nothing can have been added"
			      : "no end is sealed: the recording goes on, died, or its last part was taken away");
	if (result->hints_wrong)
		fprintf(out,
			"  %-9s a .leaves file does not fit the lines, which hold: it was damaged, and is of no "
			"weight\n",
			"note");
}

static void tell_since(const struct verify *verify, FILE *out)
{
	char text[128];

	if (!verify->options.since)
		return;
	snprintf(text, sizeof(text), "the first %" PRIu64 " line%s are those of the older checkpoint",
		verify->since.size, plural(verify->since.size));
	named(out, "since", text);
}

static void tell_anchor(const struct verify *verify, FILE *out)
{
	if (!verify->anchor.size) {
		fprintf(out, "  %-9s none is known (--timestamp makes a query to a time-stamping service)\n", "anchor");
		return;
	}
	fprintf(out, "  %-9s the first %" PRIu64 " line%s were there at ", "anchor", verify->anchor.size,
		plural(verify->anchor.size));
	plain(out, *verify->anchor_time ? verify->anchor_time : "a time that openssl does not tell");
	fputs(verify->anchor_checked ? ", by a time-stamping service that the certificates given vouch for\n"
				     : ", says a reply that was not checked (--ca FILE)\n",
		out);
}

/* The newest anchor that was given: what is before it, the host of today cannot have changed. */
static void tell_meaning(const struct verify *verify, FILE *out)
{
	const struct verify_result *result = &verify->result;
	uint64_t anchored = verify->options.since ? verify->since.size : 0;

	if (verify->anchor_checked && verify->anchor.size > anchored)
		anchored = verify->anchor.size;
	fputs("\nWhat this shows: ", out);
	if (verify->options.since)
		fprintf(out,
			"the first %" PRIu64 " lines are what they were when that checkpoint was taken away from the "
			"host; if it was kept well, nobody can have "
			"changed, removed or added any of them since. ",
			verify->since.size);
	if (verify->anchor_checked)
		fprintf(out,
			"the first %" PRIu64 " lines are what they were when the time-stamping service saw them: "
			"nobody can have changed, removed or added any of them since. ",
			verify->anchor.size);
	if (verify->options.key)
		fputs("Every sealed line was signed under the key that was given, or under one that such a key named "
		      "before it was erased. ",
			out);
	if (!anchored && !verify->options.key)
		fputs("the sealed lines fit together, and with the key that lies in the case: a change by who does not "
		      "have the keys is found. ",
			out);
	fputs("\nWhat it does not show: ", out);
	if (!anchored && !verify->options.key)
		fputs("whoever rules the host can write a whole case anew, with a key of their own. No anchor outside "
		      "of the case was given: hold it against a key (--key) or a "
		      "checkpoint (--since) that left the host, or a time stamp (--timestamp). ",
			out);
	else if (!anchored)
		fputs("whoever ruled the host while a segment was being written had its key, and could write that "
		      "segment and what follows anew, until a checkpoint left the "
		      "host (--since). ",
			out);
	else if (anchored < result->sealed)
		fprintf(out, "the lines after the first %" PRIu64 " are only as good as the host has been since. ",
			anchored);
	if (!result->ended)
		fputs("That nothing was cut off at the end. ", out);
	fputs("That the sensor saw everything: what it lost and could not see, the report says.\n", out);
}

int verify_report(struct verify *verify, FILE *out)
{
	const struct verify_result *result = &verify->result;

	if (result->verdict != VERDICT_INTACT) {
		fprintf(out, "%s: ", result->verdict == VERDICT_ALTERED ? "ALTERED" : "CANNOT TELL");
		plain(out, result->what);
		fprintf(out, "\n");
		if (result->verdict == VERDICT_ALTERED && result->sealed)
			fprintf(out, "  %-9s up to there, the first %" PRIu64 " line%s hold by their checkpoints\n",
				"sealed", result->sealed, plural(result->sealed));
		return result->verdict == VERDICT_ALTERED ? EXIT_ALTERED : EXIT_UNKNOWN;
	}
	fprintf(out, "intact%s\n",
		result->lines > result->sealed || result->open || result->torn ? " up to the last checkpoint" : "");
	named(out, "case", result->newest.origin);
	tell_key(verify, out);
	tell_sealed(verify, out);
	tell_since(verify, out);
	tell_anchor(verify, out);
	tell_meaning(verify, out);
	return fflush(out) ? EXIT_FAILED : EXIT_DONE;
}
