/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bounded copies of what a process sends and receives, as far as names can be in it: the first bytes that it sends on a TCP stream (TLS, HTTP),
 * what comes from port 53 and its like (DNS), the first datagrams to port 443 (QUIC), what a local resolver answers. They are read from the
 * process's memory at the end of the call, where another thread may have changed them: a name is as the process told it.
 */
#ifndef QUIS_BPF_PAYLOAD_H
#define QUIS_BPF_PAYLOAD_H

#include "bpf/net.h"

#define STREAM_FIRST 2048
#define STREAM_MOST 20480 /* of a TLS hello, a stream of a name server, or one with a proxy's CONNECT before it; a whole call too */
#define DATAGRAMS_FIRST 8
#define DATAGRAMS_ALL 0xffffffffu
#define VECTORS_MAX 8
#define PAYLOAD_VECTORS_SHIFT 20 /* in `what`: how many struct iovec; 0: a plain buffer */
#define SOCK_STREAM_TYPE 1
#define PAYLOAD_MASK 0x7fff
#define PAYLOAD_AT 1024 /* in scratch.out: forward, the length is known only afterwards */

#define TCP_PROTOCOL 6
#define DNS_PORT 53
#define MDNS_PORT 5353
#define LLMNR_PORT 5355
#define HTTPS_PORT 443

struct stream_key {
	u64 ino;
	u64 remote; /* of datagrams; 0 of a stream */
};

/* How far one direction of a socket has been looked at: bytes of a stream, or how many datagrams. */
struct stream {
	u32 at[2];
	u32 limit[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct stream_key);
	__type(value, struct stream);
} streams SEC(".maps");

const volatile struct stream zero_stream;

static __always_inline u32 payload_vectors(u64 count)
{
	return (u32)(count > VECTORS_MAX ? VECTORS_MAX : count) << PAYLOAD_VECTORS_SHIFT;
}

static __always_inline bool is_dns_port(u16 port)
{
	return port == DNS_PORT || port == MDNS_PORT || port == LLMNR_PORT;
}

/* systemd-resolved's varlink socket: "/run/systemd/resolve/io.systemd.Resolve", as five words */
static __always_inline bool is_resolver(u64 sk)
{
	u64 peer = (u64)READ(struct unix_sock, sk, peer), addr, path[5];

	addr = peer ? (u64)READ(struct unix_sock, peer, addr) : 0;
	if (!addr || READ(struct unix_address, addr, len) < 2 + (int)sizeof(path))
		return false;
	bpf_probe_read_kernel(path, sizeof(path), (void *)(addr + bpf_core_field_offset(struct unix_address, name) + 2));
	return path[0] == 0x7379732f6e75722fULL && path[1] == 0x7365722f646d6574ULL && path[2] == 0x2e6f692f65766c6fULL &&
	       path[3] == 0x2e646d6574737973ULL && path[4] == 0x0065766c6f736552ULL;
}

/* What of a socket can hold names: bytes of a stream, or datagrams. */
static __always_inline u32 payload_limit(u64 sk, const struct flow_key *key, u32 received)
{
	u16 type = READ(struct sock, sk, sk_type);

	if (key->family == AF_UNIX)
		return type == SOCK_STREAM_TYPE && is_resolver(sk) ? STREAM_MOST : 0;
	if (key->family != AF_INET && key->family != AF_INET6)
		return 0;
	if (type == SOCK_STREAM_TYPE)
		return !received ? STREAM_FIRST : key->port == DNS_PORT ? STREAM_MOST : 0;
	if (type != SOCK_DGRAM_TYPE)
		return 0;
	if (received)
		return is_dns_port(key->port) ? DATAGRAMS_ALL : 0;
	return key->port == HTTPS_PORT ? DATAGRAMS_FIRST : 0;
}

/* Whether more than this call went over a TCP stream before we first saw it: what we have is not its beginning. */
static __always_inline bool mid_stream(u64 sk, u32 received, u64 bytes)
{
	u32 unread;

	if (READ(struct sock, sk, __sk_common.skc_family) == AF_UNIX || READ(struct sock, sk, sk_protocol) != TCP_PROTOCOL)
		return false;
	if (!received) /* one for the SYN */
		return READ(struct tcp_sock, sk, bytes_acked) > bytes + 1;
	unread = READ(struct tcp_sock, sk, rcv_nxt) - READ(struct tcp_sock, sk, copied_seq);
	return READ(struct tcp_sock, sk, bytes_received) > bytes + unread + 1;
}

static __always_inline struct stream *stream_get(u64 sk, const struct flow_key *key, u32 limit, u32 received, u64 bytes)
{
	struct stream_key at = {.ino = key->ino};
	struct stream *s;

	if (limit == DATAGRAMS_FIRST)
		at.remote = (((u64 *)key->addr)[0] ^ ((u64 *)key->addr)[1]) * HASH_PRIME + key->port;
	s = bpf_map_lookup_elem(&streams, &at);
	if (!s) {
		bpf_map_update_elem(&streams, &at, (const void *)&zero_stream, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&streams, &at);
	}
	if (s && !s->limit[received & 1]) {
		s->limit[received & 1] = limit;
		if (limit != DATAGRAMS_FIRST && mid_stream(sk, received, bytes))
			s->at[received & 1] = limit;
	}
	return s;
}

/* Nothing more is wanted of this direction: the row says so until the epoch ends, the stream for good. */
static __always_inline void payload_done(const struct flow_key *key, u32 received)
{
	struct flow_row *row = flow_row_get(key);

	if (row)
		row->done |= 1 << received;
}

#define PAYLOAD_DATA (PAYLOAD_AT + sizeof(struct record_payload))

/*
 * Copies up to `want` bytes of a buffer of the process, or of `count` struct iovec, behind the record's head. Returns how many; what cannot be
 * read without waiting for a page is not there.
 */
__noinline int gather(u32 slot, u64 from, u32 count, u32 want)
{
	struct scratch *s = scratch_at(slot);
	u64 vector[2], n;
	u32 at = 0;

	if (!s || !from)
		return 0;
	if (want > STREAM_MOST)
		want = STREAM_MOST;
	if (!count)
		return bpf_probe_read_user(&s->out[PAYLOAD_DATA], bound(want, PAYLOAD_MASK), (void *)from) ? 0 : want;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < VECTORS_MAX; i++) {
		if (i >= count || at >= want || bpf_probe_read_user(vector, sizeof(vector), (void *)(from + i * sizeof(vector))))
			break;
		n = want - at;
		if (n > vector[1])
			n = vector[1];
		if (bpf_probe_read_user(&s->out[PAYLOAD_DATA + bound(at, PAYLOAD_MASK)], bound(n, PAYLOAD_MASK), (void *)vector[0]))
			break;
		at += n;
	}
	return at;
}

/* By its first bytes: how much of a stream is needed. A TLS ClientHello says how long it is; behind a CONNECT one may follow. */
static __always_inline u32 needed(const struct scratch *s, u32 have)
{
	const u8 *b = &s->out[PAYLOAD_DATA];
	u32 hello;

	if (have >= 4 && b[0] == 'C' && b[1] == 'O' && b[2] == 'N' && b[3] == 'N')
		return STREAM_MOST;
	if (!have || b[0] != 22 || (have >= 2 && b[1] != 3) || (have >= 6 && b[5] != 1))
		return STREAM_FIRST;
	if (have < 9)
		return STREAM_MOST;
	hello = 4 + ((u32)b[6] << 16 | (u32)b[7] << 8 | b[8]);
	hello += 5 + (hello >> 4); /* in more records than one, within reason */
	return hello < STREAM_FIRST ? STREAM_FIRST : hello > STREAM_MOST ? STREAM_MOST : hello;
}

/* Sends `have` bytes, which gather() has put there. */
static __always_inline void payload_send(struct scratch *s, u64 sk, const struct flow_key *key, u32 at, u32 have, u64 bytes, u32 received)
{
	struct record_payload *r = (struct record_payload *)&s->out[PAYLOAD_AT];

	head_fill(&r->head, RECORD_payload, sizeof(*r) + have, bpf_get_current_task());
	r->key = *key;
	r->at = at;
	r->received = received;
	r->type = READ(struct sock, sk, sk_type);
	r->protocol = READ(struct sock, sk, sk_protocol);
	r->bytes = bytes;
	r->data.offset = sizeof(*r);
	r->data.length = have;
	if (ring_send(files_ring, files_wake, r, sizeof(*r) + bound(have, PAYLOAD_MASK)))
		ADD(state.lost_payload, 1);
}

/*
 * After a call of the current process that moved `bytes`: what is wanted of them. `from` is its buffer, or with PAYLOAD_VECTORS in `what` its
 * struct iovec, or 0 when there is none to read (sendfile): then the stream has a hole.
 */
__noinline int copy_payload(u64 file, u32 what, u64 bytes, u64 from, u64 end)
{
	u32 received = direction_of(what), count = what >> PAYLOAD_VECTORS_SHIFT, limit, at = 0, have;
	u64 sk = file_sock(file);
	struct stream *stream = 0;
	struct flow_key key;
	struct scratch *s;
	int slot;

	flow_key_fill(&key, file, sk, what & WHAT_MASK, heeded(sk, what & WHAT_MASK, end), bpf_get_current_task());
	limit = payload_limit(sk, &key, received);
	if (limit && limit != DATAGRAMS_ALL) {
		stream = stream_get(sk, &key, limit, received, bytes);
		if (!stream)
			return 0;
		at = stream->at[received & 1];
		limit = stream->limit[received & 1];
	}
	if (at >= limit) {
		payload_done(&key, received);
		return 0;
	}
	slot = scratch_claim();
	s = slot < 0 ? 0 : scratch_at(slot);
	if (!s)
		return 0;
	if (limit == STREAM_FIRST && !at) {
		have = gather(slot, from, count, bytes < 16 ? bytes : 16);
		limit = needed(s, have);
		if (stream)
			stream->limit[0] = limit;
	}
	have = limit > DATAGRAMS_FIRST && limit != DATAGRAMS_ALL ? limit - at : STREAM_MOST;
	if (have > bytes)
		have = bytes;
	have = gather(slot, from, count, have);
	if (stream)
		stream->at[received & 1] = limit == DATAGRAMS_FIRST ? at + 1 : bytes > STREAM_MOST ? limit : at + (u32)bytes;
	if (have)
		payload_send(s, sk, &key, at, have, bytes, received);
	else if (from)
		ADD(state.lost_payload, 1);
	scratch_release(s);
	return 0;
}

__noinline int copy_payload_fd(u64 fd, u32 what, u64 bytes, u64 from, u64 end)
{
	u64 file = fd_file(bpf_get_current_task(), (u32)fd);

	return file ? copy_payload(file, what, bytes, from, end) : 0;
}

#endif
