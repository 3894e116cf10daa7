/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes: (tgid, start boot time). Facts at exec, fork and exit; kept until the counters of their last epoch are merged. */
#include "record/record.h"
#include "record/reader.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct process *process_get(struct recorder *r, uint64_t start, uint32_t tgid)
{
	struct process_key key = {.start = start, .tgid = tgid};
	struct process *p = (struct process *)table_find(&r->processes, &key);

	r->process_changes++; /* whoever asks for one writes to it */
	if (p)
		return p;
	p = xcalloc(1, sizeof(*p));
	p->key = key;
	p->flag = FLAG_NONE;
	table_add(&r->processes, &p->node);
	p->live = true;
	r->live++;
	return p;
}

static void not_live(struct recorder *r, struct process *p)
{
	if (p->live)
		r->live--;
	p->live = false;
}

void process_free(struct process *p)
{
	free(p->exe);
	free(p->cwd);
	free(p->args);
	free(p->cgroup);
	free(p);
}

static void keep(char **text, size_t *length, const char *from, size_t from_length)
{
	if (!from)
		return;
	free(*text);
	*text = xstrndup(from, from_length);
	*length = from_length;
}

static void keep_view(char **text, size_t *length, struct text_view view)
{
	keep(text, length, view.text, view.length);
}

/* argv of a process that runs already. */
static void read_arguments(struct process *p)
{
	char path[64], bytes[ARGUMENT_BYTES];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)p->key.tgid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
	if (fd >= 0)
		close(fd);
	if (length > 0)
		keep(&p->args, &p->args_length, bytes, length);
}

static uint32_t why_running(const struct recorder *r, uint32_t tgid)
{
	size_t i;

	for (i = 0; i < r->why_count; i++)
		if (r->why[i].tgid == (int)tgid)
			return r->why[i].flag;
	return FLAG_NONE;
}

static void take_image(struct process *p, const struct record_exec *record)
{
	const struct record_head *head = &record->head;
	const char *cgroup = reader_cgroup(record->cgroup);

	p->parent = (struct process_key){.start = record->parent_start, .tgid = record->parent};
	p->parent_flagged = record->parent_flagged;
	p->uid = record->uid;
	p->gid = record->gid;
	p->ids_known = true;
	memcpy(p->comm, record->comm, sizeof(p->comm));
	p->exe_dev = record->dev;
	p->exe_ino = record->ino;
	keep_view(&p->exe, &p->exe_length, record_text(head, record->exe));
	keep_view(&p->cwd, &p->cwd_length, record_text(head, record->cwd));
	keep_view(&p->args, &p->args_length, record_text(head, record->arguments));
	if (cgroup)
		keep(&p->cgroup, &(size_t){0}, cgroup, strlen(cgroup));
	p->hash[0] = '\0';
	if (p->exe)
		reader_hash(p->key.tgid, p->exe, p->exe_length, p->exe_dev, p->exe_ino, p->hash);
}

static void set_stranger(struct recorder *r, struct process *p)
{
	not_live(r, p);
	p->stranger = true;
}

void process_record_exec(struct recorder *r, const struct record_exec *record)
{
	struct process *p = process_get(r, record->head.start, record->head.tgid);
	bool running = record->head.kind == RECORD_process;
	uint32_t flag = record->flag;

	if (running && p->started_written)
		return; /* a look for new ones after SIGHUP finds the known ones too */
	take_image(p, record);
	if (running) {
		read_arguments(p);
		if (flag == FLAG_NONE)
			flag = why_running(r, record->head.tgid);
	}
	if (p->flag == FLAG_NONE)
		p->flag = flag;
	if (flag == FLAG_IPC) {
		p->by = record->by;
		set_stranger(r, p);
	}
	facts_process_start(r, p, running ? "snapshot" : "exec", record->head.time, record);
	p->started_written = true;
}

void process_record_fork(struct recorder *r, const struct record_fork *record)
{
	struct process *p = process_get(r, record->head.start, record->head.tgid);
	struct process_key key = {.start = record->parent_start, .tgid = record->parent};
	const struct process *parent = (struct process *)table_find(&r->processes, &key);

	p->parent = key;
	p->parent_flagged = true;
	p->flag = FLAG_PARENT;
	if (parent && parent->stranger)
		set_stranger(r, p);
	memcpy(p->comm, record->comm, sizeof(p->comm));
	if (parent && parent != p) {
		p->uid = parent->uid;
		p->gid = parent->gid;
		p->ids_known = parent->ids_known;
		p->exe_dev = parent->exe_dev;
		p->exe_ino = parent->exe_ino;
		memcpy(p->hash, parent->hash, sizeof(p->hash));
		keep(&p->exe, &p->exe_length, parent->exe, parent->exe_length);
		keep(&p->cwd, &p->cwd_length, parent->cwd, parent->cwd_length);
		keep(&p->args, &p->args_length, parent->args, parent->args_length);
		if (parent->cgroup)
			keep(&p->cgroup, &(size_t){0}, parent->cgroup, strlen(parent->cgroup));
	}
	facts_process_start(r, p, "fork", record->head.time, NULL);
	p->started_written = true;
}

void process_record_exit(struct recorder *r, const struct record_exit *record)
{
	struct process *p = process_get(r, record->head.start, record->head.tgid);

	if (p->ended)
		return;
	p->ended = true;
	p->end_time = record->head.time;
	p->code = record->code;
	not_live(r, p);
}

static void look_for_one(struct node *node, void *context)
{
	struct process *p = (struct process *)node;
	char path[32];

	if (!p->live)
		return;
	snprintf(path, sizeof(path), "/proc/%d", (int)p->key.tgid);
	if (access(path, F_OK) && errno == ENOENT)
		not_live(context, p);
}

/* The kernel may have skipped the program that tells an end, or the ring been full; that is told as a loss. */
void process_look_for_all(struct recorder *r)
{
	if (!access("/proc/1", F_OK)) /* else /proc hides others (hidepid) */
		table_each(&r->processes, look_for_one, r);
}

static void end_one(struct node *node, void *context)
{
	struct process *p = (struct process *)node;
	struct recorder *r = context;

	if (!p->ended || p->end_time >= r->sensor.flipped)
		return;
	facts_process_end(r, p);
	r->process_changes++;
	table_remove(&r->processes, node);
	process_free(p);
}

void process_end_all(struct recorder *r)
{
	table_each(&r->processes, end_one, r);
}
