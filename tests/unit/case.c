/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "case/case.h"

static struct fact fact;

static int append(struct case_writer *writer, const char *value)
{
	fact_begin(&fact, "test", UNIT_TIME);
	fact_text(&fact, "value", value);
	return case_append(writer, &fact);
}

static void expect(struct case_reader *reader, int got, uint32_t segment, uint64_t number)
{
	struct case_line line;

	assert_int_equal(case_next(reader, &line), got);
	if (!got)
		return;
	assert_int_equal(line.segment, segment);
	if (number)
		assert_int_equal(line.number, number);
	if (got == 1)
		assert_int_equal(line.text[line.len], '\0');
}

static struct case_reader *open_reader(void **state)
{
	struct case_reader *reader = NULL;

	assert_int_equal(case_open(&reader, *state), 0);
	return reader;
}

static void test_round_trip(void **state)
{
	const char *path = unit_path(state, "case");
	struct case_writer *writer;
	struct case_reader *reader;
	struct case_line line;
	struct stat st;
	char name[300];
	int i;

	assert_int_equal(case_create(&writer, path, NULL), 0);
	for (i = 0; i < 1000; i++)
		assert_int_equal(append(writer, "v"), 0);
	assert_int_equal(case_sequence(writer), 1000);
	assert_int_equal(case_flush(writer), 0);
	assert_int_equal(case_dropped(writer), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(name, sizeof(name), "%s/facts-000001.ndjson", path);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(case_open(&reader, path), 0);
	for (i = 1; i <= 1000; i++) {
		char sequence[40];

		assert_int_equal(case_next(reader, &line), 1);
		snprintf(sequence, sizeof(sequence), ",\"event.sequence\":%d}", i);
		assert_string_equal(line.text + line.len - strlen(sequence), sequence);
		assert_int_equal(line.number, i);
	}
	assert_int_equal(case_next(reader, &line), 0);
	assert_int_equal(case_next(reader, &line), 0);
	assert_int_equal(case_bytes_read(reader), case_bytes_total(reader));
	assert_int_equal(case_bytes_read(reader), st.st_size);
	case_reader_free(reader);
	case_close(writer);
}

static void test_create(void **state)
{
	struct case_writer *writer = NULL;

	assert_int_equal(case_create(&writer, *state, NULL), 0); /* empty, but there */
	case_close(writer);
	writer = NULL;
	assert_int_equal(case_create(&writer, *state, NULL), -EEXIST);
	assert_int_equal(case_create(&writer, unit_path(state, "a/b"), NULL), -ENOENT);
	assert_int_equal(case_create(&writer, unit_path(state, "facts-000001.ndjson"), NULL), -ENOTDIR);
	assert_null(writer);
	case_close(NULL);
}

/* The directory is held, not its name. */
static void test_renamed(void **state)
{
	struct case_writer *writer;
	char to[300], *text;

	snprintf(to, sizeof(to), "%s/to", (char *)*state);
	assert_int_equal(case_create(&writer, unit_path(state, "from"), NULL), 0);
	assert_int_equal(rename(unit_path(state, "from"), to), 0);
	assert_int_equal(append(writer, "after"), 0);
	case_close(writer);
	text = unit_read(unit_path(state, "to/facts-000001.ndjson"));
	assert_non_null(strstr(text, "after"));
	free(text);
}

static void limit_files(rlim_t size)
{
	struct rlimit limit = {size, RLIM_INFINITY};

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A full disk (a limit of the file's size stands for it) stops in the middle of a line; once there is room, the line is
 * completed. */
static void test_full_disk(void **state)
{
	struct case_writer *writer;
	struct case_reader *reader;
	struct stat st;
	uint64_t taken;
	int i;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(case_create(&writer, *state, NULL), 0);
	limit_files(1000);
	for (i = 0; i < 100; i++)
		assert_int_equal(append(writer, "0123456789"), 0);
	assert_int_equal(case_flush(writer), -EFBIG);
	assert_int_equal(stat(unit_path(state, "facts-000001.ndjson"), &st), 0);
	assert_int_equal(st.st_size, 1000);
	reader = open_reader(state);
	for (i = 1; i <= 100; i++) {
		struct case_line line;

		if (case_next(reader, &line) != 1)
			break;
	}
	assert_in_range(i, 2, 20); /* torn */
	case_reader_free(reader);
	/* What is taken is kept, until the buffer is full too. */
	while (!append(writer, "0123456789"))
		;
	taken = case_sequence(writer);
	assert_int_equal(append(writer, "0123456789"), -EFBIG);
	assert_int_equal(case_dropped(writer), 2);
	assert_int_equal(case_sequence(writer), taken);
	limit_files(RLIM_INFINITY);
	assert_int_equal(append(writer, "last"), 0);
	assert_int_equal(case_flush(writer), 0);
	reader = open_reader(state);
	for (taken++; taken; taken--)
		expect(reader, 1, 1, 0);
	expect(reader, 0, 0, 0);
	case_reader_free(reader);
	case_close(writer);
}

static void test_no_case(void **state)
{
	struct case_reader *reader = NULL;

	assert_int_equal(case_open(&reader, *state), -ENODATA);
	assert_int_equal(case_open(&reader, unit_path(state, "none")), -ENOENT);
	unit_write(unit_path(state, "facts-1.ndjson"), "{}\n");
	unit_write(unit_path(state, "facts-000001.ndjson.bak"), "{}\n");
	unit_write(unit_path(state, "facts-000000.ndjson"), "{}\n");
	assert_int_equal(case_open(&reader, *state), -ENODATA);
	assert_null(reader);
	case_reader_free(NULL);
}

static void test_torn(void **state)
{
	struct case_reader *reader;

	unit_write(unit_path(state, "facts-000001.ndjson"), "{\"a\":1}\n{\"b\"");
	unit_write(unit_path(state, "facts-000002.ndjson"), "{}\n");
	reader = open_reader(state);
	expect(reader, 1, 1, 1);
	expect(reader, -EBADMSG, 1, 2);
	expect(reader, 1, 2, 1);
	expect(reader, 0, 0, 0);
	case_reader_free(reader);
}

static void test_missing_segments(void **state)
{
	struct case_reader *reader;

	unit_write(unit_path(state, "facts-000002.ndjson"), "{}\n");
	unit_write(unit_path(state, "facts-000010.ndjson"), "");
	unit_write(unit_path(state, "facts-000011.ndjson"), "{}\n{}\n");
	reader = open_reader(state);
	expect(reader, -ENOLINK, 1, 0);
	expect(reader, 1, 2, 1);
	expect(reader, -ENOLINK, 3, 0);
	expect(reader, 1, 11, 1);
	expect(reader, 1, 11, 2);
	expect(reader, 0, 0, 0);
	case_reader_free(reader);
}

static void write_lengths(const char *path, const size_t *lengths, size_t count, const char *tail)
{
	FILE *file = fopen(path, "w");
	size_t i, j;

	assert_non_null(file);
	for (i = 0; i < count; i++) {
		for (j = 0; j < lengths[i]; j++)
			fputc('x', file);
		fputc('\n', file);
	}
	fputs(tail, file);
	fclose(file);
}

static void test_long_lines(void **state)
{
	static const size_t lengths[] = {3, FACT_LINE_MAX - 1, FACT_LINE_MAX, 5, 1000000, FACT_LINE_MAX - 1, 262144, 1};
	struct case_reader *reader;
	size_t i;

	write_lengths(unit_path(state, "facts-000001.ndjson"), lengths, sizeof(lengths) / sizeof(lengths[0]), "");
	reader = open_reader(state);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct case_line line;

		assert_int_equal(case_next(reader, &line), lengths[i] < FACT_LINE_MAX ? 1 : -E2BIG);
		assert_int_equal(line.number, i + 1);
		if (lengths[i] < FACT_LINE_MAX)
			assert_int_equal(line.len, lengths[i]);
	}
	expect(reader, 0, 0, 0);
	case_reader_free(reader);
}

/* What stands in the place of a segment and is none must not hold the reader up. */
static void test_not_a_file(void **state)
{
	struct case_reader *reader;

	assert_int_equal(mkfifo(unit_path(state, "facts-000001.ndjson"), 0600), 0);
	assert_int_equal(mkdir(unit_path(state, "facts-000002.ndjson"), 0700), 0);
	unit_write(unit_path(state, "facts-000003.ndjson"), "{}\n");
	reader = open_reader(state);
	expect(reader, -EINVAL, 1, 0);
	expect(reader, -EINVAL, 2, 0);
	expect(reader, 1, 3, 1);
	expect(reader, 0, 0, 0);
	case_reader_free(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, unit_setup, unit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_create),
		TEST(test_renamed),
		TEST(test_full_disk),
		TEST(test_no_case),
		TEST(test_torn),
		TEST(test_missing_segments),
		TEST(test_long_lines),
		TEST(test_not_a_file),
	};

	return cmocka_run_group_tests_name("case", tests, NULL, NULL);
}
