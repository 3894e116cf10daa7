/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fuzz target is tests/fuzz/NAME.c with LLVMFuzzerTestOneInput(); its corpus is tests/fuzz/corpus/NAME/. `make fuzz`
 * builds it with libFuzzer (build/fuzz/NAME), `make tests` as a program that runs the corpus once (build/replay/NAME).
 * What must hold is said with must().
 */
#ifndef QUIS_FUZZ_H
#define QUIS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                      \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* DIRECTORY is one that mkdtemp() made. */
static inline void remove_tree(const char *directory)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	must(!system(command));
}

#endif
