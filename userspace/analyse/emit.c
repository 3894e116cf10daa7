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
		fwrite_unlocked(buffer, 1, text_json(buffer, sizeof(buffer), bytes + i, part), out);
	}
}

#define BEGIN_MAX 72

/* A comma where one is due, and the key: into the buffer, or if it must be escaped to the stream. Returns what is in the buffer. */
static size_t begin_in(struct emit *emit, const char *key, char buffer[BEGIN_MAX])
{
	uint64_t bit = 1ull << emit->depth;
	size_t used = 0, len = key ? strlen(key) : 0;

	if (emit->filled & bit)
		buffer[used++] = ',';
	emit->filled |= bit;
	if (!key)
		return used;
	/* A key of our own is written as it is; those of a query are the user's. */
	if (len > BEGIN_MAX - 4 || text_plain_run(key, len) < len) {
		fwrite_unlocked(buffer, 1, used, emit->out);
		putc_unlocked('"', emit->out);
		put_escaped(emit->out, key, len);
		fwrite_unlocked("\":", 1, 2, emit->out);
		return 0;
	}
	buffer[used++] = '"';
	memcpy(buffer + used, key, len);
	used += len;
	buffer[used++] = '"';
	buffer[used++] = ':';
	return used;
}

static void begin(struct emit *emit, const char *key)
{
	char buffer[BEGIN_MAX];
	size_t used = begin_in(emit, key, buffer);

	fwrite_unlocked(buffer, 1, used, emit->out);
}

void emit_open(struct emit *emit, const char *key, char bracket)
{
	begin(emit, key);
	if (!key && emit->depth && !emit->one_line)
		putc_unlocked('\n', emit->out);
	putc_unlocked(bracket, emit->out);
	emit->depth++;
	emit->filled &= ~(1ull << emit->depth);
}

void emit_close(struct emit *emit, char bracket)
{
	emit->depth--;
	putc_unlocked(bracket, emit->out);
	if (!emit->depth)
		putc_unlocked('\n', emit->out);
}

/* Most texts are short, and go out in one piece with their key. */
void emit_text(struct emit *emit, const char *key, const char *bytes, size_t len)
{
	char buffer[BEGIN_MAX + 6 * CHUNK + 3];
	size_t used;

	if (len > CHUNK) {
		begin(emit, key);
		putc_unlocked('"', emit->out);
		put_escaped(emit->out, bytes, len);
		putc_unlocked('"', emit->out);
		return;
	}
	used = begin_in(emit, key, buffer);
	buffer[used++] = '"';
	used += text_json(buffer + used, 6 * CHUNK + 1, bytes, len);
	buffer[used++] = '"';
	fwrite_unlocked(buffer, 1, used, emit->out);
}

void emit_text_two(struct emit *emit, const char *key, const char *first, const char *second)
{
	begin(emit, key);
	putc_unlocked('"', emit->out);
	put_escaped(emit->out, first, strlen(first));
	put_escaped(emit->out, second, strlen(second));
	putc_unlocked('"', emit->out);
}

void emit_number(struct emit *emit, const char *key, uint64_t value)
{
	char digits[20], buffer[BEGIN_MAX + sizeof(digits)];
	size_t at = sizeof(digits), used = begin_in(emit, key, buffer);

	do {
		digits[--at] = '0' + value % 10;
		value /= 10;
	} while (value);
	memcpy(buffer + used, digits + at, sizeof(digits) - at);
	fwrite_unlocked(buffer, 1, used + sizeof(digits) - at, emit->out);
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
static void put_raw(FILE *out, const char *text, size_t len)
{
	size_t i, start = 0;

	for (i = 0; i < len; i++) {
		unsigned char byte = text[i], next = i + 1 < len ? text[i + 1] : 0;
		bool c1 = byte == 0xc2 && next >= 0x80 && next <= 0x9f;

		if (byte != 0x7f && !c1)
			continue;
		fwrite_unlocked(text + start, 1, i - start, out);
		fprintf(out, "\\u00%02x", c1 ? next : byte);
		i += c1;
		start = i + 1;
	}
	fwrite_unlocked(text + start, 1, len - start, out);
}

void emit_raw(struct emit *emit, const char *key, const char *text, size_t len)
{
	begin(emit, key);
	put_raw(emit->out, text, len);
}

void emit_members(struct emit *emit, const char *text, size_t len)
{
	begin(emit, NULL);
	put_raw(emit->out, text, len);
}
