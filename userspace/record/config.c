/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/config.h"

#include "record/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

static const struct known {
	const char *section, *key;
	bool many; /* may be given more than once */
} known[] = {
	{"case", "output"},
	{"case", "case-number"},
	{"case", "examiner"},
	{"case", "note"},
	{"case", "key"},
	{"case", "segment-size"},
	{"case", "segment-age"},
	{"case", "compress"},
	{"case", "keep-size"},
	{"case", "keep-age"},
	{"case", "checkpoint-to", true},
	{"follow", "path", true},
	{"follow", "unit", true},
	{"follow", "cgroup", true},
	{"follow", "package", true},
	{"follow", "product", true},
	{"follow", "follow-ipc"},
	{"follow", "follow-ipc-depth"},
	{"follow", "follow-ipc-count"},
	{"follow", "follow-ipc-not", true},
	{"sensor", "hooks"},
	{"sensor", "btf"},
	{"sensor", "duration"},
	{"sensor", "heartbeat"},
	{"sensor", "epoch-ms"},
	{"sensor", "ring-bytes"},
	{"sensor", "map-entries"},
	{"sensor", "pin"},
};

static int error_at(struct config_error *error, unsigned line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int error_at(struct config_error *error, unsigned line, const char *format, ...)
{
	va_list args;

	error->line = line;
	va_start(args, format);
	vsnprintf(error->what, sizeof(error->what), format, args);
	va_end(args);
	return -EINVAL;
}

struct span {
	const char *text;
	size_t length;
};

static struct span trim(const char *text, size_t length)
{
	while (length && (*text == ' ' || *text == '\t'))
		text++, length--;
	while (length && (text[length - 1] == ' ' || text[length - 1] == '\t' || text[length - 1] == '\r'))
		length--;
	return (struct span){text, length};
}

static bool span_is(struct span s, const char *word)
{
	return s.length == strlen(word) && !memcmp(s.text, word, s.length);
}

/* For a message: no longer than a line, and nothing that a terminal would act on. */
static const char *shown(struct span s)
{
	static char text[96];
	size_t length = s.length < 40 ? s.length : 40, end = text_plain(text, sizeof(text) - 4, s.text, length);

	if (end > sizeof(text) - 5)
		end = sizeof(text) - 5;
	strcpy(text + end, length < s.length ? "..." : "");
	return text;
}

struct parser {
	struct config *config;
	struct config_error *error;
	const char *section;
	unsigned line;
};

static int take_section(struct parser *p, struct span s)
{
	struct span name = trim(s.text + 1, s.length < 2 ? 0 : s.length - 2);
	size_t i;

	if (s.text[s.length - 1] != ']')
		return error_at(p->error, p->line, "a section ends with ]");
	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!span_is(name, known[i].section))
			continue;
		p->section = known[i].section;
		return 0;
	}
	return error_at(
		p->error, p->line, "no section is called [%s]; there are [case], [follow] and [sensor]", shown(name));
}

static const struct known *find_key(const char *section, struct span key)
{
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (span_is(key, known[i].key) && (!section || !strcmp(section, known[i].section)))
			return &known[i];
	return NULL;
}

static int check_key(struct parser *p, struct span key, const struct known *k)
{
	const struct known *elsewhere = find_key(NULL, key);
	size_t i;

	if (!p->section)
		return error_at(
			p->error, p->line, "a key stands in no section; [case], [follow] or [sensor] must come first");
	if (!k && elsewhere)
		return error_at(p->error, p->line, "%s belongs into [%s], not into [%s]", elsewhere->key,
			elsewhere->section, p->section);
	if (!k)
		return error_at(p->error, p->line, "unknown key %s in [%s]", shown(key), p->section);
	for (i = 0; i < p->config->count && !k->many; i++)
		if (p->config->entries[i].key == k->key)
			return error_at(p->error, p->line, "%s is given a second time (first in line %u)", k->key,
				p->config->entries[i].line);
	if (p->config->count == CONFIG_ENTRIES_MAX)
		return error_at(p->error, p->line, "more than %d keys", CONFIG_ENTRIES_MAX);
	return 0;
}

static int take_key(struct parser *p, struct span s)
{
	const char *sign = memchr(s.text, '=', s.length);
	struct span key = trim(s.text, sign ? (size_t)(sign - s.text) : s.length), value;
	const struct known *k = find_key(p->section ? p->section : "", key);
	struct config_entry *entry;
	int error;

	if (!sign)
		return error_at(p->error, p->line, "neither a [section] nor key = value: %s", shown(s));
	value = trim(sign + 1, s.text + s.length - sign - 1);
	error = check_key(p, key, k);
	if (error)
		return error;
	if (!value.length)
		return error_at(p->error, p->line, "%s has no value", k->key);
	entry = &p->config->entries[p->config->count];
	*entry = (struct config_entry){.key = k->key, .value = strndup(value.text, value.length), .line = p->line};
	if (!entry->value)
		return -ENOMEM;
	p->config->count++;
	return 0;
}

static int take_line(struct parser *p, const char *text, size_t length)
{
	struct span s = trim(text, length);

	if (!s.length || *s.text == '#' || *s.text == ';')
		return 0;
	return *s.text == '[' ? take_section(p, s) : take_key(p, s);
}

int config_parse(struct config *ret_config, const char *text, size_t length, struct config_error *ret_error)
{
	struct config config = {.count = 0};
	struct parser p = {.config = &config, .error = ret_error};
	const char *end = text + length, *newline;
	int error = 0;

	hash_bytes(text, length, config.sha256);
	config.entries = calloc(CONFIG_ENTRIES_MAX, sizeof(*config.entries));
	if (!config.entries)
		return -ENOMEM;
	if (memchr(text, '\0', length))
		error = error_at(ret_error, 0, "not a text file");
	while (!error && text < end) {
		newline = memchr(text, '\n', end - text);
		p.line++;
		error = take_line(&p, text, (newline ? newline : end) - text);
		text = newline ? newline + 1 : end;
	}
	if (error)
		config_done(&config);
	else
		*ret_config = config;
	return error;
}

static int read_all(int fd, char *text, size_t size, size_t *ret_length)
{
	ssize_t got;
	size_t at = 0;

	while (at < size && (got = read(fd, text + at, size - at)) != 0) {
		if (got < 0)
			return -errno;
		at += got;
	}
	*ret_length = at;
	return 0;
}

int config_read(struct config *ret_config, const char *path, struct config_error *ret_error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = 0;
	size_t length = 0;
	struct stat st;
	char *text;

	if (fd < 0)
		return -errno;
	text = malloc(CONFIG_SIZE_MAX + 1);
	if (!text)
		error = -ENOMEM;
	else if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		error = error_at(ret_error, 0, "not a file");
	else
		error = read_all(fd, text, CONFIG_SIZE_MAX + 1, &length);
	if (!error && length > CONFIG_SIZE_MAX)
		error = error_at(ret_error, 0, "larger than 1 MiB");
	if (!error)
		error = config_parse(ret_config, text, length, ret_error);
	free(text);
	close(fd);
	return error;
}

void config_done(struct config *config)
{
	size_t i;

	for (i = 0; i < config->count; i++)
		free(config->entries[i].value);
	free(config->entries);
	memset(config, 0, sizeof(*config));
}

/* ---- what changed ---- */

static bool has(const struct config *config, const struct config_entry *entry)
{
	size_t i;

	for (i = 0; i < config->count; i++)
		if (config->entries[i].key == entry->key && !strcmp(config->entries[i].value, entry->value))
			return true;
	return false;
}

bool config_compare(const struct config *old, const struct config *new, char *text, size_t size)
{
	const struct config *both[] = {old, new};
	size_t side, i, at = 0;

	*text = '\0';
	for (side = 0; side < 2; side++) {
		for (i = 0; i < both[side]->count && at < size; i++) {
			const struct config_entry *e = &both[side]->entries[i];

			if (!has(both[!side], e))
				at += snprintf(text + at, size - at, "%s%s %s: %s", at ? "; " : "", e->key,
					side ? "now" : "no longer", e->value);
		}
	}
	return at;
}
