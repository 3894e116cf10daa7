/* One hook that is not there: what it saw is missing, and named; everything else counts exactly. The kernel's symbol is hidden from the
 * sensor (--hide), as if this kernel had none of that name. Recorded by the tracepoint, which has no hook for each call
 * or path, `call` and `place` have nothing to lose: `ring` and `faults` hide what both ways to attach have, and
 * tests/cli/doctor.t each hook of that way. */
#include "act.h"
#include "uring.h"

static char buffer[4096];

static void two_files(void)
{
	make_file("a", 10000);
	make_file("b", 10000);
}

static int reading(struct object *o)
{
	return opened(o, open(o->path[0], O_RDONLY | O_CLOEXEC));
}

static void done(const char *kind, const char *path, const char *to, bool kernel_path)
{
	struct action *a = action(kind, path, to);

	a->times = 1;
	a->kernel_path = kernel_path;
}

/* By everything but what is hidden. */
static void child(void *with)
{
	struct object *o = file("a");

	(void)with;
	got(o, read(reading(o), buffer, 700));
}

static void others(void)
{
	struct object *a = file("a"), *made = unsaid(file("made"), OPENS);
	struct iovec two[] = {{buffer, 10}, {buffer + 10, 20}};
	int fd = reading(a), out = opened(made, open(made->path[0], O_RDWR | O_CREAT | O_EXCL, 0600));

	got(a, read(fd, buffer, 1000));
	got(a, readv(fd, two, 2));
	got(a, preadv(fd, two, 2, 100));
	mapped(a, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), fd, 4096, 0);
	put(made, write(out, buffer, 123));
	put(made, pwrite(out, buffer, 77, 200));
	reap(spawn(child, NULL));
	refused(object(NULL, in_dir("missing")), open(in_dir("missing"), O_RDONLY));
	need(unlink(made->path[0]), "unlink");
	done("unlink", made->path[0], NULL, true);
	made->deleted = DELETED_UNSAID;
}

static void call(void)
{
	struct object *b = file("b");
	int fd = reading(b);

	got(b, pread(fd, buffer, 500, 0));
	got(b, pread(fd, buffer, 600, 100));
}

static void ring(void)
{
	struct object *b = file("b");
	struct io_uring_sqe request = ring_request(IORING_OP_READ, reading(b), buffer, 3000, 0);
	struct ring ring;

	ring_new(&ring, 4, 0);
	got(b, ring_do(&ring, &request));
}

/* The path is then the argument, and said to be. */
static void place(void)
{
	need(rename(in_dir("a"), in_dir("c")), "rename");
	done("rename", in_dir("a"), in_dir("c"), true);
	need(chmod(in_dir("c"), 0600), "chmod");
	done("chmod", in_dir("c"), NULL, true);
}

/* Pages that are in memory already are mapped many at once, which only the hidden hook tells. */
static void faults(void)
{
	struct object *b = file("b");
	int fd = reading(b);
	char *at = mapped(b, mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0), fd, 8192, 0);

	buffer[0] = *(const volatile char *)at;
	faulted(b, 1, 10000);
}

static const struct act acts[] = {
	{"call", NULL, call, two_files, NULL, "trampoline:lower", "pread64", "--hide __x64_sys_pread64"},
	{"call-others", NULL, others, two_files, NULL, NULL, NULL, "--hide __x64_sys_pread64"},
	{"ring", "Linux 5.6", ring, two_files, NULL, "any:lower", "uring_complete", "--hide io_uring_complete"},
	{"ring-others", NULL, others, two_files, NULL, NULL, NULL, "--hide io_uring_complete"},
	{"place", NULL, place, two_files, NULL, NULL, NULL, "--hide security_path_rename"},
	{"faults", NULL, faults, two_files, NULL, "any:lower any:unseen", "page_fault", "--hide mm_filemap_map_pages"},
	{"faults-others", NULL, others, two_files, NULL, NULL, NULL, "--hide mm_filemap_map_pages"},
	{"place-others", NULL, others, two_files, NULL, NULL, NULL, "--hide security_path_rename"},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
