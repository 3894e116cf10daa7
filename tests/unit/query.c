/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands as main() calls them: what they print, and how they end. */
#include "unit.h"

#include <fcntl.h>

#include "analyse/analyse.h"
#include "case/case.h"

static struct fact fact;

static int setup(void **state)
{
	static const char path[] = "/a\n\"b\",\033\xff";
	struct case_writer *writer;

	if (unit_setup(state) || case_create(&writer, unit_path(state, "case"), NULL))
		return -1;
	fact_begin(&fact, "file-access", UNIT_TIME);
	fact_text(&fact, "process.entity_id", "7-a");
	fact_bytes(&fact, "file.path", "quis.file.path_raw", path, sizeof(path) - 1);
	fact_count(&fact, "quis.reads", 3);
	case_append(writer, &fact);
	case_close(writer);
	return 0;
}

static int redirect(int fd, const char *path)
{
	int saved = dup(fd), file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	dup2(file, fd);
	close(file);
	return saved;
}

/* Leaves what was printed in the files out and err of the test's directory. */
static int run(void **state, int argc, char **argv)
{
	int out, err, status;

	fflush(stdout);
	out = redirect(1, unit_path(state, "out"));
	err = redirect(2, unit_path(state, "err"));
	optind = 0;
	status = find_command(argv[0])->run(find_command(argv[0]), argc, argv);
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	return status;
}

#define RUN(state, ...)                                                                                                \
	run(state, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (char **)(const char *[]){__VA_ARGS__, NULL})

static void check_text(void **state, const char *name, const char *expected)
{
	char *text = unit_read(unit_path(state, name));

	assert_string_equal(text, expected);
	free(text);
}

static char *case_path(void **state)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s", unit_path(state, "case"));
	return path;
}

static void test_forms(void **state)
{
	const char *path = case_path(state), *sql = "SELECT path, reads, errno FROM access";

	assert_int_equal(RUN(state, "query", path, sql, "--csv"), 0);
	check_text(state, "out", "path,reads,errno\r\n\"/a\\n\"\"b\"\",\\x1b\\xff\",3,\r\n");
	assert_int_equal(RUN(state, "query", "--json", path, sql), 0);
	check_text(state, "out", "[\n{\"path\":\"/a\\u000a\\\"b\\\",\\u001b\\\\xff\",\"reads\":3,\"errno\":null}]\n");
	assert_int_equal(RUN(state, "query", path, sql), 0);
	check_text(state, "out", "path              reads  errno\n/a\\n\"b\",\\x1b\\xff      3       \n");
	check_text(state, "err", "");
}

static void check_refused(void **state, int status, int expected)
{
	char *text = unit_read(unit_path(state, "err"));

	assert_int_equal(status, expected);
	assert_true(strlen(text) > 10);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
	free(text);
	check_text(state, "out", "");
}

static void test_only_reading(void **state)
{
	static const char *const refused[] = {
		"DELETE FROM access",
		"DROP TABLE access",
		"INSERT INTO gap (what) VALUES ('x')",
		"CREATE TABLE x (y)",
		"CREATE TEMP TABLE x (y)",
		"ATTACH '/tmp/quis-unit-attached' AS x",
		"VACUUM INTO '/tmp/quis-unit-vacuumed'",
		"PRAGMA query_only = OFF",
		"SELECT load_extension('x')",
		"SELECT 1; SELECT 2",
		"BEGIN",
		"",
		"SELEC",
		"SELECT \"\n\" FROM",
	};
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		check_refused(state, RUN(state, "query", case_path(state), refused[i]), EXIT_USAGE);
	assert_int_not_equal(access("/tmp/quis-unit-attached", F_OK), 0);
	assert_int_not_equal(access("/tmp/quis-unit-vacuumed", F_OK), 0);
}

static void test_usage(void **state)
{
	const char *path = case_path(state);

	check_refused(state, RUN(state, "report"), EXIT_USAGE);
	check_refused(state, RUN(state, "report", path, path), EXIT_USAGE);
	check_refused(state, RUN(state, "report", path, "--frob"), EXIT_USAGE);
	check_refused(state, RUN(state, "report", path, "--format"), EXIT_USAGE);
	check_refused(state, RUN(state, "report", path, "--format", "xml"), EXIT_USAGE);
	check_refused(state, RUN(state, "report", path, "--top", "0"), EXIT_USAGE);
	check_refused(state, RUN(state, "report", path, "--process", "12x"), EXIT_USAGE);
	check_refused(state, RUN(state, "report", path, "--color", "red"), EXIT_USAGE);
	check_refused(state, RUN(state, "query", path), EXIT_USAGE);
	check_refused(state, RUN(state, "help", "frob"), EXIT_USAGE);
}

static void test_no_case(void **state)
{
	check_refused(state, RUN(state, "report", "/nonexistent\n\033"), EXIT_FAILED);
	check_refused(state, RUN(state, "report", "/etc/passwd"), EXIT_FAILED);
	check_refused(state, RUN(state, "report", *state), EXIT_FAILED); /* a directory without a segment */
	unit_write(unit_path(state, "facts-000001.ndjson"), "garbage\n");
	check_refused(state, RUN(state, "report", *state), EXIT_FAILED);
}

static void test_output(void **state)
{
	const char *path = case_path(state);
	char file[256];

	snprintf(file, sizeof(file), "%s", unit_path(state, "file"));
	check_refused(state, RUN(state, "report", path, "-o", "/nonexistent/x"), EXIT_FAILED);
	check_refused(state, RUN(state, "report", path, "-o", "/dev/full"), EXIT_FAILED);
	check_refused(state, RUN(state, "report", path, "--format", "json", "-o", "/dev/full"), EXIT_FAILED);
	assert_int_equal(RUN(state, "query", path, "SELECT 1 AS a", "--csv", "-o", file), 0);
	check_text(state, "file", "a\r\n1\r\n");
	check_refused(state, RUN(state, "report", path, "--process", "99"), EXIT_FAILED);
	check_refused(state, RUN(state, "report", path, "--process", "99", "--format", "json"), EXIT_FAILED);
	assert_int_equal(RUN(state, "report", path), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, unit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_forms),
		TEST(test_only_reading),
		TEST(test_usage),
		TEST(test_no_case),
		TEST(test_output),
	};

	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
