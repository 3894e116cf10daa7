/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/ring.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <sys/mman.h>

/*
 * kernel/bpf/ringbuf.c: a page for each position, then the data. That may be mapped twice in a row, and then no record ends at the end; but
 * each mapping counts as resident, so a record that does is put together here instead.
 */
#define RECORD_MAX (64 << 10) /* the programs send a little over half of that at the most: struct scratch, bpf/common.h */
static char whole[RECORD_MAX];

int ring_open(struct ring *ring, int map, uint64_t size, uint64_t wake)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0), *rest;

	if (consumer == MAP_FAILED)
		return -errno;
	rest = mmap(NULL, page + size, PROT_READ, MAP_SHARED, map, page);
	if (rest == MAP_FAILED) {
		int error = -errno;

		munmap(consumer, page);
		return error;
	}
	*ring = (struct ring){.consumer = consumer, .producer = rest, .data = (char *)rest + page, .size = size, .wake = wake, .page = page};
	ring->at = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
	return 0;
}

void ring_close(struct ring *ring)
{
	if (!ring->consumer)
		return;
	munmap(ring->consumer, ring->page);
	munmap((void *)ring->producer, ring->page + ring->size);
	memset(ring, 0, sizeof(*ring));
}

/* Of one that is longer than any, nothing: 0 bytes, which is no record. */
static const void *record_at(const struct ring *ring, uint64_t at, uint32_t *length)
{
	uint64_t offset = at & (ring->size - 1), first = ring->size - offset;

	if (*length <= first)
		return ring->data + offset;
	if (*length > sizeof(whole)) {
		*length = 0;
		return whole;
	}
	memcpy(whole, ring->data + offset, first);
	memcpy(whole + first, ring->data, *length - first);
	return whole;
}

/* The next record; its head tells its length, and whether it is still being written or was given up. NULL: none yet. */
static const void *next(struct ring *ring, uint64_t until, uint32_t *ret_length)
{
	uint32_t length;
	uint64_t at;

	while (ring->at < until) {
		at = ring->at;
		length = __atomic_load_n((const uint32_t *)(ring->data + (at & (ring->size - 1))), __ATOMIC_ACQUIRE);
		if (length & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		*ret_length = length & ~BPF_RINGBUF_DISCARD_BIT;
		ring->at += (*ret_length + BPF_RINGBUF_HDR_SZ + 7) & ~7ULL;
		if (!(length & BPF_RINGBUF_DISCARD_BIT))
			return record_at(ring, at + BPF_RINGBUF_HDR_SZ, ret_length);
	}
	return NULL;
}

uint64_t ring_end(const struct ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
}

/* Not beyond what was there at the beginning: a flood must not hold us here. */
void ring_read(struct ring *ring, uint64_t until, ring_fn fn, void *context)
{
	uint64_t there = ring_end(ring);
	const void *record;
	uint32_t length;

	while ((record = next(ring, until < there ? until : there, &length))) {
		ring->held++;
		fn(context, record, length);
	}
}

bool ring_fills(const struct ring *ring)
{
	return ring->at - *ring->consumer > ring->wake;
}

void ring_mark(struct ring *ring)
{
	ring->mark = ring->at;
	ring->held_to_mark = ring->held;
}

void ring_release_to_mark(struct ring *ring)
{
	if (ring->mark > *ring->consumer)
		__atomic_store_n(ring->consumer, ring->mark, __ATOMIC_RELEASE);
	ring->held -= ring->held_to_mark;
	ring->held_to_mark = 0;
}

uint64_t ring_release(struct ring *ring)
{
	uint64_t held = ring->held;

	__atomic_store_n(ring->consumer, ring->at, __ATOMIC_RELEASE);
	ring->held = ring->held_to_mark = 0;
	return held;
}
