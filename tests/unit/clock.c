/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "record/record.h"

static const struct clock_state at = {
	.boot = 100 * SECOND, .real = 1795455600000000000, .suspended = 5, .synchronised = true};

static void expect(const struct clock_state *now, const char *note)
{
	char got[CLOCK_NOTE];

	assert_int_equal(clock_changed(&at, now, got), *note != '\0');
	assert_string_equal(got, note);
}

static void test_changes(void **state)
{
	struct clock_state now = at;

	(void)state;
	now.boot += SECOND;
	now.real += 500000;
	now.suspended += 100000;
	expect(&now, ""); /* as steered by NTP, and read one clock after the other */
	now.real = at.real + 12 * (int64_t)SECOND;
	expect(&now, "the clock was set by +12.000000 s");
	now.real = at.real - 3600 * (int64_t)SECOND;
	expect(&now, "the clock was set by -3600.000000 s");
	now.real = at.real + 20000000;
	expect(&now, "the clock has moved by +0.020000 s, by steering or small steps");
	now.synchronised = false;
	now.suspended = at.suspended + 90 * (int64_t)SECOND;
	expect(&now, "the machine was suspended for 90.000 s; the clock has moved by +0.020000 s, by steering or small "
		     "steps; "
		     "the clock is no longer synchronised");
	now.real = INT64_MIN / 2;
	now.suspended = at.suspended + (int64_t)1e18;
	assert_true(clock_changed(&at, &now, (char[CLOCK_NOTE]){0})); /* nothing is written beyond the note */
}

static void test_take(void **state)
{
	struct clock_state a, b;
	char note[CLOCK_NOTE];

	(void)state;
	clock_take(&a);
	clock_take(&b);
	assert_in_range(b.boot, a.boot, a.boot + SECOND);
	clock_changed(&a, &b, note);
	assert_null(strstr(note, "suspended"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
