/* SPDX-License-Identifier: BSD-2-Clause */
/* What runs: processes by the file that they execute, as the kernel has it. A name alone can be anybody's, and is called that. */
#include "inventory/inventory.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_MAX 4096

static size_t read_proc(int pid, const char *name, char *out, size_t size)
{
	char path[64];
	size_t got;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	got = fread(out, 1, size - 1, file);
	fclose(file);
	out[got] = '\0';
	return got;
}

static bool read_status(struct process *process)
{
	char text[4096], *line;

	if (!read_proc(process->pid, "status", text, sizeof(text)))
		return false;
	line = strstr(text, "\nPPid:");
	if (line)
		process->parent = atoi(line + 6);
	line = strstr(text, "\nUid:");
	if (line)
		process->uid = strtoul(line + 5, NULL, 10);
	if (read_proc(process->pid, "comm", process->comm, sizeof(process->comm)))
		process->comm[strcspn(process->comm, "\n")] = '\0';
	return true;
}

/* The executable, without what the kernel adds when its file is gone. False: it may not be seen. */
static bool read_executable(struct inventory *inventory, struct process *process)
{
	static const char deleted[] = " (deleted)";
	char link[64], target[PATH_MAX];
	struct stat st;
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/%d/exe", process->pid);
	length = readlink(link, target, sizeof(target) - 1);
	if (length <= 0)
		return errno != EACCES && errno != EPERM;
	target[length] = '\0';
	if ((size_t)length > strlen(deleted) && !strcmp(target + length - strlen(deleted), deleted))
		target[length - strlen(deleted)] = '\0';
	process->exe = inventory_copy(inventory, target);
	if (!stat(link, &st)) {
		process->dev = st.st_dev;
		process->ino = st.st_ino;
	}
	return true;
}

/* An interpreter's script: the first argument that is no option and is a file. */
static void read_command(struct inventory *inventory, struct process *process)
{
	char bytes[COMMAND_MAX], path[PATH_MAX * 2], real[PATH_MAX], *argument;
	size_t got = read_proc(process->pid, "cmdline", bytes, sizeof(bytes)), i;

	if (!got)
		return;
	process->command = inventory_copy(inventory, bytes);
	argument = bytes + strlen(bytes) + 1;
	for (i = 1; i < 4 && argument < bytes + got; i++, argument += strlen(argument) + 1) {
		if (*argument == '-' || !*argument)
			continue;
		if (*argument == '/')
			snprintf(path, sizeof(path), "%s", argument);
		else
			snprintf(path, sizeof(path), "/proc/%d/cwd/%s", process->pid, argument);
		if (realpath(path, real))
			process->script = inventory_copy(inventory, real);
		return;
	}
}

/* ---- whose ---- */

static bool by_file(const struct inventory *inventory, struct process *process)
{
	size_t i;

	for (i = 0; process->exe && i < inventory->catalog->count; i++) {
		const struct catalog_product *product = &inventory->catalog->products[i];
		const struct catalog_fact *fact = catalog_owns_program(product, process->exe);

		if (!fact && process->script)
			fact = catalog_owns_program(product, process->script);
		if (!fact)
			continue;
		process->product = product;
		process->fact = fact;
		return true;
	}
	return false;
}

/* The known place may be a link, or the path a different one of the same file (another mount, a container's root). */
static bool by_inode(struct inventory *inventory, struct process *process)
{
	size_t i;
	struct stat st;

	for (i = 0; process->ino && i < inventory->item_count; i++) {
		const struct item *item = &inventory->items[i];

		if (item->kind != ITEM_EXECUTABLE || root_stat(inventory, item->what, true, &st) || st.st_ino != process->ino ||
			st.st_dev != process->dev)
			continue;
		process->product = item->product;
		process->fact = item->fact;
		return true;
	}
	return false;
}

static void by_name(const struct inventory *inventory, struct process *process)
{
	size_t i, k;

	for (i = 0; i < inventory->catalog->count; i++)
		for (k = 0; k < inventory->catalog->products[i].count; k++) {
			const struct catalog_product *product = &inventory->catalog->products[i];
			const struct catalog_fact *fact = &product->facts[k];
			bool command = !process->exe && process->command && process->command[0] == '/' &&
				       (fact->kind == CATALOG_EXECUTABLE || fact->kind == CATALOG_SCRIPT) &&
				       catalog_path_matches(fact->value, process->command, false);

			if (!command && (fact->kind != CATALOG_PROCESS || strcmp(fact->value, process->comm)))
				continue;
			process->product = product;
			process->fact = fact;
			process->by_name = true;
			return;
		}
}

/* The sensor of this build, or the installed one: a name proves nothing here either. */
static bool is_quis(const struct process *process)
{
	char own[PATH_MAX], path[PATH_MAX + 32], real[PATH_MAX];
	static const char *const places[] = {"quis", "quis-record", "../sbin/quis-record", "../bin/quis"};
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	size_t i;

	if (!process->exe || length <= 0)
		return false;
	own[length] = '\0';
	*(strrchr(own, '/') + 1) = '\0';
	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, sizeof(path), "%s%s", own, places[i]);
		if (realpath(path, real) && !strcmp(real, process->exe))
			return true;
	}
	return false;
}

static void tell_process(struct inventory *inventory, const struct process *process)
{
	struct item *item;

	if (!process->product || process->product->ordinary)
		return;
	item = item_add_process(inventory, ITEM_PROCESS, process, process->exe ? process->exe : process->comm);
	if (!item)
		return;
	item->detail = inventory_format(inventory, "%s[%d] uid %u%s%s%s", process->comm, process->pid, process->uid,
		process->script ? " runs " : "", process->script ? process->script : "",
		process->by_name ? ", known by its name only" : "");
}

static void take_process(struct inventory *inventory, int pid, uint64_t *ret_hidden)
{
	struct process *process, found = {.pid = pid};

	if (!read_status(&found))
		return;
	if (!read_executable(inventory, &found))
		(*ret_hidden)++;
	read_command(inventory, &found);
	if (!by_file(inventory, &found) && !by_inode(inventory, &found) && (found.exe || found.command))
		by_name(inventory, &found); /* kernel threads have neither */
	found.is_quis = is_quis(&found);
	tell_process(inventory, &found);
	process = inventory_grow(inventory, &inventory->processes, &inventory->process_count, sizeof(*process), PROCESSES_MAX);
	if (process) {
		*process = found;
		return;
	}
	free(found.exe);
	free(found.script);
	free(found.command);
}

void processes_read(struct inventory *inventory)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	uint64_t hidden = 0;

	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			take_process(inventory, atoi(entry->d_name), &hidden);
	looked_at(inventory, "processes", proc ? "read" : "not readable", inventory->process_count);
	if (proc)
		closedir(proc);
	if (hidden)
		not_seen(inventory, "the executables of %llu process%s, known by name only: the kernel shows them to their owner or to root",
			(unsigned long long)hidden, hidden == 1 ? "" : "es");
}
