/* 32-bit calls of the kinds that move.c does not make: changes, looks, sockets, messages. `int 0x80` of a 64-bit
 * program, and a 32-bit program of its own. */
#include "act.h"
#include "call32.h"
#include "socket.h"

#include <elf.h>

#define SIZE 10000

/* i386 numbers, arch/x86/entry/syscalls/syscall_32.tbl */
enum {
	I386_EXIT = 1,
	I386_LINK = 9,
	I386_UNLINK = 10,
	I386_CHMOD = 15,
	I386_ACCESS = 33,
	I386_RENAME = 38,
	I386_MKDIR = 39,
	I386_RMDIR = 40,
	I386_SYMLINK = 83,
	I386_SOCKETCALL = 102,
	I386_STAT64 = 195,
	I386_LSTAT64 = 196,
	I386_FSTAT64 = 197,
	I386_FSTATAT64 = 300,
	I386_RECVMMSG = 337,
	I386_SENDMMSG = 345,
	I386_CONNECT = 362,
	I386_ACCEPT4 = 364,
	I386_SENDTO = 369,
	I386_SENDMSG = 370,
	I386_RECVFROM = 371,
	I386_RECVMSG = 372,
	I386_STATX = 383
};

/* the calls of socketcall(), include/uapi/linux/net.h */
enum {
	OF_CONNECT = 3,
	OF_ACCEPT = 5,
	OF_SEND = 9,
	OF_RECV = 10,
	OF_SENDTO = 11,
	OF_RECVFROM = 12,
	OF_SENDMSG = 16,
	OF_RECVMSG = 17
};

static void prepare_file(void)
{
	want_int80();
	make_file("a", SIZE);
}

/* ---- changes ---- */

static void did(long result, const char *kind, const char *name, const char *to)
{
	need(result, kind);
	action(kind, in_dir(name), to ? in_dir(to) : NULL)->times = 1;
}

static void names(void)
{
	did(call32(I386_LINK, low_path(in_dir("a")), low_path(in_dir("linked")), 0, 0, 0), "link", "a", "linked");
	did(call32(I386_RENAME, low_path(in_dir("a")), low_path(in_dir("b")), 0, 0, 0), "rename", "a", "b");
	did(call32(I386_UNLINK, low_path(in_dir("b")), 0, 0, 0, 0), "unlink", "b", NULL);
	did(call32(I386_SYMLINK, low_path(in_dir("linked")), low_path(in_dir("link")), 0, 0, 0), "symlink", "link",
		"linked");
}

static void directories(void)
{
	did(call32(I386_MKDIR, low_path(in_dir("sub")), 0755, 0, 0, 0), "mkdir", "sub", NULL);
	did(call32(I386_RMDIR, low_path(in_dir("sub")), 0, 0, 0, 0), "rmdir", "sub", NULL);
	did(call32(I386_CHMOD, low_path(in_dir("a")), 0600, 0, 0, 0), "chmod", "a", NULL);
}

/* ---- looks ---- */

static void two_files(void)
{
	prepare_file();
	make_file("b", SIZE);
}

static void stats(void)
{
	struct object *o = object(NULL, in_dir("a")), *held = file("b"), *missing = object(NULL, in_dir("missing"));
	int fd = opened(held, open(held->path[0], O_RDONLY | O_CLOEXEC));

	need(call32(I386_STAT64, low_path(o->path[0]), low(buffer), 0, 0, 0), "stat64");
	need(call32(I386_LSTAT64, low_path(o->path[0]), low(buffer), 0, 0, 0), "lstat64");
	need(call32(I386_FSTATAT64, AT_FDCWD, low_path(o->path[0]), low(buffer), 0, 0), "fstatat64");
	need(call32(I386_STATX, AT_FDCWD, low_path(o->path[0]), 0, STATX_BASIC_STATS, low(buffer)), "statx");
	looked(o, 4);
	need(call32(I386_FSTAT64, fd, low(buffer), 0, 0, 0), "fstat64");
	looked(held, 1);
	if (call32(I386_ACCESS, low_path(missing->path[0]), R_OK, 0, 0, 0) != -1)
		fail("access to what is not there");
	looked(missing, 1);
}

/* ---- sockets ---- */

static long socketcall(int call, long a, long b, long c, long d, long e, long f)
{
	static uint32_t arguments[6];

	arguments[0] = (uint32_t)a;
	arguments[1] = (uint32_t)b;
	arguments[2] = (uint32_t)c;
	arguments[3] = (uint32_t)d;
	arguments[4] = (uint32_t)e;
	arguments[5] = (uint32_t)f;
	return call32(I386_SOCKETCALL, call, low(arguments), 0, 0, 0);
}

static long do_accept(int fd, bool direct)
{
	return direct ? call32(I386_ACCEPT4, fd, 0, 0, SOCK_CLOEXEC, 0) : socketcall(OF_ACCEPT, fd, 0, 0, 0, 0, 0);
}

static long do_connect(int fd, const union address *a, bool direct)
{
	long at = low(a), length = size_of(a);

	return direct ? call32(I386_CONNECT, fd, at, length, 0, 0) : socketcall(OF_CONNECT, fd, at, length, 0, 0, 0);
}

static long do_send(int fd, long size, const union address *a, bool direct)
{
	long at = a ? low(a) : 0, length = a ? size_of(a) : 0;

	if (direct)
		return call32_six(I386_SENDTO, fd, low(buffer), size, 0, at, length);
	return socketcall(a ? OF_SENDTO : OF_SEND, fd, low(buffer), size, 0, at, length);
}

static long do_receive(int fd, union address *a, bool direct)
{
	static uint32_t length;
	long at = a ? low(a) : 0, at_length = a ? low(&length) : 0;

	length = sizeof(*a);
	if (direct)
		return call32_six(I386_RECVFROM, fd, low(buffer), sizeof(buffer), 0, at, at_length);
	return socketcall(a ? OF_RECVFROM : OF_RECV, fd, low(buffer), sizeof(buffer), 0, at, at_length);
}

struct way {
	int listener;
	bool direct;
};

static void server(void *with)
{
	const struct way *way = with;
	union address from;
	socklen_t length = sizeof(from);
	struct end e = {.fd = (int)need(do_accept(way->listener, way->direct), "accept")};

	need(getpeername(e.fd, &from.any, &length), "getpeername");
	e.flow = near_end(flow("inet", "tcp", "in", shown(&from)), e.fd);
	received(e.flow, do_receive(e.fd, NULL, way->direct));
	sent(e.flow, do_send(e.fd, 300, NULL, way->direct));
}

static void stream(bool direct)
{
	static union address a;
	struct way way = {.direct = direct};
	struct process *p;
	struct end e;

	a = loopback(AF_INET);
	way.listener = listening(&a);
	p = spawn(server, &way);
	e = (struct end){new_socket(AF_INET, SOCK_STREAM), flow("inet", "tcp", "out", shown(&a))};
	need(do_connect(e.fd, &a, direct), "connect");
	near_end(e.flow, e.fd);
	sent(e.flow, do_send(e.fd, 2000, NULL, direct));
	received(e.flow, do_receive(e.fd, NULL, direct));
	reap(p);
}

static void tcp_direct(void)
{
	stream(true);
}

static void tcp_call(void)
{
	stream(false);
}

/* struct compat_msghdr and compat_mmsghdr, include/net/compat.h */
struct message {
	uint32_t name, name_length, vectors, vectors_n, control, control_length, flags;
};

struct messages {
	struct message message;
	uint32_t length;
};

/* One vector: so many bytes of the buffer. */
static struct message message_of(uint32_t size, const union address *a)
{
	static struct {
		uint32_t at, length;
	} parts[8];
	static unsigned next;
	unsigned i = next++ % COUNT(parts);

	parts[i].at = (uint32_t)low(buffer);
	parts[i].length = size;
	return (struct message){.name = a ? (uint32_t)low(a) : 0,
		.name_length = a ? size_of(a) : 0,
		.vectors = (uint32_t)low(&parts[i]),
		.vectors_n = 1};
}

static long do_message(int fd, struct message *m, bool sends, bool direct)
{
	if (direct)
		return call32(sends ? I386_SENDMSG : I386_RECVMSG, fd, low(m), 0, 0, 0);
	return socketcall(sends ? OF_SENDMSG : OF_RECVMSG, fd, low(m), 0, 0, 0, 0);
}

/* Neither socket is connected: each call says where to, or from where. */
static void datagrams(bool direct)
{
	static union address a, b, from;
	static struct message m;
	int there, here;
	struct flow *out, *in;

	a = loopback(AF_INET);
	b = loopback(AF_INET);
	there = bound(&a, SOCK_DGRAM);
	here = bound(&b, SOCK_DGRAM);
	out = near_end(flow("inet", "udp", "out", shown(&a)), here);
	in = near_end(flow("inet", "udp", NULL, shown(&b)), there);
	sent(out, do_send(here, 700, &a, direct));
	received(in, do_receive(there, &from, direct));
	m = message_of(400, &a);
	sent(out, do_message(here, &m, true, direct));
	from.any.sa_family = AF_INET;
	m = message_of(5000, &from);
	received(in, do_message(there, &m, false, direct));
}

static void udp_direct(void)
{
	datagrams(true);
}

static void udp_call(void)
{
	datagrams(false);
}

static void new_pair(struct flow **near, struct flow **far, int fds[2])
{
	need(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), "socketpair");
	*near = flow("unix", NULL, NULL, NULL);
	*far = flow("unix", NULL, NULL, NULL);
}

static void many_messages(void)
{
	static struct messages two[2];
	struct flow *near, *far;
	int fds[2];

	new_pair(&near, &far, fds);
	two[0].message = message_of(100, NULL);
	two[1].message = message_of(250, NULL);
	if (need(call32(I386_SENDMMSG, fds[0], low(two), 2, 0, 0), "sendmmsg") != 2)
		skip("sendmmsg sent fewer");
	sent(near, two[0].length + two[1].length);
	two[0].message = message_of(1000, NULL);
	two[1].message = message_of(1000, NULL);
	if (need(call32(I386_RECVMMSG, fds[1], low(two), 2, 0, 0), "recvmmsg") != 2)
		skip("recvmmsg received fewer");
	received(far, two[0].length + two[1].length);
}

/* Sent in 64 bits, taken in 32. */
static void rights(void)
{
	static struct {
		uint32_t length;
		int32_t level, type, fd;
	} narrow;
	static struct message m;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec part = {buffer, 1};
	struct msghdr wide = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	struct object *o = given_by(came(file("a"), "received"), getpid());
	struct flow *near, *far;
	int fds[2];

	new_pair(&near, &far, fds);
	*(int *)CMSG_DATA(&control.head) = opened(o, open(o->path[0], O_RDONLY | O_CLOEXEC));
	sent(near, sendmsg(fds[0], &wide, 0));
	handed(o, near);
	m = message_of(1, NULL);
	m.control = (uint32_t)low(&narrow);
	m.control_length = sizeof(narrow);
	received(far, do_message(fds[1], &m, false, true));
	if (narrow.type != SCM_RIGHTS)
		skip("no descriptor came");
	got(o, read(narrow.fd, buffer, 1000));
}

/* ---- a program of its own ---- */

#define START 0x08048000U

/* Its data first, so that their addresses are known; then the code. */
struct program {
	Elf32_Ehdr head;
	Elf32_Phdr segment;
	char data[256];
	unsigned char code[512];
};

static struct program program;
static unsigned data_n, code_n;

static uint32_t text32(const char *text)
{
	unsigned at = data_n;

	strcpy(program.data + at, text);
	data_n += (unsigned)strlen(text) + 1;
	return START + (uint32_t)offsetof(struct program, data) + at;
}

static void emit(unsigned char op, uint32_t value)
{
	program.code[code_n++] = op;
	memcpy(program.code + code_n, &value, sizeof(value));
	code_n += sizeof(value);
}

/* mov eax, NUMBER; mov ebx, A; mov ecx, B; mov edx, C; int 0x80; or ebp, eax: a negative result sets its sign for good
 */
static void emit_call(uint32_t number, uint32_t a, uint32_t b, uint32_t c)
{
	static const unsigned char rest[] = {0xcd, 0x80, 0x09, 0xc5};

	emit(0xb8, number);
	emit(0xbb, a);
	emit(0xb9, b);
	emit(0xba, c);
	memcpy(program.code + code_n, rest, sizeof(rest));
	code_n += sizeof(rest);
}

static void write_program(void)
{
	/* mov ebx, ebp; shr ebx, 31; mov eax, exit; int 0x80 */
	static const unsigned char end[] = {0x89, 0xeb, 0xc1, 0xeb, 31, 0xb8, I386_EXIT, 0, 0, 0, 0xcd, 0x80};
	int fd;

	memcpy(program.code + code_n, end, sizeof(end));
	program.head = (Elf32_Ehdr){.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
		.e_entry = START + offsetof(struct program, code),
		.e_phoff = offsetof(struct program, segment),
		.e_ehsize = sizeof(Elf32_Ehdr),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 1};
	program.segment = (Elf32_Phdr){.p_type = PT_LOAD,
		.p_vaddr = START,
		.p_paddr = START,
		.p_filesz = sizeof(program),
		.p_memsz = sizeof(program),
		.p_flags = PF_R | PF_W | PF_X,
		.p_align = 4096};
	fd = (int)need(open(in_dir("elf32"), O_WRONLY | O_CREAT, 0755), "elf32");
	need(write(fd, &program, sizeof(program)), "elf32");
	close(fd);
}

static void prepare_program(void)
{
	uint32_t a, b, sub, stat_at;

	prepare_file();
	a = text32("a");
	b = text32("b");
	sub = text32("sub");
	stat_at = START + (uint32_t)offsetof(struct program, data) + 128;
	emit(0xbd, 0); /* mov ebp, 0 */
	emit_call(I386_CHMOD, a, 0640, 0);
	emit_call(I386_STAT64, a, stat_at, 0);
	emit_call(I386_STAT64, a, stat_at, 0);
	emit_call(I386_RENAME, a, b, 0);
	emit_call(I386_UNLINK, b, 0, 0);
	emit_call(I386_MKDIR, sub, 0755, 0);
	write_program();
}

static void changes_of_program(void)
{
	struct process *p = spawn(run_elf32, NULL), *self = me;
	int status;

	need(waitpid(p->pid, &status, 0), "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) == SKIP)
		skip("32-bit program did not run (needs CONFIG_IA32_EMULATION)");
	if (WEXITSTATUS(status)) {
		errno = EIO;
		fail("a call of the 32-bit program");
	}
	me = p;
	looked(alias(object(NULL, in_dir("a")), in_dir("b")), 2);
	did(0, "chmod", "a", NULL);
	did(0, "rename", "a", "b");
	did(0, "unlink", "b", NULL);
	did(0, "mkdir", "sub", NULL);
	me = self;
}

static const struct act acts[] = {
	{"names", "CONFIG_IA32_EMULATION", names, prepare_file},
	{"directories", "CONFIG_IA32_EMULATION", directories, prepare_file},
	{"stat", "CONFIG_IA32_EMULATION", stats, two_files},
	{"tcp", "CONFIG_IA32_EMULATION", tcp_direct, want_int80},
	{"tcp-socketcall", "CONFIG_IA32_EMULATION", tcp_call, want_int80},
	{"udp", "CONFIG_IA32_EMULATION", udp_direct, want_int80},
	{"udp-socketcall", "CONFIG_IA32_EMULATION", udp_call, want_int80},
	{"sendmmsg", "CONFIG_IA32_EMULATION", many_messages, want_int80},
	{"scm-rights", "CONFIG_IA32_EMULATION", rights, prepare_file},
	{"program", "CONFIG_IA32_EMULATION", changes_of_program, prepare_program},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
