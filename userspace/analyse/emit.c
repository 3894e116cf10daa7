/* SPDX-License-Identifier: BSD-2-Clause */
#include "emit.h"

#include <inttypes.h>
#include <string.h>

#include "case/case.h"

#define CHUNK 512

static void put_escaped(FILE *out, const char *bytes, size_t len)
{
	char buffer[6 * CHUNK + 1];
	size_t part, i;

	for (i = 0; i < len; i += part) {
		part = len - i;
		if (part > CHUNK) {
			/* Not through the middle of a character. */
			part = CHUNK;
			while (part > CHUNK - 4 && (bytes[i + part] & 0xc0) == 0x80)
				part--;
		}
		fwrite(buffer, 1, text_json(buffer, sizeof(buffer), bytes + i, part), out);
	}
}

static void begin(struct emit *emit, const char *key)
{
	uint64_t bit = 1ull << emit->depth;

	if (emit->filled & bit)
		fputc(',', emit->out);
	emit->filled |= bit;
	if (!key)
		return;
	fputc('"', emit->out);
	put_escaped(emit->out, key, strlen(key));
	fputs("\":", emit->out);
}

void emit_open(struct emit *emit, const char *key, char bracket)
{
	begin(emit, key);
	if (!key && emit->depth)
		fputc('\n', emit->out);
	fputc(bracket, emit->out);
	emit->depth++;
	emit->filled &= ~(1ull << emit->depth);
}

void emit_close(struct emit *emit, char bracket)
{
	emit->depth--;
	fputc(bracket, emit->out);
	if (!emit->depth)
		fputc('\n', emit->out);
}

void emit_text(struct emit *emit, const char *key, const char *bytes, size_t len)
{
	begin(emit, key);
	fputc('"', emit->out);
	put_escaped(emit->out, bytes, len);
	fputc('"', emit->out);
}

void emit_number(struct emit *emit, const char *key, uint64_t value)
{
	begin(emit, key);
	fprintf(emit->out, "%" PRIu64, value);
}

void emit_bool(struct emit *emit, const char *key, bool value)
{
	begin(emit, key);
	fputs(value ? "true" : "false", emit->out);
}

void emit_null(struct emit *emit, const char *key)
{
	begin(emit, key);
	fputs("null", emit->out);
}

/* In JSON these characters stand inside strings only, so that an escape may take their place. */
void emit_raw(struct emit *emit, const char *key, const char *text, size_t len)
{
	size_t i, start = 0;

	begin(emit, key);
	for (i = 0; i < len; i++) {
		unsigned char byte = text[i], next = i + 1 < len ? text[i + 1] : 0;
		bool c1 = byte == 0xc2 && next >= 0x80 && next <= 0x9f;

		if (byte != 0x7f && !c1)
			continue;
		fwrite(text + start, 1, i - start, emit->out);
		fprintf(emit->out, "\\u00%02x", c1 ? next : byte);
		i += c1;
		start = i + 1;
	}
	fwrite(text + start, 1, len - start, emit->out);
}
