/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader of cases: the first byte says whether the rest is a segment as it is or a compressed one. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "case/case.h"

static char directory[] = "/dev/shm/quis-fuzz-XXXXXX";

static void remove_directory(void)
{
	remove_tree(directory);
}

static void put(const char *name, const void *bytes, size_t size)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}

static void drop(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct case_reader *reader;
	struct case_line line;
	bool second = false;
	int got;

	if (!size)
		return 0;
	if (!ready) {
		must(mkdtemp(directory));
		atexit(remove_directory);
		put("facts-000002.ndjson", "{}\n", 3);
		ready = true;
	}
	drop(data[0] & 1 ? "facts-000001.ndjson" : "facts-000001.ndjson.zst");
	put(data[0] & 1 ? "facts-000001.ndjson.zst" : "facts-000001.ndjson", data + 1, size - 1);
	must(!case_open(&reader, directory));
	while ((got = case_next(reader, &line))) {
		must(got == 1 || line.segment == 1);
		must(got != 1 ||
			(line.len < FACT_LINE_MAX && !line.text[line.len] && !memchr(line.text, '\n', line.len)));
		second |= line.segment == 2;
	}
	must(second);
	case_reader_free(reader);
	return 0;
}
