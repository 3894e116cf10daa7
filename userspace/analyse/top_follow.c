/* SPDX-License-Identifier: BSD-2-Clause */
/* A case read while it is written: what is there by the reader of all cases, then the end of the last segment, again and again. */
#include "top.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH (1 << 18)

static int open_segment(const struct follow *follow, uint32_t segment)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/facts-%06" PRIu32 ".ndjson", follow->case_path, segment) >= sizeof(path))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* What the reader has seen of the last segment is not read again. */
static int read_so_far(struct follow *follow, struct top *top, uint64_t *ret_seen)
{
	struct case_reader *reader;
	struct case_line line;
	int err = case_open(&reader, follow->case_path), got;

	if (err)
		return err;
	follow->segment = 1;
	*ret_seen = 0;
	while ((got = case_next(reader, &line))) {
		if (!line.segment)
			break;
		if (line.segment != follow->segment)
			*ret_seen = 0;
		follow->segment = line.segment;
		if (got != 1)
			continue;
		*ret_seen += line.len + 1;
		top_take(top, follow->line, line.text, line.len, false);
	}
	case_reader_free(reader);
	return 0;
}

int follow_init(struct follow *follow, const char *case_path, struct top *top)
{
	uint64_t seen;
	int err;

	*follow = (struct follow){.case_path = case_path, .fd = -1, .line = malloc(sizeof(*follow->line)), .rest = malloc(FACT_LINE_MAX)};
	if (!follow->line || !follow->rest)
		return -ENOMEM;
	err = read_so_far(follow, top, &seen);
	if (err)
		return err;
	follow->fd = open_segment(follow, follow->segment);
	if (follow->fd >= 0 && lseek(follow->fd, seen, SEEK_SET) < 0)
		return -errno;
	return follow_more(follow, top);
}

/* Whole lines; a rest that is longer than any fact can be is let go with its line. */
static void take_bytes(struct follow *follow, struct top *top, const char *bytes, size_t len)
{
	while (len) {
		const char *end = memchr(bytes, '\n', len);
		size_t part = end ? (size_t)(end - bytes) : len;

		if (follow->rest_len + part < FACT_LINE_MAX) {
			memcpy(follow->rest + follow->rest_len, bytes, part);
			follow->rest_len += part;
		} else {
			follow->rest_len = FACT_LINE_MAX;
		}
		if (!end)
			return;
		if (follow->rest_len < FACT_LINE_MAX)
			top_take(top, follow->line, follow->rest, follow->rest_len, false);
		else
			top->bad++;
		follow->rest_len = 0;
		len -= part + 1;
		bytes = end + 1;
	}
}

static int read_on(struct follow *follow, struct top *top)
{
	char *buffer = malloc(BATCH);
	ssize_t len = 0;

	if (!buffer)
		return -ENOMEM;
	while (follow->fd >= 0 && (len = read(follow->fd, buffer, BATCH)) > 0)
		take_bytes(follow, top, buffer, len);
	free(buffer);
	return len < 0 && errno != EAGAIN ? -errno : 0;
}

static void read_open(struct follow *follow, struct top *top)
{
	char path[PATH_MAX], *text = NULL;
	size_t size = 0;
	ssize_t len;
	FILE *file;

	top_open_begin(top);
	if ((size_t)snprintf(path, sizeof(path), "%s/open.ndjson", follow->case_path) >= sizeof(path))
		return;
	file = fopen(path, "re");
	if (!file)
		return;
	while ((len = getline(&text, &size, file)) > 0)
		top_take(top, follow->line, text, len - (text[len - 1] == '\n'), true);
	free(text);
	fclose(file);
}

int follow_more(struct follow *follow, struct top *top)
{
	int err = read_on(follow, top), next;

	/* A segment that has a successor is over: what was appended before that has been read by a second look. */
	while (!err && (next = open_segment(follow, follow->segment + 1)) >= 0) {
		err = read_on(follow, top);
		if (follow->fd >= 0)
			close(follow->fd);
		follow->fd = next;
		follow->segment++;
		follow->rest_len = 0;
		if (!err)
			err = read_on(follow, top);
	}
	read_open(follow, top);
	return err;
}

void follow_done(struct follow *follow)
{
	if (follow->fd >= 0)
		close(follow->fd);
	free(follow->line);
	free(follow->rest);
}
