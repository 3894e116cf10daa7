/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/cgroup.h"

#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#define FILEID_KERNFS 0xfe /* include/linux/exportfs.h */

const char *cgroup_root(void)
{
	static char root[PATH_MAX];
	struct mntent *mount;
	FILE *mounts;

	if (root[0])
		return root;
	mounts = setmntent("/proc/self/mounts", "re");
	if (!mounts)
		return root;
	while ((mount = getmntent(mounts))) {
		if (strcmp(mount->mnt_type, "cgroup2"))
			continue;
		snprintf(root, sizeof(root), "%s", mount->mnt_dir);
		break;
	}
	endmntent(mounts);
	return root;
}

char *cgroup_directory(const char *given)
{
	const char *root = cgroup_root();
	char path[PATH_MAX * 2], real[PATH_MAX];
	struct stat st;

	if (!*root)
		return NULL;
	if (!strncmp(given, root, strlen(root)))
		snprintf(path, sizeof(path), "%s", given);
	else
		snprintf(path, sizeof(path), "%s/%s", root, given);
	if (!realpath(path, real) || strncmp(real, root, strlen(root)) || stat(real, &st) || !S_ISDIR(st.st_mode))
		return NULL;
	return strdup(real);
}

static void each(const char *directory, const char *name, cgroup_fn fn, void *context)
{
	char *const roots[] = {(char *)directory, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	if (!walk)
		return;
	while ((entry = fts_read(walk))) {
		if (entry->fts_info != FTS_D)
			continue;
		if (name && strcmp(entry->fts_name, name))
			continue;
		if (!name) {
			fn(entry->fts_path, entry->fts_statp->st_ino, context);
			continue;
		}
		cgroup_each_below(entry->fts_path, fn, context);
		fts_set(walk, entry, FTS_SKIP);
	}
	fts_close(walk);
}

void cgroup_each_below(const char *directory, cgroup_fn fn, void *context)
{
	each(directory, NULL, fn, context);
}

void cgroup_each_named(const char *name, cgroup_fn fn, void *context)
{
	if (*cgroup_root())
		each(cgroup_root(), name, fn, context);
}

uint64_t cgroup_id_of_pid(int pid)
{
	char path[64], line[PATH_MAX], full[PATH_MAX * 2];
	struct stat st;
	uint64_t id = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(full, sizeof(full), "%s%s", cgroup_root(), line + 3);
		if (!stat(full, &st))
			id = st.st_ino;
	}
	fclose(file);
	return id;
}

static const char *path_by_handle(uint64_t id)
{
	static char target[PATH_MAX];
	int mount = *cgroup_root() ? open(cgroup_root(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = {{.handle_bytes = sizeof(uint64_t), .handle_type = FILEID_KERNFS}, .id = id};
	char link[64];
	ssize_t length;
	int fd;

	fd = mount < 0 ? -1 : open_by_handle_at(mount, (struct file_handle *)&handle, O_PATH | O_CLOEXEC);
	if (mount >= 0)
		close(mount);
	if (fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, target, sizeof(target) - 1);
	close(fd);
	if (length < 0)
		return NULL;
	target[length] = '\0';
	if (strncmp(target, cgroup_root(), strlen(cgroup_root())))
		return NULL;
	return target[strlen(cgroup_root())] ? target + strlen(cgroup_root()) : "/";
}

const char *cgroup_path(uint64_t id)
{
	static uint64_t last_id;
	static char last[PATH_MAX];
	const char *path;

	if (!id)
		return NULL;
	if (id == last_id)
		return last;
	path = path_by_handle(id);
	if (!path)
		return NULL;
	snprintf(last, sizeof(last), "%s", path);
	last_id = id;
	return last;
}
