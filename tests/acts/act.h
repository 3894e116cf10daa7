/*
 * What every act shares: it counts, from the values that the system calls returned, what each of its processes did to
 * which object, and prints that truth as one JSON object.
 *
 * The truth lives in one shared memory area at a fixed address, so that children, threads and the same program after an
 * exec add to it. Everything in it is copied in: a string of the old program would be gone after an exec.
 */
#ifndef QUIS_ACT_H
#define QUIS_ACT_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AREA_AT ((void *)0x200000000000UL)
#define AREA_SIZE (512UL << 20)
#define ALIASES 6
#define SKIP 77
#define NO_FAULTS "5.10:lower 6.1:lower", "mapped file" /* they have no mm_filemap_fault */
#define ANY_FAULTS "any:lower", "mapped file" /* ... and what comes in around a fault is what is in memory then, and not locked */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum counter { OPENS, READS, READ_BYTES, WRITES, WRITE_BYTES, MAPS, MAPPED_BYTES, FAULTS, FAULTED_BYTES, LISTS, STATS, FAILED, COUNTERS };

/* One object as one process reached it. `unsaid` has a bit for each counter that the act makes no claim about; an
 * `optional` object may be missing, but not have more than is stated. Faults are claimed where they are counted. */
struct object {
	struct object *next;
	const char *path[ALIASES];
	const char *view;
	const char *lower_layer, *lower_path; /* overlayfs: what lies beneath; the path's end */
	uint64_t lower_ino;
	const char *type;
	const char *how[ALIASES], *events[ALIASES];
	pid_t from[ALIASES];
	bool from_more; /* not all of them need be told, if it is said that there were others */
	pid_t noted;	/* whom the kernel has for the other end of the socket: without trampolines that one may be told instead, if it is said */
	uint64_t ino;
	uint64_t count[COUNTERS];
	unsigned unsaid;
	int deleted;
	int error; /* why the kernel refused to open it */
	bool optional;
};

enum { DELETED_UNSAID, DELETED_NO, DELETED_YES };

struct flow {
	struct flow *next;
	const char *family, *protocol, *direction, *remote;
	const char *local; /* "": the report must have none */
	const char *name, *source; /* of the remote end; a name of "": the report must have none */
	uint64_t sent, received;
	pid_t peer;
};

/* `detail` is JSON text; `times` is how often and `bytes` how much in all, 0 when the act makes no claim. */
struct action {
	struct action *next;
	const char *kind[ALIASES], *path[ALIASES], *to[ALIASES], *detail;
	bool kernel_path, failed;
	int error;
	uint64_t times, bytes;
};

/* What the kernel moved from one object or flow to another, and how often the open file itself was handed over. */
struct transfer {
	struct transfer *next;
	const struct object *from, *to;
	const struct flow *from_flow, *to_flow;
	uint64_t calls, bytes, descriptors;
};

struct process {
	struct process *next;
	pid_t pid, ppid;
	struct object *objects;
	struct flow *flows;
	struct transfer *transfers;
	struct action *actions;
};

struct area {
	uint64_t used;
	int memory;
	int scale;	/* of a storm: by how much it is smaller than its full size */
	double seconds; /* that it took */
	struct process *processes;
	int flag[16];
};

/* A row of an act's table. `may` names what may fall short where, e.g. "tracepoint:lower 5.10:unseen"; `way` is a word
 * by which the report's `unseen` names it (the act's own name when absent); `options` go to `quis run`. */
struct act {
	const char *name;
	const char *needs;
	void (*run)(void);
	void (*prepare)(void);
	void (*again)(int argc, char **argv);
	const char *may;
	const char *way;
	const char *options;
};

static struct area *area;
static struct process *me;
static const struct act *this_act;
static const char *act_dir;
static const char *act_program;

/* ---- failing ---- */

static inline bool refused_by_kernel(int error)
{
	static const int refusals[] = {ENOSYS, EPERM, EACCES, EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT, ENODEV, ENXIO,
		ESOCKTNOSUPPORT, ENETUNREACH, EADDRNOTAVAIL};
	size_t i;

	for (i = 0; i < COUNT(refusals); i++)
		if (error == refusals[i])
			return true;
	return false;
}

static inline void __attribute__((noreturn, format(printf, 1, 2))) skip(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "skip: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	_exit(SKIP);
}

/* Ends the act: as a skip when the kernel refuses the way as such, as a failure of the act otherwise. */
static inline void __attribute__((noreturn)) fail(const char *what)
{
	int error = errno;

	if (refused_by_kernel(error))
		skip("%s: %s (needs %s)", what, strerror(error), this_act->needs ? this_act->needs : "nothing special");
	fprintf(stderr, "%s: %s: %s\n", this_act ? this_act->name : "act", what, strerror(error));
	_exit(2);
}

static inline long need(long result, const char *what)
{
	if (result < 0)
		fail(what);
	return result;
}

/* ---- memory ---- */

static inline void *area_take(size_t size)
{
	uint64_t at = __atomic_fetch_add(&area->used, (size + 15) & ~15UL, __ATOMIC_RELAXED);

	if (at + size > AREA_SIZE) {
		errno = ENOMEM;
		fail("truth area");
	}
	return (char *)area + at;
}

static inline const char *keep(const char *text)
{
	size_t size = text ? strlen(text) + 1 : 0;

	return text ? memcpy(area_take(size), text, size) : NULL;
}

static inline const char *__attribute__((format(printf, 1, 2))) text(const char *format, ...)
{
	char *line = NULL;
	const char *kept;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&line, format, args);
	va_end(args);
	if (n < 0)
		fail("text");
	kept = keep(line);
	free(line);
	return kept;
}

/* The path of NAME in the act's directory. */
static inline const char *in_dir(const char *name)
{
	return text("%s/%s", act_dir, name);
}

/* Makes `item` the first of `list`; several threads and processes may do so at once. */
#define area_link(list, item)                                                                                          \
	do {                                                                                                           \
		(item)->next = __atomic_load_n(&(list), __ATOMIC_RELAXED);                                             \
	} while (!__atomic_compare_exchange_n(&(list), &(item)->next, item, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))

static inline void area_map(int memory)
{
	area = mmap(AREA_AT, AREA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, memory, 0);
	if (area == MAP_FAILED)
		fail("mmap of the truth area");
}

static inline void area_new(void)
{
	int memory = (int)need(syscall(SYS_memfd_create, "truth", 0), "memfd_create");

	/* High, so that an act which fills low numbers does not meet it. */
	int high = (int)need(fcntl(memory, F_DUPFD, 900), "F_DUPFD");

	close(memory);
	need(ftruncate(high, AREA_SIZE), "ftruncate of the truth area");
	area_map(high);
	area->memory = high;
	area->used = sizeof(*area);
}

/* ---- stating the truth ---- */

static inline struct process *process_new(void)
{
	struct process *p = area_take(sizeof(*p));

	area_link(area->processes, p);
	return p;
}

static inline struct object *object(const char *type, const char *path)
{
	struct object *o = area_take(sizeof(*o));

	o->type = keep(type);
	o->path[0] = keep(path);
	area_link(me->objects, o);
	return o;
}

/* A regular file NAME of the act's directory. */
static inline struct object *file(const char *name)
{
	return object("file", in_dir(name));
}

static inline void also(const char **list, const char *value)
{
	size_t i;

	for (i = 0; i < ALIASES; i++) {
		if (list[i] && !strcmp(list[i], value))
			return;
		if (!list[i]) {
			list[i] = keep(value);
			return;
		}
	}
}

static inline struct object *alias(struct object *o, const char *path)
{
	also(o->path, path);
	return o;
}

static inline struct object *came(struct object *o, const char *how)
{
	also(o->how, how);
	return o;
}

/* ... by this process, or because of its access. */
static inline struct object *given_by(struct object *o, pid_t pid)
{
	size_t i;

	for (i = 0; i < ALIASES; i++) {
		if (o->from[i] == pid)
			return o;
		if (!o->from[i]) {
			o->from[i] = pid;
			return o;
		}
	}
	fail("more givers than an object has room for");
}

static inline struct object *given_by_others(struct object *o)
{
	o->from_more = true;
	return o;
}

/* ... over a socket that this process made or connected. */
static inline struct object *noted(struct object *o, pid_t pid)
{
	o->noted = pid;
	return o;
}

/* ... of this kind. */
static inline struct object *told(struct object *o, const char *event)
{
	also(o->events, event);
	return o;
}

/* Makes no claim about a counter. */
static inline struct object *unsaid(struct object *o, enum counter counter)
{
	o->unsaid |= 1U << counter;
	return o;
}

static inline void count(struct object *o, enum counter counter, uint64_t by)
{
	__atomic_fetch_add(&o->count[counter], by, __ATOMIC_RELAXED);
}

/* `times` calls asked for its metadata. */
static inline void looked(struct object *o, uint64_t times)
{
	count(o, STATS, times);
}

static inline struct object *optional(struct object *o)
{
	o->optional = true;
	o->unsaid = ~0U;
	return o;
}

/* States the inode too: two objects can have had one path. */
static inline int identified(struct object *o, int fd)
{
	struct stat st;

	need(fstat(fd, &st), "fstat");
	looked(o, 1);
	o->ino = st.st_ino;
	return fd;
}

/* An object without a path of its own (pipe, memfd): told by its inode. */
static inline struct object *by_inode(const char *type, int fd)
{
	struct object *o = object(type, NULL);

	identified(o, fd);
	return o;
}

static inline int opened(struct object *o, long fd)
{
	need(fd, o->path[0]);
	count(o, OPENS, 1);
	came(o, "opened");
	return (int)fd;
}

static inline void refused(struct object *o, long result)
{
	if (result >= 0) {
		errno = EEXIST;
		fail("an open that should have failed");
	}
	o->error = errno;
	count(o, FAILED, 1);
}

static inline ssize_t got(struct object *o, ssize_t n)
{
	need(n, "read");
	count(o, READS, 1);
	count(o, READ_BYTES, (uint64_t)n);
	return n;
}

static inline ssize_t put(struct object *o, ssize_t n)
{
	need(n, "write");
	count(o, WRITES, 1);
	count(o, WRITE_BYTES, (uint64_t)n);
	return n;
}

static inline struct transfer *transfer(
	const struct object *from, const struct flow *from_flow, const struct object *to, const struct flow *to_flow)
{
	struct transfer *t;

	for (t = me->transfers; t; t = t->next)
		if (t->from == from && t->from_flow == from_flow && t->to == to && t->to_flow == to_flow)
			return t;
	t = area_take(sizeof(*t));
	t->from = from;
	t->from_flow = from_flow;
	t->to = to;
	t->to_flow = to_flow;
	area_link(me->transfers, t);
	return t;
}

/* A call that moved nothing was none. */
static inline ssize_t carried(struct transfer *t, ssize_t n)
{
	__atomic_fetch_add(&t->calls, n > 0, __ATOMIC_RELAXED);
	__atomic_fetch_add(&t->bytes, (uint64_t)n, __ATOMIC_RELAXED);
	return n;
}

/* From one to the other within the kernel: sendfile, splice and the like. */
static inline ssize_t moved(struct object *from, struct object *to, ssize_t n)
{
	got(from, n);
	put(to, n);
	return carried(transfer(from, NULL, to, NULL), n);
}

static inline long listed(struct object *o, long n)
{
	need(n, "getdents64");
	count(o, LISTS, 1);
	return n;
}

/* Of a mapping, what lies within the file counts. */
static inline char *mapped(struct object *o, void *at, int fd, size_t length, off_t offset)
{
	struct stat st;
	size_t within = 0;

	if (at == MAP_FAILED)
		fail("mmap");
	need(fstat(fd, &st), "fstat");
	looked(o, 1);
	if (st.st_size > offset)
		within = (size_t)(st.st_size - offset);
	count(o, MAPS, 1);
	count(o, MAPPED_BYTES, within < length ? within : length);
	return at;
}

/* Pages of the mapping that were touched, as the kernel tells it: each brings in the 64 KiB around it, as far as the file reaches. */
static inline void faulted(struct object *o, uint64_t faults, uint64_t bytes)
{
	count(o, FAULTS, faults);
	count(o, FAULTED_BYTES, bytes);
}

static inline void beneath(struct object *o, const char *layer, const char *path)
{
	struct stat st;

	need(stat(in_dir(path), &st), path);
	o->lower_ino = st.st_ino;
	o->lower_layer = layer;
	o->lower_path = keep(in_dir(path) + strlen(act_dir));
}

static inline struct flow *flow(const char *family, const char *protocol, const char *direction, const char *remote)
{
	struct flow *f = area_take(sizeof(*f));

	f->family = keep(family);
	f->protocol = keep(protocol);
	f->direction = keep(direction);
	f->remote = keep(remote);
	area_link(me->flows, f);
	return f;
}

static inline ssize_t sent(struct flow *f, ssize_t n)
{
	__atomic_fetch_add(&f->sent, (uint64_t)need(n, "send"), __ATOMIC_RELAXED);
	return n;
}

static inline ssize_t received(struct flow *f, ssize_t n)
{
	__atomic_fetch_add(&f->received, (uint64_t)need(n, "receive"), __ATOMIC_RELAXED);
	return n;
}

/* As moved(), into a socket and out of one. */
static inline ssize_t moved_out(struct object *from, struct flow *to, ssize_t n)
{
	sent(to, got(from, n));
	return carried(transfer(from, NULL, NULL, to), n);
}

/* An open file of its own that went with a message. */
static inline void handed(const struct object *o, const struct flow *to)
{
	__atomic_fetch_add(&transfer(o, NULL, NULL, to)->descriptors, 1, __ATOMIC_RELAXED);
}

static inline ssize_t moved_in(struct flow *from, struct object *to, ssize_t n)
{
	received(from, put(to, n));
	return carried(transfer(NULL, from, to, NULL), n);
}

static inline struct action *action(const char *kind, const char *path, const char *to)
{
	struct action *a = area_take(sizeof(*a));

	a->kind[0] = keep(kind);
	a->path[0] = keep(path);
	a->to[0] = keep(to);
	area_link(me->actions, a);
	return a;
}

/* ---- processes ---- */

/* The child dies with its parent, so that no act leaves one behind. */
static inline struct process *spawn(void (*body)(void *), void *with)
{
	struct process *p = process_new();
	pid_t pid;

	p->ppid = getpid();
	pid = (pid_t)need(fork(), "fork");
	if (pid) {
		p->pid = pid;
		return p;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	me = p;
	body(with);
	_exit(0);
}

static inline void reap(struct process *p)
{
	int status;

	need(waitpid(p->pid, &status, 0), "waitpid");
	if (WIFEXITED(status) && WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
	if (!WIFEXITED(status)) {
		fprintf(stderr, "%s: child ended by signal %d\n", this_act->name, WTERMSIG(status));
		_exit(2);
	}
}

static inline void raise_flag(int which)
{
	__atomic_store_n(&area->flag[which], 1, __ATOMIC_RELEASE);
}

/* Waits for a flag of another process or thread; the runner's time limit is the bound. */
static inline void await_flag(int which)
{
	while (!__atomic_load_n(&area->flag[which], __ATOMIC_ACQUIRE))
		usleep(500);
}

/* Replaces this process by PROGRAM (a copy of this one), which goes on in the row's `again` with the same truth. */
static inline void __attribute__((noreturn)) exec_again(const char *program, const char *extra)
{
	char memory[16], process[32];

	snprintf(memory, sizeof(memory), "%d", area->memory);
	snprintf(process, sizeof(process), "%lu", (unsigned long)me);
	execl(program, program, "--again", this_act->name, act_dir, memory, process, extra, (char *)NULL);
	fail("exec");
}

/* A mount namespace of our own: what is mounted there goes away with the act. */
static inline void private_mounts(void)
{
	need(unshare(CLONE_NEWNS), "unshare");
	need(mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL), "private mounts");
}

/* ---- making input ---- */

static inline void fill(char *buffer, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		buffer[i] = (char)('a' + i % 26);
}

static inline void make_file_at(int dir, const char *name, size_t size)
{
	int fd = (int)need(openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), name);
	char block[65536];
	size_t done;

	fill(block, sizeof(block));
	for (done = 0; done < size;) {
		size_t want = size - done < sizeof(block) ? size - done : sizeof(block);

		done += (size_t)need(write(fd, block, want), "write of an input file");
	}
	close(fd);
}

static inline void make_file(const char *name, size_t size)
{
	make_file_at(AT_FDCWD, in_dir(name), size);
}

/* ---- printing ---- */

#include "truth.h"

/* ---- main ---- */

static inline const struct act *act_find(const struct act *acts, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(acts[i].name, name))
			return &acts[i];
	fprintf(stderr, "no act '%s'; --list names them\n", name);
	exit(2);
}

static inline void act_list(const struct act *acts, size_t n, bool whole)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct act *a = &acts[i];

		printf("%s", a->name);
		if (whole)
			printf("\t%s\t%s\t%s", a->may ? a->may : "", a->way ? a->way : a->name,
				a->options ? a->options : "");
		printf("\n");
	}
}

static inline void act_again(const struct act *acts, size_t n, int argc, char **argv)
{
	this_act = act_find(acts, n, argv[2]);
	area_map(atoi(argv[4]));
	me = (struct process *)strtoul(argv[5], NULL, 10);
	act_dir = argv[3];
	this_act->again(argc - 6, argv + 6);
}

static inline void act_record(void)
{
	struct timespec from, to;

	area_new();
	me = process_new();
	me->pid = getpid();
	me->ppid = getppid();
	clock_gettime(CLOCK_MONOTONIC, &from);
	this_act->run();
	clock_gettime(CLOCK_MONOTONIC, &to);
	area->seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	truth_print(area);
}

static inline int act_main(const struct act *acts, size_t n, int argc, char **argv)
{
	bool prepare = argc == 4 && !strcmp(argv[1], "--prepare");
	char program[PATH_MAX], dir[PATH_MAX];

	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && (!strcmp(argv[1], "--list") || !strcmp(argv[1], "--table")))
		return act_list(acts, n, argv[1][2] == 't'), 0;
	if (argc >= 2 && !strcmp(argv[1], "--nothing"))
		return 0;
	if (argc >= 6 && !strcmp(argv[1], "--again"))
		return act_again(acts, n, argc, argv), 0;
	if (argc != 3 && !prepare) {
		fprintf(stderr, "usage: %s [--prepare] NAME DIR | --list | --table\n", argv[0]);
		return 2;
	}
	this_act = act_find(acts, n, argv[argc - 2]);
	if (!realpath(argv[argc - 1], dir))
		fail(argv[argc - 1]);
	act_dir = dir;
	act_program = realpath("/proc/self/exe", program) ? program : argv[0];
	if (!prepare) {
		act_record();
	} else if (this_act->prepare) {
		area_new();
		me = process_new();
		this_act->prepare();
	}
	return 0;
}

#endif
