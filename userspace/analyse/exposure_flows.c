/* SPDX-License-Identifier: BSD-2-Clause */
/* What left over sockets: the two ends are joined where both were recorded, by the kernel's own numbers or by their addresses. */
#include "exposure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum family { FAMILY_UNIX = 1, FAMILY_INET, FAMILY_OTHER };

/* A burst on a socket. Texts are numbers of table names; 0: not known. */
struct use {
	uint32_t row, process;
	uint32_t socket, peer, local, remote, place;
	uint8_t family;
	bool sent_exact, received_exact;
	struct span sent, received;
	uint64_t sent_bytes, received_bytes;
	int64_t peer_pid;
};

struct flows {
	struct exposure *exposure;
	struct intern names;
	struct list uses;
	struct list by_socket, by_local; /* struct receiver: those that received */
	uint32_t *peers;		 /* of a socket, by the number of its name */
};

struct receiver {
	uint32_t key, use;
};

/* kind keeps apart what is not the same sort of name. */
static uint32_t name_number(struct intern *names, char kind, const char *text)
{
	char key[512];
	uint32_t id = 0, *note;
	int len;

	if (!text || !*text)
		return 0;
	len = snprintf(key, sizeof(key), "%c%s", kind, text);
	if (len < 0 || intern_add(names, key, (size_t)len < sizeof(key) ? (size_t)len : sizeof(key) - 1, &id, &note) < 0)
		return 0;
	return id;
}

static uint8_t family_of(const char *name)
{
	if (name && !strcmp(name, "unix"))
		return FAMILY_UNIX;
	return name && !strncmp(name, "inet", 4) ? FAMILY_INET : FAMILY_OTHER;
}

/* Older cases tell only when the burst began and ended. */
static void get_span(sqlite3_stmt *row, int column, struct span *span, bool *exact)
{
	span->first = exposure_time(row, column);
	span->last = exposure_time(row, column + 1);
	*exact = span->first && span->last;
	if (*exact)
		return;
	span->first = exposure_time(row, 2);
	span->last = exposure_time(row, 3);
}

static const char flows_sql[] =
	"SELECT id, process, first, last, first_sent, last_sent, first_received, last_received, flow_id, peer_id, local, remote,"
	" family, sent_bytes, received_bytes, peer_pid, direction FROM flow WHERE (sent_bytes > 0 OR received_bytes > 0) AND family IS NOT 'netlink'";

static const char *text_of(sqlite3_stmt *row, int column)
{
	return (const char *)sqlite3_column_text(row, column);
}

/* Where a client comes from: without its port. */
static uint32_t place_of(struct flows *flows, sqlite3_stmt *row)
{
	const char *remote = text_of(row, 11), *direction = text_of(row, 16);
	char place[300], *colon;

	if (!remote)
		return name_number(&flows->exposure->target_names, 'o', text_of(row, 12));
	snprintf(place, sizeof(place), "%s", remote);
	colon = direction && !strcmp(direction, "ingress") ? strrchr(place, ':') : NULL;
	if (colon)
		*colon = '\0';
	return name_number(&flows->exposure->target_names, 'n', place);
}

static int add_use(struct flows *flows, sqlite3_stmt *row)
{
	struct use *use = list_add(&flows->uses, sizeof(*use));

	if (!use)
		return -ENOMEM;
	use->row = sqlite3_column_int64(row, 0);
	use->process = sqlite3_column_int64(row, 1);
	get_span(row, 4, &use->sent, &use->sent_exact);
	get_span(row, 6, &use->received, &use->received_exact);
	use->socket = name_number(&flows->names, 's', text_of(row, 8));
	use->peer = name_number(&flows->names, 's', text_of(row, 9));
	use->local = name_number(&flows->names, 'a', text_of(row, 10));
	use->remote = name_number(&flows->names, 'a', text_of(row, 11));
	use->family = family_of(text_of(row, 12));
	use->sent_bytes = sqlite3_column_int64(row, 13);
	use->received_bytes = sqlite3_column_int64(row, 14);
	use->peer_pid = sqlite3_column_int64(row, 15);
	if (use->family != FAMILY_UNIX && use->sent_bytes)
		use->place = place_of(flows, row);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct receiver *left = a, *right = b;

	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	return (left->use > right->use) - (left->use < right->use);
}

static int add_receiver(struct list *list, uint32_t key, uint32_t use)
{
	struct receiver *new = key ? list_add(list, sizeof(*new)) : NULL;

	if (new)
		*new = (struct receiver){key, use};
	return key && !new ? -ENOMEM : 0;
}

/* Of the sockets of a process that go by a name: the only one; UINT32_MAX: there are several. */
static uint32_t *only_socket(struct flows *flows, char kind, const struct use *use, uint32_t name, int64_t other)
{
	char key[64];
	uint32_t id, *note = NULL;
	int len = snprintf(key, sizeof(key), "%c%u/%u/%lld", kind, use->process, name, (long long)other);

	return intern_add(&flows->names, key, len, &id, &note) < 0 ? NULL : note;
}

static void note_only(struct flows *flows, char kind, const struct use *use, uint32_t name, int64_t other)
{
	uint32_t *note = name ? only_socket(flows, kind, use, name, other) : NULL;

	if (note)
		*note = *note && *note != use->socket ? UINT32_MAX : use->socket;
}

/* Neither end is known by the other's number: the one closed before the other was accepted. Is there only one that it can have been? */
static bool only_pair(struct flows *flows, const struct use *giver, const struct use *receiver)
{
	uint32_t *from = only_socket(flows, 'g', giver, giver->remote, 0);
	bool one = from && *from == giver->socket;
	uint32_t *to = one ? only_socket(flows, 't', receiver, receiver->local, receiver->peer_pid) : NULL;

	return to && *to == receiver->socket && receiver->peer_pid == flows->exposure->processes[giver->process].pid;
}

static int arrange(struct flows *flows)
{
	size_t i;
	int err = 0;

	flows->peers = calloc(flows->names.count + 1ul, sizeof(*flows->peers));
	if (!flows->peers)
		return -ENOMEM;
	for (i = 0; !err && i < flows->uses.count; i++) {
		const struct use *use = LIST_AT(&flows->uses, struct use, i);

		if (use->socket && use->peer) {
			flows->peers[use->socket] = use->peer;
			flows->peers[use->peer] = use->socket;
		}
		if (use->family == FAMILY_UNIX && use->sent_bytes)
			note_only(flows, 'g', use, use->remote, 0);
		if (!use->received_bytes)
			continue;
		if (use->family == FAMILY_UNIX)
			note_only(flows, 't', use, use->local, use->peer_pid);
		err = use->family == FAMILY_UNIX ? add_receiver(&flows->by_socket, use->socket, i) : 0;
		if (!err)
			err = add_receiver(&flows->by_local, use->local, i);
	}
	if (flows->by_socket.count)
		qsort(flows->by_socket.items, flows->by_socket.count, sizeof(struct receiver), by_key);
	if (flows->by_local.count)
		qsort(flows->by_local.items, flows->by_local.count, sizeof(struct receiver), by_key);
	return err;
}

static size_t first_of(const struct list *list, uint32_t key)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (LIST_AT(list, struct receiver, middle)->key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Could the one have received what the other sent? It is taken out within the window, or it is not followed. */
static bool in_time(const struct flows *flows, const struct use *giver, const struct use *receiver)
{
	return receiver->received.last >= giver->sent.first && receiver->received.first <= giver->sent.last + flows->exposure->window;
}

static struct passing passing_of(const struct use *use, uint8_t way)
{
	return (struct passing){.giver = use->process, .object = use->row, .way = way, .exact = use->sent_exact, .given = use->sent, .taken = use->sent,
		.bytes = use->sent_bytes};
}

/* To each that received at that end. 1: there was one; 0: none. */
static int join(struct flows *flows, const struct use *giver, const struct list *list, uint32_t key, uint8_t way)
{
	size_t i = first_of(list, key);
	int found = 0, err = 0;

	for (; !err && i < list->count && LIST_AT(list, struct receiver, i)->key == key; i++) {
		const struct use *use = LIST_AT(&flows->uses, struct use, LIST_AT(list, struct receiver, i)->use);
		struct passing passing = passing_of(giver, way);

		if (use->family != giver->family || (way == WAY_LOOPBACK && use->remote != giver->local))
			continue;
		found = 1;
		if (use->process == giver->process || !in_time(flows, giver, use))
			continue;
		passing.receiver = use->process;
		passing.taken = use->received;
		passing.taken_bytes = use->received_bytes;
		/* A name is for many to send to: what came first need not be from this one. */
		passing.exact = giver->sent_exact && use->received_exact && (way == WAY_LOOPBACK || list == &flows->by_socket || only_pair(flows, giver, use));
		err = passing_add(flows->exposure, &passing);
	}
	return err ? err : found;
}

static uint32_t process_of_pid(const struct exposure *exposure, int64_t pid, const struct span *when)
{
	uint32_t i;

	for (i = 1; pid > 0 && i <= exposure->process_count; i++)
		if (exposure->processes[i].pid == pid && exposure->processes[i].life.first <= when->last && exposure->processes[i].life.last >= when->first)
			return i;
	return 0;
}

static int add_target(struct exposure *exposure, struct passing *passing, uint32_t name, bool outside)
{
	struct target *target;

	while (exposure->targets.count < name) {
		if (!list_add(&exposure->targets, sizeof(*target)))
			return -ENOMEM;
	}
	if (!name)
		return 0;
	target = LIST_AT(&exposure->targets, struct target, name - 1);
	target->flow = passing->object;
	target->outside = outside;
	passing->target = name;
	return passing_add(exposure, passing);
}

/* The other end of a unix socket is not among what was recorded, or not as a socket. */
static int give_to_pid(struct flows *flows, const struct use *use)
{
	struct exposure *exposure = flows->exposure;
	struct passing passing = passing_of(use, WAY_UNIX);
	char key[32];

	passing.receiver = process_of_pid(exposure, use->peer_pid, &use->sent);
	if (passing.receiver == use->process)
		return 0;
	passing.exact = false;
	if (passing.receiver)
		return passing_add(exposure, &passing);
	passing.exact = use->sent_exact;
	snprintf(key, sizeof(key), "%lld/%u", (long long)use->peer_pid, use->remote);
	return add_target(exposure, &passing, name_number(&exposure->target_names, 'p', key), true);
}

static int give(struct flows *flows, const struct use *use)
{
	uint32_t peer = use->peer ? use->peer : use->socket ? flows->peers[use->socket] : 0;
	struct passing passing;
	int got = 0;

	if (use->family == FAMILY_UNIX) {
		got = peer ? join(flows, use, &flows->by_socket, peer, WAY_UNIX) : 0;
		if (!got && !peer && use->remote)
			got = join(flows, use, &flows->by_local, use->remote, WAY_UNIX);
		return got ? (got < 0 ? got : 0) : give_to_pid(flows, use);
	}
	if (use->family == FAMILY_INET && use->remote)
		got = join(flows, use, &flows->by_local, use->remote, WAY_LOOPBACK);
	if (got)
		return got < 0 ? got : 0;
	passing = passing_of(use, WAY_LOOPBACK);
	return add_target(flows->exposure, &passing, use->place, false);
}

static int load(struct flows *flows)
{
	sqlite3_stmt *row;
	size_t i;
	int err = 0;

	if (sqlite3_prepare_v2(flows->exposure->db, flows_sql, -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	while (!err && sqlite3_step(row) == SQLITE_ROW)
		err = add_use(flows, row);
	if (sqlite3_finalize(row) != SQLITE_OK && !err)
		err = -EIO;
	if (!err)
		err = arrange(flows);
	for (i = 0; !err && i < flows->uses.count; i++)
		if (LIST_AT(&flows->uses, struct use, i)->sent_bytes)
			err = give(flows, LIST_AT(&flows->uses, struct use, i));
	return err;
}

int exposure_load_flows(struct exposure *exposure)
{
	struct flows flows = {.exposure = exposure};
	int err = intern_init(&flows.names);

	if (!err)
		err = load(&flows);
	intern_done(&flows.names);
	list_done(&flows.uses);
	list_done(&flows.by_socket);
	list_done(&flows.by_local);
	free(flows.peers);
	return err;
}
