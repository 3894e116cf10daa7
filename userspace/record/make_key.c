/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>

#include "case/seal.h"

/* Never over something that is there: it might be the key of cases that exist. */
static int write_new(const char *path, const char *text, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode), error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len || fsync(fd))
		error = errno ? -errno : -ENOSPC;
	close(fd);
	return error;
}

static int write_pair(const char *path, const struct note_secret *secret)
{
	char public[PATH_MAX], text[KEY_TEXT_SIZE + 1];
	size_t len = note_secret_format(text, secret);
	int error = write_new(path, text, len, 0600);

	sodium_memzero(text, sizeof(text));
	if (error) {
		say("%s: %s", path, strerror(-error));
		return EXIT_FAILED;
	}
	snprintf(public, sizeof(public), "%s.pub", path);
	len = note_key_format(text, &secret->key);
	text[len++] = '\n';
	error = write_new(public, text, len, 0644);
	if (error)
		say("%s: %s", public, strerror(-error));
	else
		fwrite(text, 1, len, stdout);
	return error ? EXIT_FAILED : 0;
}

int make_key_main(int argc, char **argv)
{
	char host[65] = "host", name[80];
	struct note_secret *secret;
	int status;

	if (argc < 2 || argc > 3 || argv[1][0] == '-' || strlen(argv[1]) > PATH_MAX - 8) {
		say("make-key needs a FILE, and may have a NAME; see quis-record --help");
		return EXIT_USAGE;
	}
	gethostname(host, sizeof(host) - 1);
	snprintf(name, sizeof(name), "%s/quis", host);
	secret = note_secret_new();
	if (!secret) {
		say("out of memory");
		return EXIT_FAILED;
	}
	if (note_secret_make(secret, argc == 3 ? argv[2] : name)) {
		say("the name of a key has neither spaces nor '+', and at most %d bytes", NAME_SIZE - 1);
		status = EXIT_USAGE;
	} else {
		status = write_pair(argv[1], secret);
	}
	note_secret_free(secret);
	return status;
}
