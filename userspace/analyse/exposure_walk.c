/* SPDX-License-Identifier: BSD-2-Clause */
/* Forward in time: from what was read, over what was passed on, to where it left. */
#include "exposure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORK_MAX 100000000 /* passings looked at */

struct next { /* another process, or a target, that something passed to */
	uint32_t node, target;
	uint64_t sent, sent_most;
	struct span when;
	const struct passing *example;
	struct list helds;
};

struct walk {
	struct exposure *exposure;
	size_t class; /* class_count: all */
	uint64_t work;
	uint32_t depth;
	uint32_t nodes[ROUTE_DEPTH];
	const struct next *steps[ROUTE_DEPTH]; /* by which the node was reached; of the first none */
};

/* What this passing did, given what its giver had. */
struct judged {
	bool may, first, last, whole; /* possibly; surely so at its first and last end; surely all of it */
};

static struct judged judge(const struct exposure *exposure, const struct held *held, const struct passing *passing)
{
	struct judged judged = {.may = spans_meet(&held->may, passing->given.first, passing->given.last)};

	if (!judged.may || !passing->exact)
		return judged;
	judged.first = times_meet(&held->sure, passing->given.first - exposure->window, passing->given.first);
	judged.last = times_meet(&held->sure, passing->given.last - exposure->window, passing->given.last);
	judged.whole = times_meet(&held->sure, passing->given.last - exposure->window, passing->given.first);
	return judged;
}

/* What the receiver then has, and since when. */
static int receive(const struct exposure *exposure, struct list *helds, const struct passing *passing, struct judged judged)
{
	struct held *held = held_find(helds, passing->receiver, true);
	int err = held ? spans_add(&held->may, passing->taken.first, passing->taken.last + exposure->window) : -ENOMEM;

	if (err || !passing_whole(passing))
		return err;
	if (judged.first)
		err = times_add(&held->sure, passing->taken.first);
	if (!err && judged.last)
		err = times_add(&held->sure, passing->taken.last);
	return err;
}

static void widen(struct span *span, const struct span *more)
{
	if (!span->first || more->first < span->first)
		span->first = more->first;
	if (more->last > span->last)
		span->last = more->last;
}

static void add(uint64_t *sum, uint64_t more)
{
	if (__builtin_add_overflow(*sum, more, sum))
		*sum = UINT64_MAX;
}

static struct next *find_next(struct list *nexts, uint32_t node, uint32_t target)
{
	struct next *next;
	size_t i;

	for (i = nexts->count; i--;) {
		next = LIST_AT(nexts, struct next, i);
		if (next->node == node && next->target == target)
			return next;
	}
	next = list_add(nexts, sizeof(*next));
	if (next) {
		next->node = node;
		next->target = target;
	}
	return next;
}

static bool on_route(const struct walk *walk, uint32_t node)
{
	uint32_t i;

	for (i = 0; i < walk->depth; i++)
		if (walk->nodes[i] == node)
			return true;
	return false;
}

static int pass(struct walk *walk, struct list *nexts, const struct held *held, struct passing *passing)
{
	struct exposure *exposure = walk->exposure;
	uint32_t node = passing->receiver ? exposure->processes[passing->receiver].node : 0;
	struct judged judged;
	struct next *next;

	if (node && on_route(walk, node))
		return 0;
	judged = judge(exposure, held, passing);
	if (!judged.may)
		return 0;
	next = find_next(nexts, node, passing->target);
	if (!next)
		return -ENOMEM;
	passing->exposed |= !node;
	add(&next->sent_most, passing->bytes);
	if (judged.whole)
		add(&next->sent, passing->bytes);
	/* That there was a fork as well says less than what was given. */
	if (!next->example || (next->example->way == WAY_FORK && passing->way != WAY_FORK)) {
		next->example = passing;
		next->when = passing->given;
	} else if (passing->way != WAY_FORK || next->example->way == WAY_FORK) {
		widen(&next->when, &passing->given);
		if (passing->bytes > next->example->bytes)
			next->example = passing;
	}
	return node ? receive(exposure, &next->helds, passing, judged) : 0;
}

/* Among processes of one node: what one of them has, others may get. */
static int share(struct walk *walk, struct list *helds)
{
	const struct exposure *exposure = walk->exposure;
	uint32_t node = walk->nodes[walk->depth - 1];
	struct list more = {0};
	size_t i, k, end;
	int err = 0;

	for (i = 0; !err && i < helds->count; i++) {
		const struct held *held = LIST_AT(helds, struct held, i);

		passings_of(exposure, held->process, &k, &end);
		for (; !err && k < end; k++) {
			const struct passing *passing = LIST_AT(&exposure->passings, struct passing, k);
			struct judged judged = {0};

			if (passing->receiver && exposure->processes[passing->receiver].node == node && !held_find(helds, passing->receiver, false))
				judged = judge(exposure, held, passing);
			if (judged.may)
				err = receive(exposure, &more, passing, judged);
		}
	}
	helds_settle(&more);
	return helds_take(helds, &more, err);
}

static struct route *find_route(struct exposure *exposure, const struct walk *walk, uint32_t target)
{
	struct route *route;
	size_t i;

	for (i = 0; i < exposure->routes.count; i++) {
		route = LIST_AT(&exposure->routes, struct route, i);
		if (route->target == target && route->depth == walk->depth && !memcmp(route->nodes, walk->nodes, walk->depth * sizeof(walk->nodes[0])))
			return route;
	}
	if (exposure->routes.count >= ROUTES_MAX) {
		exposure->routes_cut = true;
		return NULL;
	}
	route = list_add(&exposure->routes, sizeof(*route));
	if (!route)
		return NULL;
	memcpy(route->nodes, walk->nodes, walk->depth * sizeof(walk->nodes[0]));
	route->depth = walk->depth;
	route->target = target;
	return route;
}

/* A way to a target was found. */
static void arrive(struct walk *walk, const struct next *last)
{
	struct route *route = find_route(walk->exposure, walk, last->target);
	struct route_class *of;
	uint32_t i;

	if (!route)
		return;
	of = &route->by_class[walk->class];
	of->any = true;
	of->sent = last->sent;
	of->sent_most = last->sent_most;
	of->span = last->when;
	for (i = 0; i < walk->depth; i++) {
		const struct next *step = i + 1 < walk->depth ? walk->steps[i + 1] : last;

		of->steps[i] = (struct route_step){.sent = step->sent, .sent_most = step->sent_most, .when = step->when, .way = step->example->way,
			.object = step->example->object, .giver = step->example->giver, .receiver = step->example->receiver};
	}
}

static int by_most(const void *a, const void *b)
{
	const struct next *left = a, *right = b;

	return (left->sent_most < right->sent_most) - (left->sent_most > right->sent_most);
}

static int visit(struct walk *walk, struct list *helds);

static int follow(struct walk *walk, struct list *nexts)
{
	size_t i, targets = 0;
	int err = 0;

	qsort(nexts->items, nexts->count, sizeof(struct next), by_most);
	for (i = 0; i < nexts->count; i++) {
		struct next *next = LIST_AT(nexts, struct next, i);

		if (next->target && targets++ < TARGETS_MAX)
			arrive(walk, next);
	}
	walk->exposure->targets_cut |= targets > TARGETS_MAX;
	for (i = 0; !err && i < nexts->count; i++) {
		struct next *next = LIST_AT(nexts, struct next, i);

		if (next->target)
			continue;
		if (walk->depth == ROUTE_DEPTH) {
			walk->exposure->depth_cut = true;
			break;
		}
		walk->steps[walk->depth] = next;
		walk->nodes[walk->depth++] = next->node;
		err = visit(walk, &next->helds);
		walk->depth--;
	}
	return err;
}

static int visit(struct walk *walk, struct list *helds)
{
	struct exposure *exposure = walk->exposure;
	struct list nexts = {0};
	size_t i, k, end;
	int err;

	helds_settle(helds);
	err = share(walk, helds);
	for (i = 0; !err && i < helds->count; i++) {
		const struct held *held = LIST_AT(helds, struct held, i);

		passings_of(exposure, held->process, &k, &end);
		walk->work += end - k;
		for (; !err && k < end && walk->work < WORK_MAX; k++)
			err = pass(walk, &nexts, held, LIST_AT(&exposure->passings, struct passing, k));
	}
	exposure->routes_cut |= walk->work >= WORK_MAX;
	if (!err)
		err = nexts.count ? follow(walk, &nexts) : 0;
	for (i = 0; i < nexts.count; i++)
		helds_done(&LIST_AT(&nexts, struct next, i)->helds);
	list_done(&nexts);
	return err;
}

/* From the bursts from first to end, all of one node, and of the class. */
static int start(struct walk *walk, size_t first, size_t end)
{
	struct exposure *exposure = walk->exposure;
	struct list helds = {0};
	size_t i;
	int err = 0;

	for (i = first; !err && i < end; i++) {
		const struct read_burst *burst = LIST_AT(&exposure->reads, struct read_burst, i);
		struct held *held = held_find(&helds, burst->process, true);

		err = held ? spans_add(&held->may, burst->span.first, burst->span.last + exposure->window) : -ENOMEM;
		if (!err && !burst->mapped)
			err = times_add(&held->sure, burst->span.last);
	}
	walk->depth = 1;
	walk->nodes[0] = exposure->processes[LIST_AT(&exposure->reads, struct read_burst, first)->process].node;
	if (!err)
		err = visit(walk, &helds);
	helds_done(&helds);
	return err;
}

static int by_place(const void *a, const void *b, void *context)
{
	const struct process_info *processes = context;
	const struct read_burst *left = a, *right = b;

	if (processes[left->process].node != processes[right->process].node)
		return processes[left->process].node < processes[right->process].node ? -1 : 1;
	if (left->class != right->class)
		return left->class - right->class;
	if (left->process != right->process)
		return left->process < right->process ? -1 : 1;
	return (left->span.first > right->span.first) - (left->span.first < right->span.first);
}

static size_t same(const struct exposure *exposure, size_t first, bool class)
{
	const struct read_burst *begin = LIST_AT(&exposure->reads, struct read_burst, first), *burst;
	size_t i;

	for (i = first + 1; i < exposure->reads.count; i++) {
		burst = LIST_AT(&exposure->reads, struct read_burst, i);
		if (exposure->processes[burst->process].node != exposure->processes[begin->process].node || (class && burst->class != begin->class))
			break;
	}
	return i;
}

int exposure_walk(struct exposure *exposure)
{
	struct walk walk = {.exposure = exposure};
	size_t i, end;
	int err = 0;

	if (!exposure->reads.count)
		return 0;
	qsort_r(exposure->reads.items, exposure->reads.count, sizeof(struct read_burst), by_place, exposure->processes);
	/* Class by class first: where the number of routes is cut, those of what tells most are there. */
	for (i = 0; !err && i < exposure->reads.count; i = end) {
		end = same(exposure, i, true);
		walk.class = LIST_AT(&exposure->reads, struct read_burst, i)->class;
		err = start(&walk, i, end);
	}
	for (i = 0; !err && i < exposure->reads.count; i = end) {
		end = same(exposure, i, false);
		walk.class = exposure->class_count;
		err = start(&walk, i, end);
	}
	return err;
}
