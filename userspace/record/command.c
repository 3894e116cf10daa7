/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define EXIT_NOT_FOUND 127
#define EXIT_NOT_RUN 126

/* The child waits for its mark, then becomes the command. On failure it sends the errno back; a successful exec closes the pipe. */
static void child(char **command, int nice, int go, int failure)
{
	sigset_t none;
	char byte;
	int error;

	if (read(go, &byte, 1) != 1)
		_exit(EXIT_NOT_RUN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpriority(PRIO_PROCESS, 0, nice);
	execvp(command[0], command);
	error = errno;
	if (write(failure, &error, sizeof(error)) < 0)
		_exit(EXIT_NOT_RUN);
	_exit(error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_RUN);
}

static int wait_exec(struct recorder *r, int failure)
{
	int error = 0;

	if (read(failure, &error, sizeof(error)) != sizeof(error))
		return 0;
	waitpid(r->command_pid, NULL, 0);
	r->sensor.marks[r->command_pid] = MARK_NONE;
	r->command_pid = 0;
	say("%s: %s", r->options->command[0], strerror(error));
	return error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
}

int command_start(struct recorder *r, void (*ready)(struct recorder *))
{
	int go[2], failure[2], status;

	if (pipe2(go, O_CLOEXEC) || pipe2(failure, O_CLOEXEC)) {
		say("cannot run %s: %s", r->options->command[0], strerror(errno));
		return EXIT_FAILED;
	}
	r->command_pid = fork();
	if (r->command_pid < 0) {
		say("cannot run %s: %s", r->options->command[0], strerror(errno));
		r->command_pid = 0;
		return EXIT_FAILED;
	}
	if (!r->command_pid)
		child(r->options->command, r->nice, go[0], failure[1]);
	r->sensor.marks[r->command_pid & (PID_LIMIT - 1)] = MARK_ARMED;
	ready(r);
	status = write(go[1], "", 1) == 1 ? 0 : EXIT_FAILED;
	close(go[0]);
	close(go[1]);
	close(failure[1]);
	if (!status)
		status = wait_exec(r, failure[0]);
	close(failure[0]);
	return status;
}

void command_reap(struct recorder *r)
{
	int code;

	if (!r->command_pid || r->command_ended || waitpid(r->command_pid, &code, WNOHANG) != r->command_pid)
		return;
	r->command_ended = true;
	r->command_status = WIFSIGNALED(code) ? 128 + WTERMSIG(code) : WEXITSTATUS(code);
}
