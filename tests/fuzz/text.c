/* SPDX-License-Identifier: BSD-2-Clause */
/* Escaping: whatever the bytes, what comes out is one harmless line, and the JSON says the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "analyse/line.h"

static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

static bool turns_text(uint32_t code)
{
	return code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

static void must_be_inert(const char *text, size_t len, bool plain)
{
	uint32_t code;
	size_t i, step;

	for (i = 0; i < len; i += step) {
		step = text_decode(text + i, len - i, &code);
		must(step);
		must(!is_control(code));
		must(!plain || !turns_text(code));
	}
}

/* Asking for the size and writing into less than that give the same size, and a whole beginning. */
static char *escaped(
	size_t (*escape)(char *, size_t, const char *, size_t), const char *bytes, size_t len, size_t *ret_len)
{
	size_t need = escape(NULL, 0, bytes, len);
	char *text = malloc(need + 1), *part = malloc(need / 2 + 1);

	must(text && part);
	must(escape(text, need + 1, bytes, len) == need && strlen(text) <= need);
	must(escape(part, need / 2 + 1, bytes, len) == need);
	must(!strncmp(part, text, strlen(part)));
	free(part);
	*ret_len = need;
	return text;
}

static void check_fact(const char *bytes, size_t len, const char *printable, size_t printable_len)
{
	static struct fact fact;
	static struct line line;
	const struct line_field *field;

	fact_begin(&fact, "test", 0);
	fact_bytes(&fact, "name", "raw", bytes, len);
	fact_strings(&fact, "args", "args_raw", bytes, len);
	fact_sequence(&fact, UINT64_MAX);
	fact_end(&fact);
	must(fact.len <= FACT_LINE_MAX && fact.line[fact.len - 1] == '\n');
	must_be_inert(fact.line, fact.len - 1, false);
	must(!line_parse(&line, fact.line, fact.len - 1));
	field = line_find(&line, "event.sequence", 14);
	must(field && field->number == UINT64_MAX);
	field = line_find(&line, "name", 4);
	if (field)
		must(field->len == printable_len && !memcmp(field->text, printable, printable_len));
	must(field || fact.overflow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	size_t len, printable_len;
	char *text, *printable;

	if (size > FACT_LINE_MAX)
		return 0;
	text = escaped(text_plain, bytes, size, &len);
	must_be_inert(text, len, true);
	free(text);
	text = escaped(text_json, bytes, size, &len);
	must_be_inert(text, len, false);
	free(text);
	printable = escaped(text_printable, bytes, size, &printable_len);
	must(text_is_utf8(printable, printable_len));
	must(text_is_utf8(bytes, size) == (printable_len == size && !memcmp(printable, bytes, size)));
	check_fact(bytes, size, printable, printable_len);
	free(printable);
	return 0;
}
