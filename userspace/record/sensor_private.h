/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QUIS_RECORD_SENSOR_PRIVATE_H
#define QUIS_RECORD_SENSOR_PRIVATE_H

#include "record/record.h"

const char *sensor_last_words(void); /* of libbpf */

#endif
