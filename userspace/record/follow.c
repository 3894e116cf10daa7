/* SPDX-License-Identifier: BSD-2-Clause */
/* --follow-ipc: what userspace has to do with it. The kernel side flags (bpf/follow.h); here are the programs that it never flags. */
#include "record/record.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

extern const char catalog_relays[], catalog_relays_end[];

static uint64_t relay_hash(const char *path, size_t length)
{
	while (length > 1 && path[length - 1] == '/')
		length--;
	return flag_hash_from(RELAY_HASH_START, path, length);
}

static int arm_relay(struct sensor *sensor, const char *path, size_t length)
{
	uint64_t hash = relay_hash(path, length);
	uint32_t any = 0;

	return bpf_map_update_elem(sensor_map(sensor, "flag_paths"), &hash, &any, BPF_ANY) ? -errno : 0;
}

/* The known ones, one a line. */
static int arm_known(struct sensor *sensor)
{
	const char *line = catalog_relays, *end;
	int error = 0;

	for (; line < catalog_relays_end && !error; line = end + 1) {
		end = memchr(line, '\n', catalog_relays_end - line);
		if (!end)
			end = catalog_relays_end;
		if (*line == '/')
			error = arm_relay(sensor, line, end - line);
	}
	return error;
}

/* quis itself is one too: it must not follow what a command writes to the pipe that quis reads. */
static int arm_self(struct sensor *sensor)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path));

	return length > 0 ? arm_relay(sensor, path, length) : 0;
}

int follow_arm(const struct follow_options *options, struct sensor *sensor)
{
	int error = 0;
	size_t i;

	if (!options->on)
		return 0;
	error = arm_known(sensor);
	if (!error)
		error = arm_self(sensor);
	for (i = 0; i < options->not_count && !error; i++)
		error = arm_relay(sensor, options->not[i], strlen(options->not[i]));
	return error;
}
