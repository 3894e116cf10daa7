/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS messages, and what a local resolver says by varlink: whatever they hold, the names are plain. The first byte says
 * which it is. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "names/names.h"

static void check_name(const char *name)
{
	must(strlen(name) < NAME_SIZE);
	must(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(name));
}

static void take(const struct dns_answer *answer, void *context)
{
	must(answer->family == 4 || answer->family == 6);
	check_name(answer->name);
	check_name(answer->owner);
	++*(int *)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[NAME_SIZE];
	int answers = 0;

	if (!size)
		return 0;
	if (data[0] == 0)
		must((dns_parse(data + 1, size - 1, take, &answers) == PARSED_NAME) == (answers != 0));
	else if (data[0] == 1)
		must((varlink_answer(data + 1, size - 1, take, &answers) == PARSED_NAME) == (answers != 0));
	else if (varlink_question(data + 1, size - 1, name) == PARSED_NAME)
		check_name(name);
	return 0;
}
