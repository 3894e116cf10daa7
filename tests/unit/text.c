/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <time.h>

#include "case/case.h"

#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *bytes;
	size_t len;
	bool valid;
	const char *printable;
	const char *plain;
	const char *json;
} samples[] = {
	{BYTES(""), true, "", "", ""},
	{BYTES("/etc/passwd"), true, "/etc/passwd", "/etc/passwd", "/etc/passwd"},
	{BYTES("\xc3\xa9t\xc3\xa9"), true, "été", "été", "été"},
	{BYTES("a\nb\tc"), true, "a\nb\tc", "a\\nb\\tc", "a\\u000ab\\u0009c"},
	{BYTES("\033[2J"), true, "\033[2J", "\\x1b[2J", "\\u001b[2J"},
	{BYTES("\x7f"), true, "\x7f", "\\x7f", "\\u007f"},
	{BYTES("\xc2\x9b"), true, "\xc2\x9b", "\\u{009b}", "\\u009b"},
	{BYTES("\xc2\xa0"), true, "\xc2\xa0", "\xc2\xa0", "\xc2\xa0"},
	{BYTES("\xe2\x80\xae"), true, "\xe2\x80\xae", "\\u{202e}", "\xe2\x80\xae"},
	{BYTES("\xe2\x81\xa6x"), true, "\xe2\x81\xa6x", "\\u{2066}x", "\xe2\x81\xa6x"},
	{BYTES("\xe2\x80\xa8"), true, "\xe2\x80\xa8", "\\u{2028}", "\xe2\x80\xa8"},
	{BYTES("\xff"), false, "\\xff", "\\xff", "\\\\xff"},
	{BYTES("a\xc3"), false, "a\\xc3", "a\\xc3", "a\\\\xc3"},
	{BYTES("\xc0\xaf"), false, "\\xc0\\xaf", "\\xc0\\xaf", "\\\\xc0\\\\xaf"},		       /* overlong */
	{BYTES("\xe0\x80\xaf"), false, "\\xe0\\x80\\xaf", "\\xe0\\x80\\xaf", "\\\\xe0\\\\x80\\\\xaf"}, /* overlong */
	{BYTES("\xed\xa0\x80"), false, "\\xed\\xa0\\x80", "\\xed\\xa0\\x80", "\\\\xed\\\\xa0\\\\x80"}, /* surrogate */
	{BYTES("\xf4\x90\x80\x80"), false, "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80",
		"\\\\xf4\\\\x90\\\\x80\\\\x80"},
	{BYTES("\xf0\x9f\x98\x80"), true, "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
	{BYTES("\"\\"), true, "\"\\", "\"\\", "\\\"\\\\"},
};

static void test_samples(void **state)
{
	char out[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		assert_int_equal(text_is_utf8(samples[i].bytes, samples[i].len), samples[i].valid);
		assert_int_equal(text_printable(out, sizeof(out), samples[i].bytes, samples[i].len),
			strlen(samples[i].printable));
		assert_string_equal(out, samples[i].printable);
		assert_int_equal(
			text_plain(out, sizeof(out), samples[i].bytes, samples[i].len), strlen(samples[i].plain));
		assert_string_equal(out, samples[i].plain);
		assert_int_equal(
			text_json(out, sizeof(out), samples[i].bytes, samples[i].len), strlen(samples[i].json));
		assert_string_equal(out, samples[i].json);
	}
}

/* Whatever the bytes: valid UTF-8 comes out, no control character, and nothing beyond the size. */
static void test_random(void **state)
{
	unsigned char bytes[64];
	char out[512];
	int i, j;

	(void)state;
	srand(7);
	for (i = 0; i < 20000; i++) {
		size_t len = rand() % sizeof(bytes), size = rand() % 80, need;

		for (j = 0; j < (int)len; j++)
			bytes[j] = rand() % 3 ? 0xc0 | rand() : rand();
		memset(out, 0x55, sizeof(out));
		need = text_plain(out, size, (char *)bytes, len);
		assert_int_equal(out[size], 0x55);
		if (size)
			assert_int_equal(strnlen(out, size) < size, 1);
		assert_int_equal(text_plain(out, sizeof(out), (char *)bytes, len), need);
		assert_true(text_is_utf8(out, need));
		for (j = 0; out[j]; j++)
			assert_true((unsigned char)out[j] >= 0x20 && out[j] != 0x7f);
	}
}

static void test_sizes(void **state)
{
	char out[4] = "zzz";

	(void)state;
	assert_int_equal(text_plain(NULL, 0, "abc\n", 4), 5);
	assert_int_equal(text_plain(out, 3, "a\nb", 3), 4);
	assert_string_equal(out, "a"); /* an escape is written whole or not at all */
	assert_int_equal(text_plain(out, 1, "a", 1), 1);
	assert_string_equal(out, "");
}

static void test_base64(void **state)
{
	static const char *const samples64[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"\xff\xfe\xfd", "//79"},
	};
	char out[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(samples64) / sizeof(samples64[0]); i++) {
		assert_int_equal(text_base64(out, samples64[i][0], strlen(samples64[i][0])), strlen(samples64[i][1]));
		assert_string_equal(out, samples64[i][1]);
	}
}

static void test_time(void **state)
{
	char out[TIME_TEXT], expected[TIME_TEXT];
	uint64_t day;

	(void)state;
	text_time(out, 0);
	assert_string_equal(out, "1970-01-01T00:00:00.000000000Z");
	text_time(out, UNIT_TIME + 50123456);
	assert_string_equal(out, "2026-11-23T17:40:00.050123456Z");
	text_time(out, UINT64_MAX);
	assert_string_equal(out, "2554-07-21T23:34:33.709551615Z");
	for (day = 0; day < 200000; day += 13) {
		time_t seconds = day * 86400 + day % 86400;
		struct tm tm;

		gmtime_r(&seconds, &tm);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000000001Z", &tm);
		text_time(out, seconds * 1000000000ull + 1);
		assert_string_equal(out, expected);
	}
}

/* Text goes out eight bytes at a time where it can: every byte, at every place of a text of every length up to 24, as if it stood alone. */
static void test_json_places(void **state)
{
	char bytes[24], alone[16], json[64], expected[64];
	size_t len, at, one;
	unsigned byte;

	(void)state;
	for (len = 1; len <= sizeof(bytes); len++)
		for (at = 0; at < len; at++)
			for (byte = 0; byte < 256; byte++) {
				memset(bytes, 'x', len);
				bytes[at] = byte;
				one = text_json(alone, sizeof(alone), bytes + at, 1);
				memset(expected, 'x', sizeof(expected));
				memcpy(expected + at, alone, one);
				assert_int_equal(text_json(json, sizeof(json), bytes, len), len - 1 + one);
				assert_memory_equal(json, expected, len - 1 + one);
			}
}

static void test_same_second(void **state)
{
	char text[TIME_TEXT], again[TIME_TEXT];

	(void)state;
	text_time(text, 1795455600999999999u);
	text_time_same_second(text, 1795455600050123456u);
	text_time(again, 1795455600050123456u);
	assert_string_equal(text, again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_json_places),
		cmocka_unit_test(test_same_second),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
