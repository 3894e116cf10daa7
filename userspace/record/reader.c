/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/reader.h"

#include "record/cgroup.h"
#include "record/confine.h"
#include "record/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define READER_FD 3
#define ANSWER_WAIT                                                                                                    \
	5000 /* ms; hashing 256 MiB takes less. Then it is taken for stopped by somebody, and never asked again. */

enum question { ASK_HASH, ASK_CGROUP, ASK_RUNS_PATH, ASK_EXECUTABLE };

struct request {
	uint32_t question;
	int32_t tgid;
	uint64_t id; /* inode or control group */
	uint32_t dev;
	uint32_t length;
	char path[PATH_MAX];
};

struct answer {
	uint32_t known;
	char text[PATH_MAX];
};

static int channel = -1;
static pid_t reader;
static bool lost;

static void answer_hash(const struct request *q, struct answer *a)
{
	a->known = q->length < sizeof(q->path) && hash_executable(q->tgid, q->path, q->length, q->dev, q->id, a->text);
}

static void answer_cgroup(const struct request *q, struct answer *a)
{
	const char *path = cgroup_path(q->id);

	a->known = path && strlen(path) < sizeof(a->text);
	if (a->known)
		strcpy(a->text, path);
}

static void answer_runs_path(const struct request *q, struct answer *a)
{
	char path[PATH_MAX];

	if (q->length >= sizeof(path))
		return;
	memcpy(path, q->path, q->length);
	path[q->length] = '\0';
	a->known = flag_runs_path(q->tgid, path);
}

/* The kernel's own words for a program whose file is gone are no part of its name. */
static bool executable_of(int pid, char text[PATH_MAX])
{
	static const char gone[] = " (deleted)";
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	length = readlink(path, text, PATH_MAX - 1);
	if (length <= 0)
		return false;
	text[length] = '\0';
	if (length >= (ssize_t)sizeof(gone) && !strcmp(text + length - (sizeof(gone) - 1), gone))
		text[length - (sizeof(gone) - 1)] = '\0';
	return true;
}

static void answer_executable(const struct request *q, struct answer *a)
{
	a->known = executable_of(q->tgid, a->text);
}

__attribute__((noreturn)) static void serve(void)
{
	static void (*const answers[])(const struct request *, struct answer *) = {
		answer_hash, answer_cgroup, answer_runs_path, answer_executable};
	static struct request q;
	static struct answer a;
	struct confinement c;

	confine_reader(&c);
	a.known = c.list[PROTECT_CAPABILITIES].on && c.list[PROTECT_SECCOMP].on;
	if (write(READER_FD, &a, offsetof(struct answer, text) + 1) < 0)
		_exit(1);
	while (read(READER_FD, &q, sizeof(q)) >= (ssize_t)offsetof(struct request, path)) {
		memset(&a, 0, sizeof(a));
		if (q.question < sizeof(answers) / sizeof(*answers))
			answers[q.question](&q, &a);
		if (write(READER_FD, &a, offsetof(struct answer, text) + strlen(a.text) + 1) < 0)
			break;
	}
	_exit(0);
}

/* Standard streams belong to the command and to the user. */
static void keep_only(int fd)
{
	int null = open("/dev/null", O_RDWR);

	if (fd != READER_FD)
		dup2(fd, READER_FD);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close_range(READER_FD + 1, ~0U, 0);
}

static bool receive(struct answer *ret)
{
	struct pollfd wait = {.fd = channel, .events = POLLIN};
	ssize_t got = poll(&wait, 1, ANSWER_WAIT) == 1 ? read(channel, ret, sizeof(*ret)) : -1;

	if (got <= (ssize_t)offsetof(struct answer, text))
		return false;
	((char *)ret)[got - 1] = '\0';
	return true;
}

int reader_start(void (*in_child)(void *), void *context)
{
	static struct answer hello;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	malloc_trim(0); /* a page that both have is copied at the first write to it */
	reader = fork();
	if (reader < 0) {
		close(pair[0]);
		close(pair[1]);
		return -errno;
	}
	if (!reader) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "quis-reader");
		in_child(context);
		keep_only(pair[1]);
		serve();
	}
	close(pair[1]);
	channel = pair[0];
	if (receive(&hello))
		return hello.known;
	reader_stop();
	return -ETIMEDOUT;
}

bool reader_runs(void)
{
	return channel >= 0;
}

int reader_pid(void)
{
	return reader > 0 ? reader : 0;
}

void reader_stop(void)
{
	if (channel >= 0)
		close(channel); /* it reads the end, and ends */
	channel = -1;
}

bool reader_lost(void)
{
	bool was = lost;

	lost = false;
	return was;
}

static bool ask(const struct request *q, struct answer *ret)
{
	size_t size = offsetof(struct request, path) + q->length;

	if (write(channel, q, size) == (ssize_t)size && receive(ret))
		return ret->known;
	reader_stop();
	lost = true;
	return false;
}

bool reader_hash(int tgid, const char *path, size_t length, uint32_t dev, uint64_t ino, char ret_hex[65])
{
	struct request q = {
		.question = ASK_HASH, .tgid = tgid, .id = ino, .dev = dev, .length = length < PATH_MAX ? length : 0};
	static struct answer a;

	if (!reader_runs())
		return hash_executable(tgid, path, length, dev, ino, ret_hex);
	memcpy(q.path, path, q.length);
	if (!ask(&q, &a) || strlen(a.text) != 64)
		return false;
	memcpy(ret_hex, a.text, 65);
	return true;
}

bool reader_runs_path(int pid, const char *path)
{
	struct request q = {.question = ASK_RUNS_PATH, .tgid = pid, .length = strnlen(path, PATH_MAX - 1)};
	static struct answer a;

	if (!reader_runs())
		return flag_runs_path(pid, path);
	memcpy(q.path, path, q.length);
	return ask(&q, &a);
}

const char *reader_executable(int pid)
{
	struct request q = {.question = ASK_EXECUTABLE, .tgid = pid};
	static struct answer a;

	if (!reader_runs())
		return executable_of(pid, a.text) ? a.text : NULL;
	return ask(&q, &a) ? a.text : NULL;
}

const char *reader_cgroup(uint64_t id)
{
	struct request q = {.question = ASK_CGROUP, .id = id};
	static struct answer last;
	static uint64_t last_id;

	if (!reader_runs())
		return cgroup_path(id);
	if (id && id == last_id)
		return last.text;
	last_id = 0;
	if (!id || !ask(&q, &last))
		return NULL;
	last_id = id;
	return last.text;
}
