/* SPDX-License-Identifier: BSD-2-Clause */
/* How the acts' runner judges: what may be called exact, alone and in a recording that acts share, and what is above the truth. */
#include "unit.h"

#include "../acts/judge.h"

#define SWAPPED "When another thread replaces a descriptor during a call, the bytes may count for the new file."
#define TRUTH "{\"processes\": [{\"pid\": 1, \"files\": [" \
	      "{\"path\": \"/d/x\", \"reads\": 10, \"read_bytes\": 100}, {\"path\": \"/d/y\", \"reads\": 20, \"read_bytes\": 200}]}]}"

struct numbers {
	int x, y; /* how often each was read, 10 bytes each time; x is missing when below 0 */
};

static json_t *report_of(struct numbers n, const char *completeness, const char *unseen)
{
	json_t *files = json_array(), *said = json_loads(completeness, 0, NULL);

	assert_non_null(said);
	if (n.x >= 0)
		json_array_append_new(files, json_pack("{s:s, s:i, s:i}", "path", "/d/x", "reads", n.x, "read_bytes", n.x * 10));
	json_array_append_new(files, json_pack("{s:s, s:i, s:i}", "path", "/d/y", "reads", n.y, "read_bytes", n.y * 10));
	json_object_set_new(said, "unseen", unseen ? json_pack("[s]", unseen) : json_array());
	return json_pack("{s:o, s:[{s:i, s:o}], s:{s:s}}", "completeness", said, "processes", "pid", 1, "files", files, "session", "hooks",
		"tracepoint");
}

/* What the runner would say of them, which are let go; with `span`, of an act in a recording that others share. */
static const char *verdict_of(json_t *truth, json_t *report, const char *way, const struct span *span)
{
	struct verdict v = {.dir = "/d", .notes = json_array()};
	const char *said;

	compare(&v, truth, report);
	during = span;
	said = judge(&v, report, way);
	during = NULL;
	json_decref(report);
	json_decref(truth);
	json_decref(v.notes);
	return said;
}

static void check(struct numbers n, const char *completeness, const char *unseen, const struct span *span, const char *expected)
{
	const char *got = verdict_of(json_loads(TRUTH, 0, NULL), report_of(n, completeness, unseen), "another thread", span);

	if (strcmp(got, expected))
		fail_msg("x %d, y %d, %s: %s, not %s", n.x, n.y, completeness, got, expected);
}

#define EXACT "{\"exact\": true, \"gaps\": [], \"lost\": {}}"
#define GAP(from, to, what) "{\"from\": \"2026-01-01T00:00:" from "Z\", \"to\": \"2026-01-01T00:00:" to "Z\", \"what\": \"" what "\", \"count\": 1}"
#define LOST(gaps) "{\"exact\": false, \"lost\": {\"missed_runs\": 3}, \"gaps\": [" gaps "]}"
#define SKIPPED "the kernel skipped runs of the programs"

static const struct numbers right = {10, 20}, below = {9, 20}, absent = {-1, 20}, swapped = {9, 21}, above = {10, 21}, more = {9, 22}, one_lacks = {8, 21}, two_lack = {7, 21};

static void test_alone(void **state)
{
	(void)state;
	check(right, EXACT, NULL, NULL, "exact");
	check(right, EXACT, SWAPPED, NULL, "exact");
	check(right, LOST(GAP("05", "06", SKIPPED)), NULL, NULL, "lower");
	check(below, EXACT, NULL, NULL, "wrong");
	check(below, EXACT, SWAPPED, NULL, "lower");
	check(below, LOST(GAP("05", "06", SKIPPED)), NULL, NULL, "lower");
	check(absent, EXACT, NULL, NULL, "wrong");
	check(absent, EXACT, SWAPPED, NULL, "unseen");
}

/* Never a lower bound: a number that is above the truth is said to be another object's, and missing there, or lost and counted so, or wrong. */
static void test_above(void **state)
{
	(void)state;
	check(swapped, EXACT, SWAPPED, NULL, "misattributed");
	check(swapped, EXACT, NULL, NULL, "wrong");
	check(swapped, EXACT, "Names that another thread may have changed.", NULL, "wrong");
	check(above, EXACT, SWAPPED, NULL, "wrong");
	check(more, EXACT, SWAPPED, NULL, "wrong");
	check(one_lacks, EXACT, SWAPPED, NULL, "wrong");
	check(swapped, LOST(GAP("05", "06", SKIPPED)), SWAPPED, NULL, "misattributed");
	check(swapped, LOST(GAP("05", "06", SKIPPED)), NULL, NULL, "wrong");
	check(one_lacks, LOST(GAP("05", "06", SKIPPED)), SWAPPED, NULL, "misattributed");
	check(two_lack, LOST(GAP("05", "06", SKIPPED)), SWAPPED, NULL, "wrong");
	check(two_lack, LOST(GAP("05", "06", SKIPPED) "," GAP("07", "08", "x")), SWAPPED, NULL, "misattributed");
	check(more, LOST(GAP("05", "06", SKIPPED)), SWAPPED, NULL, "wrong");
}

/* From second 10 to 20 of that minute. */
static const struct span act = {1767225610LL * 1000000000, 1767225620LL * 1000000000};

static void test_shared(void **state)
{
	static const char *const touching[] = {LOST(GAP("05.000000000", "10.000000000", "x")), LOST(GAP("20.000000000", "21", "x")),
		LOST(GAP("12", "13", "x")), LOST(GAP("01", "59", "x")), LOST(GAP("01", "02", "x") "," GAP("19", "40", "x")),
		LOST(""), LOST("{\"what\": \"x\"}"), LOST(GAP("09", "08", "x"))};
	size_t i;

	(void)state;
	check(right, EXACT, NULL, &act, "exact");
	check(right, LOST(GAP("05", "09.999999999", "x")), NULL, &act, "exact");
	check(right, LOST(GAP("20.000000001", "30", "x") "," GAP("01", "02", "x")), NULL, &act, "exact");
	for (i = 0; i < sizeof(touching) / sizeof(*touching); i++)
		check(right, touching[i], NULL, &act, "lower");
	check(below, LOST(GAP("05", "06", "x")), NULL, &act, "wrong");
	check(below, LOST(GAP("05", "16", "x")), NULL, &act, "lower");
	check(swapped, LOST(GAP("05", "06", "x")), SWAPPED, &act, "misattributed");
	check(one_lacks, LOST(GAP("05", "06", "x")), SWAPPED, &act, "wrong");
	check(one_lacks, LOST(GAP("05", "16", "x")), SWAPPED, &act, "misattributed");
	check(two_lack, LOST(GAP("05", "16", "x")), SWAPPED, &act, "wrong");
}

static bool missed(const char *completeness, const struct span *span, const char *reason)
{
	json_t *report = report_of(right, completeness, NULL);
	const char *got;
	bool is;

	during = span;
	is = runs_missed(report);
	got = reason_of(json_object_get(report, "completeness"), "another thread");
	during = NULL;
	assert_string_equal(got ? got : "none", reason);
	json_decref(report);
	return is;
}

static void test_skipped_runs(void **state)
{
	(void)state;
	assert_true(missed(LOST(GAP("05", "06", SKIPPED)), NULL, SKIPPED));
	assert_true(missed(LOST(GAP("05", "06", "x") "," GAP("12", "13", SKIPPED)), &act, SKIPPED));
	assert_false(missed(LOST(GAP("05", "06", SKIPPED) "," GAP("12", "13", "x")), &act, "x"));
	assert_false(missed(LOST(GAP("05", "06", SKIPPED)), &act, "none"));
	assert_false(missed(EXACT, NULL, "none"));
}

static void check_from(int from, const char *hooks, const char *unseen, const char *expected)
{
	json_t *truth = json_pack("{s:[{s:i, s:[{s:s, s:[i], s:i}]}]}", "processes", "pid", 1, "files", "path", "/d/x", "from", 7, "noted", 5);
	json_t *report = json_pack("{s:{s:b, s:[s]}, s:[{s:i, s:[{s:s, s:[i]}]}], s:{s:s}}", "completeness", "exact", 1, "unseen", unseen,
		"processes", "pid", 1, "files", "path", "/d/x", "from", from, "session", "hooks", hooks);

	if (strcmp(verdict_of(truth, report, "who sent", NULL), expected))
		fail_msg("from %d, %s, %s: not %s", from, hooks, unseen, expected);
}

/* Whom the kernel noted at a socket will do only without trampolines, and only where that is said. */
static void test_noted(void **state)
{
	(void)state;
	check_from(7, "trampoline", "x", "exact");
	check_from(5, "trampoline", "Who sent it", "wrong");
	check_from(7, "tracepoint", "x", "exact");
	check_from(5, "tracepoint", "Who sent it", "lower");
	check_from(5, "tracepoint", "x", "wrong");
	check_from(6, "tracepoint", "Who sent it", "wrong");
}

static void check_direction(const char *told, const char *completeness, const char *expected)
{
	json_t *truth = json_pack("{s:[{s:i, s:[{s:s, s:s, s:i}]}]}", "processes", "pid", 1, "flows", "remote", "127.0.0.1:1", "direction", "in", "sent_bytes", 7);
	json_t *report = json_pack("{s:o, s:[{s:i, s:[{s:s, s:s*, s:i}]}], s:{s:s}}", "completeness", json_loads(completeness, 0, NULL), "processes", "pid", 1,
		"flows", "remote", "127.0.0.1:1", "direction", told, "sent_bytes", 7, "session", "hooks", "trampoline");

	assert_non_null(report);
	if (strcmp(verdict_of(truth, report, NULL, NULL), expected))
		fail_msg("%s, %s: not %s", told ? told : "no direction", completeness, expected);
}

/* That a connection was accepted may have been lost: then nothing is told of its direction, which is less, and nothing false. */
static void test_direction(void **state)
{
	(void)state;
	check_direction("in", EXACT, "exact");
	check_direction(NULL, LOST(GAP("05", "06", SKIPPED)), "lower");
	check_direction(NULL, EXACT, "wrong");
	check_direction("out", LOST(GAP("05", "06", SKIPPED)), "wrong");
}

/* Of a pair whose ends nothing tells apart, the end that was seen is that one, whichever stands first. */
static void test_pair(void **state)
{
	json_t *truth = json_pack("{s:[{s:i, s:[{s:s, s:i, s:i}, {s:s, s:i, s:i}]}]}", "processes", "pid", 1, "flows", "family", "unix", "sent_bytes", 0,
		"received_bytes", 5, "family", "unix", "sent_bytes", 5, "received_bytes", 0);
	json_t *report = json_pack("{s:{s:b, s:[s]}, s:[{s:i, s:[{s:s, s:i, s:i}]}], s:{s:s}}", "completeness", "exact", 1, "unseen", "by io_uring",
		"processes", "pid", 1, "flows", "family", "unix", "sent_bytes", 5, "received_bytes", 0, "session", "hooks", "tracepoint");

	(void)state;
	assert_string_equal(verdict_of(truth, report, "by io_uring", NULL), "unseen");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_above),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_skipped_runs),
		cmocka_unit_test(test_noted),
		cmocka_unit_test(test_direction),
		cmocka_unit_test(test_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
