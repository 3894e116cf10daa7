/* SPDX-License-Identifier: BSD-2-Clause */
#include "index.h"

/*
 * The comments are SQL: they stay in sqlite_schema, where `quis query` shows them. Times are RFC 3339 UTC with
 * nanoseconds, so that text order is time order. A value that is not known is NULL. _raw: the exact bytes in base64
 * where the text is not UTF-8.
 */
const char index_schema[] =
	"CREATE TABLE capture ( -- the session; one row\n"
	"  case_id TEXT, format INTEGER, tool_version TEXT, tool_sha256 TEXT, bpf_sha256 TEXT,\n"
	"  host TEXT, machine_id TEXT, boot_id TEXT, kernel TEXT, architecture TEXT,\n"
	"  hooks TEXT, -- trampoline or tracepoint\n"
	"  flags TEXT, -- JSON list: what is flagged\n"
	"  unseen TEXT, -- JSON list: what this session could not see\n"
	"  realtime_ns INTEGER, boottime_ns INTEGER, -- one pair, taken together\n"
	"  synchronised INTEGER, error_us INTEGER, timezone TEXT, config_sha256 TEXT, epoch_ms INTEGER,\n"
	"  case_number TEXT, examiner TEXT, note TEXT,\n"
	"  started TEXT, ended TEXT, end_reason TEXT, exit_status INTEGER);\n"
	"CREATE TABLE process ( -- one row a process: pid and start time together\n"
	"  id INTEGER PRIMARY KEY, entity TEXT NOT NULL UNIQUE, pid INTEGER, ppid INTEGER,\n"
	"  parent TEXT, -- entity of the parent, if that is flagged too\n"
	"  flagged_by TEXT, started TEXT, ended TEXT,\n"
	"  exit_code INTEGER, exit_signal INTEGER, -- one of them, once it has ended\n"
	"  images INTEGER NOT NULL DEFAULT 0, -- how often it was seen to exec, or running\n"
	"  -- from here on: as of its last image\n"
	"  comm TEXT, executable TEXT, executable_raw TEXT, executable_device TEXT, executable_inode TEXT, sha256 "
	"TEXT,\n"
	"  args TEXT, args_raw TEXT, args_truncated INTEGER, -- JSON lists\n"
	"  cwd TEXT, cwd_raw TEXT, uid INTEGER, gid INTEGER, cgroup TEXT, container TEXT);\n"
	"CREATE TABLE image ( -- what a process was: one row a fork, exec or snapshot\n"
	"  id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process, sequence INTEGER, time TEXT,\n"
	"  event TEXT, -- fork, exec, snapshot\n"
	"  started TEXT, ppid INTEGER, parent TEXT, flagged_by TEXT,\n"
	"  comm TEXT, executable TEXT, executable_raw TEXT, executable_device TEXT, executable_inode TEXT, sha256 "
	"TEXT,\n"
	"  args TEXT, args_raw TEXT, args_truncated INTEGER,\n"
	"  cwd TEXT, cwd_raw TEXT, uid INTEGER, gid INTEGER, cgroup TEXT, container TEXT);\n"
	"CREATE TABLE file ( -- one row an object (device, inode, generation); path and state as last seen\n"
	"  id INTEGER PRIMARY KEY, device TEXT, inode TEXT, generation INTEGER,\n"
	"  type TEXT, -- file, dir, device, pipe, memfd, other\n"
	"  path TEXT, path_raw TEXT, deleted INTEGER, truncated INTEGER, unreachable INTEGER,\n"
	"  lower_device TEXT, lower_inode TEXT); -- overlayfs: what lies beneath\n"
	"CREATE TABLE access ( -- one row a burst of one process on one file\n"
	"  id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process,\n"
	"  file INTEGER REFERENCES file, -- NULL: a refused open, which has no object\n"
	"  sequence INTEGER, first TEXT, last TEXT, path TEXT, path_raw TEXT,\n"
	"  path_from TEXT, -- kernel, or argument: as the process gave it\n"
	"  view TEXT, -- the path as the process saw it, where that differs\n"
	"  deleted INTEGER, truncated INTEGER, unreachable INTEGER,\n"
	"  how TEXT, -- JSON list: opened, inherited, received, fanotify, pidfd, executed, io_uring\n"
	"  handed_by TEXT, -- JSON list: who passed the descriptor\n"
	"  opens INTEGER NOT NULL, reads INTEGER NOT NULL, read_bytes INTEGER NOT NULL,\n"
	"  writes INTEGER NOT NULL, write_bytes INTEGER NOT NULL, maps INTEGER NOT NULL, mapped_bytes INTEGER NOT "
	"NULL,\n"
	"  lists INTEGER NOT NULL, failed INTEGER NOT NULL, errno TEXT);\n"
	"CREATE TABLE flow ( -- one row a burst on one socket with one remote end\n"
	"  id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process, sequence INTEGER,\n"
	"  flow_id TEXT, first TEXT, last TEXT, family TEXT, transport TEXT,\n"
	"  direction TEXT, -- egress, ingress\n"
	"  local TEXT, remote TEXT, peer_pid INTEGER, sends INTEGER NOT NULL, sent_bytes INTEGER NOT NULL,\n"
	"  receives INTEGER NOT NULL, received_bytes INTEGER NOT NULL, failed INTEGER NOT NULL, errno TEXT);\n"
	"CREATE TABLE action ( -- one thing done\n"
	"  id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process, sequence INTEGER, time TEXT,\n"
	"  kind TEXT, path TEXT, path_raw TEXT, target TEXT, target_raw TEXT, path_from TEXT,\n"
	"  detail TEXT, -- a JSON object\n"
	"  outcome TEXT, errno TEXT);\n"
	"CREATE TABLE name ( -- an address got a name\n"
	"  id INTEGER PRIMARY KEY, process INTEGER REFERENCES process, sequence INTEGER, time TEXT, address TEXT, name "
	"TEXT,\n"
	"  source TEXT, -- dns, sni, http\n"
	"  flow_id TEXT);\n"
	"CREATE TABLE stats ( -- the sensor's own counts, growing from the start; the last row is the sum\n"
	"  id INTEGER PRIMARY KEY, time TEXT, produced INTEGER, written INTEGER, merged INTEGER,\n"
	"  lost_records INTEGER, lost_map_full INTEGER, lost_missed_runs INTEGER, unresolved_paths INTEGER,\n"
	"  first_sequence INTEGER, last_sequence INTEGER);\n"
	"CREATE TABLE gap ( -- what is known to be missing; any row here makes the session inexact\n"
	"  id INTEGER PRIMARY KEY, first TEXT, last TEXT, what TEXT, count INTEGER);\n"
	"CREATE TABLE notice ( -- clock changes, configuration changes, heartbeats, keys\n"
	"  id INTEGER PRIMARY KEY, kind TEXT, sequence INTEGER, time TEXT, first TEXT, last TEXT, note TEXT,\n"
	"  realtime_ns INTEGER, boottime_ns INTEGER, public_key TEXT);\n";

const char index_schema_late[] = "CREATE INDEX access_process ON access (process, file);\n"
				 "CREATE INDEX image_process ON image (process);\n"
				 "CREATE INDEX flow_process ON flow (process, flow_id, remote);\n"
				 "CREATE INDEX action_process ON action (process);\n"
				 "CREATE INDEX name_flow ON name (flow_id);\n"
				 "CREATE INDEX name_address ON name (address);\n";

/*
 * A descriptor that no hook saw come, of a file that an ancestor had: it was inherited over fork or exec. The sensor states only what it
 * saw; this is a conclusion, so it is drawn here.
 */
const char index_inherited[] =
	"CREATE TEMP TABLE up (process INTEGER, ancestor INTEGER, PRIMARY KEY (process, ancestor)) WITHOUT ROWID;\n"
	"WITH RECURSIVE u (process, ancestor) AS ("
	" SELECT c.id, p.id FROM process AS c JOIN process AS p ON p.entity = c.parent"
	" UNION SELECT u.process, p.id FROM u JOIN process AS c ON c.id = u.ancestor JOIN process AS p ON p.entity = c.parent)"
	" INSERT INTO temp.up SELECT process, ancestor FROM u;\n"
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
