/* SPDX-License-Identifier: BSD-2-Clause */
/* The beginning of a stream that may be a request: a name is plain, and a tunnel begins within what was given. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "names/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request request;

	if (http_parse(data, size, &request) != PARSED_NAME)
		return 0;
	must(request.name[0] && strlen(request.name) < NAME_SIZE);
	must(strspn(request.name, "abcdefABCDEFghijklmnopqrstuvwxyz0123456789-_.:[]") == strlen(request.name));
	must(request.tunnel <= size && (!request.tunnel || request.proxied));
	return 0;
}
