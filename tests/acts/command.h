/* Runs a command in a process group of its own, within a time limit, and keeps what it said. */
#ifndef QUIS_COMMAND_H
#define QUIS_COMMAND_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_MAX (256UL << 20)

/* What a command left behind: its output, the end of its errors, and its status as a shell would give it. */
struct outcome {
	char *out;
	size_t size;
	char *errors;
	int status;
	bool late;
};

static volatile sig_atomic_t interrupted;
static volatile pid_t running;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "run: %s: %s\n", what, strerror(errno));
	exit(2);
}

static char *__attribute__((format(printf, 1, 2))) format(const char *text, ...)
{
	char *line;
	va_list args;
	int n;

	va_start(args, text);
	n = vasprintf(&line, text, args);
	va_end(args);
	if (n < 0)
		die("memory");
	return line;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Everything is opened before the fork: in a batch the child is recorded, and opens of ours would be taken for the
 * act's. */
static pid_t start(char *const *argv, int out, const char *errors_path)
{
	int errors = open(errors_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	if (errors < 0 || null < 0)
		die(errors_path);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		setpgid(0, 0);
		if (dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(errors, 2) < 0)
			_exit(127);
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(errors);
	close(null);
	return pid;
}

/* Reads until the other end is closed or time is over; false when it is. */
static bool drain(int in, struct outcome *o, int64_t deadline)
{
	size_t room = 0;

	for (;;) {
		struct pollfd p = {.fd = in, .events = POLLIN};
		int64_t left = deadline - now_ms();
		ssize_t n;

		if (left <= 0 || interrupted || poll(&p, 1, (int)left) == 0 || o->size > OUTPUT_MAX)
			return false;
		if (room < o->size + 65537) {
			room = room * 2 + 131072;
			o->out = realloc(o->out, room);
			if (!o->out)
				die("memory");
		}
		n = read(in, o->out + o->size, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		o->size += (size_t)n;
	}
	o->out[o->size] = 0;
	return true;
}

/* The group is one that this runner made; it goes on until the leader is gone. */
static int finish(pid_t pid, int64_t deadline, bool *late)
{
	int status, signal = SIGTERM;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (*late || now_ms() > deadline) {
			*late = true;
			kill(-pid, signal);
			signal = SIGKILL;
			sleep(3);
		}
		usleep(2000);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char *slurp_end(const char *path, size_t most)
{
	char *text = calloc(1, most + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st)) {
		off_t from = st.st_size > (off_t)most ? st.st_size - (off_t)most : 0;

		if (pread(fd, text, most, from) < 0)
			*text = 0;
	}
	if (fd >= 0)
		close(fd);
	return text;
}

/* By directory fd: an act's paths may be longer than the kernel takes at once. */
static void remove_tree(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (list && (entry = readdir(list))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(fd, entry->d_name, 0))
			remove_tree(fd, entry->d_name);
	}
	if (list)
		closedir(list);
	unlinkat(dir, name, AT_REMOVEDIR);
}

/* The command is told too; work files are removed as at any end. */
static void interrupt(int signal)
{
	interrupted = signal;
	if (running)
		kill(-running, SIGTERM);
}

static void run(struct outcome *o, char *const *argv, const char *errors_path, int seconds)
{
	int64_t deadline = now_ms() + seconds * 1000LL;
	int ends[2];
	pid_t pid;

	memset(o, 0, sizeof(*o));
	if (pipe2(ends, O_CLOEXEC))
		die("pipe");
	pid = start(argv, ends[1], errors_path);
	running = pid;
	close(ends[1]);
	o->late = !drain(ends[0], o, deadline);
	o->status = finish(pid, deadline, &o->late);
	running = 0;
	close(ends[0]);
	o->errors = slurp_end(errors_path, 2000);
}

static void outcome_done(struct outcome *o)
{
	free(o->out);
	free(o->errors);
}

#endif
