/* SPDX-License-Identifier: BSD-2-Clause */
#include "inventory/inventory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#define DEPTH_MAX 64
#define CHUNK 65536
#define ENTRY_COST 512 /* bytes that looking at a directory entry counts for */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

void root_paced(struct inventory *inventory, uint64_t bytes)
{
	uint64_t due, now;
	struct timespec wait;

	inventory->io_done += bytes;
	if (!inventory->io_limit)
		return;
	now = now_ns();
	if (!inventory->io_begun)
		inventory->io_begun = now;
	due = inventory->io_begun + (uint64_t)((double)inventory->io_done / inventory->io_limit * 1e9);
	if (due < now + 10000000)
		return;
	wait = (struct timespec){(due - now) / 1000000000ull, (due - now) % 1000000000ull};
	nanosleep(&wait, NULL);
}

int root_open(struct inventory *inventory, const char *path, int flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int fd;

	while (*path == '/')
		path++;
	if (flags & O_PATH)
		how.flags = flags | O_CLOEXEC;
	fd = syscall(SYS_openat2, inventory->root_fd, *path ? path : ".", &how, sizeof(how));
	/* before Linux 5.6, or kept from us: the running system's own links lead nowhere else */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM) && inventory->live)
		fd = openat(inventory->root_fd, *path ? path : ".", how.flags);
	if (fd < 0)
		fd = -errno;
	inventory->denied += fd == -EACCES || fd == -EPERM;
	return fd;
}

int root_stat(struct inventory *inventory, const char *path, bool follow, struct stat *ret_st)
{
	int fd = root_open(inventory, path, O_PATH | (follow ? 0 : O_NOFOLLOW)), err = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, ret_st))
		err = -errno;
	close(fd);
	return err;
}

char *root_read(struct inventory *inventory, const char *path, size_t most, size_t *ret_len)
{
	int fd = root_open(inventory, path, O_RDONLY);
	size_t len = 0, size = 0;
	char *text = NULL, *more;
	struct stat st;
	ssize_t got = 1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		got = -1;
	while (got > 0 && len < most) {
		if (size - len < CHUNK) {
			size = size ? size * 2 : CHUNK * 2;
			more = realloc(text, size + 1);
			if (!more) {
				inventory->error = -ENOMEM;
				got = -1;
				break;
			}
			text = more;
		}
		got = read(fd, text + len, size - len < most - len ? size - len : most - len);
		if (got > 0) {
			len += got;
			root_paced(inventory, got);
		}
	}
	close(fd);
	if (got < 0 || !text) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	if (ret_len)
		*ret_len = len;
	return text;
}

static bool join(char out[PATH_MAX], const char *directory, const char *name)
{
	bool slash = *directory && directory[strlen(directory) - 1] == '/';

	return (size_t)snprintf(out, PATH_MAX, "%s%s%s", directory, slash ? "" : "/", name) < PATH_MAX;
}

static DIR *open_directory(struct inventory *inventory, const char *directory, int *ret_err)
{
	int fd = root_open(inventory, directory, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	*ret_err = fd < 0 ? fd : dir ? 0 : -errno;
	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

int root_each(struct inventory *inventory, const char *directory, root_fn fn, void *context)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int err;
	DIR *dir = open_directory(inventory, directory, &err);

	while (dir && (entry = readdir(dir))) {
		root_paced(inventory, ENTRY_COST);
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && join(path, directory, entry->d_name))
			fn(inventory, path, context);
	}
	if (dir)
		closedir(dir);
	return err;
}

struct glob {
	const char *rest; /* of the pattern, behind the component that is matched */
	char component[NAME_MAX + 1];
	root_fn fn;
	void *context;
	int depth;
};

static void glob_from(struct inventory *inventory, const char *done, const char *pattern, root_fn fn, void *context, int depth);

static void glob_entry(struct inventory *inventory, const char *path, void *context)
{
	struct glob *glob = context;

	if (!fnmatch(glob->component, strrchr(path, '/') + 1, FNM_PERIOD))
		glob_from(inventory, path, glob->rest, glob->fn, glob->context, glob->depth + 1);
}

/* `done` exists or has no wildcard; `pattern` begins with a slash or is empty. */
static void glob_from(struct inventory *inventory, const char *done, const char *pattern, root_fn fn, void *context, int depth)
{
	struct glob glob = {.fn = fn, .context = context, .depth = depth};
	char path[PATH_MAX];
	const char *wild = strpbrk(pattern, "*?["), *start, *end;
	struct stat st;

	if (!wild) {
		if ((size_t)snprintf(path, sizeof(path), "%s%s", done, pattern) < sizeof(path) && !root_stat(inventory, path, false, &st))
			fn(inventory, path, context);
		return;
	}
	for (start = wild; *start != '/'; start--)
		;
	end = strchrnul(wild, '/');
	if (depth > DEPTH_MAX || end - start - 1 > NAME_MAX ||
		(size_t)snprintf(path, sizeof(path), "%s%.*s", done, (int)(start - pattern), pattern) >= sizeof(path))
		return;
	memcpy(glob.component, start + 1, end - start - 1);
	glob.component[end - start - 1] = '\0';
	glob.rest = end;
	root_each(inventory, *path ? path : "/", glob_entry, &glob);
}

void root_glob(struct inventory *inventory, const char *pattern, root_fn fn, void *context)
{
	glob_from(inventory, "", pattern, fn, context, 0);
}

static void tree_from(struct inventory *inventory, int directory, struct tree *tree, int depth)
{
	struct dirent *entry;
	struct stat st;
	DIR *dir = fdopendir(directory);
	int below;

	if (!dir) {
		close(directory);
		return;
	}
	while ((entry = readdir(dir)) && !tree->cut) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (++tree->seen >= TREE_ENTRIES_MAX || depth >= DEPTH_MAX)
			tree->cut = true;
		root_paced(inventory, ENTRY_COST);
		progress_show(&inventory->progress, inventory->step);
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (S_ISDIR(st.st_mode)) {
			below = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (below >= 0)
				tree_from(inventory, below, tree, depth + 1);
			continue;
		}
		tree->files++;
		tree->bytes += S_ISREG(st.st_mode) ? st.st_size : 0;
		tree->programs += S_ISREG(st.st_mode) && (st.st_mode & 0111);
	}
	closedir(dir);
}

void root_tree(struct inventory *inventory, const char *path, struct tree *ret_tree)
{
	int fd = root_open(inventory, path, O_RDONLY | O_DIRECTORY);

	memset(ret_tree, 0, sizeof(*ret_tree));
	if (fd >= 0)
		tree_from(inventory, fd, ret_tree, 0);
}

bool root_hash(struct inventory *inventory, const char *path, char ret_hex[65])
{
	int fd = root_open(inventory, path, O_RDONLY);
	unsigned char digest[crypto_hash_sha256_BYTES], chunk[CHUNK];
	crypto_hash_sha256_state state;
	struct stat st;
	ssize_t got;

	if (fd < 0)
		return false;
	got = fstat(fd, &st) || !S_ISREG(st.st_mode) ? -1 : 1;
	crypto_hash_sha256_init(&state);
	while (got > 0) {
		got = read(fd, chunk, sizeof(chunk));
		if (got <= 0)
			break;
		crypto_hash_sha256_update(&state, chunk, got);
		root_paced(inventory, got);
		progress_show(&inventory->progress, inventory->step);
	}
	close(fd);
	crypto_hash_sha256_final(&state, digest);
	if (got)
		return false;
	sodium_bin2hex(ret_hex, 65, digest, sizeof(digest));
	return true;
}
