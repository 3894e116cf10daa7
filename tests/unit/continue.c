/* SPDX-License-Identifier: BSD-2-Clause */
/* Cases whose sensor died, and that are gone on with; cases of which old segments are removed. */
#include "sealed.h"

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
		unlink(path); /* the checkpoint from before */
		if (mkdir(path, 0700))
			_exit(1);
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

/* Died while a segment was being compressed: it is begun anew, and so are those that had to wait. */
static void test_go_on_compressing(void **state)
{
	struct case_options options = {.compress = true};
	struct case_continued continued;
	struct case_writer *writer;
	int i;

	die_writing(*state, retain_and_die);
	unit_write(unit_path(state, "facts-000002.ndjson.zst.new"), "half");
	assert_int_equal(case_continue(&writer, *state, &options, &continued), 0);
	assert_int_equal(access(unit_path(state, "facts-000002.ndjson.zst.new"), F_OK), -1);
	append(writer, 1);
	end(writer);
	for (i = 1; i <= 5; i++) {
		assert_int_equal(access(segment_path(state, i, "ndjson"), F_OK), -1);
		assert_int_equal(access(segment_path(state, i, "ndjson.zst"), F_OK), 0);
	}
	verify(state);
	assert_int_equal(result.verdict, VERDICT_INTACT);
	assert_true(result.ended);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, unit_setup, unit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_go_on),
		TEST(test_go_on_torn),
		TEST(test_go_on_later),
		TEST(test_go_on_in_second),
		TEST(test_stopped_before_checkpoint),
		TEST(test_stopped_before_seal),
		TEST(test_stopped_before_next_segment),
		TEST(test_open_bursts),
		TEST(test_go_on_refused),
		TEST(test_retention),
		TEST(test_retention_compressed),
		TEST(test_retention_tampered),
		TEST(test_retention_go_on),
		TEST(test_go_on_compressing),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("continue", tests, NULL, NULL);
}
