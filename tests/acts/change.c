/* What changes: names, modes, owners, times, attributes and sizes. Each is an action with its path, and in trampoline
 * mode the path is the kernel's own. */
#include "act.h"

#include <linux/fs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#define SIZE 5000

static void one_file(void)
{
	make_file("a", SIZE);
}

static void two_files(void)
{
	make_file("a", SIZE);
	make_file("b", 10);
}

static void one_directory(void)
{
	need(mkdir(in_dir("sub"), 0755), "mkdir");
}

/* One such action, once, if the call went well. */
static struct action *did(long result, const char *kind, const char *name, const char *to)
{
	struct action *a;

	need(result, kind);
	a = action(kind, name ? in_dir(name) : NULL, to ? in_dir(to) : NULL);
	a->times = 1;
	a->kernel_path = true;
	return a;
}

static int directory(void)
{
	struct object *o = object("dir", act_dir);

	return opened(o, open(act_dir, O_PATH | O_DIRECTORY));
}

static int opened_file(int flags)
{
	struct object *o = file("a");

	return opened(o, open(o->path[0], flags));
}

/* ---- names ---- */

static void do_rename(void)
{
	did(syscall(SYS_rename, in_dir("a"), in_dir("b")), "rename", "a", "b");
}

static void do_renameat(void)
{
	int dir = directory();
	struct action *a = did(syscall(SYS_renameat, dir, "a", dir, "b"), "rename", "a", "b");

	also(a->path, "a");
	also(a->to, "b");
}

static void do_exchange(void)
{
	did(syscall(SYS_renameat2, AT_FDCWD, in_dir("a"), AT_FDCWD, in_dir("b"), RENAME_EXCHANGE), "rename", "a", "b");
}

static void do_unlink(void)
{
	did(syscall(SYS_unlink, in_dir("a")), "unlink", "a", NULL);
}

static void do_unlinkat(void)
{
	did(syscall(SYS_unlinkat, AT_FDCWD, in_dir("a"), 0), "unlink", "a", NULL);
}

static void do_rmdir(void)
{
	did(syscall(SYS_rmdir, in_dir("sub")), "rmdir", "sub", NULL);
}

static void do_rmdir_at(void)
{
	did(syscall(SYS_unlinkat, AT_FDCWD, in_dir("sub"), AT_REMOVEDIR), "rmdir", "sub", NULL);
}

static void do_link(void)
{
	did(syscall(SYS_link, in_dir("a"), in_dir("b")), "link", "a", "b");
}

static void do_linkat(void)
{
	did(syscall(SYS_linkat, AT_FDCWD, in_dir("a"), AT_FDCWD, in_dir("b"), 0), "link", "a", "b");
}

/* The new name is `path`; what it says is `to`. */
static void do_symlink(void)
{
	did(syscall(SYS_symlink, in_dir("a"), in_dir("b")), "symlink", "b", "a");
}

static void do_symlinkat(void)
{
	did(syscall(SYS_symlinkat, in_dir("a"), AT_FDCWD, in_dir("b")), "symlink", "b", "a");
}

static void do_mkdir(void)
{
	did(syscall(SYS_mkdir, in_dir("sub"), 0755), "mkdir", "sub", NULL);
}

static void do_mkdirat(void)
{
	did(syscall(SYS_mkdirat, AT_FDCWD, in_dir("sub"), 0755), "mkdir", "sub", NULL);
}

static void do_mknod(void)
{
	did(syscall(SYS_mknod, in_dir("fifo"), S_IFIFO | 0600, 0), "mknod", "fifo", NULL);
}

static void do_mknodat(void)
{
	did(syscall(SYS_mknodat, AT_FDCWD, in_dir("device"), S_IFCHR | 0600, makedev(1, 3)), "mknod", "device", NULL);
}

static void do_odd_rename(void)
{
	did(rename(in_dir("a"), in_dir("new\nline\033[31m")), "rename", "a", "new\nline\033[31m");
	did(unlink(in_dir("new\nline\033[31m")), "unlink", "new\nline\033[31m", NULL);
}

/* Through a link and by a relative name: the kernel's path is that of the object. */
static void do_relative(void)
{
	struct action *a;

	need(chdir(in_dir("sub")), "chdir");
	a = did(unlink("../a"), "unlink", "a", NULL);
	also(a->path, "../a");
}

static void prepare_relative(void)
{
	one_file();
	one_directory();
}

/* What the kernel refuses did not change anything: said with its outcome, or not at all, but never as done. */
static void do_refused(void)
{
	if (!rename(in_dir("missing"), in_dir("b")) || !unlink(in_dir("missing")) || !rmdir(in_dir("a")))
		exit(2);
	did(unlink(in_dir("a")), "unlink", "a", NULL);
}

/* ---- modes, owners, times, attributes ---- */

static void do_chmod(void)
{
	did(syscall(SYS_chmod, in_dir("a"), 0600), "chmod", "a", NULL);
}

static void do_fchmod(void)
{
	did(syscall(SYS_fchmod, opened_file(O_RDONLY), 0600), "chmod", "a", NULL);
}

static void do_fchmodat(void)
{
	did(syscall(SYS_fchmodat, AT_FDCWD, in_dir("a"), 0600), "chmod", "a", NULL);
}

static void do_fchmodat2(void)
{
	did(syscall(452, AT_FDCWD, in_dir("a"), 0600, 0), "chmod", "a", NULL);
}

static void do_chown(void)
{
	did(syscall(SYS_chown, in_dir("a"), 1, 1), "chown", "a", NULL);
}

static void do_lchown(void)
{
	did(syscall(SYS_lchown, in_dir("a"), 1, 1), "chown", "a", NULL);
}

static void do_fchown(void)
{
	did(syscall(SYS_fchown, opened_file(O_RDONLY), 1, 1), "chown", "a", NULL);
}

static void do_fchownat(void)
{
	did(syscall(SYS_fchownat, AT_FDCWD, in_dir("a"), 1, 1, 0), "chown", "a", NULL);
}

static struct action *times_set(long result)
{
	struct action *a = did(result, "utimensat", "a", NULL);

	also(a->kind, "utimes");
	also(a->kind, "utime");
	return a;
}

static void do_utimensat(void)
{
	times_set(syscall(SYS_utimensat, AT_FDCWD, in_dir("a"), NULL, 0));
}

static void do_futimens(void)
{
	times_set(syscall(SYS_utimensat, opened_file(O_RDONLY), NULL, NULL, 0));
}

static void do_utimes(void)
{
	times_set(syscall(SYS_utimes, in_dir("a"), NULL));
}

static void do_utime(void)
{
	times_set(syscall(SYS_utime, in_dir("a"), NULL));
}

static void do_setxattr(void)
{
	did(setxattr(in_dir("a"), "user.quis", "value", 5, 0), "setxattr", "a", NULL);
}

static void do_fsetxattr(void)
{
	did(fsetxattr(opened_file(O_RDONLY), "user.quis", "value", 5, 0), "setxattr", "a", NULL);
}

static void do_removexattr(void)
{
	did(lsetxattr(in_dir("a"), "user.quis", "value", 5, 0), "setxattr", "a", NULL);
	did(removexattr(in_dir("a"), "user.quis"), "removexattr", "a", NULL);
}

/* ---- sizes ---- */

static void do_truncate(void)
{
	did(truncate(in_dir("a"), 10), "truncate", "a", NULL);
}

static void do_ftruncate(void)
{
	did(ftruncate(opened_file(O_WRONLY), 10), "truncate", "a", NULL);
}

static void do_fallocate(void)
{
	did(fallocate(opened_file(O_WRONLY), 0, 0, 20000), "fallocate", "a", NULL);
}

static void punch(void)
{
	did(fallocate(opened_file(O_WRONLY), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), "fallocate", "a",
		NULL);
}

/* ---- much of it ---- */

#define BURST 1000

static void prepare_burst(void)
{
	int i;

	for (i = 0; i < BURST; i++)
		make_file(text("%d", i), 0);
}

/* A thousand files deleted, as by a cleaner or by ransomware: each is named. */
static void burst(void)
{
	int i;

	for (i = 0; i < BURST; i++) {
		const char *name = text("%d", i);

		did(unlink(in_dir(name)), "unlink", name, NULL);
	}
}

static const struct act acts[] = {
	{"rename", NULL, do_rename, one_file},
	{"renameat", NULL, do_renameat, one_file},
	{"rename-exchange", "RENAME_EXCHANGE", do_exchange, two_files},
	{"unlink", NULL, do_unlink, one_file},
	{"unlinkat", NULL, do_unlinkat, one_file},
	{"rmdir", NULL, do_rmdir, one_directory},
	{"unlinkat-rmdir", NULL, do_rmdir_at, one_directory},
	{"link", NULL, do_link, one_file},
	{"linkat", NULL, do_linkat, one_file},
	{"symlink", NULL, do_symlink},
	{"symlinkat", NULL, do_symlinkat},
	{"mkdir", NULL, do_mkdir},
	{"mkdirat", NULL, do_mkdirat},
	{"mknod", NULL, do_mknod},
	{"mknodat", "CAP_MKNOD", do_mknodat},
	{"odd-names", NULL, do_odd_rename, one_file},
	{"relative", NULL, do_relative, prepare_relative},
	{"refused", NULL, do_refused, one_file},
	{"chmod", NULL, do_chmod, one_file},
	{"fchmod", NULL, do_fchmod, one_file},
	{"fchmodat", NULL, do_fchmodat, one_file},
	{"fchmodat2", "Linux 6.6", do_fchmodat2, one_file},
	{"chown", "CAP_CHOWN", do_chown, one_file},
	{"lchown", "CAP_CHOWN", do_lchown, one_file},
	{"fchown", "CAP_CHOWN", do_fchown, one_file},
	{"fchownat", "CAP_CHOWN", do_fchownat, one_file},
	{"utimensat", NULL, do_utimensat, one_file},
	{"futimens", NULL, do_futimens, one_file},
	{"utimes", NULL, do_utimes, one_file},
	{"utime", NULL, do_utime, one_file},
	{"setxattr", "user attributes", do_setxattr, one_file},
	{"fsetxattr", "user attributes", do_fsetxattr, one_file},
	{"removexattr", "user attributes", do_removexattr, one_file},
	{"truncate", NULL, do_truncate, one_file},
	{"ftruncate", NULL, do_ftruncate, one_file},
	{"fallocate", "fallocate", do_fallocate, one_file},
	{"punch-hole", "FALLOC_FL_PUNCH_HOLE", punch, one_file},
	{"burst", NULL, burst, prepare_burst},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
