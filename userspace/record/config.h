/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration file of the service: sections, and in them "key = value", where a key is an option of quis-record
 * without its dashes. Here is only the form; what a value means is main.c's, as on the command line.
 */
#ifndef QUIS_RECORD_CONFIG_H
#define QUIS_RECORD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_DEFAULT "/etc/quis/quis-record.conf"
#define CONFIG_SIZE_MAX (1 << 20)
#define CONFIG_ENTRIES_MAX 1024

struct config_entry {
	const char *key; /* one of the known ones */
	char *value;
	unsigned line;
};

struct config {
	char sha256[65]; /* of the file's bytes */
	struct config_entry *entries;
	size_t count;
};

struct config_error {
	unsigned line; /* 0: the file as a whole */
	char what[192];
};

/* Hostile input. 0, or -EINVAL (with the first error), -ENOMEM. */
int config_parse(struct config *ret_config, const char *text, size_t length, struct config_error *ret_error);
/* Reads a file. Negative errno: it cannot be read, or is no file (-EINVAL with error->line 0). */
int config_read(struct config *ret_config, const char *path, struct config_error *ret_error);
void config_done(struct config *config);
/* What changed, in words: "path added: /opt/x; heartbeat: 60s, now 10s". Returns false when nothing did. */
bool config_compare(const struct config *old, const struct config *new, char *text, size_t size);

#endif
