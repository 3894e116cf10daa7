/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the processes of found products listen: sockets of the network and in the file system. */
#include "inventory/inventory.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKETS_MAX 4096
#define TCP_LISTEN 0x0a
#define UDP_UNCONNECTED 0x07
#define UNIX_ACCEPTS 0x00010000

struct own_sockets {
	unsigned long inodes[SOCKETS_MAX];
	size_t count;
};

static void own_sockets(int pid, struct own_sockets *sockets)
{
	char path[64], link[64];
	struct dirent *entry;
	ssize_t length;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) && sockets->count < SOCKETS_MAX) {
		length = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		if (length <= 0)
			continue;
		link[length] = '\0';
		if (sscanf(link, "socket:[%lu]", &sockets->inodes[sockets->count]) == 1)
			sockets->count++;
	}
	if (dir)
		closedir(dir);
}

static bool is_own(const struct own_sockets *sockets, unsigned long inode)
{
	size_t i;

	for (i = 0; i < sockets->count; i++)
		if (sockets->inodes[i] == inode)
			return true;
	return false;
}

/* The kernel writes each 32-bit word of an address in its own byte order. */
static void address_text(const char *hex, unsigned port, char *out, size_t size)
{
	bool six = strlen(hex) == 32;
	char text[INET6_ADDRSTRLEN];
	uint32_t words[4];
	int i;

	for (i = 0; i < (six ? 4 : 1); i++)
		if (sscanf(hex + i * 8, "%8x", &words[i]) != 1)
			words[i] = 0;
	inet_ntop(six ? AF_INET6 : AF_INET, words, text, sizeof(text));
	snprintf(out, size, six ? "[%s]:%u" : "%s:%u", text, port);
}

static FILE *open_table(int pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, name);
	return fopen(path, "re");
}

static void tell_listener(struct inventory *inventory, const struct process *process, const char *what)
{
	struct item *item = item_add_process(inventory, ITEM_LISTENER, process, what);

	if (item)
		item->detail = inventory_format(inventory, "%s[%d]", process->comm, process->pid);
}

static void read_inet(struct inventory *inventory, const struct process *process, const struct own_sockets *sockets, const char *name)
{
	FILE *file = open_table(process->pid, name);
	char line[512], hex[64], address[80], what[120];
	unsigned port, state;
	unsigned long inode;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*u: %32[0-9A-F]:%x %*s %x %*s %*s %*s %*u %*u %lu", hex, &port, &state, &inode) == 4 &&
			state == (*name == 't' ? TCP_LISTEN : UDP_UNCONNECTED) && is_own(sockets, inode)) {
			address_text(hex, port, address, sizeof(address));
			snprintf(what, sizeof(what), "%.3s %s", name, address);
			tell_listener(inventory, process, what);
		}
	if (file)
		fclose(file);
}

static void read_unix(struct inventory *inventory, const struct process *process, const struct own_sockets *sockets)
{
	FILE *file = open_table(process->pid, "unix");
	char line[512], path[256], what[272];
	unsigned flags;
	unsigned long inode;

	while (file && fgets(line, sizeof(line), file)) {
		path[0] = '\0';
		if (sscanf(line, "%*s %*s %*s %x %*s %*s %lu %255[^\n]", &flags, &inode, path) >= 2 && (flags & UNIX_ACCEPTS) &&
			*path && is_own(sockets, inode)) {
			snprintf(what, sizeof(what), "unix %s", path);
			tell_listener(inventory, process, what);
		}
	}
	if (file)
		fclose(file);
}

void listeners_read(struct inventory *inventory)
{
	static const char *const tables[] = {"tcp", "tcp6", "udp", "udp6"};
	size_t i, k;

	for (i = 0; i < inventory->process_count; i++) {
		const struct process *process = &inventory->processes[i];
		struct own_sockets *sockets;

		if (!process->product || process->product->ordinary)
			continue;
		sockets = calloc(1, sizeof(*sockets));
		if (!sockets)
			return;
		own_sockets(process->pid, sockets);
		for (k = 0; sockets->count && k < sizeof(tables) / sizeof(*tables); k++)
			read_inet(inventory, process, sockets, tables[k]);
		if (sockets->count)
			read_unix(inventory, process, sockets);
		free(sockets);
	}
}
