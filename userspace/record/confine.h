/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How quis-record closes itself in, once everything is attached: DESIGN.md §6. There are two processes then. The
 * recorder writes the case and nothing else; the reader (reader.h) reads files and /proc for it and can write nothing.
 * Neither can open a socket, run a program, trace a process or load BPF, and neither can get any of that back.
 */
#ifndef QUIS_RECORD_CONFINE_H
#define QUIS_RECORD_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum protection_id {
	PROTECT_CAPABILITIES,
	PROTECT_PRIVILEGES,
	PROTECT_SECCOMP,
	PROTECT_LANDLOCK,
	PROTECT_MEMORY,
	PROTECT_READER,
	PROTECTIONS,
};

struct protection {
	bool on;
	char what[192]; /* what it does here; if it is not on: why, and what that means */
};

struct confinement {
	struct protection list[PROTECTIONS];
};

struct confine_wants {
	int case_dir;  /* below it, and nowhere else, files may be made, written and removed */
	int pin_dir;   /* pins may be removed there; -1: none */
	int map;       /* a BPF map, to find out whether this kernel wants CAP_BPF for calls on maps */
	pid_t command; /* may be signalled; 0: nobody may */
	bool forks;    /* sensor_detach_behind() */
	int reader;    /* what reader_start() returned */
};

extern const char *const protection_names[PROTECTIONS];

/* Both: for the calling process, which has one thread, and for good. What the kernel lacks is left out and said. */
void confine_recorder(const struct confine_wants *wants, struct confinement *ret);
void confine_reader(struct confinement *ret);

/* Before the programs are loaded, without CAP_SYS_ADMIN: for good, and for every child. */
int confine_modules(void);

/* confine_try.c: does what a confined process must not be able to do, and what it must. */
typedef void (*tried_fn)(const char *what, int error, bool should_work, void *context);
void confine_try_recorder(int case_dir, tried_fn fn, void *context);
void confine_try_reader(tried_fn fn, void *context);
/* For doctor: in children of their own. Returns how many attempts ended as they must not; -1: it could not be tried. */
int confine_measure(struct confinement *ret, char *ret_wrong, size_t size, unsigned *ret_tried);

#endif
