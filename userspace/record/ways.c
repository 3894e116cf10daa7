/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/ways.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>

#define GIVERS "Who sent a file that was received over a unix socket: told is who connected the socket, listened on it or made the pair, even if another sent over it."
#define ARGUMENTS "The kernel's own paths of actions: they are the arguments given, which another thread may have changed."
#define REPLACED "When another thread replaces a descriptor during a call, the bytes may count for the new file: the hooks run at the end of the call."
#define UNTOLD "Of io_uring: what requests did that want no completion, or for whose completion there was no room, is not known: each is counted as lost."
#define EXACTLY {SEEN_EXACTLY, NULL, NULL}
#define BOTH(seen, why, mend) {{seen, why, mend}, {seen, why, mend}}
#define TRAMPOLINES "hooks of the kind trampoline: a kernel that lets BPF programs attach to functions (fentry, fexit)"
#define NOT_IN_BPF "nothing in quis: look at the machine from outside, or keep the process from doing it"
#define NOT_YET "nothing in this version of quis; "
#define ONE_THREAD NOT_YET "a process of one thread, whose table of descriptors no other shares, cannot do it"

#define HOW "how a descriptor came"
#define BYTES "how bytes move"
#define URING "io_uring"
#define NARROW "32-bit calls"
#define PATHS "where paths lie"
#define CHANGES "what changes"
#define LOOKS "what is looked at"
#define NETWORK "network"
#define WATCH "means of watching"
#define KERNEL "through the kernel or the hardware"
#define LIFE "processes"
#define SELF "against quis itself"

const struct way ways[] = {
	{HOW, "open, openat, openat2, creat, O_PATH, O_TMPFILE; refused opens", "open openat openat2 creat", {EXACTLY, EXACTLY}},
	{HOW, "open_by_handle_at", "open_by_handle_at", {EXACTLY, EXACTLY}},
	{HOW, "inherited over fork and exec, duplicated, standard input", "process_exec process_fork", {EXACTLY, EXACTLY}},
	{HOW, "open or mapped before the recording began", "snapshot_task snapshot_file snapshot_mapping", {EXACTLY, EXACTLY}, .use = USE_RUNNING},
	{HOW, "received or handed over a unix socket (SCM_RIGHTS)", "recvmsg recvmmsg sendmsg sendmmsg", {EXACTLY, EXACTLY}},
	{HOW, "... and who sent it", "sender_*", {EXACTLY, {SEEN_LOWER, GIVERS, TRAMPOLINES}}, .use = USE_RECEIVED},
	{HOW, "taken out of another process (pidfd_getfd)", "pidfd_getfd", {EXACTLY, EXACTLY}},
	{HOW, "out of a fanotify event", "read", {EXACTLY, EXACTLY}},
	{HOW, "memfd, pipes, mounts that hang nowhere", "memfd_create fsopen fsmount open_tree", {EXACTLY, EXACTLY}},

	{BYTES, "read, write and their families", "read write pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2", {EXACTLY, EXACTLY}},
	{BYTES, "sendfile, splice, tee, vmsplice, copy_file_range", "sendfile64 splice tee vmsplice copy_file_range", {EXACTLY, EXACTLY}},
	{BYTES, "mappings: how many, how long", "mmap", {EXACTLY, EXACTLY}},
	{BYTES, "mappings: the pages touched", "page_fault*",
		BOTH(SEEN_LOWER, "Which bytes of a mapped file were read, which takes no call: the mapping is told, and where the kernel tells them the page faults, "
				 "each of which brings in pages beside the one touched (not those of huge pages, nor of files mapped long ago).",
			"nothing: to read what is mapped takes no call, nor a fault when its page is there already"),
		.use = USE_MAP},
	{BYTES, "directory listings", "getdents getdents64", {EXACTLY, EXACTLY}},
	{BYTES, "blocks shared by ioctl (FICLONE, FICLONERANGE, FIDEDUPERANGE): 8 destinations a call", "ioctl", {EXACTLY, EXACTLY}},
	{BYTES, "Linux AIO: that it was used", "io_setup", {EXACTLY, EXACTLY}},
	{BYTES, "Linux AIO, results by io_getevents", "io_getevents io_pgetevents", {EXACTLY, EXACTLY}, .use = USE_AIO},
	{BYTES, "Linux AIO, results taken from the shared ring", "aio_complete",
		{EXACTLY, {SEEN_NOT, "Results of Linux AIO that a process takes from the shared ring without a system call.", TRAMPOLINES}}, .use = USE_AIO},
	{BYTES, "System V shared memory, message queues: that they were used", "shmat msgget mq_open", {EXACTLY, EXACTLY}},
	{BYTES, "... and what went over them", "",
		BOTH(SEEN_NOT, "What went over System V shared memory and over message queues (System V, POSIX), and to whom.",
			NOT_YET "an IPC namespace of its own (unshare --ipc) keeps a process from those of others"),
		.use = USE_IPC},
	{BYTES, "a descriptor that another thread replaces during a read, write or listing", "file_held",
		{EXACTLY, {SEEN_LOWER, REPLACED, TRAMPOLINES}}, .use = USE_THREADS},
	{BYTES, "... during a call of a socket, or one that moves bytes from one descriptor to another", "",
		{{SEEN_LOWER, "When another thread replaces a descriptor during send, recv, sendfile, splice, copy_file_range or the like, the bytes may count for the new object.", ONE_THREAD},
			{SEEN_LOWER, REPLACED, ONE_THREAD}},
		.use = USE_THREADS},

	{URING, "that it was used", "io_uring_setup io_uring_enter", {EXACTLY, EXACTLY}},
	{URING, "reads, writes, opens, sockets, changes of names", "uring_complete", {EXACTLY, EXACTLY}, .use = USE_URING},
	{URING, "requests that want no completion", "uring_flush uring_freed", {EXACTLY, {SEEN_LOWER, UNTOLD, TRAMPOLINES}}, .use = USE_URING},
	{URING, "completions for which the process made no room", "uring_overflow uring_overflowed", {EXACTLY, {SEEN_LOWER, UNTOLD, TRAMPOLINES}}, .use = USE_URING},
	{URING, "multishot requests of a ring that have the same number", "uring_posted",
		{EXACTLY, {SEEN_LOWER, "Of io_uring: whose a completion is of several multishot requests of a ring that have the same number: each is counted as lost.", TRAMPOLINES}},
		.use = USE_URING},

	{NARROW, "the usual calls for files, directories and sockets, messages and the descriptors in them", "ia32_*", {EXACTLY, EXACTLY}, .use = USE_32},
	{NARROW, "the rarer calls", "",
		BOTH(SEEN_NOT, "Of 32-bit calls: the rarer ones (owners, extended attributes, mounts, means of watching; vmsplice, preadv2, open_by_handle_at, AIO).",
			NOT_YET "the boot option ia32_emulation=0 (Linux 6.7 or later) keeps programs from 32-bit calls"),
		.use = USE_32},

	{PATHS, "the kernel's own path of every open object, walked from its dentry; from the process's own root and in its mount namespace, where these are others", "", {EXACTLY, EXACTLY}},
	{PATHS, "overlay file systems: what lies beneath", "", {EXACTLY, EXACTLY}},

	{CHANGES, "rename, link, unlink, mkdir, chmod, chown, truncate, utimes ...: that it was done",
		"rename renameat renameat2 link linkat unlink unlinkat symlink symlinkat mkdir mkdirat rmdir mknod mknodat truncate ftruncate "
		"chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat fallocate",
		{EXACTLY, EXACTLY}},
	{CHANGES, "extended attributes: that they were set", "setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat", {EXACTLY, EXACTLY}},
	{CHANGES, "... and the kernel's own path of all these", "place_*",
		{EXACTLY, {SEEN_LOWER, ARGUMENTS, TRAMPOLINES}}, .use = USE_ARGUMENT},
	{LOOKS, "stat and the like, by descriptor", "look newfstat newfstatat statx fgetxattr flistxattr fstatfs", {EXACTLY, EXACTLY}},
	{LOOKS, "stat, access, readlink, getxattr, statfs, by name: how often, and what was not there",
		"newstat newlstat newfstatat statx access faccessat faccessat2 readlink readlinkat getxattr lgetxattr listxattr llistxattr "
		"getxattrat listxattrat statfs name_to_handle_at",
		{EXACTLY, EXACTLY}},
	{LOOKS, "... and of which object", "look",
		{{SEEN_LOWER, "Of metadata asked for by name: the object, but for stat; for access, readlink, extended attributes and statfs it is the argument.",
			 NOT_YET "device and inode are told where the file is then opened"},
			{SEEN_LOWER, "Of metadata asked for by name (stat, access, readlink, extended attributes): the object; it is the argument.",
				TRAMPOLINES "; of stat alone, not of the others"}}},

	{NETWORK, "connections, their ends and bytes", "connect accept accept4 sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg read write", {EXACTLY, EXACTLY}},
	{NETWORK, "unix datagram sockets that are no pair: which process is at the other end", "bind snapshot_file",
		BOTH(SEEN_LOWER, "Which process is at the other end of a unix datagram socket that is no pair: the kernel does not note it; told is who bound the abstract name "
				 "that was given, or the socket that this one was connected to.",
			"nothing: to follow the other process as well shows its end of it"),
		.use = USE_DATAGRAM},
	{NETWORK, "packet, raw and netlink sockets", "socket", {EXACTLY, EXACTLY}},
	{NETWORK, "names of addresses: DNS, TLS, QUIC, HTTP", "sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg read write readv writev",
		BOTH(SEEN_LOWER, "Names of addresses that were looked up before the recording, by another program (nscd, D-Bus) or over encrypted DNS, or sent by io_uring or a "
			"32-bit program's sendmsg: unless the connection itself begins with its name (TLS, QUIC to port 443, HTTP).",
			"to follow the program that looks names up as well (nscd, systemd-resolved), from before it does; nothing where DNS is encrypted"),
		.use = USE_NETWORK},

	{WATCH, "fanotify, inotify, bpf, perf events, keyrings, seccomp, userfaultfd, landlock",
		"fanotify_init fanotify_mark inotify_init inotify_init1 inotify_add_watch bpf perf_event_open keyctl seccomp userfaultfd "
		"landlock_create_ruleset landlock_restrict_self", {EXACTLY, EXACTLY}},
	{WATCH, "signals, ptrace, process_vm_readv and _writev: that it was done", "kill tkill tgkill pidfd_send_signal ptrace process_vm_readv process_vm_writev",
		{EXACTLY, EXACTLY}},
	{WATCH, "mounts, namespaces, roots", "mount umount move_mount mount_setattr setns unshare chroot pivot_root", {EXACTLY, EXACTLY}},

	{KERNEL, "modules and kexec: that it was done", "init_module finit_module delete_module kexec_load kexec_file_load", {EXACTLY, EXACTLY}},
	{KERNEL, "another process's memory: what was in it", "",
		BOTH(SEEN_LOWER, "What was in the memory of another process that was read (ptrace, process_vm_readv, /proc/PID/mem).", NOT_IN_BPF), USE_MEMORY,
		"reached into the memory of another process",
		"which files' content it found there is not known"},
	{KERNEL, "block devices: which files' blocks", "", BOTH(SEEN_LOWER, "Which files' blocks were read from or written to a block device.", NOT_IN_BPF), USE_DISK,
		"opened a block device", "bytes count for the device; which files they belong to is not known"},
	{KERNEL, "the machine's memory (/dev/mem, /proc/kcore)", "",
		BOTH(SEEN_LOWER, "What was in the machine's memory that was read or written (/dev/mem, /dev/port, /proc/kcore).",
			"the boot option lockdown=confidentiality keeps every process from it"),
		USE_KERNEL_MEMORY, "opened the machine's memory",
		"what it saw or changed there, any process's data included, is not known"},
	{KERNEL, "kernel modules: what they do", "", BOTH(SEEN_NOT, "What a kernel module does, reads or sends.",
			"kernel.modules_disabled=1 keeps all from being loaded, the boot option module.sig_enforce=1 those that nobody signed"),
		USE_MODULE, "loaded a kernel module",
		"what that does, reads or sends is not seen, and it may have changed what this sensor sees"},
	{KERNEL, "BPF programs: what they see", "", BOTH(SEEN_NOT, "What a BPF program sees, keeps or sends.",
			"the boot option lockdown=confidentiality keeps it from reading the kernel's memory"),
		USE_BPF_PROGRAM, "loaded a BPF program",
		"what that sees of other processes and keeps or sends is not seen"},
	{KERNEL, "another kernel (kexec)", "", BOTH(SEEN_NOT, "What another kernel does that was loaded by kexec.", "kernel.kexec_load_disabled=1 keeps it from being loaded"), USE_KEXEC,
		"loaded another kernel", "what is done once that runs is not seen"},

	{SELF, "signals, ptrace, process_vm_readv and _writev, pidfd_getfd, its BPF objects, its case: that it was tried",
		"kill tkill tgkill pidfd_send_signal ptrace process_vm_readv process_vm_writev pidfd_getfd bpf", {EXACTLY, EXACTLY}},
	{SELF, "what became of it", "",
		BOTH(SEEN_LOWER, "What a process that reached the sensor or its case changed there, and so hid.",
			"a sensor that the process may not reach: without its privileges, or in a machine of its own"),
		USE_SENSOR, "acted against this sensor",
		"what is recorded after that may have been altered by it"},

	{LIFE, "exec, fork, exit; scripts and their interpreters", "process_exec process_fork process_exit", {EXACTLY, EXACTLY}},
	{LIFE, "control groups made, and entered, after the start", "cgroup_mkdir cgroup_rmdir cgroup_attach_task", {EXACTLY, EXACTLY}, .use = USE_CGROUP},
};
const size_t way_count = sizeof(ways) / sizeof(*ways);

#define URING_MEND "a kernel whose functions that complete io_uring requests can be hooked (such as Linux 6.12); or kernel.io_uring_disabled=2"

/* What is lost with a hook that stands for more than its own call. */
static const struct {
	const char *program, *what, *mend;
} losses[] = {
	{"cgroup_mkdir", "control groups made after the start are not followed", "a kernel with control groups (CONFIG_CGROUPS)"},
	{"cgroup_rmdir", "control groups that are gone are not forgotten: after 16,384 of them new ones are not followed", "a kernel with control groups (CONFIG_CGROUPS)"},
	{"cgroup_attach_task", "a process moved into a flagged control group is seen only at its next exec", "a kernel with control groups (CONFIG_CGROUPS)"},
	{"uring_complete", "what is read, written, opened or sent by io_uring is not seen",
		"Linux 5.17 or later, whose io_uring_complete tells the request; or kernel.io_uring_disabled=2"},
	{"uring_overflow", "completions of io_uring for which the process made no room are not seen", "Linux 5.19 or later, which has that tracepoint"},
	{"uring_flush", "what io_uring requests did that want no completion is not known: where io_uring is seen at all, each is counted as lost", URING_MEND},
	{"uring_freed", "what io_uring requests did that want no completion is not known: where io_uring is seen at all, each is counted as lost", URING_MEND},
	{"uring_overflowed", "what io_uring requests did for whose completion there was no room is not known: where io_uring is seen at all, each is counted as lost", URING_MEND},
	{"uring_posted", "whose a completion is of several multishot requests of an io_uring that have the same number is not known: where io_uring is seen at all, each is counted as lost", URING_MEND},
	{"uring_submit*", "the names that io_uring requests give are not seen", "Linux 5.10 or later with tracepoints in io_uring"},
	{"page_fault*", "which pages of a mapped file were touched is not seen, only that it was mapped, and how much of it", "Linux 6.12 or later"},
	{"snapshot_task", "processes that ran before the start are named from /proc", "Linux 5.8 or later"},
	{"snapshot_file", "files that were open before the start are named only when they are used", "Linux 5.8 or later"},
	{"snapshot_mapping", "files that were mapped before the start are not named", "Linux 5.12 or later"},
	{"file_held", "when another thread replaces a descriptor during a call, the bytes may count for the new file", "a kernel whose security_file_permission can be hooked (CONFIG_SECURITY)"},
	{"aio_complete", "results of Linux AIO that a process takes from the shared ring without a system call are not seen", "a kernel whose aio_complete_rw can be hooked (CONFIG_AIO)"},
	{"sender_*", "told of a file that was received over a unix socket is who connected the socket, listened on it or made the pair, and not who sent a file over it",
		"a kernel whose scm_fp_dup, scm_detach_fds and, where it is, unix_prepare_fpl can be hooked"},
	{"look", "what object stat told of is not seen", "a kernel whose security_inode_getattr can be hooked (CONFIG_SECURITY)"},
	{"place_*", "the path of such an action is the argument given, not the kernel's own", "CONFIG_SECURITY_PATH"},
	{"ia32_*", "this call of 32-bit programs is not seen", "ia32_emulation=0 keeps 32-bit programs from running"},
};
#define CALL_MEND "a kernel that lets BPF programs attach to that call; or hooks of the kind tracepoint, which need only the end of any call"

static bool is_name(const char *pattern, const char *program)
{
	return !fnmatch(pattern, program, 0) || (!strncmp(program, "x64_", 4) && !strcmp(pattern, program + 4));
}

static bool way_has(const struct way *way, const char *program)
{
	char word[64];
	const char *at = way->hooks;

	while (*at) {
		size_t length = strcspn(at, " ");

		snprintf(word, sizeof(word), "%.*s", (int)length, at);
		if (is_name(word, program))
			return true;
		at += length + (at[length] == ' ');
	}
	return false;
}

static const char *loss_of(const char *program, const char **ret_mend)
{
	size_t i;

	for (i = 0; i < sizeof(losses) / sizeof(*losses); i++) {
		if (fnmatch(losses[i].program, program, 0))
			continue;
		*ret_mend = losses[i].mend;
		return losses[i].what;
	}
	return NULL;
}

char *missing_sentence(const struct missing_hook *missing)
{
	const char *mend, *what = loss_of(missing->program, &mend);
	char *sentence = NULL;
	int length;

	if (what)
		length = asprintf(&sentence, "%s: %s (%s).", missing->program, what, missing->why);
	else
		length = asprintf(&sentence, "What the system call %s does is not seen (%s).",
			missing->program + (strncmp(missing->program, "x64_", 4) ? 0 : 4), missing->why);
	return length < 0 ? NULL : sentence;
}

static void add_hook(struct way_state *state, const char *section)
{
	size_t i;

	for (i = 0; i < state->hook_count; i++)
		if (!strcmp(state->hooks[i], section))
			return;
	if (state->hook_count < sizeof(state->hooks) / sizeof(*state->hooks))
		state->hooks[state->hook_count++] = section;
}

struct way_state way_state(const struct sensor *sensor, const struct way *way)
{
	bool tracepoint = sensor->hooks == HOOKS_TRACEPOINT;
	struct way_state state = {.seen = way->in[tracepoint].seen, .why = way->in[tracepoint].why, .mend = way->in[tracepoint].mend};
	struct bpf_program *program;
	size_t i;

	for (i = 0; i < sensor->missing_count && !state.missing; i++)
		if (way_has(way, sensor->missing[i].program))
			state.missing = &sensor->missing[i];
	bpf_object__for_each_program(program, sensor->object) {
		const char *name = bpf_program__name(program);
		bool call = !strncmp(name, "x64_", 4) || !strncmp(name, "ia32_", 5);

		if (!way_has(way, name))
			continue;
		if (tracepoint && call)
			add_hook(&state, "tp_btf/sys_exit");
		else if (sensor_attached(sensor, program) && !(state.missing && !strcmp(state.missing->program, name)))
			add_hook(&state, bpf_program__section_name(program));
	}
	if (state.missing && state.seen != SEEN_NOT) {
		state.seen = state.hook_count ? SEEN_LOWER : SEEN_NOT;
		if (!loss_of(state.missing->program, &state.mend))
			state.mend = CALL_MEND;
	}
	return state;
}

/* ---- the sentences of a session ---- */

static void add_sentence(struct sentences *s, char *sentence)
{
	char **list;
	size_t i;

	for (i = 0; sentence && i < s->count; i++)
		if (!strcmp(s->list[i], sentence))
			break;
	list = sentence && i == s->count ? realloc(s->list, (s->count + 1) * sizeof(*list)) : NULL;
	if (!list) {
		free(sentence);
		return;
	}
	s->list = list;
	s->list[s->count++] = sentence;
}

/* What a session did to deserve the sentence stands in it, with the first that did it. */
static char *way_sentence(const struct way *way, const char *why, const struct use_seen *seen)
{
	char *sentence = NULL, times[64] = "";

	if (!seen || !seen->count || !way->did)
		return strdup(why);
	if (seen->count > 1)
		snprintf(times, sizeof(times), ", and so it was %llu times in all", (unsigned long long)seen->count);
	if (asprintf(&sentence, "%s[%u] %s (%s)%s: %s.", seen->comm, seen->tgid, way->did, seen->what, times, way->effect) < 0)
		return NULL;
	return sentence;
}

/* A hook that the kernel never had matters to those who used its way; one that it refused, to all. */
static bool missing_matters(const struct missing_hook *missing, const struct uses *uses)
{
	size_t i;

	if (!uses || missing->refused)
		return true;
	for (i = 0; i < way_count; i++)
		if (ways[i].use && way_has(&ways[i], missing->program))
			return use_of(uses, ways[i].use);
	return true;
}

void ways_unseen(const struct sensor *sensor, const struct uses *uses, struct sentences *ret_sentences)
{
	bool tracepoint = sensor->hooks == HOOKS_TRACEPOINT;
	struct sentences s = {.list = NULL};
	size_t i;

	for (i = 0; i < sensor->missing_count; i++)
		if (missing_matters(&sensor->missing[i], uses))
			add_sentence(&s, missing_sentence(&sensor->missing[i]));
	for (i = 0; i < way_count; i++) {
		const char *why = ways[i].in[tracepoint].why;

		if (why && (!uses || use_of(uses, ways[i].use)))
			add_sentence(&s, way_sentence(&ways[i], why, uses ? &uses->seen[ways[i].use] : NULL));
	}
	if (uses && sensor->state && sensor->state->follow_refused)
		add_sentence(&s, strdup("More processes were handed data than --follow-ipc-depth and --follow-ipc-count allow to follow: what these did is not in it."));
	*ret_sentences = s;
}

void sentences_done(struct sentences *sentences)
{
	size_t i;

	for (i = 0; i < sentences->count; i++)
		free(sentences->list[i]);
	free(sentences->list);
}
