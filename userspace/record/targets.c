/* SPDX-License-Identifier: BSD-2-Clause */
/* From the name of a package or of a product of the catalogue to the paths of its programs. */
#include "record/record.h"

#include "catalog/catalog.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PATHS_MAX 2000 /* of one flag: the kernel's table of paths has 4096 places */
#define OWN_DEPTH 3    /* /opt/VENDOR/PRODUCT: directories above that are others' too */

static int add_path(struct flag *flag, const char *path)
{
	char *given, *real;
	size_t i;

	for (i = 0; i < flag->path_count; i++)
		if (!strcmp(flag->paths[i].given, path))
			return 0;
	if (flag->path_count == PATHS_MAX)
		return -E2BIG;
	given = xstrndup(path, strlen(path));
	real = flag_canonical(path);
	if (!real) {
		free(given);
		return -ENOMEM;
	}
	if (!flag->paths)
		flag->paths = xcalloc(PATHS_MAX, sizeof(*flag->paths));
	flag->paths[flag->path_count++] = (struct flag_path){given, real};
	return 0;
}

/* ---- packages ---- */

static bool is_package_name(const char *name)
{
	const char *c;

	for (c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !(c > name && strchr("+-._", *c)))
			return false;
	return c > name && c - name < 200;
}

/*
 * A regular file that may be run. Links lead to files of others (alternatives), or to files that the package has too; what starts or
 * describes a service is run by others, for many of them. Of a product, all of /etc is such.
 */
static bool is_program(const struct flag *flag, const char *path)
{
	static const char *const theirs[] = {"/etc/init.d/", "/usr/share/bug/", "/etc/"};
	size_t i, count = flag->kind == FLAG_KIND_PRODUCT ? 3 : 2;
	struct stat st;

	for (i = 0; i < count; i++)
		if (!strncmp(path, theirs[i], strlen(theirs[i])))
			return false;
	return path[0] == '/' && !lstat(path, &st) && S_ISREG(st.st_mode) && (st.st_mode & 0111) && !strstr(path, ".so");
}

static int take_files(struct flag *flag, FILE *list)
{
	char line[PATH_MAX + 2];
	int error = 0;

	while (!error && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		if (is_program(flag, line))
			error = add_path(flag, line);
	}
	return error;
}

/* dpkg's own list of the package's files: NAME.list, NAME:ARCHITECTURE.list. -ENOENT: no such package. */
static int take_dpkg(struct flag *flag, const char *name)
{
	static const char *const ends[] = {".list", ":*.list"};
	char pattern[PATH_MAX];
	size_t form, i;
	int error = -ENOENT;
	glob_t found;
	FILE *list;

	for (form = 0; form < sizeof(ends) / sizeof(*ends); form++) {
		snprintf(pattern, sizeof(pattern), "/var/lib/dpkg/info/%s%s", name, ends[form]);
		if (glob(pattern, GLOB_ERR, NULL, &found))
			continue;
		for (i = 0; i < found.gl_pathc && (!error || error == -ENOENT); i++) {
			list = fopen(found.gl_pathv[i], "re");
			if (!list)
				continue;
			error = take_files(flag, list);
			fclose(list);
		}
		globfree(&found);
	}
	return error;
}

/* rpm's database has its own format, which is rpm's to read. */
static int take_rpm(struct flag *flag, const char *name)
{
	char *const words[] = {(char *)"rpm", (char *)"-ql", (char *)"--", (char *)name, NULL};
	int pipe_ends[2], status = 0, error;
	FILE *list;
	pid_t child;

	if (access("/usr/bin/rpm", X_OK) || pipe2(pipe_ends, O_CLOEXEC))
		return -ENOENT;
	child = fork();
	if (!child) {
		dup2(pipe_ends[1], STDOUT_FILENO);
		close(STDERR_FILENO);
		execv("/usr/bin/rpm", words);
		_exit(127);
	}
	close(pipe_ends[1]);
	list = fdopen(pipe_ends[0], "re");
	error = child < 0 || !list ? -ENOENT : take_files(flag, list);
	if (list)
		fclose(list);
	else
		close(pipe_ends[0]);
	if (child > 0 && (waitpid(child, &status, 0) != child || status) && !error)
		error = -ENOENT;
	return error;
}

static int take_package(struct flag *flag, const char *name)
{
	int error = take_dpkg(flag, name);

	return error == -ENOENT ? take_rpm(flag, name) : error;
}

int flag_set_package(struct flag *flag)
{
	int error;

	if (!is_package_name(flag->given)) {
		say("--package %s: not the name of a package", flag->given);
		return EXIT_USAGE;
	}
	error = take_package(flag, flag->given);
	if (error == -ENOENT)
		say("--package %s: not installed (dpkg, rpm)", flag->given);
	else if (error)
		say("--package %s: %s", flag->given, error == -E2BIG ? "too many programs; use --path with a directory" : strerror(-error));
	else if (!flag->path_count)
		say("--package %s: there is no program in it", flag->given);
	if (error || !flag->path_count)
		return EXIT_FAILED;
	return asprintf(&flag->text, "package:%s", flag->given) < 0 ? EXIT_FAILED : 0;
}

/* ---- products ---- */

static unsigned depth(const char *path, const char *end)
{
	unsigned count = 0;

	for (; path < end; path++)
		count += *path == '/';
	return count;
}

/*
 * The kernel compares paths and knows no wildcards. A wildcard in a directory's name, or one that is the whole name of a file, stands for all
 * below the directory in front of it, if that is deep enough to be the product's own; else for what is there now.
 */
static int take_pattern(struct flag *flag, const struct catalog_fact *fact)
{
	const char *value = fact->value, *wild = strpbrk(value, "*?["), *last = strrchr(value, '/'), *cut;
	char directory[PATH_MAX];
	glob_t found;
	size_t i;
	int error = 0;

	for (cut = wild; *cut != '/'; cut--)
		;
	if ((fact->kind == CATALOG_PREFIX || wild < last || !strcmp(last, "/*")) && depth(value, cut) >= OWN_DEPTH &&
		catalog_level(fact) != LEVEL_COMMUNITY_LIST) {
		snprintf(directory, sizeof(directory), "%.*s", (int)(cut - value), value);
		return add_path(flag, directory);
	}
	if (glob(value, GLOB_ERR, NULL, &found))
		return 0;
	for (i = 0; i < found.gl_pathc && !error; i++)
		error = add_path(flag, found.gl_pathv[i]);
	globfree(&found);
	return error;
}

static int take_fact(struct flag *flag, const struct catalog_fact *fact)
{
	bool weak = catalog_level(fact) == LEVEL_COMMUNITY_LIST;
	int error;

	switch (fact->kind) {
	case CATALOG_PREFIX:
		if (weak)
			return 0; /* a whole directory, on the word of a list */
		/* fall through */
	case CATALOG_EXECUTABLE:
	case CATALOG_SCRIPT:
		return strpbrk(fact->value, "*?[") ? take_pattern(flag, fact) : add_path(flag, fact->value);
	case CATALOG_PACKAGE:
		error = weak ? -ENOENT : take_package(flag, fact->value);
		return error == -ENOENT ? 0 : error;
	default:
		return 0;
	}
}

/* What the user should know: on what the list of programs rests. */
static void say_level(const struct flag *flag, const struct catalog_product *product)
{
	enum catalog_level best = LEVEL_COUNT;
	size_t i;

	for (i = 0; i < product->count; i++)
		if ((product->facts[i].kind == CATALOG_PREFIX || product->facts[i].kind == CATALOG_EXECUTABLE ||
			    product->facts[i].kind == CATALOG_SCRIPT || product->facts[i].kind == CATALOG_PACKAGE) &&
			catalog_level(&product->facts[i]) < best)
			best = catalog_level(&product->facts[i]);
	if (best == LEVEL_COMMUNITY_LIST)
		say("--product %s: where its programs are is known from community lists only", flag->given);
	for (i = 0; i < flag->path_count; i++)
		say_more("quis: %s: %s\n", flag->text, flag->paths[i].path);
}

static int find_product(struct flag *flag, const struct catalog *catalog, const struct catalog_product **ret_product)
{
	*ret_product = catalog_find(catalog, flag->given);
	if (*ret_product)
		return 0;
	say("--product %s: not in the catalogue", flag->given);
	return EXIT_USAGE;
}

int flag_set_product(struct flag *flag)
{
	const struct catalog_product *product;
	struct catalog catalog;
	int error = catalog_load(&catalog), status;
	size_t i;

	if (error) {
		say("the catalogue: %s", strerror(-error));
		return EXIT_FAILED;
	}
	status = find_product(flag, &catalog, &product);
	for (i = 0; !status && !error && i < product->count; i++)
		error = take_fact(flag, &product->facts[i]);
	if (error)
		say("--product %s: %s", flag->given, strerror(-error));
	else if (!status && !flag->path_count)
		say("--product %s: the catalogue does not know where its programs are; use --path", flag->given);
	if (!status && (error || !flag->path_count || asprintf(&flag->text, "product:%s", product->id) < 0))
		status = EXIT_FAILED;
	if (!status)
		say_level(flag, product);
	catalog_done(&catalog);
	return status;
}
