/* SPDX-License-Identifier: BSD-2-Clause */
#include "ini.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len && strchr(" \t\r", text[len - 1]))
		text[--len] = '\0';
	return text;
}

static bool take_section(char *text, char *section)
{
	size_t len = strlen(text);

	if (len < 3 || text[len - 1] != ']')
		return false;
	text[len - 1] = '\0';
	strcpy(section, text + 1);
	return true;
}

static bool take_pair(char *text, struct ini_line *line)
{
	char *equals = strstr(text, " ="), *space;

	if (!equals || (equals[2] && equals[2] != ' ' && equals[2] != '\t'))
		return false;
	*equals = '\0';
	line->value = trim(equals + 2);
	text = trim(text);
	line->word = "";
	line->key = text;
	space = strpbrk(text, " \t");
	if (space) {
		*space = '\0';
		line->word = text;
		line->key = trim(space + 1);
	}
	return *line->key;
}

int ini_read(const char *text, size_t len, ini_line_fn *fn, void *context, size_t *ret_number)
{
	char buffer[INI_LINE_MAX], section[INI_LINE_MAX] = "";
	struct ini_line line = {.section = section};
	size_t at = 0;

	while (at < len) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t size = end ? (size_t)(end - text - at) : len - at;
		char *content;
		int err = 0;

		*ret_number = ++line.number;
		if (size >= sizeof(buffer) || memchr(text + at, '\0', size))
			return -EBADMSG;
		memcpy(buffer, text + at, size);
		buffer[size] = '\0';
		at += size + 1;
		content = trim(buffer);
		if (!*content || *content == ';' || *content == '#')
			continue;
		if (*content == '[')
			err = take_section(content, section) ? 0 : -EBADMSG;
		else
			err = take_pair(content, &line) ? fn(context, &line) : -EBADMSG;
		if (err < 0)
			return err;
	}
	return 0;
}
