/* SPDX-License-Identifier: BSD-2-Clause */
#include "case/writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define BUFFER_SIZE (256u << 10)
#define PACKED_SIZE (128u << 10)
#define SEGMENTS_MAX (1u << 20)

struct case_reader {
	int dir;
	int segment;
	uint32_t *numbers; /* of the segments there are, ascending */
	size_t count;
	size_t next;	   /* index into numbers */
	uint32_t expected; /* the number that should come next */
	uint32_t current;
	ZSTD_DCtx *unpacking; /* of compressed segments; made for the first one */
	bool packed;	      /* this segment is one */
	bool frame_open;      /* the compressed bytes have not come to their end */
	bool more;	      /* what was unpacked did not all fit */
	ZSTD_inBuffer in;
	char *packed_bytes;
	bool open_read; /* open.ndjson was looked for */
	uint64_t line;
	uint64_t bytes_total;
	uint64_t bytes_read;
	size_t start;
	size_t end;
	char buffer[BUFFER_SIZE + 1];
};

/* Seven digits and more come after facts-999999. */
static uint32_t segment_number(const char *name)
{
	static const char prefix[] = "facts-";
	uint64_t number = 0;
	const char *at;

	if (strncmp(name, prefix, sizeof(prefix) - 1))
		return 0;
	name += sizeof(prefix) - 1;
	for (at = name; *at >= '0' && *at <= '9' && number < UINT32_MAX / 10; at++)
		number = number * 10 + (*at - '0');
	return at - name < 6 || (strcmp(at, ".ndjson") && strcmp(at, ".ndjson.zst")) ? 0 : number;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static int add_segment(struct case_reader *reader, uint32_t number, const char *name)
{
	struct stat st;

	if ((reader->count & (reader->count - 1)) == 0) {
		size_t size = (reader->count ? 2 * reader->count : 1) * sizeof(*reader->numbers);
		uint32_t *numbers = realloc(reader->numbers, size);

		if (!numbers)
			return -ENOMEM;
		reader->numbers = numbers;
	}
	reader->numbers[reader->count++] = number;
	if (!fstatat(reader->dir, name, &st, 0))
		reader->bytes_total += st.st_size;
	return 0;
}

/* A segment that is there twice was being compressed when the sensor died. */
static void drop_doubles(struct case_reader *reader)
{
	size_t i, kept = 1;

	for (i = 1; i < reader->count; i++)
		if (reader->numbers[i] != reader->numbers[kept - 1])
			reader->numbers[kept++] = reader->numbers[i];
	reader->count = kept;
}

static int list_segments(struct case_reader *reader)
{
	const struct dirent *entry;
	int fd = openat(reader->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (!err && reader->count < SEGMENTS_MAX && (entry = readdir(stream))) {
		uint32_t number = segment_number(entry->d_name);

		if (number)
			err = add_segment(reader, number, entry->d_name);
	}
	closedir(stream);
	if (!err && !reader->count)
		err = -ENODATA;
	if (err)
		return err;
	qsort(reader->numbers, reader->count, sizeof(*reader->numbers), compare_numbers);
	drop_doubles(reader);
	return 0;
}

int case_open(struct case_reader **ret_reader, const char *path)
{
	struct case_reader *reader;
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (dir < 0)
		return -errno;
	reader = calloc(1, sizeof(*reader));
	if (!reader) {
		close(dir);
		return -ENOMEM;
	}
	reader->dir = dir;
	reader->segment = -1;
	reader->expected = 1;
	err = list_segments(reader);
	if (err) {
		case_reader_free(reader);
		return err;
	}
	*ret_reader = reader;
	return 0;
}

int case_open_at(struct case_reader **ret_reader, const char *path, uint32_t segment)
{
	struct case_reader *reader;
	int err = case_open(&reader, path);

	if (err)
		return err;
	while (reader->next < reader->count && reader->numbers[reader->next] < segment)
		reader->next++;
	reader->expected = segment;
	*ret_reader = reader;
	return 0;
}

/* O_NONBLOCK: a FIFO in the place of a segment must not hold us up. */
static int open_file(struct case_reader *reader, const char *name)
{
	struct stat st;
	int err = 0;

	reader->line = 0;
	reader->segment = openat(reader->dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (reader->segment < 0)
		return -errno;
	if (fstat(reader->segment, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	if (err) {
		close(reader->segment);
		reader->segment = -1;
	}
	return err;
}

static void close_segment(struct case_reader *reader)
{
	close(reader->segment);
	reader->segment = -1;
	reader->start = reader->end = 0;
	reader->packed = false;
}

static int start_unpacking(struct case_reader *reader)
{
	if (!reader->unpacking)
		reader->unpacking = ZSTD_createDCtx();
	if (!reader->packed_bytes)
		reader->packed_bytes = malloc(PACKED_SIZE);
	if (!reader->unpacking || !reader->packed_bytes) {
		close_segment(reader);
		return -ENOMEM;
	}
	ZSTD_DCtx_reset(reader->unpacking, ZSTD_reset_session_and_parameters);
	reader->in = (ZSTD_inBuffer){reader->packed_bytes, 0, 0};
	reader->packed = true;
	reader->frame_open = reader->more = false;
	return 0;
}

static int open_segment(struct case_reader *reader, uint32_t number)
{
	char name[SEGMENT_NAME];
	int err;

	reader->expected = number + 1;
	reader->current = number;
	reader->next++;
	segment_name(name, number, "ndjson");
	err = open_file(reader, name);
	if (err != -ENOENT)
		return err;
	segment_name(name, number, "ndjson.zst");
	err = open_file(reader, name);
	return err ? err : start_unpacking(reader);
}

/* The bursts that were open when the sensor died, if it did. */
static int open_bursts(struct case_reader *reader)
{
	int err;

	reader->open_read = true;
	reader->current = 0;
	err = open_file(reader, "open.ndjson");
	return err == -ENOENT ? 0 : err;
}

static ssize_t read_some(struct case_reader *reader, char *out, size_t size)
{
	ssize_t got;

	do
		got = read(reader->segment, out, size);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	reader->bytes_read += got;
	return got;
}

/* Memory stays within the window that zstd takes without being asked to (8 MiB of a usual frame, 128 MiB at the most).
 */
static ssize_t unpack(struct case_reader *reader, char *bytes, size_t size)
{
	ZSTD_outBuffer out = {bytes, size, 0};
	ssize_t got;
	size_t left;

	while (!out.pos) {
		if (reader->in.pos == reader->in.size && !reader->more) {
			got = read_some(reader, reader->packed_bytes, PACKED_SIZE);
			if (got < 0 || (!got && !reader->frame_open))
				return got;
			if (!got)
				return -EPROTO; /* cut off */
			reader->in.size = got;
			reader->in.pos = 0;
		}
		left = ZSTD_decompressStream(reader->unpacking, &out, &reader->in);
		if (ZSTD_isError(left))
			return -EPROTO;
		reader->frame_open = left;
		reader->more = out.pos == out.size;
	}
	return out.pos;
}

static ssize_t fill(struct case_reader *reader)
{
	ssize_t got;

	if (reader->start) {
		reader->end -= reader->start;
		memmove(reader->buffer, reader->buffer + reader->start, reader->end);
		reader->start = 0;
	}
	got = (reader->packed ? unpack : read_some)(reader, reader->buffer + reader->end, BUFFER_SIZE - reader->end);
	if (got > 0)
		reader->end += got;
	return got;
}

/* At the end of the segment, or at an error: the line that has no end. */
static int segment_end(struct case_reader *reader, bool partial, int err)
{
	close_segment(reader);
	if (err)
		return err;
	return partial ? -EBADMSG : 0;
}

/* 1: a line; 0: end of the segment; else as case_next(). */
static int next_in_segment(struct case_reader *reader, struct case_line *line)
{
	bool skipping = false;
	char *newline;
	size_t len;
	ssize_t got;

	reader->line++;
	line->segment = reader->current;
	line->number = reader->line;
	for (;;) {
		newline = memchr(reader->buffer + reader->start, '\n', reader->end - reader->start);
		if (newline)
			break;
		if (reader->end - reader->start >= FACT_LINE_MAX) {
			skipping = true;
			reader->start = reader->end;
		}
		got = fill(reader);
		if (got <= 0)
			return segment_end(reader, skipping || reader->end > reader->start, got);
	}
	len = newline - (reader->buffer + reader->start);
	line->text = reader->buffer + reader->start;
	line->len = len;
	*newline = '\0';
	reader->start += len + 1;
	return skipping || len >= FACT_LINE_MAX ? -E2BIG : 1;
}

int case_next(struct case_reader *reader, struct case_line *ret_line)
{
	struct case_line line = {.text = "", .segment = reader->current};
	int got;

	for (;;) {
		if (reader->segment < 0 && reader->next == reader->count && reader->open_read)
			return 0;
		if (reader->segment < 0 && reader->next == reader->count) {
			got = open_bursts(reader);
			line.segment = 0;
		} else if (reader->segment < 0 && reader->numbers[reader->next] != reader->expected) {
			line.segment = reader->expected;
			reader->expected = reader->numbers[reader->next];
			got = -ENOLINK;
		} else if (reader->segment < 0) {
			got = open_segment(reader, reader->numbers[reader->next]);
			line.segment = reader->current;
		} else {
			got = next_in_segment(reader, &line);
		}
		if (got)
			break;
	}
	*ret_line = line;
	return got;
}

uint32_t case_first(const struct case_reader *reader)
{
	return reader->numbers[0];
}

uint64_t case_bytes_total(const struct case_reader *reader)
{
	return reader->bytes_total;
}

uint64_t case_bytes_read(const struct case_reader *reader)
{
	return reader->bytes_read;
}

void case_reader_free(struct case_reader *reader)
{
	if (!reader)
		return;
	if (reader->segment >= 0)
		close(reader->segment);
	if (reader->dir >= 0)
		close(reader->dir);
	ZSTD_freeDCtx(reader->unpacking);
	free(reader->packed_bytes);
	free(reader->numbers);
	free(reader);
}
