/* SPDX-License-Identifier: BSD-2-Clause */
/* Sealed cases, made, changed and verified. */
#ifndef QUIS_SEALED_H
#define QUIS_SEALED_H

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/wait.h>

#include "case/case.h"
#include "case/verify.h"

static struct fact fact;
static struct verify_result result;

static inline void append(struct case_writer *writer, uint64_t number)
{
	fact_begin(&fact, "test", UNIT_TIME);
	fact_number(&fact, "number", number);
	assert_int_equal(case_append(writer, &fact), 0);
}

static inline void end(struct case_writer *writer)
{
	fact_begin(&fact, "capture-end", UNIT_TIME);
	assert_int_equal(case_append(writer, &fact), 0);
	assert_int_equal(case_finish(writer), 0);
	case_close(writer);
}

/* Three segments: 1 to 11, 12 to 22, and 23 to 31 with capture-end. */
static inline void write_case(const char *path)
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

static inline int setup_case(void **state)
{
	if (unit_setup(state))
		return -1;
	write_case(*state);
	return 0;
}

static inline void verify_with(const char *path, const struct note_key *key, const struct checkpoint *since)
{
	const struct verify_options options = {.key = key, .since = since};

	assert_int_equal(case_verify(path, &options, &result), 0);
}

static inline void verify(void **state)
{
	verify_with(*state, NULL, NULL);
}

static inline void expect(void **state, enum verdict verdict, const char *place, uint64_t line, const char *what)
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

struct lines {
	char *line[64];
	size_t count;
};

static inline char *segment_path(void **state, int segment, const char *ending)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/facts-%06d.%s", (char *)*state, segment, ending);
	return path;
}

static inline struct lines read_lines(void **state, int segment)
{
	struct lines lines = {.count = 0};
	char *text = unit_read(segment_path(state, segment, "ndjson")), *at, *save;

	for (at = strtok_r(text, "\n", &save); at; at = strtok_r(NULL, "\n", &save))
		lines.line[lines.count++] = strdup(at);
	free(text);
	return lines;
}

static inline void write_lines(void **state, int segment, struct lines *lines)
{
	FILE *file = fopen(segment_path(state, segment, "ndjson"), "w");
	size_t i;

	for (i = 0; i < lines->count; i++) {
		fprintf(file, "%s\n", lines->line[i]);
		free(lines->line[i]);
	}
	fclose(file);
}

static inline void insert(struct lines *lines, size_t at, const char *text)
{
	memmove(lines->line + at + 1, lines->line + at, (lines->count++ - at) * sizeof(*lines->line));
	lines->line[at] = strdup(text);
}

static inline void take_out(struct lines *lines, size_t at, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(lines->line[at + i]);
	lines->count -= count;
	memmove(lines->line + at, lines->line + at + count, (lines->count - at) * sizeof(*lines->line));
}

static inline void copy(void **state, const char *from, const char *to)
{
	char *text = unit_read(unit_path(state, from));

	unit_write(unit_path(state, to), text);
	free(text);
}

static inline struct checkpoint read_checkpoint(void **state, const char *name)
{
	struct checkpoint checkpoint;
	char *text = unit_read(unit_path(state, name));

	assert_int_equal(checkpoint_parse(&checkpoint, text, strlen(text)), 0);
	free(text);
	return checkpoint;
}

#endif
