/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files: the epochs of one (process, file) joined into a burst, which ends after a second of silence, after a minute, or with the
 * process. A name arrives in a record, the counts in a row at the end of the epoch; either may come first.
 */
#include "record/record.h"

#include <stdlib.h>
#include <string.h>

#define SILENCE SECOND
#define BURST_MAX (60 * SECOND)
/* More than this are written at once: all that are open are told each second in open.ndjson, and two bursts are as exact as one. */
#define BURSTS_KEPT 256
#define DRAIN_EVERY 512 /* facts */
#define SPARE_MAX 16384 /* bursts that are kept to be used again: a second's worth of a busy scanner, 5 MiB */

static struct file_burst *file_new(struct recorder *r)
{
	struct file_burst *b = (struct file_burst *)r->spare_files;

	if (!b)
		return xcalloc(1, sizeof(*b));
	r->spare_files = b->node.next;
	r->spare_files_count--;
	memset(b, 0, sizeof(*b));
	return b;
}

static void drop_path(struct file_burst *b)
{
	if (b->path.text != b->short_path)
		free(b->path.text);
}

static void file_free(struct recorder *r, struct file_burst *b)
{
	drop_path(b);
	if (b->more) {
		free(b->more->view.text);
		free(b->more->lower.text);
		free(b->more);
	}
	if (r->spare_files_count == SPARE_MAX) {
		free(b);
		return;
	}
	b->node.next = r->spare_files;
	r->spare_files = &b->node;
	r->spare_files_count++;
}

static struct file_burst *file_get(struct recorder *r, const struct file_key *key)
{
	struct file_burst *b = (struct file_burst *)table_find(&r->files, key);

	if (b)
		return b;
	b = file_new(r);
	b->key = *key;
	table_add(&r->files, &b->node);
	return b;
}

static bool same_text(struct text_view a, struct text_view b)
{
	return a.text && b.text && a.length == b.length && !memcmp(a.text, b.text, a.length);
}

static void set_name(struct name *name, struct text_view view, uint32_t flags)
{
	if (same_text((struct text_view){name->text, name->length}, view)) {
		name->flags = flags;
		return;
	}
	free(name->text);
	name->text = view.text ? xstrndup(view.text, view.length) : NULL;
	name->length = view.length;
	name->flags = flags;
}

static void set_path(struct file_burst *b, struct text_view view, uint32_t flags)
{
	drop_path(b);
	b->path = (struct name){.length = view.length, .flags = flags};
	if (!view.text)
		return;
	if (view.length < SHORT_PATH) {
		memcpy(b->short_path, view.text, view.length);
		b->short_path[view.length] = '\0';
		b->path.text = b->short_path;
	} else {
		b->path.text = xstrndup(view.text, view.length);
	}
}

static struct file_more *more_of(struct file_burst *b)
{
	if (!b->more)
		b->more = xcalloc(1, sizeof(*b->more));
	return b->more;
}

/* The path as the process has it, where that is another, and what lies beneath. */
static void set_more(struct file_burst *b, const struct record_file *record, struct text_view view, struct text_view lower)
{
	struct file_more *more;

	if (!b->more && !view.text && !record->lower_layer)
		return;
	more = more_of(b);
	set_name(&more->view, view, 0);
	set_name(&more->lower, lower, 0);
	more->lower_ino = record->lower_ino;
	more->lower_dev = record->lower_dev;
	more->lower_layer = record->lower_layer;
}

static void add_time(uint64_t *first, uint64_t *last, uint64_t row_first, uint64_t row_last)
{
	if (!*first || row_first < *first)
		*first = row_first;
	if (row_last > *last)
		*last = row_last;
}

static void add_giver(struct givers *givers, uint32_t tgid)
{
	unsigned i;

	for (i = 0; i < givers->count; i++)
		if (givers->tgid[i] == tgid)
			return;
	if (tgid && givers->count < GIVERS_KEPT)
		givers->tgid[givers->count++] = tgid;
	else
		givers->more = true;
}

static void add_givers(struct givers *givers, const struct file_row *row)
{
	uint32_t i, known = 0;

	for (i = 0; i < FROM_KEPT && row->from[i]; i++, known++)
		add_giver(givers, row->from[i]);
	if (row->from_told > known)
		givers->more = true;
}

/* The one call of a record that found no room in the counters. */
static void add_call(struct file_row *sum, const struct record_file *record)
{
	switch (record->what & WHAT_MASK) {
	case WHAT_OPEN:
		sum->opens++;
		break;
	case WHAT_READ:
		sum->reads++;
		sum->read_bytes += record->bytes;
		break;
	case WHAT_WRITE:
		sum->writes++;
		sum->write_bytes += record->bytes;
		break;
	case WHAT_MAP:
		sum->maps++;
		sum->mapped_bytes += record->bytes;
		break;
	case WHAT_LIST:
		sum->lists++;
		break;
	case WHAT_STAT:
		sum->stats++;
		break;
	case WHAT_FAULT:
		sum->faults++;
		sum->faulted_bytes += record->bytes;
		break;
	case WHAT_FAULT_MORE:
		sum->faulted_bytes += record->bytes;
		break;
	}
	sum->how |= record->what & HOW_MASK;
	sum->events |= record->what >> EVENTS_SHIFT;
	add_time(&sum->first, &sum->last, record->head.time, record->head.time);
}

void files_record(struct recorder *r, const struct record_file *record)
{
	struct file_burst *b = file_get(r, &record->key);
	static char bytes[SCRATCH_BYTES];
	struct text_view path = joined(&record->head, record->path, record->path_given, bytes), view = record_text(&record->head, record->view);

	set_path(b, path, record->path_flags);
	b->mode = record->mode;
	b->rdev = record->rdev;
	b->magic = record->magic;
	set_more(b, record, same_text(view, path) ? (struct text_view){NULL, 0} : view, record_text(&record->head, record->lower));
	b->name_time = record->head.time;
	if (record->what == WHAT_TOUCH || r->names_only)
		return;
	add_call(&b->sum, record);
	if (record->what & HOW_GIVEN)
		add_giver(&more_of(b)->givers, record->from);
}

static void write_burst(struct recorder *r, struct file_burst *b)
{
	if (!b->path.text && !(b->path.flags & PATH_PSEUDO))
		r->unresolved++;
	uses_file(r, b);
	self_file(r, b);
	if (b->key.by_name)
		facts_looked(r, b);
	else
		facts_file(r, b);
	memset(&b->sum, 0, sizeof(b->sum));
	if (b->more) {
		b->more->givers.count = 0;
		b->more->givers.more = false;
	}
}

void files_row(const struct file_key *key, const struct file_row *row, void *recorder)
{
	struct recorder *r = recorder;
	struct file_burst *b = file_get(r, key);

	r->rows++;
	if (b->sum.first && row->first > b->sum.last + SILENCE)
		write_burst(r, b);
	b->sum.opens += row->opens;
	b->sum.reads += row->reads;
	b->sum.read_bytes += row->read_bytes;
	b->sum.writes += row->writes;
	b->sum.write_bytes += row->write_bytes;
	b->sum.maps += row->maps;
	b->sum.mapped_bytes += row->mapped_bytes;
	b->sum.lists += row->lists;
	b->sum.stats += row->stats;
	b->sum.faults += row->faults;
	b->sum.faulted_bytes += row->faulted_bytes;
	b->sum.how |= row->how;
	b->sum.deleted |= row->deleted;
	b->sum.events |= row->events;
	if (row->from_told)
		add_givers(&more_of(b)->givers, row);
	add_time(&b->sum.first, &b->sum.last, row->first, row->last);
}

static bool process_over(struct recorder *r, uint64_t start, uint32_t tgid)
{
	struct process_key key = {.start = start, .tgid = tgid};
	const struct process *p = (struct process *)table_find(&r->processes, &key);

	return p && p->ended && p->end_time < r->sensor.flipped;
}

struct close_context {
	struct recorder *r;
	bool all;
	unsigned written;
};

static bool over(const struct close_context *c, uint64_t first, uint64_t last, uint64_t start, uint32_t tgid)
{
	return c->all || last + SILENCE < c->r->now || last - first >= BURST_MAX || process_over(c->r, start, tgid);
}

static void close_file(struct node *node, void *context)
{
	struct file_burst *b = (struct file_burst *)node;
	struct close_context *c = context;

	if (b->sum.first) {
		if (!over(c, b->sum.first, b->sum.last, b->key.start, b->key.tgid))
			return;
		write_burst(c->r, b);
		/* writing takes time in which the rings fill */
		if (!(++c->written % DRAIN_EVERY))
			recorder_drain(c->r);
	}
	/* a name of the epoch that counts now waits for its row */
	if (b->name_time >= c->r->sensor.flipped && !process_over(c->r, b->key.start, b->key.tgid))
		return;
	table_remove(&c->r->files, node);
	file_free(c->r, b);
}

/* One request of io_uring that asked for the metadata of a name: elsewhere the kernel side counts these. `result`: 0, or a negative errno. */
void files_looked(struct recorder *r, const struct record_head *head, int64_t result, struct text_view path)
{
	struct file_key key = {
		.start = head->start,
		.tgid = head->tgid,
		.ino = flag_hash(path.text ? path.text : "", path.length),
		.generation = result < 0 ? (uint32_t)-result : 0,
		.by_name = 1,
	};
	struct file_burst *b = file_get(r, &key);

	set_path(b, path, PATH_ARGUMENT);
	b->sum.stats++;
	add_time(&b->sum.first, &b->sum.last, head->time, head->time);
}

/* ---- refused opens ---- */

/* `error`: negative errno */
void files_refused(struct recorder *r, const struct record_head *head, int error, struct text_view path)
{
	struct refused_key key = {
		.start = head->start,
		.tgid = head->tgid,
		.path_hash = flag_hash(path.text ? path.text : "", path.length),
		.error = (uint32_t)0 - error,
	};
	struct refused_burst *b = (struct refused_burst *)table_find(&r->refused, &key);

	if (!b) {
		b = xcalloc(1, sizeof(*b));
		b->key = key;
		set_name(&b->path, path, 0);
		table_add(&r->refused, &b->node);
	}
	b->count++;
	add_time(&b->first, &b->last, head->time, head->time);
}

static void close_refused(struct node *node, void *context)
{
	struct refused_burst *b = (struct refused_burst *)node;
	const struct close_context *c = context;

	if (!over(c, b->first, b->last, b->key.start, b->key.tgid))
		return;
	facts_refused(c->r, b);
	table_remove(&c->r->refused, node);
	free(b->path.text);
	free(b);
}

void files_close(struct recorder *r, bool all)
{
	struct close_context context = {.r = r, .all = all || r->files.count > BURSTS_KEPT};

	table_each(&r->files, close_file, &context);
	/* a second's worth is a burst */
	context.all = true;
	table_each(&r->refused, close_refused, &context);
}

static void tell_open(struct node *node, void *recorder)
{
	struct file_burst *b = (struct file_burst *)node;

	if (b->sum.first && b->key.by_name)
		facts_looked(recorder, b);
	else if (b->sum.first)
		facts_file(recorder, b);
}

void files_open(struct recorder *r)
{
	table_each(&r->files, tell_open, r);
}

void files_done(struct recorder *r)
{
	struct node *next;

	for (; r->spare_files; r->spare_files = next) {
		next = r->spare_files->next;
		free(r->spare_files);
	}
	r->spare_files_count = 0;
	table_done(&r->files);
}
