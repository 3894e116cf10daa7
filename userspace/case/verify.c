/* SPDX-License-Identifier: BSD-2-Clause */
#include "case/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case/place.h"
#include "case/writer.h"

#define PROGRESS_EVERY 4096 /* lines */
#define OUTSIDE 2

struct walk {
	const struct verify_options *options;
	struct verify_result *result;
	struct case_reader *reader;
	int dir;
	bool stop;		/* the verdict is there */
	struct checkpoint seal; /* of this segment; size 0: there is none */
	uint64_t segment_start; /* lines before this segment */
	bool newest_held, seal_held;
	struct {
		const char *name;
		const struct checkpoint *checkpoint;
		bool held;
	} outside[OUTSIDE];		 /* that are to hold too */
	bool last_key, last_end;	 /* the last line seen is such a fact */
	char last[KEY_TEXT_SIZE + 1024]; /* its text, when it names a key */
	uint32_t retained;		 /* the last segment that a sealed fact calls removed */
	struct place place;
};

static const char fact_retention[] = "\"quis.fact\":\"retention\"", field_retention[] = "\"quis.retention.segment\":";
static const char fact_key[] = "\"quis.fact\":\"key\"", fact_end_name[] = "\"quis.fact\":\"capture-end\"";

__attribute__((format(printf, 5, 6))) static int judge(
	struct walk *walk, enum verdict verdict, const char *place, uint64_t line, const char *format, ...)
{
	struct verify_result *result = walk->result;
	va_list arguments;

	if (walk->stop)
		return 0;
	walk->stop = true;
	result->verdict = verdict;
	result->line = line;
	snprintf(result->place, sizeof(result->place), "%s", place);
	va_start(arguments, format);
	vsnprintf(result->what, sizeof(result->what), format, arguments);
	va_end(arguments);
	return 0;
}

static void segment_file(const struct walk *walk, char name[SEGMENT_NAME], uint32_t number)
{
	segment_name(name, number, "ndjson");
	if (!faccessat(walk->dir, name, F_OK, 0))
		return;
	segment_name(name, number, "ndjson.zst");
	if (faccessat(walk->dir, name, F_OK, 0))
		segment_name(name, number, "ndjson");
}

/* ---- what is read before the lines ---- */

/* 0: read; 1: there is none; negative: it could not be read, or it is no checkpoint, and the verdict is there. */
static int read_checkpoint(struct walk *walk, const char *name, struct checkpoint *checkpoint)
{
	char text[NOTE_SIZE];
	ssize_t len = file_read(walk->dir, name, text, sizeof(text));

	checkpoint->size = 0;
	if (len == -ENOENT)
		return 1;
	if (len < 0 && len != -EFBIG && len != -EINVAL) {
		judge(walk, VERDICT_UNKNOWN, name, 0, "%s cannot be read: %s", name, strerror(-len));
		return len;
	}
	if (len < 0 || checkpoint_parse(checkpoint, text, len)) {
		checkpoint->size = 0;
		judge(walk, VERDICT_ALTERED, name, 0, "%s is no checkpoint: it was damaged or replaced", name);
		return -EBADMSG;
	}
	return 0;
}

static int read_first_key(struct walk *walk)
{
	struct verify_result *result = walk->result;
	const struct note_key *given = walk->options->key;
	char text[KEY_TEXT_SIZE + 2];
	ssize_t len = file_read(walk->dir, public_file, text, sizeof(text));

	if (len == -ENOENT && !given)
		return judge(walk, VERDICT_UNKNOWN, public_file, 0,
			"there is no %s: the case was never sealed, or it was taken away; a key that left the host "
			"(--key) would tell",
			public_file);
	if (len < 0 && len != -ENOENT && len != -EFBIG && len != -EINVAL)
		return judge(
			walk, VERDICT_UNKNOWN, public_file, 0, "%s cannot be read: %s", public_file, strerror(-len));
	if (len != -ENOENT && (len < 0 || note_key_parse(&result->first, text, len)))
		return judge(
			walk, VERDICT_ALTERED, public_file, 0, "%s is no key: it was damaged or replaced", public_file);
	if (given && len != -ENOENT && !note_key_equal(given, &result->first))
		return judge(walk, VERDICT_ALTERED, public_file, 0,
			"%s is not the key given: the case was signed anew, or is another one", public_file);
	if (given)
		result->first = *given;
	result->current = result->first;
	return 0;
}

static bool any_seal(const struct walk *walk)
{
	char name[SEGMENT_NAME];

	seal_name(name, 1);
	return !faccessat(walk->dir, name, F_OK, 0);
}

static int read_newest(struct walk *walk)
{
	struct verify_result *result = walk->result;
	int got = read_checkpoint(walk, checkpoint_file, &result->newest);
	size_t i;

	if (got == 1 && any_seal(walk))
		return judge(walk, VERDICT_ALTERED, checkpoint_file, 0,
			"%s is missing, which a sealed segment never is without", checkpoint_file);
	if (got == 1)
		return judge(walk, VERDICT_UNKNOWN, checkpoint_file, 0,
			"there is no %s: the recording died before it made one, or it was taken away", checkpoint_file);
	for (i = 0; !got && i < OUTSIDE; i++)
		if (walk->outside[i].checkpoint && strcmp(walk->outside[i].checkpoint->origin, result->newest.origin))
			return judge(walk, VERDICT_ALTERED, checkpoint_file, 0,
				"this is %s, and %s is of %s: not the same case", result->newest.origin,
				walk->outside[i].name, walk->outside[i].checkpoint->origin);
	return 0;
}

/* ---- checkpoints against lines ---- */

static bool root_is(const struct walk *walk, const unsigned char expected[HASH_SIZE])
{
	unsigned char root[HASH_SIZE];

	tree_root(&walk->result->tree, root);
	return !memcmp(root, expected, HASH_SIZE);
}

/* The lines so far are not those that were sealed. */
static void judge_lines(struct walk *walk, const char *by, uint64_t size)
{
	struct verify_result *result = walk->result;
	char file[SEGMENT_NAME], what[300];
	uint64_t should = size > walk->segment_start ? size - walk->segment_start : 0, from, line;

	segment_file(walk, file, result->segments);
	line = place_tell(&walk->place, should, what, sizeof(what));
	if (line) {
		judge(walk, VERDICT_ALTERED, file, line, "%s: %s (the lines are not those that %s seals)", file, what,
			by);
		return;
	}
	from = result->sealed > walk->segment_start ? result->sealed - walk->segment_start + 1 : 1;
	judge(walk, VERDICT_ALTERED, file, from,
		"%s: one or more of lines %" PRIu64 " to %" PRIu64
		" were changed (the lines are not those that %s seals)",
		file, from, walk->place.line, by);
	result->last = walk->place.line;
}

/* Of two that say different cases, the one is replaced that the key at hand has not signed. */
static void judge_origin(struct walk *walk, const char *name, const struct checkpoint *checkpoint)
{
	const struct verify_result *result = walk->result;

	if (checkpoint_verify(checkpoint, &result->current))
		judge(walk, VERDICT_ALTERED, name, 0, "%s is of another case (%s)", name, checkpoint->origin);
	else
		judge(walk, VERDICT_ALTERED, checkpoint_file, 0, "%s is of another case (%s)", checkpoint_file,
			result->newest.origin);
}

/* The tree is as large as the checkpoint says: now it must be that very tree, and signed by the key of these lines. */
static bool hold(struct walk *walk, const char *name, const struct checkpoint *checkpoint)
{
	struct verify_result *result = walk->result;

	if (strcmp(checkpoint->origin, result->newest.origin))
		judge_origin(walk, name, checkpoint);
	else if (checkpoint_verify(checkpoint, &result->current))
		judge(walk, VERDICT_ALTERED, name, 0,
			"%s is not signed by the key that the case names for it: it was replaced, or signed anew",
			name);
	else if (!root_is(walk, checkpoint->root))
		judge_lines(walk, name, checkpoint->size);
	else if (checkpoint->size > result->sealed)
		result->sealed = checkpoint->size;
	return !walk->stop;
}

static void check_marks(struct walk *walk)
{
	struct verify_result *result = walk->result;
	uint64_t size = result->tree.size;
	char name[SEGMENT_NAME];
	size_t i;

	seal_name(name, result->segments);
	if (walk->seal.size == size)
		walk->seal_held = hold(walk, name, &walk->seal);
	result->segment_seals += walk->seal.size == size && walk->seal_held;
	if (result->newest.size == size && !walk->stop)
		walk->newest_held = hold(walk, checkpoint_file, &result->newest);
	for (i = 0; i < OUTSIDE && !walk->stop; i++)
		if (walk->outside[i].checkpoint && walk->outside[i].checkpoint->size == size)
			hold(walk, walk->outside[i].name, walk->outside[i].checkpoint);
}

/* ---- segments ---- */

static void begin_segment(struct walk *walk, uint32_t number)
{
	char name[SEGMENT_NAME];

	if (!walk->result->first_segment)
		walk->result->first_segment = number;
	walk->result->segments = number;
	walk->segment_start = walk->result->tree.size;
	place_begin(&walk->place, walk->dir, number);
	walk->seal_held = false;
	seal_name(name, number);
	if (!read_checkpoint(walk, name, &walk->seal) && walk->seal.size <= walk->segment_start)
		judge(walk, VERDICT_ALTERED, name, 0, "%s is older than its segment: it was put back", name);
}

/* The value has no escapes: a key's name may not hold what JSON would escape. */
static bool key_in(const char *line, struct note_key *key)
{
	static const char field[] = "\"quis.key.public\":\"";
	const char *at = strstr(line, fact_key) ? strstr(line, field) : NULL;

	if (!at)
		return false;
	at += sizeof(field) - 1;
	return !note_key_parse(key, at, strcspn(at, "\""));
}

/* Whether the segment is over as it should be; `more`: another one follows. */
static void end_segment(struct walk *walk, bool more)
{
	struct verify_result *result = walk->result;
	char file[SEGMENT_NAME], name[SEGMENT_NAME];
	uint64_t size = result->tree.size;

	segment_file(walk, file, result->segments);
	seal_name(name, result->segments);
	result->segment_lines = walk->place.line;
	if (!walk->stop && walk->seal.size > size)
		judge_lines(walk, name, walk->seal.size);
	if (!walk->stop && !more && result->newest.size > size && (walk->place.differs || walk->place.odd))
		judge_lines(walk, checkpoint_file, result->newest.size);
	result->hints_wrong |= walk->place.differs && result->sealed >= walk->segment_start + walk->place.differs;
	place_end(&walk->place);
	if (walk->stop)
		return;
	if (walk->seal_held && result->newest.size < size) {
		judge(walk, VERDICT_ALTERED, checkpoint_file, 0, "%s is older than %s: it was put back",
			checkpoint_file, name);
		return;
	}
	if (!walk->seal.size && more) {
		judge(walk, VERDICT_ALTERED, name, 0,
			"%s is missing: nothing says that the key of the next segment is the right one", name);
		return;
	}
	result->turned = walk->last_key && key_in(walk->last, &result->next);
	if (!more)
		return;
	segment_file(walk, file, result->segments + 1);
	if (!result->turned) {
		judge(walk, VERDICT_ALTERED, file, 1, "%s: the segment before it %s: this one was added", file,
			walk->last_end ? "ended the recording" : "names no key for it");
		return;
	}
	result->current = result->next;
}

static bool is_outside(const struct walk *walk, uint64_t size)
{
	size_t i;

	for (i = 0; i < OUTSIDE; i++)
		if (walk->outside[i].checkpoint && walk->outside[i].checkpoint->size == size)
			return true;
	return false;
}

/* Only one that the newest checkpoint covers counts. */
static void retention(struct walk *walk, const char *line)
{
	const char *at = strstr(line, field_retention);
	unsigned long segment = at ? strtoul(at + sizeof(field_retention) - 1, NULL, 10) : 0;

	if (segment > walk->retained && segment < UINT32_MAX)
		walk->retained = segment;
}

/* Who signed them is not asked here: they were taken from the case itself, and it is their root that counts. */
static void hold_outside(struct walk *walk)
{
	size_t i;

	for (i = 0; i < OUTSIDE; i++) {
		if (!walk->outside[i].checkpoint || walk->outside[i].checkpoint->size != walk->result->tree.size)
			continue;
		walk->outside[i].held = true;
		if (!root_is(walk, walk->outside[i].checkpoint->root))
			judge(walk, VERDICT_ALTERED, "", 0, "%s does not have the root of the lines that were removed",
				walk->outside[i].name);
	}
}

/* The last line of a segment that is gone: under its checkpoint, which the key at hand must have signed, it names the
 * next key. */
static bool follow_removed(struct walk *walk, uint32_t number)
{
	struct verify_result *result = walk->result;
	char name[SEGMENT_NAME], file[SEGMENT_NAME], text[LAST_SIZE], line[LAST_LINE + 1];
	struct checkpoint checkpoint;
	size_t len;
	ssize_t got;

	segment_name(file, number, "ndjson");
	last_name(name, number);
	got = file_read(walk->dir, name, text, sizeof(text));
	if (got == -ENOENT)
		judge(walk, VERDICT_ALTERED, file, 0, "%s is missing", file);
	else if (got < 0 || memchr(text, '\0', got) || last_parse(text, line, &len, &result->tree, &checkpoint) ||
		 !key_in(line, &result->next))
		judge(walk, VERDICT_ALTERED, name, 0, "%s is damaged, or of another case", name);
	else if (strcmp(checkpoint.origin, result->newest.origin) || checkpoint_verify(&checkpoint, &result->current))
		judge(walk, VERDICT_ALTERED, name, 0,
			"%s is not signed by the key that the case names for it: it was replaced, or signed anew",
			name);
	if (walk->stop)
		return false;
	result->current = result->next;
	result->sealed = result->removed = result->tree.size;
	hold_outside(walk);
	return !walk->stop;
}

/* The segments before the first that is there. Whether they may be gone, a fact in a later one must say: judge_end()
 * asks. */
static void skip_removed(struct walk *walk, uint32_t first)
{
	uint32_t number;

	for (number = 1; number < first && !walk->stop; number++)
		follow_removed(walk, number);
	if (walk->options->proof) {
		walk->options->proof->left = walk->result->tree;
		walk->options->proof->seen = walk->result->tree.size;
	}
}

static void add_line(struct walk *walk, const struct case_line *line)
{
	struct verify_result *result = walk->result;
	unsigned char leaf[HASH_SIZE];
	size_t head = line->len < 100 ? line->len : 100;
	char file[SEGMENT_NAME];

	if (walk->seal.size && result->tree.size == walk->seal.size) {
		segment_file(walk, file, line->segment);
		judge(walk, VERDICT_ALTERED, file, line->number,
			"%s: line %" PRIu64 " was added after the segment was sealed", file, line->number);
		return;
	}
	tree_leaf(leaf, line->text, line->len);
	tree_add(&result->tree, leaf);
	place_add(&walk->place, line->text, line->len, leaf, result->tree.size);
	if (walk->options->proof)
		proof_add(walk->options->proof, leaf);
	walk->last_key = memmem(line->text, head, fact_key, sizeof(fact_key) - 1) && line->len < sizeof(walk->last);
	walk->last_end = memmem(line->text, head, fact_end_name, sizeof(fact_end_name) - 1);
	if (memmem(line->text, head, fact_retention, sizeof(fact_retention) - 1) &&
		result->tree.size <= result->newest.size)
		retention(walk, line->text);
	if (walk->last_key)
		memcpy(walk->last, line->text, line->len + 1);
	if (result->tree.size == walk->seal.size || result->tree.size == result->newest.size ||
		is_outside(walk, result->tree.size))
		check_marks(walk);
}

/* What the reader could not read. */
static void bad_line(struct walk *walk, const struct case_line *line, int err)
{
	char file[SEGMENT_NAME];
	bool sealed = walk->result->tree.size < walk->result->newest.size, over = walk->seal_held;

	segment_file(walk, file, line->segment);
	if (err == -ENOLINK)
		judge(walk, VERDICT_ALTERED, file, 0, "%s is missing", file);
	else if (over)
		judge(walk, VERDICT_ALTERED, file, line->number,
			"%s: line %" PRIu64 " was added after the segment was sealed", file, line->number);
	else if (err == -EBADMSG && !sealed)
		walk->result->torn = 1; /* the last line has no end; how long it is, torn_bytes() finds */
	else if (err == -EBADMSG)
		judge(walk, VERDICT_ALTERED, file, line->number,
			"%s: it ends within line %" PRIu64 ", and more was sealed", file, line->number);
	else if (err == -E2BIG)
		judge(walk, VERDICT_ALTERED, file, line->number,
			"%s: line %" PRIu64 " is longer than any that the sensor writes", file, line->number);
	else if (err == -EPROTO)
		judge(walk, VERDICT_ALTERED, file, line->number,
			"%s: the compressed segment is damaged after line %" PRIu64, file,
			line->number ? line->number - 1 : 0);
	else if (err == -EINVAL)
		judge(walk, VERDICT_ALTERED, file, 0, "%s is no regular file", file);
	else
		judge(walk, VERDICT_UNKNOWN, file, line->number, "%s cannot be read: %s", file, strerror(-err));
}

/* ---- the whole ---- */

static void walk_lines(struct walk *walk)
{
	struct verify_result *result = walk->result;
	struct case_line line;
	int got;

	while (!walk->stop && (got = case_next(walk->reader, &line))) {
		if (!line.segment) {
			result->open++; /* whatever it is */
			continue;
		}
		if (got == -ENOLINK && !result->segments && line.segment == 1) {
			skip_removed(walk, case_first(walk->reader));
			continue;
		}
		if (got == -ENOLINK) {
			/* what came before may be bad in itself, and comes first */
			if (result->segments)
				end_segment(walk, false);
			result->segments = line.segment;
			bad_line(walk, &line, got);
			return;
		}
		if (line.segment != result->segments) {
			if (result->segments)
				end_segment(walk, true);
			begin_segment(walk, line.segment);
			if (walk->stop)
				return;
		}
		if (got == 1)
			add_line(walk, &line);
		else
			bad_line(walk, &line, got);
		if (walk->options->progress && result->tree.size % PROGRESS_EVERY == 0)
			walk->options->progress(
				walk->options->context, case_bytes_read(walk->reader), case_bytes_total(walk->reader));
	}
}

static void judge_short(struct walk *walk, const char *by, uint64_t size)
{
	struct verify_result *result = walk->result;
	char file[SEGMENT_NAME];

	if (result->turned || !result->segments) {
		segment_file(walk, file, result->segments + 1);
		judge(walk, VERDICT_ALTERED, file, 0,
			"%s is missing, or all of its lines: %s seals %" PRIu64 " lines, and there are %" PRIu64, file,
			by, size, result->tree.size);
		return;
	}
	segment_file(walk, file, result->segments);
	judge(walk, VERDICT_ALTERED, file, result->segment_lines + 1,
		"%s: lines are missing at its end, from line %" PRIu64 " on: %s seals %" PRIu64
		" lines, and there are %" PRIu64,
		file, result->segment_lines + 1, by, size, result->tree.size);
}

static void judge_end(struct walk *walk)
{
	struct verify_result *result = walk->result;
	char name[SEGMENT_NAME];
	size_t i;

	if (result->first_segment > walk->retained + 1) {
		segment_name(name, walk->retained + 1, "ndjson");
		judge(walk, VERDICT_ALTERED, name, 0, "%s is missing", name);
	}
	for (i = 0; i < OUTSIDE; i++)
		if (walk->outside[i].checkpoint && walk->outside[i].checkpoint->size < result->removed &&
			!walk->outside[i].held)
			judge(walk, VERDICT_UNKNOWN, "", 0,
				"%s covers only lines of segments that were removed, as the case says",
				walk->outside[i].name);
	if (result->newest.size > result->tree.size)
		judge_short(walk, checkpoint_file, result->newest.size);
	for (i = 0; i < OUTSIDE; i++)
		if (walk->outside[i].checkpoint && walk->outside[i].checkpoint->size > result->tree.size)
			judge_short(walk, walk->outside[i].name, walk->outside[i].checkpoint->size);
	seal_name(name, result->segments + 1);
	if (!faccessat(walk->dir, name, F_OK, 0))
		judge_short(walk, name, result->tree.size + 1);
	if (!walk->newest_held)
		judge(walk, VERDICT_ALTERED, checkpoint_file, 0,
			"%s is older than the last segment that was sealed: it was put back", checkpoint_file);
	if (result->ended && result->open)
		judge(walk, VERDICT_ALTERED, "open.ndjson", 1,
			"open.ndjson: the recording had ended, which removes it: it was added");
}

static void look(struct walk *walk, const char *path)
{
	struct verify_result *result = walk->result;
	int err = case_open(&walk->reader, path);

	if (err == -ENODATA)
		judge(walk, VERDICT_ALTERED, "facts-000001.ndjson", 0, "facts-000001.ndjson is missing");
	else if (err)
		judge(walk, VERDICT_UNKNOWN, "", 0, "the case cannot be read: %s", strerror(-err));
	if (walk->stop)
		return;
	walk_lines(walk);
	if (!walk->stop) {
		end_segment(walk, false);
		result->ended = walk->last_end && walk->seal.size == result->tree.size && !walk->stop;
	}
	place_end(&walk->place);
	result->lines = result->tree.size;
	if (!walk->stop)
		judge_end(walk);
	result->tail_segment = result->segments;
	result->tail_line = result->sealed > walk->segment_start ? result->sealed - walk->segment_start + 1 : 1;
}

/* Behind the last newline. */
static uint64_t torn_bytes(struct walk *walk)
{
	char file[SEGMENT_NAME], bytes[4096];
	off_t end, at;
	uint64_t torn = 0;
	ssize_t got, i;
	int fd;

	segment_file(walk, file, walk->result->segments);
	fd = openat(walk->dir, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	for (at = end; at > 0 && torn == (uint64_t)(end - at);) {
		off_t from = at > (off_t)sizeof(bytes) ? at - (off_t)sizeof(bytes) : 0;

		got = pread(fd, bytes, at - from, from);
		for (i = got; i > 0 && bytes[i - 1] != '\n'; i--)
			torn++;
		if (got <= 0)
			break;
		at = from;
	}
	if (fd >= 0)
		close(fd);
	return torn;
}

int case_verify(const char *path, const struct verify_options *options, struct verify_result *result)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	int err = 0;

	if (!walk)
		return -ENOMEM;
	memset(result, 0, sizeof(*result));
	walk->options = options;
	walk->result = result;
	walk->outside[0].name = "the older checkpoint";
	walk->outside[0].checkpoint = options->since;
	walk->outside[1].name = "the anchored checkpoint";
	walk->outside[1].checkpoint = options->anchor;
	walk->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (walk->dir < 0) {
		err = -errno;
		free(walk);
		return err;
	}
	read_first_key(walk);
	if (!walk->stop)
		read_newest(walk);
	if (!walk->stop && options->proof)
		options->proof->size = result->newest.size;
	if (!walk->stop)
		look(walk, path);
	if (result->torn)
		result->torn = torn_bytes(walk);
	case_reader_free(walk->reader);
	close(walk->dir);
	free(walk);
	return err;
}
