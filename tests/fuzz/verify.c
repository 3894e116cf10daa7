/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verifier: one file of a good case is changed. The first byte says which, the second how: 0 to 127 the rest takes
 * its place; else the next two are an offset (modulo the size) at which the rest is written over it. Whatever it is, no
 * change of what is sealed is found intact.
 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "case/verify.h"

#define FILE_SIZE (1u << 16)

static char directory[] = "/dev/shm/quis-fuzz-XXXXXX";

static struct file {
	const char *name;
	bool sealed; /* any other content of it must be found */
	uint8_t bytes[FILE_SIZE];
	size_t size;
} files[] = {
	{"facts-000001.ndjson", true, {0}, 0},
	{"facts-000002.ndjson", true, {0}, 0},
	{"facts-000003.ndjson", true, {0}, 0},
	{"checkpoint", true, {0}, 0},
	{"checkpoints/000001", true, {0}, 0},
	{"checkpoints/000002", true, {0}, 0},
	{"quis.pub", true, {0}, 0},
	{"facts-000001.leaves", false, {0}, 0},
	{"open.ndjson", true, {0}, 0},
	{"facts-000004.ndjson", true, {0}, 0},
	{"facts-000004.ndjson.zst", true, {0}, 0},
};

#define FILES (sizeof(files) / sizeof(*files))

static const char *path_of(const char *name)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void put(const struct file *file, const void *bytes, size_t size)
{
	int fd = open(path_of(file->name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}

static void get(struct file *file)
{
	int fd = open(path_of(file->name), O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, file->bytes, FILE_SIZE);

	must(got >= 0 && got < FILE_SIZE);
	file->size = got;
	if (fd >= 0)
		close(fd);
}

static void restore(const struct file *file)
{
	if (file->size)
		put(file, file->bytes, file->size);
	else
		unlink(path_of(file->name));
}

static void remove_case(void)
{
	remove_tree(directory);
}

static void append(struct case_writer *writer, const char *kind)
{
	static struct fact fact;

	fact_begin(&fact, kind, 0);
	must(!case_append(writer, &fact));
}

static void make_case(void)
{
	static struct fact fact;
	struct case_writer *writer;
	size_t i, j;

	must(mkdtemp(directory) && !case_create(&writer, directory, NULL));
	atexit(remove_case);
	for (i = 0; i < 3; i++) {
		for (j = 0; j < 6; j++)
			append(writer, "test");
		if (i < 2)
			must(!case_turn(writer, &fact, 0));
	}
	append(writer, "capture-end");
	must(!case_finish(writer));
	case_close(writer);
	for (i = 0; i < FILES; i++)
		get(&files[i]);
}

static enum verdict verify(void)
{
	static const struct verify_options options;
	static struct verify_result result;

	must(!case_verify(directory, &options, &result));
	must(result.verdict == VERDICT_INTACT || (result.what[0] && strlen(result.what) < sizeof(result.what)));
	return result.verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t changed[FILE_SIZE];
	static bool ready;
	const struct file *file;
	size_t at, len;

	if (size < 2 || size > FILE_SIZE / 2)
		return 0;
	if (!ready) {
		make_case();
		must(verify() == VERDICT_INTACT);
		ready = true;
	}
	file = &files[data[0] % FILES];
	if (data[1] < 128 || size < 5 || !file->size) {
		memcpy(changed, data + 2, size - 2);
		len = size - 2;
	} else {
		at = (data[2] | data[3] << 8) % file->size;
		memcpy(changed, file->bytes, file->size);
		memcpy(changed + at, data + 4, size - 4);
		len = at + size - 4 > file->size ? at + size - 4 : file->size;
	}
	put(file, changed, len);
	if (verify() == VERDICT_INTACT)
		must(!file->sealed || (len == file->size && !memcmp(changed, file->bytes, len)));
	restore(file);
	return 0;
}
