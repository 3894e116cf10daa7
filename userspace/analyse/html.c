/* SPDX-License-Identifier: BSD-2-Clause */
#include "html.h"

#include <sodium.h>
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

static void put_hash(FILE *out, const char *kind, const char *text, size_t len)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char base64[4 * ((sizeof(hash) + 2) / 3) + 1];

	crypto_hash_sha256(hash, (const unsigned char *)text, len);
	text_base64(base64, hash, sizeof(hash));
	fprintf(out, "%s 'sha256-%s'", kind, base64);
}

void html_begin(FILE *out)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ", out);
	put_hash(out, "style-src", page_css, page_css_end - page_css);
	put_hash(out, "; script-src", page_js, page_js_end - page_js);
	fputs("; base-uri 'none'; form-action 'none'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"referrer\" content=\"no-referrer\">\n<style>",
		out);
	fwrite(page_css, 1, page_css_end - page_css, out);
	fputs("</style>\n", out);
}
