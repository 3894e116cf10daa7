/* SPDX-License-Identifier: BSD-2-Clause */
/* Attempts against quis itself: what a followed process does to the sensor, its BPF objects or its case is told as an action that says so. */
#include "record/record.h"
#include "record/reader.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static const char *const part_names[] = {
	[SELF_PROCESS] = "process",
	[SELF_CASE] = "case",
	[SELF_LINK] = "BPF link",
	[SELF_MAP] = "BPF map",
	[SELF_PROGRAM] = "BPF program",
};

const char *self_name(enum self_part part)
{
	return part_names[part];
}

static void add_id(struct self *self, enum self_part part, uint32_t id)
{
	void *ids = realloc(self->ids, (self->id_count + 1) * sizeof(*self->ids));

	if (!ids)
		return;
	self->ids = ids;
	self->ids[self->id_count].part = part;
	self->ids[self->id_count++].id = id;
}

static void add_map(struct self *self, int map)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);

	if (map >= 0 && !bpf_obj_get_info_by_fd(map, &info, &size))
		add_id(self, SELF_MAP, info.id);
}

/* The ids are taken at the start, while bpf() may still be called. */
static void add_objects(struct self *self, const struct sensor *sensor)
{
	struct bpf_program *program;
	struct bpf_map *map;
	size_t i;

	for (i = 0; i < sensor->link_count; i++) {
		struct bpf_link_info info = {0};
		uint32_t size = sizeof(info);

		if (!bpf_obj_get_info_by_fd(bpf_link__fd(sensor->links[i]), &info, &size))
			add_id(self, SELF_LINK, info.id);
	}
	bpf_object__for_each_program(program, sensor->object) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);

		if (bpf_program__fd(program) >= 0 && !bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
			add_id(self, SELF_PROGRAM, info.id);
	}
	for (i = 0; i < sensor->program_count; i++) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);

		if (!bpf_obj_get_info_by_fd(sensor->programs[i], &info, &size))
			add_id(self, SELF_PROGRAM, info.id);
	}
	bpf_object__for_each_map(map, sensor->object)
		add_map(self, bpf_map__fd(map));
	for (i = 0; i < COUNTED; i++)
		add_map(self, sensor->counters[i].maps[1]); /* which the object does not know */
}

void self_init(struct self *self, const struct sensor *sensor, const char *case_path)
{
	self->pid = getpid();
	self->predecessor = sensor->predecessor;
	self->group = getpgid(0);
	self->case_path = realpath(case_path, NULL);
	self->case_length = self->case_path ? strlen(self->case_path) : 0;
	snprintf(self->memory, sizeof(self->memory), "/proc/%d/mem", self->pid);
	add_objects(self, sensor);
}

void self_done(struct self *self)
{
	free(self->ids);
	free(self->case_path);
}

static enum self_part object_part(const struct self *self, enum self_part part, uint64_t id)
{
	size_t i;

	for (i = 0; i < self->id_count; i++)
		if (self->ids[i].part == part && self->ids[i].id == id)
			return part;
	return SELF_NONE;
}

/* enum bpf_cmd, include/uapi/linux/bpf.h; the kernel side has put the object's id into args[3] */
static enum self_part bpf_part(const struct self *self, const struct record_action *record)
{
	switch ((uint32_t)record->args[0]) {
	case BPF_PROG_GET_FD_BY_ID:
		return object_part(self, SELF_PROGRAM, record->args[3]);
	case BPF_LINK_GET_FD_BY_ID:
	case BPF_LINK_UPDATE:
	case BPF_LINK_DETACH:
		return object_part(self, SELF_LINK, record->args[3]);
	case BPF_MAP_GET_FD_BY_ID:
	case BPF_MAP_LOOKUP_ELEM:
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_FREEZE:
		return object_part(self, SELF_MAP, record->args[3]);
	}
	return SELF_NONE;
}

static bool is_ours(const struct self *self, int pid)
{
	return pid == self->pid || (pid > 0 && (pid == self->predecessor || pid == reader_pid()));
}

/* A signal may be for all processes, or for a group of them. */
static bool signalled(const struct self *self, const struct record_action *record)
{
	int pid = record->args[0];

	if (is_ours(self, pid) || pid == -1)
		return true;
	if (pid == 0)
		return (int)record->args[4] == self->group;
	return -(int64_t)pid == self->group; /* INT_MIN has no counterpart in an int */
}

static bool below_case(const struct self *self, struct text_view path)
{
	return self->case_length && path.text && path.length >= self->case_length && !memcmp(path.text, self->case_path, self->case_length) &&
	       (path.length == self->case_length || path.text[self->case_length] == '/');
}

enum self_part self_of_action(const struct self *self, const struct record_action *record, struct text_view path, struct text_view to)
{
	bool foreign = record->from & ACTION_PID_NAMESPACE;
	enum self_part process = SELF_NONE;

	switch (record->nr) {
	case 62:
		process = !foreign && signalled(self, record) ? SELF_PROCESS : SELF_NONE;
		break;
	case 200:
	case 234:
	case 310:
	case 311:
		process = !foreign && is_ours(self, record->args[0]) ? SELF_PROCESS : SELF_NONE;
		break;
	case 101:
		process = !foreign && is_ours(self, record->args[1]) ? SELF_PROCESS : SELF_NONE;
		break;
	case 424:
	case 438:
		process = is_ours(self, record->args[4]) ? SELF_PROCESS : SELF_NONE;
		break;
	case 321:
		return bpf_part(self, record);
	}
	if (process)
		return process;
	return below_case(self, path) || below_case(self, to) ? SELF_CASE : SELF_NONE;
}

/* Opening the case or the sensor's memory is no action by itself: it becomes one. */
void self_file(struct recorder *r, const struct file_burst *b)
{
	static const struct action_kind opened = {.nr = 257, .name = "open", .details = {{"writes", 0, ARG_INT}}};
	const struct file_row *s = &b->sum;
	struct text_view path = {b->path.text, b->path.length};
	struct action_burst action = {.kind = &opened, .kernel = true, .count = 1, .first = s->first, .last = s->last, .path = b->path};

	if (!path.text || !(s->opens || s->reads || s->writes || s->maps))
		return;
	if (below_case(&r->self, path))
		action.part = SELF_CASE;
	else if (!strcmp(path.text, r->self.memory))
		action.part = SELF_PROCESS;
	else
		return;
	action.key.start = b->key.start;
	action.key.tgid = b->key.tgid;
	action.args[0] = s->writes;
	if (s->writes)
		uses_note(r, USE_SENSOR, b->key.start, b->key.tgid, path.text, path.length);
	facts_action(r, &action);
}
