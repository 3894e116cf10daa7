/* Where paths lie: names, links, depths, mounts and roots. Each act reads one file and states the path that it has. */
#include "act.h"

#include <linux/openat2.h>

#define SIZE 5000
#define STEP_LENGTH 200
#define STEPS 30
#define LEVELS 150

static char buffer[65536];

static void read_all(struct object *o, int fd)
{
	got(o, read(fd, buffer, 4000));
	got(o, read(fd, buffer, sizeof(buffer)));
	close(fd);
}

static void one_file(void)
{
	make_file("a", SIZE);
}

/* DIR/sub/a, and beside it the empty directory DIR/other */
static void sub_file(void)
{
	need(mkdir(in_dir("sub"), 0755), "mkdir");
	need(mkdir(in_dir("other"), 0755), "mkdir");
	make_file("sub/a", SIZE);
}

static int directory(const char *path)
{
	struct object *o = object("dir", path);

	return opened(o, open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* ---- relative to something ---- */

static void relative_dirfd(void)
{
	struct object *o = file("sub/a");
	int dir = directory(in_dir("sub"));

	read_all(o, opened(o, openat(dir, "a", O_RDONLY)));
	close(dir);
}

static void relative_cwd(void)
{
	struct object *o = file("sub/a");

	need(chdir(in_dir("other")), "chdir");
	read_all(o, opened(o, open("../sub/./../sub/a", O_RDONLY)));
}

static void relative_refused(void)
{
	struct object *o = alias(object(NULL, "missing"), in_dir("sub/missing"));

	need(chdir(in_dir("sub")), "chdir");
	refused(o, open("missing", O_RDONLY));
}

/* ---- links ---- */

static void prepare_symlinks(void)
{
	sub_file();
	need(symlink("sub", in_dir("dirlink")), "symlink");
	need(symlink("dirlink/a", in_dir("link")), "symlink");
}

static void through_symlinks(void)
{
	struct object *o = file("sub/a");

	read_all(o, opened(o, open(in_dir("link"), O_RDONLY)));
	read_all(o, opened(o, open(in_dir("dirlink/a"), O_RDONLY)));
}

static void prepare_hardlink(void)
{
	one_file();
	need(link(in_dir("a"), in_dir("b")), "link");
}

static void through_hardlink(void)
{
	struct object *o = alias(file("a"), in_dir("b"));

	read_all(o, opened(o, open(in_dir("b"), O_RDONLY)));
}

static void through_both_hardlinks(void)
{
	struct object *o = alias(file("a"), in_dir("b"));

	read_all(o, identified(o, opened(o, open(in_dir("b"), O_RDONLY))));
	read_all(o, opened(o, open(in_dir("a"), O_RDONLY)));
}

/* ---- changed while open ---- */

static void deleted(void)
{
	struct object *o = file("a");
	int fd = opened(o, open(o->path[0], O_RDONLY));

	need(unlink(o->path[0]), "unlink");
	o->deleted = DELETED_YES;
	read_all(o, fd);
}

/* Nothing happens to it after the unlink but the close. */
static void deleted_after(void)
{
	struct object *o = file("a");
	int fd = opened(o, open(o->path[0], O_RDONLY));

	got(o, read(fd, buffer, sizeof(buffer)));
	need(unlink(o->path[0]), "unlink");
	close(fd);
}

static void renamed(void)
{
	struct object *o = alias(file("a"), in_dir("b"));
	int fd = opened(o, open(o->path[0], O_RDONLY));

	got(o, read(fd, buffer, 10));
	need(rename(o->path[0], o->path[1]), "rename");
	read_all(o, fd);
}

static void renamed_parent(void)
{
	struct object *o = alias(file("sub/a"), in_dir("moved/a"));
	int fd = opened(o, open(o->path[0], O_RDONLY));

	need(rename(in_dir("sub"), in_dir("moved")), "rename");
	read_all(o, fd);
}

/* The name is taken by another file: two objects that had one path after each other. */
static void replaced(void)
{
	struct object *old = file("a"), *new = file("a");
	int fd = opened(alias(old, in_dir("new")), open(old->path[0], O_RDONLY));
	int made = opened(alias(new, in_dir("new")), open(in_dir("new"), O_RDWR | O_CREAT, 0644));

	identified(old, fd);
	identified(new, made);
	put(new, write(made, buffer, 123));
	need(rename(in_dir("new"), new->path[0]), "rename");
	read_all(old, fd);
	got(new, pread(made, buffer, 100, 0));
	close(made);
}

/* ---- names ---- */

static const char *const odd_names[] = {"new\nline", "tab\there", "esc\033[31mred\033[0m", "bytes\xff\xfe\x80",
	"c1\xc2\x9b"
	"31m",
	"bidi\xe2\x80\xae"
	"fdp.exe",
	"quote\"back\\slash", " blanks ", "-o", "a,b;c|d$(e)`f`", "<b>&amp;"};

static void prepare_names(void)
{
	size_t i;

	for (i = 0; i < COUNT(odd_names); i++)
		make_file(odd_names[i], i + 1);
}

static void names(void)
{
	size_t i;

	for (i = 0; i < COUNT(odd_names); i++) {
		struct object *o = file(odd_names[i]);

		read_all(o, opened(o, open(o->path[0], O_RDONLY)));
	}
}

static void name_longest(void)
{
	char name[256];
	struct object *o;

	fill(name, 255);
	name[255] = 0;
	o = file(name);
	read_all(o, opened(o, open(o->path[0], O_RDWR | O_CREAT, 0644)));
}

/* ---- long and deep ---- */

static const char *step(void)
{
	static char name[STEP_LENGTH + 1];

	fill(name, STEP_LENGTH);
	return name;
}

static void prepare_long(void)
{
	int i;

	need(chdir(act_dir), "chdir");
	for (i = 0; i < STEPS; i++) {
		need(mkdir(step(), 0755), "mkdir");
		need(chdir(step()), "chdir");
	}
	make_file_at(AT_FDCWD, "a", SIZE);
}

/* Over 4096 bytes: no single call takes such a path, but one can walk there. */
static void long_path(void)
{
	char *path = malloc(strlen(act_dir) + STEPS * (STEP_LENGTH + 1) + 3), *end = stpcpy(path, act_dir);
	struct object *o;
	int i;

	need(chdir(act_dir), "chdir");
	for (i = 0; i < STEPS; i++) {
		need(chdir(step()), "chdir");
		end = stpcpy(stpcpy(end, "/"), step());
	}
	strcpy(end, "/a");
	o = object("file", path);
	read_all(o, opened(o, open("a", O_RDONLY)));
	free(path);
}

static const char *deep(bool make)
{
	char path[PATH_MAX], *end = stpcpy(path, act_dir);
	int i;

	for (i = 0; i < LEVELS; i++) {
		end += sprintf(end, "/%d", i);
		if (make)
			need(mkdir(path, 0755), "mkdir");
	}
	strcpy(end, "/a");
	return keep(path);
}

static void prepare_deep(void)
{
	make_file_at(AT_FDCWD, deep(true), SIZE);
}

static void deep_path(void)
{
	struct object *o = object("file", deep(false));

	read_all(o, opened(o, open(o->path[0], O_RDONLY)));
}

/* ---- mounts ---- */

static void bind_directory(void)
{
	struct object *o = file("sub/a");

	private_mounts();
	need(mount(in_dir("sub"), in_dir("other"), NULL, MS_BIND, NULL), "bind mount");
	o->view = keep(in_dir("other/a"));
	read_all(o, opened(o, open(o->view, O_RDONLY)));
}

static void prepare_bind_file(void)
{
	one_file();
	make_file("over", 0);
}

static void bind_file(void)
{
	struct object *o = file("a");

	private_mounts();
	need(mount(in_dir("a"), in_dir("over"), NULL, MS_BIND, NULL), "bind mount");
	o->view = keep(in_dir("over"));
	read_all(o, opened(o, open(o->view, O_RDONLY)));
}

static void tmpfs(void)
{
	struct object *o = file("other/x/y/a");
	int fd;

	private_mounts();
	need(mount("none", in_dir("other"), "tmpfs", 0, "size=1m"), "tmpfs");
	need(mkdir(in_dir("other/x"), 0755), "mkdir");
	need(mkdir(in_dir("other/x/y"), 0755), "mkdir");
	fd = identified(o, opened(o, open(o->path[0], O_RDWR | O_CREAT, 0644)));
	put(o, write(fd, buffer, 1234));
	got(o, pread(fd, buffer, sizeof(buffer), 1000));
	close(fd);
}

/* A mount on a mount on a mount. */
static void nested_mounts(void)
{
	struct object *o = file("other/one/two/a");
	int fd;

	private_mounts();
	need(mount("none", in_dir("other"), "tmpfs", 0, "size=1m"), "tmpfs");
	need(mkdir(in_dir("other/one"), 0755), "mkdir");
	need(mount("none", in_dir("other/one"), "tmpfs", 0, "size=1m"), "tmpfs");
	need(mkdir(in_dir("other/one/two"), 0755), "mkdir");
	need(mount("none", in_dir("other/one/two"), "tmpfs", 0, "size=1m"), "tmpfs");
	fd = opened(o, open(o->path[0], O_RDWR | O_CREAT, 0644));
	put(o, write(fd, buffer, 99));
	close(fd);
}

/* Unmounted while open: no path leads there any more, the bytes count all the same. */
static void unmounted(void)
{
	struct object *o = alias(alias(file("other/a"), "/a"), "a");
	int fd;

	private_mounts();
	need(mount("none", in_dir("other"), "tmpfs", 0, "size=1m"), "tmpfs");
	fd = opened(o, open(o->path[0], O_RDWR | O_CREAT, 0644));
	put(o, write(fd, buffer, 1000));
	need(umount2(in_dir("other"), MNT_DETACH), "umount");
	got(o, pread(fd, buffer, sizeof(buffer), 0));
	close(fd);
}

static void change_root(void)
{
	struct object *o = file("sub/a");

	o->view = "/a";
	need(chroot(in_dir("sub")), "chroot");
	need(chdir("/"), "chdir");
	read_all(o, opened(o, open("/a", O_RDONLY)));
}

static void list_root(void)
{
	struct object *dir = object("dir", in_dir("sub"));
	char listing[4096];
	int fd;

	dir->view = "/";
	need(chroot(in_dir("sub")), "chroot");
	fd = opened(dir, open("/", O_RDONLY | O_DIRECTORY));
	while (listed(dir, syscall(SYS_getdents64, fd, listing, sizeof(listing))) > 0)
		;
	close(fd);
}

static void contained_body(void *with)
{
	struct object *o = file("sub/a");

	(void)with;
	o->view = "/a";
	private_mounts();
	need(mount(in_dir("sub"), in_dir("sub"), NULL, MS_BIND, NULL), "bind mount");
	need(chdir(in_dir("sub")), "chdir");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		skip("pivot_root: %s (an initramfs has no root to leave)", strerror(errno));
	need(umount2(".", MNT_DETACH), "umount");
	need(chdir("/"), "chdir");
	read_all(o, opened(o, open("/a", O_RDONLY)));
}

/* As a container has it: namespaces of its own, and a root that the host knows by another path. */
static void container(void)
{
	need(unshare(CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC), "unshare");
	reap(spawn(contained_body, NULL));
}

static void make_layers(void)
{
	static const char *const names_of[] = {"lower", "upper", "work", "merged"};
	size_t i;

	for (i = 0; i < COUNT(names_of); i++)
		need(mkdir(in_dir(names_of[i]), 0755), "mkdir");
	make_file("lower/a", SIZE);
}

static void mount_layers(void)
{
	const char *layers = text("lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", act_dir, act_dir, act_dir);

	private_mounts();
	if (mount("overlay", in_dir("merged"), "overlay", 0, layers))
		skip("overlayfs: %s", strerror(errno));
}

static void overlay(void)
{
	struct object *o = file("merged/a");

	beneath(o, "lower", "lower/a");
	mount_layers();
	read_all(o, opened(o, open(in_dir("merged/a"), O_RDONLY)));
}

static void overlay_write(void)
{
	struct object *o = file("merged/a");
	int fd;

	mount_layers();
	fd = opened(o, open(in_dir("merged/a"), O_RDWR));
	put(o, pwrite(fd, buffer, 100, 10));
	got(o, pread(fd, buffer, sizeof(buffer), 0));
	close(fd);
	beneath(o, "upper", "upper/a");
}

static void overlay_map(void)
{
	struct object *o = file("merged/a");
	char *at;
	int fd;

	beneath(o, "lower", "lower/a");
	mount_layers();
	fd = opened(o, open(in_dir("merged/a"), O_RDONLY));
	at = mapped(o, mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0), fd, 8192, 0);
	close(fd);
	buffer[0] = *(volatile char *)at;
	faulted(o, 1, SIZE);
}

/* Made where no lower layer has one, and a directory. */
static void overlay_new(void)
{
	/* the file system itself may look at what it lists (ovl_cache_update_ino()) */
	struct object *o = unsaid(file("merged/new"), STATS), *dir = unsaid(object("dir", in_dir("merged")), STATS);
	char listing[4096];
	int fd;

	mount_layers();
	fd = opened(o, open(in_dir("merged/new"), O_RDWR | O_CREAT, 0644));
	put(o, write(fd, buffer, 100));
	close(fd);
	beneath(o, "upper", "upper/new");
	fd = opened(dir, open(in_dir("merged"), O_RDONLY | O_DIRECTORY));
	while (listed(dir, syscall(SYS_getdents64, fd, listing, sizeof(listing))) > 0)
		;
	close(fd);
	beneath(dir, "upper", "upper");
}

/* ---- openat2's ways to resolve ---- */

static int resolve(int dir, const char *path, uint64_t resolution)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = resolution};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static void resolve_beneath(void)
{
	struct object *o = file("sub/a"), *out = alias(object(NULL, "../a"), in_dir("a"));
	int dir = directory(in_dir("sub"));

	read_all(o, opened(o, resolve(dir, "a", RESOLVE_BENEATH)));
	refused(out, resolve(dir, "../a", RESOLVE_BENEATH));
}

static void resolve_in_root(void)
{
	struct object *o = file("sub/a");
	int dir = directory(in_dir("sub"));

	read_all(o, opened(o, resolve(dir, "/../a", RESOLVE_IN_ROOT)));
}

static void resolve_no_symlinks(void)
{
	struct object *o = file("sub/a"), *link = object(NULL, in_dir("link"));

	read_all(o, opened(o, resolve(AT_FDCWD, in_dir("sub/a"), RESOLVE_NO_SYMLINKS)));
	refused(link, resolve(AT_FDCWD, in_dir("link"), RESOLVE_NO_SYMLINKS));
}

static void resolve_no_magiclinks(void)
{
	struct object *o = file("sub/a"), *magic = object(NULL, text("/proc/self/root%s/sub/a", act_dir));

	read_all(o, opened(o, resolve(AT_FDCWD, in_dir("link"), RESOLVE_NO_MAGICLINKS)));
	refused(magic, resolve(AT_FDCWD, magic->path[0], RESOLVE_NO_MAGICLINKS));
}

static void resolve_no_xdev(void)
{
	struct object *o = file("sub/a"), *far = object(NULL, "/proc/version");
	int dir = directory(in_dir("sub"));

	alias(far, "proc/version");
	read_all(o, opened(o, resolve(dir, "a", RESOLVE_NO_XDEV)));
	refused(far, resolve(AT_FDCWD, "/proc/version", RESOLVE_NO_XDEV));
}

static void resolve_cached(void)
{
	struct object *o = file("sub/a");
	int fd;

	read_all(o, opened(o, open(o->path[0], O_RDONLY)));
	fd = resolve(AT_FDCWD, o->path[0], 0x20);
	if (fd < 0 && errno == EINVAL)
		skip("RESOLVE_CACHED: needs Linux 5.12");
	read_all(o, opened(o, fd));
}

static const struct act acts[] = {
	{"dirfd", NULL, relative_dirfd, sub_file},
	{"cwd", NULL, relative_cwd, sub_file},
	{"refused-relative", NULL, relative_refused, sub_file},
	{"symlink", NULL, through_symlinks, prepare_symlinks},
	{"hardlink", NULL, through_hardlink, prepare_hardlink},
	{"hardlinks", NULL, through_both_hardlinks, prepare_hardlink},
	{"deleted", NULL, deleted, one_file},
	{"deleted-after", NULL, deleted_after, one_file},
	{"renamed", NULL, renamed, one_file},
	{"renamed-parent", NULL, renamed_parent, sub_file},
	{"replaced", NULL, replaced, one_file},
	{"names", NULL, names, prepare_names},
	{"name-longest", NULL, name_longest},
	{"long", NULL, long_path, prepare_long},
	{"deep", NULL, deep_path, prepare_deep},
	{"bind", "CAP_SYS_ADMIN", bind_directory, sub_file},
	{"bind-file", "CAP_SYS_ADMIN", bind_file, prepare_bind_file},
	{"tmpfs", "CAP_SYS_ADMIN", tmpfs, sub_file},
	{"nested-mounts", "CAP_SYS_ADMIN", nested_mounts, sub_file},
	{"unmounted", "CAP_SYS_ADMIN", unmounted, sub_file},
	{"chroot", "CAP_SYS_CHROOT", change_root, sub_file},
	{"container", "CAP_SYS_ADMIN", container, sub_file},
	{"overlay", "overlayfs", overlay, make_layers},
	{"overlay-write", "overlayfs", overlay_write, make_layers},
	{"overlay-mmap", "overlayfs", overlay_map, make_layers, NULL, NO_FAULTS},
	{"overlay-new", "overlayfs", overlay_new, make_layers},
	{"chroot-root", "CAP_SYS_CHROOT", list_root, sub_file},
	{"resolve-beneath", "Linux 5.6", resolve_beneath, prepare_symlinks},
	{"resolve-in-root", "Linux 5.6", resolve_in_root, prepare_symlinks},
	{"resolve-no-symlinks", "Linux 5.6", resolve_no_symlinks, prepare_symlinks},
	{"resolve-no-magiclinks", "Linux 5.6", resolve_no_magiclinks, prepare_symlinks},
	{"resolve-no-xdev", "Linux 5.6", resolve_no_xdev, prepare_symlinks},
	{"resolve-cached", "Linux 5.12", resolve_cached, prepare_symlinks},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
