/* SPDX-License-Identifier: BSD-2-Clause */
/* The beginning of a stream that may be TLS: a name is plain, and what holds one does so however much comes behind. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "names/names.h"

static void check(const struct tls_hello *hello)
{
	must(hello->name[0] && strlen(hello->name) < NAME_SIZE);
	must(strspn(hello->name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(hello->name));
	must(strnlen(hello->alpn, ALPN_SIZE) < ALPN_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_hello hello, part;
	enum parsed whole = tls_stream_parse(data, size, &hello), half = tls_stream_parse(data, size / 2, &part);

	if (whole == PARSED_NAME)
		check(&hello);
	if (half == PARSED_NAME) {
		must(whole == PARSED_NAME && !strcmp(hello.name, part.name));
	} else if (half == PARSED_NOTHING) {
		must(whole == PARSED_NOTHING);
	}
	if (tls_hello_parse(data, size, &hello) == PARSED_NAME)
		check(&hello);
	return 0;
}
