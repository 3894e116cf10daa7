/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/resource.h>

#include "case/case.h"
#include "case/seal.h"

static void from_hex(unsigned char *out, const char *hex)
{
	assert_int_equal(sodium_hex2bin(out, HASH_SIZE, hex, strlen(hex), NULL, NULL, NULL), 0);
}

/* Roots over the leaves "", 00, 10, 2021, 3031, 40414243, 5051525354555657, 606162636465666768696a6b6c6d6e6f, as
 * Certificate Transparency's own tests have them. */
static void test_roots(void **state)
{
	static const char *const roots[] = {
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	};
	static const unsigned char bytes[] = {0x00, 0x10, 0x20, 0x21, 0x30, 0x31, 0x40, 0x41, 0x42, 0x43, 0x50, 0x51,
		0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a,
		0x6b, 0x6c, 0x6d, 0x6e, 0x6f};
	static const size_t lengths[] = {0, 1, 1, 2, 2, 4, 8, 16};
	unsigned char leaf[HASH_SIZE], root[HASH_SIZE], expected[HASH_SIZE];
	struct tree tree = {0};
	size_t i, at = 0;

	(void)state;
	for (i = 0; i <= 8; i++) {
		tree_root(&tree, root);
		from_hex(expected, roots[i]);
		assert_memory_equal(root, expected, HASH_SIZE);
		if (i == 8)
			break;
		tree_leaf(leaf, bytes + at, lengths[i]);
		tree_add(&tree, leaf);
		at += lengths[i];
	}
}

static void test_fast_hash(void **state)
{
	unsigned char bytes[1000], fast[HASH_SIZE], plain[HASH_SIZE];
	size_t len;

	(void)state;
	randombytes_buf(bytes, sizeof(bytes));
	for (len = 0; len < sizeof(bytes); len++) {
		sha256_prefixed(fast, len, bytes, len);
		sha256_prefixed_plain(plain, len, bytes, len);
		assert_memory_equal(fast, plain, HASH_SIZE);
		sha256_of(fast, bytes, len);
		crypto_hash_sha256(plain, bytes, len);
		assert_memory_equal(fast, plain, HASH_SIZE);
	}
}

/* As many as there may be, of any length, also of none. */
static void test_many_hashes(void **state)
{
	static unsigned char bytes[2100], room[TREE_MANY][SHA256_BLOCKS(sizeof(bytes)) * SHA256_BLOCK];
	unsigned char many[TREE_MANY][HASH_SIZE], plain[HASH_SIZE];
	struct sha256_message messages[TREE_MANY];
	size_t count, most, i;

	(void)state;
	randombytes_buf(bytes, sizeof(bytes));
	for (count = 0; count <= TREE_MANY; count++)
		for (most = 1; most < sizeof(bytes); most = 2 * most + 1) {
			for (i = 0; i < count; i++) {
				size_t len = i < 3 ? most - 1 : randombytes_uniform(most);

				messages[i] = sha256_message(room[i], i, bytes + randombytes_uniform(50), len);
			}
			sha256_many(many, messages, count);
			for (i = 0; i < count; i++) {
				sha256_prefixed_plain(plain, i, messages[i].bytes + 1, messages[i].len - 1);
				assert_memory_equal(many[i], plain, HASH_SIZE);
			}
		}
}

static void number_leaf(unsigned char leaf[HASH_SIZE], uint64_t number)
{
	tree_leaf(leaf, &number, sizeof(number));
}

#define BEFORE (TREE_MANY + 8)
/* From every size, every number of leaves: all that either keeps for the root and for the proof of its last leaf. */
static void test_many_leaves(void **state)
{
	unsigned char leaves[BEFORE + TREE_MANY][HASH_SIZE], root[HASH_SIZE], expected[HASH_SIZE];
	size_t before, count, i;

	(void)state;
	for (i = 0; i < BEFORE + TREE_MANY; i++)
		number_leaf(leaves[i], i);
	for (before = 0; before < BEFORE; before++)
		for (count = 0; count <= TREE_MANY; count++) {
			struct tree one = {0}, many = {0};

			for (i = 0; i < before; i++)
				tree_add(&many, leaves[i]);
			for (i = 0; i < before + count; i++)
				tree_add(&one, leaves[i]);
			tree_add_many(&many, leaves + before, count);
			assert_int_equal(many.size, one.size);
			tree_root(&one, expected);
			tree_root(&many, root);
			assert_memory_equal(root, expected, HASH_SIZE);
			for (i = 0; i < 64; i++)
				if (one.size && (one.size >> i & 1 || (one.size - 1) >> i & 1))
					assert_memory_equal(many.edge[i], one.edge[i], HASH_SIZE);
		}
}

/* Every leaf of every tree up to 40 leaves: the proof leads to the root, and to no other one from elsewhere. */
static void test_proofs(void **state)
{
	unsigned char leaf[HASH_SIZE], root[HASH_SIZE], got[HASH_SIZE], hashes[PROOF_MAX][HASH_SIZE];
	uint64_t size, index, i;

	(void)state;
	for (size = 1; size <= 40; size++) {
		struct tree tree = {0};

		for (i = 0; i < size; i++) {
			number_leaf(leaf, i);
			tree_add(&tree, leaf);
		}
		tree_root(&tree, root);
		for (index = 0; index < size; index++) {
			struct proof proof;
			size_t count;

			proof_begin(&proof, index, size);
			for (i = 0; i < size + 3; i++) {
				number_leaf(leaf, i);
				proof_add(&proof, leaf);
			}
			count = proof_end(&proof, hashes);
			number_leaf(leaf, index);
			assert_int_equal(proof_root(got, leaf, index, size, hashes, count), 0);
			assert_memory_equal(got, root, HASH_SIZE);
			number_leaf(leaf, index + 1);
			assert_int_equal(proof_root(got, leaf, index, size, hashes, count), 0);
			assert_memory_not_equal(got, root, HASH_SIZE);
			assert_int_equal(proof_root(got, leaf, index, size, hashes, count + 1), -EBADMSG);
			if (count)
				assert_int_equal(proof_root(got, leaf, index, size, hashes, count - 1), -EBADMSG);
		}
	}
}

/* The keys of the example in the documentation of Go's note package. */
static const char example_public[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char example_secret[] = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n";

static void test_keys(void **state)
{
	static const char *const bad[] = {
		"",
		"+",
		"PeterNeumann",
		"PeterNeumann+c74f20a3",
		"PeterNeumann+c74f20a3+",
		"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX",
		"Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n\n",
		"+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	};
	struct note_secret *secret = note_secret_new();
	char text[KEY_TEXT_SIZE];
	struct note_key key;
	size_t i;

	(void)state;
	assert_non_null(secret);
	assert_int_equal(note_key_parse(&key, example_public, strlen(example_public)), 0);
	assert_int_equal(note_key_format(text, &key), strlen(example_public));
	assert_string_equal(text, example_public);
	assert_int_equal(note_secret_parse(secret, example_secret, strlen(example_secret)), 0);
	assert_true(note_key_equal(&key, &secret->key));
	assert_int_equal(note_secret_format(text, secret), strlen(example_secret));
	assert_string_equal(text, example_secret);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(note_key_parse(&key, bad[i], strlen(bad[i])), -EBADMSG);
	assert_int_equal(note_secret_parse(secret, example_public, strlen(example_public)), -EBADMSG);
	assert_int_equal(note_secret_make(secret, "a b"), -EINVAL);
	assert_int_equal(note_secret_make(secret, "a+b"), -EINVAL);
	assert_int_equal(note_secret_make(secret, ""), -EINVAL);
	assert_int_equal(note_secret_make(secret, "a\xc2\xa0"
						  "b"),
		-EINVAL);
	assert_int_equal(note_secret_make(secret, "caf\xc3\xa9/quis"), 0);
	note_secret_free(secret);
	note_secret_free(NULL);
}

static void test_checkpoint(void **state)
{
	struct note_secret *secret = note_secret_new(), *other = note_secret_new();
	struct checkpoint made = {.origin = "host/quis/1", .size = 44}, read;
	char *text;
	size_t i;

	(void)state;
	randombytes_buf(made.root, HASH_SIZE);
	assert_int_equal(note_secret_make(secret, "host/quis/1"), 0);
	assert_int_equal(note_secret_make(other, "host/quis/1"), 0);
	checkpoint_sign(&made, secret);
	assert_int_equal(checkpoint_parse(&read, made.note, made.len), 0);
	assert_string_equal(read.origin, made.origin);
	assert_int_equal(read.size, 44);
	assert_memory_equal(read.root, made.root, HASH_SIZE);
	assert_int_equal(checkpoint_verify(&read, &secret->key), 0);
	assert_int_equal(checkpoint_verify(&read, &other->key), -ENOKEY);
	/* No byte can be another one. */
	text = strdup(made.note);
	for (i = 0; i < made.len; i++) {
		text[i] ^= 1;
		assert_true(checkpoint_parse(&read, text, made.len) || checkpoint_verify(&read, &secret->key));
		text[i] ^= 1;
		assert_true(checkpoint_parse(&read, text, i) || checkpoint_verify(&read, &secret->key));
	}
	free(text);
	note_secret_free(secret);
	note_secret_free(other);
}

/* ---- a case as it is written ---- */

static struct fact fact;

static void append(struct case_writer *writer, uint64_t number)
{
	fact_begin(&fact, "test", UNIT_TIME);
	fact_number(&fact, "number", number);
	assert_int_equal(case_append(writer, &fact), 0);
}

static struct checkpoint read_checkpoint(void **state, const char *name)
{
	struct checkpoint checkpoint;
	char *text = unit_read(unit_path(state, name));

	assert_int_equal(checkpoint_parse(&checkpoint, text, strlen(text)), 0);
	free(text);
	return checkpoint;
}

static struct note_key read_key(void **state)
{
	struct note_key key;
	char *text = unit_read(unit_path(state, "quis.pub"));

	assert_int_equal(note_key_parse(&key, text, strlen(text)), 0);
	free(text);
	return key;
}

static void expect_seal(void **state, const char *name, const struct tree *tree, const struct note_key *key)
{
	struct checkpoint seal = read_checkpoint(state, name);
	unsigned char root[HASH_SIZE];

	tree_root(tree, root);
	assert_int_equal(seal.size, tree->size);
	assert_memory_equal(seal.root, root, HASH_SIZE);
	assert_int_equal(checkpoint_verify(&seal, key), 0);
}

static void next_key(struct note_key *key, const char *line)
{
	const char *at = strstr(line, "\"quis.key.public\":\"");

	assert_non_null(at);
	at += strlen("\"quis.key.public\":\"");
	assert_int_equal(note_key_parse(key, at, strcspn(at, "\"")), 0);
}

static bool exists(void **state, const char *name)
{
	return !access(unit_path(state, name), F_OK);
}

/* Follows the chain of keys through all segments; returns how many there are. */
static uint32_t walk(void **state, uint64_t lines)
{
	struct note_key key = read_key(state);
	struct case_reader *reader;
	struct case_line line = {.segment = 1};
	struct tree tree = {0};
	unsigned char leaf[HASH_SIZE];
	uint32_t segment = 1;
	char name[40], last[1000] = "";

	assert_int_equal(case_open(&reader, *state), 0);
	while (case_next(reader, &line) == 1) {
		if (line.segment != segment) {
			snprintf(name, sizeof(name), "checkpoints/%06u", segment);
			expect_seal(state, name, &tree, &key);
			next_key(&key, last);
			segment = line.segment;
		}
		snprintf(last, sizeof(last), "%s", line.text);
		tree_leaf(leaf, line.text, line.len);
		tree_add(&tree, leaf);
	}
	assert_int_equal(tree.size, lines);
	expect_seal(state, "checkpoint", &tree, &key);
	case_reader_free(reader);
	return segment;
}

static void write_segments(void **state, bool compress)
{
	struct case_options options = {.segment_bytes = 10000, .compress = compress};
	struct case_writer *writer;
	uint64_t i;

	assert_int_equal(case_create(&writer, *state, &options), 0);
	for (i = 0; i < 1000; i++) {
		append(writer, i);
		if (i % 100 == 0)
			assert_int_equal(case_flush(writer), 0);
		if (case_turn_due(writer))
			assert_int_equal(case_turn(writer, &fact, UNIT_TIME), 0);
		assert_true(exists(state, "signing.key"));
		assert_false(exists(state, "signing.next"));
	}
	assert_int_equal(case_finish(writer), 0);
	assert_false(exists(state, "signing.key"));
	case_close(writer);
}

static void test_segments(void **state)
{
	uint32_t segments;
	struct stat st;

	write_segments(state, false);
	segments = walk(state, 1000 + 9);
	assert_int_equal(segments, 10);
	assert_int_equal(stat(unit_path(state, "facts-000002.leaves"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(unit_path(state, "checkpoints"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(exists(state, "facts-000010.ndjson"));
}

static void test_compressed(void **state)
{
	int i;

	write_segments(state, true);
	assert_int_equal(walk(state, 1000 + 9), 10);
	for (i = 1; i <= 10; i++) {
		char name[40];

		snprintf(name, sizeof(name), "facts-%06d.ndjson", i);
		assert_false(exists(state, name));
		strcat(name, ".zst");
		assert_true(exists(state, name));
		strcat(name, ".new");
		assert_false(exists(state, name));
	}
}

static void cut(const char *path, off_t bytes)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - bytes), 0);
}

static void test_damaged_compression(void **state)
{
	struct case_reader *reader;
	struct case_line line;
	int got, damaged = 0;
	uint32_t last = 0;

	write_segments(state, true);
	cut(unit_path(state, "facts-000002.ndjson.zst"), 1);
	unit_write(unit_path(state, "facts-000004.ndjson.zst"), "this is not zstd\n");
	assert_int_equal(case_open(&reader, *state), 0);
	while ((got = case_next(reader, &line))) {
		if (got != 1) {
			assert_int_equal(got, -EPROTO);
			assert_true(line.segment == 2 || line.segment == 4);
			damaged++;
		}
		last = line.segment;
	}
	assert_int_equal(damaged, 2);
	assert_int_equal(last, 10);
	case_reader_free(reader);
}

static void limit_files(rlim_t size)
{
	struct rlimit limit = {size, RLIM_INFINITY};

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A full disk (a limit of the file's size stands for it) just when a segment ends: nothing is signed that is not on the
 * disk, facts go on into memory, and once there is room the chain is whole. */
static void test_turn_on_full_disk(void **state)
{
	struct checkpoint before, after;
	struct case_writer *writer;
	struct stat st;
	uint64_t i;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(case_create(&writer, *state, NULL), 0);
	for (i = 0; i < 50; i++)
		append(writer, i);
	assert_int_equal(case_flush(writer), 0);
	before = read_checkpoint(state, "checkpoint");
	assert_int_equal(before.size, 50);
	assert_int_equal(stat(unit_path(state, "facts-000001.ndjson"), &st), 0);
	limit_files(st.st_size + 100);
	assert_int_equal(case_turn(writer, &fact, UNIT_TIME), -EFBIG);
	for (; i < 100; i++)
		append(writer, i);
	assert_int_equal(case_flush(writer), -EFBIG);
	after = read_checkpoint(state, "checkpoint");
	assert_string_equal(after.note, before.note);
	assert_true(exists(state, "signing.key"));
	assert_true(exists(state, "signing.next"));
	assert_false(exists(state, "facts-000002.ndjson"));
	limit_files(RLIM_INFINITY);
	assert_int_equal(case_flush(writer), 0);
	assert_false(exists(state, "signing.next"));
	assert_int_equal(case_finish(writer), 0);
	case_close(writer);
	assert_int_equal(walk(state, 101), 2);
}

static void test_given_key(void **state)
{
	struct case_options options = {.key = unit_path(state, "given")};
	char path[300], given[300];
	struct case_writer *writer;
	struct note_key key;

	strcpy(given, options.key);
	options.key = given;
	strcpy(path, unit_path(state, "case"));
	assert_int_equal(case_create(&writer, path, &options), -EKEYREJECTED);
	strcpy(path, unit_path(state, "case2"));
	unit_write(given, "no key\n");
	assert_int_equal(case_create(&writer, path, &options), -EKEYREJECTED);
	unit_write(given, example_secret);
	strcpy(path, unit_path(state, "case3"));
	assert_int_equal(case_create(&writer, path, &options), 0);
	append(writer, 1);
	case_close(writer);
	key = read_key((void *[]){path});
	assert_string_equal(key.name, "PeterNeumann");
	assert_int_equal(walk((void *[]){path}, 1), 1);
}

/* Whoever is not the last to see a secret has no use for what is left of it. */
static void test_erased(void **state)
{
	struct case_writer *writer;
	char bytes[512], link[300], *text;
	int fd;

	assert_int_equal(case_create(&writer, *state, NULL), 0);
	text = unit_read(unit_path(state, "signing.key"));
	assert_memory_equal(text, "PRIVATE+KEY+", 12);
	free(text);
	strcpy(link, unit_path(state, "held"));
	fd = open(unit_path(state, "signing.key"), O_RDONLY);
	append(writer, 1);
	assert_int_equal(case_finish(writer), 0);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_true(sodium_is_zero((unsigned char *)bytes, sizeof(bytes)));
	close(fd);
	case_close(writer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, unit_setup, unit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_fast_hash),
		cmocka_unit_test(test_many_hashes),
		cmocka_unit_test(test_many_leaves),
		cmocka_unit_test(test_proofs),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_checkpoint),
		TEST(test_segments),
		TEST(test_compressed),
		TEST(test_damaged_compression),
		TEST(test_turn_on_full_disk),
		TEST(test_given_key),
		TEST(test_erased),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
