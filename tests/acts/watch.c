/* Means of watching others, of changing what one sees, and attempts against the sensor. Each is an action, named as the
 * system call; nothing here is ever done to a process that is not the act's own, save what can do no harm to quis. */
#include "act.h"

#include <dirent.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <net/ethernet.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ptrace.h>

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static void one_file(void)
{
	make_file("a", 100);
}

static void one_directory(void)
{
	need(mkdir(in_dir("sub"), 0755), "mkdir");
}

static struct action *did(const char *kind, const char *path)
{
	struct action *a = action(kind, path, NULL);

	a->times = 1;
	return a;
}

/* An attempt that the kernel refused tells as much. */
static struct action *tried(long result, const char *kind)
{
	struct action *a;
	int error;

	if (result >= 0) {
		errno = EEXIST;
		fail(kind);
	}
	error = errno;
	if (error == ENOSYS)
		skip("%s: not in this kernel", kind);
	a = did(kind, NULL);
	a->failed = true;
	a->error = error;
	return a;
}

/* ---- files being watched ---- */

static const char *mark_detail(unsigned flags, unsigned long mask)
{
	return text("{\"flags\":\"0x%x\",\"mask\":\"0x%lx\"}", flags, mask);
}

static void fanotify(void)
{
	int fd = (int)need(fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY), "fanotify_init");

	did("fanotify_init", NULL);
	need(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, in_dir("a")), "fanotify_mark");
	did("fanotify_mark", in_dir("a"))->detail = mark_detail(FAN_MARK_ADD, FAN_OPEN);
}

static void fanotify_mount(void)
{
	int fd = (int)need(fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY), "fanotify_init");

	private_mounts();
	need(mount("none", in_dir("sub"), "tmpfs", 0, NULL), "tmpfs");
	need(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN_PERM, AT_FDCWD, in_dir("sub")), "fanotify_mark");
	did("fanotify_mark", in_dir("sub"))->detail = mark_detail(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN_PERM);
}

static void inotify(void)
{
	int fd = (int)need(inotify_init1(IN_CLOEXEC), "inotify_init1");

	need(inotify_add_watch(fd, in_dir("a"), IN_OPEN), "inotify_add_watch");
	did("inotify_add_watch", in_dir("a"))->detail = text("{\"mask\":\"0x%x\"}", IN_OPEN);
}

/* ---- bpf, perf, system calls ---- */

static long bpf_call(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

static void bpf_map(void)
{
	union bpf_attr a = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};

	need(bpf_call(BPF_MAP_CREATE, &a), "BPF_MAP_CREATE");
	did("bpf", NULL);
}

/* What the report has to say of a bpf(): the command, the program's type and the way to attach it, by number and by the
 * kernel's name. */
static const char *program_detail(int command, int type, const char *type_name)
{
	return text("{\"command\":%d,\"program_type\":%d,\"program_type_name\":\"%s\"}", command, type, type_name);
}

static const char *attach_detail(int command, int type, const char *type_name, int attach, const char *attach_name)
{
	return text("{\"command\":%d,\"program_type\":%d,\"program_type_name\":\"%s\","
		    "\"attach_type\":%d,\"attach_type_name\":\"%s\"}",
		command, type, type_name, attach, attach_name);
}

static struct action *did_bpf(const char *to, const char *detail)
{
	struct action *a = did("bpf", NULL);

	also(a->to, to);
	a->detail = detail;
	return a;
}

/* `return 0` */
static union bpf_attr nothing_program(int type)
{
	static struct bpf_insn code[2] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};

	return (union bpf_attr){.prog_type = (uint32_t)type,
		.insn_cnt = 2,
		.insns = (uintptr_t)code,
		.license = (uintptr_t) "GPL",
		.prog_name = "act"};
}

static int loaded(union bpf_attr a)
{
	return (int)need(bpf_call(BPF_PROG_LOAD, &a), "BPF_PROG_LOAD");
}

static void bpf_program(void)
{
	loaded(nothing_program(BPF_PROG_TYPE_SOCKET_FILTER));
	did_bpf("act", program_detail(BPF_PROG_LOAD, BPF_PROG_TYPE_SOCKET_FILTER, "socket_filter"));
}

/* Nothing but letters is a name to the kernel; the last byte of it has to be 0. Only what was asked for tells what it
 * was to be. */
static void bpf_refused(void)
{
	union bpf_attr a = nothing_program(BPF_PROG_TYPE_KPROBE);
	struct action *did;

	memcpy(a.prog_name, "\xff\x1b[31m\n\"\\\x9b<&>ijk", sizeof(a.prog_name));
	did = tried(bpf_call(BPF_PROG_LOAD, &a), "bpf");
	also(did->to, text("%.15s", a.prog_name));
	did->detail = program_detail(BPF_PROG_LOAD, BPF_PROG_TYPE_KPROBE, "kprobe");
	memset(&a, 0, sizeof(a));
	a.raw_tracepoint.name = (uintptr_t) "no such\ttracepoint";
	a.raw_tracepoint.prog_fd = (uint32_t)loaded(nothing_program(BPF_PROG_TYPE_RAW_TRACEPOINT));
	did = tried(bpf_call(BPF_RAW_TRACEPOINT_OPEN, &a), "bpf");
	also(did->to, "no such\ttracepoint");
	did->detail = program_detail(BPF_RAW_TRACEPOINT_OPEN, BPF_PROG_TYPE_RAW_TRACEPOINT, "raw_tracepoint");
}

/* To a tracepoint, as those do who watch the whole machine; the program does nothing there. */
static void bpf_attach_tracepoint(void)
{
	union bpf_attr a = {0};

	a.raw_tracepoint.prog_fd = (uint32_t)loaded(nothing_program(BPF_PROG_TYPE_RAW_TRACEPOINT));
	a.raw_tracepoint.name = (uintptr_t) "task_rename";
	close((int)need(bpf_call(BPF_RAW_TRACEPOINT_OPEN, &a), "BPF_RAW_TRACEPOINT_OPEN"));
	did_bpf("task_rename", program_detail(BPF_RAW_TRACEPOINT_OPEN, BPF_PROG_TYPE_RAW_TRACEPOINT, "raw_tracepoint"));
}

/* To a network namespace of our own, in both ways. */
static void bpf_attach_network(void)
{
	union bpf_attr lookup = nothing_program(BPF_PROG_TYPE_SK_LOOKUP), a = {0};
	int network;

	need(unshare(CLONE_NEWNET), "unshare");
	network = (int)need(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "/proc/self/ns/net");
	lookup.expected_attach_type = BPF_SK_LOOKUP;
	a.link_create.prog_fd = (uint32_t)loaded(lookup);
	did_bpf("act", attach_detail(BPF_PROG_LOAD, BPF_PROG_TYPE_SK_LOOKUP, "sk_lookup", BPF_SK_LOOKUP, "sk_lookup"));
	a.link_create.target_fd = (uint32_t)network;
	a.link_create.attach_type = BPF_SK_LOOKUP;
	need(bpf_call(BPF_LINK_CREATE, &a), "BPF_LINK_CREATE");
	did("bpf", NULL)->detail =
		attach_detail(BPF_LINK_CREATE, BPF_PROG_TYPE_SK_LOOKUP, "sk_lookup", BPF_SK_LOOKUP, "sk_lookup");
	memset(&a, 0, sizeof(a));
	a.attach_bpf_fd = (uint32_t)loaded(nothing_program(BPF_PROG_TYPE_FLOW_DISSECTOR));
	a.attach_type = BPF_FLOW_DISSECTOR;
	need(bpf_call(BPF_PROG_ATTACH, &a), "BPF_PROG_ATTACH");
	did("bpf", NULL)->detail = attach_detail(
		BPF_PROG_ATTACH, BPF_PROG_TYPE_FLOW_DISSECTOR, "flow_dissector", BPF_FLOW_DISSECTOR, "flow_dissector");
}

/* How much follows a type in the BTF, include/uapi/linux/btf.h */
static size_t type_size(const struct btf_type *t)
{
	static const size_t each[BTF_KIND_MAX + 1] = {[BTF_KIND_STRUCT] = sizeof(struct btf_member),
		[BTF_KIND_UNION] = sizeof(struct btf_member),
		[BTF_KIND_ENUM] = sizeof(struct btf_enum),
		[BTF_KIND_ENUM64] = sizeof(struct btf_enum64),
		[BTF_KIND_FUNC_PROTO] = sizeof(struct btf_param),
		[BTF_KIND_DATASEC] = sizeof(struct btf_var_secinfo)};
	unsigned kind = BTF_INFO_KIND(t->info);

	if (kind == BTF_KIND_INT || kind == BTF_KIND_VAR || kind == BTF_KIND_DECL_TAG)
		return sizeof(*t) + 4;
	if (kind == BTF_KIND_ARRAY)
		return sizeof(*t) + sizeof(struct btf_array);
	return sizeof(*t) + (kind <= BTF_KIND_MAX ? each[kind] * BTF_INFO_VLEN(t->info) : 0);
}

/* The kernel's number for a type. */
static uint32_t kernel_type(const char *name)
{
	static char btf[32 << 20];
	const struct btf_header *header = (const struct btf_header *)btf;
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	const char *at, *end, *strings;
	ssize_t n, size = 0;
	uint32_t id;

	if (fd < 0)
		skip("the kernel does not tell its types");
	while ((n = need(read(fd, btf + size, sizeof(btf) - (size_t)size), "the kernel's types")) > 0)
		size += n;
	close(fd);
	at = btf + header->hdr_len + header->type_off;
	end = at + header->type_len;
	strings = btf + header->hdr_len + header->str_off;
	for (id = 1; at < end; id++, at += type_size((const struct btf_type *)at))
		if (!strcmp(strings + ((const struct btf_type *)at)->name_off, name))
			return id;
	skip("the kernel has no %s", name);
}

/* The attaching call names nothing then: the program has been made for one place. */
static void bpf_attach_tracing(void)
{
	union bpf_attr program = nothing_program(BPF_PROG_TYPE_TRACING), a = {0};

	program.expected_attach_type = BPF_TRACE_RAW_TP;
	program.attach_btf_id = kernel_type("btf_trace_task_rename");
	a.raw_tracepoint.prog_fd = (uint32_t)loaded(program);
	did_bpf("act",
		attach_detail(BPF_PROG_LOAD, BPF_PROG_TYPE_TRACING, "tracing", BPF_TRACE_RAW_TP, "trace_raw_tp"));
	close((int)need(bpf_call(BPF_RAW_TRACEPOINT_OPEN, &a), "BPF_RAW_TRACEPOINT_OPEN"));
	did_bpf("task_rename", attach_detail(BPF_RAW_TRACEPOINT_OPEN, BPF_PROG_TYPE_TRACING, "tracing",
				       BPF_TRACE_RAW_TP, "trace_raw_tp"));
}

static void perf(void)
{
	struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(a), .config = PERF_COUNT_SW_CPU_CLOCK};

	need(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0), "perf_event_open");
	did("perf_event_open", NULL);
}

static void seccomp_listener(void)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {COUNT(code), code};

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program), "seccomp");
	did("seccomp", NULL);
}

static void landlock(void)
{
	struct {
		uint64_t files;
	} rules = {1};

	need(syscall(444, &rules, sizeof(rules), 0), "landlock_create_ruleset");
	did("landlock_create_ruleset", NULL);
}

static void confined(void *with)
{
	int rules = *(int *)with;

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	need(syscall(446, rules, 0), "landlock_restrict_self");
	did("landlock_restrict_self", NULL)->detail = "{\"flags\":\"0x0\"}";
}

/* In a child: there is no way back. */
static void landlock_confine(void)
{
	uint64_t reads = 4; /* LANDLOCK_ACCESS_FS_READ_FILE */
	int rules = (int)need(syscall(444, &reads, sizeof(reads), 0), "landlock_create_ruleset");

	reap(spawn(confined, &rules));
}

static void faults(void)
{
	need(syscall(SYS_userfaultfd, O_CLOEXEC), "userfaultfd");
	did("userfaultfd", NULL);
}

static void keys(void)
{
	need(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1), "keyctl");
	did("keyctl", NULL);
}

/* ---- other processes ---- */

static void victim(void *with)
{
	(void)with;
	raise_flag(0);
	await_flag(1);
}

static struct process *new_victim(void)
{
	struct process *p = spawn(victim, NULL);

	await_flag(0);
	return p;
}

static void release(struct process *p)
{
	raise_flag(1);
	reap(p);
}

static void trace(void)
{
	struct process *p = new_victim();

	need(ptrace(PTRACE_SEIZE, p->pid, NULL, NULL), "PTRACE_SEIZE");
	did("ptrace", NULL)->detail = text("{\"request\":\"0x%x\",\"pid\":%d}", PTRACE_SEIZE, p->pid);
	release(p);
}

static void traced_body(void *with)
{
	(void)with;
	need(ptrace(PTRACE_TRACEME, 0, NULL, NULL), "PTRACE_TRACEME");
	did("ptrace", NULL)->detail = "{\"request\":\"0x0\"}";
}

static void trace_me(void)
{
	reap(spawn(traced_body, NULL));
}

static void take_fd(void)
{
	struct process *p = new_victim();
	int pidfd = (int)need(syscall(SYS_pidfd_open, p->pid, 0), "pidfd_open");

	need(syscall(SYS_pidfd_getfd, pidfd, area->memory, 0), "pidfd_getfd");
	did("pidfd_getfd", NULL);
	release(p);
}

static void signal_child(void)
{
	struct process *p = new_victim();

	need(kill(p->pid, SIGCONT), "kill");
	did("kill", NULL)->detail = text("{\"pid\":%d,\"signal\":%d}", p->pid, SIGCONT);
	release(p);
}

/* ---- the kernel itself ---- */

static void module(void)
{
	static const char nonsense[64] = "not a module";

	tried(syscall(SYS_init_module, nonsense, sizeof(nonsense), ""), "init_module");
}

static void module_file(void)
{
	struct object *o = optional(file("a"));

	tried(syscall(SYS_finit_module, need(open(o->path[0], O_RDONLY), "open"), "", 0), "init_module"); /* one kind: the same deed */
}

/* Flags that no kernel has: refused before anything is looked at. */
static void kexec(void)
{
	tried(syscall(SYS_kexec_load, 0, 0, NULL, 0xff00UL), "kexec_load");
}

static void kexec_file(void)
{
	struct object *o = file("a");
	int fd = opened(o, open(o->path[0], O_RDONLY));
	struct action *a = tried(syscall(SYS_kexec_file_load, fd, -1, 0UL, NULL, 0xff00UL), "kexec_file_load");

	also(a->path, o->path[0]);
	a->kernel_path = true;
	a->detail = "{\"flags\":\"0xff00\"}";
}

/* ---- namespaces and mounts ---- */

static void set_namespace(void)
{
	int fd = (int)need(open("/proc/self/ns/uts", O_RDONLY), "/proc/self/ns/uts");

	need(setns(fd, 0), "setns");
	did("setns", NULL);
}

static void unshare_one(void)
{
	need(unshare(CLONE_NEWUTS), "unshare");
	did("unshare", NULL);
}

static void mounts(void)
{
	private_mounts();
	need(mount("none", in_dir("sub"), "tmpfs", 0, NULL), "tmpfs");
	did("mount", in_dir("sub"));
	need(umount2(in_dir("sub"), 0), "umount");
	did("umount", in_dir("sub"));
}

/* A mount that hangs nowhere yet, put into the tree: it is named by its fd. */
static void move_mounts(void)
{
	struct action *a;
	int tree;

	private_mounts();
	tree = (int)need(syscall(428, AT_FDCWD, in_dir("sub"), 1 | O_CLOEXEC), "open_tree"); /* OPEN_TREE_CLONE */
	did("open_tree", in_dir("sub"))->detail = text("{\"flags\":\"0x%x\"}", 1 | O_CLOEXEC);
	need(syscall(429, tree, "", AT_FDCWD, in_dir("to"), 4), "move_mount"); /* MOVE_MOUNT_F_EMPTY_PATH */
	a = did("move_mount", NULL);
	also(a->to, in_dir("to"));
	a->detail = "{\"flags\":\"0x4\"}";
}

static void two_directories(void)
{
	one_directory();
	need(mkdir(in_dir("to"), 0755), "mkdir");
}

static void mount_attributes(void)
{
	uint64_t attributes[4] = {1}; /* MOUNT_ATTR_RDONLY, to be set */

	private_mounts();
	need(mount("none", in_dir("sub"), "tmpfs", 0, NULL), "tmpfs");
	need(syscall(442, AT_FDCWD, in_dir("sub"), AT_SYMLINK_NOFOLLOW, attributes, sizeof(attributes)),
		"mount_setattr");
	did("mount_setattr", in_dir("sub"))->detail = text("{\"flags\":\"0x%x\"}", AT_SYMLINK_NOFOLLOW);
}

/* In a mount namespace of its own. An initramfs cannot be left so, and the kernel says no. */
static void pivot(void)
{
	struct action *a;

	private_mounts();
	need(mount("none", in_dir("sub"), "tmpfs", 0, NULL), "tmpfs");
	need(mkdir(in_dir("sub/old"), 0755), "mkdir");
	a = did("pivot_root", in_dir("sub"));
	also(a->to, in_dir("sub/old"));
	a->failed = syscall(SYS_pivot_root, a->path[0], a->to[0]) < 0;
	a->error = errno;
}

static void new_root(void)
{
	need(chroot(in_dir("sub")), "chroot");
	did("chroot", in_dir("sub"));
}

/* ---- sockets that see what is others' ---- */

static void watching_socket(int family, int type, int protocol, const char *detail)
{
	need(socket(family, type | SOCK_CLOEXEC, protocol), "socket");
	did("socket", NULL)->detail = detail;
}

static void packet_socket(void)
{
	watching_socket(AF_PACKET, SOCK_RAW, htobe16(ETH_P_ALL), "{\"family\":\"packet\"}");
}

static void audit_socket(void)
{
	watching_socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT, "{\"family\":\"netlink\"}");
}

static void raw_socket(void)
{
	watching_socket(AF_INET, SOCK_RAW, 1, "{\"family\":\"inet\"}");
}

/* ---- against the sensor ---- */

/* What /proc says of a process: its parent and its name; 0 if it says nothing. */
static pid_t parent_of(pid_t pid, char *comm, size_t size)
{
	char stat[512] = "", *begin, *end;
	int fd = open(text("/proc/%d/stat", pid), O_RDONLY | O_CLOEXEC), parent = 0;

	if (fd < 0 || read(fd, stat, sizeof(stat) - 1) < 0)
		stat[0] = 0;
	close(fd);
	begin = strchr(stat, '(');
	end = strrchr(stat, ')');
	if (!begin || !end || sscanf(end + 1, " %*c %d", &parent) != 1)
		return 0;
	*end = 0;
	snprintf(comm, size, "%s", begin + 1);
	return parent;
}

/* quis-record starts the command: it is an ancestor, and the parent where the act is recorded alone. */
static pid_t sensor(void)
{
	pid_t pid = getppid(), parent;
	char comm[64] = "";

	for (; (parent = parent_of(pid, comm, sizeof(comm))) > 0; pid = parent)
		if (!strncmp(comm, "quis", 4))
			return pid;
	skip("no ancestor is the sensor");
}

/* Each is an action that says whom it was aimed at. */
static const char *aimed_at(const char *part, const char *more)
{
	return text("{%s\"target\":\"sensor\",\"part\":\"%s\"}", more, part);
}

static void signal_sensor(void)
{
	pid_t pid = sensor();

	need(kill(pid, SIGCONT), "kill");
	did("kill", NULL)->detail = aimed_at("process", text("\"pid\":%d,", pid));
}

static void signal_sensor_by_pidfd(void)
{
	int pidfd = (int)need(syscall(SYS_pidfd_open, sensor(), 0), "pidfd_open");

	need(syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0), "pidfd_send_signal");
	did("kill", NULL)->detail = aimed_at("process", "");
}

/* kill(0) is for all of the process group, and the sensor is in that of who started it. */
static void signal_group_of_sensor(void)
{
	bool together = getpgid(sensor()) == getpgid(0);

	need(kill(0, SIGCONT), "kill");
	did("kill", NULL)->detail = together ? aimed_at("process", "\"pid\":0,") : "{\"pid\":0}";
	need(kill(-1, 0), "kill");
	did("kill", NULL)->detail = aimed_at("process", "\"pid\":-1,");
}

static void aimed(struct action *a, long result, const char *part)
{
	a->error = errno;
	a->failed = result < 0;
	a->detail = aimed_at(part, "");
}

static void take_fd_of_sensor(void)
{
	int pidfd = (int)need(syscall(SYS_pidfd_open, sensor(), 0), "pidfd_open");

	aimed(action("pidfd_getfd", NULL, NULL), syscall(SYS_pidfd_getfd, pidfd, 0, 0), "process");
}

/* At an address that no process has: that it was tried is what counts. */
static void memory_of_sensor(void)
{
	static char here[16];
	struct iovec mine = {here, sizeof(here)}, its = {(void *)4096, sizeof(here)};
	pid_t pid = sensor();

	aimed(action("process_vm_readv", NULL, NULL), process_vm_readv(pid, &mine, 1, &its, 1, 0), "process");
	aimed(action("process_vm_writev", NULL, NULL), process_vm_writev(pid, &mine, 1, &its, 1, 0), "process");
}

static void trace_sensor(void)
{
	pid_t pid = sensor();
	struct action *a;

	a = action("ptrace", NULL, NULL);
	a->detail = aimed_at("process", text("\"pid\":%d,", pid));
	a->failed = ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0;
	a->error = errno;
	if (!a->failed)
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

/* The nth number behind KEY in what the sensor's descriptors tell of themselves; -1 beyond the last. */
static int id_of(pid_t pid, const char *key, int nth)
{
	DIR *list = opendir(text("/proc/%d/fdinfo", pid));
	struct dirent *entry;
	int id = -1;

	while (list && id < 0 && (entry = readdir(list))) {
		char line[1024] = "";
		int fd = openat(dirfd(list), entry->d_name, O_RDONLY | O_CLOEXEC);
		const char *at;

		if (fd < 0 || read(fd, line, sizeof(line) - 1) < 0)
			line[0] = 0;
		at = strstr(line, key);
		id = at && !nth-- ? atoi(at + strlen(key)) : -1;
		close(fd);
	}
	if (list)
		closedir(list);
	return id;
}

/* A link of a tracing program cannot be detached so: the kernel refuses, and the try is what counts. */
static void detach_sensor(void)
{
	union bpf_attr a = {0};
	int id = id_of(sensor(), "link_id:", 0);

	if (id < 0)
		skip("the sensor shows no BPF link");
	a.link_id = (uint32_t)id;
	a.link_detach.link_fd = (uint32_t)need(bpf_call(BPF_LINK_GET_FD_BY_ID, &a), "BPF_LINK_GET_FD_BY_ID");
	memset((char *)&a + sizeof(a.link_detach), 0, sizeof(a) - sizeof(a.link_detach));
	action("bpf", NULL, NULL)->detail = aimed_at("BPF link", text("\"command\":%d,", BPF_LINK_GET_FD_BY_ID));
	tried(bpf_call(BPF_LINK_DETACH, &a), "bpf")->detail = aimed_at("BPF link", text("\"command\":%d,", BPF_LINK_DETACH));
}

/* Its counters could be emptied so, whichever of its maps they are in: only the key that is not there is looked up, in the last. */
static void map_of_sensor(void)
{
	static char key[256], value[4096];
	union bpf_attr a = {0};
	int id, fd = -1, n;
	struct action *opened;

	for (n = 0; (id = id_of(sensor(), "map_id:", n)) >= 0; n++) {
		memset(&a, 0, sizeof(a));
		a.map_id = (uint32_t)id;
		fd = (int)need(bpf_call(BPF_MAP_GET_FD_BY_ID, &a), "BPF_MAP_GET_FD_BY_ID");
	}
	if (!n)
		skip("the sensor shows no BPF map");
	opened = action("bpf", NULL, NULL);
	opened->detail = aimed_at("BPF map", text("\"command\":%d,", BPF_MAP_GET_FD_BY_ID));
	opened->times = n;
	memset(&a, 0, sizeof(a));
	memset(key, 0xff, sizeof(key));
	a.map_fd = (uint32_t)fd;
	a.key = (uintptr_t)key;
	a.value = (uintptr_t)value;
	aimed(action("bpf", NULL, NULL), bpf_call(BPF_MAP_LOOKUP_ELEM, &a), "BPF map");
}

/* Opened for writing, nothing written: the recording goes on whole. */
static void open_case(void)
{
	char path[PATH_MAX];
	struct object *o;

	if (!realpath(in_dir("../case/facts-000001.ndjson"), path))
		skip("no case beside the act's directory");
	o = object("file", path);
	close(opened(o, open(path, O_WRONLY | O_APPEND)));
	action("open", path, NULL)->detail = aimed_at("case", "");
}

/* Another file in the case, written and taken away again. */
static void write_into_case(void)
{
	char path[PATH_MAX];
	struct object *o;
	struct action *a;

	if (!realpath(in_dir("../case"), path))
		skip("no case beside the act's directory");
	o = object("file", text("%s/intruder", path));
	put(o, write(opened(o, open(o->path[0], O_WRONLY | O_CREAT | O_EXCL, 0600)), "x", 1));
	a = action("open", o->path[0], NULL);
	a->detail = aimed_at("case", "\"writes\":1,");
	need(unlink(o->path[0]), "unlink");
	did("unlink", o->path[0])->detail = aimed_at("case", "");
}

static const struct act acts[] = {
	{"fanotify", "CAP_SYS_ADMIN", fanotify, one_file},
	{"fanotify-mount", "CAP_SYS_ADMIN", fanotify_mount, one_directory},
	{"inotify", NULL, inotify, one_file},
	{"bpf-map", "CAP_BPF", bpf_map},
	{"bpf-program", "CAP_BPF", bpf_program},
	{"bpf-refused", "CAP_BPF", bpf_refused},
	{"bpf-attach-tracepoint", "CAP_BPF", bpf_attach_tracepoint},
	{"bpf-attach-network", "CAP_BPF", bpf_attach_network},
	{"bpf-attach-tracing", "CAP_BPF", bpf_attach_tracing},
	/* trampolines find no such call on 5.10 */
	{"perf-event-open", "perf events", perf, .may = "5.10:unseen", .way = "perf_event_open"},
	{"seccomp-listener", "Linux 5.0", seccomp_listener},
	{"landlock", "landlock", landlock},
	{"landlock-confine", "landlock", landlock_confine},
	{"userfaultfd", "userfaultfd", faults},
	{"keyctl", "CONFIG_KEYS", keys},
	{"ptrace-seize", NULL, trace},
	{"ptrace-me", NULL, trace_me},
	{"pidfd-getfd", "Linux 5.6", take_fd},
	{"kill", NULL, signal_child},
	{"init-module", "CONFIG_MODULES", module},
	{"finit-module", "CONFIG_MODULES", module_file, one_file},
	{"kexec-load", "CONFIG_KEXEC", kexec},
	{"kexec-file-load", "CONFIG_KEXEC_FILE", kexec_file, one_file},
	{"setns", "CAP_SYS_ADMIN", set_namespace},
	{"unshare", "CAP_SYS_ADMIN", unshare_one},
	{"mount", "CAP_SYS_ADMIN", mounts, one_directory},
	{"move-mount", "Linux 5.2", move_mounts, two_directories},
	{"mount-setattr", "Linux 5.12", mount_attributes, one_directory},
	{"pivot-root", "CAP_SYS_ADMIN", pivot, one_directory},
	{"chroot", "CAP_SYS_CHROOT", new_root, one_directory},
	{"packet-socket", "CAP_NET_RAW", packet_socket},
	{"audit-socket", "CONFIG_AUDIT", audit_socket},
	{"raw-socket", "CAP_NET_RAW", raw_socket},
	{"signal-sensor", NULL, signal_sensor},
	{"ptrace-sensor", NULL, trace_sensor},
	{"bpf-detach-sensor", "CAP_BPF", detach_sensor},
	{"pidfd-signal-sensor", "Linux 5.3", signal_sensor_by_pidfd},
	{"signal-group-sensor", NULL, signal_group_of_sensor},
	{"pidfd-getfd-sensor", "Linux 5.6", take_fd_of_sensor},
	{"process-vm-sensor", NULL, memory_of_sensor},
	{"bpf-map-sensor", "CAP_BPF", map_of_sensor},
	{"open-case", NULL, open_case},
	{"write-case", NULL, write_into_case},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
