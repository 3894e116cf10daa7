/* What a report is worth for one act: every number right and said to be, or fallen short of and said, or wrong. */
#ifndef QUIS_JUDGE_H
#define QUIS_JUDGE_H

#include "compare.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/*
 * A batch is one recording: what it lost says something against the acts in whose time it was lost, and against all when
 * it does not tell when. So `during` is an act's own time in a recording that others share, and nothing alone.
 */
struct span {
	int64_t from, to; /* ns since 1970 */
};
static const struct span *during;

static int64_t time_of(const char *text)
{
	struct tm tm = {0};
	long ns = 0;

	if (!text || sscanf(text, "%d-%d-%dT%d:%d:%d.%9ldZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ns) < 6)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return (int64_t)timegm(&tm) * 1000000000 + ns;
}

/* One whose time is not told, or told wrongly, is in the time of all. */
static bool gap_during(json_t *gap)
{
	int64_t from = time_of(json_string_value(json_object_get(gap, "from"))), to = time_of(json_string_value(json_object_get(gap, "to")));

	return !during || from < 0 || to < from || (from <= during->to && to >= during->from);
}

/* The first gap of that kind, or of any, that speaks against the act. */
static const char *gap_of(json_t *completeness, const char *kind)
{
	json_t *gap;
	size_t i;

	json_array_foreach (json_object_get(completeness, "gaps"), i, gap) {
		const char *what = json_string_value(json_object_get(gap, "what"));

		if (gap_during(gap) && (!kind || (what && strstr(what, kind))))
			return what ? what : "a gap";
	}
	return NULL;
}

/* The report says so, of the act's own time. */
static bool nothing_lost(json_t *completeness)
{
	if (json_is_true(json_object_get(completeness, "exact")))
		return true;
	return during && json_array_size(json_object_get(completeness, "gaps")) && !gap_of(completeness, NULL);
}

/* The sentence of `unseen` that names the way. */
static const char *named_unseen(json_t *completeness, const char *way)
{
	json_t *sentence;
	size_t i;

	json_array_foreach (json_object_get(completeness, "unseen"), i, sentence)
		if (strcasestr(json_string_value(sentence), way))
			return json_string_value(sentence);
	return NULL;
}

/* Why less than everything was counted: what was lost, or what is not seen. */
static const char *reason_of(json_t *completeness, const char *way)
{
	const char *lost = gap_of(completeness, NULL);

	return lost ? lost : named_unseen(completeness, way);
}

/*
 * What all objects together lack is calls that the report counts as lost in the act's time, and no more of them than it says; where it
 * lost none, they lack nothing.
 */
static bool accounted(const struct verdict *v, json_t *completeness)
{
	static const char *const calls = "opens reads writes maps faults lists stats failed";
	json_int_t lacking = 0, bytes = 0, lost = 0;
	json_t *gap;
	size_t i;

	for (i = 0; compare_numbers[i]; i++)
		*(strstr(calls, compare_numbers[i]) ? &lacking : &bytes) -= v->surplus[i];
	json_array_foreach (json_object_get(completeness, "gaps"), i, gap)
		if (gap_during(gap))
			lost += json_integer_value(json_object_get(gap, "count"));
	return lost ? lacking <= lost : !lacking && !bytes;
}

/* What is above the truth is missing elsewhere, and the report says of that way that numbers may count for another object. */
static bool misattributed(const struct verdict *v, json_t *completeness, const char *way)
{
	bool named = false;
	json_t *sentence;
	size_t i;

	for (i = 0; compare_numbers[i]; i++)
		if (v->surplus[i] > 0)
			return false;
	json_array_foreach (json_object_get(completeness, "unseen"), i, sentence)
		named |= strcasestr(json_string_value(sentence), way) && strstr(json_string_value(sentence), "may count for the new");
	return named && accounted(v, completeness);
}

static const char *judge(const struct verdict *v, json_t *report, const char *way)
{
	json_t *completeness = json_object_get(report, "completeness");
	bool exact = nothing_lost(completeness), named = named_unseen(completeness, way) != NULL;

	if (v->wrong || (v->above && !misattributed(v, completeness, way)))
		return "wrong";
	if (v->above)
		return "misattributed";
	if (!v->below && !v->absent)
		return exact ? "exact" : "lower";
	if (v->absent && !v->below && named)
		return "unseen";
	return !exact || named ? "lower" : "wrong";
}

/*
 * A kernel that preempts tasks within a program (7.x) skips that program for the next task on the processor. It counts that
 * (recursion_misses), and so does the report: a lower bound anywhere, and said.
 */
static bool runs_missed(json_t *report)
{
	json_t *completeness = json_object_get(report, "completeness");

	return json_integer_value(json_object_get(json_object_get(completeness, "lost"), "missed_runs")) > 0 &&
	       (!during || gap_of(completeness, "skipped runs"));
}

#endif
