/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/record.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bool say_verbose;
char say_where[256];

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "quis: %s", say_where);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

void say_more(const char *format, ...)
{
	va_list args;

	if (!say_verbose)
		return;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
}

static void *must_have(void *memory)
{
	if (!memory) {
		say("out of memory");
		exit(EXIT_FAILED);
	}
	return memory;
}

void *xcalloc(size_t count, size_t size)
{
	return must_have(calloc(count, size));
}

char *xstrndup(const char *text, size_t length)
{
	char *copy = must_have(malloc(length + 1));

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

#define INHERITED_MAX 1024

static bool inherited[INHERITED_MAX];

void inherited_note(void)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	int fd;

	while (directory && (entry = readdir(directory))) {
		fd = atoi(entry->d_name);
		if (isdigit((unsigned char)entry->d_name[0]) && fd < INHERITED_MAX && fd != dirfd(directory))
			inherited[fd] = true;
	}
	if (directory)
		closedir(directory);
}

void inherited_close(void)
{
	int fd, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		close(null);
	}
	for (fd = STDERR_FILENO + 1; fd < INHERITED_MAX; fd++)
		if (inherited[fd])
			close(fd);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND + t.tv_nsec;
}

uint64_t clock_boot(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

uint64_t clock_real(void)
{
	return clock_ns(CLOCK_REALTIME);
}

struct text_view record_text(const struct record_head *head, struct text_ref ref)
{
	struct text_view none = {NULL, 0};

	if (!ref.length || ref.offset > head->size || ref.length > head->size - ref.offset)
		return none;
	return (struct text_view){(const char *)head + ref.offset, ref.length};
}
