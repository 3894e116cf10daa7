/* Races: what a number meant when the call began need not be what it means when the call ends. */
#include "act.h"

#include <linux/sched.h>

#define TURNS 200000

static char buffer[65536];

static int reading(struct object *o)
{
	return opened(o, open(o->path[0], O_RDONLY | O_CLOEXEC));
}

static void one_file(void)
{
	make_file("a", 5000);
}

static void start(pthread_t *thread, void *(*body)(void *), void *with)
{
	errno = pthread_create(thread, NULL, body, with);
	if (errno)
		fail("pthread_create");
}

/* ---- the fd is swapped during the call ---- */

static void make_letter(const char *name, char letter)
{
	int fd = (int)need(open(in_dir(name), O_WRONLY | O_CREAT, 0644), name);

	memset(buffer, letter, sizeof(buffer));
	need(write(fd, buffer, sizeof(buffer)), name);
	close(fd);
}

static void two_letters(void)
{
	make_letter("x", 'x');
	make_letter("y", 'y');
}

struct swap {
	int x, y, target;
	bool done;
};

static void *swapper(void *with)
{
	struct swap *s = with;
	bool odd = false;

	while (!__atomic_load_n(&s->done, __ATOMIC_RELAXED)) {
		dup2(odd ? s->x : s->y, s->target);
		odd = !odd;
	}
	return NULL;
}

/* What was read tells which file it came from, whatever the number led to before and after. */
static void dup_swap(void)
{
	struct object *x = file("x"), *y = file("y");
	struct swap s = {reading(x), reading(y), 0, false};
	pthread_t thread;
	int i;

	s.target = (int)need(dup(s.x), "dup");
	start(&thread, swapper, &s);
	for (i = 0; i < TURNS; i++) {
		ssize_t n = pread(s.target, buffer, 1000, 0);

		got(n > 0 && buffer[0] == 'x' ? x : y, n);
	}
	__atomic_store_n(&s.done, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/* ---- the fd is closed during the call ---- */

static void two_fifos(void)
{
	need(mkfifo(in_dir("fifo"), 0600), "mkfifo");
}

static void *closer(void *with)
{
	const int *fds = with;

	usleep(100000);
	close(fds[0]);
	usleep(20000);
	if (write(fds[1], "hello", 5) != 5)
		fail("write to the fifo");
	return NULL;
}

static void close_during(void)
{
	struct object *o = object("pipe", in_dir("fifo"));
	int fds[2] = {opened(o, open(o->path[0], O_RDWR)), opened(o, open(o->path[0], O_WRONLY))};
	pthread_t thread;

	start(&thread, closer, fds);
	got(o, read(fds[0], buffer, 100));
	pthread_join(thread, NULL);
	count(o, WRITES, 1);
	count(o, WRITE_BYTES, 5);
}

/* ... and its number goes to another file before the call ends. */
static void *replacer(void *with)
{
	const int *fds = with;

	usleep(100000);
	need(dup2(fds[2], fds[0]), "dup2");
	usleep(20000);
	if (write(fds[1], "hello", 5) != 5)
		fail("write to the fifo");
	return NULL;
}

static void fifo_and_file(void)
{
	two_fifos();
	one_file();
}

static void replace_during(void)
{
	struct object *o = object("pipe", in_dir("fifo")), *a = file("a");
	int fds[3] = {opened(o, open(o->path[0], O_RDWR)), opened(o, open(o->path[0], O_WRONLY)), reading(a)};
	pthread_t thread;

	start(&thread, replacer, fds);
	got(o, read(fds[0], buffer, 100));
	pthread_join(thread, NULL);
	count(o, WRITES, 1);
	count(o, WRITE_BYTES, 5);
}

/* ---- a table of files shared by two processes ---- */

static long clone_sharing(unsigned long flags)
{
	return syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* The child opens, the parent reads: by one table, through one number. */
static void shared_table(void)
{
	struct process *p = process_new();
	struct object *o = file("a");
	pid_t pid;

	p->ppid = getpid();
	pid = (pid_t)need(clone_sharing(CLONE_FILES), "clone");
	if (!pid) {
		me = p;
		area->flag[0] = reading(file("a"));
		_exit(0);
	}
	p->pid = pid;
	reap(p);
	got(o, read(area->flag[0], buffer, 1000));
	got(o, read(area->flag[0], buffer, 1000));
}

/* Two processes with one address space, as vfork has it: the child reads and is gone at once. */
static void vfork_reads(void)
{
	struct object *mine = file("a");
	struct process *p = process_new(), *parent = me;
	pid_t pid;

	got(mine, read(reading(mine), buffer, 100));
	p->ppid = getpid();
	me = p;
	pid = vfork();
	if (!pid) {
		struct object *o = file("a");

		got(o, read(reading(o), buffer, 300));
		_exit(0);
	}
	me = parent;
	p->pid = (pid_t)need(pid, "vfork");
	reap(p);
}

/* ---- exec while another thread is in a call ---- */

static void *blocked(void *with)
{
	char byte;

	return read(*(int *)with, &byte, 1) < 0 ? NULL : with;
}

static void exec_during_body(void *with)
{
	struct object *o = object("pipe", in_dir("fifo")), *a = file("a");
	int fd = opened(o, open(o->path[0], O_RDWR | O_CLOEXEC)), file_fd = opened(a, open(a->path[0], O_RDONLY));
	pthread_t thread;

	(void)with;
	got(a, read(file_fd, buffer, 10));
	start(&thread, blocked, &fd);
	usleep(50000);
	exec_again(act_program, text("%d %lu", file_fd, (unsigned long)a));
}

static void exec_during(void)
{
	reap(spawn(exec_during_body, NULL));
}

static void exec_during_again(int argc, char **argv)
{
	unsigned long at;
	int fd;

	if (argc != 1 || sscanf(argv[0], "%d %lu", &fd, &at) != 2)
		exit(2);
	got((struct object *)at, read(fd, buffer, sizeof(buffer)));
}

/* ---- a pid comes again ---- */

static void read_some(size_t size)
{
	struct object *o = file("a");
	int fd = reading(o);

	got(o, read(fd, buffer, size));
	close(fd);
}

static void first_body(void *with)
{
	(void)with;
	read_some(100);
}

/* Asks the kernel for a certain pid. */
static pid_t fork_as(pid_t *wanted)
{
	struct clone_args how = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)wanted, .set_tid_size = 1};

	return (pid_t)syscall(SYS_clone3, &how, sizeof(how));
}

static void pid_reuse(void)
{
	struct process *first = spawn(first_body, NULL), *second;
	pid_t pid;

	reap(first);
	second = process_new();
	second->ppid = getpid();
	pid = fork_as(&first->pid);
	if (pid < 0)
		skip("clone3 with set_tid: %s (needs Linux 5.5)", strerror(errno));
	if (!pid) {
		me = second;
		read_some(2000);
		_exit(0);
	}
	second->pid = pid;
	reap(second);
}

/* ---- an inode comes again ---- */

/* Made, read and deleted, a hundred times: on most file systems it is one inode number all along. */
static void inode_reuse(void)
{
	struct object *sum = object("sum", act_dir);
	int i;

	for (i = 0; i < 100; i++) {
		char path[PATH_MAX];
		int fd;

		snprintf(path, sizeof(path), "%s/made-%d", act_dir, i);
		fd = opened(sum, open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
		put(sum, write(fd, buffer, 10));
		got(sum, pread(fd, buffer, 100, 0));
		close(fd);
		need(unlink(path), "unlink");
	}
	sum->ino = 100;
}

static const struct act acts[] = {
	{"dup-swap", NULL, dup_swap, two_letters, NULL, "tracepoint:misattributed", "another thread"},
	{"close-during", NULL, close_during, two_fifos, NULL, "tracepoint:lower", "another thread"},
	{"replace-during", NULL, replace_during, fifo_and_file, NULL, "tracepoint:misattributed", "another thread"},
	{"shared-table", NULL, shared_table, one_file},
	{"vfork-reads", NULL, vfork_reads, one_file},
	{"exec-during", NULL, exec_during, fifo_and_file, exec_during_again},
	{"pid-reuse", "Linux 5.5", pid_reuse, one_file},
	{"inode-reuse", NULL, inode_reuse},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
