/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/layout.h"

#include <stdbool.h>
#include <string.h>

/* What a tracepoint tells (include/trace/events/), by the parameters of its BTF type, the first of which is no argument. */
static const struct btf_type *trace_parameters(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, id) : NULL;

	while (type && (btf_is_typedef(type) || btf_is_ptr(type)))
		type = btf__type_by_id(btf, type->type);
	return type && btf_is_func_proto(type) ? type : NULL;
}

static bool tells_pointer(const struct btf *btf, const struct btf_type *parameters, unsigned which)
{
	const struct btf_type *type = btf_vlen(parameters) > which ? btf__type_by_id(btf, btf_params(parameters)[which].type) : NULL;

	return type && btf_is_ptr(type);
}

enum uring_layout layout_uring(const struct btf *btf)
{
	const struct btf_type *parameters = trace_parameters(btf, "btf_trace_io_uring_complete");

	if (!parameters)
		return URING_NO_REQUEST;
	if (btf_vlen(parameters) > 5)
		return URING_PARTS;
	return tells_pointer(btf, parameters, 3) ? URING_ENTRY : URING_NO_REQUEST;
}

uint8_t layout_uring_request(const struct btf *btf)
{
	const struct btf_type *parameters = trace_parameters(btf, "btf_trace_io_uring_submit_sqe");

	return parameters && tells_pointer(btf, parameters, 2);
}

uint8_t layout_xattr_dentry(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "security_inode_setxattr", BTF_KIND_FUNC);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, btf__type_by_id(btf, id)->type) : NULL;

	return type && btf_vlen(type) > 5;
}

uint32_t layout_request_flag(const struct btf *btf, const char *name)
{
	uint32_t id, count = btf__type_cnt(btf);
	int i;

	for (id = 1; id < count; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (!btf_is_enum(type) || type->name_off)
			continue;
		for (i = 0; i < btf_vlen(type); i++)
			if (!strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off), name))
				return btf_enum(type)[i].val < 32 ? 1U << btf_enum(type)[i].val : 0;
	}
	return 0;
}

bool layout_typed_loads(const struct btf *btf)
{
	return btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
}
