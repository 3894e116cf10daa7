/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's side of the bench, without quis:
 *   kernel empty tracepoint|trampoline   attaches programs that do nothing where quis attaches its own: at the end of
 * each system call, or at that of the calls that the workloads make, and where the kernel asks if a file may be read or
 * written. What remains of quis's cost above this is quis's.
 *   kernel stats                         has the kernel measure all BPF programs, and tells runs and nanoseconds a run
 * of each at the end. Both say "ready", and end at SIGTERM or SIGINT.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

/* Those of the workloads that quis has a program for. */
static const char *const calls[] = {
	"openat", "read", "pread64", "sendto", "recvfrom", "mmap", "getdents64", "connect", "execve", "execveat"};

static void attach(struct btf *btf, enum bpf_attach_type type, const char *name)
{
	const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = type);
	int id = btf__find_by_name_kind(btf, name, type == BPF_TRACE_RAW_TP ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC),
	    program;

	options.attach_btf_id = id < 0 ? 0 : id;
	program = id < 0 ? -1 : bpf_prog_load(BPF_PROG_TYPE_TRACING, "nothing", "GPL", nothing, 2, &options);
	if (program < 0 || bpf_raw_tracepoint_open(NULL, program) < 0)
		fprintf(stderr, "kernel: %s: %s\n", name, strerror(errno)); /* both stay open until the end */
}

static void attach_nothing(const char *way)
{
	struct btf *btf = btf__load_vmlinux_btf();
	char name[64];
	size_t i;

	if (!btf) {
		fputs("kernel: no BTF\n", stderr);
		exit(1);
	}
	if (strcmp(way, "trampoline")) {
		attach(btf, BPF_TRACE_RAW_TP, "btf_trace_sys_exit");
		return;
	}
	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		snprintf(name, sizeof(name), "__x64_sys_%s", calls[i]);
		attach(btf, BPF_TRACE_FEXIT, name);
	}
	attach(btf, BPF_TRACE_FENTRY, "security_file_permission");
}

static void tell_stats(void)
{
	uint32_t id = 0, size;
	int fd;

	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = {0};

		fd = bpf_prog_get_fd_by_id(id);
		size = sizeof(info);
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) && info.run_cnt)
			printf("%-16s %10llu runs %8.0f ns a run\n", info.name, (unsigned long long)info.run_cnt,
				(double)info.run_time_ns / info.run_cnt);
		if (fd >= 0)
			close(fd);
	}
}

int main(int argc, char **argv)
{
	bool stats = argc == 2 && !strcmp(argv[1], "stats");
	sigset_t set;
	int signal, enabled = -1;

	if (!stats && (argc != 3 || strcmp(argv[1], "empty"))) {
		fputs("usage: kernel stats | kernel empty tracepoint|trampoline\n", stderr);
		return 2;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (stats)
		enabled = bpf_enable_stats(BPF_STATS_RUN_TIME);
	else
		attach_nothing(argv[2]);
	if (stats && enabled < 0) {
		perror("kernel: BPF_ENABLE_STATS");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	sigwait(&set, &signal);
	if (stats)
		tell_stats();
	return 0;
}
