/* SPDX-License-Identifier: BSD-2-Clause */
/* What the index is made of: times, names; and that what does not fit into memory comes out the same. */
#include "unit.h"

#include <errno.h>
#include <inttypes.h>

#include "analyse/bulk.h"
#include "analyse/index.h"
#include "analyse/intern.h"
#include "analyse/times.h"
#include "case/case.h"

static void test_normal_times(void **state)
{
	static const char *const bad[] = {"", "2026-11-23", "2026-11-23T17:40:00", "2026-11-23T17:40:00.Z", "2026-11-23 17:40:00Z",
		"2026-11-23T17:40:00.0000000001Z", "2026-11-23T17:40:00.00x0Z", "2026-1-23T17:40:00Z "};
	char text[TIME_TEXT], back[TIME_TEXT];
	size_t i;

	(void)state;
	assert_true(time_normal("2026-11-23T17:40:00.05Z", 23, text));
	assert_string_equal(text, "2026-11-23T17:40:00.050000000Z");
	assert_true(time_normal("2026-11-23T17:40:00Z", 20, text));
	assert_int_equal(time_ns(text), (int64_t)UNIT_TIME);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(time_normal(bad[i], strlen(bad[i]), text));
	for (i = 0; i < 200000; i += 977) {
		text_time(text, i * 43200000000123ull);
		assert_int_equal(time_ns(text), i * 43200000000123ull);
	}
	assert_true(time_normal("9999-12-31T23:59:59Z", 20, text));
	assert_int_equal(time_ns(text), INT64_MAX);
	assert_true(time_normal("0000-00-00T00:00:00Z", 20, text));
	assert_int_equal(time_ns(text), 0);
	text_time(back, time_ns("2024-02-29T12:00:00.000000001Z"));
	assert_string_equal(back, "2024-02-29T12:00:00.000000001Z");
}

static void test_given_times(void **state)
{
	static const char *const same[] = {"2026-11-23T17:40:00Z", "2026-11-23 17:40", "2026-11-23T17:40:00.000", "2026-11-23T18:40:00+01:00",
		"2026-11-23T12:10:00-05:30", "@1795455600", "@1795455600.0", "2026-11-23t17:40:00z"};
	static const char *const bad[] = {"", "yesterday", "2026-11", "2026-13-01", "2026-11-32", "2026-11-23T17", "2026-11-23T17:40:00+1",
		"2026-11-23T17:40:00+01:0x", "@", "@x", "@1.", "@1.0000000001", "@99999999999", "1969-12-31"};
	char text[TIME_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_true(time_given(same[i], text));
		assert_string_equal(text, "2026-11-23T17:40:00.000000000Z");
	}
	assert_true(time_given("2026-11-23", text));
	assert_string_equal(text, "2026-11-23T00:00:00.000000000Z");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(time_given(bad[i], text));
}

static void test_names(void **state)
{
	struct intern intern;
	uint32_t id, *note, i;
	char name[16];

	(void)state;
	assert_int_equal(intern_init(&intern), 0);
	intern.most = 5000;
	for (i = 1; i <= 5000; i++) {
		snprintf(name, sizeof(name), "name %" PRIu32, i);
		assert_int_equal(intern_add(&intern, name, strlen(name), &id, &note), 1);
		assert_int_equal(id, i);
		assert_int_equal(*note, 0);
		*note = i * 7;
	}
	assert_int_equal(intern_add(&intern, "more", 4, &id, &note), -ENOSPC);
	for (i = 1; i <= 5000; i++) {
		snprintf(name, sizeof(name), "name %" PRIu32, i);
		assert_int_equal(intern_add(&intern, name, strlen(name), &id, &note), 0);
		assert_int_equal(id, i);
		assert_int_equal(*note, i * 7);
	}
	intern_done(&intern);
}

/* Files and processes, each many times, in turn. */
static void make_case(const char *path)
{
	struct case_writer *writer;
	static struct fact fact;
	char text[32];
	int round, i;

	assert_int_equal(case_create(&writer, path, NULL), 0);
	for (round = 0; round < 4; round++)
		for (i = 0; i < 60; i++) {
			fact_begin(&fact, "file-access", UNIT_TIME + round * 100 + i);
			snprintf(text, sizeof(text), "%d-a", 1 + i % 23);
			fact_text(&fact, "process.entity_id", text);
			fact_number(&fact, "process.pid", 1 + i % 23);
			fact_time(&fact, "event.start", UNIT_TIME + round * 100 + i);
			fact_time(&fact, "event.end", UNIT_TIME + round * 100 + i);
			snprintf(text, sizeof(text), "/round/%d/%d", i % 3 ? 0 : round, i);
			if (i != 5 && (i % 5 != 4 || round < 3)) /* one has no name ever, some none in the end */
				fact_text(&fact, "file.path", text);
			fact_text(&fact, "quis.file.device", "254:0");
			snprintf(text, sizeof(text), "%d", 100 + i);
			fact_text(&fact, "file.inode", text);
			fact_count(&fact, "quis.reads", 1);
			fact_count(&fact, "quis.read_bytes", i);
			assert_int_equal(case_append(writer, &fact), 0);
		}
	case_close(writer);
}

static char *dump(const char *path, uint32_t names)
{
	static const char *const queries[] = {
		"SELECT f.inode, f.path, f.class, sum(t.reads), sum(t.read_bytes), count(*) FROM total AS t JOIN file AS f ON f.id = t.file GROUP BY f.id"
		" ORDER BY CAST(f.inode AS INTEGER)",
		"SELECT p.entity, count(*), sum(a.read_bytes) FROM access AS a JOIN process AS p ON p.id = a.process GROUP BY 1 ORDER BY p.pid",
		"SELECT count(*), count(DISTINCT device || inode) FROM file",
	};
	struct index_options options = {.names = names, .fresh = true};
	struct index_problems problems;
	char *text = NULL;
	size_t size, i;
	sqlite3_stmt *row;
	sqlite3 *db;
	FILE *out = open_memstream(&text, &size);
	int column;

	assert_int_equal(index_open_with(&db, &problems, path, &options), 0);
	for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		assert_int_equal(sqlite3_prepare_v2(db, queries[i], -1, &row, NULL), SQLITE_OK);
		while (sqlite3_step(row) == SQLITE_ROW) {
			for (column = 0; column < sqlite3_column_count(row); column++)
				fprintf(out, "%s ", sqlite3_column_text(row, column));
			fputc('\n', out);
		}
		sqlite3_finalize(row);
	}
	sqlite3_close(db);
	fclose(out);
	return text;
}

static void test_more_than_fits(void **state)
{
	static const uint32_t names[] = {1, 7, 22, 59, 60};
	char path[256], *all, *some;
	size_t i;

	snprintf(path, sizeof(path), "%s", unit_path(state, "case"));
	make_case(path);
	all = dump(path, 0);
	assert_non_null(strstr(all, "100 /round/3/0 other 4 0 1 \n"));
	assert_non_null(strstr(all, "105 (null) (null) 4 "));
	assert_non_null(strstr(all, "109 /round/2/9 other 4 ")); /* as last told */
	assert_non_null(strstr(all, "\n60 60 \n"));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		some = dump(path, names[i]);
		assert_string_equal(some, all);
		free(some);
	}
	free(all);
}

static struct fact fact;

static void begin_burst(const char *kind, uint64_t first, uint64_t last)
{
	fact_begin(&fact, kind, UNIT_TIME + last);
	fact_text(&fact, "process.entity_id", "7-a");
	fact_number(&fact, "process.pid", 7);
	fact_time(&fact, "event.start", UNIT_TIME + first);
	fact_time(&fact, "event.end", UNIT_TIME + last);
}

static void put_access(struct case_writer *writer, const char *path, const char *inode, uint64_t generation)
{
	begin_burst("file-access", 1, 1);
	fact_text(&fact, "file.path", path);
	fact_text(&fact, "quis.file.device", "254:0");
	fact_text(&fact, "file.inode", inode);
	fact_number(&fact, "quis.file.generation", generation);
	assert_int_equal(case_append(writer, &fact), 0);
}

/* Of inode 10, generation 2; to another file, or to a socket. */
static void put_transfer(const char *to_inode, const char *to_flow, uint64_t first, uint64_t bytes)
{
	begin_burst("transfer", first, first + 5);
	fact_text(&fact, "file.path", "/new");
	fact_text(&fact, "quis.file.device", "254:0");
	fact_text(&fact, "file.inode", "10");
	fact_number(&fact, "quis.file.generation", 2);
	if (to_inode) {
		fact_text(&fact, "quis.transfer.to_device", "254:0");
		fact_text(&fact, "quis.transfer.to_inode", to_inode);
		fact_number(&fact, "quis.transfer.to_generation", 0);
	}
	if (to_flow) {
		fact_text(&fact, "quis.transfer.to_flow", to_flow);
		fact_text(&fact, "quis.flow.remote", "203.0.113.7:443");
	}
	fact_number(&fact, "quis.transfer.calls", 1);
	fact_number(&fact, "quis.transfer.bytes", bytes);
}

/* Its ends are the files of that very identity; what open.ndjson tells again counts once. */
static void test_transfers(void **state)
{
	static const char query[] = "SELECT a.path, coalesce(b.path, to_flow, '-'), coalesce(remote, '-'), bytes FROM transfer LEFT JOIN file AS a ON a.id = from_file"
				    " LEFT JOIN file AS b ON b.id = to_file ORDER BY transfer.id";
	static const char *const expected[] = {"/new /copy - 10", "/new 77 203.0.113.7:443 20", "/new - - 30", "/new 77 203.0.113.7:443 40"};
	struct index_options options = {.fresh = true};
	struct index_problems problems;
	struct case_writer *writer;
	sqlite3_stmt *row;
	sqlite3 *db;
	char path[256], line[128];
	size_t i = 0;

	snprintf(path, sizeof(path), "%s", unit_path(state, "case"));
	assert_int_equal(case_create(&writer, path, NULL), 0);
	put_access(writer, "/old", "10", 1);
	put_transfer("11", NULL, 10, 10);
	assert_int_equal(case_append(writer, &fact), 0);
	put_access(writer, "/new", "10", 2);
	put_access(writer, "/copy", "11", 0);
	put_transfer(NULL, "77", 20, 20);
	assert_int_equal(case_append(writer, &fact), 0);
	put_transfer("12", NULL, 30, 30); /* no access tells of inode 12 */
	assert_int_equal(case_append(writer, &fact), 0);
	case_flush(writer);
	case_open_begin(writer);
	put_transfer(NULL, "77", 20, 20);
	case_open_append(writer, &fact);
	put_transfer(NULL, "77", 40, 40);
	case_open_append(writer, &fact);
	case_open_end(writer);
	case_close(writer);
	assert_int_equal(index_open_with(&db, &problems, path, &options), 0);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &row, NULL), SQLITE_OK);
	while (sqlite3_step(row) == SQLITE_ROW) {
		snprintf(line, sizeof(line), "%s %s %s %s", sqlite3_column_text(row, 0), sqlite3_column_text(row, 1),
			sqlite3_column_text(row, 2), sqlite3_column_text(row, 3));
		assert_true(i < 4);
		assert_string_equal(line, expected[i++]);
	}
	assert_int_equal(i, 4);
	sqlite3_finalize(row);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT object || ', ' || detail FROM deeds WHERE what = 'moved by the kernel' ORDER BY time", -1, &row, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(row, 0), "/new -> ?, 1 calls, 10 bytes");
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(row, 0), "/new -> 203.0.113.7:443, 1 calls, 20 bytes");
	sqlite3_finalize(row);
	sqlite3_close(db);
}

/* What table total says, next to what the bursts were. */
static void put_counts(struct case_writer *writer, const char *path, const char *first, uint64_t reads, uint64_t bytes, const char *how)
{
	fact_begin(&fact, "file-access", UNIT_TIME);
	fact_text(&fact, "process.entity_id", "7-a");
	fact_text(&fact, "event.end", "2026-11-23T17:40:01Z");
	fact_text(&fact, "event.start", first);
	if (path)
		fact_text(&fact, "file.path", path);
	fact_text(&fact, "quis.file.device", "254:0");
	fact_text(&fact, "file.inode", "10");
	fact_list(&fact, "quis.file.how", &how, 1);
	fact_count(&fact, "quis.reads", reads);
	fact_count(&fact, "quis.read_bytes", bytes);
	assert_int_equal(case_append(writer, &fact), 0);
}

static void test_totals(void **state)
{
	static const char query[] = "SELECT t.reads || ' ' || t.read_bytes || ' ' || t.writes || ' ' || t.first || ' ' || t.last || ' ' || t.how || ' ' || a.path"
				    " FROM total AS t JOIN access AS a ON a.id = t.latest";
	struct index_options options = {.fresh = true};
	struct index_problems problems;
	struct case_writer *writer;
	sqlite3_stmt *row;
	sqlite3 *db;
	char path[256];

	snprintf(path, sizeof(path), "%s", unit_path(state, "case"));
	assert_int_equal(case_create(&writer, path, NULL), 0);
	put_counts(writer, "/a", "2026-11-23T17:40:00.5Z", 1, UINT32_MAX, "opened");
	put_counts(writer, "/b", "2026-11-23T17:40:00.000000001Z", UINT32_MAX + 2ull, UINT32_MAX + 10ull, "received");
	put_counts(writer, NULL, "2026-99-99T99:99:99Z", INT64_MAX, 5, "opened");
	case_close(writer);
	assert_int_equal(index_open_with(&db, &problems, path, &options), 0);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &row, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(row, 0),
		"9223372036854775807 8589934605 0 2026-11-23T17:40:00.000000001Z 2026-11-23T17:40:01.000000000Z [\"opened\",\"received\"] /b");
	assert_int_equal(sqlite3_step(row), SQLITE_DONE);
	sqlite3_finalize(row);
	sqlite3_close(db);
}

static int by_number(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* All that was put in comes out in order, whether it fits into memory or not. */
static void test_bulk(void **state)
{
	static const size_t memories[] = {0, 8, 80, 8192, 8 * 9999, 8 * 10000};
	const void *item;
	struct bulk *bulk;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(memories) / sizeof(memories[0]); i++) {
		size_t count = memories[i] == 8 ? 300 : 10000;
		uint64_t sum = 0, last = 0, number = 12345;

		assert_int_equal(bulk_new(&bulk, sizeof(number), by_number, memories[i]), 0);
		for (k = 0; k < count; k++) {
			number = (number * 6364136223846793005 + 1442695040888963407) >> 8;
			sum += number;
			assert_int_equal(bulk_add(bulk, &number), 0);
		}
		for (k = 0; bulk_next(bulk, &item) == 1; k++) {
			memcpy(&number, item, sizeof(number));
			assert_true(number >= last);
			last = number;
			sum -= number;
		}
		assert_int_equal(k, count);
		assert_int_equal(sum, 0);
		assert_int_equal(bulk_next(bulk, &item), 0);
		bulk_free(bulk);
	}
	assert_int_equal(bulk_new(&bulk, 8, by_number, 0), 0);
	assert_int_equal(bulk_next(bulk, &item), 0);
	bulk_free(bulk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normal_times),
		cmocka_unit_test(test_given_times),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test_setup_teardown(test_totals, unit_setup, unit_teardown),
		cmocka_unit_test_setup_teardown(test_more_than_fits, unit_setup, unit_teardown),
		cmocka_unit_test_setup_teardown(test_transfers, unit_setup, unit_teardown),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
