#!/bin/bash
# quis-record closes itself in: DESIGN.md §6. What it must not be able to do is tried by itself, after it has confined itself; what it must
# still be able to do is recorded.
# shellcheck disable=SC2016
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
need_recording
cd "$T" || exit 1
RECORD=${QUIS%/*}/quis-record

landlocked() { "$RECORD" doctor --format json 2>/dev/null | jq -e 'any(.confinement[]; .protection == "landlock" and .in_effect)' >/dev/null; }

# ---- doctor ----
run "$RECORD" doctor
for protection in capabilities no-new-privileges seccomp landlock memory reader tried; do
	ok "doctor: a line for $protection" grep -qE "^  $protection +(yes|no): [^ ]" out
done
run "$RECORD" doctor --format json
is "doctor: the same in JSON" "$(jq -r '.confinement[].protection' out | tr '\n' ' ')" \
	"capabilities no-new-privileges seccomp landlock memory reader tried "
if sanitized; then skip "doctor: what was tried ended as it should" "a build with sanitizers has no seccomp filter"
elif ! landlocked; then skip "doctor: what was tried ended as it should" "no landlock on this kernel"
else is "doctor: what was tried ended as it should" "$(jq '.confinement[] | select(.protection == "tried") | .in_effect' out)" true; fi

# ---- in a recording ----
# Reading a status takes no privilege; the capabilities are as the kernel has them.
status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
cp /bin/sleep sleeper
mkdir -m 700 theirs && cp /bin/true theirs/secret && chmod 700 theirs/secret && chown -R 65534:65534 theirs
secret=$(sha256sum <theirs/secret | cut -d' ' -f1) old=$(sha256sum <sleeper | cut -d' ' -f1)

exec 8<>held
umask 0
record case --path "$T" --path /bin/true --try-confinement
sensor=$RECORDER
within 10 grep -q 'write in the case' case.err
reader=$(pgrep -P "$sensor" -x quis-reader)
ok "two processes: the recorder, and the reader" test -n "$reader"
tried() { # THAT... -> those that ended as they must not
	grep 'tried: ' case.err | sed -E 's/.*tried: //' | grep -vE ': (EPERM|EACCES) \(should be refused\)$|: done \(should work\)$'
}
ok "more than 40 things were tried" test "$(grep -c 'tried: ' case.err)" -gt 40
if sanitized || ! landlocked; then skip "all that was tried ended as it should" "no seccomp in this build, or no landlock on this kernel"
else is "all that was tried ended as it should" "$(tried)" ''; fi
for pid in "$sensor" "$reader"; do
	is "no new privileges ($(<"/proc/$pid/comm"))" "$(status_of "$pid" NoNewPrivs)" 1
	if sanitized; then skip "seccomp ($(<"/proc/$pid/comm"))" "a build with sanitizers"
	else is "seccomp ($(<"/proc/$pid/comm"))" "$(status_of "$pid" Seccomp)" 2; fi
	is "nothing to be had from the bounding set ($(<"/proc/$pid/comm"))" "$(status_of "$pid" CapBnd)$(status_of "$pid" CapInh)$(status_of "$pid" CapAmb)" \
		000000000000000000000000000000000000000000000000
	is "no core file ($(<"/proc/$pid/comm"))" "$(sed -n 's/^Max core file size *//p' "/proc/$pid/limits" | tr -s ' ')" "0 0 bytes "
	if sanitized; then skip "root without CAP_SYS_PTRACE cannot trace it" "a build with sanitizers"; continue; fi
	ok "root without CAP_SYS_PTRACE cannot trace it ($(<"/proc/$pid/comm"))" \
		bash -c '! timeout 5 setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace strace -p "$1" 2>&1 | tee /dev/stderr | grep -q attached' - "$pid"
done
# As the kernel accounts them. The scratch of processors beyond the second comes on top.
map_bytes() { # PID
	awk 'FNR == 1 { add() } { of[$1] = $2 } END { add(); print sum }
		function add() {
			if ("map_id:" in of && !(of["map_id:"] in seen)) sum += of["memlock:"] * (of["value_size:"] ~ /^6....$/ ? 4 / of["max_entries:"] : 1)
			seen[of["map_id:"]]; delete of
		}' /proc/"$1"/fdinfo/*
}
bytes=$(map_bytes "$sensor")
ok "its maps take 48 to 64 MiB: $bytes" test "$bytes" -gt $((48 << 20)) -a "$bytes" -lt $((64 << 20))
caps=$((16#$(status_of "$sensor" CapEff)))
is "the recorder has no capability, but CAP_BPF where map calls need it" $((caps & ~(1 << 39))) 0
is "the reader has CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE" "$(status_of "$reader" CapPrm)" 0000000000080004
is "no descriptor of the caller is left open" "$(find "/proc/$sensor/fd" "/proc/$reader/fd" -lname '*/held')" ''
is "the reader has its channel and nothing else" "$(find "/proc/$reader/fd" -mindepth 1 -printf '%f %l\n' | sort | grep -v '/dev/null$' | sed 's/:.*//')" '3 socket'
is "the case is closed to others" "$(stat -c %a case)" 700
is "and so are its files" "$(find case -type f ! -perm 600)" ''

# What needs privileges is still known: an executable that only its owner may read, one that was replaced while it ran.
theirs/secret
./sleeper 0
./sleeper 3 &
sleeper=$!
PIDS+=("$sleeper")
within 10 grep -q sleeper "/proc/$sleeper/comm"
rm sleeper && cp /bin/true sleeper && ./sleeper
sleep 1.2 # executables are hashed within a second
kill "$sleeper"
end_record case
is "the recording ends well" "$RC" 0
ok "nothing was lost" holds case '.completeness.exact'
ok "the hash of an executable that only its owner may read" holds case 'any(.processes[]; .exe.path == $path and .exe.sha256 == $hash)' \
	--arg path "$T/theirs/secret" --arg hash "$secret"
ok "the hash of an executable that was replaced, and of the one in its place" \
	holds case '[.processes[] | select(.exe.path == $path) | .exe.sha256 | values] | unique | length == 2 and any(. == $hash)' --arg path "$T/sleeper" --arg hash "$old"
if [ -n "$(findmnt -t cgroup2 -n)" ]; then ok "control groups are named" holds case 'all(.processes[]; .cgroup | startswith("/"))'
else skip "control groups are named" "no cgroup2 here"; fi
stats() { jq -r 'select(."quis.fact" == "stats") | '"$1" case/facts-*.ndjson | tail -n 1; }
is "the case says which protections were in effect, and which not" "$(stats '(."quis.confinement" + [."quis.unconfined"[]? | sub(":.*"; "")]) | sort | join(" ")')" \
	"capabilities landlock memory no-new-privileges reader seccomp"

# ---- nothing that a recording does is refused ----
if sanitized; then skip "nothing that a recording does is refused" "a build with sanitizers"
else
	strace -f -qq -o calls "$QUIS" run --segment-size 64K --compress -o traced -- sh -c 'for i in 1 2 3; do for n in $(seq 30); do cat "$0" >/dev/null; done; sleep 0.6; done' "$T/theirs/secret" 2>err
	confined=$(sed -n 's/^\([0-9]*\) .*seccomp(SECCOMP_SET_MODE_FILTER.*= 0$/\1/p' calls)
	ok "segments were sealed and compressed meanwhile" test -e traced/facts-000002.ndjson.zst
	is "the recorder and the reader confine themselves" "$(wc -w <<<"$confined")" 2
	for pid in $confined; do
		awk -v pid="$pid" '$1 == pid { if (on) print; if (/seccomp\(SECCOMP_SET_MODE_FILTER.*= 0$/) on = 1 }' calls >"calls.$pid"
		ok "what a confined process does was seen" test "$(wc -l <"calls.$pid")" -gt 10
		is "nothing that a recording does is refused" "$(grep -E '= -1 E(PERM|ACCES)' "calls.$pid")" ''
	done
fi

# ---- a case in a directory of somebody else ----
mkdir -m 700 foreign foreign/case && chown -R 65534:65534 foreign
run "$QUIS" run -v -o foreign/case -- true
is "a case in another user's directory" "$RC:$(grep -c 'dac_override' err)" 0:1
ok "it is whole" bash -c '"$1" report foreign/case --format json | jq -e .completeness.exact' - "$QUIS"

# ---- the reader is killed, or stopped ----
for signal in KILL STOP; do
	record "reader-$signal" --path "$T"
	within 10 pgrep -P "$RECORDER" -x quis-reader >/dev/null
	reader=$(pgrep -P "$RECORDER" -x quis-reader)
	kill "-$signal" "$reader"
	./sleeper
	sleep 1
	[ "$signal" = KILL ] || { within 10 gone "$reader" || sleep 5; }
	./sleeper
	end_record "reader-$signal"
	is "SIG$signal to the reader: the recording goes on" "$RC" 0
	ok "SIG$signal to the reader: what ran is there" holds "reader-$signal" '[.processes[] | select(.exe.path == $path)] | length == 2' --arg path "$T/sleeper"
	ok "SIG$signal to the reader: it is a gap" holds "reader-$signal" 'any(.completeness.gaps[]; .what | test("reads for quis-record"))'
	kill -KILL "$reader" 2>/dev/null
done
finish
