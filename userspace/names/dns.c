/* SPDX-License-Identifier: BSD-2-Clause */
#include "names/names.h"

#include <string.h>

#define HEADER 12
#define POINTERS_MAX 32
#define RECORDS_MAX 256
#define ALIASES_MAX 16
#define TYPE_A 1
#define TYPE_CNAME 5
#define TYPE_AAAA 28
#define CLASS_IN 1

struct message {
	const uint8_t *bytes;
	size_t size, at;
	bool bad_name; /* a name that is none was met */
};

struct record {
	char owner[NAME_SIZE]; /* empty: it is no name that we would show */
	uint16_t type, class, length;
	size_t data;
};

static unsigned get16(const struct message *m, size_t at)
{
	return m->bytes[at] << 8 | m->bytes[at + 1];
}

/* A domain name, with its pointers (RFC 1035 §4.1.4), at m->at, which goes behind it. False when the message is broken.
 */
static bool get_name(struct message *m, char ret_name[NAME_SIZE])
{
	uint8_t text[256];
	size_t at = m->at, length = 0, label;
	int pointers = 0;

	for (;;) {
		if (at >= m->size)
			return false;
		label = m->bytes[at];
		if (label >= 0xc0) {
			if (at + 2 > m->size || ++pointers > POINTERS_MAX)
				return false;
			if (pointers == 1)
				m->at = at + 2;
			at = get16(m, at) & 0x3fff;
			continue;
		}
		if (label > 63 || at + 1 + label > m->size || length + label + 1 > sizeof(text) - 1)
			return false;
		at++;
		if (!label)
			break;
		if (length)
			text[length++] = '.';
		/* a dot within a label would make it another name */
		if (memchr(m->bytes + at, '.', label))
			memset(text + length, 0, label);
		else
			memcpy(text + length, m->bytes + at, label);
		length += label;
		at += label;
	}
	if (!pointers)
		m->at = at;
	if (!name_take(ret_name, text, length)) {
		ret_name[0] = '\0';
		m->bad_name |= length != 0;
	}
	return true;
}

static bool get_record(struct message *m, struct record *r)
{
	if (!get_name(m, r->owner) || m->at + 10 > m->size)
		return false;
	r->type = get16(m, m->at);
	r->class = get16(m, m->at + 2) & 0x7fff; /* in mDNS the highest bit says something else */
	r->length = get16(m, m->at + 8);
	r->data = m->at + 10;
	m->at = r->data + r->length;
	return m->at <= m->size;
}

/* Names that an address may be for, each with the question at its beginning: the questions, and what CNAMEs make of
 * them. */
struct aliases {
	char name[ALIASES_MAX][NAME_SIZE];
	uint8_t question[ALIASES_MAX];
	size_t count;
};

static int find(const struct aliases *a, const char *name)
{
	for (size_t i = 0; i < a->count; i++)
		if (name[0] && !strcmp(a->name[i], name))
			return (int)i;
	return -1;
}

static bool add(struct aliases *a, const char *name, int question)
{
	if (!name[0] || a->count == ALIASES_MAX || find(a, name) >= 0)
		return false;
	memcpy(a->name[a->count], name, NAME_SIZE);
	a->question[a->count] = question < 0 ? a->count : (size_t)question;
	a->count++;
	return true;
}

static bool get_questions(struct message *m, struct aliases *a)
{
	unsigned count = get16(m, 4);
	char name[NAME_SIZE];

	m->at = HEADER;
	for (unsigned i = 0; i < count; i++) {
		if (i == RECORDS_MAX || !get_name(m, name) || m->at + 4 > m->size)
			return false;
		m->at += 4;
		add(a, name, -1);
	}
	return true;
}

/* One pass over the answers in search of aliases; whether any was new. The order of records is the server's. */
static bool more_aliases(struct message *m, struct aliases *a, size_t begin, unsigned count)
{
	struct message target;
	char name[NAME_SIZE];
	struct record r;
	bool more = false;
	int from;

	m->at = begin;
	for (unsigned i = 0; i < count && i < RECORDS_MAX && get_record(m, &r); i++) {
		if (r.type != TYPE_CNAME || r.class != CLASS_IN)
			continue;
		from = find(a, r.owner);
		target = *m;
		target.at = r.data;
		if (from >= 0 && get_name(&target, name))
			more |= add(a, name, a->question[from]);
	}
	return more;
}

static bool tell_address(
	const struct message *m, const struct record *r, const struct aliases *a, bool asked, dns_fn fn, void *context)
{
	bool four = r->type == TYPE_A && r->length == 4, six = r->type == TYPE_AAAA && r->length == 16;
	struct dns_answer answer = {.family = four ? 4 : 6};
	int alias = find(a, r->owner);

	if (r->class != CLASS_IN || (!four && !six) || !r->owner[0] || (asked && alias < 0))
		return false;
	memcpy(answer.name, asked ? a->name[a->question[alias]] : r->owner, NAME_SIZE);
	memcpy(answer.owner, r->owner, NAME_SIZE);
	memcpy(answer.address, m->bytes + r->data, r->length);
	fn(&answer, context);
	return true;
}

enum parsed dns_parse(const uint8_t *bytes, size_t size, dns_fn fn, void *context)
{
	struct message m = {.bytes = bytes, .size = size};
	struct aliases aliases = {.count = 0};
	unsigned count, i;
	struct record r;
	bool asked, told = false;
	size_t begin;

	if (size < HEADER)
		return PARSED_BAD;
	/* a response to a standard query, without an error; a truncated one has what it has */
	if ((bytes[2] & 0xf8) != 0x80 || bytes[3] & 0x0f)
		return PARSED_NOTHING;
	if (!get_questions(&m, &aliases))
		return PARSED_BAD;
	asked = get16(&m, 4) != 0; /* mDNS answers need no question */
	begin = m.at;
	count = get16(&m, 6);
	for (i = 0; i < ALIASES_MAX && more_aliases(&m, &aliases, begin, count); i++)
		;
	m.at = begin;
	for (i = 0; i < count && i < RECORDS_MAX; i++) {
		if (!get_record(&m, &r))
			return told ? PARSED_NAME : PARSED_BAD;
		told |= tell_address(&m, &r, &aliases, asked, fn, context);
	}
	return told ? PARSED_NAME : m.bad_name ? PARSED_BAD : PARSED_NOTHING;
}
