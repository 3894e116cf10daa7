/* SPDX-License-Identifier: BSD-2-Clause */
#include "own.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "catalog/catalog.h"
#include "intern.h"

#define PROGRAMS_MAX 64
#define PACKAGES_MAX 256
#define LIST_MAX (64 << 20)

enum { PATH_THEIRS = 1, PATH_SHARED = 2 }; /* notes of paths */

struct program {
	char *shown; /* its path */
	char *path;  /* as of merged directories */
	const struct catalog_product *product;
	char *package;
	char *version;
};

struct own {
	struct catalog catalog;
	struct program programs[PROGRAMS_MAX];
	size_t program_count;
	char *packages[PACKAGES_MAX]; /* all of the sources */
	size_t package_count;
	struct intern paths;
};

/* /usr/bin and /bin are one directory, and so on: dpkg's lists have either. */
static const char *merged(const char *path, size_t *len)
{
	static const char *const places[] = {"/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/usr/libx32/"};
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (*len >= strlen(places[i]) && !memcmp(path, places[i], strlen(places[i]))) {
			*len -= 4;
			return path + 4;
		}
	if (*len > 9 && !memcmp(path, "/var/run/", 9)) {
		*len -= 4;
		return path + 4;
	}
	return path;
}

int own_new(struct own **ret_own)
{
	struct own *own = calloc(1, sizeof(*own));
	int err = own ? intern_init(&own->paths) : -ENOMEM;

	if (!err)
		err = catalog_load(&own->catalog);
	if (err) {
		own_free(own);
		return err;
	}
	*ret_own = own;
	return 0;
}

void own_free(struct own *own)
{
	size_t i;

	if (!own)
		return;
	for (i = 0; i < own->program_count; i++) {
		free(own->programs[i].shown);
		free(own->programs[i].path);
		free(own->programs[i].package);
		free(own->programs[i].version);
	}
	for (i = 0; i < own->package_count; i++)
		free(own->packages[i]);
	intern_done(&own->paths);
	catalog_done(&own->catalog);
	free(own);
}

static const struct catalog_product *find_product(const struct own *own, const char *path)
{
	const struct catalog_product *ordinary = NULL;
	size_t i;

	for (i = 0; i < own->catalog.count; i++) {
		const struct catalog_product *product = &own->catalog.products[i];
		const struct catalog_fact *fact = catalog_owns_program(product, path);

		if (!fact || catalog_level(fact) == LEVEL_COMMUNITY_LIST)
			continue;
		if (!product->ordinary)
			return product;
		ordinary = product;
	}
	return ordinary;
}

int own_program(struct own *own, const char *path, bool recorded)
{
	const struct catalog_product *product = find_product(own, path);
	size_t len = strlen(path), i;
	const char *place = merged(path, &len);

	if (!product && !recorded)
		return 0;
	for (i = 0; i < own->program_count; i++)
		if (!own->programs[i].path || !strcmp(own->programs[i].path, place))
			return 0;
	if (own->program_count == PROGRAMS_MAX)
		return 0;
	own->programs[i] = (struct program){.shown = strdup(path), .path = strdup(place), .product = product};
	own->program_count++;
	return own->programs[i].shown && own->programs[i].path ? 0 : -ENOMEM;
}

/* ---- dpkg ---- */

typedef int line_fn(struct own *own, const char *package, char *line, size_t len);

static int read_lines(struct own *own, const char *path, const char *package, line_fn *fn)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int err = 0;

	if (!file)
		return 0;
	while (!err && (len = getline(&line, &size, file)) > 0) {
		line[len -= line[len - 1] == '\n'] = '\0';
		err = fn(own, package, line, len);
	}
	free(line);
	fclose(file);
	return err;
}

static int find_program(struct own *own, const char *package, char *line, size_t len)
{
	const char *place = merged(line, &len);
	size_t i;

	for (i = 0; i < own->program_count; i++)
		if (!own->programs[i].package && !strcmp(own->programs[i].path, place))
			own->programs[i].package = strdup(package);
	return 0;
}

static bool is_theirs(const struct own *own, const char *package)
{
	size_t i;

	for (i = 0; i < own->package_count; i++)
		if (!strcmp(own->packages[i], package))
			return true;
	return false;
}

/* Whatever package says so, the places of everybody are nobody's own. */
static bool everybodys(const char *path)
{
	static const char *const places[] = {"/home", "/root", "/srv", "/mnt", "/media", "/tmp", "/var/tmp", "/var/log", "/var/lib", "/etc", "/opt"};
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (!strcmp(path, places[i]))
			return true;
	return !strchr(path + 1, '/') && strcmp(path, "/.");
}

static int take_theirs(struct own *own, const char *package, char *line, size_t len)
{
	uint32_t id, *note;
	int err;

	(void)package;
	if (*line != '/' || everybodys(line))
		return 0;
	line = (char *)merged(line, &len);
	err = intern_add(&own->paths, line, len, &id, &note);
	if (err < 0)
		return err == -ENOSPC ? 0 : err;
	*note |= PATH_THEIRS;
	return 0;
}

static int take_others(struct own *own, const char *package, char *line, size_t len)
{
	const char *place = merged(line, &len);
	uint32_t *note = intern_find(&own->paths, place, len);

	(void)package;
	if (note)
		*note |= PATH_SHARED;
	return 0;
}

enum pass { PASS_PROGRAMS, PASS_THEIRS, PASS_OTHERS };

static int read_lists(struct own *own, const char *dpkg, enum pass pass)
{
	static line_fn *const takes[] = {find_program, take_theirs, take_others};
	char path[PATH_MAX], package[256];
	struct dirent *entry;
	DIR *directory;
	int err = 0;

	snprintf(path, sizeof(path), "%s/info", dpkg);
	directory = opendir(path);
	while (directory && !err && (entry = readdir(directory))) {
		char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ".list") || strlen(entry->d_name) >= sizeof(package))
			continue;
		snprintf(package, sizeof(package), "%.*s", (int)strcspn(entry->d_name, ":"), entry->d_name);
		if (!strcspn(entry->d_name, ":") || strchr(package, '/'))
			continue;
		if (!strchr(entry->d_name, ':'))
			package[dot - entry->d_name] = '\0';
		if (pass != PASS_PROGRAMS && is_theirs(own, package) != (pass == PASS_THEIRS))
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s/info/%s", dpkg, entry->d_name) < sizeof(path))
			err = read_lines(own, path, package, takes[pass]);
	}
	if (directory)
		closedir(directory);
	return err;
}

struct stanza {
	char package[256], source[256], version[128];
	bool installed;
};

static void end_stanza(struct own *own, struct stanza *stanza, char sources[][256], size_t *source_count)
{
	const char *source = *stanza->source ? stanza->source : stanza->package;
	size_t i;

	for (i = 0; i < own->program_count; i++) {
		struct program *program = &own->programs[i];

		if (*source_count == PROGRAMS_MAX || !program->package || strcmp(program->package, stanza->package))
			continue;
		if (!program->version)
			program->version = strdup(stanza->version);
		snprintf(sources[(*source_count)++], sizeof(sources[0]), "%s", source);
	}
}

/* The second time all sources are known. */
static void add_packages(struct own *own, struct stanza *stanza, char sources[][256], size_t *source_count)
{
	const char *source = *stanza->source ? stanza->source : stanza->package;
	size_t i;

	for (i = 0; i < *source_count; i++)
		if (!strcmp(sources[i], source) && own->package_count < PACKAGES_MAX && !is_theirs(own, stanza->package)) {
			own->packages[own->package_count] = strdup(stanza->package);
			own->package_count += !!own->packages[own->package_count];
		}
}

typedef void stanza_fn(struct own *own, struct stanza *stanza, char sources[][256], size_t *source_count);

static void take_field(const char *line, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	if (!strncmp(line, name, len))
		snprintf(out, size, "%s", line + len);
}

static void read_status(struct own *own, const char *dpkg, stanza_fn *fn, char sources[][256], size_t *source_count)
{
	char path[PATH_MAX], *line = NULL;
	struct stanza stanza = {0};
	size_t size = 0;
	ssize_t len = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/status", dpkg);
	file = fopen(path, "re");
	while (file && len >= 0) {
		len = getline(&line, &size, file);
		if (len > 0)
			line[len - (line[len - 1] == '\n')] = '\0';
		if (len > 1) {
			take_field(line, "Package: ", stanza.package, sizeof(stanza.package));
			take_field(line, "Version: ", stanza.version, sizeof(stanza.version));
			take_field(line, "Source: ", stanza.source, sizeof(stanza.source));
			stanza.source[strcspn(stanza.source, " ")] = '\0';
			continue;
		}
		if (*stanza.package)
			fn(own, &stanza, sources, source_count);
		memset(&stanza, 0, sizeof(stanza));
	}
	free(line);
	if (file)
		fclose(file);
}

int own_packages(struct own *own, const char *dpkg)
{
	char (*sources)[256] = calloc(PROGRAMS_MAX, sizeof(*sources));
	size_t source_count = 0;
	int err = sources ? read_lists(own, dpkg, PASS_PROGRAMS) : -ENOMEM;

	if (!err) {
		read_status(own, dpkg, end_stanza, sources, &source_count);
		read_status(own, dpkg, add_packages, sources, &source_count);
		err = read_lists(own, dpkg, PASS_THEIRS);
	}
	if (!err && own->paths.count)
		err = read_lists(own, dpkg, PASS_OTHERS);
	free(sources);
	return err;
}

/* ---- answers ---- */

static bool product_has(const struct own *own, const char *path)
{
	size_t i, k;

	for (i = 0; i < own->program_count; i++) {
		const struct catalog_product *product = own->programs[i].product;

		for (k = 0; k < i && own->programs[k].product != product; k++)
			;
		if (product && k == i && catalog_owns_file(product, path))
			return true;
	}
	return false;
}

bool own_has(struct own *own, const char *path, size_t len)
{
	char whole[PATH_MAX];
	const char *place;
	size_t i;

	if (!len || *path != '/' || len >= sizeof(whole))
		return false;
	memcpy(whole, path, len);
	whole[len] = '\0';
	place = merged(path, &len);
	for (i = 0; i < own->program_count; i++)
		if (strlen(own->programs[i].path) == len && !memcmp(own->programs[i].path, place, len))
			return true;
	for (i = len; own->paths.count && i > 1; i--) {
		uint32_t *note = i == len || place[i] == '/' ? intern_find(&own->paths, place, i) : NULL;

		if (note)
			return *note == PATH_THEIRS || product_has(own, whole);
	}
	return product_has(own, whole);
}

bool own_product(const struct own *own, size_t index, struct own_product *ret_product)
{
	const struct program *program = &own->programs[index];

	if (index >= own->program_count)
		return false;
	*ret_product = (struct own_product){
		.name = program->product ? program->product->name : program->package,
		.version = program->version,
		.source = program->product ? "catalogue" : program->package ? "dpkg" : "path",
		.program = program->shown,
	};
	return true;
}
