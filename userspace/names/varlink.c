/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Just enough JSON for two messages whose writer is known: a walk over tokens, which remembers the key before each
 * value. What stands where it is not expected is passed over.
 */
#include "names/names.h"

#include <string.h>

#define ADDRESSES_MAX 64

struct token {
	const uint8_t *at;
	size_t length;
	uint8_t kind; /* '"' for a string, '0' for a number, else the character itself */
};

struct tokens {
	const uint8_t *at, *end;
};

/* False at the end of the message, which is a NUL, and at the end of the bytes. */
static bool next(struct tokens *t, struct token *ret)
{
	const uint8_t *at = t->at;

	while (at < t->end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
		at++;
	if (at == t->end || !*at)
		return false;
	ret->at = at;
	ret->kind = *at++;
	if (ret->kind == '"') {
		ret->at = at;
		while (at < t->end && *at && *at != '"')
			at += *at == '\\' && at + 1 < t->end ? 2 : 1;
		ret->length = at - ret->at;
		t->at = at < t->end ? at + 1 : at;
		return at < t->end && *at == '"';
	}
	if (ret->kind >= '0' && ret->kind <= '9') {
		while (at < t->end && *at >= '0' && *at <= '9')
			at++;
		ret->kind = '0';
	}
	ret->length = at - ret->at;
	t->at = at;
	return true;
}

static bool is(const struct token *t, const char *text)
{
	return t->kind == '"' && t->length == strlen(text) && !memcmp(t->at, text, t->length);
}

static unsigned number(const struct token *t)
{
	unsigned value = 0;

	for (size_t i = 0; i < t->length && value < 100000; i++)
		value = value * 10 + (t->at[i] - '0');
	return value;
}

/* The value of a key, wherever it is. */
static bool value_of(struct tokens t, const char *key, struct token *ret)
{
	struct token token;

	while (next(&t, &token)) {
		if (!is(&token, key))
			continue;
		if (next(&t, &token) && token.kind == ':' && next(&t, ret))
			return true;
	}
	return false;
}

static bool whole(const uint8_t *bytes, size_t size, struct tokens *ret)
{
	const uint8_t *end = memchr(bytes, '\0', size);

	*ret = (struct tokens){bytes, end ? end : bytes + size};
	return end != NULL;
}

enum parsed varlink_question(const uint8_t *bytes, size_t size, char ret_name[NAME_SIZE])
{
	struct token method, name;
	struct tokens t;

	if (!whole(bytes, size, &t))
		return PARSED_MORE;
	if (!value_of(t, "method", &method) || !is(&method, "io.systemd.Resolve.ResolveHostname") ||
		!value_of(t, "name", &name))
		return PARSED_NOTHING;
	return name.kind == '"' && name_take(ret_name, name.at, name.length) ? PARSED_NAME : PARSED_BAD;
}

/* "address":[192,0,2,1] */
static size_t take_address(struct tokens *t, uint8_t address[16])
{
	struct token token;
	size_t count = 0;

	if (!next(t, &token) || token.kind != ':' || !next(t, &token) || token.kind != '[')
		return 0;
	while (next(t, &token) && token.kind != ']') {
		if (token.kind == ',')
			continue;
		if (token.kind != '0' || count == 16 || number(&token) > 255)
			return 0;
		address[count++] = number(&token);
	}
	return count;
}

enum parsed varlink_answer(const uint8_t *bytes, size_t size, dns_fn fn, void *context)
{
	struct dns_answer answer = {.family = 0};
	unsigned told = 0;
	struct token token, name;
	struct tokens t;
	size_t length;

	if (!whole(bytes, size, &t))
		return PARSED_MORE;
	if (value_of(t, "name", &name) && name.kind == '"')
		name_take(answer.owner, name.at, name.length);
	while (told < ADDRESSES_MAX && next(&t, &token)) {
		if (!is(&token, "address"))
			continue;
		length = take_address(&t, answer.address);
		if (length != 4 && length != 16)
			continue;
		answer.family = length == 4 ? 4 : 6;
		fn(&answer, context);
		told++;
	}
	return told ? PARSED_NAME : PARSED_NOTHING;
}
