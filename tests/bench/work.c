/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workloads of the bench, one a run: `work NAME COUNT [DIR|PORT]` does COUNT operations and prints the nanoseconds
 * that they took. What a run does besides (start, open, connect) lies outside of the measured time. `work make COUNT
 * DIR` makes the files.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static uint64_t began;

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void begin(void)
{
	began = now();
}

static void end(void)
{
	printf("%llu\n", (unsigned long long)(now() - began));
}

/* ---- files ---- */

static void file_name(char name[64], unsigned i)
{
	snprintf(name, 64, "folder-%03u/letter-%06u.txt", i / FILES_A_FOLDER, i);
}

static void make(unsigned count, const char *dir)
{
	char name[64], bytes[FILE_BYTES];
	unsigned i;
	int fd;

	memset(bytes, 'x', sizeof(bytes));
	if ((mkdir(dir, 0755) && access(dir, W_OK)) || chdir(dir))
		die(dir);
	for (i = 0; i < count; i++) {
		file_name(name, i);
		if (i % FILES_A_FOLDER == 0) {
			*strchr(name, '/') = '\0';
			if (mkdir(name, 0755))
				die(name);
			file_name(name, i);
		}
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd < 0 || write(fd, bytes, sizeof(bytes)) != sizeof(bytes) || close(fd))
			die(name);
	}
}

static void scan(unsigned count, const char *dir)
{
	char name[64], bytes[4096];
	struct stat st;
	unsigned i;
	int fd;

	if (chdir(dir))
		die(dir);
	begin();
	for (i = 0; i < count; i++) {
		file_name(name, i);
		fd = open(name, O_RDONLY);
		if (fd < 0 || fstat(fd, &st) || read(fd, bytes, sizeof(bytes)) != FILE_BYTES || close(fd))
			die(name);
	}
	end();
}

/* Spread over a second. */
static void *open_share(void *share)
{
	unsigned count = *(unsigned *)share, i;
	struct timespec pause = {.tv_nsec = 1000000};
	uint64_t first = now();
	char name[64];
	int fd;

	for (i = 0; i < count; i++) {
		file_name(name, i);
		fd = open(name, O_RDONLY);
		if (fd < 0)
			_exit(1);
		close(fd);
		while (i % 50 == 0 && (now() - first) * count < i * 1000000000ULL)
			nanosleep(&pause, NULL);
	}
	return NULL;
}

/* So many children do the same, at once. */
static void in_children(unsigned count, void *(*run)(void *), unsigned share)
{
	unsigned i;
	int status;

	for (i = 0; i < count; i++) {
		if (!fork()) {
			run(&share);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		if (status)
			die("a child");
}

/* (process, file) pairs: some processes open the same files. */
static void pairs(unsigned count, const char *dir)
{
	if (chdir(dir))
		die(dir);
	begin();
	in_children(PAIR_PROCESSES, open_share, count / PAIR_PROCESSES);
	end();
}

/* ---- pread, alone; or many at once: how the cost of one grows; COUNT of them share these many calls ---- */

#define SHARED_CALLS 400000

static int shared_fd;

static void *pread_share(void *calls)
{
	char bytes[64];
	unsigned i;

	for (i = 0; i < *(unsigned *)calls; i++)
		if (pread(shared_fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
			die("pread");
	return NULL;
}

static void open_shared(const char *dir)
{
	char name[64];

	file_name(name, 0);
	if (chdir(dir) || (shared_fd = open(name, O_RDONLY)) < 0)
		die(dir);
}

static void pread_small(unsigned count, const char *dir)
{
	open_shared(dir);
	begin();
	pread_share(&count);
	end();
}

static void processes(unsigned count, const char *dir)
{
	open_shared(dir);
	begin();
	in_children(count, pread_share, SHARED_CALLS / count);
	end();
}

static void threads(unsigned count, const char *dir)
{
	unsigned calls = SHARED_CALLS / count, i;
	pthread_t thread[64];

	open_shared(dir);
	begin();
	for (i = 0; i < count && i < 64; i++)
		if (pthread_create(&thread[i], NULL, pread_share, &calls))
			die("a thread");
	while (i--)
		pthread_join(thread[i], NULL);
	end();
}

/* ---- a call that no hook is for ---- */

static void getppid_loop(unsigned count, const char *unused)
{
	unsigned i;

	(void)unused;
	begin();
	for (i = 0; i < count; i++)
		syscall(SYS_getppid);
	end();
}

/* ---- network: the other end is a process of the driver, which is not recorded ---- */

static int connect_to(const char *port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(atoi(port)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
		connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	return fd;
}

static void echo(unsigned count, const char *port)
{
	int fd = connect_to(port);
	char bytes[64] = "";
	unsigned i;

	begin();
	for (i = 0; i < count; i++) {
		if (send(fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
			die("send");
		if (recv(fd, bytes, sizeof(bytes), MSG_WAITALL) != sizeof(bytes))
			die("recv");
	}
	end();
}

/* A connection each, whose first bytes hold a name: what is copied of them and parsed is the cost. Ends by a reset, so that no port stays taken. */
static void connects(unsigned count, const char *port)
{
	static const char head[] = "POST / HTTP/1.1\r\nHost: " CONNECT_NAME "\r\nContent-Length: 900\r\n\r\n";
	struct linger reset = {.l_onoff = 1};
	char bytes[CONNECT_BYTES];
	unsigned i;
	int fd;

	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, head, sizeof(head) - 1);
	begin();
	for (i = 0; i < count; i++) {
		fd = connect_to(port);
		if (send(fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
			die("send");
		if (recv(fd, bytes, sizeof(bytes), MSG_WAITALL) != sizeof(bytes))
			die("recv");
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
	}
	end();
}

static void sends(unsigned count, const char *port)
{
	static char bytes[1 << 16];
	int fd = connect_to(port);
	unsigned i;

	begin();
	for (i = 0; i < count; i++)
		if (send(fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
			die("send");
	end();
}

/* ---- fork and exec of a small static program ---- */

static void spawn(unsigned count, const char *leaf)
{
	unsigned i;
	int status;
	pid_t pid;

	begin();
	for (i = 0; i < count; i++) {
		pid = fork();
		if (pid < 0)
			die("fork");
		if (!pid) {
			execl(leaf, "leaf", (char *)NULL);
			_exit(127);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			die(leaf);
	}
	end();
}

static const struct {
	const char *name;
	void (*run)(unsigned count, const char *where);
} workloads[] = {
	{"make", make},
	{"getppid", getppid_loop},
	{"scan", scan},
	{"pread", pread_small},
	{"echo", echo},
	{"connect", connects},
	{"send", sends},
	{"spawn", spawn},
	{"pairs", pairs},
	{"processes", processes},
	{"threads", threads},
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc == 4 && i < sizeof(workloads) / sizeof(*workloads); i++) {
		if (strcmp(argv[1], workloads[i].name))
			continue;
		workloads[i].run(atoi(argv[2]), argv[3]);
		return 0;
	}
	fputs("usage: work NAME COUNT WHERE\n", stderr);
	return 2;
}
