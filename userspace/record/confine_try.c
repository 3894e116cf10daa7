/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the confinement holds is found by trying. Each attempt has arguments with which nothing comes of it even
 * where it is allowed: it then fails for another reason than EPERM or EACCES.
 */
#include "record/confine.h"

#include "record/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct attempt {
	const char *what;
	int call;
	long args[4];
};

#define WORD(pointer) ((long)(uintptr_t)(pointer))

/* Refused to both processes, by whichever protection comes first. */
static const struct attempt forbidden[] = {
	{"socket of the Internet", SYS_socket, {AF_INET, SOCK_STREAM}},
	{"socket of version 6", SYS_socket, {AF_INET6, SOCK_DGRAM}},
	{"unix socket", SYS_socket, {AF_UNIX, SOCK_DGRAM}},
	{"netlink socket", SYS_socket, {AF_NETLINK, SOCK_RAW}},
	{"packet socket", SYS_socket, {AF_PACKET, SOCK_RAW}},
	{"socketpair", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, 0}},
	{"connect", SYS_connect, {-1}},
	{"bind", SYS_bind, {-1}},
	{"sendto", SYS_sendto, {-1}},
	{"sendmsg", SYS_sendmsg, {-1}},
	{"execve", SYS_execve, {0}},
	{"execveat", SYS_execveat, {-1, 0}},
	{"vfork", SYS_clone, {CLONE_VM | CLONE_VFORK | CLONE_THREAD}}, /* without CLONE_SIGHAND: never made */
	{"ptrace", SYS_ptrace, {PTRACE_PEEKDATA, 0}},
	{"process_vm_readv", SYS_process_vm_readv, {0}},
	{"process_vm_writev", SYS_process_vm_writev, {0}},
	{"kill", SYS_kill, {1, 0}},
	{"pidfd_open", SYS_pidfd_open, {-1}},
	{"bpf program", SYS_bpf, {BPF_PROG_LOAD, 0, 0}},
	{"bpf map", SYS_bpf, {BPF_MAP_CREATE, 0, 0}},
	{"bpf link", SYS_bpf, {BPF_LINK_CREATE, 0, 0}},
	{"bpf detach", SYS_bpf, {BPF_LINK_DETACH, 0, 0}},
	{"bpf object by id", SYS_bpf, {BPF_MAP_GET_FD_BY_ID, 0, 0}},
	{"perf_event_open", SYS_perf_event_open, {0, -1, -1, -1}},
	{"io_uring", SYS_io_uring_setup, {0, 0}},
	{"executable memory", SYS_mmap, {0, 0, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS}},
	{"memfd_create", SYS_memfd_create, {0, 0}},
	{"setuid", SYS_setuid, {-1}},
	{"capset", SYS_capset, {0, 0}},
	{"prctl", SYS_prctl, {-1}},
	{"chroot", SYS_chroot, {0}},
	{"mount", SYS_mount, {0}},
	{"unshare", SYS_unshare, {-1}},
	{"setns", SYS_setns, {-1}},
	{"module", SYS_finit_module, {-1}},
	{"reboot", SYS_reboot, {0}},
	{"clock", SYS_clock_settime, {0, 0}},
	{"ioctl", SYS_ioctl, {-1}},
	{"mode of a file elsewhere", SYS_fchmodat, {-1, 0, 0}},
	{"owner of a file elsewhere", SYS_fchownat, {-1, 0, 0}},
};

/* Refused to the recorder, by landlock alone. */
static const struct attempt forbidden_recorder[] = {
	{"write to a file elsewhere", SYS_openat, {AT_FDCWD, WORD("/dev/null"), O_WRONLY}},
	{"directory elsewhere", SYS_mkdirat, {AT_FDCWD, WORD("/tmp/.quis-must-not-be"), 0700}},
};

static const struct attempt forbidden_reader[] = {
	{"reader: write to a file", SYS_openat, {AT_FDCWD, WORD("/dev/null"), O_WRONLY}},
	{"reader: write and read a file", SYS_openat, {AT_FDCWD, WORD("/dev/null"), O_RDWR}},
	{"reader: append to a file", SYS_openat, {AT_FDCWD, WORD("/dev/null"), O_APPEND}},
	{"reader: new file", SYS_openat, {AT_FDCWD, WORD("/tmp/.quis-must-not-be"), O_CREAT, 0600}},
	{"reader: nameless file", SYS_openat, {AT_FDCWD, WORD("/tmp"), O_TMPFILE | O_RDWR, 0600}},
	{"reader: truncate", SYS_truncate, {0}},
	{"reader: directory", SYS_mkdirat, {AT_FDCWD, 0}},
	{"reader: rename", SYS_renameat, {-1, 0, -1, 0}},
	{"reader: remove", SYS_unlinkat, {-1, 0}},
	{"reader: bpf map call", SYS_bpf, {BPF_MAP_UPDATE_ELEM, 0, 0}},
};

static int make(const struct attempt *a)
{
	long got = syscall(a->call, a->args[0], a->args[1], a->args[2], a->args[3], 0, 0);

	if (got < 0)
		return errno;
	if (a->call == SYS_openat || a->call == SYS_socket)
		close(got);
	if (a->call == SYS_openat && (a->args[2] & O_CREAT))
		syscall(SYS_unlink, a->args[1]);
	if (a->call == SYS_mkdirat)
		syscall(SYS_rmdir, a->args[1]);
	return 0;
}

static void make_all(const struct attempt *list, size_t count, tried_fn fn, void *context)
{
	size_t i;

	for (i = 0; i < count; i++)
		fn(list[i].what, make(&list[i]), false, context);
}

#define MAKE_ALL(list) make_all(list, sizeof(list) / sizeof(*(list)), fn, context)

/* All that the writer of a case does with files. */
static int write_in_case(int dir)
{
	static const char first[] = ".try", second[] = ".try.new";
	int fd = openat(dir, first, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, "x", 1) != 1 || fdatasync(fd) || ftruncate(fd, 0) || renameat(dir, first, dir, second) ||
		unlinkat(dir, second, 0))
		error = errno;
	close(fd);
	if (error || mkdirat(dir, first, 0700) || unlinkat(dir, first, AT_REMOVEDIR) || fsync(dir))
		return error ? error : errno;
	return 0;
}

/* What runs as the parent has all capabilities; to look at it takes CAP_SYS_PTRACE, and no landlock. */
static int open_other(void)
{
	char path[64];
	struct attempt a = {"", SYS_openat, {AT_FDCWD, WORD(path), O_RDONLY}};

	snprintf(path, sizeof(path), "/proc/%d/exe", getppid());
	return make(&a);
}

void confine_try_recorder(int case_dir, tried_fn fn, void *context)
{
	MAKE_ALL(forbidden);
	MAKE_ALL(forbidden_recorder);
	fn("executable of another process", open_other(), false, context);
	fn("write in the case", write_in_case(case_dir), true, context);
}

void confine_try_reader(tried_fn fn, void *context)
{
	MAKE_ALL(forbidden);
	MAKE_ALL(forbidden_reader);
	fn("reader: executable of another process", open_other(), true, context);
}

/* ---- doctor ---- */

struct measured {
	struct confinement confinement;
	unsigned tried, wrong;
	char names[256]; /* of those that ended as they must not */
};

static void note(const char *what, int error, bool should_work, void *context)
{
	struct measured *m = context;
	size_t at = strlen(m->names);
	bool refused = error == EPERM || error == EACCES;

	m->tried++;
	if (should_work ? !error : refused)
		return;
	m->wrong++;
	snprintf(m->names + at, sizeof(m->names) - at, "%s%s", at ? ", " : "", what);
}

static void measure_recorder(int dir, struct measured *m)
{
	struct confine_wants wants = {.case_dir = dir, .pin_dir = -1, .map = -1, .reader = 1};

	wants.map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "quis_try", 4, 4, 1, NULL);
	confine_recorder(&wants, &m->confinement);
	confine_try_recorder(dir, note, m);
}

static void measure_reader(int dir, struct measured *m)
{
	(void)dir;
	confine_reader(&m->confinement);
	confine_try_reader(note, m);
}

static bool in_child(void (*measure)(int, struct measured *), int dir, struct measured *shared)
{
	pid_t child = fork();
	int status;

	if (!child) {
		measure(dir, shared);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status);
}

int confine_measure(struct confinement *ret, char *ret_wrong, size_t size, unsigned *ret_tried)
{
	char path[] = "/tmp/quis-doctor-XXXXXX";
	struct measured *both =
		mmap(NULL, 2 * sizeof(*both), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int dir = !geteuid() && mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, wrong = -1;

	if (both != MAP_FAILED && dir >= 0 && in_child(measure_recorder, dir, &both[0]) &&
		in_child(measure_reader, dir, &both[1])) {
		struct protection *reader = &both[0].confinement.list[PROTECT_READER];
		const struct protection *caps = &both[1].confinement.list[PROTECT_CAPABILITIES];

		wrong = both[0].wrong + both[1].wrong;
		*ret_tried = both[0].tried + both[1].tried;
		snprintf(reader->what, sizeof(reader->what),
			"files and /proc are read by a process that can write nothing; %.120s", caps->what);
		reader->on = both[1].confinement.list[PROTECT_SECCOMP].on && caps->on;
		snprintf(ret_wrong, size, "%s%s%s", both[0].names, *both[0].names && *both[1].names ? ", " : "",
			both[1].names);
		*ret = both[0].confinement;
	}
	if (dir >= 0)
		close(dir);
	rmdir(path);
	if (both != MAP_FAILED)
		munmap(both, 2 * sizeof(*both));
	return wrong;
}
