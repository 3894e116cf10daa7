/* Means of watching others, of changing what one sees, and attempts against the sensor. Each is an action, named as the
 * system call; nothing here is ever done to a process that is not the act's own, save what can do no harm to quis. */
#include "act.h"

#include <dirent.h>
#include <linux/audit.h>
#include <linux/bpf.h>
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

	if (result >= 0) {
		errno = EEXIST;
		fail(kind);
	}
	if (errno == ENOSYS)
		skip("%s: not in this kernel", kind);
	a = did(kind, NULL);
	a->failed = true;
	return a;
}

/* ---- files being watched ---- */

static void fanotify(void)
{
	int fd = (int)need(fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY), "fanotify_init");

	did("fanotify_init", NULL);
	need(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, in_dir("a")), "fanotify_mark");
	did("fanotify_mark", in_dir("a"));
}

static void fanotify_mount(void)
{
	int fd = (int)need(fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY), "fanotify_init");

	private_mounts();
	need(mount("none", in_dir("sub"), "tmpfs", 0, NULL), "tmpfs");
	need(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN_PERM, AT_FDCWD, in_dir("sub")), "fanotify_mark");
	did("fanotify_mark", in_dir("sub"));
}

static void inotify(void)
{
	int fd = (int)need(inotify_init1(IN_CLOEXEC), "inotify_init1");

	need(inotify_add_watch(fd, in_dir("a"), IN_OPEN), "inotify_add_watch");
	did("inotify_add_watch", in_dir("a"));
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

static void bpf_program(void)
{
	struct bpf_insn code[2] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr a = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insn_cnt = 2,
		.insns = (uintptr_t)code,
		.license = (uintptr_t) "GPL",
		.prog_name = "act"};

	need(bpf_call(BPF_PROG_LOAD, &a), "BPF_PROG_LOAD");
	did("bpf", NULL);
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
	action("ptrace", NULL, NULL);
	release(p);
}

static void traced_body(void *with)
{
	(void)with;
	need(ptrace(PTRACE_TRACEME, 0, NULL, NULL), "PTRACE_TRACEME");
	action("ptrace", NULL, NULL);
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
	action("kill", NULL, NULL);
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
	a->detail = aimed_at(part, "");
	a->failed = result < 0;
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
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
		a->failed = true;
	else
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
	{"perf-event-open", "perf events", perf},
	{"seccomp-listener", "Linux 5.0", seccomp_listener},
	{"landlock", "landlock", landlock},
	{"userfaultfd", "userfaultfd", faults},
	{"keyctl", "CONFIG_KEYS", keys},
	{"ptrace-seize", NULL, trace},
	{"ptrace-me", NULL, trace_me},
	{"pidfd-getfd", "Linux 5.6", take_fd},
	{"kill", NULL, signal_child},
	{"init-module", "CONFIG_MODULES", module},
	{"finit-module", "CONFIG_MODULES", module_file, one_file},
	{"kexec-load", "CONFIG_KEXEC", kexec},
	{"setns", "CAP_SYS_ADMIN", set_namespace},
	{"unshare", "CAP_SYS_ADMIN", unshare_one},
	{"mount", "CAP_SYS_ADMIN", mounts, one_directory},
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
