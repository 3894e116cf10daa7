/* SPDX-License-Identifier: BSD-2-Clause */
/* What the running kernel has and how it is laid out, as far as CO-RE does not see to that: read from its types. */
#ifndef QUIS_RECORD_LAYOUT_H
#define QUIS_RECORD_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>
#include <bpf/btf.h>

/* io_uring_complete: (ring, user_data, result) in 5.10, then with flags; with the request from 5.17; (ring, request, entry) from 6.16 */
enum uring_layout { URING_NO_REQUEST, URING_PARTS, URING_ENTRY };

enum uring_layout layout_uring(const struct btf *btf);
/* Which argument of io_uring_submit_sqe is the request: (ring, request, ...) from 5.13; (request, ...) from 6.0 */
uint8_t layout_uring_request(const struct btf *btf);
/* ... of security_inode_setxattr the dentry: (dentry, ...); behind the idmap from 5.12 */
uint8_t layout_xattr_dentry(const struct btf *btf);
/* The kernel's flag REQ_F_..., a member of an enum without a name, which libbpf does not relocate; 0: it has none */
uint32_t layout_request_flag(const struct btf *btf, const char *name);
/* bpf_rdonly_cast(), from 6.2 */
bool layout_typed_loads(const struct btf *btf);

#endif
