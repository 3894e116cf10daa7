/* SPDX-License-Identifier: BSD-2-Clause */
/* The catalogue: that its form is kept, that it contradicts itself nowhere, and that the reader refuses what is not in form. */
#include "unit.h"

#include "catalog/catalog.h"

#include <errno.h>
#include <stdbool.h>

static struct catalog catalog;

static int load(void **state)
{
	(void)state;
	return catalog_load(&catalog);
}

static int done(void **state)
{
	(void)state;
	catalog_done(&catalog);
	return 0;
}

static void test_what_is_built_in(void **state)
{
	const struct catalog_product *clamav = catalog_find(&catalog, "ClamAV");

	(void)state;
	assert_in_range(catalog.count, 58, 1000);
	assert_non_null(clamav);
	assert_string_equal(clamav->id, "clamav");
	assert_ptr_equal(catalog_find(&catalog, "CLAMAV"), clamav);
	assert_ptr_equal(catalog_find(&catalog, "clamav-daemon"), clamav);
	assert_null(catalog_find(&catalog, "clam"));
	assert_null(catalog_find(&catalog, "libclamav12"));
	assert_string_equal(catalog_fact(clamav, CATALOG_PACKAGE)->value, "clamav");
	assert_null(catalog_fact(clamav, CATALOG_COUNTRY));
}

static bool is_directory(const struct catalog_fact *fact)
{
	return fact->kind == CATALOG_PREFIX || fact->kind == CATALOG_EXECUTABLE || fact->kind == CATALOG_SCRIPT ||
	       fact->kind == CATALOG_INIT || fact->kind == CATALOG_CRON || fact->kind == CATALOG_DATA;
}

/* A path that decides, of one product, must not lie in the directory of another: both would be found. */
static void check_apart(const struct catalog_product *one, const struct catalog_fact *fact)
{
	size_t i, k;

	for (i = 0; i < catalog.count; i++)
		for (k = 0; &catalog.products[i] != one && k < catalog.products[i].count; k++) {
			const struct catalog_fact *other = &catalog.products[i].facts[k];

			if (is_directory(other) && catalog_path_matches(other->value, fact->value, true))
				fail_msg("%s of %s lies in %s of %s", fact->value, one->id, other->value, catalog.products[i].id);
		}
}

static void test_products_are_apart(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < catalog.count; i++)
		for (k = 0; k < catalog.products[i].count; k++)
			if (is_directory(&catalog.products[i].facts[k]))
				check_apart(&catalog.products[i], &catalog.products[i].facts[k]);
}

/* Names that decide belong to one product. */
static void test_names_are_of_one_product(void **state)
{
	static const enum catalog_kind kinds[] = {CATALOG_PACKAGE, CATALOG_PART, CATALOG_PROCESS, CATALOG_UNIT, CATALOG_USER, CATALOG_MODULE};
	size_t i, j, k, l, n;

	(void)state;
	for (n = 0; n < sizeof(kinds) / sizeof(*kinds); n++)
		for (i = 0; i < catalog.count; i++)
			for (j = i + 1; j < catalog.count; j++)
				for (k = 0; k < catalog.products[i].count; k++)
					for (l = 0; l < catalog.products[j].count; l++) {
						const struct catalog_fact *a = &catalog.products[i].facts[k], *b = &catalog.products[j].facts[l];

						if (a->kind == kinds[n] && b->kind == kinds[n] && !strcmp(a->value, b->value))
							fail_msg("%s: both of %s and of %s", a->value, catalog.products[i].id, catalog.products[j].id);
					}
}

static void test_the_best_source_is_first(void **state)
{
	size_t i, k, s;

	(void)state;
	for (i = 0; i < catalog.count; i++)
		for (k = 0; k < catalog.products[i].count; k++) {
			const struct catalog_fact *fact = &catalog.products[i].facts[k];

			assert_true(fact->source_count > 0);
			for (s = 0; s < fact->source_count; s++) {
				assert_true(catalog_level(fact) <= fact->sources[s].level);
				assert_true(*fact->sources[s].text);
			}
		}
}

static void test_what_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"product a\nname A\npackage x\n", "no source for x"},
		{"product a\nname A\npackage x\n\trumour: somebody\n", "unknown level rumour"},
		{"product a\nname A\npackage x\n\tvendor-doc: y\npackage x\n\tvendor-doc: z\n", "told twice: x"},
		{"product a\nname A\nproduct a\nname B\n", "a second product a"},
		{"product A\nname A\n", "not a product's id"},
		{"product a\n", "has no name"},
		{"name A\n", "before any product"},
		{"product a\nname A\nexecutable bin/x\n\tmeasured: y\n", "a bad value: bin/x"},
		{"product a\nname A\nprefix /opt/../etc\n\tmeasured: y\n", "a bad value"},
		{"product a\nname A\nprocess abcdefghijklmnop\n\tmeasured: y\n", "a bad value"},
		{"product a\nname A\ncolour red\n\tmeasured: y\n", "unknown kind colour"},
		{"product a\nname A\n\tmeasured: y\n", "a source of nothing"},
		{"product a\nname A\npackage x\n\tmeasured:\n", "neither a note nor"},
		{"product a\nname A\npackage x\n\tnote: a\n\tnote: b\n\tmeasured: c\n", "a second note"},
	};
	struct catalog other;
	char what[CATALOG_WHAT];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		what[0] = '\0';
		assert_int_equal(catalog_parse(&other, rows[i].text, strlen(rows[i].text), what), -EINVAL);
		if (!strstr(what, rows[i].why))
			fail_msg("'%s' does not say '%s'", what, rows[i].why);
	}
}

static void test_form(void **state)
{
	static const char text[] = "# a remark\nproduct a\nname The A\n\npackage x\n\tnote: old\n\tcommunity-list: list\n\tmeasured: seen\nordinary\n";
	struct catalog other;
	char what[CATALOG_WHAT];
	const struct catalog_fact *fact;

	(void)state;
	assert_int_equal(catalog_parse(&other, text, strlen(text), what), 0);
	assert_int_equal(other.count, 1);
	assert_true(other.products[0].ordinary);
	fact = catalog_fact(&other.products[0], CATALOG_PACKAGE);
	assert_string_equal(fact->note, "old");
	assert_int_equal(fact->source_count, 2);
	assert_int_equal(catalog_level(fact), LEVEL_MEASURED);
	assert_string_equal(fact->sources[1].text, "list");
	catalog_done(&other);
}

static void test_paths(void **state)
{
	const struct catalog_product *falcon = catalog_find(&catalog, "falcon");

	(void)state;
	assert_true(catalog_path_matches("/sbin/auditd", "/usr/sbin/auditd", false));
	assert_true(catalog_path_matches("/usr/sbin/clamd", "/usr/bin/clamd", false));
	assert_false(catalog_path_matches("/usr/sbin/clamd", "/usr/local/sbin/clamd", false));
	assert_false(catalog_path_matches("/opt/a", "/opt/ab", true));
	assert_true(catalog_path_matches("/opt/a", "/opt/a/b/c", true));
	assert_false(catalog_path_matches("/opt/a*", "/opt/a/b", false));
	assert_non_null(falcon);
	assert_string_equal(catalog_owns_program(falcon, "/opt/CrowdStrike/falcon-sensor-bpf18202")->value, "/opt/CrowdStrike/falcon-sensor*");
	assert_string_equal(catalog_owns_program(falcon, "/opt/CrowdStrike/new/thing")->value, "/opt/CrowdStrike");
	assert_null(catalog_owns_program(falcon, "/opt/CrowdStrikeX/falcond"));
	assert_null(catalog_owns_program(falcon, "/opt"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_built_in),
		cmocka_unit_test(test_products_are_apart),
		cmocka_unit_test(test_names_are_of_one_product),
		cmocka_unit_test(test_the_best_source_is_first),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, load, done);
}
