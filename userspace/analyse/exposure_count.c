/* SPDX-License-Identifier: BSD-2-Clause */
/* Back in time: which files were read in time for what went along a route. */
#include "exposure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct count {
	struct exposure *exposure;
	struct route *route;
	uint8_t *seen, *then; /* a bit a file */
};

static bool take_bit(uint8_t *bits, uint32_t number)
{
	bool new = !(bits[number / 8] & 1u << number % 8);

	bits[number / 8] |= 1u << number % 8;
	return new;
}

static int give(struct exposure *exposure, struct list *helds, const struct passing *passing, bool first, bool last)
{
	struct held *held = held_find(helds, passing->giver, true);
	int err = held ? spans_add(&held->may, passing->given.first - exposure->window, passing->given.last) : -ENOMEM;

	if (!err && first)
		err = times_add(&held->sure, passing->given.first);
	if (!err && last)
		err = times_add(&held->sure, passing->given.last);
	return err;
}

/* A passing to a process that had use for it. */
static int give_to(struct exposure *exposure, struct list *helds, const struct passing *passing, const struct held *to)
{
	bool whole = passing_whole(passing);

	if (!to || !spans_meet(&to->may, passing->taken.first, passing->taken.last))
		return 0;
	return give(exposure, helds, passing, whole && times_meet(&to->sure, passing->taken.first, passing->taken.first + exposure->window),
		whole && times_meet(&to->sure, passing->taken.last, passing->taken.last + exposure->window));
}

static int each_passing(struct count *count, uint32_t node, struct list *helds, struct list *to,
	int (*fn)(struct count *count, struct list *helds, struct list *to, const struct passing *passing))
{
	struct exposure *exposure = count->exposure;
	size_t member, k, end;
	int err = 0;

	for (member = members_of(exposure, node); !err && member < exposure->process_count; member++) {
		uint32_t process = exposure->members[member];

		if (exposure->processes[process].node != node)
			break;
		passings_of(exposure, process, &k, &end);
		for (; !err && k < end; k++)
			err = fn(count, helds, to, LIST_AT(&exposure->passings, struct passing, k));
	}
	return err;
}

static int to_target(struct count *count, struct list *helds, struct list *to, const struct passing *passing)
{
	(void)to;
	if (passing->receiver || passing->target != count->route->target)
		return 0;
	return give(count->exposure, helds, passing, passing->exact, passing->exact);
}

static int to_node(struct count *count, struct list *helds, struct list *to, const struct passing *passing)
{
	if (!passing->receiver)
		return 0;
	return give_to(count->exposure, helds, passing, held_find(to, passing->receiver, false));
}

/* Within the node: to one that is there already, from one that is not. */
static int to_kin(struct count *count, struct list *helds, struct list *to, const struct passing *passing)
{
	if (!passing->receiver || held_find(to, passing->giver, false))
		return 0;
	return give_to(count->exposure, helds, passing, held_find(to, passing->receiver, false));
}

static int back(struct count *count, struct list *ret_helds)
{
	struct route *route = count->route;
	struct list to = {0}, helds, kin;
	uint32_t level = route->depth;
	int err = 0;

	while (!err && level--) {
		memset(&helds, 0, sizeof(helds));
		memset(&kin, 0, sizeof(kin));
		err = each_passing(count, route->nodes[level], &helds, &to, level + 1 == route->depth ? to_target : to_node);
		helds_settle(&helds);
		if (!err)
			err = each_passing(count, route->nodes[level], &kin, &helds, to_kin);
		helds_settle(&kin);
		err = helds_take(&helds, &kin, err);
		helds_done(&to);
		to = helds;
	}
	*ret_helds = to;
	return err;
}

static void keep_example(struct found *found, uint32_t file, uint64_t bytes)
{
	size_t at = EXAMPLES;

	while (at && (!found->examples[at - 1] || found->example_bytes[at - 1] < bytes))
		at--;
	if (at == EXAMPLES)
		return;
	memmove(&found->examples[at + 1], &found->examples[at], (EXAMPLES - 1 - at) * sizeof(found->examples[0]));
	memmove(&found->example_bytes[at + 1], &found->example_bytes[at], (EXAMPLES - 1 - at) * sizeof(found->example_bytes[0]));
	found->examples[at] = file;
	found->example_bytes[at] = bytes;
}

static void found_burst(struct found *found, const struct read_burst *burst, bool first_time, bool now_then)
{
	if (first_time) {
		found->files++;
		found->mapped += burst->mapped;
		keep_example(found, burst->file, burst->bytes);
	}
	found->files_then += now_then;
	if (__builtin_add_overflow(found->read_bytes, burst->bytes, &found->read_bytes))
		found->read_bytes = UINT64_MAX;
	if (!found->span.first || burst->span.first < found->span.first)
		found->span.first = burst->span.first;
	if (burst->span.last > found->span.last)
		found->span.last = burst->span.last;
}

static void count_burst(struct count *count, const struct held *held, const struct read_burst *burst)
{
	bool first_time, now_then;

	if (!spans_meet(&held->may, burst->span.first, burst->span.last))
		return;
	first_time = take_bit(count->seen, burst->file);
	now_then = !burst->mapped && times_meet(&held->sure, burst->span.last, burst->span.last + count->exposure->window) &&
		   take_bit(count->then, burst->file);
	found_burst(&count->route->by_class[burst->class].found, burst, first_time, now_then);
	found_burst(&count->route->by_class[count->exposure->class_count].found, burst, first_time, now_then);
}

/* The first burst of a node; the bursts are in the order of nodes. */
static size_t first_read(const struct exposure *exposure, uint32_t node)
{
	size_t low = 0, high = exposure->reads.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (exposure->processes[LIST_AT(&exposure->reads, struct read_burst, middle)->process].node < node)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* So that timelines can tell the accesses concerned. */
static int note_exposed(struct exposure *exposure, const struct held *held)
{
	struct list *exposed = &exposure->processes[held->process].exposed;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < held->may.count; i++)
		err = spans_add(exposed, LIST_AT(&held->may, struct span, i)->first, LIST_AT(&held->may, struct span, i)->last);
	return err;
}

static int count_route(struct count *count)
{
	struct exposure *exposure = count->exposure;
	const struct held *held = NULL;
	struct list helds = {0};
	int err = back(count, &helds);
	size_t i;

	memset(count->seen, 0, exposure->file_count / 8 + 1);
	memset(count->then, 0, exposure->file_count / 8 + 1);
	for (i = first_read(exposure, count->route->nodes[0]); !err && i < exposure->reads.count; i++) {
		const struct read_burst *burst = LIST_AT(&exposure->reads, struct read_burst, i);

		if (exposure->processes[burst->process].node != count->route->nodes[0])
			break;
		if (!held || held->process != burst->process)
			held = held_find(&helds, burst->process, false);
		if (held)
			count_burst(count, held, burst);
	}
	for (i = 0; !err && i < helds.count; i++)
		err = note_exposed(exposure, LIST_AT(&helds, struct held, i));
	helds_done(&helds);
	return err;
}

int exposure_count(struct exposure *exposure)
{
	struct count count = {.exposure = exposure, .seen = malloc(exposure->file_count / 8 + 1), .then = malloc(exposure->file_count / 8 + 1)};
	int err = count.seen && count.then ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; !err && i < exposure->routes.count; i++) {
		count.route = LIST_AT(&exposure->routes, struct route, i);
		err = count_route(&count);
	}
	free(count.seen);
	free(count.then);
	return err;
}
