/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a fuzz target over the files and directories named, each input once: TAP, one test a file. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

static unsigned count;

static void run_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size + 1);
	FILE *file = fopen(path, "re");
	size_t got = 0;

	must(data && file);
	got = fread(data, 1, size, file);
	fclose(file);
	/* a copy of its own, so that a read beyond the end is seen */
	data = realloc(data, got ? got : 1);
	LLVMFuzzerTestOneInput(data, got);
	free(data);
	printf("ok %u - %s\n", ++count, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
}

static void run_path(const char *path)
{
	struct dirent **names;
	struct stat st;
	int i, many;

	must(!stat(path, &st));
	if (!S_ISDIR(st.st_mode)) {
		run_file(path, st.st_size);
		return;
	}
	many = scandir(path, &names, NULL, alphasort);
	for (i = 0; i < many; i++) {
		char inner[4096];

		snprintf(inner, sizeof(inner), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			run_path(inner);
		free(names[i]);
	}
	free(names);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		run_path(argv[i]);
	printf("1..%u\n", count);
	return !count;
}
