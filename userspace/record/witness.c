/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checkpoints that leave the case: to journald or syslog, which may carry them off the host, or to stderr. The sockets
 * are local, opened at the start, and nothing but checkpoints goes into them. A logger that is restarted loses us; then
 * the case alone holds the checkpoints.
 */
#include "record/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET "/dev/log"
#define MESSAGE_SIZE 8192

static const char *const names[CHECKPOINT_WAYS] = {"journal", "syslog", "stderr"};
static int sockets[CHECKPOINT_WAYS] = {-1, -1, -1};
static unsigned open_ways;

bool witness_way(const char *name, unsigned *ways)
{
	int way;

	for (way = 0; way < CHECKPOINT_WAYS; way++) {
		if (strcmp(names[way], name))
			continue;
		*ways |= 1u << way;
		return true;
	}
	return false;
}

static int open_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

int witness_open(unsigned ways, const char **ret_way)
{
	static const char *const paths[CHECKPOINT_WAYS] = {JOURNAL_SOCKET, SYSLOG_SOCKET};
	int way;

	open_ways = ways;
	for (way = 0; way < CHECKPOINT_WAYS; way++) {
		if (!(ways & 1u << way) || !paths[way])
			continue;
		sockets[way] = open_socket(paths[way]);
		if (sockets[way] < 0) {
			*ret_way = paths[way];
			return sockets[way];
		}
	}
	return 0;
}

/* The native protocol of the journal: a value of several lines has its length before it, little-endian. */
static size_t journal_message(char *out, const char *note, size_t len)
{
	static const char head[] = "PRIORITY=5\nSYSLOG_IDENTIFIER=quis-record\nMESSAGE\n";
	size_t at = sizeof(head) - 1, i;

	memcpy(out, head, at);
	for (i = 0; i < 8; i++)
		out[at++] = (uint64_t)len >> (8 * i);
	memcpy(out + at, note, len);
	at += len;
	out[at++] = '\n';
	return at;
}

/* One line: facility daemon, severity notice. What ended a line of the note is a space, and the blank line two. */
static size_t syslog_message(char *out, const char *note, size_t len)
{
	size_t at = snprintf(out, MESSAGE_SIZE, "<29>quis-record[%d]: checkpoint ", getpid()), i;

	for (i = 0; i < len; i++)
		out[at++] = note[i] == '\n' ? ' ' : note[i];
	return at - 1;
}

void witness_tell(const char *note)
{
	char message[MESSAGE_SIZE];
	size_t len = strlen(note), size;

	if (!len || len > MESSAGE_SIZE - 256)
		return;
	if (sockets[CHECKPOINT_JOURNAL] >= 0) {
		size = journal_message(message, note, len);
		if (write(sockets[CHECKPOINT_JOURNAL], message, size) < 0)
			say_more("quis: the journal took no checkpoint: %s\n", strerror(errno));
	}
	if (sockets[CHECKPOINT_SYSLOG] >= 0) {
		size = syslog_message(message, note, len);
		if (write(sockets[CHECKPOINT_SYSLOG], message, size) < 0)
			say_more("quis: syslog took no checkpoint: %s\n", strerror(errno));
	}
	if (open_ways & 1u << CHECKPOINT_STDERR)
		fputs(note, stderr);
}

void witness_close(void)
{
	int way;

	for (way = 0; way < CHECKPOINT_WAYS; way++) {
		if (sockets[way] >= 0)
			close(sockets[way]);
		sockets[way] = -1;
	}
	open_ways = 0;
}
