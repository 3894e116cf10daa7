/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * merge DIR FILES: what the recorder's own code takes for FILES files that one process opened, read once and closed:
 * names from the ring, rows from the counters, bursts, facts, seal. Prints nanoseconds of processor time a file; under
 * `valgrind --tool=callgrind` a figure that does not depend on what else the machine does. The empty directory DIR
 * becomes the case.
 */
#include "record/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>

#define EPOCH_FILES 5000
#define EPOCH SECOND

static struct recorder recorder;
static struct record_options options;
static struct sensor_state state;
static uint64_t nowhere;
static const struct process_key who = {.start = 12345678901, .tgid = 4242};

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void start_process(void)
{
	struct {
		struct record_exec exec;
		char path[16];
	} record = {.exec = {.head = {.kind = RECORD_exec,
				     .size = sizeof(record),
				     .time = SECOND,
				     .start = who.start,
				     .tgid = who.tgid,
				     .tid = who.tgid},
			    .comm = "scanner"}};

	recorder_take(&recorder, &record, sizeof(record));
}

static struct file_key key_of(unsigned i)
{
	return (struct file_key){
		.start = who.start, .tgid = who.tgid, .ino = 1000000 + i, .dev = 8 << 20 | 1, .generation = 77 + i};
}

static void name(unsigned i, uint64_t now)
{
	struct {
		struct record_file file;
		char path[256];
	} record = {.file = {.head = {.kind = RECORD_file,
				     .time = now,
				     .start = who.start,
				     .tgid = who.tgid,
				     .tid = who.tgid}}};
	int length = snprintf(
		record.path, sizeof(record.path), "/srv/data/projects/folder-%03u/letter-%06u.txt", i / 1000, i);

	record.file.key = key_of(i);
	record.file.mode = S_IFREG | 0644;
	record.file.path.offset = sizeof(record.file);
	record.file.path.length = length;
	record.file.head.size = sizeof(record.file) + length;
	recorder_take(&recorder, &record, record.file.head.size);
}

static void row(unsigned i, uint64_t now)
{
	struct file_key key = key_of(i);
	struct file_row counts = {.opens = 1,
		.reads = 1,
		.read_bytes = 1024,
		.first = now,
		.last = now + 4000,
		.how = HOW_OPENED,
		.named = 1};

	files_row(&key, &counts, &recorder);
}

static void epoch(unsigned from, unsigned to, uint64_t now)
{
	unsigned i;

	for (i = from; i < to; i++)
		name(i, now + i * 4000ULL);
	recorder.now = recorder.sensor.flipped = now + EPOCH;
	for (i = from; i < to; i++)
		row(i, now + i * 4000ULL);
	files_close(&recorder, false);
	case_flush(recorder.writer);
}

int main(int argc, char **argv)
{
	unsigned files = argc == 3 ? atoi(argv[2]) : 0, i;
	uint64_t now = 10 * SECOND;
	double began;

	if (!files) {
		fputs("usage: merge DIR FILES\n", stderr);
		return 2;
	}
	recorder.options = &options;
	recorder.sensor.state = &state;
	recorder.fact = xcalloc(1, sizeof(*recorder.fact));
	recorder.boot_to_real = 1795455600ULL * SECOND;
	if (case_create(&recorder.writer, argv[1], NULL) || recorder_tables(&recorder))
		return 1;
	/* empty rings: nothing comes while facts are written */
	recorder.files_ring = recorder.life_ring = (struct ring){.consumer = &nowhere, .producer = &nowhere, .size = 8};
	start_process();
	began = cpu();
	for (i = 0; i < files; i += EPOCH_FILES, now += EPOCH)
		epoch(i, i + EPOCH_FILES < files ? i + EPOCH_FILES : files, now);
	printf("%.0f ns a file\n", (cpu() - began) / files);
	case_finish(recorder.writer);
	return 0;
}
