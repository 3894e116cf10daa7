/* SPDX-License-Identifier: BSD-2-Clause */
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull
#define WIDTH 32

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

void progress_begin(struct progress *progress, const char *what, uint64_t total)
{
	const char *term = getenv("TERM");

	memset(progress, 0, sizeof(*progress));
	progress->what = what;
	progress->total = total;
	progress->on = isatty(STDERR_FILENO) && !(term && !strcmp(term, "dumb"));
	progress->started = progress->shown = progress->on ? now() : 0;
}

void progress_show(struct progress *progress, uint64_t done)
{
	static const char full[WIDTH + 1] = "################################";
	uint64_t at;
	int part;

	if (!progress->on || !progress->total)
		return;
	at = now();
	if (at - progress->started < SECOND || at - progress->shown < SECOND / 5)
		return;
	if (done > progress->total)
		done = progress->total;
	part = (double)done / progress->total * WIDTH;
	fprintf(stderr, "\r%s [%-*.*s] %3d%%", progress->what, WIDTH, part, full,
		(int)((double)done / progress->total * 100));
	progress->shown = at;
	progress->visible = true;
}

void progress_end(struct progress *progress)
{
	if (progress->visible)
		fputs("\r\033[K", stderr);
	progress->visible = false;
}
