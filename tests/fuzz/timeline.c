/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A case of any lines through the index and a timeline; what is behind a line "body:" is a body file to be merged. No output may have
 * control characters, a line that is no JSON object or has another number of fields.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "analyse/index.h"
#include "analyse/line.h"
#include "analyse/timeline.h"

static char directory[] = "/dev/shm/quis-fuzz-XXXXXX";
static const char *const names[] = {"facts-000001.ndjson", "body"};

static void path_of(char path[64], size_t name)
{
	snprintf(path, 64, "%s/%s", directory, names[name]);
}

static void remove_directory(void)
{
	remove_tree(directory);
}

static void put(size_t name, const void *bytes, size_t size)
{
	char path[64];
	int fd;

	path_of(path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}

static void check_line(const struct timeline_format *format, const char *line, size_t len)
{
	static struct line parsed;
	size_t i, bars = 0;

	for (i = 0; i < len; i++) {
		unsigned char byte = line[i], next = i + 1 < len ? line[i + 1] : 0;

		must(byte >= 0x20 && byte != 0x7f && !(byte == 0xc2 && next >= 0x80 && next <= 0x9f));
		bars += byte == '|';
	}
	must(text_is_utf8(line, len));
	if (!strcmp(format->name, "bodyfile"))
		must(bars == 10);
	else if (strcmp(format->name, "csv") && len <= FACT_LINE_MAX)
		must(!line_parse(&parsed, line, len));
}

static void check(const struct timeline_format *format, const char *text)
{
	const char *end;

	for (; *text; text = end + 1) {
		size_t len;

		end = strchr(text, '\n');
		must(end);
		len = end - text;
		/* RFC 4180 ends lines with both */
		if (!strcmp(format->name, "csv")) {
			must(len && text[len - 1] == '\r');
			len--;
		}
		check_line(format, text, len);
	}
}

static void export(sqlite3 *db, const struct index_problems *problems, size_t index, bool merge)
{
	struct timeline timeline = {.db = db, .format = &timeline_formats[index], .problems = problems};
	char *text = NULL, body[64];
	size_t size;
	int err;

	path_of(body, 1);
	timeline.filter.merge = merge ? body : NULL;
	timeline.out = open_memstream(&text, &size);
	must(timeline.out);
	timeline.emit = (struct emit){.out = timeline.out, .one_line = true};
	err = timeline_open(&timeline);
	must(!err || (merge && err == -EBADMSG));
	if (!err)
		must(!timeline_write(&timeline));
	timeline_close(&timeline);
	fclose(timeline.out);
	check(timeline.format, text);
	free(text);
}

/* SQLite's parser makes and frees so much that ASan's quarantine took two thirds of the time. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "max_malloc_fill_size=0:quarantine_size_mb=4:thread_local_quarantine_size_kb=64";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char mark[] = "\nbody:\n";
	static bool ready;
	const uint8_t *body = memmem(data, size, mark, sizeof(mark) - 1);
	struct index_problems problems;
	sqlite3 *db;

	if (!ready)
		must(mkdtemp(directory) && !atexit(remove_directory) &&
			sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 1200, 4000) == SQLITE_OK);
	ready = true;
	put(0, data, body ? (size_t)(body + 1 - data) : size);
	if (body)
		put(1, body + sizeof(mark) - 1, data + size - body - (sizeof(mark) - 1));
	if (index_open(&db, &problems, directory))
		return 0;
	/* One at a time: each is reached by inputs of some length. */
	export(db, &problems, size % timeline_formats_count, body);
	must(sqlite3_close(db) == SQLITE_OK);
	return 0;
}
