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

/* `written`: if not, its facts are only in our memory, and gone if we die. */
void commit(struct recorder *r, bool written)
{
	struct sensor_state *s = r->sensor.state;
	uint64_t cleared;

	if (!r->sensor.pin)
		return;
	s->told[0] = r->told.records;
	s->told[1] = r->told.map_full;
	s->told[2] = r->told.missed_runs;
	s->merged = r->rows;
	s->bad = r->bad_records;
	s->unresolved = r->unresolved;
	if (written) {
		s->committed = r->now;
		s->taken = 0;
	}
	commit_begin(r, PHASE_CLEARING);
	cleared = sensor_clear(&r->sensor);
	if (!written)
		s->taken += cleared;
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
	r->rows = s->merged;
	r->bad_records = s->bad;
	r->unresolved = s->unresolved;
	r->epoch_start = s->committed;
	r->sensor.flipped = s->committed;
	say("%s: going on after the death of the sensor; %llu lines were there", r->options->case_path, (unsigned long long)done.lines);
	return 0;
}

/* The counters that the dead one had swapped out and not yet told, and what went down with it. */
void continue_counts(struct recorder *r)
{
	struct sensor_state *s = r->sensor.state;
	uint64_t lost_rows = 0, lost_records = s->taken, now = clock_boot();
	int error = 0;

	if (s->phase == PHASE_MERGING) {
		error = sensor_drain_files(&r->sensor, files_row, r);
		if (!error)
			error = sensor_drain_flows(&r->sensor, flows_row, r);
	}
	else
		lost_rows = sensor_clear(&r->sensor);
	if (s->phase != PHASE_WRITING) /* nothing was left of them, or nothing new */
		lost_rows = 0;
	facts_continued(r, "the sensor died and another one went on; the programs in the kernel counted meanwhile");
	if (error)
		facts_gap(r, s->committed, now, strerror(-error), 0);
	if (lost_rows)
		facts_gap(r, s->committed, now, "the sensor died while it wrote these counters of a process and a file or socket: they are left out", lost_rows);
	if (lost_records)
		facts_gap(r, s->committed, now, "the sensor died with records or counters in memory that are not in the case", lost_records);
	r->now = now;
	commit(r, false); /* what was merged just now is in memory only, until the first epoch is over */
}
