/* SPDX-License-Identifier: BSD-2-Clause */
/* Cases that are tampered with: what is found, and where it is said to be. */
#include "sealed.h"

static void test_intact(void **state)
{
	verify(state);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	assert_string_equal(result.what, "");
	assert_int_equal(result.lines, 31);
	assert_int_equal(result.sealed, 31);
	assert_int_equal(result.segments, 3);
	assert_int_equal(result.segment_seals, 3);
	assert_int_equal(result.torn, 0);
	assert_true(result.ended);
	assert_false(result.hints_wrong);
}

/* ---- tampering ---- */

/* Each line of each segment in turn, with and without .leaves. */
static void test_each_byte_flipped(void **state)
{
	int segment, hints;
	size_t i;

	for (hints = 1; hints >= 0; hints--) {
		for (segment = 1; segment <= 3; segment++) {
			size_t count = segment < 3 ? 11 : 9;

			if (!hints)
				unlink(segment_path(state, segment, "leaves"));
			for (i = 0; i < count; i++) {
				struct lines lines = read_lines(state, segment);
				char *byte = strstr(lines.line[i], "2026");

				*byte ^= 1;
				write_lines(state, segment, &lines);
				verify(state);
				assert_int_equal(result.verdict, VERDICT_ALTERED);
				assert_string_equal(
					result.place, strrchr(segment_path(state, segment, "ndjson"), '/') + 1);
				assert_int_equal(result.line, hints ? i + 1 : 1);
				assert_int_equal(result.last, hints ? 0 : count);
				lines = read_lines(state, segment);
				*strstr(lines.line[i], "3026") ^= 1;
				write_lines(state, segment, &lines);
			}
		}
	}
	verify(state);
	assert_int_equal(result.verdict, VERDICT_INTACT);
}

static void test_deleted(void **state)
{
	struct lines lines = read_lines(state, 2);

	take_out(&lines, 4, 1);
	write_lines(state, 2, &lines);
	expect(state, VERDICT_ALTERED, "facts-000002.ndjson", 5, "1 line is missing before line 5");
	lines = read_lines(state, 2);
	take_out(&lines, 4, 3);
	write_lines(state, 2, &lines);
	expect(state, VERDICT_ALTERED, "facts-000002.ndjson", 5, "4 lines are missing before line 5");
	unlink(segment_path(state, 2, "leaves"));
	expect(state, VERDICT_ALTERED, "facts-000002.ndjson", 5, "does not have the number");
}

static void test_last_deleted(void **state)
{
	struct lines lines = read_lines(state, 3);

	take_out(&lines, 7, 2);
	write_lines(state, 3, &lines);
	expect(state, VERDICT_ALTERED, "facts-000003.ndjson", 8, "missing");
	lines = read_lines(state, 2);
	take_out(&lines, 10, 1);
	write_lines(state, 2, &lines);
	expect(state, VERDICT_ALTERED, "facts-000002.ndjson", 11, "missing");
}

static void test_swapped(void **state)
{
	struct lines lines = read_lines(state, 1);
	char *line = lines.line[2];

	lines.line[2] = lines.line[6];
	lines.line[6] = line;
	write_lines(state, 1, &lines);
	expect(state, VERDICT_ALTERED, "facts-000001.ndjson", 3, "lines 3 and 7 have changed places");
	unlink(segment_path(state, 1, "leaves"));
	expect(state, VERDICT_ALTERED, "facts-000001.ndjson", 3, "does not have the number");
}

static void test_added(void **state)
{
	struct lines lines = read_lines(state, 1);

	insert(&lines, 3,
		"{\"@timestamp\":\"2026-11-23T17:40:00.000000000Z\",\"quis.fact\":\"test\",\"event.sequence\":4}");
	write_lines(state, 1, &lines);
	/* as many lines as were sealed are there before the segment ends */
	expect(state, VERDICT_ALTERED, "facts-000001.ndjson", 4, "line 4 was added");
	lines = read_lines(state, 1);
	insert(&lines, 4, "{}");
	write_lines(state, 1, &lines);
	expect(state, VERDICT_ALTERED, "facts-000001.ndjson", 4, "lines 4 to 5 were added");
}

static void test_added_at_the_end(void **state)
{
	struct lines lines = read_lines(state, 3);

	insert(&lines, lines.count,
		"{\"@timestamp\":\"2026-11-23T17:40:00.000000000Z\",\"quis.fact\":\"test\",\"event.sequence\":32}");
	write_lines(state, 3, &lines);
	expect(state, VERDICT_ALTERED, "facts-000003.ndjson", 10, "line 10 was added after the segment was sealed");
	lines = read_lines(state, 3);
	take_out(&lines, 9, 1);
	write_lines(state, 3, &lines);
	truncate(segment_path(state, 3, "ndjson"), 10);
	expect(state, VERDICT_ALTERED, "facts-000003.ndjson", 1, "ends within line 1");
}

static void test_torn_after_the_end(void **state)
{
	int fd = open(segment_path(state, 3, "ndjson"), O_WRONLY | O_APPEND);

	assert_int_equal(write(fd, "{\"@t", 4), 4);
	close(fd);
	expect(state, VERDICT_ALTERED, "facts-000003.ndjson", 10, "was added");
}

static void test_bursts_after_the_end(void **state)
{
	unit_write(unit_path(state, "open.ndjson"),
		"{\"@timestamp\":\"2026-11-23T17:40:00.000000000Z\",\"quis.fact\":\"file-access\"}\n");
	expect(state, VERDICT_ALTERED, "open.ndjson", 1, "was added");
}

static void test_segments(void **state)
{
	char from[300];

	strcpy(from, segment_path(state, 2, "ndjson"));
	rename(from, segment_path(state, 4, "ndjson"));
	expect(state, VERDICT_ALTERED, "facts-000002.ndjson", 0, "missing");
	rename(segment_path(state, 4, "ndjson"), from);
	strcpy(from, segment_path(state, 3, "ndjson"));
	rename(from, segment_path(state, 9, "ndjson"));
	expect(state, VERDICT_ALTERED, "facts-000003.ndjson", 0, "missing");
	unlink(segment_path(state, 9, "ndjson"));
	expect(state, VERDICT_ALTERED, "facts-000003.ndjson", 0, "missing");
	unit_write(from, "");
	expect(state, VERDICT_ALTERED, "facts-000003.ndjson", 0, "or all of its lines");
	unlink(segment_path(state, 1, "ndjson"));
	expect(state, VERDICT_ALTERED, "facts-000001.ndjson", 0, "missing");
	unlink(segment_path(state, 2, "ndjson"));
	unlink(from);
	expect(state, VERDICT_ALTERED, "facts-000001.ndjson", 0, "missing");
}

static void test_added_segment(void **state)
{
	unit_write(segment_path(state, 4, "ndjson"), "{\"quis.fact\":\"test\",\"event.sequence\":32}\n");
	expect(state, VERDICT_ALTERED, "facts-000004.ndjson", 1, "ended the recording: this one was added");
}

static void test_checkpoints(void **state)
{
	char other[300], *text;

	copy(state, "checkpoint", "kept");
	copy(state, "checkpoints/000002", "checkpoint");
	expect(state, VERDICT_ALTERED, "checkpoint", 0, "older than");
	strcpy(other, unit_path(state, "other"));
	write_case(other);
	copy(state, "other/checkpoint", "checkpoint");
	expect(state, VERDICT_ALTERED, "checkpoint", 0, "another case");
	unit_write(unit_path(state, "checkpoint"), "nothing\n");
	expect(state, VERDICT_ALTERED, "checkpoint", 0, "no checkpoint");
	unlink(unit_path(state, "checkpoint"));
	expect(state, VERDICT_ALTERED, "checkpoint", 0, "missing");
	copy(state, "kept", "checkpoint");
	copy(state, "checkpoints/000002", "kept");
	copy(state, "checkpoints/000001", "checkpoints/000002");
	expect(state, VERDICT_ALTERED, "checkpoints/000002", 0, "older than its segment");
	copy(state, "other/checkpoints/000002", "checkpoints/000002");
	expect(state, VERDICT_ALTERED, "checkpoints/000002", 0, "another case");
	unlink(unit_path(state, "checkpoints/000002"));
	expect(state, VERDICT_ALTERED, "checkpoints/000002", 0, "missing");
	copy(state, "kept", "checkpoints/000002");
	text = unit_read(unit_path(state, "checkpoints/000002"));
	text[strlen(text) - 20] ^= 3;
	unit_write(unit_path(state, "checkpoints/000002"), text);
	free(text);
	expect(state, VERDICT_ALTERED, "checkpoints/000002", 0, "not signed by the key");
	copy(state, "kept", "checkpoints/000002");
	verify(state);
	assert_int_equal(result.verdict, VERDICT_INTACT);
}

static void test_keys(void **state)
{
	struct note_key key, other;
	char *text;

	text = unit_read(unit_path(state, "quis.pub"));
	assert_int_equal(note_key_parse(&key, text, strlen(text)), 0);
	verify_with(*state, &key, NULL);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	write_case(unit_path(state, "other"));
	free(text);
	text = unit_read(unit_path(state, "other/quis.pub"));
	assert_int_equal(note_key_parse(&other, text, strlen(text)), 0);
	free(text);
	verify_with(*state, &other, NULL);
	assert_int_equal(result.verdict, VERDICT_ALTERED);
	copy(state, "quis.pub", "kept");
	copy(state, "other/quis.pub", "quis.pub");
	expect(state, VERDICT_ALTERED, "checkpoints/000001", 0, "not signed by the key");
	unlink(unit_path(state, "quis.pub"));
	expect(state, VERDICT_UNKNOWN, "quis.pub", 0, "--key");
	verify_with(*state, &key, NULL);
	assert_int_equal(result.verdict, VERDICT_INTACT);
}

/* Whoever takes the host can write the whole anew, with keys of their own: only what left the host tells. */
static void test_since(void **state)
{
	struct checkpoint middle = read_checkpoint(state, "checkpoints/000002"),
			  last = read_checkpoint(state, "checkpoint");

	verify_with(*state, NULL, &middle);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	verify_with(*state, NULL, &last);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	/* cut back to the second segment, with its checkpoint as the newest: a case that might have died there */
	unlink(segment_path(state, 3, "ndjson"));
	unlink(unit_path(state, "checkpoints/000003"));
	copy(state, "checkpoints/000002", "checkpoint");
	verify_with(*state, NULL, &middle);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	assert_false(result.ended);
	verify_with(*state, NULL, &last);
	assert_int_equal(result.verdict, VERDICT_ALTERED);
	assert_string_equal(result.place, "facts-000003.ndjson");
	write_case(unit_path(state, "other"));
	verify_with(unit_path(state, "other"), NULL, &middle);
	assert_int_equal(result.verdict, VERDICT_ALTERED);
}

static void test_not_sealed(void **state)
{
	unlink(unit_path(state, "checkpoint"));
	unlink(unit_path(state, "checkpoints/000001"));
	expect(state, VERDICT_UNKNOWN, "checkpoint", 0, "died before");
	assert_int_equal(case_verify("/nowhere/at/all", &(struct verify_options){.key = NULL}, &result), -ENOENT);
}

static void test_hints(void **state)
{
	unit_write(segment_path(state, 2, "leaves"), "garbage");
	verify(state);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	assert_true(result.hints_wrong);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_case, unit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_intact),
		TEST(test_each_byte_flipped),
		TEST(test_deleted),
		TEST(test_last_deleted),
		TEST(test_swapped),
		TEST(test_added),
		TEST(test_added_at_the_end),
		TEST(test_torn_after_the_end),
		TEST(test_bursts_after_the_end),
		TEST(test_segments),
		TEST(test_added_segment),
		TEST(test_checkpoints),
		TEST(test_keys),
		TEST(test_since),
		TEST(test_not_sealed),
		TEST(test_hints),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
