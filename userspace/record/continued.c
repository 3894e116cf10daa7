/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A death of the sensor with pinned programs: what it leaves in struct sensor_state so that the next one knows what is in the case, and
 * what that one does with it. State is memory that the kernel keeps: it survives a kill, not a power loss, which nothing pinned survives.
 */
#include "record/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CASES_MAX 10000

/* Stores that the one after us reads, in this order; on x86-64 only the compiler could change that. */
#define ORDERED() __asm__ volatile("" ::: "memory")

void commit_begin(struct recorder *r, uint32_t phase)
{
	if (!r->sensor.pin)
		return;
	ORDERED();
	r->sensor.state->phase = phase;
	ORDERED();
}

static void set_positions(const struct recorder *r, u64 positions[2])
{
	positions[0] = r->life_ring.at;
	positions[1] = r->files_ring.at;
}

/* When a ring fills the flood goes before safety: what is let go then is gone if we die. */
void commit_drained(struct recorder *r)
{
	struct sensor_state *s = r->sensor.state;

	if (!r->sensor.pin || ring_fills(&r->life_ring) || ring_fills(&r->files_ring)) {
		s->taken += ring_release(&r->life_ring) + ring_release(&r->files_ring);
		set_positions(r, s->told_at);
	}
	set_positions(r, s->read_at);
}

/* What a recording begins with is in the case. */
void commit_start(struct recorder *r)
{
	r->sensor.state->committed = r->clock.boot;
	r->sensor.state->lines = case_sequence(r->writer);
}

/* `written`: if not, its facts are only in our memory, and gone if we die. */
void commit(struct recorder *r, bool written)
{
	struct sensor_state *s = r->sensor.state;
	uint64_t cleared;

	if (!r->sensor.pin)
		return;
	commit_begin(r, PHASE_CLEARING);
	s->told[0] = r->told.records;
	s->told[1] = r->told.map_full;
	s->told[2] = r->told.missed_runs;
	s->told[3] = r->told.payload;
	s->merged = r->rows;
	s->bad = r->bad_records;
	s->unresolved = r->unresolved;
	if (!written)
		s->taken += r->life_ring.held + r->files_ring.held;
	set_positions(r, s->told_at);
	ring_release_to_mark(&r->life_ring);
	ring_release_to_mark(&r->files_ring);
	cleared = sensor_clear(&r->sensor);
	if (!written)
		s->taken += cleared;
	if (written) {
		s->committed = r->now;
		s->lines = case_sequence(r->writer);
		s->taken = 0;
	}
	commit_begin(r, PHASE_COUNTING);
}

/* A case that ended, or is another's, stays as it is: the next one lies beside it. */
static void name_case(struct recorder *r, uint32_t number)
{
	static const char *named;

	if (!named)
		named = r->options->case_path;
	if (number < 2)
		snprintf(r->case_path, sizeof(r->case_path), "%s", named);
	else
		snprintf(r->case_path, sizeof(r->case_path), "%s-%u", named, number);
	r->options->case_path = r->case_path;
}

int create_case(struct recorder *r)
{
	uint32_t number = 1;
	int error = case_create(&r->writer, r->options->case_path, &r->options->sealing);

	while (error == -EEXIST && r->sensor.pin && number < CASES_MAX) {
		name_case(r, ++number);
		error = case_create(&r->writer, r->options->case_path, &r->options->sealing);
	}
	if (error)
		return error;
	if (number > 1)
		say("the case is %s", r->options->case_path);
	snprintf(r->sensor.state->case_id, sizeof(r->sensor.state->case_id), "%s", case_id(r->writer));
	r->sensor.state->case_number = number;
	return 0;
}

int continue_case(struct recorder *r)
{
	struct sensor_state *s = r->sensor.state;
	struct case_continued done = {.what = ""};
	int error;

	name_case(r, s->case_number);
	error = case_continue(&r->writer, r->options->case_path, &r->options->sealing, &done);

	if (error == -EBUSY)
		return error;
	if (!error && strcmp(case_id(r->writer), s->case_id)) {
		case_close(r->writer);
		r->writer = NULL;
		error = -EEXIST;
	}
	if (error) {
		say("%s: it cannot be gone on with: %s", r->options->case_path, done.what[0] ? done.what : strerror(-error));
		name_case(r, 1);
		return -ESTALE;
	}
	r->told.records = s->told[0];
	r->told.map_full = s->told[1];
	r->told.missed_runs = s->told[2];
	r->told.payload = s->told[3];
	r->rows = s->merged;
	r->bad_records = s->bad;
	r->unresolved = s->unresolved;
	r->epoch_start = s->committed;
	r->sensor.flipped = s->committed;
	if (s->phase == PHASE_WRITING && done.lines == s->lines)
		commit_begin(r, PHASE_MERGING); /* what it was writing was in its memory only */
	s->lines = case_sequence(r->writer);
	say("%s: going on after the death of the sensor; %llu lines were there", r->options->case_path, (unsigned long long)done.lines);
	return 0;
}

/* What was told already is read once more for the names in it: they may be those of rows that are to come. */
static uint64_t read_names(struct recorder *r, const u64 until[2])
{
	uint64_t before = r->life_ring.held + r->files_ring.held;

	r->names_only = true;
	ring_read(&r->life_ring, until[0], recorder_take, r);
	ring_read(&r->files_ring, until[1], recorder_take, r);
	r->names_only = false;
	return r->life_ring.held + r->files_ring.held - before;
}

/*
 * What went down with the dead one. What it had swapped out and read, and not begun to write, is there still: the first epoch takes that
 * and swaps nothing. What it was writing may be in the case in part: it is left out, so that no number is above the truth.
 */
void continue_counts(struct recorder *r)
{
	struct sensor_state *s = r->sensor.state;
	uint64_t rows = 0, records = s->taken, more, now = clock_boot();

	facts_continued(r, "the sensor died and another one went on; the programs in the kernel counted meanwhile");
	read_names(r, s->told_at);
	if (s->phase == PHASE_WRITING || s->phase == PHASE_CLEARING) {
		more = read_names(r, s->read_at);
		rows = sensor_clear(&r->sensor);
		if (s->phase == PHASE_CLEARING)
			rows = more = 0;
		records += more;
	}
	if (rows)
		facts_gap(r, s->committed, now, "the sensor died while it wrote these counters of a process and a file or socket: they are left out", rows);
	if (records)
		facts_gap(r, s->committed, now, "the sensor died with these records in memory or half written", records);
	s->taken = records + rows; /* until these two gaps are in the case */
	set_positions(r, s->told_at);
	r->resume = s->phase == PHASE_MERGING;
	if (!r->resume)
		commit_begin(r, PHASE_COUNTING);
}
