/* SPDX-License-Identifier: BSD-2-Clause */
#include "case.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE (4u << 20)

struct case_writer {
	int dir;
	int segment;
	uint32_t segment_number;
	uint64_t sequence;
	uint64_t dropped;
	char *open; /* lines of open.ndjson in the making */
	size_t open_len, open_room;
	bool open_exists;
	bool unsynced; /* written since the last fdatasync() */
	size_t start; /* of the bytes not yet written */
	size_t end;
	char buffer[BUFFER_SIZE];
};

static int directory_is_empty(int dir)
{
	const struct dirent *entry;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), empty = 1;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream) {
		int err = -errno;

		if (fd >= 0)
			close(fd);
		return err;
	}
	while (empty && (entry = readdir(stream)))
		empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	closedir(stream);
	return empty;
}

static int open_directory(const char *path)
{
	int dir, empty;

	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	empty = directory_is_empty(dir);
	if (empty == 1)
		return dir;
	close(dir);
	return empty < 0 ? empty : -EEXIST;
}

static int open_segment(int dir, uint32_t number)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "facts-%06u.ndjson", number);
	fd = openat(dir, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	/* The name of the segment must survive a power loss as its bytes do. */
	if (fsync(dir)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int case_create(struct case_writer **ret_writer, const char *path)
{
	struct case_writer *writer;
	int dir = open_directory(path), segment;

	if (dir < 0)
		return dir;
	segment = open_segment(dir, 1);
	writer = segment < 0 ? NULL : malloc(sizeof(*writer));
	if (!writer) {
		if (segment >= 0)
			close(segment);
		close(dir);
		return segment < 0 ? segment : -ENOMEM;
	}
	writer->dir = dir;
	writer->segment = segment;
	writer->segment_number = 1;
	writer->sequence = writer->dropped = 0;
	writer->open = NULL;
	writer->open_len = writer->open_room = 0;
	writer->open_exists = writer->unsynced = false;
	writer->start = writer->end = 0;
	*ret_writer = writer;
	return 0;
}

/* After an error the rest stays in the buffer, and may begin inside a line: the next call completes that line. */
static int write_out(struct case_writer *writer)
{
	ssize_t done;

	while (writer->start < writer->end) {
		done = write(writer->segment, writer->buffer + writer->start, writer->end - writer->start);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		writer->start += done;
		writer->unsynced = true;
	}
	writer->start = writer->end = 0;
	return 0;
}

static int make_room(struct case_writer *writer, size_t len)
{
	int err;

	if (len <= BUFFER_SIZE - writer->end)
		return 0;
	err = write_out(writer);
	if (writer->start) {
		writer->end -= writer->start;
		memmove(writer->buffer, writer->buffer + writer->start, writer->end);
		writer->start = 0;
	}
	if (len <= BUFFER_SIZE - writer->end)
		return 0;
	return err ? err : -ENOSPC;
}

int case_append(struct case_writer *writer, struct fact *fact)
{
	int err;

	fact_sequence(fact, writer->sequence + 1);
	fact_end(fact);
	err = make_room(writer, fact->len);
	if (err) {
		writer->dropped++;
		return err;
	}
	memcpy(writer->buffer + writer->end, fact->line, fact->len);
	writer->end += fact->len;
	writer->sequence++;
	return 0;
}

int case_flush(struct case_writer *writer)
{
	int err = write_out(writer);

	if (err)
		return err;
	if (!writer->unsynced)
		return 0;
	if (fdatasync(writer->segment))
		return -errno;
	writer->unsynced = false;
	return 0;
}

/* ---- bursts that are still open ---- */

static const char open_name[] = "open.ndjson", open_new[] = "open.ndjson.new";

void case_open_begin(struct case_writer *writer)
{
	writer->open_len = 0;
}

void case_open_append(struct case_writer *writer, struct fact *fact)
{
	size_t room = writer->open_room ? writer->open_room : 1 << 16;
	char *bytes;

	fact_end(fact);
	while (room < writer->open_len + fact->len)
		room *= 2;
	if (room != writer->open_room) {
		bytes = realloc(writer->open, room);
		if (!bytes)
			return; /* the burst is still in memory, and is written when it ends */
		writer->open = bytes;
		writer->open_room = room;
	}
	memcpy(writer->open + writer->open_len, fact->line, fact->len);
	writer->open_len += fact->len;
}

int case_open_end(struct case_writer *writer)
{
	ssize_t done;
	int fd;

	if (!writer->open_len) {
		if (writer->open_exists && !unlinkat(writer->dir, open_name, 0))
			writer->open_exists = false;
		return 0;
	}
	fd = openat(writer->dir, open_new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	done = write(fd, writer->open, writer->open_len);
	close(fd);
	if (done != (ssize_t)writer->open_len) {
		unlinkat(writer->dir, open_new, 0);
		return done < 0 ? -EIO : -ENOSPC;
	}
	if (renameat(writer->dir, open_new, writer->dir, open_name))
		return -errno;
	writer->open_exists = true;
	return 0;
}

uint64_t case_sequence(const struct case_writer *writer)
{
	return writer->sequence;
}

uint64_t case_dropped(const struct case_writer *writer)
{
	return writer->dropped;
}

void case_close(struct case_writer *writer)
{
	if (!writer)
		return;
	case_flush(writer);
	close(writer->segment);
	close(writer->dir);
	free(writer->open);
	free(writer);
}
