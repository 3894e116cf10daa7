/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rules say of real paths, what a person said of them (class-paths.tsv), a user's own rules, and globs. */
#include "unit.h"

#include <sys/wait.h>
#include <time.h>

#include "catalog/class.h"
#include "catalog/glob.h"
#include "catalog/ini.h"

static bool fits(const char *glob, const char *path)
{
	return glob_fits(glob, path, strlen(path));
}

static void test_glob(void **state)
{
	static const struct {
		const char *glob, *path;
		bool fits;
	} cases[] = {
		{"/etc/shadow*", "/etc/shadow-", true}, {"/etc/shadow*", "/etc/shadow/x", false},
		{"/a/*/c", "/a/b/c", true}, {"/a/*/c", "/a/b/b/c", false}, {"/a/**/c", "/a/b/b/c", true}, {"/a/**", "/a", true},
		{"/a/**", "/a/", true}, {"/a/**", "/ab", false}, {"/a/**", "/a/b/c", true}, {"**/.ssh/**", "/root/.ssh", true},
		{"**/.ssh/**", "/root/.sshx/y", false}, {"**/x", "/x", true}, {"**.key", "/a/b.key", true}, {"*.key", "/a/b.key", false},
		{"/dev/md[0-9]*", "/dev/md12", true}, {"/dev/md[0-9]*", "/dev/mdx", false}, {"[!a]x", "bx", true}, {"[!a]x", "ax", false},
		{"[!a]x", "/x", false}, {"[", "[", true}, {"[]]", "]", true}, {"a?c", "abc", true}, {"a?c", "a/c", false}, {"", "", true}, {"", "a", false},
		{"*", "", true}, {"**a*b**c", "xxaxxbx/xc", true}, {"**a*b**c", "xxax/xbx/xc", false}, {"/a/*b/**", "/a/xb", true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (fits(cases[i].glob, cases[i].path) != cases[i].fits)
			fail_msg("%s and %s", cases[i].glob, cases[i].path);
}

/* Names come from the watched product: none may make the matching take long. */
static void test_glob_time(void **state)
{
	static char path[4096];
	clock_t start = clock();

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	assert_false(fits("**a*a*a*a*a*a*a*a*a**a*a*a*a*a*a*b", path));
	assert_true((clock() - start) / (double)CLOCKS_PER_SEC < 1);
}

static void test_paths(void **state)
{
	FILE *file = fopen("tests/unit/class-paths.tsv", "r");
	char line[512];
	int count = 0;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		char *tab = strchr(line, '\t');

		if (*line == '#')
			continue;
		assert_non_null(tab);
		*tab++ = '\0';
		tab[strcspn(tab, "\n")] = '\0';
		if (strcmp(class_of(line, strlen(line)), tab))
			fail_msg("%s is %s, not %s", line, class_of(line, strlen(line)), tab);
		count++;
	}
	fclose(file);
	assert_true(count > 120);
}

static void test_names(void **state)
{
	static const char *const wanted[] = {"credentials", "tokens", "mail", "browser", "documents", "source", "databases", "backups", "logs", "homes",
		"configuration", "devices", "own", "libraries", "temporary", "other"};
	size_t i;

	(void)state;
	assert_null(class_problem());
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_true(class_known(wanted[i]));
	for (i = 0; class_name(i); i++)
		assert_true(strlen(class_title(class_name(i))) >= strlen("mail"));
	assert_int_equal(i, sizeof(wanted) / sizeof(wanted[0]));
	assert_string_equal(class_name(0), "credentials");
	assert_string_equal(class_title("credentials"), "credentials and keys");
	assert_string_equal(class_title("nonsense"), "nonsense");
	assert_false(class_known("nonsense"));
	assert_true(class_ordinary("libraries"));
	assert_false(class_ordinary("mail"));
	assert_string_equal(class_why("/etc/shadow", 11), "password hashes of all users");
	assert_null(class_why("/nowhere", 8));
}

static const char *seen(const char *path, const char *view)
{
	return class_of_seen(path, strlen(path), view, view ? strlen(view) : 0);
}

static void test_seen(void **state)
{
	const char *inside = "/var/lib/containers/x/merged/data";

	(void)state;
	assert_string_equal(seen(inside, NULL), "other");
	assert_string_equal(seen(inside, "/etc/shadow"), "credentials");
	assert_string_equal(seen("/etc/shadow", "/usr/lib/libc.so.6"), "credentials");
	assert_string_equal(seen(inside, "/usr/lib/x86_64-linux-gnu/libc.so.6"), "other"); /* it cannot make a file ordinary */
	assert_string_equal(seen(inside, "/nowhere"), "other");
}

/* A program of its own for each, since rules are read once: the answer is its exit status. */
static int ask(void **state, const char *rules, const char *path, const char *class, bool problem)
{
	char directory[256], file[300];
	int status;
	pid_t child;

	snprintf(directory, sizeof(directory), "%s", unit_path(state, "quis"));
	mkdir(directory, 0700);
	snprintf(file, sizeof(file), "%s/classes.ini", directory);
	unit_write(file, rules);
	fflush(NULL);
	child = fork();
	if (!child) {
		setenv("XDG_CONFIG_HOME", *state, 1);
		if (!class_problem() != !problem)
			_exit(2);
		_exit(!!strcmp(class_of(path, strlen(path)), class));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

static void test_user(void **state)
{
	assert_int_equal(ask(state, "[payroll]\ntitle = pay\npath /srv/pay/** = wages\n", "/srv/pay/2026.xlsx", "payroll", false), 0);
	assert_int_equal(ask(state, "[other]\npath /etc/shadow = no secret here\n", "/etc/shadow", "other", false), 0);
	assert_int_equal(ask(state, "[x]\nname *.ZZZ = z\n", "/srv/a.zzz", "x", false), 0);
	assert_int_equal(ask(state, "[x]\nname * = all\n", "/srv/a", "x", false), 0);
	assert_int_equal(ask(state, "[x]\npath /srv/a = up to here\nnonsense\npath /srv/b = not this\n", "/srv/a", "x", true), 0);
	assert_int_equal(ask(state, "[x]\npath /srv/a = up to here\nnonsense\npath /srv/b = not this\n", "/srv/b", "other", true), 0);
	assert_int_equal(ask(state, "[UPPER]\npath /srv/a = x\n", "/srv/a", "other", true), 0);
	assert_int_equal(ask(state, "path /srv/a = of no class\n", "/srv/a", "other", true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_glob_time),
		/* Before any question: children read the rules for themselves. */
		cmocka_unit_test_setup_teardown(test_user, unit_setup, unit_teardown),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_seen),
		cmocka_unit_test(test_names),
	};

	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
