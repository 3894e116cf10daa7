/* SPDX-License-Identifier: BSD-2-Clause */
#include "query.h"

#include <string.h>

/* :pid is what --process gives; without it all processes. */
const struct named_query named_queries[] = {
	{"processes", "every process, with its program and what became of it",
		"SELECT host, pid, ppid, comm, executable, started, ended, exit_code, exit_signal, flagged_by FROM "
		"process"
		" WHERE :pid IS NULL OR pid = :pid ORDER BY host, started, id"},
	{"files-by-class", "what kinds of files were reached, and how much of them",
		"SELECT * FROM files_by_class ORDER BY host, read_bytes DESC"},
	{"foreign-files", "files read, mapped or written that are neither the system's nor lie beside the program",
		"SELECT * FROM foreign_files WHERE :pid IS NULL OR pid = :pid ORDER BY host, read_bytes DESC, path"},
	{"destinations", "where data went, under which name, by which program",
		"SELECT * FROM destinations WHERE :pid IS NULL OR pid = :pid ORDER BY host, sent_bytes DESC"},
	{"deeds", "everything that a process did, in order (--process PID)",
		"SELECT * FROM deeds WHERE :pid IS NULL OR pid = :pid ORDER BY host, time, sequence"},
	{"exposure", "what was read, then sent within the window, by class, and by which way round",
		"SELECT * FROM exposures WHERE :pid IS NULL OR pid = :pid ORDER BY host, read_first, sent_most DESC"},
	{"moved", "bytes of files that the kernel itself moved to a socket, and open files handed to processes that were not recorded",
		"SELECT * FROM moved_files WHERE :pid IS NULL OR pid = :pid ORDER BY host, first"},
	{"handovers", "who handed data to whom, over sockets, pipes, memory, files",
		"SELECT * FROM handovers WHERE :pid IS NULL OR giver_pid = :pid OR receiver_pid = :pid ORDER BY host, first"},
	{"handed", "who handed an open file to whom",
		"SELECT * FROM handed WHERE :pid IS NULL OR receiver = :pid ORDER BY host, first"},
	{"refused", "what could not be opened, and why",
		"SELECT p.host, p.pid, p.comm, a.path, a.errno, sum(a.failed) AS times FROM access AS a JOIN process "
		"AS p ON p.id = a.process"
		" WHERE a.failed AND (:pid IS NULL OR p.pid = :pid) GROUP BY a.process, a.path, a.errno ORDER BY 1, 6 "
		"DESC"},
	{"most-read", "the hundred files of which most was read",
		"SELECT f.host, f.path, f.class, sum(a.reads) AS reads, sum(a.read_bytes) AS read_bytes FROM access AS "
		"a JOIN file AS f ON f.id = a.file"
		" JOIN process AS p ON p.id = a.process WHERE :pid IS NULL OR p.pid = :pid GROUP BY f.id ORDER BY 5 "
		"DESC LIMIT 100"},
	{"actions", "renames, removals, permissions, ptrace ...: how often, by whom",
		"SELECT p.host, p.pid, p.comm, a.kind, a.outcome, count(*) AS times, min(a.time) AS first, max(a.time) "
		"AS last FROM action AS a"
		" JOIN process AS p ON p.id = a.process WHERE :pid IS NULL OR p.pid = :pid GROUP BY p.id, a.kind, "
		"a.outcome ORDER BY 1, 6 DESC"},
	{"gaps", "what is known to be missing",
		"SELECT host, first, last, what, count FROM gap ORDER BY host, coalesce(first, last)"},
	{"clock", "changes of the clock, and other notices of the sensor",
		"SELECT host, time, kind, note, realtime_ns, boottime_ns FROM notice WHERE kind <> 'heartbeat' ORDER "
		"BY host, sequence"},
	{"source", "where this comes from, and whether it could be verified",
		"SELECT c.host, c.case_id, c.started, c.ended, s.verified, s.verified_what, s.facts, s.bad_lines FROM "
		"capture AS c JOIN source AS s"
		" ON s.case_no = c.case_no ORDER BY c.case_no"},
	{NULL},
};

const struct named_query *find_named_query(const char *name)
{
	const struct named_query *query;

	for (query = named_queries; query->name; query++)
		if (!strcmp(query->name, name))
			return query;
	return NULL;
}
