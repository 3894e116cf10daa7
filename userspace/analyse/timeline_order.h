/* SPDX-License-Identifier: BSD-2-Clause */
/* Which events a timeline has, and in which order: made of one walk over each table, before the first event. */
#ifndef QUIS_TIMELINE_ORDER_H
#define QUIS_TIMELINE_ORDER_H

#include "timeline.h"

struct bulk;

#define KIND_STAMP FACT_KINDS_MAX /* a line of --merge */

struct moment {
	int64_t ns; /* on the clock of the beginning; INT64_MIN: none */
	int64_t id; /* of the row */
	int64_t sequence; /* -1: none */
	uint8_t kind;	  /* of fact_kinds, or KIND_STAMP */
	uint8_t which;	  /* enum which */
};

bool kind_has_column(const struct fact_kind *kind, const char *name);
/* Adds the moments to an empty bulk. ret_total: events there are, whatever the filters. */
int timeline_order(const struct timeline *timeline, struct bulk **ret_moments, uint64_t *ret_total);

#endif
