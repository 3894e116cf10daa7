/* SPDX-License-Identifier: BSD-2-Clause */
#include "case.h"

#include <string.h>

/* What the writer adds must always fit: ,"event.sequence":18446744073709551615}\n */
#define ROOM_FOR_END 48
/* What an argv leaves for the fields that come after it. */
#define ROOM_AFTER_STRINGS 4096
#define LINE_LIMIT (FACT_LINE_MAX - ROOM_FOR_END)

static void put(struct fact *fact, const char *bytes, size_t len)
{
	if (fact->overflow || len > LINE_LIMIT - fact->len) {
		fact->overflow = true;
		return;
	}
	memcpy(fact->line + fact->len, bytes, len);
	fact->len += len;
}

static void put_text(struct fact *fact, const char *bytes, size_t len)
{
	size_t room, need;

	put(fact, "\"", 1);
	if (fact->overflow)
		return;
	room = LINE_LIMIT - fact->len;
	need = text_json(fact->line + fact->len, room, bytes, len);
	if (need >= room) {
		fact->overflow = true;
		return;
	}
	fact->len += need;
	put(fact, "\"", 1);
}

static void put_base64(struct fact *fact, const char *bytes, size_t len)
{
	size_t need = 4 * ((len + 2) / 3) + 3;

	if (fact->overflow || need > LINE_LIMIT - fact->len) {
		fact->overflow = true;
		return;
	}
	put(fact, "\"", 1);
	fact->len += text_base64(fact->line + fact->len, bytes, len);
	put(fact, "\"", 1);
}

#define DIGITS_MAX 20

/* Fills the buffer from its end; returns how many digits there are. */
static size_t number_digits(char digits[DIGITS_MAX], uint64_t value)
{
	size_t count = 0;

	do {
		digits[DIGITS_MAX - ++count] = '0' + value % 10;
		value /= 10;
	} while (value);
	return count;
}

static void put_number(struct fact *fact, uint64_t value)
{
	char digits[DIGITS_MAX];
	size_t count = number_digits(digits, value);

	put(fact, digits + DIGITS_MAX - count, count);
}

/* A field is written whole or not at all: field_end() takes back what did not fit. */
struct field {
	uint32_t len;
	bool overflow;
	bool first;
};

static struct field field_begin(struct fact *fact, const char *key)
{
	struct field field = {fact->len, fact->overflow, fact->first};
	size_t len = strlen(key);
	char *at = fact->line + fact->len;

	fact->overflow = len + 4 > LINE_LIMIT - fact->len;
	if (fact->overflow)
		return field;
	if (!fact->first)
		*at++ = ',';
	fact->first = false;
	*at++ = '"';
	at = mempcpy(at, key, len);
	*at++ = '"';
	*at++ = ':';
	fact->len = at - fact->line;
	return field;
}

static void field_end(struct fact *fact, struct field field)
{
	if (fact->overflow) {
		fact->len = field.len;
		fact->first = field.first;
	} else {
		fact->overflow = field.overflow;
	}
}

static void begin(struct fact *fact, uint64_t realtime_ns)
{
	fact->len = 0;
	fact->overflow = false;
	fact->first = true;
	put(fact, "{", 1);
	fact_time(fact, "@timestamp", realtime_ns);
	fact->fields = fact->len;
}

void fact_begin(struct fact *fact, const char *kind, uint64_t realtime_ns)
{
	begin(fact, realtime_ns);
	fact_text(fact, "quis.fact", kind);
}

void fact_begin_like(struct fact *fact, uint64_t realtime_ns, const char *fields, size_t len)
{
	begin(fact, realtime_ns);
	put(fact, fields, len);
}

void fact_text(struct fact *fact, const char *key, const char *value)
{
	struct field field;

	if (!value)
		return;
	field = field_begin(fact, key);
	put_text(fact, value, strlen(value));
	field_end(fact, field);
}

void fact_bytes(struct fact *fact, const char *key, const char *raw_key, const char *bytes, size_t len)
{
	struct field field = field_begin(fact, key);

	put_text(fact, bytes, len);
	field_end(fact, field);
	if (!raw_key || text_is_utf8(bytes, len))
		return;
	field = field_begin(fact, raw_key);
	put_base64(fact, bytes, len);
	field_end(fact, field);
}

void fact_number(struct fact *fact, const char *key, uint64_t value)
{
	struct field field = field_begin(fact, key);

	put_number(fact, value);
	field_end(fact, field);
}

void fact_number_text(struct fact *fact, const char *key, uint64_t value)
{
	struct field field = field_begin(fact, key);

	put(fact, "\"", 1);
	put_number(fact, value);
	put(fact, "\"", 1);
	field_end(fact, field);
}

void fact_count(struct fact *fact, const char *key, uint64_t value)
{
	if (value)
		fact_number(fact, key, value);
}

void fact_true(struct fact *fact, const char *key, bool value)
{
	struct field field;

	if (!value)
		return;
	field = field_begin(fact, key);
	put(fact, "true", 4);
	field_end(fact, field);
}

void fact_time(struct fact *fact, const char *key, uint64_t realtime_ns)
{
	/* most facts of a second have its date and time in common */
	static _Thread_local uint64_t second;
	static _Thread_local char text[TIME_TEXT];

	if (text[0] && second == realtime_ns / 1000000000u) {
		text_time_same_second(text, realtime_ns);
	} else {
		second = realtime_ns / 1000000000u;
		text_time(text, realtime_ns);
	}
	fact_text(fact, key, text);
}

void fact_list(struct fact *fact, const char *key, const char *const *values, size_t count)
{
	struct field field;
	size_t i;

	if (!count)
		return;
	field = field_begin(fact, key);
	for (i = 0; i < count; i++) {
		put(fact, i ? "," : "[", 1);
		put_text(fact, values[i], strlen(values[i]));
	}
	put(fact, "]", 1);
	field_end(fact, field);
}

static size_t next_string(const char *bytes, size_t len)
{
	const char *nul = memchr(bytes, '\0', len);

	return nul ? (size_t)(nul - bytes) : len;
}

/* How many of the strings fit in both forms. */
static size_t strings_fitting(const struct fact *fact, const char *bytes, size_t len, bool raw, bool *ret_all)
{
	size_t used = fact->len + ROOM_AFTER_STRINGS, count = 0, i, part;

	*ret_all = false;
	for (i = 0; i < len; i += part + 1, count++) {
		part = next_string(bytes + i, len - i);
		used += text_json(NULL, 0, bytes + i, part) + 3;
		if (raw)
			used += 4 * ((part + 2) / 3) + 3;
		if (used > LINE_LIMIT)
			return count;
	}
	*ret_all = true;
	return count;
}

typedef void put_fn(struct fact *fact, const char *bytes, size_t len);

static void put_strings(
	struct fact *fact, const char *key, put_fn *put_one, const char *bytes, size_t len, size_t count)
{
	struct field field = field_begin(fact, key);
	size_t i, at, part;

	for (i = 0, at = 0; i < count; i++, at += part + 1) {
		part = next_string(bytes + at, len - at);
		put(fact, i ? "," : "[", 1);
		put_one(fact, bytes + at, part);
	}
	put(fact, "]", 1);
	field_end(fact, field);
}

size_t fact_strings(struct fact *fact, const char *key, const char *raw_key, const char *bytes, size_t len)
{
	bool raw = raw_key && !text_is_utf8(bytes, len), all;
	size_t count = strings_fitting(fact, bytes, len, raw, &all);

	if (count) {
		put_strings(fact, key, put_text, bytes, len, count);
		if (raw)
			put_strings(fact, raw_key, put_base64, bytes, len, count);
	}
	if (!all)
		fact->overflow = true;
	return count;
}

/* The limits of the other fields leave room for this one. */
void fact_sequence(struct fact *fact, uint64_t sequence)
{
	static const char key[] = ",\"event.sequence\":";
	char digits[DIGITS_MAX];
	size_t count = number_digits(digits, sequence);

	memcpy(fact->line + fact->len, key, sizeof(key) - 1);
	fact->len += sizeof(key) - 1;
	memcpy(fact->line + fact->len, digits + DIGITS_MAX - count, count);
	fact->len += count;
}

void fact_end(struct fact *fact)
{
	memcpy(fact->line + fact->len, "}\n", 2);
	fact->len += 2;
}
