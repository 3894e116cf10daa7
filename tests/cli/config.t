#!/bin/bash
# The configuration file, its reload, and the service: quis-record.conf(5), quis-record.service.
# shellcheck disable=SC2016
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
need_root
cd "$T" || exit 1
RECORD=${QUIS%/*}/quis-record
UNIT=$ROOT/userspace/record/quis-record.service

conf() { cat >"$1.conf"; }

# ---- --check-config: each mistake with the file and the line ----
conf right <<END
# a comment
; another
  [case]
output = $T/case
examiner = J. Doe = "the examiner"
	compress	=	no

[follow]
path = $T/none
path=$T/tool
[sensor]
heartbeat = 2s
END
run "$RECORD" --check-config right.conf
is "a right file" "$RC:$(wc -c <err):$(cat out)" "0:0:right.conf: right; 6 keys, 2 to follow, the case is $T/case"
mistake() { # NAME LINE PATTERN; the file on stdin
	conf wrong
	fails "$1" 2 "wrong.conf:$2: .*($3)" "$RECORD" --check-config wrong.conf
}
mistake "an unknown section" 2 'no section is called \[files\]' <<<$'\n[files]'
mistake "an unknown key" 3 'unknown key paths in \[follow\]' <<<$'# x\n[follow]\npaths = /x'
mistake "a key of another section" 2 'examiner belongs into \[case\]' <<<$'[follow]\nexaminer = x'
mistake "a key before any section" 1 'no section' <<<'path = /x'
mistake "a section without an end" 1 'ends with \]' <<<'[case'
mistake "an empty line of a section" 1 'ends with \]' <<<'['
mistake "neither a section nor a key" 2 'neither.*nor' <<<$'[case]\noutput'
mistake "a key without a value" 2 'output has no value' <<<$'[case]\noutput ='
mistake "a key twice" 3 'second time \(first in line 2\)' <<<$'[case]\noutput = /a\noutput = /b'
mistake "a size that is none" 2 'not a size' <<<$'[case]\nsegment-size = huge'
mistake "a time that is none" 2 'not a time' <<<$'[sensor]\nheartbeat = soon'
mistake "neither yes nor no" 2 'neither yes nor no' <<<$'[case]\ncompress = maybe'
mistake "hooks of no known way" 2 'trampoline' <<<$'[sensor]\nhooks = sideways'
mistake "terminal escapes in what is wrong" 1 'x1b.31m' <<<$'[\e[31mred]'
mistake "a long line of nonsense" 1 'neither.*\.\.\.' <<<"$(head -c 100000 /dev/zero | tr '\0' x)"
printf '[case]\noutput = a\0b\n' >wrong.conf
fails "a file with NUL in it" 2 'wrong.conf: not a text file' "$RECORD" --check-config wrong.conf
head -c 2000000 /dev/zero | tr '\0' '\n' >wrong.conf
fails "a file of 2 MB" 2 'wrong.conf: larger than 1 MiB' "$RECORD" --check-config wrong.conf
fails "a directory" 2 '\.: not a file' "$RECORD" --check-config .
fails "no such file" 1 'none.conf: No such file' "$RECORD" --check-config none.conf
fails "no such unit" 1 'wrong.conf:2: --unit.*no such unit' bash -c 'printf "[follow]\nunit = quis-has-no-such.service\n" >wrong.conf; exec "$0" --check-config wrong.conf' "$RECORD"
fails "nothing to follow" 2 'needs a FLAG' bash -c 'printf "[case]\noutput = /x\n" >wrong.conf; exec "$0" --check-config wrong.conf' "$RECORD"
fails "no case" 2 'needs -o CASE' bash -c 'printf "[follow]\npath = /x\n" >wrong.conf; exec "$0" --check-config wrong.conf' "$RECORD"
fails "a wrong file: nothing is recorded" 2 'wrong.conf:1:' bash -c 'echo "[nonsense]" >wrong.conf; exec "$0" --config wrong.conf -o case --path /x' "$RECORD"
ok "after all this there is no case" test ! -e case
sed 's/^#path/path/' "$ROOT/userspace/record/quis-record.conf" >example.conf
run "$RECORD" --check-config example.conf
is "the file that is installed is right, once it names something to follow" "$RC:$(cat err)" 0:

# ---- the unit ----
if command -v systemd-analyze >/dev/null; then
	sed "s|@PREFIX@|$T|" "$UNIT" >quis-record.service && mkdir -p sbin && cp "$RECORD" sbin/
	score=$(systemd-analyze security --offline=true --no-pager ./quis-record.service 2>/dev/null | sed -n 's/.*exposure level.*: \([0-9.]*\) .*/\1/p')
	ok "systemd-analyze security: $score, below 2.0" awk -v score="${score:-10}" 'BEGIN { exit !(score < 2.0) }'
	is "systemd-analyze verify finds nothing but the missing manuals" "$(systemd-analyze verify ./quis-record.service 2>&1 | grep -v "Command 'man ")" ''
else
	skip "systemd-analyze security" "no systemd-analyze here"
fi
make -s -C "$ROOT" B="$B" DESTDIR="$T/root" PREFIX=/usr install >/dev/null 2>&1
is "make install: the unit calls what was installed" "$(sed -n 's/^ExecStart=\([^ ]*\) .*/\1/p' root/usr/lib/systemd/system/quis-record.service)" /usr/sbin/quis-record
ok "make install: manuals and example" test -s root/usr/share/man/man5/quis-record.conf.5 -a -s root/usr/share/quis/quis-record.conf
make -s -C "$ROOT" B="$B" DESTDIR="$T/root" PREFIX=/usr uninstall >/dev/null 2>&1
is "make uninstall leaves nothing" "$(find root -type f)" ''

can_record || [ "${CI:-}" = true ] || { skip "all the rest" "recording is not permitted here: $WHY"; finish; }

# ---- a recording by the file, as a service has it: with a manager that listens, and the unit's capabilities and no more ----
caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$UNIT" | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
cat >manager.py <<'END'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode(), flush=True)
END
background python3 manager.py "$T/manager" >told
within 10 test -S manager
cp /bin/cat tool && cp /bin/cat later && cp /bin/sleep sleeper && echo text >text
./sleeper 60 &
PIDS+=($!)
NOTIFY_SOCKET=$T/manager WATCHDOG_USEC=1500000 setpriv --bounding-set=-all,"$caps" "$RECORD" --config right.conf -v >rec.out 2>rec.err </dev/null &
sensor=$!
PIDS+=("$sensor")
ok "the manager is told when everything is attached" within 20 grep -qx READY=1 told
ok "... and that the sensor lives" within 5 grep -qx WATCHDOG=1 told
is "it is confined by then" "$(sed -n 's/^CapEff:\t0*//p' "/proc/$sensor/status")" "$(grep -q 'capabilities: yes: none' rec.err || echo 8000000000)"
./tool text >/dev/null
./later text >/dev/null
fact() { cat case/facts-*.ndjson | jq -c "select(.\"quis.fact\" == \"$1\") | $2" | tail -n "${3:-1}"; }
changed() { # PATTERN: the last config-change fact matches
	fact config-change '."quis.note"' | grep -qE -e "$1"
}
is "the digest of the file is in the first fact" "$(fact capture-start '."quis.config.sha256"')" "\"$(sha256sum <right.conf | cut -d' ' -f1)\""
is "what the file says is in it" "$(fact capture-start '."quis.case.examiner"')" '"J. Doe = \"the examiner\""'

sed -i "s|^path=.*|path = $T/later\npath = $T/sleeper|; s/^heartbeat.*/heartbeat = 1s/; s/^examiner.*/examiner = Somebody else/" right.conf
kill -HUP "$sensor"
ok "SIGHUP: what changed is a fact" within 5 changed "path no longer: $T/tool.*path now: $T/later.*path now: $T/sleeper"
ok "SIGHUP: what only a start takes up is named" changed 'only a new start takes up examiner'
is "SIGHUP: the new digest" "$(fact config-change '."quis.config.sha256"')" "\"$(sha256sum <right.conf | cut -d' ' -f1)\""
./tool text >/dev/null
./later text >/dev/null
echo '[nonsense]' >>right.conf
kill -HUP "$sensor"
ok "SIGHUP with a wrong file: it stays as it was, and is a fact" within 5 changed 'stays as it was: line [0-9]+: no section is called'
sed -i '$d' right.conf
kill -HUP "$sensor"
ok "SIGHUP without a change: a fact too" within 5 changed 'nothing changed'
sleep 1.2
ok "SIGHUP: the heartbeat of the new file" test "$(fact heartbeat 1 100 | wc -l)" -ge 1
kill -TERM "$sensor"
wait "$sensor"
is "the recording ends well" $? 0
ok "the manager is told that it ends" within 5 grep -qx STOPPING=1 told
report case
ok "nothing was lost" holds case '.completeness.exact'
is "what is no longer in the file was followed until then, what is new from then on" \
	"$(jq -r '[.processes[] | .exe.path | sub(".*/"; "")] | sort | join(" ")' case.json)" "later sleeper tool"
ok "what ran already is followed from then on" holds case 'any(.processes[]; .flagged_by == $flag and .exe.path == $path)' \
	--arg path "$T/sleeper" --arg flag "path:$T/sleeper"
if "$QUIS" --help 2>&1 | grep -q '^ *verify\|quis verify'; then
	run "$QUIS" verify case
	is "the case is intact" "$RC" 0
fi

# ---- a kernel before 6.2: libbpf would search its modules, which the unit may not ----
setpriv --bounding-set=-all,"$caps" "$RECORD" record --hide bpf_rdonly_cast -o old --path "$T/tool" >/dev/null 2>&1 </dev/null &
old=$!
PIDS+=("$old")
filters=2
if sanitized; then filters=1; fi
ok "libbpf is told that there are no modules: a filter beside that of the confinement" within 30 grep -q "^Seccomp_filters:.*$filters" "/proc/$old/status"
within 60 test -s old/facts-000001.ndjson
kill "$old"
wait "$old"
is "... and it records" "$?:$(sed -n '1s/.*"quis.fact":"\([a-z-]*\)".*/\1/p' old/facts-000001.ndjson)" 0:capture-start

# ---- the command line goes before the file ----
run timeout 20 "$RECORD" record --config right.conf -o other --duration 1s --examiner "Third"
is "an option goes before the file" "$RC:$(jq -r 'select(."quis.fact" == "capture-start") | ."quis.case.examiner"' other/facts-000001.ndjson)" 0:Third
finish
