/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seal CASE DIR: what sealing the facts of this case costs: seals its lines once more, with a checkpoint wherever the
 * recorder made one (before each, it wrote a fact stats), into the empty directory DIR. Prints facts, checkpoints
 * (which are written and synced), and seconds of processor time.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sodium.h>

#include "case/writer.h"

#define BATCH 64 /* lines that are still in the cache, as those are that the recorder has just made */

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

struct batch {
	char bytes[BATCH * FACT_LINE_MAX];
	const char *line[BATCH];
	size_t len[BATCH];
	bool stats[BATCH];
	size_t count, used;
};

static bool is_stats(const char *line, size_t len)
{
	return memmem(line, len < 100 ? len : 100, "\"quis.fact\":\"stats\"", 19);
}

struct costs {
	unsigned long facts, checkpoints;
	double all;
};

static void seal_batch(struct sealer *sealer, struct batch *batch, struct costs *costs)
{
	double start = cpu();
	size_t i;

	for (i = 0; i < batch->count; i++) {
		sealer_add(sealer, batch->line[i], batch->len[i]);
		if (!batch->stats[i])
			continue;
		if (sealer_checkpoint(sealer))
			exit(1);
		costs->checkpoints++;
	}
	costs->all += cpu() - start;
	costs->facts += batch->count;
	batch->count = batch->used = 0;
}

static void take(struct batch *batch, const struct case_line *line)
{
	batch->line[batch->count] = memcpy(batch->bytes + batch->used, line->text, line->len);
	batch->used += line->len;
	batch->len[batch->count] = line->len;
	batch->stats[batch->count++] = is_stats(line->text, line->len);
}

int main(int argc, char **argv)
{
	static struct sealer sealer;
	static struct batch batch;
	struct costs costs = {0};
	struct case_reader *reader;
	struct case_line line;
	int dir, got;

	if (argc != 3 || sodium_init() < 0 || case_open(&reader, argv[1]))
		return 2;
	dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || sealer_create(&sealer, dir, "bench", NULL))
		return 2;
	sealer_begin_segment(&sealer, 1);
	while ((got = case_next(reader, &line)) == 1 && line.segment) {
		take(&batch, &line);
		if (batch.count == BATCH)
			seal_batch(&sealer, &batch, &costs);
	}
	seal_batch(&sealer, &batch, &costs);
	printf("%lu %lu %.4f\n", costs.facts, costs.checkpoints, costs.all);
	sealer_done(&sealer);
	case_reader_free(reader);
	return got < 0;
}
