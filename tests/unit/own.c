/* SPDX-License-Identifier: BSD-2-Clause */
/* Which files are the product's own, by lists as dpkg keeps them. */
#include "unit.h"

#include "analyse/own.h"

static void put(void **state, const char *name, const char *text)
{
	unit_write(unit_path(state, name), text);
}

static struct own *make(void **state, const char *program, bool recorded)
{
	struct own *own;

	mkdir(unit_path(state, "info"), 0700);
	put(state, "info/shield.list", "/.\n/usr\n/usr/bin\n/usr/bin/shield\n/etc\n/etc/shield.conf\n/var\n/var/lib\n/var/lib/shield\n/home\n/root\n");
	put(state, "info/shield-data:amd64.list", "/.\n/opt\n/opt/shield\n/opt/shield/rules\n/usr\n/usr/lib\n/usr/lib/shield\n/usr/share\n/usr/share/doc\n");
	put(state, "info/other.list", "/.\n/usr\n/usr/share\n/usr/share/doc\n/usr/share/doc/other\n/usr/lib\n/usr/lib/other.so\n/etc\n/etc/other.conf\n");
	put(state, "info/shield.conffiles", "/etc/other.conf\n");
	put(state, "status",
		"Package: shield\nStatus: install ok installed\nSource: shield-src (1.0)\nVersion: 2.5-1\n\nPackage: other\nVersion: 9\n\n"
		"Package: shield-data\nSource: shield-src\nVersion: 2.5-1\n");
	assert_int_equal(own_new(&own), 0);
	assert_int_equal(own_program(own, program, recorded), 0);
	assert_int_equal(own_packages(own, *state), 0);
	return own;
}

static bool has(struct own *own, const char *path)
{
	return own_has(own, path, strlen(path));
}

static void test_packages(void **state)
{
	struct own *own = make(state, "/bin/shield", true);
	struct own_product product;

	assert_true(has(own, "/usr/bin/shield"));
	assert_true(has(own, "/bin/shield"));
	assert_true(has(own, "/etc/shield.conf"));
	assert_true(has(own, "/opt/shield/rules/today")); /* another package of the same source */
	assert_true(has(own, "/lib/shield/engine.so"));
	assert_true(has(own, "/var/lib/shield/quarantine/1"));
	assert_true(has(own, "/var/lib/shield"));
	assert_false(has(own, "/var/lib/shieldx"));
	assert_false(has(own, "/etc/other.conf"));
	assert_false(has(own, "/usr/lib/other.so"));
	assert_false(has(own, "/usr/share/doc/other")); /* the directory is shared */
	assert_false(has(own, "/usr/share/doc"));
	assert_false(has(own, "/home/alice/x")); /* whatever a package says */
	assert_false(has(own, "/root/.ssh/id_rsa"));
	assert_false(has(own, "/etc/shadow"));
	assert_false(has(own, "/opt/y"));
	assert_true(own_product(own, 0, &product));
	assert_string_equal(product.name, "shield");
	assert_string_equal(product.version, "2.5-1");
	assert_string_equal(product.source, "dpkg");
	assert_string_equal(product.program, "/bin/shield");
	assert_false(own_product(own, 1, &product));
	own_free(own);
}

static void test_unknown(void **state)
{
	struct own *own = make(state, "/opt/tool", true);
	struct own_product product;

	assert_true(has(own, "/opt/tool"));
	assert_false(has(own, "/opt/shield/rules"));
	assert_true(own_product(own, 0, &product));
	assert_string_equal(product.source, "path");
	assert_null(product.name);
	own_free(own);
	own = make(state, "/opt/tool", false); /* one that was merely started */
	assert_false(own_product(own, 0, &product));
	own_free(own);
}

static void test_catalogue(void **state)
{
	struct own *own = make(state, "/usr/sbin/clamd", false);
	struct own_product product;

	assert_true(own_product(own, 0, &product));
	assert_string_equal(product.name, "ClamAV");
	assert_string_equal(product.source, "catalogue");
	assert_true(has(own, "/var/lib/clamav/daily.cvd"));
	assert_false(has(own, "/var/lib/shield/x"));
	own_free(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_packages, unit_setup, unit_teardown),
		cmocka_unit_test_setup_teardown(test_unknown, unit_setup, unit_teardown),
		cmocka_unit_test_setup_teardown(test_catalogue, unit_setup, unit_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
