/* SPDX-License-Identifier: BSD-2-Clause */
/* The counters: flipped, drained whole, by batch. */
#include "record/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define BATCH 4096
#define RECENT_TRIES 1100 /* a second */

bool sensor_dirty(const struct sensor *sensor)
{
	return *(volatile uint32_t *)&sensor->state->dirty;
}

bool sensor_filling(const struct sensor *sensor)
{
	return *(volatile uint64_t *)&sensor->state->rows > sensor->file_entries / 2;
}

int sensor_flip(struct sensor *sensor)
{
	int next = !sensor->counting, i;
	uint32_t zero = 0;
	uint64_t now = clock_boot();

	*(volatile uint32_t *)&sensor->state->dirty = 0;
	*(volatile uint64_t *)&sensor->state->rows = 0;
	/* each update returns after an RCU grace period: maybe_wait_bpf_programs(), kernel/bpf/syscall.c */
	for (i = 0; i < COUNTED; i++)
		if (bpf_map_update_elem(sensor->counters[i].now, &zero, &sensor->counters[i].maps[next], BPF_ANY))
			return -errno;
	sensor->counting = next;
	sensor->flipped = now;
	return 0;
}

typedef void (*row_fn)(const void *key, const void *row, void *context);

/* `context` is the recorder: its rings fill while a hundred thousand rows are taken. */
typedef int (*take_fn)(int map, void *in, void *out, void *keys, void *rows, uint32_t *count, const struct bpf_map_batch_opts *options);

static char keys[BATCH * sizeof(struct transfer_key)], rows[BATCH * sizeof(struct file_row)];

/* Pinned, rows are copied, and stay until they are in the case: sensor_clear(). */
static int drain(const struct sensor *sensor, enum counted what, size_t key_size, size_t row_size, row_fn fn, void *context)
{
	take_fn take = sensor->pin ? bpf_map_lookup_batch : bpf_map_lookup_and_delete_batch;
	int map = sensor->counters[what].maps[!sensor->counting];
	uint32_t in = 0, out = 0, count, i;
	bool first = true;
	int error;

	do {
		count = BATCH;
		error = take(map, first ? NULL : &in, &out, keys, rows, &count, NULL) ? -errno : 0;
		if (error && error != -ENOENT)
			return error;
		for (i = 0; i < count; i++)
			fn(keys + i * key_size, rows + i * row_size, context);
		recorder_drain(context);
		in = out;
		first = false;
	} while (!error);
	return 0;
}

_Static_assert(sizeof(struct file_key) <= sizeof(struct transfer_key) && sizeof(struct flow_key) <= sizeof(struct transfer_key), "batch buffer");
_Static_assert(sizeof(struct flow_row) <= sizeof(struct file_row) && sizeof(struct transfer_row) <= sizeof(struct file_row), "batch buffer");

static uint64_t clear(int map)
{
	uint32_t in = 0, out = 0, count;
	uint64_t cleared = 0;
	bool first = true;
	int error;

	do {
		count = BATCH;
		error = bpf_map_lookup_and_delete_batch(map, first ? NULL : &in, &out, keys, rows, &count, NULL);
		if (!error || errno == ENOENT)
			cleared += count;
		in = out;
		first = false;
	} while (!error);
	return cleared;
}

uint64_t sensor_clear(struct sensor *sensor)
{
	uint64_t cleared = 0;
	int i;

	for (i = 0; i < COUNTED; i++)
		cleared += clear(sensor->counters[i].maps[!sensor->counting]);
	return cleared;
}

/* A program in it goes on within a microsecond, or when its task does (7.x and trampolines can be preempted). */
static bool recent_claim(struct recent *recent)
{
	int tries;

	for (tries = 0; tries < RECENT_TRIES; tries++) {
		if (__atomic_add_fetch(&recent->busy, 1, __ATOMIC_ACQ_REL) == 1)
			return true;
		__atomic_sub_fetch(&recent->busy, 1, __ATOMIC_ACQ_REL);
		usleep(tries < 100 ? 10 : 1000);
	}
	return false;
}

void sensor_drain_recent(struct sensor *sensor, file_row_fn fn, void *context)
{
	struct recent_file files[RECENT_FILES];
	uint32_t i;
	int k;

	for (i = 0; sensor->recent && i < sensor->recent_slots; i++) {
		struct recent *recent = &sensor->recent[i];

		if (!recent_claim(recent)) {
			*(volatile uint32_t *)&sensor->state->dirty = 1; /* it waits for the next epoch */
			continue;
		}
		memcpy(files, recent->files, sizeof(files));
		memset(recent->files, 0, sizeof(recent->files));
		memset(recent->opened, 0, sizeof(recent->opened));
		__atomic_sub_fetch(&recent->busy, 1, __ATOMIC_ACQ_REL);
		for (k = 0; k < RECENT_FILES; k++)
			if (files[k].row.first)
				fn(&files[k].key, &files[k].row, context);
	}
}

int sensor_drain_files(struct sensor *sensor, file_row_fn fn, void *context)
{
	return drain(sensor, COUNTED_FILES, sizeof(struct file_key), sizeof(struct file_row), (row_fn)fn, context);
}

int sensor_drain_flows(struct sensor *sensor, flow_row_fn fn, void *context)
{
	return drain(sensor, COUNTED_FLOWS, sizeof(struct flow_key), sizeof(struct flow_row), (row_fn)fn, context);
}

int sensor_drain_transfers(struct sensor *sensor, transfer_row_fn fn, void *context)
{
	return drain(sensor, COUNTED_TRANSFERS, sizeof(struct transfer_key), sizeof(struct transfer_row), (row_fn)fn, context);
}

static uint64_t missed_of(int program)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	return program >= 0 && !bpf_obj_get_info_by_fd(program, &info, &size) ? info.recursion_misses : 0;
}

uint64_t sensor_missed(const struct sensor *sensor)
{
	struct bpf_program *program;
	uint64_t missed = 0;
	size_t i;

	for (i = 0; i < sensor->program_count; i++)
		missed += missed_of(sensor->programs[i]);

	bpf_object__for_each_program(program, sensor->object) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		int fd = bpf_program__fd(program);

		if (!strncmp(bpf_program__name(program), "page_fault", 10))
			continue; /* what it counts is a lower bound in any case */
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || !info.recursion_misses)
			continue;
		say_more("%s: %llu runs skipped\n", bpf_program__name(program), (unsigned long long)info.recursion_misses);
		missed += info.recursion_misses;
	}
	return missed;
}

void sensor_keep_iterator(struct sensor *sensor)
{
	struct bpf_program *program = sensor_program(sensor, "snapshot_task");

	if (program && bpf_program__autoload(program))
		sensor->task_iterator = bpf_program__attach_iter(program, NULL);
}

int sensor_iterate(struct sensor *sensor, const char *name, void (*between)(void *), void *context)
{
	struct bpf_program *program = sensor_program(sensor, name);
	char bytes[256]; /* a few objects a read: see pace() in bpf/quis.bpf.c */
	struct bpf_link *link;
	bool kept = sensor->task_iterator && !strcmp(name, "snapshot_task");
	ssize_t got;
	int fd;

	if (!program || !bpf_program__autoload(program))
		return -ENOENT;
	link = kept ? sensor->task_iterator : bpf_program__attach_iter(program, NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		got = -errno;
	} else {
		/* EAGAIN: a million objects of which none told anything (bpf_seq_read(), kernel/bpf/bpf_iter.c) */
		while ((got = read(fd, bytes, sizeof(bytes))) > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN)))
			between(context);
		got = got < 0 ? -errno : 0;
		close(fd);
	}
	if (!kept)
		bpf_link__destroy(link);
	return got;
}
