/* Plain files: how they are opened, read, written, mapped and copied. */
#include "act.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

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
	return opened(o, open(o->path[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

/* ---- opening ---- */

static void read_two(struct object *o, int fd)
{
	identified(o, fd);
	got(o, read(fd, buffer, 11));
	got(o, read(fd, buffer, sizeof(buffer)));
	close(fd);
}

static void open_old(void)
{
	struct object *o = file("a");

	read_two(o, opened(o, syscall(SYS_open, o->path[0], O_RDONLY)));
}

static void open_at(void)
{
	struct object *o = file("a");

	read_two(o, opened(o, syscall(SYS_openat, AT_FDCWD, o->path[0], O_RDONLY)));
}

static void open_at2(void)
{
	struct open_how how = {.flags = O_RDONLY};
	struct object *o = file("a");

	read_two(o, opened(o, syscall(SYS_openat2, AT_FDCWD, o->path[0], &how, sizeof(how))));
}

static void open_creat(void)
{
	struct object *o = file("made");
	int fd = opened(o, syscall(SYS_creat, o->path[0], 0644));

	put(o, write(fd, "eleven more", 11));
	close(fd);
}

static void open_twice(void)
{
	struct object *o = file("a");
	int first = reading(o), second = reading(o);

	got(o, read(first, buffer, 100));
	got(o, read(second, buffer, 1000));
	close(first);
	close(second);
}

/* ---- reading ---- */

static void do_read(void)
{
	struct object *o = file("a");
	int fd = reading(o), i;

	for (i = 0; i < 7; i++)
		got(o, read(fd, buffer, 1000));
	got(o, read(fd, buffer, sizeof(buffer)));
	close(fd);
}

static void read_end(void)
{
	struct object *o = file("a");
	int fd = reading(o);

	got(o, read(fd, buffer, 0));
	got(o, read(fd, buffer, sizeof(buffer)));
	got(o, read(fd, buffer, sizeof(buffer)));
	got(o, pread(fd, buffer, sizeof(buffer), SIZE * 2));
	close(fd);
}

/* Calls that fail move nothing and count nothing. */
static void read_failing(void)
{
	struct object *o = file("a");
	int fd = reading(o);
	bool refused_all;

	refused_all = syscall(SYS_read, fd, 1L, 10L) < 0 && pread(fd, buffer, 10, -1) < 0 && write(fd, buffer, 10) < 0;
	if (!refused_all)
		fail("calls that should have failed");
	got(o, read(fd, buffer, 10));
	close(fd);
}

static void do_pread(void)
{
	struct object *o = file("a");
	int fd = reading(o);

	got(o, pread(fd, buffer, 5, 3));
	got(o, pread(fd, buffer, sizeof(buffer), 9000));
	got(o, pread(fd, buffer, sizeof(buffer), SIZE));
	close(fd);
}

static struct iovec *three(void)
{
	static struct iovec parts[3];

	parts[0] = (struct iovec){buffer, 7};
	parts[1] = (struct iovec){buffer + 100, 0};
	parts[2] = (struct iovec){buffer + 200, 6000};
	return parts;
}

static void do_readv(void)
{
	struct object *o = file("a");
	int fd = reading(o);

	got(o, readv(fd, three(), 3));
	got(o, readv(fd, three(), 3));
	got(o, readv(fd, three(), 3));
	close(fd);
}

static void do_preadv(void)
{
	struct object *o = file("a");
	int fd = reading(o);

	got(o, syscall(SYS_preadv, fd, three(), 3, 500L, 0L));
	got(o, syscall(SYS_preadv, fd, three(), 3, 9990L, 0L));
	close(fd);
}

static void do_preadv2(void)
{
	struct object *o = file("a");
	int fd = reading(o);

	got(o, syscall(SYS_preadv2, fd, three(), 3, 500L, 0L, 0));
	got(o, syscall(SYS_preadv2, fd, three(), 3, -1L, -1L, 0));
	close(fd);
}

/* ---- writing ---- */

static void do_write(void)
{
	struct object *o = file("made");
	int fd = writing(o);

	put(o, write(fd, buffer, 11));
	put(o, write(fd, buffer, 5000));
	put(o, write(fd, buffer, 0));
	close(fd);
}

static void do_pwrite(void)
{
	struct object *o = file("made");
	int fd = writing(o);

	put(o, pwrite(fd, buffer, 5000, 100));
	put(o, pwrite(fd, buffer, 1, 1000000));
	close(fd);
}

static void do_writev(void)
{
	struct object *o = file("made");
	int fd = writing(o);

	put(o, writev(fd, three(), 3));
	put(o, writev(fd, three(), 1));
	close(fd);
}

static void do_pwritev(void)
{
	struct object *o = file("made");
	int fd = writing(o);

	put(o, syscall(SYS_pwritev, fd, three(), 3, 70L, 0L));
	close(fd);
}

static void do_pwritev2(void)
{
	struct object *o = file("made");
	int fd = writing(o);

	put(o, syscall(SYS_pwritev2, fd, three(), 3, 70L, 0L, 0));
	close(fd);
}

static void read_write(void)
{
	struct object *o = file("a");
	int fd = opened(o, open(o->path[0], O_RDWR));

	got(o, read(fd, buffer, 4000));
	put(o, write(fd, buffer, 3000));
	got(o, read(fd, buffer, sizeof(buffer)));
	close(fd);
}

/* ---- mapping ---- */

static void map(size_t length, off_t offset, int flags)
{
	struct object *o = file("a");
	int fd = reading(o);
	char *at = mapped(o, mmap(NULL, length, PROT_READ, flags, fd, offset), fd, length, offset);
	volatile char touched = offset < SIZE ? at[0] : 0;

	(void)touched;
	close(fd);
	munmap(at, length);
}

static void map_whole(void)
{
	map(SIZE, 0, MAP_PRIVATE);
}

static void map_part(void)
{
	map(4096, 4096, MAP_SHARED);
}

static void map_beyond(void)
{
	map(1 << 20, 4096, MAP_PRIVATE);
}

static void map_outside(void)
{
	map(4096, 16384, MAP_PRIVATE);
}

/* ---- which pages of it were touched ---- */

#define PAGES 4096L
#define AROUND 65536L /* fault_around_bytes, mm/memory.c */
#define BIG (16 * AROUND)

/* In pieces: the page cache must not hold it as one huge page, which the kernel maps without a word. */
static void big_file(void)
{
	int fd = open(in_dir("big"), O_WRONLY | O_CREAT, 0644);
	size_t i;

	need(fd, "big");
	for (i = 0; i < BIG / PAGES; i++)
		need(pwrite(fd, buffer, PAGES, (off_t)(i * PAGES)), "write");
	close(fd);
}

static void touch(const char *at, size_t step, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		buffer[i] = *(const volatile char *)(at + i * step);
}

static char *map_big(struct object *o, int flags)
{
	int fd = opened(o, open(o->path[0], O_RDONLY));
	char *at = mapped(o, mmap(NULL, BIG, PROT_READ, flags, fd, 0), fd, BIG, 0);

	close(fd);
	return at;
}

/* Every other piece, and each of them twice. */
static void map_touched(void)
{
	struct object *o = file("big");
	char *at = map_big(o, MAP_PRIVATE);

	touch(at, 2 * AROUND, 8);
	touch(at + PAGES, 2 * AROUND, 8);
	faulted(o, 8, 8 * AROUND);
}

static void cold_file(void)
{
	int fd;

	big_file();
	fd = open(in_dir("big"), O_RDONLY);
	need(fd, "big");
	need(fsync(fd), "fsync");
	need(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) ? -1 : 0, "posix_fadvise");
	close(fd);
}

/*
 * Nothing of it is in memory, and nothing is read ahead: each fault reads one page without the lock, begins anew, and maps what it finds
 * around. The kernel tells both.
 */
static void map_cold(void)
{
	struct object *o = file("big");
	char *at = map_big(o, MAP_PRIVATE);
	unsigned char there[BIG / PAGES];
	size_t i;

	need(madvise(at, BIG, MADV_RANDOM), "madvise");
	need(mincore(at, BIG, there), "mincore");
	for (i = 0; i < sizeof(there); i++)
		if (there[i] & 1)
			skip("the page cache keeps what it should let go");
	touch(at, 2 * AROUND, 8);
	faulted(o, 8, 8 * AROUND);
}

static void map_populated(void)
{
	struct object *o = file("big");

	touch(map_big(o, MAP_PRIVATE | MAP_POPULATE), AROUND, 16);
	faulted(o, 1, BIG);
}

static void inherited_body(void *at)
{
	struct object *o = file("big");

	touch(at, AROUND, 3);
	faulted(o, 3, 3 * AROUND);
}

/* Without any call on the file: its parent mapped it, and touched nothing. */
static void map_inherited(void)
{
	reap(spawn(inherited_body, map_big(file("big"), MAP_SHARED)));
}

static void map_many(void)
{
	struct object *o = file("a");
	int fd = reading(o), i;

	for (i = 0; i < 5; i++)
		mapped(o, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), fd, 4096, 0);
	close(fd);
}

/* ---- from one to another ---- */

static void do_sendfile(void)
{
	struct object *from = file("a"), *to = file("made");
	int in = reading(from), out = writing(to);
	off_t offset = 100;

	moved(from, to, sendfile(out, in, NULL, 4000));
	moved(from, to, sendfile(out, in, &offset, SIZE));
	moved(from, to, sendfile(out, in, &offset, SIZE));
	close(in);
	close(out);
}

static void sendfile_socket(void)
{
	struct object *from = file("a");
	struct flow *near, *far;
	int pair[2], in = reading(from);

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	near = flow("unix", NULL, NULL, NULL);
	far = flow("unix", NULL, NULL, NULL);
	moved_out(from, near, sendfile(pair[0], in, NULL, SIZE));
	received(far, read(pair[1], buffer, sizeof(buffer)));
	close(in);
}

static void do_splice(void)
{
	struct object *from = file("a"), *to = file("made"), *pipe;
	int in = reading(from), out = writing(to), ends[2];
	ssize_t n;

	need(pipe2(ends, O_CLOEXEC), "pipe2");
	pipe = by_inode("pipe", ends[0]);
	n = moved(from, pipe, splice(in, NULL, ends[1], NULL, 5000, 0));
	moved(pipe, to, splice(ends[0], NULL, out, NULL, (size_t)n, 0));
	close(in);
	close(out);
}

static void do_copy_range(void)
{
	struct object *from = file("a"), *to = file("made");
	int in = reading(from), out = writing(to);
	loff_t at = 9000;

	moved(from, to, syscall(SYS_copy_file_range, in, NULL, out, NULL, 3000L, 0));
	moved(from, to, syscall(SYS_copy_file_range, in, &at, out, NULL, 3000L, 0));
	close(in);
	close(out);
}

/* ---- looking without opening ---- */

static void look(void)
{
	struct object *o = object(NULL, in_dir("a"));
	struct statx result;
	struct stat st;
	int dir;

	need(syscall(SYS_stat, o->path[0], &st), "stat");
	need(syscall(SYS_lstat, o->path[0], &st), "lstat");
	need(statx(AT_FDCWD, o->path[0], 0, STATX_ALL, &result), "statx");
	looked(o, 3);
	dir = opened(object("dir", act_dir), open(act_dir, O_PATH | O_DIRECTORY));
	need(syscall(SYS_newfstatat, dir, "a", &st, 0), "newfstatat");
	need(chdir(act_dir), "chdir");
	need(syscall(SYS_newfstatat, AT_FDCWD, "./a", &st, 0), "newfstatat");
	looked(o, 2);
}

static void look_by_fd(void)
{
	struct object *o = file("a");
	int fd = reading(o);
	struct statx result;
	struct statfs fs;
	struct stat st;
	char list[100];

	need(syscall(SYS_fstat, fd, &st), "fstat");
	need(syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH), "newfstatat");
	need(statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &result), "statx");
	need(syscall(SYS_flistxattr, fd, list, sizeof(list)), "flistxattr");
	need(fstatfs(fd, &fs), "fstatfs");
	got(o, read(fd, buffer, 10));
	looked(o, 5);
}

/* What is there a thousand times: one entry. */
static void look_often(void)
{
	struct object *o = object(NULL, in_dir("a"));
	struct stat st;
	int i;

	for (i = 0; i < 1000; i++)
		need(syscall(SYS_stat, o->path[0], &st), "stat");
	looked(o, 1000);
}

/* Probing for what is not there. */
static void look_missing(void)
{
	struct object *o = object(NULL, in_dir("missing"));
	struct statx result;
	struct stat st;

	if (!stat(o->path[0], &st) || !lstat(o->path[0], &st) || !access(o->path[0], F_OK) ||
		!statx(AT_FDCWD, o->path[0], 0, STATX_ALL, &result) || readlink(o->path[0], buffer, 100) >= 0)
		exit(2);
	looked(o, 5);
}

static void look_access(void)
{
	struct object *o = object(NULL, in_dir("a"));

	need(syscall(SYS_access, o->path[0], R_OK), "access");
	need(syscall(SYS_faccessat, AT_FDCWD, o->path[0], R_OK), "faccessat");
	looked(o, 2);
}

static void look_faccessat2(void)
{
	struct object *o = object(NULL, in_dir("a"));

	need(syscall(439, AT_FDCWD, o->path[0], R_OK, AT_EACCESS), "faccessat2");
	looked(o, 1);
}

static void prepare_link(void)
{
	need(symlink("nowhere", in_dir("link")), "symlink");
}

static void look_link(void)
{
	struct object *o = object(NULL, in_dir("link"));

	need(syscall(SYS_readlink, o->path[0], buffer, 100L), "readlink");
	need(syscall(SYS_readlinkat, AT_FDCWD, o->path[0], buffer, 100L), "readlinkat");
	looked(o, 2);
}

static void prepare_attribute(void)
{
	one_file();
	need(setxattr(in_dir("a"), "user.quis", "value", 5, 0), "setxattr");
}

static void look_attributes(void)
{
	struct object *o = object(NULL, in_dir("a"));

	need(getxattr(o->path[0], "user.quis", buffer, 100), "getxattr");
	need(lgetxattr(o->path[0], "user.quis", buffer, 100), "lgetxattr");
	need(listxattr(o->path[0], buffer, 100), "listxattr");
	need(llistxattr(o->path[0], buffer, 100), "llistxattr");
	looked(o, 4);
}

static void look_file_system(void)
{
	struct object *o = object(NULL, in_dir("a"));
	struct statfs fs;

	need(statfs(o->path[0], &fs), "statfs");
	looked(o, 1);
}

static void look_handle(void)
{
	struct object *o = object(NULL, in_dir("a"));
	union {
		struct file_handle handle;
		char room[200];
	} u = {.handle.handle_bytes = 128};
	int mount;

	need(name_to_handle_at(AT_FDCWD, o->path[0], &u.handle, &mount, 0), "name_to_handle_at");
	looked(o, 1);
}

/* ---- directories ---- */

static void thirty_files(void)
{
	int i;

	for (i = 0; i < 30; i++)
		make_file(text("%d", i), 0);
}

static void list_dir(void)
{
	struct object *o = object("dir", act_dir);
	int fd = opened(o, open(act_dir, O_RDONLY | O_DIRECTORY));

	while (listed(o, syscall(SYS_getdents64, fd, buffer, 200)))
		;
	close(fd);
}

static void list_dir_old(void)
{
	struct object *o = object("dir", act_dir);
	int fd = opened(o, open(act_dir, O_RDONLY | O_DIRECTORY));

	while (listed(o, syscall(SYS_getdents, fd, buffer, 200)))
		;
	close(fd);
}

/* ---- what is no file on disk ---- */

static void read_zero(void)
{
	struct object *o = object("device", "/dev/zero");
	int fd = reading(o);

	got(o, read(fd, buffer, 1000));
	got(o, read(fd, buffer, 2345));
	close(fd);
}

static void write_null(void)
{
	struct object *o = object("device", "/dev/null");
	int fd = opened(o, open("/dev/null", O_WRONLY));

	put(o, write(fd, buffer, 777));
	close(fd);
}

static void use_pipe(void)
{
	struct object *o;
	int ends[2];

	need(pipe2(ends, O_CLOEXEC), "pipe2");
	o = by_inode("pipe", ends[0]);
	put(o, write(ends[1], buffer, 3000));
	got(o, read(ends[0], buffer, 1000));
	got(o, read(ends[0], buffer, sizeof(buffer)));
}

static void use_fifo(void)
{
	struct object *o = object("pipe", in_dir("fifo"));
	int fd = opened(o, open(o->path[0], O_RDWR));

	put(o, write(fd, buffer, 3000));
	got(o, read(fd, buffer, sizeof(buffer)));
	close(fd);
}

static void make_fifo(void)
{
	need(mkfifo(in_dir("fifo"), 0600), "mkfifo");
}

static void use_memfd(void)
{
	int fd = (int)need(syscall(SYS_memfd_create, "notes", 0), "memfd_create");
	struct object *o = by_inode("memfd", fd);

	unsaid(o, OPENS);
	put(o, write(fd, buffer, 5000));
	got(o, pread(fd, buffer, sizeof(buffer), 1000));
	mapped(o, mmap(NULL, 5000, PROT_READ, MAP_SHARED, fd, 0), fd, 5000, 0);
	close(fd);
}

/* ---- opens that the kernel refuses ---- */

static void prepare_refusals(void)
{
	make_file("a", 10);
	need(mkdir(in_dir("sub"), 0755), "mkdir");
	need(symlink(in_dir("loop"), in_dir("loop")), "symlink");
}

static void refuse(const char *name, int flags)
{
	struct object *o = object(NULL, in_dir(name));

	refused(o, open(o->path[0], flags | O_CLOEXEC));
}

static void refuse_missing(void)
{
	struct object *o = object(NULL, in_dir("missing"));
	struct open_how how = {.flags = O_RDONLY};

	refused(o, syscall(SYS_open, o->path[0], O_RDONLY));
	refused(o, syscall(SYS_openat, AT_FDCWD, o->path[0], O_RDONLY));
	refused(o, syscall(SYS_openat2, AT_FDCWD, o->path[0], &how, sizeof(how)));
}

static void refuse_directory(void)
{
	refuse("sub", O_WRONLY);
}

static void refuse_not_directory(void)
{
	refuse("a/below", O_RDONLY);
}

static void refuse_loop(void)
{
	refuse("loop", O_RDONLY);
}

static void refuse_nofollow(void)
{
	refuse("loop", O_RDONLY | O_NOFOLLOW);
}

static void refuse_exists(void)
{
	refuse("a", O_WRONLY | O_CREAT | O_EXCL);
}

static const struct act acts[] = {
	{"open", NULL, open_old, one_file},
	{"openat", NULL, open_at, one_file},
	{"openat2", "Linux 5.6", open_at2, one_file},
	{"creat", NULL, open_creat},
	{"open-twice", NULL, open_twice, one_file},
	{"read", NULL, do_read, one_file},
	{"read-end", NULL, read_end, one_file},
	{"read-failing", NULL, read_failing, one_file},
	{"pread", NULL, do_pread, one_file},
	{"readv", NULL, do_readv, one_file},
	{"preadv", NULL, do_preadv, one_file},
	{"preadv2", NULL, do_preadv2, one_file},
	{"write", NULL, do_write},
	{"pwrite", NULL, do_pwrite},
	{"writev", NULL, do_writev},
	{"pwritev", NULL, do_pwritev},
	{"pwritev2", NULL, do_pwritev2},
	{"read-write", NULL, read_write, one_file},
	{"mmap", NULL, map_whole, one_file},
	{"mmap-part", NULL, map_part, one_file},
	{"mmap-beyond", NULL, map_beyond, one_file},
	{"mmap-outside", NULL, map_outside, one_file},
	{"mmap-many", NULL, map_many, one_file},
	{"mmap-touched", NULL, map_touched, big_file, NULL, ANY_FAULTS},
	{"mmap-cold", NULL, map_cold, cold_file, NULL, ANY_FAULTS},
	{"mmap-populated", NULL, map_populated, big_file, NULL, ANY_FAULTS},
	{"mmap-inherited", NULL, map_inherited, big_file, NULL, "any:lower 5.10:unseen 6.1:unseen", "mapped file"},
	{"sendfile", NULL, do_sendfile, one_file},
	{"sendfile-socket", NULL, sendfile_socket, one_file},
	{"splice", NULL, do_splice, one_file},
	{"copy-file-range", NULL, do_copy_range, one_file},
	{"stat", NULL, look, one_file},
	{"stat-fd", NULL, look_by_fd, one_file},
	{"stat-often", NULL, look_often, one_file},
	{"stat-missing", NULL, look_missing},
	{"access", NULL, look_access, one_file},
	{"faccessat2", "Linux 5.8", look_faccessat2, one_file},
	{"readlink", NULL, look_link, prepare_link},
	{"getxattr", "user attributes", look_attributes, prepare_attribute},
	{"statfs", NULL, look_file_system, one_file},
	{"name-to-handle", "file handles", look_handle, one_file},
	{"getdents64", NULL, list_dir, thirty_files},
	{"getdents", NULL, list_dir_old, thirty_files},
	{"zero", "/dev/zero", read_zero},
	{"null", "/dev/null", write_null},
	{"pipe", NULL, use_pipe},
	{"fifo", NULL, use_fifo, make_fifo},
	{"memfd", NULL, use_memfd},
	{"refused-missing", NULL, refuse_missing, prepare_refusals},
	{"refused-directory", NULL, refuse_directory, prepare_refusals},
	{"refused-not-directory", NULL, refuse_not_directory, prepare_refusals},
	{"refused-loop", NULL, refuse_loop, prepare_refusals},
	{"refused-nofollow", NULL, refuse_nofollow, prepare_refusals},
	{"refused-exists", NULL, refuse_exists, prepare_refusals},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
