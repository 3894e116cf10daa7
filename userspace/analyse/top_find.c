/* SPDX-License-Identifier: BSD-2-Clause */
/* The cases that are being written on this machine: what the sensors that run have open. */
#include "top.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_sensor(const char *pid)
{
	char path[300], comm[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(comm, sizeof(comm), file))
		*comm = '\0';
	fclose(file);
	return !strcmp(comm, "quis-record\n");
}

/* .../facts-000001.ndjson, open by a sensor: its directory. */
static bool take_link(const char *link, char case_path[PATH_MAX])
{
	char target[PATH_MAX], *slash;
	ssize_t len = readlink(link, target, sizeof(target) - 1);

	if (len <= 0)
		return false;
	target[len] = '\0';
	slash = strrchr(target, '/');
	if (!slash || slash == target || strncmp(slash, "/facts-", 7) || len < 7 || strcmp(target + len - 7, ".ndjson"))
		return false;
	*slash = '\0';
	strcpy(case_path, target);
	return true;
}

static bool look_into(const char *pid, char case_path[PATH_MAX])
{
	char path[600];
	struct dirent *entry;
	bool found = false;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	fds = opendir(path);
	while (fds && !found && (entry = readdir(fds))) {
		snprintf(path, sizeof(path), "/proc/%.20s/fd/%.255s", pid, entry->d_name);
		found = take_link(path, case_path);
	}
	if (fds)
		closedir(fds);
	return found;
}

int top_find(char case_path[PATH_MAX])
{
	char found[PATH_MAX];
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	int count = 0;

	*case_path = '\0';
	while (proc && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)*entry->d_name) || !is_sensor(entry->d_name) || !look_into(entry->d_name, found))
			continue;
		/* The two processes of one sensor have the same case open. */
		if (count && !strcmp(found, case_path))
			continue;
		strcpy(case_path, found);
		count++;
	}
	if (proc)
		closedir(proc);
	return count;
}
