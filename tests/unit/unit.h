/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QUIS_UNIT_H
#define QUIS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ftw.h>
#include <sys/stat.h>

#define UNIT_TIME 1795455600000000000ull /* 2026-11-23T17:40:00Z */

static inline int unit_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* A directory of the test's own, as its state. */
static inline int unit_setup(void **state)
{
	char *path = strdup("/tmp/quis-unit-XXXXXX");

	*state = path;
	return path && mkdtemp(path) ? 0 : -1;
}

static inline int unit_teardown(void **state)
{
	nftw(*state, unit_remove, 16, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return 0;
}

static inline const char *unit_path(void **state, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", (const char *)*state, name);
	return path;
}

static inline char *unit_read(const char *path)
{
	FILE *file = fopen(path, "r");
	struct stat st;
	char *text;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	text = malloc(st.st_size + 1);
	assert_non_null(text);
	text[fread(text, 1, st.st_size, file)] = '\0';
	fclose(file);
	return text;
}

static inline void unit_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

#endif
