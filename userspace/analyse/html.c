/* SPDX-License-Identifier: BSD-2-Clause */
#include "html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report_text.h"
#include "case/case.h"

static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

void html_text(FILE *out, struct text text, const char *unknown)
{
	char *plain = text_copy_plain(text);

	put_escaped(out, plain ? plain : unknown);
	free(plain);
}

void html_string(FILE *out, const char *text)
{
	html_text(out, (struct text){text, text ? strlen(text) : 0}, "");
}

void html_json(FILE *out, struct text text)
{
	char *plain = text_copy_plain(text), *at;

	fputc('"', out);
	for (at = plain; at && *at; at++) {
		unsigned char byte = *at;

		if (strchr("\"\\<>&'", byte) || byte < 0x20)
			fprintf(out, "\\u%04x", byte);
		else
			fputc(byte, out);
	}
	fputc('"', out);
	free(plain);
}

void html_size(FILE *out, uint64_t bytes)
{
	char size[SIZE_TEXT];

	fputs(text_size(size, bytes), out);
}

void html_time(FILE *out, struct text time)
{
	if (time.bytes && time.len >= 19)
		fprintf(out, "%.10s %.8s", time.bytes, time.bytes + 11);
}
