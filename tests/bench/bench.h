/* SPDX-License-Identifier: BSD-2-Clause */
/* The bench: what its parts share. Times are nanoseconds. */
#ifndef QUIS_BENCH_H
#define QUIS_BENCH_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define FILE_BYTES 500
#define FILES_A_FOLDER 200
#define CONNECT_BYTES 1024 /* there, and back */
#define CONNECT_NAME "bench.example"
#define PAIR_PROCESSES 5
#define SAMPLES_MAX 400
#define TRUTHS_MAX 16 /* samples a round */

struct options {
	const char *quis, *record, *programs; /* quis, quis-record, the directory of work and leaf */
	const char *dir;		      /* to work in: made and removed by scripts/bench */
	const char *json;
	const char *only;  /* names of workloads, with commas between */
	const char *hooks; /* NULL: the best that attaches */
	unsigned rounds, samples;
	bool quick;
	bool only_floor; /* no peers */
};

extern struct options options;

void __attribute__((noreturn, format(printf, 1, 2))) stop(const char *format, ...);
void __attribute__((format(printf, 1, 2))) progress(const char *format, ...);
uint64_t now(void);
void nap(unsigned milliseconds);

/* ---- sensor.c: one recording ---- */

struct sensor {
	pid_t pid;
	char case_path[PATH_MAX - 64];
	FILE *facts;
	unsigned segment; /* of facts */
	bool reading; /* of a line that is not whole yet */
};

/* `flags`: NULL-terminated words for quis-record; returns when everything is attached and the snapshot is taken. */
void sensor_start(struct sensor *s, const char *const *flags);
void sensor_wait_end(struct sensor *s, pid_t pid); /* until all facts of this process are written */
void sensor_stop(struct sensor *s);		   /* SIGINT; the case stays */
void sensor_forget(struct sensor *s);		   /* removes the case */
uint64_t sensor_cpu(const struct sensor *s);
long sensor_status(const struct sensor *s, const char *field); /* of /proc/PID/status; -1: none */
const char *sensor_hooks(const struct sensor *s);
uint64_t sensor_map_bytes(const struct sensor *s);	       /* kernel memory of its BPF maps */

/* ---- check.c: the report of a recording against what was done ---- */

struct truth {
	const char *workload;
	pid_t pid;
	unsigned count;
	const char *files; /* canonical directory */
};

/* Adds what was lost to *lost; says on stderr what is wrong. False if anything was lost or is wrong. */
bool check_report(const struct sensor *s, const struct truth *truths, size_t count, uint64_t *lost);

/* ---- peers.c: what runs instead of quis ---- */

struct peer {
	const char *name;
	const char *const *argv;
	bool around; /* it starts the workload itself */
	bool says_ready;
	bool traces; /* by way of tracefs */
};

#define PEERS_MAX 6

size_t peers_count(void); /* the first is the floor */
const struct peer *peer_at(size_t i);
void peers_hooks(const char *way); /* how quis attaches here */
bool peer_is_there(const struct peer *peer);
bool peer_start(const struct peer *peer, pid_t *ret_pid);
double peer_stop(pid_t pid);
void peer_prepare(const struct peer *peer); /* in the process that is to become it */

#endif
