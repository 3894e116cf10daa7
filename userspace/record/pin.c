/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs, links and maps that outlive the sensor: pinned below a directory of a BPF file system, they go on counting when quis-record dies,
 * and the next one takes them up. The map of the settings is pinned last: where it is, all the others are.
 */
#include "record/pin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define STATE_MAP ".bss.state"

extern const char quis_bpf_object[], quis_bpf_object_end[];

/* No name on a BPF file system has a dot: bpf_lookup(), kernel/bpf/inode.c. */
static const char *pin_path(const struct sensor *sensor, const char *kind, const char *name)
{
	static char path[4096];
	char *at;

	snprintf(path, sizeof(path), "%s/%s_%s", sensor->pin, kind, name);
	for (at = path + strlen(sensor->pin); (at = strchr(at, '.'));)
		*at = '_';
	return path;
}

static int pin(const struct sensor *sensor, const char *kind, const char *name, int fd)
{
	return fd >= 0 && bpf_obj_pin(fd, pin_path(sensor, kind, name)) ? -errno : 0;
}

static int pinned(const struct sensor *sensor, const char *kind, const char *name)
{
	int fd = bpf_obj_get(pin_path(sensor, kind, name));

	return fd < 0 ? -errno : fd;
}

/* Made when it is not there: one level, as mkdir(1) does it. */
static int open_directory(struct sensor *sensor)
{
	bool made = !mkdir(sensor->pin, 0700);
	int why_not = made ? 0 : errno, error = 0;
	struct statfs fs;

	sensor->pin_dir = open(sensor->pin, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sensor->pin_dir < 0 || fstatfs(sensor->pin_dir, &fs))
		error = why_not && errno == ENOENT ? -why_not : -errno;
	else if (fs.f_type != BPF_FS_MAGIC)
		error = -ENOTSUP;
	if (error && made)
		rmdir(sensor->pin);
	if (error && sensor->pin_dir >= 0)
		close(sensor->pin_dir);
	if (error)
		sensor->pin_dir = -1;
	return error;
}

void pins_remove(struct sensor *sensor)
{
	int fd = sensor->pin_dir < 0 ? -1 : openat(sensor->pin_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	/* the settings first: half of a set is none */
	if (directory)
		unlinkat(sensor->pin_dir, "map__bss_state", 0);
	while (directory && (entry = readdir(directory)))
		if (!strncmp(entry->d_name, "map_", 4) || !strncmp(entry->d_name, "link_", 5) || !strncmp(entry->d_name, "prog_", 5))
			unlinkat(sensor->pin_dir, entry->d_name, 0);
	if (directory)
		closedir(directory);
}

static void object_digest(char hex[65])
{
	hash_bytes(quis_bpf_object, quis_bpf_object_end - quis_bpf_object, hex);
}

int pins_make(struct sensor *sensor)
{
	struct bpf_program *program;
	struct bpf_map *map;
	size_t i;
	int error = 0;

	pins_remove(sensor);
	sensor->state->hooks = sensor->hooks;
	object_digest(sensor->state->object);
	bpf_object__for_each_map(map, sensor->object)
		if (!error && strcmp(bpf_map__name(map), STATE_MAP))
			error = pin(sensor, "map", bpf_map__name(map), bpf_map__fd(map));
	for (i = 0; i < COUNTED && !error; i++)
		error = pin(sensor, "map", counted_names[i].spare, sensor->counters[i].maps[1]);
	bpf_object__for_each_program(program, sensor->object)
		if (!error && bpf_program__autoload(program) && !program_iterates(program))
			error = pin(sensor, "prog", bpf_program__name(program), bpf_program__fd(program));
	for (i = 0; i < sensor->link_count && !error; i++)
		error = pin(sensor, "link", sensor->link_names[i], bpf_link__fd(sensor->links[i]));
	if (!error)
		error = pin(sensor, "map", STATE_MAP, sensor_map(sensor, STATE_MAP));
	if (error)
		pins_remove(sensor);
	return error;
}

/* ---- taking up ---- */

/* A sensor that lives has them: they are not ours. */
static bool owner_lives(const struct sensor_state *state)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/comm", state->own_tgid);
	file = fopen(path, "re");
	if (file && !fgets(name, sizeof(name), file))
		name[0] = '\0';
	if (file)
		fclose(file);
	return state->own_tgid != (uint32_t)getpid() && !strcmp(name, "quis-record\n");
}

static int look_at_state(struct sensor *sensor)
{
	int fd = pinned(sensor, "map", STATE_MAP);
	const struct sensor_state *state;
	char digest[65];
	int error = 0;

	if (fd < 0)
		return -ENOENT;
	state = sensor_share(fd, sizeof(*state));
	close(fd);
	if (!state)
		return -ENOENT; /* of another size: another version's */
	object_digest(digest);
	if (owner_lives(state))
		error = -EBUSY;
	else if (memcmp(state->object, digest, sizeof(digest)) || !state->case_id[0])
		error = -ENOENT;
	sensor->hooks = state->hooks;
	sensor_unshare(state, sizeof(*state));
	return error;
}

static int reuse_maps(struct sensor *sensor)
{
	struct bpf_map *map;
	int fd, error = 0;

	bpf_object__for_each_map(map, sensor->object) {
		fd = pinned(sensor, "map", bpf_map__name(map));
		if (fd < 0)
			return fd;
		error = bpf_map__reuse_fd(map, fd); /* keeps a descriptor of its own */
		close(fd);
		if (error)
			return error;
	}
	return 0;
}

/* Of the programs only the iterators are loaded anew; those that run are pinned, and known by their links. */
static int open_programs(struct sensor *sensor)
{
	struct bpf_program *program;
	size_t count = 0;

	bpf_object__for_each_program(program, sensor->object)
		count++;
	sensor->links = xcalloc(count, sizeof(*sensor->links));
	sensor->link_names = xcalloc(count, sizeof(*sensor->link_names));
	sensor->programs = xcalloc(count, sizeof(*sensor->programs));
	bpf_object__for_each_program(program, sensor->object) {
		const char *name = bpf_program__name(program);
		struct bpf_link *link;
		int fd;

		if (program_iterates(program) || !bpf_program__autoload(program))
			continue;
		bpf_program__set_autoload(program, false);
		link = bpf_link__open(pin_path(sensor, "link", name));
		if (!link || libbpf_get_error(link)) {
			sensor_missing(sensor, program, "it was not attached when the recording began");
			continue;
		}
		sensor->link_names[sensor->link_count] = name;
		sensor->links[sensor->link_count++] = link;
		fd = pinned(sensor, "prog", name);
		if (fd >= 0)
			sensor->programs[sensor->program_count++] = fd;
	}
	return sensor->link_count ? 0 : -ENOENT;
}

/* Which of two maps counts is what the map of maps says, by the number of the inner one. */
static int counting_now(int outer, const int maps[2])
{
	struct bpf_map_info info = {0};
	uint32_t zero = 0, inner, size = sizeof(info);

	if (bpf_map_lookup_elem(outer, &zero, &inner) || bpf_obj_get_info_by_fd(maps[0], &info, &size))
		return -errno;
	return inner != info.id;
}

static int find_counting(struct sensor *sensor)
{
	int files = counting_now(sensor->counters[0].now, sensor->counters[0].maps), other, i;
	uint32_t zero = 0;

	for (i = 1; files >= 0 && i < COUNTED; i++) {
		other = counting_now(sensor->counters[i].now, sensor->counters[i].maps);
		if (other < 0)
			return other;
		/* it died between the swaps */
		if (other != files && bpf_map_update_elem(sensor->counters[i].now, &zero, &sensor->counters[i].maps[files], BPF_ANY))
			return -errno;
	}
	if (files < 0)
		return files;
	sensor->counting = files;
	sensor->predecessor = sensor->state->own_tgid;
	sensor->state->dirty = 1;
	return 0;
}

int pins_open(struct sensor *sensor, const char *directory)
{
	sensor->pin = directory;
	return open_directory(sensor);
}

int pins_take_up(struct sensor *sensor, const struct btf *btf, const struct sensor_options *options)
{
	int error = look_at_state(sensor), spares[COUNTED], i;

	if (error)
		return error;
	error = sensor_read_object(sensor, btf, options);
	if (!error)
		error = reuse_maps(sensor);
	if (!error)
		error = open_programs(sensor);
	if (!error)
		error = bpf_object__load(sensor->object);
	for (i = 0; i < COUNTED; i++)
		spares[i] = error ? -1 : pinned(sensor, "map", counted_names[i].spare);
	if (!error)
		error = sensor_find_maps(sensor, spares);
	if (!error)
		error = find_counting(sensor);
	if (error)
		sensor_close(sensor);
	sensor->taken_up = !error;
	return error;
}
