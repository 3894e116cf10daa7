/* SPDX-License-Identifier: BSD-2-Clause */
#include "top.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "analyse.h"
#include "terminal.h"

struct arguments {
	const char *case_path;
	double interval;
	bool once;
};

static volatile sig_atomic_t stopped, resized;
static struct termios before;

static void note_signal(int number)
{
	if (number == SIGWINCH)
		resized = 1;
	else
		stopped = 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void enter(void)
{
	struct sigaction action = {.sa_handler = note_signal};
	struct termios raw;

	sigaction(SIGWINCH, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs("\033[?1049h\033[?25l\033[2J", stdout);
}

/* The terminal is as it was, whatever ended the view. */
static void leave(void)
{
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

static void draw(const struct top *top, bool fresh)
{
	struct winsize size = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	fputs(fresh ? "\033[2J\033[H" : "\033[H", stdout);
	top_draw(top, stdout, size.ws_col, size.ws_row < 2 ? 2 : size.ws_row, terminal_has_color(stdout));
	fflush(stdout);
}

/* True: q was pressed, or there is nobody there any more. */
static bool wait_key(double until)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	double left = until - now();
	char key;

	if (poll(&input, 1, left > 0 ? (int)(left * 1000) + 1 : 0) <= 0)
		return false;
	return read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q';
}

static int show(struct follow *follow, struct top *top, double interval)
{
	double last = now(), at;
	bool quit = false;
	int err = 0;

	enter();
	draw(top, true);
	while (!err && !quit && !stopped && !ferror(stdout)) {
		quit = wait_key(last + interval);
		if (resized) {
			resized = 0;
			draw(top, true);
		}
		at = now();
		if (quit || stopped || at - last < interval)
			continue;
		top_step(top, at - last);
		last = at;
		err = follow_more(follow, top);
		draw(top, false);
	}
	leave();
	return err;
}

enum { OPTION_INTERVAL = 256, OPTION_ONCE };

static const struct option options[] = {
	{"interval", required_argument, NULL, OPTION_INTERVAL},
	{"once", no_argument, NULL, OPTION_ONCE},
	{"help", no_argument, NULL, 'h'},
	{NULL},
};

static int parse_option(const struct command *command, void *context, int option)
{
	struct arguments *arguments = context;
	char *end;

	if (option == OPTION_ONCE) {
		arguments->once = true;
		return GO_ON;
	}
	arguments->interval = strtod(optarg, &end);
	if (end == optarg || *end || !(arguments->interval >= 0.1 && arguments->interval <= 3600))
		return misused(command, "--interval is in seconds, from 0.1 to 3600, not '%s'", optarg);
	return GO_ON;
}

static int parse_arguments(const struct command *command, int argc, char **argv, struct arguments *arguments)
{
	int status = parse_options(command, argc, argv, options, parse_option, arguments);

	if (status != GO_ON)
		return status;
	if (optind < argc - 1)
		return misused(command, "more than one CASE given");
	arguments->case_path = argv[optind]; /* NULL: the one that is being written */
	return GO_ON;
}

static int find_case(struct arguments *arguments)
{
	static char found[PATH_MAX];
	int count = arguments->case_path ? 1 : top_find(found);

	if (!count)
		return complain("no CASE given, and no recording that we may look at runs on this machine");
	if (count > 1)
		return complain("no CASE given, and %d recordings run on this machine", count);
	if (!arguments->case_path)
		arguments->case_path = found;
	return EXIT_DONE;
}

int command_top(const struct command *command, int argc, char **argv)
{
	struct arguments arguments = {.interval = 1};
	int status = parse_arguments(command, argc, argv, &arguments), err;
	struct follow follow;
	struct top *top;

	if (status != GO_ON)
		return status;
	status = find_case(&arguments);
	if (status)
		return status;
	if (!arguments.once && (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before)))
		return complain("this needs a terminal (--once shows how it is now)");
	top = malloc(sizeof(*top));
	if (!top)
		return complain("%s", strerror(ENOMEM));
	top_init(top);
	err = follow_init(&follow, arguments.case_path, top);
	if (!err && arguments.once)
		top_draw(top, stdout, terminal_width(stdout), 0, false);
	else if (!err)
		err = show(&follow, top, arguments.interval);
	follow_done(&follow);
	free(top);
	if (err)
		return complain_case(arguments.case_path, err);
	return close_output(NULL, stdout);
}
