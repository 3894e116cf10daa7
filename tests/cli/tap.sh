# shellcheck shell=bash
# Shared by tests/cli/*.t: TAP, a directory of its own for each test, and an end that leaves nothing behind.
# A check is a command that succeeds: ok NAME COMMAND [ARG...]

ROOT=${ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
B=${B:-build}
QUIS=${QUIS:-$ROOT/$B/quis}
export ROOT B QUIS
T=$(cd "$(mktemp -d "${TMPDIR:-/tmp}/quis-test.XXXXXX")" && pwd -P)
TESTS=0 BROKEN=0
declare -a PIDS=() AT_END=()

# Ends what `background` started, undoes what `at_end` named (the last first), removes the directory.
clean_up() {
	local pid i
	trap - EXIT
	for pid in ${PIDS[@]+"${PIDS[@]}"}; do kill -9 "$pid" 2>/dev/null; done
	for pid in ${PIDS[@]+"${PIDS[@]}"}; do wait "$pid" 2>/dev/null; done
	for ((i = ${#AT_END[@]} - 1; i >= 0; i--)); do eval "${AT_END[i]}"; done
	rm -rf "$T"
}
trap clean_up EXIT
trap 'exit 143' INT TERM HUP
[ -x "$QUIS" ] || { echo "Bail out! no $QUIS (make)"; exit 1; }

at_end() { AT_END+=("$*"); }

result() { # STATUS NAME
	TESTS=$((TESTS + 1))
	if [ "$1" = 0 ]; then
		echo "ok $TESTS - $2"
	else
		BROKEN=$((BROKEN + 1))
		echo "not ok $TESTS - $2"
	fi
}

note() { printf '%s\n' "$*" | cut -c1-300 | head -n 20 | sed 's/^/#   /'; }

ok() { # NAME COMMAND...
	local name=$1 said rc=0
	shift
	said=$("$@" 2>&1) || rc=$?
	result "$rc" "$name"
	[ "$rc" = 0 ] || note "status $rc: $*${said:+$'\n'$said}"
}

is() { # NAME GOT EXPECTED
	[ "$2" = "$3" ]
	result $? "$1"
	[ "$2" = "$3" ] || note "got:      $2"$'\n'"expected: $3"
}

skip() { # NAME WHY
	TESTS=$((TESTS + 1))
	echo "ok $TESTS - $1 # SKIP $2"
}

skip_all() { # WHY
	echo "1..0 # SKIP $*"
	exit 0
}

finish() {
	echo "1..$TESTS"
	[ "$BROKEN" = 0 ]
	exit
}

# Runs a command with its output in $T/out and $T/err and its status in RC.
run() { # COMMAND...
	RC=0
	"$@" >"$T/out" 2>"$T/err" </dev/null || RC=$?
}

# Exactly one line, ended, without control characters, not longer than a screen is wide twice.
one_line() { # FILE [PATTERN]
	local lines
	lines=$(wc -l <"$1")
	[ "$lines" = 1 ] || { echo "$lines lines, not one: $(head -c 300 "$1")"; return 1; }
	[ "$(tail -c 1 "$1" | od -An -tx1)" = " 0a" ] || { echo "the line has no end"; return 1; }
	! grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$1" || { echo "control characters"; return 1; }
	[ -z "${2:-}" ] || grep -qE -e "$2" "$1" || { echo "no match for /$2/: $(head -c 300 "$1")"; return 1; }
}

# A command that must end with STATUS, say one line on stderr that matches PATTERN, and nothing on stdout.
fails() { # NAME STATUS PATTERN COMMAND...
	local name=$1 status=$2 pattern=$3 why
	shift 3
	run timeout -k 1 30 "$@"
	why=$({
		[ "$RC" = "$status" ] || echo "status $RC, expected $status"
		[ ! -s "$T/out" ] || echo "stdout: $(head -c 200 "$T/out")"
		one_line "$T/err" "$pattern"
	} 2>&1)
	[ -z "$why" ]
	result $? "$name"
	[ -z "$why" ] || note "$*"$'\n'"$why"
}

# Starts a command whose pid is BG; it is ended with the test.
background() { # COMMAND...
	"$@" &
	BG=$!
	PIDS+=("$BG")
}

# Waits for a command to succeed; false when SECONDS are over first.
within() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# A build with sanitizers has no seccomp filter (their runtime makes calls of its own), and says so.
sanitized() { grep -q __asan_init "${QUIS%/*}/quis-record"; }

gone() { ! kill -0 "$1" 2>/dev/null; }

# Starts `quis record` with its pid in RECORDER, and waits until it records.
record() { # CASE OPTIONS...
	local case=$1
	shift
	"$QUIS" record -o "$case" "$@" >"$case.out" 2>"$case.err" </dev/null &
	RECORDER=$!
	PIDS+=("$RECORDER")
	# the first facts are written when everything is attached and what runs already has been looked at
	within 20 test -s "$case/facts-000001.ndjson" || { note "the recording does not start: $(cat "$case.err")"; return 1; }
}

# Ends the recording as a user would; its status in RC, its report in CASE.json.
end_record() { # CASE
	kill -TERM "$RECORDER" 2>/dev/null
	RC=0
	wait "$RECORDER" || RC=$?
	report "$1"
}

report() { # CASE
	"$QUIS" report "$1" --format json -o "$1.json" 2>"$1.report" || { note "report: $(cat "$1.report")"; return 1; }
}

# Something about a report: a jq expression that must be true. P and N are at hand as $p and $n.
holds() { # CASE EXPRESSION [JQ OPTIONS...]
	local case=$1 expression=$2
	shift 2
	jq -e "$@" "$JQ_WORDS $expression" "$case.json" >/dev/null
}

# Words for expressions. files(F): the files of a path in all processes; sum(F; K): the sum of a counter over them.
# shellcheck disable=SC2016
JQ_WORDS='
def files($path): [.processes[].files[] | select(.path == $path)];
def files_of($pid; $path): [.processes[] | select(.pid == $pid) | .files[] | select(.path == $path)];
def total(key): map(key) | add // 0;
def named($comm): [.processes[] | select(.comm == $comm)];
'

# Only a plain no of the sensor counts as one; if it fails otherwise, the tests shall fail.
can_record() {
	local rc=0
	WHY=$("$QUIS" run -o "$T/can" -- true 2>&1) || rc=$?
	rm -rf "$T/can"
	[ "$rc" != 77 ]
}

need_root() { [ "$(id -u)" = 0 ] || skip_all "not root, so nothing can be recorded"; }

need_recording() {
	need_root
	can_record || [ "${CI:-}" = true ] || skip_all "recording is not permitted here: $WHY"
}

# The interpreter itself: a wrapper found first in PATH would be a process more.
find_python() { PYTHON=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null); }
