/* SPDX-License-Identifier: BSD-2-Clause */
#include "analyse.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command commands[] = {
	{"run", command_handover, "[-o CASE] [OPTIONS] -- COMMAND [ARG...]",
		"record a command and all that it starts (root)", NULL},
	{"record", command_handover, "-o CASE FLAG... [--duration TIME]",
		"record what is flagged, running or still to come (root)", NULL},
	{"doctor", command_handover, "", "what this kernel lets the sensor hook (root)", NULL},
	{"report", command_report, "CASE [--format text|json|html] [-o FILE]",
		"which process read which file, and where it sent data",
		"  --format text|json|html   default: text; html: one file for a browser, which asks for nothing outside\n"
		"  -o FILE                   write there, not to stdout\n"
		"  --process PID             this process only\n"
		"  --class NAME              files of this class only: credentials, mail, documents ...\n"
		"  --top N                   text: so many files of each process (default: 20)\n"
		"  --all                     text: every file and action\n"
		"  --color auto|always|never text: default: auto\n"
		"  --window SECONDS          how long after a reading what is sent is told of with it (default: 2)\n"
		"  --force                   also a case that is not as it was sealed\n"
		"  --no-cache                read the case again\n"
		"  --location FILE           which database tells country and network owner of an address: libloc's or an mmdb (--mmdb);\n"
		"                            default: Debian's libloc-database, if installed; none: no database\n"},
	{"timeline", command_timeline, "CASE --format NAME [-o FILE]", "events in their order, in a form that other tools read",
		"  --format NAME             see below\n"
		"  -o FILE                   write there, not to stdout\n"
		"  --from TIME, --to TIME    only events at these times and between them; UTC, unless an offset is given\n"
		"  --process PID             only what this process did\n"
		"  --class NAME              only what was done to files of this class\n"
		"  --path-glob PATTERN       only what was done to paths like this (* ? [...]; * also stands for /)\n"
		"  --merge BODYFILE          with the file system times of the same inodes (fls -m, plaso)\n"
		"  --window SECONDS          how long after a reading what is sent is told of with it (default: 2)\n"
		"  --force                   also of a case that is not as it was sealed\n"
		"  --no-cache                read the case again\n"
		"  --location FILE           which database tells country and network owner of an address: libloc's or an mmdb (--mmdb);\n"
		"                            default: Debian's libloc-database, if installed; none: no database\n",
		list_timeline_formats},
	{"query", command_query, "CASE... 'SQL'|NAME", "SQL over a case or several, read-only",
		"  --format table|csv|json   default: table; --csv and --json for short\n"
		"  -o FILE                   write there, not to stdout\n"
		"  --list                    the queries that have a name\n"
		"  --process PID             for a query with a name: of this process only\n"
		"  --window SECONDS          how long after a reading what is sent is told of with it (default: 2)\n"
		"  --force                   also a case that is not as it was sealed\n"
		"  --no-cache                read the case again\n"
		"  --location FILE           which database tells country and network owner of an address: libloc's or an mmdb (--mmdb);\n"
		"                            default: Debian's libloc-database, if installed; none: no database\n"
		"The tables, with what they mean: quis query CASE .schema\n"},
	{"verify", command_verify, "CASE [--key FILE] [--since CHECKPOINT]", "whether a case is as it was sealed",
		"  --key FILE                the first key, as quis.pub was when it left the host\n"
		"  --since CHECKPOINT        an older checkpoint of the case that left the host\n"
		"  --proof LINE              a C2SP tlog-proof of one line: its number in the case, or SEGMENT:LINE\n"
		"  -o FILE                   write the proof there, not to stdout\n"
		"  --timestamp FILE          write a time-stamp query (RFC 3161) for the newest checkpoint\n"
		"  --timestamp-reply FILE    check the reply to it, and keep it in the case\n"
		"  --ca FILE                 the certificates that vouch for the time-stamping service\n"
		"Exit status: 0 intact; 1 altered or broken, and where; 2 cannot tell.\n"},
	{"inventory", command_inventory, "[--root DIR] [--plan | --since OLD.json]",
		"which security products are here, and on what evidence",
		"  --format text|json        default: text\n"
		"  -o FILE                   write there, not to stdout\n"
		"  --root DIR                a mounted image or another tree: its files, not what runs\n"
		"  --list                    the products that are known, and nothing else\n"
		"  --hash                    SHA-256 of the programs that are found\n"
		"  --io-limit MIB            read no faster than so many MiB a second (default: 64; 0: no limit)\n"
		"  --plan                    what removing them would touch, as a list; it removes nothing\n"
		"  --since OLD.json          what is gone since that inventory, what is left, what came; ends\n"
		"                            with 0 only if nothing is left of the products that were there\n"
		"  --seal DIR                also write it as a sealed case, for quis verify\n"
		"  --product NAME            --plan, --since: this one only\n"
		"  --case CASE               --plan: also what others ask of it, as a recording of it shows\n"
		"Not as root, it sees less, and says what.\n"},
	{"diff", command_diff, "CASE1 CASE2 [--format text|json|html]", "what was done in one recording and not in the other",
		"  --format text|json|html   default: text\n"
		"  -o FILE                   write there, not to stdout\n"
		"  --top N                   so many of each kind (text: default 20; html: 50 times that)\n"
		"  --all                     text, html: all of them\n"
		"  --force                   also cases that are not as they were sealed\n"},
	{"top", command_top, "[CASE] [--interval SECONDS]", "live view of a recording",
		"  --interval SECONDS        between two looks (default: 1)\n"
		"  --once                    how it is now, as text\n"
		"Without CASE it is the recording that runs on this machine. q or Ctrl-C ends it; the recording goes on.\n"},
	{"help", command_help, "[COMMAND]", "this, or how to use a command", NULL},
	{NULL},
};

const struct command *find_command(const char *name)
{
	const struct command *command;

	for (command = commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

int show_commands(void)
{
	const struct command *command;

	puts("quis shows what a security product read, how it got at it, and where it sent data.\n");
	for (command = commands; command->name; command++)
		printf("  quis %-8s %-42s %s\n", command->name, command->synopsis, command->summary);
	puts("\nExit status: 0 done, 1 failed, 2 wrong usage, 77 kernel or privileges do not allow it. See quis(1).");
	return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

int command_help(const struct command *command, int argc, char **argv)
{
	const struct command *wanted;

	if (argc < 2)
		return show_commands();
	wanted = find_command(argv[1]);
	if (!wanted)
		return misused(command, "no command '%s'", argv[1]);
	if (wanted->run == command_handover) {
		char *words[] = {argv[1], (char *)"--help", NULL};

		return command_handover(wanted, 2, words);
	}
	return show_help(wanted);
}

static void try_exec(const char *directory, const char *rest, char **argv)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s%s", directory, rest) < sizeof(path))
		execv(path, argv);
}

/* The sensor of our own build first: an installed one may be of another version. */
int command_handover(const struct command *command, int argc, char **argv)
{
	char own[PATH_MAX], *words[argc + 2];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);

	words[0] = (char *)"quis-record";
	memcpy(words + 1, argv, argc * sizeof(*argv));
	words[argc + 1] = NULL;
	if (len > 0) {
		const char *place;

		own[len] = '\0';
		place = dirname(own);
		try_exec(place, "/quis-record", words);
		if (errno == ENOENT)
			try_exec(place, "/../sbin/quis-record", words); /* installed below another prefix */
	}
	if (len <= 0 || errno == ENOENT)
		try_exec(QUIS_PREFIX, "/sbin/quis-record", words);
	if (errno == ENOENT)
		execvp(words[0], words);
	if (errno == ENOENT)
		return complain("'%s' needs quis-record, which is neither beside quis nor in %s/sbin nor in PATH",
			command->name, QUIS_PREFIX);
	return complain("cannot start quis-record: %s", strerror(errno));
}
