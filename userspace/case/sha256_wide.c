/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sixteen messages at once, each in a lane of its own of AVX-512: less than half of what the SHA extensions take for
 * each (Zen 5). Sixteen more beside them cost less than half of that again: the rounds of one wait for each other, and
 * those of two do not.
 */
#include "case/sha256.h"

#include <stdbool.h>
#include <string.h>

#define LANES 16
#define GROUPS 2 /* of lanes, one beside the other */
#define WORTH 6	 /* messages: fewer are hashed as fast two by two */

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

/* Step 3. Instead of the eight variables, their names move on by one a round. What is known last is added last. */
#define VARIABLE(n) v[((n)-i) & 7]
WIDE static inline __attribute__((always_inline)) void one_round(__m512i v[8], __m512i word, uint32_t constant, int i)
{
	const __m512i a = VARIABLE(0), e = VARIABLE(4),
		      rest = ADD(ADD(VARIABLE(7), _mm512_set1_epi32((int)constant)), word),
		      choose = CHOOSE(e, VARIABLE(5), VARIABLE(6)),
		      sum = XOR(ROTATE(e, 6), ROTATE(e, 11), ROTATE(e, 25));

	VARIABLE(3) = ADD(ADD(ADD(VARIABLE(3), rest), choose), sum);
	VARIABLE(7) = ADD(ADD(ADD(ADD(rest, choose), sum), MAJORITY(a, VARIABLE(1), VARIABLE(2))),
		XOR(ROTATE(a, 2), ROTATE(a, 13), ROTATE(a, 22)));
}

WIDE static inline __attribute__((always_inline)) void load_block(
	__m512i words[LANES], const unsigned char *const at[LANES], size_t offset)
{
	int i;

#pragma GCC unroll 16
	for (i = 0; i < LANES; i++)
		words[i] = big_endian(_mm512_loadu_si512(at[i] + offset));
	transpose(words);
}

/* A block of each; the state of those that are not running stays. `groups` is constant where this is inlined. */
WIDE static inline __attribute__((always_inline)) void compress(
	__m512i state[][LANES], const unsigned char *const at[], size_t offset, uint32_t running, const int groups)
{
	__m512i words[GROUPS][LANES], v[GROUPS][8];
	int i, j, g;

	for (g = 0; g < groups; g++) {
		load_block(words[g], at + g * LANES, offset);
		memcpy(v[g], state[g], sizeof(v[g]));
	}
	for (j = 0; j < 64; j += 16) {
#pragma GCC unroll 16
		for (i = 0; i < 16; i++) {
#pragma GCC unroll 2
			for (g = 0; g < groups; g++)
				one_round(v[g], words[g][i], sha256_constants[j + i], i);
			if (j == 48)
				continue;
#pragma GCC unroll 2
			for (g = 0; g < groups; g++)
				words[g][i] = scheduled(words[g], i);
		}
	}
	for (g = 0; g < groups; g++, running >>= LANES)
		for (i = 0; i < 8; i++)
			state[g][i] = _mm512_mask_add_epi32(state[g][i], (__mmask16)running, state[g][i], v[g][i]);
}

/* Where this block of each is; which have one. */
static uint32_t block_of_each(
	const unsigned char *at[], const struct sha256_message *messages, size_t count, size_t block)
{
	uint32_t running = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		bool more = block < messages[i].blocks;

		running |= (uint32_t)more << i;
		at[i] = more ? messages[i].bytes + block * SHA256_BLOCK : messages[i].bytes;
	}
	return running;
}

WIDE static inline __attribute__((always_inline)) void hash_groups(
	unsigned char out[][HASH_SIZE], const struct sha256_message *messages, size_t count, const int groups)
{
	/* FIPS 180-4 §5.3.3 */
	static const uint32_t start[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	const unsigned char *at[GROUPS * LANES];
	__m512i state[GROUPS][LANES] = {0};
	uint32_t running = UINT32_MAX;
	size_t all = SIZE_MAX, block, offset, i;
	int g;

	for (g = 0; g < groups; g++)
		for (i = 0; i < 8; i++)
			state[g][i] = _mm512_set1_epi32((int)start[i]);
	for (i = 0; i < GROUPS * LANES; i++) {
		const struct sha256_message *message = &messages[i < count ? i : 0];

		at[i] = message->bytes;
		all = message->blocks < all ? message->blocks : all;
	}
	for (block = 0;; block++) {
		offset = block * SHA256_BLOCK;
		if (block >= all) {
			running = block_of_each(at, messages, count, block);
			offset = 0;
		}
		if (!running)
			break;
		compress(state, at, offset, running, groups);
	}
	for (g = 0; g < groups; g++)
		transpose(state[g]);
	for (i = 0; i < count; i++)
		_mm256_storeu_si256((__m256i *)out[i], _mm512_castsi512_si256(big_endian(state[i / LANES][i % LANES])));
}

/* The first so many of them, which it returns. */
WIDE static size_t hash_lanes(unsigned char out[][HASH_SIZE], const struct sha256_message *messages, size_t count)
{
	if (count < LANES + WORTH) {
		count = count < LANES ? count : LANES;
		hash_groups(out, messages, count, 1);
	} else {
		count = count < GROUPS * LANES ? count : GROUPS * LANES;
		hash_groups(out, messages, count, GROUPS);
	}
	return count;
}

/* Instructions that do not give what libsodium gives are not used. */
static bool is_right(void)
{
	static const size_t lengths[LANES] = {0, 1, 54, 55, 62, 63, 64, 118, 119, 127, 128, 192, 300, 500, 700, 10};
	static unsigned char bytes[700], room[GROUPS * LANES][SHA256_BLOCKS(sizeof(bytes)) * SHA256_BLOCK];
	unsigned char wide[2][GROUPS * LANES][HASH_SIZE], plain[HASH_SIZE];
	struct sha256_message messages[GROUPS * LANES];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = 167 * i + 13;
	for (i = 0; i < GROUPS * LANES; i++)
		messages[i] = sha256_message(room[i], i, bytes, lengths[i * 5 % LANES]);
	hash_lanes(wide[0], messages, GROUPS * LANES);
	hash_lanes(wide[1], messages, LANES);
	for (i = 0; i < GROUPS * LANES; i++) {
		sha256_prefixed_plain(plain, i, messages[i].bytes + 1, messages[i].len - 1);
		if (memcmp(wide[0][i], plain, HASH_SIZE) || (i < LANES && memcmp(wide[1][i], plain, HASH_SIZE)))
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
	return hash_lanes(out, messages, count);
}
#else
size_t sha256_wide(unsigned char out[][HASH_SIZE], const struct sha256_message *messages, size_t count)
{
	return 0;
}
#endif
