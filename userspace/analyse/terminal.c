/* SPDX-License-Identifier: BSD-2-Clause */
#include "terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "case/case.h"

#define WIDTH_DEFAULT 100
#define WIDTH_LEAST 40

unsigned terminal_width(FILE *out)
{
	struct winsize size = {0};
	const char *columns = getenv("COLUMNS");
	unsigned long width = 0;

	if (!isatty(fileno(out)))
		return 0;
	if (!ioctl(fileno(out), TIOCGWINSZ, &size))
		width = size.ws_col;
	if (!width && columns)
		width = strtoul(columns, NULL, 10);
	if (!width || width > 10000)
		width = WIDTH_DEFAULT;
	return width < WIDTH_LEAST ? WIDTH_LEAST : width;
}

bool terminal_has_color(FILE *out)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(out)) && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
}

/* wcwidth() knows characters only in a locale that has them; the output is UTF-8 in any. */
static int character_columns(uint32_t code)
{
	static bool ready;
	int columns;

	if (!ready) {
		if (strcmp(nl_langinfo(CODESET), "UTF-8"))
			setlocale(LC_CTYPE, "C.UTF-8");
		ready = true;
	}
	columns = wcwidth(code);
	return columns < 0 ? 1 : columns;
}

static size_t step(const char *text, size_t len, unsigned *ret_columns)
{
	uint32_t code;
	size_t size = text_decode(text, len, &code);

	if (!size) {
		*ret_columns = 1;
		return 1;
	}
	*ret_columns = code < 0x80 ? 1 : character_columns(code);
	return size;
}

unsigned text_columns(const char *text, size_t len)
{
	unsigned sum = 0, columns;
	size_t i;

	for (i = 0; i < len; sum += columns)
		i += step(text + i, len - i, &columns);
	return sum;
}

const char *text_tail(const char *text, size_t len, unsigned columns)
{
	unsigned sum = text_columns(text, len), here;
	size_t i = 0;

	while (i < len && sum > columns) {
		i += step(text + i, len - i, &here);
		sum -= here;
	}
	return text + i;
}

const char *text_head(const char *text, size_t len, unsigned columns)
{
	unsigned sum = 0, here;
	size_t i = 0, size;

	while (i < len) {
		size = step(text + i, len - i, &here);
		if (sum + here > columns)
			break;
		sum += here;
		i += size;
	}
	return text + i;
}
