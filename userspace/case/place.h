/* SPDX-License-Identifier: BSD-2-Clause */
/* Within case/: which line of a segment is not what it was, by its .leaves (see sealer.c) and the numbers in the lines.
 * No proof, a pointer. */
#ifndef QUIS_PLACE_H
#define QUIS_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PLACE_WINDOW                                                                                                   \
	256 /* lines from the first that differs on: longer insertions and deletions are told without their length */

struct place {
	FILE *hints;
	uint64_t line;	   /* of the last one seen */
	uint64_t differs;  /* first that is not as its hint says, 0: none */
	uint64_t odd;	   /* first whose event.sequence is not the one expected, 0: none */
	bool hints_end;	   /* before the lines did */
	size_t have, want; /* seen from `differs` on, and hints from there on */
	uint32_t seen[PLACE_WINDOW], hint[PLACE_WINDOW];
};

void place_begin(struct place *place, int dir, uint32_t segment);
void place_add(struct place *place, const char *text, size_t len, const unsigned char *leaf, uint64_t sequence);
/* In words: what was done to which line; returns the line, 0 if nothing tells. count: lines that there should be, 0 not
 * known. */
uint64_t place_tell(struct place *place, uint64_t count, char *what, size_t size);
void place_end(struct place *place);

#endif
