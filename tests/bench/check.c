/* SPDX-License-Identifier: BSD-2-Clause */
/* Compares the report of a recording with what the workloads did. */
#include "bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <jansson.h>

static bool wrong(const struct truth *t, const char *what, uint64_t is, uint64_t should)
{
	fprintf(stderr, "bench: %s, process %d: %s: the report says %llu, it was %llu\n", t->workload, (int)t->pid,
		what, (unsigned long long)is, (unsigned long long)should);
	return false;
}

static uint64_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static bool same(const struct truth *t, const char *what, uint64_t is, uint64_t should)
{
	return is == should || wrong(t, what, is, should);
}

struct sums {
	uint64_t files, touched, opens, reads, bytes, most_opens, most_reads;
};

/* Over the files below the directory that the workloads read. */
static struct sums sum_files(const struct truth *t, const json_t *process)
{
	const json_t *files = json_object_get(process, "files"), *file;
	size_t length = strlen(t->files), i;
	struct sums s = {0};

	json_array_foreach (files, i, file) {
		const char *path = text(file, "path");

		if (strncmp(path, t->files, length) || path[length] != '/' || strcmp(text(file, "type"), "file"))
			continue;
		s.files++;
		s.opens += number(file, "opens");
		s.reads += number(file, "reads");
		s.bytes += number(file, "read_bytes");
		if (number(file, "read_bytes") == FILE_BYTES || number(file, "mapped_bytes") == FILE_BYTES)
			s.touched++;
		if (number(file, "opens") > s.most_opens)
			s.most_opens = number(file, "opens");
		if (number(file, "reads") > s.most_reads)
			s.most_reads = number(file, "reads");
	}
	return s;
}

static bool check_getppid(const struct truth *t, const json_t *process, const json_t *all)
{
	(void)all;
	return same(t, "files below the directory", sum_files(t, process).files, 0);
}

static bool check_scan(const struct truth *t, const json_t *process, const json_t *all)
{
	struct sums s = sum_files(t, process);

	(void)all;
	return same(t, "files", s.files, t->count) & same(t, "opens", s.opens, t->count) &
	       same(t, "reads", s.reads, t->count) & same(t, "bytes", s.bytes, (uint64_t)t->count * FILE_BYTES) &
	       same(t, "opens of one file", s.most_opens, 1) & same(t, "reads of one file", s.most_reads, 1);
}

/* The children open the files. */
static bool check_pairs(const struct truth *t, const json_t *process, const json_t *all)
{
	const char *id = text(process, "id");
	const json_t *other;
	bool right = true;
	uint64_t children = 0;
	size_t i;

	json_array_foreach (all, i, other) {
		struct sums s;

		if (strcmp(text(other, "parent"), id))
			continue;
		children++;
		s = sum_files(t, other);
		right &= same(t, "files", s.files, t->count / PAIR_PROCESSES) &
			 same(t, "opens", s.opens, t->count / PAIR_PROCESSES) &
			 same(t, "opens of one file", s.most_opens, 1);
	}
	return same(t, "children", children, PAIR_PROCESSES) & right;
}

static bool check_pread(const struct truth *t, const json_t *process, const json_t *all)
{
	struct sums s = sum_files(t, process);

	(void)all;
	return same(t, "files", s.files, 1) & same(t, "opens", s.opens, 1) & same(t, "reads", s.reads, t->count) &
	       same(t, "bytes", s.bytes, (uint64_t)t->count * 64);
}

static bool check_flow(const struct truth *t, const json_t *process, uint64_t sent, uint64_t received)
{
	const json_t *flows = json_object_get(process, "flows"), *flow = json_array_get(flows, 0);

	return same(t, "flows", json_array_size(flows), 1) & same(t, "sent bytes", number(flow, "sent_bytes"), sent) &
	       same(t, "received bytes", number(flow, "received_bytes"), received) &
	       same(t, "flows out by tcp",
		       !strcmp(text(flow, "direction"), "out") && !strcmp(text(flow, "protocol"), "tcp"), 1);
}

static bool check_echo(const struct truth *t, const json_t *process, const json_t *all)
{
	(void)all;
	return check_flow(t, process, t->count * 64ULL, t->count * 64ULL);
}

/* Each connection with its bytes, and with the name that was in them. */
static bool check_connect(const struct truth *t, const json_t *process, const json_t *all)
{
	const json_t *flows = json_object_get(process, "flows"), *flow;
	uint64_t whole = 0, named = 0;
	size_t i;

	(void)all;
	json_array_foreach (flows, i, flow) {
		whole += number(flow, "sent_bytes") == CONNECT_BYTES && number(flow, "received_bytes") == CONNECT_BYTES;
		named += !strcmp(text(flow, "remote_name"), CONNECT_NAME);
	}
	return same(t, "connections with their bytes", whole, t->count) & same(t, "connections with a name", named, t->count) &
	       same(t, "connections", json_array_size(flows), t->count);
}

static bool check_send(const struct truth *t, const json_t *process, const json_t *all)
{
	(void)all;
	return check_flow(t, process, t->count * 65536ULL, 0);
}

static bool check_spawn(const struct truth *t, const json_t *process, const json_t *all)
{
	const char *id = text(process, "id");
	uint64_t children = 0;
	const json_t *other;
	size_t i;

	json_array_foreach (all, i, other) {
		const json_t *status = json_object_get(other, "exit_status");

		if (!strcmp(text(other, "parent"), id) && !strcmp(text(other, "comm"), "leaf") &&
			json_is_integer(status) && !json_integer_value(status) &&
			number(other, "ppid") == (uint64_t)t->pid)
			children++;
	}
	return same(t, "children that ran leaf and ended with 0", children, t->count);
}

/* How often clamscan opens and reads a file is its own affair: each must be there, read or mapped whole. */
static bool check_clamscan(const struct truth *t, const json_t *process, const json_t *all)
{
	struct sums s = sum_files(t, process);

	(void)all;
	return same(t, "files", s.files, t->count) & same(t, "files read or mapped whole", s.touched, t->count);
}

static const struct {
	const char *workload;
	bool (*check)(const struct truth *t, const json_t *process, const json_t *all);
} checks[] = {
	{"getppid", check_getppid},
	{"scan", check_scan},
	{"pread", check_pread},
	{"echo", check_echo},
	{"connect", check_connect},
	{"send", check_send},
	{"spawn", check_spawn},
	{"clamscan", check_clamscan},
	{"pairs", check_pairs},
};

static json_t *report(const struct sensor *s)
{
	char path[PATH_MAX];
	json_error_t error;
	int status;
	json_t *json;
	pid_t pid;

	snprintf(path, sizeof(path), "%s.json", s->case_path);
	pid = fork();
	if (!pid) {
		execl(options.quis, "quis", "report", s->case_path, "--format", "json", "-o", path, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		stop("quis report %s failed", s->case_path);
	json = json_load_file(path, 0, &error);
	if (!json)
		stop("%s: %s", path, error.text);
	unlink(path);
	return json;
}

static bool check_one(const struct truth *t, const json_t *all)
{
	const json_t *process;
	size_t i, k;

	json_array_foreach (all, i, process) {
		if (number(process, "pid") != (uint64_t)t->pid)
			continue;
		for (k = 0; k < sizeof(checks) / sizeof(*checks); k++)
			if (!strcmp(checks[k].workload, t->workload))
				return checks[k].check(t, process, all);
	}
	return wrong(t, "processes with this pid", 0, 1);
}

bool check_report(const struct sensor *s, const struct truth *truths, size_t count, uint64_t *lost)
{
	json_t *json = report(s);
	const json_t *completeness = json_object_get(json, "completeness"),
		     *losses = json_object_get(completeness, "lost");
	uint64_t records = number(losses, "records"), map_full = number(losses, "map_full"), runs = number(losses, "missed_runs");
	bool right = json_is_true(json_object_get(completeness, "exact"));
	size_t i;

	/* numbers that are told to be lower bounds need not be compared: that anything was lost is failure enough */
	if (!right)
		fprintf(stderr, "bench: %s: not exact, lost: %llu records, %llu for want of room in a map, %llu runs of a program\n",
			count ? "recorded" : "beside", (unsigned long long)records, (unsigned long long)map_full, (unsigned long long)runs);
	for (i = 0; right && i < count; i++)
		right = check_one(&truths[i], json_object_get(json, "processes"));
	*lost += records + map_full + runs;
	json_decref(json);
	return right;
}
