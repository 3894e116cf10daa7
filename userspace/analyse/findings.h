/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands at the top of a report: the product, what it read that is not its own, where it sent data, what is unusual. */
#ifndef QUIS_FINDINGS_H
#define QUIS_FINDINGS_H

#include "report.h"

#define FINDING_EXAMPLES 3
#define FINDING_CLASSES 72

struct finding_class {
	const char *name, *title;
	bool ordinary;
	uint64_t files;	 /* that were read or mapped */
	uint64_t mapped; /* of them, only mapped: their content may have been read */
	uint64_t read_bytes;
	uint64_t changed; /* files that were written to */
	char *examples[FINDING_EXAMPLES]; /* most read first; as they came, not escaped */
	uint64_t example_bytes[FINDING_EXAMPLES];
};

/* One remote end, over all processes. */
struct finding_place {
	char *remote; /* without a port if it came to us */
	char *name, *protocol;
	bool out, local; /* local: this machine itself */
	bool inet, proxied;
	struct where_place where;
	uint64_t flows, sent_bytes, received_bytes, failed;
};

struct finding_unusual {
	const char *what; /* our own words */
	uint64_t count;
	char *example; /* NULL: none */
};

struct finding_product {
	char *name, *version, *source, *program;
};

struct findings {
	struct finding_class classes[FINDING_CLASSES];
	size_t class_count; /* most telling first */
	struct finding_place *places; /* most sent first */
	size_t place_count, place_size;
	struct finding_unusual *unusual;
	size_t unusual_count;
	struct finding_product *products; /* the catalogue's first */
	size_t product_count;
	uint64_t unix_flows, unix_bytes;
	uint64_t process_count, directories;
};

int findings_gather(struct report *report, struct findings *ret_findings);
/* The rules of what is unusual; NULL: there are no more. */
const char *findings_looked_for(size_t i);
void findings_done(struct findings *findings);

#endif
