/* SPDX-License-Identifier: BSD-2-Clause */
#include "index.h"

/*
 * The comments are SQL: they stay in sqlite_schema, where `quis query` shows them. Times are RFC 3339 UTC with
 * nanoseconds, so that text order is time order. A value that is not known is NULL. _raw: the exact bytes in base64
 * where the text is not UTF-8.
 */
const char index_schema[] =
	"CREATE TABLE capture ( -- the recording: one row for each time that the sensor began\n"
	"  id INTEGER PRIMARY KEY, sequence INTEGER, case_id TEXT, ecs_version TEXT, format INTEGER, "
	"tool_version TEXT, tool_sha256 TEXT, bpf_sha256 TEXT,\n"
	"  host TEXT, machine_id TEXT, boot_id TEXT, kernel TEXT, architecture TEXT,\n"
	"  hooks TEXT, -- trampoline or tracepoint\n"
	"  flags TEXT, -- JSON list: what is flagged\n"
	"  unseen TEXT, -- JSON list: what this session could not see\n"
	"  may_be_unseen TEXT, -- JSON list: what these hooks may leave unseen\n"
	"  realtime_ns INTEGER, boottime_ns INTEGER, -- one pair, taken together\n"
	"  synchronised TEXT, error_us INTEGER, timezone TEXT, config_sha256 TEXT, epoch_ms INTEGER,\n"
	"  case_number TEXT, examiner TEXT, note TEXT,\n"
	"  started TEXT, ended TEXT, end_reason TEXT, exit_status INTEGER,\n"
	"  extra TEXT); -- here and below: a JSON object of the fact's keys that this version does not "
	"know\n"
	"CREATE TABLE process ( -- one row a process: pid and start time together\n"
	"  id INTEGER PRIMARY KEY, entity TEXT NOT NULL UNIQUE, pid INTEGER, ppid INTEGER,\n"
	"  parent TEXT, -- entity of the parent, if that is flagged too\n"
	"  flagged_by TEXT, started TEXT, ended TEXT,\n"
	"  exit_code INTEGER, exit_signal INTEGER, -- one of them, once it has ended\n"
	"  images INTEGER NOT NULL DEFAULT 0, -- how often it was seen to exec, or running\n"
	"  -- from here on: as of its last image\n"
	"  comm TEXT, executable TEXT, executable_raw TEXT, executable_device TEXT, executable_inode "
	"TEXT, sha256 TEXT,\n"
	"  args TEXT, args_raw TEXT, args_truncated INTEGER, -- JSON lists\n"
	"  cwd TEXT, cwd_raw TEXT, uid INTEGER, gid INTEGER, cgroup TEXT, container TEXT);\n"
	"CREATE TABLE image ( -- what a process was: one row a fork, exec or snapshot\n"
	"  id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process, sequence INTEGER, time "
	"TEXT,\n"
	"  event TEXT, -- fork, exec, snapshot\n"
	"  started TEXT, ppid INTEGER, parent TEXT, flagged_by TEXT,\n"
	"  comm TEXT, comm_raw TEXT, executable TEXT, executable_raw TEXT, executable_device TEXT, "
	"executable_inode TEXT, sha256 TEXT,\n"
	"  args TEXT, args_raw TEXT, args_count INTEGER, args_truncated INTEGER,\n"
	"  script TEXT, script_raw TEXT, -- run by the executable\n"
	"  cwd TEXT, cwd_raw TEXT, uid INTEGER, gid INTEGER, cgroup TEXT, container TEXT, extra TEXT);\n"
	"CREATE TABLE ending ( -- one row the end of a process\n"
	"  id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process, sequence INTEGER, time "
	"TEXT, comm TEXT, comm_raw TEXT,\n"
	"  ended TEXT, exit_code INTEGER, exit_signal INTEGER, extra TEXT);\n"
	"CREATE TABLE file ( -- one row an object (device, inode, generation); path and state as last "
	"seen\n"
	"  id INTEGER PRIMARY KEY, device TEXT, inode TEXT, generation INTEGER,\n"
	"  type TEXT, -- file, dir, device, pipe, memfd, other\n"
	"  path TEXT, path_raw TEXT, deleted INTEGER, truncated INTEGER, unreachable INTEGER,\n"
	"  lower_device TEXT, lower_inode TEXT, -- overlayfs: what lies beneath\n"
	"  class TEXT); -- by its path: credentials, mail, documents ...; other\n"
	"CREATE TABLE access ( -- one row a burst of one process on one file\n"
	"  id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process,\n"
	"  file INTEGER REFERENCES file, -- NULL: a refused open, which has no object\n"
	"  sequence INTEGER, first TEXT, last TEXT, comm TEXT, comm_raw TEXT, path TEXT, path_raw TEXT,\n"
	"  path_from TEXT, -- kernel, or argument: as the process gave it\n"
	"  view TEXT, -- the path as the process saw it, where that differs\n"
	"  deleted INTEGER, truncated INTEGER, unreachable INTEGER,\n"
	"  how TEXT, -- JSON list: opened, inherited, received, fanotify, pidfd, executed, io_uring\n"
	"  events TEXT, -- JSON list: what a fanotify event told of\n"
	"  handed_by TEXT, -- JSON list: who passed the descriptor\n"
	"  opens INTEGER NOT NULL, reads INTEGER NOT NULL, read_bytes INTEGER NOT NULL,\n"
	"  writes INTEGER NOT NULL, write_bytes INTEGER NOT NULL, maps INTEGER NOT NULL, mapped_bytes "
	"INTEGER NOT NULL,\n"
	"  lists INTEGER NOT NULL, failed INTEGER NOT NULL, errno TEXT, extra TEXT);\n"
	"CREATE TABLE flow ( -- one row a burst on one socket with one remote end\n"
	"  id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process, sequence INTEGER,\n"
	"  first TEXT, last TEXT, comm TEXT, comm_raw TEXT, flow_id TEXT, family TEXT, transport TEXT, "
	"network_type TEXT,\n"
	"  direction TEXT, -- egress, ingress\n"
	"  local TEXT, local_raw TEXT, remote TEXT, remote_raw TEXT,\n"
	"  source_ip TEXT, source_port INTEGER, destination_ip TEXT, destination_port INTEGER, -- "
	"source: who began\n"
	"  listening INTEGER, peer_pid INTEGER, sends INTEGER NOT NULL, sent_bytes INTEGER NOT NULL,\n"
	"  receives INTEGER NOT NULL, received_bytes INTEGER NOT NULL, failed INTEGER NOT NULL, errno "
	"TEXT, extra TEXT);\n"
	"CREATE TABLE action ( -- one thing done, or several alike (detail has a count)\n"
	"  id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process, sequence INTEGER, time "
	"TEXT, first TEXT, last TEXT,\n"
	"  comm TEXT, comm_raw TEXT, kind TEXT, path TEXT, path_raw TEXT, target TEXT, target_raw TEXT, "
	"path_from TEXT,\n"
	"  detail TEXT, -- a JSON object\n"
	"  outcome TEXT, errno TEXT, extra TEXT);\n"
	"CREATE TABLE name ( -- an address got a name\n"
	"  id INTEGER PRIMARY KEY, process INTEGER REFERENCES process, sequence INTEGER, time TEXT, comm "
	"TEXT, comm_raw TEXT, address TEXT, name TEXT,\n"
	"  source TEXT, -- dns, sni, http\n"
	"  flow_id TEXT, extra TEXT);\n"
	"CREATE TABLE stats ( -- the sensor's own counts, growing from the start; the last row is the sum\n"
	"  id INTEGER PRIMARY KEY, sequence INTEGER, time TEXT, produced INTEGER, written INTEGER, "
	"merged INTEGER,\n"
	"  lost_records INTEGER, lost_map_full INTEGER, lost_missed_runs INTEGER, unresolved_paths "
	"INTEGER,\n"
	"  first_sequence INTEGER, last_sequence INTEGER, extra TEXT);\n"
	"CREATE TABLE gap ( -- what is known to be missing; any row here makes the session inexact\n"
	"  id INTEGER PRIMARY KEY, sequence INTEGER, -- NULL: found while the case was read, and no fact "
	"of it\n"
	"  time TEXT, first TEXT, last TEXT, what TEXT, count INTEGER, extra TEXT);\n"
	"CREATE TABLE notice ( -- clock changes, configuration changes, heartbeats, keys\n"
	"  id INTEGER PRIMARY KEY, kind TEXT, sequence INTEGER, time TEXT, first TEXT, last TEXT, note "
	"TEXT,\n"
	"  realtime_ns INTEGER, boottime_ns INTEGER, public_key TEXT, extra TEXT);\n"
	"CREATE TABLE finish ( -- one row an orderly end of the recording\n"
	"  id INTEGER PRIMARY KEY, sequence INTEGER, time TEXT, reason TEXT, exit_status INTEGER, unseen TEXT, "
	"extra TEXT);\n"
	"CREATE TABLE clock ( -- what was added to boot time to make the times of the facts from this "
	"sequence number on\n"
	"  sequence INTEGER, offset_ns INTEGER);\n"
	"CREATE TABLE source ( -- where this index comes from, and whether it could be verified\n"
	"  format INTEGER, verified TEXT, verified_what TEXT, bad_lines INTEGER, first_segment INTEGER, "
	"first_line INTEGER, first_what TEXT, facts INTEGER);\n";

const char index_schema_late[] = "CREATE INDEX access_process ON access (process, file);\n"
				 "CREATE INDEX image_process ON image (process);\n"
				 "CREATE INDEX flow_process ON flow (process, flow_id, remote);\n"
				 "CREATE INDEX action_process ON action (process);\n"
				 "CREATE INDEX name_flow ON name (flow_id);\n"
				 "CREATE INDEX name_address ON name (address);\n";

/*
 * A descriptor that no hook saw come, of a file that an ancestor had: it was inherited over fork or exec. The sensor states only what it
 * saw; this is a conclusion, so it is drawn here. Up to 32 ancestors: a forged chain of forks must not fill the disk.
 */
const char index_inherited[] =
	"CREATE TEMP TABLE up (process INTEGER, ancestor INTEGER, PRIMARY KEY (process, ancestor)) WITHOUT ROWID;\n"
	"WITH RECURSIVE u (process, ancestor, depth) AS ("
	" SELECT c.id, p.id, 1 FROM process AS c JOIN process AS p ON p.entity = c.parent"
	" UNION ALL SELECT u.process, p.id, depth + 1 FROM u JOIN process AS c ON c.id = u.ancestor JOIN process AS p ON p.entity = c.parent"
	" WHERE depth < 32)"
	" INSERT OR IGNORE INTO temp.up SELECT process, ancestor FROM u;\n"
	"UPDATE access SET how = '[\"inherited\"]' WHERE how IS NULL AND file IS NOT NULL"
	" AND NOT EXISTS (SELECT 1 FROM access AS b WHERE b.process = access.process AND b.file = access.file"
	" AND b.how IS NOT NULL)"
	" AND EXISTS (SELECT 1 FROM temp.up JOIN access AS b ON b.process = up.ancestor AND b.file = access.file"
	" WHERE up.process = access.process);\n"
	"DROP TABLE temp.up;\n";

/*
 * Bursts that were open when the sensor died. One that it had just written for good as well, before it could say so here, counts once.
 */
const char index_open_begin[] =
	"CREATE TEMP TABLE closed AS SELECT (SELECT coalesce(max(id), 0) FROM access) AS access,"
	" (SELECT coalesce(max(id), 0) FROM flow) AS flow;\n";
const char index_open_end[] =
	"DELETE FROM access WHERE id > (SELECT access FROM temp.closed) AND EXISTS (SELECT 1 FROM access AS c"
	" WHERE c.process = access.process AND c.file = access.file AND c.first = access.first"
	" AND c.id <= (SELECT access FROM temp.closed));\n"
	"DELETE FROM flow WHERE id > (SELECT flow FROM temp.closed) AND EXISTS (SELECT 1 FROM flow AS c"
	" WHERE c.process = flow.process AND c.flow_id = flow.flow_id AND c.remote IS flow.remote AND c.first = flow.first"
	" AND c.id <= (SELECT flow FROM temp.closed));\n"
	"DROP TABLE temp.closed;\n";

/*
 * More files than the loader remembers (INTERN_MAX) got a row at each coming: they become one, with the first number and what was last
 * seen. ?1 is the greatest number that it remembered.
 */
const char index_merge_files[] =
	"CREATE TEMP TABLE same AS SELECT device, inode, coalesce(generation, 0) AS generation, min(id) AS keep, max(id) AS latest"
	" FROM file WHERE id > %1$d GROUP BY 1, 2, 3 HAVING count(*) > 1;\n"
	"CREATE TEMP TABLE other (id INTEGER PRIMARY KEY, keep INTEGER);\n"
	"INSERT INTO temp.other SELECT f.id, s.keep FROM file AS f JOIN temp.same AS s ON f.device = s.device AND f.inode = s.inode"
	" AND coalesce(f.generation, 0) = s.generation WHERE f.id > %1$d AND f.id <> s.keep;\n"
	"UPDATE access SET file = o.keep FROM temp.other AS o WHERE access.file > %1$d AND access.file = o.id;\n"
	"UPDATE file SET type = l.type, path = l.path, path_raw = l.path_raw, deleted = l.deleted, truncated = l.truncated,"
	" unreachable = l.unreachable, class = l.class FROM temp.same AS s JOIN file AS l ON l.id = s.latest WHERE file.id = s.keep;\n"
	"DELETE FROM file WHERE id IN (SELECT id FROM temp.other);\n"
	"DROP TABLE temp.other; DROP TABLE temp.same;\n";

const char index_views[] = "";
