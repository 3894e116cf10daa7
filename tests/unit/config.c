/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration file: what is kept of it, and what changed between two. tests/cli/config.t has its mistakes. */
#include "unit.h"

#include "record/record.h"

#include <errno.h>

static struct config parse(const char *text)
{
	struct config config = {.count = 99};
	struct config_error error;

	assert_int_equal(config_parse(&config, text, strlen(text), &error), 0);
	return config;
}

static void test_values(void **state)
{
	struct config config = parse("[case]\r\noutput = /a b\t \r\n\n# x\n[follow]\npath=/x=y\npath\t=\t/z");

	(void)state;
	assert_int_equal(config.count, 3);
	assert_string_equal(config.entries[0].key, "output");
	assert_string_equal(config.entries[0].value, "/a b");
	assert_string_equal(config.entries[1].value, "/x=y");
	assert_string_equal(config.entries[2].value, "/z");
	assert_int_equal(config.entries[2].line, 7);
	assert_int_equal(strlen(config.sha256), 64);
	config_done(&config);
	config = parse("");
	assert_int_equal(config.count, 0);
	config_done(&config);
}

/* What was there before stays there when a file is wrong. */
static void test_failure(void **state)
{
	static const char text[] = "[case]\noutput = /a\nexaminer = x\nbogus = 1\n";
	struct config config = {.count = 7};
	struct config_error error;

	(void)state;
	assert_int_equal(config_parse(&config, text, sizeof(text) - 1, &error), -EINVAL);
	assert_int_equal(error.line, 4);
	assert_int_equal(config.count, 7);
	assert_int_equal(config_parse(&config, "a\0b", 3, &error), -EINVAL);
	assert_int_equal(error.line, 0);
}

static void test_compare(void **state)
{
	struct config a = parse("[follow]\npath = /a\npath = /b\n[sensor]\nheartbeat = 1s\n");
	struct config b = parse("# the order is of no meaning\n[sensor]\nheartbeat=2s\n[follow]\npath=/b\npath=/c\n");
	struct config c = parse("[follow]\npath = /b\npath = /a\n[sensor]\nheartbeat = 1s\n");
	char text[256], small[16];

	(void)state;
	assert_true(config_compare(&a, &b, text, sizeof(text)));
	assert_string_equal(text, "path no longer: /a; heartbeat no longer: 1s; heartbeat now: 2s; path now: /c");
	assert_false(config_compare(&a, &c, text, sizeof(text)));
	assert_string_equal(text, "");
	assert_true(config_compare(&a, &b, small, sizeof(small)));
	assert_int_equal(strlen(small), sizeof(small) - 1);
	config_done(&a);
	config_done(&b);
	config_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
