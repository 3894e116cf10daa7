/* SPDX-License-Identifier: BSD-2-Clause */
#include "case/writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SEGMENT_BYTES (64ull << 20)
#define SEGMENT_SECONDS 3600
#define PACK_STEP (4u << 20) /* compressed between two flushes */

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
	if (empty == 1) {
		fchmod(dir, 0700); /* another user's directory: he may look at it, and at no file in it */
		return dir;
	}
	close(dir);
	return empty < 0 ? empty : -EEXIST;
}

static int open_segment(int dir, uint32_t number)
{
	char name[SEGMENT_NAME];
	int fd;

	segment_name(name, number, "ndjson");
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

int writer_begin_segment(struct case_writer *writer, uint32_t number)
{
	int segment = open_segment(writer->dir, number);

	if (segment < 0)
		return segment;
	if (writer->segment >= 0)
		close(writer->segment);
	writer->segment = segment;
	writer->segment_number = number;
	clock_gettime(CLOCK_BOOTTIME, &writer->started);
	sealer_begin_segment(&writer->sealer, number);
	return 0;
}

void writer_set_options(struct case_writer *writer, const struct case_options *options)
{
	if (options)
		writer->options = *options;
	if (!writer->options.segment_bytes)
		writer->options.segment_bytes = SEGMENT_BYTES;
	if (!writer->options.segment_seconds)
		writer->options.segment_seconds = SEGMENT_SECONDS;
}

void case_limits(struct case_writer *writer, const struct case_options *options)
{
	const char *key = writer->options.key;

	writer_set_options(writer, options);
	writer->options.key = key;
}

void writer_free(struct case_writer *writer)
{
	sealer_done(&writer->sealer);
	pack_free(writer->pack);
	if (writer->segment >= 0)
		close(writer->segment);
	if (writer->dir >= 0)
		close(writer->dir);
	free(writer->open);
	free(writer);
}

int case_create(struct case_writer **ret_writer, const char *path, const struct case_options *options)
{
	struct case_writer *writer = calloc(1, sizeof(*writer));
	unsigned char id[(CASE_ID_SIZE - 1) / 2];
	int err;

	if (!writer || sodium_init() < 0) {
		free(writer);
		return -ENOMEM;
	}
	writer->segment = writer->sealer.hint_file = -1;
	writer->dir = open_directory(path);
	if (writer->dir < 0) {
		err = writer->dir;
		free(writer);
		return err;
	}
	/* Held as long as the directory is open: nobody else goes on with this case meanwhile. */
	flock(writer->dir, LOCK_EX | LOCK_NB);
	writer_set_options(writer, options);
	writer->first_segment = 1;
	randombytes_buf(id, sizeof(id));
	sodium_bin2hex(writer->id, sizeof(writer->id), id, sizeof(id));
	err = sealer_create(&writer->sealer, writer->dir, writer->id, writer->options.key);
	if (!err)
		err = writer_begin_segment(writer, 1);
	if (err) {
		writer_free(writer);
		return err;
	}
	*ret_writer = writer;
	return 0;
}

/* After an error the rest stays in the buffer, and may begin inside a line: the next call completes that line. */
static int write_until(struct case_writer *writer, size_t end)
{
	ssize_t done;

	while (writer->start < end) {
		done = write(writer->segment, writer->buffer + writer->start, end - writer->start);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		writer->start += done;
		writer->unsynced = true;
	}
	return 0;
}

static int sync_segment(struct case_writer *writer)
{
	if (!writer->unsynced)
		return 0;
	if (fdatasync(writer->segment))
		return -errno;
	writer->unsynced = false;
	return 0;
}

/* The segment has had its last fact: on to the disk with it, then its seal, then the next one. An error is tried again
 * from there. */
static int finish_turn(struct case_writer *writer)
{
	uint32_t ended = writer->segment_number;
	int err = write_until(writer, writer->turn_end);

	if (!err)
		err = sync_segment(writer);
	if (!err && writer->sealer.next)
		err = sealer_commit(&writer->sealer, ended);
	if (!err)
		err = writer_begin_segment(writer, ended + 1);
	if (err)
		return err;
	writer->turning = false;
	writer->segment_size = writer->end - writer->start;
	return 0;
}

static int write_out(struct case_writer *writer)
{
	int err = writer->turning ? finish_turn(writer) : 0;

	if (!err)
		err = write_until(writer, writer->end);
	if (!err)
		writer->start = writer->end = 0;
	return err;
}

static int make_room(struct case_writer *writer, size_t len)
{
	int err;

	if (len <= WRITER_BUFFER - writer->end)
		return 0;
	err = write_out(writer);
	if (writer->start) {
		writer->end -= writer->start;
		writer->turn_end -= writer->start; /* of no meaning unless turning */
		memmove(writer->buffer, writer->buffer + writer->start, writer->end);
		writer->start = 0;
	}
	if (len <= WRITER_BUFFER - writer->end)
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
	writer->segment_size += fact->len;
	writer->sequence++;
	sealer_add(&writer->sealer, fact->line, fact->len - 1);
	return 0;
}

/* One sealed segment after the other. What cannot be compressed, or is already, stays as it is. */
static void pack_on(struct case_writer *writer, size_t bytes, uint32_t until)
{
	while (writer->pack || (writer->options.compress && writer->packed < until)) {
		if (!writer->pack && pack_begin(&writer->pack, writer->dir, ++writer->packed))
			continue;
		if (pack_step(writer->pack, bytes) == 1)
			return;
		pack_free(writer->pack);
		writer->pack = NULL;
		if (bytes != SIZE_MAX)
			return;
	}
}

int case_flush(struct case_writer *writer)
{
	int err = write_out(writer);

	if (!err)
		err = sync_segment(writer);
	if (!err)
		err = sealer_checkpoint(&writer->sealer);
	pack_on(writer, PACK_STEP, writer->segment_number - 1);
	return err;
}

bool case_turn_due(const struct case_writer *writer)
{
	struct timespec now;

	if (writer->turning || !writer->segment_size)
		return false;
	if (writer->segment_size >= writer->options.segment_bytes)
		return true;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)(now.tv_sec - writer->started.tv_sec) >= writer->options.segment_seconds;
}

int case_turn(struct case_writer *writer, struct fact *fact, uint64_t realtime_ns)
{
	char public[KEY_TEXT_SIZE];
	int err;

	if (writer->turning)
		return write_out(writer);
	/* Nothing may be left over when the last fact is made: it must find room. */
	err = case_flush(writer);
	if (!err)
		err = sealer_prepare(&writer->sealer);
	if (err)
		return err;
	note_key_format(public, &writer->sealer.next->key);
	fact_begin(fact, "key", realtime_ns);
	fact_time(fact, "event.start", realtime_ns);
	fact_time(fact, "event.end", realtime_ns);
	fact_text(fact, "quis.note", "the key that signs from here on");
	fact_text(fact, "quis.key.public", public);
	err = case_append(writer, fact);
	if (err)
		return err;
	sealer_sign(&writer->sealer);
	writer->turning = true;
	writer->turn_end = writer->end;
	return write_out(writer);
}

/* Bytes and age of a segment's file; false: it is not there. */
static bool segment_stat(const struct case_writer *writer, uint32_t number, struct stat *ret_stat)
{
	char name[SEGMENT_NAME];

	segment_name(name, number, "ndjson");
	if (!fstatat(writer->dir, name, ret_stat, AT_SYMLINK_NOFOLLOW))
		return true;
	segment_name(name, number, "ndjson.zst");
	return !fstatat(writer->dir, name, ret_stat, AT_SYMLINK_NOFOLLOW);
}

/* Up to which segment nothing needs to be kept: 0, all does. What cannot be proved without its segment stays. */
static uint32_t too_old(const struct case_writer *writer, uint64_t realtime_ns)
{
	uint64_t keep_bytes = writer->options.keep_bytes, keep_seconds = writer->options.keep_seconds,
		 bytes = writer->segment_size;
	uint32_t number, until = 0;
	struct stat st;
	char last[SEGMENT_NAME];

	for (number = writer->segment_number - 1; number >= writer->first_segment && number; number--) {
		if (!segment_stat(writer, number, &st))
			continue;
		bytes += st.st_size;
		if ((keep_bytes && bytes > keep_bytes) ||
			(keep_seconds && st.st_mtime + keep_seconds < realtime_ns / 1000000000u)) {
			until = number;
			break;
		}
	}
	for (number = writer->first_segment; number <= until; number++) {
		last_name(last, number);
		if (fstatat(writer->dir, last, &st, AT_SYMLINK_NOFOLLOW))
			return number - 1 < writer->first_segment ? 0 : number - 1;
	}
	return until;
}

static void remove_segment(struct case_writer *writer, uint32_t number)
{
	static const char *const endings[] = {"ndjson", "ndjson.zst", "leaves"};
	char name[SEGMENT_NAME];
	size_t i;

	for (i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		segment_name(name, number, endings[i]);
		unlinkat(writer->dir, name, 0);
	}
}

int case_retain(struct case_writer *writer, struct fact *fact, uint64_t realtime_ns)
{
	uint32_t until;
	int err;

	if (writer->turning || (!writer->options.keep_bytes && !writer->options.keep_seconds))
		return 0;
	until = too_old(writer, realtime_ns);
	if (writer->pack && until >= writer->packed)
		until = writer->packed - 1; /* that one is being compressed */
	if (until < writer->first_segment)
		return 0;
	fact_begin(fact, "retention", realtime_ns);
	fact_text(fact, "quis.note", "segments up to this one are removed, as the options for keeping them say");
	fact_number(fact, "quis.retention.segment", until);
	err = case_append(writer, fact);
	/* Only what a sealed fact tells of may be gone. */
	if (!err)
		err = case_flush(writer);
	if (err)
		return err;
	while (writer->first_segment <= until)
		remove_segment(writer, writer->first_segment++);
	return 0;
}

int case_finish(struct case_writer *writer)
{
	int err = case_flush(writer);

	if (!err)
		err = sealer_finish(&writer->sealer, writer->segment_number);
	if (err)
		return err;
	pack_on(writer, SIZE_MAX, writer->segment_number);
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

const char *case_open_text(const struct case_writer *writer, size_t *ret_len)
{
	*ret_len = writer->open_len;
	return writer->open;
}

uint64_t case_sequence(const struct case_writer *writer)
{
	return writer->sequence;
}

uint64_t case_dropped(const struct case_writer *writer)
{
	return writer->dropped;
}

const char *case_id(const struct case_writer *writer)
{
	return writer->id;
}

const char *case_checkpoint(const struct case_writer *writer, uint64_t *ret_size)
{
	*ret_size = writer->sealer.newest.size;
	return writer->sealer.newest.note;
}

uint32_t case_segment(const struct case_writer *writer)
{
	return writer->segment_number;
}

int case_directory(const struct case_writer *writer)
{
	return writer->dir;
}

void case_close(struct case_writer *writer)
{
	if (!writer)
		return;
	if (writer->sealer.secret) /* finished: nothing is left to write */
		case_flush(writer);
	writer_free(writer);
}
