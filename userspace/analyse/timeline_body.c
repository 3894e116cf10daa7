/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Body files, written and read: MD5|name|inode|mode_as_string|UID|GID|size|atime|mtime|ctime|crtime (sleuthkit's wiki;
 * plaso's parser). One time a line, so that a reader counts the events that there are. mactime takes lines of one
 * second, inode and name for one: the name ends with the number of the event.
 */
#include "timeline.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"

#define FIELDS 11
#define LINE_MAX_BODY 65536

/* ---- out ---- */

/* mactime decodes %XX, plaso wants UTF-8 throughout, and neither knows more escapes than these. */
static void put_name(FILE *out, const char *bytes, size_t len)
{
	size_t i, step, j;
	uint32_t code;

	for (i = 0; i < len; i += step) {
		unsigned char byte = bytes[i];

		step = text_decode(bytes + i, len - i, &code);
		if (!step || code < 0x20 || (code >= 0x7f && code <= 0x9f) || byte == '|' || byte == '%') {
			step = step ? step : 1;
			for (j = 0; j < step; j++)
				fprintf(out, "\\x%02x", (unsigned char)bytes[i + j]);
		} else if (byte == '\\') {
			fwrite_unlocked("\\\\", 1, 2, out);
		} else {
			fwrite_unlocked(bytes + i, 1, step, out);
		}
	}
}

/* The exact bytes where there are any. */
static void put_path(FILE *out, struct text path, struct text raw)
{
	unsigned char bytes[FACT_LINE_MAX];
	size_t len;

	if (raw.bytes && !sodium_base642bin(bytes, sizeof(bytes), raw.bytes, raw.len, NULL, &len, NULL,
				 sodium_base64_VARIANT_ORIGINAL))
		put_name(out, (const char *)bytes, len);
	else
		put_name(out, path.bytes ? path.bytes : "(no name)", path.bytes ? path.len : 9);
}

static void put_who(FILE *out, const struct event *event)
{
	struct text comm = event_text(event, PART_COMM);

	if (!comm.bytes && event->actor && event->actor->comm)
		comm = (struct text){event->actor->comm, strlen(event->actor->comm)};
	if (comm.bytes)
		put_name(out, comm.bytes, comm.len);
	else
		fputs("process", out);
	if (event->actor && event->actor->pid >= 0)
		fprintf(out, " pid=%" PRId64, event->actor->pid);
}

static const char *done_by(const struct event *event)
{
	static const char *const words[][2] = {{"was refused", "refused to"}, {"read and wrote", "read and written by"},
		{"wrote", "written by"}, {"read", "read by"}, {"listed", "listed by"}, {"mapped", "mapped by"},
		{"executed", "executed by"}, {"opened", "opened by"}, {"looked at", "looked at by"}, {"held", "held by"}};
	const char *title, *verb = access_verb(event, &title);
	size_t i;

	for (i = 0; strcmp(words[i][0], verb); i++)
		;
	return words[i][1];
}

static bool is_table(const struct event *event, const char *table)
{
	return event->kind && !strcmp(event->kind->table, table);
}

static void put_action(FILE *out, const struct event *event)
{
	struct text target = event_text(event, PART_TARGET), kind = event_text(event, PART_KIND);

	put_path(out, event_text(event, PART_PATH), event_text(event, PART_PATH_RAW));
	if (target.bytes) {
		fputs(" -> ", out);
		put_path(out, target, event_text(event, PART_TARGET_RAW));
	}
	fputs(" (", out);
	put_name(out, kind.bytes ? kind.bytes : "action", kind.bytes ? kind.len : 6);
	fputs(" by ", out);
	put_who(out, event);
	fputs(event_text(event, PART_ERRNO).bytes ? ", refused)" : ")", out);
}

static void put_event_name(FILE *out, const struct event *event)
{
	static const char *const which[] = {"", " first", " last"};

	if (event->stamp) {
		put_name(out, event->stamp->name.bytes, event->stamp->name.len);
		fputs(" (file system)", out);
		return;
	}
	if (is_table(event, "access")) {
		put_path(out, event_text(event, PART_PATH), event_text(event, PART_PATH_RAW));
		fprintf(out, " (%s ", done_by(event));
		put_who(out, event);
		fputc(')', out);
	} else if (is_table(event, "action") && event_text(event, PART_PATH).bytes) {
		put_action(out, event);
	} else {
		put_name(out, event->message, strlen(event->message));
	}
	if (event->kind && event->sequence >= 0)
		fprintf(out, " [%" PRId64 "%s]", event->sequence, which[event->which]);
	else if (event->kind)
		fprintf(out, " [open%s]", which[event->which]);
}

/* What kind of change it was says which time it is: 0 atime, 1 mtime, 2 ctime, 3 crtime. */
static int slot_of(const struct event *event)
{
	static const char *const creations[] = {"mkdir", "mknod", "link", "symlink"};
	size_t i;

	if (is_table(event, "access"))
		return event_number(event, PART_WRITES) > 0;
	if (is_table(event, "image"))
		return 3;
	if (!is_table(event, "action"))
		return 0;
	for (i = 0; i < sizeof(creations) / sizeof(creations[0]); i++)
		if (text_equals(event_text(event, PART_KIND), creations[i]))
			return 3;
	return 2;
}

static void put_times(FILE *out, const struct event *event)
{
	static const char letters[] = "amcb";
	int slot = event->stamp ? -1 : slot_of(event), i;

	for (i = 0; i < 4; i++)
		if (i == slot || (event->stamp && strchr(event->stamp->letters, letters[i])))
			fprintf(out, "|%" PRId64 ".%06" PRId64, event->ns / 1000000000, event->ns / 1000 % 1000000);
		else
			fputs("|0", out);
	fputc('\n', out);
}

static char type_letter(const struct event *event)
{
	static const char *const types[][2] = {{"file", "r"}, {"dir", "d"}, {"pipe", "p"}};
	size_t i;

	for (i = 0; i < 3; i++)
		if (text_equals(event_text(event, PART_TYPE), types[i][0]))
			return types[i][1][0];
	return '-';
}

int write_bodyfile(struct timeline *timeline, const struct event *event)
{
	static const struct actor nobody;
	const struct actor *actor = event->actor ? event->actor : &nobody;
	struct text inode = event->stamp ? event->stamp->inode : event_text(event, PART_INODE);
	FILE *out = timeline->out;

	fputs("0|", out);
	put_event_name(out, event);
	if (event->stamp) {
		fprintf(out, "|%.*s|", (int)inode.len, inode.bytes);
		put_name(out, event->stamp->mode.bytes, event->stamp->mode.len);
		fputs("|0|0|0", out);
	} else {
		fprintf(out, "|%.*s|%c/---------", inode.bytes ? (int)inode.len : 1, inode.bytes ? inode.bytes : "0",
			type_letter(event));
		fprintf(out, "|%" PRId64 "|%" PRId64 "|0", actor->uid > 0 ? actor->uid : 0,
			actor->gid > 0 ? actor->gid : 0);
	}
	put_times(out, event);
	return 0;
}

/* ---- in ---- */

static int hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* \xNN and \\, as plaso's and our own body files have them; %XX, as mactime reads it, only where it stands for | or %.
 */
static size_t unescape(char *text)
{
	char *in = text, *out = text;

	while (*in) {
		if (in[0] == '\\' && in[1] == 'x' && hex(in[2]) >= 0 && hex(in[3]) >= 0) {
			*out++ = hex(in[2]) << 4 | hex(in[3]);
			in += 4;
		} else if (in[0] == '\\' && in[1] == '\\') {
			*out++ = '\\';
			in += 2;
		} else if (!strncasecmp(in, "%7c", 3) || !strncmp(in, "%25", 3)) {
			*out++ = in[1] == '7' ? '|' : '%';
			in += 3;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
	return out - text;
}

/* The inode: digits, and of NTFS what follows a dash left away. "" if it is none. */
static void inode_of(char *field)
{
	size_t digits = strspn(field, "0123456789");

	if (!digits || (field[digits] && field[digits] != '-') || !strcmp(field, "0"))
		digits = 0;
	field[digits] = '\0';
}

/* Seconds with up to nine digits behind a point; -1: none. */
static int64_t ns_of(const char *field)
{
	char fraction[10] = "000000000";
	char *end;
	long long seconds;
	size_t i;

	errno = 0;
	seconds = strtoll(field, &end, 10);
	if (end == field || errno || seconds < 0 || seconds >= INT64_MAX / 1000000000)
		return -1;
	if (*end == '.')
		for (i = 0, end++; i < 9 && *end >= '0' && *end <= '9'; i++)
			fraction[i] = *end++;
	if (*end)
		return -1;
	seconds = seconds * 1000000000 + strtoll(fraction, NULL, 10);
	return seconds ? seconds : -1; /* 0 stands for a missing one */
}

struct merge {
	struct timeline *timeline;
	sqlite3_stmt *known; /* objects of that inode number */
	sqlite3_stmt *put;
	uint64_t lines, used, unreadable;
};

/* 0: the case has no such inode number; else whether the path is the same. */
static int known_inode(struct merge *merge, const char *inode, const char *name, bool *ret_same)
{
	sqlite3_stmt *row = merge->known;
	int found = 0;

	*ret_same = false;
	sqlite3_bind_text(row, 1, inode, -1, SQLITE_STATIC);
	while (sqlite3_step(row) == SQLITE_ROW) {
		const char *path = (const char *)sqlite3_column_text(row, 0);

		found = 1;
		*ret_same |= path && !strcmp(path, name);
	}
	sqlite3_reset(row);
	return found;
}

static int put_stamp(struct merge *merge, char *const fields[FIELDS], int64_t ns, const char *letters, bool same)
{
	const struct timeline_filter *filter = &merge->timeline->filter;
	char time[TIME_TEXT];
	sqlite3_stmt *put = merge->put;
	int got;

	text_time(time, ns);
	if ((filter->from[0] && strcmp(time, filter->from) < 0) || (filter->to[0] && strcmp(time, filter->to) > 0))
		return 0;
	sqlite3_bind_int64(put, 1, ns);
	sqlite3_bind_text(put, 2, time, -1, SQLITE_STATIC);
	sqlite3_bind_text(put, 3, fields[1], -1, SQLITE_STATIC);
	sqlite3_bind_text(put, 4, fields[2], -1, SQLITE_STATIC);
	sqlite3_bind_text(put, 5, fields[3], -1, SQLITE_STATIC);
	sqlite3_bind_text(put, 6, letters, -1, SQLITE_STATIC);
	sqlite3_bind_int(put, 7, same);
	got = sqlite3_step(put);
	sqlite3_reset(put);
	return got == SQLITE_DONE ? 0 : got == SQLITE_FULL ? -ENOSPC : -EIO;
}

/* One event for each time, with the letters of all that are at it. */
static int put_stamps(struct merge *merge, char *const fields[FIELDS], bool same)
{
	static const int order[4] = {8, 7, 9, 10}; /* m a c b */
	int64_t times[4];
	char letters[5];
	int i, j, count, err = 0;

	for (i = 0; i < 4; i++)
		times[i] = ns_of(fields[order[i]]);
	for (i = 0; !err && i < 4; i++) {
		for (j = 0; j < i && times[j] != times[i]; j++)
			;
		if (times[i] < 0 || j < i)
			continue;
		for (count = 0, j = i; j < 4; j++)
			if (times[j] == times[i])
				letters[count++] = "macb"[j];
		letters[count] = '\0';
		err = put_stamp(merge, fields, times[i], letters, same);
	}
	return err;
}

static int merge_line(struct merge *merge, char *line)
{
	char *fields[FIELDS], *at = line;
	bool same;
	int i;

	line[strcspn(line, "\r\n")] = '\0';
	if (!*line || *line == '#')
		return 0;
	merge->lines++;
	for (i = 0; i < FIELDS; i++)
		fields[i] = at ? strsep(&at, "|") : NULL;
	if (!fields[FIELDS - 1] || at) {
		merge->unreadable++;
		return 0;
	}
	unescape(fields[1]);
	inode_of(fields[2]);
	if (!*fields[2] || !known_inode(merge, fields[2], fields[1], &same))
		return 0;
	merge->used++;
	return put_stamps(merge, fields, same);
}

static int merge_lines(struct merge *merge, FILE *in)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int err = 0;

	while (!err && (len = getline(&line, &size, in)) >= 0) {
		if (len > LINE_MAX_BODY || memchr(line, '\0', len)) {
			merge->lines++;
			merge->unreadable++;
		} else {
			err = merge_line(merge, line);
		}
	}
	free(line);
	return err ? err : ferror(in) ? -EIO : 0;
}

static int prepare_merge(struct merge *merge)
{
	sqlite3 *db = merge->timeline->db;

	if (sqlite3_exec(db,
		    "PRAGMA query_only = OFF;"
		    "CREATE TEMP TABLE stamp (id INTEGER PRIMARY KEY, ns INTEGER, time TEXT, name TEXT, inode TEXT, "
		    "mode TEXT, letters TEXT,"
		    " same_path INTEGER);"
		    "CREATE TEMP TABLE inode AS SELECT DISTINCT inode, path FROM file WHERE inode IS NOT NULL;"
		    "CREATE INDEX temp.inode_inode ON inode (inode); BEGIN;",
		    NULL, NULL, NULL) != SQLITE_OK)
		return -EIO;
	if (sqlite3_prepare_v2(db, "SELECT path FROM temp.inode WHERE inode = ?1", -1, &merge->known, NULL) !=
			SQLITE_OK ||
		sqlite3_prepare_v2(db,
			"INSERT INTO temp.stamp (ns, time, name, inode, mode, letters, same_path) VALUES (?, ?, ?, ?, "
			"?, ?, ?)",
			-1, &merge->put, NULL) != SQLITE_OK)
		return -EIO;
	return 0;
}

int timeline_merge(struct timeline *timeline)
{
	struct merge merge = {.timeline = timeline};
	FILE *in = fopen(timeline->filter.merge, "re");
	int err = in ? prepare_merge(&merge) : -errno;

	if (!err)
		err = merge_lines(&merge, in);
	sqlite3_finalize(merge.known);
	sqlite3_finalize(merge.put);
	if (in)
		fclose(in);
	if (!err && sqlite3_exec(timeline->db, "COMMIT; PRAGMA query_only = ON;", NULL, NULL, NULL) != SQLITE_OK)
		err = -EIO;
	if (!err && merge.lines && merge.unreadable == merge.lines)
		err = -EBADMSG;
	timeline->merged = merge.used;
	timeline->merged_out = merge.lines - merge.used;
	return err;
}

bool timeline_get_stamp(sqlite3_stmt *row, struct stamp *ret_stamp)
{
	struct stamp stamp = {
		.letters = (const char *)sqlite3_column_text(row, 3), .same_path = sqlite3_column_int(row, 4)};
	struct text *const texts[] = {&stamp.name, &stamp.inode, &stamp.mode};
	int i;

	for (i = 0; i < 3; i++) {
		texts[i]->bytes = (const char *)sqlite3_column_text(row, i);
		texts[i]->len = sqlite3_column_bytes(row, i);
	}
	if (!stamp.letters || !stamp.name.bytes || !stamp.inode.bytes)
		return false;
	*ret_stamp = stamp;
	return true;
}
