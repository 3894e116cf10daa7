/* SPDX-License-Identifier: BSD-2-Clause */
#include "case.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

/* Counts what would be written, and writes what fits: one size for asking and for doing. */
struct sink {
	char *out;
	size_t size;
	size_t len;
};

static void sink_put(struct sink *sink, const char *bytes, size_t len)
{
	if (sink->len + len < sink->size)
		memcpy(sink->out + sink->len, bytes, len);
	else if (sink->len < sink->size)
		sink->size = sink->len + 1;
	sink->len += len;
}

/* Of ASCII, which may be cut anywhere. */
static void sink_run(struct sink *sink, const char *bytes, size_t len)
{
	size_t room = sink->len < sink->size ? sink->size - sink->len - 1 : 0;

	if (len > room) {
		sink_put(sink, bytes, room);
		bytes += room;
		len -= room;
	}
	sink_put(sink, bytes, len);
}

static size_t sink_end(struct sink *sink)
{
	if (sink->size)
		sink->out[sink->len < sink->size ? sink->len : sink->size - 1] = '\0';
	return sink->len;
}

static void sink_byte(struct sink *sink, unsigned char byte)
{
	char text[4] = {'\\', 'x', hex_digits[byte >> 4], hex_digits[byte & 15]};

	sink_put(sink, text, sizeof(text));
}

static size_t sequence_len(unsigned char lead)
{
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

size_t text_decode(const char *bytes, size_t len, uint32_t *ret_code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *at = (const unsigned char *)bytes;
	size_t need, i;
	uint32_t code;

	if (!len)
		return 0;
	if (at[0] < 0x80) {
		*ret_code = at[0];
		return 1;
	}
	need = sequence_len(at[0]);
	if (!need || need > len)
		return 0;
	code = at[0] & (0x7f >> need);
	for (i = 1; i < need; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	if (code < least[need] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return need;
}

#define EACH(byte) (0x0101010101010101u * (byte))
#define TOP EACH(0x80)

/* Is any of eight bytes a control, a quotation mark, a backslash, DEL or not ASCII? */
static bool any_special(uint64_t word)
{
	uint64_t quote = word ^ EACH('"'), backslash = word ^ EACH('\\'), top;

	/* Each term is exact for the lowest such byte, which is enough. */
	top = (word - EACH(0x20)) | (quote - EACH(1)) | (backslash - EACH(1)) | (word + EACH(1)) | word;
	return top & TOP;
}

static bool json_verbatim(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

size_t text_plain_run(const char *bytes, size_t len)
{
	size_t i = 0;
	uint64_t word;

	for (; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		if (any_special(word))
			break;
	}
	while (i < len && json_verbatim(bytes[i]))
		i++;
	return i;
}

static size_t ascii_run(const char *bytes, size_t len)
{
	size_t i = 0;
	uint64_t word;

	for (; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		if (word & 0x8080808080808080u)
			break;
	}
	while (i < len && !(bytes[i] & 0x80))
		i++;
	return i;
}

bool text_is_utf8(const char *bytes, size_t len)
{
	uint32_t code;
	size_t i, step;

	for (i = ascii_run(bytes, len); i < len; i += ascii_run(bytes + i, len - i)) {
		step = text_decode(bytes + i, len - i, &code);
		if (!step)
			return false;
		i += step;
	}
	return true;
}

size_t text_printable(char *out, size_t size, const char *bytes, size_t len)
{
	struct sink sink = {out, size, 0};
	uint32_t code;
	size_t i, step;

	for (i = 0; i < len; i += step) {
		step = text_decode(bytes + i, len - i, &code);
		if (step) {
			sink_put(&sink, bytes + i, step);
		} else {
			sink_byte(&sink, bytes[i]);
			step = 1;
		}
	}
	return sink_end(&sink);
}

/* Line and paragraph separators are here too: some viewers break the line at them. */
static bool is_directional(uint32_t code)
{
	return code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

static void plain_code(struct sink *sink, const char *bytes, size_t len, uint32_t code)
{
	char text[8] = {'\\', 'u', '{'};
	int shift, i = 3;

	if (code == '\n' || code == '\t') {
		sink_put(sink, code == '\n' ? "\\n" : "\\t", 2);
	} else if (code < 0x20 || code == 0x7f) {
		sink_byte(sink, code);
	} else if ((code >= 0x80 && code <= 0x9f) || is_directional(code)) {
		for (shift = 12; shift >= 0; shift -= 4)
			text[i++] = hex_digits[code >> shift & 15];
		text[i++] = '}';
		sink_put(sink, text, i);
	} else {
		sink_put(sink, bytes, len);
	}
}

size_t text_plain(char *out, size_t size, const char *bytes, size_t len)
{
	struct sink sink = {out, size, 0};
	uint32_t code;
	size_t i, step;

	for (i = 0; i < len; i += step) {
		step = text_plain_run(bytes + i, len - i);
		if (step) {
			sink_run(&sink, bytes + i, step);
			continue;
		}
		step = text_decode(bytes + i, len - i, &code);
		if (step) {
			plain_code(&sink, bytes + i, step, code);
		} else {
			sink_byte(&sink, bytes[i]);
			step = 1;
		}
	}
	return sink_end(&sink);
}

static void json_escape(struct sink *sink, unsigned char code)
{
	char text[6] = {'\\', 'u', '0', '0', hex_digits[code >> 4], hex_digits[code & 15]};

	sink_put(sink, text, sizeof(text));
}

static size_t json_step(struct sink *sink, const char *bytes, size_t len)
{
	char quoted[2] = {'\\', bytes[0]};
	uint32_t code;
	size_t step = text_decode(bytes, len, &code);

	if (!step) {
		sink_put(sink, "\\", 1);
		sink_byte(sink, bytes[0]);
		return 1;
	}
	if (code == '"' || code == '\\')
		sink_put(sink, quoted, 2);
	else if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
		json_escape(sink, code);
	else
		sink_put(sink, bytes, step);
	return step;
}

size_t text_json(char *out, size_t size, const char *bytes, size_t len)
{
	struct sink sink = {out, size, 0};
	size_t i, step;

	for (i = 0; i < len; i += step) {
		step = text_plain_run(bytes + i, len - i);
		if (step)
			sink_put(&sink, bytes + i, step);
		else
			step = json_step(&sink, bytes + i, len - i);
	}
	return sink_end(&sink);
}

size_t text_base64(char *out, const void *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = bytes;
	char *at = out;
	uint32_t word;
	size_t i;

	for (i = 0; i < len; i += 3) {
		word = in[i] << 16 | (i + 1 < len ? in[i + 1] << 8 : 0) | (i + 2 < len ? in[i + 2] : 0);
		*at++ = digits[word >> 18];
		*at++ = digits[word >> 12 & 63];
		*at++ = i + 1 < len ? digits[word >> 6 & 63] : '=';
		*at++ = i + 2 < len ? digits[word & 63] : '=';
	}
	*at = '\0';
	return at - out;
}

static char *put_digits(char *at, uint64_t value, int width)
{
	int i;

	for (i = width - 1; i >= 0; i--, value /= 10)
		at[i] = '0' + value % 10;
	return at + width;
}

/* Days to civil date in the proleptic Gregorian calendar; years start in March, so that the leap day comes last. */
static char *put_date(char *at, uint64_t days)
{
	uint64_t shifted = days + 719468, era = shifted / 146097, day_of_era = shifted % 146097;
	uint64_t year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
	uint64_t month = (5 * day_of_year + 2) / 153;

	at = put_digits(at, year + era * 400 + (month >= 10), 4);
	*at++ = '-';
	at = put_digits(at, month < 10 ? month + 3 : month - 9, 2);
	*at++ = '-';
	return put_digits(at, day_of_year - (153 * month + 2) / 5 + 1, 2);
}

void text_time(char *out, uint64_t realtime_ns)
{
	uint64_t seconds = realtime_ns / 1000000000u;
	char *at = put_date(out, seconds / 86400);

	*at++ = 'T';
	at = put_digits(at, seconds / 3600 % 24, 2);
	*at++ = ':';
	at = put_digits(at, seconds / 60 % 60, 2);
	*at++ = ':';
	at = put_digits(at, seconds % 60, 2);
	*at++ = '.';
	at = put_digits(at, realtime_ns % 1000000000u, 9);
	*at++ = 'Z';
	*at = '\0';
}

void text_time_same_second(char *text, uint64_t realtime_ns)
{
	put_digits(text + sizeof("2026-11-23T17:40:00.") - 1, realtime_ns % 1000000000u, 9);
}
