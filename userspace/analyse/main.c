/* SPDX-License-Identifier: BSD-2-Clause */
#include "analyse.h"

#include <locale.h>
#include <string.h>

int main(int argc, char **argv)
{
	const struct command *command;

	setlocale(LC_CTYPE, "");
	/* One thread, and nobody asks how much memory SQLite has: no locks around each allocation. */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (argc < 2)
		return misused(NULL, "no command given");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return show_commands();
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("quis " QUIS_VERSION);
		return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
	}
	command = find_command(argv[1]);
	if (!command)
		return misused(NULL, "unknown %s '%s'", argv[1][0] == '-' ? "option" : "command", argv[1]);
	return command->run(command, argc - 1, argv + 1);
}
