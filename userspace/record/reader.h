/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader: a child that looks up for the recorder what only a privileged process can see, so that the recorder needs
 * no such privilege. It answers one question at a time over a socket pair. Without a reader (not started, or gone) the
 * questions are answered here, which after confinement mostly means: not known.
 */
#ifndef QUIS_RECORD_READER_H
#define QUIS_RECORD_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `in_child` lets go of what the reader has no use for. 1: it is confined; 0: it runs, but this kernel did not let it
 * be; negative errno. */
int reader_start(void (*in_child)(void *), void *context);
void reader_stop(void);
bool reader_runs(void);
int reader_pid(void); /* 0: there never was one */
bool reader_lost(void); /* it ran, and is gone or does not answer: true once */

const char *reader_executable(int pid); /* what it runs now; NULL: not known. Valid until the next call */
bool reader_runs_path(int pid, const char *path); /* as flag_runs_path() */
/* As hash_executable() and cgroup_path(). */
bool reader_hash(int tgid, const char *path, size_t length, uint32_t dev, uint64_t ino, char ret_hex[65]);
const char *reader_cgroup(uint64_t id);

#endif
