/* SPDX-License-Identifier: BSD-2-Clause */
#include "bulk.h"
#include "case/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_ITEMS 256

struct run {
	off_t at, end; /* in the file: what is not read yet */
	char *items;
	size_t next, count; /* in items */
};

struct bulk {
	size_t item;
	int (*compare)(const void *a, const void *b);
	char *items;
	size_t count, size, most; /* of items */
	size_t next;
	int fd; /* -1: everything is in memory */
	off_t file_size;
	struct run *runs;
	size_t run_count;
	size_t *heap; /* numbers of runs, that with the least item on top */
	size_t heap_count;
	bool reading;
	bool taken; /* the item on top of the heap was given out */
};

int bulk_new(struct bulk **ret_bulk, size_t item, int (*compare)(const void *a, const void *b), size_t memory)
{
	struct bulk *bulk = calloc(1, sizeof(*bulk));

	if (!bulk)
		return -ENOMEM;
	bulk->item = item;
	bulk->compare = compare;
	bulk->most = (memory ? memory : BULK_MEMORY) / item;
	bulk->most = bulk->most ? bulk->most : 1;
	bulk->fd = -1;
	*ret_bulk = bulk;
	return 0;
}

void bulk_free(struct bulk *bulk)
{
	size_t i;

	if (!bulk)
		return;
	for (i = 0; i < bulk->run_count; i++)
		free(bulk->runs[i].items);
	if (bulk->fd >= 0)
		close(bulk->fd);
	free(bulk->runs);
	free(bulk->heap);
	free(bulk->items);
	free(bulk);
}

/* Where SQLite has its own temporary files, too. */
static int open_temporary(void)
{
	const char *place = getenv("TMPDIR");
	char path[PATH_MAX];
	int fd;

	place = place && *place ? place : "/var/tmp";
	fd = open(place, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if ((size_t)snprintf(path, sizeof(path), "%s/quis-XXXXXX", place) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

static int write_run(struct bulk *bulk)
{
	size_t len = bulk->count * bulk->item;
	struct run *runs = reallocarray(bulk->runs, bulk->run_count + 1, sizeof(*runs));
	int err;

	if (!runs)
		return -ENOMEM;
	bulk->runs = runs;
	if (bulk->fd < 0) {
		err = open_temporary();
		if (err < 0)
			return err;
		bulk->fd = err;
	}
	qsort(bulk->items, bulk->count, bulk->item, bulk->compare);
	err = write_whole(bulk->fd, bulk->items, len);
	if (err)
		return err;
	runs[bulk->run_count++] = (struct run){.at = bulk->file_size, .end = bulk->file_size + len};
	bulk->file_size += len;
	bulk->count = 0;
	return 0;
}

static int grow(struct bulk *bulk)
{
	size_t size = bulk->size ? bulk->size * 2 : FIRST_ITEMS;
	char *items;

	size = size < bulk->most ? size : bulk->most;
	items = reallocarray(bulk->items, size, bulk->item);
	if (!items)
		return -ENOMEM;
	bulk->items = items;
	bulk->size = size;
	return 0;
}

int bulk_add(struct bulk *bulk, const void *item)
{
	int err = 0;

	if (bulk->count == bulk->most)
		err = write_run(bulk);
	else if (bulk->count == bulk->size)
		err = grow(bulk);
	if (!err)
		memcpy(bulk->items + bulk->count++ * bulk->item, item, bulk->item);
	return err;
}

static const void *head_of(const struct bulk *bulk, size_t run)
{
	return bulk->runs[run].items + bulk->runs[run].next * bulk->item;
}

/* 1: it has a next item; 0: it has ended. */
static int fill(struct bulk *bulk, struct run *run, size_t most)
{
	size_t len, done;
	ssize_t got;

	if (run->next < run->count)
		return 1;
	len = run->end - run->at < (off_t)(most * bulk->item) ? (size_t)(run->end - run->at) : most * bulk->item;
	for (done = 0; done < len; done += got) {
		got = pread(bulk->fd, run->items + done, len - done, run->at + done);
		if (got < 0 && errno == EINTR)
			got = 0;
		else if (got <= 0)
			return got ? -errno : -EIO;
	}
	run->at += len;
	run->next = 0;
	run->count = len / bulk->item;
	return run->count > 0;
}

static void sink(struct bulk *bulk, size_t at)
{
	size_t run = bulk->heap[at], child;

	for (; (child = 2 * at + 1) < bulk->heap_count; at = child) {
		if (child + 1 < bulk->heap_count &&
			bulk->compare(head_of(bulk, bulk->heap[child + 1]), head_of(bulk, bulk->heap[child])) < 0)
			child++;
		if (bulk->compare(head_of(bulk, run), head_of(bulk, bulk->heap[child])) <= 0)
			break;
		bulk->heap[at] = bulk->heap[child];
	}
	bulk->heap[at] = run;
}

/* The runs share the memory that the items had. */
static size_t items_each(const struct bulk *bulk)
{
	size_t each = bulk->most / bulk->run_count;

	return each < FIRST_ITEMS ? FIRST_ITEMS : each;
}

static int begin_merge(struct bulk *bulk)
{
	size_t each, i;
	int got;

	if (bulk->count) {
		got = write_run(bulk);
		if (got)
			return got;
	}
	free(bulk->items);
	bulk->items = NULL;
	each = items_each(bulk);
	bulk->heap = calloc(bulk->run_count, sizeof(*bulk->heap));
	if (!bulk->heap)
		return -ENOMEM;
	for (i = 0; i < bulk->run_count; i++) {
		bulk->runs[i].items = reallocarray(NULL, each, bulk->item);
		if (!bulk->runs[i].items)
			return -ENOMEM;
		got = fill(bulk, &bulk->runs[i], each);
		if (got < 0)
			return got;
		bulk->heap[bulk->heap_count++] = i;
	}
	for (i = bulk->heap_count / 2; i--;)
		sink(bulk, i);
	return 0;
}

static int begin(struct bulk *bulk)
{
	bulk->reading = true;
	if (bulk->run_count)
		return begin_merge(bulk);
	if (bulk->count)
		qsort(bulk->items, bulk->count, bulk->item, bulk->compare);
	return 0;
}

/* The item on top was valid until now. */
static int drop_top(struct bulk *bulk)
{
	struct run *run = &bulk->runs[bulk->heap[0]];
	int got;

	run->next++;
	got = fill(bulk, run, items_each(bulk));
	if (got < 0)
		return got;
	if (!got)
		bulk->heap[0] = bulk->heap[--bulk->heap_count];
	if (bulk->heap_count)
		sink(bulk, 0);
	return 0;
}

int bulk_next(struct bulk *bulk, const void **ret_item)
{
	int err = bulk->reading ? 0 : begin(bulk);

	if (err)
		return err;
	if (!bulk->run_count) {
		if (bulk->next == bulk->count)
			return 0;
		*ret_item = bulk->items + bulk->next++ * bulk->item;
		return 1;
	}
	if (bulk->taken && bulk->heap_count)
		err = drop_top(bulk);
	if (err || !bulk->heap_count)
		return err;
	bulk->taken = true;
	*ret_item = head_of(bulk, bulk->heap[0]);
	return 1;
}
