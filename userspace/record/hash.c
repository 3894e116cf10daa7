/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/record.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define CACHE 256
#define HASH_LIMIT (256LL << 20) /* larger executables are not hashed while events wait */

struct cached {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
	char hex[65];
};

static struct cached cache[CACHE];

static void to_hex(const unsigned char *bytes, char ret_hex[65])
{
	sodium_bin2hex(ret_hex, 65, bytes, crypto_hash_sha256_BYTES);
}

void hash_bytes(const void *bytes, size_t length, char ret_hex[65])
{
	unsigned char digest[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(digest, bytes, length);
	to_hex(digest, ret_hex);
}

static bool hash_fd(int fd, char ret_hex[65])
{
	static unsigned char bytes[1 << 16];
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	ssize_t got;

	crypto_hash_sha256_init(&state);
	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		crypto_hash_sha256_update(&state, bytes, got);
	if (got < 0)
		return false;
	crypto_hash_sha256_final(&state, digest);
	to_hex(digest, ret_hex);
	return true;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool hash_cached(int fd, const struct stat *st, char ret_hex[65])
{
	struct cached *c = &cache[(st->st_ino ^ st->st_dev) % CACHE];

	if (c->hex[0] && c->dev == st->st_dev && c->ino == st->st_ino && c->size == st->st_size &&
		same_time(c->mtime, st->st_mtim) && same_time(c->ctime, st->st_ctim)) {
		memcpy(ret_hex, c->hex, 65);
		return true;
	}
	if (st->st_size > HASH_LIMIT || !hash_fd(fd, ret_hex))
		return false;
	*c = (struct cached){st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim, ""};
	memcpy(c->hex, ret_hex, 65);
	return true;
}

static int open_image(const char *path, uint32_t dev, uint64_t ino, struct stat *ret_st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -1;
	if (!fstat(fd, ret_st) && S_ISREG(ret_st->st_mode) && ret_st->st_ino == ino &&
		(major(ret_st->st_dev) << 20 | minor(ret_st->st_dev)) == dev)
		return fd;
	close(fd);
	return -1;
}

bool hash_executable(int tgid, const char *path, size_t length, uint32_t dev, uint64_t ino, char ret_hex[65])
{
	char link[64], text[PATH_MAX];
	struct stat st;
	bool known;
	int fd;

	/* the running image first: its path may lead elsewhere by now */
	snprintf(link, sizeof(link), "/proc/%d/exe", tgid);
	fd = open_image(link, dev, ino, &st);
	if (fd < 0 && length < sizeof(text)) {
		memcpy(text, path, length);
		text[length] = '\0';
		fd = open_image(text, dev, ino, &st);
	}
	if (fd < 0)
		return false;
	known = hash_cached(fd, &st, ret_hex);
	close(fd);
	return known;
}

bool hash_self(char ret_hex[65])
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	bool known = fd >= 0 && hash_fd(fd, ret_hex);

	if (fd >= 0)
		close(fd);
	return known;
}
