/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of addresses, out of what the kernel side copies of the first bytes of sockets: streams are put together as far
 * as a name needs it. Nothing of those bytes is kept but the name.
 */
#include "record/record.h"
#include "names/names.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STREAMS_MAX 128
#define STREAM_BYTES 20480
#define ANSWERS_KNOWN 1024 /* a power of two */

/* A stream of which more is needed, or a QUIC client whose hello is not whole. */
struct stream {
	uint64_t ino, remote;
	bool received, proxied;
	uint32_t have;	/* of the stream's bytes have come */
	uint32_t begin; /* of those, done with: what a proxy was told */
	uint64_t used;	/* 0: free */
	uint8_t *bytes; /* from begin on */
	struct quic_client *quic;
	char question[NAME_SIZE];
};

struct names {
	struct stream streams[STREAMS_MAX];
	uint64_t clock;
	struct {
		uint64_t address, name;
	} answers[ANSWERS_KNOWN]; /* told last of an address: a resolver says the same again and again */
};

/* ---- streams ---- */

static struct names *names_of(struct recorder *r)
{
	if (!r->names)
		r->names = xcalloc(1, sizeof(*r->names));
	return r->names;
}

static void stream_free(struct stream *s)
{
	free(s->bytes);
	free(s->quic);
	memset(s, 0, sizeof(*s));
}

void names_done(struct recorder *r)
{
	size_t i;

	for (i = 0; r->names && i < STREAMS_MAX; i++)
		stream_free(&r->names->streams[i]);
	free(r->names);
	r->names = NULL;
}

static struct stream *stream_find(struct names *names, uint64_t ino, uint64_t remote, bool received)
{
	size_t i;

	for (i = 0; i < STREAMS_MAX; i++) {
		struct stream *s = &names->streams[i];

		if (s->used && s->ino == ino && s->remote == remote && s->received == received) {
			s->used = ++names->clock;
			return s;
		}
	}
	return NULL;
}

/* In the place of that which was used longest ago, if there is no free one: most of those will never be gone on with.
 */
static struct stream *stream_new(struct names *names, uint64_t ino, uint64_t remote, bool received)
{
	struct stream *oldest = &names->streams[0];
	size_t i;

	for (i = 1; i < STREAMS_MAX && oldest->used; i++)
		if (names->streams[i].used < oldest->used)
			oldest = &names->streams[i];
	stream_free(oldest);
	oldest->ino = ino;
	oldest->remote = remote;
	oldest->received = received;
	oldest->used = ++names->clock;
	return oldest;
}

/* Takes what comes next; false when something is missing before it. */
static bool stream_add(struct stream *s, uint32_t at, struct text_view data)
{
	size_t kept = s->have - s->begin;
	uint8_t *bytes;

	if (at != s->have || data.length > STREAM_BYTES || kept + data.length > STREAM_BYTES)
		return false;
	bytes = realloc(s->bytes, kept + data.length + 1);
	if (!bytes)
		return false;
	memcpy(bytes + kept, data.text, data.length);
	s->bytes = bytes;
	s->have += data.length;
	return true;
}

/* ---- what is told ---- */

static void tell(struct recorder *r, const struct record_payload *record, const struct name_found *found)
{
	struct name_found whole = *found;
	char address[INET6_ADDRSTRLEN];

	if (!whole.address)
		whole.address = inet_ntop(record->key.family, record->key.addr, address, sizeof(address));
	facts_name(r, record, &whole);
}

static void tell_hello(
	struct recorder *r, const struct record_payload *record, const struct tls_hello *hello, bool proxied)
{
	tell(r, record,
		&(struct name_found){
			.name = hello->name,
			.source = "sni",
			.alpn = hello->alpn[0] ? hello->alpn : NULL,
			.ech = hello->ech,
			.proxied = proxied,
		});
}

struct answer_context {
	struct recorder *r;
	const struct record_payload *record;
	const char *question; /* of varlink */
};

static bool told_last(struct names *names, const char *address, const char *name)
{
	uint64_t a = flag_hash(address, strlen(address)), n = flag_hash(name, strlen(name));
	size_t at = a & (ANSWERS_KNOWN - 1);

	if (names->answers[at].address == a && names->answers[at].name == n)
		return true;
	names->answers[at].address = a;
	names->answers[at].name = n;
	return false;
}

static void tell_answer(const struct dns_answer *answer, void *context)
{
	const struct answer_context *c = context;
	const char *name = answer->name[0] ? answer->name : c->question;
	char address[INET6_ADDRSTRLEN];

	if (!name || !name[0] ||
		!inet_ntop(answer->family == 4 ? AF_INET : AF_INET6, answer->address, address, sizeof(address)))
		return;
	if (told_last(names_of(c->r), address, name))
		return;
	tell(c->r, c->record,
		&(struct name_found){
			.name = name,
			.address = address,
			.source = "dns",
			.alias = answer->owner[0] && strcmp(answer->owner, name) ? answer->owner : NULL,
		});
}

static enum parsed count_bad(struct recorder *r, enum parsed parsed)
{
	r->names_bad += parsed == PARSED_BAD;
	return parsed;
}

/* ---- each kind of bytes ---- */

static void dns_message(struct recorder *r, const struct record_payload *record, const void *bytes, size_t size)
{
	struct answer_context context = {.r = r, .record = record};

	count_bad(r, dns_parse(bytes, size, tell_answer, &context));
}

/* Each message has its length before it (RFC 1035 §4.2.2). */
static enum parsed dns_stream(struct recorder *r, const struct record_payload *record, struct stream *s)
{
	size_t size = s->have - s->begin, at = 0, length;

	while (size - at >= 2) {
		length = s->bytes[at] << 8 | s->bytes[at + 1];
		if (size - at - 2 < length)
			break;
		dns_message(r, record, s->bytes + at + 2, length);
		at += 2 + length;
	}
	memmove(s->bytes, s->bytes + at, size - at);
	s->begin += at;
	return PARSED_MORE;
}

/* The first bytes that a client sends: TLS, or HTTP, or a CONNECT and TLS behind it. Returns how many are done with in
 * `ret_done`. */
static enum parsed client_bytes(struct recorder *r, const struct record_payload *record, const uint8_t *bytes,
	size_t size, bool *proxied, uint32_t *ret_done)
{
	struct http_request request;
	struct tls_hello hello;
	enum parsed parsed = tls_stream_parse(bytes, size, &hello);

	*ret_done = 0;
	if (parsed == PARSED_NAME)
		tell_hello(r, record, &hello, *proxied);
	if (parsed != PARSED_NOTHING || *proxied)
		return parsed;
	parsed = http_parse(bytes, size, &request);
	if (parsed != PARSED_NAME)
		return parsed;
	tell(r, record, &(struct name_found){.name = request.name, .source = "http", .proxied = request.proxied});
	if (!request.tunnel)
		return PARSED_NAME;
	*proxied = true;
	*ret_done = request.tunnel;
	return PARSED_MORE;
}

static enum parsed client_stream(struct recorder *r, const struct record_payload *record, struct stream *s)
{
	enum parsed parsed;
	uint32_t done;

	do {
		parsed = client_bytes(r, record, s->bytes, s->have - s->begin, &s->proxied, &done);
		memmove(s->bytes, s->bytes + done, s->have - s->begin - done);
		s->begin += done;
	} while (done && s->have > s->begin);
	return count_bad(r, parsed);
}

/* One message a time and direction; what was asked is kept for the answer. */
static enum parsed varlink_stream(struct recorder *r, const struct record_payload *record, struct stream *s)
{
	size_t size = s->have - s->begin;
	struct answer_context context = {.r = r, .record = record};
	const struct stream *asked;
	enum parsed parsed;

	if (!record->received) {
		parsed = varlink_question(s->bytes, size, s->question);
	} else {
		asked = stream_find(r->names, s->ino, 0, false);
		context.question = asked ? asked->question : NULL;
		parsed = varlink_answer(s->bytes, size, tell_answer, &context);
	}
	if (parsed != PARSED_MORE)
		s->begin = s->have;
	count_bad(r, parsed);
	return PARSED_MORE;
}

typedef enum parsed (*stream_fn)(struct recorder *r, const struct record_payload *record, struct stream *s);

static void stream_record(struct recorder *r, const struct record_payload *record, struct text_view data, stream_fn fn)
{
	struct names *names = names_of(r);
	struct stream *s = stream_find(names, record->key.ino, 0, record->received);

	if (s && !record->at) {
		stream_free(s);
		s = NULL;
	}
	if (!s && record->at)
		return;
	if (!s)
		s = stream_new(names, record->key.ino, 0, record->received);
	if (!stream_add(s, record->at, data) || fn(r, record, s) != PARSED_MORE)
		stream_free(s);
}

static void quic_record(struct recorder *r, const struct record_payload *record, struct text_view data)
{
	uint64_t remote = flag_hash((const char *)record->key.addr, sizeof(record->key.addr)) | 1;
	struct names *names = names_of(r);
	struct stream *s = stream_find(names, record->key.ino, remote, false);
	struct tls_hello hello;
	enum parsed parsed;

	if (!s) {
		s = stream_new(names, record->key.ino, remote, false);
		s->quic = xcalloc(1, sizeof(*s->quic));
	}
	parsed = count_bad(r, quic_parse(s->quic, (const uint8_t *)data.text, data.length, &hello));
	if (parsed == PARSED_NAME)
		tell_hello(r, record, &hello, false);
	if (parsed != PARSED_MORE)
		stream_free(s);
}

static bool is_inet(uint16_t family)
{
	return family == AF_INET || family == AF_INET6;
}

void names_record(struct recorder *r, const struct record_payload *record)
{
	struct text_view data = record_text(&record->head, record->data);
	const struct flow_key *key = &record->key;

	if (!data.length || record->received > 1)
		return;
	if (record->type == SOCK_DGRAM && is_inet(key->family)) {
		if (record->received)
			dns_message(r, record, data.text, data.length);
		else
			quic_record(r, record, data);
	} else if (record->type == SOCK_STREAM && is_inet(key->family)) {
		stream_record(r, record, data, record->received ? dns_stream : client_stream);
	} else if (record->type == SOCK_STREAM && key->family == AF_UNIX) {
		stream_record(r, record, data, varlink_stream);
	}
}
