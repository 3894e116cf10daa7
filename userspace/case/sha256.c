/* SPDX-License-Identifier: BSD-2-Clause */
/* A leaf a line and a node a line: with libsodium's portable code that alone would take longer than all the rest of
 * reading a case. */
#include "case/seal.h"

#include <sodium.h>
#include <string.h>

#define BLOCK 64

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
static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
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

/* The instructions keep the state as {a,b,e,f} and {c,d,g,h}, do two rounds each, and make four words of the schedule
 * at a time. */
__attribute__((target("sha,sse4.1"))) static void compress(__m128i state[2], const unsigned char *data, size_t blocks)
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll);
	__m128i abef = state[0], cdgh = state[1], words[4];
	int i;

	for (; blocks; blocks--, data += BLOCK) {
		const __m128i abef_before = abef, cdgh_before = cdgh;

		for (i = 0; i < 4; i++)
			words[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)data + i), big_endian);
#pragma GCC unroll 16
		for (i = 0; i < 16; i++) {
			__m128i sum = _mm_add_epi32(words[i & 3], _mm_load_si128((const __m128i *)round_constants + i));

			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
			sum = _mm_add_epi32(_mm_sha256msg1_epu32(words[i & 3], words[(i + 1) & 3]),
				_mm_alignr_epi8(words[(i + 3) & 3], words[(i + 2) & 3], 4));
			words[i & 3] = _mm_sha256msg2_epu32(sum, words[(i + 3) & 3]);
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	state[0] = abef;
	state[1] = cdgh;
}

/* The first block holds the prefix and 63 bytes, the last ones the padding; what lies between is hashed where it is. */
__attribute__((target("sha,sse4.1"))) static void sha256_fast(
	unsigned char out[HASH_SIZE], unsigned char prefix, const void *bytes, size_t len)
{
	/* FIPS 180-4 §5.3.3, in the order of compress() */
	__m128i state[2] = {
		_mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
		_mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19),
	};
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll);
	const unsigned char *at = bytes;
	unsigned char edge[2 * BLOCK];
	size_t filled = 1, whole, rest, i;
	uint64_t bits = 8 * ((uint64_t)len + 1);

	edge[0] = prefix;
	if (len >= BLOCK - 1) {
		memcpy(edge + 1, at, BLOCK - 1);
		compress(state, edge, 1);
		at += BLOCK - 1;
		len -= BLOCK - 1;
		filled = 0;
		whole = len / BLOCK;
		compress(state, at, whole);
		at += whole * BLOCK;
		len -= whole * BLOCK;
	}
	memcpy(edge + filled, at, len);
	filled += len;
	edge[filled++] = 0x80;
	rest = filled > BLOCK - 8 ? 2 : 1;
	memset(edge + filled, 0, rest * BLOCK - filled);
	for (i = 0; i < 8; i++)
		edge[rest * BLOCK - 1 - i] = bits >> (8 * i);
	compress(state, edge, rest);
	/* back to a, b, c, d and e, f, g, h */
	_mm_storeu_si128((__m128i *)out,
		_mm_shuffle_epi8(_mm_shuffle_epi32(_mm_unpackhi_epi64(state[0], state[1]), 0xb1), big_endian));
	_mm_storeu_si128((__m128i *)out + 1,
		_mm_shuffle_epi8(_mm_shuffle_epi32(_mm_unpacklo_epi64(state[0], state[1]), 0xb1), big_endian));
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

void sha256_prefixed(unsigned char out[HASH_SIZE], unsigned char prefix, const void *bytes, size_t len)
{
	static int fast = -1;

	if (fast < 0)
		fast = processor_hashes() && fast_is_right();
	if (fast)
		sha256_fast(out, prefix, bytes, len);
	else
		sha256_prefixed_plain(out, prefix, bytes, len);
}
#else
void sha256_prefixed(unsigned char out[HASH_SIZE], unsigned char prefix, const void *bytes, size_t len)
{
	sha256_prefixed_plain(out, prefix, bytes, len);
}
#endif
