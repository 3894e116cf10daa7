/* SPDX-License-Identifier: BSD-2-Clause */
/* The command of `quis run`: marked before its exec, so that its first instruction is seen. */
#ifndef QUIS_RECORD_COMMAND_H
#define QUIS_RECORD_COMMAND_H

#include "record/record.h"

/*
 * `ready` is called when the command's process is there, before it runs anything. 0, or the exit status to end with (126, 127: said
 * already).
 */
int command_start(struct recorder *r, void (*ready)(struct recorder *));
void command_reap(struct recorder *r);

#endif
