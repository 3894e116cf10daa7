/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader of facts: one line, any bytes. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "analyse/line.h"

static void walk_list(const struct line_field *field)
{
	char *at = (char *)field->text;
	const char *text;
	size_t len;

	while (line_list_next(&at, &text, &len))
		must(text_is_utf8(text, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct line line;
	char *text;
	size_t i;

	if (size > FACT_LINE_MAX)
		return 0;
	text = strndup((const char *)data, size); /* it takes terminated text */
	line_is_object(text, strlen(text));
	free(text);
	if (line_parse(&line, (const char *)data, size))
		return 0;
	must(text_is_utf8((const char *)data, size));
	must(line.count <= LINE_FIELDS_MAX);
	for (i = 0; i < line.count; i++) {
		const struct line_field *field = &line.fields[i];

		must(text_is_utf8(field->key, field->key_len));
		must(line_find(&line, field->key, field->key_len));
		if (field->type == LINE_TEXT)
			must(text_is_utf8(field->text, field->len) && !field->text[field->len]);
	}
	for (i = 0; i < line.count; i++)
		if (line.fields[i].type == LINE_LIST)
			walk_list(&line.fields[i]);
	return 0;
}
