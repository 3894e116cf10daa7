/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A case on disk: append-only NDJSON facts in segments (FACTS.md says which keys). Both programs use it; it knows
 * neither BPF nor SQL.
 *
 * Errors are negative errno. Out-parameters are untouched on failure. Nothing here logs.
 */
#ifndef QUIS_CASE_H
#define QUIS_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FACT_LINE_MAX 32768 /* bytes, newline included; FORMATS.md §1 */
#define CASE_FORMAT 1

/* ---- text.c: the one module that makes hostile bytes harmless ---- */

/* True when the bytes are valid UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). */
bool text_is_utf8(const char *bytes, size_t len);
/*
 * Printable UTF-8 form: each byte that is no part of valid UTF-8 becomes the four characters \xNN. Control characters
 * stay (the JSON writer and text_plain() escape them). Writes at most size-1 bytes and a NUL; returns the length that
 * it would need.
 */
size_t text_printable(char *out, size_t size, const char *bytes, size_t len);
/* For terminals and text reports: as above; C0, DEL, C1 and bidirectional controls become \n, \t, \xNN, \u{NNNN}. */
size_t text_plain(char *out, size_t size, const char *bytes, size_t len);
/* How many of the bytes, from the first on, are ASCII that neither a terminal nor JSON wants escaped. */
size_t text_plain_run(const char *bytes, size_t len);
/* The inside of a JSON string: quotes, backslashes, C0, DEL and C1 escaped, what is no UTF-8 as \\xNN. Sizes as above.
 */
size_t text_json(char *out, size_t size, const char *bytes, size_t len);
/* One character of UTF-8: its length and code point; 0 if it is none. */
size_t text_decode(const char *bytes, size_t len, uint32_t *ret_code);
/* Standard base64 with padding (RFC 4648 §4). out holds 4*((len+2)/3)+1 bytes. Returns the length without the NUL. */
size_t text_base64(char *out, const void *bytes, size_t len);
/* UTC, RFC 3339, nanoseconds: 2026-11-23T17:40:00.050123456Z. out holds at least TIME_TEXT bytes. */
#define TIME_TEXT 32
void text_time(char *out, uint64_t realtime_ns);
void text_time_same_second(char *text, uint64_t realtime_ns); /* text: of another time in that second */

/* ---- fact.c: one line in the making ---- */

struct fact {
	uint32_t len;
	uint32_t fields; /* where those behind @timestamp begin */
	bool overflow; /* something did not fit: the line is still valid JSON, without that field */
	bool first;
	char line[FACT_LINE_MAX];
};

void fact_begin(struct fact *fact, const char *kind, uint64_t realtime_ns);
/* Begins with fields that another fact had: bytes of its line from `fields` on. */
void fact_begin_like(struct fact *fact, uint64_t realtime_ns, const char *fields, size_t len);
void fact_text(struct fact *fact, const char *key, const char *value); /* NULL: no field */
/* Hostile bytes; raw_key only when they are no UTF-8. */
void fact_bytes(struct fact *fact, const char *key, const char *raw_key, const char *bytes, size_t len);
void fact_number(struct fact *fact, const char *key, uint64_t value);
void fact_number_text(struct fact *fact, const char *key, uint64_t value); /* in quotes, as ECS has some numbers */
void fact_count(struct fact *fact, const char *key, uint64_t value); /* absent when 0 */
void fact_true(struct fact *fact, const char *key, bool value);	     /* absent when false */
void fact_time(struct fact *fact, const char *key, uint64_t realtime_ns);
/* Trusted strings; absent when empty. */
void fact_list(struct fact *fact, const char *key, const char *const *values, size_t count);
/* NUL-separated hostile strings (an argv). Those that do not fit are left out; returns how many were written. */
size_t fact_strings(struct fact *fact, const char *key, const char *raw_key, const char *bytes, size_t len);
/* event.sequence, the last field: there is always room for it. case_append() calls both of these. */
void fact_sequence(struct fact *fact, uint64_t sequence);
void fact_end(struct fact *fact); /* closes the object and adds the newline */

/* ---- writer.c ---- */

struct case_writer;

#define CASE_ID_SIZE 33 /* hex, with the NUL */

struct case_options {
	const char *key;	  /* file with the first signing key (seal.h); NULL: one is made */
	uint64_t segment_bytes;	  /* a segment ends when it is as large as this, 0: 64 MiB ... */
	uint64_t segment_seconds; /* ... or as old as this, 0: an hour */
	bool compress;		  /* sealed segments */
	uint64_t keep_bytes;	  /* sealed segments are removed, the oldest first, when all are larger, 0: never ... */
	uint64_t keep_seconds;	  /* ... or when they were ended longer ago */
};

/*
 * Makes the directory (0700), its keys and the first segment (0600), or opens an empty directory (and makes it 0700). -EEXIST: there is something in
 * it; -EKEYREJECTED: options->key cannot be read or is no key. The writer holds the directory open and uses *at calls: a renamed
 * case goes on. sequence starts at 1. options may be NULL.
 */
int case_create(struct case_writer **ret_writer, const char *path, const struct case_options *options);
#define CASE_WHAT 640

struct case_continued {
	uint64_t lines;	   /* there were */
	uint64_t unsealed; /* of them, newer than the last checkpoint: taken as they are, and sealed from now on */
	uint64_t torn;	   /* bytes of a last line without an end, cut off */
	uint64_t open;	   /* bursts that were open when the sensor died: appended as facts */
	uint32_t segment;  /* that goes on */
	char what[CASE_WHAT]; /* on -EBADMSG and -ENODATA: what is wrong */
};

/*
 * Goes on with a case whose sensor died, after having verified it: sequence, tree and keys go on, in the same segment. -EBADMSG: it was
 * altered; -ENODATA: it was never sealed, or cannot be read; -EALREADY: its recording has ended; -ENOKEY: the key that signs on is not
 * there; -EBUSY: another writer has it; -ENOENT ...: no such directory. options->key has no meaning here.
 */
int case_continue(struct case_writer **ret_writer, const char *path, const struct case_options *options, struct case_continued *ret);
/*
 * Takes a fact (begun, not ended): adds event.sequence, ends it, buffers it. A write error is kept and the fact with
 * it; nothing that was written is lost. Returns 0, or -ENOSPC and the like when the buffer (4 MiB) is full as well:
 * then the fact was dropped and counted.
 */
int case_append(struct case_writer *writer, struct fact *fact);
/*
 * write(2) and fdatasync(2); a short write is completed by the next flush. Then, if there is anything new, the checkpoint over all
 * lines so far: what a checkpoint covers is on the disk.
 */
int case_flush(struct case_writer *writer);
/* Whether the segment is large or old enough to be ended. */
bool case_turn_due(const struct case_writer *writer);
/*
 * Ends the segment: its last fact (made here, in `fact`) names the next key, a checkpoint by the old key seals it for good, the old key is
 * erased, the next segment begins. After an error facts are taken as before; the next flush goes on with it.
 */
int case_turn(struct case_writer *writer, struct fact *fact, uint64_t realtime_ns);
/* Other limits from now on; the key in it has no meaning here. */
void case_limits(struct case_writer *writer, const struct case_options *options);
/*
 * Removes segments that need not be kept any longer, after a sealed fact (made in `fact`) says so; to be called after a segment has been ended.
 * Tree and keys are still proved, by checkpoints/NNNNNN.last.
 */
int case_retain(struct case_writer *writer, struct fact *fact, uint64_t realtime_ns);
/* After the last fact: flushes, seals the last segment, erases the key. Only case_close() may follow. On an error nothing is erased. */
int case_finish(struct case_writer *writer);
const char *case_id(const struct case_writer *writer);
uint32_t case_segment(const struct case_writer *writer); /* that is being written */
/* The newest checkpoint, a text of several lines; "" when there is none yet. */
const char *case_checkpoint(const struct case_writer *writer, uint64_t *ret_size);
uint64_t case_sequence(const struct case_writer *writer); /* of the last fact taken */
uint64_t case_dropped(const struct case_writer *writer);
int case_directory(const struct case_writer *writer); /* the writer's own descriptor */
/*
 * Bursts that are still open, so that a death of the sensor loses none: facts without a sequence number in open.ndjson, replaced whole
 * (rename(2)) at each flush and gone when the capture ends. A burst that a segment holds too (same process, object and first time) is
 * told there for good. begin, any number of appends, end; an end without appends removes the file.
 */
void case_open_begin(struct case_writer *writer);
void case_open_append(struct case_writer *writer, struct fact *fact);
int case_open_end(struct case_writer *writer);
const char *case_open_text(const struct case_writer *writer, size_t *ret_len); /* what was appended, for tests */
void case_close(struct case_writer *writer); /* flushes; takes NULL. An unfinished case keeps its key, and can be continued */

/* ---- reader.c ---- */

struct case_reader;

struct case_line {
	const char *text; /* without the newline; NUL-terminated; valid until the next call */
	size_t len;
	uint32_t segment; /* from 1; 0: open.ndjson, which comes last */
	uint64_t number;  /* line within the segment, from 1 */
};

/* -ENOENT: no such directory; -ENODATA: no segment in it (no case). */
int case_open(struct case_reader **ret_reader, const char *path);
/* From this segment on. */
int case_open_at(struct case_reader **ret_reader, const char *path, uint32_t segment);
/*
 * 1: a line; 0: the end; -EBADMSG: a torn last line (no newline; line says where); -E2BIG: a line over FACT_LINE_MAX
 * (skipped; one may read on); -ENOLINK: a segment is missing in between (read on to continue after it). Any other error
 * (-EIO, -EINVAL for what is no regular file, -EPROTO for damage in what was compressed) ends its segment; one may read on with the next. The line says where in
 * all cases.
 */
int case_next(struct case_reader *reader, struct case_line *ret_line);
uint32_t case_first(const struct case_reader *reader); /* the number of the first segment that is there */
uint64_t case_bytes_total(const struct case_reader *reader); /* for progress */
uint64_t case_bytes_read(const struct case_reader *reader);
void case_reader_free(struct case_reader *reader);

#endif
