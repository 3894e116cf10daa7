/* SPDX-License-Identifier: BSD-2-Clause */
/* The control group tree, version 2. An id is the inode number of the group's directory (kernfs_node.id, fs/kernfs). */
#ifndef QUIS_RECORD_CGROUP_H
#define QUIS_RECORD_CGROUP_H

#include <stdint.h>

const char *cgroup_root(void);		      /* where it is mounted; "" when it is not */
char *cgroup_directory(const char *given);    /* absolute directory of a group given by path in the mount or in the tree; NULL: none */
typedef void (*cgroup_fn)(const char *path, uint64_t id, void *context);
void cgroup_each_below(const char *directory, cgroup_fn fn, void *context);
void cgroup_each_named(const char *name, cgroup_fn fn, void *context); /* and all below them */
uint64_t cgroup_id_of_pid(int pid);				       /* 0: not known */
const char *cgroup_path(uint64_t id);				       /* within the tree; NULL: gone; valid until the next call */

#endif
