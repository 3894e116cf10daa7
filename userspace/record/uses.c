/* SPDX-License-Identifier: BSD-2-Clause */
/* Which ways a session used of those that are not wholly seen: what decides whether `unseen` has to speak of them. */
#include "record/record.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BPF_PROG_LOAD_COMMAND 5 /* include/uapi/linux/bpf.h */

void uses_note(struct recorder *r, enum use use, uint64_t start, uint32_t tgid, const char *what, size_t length)
{
	struct use_seen *seen = &r->uses.seen[use];
	struct process_key key = {.start = start, .tgid = tgid};
	const struct process *p;

	if (seen->count++)
		return;
	p = (struct process *)table_find(&r->processes, &key);
	seen->tgid = tgid;
	snprintf(seen->comm, sizeof(seen->comm), "%.*s", COMM_SIZE, p && p->comm[0] ? p->comm : "?");
	snprintf(seen->what, sizeof(seen->what), "%.*s", (int)length, what);
}

static void note_process(struct recorder *r, enum use use, const struct record_head *head, const char *call, uint64_t pid)
{
	char text[64];

	snprintf(text, sizeof(text), "%s, process %d", call, (int)pid);
	uses_note(r, use, head->start, head->tgid, text, strlen(text));
}

void uses_action(struct recorder *r, const struct record_action *record, const struct action_kind *kind, bool argument_path)
{
	const struct record_head *head = &record->head;

	if (argument_path)
		r->uses.seen[USE_ARGUMENT].count++;
	if (record->result < 0)
		return;
	switch (record->nr) {
	case 30:
	case 68:
	case 240:
		uses_note(r, USE_IPC, head->start, head->tgid, kind->name, strlen(kind->name));
		break;
	case 101: /* PTRACE_TRACEME and PTRACE_DETACH reach nothing */
		if (record->args[0] != 0 && record->args[0] != 17)
			note_process(r, USE_MEMORY, head, kind->name, record->args[1]);
		break;
	case 310:
	case 311:
		note_process(r, USE_MEMORY, head, kind->name, record->args[0]);
		break;
	case 175:
	case 313:
		uses_note(r, USE_MODULE, head->start, head->tgid, kind->name, strlen(kind->name));
		break;
	case 246:
	case 320:
		uses_note(r, USE_KEXEC, head->start, head->tgid, kind->name, strlen(kind->name));
		break;
	case 321:
		if ((uint32_t)record->args[0] == BPF_PROG_LOAD_COMMAND)
			uses_note(r, USE_BPF_PROGRAM, head->start, head->tgid, kind->name, strlen(kind->name));
		break;
	}
}

#define PROC_MAGIC 0x9fa0 /* include/uapi/linux/magic.h */
#define MAJOR(device) ((device) >> 20)
#define MINOR(device) ((device) & 0xfffff)

static bool ends(const struct name *path, const char *end)
{
	size_t length = strlen(end);

	return path->length >= length && !memcmp(path->text + path->length - length, end, length);
}

/* By what it is, not by its name: anybody who may open a device may make another node of it, or mount /proc elsewhere. */
static bool machine_memory(const struct file_burst *b)
{
	if (S_ISCHR(b->mode)) /* mem, kmem, port: Documentation/admin-guide/devices.txt */
		return MAJOR(b->rdev) == 1 && (MINOR(b->rdev) == 1 || MINOR(b->rdev) == 2 || MINOR(b->rdev) == 4);
	return b->magic == PROC_MAGIC && ends(&b->path, "/kcore");
}

/* Block devices, and the character devices by which their blocks are reached: raw, SCSI generic, NVMe, and what has the bsg layer. */
static bool disk(const struct file_burst *b)
{
	static const char *const names[] = {"/dev/nvme", "/dev/ng", "/dev/bsg/"};
	size_t i;

	if (S_ISBLK(b->mode))
		return true;
	if (!S_ISCHR(b->mode))
		return false;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) /* their numbers are given at run time */
		if (b->path.length > strlen(names[i]) && !memcmp(b->path.text, names[i], strlen(names[i])))
			return true;
	return MAJOR(b->rdev) == 21 || MAJOR(b->rdev) == 162;
}

void uses_file(struct recorder *r, const struct file_burst *b)
{
	const struct name *path = &b->path;

	if (b->sum.maps)
		r->uses.seen[USE_MAP].count++;
	if (b->sum.how & HOW_RECEIVED)
		r->uses.seen[USE_RECEIVED].count++;
	if (!path->text || !(b->sum.opens || b->sum.reads || b->sum.writes || b->sum.maps))
		return;
	if (disk(b))
		uses_note(r, USE_DISK, b->key.start, b->key.tgid, path->text, path->length);
	if (machine_memory(b))
		uses_note(r, USE_KERNEL_MEMORY, b->key.start, b->key.tgid, path->text, path->length);
	if (b->magic == PROC_MAGIC && ends(path, "/mem"))
		uses_note(r, USE_MEMORY, b->key.start, b->key.tgid, path->text, path->length);
}

/* What the kernel side knows. Of processes that ran before the start nobody knows what they had used by then. */
void uses_finish(struct recorder *r)
{
	static const enum use kernel[] = {
		[USED_THREADS] = USE_THREADS,
		[USED_URING] = USE_URING,
		[USED_AIO] = USE_AIO,
		[USED_32] = USE_32,
	};
	bool lost = r->told.records || r->told.map_full || r->told.missed_runs;
	size_t i;

	for (i = 0; i < r->sensor.missing_count; i++)
		lost |= r->sensor.missing[i].refused;
	if (r->why_count)
		r->uses.seen[USE_RUNNING].count++;
	if (r->flags.count)
		r->uses.seen[USE_CGROUP].count++;
	for (i = 0; i < sizeof(kernel) / sizeof(*kernel); i++)
		if (r->sensor.state->used[i] || r->why_count || lost)
			r->uses.seen[kernel[i]].count++;
	/* a 32-bit call that has no hook of its own is not seen to be made */
	if (r->sensor.hooks == HOOKS_TRAMPOLINE)
		r->uses.seen[USE_32].count++;
	if (!lost)
		return;
	r->uses.seen[USE_MAP].count++;
	r->uses.seen[USE_ARGUMENT].count++;
	r->uses.seen[USE_RECEIVED].count++;
}

bool use_of(const struct uses *uses, enum use use)
{
	return use == USE_ALWAYS || uses->seen[use].count;
}
