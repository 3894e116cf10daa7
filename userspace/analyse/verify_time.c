/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Anchors in time: a time-stamping service (RFC 3161) signs the SHA-256 of a checkpoint. The openssl program makes
 * queries and checks replies; nothing is sent from here. Replies are kept in the case, in anchors/, with the checkpoint
 * that they are for: SIZE.checkpoint and SIZE.tsr.
 */
#include "verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyse.h"

#define REPLY_MAX (1u << 20)

extern char **environ;

/* Its exit status, what it said (both outputs) in `said`; negative when it cannot be started. */
static int run_openssl(const char *const *arguments, char *said, size_t size)
{
	posix_spawn_file_actions_t actions;
	int ends[2], status = 0, err;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
	err = posix_spawnp(&pid, "openssl", &actions, NULL, (char *const *)arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	while (!err && (got = read(ends[0], said + len, size - 1 - len)) > 0)
		len += got;
	said[len] = '\0';
	close(ends[0]);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Of what openssl says ("error:17800067:library:function:message imprint mismatch:file:line:"), the reason. */
static const char *reason(char *said)
{
	char *at = strstr(said, "error:");
	int field;

	for (field = 0; at && field < 4; field++)
		at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL;
	if (!at)
		at = said;
	at[strcspn(at, ":\n")] = '\0';
	return at;
}

static int no_openssl(int err)
{
	complain("time stamps need the openssl program: %s", strerror(-err));
	return EXIT_UNKNOWN;
}

static void digest(const struct checkpoint *checkpoint, char hex[2 * HASH_SIZE + 1])
{
	unsigned char hash[HASH_SIZE];

	crypto_hash_sha256(hash, (const unsigned char *)checkpoint->note, checkpoint->len);
	sodium_bin2hex(hex, 2 * HASH_SIZE + 1, hash, sizeof(hash));
}

static int write_file(const char *path, const char *bytes, size_t len)
{
	FILE *file = fopen(path, "we");
	int failed;

	if (!file)
		return -errno;
	failed = fwrite(bytes, 1, len, file) != len;
	failed |= fclose(file);
	return failed ? -EIO : 0;
}

int time_query(struct verify *verify)
{
	char hex[2 * HASH_SIZE + 1], said[4096], path[4096];
	const char *const arguments[] = {
		"openssl", "ts", "-query", "-digest", hex, "-sha256", "-cert", "-out", verify->query_path, NULL};
	int status, err;

	digest(&verify->result.newest, hex);
	status = run_openssl(arguments, said, sizeof(said));
	if (status < 0)
		return no_openssl(status);
	if (status) {
		complain("openssl makes no query: %s", reason(said));
		return EXIT_UNKNOWN;
	}
	snprintf(path, sizeof(path), "%s.checkpoint", verify->query_path);
	err = write_file(path, verify->result.newest.note, verify->result.newest.len);
	if (err) {
		complain("%s: %s", path, strerror(-err));
		return EXIT_UNKNOWN;
	}
	fprintf(stderr,
		"quis: the query is %s, the checkpoint that it is for %s: give that as --since with the reply if the "
		"case grows\n",
		verify->query_path, path);
	return 0;
}

/* "Time stamp: Nov 24 00:40:00 2026 GMT" */
static void read_time(struct verify *verify, const char *reply)
{
	const char *const arguments[] = {"openssl", "ts", "-reply", "-in", reply, "-text", NULL};
	static const char label[] = "Time stamp: ";
	char said[65536];
	const char *at;

	if (run_openssl(arguments, said, sizeof(said)))
		return;
	at = strstr(said, label);
	if (at)
		snprintf(verify->anchor_time, sizeof(verify->anchor_time), "%.*s",
			(int)strcspn(at + sizeof(label) - 1, "\n"), at + sizeof(label) - 1);
}

static int check(struct verify *verify, const char *reply, const struct checkpoint *checkpoint)
{
	char hex[2 * HASH_SIZE + 1], said[4096];
	const char *const arguments[] = {
		"openssl", "ts", "-verify", "-digest", hex, "-in", reply, "-CAfile", verify->ca_path, NULL};
	int status;

	if (access(reply, R_OK) || access(verify->ca_path, R_OK)) {
		complain("%s: %s", access(reply, R_OK) ? reply : verify->ca_path, strerror(errno));
		return EXIT_UNKNOWN;
	}
	digest(checkpoint, hex);
	status = run_openssl(arguments, said, sizeof(said));
	if (status < 0)
		return no_openssl(status);
	if (status) {
		complain("%s does not hold for the checkpoint of %" PRIu64 " lines: %s", reply, checkpoint->size,
			reason(said));
		return EXIT_ALTERED;
	}
	verify->anchor_checked = true;
	read_time(verify, reply);
	return 0;
}

static int keep_in(int directory, const struct checkpoint *checkpoint, const char *reply, size_t len)
{
	char name[40];
	int err;

	snprintf(name, sizeof(name), "%" PRIu64 ".checkpoint", checkpoint->size);
	err = file_replace(directory, name, checkpoint->note, checkpoint->len);
	snprintf(name, sizeof(name), "%" PRIu64 ".tsr", checkpoint->size);
	return err ? err : file_replace(directory, name, reply, len);
}

static int open_anchors(const struct verify *verify)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/anchors", verify->case_path);
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A case on read-only media is no failure: the reply is still with who gave it. */
static void keep(const struct verify *verify, const struct checkpoint *checkpoint)
{
	char path[4096], *bytes = malloc(REPLY_MAX);
	FILE *file = fopen(verify->reply_path, "re");
	size_t len = file && bytes ? fread(bytes, 1, REPLY_MAX, file) : 0;
	int directory, err;

	if (file)
		fclose(file);
	snprintf(path, sizeof(path), "%s/anchors", verify->case_path);
	mkdir(path, 0700);
	directory = open_anchors(verify);
	err = directory < 0 ? -errno : keep_in(directory, checkpoint, bytes, len);
	if (err)
		complain("%s: the reply is not kept there: %s", verify->case_path, strerror(-err));
	if (directory >= 0)
		close(directory);
	free(bytes);
}

int time_reply(struct verify *verify)
{
	const struct checkpoint *checkpoint = verify->options.since ? &verify->since : &verify->result.newest;
	int status = check(verify, verify->reply_path, checkpoint);

	if (status)
		return status;
	keep(verify, checkpoint);
	verify->anchor = *checkpoint;
	return 0;
}

static bool read_anchor(int directory, uint64_t size, const char *reply, struct checkpoint *ret_checkpoint)
{
	char name[40], text[NOTE_SIZE];
	struct stat st;
	ssize_t len;

	if (fstatat(directory, reply, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return false;
	snprintf(name, sizeof(name), "%" PRIu64 ".checkpoint", size);
	len = file_read(directory, name, text, sizeof(text));
	return len > 0 && !checkpoint_parse(ret_checkpoint, text, len) && ret_checkpoint->size == size;
}

void time_find(struct verify *verify)
{
	int directory = verify->reply_path ? -1 : open_anchors(verify);
	DIR *stream = directory < 0 ? NULL : fdopendir(directory);
	struct checkpoint found;
	struct dirent *entry;
	uint64_t size;
	char *end;

	while (stream && (entry = readdir(stream))) {
		size = strtoull(entry->d_name, &end, 10);
		if (strcmp(end, ".tsr") || size <= verify->anchor.size ||
			!read_anchor(directory, size, entry->d_name, &found))
			continue;
		verify->anchor = found;
		snprintf(verify->anchor_reply, sizeof(verify->anchor_reply), "%.3000s/anchors/%.255s",
			verify->case_path, entry->d_name);
	}
	if (stream)
		closedir(stream);
	if (verify->anchor.size)
		verify->options.anchor = &verify->anchor;
}

int time_check(struct verify *verify)
{
	if (verify->ca_path)
		return check(verify, verify->anchor_reply, &verify->anchor);
	read_time(verify, verify->anchor_reply);
	return 0;
}
