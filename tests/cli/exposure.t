#!/bin/bash
# What was read, then sent: a product that is known to have done so, one that is known not to have, and real ones.
# shellcheck disable=SC2016,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
need_recording
find_python || skip_all "no python3"
command -v ip >/dev/null || skip_all "no ip (iproute2)"
cd "$T" || exit 1
export XDG_CONFIG_HOME=$T/config XDG_CACHE_HOME=$T/cache
mkdir -p data product config/quis
printf '[credentials]\npath %s/data/shadow = planted\n' "$T" >config/quis/classes.ini
head -c 1203 /dev/urandom >data/shadow
head -c 14000 /dev/urandom >data/a.docx
head -c 5001 /dev/urandom >data/b.pdf
head -c 7002 /dev/urandom >data/c.odt
ALL=$((1203 + 14000 + 5001 + 7002))
"${CC:-cc}" -O1 -o product/plant "$ROOT/tests/cli/plant.c" || { echo "Bail out! no plant"; exit 1; }

NS=quis-exposure-$$
ip netns add "$NS" || skip_all "no network namespace"
at_end "ip netns del $NS"
ip -n "$NS" link set lo up
ip -n "$NS" addr add 203.0.113.7/32 dev lo
background ip netns exec "$NS" "$PYTHON" -c '
import socket
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("203.0.113.7", 8080))
server.listen(8)
open("ready", "w").close()
while True:
    client, _ = server.accept()
    while client.recv(65536):
        pass
    client.send(b"ok")
    client.close()'
within 10 test -e ready

plant() { # CASE MODE
	"$QUIS" run -o "$1" -- ip netns exec "$NS" product/plant "$2" data "$T/helper.sock" 203.0.113.7 8080 >"$1.out" 2>"$1.err"
	is "$1: it ran" "$?:$(head -c 300 "$1.err" | grep -v '^quis')" 0:
	rm -f helper.sock
	report "$1"
}
# routes(CLASS): those on which files of the class were read; number(CLASS; KEY): of such a route
WORDS='def routes($class): .exposure[] | select(any(.classes[]; .class == $class));
def of($class): .classes[] | select(.class == $class);
def by($ways): select([.steps[].way] == $ways);'
tells() { jq -e "$WORDS $2" "$1.json" >/dev/null; }

plant sent send
ok "the report is as its schema says" "$PYTHON" -c 'import json, sys
try: import jsonschema
except ImportError: sys.exit(0)
jsonschema.validate(json.load(open("sent.json")), json.load(open(sys.argv[1])))' "$ROOT/userspace/analyse/report.schema.json"
HELPED='["unix socket", "network"]'
ok "credentials: read, given to the helper, sent: one way" tells sent "[routes(\"credentials\") | by($HELPED)] | length == 1"
ok "... one file, of 1203 bytes, whose order is known" tells sent "routes(\"credentials\") | by($HELPED) | of(\"credentials\") | .files == 1 and .files_then == 1 and .read_bytes == 1203"
ok "... three documents; of the one that was read again later too" tells sent "routes(\"documents\") | by($HELPED) | of(\"documents\") | .files == 3 and .files_then >= 2"
ok "... handed over: what the four hold, no byte more" tells sent "routes(\"credentials\") | by($HELPED) | .steps[0].bytes_most == $ALL"
ok "... sent: the same, to the server" tells sent "routes(\"credentials\") | by($HELPED) | .steps[1].bytes_most == $ALL and .destination.remote == \"203.0.113.7:8080\" and .destination.kind == \"network\""
ok "... all of it after the credentials" tells sent "routes(\"credentials\") | by($HELPED) | of(\"credentials\") | .sent_bytes == $ALL and .sent_bytes_most == $ALL"
ok "... in order" tells sent "routes(\"credentials\") | by($HELPED) | [of(\"credentials\").read_first, .steps[0].last, .steps[1].first] | . == sort"
ok "... two processes" tells sent "routes(\"credentials\") | by($HELPED) | .steps[0].process != .steps[1].process"
ok "sendfile: read, then sent, without a helper" tells sent 'routes("documents") | by(["network"]) | .sent_bytes_most == 5001'
ok "who handed what to whom" tells sent "[.handovers[] | select(.way == \"unix socket\")] | length == 1 and .[0].given_bytes == $ALL and .[0].taken_bytes == $ALL"
ok "no more ways than that to the server" tells sent '[routes("credentials").steps | map(.way)] | sort == [["network"], ["unix socket", "network"]]'
if jq -e '[.processes[].transfers // empty] | length > 0' sent.json >/dev/null; then
	ok "the kernel moved that one file, and no other" tells sent ".moved | length == 1 and .[0].path == \"$T/data/b.pdf\" and .[0].bytes == 5001 and .[0].at_most == false and .[0].remote == \"203.0.113.7:8080\""
	ok "text: the kernel moved it" bash -c '"$QUIS" report sent | grep -qE "the kernel moved 4\.9 KiB \(5001 B\) of .*/data/b\.pdf to 203\.0\.113\.7:8080 by "'
else
	skip "the kernel moved that one file" "no transfer facts"
fi
"$QUIS" report sent >text
ok "text: on the first screen" grep -qE '^  1 of credentials and keys, 3 of documents and pictures.*, read by plant\[[0-9]+\], which gave to plant\[[0-9]+\] \(unix socket\), which sent 26\.6 KiB to 203\.0\.113\.7:8080' text
ok "text: never that a file was sent" bash -c '! grep -qiE "sent the file|file was sent|exfiltrat|leaked" text'
"$QUIS" report sent --window 0.001 --format json >narrow.json
ok "--window: nothing of it within a millisecond of the helper's" bash -c 'jq -e "[.exposure[].window_ms] | all(. == 1)" narrow.json'
fails "--window: what is no time" 2 'seconds' "$QUIS" report sent --window soon
is "query: exposure" "$("$QUIS" query sent exposure --csv | grep -c 'credentials.*203.0.113.7:8080')" 2
ok "query: over several cases too, and in order" bash -c '"$QUIS" query sent sent exposure --csv | grep -q "credentials.*unix socket to plant\[[0-9]*\], then network" && ! "$QUIS" query sent sent exposure --csv | grep -q "network, then"'
is "query: handovers" "$("$QUIS" query sent handovers --csv | grep -c "unix socket.*$ALL")" 1
"$QUIS" timeline sent --format timesketch -o sent.jsonl 2>/dev/null
ok "timeline: what was read in time is tagged" bash -c 'jq -se "[.[] | select(.file_path // \"\" | endswith(\"/data/shadow\"))] | length > 0 and all(.tag | index(\"exposed\"))" sent.jsonl'
ok "timeline: in OCSF and CSV, too" bash -c '"$1" timeline "$2" --format ocsf | jq -se "[.[] | select(.file.path // \"\" | endswith(\"/data/shadow\")) | .unmapped[\"quis.exposed\"]] | length > 0 and all" && "$1" timeline "$2" --format csv 2>/dev/null | grep "/data/shadow" | grep -q ",exposed.\\?$"' sh "$QUIS" sent
ok "timeline: a library is not" bash -c 'jq -se "[.[] | select(.file_path // \"\" | endswith(\"/libc.so.6\"))] | length > 0 and all(.tag // [] | index(\"exposed\") | not)" sent.jsonl'
"$QUIS" report sent --format html -o sent.html
ok "HTML: the story, and the picture with its table" bash -c 'grep -q "id=\"exposure\"" sent.html && grep -q "<svg class=\"graph\"" sent.html && grep -q "The picture as a table" sent.html && grep -q "203.0.113.7:8080" sent.html'

# the helper is somebody else, who was not recorded
background ip netns exec "$NS" product/plant helper "$T/helper.sock" 203.0.113.7 8080
HELPER=$BG
within 10 test -S helper.sock
plant handed hand
ok "a helper that was not recorded: handed to it, and no further" tells handed "[routes(\"credentials\") | select(.destination.kind == \"process\")] | length == 1 and .[0].destination.pid == $HELPER and .[0].sent_bytes_most == $ALL"
ok "... what it sent is not told of" tells handed '[routes("credentials") | select(.destination.kind == "network") | .sent_bytes_most] == [5001]'
"$QUIS" report handed >text
ok "... text: it is not known what it did" grep -qE 'handed 26\.6 KiB to a process that was not recorded \(pid [0-9]+\) at .*/helper\.sock; what that one did with it is not known' text

# the open file instead of its content, to somebody who was not recorded: the giver never read it
cat >giver.py <<'END'
import os, socket, sys
to = socket.socket(socket.AF_UNIX)
to.connect("taker.sock")
socket.send_fds(to, [b"x"], [os.open(sys.argv[1], os.O_RDONLY)] * 2)
to.recv(1)
END
background "$PYTHON" -c '
import os, socket
here = socket.socket(socket.AF_UNIX)
here.bind("taker.sock")
here.listen(1)
giver, _ = here.accept()
for fd in socket.recv_fds(giver, 1, 4)[1]: os.read(fd, 100)
giver.send(b"x")'
TAKER=$BG
within 10 test -S taker.sock
"$QUIS" run -o given -- "$PYTHON" giver.py data/shadow >given.out 2>given.err
report given
ok "a descriptor given away: which file, to whom" tells given ".moved | length == 1 and .[0].way == \"descriptor\" and .[0].path == \"$T/data/shadow\" and .[0].peer_pid == $TAKER and .[0].calls == 2 and .[0].bytes == 0"
ok "... among what was handed over" tells given "[.handovers[] | select(.way == \"descriptor\")] | length == 1 and .[0].receiver.pid == $TAKER and (.[0].receiver.recorded | not) and .[0].files == 1"
ok "... with the process" tells given '[.processes[].transfers[]? | select(.descriptors)] | length == 1 and .[0].descriptors == 2 and .[0].bytes == 0'
"$QUIS" report given >text
ok "... text: on the first screen, and no byte claimed" grep -qE "python3[^ ]*\\[[0-9]+\\] handed .*/data/shadow itself, open, to a process that was not recorded \\(pid $TAKER\\) at .*taker.sock; what that one read of it is not known" text
"$QUIS" report given --format html -o given.html
ok "... HTML" grep -q 'data/shadow</code> itself, open, to a process that was not recorded' given.html
is "... query" "$("$QUIS" query given moved --csv | grep -c "data/shadow.*descriptor.*$TAKER")" 1
is "... and nobody handed it to who gave it" "$("$QUIS" query given handed --csv | grep -c data/shadow)" 0
"$QUIS" timeline given --format timesketch -o given.jsonl 2>/dev/null
ok "... timeline" bash -c 'jq -se "[.[] | select(.message | contains(\"handed over, open, \"))] | length >= 1 and all(.timestamp_desc | startswith(\"Open File Handed Over\"))" given.jsonl'

"$QUIS" run -o twice -- "$PYTHON" -c '
import array, os, socket
near, far = socket.socketpair()
fds = array.array("i", [os.open("data/shadow", os.O_RDONLY)])
near.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] * 2)' >twice.out 2>twice.err
report twice
ok "... of several control messages the first is told, and that there was more counts as lost" bash -c 'jq -e "(.completeness.exact | not) and ([.processes[].transfers[]?.descriptors // empty] == [1])" twice.json'

# of many processes of one program it is told which one was handed something, or how many of them
"$QUIS" run -o many -- sh -c 'for i in 1 2 3 4 5; do head -c 1 data/shadow; done; cat data/a.docx | head -c 14000' >many.out 2>many.err
report many
ok "many alike: who took out of the pipe is that one" bash -c 'jq -e "([.processes[] | select(.comm == \"head\" and .argv[2] == \"14000\") | .pid] | first) as \$pid | [.handovers[] | select(.way == \"pipe\")] | length == 1 and .[0].receiver.pid == \$pid" many.json'
ok "many alike: of those that were forked, how many" tells many '[.handovers[] | select(.way == "fork" and .receiver.comm == "head")] | all(.receiver | .processes == 6 and (has("pid") | not))'
"$QUIS" report many >text
ok "... text" grep -qE 'sh\[[0-9]+\] > head \(6 processes\)  fork' text

plant quiet quiet
ok "nothing sent after the reading: no claim" tells quiet '[routes("credentials"), routes("documents")] == []'
ok "... though it is known that they were read, and that something was sent" tells quiet '[.processes[].files[] | select(.class == "credentials")] | length == 1'
ok "... nothing was moved either" tells quiet '.moved == []'
"$QUIS" timeline quiet --format timesketch -o quiet.jsonl 2>/dev/null
ok "... and nothing is tagged" bash -c 'jq -se "[.[] | select(.file_path // \"\" | endswith(\"/data/shadow\"))] | length > 0 and all(.tag // [] | index(\"exposed\") | not)" quiet.jsonl'

# a real updater, of a mirror that has nothing but noise: what it sent are requests
if ! command -v freshclam >/dev/null; then
	skip "freshclam" "no freshclam (package clamav-freshclam)"
	finish
fi
mkdir -p mirror db "/etc/netns/$NS"
[ -e /etc/hosts ] || { : >/etc/hosts; at_end "rm -f /etc/hosts"; } # ip puts ours over it; a bare system has none
at_end "rm -rf /etc/netns/$NS; rmdir /etc/netns 2>/dev/null"
echo "203.0.113.7 mirror.test" >"/etc/netns/$NS/hosts"
for name in main daily bytecode; do head -c 3000 /dev/urandom >mirror/$name.cvd; done
background ip netns exec "$NS" "$PYTHON" -m http.server -d mirror -b 203.0.113.7 8081 >/dev/null 2>&1
within 10 ip netns exec "$NS" "$PYTHON" -c 'import socket; socket.create_connection(("203.0.113.7", 8081))'
printf '%s\n' "DatabaseDirectory $T/db" "DatabaseOwner root" "Foreground yes" "PrivateMirror http://mirror.test:8081" "ScriptedUpdates no" "MaxAttempts 1" >freshclam.conf
timeout 60 "$QUIS" run -o fresh -- ip netns exec "$NS" freshclam --config-file="$T/freshclam.conf" >fresh.out 2>fresh.err
report fresh
ok "freshclam: where it sent something, and how much" holds fresh '[.processes[].flows[] | select(.remote == "203.0.113.7:8081")] | length > 0 and (total(.sent_bytes) | . > 0 and . < 4096)'
ok "freshclam: by which name" tells fresh '[.exposure[].destination | select(.kind == "network") | .remote_name] | unique == ["mirror.test"]'
ok "freshclam: no foreign file, but for settings, was read before" holds fresh '[.exposure[].classes[].class] - ["configuration", "temporary"] == [] and .moved == []'
finish
