/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel moved between two objects, or handed over: as files.c, by (process, object, object). Both were counted in the same calls, so their names
 * are those of the bursts of files and flows, and are copied here, because those may be written and forgotten sooner.
 */
#include "record/facts_private.h"

#include <stdlib.h>
#include <string.h>

#define SILENCE SECOND
#define BURST_MAX (60 * SECOND)
#define BURSTS_KEPT 256 /* as in files.c */

static struct transfer_burst *transfer_get(struct recorder *r, const struct transfer_key *key)
{
	struct transfer_burst *b = (struct transfer_burst *)table_find(&r->transfers, key);

	if (b)
		return b;
	b = xcalloc(1, sizeof(*b));
	b->key = *key;
	table_add(&r->transfers, &b->node);
	return b;
}

static void name_end(const struct recorder *r, const struct transfer_burst *b, const struct object_id *id, struct transfer_end *end)
{
	struct file_key key = {
		.start = b->key.start, .tgid = b->key.tgid, .ino = id->ino, .dev = id->dev, .generation = id->generation};
	const struct file_burst *file = id->dev ? (struct file_burst *)table_find(&r->files, &key) : NULL;

	if (!file || !file->mode)
		return;
	free(end->path.text);
	end->path = file->path;
	end->path.text = file->path.text ? xstrndup(file->path.text, file->path.length) : NULL;
	end->mode = file->mode;
}

static void name_remote(const struct recorder *r, struct transfer_burst *b)
{
	struct flow_key key = {
		.start = b->key.start,
		.tgid = b->key.tgid,
		.ino = b->key.to.dev ? b->key.from.ino : b->key.to.ino,
		.family = b->key.family,
		.port = b->key.port,
	};
	const struct flow_burst *flow;

	memcpy(key.addr, b->key.addr, sizeof(key.addr));
	flow = (struct flow_burst *)table_find(&r->flows, &key);
	if (!flow || !flow->remote_path)
		return;
	free(b->remote_path);
	b->remote_path = xstrndup(flow->remote_path, strlen(flow->remote_path));
	b->abstract = flow->ends.abstract & 2;
}

static void add(struct recorder *r, struct transfer_burst *b, const struct transfer_row *row)
{
	b->sum.calls += row->calls;
	b->sum.bytes += row->bytes;
	b->sum.descriptors += row->descriptors;
	if (!b->sum.first || row->first < b->sum.first)
		b->sum.first = row->first;
	if (row->last > b->sum.last)
		b->sum.last = row->last;
	name_end(r, b, &b->key.from, &b->from);
	name_end(r, b, &b->key.to, &b->to);
	name_remote(r, b);
}

static void write_burst(struct recorder *r, struct transfer_burst *b)
{
	facts_transfer(r, b);
	memset(&b->sum, 0, sizeof(b->sum));
}

void transfers_row(const struct transfer_key *key, const struct transfer_row *row, void *recorder)
{
	struct recorder *r = recorder;
	struct transfer_burst *b = transfer_get(r, key);

	r->rows++;
	if (b->sum.first && row->first > b->sum.last + SILENCE)
		write_burst(r, b);
	add(r, b, row);
}

void transfers_record(struct recorder *r, const struct record_transfer *record)
{
	const struct transfer_row one = {.calls = record->bytes != 0, .bytes = record->bytes, .descriptors = !record->bytes,
		.first = record->head.time, .last = record->head.time};

	add(r, transfer_get(r, &record->key), &one);
}

struct close_context {
	struct recorder *r;
	bool all;
};

static void close_transfer(struct node *node, void *context)
{
	struct transfer_burst *b = (struct transfer_burst *)node;
	const struct close_context *c = context;
	struct process_key key = {.start = b->key.start, .tgid = b->key.tgid};
	const struct process *p = (struct process *)table_find(&c->r->processes, &key);
	bool over = c->all || (p && p->ended && p->end_time < c->r->sensor.flipped);

	if (!over && b->sum.last + SILENCE >= c->r->now && b->sum.last - b->sum.first < BURST_MAX)
		return;
	write_burst(c->r, b);
	table_remove(&c->r->transfers, node);
	free(b->from.path.text);
	free(b->to.path.text);
	free(b->remote_path);
	free(b);
}

void transfers_close(struct recorder *r, bool all)
{
	struct close_context context = {.r = r, .all = all || r->transfers.count > BURSTS_KEPT};

	table_each(&r->transfers, close_transfer, &context);
}

static void tell_open(struct node *node, void *recorder)
{
	facts_transfer(recorder, (struct transfer_burst *)node);
}

void transfers_open(struct recorder *r)
{
	table_each(&r->transfers, tell_open, r);
}

/* ---- the fact ---- */

struct end_keys {
	const char *path, *path_raw, *device, *inode, *generation, *type;
};

static void file_end(struct fact *f, const struct object_id *id, const struct transfer_end *end, const struct end_keys *keys)
{
	const struct file_burst file = {.key.ino = id->ino, .path = end->path, .mode = end->mode};

	if (end->mode) {
		facts_path(f, keys->path, keys->path_raw, &file);
		fact_text(f, keys->type, facts_file_type(&file));
	}
	device(f, keys->device, id->dev);
	fact_number_text(f, keys->inode, id->ino);
	fact_number(f, keys->generation, id->generation);
}

static void socket_end(struct fact *f, const struct transfer_burst *b, const char *key, uint64_t ino)
{
	struct flow_burst flow = {.key.family = b->key.family, .key.port = b->key.port, .remote_path = b->remote_path};

	memcpy(flow.key.addr, b->key.addr, sizeof(flow.key.addr));
	flow.ends.abstract = b->abstract ? 2 : 0;
	fact_number_text(f, key, ino);
	facts_remote(f, &flow);
}

void facts_transfer(struct recorder *r, const struct transfer_burst *b)
{
	static const struct end_keys from = {
		"file.path", "quis.file.path_raw", "quis.file.device", "file.inode", "quis.file.generation", "file.type"};
	static const struct end_keys to = {"quis.transfer.to_path", "quis.transfer.to_path_raw", "quis.transfer.to_device",
		"quis.transfer.to_inode", "quis.transfer.to_generation", "quis.transfer.to_type"};
	static const char *const types[] = {"access"};
	struct fact *f = r->fact;

	begin(r, "transfer", b->sum.last);
	kind(f, "file", types, 1);
	who(r, b->key.start, b->key.tgid);
	fact_time(f, "event.start", real(r, b->sum.first));
	fact_time(f, "event.end", real(r, b->sum.last));
	if (b->key.from.dev)
		file_end(f, &b->key.from, &b->from, &from);
	else
		socket_end(f, b, "quis.transfer.from_flow", b->key.from.ino);
	if (b->key.to.dev)
		file_end(f, &b->key.to, &b->to, &to);
	else
		socket_end(f, b, "quis.transfer.to_flow", b->key.to.ino);
	fact_count(f, "quis.transfer.calls", b->sum.calls);
	fact_count(f, "quis.transfer.bytes", b->sum.bytes);
	fact_count(f, "quis.transfer.descriptors", b->sum.descriptors);
	end(r);
}
