/* SPDX-License-Identifier: BSD-2-Clause */
#include "names/names.h"

#include <string.h>
#include <strings.h>

#define METHOD_MAX 16

struct piece {
	const char *at;
	size_t length;
};

static bool is(const struct piece *p, const char *text)
{
	return p->length == strlen(text) && !strncasecmp(p->at, text, p->length);
}

/* Up to the character, which is left out. False when it is not there. */
static bool cut(struct piece *rest, char end, struct piece *ret_piece)
{
	const char *found = rest->length ? memchr(rest->at, end, rest->length) : NULL;

	if (!found)
		return false;
	*ret_piece = (struct piece){rest->at, found - rest->at};
	rest->length -= ret_piece->length + 1;
	rest->at = found + 1;
	return true;
}

static void trim(struct piece *p)
{
	while (p->length && (p->at[0] == ' ' || p->at[0] == '\t')) {
		p->at++;
		p->length--;
	}
	while (p->length && strchr(" \t\r", p->at[p->length - 1]))
		p->length--;
}

/* host, host:port; an address in brackets is no name. */
static bool take_host(struct piece authority, char ret_name[NAME_SIZE])
{
	const char *colon;

	trim(&authority);
	colon = authority.length ? memchr(authority.at, ':', authority.length) : NULL;
	return name_take(ret_name, authority.at, colon ? (size_t)(colon - authority.at) : authority.length);
}

/* The authority in http://user@host:port/path: a request that is made to a proxy. */
static bool absolute(const struct piece *target, struct piece *ret_authority)
{
	const char *at = target->length > 7 && !strncasecmp(target->at, "http://", 7) ? target->at + 7 : NULL, *end,
		   *user;
	size_t left;

	if (!at)
		return false;
	left = target->length - 7;
	end = memchr(at, '/', left);
	if (end)
		left = end - at;
	user = memrchr(at, '@', left);
	if (user) {
		left -= user + 1 - at;
		at = user + 1;
	}
	*ret_authority = (struct piece){at, left};
	return true;
}

/* Four numbers: an address where a name would stand says nothing new. */
static bool is_address(const char *name)
{
	return name[strspn(name, "0123456789.")] == '\0';
}

static bool is_method(const struct piece *line)
{
	size_t i;

	for (i = 0; i < line->length && i < METHOD_MAX; i++)
		if (line->at[i] < 'A' || line->at[i] > 'Z')
			break;
	return i == line->length || (i && line->at[i] == ' ');
}

/* An IPv6 address in its brackets. */
static bool take_address(struct piece authority, char ret_name[NAME_SIZE])
{
	size_t length;

	trim(&authority);
	for (length = 1; length < authority.length && length < 48; length++)
		if (!strchr("0123456789abcdefABCDEF:.", authority.at[length]))
			break;
	if (length < 2 || authority.at[0] != '[' || length == authority.length || authority.at[length] != ']')
		return false;
	memcpy(ret_name, authority.at, length + 1);
	ret_name[length + 1] = '\0';
	return true;
}

/* Whom a request is for. An address says something new only when it is behind a proxy. */
static enum parsed named(struct piece authority, bool proxied, uint32_t tunnel, struct http_request *ret_request)
{
	struct http_request request = {.proxied = proxied, .tunnel = tunnel};

	if (take_address(authority, request.name) || (take_host(authority, request.name) && is_address(request.name))) {
		if (!proxied)
			return PARSED_NOTHING;
	} else if (!request.name[0]) {
		return PARSED_BAD;
	}
	*ret_request = request;
	return PARSED_NAME;
}

/* Behind the empty line, or 0. */
static uint32_t head_end(struct piece rest)
{
	const char *begin = rest.at;
	struct piece line;

	while (cut(&rest, '\n', &line)) {
		trim(&line);
		if (!line.length)
			return rest.at - begin;
	}
	return 0;
}

static enum parsed host_header(struct piece rest, struct http_request *ret_request)
{
	struct piece line, key;

	while (cut(&rest, '\n', &line)) {
		trim(&line);
		if (!line.length)
			return PARSED_NOTHING;
		if (!cut(&line, ':', &key))
			return PARSED_BAD;
		if (is(&key, "host"))
			return named(line, false, 0, ret_request);
	}
	return PARSED_MORE;
}

enum parsed http_parse(const uint8_t *bytes, size_t size, struct http_request *ret_request)
{
	struct piece rest = {(const char *)bytes, size}, line, method, target, authority;
	uint32_t tunnel;

	if (!is_method(&rest))
		return PARSED_NOTHING;
	if (!cut(&rest, '\n', &line))
		return PARSED_MORE;
	trim(&line);
	if (!cut(&line, ' ', &method) || !cut(&line, ' ', &target) || line.length != 8 ||
		strncmp(line.at, "HTTP/1.", 7))
		return PARSED_NOTHING;
	if (is(&method, "CONNECT")) {
		tunnel = head_end((struct piece){(const char *)bytes, size});
		return tunnel ? named(target, true, tunnel, ret_request) : PARSED_MORE;
	}
	if (absolute(&target, &authority))
		return named(authority, true, 0, ret_request);
	return host_header(rest, ret_request);
}
