/* SPDX-License-Identifier: BSD-2-Clause */
/* What all facts begin with, for the files that write them. */
#ifndef QUIS_RECORD_FACTS_PRIVATE_H
#define QUIS_RECORD_FACTS_PRIVATE_H

#include "record/record.h"

#include <stdio.h>
#include <string.h>

static inline uint64_t real(const struct recorder *r, uint64_t boot)
{
	return boot + r->boot_to_real;
}

static inline void begin(struct recorder *r, const char *kind, uint64_t boot)
{
	fact_begin(r->fact, kind, real(r, boot));
}

static inline void end(struct recorder *r)
{
	if (r->open)
		case_open_append(r->writer, r->fact);
	else if (case_append(r->writer, r->fact))
		r->write_errors++;
}

#define DIGITS 20

/* snprintf() took a quarter of the time of a fact. */
static inline char *put_digits(char *at, uint64_t value, unsigned base)
{
	char reverse[DIGITS];
	size_t count = 0;

	do {
		reverse[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (count)
		*at++ = reverse[--count];
	return at;
}

static inline void entity(struct fact *f, const char *key, uint64_t start, uint32_t tgid)
{
	char id[2 * DIGITS + 2], *at = put_digits(id, tgid, 10);

	*at++ = '-';
	*put_digits(at, start, 16) = '\0';
	fact_text(f, key, id);
}

static inline void device(struct fact *f, const char *key, uint32_t dev)
{
	char text[2 * DIGITS + 2], *at = put_digits(text, dev >> 20, 10);

	*at++ = ':';
	*put_digits(at, dev & 0xfffff, 10) = '\0';
	fact_text(f, key, text);
}

static inline void kind(struct fact *f, const char *category, const char *const *types, size_t count)
{
	const char *const categories[] = {category};

	fact_text(f, "event.kind", "event");
	fact_list(f, "event.category", categories, 1);
	fact_list(f, "event.type", types, count);
}

static inline void who(struct recorder *r, uint64_t start, uint32_t tgid)
{
	struct process_key key = {.start = start, .tgid = tgid};
	const struct process *p = (struct process *)table_find(&r->processes, &key);

	entity(r->fact, "process.entity_id", start, tgid);
	fact_number(r->fact, "process.pid", tgid);
	if (p && p->comm[0])
		fact_bytes(r->fact, "process.name", "quis.process.name_raw", p->comm, strnlen(p->comm, COMM_SIZE));
}

/* Of a burst's name and mode: what FACTS.md has as file.path (under any key) and file.type. */
void facts_path(struct fact *f, const char *key, const char *raw_key, const struct file_burst *b);
const char *facts_file_type(const struct file_burst *b);
/* quis.errno: the name, or the number of one that has none. */
void facts_error(struct fact *f, int error);
/* quis.flow.remote of a burst's key, or of a unix socket's remote_path and ends.abstract. */
void facts_remote(struct fact *f, const struct flow_burst *b);

#endif
