/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a service manager is told: sd_notify(3), by a datagram socket that is connected before the confinement and only
 * written to after it.
 */
#include "record/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>

static int channel = -1;
static uint64_t watchdog, told; /* ns */

static int open_channel(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	int fd;

	if ((*path != '/' && *path != '@') || length < 2 || length >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, path, length);
	if (*path == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, offsetof(struct sockaddr_un, sun_path) + length)) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

/* A third of the time that the manager waits: a late epoch or a lost datagram is no death. */
void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET"), *wait = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!path)
		return;
	channel = open_channel(path);
	if (channel < 0)
		say("%s: %s", path, strerror(-channel));
	if (wait && (!pid || atoi(pid) == getpid()))
		watchdog = strtoull(wait, NULL, 10) * 1000 / 3;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_say(const char *state)
{
	if (channel >= 0 && write(channel, state, strlen(state)) < 0)
		say_more("quis: the service manager took no word: %s\n", strerror(errno));
}

void notify_alive(uint64_t now)
{
	if (!watchdog || now - told < watchdog)
		return;
	notify_say("WATCHDOG=1");
	told = now;
}

void notify_close(void)
{
	if (channel >= 0)
		close(channel);
	channel = -1;
}
