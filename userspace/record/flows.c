/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets: as files.c, by (process, socket, remote end). */
#include "record/record.h"
#include "record/reader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SILENCE SECOND
#define BURST_MAX (60 * SECOND)
#define BURSTS_KEPT 1024 /* as in files.c; these are kept while their process lives */

static struct flow_burst *flow_get(struct recorder *r, const struct flow_key *key)
{
	struct flow_burst *b = (struct flow_burst *)table_find(&r->flows, key);

	if (b)
		return b;
	b = xcalloc(1, sizeof(*b));
	b->key = *key;
	table_add(&r->flows, &b->node);
	return b;
}

/* A span of time grows; first is 0 where there is none. */
static void add_span(uint64_t *sum_first, uint64_t *sum_last, uint64_t first, uint64_t last)
{
	if (!first)
		return;
	if (!*sum_first || first < *sum_first)
		*sum_first = first;
	if (last > *sum_last)
		*sum_last = last;
}

static void add_time(struct flow_row *sum, uint64_t first, uint64_t last)
{
	add_span(&sum->first, &sum->last, first, last);
}

static void add_call(struct flow_row *sum, const struct record_flow *record)
{
	switch (record->what & WHAT_MASK) {
	case WHAT_CONNECT:
		sum->flags |= FLOW_CONNECTED;
		break;
	case WHAT_ACCEPT:
		sum->flags |= FLOW_ACCEPTED;
		break;
	case WHAT_WRITE:
	case WHAT_SEND:
		sum->sends++;
		sum->sent_bytes += record->bytes;
		add_span(&sum->sent_first, &sum->sent_last, record->head.time, record->head.time);
		break;
	case WHAT_READ:
	case WHAT_RECEIVE:
		if (!sum->sends && !sum->receives)
			sum->flags |= FLOW_FIRST_RECEIVE;
		sum->receives++;
		sum->received_bytes += record->bytes;
		add_span(&sum->received_first, &sum->received_last, record->head.time, record->head.time);
		break;
	case WHAT_REFUSED:
		sum->refused++;
		sum->error = (int32_t)(0u - (uint32_t)record->bytes);
		break;
	}
	add_time(sum, record->head.time, record->head.time);
}

static void set_text(char **text, struct text_view view)
{
	free(*text);
	*text = view.text ? xstrndup(view.text, view.length) : NULL;
}

/* A pid alone tells a reader of the report nothing, and it may be nobody's by then. */
static void set_peer(struct flow_burst *b, uint32_t peer)
{
	const char *executable;

	if (peer == b->ends.peer && b->peer_executable)
		return;
	executable = peer ? reader_executable(peer) : NULL;
	free(b->peer_executable);
	b->peer_executable = executable ? xstrndup(executable, strlen(executable)) : NULL;
}

void flows_record(struct recorder *r, const struct record_flow *record)
{
	struct flow_burst *b = flow_get(r, &record->key);

	/* a socket that listens has its own process noted, for those who connect */
	uint32_t peer = record->key.family == AF_UNIX && !(record->flags & FLOW_LISTEN) ? record->peer : 0;

	set_peer(b, peer);
	b->ends = *record;
	b->ends.peer = peer;
	b->ends_known = true;
	b->name_time = record->head.time;
	set_text(&b->local_path, record_text(&record->head, record->local_path));
	set_text(&b->remote_path, record_text(&record->head, record->remote_path));
	b->sum.flags |= record->flags;
	if ((record->what & WHAT_MASK) != WHAT_TOUCH && !r->names_only)
		add_call(&b->sum, record);
}

static void write_burst(struct recorder *r, struct flow_burst *b)
{
	uint32_t role = b->sum.flags;

	if (!b->ends_known)
		r->unresolved++;
	facts_flow(r, b);
	memset(&b->sum, 0, sizeof(b->sum));
	/* who began it stays true for later bursts */
	b->sum.flags = role;
}

void flows_row(const struct flow_key *key, const struct flow_row *row, void *recorder)
{
	struct recorder *r = recorder;
	struct flow_burst *b = flow_get(r, key);

	r->rows++;
	if (b->sum.first && row->first > b->sum.last + SILENCE)
		write_burst(r, b);
	b->sum.sends += row->sends;
	b->sum.sent_bytes += row->sent_bytes;
	b->sum.receives += row->receives;
	b->sum.received_bytes += row->received_bytes;
	b->sum.refused += row->refused;
	if (b->sum.first) /* traffic began in an earlier epoch */
		b->sum.flags |= row->flags & ~FLOW_FIRST_RECEIVE;
	else
		b->sum.flags |= row->flags;
	if (row->error)
		b->sum.error = row->error;
	add_time(&b->sum, row->first, row->last);
	add_span(&b->sum.sent_first, &b->sum.sent_last, row->sent_first, row->sent_last);
	add_span(&b->sum.received_first, &b->sum.received_last, row->received_first, row->received_last);
}

struct close_context {
	struct recorder *r;
	bool all;
};

static void close_flow(struct node *node, void *context)
{
	struct flow_burst *b = (struct flow_burst *)node;
	const struct close_context *c = context;
	struct process_key key = {.start = b->key.start, .tgid = b->key.tgid};
	const struct process *p = (struct process *)table_find(&c->r->processes, &key);
	bool over = p && p->ended && p->end_time < c->r->sensor.flipped;

	if (b->sum.first) {
		if (!c->all && !over && b->sum.last + SILENCE >= c->r->now && b->sum.last - b->sum.first < BURST_MAX)
			return;
		write_burst(c->r, b);
	}
	/* kept while its process lives: its role and its ends are not told again by the kernel */
	if (!c->all && !over && p)
		return;
	table_remove(&c->r->flows, node);
	free(b->local_path);
	free(b->remote_path);
	free(b->peer_executable);
	free(b);
}

void flows_close(struct recorder *r, bool all)
{
	struct close_context context = {.r = r, .all = all || r->flows.count > BURSTS_KEPT};

	table_each(&r->flows, close_flow, &context);
}

static void tell_open(struct node *node, void *recorder)
{
	struct flow_burst *b = (struct flow_burst *)node;

	if (b->sum.first)
		facts_flow(recorder, b);
}

void flows_open(struct recorder *r)
{
	table_each(&r->flows, tell_open, r);
}
