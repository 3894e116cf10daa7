/* SPDX-License-Identifier: BSD-2-Clause */
#include "inventory/host.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/utsname.h>

static void first_line(struct inventory *inventory, const char *path, char *out, size_t size)
{
	char *text = root_read(inventory, path, 4096, NULL);

	if (text)
		snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
}

/* PRETTY_NAME of os-release(5), without its quotes. */
static void read_system(struct inventory *inventory, char *out, size_t size)
{
	char *text = root_read(inventory, "/etc/os-release", 65536, NULL), *at;

	if (!text)
		text = root_read(inventory, "/usr/lib/os-release", 65536, NULL);
	at = text ? strstr(text, "PRETTY_NAME=") : NULL;
	if (at) {
		at += strlen("PRETTY_NAME=");
		at += strspn(at, "\"'");
		snprintf(out, size, "%.*s", (int)strcspn(at, "\"'\n"), at);
	}
	free(text);
}

void host_read(struct inventory *inventory, struct host *ret_host)
{
	struct timespec now;
	struct utsname name;

	memset(ret_host, 0, sizeof(*ret_host));
	clock_gettime(CLOCK_REALTIME, &now);
	ret_host->now = now.tv_sec * 1000000000ull + now.tv_nsec;
	first_line(inventory, "/etc/machine-id", ret_host->machine_id, sizeof(ret_host->machine_id));
	read_system(inventory, ret_host->system, sizeof(ret_host->system));
	if (!inventory->live) {
		first_line(inventory, "/etc/hostname", ret_host->name, sizeof(ret_host->name));
	} else if (!uname(&name)) {
		snprintf(ret_host->name, sizeof(ret_host->name), "%s", name.nodename);
		snprintf(ret_host->kernel, sizeof(ret_host->kernel), "%s", name.release);
	}
}
