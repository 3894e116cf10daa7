/* SPDX-License-Identifier: BSD-2-Clause */
#include "times.h"

#include <string.h>

#include "case/case.h"

#define SECOND 1000000000ll

bool time_normal(const char *text, size_t len, char *out)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	char normal[TIME_TEXT] = "0000-00-00T00:00:00.000000000Z";
	size_t i;

	if (len < sizeof(form) || len > TIME_LENGTH || text[len - 1] != 'Z')
		return false;
	for (i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return false;
	memcpy(normal, text, sizeof(form) - 1);
	if (len > sizeof(form)) {
		if (text[i++] != '.' || len < sizeof(form) + 2)
			return false;
		for (; i < len - 1; i++) {
			if (text[i] < '0' || text[i] > '9')
				return false;
			normal[i] = text[i];
		}
	}
	memcpy(out, normal, sizeof(normal));
	return true;
}

static int64_t digits(const char *text, int count)
{
	int64_t value = 0;

	while (count--)
		value = value * 10 + (*text++ - '0');
	return value;
}

/* Days since 1970 in the proleptic Gregorian calendar; years begin in March, so that the leap day comes last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t seconds_of(const char *text)
{
	return days_of(digits(text, 4), digits(text + 5, 2), digits(text + 8, 2)) * 86400 +
	       digits(text + 11, 2) * 3600 + digits(text + 14, 2) * 60 + digits(text + 17, 2);
}

/* Events come by the second: the day is computed once for most of them. */
int64_t time_ns(const char *text)
{
	static char last[11];
	static int64_t last_day;
	int64_t seconds;

	if (memcmp(last, text, 10)) {
		last_day = days_of(digits(text, 4), digits(text + 5, 2), digits(text + 8, 2)) * 86400;
		memcpy(last, text, 10);
	}
	seconds = last_day + digits(text + 11, 2) * 3600 + digits(text + 14, 2) * 60 + digits(text + 17, 2);
	if (seconds < 0)
		return 0;
	if (seconds >= INT64_MAX / SECOND)
		return INT64_MAX;
	return seconds * SECOND + digits(text + 20, 9);
}

static bool all_digits(const char *text, size_t len)
{
	return len && strspn(text, "0123456789") >= len;
}

static bool given_epoch(const char *text, char *out)
{
	size_t whole = strcspn(text, "."), fraction = text[whole] ? strlen(text + whole + 1) : 0;
	char nine[10] = "000000000";

	if (whole > 10 || !all_digits(text, whole) || fraction > 9 ||
		(text[whole] && !all_digits(text + whole + 1, fraction)))
		return false;
	memcpy(nine, text + whole + !!text[whole], fraction);
	text_time(out, digits(text, whole) * SECOND + digits(nine, 9));
	return true;
}

/* Z, nothing, or +01:00: what is to be taken away, in seconds. */
static bool given_zone(const char *text, int64_t *ret_offset)
{
	*ret_offset = 0;
	if (!*text || !strcmp(text, "Z") || !strcmp(text, "z"))
		return true;
	if ((*text != '+' && *text != '-') || strlen(text) != 6 || !all_digits(text + 1, 2) || text[3] != ':' ||
		!all_digits(text + 4, 2))
		return false;
	*ret_offset = (digits(text + 1, 2) * 3600 + digits(text + 4, 2) * 60) * (*text == '-' ? -1 : 1);
	return true;
}

bool time_given(const char *text, char *out)
{
	char whole[TIME_TEXT] = "0000-00-00T00:00:00.000000000Z", normal[TIME_TEXT];
	static const size_t ends[] = {10, 16, 19}; /* of the date, the minute, the second */
	size_t len = strcspn(text, "zZ+"), i;
	const char *dash;
	int64_t offset, seconds;

	if (*text == '@')
		return given_epoch(text + 1, out);
	dash = len > 10 ? memchr(text + 10, '-', len - 10) : NULL;
	if (dash)
		len = dash - text;
	if (len > TIME_LENGTH - 1 || !given_zone(text + len, &offset))
		return false;
	for (i = 0; i < 3 && len != ends[i]; i++)
		;
	if (i == 3 && (len < 21 || text[19] != '.'))
		return false;
	memcpy(whole, text, len);
	if (len > 10 && (whole[10] == ' ' || whole[10] == 't'))
		whole[10] = 'T';
	if (!time_normal(whole, TIME_LENGTH, normal))
		return false;
	seconds = seconds_of(normal) - offset;
	if (seconds < 0 || seconds >= INT64_MAX / SECOND || digits(normal + 5, 2) > 12 || digits(normal + 8, 2) > 31)
		return false;
	text_time(out, seconds * SECOND + digits(normal + 20, 9));
	return true;
}
