/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock that facts are written in is set, slewed and stopped by others: each change is a fact, with the pair that
 * holds from then on. */
#include "record/record.h"

#include <stdio.h>
#include <sys/timex.h>
#include <time.h>

#define SET_LEAST 50000000LL	 /* ns between two looks: more than any slewing does in that time */
#define DRIFT_LEAST 10000000LL	 /* ns since the last pair */
#define SUSPEND_LEAST 10000000LL /* ns: what lies between two readings is no suspend */

static int64_t clock_monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * (int64_t)SECOND + t.tv_nsec;
}

void clock_take(struct clock_state *now)
{
	struct timex t = {0};
	uint64_t before, after;
	int tries;

	/* three clocks cannot be read at one moment: a reading that was not interrupted will do */
	for (tries = 0; tries < 5; tries++) {
		before = clock_boot();
		now->real = clock_real() - before;
		now->suspended = before - clock_monotonic();
		after = clock_boot();
		if (after - before < 100000)
			break;
	}
	now->boot = before;
	now->synchronised = adjtimex(&t) >= 0 && !(t.status & STA_UNSYNC);
}

static int64_t size_of(int64_t value)
{
	return value < 0 ? -value : value;
}

bool clock_changed(const struct clock_state *before, const struct clock_state *now, char note[CLOCK_NOTE])
{
	int64_t slept = now->suspended - before->suspended, step = now->real - before->real;
	size_t at = 0;

	note[0] = '\0';
	if (slept >= SUSPEND_LEAST)
		at += snprintf(note + at, CLOCK_NOTE - at, "the machine was suspended for %.3f s; ", slept / 1e9);
	if (size_of(step) >= SET_LEAST)
		at += snprintf(note + at, CLOCK_NOTE - at, "the clock was set by %+.6f s; ", step / 1e9);
	else if (size_of(step) >= DRIFT_LEAST)
		at += snprintf(note + at, CLOCK_NOTE - at,
			"the clock has moved by %+.6f s, by steering or small steps; ", step / 1e9);
	if (now->synchronised != before->synchronised)
		at += snprintf(note + at, CLOCK_NOTE - at, "the clock is %s synchronised; ",
			now->synchronised ? "now" : "no longer");
	if (at > 2)
		note[at - 2] = '\0';
	return at;
}
