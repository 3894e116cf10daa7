/* SPDX-License-Identifier: BSD-2-Clause */
/* Cases that die, go on, and are tampered with: what is found, and where it is said to be. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/wait.h>

#include "case/case.h"
#include "case/verify.h"

static struct fact fact;
static struct verify_result result;

static void append(struct case_writer *writer, uint64_t number)
{
	fact_begin(&fact, "test", UNIT_TIME);
	fact_number(&fact, "number", number);
	assert_int_equal(case_append(writer, &fact), 0);
}

static void end(struct case_writer *writer)
{
	fact_begin(&fact, "capture-end", UNIT_TIME);
	assert_int_equal(case_append(writer, &fact), 0);
	assert_int_equal(case_finish(writer), 0);
	case_close(writer);
}

/* Three segments: 1 to 11, 12 to 22, and 23 to 31 with capture-end. */
static void write_case(const char *path)
{
	struct case_writer *writer;
	int i, segment;

	assert_int_equal(case_create(&writer, path, NULL), 0);
	for (segment = 1; segment <= 3; segment++) {
		for (i = 0; i < (segment < 3 ? 10 : 8); i++)
			append(writer, i);
		if (segment < 3)
			assert_int_equal(case_turn(writer, &fact, UNIT_TIME), 0);
	}
	end(writer);
}

static int setup_case(void **state)
{
	if (unit_setup(state))
		return -1;
	write_case(*state);
	return 0;
}

static void verify_with(const char *path, const struct note_key *key, const struct checkpoint *since)
{
	const struct verify_options options = {.key = key, .since = since};

	assert_int_equal(case_verify(path, &options, &result), 0);
}

static void verify(void **state)
{
	verify_with(*state, NULL, NULL);
}

static void expect(void **state, enum verdict verdict, const char *place, uint64_t line, const char *what)
{
	verify(state);
	if (result.verdict != verdict || strcmp(result.place, place) || result.line != line ||
		!strstr(result.what, what))
		print_message(
			"got verdict %d, %s:%d: %s\n", result.verdict, result.place, (int)result.line, result.what);
	assert_int_equal(result.verdict, verdict);
	assert_string_equal(result.place, place);
	assert_int_equal(result.line, line);
	assert_non_null(strstr(result.what, what));
}

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

struct lines {
	char *line[64];
	size_t count;
};

static char *segment_path(void **state, int segment, const char *ending)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/facts-%06d.%s", (char *)*state, segment, ending);
	return path;
}

static struct lines read_lines(void **state, int segment)
{
	struct lines lines = {.count = 0};
	char *text = unit_read(segment_path(state, segment, "ndjson")), *at, *save;

	for (at = strtok_r(text, "\n", &save); at; at = strtok_r(NULL, "\n", &save))
		lines.line[lines.count++] = strdup(at);
	free(text);
	return lines;
}

static void write_lines(void **state, int segment, struct lines *lines)
{
	FILE *file = fopen(segment_path(state, segment, "ndjson"), "w");
	size_t i;

	for (i = 0; i < lines->count; i++) {
		fprintf(file, "%s\n", lines->line[i]);
		free(lines->line[i]);
	}
	fclose(file);
}

static void insert(struct lines *lines, size_t at, const char *text)
{
	memmove(lines->line + at + 1, lines->line + at, (lines->count++ - at) * sizeof(*lines->line));
	lines->line[at] = strdup(text);
}

static void take_out(struct lines *lines, size_t at, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(lines->line[at + i]);
	lines->count -= count;
	memmove(lines->line + at, lines->line + at + count, (lines->count - at) * sizeof(*lines->line));
}

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

static void copy(void **state, const char *from, const char *to)
{
	char *text = unit_read(unit_path(state, from));

	unit_write(unit_path(state, to), text);
	free(text);
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

static struct checkpoint read_checkpoint(void **state, const char *name)
{
	struct checkpoint checkpoint;
	char *text = unit_read(unit_path(state, name));

	assert_int_equal(checkpoint_parse(&checkpoint, text, strlen(text)), 0);
	free(text);
	return checkpoint;
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

/* ---- death and going on ---- */

static void die_writing(const char *path, void (*write_some)(struct case_writer *))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		struct case_writer *writer;

		if (!case_create(&writer, path, NULL))
			write_some(writer);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void go_on(void **state, uint64_t lines, uint64_t unsealed, uint32_t segment, uint64_t all)
{
	struct case_continued continued;
	struct case_writer *writer, *second;
	int i;

	assert_int_equal(case_continue(&writer, *state, NULL, &continued), 0);
	assert_int_equal(continued.lines, lines);
	assert_int_equal(continued.unsealed, unsealed);
	assert_int_equal(continued.segment, segment);
	assert_int_equal(case_continue(&second, *state, NULL, &continued), -EBUSY);
	for (i = 0; i < 5; i++)
		append(writer, i);
	assert_int_equal(case_turn(writer, &fact, UNIT_TIME), 0);
	end(writer);
	verify(state);
	if (result.verdict)
		print_message("%s\n", result.what);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	assert_true(result.ended);
	assert_int_equal(result.lines, all);
	assert_false(result.hints_wrong);
	assert_int_equal(case_continue(&writer, *state, NULL, &continued), -EALREADY);
}

static void ten_and_three(struct case_writer *writer)
{
	int i;

	for (i = 0; i < 13; i++) {
		append(writer, i);
		if (i == 9)
			case_flush(writer);
	}
}

static void test_go_on(void **state)
{
	die_writing(*state, ten_and_three);
	verify(state);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	assert_false(result.ended);
	assert_int_equal(result.lines, 10);
	go_on(state, 10, 0, 1, 17);
}

/* Lines that were written after the last checkpoint, and half of one. */
static void test_go_on_torn(void **state)
{
	char line[200];
	int fd;

	die_writing(*state, ten_and_three);
	fd = open(segment_path(state, 1, "ndjson"), O_WRONLY | O_APPEND);
	snprintf(line, sizeof(line),
		"{\"@timestamp\":\"2026-11-23T17:40:00.000000000Z\",\"quis.fact\":\"test\",\"event.sequence\":11}\n{\"@"
		"timest");
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	close(fd);
	verify(state);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	assert_int_equal(result.lines, 11);
	assert_int_equal(result.sealed, 10);
	assert_int_equal(result.tail_line, 11);
	assert_int_equal(result.torn, 9);
	go_on(state, 11, 1, 1, 18);
}

static void turn(struct case_writer *writer)
{
	ten_and_three(writer);
	case_turn(writer, &fact, UNIT_TIME);
}

static void turn_and_flush(struct case_writer *writer)
{
	turn(writer);
	append(writer, 1);
	case_flush(writer);
}

static void test_go_on_later(void **state)
{
	die_writing(*state, turn);
	go_on(state, 14, 0, 2, 21);
}

static void test_go_on_in_second(void **state)
{
	die_writing(*state, turn_and_flush);
	go_on(state, 15, 0, 2, 22);
}

/* What stands in the way stops the change of keys at that point. */
static void stopped_turn(void **state, const char *in_the_way, uint64_t unsealed)
{
	char path[300];

	strcpy(path, unit_path(state, in_the_way));
	if (fork() == 0) {
		struct case_writer *writer;

		case_create(&writer, *state, NULL);
		ten_and_three(writer);
		case_flush(writer);
		mkdir(path, 0700);
		case_turn(writer, &fact, UNIT_TIME);
		_exit(0);
	}
	wait(NULL);
	assert_int_equal(rmdir(path), 0);
	verify(state);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	assert_int_equal(result.lines, 14);
	assert_int_equal(result.lines - result.sealed, unsealed);
	go_on(state, 14, unsealed, 2, 21);
}

static void test_stopped_before_checkpoint(void **state)
{
	stopped_turn(state, "checkpoint.new", 1);
}

static void test_stopped_before_seal(void **state)
{
	stopped_turn(state, "checkpoints/000001.new", 0);
}

static void test_stopped_before_next_segment(void **state)
{
	stopped_turn(state, "facts-000002.ndjson", 0);
}

static void burst(struct case_writer *writer, int number, bool open)
{
	char id[20];

	snprintf(id, sizeof(id), "%d-ff", number);
	fact_begin(&fact, "file-access", UNIT_TIME);
	fact_text(&fact, "process.entity_id", id);
	fact_time(&fact, "event.start", UNIT_TIME);
	fact_text(&fact, "file.path", "/a\",\"event.start\":\"2");
	if (open)
		case_open_append(writer, &fact);
	else
		case_append(writer, &fact);
}

/* Of the open bursts one was written for good before the sensor died: it must not be told twice. */
static void with_bursts(struct case_writer *writer)
{
	case_flush(writer);
	append(writer, 1);
	case_open_begin(writer);
	burst(writer, 1, true);
	burst(writer, 2, true);
	case_open_end(writer);
	burst(writer, 1, false);
	case_flush(writer);
}

static void test_open_bursts(void **state)
{
	struct case_continued continued;
	struct case_writer *writer;
	char *text;

	die_writing(*state, with_bursts);
	verify(state);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	assert_int_equal(result.open, 2);
	assert_int_equal(case_continue(&writer, *state, NULL, &continued), 0);
	assert_int_equal(continued.open, 1);
	assert_int_equal(case_sequence(writer), 3);
	case_open_begin(writer);
	assert_int_equal(case_open_end(writer), 0);
	assert_int_equal(access(unit_path(state, "open.ndjson"), F_OK), -1);
	end(writer);
	text = unit_read(segment_path(state, 1, "ndjson"));
	assert_non_null(strstr(text, "\"2-ff\""));
	assert_non_null(strstr(text, "\"event.sequence\":3}\n"));
	free(text);
	verify(state);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	assert_int_equal(result.lines, 4);
}

static void test_go_on_refused(void **state)
{
	struct case_continued continued;
	struct case_writer *writer = NULL;
	struct lines lines;

	die_writing(*state, ten_and_three);
	copy(state, "signing.key", "kept");
	unlink(unit_path(state, "signing.key"));
	assert_int_equal(case_continue(&writer, *state, NULL, &continued), -ENOKEY);
	copy(state, "kept", "signing.key");
	lines = read_lines(state, 1);
	take_out(&lines, 3, 1);
	write_lines(state, 1, &lines);
	assert_int_equal(case_continue(&writer, *state, NULL, &continued), -EBADMSG);
	assert_non_null(strstr(continued.what, "missing before line 4"));
	unlink(unit_path(state, "checkpoint"));
	assert_int_equal(case_continue(&writer, *state, NULL, &continued), -ENODATA);
	assert_int_equal(case_continue(&writer, "/nowhere", NULL, &continued), -ENOENT);
	assert_null(writer);
}

/* ---- old segments that are removed ---- */

static void write_and_retain(void **state, uint64_t keep_bytes, bool compress)
{
	struct case_options options = {.keep_bytes = keep_bytes, .compress = compress};
	struct case_writer *writer;
	int i, segment;

	assert_int_equal(case_create(&writer, *state, &options), 0);
	for (segment = 1; segment <= 9; segment++) {
		for (i = 0; i < 20 + segment; i++)
			append(writer, i);
		assert_int_equal(case_turn(writer, &fact, UNIT_TIME), 0);
		case_flush(writer); /* compresses */
		assert_int_equal(case_retain(writer, &fact, UNIT_TIME), 0);
	}
	end(writer);
}

static void expect_retained(void **state)
{
	const struct verify_options options = {.key = NULL};
	struct proof proof;
	struct verify_options proving = {.proof = &proof};
	unsigned char hashes[PROOF_MAX][HASH_SIZE], root[HASH_SIZE], leaf[HASH_SIZE];
	struct lines lines;
	size_t count;

	assert_int_equal(case_verify(*state, &options, &result), 0);
	if (result.verdict)
		print_message("%s\n", result.what);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	assert_true(result.ended);
	assert_in_range(result.first_segment, 3, 9);
	assert_int_equal(result.sealed, result.lines);
	assert_true(result.removed > 40 && result.removed < result.lines);
	assert_int_equal(access(segment_path(state, 1, "ndjson"), F_OK), -1);
	assert_int_equal(access(segment_path(state, 1, "leaves"), F_OK), -1);
	if (access(segment_path(state, result.first_segment, "ndjson"), F_OK))
		return; /* compressed */
	proof_begin(&proof, result.removed, UINT64_MAX);
	assert_int_equal(case_verify(*state, &proving, &result), 0);
	count = proof_end(&proof, hashes);
	lines = read_lines(state, result.first_segment);
	tree_leaf(leaf, lines.line[0], strlen(lines.line[0]));
	assert_int_equal(proof_root(root, leaf, result.removed, result.newest.size, hashes, count), 0);
	assert_memory_equal(root, result.newest.root, HASH_SIZE);
	take_out(&lines, 0, lines.count);
}

static void test_retention(void **state)
{
	struct checkpoint second, sixth;

	write_and_retain(state, 6000, false);
	expect_retained(state);
	second = read_checkpoint(state, "checkpoints/000002");
	sixth = read_checkpoint(state, "checkpoints/000009");
	verify_with(*state, NULL, &second);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	verify_with(*state, NULL, &sixth);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	second.size--;
	verify_with(*state, NULL, &second);
	assert_int_equal(result.verdict, VERDICT_UNKNOWN);
	second.size++;
	second.root[5] ^= 1;
	verify_with(*state, NULL, &second);
	assert_int_equal(result.verdict, VERDICT_ALTERED);
}

static void test_retention_compressed(void **state)
{
	write_and_retain(state, 2000, true);
	expect_retained(state);
}

/* One segment more than the sealed fact says; what proves a removed one, changed, or of another case. */
static void test_retention_tampered(void **state)
{
	char name[40], *text;
	uint32_t first;

	write_and_retain(state, 6000, false);
	verify(state);
	first = result.first_segment;
	copy(state, "checkpoints/000001.last", "kept");
	text = unit_read(unit_path(state, "kept"));
	strstr(text, "index ")[-5] ^= 1;
	unit_write(unit_path(state, "checkpoints/000001.last"), text);
	free(text);
	expect(state, VERDICT_ALTERED, "checkpoints/000001.last", 0, "damaged");
	copy(state, "checkpoints/000002.last", "checkpoints/000001.last");
	expect(state, VERDICT_ALTERED, "checkpoints/000001.last", 0, "not signed by the key");
	unlink(unit_path(state, "checkpoints/000001.last"));
	expect(state, VERDICT_ALTERED, "facts-000001.ndjson", 0, "missing");
	copy(state, "kept", "checkpoints/000001.last");
	snprintf(name, sizeof(name), "facts-%06u.ndjson", first);
	unlink(unit_path(state, name));
	expect(state, VERDICT_ALTERED, name, 0, "missing");
}

static void retain_and_die(struct case_writer *writer)
{
	int i;

	for (i = 0; i < 4; i++) {
		ten_and_three(writer);
		case_turn(writer, &fact, UNIT_TIME);
	}
	append(writer, 1);
	case_flush(writer);
}

/* Going on with a case of which the beginning is gone. */
static void test_retention_go_on(void **state)
{
	struct case_options options = {.keep_bytes = 3000};
	struct case_continued continued;
	struct case_writer *writer;

	die_writing(*state, retain_and_die);
	assert_int_equal(case_continue(&writer, *state, &options, &continued), 0);
	assert_int_equal(case_retain(writer, &fact, UNIT_TIME), 0);
	case_close(writer);
	verify(state);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	assert_true(result.first_segment > 1);
	assert_int_equal(case_continue(&writer, *state, &options, &continued), 0);
	assert_int_equal(continued.lines, 4 * 14 + 2);
	append(writer, 1);
	end(writer);
	verify(state);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	assert_true(result.ended);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_case, unit_teardown)
#define TEST_EMPTY(name) cmocka_unit_test_setup_teardown(name, unit_setup, unit_teardown)

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
		TEST_EMPTY(test_go_on),
		TEST_EMPTY(test_go_on_torn),
		TEST_EMPTY(test_go_on_later),
		TEST_EMPTY(test_go_on_in_second),
		TEST_EMPTY(test_stopped_before_checkpoint),
		TEST_EMPTY(test_stopped_before_seal),
		TEST_EMPTY(test_stopped_before_next_segment),
		TEST_EMPTY(test_open_bursts),
		TEST_EMPTY(test_go_on_refused),
		TEST_EMPTY(test_retention),
		TEST_EMPTY(test_retention_compressed),
		TEST_EMPTY(test_retention_tampered),
		TEST_EMPTY(test_retention_go_on),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
