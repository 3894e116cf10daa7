/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts and stops quis-record, and reads what it costs from /proc. */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 120000
#define END_MS 60000
#define SEGMENT "%s/facts-%06u.ndjson"

static void check_alive(struct sensor *s)
{
	int status;

	if (waitpid(s->pid, &status, WNOHANG) != s->pid)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		exit(77); /* it has said why */
	stop("quis-record ended (status 0x%x) before it was told to", status);
}

/* A case goes on in the next file when one is full; false: it has not yet. */
static bool next_segment(struct sensor *s)
{
	char path[PATH_MAX];
	FILE *next;

	snprintf(path, sizeof(path), SEGMENT, s->case_path, s->segment + 1);
	next = fopen(path, "r");
	if (!next)
		return false;
	if (s->facts)
		fclose(s->facts);
	s->facts = next;
	s->segment++;
	return true;
}

void sensor_start(struct sensor *s, const char *const *flags)
{
	static unsigned number;
	const char *argv[40] = {options.record, "record", "-o", s->case_path};
	char path[PATH_MAX];
	struct stat st;
	unsigned waited;
	size_t i = 4;

	memset(s, 0, sizeof(*s));
	snprintf(s->case_path, sizeof(s->case_path), "%s/case-%u", options.dir, ++number);
	if (options.hooks) {
		argv[i++] = "--hooks";
		argv[i++] = options.hooks;
	}
	while (*flags && i < 38)
		argv[i++] = *flags++;
	s->pid = fork();
	if (s->pid < 0)
		stop("fork: %s", strerror(errno));
	if (!s->pid) {
		prctl(PR_SET_PDEATHSIG, SIGINT);
		execv(argv[0], (char **)argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	snprintf(path, sizeof(path), SEGMENT, s->case_path, 1);
	for (waited = 0; stat(path, &st) || !st.st_size; waited += 5) {
		check_alive(s);
		if (waited > READY_MS)
			stop("quis-record wrote nothing for %d s", READY_MS / 1000);
		nap(5);
	}
	next_segment(s);
	if (!s->facts)
		stop("%s: %s", path, strerror(errno));
}

/* The rest of a long case is read by blocks; a line that is not whole yet is read again the next time. */
void sensor_wait_end(struct sensor *s, pid_t pid)
{
	static char *line;
	static size_t size;
	char mark[64], next[PATH_MAX];
	unsigned waited;
	ssize_t length;
	bool full;

	snprintf(mark, sizeof(mark), "\"process.pid\":%d,", (int)pid);
	for (waited = 0; waited < END_MS; waited += 20) {
		snprintf(next, sizeof(next), SEGMENT, s->case_path, s->segment + 1);
		full = !access(next, F_OK); /* asked first: then what is read up to the end is all of it */
		while ((length = getline(&line, &size, s->facts)) > 0) {
			if (line[length - 1] != '\n') {
				fseek(s->facts, -length, SEEK_CUR);
				break;
			}
			if (strstr(line, "\"quis.fact\":\"process-end\"") && strstr(line, mark))
				return;
		}
		if (full && next_segment(s))
			continue;
		clearerr(s->facts);
		check_alive(s);
		nap(20);
	}
	stop("no process-end of %d in %s", (int)pid, s->case_path);
}

void sensor_stop(struct sensor *s)
{
	int status;

	kill(s->pid, SIGINT);
	if (waitpid(s->pid, &status, 0) != s->pid || status)
		stop("quis-record ended with status 0x%x", status);
	if (s->facts)
		fclose(s->facts);
	s->facts = NULL;
}

void sensor_forget(struct sensor *s)
{
	DIR *directory = opendir(s->case_path);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory)
		closedir(directory);
	rmdir(s->case_path);
}

/* schedstat has nanoseconds; stat, where there is no schedstat, has ticks. */
static uint64_t process_cpu(pid_t pid)
{
	unsigned long long ns = 0, user = 0, system = 0;
	char path[64], line[1024], *after;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	file = fopen(path, "r");
	if (file) {
		if (fscanf(file, "%llu", &ns) != 1)
			ns = 0;
		fclose(file);
		if (ns)
			return ns;
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	after = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	if (!after || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
		stop("%s cannot be read", path);
	fclose(file);
	return (user + system) * (1000000000ULL / sysconf(_SC_CLK_TCK));
}

/* Both of its processes: the other one reads and hashes for it. */
uint64_t sensor_cpu(const struct sensor *s)
{
	uint64_t sum = process_cpu(s->pid);
	char path[64];
	FILE *file;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)s->pid, (int)s->pid);
	file = fopen(path, "r");
	while (file && fscanf(file, "%d", &child) == 1)
		sum += process_cpu(child);
	if (file)
		fclose(file);
	return sum;
}

const char *sensor_hooks(const struct sensor *s)
{
	char line[16384];

	rewind(s->facts);
	return fgets(line, sizeof(line), s->facts) && strstr(line, "\"quis.hooks\":\"trampoline\"") ? "trampoline" : "tracepoint";
}

long sensor_status(const struct sensor *s, const char *field)
{
	char path[64], line[256];
	size_t length = strlen(field);
	long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)s->pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, field, length) && line[length] == ':')
			value = strtol(line + length + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

uint64_t sensor_map_bytes(const struct sensor *s)
{
	char path[64], line[256];
	unsigned long long bytes, sum = 0;
	int fd, directory;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)s->pid);
	directory = open(path, O_RDONLY | O_DIRECTORY);
	for (fd = 0; directory >= 0 && fd < 1024; fd++) {
		bool map = false;
		int one;

		snprintf(path, sizeof(path), "%d", fd);
		one = openat(directory, path, O_RDONLY);
		file = one < 0 ? NULL : fdopen(one, "r");
		while (file && fgets(line, sizeof(line), file)) {
			map |= !strncmp(line, "map_type:", 9);
			if (map && sscanf(line, "memlock: %llu", &bytes) == 1)
				sum += bytes;
		}
		if (file)
			fclose(file);
	}
	if (directory >= 0)
		close(directory);
	return sum;
}
