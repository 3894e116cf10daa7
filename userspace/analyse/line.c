/* SPDX-License-Identifier: BSD-2-Clause */
#include "line.h"

#include <errno.h>
#include <string.h>

#define DEPTH_MAX 32

/* The text ends in a NUL, which no JSON holds outside of escapes: every look at *at is within bounds. */
static char *skip_space(char *at)
{
	while (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')
		at++;
	return at;
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static int32_t parse_unit(const char *at)
{
	int32_t unit = 0;
	int i, digit;

	for (i = 0; i < 4; i++) {
		digit = hex_value(at[i]);
		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static char *put_utf8(char *out, uint32_t code)
{
	if (code < 0x80) {
		*out++ = code;
	} else if (code < 0x800) {
		*out++ = 0xc0 | code >> 6;
		*out++ = 0x80 | (code & 0x3f);
	} else if (code < 0x10000) {
		*out++ = 0xe0 | code >> 12;
		*out++ = 0x80 | (code >> 6 & 0x3f);
		*out++ = 0x80 | (code & 0x3f);
	} else {
		*out++ = 0xf0 | code >> 18;
		*out++ = 0x80 | (code >> 12 & 0x3f);
		*out++ = 0x80 | (code >> 6 & 0x3f);
		*out++ = 0x80 | (code & 0x3f);
	}
	return out;
}

/* at: behind \u. Surrogates must come in pairs: alone they are no text. */
static char *parse_code(char *at, uint32_t *ret_code)
{
	int32_t high = parse_unit(at), low;

	if (high < 0 || (high >= 0xdc00 && high <= 0xdfff))
		return NULL;
	at += 4;
	*ret_code = high;
	if (high < 0xd800 || high > 0xdbff)
		return at;
	if (at[0] != '\\' || at[1] != 'u')
		return NULL;
	low = parse_unit(at + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return NULL;
	*ret_code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return at + 6;
}

/* at: behind the backslash. What it stands for is never longer than what it was written as. */
static char *parse_escape(char *at, char **out)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *name;
	uint32_t code;

	if (*at == 'u') {
		at = parse_code(at + 1, &code);
		if (at && *out)
			*out = put_utf8(*out, code);
		return at;
	}
	name = *at ? strchr(names, *at) : NULL;
	if (!name)
		return NULL;
	if (*out)
		*(*out)++ = values[name - names];
	return at + 1;
}

static const bool ends_run[256] = {[0 ... 0x1f] = true, ['"'] = true, ['\\'] = true};

/* at: behind the opening quote; returns behind the closing one. out NULL: only checks. */
static char *parse_string(char *at, char *out, size_t *ret_len)
{
	char *begin = out;

	for (;;) {
		char *run = at;

		while (!ends_run[(unsigned char)*at])
			at++;
		if (out && out != run)
			memmove(out, run, at - run);
		if (out)
			out += at - run;
		if (*at == '"')
			break;
		if (*at != '\\')
			return NULL;
		at = parse_escape(at + 1, &out);
		if (!at)
			return NULL;
	}
	if (out) {
		*ret_len = out - begin;
		*out = '\0';
	}
	return at + 1;
}

static char *skip_digits(char *at)
{
	char *begin = at;

	while (*at >= '0' && *at <= '9')
		at++;
	return at > begin ? at : NULL;
}

static char *parse_fraction(char *at)
{
	if (*at == '.') {
		at = skip_digits(at + 1);
		if (!at)
			return NULL;
	}
	if (*at == 'e' || *at == 'E') {
		at++;
		if (*at == '+' || *at == '-')
			at++;
		at = skip_digits(at);
	}
	return at;
}

static char *parse_number(char *at, struct line_field *field)
{
	char *begin = at, *digits = at + (*at == '-'), *end;
	uint64_t value = 0;

	at = skip_digits(digits);
	if (!at || (digits[0] == '0' && at > digits + 1))
		return NULL;
	field->text = begin;
	field->len = at - begin;
	end = parse_fraction(at);
	if (!end || end > at)
		return end;
	for (at = digits; at < end; at++)
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *at - '0', &value)) {
			value = UINT64_MAX;
			break;
		}
	field->number = *begin == '-' ? 0 : value;
	field->type = LINE_NUMBER;
	return end;
}

static char *parse_word(char *at, struct line_field *field)
{
	static const struct {
		const char *word;
		enum line_type type;
	} words[] = {{"true", LINE_TRUE}, {"false", LINE_FALSE}, {"null", LINE_OTHER}};
	size_t i, len;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		len = strlen(words[i].word);
		if (!strncmp(at, words[i].word, len)) {
			field->type = words[i].type;
			return at + len;
		}
	}
	return NULL;
}

static char *skip_value(char *at, int depth);

static char *skip_key(char *at)
{
	if (*at != '"')
		return NULL;
	at = parse_string(at + 1, NULL, NULL);
	if (!at)
		return NULL;
	at = skip_space(at);
	return *at == ':' ? skip_space(at + 1) : NULL;
}

/* at: behind the opening bracket. */
static char *skip_members(char *at, char close, int depth)
{
	at = skip_space(at);
	if (*at == close)
		return at + 1;
	for (;;) {
		if (close == '}')
			at = skip_key(at);
		at = at ? skip_value(at, depth + 1) : NULL;
		if (!at)
			return NULL;
		at = skip_space(at);
		if (*at == close)
			return at + 1;
		if (*at != ',')
			return NULL;
		at = skip_space(at + 1);
	}
}

static char *skip_value(char *at, int depth)
{
	struct line_field ignored = {0};

	if (depth > DEPTH_MAX)
		return NULL;
	switch (*at) {
	case '"':
		return parse_string(at + 1, NULL, NULL);
	case '{':
		return skip_members(at + 1, '}', depth);
	case '[':
		return skip_members(at + 1, ']', depth);
	case '-':
	case '0' ... '9':
		return parse_number(at, &ignored);
	default:
		return parse_word(at, &ignored);
	}
}

static bool holds_only_strings(char *at)
{
	for (at = skip_space(at + 1); *at == '"'; at = skip_space(at + 1)) {
		at = skip_space(parse_string(at + 1, NULL, NULL));
		if (*at != ',')
			break;
	}
	return *at == ']';
}

static char *parse_list(char *at, struct line_field *field)
{
	char *end = skip_members(at + 1, ']', 1);

	if (!end)
		return NULL;
	field->text = at;
	field->len = end - at;
	field->type = holds_only_strings(at) ? LINE_LIST : LINE_OTHER;
	return end;
}

static char *parse_value(char *at, struct line_field *field)
{
	char *begin = at;
	size_t len = 0;

	field->type = LINE_OTHER;
	field->found = false;
	switch (*at) {
	case '"':
		field->text = at + 1;
		at = parse_string(at + 1, at + 1, &len);
		field->len = len;
		field->type = LINE_TEXT;
		return at;
	case '[':
		return parse_list(at, field);
	case '{':
		at = skip_value(at, 1);
		break;
	case '-':
	case '0' ... '9':
		at = parse_number(at, field);
		break;
	default:
		at = parse_word(at, field);
	}
	field->text = begin;
	field->len = at ? at - begin : 0;
	return at;
}

static char *parse_member(char *at, struct line_field *field)
{
	size_t len = 0;

	if (*at != '"')
		return NULL;
	field->key = at + 1;
	at = parse_string(at + 1, at + 1, &len);
	if (!at)
		return NULL;
	field->key_len = len;
	at = skip_space(at);
	return *at == ':' ? parse_value(skip_space(at + 1), field) : NULL;
}

/* Keys differ in their ends, and in their lengths. */
static uint8_t key_hash(const char *key, size_t len)
{
	uint64_t end = 0;

	if (len >= sizeof(end))
		memcpy(&end, key + len - sizeof(end), sizeof(end));
	else
		memcpy(&end, key, len);
	return (end ^ len * 0x9e3779b97f4a7c15) * 0x9e3779b97f4a7c15 >> 56;
}

/* The slot of the key, or that where it would be: of 256 at most 96 are taken. */
static uint8_t *find_slot(struct line *line, const char *key, size_t len)
{
	uint8_t at = key_hash(key, len);
	const struct line_field *field;

	for (; line->slots[at]; at++) {
		field = &line->fields[line->slots[at] - 1];
		if (field->key_len == len && !memcmp(field->key, key, len))
			break;
	}
	return &line->slots[at];
}

static void add_field(struct line *line)
{
	struct line_field *field = &line->fields[line->count++];
	uint8_t *slot = find_slot(line, field->key, field->key_len);

	field->again = *slot;
	if (!*slot)
		*slot = line->count;
}

static char *parse_object(struct line *line, char *at)
{
	struct line_field spare;

	at = skip_space(at);
	if (*at != '{')
		return NULL;
	at = skip_space(at + 1);
	if (*at == '}')
		return at + 1;
	for (;;) {
		bool room = line->count < LINE_FIELDS_MAX;

		at = parse_member(at, room ? &line->fields[line->count] : &spare);
		if (!at)
			return NULL;
		if (room)
			add_field(line);
		at = skip_space(at);
		if (*at == '}')
			return at + 1;
		if (*at != ',')
			return NULL;
		at = skip_space(at + 1);
	}
}

int line_parse(struct line *line, const char *text, size_t len)
{
	char *end;

	line->count = 0;
	memset(line->slots, 0, sizeof(line->slots));
	if (len > FACT_LINE_MAX || !text_is_utf8(text, len))
		return -EBADMSG;
	memcpy(line->buffer, text, len);
	line->buffer[len] = '\0';
	end = parse_object(line, line->buffer);
	if (end && *skip_space(end) == '\0' && skip_space(end) == line->buffer + len)
		return 0;
	line->count = 0;
	memset(line->slots, 0, sizeof(line->slots));
	return -EBADMSG;
}

struct line_field *line_find(struct line *line, const char *key, size_t key_len)
{
	uint8_t slot = *find_slot(line, key, key_len);

	if (!slot)
		return NULL;
	line->fields[slot - 1].found = true;
	return &line->fields[slot - 1];
}

const struct line_field *line_unknown(const struct line *line, size_t *at)
{
	while (*at < line->count) {
		size_t index = (*at)++;

		if (!line->fields[index].found && !line->fields[index].again)
			return &line->fields[index];
	}
	return NULL;
}

int line_list_next(char **at, const char **ret_text, size_t *ret_len)
{
	char *text = skip_space(*at);

	if (*text == '[' || *text == ',')
		text = skip_space(text + 1);
	if (*text != '"')
		return 0;
	*at = parse_string(text + 1, text + 1, ret_len);
	if (!*at)
		return 0;
	*ret_text = text + 1;
	return 1;
}

int line_is_object(const char *text, size_t len)
{
	char *end;

	if (!len || text[len] != '\0' || *skip_space((char *)text) != '{')
		return 0;
	/* Nothing is written: skip_value() only checks. */
	end = skip_value(skip_space((char *)text), 1);
	return end && skip_space(end) == text + len;
}
