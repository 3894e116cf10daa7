/* SPDX-License-Identifier: BSD-2-Clause */
/* Sixteen messages at once, each in a lane of its own of AVX-512: less than half of what the SHA extensions take for
 * each (Zen 5). */
#include "case/sha256.h"

#include <stdbool.h>
#include <string.h>

#define LANES 16
#define WORTH 6 /* messages: fewer are hashed as fast two by two */

#ifdef __x86_64__
#include <immintrin.h>

#define WIDE __attribute__((target("avx512f,avx512bw")))
#define ADD _mm512_add_epi32
#define ROTATE _mm512_ror_epi32
#define XOR(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0x96)
#define CHOOSE(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0xca)
#define MAJORITY(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0xe8)

/* From a message a vector to a word of all messages a vector: sixteen by sixteen. */
WIDE static inline __attribute__((always_inline)) void transpose(__m512i words[LANES])
{
	__m512i pairs[LANES], fours[LANES], even[2], odd[2];
	int i;

#pragma GCC unroll 8
	for (i = 0; i < LANES; i += 2) {
		pairs[i] = _mm512_unpacklo_epi32(words[i], words[i + 1]);
		pairs[i + 1] = _mm512_unpackhi_epi32(words[i], words[i + 1]);
	}
#pragma GCC unroll 4
	for (i = 0; i < LANES; i += 4) {
		fours[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
		fours[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
		fours[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
		fours[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
	}
	/* quarter q of fours[4 * m + i] holds word 4 * q + i of messages 4 * m to 4 * m + 3 */
#pragma GCC unroll 4
	for (i = 0; i < 4; i++) {
		even[0] = _mm512_shuffle_i32x4(fours[i], fours[4 + i], 0x88);
		even[1] = _mm512_shuffle_i32x4(fours[8 + i], fours[12 + i], 0x88);
		odd[0] = _mm512_shuffle_i32x4(fours[i], fours[4 + i], 0xdd);
		odd[1] = _mm512_shuffle_i32x4(fours[8 + i], fours[12 + i], 0xdd);
		words[i] = _mm512_shuffle_i32x4(even[0], even[1], 0x88);
		words[4 + i] = _mm512_shuffle_i32x4(odd[0], odd[1], 0x88);
		words[8 + i] = _mm512_shuffle_i32x4(even[0], even[1], 0xdd);
		words[12 + i] = _mm512_shuffle_i32x4(odd[0], odd[1], 0xdd);
	}
}

WIDE static inline __attribute__((always_inline)) __m512i big_endian(__m512i words)
{
	return _mm512_shuffle_epi8(
		words, _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll)));
}

/* FIPS 180-4 §6.2.2, step 1, for words 16 and up, each in the place of the one that is sixteen before it. */
WIDE static inline __attribute__((always_inline)) __m512i scheduled(const __m512i words[16], int i)
{
	__m512i early = words[(i + 1) & 15], late = words[(i + 14) & 15];

	return ADD(ADD(words[i], words[(i + 9) & 15]),
		ADD(XOR(ROTATE(early, 7), ROTATE(early, 18), _mm512_srli_epi32(early, 3)),
			XOR(ROTATE(late, 17), ROTATE(late, 19), _mm512_srli_epi32(late, 10))));
}

/* Step 3. Instead of the eight variables, their names move on by one a round. What waits longest is added last. */
#define VARIABLE(n) v[((n)-i) & 7]
WIDE static inline __attribute__((always_inline)) void one_round(__m512i v[8], __m512i word, uint32_t constant, int i)
{
	const __m512i a = VARIABLE(0), e = VARIABLE(4);
	__m512i rest = ADD(ADD(ADD(VARIABLE(7), _mm512_set1_epi32((int)constant)), word),
			CHOOSE(e, VARIABLE(5), VARIABLE(6))),
		sum = XOR(ROTATE(e, 6), ROTATE(e, 11), ROTATE(e, 25));

	VARIABLE(3) = ADD(ADD(VARIABLE(3), rest), sum);
	VARIABLE(7) = ADD(ADD(rest, sum),
		ADD(XOR(ROTATE(a, 2), ROTATE(a, 13), ROTATE(a, 22)), MAJORITY(a, VARIABLE(1), VARIABLE(2))));
}

/* A block of each; the state of those that are not running stays. */
WIDE static void compress(__m512i state[8], const unsigned char *const at[LANES], __mmask16 running)
{
	__m512i words[LANES], v[8];
	int i, j;

#pragma GCC unroll 16
	for (i = 0; i < LANES; i++)
		words[i] = big_endian(_mm512_loadu_si512(at[i]));
	transpose(words);
	memcpy(v, state, sizeof(v));
	for (j = 0; j < 64; j += 16) {
#pragma GCC unroll 16
		for (i = 0; i < 16; i++) {
			one_round(v, words[i], sha256_constants[j + i], i);
			if (j < 48)
				words[i] = scheduled(words, i);
		}
	}
	for (i = 0; i < 8; i++)
		state[i] = _mm512_mask_add_epi32(state[i], running, state[i], v[i]);
}

WIDE static void hash_lanes(unsigned char out[][HASH_SIZE], const struct sha256_message *messages, size_t count)
{
	/* FIPS 180-4 §5.3.3 */
	static const uint32_t start[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	const unsigned char *at[LANES];
	__m512i state[LANES] = {0};
	__mmask16 running;
	size_t block, i;

	for (i = 0; i < 8; i++)
		state[i] = _mm512_set1_epi32((int)start[i]);
	for (i = 0; i < LANES; i++)
		at[i] = messages[i < count ? i : 0].bytes;
	for (block = 0;; block++) {
		running = 0;
		for (i = 0; i < count; i++) {
			bool more = block < messages[i].blocks;

			running |= more << i;
			at[i] = more ? messages[i].bytes + block * SHA256_BLOCK : messages[i].bytes;
		}
		if (!running)
			break;
		compress(state, at, running);
	}
	transpose(state);
	for (i = 0; i < count; i++)
		_mm256_storeu_si256((__m256i *)out[i], _mm512_castsi512_si256(big_endian(state[i])));
}

/* Instructions that do not give what libsodium gives are not used. */
static bool is_right(void)
{
	static const size_t lengths[LANES] = {0, 1, 54, 55, 62, 63, 64, 118, 119, 127, 128, 192, 300, 500, 700, 10};
	static unsigned char bytes[700], room[LANES][SHA256_BLOCKS(sizeof(bytes)) * SHA256_BLOCK];
	unsigned char wide[LANES][HASH_SIZE], plain[HASH_SIZE];
	struct sha256_message messages[LANES];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = 167 * i + 13;
	for (i = 0; i < LANES; i++)
		messages[i] = sha256_message(room[i], i, bytes + i % 2, lengths[i] - (lengths[i] ? i % 2 : 0));
	hash_lanes(wide, messages, LANES);
	for (i = 0; i < LANES; i++) {
		sha256_prefixed_plain(plain, i, messages[i].bytes + 1, messages[i].len - 1);
		if (memcmp(wide[i], plain, HASH_SIZE))
			return false;
	}
	return true;
}

size_t sha256_wide(unsigned char out[][HASH_SIZE], const struct sha256_message *messages, size_t count)
{
	static int use = -1;

	if (use < 0)
		use = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && is_right();
	if (!use || count < WORTH)
		return 0;
	if (count > LANES)
		count = LANES;
	hash_lanes(out, messages, count);
	return count;
}
#else
size_t sha256_wide(unsigned char out[][HASH_SIZE], const struct sha256_message *messages, size_t count)
{
	return 0;
}
#endif
