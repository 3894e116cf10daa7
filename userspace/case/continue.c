/* SPDX-License-Identifier: BSD-2-Clause */
/* A case goes on after its sensor died. */
#include "case/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BURSTS_MAX (64u << 20) /* of open.ndjson: it is held in memory, as the sensor did that wrote it */
#define BURST_KEY 1024

/* ---- bursts that were open ---- */

struct bursts {
	char *text;
	size_t len;
	char (*keys)[BURST_KEY]; /* of those that are in no segment; "" for those that are */
	size_t count;
};

static void put_value(char *key, size_t *at, const char *line, const char *name)
{
	const char *value = strstr(line, name);
	size_t len;

	/* What is quoted within a string has a backslash before the quote, so that no path can look like a field. */
	len = value ? strcspn(value, ",") : 0;
	if (*at + len + 1 < BURST_KEY) {
		memcpy(key + *at, value ? value : "", len);
		*at += len;
		key[(*at)++] = ',';
	}
	key[*at] = '\0';
}

/* What tells one burst from another: process, object, first time (FACTS.md). */
static void burst_key(char key[BURST_KEY], const char *line)
{
	static const char *const names[] = {"\"event.start\":\"", "\"process.entity_id\":\"", "\"quis.file.device\":\"",
		"\"file.inode\":\"", "\"quis.file.generation\":", "\"quis.flow.id\":\"", "\"quis.flow.remote\":\"",
		"\"quis.errno\":\"", "\"event.action\":\""};
	size_t at = 0, i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		put_value(key, &at, line, names[i]);
}

static int read_bursts(struct bursts *bursts, int dir)
{
	int fd = openat(dir, "open.ndjson", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t got;
	char *at, *end;

	memset(bursts, 0, sizeof(*bursts));
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > BURSTS_MAX) {
		close(fd);
		return -EFBIG;
	}
	bursts->text = malloc(st.st_size + 1);
	while (bursts->text && bursts->len < (size_t)st.st_size) {
		got = read(fd, bursts->text + bursts->len, st.st_size - bursts->len);
		if (got <= 0)
			break;
		bursts->len += got;
	}
	close(fd);
	if (!bursts->text)
		return -ENOMEM;
	for (at = bursts->text; (end = memchr(at, '\n', bursts->text + bursts->len - at));
		at = end + 1, bursts->count++)
		*end = '\0';
	bursts->len = at - bursts->text;
	bursts->keys = calloc(bursts->count + 1, sizeof(*bursts->keys));
	if (!bursts->keys)
		return -ENOMEM;
	bursts->count = 0;
	for (at = bursts->text; at < bursts->text + bursts->len; at += strlen(at) + 1)
		burst_key(bursts->keys[bursts->count++], at);
	return 0;
}

static void bursts_done(struct bursts *bursts)
{
	free(bursts->text);
	free(bursts->keys);
}

/* Died between the flush of its last lines and the replacing of open.ndjson: these are told already. */
static void strike_out(struct bursts *bursts, const char *line)
{
	char key[BURST_KEY];
	size_t i;

	burst_key(key, line);
	for (i = 0; i < bursts->count; i++)
		if (!strcmp(bursts->keys[i], key))
			bursts->keys[i][0] = '\0';
}

static int append_bursts(struct case_writer *writer, const struct bursts *bursts, uint64_t *ret_count)
{
	struct fact *fact = malloc(sizeof(*fact));
	const char *at = bursts->text;
	size_t i, len;
	int err = fact ? 0 : -ENOMEM;

	for (i = 0; !err && i < bursts->count; i++, at += len + 1) {
		len = strlen(at);
		if (!bursts->keys[i][0] || len < 2 || len > FACT_LINE_MAX - 64 || at[len - 1] != '}')
			continue;
		memcpy(fact->line, at, len - 1);
		fact->len = len - 1;
		err = case_append(writer, fact);
		*ret_count += !err;
	}
	free(fact);
	return err;
}

/* ---- the last lines ---- */

/* The last segment's lines once more, for its .leaves; and of the last two, whether they tell of an open burst. */
static int read_again(struct case_writer *writer, const char *path, struct bursts *bursts)
{
	struct case_reader *reader;
	struct case_line line;
	unsigned char leaf[HASH_SIZE];
	int got, err = case_open_at(&reader, path, writer->segment_number > 1 ? writer->segment_number - 1 : 1);

	if (err)
		return err;
	while ((got = case_next(reader, &line)) && line.segment) {
		if (got != 1)
			continue;
		if (bursts->count)
			strike_out(bursts, line.text);
		if (line.segment != writer->segment_number)
			continue;
		sealer_newest_line(&writer->sealer, line.text, line.len);
		writer->segment_size += line.len + 1;
		tree_leaf(leaf, line.text, line.len);
		sealer_hint(&writer->sealer, leaf);
	}
	case_reader_free(reader);
	return 0;
}

static int open_again(struct case_writer *writer, uint64_t torn)
{
	char name[SEGMENT_NAME];
	struct stat st;

	segment_name(name, writer->segment_number, "ndjson");
	writer->segment = openat(writer->dir, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (writer->segment < 0)
		return -errno;
	if (torn && (fstat(writer->segment, &st) || ftruncate(writer->segment, st.st_size - torn)))
		return -errno;
	writer->unsynced = true;
	clock_gettime(CLOCK_BOOTTIME, &writer->started);
	sealer_begin_segment(&writer->sealer, writer->segment_number);
	return 0;
}

/* What was being compressed when the sensor died is begun anew. */
static void remove_half_packed(const struct case_writer *writer)
{
	char name[SEGMENT_NAME];
	uint32_t number;

	for (number = writer->first_segment; number && number < writer->segment_number; number++) {
		segment_name(name, number, "ndjson.zst.new");
		unlinkat(writer->dir, name, 0);
	}
}

static void remove_empty(int dir, uint32_t segment)
{
	char name[SEGMENT_NAME];
	struct stat st;

	segment_name(name, segment, "ndjson");
	if (!fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) && !st.st_size)
		unlinkat(dir, name, 0);
}

/* A segment that was over: what was left to do of its end. */
static void turn_again(struct case_writer *writer, const struct verify_result *verified)
{
	struct sealer *sealer = &writer->sealer;

	if (sealer->next) {
		sealer_sign(sealer);
	} else {
		/* Its checkpoint is the newest one, and signed: only its place among the others may be missing. */
		sealer_adopt(sealer, &verified->newest);
	}
	remove_empty(writer->dir, writer->segment_number + 1); /* begun, and nothing came into it */
	writer->turning = true;
	writer->turn_end = 0;
}

static void set_id(struct case_writer *writer)
{
	const char *slash = strrchr(writer->sealer.origin, '/'), *id = slash ? slash + 1 : writer->sealer.origin;

	memcpy(writer->id, id, strnlen(id, CASE_ID_SIZE - 1)); /* the rest is zero */
}

static int go_on(
	struct case_writer *writer, const char *path, const struct verify_result *verified, struct case_continued *done)
{
	struct bursts bursts = {.text = NULL};
	int err;

	err = sealer_continue(&writer->sealer, writer->dir, verified);
	if (err)
		return err;
	set_id(writer);
	writer->segment_number = verified->segments;
	writer->first_segment = verified->first_segment;
	writer->sequence = verified->lines;
	writer->packed = writer->first_segment ? writer->first_segment - 1 : 0;
	remove_half_packed(writer);
	err = open_again(writer, verified->torn);
	if (!err)
		err = read_bursts(&bursts, writer->dir);
	if (!err)
		err = read_again(writer, path, &bursts);
	if (!err && verified->turned)
		turn_again(writer, verified);
	if (!err)
		err = append_bursts(writer, &bursts, &done->open);
	bursts_done(&bursts);
	/* Only when they are in a segment may open.ndjson be replaced. */
	if (!err)
		err = case_flush(writer);
	writer->open_exists = true;
	return err;
}

static int usable(const struct verify_result *verified, struct case_continued *done)
{
	memcpy(done->what, verified->what, sizeof(done->what));
	done->what[sizeof(done->what) - 1] = '\0';
	if (verified->verdict == VERDICT_UNKNOWN)
		return -ENODATA;
	if (verified->verdict == VERDICT_ALTERED)
		return -EBADMSG;
	return verified->ended ? -EALREADY : 0;
}

int case_continue(struct case_writer **ret_writer, const char *path, const struct case_options *options,
	struct case_continued *ret)
{
	static const struct verify_options plain;
	struct case_writer *writer = calloc(1, sizeof(*writer));
	struct verify_result *verified = malloc(sizeof(*verified));
	int err = writer && verified && sodium_init() >= 0 ? case_verify(path, &plain, verified) : -ENOMEM;

	memset(ret, 0, sizeof(*ret));
	if (!err)
		err = usable(verified, ret);
	if (err)
		goto fail;
	writer->segment = writer->sealer.hint_file = -1;
	writer_set_options(writer, options);
	writer->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (writer->dir < 0) {
		err = -errno;
		goto fail;
	}
	if (flock(writer->dir, LOCK_EX | LOCK_NB)) {
		close(writer->dir);
		err = -EBUSY;
		goto fail;
	}
	ret->lines = verified->lines;
	ret->unsealed = verified->lines - verified->sealed;
	ret->torn = verified->torn;
	err = go_on(writer, path, verified, ret);
	ret->segment = writer->segment_number;
	free(verified);
	if (err)
		writer_free(writer);
	else
		*ret_writer = writer;
	return err;
fail:
	free(verified);
	free(writer);
	return err;
}
