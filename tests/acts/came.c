/* How the open file came: handed over by another process, by the kernel, or opened by something other than a path. */
#include "act.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#define SIZE 5000

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#define OPEN_TREE_COPY 1 /* OPEN_TREE_CLONE of linux/mount.h, which clashes with sys/mount.h of newer libraries */
#define CONFIG_CREATE 6	 /* FSCONFIG_CMD_CREATE */

static char buffer[65536];

static void one_file(void)
{
	make_file("a", SIZE);
}

static void one_program(void)
{
	one_file();
	need(chmod(in_dir("a"), 0755), "chmod");
}

static void sub_file(void)
{
	need(mkdir(in_dir("sub"), 0755), "mkdir");
	make_file("sub/a", SIZE);
}

static int reading(struct object *o)
{
	return opened(o, open(o->path[0], O_RDONLY | O_CLOEXEC));
}

static void read_all(struct object *o, int fd)
{
	got(o, read(fd, buffer, 4000));
	got(o, read(fd, buffer, sizeof(buffer)));
	close(fd);
}

/* ---- other ways to open ---- */

static void by_handle(void)
{
	struct object *o = file("a"), *dir = object("dir", act_dir);
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} h = {.handle.handle_bytes = MAX_HANDLE_SZ};
	int mount_id, mount_fd;

	need(name_to_handle_at(AT_FDCWD, o->path[0], &h.handle, &mount_id, 0), "name_to_handle_at");
	mount_fd = opened(dir, open(act_dir, O_RDONLY | O_DIRECTORY));
	read_all(o, opened(o, open_by_handle_at(mount_fd, &h.handle, O_RDONLY)));
}

static void temporary(void)
{
	int fd = (int)need(open(act_dir, O_TMPFILE | O_RDWR, 0600), "O_TMPFILE");
	struct object *o = file("linked");

	identified(o, fd);
	alias(o, text("%s/#%" PRIu64, act_dir, o->ino));
	opened(o, fd);
	put(o, write(fd, buffer, 3000));
	need(linkat(AT_FDCWD, text("/proc/self/fd/%d", fd), AT_FDCWD, in_dir("linked"), AT_SYMLINK_FOLLOW), "linkat");
	got(o, pread(fd, buffer, 1000, 0));
	close(fd);
	read_all(o, opened(o, open(in_dir("linked"), O_RDONLY)));
}

static void reopened(void)
{
	struct object *o = file("a");
	int fd = opened(o, open(o->path[0], O_PATH));

	read_all(o, opened(o, open(text("/proc/self/fd/%d", fd), O_RDONLY)));
	close(fd);
}

static void through_root(void)
{
	struct object *o = file("a");

	read_all(o, opened(o, open(text("/proc/%d/root%s/a", getpid(), act_dir), O_RDONLY)));
}

static void elsewhere(void *with)
{
	(void)with;
	need(chroot(act_dir), "chroot");
	raise_flag(0);
	await_flag(1);
}

/* The root of another process, which has one of its own. */
static void through_other_root(void)
{
	struct object *o = file("a");
	struct process *p = spawn(elsewhere, NULL);

	await_flag(0);
	read_all(o, opened(o, open(text("/proc/%d/root/a", p->pid), O_RDONLY)));
	raise_flag(1);
	reap(p);
}

static void holder(void *with)
{
	struct object *o = file("a");

	(void)with;
	area->flag[2] = reading(o);
	raise_flag(0);
	await_flag(1);
}

/* The link in /proc of another process: opened anew, by this one. */
static void through_fd(void)
{
	struct object *o = file("a");
	struct process *p = spawn(holder, NULL);

	await_flag(0);
	read_all(o, opened(o, open(text("/proc/%d/fd/%d", p->pid, area->flag[2]), O_RDONLY)));
	raise_flag(1);
	reap(p);
}

/* A file system that hangs nowhere has no path but the one from its own root. */
static void detached_new(void)
{
	struct object *o = alias(object("file", "/a"), "a");
	int context = (int)need(syscall(SYS_fsopen, "tmpfs", 0), "fsopen"), mounted, fd;

	need(syscall(SYS_fsconfig, context, CONFIG_CREATE, NULL, NULL, 0), "fsconfig");
	mounted = (int)need(syscall(SYS_fsmount, context, 0, 0), "fsmount");
	fd = opened(o, openat(mounted, "a", O_RDWR | O_CREAT, 0600));
	put(o, write(fd, buffer, 3000));
	got(o, pread(fd, buffer, 1000, 0));
	close(fd);
}

static void detached_tree(void)
{
	struct object *o = file("sub/a");
	int tree;

	o->view = "/a"; /* in a mount namespace of its own, of which the tree is all */
	optional(object("dir", in_dir("sub")));
	tree = (int)need(syscall(SYS_open_tree, AT_FDCWD, in_dir("sub"), OPEN_TREE_COPY), "open_tree");
	read_all(o, opened(o, openat(tree, "a", O_RDONLY)));
	close(tree);
}

/* ---- handed over ---- */

static void send_fd(int to, int fd, const struct object *o)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {buffer, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	struct flow *f = flow("unix", NULL, NULL, NULL);

	memset(&control, 0, sizeof(control));
	control.head = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	sent(f, sendmsg(to, &message, 0));
	handed(o, f);
}

static int receive_fd(int from, int flags)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {buffer, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	int fd = -1;
	ssize_t n = need(recvmsg(from, &message, flags | MSG_CMSG_CLOEXEC), "recvmsg");

	if (!(flags & MSG_PEEK))
		received(flow("unix", NULL, NULL, NULL), n);
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return fd;
}

static void rights_body(void *with)
{
	struct object *o = given_by(came(file("a"), "received"), getppid());

	read_all(o, receive_fd(((int *)with)[1], 0));
}

static void rights(void)
{
	struct object *o = file("a");
	struct process *p;
	int pair[2];

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	p = spawn(rights_body, pair);
	send_fd(pair[0], reading(o), o);
	reap(p);
}

static void connect_and_send(void *with)
{
	struct sockaddr_un *at = with;
	struct object *o = file("a");
	int fd = (int)need(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	need(connect(fd, (struct sockaddr *)at, sizeof(*at)), "connect");
	send_fd(fd, reading(o), o);
}

/* One file of several processes. */
static void rights_of(struct object *o, int givers)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int listener = (int)need(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"), fd, i;
	struct process *p;

	memcpy(at.sun_path + 1, &(pid_t){getpid()}, sizeof(pid_t));
	need(bind(listener, (struct sockaddr *)&at, sizeof(at)), "bind");
	need(listen(listener, 1), "listen");
	for (i = 0; i < givers; i++) {
		p = spawn(connect_and_send, &at);
		fd = (int)need(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept4");
		given_by(o, p->pid);
		read_all(o, receive_fd(fd, 0));
		close(fd);
		reap(p);
	}
}

static void rights_of_two(void)
{
	rights_of(came(file("a"), "received"), 2);
}

/* More of them than the kernel side keeps of one second: then it says so. */
static void rights_of_five(void)
{
	rights_of(given_by_others(came(file("a"), "received")), 5);
}

/* ---- over a pair that the sender did not make ---- */

static void send_own(void *with)
{
	struct object *o = file("a");

	send_fd(((int *)with)[0], reading(o), o);
}

/* Of so many children of this process, which made the pair. */
static struct object *sent_by_children(int pair[2], struct process *children[], int count)
{
	struct object *o = noted(came(file("a"), "received"), getpid());
	int i;

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	for (i = 0; i < count; i++) {
		children[i] = spawn(send_own, pair);
		given_by(o, children[i]->pid);
	}
	return o;
}

static void rights_of_child(void)
{
	struct process *child;
	int pair[2];
	struct object *o = sent_by_children(pair, &child, 1);

	read_all(o, receive_fd(pair[1], 0));
	reap(child);
}

/* A look at the message gives descriptors of its own, and leaves it there. */
static void rights_peeked(void)
{
	struct process *child;
	int pair[2];
	struct object *o = sent_by_children(pair, &child, 1);

	read_all(o, receive_fd(pair[1], MSG_PEEK));
	read_all(o, receive_fd(pair[1], 0));
	reap(child);
}

/* Messages of two in one call. */
static void rights_at_once(void)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control[2];
	struct iovec part = {buffer, 1};
	struct mmsghdr messages[2];
	struct process *children[2];
	int pair[2], i, fd;
	struct object *o = sent_by_children(pair, children, 2);

	for (i = 0; i < 2; i++)
		messages[i].msg_hdr = (struct msghdr){
			.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control[i], .msg_controllen = sizeof(control[i])};
	if (need(recvmmsg(pair[1], messages, 2, MSG_CMSG_CLOEXEC, NULL), "recvmmsg") != 2)
		fail("recvmmsg: not both messages");
	received(flow("unix", NULL, NULL, NULL), 2);
	for (i = 0; i < 2; i++) {
		memcpy(&fd, CMSG_DATA(&control[i].head), sizeof(fd));
		read_all(o, fd);
		reap(children[i]);
	}
}

static void taken(void)
{
	struct process *p = spawn(holder, NULL);
	struct object *o = given_by(came(file("a"), "pidfd"), p->pid);
	int pidfd;

	await_flag(0);
	pidfd = (int)need(syscall(SYS_pidfd_open, p->pid, 0), "pidfd_open");
	read_all(o, (int)need(syscall(SYS_pidfd_getfd, pidfd, area->flag[2], 0), "pidfd_getfd"));
	raise_flag(1);
	reap(p);
}

/* ---- given by fanotify ---- */

static void toucher(void *with)
{
	struct object *o = file("a");

	(void)with;
	await_flag(0);
	read_all(o, reading(o));
	raise_flag(1);
	await_flag(2);
}

static int watch(unsigned class, uint64_t mask)
{
	int fd = (int)need(fanotify_init(class | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC), "fanotify_init");

	need(fanotify_mark(fd, FAN_MARK_ADD, mask, AT_FDCWD, in_dir("a")), "fanotify_mark");
	return fd;
}

static struct fanotify_event_metadata next_event(int fd)
{
	struct fanotify_event_metadata event;

	need(read(fd, &event, sizeof(event)), "fanotify event");
	return event;
}

/* What clamonacc does: a file that this process never opened. */
static void fanotify_notified(void)
{
	struct process *p = spawn(toucher, NULL);
	struct object *o = told(given_by(came(file("a"), "fanotify"), p->pid), "close_nowrite");
	int fd = watch(FAN_CLASS_NOTIF, FAN_CLOSE_NOWRITE);

	raise_flag(0);
	await_flag(1);
	read_all(o, next_event(fd).fd);
	raise_flag(2);
	reap(p);
}

/* Accesses of two processes, in one read of the group. */
static void fanotify_several(void)
{
	struct process *p = spawn(toucher, NULL), *q = spawn(toucher, NULL);
	struct object *o = given_by(given_by(came(file("a"), "fanotify"), p->pid), q->pid);
	int fd = watch(FAN_CLASS_NOTIF, FAN_OPEN | FAN_ACCESS | FAN_CLOSE_NOWRITE);
	struct fanotify_event_metadata *event = (void *)buffer;
	long left;

	told(told(told(o, "open"), "access"), "close_nowrite");
	raise_flag(0);
	raise_flag(2);
	reap(p);
	reap(q);
	left = need(read(fd, buffer, sizeof(buffer)), "fanotify events");
	for (; FAN_EVENT_OK(event, left); event = FAN_EVENT_NEXT(event, left))
		close(event->fd);
	close(fd);
}

/* Opens, reads and executes it, as far as that goes with a text. */
static void asker(void *with)
{
	struct object *o = optional(file("a"));

	(void)with;
	await_flag(0);
	read_all(o, reading(o));
	execl(o->path[0], "a", NULL);
	raise_flag(1);
}

static void answer_event(struct object *o, int fd)
{
	struct fanotify_event_metadata event = next_event(fd);
	struct fanotify_response answer = {.fd = event.fd, .response = FAN_ALLOW};

	got(o, pread(event.fd, buffer, 100, 0));
	need(write(fd, &answer, sizeof(answer)), "fanotify answer");
	close(event.fd);
}

static void fanotify_asked(void)
{
	struct process *p = spawn(asker, NULL);
	struct object *o = told(given_by(came(file("a"), "fanotify"), p->pid), "open_perm");
	struct pollfd asked = {.fd = watch(FAN_CLASS_CONTENT, FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM), .events = POLLIN};

	told(told(o, "access_perm"), "open_exec_perm");
	raise_flag(0);
	while (!__atomic_load_n(&area->flag[1], __ATOMIC_ACQUIRE))
		if (need(poll(&asked, 1, 10), "poll"))
			answer_event(o, asked.fd);
	close(asked.fd);
	reap(p);
}

/* Listeners that ask for threads are given no process. */
static void fanotify_threads(void)
{
	struct process *p = spawn(toucher, NULL);
	struct object *o = told(given_by_others(came(file("a"), "fanotify")), "close_nowrite");
	int fd = watch(FAN_CLASS_NOTIF | FAN_REPORT_TID, FAN_CLOSE_NOWRITE);

	raise_flag(0);
	await_flag(1);
	read_all(o, next_event(fd).fd);
	raise_flag(2);
	reap(p);
}

/* The event's fd goes on to another process, as `clamonacc --fdpass` does with clamd. */
static void fanotify_passed(void)
{
	struct process *p = spawn(toucher, NULL), *q;
	int fd = watch(FAN_CLASS_NOTIF, FAN_CLOSE_NOWRITE), pair[2];

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	q = spawn(rights_body, pair);
	raise_flag(0);
	await_flag(1);
	send_fd(pair[0], next_event(fd).fd, optional(file("a")));
	reap(q);
	raise_flag(2);
	reap(p);
}

/* ---- put in by a seccomp listener ---- */

static int listener_on(int number)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {COUNT(code), code};

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	return (int)need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program),
		"seccomp listener");
}

/* Its open() is answered by another process, which puts a file of its own choice in: whether that is an open of this
 * process may be seen either way. */
static void supervised(void *with)
{
	struct object *o = unsaid(file("a"), OPENS);
	int fd;

	(void)with;
	area->flag[2] = listener_on(SYS_creat);
	raise_flag(0);
	fd = (int)syscall(SYS_creat, "/nowhere", 0600);
	if (fd < 0)
		fail("supervised open");
	read_all(o, fd);
}

static void seccomp_put(void)
{
	struct process *p = spawn(supervised, NULL);
	struct object *o = file("a");
	struct seccomp_notif asked = {0};
	struct seccomp_notif_resp answer = {0};
	struct seccomp_notif_addfd add = {0};
	int pidfd, listener;

	await_flag(0);
	pidfd = (int)need(syscall(SYS_pidfd_open, p->pid, 0), "pidfd_open");
	listener = (int)need(syscall(SYS_pidfd_getfd, pidfd, area->flag[2], 0), "pidfd_getfd");
	need(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked), "SECCOMP_IOCTL_NOTIF_RECV");
	add.id = answer.id = asked.id;
	add.srcfd = (uint32_t)reading(o);
	answer.val = need(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add), "SECCOMP_IOCTL_NOTIF_ADDFD");
	need(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer), "SECCOMP_IOCTL_NOTIF_SEND");
	reap(p);
}

#define NOT_THE_SENDER .may = "tracepoint:lower", .way = "who sent a file"

static const struct act acts[] = {
	{"open-by-handle-at", "a file system with handles", by_handle, one_file},
	{"tmpfile-linkat", "O_TMPFILE", temporary},
	{"path-reopened", NULL, reopened, one_file},
	{"proc-root", NULL, through_root, one_file},
	{"proc-root-other", NULL, through_other_root, one_file},
	{"proc-fd", NULL, through_fd, one_file},
	{"fsopen", "Linux 5.2", detached_new},
	{"open-tree", "Linux 5.2", detached_tree, sub_file},
	{"scm-rights", NULL, rights, one_file},
	{"scm-rights-two", NULL, rights_of_two, one_file},
	{"scm-rights-many", NULL, rights_of_five, one_file},
	{"scm-rights-child", NULL, rights_of_child, one_file, NOT_THE_SENDER},
	{"scm-rights-peek", NULL, rights_peeked, one_file, NOT_THE_SENDER},
	{"scm-rights-batch", NULL, rights_at_once, one_file, NOT_THE_SENDER},
	{"pidfd-getfd", "Linux 5.6", taken, one_file},
	{"fanotify", "fanotify", fanotify_notified, one_file},
	{"fanotify-permission", "CONFIG_FANOTIFY_ACCESS_PERMISSIONS", fanotify_asked, one_program},
	{"fanotify-several", "fanotify", fanotify_several, one_file},
	{"fanotify-threads", "Linux 4.20", fanotify_threads, one_file},
	{"fanotify-passed", "fanotify", fanotify_passed, one_file},
	{"seccomp-addfd", "Linux 5.9", seccomp_put, one_file},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
