/* SPDX-License-Identifier: BSD-2-Clause */
#include "catalog/catalog.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COMM_MAX 15 /* the kernel's TASK_COMM_LEN without the NUL */
#define NAME_MAX_BYTES 128

extern const char quis_catalog[], quis_catalog_end[];

static const char *const levels[LEVEL_COUNT] = {
	[LEVEL_MEASURED] = "measured",
	[LEVEL_VENDOR_DOC] = "vendor-doc",
	[LEVEL_VENDOR_CODE] = "vendor-code",
	[LEVEL_PROJECT_CODE] = "project-code",
	[LEVEL_PROJECT_DOC] = "project-doc",
	[LEVEL_DEBIAN_PACKAGE] = "debian-package",
	[LEVEL_THIRD_PARTY] = "third-party",
	[LEVEL_COMMUNITY_LIST] = "community-list",
};

static bool is_text(const char *value)
{
	return *value;
}

static bool is_path(const char *value)
{
	return value[0] == '/' && value[1] && !strstr(value, "//") && !strstr(value, "/../") && value[strlen(value) - 1] != '/' &&
	       !strchr(value, ' ');
}

static bool is_name(const char *value)
{
	return *value && strlen(value) < NAME_MAX_BYTES && !strpbrk(value, "/ \t");
}

static bool is_process(const char *value)
{
	return *value && strlen(value) <= COMM_MAX && !strchr(value, '/');
}

static const struct {
	const char *name;
	bool (*valid)(const char *value);
} kinds[CATALOG_KIND_COUNT] = {
	[CATALOG_VENDOR] = {"vendor", is_text},
	[CATALOG_COUNTRY] = {"country", is_text},
	[CATALOG_PACKAGE] = {"package", is_name},
	[CATALOG_PART] = {"part", is_name},
	[CATALOG_PREFIX] = {"prefix", is_path},
	[CATALOG_EXECUTABLE] = {"executable", is_path},
	[CATALOG_SCRIPT] = {"script", is_path},
	[CATALOG_PROCESS] = {"process", is_process},
	[CATALOG_UNIT] = {"unit", is_name},
	[CATALOG_INIT] = {"init", is_path},
	[CATALOG_CRON] = {"cron", is_path},
	[CATALOG_USER] = {"user", is_name},
	[CATALOG_DATA] = {"data", is_path},
	[CATALOG_RUNTIME] = {"runtime", is_path},
	[CATALOG_SHARED] = {"shared", is_path},
	[CATALOG_MODULE] = {"module", is_name},
	[CATALOG_INTERFACE] = {"interface", is_text},
	[CATALOG_ENDPOINT] = {"endpoint", is_text},
	[CATALOG_NOTE] = {"note", is_text},
};

const char *catalog_level_name(enum catalog_level level)
{
	return levels[level];
}

const char *catalog_kind_name(enum catalog_kind kind)
{
	return kinds[kind].name;
}

enum catalog_level catalog_level(const struct catalog_fact *fact)
{
	return fact->sources[0].level;
}

/* ---- reading ---- */

struct parse {
	struct catalog *catalog;
	struct catalog_product *product; /* the last one; moves when the list grows */
	struct catalog_fact *fact;	 /* the last one of it */
	const char *why;
	char *word; /* that it is about */
};

static int bad(struct parse *parse, const char *why, char *word)
{
	parse->why = why;
	parse->word = word;
	return -EINVAL;
}

/* One more element, zeroed; lists grow by one, for they are short. */
static void *grow(void *list, size_t *count, size_t size)
{
	void **at = list;
	char *more = realloc(*at, (*count + 1) * size);

	if (!more)
		return NULL;
	*at = more;
	memset(more + *count * size, 0, size);
	return more + (*count)++ * size;
}

/* Every fact stands on a source; the best is put first. */
static int end_fact(struct parse *parse)
{
	struct catalog_fact *fact = parse->fact;
	struct catalog_source best;
	size_t i, at = 0;

	parse->fact = NULL;
	if (!fact)
		return 0;
	if (!fact->source_count)
		return bad(parse, "no source for", (char *)fact->value);
	for (i = 1; i < fact->source_count; i++)
		if (fact->sources[i].level < fact->sources[at].level)
			at = i;
	best = fact->sources[at];
	memmove(fact->sources + 1, fact->sources, at * sizeof(best));
	fact->sources[0] = best;
	return 0;
}

static int take_product(struct parse *parse, char *id)
{
	struct catalog *catalog = parse->catalog;
	const char *c;
	size_t i;

	for (c = id; *c; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '-')
			return bad(parse, "not a product's id (a-z, 0-9, -):", id);
	for (i = 0; i < catalog->count; i++)
		if (!strcmp(catalog->products[i].id, id))
			return bad(parse, "a second product", id);
	parse->product = grow(&catalog->products, &catalog->count, sizeof(*catalog->products));
	if (!parse->product)
		return -ENOMEM;
	parse->product->id = id;
	return 0;
}

static int take_fact(struct parse *parse, char *key, char *value)
{
	struct catalog_product *product = parse->product;
	enum catalog_kind kind;
	size_t i;

	if (!strcmp(key, "name")) {
		product->name = value;
		return *value ? 0 : bad(parse, "an empty", key);
	}
	if (!strcmp(key, "ordinary")) {
		product->ordinary = true;
		return 0;
	}
	for (kind = 0; kind < CATALOG_KIND_COUNT && strcmp(kinds[kind].name, key); kind++)
		;
	if (kind == CATALOG_KIND_COUNT)
		return bad(parse, "unknown kind", key);
	if (!kinds[kind].valid(value))
		return bad(parse, "a bad value:", value);
	for (i = 0; i < product->count; i++)
		if (product->facts[i].kind == kind && !strcmp(product->facts[i].value, value))
			return bad(parse, "told twice:", value);
	parse->fact = grow(&product->facts, &product->count, sizeof(*product->facts));
	if (!parse->fact)
		return -ENOMEM;
	parse->fact->kind = kind;
	parse->fact->value = value;
	return 0;
}

/* Indented: "note: TEXT" or "LEVEL: SOURCE". */
static int take_source(struct parse *parse, char *line)
{
	char *text = strstr(line, ": ");
	struct catalog_source *source;
	enum catalog_level level;

	if (!parse->fact)
		return bad(parse, "a source of nothing:", line);
	if (!text || !text[2])
		return bad(parse, "neither a note nor LEVEL: SOURCE:", line);
	*text = '\0';
	text += 2;
	if (!strcmp(line, "note")) {
		if (parse->fact->note)
			return bad(parse, "a second note:", text);
		parse->fact->note = text;
		return 0;
	}
	for (level = 0; level < LEVEL_COUNT && strcmp(levels[level], line); level++)
		;
	if (level == LEVEL_COUNT)
		return bad(parse, "unknown level", line);
	source = grow(&parse->fact->sources, &parse->fact->source_count, sizeof(*source));
	if (!source)
		return -ENOMEM;
	*source = (struct catalog_source){level, text};
	return 0;
}

static int take_line(struct parse *parse, char *line)
{
	char *value;
	int err;

	if (!*line || *line == '#')
		return 0;
	if (*line == '\t')
		return take_source(parse, line + 1);
	err = end_fact(parse);
	if (err)
		return err;
	value = strchr(line, ' ');
	if (value)
		*value++ = '\0';
	if (!strcmp(line, "product"))
		return value ? take_product(parse, value) : bad(parse, "no id behind", line);
	if (!parse->product)
		return bad(parse, "before any product:", line);
	return take_fact(parse, line, value ? value : line + strlen(line));
}

static int parse_lines(struct parse *parse, char *what)
{
	char *line = parse->catalog->text, *end;
	unsigned number = 0;
	int err = 0;

	while (*line && !err) {
		end = strchrnul(line, '\n');
		number++;
		if (*end)
			*end++ = '\0';
		err = take_line(parse, line);
		line = end;
	}
	if (!err)
		err = end_fact(parse);
	if (err == -EINVAL)
		snprintf(what, CATALOG_WHAT, "line %u: %s %.100s", number, parse->why, parse->word);
	return err;
}

static int check_names(const struct catalog *catalog, char *what)
{
	size_t i;

	for (i = 0; i < catalog->count; i++)
		if (!catalog->products[i].name) {
			snprintf(what, CATALOG_WHAT, "product %.100s has no name", catalog->products[i].id);
			return -EINVAL;
		}
	return 0;
}

int catalog_parse(struct catalog *ret_catalog, const char *text, size_t len, char *ret_what)
{
	struct catalog catalog = {.text = strndup(text, len)};
	struct parse parse = {.catalog = &catalog};
	int err;

	if (!catalog.text)
		return -ENOMEM;
	err = parse_lines(&parse, ret_what);
	if (!err)
		err = check_names(&catalog, ret_what);
	if (err)
		catalog_done(&catalog);
	else
		*ret_catalog = catalog;
	return err;
}

int catalog_load(struct catalog *ret_catalog)
{
	char what[CATALOG_WHAT];

	return catalog_parse(ret_catalog, quis_catalog, quis_catalog_end - quis_catalog, what);
}

void catalog_done(struct catalog *catalog)
{
	size_t i, k;

	for (i = 0; i < catalog->count; i++) {
		for (k = 0; k < catalog->products[i].count; k++)
			free(catalog->products[i].facts[k].sources);
		free(catalog->products[i].facts);
	}
	free(catalog->products);
	free(catalog->text);
	memset(catalog, 0, sizeof(*catalog));
}

/* ---- asking ---- */

const struct catalog_product *catalog_find(const struct catalog *catalog, const char *name)
{
	size_t i, k;

	for (i = 0; i < catalog->count; i++)
		if (!strcasecmp(catalog->products[i].id, name) || !strcasecmp(catalog->products[i].name, name))
			return &catalog->products[i];
	for (i = 0; i < catalog->count; i++)
		for (k = 0; k < catalog->products[i].count; k++)
			if (catalog->products[i].facts[k].kind == CATALOG_PACKAGE && !strcmp(catalog->products[i].facts[k].value, name))
				return &catalog->products[i];
	return NULL;
}

const struct catalog_fact *catalog_fact(const struct catalog_product *product, enum catalog_kind kind)
{
	size_t i;

	for (i = 0; i < product->count; i++)
		if (product->facts[i].kind == kind)
			return &product->facts[i];
	return NULL;
}
