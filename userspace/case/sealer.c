/* SPDX-License-Identifier: BSD-2-Clause */
/* The writer's side of sealing: keys, the tree as it grows, checkpoints. */
#include "case/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define WAITING (4 * (size_t)FACT_LINE_MAX) /* bytes of lines that wait */
#define HINTS 65536 /* lines between two writes of .leaves; what is beyond finds no room and ends the file */

/* The origin is read by people and by parsers: what is no plain character of a host's name becomes '_'. */
static void set_origin(struct sealer *sealer, const char *case_id)
{
	struct utsname host;
	char *at;

	if (uname(&host) || !*host.nodename)
		strcpy(host.nodename, "host");
	for (at = host.nodename; *at; at++)
		if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
			    (*at && strchr(".-_", *at))))
			*at = '_';
	snprintf(sealer->origin, sizeof(sealer->origin), "%s/quis/%s", host.nodename, case_id);
}

static int take_key(struct note_secret *secret, int dir, const char *path)
{
	char text[KEY_TEXT_SIZE + 16];
	ssize_t len = file_read(dir, path, text, sizeof(text));
	int err = len < 0 ? (int)len : note_secret_parse(secret, text, len);

	sodium_memzero(text, sizeof(text));
	return err;
}

static int write_secret(int dir, const char *name, const struct note_secret *secret)
{
	char text[KEY_TEXT_SIZE];
	size_t len = note_secret_format(text, secret);
	int err = file_replace(dir, name, text, len);

	sodium_memzero(text, sizeof(text));
	return err;
}

static int write_public(int dir, const struct note_key *key)
{
	char text[KEY_TEXT_SIZE + 1];
	size_t len = note_key_format(text, key);

	text[len++] = '\n';
	return file_replace(dir, public_file, text, len);
}

static int sealer_init(struct sealer *sealer, int dir)
{
	memset(sealer, 0, sizeof(*sealer));
	sealer->dir = dir;
	sealer->hint_file = -1;
	sealer->hinting = true;
	sealer->hints = malloc(HINTS * sizeof(*sealer->hints));
	sealer->waiting = aligned_alloc(SHA256_BLOCK, WAITING);
	sealer->last = malloc(LAST_SIZE);
	sealer->secret = note_secret_new();
	return sealer->secret && sealer->hints && sealer->waiting && sealer->last ? 0 : -ENOMEM;
}

int sealer_create(struct sealer *sealer, int dir, const char *case_id, const char *key_path)
{
	int err = sealer_init(sealer, dir);

	if (err)
		return err;
	set_origin(sealer, case_id);
	strcpy(sealer->newest.origin, sealer->origin);
	strcpy(sealer->seal.origin, sealer->origin);
	err = key_path ? take_key(sealer->secret, AT_FDCWD, key_path)
		       : note_secret_make(sealer->secret, sealer->origin);
	if (err)
		return key_path && err != -ENOMEM ? -EKEYREJECTED : err;
	if (mkdirat(dir, seals_directory, 0700))
		return -errno;
	err = write_secret(dir, key_file, sealer->secret);
	return err ? err : write_public(dir, &sealer->secret->key);
}

/* Either of the two files may hold a key, or be half of what an interrupted change of keys left. */
static int find_key(struct note_secret *secret, int dir, const struct note_key *wanted)
{
	static const char *const names[] = {key_file, next_key_file};
	size_t i;

	for (i = 0; i < 2; i++)
		if (!take_key(secret, dir, names[i]) && note_key_equal(&secret->key, wanted))
			return 0;
	return -ENOKEY;
}

int sealer_continue(struct sealer *sealer, int dir, const struct verify_result *verified)
{
	int err = sealer_init(sealer, dir);
	bool sealed = verified->turned && verified->sealed == verified->lines;

	if (err)
		return err;
	strcpy(sealer->origin, verified->newest.origin);
	strcpy(sealer->seal.origin, sealer->origin);
	sealer->newest = verified->newest;
	sealer->tree = verified->tree;
	/* The segment is over and its checkpoint written: the key before may be gone, and is not needed. */
	if (sealed)
		return find_key(sealer->secret, dir, &verified->next);
	err = find_key(sealer->secret, dir, &verified->current);
	if (err || !verified->turned)
		return err;
	sealer->next = note_secret_new();
	return sealer->next ? find_key(sealer->next, dir, &verified->next) : -ENOMEM;
}

void sealer_done(struct sealer *sealer)
{
	note_secret_free(sealer->secret);
	note_secret_free(sealer->next);
	free(sealer->hints);
	free(sealer->waiting);
	free(sealer->last);
	if (sealer->hint_file >= 0)
		close(sealer->hint_file);
}

/* ---- .leaves: the first bytes of each leaf, unsigned: they tell which line was changed, not that one was ---- */

static void end_hints(struct sealer *sealer)
{
	if (sealer->hint_file >= 0)
		close(sealer->hint_file);
	sealer->hint_file = -1;
	sealer->hint_count = 0;
	sealer->hinting = false;
}

/* No room for them is no harm: the file then ends before its segment does. */
static void write_hints(struct sealer *sealer)
{
	size_t len = sealer->hint_count * sizeof(*sealer->hints);
	off_t before;

	if (sealer->hint_file < 0 || !len)
		return;
	before = lseek(sealer->hint_file, 0, SEEK_END);
	if (write(sealer->hint_file, sealer->hints, len) != (ssize_t)len) {
		if (before < 0 || ftruncate(sealer->hint_file, before))
			before = -1;
		end_hints(sealer);
	}
	sealer->hint_count = 0;
}

void sealer_begin_segment(struct sealer *sealer, uint32_t number)
{
	char name[SEGMENT_NAME];

	if (sealer->hint_file >= 0) {
		write_hints(sealer);
		end_hints(sealer);
		sealer->hinting = true;
	}
	if (!sealer->hinting)
		return; /* lines have come already that would be missing at its beginning */
	segment_name(name, number, "leaves");
	sealer->hint_file =
		openat(sealer->dir, name, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	sealer->hinting = sealer->hint_file >= 0;
}

void sealer_hint(struct sealer *sealer, const unsigned char leaf[HASH_SIZE])
{
	if (sealer->hint_count == HINTS && sealer->hint_file >= 0)
		write_hints(sealer);
	else if (sealer->hint_count == HINTS)
		end_hints(sealer);
	if (sealer->hinting)
		memcpy(sealer->hints + sealer->hint_count++, leaf, sizeof(*sealer->hints));
}

/* Lines that wait are in the tree from here on. */
static void settle(struct sealer *sealer)
{
	unsigned char leaves[TREE_MANY][HASH_SIZE];
	size_t i;

	sha256_many(leaves, sealer->waiting_line, sealer->waiting_count);
	tree_add_many(&sealer->tree, leaves, sealer->waiting_count);
	for (i = 0; i < sealer->waiting_count; i++)
		sealer_hint(sealer, leaves[i]);
	sealer->waiting_count = sealer->waiting_used = 0;
}

void sealer_newest_line(struct sealer *sealer, const char *line, size_t len)
{
	sealer->newest_line = sha256_message(sealer->waiting, 0, line, len);
}

void sealer_add(struct sealer *sealer, const char *line, size_t len)
{
	size_t size = SHA256_BLOCKS(len) * SHA256_BLOCK;

	if (sealer->waiting_count == TREE_MANY || size > WAITING - sealer->waiting_used)
		settle(sealer);
	sealer->newest_line = sha256_message(sealer->waiting + sealer->waiting_used, 0, line, len);
	sealer->waiting_line[sealer->waiting_count++] = sealer->newest_line;
	sealer->waiting_used += size;
}

/* ---- checkpoints ---- */

static void sign(struct sealer *sealer, struct checkpoint *checkpoint)
{
	checkpoint->size = sealer->tree.size;
	tree_root(&sealer->tree, checkpoint->root);
	checkpoint_sign(checkpoint, sealer->secret);
}

int sealer_checkpoint(struct sealer *sealer)
{
	struct checkpoint now;
	int err;

	settle(sealer);
	if (!sealer->secret || sealer->tree.size == sealer->newest.size)
		return 0;
	write_hints(sealer);
	strcpy(now.origin, sealer->origin);
	sign(sealer, &now);
	err = file_renew(sealer->dir, checkpoint_file, now.note, now.len);
	if (!err)
		sealer->newest = now;
	return err;
}

int sealer_prepare(struct sealer *sealer)
{
	int err;

	sealer->next = note_secret_new();
	if (!sealer->next)
		return -ENOMEM;
	err = note_secret_make(sealer->next, sealer->secret->key.name);
	/* The key must be on the disk before anything says that it will sign. */
	if (!err)
		err = write_secret(sealer->dir, next_key_file, sealer->next);
	if (err) {
		note_secret_free(sealer->next);
		sealer->next = NULL;
	}
	return err;
}

static void keep_last(struct sealer *sealer)
{
	const struct sha256_message *line = &sealer->newest_line;

	sealer->last_len =
		last_format(sealer->last, (const char *)line->bytes + 1, line->len - 1, &sealer->tree, &sealer->seal);
}

void sealer_adopt(struct sealer *sealer, const struct checkpoint *seal)
{
	sealer->seal = *seal;
	sealer->next = sealer->secret;
	sealer->secret = NULL;
	keep_last(sealer);
}

void sealer_sign(struct sealer *sealer)
{
	settle(sealer);
	write_hints(sealer);
	end_hints(sealer);
	sealer->hinting = true; /* those of the next segment are kept until it has begun */
	sign(sealer, &sealer->seal);
	keep_last(sealer);
}

static int write_seal(struct sealer *sealer, uint32_t segment)
{
	char name[SEGMENT_NAME];
	int err;

	/* In this order: whenever we die, `checkpoint` is never older than the newest of checkpoints/. */
	err = file_replace(sealer->dir, checkpoint_file, sealer->seal.note, sealer->seal.len);
	last_name(name, segment);
	if (!err && sealer->last_len)
		err = file_replace(sealer->dir, name, sealer->last, sealer->last_len);
	seal_name(name, segment);
	if (!err)
		err = file_replace(sealer->dir, name, sealer->seal.note, sealer->seal.len);
	if (!err)
		sealer->newest = sealer->seal;
	if (!err && fsync(sealer->dir))
		err = -errno;
	return err;
}

static int replace_key(int dir)
{
	struct stat st;
	int err;

	/* done already when an interrupted end of a segment is gone through again */
	if (fstatat(dir, next_key_file, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	err = file_erase(dir, key_file);
	if (!err && renameat(dir, next_key_file, dir, key_file))
		err = -errno;
	if (!err && fsync(dir))
		err = -errno;
	return err;
}

int sealer_commit(struct sealer *sealer, uint32_t segment)
{
	int err = write_seal(sealer, segment);

	if (!err)
		err = replace_key(sealer->dir);
	if (err)
		return err;
	note_secret_free(sealer->secret);
	sealer->secret = sealer->next;
	sealer->next = NULL;
	return 0;
}

int sealer_finish(struct sealer *sealer, uint32_t segment)
{
	int err;

	settle(sealer);
	write_hints(sealer);
	sign(sealer, &sealer->seal);
	sealer->last_len = 0; /* nothing follows that would need it */
	err = write_seal(sealer, segment);
	if (!err)
		err = file_erase(sealer->dir, key_file);
	if (!err) {
		note_secret_free(sealer->secret);
		sealer->secret = NULL;
	}
	return err;
}
