/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reading end of a BPF ring buffer. libbpf's lets go of each record as it is read; here that is a step of its own, so that a sensor
 * that dies before a record is in the case leaves it to the next one.
 */
#ifndef QUIS_RECORD_RING_H
#define QUIS_RECORD_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	uint64_t *consumer; /* shared: up to here all has been let go */
	const uint64_t *producer;
	const char *data;
	uint64_t size;	  /* a power of two */
	uint64_t wake;	  /* bytes; with more it fills */
	uint64_t at;	  /* up to here all has been read */
	uint64_t held;	  /* records between the two */
	uint64_t mark, held_to_mark;
	size_t page;
};

/* `record` is there until the function returns. */
typedef void (*ring_fn)(void *context, const void *record, size_t size);

int ring_open(struct ring *ring, int map, uint64_t size, uint64_t wake);
void ring_close(struct ring *ring); /* takes one that was never opened */
#define RING_ALL UINT64_MAX
uint64_t ring_end(const struct ring *ring); /* the position behind all that is there, be it still written */
/* Up to a position, or all that is there; not beyond a record that is still being written. */
void ring_read(struct ring *ring, uint64_t until, ring_fn fn, void *context);
bool ring_fills(const struct ring *ring);
void ring_mark(struct ring *ring); /* what is read from here on will be held beyond the next release to the mark */
void ring_release_to_mark(struct ring *ring);
/* Returns how many records were held. */
uint64_t ring_release(struct ring *ring);

#endif
