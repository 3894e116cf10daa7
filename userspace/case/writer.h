/* SPDX-License-Identifier: BSD-2-Clause */
/* Within case/: what the writer of lines and the sealer of them know of each other. */
#ifndef QUIS_WRITER_H
#define QUIS_WRITER_H

#include <sys/types.h>
#include <time.h>

#include "case/case.h"
#include "case/seal.h"
#include "case/verify.h"

#define SEGMENT_NAME 40 /* of a segment's file, whatever its ending */

static const char key_file[] = "signing.key", next_key_file[] = "signing.next", public_file[] = "quis.pub",
		  checkpoint_file[] = "checkpoint", seals_directory[] = "checkpoints";

void segment_name(char out[SEGMENT_NAME], uint32_t number, const char *ending); /* "ndjson" ... */
void seal_name(char out[SEGMENT_NAME], uint32_t number);

/* ---- files.c ---- */

/* Overwrites, syncs, removes. What a file system or a disk keeps of earlier versions is beyond it. */
int file_erase(int dir, const char *name);

/* ---- last.c ---- */

#define LAST_LINE 4096 /* a fact that names a key is shorter */
#define LAST_SIZE (2 * LAST_LINE + 64 * 45 + NOTE_SIZE)

void last_name(char out[SEGMENT_NAME], uint32_t number);
/* The tree is that of the checkpoint, the line its last leaf. Returns the length; 0: the line is too long. */
size_t last_format(char out[LAST_SIZE], const char *line, size_t len, const struct tree *tree,
	const struct checkpoint *checkpoint);
/* -EBADMSG: it is none, or its line is not the last under its checkpoint. Who signed that is not looked at. */
int last_parse(
	const char *text, char line[LAST_LINE + 1], size_t *ret_len, struct tree *tree, struct checkpoint *checkpoint);

/* ---- sealer.c ---- */

struct sealer {
	int dir;
	struct tree tree;	/* of all lines taken, but for those that wait */
	unsigned char *waiting; /* their bytes: many are hashed in little more time than few */
	size_t waiting_used, waiting_count;
	struct sha256_message waiting_line[TREE_MANY], newest_line; /* the last of all is kept there */
	char *last; /* for checkpoints/NNNNNN.last: of the segment that is being ended */
	size_t last_len;
	char origin[NAME_SIZE];
	struct note_secret *secret; /* of this segment; NULL once the case is finished */
	struct note_secret *next;   /* of the segment to come: while this one is being ended */
	struct checkpoint newest;   /* written */
	struct checkpoint seal;	    /* of the segment that is being ended */
	uint32_t *hints;	    /* what is not yet in the segment's .leaves */
	size_t hint_count;
	int hint_file;
	bool hinting;
};

/* Takes up what a sealer that died left: its keys and the tree. -ENOKEY: the key that signs on is not there. */
int sealer_continue(struct sealer *sealer, int dir, const struct verify_result *verified);
/* Makes the first key (or takes it from a file) and quis.pub, for a case of this id. */
int sealer_create(struct sealer *sealer, int dir, const char *case_id, const char *key_path);
void sealer_done(struct sealer *sealer);
void sealer_add(struct sealer *sealer, const char *line, size_t len);
void sealer_begin_segment(struct sealer *sealer, uint32_t number);
void sealer_newest_line(struct sealer *sealer, const char *line, size_t len); /* that sealer_add() did not see */
void sealer_hint(struct sealer *sealer, const unsigned char leaf[HASH_SIZE]);
/* All lines taken are on the disk: signs that, if anything came since the last time. */
int sealer_checkpoint(struct sealer *sealer);
/* The end of a segment. prepare makes the next key; then the writer adds the fact that names it, as the last; sign
 * takes the tree as it is; once the lines are on the disk, commit writes the checkpoint for good and puts the next key
 * in the place of the old one. */
int sealer_prepare(struct sealer *sealer);
void sealer_sign(struct sealer *sealer);
/* Instead of prepare and sign, after a death: the checkpoint was signed, and the key that it names is the secret. */
void sealer_adopt(struct sealer *sealer, const struct checkpoint *seal);
int sealer_commit(struct sealer *sealer, uint32_t segment);
/* The end of the case: as commit, without a next key. */
int sealer_finish(struct sealer *sealer, uint32_t segment);

/* ---- pack.c ---- */

struct pack;

/* Compresses a sealed segment, a part at each step. 1: there is more to do; 0: done, the .zst has replaced it. */
int pack_begin(struct pack **ret_pack, int dir, uint32_t segment);
int pack_step(struct pack *pack, size_t bytes);
void pack_free(struct pack *pack); /* takes NULL; an unfinished one leaves the segment as it was */

/* ---- writer.c ---- */

#define WRITER_BUFFER (4u << 20)

struct case_writer {
	int dir;
	int segment;
	uint32_t segment_number;
	uint64_t segment_size;	 /* bytes taken for it */
	struct timespec started; /* CLOCK_BOOTTIME: the segment */
	struct case_options options;
	char id[CASE_ID_SIZE];
	struct sealer sealer;
	bool turning;	 /* the segment has had its last fact */
	size_t turn_end; /* of which the bytes end here in the buffer; what follows belongs to the next segment */
	struct pack *pack;
	uint32_t packed;	/* segments that have had their turn */
	uint32_t first_segment; /* that is still there */
	uint64_t sequence;
	uint64_t dropped;
	char *open; /* lines of open.ndjson in the making */
	size_t open_len, open_room;
	bool open_exists;
	bool unsynced; /* written since the last fdatasync() */
	size_t start;  /* of the bytes not yet written */
	size_t end;
	char buffer[WRITER_BUFFER];
};

int writer_begin_segment(struct case_writer *writer, uint32_t number);
void writer_set_options(struct case_writer *writer, const struct case_options *options);
void writer_free(struct case_writer *writer);

#endif
