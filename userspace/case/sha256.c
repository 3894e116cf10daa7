/* SPDX-License-Identifier: BSD-2-Clause */
/* A leaf a line and a node a line: with libsodium's portable code that alone would take longer than all the rest of
 * reading a case. */
#include "case/sha256.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

void sha256_prefixed_plain(unsigned char out[HASH_SIZE], unsigned char prefix, const void *bytes, size_t len)
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, &prefix, 1);
	crypto_hash_sha256_update(&state, bytes, len);
	crypto_hash_sha256_final(&state, out);
}

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>

/* FIPS 180-4 §4.2.2 */
const uint32_t sha256_constants[64] __attribute__((aligned(64))) = {
	0x428a2f98,
	0x71374491,
	0xb5c0fbcf,
	0xe9b5dba5,
	0x3956c25b,
	0x59f111f1,
	0x923f82a4,
	0xab1c5ed5,
	0xd807aa98,
	0x12835b01,
	0x243185be,
	0x550c7dc3,
	0x72be5d74,
	0x80deb1fe,
	0x9bdc06a7,
	0xc19bf174,
	0xe49b69c1,
	0xefbe4786,
	0x0fc19dc6,
	0x240ca1cc,
	0x2de92c6f,
	0x4a7484aa,
	0x5cb0a9dc,
	0x76f988da,
	0x983e5152,
	0xa831c66d,
	0xb00327c8,
	0xbf597fc7,
	0xc6e00bf3,
	0xd5a79147,
	0x06ca6351,
	0x14292967,
	0x27b70a85,
	0x2e1b2138,
	0x4d2c6dfc,
	0x53380d13,
	0x650a7354,
	0x766a0abb,
	0x81c2c92e,
	0x92722c85,
	0xa2bfe8a1,
	0xa81a664b,
	0xc24b8b70,
	0xc76c51a3,
	0xd192e819,
	0xd6990624,
	0xf40e3585,
	0x106aa070,
	0x19a4c116,
	0x1e376c08,
	0x2748774c,
	0x34b0bcb5,
	0x391c0cb3,
	0x4ed8aa4a,
	0x5b9cca4f,
	0x682e6ff3,
	0x748f82ee,
	0x78a5636f,
	0x84c87814,
	0x8cc70208,
	0x90befffa,
	0xa4506ceb,
	0xbef9a3f7,
	0xc67178f2,
};

#define FAST __attribute__((target("sha,sse4.1")))

/* One message on its way: the first block holds the prefix and 63 bytes, the last ones the padding; what lies between
 * is hashed in place. */
struct lane {
	__m128i abef, cdgh; /* the state as the instructions keep it */
	const unsigned char *middle;
	size_t head_blocks, middle_blocks, tail_blocks;
	unsigned char head[SHA256_BLOCK], tail[2 * SHA256_BLOCK];
};

FAST static inline __m128i big_endian(__m128i words)
{
	return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll));
}

/*
 * Two rounds an instruction, four words of the schedule at a time. Each instruction waits for the one before it: a
 * second message, which does not, goes through at nearly no cost. `both` is constant where this is inlined.
 */
FAST static inline __attribute__((always_inline)) void compress(struct lane *a, const unsigned char *a_data,
	struct lane *b, const unsigned char *b_data, size_t blocks, const bool both)
{
	__m128i a_abef = a->abef, a_cdgh = a->cdgh, b_abef = b->abef, b_cdgh = b->cdgh, a_words[4], b_words[4];
	int i;

	for (; blocks; blocks--, a_data += SHA256_BLOCK, b_data += SHA256_BLOCK) {
		const __m128i a_abef_before = a_abef, a_cdgh_before = a_cdgh, b_abef_before = b_abef,
			      b_cdgh_before = b_cdgh;

		for (i = 0; i < 4; i++) {
			a_words[i] = big_endian(_mm_loadu_si128((const __m128i *)a_data + i));
			if (both)
				b_words[i] = big_endian(_mm_loadu_si128((const __m128i *)b_data + i));
		}
#pragma GCC unroll 16
		for (i = 0; i < 16; i++) {
			const __m128i constant = _mm_load_si128((const __m128i *)sha256_constants + i);
			__m128i a_sum = _mm_add_epi32(a_words[i & 3], constant), b_sum;

			a_cdgh = _mm_sha256rnds2_epu32(a_cdgh, a_abef, a_sum);
			if (both) {
				b_sum = _mm_add_epi32(b_words[i & 3], constant);
				b_cdgh = _mm_sha256rnds2_epu32(b_cdgh, b_abef, b_sum);
			}
			a_abef = _mm_sha256rnds2_epu32(a_abef, a_cdgh, _mm_shuffle_epi32(a_sum, 0x0e));
			if (both)
				b_abef = _mm_sha256rnds2_epu32(b_abef, b_cdgh, _mm_shuffle_epi32(b_sum, 0x0e));
			if (i >= 12)
				continue;
			a_sum = _mm_add_epi32(_mm_sha256msg1_epu32(a_words[i & 3], a_words[(i + 1) & 3]),
				_mm_alignr_epi8(a_words[(i + 3) & 3], a_words[(i + 2) & 3], 4));
			a_words[i & 3] = _mm_sha256msg2_epu32(a_sum, a_words[(i + 3) & 3]);
			if (!both)
				continue;
			b_sum = _mm_add_epi32(_mm_sha256msg1_epu32(b_words[i & 3], b_words[(i + 1) & 3]),
				_mm_alignr_epi8(b_words[(i + 3) & 3], b_words[(i + 2) & 3], 4));
			b_words[i & 3] = _mm_sha256msg2_epu32(b_sum, b_words[(i + 3) & 3]);
		}
		a_abef = _mm_add_epi32(a_abef, a_abef_before);
		a_cdgh = _mm_add_epi32(a_cdgh, a_cdgh_before);
		if (both) {
			b_abef = _mm_add_epi32(b_abef, b_abef_before);
			b_cdgh = _mm_add_epi32(b_cdgh, b_cdgh_before);
		}
	}
	a->abef = a_abef;
	a->cdgh = a_cdgh;
	if (both) {
		b->abef = b_abef;
		b->cdgh = b_cdgh;
	}
}

FAST static void compress_one(struct lane *a, const unsigned char *data, size_t blocks)
{
	compress(a, data, a, data, blocks, false);
}

FAST static void state_begin(struct lane *lane)
{
	/* FIPS 180-4 §5.3.3 */
	lane->abef = _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c);
	lane->cdgh = _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19);
}

FAST static void lane_begin(struct lane *lane, unsigned char prefix, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t bits = 8 * ((uint64_t)len + 1);
	size_t filled = 0, i;

	state_begin(lane);
	lane->head_blocks = len >= SHA256_BLOCK - 1;
	lane->head[0] = lane->tail[0] = prefix;
	if (lane->head_blocks) {
		memcpy(lane->head + 1, at, SHA256_BLOCK - 1);
		at += SHA256_BLOCK - 1;
		len -= SHA256_BLOCK - 1;
	} else {
		filled = 1;
	}
	lane->middle = at;
	lane->middle_blocks = len / SHA256_BLOCK;
	at += lane->middle_blocks * SHA256_BLOCK;
	len -= lane->middle_blocks * SHA256_BLOCK;
	memcpy(lane->tail + filled, at, len);
	filled += len;
	lane->tail[filled++] = 0x80;
	lane->tail_blocks = filled > SHA256_BLOCK - 8 ? 2 : 1;
	memset(lane->tail + filled, 0, lane->tail_blocks * SHA256_BLOCK - filled);
	for (i = 0; i < 8; i++)
		lane->tail[lane->tail_blocks * SHA256_BLOCK - 1 - i] = bits >> (8 * i);
}

/* Back to a, b, c, d and e, f, g, h. */
FAST static void lane_end(const struct lane *lane, unsigned char out[HASH_SIZE])
{
	_mm_storeu_si128(
		(__m128i *)out, big_endian(_mm_shuffle_epi32(_mm_unpackhi_epi64(lane->abef, lane->cdgh), 0xb1)));
	_mm_storeu_si128(
		(__m128i *)out + 1, big_endian(_mm_shuffle_epi32(_mm_unpacklo_epi64(lane->abef, lane->cdgh), 0xb1)));
}

FAST static void sha256_fast(unsigned char out[HASH_SIZE], unsigned char prefix, const void *bytes, size_t len)
{
	struct lane lane;

	lane_begin(&lane, prefix, bytes, len);
	compress_one(&lane, lane.head, lane.head_blocks);
	compress_one(&lane, lane.middle, lane.middle_blocks);
	compress_one(&lane, lane.tail, lane.tail_blocks);
	lane_end(&lane, out);
}

FAST static void sha256_fast_two(unsigned char out[][HASH_SIZE], const struct sha256_message messages[2])
{
	size_t common = messages[0].blocks < messages[1].blocks ? messages[0].blocks : messages[1].blocks;
	const unsigned char *a_rest = messages[0].bytes + common * SHA256_BLOCK,
			    *b_rest = messages[1].bytes + common * SHA256_BLOCK;
	struct lane a, b;

	state_begin(&a);
	state_begin(&b);
	compress(&a, messages[0].bytes, &b, messages[1].bytes, common, true);
	compress_one(&a, a_rest, messages[0].blocks - common);
	compress_one(&b, b_rest, messages[1].blocks - common);
	lane_end(&a, out[0]);
	lane_end(&b, out[1]);
}

static bool processor_hashes(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid_count(1, 0, &a, &b, &c, &d) && (c & bit_SSE4_1) && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
	       (b & bit_SHA);
}

/* Instructions that do not give what libsodium gives are not used. */
static bool fast_is_right(void)
{
	static const size_t lengths[] = {0, 54, 55, 62, 63, 64, 118, 119, 700};
	unsigned char bytes[700], fast[HASH_SIZE], plain[HASH_SIZE];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = 167 * i + 13;
	for (i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		sha256_fast(fast, i, bytes, lengths[i]);
		sha256_prefixed_plain(plain, i, bytes, lengths[i]);
		if (memcmp(fast, plain, HASH_SIZE))
			return false;
	}
	return true;
}

static bool use_fast(void)
{
	static int fast = -1;

	if (fast < 0)
		fast = processor_hashes() && fast_is_right();
	return fast;
}

void sha256_prefixed(unsigned char out[HASH_SIZE], unsigned char prefix, const void *bytes, size_t len)
{
	if (use_fast())
		sha256_fast(out, prefix, bytes, len);
	else
		sha256_prefixed_plain(out, prefix, bytes, len);
}

static size_t hash_two(unsigned char out[][HASH_SIZE], const struct sha256_message *messages, size_t count)
{
	if (count < 2 || !use_fast())
		return 0;
	sha256_fast_two(out, messages);
	return 2;
}
#else
void sha256_prefixed(unsigned char out[HASH_SIZE], unsigned char prefix, const void *bytes, size_t len)
{
	sha256_prefixed_plain(out, prefix, bytes, len);
}

static size_t hash_two(unsigned char out[][HASH_SIZE], const struct sha256_message *messages, size_t count)
{
	return 0;
}
#endif

struct sha256_message sha256_message(unsigned char *room, unsigned char prefix, const void *bytes, size_t len)
{
	struct sha256_message message = {room, len + 1, SHA256_BLOCKS(len)};
	uint64_t bits = __builtin_bswap64(8 * ((uint64_t)len + 1));
	unsigned char *end = room + message.blocks * SHA256_BLOCK;

	room[0] = prefix;
	memcpy(room + 1, bytes, len);
	room[len + 1] = 0x80;
	memset(room + len + 2, 0, end - room - len - 2);
	memcpy(end - sizeof(bits), &bits, sizeof(bits));
	return message;
}

void sha256_many(unsigned char out[][HASH_SIZE], const struct sha256_message *messages, size_t count)
{
	size_t done, at;

	for (at = 0; at < count; at += done) {
		done = sha256_wide(out + at, messages + at, count - at);
		if (!done)
			done = hash_two(out + at, messages + at, count - at);
		if (done)
			continue;
		sha256_prefixed(out[at], *messages[at].bytes, messages[at].bytes + 1, messages[at].len - 1);
		done = 1;
	}
}

void sha256_of(unsigned char out[HASH_SIZE], const void *bytes, size_t len)
{
	if (len)
		sha256_prefixed(out, *(const unsigned char *)bytes, (const unsigned char *)bytes + 1, len - 1);
	else
		crypto_hash_sha256(out, NULL, 0);
}
