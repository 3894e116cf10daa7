/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QUIS_RECORD_PIN_H
#define QUIS_RECORD_PIN_H

#include "record/sensor_private.h"

/* The directory, which is made if it is missing. -ENOTSUP: it lies on no BPF file system. */
int pins_open(struct sensor *sensor, const char *directory);
/* Takes up what a dead sensor left. -ENOENT: nothing, or nothing of use; -EBUSY: it lives. */
int pins_take_up(struct sensor *sensor, const struct btf *btf, const struct sensor_options *options);
int pins_make(struct sensor *sensor);
void pins_remove(struct sensor *sensor);

#endif
