/* SPDX-License-Identifier: BSD-2-Clause */
#include "index_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "catalog/class.h"
#include "index.h"

#define KEPT_MAX 16		    /* indexes */
#define KEPT_SECONDS (30 * 86400ll) /* since the last use */
#define NAME_HEX 32

static bool own_directory(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) && errno != EEXIST)
		return false;
	return !lstat(path, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022);
}

/* ~/.cache may be anybody's that the user chose; what is in it is ours alone, or it is not used. */
static bool cache_directory(char out[PATH_MAX])
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int len;

	if (base && *base == '/') {
		len = snprintf(out, PATH_MAX, "%s", base);
	} else {
		if (!home || *home != '/')
			return false;
		len = snprintf(out, PATH_MAX, "%s/.cache", home);
	}
	if (len >= PATH_MAX - 100 || !own_directory(out))
		return false;
	strcpy(out + len, "/quis");
	if (!own_directory(out))
		return false;
	strcpy(out + len, "/quis/index");
	return own_directory(out);
}

static void hash_text(crypto_generichash_state *state, const char *text)
{
	crypto_generichash_update(state, (const unsigned char *)text, strlen(text) + 1);
}

static void hash_file(crypto_generichash_state *state, const char *name, const struct stat *st)
{
	char text[400];

	snprintf(text, sizeof(text), "%s %ju %ju %jd %jd.%09ld %jd.%09ld", name, (uintmax_t)st->st_dev,
		(uintmax_t)st->st_ino, (intmax_t)st->st_size, (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		(intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
	hash_text(state, text);
}

/* The change time cannot be set back: a case that was altered has another name here. */
static bool hash_case(crypto_generichash_state *state, const char *case_path)
{
	struct dirent **entries;
	int count = scandir(case_path, &entries, NULL, alphasort), i;
	char path[PATH_MAX];
	struct stat st;

	if (count < 0)
		return false;
	for (i = 0; i < count; i++) {
		if (strcmp(entries[i]->d_name, "..") &&
			(size_t)snprintf(path, sizeof(path), "%s/%s", case_path, entries[i]->d_name) < sizeof(path) &&
			!stat(path, &st))
			hash_file(state, entries[i]->d_name, &st);
		free(entries[i]);
	}
	free(entries);
	return true;
}

/* The boot id: an index is written without waiting for the disk, so it is worth nothing after a loss of power. */
static void hash_boot(crypto_generichash_state *state)
{
	char text[64] = "";
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0)
		hash_text(state, text);
	close(fd);
}

/* An index of another build, or by other rules, may have another meaning. */
static void hash_program(crypto_generichash_state *state)
{
	char classes[20];
	struct stat st;

	snprintf(classes, sizeof(classes), "%" PRIx64, class_version());
	hash_text(state, classes);
	if (!stat("/proc/self/exe", &st))
		hash_file(state, "quis", &st);
}

/* Whose a file is, is taken from the package database of this machine. */
static void hash_packages(crypto_generichash_state *state)
{
	struct stat st;

	if (!stat("/var/lib/dpkg/status", &st))
		hash_file(state, "packages", &st);
}

void cache_find(struct cache *cache, const char *case_path)
{
	unsigned char hash[NAME_HEX / 2];
	crypto_generichash_state state;
	char hex[NAME_HEX + 1];
	size_t len;

	cache->usable = false;
	if (sodium_init() < 0 || !cache_directory(cache->path))
		return;
	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	hash_text(&state, QUIS_VERSION);
	hash_text(&state, index_schema);
	hash_text(&state, index_views);
	hash_program(&state);
	hash_packages(&state);
	hash_boot(&state);
	if (!hash_case(&state, case_path))
		return;
	crypto_generichash_final(&state, hash, sizeof(hash));
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	len = strlen(cache->path);
	memcpy(cache->made, cache->path, len);
	snprintf(cache->path + len, sizeof(cache->path) - len, "/%s.sqlite", hex);
	snprintf(cache->made + len, sizeof(cache->made) - len, "/%s.%ld.made", hex, (long)getpid());
	cache->usable = true;
}

bool cache_has(const struct cache *cache)
{
	struct stat st;

	return cache->usable && !lstat(cache->path, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & 022) && !utimensat(AT_FDCWD, cache->path, NULL, 0);
}

struct kept {
	char name[NAME_HEX + 32];
	int64_t used;
};

static int newest_first(const void *a, const void *b)
{
	const struct kept *left = a, *right = b;

	return (left->used < right->used) - (left->used > right->used);
}

/* Half-made ones of a process that died are old files too. */
static void prune(int dir, DIR *stream)
{
	static struct kept kept[4 * KEPT_MAX];
	const struct dirent *entry;
	size_t count = 0, i;
	struct stat st;

	while (count < sizeof(kept) / sizeof(kept[0]) && (entry = readdir(stream))) {
		if (strspn(entry->d_name, "0123456789abcdef") != NAME_HEX ||
			strlen(entry->d_name) >= sizeof(kept[0].name) ||
			fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		strcpy(kept[count].name, entry->d_name);
		kept[count++].used = st.st_mtime;
	}
	qsort(kept, count, sizeof(kept[0]), newest_first);
	for (i = 0; i < count; i++)
		if (i >= KEPT_MAX || kept[i].used < (int64_t)time(NULL) - KEPT_SECONDS)
			unlinkat(dir, kept[i].name, 0);
}

bool cache_keep(const struct cache *cache)
{
	char path[PATH_MAX];
	DIR *stream;

	if (rename(cache->made, cache->path))
		return false;
	strcpy(path, cache->path);
	*strrchr(path, '/') = '\0';
	stream = opendir(path);
	if (stream) {
		prune(dirfd(stream), stream);
		closedir(stream);
	}
	return true;
}
