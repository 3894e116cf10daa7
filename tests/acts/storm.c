/* Much at once: many calls, many files, many processes. */
#include "act.h"

#include <sys/sendfile.h>
#include <sys/sysinfo.h>

#define PREADS 1000000
#define FILES 10000
#define CHILDREN 2000
#define MANY_FILES 200000
#define FLOOD 50000
#define AT_ONCE 64
#define TURNS 200
#define TURN_FILES 24 /* more than the kernel side keeps apart as opened last */
#define TURN_PROCESSES 4
#define ENDS 66 /* ENDS * (ENDS - 1): more pairs than the kernel side has counters for */

static char buffer[65536];

/* QUIS_ACT_SCALE=10 makes a tenth of everything: for emulated machines. The truth says so, and how long it took. */
static int scaled(int n)
{
	const char *scale = getenv("QUIS_ACT_SCALE");
	int divisor = scale ? atoi(scale) : 1;

	area->scale = divisor > 1 ? divisor : 1;
	return n / area->scale;
}

static void one_file(void)
{
	make_file("a", 100000);
}

/* A million small reads while the epochs flip every tenth of a second. */
static void preads(void)
{
	struct object *o = file("a");
	int fd = opened(o, open(o->path[0], O_RDONLY)), n = scaled(PREADS), i;

	for (i = 0; i < n; i++)
		got(o, pread(fd, buffer, 64, i % 90000));
	close(fd);
}

static void pwrites(void)
{
	struct object *o = file("a");
	int fd = opened(o, open(o->path[0], O_WRONLY)), n = scaled(PREADS / 10), i;

	for (i = 0; i < n; i++)
		put(o, pwrite(fd, buffer, 64, i % 90000));
	close(fd);
}

static const char *numbered(int i)
{
	return text("%d/%d", i / 1000, i);
}

static void make_files(int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (i % 1000 == 0)
			need(mkdir(in_dir(text("%d", i / 1000)), 0755), "mkdir");
		make_file(numbered(i), (size_t)(i % 50));
	}
}

static void prepare_files(void)
{
	make_files(scaled(FILES));
}

static void read_file(int i)
{
	struct object *o = file(numbered(i));
	int fd = opened(o, open(o->path[0], O_RDONLY));

	got(o, read(fd, buffer, sizeof(buffer)));
	close(fd);
}

static void files(void)
{
	int n = scaled(FILES), i;

	for (i = 0; i < n; i++)
		read_file(i);
}

static void prepare_many_files(void)
{
	struct sysinfo memory;

	if (sysinfo(&memory) || memory.totalram * memory.mem_unit / 30000 < (unsigned long)scaled(MANY_FILES))
		skip("a report of %d files wants 6 GB of memory", scaled(MANY_FILES));
	need(mkdir(in_dir("many"), 0755), "mkdir");
}

static void make_and_read(struct object *sum, int dir, int i)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%d", i);
	fd = opened(sum, openat(dir, name, O_RDWR | O_CREAT, 0600));
	put(sum, write(fd, buffer, i % 10 ? 0 : 7));
	got(sum, pread(fd, buffer, sizeof(buffer), 0));
	close(fd);
}

/* One truth for the sums below DIR instead of 200,000: that paths are right is proved by the acts before. A file system
 * in memory lets the files be made in a few seconds. */
static void many_files(void)
{
	struct object *sum;
	int n = scaled(MANY_FILES), dir, i;

	private_mounts();
	need(mount("none", in_dir("many"), "tmpfs", 0, NULL), "tmpfs");
	sum = object("sum", act_dir);
	dir = opened(sum, open(in_dir("many"), O_PATH | O_DIRECTORY));
	for (i = 0; i < n; i++)
		make_and_read(sum, dir, i);
	sum->ino = (uint64_t)n + 1;
}

static void prepare_children(void)
{
	int n = scaled(CHILDREN), i;

	for (i = 0; i < n; i++)
		make_file(text("%d", i), (size_t)(i % 50));
}

static void child(void *with)
{
	struct object *o = file(text("%d", *(int *)with));
	int fd = opened(o, open(o->path[0], O_RDONLY));

	got(o, read(fd, buffer, sizeof(buffer)));
}

/* Each lives for well under a millisecond. */
static void children(void)
{
	int n = scaled(CHILDREN), i;

	for (i = 0; i < n; i++)
		reap(spawn(child, &i));
}

static void children_at_once(void)
{
	struct process *running[AT_ONCE] = {NULL};
	int n = scaled(CHILDREN), i;

	for (i = 0; i < n + AT_ONCE; i++) {
		if (running[i % AT_ONCE])
			reap(running[i % AT_ONCE]);
		running[i % AT_ONCE] = i < n ? spawn(child, &i) : NULL;
	}
}

static void idle(void *with)
{
	(void)with;
}

static void forks(void)
{
	int n = scaled(CHILDREN), i;

	for (i = 0; i < n; i++)
		reap(spawn(idle, NULL));
}

static void prepare_ends(void)
{
	int i;

	for (i = 0; i < ENDS; i++)
		make_file(text("%d", i), 10);
}

/* From each file to each other, all in one epoch. */
static void transfers(void)
{
	struct object *o[ENDS];
	int in[ENDS], out[ENDS], i, k;
	off_t at;

	for (i = 0; i < ENDS; i++) {
		o[i] = file(text("%d", i));
		in[i] = opened(o[i], open(o[i]->path[0], O_RDONLY));
		out[i] = opened(o[i], open(o[i]->path[0], O_WRONLY));
	}
	for (i = 0; i < ENDS; i++) {
		for (k = 0; k < ENDS; k++) {
			at = 0;
			if (i != k)
				moved(o[i], o[k], sendfile(out[k], in[i], &at, 7));
		}
	}
}

/* One name back and forth: a burst that may be merged, not dropped. */
static void renames(void)
{
	struct action *there = action("rename", in_dir("a"), in_dir("b"));
	struct action *back = action("rename", in_dir("b"), in_dir("a"));
	int n = scaled(FLOOD), i;

	for (i = 0; i < n; i++) {
		struct action *a = i % 2 ? back : there;

		need(rename(a->path[0], a->to[0]), "rename");
		a->times++;
	}
}

/* Names that are not there, all different: no kernel object bounds their number. */
static void probes(void)
{
	struct object *sum = object("sum", act_dir);
	int n = scaled(FILES), i;
	char path[PATH_MAX];

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/missing-%d", act_dir, i);
		refused(sum, open(path, O_RDONLY));
	}
	sum->ino = (uint64_t)n;
}

static void prepare_turns(void)
{
	int i;

	for (i = 0; i < TURN_FILES; i++)
		make_file(text("%d", i), 1000);
}

static void next_processor(int i)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(i % sysconf(_SC_NPROCESSORS_ONLN), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/*
 * The same files again and again, in an order that takes turns: opened and left, opened and read later after many others and on another
 * processor, opened twice at once.
 */
static void take_turns(void *with)
{
	int n = scaled(TURNS), fd[TURN_FILES], turn, i, again;
	struct object *o[TURN_FILES];

	for (i = 0; i < TURN_FILES; i++)
		o[i] = file(text("%d", i));
	for (turn = 0; turn < n; turn++) {
		next_processor(turn + *(int *)with);
		for (i = 0; i < TURN_FILES; i++)
			fd[i] = opened(o[i], open(o[i]->path[0], O_RDWR));
		if (turn % 3 == 0)
			next_processor(turn + *(int *)with + 1);
		for (i = 0; i < TURN_FILES; i++) {
			got(o[i], pread(fd[i], buffer, (size_t)(turn % 90 + i), 0));
			if ((i + turn) % 5)
				continue;
			again = opened(o[i], open(o[i]->path[0], O_WRONLY));
			put(o[i], pwrite(again, buffer, (size_t)i, 0));
			close(again);
		}
		for (i = 0; i < TURN_FILES; i++)
			close(fd[i]);
	}
}

static void turns(void)
{
	struct process *running[TURN_PROCESSES];
	int i;

	for (i = 0; i < TURN_PROCESSES; i++)
		running[i] = spawn(take_turns, &i);
	for (i = 0; i < TURN_PROCESSES; i++)
		reap(running[i]);
}

static const struct act acts[] = {
	{"preads", NULL, preads, one_file, NULL, NULL, NULL, "--epoch-ms 100"},
	{"pwrites", NULL, pwrites, one_file, NULL, NULL, NULL, "--epoch-ms 100"},
	{"files", NULL, files, prepare_files},
	{"turns", NULL, turns, prepare_turns, NULL, NULL, NULL, "--epoch-ms 100"},
	{"children", NULL, children, prepare_children},
	{"children-at-once", NULL, children_at_once, prepare_children},
	{"forks", NULL, forks},
	{"many-files", "6 GB of memory", many_files, prepare_many_files, NULL, "any:lower"},
	{"transfers", NULL, transfers, prepare_ends},
	{"renames", NULL, renames, one_file},
	{"probes", NULL, probes},
};

int main(int argc, char **argv)
{
	return act_main(acts, COUNT(acts), argc, argv);
}
