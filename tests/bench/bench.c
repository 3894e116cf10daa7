/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What recording costs: each workload bare, beside a recording of something else, and recorded, in turn within each
 * round, so that what else the machine does meets all of them alike. See scripts/bench, which builds and starts this.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <jansson.h>

#define FILES 20000
#define PAIRS 100000
#define CLAM_FILES 1000
/*
 * clamscan makes and removes a directory for each file: ext4 does not take such an inode again for seconds, and looks at all of them each
 * time (recently_deleted(), fs/ext4/ialloc.c).
 */
#define CLAM_TEMPORARY "--tempdir=/dev/shm"
#define ATTEMPTS 3
#define PEER_ROUNDS 1
#define AROUND_MOST 5000
#define WARM_BYTES (256ul << 20)
#define IDLE_SECONDS 20
#define IDLE_LIMIT 0.1		 /* percent of a core */
#define MEMORY_LIMIT (64 * 1024) /* KiB */

struct options options;

/* ---- ground floor ---- */

void stop(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void nap(unsigned milliseconds)
{
	usleep(milliseconds * 1000);
}

void progress(const char *format, ...)
{
	static uint64_t began;
	va_list args;

	if (!began)
		began = now();
	va_start(args, format);
	fprintf(stderr, "%4us  ", (unsigned)((now() - began) / 1000000000));
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

/* A child of ours ends with us, however that is. */
static pid_t child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		stop("fork: %s", strerror(errno));
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static pid_t sleeper(void)
{
	pid_t pid = child();

	if (!pid) {
		for (;;)
			pause();
	}
	return pid;
}

/* ---- the other end of the network workloads ---- */

static void __attribute__((noreturn)) serve(int listener, bool echo)
{
	static char bytes[1 << 16];
	ssize_t got;
	int fd, one = 1;

	for (;;) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
			if (echo && send(fd, bytes, got, 0) != got)
				break;
		close(fd);
	}
}

static void start_server(bool echo, char port[8])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 16) ||
		getsockname(listener, (struct sockaddr *)&at, &length))
		stop("no loopback socket: %s", strerror(errno));
	snprintf(port, 8, "%u", ntohs(at.sin_port));
	if (!child())
		serve(listener, echo);
	close(listener);
}

/* ---- workloads ---- */

enum config { BARE, BESIDE, RECORDED, FLOOR, CONFIGS = FLOOR + PEERS_MAX }; /* from FLOOR on: peers.c */

static const char *config_name(size_t config)
{
	static const char *const names[] = {"bare", "beside", "recorded"};

	return config < FLOOR ? names[config] : peer_at(config - FLOOR)->name;
}

static size_t config_count(void)
{
	return FLOOR + peers_count();
}

struct samples {
	double each[SAMPLES_MAX]; /* ns an operation */
	size_t count;
};

static struct workload {
	const char *name, *operation;
	unsigned quick, full; /* operations a run */
	char where[PATH_MAX];
	char program[PATH_MAX];
	struct samples run[CONFIGS], cpu[CONFIGS], sensor[CONFIGS]; /* sensor: its own CPU, or the peer's */
	uint64_t lost;
	bool wrong, left_out;
} workloads[] = {
	{.name = "getppid", .operation = "getppid, not hooked", .quick = 1000000, .full = 2000000},
	{.name = "scan", .operation = "open+fstat+read+close", .quick = FILES, .full = FILES},
	{.name = "pread", .operation = "pread of 64 bytes", .quick = 1000000, .full = 1000000},
	{.name = "echo", .operation = "64-byte TCP echo", .quick = 10000, .full = 20000},
	{.name = "connect", .operation = "TCP connection, 1 KiB", .quick = 1000, .full = 2000},
	{.name = "send", .operation = "64 KiB TCP send", .quick = 5000, .full = 10000},
	{.name = "spawn", .operation = "fork+exec", .quick = 300, .full = 500},
	{.name = "clamscan", .operation = "clamscan, a file", .quick = CLAM_FILES, .full = CLAM_FILES},
};
#define WORKLOADS (sizeof(workloads) / sizeof(*workloads))

static const char *hooks; /* in effect */
static char files_dir[PATH_MAX], clam_dir[PATH_MAX], work_program[PATH_MAX];

static unsigned operations(const struct workload *w)
{
	return options.quick ? w->quick : w->full;
}

static const struct peer *around; /* this run's */

static void __attribute__((noreturn))
exec_workload(const struct workload *w, const char *name, unsigned count, const char *where, int out)
{
	char number[16], signatures[PATH_MAX + 16];
	const char *argv[20];
	size_t i = 0;

	snprintf(number, sizeof(number), "%u", count);
	snprintf(signatures, sizeof(signatures), "%s/sig.hdb", options.dir);
	dup2(out, 1);
	if (around)
		peer_prepare(around);
	for (; around && around->argv[i]; i++)
		argv[i] = around->argv[i];
	if (w && !strcmp(w->name, "clamscan"))
		memcpy(argv + i, (const char *[]){w->program, CLAM_TEMPORARY, "--no-summary", "-r", "-i", "-d", signatures, where, NULL}, 9 * sizeof(*argv));
	else
		memcpy(argv + i, (const char *[]){work_program, name, number, where, NULL}, 5 * sizeof(*argv));
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

struct cost {
	double wall, cpu; /* ns: the measured part as the workload tells it (clamscan: all of it); the whole process and
			     its children */
};

static double seconds(struct timeval t)
{
	return t.tv_sec + t.tv_usec / 1e6;
}

static struct cost run_once(
	const struct workload *w, const char *name, unsigned count, const char *where, pid_t *ret_pid)
{
	unsigned long long ns = 0;
	uint64_t began = now();
	struct rusage usage;
	char line[64] = "";
	int out[2], status;
	struct cost cost;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC))
		stop("pipe: %s", strerror(errno));
	pid = child();
	if (!pid)
		exec_workload(w, name, count, where, out[1]);
	close(out[1]);
	if (read(out[0], line, sizeof(line) - 1) > 0)
		ns = strtoull(line, NULL, 10);
	close(out[0]);
	if (wait4(pid, &status, 0, &usage) != pid || (status && !around))
		stop("%s ended with status 0x%x", name, status);
	*ret_pid = pid;
	cost.wall = ns ? ns : now() - began;
	cost.cpu = (seconds(usage.ru_utime) + seconds(usage.ru_stime)) * 1e9;
	return cost;
}

static void add_sample(struct samples *s, double value)
{
	if (s->count < SAMPLES_MAX)
		s->each[s->count++] = value;
}

/*
 * A virtual machine gives memory that is free back to its host (free page reporting, virtio-balloon), which then gives it again at the first
 * touch: 1.3 ns a byte here, where memory at hand takes 0.2 to fill. That is not to meet one configuration more than another.
 */
static void warm(void)
{
	void *memory = mmap(NULL, WARM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory != MAP_FAILED)
		munmap(memory, WARM_BYTES);
}

static void run_samples(struct workload *w, size_t config, struct truth *truths)
{
	unsigned i, count = operations(w), times = around ? 1 : options.samples;
	struct cost cost;

	if (around && count > AROUND_MOST)
		count = AROUND_MOST; /* it takes hundreds of times as long */
	warm();
	for (i = 0; i < times; i++) {
		truths[i] = (struct truth){.workload = w->name,
			.count = count,
			.files = strcmp(w->name, "clamscan") ? files_dir : clam_dir};
		cost = run_once(w, w->name, count, w->where, &truths[i].pid);
		add_sample(&w->run[config], cost.wall / count);
		add_sample(&w->cpu[config], cost.cpu / count);
	}
}

static unsigned round_number;

static void run_peer(struct workload *w, size_t config)
{
	const struct peer *peer = peer_at(config - FLOOR);
	struct truth truths[TRUTHS_MAX];
	double used;
	pid_t pid;

	if (!peer_is_there(peer) || (config != FLOOR && round_number >= PEER_ROUNDS))
		return;
	if (peer->around) {
		around = peer;
		run_samples(w, config, truths);
		around = NULL;
		return;
	}
	if (!peer_start(peer, &pid)) {
		progress("%s does not run here", peer->name);
		return;
	}
	run_samples(w, config, truths);
	used = peer_stop(pid);
	if (config != FLOOR)
		add_sample(&w->sensor[config], used / (operations(w) * options.samples));
}

static bool wanted(const struct workload *w)
{
	return w->program[0] && !w->left_out;
}

/* All workloads in one recording: it takes seconds to begin one, and minutes on an emulated processor. */
static bool record_once(size_t config, const char *const *flags, uint64_t *ret_lost)
{
	static struct truth truths[WORKLOADS * TRUTHS_MAX];
	size_t i, count = 0;
	struct sensor sensor;
	uint64_t before;
	bool right;

	sensor_start(&sensor, flags);
	for (i = 0; i < WORKLOADS; i++) {
		struct workload *w = &workloads[i];

		if (!wanted(w))
			continue;
		before = sensor_cpu(&sensor);
		run_samples(w, config, truths + count);
		count += options.samples;
		if (config != RECORDED)
			continue;
		sensor_wait_end(&sensor, truths[count - 1].pid);
		add_sample(&w->sensor[config], (double)(sensor_cpu(&sensor) - before) / (operations(w) * options.samples));
	}
	sensor_stop(&sensor);
	*ret_lost = 0;
	right = check_report(&sensor, truths, config == RECORDED ? count : 0, ret_lost);
	sensor_forget(&sensor);
	return right;
}

/* What is lost, and told to be lost, where other work has the processors is repeated; what is counted wrong never is. */
static void record(size_t config, const char *const *flags)
{
	unsigned attempt;
	uint64_t lost;
	size_t i;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (record_once(config, flags, &lost))
			return;
		if (!lost)
			break;
	}
	for (i = 0; i < WORKLOADS; i++) {
		if (!wanted(&workloads[i]))
			continue;
		workloads[i].lost += lost;
		workloads[i].wrong = true;
	}
}

static void run_config(size_t config, const char *idle_pid)
{
	const char *const beside[] = {"--pid", idle_pid, NULL};
	const char *recorded[2 * WORKLOADS + 1];
	struct truth truths[TRUTHS_MAX];
	size_t i, flags = 0;

	for (i = 0; i < WORKLOADS; i++) {
		struct workload *w = &workloads[i];

		if (!wanted(w))
			continue;
		recorded[flags++] = "--path";
		recorded[flags++] = w->program;
		if (config == BARE)
			run_samples(w, config, truths);
		else if (config >= FLOOR)
			run_peer(w, config);
	}
	recorded[flags] = NULL;
	if (config == BESIDE || config == RECORDED)
		record(config, config == BESIDE ? beside : recorded);
}

/* All go through the configurations in turn; which comes first changes with the round. */
static void run_rounds(void)
{
	unsigned round, k, configs = config_count();
	char idle_pid[16];
	pid_t idle = sleeper();

	snprintf(idle_pid, sizeof(idle_pid), "%d", (int)idle);
	for (round = 0; round < options.rounds; round++) {
		round_number = round;
		progress("round %u of %u", round + 1, options.rounds);
		for (k = 0; k < configs; k++)
			run_config((k + round) % configs, idle_pid);
	}
	kill(idle, SIGKILL);
	waitpid(idle, NULL, 0);
}

/* ---- idle cost, memory ---- */

static struct {
	double cpu_percent, wakeups; /* of a core; a minute */
} idle_cost;

static struct {
	double seconds;			    /* that the pairs took */
	long peak, anonymous, file, shared; /* KiB */
	uint64_t maps, lost;
	bool wrong;
} memory;

/* In a second. A busy machine cannot take the full number without a loss, and --quick is for that too. */
static unsigned pairs(void)
{
	return options.quick ? PAIRS / 5 : PAIRS;
}

static void run_idle(void)
{
	char idle_pid[16];
	const char *const flags[] = {"--pid", idle_pid, NULL};
	struct sensor sensor;
	uint64_t cpu, began, lost = 0;
	long switches;
	double lasted;
	pid_t idle = sleeper();

	progress("idle, %d s", IDLE_SECONDS);
	snprintf(idle_pid, sizeof(idle_pid), "%d", (int)idle);
	sensor_start(&sensor, flags);
	nap(2500); /* the first epochs write what the snapshot found */
	cpu = sensor_cpu(&sensor);
	switches = sensor_status(&sensor, "voluntary_ctxt_switches");
	began = now();
	nap(IDLE_SECONDS * 1000);
	lasted = (now() - began) / 1e9;
	idle_cost.cpu_percent = (sensor_cpu(&sensor) - cpu) / 1e7 / lasted;
	idle_cost.wakeups = (sensor_status(&sensor, "voluntary_ctxt_switches") - switches) * 60 / lasted;
	sensor_stop(&sensor);
	check_report(&sensor, NULL, 0, &lost);
	sensor_forget(&sensor);
	kill(idle, SIGKILL);
	waitpid(idle, NULL, 0);
}

static void run_memory_once(void)
{
	const char *const flags[] = {"--path", work_program, NULL};
	struct truth truth = {.workload = "pairs", .count = pairs(), .files = files_dir};
	struct sensor sensor;

	progress("memory, %u pairs", pairs());
	memory.lost = 0;
	sensor_start(&sensor, flags);
	memory.seconds = run_once(NULL, "pairs", pairs(), files_dir, &truth.pid).wall / 1e9;
	sensor_wait_end(&sensor, truth.pid);
	memory.peak = sensor_status(&sensor, "VmHWM");
	memory.anonymous = sensor_status(&sensor, "RssAnon");
	memory.file = sensor_status(&sensor, "RssFile");
	memory.shared = sensor_status(&sensor, "RssShmem");
	memory.maps = sensor_map_bytes(&sensor);
	sensor_stop(&sensor);
	memory.wrong = !check_report(&sensor, &truth, 1, &memory.lost);
	sensor_forget(&sensor);
}

static void run_memory(void)
{
	unsigned attempt;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		run_memory_once();
		if (!memory.lost)
			break;
	}
}

/* ---- results ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(struct samples *s)
{
	qsort(s->each, s->count, sizeof(*s->each), by_value);
	if (!s->count)
		return 0;
	return (s->each[(s->count - 1) / 2] + s->each[s->count / 2]) / 2;
}

static double ratio(struct samples samples[CONFIGS], size_t config)
{
	return median(&samples[config]) / median(&samples[BARE]);
}

static const char *verdict(bool good)
{
	return good ? "within the limit" : "OVER THE LIMIT";
}

/* Time of the workload, and the peer's own CPU an operation. */
static void print_peers(void)
{
	size_t config, i;

	for (config = FLOOR + 1; config < config_count(); config++) {
		if (!peer_is_there(peer_at(config - FLOOR)))
			continue;
		printf("%s%-22s", config == FLOOR + 1 ? "\n" : "", config_name(config));
		for (i = 0; i < WORKLOADS; i++) {
			struct workload *w = &workloads[i];

			if (!wanted(w) || !w->run[config].count)
				continue;
			printf("  %s %.2fx", w->name, ratio(w->run, config));
			if (w->sensor[config].count)
				printf(" %.2f us", median(&w->sensor[config]) / 1000);
		}
		putchar('\n');
	}
}

static void print_table(void)
{
	size_t i;

	printf("%-22s %10s   %-15s %-15s %-15s %10s %5s  %s\n", "", "", "empty programs", "not recorded", "recorded", "", "", "");
	printf("%-22s %10s %7s %7s %7s %7s %7s %7s %12s %5s  %s\n", "operation", "bare", "time", "CPU", "time", "CPU", "time", "CPU",
		"sensor CPU", "lost", "counts");
	for (i = 0; i < WORKLOADS; i++) {
		struct workload *w = &workloads[i];

		if (!wanted(w))
			continue;
		printf("%-22s %7.2f us %6.2fx %6.2fx %6.2fx %6.2fx %6.2fx %6.2fx %9.3f us %5llu  %s\n", w->operation,
			median(&w->run[BARE]) / 1000, ratio(w->run, FLOOR), ratio(w->cpu, FLOOR), ratio(w->run, BESIDE), ratio(w->cpu, BESIDE),
			ratio(w->run, RECORDED), ratio(w->cpu, RECORDED), median(&w->sensor[RECORDED]) / 1000,
			(unsigned long long)w->lost, w->wrong ? "WRONG" : "right");
	}
	print_peers();
	if (options.only)
		return;
	printf("\nidle: %.3f %% of a core (%s: %.1f %%), %.0f wake-ups a minute\n", idle_cost.cpu_percent,
		verdict(idle_cost.cpu_percent < IDLE_LIMIT), IDLE_LIMIT, idle_cost.wakeups);
	printf("memory: %.1f MiB resident at most (%s: %d MiB) after %u (process, file) pairs in %.2f s;"
	       " then anonymous %.1f, file %.1f, shared %.1f MiB; BPF maps, in the kernel: %.1f MiB; counts %s\n",
		memory.peak / 1024.0, verdict(memory.peak < MEMORY_LIMIT), MEMORY_LIMIT / 1024, pairs(), memory.seconds,
		memory.anonymous / 1024.0, memory.file / 1024.0, memory.shared / 1024.0, memory.maps / 1048576.0,
		memory.wrong ? "WRONG" : "right");
}

static json_t *json_samples(struct samples *s)
{
	double middle = median(s); /* sorts */

	return json_pack("{s:f,s:f,s:f,s:i}", "median_ns", middle, "min_ns", s->count ? s->each[0] : 0, "max_ns",
		s->count ? s->each[s->count - 1] : 0, "samples", (int)s->count);
}

static json_t *json_workloads(void)
{
	json_t *list = json_array(), *one;
	size_t config, i;

	for (i = 0; i < WORKLOADS; i++) {
		struct workload *w = &workloads[i];

		if (!wanted(w))
			continue;
		one = json_pack("{s:s,s:s,s:i,s:I,s:b}", "name", w->name, "operation", w->operation, "operations",
			(int)operations(w), "lost", (json_int_t)w->lost, "counts_right", !w->wrong);
		for (config = BARE; config < config_count(); config++) {
			json_t *samples;

			if (!w->run[config].count)
				continue;
			samples = json_samples(&w->run[config]);

			if (config != BARE)
				json_object_set_new(samples, "ratio", json_real(ratio(w->run, config)));
			json_object_set_new(one, config_name(config), samples);
			samples = json_samples(&w->cpu[config]);
			if (config != BARE)
				json_object_set_new(samples, "ratio", json_real(ratio(w->cpu, config)));
			json_object_set_new(json_object_get(one, config_name(config)), "cpu", samples);
			if (w->sensor[config].count)
				json_object_set_new(json_object_get(one, config_name(config)), "own_cpu", json_samples(&w->sensor[config]));
		}
		json_array_append_new(list, one);
	}
	return list;
}

static void write_json(void)
{
	json_t *json;
	struct utsname u = {0};
	char date[32];
	time_t t = time(NULL);

	uname(&u);
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&t));
	json = json_pack("{s:i,s:s,s:s,s:s,s:i,s:i,s:i,s:b,s:o}", "format", 2, "kernel", u.release, "hooks", hooks, "date", date,
		"processors", (int)sysconf(_SC_NPROCESSORS_ONLN), "rounds", (int)options.rounds, "samples_a_round",
		(int)options.samples, "quick", options.quick, "workloads", json_workloads());
	if (!options.only) {
		json_object_set_new(json, "idle",
			json_pack("{s:f,s:f,s:f,s:b}", "cpu_percent", idle_cost.cpu_percent, "limit_percent",
				IDLE_LIMIT, "wakeups_a_minute", idle_cost.wakeups, "within",
				idle_cost.cpu_percent < IDLE_LIMIT));
		json_object_set_new(json, "memory",
			json_pack("{s:i,s:f,s:I,s:I,s:I,s:b,s:b}", "pairs", (int)pairs(), "seconds", memory.seconds,
				"peak_kib", (json_int_t)memory.peak, "limit_kib", (json_int_t)MEMORY_LIMIT, "map_bytes",
				(json_int_t)memory.maps, "within", memory.peak < MEMORY_LIMIT, "counts_right",
				!memory.wrong));
	}
	if (json_dump_file(json, options.json, JSON_INDENT(2)))
		stop("%s cannot be written", options.json);
	json_decref(json);
}

/* ---- start ---- */

static void write_text(const char *name, const char *text)
{
	char path[PATH_MAX + 32];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", options.dir, name);
	file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		stop("%s: %s", path, strerror(errno));
}

static void find_hooks(void)
{
	char self[16];
	const char *const flags[] = {"--pid", self, NULL};
	struct sensor sensor;

	snprintf(self, sizeof(self), "%d", (int)getpid());
	sensor_start(&sensor, flags);
	hooks = sensor_hooks(&sensor);
	peers_hooks(hooks);
	sensor_stop(&sensor);
	sensor_forget(&sensor);
}

static void prepare(void)
{
	pid_t pid;
	size_t i;

	find_hooks();

	progress("making files");
	snprintf(work_program, sizeof(work_program), "%.4000s/work", options.programs);
	snprintf(files_dir, sizeof(files_dir), "%.4000s/files", options.dir);
	snprintf(clam_dir, sizeof(clam_dir), "%.4000s/scanned", options.dir);
	run_once(NULL, "make", FILES, files_dir, &pid);
	run_once(NULL, "make", CLAM_FILES, clam_dir, &pid);
	write_text("sig.hdb", "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature\n");
	for (i = 0; i < WORKLOADS; i++) {
		struct workload *w = &workloads[i];

		snprintf(w->program, sizeof(w->program), "%s", work_program);
		snprintf(w->where, sizeof(w->where), "%s", files_dir);
		if (!strcmp(w->name, "echo") || !strcmp(w->name, "connect") || !strcmp(w->name, "send"))
			start_server(strcmp(w->name, "send"), w->where);
		else if (!strcmp(w->name, "spawn"))
			snprintf(w->where, sizeof(w->where), "%.4000s/leaf", options.programs);
		else if (!strcmp(w->name, "clamscan")) {
			snprintf(w->where, sizeof(w->where), "%s", clam_dir);
			if (!realpath("/usr/bin/clamscan", w->program))
				w->program[0] = '\0'; /* not installed: left out */
		}
	}
}

static unsigned number(const char *text, unsigned most, const char *option)
{
	unsigned long value = strtoul(text, NULL, 10);

	if (!value || value > most) {
		fprintf(stderr, "bench: %s needs a number from 1 to %u\n", option, most);
		exit(2);
	}
	return value;
}

static void parse(int argc, char **argv)
{
	static const struct option known[] = {
		{"quick", no_argument, NULL, 'q'},
		{"rounds", required_argument, NULL, 'r'},
		{"json", required_argument, NULL, 'j'},
		{"only", required_argument, NULL, 'o'},
		{"hooks", required_argument, NULL, 'h'},
		{"no-peers", no_argument, NULL, 'n'},
		{"dir", required_argument, NULL, 'd'},
		{"programs", required_argument, NULL, 'p'},
		{"quis", required_argument, NULL, 'u'},
		{"record", required_argument, NULL, 'e'},
		{NULL, 0, NULL, 0},
	};
	int id;

	while ((id = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (id) {
		case 'q':
			options.quick = true;
			break;
		case 'r':
			options.rounds = number(optarg, 50, "--rounds");
			break;
		case 'j':
			options.json = optarg;
			break;
		case 'o':
			options.only = optarg;
			break;
		case 'h':
			options.hooks = optarg;
			break;
		case 'n':
			options.only_floor = true;
			break;
		case 'd':
			options.dir = optarg;
			break;
		case 'p':
			options.programs = optarg;
			break;
		case 'u':
			options.quis = optarg;
			break;
		case 'e':
			options.record = optarg;
			break;
		default:
			exit(2);
		}
	}
	if (optind < argc || !options.dir || !options.programs || !options.quis || !options.record) {
		fputs("bench: wrong usage; start it by scripts/bench\n", stderr);
		exit(2);
	}
	if (!options.rounds)
		options.rounds = options.quick ? 2 : 7;
	options.samples = options.quick ? 3 : 4;
}

/* `names` has commas between. */
static void choose(const char *names)
{
	char *left = strdup(names), *name;
	size_t i;

	for (i = 0; i < WORKLOADS; i++)
		workloads[i].left_out = true;
	while ((name = strsep(&left, ","))) {
		for (i = 0; i < WORKLOADS && strcmp(name, workloads[i].name); i++)
			;
		if (i == WORKLOADS) {
			fprintf(stderr, "bench: no workload %s\n", name);
			exit(2);
		}
		workloads[i].left_out = false;
	}
}

int main(int argc, char **argv)
{
	bool wrong;
	size_t i;

	parse(argc, argv);
	if (options.only)
		choose(options.only);
	prepare();
	run_rounds();
	if (!options.only) {
		run_idle();
		run_memory();
	}
	print_table();
	if (options.json)
		write_json();
	wrong = memory.wrong;
	for (i = 0; i < WORKLOADS; i++)
		wrong |= workloads[i].wrong || workloads[i].lost;
	return wrong;
}
