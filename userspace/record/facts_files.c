/* SPDX-License-Identifier: BSD-2-Clause */
/* What was done with files, as lines of the case (case/FACTS.md: file-access). */
#include "record/facts_private.h"

#include <sys/stat.h>

enum opening { ACCESS, CHANGE, ACCESS_CHANGE, REFUSED, OPENINGS };

static void put_opening(struct recorder *r, enum opening opening, uint64_t start, uint32_t tgid)
{
	static const char *const types[] = {"access", "change"};

	kind(r->fact, "file", types + (opening == CHANGE), opening == ACCESS_CHANGE ? 2 : 1);
	if (opening == REFUSED)
		fact_text(r->fact, "event.outcome", "failure");
	who(r, start, tgid);
}

/* Facts on the files of one process come in long runs, and begin with the same dozen fields: these are put together
 * once. */
static void begin_file(struct recorder *r, enum opening opening, uint64_t time, uint64_t start, uint32_t tgid)
{
	static struct {
		uint64_t start, changes;
		uint32_t tgid, length;
		char fields[512];
	} kept[OPENINGS], *k;

	k = &kept[opening];
	if (k->length && k->start == start && k->tgid == tgid && k->changes == r->process_changes) {
		fact_begin_like(r->fact, real(r, time), k->fields, k->length);
		return;
	}
	begin(r, "file-access", time);
	put_opening(r, opening, start, tgid);
	k->start = start;
	k->tgid = tgid;
	k->changes = r->process_changes;
	k->length = r->fact->len - r->fact->fields;
	if (k->length > sizeof(k->fields))
		k->length = 0;
	memcpy(k->fields, r->fact->line + r->fact->fields, k->length);
}

static enum opening opening_of(const struct file_row *s)
{
	if (!s->writes)
		return ACCESS;
	return s->opens || s->reads || s->maps || s->lists || s->stats ? ACCESS_CHANGE : CHANGE;
}

static bool is_memfd(const struct file_burst *b)
{
	return (b->path.flags & PATH_PSEUDO) && b->path.length > 7 && !memcmp(b->path.text, "/memfd:", 7);
}

const char *facts_file_type(const struct file_burst *b)
{
	if (is_memfd(b))
		return "memfd";
	switch (b->mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "dir";
	case S_IFCHR:
	case S_IFBLK:
		return "device";
	case S_IFIFO:
		return "pipe";
	default:
		return "other";
	}
}

/* Objects without a path get the label that /proc/PID/fd shows for them. */
void facts_path(struct fact *f, const char *key, const char *raw_key, const struct file_burst *b)
{
	const char *text = b->path.text;
	size_t length = b->path.length;
	char label[300];

	if ((b->path.flags & PATH_PSEUDO) && !is_memfd(b)) {
		if ((b->mode & S_IFMT) == S_IFIFO)
			length = snprintf(label, sizeof(label), "pipe:[%llu]", (unsigned long long)b->key.ino);
		else
			length = snprintf(label, sizeof(label), "anon_inode:%.*s", length ? (int)length - 1 : 0,
				length ? text + 1 : "");
		text = label;
	}
	if (text)
		fact_bytes(f, key, raw_key, text, length);
}

struct bit_name {
	uint64_t bit;
	const char *name;
};
#define BIT_NAMES 16

static void bit_list(struct fact *f, const char *key, uint64_t bits, const struct bit_name *names, size_t names_count)
{
	const char *list[BIT_NAMES];
	size_t i, count = 0;

	for (i = 0; i < names_count && i < BIT_NAMES; i++)
		if (bits & names[i].bit)
			list[count++] = names[i].name;
	fact_list(f, key, list, count);
}

static void how_list(struct fact *f, uint32_t how)
{
	static const struct bit_name names[] = {
		{HOW_OPENED, "opened"},
		{HOW_INHERITED, "inherited"},
		{HOW_RECEIVED, "received"},
		{HOW_FANOTIFY, "fanotify"},
		{HOW_PIDFD, "pidfd"},
		{HOW_EXECUTED, "executed"},
		{HOW_IO_URING, "io_uring"},
	};

	bit_list(f, "quis.file.how", how, names, sizeof(names) / sizeof(*names));
}

static void fanotify_events(struct fact *f, uint32_t events)
{
	static const struct bit_name names[] = {
		{EVENT_ACCESS, "access"},
		{EVENT_MODIFY, "modify"},
		{EVENT_CLOSE_WRITE, "close_write"},
		{EVENT_CLOSE_NOWRITE, "close_nowrite"},
		{EVENT_OPEN, "open"},
		{EVENT_OPEN_EXEC, "open_exec"},
		{EVENT_ACCESS_PERM, "access_perm"},
		{EVENT_OPEN_PERM, "open_perm"},
		{EVENT_OPEN_EXEC_PERM, "open_exec_perm"},
		{EVENT_PRE_ACCESS, "pre_access"},
	};

	bit_list(f, "quis.file.events", events, names, sizeof(names) / sizeof(*names));
}

static void file_from(struct fact *f, const struct givers *givers)
{
	char pids[GIVERS_KEPT][16];
	const char *from[GIVERS_KEPT];
	unsigned i;

	for (i = 0; i < givers->count; i++) {
		snprintf(pids[i], sizeof(pids[i]), "%u", givers->tgid[i]);
		from[i] = pids[i];
	}
	fact_list(f, "quis.file.from", from, givers->count);
	fact_true(f, "quis.file.from_more", givers->more);
}

static void file_beneath(struct fact *f, const struct file_more *more)
{
	if (!more->lower_layer)
		return;
	device(f, "quis.file.lower_device", more->lower_dev);
	fact_number_text(f, "quis.file.lower_inode", more->lower_ino);
	fact_text(f, "quis.file.lower_layer", more->lower_layer == LOWER_UPPER ? "upper" : "lower");
	if (more->lower.text)
		fact_bytes(f, "quis.file.lower_path", "quis.file.lower_path_raw", more->lower.text, more->lower.length);
}

void facts_file(struct recorder *r, const struct file_burst *b)
{
	const struct file_row *s = &b->sum;
	const struct file_more *more = b->more;
	struct fact *f = r->fact;

	begin_file(r, opening_of(s), s->last, b->key.start, b->key.tgid);
	fact_time(f, "event.start", real(r, s->first));
	fact_time(f, "event.end", real(r, s->last));
	facts_path(f, "file.path", "quis.file.path_raw", b);
	if (b->mode) {
		fact_text(f, "quis.file.path_from", "kernel");
		fact_text(f, "file.type", facts_file_type(b));
	}
	device(f, "quis.file.device", b->key.dev);
	fact_number_text(f, "file.inode", b->key.ino);
	fact_number(f, "quis.file.generation", b->key.generation);
	fact_true(
		f, "quis.file.deleted", b->path.flags & PATH_DELETED || (s->deleted && !(b->path.flags & PATH_PSEUDO)));
	fact_true(f, "quis.file.truncated", b->path.flags & PATH_TRUNCATED);
	fact_true(f, "quis.file.unreachable", b->path.flags & PATH_UNREACHABLE);
	if (more && more->view.text)
		fact_bytes(f, "quis.file.view", "quis.file.view_raw", more->view.text, more->view.length);
	if (more)
		file_beneath(f, more);
	how_list(f, s->how);
	fanotify_events(f, s->events);
	if (more)
		file_from(f, &more->givers);
	fact_count(f, "quis.opens", s->opens);
	fact_count(f, "quis.reads", s->reads);
	fact_count(f, "quis.read_bytes", s->read_bytes);
	fact_count(f, "quis.writes", s->writes);
	fact_count(f, "quis.write_bytes", s->write_bytes);
	fact_count(f, "quis.maps", s->maps);
	fact_count(f, "quis.mapped_bytes", s->mapped_bytes);
	fact_count(f, "quis.faults", s->faults);
	fact_count(f, "quis.faulted_bytes", s->faulted_bytes);
	fact_count(f, "quis.lists", s->lists);
	fact_count(f, "quis.stats", s->stats);
	end(r);
}

void facts_looked(struct recorder *r, const struct file_burst *b)
{
	struct fact *f = r->fact;

	begin_file(r, b->key.generation ? REFUSED : ACCESS, b->sum.last, b->key.start, b->key.tgid);
	fact_time(f, "event.start", real(r, b->sum.first));
	fact_time(f, "event.end", real(r, b->sum.last));
	fact_bytes(f, "file.path", "quis.file.path_raw", b->path.text ? b->path.text : "", b->path.length);
	fact_text(f, "quis.file.path_from", "argument");
	fact_true(f, "quis.file.truncated", b->path.flags & PATH_TRUNCATED);
	fact_count(f, "quis.stats", b->sum.stats);
	if (b->key.generation)
		facts_error(f, b->key.generation);
	end(r);
}

void facts_refused(struct recorder *r, const struct refused_burst *b)
{
	struct fact *f = r->fact;

	begin_file(r, REFUSED, b->last, b->key.start, b->key.tgid);
	fact_time(f, "event.start", real(r, b->first));
	fact_time(f, "event.end", real(r, b->last));
	fact_bytes(f, "file.path", "quis.file.path_raw", b->path.text ? b->path.text : "", b->path.length);
	fact_text(f, "quis.file.path_from", "argument");
	fact_number(f, "quis.failed", b->count);
	facts_error(f, b->key.error);
	end(r);
}
