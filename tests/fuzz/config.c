/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration file: taken or refused with a line, what is said of it is one harmless line, and it equals itself.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "record/record.h"

static void must_be_plain(const char *text)
{
	char plain[1024];

	must(strlen(text) < sizeof(((struct config_error *)0)->what));
	text_plain(plain, sizeof(plain), text, strlen(text));
	must(!strncmp(plain, text, strlen(plain)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config = {.count = 0}, again;
	struct config_error error = {.line = 0};
	char changes[64];
	size_t i;

	if (config_parse(&config, (const char *)data, size, &error)) {
		must(error.what[0] && error.line <= size + 1 && !config.count);
		must_be_plain(error.what);
		return 0;
	}
	for (i = 0; i < config.count; i++)
		must(config.entries[i].value[0] && config.entries[i].line &&
			(!i || config.entries[i].line > config.entries[i - 1].line));
	must(!config_parse(&again, (const char *)data, size, &error) && again.count == config.count);
	must(!config_compare(&config, &again, changes, sizeof(changes)) && !changes[0]);
	config_done(&config);
	config_done(&again);
	return 0;
}
