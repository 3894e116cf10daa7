/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cap-ng.h>
#include <seccomp.h>
#include <bpf/bpf.h>
#include <linux/landlock.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

const char *const protection_names[PROTECTIONS] = {
	[PROTECT_CAPABILITIES] = "capabilities",
	[PROTECT_PRIVILEGES] = "no-new-privileges",
	[PROTECT_SECCOMP] = "seccomp",
	[PROTECT_LANDLOCK] = "landlock",
	[PROTECT_MEMORY] = "memory",
	[PROTECT_READER] = "reader",
};

__attribute__((format(printf, 4, 5))) static void set(
	struct confinement *c, enum protection_id id, bool on, const char *format, ...)
{
	va_list args;

	c->list[id].on = on;
	va_start(args, format);
	vsnprintf(c->list[id].what, sizeof(c->list[id].what), format, args);
	va_end(args);
}

/* ---- memory, privileges ---- */

static void close_memory(struct confinement *c)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) || (!SANITIZED && prctl(PR_SET_DUMPABLE, 0)))
		set(c, PROTECT_MEMORY, false, "%s: another process of root may read what is in memory",
			strerror(errno));
	else if (SANITIZED)
		set(c, PROTECT_MEMORY, false, "this build has sanitizers, which trace it at its end");
	else
		set(c, PROTECT_MEMORY, true, "no core file, and no tracer without CAP_SYS_PTRACE");
}

static void refuse_privileges(struct confinement *c)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		set(c, PROTECT_PRIVILEGES, false, "%s", strerror(errno));
	else
		set(c, PROTECT_PRIVILEGES, true, "nothing that is run could give any back");
}

/* ---- capabilities ---- */

#define CAPS_MAX 4

struct caps {
	struct {
		int cap;
		const char *why;
	} list[CAPS_MAX];
	size_t count;
};

/* A service may not have it to begin with. */
static void caps_add(struct caps *caps, int cap, const char *why)
{
	if (!capng_have_capability(CAPNG_PERMITTED, cap))
		return;
	caps->list[caps->count].cap = cap;
	caps->list[caps->count++].why = why;
}

static int caps_apply(const struct caps *caps, bool effective)
{
	capng_type_t type = effective ? CAPNG_EFFECTIVE | CAPNG_PERMITTED : CAPNG_PERMITTED;
	size_t i;

	capng_clear(CAPNG_SELECT_CAPS);
	for (i = 0; i < caps->count; i++)
		capng_update(CAPNG_ADD, type, caps->list[i].cap);
	return capng_apply(CAPNG_SELECT_CAPS);
}

/* A service may have been started without the right to make the bounding set smaller; then it has been made small for
 * it. */
static void drop_bounds(void)
{
	capng_clear(CAPNG_SELECT_BOUNDS);
	(void)!capng_apply(CAPNG_SELECT_BOUNDS);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static void tell_caps(struct confinement *c, const struct caps *caps, int error)
{
	char text[160] = "none is left";
	size_t i, at = 0;

	if (error) {
		set(c, PROTECT_CAPABILITIES, false, "they cannot be given up (%d)", error);
		return;
	}
	for (i = 0; i < caps->count && at < sizeof(text); i++)
		at += snprintf(text + at, sizeof(text) - at, "%s%s (%s)",
			i ? ", " : "left: ", capng_capability_to_name(caps->list[i].cap), caps->list[i].why);
	set(c, PROTECT_CAPABILITIES, true, "%s", text);
}

/* Until 5.18 kernel.unprivileged_bpf_disabled forbids every bpf() call, and since then only loading: asked, not known
 * by version. */
static bool map_needs_cap(int map)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);

	return map >= 0 && bpf_obj_get_info_by_fd(map, &info, &size) && errno == EPERM;
}

static void recorder_caps(const struct confine_wants *wants, struct confinement *c)
{
	struct caps all = {.count = 0}, kept = {.count = 0};
	int error = capng_get_caps_process();

	caps_add(&all, CAP_BPF, "");
	caps_add(&all, CAP_KILL, "");
	caps_add(&all, CAP_DAC_OVERRIDE, "");
	drop_bounds();
	if (!error)
		error = caps_apply(&all, false); /* permitted, not effective: what fails now needs one */
	if (map_needs_cap(wants->map))
		caps_add(&kept, CAP_BPF, "this kernel wants it for calls on maps");
	if (faccessat(wants->case_dir, ".", W_OK | X_OK, AT_EACCESS))
		caps_add(&kept, CAP_DAC_OVERRIDE, "the case lies in another user's directory");
	if (wants->command)
		caps_add(&kept, CAP_KILL, "to signal the command alone");
	if (!error)
		error = caps_apply(&kept, true);
	tell_caps(c, &kept, error);
}

static void reader_caps(struct confinement *c)
{
	struct caps kept = {.count = 0};
	int error = capng_get_caps_process();

	caps_add(&kept, CAP_DAC_READ_SEARCH, "to read any executable, and to name control groups");
	caps_add(&kept, CAP_SYS_PTRACE, "for /proc/PID/exe");
	drop_bounds();
	if (!error)
		error = caps_apply(&kept, true);
	tell_caps(c, &kept, error);
}

/* ---- landlock: include/uapi/linux/landlock.h, whose newer parts the headers of Debian 12 lack ---- */

#define FS_EXECUTE (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_REMOVE_DIR (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_DIR (1ULL << 7)
#define FS_MAKE_REG (1ULL << 8)
#define FS_MAKE_ALL (0x7fULL << 6)
#define FS_REFER (1ULL << 13)	  /* ABI 2 */
#define FS_TRUNCATE (1ULL << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define NET_TCP 3ULL		  /* bind, connect: ABI 4 */
#define SCOPE_ABSTRACT 1ULL	  /* ABI 6 */
#define SCOPE_SIGNAL 2ULL

struct ruleset {
	uint64_t fs, net, scoped;
};

static size_t ruleset_for(int abi, const struct confine_wants *wants, struct ruleset *r)
{
	r->fs = FS_EXECUTE | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_ALL;
	r->fs |= (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0);
	r->net = abi >= 4 ? NET_TCP : 0;
	r->scoped = abi >= 6 ? SCOPE_ABSTRACT | (wants->command ? 0 : SCOPE_SIGNAL) : 0;
	/* an older kernel knows a shorter struct */
	return abi >= 6 ? sizeof(*r) : abi >= 4 ? offsetof(struct ruleset, scoped) : sizeof(r->fs);
}

static int landlock(const struct confine_wants *wants, int abi)
{
	struct ruleset r;
	size_t size = ruleset_for(abi, wants, &r);
	struct landlock_path_beneath_attr beneath = {.parent_fd = wants->case_dir};
	struct landlock_path_beneath_attr pins = {.parent_fd = wants->pin_dir, .allowed_access = FS_REMOVE_FILE};
	int fd = syscall(SYS_landlock_create_ruleset, &r, size, 0), error = 0;

	if (fd < 0)
		return -errno;
	beneath.allowed_access = r.fs & (FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |
						FS_REFER | FS_TRUNCATE);
	if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) ||
		(wants->pin_dir >= 0 && syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &pins, 0)) ||
		syscall(SYS_landlock_restrict_self, fd, 0))
		error = -errno;
	close(fd);
	return error;
}

static void close_paths(const struct confine_wants *wants, struct confinement *c)
{
	int abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION), error;

	error = abi < 0 ? -errno : landlock(wants, abi);
	if (!error)
		set(c, PROTECT_LANDLOCK, true, "files are made, written and removed in the case only (ABI %d)", abi);
	else
		set(c, PROTECT_LANDLOCK, false,
			"%s: the recorder could write what root's own files let their owner write",
			error == -ENOSYS       ? "this kernel has none (5.13 has)"
			: error == -EOPNOTSUPP ? "it is switched off here (lsm=)"
					       : strerror(-error));
}

/* ---- seccomp ---- */

struct rule {
	int call;
	unsigned count; /* of conditions, all of which must hold */
	struct scmp_arg_cmp where[2];
};

#define ANY(call)                                                                                                      \
	{                                                                                                              \
		SCMP_SYS(call), 0,                                                                                     \
		{                                                                                                      \
			{                                                                                              \
				0                                                                                      \
			}                                                                                              \
		}                                                                                                      \
	}
#define WITH(call, argument, value)                                                                                    \
	{                                                                                                              \
		SCMP_SYS(call), 1,                                                                                     \
		{                                                                                                      \
			{                                                                                              \
				(argument), SCMP_CMP_EQ, (value), 0                                                    \
			}                                                                                              \
		}                                                                                                      \
	}
#define WITHOUT(call, argument, bits)                                                                                  \
	{                                                                                                              \
		SCMP_SYS(call), 1,                                                                                     \
		{                                                                                                      \
			{                                                                                              \
				(argument), SCMP_CMP_MASKED_EQ, (bits), 0                                              \
			}                                                                                              \
		}                                                                                                      \
	}

/* What both processes, and the C library under them, live on. */
static const struct rule common_rules[] = {
	ANY(read),
	ANY(write),
	ANY(writev),
	ANY(pread64),
	ANY(close),
	ANY(fstat),
	ANY(newfstatat),
	ANY(statx),
	ANY(lseek),
	ANY(readlink),
	ANY(readlinkat),
	ANY(getdents64),
	ANY(access),
	ANY(faccessat),
	ANY(faccessat2),
	ANY(getcwd),
	WITHOUT(mmap, 2, PROT_EXEC),
	WITHOUT(mprotect, 2, PROT_EXEC),
	ANY(munmap),
	ANY(mremap),
	ANY(brk),
	ANY(madvise),
	ANY(futex),
	ANY(clock_gettime),
	ANY(gettimeofday),
	ANY(clock_nanosleep),
	ANY(nanosleep),
	ANY(getrandom),
	ANY(uname),
	ANY(rt_sigprocmask),
	ANY(rt_sigaction),
	ANY(rt_sigreturn),
	ANY(restart_syscall),
	ANY(getpid),
	ANY(gettid),
	ANY(getppid),
	ANY(geteuid),
	ANY(sysinfo),
	ANY(poll),
	ANY(exit),
	ANY(exit_group),
	WITH(fcntl, 1, F_GETFL),
	WITH(fcntl, 1, F_GETFD),
	WITH(fcntl, 1, F_SETFD),
	WITH(fcntl, 1, F_DUPFD_CLOEXEC),
};

/* Of bpf() only the commands on maps that are there: enum bpf_cmd, include/uapi/linux/bpf.h */
static const struct rule recorder_rules[] = {
	ANY(openat),
	ANY(mkdirat),
	ANY(renameat),
	ANY(renameat2),
	ANY(unlinkat),
	ANY(ftruncate),
	ANY(fchmod),
	ANY(fsync),
	ANY(fdatasync),
	ANY(fallocate),
	ANY(flock),
	ANY(fstatfs),
	ANY(pwrite64),
	ANY(epoll_wait),
	ANY(epoll_pwait),
	ANY(epoll_ctl),
	ANY(wait4),
	ANY(waitid),
	ANY(getpgid),
	ANY(adjtimex),
	ANY(clock_adjtime), /* to ask: setting needs CAP_SYS_TIME */
	ANY(mlock),
	ANY(munlock),
	WITH(bpf, 0, BPF_MAP_LOOKUP_ELEM),
	WITH(bpf, 0, BPF_MAP_UPDATE_ELEM),
	WITH(bpf, 0, BPF_MAP_DELETE_ELEM),
	WITH(bpf, 0, BPF_MAP_GET_NEXT_KEY),
	WITH(bpf, 0, BPF_MAP_LOOKUP_BATCH),
	WITH(bpf, 0, BPF_MAP_LOOKUP_AND_DELETE_BATCH),
	WITH(bpf, 0, BPF_OBJ_GET_INFO_BY_FD),
	WITH(bpf, 0, BPF_ITER_CREATE),
};

/* fork() as glibc makes it, and what its child does to stay behind. */
static const struct rule fork_rules[] = {
	WITH(clone, 0, CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | SIGCHLD),
	ANY(set_robust_list),
	ANY(setsid),
};

#define WRITES (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)

static const struct rule reader_rules[] = {
	WITHOUT(openat, 2, WRITES | (O_TMPFILE & ~O_DIRECTORY)),
	WITHOUT(open_by_handle_at, 2, WRITES),
	ANY(fstatfs),
};

static int add_rules(scmp_filter_ctx filter, const struct rule *rules, size_t count)
{
	int error = 0;
	size_t i;

	for (i = 0; i < count && !error; i++)
		error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rules[i].call, rules[i].count, rules[i].where);
	return error;
}

#define ADD_RULES(filter, rules) add_rules(filter, rules, sizeof(rules) / sizeof(*(rules)))

/* abort() and raise() signal the process itself; kill() reaches the command alone. */
static int add_signals(scmp_filter_ctx filter, pid_t command)
{
	const struct rule rules[] = {WITH(tgkill, 0, (scmp_datum_t)getpid()), WITH(kill, 0, (scmp_datum_t)command)};

	return add_rules(filter, rules, command ? 2 : 1);
}

/*
 * An allow-list. What is not on it fails with EPERM and does not end the process: a C library that tries something new
 * first must not end a recording. Calls of other architectures (int 0x80, x32) do end it: nothing here ever makes one.
 */
static int filter_calls(const struct rule *rules, size_t count, pid_t command, bool forks)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error;

	if (!filter)
		return -ENOMEM;
	error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!error)
		error = ADD_RULES(filter, common_rules);
	if (!error)
		error = add_rules(filter, rules, count);
	if (!error)
		error = add_signals(filter, command);
	if (!error && forks)
		error = ADD_RULES(filter, fork_rules);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

/*
 * For a function that the kernel lacks libbpf looks in its modules, which takes CAP_SYS_ADMIN, and refuses the whole object where it may
 * not (load_module_btfs() in libbpf.c). It is told that there are no modules: they have nothing that we use.
 */
int confine_modules(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = filter ? 0 : -ENOMEM;

	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOENT), SCMP_SYS(bpf), 1, SCMP_A0(SCMP_CMP_EQ, BPF_BTF_GET_NEXT_ID));
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

static void close_calls(struct confinement *c, const struct rule *rules, size_t count, pid_t command, bool forks)
{
	int error = SANITIZED ? 0 : filter_calls(rules, count, command, forks);

	if (SANITIZED)
		set(c, PROTECT_SECCOMP, false, "this build has sanitizers, which make calls of their own");
	else if (error)
		set(c, PROTECT_SECCOMP, false, "%s: the recorder could make any call", strerror(-error));
	else
		set(c, PROTECT_SECCOMP, true,
			"an allow-list without socket, connect, execve, ptrace, and of bpf only map calls");
}

void confine_recorder(const struct confine_wants *wants, struct confinement *ret)
{
	memset(ret, 0, sizeof(*ret));
	close_memory(ret);
	refuse_privileges(ret);
	close_paths(wants, ret);
	recorder_caps(wants, ret);
	close_calls(
		ret, recorder_rules, sizeof(recorder_rules) / sizeof(*recorder_rules), wants->command, wants->forks);
	set(ret, PROTECT_READER, wants->reader > 0,
		wants->reader > 0 ? "files and /proc are read by a process that can write nothing"
		: wants->reader == 0
			? "the process that reads files and /proc could not close itself in"
			: "it could not be started: hashes of executables and names of control groups are missing");
}

/* No landlock: it refuses /proc/PID/exe of all processes outside (hook_ptrace_access_check(), security/landlock). No
 * call that writes. */
void confine_reader(struct confinement *ret)
{
	memset(ret, 0, sizeof(*ret));
	close_memory(ret);
	refuse_privileges(ret);
	reader_caps(ret);
	close_calls(ret, reader_rules, sizeof(reader_rules) / sizeof(*reader_rules), 0, false);
}
