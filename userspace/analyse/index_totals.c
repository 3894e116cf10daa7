/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GROUP BY would do the same, in more than twice the time: its sorter carries whole texts and its sums are calls. Here a burst is 96 bytes,
 * as most of the time goes into memory that is touched for the first time.
 */
#include "index_totals.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "bulk.h"
#include "case/case.h"
#include "index.h"
#include "report.h"
#include "times.h"

#define COUNTERS "opens, reads, read_bytes, writes, write_bytes, maps, mapped_bytes, faults, faulted_bytes, lists, failed, stats"
#define COUNTERS_COUNT 12
#define TOTALS_MEMORY (32ul << 20) /* what the tables of names had while the case was read */

/* Any time that time_normal() makes, also one that is none, such as of the 99th month. In the order of the texts. */
struct moment {
	uint64_t seconds; /* its 14 digits, and 1; 0: no time */
	uint32_t ns;
};

struct part {
	uint32_t process, file;
	uint64_t seconds[2];
	uint32_t ns[2];
	int64_t latest;			   /* access */
	uint32_t counters[COUNTERS_COUNT]; /* if big: the first two are one number, and no other is told */
	uint16_t how;
	uint8_t named; /* latest has a path */
	uint8_t big;   /* number of the counter that is beyond 32 bits, and 1: such a one has a part of its own */
};

struct sum {
	uint32_t process, file;
	struct moment first, last;
	int64_t latest, latest_named;
	int64_t counters[COUNTERS_COUNT];
	unsigned how;
};

static int by_pair(const void *a, const void *b)
{
	const struct part *left = a, *right = b;

	if (left->process != right->process)
		return left->process < right->process ? -1 : 1;
	return (left->file > right->file) - (left->file < right->file);
}

static const char time_form[] = "0000-00-00T00:00:00.";

static struct moment get_time(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	struct moment moment = {0};
	size_t i;

	if (!text || sqlite3_column_bytes(row, column) != TIME_LENGTH)
		return moment;
	for (i = 0; i < sizeof(time_form) - 1; i++)
		if (time_form[i] == '0')
			moment.seconds = moment.seconds * 10 + (text[i] - '0');
	for (; i < TIME_LENGTH - 1; i++)
		moment.ns = moment.ns * 10 + (text[i] - '0');
	moment.seconds++;
	return moment;
}

static void write_time(char text[TIME_TEXT], struct moment moment)
{
	size_t i;

	memcpy(text, time_form, sizeof(time_form));
	moment.seconds--;
	strcpy(text + TIME_LENGTH - 1, "Z");
	for (i = TIME_LENGTH - 1; i-- >= sizeof(time_form); moment.ns /= 10)
		text[i] = '0' + moment.ns % 10;
	for (i = sizeof(time_form) - 1; i--;)
		if (time_form[i] == '0') {
			text[i] = '0' + moment.seconds % 10;
			moment.seconds /= 10;
		}
}

static void get_part(sqlite3_stmt *row, struct part *part)
{
	struct text how = {.bytes = (const char *)sqlite3_column_text(row, 6)};
	int i;

	memset(part, 0, sizeof(*part));
	part->process = sqlite3_column_int64(row, 0);
	part->file = sqlite3_column_int64(row, 1);
	part->latest = sqlite3_column_int64(row, 2);
	part->named = sqlite3_column_int(row, 3);
	for (i = 0; i < 2; i++) {
		struct moment moment = get_time(row, 4 + i);

		part->seconds[i] = moment.seconds;
		part->ns[i] = moment.ns;
	}
	how.len = how.bytes ? sqlite3_column_bytes(row, 6) : 0;
	part->how = report_how_of(how);
}

static int add_row(struct bulk *parts, sqlite3_stmt *row)
{
	struct part part, big;
	int i, err = 0;

	get_part(row, &part);
	big = part;
	for (i = 0; !err && i < COUNTERS_COUNT; i++) {
		int64_t number = sqlite3_column_int64(row, 7 + i);

		if (number <= UINT32_MAX) {
			part.counters[i] = number;
			continue;
		}
		big.big = i + 1;
		memcpy(big.counters, &number, sizeof(number));
		err = bulk_add(parts, &big);
	}
	return err ? err : bulk_add(parts, &part);
}

static bool is_before(struct moment a, struct moment b)
{
	return a.seconds != b.seconds ? a.seconds < b.seconds : a.ns < b.ns;
}

static void add_part(struct sum *sum, const struct part *part)
{
	struct moment first = {part->seconds[0], part->ns[0]}, last = {part->seconds[1], part->ns[1]};
	int64_t number;
	int i;

	if (first.seconds && (!sum->first.seconds || is_before(first, sum->first)))
		sum->first = first;
	if (is_before(sum->last, last))
		sum->last = last;
	if (part->latest > sum->latest)
		sum->latest = part->latest;
	if (part->named && part->latest > sum->latest_named)
		sum->latest_named = part->latest;
	sum->how |= part->how;
	if (part->big) {
		memcpy(&number, part->counters, sizeof(number));
		sum->counters[part->big - 1] = index_add(sum->counters[part->big - 1], number);
		return;
	}
	for (i = 0; i < COUNTERS_COUNT; i++)
		sum->counters[i] = index_add(sum->counters[i], part->counters[i]);
}

static void bind_time(sqlite3_stmt *put, int at, struct moment moment, char text[TIME_TEXT])
{
	if (!moment.seconds) {
		sqlite3_bind_null(put, at);
		return;
	}
	write_time(text, moment);
	sqlite3_bind_text(put, at, text, TIME_LENGTH, SQLITE_STATIC);
}

static int put_sum(sqlite3_stmt *put, const struct sum *sum)
{
	char first[TIME_TEXT], last[TIME_TEXT];
	int i, got;

	sqlite3_bind_int64(put, 1, sum->process);
	sqlite3_bind_int64(put, 2, sum->file);
	sqlite3_bind_int64(put, 3, sum->latest_named ? sum->latest_named : sum->latest);
	bind_time(put, 4, sum->first, first);
	bind_time(put, 5, sum->last, last);
	sqlite3_bind_text(put, 6, index_how_list(sum->how), -1, SQLITE_STATIC);
	for (i = 0; i < COUNTERS_COUNT; i++)
		sqlite3_bind_int64(put, 7 + i, sum->counters[i]);
	got = sqlite3_step(put);
	sqlite3_reset(put);
	return got == SQLITE_DONE ? 0 : got == SQLITE_NOMEM ? -ENOMEM : got == SQLITE_FULL ? -ENOSPC : -EIO;
}

static int add_all(struct bulk *parts, sqlite3_stmt *row)
{
	int got, err = 0;

	while (!err && (got = sqlite3_step(row)) == SQLITE_ROW)
		err = add_row(parts, row);
	return err ? err : got == SQLITE_DONE ? 0 : -EIO;
}

static int put_all(struct bulk *parts, sqlite3_stmt *put)
{
	struct sum sum = {0};
	const void *item;
	int got, err = 0;

	while (!err && (got = bulk_next(parts, &item)) == 1) {
		const struct part *part = item;

		if (sum.latest && (sum.process != part->process || sum.file != part->file)) {
			err = put_sum(put, &sum);
			sum = (struct sum){0};
		}
		sum.process = part->process;
		sum.file = part->file;
		add_part(&sum, part);
	}
	if (!err && !got && sum.latest)
		err = put_sum(put, &sum);
	return err ? err : got;
}

int index_totals(sqlite3 *db)
{
	static const char get[] = "SELECT process, file, id, path IS NOT NULL, first, last, how, " COUNTERS " FROM access WHERE file IS NOT NULL";
	static const char set[] = "INSERT INTO total (process, file, latest, first, last, how, " COUNTERS ")"
				  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	sqlite3_stmt *row = NULL, *put = NULL;
	struct bulk *parts;
	int err = bulk_new(&parts, sizeof(struct part), by_pair, TOTALS_MEMORY);

	if (err)
		return err;
	if (sqlite3_prepare_v2(db, get, -1, &row, NULL) != SQLITE_OK || sqlite3_prepare_v2(db, set, -1, &put, NULL) != SQLITE_OK)
		err = -EIO;
	if (!err)
		err = add_all(parts, row);
	if (!err)
		err = put_all(parts, put);
	sqlite3_finalize(row);
	sqlite3_finalize(put);
	bulk_free(parts);
	return err;
}
