/* SPDX-License-Identifier: BSD-2-Clause */
#include "case/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void segment_name(char out[SEGMENT_NAME], uint32_t number, const char *ending)
{
	snprintf(out, SEGMENT_NAME, "facts-%06u.%s", number, ending);
}

void seal_name(char out[SEGMENT_NAME], uint32_t number)
{
	snprintf(out, SEGMENT_NAME, "%s/%06u", seals_directory, number);
}

int write_whole(int fd, const char *bytes, size_t len)
{
	ssize_t done;

	for (; len; bytes += done, len -= done) {
		done = write(fd, bytes, len);
		if (done < 0 && errno == EINTR)
			done = 0;
		else if (done < 0)
			return -errno;
	}
	return 0;
}

int file_replace(int dir, const char *name, const void *bytes, size_t len)
{
	char beside[SEGMENT_NAME + 8];
	int fd, err;

	snprintf(beside, sizeof(beside), "%s.new", name);
	fd = openat(dir, beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_whole(fd, bytes, len);
	if (!err && fdatasync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(dir, beside, dir, name))
		err = -errno;
	if (err)
		unlinkat(dir, beside, 0);
	return err;
}

static int write_over(int fd, const void *bytes, size_t len)
{
	struct stat st;
	int err;

	if (fstat(fd, &st) || (st.st_size != (off_t)len && ftruncate(fd, 0)))
		return -errno;
	err = write_whole(fd, bytes, len);
	if (!err && fdatasync(fd))
		err = -errno;
	return err;
}

int file_renew(int dir, const char *name, const void *bytes, size_t len)
{
	char beside[SEGMENT_NAME + 8];
	int fd, err;

	snprintf(beside, sizeof(beside), "%s.new", name);
	fd = openat(dir, beside, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_over(fd, bytes, len);
	if (close(fd) && !err)
		err = -errno;
	/* at first there is nothing to exchange it for; not every file system can */
	if (!err && renameat2(dir, beside, dir, name, RENAME_EXCHANGE) && renameat(dir, beside, dir, name))
		err = -errno;
	return err;
}

/* O_NONBLOCK: a FIFO in its place must not hold us up. */
ssize_t file_read(int dir, const char *name, char *out, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | (dir == AT_FDCWD ? 0 : O_NOFOLLOW));
	size_t len = 0;
	ssize_t got = 1;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		got = -errno;
	else if (!S_ISREG(st.st_mode))
		got = -EINVAL;
	while (got > 0 && len < size) {
		do
			got = read(fd, out + len, size - len);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			got = -errno;
		else
			len += got;
	}
	close(fd);
	if (got < 0)
		return got;
	if (len == size)
		return -EFBIG;
	out[len] = '\0';
	return len;
}

int file_erase(int dir, const char *name)
{
	static const char zeros[512];
	int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct stat st;
	off_t at;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st))
		err = -errno;
	for (at = 0; !err && at < st.st_size; at += sizeof(zeros))
		if (pwrite(fd, zeros, sizeof(zeros), at) < 0)
			err = -errno;
	if (!err && fsync(fd))
		err = -errno;
	close(fd);
	if (unlinkat(dir, name, 0) && !err)
		err = -errno;
	return err;
}
