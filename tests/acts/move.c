/* How bytes move, other than by the read and write families: pipes, asynchronous calls, other processes' memory, 32-bit
 * calls. */
#include "act.h"
#include "call32.h"

#include <elf.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <mqueue.h>
#include <dirent.h>

#define SIZE 10000

static char buffer[65536];

static void one_file(void)
{
	make_file("a", SIZE);
}

static int reading(struct object *o)
{
	return opened(o, open(o->path[0], O_RDONLY | O_CLOEXEC));
}

static int writing(struct object *o)
{
	return opened(o, open(o->path[0], O_RDWR | O_CREAT | O_CLOEXEC, 0644));
}

static struct object *new_pipe(int ends[2])
{
	need(pipe2(ends, O_CLOEXEC), "pipe2");
	return by_inode("pipe", ends[0]);
}

/* ---- pipes ---- */

static void do_tee(void)
{
	struct object *from = file("a"), *to = file("made"), *one, *two;
	int in = reading(from), out = writing(to), a[2], b[2];

	one = new_pipe(a);
	two = new_pipe(b);
	moved(from, one, splice(in, NULL, a[1], NULL, 3000, 0));
	moved(one, two, tee(a[0], b[1], 2000, 0));
	moved(two, to, splice(b[0], NULL, out, NULL, 3000, 0));
	got(one, read(a[0], buffer, sizeof(buffer)));
}

static void do_vmsplice(void)
{
	struct object *to = file("made"), *pipe;
	struct iovec part = {buffer, 3000};
	int out = writing(to), ends[2];

	pipe = new_pipe(ends);
	put(pipe, vmsplice(ends[1], &part, 1, 0));
	moved(pipe, to, splice(ends[0], NULL, out, NULL, 1000, 0));
	got(pipe, vmsplice(ends[0], &part, 1, 0));
}

static void splice_socket(void)
{
	struct object *from = file("a"), *pipe;
	struct flow *near, *far;
	int in = reading(from), ends[2], pair[2];

	pipe = new_pipe(ends);
	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	near = flow("unix", NULL, NULL, NULL);
	far = flow("unix", NULL, NULL, NULL);
	moved(from, pipe, splice(in, NULL, ends[1], NULL, 4000, 0));
	moved_out(pipe, near, splice(ends[0], NULL, pair[0], NULL, 4000, 0));
	moved_in(far, pipe, splice(pair[1], NULL, ends[1], NULL, 4000, 0));
	got(pipe, read(ends[0], buffer, sizeof(buffer)));
}

/* ---- blocks shared, nothing copied ---- */

/* A file system that can: XFS in a file, made here or (QUIS_XFS) beforehand, mounted where only the act sees it. */
static const char *image(void)
{
	const char *made = getenv("QUIS_XFS");

	return made ? made : in_dir("image");
}

static void make_image(void)
{
	static const char *const tools[] = {"/sbin/mkfs.xfs", "/usr/sbin/mkfs.xfs"};
	size_t i = access(tools[0], X_OK) ? 1 : 0;
	int fd, status;
	pid_t pid;

	need(mkdir(in_dir("shared"), 0755), "mkdir");
	if (getenv("QUIS_XFS"))
		return;
	if (access(tools[i], X_OK))
		skip("no mkfs.xfs, to make a file system with shared blocks");
	fd = (int)need(open(image(), O_WRONLY | O_CREAT, 0600), "image");
	need(ftruncate(fd, 320L << 20), "image");
	close(fd);
	pid = (pid_t)need(fork(), "fork");
	if (!pid) { /* without what 5.10 does not know */
		execl(tools[i], "mkfs.xfs", "-q", "-m", "reflink=1,bigtime=0,inobtcount=0", "-i", "nrext64=0", image(), (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		skip("mkfs.xfs ended with %d", status);
}

static void mount_image(void)
{
	struct loop_info64 info = {.lo_flags = LO_FLAGS_AUTOCLEAR};
	struct object *o = unsaid(object("file", image()), STATS); /* newer loop devices ask for its alignment */
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), loop, fd, number;
	const char *device;

	number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	if (number < 0)
		skip("no loop device: %s", strerror(errno));
	device = text("/dev/loop%d", number);
	loop = open(device, O_RDWR | O_CLOEXEC);
	fd = opened(o, open(image(), O_RDWR | O_CLOEXEC));
	if (loop < 0 || ioctl(loop, LOOP_SET_FD, fd) || ioctl(loop, LOOP_SET_STATUS64, &info))
		skip("%s: %s", device, strerror(errno));
	private_mounts();
	if (mount(device, in_dir("shared"), "xfs", 0, NULL))
		skip("XFS: %s", strerror(errno));
	close(fd);
	close(loop);
	close(control);
}

/* A file there with so many bytes of a pattern. */
static int shared_file(struct object **ret_object, const char *name, size_t size)
{
	struct object *o = file(text("shared/%s", name));
	int fd = opened(o, open(o->path[0], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));

	fill(buffer, size);
	if (size)
		put(o, write(fd, buffer, size));
	*ret_object = o;
	return fd;
}

static void clone_file(void)
{
	struct object *from, *to;
	int in, out;

	mount_image();
	in = shared_file(&from, "a", SIZE);
	out = shared_file(&to, "made", 0);
	need(ioctl(out, FICLONE, in), "FICLONE");
	moved(from, to, SIZE);
	close(in);
	close(out);
}

static void clone_range(void)
{
	struct file_clone_range range = {.src_length = 8192};
	struct object *from, *to;
	int out;

	mount_image();
	range.src_fd = shared_file(&from, "a", SIZE);
	out = shared_file(&to, "made", 0);
	need(ioctl(out, FICLONERANGE, &range), "FICLONERANGE");
	moved(from, to, 8192);
	range.src_offset = range.dest_offset = 4096;
	range.src_length = 0;
	need(ioctl(out, FICLONERANGE, &range), "FICLONERANGE");
	moved(from, to, SIZE - 4096);
}

static void dedupe_file(void)
{
	union {
		struct file_dedupe_range range;
		char room[sizeof(struct file_dedupe_range) + sizeof(struct file_dedupe_range_info)];
	} r = {.range = {.src_length = 8192, .dest_count = 1}};
	struct object *from, *to;
	int in;

	mount_image();
	in = shared_file(&from, "a", 8192);
	/* the same afterwards: both were read, neither was written */
	r.range.info[0].dest_fd = shared_file(&to, "b", 8192);
	need(fsync(in), "fsync");
	need(ioctl(in, FIDEDUPERANGE, &r), "FIDEDUPERANGE");
	if (r.range.info[0].status != FILE_DEDUPE_RANGE_SAME)
		fail("FIDEDUPERANGE");
	got(from, 8192);
	got(to, 8192);
}

/* ---- Linux AIO ---- */

static void take_event(const struct io_event *event, struct object *from, struct object *to)
{
	if (event->data)
		put(to, (ssize_t)event->res);
	else
		got(from, (ssize_t)event->res);
}

static void take_events(const struct io_event *events, struct object *from, struct object *to, long n)
{
	long i;

	for (i = 0; i < n; i++)
		take_event(&events[i], from, to);
}

static void wait_aio(aio_context_t context, struct object *from, struct object *to, long n)
{
	struct io_event events[8];

	need(syscall(SYS_io_getevents, context, n, n, events, NULL), "io_getevents");
	take_events(events, from, to, n);
}

static struct iocb request(int fd, int what, void *at, size_t length, long offset)
{
	return (struct iocb){.aio_fildes = (uint32_t)fd,
		.aio_lio_opcode = (uint16_t)what,
		.aio_buf = (uintptr_t)at,
		.aio_nbytes = length,
		.aio_offset = offset,
		.aio_data = what == IOCB_CMD_PWRITE || what == IOCB_CMD_PWRITEV};
}

/* With a mask of signals, and in two turns. */
static void wait_aio_masked(aio_context_t context, struct object *from, struct object *to, long n)
{
	struct io_event events[8];
	sigset_t none;
	const struct {
		const sigset_t *set;
		size_t size;
	} mask = {&none, 8};
	long have, taken;

	sigemptyset(&none);
	for (have = 0; have < n; have += taken) {
		taken = need(syscall(SYS_io_pgetevents, context, 1, 2, events, NULL, &mask), "io_pgetevents");
		take_events(events, from, to, taken);
	}
}

/* struct aio_ring, fs/aio.c: what a context's number is the address of */
struct shared_ring {
	uint32_t id, size, head, tail, magic, features, unknown_features, header_length;
	struct io_event events[];
};

/* As libaio and QEMU do it: no call at all, once the results are there. */
static void take_shared(aio_context_t context, struct object *from, struct object *to, long n)
{
	struct shared_ring *ring = (struct shared_ring *)(uintptr_t)context;

	if (ring->magic != 0xa10a10a1 || ring->unknown_features)
		skip("the ring is not laid out as this act knows it");
	for (; n; n--) {
		uint32_t head = ring->head;

		while (head == __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE))
			usleep(500);
		take_event(&ring->events[head], from, to);
		__atomic_store_n(&ring->head, (head + 1) % ring->size, __ATOMIC_RELEASE);
	}
}

static void aio_with(void (*take)(aio_context_t, struct object *, struct object *, long))
{
	struct object *from = file("a"), *to = file("made");
	int in = reading(from), out = writing(to);
	struct iovec parts[2] = {{buffer + 8192, 10}, {buffer + 9000, 500}};
	struct iocb requests[4] = {request(in, IOCB_CMD_PREAD, buffer, 4000, 0),
		request(in, IOCB_CMD_PREAD, buffer + 4096, 4000, 9000), request(in, IOCB_CMD_PREADV, parts, 2, 100),
		request(out, IOCB_CMD_PWRITE, buffer + 20000, 777, 0)};
	struct iocb *list[4] = {&requests[0], &requests[1], &requests[2], &requests[3]};
	aio_context_t context = 0;

	need(syscall(SYS_io_setup, 8, &context), "io_setup");
	if (need(syscall(SYS_io_submit, context, 4, list), "io_submit") != 4)
		skip("io_submit took fewer");
	take(context, from, to, 4);
	syscall(SYS_io_destroy, context);
}

static void aio(void)
{
	aio_with(wait_aio);
}

static void aio_pgetevents(void)
{
	aio_with(wait_aio_masked);
}

static void aio_shared(void)
{
	aio_with(take_shared);
}

/* With O_DIRECT the bytes come later than the call returns, and not in its context. */
static void aio_direct(void)
{
	static char aligned[16384] __attribute__((aligned(4096)));
	struct object *o = file("a");
	int fd = open(o->path[0], O_RDONLY | O_DIRECT);
	struct iocb requests[2], *list[2] = {&requests[0], &requests[1]};
	aio_context_t context = 0;

	if (fd < 0)
		skip("O_DIRECT: %s", strerror(errno));
	opened(o, fd);
	requests[0] = request(fd, IOCB_CMD_PREAD, aligned, 4096, 0);
	requests[1] = request(fd, IOCB_CMD_PREAD, aligned + 4096, 8192, 4096);
	need(syscall(SYS_io_setup, 8, &context), "io_setup");
	need(syscall(SYS_io_submit, context, 2, list), "io_submit");
	wait_aio(context, o, o, 2);
	syscall(SYS_io_destroy, context);
}

static void read_direct(void)
{
	static char aligned[16384] __attribute__((aligned(4096)));
	struct object *o = file("a");
	int fd = open(o->path[0], O_RDONLY | O_DIRECT);

	if (fd < 0)
		skip("O_DIRECT: %s", strerror(errno));
	opened(o, fd);
	got(o, read(fd, aligned, 8192));
	got(o, read(fd, aligned, 8192));
	close(fd);
}

/* ---- another process's memory ---- */

static void victim(void *with)
{
	(void)with;
	raise_flag(0);
	await_flag(1);
}

static void vm_readv(void)
{
	struct process *p = spawn(victim, NULL);
	struct iovec here = {buffer, 1000}, there = {buffer + 5000, 1000};
	struct action *a;

	await_flag(0);
	a = action("process_vm_readv", NULL, NULL);
	a->detail = text("{\"pid\":%d}", p->pid);
	for (; a->times < 3; a->times++, here.iov_len -= 100)
		a->bytes += (uint64_t)need(process_vm_readv(p->pid, &here, 1, &there, 1, 0), "process_vm_readv");
	raise_flag(1);
	reap(p);
}

static void vm_writev(void)
{
	struct process *p = spawn(victim, NULL);
	struct iovec here = {buffer, 1000}, there = {buffer + 5000, 1000};
	struct action *a = action("process_vm_writev", NULL, NULL);

	await_flag(0);
	a->bytes = (uint64_t)need(process_vm_writev(p->pid, &here, 1, &there, 1, 0), "process_vm_writev");
	a->times = 1;
	a->detail = text("{\"pid\":%d}", p->pid);
	raise_flag(1);
	reap(p);
}

static void proc_mem(void)
{
	struct process *p = spawn(victim, NULL);
	struct object *o = object("file", text("/proc/%d/mem", p->pid));
	int fd = opened(o, open(o->path[0], O_RDWR));

	await_flag(0);
	got(o, pread(fd, buffer, 1000, (off_t)(uintptr_t)(buffer + 5000)));
	put(o, pwrite(fd, buffer, 100, (off_t)(uintptr_t)(buffer + 5000)));
	raise_flag(1);
	reap(p);
}

/* ptrace() of one process, so often. */
static void traced(int request, pid_t pid, uint64_t times)
{
	struct action *a = action("ptrace", NULL, NULL);

	a->detail = text("{\"request\":\"0x%x\",\"pid\":%d}", request, pid);
	a->times = times;
}

#define PEEKS 5

static void ptrace_peek(void)
{
	struct process *p = spawn(victim, NULL);
	int status, i;

	await_flag(0);
	need(ptrace(PTRACE_ATTACH, p->pid, NULL, NULL), "PTRACE_ATTACH");
	traced(PTRACE_ATTACH, p->pid, 1);
	need(waitpid(p->pid, &status, 0), "waitpid");
	errno = 0;
	for (i = 0; i < PEEKS; i++)
		ptrace(PTRACE_PEEKDATA, p->pid, buffer + i * 8, NULL);
	if (errno)
		fail("PTRACE_PEEKDATA");
	traced(PTRACE_PEEKDATA, p->pid, PEEKS);
	need(ptrace(PTRACE_DETACH, p->pid, NULL, NULL), "PTRACE_DETACH");
	traced(PTRACE_DETACH, p->pid, 1);
	raise_flag(1);
	reap(p);
}

/* ---- devices below the file system ---- */

static const char *some_disk(void)
{
	DIR *list = opendir("/sys/block");
	struct dirent *entry;

	while (list && (entry = readdir(list)))
		if (entry->d_name[0] != '.' && !access(text("/dev/%s", entry->d_name), R_OK))
			return text("/dev/%s", entry->d_name);
	skip("no readable block device");
}

static void block_device(void)
{
	struct object *o = object("device", some_disk());
	int fd = open(o->path[0], O_RDONLY);

	if (fd < 0)
		skip("%s: %s", o->path[0], strerror(errno));
	opened(o, fd);
	got(o, pread(fd, buffer, 4096, 0));
	close(fd);
}

static void open_only(const char *type, const char *path)
{
	struct object *o = object(type, path);
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		skip("%s: %s", path, strerror(errno));
	close(opened(o, fd));
}

static void dev_mem(void)
{
	open_only("device", "/dev/mem");
}

static void proc_kcore(void)
{
	open_only("file", "/proc/kcore");
}

/* ---- 32-bit calls ---- */

/* i386 numbers, arch/x86/entry/syscalls/syscall_32.tbl */
enum {
	I386_READ = 3,
	I386_WRITE = 4,
	I386_OPEN = 5,
	I386_CLOSE = 6,
	I386_CREAT = 8,
	I386_SOCKETCALL = 102,
	I386_READV = 145,
	I386_PREAD64 = 180,
	I386_PWRITE64 = 181,
	I386_SENDFILE = 187,
	I386_MMAP2 = 192,
	I386_GETDENTS64 = 220,
	I386_OPENAT = 295,
	I386_PREADV = 333
};

static void prepare_int80(void)
{
	want_int80();
	one_file();
}

static void int80_read(void)
{
	struct object *o = file("a");
	static struct {
		uint32_t at, length;
	} parts[2];
	int fd = opened(o, call32(I386_OPEN, low_path(o->path[0]), O_RDONLY, 0, 0, 0));

	got(o, call32(I386_READ, fd, low(buffer), 1000, 0, 0));
	got(o, call32(I386_PREAD64, fd, low(buffer), 2000, 9000, 0));
	parts[0].at = parts[1].at = (uint32_t)low(buffer);
	parts[0].length = 10;
	parts[1].length = 20;
	got(o, call32(I386_READV, fd, low(parts), 2, 0, 0));
	got(o, call32(I386_PREADV, fd, low(parts), 2, 9995, 0));
	call32(I386_CLOSE, fd, 0, 0, 0, 0);
	fd = opened(o, call32(I386_OPENAT, AT_FDCWD, low_path(o->path[0]), O_RDONLY, 0, 0));
	got(o, call32(I386_READ, fd, low(buffer), 60000, 0, 0));
	mapped(o, (void *)call32(I386_MMAP2, 0, 8192, PROT_READ, MAP_PRIVATE, fd), fd, 8192, 0);
}

static void int80_write(void)
{
	struct object *from = file("a"), *o = file("made");
	int in = reading(from), fd = opened(o, call32(I386_CREAT, low_path(o->path[0]), 0644, 0, 0, 0));

	put(o, call32(I386_WRITE, fd, low(buffer), 1000, 0, 0));
	put(o, call32(I386_PWRITE64, fd, low(buffer), 300, 5000, 0));
	moved(from, o, call32(I386_SENDFILE, fd, in, 0, 4000, 0));
}

static void int80_list(void)
{
	struct object *o = object("dir", act_dir);
	int fd = opened(o, open(act_dir, O_RDONLY | O_DIRECTORY));

	while (listed(o, call32(I386_GETDENTS64, fd, low(buffer), 200, 0, 0)))
		;
}

static void int80_refused(void)
{
	struct object *o = object(NULL, in_dir("missing"));

	refused(o, call32(I386_OPEN, low_path(o->path[0]), O_RDONLY, 0, 0, 0));
}

/* socketcall(): one number for all, its arguments in memory */
static void int80_socket(void)
{
	struct flow *near = flow("unix", NULL, NULL, NULL), *far = flow("unix", NULL, NULL, NULL);
	static uint32_t arguments[4];
	int pair[2];

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	arguments[0] = (uint32_t)pair[0];
	arguments[1] = (uint32_t)low(buffer);
	arguments[2] = 500;
	sent(near, call32(I386_SOCKETCALL, 9, low(arguments), 0, 0, 0)); /* SYS_SEND */
	arguments[0] = (uint32_t)pair[1];
	arguments[2] = 1000;
	received(far, call32(I386_SOCKETCALL, 10, low(arguments), 0, 0, 0)); /* SYS_RECV */
}

/* A whole 32-bit program: open("a"), read 100 bytes, exit with how many came. */
static void prepare_elf32(void)
{
	static const unsigned char code[] = {
		0x68, 'a', 0, 0, 0,	  /* push "a" */
		0xb8, I386_OPEN, 0, 0, 0, /* mov eax, open */
		0x89, 0xe3,		  /* mov ebx, esp */
		0x31, 0xc9,		  /* xor ecx, ecx */
		0x31, 0xd2,		  /* xor edx, edx */
		0xcd, 0x80,		  /* int 0x80 */
		0x89, 0xc3,		  /* mov ebx, eax */
		0x81, 0xec, 0, 1, 0, 0,	  /* sub esp, 256 */
		0xb8, I386_READ, 0, 0, 0, /* mov eax, read */
		0x89, 0xe1,		  /* mov ecx, esp */
		0xba, 100, 0, 0, 0,	  /* mov edx, 100 */
		0xcd, 0x80,		  /* int 0x80 */
		0x89, 0xc3,		  /* mov ebx, eax */
		0xb8, 1, 0, 0, 0,	  /* mov eax, exit */
		0xcd, 0x80,		  /* int 0x80 */
	};
	const uint32_t start = 0x08048000, before = sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr);
	struct {
		Elf32_Ehdr head;
		Elf32_Phdr segment;
		unsigned char code[sizeof(code)];
	} program = {.head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
			     .e_type = ET_EXEC,
			     .e_machine = EM_386,
			     .e_version = EV_CURRENT,
			     .e_entry = start + before,
			     .e_phoff = sizeof(Elf32_Ehdr),
			     .e_ehsize = sizeof(Elf32_Ehdr),
			     .e_phentsize = sizeof(Elf32_Phdr),
			     .e_phnum = 1},
		.segment = {.p_type = PT_LOAD,
			.p_vaddr = start,
			.p_paddr = start,
			.p_filesz = before + sizeof(code),
			.p_memsz = before + sizeof(code),
			.p_flags = PF_R | PF_X,
			.p_align = 4096}};
	int fd;

	one_file();
	memcpy(program.code, code, sizeof(code));
	fd = (int)need(open(in_dir("elf32"), O_WRONLY | O_CREAT, 0755), "elf32");
	need(write(fd, &program, before + sizeof(code)), "elf32");
	close(fd);
}

static void elf32(void)
{
	struct process *p = spawn(run_elf32, NULL), *self = me;
	struct object *o;
	int status;

	need(waitpid(p->pid, &status, 0), "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) == SKIP)
		skip("32-bit program did not run (needs CONFIG_IA32_EMULATION)");
	me = p;
	o = file("a");
	opened(o, 0);
	got(o, WEXITSTATUS(status));
	me = self;
}

/* ---- what is no file: that it was used ---- */

static void sysv_memory(void)
{
	int id = (int)need(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600), "shmget");
	char *memory = shmat(id, NULL, 0);

	shmctl(id, IPC_RMID, NULL);
	need(memory == MAP_FAILED ? -1 : 0, "shmat");
	action("shmat", NULL, NULL)->detail = text("{\"id\":%d}", id);
	memory[0] = 1;
	need(shmdt(memory), "shmdt");
}

static void sysv_queue(void)
{
	struct {
		long type;
		char bytes[100];
	} message = {.type = 1};
	int id = (int)need(msgget(IPC_PRIVATE, IPC_CREAT | 0600), "msgget");
	long sent_one = msgsnd(id, &message, sizeof(message.bytes), 0);

	msgctl(id, IPC_RMID, NULL);
	need(sent_one, "msgsnd");
	action("msgget", NULL, NULL);
}

static void posix_queue(void)
{
	const char *name = text("/quis-act-%d", (int)getpid());
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);

	need(queue, "mq_open");
	mq_unlink(name);
	need(mq_send(queue, "x", 1, 0), "mq_send");
	mq_close(queue);
	action("mq_open", NULL, NULL);
}

static const struct act acts[] = {
	{"sysv-memory", "System V shared memory", sysv_memory},
	{"sysv-queue", "System V message queues", sysv_queue},
	{"posix-queue", "POSIX message queues", posix_queue},
	{"tee", NULL, do_tee, one_file},
	{"vmsplice", NULL, do_vmsplice, one_file},
	{"splice-socket", NULL, splice_socket, one_file},
	{"ficlone", "mkfs.xfs", clone_file, make_image},
	{"ficlonerange", "mkfs.xfs", clone_range, make_image},
	{"fideduperange", "mkfs.xfs", dedupe_file, make_image},
	{"aio", "CONFIG_AIO", aio, one_file},
	{"aio-pgetevents", "Linux 4.18", aio_pgetevents, one_file},
	{"aio-shared-ring", "CONFIG_AIO", aio_shared, one_file, .may = "tracepoint:lower", .way = "from the shared ring"},
	{"aio-direct", "O_DIRECT", aio_direct, one_file},
	{"read-direct", "O_DIRECT", read_direct, one_file},
	{"process-vm-readv", NULL, vm_readv},
	{"process-vm-writev", NULL, vm_writev},
	{"proc-mem", NULL, proc_mem},
	{"ptrace-peek", NULL, ptrace_peek},
	{"block-device", "a block device", block_device},
	{"dev-mem", "/dev/mem", dev_mem},
	{"proc-kcore", "/proc/kcore", proc_kcore},
	{"int80-read", "CONFIG_IA32_EMULATION", int80_read, prepare_int80},
	{"int80-write", "CONFIG_IA32_EMULATION", int80_write, prepare_int80},
	{"int80-list", "CONFIG_IA32_EMULATION", int80_list, prepare_int80},
	{"int80-refused", "CONFIG_IA32_EMULATION", int80_refused, prepare_int80},
	{"int80-socket", "CONFIG_IA32_EMULATION", int80_socket, prepare_int80},
	{"elf32", "CONFIG_IA32_EMULATION", elf32, prepare_elf32},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
