/* SPDX-License-Identifier: BSD-2-Clause */
#include "exposure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"
#include "times.h"

#define TIME_MAX (INT64_MAX - (1ll << 50))

const char *const way_names[WAYS] = {
	[WAY_UNIX] = "unix socket",
	[WAY_LOOPBACK] = "loopback connection",
	[WAY_PIPE] = "pipe",
	[WAY_MEMORY] = "shared memory",
	[WAY_FILE] = "file",
	[WAY_FORK] = "fork",
};

int64_t exposure_time(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	int64_t time = text && sqlite3_column_bytes(row, column) == TIME_LENGTH ? time_ns(text) : 0;

	return time < TIME_MAX ? time : TIME_MAX;
}

void *list_add(struct list *list, size_t item)
{
	void *grown;

	if (list->count == list->size) {
		list->size = list->size ? list->size * 2 : 16;
		grown = realloc(list->items, list->size * item);
		if (!grown)
			return NULL;
		list->items = grown;
	}
	grown = (char *)list->items + list->count++ * item;
	return memset(grown, 0, item);
}

void list_done(struct list *list)
{
	free(list->items);
	memset(list, 0, sizeof(*list));
}

int spans_add(struct list *spans, int64_t first, int64_t last)
{
	struct span *span = spans->count ? LIST_AT(spans, struct span, spans->count - 1) : NULL;

	/* Facts come nearly in the order of time, so that most are joined here. */
	if (span && first >= span->first && first <= span->last) {
		if (last > span->last)
			span->last = last;
		return 0;
	}
	span = list_add(spans, sizeof(*span));
	if (!span)
		return -ENOMEM;
	*span = (struct span){first, last};
	return 0;
}

int times_add(struct list *times, int64_t time)
{
	int64_t *new = list_add(times, sizeof(time));

	if (new)
		*new = time;
	return new ? 0 : -ENOMEM;
}

static int by_first(const void *a, const void *b)
{
	const struct span *left = a, *right = b;

	return (left->first > right->first) - (left->first < right->first);
}

static int by_time(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

void spans_settle(struct list *spans)
{
	struct span *items = spans->items;
	size_t kept = 0, i;

	if (!spans->count)
		return;
	qsort(items, spans->count, sizeof(*items), by_first);
	for (i = 1; i < spans->count; i++) {
		if (items[i].first > items[kept].last)
			items[++kept] = items[i];
		else if (items[i].last > items[kept].last)
			items[kept].last = items[i].last;
	}
	spans->count = kept + 1;
}

void times_settle(struct list *times)
{
	if (times->count)
		qsort(times->items, times->count, sizeof(int64_t), by_time);
}

bool spans_meet(const struct list *spans, int64_t first, int64_t last)
{
	const struct span *items = spans->items;
	size_t low = 0, high = spans->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (items[middle].last < first)
			low = middle + 1;
		else
			high = middle;
	}
	return low < spans->count && items[low].first <= last;
}

bool times_meet(const struct list *times, int64_t first, int64_t last)
{
	const int64_t *items = times->items;
	size_t low = 0, high = times->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (items[middle] < first)
			low = middle + 1;
		else
			high = middle;
	}
	return low < times->count && items[low] <= last;
}

struct held *held_find(struct list *helds, uint32_t process, bool add)
{
	struct held *held;
	size_t i;

	for (i = helds->count; i--;) {
		held = LIST_AT(helds, struct held, i);
		if (held->process == process)
			return held;
	}
	held = add ? list_add(helds, sizeof(*held)) : NULL;
	if (held)
		held->process = process;
	return held;
}

void helds_settle(struct list *helds)
{
	size_t i;

	for (i = 0; i < helds->count; i++) {
		spans_settle(&LIST_AT(helds, struct held, i)->may);
		times_settle(&LIST_AT(helds, struct held, i)->sure);
	}
}

int helds_take(struct list *helds, struct list *more, int err)
{
	struct held *held;
	size_t i;

	for (i = 0; !err && i < more->count; i++) {
		held = list_add(helds, sizeof(*held));
		if (!held)
			err = -ENOMEM;
		else
			*held = *LIST_AT(more, struct held, i);
		memset(LIST_AT(more, struct held, i), 0, held ? sizeof(*held) : 0);
	}
	helds_done(more);
	return err;
}

void helds_done(struct list *helds)
{
	size_t i;

	for (i = 0; i < helds->count; i++) {
		list_done(&LIST_AT(helds, struct held, i)->may);
		list_done(&LIST_AT(helds, struct held, i)->sure);
	}
	list_done(helds);
}

int passing_add(struct exposure *exposure, const struct passing *passing)
{
	struct passing *new;

	if (exposure->passings.count >= PASSINGS_MAX) {
		exposure->passings_cut = true;
		return 0;
	}
	new = list_add(&exposure->passings, sizeof(*new));
	if (!new)
		return -ENOMEM;
	*new = *passing;
	if (passing->giver <= exposure->process_count)
		exposure->processes[passing->giver].leaves = true;
	return 0;
}

void passings_of(const struct exposure *exposure, uint32_t giver, size_t *ret_first, size_t *ret_end)
{
	const struct passing *items = exposure->passings.items;
	size_t low = 0, high = exposure->passings.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (items[middle].giver < giver)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_first = low;
	for (; low < exposure->passings.count && items[low].giver == giver; low++)
		;
	*ret_end = low;
}

size_t members_of(const struct exposure *exposure, uint32_t node)
{
	size_t low = 0, high = exposure->process_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (exposure->processes[exposure->members[middle]].node < node)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool passing_whole(const struct passing *passing)
{
	return passing->exact && passing->bytes == passing->taken_bytes;
}

static void done(struct exposure *exposure)
{
	uint32_t i;

	for (i = 0; exposure->processes && i <= exposure->process_count; i++) {
		list_done(&exposure->processes[i].may);
		list_done(&exposure->processes[i].exposed);
	}
	free(exposure->processes);
	free(exposure->members);
	free(exposure->files);
	intern_done(&exposure->target_names);
	list_done(&exposure->targets);
	list_done(&exposure->passings);
	list_done(&exposure->reads);
	list_done(&exposure->routes);
}

int index_exposure(sqlite3 *db, uint32_t window_ms)
{
	struct exposure exposure = {.db = db, .window = (window_ms ? window_ms : EXPOSURE_WINDOW_MS) * 1000000ll};
	int err = intern_init(&exposure.target_names);

	for (; exposure.class_count < CLASSES_MAX && class_name(exposure.class_count); exposure.class_count++)
		exposure.classes[exposure.class_count] = class_name(exposure.class_count);
	if (!err)
		err = exposure_load(&exposure);
	if (!err)
		err = exposure_walk(&exposure);
	if (!err)
		err = exposure_count(&exposure);
	if (!err)
		err = exposure_store(&exposure);
	done(&exposure);
	return err;
}
