/* SPDX-License-Identifier: BSD-2-Clause */
/* Sealed segments, compressed: what is sealed is their lines, so that nothing else changes. */
#include "case/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define PART (128u << 10)
#define LEVEL 3

struct pack {
	int dir, in, out;
	uint32_t segment;
	ZSTD_CCtx *context;
	char from[PART], to[PART];
};

int pack_begin(struct pack **ret_pack, int dir, uint32_t segment)
{
	struct pack *pack = calloc(1, sizeof(*pack));
	char name[SEGMENT_NAME];
	int err = 0;

	if (!pack)
		return -ENOMEM;
	pack->dir = dir;
	pack->segment = segment;
	pack->context = ZSTD_createCCtx();
	segment_name(name, segment, "ndjson");
	pack->in = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (pack->in < 0)
		err = -errno;
	segment_name(name, segment, "ndjson.zst.new");
	pack->out = err ? -1 : openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (!err && pack->out < 0)
		err = -errno;
	if (!err && !pack->context)
		err = -ENOMEM;
	if (err) {
		pack_free(pack);
		return err;
	}
	ZSTD_CCtx_setParameter(pack->context, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(pack->context, ZSTD_c_checksumFlag, 1);
	*ret_pack = pack;
	return 0;
}

static int put(struct pack *pack, size_t len, ZSTD_EndDirective mode)
{
	ZSTD_inBuffer in = {pack->from, len, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {pack->to, sizeof(pack->to), 0};

		left = ZSTD_compressStream2(pack->context, &out, &in, mode);
		if (ZSTD_isError(left))
			return -EIO;
		if (out.pos && write(pack->out, pack->to, out.pos) != (ssize_t)out.pos)
			return errno ? -errno : -ENOSPC;
	} while (mode == ZSTD_e_end ? left : in.pos < in.size);
	return 0;
}

static int replace(struct pack *pack)
{
	char plain[SEGMENT_NAME], beside[SEGMENT_NAME], packed[SEGMENT_NAME];

	segment_name(plain, pack->segment, "ndjson");
	segment_name(beside, pack->segment, "ndjson.zst.new");
	segment_name(packed, pack->segment, "ndjson.zst");
	if (fsync(pack->out) || renameat(pack->dir, beside, pack->dir, packed) || fsync(pack->dir) ||
		unlinkat(pack->dir, plain, 0))
		return -errno;
	return 0;
}

int pack_step(struct pack *pack, size_t bytes)
{
	ssize_t got;
	int err;

	for (; bytes >= PART; bytes -= PART) {
		got = read(pack->in, pack->from, PART);
		if (got < 0)
			return -errno;
		errno = 0;
		err = put(pack, got, got ? ZSTD_e_continue : ZSTD_e_end);
		if (err)
			return err;
		if (!got)
			return replace(pack);
	}
	return 1;
}

void pack_free(struct pack *pack)
{
	char beside[SEGMENT_NAME];

	if (!pack)
		return;
	if (pack->in >= 0)
		close(pack->in);
	if (pack->out >= 0) {
		close(pack->out);
		segment_name(beside, pack->segment, "ndjson.zst.new");
		unlinkat(pack->dir, beside, 0); /* gone already when it was finished */
	}
	ZSTD_freeCCtx(pack->context);
	free(pack);
}
