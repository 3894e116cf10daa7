/* SPDX-License-Identifier: BSD-2-Clause */
/* A bar on the terminal for what takes longer than a second. */
#ifndef QUIS_PROGRESS_H
#define QUIS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what;	 /* of our own words */
	uint64_t total;		 /* 0: not known, no bar */
	uint64_t started, shown; /* ns */
	bool on;
	bool visible;
};

void progress_begin(struct progress *progress, const char *what, uint64_t total);
void progress_show(struct progress *progress, uint64_t done); /* cheap enough for every thousandth step */
void progress_end(struct progress *progress);

#endif
