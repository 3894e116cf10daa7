/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QUIS_RECORD_SENSOR_PRIVATE_H
#define QUIS_RECORD_SENSOR_PRIVATE_H

#include "record/record.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>

const char *sensor_last_words(void); /* of libbpf */

/* for pin.c */
void *sensor_share(int map, size_t size);
void sensor_unshare(const void *memory, size_t size);
bool program_iterates(const struct bpf_program *program);
void sensor_missing(struct sensor *sensor, const struct bpf_program *program, const char *why);
/* Opens the object, for the hooks that sensor->hooks says; nothing is loaded. */
int sensor_read_object(struct sensor *sensor, const struct btf *btf, const struct sensor_options *options);
/* Negative spare descriptors: they are made. */
int sensor_find_maps(struct sensor *sensor, const int spares[COUNTED]);

struct counted_names {
	const char *rows, *now, *spare;
};
extern const struct counted_names counted_names[COUNTED];

#endif
