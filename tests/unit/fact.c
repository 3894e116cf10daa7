/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <jansson.h>

#include "case/case.h"

static struct fact fact;

/* Ends the fact, and has it read by code that is not ours. */
static json_t *read_back(void)
{
	json_error_t error;
	json_t *json;

	fact_end(&fact);
	assert_true(fact.len <= FACT_LINE_MAX);
	assert_int_equal(fact.line[fact.len - 1], '\n');
	assert_null(memchr(fact.line, '\n', fact.len - 1));
	assert_true(text_is_utf8(fact.line, fact.len));
	json = json_loadb(fact.line, fact.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	assert_non_null(json);
	return json;
}

static const char *get(json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static void test_fields(void **state)
{
	static const char *const how[] = {"opened", "io_uring"};
	json_t *json;

	(void)state;
	fact_begin(&fact, "file-access", UNIT_TIME + 5);
	fact_text(&fact, "text", "a\"b");
	fact_text(&fact, "none", NULL);
	fact_number(&fact, "zero", 0);
	fact_number(&fact, "most", INT64_MAX);
	fact_count(&fact, "count", 0);
	fact_count(&fact, "count3", 3);
	fact_true(&fact, "true", true);
	fact_true(&fact, "false", false);
	fact_time(&fact, "event.end", UNIT_TIME);
	fact_list(&fact, "how", how, 2);
	fact_list(&fact, "empty", how, 0);
	fact_sequence(&fact, 17);
	json = read_back();
	assert_false(fact.overflow);
	assert_string_equal(get(json, "@timestamp"), "2026-11-23T17:40:00.000000005Z");
	assert_string_equal(get(json, "quis.fact"), "file-access");
	assert_string_equal(get(json, "text"), "a\"b");
	assert_int_equal(json_integer_value(json_object_get(json, "most")), INT64_MAX);
	assert_int_equal(json_integer_value(json_object_get(json, "count3")), 3);
	assert_int_equal(json_integer_value(json_object_get(json, "event.sequence")), 17);
	assert_true(json_is_true(json_object_get(json, "true")));
	assert_string_equal(json_string_value(json_array_get(json_object_get(json, "how"), 1)), "io_uring");
	assert_int_equal(json_object_size(json), 10); /* absent ones are absent */
	json_decref(json);
}

static void test_greatest_number(void **state)
{
	(void)state;
	fact_begin(&fact, "x", 0);
	fact_number(&fact, "n", UINT64_MAX);
	fact_end(&fact);
	assert_non_null(strstr(fact.line, "\"n\":18446744073709551615}"));
}

static void test_bytes(void **state)
{
	static const char bad[] = "/x\xff\n\033\xc2\x9b";
	json_t *json;

	(void)state;
	fact_begin(&fact, "x", 0);
	fact_bytes(&fact, "good", "good_raw", "/etc/\xc3\xa9", 7);
	fact_bytes(&fact, "bad", "bad_raw", bad, sizeof(bad) - 1);
	fact_bytes(&fact, "nul", "nul_raw", "a\0b", 3);
	json = read_back();
	assert_string_equal(get(json, "good"), "/etc/é");
	assert_null(json_object_get(json, "good_raw"));
	assert_string_equal(get(json, "bad"), "/x\\xff\n\033\xc2\x9b");
	assert_string_equal(get(json, "bad_raw"), "L3j/ChvCmw==");
	assert_int_equal(json_string_length(json_object_get(json, "nul")), 3);
	/* raw in the line, too, nothing that a terminal would act upon */
	assert_non_null(strstr(fact.line, "\\u001b\\u009b"));
	json_decref(json);
}

/* A field that does not fit is left out, those after it that fit are there, and there is always room for the sequence.
 */
static void test_overflow(void **state)
{
	static char big[FACT_LINE_MAX];
	json_t *json;
	size_t len;

	(void)state;
	memset(big, '"', sizeof(big));
	for (len = FACT_LINE_MAX / 2 - 200; len < FACT_LINE_MAX / 2 + 10; len++) {
		fact_begin(&fact, "x", 0);
		fact_text(&fact, "before", "1");
		fact_bytes(&fact, "big", NULL, big, len);
		fact_true(&fact, "after", true);
		fact_sequence(&fact, UINT64_MAX / 2);
		json = read_back();
		assert_int_equal(fact.overflow, !json_object_get(json, "big") || !json_object_get(json, "after"));
		if (json_object_get(json, "big"))
			assert_int_equal(json_string_length(json_object_get(json, "big")), len);
		else
			assert_true(json_is_true(json_object_get(json, "after")));
		assert_string_equal(get(json, "before"), "1");
		assert_int_equal(json_integer_value(json_object_get(json, "event.sequence")), UINT64_MAX / 2);
		json_decref(json);
	}
	assert_true(fact.overflow);
}

static void test_overflow_raw(void **state)
{
	static char big[FACT_LINE_MAX];
	json_t *json;

	(void)state;
	memset(big, 'x', sizeof(big));
	big[0] = '\xff';
	fact_begin(&fact, "x", 0);
	fact_bytes(&fact, "big", "big_raw", big, 20000);
	json = read_back();
	assert_non_null(json_object_get(json, "big"));
	assert_null(json_object_get(json, "big_raw"));
	assert_true(fact.overflow);
	json_decref(json);
}

static void test_strings(void **state)
{
	json_t *json, *list;

	(void)state;
	fact_begin(&fact, "x", 0);
	assert_int_equal(fact_strings(&fact, "args", "args_raw", "cat\0\0-n\0", 8), 3);
	assert_int_equal(fact_strings(&fact, "cut", "cut_raw", "a\0b", 3), 2);
	assert_int_equal(fact_strings(&fact, "raw", "raw_raw", "a\0\xff\0", 4), 2);
	assert_int_equal(fact_strings(&fact, "none", "none_raw", "", 0), 0);
	json = read_back();
	list = json_object_get(json, "args");
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(json_string_value(json_array_get(list, 1)), "");
	assert_string_equal(json_string_value(json_array_get(list, 2)), "-n");
	assert_null(json_object_get(json, "args_raw"));
	assert_int_equal(json_array_size(json_object_get(json, "cut")), 2);
	list = json_object_get(json, "raw_raw");
	assert_string_equal(json_string_value(json_array_get(list, 0)), "YQ==");
	assert_string_equal(json_string_value(json_array_get(list, 1)), "/w==");
	assert_string_equal(json_string_value(json_array_get(json_object_get(json, "raw"), 1)), "\\xff");
	assert_null(json_object_get(json, "none"));
	assert_false(fact.overflow);
	json_decref(json);
}

/* What does not fit is left out from the end, in both forms alike, and what comes after still fits. */
static void test_strings_overflow(void **state)
{
	static char args[40000];
	size_t written, i;
	json_t *json;
	int raw;

	(void)state;
	for (raw = 0; raw < 2; raw++) {
		for (i = 0; i < sizeof(args); i++)
			args[i] = i % 10 == 9 ? '\0' : 'a';
		if (raw)
			args[5] = '\xfe';
		fact_begin(&fact, "x", 0);
		written = fact_strings(&fact, "args", "args_raw", args, sizeof(args));
		assert_true(written > 500 && written < sizeof(args) / 10);
		assert_true(fact.overflow);
		fact_text(&fact, "after", "here");
		json = read_back();
		assert_int_equal(json_array_size(json_object_get(json, "args")), written);
		assert_int_equal(json_array_size(json_object_get(json, "args_raw")), raw ? written : 0);
		assert_string_equal(get(json, "after"), "here");
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_greatest_number),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_overflow_raw),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_strings_overflow),
	};

	return cmocka_run_group_tests_name("fact", tests, NULL, NULL);
}
