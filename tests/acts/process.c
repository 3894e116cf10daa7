/* Processes and threads: who reads, and how the open file came to him. */
#include "act.h"

#include <spawn.h>
#include <sys/sendfile.h>
#include <sys/un.h>

#define SIZE 5000
#define THREADS 8
#define TURNS 2000

static char buffer[65536];

static void one_file(void)
{
	make_file("a", SIZE);
}

static void eight_files(void)
{
	int i;

	for (i = 0; i < THREADS; i++)
		make_file(text("%d", i), SIZE + (size_t)i);
}

/* DIR/program, this very program, and DIR/script that is run by it */
static void a_program(void)
{
	int from = (int)need(open(act_program, O_RDONLY | O_CLOEXEC), act_program), to;
	const char *line = text("#!%s/program --nothing\n", act_dir);

	one_file();
	to = (int)need(open(in_dir("program"), O_WRONLY | O_CREAT | O_CLOEXEC, 0755), "program");
	while (need(sendfile(to, from, NULL, 1 << 20), "copy of the program"))
		;
	close(to);
	close(from);
	to = (int)need(open(in_dir("script"), O_WRONLY | O_CREAT | O_CLOEXEC, 0755), "script");
	need(write(to, line, strlen(line)), "script");
	close(to);
}

static int reading(struct object *o)
{
	return opened(o, open(o->path[0], O_RDONLY));
}

static void open_and_read(void *name)
{
	struct object *o = file(name);
	int fd = reading(o);

	while (got(o, read(fd, buffer, 1000)))
		;
	close(fd);
}

static char *name_a(void)
{
	return (char *)(uintptr_t)keep("a");
}

/* ---- children ---- */

static void fork_one(void)
{
	open_and_read(name_a());
	reap(spawn(open_and_read, name_a()));
}

static void fork_inherited_body(void *with)
{
	struct object *o = came(file("a"), "inherited");
	int fd = *(int *)with;

	got(o, read(fd, buffer, 700));
}

/* The child shares the offset, and never opened anything. */
static void fork_inherited(void)
{
	struct object *o = file("a");
	int fd = reading(o);

	got(o, read(fd, buffer, 100));
	reap(spawn(fork_inherited_body, &fd));
	got(o, read(fd, buffer, sizeof(buffer)));
	close(fd);
}

static void generations_body(void *with)
{
	int left = *(int *)with - 1;

	open_and_read(name_a());
	if (left)
		reap(spawn(generations_body, &left));
}

static void generations(void)
{
	int depth = 10;

	reap(spawn(generations_body, &depth));
}

static void orphan_body(void *with)
{
	prctl(PR_SET_PDEATHSIG, 0);
	raise_flag(2);
	await_flag(0);
	open_and_read(with);
	raise_flag(1);
}

static void orphan_parent(void *with)
{
	spawn(orphan_body, with);
	await_flag(2); /* until then the child would die with us */
}

/* A daemon's way: the parent is gone before the child does its work. */
static void orphan(void)
{
	reap(spawn(orphan_parent, name_a()));
	raise_flag(0);
	await_flag(1);
	usleep(20000);
}

static void vfork_exec(void)
{
	struct process *p = process_new();
	char *argv[] = {(char *)in_dir("program"), (char *)"--nothing", NULL};
	struct process *parent = me;
	pid_t pid = vfork();

	if (!pid) {
		execv(argv[0], argv);
		_exit(2);
	}
	p->ppid = getpid();
	p->pid = (pid_t)need(pid, "vfork");
	me = p;
	came(object("file", argv[0]), "executed")->unsaid = ~0U;
	me = parent;
	reap(p);
}

/* ---- exec ---- */

static void exec_inherited(void)
{
	struct object *o = file("a");
	char extra[64];
	int fd = reading(o);

	got(o, read(fd, buffer, 100));
	snprintf(extra, sizeof(extra), "%d %lu", fd, (unsigned long)o);
	exec_again(act_program, extra);
}

/* The same process after the exec, with the same object. */
static void exec_inherited_again(int argc, char **argv)
{
	struct object *o;
	unsigned long at;
	int fd;

	if (argc != 1 || sscanf(argv[0], "%d %lu", &fd, &at) != 2)
		exit(2);
	o = (struct object *)at;
	got(o, read(fd, buffer, sizeof(buffer)));
	truth_print(area);
}

static void child_exec_body(void *with)
{
	struct object *o = came(file("a"), "inherited");
	char extra[64];

	snprintf(extra, sizeof(extra), "%d %lu", *(int *)with, (unsigned long)o);
	exec_again(act_program, extra);
}

static void child_exec(void)
{
	struct object *o = file("a");
	int fd = reading(o);

	reap(spawn(child_exec_body, &fd));
	close(fd);
}

static void child_exec_again(int argc, char **argv)
{
	struct object *o;
	unsigned long at;
	int fd;

	if (argc != 1 || sscanf(argv[0], "%d %lu", &fd, &at) != 2)
		exit(2);
	o = (struct object *)at;
	while (got(o, read(fd, buffer, 1500)))
		;
}

static void stdin_body(void *with)
{
	struct object *o = came(file("a"), "inherited");
	char extra[64];

	need(dup2(*(int *)with, 0), "dup2");
	snprintf(extra, sizeof(extra), "0 %lu", (unsigned long)o);
	exec_again(act_program, extra);
}

static void exec_stdin(void)
{
	struct object *o = file("a");
	int fd = opened(o, open(o->path[0], O_RDONLY | O_CLOEXEC));

	reap(spawn(stdin_body, &fd));
	close(fd);
}

static void execute(const char *name)
{
	execl(in_dir(name), in_dir(name), "--nothing", (char *)NULL);
	fail("exec");
}

static void executed_body(void *with)
{
	came(file("program"), "executed")->unsaid = ~0U;
	execute(with);
}

static void executed(void)
{
	reap(spawn(executed_body, (void *)"program"));
}

static void script_body(void *with)
{
	optional(file("script"));
	executed_body(with);
}

static void executed_script(void)
{
	reap(spawn(script_body, (void *)"script"));
}

static void exec_chain_body(void *with)
{
	(void)with;
	open_and_read(name_a());
	came(file("program"), "executed")->unsaid = ~0U;
	exec_again(in_dir("program"), "5");
}

static void exec_chain(void)
{
	reap(spawn(exec_chain_body, NULL));
}

/* Five programs after each other in one process: all that they do is that one process's. */
static void exec_chain_again(int argc, char **argv)
{
	int left = argc == 1 ? atoi(argv[0]) - 1 : 0;
	struct object *o = me->objects;
	int fd;

	while (o && strcmp(o->path[0], in_dir("a")))
		o = o->next;
	if (!o)
		exit(2);
	fd = reading(o);
	got(o, read(fd, buffer, 10));
	close(fd);
	if (left > 0)
		exec_again(in_dir("program"), text("%d", left));
}

static void exec_failing(void)
{
	struct object *o = file("a");
	int fd;

	if (!execl(in_dir("missing"), "missing", (char *)NULL))
		exit(2);
	fd = reading(o);
	got(o, read(fd, buffer, 100));
	close(fd);
}

/* ---- the same open file by other numbers ---- */

static void dup_all(void)
{
	struct object *o = file("a");
	int fd = reading(o), i, copies[4];

	copies[0] = (int)need(syscall(SYS_dup, fd), "dup");
	copies[1] = (int)need(syscall(SYS_dup2, fd, 200), "dup2");
	copies[2] = (int)need(syscall(SYS_dup3, fd, 201, O_CLOEXEC), "dup3");
	copies[3] = (int)need(fcntl(fd, F_DUPFD, 300), "F_DUPFD");
	close(fd);
	for (i = 0; i < 4; i++)
		got(o, read(copies[i], buffer, 100 + (size_t)i));
}

static void dup_stdin(void)
{
	struct object *o = file("a");
	int fd = reading(o);

	need(dup2(fd, 0), "dup2");
	close(fd);
	got(o, read(0, buffer, sizeof(buffer)));
}

/* ---- threads ---- */

struct task {
	pthread_t thread;
	struct object *object;
	int fd, number;
};

static void *thread_file(void *with)
{
	struct task *t = with;
	struct object *o = file(text("%d", t->number));
	int fd = reading(o), i;

	for (i = 0; i < TURNS; i++)
		got(o, pread(fd, (char[256]){0}, (size_t)(10 + t->number), i % SIZE));
	close(fd);
	return NULL;
}

static void *thread_same(void *with)
{
	struct task *t = with;
	int i;

	for (i = 0; i < TURNS; i++)
		got(t->object, pread(t->fd, (char[256]){0}, (size_t)(10 + t->number), i % SIZE));
	return NULL;
}

static void run_threads(void *(*body)(void *), struct object *o, int fd)
{
	struct task tasks[THREADS];
	int i;

	for (i = 0; i < THREADS; i++) {
		tasks[i] = (struct task){.object = o, .fd = fd, .number = i};
		errno = pthread_create(&tasks[i].thread, NULL, body, &tasks[i]);
		if (errno)
			fail("pthread_create");
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(tasks[i].thread, NULL);
}

static void threads_files(void)
{
	run_threads(thread_file, NULL, -1);
}

static void threads_file(void)
{
	struct object *o = file("a");
	int fd = reading(o);

	run_threads(thread_same, o, fd);
	close(fd);
}

static void *thread_exec(void *with)
{
	(void)with;
	open_and_read(name_a());
	came(file("program"), "executed")->unsaid = ~0U;
	execute("program");
	return NULL;
}

/* The thread that execs takes the place, and the pid, of the whole process. */
static void thread_exec_body(void *with)
{
	struct task *other = with;

	errno = pthread_create(&other->thread, NULL, thread_exec, NULL);
	if (errno)
		fail("pthread_create");
	pause();
}

static void exec_by_thread(void)
{
	struct task other;

	reap(spawn(thread_exec_body, &other));
}

static void *thread_outlives(void *with)
{
	(void)with;
	usleep(50000);
	open_and_read(name_a());
	_exit(0);
}

/* The first thread ends; the process lives on in another. */
static void leader_gone_body(void *with)
{
	pthread_t thread;

	(void)with;
	errno = pthread_create(&thread, NULL, thread_outlives, NULL);
	if (errno)
		fail("pthread_create");
	syscall(SYS_exit, 0);
}

static void leader_gone(void)
{
	reap(spawn(leader_gone_body, NULL));
}

/* ---- one that is not ours, until we hand it data ---- */

static struct sockaddr_un stranger_address(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", act_dir);
	return a;
}

/* Waits for a byte; what it does before is nobody's business. */
static void __attribute__((noreturn)) stranger(int listener)
{
	char path[PATH_MAX];
	int fd;

	alarm(600); /* the programs may take minutes to load in a virtual machine */
	snprintf(path, sizeof(path), "%s/a", act_dir);
	close(open(path, O_RDONLY));
	fd = accept(listener, NULL, NULL);
	close(listener);
	if (read(fd, buffer, sizeof(buffer)) > 0) {
		int in = open(path, O_RDONLY);

		if (read(in, buffer, 3000) < 0)
			_exit(1);
		close(in);
	}
	_exit(0);
}

static void start_stranger(void)
{
	struct sockaddr_un a = stranger_address();
	int listener = (int)need(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), i;
	pid_t pid;

	one_file();
	need(bind(listener, (struct sockaddr *)&a, sizeof(a)), "bind");
	need(listen(listener, 1), "listen");
	pid = (pid_t)need(fork(), "fork");
	if (pid)
		return;
	setsid();
	need(listen(listener, 1), "listen"); /* the peer is who listened last */
	for (i = 0; i < 3; i++)
		dup2((int)need(open("/dev/null", O_RDWR), "/dev/null"), i);
	stranger(listener);
}

static pid_t parent_of(pid_t pid)
{
	char path[64], line[512] = "";
	const char *after;
	int parent = 0, fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = (int)need(open(path, O_RDONLY | O_CLOEXEC), path);
	need(read(fd, line, sizeof(line) - 1), path);
	close(fd);
	after = strrchr(line, ')');
	if (!after || sscanf(after + 1, " %*c %d", &parent) != 1)
		fail(path);
	return parent;
}

static void followed(void)
{
	struct sockaddr_un a = stranger_address();
	struct process *mine = me, *p;
	struct flow *f = flow("unix", NULL, "out", a.sun_path);
	struct ucred peer;
	socklen_t length = sizeof(peer);
	struct object *o;
	int fd = (int)need(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	need(connect(fd, (struct sockaddr *)&a, sizeof(a)), "connect");
	need(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length), "SO_PEERCRED");
	f->peer = peer.pid;
	p = process_new();
	p->pid = peer.pid;
	p->ppid = parent_of(peer.pid);
	sent(f, send(fd, buffer, 1000, 0));
	received(f, recv(fd, buffer, sizeof(buffer), 0)); /* its end */
	me = p;
	received(flow("unix", NULL, NULL, NULL), 1000);
	o = file("a");
	count(o, OPENS, 1);
	came(o, "opened");
	got(o, 3000);
	me = mine;
}

static const struct act acts[] = {
	{"fork", NULL, fork_one, one_file},
	{"fork-inherited", NULL, fork_inherited, one_file},
	{"generations", NULL, generations, one_file},
	{"orphan", NULL, orphan, one_file},
	{"vfork-exec", NULL, vfork_exec, a_program},
	{"exec-inherited", NULL, exec_inherited, one_file, exec_inherited_again},
	{"child-exec-inherited", NULL, child_exec, one_file, child_exec_again},
	{"exec-stdin", NULL, exec_stdin, one_file, child_exec_again},
	{"executed", NULL, executed, a_program},
	{"executed-script", NULL, executed_script, a_program},
	{"exec-chain", NULL, exec_chain, a_program, exec_chain_again},
	{"exec-failing", NULL, exec_failing, one_file},
	{"dup", NULL, dup_all, one_file},
	{"dup-stdin", NULL, dup_stdin, one_file},
	{"threads-files", NULL, threads_files, eight_files},
	{"threads-file", NULL, threads_file, one_file},
	{"thread-exec", NULL, exec_by_thread, a_program},
	{"leader-gone", NULL, leader_gone, one_file},
	{"followed", NULL, followed, start_stranger, .options = "--follow-ipc"},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
