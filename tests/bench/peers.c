/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What runs beside a workload, or around it, instead of quis: a program that does nothing at the same hooks, which is
 * the floor, and what a user would take of Debian. What they write goes nowhere.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 120000
#define SETTLE_MS 3000 /* those that do not say when they are ready */

static char kernel_program[PATH_MAX];
static const char *empty[] = {kernel_program, "empty", "tracepoint", NULL};
static const char *const opensnoop[] = {"opensnoop", NULL};
static const char *const bpftrace[] = {"bpftrace", "-e",
	"tracepoint:syscalls:sys_exit_openat,tracepoint:syscalls:sys_exit_read { @[comm] = count(); printf(\"%s "
	"%d\\n\", comm, args->ret); }",
	NULL};
static const char *const fatrace[] = {"fatrace", NULL};
static const char *const strace[] = {"strace", "-f", "-o", "/dev/null", NULL};
static const char *const perf_trace[] = {"perf", "trace", "-o", "/dev/null", NULL};

static const struct peer peers[] = {
	{.name = "empty", .argv = empty, .says_ready = true},
	{.name = "opensnoop", .argv = opensnoop, .traces = true},
	{.name = "bpftrace", .argv = bpftrace, .traces = true},
	{.name = "fatrace", .argv = fatrace},
	{.name = "strace", .argv = strace, .around = true},
	{.name = "perf trace", .argv = perf_trace, .around = true, .traces = true},
};

size_t peers_count(void)
{
	return options.quick || options.only_floor ? 1 : sizeof(peers) / sizeof(*peers);
}

const struct peer *peer_at(size_t i)
{
	return &peers[i];
}

void peers_hooks(const char *way)
{
	snprintf(kernel_program, sizeof(kernel_program), "%.4000s/kernel", options.programs);
	empty[2] = way;
}

bool peer_is_there(const struct peer *peer)
{
	char path[PATH_MAX];
	const char *const places[] = {"/usr/sbin", "/usr/bin"};
	size_t i;

	if (peer->argv[0][0] == '/')
		return !access(peer->argv[0], X_OK);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", places[i], peer->argv[0]);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

/* tracefs, which some need and perf mounts for good, for this process alone. */
void peer_prepare(const struct peer *peer)
{
	if (peer->traces && !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL); /* busy: it is there */
}

static void __attribute__((noreturn)) become(const struct peer *peer, int out)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 0);
	dup2(peer->says_ready ? out : null, 1);
	if (!peer->says_ready)
		dup2(null, 2);
	peer_prepare(peer);
	execvp(peer->argv[0], (char *const *)peer->argv);
	_exit(127);
}

/* False: it did not start, or is not permitted here. */
bool peer_start(const struct peer *peer, pid_t *ret_pid)
{
	char line[16] = "";
	int out[2];
	pid_t pid;

	if (pipe2(out, O_CLOEXEC))
		stop("pipe: %s", strerror(errno));
	pid = fork();
	if (!pid)
		become(peer, out[1]);
	close(out[1]);
	if (peer->says_ready && read(out[0], line, sizeof(line) - 1) <= 0)
		nap(100);
	close(out[0]);
	if (!peer->says_ready)
		nap(SETTLE_MS);
	*ret_pid = pid;
	return pid > 0 && !waitpid(pid, NULL, WNOHANG);
}

/* Returns the processor time that it used. */
double peer_stop(pid_t pid)
{
	struct rusage usage;

	kill(pid, SIGINT);
	if (wait4(pid, NULL, 0, &usage) != pid)
		return 0;
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
}
