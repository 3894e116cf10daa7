/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What lies beneath a file of an overlay file system. struct ovl_inode (fs/overlayfs/ovl_entry.h) is most often the type of a module that is
 * not loaded yet when quis-record starts, or of which 5.10 tells no types. But on all kernels two pointers follow its VFS inode: the
 * upper layer's dentry, and then one of
 *	struct inode *lower;						before 5.19
 *	struct ovl_path lowerpath = {layer, dentry};			before 6.5 (ffa5723c6d25 to 0af950f57fef)
 *	struct ovl_entry *oe = {u32 count, struct ovl_path [count]};	since
 * Which, shows the object itself: a dentry and its inode name the same superblock, and so do an inode and the root of its own. What is none
 * of them is not told.
 */
#ifndef QUIS_BPF_OVERLAY_H
#define QUIS_BPF_OVERLAY_H

#include "bpf/path.h"

static __always_inline bool is_overlay(u64 inode)
{
	return READ(struct super_block, READ(struct inode, inode, i_sb), s_magic) == OVERLAYFS_SUPER_MAGIC;
}

/* The inode of what is a dentry, else 0. */
static __always_inline u64 checked_dentry(u64 dentry)
{
	u64 super = (u64)READ(struct dentry, dentry, d_sb), inode = (u64)READ(struct dentry, dentry, d_inode);

	return super && inode && (u64)READ(struct inode, inode, i_sb) == super ? inode : 0;
}

static __always_inline u64 checked_inode(u64 inode)
{
	u64 super = (u64)READ(struct inode, inode, i_sb);

	return super && (u64)READ(struct dentry, READ(struct super_block, super, s_root), d_sb) == super ? inode : 0;
}

static __always_inline bool has_name(u64 dentry)
{
	return dentry && (READ(struct dentry, dentry, d_hash.pprev) || (u64)READ(struct dentry, dentry, d_parent) == dentry);
}

#define NAMES_TRIED 4

/*
 * A dentry of the inode by which it can be found: that of a file that was copied up is still the one without a name that it was made
 * under (ovl_copy_up_tmpfile()), and before 5.19 none is kept of a lower one. Else 0: no path is better than a false one.
 */
static __always_inline u64 named_dentry(u64 inode, u64 dentry)
{
	u64 node;

	if (has_name(dentry) || !bpf_core_field_exists(struct dentry, d_u.d_alias))
		return has_name(dentry) ? dentry : 0;
	node = (u64)READ(struct inode, inode, i_dentry.first);
	for (int i = 0; i < NAMES_TRIED && node; i++) {
		dentry = node - bpf_core_field_offset(struct dentry, d_u.d_alias);
		if (has_name(dentry))
			return dentry;
		node = (u64)READ(struct hlist_node, node, next);
	}
	return 0;
}

static __always_inline void beneath_dentry(struct beneath *b, u64 dentry, u32 layer)
{
	u64 inode = dentry ? checked_dentry(dentry) : 0;

	if (b->inode || !inode)
		return;
	b->inode = inode;
	b->dentry = dentry;
	b->layer = layer;
}

static __always_inline void beneath_of(struct beneath *b, u64 inode)
{
	u64 at = inode + bpf_core_type_size(struct inode), second = READ_AT(u64, at + 8);

	b->inode = b->dentry = 0;
	b->layer = LOWER_NONE;
	beneath_dentry(b, READ_AT(u64, at), LOWER_UPPER);
	if (b->inode || !second)
		return;
	beneath_dentry(b, READ_AT(u64, second + 16), LOWER_LOWER);
	beneath_dentry(b, READ_AT(u64, at + 16), LOWER_LOWER);
	if (!b->inode && checked_inode(second)) {
		b->inode = second;
		b->layer = LOWER_LOWER;
	}
}

#endif
