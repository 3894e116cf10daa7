/* SPDX-License-Identifier: BSD-2-Clause */
/* What is to be followed: from the command line to the kernel's tables, and to the processes that run already. */
#include "record/record.h"
#include "record/cgroup.h"
#include "record/reader.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <bpf/bpf.h>

#define SWEEPS_MAX 64 /* over /proc, until nothing new is found */

uint64_t flag_hash(const char *text, size_t length)
{
	return flag_hash_from(0xcbf29ce484222325ULL, text, length);
}

uint64_t flag_hash_from(uint64_t start, const char *text, size_t length)
{
	uint64_t hash = start;
	size_t i;

	for (i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3ULL;
	return hash;
}

/* A flagged file may be yet to come. */
char *flag_canonical(const char *given)
{
	char path[PATH_MAX * 2], real[PATH_MAX], *rest = NULL, *slash;
	size_t length;

	if (given[0] == '/')
		snprintf(path, sizeof(path), "%s", given);
	else if (getcwd(real, sizeof(real)))
		snprintf(path, sizeof(path), "%s/%s", real, given);
	else
		return NULL;
	for (length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
		path[length - 1] = '\0';
	while (!realpath(path, real)) {
		slash = strrchr(path, '/');
		if (rest)
			rest[-1] = '/';
		if (!slash || slash == path)
			return xstrndup(path, strlen(path));
		*slash = '\0';
		rest = slash + 1;
	}
	if (!rest)
		return xstrndup(real, strlen(real));
	if (!strcmp(real, "/"))
		real[0] = '\0';
	if (asprintf(&slash, "%s/%s", real, rest) < 0)
		return NULL;
	return slash;
}

static int tgid_of(int pid)
{
	char path[64], line[128];
	int tgid = -1;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	if (!status)
		return -1;
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "Tgid: %d", &tgid) == 1)
			break;
	fclose(status);
	return tgid;
}

static int set_path(struct flag *flag)
{
	flag->path = flag_canonical(flag->given);
	if (!flag->path || asprintf(&flag->text, "path:%s", flag->path) < 0) {
		say("--path %s: %s", flag->given, strerror(errno));
		return EXIT_FAILED;
	}
	return 0;
}

static int set_pid(struct flag *flag)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(flag->given, &end, 10);
	if (errno || *end || end == flag->given || pid <= 0 || pid >= PID_LIMIT) {
		say("--pid %s: not a process id", flag->given);
		return EXIT_USAGE;
	}
	flag->pid = tgid_of(pid);
	if (flag->pid < 0) {
		say("--pid %ld: no such process", pid);
		return EXIT_FAILED;
	}
	return asprintf(&flag->text, "pid:%ld", pid) < 0 ? EXIT_FAILED : 0;
}

static bool unit_file_exists(const char *name)
{
	static const char *const places[] = {"/etc/systemd/system", "/run/systemd/system", "/run/systemd/transient",
		"/run/systemd/generator", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"};
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, sizeof(path), "%s/%s", places[i], name);
		if (!access(path, F_OK))
			return true;
		if (!at || !dot || dot < at)
			continue;
		snprintf(path, sizeof(path), "%s/%.*s%s", places[i], (int)(at - name + 1), name, dot); /* template */
		if (!access(path, F_OK))
			return true;
	}
	return false;
}

static void found_one(const char *path, uint64_t id, void *context)
{
	(void)path;
	(void)id;
	*(bool *)context = true;
}

static int set_unit(struct flag *flag)
{
	bool found = false;

	if (strchr(flag->given, '/') || !strchr(flag->given, '.')) {
		say("--unit %s: not the name of a unit (NAME.service)", flag->given);
		return EXIT_USAGE;
	}
	cgroup_each_named(flag->given, found_one, &found);
	if (!found && !unit_file_exists(flag->given)) {
		say("--unit %s: no such unit", flag->given);
		return EXIT_FAILED;
	}
	return asprintf(&flag->text, "unit:%s", flag->given) < 0 ? EXIT_FAILED : 0;
}

static int set_cgroup(struct flag *flag)
{
	flag->path = cgroup_directory(flag->given);
	if (!flag->path) {
		say("--cgroup %s: no such control group (cgroup version 2)", flag->given);
		return EXIT_FAILED;
	}
	return asprintf(&flag->text, "cgroup:%s", flag->path + strlen(cgroup_root())) < 0 ? EXIT_FAILED : 0;
}

static void flag_done(struct flag *flag)
{
	size_t i;

	for (i = 0; i < flag->path_count; i++) {
		free(flag->paths[i].given);
		free(flag->paths[i].path);
	}
	free(flag->paths);
	free(flag->given);
	free(flag->text);
	free(flag->path);
}

int flags_add(struct flags *flags, enum flag_kind kind, const char *value)
{
	static int (*const set[])(struct flag *) = {
		[FLAG_KIND_PATH] = set_path,
		[FLAG_KIND_PID] = set_pid,
		[FLAG_KIND_UNIT] = set_unit,
		[FLAG_KIND_CGROUP] = set_cgroup,
		[FLAG_KIND_PACKAGE] = flag_set_package,
		[FLAG_KIND_PRODUCT] = flag_set_product,
	};
	struct flag flag = {.kind = kind}, *list;
	int status;

	if (!*value) {
		say("a flag needs a value");
		return EXIT_USAGE;
	}
	flag.given = xstrndup(value, strlen(value));
	status = set[kind](&flag);
	list = status ? NULL : realloc(flags->list, (flags->count + 1) * sizeof(*list));
	if (!list) {
		flag_done(&flag);
		return status ? status : EXIT_FAILED;
	}
	list[flags->count++] = flag;
	flags->list = list;
	return 0;
}

void flags_done(struct flags *flags)
{
	size_t i;

	for (i = 0; i < flags->count; i++)
		flag_done(&flags->list[i]);
	free(flags->list);
	memset(flags, 0, sizeof(*flags));
}

static int put(struct sensor *sensor, const char *map, const void *key, uint32_t index)
{
	int fd = sensor_map(sensor, map);

	if (index == FLAG_NONE) /* taken back */
		return bpf_map_delete_elem(fd, key) && errno != ENOENT ? -errno : 0;
	return bpf_map_update_elem(fd, key, &index, BPF_ANY) ? -errno : 0;
}

static int put_path(struct sensor *sensor, const char *path, uint32_t index)
{
	/* "/" is the empty prefix */
	uint64_t hash = flag_hash(path, strcmp(path, "/") ? strlen(path) : 0);

	return put(sensor, "flag_paths", &hash, index);
}

struct inode_id {
	uint64_t ino;
	uint32_t dev;
	uint32_t pad;
};

static bool inode_of(const char *path, struct inode_id *ret_id)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return false;
	*ret_id = (struct inode_id){.ino = st.st_ino, .dev = major(st.st_dev) << 20 | minor(st.st_dev)};
	return true;
}

/* A script is known to the kernel by the name given to execve(), so links at the top (/bin -> usr/bin) are names too. */
static int put_aliases(struct sensor *sensor, const char *path, uint32_t index)
{
	static const char *const links[] = {"/bin", "/sbin", "/lib", "/lib64"};
	char target[PATH_MAX], alias[PATH_MAX * 2];
	size_t i, length;
	int error = 0;

	for (i = 0; i < sizeof(links) / sizeof(*links) && !error; i++) {
		if (!realpath(links[i], target) || !strcmp(target, links[i]))
			continue;
		length = strlen(target);
		if (strncmp(path, target, length) || (path[length] != '/' && path[length]))
			continue;
		snprintf(alias, sizeof(alias), "%s%s", links[i], path + length);
		error = put_path(sensor, alias, index);
	}
	return error;
}

static int arm_path(struct sensor *sensor, const char *given, const char *path, uint32_t index)
{
	struct inode_id id;
	int error;

	sensor->state->path_flags_used += index == FLAG_NONE ? -1 : 1;
	error = put_path(sensor, path, index);
	if (!error)
		error = put_aliases(sensor, path, index);
	if (!error && given[0] == '/' && strcmp(given, path))
		error = put_path(sensor, given, index);
	if (!error && inode_of(path, &id))
		error = put(sensor, "flag_inodes", &id, index);
	return error;
}

static int arm_paths(struct sensor *sensor, const struct flag *flag, uint32_t index)
{
	int error = 0;
	size_t i;

	for (i = 0; i < flag->path_count && !error; i++)
		error = arm_path(sensor, flag->paths[i].given, flag->paths[i].path, index);
	return error;
}

struct arm_context {
	struct sensor *sensor;
	uint32_t index;
	int error;
};

static void arm_cgroup(const char *path, uint64_t id, void *context)
{
	struct arm_context *c = context;

	(void)path;
	if (!c->error)
		c->error = put(c->sensor, "flag_cgroups", &id, c->index);
}

static int arm_tree(struct sensor *sensor, const struct flag *flag, uint32_t index)
{
	const char *below = flag->path + strlen(cgroup_root());
	uint64_t whole = flag_hash(below, strlen(below)) ^ 1;
	struct arm_context c = {sensor, index, 0};

	cgroup_each_below(flag->path, arm_cgroup, &c);
	return c.error ? c.error : put(sensor, "flag_units", &whole, index);
}

static int arm_unit(struct sensor *sensor, const struct flag *flag, uint32_t index)
{
	uint64_t hash = flag_hash(flag->given, strlen(flag->given));
	struct arm_context c = {sensor, index, 0};

	cgroup_each_named(flag->given, arm_cgroup, &c);
	return c.error ? c.error : put(sensor, "flag_units", &hash, index);
}

static int arm(struct sensor *sensor, const struct flag *flag, uint32_t index)
{
	switch (flag->kind) {
	case FLAG_KIND_PATH:
		return arm_path(sensor, flag->given, flag->path, index);
	case FLAG_KIND_PACKAGE:
	case FLAG_KIND_PRODUCT:
		return arm_paths(sensor, flag, index);
	case FLAG_KIND_CGROUP:
		return arm_tree(sensor, flag, index);
	case FLAG_KIND_UNIT:
		return arm_unit(sensor, flag, index);
	case FLAG_KIND_PID:
		break; /* runs already: flags_mark_running() */
	}
	return 0;
}

int flags_arm(const struct flags *flags, struct sensor *sensor)
{
	uint32_t i;
	int error = 0;

	for (i = 0; i < flags->count && !error; i++)
		error = arm(sensor, &flags->list[i], i);
	return error;
}

void flags_forget(struct sensor *sensor)
{
	static const char *const maps[] = {"flag_paths", "flag_inodes", "flag_cgroups", "flag_units"};
	unsigned char key[64];
	size_t i;

	for (i = 0; i < sizeof(maps) / sizeof(*maps); i++)
		while (!bpf_map_get_next_key(sensor_map(sensor, maps[i]), NULL, key) && !bpf_map_delete_elem(sensor_map(sensor, maps[i]), key))
			;
	sensor->state->path_flags_used = 0;
}

int flags_disarm(const struct flags *flags, struct sensor *sensor, size_t index)
{
	return arm(sensor, &flags->list[index], FLAG_NONE);
}

int flags_take(struct flags *flags, struct flag *flag, struct sensor *sensor)
{
	struct flag *list = realloc(flags->list, (flags->count + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	flags->list = list;
	list[flags->count++] = *flag;
	memset(flag, 0, sizeof(*flag));
	return arm(sensor, &list[flags->count - 1], flags->count - 1);
}

/* ---- what runs already ---- */

static bool below(const char *path, const char *flagged)
{
	size_t length = strlen(flagged);

	if (!strcmp(flagged, "/"))
		return true;
	return !strncmp(path, flagged, length) && (!path[length] || path[length] == '/');
}

/* An interpreter's script stands among its first arguments. */
static bool runs_script(int pid, const char *flagged)
{
	char path[64], bytes[4096], full[PATH_MAX * 2], real[PATH_MAX];
	const char *argument;
	size_t got, i;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	got = fread(bytes, 1, sizeof(bytes) - 1, file);
	fclose(file);
	bytes[got] = '\0';
	argument = bytes;
	for (i = 0; i < 4 && argument < bytes + got; i++, argument += strlen(argument) + 1) {
		if (!i || *argument == '-')
			continue;
		if (*argument == '/')
			snprintf(full, sizeof(full), "%s", argument);
		else
			snprintf(full, sizeof(full), "/proc/%d/cwd/%s", pid, argument);
		return realpath(full, real) && below(real, flagged);
	}
	return false;
}

bool flag_runs_path(int pid, const char *path)
{
	static const char deleted[] = " (deleted)";
	char link[64], target[PATH_MAX];
	struct inode_id mine, flagged;
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		return false; /* a kernel thread */
	target[length] = '\0';
	if ((size_t)length > strlen(deleted) && !strcmp(target + length - strlen(deleted), deleted))
		target[length - strlen(deleted)] = '\0';
	if (below(target, path))
		return true;
	if (inode_of(link, &mine) && inode_of(path, &flagged) && mine.ino == flagged.ino && mine.dev == flagged.dev)
		return true;
	return runs_script(pid, path);
}

#define TASK_EXITING 0x4 /* PF_EXITING, include/linux/sched.h: set in do_exit() before the tracepoint of the exit */

/* Of /proc/PID/stat or that of a thread, proc(5): the parent, and whether it is on its way out. False: it is gone. */
static bool read_stat(const char *path, int *ret_parent, bool *ret_exiting)
{
	char line[512], *after;
	unsigned flags;
	FILE *stat = fopen(path, "re");
	bool good;

	if (!stat)
		return false;
	after = fgets(line, sizeof(line), stat) ? strrchr(line, ')') : NULL;
	good = after && sscanf(after + 1, " %*c %d %*d %*d %*d %*d %u", ret_parent, &flags) == 2;
	*ret_exiting = good && flags & TASK_EXITING;
	fclose(stat);
	return good;
}

static int parent_of(int pid)
{
	char path[64];
	bool exiting;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	return read_stat(path, &parent, &exiting) ? parent : 0;
}

/*
 * No thread of it will come to the kernel's tracepoint of exits any more, or none is there. Looked at after the mark was set, a thread
 * that is not on its way out takes the mark away when it ends.
 */
static bool is_over(int pid)
{
	char path[64 + 2 * NAME_MAX];
	struct dirent *entry;
	bool over = true, exiting;
	int parent;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return true;
	while (over && (entry = readdir(tasks))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, entry->d_name);
		over = !read_stat(path, &parent, &exiting) || exiting;
	}
	closedir(tasks);
	return over;
}

struct cgroup_search {
	uint64_t id;
	bool found;
};

static void match_cgroup(const char *path, uint64_t id, void *context)
{
	struct cgroup_search *search = context;

	(void)path;
	if (id == search->id)
		search->found = true;
}

static bool runs_in(int pid, const struct flag *flag)
{
	struct cgroup_search search = {.id = cgroup_id_of_pid(pid)};

	if (!search.id)
		return false;
	if (flag->kind == FLAG_KIND_UNIT)
		cgroup_each_named(flag->given, match_cgroup, &search);
	else
		cgroup_each_below(flag->path, match_cgroup, &search);
	return search.found;
}

static bool runs_any(int pid, const struct flag *flag)
{
	size_t i;

	for (i = 0; i < flag->path_count; i++)
		if (reader_runs_path(pid, flag->paths[i].path))
			return true;
	return false;
}

static bool is_named(int pid, const struct flag *flag)
{
	switch (flag->kind) {
	case FLAG_KIND_PID:
		return flag->pid == pid;
	case FLAG_KIND_PATH:
		return reader_runs_path(pid, flag->path);
	case FLAG_KIND_PACKAGE:
	case FLAG_KIND_PRODUCT:
		return runs_any(pid, flag);
	default:
		return runs_in(pid, flag);
	}
}

static uint32_t why_running(const struct flags *flags, const struct sensor *sensor, int pid)
{
	uint32_t i;

	for (i = 0; i < flags->count; i++)
		if (!flags->list[i].gone && is_named(pid, &flags->list[i]))
			return i;
	pid = parent_of(pid);
	return pid > 0 && sensor->marks[pid & (PID_LIMIT - 1)] == MARK_FLAGGED ? FLAG_PARENT : FLAG_NONE;
}

static int sweep(const struct flags *flags, struct sensor *sensor, flags_found found, void *context)
{
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	int new = 0, pid, self = getpid();
	uint32_t flag;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		pid = atoi(entry->d_name);
		if (pid == self || pid == reader_pid() || sensor->marks[pid & (PID_LIMIT - 1)])
			continue;
		flag = why_running(flags, sensor, pid);
		if (flag == FLAG_NONE)
			continue;
		sensor->marks[pid & (PID_LIMIT - 1)] = MARK_FLAGGED;
		/* of one that ended before, the kernel would never take the mark away, and the next with its number would be followed */
		if (is_over(pid)) {
			sensor->marks[pid & (PID_LIMIT - 1)] = MARK_NONE;
			continue;
		}
		found(pid, flag, context);
		new++;
	}
	closedir(proc);
	return new;
}

int flags_mark_running(const struct flags *flags, struct sensor *sensor, flags_found found, void *context)
{
	int i, new = 0;

	/* a marked parent's later children are marked by the kernel; those born before are found by the next sweep */
	for (i = 0; i < SWEEPS_MAX && flags->count; i++) {
		new = sweep(flags, sensor, found, context);
		if (new <= 0)
			break;
	}
	return new < 0 ? new : 0;
}
