/*
 * A product that is known to have sent what it read, for tests/cli/exposure.t.
 *   plant send DIR SOCKET ADDRESS PORT     reads four files, hands each to its helper, which posts them; then sendfile() of one
 *   plant hand DIR SOCKET ADDRESS PORT     the same with a helper that runs already: plant helper SOCKET ADDRESS PORT
 *   plant quiet DIR SOCKET ADDRESS PORT    sends a greeting, and then reads
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const names[] = {"shadow", "a.docx", "b.pdf", "c.odt"};
static char buffer[1 << 17];

static long need(long got, const char *what)
{
	if (got >= 0)
		return got;
	perror(what);
	exit(1);
}

static int call_server(const char *address, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
	int fd = need(socket(AF_INET, SOCK_STREAM, 0), "socket");

	inet_pton(AF_INET, address, &to.sin_addr);
	need(connect(fd, (struct sockaddr *)&to, sizeof(to)), "connect");
	return fd;
}

static void hang_up(int fd)
{
	char answer[16];

	shutdown(fd, SHUT_WR);
	while (read(fd, answer, sizeof(answer)) > 0)
		;
	close(fd);
}

static struct sockaddr_un named(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	return name;
}

static int listen_at(const char *path)
{
	struct sockaddr_un name = named(path);
	int fd = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket");

	need(bind(fd, (struct sockaddr *)&name, sizeof(name)), "bind");
	need(listen(fd, 1), "listen");
	return fd;
}

static void help(int listener, const char *address, const char *port)
{
	int from = need(accept(listener, NULL, NULL), "accept"), to;
	size_t have = 0;
	long got;

	while ((got = need(read(from, buffer + have, sizeof(buffer) - have), "read")))
		have += got;
	to = call_server(address, port);
	need(send(to, buffer, have, 0), "send");
	hang_up(to);
}

static void hand_over(const char *dir, const char *path)
{
	struct sockaddr_un name = named(path);
	char file[4096];
	size_t i;
	int to = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), from;

	need(connect(to, (struct sockaddr *)&name, sizeof(name)), "connect");
	for (i = 0; i < 4; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, names[i]);
		from = need(open(file, O_RDONLY), file);
		need(write(to, buffer, need(read(from, buffer, sizeof(buffer)), "read")), "write");
		close(from);
	}
	close(to);
}

static void send_one(const char *dir, const char *address, const char *port)
{
	char file[4096];
	int to = call_server(address, port), from;

	snprintf(file, sizeof(file), "%s/b.pdf", dir);
	from = need(open(file, O_RDONLY), file);
	need(sendfile(to, from, NULL, sizeof(buffer)), "sendfile");
	close(from);
	hang_up(to);
}

static void stay_quiet(const char *dir, const char *address, const char *port)
{
	char file[4096];
	size_t i;
	int to = call_server(address, port), from;

	need(send(to, "hello", 5, 0), "send");
	hang_up(to);
	usleep(100000);
	for (i = 0; i < 4; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, names[i]);
		from = need(open(file, O_RDONLY), file);
		need(read(from, buffer, sizeof(buffer)), "read");
		close(from);
	}
}

int main(int argc, char **argv)
{
	int listener;

	if (argc == 5 && !strcmp(argv[1], "helper")) {
		help(listen_at(argv[2]), argv[3], argv[4]);
		return 0;
	}
	if (argc != 6)
		return 2;
	if (!strcmp(argv[1], "quiet")) {
		stay_quiet(argv[2], argv[4], argv[5]);
		return 0;
	}
	if (!strcmp(argv[1], "send")) {
		listener = listen_at(argv[3]);
		if (!need(fork(), "fork")) {
			help(listener, argv[4], argv[5]);
			_exit(0);
		}
		close(listener);
		usleep(100000);
	}
	hand_over(argv[2], argv[3]);
	send_one(argv[2], argv[4], argv[5]);
	wait(NULL);
	return 0;
}
