/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIGHUP: the configuration is read again, and what changed is done and told in the case. All of it works from within
 * the confinement: a new target is a row in a BPF map and a look at /proc by the reader.
 */
#include "record/reader.h"
#include "record/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES 2048

static const char *const at_next_start[] = {"output", "case-number", "examiner", "note", "key", "checkpoint-to",
	"hooks", "btf", "duration", "epoch-ms", "ring-bytes", "map-entries", "pin", "follow-ipc", "follow-ipc-depth", "follow-ipc-count", "follow-ipc-not"};

/* One of the keys that only a start can take up, if such a one differs. */
static const char *needs_start(const struct config *old, const struct config *new)
{
	const struct config *both[] = {old, new};
	char text[64];
	size_t side, i, k;

	if (!config_compare(old, new, text, sizeof(text)))
		return NULL;
	for (k = 0; k < sizeof(at_next_start) / sizeof(*at_next_start); k++) {
		const char *value[2] = {"", ""};

		for (side = 0; side < 2; side++)
			for (i = 0; i < both[side]->count; i++)
				if (!strcmp(both[side]->entries[i].key, at_next_start[k]))
					value[side] = both[side]->entries[i].value;
		if (strcmp(value[0], value[1]))
			return at_next_start[k];
	}
	return NULL;
}

static bool flag_known(const struct flags *flags, const struct flag *flag)
{
	size_t i;

	for (i = 0; i < flags->count; i++)
		if (!flags->list[i].gone && !strcmp(flags->list[i].text, flag->text))
			return true;
	return false;
}

/* The number of a flag stays what it is: records name it. So one that is gone keeps its place. */
static int take_flags(struct recorder *r, struct flags *new)
{
	size_t i;
	int error = 0;

	for (i = 0; i < r->flags.count && !error; i++)
		if (!r->flags.list[i].gone && r->flags.list[i].kind != FLAG_KIND_PID &&
			!flag_known(new, &r->flags.list[i])) {
			error = flags_disarm(&r->flags, &r->sensor, i);
			r->flags.list[i].gone = true;
		}
	for (i = 0; i < new->count && !error; i++)
		if (!flag_known(&r->flags, &new->list[i]))
			error = flags_take(&r->flags, &new->list[i], &r->sensor);
	return error;
}

static int follow_running(struct recorder *r)
{
	size_t before = r->why_count;
	int error = flags_mark_running(&r->flags, &r->sensor, recorder_found, r);

	if (!error && r->why_count > before)
		error = sensor_iterate(&r->sensor, "snapshot_task", recorder_drain, r);
	recorder_drain(r);
	return error;
}

static void tell(struct recorder *r, const char *note)
{
	facts_config_change(r, note);
	say_more("quis: %s: %s\n", r->options->config_path, note);
}

static void refuse(struct recorder *r, const char *why)
{
	char note[512];

	snprintf(note, sizeof(note), "the configuration was to be read again, and stays as it was: %s", why);
	say("%s: %s", r->options->config_path, why);
	facts_config_change(r, note);
}

static struct config current;

static void apply(struct recorder *r, struct config *config, struct record_options *next, struct flags *flags)
{
	char changes[CHANGES], note[CHANGES + 256];
	const char *later = needs_start(r->options->config, config);
	bool changed = config_compare(r->options->config, config, changes, sizeof(changes));
	int error = take_flags(r, flags);

	if (!error)
		error = follow_running(r);
	r->options->heartbeat = next->heartbeat;
	r->options->sealing.segment_bytes = next->sealing.segment_bytes;
	r->options->sealing.segment_seconds = next->sealing.segment_seconds;
	r->options->sealing.compress = next->sealing.compress;
	case_limits(r->writer, &r->options->sealing);
	/* the first stays: options point into it */
	if (r->options->config == &current)
		config_done(&current);
	current = *config;
	r->options->config = &current;
	if (!changed)
		snprintf(changes, sizeof(changes), "nothing changed");
	snprintf(note, sizeof(note), "the configuration was read again: %s%s%s%s%s", changes,
		later ? "; only a new start takes up " : "", later ? later : "",
		error ? "; not all of it could be done: " : "", error ? strerror(-error) : "");
	tell(r, note);
}

void reload(struct recorder *r)
{
	struct config config;
	struct config_error where = {.line = 0};
	struct record_options next = {.config_path = r->options->config_path};
	struct flags flags = {.count = 0};
	char why[256];
	int error = config_read(&config, r->options->config_path, &where);

	if (error) {
		if (where.line)
			snprintf(why, sizeof(why), "line %u: %s", where.line, where.what);
		else
			snprintf(why, sizeof(why), "%s", where.what[0] ? where.what : strerror(-error));
		refuse(r, why);
		return;
	}
	if (r->options->take_config(&config, &next, &flags)) {
		refuse(r, "a value in it is wrong");
		config_done(&config);
	} else {
		apply(r, &config, &next, &flags);
	}
	flags_done(&flags);
}
