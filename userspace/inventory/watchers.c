/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who watches others, whatever it is called: fanotify groups, BPF programs that judge or trace, readers of the audit stream. Found by what
 * the kernel says of open descriptors (/proc/PID/fdinfo), of its BPF programs and of its netlink sockets; so only as far as these may be read.
 */
#include "inventory/inventory.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/fanotify.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define NETLINK_AUDIT 9
#define PERMISSIONS (FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM)
#define CLASS_MASK 0x0c /* FAN_CLASS_CONTENT, FAN_CLASS_PRE_CONTENT */
#define INFO_MAX (1u << 20)

static struct watcher *add_watcher(struct inventory *inventory, enum watch_kind kind, const struct process *process)
{
	struct watcher *watcher =
		inventory_grow(inventory, &inventory->watchers, &inventory->watcher_count, sizeof(*watcher), WATCHERS_MAX);

	if (!watcher)
		return NULL;
	watcher->kind = kind;
	watcher->process = process;
	/* a name is no proof: who is known by nothing else stays unknown */
	watcher->product = process && !process->by_name ? process->product : NULL;
	return watcher;
}

/* ---- fanotify ---- */

static char *mount_of(struct inventory *inventory, int pid, unsigned id, unsigned dev)
{
	char path[64], line[PATH_MAX * 2], point[PATH_MAX];
	unsigned this_id, major_number, minor_number;
	char *found = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		if (sscanf(line, "%u %*u %u:%u %*s %4095s", &this_id, &major_number, &minor_number, point) == 4 &&
			(id ? this_id == id : (major_number << 20 | minor_number) == dev))
			found = inventory_copy(inventory, point);
	if (file)
		fclose(file);
	return found;
}

static void mask_text(unsigned long long mask, char *out, size_t size)
{
	static const struct {
		unsigned long long bit;
		const char *name;
	} bits[] = {
		{FAN_OPEN_PERM, "open-permission"}, {FAN_ACCESS_PERM, "access-permission"}, {FAN_OPEN_EXEC_PERM, "exec-permission"},
		{FAN_OPEN, "open"}, {FAN_ACCESS, "access"}, {FAN_MODIFY, "modify"}, {FAN_CLOSE_WRITE, "close-write"},
		{FAN_CLOSE_NOWRITE, "close-nowrite"}, {FAN_OPEN_EXEC, "exec"}, {FAN_CREATE, "create"}, {FAN_DELETE, "delete"},
		{FAN_MOVED_FROM, "moved-from"}, {FAN_MOVED_TO, "moved-to"}, {FAN_ATTRIB, "attrib"}, {FAN_DELETE_SELF, "delete-self"},
		{FAN_MOVE_SELF, "move-self"}, {FAN_RENAME, "rename"},
	};
	size_t i, len = 0;

	out[0] = '\0';
	for (i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
		if (!(mask & bits[i].bit) || len >= size)
			continue;
		len += snprintf(out + len, size - len, "%s%s", len ? " " : "", bits[i].name);
		mask &= ~bits[i].bit;
	}
	mask &= ~(unsigned long long)(FAN_EVENT_ON_CHILD | FAN_ONDIR);
	if (mask && len < size)
		snprintf(out + len, size - len, "%s0x%llx", len ? " " : "", mask);
}

/* "fhandle-bytes:8 fhandle-type:1 f_handle:0102..." of an inode mark: its path, where that may be asked for. */
static char *handle_path(struct inventory *inventory, const char *mount, const char *line)
{
	char memory[sizeof(struct file_handle) + MAX_HANDLE_SZ] __attribute__((aligned(8)));
	struct file_handle *handle = (struct file_handle *)memory;
	unsigned char *raw = (unsigned char *)memory + offsetof(struct file_handle, f_handle);
	const char *hex = strstr(line, "f_handle:");
	char link[64], target[PATH_MAX];
	unsigned bytes, type, i, byte;
	ssize_t length = -1;
	int at, fd;

	line = strstr(line, "fhandle-bytes:");
	if (!line || !hex || !mount || sscanf(line, "fhandle-bytes:%x fhandle-type:%x", &bytes, &type) != 2 || bytes > MAX_HANDLE_SZ)
		return NULL;
	for (i = 0, hex += strlen("f_handle:"); i < bytes; i++, hex += 2) {
		if (sscanf(hex, "%2x", &byte) != 1)
			return NULL;
		raw[i] = byte;
	}
	handle->handle_bytes = bytes;
	handle->handle_type = type;
	at = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = at < 0 ? -1 : open_by_handle_at(at, handle, O_PATH | O_CLOEXEC);
	if (fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		length = readlink(link, target, sizeof(target) - 1);
		close(fd);
	}
	if (at >= 0)
		close(at);
	if (length < 0)
		return NULL;
	target[length] = '\0';
	return inventory_copy(inventory, target);
}

static char *mark_text(struct inventory *inventory, int pid, const char *line, unsigned long long mask)
{
	const char *dev_at = strstr(line, "sdev:"), *mount_at = strstr(line, "mnt_id:"), *ino_at = strstr(line, "ino:");
	unsigned dev = dev_at ? strtoul(dev_at + 5, NULL, 16) : 0, mount = mount_at ? strtoul(mount_at + 7, NULL, 16) : 0;
	char events[256], *where = mount_of(inventory, pid, mount, dev), *path = NULL, *text;

	mask_text(mask, events, sizeof(events));
	if (ino_at)
		path = handle_path(inventory, where, line);
	if (mount_at)
		text = inventory_format(inventory, "mount %s: %s", where ? where : mount_at, events);
	else if (path)
		text = inventory_format(inventory, "%s: %s", path, events);
	else if (ino_at)
		text = inventory_format(inventory, "inode %lu on %s: %s", strtoul(ino_at + 4, NULL, 16), where ? where : "another file system", events);
	else
		text = inventory_format(inventory, "file system of %s: %s", where ? where : "?", events);
	free(where);
	free(path);
	return text;
}

static void take_mark(struct inventory *inventory, struct watcher *watcher, char *line)
{
	const char *mask_at = strstr(line, " mask:");
	unsigned long long mask = mask_at ? strtoull(mask_at + 6, NULL, 16) : 0;

	if (mask & PERMISSIONS)
		watcher->permission = true;
	if (watcher->mark_count < MARKS_MAX)
		watcher->marks[watcher->mark_count] = mark_text(inventory, watcher->process->pid, line, mask);
	watcher->mark_count++;
}

static void take_fanotify(struct inventory *inventory, const struct process *process, char *info)
{
	struct watcher *watcher = add_watcher(inventory, WATCH_FANOTIFY, process);
	unsigned flags = 0;
	char *line, *end;

	for (line = info; watcher && *line; line = end) {
		end = strchrnul(line, '\n');
		if (*end)
			*end++ = '\0';
		if (sscanf(line, "fanotify flags:%x", &flags) != 1 && !strncmp(line, "fanotify ", 9))
			take_mark(inventory, watcher, line);
	}
	if (watcher)
		watcher->what = inventory_format(inventory, "fanotify group (%s), %zu mark%s%s",
			(flags & CLASS_MASK) ? "may ask for permission" : "notification", watcher->mark_count,
			watcher->mark_count == 1 ? "" : "s", watcher->permission ? ", permission events: others wait for it" : "");
}

/* ---- BPF ---- */

static const struct {
	enum bpf_prog_type type;
	const char *what;
	bool permission;
} bpf_types[] = {
	{BPF_PROG_TYPE_LSM, "LSM", true},
	{BPF_PROG_TYPE_TRACING, "tracing", false},
	{BPF_PROG_TYPE_KPROBE, "kprobe", false},
	{BPF_PROG_TYPE_TRACEPOINT, "tracepoint", false},
	{BPF_PROG_TYPE_RAW_TRACEPOINT, "raw tracepoint", false},
	{BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, "raw tracepoint", false},
	{BPF_PROG_TYPE_PERF_EVENT, "perf event", false},
};

#define HOLDERS_MAX 65536

/* Which process holds which program, by its descriptor or a link's. */
struct holders {
	struct {
		uint32_t program;
		const struct process *process;
	} list[HOLDERS_MAX];
	size_t count;
};

static const struct process *holder_of(const struct holders *holders, uint32_t program)
{
	size_t i;

	for (i = 0; i < holders->count; i++)
		if (holders->list[i].program == program)
			return holders->list[i].process;
	return NULL;
}

static void take_holder(struct holders *holders, const struct process *process, const char *info)
{
	const char *at = strstr(info, "prog_id:");
	uint32_t program = at ? strtoul(at + 8, NULL, 10) : 0;

	if (!program || holders->count == HOLDERS_MAX || holder_of(holders, program))
		return;
	holders->list[holders->count].program = program;
	holders->list[holders->count++].process = process;
}

static int bpf_call(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static void take_program(struct inventory *inventory, const struct holders *holders, const struct bpf_prog_info *info)
{
	struct watcher *watcher;
	size_t i;

	for (i = 0; i < sizeof(bpf_types) / sizeof(*bpf_types) && bpf_types[i].type != info->type; i++)
		;
	if (i == sizeof(bpf_types) / sizeof(*bpf_types))
		return;
	watcher = add_watcher(inventory, WATCH_BPF, holder_of(holders, info->id));
	if (!watcher)
		return;
	watcher->program = info->id;
	watcher->permission = bpf_types[i].permission;
	watcher->what = inventory_format(inventory, "BPF %s program %u '%.16s'%s", bpf_types[i].what, info->id, info->name,
		watcher->process ? "" : ", held by no process that can be seen (pinned, or its owner is hidden)");
}

static void read_bpf(struct inventory *inventory, const struct holders *holders)
{
	uint64_t count = 0;
	uint32_t id = 0;
	int fd;

	for (;;) {
		union bpf_attr attr = {.start_id = id};
		struct bpf_prog_info info = {0};

		if (bpf_call(BPF_PROG_GET_NEXT_ID, &attr))
			break;
		id = attr.next_id;
		attr = (union bpf_attr){.prog_id = id};
		fd = bpf_call(BPF_PROG_GET_FD_BY_ID, &attr);
		if (fd < 0)
			continue;
		memset(&attr, 0, sizeof(attr));
		attr.info.bpf_fd = fd;
		attr.info.info_len = sizeof(info);
		attr.info.info = (uintptr_t)&info;
		if (!bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr))
			take_program(inventory, holders, &info);
		close(fd);
		count++;
	}
	if (errno == ENOENT) {
		looked_at(inventory, "BPF programs", "read", count);
		return;
	}
	looked_at(inventory, "BPF programs", "not permitted", count);
	not_seen(inventory, "BPF programs: the kernel names them to root only");
}

/* ---- the audit stream ---- */

#define AUDIT_MAX 1024

struct audit_sockets {
	struct {
		uint64_t inode;
		unsigned groups;
		bool found;
	} list[AUDIT_MAX];
	size_t count;
};

static void read_netlink(struct inventory *inventory, struct audit_sockets *sockets)
{
	FILE *file = fopen("/proc/net/netlink", "re");
	unsigned protocol, groups, port;
	unsigned long inode;
	char line[256];

	/* sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode */
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %u %u %x %*s %*s %*s %*s %*s %lu", &protocol, &port, &groups, &inode) == 4 &&
			protocol == NETLINK_AUDIT && port && inode && sockets->count < AUDIT_MAX) {
			sockets->list[sockets->count].inode = inode;
			sockets->list[sockets->count++].groups = groups;
		}
	looked_at(inventory, "audit sockets (netlink)", file ? "read" : "not readable", sockets->count);
	if (file)
		fclose(file);
}

static void tell_audit(struct inventory *inventory, const struct process *process, uint64_t inode, unsigned groups)
{
	struct watcher *watcher = add_watcher(inventory, WATCH_AUDIT, process);

	if (!watcher)
		return;
	watcher->socket = inode;
	watcher->what = inventory_format(inventory, "audit netlink socket, %s%s",
		groups & 1 ? "receives the audit stream" : "may set or receive audit records",
		process ? "" : ", held by no process that can be seen");
}

static void take_socket(struct inventory *inventory, const struct process *process, struct audit_sockets *sockets, const char *link)
{
	uint64_t inode = strtoull(link + strlen("socket:["), NULL, 10);
	size_t i;

	for (i = 0; i < sockets->count; i++)
		if (sockets->list[i].inode == inode && !sockets->list[i].found) {
			sockets->list[i].found = true;
			tell_audit(inventory, process, inode, sockets->list[i].groups);
		}
}

/* ---- descriptors ---- */

struct scan {
	struct audit_sockets sockets;
	struct holders holders;
};

static void take_descriptor(struct inventory *inventory, const struct process *process, struct scan *scan, int directory, const char *name)
{
	char link[128], path[64], *info;
	ssize_t length = readlinkat(directory, name, link, sizeof(link) - 1);
	bool fanotify, bpf;

	if (length < 0)
		return;
	link[length] = '\0';
	if (!strncmp(link, "socket:[", 8))
		take_socket(inventory, process, &scan->sockets, link);
	fanotify = !strcmp(link, "anon_inode:[fanotify]");
	bpf = !strncmp(link, "anon_inode:bpf", 14) || !strncmp(link, "anon_inode:[bpf", 15);
	if (!fanotify && !bpf)
		return;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%.10s", process->pid, name);
	info = root_read(inventory, path, INFO_MAX, NULL);
	if (info && fanotify)
		take_fanotify(inventory, process, info);
	else if (info)
		take_holder(&scan->holders, process, info);
	free(info);
}

static bool scan_process(struct inventory *inventory, const struct process *process, struct scan *scan)
{
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", process->pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			take_descriptor(inventory, process, scan, dirfd(dir), entry->d_name);
	if (dir)
		closedir(dir);
	return dir || errno == ENOENT; /* it has ended meanwhile */
}

/* What a product watches is evidence of it, too. */
static void tell_products(struct inventory *inventory)
{
	static const enum item_kind kinds[] = {
		[WATCH_FANOTIFY] = ITEM_FANOTIFY, [WATCH_AUDIT] = ITEM_AUDIT, [WATCH_BPF] = ITEM_BPF};
	struct item *item;
	size_t i;

	for (i = 0; i < inventory->watcher_count; i++) {
		const struct watcher *watcher = &inventory->watchers[i];

		if (!watcher->product || watcher->product->ordinary || !watcher->what)
			continue;
		item = item_add_process(inventory, kinds[watcher->kind], watcher->process, watcher->what);
		if (item)
			item->detail = inventory_format(inventory, "%s[%d]%s%s", watcher->process->comm, watcher->process->pid,
				watcher->mark_count ? ", the first: " : "", watcher->mark_count && watcher->marks[0] ? watcher->marks[0] : "");
	}
}

void watchers_read(struct inventory *inventory)
{
	struct scan *scan = calloc(1, sizeof(*scan));
	uint64_t hidden = 0;
	size_t i;

	if (!scan) {
		inventory->error = -ENOMEM;
		return;
	}
	read_netlink(inventory, &scan->sockets);
	inventory_phase(inventory, "looking at open descriptors", inventory->process_count);
	for (i = 0; i < inventory->process_count; i++) {
		inventory_step(inventory);
		if (!scan_process(inventory, &inventory->processes[i], scan))
			hidden++;
	}
	looked_at(inventory, "open descriptors of processes", hidden ? "in part" : "read", inventory->process_count - hidden);
	if (hidden)
		not_seen(inventory, "the open descriptors of %llu process%s, and so their fanotify groups and sockets: the kernel shows them to their owner or to root",
			(unsigned long long)hidden, hidden == 1 ? "" : "es");
	for (i = 0; i < scan->sockets.count; i++)
		if (!scan->sockets.list[i].found)
			tell_audit(inventory, NULL, scan->sockets.list[i].inode, scan->sockets.list[i].groups);
	read_bpf(inventory, &scan->holders);
	tell_products(inventory);
	free(scan);
}
